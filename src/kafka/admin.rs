//! The door to a cluster's topics.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{Client, ClientContext, DefaultClientContext};
use rdkafka::config::{ClientConfig, FromClientConfig};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::plan::{ExistingTopic, WantedTopic};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What can go wrong with a cluster's topics.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The client could not be made of its settings.
    #[error(
        "cannot make a Kafka admin client for {bootstrap}: {source}. Check the environment's `kafka` settings"
    )]
    Client {
        /// The brokers.
        bootstrap: String,
        /// Why.
        source: KafkaError,
    },
    /// The list of topics could not be had.
    #[error(
        "cannot list the topics of {bootstrap}: {source}. Check that the brokers are up and the address is right"
    )]
    List {
        /// The brokers.
        bootstrap: String,
        /// Why.
        source: KafkaError,
    },
    /// A topic could not be created.
    #[error("cannot create topic {topic} on {bootstrap}: {reason}")]
    Create {
        /// The brokers.
        bootstrap: String,
        /// The topic.
        topic: String,
        /// What the cluster answered.
        reason: String,
    },
    /// A thread that the request needs has ended.
    #[error("the request to {bootstrap} was abandoned: its thread has ended")]
    Abandoned {
        /// The brokers.
        bootstrap: String,
    },
}

/// What the planner needs of a cluster.
pub trait Admin {
    /// The topics that exist, internal ones left out.
    ///
    /// # Errors
    /// [`AdminError::List`].
    fn topics(&self) -> impl Future<Output = Result<BTreeMap<String, ExistingTopic>, AdminError>> + Send;

    /// Creates a topic. One that exists already is an error.
    ///
    /// # Errors
    /// [`AdminError::Create`].
    fn create_topic(&self, topic: &WantedTopic) -> impl Future<Output = Result<(), AdminError>> + Send;
}

/// [`Admin`] of a real cluster, by the Kafka protocol.
pub struct ClusterAdmin {
    bootstrap: String,
    client: Arc<AdminClient<DefaultClientContext>>,
}

impl std::fmt::Debug for ClusterAdmin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The settings may hold passwords.
        f.debug_struct("ClusterAdmin")
            .field("bootstrap", &self.bootstrap)
            .finish_non_exhaustive()
    }
}

impl ClusterAdmin {
    /// A client of the brokers at `bootstrap` (`host:port`, comma-separated) with further librdkafka settings.
    ///
    /// # Errors
    /// [`AdminError::Client`] where librdkafka does not take the settings.
    pub fn new<'a>(
        bootstrap: &str,
        settings: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, AdminError> {
        let mut config = ClientConfig::new();
        config.extend(
            settings
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value.to_owned())),
        );
        config.set("bootstrap.servers", bootstrap);
        let client = AdminClient::from_config(&config).map_err(|source| AdminError::Client {
            bootstrap: bootstrap.to_owned(),
            source,
        })?;
        Ok(Self {
            bootstrap: bootstrap.to_owned(),
            client: Arc::new(client),
        })
    }
}

impl Admin for ClusterAdmin {
    async fn topics(&self) -> Result<BTreeMap<String, ExistingTopic>, AdminError> {
        let client = Arc::clone(&self.client);
        list(&self.bootstrap, move || topics_of(client.inner())).await
    }

    async fn create_topic(&self, topic: &WantedTopic) -> Result<(), AdminError> {
        let failed = |reason: String| AdminError::Create {
            bootstrap: self.bootstrap.clone(),
            topic: topic.name.clone(),
            reason,
        };
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let mut new = NewTopic::new(
            &topic.name,
            number(topic.partitions),
            TopicReplication::Fixed(number(topic.replication_factor)),
        );
        for (key, value) in &topic.config {
            new = new.set(key, value);
        }
        let options = AdminOptions::new()
            .operation_timeout(Some(TIMEOUT))
            .request_timeout(Some(TIMEOUT));
        let results = self
            .client
            .create_topics([&new], &options)
            .await
            .map_err(|e| failed(e.to_string()))?;
        match results.into_iter().next() {
            Some(Ok(_)) => Ok(()),
            Some(Err((_, code))) => Err(failed(code.to_string())),
            None => Err(failed("the cluster answered nothing".to_owned())),
        }
    }
}

/// Runs a blocking look at the topics on a thread for such things.
pub(crate) async fn list<F>(bootstrap: &str, look: F) -> Result<BTreeMap<String, ExistingTopic>, AdminError>
where
    F: FnOnce() -> Result<BTreeMap<String, ExistingTopic>, KafkaError> + Send + 'static,
{
    match tokio::task::spawn_blocking(look).await {
        Ok(result) => result.map_err(|source| AdminError::List {
            bootstrap: bootstrap.to_owned(),
            source,
        }),
        Err(_) => Err(AdminError::Abandoned {
            bootstrap: bootstrap.to_owned(),
        }),
    }
}

/// The topics in a client's metadata. Blocks.
pub(crate) fn topics_of<C: ClientContext>(
    client: &Client<C>,
) -> Result<BTreeMap<String, ExistingTopic>, KafkaError> {
    let metadata = client.fetch_metadata(None, TIMEOUT)?;
    let mut topics = BTreeMap::new();
    for topic in metadata.topics() {
        if topic.name().starts_with("__") {
            continue;
        }
        if let Some(error) = topic.error() {
            return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::from(error)));
        }
        let replicas = topic
            .partitions()
            .iter()
            .map(|p| p.replicas().len())
            .min()
            .unwrap_or(0);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        topics.insert(
            topic.name().to_owned(),
            ExistingTopic {
                partitions: number(topic.partitions().len()),
                replication_factor: number(replicas),
            },
        );
    }
    Ok(topics)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against a real cluster, whose address is `FLEETOPS_TEST_KAFKA`.
    #[tokio::test]
    async fn a_real_cluster_creates_topics_as_wanted() {
        let Ok(bootstrap) = std::env::var("FLEETOPS_TEST_KAFKA") else {
            eprintln!("skipped: FLEETOPS_TEST_KAFKA is not set");
            return;
        };
        let cluster = ClusterAdmin::new(&bootstrap, [("client.id", "fleetops-test")]).unwrap();
        let topic = WantedTopic {
            name: format!("test-{}", uuid::Uuid::new_v4()),
            partitions: 3,
            replication_factor: 1,
            config: BTreeMap::from([("retention.ms".to_owned(), "60000".to_owned())]),
        };
        assert!(!cluster.topics().await.unwrap().contains_key(&topic.name));
        cluster.create_topic(&topic).await.unwrap();
        let there = ExistingTopic {
            partitions: 3,
            replication_factor: 1,
        };
        assert_eq!(cluster.topics().await.unwrap().get(&topic.name), Some(&there));
        let again = cluster.create_topic(&topic).await.unwrap_err().to_string();
        assert!(again.contains(&topic.name) && again.contains("exists"), "{again}");
        let unknown = WantedTopic {
            name: format!("{}-x", topic.name),
            config: BTreeMap::from([("no.such.setting".to_owned(), "1".to_owned())]),
            ..topic
        };
        assert!(cluster.create_topic(&unknown).await.is_err());
    }

    #[test]
    fn settings_never_show() {
        let cluster = ClusterAdmin::new("localhost:1", [("sasl.password", "secret")]).unwrap();
        assert!(!format!("{cluster:?}").contains("secret"));
        let error = ClusterAdmin::new("localhost:1", [("no.such.setting", "1")])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("localhost:1") && error.contains("no.such.setting"),
            "{error}"
        );
    }
}
