//! The commands that talk to servers, on a real Kafka and a real registry.
//!
//! They need Java 21, Maven and curl, and are skipped with a word where these are not, or with `FLEETOPS_E2E=0`.

// Helpers of tests are tests, but clippy knows functions with #[test] only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod check;
mod contract;
mod dead_letters;
mod errors;
mod fleet;
mod groups;
mod interop;
mod large;
mod levels;
/// The generated code of `tests/golden/open`.
#[path = "../golden/open/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod open;
mod open_enums;
mod project;
mod properties;
mod register;
mod secure;
mod service;
mod stack;
mod story;
mod topics;
mod unreachable;
