//! What the application gets: a record that was received, and the duty to settle it.

use std::fmt::Display;
use std::ops::Deref;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::gate::{Assignment, Permit};
use super::mail::Note;
use super::raw::{HeaderIter, Raw};
use super::slots::Slot;
use crate::dead_letter::Reason;
use crate::observe::Stopwatch;

/// A record on its way through the stages.
#[derive(Debug)]
pub(crate) struct Record<E> {
    pub(crate) assignment: Arc<Assignment>,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) raw: Raw,
    /// Always there while anybody but the consumer's thread sees the record.
    pub(crate) made: Option<Box<Made<E>>>,
}

/// What was made of a record's value.
#[derive(Debug)]
pub(crate) struct Made<E> {
    pub(crate) body: Body<E>,
    /// What must be handled one after the other has the same lane; `None`: nothing else.
    pub(crate) lane: Option<u64>,
}

impl<E> Record<E> {
    /// What decoding made of it.
    pub(crate) fn body(&self) -> Option<&Body<E>> {
        self.made.as_ref().map(|made| &made.body)
    }

    /// What it must be handled in turn with.
    pub(crate) fn lane(&self) -> Option<u64> {
        self.made.as_ref()?.lane
    }
}

/// What decoding made of it.
#[derive(Debug)]
pub(crate) enum Body<E> {
    Event(E),
    Tombstone,
    Poison { reason: Reason, detail: String },
}

/// A record that was received, as a handler sees it. Cloning is cheap: clones share the record.
#[derive(Debug)]
pub struct Received<E> {
    record: Arc<Record<E>>,
}

impl<E> Clone for Received<E> {
    fn clone(&self) -> Self {
        Self {
            record: Arc::clone(&self.record),
        }
    }
}

impl<E> Received<E> {
    pub(super) fn new(record: Arc<Record<E>>) -> Self {
        Self { record }
    }

    /// The event; `None` for a tombstone, a record with a null value.
    pub fn event(&self) -> Option<&E> {
        match self.record.body() {
            Some(Body::Event(event)) => Some(event),
            Some(Body::Tombstone | Body::Poison { .. }) | None => None,
        }
    }

    /// The topic that it was read from.
    pub fn topic(&self) -> &str {
        self.record.assignment.topic()
    }

    /// The partition that it was read from.
    pub fn partition(&self) -> i32 {
        self.record.assignment.partition()
    }

    #[cfg(test)]
    pub(super) fn assignment(&self) -> &Arc<Assignment> {
        &self.record.assignment
    }

    /// Its offset in the partition.
    pub fn offset(&self) -> i64 {
        self.record.offset
    }

    /// Which assignment of its partition it belongs to: a number that is larger for every later one of this consumer.
    ///
    /// What a handler keeps in memory about a vehicle holds within one assignment: somebody else may have handled records
    /// between two, and what was handled and not committed comes again. So drop it when this number changes.
    pub fn epoch(&self) -> u64 {
        self.record.assignment.epoch()
    }

    /// The record's timestamp, where it has one: when it was appended or when it was made, as the topic's
    /// `message.timestamp.type` says.
    pub fn timestamp(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_millis(self.record.timestamp_ms?)
    }

    /// The record key; `None`: null.
    pub fn key(&self) -> Option<&[u8]> {
        self.record.raw.key()
    }

    /// The headers in their order: names, and values where they are not null.
    pub fn headers(&self) -> HeaderIter<'_> {
        self.record.raw.headers()
    }

    /// The value of the last header of that name. `None`: there is none, or it is null.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.record.raw.last_header(name).flatten()
    }
}

/// A record handed to the application, to be settled once it was handled.
///
/// Until then no offset at or above its own is committed. Dropped without [`Self::settle`] or [`Self::fail`] it stays
/// outstanding: it is not handed out again by this consumer, and the next one to be assigned the partition gets it anew.
#[derive(Debug)]
#[must_use = "a delivery that is not settled holds up the commits of its partition"]
pub struct Delivery<E> {
    received: Received<E>,
    since: Stopwatch,
    // Field order is drop order: what was sent to the mailbox is there before the permit says that the call has ended.
    permit: Permit,
    slot: Slot<E>,
}

impl<E> Delivery<E> {
    /// Begins the handling of a record in a slot of the mailbox's, unless its assignment is over.
    pub(crate) fn begin(record: Arc<Record<E>>, slot: Slot<E>) -> Option<Self> {
        Some(Self {
            permit: record.assignment.begin()?,
            received: Received { record },
            since: Stopwatch::start(),
            slot,
        })
    }

    #[cfg(test)]
    pub(super) fn record(&self) -> Arc<Record<E>> {
        Arc::clone(&self.received.record)
    }

    /// The record without the duty, for handlers that outlive a borrow.
    pub fn received(&self) -> Received<E> {
        self.received.clone()
    }

    /// The record was handled: its offset need not be read again.
    pub fn settle(self) {
        let Self {
            received,
            since,
            permit,
            slot,
        } = self;
        slot.mailbox().handling.handled(since);
        slot.mailbox().push(Note::settled(received.record));
        // Only now: whoever sees that no call runs any more finds the note.
        drop(permit);
    }

    /// The record could not be handled. It goes to the dead-letter topic with `reason`, and is settled once the broker
    /// has acknowledged it; without a dead-letter topic the consumer stops with
    /// [`ConsumerError::HandlerFailed`](super::ConsumerError::HandlerFailed).
    pub fn fail(self, reason: impl Into<String>) {
        self.slot.mailbox().handling.failed(self.since);
        self.slot.mailbox().push(Note::Failed {
            record: Arc::clone(&self.received.record),
            detail: reason.into(),
        });
    }

    /// Whether the partition was taken away meanwhile: settling has no effect then, and somebody else gets the record.
    pub fn is_stale(&self) -> bool {
        self.received.record.assignment.is_closed()
    }
}

impl<E> Deref for Delivery<E> {
    type Target = Received<E>;

    fn deref(&self) -> &Received<E> {
        &self.received
    }
}

/// What a handler may return: nothing, or a result whose error says why the record could not be handled.
pub trait HandlerOutcome {
    /// The reason for a failure.
    ///
    /// # Errors
    /// The handler's error, as text.
    fn outcome(self) -> Result<(), String>;
}

impl HandlerOutcome for () {
    fn outcome(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> HandlerOutcome for Result<(), E> {
    fn outcome(self) -> Result<(), String> {
        self.map_err(|error| format!("{error:#}"))
    }
}
