//! The reorder stage of a partition: its vehicles, how long frames are held, and who is forgotten.
//!
//! [`Frames`] decides the order of one vehicle and epoch; this module finds it, ends holds (rule 5) and evicts (rule 7).
//! Vehicles are known by a keyed hash, so a sender's long names cost no memory.
//!
//! Frames that wait are listed once more in the order in which they came, which is the order in which their hold time
//! ends. A frame that has left in the meantime is skipped when its turn comes. Vehicles that may be forgotten form a
//! list ordered by their last activity. So each record costs a bounded number of steps on average.

use std::collections::VecDeque;
use std::time::Duration;

use super::frames::{Fate, Frames, Item, Rules, Step};
use super::key::{Key, KeyMap};
use super::mistakes::{Mistake, planted};
use super::sink::Sink;
use crate::topic::ReorderSpec;

/// Log time without a record after which a vehicle is forgotten, in milliseconds. Any record of it counts, refused ones
/// too: so whether a vehicle is known depends on this much log and no more, and a restart can find it out.
pub(crate) const IDLE_MS: i64 = 60_000;

const NONE: u32 = u32::MAX;

/// An event's place in an order, its texts being known by their keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Of vehicle and epoch.
    pub(super) track: Key,
    pub(super) vehicle: Key,
    pub(crate) index: i64,
}

/// One vehicle and epoch.
#[derive(Debug)]
struct Track<P> {
    key: Key,
    vehicle: u32,
    frames: Frames<P>,
    /// Partition time of its last record, whatever became of that one.
    active: i64,
    /// Neighbours in the list of those that may be forgotten; `listed` says whether it is in it.
    older: u32,
    newer: u32,
    listed: bool,
}

/// What the epochs of one vehicle have in common.
#[derive(Debug)]
struct Vehicle {
    key: Key,
    tracks: u32,
    /// The highest offset emitted.
    emitted: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
struct Hold {
    track: u32,
    offset: i64,
    time: i64,
    read_at: Duration,
}

/// The reorder stage of one partition.
#[derive(Debug)]
pub(crate) struct Reorder<P> {
    rules: Rules,
    hold_ms: i64,
    hold: Duration,
    max_tracks: usize,
    tracks: Slots<Track<P>>,
    track_of: KeyMap<u32>,
    vehicles: Slots<Vehicle>,
    vehicle_of: KeyMap<u32>,
    holds: VecDeque<Hold>,
    oldest: u32,
    newest: u32,
    /// Records with output that wait or are quarantined.
    waiting: usize,
    /// The clock before which the log's end need not be asked for again.
    ask_after: Duration,
}

impl<P> Reorder<P> {
    pub(crate) fn new(spec: &ReorderSpec, max_tracks: usize) -> Self {
        Self {
            rules: Rules {
                ring: i128::from(spec.ring),
                tolerance: i128::from(spec.tolerance),
            },
            hold_ms: super::millis_up(spec.hold),
            hold: spec.hold,
            max_tracks: max_tracks.clamp(1, NONE as usize - 1),
            tracks: Slots::default(),
            track_of: KeyMap::default(),
            vehicles: Slots::default(),
            vehicle_of: KeyMap::default(),
            holds: VecDeque::new(),
            oldest: NONE,
            newest: NONE,
            waiting: 0,
            ask_after: Duration::ZERO,
        }
    }

    /// Takes a record. [`Reorder::advance`] must have been called with its time before.
    pub(crate) fn receive(&mut self, place: Place, item: Item<P>, sink: &mut Sink<'_, P>) {
        let at = match self.track_of.get(&place.track).copied() {
            Some(at) if !self.is_idle(at, item.time) => at,
            Some(at) => {
                self.unlist(at);
                self.forget(at);
                self.create(place, item.time, sink)
            }
            None => self.create(place, item.time, sink),
        };
        if let Some(track) = self.tracks.get_mut(at) {
            track.active = item.time;
        }
        self.list_newest(at);
        let hold = Hold {
            track: at,
            offset: item.offset,
            time: item.time,
            read_at: item.read_at,
        };
        let live = item.payload.is_some();
        self.waiting += usize::from(live);
        let mut fate = Fate::Settled;
        self.with(at, sink, |frames, rules, step| {
            fate = frames.receive(item, rules, step)
        });
        if fate != Fate::Settled {
            self.holds.push_back(hold);
            let forgotten = match fate {
                Fate::Quarantined => planted(Mistake::QuarantineNotOutstanding),
                _ => planted(Mistake::WaitingNotOutstanding),
            };
            if forgotten {
                sink.offsets.settle(hold.offset);
            }
        }
        self.trim();
    }

    /// The partition's time has risen to `time`: ends what has been held for long enough, and forgets the idle.
    pub(crate) fn advance(&mut self, time: i64, sink: &mut Sink<'_, P>) {
        let mut over = false;
        while let Some(hold) = self.holds.front().copied() {
            if time.saturating_sub(hold.time) < self.hold_ms || planted(Mistake::HoldForgotten) {
                break;
            }
            self.holds.pop_front();
            self.expire(hold, sink);
            over = true;
        }
        while let Some(track) = self.tracks.get(self.oldest) {
            if time.saturating_sub(track.active) < IDLE_MS {
                break;
            }
            self.unlist_oldest();
            over = true;
        }
        if over {
            self.trim();
        }
    }

    /// The log ended at our position when it was asked for at `asked_at`: ends what had been held for long enough then.
    pub(crate) fn clock(&mut self, asked_at: Duration, sink: &mut Sink<'_, P>) {
        while let Some(hold) = self.holds.front().copied() {
            if planted(Mistake::HoldForgotten) || hold.read_at.saturating_add(self.hold) > asked_at {
                break;
            }
            self.holds.pop_front();
            self.expire(hold, sink);
        }
        self.trim();
    }

    /// The log went on when it was asked for at `asked_at`: no need to ask again at once.
    pub(crate) fn ask_later(&mut self, asked_at: Duration) {
        let pause = self.hold.clamp(Duration::from_millis(10), Duration::from_secs(1));
        self.ask_after = asked_at.saturating_add(pause);
    }

    /// When the log's end should be asked for, because a hold is over by the clock.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        let first = self.holds.front().filter(|_| self.waiting > 0)?;
        Some(first.read_at.saturating_add(self.hold).max(self.ask_after))
    }

    /// A declared end: everything comes out, the vehicle that has waited longest first.
    pub(crate) fn finish(&mut self, sink: &mut Sink<'_, P>) {
        while let Some(hold) = self.holds.pop_front() {
            if self.is_held(&hold) {
                self.with(hold.track, sink, |frames, rules, step| frames.finish(rules, step));
            }
        }
    }

    /// The warm records have ended.
    pub(crate) fn settle_warm(&mut self) {
        let rules = self.rules;
        for at in 0..self.tracks.len() {
            let Some(track) = self.tracks.get_mut(at) else {
                continue;
            };
            track.frames.settle_warm(&rules);
            if !track.listed && !track.frames.holds_any() {
                self.list_oldest(at);
            }
        }
        self.trim();
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(crate) fn tracks(&self) -> usize {
        self.track_of.len()
    }

    fn expire(&mut self, hold: Hold, sink: &mut Sink<'_, P>) {
        if self.is_held(&hold) {
            self.with(hold.track, sink, |frames, rules, step| {
                frames.expire(hold.offset, rules, step)
            });
        }
    }

    /// A track's slot may have gone to another one since; the offset tells.
    fn is_held(&self, hold: &Hold) -> bool {
        self.tracks
            .get(hold.track)
            .is_some_and(|track| track.frames.holds(hold.offset))
    }

    /// Drops the holds at the front that have ended, so that the first one is the next deadline.
    fn trim(&mut self) {
        while self.holds.front().is_some_and(|hold| !self.is_held(hold)) {
            self.holds.pop_front();
        }
    }

    /// Whether it is to be forgotten, and only its place in the list has kept it.
    fn is_idle(&self, at: u32, time: i64) -> bool {
        let idle =
            |track: &Track<P>| time.saturating_sub(track.active) >= IDLE_MS && !track.frames.holds_any();
        self.tracks.get(at).is_some_and(idle)
    }

    /// Runs `act` on one vehicle's frames, and passes on what comes out.
    fn with(
        &mut self,
        at: u32,
        sink: &mut Sink<'_, P>,
        act: impl FnOnce(&mut Frames<P>, &Rules, &mut dyn FnMut(Step<P>)),
    ) {
        let Some(track) = self.tracks.get_mut(at) else {
            return;
        };
        let mut vehicle = self.vehicles.get_mut(track.vehicle);
        let mut gone = 0;
        let mut step = |step: Step<P>| {
            if let Step::Emitted(item, _) | Step::FrameDuplicate(item) | Step::Refused(_, item) = &step {
                gone += usize::from(item.payload.is_some());
            }
            let mut reordered = false;
            if let (Step::Emitted(item, _), Some(vehicle)) = (&step, vehicle.as_mut()) {
                reordered = vehicle.emitted.is_some_and(|highest| highest > item.offset);
                vehicle.emitted = vehicle.emitted.max(Some(item.offset));
            }
            sink.step(step, reordered);
        };
        act(&mut track.frames, &self.rules, &mut step);
        self.waiting -= gone;
        if !track.listed && !track.frames.holds_any() {
            self.list_oldest(at);
        }
    }

    fn create(&mut self, place: Place, time: i64, sink: &mut Sink<'_, P>) -> u32 {
        while self.track_of.len() >= self.max_tracks {
            if self.oldest != NONE {
                self.unlist_oldest();
            } else if let Some(hold) = self.holds.pop_front() {
                // Everyone waits, which only a flood of names can bring about: the longest hold ends early.
                sink.counts.forced += u64::from(self.is_held(&hold));
                self.expire(hold, sink);
            } else {
                break;
            }
        }
        let vehicle = match self.vehicle_of.get(&place.vehicle) {
            Some(at) => *at,
            None => {
                let at = self.vehicles.insert(Vehicle {
                    key: place.vehicle,
                    tracks: 0,
                    emitted: None,
                });
                self.vehicle_of.insert(place.vehicle, at);
                at
            }
        };
        if let Some(vehicle) = self.vehicles.get_mut(vehicle) {
            vehicle.tracks += 1;
        }
        let frames = Frames::default();
        let track = Track {
            key: place.track,
            vehicle,
            frames,
            active: time,
            older: NONE,
            newer: NONE,
            listed: false,
        };
        let at = self.tracks.insert(track);
        self.track_of.insert(place.track, at);
        at
    }

    /// Takes the one that was idle longest off the list, and forgets it unless something of it waits.
    fn unlist_oldest(&mut self) {
        let at = self.oldest;
        self.unlist(at);
        let waits = self.tracks.get(at).is_none_or(|track| track.frames.holds_any());
        if !waits || planted(Mistake::WaitingEvicted) {
            self.forget(at);
        }
    }

    fn forget(&mut self, at: u32) {
        let Some(track) = self.tracks.remove(at) else {
            return;
        };
        self.track_of.remove(&track.key);
        let Some(vehicle) = self.vehicles.get_mut(track.vehicle) else {
            return;
        };
        vehicle.tracks -= 1;
        if vehicle.tracks == 0 {
            let key = vehicle.key;
            self.vehicle_of.remove(&key);
            self.vehicles.remove(track.vehicle);
        }
    }

    fn unlist(&mut self, at: u32) {
        let Some(track) = self.tracks.get_mut(at).filter(|track| track.listed) else {
            return;
        };
        let (older, newer) = (track.older, track.newer);
        (track.listed, track.older, track.newer) = (false, NONE, NONE);
        match self.tracks.get_mut(older) {
            Some(neighbour) => neighbour.newer = newer,
            None => self.oldest = newer,
        }
        match self.tracks.get_mut(newer) {
            Some(neighbour) => neighbour.older = older,
            None => self.newest = older,
        }
    }

    fn list_newest(&mut self, at: u32) {
        if self.newest == at {
            return;
        }
        self.unlist(at);
        let before = std::mem::replace(&mut self.newest, at);
        match self.tracks.get_mut(before) {
            Some(neighbour) => neighbour.newer = at,
            None => self.oldest = at,
        }
        if let Some(track) = self.tracks.get_mut(at) {
            (track.listed, track.older, track.newer) = (true, before, NONE);
        }
    }

    /// For one that was taken off the list as the oldest while something of it waited.
    fn list_oldest(&mut self, at: u32) {
        let after = std::mem::replace(&mut self.oldest, at);
        match self.tracks.get_mut(after) {
            Some(neighbour) => neighbour.older = at,
            None => self.newest = at,
        }
        if let Some(track) = self.tracks.get_mut(at) {
            (track.listed, track.older, track.newer) = (true, NONE, after);
        }
    }
}

/// Values with small numbers for names; a removed one's number is used again.
#[derive(Debug)]
struct Slots<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slots<T> {
    /// Numbers stay below [`NONE`] because the owner bounds how many values there are.
    fn insert(&mut self, value: T) -> u32 {
        if let Some(at) = self.free.pop() {
            if let Some(slot) = self.slots.get_mut(at as usize) {
                *slot = Some(value);
            }
            return at;
        }
        self.slots.push(Some(value));
        (self.slots.len() - 1) as u32
    }

    fn remove(&mut self, at: u32) -> Option<T> {
        let value = self.slots.get_mut(at as usize)?.take()?;
        self.free.push(at);
        Some(value)
    }

    fn get(&self, at: u32) -> Option<&T> {
        self.slots.get(at as usize)?.as_ref()
    }

    fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.slots.get_mut(at as usize)?.as_mut()
    }

    /// One more than the highest number in use or free.
    fn len(&self) -> u32 {
        self.slots.len() as u32
    }
}
