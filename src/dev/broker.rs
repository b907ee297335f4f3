//! A Kafka broker inside the process: librdkafka's mock cluster.
//!
//! It speaks the Kafka protocol on 127.0.0.1 to any client; produce, fetch, groups and commits work. Its limits, which
//! no setting changes, are [`LIMITS`]. Above all it keeps little and drops the oldest without a word, so whoever
//! sends much must wait for whoever reads.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread::JoinHandle;

use rdkafka::config::{ClientConfig, FromClientConfig};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::mocking::MockCluster;
use tokio::sync::oneshot;

use crate::kafka::{Admin, AdminError, ExistingTopic, WantedTopic};

/// Bytes that the mock keeps of one partition (as stored, so compressed batches count compressed).
pub const PARTITION_BYTES: usize = 5 * 1024 * 1024;
/// Messages that the mock keeps of one partition.
pub const PARTITION_MESSAGES: usize = 100_000;

/// What the embedded broker cannot do, a sentence each, for people.
pub const LIMITS: [&str; 5] = [
    "It keeps the newest 5 MB or 100,000 messages of a partition and drops older ones silently.",
    "A topic that is not in the manifest is made on first use, with 4 partitions.",
    "It has no admin API: kafka-topics.sh and AdminClient calls time out.",
    "It has no look-up of offsets by time, and no LogAppendTime.",
    "It does not do transactions.",
];

type Created = Result<(), KafkaError>;

struct CreateTopic {
    name: String,
    partitions: i32,
    reply: oneshot::Sender<Created>,
}

/// A running broker. Dropping it ends it.
#[derive(Debug)]
pub struct EmbeddedBroker {
    bootstrap: String,
    requests: Option<mpsc::Sender<CreateTopic>>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedBroker {
    /// Starts a cluster of one broker on a free port of 127.0.0.1, without topics.
    ///
    /// # Errors
    /// What librdkafka answers where it cannot.
    pub fn start() -> Result<Self, KafkaError> {
        let (requests, receiver) = mpsc::channel::<CreateTopic>();
        let (ready, started) = mpsc::sync_channel(1);
        // The cluster's handle must stay on the thread that made it.
        let thread = std::thread::Builder::new()
            .name("embedded-broker".to_owned())
            .spawn(move || {
                let cluster = match MockCluster::new(1) {
                    Ok(cluster) => cluster,
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return;
                    }
                };
                let _ = ready.send(Ok(cluster.bootstrap_servers()));
                for request in receiver {
                    // One broker can hold one copy, whatever the manifest wants elsewhere.
                    let created = cluster.create_topic(&request.name, request.partitions, 1);
                    let _ = request.reply.send(created);
                }
            })
            .map_err(|error| KafkaError::ClientCreation(error.to_string()))?;
        let bootstrap = started
            .recv()
            .map_err(|_| KafkaError::ClientCreation("the embedded broker's thread ended".to_owned()))??;
        Ok(Self {
            bootstrap,
            requests: Some(requests),
            thread: Some(thread),
        })
    }

    /// The address for clients, `127.0.0.1:PORT`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Admin for EmbeddedBroker {
    async fn topics(&self) -> Result<BTreeMap<String, ExistingTopic>, AdminError> {
        let bootstrap = self.bootstrap.clone();
        crate::kafka::list(&self.bootstrap, move || {
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", bootstrap);
            crate::kafka::topics_of(BaseConsumer::from_config(&config)?.client())
        })
        .await
    }

    async fn create_topic(&self, topic: &WantedTopic) -> Result<(), AdminError> {
        let (reply, created) = oneshot::channel();
        let request = CreateTopic {
            name: topic.name.clone(),
            partitions: i32::try_from(topic.partitions).unwrap_or(i32::MAX),
            reply,
        };
        let abandoned = || AdminError::Abandoned {
            bootstrap: self.bootstrap.clone(),
        };
        self.requests
            .as_ref()
            .ok_or_else(abandoned)?
            .send(request)
            .map_err(|_| abandoned())?;
        match created.await {
            Ok(result) => result.map_err(|error| AdminError::Create {
                bootstrap: self.bootstrap.clone(),
                topic: topic.name.clone(),
                reason: error.to_string(),
            }),
            Err(_) => Err(abandoned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, partitions: u32) -> WantedTopic {
        WantedTopic {
            name: name.to_owned(),
            partitions,
            replication_factor: 3,
            config: BTreeMap::new(),
            keyed: true,
        }
    }

    #[tokio::test]
    async fn topics_are_created_with_their_partitions_and_only_once() {
        let broker = EmbeddedBroker::start().unwrap();
        assert!(
            broker.bootstrap().starts_with("127.0.0.1:"),
            "{}",
            broker.bootstrap()
        );
        assert_eq!(broker.topics().await.unwrap(), BTreeMap::new());
        broker.create_topic(&topic("raw", 6)).await.unwrap();
        let there = ExistingTopic {
            partitions: 6,
            replication_factor: 1,
        };
        assert_eq!(
            broker.topics().await.unwrap(),
            BTreeMap::from([("raw".to_owned(), there)])
        );
        let again = broker.create_topic(&topic("raw", 3)).await.unwrap_err();
        assert!(again.to_string().contains("cannot create topic raw"), "{again}");
    }
}
