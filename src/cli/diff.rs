//! `diff`: what changed between two schemas. It reports; `compat` and `check` judge.

use std::path::{Path, PathBuf};

use fleetops_avro::diff::diff;

use super::{CliError, Format, Global, Outcome, schema};

const HELP: &str = "\
Examples:
  fleetops-registry diff old.avsc new.avsc
  fleetops-registry diff old.avsc new.avsc --format json
  git show main:schemas/Order.avsc | fleetops-registry diff - schemas/Order.avsc

Each change has its path, its places, and what it does to readers with the new schema (of old data) and to those with the
old one (of new data). Below stand the strongest level that holds and which side to upgrade first.
It reports and does not judge: the exit code is 0 whatever changed; `compat` and `check` fail where something breaks.

JSON: {\"equal\",\"level\",\"upgrade_first\",\"advice\",\"changes\":[{\"path\",\"owner\",\"kind\",\"words\",\"caution\",\"old\":{\"file\",\"line\",
\"column\"},\"new\",\"new_readers\":{\"effect\",\"how\"|\"type\",\"location\",\"message\",\"cause\"},\"old_readers\"}],\"truncated\",\"unexplained\"}";

/// Tell what changed between two schemas, and whom it breaks
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// The old schema, or - for standard input
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// The new schema, or - for standard input
    #[arg(value_name = "NEW")]
    new: PathBuf,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let stdin = Path::new("-");
    if args.old == stdin && args.new == stdin {
        return Err(CliError::usage(
            "only one of the two schemas can come from standard input",
        ));
    }
    let old = schema::read(&args.old, global)?;
    let new = schema::read(&args.new, global)?;
    let report = diff(&old, &new);
    match format {
        Format::Json => global.result(&format!("{}\n", report.to_json()))?,
        _ => global.result(&report.to_string())?,
    }
    Ok(Outcome::Clean)
}
