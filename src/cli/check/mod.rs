//! `check`: may these schemas follow the ones before?
//!
//! The new schemas are read from the working tree, the old ones from a git revision or a path (`base`). `pair` says which
//! old schema each new one follows, and at which compatibility level; the verdict on each pair is `fleetops_avro`'s.
//! There is one old version, so a transitive level is held against that one alone, and the summary says so.

mod base;
mod pair;

use std::collections::BTreeSet;

use fleetops_avro::compat::{Level, Old, check_level, diagnose};
use fleetops_avro::{Diagnostic, Severity};
use fleetops_codegen::load;
use fleetops_codegen::manifest::Manifest;

use super::{CliError, Format, Global, Outcome, report};
use base::{Against, Base, Files};
use pair::Pairing;

const HELP: &str = "\
Examples:
  fleetops-registry check                              with where HEAD left the default branch
  fleetops-registry check --against git:v1.4.0         with a tag, a branch or a commit
  fleetops-registry check --against ../released        with a folder (or one file) of schemas
  fleetops-registry check --mode full_transitive       at another level than the manifest's
  fleetops-registry check --format github              annotations for a pull request

Without a manifest (--schemas PATH alone) every file is a subject, at level BACKWARD.
In a shallow clone without the merge base the command fails (exit 3) and says how to fetch it.";

/// Check that the schemas may follow the ones before
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// What to compare with: git:REVISION, or a folder or file [default: the merge base with the default branch]
    #[arg(long, value_name = "git:REF|PATH")]
    against: Option<Against>,

    /// Compatibility level for all, instead of the manifest's
    #[arg(long, value_name = "LEVEL")]
    mode: Option<Level>,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json, Format::Github])?;
    match check(args, global, format) {
        Err(CliError::Unreadable(found)) if format != Format::Text => {
            report::diagnostics(global, format, &found)?;
            Ok(Outcome::Unreadable)
        }
        outcome => outcome,
    }
}

fn check(args: Args, global: &Global, format: Format) -> Result<Outcome, CliError> {
    let manifest = global.load_manifest()?;
    let roots = global.roots(manifest.as_ref());
    let new = Files::new(load::load_roots(&roots).map_err(CliError::Unreadable)?, &roots);
    let base = Base::load(args.against.as_ref(), global, manifest.as_ref(), &roots)?;
    let pairing = Pairing::new(
        &new,
        &base.files,
        manifest.as_ref(),
        base.manifest.as_ref(),
        args.mode,
    );

    let mut found: Vec<Diagnostic> = new.schemas.warnings().to_vec();
    let mut unreadable = false;
    if let Some(manifest) = &manifest {
        let told = |d: &Diagnostic| d.rule == "unknown-type" && pairing.explains(d.primary.place.span);
        let misfits: Vec<_> = manifest
            .check(&new.schemas)
            .into_iter()
            .filter(|d| !told(d))
            .collect();
        unreadable = manifest_is_wrong(manifest, &base, &misfits);
        found.extend(misfits);
    }
    found.extend(pairing.findings.iter().cloned());
    found.extend(compare(&pairing));
    if global.quiet {
        found.retain(|d| d.severity == Severity::Error);
    }
    report::diagnostics(global, format, &found)?;
    let errors = found.iter().filter(|d| d.severity == Severity::Error).count();
    global.say(&summary(&pairing, &base, manifest.as_ref(), errors));
    Ok(match (errors, unreadable) {
        (0, _) => Outcome::Clean,
        (_, true) => Outcome::Unreadable,
        (_, false) => Outcome::Findings,
    })
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
                Some(other) if !other.notes.contains(&note) => other.notes.push(note),
                Some(_) => {}
                None => found.push(diagnostic.note(note)),
            }
        }
    }
    found
}

fn summary(pairing: &Pairing, base: &Base, manifest: Option<&Manifest>, errors: usize) -> String {
    let count = |n: usize, one: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    };
    let what = if manifest.is_some() { "subject" } else { "schema" };
    let levels: BTreeSet<Level> = pairing.units.iter().map(|u| u.level).collect();
    let names: Vec<&str> = levels.iter().map(|l| l.as_str()).collect();
    let mut text = match (errors, pairing.units.len()) {
        (0, 0) => format!("nothing to compare with {}", base.label),
        (0, n) => format!(
            "{} compatible with {} ({})",
            count(n, what),
            base.label,
            names.join(", ")
        ),
        (_, 0) => count(errors, "error"),
        (_, n) => format!(
            "{}; compared {} with {} ({})",
            count(errors, "error"),
            count(n, what),
            base.label,
            names.join(", ")
        ),
    };
    if pairing.added > 0 {
        text.push_str(&format!("; {} new", pairing.added));
    }
    if levels.iter().any(|l| l.is_transitive()) {
        text.push_str(
            "\nnote: a transitive level asks for all versions; here the one above is the only one looked at",
        );
    }
    if base.is_checked_out {
        text.push_str(
            "\nnote: that is the commit which is checked out: only what is not committed was looked at. \
             Name another with --against git:REF",
        );
    }
    text
}
