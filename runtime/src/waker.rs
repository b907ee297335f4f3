//! Waking the one thread that polls a client of librdkafka's.

use std::sync::OnceLock;
#[cfg(test)]
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::Thread;

/// Wakes a polling thread. A wake-up that comes before the thread waits is not lost: it ends the next wait at once.
#[derive(Debug, Default)]
pub(crate) struct Waker {
    thread: OnceLock<Thread>,
    /// How often it was called.
    #[cfg(test)]
    pub(crate) calls: AtomicUsize,
}

impl Waker {
    /// The calling thread is the one to be woken.
    pub(crate) fn register(&self) {
        self.thread.get_or_init(std::thread::current);
    }

    /// Ends the thread's current wait, or its next one.
    pub(crate) fn wake(&self) {
        #[cfg(test)]
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}
