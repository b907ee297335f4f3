//! The producer's books: what is in flight, who waits for it, and what nobody has heard of.
//!
//! One lock guards it, held for a few look-ups by a send and by a delivery report each. Every record that is handed to
//! librdkafka has an entry here, whose number travels with it and comes back with its delivery report, exactly once.

use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

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
    entries: Vec<Option<Entry>>,
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

/// Whom to tell; there is always somebody.
type Teller = Option<oneshot::Sender<Settled>>;

/// A record in flight.
struct Entry {
    sequence: u64,
    /// When it was booked in.
    since: Duration,
    key: Option<String>,
    dedup: Option<Key>,
    tell: Teller,
    /// Given back once its tidings are told.
    room: OwnedSemaphorePermit,
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
    Send(usize, oneshot::Receiver<Settled>),
    /// It waits for another one's outcome, which comes here.
    Wait(oneshot::Receiver<Settled>),
    /// It is there already.
    Duplicate,
}

impl Ledger {
    pub(super) fn new(ttl: Option<Duration>, meter: ProducerMeter) -> Self {
        Self {
            entries: Vec::new(),
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
        key: Option<String>,
        dedup_key: Option<&[u8]>,
        room: OwnedSemaphorePermit,
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
            key,
            dedup,
            tell,
            room,
        };
        self.sequence += 1;
        self.in_flight += 1;
        self.meter.handed_over();
        let number = match self.free.pop() {
            Some(number) => {
                self.entries[number] = Some(entry);
                number
            }
            None => {
                self.entries.push(Some(entry));
                self.entries.len() - 1
            }
        };
        Admitted::Send(number, outcome)
    }

    /// Books the outcome of a record. Its tidings are added, to be told after the lock is released.
    pub(super) fn settle(
        &mut self,
        number: usize,
        now: Duration,
        outcome: impl FnOnce(Option<String>) -> Settled,
        tidings: &mut Tidings,
    ) {
        let Some(entry) = self.entries.get_mut(number).and_then(Option::take) else {
            return;
        };
        tidings.room(entry.room);
        self.free.push(number);
        self.in_flight -= 1;
        let outcome = outcome(entry.key);
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
        let late = match &outcome {
            Ok(_) => Ok(Outcome::Duplicate),
            Err(error) => Err(error.clone()),
        };
        let others = waiters.into_iter().flatten().map(|tell| (tell, late.clone()));
        if acknowledged {
            tidings.successes.extend(entry.tell.map(|tell| (tell, outcome)));
            tidings.successes.extend(others);
        } else {
            // Told under the lock, for what nobody hears is told by the next flush, and that must not overtake it.
            for (tell, outcome) in entry.tell.map(|tell| (tell, outcome)).into_iter().chain(others) {
                if let Err(Err(unheard)) = tell.send(outcome) {
                    self.failed_count += 1;
                    if self.failed.len() < LISTED {
                        self.failed.push(unheard);
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
        let mut pending: Vec<_> = self
            .entries
            .iter()
            .flatten()
            .filter(|entry| entry.sequence < before)
            .collect();
        let pending_count = pending.len();
        let failed_count = std::mem::take(&mut self.failed_count);
        if pending_count == 0 && failed_count == 0 {
            return Ok(());
        }
        pending.sort_unstable_by_key(|entry| entry.sequence);
        Err(Undelivered {
            topic: topic.to_owned(),
            pending: pending
                .iter()
                .take(LISTED)
                .map(|entry| entry.key.clone())
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
    successes: Vec<(oneshot::Sender<Settled>, Settled)>,
    flushed: Vec<oneshot::Sender<()>>,
    /// The room of all that was settled.
    room: Option<OwnedSemaphorePermit>,
}

impl Tidings {
    fn room(&mut self, room: OwnedSemaphorePermit) {
        match &mut self.room {
            // All are of the producer's one semaphore.
            Some(all) => all.merge(room),
            None => self.room = Some(room),
        }
    }

    pub(super) fn tell(self) {
        drop(self.room);
        // That nobody waits for a success is no loss.
        for (tell, outcome) in self.successes {
            tell.send(outcome).ok();
        }
        for flushed in self.flushed {
            flushed.send(()).ok();
        }
    }
}
