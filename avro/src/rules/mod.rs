//! Every rule of this crate as data: what `explain RULE` prints and what the tests count.
//!
//! A rule's ID is part of the product's contract with scripts and CI: it is added or retired, never renamed.

mod compat;
mod lint;
mod parse;

use crate::diagnostic::Severity;

/// What a finding's rule ID stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// In kebab case: [`crate::Diagnostic::rule`].
    pub id: &'static str,
    /// How bad its findings are.
    pub severity: Severity,
    /// What it says, in one line.
    pub summary: &'static str,
    /// Why it is so, and what to do: a paragraph.
    pub explanation: &'static str,
}

const fn error(id: &'static str, summary: &'static str, explanation: &'static str) -> Rule {
    Rule {
        id,
        severity: Severity::Error,
        summary,
        explanation,
    }
}

const fn warning(id: &'static str, summary: &'static str, explanation: &'static str) -> Rule {
    Rule {
        id,
        severity: Severity::Warning,
        summary,
        explanation,
    }
}

const COUNT: usize = parse::RULES.len() + compat::RULES.len();

const fn join() -> [Rule; COUNT] {
    let mut all = [parse::RULES[0]; COUNT];
    let mut i = 0;
    while i < COUNT {
        all[i] = if i < parse::RULES.len() {
            parse::RULES[i]
        } else {
            compat::RULES[i - parse::RULES.len()]
        };
        i += 1;
    }
    all
}

/// The rules of the parser, then those of compatibility.
pub static ALL: [Rule; COUNT] = join();

/// The rules of compatibility.
pub fn compat() -> &'static [Rule] {
    compat::RULES
}

/// The rules of lint. Their severity is the one they have where nobody sets a level; see [`crate::lint::default_level`].
pub fn lint() -> &'static [Rule] {
    lint::RULES
}

/// The rules of the parser.
pub fn parse() -> &'static [Rule] {
    parse::RULES
}

/// The rule of that ID.
pub fn find(id: &str) -> Option<&'static Rule> {
    ALL.iter().chain(lint::RULES).find(|rule| rule.id == id)
}
