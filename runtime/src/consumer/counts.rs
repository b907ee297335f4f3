//! What a consumer has seen and done, in figures.

use std::collections::BTreeMap;

use crate::engine::EngineCounts;

/// The figures of a consumer since it was built, over all its assignments.
///
/// `received` counts records at or above the group's committed offset at the time of the assignment. Once nothing waits and
/// nothing runs, each of them has ended in exactly one of `duplicates`, `frame_duplicates`, `conflicts`, `late`, `too_old`,
/// `jumps`, `poison` and `handed_out`; those that waited when their partition was taken away have ended in none, and
/// are counted again by whoever reads them next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsumerCounts {
    /// Records received.
    pub received: u64,
    /// Records below the committed offset, read again to warm up the stages; they count nowhere else.
    pub warm: u64,
    /// Dropped: the same dedup key within the TTL.
    pub duplicates: u64,
    /// Dropped: the same record again under a sequence number that waited or was handled.
    pub frame_duplicates: u64,
    /// Refused: another record under a sequence number that waited or was handled.
    pub conflicts: u64,
    /// Refused: its place had been passed.
    pub late: u64,
    /// Refused: its place had been passed by at least the ring.
    pub too_old: u64,
    /// Refused: a sequence number far ahead that nothing confirmed.
    pub jumps: u64,
    /// Missing sequence numbers that were given up; at most `u64::MAX`.
    pub gaps: u64,
    /// Handed out after a record of the same `by` value that has a higher offset.
    pub reordered: u64,
    /// Unreadable, invalid, or contradicting their header.
    pub poison: u64,
    /// Given to the application, or waiting to be taken by it.
    pub handed_out: u64,
    /// Null values among those.
    pub tombstones: u64,
    /// Replayed dead letters among those received.
    pub replayed: u64,
    /// Settled by the application as handled.
    pub handled: u64,
    /// Given up by the application, after its retries.
    pub failed: u64,
    /// Acknowledged by the dead-letter topic.
    pub dead_lettered: u64,
    /// Settled or failed after their partition had been taken away: without effect.
    pub stale: u64,
    /// Waiting in the reorder stage now.
    pub waiting: u64,
    /// Received and not settled now: waiting, given out, or a dead letter that is not acknowledged.
    pub outstanding: u64,
    /// Keys that dedup remembers now, about 40 bytes each. A key that was renewed counts more than once.
    pub dedup_entries: u64,
    /// Dedup keys forgotten before their time because of the limit of memory: their duplicates are handled.
    pub dedup_forgotten: u64,
    /// Pairs of `by` and `epoch` that the reorder stage remembers now, under a kilobyte each.
    pub tracks: u64,
    /// Times that reading was paused because the application was behind.
    pub pauses: u64,
    /// Commits that the broker took, asynchronous and synchronous.
    pub commits: u64,
    /// Commits that it refused.
    pub commits_failed: u64,
    /// Assignments of a partition so far.
    pub assignments: u64,
    /// By partition: those assigned now, and those that were.
    pub partitions: BTreeMap<i32, PartitionCounts>,
}

impl ConsumerCounts {
    /// Records between what is settled and the end of the log, over the partitions assigned now. The ends are those of the
    /// last fetch answers.
    pub fn lag(&self) -> u64 {
        self.partitions
            .values()
            .filter(|partition| partition.assigned)
            .filter_map(PartitionCounts::lag)
            .sum()
    }

    /// Adds an engine's counters to the totals.
    pub(crate) fn add(&mut self, engine: &EngineCounts) {
        self.received += engine.received;
        self.warm += engine.warm;
        self.duplicates += engine.duplicates;
        self.frame_duplicates += engine.frame_duplicates;
        self.conflicts += engine.conflicts;
        self.late += engine.late;
        self.too_old += engine.too_old;
        self.jumps += engine.jumps;
        // One corrupt index can stand for 2^63 of them; the others count records.
        self.gaps = self.gaps.saturating_add(engine.gaps);
        self.reordered += engine.reordered;
        self.poison += engine.poison;
        self.handed_out += engine.handled;
        self.tombstones += engine.tombstones;
        self.replayed += engine.replayed;
        self.dedup_forgotten += engine.dedup_forgotten;
    }
}

/// One partition's figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartitionCounts {
    /// Whether it is assigned to this consumer now.
    pub assigned: bool,
    /// Records received from it.
    pub received: u64,
    /// Records of it settled as handled.
    pub handled: u64,
    /// The next offset to be received.
    pub position: Option<i64>,
    /// The lowest offset that is not settled: what may be committed.
    pub watermark: Option<i64>,
    /// What the broker is known to have committed.
    pub committed: Option<i64>,
    /// One past the last offset of the log, as of the last fetch answer.
    pub high_watermark: Option<i64>,
}

impl PartitionCounts {
    /// Offsets between what is settled and the end of the log. `None`: one of the two is not known yet.
    pub fn lag(&self) -> Option<u64> {
        u64::try_from(self.high_watermark?.saturating_sub(self.watermark?)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_of_many_partitions_stay_at_the_most_that_is_counted() {
        let mut counts = ConsumerCounts::default();
        for _ in 0..3 {
            counts.add(&EngineCounts {
                gaps: u64::MAX / 2,
                ..EngineCounts::default()
            });
        }
        assert_eq!(counts.gaps, u64::MAX);
    }
}
