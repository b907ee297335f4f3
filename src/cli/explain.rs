//! `explain`: one rule in full, with an example of its finding.

use fleetops_avro::rules::Rule;
use fleetops_codegen::manifest::nearest;
use serde_json::json;

use super::rules::{self, Group, word};
use super::{CliError, Format, Global, Outcome};

/// The columns that a paragraph is broken to.
const WIDTH: usize = 100;

const HELP: &str = "\
Examples:
  fleetops-registry explain field-removed-without-default
  fleetops-registry explain unknown-type --format json

A rule's ID stands in brackets at the start of its findings: error[unknown-type]. `rules` lists them all.";

/// Tell what a rule is about and what to do
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// The rule's ID
    #[arg(value_name = "RULE")]
    rule: String,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let id = plain(&args.rule);
    let found: Vec<(Group, &Rule)> = rules::all().filter(|(_, rule)| rule.id == id).collect();
    if found.is_empty() {
        let error = CliError::usage(format!("there is no rule `{id}`"));
        return Err(match nearest(&id, rules::all().map(|(_, rule)| rule.id)) {
            Some(near) => error.with_help(format!("did you mean `{near}`?")),
            None => error.with_help("`fleetops-registry rules` lists them"),
        });
    }
    let pages = found.into_iter().map(|(group, rule)| match format {
        Format::Json => page_json(group, rule),
        _ => page(group, rule, global.color_stdout()),
    });
    let pages: Vec<String> = pages.collect();
    let between = if format == Format::Json { "" } else { "\n" };
    global.result(&pages.join(between))?;
    Ok(Outcome::Clean)
}

/// The ID as people paste it: `error[rule]`, `[rule]`, in any case, with `_` for `-`.
fn plain(text: &str) -> String {
    let inner = text.split_once('[').map_or(text, |(_, rest)| rest);
    let inner = inner.split_once(']').map_or(inner, |(id, _)| id);
    inner.trim().to_lowercase().replace('_', "-")
}

fn page(group: Group, rule: &Rule, color: bool) -> String {
    let (bold, off) = if color {
        ("\u{1b}[1m", "\u{1b}[0m")
    } else {
        ("", "")
    };
    let mut text = format!(
        "{bold}{}{off}: {}\n{} of group {}\n\n{}",
        rule.id,
        rule.summary,
        word(rule.severity),
        group.name(),
        wrap(rule.explanation)
    );
    if let Some(example) = rules::example(group, rule.id) {
        let lines = example.lines().map(|line| match line {
            "" => "\n".to_owned(),
            line => format!("    {line}\n"),
        });
        text.push_str(&format!("\nExample:\n\n{}", lines.collect::<String>()));
    }
    text
}

fn page_json(group: Group, rule: &Rule) -> String {
    let object = json!({
        "rule": rule.id,
        "group": group.name(),
        "severity": word(rule.severity),
        "summary": rule.summary,
        "explanation": rule.explanation,
        "example": rules::example(group, rule.id),
    });
    format!("{object}\n")
}

fn wrap(paragraph: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in paragraph.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_as_it_is_pasted() {
        for text in [
            "type-changed",
            "error[type-changed]",
            "[type-changed]:",
            "Type_Changed ",
        ] {
            assert_eq!(plain(text), "type-changed", "{text}");
        }
    }

    #[test]
    fn paragraphs_are_broken_between_words() {
        let text = wrap(&"word ".repeat(60));
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert_eq!(text.split_whitespace().count(), 60);
    }
}
