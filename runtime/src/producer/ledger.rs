//! The producer's books: what is in flight, who waits for it, and what nobody has heard of.
//!
//! One lock guards it, held for a few look-ups by a send and by a delivery report each. Every record that is handed to
//! librdkafka has an entry here, whose number travels with it and comes back with its delivery report, exactly once.
//!
//! What is made by those who send and freed by those who poll costs both: the allocator's pool, or the counter of what they share, goes
//! from one processor to the other with each record. So keys are written into buffers that stay here, and the room of a record is
//! a number.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use super::dedup::{Admission, DedupCache};
use super::error::{SendError, Undelivered};
use super::{Outcome, ProducerCounts};
use crate::engine::key::Key;
use crate::observe::ProducerMeter;

/// How many keys and failures an [`Undelivered`] lists.
const LISTED: usize = 1_000;

/// What becomes of an event in the end.
pub(super) type Settled = Result<Outcome, SendError>;

pub(super) struct Ledger {
    places: Vec<Place>,
    free: Vec<usize>,
    in_flight: usize,
    sequence: u64,
    dedup: Option<DedupCache<Teller>>,
    flushes: Vec<Flush>,
    failed: Vec<SendError>,
    failed_count: usize,
    counts: ProducerCounts,
    meter: ProducerMeter,
}

/// The same on its way to whoever waits. Errors are few, and tens of thousands may be under way: what is told stays small.
pub(super) type Told = Result<Outcome, Box<SendError>>;

/// Whom to tell; there is always somebody.
type Teller = Option<oneshot::Sender<Told>>;

/// Room for one record in flight.
#[derive(Default)]
struct Place {
    entry: Option<Entry>,
    /// The record's key, if it has one. The buffer serves the next record.
    key: String,
}

/// A record in flight.
struct Entry {
    sequence: u64,
    /// When it was booked in.
    since: Duration,
    has_key: bool,
    dedup: Option<Key>,
    tell: Teller,
    /// How much it takes; given back once its tidings are told.
    room: usize,
}

/// A key's buffer that has grown larger than this is not kept.
const KEPT: usize = 256;

impl Place {
    fn key(&self) -> Option<&str> {
        let has_key = self.entry.as_ref().is_some_and(|entry| entry.has_key);
        has_key.then_some(self.key.as_str())
    }
}

/// A flush that waits for all before it.
struct Flush {
    before: u64,
    left: usize,
    tell: Option<oneshot::Sender<()>>,
}

/// What to do with a record.
pub(super) enum Admitted {
    /// Hand it over with this number; the outcome comes here.
    Send(usize, oneshot::Receiver<Told>),
    /// It waits for another one's outcome, which comes here.
    Wait(oneshot::Receiver<Told>),
    /// It is there already.
    Duplicate,
}

impl Ledger {
    pub(super) fn new(ttl: Option<Duration>, meter: ProducerMeter) -> Self {
        Self {
            places: Vec::new(),
            free: Vec::new(),
            in_flight: 0,
            sequence: 0,
            dedup: ttl.map(DedupCache::new),
            flushes: Vec::new(),
            failed: Vec::new(),
            failed_count: 0,
            counts: ProducerCounts::default(),
            meter,
        }
    }

    /// Books an event in.
    pub(super) fn admit(
        &mut self,
        key: Option<&str>,
        dedup_key: Option<&[u8]>,
        room: SemaphorePermit<'_>,
        now: Duration,
    ) -> Admitted {
        self.counts.sent += 1;
        let (tell, outcome) = oneshot::channel();
        let mut tell = Some(tell);
        let dedup = match (&mut self.dedup, dedup_key) {
            (Some(dedup), Some(text)) => match dedup.admit(text, now, || tell.take()) {
                Admission::Send(key) => Some(key),
                Admission::Wait => return Admitted::Wait(outcome),
                Admission::Duplicate => {
                    self.counts.duplicates += 1;
                    self.meter.duplicates(1);
                    return Admitted::Duplicate;
                }
            },
            _ => None,
        };
        let entry = Entry {
            sequence: self.sequence,
            since: now,
            has_key: key.is_some(),
            dedup,
            tell,
            room: room.num_permits(),
        };
        room.forget();
        self.sequence += 1;
        self.in_flight += 1;
        self.meter.handed_over();
        let number = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            self.places.len() - 1
        });
        if let Some(place) = self.places.get_mut(number) {
            place.key.clear();
            place.key.push_str(key.unwrap_or_default());
            place.entry = Some(entry);
        }
        Admitted::Send(number, outcome)
    }

    /// Books the outcome of a record. Its tidings are added, to be told after the lock is released.
    pub(super) fn settle(
        &mut self,
        number: usize,
        now: Duration,
        outcome: impl FnOnce(Option<&str>) -> Settled,
        tidings: &mut Tidings,
    ) {
        let Some(place) = self.places.get_mut(number) else {
            return;
        };
        let Some(entry) = place.entry.take() else {
            return;
        };
        let outcome = outcome(entry.has_key.then_some(place.key.as_str()));
        if place.key.capacity() > KEPT {
            place.key = String::new();
        }
        tidings.room += entry.room;
        self.free.push(number);
        self.in_flight -= 1;
        let acknowledged = outcome.is_ok();
        let waiters = match (&mut self.dedup, entry.dedup) {
            (Some(dedup), Some(key)) => dedup.settle(key, acknowledged, now),
            _ => Vec::new(),
        };
        let waited = waiters.len() as u64;
        if acknowledged {
            self.counts.acknowledged += 1;
            self.counts.duplicates += waited;
            self.meter.acknowledged(now.saturating_sub(entry.since));
            self.meter.duplicates(waited);
        } else {
            self.counts.failed += 1 + waited;
            self.meter.failed(now.saturating_sub(entry.since));
            self.meter.refused(waited);
        }
        self.flushes.retain_mut(|flush| {
            if entry.sequence < flush.before {
                flush.left -= 1;
                if flush.left == 0 {
                    tidings.flushed.extend(flush.tell.take());
                }
            }
            flush.left > 0
        });
        let waiters = waiters.into_iter().flatten();
        match outcome {
            Ok(outcome) => {
                tidings.successes.extend(entry.tell.map(|tell| (tell, outcome)));
                tidings
                    .successes
                    .extend(waiters.map(|tell| (tell, Outcome::Duplicate)));
            }
            // Told under the lock, for what nobody hears is told by the next flush, and that must not overtake it.
            Err(error) => {
                for tell in entry.tell.into_iter().chain(waiters) {
                    if let Err(Err(unheard)) = tell.send(Err(Box::new(error.clone()))) {
                        self.failed_count += 1;
                        if self.failed.len() < LISTED {
                            self.failed.push(*unheard);
                        }
                    }
                }
            }
        }
    }

    /// Counts an event that was refused before it was booked in.
    pub(super) fn refuse(&mut self) {
        self.counts.sent += 1;
        self.counts.failed += 1;
        self.meter.refused(1);
    }

    /// What to wait for until all that is in flight now has settled; `None`: nothing is.
    pub(super) fn flush(&mut self) -> Option<oneshot::Receiver<()>> {
        if self.in_flight == 0 {
            return None;
        }
        let (tell, done) = oneshot::channel();
        self.flushes.push(Flush {
            before: self.sequence,
            left: self.in_flight,
            tell: Some(tell),
        });
        Some(done)
    }

    /// How far the books had come: what is booked in later has this sequence number or a higher one.
    pub(super) fn mark(&self) -> u64 {
        self.sequence
    }

    /// What is in flight of all before the mark, and the failures that nobody has heard of since this was last asked.
    pub(super) fn undelivered(&mut self, topic: &str, before: u64) -> Result<(), Undelivered> {
        let in_flight = self
            .places
            .iter()
            .filter_map(|place| Some((place.entry.as_ref()?.sequence, place)));
        let mut pending: Vec<_> = in_flight.filter(|(sequence, _)| *sequence < before).collect();
        let pending_count = pending.len();
        let failed_count = std::mem::take(&mut self.failed_count);
        if pending_count == 0 && failed_count == 0 {
            return Ok(());
        }
        pending.sort_unstable_by_key(|(sequence, _)| *sequence);
        Err(Undelivered {
            topic: topic.to_owned(),
            pending: pending
                .iter()
                .take(LISTED)
                .map(|(_, place)| place.key().map(str::to_owned))
                .collect(),
            pending_count,
            failed: std::mem::take(&mut self.failed),
            failed_count,
        })
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    pub(super) fn counts(&self) -> ProducerCounts {
        self.counts
    }
}

/// Outcomes to be told once the lock is released.
#[derive(Default)]
pub(super) struct Tidings {
    successes: Vec<(oneshot::Sender<Told>, Outcome)>,
    flushed: Vec<oneshot::Sender<()>>,
    /// The room of all that was settled.
    room: usize,
}

impl Tidings {
    /// Gives back the room of what was settled, and tells all who wait. Nothing is left then, and this can be used again.
    pub(super) fn tell(&mut self, room: &Semaphore) {
        room.add_permits(std::mem::take(&mut self.room));
        // That nobody waits for a success is no loss.
        for (tell, outcome) in self.successes.drain(..) {
            tell.send(Ok(outcome)).ok();
        }
        for flushed in self.flushed.drain(..) {
            flushed.send(()).ok();
        }
    }
}
