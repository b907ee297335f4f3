//! What can go wrong with a producer, and what to do about it.

use std::fmt;

use rdkafka::types::RDKafkaErrorCode;
use thiserror::Error;

use crate::codec::ValidationErrors;
use crate::connect::ConnectError;
use crate::registry::RegistryError;

/// A producer that could not be built. Nothing has been sent.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProducerError {
    /// The settings do not make a connection.
    #[error("producer of topic {topic}: {source}")]
    Connect {
        /// The topic.
        topic: String,
        /// What is wrong with them.
        source: ConnectError,
    },
    /// The ID of the topic's schema could not be had.
    #[error("producer of topic {topic}: {source}")]
    Schema {
        /// The topic.
        topic: String,
        /// Why.
        source: RegistryError,
    },
}

/// An event that was not sent, or not acknowledged. It is not remembered: sending it again goes through.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The event breaks rules of its schema. Nothing was sent.
    #[error("topic {topic}, key {}: not sent, the event is not valid: {errors}", shown(.key))]
    Invalid {
        /// The topic.
        topic: String,
        /// The record key, where there is one.
        key: Option<String>,
        /// Every rule that is broken.
        errors: ValidationErrors,
    },
    /// librdkafka or the broker refused the record, or gave no acknowledgement in time.
    ///
    /// Where [`may_be_written`](Self::may_be_written), the record can be in the log all the same; its repetition is
    /// then dropped by the dedup of consumers.
    #[error("topic {topic}, key {}: not acknowledged: {reason}{}", shown(.key), advice(.code))]
    Undelivered {
        /// The topic.
        topic: String,
        /// The record key, where there is one.
        key: Option<String>,
        /// Kafka's or librdkafka's error code.
        code: RDKafkaErrorCode,
        /// The code in words.
        reason: String,
    },
    /// The producer cannot go on: librdkafka's idempotent producer lost track of what the broker has. Build a new one.
    #[error(
        "topic {topic}, key {}: the producer has failed for good and sends nothing more: {reason}; build a new producer",
        shown(.key)
    )]
    Fatal {
        /// The topic.
        topic: String,
        /// The record key, where there is one.
        key: Option<String>,
        /// What librdkafka says.
        reason: String,
    },
    /// The producer was closed before the event was handed over.
    #[error("topic {topic}, key {}: not sent, the producer is closed", shown(.key))]
    Closed {
        /// The topic.
        topic: String,
        /// The record key, where there is one.
        key: Option<String>,
    },
}

impl SendError {
    /// The record key, where there is one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Invalid { key, .. }
            | Self::Undelivered { key, .. }
            | Self::Fatal { key, .. }
            | Self::Closed { key, .. } => key.as_deref(),
        }
    }

    /// Whether the record may be in the log although no acknowledgement came.
    pub fn may_be_written(&self) -> bool {
        match self {
            Self::Undelivered { code, .. } => matches!(
                code,
                RDKafkaErrorCode::MessageTimedOut
                    | RDKafkaErrorCode::PurgeInflight
                    | RDKafkaErrorCode::NotEnoughReplicasAfterAppend
                    | RDKafkaErrorCode::RequestTimedOut
            ),
            Self::Fatal { .. } => true,
            Self::Invalid { .. } | Self::Closed { .. } => false,
        }
    }
}

/// What a flush or close could not deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Undelivered {
    /// The topic.
    pub topic: String,
    /// Record keys of events that were still in flight when the time was over, in the order they were sent; at most
    /// 1,000. A flush leaves them in flight, a close gives them up.
    pub pending: Vec<Option<String>>,
    /// How many were in flight.
    pub pending_count: usize,
    /// Failures whose receipt had been dropped, so that nobody has heard of them; at most 1,000 since the last flush.
    pub failed: Vec<SendError>,
    /// How many of these there were.
    pub failed_count: usize,
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic {}: ", self.topic)?;
        if self.pending_count > 0 {
            write!(f, "{} event(s) not acknowledged in time", self.pending_count)?;
            let keys: Vec<_> = self.pending.iter().take(10).map(shown).collect();
            write!(
                f,
                " (keys {}{})",
                keys.join(", "),
                if self.pending_count > 10 { ", ..." } else { "" }
            )?;
            f.write_str("; check that the brokers can be reached, and send them again")?;
        }
        if self.failed_count > 0 {
            if self.pending_count > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{} event(s) failed unnoticed", self.failed_count)?;
            if let Some(first) = self.failed.first() {
                write!(f, ", the first: {first}")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Undelivered {}

fn shown(key: &Option<String>) -> String {
    match key {
        Some(key) if key.chars().nth(100).is_some() => {
            let start: String = key.chars().take(100).collect();
            format!("{start:?}...")
        }
        Some(key) => format!("{key:?}"),
        None => "none".to_owned(),
    }
}

pub(super) fn advice(code: &RDKafkaErrorCode) -> &'static str {
    use RDKafkaErrorCode as Code;
    match code {
        Code::MessageTimedOut | Code::RequestTimedOut => {
            "; no broker acknowledged it within message.timeout.ms: check that the brokers can be reached and have \
             enough replicas in sync, then send it again"
        }
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
            "; create the topic: `fleetops-registry topics apply`"
        }
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            "; the brokers need an ACL that lets this principal write (and IdempotentWrite on brokers before 2.8); once \
             it is there, a running producer notices within topic.metadata.refresh.interval.ms"
        }
        Code::SaslAuthenticationFailed | Code::Authentication => "; check the sasl.* settings",
        Code::MessageSizeTooLarge => {
            "; the record, or the batch that it was sent in, is larger than the topic's max.message.bytes, or the record \
             is larger than message.max.bytes here: set batch.size to no more than the topic's max.message.bytes, and \
             raise both or send less in one event"
        }
        Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend => {
            "; fewer replicas are in sync than min.insync.replicas asks for: bring brokers back, then send it again"
        }
        Code::PurgeQueue => "; the producer was closed before it was sent",
        Code::PurgeInflight => "; the producer was closed before the acknowledgement came",
        Code::InvalidRecord | Code::PolicyViolation => {
            "; a rule of the broker refuses it: see the broker's log"
        }
        _ => "",
    }
}
