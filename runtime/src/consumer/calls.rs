//! The handler calls of `run`: the tasks that make them, and what has ended. Which may start is in [`super::due`].
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
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument;

use super::begun::Begun;
use super::delivery::{HandlerOutcome, Received, Record};
use super::dispatch::Lane;
use super::due::Due;
use super::mail::Mailbox;
use super::mistakes::{Mistake, planted};
use super::run::RetryPolicy;

/// While it pauses before a retry, a call looks this often whether its partition was taken away.
const LOOK: Duration = Duration::from_millis(100);

/// One handler call with its retries. What was handled is returned, for the thread to be told of several together.
pub(super) async fn call<E, H, F>(
    begun: Begun<E>,
    mailbox: &Mailbox<E>,
    handler: &H,
    retry: RetryPolicy,
) -> Option<Begun<E>>
where
    H: Fn(Received<E>) -> F,
    F: Future<Output: HandlerOutcome>,
{
    let mut pauses = None;
    let mut attempt = 0_u32;
    loop {
        // A retry is a call too, and none begins after the partition was taken away.
        if begun.is_stale() && !planted(Mistake::RetryAfterRevocation) {
            return None;
        }
        attempt += 1;
        let received = begun.received()?;
        // A span each, so that a trace shows the tries and the pauses between them.
        let span = tracing::info_span!(
            "handle",
            otel.kind = "consumer",
            topic = received.topic(),
            partition = received.partition(),
            offset = received.offset(),
            attempt
        );
        let tried = async { handler(received).await.outcome() }.instrument(span);
        let error = match AssertUnwindSafe(tried).catch_unwind().await {
            Ok(Ok(())) => return Some(begun.handled(mailbox)),
            Ok(Err(error)) => error,
            Err(panic) => {
                begun.fail(format!("the handler panicked: {}", text(&*panic)), mailbox);
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
            begun.fail(error, mailbox);
            return None;
        };
        let received = begun.received()?;
        tracing::debug!(
            topic = received.topic(),
            partition = received.partition(),
            offset = received.offset(),
            error,
            "the handler failed and is tried again in {pause:?}"
        );
        drop(received);
        let until = Instant::now() + pause;
        while Instant::now() < until && !begun.is_stale() {
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

/// What the tasks share: the calls that are due, and the way to tell whoever starts tasks.
struct Shared<E> {
    due: Mutex<Due<Arc<Record<E>>>>,
    /// Something has changed that the starter may be waiting for.
    changed: Notify,
    mailbox: Arc<Mailbox<E>>,
}

impl<E> Shared<E> {
    fn due(&self) -> MutexGuard<'_, Due<Arc<Record<E>>>> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a step, and tells the starter if it is to be told.
    fn step(&self, step: impl FnOnce(&mut Due<Arc<Record<E>>>) -> bool) {
        let tell = step(&mut self.due());
        if tell {
            self.changed.notify_one();
        }
    }
}

/// The lanes of the calls of a task, until they have ended, however they do.
struct Turns<E> {
    held: Vec<Lane>,
    /// The task takes calls by itself.
    taking: bool,
    shared: Arc<Shared<E>>,
}

impl<E> Turns<E> {
    fn take_no_more(&mut self) {
        if std::mem::take(&mut self.taking) {
            self.shared.step(Due::leave);
        }
    }

    fn end(&mut self, lane: Lane) {
        if let Some(at) = self.held.iter().position(|held| *held == lane) {
            let lane = self.held.swap_remove(at);
            self.shared.step(|due| due.end(&mut vec![lane]));
        }
    }

    /// All calls are over: the next ones.
    fn next(&mut self, into: &mut Vec<(Lane, Begun<E>)>) {
        let Self { held, shared, .. } = self;
        shared.step(|due| due.next(held, Begun::begin, into));
        held.extend(into.iter().map(|(lane, _)| *lane));
    }
}

impl<E> Drop for Turns<E> {
    fn drop(&mut self) {
        self.take_no_more();
        self.shared.step(|due| due.end(&mut self.held));
    }
}

/// Polls a call once.
async fn poll_once<F: Future>(mut call: Pin<&mut Option<F>>) -> Poll<Option<F::Output>> {
    std::future::poll_fn(|context| Poll::Ready(poll(call.as_mut(), context))).await
}

fn poll<F: Future>(call: Pin<&mut Option<F>>, context: &mut Context<'_>) -> Poll<Option<F::Output>> {
    match call.as_pin_mut() {
        Some(call) => call.poll(context).map(Some),
        None => Poll::Ready(None),
    }
}

/// Makes these calls, all at the same time. Where all are over at once, it goes on with those that are due then: a handler that
/// waits for nothing is called by a few tasks that need not be woken for each record.
async fn work<E, H, F>(
    mut calls: Vec<(Lane, Begun<E>)>,
    shared: Arc<Shared<E>>,
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
        shared: Arc::clone(&shared),
    };
    let mut handled = Vec::with_capacity(calls.len());
    let mut over = Vec::with_capacity(calls.len());
    let mut waiting = FuturesUnordered::new();
    // Where a call is made. One that is over at once, as many are, leaves it to the next one.
    let mut place = Box::pin(None);
    loop {
        for (lane, begun) in calls.drain(..) {
            place.set(Some(call(begun, &shared.mailbox, handler, retry)));
            match poll_once(place.as_mut()).await {
                Poll::Ready(outcome) => {
                    handled.extend(outcome.flatten());
                    over.push(lane);
                }
                Poll::Pending => {
                    let mut call = std::mem::replace(&mut place, Box::pin(None));
                    waiting.push(async move {
                        let outcome = std::future::poll_fn(|context| poll(call.as_mut(), context)).await;
                        (lane, outcome)
                    });
                }
            }
        }
        if planted(Mistake::HandledNotTold) {
            handled.clear();
        }
        Begun::tell_all(&mut handled, &shared.mailbox);
        if waiting.is_empty() {
            over.clear();
            turns.next(&mut calls);
            if calls.is_empty() {
                return;
            }
            // Others want the thread too, and the task may be aborted here.
            tokio::task::yield_now().await;
            continue;
        }
        if !planted(Mistake::WaitsAndTakes) {
            turns.take_no_more();
        }
        over.drain(..).for_each(|lane| turns.end(lane));
        while let Some((lane, outcome)) = waiting.next().await {
            handled.extend(outcome.flatten());
            Begun::tell_all(&mut handled, &shared.mailbox);
            turns.end(lane);
        }
        return;
    }
}

/// The calls that run, and what waits for them.
pub(super) struct Calls<E> {
    shared: Arc<Shared<E>>,
    tasks: JoinSet<()>,
    retry: RetryPolicy,
}

impl<E: Send + Sync + 'static> Calls<E> {
    /// At most `cap` calls run at a time, and once no more than `low` wait [`Self::changed`] says so. To be called within a
    /// runtime, whose tasks will make them.
    pub(super) fn new(cap: usize, low: usize, mailbox: Arc<Mailbox<E>>, retry: RetryPolicy) -> Self {
        let threads = Handle::current().metrics().num_workers();
        Self {
            shared: Arc::new(Shared {
                due: Mutex::new(Due::new(cap, low, threads)),
                changed: Notify::new(),
                mailbox,
            }),
            tasks: JoinSet::new(),
            retry,
        }
    }

    /// Takes records in.
    pub(super) fn push(&mut self, records: &mut VecDeque<Arc<Record<E>>>) {
        let mut due = self.shared.due();
        for record in records.drain(..) {
            due.push(record.lane(), record);
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
            self.shared.due().come(Begun::begin, &mut calls);
            if calls.is_empty() {
                return;
            }
            let shared = Arc::clone(&self.shared);
            self.tasks
                .spawn(work(calls, shared, Arc::clone(handler), self.retry));
            if planted(Mistake::StartsOneTask) {
                return;
            }
        }
    }

    /// Waits until calls have ended that others may be behind, or until few wait, or none runs any more. It may also return for
    /// nothing.
    ///
    /// Nothing is lost if the future is dropped.
    pub(super) async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    /// Whether nothing runs and nothing waits for its call. As long as it is not so, [`Self::changed`] will return.
    pub(super) fn are_over(&self) -> bool {
        self.shared.due().is_over()
    }

    /// Whether a call could begin now.
    #[cfg(test)]
    pub(super) fn may_start(&self) -> bool {
        self.shared.due().may_start()
    }

    /// Records that wait for their call.
    pub(super) fn queued(&self) -> usize {
        self.shared.due().queued()
    }

    /// Forgets what has not begun.
    pub(super) fn clear(&mut self) {
        self.shared.due().clear();
    }

    /// Ends what runs, wherever it is.
    pub(super) async fn abort(&mut self) {
        self.tasks.shutdown().await;
    }
}

impl<E: Send + Sync + 'static> fmt::Debug for Calls<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let due = self.shared.due();
        f.debug_struct("Calls")
            .field("running", &due.running())
            .field("queued", &due.queued())
            .finish_non_exhaustive()
    }
}
