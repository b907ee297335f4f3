//! Compatibility levels by name.
use std::fmt;
use std::str::FromStr;

/// A compatibility level of a schema registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Level {
    None,
    #[default]
    Backward,
    BackwardTransitive,
    Forward,
    ForwardTransitive,
    Full,
    FullTransitive,
}

impl Level {
    /// All seven, as the registry spells them.
    pub const ALL: [(&'static str, Level); 7] = [
        ("NONE", Level::None),
        ("BACKWARD", Level::Backward),
        ("BACKWARD_TRANSITIVE", Level::BackwardTransitive),
        ("FORWARD", Level::Forward),
        ("FORWARD_TRANSITIVE", Level::ForwardTransitive),
        ("FULL", Level::Full),
        ("FULL_TRANSITIVE", Level::FullTransitive),
    ];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, l)| l == self).map_or("", |(n, _)| n);
        f.write_str(name)
    }
}

impl FromStr for Level {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let found = Self::ALL.iter().find(|(n, _)| n.eq_ignore_ascii_case(text));
        found.map(|(_, l)| *l).ok_or(())
    }
}
