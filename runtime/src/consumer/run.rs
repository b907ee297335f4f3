//! `run`: handlers as tasks, serial per lane, parallel across, retried, and settled.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tracing::Instrument;

use super::Consumer;
use super::counts::ConsumerCounts;
use super::delivery::{Delivery, HandlerOutcome, Received, Record};
use super::dispatch::{Dispatcher, Lane};
use super::error::ConsumerError;
use super::mail::{Mailbox, Note};
use crate::topic::Topic;

/// How a handler that fails is tried again, with growing pauses and some chance in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries after the first one. 0: the first failure is final.
    pub retries: usize,
    /// The first pause; each one after it is twice as long.
    pub min_delay: Duration,
    /// The longest pause.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    /// 4 retries, after 0.1 s, 0.2 s, 0.4 s and 0.8 s, each with up to as much again.
    fn default() -> Self {
        Self {
            retries: 4,
            min_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(5),
        }
    }
}

/// While it pauses before a retry, a call looks this often whether its partition was taken away.
const LOOK: Duration = Duration::from_millis(100);

/// One handler call with its retries, from begin to settle.
async fn handle<E, H, F>(delivery: Delivery<E>, handler: Arc<H>, retry: RetryPolicy)
where
    H: Fn(Received<E>) -> F,
    F: Future<Output: HandlerOutcome>,
{
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(retry.min_delay)
        .with_max_delay(retry.max_delay)
        .with_max_times(retry.retries)
        .with_jitter()
        .build();
    let mut attempt = 0_u32;
    loop {
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
        let error = match handler(delivery.received()).instrument(span).await.outcome() {
            Ok(()) => return delivery.settle(),
            Err(error) => error,
        };
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
        while Instant::now() < until {
            tokio::time::sleep_until(until.min(Instant::now() + LOOK)).await;
            if delivery.is_stale() {
                return; // a retry is a call too, and none begins after the partition was taken away
            }
        }
        if delivery.is_stale() {
            return;
        }
    }
}

/// The calls that run, and what waits for them.
struct Calls<E> {
    dispatcher: Dispatcher<Arc<Record<E>>>,
    tasks: JoinSet<()>,
    running: HashMap<Id, (Lane, Arc<Record<E>>)>,
    mailbox: Arc<Mailbox<E>>,
    retry: RetryPolicy,
}

impl<E: Send + Sync + 'static> Calls<E> {
    /// Starts what may start.
    fn start<H, F>(&mut self, handler: &Arc<H>)
    where
        H: Fn(Received<E>) -> F + Send + Sync + 'static,
        F: Future<Output: HandlerOutcome> + Send + 'static,
    {
        while let Some((lane, record)) = self.dispatcher.start() {
            match Delivery::begin(Arc::clone(&record), &self.mailbox, None) {
                Some(delivery) => {
                    let task = self
                        .tasks
                        .spawn(handle(delivery, Arc::clone(handler), self.retry));
                    self.running.insert(task.id(), (lane, record));
                }
                None => self.dispatcher.finish(lane), // its partition was taken away
            }
        }
    }

    /// A call ended.
    fn ended(&mut self, result: Result<(Id, ()), JoinError>) {
        let id = match &result {
            Ok((id, ())) => *id,
            Err(error) => error.id(),
        };
        let Some((lane, record)) = self.running.remove(&id) else {
            return;
        };
        self.dispatcher.finish(lane);
        if let Err(error) = result
            && error.is_panic()
        {
            let panic = error.into_panic();
            let text = panic
                .downcast_ref::<&str>()
                .copied()
                .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
                .unwrap_or("no message");
            self.mailbox.push(Note::Failed {
                record,
                detail: format!("the handler panicked: {text}"),
            });
        }
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

impl<T: Topic> Consumer<T> {
    /// Calls `handler` for every record, until the stream ends; then commits, leaves the group and returns the figures.
    ///
    /// Records of one `by` value (where the topic is not reordered: of one key) are handled one after the other, in order;
    /// others at the same time, as many as the builder's `max_in_flight` allows. A record is settled once its handler
    /// has returned; one that fails is tried again as the builder's `retry` says, and then becomes a dead letter, or stops
    /// the consumer where no dead-letter topic is declared. A handler that panics has failed for good.
    ///
    /// Each call is a task of the runtime. If the future of `run` is dropped, calls that run are aborted and their records
    /// stay unsettled; to end in order cancel the builder's `shutdown` token: no call begins any more, and those that run
    /// get the builder's `drain` time to end.
    ///
    /// # Errors
    /// What stopped the consumer; calls that ran were still given the time to end, and what they settled is committed.
    pub async fn run<H, F>(&mut self, handler: H) -> Result<ConsumerCounts, ConsumerError>
    where
        H: Fn(Received<T::Event>) -> F + Send + Sync + 'static,
        F: Future<Output: HandlerOutcome> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let mut calls = Calls {
            dispatcher: Dispatcher::new(self.max_in_flight),
            tasks: JoinSet::new(),
            running: HashMap::new(),
            mailbox: Arc::clone(&self.mailbox),
            retry: self.retry,
        };
        // Behind a slow lane others may still run, so more is taken than may be in flight; but not without limit.
        let most = self.max_in_flight.saturating_mul(8);
        let shutdown = self.shutdown.clone();
        let mut taken = std::mem::take(&mut self.batch);
        let mut stopped = Ok(());
        let cancelled = loop {
            for record in taken.drain(..) {
                calls.dispatcher.push(record.lane, record);
            }
            calls.start(&handler);
            let room = most.saturating_sub(calls.dispatcher.queued());
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break true,
                Some(result) = calls.tasks.join_next_with_id(), if !calls.running.is_empty() => calls.ended(result),
                more = self.outbox.take(room, &mut taken), if room > 0 => match more {
                    Ok(true) => {}
                    Ok(false) => break false,
                    Err(error) => {
                        stopped = Err(error);
                        break false;
                    }
                },
            }
        };
        let deadline = Instant::now() + self.drain;
        if cancelled || stopped.is_err() {
            calls.dispatcher.clear();
        }
        self.see_out(&mut calls, &handler, cancelled || stopped.is_err(), deadline)
            .await;
        // Aborts what has not ended, so that nothing runs for a partition that is given back.
        calls.tasks.shutdown().await;
        let closed = self
            .close(deadline.saturating_duration_since(Instant::now()).max(LOOK))
            .await;
        stopped?;
        closed
    }

    /// Waits for the calls that run, and at a declared end for those that have not begun too.
    async fn see_out<H, F>(
        &mut self,
        calls: &mut Calls<T::Event>,
        handler: &Arc<H>,
        bounded: bool,
        deadline: Instant,
    ) where
        H: Fn(Received<T::Event>) -> F + Send + Sync + 'static,
        F: Future<Output: HandlerOutcome> + Send + 'static,
    {
        let shutdown = self.shutdown.clone();
        let mut bound = bounded.then_some(deadline);
        while !calls.running.is_empty() {
            tokio::select! {
                biased;
                Some(result) = calls.tasks.join_next_with_id() => {
                    calls.ended(result);
                    calls.start(handler);
                }
                () = shutdown.cancelled(), if bound.is_none() => {
                    calls.dispatcher.clear();
                    bound = Some(Instant::now() + self.drain);
                }
                () = tokio::time::sleep_until(bound.unwrap_or(deadline)), if bound.is_some() => {
                    tracing::warn!(calls = ?calls, "handlers are still running at the deadline and are aborted");
                    return;
                }
            }
        }
    }

    /// Takes the next record out of the local batch or the outbox.
    pub(super) async fn next_record(&mut self) -> Result<Option<Arc<Record<T::Event>>>, ConsumerError> {
        if self.batch.is_empty() {
            let mut taken = VecDeque::new();
            if !self.outbox.take(64, &mut taken).await? {
                return Ok(None);
            }
            self.batch = taken;
        }
        Ok(self.batch.pop_front())
    }
}
