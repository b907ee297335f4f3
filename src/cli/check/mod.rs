//! `check`: may these schemas follow the ones before?
//!
//! The new schemas are read from the working tree. The old ones are the versions of a registry, as the lock has them
//! or as the registry answers (`held`): then every version takes part, as its level says. Or they come from a git
//! revision or a path (`base`): there is one old version then, `pair` says which one each new schema follows, and the
//! summary says that a transitive level was held against that one alone. `topics` adds what a change does to keys,
//! stages and partitions. All findings are one list of diagnostics with rule IDs.

mod base;
pub(super) mod held;
mod pair;
mod topics;

use std::collections::BTreeSet;

use fleetops_avro::compat::{Level, Old, check_level, diagnose};
use fleetops_avro::{Diagnostic, Severity};
use fleetops_codegen::load::{self, Root};
use fleetops_codegen::manifest::{Manifest, Topic};
use fleetops_registry::registry::{Desired, Snapshot, desired, lock};

use super::approvals::Approvals;
use super::dev::runtime;
use super::register::{incomplete, reach};
use super::{CliError, Format, Global, Outcome, report};
use base::{Against, Base, Files};
use pair::Pairing;

const HELP: &str = "\
Examples:
  fleetops-registry check                              with the lock, if there is one; else with where HEAD left main
  fleetops-registry check --locked --offline           with the lock and nothing else: no network, no git
  fleetops-registry check --env prod                   with another environment's lock
  fleetops-registry check --against registry           with what the registry holds now
  fleetops-registry check --against git:v1.4.0         with a tag, a branch or a commit
  fleetops-registry check --against ../released        with a folder (or one file) of schemas
  fleetops-registry check --mode full_transitive       at another level than the manifest's
  fleetops-registry check --format github              annotations for a pull request

The lock and the registry have every version of a subject, so all seven levels are checked as the registry would. A git
revision or a folder is one version. Without a manifest (--schemas PATH alone) every file is a subject, at BACKWARD.
--locked without --offline also asks the registry whether the lock is up to date.
A break that is meant is approved in the manifest with [[approvals]]; what to write is told with the findings.
In a shallow clone without the merge base the command fails (exit 3) and says how to fetch it.";

/// Check that the schemas may follow the ones before
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// What to compare with: lock, registry, git:REVISION, or a folder or file
    /// [default: the lock of the environment if it is there, else the merge base with the default branch]
    #[arg(long, value_name = "lock|registry|git:REF|PATH")]
    against: Option<Against>,

    /// Compatibility level for all, instead of the manifest's
    #[arg(long, value_name = "LEVEL")]
    mode: Option<Level>,

    /// Compare with the lock, and fail where there is none or the registry has moved on
    #[arg(long)]
    locked: bool,

    /// Ask no server: the lock is taken for up to date
    #[arg(long)]
    offline: bool,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&Format::FINDINGS)?;
    report::or_unreadable(global, format, |global| check(args, global, format))
}

fn check(args: Args, global: &Global, format: Format) -> Result<Outcome, CliError> {
    let manifest = global.load_manifest()?;
    let roots = global.roots(manifest.as_ref());
    let new = Files::new(load::load_roots(&roots).map_err(CliError::Unreadable)?, &roots);
    let report = match side(&args, global, manifest.as_ref())? {
        Side::Files(against) => {
            let base = Base::load(against, global, manifest.as_ref(), &roots)?;
            with_files(&new, &base, manifest.as_ref(), args.mode)
        }
        Side::Lock(manifest, locked) => with_lock(&args, global, manifest, &new, locked, &roots)?,
        Side::Registry(manifest) => with_registry(&args, global, manifest, &new, &roots)?,
    };
    let mut found: Vec<Diagnostic> = new.schemas.warnings().to_vec();
    let mut approvals = Approvals::new(manifest.as_ref(), chrono::Utc::now().date_naive());
    found.extend(approvals.filter(report.found));
    found.extend(approvals.warnings());
    if global.quiet {
        found.retain(|d| d.severity == Severity::Error);
    }
    report::diagnostics(global, format, &found)?;
    let errors = found.iter().filter(|d| d.severity == Severity::Error).count();
    global.say(&report.summary.text(errors, approvals.used()));
    let asked = args.against == Some(Against::Registry) || (args.locked && !args.offline);
    if global.names_registry() && !asked {
        global.say(
            "note: --registry says where the registry is, and it was not asked: compare with it by --against registry",
        );
    }
    if let Some(offer) = approvals.offer() {
        global.say(offer.trim_end());
    }
    Ok(match (errors, report.unreadable) {
        (0, _) => Outcome::Clean,
        (_, true) => Outcome::Unreadable,
        (_, false) => Outcome::Findings,
    })
}

/// The old side.
enum Side<'a> {
    Files(Option<&'a Against>),
    Lock(&'a Manifest, Snapshot),
    Registry(&'a Manifest),
}

fn side<'a>(args: &'a Args, global: &Global, manifest: Option<&'a Manifest>) -> Result<Side<'a>, CliError> {
    let needs = |what: &str| {
        CliError::usage(format!("{what} needs a manifest, and --schemas alone reads none"))
            .with_help("add --manifest FILE")
    };
    let by_lock = args.locked || args.against == Some(Against::Lock);
    match &args.against {
        Some(against) if args.locked && *against != Against::Lock => {
            return Err(CliError::usage(
                "--locked compares with the lock, and --against names something else",
            ));
        }
        Some(Against::Registry) if args.offline => {
            return Err(CliError::usage(
                "--against registry asks a server, and --offline asks none",
            ));
        }
        Some(Against::Registry) => {
            return manifest
                .map(Side::Registry)
                .ok_or_else(|| needs("--against registry"));
        }
        Some(against @ (Against::Git(_) | Against::Path(_))) => return Ok(Side::Files(Some(against))),
        Some(Against::Lock) | None => {}
    }
    let Some(manifest) = manifest else {
        return match by_lock {
            true => Err(needs("the lock")),
            false => Ok(Side::Files(None)),
        };
    };
    let folder = lock::folder(&manifest.folder, &global.env);
    match lock::read(&folder).map_err(CliError::Unreadable)? {
        Some(locked) => Ok(Side::Lock(manifest, locked)),
        None if by_lock => Err(CliError::incomplete(format!(
            "there is no lock of environment {}: {} does not exist",
            global.env,
            folder.display()
        ))
        .with_help(format!(
            "write it and commit it: fleetops-registry lock update --env {}",
            global.env
        ))),
        None => {
            let others = lock::environments(&manifest.folder);
            if !others.is_empty() {
                global.say(&format!(
                    "note: there is no lock of environment {}; there is one of {}: check with --env",
                    global.env,
                    others.join(", ")
                ));
            }
            Ok(Side::Files(None))
        }
    }
}

/// What a check gave.
struct Report {
    found: Vec<Diagnostic>,
    summary: Summary,
    /// The manifest cannot be used, whatever was changed.
    unreadable: bool,
}

fn with_files(new: &Files, base: &Base, manifest: Option<&Manifest>, mode: Option<Level>) -> Report {
    let pairing = Pairing::new(new, &base.files, manifest, base.manifest.as_ref(), mode);
    let mut found = Vec::new();
    let mut unreadable = false;
    if let Some(manifest) = manifest {
        let record = |topic: &Topic| {
            let before = base.manifest.as_ref().and_then(|m| m.topic(&topic.name.value));
            base.files
                .schemas
                .get(before.map_or(topic.value.as_str(), |t| t.value.as_str()))
        };
        let topics = topics::compare(
            manifest,
            &new.schemas,
            &topics::Before {
                record: &record,
                manifest: base.manifest.as_ref(),
            },
        );
        let told = |d: &Diagnostic| {
            (d.rule == "unknown-type" && pairing.explains(d.primary.place.span))
                || explained(&topics.explained, d)
        };
        let misfits: Vec<_> = manifest
            .check(&new.schemas)
            .into_iter()
            .filter(|d| !told(d))
            .collect();
        unreadable = manifest_is_wrong(manifest, base, &misfits);
        found.extend(misfits);
        found.extend(topics.found);
    }
    found.extend(pairing.findings.iter().cloned());
    found.extend(compare(&pairing));
    Report {
        found,
        summary: Summary::of_pairs(&pairing, base, manifest),
        unreadable,
    }
}

/// Whether a finding about the manifest is told by one about the schema.
fn explained(by: &[fleetops_avro::Span], found: &Diagnostic) -> bool {
    let at = found.primary.place.span;
    found.rule == "unknown-field" && by.iter().any(|span| span.start <= at.start && at.end <= span.end)
}

fn wishes(manifest: &Manifest, new: &Files) -> Result<Vec<Desired>, CliError> {
    desired(manifest, &new.schemas).map_err(|error| CliError::usage(error.to_string()))
}

fn with_lock(
    args: &Args,
    global: &Global,
    manifest: &Manifest,
    new: &Files,
    locked: Snapshot,
    roots: &[Root],
) -> Result<Report, CliError> {
    let wanted = wishes(manifest, new)?;
    let comparison = held::compare(manifest, &wanted, &locked, args.mode);
    let mut label = format!("the lock of {}", global.env);
    let mut report = report_of(args, global, manifest, new, &locked, comparison, roots);
    if args.locked && !args.offline {
        let environment = global.environment(manifest)?;
        let now = runtime()?.block_on(async {
            let client = reach(&environment).map_err(|error| {
                error.with_help("the lock alone is enough with --offline: it is then taken for up to date")
            })?;
            let names: BTreeSet<String> = wanted.iter().map(|wish| wish.subject.clone()).collect();
            Snapshot::fetch(&client, names).await.map_err(|error| {
                incomplete(error)
                    .with_help("the lock alone is enough with --offline: it is then taken for up to date")
            })
        })?;
        report
            .found
            .extend(super::lock::stale(manifest, &wanted, &locked, &now, &global.env));
        label.push_str(", which was held against the registry");
    }
    report.summary.label = label;
    Ok(report)
}

fn with_registry(
    args: &Args,
    global: &Global,
    manifest: &Manifest,
    new: &Files,
    roots: &[Root],
) -> Result<Report, CliError> {
    let wanted = wishes(manifest, new)?;
    let environment = global.environment(manifest)?;
    runtime()?.block_on(async {
        let client = reach(&environment)?;
        let names: Vec<String> = wanted.iter().map(|wish| wish.subject.clone()).collect();
        let now = Snapshot::fetch(&client, names).await.map_err(incomplete)?;
        let mut comparison = held::compare(manifest, &wanted, &now, args.mode);
        let untold = match args.mode {
            // It decides at its own level.
            Some(_) => Vec::new(),
            None => held::second_opinion(&client, &mut comparison).await?,
        };
        let mut report = report_of(args, global, manifest, new, &now, comparison, roots);
        report.summary.label = format!("{} ({})", client.url(), environment.name);
        if !untold.is_empty() {
            report.summary.notes.push(format!(
                "the registry cannot test {} beforehand: the verdict there is ours alone",
                untold.join(", ")
            ));
        }
        Ok(report)
    })
}

/// The findings of subjects with those of topics and of the manifest itself.
fn report_of(
    args: &Args,
    global: &Global,
    manifest: &Manifest,
    new: &Files,
    held: &Snapshot,
    comparison: held::Comparison,
    roots: &[Root],
) -> Report {
    let newest = |topic: &Topic| {
        let subject = manifest.subject(topic);
        held.read(&subject, held.subjects.get(&subject)?.newest()?).ok()
    };
    // A lock says nothing of topics; the manifest of the merge base does.
    let old_manifest = match args.offline && args.locked {
        true => None,
        false => Base::load(None, global, Some(manifest), roots)
            .ok()
            .and_then(|base| base.manifest),
    };
    let topics = topics::compare(
        manifest,
        &new.schemas,
        &topics::Before {
            record: &newest,
            manifest: old_manifest.as_ref(),
        },
    );
    let mut found = Vec::new();
    let mut unreadable = false;
    for misfit in manifest.check(&new.schemas) {
        let at = misfit.primary.place.span;
        // What a topic carried is held, so it was the change that broke it.
        let topic = manifest.topics.iter().find(|topic| owns(topic, at));
        let before = topic.and_then(newest);
        if explained(&topics.explained, &misfit) {
            continue;
        }
        if let (Some(topic), Some(before), "unknown-type") = (topic, &before, misfit.rule) {
            found.push(removed(manifest, topic, before, &misfit));
            continue;
        }
        let held_before = topic.is_some_and(|topic| held.subjects.contains_key(&manifest.subject(topic)));
        unreadable |= misfit.severity == Severity::Error && !held_before;
        found.push(misfit);
    }
    found.extend(topics.found);
    let summary = Summary {
        what: "subject",
        label: String::new(),
        compared: comparison.compared,
        added: comparison.added,
        levels: comparison.levels,
        notes: match old_manifest {
            None if !(args.offline && args.locked) => vec![
                "the manifest before was not found in git: partition counts and keys were not held against it".to_owned(),
            ],
            _ => Vec::new(),
        },
        versions: Some(comparison.versions),
    };
    found.extend(comparison.found);
    Report {
        found,
        summary,
        unreadable,
    }
}

/// Whether a place belongs to what a topic says of its record.
fn owns(topic: &Topic, at: fleetops_avro::Span) -> bool {
    let inside = |span: fleetops_avro::Span| span.start <= at.start && at.end <= span.end;
    inside(topic.value.span)
        || topic.key.as_ref().is_some_and(|path| inside(path.span))
        || topic.stamp.as_ref().is_some_and(|path| inside(path.span))
        || topic.dedup.as_ref().is_some_and(|dedup| inside(dedup.span))
        || topic.reorder.as_ref().is_some_and(|reorder| inside(reorder.span))
}

fn removed(
    manifest: &Manifest,
    topic: &Topic,
    before: &fleetops_avro::Schema,
    misfit: &Diagnostic,
) -> Diagnostic {
    let mut found = Diagnostic::error(
        "schema-removed",
        manifest.place(topic.value.span),
        format!("{} is gone, and topic {} carries it", topic.value, topic.name),
        "no schema defines it any more",
    )
    .related(before.root_node().place.clone(), "the newest version registered")
    .help("put the file back; or take the topic out of the manifest, if nobody uses it any more");
    if let Some(help) = misfit
        .help
        .as_ref()
        .filter(|help| help.starts_with("did you mean"))
    {
        found = found.note(format!("if it was renamed, say so in the manifest: {help}"));
    }
    found
}

/// A manifest that fits the schemas as they were, and does not fit them now, was broken by a change of the schemas: a
/// finding, like any other. One that fits neither cannot be used.
fn manifest_is_wrong(manifest: &Manifest, base: &Base, misfits: &[Diagnostic]) -> bool {
    let error = |d: &&Diagnostic| d.severity == Severity::Error;
    if !misfits.iter().any(|d| error(&d)) {
        return false;
    }
    let before = manifest.check(&base.files.schemas);
    misfits.iter().filter(error).any(|d| {
        let same = |b: &Diagnostic| b.rule == d.rule && b.primary.place.span == d.primary.place.span;
        before.iter().any(same)
    })
}

/// The findings over all pairs. What two subjects share is told once.
fn compare(pairing: &Pairing) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for unit in &pairing.units {
        let old = [unit.old.clone()];
        let violations = check_level(unit.level, &unit.new, &old);
        let versions = [Old {
            schema: &unit.old,
            name: String::new(),
        }];
        for diagnostic in diagnose(&unit.new, &versions, &violations) {
            let note = format!("{} has compatibility {}", unit.subject, unit.level);
            let same = found.iter_mut().find(|other| {
                other.rule == diagnostic.rule
                    && other.message == diagnostic.message
                    && other.primary.place == diagnostic.primary.place
            });
            match same {
                Some(other) => other.share(diagnostic, note),
                None => found.push(diagnostic.note(note)),
            }
        }
    }
    found
}

/// What was compared with what.
struct Summary {
    what: &'static str,
    label: String,
    compared: usize,
    added: usize,
    levels: BTreeSet<Level>,
    notes: Vec<String>,
    /// How many versions took part, where there may be several of a subject.
    versions: Option<usize>,
}

impl Summary {
    fn of_pairs(pairing: &Pairing, base: &Base, manifest: Option<&Manifest>) -> Self {
        let levels: BTreeSet<Level> = pairing.units.iter().map(|u| u.level).collect();
        let mut notes = Vec::new();
        if levels.iter().any(|l| l.is_transitive()) {
            notes.push(
                "a transitive level asks for all versions; here the one above is the only one looked at"
                    .to_owned(),
            );
        }
        if base.is_checked_out {
            notes.push(
                "that is the commit which is checked out: only what is not committed was looked at. \
                 Name another with --against git:REF"
                    .to_owned(),
            );
        }
        Self {
            what: if manifest.is_some() { "subject" } else { "schema" },
            label: base.label.clone(),
            compared: pairing.units.len(),
            added: pairing.added,
            levels,
            notes,
            versions: None,
        }
    }

    fn text(&self, errors: usize, approved: usize) -> String {
        let count = |n: usize, one: &str| match n {
            1 => format!("1 {one}"),
            n => format!("{n} {one}s"),
        };
        let names: Vec<&str> = self.levels.iter().map(|l| l.as_str()).collect();
        let mut how = names.join(", ");
        if let Some(versions) = self.versions {
            how.push_str(&format!("; {}", count(versions, "version")));
        }
        let mut text = match (errors, self.compared) {
            (0, 0) => format!("nothing to compare with {}", self.label),
            (0, n) => format!("{} compatible with {} ({how})", count(n, self.what), self.label),
            (_, 0) => count(errors, "error"),
            (_, n) => format!(
                "{}; compared {} with {} ({how})",
                count(errors, "error"),
                count(n, self.what),
                self.label,
            ),
        };
        if self.added > 0 {
            text.push_str(&format!("; {} new", self.added));
        }
        match approved {
            0 => {}
            1 => text.push_str("; 1 break approved"),
            n => text.push_str(&format!("; {n} breaks approved")),
        }
        for note in &self.notes {
            text.push_str(&format!("\nnote: {note}"));
        }
        text
    }
}
