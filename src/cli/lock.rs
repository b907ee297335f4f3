//! `lock`: what an environment's registry holds, written down and committed.

use std::collections::{BTreeMap, BTreeSet};

use clap::Subcommand;
use fleetops_avro::Diagnostic;
use fleetops_codegen::manifest::Manifest;
use fleetops_registry::registry::lock::{self, Difference};
use fleetops_registry::registry::{Client, Desired, Snapshot, desired};
use serde_json::json;

use super::check::held::place_of;
use super::dev::runtime;
use super::register::show::count;
use super::register::{incomplete, reach};
use super::{CliError, Format, Global, Outcome, report};

const HELP: &str = "\
Examples:
  fleetops-registry lock update                  write registry.lock/dev from the registry
  fleetops-registry lock update --env prod       another environment's
  fleetops-registry lock verify --env prod       exit 1 where the registry has moved on

Commit registry.lock: `check` then needs no registry. A conflict in it is resolved by `lock update`.";

/// Write down what the registry holds, or say what has changed since
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write every version of the manifest's subjects, and of what they refer to, to registry.lock/ENV
    #[command(after_help = HELP)]
    Update,
    /// Say where the registry holds something else than the lock says (exit code 1)
    #[command(after_help = HELP)]
    Verify,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = match args.command {
        Command::Update => global.format(&[Format::Text, Format::Json])?,
        Command::Verify => global.format(&Format::FINDINGS)?,
    };
    report::or_unreadable(global, format, |global| go(&args, global, format))
}

fn go(args: &Args, global: &Global, format: Format) -> Result<Outcome, CliError> {
    let (manifest, schemas) = global.load_with_manifest("lock")?;
    let wanted = desired(&manifest, &schemas).map_err(|error| CliError::usage(error.to_string()))?;
    let environment = global.environment(&manifest)?;
    runtime()?.block_on(async {
        let client = reach(&environment)?;
        match args.command {
            Command::Update => update(global, format, &manifest, &client, &wanted).await,
            Command::Verify => verify(global, format, &manifest, &client, &wanted).await,
        }
    })
}

/// What the registry holds of the wanted subjects and of what these refer to.
pub(super) async fn fetch(client: &Client, wanted: &[Desired]) -> Result<Snapshot, CliError> {
    let names: BTreeSet<String> = wanted.iter().map(|wish| wish.subject.clone()).collect();
    Snapshot::fetch(client, names).await.map_err(incomplete)
}

async fn update(
    global: &Global,
    format: Format,
    manifest: &Manifest,
    client: &Client,
    wanted: &[Desired],
) -> Result<Outcome, CliError> {
    let folder = lock::folder(&manifest.folder, &global.env);
    let before = match lock::read(&folder) {
        Ok(before) => before.unwrap_or_default(),
        // It is written anew in any case.
        Err(found) => {
            let first = found
                .first()
                .map(|d| d.primary.place.to_string())
                .unwrap_or_default();
            global.say(&format!(
                "note: the lock could not be read ({first}) and is written anew"
            ));
            Snapshot::default()
        }
    };
    let now = fetch(client, wanted).await?;
    let changed = lock::differences(&before, &now);
    let touched =
        lock::write(&folder, &now).map_err(|error| CliError::output(folder.display().to_string(), error))?;
    global.result(&match format {
        Format::Json => json_lines(&changed),
        _ => text(&changed),
    })?;
    let versions: usize = now.subjects.values().map(|state| state.live().count()).sum();
    global.say(&format!(
        "{}: {} subjects, {versions} versions; {} files changed",
        folder.display(),
        now.subjects.len(),
        touched.len()
    ));
    Ok(Outcome::Clean)
}

/// Writes the lock anew where there is one, after something was registered.
pub(super) async fn refresh(
    global: &Global,
    manifest: &Manifest,
    client: &Client,
    wanted: &[Desired],
) -> Result<(), CliError> {
    let folder = lock::folder(&manifest.folder, &global.env);
    if !folder.is_dir() {
        return Ok(());
    }
    let now = fetch(client, wanted).await?;
    let touched =
        lock::write(&folder, &now).map_err(|error| CliError::output(folder.display().to_string(), error))?;
    if !touched.is_empty() {
        global.say(&format!("{} was brought up to date: commit it", folder.display()));
    }
    Ok(())
}

async fn verify(
    global: &Global,
    format: Format,
    manifest: &Manifest,
    client: &Client,
    wanted: &[Desired],
) -> Result<Outcome, CliError> {
    let folder = lock::folder(&manifest.folder, &global.env);
    let Some(locked) = lock::read(&folder).map_err(CliError::Unreadable)? else {
        let name = manifest.environment(&global.env).map(|found| found.name.span);
        let missing = Diagnostic::error(
            "lock-stale",
            manifest.place(name.unwrap_or_default()),
            format!("there is no lock of environment {}", global.env),
            "nothing was written down of what its registry holds",
        );
        let missing = missing.help(format!(
            "write it: fleetops-registry lock update --env {}",
            global.env
        ));
        report::diagnostics(global, format, &[missing])?;
        return Ok(Outcome::Findings);
    };
    let now = fetch(client, wanted).await?;
    let found = stale(manifest, wanted, &locked, &now, &global.env);
    report::diagnostics(global, format, &found)?;
    let place = format!("{} ({})", client.url(), global.env);
    if found.is_empty() {
        global.say(&format!("{place}: as the lock says"));
        return Ok(Outcome::Clean);
    }
    global.say(&format!(
        "{place}: {} from the lock",
        count(found.len(), "difference")
    ));
    Ok(Outcome::Findings)
}

/// A finding for each way in which the registry differs from the lock.
pub(super) fn stale(
    manifest: &Manifest,
    wanted: &[Desired],
    locked: &Snapshot,
    now: &Snapshot,
    environment: &str,
) -> Vec<Diagnostic> {
    let mut all = Vec::new();
    for (subject, differences) in lock::differences(locked, now) {
        let place = locked
            .subjects
            .get(&subject)
            .and_then(|state| state.place.clone())
            .unwrap_or_else(|| place_of(manifest, wanted, &subject));
        for difference in differences {
            all.push(
                Diagnostic::error(
                    "lock-stale",
                    place.clone(),
                    format!("subject {subject}: {difference}"),
                    "not what the registry holds",
                )
                .help(format!(
                    "see what was done with `subjects get {subject}`, then: fleetops-registry lock update --env {environment}"
                )),
            );
        }
    }
    all
}

fn text(changed: &BTreeMap<String, Vec<Difference>>) -> String {
    let width = changed.keys().map(String::len).max().unwrap_or(0);
    let mut out = String::new();
    for (subject, differences) in changed {
        let mut name = subject.as_str();
        for difference in differences {
            let sign = match difference {
                Difference::SubjectAdded | Difference::VersionAdded { .. } => "+",
                Difference::SubjectGone | Difference::VersionGone(_) => "-",
                _ => "~",
            };
            out.push_str(&format!("{sign} {name:<width$}  {difference}\n"));
            name = "";
        }
    }
    out
}

fn json_lines(changed: &BTreeMap<String, Vec<Difference>>) -> String {
    let mut out = String::new();
    for (subject, differences) in changed {
        for difference in differences {
            let object =
                json!({"subject": subject, "change": difference.code(), "message": difference.to_string()});
            out.push_str(&format!("{object}\n"));
        }
    }
    out
}
