//! `lint`: what is valid, and will be regretted.
//!
//! The findings are the core's; here are the levels of the manifest, what it ignores and why, and the files that `--fix`
//! writes. Warnings about the manifest itself (a dedup that trusts producers' clocks, a key that may be null) are told with
//! them, by the same levels.

use std::collections::BTreeSet;
use std::path::Path;

use fleetops_avro::lint::{Finding, Levels, fix, lint};
use fleetops_avro::{Diagnostic, SchemaSet, Severity, Source};
use fleetops_codegen::load;
use fleetops_codegen::manifest::{self, Ignore, Manifest};

use super::register::Glob;
use super::{CliError, Format, Global, Outcome, report};

const HELP: &str = "\
Examples:
  fleetops-registry lint                          the schemas and the manifest
  fleetops-registry lint --fix                    mend what can be mended without changing what a schema means
  fleetops-registry lint --deny-warnings          warnings fail as well (exit 1)
  fleetops-registry lint --format sarif           for a code-scanning service
  fleetops-registry --schemas order.avsc lint     one file, without a manifest

`rules --group lint` lists the rules. Levels (off, warn, error) and ignores stand in the manifest:

  [lint.rules]
  field-name = \"error\"

  [[lint.ignore]]
  rules  = [\"enum-without-default\"]
  name   = \"shop.Order.*\"                a type, a field, a symbol; or path = \"schemas/legacy/*\"
  reason = \"an unknown state must not be taken for another\"";

/// Find what is valid and will be regretted: names, documents, defaults, units
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// Write the fixes that change no meaning; comments and layout stay
    #[arg(long)]
    fix: bool,

    /// Exit with 1 where there are warnings
    #[arg(long)]
    deny_warnings: bool,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&Format::FINDINGS)?;
    report::or_unreadable(global, format, |global| go(args, global, format))
}

fn go(args: Args, global: &Global, format: Format) -> Result<Outcome, CliError> {
    let manifest = global.load_manifest()?;
    let roots = global.roots(manifest.as_ref());
    let mut set = load::load_roots(&roots).map_err(CliError::Unreadable)?;
    let mut judge = Judge::new(manifest.as_ref());
    let mut fixed = 0;
    if args.fix {
        fixed = write_fixes(&set, &mut judge, global)?;
        if fixed > 0 {
            set = load::load_roots(&roots).map_err(CliError::Unreadable)?;
        }
    }
    let findings: Vec<Finding> = lint(&set, &judge.levels)
        .into_iter()
        .filter(|finding| !judge.ignores(finding))
        .collect();
    let fixable = findings.iter().filter(|finding| finding.fix.is_some()).count();
    let mut found: Vec<Diagnostic> = findings.into_iter().map(|finding| finding.diagnostic).collect();
    if let Some(manifest) = &manifest {
        let misfits = manifest.check(&set);
        if manifest::has_errors(&misfits) {
            return Err(CliError::Unreadable(misfits));
        }
        found.extend(judge.of_manifest(misfits));
        found.extend(judge.unused());
    }
    let count = |severity| found.iter().filter(|d| d.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if global.quiet && !args.deny_warnings {
        found.retain(|d| d.severity == Severity::Error);
    }
    report::diagnostics(global, format, &found)?;
    global.say(&summary(&set, errors, warnings, fixed, fixable));
    let fails = errors > 0 || (args.deny_warnings && warnings > 0);
    Ok(if fails { Outcome::Findings } else { Outcome::Clean })
}

fn summary(set: &SchemaSet, errors: usize, warnings: usize, fixed: usize, fixable: usize) -> String {
    let count = |n: usize, one: &str| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    };
    let files = count(set.files().count(), "file");
    let mut text = match (errors, warnings) {
        (0, 0) => format!("nothing to say about {files}"),
        (0, n) => format!("{} in {files}", count(n, "warning")),
        (n, 0) => format!("{} in {files}", count(n, "error")),
        (e, w) => format!("{} and {} in {files}", count(e, "error"), count(w, "warning")),
    };
    if fixed > 0 {
        text.push_str(&format!("; {fixed} fixed"));
    }
    if fixable > 0 {
        text.push_str(&format!("; {fixable} can be fixed with --fix"));
    }
    text
}

fn write_fixes(set: &SchemaSet, judge: &mut Judge<'_>, global: &Global) -> Result<usize, CliError> {
    let levels = judge.levels.clone();
    let ignored = std::cell::RefCell::new(judge);
    let fixed = fix::apply(set, &levels, |finding| !ignored.borrow_mut().ignores(finding))
        .map_err(|error| CliError::incomplete(error.to_string()))?;
    for (name, text) in &fixed.texts {
        std::fs::write(Path::new(name), text).map_err(|error| CliError::output(name.as_str(), error))?;
        global.detail(&format!("wrote {name}"));
    }
    Ok(fixed.edits)
}

/// The manifest's levels and ignores.
struct Judge<'a> {
    manifest: Option<&'a Manifest>,
    levels: Levels,
    /// By the ignore's and the rule's index.
    used: BTreeSet<(usize, usize)>,
}

impl<'a> Judge<'a> {
    fn new(manifest: Option<&'a Manifest>) -> Self {
        let mut levels = Levels::default();
        for (rule, level) in manifest.iter().flat_map(|m| &m.lint.rules) {
            levels.set(&rule.value, level.value);
        }
        Self {
            manifest,
            levels,
            used: BTreeSet::new(),
        }
    }

    fn ignores(&mut self, finding: &Finding) -> bool {
        self.matches(&finding.diagnostic, Some(&finding.name))
    }

    fn matches(&mut self, diagnostic: &Diagnostic, name: Option<&str>) -> bool {
        let Some(manifest) = self.manifest else {
            return false;
        };
        let mut any = false;
        for (at, ignore) in manifest.lint.ignores.iter().enumerate() {
            let Some(rule) = ignore.rules.iter().position(|rule| rule.value == diagnostic.rule) else {
                continue;
            };
            if takes(manifest, ignore, &diagnostic.primary.place.source, name) {
                self.used.insert((at, rule));
                any = true;
            }
        }
        any
    }

    /// The manifest's own warnings, at their levels.
    fn of_manifest(&mut self, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let mut told: Vec<Diagnostic> = found.into_iter().filter_map(|d| self.levels.apply(d)).collect();
        told.retain(|diagnostic| !self.matches(diagnostic, None));
        told
    }

    /// Ignores that nothing was ignored by.
    fn unused(&self) -> Vec<Diagnostic> {
        let Some(manifest) = self.manifest else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for (at, ignore) in manifest.lint.ignores.iter().enumerate() {
            for (index, rule) in ignore.rules.iter().enumerate() {
                if !self.used.contains(&(at, index)) {
                    let place = manifest.place(rule.span);
                    let message = format!("nothing is ignored by this of `{rule}`");
                    found.push(
                        Diagnostic::warning("lint-ignore-unused", place, message, "no such finding any more")
                            .help("remove it, or correct its `path` or `name`"),
                    );
                }
            }
        }
        found
    }
}

fn takes(manifest: &Manifest, ignore: &Ignore, source: &Source, name: Option<&str>) -> bool {
    let takes = |pattern: &str, text: &str| match pattern.parse::<Glob>() {
        Ok(glob) => glob.takes(text),
        Err(never) => match never {},
    };
    let path = source.name();
    let path = Path::new(path)
        .strip_prefix(&manifest.folder)
        .map_or_else(|_| path.to_owned(), |rest| rest.display().to_string());
    let of_path = ignore
        .path
        .as_ref()
        .is_none_or(|pattern| takes(&pattern.value, &path));
    let of_name = ignore
        .name
        .as_ref()
        .is_none_or(|pattern| name.is_some_and(|name| takes(&pattern.value, name)));
    of_path && of_name
}
