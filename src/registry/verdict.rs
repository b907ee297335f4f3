//! Whether a schema may follow the versions that a registry holds of its subject: decided here, without asking.
//!
//! A registry ends a transitive check at the first version that fails. Here every version that fails is told, because
//! whoever mends the schema must mend it for all of them.

use fleetops_avro::compat::{Level, Old, Violation, check_level, diagnose};
use fleetops_avro::{Diagnostic, Schema};

use super::Held;

/// A level that does not hold, and why.
#[derive(Clone, Debug)]
pub struct Breach {
    /// The level.
    pub level: Level,
    /// The versions it does not hold against, lowest first.
    pub against: Vec<u32>,
    /// The reasons, as [`check_level`] has them; their `version_index` counts the versions that take part, oldest first.
    pub violations: Vec<Violation>,
    /// The same for people.
    pub diagnostics: Vec<Diagnostic>,
}

/// What can be said of a schema and the versions before it.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// The first of the levels that does not hold.
    pub breach: Option<Breach>,
    /// Versions that take part and cannot be read, with the reason: nothing can be said to go with them.
    pub unreadable: Vec<(u32, String)>,
}

/// Holds `new` against the versions before it, at each of the levels until one does not hold: what breaks at two of them
/// is told once.
pub fn judge(new: &Schema, held: &[Held], levels: &[Level]) -> Verdict {
    let mut verdict = Verdict::default();
    for &level in levels {
        let taking_part = match level {
            Level::None => &[],
            _ if level.is_transitive() => held,
            _ => held.get(held.len().saturating_sub(1)..).unwrap_or_default(),
        };
        let mut old: Vec<Schema> = Vec::new();
        let mut numbers: Vec<u32> = Vec::new();
        for version in taking_part {
            match &version.schema {
                Ok(schema) => {
                    old.push(schema.clone());
                    numbers.push(version.version);
                }
                Err(reason) => {
                    if !verdict
                        .unreadable
                        .iter()
                        .any(|(told, _)| *told == version.version)
                    {
                        verdict.unreadable.push((version.version, reason.clone()));
                    }
                }
            }
        }
        let violations = all_violations(level, new, &old);
        if violations.is_empty() {
            continue;
        }
        let mut against: Vec<u32> = violations
            .iter()
            .filter_map(|v| numbers.get(v.version_index).copied())
            .collect();
        against.sort_unstable();
        against.dedup();
        let names: Vec<Old<'_>> = old
            .iter()
            .zip(&numbers)
            .map(|(schema, number)| Old {
                schema,
                name: format!("version {number}"),
            })
            .collect();
        let diagnostics = diagnose(new, &names, &violations);
        verdict.breach = Some(Breach {
            level,
            against,
            violations,
            diagnostics,
        });
        break;
    }
    verdict
}

/// Every version that breaks, where a registry ends at the first.
fn all_violations(level: Level, new: &Schema, old: &[Schema]) -> Vec<Violation> {
    if !level.is_transitive() {
        return check_level(level, new, old);
    }
    let mut all = Vec::new();
    for (index, version) in old.iter().enumerate() {
        for mut violation in check_level(level, new, std::slice::from_ref(version)) {
            violation.version_index = index;
            all.push(violation);
        }
    }
    all
}
