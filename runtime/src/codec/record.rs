//! What every generated type can do.

use super::{DecodeError, Path, Reader, Resolver, ValidationErrors, decode_with};

/// A type generated from an Avro schema: most often a record, but whatever a file has at its top is one too: an enum, a fixed,
/// a union, or a struct around an array, a map or a primitive type.
///
/// Generated code has `SCHEMA`, `FINGERPRINT`, `to_avro`, `from_avro` and `validate` as items of the type itself, so
/// that the trait need not be imported; the trait is for code that is generic over events.
pub trait AvroRecord: Sized {
    /// The whole schema text, self-contained, with documents and defaults.
    const SCHEMA: &'static str;
    /// CRC-64-AVRO of the schema's Parsing Canonical Form, as Java's `SchemaNormalization.parsingFingerprint64`
    /// computes it. Avro specification, "Schema Fingerprints".
    const FINGERPRINT: u64;
    /// The full name, such as `fleetops.events.RawTelemetryEvent`. A schema without a name goes by that of its file, without
    /// the ending.
    const NAME: &'static str;
    /// The full names of the enums in it that are open: they keep a symbol that their schema does not have, where a newer
    /// writer sends one.
    const OPEN_ENUMS: &'static [&'static str] = &[];

    /// Appends the bare Avro binary, without framing. Cannot fail; [`codec`](super) says what becomes of values
    /// that do not fit.
    fn encode_avro(&self, out: &mut Vec<u8>);

    /// Reads one value that was written with this very schema, and leaves the reader behind it.
    ///
    /// # Errors
    /// Where the bytes are not such a value; the error has the offset.
    fn decode_avro(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// Reads one value as [`decode_avro`](Self::decode_avro) does, in place of this one: text, bytes and arrays keep their
    /// memory where it is enough.
    ///
    /// # Errors
    /// As [`decode_avro`](Self::decode_avro). After an error the value is one of the type, partly the old and partly the
    /// new.
    #[inline]
    fn decode_into(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        *self = Self::decode_avro(reader)?;
        Ok(())
    }

    /// Adds every violation of the schema's rules to `errors`; `path` is where this value stands in the whole.
    fn validate_at(&self, path: &Path<'_>, errors: &mut ValidationErrors);

    /// Holds the value against the rules of its schema.
    ///
    /// # Errors
    /// All violations, each with its path.
    #[inline]
    fn validate(&self) -> Result<(), ValidationErrors> {
        let mut errors = ValidationErrors::new();
        self.validate_at(&Path::ROOT, &mut errors);
        errors.into_result()
    }

    /// The bare Avro binary, without framing.
    #[inline]
    fn to_avro(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_avro(&mut out);
        out
    }

    /// The value in `bytes`, which were written with this very schema.
    ///
    /// # Errors
    /// As [`decode_avro`](Self::decode_avro), and for bytes after the end of the value.
    #[inline]
    fn from_avro(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = Self::decode_avro(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }

    /// Reads the value in `bytes` as [`from_avro`](Self::from_avro) does, in place of this one, whose memory is used again.
    ///
    /// # Errors
    /// As [`from_avro`](Self::from_avro); the value is then partly the old and partly the new.
    #[inline]
    fn read_avro(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new(bytes);
        self.decode_into(&mut reader)?;
        reader.finish()
    }

    /// The value in `bytes`, which were written with the resolver's writer schema.
    ///
    /// # Errors
    /// As [`decode_with`].
    #[inline]
    fn from_avro_with(resolver: &Resolver<Self>, bytes: &[u8]) -> Result<Self, DecodeError> {
        decode_with(resolver.plan(), bytes)
    }
}
