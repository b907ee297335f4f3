//! JSON bodies, as servers send them: lists may be null, keys may be new.

use serde::{Deserialize, Deserializer, Serialize};

/// A reference of a schema to one registered elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The full name that the schema uses.
    pub name: String,
    /// The subject that has the definition.
    pub subject: String,
    /// The version in that subject.
    pub version: i64,
}

/// A version of a subject.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SubjectVersion {
    /// The subject.
    pub subject: String,
    /// The version, from 1.
    pub version: u32,
    /// The schema's ID.
    pub id: u32,
    /// The schema's text.
    pub schema: String,
    /// `AVRO`, `PROTOBUF` or `JSON`; none means Avro.
    #[serde(default, rename = "schemaType")]
    pub schema_type: Option<String>,
    /// What it refers to.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub references: Vec<Reference>,
}

/// A schema by ID.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SchemaText {
    /// The schema's text.
    pub schema: String,
    /// What it refers to.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub references: Vec<Reference>,
}

/// Answer to a compatibility test.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Compatibility {
    /// Whether the schema could be registered.
    pub is_compatible: bool,
    /// Why not, in the registry's words; some registries never say.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub messages: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct SchemaRequest<'a> {
    pub(super) schema: &'a str,
    #[serde(skip_serializing_if = "<[Reference]>::is_empty")]
    pub(super) references: &'a [Reference],
}

#[derive(Debug, Deserialize)]
pub(super) struct Registered {
    pub(super) id: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Mode {
    pub(super) mode: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Config {
    /// Confluent answers `compatibilityLevel` to GET and `compatibility` to PUT; others mix them.
    #[serde(rename = "compatibilityLevel", alias = "compatibility")]
    pub(super) level: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Failure {
    pub(super) error_code: u32,
    #[serde(default)]
    pub(super) message: String,
}

pub(super) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}
