//! Values whose schema is known only at run time.
//!
//! What `decode`, `produce` and `consume` handle for any manifest: a value read from Avro binary by its schema, printed
//! as JSON, read from JSON, written to Avro binary. A [`Value`] does not carry its schema; every function that needs one
//! takes it, and refuses a value that is not one of it. Generated types do not go through here.
//!
//! Logical types are their base types: a timestamp is the long it is written as.
//!
//! Data of another schema is brought into the reader's by [`crate::resolve`] first.

mod decode;
mod encode;
mod number;
mod parse;
mod print;

use std::collections::BTreeMap;

use thiserror::Error;

pub use parse::JsonError;

/// A value of some schema.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `boolean`
    Boolean(bool),
    /// `int`
    Int(i32),
    /// `long`
    Long(i64),
    /// `float`
    Float(f32),
    /// `double`
    Double(f64),
    /// `bytes`
    Bytes(Vec<u8>),
    /// `string`
    String(String),
    /// `array`
    Array(Vec<Value>),
    /// `map`, by key; where data has a key twice, the last one counts, as in Java.
    Map(BTreeMap<String, Value>),
    /// `record`: a value for each field, in the schema's order.
    Record(Vec<Value>),
    /// `enum`: the index of the symbol.
    Enum(usize),
    /// `fixed`
    Fixed(Vec<u8>),
    /// `union`: the index of the branch, and its value.
    Union(usize, Box<Value>),
}

/// A value that is not one of the schema it was to be written by.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}expected {expected}, found {found}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct ValueError {
    /// Where in the value, as a JSON Pointer; empty at the root.
    pub path: String,
    /// What the schema has there.
    pub expected: String,
    /// What the value has.
    pub found: String,
}

impl Value {
    /// What messages call it.
    fn describe(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(_) => "a boolean".to_owned(),
            Self::Int(_) => "an int".to_owned(),
            Self::Long(_) => "a long".to_owned(),
            Self::Float(_) => "a float".to_owned(),
            Self::Double(_) => "a double".to_owned(),
            Self::Bytes(_) => "bytes".to_owned(),
            Self::String(_) => "a string".to_owned(),
            Self::Array(_) => "an array".to_owned(),
            Self::Map(_) => "a map".to_owned(),
            Self::Record(fields) => format!("a record of {} field(s)", fields.len()),
            Self::Enum(at) => format!("the enum symbol of index {at}"),
            Self::Fixed(bytes) => format!("a fixed of {} byte(s)", bytes.len()),
            Self::Union(at, _) => format!("the union branch of index {at}"),
        }
    }
}
