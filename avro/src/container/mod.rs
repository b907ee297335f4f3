//! Object container files: a schema, then blocks of data written with it. Avro 1.12 specification, "Object Container Files".
//!
//! [`Reader`] reads one from anything that is [`std::io::Read`], [`Writer`] writes one to anything that is
//! [`std::io::Write`]. The crate opens no files and no sockets itself: the caller gives the ends.
//!
//! A file is untrusted. Its header, the blocks before and after decompression, and the count of a block are bounded by
//! [`Limits`]; memory grows only with bytes that have arrived. Every error has the byte of the file.
//!
//! Codecs: `null` always; `deflate` and `snappy` by default; `bzip2`, `xz` and `zstandard` are features of those names.
//! It does not seek, split or append to an existing file.

mod codec;
mod error;
mod read;
mod write;

pub use codec::Codec;
pub use error::ContainerError;
pub use read::{Limits, Reader};
pub use write::{BLOCK, Writer};

/// The first bytes of a file.
pub const MAGIC: [u8; 4] = *b"Obj\x01";
