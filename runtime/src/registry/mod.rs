//! Look-ups in a schema registry: which schema an ID stands for, and which ID our schema has.
//!
//! [`SchemaSource`] is what producers and consumers ask. It keeps every schema it has seen for ever, because an ID's
//! schema never changes, and keeps no error, because a registry that was down comes back. Several callers that miss
//! the same ID at the same time share one request and its outcome.
//!
//! Nothing here registers anything: a producer whose schema is not registered gets an error that says so. The HTTP
//! calls are schema_registry_converter's, behind [`RegistryClient`], which tests and other transports implement.

mod client;
mod error;
mod settings;
mod source;
mod subject;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;

pub use error::RegistryError;
pub use settings::{RegistryAuthentication, RegistrySettings};
pub use source::SchemaSource;

use crate::framing::SchemaId;

/// What a [`RegistryClient`] answers, in time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, RegistryError>> + Send + 'a>>;

/// A schema as a registry holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegisteredSchema {
    /// The registry's number for it, where the answer has one.
    pub id: Option<u32>,
    /// The version within its subject, where the answer has one.
    pub version: Option<u32>,
    /// `AVRO`, `PROTOBUF` or `JSON`; none means Avro.
    pub schema_type: Option<String>,
    /// The schema's text. Types of its references are missing in it.
    pub schema: String,
    /// Other registered schemas that the text needs.
    pub references: Vec<SchemaReference>,
}

impl RegisteredSchema {
    /// An Avro schema with that text, and no references.
    pub fn avro(schema: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            ..Self::default()
        }
    }
}

/// A reference of a registered schema to another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SchemaReference {
    /// What the schema calls it: for Avro the full name of the type.
    pub name: String,
    /// The subject it is registered under.
    pub subject: String,
    /// The version within that subject.
    pub version: u32,
}

/// The calls to a registry that look-ups are made of. Implementations keep nothing and try once.
///
/// "Not there" is an answer (`None`); errors are for everything else.
pub trait RegistryClient: Send + Sync + 'static {
    /// Where it is, for messages. Without credentials.
    fn address(&self) -> String;

    /// The schema with that ID or GUID, soft-deleted ones included: `GET /schemas/ids/{id}`,
    /// `GET /schemas/guids/{guid}`.
    fn schema(&self, id: SchemaId) -> Answer<'_, Option<RegisteredSchema>>;

    /// A version of a subject, or its latest: `GET /subjects/{subject}/versions/{version}`.
    fn version<'a>(&'a self, subject: &'a str, version: Option<u32>) -> Answer<'a, Option<RegisteredSchema>>;

    /// The ID of that text under that subject, where it is registered: `POST /subjects/{subject}`. Registers nothing.
    fn look_up<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, Option<u32>>;
}
