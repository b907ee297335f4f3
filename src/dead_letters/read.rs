//! Going through a dead-letter topic as it stands: partition after partition, so that the order is the same each time.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::letter::{DeadLetter, Place};
use super::native;

/// How long a partition may say nothing before its end.
const SILENCE: Duration = Duration::from_secs(20);

/// What there is of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The partition.
    pub partition: i32,
    /// Its first offset.
    pub low: i64,
    /// One past its last offset, when it was asked for: what comes later is not read.
    pub high: i64,
}

/// Why letters could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// librdkafka takes no such settings, or gives no client.
    #[error("cannot start a Kafka client: {0}")]
    Client(KafkaError),
    /// The brokers do not let us read, or the partition is gone.
    #[error("topic {topic}, partition {partition}: {source}")]
    Partition {
        /// The dead-letter topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Why.
        source: KafkaError,
    },
    /// Nothing came, and the end was not reached.
    #[error(
        "topic {topic}, partition {partition}: nothing came for {} s at offset {offset} of {high}",
        SILENCE.as_secs()
    )]
    Silent {
        /// The dead-letter topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The next offset.
        offset: i64,
        /// The end.
        high: i64,
    },
}

/// Reads letters. It is in no group and commits nothing.
pub struct Reader {
    client: BaseConsumer,
    topic: String,
}

impl Reader {
    /// A reader of a dead-letter topic; `config` has the brokers and how to reach them.
    ///
    /// # Errors
    /// [`ReadError::Client`].
    pub fn new(config: &ClientConfig, topic: &str) -> Result<Self, ReadError> {
        let mut config = config.clone();
        for (key, value) in [
            // librdkafka assigns partitions by hand only where there is a group's name; nobody joins it.
            ("group.id", "fleetops-registry-dead-letters"),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            ("enable.partition.eof", "true"),
            // What the log no longer has is passed over.
            ("auto.offset.reset", "earliest"),
            ("allow.auto.create.topics", "false"),
        ] {
            config.set(key, value);
        }
        config.remove("group.instance.id");
        Ok(Self {
            client: config.create().map_err(ReadError::Client)?,
            topic: topic.to_owned(),
        })
    }

    /// Calls `each` with every letter within the bounds, in their order and that of offsets, until it breaks. Blocks.
    ///
    /// # Errors
    /// [`ReadError`]; what was read before it was given to `each`.
    pub fn each<B>(
        &self,
        bounds: &[Bounds],
        mut each: impl FnMut(DeadLetter) -> ControlFlow<B>,
    ) -> Result<Option<B>, ReadError> {
        for of in bounds.iter().filter(|of| of.low < of.high) {
            if let ControlFlow::Break(value) = self.partition(*of, &mut each)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    fn partition<B>(
        &self,
        of: Bounds,
        each: &mut impl FnMut(DeadLetter) -> ControlFlow<B>,
    ) -> Result<ControlFlow<B>, ReadError> {
        let failed = |source: KafkaError| ReadError::Partition {
            topic: self.topic.clone(),
            partition: of.partition,
            source,
        };
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&self.topic, of.partition, Offset::Offset(of.low))
            .map_err(failed)?;
        self.client.assign(&list).map_err(failed)?;
        let mut next = of.low;
        let mut heard = Instant::now();
        while next < of.high {
            match self.client.poll(Duration::from_millis(100)) {
                // What was fetched for the partition before it.
                Some(Ok(message)) if message.partition() != of.partition => {}
                Some(Ok(message)) => {
                    heard = Instant::now();
                    next = message.offset() + 1;
                    if message.offset() < of.high
                        && let ControlFlow::Break(value) = each(letter(&message))
                    {
                        return Ok(ControlFlow::Break(value));
                    }
                }
                // The rest of the log is markers of transactions.
                Some(Err(KafkaError::PartitionEOF(number))) if number == of.partition => break,
                Some(Err(KafkaError::MessageConsumption(code))) if is_lasting(code) => {
                    return Err(failed(KafkaError::MessageConsumption(code)));
                }
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Err(failed(error)),
                // librdkafka goes on trying.
                Some(Err(_)) | None => {}
            }
            if heard.elapsed() > SILENCE {
                return Err(ReadError::Silent {
                    topic: self.topic.clone(),
                    partition: of.partition,
                    offset: next,
                    high: of.high,
                });
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("topic", &self.topic)
            .finish_non_exhaustive()
    }
}

fn is_lasting(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::GroupAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::UnknownTopic
    )
}

fn letter(message: &BorrowedMessage<'_>) -> DeadLetter {
    DeadLetter::new(
        Place {
            partition: message.partition(),
            offset: message.offset(),
        },
        message.timestamp().to_millis().filter(|ms| *ms >= 0),
        message.key().map(<[u8]>::to_vec),
        message.payload().map(<[u8]>::to_vec),
        native::headers(message),
    )
}
