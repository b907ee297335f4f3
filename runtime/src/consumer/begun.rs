//! A record whose handler call runs: what [`super::calls`] hands round.
//!
//! It does for a call what a delivery does for the application, with less: the mailbox is the tasks' own, and a task tells of
//! many records at once. A count that threads share is not free, and a call that is over at once does little else.

use std::sync::Arc;

use super::delivery::{Received, Record};
use super::gate::Assignment;
use super::mail::{Mailbox, Note};
use crate::observe::Stopwatch;

/// A record that is being handled. Until it is dropped, or the thread was told, its assignment counts the call.
#[derive(Debug)]
#[must_use = "a call that nobody tells of holds up the commits of its partition"]
pub(super) struct Begun<E> {
    /// `None`: it was told.
    record: Option<Arc<Record<E>>>,
    since: Stopwatch,
}

impl<E> Begun<E> {
    /// Begins the handling of a record, unless its assignment is over.
    pub(super) fn begin(record: Arc<Record<E>>) -> Option<Self> {
        record.assignment.enter().then(|| Self {
            record: Some(record),
            since: Stopwatch::start(),
        })
    }

    /// The record, for the handler. `None`: it was told.
    pub(super) fn received(&self) -> Option<Received<E>> {
        self.record
            .as_ref()
            .map(|record| Received::new(Arc::clone(record)))
    }

    /// Whether the partition was taken away meanwhile: nothing more is to be done, and somebody else gets the record.
    pub(super) fn is_stale(&self) -> bool {
        self.record
            .as_ref()
            .is_none_or(|record| record.assignment.is_closed())
    }

    /// The handler has returned.
    pub(super) fn handled(self, mailbox: &Mailbox<E>) -> Self {
        mailbox.handling.handled(self.since);
        self
    }

    /// The record could not be handled, and the thread is told why.
    pub(super) fn fail(mut self, reason: String, mailbox: &Mailbox<E>) {
        mailbox.handling.failed(self.since);
        if let Some(record) = self.record.take() {
            let assignment = Arc::clone(&record.assignment);
            mailbox.push(Note::Failed {
                record,
                detail: reason,
            });
            assignment.leave(1);
        }
    }

    /// Tells the thread of records that were handled, with one look into the mailbox.
    pub(super) fn tell_all(all: &mut Vec<Self>, mailbox: &Mailbox<E>) {
        let mut over: Vec<(Arc<Assignment>, usize)> = Vec::new();
        mailbox.push_all(all.drain(..).filter_map(|mut one| {
            let record = one.record.take()?;
            match over.last_mut() {
                Some((last, calls)) if Arc::ptr_eq(last, &record.assignment) => *calls += 1,
                _ => over.push((Arc::clone(&record.assignment), 1)),
            }
            Some(Note::settled(record))
        }));
        // Only now: whoever sees that no call runs any more finds the notes.
        for (assignment, calls) in over {
            assignment.leave(calls);
        }
    }
}

impl<E> Drop for Begun<E> {
    fn drop(&mut self) {
        if let Some(record) = &self.record {
            record.assignment.leave(1);
        }
    }
}
