//! What changed between two schemas, and what that does to those who read.
//!
//! [`diff`] walks both schemas together and tells every change in the order of the new text: of fields, types, defaults,
//! names, documents, down to attributes that Avro gives no meaning to. Each change has a path, its place in both texts,
//! and two effects: on *new readers*, who read old data with the new schema, and on *old readers*, who read new data with
//! the old schema. Above them stands the strongest level that holds, and with it which side to upgrade first.
//!
//! It does not judge by itself. Whether anything breaks is what [`compat::check`](crate::compat::check) found; a change is
//! only named as the cause of what was found. So the report cannot contradict a registry's verdict, and what no change
//! explains (a schema that Java cannot even compare with itself) is told apart, in [`Report::unexplained`].
//!
//! It compares what schemas say, not how their texts are laid out: blanks, comments, the order of keys and the ways to
//! write one namespace are no changes. It does not know data: see [`Plan::caveats`](crate::resolve::Plan::caveats).

mod change;
mod effect;
mod fields;
mod named;
mod print;
mod unions;
mod walk;

pub use change::{Break, Change, ChangeKind, Effect, MAX_CHANGES, Report, Upgrade};

use crate::compat::{Level, check};
use crate::schema::Schema;

/// Compares two schemas.
///
/// Work is bounded: after [`MAX_CHANGES`] changes the report is cut, and says so. The level is right all the same.
///
/// # Example
///
/// ```
/// use fleetops_avro::compat::Level;
/// use fleetops_avro::diff::{ChangeKind, Upgrade, diff};
/// use fleetops_avro::Schema;
///
/// let old = Schema::parse(r#"{"type": "record", "name": "P", "fields": [
///     {"name": "x", "type": "int"}]}"#)?;
/// let new = Schema::parse(r#"{"type": "record", "name": "P", "fields": [
///     {"name": "x", "type": "long"}]}"#)?;
/// let report = diff(&old, &new);
/// assert_eq!(report.changes[0].path, "x");
/// assert_eq!(report.changes[0].kind, ChangeKind::TypeWidened);
/// assert_eq!(report.level, Level::Backward);
/// assert_eq!(report.upgrade_first(), Upgrade::Consumers);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn diff(old: &Schema, new: &Schema) -> Report {
    let mut new_readers = effect::Side::new(new, old, check(new, old));
    let mut old_readers = effect::Side::new(old, new, check(old, new));
    let (drafts, truncated) = walk::Walk::new(old, new).run();
    let changes = drafts
        .into_iter()
        .map(|draft| Change {
            new_readers: new_readers.effect(draft.new_readers, draft.kind),
            old_readers: old_readers.effect(draft.old_readers, draft.kind),
            path: draft.path,
            owner: draft.owner,
            kind: draft.kind,
            words: draft.words,
            caution: draft.caution,
            old: draft.old,
            new: draft.new,
        })
        .collect();
    let level = match (new_readers.holds(), old_readers.holds()) {
        (true, true) => Level::Full,
        (true, false) => Level::Backward,
        (false, true) => Level::Forward,
        (false, false) => Level::None,
    };
    Report {
        changes,
        truncated,
        level,
        unexplained: old_readers
            .unexplained(crate::compat::Direction::Forward)
            .chain(new_readers.unexplained(crate::compat::Direction::Backward))
            .collect(),
    }
}
