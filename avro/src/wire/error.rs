//! Why bytes could not be decoded, and where.

use std::fmt;

use thiserror::Error;

/// Data that could not be decoded: the byte at which it went wrong, what was expected there and what was found.
///
/// One pointer wide, so that a `Result` of it costs a decoder's fast path nothing.
///
/// # Example
///
/// ```
/// use fleetops_avro::wire::{DecodeError, DecodeErrorKind};
///
/// let error = DecodeError::new(12, DecodeErrorKind::UnknownBranch { index: 7, branches: 2 });
/// assert_eq!(error.to_string(), "byte 12: expected the index of one of 2 union branches, found 7");
/// assert_eq!(
///     error.at("/telemetry/velocity").to_string(),
///     "byte 12, /telemetry/velocity: expected the index of one of 2 union branches, found 7"
/// );
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DecodeError(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    offset: usize,
    path: Option<Box<str>>,
    kind: DecodeErrorKind,
}

/// What was wrong with the data.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The input ends inside a value, or a length says more than there is.
    #[error("expected {needed} byte(s) for {what}, found {left}")]
    UnexpectedEnd {
        /// The value that was being read, such as `a double`.
        what: &'static str,
        /// Bytes that it needs, at least.
        needed: u64,
        /// Bytes that there are for it.
        left: usize,
    },
    /// A variable-length number that goes on after its last possible byte.
    #[error("expected {what} of at most {limit} bytes, found one that goes on")]
    InvalidVarint {
        /// `an int` or `a long`.
        what: &'static str,
        /// 5 or 10.
        limit: usize,
    },
    /// A length or block size below zero.
    #[error("expected the length of {what}, found {length}")]
    NegativeLength {
        /// The value that has the length, such as `a string`.
        what: &'static str,
        /// The length.
        length: i64,
    },
    /// A string that is not UTF-8. The offset is that of the first byte that is not.
    #[error("expected UTF-8 in a string, found byte 0x{found:02x}")]
    InvalidUtf8 {
        /// The byte there.
        found: u8,
    },
    /// The index of a branch that the union does not have.
    #[error("expected the index of one of {branches} union branches, found {index}")]
    UnknownBranch {
        /// The index.
        index: i32,
        /// How many branches the union has.
        branches: usize,
    },
    /// The index of a symbol that the enum does not have.
    #[error("expected the index of one of {symbols} enum symbols, found {index}")]
    UnknownSymbol {
        /// The index.
        index: i32,
        /// How many symbols the enum has.
        symbols: usize,
    },
    /// More items than the bytes that are left could hold, or more than [`MAX_EMPTY_ITEMS`](super::MAX_EMPTY_ITEMS)
    /// that take no bytes.
    #[error("expected at most {limit} items in what is left, found a count of {count}")]
    TooManyItems {
        /// The count.
        count: u64,
        /// How many there can be.
        limit: u64,
    },
    /// Values nested deeper than the limit.
    #[error("expected values nested at most {limit} deep, found deeper ones")]
    TooDeep {
        /// The limit, such as [`MAX_DEPTH`](super::MAX_DEPTH).
        limit: usize,
    },
    /// Values nested so that reading them would take more stack than it may.
    #[error("expected values nested in at most {limit} bytes of stack, found deeper ones")]
    TooMuchStack {
        /// The bytes.
        limit: usize,
    },
    /// Bytes after the end of the datum.
    #[error("expected the end of the data, found {left} more byte(s)")]
    TrailingBytes {
        /// How many.
        left: usize,
    },
    /// A value that is well encoded but none of its logical type: a uuid that does not parse, a date out of range.
    #[error("expected {logical}, found {found}")]
    InvalidLogical {
        /// The logical type with its article, such as `a uuid`.
        logical: &'static str,
        /// The value, short enough to print.
        found: String,
    },
    /// The writer's data holds a union branch that the reader's schema has no place for.
    #[error("the writer's {writer} has no place in the reader's {reader}")]
    UnresolvedBranch {
        /// The branch in the data.
        writer: String,
        /// What the reader's schema has there.
        reader: String,
    },
    /// The writer's data holds a symbol that the reader's enum has not, and the reader's enum has no default.
    #[error("the reader's enum {reader} has no symbol {symbol} and no default")]
    UnresolvedSymbol {
        /// The symbol in the data.
        symbol: String,
        /// The reader's enum.
        reader: String,
    },
    /// A part of the writer's schema that the reader's schema has no place for, met in data.
    #[error("{reason}")]
    Unresolved {
        /// What is in the way, both schemas named.
        reason: String,
    },
}

impl DecodeError {
    /// An error at that byte of the input, counted from 0.
    #[cold]
    pub fn new(offset: usize, kind: DecodeErrorKind) -> Self {
        Self(Box::new(Inner {
            offset,
            path: None,
            kind,
        }))
    }

    /// The same with the path of the value in the data, such as `/telemetry/velocity` or `/readings/3`.
    #[must_use]
    pub fn at(mut self, path: impl Into<Box<str>>) -> Self {
        self.0.path = Some(path.into());
        self
    }

    /// The same in an input that starts `bytes` earlier: for a decoder that was given a part of it.
    #[must_use]
    pub fn shifted(mut self, bytes: usize) -> Self {
        self.0.offset = self.0.offset.saturating_add(bytes);
        self
    }

    /// The byte of the input at which the value starts that could not be decoded, counted from 0; for text that is not
    /// UTF-8 the first byte that is not.
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// Where in the data, by the names of fields, map keys and array indices, where the decoder keeps track of it.
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// What was wrong.
    pub fn kind(&self) -> &DecodeErrorKind {
        &self.0.kind
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}", self.0.offset)?;
        if let Some(path) = &self.0.path {
            write!(f, ", {path}")?;
        }
        write!(f, ": {}", self.0.kind)
    }
}

impl fmt::Debug for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecodeError")
            .field("offset", &self.0.offset)
            .field("path", &self.0.path)
            .field("kind", &self.0.kind)
            .finish()
    }
}

impl std::error::Error for DecodeError {}
