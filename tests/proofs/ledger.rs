//! What workers wrote down, read back.

use std::path::Path;

use fleetops_runtime::uuid::Uuid;

/// A handler call that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handled {
    pub(crate) epoch: u64,
    pub(crate) partition: usize,
    pub(crate) offset: i64,
    pub(crate) id: Uuid,
    pub(crate) vehicle: String,
    pub(crate) frame: i64,
}

/// An acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Acknowledged {
    pub(crate) again: bool,
    pub(crate) id: Uuid,
    pub(crate) partition: usize,
    /// -1: acknowledged as one that the broker had already.
    pub(crate) offset: i64,
}

/// The whole lines of a file, by columns. A kill may leave the last one unfinished.
fn lines<T>(path: &Path, parse: impl Fn(&[&str]) -> T) -> Vec<T> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let columns = |line: &str| parse(&line.split('\t').collect::<Vec<_>>());
    whole.lines().map(columns).collect()
}

/// What a consumer handled, in the order in which it did.
pub(crate) fn handled(path: &Path) -> Vec<Handled> {
    lines(path, |columns| Handled {
        epoch: columns[0].parse().unwrap(),
        partition: columns[1].parse().unwrap(),
        offset: columns[2].parse().unwrap(),
        id: columns[3].parse().unwrap(),
        vehicle: columns[4].to_owned(),
        frame: columns[5].parse().unwrap(),
    })
}

/// What a producer was told.
pub(crate) fn acknowledged(path: &Path) -> Vec<Acknowledged> {
    lines(path, |columns| Acknowledged {
        again: columns[0] == "again",
        id: columns[1].parse().unwrap(),
        partition: columns[2].parse().unwrap(),
        offset: columns[3].parse().unwrap(),
    })
}
