//! What the thread knows in figures: how much waits, which partitions are idle, and what is made visible outside.

use std::sync::PoisonError;

use super::core::{Core, Partition, Phase};
use super::counts::PartitionCounts;
use crate::topic::Topic;

impl<T: Topic> Core<T> {
    /// What waits for the application, for schemas and for the dead-letter topic. With `wake` the thread is woken when the
    /// application's part is down to the low mark.
    pub(crate) fn load(&self, wake: bool) -> usize {
        let stashed: usize = self
            .partitions
            .values()
            .map(|partition| partition.stash.len())
            .sum();
        self.outbox.load(wake.then_some(self.pressure.low())) + stashed + self.letters_under_way()
    }

    /// Partitions from which nothing should be fetched now: they wait for a schema, or are at their end.
    pub(crate) fn idle_partitions(&self) -> Vec<i32> {
        let idle = |partition: &Partition<T::Event>| partition.reached || !partition.stash.is_empty();
        self.partitions
            .iter()
            .filter(|(_, partition)| self.phase != Phase::Reading || idle(partition))
            .map(|(number, _)| *number)
            .collect()
    }

    /// Takes a partition away; its counters go to the totals.
    pub(crate) fn retire(&mut self, number: i32) {
        let Some(partition) = self.partitions.remove(&number) else {
            return;
        };
        let counts = self.figures(number, &partition);
        self.book.revoke(number);
        self.totals.add(&partition.engine.counts());
        self.totals.partitions.insert(
            number,
            PartitionCounts {
                assigned: false,
                ..counts
            },
        );
        if let Some(letters) = &mut self.letters {
            letters.discard(number);
        }
    }

    fn figures(&self, number: i32, partition: &Partition<T::Event>) -> PartitionCounts {
        let before = self.totals.partitions.get(&number).copied().unwrap_or_default();
        PartitionCounts {
            assigned: true,
            received: before.received + partition.engine.counts().received,
            handled: before.handled + partition.handled,
            position: partition.position,
            watermark: partition.engine.watermark(),
            committed: self.book.committed(number),
            high_watermark: partition.high_watermark,
        }
    }

    /// Makes the figures visible. `high` says where a partition's log ends, where that is known without asking.
    pub(crate) fn publish(&mut self, high: Option<&dyn Fn(i32) -> Option<i64>>) {
        if let Some(high) = high {
            for (number, partition) in &mut self.partitions {
                partition.high_watermark = partition.high_watermark.max(high(*number));
            }
        }
        let mut counts = self.totals.clone();
        for (number, partition) in &self.partitions {
            counts.add(&partition.engine.counts());
            counts.waiting += partition.engine.waiting() as u64;
            counts.outstanding += partition.engine.outstanding() as u64;
            counts.dedup_entries += partition.engine.dedup_entries() as u64;
            counts.tracks += partition.engine.tracks() as u64;
            counts
                .partitions
                .insert(*number, self.figures(*number, partition));
        }
        self.meter.publish(&counts);
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }
}
