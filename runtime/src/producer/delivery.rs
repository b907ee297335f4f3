//! The edge to librdkafka: its callbacks, and the words for its errors.
//!
//! Delivery reports come one by one. Each by itself would take the ledger's lock from those who send, and wake whoever waits
//! for that one record, who then sends one more and waits again: two threads that give each other a single record in
//! turns. So those of one answer of a broker are gathered and booked together.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext};
use tokio::sync::Semaphore;

use super::error::SendError;
use super::ledger::{Ledger, Tidings};
use super::native::{self, Polled};
use super::turns::{self, Turns};
use super::{Clock, Outcome};

/// What the producer and librdkafka's callbacks share.
pub(super) struct Shared {
    pub(super) topic: Arc<str>,
    ledger: Mutex<Ledger>,
    clock: Clock,
    client: OnceLock<Weak<Client>>,
    /// How many more bytes may be in flight.
    pub(super) room: Semaphore,
    /// Delivery reports that were not booked yet, by the record's number.
    reports: Mutex<Vec<(usize, Report)>>,
    /// Empty, for the next ones: a new vector of that size for each batch would have the allocator tidy up all that it holds.
    spare: Mutex<Spare>,
    /// Who reads them.
    pub(super) turns: Arc<Turns>,
}

/// The vectors of the last batch that was booked.
#[derive(Default)]
struct Spare {
    reports: Vec<(usize, Report)>,
    tidings: Tidings,
}

/// What became of a record: the partition and offset of the acknowledgement, or why there is none.
type Report = Result<(i32, i64), KafkaError>;

/// So many reports are booked together at most, so that nobody who sends waits for long.
const TOGETHER: usize = 128;

/// librdkafka's producer.
pub(super) type Client = BaseProducer<Context>;

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
    native::wake_when_filled(&client);
    let mine = Arc::clone(shared);
    let poll = move || turns::attend(&polled, &mine);
    std::thread::Builder::new()
        .name("fleetops-producer".to_owned())
        .spawn(poll)
        .map_err(|error| KafkaError::ClientCreation(format!("no thread to poll it: {error}")))?;
    Ok(client)
}

impl Shared {
    pub(super) fn new(topic: Arc<str>, ledger: Ledger, clock: Clock, room: usize) -> Self {
        Self {
            turns: Arc::new(Turns::new(Arc::clone(&topic))),
            topic,
            ledger: Mutex::new(ledger),
            clock,
            client: OnceLock::new(),
            room: Semaphore::new(room),
            reports: Mutex::default(),
            spare: Mutex::default(),
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

    fn reports(&self) -> MutexGuard<'_, Vec<(usize, Report)>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a delivery report. Whoever polls books what was gathered afterwards.
    fn report(&self, number: usize, report: Report) {
        let many = {
            let mut reports = self.reports();
            reports.push((number, report));
            reports.len() >= TOGETHER
        };
        if many {
            self.settle_gathered();
        }
    }

    /// Books what was gathered; how many records that were.
    pub(super) fn settle_gathered(&self) -> usize {
        let mut spare = std::mem::take(&mut *self.spare());
        let gathered = {
            let mut reports = self.reports();
            std::mem::swap(&mut *reports, &mut spare.reports);
            spare.reports.len()
        };
        if gathered > 0 {
            self.settle_all(spare.reports.drain(..), &mut spare.tidings);
        }
        *self.spare() = spare;
        gathered
    }

    fn spare(&self) -> MutexGuard<'_, Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Books reports together and tells all who wait for them.
    fn settle_all(&self, reports: impl Iterator<Item = (usize, Report)>, tidings: &mut Tidings) {
        {
            let mut ledger = self.ledger();
            let now = self.now();
            for (number, report) in reports {
                let outcome = |key: Option<&str>| match report {
                    Ok((partition, offset)) => Ok(Outcome::Acknowledged { partition, offset }),
                    Err(error) => Err(self.send_error(key.map(str::to_owned), &error)),
                };
                ledger.settle(number, now, outcome, tidings);
            }
        }
        tidings.tell(&self.room);
    }

    /// Books a record that librdkafka did not take.
    pub(super) fn refused(&self, number: usize, error: KafkaError) {
        self.settle_all(std::iter::once((number, Err(error))), &mut Tidings::default());
    }

    /// An error of librdkafka or the broker about a record. Once librdkafka has failed for good, that is what it is
    /// about, whatever the code: it purges its queue then.
    pub(super) fn send_error(&self, key: Option<String>, error: &KafkaError) -> SendError {
        let topic = self.topic.to_string();
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

/// librdkafka's callbacks; they come on the polling thread, or on that of a flush.
#[derive(Clone)]
pub(super) struct Context(Arc<Shared>);

impl Drop for Context {
    fn drop(&mut self) {
        // What the end of the client has reported.
        self.0.settle_gathered();
    }
}

impl Polled for Context {
    fn turns(&self) -> &Turns {
        &self.0.turns
    }
}

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
            tracing::error!(topic = &*self.0.topic, reason, "the producer has failed for good");
        } else {
            // Brokers come and go; what becomes of each record is told by its receipt.
            tracing::warn!(topic = &*self.0.topic, %error, reason, "librdkafka");
        }
    }
}

impl ProducerContext for Context {
    /// The record's number in the ledger.
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, number: usize) {
        let report = match result {
            Ok(message) => Ok((message.partition(), message.offset().max(-1))),
            Err((error, _)) => Err(error.clone()),
        };
        self.0.report(number, report);
    }
}
