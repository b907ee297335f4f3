//! Sending events of a topic: validated, stamped, keyed, framed, deduplicated, and accounted for.
//!
//! A [`Producer`] writes records that any client of a Confluent registry can read: Java's partitioner, the key field's
//! text as key, Confluent's framing around the value, and the dedup key in the header [`DEDUP_KEY`], by which consumers
//! drop repetitions that the producer cannot know of. It is idempotent and waits for all replicas in sync.
//!
//! A success is told when the broker has acknowledged the record, and never before. What has failed is forgotten, so
//! that sending it again goes through; what has succeeded is remembered for the topic's TTL, so that sending it again
//! is a [`Outcome::Duplicate`].
//!
//! Memory is bounded by [`ProducerBuilder::max_in_flight_bytes`]: a send waits for room instead of failing with a full
//! queue. What is dropped without [`Producer::close`] loses what is in flight; a receipt still tells.
//!
//! Not here: transactions, and registering schemas.

mod builder;
mod dedup;
mod delivery;
mod error;
mod ledger;
mod native;
#[cfg(test)]
mod tests;
mod turns;

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use chrono::Utc;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, PurgeConfig};
use tokio::sync::{SemaphorePermit, TryAcquireError, oneshot};

pub use builder::ProducerBuilder;
pub use error::{ProducerError, SendError, Undelivered};

use crate::topic::Topic;
use delivery::{Client, Shared};
use ledger::{Admitted, Settled, Told};
use turns::Turns;

/// The header that holds a record's dedup key: the texts of the dedup fields joined by the byte 0x1F.
pub const DEDUP_KEY: &str = "dedup-key";

/// Bytes that a record in flight takes besides key, value and header, here and in librdkafka.
const OVERHEAD: usize = 512;

/// A buffer that has grown larger than this is not kept for the next record.
const KEPT: usize = 64 * 1024;

/// The time since a producer was built.
type Clock = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The broker and all replicas in sync have it.
    Acknowledged {
        /// The partition that its key belongs to.
        partition: i32,
        /// Its offset there; -1 where the broker acknowledged a retry of a record that it had already.
        offset: i64,
    },
    /// An event with the same dedup key was acknowledged less than the TTL ago, or was in flight and is acknowledged
    /// now. Nothing was sent.
    Duplicate,
}

/// How many events came to what. Once nothing is in flight, `sent` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProducerCounts {
    /// Events given to `send` or `enqueue`, those refused or dropped included; one that still waits for room is not.
    pub sent: u64,
    /// Acknowledged by the broker.
    pub acknowledged: u64,
    /// Dropped as duplicates.
    pub duplicates: u64,
    /// Refused, or not acknowledged.
    pub failed: u64,
}

/// Sends events of one topic. Cheap to clone; clones share everything.
///
/// ```no_run
/// # use fleetops_runtime::topic::Topic;
/// # async fn example<T: Topic + Default>(event: T::Event) -> Result<(), Box<dyn std::error::Error>> {
/// use fleetops_runtime::{Outcome, Producer};
/// use std::time::Duration;
///
/// let producer = Producer::<T>::builder().env("dev").build().await?;
/// match producer.send(event).await? {
///     Outcome::Acknowledged { partition, offset } => println!("in partition {partition} at {offset}"),
///     Outcome::Duplicate => println!("sent before"),
///     _ => {}
/// }
/// producer.close(Duration::from_secs(10)).await?;
/// # Ok(())
/// # }
/// ```
pub struct Producer<T: Topic> {
    inner: Arc<Inner<T>>,
}

struct Inner<T: Topic> {
    topic: T,
    schema_id: u32,
    /// What stands before every value.
    prefix: Vec<u8>,
    client: Arc<Client>,
    shared: Arc<Shared>,
    room_bytes: usize,
}

/// A record, ready to be handed over. librdkafka copies what it is given, so its buffers serve the next record.
#[derive(Default)]
struct Record {
    key: String,
    dedup_key: Vec<u8>,
    value: Vec<u8>,
    has_key: bool,
    has_dedup_key: bool,
}

thread_local! {
    /// The buffers of the last record that this thread handed over.
    static SPARE: Cell<Record> = Cell::default();
}

impl Record {
    /// An empty one.
    fn start() -> Self {
        // A thread that is ending has none any more.
        let mut record = SPARE.try_with(Cell::take).unwrap_or_default();
        record.key.clear();
        record.dedup_key.clear();
        record.value.clear();
        record
    }

    fn key(&self) -> Option<&str> {
        self.has_key.then_some(&self.key)
    }

    fn dedup_key(&self) -> Option<&[u8]> {
        self.has_dedup_key.then_some(&self.dedup_key)
    }

    /// The bytes that it is made of.
    fn size(&self) -> usize {
        let key = self.key().map_or(0, str::len);
        self.value.len() + key + self.dedup_key().map_or(0, <[u8]>::len)
    }

    /// Its buffers may be used again.
    fn done(self) {
        if self.key.capacity() + self.dedup_key.capacity() + self.value.capacity() <= KEPT {
            SPARE.try_with(|spare| spare.set(self)).ok();
        }
    }
}

impl<T: Topic + Default> Producer<T> {
    /// A producer of a topic that generated code describes.
    pub fn builder() -> ProducerBuilder<T> {
        ProducerBuilder::new(T::default())
    }
}

impl<T: Topic> Producer<T> {
    /// A producer of any topic, such as one whose schema is only known at run time.
    pub fn builder_for(topic: T) -> ProducerBuilder<T> {
        ProducerBuilder::new(topic)
    }

    /// Sends an event and waits for the broker's acknowledgement.
    ///
    /// One at a time this is as slow as the network's round trip; for throughput see [`enqueue`](Self::enqueue). An
    /// event whose `send` is cancelled may still be sent.
    ///
    /// # Errors
    /// A [`SendError`]: the event is not valid, or was not acknowledged.
    pub async fn send(&self, event: T::Event) -> Settled {
        self.enqueue(event).await?.await
    }

    /// Hands an event over, waiting only for room, and returns a receipt for its outcome.
    ///
    /// Events that one task enqueues one after the other stay in order within their key. A receipt may be dropped: a
    /// failure that nobody hears of is told by the next [`flush`](Self::flush) or [`close`](Self::close).
    ///
    /// With a thousand records and more in flight some calls also read what became of others, which may take them a few
    /// milliseconds: what is read is one answer of a broker, with up to a batch of records.
    ///
    /// # Errors
    /// A [`SendError`] for an event that is not valid, and where librdkafka does not take the record.
    pub async fn enqueue(&self, mut event: T::Event) -> Result<Receipt, SendError> {
        self.inner.topic.stamp(&mut event, Utc::now());
        let record = self.record(&event)?;
        drop(event);
        let room = self.room(&record).await;
        self.hand_over(record, room)
    }

    /// Waits until all that was handed over before has been acknowledged or has failed.
    ///
    /// # Errors
    /// [`Undelivered`]: what was still in flight after `deadline`, and stays so, and the failures since the last flush
    /// that nobody heard of because their receipts were dropped.
    pub async fn flush(&self, deadline: Duration) -> Result<(), Undelivered> {
        let (done, before) = {
            let mut ledger = self.inner.shared.ledger();
            (ledger.flush(), ledger.mark())
        };
        if let Some(done) = done {
            let _lingering = Hurry::start(
                Arc::clone(&self.inner.client),
                Arc::clone(&self.inner.shared),
                deadline,
            );
            tokio::time::timeout(deadline, done).await.ok();
        }
        self.inner
            .shared
            .ledger()
            .undelivered(&self.inner.shared.topic, before)
    }

    /// Takes no more events, flushes, and gives up what is not acknowledged after `deadline`: its receipts tell
    /// failures. Clones of this producer are closed too.
    ///
    /// # Errors
    /// [`Undelivered`], as [`flush`](Self::flush). What was given up may be in the log all the same, if it was under
    /// way to the broker.
    pub async fn close(&self, deadline: Duration) -> Result<(), Undelivered> {
        self.inner.shared.room.close();
        let result = self.flush(deadline).await;
        let left = self.inner.shared.ledger().flush();
        if let Some(left) = left {
            self.inner.client.purge(PurgeConfig::default().queue().inflight());
            // Purging makes a delivery report of each; they are read by librdkafka's thread within its next poll.
            tokio::time::timeout(Duration::from_secs(1), left).await.ok();
        }
        result
    }

    /// How many events came to what, so far.
    pub fn counts(&self) -> ProducerCounts {
        self.inner.shared.ledger().counts()
    }

    /// How many records are in flight: handed over, and neither acknowledged nor failed.
    pub fn in_flight(&self) -> usize {
        self.inner.shared.ledger().in_flight()
    }

    /// Why the producer sends nothing more, where librdkafka has failed for good.
    pub fn fatal_error(&self) -> Option<String> {
        self.inner.shared.fatal()
    }

    /// The registry's ID of the schema that events are written with.
    pub fn schema_id(&self) -> u32 {
        self.inner.schema_id
    }

    fn record(&self, event: &T::Event) -> Result<Record, SendError> {
        let topic = &self.inner.topic;
        let mut record = Record::start();
        record.has_key = topic.key(event, &mut record.key);
        if let Err(errors) = topic.validate(event) {
            self.inner.shared.ledger().refuse();
            return Err(SendError::Invalid {
                topic: self.inner.shared.topic.to_string(),
                key: record.key().map(str::to_owned),
                errors,
            });
        }
        record.has_dedup_key = topic.dedup_key(event, &mut record.dedup_key);
        record.value.extend_from_slice(&self.inner.prefix);
        topic.encode(event, &mut record.value);
        Ok(record)
    }

    /// Room for the record; `None`: the producer is closed.
    async fn room(&self, record: &Record) -> Option<SemaphorePermit<'_>> {
        // `room_bytes` is at most u32::MAX.
        let bytes = (record.size() + OVERHEAD).min(self.inner.room_bytes) as u32;
        let room = &self.inner.shared.room;
        match room.try_acquire_many(bytes) {
            Ok(room) => Some(room),
            Err(TryAcquireError::Closed) => None,
            Err(TryAcquireError::NoPermits) => {
                // There may be room as soon as somebody reads what became of others.
                self.inner.shared.read(&self.inner.client);
                self.inner.shared.turns.wait();
                room.acquire_many(bytes).await.ok()
            }
        }
    }

    /// From here on nothing waits, so that a cancelled caller leaves nothing half done.
    fn hand_over(&self, record: Record, room: Option<SemaphorePermit<'_>>) -> Result<Receipt, SendError> {
        let Inner { shared, client, .. } = &*self.inner;
        let Some(room) = room else {
            shared.ledger().refuse();
            return Err(SendError::Closed {
                topic: shared.topic.to_string(),
                key: record.key().map(str::to_owned),
            });
        };
        let (admitted, reads) = {
            let mut ledger = shared.ledger();
            let now = shared.now();
            let admitted = ledger.admit(record.key(), record.dedup_key(), room, now);
            (
                admitted,
                ledger.in_flight() >= turns::MANY && ledger.mark().is_multiple_of(turns::EVERY),
            )
        };
        let (number, outcome) = match admitted {
            Admitted::Duplicate => return Ok(Receipt(State::Duplicate)),
            Admitted::Wait(outcome) => {
                return Ok(Receipt(State::Waiting(outcome, Arc::clone(&shared.turns))));
            }
            Admitted::Send(number, outcome) => (number, outcome),
        };
        let mut message = BaseRecord::with_opaque_to(&shared.topic, number).payload(record.value.as_slice());
        if let Some(key) = record.key() {
            message = message.key(key.as_bytes());
        }
        if let Some(dedup_key) = record.dedup_key() {
            let header = Header {
                key: DEDUP_KEY,
                value: Some(dedup_key),
            };
            message = message.headers(OwnedHeaders::new_with_capacity(1).insert(header));
        }
        if let Err((error, _)) = client.send(message) {
            shared.refused(number, error);
        }
        record.done();
        if reads {
            shared.read(client);
        }
        Ok(Receipt(State::Waiting(outcome, Arc::clone(&shared.turns))))
    }
}

impl<T: Topic> Clone for Producer<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<T: Topic> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer")
            .field("topic", &self.inner.shared.topic)
            .field("schema_id", &self.inner.schema_id)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl<T: Topic> Drop for Inner<T> {
    fn drop(&mut self) {
        let in_flight = self.shared.ledger().in_flight();
        if in_flight > 0 {
            tracing::error!(
                topic = &*self.shared.topic,
                in_flight,
                "a producer was dropped without close(): events are given up"
            );
        }
    }
}

/// The outcome of an event that was handed over, once it is known.
#[must_use = "a receipt tells whether the event was acknowledged; if it is dropped, the next flush tells failures"]
pub struct Receipt(State);

enum State {
    /// It was known at once.
    Duplicate,
    Waiting(oneshot::Receiver<Told>, Arc<Turns>),
}

impl Future for Receipt {
    type Output = Settled;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Settled> {
        let State::Waiting(outcome, turns) = &mut self.0 else {
            return Poll::Ready(Ok(Outcome::Duplicate));
        };
        let told = Pin::new(outcome).poll(context);
        if told.is_pending() {
            turns.wait();
        }
        told.map(|told| match told {
            Ok(told) => told.map_err(|error| *error),
            // Without an outcome the producer is gone, and librdkafka with it before it could tell.
            Err(_) => Err(SendError::Closed {
                topic: turns.topic.to_string(),
                key: None,
            }),
        })
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Duplicate => "Receipt(duplicate)",
            State::Waiting(..) => "Receipt(waiting)",
        })
    }
}

/// librdkafka's own flush on a thread of the runtime's, while this lives: it sends what still lingers for company.
struct Hurry(Arc<AtomicBool>);

impl Hurry {
    fn start(client: Arc<Client>, shared: Arc<Shared>, deadline: Duration) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let hurry = Self(Arc::clone(&stop));
        // It takes reports from the polling thread, which book no sooner than it returns.
        let step = Duration::from_millis(10);
        tokio::task::spawn_blocking(move || {
            let mut left = deadline;
            while !stop.load(Ordering::Relaxed) && !left.is_zero() && client.flush(step.min(left)).is_err() {
                left = left.saturating_sub(step);
                shared.settle_gathered();
            }
            shared.settle_gathered();
        });
        hurry
    }
}

impl Drop for Hurry {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
