//! The type of what has no values: an enum without symbols, a union without branches.

use serde::{Deserialize, Serialize};

use super::{DecodeError, DecodeErrorKind, Reader, Writer};

/// What no value is of: in Avro, an enum without symbols or a union without branches. Such types are valid, and fields of them
/// can be neither written nor read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Never {}

impl Never {
    /// Reads the index of what is not there.
    ///
    /// # Errors
    /// Always: there is none that is right.
    pub fn decode_avro(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let start = reader.offset();
        let index = reader.int()?;
        let kind = DecodeErrorKind::UnknownBranch { index, branches: 0 };
        Err(DecodeError::new(start, kind))
    }

    /// Writes nothing: it is never called.
    pub fn put_avro(&self, _: &mut Writer<'_>) {
        match *self {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_one() {
        for bytes in [&[][..], &[0], &[1], &[2, 0]] {
            assert!(Never::decode_avro(&mut Reader::new(bytes)).is_err());
        }
    }
}
