//! The door to a cluster's topics.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::{Client, ClientContext, DefaultClientContext};
use rdkafka::config::{ClientConfig, FromClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::incremental::{Change, Refusal, TopicChanges, alter_topic_configs};
use super::native::RequestError;
use super::plan::{ExistingTopic, TopicSettings, WantedTopic};
use super::reasons::Reasons;

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long a cluster may take to say for the first time which topics it has. A command says within 10 s that a broker
/// is not there.
const FIRST_ANSWER: Duration = Duration::from_secs(7);
/// How long a client waits before it looks whether somebody has told why there is no answer.
const LOOK: Duration = Duration::from_secs(2);

/// How the ID of librdkafka's mock cluster begins.
const EMBEDDED: &str = "mockCluster";

/// What can go wrong with a cluster's topics.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The client could not be made of its settings.
    #[error(
        "cannot make a Kafka admin client for {bootstrap}: {reason}. Check the environment's `kafka` settings"
    )]
    Client {
        /// The brokers.
        bootstrap: String,
        /// Why. Holds no value of a secret setting.
        reason: String,
    },
    /// The list of topics could not be had.
    #[error("cannot list the topics of {bootstrap}: {reason}. {}", advice(*code))]
    List {
        /// The brokers.
        bootstrap: String,
        /// Why.
        reason: String,
        /// Kafka's error code.
        code: Option<RDKafkaErrorCode>,
    },
    /// The settings of topics could not be had.
    #[error("cannot read the settings of {what} on {bootstrap}: {reason}")]
    Describe {
        /// The brokers.
        bootstrap: String,
        /// Which topics.
        what: String,
        /// What the cluster answered.
        reason: String,
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
    /// A topic could not be given more partitions.
    #[error("cannot grow topic {topic} on {bootstrap}: {reason}")]
    Grow {
        /// The brokers.
        bootstrap: String,
        /// The topic.
        topic: String,
        /// What the cluster answered.
        reason: String,
    },
    /// Settings of topics could not be changed.
    #[error("cannot change the settings of {what} on {bootstrap}: {reason}")]
    Alter {
        /// The brokers.
        bootstrap: String,
        /// Which topics.
        what: String,
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

fn advice(code: Option<RDKafkaErrorCode>) -> &'static str {
    match code {
        Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
            "Check the user, the password and the mechanism in the environment's `kafka` settings"
        }
        Some(RDKafkaErrorCode::SSL) => {
            "Check that this port speaks TLS, and the certificates in the environment's `kafka` settings"
        }
        _ => {
            "Check that the brokers are up, that the address is right, and that `security.protocol` in the environment's \
             `kafka` settings is the port's"
        }
    }
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
    /// A client besides, because the admin client hears of no errors.
    watcher: Arc<BaseConsumer<Reasons>>,
}

impl fmt::Debug for ClusterAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The settings may hold passwords.
        f.debug_struct("ClusterAdmin")
            .field("bootstrap", &self.bootstrap)
            .finish_non_exhaustive()
    }
}

impl ClusterAdmin {
    /// A client of the brokers at `bootstrap` (`host:port`, comma-separated) with further librdkafka settings. Nothing
    /// is sent yet.
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
        let refused = |error: KafkaError| AdminError::Client {
            bootstrap: bootstrap.to_owned(),
            reason: told(error, &config),
        };
        let client = AdminClient::from_config(&config).map_err(refused)?;
        // Without a group it never joins one.
        let mut watching = config.clone();
        watching.remove("group.id");
        watching.remove("group.instance.id");
        let watcher =
            BaseConsumer::from_config_and_context(&watching, Reasons::default()).map_err(refused)?;
        Ok(Self {
            bootstrap: bootstrap.to_owned(),
            client: Arc::new(client),
            watcher: Arc::new(watcher),
        })
    }

    /// The brokers.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The cluster's ID, which stays the same whatever its addresses are; `None` where it does not tell.
    pub async fn cluster_id(&self) -> Option<String> {
        let watcher = Arc::clone(&self.watcher);
        let ask = move || watcher.client().fetch_cluster_id(LOOK);
        tokio::task::spawn_blocking(ask).await.ok().flatten()
    }

    /// Whether it is the broker of `dev` and `demo`: that one answers no request about settings, and none that changes a
    /// topic, until the client's time is up.
    pub async fn is_embedded(&self) -> bool {
        self.cluster_id().await.is_some_and(|id| id.starts_with(EMBEDDED))
    }

    /// The settings that are set on these topics themselves, by topic.
    ///
    /// # Errors
    /// [`AdminError::Describe`].
    pub async fn settings(&self, topics: &[String]) -> Result<BTreeMap<String, TopicSettings>, AdminError> {
        if topics.is_empty() {
            return Ok(BTreeMap::new());
        }
        let failed = |what: String, reason: String| AdminError::Describe {
            bootstrap: self.bootstrap.clone(),
            what,
            reason,
        };
        let asked: Vec<ResourceSpecifier<'_>> =
            topics.iter().map(|name| ResourceSpecifier::Topic(name)).collect();
        let answers = self
            .client
            .describe_configs(&asked, &options(false))
            .await
            .map_err(|error| failed(named(topics), error.to_string()))?;
        // Answers come in the order of the questions.
        let mut all = BTreeMap::new();
        for (topic, answer) in topics.iter().zip(answers) {
            let answer = answer.map_err(|code| failed(format!("topic {topic}"), code.to_string()))?;
            let own = answer
                .entries
                .into_iter()
                .filter(|entry| entry.source == ConfigSource::DynamicTopic)
                .map(|entry| (entry.name, entry.value.unwrap_or_default()));
            all.insert(topic.clone(), own.collect());
        }
        Ok(all)
    }

    /// Creates topics, or with `validate_only` asks whether they could be. Answers those that were refused, and why.
    ///
    /// # Errors
    /// [`AdminError::Create`] where there was no answer.
    pub async fn create(
        &self,
        topics: &[&WantedTopic],
        validate_only: bool,
    ) -> Result<Vec<(String, RDKafkaErrorCode)>, AdminError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let new: Vec<NewTopic<'_>> = topics
            .iter()
            .map(|topic| {
                let replication = TopicReplication::Fixed(number(topic.replication_factor));
                let new = NewTopic::new(&topic.name, number(topic.partitions), replication);
                topic
                    .config
                    .iter()
                    .fold(new, |new, (key, value)| new.set(key, value))
            })
            .collect();
        let results = self
            .client
            .create_topics(&new, &options(validate_only))
            .await
            .map_err(|error| AdminError::Create {
                bootstrap: self.bootstrap.clone(),
                topic: topics
                    .iter()
                    .map(|t| t.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
                reason: in_words(&error),
            })?;
        Ok(results.into_iter().filter_map(Result::err).collect())
    }

    /// Gives topics that many partitions, or with `validate_only` asks whether it could. Answers those that were
    /// refused, and why.
    ///
    /// # Errors
    /// [`AdminError::Grow`] where there was no answer.
    pub async fn grow(
        &self,
        topics: &[(&str, u32)],
        validate_only: bool,
    ) -> Result<Vec<(String, String)>, AdminError> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let size = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let new: Vec<NewPartitions<'_>> = topics
            .iter()
            .map(|(topic, to)| NewPartitions::new(topic, size(*to)))
            .collect();
        let results = self
            .client
            .create_partitions(&new, &options(validate_only))
            .await
            .map_err(|error| AdminError::Grow {
                bootstrap: self.bootstrap.clone(),
                topic: topics.iter().map(|(t, _)| *t).collect::<Vec<_>>().join(", "),
                reason: in_words(&error),
            })?;
        Ok(results
            .into_iter()
            .filter_map(|result| result.err().map(|(topic, code)| (topic, code.to_string())))
            .collect())
    }

    /// Changes settings, or with `validate_only` asks whether it could. Answers those that were refused, and why.
    ///
    /// # Errors
    /// [`AdminError::Alter`] where there was no answer.
    pub async fn alter(
        &self,
        topics: Vec<TopicChanges>,
        validate_only: bool,
    ) -> Result<Vec<(String, String)>, AdminError> {
        let client = Arc::clone(&self.client);
        let names: Vec<String> = topics.iter().map(|t| t.topic.clone()).collect();
        let call = move || alter_topic_configs(client.inner(), &topics, validate_only, TIMEOUT);
        let answer: Result<Vec<Refusal>, RequestError> =
            tokio::task::spawn_blocking(call)
                .await
                .map_err(|_| AdminError::Abandoned {
                    bootstrap: self.bootstrap.clone(),
                })?;
        let refused = answer.map_err(|error| AdminError::Alter {
            bootstrap: self.bootstrap.clone(),
            what: named(&names),
            reason: error.to_string(),
        })?;
        Ok(refused
            .into_iter()
            .map(|refusal| {
                let reason = match refusal.message.is_empty() {
                    true => refusal.code.to_string(),
                    false => refusal.message,
                };
                (refusal.topic, reason)
            })
            .collect())
    }
}

fn named(topics: &[String]) -> String {
    match topics {
        [one] => format!("topic {one}"),
        many => format!("topics {}", many.join(", ")),
    }
}

/// What became of a request that only the controller can answer.
fn in_words(error: &KafkaError) -> String {
    match error {
        KafkaError::AdminOp(
            RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::RequestTimedOut
            | RDKafkaErrorCode::NotController,
        ) => format!(
            "{error}. The brokers are there, and their controller does not answer within {} s: see that a quorum of the \
             cluster's controllers is up, and what their logs say",
            TIMEOUT.as_secs()
        ),
        _ => error.to_string(),
    }
}

fn options(validate_only: bool) -> AdminOptions {
    AdminOptions::new()
        .operation_timeout(Some(TIMEOUT))
        .request_timeout(Some(TIMEOUT))
        .validate_only(validate_only)
}

/// What librdkafka said when a client was made, without the value of any setting that may be a secret.
fn told(error: KafkaError, config: &ClientConfig) -> String {
    let text = match error {
        // Its own text repeats the value.
        KafkaError::ClientConfig(_, reason, key, _) => format!("{key}: {reason}"),
        other => other.to_string(),
    };
    let open = |key: &str| {
        [
            "bootstrap.servers",
            "security.protocol",
            "sasl.mechanism",
            "sasl.mechanisms",
        ]
        .contains(&key)
    };
    config
        .config_map()
        .iter()
        .filter(|(key, value)| !open(key) && !key.ends_with(".location") && value.len() > 3)
        .fold(text, |text, (_, value)| text.replace(*value, "***"))
}

/// One setting to be changed.
pub(super) fn set(name: &str, value: &str) -> Change {
    Change::Set {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}

impl Admin for ClusterAdmin {
    async fn topics(&self) -> Result<BTreeMap<String, ExistingTopic>, AdminError> {
        let watcher = Arc::clone(&self.watcher);
        let bootstrap = self.bootstrap.clone();
        let look = move || {
            let deadline = Instant::now() + FIRST_ANSWER;
            loop {
                let left = deadline.saturating_duration_since(Instant::now());
                let error = match topics_within(watcher.client(), left.min(LOOK)) {
                    Ok(topics) => return Ok(topics),
                    Err(error) => error,
                };
                // Events are told while somebody polls, one at a time; no topic is subscribed to, so no record comes.
                while watcher.poll(Duration::ZERO).is_some() {}
                let reasons = watcher.context();
                if reasons.is_final() || Instant::now() + Duration::from_millis(100) >= deadline {
                    return Err(AdminError::List {
                        bootstrap,
                        reason: reasons.last().unwrap_or_else(|| error.to_string()),
                        code: reasons.code().or_else(|| error.rdkafka_error_code()),
                    });
                }
            }
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(answer) => answer,
            Err(_) => Err(AdminError::Abandoned {
                bootstrap: self.bootstrap.clone(),
            }),
        }
    }

    async fn create_topic(&self, topic: &WantedTopic) -> Result<(), AdminError> {
        let refused = self.create(&[topic], false).await?;
        match refused.into_iter().next() {
            None => Ok(()),
            Some((_, code)) => Err(AdminError::Create {
                bootstrap: self.bootstrap.clone(),
                topic: topic.name.clone(),
                reason: code.to_string(),
            }),
        }
    }
}

/// Runs a blocking look at the topics on a thread for such things.
pub(crate) async fn list<F>(bootstrap: &str, look: F) -> Result<BTreeMap<String, ExistingTopic>, AdminError>
where
    F: FnOnce() -> Result<BTreeMap<String, ExistingTopic>, KafkaError> + Send + 'static,
{
    match tokio::task::spawn_blocking(look).await {
        Ok(result) => result.map_err(|error| AdminError::List {
            bootstrap: bootstrap.to_owned(),
            reason: error.to_string(),
            code: error.rdkafka_error_code(),
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
    topics_within(client, TIMEOUT)
}

fn topics_within<C: ClientContext>(
    client: &Client<C>,
    patience: Duration,
) -> Result<BTreeMap<String, ExistingTopic>, KafkaError> {
    let metadata = client.fetch_metadata(None, patience)?;
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
            keyed: true,
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
