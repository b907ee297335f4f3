//! Why a look-up failed, and what that means for a record.

use thiserror::Error;

use crate::framing::SchemaId;

/// A look-up that gave no schema or no ID.
///
/// For a consumer three things differ: an answer about the schema itself is final and makes the record poison
/// ([`is_final`](Self::is_final)); a registry that could not answer is asked again
/// ([`is_retryable`](Self::is_retryable)); anything else is for the operator, and a reason to stop.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The registry does not know the ID. Final.
    #[error(
        "the registry at {registry} has no {id}: the record was written with another registry, or the schema was \
         deleted for good"
    )]
    UnknownSchema {
        /// The ID in the record.
        id: SchemaId,
        /// The registry.
        registry: String,
    },
    /// The registry has the schema, and it cannot be used to read Avro. Final.
    #[error("{what} of the registry at {registry} cannot be used: {reason}")]
    Unusable {
        /// Which schema: `schema ID 7`.
        what: String,
        /// The registry.
        registry: String,
        /// Not Avro, not parsable, a reference that is not there.
        reason: String,
    },
    /// Our schema is not registered under its subject.
    #[error(
        "the schema of subject {subject} is not registered at {registry}: run `fleetops-registry register`, and make \
         sure that it is the schema this program was built with"
    )]
    NotRegistered {
        /// The subject.
        subject: String,
        /// The registry.
        registry: String,
    },
    /// The registry did not answer in time, or could not be reached. Worth another try.
    #[error("the registry at {registry} could not be reached: {reason}")]
    Unreachable {
        /// The registry.
        registry: String,
        /// What the network said.
        reason: String,
    },
    /// The registry answered that it cannot answer, or something that is no answer. Worth another try.
    #[error("the registry at {registry} gave no answer: {reason}")]
    NoAnswer {
        /// The registry.
        registry: String,
        /// Status and message, or what was wrong with the answer.
        reason: String,
    },
    /// The registry does not let us in.
    #[error("the registry at {registry} refuses us: {reason}; check its user name and password, or token")]
    Refused {
        /// The registry.
        registry: String,
        /// Status and message.
        reason: String,
    },
    /// The registry does not take the request, or what is at that address is no registry.
    #[error(
        "the registry at {registry} does not take the request: {reason}; check that the address is a registry's"
    )]
    Rejected {
        /// The registry.
        registry: String,
        /// Status and message.
        reason: String,
    },
    /// The settings cannot be used.
    #[error("{reason}")]
    Settings {
        /// What is wrong with them.
        reason: String,
    },
}

impl RegistryError {
    /// Whether the answer is about the schema, so that asking again is of no use and the record can never be read.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::UnknownSchema { .. } | Self::Unusable { .. } | Self::NotRegistered { .. }
        )
    }

    /// Whether the registry may answer if it is asked again.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NoAnswer { .. })
    }
}
