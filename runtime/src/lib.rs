//! What generated code calls: Avro codec, dedup, reorder, producers and consumers.

pub mod engine;
pub mod topic;
