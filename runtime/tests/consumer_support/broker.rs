//! A broker, what is sent to it, and what is read from it by a bare client.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fleetops_runtime::Consumer;
use fleetops_runtime::consumer::ConsumerBuilder;
use fleetops_runtime::registry::SchemaSource;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use super::reading::{Reading, Readings};
use super::registry::Registry;
use super::{DEAD_LETTERS, TOPIC};

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

    /// The next so many fetches are answered with an error, which librdkafka reports and tries again; `false`: this broker is a real one.
    pub fn refuse_fetches(&self, many: usize) -> bool {
        let errors = vec![RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN; many];
        let cluster = self.cluster.as_ref();
        cluster.is_some_and(|cluster| {
            cluster.request_errors(RDKafkaApiKey::Fetch, &errors);
            true
        })
    }

    /// Fetches are answered again.
    pub fn answer_fetches(&self) {
        if let Some(cluster) = &self.cluster {
            cluster.clear_request_errors(RDKafkaApiKey::Fetch);
        }
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
