//! `doctor`: what is wrong between this tree and its servers.

use super::{CliError, Format, Global, Outcome};
use crate::doctor::{self, Overall, Patient};

const HELP: &str = "\
Examples:
  fleetops-registry doctor                       the environment dev
  fleetops-registry doctor --env prod            another one
  fleetops-registry doctor --records 10000       look further back for keys and duplicates
  fleetops-registry doctor --format json         an object a check

Nothing is changed: no topic is made, nothing is registered, no group is joined, no offset committed.

Exit codes: 0 all is well; 1 the servers answered, and there are problems; 3 a server did not answer.
A check that could not be made because of another one's problem is told as `not checked`.";

/// Find out what is wrong with brokers, registry, topics, subjects and records
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// How many of a topic's newest records are read; 0 reads none
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(..=100_000))]
    records: u64,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let (manifest, schemas) = global.load_with_manifest("doctor")?;
    let environment = global.environment(&manifest)?;
    global.detail(&format!("looking at environment {}", environment.name));
    let patient = Patient::new(&manifest, &schemas, environment, args.records).map_err(CliError::usage)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::incomplete(format!("cannot start: {error}")))?;
    let checks = runtime.block_on(doctor::examine(&patient));
    // Clients that wait for servers that do not answer need not end first.
    runtime.shutdown_background();
    global.result(&match format {
        Format::Json => doctor::json(&checks),
        _ => doctor::text(&checks, global.color_stdout(), global.quiet),
    })?;
    Ok(match doctor::overall(&checks) {
        Overall::Healthy => Outcome::Clean,
        Overall::Problems => Outcome::Findings,
        Overall::Unreachable => Outcome::Incomplete,
    })
}
