//! The embedded broker and registry, healthy and with one thing wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetops_registry::dev::broker::EmbeddedBroker;
use fleetops_registry::dev::registry::EmbeddedRegistry;
use fleetops_registry::kafka::{Admin, WantedTopic};
use fleetops_registry::registry::Client;
use rdkafka::config::{ClientConfig, FromClientConfig};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::{ORDER, Project, Report};

struct Servers {
    broker: EmbeddedBroker,
    registry: EmbeddedRegistry,
}

impl Servers {
    async fn start() -> Self {
        Self {
            broker: EmbeddedBroker::start().unwrap(),
            registry: EmbeddedRegistry::start(0).await.unwrap(),
        }
    }

    async fn topic(&self, partitions: u32) {
        let topic = WantedTopic {
            name: "orders".to_owned(),
            partitions,
            replication_factor: 1,
            config: BTreeMap::new(),
            keyed: true,
        };
        self.broker.create_topic(&topic).await.unwrap();
    }

    /// The ID of a schema, registered.
    async fn register(&self, schema: &str) -> u32 {
        let client = Client::new(&self.registry.url()).unwrap();
        client.register("orders-value", schema, &[]).await.unwrap()
    }

    /// Sends records: partition, key, framed value.
    fn send(&self, records: impl IntoIterator<Item = (i32, &'static str, Vec<u8>)>) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.broker.bootstrap());
        let producer: BaseProducer = BaseProducer::from_config(&config).unwrap();
        for (partition, key, value) in records {
            let mut record = BaseRecord::<str, [u8]>::to("orders")
                .partition(partition)
                .payload(&value);
            if !key.is_empty() {
                record = record.key(key);
            }
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(Duration::from_secs(10)).unwrap();
    }

    async fn doctor(&self) -> Report {
        let project = Project::new(&format!(
            "[env.dev]\nbootstrap = \"{}\"\nregistry = \"{}\"\n",
            self.broker.bootstrap(),
            self.registry.url()
        ));
        tokio::task::spawn_blocking(move || project.doctor(&[], &[]))
            .await
            .unwrap()
    }
}

/// An order as Confluent's serializers frame it.
fn order(schema: u32, id: &str, customer: &str) -> Vec<u8> {
    let mut value = vec![0];
    value.extend_from_slice(&schema.to_be_bytes());
    for text in [id, customer] {
        value.push((text.len() * 2) as u8);
        value.extend_from_slice(text.as_bytes());
    }
    value.push(14);
    value
}

const CUSTOMERS: [&str; 3] = ["anna", "bert", "cleo"];

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_pair_is_healthy_and_stays_as_it_was() {
    let servers = Servers::start().await;
    servers.topic(3).await;
    let id = servers.register(ORDER).await;
    servers.send((0..300).map(|n| {
        (
            n % 3,
            CUSTOMERS[(n % 3) as usize],
            order(id, &format!("o{n}"), "x"),
        )
    }));
    let report = servers.doctor().await.told(0, &[]);
    for what in [
        "broker",
        "cluster",
        "advertised",
        "registry",
        "subject",
        "topic",
        "spread",
        "keys",
        "values",
        "duplicates",
    ] {
        assert_eq!(report.status(what), "ok", "{what}: {report:#?}");
    }
    // The embedded broker has no admin protocol.
    assert_eq!(report.status("settings"), "not_checked");
    assert_eq!(report.err, "");
    assert_eq!(servers.broker.topics().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_and_subject_are_missing() {
    let servers = Servers::start().await;
    servers
        .doctor()
        .await
        .told(1, &["subject-missing", "topic-missing"]);
    assert_eq!(
        servers.broker.topics().await.unwrap().len(),
        0,
        "asking made a topic"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_differ_and_the_subject_is_incompatible() {
    let servers = Servers::start().await;
    servers.topic(4).await;
    servers.register(&ORDER.replace("\"long\"", "\"string\"")).await;
    let report = servers
        .doctor()
        .await
        .told(1, &["subject-incompatible", "partition-count"]);
    let saw = &report.problem("subject-incompatible")["saw"][0];
    assert!(saw.as_str().unwrap().contains("TYPE_MISMATCH"), "{saw}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compatible_schema_that_is_not_registered_is_a_problem() {
    let servers = Servers::start().await;
    servers.topic(3).await;
    let wider = r#"{"name": "note", "type": "string"}, {"name": "id""#;
    servers
        .register(&ORDER.replacen(r#"{"name": "id""#, wider, 1))
        .await;
    servers.doctor().await.told(1, &["schema-unregistered"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_without_key_duplicates_and_foreign_values() {
    let servers = Servers::start().await;
    servers.topic(3).await;
    let id = servers.register(ORDER).await;
    servers.send([
        (0, "anna", order(id, "o1", "anna")),
        (0, "", order(id, "o2", "anna")),
        (0, "anna", order(id, "o1", "anna")),
        (1, "bert", b"{\"id\": 7}".to_vec()),
    ]);
    let report = servers.doctor().await.told(
        1,
        &["records-without-key", "unreadable-values", "duplicates-passing"],
    );
    assert_eq!(report.problem("records-without-key")["where"], "orders/0@1");
    assert_eq!(report.problem("duplicates-passing")["where"], "orders/0@2");
    assert_eq!(report.problem("unreadable-values")["where"], "orders/1@0");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_partition_holds_nearly_all() {
    let servers = Servers::start().await;
    servers.topic(3).await;
    let id = servers.register(ORDER).await;
    servers.send((0..400).map(|n| {
        (
            i32::from(n % 40 == 0),
            CUSTOMERS[usize::from(n % 40 == 0)],
            order(id, &format!("o{n}"), "x"),
        )
    }));
    let report = servers.doctor().await.told(1, &["skewed-partitions"]);
    assert_eq!(
        report.problem("skewed-partitions")["detail"],
        "partition 0 holds 97% of 400 records"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_broker_does_not_stop_the_registrys_checks() {
    let servers = Servers::start().await;
    servers.register(ORDER).await;
    let project = Project::new(&format!(
        "[env.dev]\nbootstrap = \"127.0.0.1:1\"\nregistry = \"{}\"\n",
        servers.registry.url()
    ));
    let report = tokio::task::spawn_blocking(move || project.doctor(&[], &[]))
        .await
        .unwrap();
    let report = report.told(3, &["broker-unreachable"]);
    assert_eq!(report.status("subject"), "ok");
}
