//! Which offsets are outstanding, and so how far a commit may go.
//!
//! Offsets rise but are not contiguous: transactions and compaction leave holes. So nothing is counted from one offset to
//! the next; what is outstanding is marked, and the watermark is the lowest mark.
//!
//! Marks are bits in blocks of 64 offsets, kept in a queue from the lowest block with a mark to the highest block that had
//! one. Taking and settling an offset touch one block, which is found by arithmetic as long as no whole block is missing
//! between, and by a binary search over as many places as blocks are missing otherwise; every block enters and leaves
//! the queue once. One record that stays outstanding for long costs 16 bytes for every 64 offsets after it.

use std::collections::{BTreeMap, VecDeque};

use super::mistakes::{Mistake, planted};

#[derive(Debug, Clone, Copy)]
struct Block {
    /// Offset / 64.
    id: i64,
    /// One bit for each outstanding offset.
    marks: u64,
}

/// The outstanding offsets of one partition.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    /// Ordered by `id`; the first one has a mark.
    blocks: VecDeque<Block>,
    outstanding: usize,
    committed: Option<i64>,
    last: Option<i64>,
    /// By offset: others that must be settled before it.
    after: BTreeMap<i64, Vec<i64>>,
    /// By offset: those that were settled, and count as such once it is.
    held: BTreeMap<i64, Vec<i64>>,
}

impl Offsets {
    pub(crate) fn new(committed: Option<i64>) -> Self {
        Self {
            committed,
            ..Self::default()
        }
    }

    /// The last offset received, warm ones included.
    pub(crate) fn last(&self) -> Option<i64> {
        self.last
    }

    /// Takes note of an offset that needs no work. Offsets must rise.
    pub(crate) fn pass(&mut self, offset: i64) {
        self.last = Some(offset);
    }

    /// Takes note of an offset and marks it as outstanding. Offsets must rise.
    pub(crate) fn take(&mut self, offset: i64) {
        self.last = Some(offset);
        self.outstanding += 1;
        let (id, mark) = place(offset);
        match self.blocks.back_mut() {
            Some(block) if block.id == id => block.marks |= mark,
            _ => self.blocks.push_back(Block { id, marks: mark }),
        }
    }

    /// An offset counts as settled only when these, which are outstanding or were, are settled too.
    pub(crate) fn settle_after(&mut self, offset: i64, others: Vec<i64>) {
        self.after.insert(offset, others);
    }

    /// As [`Self::settle`], but keeps the mark while an offset is outstanding that must be settled before.
    pub(crate) fn settle_in_turn(&mut self, offset: i64) {
        // Most offsets wait for none, and none waits for them.
        if !self.after.contains_key(&offset) && !self.held.contains_key(&offset) {
            self.settle(offset);
            return;
        }
        let mut settled = vec![offset];
        while let Some(offset) = settled.pop() {
            let others = self.after.get(&offset).map_or(&[][..], Vec::as_slice);
            if let Some(first) = others.iter().find(|other| self.is_outstanding(**other)) {
                self.held.entry(*first).or_default().push(offset);
                continue;
            }
            self.after.remove(&offset);
            self.settle(offset);
            settled.extend(self.held.remove(&offset).unwrap_or_default());
        }
    }

    /// Whether an offset has a mark.
    pub(crate) fn is_outstanding(&self, offset: i64) -> bool {
        let (id, mark) = place(offset);
        let block = self.find(id).and_then(|at| self.blocks.get(at));
        block.is_some_and(|block| block.marks & mark != 0)
    }

    /// Removes the mark of an offset. `false`: it has none.
    pub(crate) fn settle(&mut self, offset: i64) -> bool {
        let (id, mark) = place(offset);
        let Some(block) = self.find(id).and_then(|at| self.blocks.get_mut(at)) else {
            return false;
        };
        if block.marks & mark == 0 {
            return false;
        }
        block.marks &= !mark;
        self.outstanding -= 1;
        while self.blocks.front().is_some_and(|block| block.marks == 0) {
            self.blocks.pop_front();
        }
        true
    }

    fn find(&self, id: i64) -> Option<usize> {
        let (first, last) = (self.blocks.front()?.id, self.blocks.back()?.id);
        if id < first || id > last {
            return None;
        }
        // Ids rise by at least 1 from block to block: this one is at most so far from either end.
        let mut high = usize::try_from(id - first)
            .unwrap_or(usize::MAX)
            .min(self.blocks.len() - 1);
        let mut low =
            (self.blocks.len() - 1).saturating_sub(usize::try_from(last - id).unwrap_or(usize::MAX));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.blocks[middle].id < id {
                low = middle + 1
            } else {
                high = middle
            }
        }
        (self.blocks[low].id == id).then_some(low)
    }

    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding
    }

    /// The lowest outstanding offset, or the last received + 1, never below the committed one.
    pub(crate) fn watermark(&self) -> Option<i64> {
        let lowest = self
            .blocks
            .front()
            .map(|b| b.id * 64 + i64::from(b.marks.trailing_zeros()));
        let beyond = || self.last.map(|last| last.saturating_add(1));
        let reached = if planted(Mistake::CommitPastOutstanding) {
            beyond()
        } else {
            lowest.or_else(beyond)
        };
        self.committed.max(reached)
    }
}

fn place(offset: i64) -> (i64, u64) {
    (offset.div_euclid(64), 1 << offset.rem_euclid(64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_records_the_commit_stands() {
        assert_eq!(Offsets::new(None).watermark(), None);
        assert_eq!(Offsets::new(Some(7)).watermark(), Some(7));
    }

    #[test]
    fn warm_offsets_do_not_lower_it() {
        let mut offsets = Offsets::new(Some(7));
        offsets.pass(3);
        assert_eq!(offsets.watermark(), Some(7));
        offsets.take(9);
        assert_eq!(offsets.watermark(), Some(9));
        assert!(offsets.settle(9) && !offsets.settle(9) && !offsets.settle(1000) && !offsets.settle(-1));
        assert_eq!(offsets.watermark(), Some(10));
    }

    #[test]
    fn a_hole_of_any_size_costs_nothing() {
        let mut offsets = Offsets::new(None);
        for offset in [0, 1_i64 << 62, i64::MAX] {
            offsets.take(offset);
        }
        assert_eq!(offsets.blocks.len(), 3);
        assert!(offsets.settle(1 << 62) && offsets.settle(0));
        assert_eq!(offsets.watermark(), Some(i64::MAX));
        assert!(offsets.settle(i64::MAX));
        assert_eq!((offsets.watermark(), offsets.outstanding()), (Some(i64::MAX), 0));
    }

    proptest! {
        /// Against a set of integers, with holes of all sizes and settling in any order.
        #[test]
        fn as_a_set_would_have_it(
            steps in prop::collection::vec((prop_oneof![Just(1_i64), 1_i64..4, 1_i64..1000], any::<bool>(), any::<prop::sample::Index>()), 1..300),
            committed in prop::option::of(0_i64..200),
        ) {
            let (mut offsets, mut set, mut last) = (Offsets::new(committed), BTreeSet::new(), -1);
            for (hole, taken, settled) in steps {
                last += hole;
                if taken { offsets.take(last); set.insert(last); } else { offsets.pass(last); }
                if settled.index(3) > 0 && !set.is_empty() {
                    let gone = *set.iter().nth(settled.index(set.len())).unwrap();
                    set.remove(&gone);
                    prop_assert!(offsets.settle(gone));
                    prop_assert!(!offsets.settle(gone));
                }
                let expected = set.first().copied().unwrap_or(last + 1).max(committed.unwrap_or(0));
                prop_assert_eq!(offsets.watermark(), Some(expected));
                prop_assert_eq!(offsets.outstanding(), set.len());
            }
        }
    }
}
