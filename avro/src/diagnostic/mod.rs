//! What the tool has to say about a source text, as data.
//!
//! One type serves the parser, the manifest, the compatibility check and the lints, so that one renderer serves
//! `cargo build`, the terminal and the machine formats. A diagnostic without a place is a bug of the rule that made
//! it: [`Diagnostic::error`] therefore asks for one.

mod render;

pub use render::render;

use crate::source::Place;

/// How bad it is. Only errors fail a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Must be mended.
    Error,
    /// Should be looked at.
    Warning,
}

/// A place and what to say under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub place: Place,
    /// What, in a few words; may be empty.
    pub text: String,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The rule's ID in kebab case, such as `unknown-type`: what `explain` takes.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What happened, in one sentence without a full stop.
    pub message: String,
    /// Where: the text the user can edit. Its label says what is wrong there.
    pub primary: Label,
    /// Other places that explain it: the earlier definition, the old schema.
    pub related: Vec<Label>,
    /// Further facts, a line each.
    pub notes: Vec<String>,
    /// What to do next: the smallest change that would mend it.
    pub help: Option<String>,
    /// Of an incompatibility: the changes that it is about; several where several subjects share it.
    pub changes: Vec<Change>,
}

/// A place in a schema, on the way from one version to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// As a registry has it: `/fields/2/type`.
    pub location: String,
    /// CRC-64-AVRO fingerprint of the whole schema before.
    pub from: u64,
    /// The same of the one after.
    pub to: u64,
}

impl Diagnostic {
    /// An error of `rule` at `place`, with `label` under the caret.
    pub fn error(
        rule: &'static str,
        place: Place,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            severity: Severity::Error,
            message: message.into(),
            primary: Label {
                place,
                text: label.into(),
            },
            related: Vec::new(),
            notes: Vec::new(),
            help: None,
            changes: Vec::new(),
        }
    }

    /// The same as a warning.
    pub fn warning(
        rule: &'static str,
        place: Place,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(rule, place, message, label)
        }
    }

    /// Adds a second place.
    #[must_use]
    pub fn related(mut self, place: Place, text: impl Into<String>) -> Self {
        self.related.push(Label {
            place,
            text: text.into(),
        });
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Takes the changes of the same finding in another subject, and a note about that subject.
    pub fn share(&mut self, other: Self, note: String) {
        for change in other.changes {
            if !self.changes.contains(&change) {
                self.changes.push(change);
            }
        }
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Says what to do next.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }
}
