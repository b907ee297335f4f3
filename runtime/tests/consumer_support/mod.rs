//! What the consumer's tests share: a topic written by hand, a registry in memory, a broker on loopback, and a ledger.

// Each test binary uses its part, and clippy's allowance for tests does not reach a module beside them.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fleetops_runtime::avro::resolve::Plan;
use fleetops_runtime::chrono::{DateTime, Utc};
use fleetops_runtime::codec::{DecodeError, Path, Reader, ValidationErrors, Writer, check};
use fleetops_runtime::consumer::{ConsumerBuilder, Received};
use fleetops_runtime::framing::{self, SchemaId};
use fleetops_runtime::registry::{Answer, RegisteredSchema, RegistryClient, RegistryError, SchemaSource};
use fleetops_runtime::topic::{DedupSpec, ReorderSpec, Sequence, Topic, TopicSpec};
use fleetops_runtime::{Consumer, consumer::ConsumerCounts};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

pub const TOPIC: &str = "readings";
pub const DEAD_LETTERS: &str = "readings.dlq";

/// The reader's schema.
pub const SCHEMA: &str = r#"{"type": "record", "name": "Reading", "namespace": "test", "fields": [
    {"name": "vehicle", "type": "string"}, {"name": "frame", "type": "long"},
    {"name": "id", "type": "string"}, {"name": "unit", "type": "string", "default": "m"}]}"#;

/// An older writer's: other order, a narrower type, a field that the reader has not, none for the default.
pub const OLD_SCHEMA: &str = r#"{"type": "record", "name": "Reading", "namespace": "test", "fields": [
    {"name": "id", "type": "string"}, {"name": "gone", "type": "double"},
    {"name": "frame", "type": "int"}, {"name": "vehicle", "type": "string"}]}"#;

pub const ID: u32 = 1;
pub const OLD_ID: u32 = 2;
pub const UNREADABLE_ID: u32 = 3;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading {
    pub vehicle: String,
    pub frame: i64,
    pub id: String,
    pub unit: String,
}

impl Reading {
    pub fn new(vehicle: &str, frame: i64) -> Self {
        Self {
            vehicle: vehicle.to_owned(),
            frame,
            id: format!("{vehicle}-{frame}"),
            unit: "km".to_owned(),
        }
    }

    pub fn dedup_key(&self) -> Vec<u8> {
        format!("{}\u{1f}{}", self.vehicle, self.id).into_bytes()
    }

    /// Framed, as our producers write it.
    pub fn value(&self) -> Vec<u8> {
        let mut out = Vec::new();
        framing::put(&mut out, ID);
        let mut writer = Writer::new(&mut out, 128);
        writer.string(&self.vehicle);
        writer.long(self.frame);
        writer.string(&self.id);
        writer.string(&self.unit);
        writer.finish();
        out
    }

    pub fn old_value(&self) -> Vec<u8> {
        let mut out = Vec::new();
        framing::put(&mut out, OLD_ID);
        let mut writer = Writer::new(&mut out, 128);
        writer.string(&self.id);
        writer.double(1.5);
        writer.long(self.frame); // an int has the same bytes
        writer.string(&self.vehicle);
        writer.finish();
        out
    }
}

/// The topic, as generated code would have it.
pub struct Readings {
    spec: TopicSpec,
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            spec: TopicSpec {
                name: Cow::Borrowed(TOPIC),
                subject: Cow::Borrowed("readings-value"),
                partitions: 3,
                dead_letter: None,
                dedup: Some(DedupSpec {
                    ttl: Duration::from_secs(60),
                }),
                reorder: Some(ReorderSpec {
                    ring: 10,
                    tolerance: 2,
                    hold: Duration::from_millis(300),
                }),
            },
        }
    }
}

impl Readings {
    pub fn named(topic: &str) -> Self {
        let mut readings = Self::default();
        readings.spec.name = Cow::Owned(topic.to_owned());
        readings
    }
}

impl Topic for Readings {
    type Event = Reading;

    fn spec(&self) -> &TopicSpec {
        &self.spec
    }

    fn schema(&self) -> &str {
        SCHEMA
    }

    fn decode(&self, plan: &Plan, payload: &[u8]) -> Result<Reading, DecodeError> {
        let mut bytes = Vec::new();
        let payload = if plan.is_identity() {
            payload
        } else {
            plan.transcode(payload, &mut bytes)?;
            &bytes
        };
        let mut reader = Reader::new(payload);
        let reading = Reading {
            vehicle: reader.string()?,
            frame: reader.long()?,
            id: reader.string()?,
            unit: reader.string()?,
        };
        reader.finish()?;
        Ok(reading)
    }

    fn encode(&self, event: &Reading, out: &mut Vec<u8>) {
        out.extend_from_slice(&event.value()[framing::PREFIX_LENGTH..]);
    }

    fn key(&self, event: &Reading, out: &mut String) -> bool {
        out.push_str(&event.vehicle);
        true
    }

    fn dedup_key(&self, event: &Reading, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&event.dedup_key());
        true
    }

    fn sequence(&self, event: &Reading) -> Option<Sequence> {
        Some(Sequence {
            by: event.vehicle.clone(),
            epoch: String::new(),
            index: event.frame,
        })
    }

    fn stamp(&self, _: &mut Reading, _: DateTime<Utc>) {}

    fn validate(&self, event: &Reading) -> Result<(), ValidationErrors> {
        let mut errors = ValidationErrors::default();
        check::minimum(&mut errors, &Path::ROOT.field("frame"), &event.frame, &0);
        errors.into_result()
    }
}

/// A registry in memory, which can be made to fail.
#[derive(Clone, Default)]
pub struct Registry {
    pub calls: Arc<AtomicUsize>,
    /// Questions for a version of a subject.
    pub versions: Arc<AtomicUsize>,
    /// So many calls are answered with an error first.
    pub down: Arc<AtomicUsize>,
    pub refuses: bool,
}

impl RegistryClient for Registry {
    fn address(&self) -> String {
        "memory".to_owned()
    }

    fn schema(&self, id: SchemaId) -> Answer<'_, Option<RegisteredSchema>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let fails = self
            .down
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        Box::pin(async move {
            if self.refuses {
                return Err(RegistryError::Refused {
                    registry: "memory".into(),
                    reason: "401".into(),
                });
            }
            if fails {
                return Err(RegistryError::Unreachable {
                    registry: "memory".into(),
                    reason: "down".into(),
                });
            }
            Ok(match id {
                SchemaId::Id(ID) => Some(RegisteredSchema::avro(SCHEMA)),
                SchemaId::Id(OLD_ID) => Some(RegisteredSchema::avro(OLD_SCHEMA)),
                SchemaId::Id(UNREADABLE_ID) => Some(RegisteredSchema::avro(r#""string""#)),
                _ => None,
            })
        })
    }

    /// The older writer's schema is version 1, the reader's version 2.
    fn version<'a>(&'a self, _: &'a str, version: Option<u32>) -> Answer<'a, Option<RegisteredSchema>> {
        self.versions.fetch_add(1, Ordering::SeqCst);
        let numbered = |version, schema| {
            let mut registered = RegisteredSchema::avro(schema);
            registered.version = Some(version);
            registered
        };
        Box::pin(async move {
            Ok(match version {
                None | Some(2) => Some(numbered(2, SCHEMA)),
                Some(1) => Some(numbered(1, OLD_SCHEMA)),
                Some(_) => None,
            })
        })
    }

    fn look_up<'a>(&'a self, _: &'a str, _: &'a str) -> Answer<'a, Option<u32>> {
        Box::pin(async { Ok(Some(ID)) })
    }
}

/// A broker: librdkafka's mock on loopback, or a real one where `FLEETOPS_TEST_KAFKA` names its address.
pub struct Broker {
    cluster: Option<MockCluster<'static, DefaultProducerContext>>,
    brokers: String,
    pub topic: String,
    pub dead_letters: String,
    producer: ThreadedProducer<rdkafka::producer::DefaultProducerContext>,
}

/// One record as it is sent.
#[derive(Clone, Debug, Default)]
pub struct Outgoing {
    pub partition: i32,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(&'static str, Vec<u8>)>,
    pub timestamp: Option<i64>,
}

impl Outgoing {
    /// As our producers send it.
    pub fn of(reading: &Reading, partition: i32) -> Self {
        Self {
            partition,
            key: Some(reading.vehicle.clone().into_bytes()),
            value: Some(reading.value()),
            headers: vec![("dedup-key", reading.dedup_key())],
            timestamp: None,
        }
    }

    pub fn value(value: impl Into<Vec<u8>>, partition: i32) -> Self {
        Self {
            partition,
            value: Some(value.into()),
            key: Some(b"v".to_vec()),
            ..Self::default()
        }
    }
}

impl Broker {
    pub fn new(partitions: i32) -> Self {
        let Ok(brokers) = std::env::var("FLEETOPS_TEST_KAFKA") else {
            let cluster = MockCluster::new(1).unwrap();
            cluster.create_topic(TOPIC, partitions, 1).unwrap();
            cluster.create_topic(DEAD_LETTERS, partitions, 1).unwrap();
            let brokers = cluster.bootstrap_servers();
            return Self::over(Some(cluster), brokers, TOPIC, DEAD_LETTERS);
        };
        // Topics of its own for each test: the group and its offsets go with the topic's name.
        let topic = format!("readings-{}", fleetops_runtime::uuid::Uuid::new_v4());
        let dead_letters = format!("{topic}.dlq");
        let client: AdminClient<DefaultClientContext> = ClientConfig::new()
            .set("bootstrap.servers", &brokers)
            .create()
            .unwrap();
        let topics = [&topic, &dead_letters].map(|name| {
            NewTopic::new(name, partitions, TopicReplication::Fixed(1))
                .set("message.timestamp.type", "LogAppendTime")
        });
        let made = client.create_topics(&topics, &AdminOptions::new());
        let made = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(made)).unwrap();
        made.into_iter().for_each(|topic| drop(topic.unwrap()));
        Self::over(None, brokers, &topic, &dead_letters)
    }

    /// Whether it is a real one.
    pub fn is_real(&self) -> bool {
        self.cluster.is_none()
    }

    fn over(
        cluster: Option<MockCluster<'static, DefaultProducerContext>>,
        brokers: String,
        topic: &str,
        dead_letters: &str,
    ) -> Self {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &brokers)
            .set("enable.idempotence", "true")
            .set("linger.ms", "0")
            .create()
            .unwrap();
        Self {
            cluster,
            brokers,
            topic: topic.to_owned(),
            dead_letters: dead_letters.to_owned(),
            producer,
        }
    }

    pub fn brokers(&self) -> String {
        self.brokers.clone()
    }

    /// Sends in order and waits for the broker.
    pub fn send(&self, records: &[Outgoing]) {
        for record in records {
            let mut headers = OwnedHeaders::new();
            for (key, value) in &record.headers {
                headers = headers.insert(Header {
                    key,
                    value: Some(value),
                });
            }
            let mut sent: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(&self.topic)
                .partition(record.partition)
                .headers(headers);
            sent.key = record.key.as_deref();
            sent.payload = record.value.as_deref();
            sent.timestamp = record.timestamp;
            self.producer.send(sent).map_err(|(error, _)| error).unwrap();
        }
        self.producer.flush(Duration::from_secs(10)).unwrap();
    }

    /// A consumer of this broker, with short times.
    pub fn consumer(&self, registry: &Registry) -> ConsumerBuilder<Readings> {
        Consumer::builder_for(Readings::named(&self.topic))
            .brokers(self.brokers())
            .schema_source(SchemaSource::new(registry.clone()))
            .group(&self.topic)
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "300")
            .commit_every(Duration::from_millis(50), 100)
            .drain(Duration::from_secs(5))
    }

    fn client(&self, group: &str) -> BaseConsumer {
        ClientConfig::new()
            .set("bootstrap.servers", self.brokers())
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .create()
            .unwrap()
    }

    /// The group's committed offsets by partition; those without one are not there.
    pub fn committed(&self, partitions: i32) -> BTreeMap<i32, i64> {
        let client = self.client(&self.topic);
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.topic, 0, partitions - 1);
        let list = client.committed_offsets(list, Duration::from_secs(10)).unwrap();
        list.elements()
            .iter()
            .filter_map(|element| match element.offset() {
                Offset::Offset(offset) => Some((element.partition(), offset)),
                _ => None,
            })
            .collect()
    }

    /// Everything in a topic, read to its end.
    pub fn read(&self, topic: &str, partitions: i32) -> Vec<rdkafka::message::OwnedMessage> {
        let client = self.client(&format!("{topic}-reader"));
        let mut list = TopicPartitionList::new();
        for partition in 0..partitions {
            list.add_partition_offset(topic, partition, Offset::Beginning)
                .unwrap();
        }
        client.assign(&list).unwrap();
        let mut found = Vec::new();
        let mut ends = 0;
        let until = Instant::now() + Duration::from_secs(30);
        while ends < partitions {
            assert!(Instant::now() < until, "the topic was not read to its end");
            match client.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => found.push(message.detach()),
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => ends += 1,
                Some(Err(error)) => panic!("{error}"),
                None => {}
            }
        }
        found
    }
}

/// A header's value as text.
pub fn header(message: &rdkafka::message::OwnedMessage, name: &str) -> Option<String> {
    let headers = message.headers()?;
    let found = headers.iter().filter(|header| header.key == name).last()?;
    Some(String::from_utf8(found.value?.to_vec()).unwrap())
}

/// What was handled, in the order in which handlers ended.
#[derive(Clone, Default)]
pub struct Ledger {
    lines: Arc<Mutex<Vec<(i32, i64, Reading)>>>,
}

impl Ledger {
    pub fn write(&self, received: &Received<Reading>) {
        let event = received.event().expect("no tombstone").clone();
        self.lines
            .lock()
            .unwrap()
            .push((received.partition(), received.offset(), event));
    }

    pub fn push(&self, partition: i32, offset: i64, reading: Reading) {
        self.lines.lock().unwrap().push((partition, offset, reading));
    }

    pub fn lines(&self) -> Vec<(i32, i64, Reading)> {
        self.lines.lock().unwrap().clone()
    }

    pub fn len(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    pub fn readings(&self) -> BTreeSet<Reading> {
        self.lines().into_iter().map(|(_, _, reading)| reading).collect()
    }

    /// Each vehicle's frames rose.
    pub fn assert_in_order(&self) {
        let mut last: BTreeMap<String, i64> = BTreeMap::new();
        for (_, offset, reading) in self.lines() {
            if let Some(before) = last.insert(reading.vehicle.clone(), reading.frame) {
                assert!(
                    before < reading.frame,
                    "{} after {before}, offset {offset}",
                    reading.id
                );
            }
        }
    }

    /// No offset below the commits is missing here, save those of `dropped`.
    pub fn assert_commits_covered(&self, committed: &BTreeMap<i32, i64>, dropped: &BTreeSet<(i32, i64)>) {
        let handled: BTreeSet<(i32, i64)> = self.lines().iter().map(|(p, o, _)| (*p, *o)).collect();
        for (partition, end) in committed {
            for offset in 0..*end {
                let place = (*partition, offset);
                assert!(
                    handled.contains(&place) || dropped.contains(&place),
                    "partition {partition}: {end} is committed, and {offset} was not handled"
                );
            }
        }
    }
}

/// A stream of several vehicles, with duplicates and displacement of at most 2, the same for the same seed.
pub struct Stream {
    pub records: Vec<Outgoing>,
    pub unique: BTreeSet<Reading>,
    /// Places of the duplicates in their partitions.
    pub duplicates: BTreeSet<(i32, i64)>,
}

/// A small generator of numbers that look random: the same everywhere, for the same seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

pub fn stream(partitions: i32, vehicles: usize, frames: i64, first: i64, seed: u64) -> Stream {
    let mut dice = Dice(seed);
    let mut unique = BTreeSet::new();
    // per vehicle: its frames, some changed places with the next or the one after it
    let mut queues: Vec<Vec<Reading>> = (0..vehicles)
        .map(|vehicle| {
            let name = format!("vehicle-{vehicle}");
            let mut frames: Vec<i64> = (first..first + frames).collect();
            let mut at = 0;
            while at + 2 < frames.len() {
                match dice.roll(6) {
                    0 => frames.swap(at, at + 1),
                    1 => frames.swap(at, at + 2),
                    _ => {}
                }
                at += 3;
            }
            frames.reverse();
            frames
                .into_iter()
                .map(|frame| Reading::new(&name, frame))
                .collect()
        })
        .collect();
    let mut records = Vec::new();
    let mut duplicates = BTreeSet::new();
    let mut next = vec![0i64; partitions as usize];
    let mut push = |record: Outgoing, duplicate: bool, records: &mut Vec<Outgoing>| {
        let offset = &mut next[record.partition as usize];
        if duplicate {
            duplicates.insert((record.partition, *offset));
        }
        *offset += 1;
        records.push(record);
    };
    while queues.iter().any(|queue| !queue.is_empty()) {
        let vehicle = dice.roll(vehicles as u64) as usize;
        if let Some(reading) = queues[vehicle].pop() {
            let record = Outgoing::of(&reading, vehicle as i32 % partitions);
            unique.insert(reading);
            push(record.clone(), false, &mut records);
            if dice.roll(20) == 0 {
                push(record, true, &mut records);
            }
        }
    }
    Stream {
        records,
        unique,
        duplicates,
    }
}

/// Waits until the condition holds; panics after half a minute.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Every record received has exactly one outcome.
pub fn assert_balanced(counts: &ConsumerCounts) {
    let outcomes = counts.duplicates
        + counts.frame_duplicates
        + counts.conflicts
        + counts.late
        + counts.too_old
        + counts.jumps
        + counts.poison
        + counts.handed_out;
    assert_eq!(counts.received, outcomes + counts.waiting, "{counts:#?}");
}
