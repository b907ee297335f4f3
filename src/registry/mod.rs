//! Schema registries with Confluent's REST API: a client, and the plan that brings a registry to what the manifest wants.
//!
//! [`Client`] makes single calls and tells what went wrong in words a user can act on. [`desired`] reads the manifest,
//! [`plan`] compares it with what the registry holds and decides what is compatible, [`carry_out`] does one subject's
//! part of it. Nothing is cached between runs.

pub mod adopt;
mod client;
mod desired;
mod error;
mod layout;
pub mod lock;
mod many;
mod obstacle;
mod plan;
mod rules;
mod snapshot;
mod verdict;
mod wire;

pub use client::{Auth, Client, LEVEL, Reach, Settings};
pub use desired::{Desired, DesiredError, desired};
pub use error::ClientError;
pub use layout::laid_out;
pub use obstacle::Obstacle;
pub use plan::{Action, LevelChange, Look, Problem, Registered, SubjectStep, carry_out, plan, plan_on};
pub use rules::RULES;
pub use snapshot::{Held, Overview, Snapshot, SubjectState, VersionState, overview};
pub use verdict::{Breach, Verdict, judge};
pub use wire::{Compatibility, Reference, SchemaText, SubjectVersion};

/// A short text that tells two long ones apart: SHA-256, 32 digits of it.
pub(crate) fn fingerprint(text: &str) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(text.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
