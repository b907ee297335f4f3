//! Every rule of every part in one list: what `rules` prints, `explain` looks up, and machine formats refer to.
//!
//! The parts keep their own rules as data, each beside the code that applies them. An ID may be in two groups (a schema
//! and a manifest can both have an unknown type); within a group it is unique.

mod check;
mod examples;

use fleetops_avro::lint::{Level, default_level};
use fleetops_avro::rules::Rule;
use fleetops_avro::{Severity, rules};
use fleetops_codegen::manifest;
use serde_json::json;

use super::{CliError, Format, Global, Outcome};

pub(crate) use examples::example;

const HELP: &str = "\
Examples:
  fleetops-registry rules                          all rules, by group
  fleetops-registry rules --group compatibility    what can break readers
  fleetops-registry rules --format json            one object a line, with the explanation

`explain RULE` tells one of them in full, with an example.";

/// Which part of the tool applies a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Group {
    /// Reading schemas
    Parse,
    /// Comparing schemas with the ones before
    Compatibility,
    /// What is valid, and will be regretted
    Lint,
    /// The manifest
    Manifest,
    /// Generating code and documents
    Generate,
    /// What is between schemas, manifest, base and output
    Check,
}

impl Group {
    pub(crate) const ALL: [Self; 6] = [
        Self::Parse,
        Self::Compatibility,
        Self::Lint,
        Self::Manifest,
        Self::Generate,
        Self::Check,
    ];

    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Compatibility => "compatibility",
            Self::Lint => "lint",
            Self::Manifest => "manifest",
            Self::Generate => "generate",
            Self::Check => "check",
        }
    }

    /// What its rules are about.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Parse => "Reading schemas",
            Self::Compatibility => "Comparing schemas with the ones before",
            Self::Lint => "Valid, and regretted later",
            Self::Manifest => "The manifest",
            Self::Generate => "Generating code and documents",
            Self::Check => "Schemas, manifest, base and output",
        }
    }

    /// Its rules.
    pub(crate) fn rules(self) -> impl Iterator<Item = &'static Rule> {
        let (first, second): (&[Rule], &[Rule]) = match self {
            Self::Parse => (rules::parse(), &[]),
            Self::Compatibility => (rules::compat(), &[]),
            Self::Lint => (rules::lint(), &[]),
            Self::Manifest => (manifest::RULES, &[]),
            Self::Generate => (fleetops_codegen::rules::ALL, fleetops_codegen::rules::FILES),
            Self::Check => (fleetops_registry::registry::RULES, check::RULES),
        };
        first.iter().chain(second)
    }
}

/// All rules with their groups, in the order of the list.
pub(crate) fn all() -> impl Iterator<Item = (Group, &'static Rule)> {
    Group::ALL
        .into_iter()
        .flat_map(|group| group.rules().map(move |rule| (group, rule)))
}

/// The word for a severity.
pub(crate) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// The level of a rule that nobody set, as the table has it.
fn shown_level(group: Group, rule: &Rule) -> &'static str {
    match group {
        Group::Lint if default_level(rule.id) == Level::Off => "off",
        _ => word(rule.severity),
    }
}

/// List the rules that findings are made by
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// Only those of one group
    #[arg(long, value_name = "GROUP")]
    group: Option<Group>,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let asked: Vec<(Group, &Rule)> = all()
        .filter(|(group, _)| args.group.is_none_or(|asked| asked == *group))
        .collect();
    let text = match format {
        Format::Json => asked.iter().map(|(group, rule)| line(*group, rule)).collect(),
        _ => table(&asked, global.color_stdout()),
    };
    global.result(&text)?;
    Ok(Outcome::Clean)
}

fn line(group: Group, rule: &Rule) -> String {
    let object = json!({
        "rule": rule.id,
        "group": group.name(),
        "severity": word(rule.severity),
        "off": shown_level(group, rule) == "off",
        "summary": rule.summary,
        "explanation": rule.explanation,
    });
    format!("{object}\n")
}

fn table(asked: &[(Group, &Rule)], color: bool) -> String {
    let (bold, off) = if color {
        ("\u{1b}[1m", "\u{1b}[0m")
    } else {
        ("", "")
    };
    let width = asked.iter().map(|(_, rule)| rule.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut before = None;
    for (group, rule) in asked {
        if before != Some(*group) {
            let gap = if before.is_some() { "\n" } else { "" };
            text.push_str(&format!("{gap}{bold}{}{off} ({})\n", group.title(), group.name()));
            before = Some(*group);
        }
        text.push_str(&format!(
            "  {:width$}  {:7}  {}\n",
            rule.id,
            shown_level(*group, rule),
            rule.summary
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Rules whose finding needs a file system that refuses to write.
    const WITHOUT_EXAMPLE: &[&str] = &["cannot-write"];

    #[test]
    fn every_rule_is_unique_explained_and_shown() {
        let mut seen = BTreeSet::new();
        for (group, rule) in all() {
            assert!(seen.insert((group, rule.id)), "{} twice", rule.id);
            assert!(
                rule.explanation.len() > 60 && rule.explanation.ends_with('.'),
                "{}",
                rule.id
            );
            assert!(
                !rule.summary.is_empty() && !rule.summary.ends_with('.'),
                "{}",
                rule.id
            );
            let Some(example) = example(group, rule.id) else {
                assert!(WITHOUT_EXAMPLE.contains(&rule.id), "{} has no example", rule.id);
                continue;
            };
            let told = ["error", "warning"].map(|word| format!("{word}[{}]:", rule.id));
            assert!(
                told.iter().any(|told| example.contains(told)),
                "{}:\n{example}",
                rule.id
            );
            assert!(example.contains("-->"), "{}:\n{example}", rule.id);
        }
        assert!(seen.len() > 90, "{}", seen.len());
    }

    /// An ID that findings are made with in this crate is the first text after `error(` or `warning(`.
    #[test]
    fn no_rule_of_a_command_is_missing() {
        let mut files = vec![std::path::PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src"
        ))];
        let known: BTreeSet<&str> = all().map(|(_, rule)| rule.id).collect();
        let mut seen = BTreeSet::new();
        while let Some(path) = files.pop() {
            if path.is_dir() {
                files.extend(
                    std::fs::read_dir(path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            for made in ["Diagnostic::error(", "Diagnostic::warning("] {
                for after in text.split(made).skip(1) {
                    let Some(rest) = after.trim_start().strip_prefix('"') else {
                        continue;
                    };
                    seen.insert(rest.split('"').next().unwrap().to_owned());
                }
            }
        }
        let missing: Vec<&String> = seen.iter().filter(|id| !known.contains(id.as_str())).collect();
        assert!(missing.is_empty(), "not in the list of rules: {missing:?}");
        assert!(seen.len() >= 4, "finds some: {seen:?}");
    }
}
