//! Which handler call may start next: serial per lane, parallel across lanes, never more than a cap.
//!
//! A lane is what must stay in order: the hash of a `by` value or of a record key. Two values with the same hash share a
//! lane, which costs parallelism and never order. A record without a lane waits for nobody.
//!
//! The dispatcher starts nothing itself and knows no task, clock or partition. Whoever takes an item from [`Dispatcher::start`]
//! owes it a [`Dispatcher::finish`], also where the item turned out to be stale and was not handled.

use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasherDefault;
use std::num::NonZeroU64;

use super::mistakes::{Mistake, planted};
use crate::engine::key::AlreadyHashed;

/// The place of an item: what must be given back to [`Dispatcher::finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use = "a lane that is not finished blocks what is behind it"]
pub(crate) struct Lane(Option<NonZeroU64>);

/// Items by lane, and how many of them are running.
#[derive(Clone, Debug)]
pub(crate) struct Dispatcher<T> {
    cap: usize,
    running: usize,
    queued: usize,
    /// What is behind the first item of a lane. A lane is here from its first item's arrival to its last item's finish.
    lanes: HashMap<NonZeroU64, Line, BuildHasherDefault<AlreadyHashed>>,
    behind: Behind<T>,
    /// The first item of each lane whose turn it is, in order of arrival.
    ready: VecDeque<(Lane, T)>,
}

impl<T> Dispatcher<T> {
    /// At most `cap` items run at a time; 0 is taken as 1, because nothing would ever run.
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            cap: cap.max(1),
            running: 0,
            queued: 0,
            lanes: HashMap::default(),
            behind: Behind::default(),
            ready: VecDeque::new(),
        }
    }

    /// Takes an item in.
    pub(crate) fn push(&mut self, lane: Option<u64>, item: T) {
        self.queued += 1;
        // The two highest ones are one lane.
        let lane = lane.map(|key| NonZeroU64::MIN.saturating_add(key));
        if let Some(key) = lane.filter(|_| !planted(Mistake::LaneIgnored)) {
            if let Some(line) = self.lanes.get_mut(&key) {
                self.behind.push(line, item);
                return;
            }
            self.lanes.insert(key, Line::default());
        }
        self.ready.push_back((Lane(lane), item));
    }

    /// The next item that may run now, if the cap and the lanes allow one.
    pub(crate) fn start(&mut self) -> Option<(Lane, T)> {
        if self.running >= self.cap && !planted(Mistake::CapIgnored) {
            return None;
        }
        let next = self.ready.pop_front()?;
        self.queued -= 1;
        self.running += 1;
        Some(next)
    }

    /// The item that came with `lane` is done, whatever became of it.
    pub(crate) fn finish(&mut self, lane: Lane) {
        self.running = self.running.saturating_sub(1);
        let Some(key) = lane.0 else { return };
        match self.lanes.get_mut(&key).and_then(|line| self.behind.pop(line)) {
            Some(next) => self.ready.push_back((lane, next)),
            None => {
                self.lanes.remove(&key);
            }
        }
    }

    /// Whether [`Dispatcher::start`] would answer an item.
    pub(crate) fn may_start(&self) -> bool {
        self.running < self.cap && !self.ready.is_empty()
    }

    /// How many items may run as far as their lanes are concerned.
    pub(crate) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Items taken in and not started.
    pub(crate) fn queued(&self) -> usize {
        self.queued
    }

    /// Items started and not finished.
    pub(crate) fn running(&self) -> usize {
        self.running
    }

    /// All of it, for tests that compare: what is behind in each lane by its number, and what is ready.
    #[cfg(test)]
    #[allow(clippy::type_complexity)]
    pub(crate) fn parts(&self) -> (std::collections::BTreeMap<u64, Vec<&T>>, &VecDeque<(Lane, T)>) {
        let lanes = self
            .lanes
            .iter()
            .map(|(key, line)| (key.get(), self.behind.items(line)));
        (lanes.collect(), &self.ready)
    }

    /// Forgets what has not started. What runs must still be finished.
    pub(crate) fn clear(&mut self) {
        self.queued = 0;
        self.behind = Behind::default();
        for line in self.lanes.values_mut() {
            *line = Line::default();
        }
        // Nobody owes a finish for what was not started.
        for (lane, _) in self.ready.drain(..) {
            if let Some(key) = lane.0 {
                self.lanes.remove(&key);
            }
        }
    }
}

/// Nobody.
const NONE: u32 = u32::MAX;

/// The first and the last that wait in a lane.
#[derive(Clone, Copy, Debug)]
struct Line {
    first: u32,
    last: u32,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            first: NONE,
            last: NONE,
        }
    }
}

/// Items that wait behind others: the lines of all lanes in one room, so that a lane takes a few bytes and no memory of its own.
#[derive(Clone, Debug)]
struct Behind<T> {
    /// An item, and who is next in its line; nobody's place, and the next one that is free.
    places: Vec<(Option<T>, u32)>,
    free: u32,
}

impl<T> Default for Behind<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            free: NONE,
        }
    }
}

impl<T> Behind<T> {
    /// Adds an item at the end of a line.
    fn push(&mut self, line: &mut Line, item: T) {
        let place = (Some(item), NONE);
        let at = match self.places.get_mut(self.free as usize) {
            Some(free) => {
                let next = std::mem::replace(free, place).1;
                std::mem::replace(&mut self.free, next)
            }
            None => {
                self.places.push(place);
                // So many items at once have no room in memory.
                (self.places.len() - 1) as u32
            }
        };
        match self.places.get_mut(line.last as usize) {
            Some(last) => last.1 = at,
            None => line.first = at,
        }
        line.last = at;
    }

    /// Takes the first item of a line.
    fn pop(&mut self, line: &mut Line) -> Option<T> {
        let at = line.first;
        let (item, next) = self.places.get_mut(at as usize)?;
        line.first = std::mem::replace(next, self.free);
        self.free = at;
        if line.first == NONE {
            line.last = NONE;
        }
        item.take()
    }

    #[cfg(test)]
    fn items(&self, line: &Line) -> Vec<&T> {
        let mut items = Vec::new();
        let mut at = line.first;
        while let Some((item, next)) = self.places.get(at as usize) {
            items.extend(item);
            at = *next;
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(Option<u64>),
        Start,
        /// Finishes the running item at this position, counted round.
        Finish(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => proptest::option::weighted(0.9, 0u64..6).prop_map(Step::Push),
            4 => Just(Step::Start),
            3 => any::<usize>().prop_map(Step::Finish),
        ]
    }

    struct Run {
        dispatcher: Dispatcher<(Option<u64>, usize)>,
        cap: usize,
        pushed: usize,
        running: Vec<(Lane, Option<u64>, usize)>,
        started: Vec<(Option<u64>, usize)>,
    }

    impl Run {
        fn new(cap: usize) -> Self {
            Self {
                dispatcher: Dispatcher::new(cap),
                cap,
                pushed: 0,
                running: Vec::new(),
                started: Vec::new(),
            }
        }

        fn start(&mut self) -> bool {
            let Some((lane, (key, number))) = self.dispatcher.start() else {
                return false;
            };
            assert!(
                key.is_none() || self.running.iter().all(|(_, other, _)| *other != key),
                "two of lane {key:?} run at once"
            );
            self.running.push((lane, key, number));
            self.started.push((key, number));
            assert!(self.running.len() <= self.cap);
            true
        }

        fn finish(&mut self, at: usize) {
            if !self.running.is_empty() {
                let (lane, ..) = self.running.swap_remove(at % self.running.len());
                self.dispatcher.finish(lane);
            }
        }

        fn step(&mut self, step: &Step) {
            match step {
                Step::Push(key) => {
                    self.dispatcher.push(*key, (*key, self.pushed));
                    self.pushed += 1;
                }
                Step::Start => {
                    let before = self.dispatcher.queued();
                    if !self.start() && self.running.len() < self.cap {
                        // nothing may start although there is room: then all that waits is behind a running one
                        assert!(before == 0 || !self.running.is_empty());
                    }
                }
                Step::Finish(at) => self.finish(*at),
            }
            assert_eq!(self.dispatcher.running(), self.running.len());
            assert_eq!(
                self.dispatcher.queued() + self.started.len(),
                self.pushed,
                "every item is either queued or was started"
            );
        }
    }

    proptest! {
        /// P10: whatever the cap, everything that was taken in is started once what runs is finished.
        #[test]
        fn everything_starts_for_any_cap(cap in 1usize..8, steps in proptest::collection::vec(step(), 0..200)) {
            let mut run = Run::new(cap);
            for step in &steps {
                run.step(step);
            }
            let mut guard = 0;
            while run.dispatcher.queued() > 0 {
                while run.start() {}
                run.finish(guard);
                guard += 1;
                prop_assert!(guard <= run.pushed + 1, "no progress");
            }
            prop_assert_eq!(run.started.len(), run.pushed);
            for lane in 0..6 {
                let order: Vec<_> = run.started.iter().filter(|(key, _)| *key == Some(lane)).map(|(_, n)| *n).collect();
                prop_assert!(order.is_sorted(), "lane {} was started out of order: {:?}", lane, order);
            }
        }
    }

    #[test]
    fn a_slow_lane_does_not_hold_up_the_others() {
        let mut dispatcher = Dispatcher::new(2);
        dispatcher.push(Some(1), "slow");
        dispatcher.push(Some(1), "behind");
        dispatcher.push(Some(2), "other");
        let (slow, first) = dispatcher.start().unwrap();
        let (other, second) = dispatcher.start().unwrap();
        assert_eq!((first, second), ("slow", "other"));
        dispatcher.finish(other);
        assert!(dispatcher.start().is_none());
        dispatcher.finish(slow);
        assert_eq!(dispatcher.start().unwrap().1, "behind");
    }

    #[test]
    fn a_cap_of_none_still_runs_one() {
        let mut dispatcher = Dispatcher::new(0);
        dispatcher.push(None, ());
        assert!(dispatcher.start().is_some());
    }

    #[test]
    fn cleared_lanes_can_be_used_again() {
        let mut dispatcher = Dispatcher::new(4);
        dispatcher.push(Some(1), 1);
        dispatcher.push(Some(2), 2);
        dispatcher.push(Some(1), 3);
        let (lane, _) = dispatcher.start().unwrap();
        dispatcher.clear();
        assert!(dispatcher.start().is_none());
        dispatcher.finish(lane);
        dispatcher.push(Some(1), 4);
        assert_eq!(dispatcher.start().unwrap().1, 4);
        // Its first item had not started when it was cleared.
        dispatcher.push(Some(2), 5);
        assert_eq!(dispatcher.start().unwrap().1, 5);
    }
}
