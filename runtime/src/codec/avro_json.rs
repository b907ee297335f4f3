//! Avro's own JSON encoding of generated types, for other Avro programs: unions tagged by branch, bytes as text of the
//! characters U+0000 to U+00FF, logical types as their base. The human form of JSON, which serde gives, is another.
//!
//! It goes through the binary form and the value model, so it is Java's to the letter, and slow: it is for tools, tests
//! and debugging, and not for a hot path.

use std::fmt;
use std::marker::PhantomData;

use fleetops_avro::value::{JsonError, Value};
use fleetops_avro::{ParseError, Schema, json};
use thiserror::Error;

use super::{AvroRecord, DecodeError, Path, ValidationErrors};

/// Writes and reads Avro's JSON encoding of a type. It holds the type's schema, parsed; make one and keep it.
///
/// ```no_run
/// # fn f<E: fleetops_runtime::codec::AvroRecord>(event: E) -> Result<(), Box<dyn std::error::Error>> {
/// use fleetops_runtime::codec::AvroJson;
///
/// let json = AvroJson::<E>::new()?;
/// let text = json.write(&event)?;
/// let again = json.read(&text)?;
/// # let _ = again; Ok(())
/// # }
/// ```
pub struct AvroJson<T> {
    schema: Schema,
    of: PhantomData<fn() -> T>,
}

/// Why there is no value, or no text.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AvroJsonError {
    /// The schema of the type is none. Generated code is made from schemas that are.
    #[error("the schema of {name} cannot be parsed:\n{source}")]
    Schema {
        /// The type's full name.
        name: &'static str,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The text is not JSON.
    #[error("not JSON, at byte {offset}: {message}")]
    Syntax {
        /// The byte, counted from 0.
        offset: u32,
        /// What is wrong.
        message: String,
    },
    /// The JSON is no value of the schema.
    #[error("no value of {name}: {source}")]
    Value {
        /// The type's full name.
        name: &'static str,
        /// What is wrong, with the path.
        source: JsonError,
    },
    /// The value is none of the Rust type: a text that is no UUID, a time beyond the calendar.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The value holds what its Avro types do not have: a symbol that an open enum's schema lacks, a leap second, digits
    /// that a decimal has no place for. In binary the nearest that fits would be written.
    #[error("no value of {name} can be written as it is: {source}")]
    Unfit {
        /// The type's full name.
        name: &'static str,
        /// All of it, each with its path.
        source: ValidationErrors,
    },
    /// The value has no such text.
    #[error("{0}")]
    Unwritable(String),
}

impl<T: AvroRecord> AvroJson<T> {
    /// Parses the type's schema.
    ///
    /// # Errors
    /// [`AvroJsonError::Schema`], for types that were not generated.
    pub fn new() -> Result<Self, AvroJsonError> {
        match Schema::parse(T::SCHEMA) {
            Ok(schema) => Ok(Self {
                schema,
                of: PhantomData,
            }),
            Err(source) => Err(AvroJsonError::Schema {
                name: T::NAME,
                source,
            }),
        }
    }

    /// The value in Avro's JSON encoding, as Java's `JsonEncoder` writes it without line breaks.
    ///
    /// Rules of the schema, such as `minimum`, are not looked at: a value that breaks one has a text, and may be what one
    /// wants to see. [`validate`](AvroRecord::validate) tells those.
    ///
    /// # Errors
    /// [`AvroJsonError::Unfit`] where another value would stand in the text, and [`AvroJsonError::Unwritable`] for a type
    /// whose code and schema do not agree.
    pub fn write(&self, value: &T) -> Result<String, AvroJsonError> {
        let mut unfit = ValidationErrors::of_unwritable();
        value.validate_at(&Path::ROOT, &mut unfit);
        unfit.into_result().map_err(|source| AvroJsonError::Unfit {
            name: T::NAME,
            source,
        })?;
        let value = Value::decode_all(&self.schema, &value.to_avro())?;
        value
            .to_avro_json(&self.schema)
            .map_err(|why| AvroJsonError::Unwritable(why.to_string()))
    }

    /// The value of a text in Avro's JSON encoding, as Java's `JsonDecoder` reads it.
    ///
    /// # Errors
    /// Text that is not JSON, no value of the schema, or none of the Rust type.
    pub fn read(&self, text: &str) -> Result<T, AvroJsonError> {
        let json = json::parse(text).map_err(|error| AvroJsonError::Syntax {
            offset: error.span.start,
            message: error.message.to_string(),
        })?;
        let value = Value::from_avro_json(&self.schema, &json).map_err(|source| AvroJsonError::Value {
            name: T::NAME,
            source,
        })?;
        let mut bytes = Vec::new();
        value
            .encode(&self.schema, &mut bytes)
            .map_err(|why| AvroJsonError::Unwritable(why.to_string()))?;
        Ok(T::from_avro(&bytes)?)
    }
}

impl<T> Clone for AvroJson<T> {
    fn clone(&self) -> Self {
        Self {
            schema: self.schema.clone(),
            of: PhantomData,
        }
    }
}

impl<T: AvroRecord> fmt::Debug for AvroJson<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AvroJson").field(&T::NAME).finish()
    }
}
