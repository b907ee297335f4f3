//! Schema registries with Confluent's REST API, as a client.
//!
//! [`Client`] makes single calls and tells what went wrong in words a user can act on. It keeps no cache and decides
//! nothing: what to register, and in which order, is the planner's business.

mod client;
mod error;
mod wire;

pub use client::{Auth, Client};
pub use error::ClientError;
pub use wire::{Compatibility, Reference, SchemaText, SubjectVersion};
