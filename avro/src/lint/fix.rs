//! Fixes: edits of texts, applied together and held against what the schemas meant before.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Edit, Finding, Levels, lint};
use crate::schema::SchemaSet;
use crate::source::Source;

/// Mending one thing may bring up another; more rounds than this are not taken.
const MAX_ROUNDS: usize = 8;

/// Texts as they are after fixing.
#[derive(Clone, Debug, Default)]
pub struct Fixed {
    /// The texts that changed: name and new text, in the order of the files.
    pub texts: Vec<(String, String)>,
    /// How many edits were made.
    pub edits: usize,
}

/// Why nothing was fixed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FixError {
    /// The texts could not be read any more, or meant something else: a mistake of a rule, so all edits are dropped.
    #[error("the edits would change what {file} means, so none was made: {reason}")]
    Meaning {
        /// The file.
        file: String,
        /// What is different.
        reason: String,
    },
}

/// Applies every fix of what [`lint`] finds and `wanted` lets through, until nothing is left to fix.
///
/// # Errors
/// The result cannot be parsed, or the canonical form of a type changed. Both are mistakes of a rule.
pub fn apply(set: &SchemaSet, levels: &Levels, wanted: impl Fn(&Finding) -> bool) -> Result<Fixed, FixError> {
    let mut current = set.clone();
    let mut edits = 0;
    for _ in 0..MAX_ROUNDS {
        let found = lint(&current, levels);
        let fixes: Vec<Edit> = found
            .iter()
            .filter(|f| f.fix.is_some() && wanted(f))
            .filter_map(|f| f.fix.clone())
            .collect();
        if fixes.is_empty() {
            break;
        }
        let sources: Vec<Arc<Source>> = current
            .files()
            .map(|(source, _)| {
                let mine: Vec<&Edit> = fixes
                    .iter()
                    .filter(|edit| Arc::ptr_eq(&edit.source, source))
                    .collect();
                let (text, made) = edited(source.text(), mine);
                edits += made;
                Source::new(source.name(), text)
            })
            .collect();
        current = SchemaSet::parse(&sources).map_err(|error| {
            let first = error.diagnostics.first();
            FixError::Meaning {
                file: first.map_or_else(String::new, |d| d.primary.place.source.name().to_owned()),
                reason: first.map_or_else(String::new, |d| d.message.clone()),
            }
        })?;
        same_meaning(set, &current)?;
    }
    let after: BTreeMap<&str, &str> = current.files().map(|(s, _)| (s.name(), s.text())).collect();
    let changed = set.files().filter_map(|(source, _)| {
        let text = *after.get(source.name())?;
        (text != source.text()).then(|| (source.name().to_owned(), text.to_owned()))
    });
    Ok(Fixed {
        texts: changed.collect(),
        edits,
    })
}

/// The text with all edits that do not overlap an earlier one, and how many these are.
fn edited(text: &str, mut edits: Vec<&Edit>) -> (String, usize) {
    edits.sort_by_key(|edit| edit.span);
    let mut out = String::with_capacity(text.len());
    let (mut at, mut made) = (0, 0);
    for edit in edits {
        let range = edit.span.range();
        let Some(kept) = text.get(at..range.start) else {
            continue; // begins within the one before: next round
        };
        out.push_str(kept);
        out.push_str(&edit.text);
        at = range.end;
        made += 1;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    (out, made)
}

/// Whether two sets define the same types with the same canonical forms.
fn same_meaning(before: &SchemaSet, after: &SchemaSet) -> Result<(), FixError> {
    for ((source, old), (_, new)) in before.files().zip(after.files()) {
        if before.schema(old).canonical_form() != after.schema(new).canonical_form() {
            return Err(FixError::Meaning {
                file: source.name().to_owned(),
                reason: "its canonical form is another".to_owned(),
            });
        }
    }
    let names = |set: &SchemaSet| -> Vec<String> { set.named().map(|(name, _)| name.to_string()).collect() };
    if names(before) != names(after) {
        return Err(FixError::Meaning {
            file: String::new(),
            reason: "it defines other types".to_owned(),
        });
    }
    Ok(())
}
