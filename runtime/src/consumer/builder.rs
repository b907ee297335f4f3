//! How a consumer is set up.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fleetops_avro::Schema;
use rdkafka::error::KafkaError;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::Consumer;
use super::core::{Core, Parts, Settings};
use super::counts::ConsumerCounts;
use super::error::ConsumerError;
use super::letters::DeadLetters;
use super::mail::{Mailbox, Note, Outbox};
use super::probe::Probe;
use super::run::RetryPolicy;
use super::slots::Slots;
use super::start::StartAt;
use super::thread;
use super::values::Values;
use crate::connect::{Connect, ConnectError, Connection, Fixed, Surroundings};
use crate::engine::EngineConfig;
use crate::observe::{ConsumerMeter, HandlingMeter};
use crate::registry::{RegistryAuthentication, SchemaSource};
use crate::topic::{DedupSpec, ReorderSpec, Topic};
use crate::waker::Waker;

/// What can be set otherwise with [`ConsumerBuilder::set`].
const DEFAULTS: &[(&str, &str)] = &[
    ("auto.offset.reset", "earliest"),
    ("session.timeout.ms", "30000"),
    ("heartbeat.interval.ms", "10000"),
    ("partition.assignment.strategy", "cooperative-sticky"),
    // librdkafka fetches ahead up to a limit, and looks only so often whether there is room again: every second by default,
    // in which a fast application has read everything and waits.
    ("fetch.queue.backoff.ms", "10"),
    // Enough for a tenth of a second at half a million records; its own 64 MiB are memory for nothing.
    ("queued.max.messages.kbytes", "16384"),
];

/// What cannot.
const FIXED: [Fixed; 2] = [
    Fixed {
        key: "enable.auto.commit",
        values: &["false"],
        why: "offsets are committed when records are settled, not when they are fetched",
    },
    Fixed {
        key: "enable.auto.offset.store",
        values: &["false"],
        why: "offsets are committed when records are settled, not when they are fetched",
    },
];

/// Whether the end of a log is told, which cannot be set either.
fn end_of_log(until_end: bool) -> Fixed {
    let (values, why): (&[&str], _) = if until_end {
        (
            &["true"],
            "the end of a log that ends in a transaction's marker shows in no other way",
        )
    } else {
        (
            &["false"],
            "only a stream that ends where the log ends (`until_end`) has a use for it",
        )
    };
    Fixed {
        key: "enable.partition.eof",
        values,
        why,
    }
}

/// Sets a [`Consumer`] up.
///
/// At least brokers and a registry (or an environment that has both) and a group are needed. Stage settings default to
/// those of the topic.
pub struct ConsumerBuilder<T> {
    topic: T,
    connect: Connect,
    group: Option<String>,
    until_end: bool,
    start: Option<StartAt>,
    observer: bool,
    dedup: Option<Option<DedupSpec>>,
    reorder: Option<Option<ReorderSpec>>,
    dead_letter: Option<Option<String>>,
    max_in_flight: usize,
    retry: RetryPolicy,
    drain: Duration,
    commit_interval: Duration,
    commit_count: u64,
    backlog: usize,
    shutdown: CancellationToken,
    end_of_stream: CancellationToken,
}

impl<T: Topic> ConsumerBuilder<T> {
    pub(super) fn new(topic: T) -> Self {
        Self {
            topic,
            connect: Connect::default(),
            group: None,
            until_end: false,
            start: None,
            observer: false,
            dedup: None,
            reorder: None,
            dead_letter: None,
            max_in_flight: 100,
            retry: RetryPolicy::default(),
            drain: Duration::from_secs(20),
            commit_interval: Duration::from_secs(1),
            commit_count: 10_000,
            backlog: 2_000,
            shutdown: CancellationToken::new(),
            end_of_stream: CancellationToken::new(),
        }
    }

    /// Bootstrap servers, `host:port`, separated by commas.
    #[must_use]
    pub fn brokers(mut self, brokers: impl Into<String>) -> Self {
        self.connect.brokers(brokers);
        self
    }

    /// The schema registry's URL, or several separated by commas.
    #[must_use]
    pub fn registry(mut self, urls: impl Into<String>) -> Self {
        self.connect.registry(urls);
        self
    }

    /// How the registry is signed in to.
    #[must_use]
    pub fn registry_authentication(mut self, authentication: RegistryAuthentication) -> Self {
        self.connect.registry_authentication(authentication);
        self
    }

    /// A source of writer schemas that exists already, for example one that other consumers use too.
    #[must_use]
    pub fn schema_source(mut self, source: SchemaSource) -> Self {
        self.connect.schema_source(source);
        self
    }

    /// The name of an environment of the manifest; what is set otherwise in the program goes before what it has.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>) -> Self {
        self.connect.environment(name);
        self
    }

    /// The consumer group.
    #[must_use]
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// A setting of librdkafka's, for example `("partition.assignment.strategy", "range,roundrobin")`.
    #[must_use]
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.connect.set(key, value);
        self
    }

    /// Ends the stream when every assigned partition has been read up to where its log ended when it was first assigned.
    /// What waits in the reorder stage then comes out, in order. With nothing assigned the stream ends at once.
    #[must_use]
    pub fn until_end(mut self, until_end: bool) -> Self {
        self.until_end = until_end;
        self
    }

    /// Where a partition starts that the group has committed nothing of, instead of what `auto.offset.reset` says.
    #[must_use]
    pub fn start_at(mut self, start: StartAt) -> Self {
        self.start = Some(start);
        self
    }

    /// Only looks: commits nothing, writes no dead letters, and goes on past poison, which is counted. For tools that
    /// show what is in a topic; give it a group of its own, so that it takes no partitions from a service.
    #[must_use]
    pub fn observer(mut self, observer: bool) -> Self {
        self.observer = observer;
        self
    }

    /// Deduplication other than the topic's; `None`: none.
    #[must_use]
    pub fn dedup(mut self, dedup: impl Into<Option<DedupSpec>>) -> Self {
        self.dedup = Some(dedup.into());
        self
    }

    /// Reordering other than the topic's; `None`: none.
    #[must_use]
    pub fn reorder(mut self, reorder: impl Into<Option<ReorderSpec>>) -> Self {
        self.reorder = Some(reorder.into());
        self
    }

    /// A dead-letter topic other than the topic's; `None`: none, so that poison and failed handlers stop the consumer.
    #[must_use]
    pub fn dead_letter<S: Into<String>>(mut self, topic: Option<S>) -> Self {
        self.dead_letter = Some(topic.map(Into::into));
        self
    }

    /// How many records may be with the application at a time: handler calls of [`Consumer::run`], or deliveries of
    /// [`Consumer::recv`] that are neither settled nor dropped. 100 if nothing is said; 0 is taken as 1.
    #[must_use]
    pub fn max_in_flight(mut self, records: usize) -> Self {
        self.max_in_flight = records.max(1);
        self
    }

    /// Records that are read ahead of the application; reading pauses above it and goes on at a quarter of it. 16 KiB count as
    /// one record, where that is more. 2,000 if nothing is said, so 32 MiB of large records.
    #[must_use]
    pub fn backlog(mut self, records: usize) -> Self {
        self.backlog = records.max(1);
        self
    }

    /// How a handler that fails is tried again.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// How long handlers that run may take to end when their partition is taken away, and when [`Consumer::run`] is shut
    /// down. 20 s if nothing is said. The group waits meanwhile, so it must be well below `max.poll.interval.ms` (5 minutes).
    #[must_use]
    pub fn drain(mut self, deadline: Duration) -> Self {
        self.drain = deadline;
        self
    }

    /// How often offsets are committed: after this time, or this many settled records, whichever comes first. 1 s and
    /// 10,000 if nothing is said. A crash repeats at most what was settled since.
    #[must_use]
    pub fn commit_every(mut self, interval: Duration, records: u64) -> Self {
        self.commit_interval = interval;
        self.commit_count = records;
        self
    }

    /// Cancelling the token shuts the consumer down: [`Consumer::recv`] answers `None`, and [`Consumer::run`] lets running
    /// handlers end, commits and returns.
    #[must_use]
    pub fn shutdown(mut self, token: CancellationToken) -> Self {
        self.shutdown = token;
        self
    }

    /// Cancelling the token declares the end of the stream, for an application that knows that nothing more will come:
    /// nothing more is received, what has been received and waits comes out in order, and then [`Consumer::recv`] answers
    /// `None` and [`Consumer::run`] returns. It takes effect within a tenth of a second.
    ///
    /// What waits is given out although something may be missing before it, so this is no way to shut down: use
    /// [`Self::shutdown`] for that.
    #[must_use]
    pub fn end_of_stream(mut self, token: CancellationToken) -> Self {
        self.end_of_stream = token;
        self
    }

    /// Starts the consumer's thread and subscribes. Brokers that cannot be reached are no error: librdkafka goes on trying,
    /// and says so in the log.
    ///
    /// # Errors
    /// [`ConsumerError::Connect`] and [`ConsumerError::Configuration`].
    ///
    /// # Panics
    /// Must be called within a tokio runtime, as all of this crate's async functions.
    pub async fn build(self) -> Result<Consumer<T>, ConsumerError> {
        let spec = self.topic.spec().clone();
        let topic: Arc<str> = Arc::from(&*spec.name);
        let wrong = |message: String| ConsumerError::Configuration {
            topic: topic.to_string(),
            message,
        };
        let connection = self
            .connect
            .resolve(self.topic.environments(), &Surroundings::PROCESS)
            .map_err(|source| connect_error(&topic, source))?;
        let group = self
            .group
            .clone()
            .or_else(|| connection.setting("group.id").map(str::to_owned))
            .filter(|group| !group.is_empty())
            .ok_or_else(|| wrong("no consumer group is given: call group(\"name\")".to_owned()))?;
        let reader = Schema::parse(self.topic.schema())
            .map_err(|error| wrong(format!("the topic's own schema cannot be read: {error}")))?;
        let source = connection
            .schema_source()
            .map_err(|error| connect_error(&topic, error))?;

        let base = connection
            .client_config(&[], &[])
            .map_err(|error| connect_error(&topic, error))?;
        let [commit, store] = FIXED;
        let mut config = connection
            .client_config(DEFAULTS, &[commit, store, end_of_log(self.until_end)])
            .map_err(|error| connect_error(&topic, error))?;
        config.set("group.id", &group);

        let waker = Arc::new(Waker::default());
        let mailbox = Arc::new(Mailbox::new(
            Arc::clone(&waker),
            HandlingMeter::new(&topic, &group),
            Slots::new(self.max_in_flight),
        ));
        let outbox = Arc::new(Outbox::new(Arc::clone(&waker)));
        let published = Arc::new(Mutex::new(ConsumerCounts::default()));
        let start = Instant::now();
        let describe = describer(&topic, &connection);
        let probe = Probe::new(&base, &topic, &mailbox, start).map_err(&describe)?;
        let dead_letter = self
            .dead_letter
            .unwrap_or_else(|| spec.dead_letter.as_deref().map(str::to_owned));
        let letters = match dead_letter.filter(|_| !self.observer) {
            None => None,
            Some(name) => {
                let mailbox = Arc::clone(&mailbox);
                let report = Box::new(move |ticket, answer| {
                    mailbox.push(Note::DeadLettered { ticket, answer });
                });
                Some(DeadLetters::new(&base, &topic, &name, report).map_err(&describe)?)
            }
        };
        let engine = EngineConfig {
            dedup: self.dedup.unwrap_or(spec.dedup),
            reorder: self.reorder.unwrap_or(spec.reorder),
            ..EngineConfig::default()
        };
        let values = Values::new(
            Arc::clone(&topic),
            Arc::from(spec.subject.as_ref()),
            reader,
            self.topic.open_enums(),
            source,
            Handle::current(),
            Arc::clone(&mailbox),
        );
        let meter = ConsumerMeter::new(&topic, &group);
        let core = Core::new(Parts {
            settings: Settings {
                topic: Arc::clone(&topic),
                group,
                engine,
                until_end: self.until_end,
                start: self.start,
                observer: self.observer,
                end_of_stream: self.end_of_stream,
                drain: self.drain,
                commit_interval: self.commit_interval,
                commit_count: self.commit_count,
                high: self.backlog,
                low: self.backlog / 4,
            },
            start,
            topic: self.topic,
            values,
            probe,
            letters,
            mailbox: Arc::clone(&mailbox),
            outbox: Arc::clone(&outbox),
            published: Arc::clone(&published),
            meter,
            waker,
        });
        // From here on the consumer exists: if this future is dropped, so is it, and the thread is told.
        let mut consumer = Consumer {
            topic,
            outbox,
            mailbox,
            published,
            batch: VecDeque::new(),
            max_in_flight: self.max_in_flight,
            retry: self.retry,
            drain: self.drain,
            shutdown: self.shutdown,
            done: None,
        };
        consumer.done = Some(thread::spawn(core, config, describe).await?);
        Ok(consumer)
    }
}

fn connect_error(topic: &str, source: ConnectError) -> ConsumerError {
    ConsumerError::Connect {
        topic: topic.to_owned(),
        source,
    }
}

/// Words for what librdkafka says when a client is made, without secrets.
fn describer(
    topic: &Arc<str>,
    connection: &Connection,
) -> impl Fn(KafkaError) -> ConsumerError + Send + 'static {
    let (topic, connection) = (Arc::clone(topic), connection.clone());
    move |error| connect_error(&topic, connection.client_error(error))
}

impl<T: Topic> fmt::Debug for ConsumerBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerBuilder")
            .field("topic", &self.topic.spec().name)
            .field("group", &self.group)
            .field("connect", &self.connect)
            .finish_non_exhaustive()
    }
}
