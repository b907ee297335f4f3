//! Dedup as a function of the log: a key is remembered with its latest time, in generations that are forgotten whole.
//!
//! A record is a duplicate iff the same key came before it in the partition with a time less than the TTL before, whether
//! or not that one was a duplicate itself. So a duplicate renews its key, and a verdict rests on one TTL of log and no more.
//!
//! A generation covers a quarter of the TTL; an entry is a 128-bit key and the 32-bit distance from the generation's
//! first time, exact to the millisecond. Looking a key up goes from the newest generation to the oldest and stops at the
//! first hit, which is the latest. At most six generations are alive, and forgetting one costs nothing per entry.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;

use super::key::{Key, KeyMap};
use super::mistakes::{Mistake, planted};

/// Generations in one TTL.
const PARTS: i64 = 4;

#[derive(Debug)]
struct Generation {
    /// Time of its first entry.
    base: i64,
    /// Time of its latest entry.
    latest: i64,
    /// Key to time since `base`.
    seen: KeyMap<u32>,
}

/// The keys of the last TTL.
#[derive(Debug)]
pub(crate) struct Dedup {
    ttl: i64,
    span: i64,
    max_entries: usize,
    /// Oldest first.
    generations: VecDeque<Generation>,
    forgotten: u64,
}

impl Dedup {
    /// `ttl` in milliseconds. When more than `max_entries` are kept, the oldest generation goes before its time.
    pub(crate) fn new(ttl: i64, max_entries: usize) -> Self {
        let span = (ttl / PARTS).clamp(1, i64::from(u32::MAX));
        Self {
            ttl,
            span,
            max_entries,
            generations: VecDeque::new(),
            forgotten: 0,
        }
    }

    /// Whether a record with this key and time is a duplicate; remembers it either way. Times must not fall.
    pub(crate) fn is_duplicate(&mut self, key: Key, time: i64) -> bool {
        if self.ttl <= 0 {
            return false;
        }
        self.forget(time);
        let ttl = self.ttl;
        let Some(newest) = self.newest(time) else {
            return false;
        };
        let since_base = u32::try_from(time.saturating_sub(newest.base)).unwrap_or(u32::MAX);
        newest.latest = time;
        let base = newest.base;
        match newest.seen.entry(key) {
            Entry::Occupied(mut entry) => {
                let seen = base.saturating_add(i64::from(*entry.get()));
                let duplicate = within(time, seen, ttl);
                if !(duplicate && planted(Mistake::DuplicateDoesNotRenew)) {
                    entry.insert(since_base);
                }
                return duplicate;
            }
            Entry::Vacant(entry) => {
                entry.insert(since_base);
            }
        }
        let older = self.generations.iter().rev().skip(1);
        let seen = older
            .filter_map(|g| Some(g.base.saturating_add(i64::from(*g.seen.get(&key)?))))
            .next();
        let duplicate = seen.is_some_and(|seen| within(time, seen, ttl));
        if duplicate && planted(Mistake::DuplicateDoesNotRenew) {
            self.generations.back_mut().map(|newest| newest.seen.remove(&key));
        }
        duplicate
    }

    /// Drops the generations whose latest entry is a TTL old, and the oldest ones beyond the limit of memory.
    fn forget(&mut self, time: i64) {
        let early = if planted(Mistake::GenerationDroppedEarly) {
            self.span
        } else {
            0
        };
        while let Some(oldest) = self.generations.front() {
            if time.saturating_sub(oldest.latest) < self.ttl - early {
                break;
            }
            self.generations.pop_front();
        }
        let mut kept = self.entries();
        while kept >= self.max_entries {
            let Some(oldest) = self.generations.pop_front() else {
                break;
            };
            kept -= oldest.seen.len();
            self.forgotten += oldest.seen.len() as u64;
        }
    }

    /// The generation that takes an entry of this time.
    fn newest(&mut self, time: i64) -> Option<&mut Generation> {
        let part = (self.max_entries / PARTS as usize).max(1);
        let fits =
            |g: &Generation| time.saturating_sub(g.base) < self.span && g.seen.len() < part && time >= g.base;
        if !self.generations.back().is_some_and(fits) {
            // The last generation's size is the best guess for the next one's, and saves growing it step by step.
            let room = self.generations.back().map_or(0, |g| g.seen.len());
            let seen = KeyMap::with_capacity_and_hasher(room, Default::default());
            self.generations.push_back(Generation {
                base: time,
                latest: time,
                seen,
            });
        }
        self.generations.back_mut()
    }

    /// Number of entries kept. A key that was renewed counts once for each generation that knows it.
    pub(crate) fn entries(&self) -> usize {
        self.generations.iter().map(|g| g.seen.len()).sum()
    }

    /// Entries forgotten before their time because of the limit of memory.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

fn within(time: i64, seen: i64, ttl: i64) -> bool {
    let age = time.saturating_sub(seen);
    age < ttl || (planted(Mistake::TtlOffByOne) && age == ttl)
}

#[cfg(test)]
mod tests {
    use super::super::key::Keyed;
    use super::*;

    #[test]
    fn the_edge_of_the_ttl_is_exact() {
        let keyed = Keyed::random();
        let key = keyed.of(b"k");
        for ttl in [1, 2, 3, 7, 60_000] {
            let mut dedup = Dedup::new(ttl, 1000);
            assert!(!dedup.is_duplicate(key, 5));
            assert!(dedup.is_duplicate(key, 5 + ttl - 1));
            assert!(!dedup.is_duplicate(key, 5 + ttl - 1 + ttl), "ttl {ttl}");
            assert!(dedup.is_duplicate(key, 5 + ttl - 1 + ttl));
        }
    }

    #[test]
    fn a_duplicate_renews_its_key_from_generation_to_generation() {
        let mut dedup = Dedup::new(100, 1000);
        let key = Keyed::random().of(b"k");
        assert!(!dedup.is_duplicate(key, 0));
        for time in (99..10_000).step_by(99) {
            assert!(dedup.is_duplicate(key, time));
        }
    }

    #[test]
    fn a_ttl_of_nothing_finds_nothing() {
        let mut dedup = Dedup::new(0, 1000);
        let key = Keyed::random().of(b"k");
        assert!(!dedup.is_duplicate(key, 0) && !dedup.is_duplicate(key, 0));
        assert_eq!(dedup.entries(), 0);
    }

    #[test]
    fn old_generations_go_and_few_are_alive() {
        let mut dedup = Dedup::new(1000, usize::MAX);
        let keyed = Keyed::random();
        for time in 0_i64..20_000 {
            assert!(!dedup.is_duplicate(keyed.of(&time.to_be_bytes()), time));
            assert!(dedup.entries() <= 1251 && dedup.generations.len() <= 6);
        }
        assert!(!dedup.is_duplicate(keyed.of(b"later"), 1_000_000));
        assert_eq!(dedup.entries(), 1);
    }

    #[test]
    fn the_limit_of_memory_holds_where_time_stands_still() {
        let mut dedup = Dedup::new(1000, 100);
        let keyed = Keyed::random();
        for n in 0_i64..10_000 {
            assert!(!dedup.is_duplicate(keyed.of(&n.to_be_bytes()), i64::MAX));
            assert!(dedup.entries() <= 100);
        }
        assert!(dedup.forgotten() >= 9_900);
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let mut dedup = Dedup::new(i64::MAX, 100);
        let key = Keyed::random().of(b"k");
        assert!(!dedup.is_duplicate(key, i64::MIN));
        assert!(!dedup.is_duplicate(key, i64::MAX));
        assert!(dedup.is_duplicate(key, i64::MAX));
    }
}
