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
use super::gate::Waker;
use super::letters::Ticket;
use crate::framing::SchemaId;
use crate::registry::RegistryError;

/// Locks, also where a thread panicked while it held the lock: the queues here are never left half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum Note<E> {
    /// A record was handled.
    Settled { partition: i32, epoch: u64, offset: i64 },
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

/// Notes to the thread.
#[derive(Debug)]
pub(crate) struct Mailbox<E> {
    notes: Mutex<Vec<Note<E>>>,
    waker: Arc<Waker>,
}

impl<E> Mailbox<E> {
    pub(crate) fn new(waker: Arc<Waker>) -> Self {
        Self {
            notes: Mutex::new(Vec::new()),
            waker,
        }
    }

    /// Leaves a note and wakes the thread.
    pub(crate) fn push(&self, note: Note<E>) {
        let first = {
            let mut notes = lock(&self.notes);
            notes.push(note);
            notes.len() == 1
        };
        // Who finds notes there already knows that the thread was woken for them and has not taken them yet.
        if first {
            self.waker.wake();
        }
    }

    /// Takes all notes, in exchange for an empty vector.
    pub(crate) fn take(&self, empty: &mut Vec<Note<E>>) {
        std::mem::swap(&mut *lock(&self.notes), empty);
    }
}

#[derive(Debug)]
struct OutboxState<E> {
    records: VecDeque<Arc<Record<E>>>,
    /// What ends the stream; delivered after the records.
    error: Option<ConsumerError>,
    ended: bool,
    /// The thread waits for the queue to shrink to this.
    wake_at: Option<usize>,
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
                error: None,
                ended: false,
                wake_at: None,
            }),
            filled: Notify::new(),
            waker,
        }
    }

    /// Adds records, in order; the vector is emptied.
    pub(crate) fn push(&self, records: &mut Vec<Arc<Record<E>>>) {
        if !records.is_empty() {
            lock(&self.state).records.extend(records.drain(..));
            self.filled.notify_one();
        }
    }

    /// How many records wait. With `wake_at` the thread is woken once there are so many or fewer.
    pub(crate) fn load(&self, wake_at: Option<usize>) -> usize {
        let mut state = lock(&self.state);
        state.wake_at = wake_at;
        state.records.len()
    }

    /// Takes out what waits for a partition; it is dropped unhandled.
    pub(crate) fn discard(&self, partition: i32) {
        lock(&self.state)
            .records
            .retain(|record| record.assignment.partition() != partition);
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
                    let count = limit.max(1).min(state.records.len());
                    into.extend(state.records.drain(..count));
                    if state.wake_at.is_some_and(|low| state.records.len() <= low) {
                        state.wake_at = None;
                        self.waker.wake();
                    }
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
