//! The program as a user runs it: arguments in, exit code, standard output and standard error out.
//!
//! Messages are held by `expect/NAME.stderr`; `UPDATE_EXPECT=1` writes them anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod adopt;
mod approvals;
mod check;
mod compat;
mod decode;
mod diff;
mod docs;
mod errors;
mod fronts;
mod general;
mod generate;
mod git;
mod harness;
mod lint;
mod lock;
mod rollout;
mod rules;
mod sarif;
mod schema;
mod secrets;
mod secure;
mod servers;
mod templates;
mod tree;
mod unreadable;
