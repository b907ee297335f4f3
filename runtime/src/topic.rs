//! What a topic is to the runtime: names, settings of its stages, and how its events are read and written.
//!
//! Generated code implements [`Topic`] once for each topic of the manifest. The trait works on an instance, so that a
//! topic whose schema is known only at run time (`produce` and `consume` of the command line) implements it too.
//! The module holds no I/O: producers and consumers take a `Topic` and do the rest.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use fleetops_avro::resolve::Plan;

use crate::codec::{DecodeError, ValidationErrors};

/// The settings of one topic, as the manifest gives them.
///
/// They are defaults: the builders of producers and consumers can override the stages at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Name of the Kafka topic.
    pub name: Cow<'static, str>,
    /// Subject under which the registry keeps the schema of the record values.
    pub subject: Cow<'static, str>,
    /// Number of partitions that the topic is created with.
    pub partitions: u32,
    /// Topic for records that cannot be handled; `None`: the consumer stops at the first poison record.
    pub dead_letter: Option<Cow<'static, str>>,
    /// Deduplication, where the topic declares it.
    pub dedup: Option<DedupSpec>,
    /// Restoring of each vehicle's order, where the topic declares it.
    pub reorder: Option<ReorderSpec>,
}

/// Deduplication of a topic's records by key within a span of log time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DedupSpec {
    /// A record is a duplicate if the same key was seen in the same partition less than this before it.
    /// Log time, in whole milliseconds; a fraction counts as a full one.
    pub ttl: Duration,
}

/// Restoring of the order of records that carry a sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReorderSpec {
    /// Number of emitted indices that are remembered, to tell a repeated record from a late one.
    pub ring: u32,
    /// How many places a record may be displaced and still be put back in order.
    pub tolerance: u32,
    /// How long a record may wait for a missing predecessor.
    pub hold: Duration,
}

/// A record's place in the sequence that it belongs to. Order is kept for each pair of `by` and `epoch`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Sequence {
    /// What the order is kept for, for example a vehicle's ID. Handling is serial for one value.
    pub by: String,
    /// The run of numbers: a new epoch starts its numbering anew. Empty where the topic declares none.
    pub epoch: String,
    /// The number within the epoch. Consecutive records differ by 1.
    pub index: i64,
}

/// An `[env.NAME]` of the manifest, built into generated code.
///
/// Values are as written: `${VAR}` is expanded by the builder that is given the environment's name, and for that one
/// environment only. `Debug` prints no secret that is written out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Environment {
    /// The name that a builder's `env` takes.
    pub name: &'static str,
    /// Bootstrap servers of the Kafka cluster, separated by commas.
    pub bootstrap: &'static str,
    /// Base URL of the schema registry.
    pub registry: Option<&'static str>,
    /// Settings passed to librdkafka, as pairs of key and value.
    pub kafka: &'static [(&'static str, &'static str)],
    /// How the registry is signed in to.
    pub registry_auth: Option<RegistryAuth>,
}

/// How the schema registry is signed in to. All parts are optional and can be combined as the registry asks.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct RegistryAuth {
    /// User name of HTTP basic authentication.
    pub username: Option<&'static str>,
    /// Password of HTTP basic authentication.
    pub password: Option<&'static str>,
    /// Token of HTTP bearer authentication.
    pub bearer: Option<&'static str>,
    /// PEM file with the certificate authorities to trust.
    pub ca_file: Option<&'static str>,
    /// PEM file with the client's certificate.
    pub cert_file: Option<&'static str>,
    /// PEM file with the client's private key.
    pub key_file: Option<&'static str>,
}

/// A topic with the type of its events: everything that a producer or consumer must know about it.
pub trait Topic: Send + Sync + 'static {
    /// The type of the topic's events.
    type Event: Send + Sync + 'static;

    /// Names and stage settings.
    fn spec(&self) -> &TopicSpec;

    /// Text of the schema that events are read and written with.
    fn schema(&self) -> &str;

    /// The full names of the enums of [`Topic::schema`] that keep symbols which they do not have. The plans that
    /// [`Topic::decode`] is given are made with them.
    fn open_enums(&self) -> &'static [&'static str] {
        &[]
    }

    /// The environments that the manifest declares, `${VAR}` unexpanded.
    fn environments(&self) -> &'static [Environment] {
        &[]
    }

    /// Reads an event from the Avro binary of a record's value, framing removed. `plan` says how the writer's schema is
    /// read with [`Topic::schema`]; an identity plan means that both are the same, and the value is decoded as it is.
    ///
    /// # Errors
    ///
    /// The bytes are not what the writer's schema says, or hold a value that the reader's schema has no place for.
    fn decode(&self, plan: &Plan, payload: &[u8]) -> Result<Self::Event, DecodeError>;

    /// Reads an event as [`Topic::decode`] does, in place of another one, whose memory is used again where it can be. A consumer does this
    /// with events that it is done with, so a topic that reads small texts without allocating is faster. Without one of its own it is
    /// [`Topic::decode`].
    ///
    /// # Errors
    ///
    /// As [`Topic::decode`]; the event is then partly the old and partly the new one.
    fn decode_into(&self, plan: &Plan, payload: &[u8], event: &mut Self::Event) -> Result<(), DecodeError> {
        *event = self.decode(plan, payload)?;
        Ok(())
    }

    /// Appends the Avro binary encoding of the event, without framing.
    fn encode(&self, event: &Self::Event, out: &mut Vec<u8>);

    /// Appends the text of the record key. `false`: the topic declares no key, and nothing is appended.
    fn key(&self, event: &Self::Event, out: &mut String) -> bool;

    /// Appends the dedup key: the texts of its fields joined by the byte 0x1F. `false`: the topic declares none,
    /// and nothing is appended.
    fn dedup_key(&self, event: &Self::Event, out: &mut Vec<u8>) -> bool;

    /// Writes the event's place in its sequence into `out`: the texts are appended to those of `out`, which are empty, and the index is set.
    /// `false`: the topic is not reordered, or the event has no place in an order, and what is in `out` says nothing.
    fn sequence(&self, event: &Self::Event, out: &mut Sequence) -> bool;

    /// Sets the field that the manifest names in `stamp` to the time of sending. Without one it does nothing.
    fn stamp(&self, event: &mut Self::Event, now: DateTime<Utc>);

    /// Checks the event against the rules of its schema. A producer sends nothing that breaks one. A consumer lets symbols that
    /// open enums do not have pass (rule `symbol`), and puts what breaks another among the dead letters.
    ///
    /// # Errors
    ///
    /// Every rule that is broken, with the path of the value that breaks it.
    fn validate(&self, event: &Self::Event) -> Result<(), ValidationErrors>;
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kafka: Vec<_> = self
            .kafka
            .iter()
            .map(|(k, v)| (*k, shown(is_secret(k), v)))
            .collect();
        f.debug_struct("Environment")
            .field("name", &self.name)
            .field("bootstrap", &self.bootstrap)
            .field("registry", &self.registry.map(without_userinfo))
            .field("kafka", &kafka)
            .field("registry_auth", &self.registry_auth)
            .finish()
    }
}

impl fmt::Debug for RegistryAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryAuth")
            .field("username", &self.username)
            .field("password", &self.password.map(|v| shown(true, v)))
            .field("bearer", &self.bearer.map(|v| shown(true, v)))
            .field("ca_file", &self.ca_file)
            .field("cert_file", &self.cert_file)
            .field("key_file", &self.key_file)
            .finish()
    }
}

/// Whether the value of a librdkafka setting must not be printed.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    [
        "password",
        "secret",
        "token",
        "jaas",
        "key.pem",
        "sasl.oauthbearer.config",
    ]
    .iter()
    .any(|s| key.contains(s))
}

/// A value as it may be printed: a reference to a variable is no secret, what is written out may be one.
fn shown(secret: bool, value: &str) -> &str {
    let reference = value.starts_with("${") && value.ends_with('}') && value.matches("${").count() == 1;
    if secret && !reference { "[redacted]" } else { value }
}

/// A URL without the part before `@`, where people put passwords.
fn without_userinfo(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!(
                "{}://[redacted]@{}",
                url.get(..scheme).unwrap_or(""),
                url.get(at + 1..).unwrap_or("")
            )
        }
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_can_be_statics() {
        static SPEC: TopicSpec = TopicSpec {
            name: Cow::Borrowed("raw_telemetry"),
            subject: Cow::Borrowed("raw_telemetry-value"),
            partitions: 6,
            dead_letter: Some(Cow::Borrowed("raw_telemetry.dlq")),
            dedup: Some(DedupSpec {
                ttl: Duration::from_secs(60),
            }),
            reorder: Some(ReorderSpec {
                ring: 10,
                tolerance: 2,
                hold: Duration::from_millis(300),
            }),
        };
        assert_eq!(SPEC.name, "raw_telemetry");
    }

    #[test]
    fn debug_prints_no_secret() {
        static PROD: Environment = Environment {
            name: "prod",
            bootstrap: "kafka:9092",
            registry: Some("https://me:hunter2@registry:8081"),
            kafka: &[
                ("sasl.username", "me"),
                ("sasl.password", "hunter2"),
                ("ssl.key.password", "${KEY_PASSWORD}"),
                ("ssl.key.pem", "hunter2 ${X}"),
            ],
            registry_auth: Some(RegistryAuth {
                username: Some("me"),
                password: Some("hunter2"),
                bearer: Some("${TOKEN}"),
                ca_file: None,
                cert_file: None,
                key_file: None,
            }),
        };
        let text = format!("{PROD:?}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(
            text.contains("${KEY_PASSWORD}") && text.contains("${TOKEN}") && text.contains("registry:8081")
        );
    }
}
