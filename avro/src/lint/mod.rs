//! What is valid Avro, and will be regretted: names, documents, defaults, units, unions.
//!
//! Every rule is data in [`crate::rules::lint`]; here is what applies them. The texts are walked, not the model alone: a
//! finding stands at the word that would be changed, and a fix is an edit of the text, so that comments, layout and the
//! order of keys stay as they are. Whether an edit is safe is not trusted but checked: [`fix::apply`] parses the result
//! again and compares canonical forms.
//!
//! No I/O, and no policy: levels come in as [`Levels`], what is ignored is the caller's to drop by [`Finding::name`] and
//! place.

mod edit;
mod fields;
pub mod fix;
mod names;
mod types;
mod unions;
mod walk;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Severity};
use crate::rules;
use crate::schema::SchemaSet;
use crate::source::{Place, Source, Span};

/// How a rule's findings count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Level {
    /// Not looked for.
    Off,
    /// Told.
    Warn,
    /// Fails.
    Error,
}

impl Level {
    /// All, by the name that a manifest calls them.
    pub const ALL: [(&'static str, Self); 3] =
        [("off", Self::Off), ("warn", Self::Warn), ("error", Self::Error)];
}

/// Rules that are off unless they are asked for.
const OFF: &[&str] = &["field-without-default"];

/// The level of each rule; what is not said is as [`default_level`] has it.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    set: BTreeMap<String, Level>,
}

impl Levels {
    /// Sets a rule's level.
    pub fn set(&mut self, rule: &str, level: Level) {
        self.set.insert(rule.to_owned(), level);
    }

    /// A rule's level.
    pub fn level(&self, rule: &str) -> Level {
        self.set.get(rule).copied().unwrap_or_else(|| default_level(rule))
    }

    /// A finding at its level; `None` where that is off.
    pub fn apply(&self, mut diagnostic: Diagnostic) -> Option<Diagnostic> {
        diagnostic.severity = match self.level(diagnostic.rule) {
            Level::Off => return None,
            Level::Warn => Severity::Warning,
            Level::Error => Severity::Error,
        };
        Some(diagnostic)
    }
}

/// The level of a rule that nobody set: [`Level::Warn`], for a few [`Level::Off`].
pub fn default_level(rule: &str) -> Level {
    if OFF.contains(&rule) {
        Level::Off
    } else {
        Level::Warn
    }
}

/// A change of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The text.
    pub source: Arc<Source>,
    /// What is replaced; empty for an insertion.
    pub span: Span,
    /// What comes there.
    pub text: String,
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is told.
    pub diagnostic: Diagnostic,
    /// What it is about: the full name of a type, and the field or symbol behind it (`shop.Order.amount`). Of a type
    /// without a name the file's.
    pub name: String,
    /// The edit that mends it, where there is one that changes nothing else.
    pub fix: Option<Edit>,
}

/// All findings in a set, in the order of files and places. The parser's warnings are among them.
pub fn lint(set: &SchemaSet, levels: &Levels) -> Vec<Finding> {
    let mut linter = Linter {
        set,
        levels,
        found: Vec::new(),
    };
    for (source, _) in set.files() {
        let start = linter.found.len();
        linter.parser(source);
        linter.file(source);
        linter.found[start..].sort_by_key(|f| (f.diagnostic.primary.place.span, f.diagnostic.rule));
    }
    linter.found
}

struct Linter<'a> {
    set: &'a SchemaSet,
    levels: &'a Levels,
    found: Vec<Finding>,
}

impl Linter<'_> {
    /// What the parser took and warned of.
    fn parser(&mut self, source: &Arc<Source>) {
        for warning in self.set.warnings() {
            if Arc::ptr_eq(&warning.primary.place.source, source)
                && let Some(diagnostic) = self.levels.apply(warning.clone())
            {
                self.found.push(Finding {
                    diagnostic,
                    name: source.name().to_owned(),
                    fix: None,
                });
            }
        }
    }

    /// Whether anybody wants a rule's findings.
    fn wants(&self, rule: &str) -> bool {
        self.levels.level(rule) != Level::Off
    }

    /// Reports a finding, and gives it back for notes, help and a fix.
    fn report(
        &mut self,
        rule: &'static str,
        name: &str,
        place: Place,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Option<&mut Finding> {
        debug_assert!(rules::lint().iter().any(|r| r.id == rule), "{rule}");
        let diagnostic = self
            .levels
            .apply(Diagnostic::warning(rule, place, message, label))?;
        self.found.push(Finding {
            diagnostic,
            name: name.to_owned(),
            fix: None,
        });
        self.found.last_mut()
    }
}

impl Finding {
    fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.diagnostic.help = Some(text.into());
        self
    }

    fn note(&mut self, text: impl Into<String>) -> &mut Self {
        self.diagnostic.notes.push(text.into());
        self
    }
}
