//! What the embedded registry refuses, with the error codes Confluent documents.
//!
//! The first three digits of a five-digit code are its HTTP status. Messages name the subject and the version, because
//! they end up in the log of whichever client asked.

use super::settings::Mode;

/// A request that the registry refuses. [Confluent: Schema Registry API, "Errors"].
///
/// [Confluent: Schema Registry API, "Errors"]: https://docs.confluent.io/platform/current/schema-registry/develop/api.html#errors
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// 40401.
    #[error("Subject '{0}' not found.")]
    SubjectNotFound(String),
    /// 40402.
    #[error("Version {0} not found.")]
    VersionNotFound(String),
    /// 40403: no schema has that ID.
    #[error("Schema {0} not found")]
    IdNotFound(String),
    /// 40403: the subject has no version with that schema.
    #[error("Schema not found under subject '{0}'.")]
    SchemaNotFound(String),
    /// 40404.
    #[error("Subject '{0}' was soft deleted already. Set permanent=true to delete it permanently.")]
    SubjectSoftDeleted(String),
    /// 40405.
    #[error("Subject '{0}' was not soft deleted first, so it cannot be deleted permanently.")]
    SubjectNotSoftDeleted(String),
    /// 40406.
    #[error(
        "Subject '{0}' version {1} was soft deleted already. Set permanent=true to delete it permanently."
    )]
    VersionSoftDeleted(String, u32),
    /// 40407.
    #[error("Subject '{0}' version {1} was not soft deleted first, so it cannot be deleted permanently.")]
    VersionNotSoftDeleted(String, u32),
    /// 40408.
    #[error("Subject '{0}' does not have subject-level compatibility configured")]
    NoSubjectLevel(String),
    /// 40409.
    #[error("Subject '{0}' does not have subject-level mode configured")]
    NoSubjectMode(String),
    /// 40901.
    #[error(
        "Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: [{}]",
        details.join(", ")
    )]
    Incompatible {
        /// The subject.
        subject: String,
        /// One text for each incompatibility, then the old schema and the level.
        details: Vec<String>,
    },
    /// 42201.
    #[error("Invalid schema: {0}")]
    InvalidSchema(String),
    /// 42202.
    #[error("The version '{0}' is not a valid version: give a number from 1 to 2147483647, or \"latest\"")]
    InvalidVersion(String),
    /// 42203.
    #[error(
        "Invalid compatibility level '{0}'. Valid values are NONE, BACKWARD, FORWARD, FULL, BACKWARD_TRANSITIVE, \
         FORWARD_TRANSITIVE and FULL_TRANSITIVE"
    )]
    InvalidLevel(String),
    /// 42204.
    #[error("Invalid mode '{0}'. Valid values are READWRITE, READONLY, READONLY_OVERRIDE and IMPORT")]
    InvalidMode(String),
    /// 42205: writing where the mode forbids it.
    #[error("Subject '{subject}' is in {mode} mode: it cannot be changed")]
    ReadOnly {
        /// The subject.
        subject: String,
        /// Its effective mode.
        mode: Mode,
    },
    /// 42205: an ID or version given by the client outside IMPORT mode.
    #[error(
        "Subject '{0}' is not in import mode: a schema cannot be registered with an ID or version of its own"
    )]
    NotImporting(String),
    /// 42205: an ID that belongs to another schema.
    #[error("Overwriting the schema with ID {0} is not permitted")]
    IdTaken(u32),
    /// 42205: a version number that belongs to another schema.
    #[error("Overwriting version {1} of subject '{0}' is not permitted")]
    VersionTaken(String, u32),
    /// 42205: IMPORT mode where there are schemas already.
    #[error("Cannot import since found existing subjects: {0}. Delete them, or set force=true")]
    NotEmpty(String),
    /// 42206.
    #[error(
        "Subject '{subject}' version {version} is referenced by the schemas with IDs {by:?}: delete those first"
    )]
    Referenced {
        /// The subject.
        subject: String,
        /// The version others refer to.
        version: u32,
        /// Who refers to it.
        by: Vec<u32>,
    },
    /// 42208.
    #[error("The subject '{0}' is invalid: give 1 to {max} bytes without control characters", max = super::store::MAX_SUBJECT)]
    InvalidSubject(String),
    /// 42209.
    #[error("The {what} is larger than {limit} bytes, which is what the embedded registry takes")]
    TooLarge {
        /// What is.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// 422: a request body that is JSON, and something else than the endpoint takes.
    #[error("{0}")]
    Unprocessable(String),
    /// 50001.
    #[error("The embedded registry is full: it keeps at most {0} bytes of schemas in memory")]
    Full(usize),
}

impl RegistryError {
    /// The `error_code` of the answer.
    pub fn code(&self) -> u32 {
        match self {
            Self::SubjectNotFound(_) => 40401,
            Self::VersionNotFound(_) => 40402,
            Self::IdNotFound(_) | Self::SchemaNotFound(_) => 40403,
            Self::SubjectSoftDeleted(_) => 40404,
            Self::SubjectNotSoftDeleted(_) => 40405,
            Self::VersionSoftDeleted(..) => 40406,
            Self::VersionNotSoftDeleted(..) => 40407,
            Self::NoSubjectLevel(_) => 40408,
            Self::NoSubjectMode(_) => 40409,
            Self::Incompatible { .. } => 40901,
            Self::InvalidSchema(_) => 42201,
            Self::InvalidVersion(_) => 42202,
            Self::InvalidLevel(_) => 42203,
            Self::InvalidMode(_) => 42204,
            Self::ReadOnly { .. }
            | Self::NotImporting(_)
            | Self::IdTaken(_)
            | Self::VersionTaken(..)
            | Self::NotEmpty(_) => 42205,
            Self::Referenced { .. } => 42206,
            Self::InvalidSubject(_) => 42208,
            Self::TooLarge { .. } => 42209,
            Self::Unprocessable(_) => 422,
            Self::Full(_) => 50001,
        }
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        let code = self.code();
        let status = if code >= 10_000 { code / 100 } else { code };
        u16::try_from(status).unwrap_or(500)
    }
}
