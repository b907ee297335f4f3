//! What was handled, and what must be true of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use fleetops_runtime::consumer::{ConsumerCounts, Received};

use super::reading::Reading;

/// What was handled, in the order in which handlers ended.
#[derive(Clone, Default)]
pub struct Ledger {
    lines: Arc<Mutex<Vec<(i32, i64, Reading)>>>,
}

impl Ledger {
    pub fn write(&self, received: &Received<Reading>) {
        let event = received.event().expect("no tombstone").clone();
        self.lines
            .lock()
            .unwrap()
            .push((received.partition(), received.offset(), event));
    }

    pub fn push(&self, partition: i32, offset: i64, reading: Reading) {
        self.lines.lock().unwrap().push((partition, offset, reading));
    }

    pub fn lines(&self) -> Vec<(i32, i64, Reading)> {
        self.lines.lock().unwrap().clone()
    }

    pub fn len(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    pub fn readings(&self) -> BTreeSet<Reading> {
        self.lines().into_iter().map(|(_, _, reading)| reading).collect()
    }

    /// Each vehicle's frames rose.
    pub fn assert_in_order(&self) {
        let mut last: BTreeMap<String, i64> = BTreeMap::new();
        for (_, offset, reading) in self.lines() {
            if let Some(before) = last.insert(reading.vehicle.clone(), reading.frame) {
                assert!(
                    before < reading.frame,
                    "{} after {before}, offset {offset}",
                    reading.id
                );
            }
        }
    }

    /// No offset below the commits is missing here, save those of `dropped`.
    pub fn assert_commits_covered(&self, committed: &BTreeMap<i32, i64>, dropped: &BTreeSet<(i32, i64)>) {
        let handled: BTreeSet<(i32, i64)> = self.lines().iter().map(|(p, o, _)| (*p, *o)).collect();
        for (partition, end) in committed {
            for offset in 0..*end {
                let place = (*partition, offset);
                assert!(
                    handled.contains(&place) || dropped.contains(&place),
                    "partition {partition}: {end} is committed, and {offset} was not handled"
                );
            }
        }
    }
}

/// Every record received has exactly one outcome.
pub fn assert_balanced(counts: &ConsumerCounts) {
    let outcomes = counts.duplicates
        + counts.frame_duplicates
        + counts.conflicts
        + counts.late
        + counts.too_old
        + counts.jumps
        + counts.poison
        + counts.handed_out;
    assert_eq!(counts.received, outcomes + counts.waiting, "{counts:#?}");
}
