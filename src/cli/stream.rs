//! What `produce`, `consume` and `lag` have in common: the topic, the servers, and a first question to each of them.
//!
//! librdkafka goes on trying where a server cannot be reached; a command has to say so and end. So the cluster and the
//! registry are asked something cheap first, with little patience.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fleetops_avro::SchemaSet;
use fleetops_codegen::manifest::{self, Manifest, ResolvedEnvironment};
use fleetops_registry::dynamic::DynamicTopic;
use fleetops_runtime::registry::{RegistryAuthentication, RegistryError, RegistrySettings, SchemaSource};
use fleetops_runtime::topic::Topic as _;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::{CliError, Global};

/// How long the first question to a cluster may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(6);
/// How long one request to the registry may take.
const REGISTRY_PATIENCE: Duration = Duration::from_secs(4);
/// How long the first question to it may take, with what is tried again.
const REGISTRY_DEADLINE: Duration = Duration::from_secs(7);

/// The topic of that name.
pub(super) fn topic(manifest: &Manifest, schemas: &SchemaSet, name: &str) -> Result<DynamicTopic, CliError> {
    let Some(declared) = manifest.topic(name) else {
        return Err(unknown_topic(manifest, name));
    };
    DynamicTopic::new(manifest, declared, schemas).map_err(CliError::Unreadable)
}

/// The manifest has no topic of that name.
pub(super) fn unknown_topic(manifest: &Manifest, name: &str) -> CliError {
    let error = CliError::usage(format!("{} has no topic {name}", manifest.source.name()));
    let names: Vec<&str> = manifest.topics.iter().map(|t| t.name.value.as_str()).collect();
    match manifest::nearest(name, names.iter().copied()) {
        Some(near) => error.with_help(format!("did you mean {near}?")),
        None if names.is_empty() => error.with_help(format!("add [topics.{name}] to it")),
        None => error.with_help(format!("there are: {}", names.join(", "))),
    }
}

/// The servers of the chosen environment. No output shows its secrets.
pub(super) struct Servers {
    environment: ResolvedEnvironment,
}

impl Servers {
    pub(super) fn new(global: &Global, manifest: &Manifest) -> Result<Self, CliError> {
        Ok(Self {
            environment: global.environment(manifest)?,
        })
    }

    /// Kafka's bootstrap servers.
    pub(super) fn bootstrap(&self) -> &str {
        &self.environment.bootstrap
    }

    /// librdkafka's settings of the environment.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        let settings = self.environment.kafka.iter();
        settings.map(|(key, value)| (key.as_str(), value.expose()))
    }

    /// The registry's schemas.
    pub(super) fn schemas(&self) -> Result<SchemaSource, CliError> {
        let Some(url) = &self.environment.registry else {
            return Err(CliError::usage(format!(
                "environment {} has no schema registry",
                self.environment.name
            ))
            .with_help(format!(
                "add `registry` to [env.{}], or give --registry URL",
                self.environment.name
            )));
        };
        let auth = &self.environment.registry_auth;
        let mut settings = RegistrySettings::new(url);
        settings.set_timeout(REGISTRY_PATIENCE);
        settings.set_authentication(match (&auth.basic, &auth.bearer) {
            (Some((user, password)), _) => Some(RegistryAuthentication::basic(user, password.expose())),
            (None, Some(token)) => Some(RegistryAuthentication::bearer(token.expose())),
            (None, None) => None,
        });
        settings.set_files(
            auth.ca_file.clone(),
            auth.cert_file.clone(),
            auth.key_file.clone(),
        );
        SchemaSource::connect(&settings).map_err(|error| registry_error(&error))
    }

    /// A client that asks, without a group's membership.
    pub(super) fn asking(&self, group: Option<&str>) -> Result<Asking, CliError> {
        let mut config = ClientConfig::new();
        for (key, value) in self.settings() {
            config.set(key, value);
        }
        config
            .set("bootstrap.servers", self.bootstrap())
            .set("allow.auto.create.topics", "false")
            .set("enable.auto.commit", "false");
        if let Some(group) = group {
            config.set("group.id", group);
        }
        let words = Words::default();
        let client = config
            .create_with_context(words.clone())
            .map_err(|error| match error {
                // Its own text repeats the value, which may be a secret.
                KafkaError::ClientConfig(_, _, key, _) => {
                    CliError::usage(format!("librdkafka does not take the setting {key}"))
                        .with_help(format!("correct `kafka` of [env.{}]", self.environment.name))
                }
                other => CliError::incomplete(format!("cannot start a Kafka client: {other}")),
            })?;
        Ok(Asking {
            client: Arc::new(client),
            words,
            bootstrap: self.bootstrap().to_owned(),
        })
    }
}

/// A client for questions to the cluster.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) client: Arc<BaseConsumer<Words>>,
    words: Words,
    bootstrap: String,
}

impl Asking {
    /// The partitions of a topic. Blocks for [`PATIENCE`] at most.
    pub(super) fn partitions(&self, topic: &str) -> Result<Vec<i32>, CliError> {
        let metadata = self
            .client
            .fetch_metadata(Some(topic), PATIENCE)
            .map_err(|error| self.failed(&error))?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        let error = found.and_then(|found| found.error()).map(RDKafkaErrorCode::from);
        match (found, error) {
            (Some(found), None) if !found.partitions().is_empty() => {
                let mut partitions: Vec<i32> = found.partitions().iter().map(|p| p.id()).collect();
                partitions.sort_unstable();
                Ok(partitions)
            }
            (_, Some(RDKafkaErrorCode::TopicAuthorizationFailed)) => Err(CliError::incomplete(format!(
                "Kafka at {} does not let us see topic {topic}",
                self.bootstrap
            ))
            .with_help("the principal needs an ACL for it")),
            (_, Some(RDKafkaErrorCode::LeaderNotAvailable)) => Err(CliError::incomplete(format!(
                "topic {topic} at {} has no leader yet",
                self.bootstrap
            ))
            .with_help("try again in a moment; if it stays so, look at the brokers")),
            _ => Err(
                CliError::incomplete(format!("topic {topic} does not exist at {}", self.bootstrap))
                    .with_help("create it: `fleetops-registry topics apply`"),
            ),
        }
    }

    /// Words for a question that failed, with what librdkafka logged about its connections.
    pub(super) fn failed(&self, error: &KafkaError) -> CliError {
        // Errors of connections are events, which a poll takes in.
        let _ = self.client.poll(Duration::from_millis(50));
        let code = error.rdkafka_error_code();
        let mut message = format!("Kafka at {} cannot be asked: ", self.bootstrap);
        let unreachable = matches!(
            code,
            Some(
                RDKafkaErrorCode::BrokerTransportFailure
                    | RDKafkaErrorCode::AllBrokersDown
                    | RDKafkaErrorCode::OperationTimedOut
                    | RDKafkaErrorCode::RequestTimedOut
                    | RDKafkaErrorCode::Resolve
            )
        );
        match self.words.last() {
            Some(words) => message.push_str(&words),
            None if unreachable => {
                let _ = write!(message, "no answer within {} s", PATIENCE.as_secs());
            }
            None => message.push_str(&code.map_or_else(|| error.to_string(), |code| code.to_string())),
        }
        CliError::incomplete(message).with_help(
            "check that it runs, and the address (--bootstrap) and security settings of the environment (--env)",
        )
    }
}

/// What librdkafka says about its connections: the last error, in its own words.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(Arc<Mutex<Option<String>>>);

impl Words {
    fn set(&self, text: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_owned());
    }

    fn last(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Words {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        // `[thrd:127.0.0.1:9092/bootstrap]: 127.0.0.1:9092/bootstrap: Connect to ... failed: Connection refused (after ..)`
        if matches!(facility, "FAIL" | "ERROR") || level as i32 <= RDKafkaLogLevel::Error as i32 {
            let text = message.split_once("]: ").map_or(message, |(_, text)| text);
            if !text.contains("brokers are down") {
                self.set(text);
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) && !reason.is_empty() {
            self.set(reason);
        }
    }
}

impl ConsumerContext for Words {}

/// A look-up that failed, and what to do.
pub(super) fn registry_error(error: &RegistryError) -> CliError {
    let told = CliError::incomplete(error.to_string());
    match error {
        RegistryError::NotRegistered { .. } => told.with_help("`fleetops-registry register` registers it"),
        RegistryError::Unreachable { .. } | RegistryError::NoAnswer { .. } => {
            told.with_help("check that it runs, and the address (--registry) of the environment (--env)")
        }
        RegistryError::Refused { .. } => {
            told.with_help("`registry-auth` of the environment has user name and password")
        }
        _ => told,
    }
}

/// Asks both servers at once; what both say is told together.
///
/// The registry has to have the topic's schema where `registered`; otherwise it only has to answer.
pub(super) async fn ask_both(
    asking: &Asking,
    source: &SchemaSource,
    topic: &DynamicTopic,
    registered: bool,
) -> Result<(), CliError> {
    let spec = topic.spec();
    let name = spec.name.to_string();
    let cluster = asking.clone();
    let partitions = tokio::task::spawn_blocking(move || cluster.partitions(&name));
    let lookup = tokio::time::timeout(REGISTRY_DEADLINE, source.id_of(&spec.subject, topic.schema()));
    let (partitions, found) = tokio::join!(partitions, lookup);
    let partitions = partitions
        .map_err(|error| CliError::incomplete(format!("a question to Kafka was abandoned: {error}")))
        .and_then(|answer| answer);
    let found = match found {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(RegistryError::NotRegistered { .. })) if !registered => Ok(()),
        Ok(Err(error)) => Err(registry_error(&error)),
        Err(_) => Err(CliError::incomplete(format!(
            "the registry at {} gave no answer within {} s",
            source.address(),
            REGISTRY_DEADLINE.as_secs()
        ))
        .with_help("check that it runs, and the address (--registry) of the environment (--env)")),
    };
    match (partitions, found) {
        (Ok(_), Ok(())) => Ok(()),
        (Err(error), Ok(())) | (Ok(_), Err(error)) => Err(error),
        (Err(kafka), Err(registry)) => {
            let help = [kafka.help(), registry.help()].into_iter().flatten();
            let help = help.collect::<Vec<_>>().join("; ");
            Err(CliError::incomplete(format!("{kafka}; and {registry}")).with_help(help))
        }
    }
}
