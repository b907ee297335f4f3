//! What workers wrote down, read back.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use fleetops_runtime::uuid::Uuid;

/// A handler call that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handled {
    epoch: u64,
    pub(crate) partition: usize,
    pub(crate) offset: i64,
    pub(crate) id: Uuid,
    vehicle: String,
    frame: i64,
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

/// Within each assignment of a run: each vehicle's frames rise, and no record comes twice. Answers what is not so.
pub(crate) fn disorder(run: &[Handled]) -> Vec<String> {
    let mut last: HashMap<(u64, &str), &Handled> = HashMap::new();
    let mut seen = HashSet::new();
    let mut epochs: BTreeMap<usize, u64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for record in run {
        if let Some(before) = last.insert((record.epoch, &record.vehicle), record)
            && before.frame >= record.frame
        {
            wrong.push(format!("out of order: {record:?} after {before:?}"));
        }
        if !seen.insert((record.epoch, record.partition, record.offset)) {
            wrong.push(format!("twice in one assignment: {record:?}"));
        }
        let epoch = epochs.entry(record.partition).or_default();
        if record.epoch < *epoch {
            wrong.push(format!("handled for an assignment that is over: {record:?}"));
        }
        *epoch = record.epoch;
    }
    wrong
}

#[test]
fn disorder_is_found() {
    let record = |epoch, offset, frame| Handled {
        epoch,
        partition: 0,
        offset,
        id: Uuid::nil(),
        vehicle: "v".to_owned(),
        frame,
    };
    assert_eq!(
        disorder(&[record(1, 1, 1), record(1, 3, 2), record(2, 1, 1)]),
        [""; 0]
    );
    assert_eq!(disorder(&[record(1, 1, 2), record(1, 3, 1)]).len(), 1);
    assert_eq!(disorder(&[record(1, 1, 1), record(1, 1, 2)]).len(), 1);
    assert_eq!(disorder(&[record(2, 1, 1), record(1, 2, 2)]).len(), 1);
}
