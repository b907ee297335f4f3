//! What ends a consumer, or keeps one from starting.

use std::time::Duration;

use thiserror::Error;

use crate::connect::ConnectError;
use crate::dead_letter::Reason;
use crate::framing::SchemaId;

/// Why a consumer could not start, or stopped.
///
/// Nothing is lost by any of them: offsets are committed only below what was handled, so a consumer of the same group
/// that starts again reads everything else anew.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConsumerError {
    /// The builder was given too little, or what does not fit together.
    #[error("consumer of topic {topic}: {message}")]
    Configuration {
        /// The topic.
        topic: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The brokers or the registry cannot be addressed with what was given.
    #[error("consumer of topic {topic}: {source}")]
    Connect {
        /// The topic.
        topic: String,
        /// What is wrong.
        source: ConnectError,
    },
    /// A record that cannot be read, on a topic without a dead-letter topic.
    #[error(
        "topic {topic}, partition {partition}, offset {offset}: {reason}: {detail}; the topic declares no dead-letter \
         topic, so the consumer stops here: declare one (`dead-letter` in the manifest), or move the group past the record"
    )]
    Poison {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The record's offset.
        offset: i64,
        /// What kind of poison.
        reason: Reason,
        /// What exactly.
        detail: String,
    },
    /// The handler failed for good, on a topic without a dead-letter topic.
    #[error(
        "topic {topic}, partition {partition}, offset {offset}: the handler failed: {detail}; the topic declares no \
         dead-letter topic, so the consumer stops here and the record is read again at the next start"
    )]
    HandlerFailed {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The record's offset.
        offset: i64,
        /// What the handler said.
        detail: String,
    },
    /// The dead-letter topic did not take a record.
    #[error(
        "topic {topic}, partition {partition}, offset {offset}: could not write the dead letter ({reason}) to topic \
         {dead_letter_topic}: {detail}; the record stays unsettled and is read again at the next start"
    )]
    DeadLetter {
        /// The topic that the record was read from.
        topic: String,
        /// The partition that it was read from.
        partition: i32,
        /// The record's offset.
        offset: i64,
        /// Why it was to become a dead letter.
        reason: Reason,
        /// Where it was to go.
        dead_letter_topic: String,
        /// What the broker or the client said.
        detail: String,
    },
    /// The schema registry does not serve us, and will not before somebody mends it.
    #[error("topic {topic}: {id} cannot be looked up: {detail}")]
    Registry {
        /// The topic.
        topic: String,
        /// What was looked up.
        id: SchemaId,
        /// The registry's words, and what to do.
        detail: String,
    },
    /// A partition was assigned, and where to start reading could not be found out.
    #[error(
        "topic {topic}, partition {partition}: assigned, but {what} could not be read within {waited:?}: {detail}"
    )]
    Assignment {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// What was asked for.
        what: &'static str,
        /// For how long.
        waited: Duration,
        /// The last answer.
        detail: String,
    },
    /// librdkafka reports what does not pass by itself: an unknown topic, missing rights, a fenced member.
    #[error("topic {topic}, group {group}: {detail}")]
    Kafka {
        /// The topic.
        topic: String,
        /// The consumer group.
        group: String,
        /// librdkafka's words.
        detail: String,
    },
    /// The last commit was refused, after everything else had ended in order.
    #[error(
        "topic {topic}, group {group}: the last commit failed: {detail}; what was handled since the one before is read again"
    )]
    Commit {
        /// The topic.
        topic: String,
        /// The consumer group.
        group: String,
        /// librdkafka's words.
        detail: String,
    },
    /// Closing took longer than it was given.
    #[error(
        "topic {topic}: the consumer did not close within {deadline:?}; what was not committed is read again"
    )]
    CloseTimedOut {
        /// The topic.
        topic: String,
        /// What it was given.
        deadline: Duration,
    },
    /// The consumer's thread panicked: a bug here.
    #[error("topic {topic}: the consumer's thread ended unexpectedly")]
    ThreadEnded {
        /// The topic.
        topic: String,
    },
}
