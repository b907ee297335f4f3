//! `run`: handlers on tasks, serial per lane, parallel across, retried, and settled.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Consumer;
use super::calls::Calls;
use super::counts::ConsumerCounts;
use super::delivery::{HandlerOutcome, Received, Record};
use super::error::ConsumerError;
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

/// Closing gets so much time at least.
const LEAST: Duration = Duration::from_millis(100);

impl<T: Topic> Consumer<T> {
    /// Calls `handler` for every record, until the stream ends; then commits, leaves the group and returns the figures.
    ///
    /// Records of one `by` value (where the topic is not reordered: of one key) are handled one after the other, in order;
    /// others at the same time, as many as the builder's `max_in_flight` allows. A record is settled once its handler
    /// has returned; one that fails is tried again as the builder's `retry` says, and then becomes a dead letter, or stops
    /// the consumer where no dead-letter topic is declared. A handler that panics has failed for good.
    ///
    /// Calls are made by tasks of the runtime, where many are due several by one task, and all at the same time: a handler
    /// that blocks its thread holds up others. If the future of `run` is dropped, calls that run are aborted and their records
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
        // Behind a slow lane others may still run, so more is taken than may be in flight; but not without limit.
        let most = self.max_in_flight.saturating_mul(8);
        let mailbox = Arc::clone(&self.mailbox);
        let mut calls = Calls::new(self.max_in_flight, most / 2, mailbox, self.retry);
        let mut shutdown = pin!(self.shutdown.clone().cancelled_owned());
        let mut taken = std::mem::take(&mut self.batch);
        let mut stopped = Ok(());
        let cancelled = loop {
            calls.push(&mut taken);
            calls.start(&handler);
            let room = most.saturating_sub(calls.queued());
            tokio::select! {
                biased;
                () = &mut shutdown => break true,
                () = calls.changed() => {}
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
            calls.clear();
        }
        self.see_out(&mut calls, &handler, cancelled || stopped.is_err(), deadline)
            .await;
        // Aborts what has not ended, so that nothing runs for a partition that is given back.
        calls.abort().await;
        let closed = self
            .close(deadline.saturating_duration_since(Instant::now()).max(LEAST))
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
        while !calls.are_over() {
            tokio::select! {
                biased;
                () = calls.changed() => calls.start(handler),
                () = shutdown.cancelled(), if bound.is_none() => {
                    calls.clear();
                    bound = Some(Instant::now() + self.drain);
                }
                () = tokio::time::sleep_until(bound.unwrap_or(deadline)), if bound.is_some() => {
                    tracing::warn!(?calls, "handlers are still running at the deadline and are aborted");
                    return;
                }
            }
        }
    }

    /// Takes the next record out of the local batch or the outbox.
    pub(super) async fn next_record(&mut self) -> Result<Option<Arc<Record<T::Event>>>, ConsumerError> {
        if self.batch.is_empty() {
            // Nothing else in here gives way to other tasks while there are records.
            tokio::task::coop::consume_budget().await;
            if !self.outbox.take(64, &mut self.batch).await? {
                return Ok(None);
            }
        }
        Ok(self.batch.pop_front())
    }
}
