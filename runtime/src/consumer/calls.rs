//! The handler calls of `run`: which may start, the tasks that make them, and what has ended.
//!
//! A task costs more than a short call. So where many calls are due, one task makes several: it begins each of them before it
//! waits for any, and then waits for all together. How many depends on how many are due for each thread of the runtime, so that
//! handlers that use the processor for long still run on all threads.
//!
//! A task whose calls were all over at once takes the next ones by itself, so that a handler that waits for nothing costs no
//! wake-up. One that has to wait starts nothing more until its calls have ended: others make what is due meanwhile.
//!
//! A call holds its lane until its task has told that it has ended, whether it has returned, panicked, or was aborted: [`Turns`].

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument;

use super::delivery::{Delivery, Handled, HandlerOutcome, Received, Record};
use super::dispatch::{Dispatcher, Lane};
use super::mail::Mailbox;
use super::mistakes::{Mistake, planted};
use super::run::RetryPolicy;

/// Calls that one task makes, at most.
const TOGETHER: usize = 32;

/// While it pauses before a retry, a call looks this often whether its partition was taken away.
const LOOK: Duration = Duration::from_millis(100);

/// One handler call with its retries. What was handled is returned, for the thread to be told of several together.
pub(super) async fn call<E, H, F>(
    delivery: Delivery<E>,
    handler: &H,
    retry: RetryPolicy,
) -> Option<Handled<E>>
where
    H: Fn(Received<E>) -> F,
    F: Future<Output: HandlerOutcome>,
{
    let mut pauses = None;
    let mut attempt = 0_u32;
    loop {
        // A retry is a call too, and none begins after the partition was taken away.
        if delivery.is_stale() && !planted(Mistake::RetryAfterRevocation) {
            return None;
        }
        attempt += 1;
        // A span each, so that a trace shows the tries and the pauses between them.
        let span = tracing::info_span!(
            "handle",
            otel.kind = "consumer",
            topic = delivery.topic(),
            partition = delivery.partition(),
            offset = delivery.offset(),
            attempt
        );
        let received = delivery.received();
        let tried = async { handler(received).await.outcome() }.instrument(span);
        let error = match AssertUnwindSafe(tried).catch_unwind().await {
            Ok(Ok(())) => return Some(delivery.handled()),
            Ok(Err(error)) => error,
            Err(panic) => {
                delivery.fail(format!("the handler panicked: {}", text(&*panic)));
                return None;
            }
        };
        let pauses = pauses.get_or_insert_with(|| {
            ExponentialBuilder::default()
                .with_min_delay(retry.min_delay)
                .with_max_delay(retry.max_delay)
                .with_max_times(retry.retries)
                .with_jitter()
                .build()
        });
        let Some(pause) = pauses.next() else {
            delivery.fail(error);
            return None;
        };
        tracing::debug!(
            topic = delivery.topic(),
            partition = delivery.partition(),
            offset = delivery.offset(),
            error,
            "the handler failed and is tried again in {pause:?}"
        );
        let until = Instant::now() + pause;
        while Instant::now() < until && !delivery.is_stale() {
            tokio::time::sleep_until(until.min(Instant::now() + LOOK)).await;
        }
    }
}

/// What a panic says.
fn text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// What waits for its call, for whoever makes the next ones.
struct Due<E> {
    dispatcher: Mutex<Dispatcher<Arc<Record<E>>>>,
    /// Something has changed that whoever starts tasks may be waiting for.
    changed: Notify,
    mailbox: Arc<Mailbox<E>>,
    threads: usize,
    /// Tasks that take calls by themselves.
    takers: AtomicUsize,
    /// Once so few are queued there is to be more.
    low: usize,
}

impl<E> Due<E> {
    fn dispatcher(&self) -> MutexGuard<'_, Dispatcher<Arc<Record<E>>>> {
        self.dispatcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the calls of these lanes, and begins the next ones, as many as one task is to make.
    fn next(&self, ended: &mut Vec<Lane>, into: &mut Vec<(Lane, Delivery<E>)>) {
        let mut dispatcher = self.dispatcher();
        let (running, queued) = (dispatcher.running(), dispatcher.queued());
        ended.drain(..).for_each(|lane| dispatcher.finish(lane));
        // Two tasks for each thread, so that none is idle while another one still has much to do.
        let most = (dispatcher.ready() / (2 * self.threads)).clamp(1, TOGETHER);
        while into.len() < most
            && let Some((lane, record)) = dispatcher.start()
        {
            match Delivery::begin(record, &self.mailbox, None) {
                Some(delivery) => into.push((lane, delivery)),
                None => dispatcher.finish(lane), // its partition was taken away
            }
        }
        // Whoever begins the next ones when these are over may be long in coming.
        let left = dispatcher.may_start() && self.takers.load(Ordering::Relaxed) < 2 * self.threads;
        let idle = dispatcher.running() == 0 && running > 0;
        let wanting = queued > self.low && dispatcher.queued() <= self.low;
        drop(dispatcher);
        if idle || wanting || left {
            self.changed.notify_one();
        }
    }

    /// Ends the calls of these lanes. Somebody else makes the next ones.
    fn end(&self, ended: &mut Vec<Lane>) {
        if !ended.is_empty() {
            let mut dispatcher = self.dispatcher();
            ended.drain(..).for_each(|lane| dispatcher.finish(lane));
            drop(dispatcher);
            self.changed.notify_one();
        }
    }
}

/// The lanes of the calls of a task, until they have ended, however they do.
struct Turns<E> {
    held: Vec<Lane>,
    /// The task takes calls by itself.
    taking: bool,
    due: Arc<Due<E>>,
}

impl<E> Turns<E> {
    fn take_no_more(&mut self) {
        if std::mem::take(&mut self.taking) {
            self.due.takers.fetch_sub(1, Ordering::Relaxed);
            // What is due may have been left to this task, and nothing else may ever end.
            if self.due.dispatcher().may_start() {
                self.due.changed.notify_one();
            }
        }
    }

    fn end(&mut self, lane: Lane) {
        if let Some(at) = self.held.iter().position(|held| *held == lane) {
            let lane = self.held.swap_remove(at);
            self.due.end(&mut vec![lane]);
        }
    }
}

impl<E> Drop for Turns<E> {
    fn drop(&mut self) {
        self.take_no_more();
        self.due.end(&mut self.held);
    }
}

/// Makes these calls, all at the same time. Where all are over at once, it goes on with those that are due then: a handler that
/// waits for nothing is called by a few tasks that need not be woken for each record.
async fn work<E, H, F>(
    mut calls: Vec<(Lane, Delivery<E>)>,
    due: Arc<Due<E>>,
    handler: Arc<H>,
    retry: RetryPolicy,
) where
    H: Fn(Received<E>) -> F,
    F: Future<Output: HandlerOutcome>,
{
    let handler = &*handler;
    let mut turns = Turns {
        held: calls.iter().map(|(lane, _)| *lane).collect(),
        taking: true,
        due: Arc::clone(&due),
    };
    let mut handled = Vec::with_capacity(calls.len());
    let mut over = Vec::with_capacity(calls.len());
    loop {
        let mut waiting = FuturesUnordered::new();
        for (lane, delivery) in calls.drain(..) {
            let mut call = Box::pin(call(delivery, handler, retry));
            // Many are over at once.
            let polled = std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
            match polled {
                Poll::Ready(outcome) => {
                    handled.extend(outcome);
                    over.push(lane);
                }
                Poll::Pending => waiting.push(call.map(move |outcome| (lane, outcome))),
            }
        }
        Handled::tell_all(&mut handled, &due.mailbox);
        if waiting.is_empty() {
            over.clear();
            due.next(&mut turns.held, &mut calls);
            if calls.is_empty() {
                return;
            }
            turns.held.extend(calls.iter().map(|(lane, _)| *lane));
            // Others want the thread too, and the task may be aborted here.
            tokio::task::yield_now().await;
            continue;
        }
        turns.take_no_more();
        over.drain(..).for_each(|lane| turns.end(lane));
        while let Some((lane, outcome)) = waiting.next().await {
            if let Some(handled) = outcome {
                handled.tell(&due.mailbox);
            }
            turns.end(lane);
        }
        return;
    }
}

/// The calls that run, and what waits for them.
pub(super) struct Calls<E> {
    due: Arc<Due<E>>,
    tasks: JoinSet<()>,
    retry: RetryPolicy,
}

impl<E: Send + Sync + 'static> Calls<E> {
    /// At most `cap` calls run at a time, and once no more than `low` wait [`Self::changed`] says so. To be called within a
    /// runtime, whose tasks will make them.
    pub(super) fn new(cap: usize, low: usize, mailbox: Arc<Mailbox<E>>, retry: RetryPolicy) -> Self {
        Self {
            due: Arc::new(Due {
                dispatcher: Mutex::new(Dispatcher::new(cap)),
                changed: Notify::new(),
                mailbox,
                threads: Handle::current().metrics().num_workers(),
                takers: AtomicUsize::new(0),
                low,
            }),
            tasks: JoinSet::new(),
            retry,
        }
    }

    /// Takes records in.
    pub(super) fn push(&mut self, records: &mut VecDeque<Arc<Record<E>>>) {
        let mut dispatcher = self.due.dispatcher();
        for record in records.drain(..) {
            dispatcher.push(record.lane(), record);
        }
    }

    /// Starts what may start.
    pub(super) fn start<H, F>(&mut self, handler: &Arc<H>)
    where
        H: Fn(Received<E>) -> F + Send + Sync + 'static,
        F: Future<Output: HandlerOutcome> + Send + 'static,
    {
        while self.tasks.try_join_next().is_some() {}
        loop {
            let mut calls = Vec::new();
            self.due.next(&mut Vec::new(), &mut calls);
            if calls.is_empty() {
                return;
            }
            let due = Arc::clone(&self.due);
            due.takers.fetch_add(1, Ordering::Relaxed);
            self.tasks
                .spawn(work(calls, due, Arc::clone(handler), self.retry));
        }
    }

    /// Waits until calls have ended that others may be behind, or until few wait, or none runs any more. It may also return for
    /// nothing.
    ///
    /// Nothing is lost if the future is dropped.
    pub(super) async fn changed(&self) {
        self.due.changed.notified().await;
    }

    /// Calls that have begun and not ended.
    pub(super) fn running(&self) -> usize {
        self.due.dispatcher().running()
    }

    /// Records that wait for their call.
    pub(super) fn queued(&self) -> usize {
        self.due.dispatcher().queued()
    }

    /// Forgets what has not begun.
    pub(super) fn clear(&mut self) {
        self.due.dispatcher().clear();
    }

    /// Ends what runs, wherever it is.
    pub(super) async fn abort(&mut self) {
        self.tasks.shutdown().await;
    }
}

impl<E: Send + Sync + 'static> fmt::Debug for Calls<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls")
            .field("running", &self.running())
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::delivery::{Body, Made};
    use super::super::gate::Assignment;
    use super::super::raw::Raw;
    use super::*;
    use crate::observe::HandlingMeter;
    use crate::waker::Waker;

    const RETRY: RetryPolicy = RetryPolicy {
        retries: 0,
        min_delay: Duration::ZERO,
        max_delay: Duration::ZERO,
    };

    fn record(assignment: &Arc<Assignment>, offset: i64, lane: u64) -> Arc<Record<()>> {
        let record = Record::new(Arc::clone(assignment), offset, None, Raw::default());
        let made = Made {
            body: Body::Event(()),
            lane: Some(lane),
        };
        assert!(record.made.set(made).is_ok());
        Arc::new(record)
    }

    /// Lanes of two records each. All first calls are over at once, and every second one but the last lane's waits for ever: each
    /// task takes second ones by itself, and then has to wait. What is left must not wait with it.
    #[tokio::test(flavor = "current_thread", start_paused = true)]
    async fn calls_that_wait_for_ever_hold_up_no_other_lane() {
        for lanes in 2..40 {
            let waker = Arc::new(Waker::default());
            let assignment = Assignment::new(0, 1, &Arc::from("t"), Arc::clone(&waker));
            let mailbox = Arc::new(Mailbox::new(waker, HandlingMeter::new("t", "group")));
            let mut calls = Calls::new(100, 100, mailbox, RETRY);
            let begun = Arc::new(Mutex::new(BTreeSet::new()));
            let handler = {
                let begun = Arc::clone(&begun);
                Arc::new(move |received: Received<()>| {
                    let begun = Arc::clone(&begun);
                    async move {
                        let offset = received.offset();
                        begun.lock().unwrap().insert(offset);
                        if offset >= lanes && offset != 2 * lanes - 1 {
                            std::future::pending::<()>().await;
                        }
                    }
                })
            };
            let mut records: VecDeque<_> = (0..2 * lanes)
                .map(|offset| record(&assignment, offset, (offset % lanes) as u64))
                .collect();
            calls.push(&mut records);
            let all = async {
                loop {
                    calls.start(&handler);
                    calls.changed().await;
                }
            };
            let ended: Result<(), _> = tokio::time::timeout(Duration::from_secs(60), all).await;
            assert!(ended.is_err());
            let begun = begun.lock().unwrap().len();
            assert_eq!(
                begun,
                2 * lanes as usize,
                "calls that have begun, of {lanes} lanes"
            );
        }
    }
}
