//! Dedup as a function of the log: a key is remembered with its latest time, for one TTL.
//!
//! A record is a duplicate iff the same key came before it in the partition with a time less than the TTL before, whether
//! or not that one was a duplicate itself. So a duplicate renews its key, and a verdict rests on one TTL of log and no more.
//!
//! Entries lie in generations, in the order in which they came: a 128-bit key and the 32-bit distance from the generation's
//! first time, exact to the millisecond. A generation covers at most a quarter of the TTL and 32,768 entries, and is
//! forgotten whole, which costs nothing per entry. Where a key's entry is, [`Index`] knows: one table for all generations, so
//! that a key that is new costs one look into memory far away, however many are kept.
//!
//! A key that is renewed within a quarter of the TTL has its time changed; later it gets a new entry, and the old one is
//! marked and leaves with its generation.

use std::collections::VecDeque;

use super::index::{GROUP_BITS, Index, Slot, Window};
use super::key::Key;
use super::mistakes::{Mistake, planted};

/// Generations in one TTL, at least.
const PARTS: i64 = 4;

/// Most entries of a generation.
const MOST: usize = 1 << GROUP_BITS;

/// So many keys are looked for together: their buckets have room in the nearest cache.
pub(crate) const BLOCK: usize = 64;

/// Up to so many entries the index grows fourfold, above by half.
const SMALL: usize = 1 << 17;

/// The time of an entry that a later one of the same key has replaced.
const REPLACED: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: Key,
    /// Milliseconds since its generation's first time, or [`REPLACED`].
    since: u32,
}

const _: () = assert!(size_of::<Entry>() == 20);

#[derive(Debug)]
struct Generation {
    /// Time of its first entry.
    base: i64,
    /// Time of its latest entry.
    latest: i64,
    entries: Vec<Entry>,
}

/// The keys of the last TTL.
#[derive(Debug)]
pub(crate) struct Dedup {
    ttl: i64,
    span: i64,
    max_entries: usize,
    /// Most entries of a generation here.
    part: usize,
    /// Oldest first.
    generations: VecDeque<Generation>,
    /// The number of the oldest one.
    first: u32,
    entries: usize,
    index: Index,
    forgotten: u64,
}

impl Dedup {
    /// `ttl` in milliseconds, or whatever unit the times have. When more than `max_entries` are kept, the oldest generation goes before its time.
    pub(crate) fn new(ttl: i64, max_entries: usize) -> Self {
        // So many generations have numbers of their own.
        let max_entries = max_entries.min((Window::MOST as usize / 2) << GROUP_BITS);
        Self {
            ttl,
            span: (ttl / PARTS).clamp(1, i64::from(REPLACED)),
            max_entries,
            part: (max_entries / PARTS as usize).clamp(1, MOST),
            generations: VecDeque::new(),
            first: 1,
            entries: 0,
            index: Index::new(0),
            forgotten: 0,
        }
    }

    /// These keys will be asked for soon, in this order.
    pub(crate) fn expect(&self, keys: &[Option<Key>]) {
        self.index.approach(keys.iter().copied().flatten());
    }

    /// Whether a record with this key and time is a duplicate; remembers it either way. Times must not fall.
    pub(crate) fn is_duplicate(&mut self, key: Key, time: i64) -> bool {
        if self.ttl <= 0 {
            return false;
        }
        self.forget(time);
        let Some((slot, place)) = self.find(key) else {
            self.add(key, time);
            return false;
        };
        let group = self.window().group(place);
        let Some(generation) = self.generations.get_mut(group as usize) else {
            return false;
        };
        let Generation {
            base,
            latest,
            entries,
        } = generation;
        let Some(entry) = entries.get_mut(number(place)) else {
            return false;
        };
        let duplicate = within(time, base.saturating_add(i64::from(entry.since)), self.ttl);
        if duplicate && planted(Mistake::DuplicateDoesNotRenew) {
            return true;
        }
        match since(*base, time, self.span) {
            Some(since) => {
                entry.since = since;
                *latest = time;
            }
            None => {
                entry.since = REPLACED;
                self.index.remove(slot);
                self.add(key, time);
            }
        }
        duplicate
    }

    /// How old the latest record with this key is; `None`: there is none, or it was forgotten because of its age. Remembers nothing.
    #[cfg_attr(not(feature = "kafka"), allow(dead_code))]
    pub(crate) fn age(&mut self, key: Key, time: i64) -> Option<i64> {
        self.forget(time);
        let (_, place) = self.find(key)?;
        let generation = self.generations.get(self.window().group(place) as usize)?;
        let since = generation.entries.get(number(place))?.since;
        Some(time.saturating_sub(generation.base.saturating_add(i64::from(since))))
    }

    /// Where a key's entry is.
    fn find(&self, key: Key) -> Option<(Slot, u32)> {
        let live = self.window();
        let same = |place: u32| {
            let generation = self.generations.get(live.group(place) as usize);
            let entry = generation.and_then(|generation| generation.entries.get(number(place)));
            entry.is_some_and(|entry| entry.key == key)
        };
        self.index.find(key, live, same)
    }

    fn window(&self) -> Window {
        Window {
            first: self.first,
            count: self.generations.len() as u32,
        }
    }

    /// Drops the generations whose latest entry is a TTL old, and the oldest ones beyond the limit of memory.
    fn forget(&mut self, time: i64) {
        let early = if planted(Mistake::GenerationDroppedEarly) {
            self.span
        } else {
            0
        };
        let before = self.generations.len();
        while let Some(oldest) = self.generations.front() {
            let old = time.saturating_sub(oldest.latest) >= self.ttl - early;
            if !old && self.entries < self.max_entries {
                break;
            }
            if !old {
                self.forgotten += oldest.entries.len() as u64;
            }
            self.entries -= oldest.entries.len();
            self.first = self.first.wrapping_add(1);
            self.generations.pop_front();
        }
        if self.generations.len() < before && self.index.is_sparse(self.entries) {
            self.rebuild(self.entries * 2);
        }
    }

    /// Adds an entry for a key that has none that counts.
    fn add(&mut self, key: Key, time: i64) {
        let fits = |generation: &Generation| {
            generation.entries.len() < self.part && since(generation.base, time, self.span).is_some()
        };
        if !self.generations.back().is_some_and(fits) {
            // The last generation's size is the best guess for the next one's, and saves growing it step by step.
            let room = self.generations.back().map_or(0, |last| last.entries.len());
            self.generations.push_back(Generation {
                base: time,
                latest: time,
                entries: Vec::with_capacity(room),
            });
        }
        let live = self.window();
        let Some(newest) = self.generations.back_mut() else {
            return;
        };
        let since = since(newest.base, time, self.span).unwrap_or(0);
        let place = live.place(live.count - 1, newest.entries.len());
        newest.entries.push(Entry { key, since });
        newest.latest = time;
        self.entries += 1;
        if self.entries > self.index.room() || !self.index.insert(key, place, live) {
            // A small table may be too large for a while: making it anew costs as much as all that was done before.
            let more = if self.entries < SMALL {
                3 * self.entries
            } else {
                self.entries / 2
            };
            self.rebuild(self.entries + more);
        }
    }

    /// Makes the index anew, with room for so many.
    fn rebuild(&mut self, room: usize) {
        let live = self.window();
        // One at a time: two of them would be the peak of memory.
        self.index = Index::new(0);
        self.index = Index::new(room);
        for (group, generation) in (0_u32..).zip(&self.generations) {
            for (block, entries) in generation.entries.chunks(BLOCK).enumerate() {
                let counts = |entry: &&Entry| entry.since != REPLACED;
                self.index
                    .approach(entries.iter().filter(counts).map(|entry| entry.key));
                for (number, entry) in entries.iter().enumerate().filter(|(_, entry)| counts(entry)) {
                    self.index
                        .insert(entry.key, live.place(group, block * BLOCK + number), live);
                }
            }
        }
    }

    /// Number of entries kept. A key that was renewed after a quarter of the TTL counts more than once.
    pub(crate) fn entries(&self) -> usize {
        self.entries
    }

    /// Entries forgotten before their time because of the limit of memory.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }
}

/// The number of an entry in its generation.
fn number(place: u32) -> usize {
    (place & (MOST as u32 - 1)) as usize
}

/// A time as the distance from a generation's first one. `None`: it belongs to another generation.
fn since(base: i64, time: i64, span: i64) -> Option<u32> {
    let since = time.checked_sub(base)?;
    u32::try_from(since).ok().filter(|_| since < span)
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
