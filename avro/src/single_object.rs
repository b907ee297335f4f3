//! Single-object encoding: a datum that says by a fingerprint which schema it was written with.
//!
//! Two bytes `C3 01`, the CRC-64-AVRO fingerprint of the writer's schema in 8 bytes, the lowest first, then the datum in
//! Avro binary. Avro 1.12 specification, "Single-object encoding". Confluent's framing of Kafka values is another one.
//!
//! A fingerprint is a short name, not a proof: two schemas may share one, and whoever writes data can claim any. A
//! [`Store`] holds only schemas that were put into it.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::schema::Schema;

/// The two bytes at the start: a marker, and the version of the format.
pub const MARKER: [u8; 2] = [0xc3, 0x01];
/// Bytes before the datum.
pub const HEADER: usize = 10;

/// Data that cannot be read as a single object.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SingleObjectError {
    /// The data does not start with the marker, or ends before the datum starts.
    #[error(
        "expected the {HEADER} bytes of single-object encoding, C3 01 and a fingerprint, found {}",
        found(start)
    )]
    Header {
        /// What it starts with.
        start: Vec<u8>,
    },
    /// The schema with that fingerprint is not known.
    #[error(
        "the data was written with the schema of fingerprint {fingerprint:016x}, which is not among the {known} known"
    )]
    UnknownSchema {
        /// The fingerprint, as [`Schema::fingerprint`] gives it.
        fingerprint: u64,
        /// How many schemas are known.
        known: usize,
    },
}

fn found(start: &[u8]) -> String {
    match start {
        [] => "nothing".to_owned(),
        start => start
            .iter()
            .map(|byte| format!("{byte:02X} "))
            .collect::<String>()
            .trim_end()
            .to_owned(),
    }
}

/// Appends the header of data of that schema; the datum in Avro binary goes behind it.
pub fn put_header(schema: &Schema, out: &mut Vec<u8>) {
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&schema.fingerprint().to_le_bytes());
}

/// The fingerprint of the writer's schema, and the datum.
///
/// # Errors
///
/// There is no header.
///
/// # Example
///
/// ```
/// use fleetops_avro::{Schema, single_object};
///
/// let schema = Schema::parse("\"int\"")?;
/// let mut data = Vec::new();
/// single_object::put_header(&schema, &mut data);
/// data.push(0x54);
/// let (fingerprint, datum) = single_object::split(&data)?;
/// assert_eq!((fingerprint, datum), (schema.fingerprint(), &[0x54][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn split(data: &[u8]) -> Result<(u64, &[u8]), SingleObjectError> {
    match data.split_first_chunk::<HEADER>() {
        Some(([0xc3, 0x01, fingerprint @ ..], datum)) => Ok((u64::from_le_bytes(*fingerprint), datum)),
        _ => Err(SingleObjectError::Header {
            start: data.iter().copied().take(HEADER).collect(),
        }),
    }
}

/// Schemas by fingerprint.
#[derive(Clone, Debug, Default)]
pub struct Store {
    schemas: BTreeMap<u64, Schema>,
}

impl Store {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a schema; returns the one of the same fingerprint that was there.
    pub fn insert(&mut self, schema: Schema) -> Option<Schema> {
        self.schemas.insert(schema.fingerprint(), schema)
    }

    /// The schema that data was written with, and the datum.
    ///
    /// # Errors
    ///
    /// There is no header, or the schema is not known.
    pub fn writer<'a, 'd>(&'a self, data: &'d [u8]) -> Result<(&'a Schema, &'d [u8]), SingleObjectError> {
        let (fingerprint, datum) = split(data)?;
        match self.schemas.get(&fingerprint) {
            Some(schema) => Ok((schema, datum)),
            None => Err(SingleObjectError::UnknownSchema {
                fingerprint,
                known: self.schemas.len(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn the_writer_is_found_by_its_fingerprint() {
        let (old, new) = (
            Schema::parse("\"int\"").unwrap(),
            Schema::parse("\"long\"").unwrap(),
        );
        let mut store = Store::new();
        assert!(store.insert(old.clone()).is_none());
        let mut data = Vec::new();
        put_header(&old, &mut data);
        // CRC-64-AVRO of "int", as Java has it: 7275d51a3f395c8f
        assert_eq!(data, [0xc3, 0x01, 0x8f, 0x5c, 0x39, 0x3f, 0x1a, 0xd5, 0x75, 0x72]);
        data.push(0x54);
        let (writer, datum) = store.writer(&data).unwrap();
        assert_eq!(Value::decode_all(writer, datum).unwrap(), Value::Int(42));

        data.clear();
        put_header(&new, &mut data);
        let error = store.writer(&data).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the data was written with the schema of fingerprint {:016x}, which is not among the 1 known",
                new.fingerprint()
            )
        );
    }

    #[test]
    fn what_has_no_header_is_told_by_its_start() {
        for (data, text) in [
            (&[][..], "found nothing"),
            (&[0xc3, 0x01, 0, 0][..], "found C3 01 00 00"),
            (&[0; 20][..], "found 00 00 00 00 00 00 00 00 00 00"),
        ] {
            let error = split(data).unwrap_err().to_string();
            assert!(error.ends_with(text), "{error}");
        }
    }
}
