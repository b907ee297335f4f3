//! What stands before a record's value, or beside it, and says which schema the value was written with.
//!
//! Three forms are read:
//!
//! - **Prefix**: a byte 0, the schema's ID as four bytes big-endian, then the value. Every client of a Confluent schema
//!   registry reads it, and it is what this crate's producers write. (Confluent documentation, "Wire format".)
//! - **Header**: the record header [`VALUE_SCHEMA_ID`] holds a byte 1 and the 16 bytes of the schema's GUID, or a byte 0
//!   and the four bytes of its ID; the value is bare. Confluent's serializers of 2025 and later write it when told to
//!   (`HeaderSchemaIdSerializer`). Where the header is there it counts, and the value has no prefix, as Confluent's
//!   `DualSchemaIdDeserializer` has it.
//! - **Single object**: Avro's own form, bytes C3 01 and the CRC-64-AVRO fingerprint of the schema, the lowest byte first
//!   (Avro 1.12 specification, "Single-object encoding"). Its first byte tells it from the prefix. Producers without a
//!   registry write it, and this crate's do when [asked to](Framing::SingleObject).
//!
//! Writing the header form is left out, because older consumers cannot read it. Errors here know the bytes only: topic,
//! partition and offset are added by whoever has the record.

use fleetops_avro::{Schema, single_object};
use thiserror::Error;
use uuid::Uuid;

/// The record header that names the schema of the value.
pub const VALUE_SCHEMA_ID: &str = "__value_schema_id";

/// The record header that names the schema of the key.
pub const KEY_SCHEMA_ID: &str = "__key_schema_id";

/// Bytes before the value in the prefix form.
pub const PREFIX_LENGTH: usize = 5;

const MAGIC_ID: u8 = 0;
const MAGIC_GUID: u8 = 1;

/// What a producer puts before each value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// Confluent's: a byte 0 and the registry's ID of the schema. What clients of a schema registry expect.
    #[default]
    Confluent,
    /// Avro's single-object encoding: C3 01 and the fingerprint of the schema. For consumers that know schemas by their
    /// fingerprints; those that expect Confluent's framing cannot read it.
    SingleObject,
}

impl Framing {
    /// What stands before every value of that schema, whose ID in the registry is `id`.
    pub fn prefix(self, id: u32, schema: &Schema) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Confluent => put(&mut out, id),
            Self::SingleObject => single_object::put_header(schema, &mut out),
        }
        out
    }
}

/// What a record calls its schema by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SchemaId {
    /// The number that the registry gave it: `GET /schemas/ids/{id}`.
    Id(u32),
    /// A name made from its content, the same in every registry: `GET /schemas/guids/{guid}`.
    Guid(Uuid),
    /// The CRC-64-AVRO fingerprint of its parsing canonical form. No registry finds a schema by it; the versions of a
    /// topic's subject are compared.
    Fingerprint(u64),
}

impl std::fmt::Display for SchemaId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "schema ID {id}"),
            Self::Guid(guid) => write!(f, "schema GUID {guid}"),
            Self::Fingerprint(fingerprint) => write!(f, "schema fingerprint {fingerprint:016x}"),
        }
    }
}

/// A record whose value, or schema header, is not framed as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FramingError {
    /// Too short to hold the prefix.
    #[error(
        "the value has {length} byte(s), fewer than the 5 of Confluent's framing; it was written by a client that uses \
         no schema registry"
    )]
    TooShort {
        /// Bytes in the value.
        length: usize,
    },
    /// The first byte is not 0.
    #[error(
        "the value starts with byte 0x{found:02x} where Confluent's framing has 0x00; it was written by a client that \
         uses no schema registry, or another one's format"
    )]
    Magic {
        /// The first byte.
        found: u8,
    },
    /// The header [`VALUE_SCHEMA_ID`] is there and holds neither form.
    #[error(
        "the header {VALUE_SCHEMA_ID} has {length} byte(s) starting with {first:?}, expected 0x01 and the 16 of a GUID, \
         or 0x00 and the 4 of an ID"
    )]
    Header {
        /// Bytes in the header.
        length: usize,
        /// The first of them.
        first: Option<u8>,
    },
}

/// Appends the prefix; the value follows.
#[inline]
pub fn put(out: &mut Vec<u8>, id: u32) {
    let [a, b, c, d] = id.to_be_bytes();
    out.extend_from_slice(&[MAGIC_ID, a, b, c, d]);
}

/// Takes the prefix off: the schema's ID, and the bare value.
///
/// # Errors
/// [`FramingError::TooShort`] and [`FramingError::Magic`].
#[inline]
pub fn split(value: &[u8]) -> Result<(u32, &[u8]), FramingError> {
    match value.split_first_chunk::<PREFIX_LENGTH>() {
        Some((&[MAGIC_ID, a, b, c, d], rest)) => Ok((u32::from_be_bytes([a, b, c, d]), rest)),
        Some((&[found, ..], _)) => Err(FramingError::Magic { found }),
        None => Err(FramingError::TooShort { length: value.len() }),
    }
}

/// The schema and the bare value of a record: by `header`, the value of its last header named [`VALUE_SCHEMA_ID`],
/// where there is one, else by the prefix or the header of single-object encoding.
///
/// # Errors
/// A [`FramingError`]; a header that cannot be read is one, since the value then cannot be told to have a prefix.
#[inline]
pub fn split_record<'a>(
    header: Option<&[u8]>,
    value: &'a [u8],
) -> Result<(SchemaId, &'a [u8]), FramingError> {
    match header {
        None => match split(value) {
            Ok((id, rest)) => Ok((SchemaId::Id(id), rest)),
            Err(error) => match single_object::split(value) {
                Ok((fingerprint, rest)) => Ok((SchemaId::Fingerprint(fingerprint), rest)),
                Err(_) => Err(error),
            },
        },
        Some(header) => Ok((header_id(header)?, value)),
    }
}

fn header_id(header: &[u8]) -> Result<SchemaId, FramingError> {
    let error = FramingError::Header {
        length: header.len(),
        first: header.first().copied(),
    };
    match header.split_first() {
        Some((&MAGIC_ID, id)) => Ok(SchemaId::Id(u32::from_be_bytes(
            id.try_into().map_err(|_| error)?,
        ))),
        Some((&MAGIC_GUID, guid)) => Ok(SchemaId::Guid(Uuid::from_bytes(
            guid.try_into().map_err(|_| error)?,
        ))),
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_zero_and_the_id_in_network_order() {
        let mut out = Vec::new();
        put(&mut out, 0x0102_0304);
        out.extend_from_slice(b"avro");
        assert_eq!(out, b"\x00\x01\x02\x03\x04avro");
        assert_eq!(split(&out), Ok((0x0102_0304, &b"avro"[..])));
        assert_eq!(split(&out[..5]), Ok((0x0102_0304, &b""[..])));
        assert_eq!(split(&out[..4]), Err(FramingError::TooShort { length: 4 }));
        assert_eq!(split(b""), Err(FramingError::TooShort { length: 0 }));
        assert_eq!(split(b"{\"a\":1}"), Err(FramingError::Magic { found: b'{' }));
    }

    #[test]
    fn a_single_object_is_told_by_its_first_bytes() {
        let schema = Schema::parse("\"int\"").unwrap();
        let mut value = Framing::SingleObject.prefix(7, &schema);
        value.push(0x54);
        assert_eq!(
            split_record(None, &value),
            Ok((SchemaId::Fingerprint(schema.fingerprint()), &b"\x54"[..]))
        );
        assert_eq!(Framing::Confluent.prefix(7, &schema), b"\x00\x00\x00\x00\x07");
        for (wrong, error) in [
            (&value[..9], FramingError::Magic { found: 0xc3 }),
            (b"\xc3\x02345678901", FramingError::Magic { found: 0xc3 }),
            (b"\xc3\x01", FramingError::TooShort { length: 2 }),
        ] {
            assert_eq!(split_record(None, wrong), Err(error), "{wrong:?}");
        }
        // The header counts: the value is bare, whatever it starts with.
        assert_eq!(
            split_record(Some(b"\x00\x00\x00\x00\x09"), &value),
            Ok((SchemaId::Id(9), &value[..]))
        );
    }

    #[test]
    fn a_header_counts_where_there_is_one() {
        let guid = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let mut header = vec![1];
        header.extend_from_slice(guid.as_bytes());
        let value = b"\x00\x00\x00\x00\x07rest";
        assert_eq!(
            split_record(Some(&header), value),
            Ok((SchemaId::Guid(guid), &value[..]))
        );
        assert_eq!(
            split_record(Some(b"\x00\x00\x00\x00\x09"), value),
            Ok((SchemaId::Id(9), &value[..]))
        );
        assert_eq!(split_record(None, value), Ok((SchemaId::Id(7), &b"rest"[..])));
        for wrong in [
            &b""[..],
            b"\x01",
            &header[..16],
            b"\x00\x01",
            b"\x02\x00\x00\x00\x01",
        ] {
            assert!(
                matches!(split_record(Some(wrong), value), Err(FramingError::Header { length, .. }) if length == wrong.len()),
                "{wrong:?}"
            );
        }
    }
}
