//! What the probes saw. Plain data, so that verdicts can be tested without servers.

use std::collections::BTreeMap;
use std::time::Duration;

/// What came of connecting to an address, and what speaks there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// `host:port`
    pub(crate) address: String,
    /// What was found.
    pub(crate) found: Found,
}

/// What an address answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The host's name leads to no address.
    Unresolved(String),
    /// Nothing listens.
    Refused,
    /// No answer to the connection within the time.
    ConnectTimeout(Duration),
    /// Another error of the network.
    Failed(String),
    /// Accepts the connection and says nothing within the time, neither to Kafka's protocol nor to TLS.
    Silent(Duration),
    /// Kafka without TLS.
    Kafka(Sasl),
    /// TLS; what is behind it cannot be seen from outside.
    Tls,
    /// An HTTP server: its first line.
    Http(String),
    /// Closes the connection, or says something else.
    Other(String),
}

impl Found {
    /// Whether a connection could be made.
    pub(crate) fn connected(&self) -> bool {
        !matches!(
            self,
            Self::Unresolved(_) | Self::Refused | Self::ConnectTimeout(_) | Self::Failed(_)
        )
    }
}

/// Whether a listener without TLS wants its clients to sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sasl {
    /// It does not.
    None,
    /// With one of these mechanisms.
    Mechanisms(Vec<String>),
    /// It did not say.
    Unknown,
}

/// How our client is set up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientSide {
    /// TLS is on.
    pub(crate) tls: bool,
    /// SASL is on: the mechanism.
    pub(crate) mechanism: Option<String>,
    /// `sasl.username`
    pub(crate) user: Option<String>,
    /// `ssl.ca.location`
    pub(crate) ca: Option<String>,
}

impl ClientSide {
    /// librdkafka's name of it.
    pub(crate) fn protocol(&self) -> &'static str {
        match (self.tls, self.mechanism.is_some()) {
            (false, false) => "PLAINTEXT",
            (true, false) => "SSL",
            (false, true) => "SASL_PLAINTEXT",
            (true, true) => "SASL_SSL",
        }
    }
}

/// What the cluster answered to our client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cluster {
    /// librdkafka does not take the settings.
    Settings(String),
    /// No metadata within the time; what librdkafka told meanwhile, oldest first.
    NoMetadata {
        /// How long was waited.
        waited: Duration,
        /// Its error.
        error: String,
        /// Its messages.
        told: Vec<String>,
    },
    /// Metadata.
    Metadata(Metadata),
}

/// What the cluster says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Metadata {
    /// The brokers: ID and advertised `host:port`.
    pub(crate) brokers: Vec<(i32, String)>,
    /// The topics, by name.
    pub(crate) topics: BTreeMap<String, TopicState>,
}

/// A topic as the cluster has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TopicState {
    /// How many partitions.
    pub(crate) partitions: u32,
    /// Copies of the partition that has fewest.
    pub(crate) replication_factor: u32,
    /// What the cluster says is wrong with it, and with which partition.
    pub(crate) errors: Vec<String>,
}

/// What the manifest wants of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its name.
    pub(crate) name: String,
    /// How many partitions.
    pub(crate) partitions: u32,
    /// Copies of each.
    pub(crate) replication_factor: u32,
    /// Topic settings.
    pub(crate) config: BTreeMap<String, String>,
    /// How long a dedup key is remembered, where the topic has dedup.
    pub(crate) ttl: Option<Duration>,
    /// The fields of the dedup key, for people.
    pub(crate) dedup: String,
    /// The field that is the record key.
    pub(crate) key: Option<String>,
    /// A dead-letter topic of these; empty for a topic of its own.
    pub(crate) letters_of: Vec<String>,
}

/// A record of the newest ones, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The partition.
    pub(crate) partition: i32,
    /// Its offset.
    pub(crate) offset: i64,
    /// Milliseconds since 1970.
    pub(crate) timestamp_ms: Option<i64>,
    /// The record key.
    pub(crate) key: Option<Vec<u8>>,
    /// What names the event.
    pub(crate) event: Event,
}

/// What names an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Its dedup key.
    Key(Vec<u8>),
    /// Nothing: the topic has no dedup, the record is a tombstone, or was sent again on purpose.
    None,
    /// The value is none of ours: why.
    Unreadable(String),
    /// The registry did not say what the value is.
    Unknown,
}

/// The newest records of a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// The records, by partition and offset.
    pub(crate) records: Vec<Seen>,
    /// The time was over, or the memory full, before all that were wanted had been read.
    pub(crate) cut: bool,
}

/// What a registry's address answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Registry {
    /// The address or the TLS files are of no use.
    Settings(String),
    /// No connection: an [`Endpoint`] that is not connected.
    Unreachable(Endpoint),
    /// The connection is taken, and no HTTP answer comes.
    Silent(Duration),
    /// No TLS, or a certificate that is not trusted, or another error below HTTP.
    Broken(String),
    /// 401 or 403, and whether credentials were sent.
    Refused {
        /// The HTTP status.
        status: u16,
        /// As which user, or with a token; `None` without any.
        sent: Option<String>,
    },
    /// An answer that no registry gives.
    Foreign(String),
    /// 5xx or 429: it is one, or a proxy before it, and cannot answer.
    Failing(String),
    /// It answers: how many subjects.
    Subjects(usize),
}

/// A subject as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The registry did not answer, or not in time.
    Failed(String),
    /// It has no versions.
    Missing,
    /// Versions of it, lowest first.
    Versions {
        /// Each with what stands between it and the tree's schema, a line each; empty: nothing.
        versions: Vec<(u32, Vec<String>)>,
        /// Versions that cannot be read, and why.
        unreadable: Vec<(u32, String)>,
        /// The ID that this tree's schema has there; `None`: it is not registered.
        id: Option<u32>,
    },
}
