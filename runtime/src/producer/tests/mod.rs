//! The producer on librdkafka's mock cluster, which speaks the real protocol on loopback.

mod lives;
mod outcomes;
mod reading;
mod records;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rdkafka::bindings::rd_kafka_resp_err_t as Code;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::*;
use crate::codec::{Path, ValidationErrors, Writer, check};
use crate::framing::SchemaId;
use crate::registry::{Answer, RegisteredSchema, RegistryClient, SchemaSource};
use crate::topic::{DedupSpec, Environment, Sequence, TopicSpec};

const TTL: Duration = Duration::from_secs(60);
const SCHEMA_ID: u32 = 0x0102_0304;

#[derive(Clone, Debug)]
struct Event {
    key: Option<String>,
    id: String,
    value: i64,
    at: Option<DateTime<Utc>>,
}

fn event(key: &str, id: &str) -> Event {
    Event {
        key: Some(key.to_owned()),
        id: id.to_owned(),
        value: 1,
        at: None,
    }
}

/// A topic as generated code implements it.
#[derive(Default)]
struct Events;

static SPEC: LazyLock<TopicSpec> = LazyLock::new(|| TopicSpec {
    name: Cow::Borrowed("events"),
    subject: Cow::Borrowed("events-value"),
    partitions: 6,
    dead_letter: None,
    dedup: Some(DedupSpec { ttl: TTL }),
    reorder: None,
});

impl Topic for Events {
    type Event = Event;

    fn spec(&self) -> &TopicSpec {
        &SPEC
    }
    fn schema(&self) -> &str {
        "\"long\""
    }
    fn environments(&self) -> &'static [Environment] {
        &[Environment {
            name: "dev",
            bootstrap: "localhost:1",
            registry: None,
            kafka: &[],
            registry_auth: None,
        }]
    }
    fn decode(&self, _: &crate::avro::resolve::Plan, _: &[u8]) -> Result<Event, crate::codec::DecodeError> {
        unreachable!("a producer does not read")
    }
    fn encode(&self, event: &Event, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out, 10);
        writer.long(event.value);
        writer.finish();
    }
    fn key(&self, event: &Event, out: &mut String) -> bool {
        out.push_str(event.key.as_deref().unwrap_or_default());
        event.key.is_some()
    }
    fn dedup_key(&self, event: &Event, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(event.key.as_deref().unwrap_or_default().as_bytes());
        out.push(0x1f);
        out.extend_from_slice(event.id.as_bytes());
        !event.id.is_empty()
    }
    fn sequence(&self, _: &Event, _: &mut Sequence) -> bool {
        false
    }
    fn stamp(&self, event: &mut Event, now: DateTime<Utc>) {
        event.at = Some(now);
    }
    fn validate(&self, event: &Event) -> Result<(), ValidationErrors> {
        let mut errors = ValidationErrors::new();
        assert!(event.at.is_some(), "stamped before it is validated");
        check::minimum(&mut errors, &Path::ROOT.field("value"), &event.value, &0);
        errors.into_result()
    }
}

/// A registry that knows our schema, or not.
struct Registry(Option<u32>);

impl RegistryClient for Registry {
    fn address(&self) -> String {
        "http://registry".to_owned()
    }
    fn schema(&self, _: SchemaId) -> Answer<'_, Option<RegisteredSchema>> {
        Box::pin(async { Ok(None) })
    }
    fn version<'a>(&'a self, _: &'a str, _: Option<u32>) -> Answer<'a, Option<RegisteredSchema>> {
        Box::pin(async { Ok(None) })
    }
    fn look_up<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, Option<u32>> {
        assert_eq!((subject, schema), ("events-value", "\"long\""));
        Box::pin(async { Ok(self.0) })
    }
}

struct Bench {
    cluster: MockCluster<'static, DefaultProducerContext>,
    now: Arc<AtomicU64>,
}

impl Bench {
    fn new() -> Self {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("events", 6, 1).unwrap();
        Self {
            cluster,
            now: Arc::default(),
        }
    }

    fn builder(&self) -> ProducerBuilder<Events> {
        let now = Arc::clone(&self.now);
        let mut builder = Producer::<Events>::builder()
            .brokers(self.cluster.bootstrap_servers())
            .schema_source(SchemaSource::new(Registry(Some(SCHEMA_ID))))
            .set("linger.ms", "1")
            .set("message.timeout.ms", "20000");
        builder.clock = Some(Arc::new(move || {
            Duration::from_millis(now.load(Ordering::SeqCst))
        }));
        builder
    }

    async fn producer(&self) -> Producer<Events> {
        self.builder().build().await.unwrap()
    }

    fn fail_produce(&self, errors: &[Code]) {
        self.cluster.request_errors(RDKafkaApiKey::Produce, errors);
    }

    /// Every record of the topic, by partition and offset.
    fn log(&self) -> Vec<Logged> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.cluster.bootstrap_servers())
            .set("group.id", "log")
            .create()
            .unwrap();
        let mut assignment = TopicPartitionList::new();
        let mut expected = 0;
        for partition in 0..6 {
            let (low, high) = consumer
                .fetch_watermarks("events", partition, Duration::from_secs(10))
                .unwrap();
            expected += high - low;
            assignment
                .add_partition_offset("events", partition, Offset::Beginning)
                .unwrap();
        }
        consumer.assign(&assignment).unwrap();
        let mut log = Vec::new();
        while log.len() < expected as usize {
            let message = consumer
                .poll(Duration::from_secs(10))
                .expect("the rest of the log")
                .unwrap();
            let header = message.headers().map(|headers| {
                assert_eq!(headers.count(), 1);
                (
                    headers.get(0).key.to_owned(),
                    headers.get(0).value.unwrap().to_vec(),
                )
            });
            log.push(Logged {
                partition: message.partition(),
                offset: message.offset(),
                key: message.key().map(|key| String::from_utf8(key.to_vec()).unwrap()),
                value: message.payload().unwrap().to_vec(),
                header,
            });
        }
        log.sort_by_key(|record| (record.partition, record.offset));
        log
    }
}

#[derive(Debug)]
struct Logged {
    partition: i32,
    offset: i64,
    key: Option<String>,
    value: Vec<u8>,
    header: Option<(String, Vec<u8>)>,
}

fn counts(producer: &Producer<Events>) -> (u64, u64, u64, u64) {
    let counts = producer.counts();
    (counts.sent, counts.acknowledged, counts.duplicates, counts.failed)
}

const SOON: Duration = Duration::from_secs(20);
