//! What a cluster answers to our client, set up as its environment says: metadata, settings of topics, ends of logs.
//!
//! Each question has a time-out of its own. What librdkafka tells besides its answers is kept: its messages are the only
//! place where a failed TLS handshake or sign-in is explained. Secrets are taken out of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fleetops_codegen::manifest::{ResolvedEnvironment, ResolvedValue};
use rdkafka::admin::{AdminClient, AdminOptions, ResourceSpecifier};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::{ClientConfig, FromClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::facts::{ClientSide, Cluster, Metadata, TopicState};

/// How long metadata may take: connecting, TLS, signing in.
const METADATA: Duration = Duration::from_secs(5);
/// How long one question for it may take, before messages are looked at.
const SLICE: Duration = Duration::from_millis(1200);
/// How long the settings of all topics may take.
const SETTINGS: Duration = Duration::from_secs(3);
/// How long the ends of all logs may take.
const ENDS: Duration = Duration::from_secs(5);
/// Messages that are kept.
const MESSAGES: usize = 20;

/// The environment's way to its cluster.
#[derive(Clone)]
pub(crate) struct Access {
    config: ClientConfig,
    secrets: Vec<String>,
}

/// Keeps what librdkafka says.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn keep(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < MESSAGES && !lines.iter().any(|l| l == line) {
            lines.push(line.to_owned());
        }
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ClientContext for Told {
    // Nobody may find them in standard error.
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, _: KafkaError, reason: &str) {
        self.keep(reason);
    }
}

impl ConsumerContext for Told {}

impl Access {
    /// Of an environment.
    pub(crate) fn new(environment: &ResolvedEnvironment) -> Self {
        let mut config = ClientConfig::new();
        for (key, value) in &environment.kafka {
            config.set(key, value.expose());
        }
        config.set("bootstrap.servers", &environment.bootstrap);
        config.remove("group.id");
        config.remove("group.instance.id");
        let secrets = environment.kafka.values().filter_map(|value| match value {
            ResolvedValue::Secret(secret) if !secret.expose().is_empty() => Some(secret.expose().to_owned()),
            _ => None,
        });
        Self {
            secrets: secrets.collect(),
            config,
        }
    }

    /// How the client is set up, as far as its settings say.
    pub(crate) fn client_side(&self) -> ClientSide {
        let of = |keys: &[&str]| {
            keys.iter()
                .find_map(|key| self.config.get(key))
                .map(str::to_owned)
        };
        let protocol = of(&["security.protocol"])
            .unwrap_or_default()
            .to_ascii_lowercase();
        let sasl = protocol.starts_with("sasl");
        ClientSide {
            tls: protocol.ends_with("ssl"),
            mechanism: sasl
                .then(|| of(&["sasl.mechanism", "sasl.mechanisms"]).unwrap_or_else(|| "GSSAPI".to_owned())),
            user: of(&["sasl.username"]),
            ca: of(&["ssl.ca.location"]),
        }
    }

    /// A text without the secrets that may have found their way into it.
    pub(crate) fn clean(&self, text: &str) -> String {
        self.secrets
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    fn error(&self, error: &KafkaError) -> String {
        match error {
            // Its own text has the value, whatever that is.
            KafkaError::ClientConfig(_, why, key, _) => self.clean(&format!("{key}: {why}")),
            other => self.clean(&other.to_string()),
        }
    }

    /// A consumer in no group, for questions.
    fn consumer(&self) -> Result<BaseConsumer<Told>, String> {
        self.create(&self.config)
    }

    /// A consumer for records. librdkafka assigns partitions only where there is a group's name; with partitions assigned
    /// by hand nobody joins that group, and nothing is committed.
    pub(crate) fn reader(&self) -> Result<BaseConsumer<Told>, String> {
        let mut config = self.config.clone();
        config.set("group.id", "fleetops-registry-doctor");
        self.create(&config)
    }

    fn create(&self, config: &ClientConfig) -> Result<BaseConsumer<Told>, String> {
        let mut config = config.clone();
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("allow.auto.create.topics", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("fetch.wait.max.ms", "100")
            .set("queued.max.messages.kbytes", "16384")
            .set("reconnect.backoff.max.ms", "1000");
        config
            .create_with_context(Told::default())
            .map_err(|error| self.error(&error))
    }

    /// Asks for metadata, until it comes, the time is over, or a message came for which `is_decisive` holds; the client
    /// that got it is for further questions. Blocks.
    ///
    /// Each question goes through a client of its own. From its first metadata on, librdkafka knows the brokers under
    /// their advertised addresses alone and drops the bootstrap connection. It asks for metadata itself as soon as it is
    /// connected, so where an advertised address cannot be reached, ours gets through by luck only; the address is in
    /// its messages then.
    pub(crate) fn metadata(
        &self,
        is_decisive: impl Fn(&str) -> bool,
    ) -> (Cluster, Option<BaseConsumer<Told>>) {
        let begun = Instant::now();
        let mut told: Vec<String> = Vec::new();
        loop {
            let consumer = match self.consumer() {
                Ok(consumer) => consumer,
                Err(why) => return (Cluster::Settings(why), None),
            };
            let left = METADATA.saturating_sub(begun.elapsed());
            let error = match consumer.fetch_metadata(None, left.min(SLICE)) {
                Ok(metadata) => return (Cluster::Metadata(facts(&metadata)), Some(consumer)),
                Err(error) => error,
            };
            // Messages wait in the queue until somebody polls. What it returns says nothing that they do not.
            let until = Instant::now() + Duration::from_millis(200);
            while Instant::now() < until {
                let _ = consumer.poll(Duration::from_millis(20));
            }
            for line in consumer.context().lines() {
                let line = self.clean(&line);
                if told.len() < MESSAGES && !told.contains(&line) {
                    told.push(line);
                }
            }
            if begun.elapsed() >= METADATA || told.iter().any(|line| is_decisive(line)) {
                let answer = Cluster::NoMetadata {
                    waited: begun.elapsed(),
                    error: self.error(&error),
                    told,
                };
                return (answer, None);
            }
        }
    }

    /// Asks for the settings of topics.
    pub(crate) async fn settings(
        &self,
        topics: &[&str],
    ) -> Result<BTreeMap<String, BTreeMap<String, String>>, String> {
        if topics.is_empty() {
            return Ok(BTreeMap::new());
        }
        let client: AdminClient<DefaultClientContext> =
            AdminClient::from_config(&self.config).map_err(|error| self.error(&error))?;
        let resources: Vec<ResourceSpecifier<'_>> =
            topics.iter().map(|t| ResourceSpecifier::Topic(t)).collect();
        let options = AdminOptions::new().request_timeout(Some(SETTINGS));
        let no_answer = || {
            format!(
                "the cluster gave no settings of topics within {} s",
                SETTINGS.as_secs()
            )
        };
        let answer = tokio::time::timeout(SETTINGS, client.describe_configs(&resources, &options)).await;
        // Ending the client waits for its threads.
        drop(tokio::task::spawn_blocking(move || drop(client)));
        let results = answer.map_err(|_| no_answer())?.map_err(|error| match error {
            KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut | RDKafkaErrorCode::RequestTimedOut) => {
                no_answer()
            }
            error => self.error(&error),
        })?;
        let mut all = BTreeMap::new();
        for resource in results.into_iter().flatten() {
            if let rdkafka::admin::OwnedResourceSpecifier::Topic(name) = resource.specifier {
                let entries = resource
                    .entries
                    .into_iter()
                    .filter_map(|e| Some((e.name, e.value?)));
                all.insert(name, entries.collect());
            }
        }
        Ok(all)
    }

    /// The first offset and the end of each partition of each topic. Blocks. Topics that were not answered are missing.
    pub(crate) fn ends(
        &self,
        consumer: &BaseConsumer<Told>,
        topics: &[(&str, u32)],
    ) -> BTreeMap<String, Result<Vec<(i64, i64)>, String>> {
        let until = Instant::now() + ENDS;
        let mut all = BTreeMap::new();
        for (topic, partitions) in topics {
            let ends: Result<Vec<_>, String> = (0..*partitions)
                .map(|partition| {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(format!(
                            "the ends of its logs were not to be had within {} s",
                            ENDS.as_secs()
                        ));
                    }
                    consumer
                        .fetch_watermarks(topic, partition as i32, left.min(Duration::from_secs(3)))
                        .map_err(|error| format!("partition {partition}: {}", self.error(&error)))
                })
                .collect();
            all.insert((*topic).to_owned(), ends);
        }
        all
    }
}

fn facts(metadata: &rdkafka::metadata::Metadata) -> Metadata {
    let brokers = metadata
        .brokers()
        .iter()
        .map(|b| match b.host().contains(':') {
            true => (b.id(), format!("[{}]:{}", b.host(), b.port())),
            false => (b.id(), format!("{}:{}", b.host(), b.port())),
        })
        .collect();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let topics = metadata
        .topics()
        .iter()
        .filter(|topic| !topic.name().starts_with("__"))
        .map(|topic| {
            let whole = topic.error().map(|e| RDKafkaErrorCode::from(e).to_string());
            let parts = topic
                .partitions()
                .iter()
                .filter_map(|p| p.error().map(|e| (p.id(), RDKafkaErrorCode::from(e))))
                // A replica that is down is no reason why a partition could not be used.
                .filter(|(_, e)| *e != RDKafkaErrorCode::ReplicaNotAvailable)
                .map(|(id, e)| format!("partition {id}: {e}"));
            let state = TopicState {
                partitions: number(topic.partitions().len()),
                replication_factor: number(
                    topic
                        .partitions()
                        .iter()
                        .map(|p| p.replicas().len())
                        .min()
                        .unwrap_or(0),
                ),
                errors: whole.into_iter().chain(parts).collect(),
            };
            (topic.name().to_owned(), state)
        })
        .collect();
    Metadata { brokers, topics }
}
