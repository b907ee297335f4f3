//! Sending dead letters again, to the topic that their records were read from.
//!
//! The record goes out as it came in: key, value and headers are unchanged, save that the headers of the letter are taken off
//! and [`REPLAY`](fleetops_runtime::dead_letter::header::REPLAY) is put on, with the place of the letter as its value. By that
//! header consumers let it past dedup and reorder. Its partition is the one that its key says.
//!
//! Every letter gets one [`Answer`], and an acknowledgement only where the brokers gave one.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use fleetops_runtime::dead_letter::header;
use rdkafka::ClientContext;
use rdkafka::Message;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, PurgeConfig, ThreadedProducer};

use super::letter::{DeadLetter, Place};

/// What became of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where the letter stands.
    pub letter: Place,
    /// Where the record is now, or why it was not acknowledged.
    pub result: Result<Place, String>,
}

struct Context {
    // A `Sender` is not to be shared between threads before it is locked.
    answers: Mutex<Sender<Answer>>,
}

impl Context {
    fn answer(&self, answer: Answer) {
        // Nobody listens any more only where the replay was dropped.
        let _ = self
            .answers
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .send(answer);
    }
}

impl ClientContext for Context {
    // Each letter's answer says what is wrong with it.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Place>;

    fn delivery(&self, result: &DeliveryResult<'_>, letter: Box<Place>) {
        let result = match result {
            Ok(message) => Ok(Place {
                partition: message.partition(),
                offset: message.offset(),
            }),
            Err((error, _)) => Err(words(error)),
        };
        self.answer(Answer {
            letter: *letter,
            result,
        });
    }
}

fn words(error: &KafkaError) -> String {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) => {
            "it was given up before the brokers acknowledged it".to_owned()
        }
        Some(code) => code.to_string(),
        None => error.to_string(),
    }
}

/// Sends letters of one dead-letter topic again.
pub struct Replay {
    producer: ThreadedProducer<Context>,
    answers: Receiver<Answer>,
    topic: String,
    dead_letter_topic: String,
}

impl Replay {
    /// To `topic`; `config` has the brokers and how to reach them.
    ///
    /// # Errors
    /// librdkafka's, where a setting is unknown or wrong.
    pub fn new(config: &ClientConfig, topic: &str, dead_letter_topic: &str) -> Result<Self, KafkaError> {
        let mut config = config.clone();
        for (key, value) in [
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("partitioner", "murmur2_random"),
            ("compression.type", "lz4"),
            ("message.timeout.ms", "30000"),
            ("queue.buffering.max.kbytes", "65536"),
            ("queue.buffering.max.messages", "10000"),
            // The topic took it once: the broker decides.
            ("message.max.bytes", "1000000000"),
            ("allow.auto.create.topics", "false"),
        ] {
            config.set(key, value);
        }
        let (sender, answers) = channel();
        let context = Context {
            answers: Mutex::new(sender),
        };
        Ok(Self {
            producer: config.create_with_context(context)?,
            answers,
            topic: topic.to_owned(),
            dead_letter_topic: dead_letter_topic.to_owned(),
        })
    }

    /// Hands a letter over; waits while there is no room. Its answer comes from [`Self::answers`].
    pub fn send(&self, letter: &DeadLetter) {
        loop {
            let mut headers = OwnedHeaders::new_with_capacity(letter.headers.len() + 1);
            for (key, value) in &letter.headers {
                headers = headers.insert(Header {
                    key,
                    value: value.as_deref(),
                });
            }
            let place = letter.replay_header(&self.dead_letter_topic);
            headers = headers.insert(Header {
                key: header::REPLAY,
                value: Some(place.as_bytes()),
            });
            let mut record: BaseRecord<'_, [u8], [u8], Box<Place>> =
                BaseRecord::with_opaque_to(&self.topic, Box::new(letter.place)).headers(headers);
            record.key = letter.key.as_deref();
            record.payload = letter.value.as_deref();
            match self.producer.send(record) {
                Ok(()) => return,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err((error, _)) => {
                    return self.producer.client().context().answer(Answer {
                        letter: letter.place,
                        result: Err(words(&error)),
                    });
                }
            }
        }
    }

    /// The answers that have come.
    pub fn answers(&self) -> impl Iterator<Item = Answer> {
        self.answers.try_iter()
    }

    /// Waits for the answers to all that was handed over, and gives up what has none after `deadline`.
    pub fn finish(self, deadline: Duration) -> Vec<Answer> {
        if self.producer.flush(deadline).is_err() {
            self.producer.purge(PurgeConfig::default().queue().inflight());
            // The reports of what was purged come with the next polls.
            let _ = self.producer.flush(Duration::from_secs(2));
        }
        let Self {
            producer, answers, ..
        } = self;
        // Ends the thread that reports, and with it the sending half.
        drop(producer);
        answers.iter().collect()
    }
}

impl std::fmt::Debug for Replay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay")
            .field("topic", &self.topic)
            .field("dead_letter_topic", &self.dead_letter_topic)
            .finish_non_exhaustive()
    }
}
