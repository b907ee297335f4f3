//! Both ends of the topic at once: a task that sends, a task that reads, and what they know of each other.
//!
//! The embedded broker drops the oldest records of a full partition without a word. So the sender waits while more
//! than [`AHEAD`] records are written that the reader has not received.

use std::collections::{BTreeMap, VecDeque};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fleetops_registry::events::RawTelemetryEvent;
use fleetops_registry::topics::{RawTelemetryConsumer, RawTelemetryProducer, RawTelemetryTopic};
use fleetops_runtime::consumer::ConsumerCounts;
use fleetops_runtime::topic::Topic;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::books::{Handled, Sent};
use super::faults::Action;
use super::run::DemoError;

/// Records that may be written and not yet received. Were they all in one partition, and none compressed, they would
/// still be well below what the broker keeps.
const AHEAD: u64 = 8_000;
/// Sends whose outcome has not been looked at.
const PENDING: usize = 4_000;
/// How long the broker may take for what is still under way at the end.
const FLUSH: Duration = Duration::from_secs(30);
/// How often the reader looks at its figures.
const LOOK: Duration = Duration::from_millis(10);
/// How long nothing may move.
const STALLED: Duration = Duration::from_secs(60);

/// What the two tasks know of each other, and what the progress bar shows.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Records given to a producer that will be in the log.
    written: AtomicU64,
    /// Records that the consumer has received.
    received: AtomicU64,
    /// Events handled.
    handled: AtomicU64,
    /// The reader has received something.
    moved: Notify,
}

impl Progress {
    pub(crate) fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    fn ahead(&self) -> u64 {
        self.written
            .load(Ordering::Relaxed)
            .saturating_sub(self.received.load(Ordering::Relaxed))
    }

    /// Waits until the reader has caught up far enough, or all is to end.
    async fn room(&self, stop: &CancellationToken) -> Result<(), DemoError> {
        let mut since = Instant::now();
        let mut last = self.received.load(Ordering::Relaxed);
        while self.ahead() >= AHEAD && !stop.is_cancelled() {
            // The timeout also covers a notice that came between the look and the wait.
            let _ = tokio::time::timeout(Duration::from_millis(100), self.moved.notified()).await;
            let received = self.received.load(Ordering::Relaxed);
            if received != last {
                (last, since) = (received, Instant::now());
            } else if since.elapsed() > STALLED {
                return Err(DemoError::Stalled { received });
            }
        }
        Ok(())
    }
}

/// A producer of another program: it frames and keys its records as ours does, and knows nothing of our cache. Every
/// other record has no `dedup-key` header, as those of other languages.
pub(crate) struct Other {
    producer: FutureProducer,
    schema_id: u32,
    written: u64,
    pending: VecDeque<DeliveryFuture>,
}

impl Other {
    pub(crate) fn new(producer: FutureProducer, schema_id: u32) -> Self {
        Self {
            producer,
            schema_id,
            written: 0,
            pending: VecDeque::new(),
        }
    }

    fn write(&mut self, event: &RawTelemetryEvent) -> Result<(), DemoError> {
        let topic = RawTelemetryTopic;
        let mut value = vec![0];
        value.extend_from_slice(&self.schema_id.to_be_bytes());
        topic.encode(event, &mut value);
        let mut key = String::new();
        topic.key(event, &mut key);
        let mut record = FutureRecord::to(&topic.spec().name).key(&key).payload(&value);
        if self.written.is_multiple_of(2) {
            let mut dedup_key = Vec::new();
            topic.dedup_key(event, &mut dedup_key);
            record = record.headers(OwnedHeaders::new().insert(Header {
                key: "dedup-key",
                value: Some(&dedup_key),
            }));
        }
        let delivery = self
            .producer
            .send_result(record)
            .map_err(|(error, _)| DemoError::Other(error))?;
        self.pending.push_back(delivery);
        self.written += 1;
        Ok(())
    }

    /// Waits until the broker has all of it.
    async fn flush(&mut self) -> Result<(), DemoError> {
        for delivery in self.pending.drain(..) {
            match delivery.await {
                Ok(Ok(_)) => {}
                Ok(Err((error, _))) => return Err(DemoError::Other(error)),
                // The client is gone without having answered.
                Err(_) => return Err(DemoError::Other(KafkaError::Canceled)),
            }
        }
        Ok(())
    }
}

/// Waits until the group has given the consumer all partitions: the broker waits a few seconds for other members first.
pub(crate) async fn assigned(consumer: &RawTelemetryConsumer, partitions: u32) -> Result<(), DemoError> {
    let begin = Instant::now();
    loop {
        let assigned = consumer
            .counts()
            .partitions
            .values()
            .filter(|partition| partition.assigned)
            .count();
        if u32::try_from(assigned).is_ok_and(|assigned| assigned >= partitions) {
            return Ok(());
        }
        if begin.elapsed() > STALLED {
            return Err(DemoError::Unassigned { assigned });
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What was sent, and when the last of it was acknowledged.
pub(crate) struct Written {
    pub(crate) sent: Sent,
    pub(crate) until: Instant,
    /// Whether all actions were done.
    pub(crate) complete: bool,
}

/// Does the actions in order. Cancelling `stop` ends it after the action under way; what was sent is flushed.
pub(crate) async fn send(
    events: &[RawTelemetryEvent],
    actions: &[Action],
    producer: RawTelemetryProducer,
    mut other: Other,
    progress: &Progress,
    stop: &CancellationToken,
) -> Result<Written, DemoError> {
    let mut pending = VecDeque::new();
    // The place in the order of sends, of each event's first one.
    let mut places = vec![usize::MAX; events.len()];
    let mut settled = 0;
    let mut complete = true;
    for action in actions {
        if stop.is_cancelled() {
            complete = false;
            break;
        }
        progress.room(stop).await?;
        let (Action::Send(index) | Action::Again(index) | Action::Bypass(index)) = *action;
        let Some(event) = events.get(index) else { continue };
        if let Action::Bypass(_) = action {
            // The original must be in the log first.
            while settled <= places[index]
                && let Some(receipt) = pending.pop_front()
            {
                settled += 1;
                outcome(receipt).await?;
            }
            progress.written.fetch_add(1, Ordering::Relaxed);
            other.write(event)?;
            continue;
        }
        if let Action::Send(_) = action {
            places[index] = settled + pending.len();
            progress.written.fetch_add(1, Ordering::Relaxed);
        }
        pending.push_back(producer.enqueue(event.clone()).await.map_err(DemoError::Send)?);
        if pending.len() > PENDING
            && let Some(receipt) = pending.pop_front()
        {
            settled += 1;
            outcome(receipt).await?;
        }
    }
    for receipt in pending {
        outcome(receipt).await?;
    }
    other.flush().await?;
    producer.flush(FLUSH).await.map_err(DemoError::Undelivered)?;
    let until = Instant::now();
    let counts = producer.counts();
    producer.close(FLUSH).await.map_err(DemoError::Undelivered)?;
    Ok(Written {
        sent: Sent {
            sent: counts.sent,
            acknowledged: counts.acknowledged,
            duplicates: counts.duplicates,
            failed: counts.failed,
            by_another: other.written,
        },
        until,
        complete,
    })
}

async fn outcome(receipt: fleetops_runtime::Receipt) -> Result<(), DemoError> {
    receipt.await.map(|_| ()).map_err(DemoError::Send)
}

/// What was read.
pub(crate) struct Read {
    pub(crate) counts: ConsumerCounts,
    /// By vehicle and session.
    pub(crate) handled: BTreeMap<String, Vec<Handled>>,
    pub(crate) until: Instant,
}

/// The name under which a vehicle's events of one session are kept.
pub(crate) fn sequence_name(event: &RawTelemetryEvent) -> String {
    format!(
        "{} in session {}",
        event.vehicle_id, event.metadata.replay_session_id
    )
}

/// Handles events until all records are received, once `total` says how many there are; then declares the end of the
/// stream by `all_read` and handles what waited for it.
pub(crate) async fn read(
    mut consumer: RawTelemetryConsumer,
    progress: &Progress,
    total: &OnceLock<u64>,
    all_read: &CancellationToken,
    give_up: &CancellationToken,
) -> Result<Read, DemoError> {
    let mut handled: BTreeMap<String, Vec<Handled>> = BTreeMap::new();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut until = Instant::now();
    let mut moved = Instant::now();
    let mut last = 0;
    loop {
        tokio::select! {
            delivery = consumer.recv() => {
                let Some(delivery) = delivery else { break };
                let delivery = delivery.map_err(DemoError::Consume)?;
                if let Some(event) = delivery.event() {
                    handled.entry(sequence_name(event)).or_default().push(Handled {
                        frame: i64::from(event.frame_index),
                        event: event.event_id,
                        offset: delivery.offset(),
                    });
                    progress.handled.fetch_add(1, Ordering::Relaxed);
                }
                delivery.settle();
                until = Instant::now();
            }
            _ = looks.tick() => {
                let received = consumer.counts().received;
                progress.received.store(received, Ordering::Relaxed);
                progress.moved.notify_waiters();
                if total.get().is_some_and(|total| received >= *total) {
                    all_read.cancel();
                }
                if received != last {
                    (last, moved) = (received, Instant::now());
                } else if total.get().is_some() && moved.elapsed() > STALLED {
                    return Err(DemoError::Stalled { received });
                }
            }
            () = give_up.cancelled() => break,
        }
    }
    let counts = consumer.close(FLUSH).await.map_err(DemoError::Consume)?;
    Ok(Read {
        counts,
        handled,
        until,
    })
}
