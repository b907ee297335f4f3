//! A report as text for people, and as JSON for programs.

use std::fmt;

use serde_json::{Value, json};

use crate::compat::{Direction, Violation};
use crate::diff::change::{Change, Effect, Report};
use crate::source::Place;

impl Report {
    /// The report as JSON.
    ///
    /// ```json
    /// {"equal": false, "level": "BACKWARD", "upgrade_first": "consumers", "advice": "upgrade consumers first: ...",
    ///  "changes": [{
    ///    "path": "x", "owner": "P", "kind": "type-widened", "words": "int became long", "caution": null,
    ///    "old": {"file": "old.avsc", "line": 2, "column": 27}, "new": {"file": "new.avsc", "line": 2, "column": 27},
    ///    "new_readers": {"effect": "resolved", "how": "int is promoted to long"},
    ///    "old_readers": {"effect": "breaks", "type": "TYPE_MISMATCH", "location": "/fields/0/type", "message": "...",
    ///                    "cause": "TYPE_MISMATCH"}}],
    ///  "truncated": false,
    ///  "unexplained": [{"reader": "new", "type": "...", "location": "/", "message": "..."}]}
    /// ```
    ///
    /// `new_readers` read old data, `old_readers` new data. `effect` is `unaffected`, `resolved` (with `how`), `breaks` or
    /// `unjudged`; `upgrade_first` is `either`, `consumers`, `producers` or `neither`. Lines and columns count from 1,
    /// columns in characters. Keys may be added; those that are there keep their meaning.
    pub fn to_json(&self) -> Value {
        json!({
            "equal": self.is_empty(),
            "level": self.level.as_str(),
            "upgrade_first": self.upgrade_first().as_str(),
            "advice": self.upgrade_first().to_string(),
            "changes": self.changes.iter().map(change).collect::<Vec<_>>(),
            "truncated": self.truncated,
            "unexplained": self.unexplained.iter().map(unexplained).collect::<Vec<_>>(),
        })
    }
}

fn place(place: &Place) -> Value {
    let at = place.source.line_column(place.span.start);
    json!({ "file": place.source.name(), "line": at.line, "column": at.column })
}

fn change(change: &Change) -> Value {
    json!({
        "path": change.path,
        "owner": change.owner,
        "kind": change.kind.as_str(),
        "words": change.words,
        "caution": change.caution,
        "old": place(&change.old),
        "new": place(&change.new),
        "new_readers": effect(&change.new_readers),
        "old_readers": effect(&change.old_readers),
    })
}

fn effect(effect: &Effect) -> Value {
    match effect {
        Effect::Unaffected => json!({ "effect": "unaffected" }),
        Effect::Resolved(how) => json!({ "effect": "resolved", "how": how }),
        Effect::Breaks(found) => json!({
            "effect": "breaks",
            "type": found.kind.to_string(),
            "location": found.location,
            "message": found.message,
            "cause": found.cause.to_string(),
        }),
        Effect::Unjudged => json!({ "effect": "unjudged" }),
    }
}

fn reader(violation: &Violation) -> &'static str {
    match violation.direction {
        Direction::Backward => "new",
        Direction::Forward => "old",
    }
}

fn unexplained(violation: &Violation) -> Value {
    let found = &violation.incompatibility;
    json!({
        "reader": reader(violation),
        "type": found.kind.to_string(),
        "location": found.location,
        "message": found.message,
    })
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unaffected => f.write_str("unaffected"),
            Self::Resolved(how) => write!(f, "resolved: {how}"),
            Self::Breaks(found) if found.cause == found.kind => {
                write!(f, "breaks: {} at {}", found.kind, found.location)
            }
            Self::Breaks(found) => {
                write!(
                    f,
                    "breaks: {}, told as {} at {}",
                    found.cause, found.kind, found.location
                )
            }
            Self::Unjudged => f.write_str("unjudged: the check ends at another change"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() {
            "(root)"
        } else {
            &self.path
        };
        writeln!(f, "{path}: {}  [{}]", self.words, self.kind)?;
        writeln!(f, "  old {}, new {}", self.old, self.new)?;
        if self.new_readers == self.old_readers {
            writeln!(f, "  readers: {}", self.new_readers)?;
        } else {
            writeln!(f, "  new readers of old data: {}", self.new_readers)?;
            writeln!(f, "  old readers of new data: {}", self.old_readers)?;
        }
        if let Some(caution) = &self.caution {
            writeln!(f, "  note: {caution}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            writeln!(f, "no changes")?;
        }
        for change in &self.changes {
            writeln!(f, "{change}")?;
        }
        if self.truncated {
            writeln!(
                f,
                "... and more changes: these are the first {}\n",
                self.changes.len()
            )?;
        }
        for violation in &self.unexplained {
            let found = &violation.incompatibility;
            let data = match violation.direction {
                Direction::Backward => "old",
                Direction::Forward => "new",
            };
            writeln!(
                f,
                "besides, the {} schema cannot read {data} data: {} at {}: {}\n  {}\n",
                reader(violation),
                found.kind,
                found.location,
                found.message,
                found.reader
            )?;
        }
        match self.changes.len() {
            0 => {}
            1 => write!(f, "1 change; ")?,
            many => write!(f, "{many} changes; ")?,
        }
        if !self.is_empty() || !self.unexplained.is_empty() {
            writeln!(f, "strongest level that holds: {}", self.level)?;
            writeln!(f, "{}", self.upgrade_first())?;
        }
        Ok(())
    }
}
