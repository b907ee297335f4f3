//! Avro schemas as a program that must answer like a schema registry needs them.
//!
//! Registries run Java Avro, so wherever Java's answer and the specification differ, this crate gives Java's.
//! Every node of a schema knows its place in the source text, so that a verdict can point at it.
//!
//! The crate does no I/O, knows no Kafka and no async runtime: texts go in, values and diagnostics come out.
//!
//! # Where Java and the specification differ
//!
//! Java's answer is given. The cases that show most:
//!
//! - `//` and `/* */` comments are read before and inside a schema, and refused behind it.
//! - Letters of any script are taken in names; [`ParseMode::Strict`] is what a registry asks of new schemas.
//! - A name without a dot that its namespace does not have stands for a type without a namespace, if that one was
//!   defined before. Types defined further down are found by full name alone.
//! - A type may be defined twice if both definitions are equal: documents, aliases and an enum's default do not count.
//! - A union's default may be of any branch. Until a type is defined, only an object is taken as its default.
//! - A string is taken as the default of a float or double field if Java's `Double.parseDouble` reads it.
//! - Compatibility compares names without their namespaces; an alias in no namespace, of a type in one, is never
//!   found; a pair of types met again is reported with the location of its first meeting.
//!
//! # Where this crate differs from Java
//!
//! - Work and memory are bounded: [`json::MAX_TEXT`], [`json::MAX_VALUES`], [`parse::MAX_NAME`],
//!   [`parse::MAX_NESTING`], [`compat::MAX_PAIRS`]. Java ends with a stack overflow, or not at all.
//! - Several files are parsed in any order, as if in the one in which Java takes them.
//! - Text behind a schema is always refused. Java overlooks it in texts beyond 32,768 characters, where it lies outside
//!   the buffer at hand.
//! - Where Java's compatibility check throws, the answer is incompatible, as a registry's is.
//! - A surrogate escape without its partner is read as U+FFFD.
//! - [`Schema::text`] writes an alias in no namespace so that it is read again; Java's text loses it.

pub mod canonical;
pub mod compat;
pub mod container;
pub mod diagnostic;
pub mod diff;
pub mod format;
pub mod json;
pub mod lint;
pub mod normal;
pub mod parse;
pub mod resolve;
pub mod rules;
pub mod schema;
pub mod single_object;
pub mod source;
mod text;
pub mod value;
pub mod wire;

pub use diagnostic::{Change, Diagnostic, Label, Severity};
pub use parse::{ParseError, ParseMode};
pub use schema::{Schema, SchemaSet};
pub use source::{Source, Span};
