//! `demo`.

use super::{CliError, Global, Outcome};

/// Runs the whole path on embedded servers and checks the books
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: Args, _: &Global) -> Result<Outcome, CliError> {
    Err(CliError::incomplete("`demo` is being built"))
}
