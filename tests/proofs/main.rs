//! Proofs on real Apache Kafka: what is promised about streams, while processes are killed, consumers come and go, and
//! brokers fail and refuse.
//!
//! Producers and consumers are processes of their own (this program once more, see `worker`), over the generated types. Each
//! consumer writes what it handled to a ledger file of its own, which is all that is believed about it afterwards.
//!
//! The short versions run with all tests, where Java 21, Maven and curl are there and `FLEETOPS_E2E` is not 0. The long ones, on
//! a real scene from `FLEETOPS_TEST_DATA`, and the soak are asked for:
//! `cargo test --release --test proofs -- --ignored --nocapture [NAME]`

// Helpers of tests are tests, but clippy knows functions with #[test] only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout
)]

mod broker;
mod claims;
mod cluster;
mod crash;
mod group;
mod ledger;
mod log;
mod partitions;
mod refusals;
mod registries;
mod scene;
mod topic;
mod worker;
