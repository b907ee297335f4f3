//! The binary codec that generated code calls.
//!
//! Generated types write themselves with the functions of [`put`] and read themselves with a [`Reader`], field by
//! field in the order of their schema: no value tree, no look-up, no serde in between. What the bytes mean and which
//! malformed ones are refused is decided in [`fleetops_avro::wire`]; this module follows it, so generated code and the
//! run-time decoders take the same data.
//!
//! Data written with another schema is brought into the reader's form first ([`Resolver`]), then read by the same
//! straight-line decoder, so that resolution exists once.
//!
//! Encoding cannot fail. What a Rust type can hold and its Avro type cannot (a time of a leap second, an instant
//! outside the nanosecond range, more decimal digits than declared) is written as the nearest value that fits, and the
//! functions of [`check`] that generated `validate()` calls report exactly these. See [`put`] for each case.
//!
//! Not here: object container files, single-object encoding, Avro's JSON encoding.

mod blocks;
mod decimal;
pub mod human;
pub mod put;
mod put_logical;
mod reader;
mod reader_logical;
mod record;
mod resolver;

#[doc(inline)]
pub use crate::validate::{MAX_VIOLATIONS, Path, Pattern, ValidationErrors, Violation, check};
pub use blocks::Blocks;
pub(crate) use decimal::decimal_fits;
pub use fleetops_avro::wire::{DecodeError, DecodeErrorKind};
pub use put_logical::AvroDuration;
pub use reader::{MAX_RECURSION, Reader};
pub use record::AvroRecord;
pub use resolver::{Resolver, ResolverError, WriterSchema, decode_with};
