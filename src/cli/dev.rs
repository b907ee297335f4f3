//! `dev`.

use super::{CliError, Global, Outcome};

/// Keeps an embedded broker and registry up
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_: Args, _: &Global) -> Result<Outcome, CliError> {
    Err(CliError::incomplete("`dev` is being built"))
}
