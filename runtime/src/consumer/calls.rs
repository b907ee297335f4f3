//! The handler calls of `run`: which may start, the tasks that make them, and what has ended.
//!
//! A task costs more than a short call. So where many calls are due, one task makes several: it begins each of them before it
//! waits for any, and then waits for all together. How many depends on how many are due for each thread of the runtime, so that
//! handlers that use the processor for long still run on all threads.
//!
//! A call holds its lane until its [`Turn`] is dropped, whether it has returned, panicked, or was aborted.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
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

use super::delivery::{Delivery, HandlerOutcome, Received, Record};
use super::dispatch::{Dispatcher, Lane};
use super::mail::Mailbox;
use super::mistakes::{Mistake, planted};
use super::run::RetryPolicy;

/// Calls that one task makes, at most.
const TOGETHER: usize = 32;

/// While it pauses before a retry, a call looks this often whether its partition was taken away.
const LOOK: Duration = Duration::from_millis(100);

/// One handler call with its retries, from begin to settle.
pub(super) async fn call<E, H, F>(delivery: Delivery<E>, handler: &H, retry: RetryPolicy)
where
    H: Fn(Received<E>) -> F,
    F: Future<Output: HandlerOutcome>,
{
    let mut pauses = None;
    let mut attempt = 0_u32;
    loop {
        // A retry is a call too, and none begins after the partition was taken away.
        if delivery.is_stale() && !planted(Mistake::RetryAfterRevocation) {
            return;
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
            Ok(Ok(())) => return delivery.settle(),
            Ok(Err(error)) => error,
            Err(panic) => return delivery.fail(format!("the handler panicked: {}", text(&*panic))),
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
            return delivery.fail(error);
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

/// Lanes whose calls have ended, for whoever starts the next ones.
#[derive(Debug, Default)]
struct Ended {
    lanes: Mutex<Vec<Lane>>,
    some: Notify,
}

impl Ended {
    fn lanes(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to the lane of a call; dropped when the call has ended, however it did.
struct Turn {
    lane: Lane,
    ended: Arc<Ended>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let first = {
            let mut lanes = self.ended.lanes();
            lanes.push(self.lane);
            lanes.len() == 1
        };
        // Who finds some there already knows that they were told of and not taken yet.
        if first {
            self.ended.some.notify_one();
        }
    }
}

/// Makes these calls, all at the same time.
async fn together<E, H, F>(calls: Vec<(Turn, Delivery<E>)>, handler: Arc<H>, retry: RetryPolicy)
where
    H: Fn(Received<E>) -> F,
    F: Future<Output: HandlerOutcome>,
{
    let handler = &*handler;
    let mut waiting = FuturesUnordered::new();
    let mut over = Vec::with_capacity(calls.len());
    for (turn, delivery) in calls {
        let mut call = Box::pin(call(delivery, handler, retry));
        // Many are over at once.
        let polled = std::future::poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
        match polled {
            Poll::Ready(()) => over.push(turn),
            Poll::Pending => waiting.push(call.map(|()| turn)),
        }
    }
    drop(over);
    while let Some(turn) = waiting.next().await {
        drop(turn);
    }
}

/// The calls that run, and what waits for them.
pub(super) struct Calls<E> {
    dispatcher: Dispatcher<Arc<Record<E>>>,
    tasks: JoinSet<()>,
    ended: Arc<Ended>,
    mailbox: Arc<Mailbox<E>>,
    retry: RetryPolicy,
    threads: usize,
}

impl<E: Send + Sync + 'static> Calls<E> {
    /// At most `cap` calls run at a time. To be called within a runtime, whose tasks will make them.
    pub(super) fn new(cap: usize, mailbox: Arc<Mailbox<E>>, retry: RetryPolicy) -> Self {
        Self {
            dispatcher: Dispatcher::new(cap),
            tasks: JoinSet::new(),
            ended: Arc::default(),
            mailbox,
            retry,
            threads: Handle::current().metrics().num_workers(),
        }
    }

    /// Takes a record in.
    pub(super) fn push(&mut self, record: Arc<Record<E>>) {
        self.dispatcher.push(record.lane, record);
    }

    /// Starts what may start.
    pub(super) fn start<H, F>(&mut self, handler: &Arc<H>)
    where
        H: Fn(Received<E>) -> F + Send + Sync + 'static,
        F: Future<Output: HandlerOutcome> + Send + 'static,
    {
        // Two tasks for each thread, so that none is idle while another one still has much to do.
        let size = (self.dispatcher.ready() / (2 * self.threads)).clamp(1, TOGETHER);
        loop {
            let mut calls = Vec::with_capacity(size);
            while calls.len() < size
                && let Some((lane, record)) = self.dispatcher.start()
            {
                match Delivery::begin(record, &self.mailbox, None) {
                    Some(delivery) => {
                        let ended = Arc::clone(&self.ended);
                        calls.push((Turn { lane, ended }, delivery));
                    }
                    None => self.dispatcher.finish(lane), // its partition was taken away
                }
            }
            if calls.is_empty() {
                return;
            }
            self.tasks.spawn(together(calls, Arc::clone(handler), self.retry));
        }
    }

    /// Waits until calls have ended, and lets those behind them have their turn. To be called while some run.
    ///
    /// Nothing is lost if the future is dropped.
    pub(super) async fn some_ended(&mut self) {
        loop {
            let lanes = std::mem::take(&mut *self.ended.lanes());
            if !lanes.is_empty() {
                lanes.into_iter().for_each(|lane| self.dispatcher.finish(lane));
                while self.tasks.try_join_next().is_some() {}
                return;
            }
            self.ended.some.notified().await;
        }
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

    /// Ends what runs, wherever it is.
    pub(super) async fn abort(&mut self) {
        self.tasks.shutdown().await;
    }
}

impl<E> fmt::Debug for Calls<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calls")
            .field("running", &self.dispatcher.running())
            .field("queued", &self.dispatcher.queued())
            .finish_non_exhaustive()
    }
}
