//! The binary codec that generated code calls.
//!
//! Generated types write themselves with a [`Writer`] and read themselves with a [`Reader`], field by field in the order
//! of their schema: no value tree, no look-up, no serde in between. What the bytes mean and which
//! malformed ones are refused is decided in [`fleetops_avro::wire`]; this module follows it, so generated code and the
//! run-time decoders take the same data.
//!
//! Data written with another schema is brought into the reader's form first ([`Resolver`]), then read by the same
//! straight-line decoder, so that resolution exists once.
//!
//! Encoding cannot fail. What a Rust type can hold and its Avro type cannot (a time of a leap second, an instant
//! outside the nanosecond range, more decimal digits than declared) is written as the nearest value that fits, and the
//! functions of [`check`] that generated `validate()` calls report exactly these:
//!
//! | value | written | told by |
//! |---|---|---|
//! | time or timestamp with digits below the unit | rounded down, as Java does; order is kept | nothing: a clock has more digits than a schema needs |
//! | [`NaiveTime`](chrono::NaiveTime) in a leap second | the last unit of the second before | [`check::time_of_day`] |
//! | instant outside the years 1677 to 2262 as `timestamp-nanos` | the first or last nanosecond there is | [`check::timestamp_nanos`] |
//! | decimal with more digits after the point than `scale` | cut off towards zero | [`check::decimal`] |
//! | `BigDecimal` of more bytes or a larger scale than is read | the nearest within these limits | [`check::big_decimal`], [`check::decimal`] |
//! | symbol that an open enum does not have | the enum's default | [`check::unknown_symbol`] |
//! | decimal with more digits than `precision`, or more than fit the `fixed` | as it is, or the largest that fits | [`check::decimal`] |
//!
//! Not here: object container files, single-object encoding.

mod avro_json;
#[cfg(feature = "bigdecimal")]
mod big;
mod blocks;
mod cursor;
mod decimal;
pub mod human;
mod never;
mod newtype;
mod reader;
mod reader_logical;
mod record;
mod resolver;
mod writer;
mod writer_logical;

#[doc(inline)]
pub use crate::validate::{MAX_VIOLATIONS, Path, Pattern, ValidationErrors, Violation, check};
pub use avro_json::{AvroJson, AvroJsonError};
pub use blocks::Blocks;
pub use decimal::AvroDecimal;
pub(crate) use decimal::decimal_fits;
pub use fleetops_avro::wire::{DecodeError, DecodeErrorKind};
pub use never::Never;
pub use newtype::{Newtype, UnknownSymbol, WrongLength, newtype};
pub use reader::{MAX_RECURSION, MAX_STACK, Reader};
pub use record::AvroRecord;
pub use resolver::{Resolver, ResolverError, WriterSchema, decode_with, read_with};
pub use writer::Writer;
pub use writer_logical::AvroDuration;
