//! Rust types, producers and consumers from Avro schemas and a manifest.

pub mod docs;
pub mod load;
pub mod manifest;
