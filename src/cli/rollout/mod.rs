//! `plan`, `apply` and `drift`: everything that the manifest wants of an environment, as one change.
//!
//! The plan is `fleetops_registry::rollout`'s; here are the servers, the file, the question, and the order of words.

mod gather;
mod show;

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use fleetops_codegen::manifest::Manifest;
use fleetops_registry::registry::{Desired, desired, lock};
use fleetops_registry::rollout::{Failure, Item, Rollout, Saved};

use super::confirm::{Paint, confirm};
use super::dev::runtime;
use super::register::show::{count, diagnostics};
use super::{CliError, Format, Global, Outcome};
use gather::Servers;

const PLAN_HELP: &str = "\
Examples:
  fleetops-registry plan                               what apply would do
  fleetops-registry plan --env prod -o prod.plan       and keep it for apply
  fleetops-registry plan --format markdown             for a pull request
  fleetops-registry plan --only subjects               where there is no cluster at hand

First schemas, in the order of their references, then topics, then settings. Every part is checked: schemas against all
versions, topics by asking the brokers. ! stands against the plan as a whole (exit code 1); nothing is changed.";

const APPLY_HELP: &str = "\
Examples:
  fleetops-registry apply                              plans, shows, asks, does
  fleetops-registry apply --env prod --yes             for scripts
  fleetops-registry apply prod.plan --env prod --yes   what was reviewed, and nothing else

Nothing is done if any part would fail (exit code 1). A saved plan is made again and compared: it is refused where the
files or the servers are no longer those it was made from. A failure on the way says what was done (exit code 4); a
second run, with the same file or without one, does the rest. Nothing is ever deleted. Where there is a lock of the
environment it is brought up to date.";

const DRIFT_HELP: &str = "\
Examples:
  fleetops-registry drift --env prod                   exit code 1 where anything differs
  fleetops-registry drift --env prod --format json     one object a line, for a monitor

Drift is what apply would change, what it would refuse, versions registered by somebody else, copies that differ, and a
lock that is not up to date.";

/// A part of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// The registry's part.
    Subjects,
    /// The cluster's part.
    Topics,
}

#[derive(Debug, clap::Args)]
struct Choice {
    /// One part alone; the other server is not asked
    #[arg(long, value_name = "WHAT")]
    only: Option<Only>,

    /// Let topics grow whose records have keys, or that are compacted: keys move to other partitions
    #[arg(long)]
    allow_rekey: bool,
}

/// Say what must be done so that the servers have what the manifest wants: schemas, topics, settings
#[derive(Debug, clap::Args)]
#[command(after_help = PLAN_HELP)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    choice: Choice,

    /// Keep the plan in a file, for `apply FILE`
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Do it: schemas, topics, settings
#[derive(Debug, clap::Args)]
#[command(after_help = APPLY_HELP)]
pub(crate) struct ApplyArgs {
    /// A plan that `plan -o FILE` kept
    #[arg(value_name = "FILE", conflicts_with_all = ["only", "allow_rekey"])]
    file: Option<PathBuf>,

    #[command(flatten)]
    choice: Choice,

    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// Say where the servers differ from the manifest and the lock
#[derive(Debug, clap::Args)]
#[command(after_help = DRIFT_HELP)]
pub(crate) struct DriftArgs {
    #[command(flatten)]
    choice: Choice,
}

/// What every one of the three begins with.
struct Wishes {
    manifest: Manifest,
    wanted: Vec<Desired>,
}

fn wishes(global: &Global, command: &str) -> Result<Wishes, CliError> {
    let (manifest, schemas) = global.load_with_manifest(command)?;
    let wanted = desired(&manifest, &schemas).map_err(|error| CliError::usage(error.to_string()))?;
    Ok(Wishes { manifest, wanted })
}

pub(crate) fn plan(args: PlanArgs, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json, Format::Markdown])?;
    let wishes = wishes(global, "plan")?;
    let servers = Servers::new(global, &wishes, args.choice.only)?;
    let rollout = runtime()?.block_on(servers.plan(global, args.choice.allow_rekey))?;
    global.result(&match format {
        Format::Json => show::json(&rollout, "planned"),
        Format::Markdown => show::markdown(&rollout, &servers.place()),
        _ => show::text(&rollout, Paint(global.color_stdout())),
    })?;
    told(global, format, &rollout, &servers);
    if rollout.problems() > 0 {
        if args.output.is_some() {
            global.say("no file was written: a plan that would be refused is none");
        }
        return Ok(Outcome::Findings);
    }
    if let Some(path) = args.output {
        let saved = Saved::of(&rollout, servers.has_subjects(), servers.has_topics());
        std::fs::write(&path, saved.text())
            .map_err(|error| CliError::output(path.display().to_string(), error))?;
        global.say(&format!(
            "kept in {0}; do it: fleetops-registry apply {0} --env {1}",
            path.display(),
            global.env
        ));
    }
    Ok(Outcome::Clean)
}

/// Says where, how much, and why not.
fn told(global: &Global, format: Format, rollout: &Rollout, servers: &Servers<'_>) {
    if format != Format::Markdown {
        let steps: Vec<_> = rollout.subjects.iter().map(|part| part.step.clone()).collect();
        diagnostics(global, &steps);
    }
    if let Some(id) = rollout.cluster.as_ref().filter(|_| !servers.is_pinned()) {
        global.detail(&format!(
            "the cluster is {id}; with cluster-id = \"{id}\" in [env.{}] no other one is ever touched",
            rollout.environment
        ));
    }
    global.say(&format!("{}: {}", servers.place(), show::summary(rollout)));
}

pub(crate) fn apply(args: ApplyArgs, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let saved = args.file.as_ref().map(|path| read(path, global)).transpose()?;
    let wishes = wishes(global, "apply")?;
    let (only, allow_rekey) = match &saved {
        None => (args.choice.only, args.choice.allow_rekey),
        Some(saved) => {
            let only = match (saved.with_subjects, saved.with_topics) {
                (true, false) => Some(Only::Subjects),
                (false, true) => Some(Only::Topics),
                _ => None,
            };
            (only, saved.allow_rekey)
        }
    };
    let servers = Servers::new(global, &wishes, only)?;
    runtime()?.block_on(async {
        let rollout = servers.plan(global, allow_rekey).await?;
        if let Some(saved) = &saved {
            let now = Saved::of(&rollout, servers.has_subjects(), servers.has_topics());
            let differences = saved.differences(&now);
            if !differences.is_empty() {
                for difference in &differences {
                    global.say(&format!("! {difference}"));
                }
                let file = args
                    .file
                    .as_deref()
                    .unwrap_or(Path::new(""))
                    .display()
                    .to_string();
                global.say(&format!(
                    "{file} is not the plan for what is there now, and nothing was changed; make it anew: \
                     fleetops-registry plan --env {} -o {file}",
                    global.env
                ));
                return Ok(Outcome::Findings);
            }
        }
        if format == Format::Text {
            global.result(&show::text(&rollout, Paint(global.color_stdout())))?;
        }
        told(global, format, &rollout, &servers);
        if rollout.problems() > 0 {
            if format == Format::Json {
                global.result(&show::json(&rollout, "refused"))?;
            }
            global.say("nothing was changed");
            return Ok(Outcome::Findings);
        }
        let changes = rollout.items().len();
        if changes == 0 {
            if format == Format::Json {
                global.result(&show::json(&rollout, "done"))?;
            }
            servers.refresh_lock(global).await?;
            return Ok(Outcome::Clean);
        }
        if !confirm(global, args.yes, &count(changes, "change"), &servers.place())? {
            return Ok(Outcome::Findings);
        }
        carry_out(global, format, &servers, &rollout).await
    })
}

fn read(path: &Path, global: &Global) -> Result<Saved, CliError> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        CliError::usage(format!("cannot read {name}: {error}")).with_help("make it with `plan -o FILE`")
    })?;
    let saved = Saved::parse(&text).map_err(|error| {
        CliError::usage(format!("{name}: {error}")).with_help("make it with `plan -o FILE`")
    })?;
    if saved.environment != global.env {
        return Err(CliError::usage(format!(
            "{name} is a plan for environment {}, and {} was asked for",
            saved.environment, global.env
        ))
        .with_help(format!("add --env {}", saved.environment)));
    }
    Ok(saved)
}

async fn carry_out(
    global: &Global,
    format: Format,
    servers: &Servers<'_>,
    rollout: &Rollout,
) -> Result<Outcome, CliError> {
    let all = rollout.items();
    let mut done = 0_usize;
    let mut written = Ok(());
    let result = rollout
        .carry_out(servers.client(), servers.cluster(), |item, new| {
            done += 1;
            let line = match format {
                Format::Json => show::json_item(&item, new, "done"),
                _ => format!("[{done}/{}] {}", all.len(), show::done(&item, new)),
            };
            written = std::mem::replace(&mut written, Ok(())).and_then(|()| global.result(&line));
        })
        .await;
    if let Err(failure) = result {
        return Err(failed(global, format, &all, done, &failure));
    }
    written?;
    servers.wait_until_shown(global).await;
    servers.refresh_lock(global).await?;
    global.say(&format!("done: {}", count(done, "change")));
    Ok(Outcome::Clean)
}

/// What was done, what failed and what is left. Things are done in order, so the rest is what comes after.
fn failed(global: &Global, format: Format, all: &[Item<'_>], done: usize, failure: &Failure) -> CliError {
    for item in all.iter().skip(done) {
        let written = match format {
            Format::Json => global.result(&show::json_item(item, None, "not-done")),
            _ => {
                global.say(&format!("not done: {}", show::line(item)));
                Ok(())
            }
        };
        if written.is_err() {
            break;
        }
    }
    let help = "run `apply` again, with the same file or without one: it does what is missing";
    if done == 0 {
        return CliError::incomplete(format!("{failure}; nothing was changed before it")).with_help(help);
    }
    CliError::partial(format!(
        "{failure}; {done} of {} were made before it",
        count(all.len(), "change")
    ))
    .with_help(help)
}

pub(crate) fn drift(args: DriftArgs, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let wishes = wishes(global, "drift")?;
    let servers = Servers::new(global, &wishes, args.choice.only)?;
    let folder = lock::folder(&wishes.manifest.folder, &global.env);
    let locked = match servers.has_subjects() {
        true => lock::read(&folder).map_err(CliError::Unreadable)?,
        false => None,
    };
    let (rollout, look) = runtime()?.block_on(servers.look(global, args.choice.allow_rekey))?;
    let mut drifts = show::drifts(&rollout);
    if let Some(locked) = locked {
        for (subject, differences) in lock::differences(&locked, &look.snapshot) {
            drifts.extend(differences.iter().map(|difference| show::Drift {
                kind: "lock",
                name: subject.clone(),
                code: difference.code().to_owned(),
                message: difference.to_string(),
            }));
        }
    }
    global.result(&match format {
        Format::Json => drifts.iter().map(show::Drift::json).collect::<String>(),
        _ => show::drift_text(&drifts, Paint(global.color_stdout())),
    })?;
    if drifts.is_empty() {
        global.say(&format!("{}: as the manifest wants it", servers.place()));
        return Ok(Outcome::Clean);
    }
    global.say(&format!(
        "{}: {}",
        servers.place(),
        count(drifts.len(), "difference")
    ));
    Ok(Outcome::Findings)
}
