//! Which handler calls are due, who makes them, and when whoever starts tasks must be told: what the tasks of `run` share.
//!
//! Everything here is a step under one lock, without tasks, clocks or waiting. A step that may leave something to be done to
//! nobody answers `true`: then the starter is told, after the lock was let go. So each order in which tasks can meet is an
//! order of these steps, and `tests/orders.rs` goes through all of them for small cases.
//!
//! Two kinds of tasks make calls. One that *takes* comes back for the next calls by itself ([`Due::next`]). One whose calls wait for
//! something takes no more ([`Due::leave`]): it only ends its calls ([`Due::end`]). Once no task takes, all is up to the starter.
//!
//! Not here: how calls are made, and what telling is ([`super::calls`]); the order of calls ([`super::dispatch`]).

use super::dispatch::{Dispatcher, Lane};
use super::mistakes::{Mistake, planted};

/// Calls that one task makes, at most.
const TOGETHER: usize = 32;

/// The calls that are due or run, and how many tasks take them by themselves.
#[derive(Clone, Debug)]
pub(super) struct Due<T> {
    dispatcher: Dispatcher<T>,
    /// Tasks that take calls by themselves.
    takers: usize,
    /// So many of them are enough: two for each thread, so that none is idle while another one still has much to do.
    enough: usize,
    /// Once so few are queued there is to be more.
    low: usize,
}

impl<T> Due<T> {
    /// At most `cap` calls run at a time, on so many threads. Once no more than `low` are queued the starter is told.
    pub(super) fn new(cap: usize, low: usize, threads: usize) -> Self {
        Self {
            dispatcher: Dispatcher::new(cap),
            takers: 0,
            enough: 2 * threads.max(1),
            low,
        }
    }

    /// Takes a record in.
    pub(super) fn push(&mut self, lane: Option<u64>, item: T) {
        self.dispatcher.push(lane, item);
    }

    /// A new task comes, which takes calls by itself from now on: its first ones. None: no task is needed. The starter calls this
    /// until it answers none, so there is nothing to tell it.
    pub(super) fn come<D>(&mut self, begin: impl Fn(T) -> Option<D>, into: &mut Vec<(Lane, D)>) {
        self.take(begin, into);
        self.takers += usize::from(!into.is_empty());
    }

    /// A task that takes has made its calls, all of which are over: the next ones for it.
    #[must_use = "the starter is to be told"]
    pub(super) fn next<D>(
        &mut self,
        ended: &mut Vec<Lane>,
        begin: impl Fn(T) -> Option<D>,
        into: &mut Vec<(Lane, D)>,
    ) -> bool {
        let before = (self.running(), self.queued());
        self.finish(ended);
        self.take(begin, into);
        let (running, mut queued) = before;
        if planted(Mistake::LowMarkNotSeen) {
            queued = self.queued();
        }
        // Whoever begins the next ones when these are over may be long in coming.
        let left = self.takers < self.enough && self.may_start() && !planted(Mistake::LeftToNobody);
        let idle = running > 0 && self.running() == 0 && !planted(Mistake::IdleNotTold);
        let few = self.queued() <= self.low;
        let wanting = few && (queued > self.low || planted(Mistake::LowMarkToldAgain));
        left || idle || wanting
    }

    /// A task takes no more calls: it has none, or those that it has wait.
    #[must_use = "the starter is to be told"]
    pub(super) fn leave(&mut self) -> bool {
        if !planted(Mistake::TakerNeverGone) {
            self.takers = self.takers.saturating_sub(1);
        }
        // What is due may have been left to this task, and nothing else may ever end.
        self.may_start() && !planted(Mistake::LeavesWithoutLook)
    }

    /// Calls have ended, and somebody else makes the next ones.
    #[must_use = "the starter is to be told"]
    pub(super) fn end(&mut self, ended: &mut Vec<Lane>) -> bool {
        let some = !ended.is_empty();
        self.finish(ended);
        some && !planted(Mistake::EndNotTold)
    }

    fn finish(&mut self, ended: &mut Vec<Lane>) {
        if planted(Mistake::OneLaneEnds) {
            ended.truncate(1);
        }
        ended.drain(..).for_each(|lane| self.dispatcher.finish(lane));
    }

    /// Begins as many calls as one task is to make.
    fn take<D>(&mut self, begin: impl Fn(T) -> Option<D>, into: &mut Vec<(Lane, D)>) {
        let most = (self.dispatcher.ready() / self.enough).clamp(1, TOGETHER);
        while into.len() < most
            && let Some((lane, item)) = self.dispatcher.start()
        {
            match begin(item) {
                Some(begun) => into.push((lane, begun)),
                None => self.dispatcher.finish(lane), // its partition was taken away
            }
        }
    }

    /// Whether a call could begin now.
    pub(super) fn may_start(&self) -> bool {
        self.dispatcher.may_start()
    }

    /// Nothing runs, and nothing waits for its call. A lane's next call is due from the moment at which the one before it has
    /// ended until somebody begins it, and meanwhile none may run: so both are looked at in one step.
    pub(super) fn is_over(&self) -> bool {
        self.running() == 0 && (self.queued() == 0 || planted(Mistake::QueuedForgottenAtEnd))
    }

    /// Calls that have begun and not ended.
    pub(super) fn running(&self) -> usize {
        self.dispatcher.running()
    }

    /// Records that wait for their call.
    pub(super) fn queued(&self) -> usize {
        self.dispatcher.queued()
    }

    /// Forgets what has not begun.
    pub(super) fn clear(&mut self) {
        self.dispatcher.clear();
    }

    /// What waits, for tests that compare.
    #[cfg(test)]
    pub(super) fn dispatcher(&self) -> &Dispatcher<T> {
        &self.dispatcher
    }

    /// So many takers are enough.
    #[cfg(test)]
    pub(super) fn enough(&self) -> usize {
        self.enough
    }
}
