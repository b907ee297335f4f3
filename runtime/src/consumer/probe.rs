//! Questions to the broker about the log: where it ends, and what lies where in time.
//!
//! They are asked by a client of their own that is in no group and, but for a moment at an assignment, fetches nothing. The
//! consuming client's connections answer in order, and a fetch at the end of the log is answered after half a second, so
//! the same question over there would wait for it; and asking blocks, which the polling thread must not do while records
//! may come.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::context::ProbeContext;
use super::mail::{Mailbox, Note};

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the leaders of partitions. Where there is no answer, it finds out who leads now, for the next time.
///
/// librdkafka remembers the leaders that such a question has looked up, alive or not, and asks them again until what it
/// remembers is a quarter of an hour old: without this a client would wait for a dead broker long after another one leads.
fn led<A>(
    client: &BaseConsumer<ProbeContext>,
    topic: &str,
    ask: impl FnOnce() -> KafkaResult<A>,
) -> KafkaResult<A> {
    let answer = ask();
    if answer.is_err()
        && let Err(error) = client.fetch_metadata(Some(topic), PATIENCE)
    {
        tracing::debug!(topic, %error, "who leads is not to be had");
    }
    answer
}

struct Question {
    partition: i32,
    epoch: u64,
}

/// The client, and a thread that asks where logs end.
pub(crate) struct Probe {
    client: Arc<BaseConsumer<ProbeContext>>,
    topic: Arc<str>,
    questions: mpsc::Sender<Question>,
}

impl Probe {
    /// `connection` has the brokers and how to reach them. Answers come as [`Note::LogEnd`], with times counted from
    /// `start`.
    ///
    /// # Errors
    /// librdkafka's, where a setting is unknown or wrong.
    pub(crate) fn new<E: Send + Sync + 'static>(
        connection: &ClientConfig,
        topic: &Arc<str>,
        mailbox: &Arc<Mailbox<E>>,
        start: Instant,
    ) -> KafkaResult<Self> {
        let mut config = connection.clone();
        config.remove("group.id");
        config.remove("group.instance.id");
        config.set("enable.auto.commit", "false");
        config.set("auto.offset.reset", "error");
        let client: BaseConsumer<ProbeContext> = config.create_with_context(ProbeContext)?;
        let client = Arc::new(client);
        let (questions, asked) = mpsc::channel::<Question>();
        let (its_client, its_topic, its_mailbox) =
            (Arc::clone(&client), Arc::clone(topic), Arc::clone(mailbox));
        let thread = std::thread::Builder::new().name("fleetops-log-end".to_owned());
        let spawned = thread.spawn(move || {
            for question in asked {
                let asked_at = start.elapsed();
                let answer = led(&its_client, &its_topic, || {
                    its_client.fetch_watermarks(&its_topic, question.partition, PATIENCE)
                });
                if let Err(error) = &answer {
                    tracing::debug!(partition = question.partition, %error, "the end of the log is not to be had");
                }
                its_mailbox.push(Note::LogEnd {
                    partition: question.partition,
                    epoch: question.epoch,
                    high_watermark: answer.ok().map(|(_, high)| high),
                    asked_at,
                });
            }
        });
        if let Err(error) = spawned {
            return Err(rdkafka::error::KafkaError::ClientCreation(format!(
                "no thread for asking where logs end: {error}"
            )));
        }
        Ok(Self {
            client,
            topic: Arc::clone(topic),
            questions,
        })
    }

    /// Asks where a partition's log ends; the answer is a note.
    pub(crate) fn ask(&self, partition: i32, epoch: u64) {
        // The other end lives as long as this one, unless its thread panicked: then nothing is released by the clock.
        let _ = self.questions.send(Question { partition, epoch });
    }

    /// The first offset of a partition's log, and one past its last. Blocks for a few seconds at most.
    ///
    /// # Errors
    /// librdkafka's.
    pub(crate) fn watermarks(&self, partition: i32) -> KafkaResult<(i64, i64)> {
        led(&self.client, &self.topic, || {
            self.client.fetch_watermarks(&self.topic, partition, PATIENCE)
        })
    }

    /// The first offset of a partition that is no older than `window` before the record at `offset`. `None` where the
    /// record is not there, has no timestamp, or the broker has no answer. Blocks for several seconds at most.
    pub(crate) fn offset_before(&self, partition: i32, offset: i64, window: Duration) -> Option<i64> {
        let timestamp = self.timestamp_at(partition, offset)?;
        let window = i64::try_from(window.as_millis()).ok()?;
        let wanted = timestamp.checked_sub(window)?.max(0);
        self.offset_at(partition, wanted)
            .inspect_err(|error| tracing::debug!(partition, %error, "no look-up by time"))
            .ok()?
    }

    /// The first offset of a partition whose record is no older than that time, in milliseconds since 1970; `None`: all
    /// records are older.
    ///
    /// # Errors
    /// librdkafka's.
    pub(crate) fn offset_at(&self, partition: i32, time_ms: i64) -> KafkaResult<Option<i64>> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&self.topic, partition, Offset::Offset(time_ms.max(0)))?;
        led(&self.client, &self.topic, || {
            let answer = self.client.offsets_for_times(list, PATIENCE)?;
            let Some(element) = answer.find_partition(&self.topic, partition) else {
                return Ok(None);
            };
            element.error()?;
            Ok(match element.offset() {
                Offset::Offset(found) => Some(found),
                _ => None,
            })
        })
    }

    /// The timestamp of the record at exactly that offset.
    fn timestamp_at(&self, partition: i32, offset: i64) -> Option<i64> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&self.topic, partition, Offset::Offset(offset))
            .ok()?;
        self.client.assign(&list).ok()?;
        let until = Instant::now() + PATIENCE;
        let found = loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.client.poll(left) {
                Some(Ok(message)) if message.partition() == partition => {
                    break (message.offset() == offset)
                        .then(|| message.timestamp().to_millis())
                        .flatten();
                }
                Some(Err(error)) => {
                    tracing::debug!(partition, offset, %error, "the record before the commit cannot be read");
                    break None;
                }
                Some(Ok(_)) | None if left.is_zero() => break None,
                Some(Ok(_)) | None => {}
            }
        };
        if let Err(error) = self.client.unassign() {
            tracing::debug!(%error, "unassign");
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;

    use super::super::slots::Slots;
    use super::*;
    use crate::observe::HandlingMeter;

    /// Whoever was asked first may be dead by the next question, and for good.
    #[test]
    fn a_leader_that_has_died_is_not_asked_for_ever() {
        let cluster = MockCluster::new(2).unwrap();
        cluster.create_topic("t", 1, 2).unwrap();
        cluster.partition_leader("t", 0, Some(1)).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers());
        let mailbox = Mailbox::<()>::new(Arc::default(), HandlingMeter::new("t", "g"), Slots::new(1));
        let probe = Probe::new(&config, &Arc::from("t"), &Arc::new(mailbox), Instant::now()).unwrap();
        assert_eq!(probe.watermarks(0), Ok((0, 0)));
        cluster.broker_down(1).unwrap();
        assert!(probe.watermarks(0).is_err(), "nobody leads");
        assert!(probe.watermarks(0).is_err(), "nobody leads");
        cluster.partition_leader("t", 0, Some(2)).unwrap();
        assert!((0..3).any(|_| probe.watermarks(0).is_ok()), "another one leads");
    }
}
