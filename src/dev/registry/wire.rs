//! JSON bodies of Confluent's REST API.
//!
//! Unknown keys are ignored, as clients of newer releases send some. Those that would change the meaning, metadata
//! and rule sets, are refused by name rather than dropped silently.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::RegistryError;
use super::schema::Reference;
use super::store::{Found, Submitted};

/// Body of a registration, a look-up and a compatibility test.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SchemaRequest {
    schema: Option<String>,
    schema_type: Option<String>,
    references: Option<Vec<Reference>>,
    id: Option<i64>,
    version: Option<i64>,
    metadata: Option<Value>,
    rule_set: Option<Value>,
}

impl SchemaRequest {
    pub(super) fn submitted(self) -> Result<Submitted, RegistryError> {
        for (key, value) in [("metadata", &self.metadata), ("ruleSet", &self.rule_set)] {
            if value.is_some() {
                return Err(RegistryError::Unprocessable(format!(
                    "The embedded registry does not know \"{key}\": leave it out, or use a full schema registry"
                )));
            }
        }
        if let Some(other) = self.schema_type.filter(|name| name != "AVRO") {
            return Err(RegistryError::InvalidSchema(format!(
                "the embedded registry takes schemas of type AVRO, not {other}"
            )));
        }
        // 0 and below stand for "none" in Confluent's clients.
        let positive = |number: Option<i64>| {
            number
                .filter(|n| *n > 0)
                .map(|n| {
                    i32::try_from(n)
                        .map(i32::unsigned_abs)
                        .map_err(|_| RegistryError::InvalidVersion(n.to_string()))
                })
                .transpose()
        };
        Ok(Submitted {
            text: self.schema.unwrap_or_default(),
            references: self.references.unwrap_or_default(),
            id: positive(self.id)?,
            version: positive(self.version)?,
        })
    }
}

/// Answer to a registration.
#[derive(Debug, Serialize)]
pub(super) struct Registered {
    pub(super) id: u32,
}

/// A version of a subject.
#[derive(Debug, Serialize)]
pub(super) struct SubjectVersion {
    subject: String,
    version: u32,
    id: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference>,
    schema: String,
}

impl From<Found> for SubjectVersion {
    fn from(found: Found) -> Self {
        Self {
            subject: found.subject,
            version: found.version,
            id: found.id,
            references: found.references,
            schema: found.text.as_ref().to_owned(),
        }
    }
}

/// A schema by ID.
#[derive(Debug, Serialize)]
pub(super) struct SchemaText<'a> {
    pub(super) schema: &'a str,
    #[serde(skip_serializing_if = "<[Reference]>::is_empty")]
    pub(super) references: &'a [Reference],
}

/// Where a schema is used.
#[derive(Debug, Serialize)]
pub(super) struct Usage<'a> {
    pub(super) subject: &'a str,
    pub(super) version: u32,
}

/// Answer to a compatibility test.
#[derive(Debug, Serialize)]
pub(super) struct Compatibility {
    pub(super) is_compatible: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) messages: Option<Vec<String>>,
}

/// Body of `PUT /config`, and its answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ConfigUpdate {
    pub(super) compatibility: Option<String>,
}

/// Answer of `GET /config`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    pub(super) compatibility_level: String,
}

/// Body of `PUT /mode`, and every answer about modes.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ModeBody {
    pub(super) mode: String,
}

/// Answer to whatever went wrong.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    pub(super) error_code: u32,
    pub(super) message: String,
}
