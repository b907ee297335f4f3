//! One life of a consumer: the state of its thread, without librdkafka's client, and what belongs to it.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fleetops_avro::Schema;
use rdkafka::ClientConfig;
use rdkafka::topic_partition_list::Offset;
use tokio_util::sync::CancellationToken;

use super::super::assign::Opening;
use super::super::core::{Core, Parts, Settings};
use super::super::counts::ConsumerCounts;
use super::super::letters::DeadLetters;
use super::super::mail::{Mailbox, Outbox};
use super::super::probe::Probe;
use super::super::slots::Slots;
use super::super::values::Values;
use super::logs::{KNOWN, PARTITIONS};
use super::texts::{Nobody, Texts};
use crate::engine::EngineConfig;
use crate::framing::SchemaId;
use crate::observe::{ConsumerMeter, HandlingMeter};
use crate::registry::SchemaSource;
use crate::topic::{DedupSpec, ReorderSpec, Topic, TopicSpec};
use crate::waker::Waker;

/// What is expensive to make, and handed from one consumer to the next.
pub(super) struct Clients {
    probe: Probe,
    letters: DeadLetters,
    runtime: tokio::runtime::Runtime,
}

impl Clients {
    /// Of brokers that are nowhere.
    pub(super) fn new() -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1");
        let mailbox = Arc::new(mailbox(&Arc::default()));
        let letters = DeadLetters::new(&config, "texts", "texts.dlq", Box::new(|_, _| {}));
        Self {
            probe: Probe::new(&config, &Arc::from("texts"), &mailbox, Instant::now()).unwrap(),
            letters: letters.unwrap(),
            // Nothing in it is ever polled: what is fetched does not come by itself.
            runtime: tokio::runtime::Builder::new_current_thread().build().unwrap(),
        }
    }
}

fn mailbox(waker: &Arc<Waker>) -> Mailbox<String> {
    Mailbox::new(
        Arc::clone(waker),
        HandlingMeter::new("texts", "group"),
        Slots::new(usize::MAX),
    )
}

/// The consumer that lives just now.
pub(super) struct Life {
    pub(super) core: Core<Texts>,
    pub(super) outbox: Arc<Outbox<String>>,
    pub(super) mailbox: Arc<Mailbox<String>>,
    pub(super) waker: Arc<Waker>,
    runtime: tokio::runtime::Runtime,
}

impl Life {
    pub(super) fn new(clients: Clients, observer: bool) -> Self {
        let waker = Arc::new(Waker::default());
        let mailbox = Arc::new(mailbox(&waker));
        let outbox = Arc::new(Outbox::new(Arc::clone(&waker)));
        let topic = Texts(TopicSpec {
            name: Cow::Borrowed("texts"),
            subject: Cow::Borrowed("texts-value"),
            partitions: PARTITIONS as u32,
            dead_letter: None,
            dedup: None,
            reorder: None,
        });
        let engine = EngineConfig {
            dedup: Some(DedupSpec {
                ttl: Duration::from_secs(60),
            }),
            reorder: Some(ReorderSpec {
                ring: 10,
                tolerance: 2,
                hold: Duration::from_secs(1),
            }),
            ..EngineConfig::default()
        };
        let schema = Schema::parse(topic.schema()).unwrap();
        let mut values = Values::new(
            Arc::from("texts"),
            Arc::from("texts-value"),
            schema.clone(),
            topic.open_enums(),
            SchemaSource::new(Nobody),
            clients.runtime.handle().clone(),
            Arc::clone(&mailbox),
        );
        values.answer(SchemaId::Id(KNOWN), Ok(schema)).unwrap();
        let core = Core::new(Parts {
            settings: Settings {
                topic: Arc::from("texts"),
                group: "group".to_owned(),
                engine,
                until_end: false,
                start: None,
                observer,
                end_of_stream: CancellationToken::new(),
                drain: Duration::ZERO,
                commit_interval: Duration::from_secs(1),
                commit_count: 10,
                high: 1_000,
                low: 250,
            },
            start: Instant::now(),
            topic,
            values,
            probe: clients.probe,
            letters: Some(clients.letters),
            mailbox: Arc::clone(&mailbox),
            outbox: Arc::clone(&outbox),
            published: Arc::new(Mutex::new(ConsumerCounts::default())),
            meter: ConsumerMeter::new("texts", "group"),
            waker: Arc::clone(&waker),
        });
        Self {
            core,
            outbox,
            mailbox,
            waker,
            runtime: clients.runtime,
        }
    }

    pub(super) fn open(&mut self, partition: i32, committed: Option<i64>) {
        let mut config = self.core.settings.engine.clone();
        config.committed = committed;
        self.core.open(Opening {
            partition,
            from: Offset::Offset(0),
            config,
            end: None,
        });
    }

    pub(super) fn end(mut self) -> Clients {
        let mut letters = self.core.letters.take().unwrap();
        letters.sent.clear();
        Clients {
            probe: self.core.probe,
            letters,
            runtime: self.runtime,
        }
    }
}
