//! Who reads delivery reports: the producer's own thread, or those who send.
//!
//! Reading a report frees in librdkafka what its record was made of: some five allocations, one after the other, for all
//! records of a broker's answer. Where another thread has made them, each of them takes that thread's pool from it, and with
//! glibc whoever finds the pool taken goes to sleep and has to be woken. A thread that sends meets one that frees all the time;
//! that cost both of them more than all that this producer does. So while much is in flight those who send read reports now and
//! then, and what they free there is what they need next.
//!
//! The thread reads all the rest: what comes while little is in flight, when nobody sends any more, and where those who send
//! wait. Who has not read for [`PATIENCE`] is not counted upon.
//!
//! Both may read at the same time. What a report does is the ledger's.

use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::AtomicU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::delivery::{Client, Shared};
use crate::queue::Queue;
use crate::waker::Waker;

/// With fewer records in flight than this the thread reads alone, so that each outcome is told at once.
pub(super) const MANY: usize = 1_024;

/// Of so many records one has its sender read.
pub(super) const EVERY: u64 = 32;

/// Whoever reads goes on until so many records are settled or there is nothing left: twice what has been sent since.
const ENOUGH: usize = 2 * EVERY as usize;

/// So long the thread leaves reports to those who send, who have read before.
const PATIENCE: Duration = Duration::from_millis(1);

/// How long the thread waits for something to do before it looks whether it is still needed.
const POLL: Duration = Duration::from_millis(100);

/// What the thread and those who send know of each other.
pub(super) struct Turns {
    /// For a receipt that has outlived its producer.
    pub(super) topic: Arc<str>,
    waker: Waker,
    /// Somebody who sends has read since the thread last asked, and nobody had to wait since.
    read: AtomicBool,
    /// How often somebody who sends has read.
    #[cfg(test)]
    readings: AtomicU64,
    /// Whether the thread has left the reports to those who send. It is not told of new ones then.
    left: AtomicBool,
}

impl Turns {
    pub(super) fn new(topic: Arc<str>) -> Self {
        Self {
            topic,
            waker: Waker::default(),
            read: AtomicBool::new(false),
            #[cfg(test)]
            readings: AtomicU64::new(0),
            left: AtomicBool::new(false),
        }
    }

    /// The calling thread is the one that reads what others do not.
    pub(super) fn register(&self) {
        self.waker.register();
    }

    /// Something has come into the empty queue.
    pub(super) fn filled(&self) {
        if !self.left.load(Ordering::SeqCst) {
            self.waker.wake();
        }
    }

    /// Somebody who sends has to wait, and will not read soon: what the thread has left to them it takes back.
    pub(super) fn wait(&self) {
        self.read.store(false, Ordering::Relaxed);
        if self.left.load(Ordering::Relaxed) && self.left.swap(false, Ordering::SeqCst) {
            self.waker.wake();
        }
    }

    /// Somebody who sends reads.
    pub(super) fn has_read(&self) {
        #[cfg(test)]
        self.readings.fetch_add(1, Ordering::Relaxed);
        self.read.store(true, Ordering::Relaxed);
    }

    /// Whether somebody who sends has read since this was last asked, and will probably do so again.
    pub(super) fn others_read(&self) -> bool {
        self.read.swap(false, Ordering::Relaxed)
    }

    /// Leaves the reports to those who send for a while; whether one of them has to wait meanwhile.
    pub(super) fn leave(&self) -> bool {
        self.left.store(true, Ordering::SeqCst);
        std::thread::park_timeout(PATIENCE);
        !self.left.swap(false, Ordering::SeqCst)
    }
}

#[cfg(test)]
impl Turns {
    pub(super) fn readings(&self) -> u64 {
        self.readings.load(Ordering::SeqCst)
    }

    /// How often the thread was woken.
    pub(super) fn calls(&self) -> usize {
        self.waker.calls.load(Ordering::SeqCst)
    }

    pub(super) fn set_left(&self) {
        self.left.store(true, Ordering::SeqCst);
    }
}

impl Shared {
    /// Reads what there is, as somebody who sends.
    pub(super) fn read(&self, client: &Client) {
        self.turns.has_read();
        let mut settled = 0;
        while settled < ENOUGH {
            match self.read_event(client) {
                0 => break,
                more => settled += more,
            }
        }
    }

    /// Reads one event; how many records it has settled.
    fn read_event(&self, client: &Client) -> usize {
        client.poll(Duration::ZERO);
        self.settle_gathered()
    }
}

/// The thread: reads what others do not, as long as somebody else holds the client.
pub(super) fn attend(client: &Arc<Client>, shared: &Shared) {
    let turns = &shared.turns;
    turns.register();
    while Arc::strong_count(client) > 1 {
        if Queue::of_producer(client).is_none_or(|queue| queue.is_empty()) {
            std::thread::park_timeout(POLL);
        } else if !turns.others_read() || turns.leave() {
            shared.read_event(client);
        }
    }
}
