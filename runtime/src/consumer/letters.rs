//! The writer of dead letters ([`crate::dead_letter`] says what one is).
//!
//! Sending never blocks the thread that polls: what librdkafka's queue has no room for waits here and is tried again at the
//! next round. How much may wait is not limited here but by the thread, which counts it as load and stops reading.

use std::collections::VecDeque;

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};

use super::raw::Raw;
use crate::dead_letter::{Reason, header};

/// Which record a letter is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) partition: i32,
    pub(crate) epoch: u64,
    pub(crate) offset: i64,
    pub(crate) reason: Reason,
}

/// A letter to be written.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) ticket: Ticket,
    pub(crate) raw: Raw,
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) detail: String,
}

/// Called with the broker's answer to each letter, on a thread of the producer.
pub(crate) type Report = Box<dyn Fn(Ticket, Result<(), String>) + Send + Sync>;

struct Context {
    report: Report,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, fac: &str, message: &str) {
        super::context::log(level, fac, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(target: "fleetops::dead_letter", %error, reason, "the dead-letter producer reports an error");
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Ticket>;

    fn delivery(&self, result: &DeliveryResult<'_>, ticket: Box<Ticket>) {
        let answer = match result {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.to_string()),
        };
        (self.report)(*ticket, answer);
    }
}

/// Writes dead letters of one source topic to one dead-letter topic.
pub(crate) struct DeadLetters {
    source: String,
    topic: String,
    producer: ThreadedProducer<Context>,
    waiting: VecDeque<Letter>,
    /// What was sent, for tests that answer it.
    #[cfg(test)]
    pub(super) sent: Vec<Ticket>,
}

impl DeadLetters {
    /// `connection` has the brokers and how to reach them.
    ///
    /// # Errors
    /// librdkafka's, where a setting is unknown or wrong.
    pub(crate) fn new(
        connection: &ClientConfig,
        source: &str,
        topic: &str,
        report: Report,
    ) -> KafkaResult<Self> {
        let mut config = connection.clone();
        for (key, value) in [
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("partitioner", "murmur2_random"),
            ("compression.type", "lz4"),
            // A record that the source topic took must not fail here for its size: the broker decides.
            ("message.max.bytes", "1000000000"),
        ] {
            config.set(key, value);
        }
        Ok(Self {
            source: source.to_owned(),
            topic: topic.to_owned(),
            producer: config.create_with_context(Context { report })?,
            waiting: VecDeque::new(),
            #[cfg(test)]
            sent: Vec::new(),
        })
    }

    /// Where letters go.
    pub(crate) fn topic(&self) -> &str {
        &self.topic
    }

    /// Takes a letter; its answer is reported later, also where it cannot be sent.
    pub(crate) fn send(&mut self, letter: Letter) {
        #[cfg(test)]
        self.sent.push(letter.ticket);
        self.waiting.push_back(letter);
        self.pump();
    }

    /// Sends what waits, as far as there is room.
    pub(crate) fn pump(&mut self) {
        while let Some(letter) = self.waiting.front() {
            let headers = headers(letter, &self.source);
            let mut record: BaseRecord<'_, [u8], [u8], Box<Ticket>> =
                BaseRecord::with_opaque_to(&self.topic, Box::new(letter.ticket)).headers(headers);
            record.key = letter.raw.key();
            record.payload = letter.raw.value();
            match self.producer.send(record) {
                Ok(()) => {}
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => return,
                Err((error, _)) => {
                    (self.producer.client().context().report)(letter.ticket, Err(error.to_string()));
                }
            }
            self.waiting.pop_front();
        }
    }

    /// Forgets what librdkafka has not taken yet for a partition.
    pub(crate) fn discard(&mut self, partition: i32) {
        self.waiting.retain(|letter| letter.ticket.partition != partition);
    }
}

/// The record's own headers, save those that an earlier death gave it, and then ours.
fn headers(letter: &Letter, source: &str) -> OwnedHeaders {
    let own = letter
        .raw
        .headers()
        .filter(|(name, _)| !header::WRITTEN.contains(name));
    let mut headers = OwnedHeaders::new();
    for (key, value) in own {
        headers = headers.insert(Header { key, value });
    }
    let mut detail = letter.detail.as_str();
    if let Some((end, _)) = detail.char_indices().find(|(at, c)| at + c.len_utf8() > 1024) {
        detail = detail.get(..end).unwrap_or(detail);
    }
    let partition = letter.ticket.partition.to_string();
    let offset = letter.ticket.offset.to_string();
    let timestamp = letter.timestamp_ms.map(|ms| ms.to_string());
    let ours = [
        (header::REASON, Some(letter.ticket.reason.as_str())),
        (header::DETAIL, Some(detail)),
        (header::TOPIC, Some(source)),
        (header::PARTITION, Some(&partition)),
        (header::OFFSET, Some(&offset)),
        (header::TIMESTAMP, timestamp.as_deref()),
    ];
    for (key, value) in ours {
        if let Some(value) = value {
            headers = headers.insert(Header {
                key,
                value: Some(value),
            });
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use rdkafka::message::Headers;

    use super::*;

    fn texts(headers: &OwnedHeaders) -> Vec<(String, Option<String>)> {
        headers
            .iter()
            .map(|h| {
                (
                    h.key.to_owned(),
                    h.value.map(|v| String::from_utf8_lossy(v).into_owned()),
                )
            })
            .collect()
    }

    #[test]
    fn a_letter_keeps_the_records_headers_and_says_where_it_comes_from() {
        let mut raw = Raw::default();
        raw.start(Some(b"k"), Some(b"v"));
        raw.header(b"dedup-key", Some(b"a\x1fb"));
        raw.header(b"trace", None);
        raw.header(b"dead-letter-reason", Some(b"Late"));
        raw.header(b"dead-letter-replay", Some(b"1"));
        let letter = Letter {
            ticket: Ticket {
                partition: 3,
                epoch: 9,
                offset: 41,
                reason: Reason::Undecodable,
            },
            raw,
            timestamp_ms: Some(1_700_000_000_000),
            detail: "é".repeat(600),
        };
        let found = texts(&headers(&letter, "source"));
        let expected = [
            ("dedup-key", Some("a\x1fb")),
            ("trace", None),
            ("dead-letter-replay", Some("1")),
            ("dead-letter-reason", Some("Undecodable")),
            ("dead-letter-detail", Some(&"é".repeat(512)[..])),
            ("dead-letter-topic", Some("source")),
            ("dead-letter-partition", Some("3")),
            ("dead-letter-offset", Some("41")),
            ("dead-letter-timestamp", Some("1700000000000")),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v.map(str::to_owned)))
            .collect();
        assert_eq!(found, expected);
    }
}
