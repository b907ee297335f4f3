//! Where a key's entry is: one table over all that dedup remembers, in which a look-up reads one cache line.
//!
//! The entries themselves lie elsewhere, in the order of time ([`super::dedup`]), and leave in that order. This table has
//! their places, in buckets of a cache line each: ten places, and sixteen bits of each one's hash, so that an entry is
//! read only where it most likely is the one that is looked for. A new key, the usual case, costs one read from far away.
//!
//! Nothing is ever taken out because of its age. A place is *live* while its [`Window`] says so; others count as free
//! and are written over. A bucket that is full passes on to the next one, and remembers the latest place that it passed on:
//! once that one is dead, so are all before it, and a look-up may stop there again.
//!
//! A dead place's number comes round again after [`Window`] has counted through 32 bits. It then takes up room for a while and
//! is found by nobody: whoever looks compares the entry's whole key.

use super::key::Key;

/// Places in a bucket.
const SLOTS: usize = 10;

/// Places a bucket holds on average, at most. More are passed on more often, fewer take more memory.
const FILL: usize = 7;

const FEWEST: usize = 8;

/// Entries in a group, as a power of two: the lower bits of a place.
pub(crate) const GROUP_BITS: u32 = 15;

/// The groups that are alive: places are `group << GROUP_BITS | number in the group`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Window {
    /// The oldest one's number, which counts round within 17 bits.
    pub(crate) first: u32,
    pub(crate) count: u32,
}

impl Window {
    /// Most groups.
    pub(crate) const MOST: u32 = 1 << (u32::BITS - GROUP_BITS);

    /// Which group this is, counted from the oldest one; its count or more: it is dead.
    #[inline]
    pub(crate) fn group(self, place: u32) -> u32 {
        (place >> GROUP_BITS).wrapping_sub(self.first) & (Self::MOST - 1)
    }

    #[inline]
    fn is_live(self, place: u32) -> bool {
        self.group(place) < self.count
    }

    /// The place of an entry.
    #[inline]
    pub(crate) fn place(self, group: u32, number: usize) -> u32 {
        self.first.wrapping_add(group) << GROUP_BITS | number as u32
    }
}

#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Bucket {
    places: [u32; SLOTS],
    /// The latest place that found no room here.
    beyond: u32,
    /// 0: the slot is free. Else some bits of the hash of what is at the place.
    tags: [u16; SLOTS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

impl Bucket {
    /// The first slot that is free because nothing was put there, or what was there was taken out.
    #[inline]
    fn free(&self) -> Option<usize> {
        // Four tags at a time: the lowest of them that is 0 is the lowest one whose highest bit is set here.
        const LOW: u64 = 0x0001_0001_0001_0001;
        let zeros = |tags: &[u16]| {
            let word = tags
                .iter()
                .rev()
                .fold(0, |word, tag| word << 16 | u64::from(*tag));
            word.wrapping_sub(LOW) & !word & (LOW << 15)
        };
        for (part, tags) in self.tags.chunks(4).enumerate() {
            let found = zeros(tags);
            if found != 0 {
                let slot = part * 4 + found.trailing_zeros() as usize / 16;
                return (slot < SLOTS).then_some(slot);
            }
        }
        None
    }

    /// The first slot whose place is dead.
    #[inline]
    fn dead(&self, live: Window) -> Option<usize> {
        self.places.iter().position(|place| !live.is_live(*place))
    }
}

/// Where in the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    bucket: usize,
    slot: usize,
}

/// Places by key.
#[derive(Debug)]
pub(crate) struct Index {
    buckets: Vec<Bucket>,
}

impl Index {
    /// With room for so many places.
    pub(crate) fn new(entries: usize) -> Self {
        let buckets = (entries / FILL + 1).max(FEWEST);
        Self {
            buckets: vec![Bucket::default(); buckets],
        }
    }

    /// How many places it is made for.
    pub(crate) fn room(&self) -> usize {
        self.buckets.len() * FILL
    }

    /// Whether it is much too large for so many.
    pub(crate) fn is_sparse(&self, entries: usize) -> bool {
        self.buckets.len() > FEWEST && entries < self.room() / 8
    }

    /// The live place with that key. `is` compares what lies at a place.
    #[inline]
    pub(crate) fn find(&self, key: Key, live: Window, is: impl Fn(u32) -> bool) -> Option<(Slot, u32)> {
        let (mut at, tag) = self.home(key);
        for _ in 0..self.buckets.len() {
            let bucket = self.buckets.get(at)?;
            let mut same = 0_u32;
            for (slot, other) in bucket.tags.iter().enumerate() {
                same |= u32::from(*other == tag) << slot;
            }
            while same != 0 {
                let slot = same.trailing_zeros() as usize;
                same &= same - 1;
                let place = bucket.places[slot];
                if live.is_live(place) && is(place) {
                    return Some((Slot { bucket: at, slot }, place));
                }
            }
            if !live.is_live(bucket.beyond) {
                return None;
            }
            at = self.after(at);
        }
        None
    }

    /// Reads the buckets of these keys, so that they are near when the keys are looked for: all at once, so that the ways to
    /// memory far away overlap. Changes nothing.
    #[inline]
    pub(crate) fn approach(&self, keys: impl Iterator<Item = Key>) {
        let mut read = 0;
        for key in keys {
            let (at, _) = self.home(key);
            read |= self.buckets.get(at).map_or(0, |bucket| bucket.tags[0]);
        }
        std::hint::black_box(read);
    }

    /// Frees a slot.
    pub(crate) fn remove(&mut self, slot: Slot) {
        if let Some(bucket) = self.buckets.get_mut(slot.bucket) {
            bucket.tags[slot.slot] = 0;
        }
    }

    /// Adds a place, which must be later than all others and must not be here under this key. `false`: there is no room.
    #[inline]
    pub(crate) fn insert(&mut self, key: Key, place: u32, live: Window) -> bool {
        let (mut at, tag) = self.home(key);
        for _ in 0..self.buckets.len() {
            let next = self.after(at);
            let Some(bucket) = self.buckets.get_mut(at) else {
                return false;
            };
            if let Some(slot) = bucket.free().or_else(|| bucket.dead(live)) {
                bucket.places[slot] = place;
                bucket.tags[slot] = tag;
                return true;
            }
            bucket.beyond = place;
            at = next;
        }
        false
    }

    /// A key's bucket, and its tag.
    #[inline]
    fn home(&self, key: Key) -> (usize, u16) {
        // The hash as a fraction of the number of buckets, which need not be a power of two.
        let at = (u128::from(key.short()) * self.buckets.len() as u128) >> 64;
        (at as usize, key.tag())
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.buckets.len() { 0 } else { at + 1 }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::key::Keyed;
    use super::*;

    proptest! {
        /// Against a map, while groups come and go, in tables that are much too small and so pass on all the time.
        #[test]
        fn what_is_live_is_found_and_nothing_else(
            steps in prop::collection::vec((0_u64..60, 0_u8..10), 1..600),
            first in prop_oneof![Just(0_u32), Just(Window::MOST - 3), any::<u32>()],
        ) {
            let keyed = Keyed::random();
            let mut index = Index::new(1);
            let mut live = Window { first: first & (Window::MOST - 1), count: 1 };
            let (mut number, mut groups) = (0, 0_u64);
            // By text: the number of its group since the start, and its place.
            let mut known: HashMap<u64, (u64, u32)> = HashMap::new();
            for (text, step) in steps {
                if step == 0 {
                    live.count += 1;
                    number = 0;
                }
                if (step == 1 && live.count > 1) || live.count > 4 {
                    live.first = live.first.wrapping_add(1) & (Window::MOST - 1);
                    live.count -= 1;
                    groups += 1;
                    known.retain(|_, (group, _)| *group >= groups);
                }
                let key = keyed.of(&text.to_le_bytes());
                let at_place = |place| known.get(&text).is_some_and(|(_, other)| *other == place);
                let found = index.find(key, live, at_place);
                prop_assert_eq!(found.map(|(_, place)| place), known.get(&text).map(|(_, place)| *place));
                if let Some((slot, _)) = found {
                    index.remove(slot);
                }
                let place = live.place(live.count - 1, number);
                number += 1;
                if index.insert(key, place, live) {
                    known.insert(text, (groups + u64::from(live.count) - 1, place));
                } else {
                    prop_assert!(known.len() >= FEWEST * SLOTS - 1, "no room after {}", known.len());
                    known.remove(&text);
                }
            }
        }
    }

    proptest! {
        /// Tags next to a free slot that look like one with a borrow or a carry included.
        #[test]
        fn the_first_free_slot_is_found(tags in prop::array::uniform10(prop::sample::select(vec![0, 1, 2, 0x7fff, 0x8000, 0x8001, 0xffff]))) {
            let bucket = Bucket { tags, ..Bucket::default() };
            prop_assert_eq!(bucket.free(), tags.iter().position(|tag| *tag == 0));
        }
    }

    #[test]
    fn room_is_as_asked_for() {
        for entries in [0, 1, 55, 56, 57, 1_000_000] {
            let index = Index::new(entries);
            assert!(index.room() >= entries && index.buckets.len() <= entries / FILL + FEWEST);
            assert!(!index.is_sparse(entries));
        }
        assert!(Index::new(1000).is_sparse(10) && !Index::new(0).is_sparse(0));
    }
}
