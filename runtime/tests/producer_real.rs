//! The producer and the look-ups against a real broker and a real registry, where their addresses are in
//! `FLEETOPS_TEST_KAFKA` (bootstrap servers) and `FLEETOPS_TEST_REGISTRY` (URL): `dev/stack` starts both.
#![cfg(feature = "kafka")]
#![allow(clippy::expect_used, clippy::panic, clippy::print_stderr)] // a helper of tests may fail as a test does

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use fleetops_runtime::avro::resolve::Plan;
use fleetops_runtime::chrono::{DateTime, Utc};
use fleetops_runtime::codec::{
    AvroRecord, DecodeError, Path, Reader, Resolver, ValidationErrors, Writer, decode_with,
};
use fleetops_runtime::framing::{self, SchemaId};
use fleetops_runtime::registry::{RegistryError, RegistrySettings, SchemaSource};
use fleetops_runtime::topic::{DedupSpec, Sequence, Topic, TopicSpec};
use fleetops_runtime::{Outcome, Producer, ProducerError};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::json;

const PARTITIONS: i32 = 3;

#[derive(Clone, Debug, PartialEq)]
struct Reading {
    sensor: String,
    place: [u8; 2],
    value: f64,
}

impl AvroRecord for Reading {
    const SCHEMA: &'static str = r#"{"type":"record","name":"Reading","namespace":"real","fields":[
        {"name":"sensor","type":"string"},
        {"name":"place","type":{"type":"fixed","name":"Place","size":2}},
        {"name":"value","type":"double"}]}"#;
    const FINGERPRINT: u64 = 0;
    const NAME: &'static str = "real.Reading";

    fn encode_avro(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out, 64);
        writer.string(&self.sensor);
        writer.fixed(&self.place);
        writer.double(self.value);
        writer.finish();
    }

    fn decode_avro(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            sensor: r.string()?,
            place: *r.fixed()?,
            value: r.double()?,
        })
    }

    fn validate_at(&self, _: &Path<'_>, _: &mut ValidationErrors) {}
}

struct Readings(TopicSpec);

impl Topic for Readings {
    type Event = Reading;

    fn spec(&self) -> &TopicSpec {
        &self.0
    }
    fn schema(&self) -> &str {
        Reading::SCHEMA
    }
    fn decode(&self, plan: &Plan, payload: &[u8]) -> Result<Reading, DecodeError> {
        decode_with(plan, payload)
    }
    fn encode(&self, event: &Reading, out: &mut Vec<u8>) {
        event.encode_avro(out);
    }
    fn key(&self, event: &Reading, out: &mut String) -> bool {
        out.push_str(&event.sensor);
        true
    }
    fn dedup_key(&self, event: &Reading, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(format!("{}\u{1f}{}", event.sensor, event.value).as_bytes());
        true
    }
    fn sequence(&self, _: &Reading, _: &mut Sequence) -> bool {
        false
    }
    fn stamp(&self, _: &mut Reading, _: DateTime<Utc>) {}
    fn validate(&self, event: &Reading) -> Result<(), ValidationErrors> {
        event.validate()
    }
}

fn readings(name: &str) -> Readings {
    Readings(TopicSpec {
        name: Cow::Owned(name.to_owned()),
        subject: Cow::Owned(format!("{name}-value")),
        partitions: PARTITIONS as u32,
        dead_letter: None,
        dedup: Some(DedupSpec {
            ttl: Duration::from_secs(60),
        }),
        reorder: None,
    })
}

fn servers() -> Option<(String, String)> {
    let servers = (
        std::env::var("FLEETOPS_TEST_KAFKA"),
        std::env::var("FLEETOPS_TEST_REGISTRY"),
    );
    let (Ok(kafka), Ok(registry)) = servers else {
        eprintln!("skipped: FLEETOPS_TEST_KAFKA and FLEETOPS_TEST_REGISTRY are not set");
        return None;
    };
    Some((kafka, registry))
}

/// A name that no run before has used.
fn fresh(name: &str) -> String {
    format!("{name}-{}", fleetops_runtime::uuid::Uuid::new_v4().simple())
}

async fn register(registry: &str, subject: &str, body: serde_json::Value) -> u32 {
    let answer = reqwest::Client::new()
        .post(format!("{registry}/subjects/{subject}/versions"))
        .header("content-type", "application/vnd.schemaregistry.v1+json")
        .body(body.to_string())
        .send()
        .await
        .expect("the registry");
    let text = answer.text().await.expect("an answer");
    let answer: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    answer["id"]
        .as_u64()
        .unwrap_or_else(|| panic!("not registered: {text}")) as u32
}

async fn create_topic(kafka: &str, topic: &str) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", kafka)
        .create()
        .expect("a client");
    let topic = NewTopic::new(topic, PARTITIONS, TopicReplication::Fixed(1));
    for result in admin
        .create_topics(&[topic], &AdminOptions::new())
        .await
        .expect("the broker")
    {
        result.expect("a new topic");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_reach_a_real_broker_and_are_read_by_the_registrys_schema() {
    let Some((kafka, registry)) = servers() else {
        return;
    };
    let topic = fresh("readings");
    create_topic(&kafka, &topic).await;

    let builder = || {
        Producer::builder_for(readings(&topic))
            .brokers(&kafka)
            .registry(&registry)
    };
    let error = builder().build().await.expect_err("nothing is registered");
    assert!(
        matches!(
            &error,
            ProducerError::Schema {
                source: RegistryError::NotRegistered { .. },
                ..
            }
        ),
        "{error:?}"
    );

    let id = register(
        &registry,
        &format!("{topic}-value"),
        json!({ "schema": Reading::SCHEMA }),
    )
    .await;
    let producer = builder().build().await.expect("it is registered now");
    assert_eq!(producer.schema_id(), id);

    let mut receipts = Vec::new();
    for i in 0..5_000_u32 {
        // Every fifth event is sent twice.
        let value = f64::from(i - u32::from(i % 5 == 4));
        let event = Reading {
            sensor: format!("sensor_{}", value as u32 % 20),
            place: [1, 2],
            value,
        };
        receipts.push(producer.enqueue(event).await.expect("room"));
    }
    producer
        .flush(Duration::from_secs(60))
        .await
        .expect("all acknowledged");
    let mut acknowledged = HashMap::new();
    for (i, receipt) in receipts.into_iter().enumerate() {
        match receipt.await.expect("acknowledged") {
            Outcome::Acknowledged { partition, offset } => {
                assert!(acknowledged.insert((partition, offset), i).is_none());
            }
            outcome => assert_eq!((outcome, i % 5), (Outcome::Duplicate, 4)),
        }
    }
    let counts = producer.counts();
    assert_eq!(
        (counts.sent, counts.acknowledged, counts.duplicates, counts.failed),
        (5_000, 4_000, 1_000, 0)
    );
    producer
        .close(Duration::from_secs(10))
        .await
        .expect("nothing left");

    let source = SchemaSource::connect(&RegistrySettings::new(&registry)).expect("an address");
    let writer = source.schema(SchemaId::Id(id)).await.expect("the schema");
    let resolver = Resolver::<Reading>::new(&writer).expect("the same schema");
    assert!(resolver.plan().is_identity());
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &kafka)
        .set("group.id", &topic)
        .create()
        .expect("a client");
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment
            .add_partition_offset(&topic, partition, Offset::Beginning)
            .expect("an offset");
    }
    consumer.assign(&assignment).expect("assigned");
    let mut last = HashMap::<String, f64>::new();
    for _ in 0..4_000 {
        let message = consumer
            .poll(Duration::from_secs(20))
            .expect("the rest of the log")
            .expect("a record");
        let (found, payload) = framing::split(message.payload().expect("a value")).expect("framing");
        assert_eq!(found, id);
        let event = Reading::from_avro_with(&resolver, payload).expect("a reading");
        assert!(
            acknowledged
                .remove(&(message.partition(), message.offset()))
                .is_some()
        );
        assert_eq!(message.key(), Some(event.sensor.as_bytes()));
        // Within a key in the order they were sent.
        let before = last.insert(event.sensor, event.value);
        assert!(before.is_none_or(|before| before < event.value));
    }
    assert!(acknowledged.is_empty());
}

#[tokio::test]
async fn a_schema_that_was_registered_with_references_is_found_and_resolved() {
    let Some((_, registry)) = servers() else { return };
    let topic = fresh("referring");
    let place = fresh("place");
    let fixed = r#"{"type":"fixed","name":"Place","namespace":"real","size":2}"#;
    register(&registry, &place, json!({ "schema": fixed })).await;
    let refers = r#"{"type":"record","name":"Reading","namespace":"real","fields":[
        {"name":"sensor","type":"string"},{"name":"place","type":"real.Place"},{"name":"value","type":"double"}]}"#;
    let references = json!([{ "name": "real.Place", "subject": place, "version": 1 }]);
    let subject = format!("{topic}-value");
    let id = register(
        &registry,
        &subject,
        json!({ "schema": refers, "references": references }),
    )
    .await;

    let source = SchemaSource::connect(&RegistrySettings::new(&registry)).expect("an address");
    assert_eq!(source.id_of(&subject, Reading::SCHEMA).await, Ok(id));
    let schema = source.schema(SchemaId::Id(id)).await.expect("resolved");
    assert!(
        Resolver::<Reading>::new(&schema)
            .expect("the same")
            .plan()
            .is_identity()
    );

    let error = source
        .schema(SchemaId::Id(u32::MAX / 2))
        .await
        .expect_err("no such ID");
    assert!(matches!(error, RegistryError::UnknownSchema { .. }), "{error:?}");
}
