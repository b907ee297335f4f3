//! The seven compatibility levels of Confluent's registry.
//!
//! Confluent Platform documentation, "Schema Evolution and Compatibility": backward means that the new schema reads
//! the old data, forward that the old one reads the new data, full both, transitive against every version.
//! As the registry does it: versions from newest to oldest; a transitive check stops at the first version that fails
//! and tells that one alone; of a full check the forward direction is told first.

use std::fmt;
use std::str::FromStr;

use crate::compat::{Incompatibility, check};
use crate::schema::Schema;

/// A compatibility level. Its text is the registry's: `BACKWARD_TRANSITIVE`; it is read in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Nothing is checked.
    None,
    /// The new schema reads data of the latest version. A registry's default.
    #[default]
    Backward,
    /// The new schema reads data of every version.
    BackwardTransitive,
    /// The latest version reads data of the new schema.
    Forward,
    /// Every version reads data of the new schema.
    ForwardTransitive,
    /// Both, with the latest version.
    Full,
    /// Both, with every version.
    FullTransitive,
}

impl Level {
    /// All seven.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// Whether it asks for every version, and not the latest alone.
    pub fn is_transitive(self) -> bool {
        matches!(
            self,
            Self::BackwardTransitive | Self::ForwardTransitive | Self::FullTransitive
        )
    }

    /// What it checks, in the registry's order.
    pub fn directions(self) -> &'static [Direction] {
        match self {
            Self::None => &[],
            Self::Backward | Self::BackwardTransitive => &[Direction::Backward],
            Self::Forward | Self::ForwardTransitive => &[Direction::Forward],
            Self::Full | Self::FullTransitive => &[Direction::Forward, Direction::Backward],
        }
    }

    /// The registry's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no compatibility level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a compatibility level: expected NONE, BACKWARD, BACKWARD_TRANSITIVE, FORWARD, FORWARD_TRANSITIVE, FULL or FULL_TRANSITIVE"
)]
pub struct ParseLevelError(pub String);

impl FromStr for Level {
    type Err = ParseLevelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| ParseLevelError(text.to_owned()))
    }
}

/// Which side reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// The new schema reads data of the old one.
    Backward,
    /// The old schema reads data of the new one.
    Forward,
}

/// One reason why a level does not hold.
#[derive(Clone, Debug)]
pub struct Violation {
    /// Which side could not read.
    pub direction: Direction,
    /// Which of the old versions, from 0.
    pub version_index: usize,
    /// Why.
    pub incompatibility: Incompatibility,
}

/// Whether `new` may follow the versions of a subject at `level`; empty: it may. `old_versions_oldest_first` are the
/// versions that take part: a registry leaves out those that are soft-deleted.
pub fn check_level(level: Level, new: &Schema, old_versions_oldest_first: &[Schema]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (version_index, old) in old_versions_oldest_first.iter().enumerate().rev() {
        for &direction in level.directions() {
            let (reader, writer) = match direction {
                Direction::Backward => (new, old),
                Direction::Forward => (old, new),
            };
            violations.extend(
                check(reader, writer)
                    .into_iter()
                    .map(|incompatibility| Violation {
                        direction,
                        version_index,
                        incompatibility,
                    }),
            );
        }
        if !violations.is_empty() || !level.is_transitive() {
            break;
        }
    }
    violations
}
