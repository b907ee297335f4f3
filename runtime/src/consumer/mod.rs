//! Consumers: a topic's records, decoded, validated, without duplicates, in order, and committed once they were handled.
//!
//! ```text
//!             thread of the consumer                                application's tasks
//!  broker -> poll -> framing, schema -> engine -> outbox ==========> recv / run -> handler
//!                                        ^  |                                        |
//!                                        |  +-> dead-letter producer --+             |
//!                 commit <- watermark <--+-- mailbox <=================+=== settle --+
//! ```
//!
//! One thread owns librdkafka's consumer and one [`Engine`](crate::engine::Engine) for each assigned partition. It gives out
//! records through a queue that it keeps short, by pausing its partitions, and takes back what became of them through another.
//! What may be committed is what the engines say: never past a record that waits, runs, or is not yet acknowledged as a
//! dead letter.
//!
//! At least once: a record whose handling was not committed before a crash or a revocation is handled again, by whoever gets
//! the partition. Duplicates in the log are dropped, with the same verdict after any restart.
//!
//! Not here: exactly-once across topics (transactions), more than one topic for a consumer, seeking while it runs.

mod assign;
mod batch;
mod begun;
mod builder;
mod calls;
mod commit;
mod context;
mod core;
mod counts;
mod delivery;
mod dispatch;
mod due;
mod error;
mod fetched;
mod figures;
mod gate;
mod intake;
mod letters;
mod mail;
mod making;
mod mistakes;
mod native;
mod notes;
mod pressure;
mod probe;
mod raw;
mod run;
mod slots;
mod spare;
mod start;
mod stash;
#[cfg(test)]
mod tests;
mod thread;
mod values;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

pub use batch::Batch;
pub use builder::ConsumerBuilder;
pub use counts::{ConsumerCounts, PartitionCounts};
pub use delivery::{Delivery, HandlerOutcome, Received};
pub use error::ConsumerError;
/// What [`Consumer::batches`] gives, and what it is used with; re-exported so that a service needs no crate for it.
pub use futures_util::{Stream, StreamExt};
pub use raw::HeaderIter;
pub use run::RetryPolicy;
pub use start::StartAt;

use crate::topic::Topic;
use delivery::Record;
use mail::{Mailbox, Note, Outbox};
use slots::Slot;

/// A consumer of one topic, as a member of a group.
///
/// Use [`Self::run`] with a handler, or [`Self::recv`] or [`Self::batches`] and settle each delivery. End with [`Self::close`], which `run` does by
/// itself. A consumer that is dropped without it leaves the group and commits nothing more: what was settled since the last
/// commit is read again.
pub struct Consumer<T: Topic> {
    topic: Arc<str>,
    outbox: Arc<Outbox<T::Event>>,
    mailbox: Arc<Mailbox<T::Event>>,
    published: Arc<Mutex<ConsumerCounts>>,
    /// Taken out of the outbox and not handed out.
    batch: VecDeque<Arc<Record<T::Event>>>,
    max_in_flight: usize,
    retry: RetryPolicy,
    drain: Duration,
    shutdown: CancellationToken,
    /// How closing went; `None`: it is closed, or was never started.
    done: Option<oneshot::Receiver<Result<(), ConsumerError>>>,
}

impl<T: Topic + Default> Consumer<T> {
    /// A consumer of the topic that the type stands for, as generated code has it.
    pub fn builder() -> ConsumerBuilder<T> {
        ConsumerBuilder::new(T::default())
    }
}

impl<T: Topic> Consumer<T> {
    /// A consumer of a topic that is known only at run time.
    pub fn builder_for(topic: T) -> ConsumerBuilder<T> {
        ConsumerBuilder::new(topic)
    }

    /// The next record. `None`: the stream has ended; what was handed out may still be settled until [`Self::close`].
    ///
    /// Records of one partition come in the order in which they must be handled: offsets may be out of order where the topic
    /// is reordered. Waits while as many deliveries as `max_in_flight` allows are neither settled nor dropped.
    ///
    /// Cancel safe: a record is taken only when the future is ready.
    pub async fn recv(&mut self) -> Option<Result<Delivery<T::Event>, ConsumerError>> {
        if let Some(delivery) = self.at_hand() {
            return Some(Ok(delivery));
        }
        let shutdown = self.shutdown.clone();
        let received = shutdown.run_until_cancelled(self.receive()).await;
        received.unwrap_or(Ok(None)).transpose()
    }

    /// The next record, where nothing needs to be waited for.
    fn at_hand(&mut self) -> Option<Delivery<T::Event>> {
        while !self.batch.is_empty() && !self.shutdown.is_cancelled() {
            let slot = Slot::take(&self.mailbox)?;
            let delivery = Delivery::begin(self.batch.pop_front()?, slot);
            if delivery.is_some() {
                return delivery;
            }
        }
        None
    }

    async fn receive(&mut self) -> Result<Option<Delivery<T::Event>>, ConsumerError> {
        loop {
            let slot = Slot::wait(&self.mailbox).await;
            let Some(record) = self.next_record().await? else {
                return Ok(None);
            };
            // What was taken away meanwhile is dropped: whoever has the partition now gets it.
            if let Some(delivery) = Delivery::begin(record, slot) {
                return Ok(Some(delivery));
            }
        }
    }

    /// The figures, at most a moment old; after [`Self::close`] they are final.
    pub fn counts(&self) -> ConsumerCounts {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The figures for another task, for example one that draws them while [`Self::run`] has the consumer.
    pub fn figures(&self) -> Figures {
        Figures {
            published: Arc::clone(&self.published),
        }
    }

    /// The topic's name.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Ends in order: nothing more is handed out, deliveries that are out have until the deadline to be settled or dropped,
    /// what was settled is committed, and the group is left. What waited is dropped and read again by whoever comes next.
    /// Closing again answers the figures.
    ///
    /// # Errors
    /// [`ConsumerError::CloseTimedOut`] (the thread goes on ending by itself), [`ConsumerError::Commit`]; and
    /// [`ConsumerError::HandlerFailed`] or [`ConsumerError::DeadLetter`] for a record that failed after the stream had ended
    /// without an error: it is not settled, and what was is committed.
    pub async fn close(&mut self, deadline: Duration) -> Result<ConsumerCounts, ConsumerError> {
        self.batch.clear();
        let Some(done) = &mut self.done else {
            return Ok(self.counts());
        };
        self.mailbox.push(Note::Close {
            deadline: Instant::now() + deadline,
        });
        // Beyond the deadline for deliveries the commit and leaving the group take a few round trips.
        let answer = tokio::time::timeout(deadline + Duration::from_secs(10), done).await;
        self.done = None;
        match answer {
            Ok(Ok(result)) => result.map(|()| self.counts()),
            Ok(Err(_)) => Err(ConsumerError::ThreadEnded {
                topic: self.topic.to_string(),
            }),
            Err(_) => Err(ConsumerError::CloseTimedOut {
                topic: self.topic.to_string(),
                deadline,
            }),
        }
    }
}

/// A consumer's figures, for whoever watches it.
#[derive(Clone, Debug)]
pub struct Figures {
    published: Arc<Mutex<ConsumerCounts>>,
}

impl Figures {
    /// As [`Consumer::counts`].
    pub fn get(&self) -> ConsumerCounts {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl<T: Topic> Drop for Consumer<T> {
    fn drop(&mut self) {
        // After a close the thread is gone, or ending, and reads no more notes.
        self.mailbox.push(Note::Abandon);
    }
}

impl<T: Topic> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumer")
            .field("topic", &self.topic)
            .field("max_in_flight", &self.max_in_flight)
            .field("closed", &self.done.is_none())
            .finish_non_exhaustive()
    }
}
