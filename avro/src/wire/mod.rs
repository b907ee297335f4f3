//! The bytes of Avro binary: what they mean, what they cannot mean, and how an error says so.
//!
//! Everything that reads Avro binary in this project reads it by the rules of this module, whether a schema is known
//! when the program is built (generated code) or only at run time ([`crate::value`], [`crate::resolve`]): the same
//! forms are taken, the same are refused, and the same [`DecodeError`] says where and why.
//!
//! The rules are those of Java's `BinaryDecoder` (Avro 1.12), because what Java takes is on the topics already:
//!
//! - An `int` has at most 5 bytes and a `long` at most 10. Overlong forms are taken; bits beyond the 32nd or 64th are
//!   dropped. Only a continuation bit in the last of them is an error.
//! - A boolean is true where its byte is 1 and false otherwise.
//! - Lengths, counts and block sizes are `long`s, the index of a union branch or of a symbol is an `int`.
//! - A negative count of items is followed by the block's size in bytes, which a reader that wants the items ignores,
//!   and a reader that skips them trusts.
//!
//! Where Java would do harm, this module is stricter: text that is not UTF-8, lengths below zero in data that is
//! skipped, nesting beyond [`MAX_DEPTH`] (Java overflows its stack) and more than [`MAX_EMPTY_ITEMS`] items that take
//! no bytes (Java allocates two thousand million of them) are errors.

mod cursor;
mod error;
pub mod put;
mod sizes;

pub use cursor::Cursor;
pub use error::{DecodeError, DecodeErrorKind};
pub(crate) use sizes::MinSizes;

/// How deep values may be nested in one another: records, arrays, maps and unions each count one.
///
/// Deeper data is refused with [`DecodeErrorKind::TooDeep`]. A decoder may use the stack, so the limit is what
/// fits the 2 MiB of a thread with room to spare; real data stays below 50.
pub const MAX_DEPTH: usize = 1_000;

/// How many array items that take no bytes (`null`, a record without fields, a fixed of size 0) one datum may hold.
///
/// A count of them costs the sender a few bytes however large it is, so the input cannot justify the memory.
pub const MAX_EMPTY_ITEMS: usize = 65_536;
