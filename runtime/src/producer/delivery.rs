//! The edge to librdkafka: its callbacks, and the words for its errors.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext};

use super::error::SendError;
use super::ledger::{Ledger, Settled};
use super::{Clock, Outcome};

/// What the producer and librdkafka's callbacks share.
pub(super) struct Shared {
    pub(super) topic: String,
    ledger: Mutex<Ledger>,
    clock: Clock,
    client: OnceLock<Weak<Client>>,
}

/// librdkafka's producer.
pub(super) type Client = BaseProducer<Context>;

/// How long librdkafka's thread waits for something to do before it looks whether it is still needed.
const POLL: Duration = Duration::from_millis(100);

/// Starts a client, and a thread that polls it as long as somebody else holds it.
///
/// The thread lets go of it last, so that the end of a client, which waits for librdkafka's own threads, never holds up
/// a thread of the async runtime.
pub(super) fn start(config: &ClientConfig, shared: &Arc<Shared>) -> Result<Arc<Client>, KafkaError> {
    let client = Arc::new(Client::from_config_and_context(
        config,
        Context(Arc::clone(shared)),
    )?);
    shared.client.set(Arc::downgrade(&client)).ok();
    let polled = Arc::clone(&client);
    let poll = move || {
        while Arc::strong_count(&polled) > 1 {
            polled.poll(POLL);
        }
    };
    std::thread::Builder::new()
        .name("fleetops-producer".to_owned())
        .spawn(poll)
        .map_err(|error| KafkaError::ClientCreation(format!("no thread to poll it: {error}")))?;
    Ok(client)
}

impl Shared {
    pub(super) fn new(topic: String, ledger: Ledger, clock: Clock) -> Self {
        Self {
            topic,
            ledger: Mutex::new(ledger),
            clock,
            client: OnceLock::new(),
        }
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // No code that could panic runs while it is held.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time since the producer was built. Read under the ledger's lock, so that it does not go back there.
    pub(super) fn now(&self) -> Duration {
        (self.clock)()
    }

    /// What librdkafka says, if it has failed for good.
    pub(super) fn fatal(&self) -> Option<String> {
        let client = self.client.get()?.upgrade()?;
        let (code, reason) = client.client().fatal_error()?;
        Some(format!("{reason}{}", super::error::advice(&code)))
    }

    /// Books the outcome of a record and tells all who wait for it.
    pub(super) fn settle(&self, number: usize, outcome: impl FnOnce(Option<String>) -> Settled) {
        let mut ledger = self.ledger();
        let now = self.now();
        let tidings = ledger.settle(number, now, outcome);
        drop(ledger);
        tidings.tell();
    }

    /// An error of librdkafka or the broker about a record. Once librdkafka has failed for good, that is what it is
    /// about, whatever the code: it purges its queue then.
    pub(super) fn send_error(&self, key: Option<String>, error: &KafkaError) -> SendError {
        let topic = self.topic.clone();
        if let Some(reason) = self.fatal() {
            return SendError::Fatal { topic, key, reason };
        }
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        SendError::Undelivered {
            topic,
            key,
            code,
            reason: code.to_string(),
        }
    }
}

/// librdkafka's callbacks; they come on its polling thread.
#[derive(Clone)]
pub(super) struct Context(Arc<Shared>);

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        use RDKafkaLogLevel as Level;
        match level {
            Level::Emerg | Level::Alert | Level::Critical | Level::Error => {
                tracing::error!(target: "librdkafka", facility, "{message}");
            }
            Level::Warning => tracing::warn!(target: "librdkafka", facility, "{message}"),
            Level::Notice | Level::Info => tracing::info!(target: "librdkafka", facility, "{message}"),
            Level::Debug => tracing::debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            tracing::error!(topic = self.0.topic, reason, "the producer has failed for good");
        } else {
            // Brokers come and go; what becomes of each record is told by its receipt.
            tracing::warn!(topic = self.0.topic, %error, reason, "librdkafka");
        }
    }
}

impl ProducerContext for Context {
    /// The record's number in the ledger.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        self.0.settle(number, |key| match result {
            Ok(message) => Ok(Outcome::Acknowledged {
                partition: message.partition(),
                offset: message.offset().max(-1),
            }),
            Err((error, _)) => Err(self.0.send_error(key, error)),
        });
    }
}
