//! One assignment of one partition: the epoch that handler calls, settles and commits belong to.
//!
//! A handler call may only begin while the assignment is open. [`Assignment::close`] and [`Assignment::begin`] meet in one
//! atomic word, so after `close` has returned no call begins any more, and what has begun is counted until it ends. That is
//! what lets a revocation wait for exactly the calls that run, and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::mistakes::{Mistake, planted};
use crate::waker::Waker;

const CLOSED: usize = 1 << (usize::BITS - 1);

/// The right to hand out one partition's records, until it is taken away.
#[derive(Debug)]
pub(crate) struct Assignment {
    topic: Arc<str>,
    partition: i32,
    epoch: u64,
    state: AtomicUsize,
    waker: Arc<Waker>,
}

impl Assignment {
    /// `epoch` is larger than that of any assignment before.
    pub(crate) fn new(partition: i32, epoch: u64, topic: &Arc<str>, waker: Arc<Waker>) -> Arc<Self> {
        Arc::new(Self {
            topic: Arc::clone(topic),
            partition,
            epoch,
            state: AtomicUsize::new(0),
            waker,
        })
    }

    /// The topic's name.
    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// The partition's number.
    pub(crate) fn partition(&self) -> i32 {
        self.partition
    }

    /// Which assignment of it this is.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Begins a handler call, unless the assignment is closed.
    pub(crate) fn begin(self: &Arc<Self>) -> Option<Permit> {
        self.enter().then(|| Permit {
            assignment: Arc::clone(self),
        })
    }

    /// As [`Self::begin`], for a caller that calls [`Self::leave`] by itself. `false`: the assignment is closed, and nothing has begun.
    #[must_use = "whoever has entered must leave"]
    pub(super) fn enter(&self) -> bool {
        let begun = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
                (state & CLOSED == 0).then_some(state + 1)
            });
        begun.is_ok()
    }

    /// So many calls that have begun are over.
    pub(super) fn leave(&self, calls: usize) {
        let before = self.state.fetch_sub(calls, Ordering::AcqRel);
        if before == CLOSED | calls && !planted(Mistake::LastCallWakesNobody) {
            self.waker.wake();
        }
    }

    /// No call begins after this has returned. May be called again.
    pub(crate) fn close(&self) {
        self.state.fetch_or(CLOSED, Ordering::AcqRel);
    }

    /// Whether [`Self::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.state.load(Ordering::Acquire) & CLOSED != 0
    }

    /// Calls that have begun and not ended. What a call sent before it ended is visible to whoever reads 0 here.
    pub(crate) fn running(&self) -> usize {
        self.state.load(Ordering::Acquire) & !CLOSED
    }
}

/// A handler call that has begun; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    assignment: Arc<Assignment>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.assignment.leave(1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn assignment() -> Arc<Assignment> {
        Assignment::new(0, 1, &Arc::from("t"), Arc::new(Waker::default()))
    }

    proptest! {
        /// P11, calls: none begins after the close, and the count is exact at every step.
        #[test]
        fn no_call_begins_after_the_close(steps in proptest::collection::vec(0u8..8, 0..100)) {
            let assignment = assignment();
            let mut permits = Vec::new();
            let mut closed = false;
            for step in steps {
                match step {
                    0 => { assignment.close(); closed = true; }
                    1..=3 => { permits.pop(); }
                    _ => match assignment.begin() {
                        Some(permit) => { prop_assert!(!closed, "a call began after the close"); permits.push(permit); }
                        None => prop_assert!(closed, "an open assignment refused a call"),
                    },
                }
                prop_assert_eq!(assignment.running(), permits.len());
                prop_assert_eq!(assignment.is_closed(), closed);
            }
        }
    }

    #[test]
    fn no_call_runs_once_a_closed_assignment_is_drained() {
        for _ in 0..50 {
            let waker = Arc::new(Waker::default());
            waker.register();
            let assignment = Assignment::new(3, 7, &Arc::from("t"), waker);
            let drained = Arc::new(AtomicBool::new(false));
            let begun = Arc::new(AtomicUsize::new(0));
            let handlers: Vec<_> = (0..4)
                .map(|_| {
                    let (assignment, drained, begun) =
                        (Arc::clone(&assignment), Arc::clone(&drained), Arc::clone(&begun));
                    std::thread::spawn(move || {
                        while let Some(permit) = assignment.begin() {
                            begun.fetch_add(1, Ordering::Relaxed);
                            assert!(!drained.load(Ordering::SeqCst), "a call runs after the drain");
                            drop(permit);
                        }
                    })
                })
                .collect();
            while begun.load(Ordering::Relaxed) == 0 {
                std::hint::spin_loop();
            }
            assignment.close();
            while assignment.running() > 0 {
                std::thread::park_timeout(Duration::from_secs(1));
            }
            drained.store(true, Ordering::SeqCst);
            for handler in handlers {
                handler.join().unwrap();
            }
        }
    }

    #[test]
    fn the_last_call_of_a_closed_assignment_wakes_the_thread() {
        let waker = Arc::new(Waker::default());
        waker.register();
        let assignment = Assignment::new(0, 1, &Arc::from("t"), waker);
        let permit = assignment.begin().unwrap();
        assignment.close();
        let ender = std::thread::spawn(move || drop(permit));
        let started = std::time::Instant::now();
        while assignment.running() > 0 {
            std::thread::park_timeout(Duration::from_secs(60));
        }
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "the wake-up was lost"
        );
        ender.join().unwrap();
    }
}
