//! Why a file cannot be read or written.

use std::io;

use thiserror::Error;

use crate::parse::ParseError;
use crate::value::ValueError;
use crate::wire::DecodeError;

/// A file that cannot be read or written. Offsets are bytes of the file, from 0.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// The caller's reader or writer failed.
    #[error("byte {offset}: {source}")]
    Io {
        /// How far it was.
        offset: u64,
        /// Why.
        source: io::Error,
    },
    /// The file does not start as one.
    #[error("expected an object container file, which starts with 4F 62 6A 01, found {found:02X?}")]
    NotAContainer {
        /// Its first bytes.
        found: Vec<u8>,
    },
    /// The file ends where it should not.
    #[error("byte {offset}: the file ends inside {what}")]
    Truncated {
        /// Where it ends.
        offset: u64,
        /// What was being read.
        what: &'static str,
    },
    /// A number that cannot be there.
    #[error("byte {offset}: expected {what}, found {found}")]
    Invalid {
        /// Where.
        offset: u64,
        /// What there should be.
        what: &'static str,
        /// What there is.
        found: String,
    },
    /// More than [`Limits`](super::Limits) allow.
    #[error("byte {offset}: {what} of {size} is larger than the limit of {limit}")]
    TooLarge {
        /// Where.
        offset: u64,
        /// What is too large.
        what: &'static str,
        /// How large it says it is, or is at least.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// The header has no schema.
    #[error("the file's header has no schema: `avro.schema` is not there")]
    NoSchema,
    /// The header's schema is none.
    #[error("the schema in the file's header: {0}")]
    Schema(#[source] ParseError),
    /// A codec that does not exist, or was not built in.
    #[error("the file's codec is `{name}`; this build reads {}", known.join(", "))]
    UnknownCodec {
        /// The codec's name.
        name: String,
        /// Those that there are.
        known: Vec<&'static str>,
    },
    /// A block does not end with the marker of the header: the file is damaged, or was cut and joined.
    #[error("byte {offset}: expected the file's sync marker after a block, found other bytes")]
    Sync {
        /// Where the marker should be.
        offset: u64,
    },
    /// A block that does not decompress.
    #[error("byte {offset}: the block does not decompress with {codec}: {reason}")]
    Decompress {
        /// Where the block's data starts.
        offset: u64,
        /// The codec.
        codec: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A datum that does not decode. Its offset counts within the block, after decompression.
    #[error("block at byte {offset}, datum {index}: {source}")]
    Datum {
        /// Where the block's data starts in the file.
        offset: u64,
        /// Which datum of the block, from 0.
        index: u64,
        /// What is wrong.
        source: DecodeError,
    },
    /// A value that is not of the file's schema.
    #[error("a value that is not of the file's schema: {0}")]
    Value(#[from] ValueError),
    /// Metadata of the caller under a name that Avro keeps for itself.
    #[error("`{0}`: names of metadata that start with `avro.` are Avro's own")]
    ReservedMetadata(String),
}
