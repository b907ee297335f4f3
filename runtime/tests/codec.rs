//! The codec from outside: against apache-avro's bytes, round trips, and input that nobody meant well.

#![allow(clippy::expect_used)] // a helper of tests may fail as a test does

#[cfg(feature = "bigdecimal")]
#[path = "codec/big.rs"]
mod big;
#[path = "codec/hostile.rs"]
mod hostile;
#[path = "codec/human.rs"]
mod human;
#[path = "codec/logical.rs"]
mod logical;
#[path = "codec/peer.rs"]
mod peer;
#[path = "codec/resolver.rs"]
mod resolver;
#[path = "codec/sample.rs"]
mod sample;
