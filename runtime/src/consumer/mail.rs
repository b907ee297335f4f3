//! Between the consumer's thread and the application: a mailbox in, an outbox out.
//!
//! Both are queues under a lock, taken and filled in batches. Both are bounded by what goes round and not by a capacity:
//! every note in the mailbox belongs to a record that was handed out, or to a question that was asked once, and the
//! thread stops reading when the outbox is over its threshold ([`super::pressure`]). An ordinary channel would not do for
//! the outbox: on a revocation what waits for that partition must be taken out of it again.
//!
//! No wake-up is lost. The thread is unparked, which is remembered if it does not wait; the application is notified by
//! [`Notify::notify_one`], which is remembered likewise.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fleetops_avro::Schema;
use tokio::sync::Notify;

use super::delivery::Record;
use super::error::ConsumerError;
use super::letters::Ticket;
use super::mistakes::{Mistake, planted};
use super::slots::Slots;
use super::spare::LARGE;
use crate::framing::SchemaId;
use crate::observe::HandlingMeter;
use crate::registry::RegistryError;
use crate::waker::Waker;

/// Locks, also where a thread panicked while it held the lock: the queues here are never left half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum Note<E> {
    /// A record was handled.
    Settled {
        partition: i32,
        epoch: u64,
        offset: i64,
        /// The record itself, to be used again.
        record: Option<Arc<Record<E>>>,
    },
    /// A record could not be handled.
    Failed { record: Arc<Record<E>>, detail: String },
    /// A writer schema was looked up; no error here is worth another try.
    Schema {
        id: SchemaId,
        answer: Result<Schema, RegistryError>,
    },
    /// The broker's answer to a dead letter.
    DeadLettered {
        ticket: Ticket,
        answer: Result<(), String>,
    },
    /// Where a partition's log ends, or that this could not be found out.
    LogEnd {
        partition: i32,
        epoch: u64,
        high_watermark: Option<i64>,
        asked_at: Duration,
    },
    /// Finish what runs until the deadline, commit, leave the group.
    Close { deadline: Instant },
    /// Leave the group at once, without committing.
    Abandon,
}

impl<E> Note<E> {
    /// That a record was handled. A large one is not kept waiting in the mailbox.
    pub(crate) fn settled(record: Arc<Record<E>>) -> Self {
        Self::Settled {
            partition: record.assignment.partition(),
            epoch: record.assignment.epoch(),
            offset: record.offset,
            record: Some(record).filter(|record| record.raw.room() <= LARGE),
        }
    }

    /// Whether the thread is to act on it at once. That a record was settled only matters at the next commit, for which the
    /// thread wakes by itself.
    fn is_urgent(&self) -> bool {
        !matches!(self, Self::Settled { .. })
    }
}

/// So many notes are worth a wake-up, urgent or not: what waits to be read stays bounded.
pub(super) const MANY: usize = 1024;

#[derive(Debug)]
struct Notes<E> {
    notes: Vec<Note<E>>,
    /// The thread was woken for these.
    woken: bool,
}

/// Notes to the thread.
#[derive(Debug)]
pub(crate) struct Mailbox<E> {
    notes: Mutex<Notes<E>>,
    waker: Arc<Waker>,
    /// How long the application takes; here because whatever is handed out has the mailbox at hand.
    pub(crate) handling: HandlingMeter,
    /// How many deliveries may be out; here for the same reason.
    pub(crate) slots: Slots,
}

impl<E> Mailbox<E> {
    pub(crate) fn new(waker: Arc<Waker>, handling: HandlingMeter, slots: Slots) -> Self {
        Self {
            notes: Mutex::new(Notes {
                notes: Vec::new(),
                woken: false,
            }),
            waker,
            handling,
            slots,
        }
    }

    /// Leaves a note, and wakes the thread if it is urgent or one of many. A thread that is woken for each record that is
    /// settled, while it waits for the application to come on, does nothing else.
    pub(crate) fn push(&self, note: Note<E>) {
        let wake = {
            let mut notes = lock(&self.notes);
            let worth = note.is_urgent() || notes.notes.len() + 1 >= MANY;
            notes.notes.push(note);
            // Who was woken once and has not taken the notes yet needs no second call.
            let wake = worth && !notes.woken;
            notes.woken |= worth;
            wake
        };
        if wake && !planted(Mistake::NoteWakesNobody) {
            self.waker.wake();
        }
    }

    /// Leaves several notes of records that were settled.
    pub(crate) fn push_all(&self, settled: impl Iterator<Item = Note<E>>) {
        let wake = {
            let mut notes = lock(&self.notes);
            notes.notes.extend(settled);
            let worth = notes.notes.len() >= MANY;
            let wake = worth && !notes.woken;
            notes.woken |= worth;
            wake
        };
        if wake && !planted(Mistake::NoteWakesNobody) {
            self.waker.wake();
        }
    }

    /// Takes all notes, in exchange for an empty vector.
    pub(crate) fn take(&self, empty: &mut Vec<Note<E>>) {
        let mut notes = lock(&self.notes);
        std::mem::swap(&mut notes.notes, empty);
        notes.woken = false;
    }

    /// Records of an assignment that were settled, of which the thread does not know yet.
    #[cfg(test)]
    pub(super) fn unread(&self, number: i32, of: u64) -> usize {
        let settled = |note: &&Note<E>| matches!(note, Note::Settled { partition, epoch, .. } if (*partition, *epoch) == (number, of));
        lock(&self.notes).notes.iter().filter(settled).count()
    }
}

#[derive(Debug)]
struct OutboxState<E> {
    records: VecDeque<Arc<Record<E>>>,
    /// Bytes of the records.
    bytes: usize,
    /// What ends the stream; delivered after the records.
    error: Option<ConsumerError>,
    ended: bool,
    /// The thread waits for the queue to shrink to this.
    wake_at: Option<usize>,
}

/// So many bytes count as one record, so that a backlog of large records is bounded too.
const UNIT: usize = 16 * 1024;

impl<E> OutboxState<E> {
    fn load(&self) -> usize {
        self.records.len().max(self.bytes / UNIT)
    }
}

/// Records for the application.
#[derive(Debug)]
pub(crate) struct Outbox<E> {
    state: Mutex<OutboxState<E>>,
    filled: Notify,
    waker: Arc<Waker>,
}

impl<E> Outbox<E> {
    pub(crate) fn new(waker: Arc<Waker>) -> Self {
        Self {
            state: Mutex::new(OutboxState {
                records: VecDeque::new(),
                bytes: 0,
                error: None,
                ended: false,
                wake_at: None,
            }),
            filled: Notify::new(),
            waker,
        }
    }

    /// Adds records, in order; the vector is emptied. After the end they are dropped: nobody may get anything behind it.
    pub(crate) fn push(&self, records: &mut Vec<Arc<Record<E>>>) {
        if records.is_empty() {
            return;
        }
        let mut state = lock(&self.state);
        if state.ended && !planted(Mistake::HandedOutAfterEnd) {
            records.clear();
            return;
        }
        state.bytes += records.iter().map(|record| record.raw.size()).sum::<usize>();
        state.records.extend(records.drain(..));
        drop(state);
        self.filled.notify_one();
    }

    /// How much waits: records, or [`UNIT`]s of bytes where these are more. With `wake_at` the thread is woken once there is
    /// so much or less.
    pub(crate) fn load(&self, wake_at: Option<usize>) -> usize {
        let mut state = lock(&self.state);
        state.wake_at = wake_at;
        state.load()
    }

    /// Takes out what waits for a partition; it is dropped unhandled.
    pub(crate) fn discard(&self, partition: i32) {
        let mut state = lock(&self.state);
        state
            .records
            .retain(|record| record.assignment.partition() != partition);
        state.bytes = state.records.iter().map(|record| record.raw.size()).sum();
    }

    /// Nothing comes any more after what waits; then the error, if there is one. The first end counts.
    pub(crate) fn end(&self, error: Option<ConsumerError>) {
        let mut state = lock(&self.state);
        if !state.ended {
            state.ended = true;
            state.error = error;
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Takes up to `limit` records into `into`, if there are any. What ends the stream is left for [`Self::take`].
    pub(crate) fn take_ready(&self, limit: usize, into: &mut VecDeque<Arc<Record<E>>>) -> bool {
        let mut state = lock(&self.state);
        let some = !state.records.is_empty();
        if some {
            self.take_out(&mut state, limit, into);
        }
        some
    }

    fn take_out(&self, state: &mut OutboxState<E>, limit: usize, into: &mut VecDeque<Arc<Record<E>>>) {
        let count = limit.max(1).min(state.records.len());
        let had = into.len();
        into.extend(state.records.drain(..count));
        let taken: usize = into.iter().skip(had).map(|record| record.raw.size()).sum();
        state.bytes = state.bytes.saturating_sub(taken);
        if state.wake_at.is_some_and(|low| state.load() <= low) && !planted(Mistake::LowMarkWakesNobody) {
            state.wake_at = None;
            self.waker.wake();
        }
    }

    /// Takes up to `limit` records into `into`; waits while there are none. `false`: the stream has ended.
    ///
    /// Nothing is lost if the future is dropped: records are taken in the last step, without a pause after it.
    ///
    /// # Errors
    /// What ended the stream, once.
    pub(crate) async fn take(
        &self,
        limit: usize,
        into: &mut VecDeque<Arc<Record<E>>>,
    ) -> Result<bool, ConsumerError> {
        loop {
            {
                let mut state = lock(&self.state);
                if !state.records.is_empty() {
                    self.take_out(&mut state, limit, into);
                    return Ok(true);
                }
                if let Some(error) = state.error.take() {
                    return Err(error);
                }
                if state.ended {
                    return Ok(false);
                }
            }
            self.filled.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll};

    use super::super::gate::Assignment;
    use super::super::raw::Raw;
    use super::*;

    fn record(partition: i32, offset: i64, bytes: usize, waker: &Arc<Waker>) -> Arc<Record<()>> {
        let mut raw = Raw::default();
        raw.start(None, Some(&vec![0; bytes]));
        let assignment = Assignment::new(partition, 1, &Arc::from("t"), Arc::clone(waker));
        Arc::new(Record {
            assignment,
            offset,
            timestamp_ms: None,
            raw,
            made: None,
        })
    }

    /// Polls once.
    fn take(outbox: &Outbox<()>, limit: usize) -> Option<Result<Vec<(i32, i64)>, ConsumerError>> {
        let mut into = VecDeque::new();
        let answer = {
            let future = pin!(outbox.take(limit, &mut into));
            match future.poll(&mut Context::from_waker(std::task::Waker::noop())) {
                Poll::Pending => return None,
                Poll::Ready(answer) => answer,
            }
        };
        let places = into
            .iter()
            .map(|record| (record.assignment.partition(), record.offset));
        Some(answer.map(|_| places.collect()))
    }

    #[test]
    fn what_is_revoked_is_taken_out_and_the_end_comes_last() {
        let waker = Arc::new(Waker::default());
        let outbox = Outbox::new(Arc::clone(&waker));
        assert!(take(&outbox, 9).is_none(), "nothing there");
        let mut records: Vec<_> = (0..4).map(|n| record(n % 2, n.into(), 1, &waker)).collect();
        outbox.push(&mut records);
        outbox.discard(1);
        outbox.end(Some(ConsumerError::ThreadEnded {
            topic: "t".to_owned(),
        }));
        outbox.end(None);
        outbox.push(&mut vec![record(0, 9, 1, &waker)]);
        assert_eq!(take(&outbox, 1).unwrap().unwrap(), [(0, 0)]);
        assert_eq!(take(&outbox, 9).unwrap().unwrap(), [(0, 2)]);
        assert!(take(&outbox, 9).unwrap().is_err(), "the error, once");
        assert_eq!(
            take(&outbox, 9).unwrap().unwrap(),
            [],
            "and then the end, for ever"
        );
    }

    #[test]
    fn large_records_count_for_more() {
        let waker = Arc::new(Waker::default());
        let outbox = Outbox::new(Arc::clone(&waker));
        let mut records: Vec<_> = (0..3).map(|n| record(0, n, 10 * UNIT, &waker)).collect();
        outbox.push(&mut records);
        assert_eq!(outbox.load(None), 30);
        take(&outbox, 2).unwrap().unwrap();
        assert_eq!(outbox.load(None), 10);
        outbox.discard(0);
        assert_eq!(outbox.load(None), 0);
    }

    #[test]
    fn the_thread_is_woken_for_the_first_note_and_at_the_low_mark() {
        let waker = Arc::new(Waker::default());
        waker.register();
        let woken = || {
            let started = Instant::now();
            std::thread::park_timeout(Duration::from_millis(200));
            started.elapsed() < Duration::from_millis(150)
        };
        let mailbox = Mailbox::<()>::new(
            Arc::clone(&waker),
            HandlingMeter::new("readings", "group"),
            Slots::new(1),
        );
        mailbox.push(Note::Abandon);
        assert!(woken());
        let mut notes = Vec::new();
        mailbox.take(&mut notes);
        assert_eq!(notes.len(), 1);
        let outbox = Outbox::new(Arc::clone(&waker));
        outbox.push(&mut (0..4).map(|n| record(0, n, 1, &waker)).collect());
        assert_eq!(outbox.load(Some(1)), 4);
        take(&outbox, 3).unwrap().unwrap();
        assert!(woken());
    }
}
