//! The producer on librdkafka's mock cluster, which speaks the real protocol on loopback.

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
    fn sequence(&self, _: &Event) -> Option<Sequence> {
        None
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

#[tokio::test]
async fn a_record_is_keyed_framed_and_carries_its_dedup_key() {
    let bench = Bench::new();
    let producer = bench.producer().await;
    assert_eq!(producer.schema_id(), SCHEMA_ID);
    let Outcome::Acknowledged { partition, offset } = producer.send(event("v1", "e1")).await.unwrap() else {
        panic!("not acknowledged");
    };
    let keyless = Event {
        key: None,
        id: String::new(),
        value: 2,
        at: None,
    };
    producer.send(keyless).await.unwrap();
    let log = bench.log();
    let record = log.iter().find(|record| record.key.is_some()).unwrap();
    assert_eq!((record.partition, record.offset), (partition, offset));
    assert_eq!(record.key.as_deref(), Some("v1"));
    assert_eq!(record.value, [0, 1, 2, 3, 4, 2]);
    assert_eq!(
        record.header,
        Some(("dedup-key".to_owned(), b"v1\x1fe1".to_vec()))
    );
    let record = log.iter().find(|record| record.key.is_none()).unwrap();
    assert_eq!(
        (record.value.as_slice(), &record.header),
        (&[0, 1, 2, 3, 4, 4][..], &None)
    );
    assert_eq!(counts(&producer), (2, 2, 0, 0));
    producer.close(SOON).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_in_the_log_once() {
    let bench = Bench::new();
    let producer = bench
        .builder()
        .max_in_flight_bytes(100_000)
        .build()
        .await
        .unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let producer = producer.clone();
            tokio::spawn(async move {
                let mut receipts = Vec::new();
                for i in 0..1_500_u32 {
                    // Every third event is one that another task sends too.
                    let id = if i % 3 == 0 {
                        format!("shared {i}")
                    } else {
                        format!("{task} {i}")
                    };
                    receipts.push(
                        producer
                            .enqueue(event(&format!("v{}", i % 50), &id))
                            .await
                            .unwrap(),
                    );
                }
                let mut acknowledged = 0;
                for receipt in receipts {
                    acknowledged += u64::from(matches!(receipt.await.unwrap(), Outcome::Acknowledged { .. }));
                }
                acknowledged
            })
        })
        .collect();
    let mut acknowledged = 0;
    for task in tasks {
        acknowledged += task.await.unwrap();
    }
    assert_eq!(acknowledged, 500 + 4 * 1_000);
    assert_eq!(counts(&producer), (6_000, acknowledged, 1_500, 0));
    producer.close(SOON).await.unwrap();
    let log = bench.log();
    assert_eq!(log.len() as u64, acknowledged);
    let keys: std::collections::HashSet<_> = log.iter().map(|record| record.header.clone()).collect();
    assert_eq!(keys.len(), log.len());
}

#[tokio::test]
async fn a_duplicate_is_dropped_for_the_ttl_and_not_longer() {
    let bench = Bench::new();
    let producer = bench.producer().await;
    let acknowledged = |outcome| matches!(outcome, Ok(Outcome::Acknowledged { .. }));
    assert!(acknowledged(producer.send(event("v", "e")).await));
    bench.now.store(59_999, Ordering::SeqCst);
    assert_eq!(producer.send(event("v", "e")).await, Ok(Outcome::Duplicate));
    // Same ID, another vehicle: another key.
    assert!(acknowledged(producer.send(event("w", "e")).await));
    bench.now.store(60_000, Ordering::SeqCst);
    assert!(acknowledged(producer.send(event("v", "e")).await));
    // Without a dedup key nothing is remembered.
    for _ in 0..2 {
        assert!(acknowledged(producer.send(event("v", "")).await));
    }
    assert_eq!(counts(&producer), (6, 5, 1, 0));
    assert_eq!(bench.log().len(), 5);
}

#[tokio::test]
async fn the_second_of_two_in_flight_gets_the_firsts_outcome() {
    let bench = Bench::new();
    bench
        .cluster
        .broker_round_trip_time(-1, Duration::from_millis(50))
        .unwrap();
    let producer = bench.producer().await;
    let first = producer.enqueue(event("v", "e")).await.unwrap();
    let second = producer.enqueue(event("v", "e")).await.unwrap();
    assert_eq!(producer.in_flight(), 1);
    assert_eq!(second.await, Ok(Outcome::Duplicate));
    assert!(matches!(first.await, Ok(Outcome::Acknowledged { .. })));

    // The first fails: so does the second, and the third goes through.
    bench.fail_produce(&[Code::RD_KAFKA_RESP_ERR_INVALID_RECORD]);
    let first = producer.enqueue(event("v", "f")).await.unwrap();
    let second = producer.enqueue(event("v", "f")).await.unwrap();
    let error = first.await.unwrap_err();
    assert_eq!(second.await, Err(error.clone()));
    assert!(
        matches!(
            &error,
            SendError::Undelivered {
                code: RDKafkaErrorCode::InvalidRecord,
                ..
            }
        ),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.starts_with("topic events, key \"v\": not acknowledged: ")
            && text.contains("see the broker's log"),
        "{text}"
    );
    assert!(!error.may_be_written());
    let third = producer.send(event("v", "f")).await;
    assert!(matches!(third, Ok(Outcome::Acknowledged { .. })), "{third:?}");
    assert_eq!(counts(&producer), (5, 2, 1, 2));
    assert_eq!(bench.log().len(), 2);
}

#[tokio::test]
async fn injected_errors_never_make_a_false_success() {
    let bench = Bench::new();
    let producer = bench
        .builder()
        .set("retry.backoff.ms", "1")
        .set("retry.backoff.max.ms", "2")
        .build()
        .await
        .unwrap();
    let errors = [
        Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        Code::RD_KAFKA_RESP_ERR__TRANSPORT,
        Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        Code::RD_KAFKA_RESP_ERR_NO_ERROR,
        Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        Code::RD_KAFKA_RESP_ERR_NO_ERROR,
        Code::RD_KAFKA_RESP_ERR_INVALID_RECORD,
    ];
    bench.fail_produce(&errors.repeat(4));
    let mut receipts = Vec::new();
    for i in 0..400 {
        let id = format!("e{i}");
        receipts.push((
            id.clone(),
            producer
                .enqueue(event(&format!("v{}", i % 7), &id))
                .await
                .unwrap(),
        ));
        if i % 10 == 0 {
            // Many small requests, so that the errors spread over them.
            producer.flush(SOON).await.ok();
        }
    }
    let mut acknowledged = BTreeMap::new();
    let mut failed = 0;
    for (id, receipt) in receipts {
        match receipt.await {
            Ok(Outcome::Acknowledged { partition, offset }) => {
                acknowledged.insert(id, (partition, offset));
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => failed += 1,
        }
    }
    assert!(
        failed > 0 && !acknowledged.is_empty(),
        "{failed} failed, {} acknowledged",
        acknowledged.len()
    );
    assert_eq!(counts(&producer), (400, acknowledged.len() as u64, 0, failed));
    let log = bench.log();
    let mut found: HashMap<String, Vec<(i32, i64)>> = HashMap::new();
    for record in log {
        let (_, header) = record.header.unwrap();
        let id = String::from_utf8(header)
            .unwrap()
            .split('\u{1f}')
            .nth(1)
            .unwrap()
            .to_owned();
        found
            .entry(id)
            .or_default()
            .push((record.partition, record.offset));
    }
    for (id, place) in acknowledged {
        let places = &found[&id];
        assert_eq!(places.len(), 1, "{id} is in the log {} times", places.len());
        assert!(
            places.contains(&place) || place.1 == -1,
            "{id} was told to be at {place:?}, and is at {places:?}"
        );
    }
}

#[tokio::test]
async fn a_broker_that_is_down_gives_an_error_by_the_deadline() {
    let bench = Bench::new();
    bench.cluster.broker_down(-1).unwrap();
    let producer = bench
        .builder()
        .set("delivery.timeout.ms", "300")
        .build()
        .await
        .unwrap();
    let error = producer.send(event("v", "e")).await.unwrap_err();
    assert!(
        matches!(
            &error,
            SendError::Undelivered {
                code: RDKafkaErrorCode::MessageTimedOut,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error.may_be_written() && error.to_string().contains("message.timeout.ms"),
        "{error}"
    );
    // Forgotten: it can be sent again once the broker is back.
    bench.cluster.broker_up(-1).unwrap();
    let producer = bench.producer().await;
    assert!(matches!(
        producer.send(event("v", "e")).await,
        Ok(Outcome::Acknowledged { .. })
    ));
}

#[tokio::test]
async fn flush_and_close_list_what_was_not_delivered() {
    let bench = Bench::new();
    bench.cluster.broker_down(-1).unwrap();
    let producer = bench.producer().await;
    let first = producer.enqueue(event("a", "1")).await.unwrap();
    let second = producer.enqueue(event("b", "2")).await.unwrap();
    let undelivered = producer.flush(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(undelivered.pending, [Some("a".to_owned()), Some("b".to_owned())]);
    assert_eq!((undelivered.pending_count, undelivered.failed_count), (2, 0));
    let text = undelivered.to_string();
    assert!(
        text.starts_with("topic events: 2 event(s) not acknowledged in time (keys \"a\", \"b\")"),
        "{text}"
    );
    assert_eq!(producer.in_flight(), 2);

    drop(second);
    let undelivered = producer.close(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(undelivered.pending_count, 2);
    let error = first.await.unwrap_err();
    assert!(
        matches!(
            &error,
            SendError::Undelivered {
                code: RDKafkaErrorCode::PurgeQueue,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(producer.in_flight(), 0);
    let error = producer.send(event("c", "3")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "topic events, key \"c\": not sent, the producer is closed"
    );
    assert_eq!(counts(&producer), (3, 0, 0, 3));
    // A second close has nothing left but the failure that nobody heard of.
    let undelivered = producer.close(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!((undelivered.pending_count, undelivered.failed_count), (0, 1));
    assert_eq!(undelivered.failed[0].key(), Some("b"));
    producer.close(Duration::from_millis(50)).await.unwrap();
}

#[tokio::test]
async fn a_producer_that_is_dropped_still_settles_its_receipts() {
    let bench = Bench::new();
    bench.cluster.broker_down(-1).unwrap();
    let producer = bench.producer().await;
    let receipt = producer.enqueue(event("v", "e")).await.unwrap();
    drop(producer);
    let error = receipt.await.unwrap_err();
    assert!(
        matches!(
            &error,
            SendError::Undelivered {
                code: RDKafkaErrorCode::PurgeQueue,
                ..
            }
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_failure_that_nobody_heard_of_is_told_by_the_next_flush() {
    let bench = Bench::new();
    let producer = bench.producer().await;
    bench.fail_produce(&[Code::RD_KAFKA_RESP_ERR_INVALID_RECORD]);
    drop(producer.enqueue(event("v", "e")).await.unwrap());
    let undelivered = producer.flush(SOON).await.unwrap_err();
    assert_eq!((undelivered.pending_count, undelivered.failed_count), (0, 1));
    assert!(
        undelivered
            .to_string()
            .contains("1 event(s) failed unnoticed, the first: topic events, key \"v\"")
    );
    producer.flush(SOON).await.unwrap();
}

#[tokio::test]
async fn a_flush_sends_what_lingers() {
    let bench = Bench::new();
    let producer = bench.builder().set("linger.ms", "15000").build().await.unwrap();
    let receipt = producer.enqueue(event("v", "e")).await.unwrap();
    let start = std::time::Instant::now();
    producer.flush(Duration::from_secs(10)).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(matches!(receipt.await, Ok(Outcome::Acknowledged { .. })));
}

#[tokio::test]
async fn a_full_producer_makes_the_caller_wait() {
    let bench = Bench::new();
    let room = 10 * (OVERHEAD + 20);
    bench.cluster.broker_down(-1).unwrap();
    let producer = bench.builder().max_in_flight_bytes(room).build().await.unwrap();
    let mut receipts = Vec::new();
    let mut waiting = None;
    for i in 0..20 {
        let mut enqueue = Box::pin(producer.enqueue(event("v", &i.to_string())));
        let polled = std::future::poll_fn(|context| Poll::Ready(enqueue.as_mut().poll(context))).await;
        match polled {
            Poll::Ready(receipt) => receipts.push(receipt.unwrap()),
            Poll::Pending => {
                waiting = Some(enqueue);
                break;
            }
        }
    }
    let waiting = waiting.expect("no room for 20");
    assert!((9..=10).contains(&receipts.len()), "{} in flight", receipts.len());
    // One that waits and is dropped leaves no trace.
    let mut dropped = Box::pin(producer.enqueue(event("v", "dropped")));
    assert!(std::future::poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context).is_pending())).await);
    drop(dropped);
    bench.cluster.broker_up(-1).unwrap();
    receipts.push(waiting.await.unwrap());
    let sent = receipts.len();
    for receipt in receipts {
        receipt.await.unwrap();
    }
    assert!(matches!(
        producer.send(event("v", "dropped")).await,
        Ok(Outcome::Acknowledged { .. })
    ));
    assert_eq!(bench.log().len(), sent + 1);
    // A record larger than all the room takes all of it.
    let large = event(&"v".repeat(2 * room), "large");
    assert!(matches!(
        producer.send(large).await,
        Ok(Outcome::Acknowledged { .. })
    ));
}

#[tokio::test]
async fn an_event_that_is_not_valid_is_not_sent() {
    let bench = Bench::new();
    let producer = bench.producer().await;
    let error = producer
        .send(Event {
            value: -1,
            ..event("v", "e")
        })
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "topic events, key \"v\": not sent, the event is not valid: value: must be at least 0, found -1 (minimum)"
    );
    assert_eq!(counts(&producer), (1, 0, 0, 1));
    // Its key is not taken.
    assert!(matches!(
        producer.send(event("v", "e")).await,
        Ok(Outcome::Acknowledged { .. })
    ));
    assert_eq!(bench.log().len(), 1);
}

#[tokio::test]
async fn a_record_too_large_says_so_and_frees_its_key() {
    let bench = Bench::new();
    let producer = bench
        .builder()
        .set("message.max.bytes", "1000")
        .build()
        .await
        .unwrap();
    let error = producer.send(event(&"v".repeat(2_000), "e")).await.unwrap_err();
    assert!(
        matches!(
            &error,
            SendError::Undelivered {
                code: RDKafkaErrorCode::MessageSizeTooLarge,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error.to_string().len() < 500 && error.to_string().contains("message.max.bytes"),
        "{error}"
    );
    assert_eq!(producer.in_flight(), 0);
    assert_eq!(counts(&producer), (1, 0, 0, 1));
}

#[tokio::test]
async fn an_authorisation_that_is_missing_says_which() {
    let bench = Bench::new();
    let producer = bench.producer().await;
    bench.fail_produce(&[Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
    let error = producer.send(event("v", "e")).await.unwrap_err();
    assert!(
        matches!(
            &error,
            SendError::Undelivered {
                code: RDKafkaErrorCode::TopicAuthorizationFailed,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("ACL") && !error.may_be_written(),
        "{error}"
    );
}

#[tokio::test]
async fn a_fatal_error_surfaces_and_stops_the_producer() {
    let bench = Bench::new();
    // An idempotent producer needs an ID from the broker, which the principal may not have.
    let refused = [Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED];
    bench
        .cluster
        .request_errors(RDKafkaApiKey::InitProducerId, &refused);
    let producer = bench.producer().await;
    let error = producer.send(event("v", "1")).await.unwrap_err();
    assert!(matches!(&error, SendError::Fatal { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("Cluster authorization failed") && text.contains("build a new producer"),
        "{text}"
    );
    let error = producer.send(event("v", "2")).await.unwrap_err();
    assert!(matches!(&error, SendError::Fatal { .. }), "{error:?}");
    assert!(
        producer
            .fatal_error()
            .is_some_and(|reason| reason.contains("Cluster authorization failed"))
    );
    assert_eq!(counts(&producer), (2, 0, 0, 2));
    // A new one has what it needs.
    bench.producer().await.send(event("v", "1")).await.unwrap();
}

#[tokio::test]
async fn what_cannot_work_is_told_when_the_producer_is_built() {
    let build = |builder: ProducerBuilder<Events>| async { builder.build().await.unwrap_err().to_string() };
    let builder = || Producer::<Events>::builder().schema_source(SchemaSource::new(Registry(None)));
    assert_eq!(
        build(builder()).await,
        "producer of topic events: no brokers are given: call brokers(\"host:port\"), or env(..) with one of: dev"
    );
    let error = build(Producer::<Events>::builder().env("dev")).await;
    assert!(
        error.starts_with("producer of topic events: no schema registry is given"),
        "{error}"
    );
    let error = build(builder().env("dev")).await;
    assert!(
        error.contains("the schema of subject events-value is not registered at http://registry: run `fleetops-registry register`"),
        "{error}"
    );
    for (key, value) in [
        ("acks", "1"),
        ("enable.idempotence", "false"),
        ("partitioner", "consistent_random"),
        ("request.required.acks", "0"),
    ] {
        let error = build(builder().env("dev").set(key, value)).await;
        assert!(error.contains(&format!("cannot be {value}: ")), "{error}");
    }
    let builder = || {
        Producer::<Events>::builder()
            .env("dev")
            .schema_source(SchemaSource::new(Registry(Some(1))))
    };
    let error = build(builder().set("no.such.setting", "1")).await;
    assert!(
        error.contains("does not take the setting no.such.setting"),
        "{error}"
    );
    let error = build(
        builder()
            .set("sasl.password", "hunter2")
            .set("security.protocol", "SASL_NONSENSE"),
    )
    .await;
    assert!(
        error.contains("security.protocol") && !error.contains("hunter2"),
        "{error}"
    );
    let text = format!("{:?}", builder().set("sasl.password", "hunter2"));
    assert!(!text.contains("hunter2"), "{text}");
}

/// Java's `Utils.murmur2` and `BuiltInPartitioner.partitionForKey`, from their published algorithm.
fn java_partition(key: &[u8], partitions: u32) -> i32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ key.len() as u32;
    let mut words = key.chunks_exact(4);
    for word in &mut words {
        let mut k = u32::from_le_bytes(word.try_into().unwrap()).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = words.remainder();
    for (i, byte) in rest.iter().enumerate() {
        hash ^= u32::from(*byte) << (8 * i);
    }
    if !rest.is_empty() {
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^= hash >> 15;
    ((hash & 0x7fff_ffff) % partitions) as i32
}

#[tokio::test]
async fn keys_go_to_the_partitions_that_java_puts_them_on() {
    // Kafka's own test of its murmur2: UtilsTest.testMurmur2.
    for (key, hash) in [
        ("21", -973_932_308_i32),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ] {
        let positive = (hash & i32::MAX) as u32;
        for partitions in [1, 2, 3, 6, 7, 64] {
            assert_eq!(
                java_partition(key.as_bytes(), partitions),
                (positive % partitions) as i32,
                "{key}"
            );
        }
    }
    let bench = Bench::new();
    let producer = bench.producer().await;
    let mut keys: Vec<String> = (0..400).map(|i| format!("scene_{}_track_{i}", i % 3)).collect();
    keys.extend(
        [
            "scene_1_ego",
            "21",
            "foobar",
            "abc",
            "",
            "Zürich",
            "a-little-bit-long-string",
        ]
        .map(str::to_owned),
    );
    let mut receipts = Vec::new();
    for key in &keys {
        receipts.push(producer.enqueue(event(key, "e")).await.unwrap());
    }
    let mut used = std::collections::HashSet::new();
    for (key, receipt) in keys.iter().zip(receipts) {
        let Outcome::Acknowledged { partition, .. } = receipt.await.unwrap() else {
            panic!("{key}")
        };
        assert_eq!(partition, java_partition(key.as_bytes(), 6), "{key}");
        used.insert(partition);
    }
    assert_eq!(used.len(), 6);
}
