//! What librdkafka calls back: rebalances and answers to commits, on the polling thread; its log lines, on any.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::ClientContext;
use rdkafka::bindings::rd_kafka_resp_err_t as Code;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::core::Core;
use crate::topic::Topic;

/// librdkafka's log lines as `tracing` events.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => {
            tracing::error!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
            tracing::info!(target: "librdkafka", facility, "{message}");
        }
        RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
    }
}

/// The context of the client that only asks.
pub(crate) struct ProbeContext;

impl ClientContext for ProbeContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "the client that asks where logs end reports an error");
    }
}

impl ConsumerContext for ProbeContext {}

/// One answer to a commit: the partitions that it was for, and whether each was taken.
pub(crate) type CommitAnswer = (KafkaResult<()>, Vec<(i32, KafkaResult<()>)>);

/// The context of the consuming client: it holds the thread's state, so that a rebalance can work on it in the callback.
///
/// The lock is taken by the polling thread only, between polls and inside the callbacks that `poll` makes, never both.
pub(crate) struct Context<T: Topic> {
    core: Mutex<Core<T>>,
    commits: Mutex<Vec<CommitAnswer>>,
}

impl<T: Topic> Context<T> {
    pub(crate) fn new(core: Core<T>) -> Self {
        Self {
            core: Mutex::new(core),
            commits: Mutex::new(Vec::new()),
        }
    }

    /// The thread's state. Not to be held while polling.
    pub(crate) fn core(&self) -> MutexGuard<'_, Core<T>> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the answers to commits that came since the last call.
    pub(crate) fn commit_answers(&self) -> Vec<CommitAnswer> {
        std::mem::take(&mut *self.commits.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T: Topic> ClientContext for Context<T> {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The end of a partition is told because we ask for it (`enable.partition.eof`): no trouble, and `poll` has it too.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::PartitionEOF) {
            tracing::warn!(%error, reason, "librdkafka reports an error");
        }
    }
}

impl<T: Topic> ConsumerContext for Context<T> {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: Code, list: &mut TopicPartitionList) {
        let mut core = self.core();
        if code == Code::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            core.assign(consumer, list);
        } else {
            core.revoke(consumer, list);
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        let parts = offsets
            .elements()
            .iter()
            .map(|element| (element.partition(), element.error()))
            .collect();
        self.commits
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((result, parts));
    }
}
