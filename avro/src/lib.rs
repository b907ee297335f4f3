//! Avro schemas as a program that must answer like a schema registry needs them.
//!
//! Registries run Java Avro, so wherever Java's answer and the specification differ, this crate gives Java's.
//! Every node of a schema knows its place in the source text, so that a verdict can point at it.
//!
//! The crate does no I/O, knows no Kafka and no async runtime: texts go in, values and diagnostics come out.

pub mod canonical;
pub mod compat;
pub mod diagnostic;
pub mod json;
pub mod parse;
pub mod resolve;
pub mod rules;
pub mod schema;
pub mod single_object;
pub mod source;
mod text;
pub mod value;
pub mod wire;

pub use diagnostic::{Diagnostic, Label, Severity};
pub use parse::{ParseError, ParseMode};
pub use schema::{Schema, SchemaSet};
pub use source::{Source, Span};
