//! How many deliveries may be out at a time: as many as there are slots.
//!
//! A count, and a wake-up for the one who waits. A semaphore would do, but it serves any number of waiters in turn, and takes a lock
//! for each record that is settled; here only the consumer itself takes slots, one after the other.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::mail::Mailbox;
use super::mistakes::{Mistake, planted};

/// The slots of a consumer.
#[derive(Debug)]
pub(crate) struct Slots {
    most: usize,
    taken: AtomicUsize,
    /// A slot has become free where there was none.
    freed: Notify,
}

impl Slots {
    /// So many; 0 is taken as 1, because nothing would ever be handed out.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            taken: AtomicUsize::new(0),
            freed: Notify::new(),
        }
    }

    fn take(&self) -> bool {
        let taken = self
            .taken
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
                (taken < self.most).then_some(taken + 1)
            });
        taken.is_ok()
    }

    fn free(&self) {
        // A wake-up that comes before anybody waits is remembered, so it is enough that whoever frees one of all tells.
        if self.taken.fetch_sub(1, Ordering::AcqRel) >= self.most && !planted(Mistake::SlotFreedInSilence) {
            self.freed.notify_one();
        }
    }
}

/// The slot of a delivery, which is free again when this is dropped. The mailbox comes with it.
pub(crate) struct Slot<E> {
    mailbox: Arc<Mailbox<E>>,
}

impl<E> Slot<E> {
    /// A slot, if there is one.
    pub(crate) fn take(mailbox: &Arc<Mailbox<E>>) -> Option<Self> {
        mailbox.slots.take().then(|| Self {
            mailbox: Arc::clone(mailbox),
        })
    }

    /// Waits until there is one. Cancel safe; one at a time may wait.
    pub(crate) async fn wait(mailbox: &Arc<Mailbox<E>>) -> Self {
        loop {
            if let Some(slot) = Self::take(mailbox) {
                return slot;
            }
            mailbox.slots.freed.notified().await;
        }
    }

    pub(super) fn mailbox(&self) -> &Mailbox<E> {
        &self.mailbox
    }
}

impl<E> Drop for Slot<E> {
    fn drop(&mut self) {
        self.mailbox.slots.free();
    }
}

impl<E> fmt::Debug for Slot<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mailbox.slots.fmt(f)
    }
}
