//! From settings to a running producer.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleetops_avro::Schema;
use tokio::sync::Semaphore;

use super::delivery::{Shared, start};
use super::error::ProducerError;
use super::ledger::Ledger;
use super::{Clock, Inner, Producer};
use crate::connect::{Connect, Fixed, Surroundings};
use crate::framing::Framing;
use crate::observe::ProducerMeter;
use crate::registry::{RegistryAuthentication, RegistryError, SchemaSource};
use crate::topic::Topic;

/// Bytes that may be in flight if nothing is said.
const MAX_IN_FLIGHT_BYTES: usize = 64 * 1024 * 1024;

/// Defaults where librdkafka's are not Java's, or bound what is bounded here.
const DEFAULTS: &[(&str, &str)] = &[
    // Java's delivery.timeout.ms; librdkafka's is five minutes.
    ("message.timeout.ms", "120000"),
];

const FIXED: &[Fixed] = &[
    Fixed {
        key: "enable.idempotence",
        values: &["true"],
        why: "without it a retry can write a record twice or in another order",
    },
    Fixed {
        key: "acks",
        values: &["all", "-1"],
        why: "a success would be told before the replicas have the record, and be false if the leader fails",
    },
    Fixed {
        key: "partitioner",
        values: &["murmur2_random"],
        why: "it is Java's default: with another one a key's records land on other partitions than those of clients in \
              other languages, and lose their order",
    },
    Fixed {
        key: "delivery.report.only.error",
        values: &["false"],
        why: "no success would ever be told",
    },
    Fixed {
        key: "queue.buffering.max.messages",
        values: &["0"],
        why: "what is in flight is bounded by max_in_flight_bytes(..), which waits for room where librdkafka fails",
    },
    Fixed {
        key: "queue.buffering.max.kbytes",
        values: &["2147483647"],
        why: "what is in flight is bounded by max_in_flight_bytes(..), which waits for room where librdkafka fails",
    },
];

/// Settings of a [`Producer`]; [`build`](Self::build) makes it.
///
/// Needed are brokers and a registry, given one by one or by an environment of the manifest. What is given one by one
/// goes before what the environment has.
#[must_use = "nothing happens before build()"]
pub struct ProducerBuilder<T: Topic> {
    topic: T,
    connect: Connect,
    max_in_flight_bytes: usize,
    dedup_ttl: Option<Option<Duration>>,
    framing: Framing,
    pub(super) clock: Option<Clock>,
}

impl<T: Topic> ProducerBuilder<T> {
    pub(super) fn new(topic: T) -> Self {
        Self {
            topic,
            connect: Connect::default(),
            max_in_flight_bytes: MAX_IN_FLIGHT_BYTES,
            dedup_ttl: None,
            framing: Framing::default(),
            clock: None,
        }
    }

    /// Bootstrap servers: `host:port`, several separated by commas.
    pub fn brokers(mut self, brokers: impl Into<String>) -> Self {
        self.connect.brokers(brokers);
        self
    }

    /// The schema registry's URL; several separated by commas are tried in order. `user:password@` in it is basic
    /// authentication.
    pub fn registry(mut self, urls: impl Into<String>) -> Self {
        self.connect.registry(urls);
        self
    }

    /// How the registry is signed in to.
    pub fn registry_authentication(mut self, authentication: RegistryAuthentication) -> Self {
        self.connect.registry_authentication(authentication);
        self
    }

    /// Look-ups through this source instead of one of the producer's own: to share its cache, or its transport.
    pub fn schema_source(mut self, source: SchemaSource) -> Self {
        self.connect.schema_source(source);
        self
    }

    /// An environment of the manifest, by name. Its `${VAR}` are expanded when the producer is built.
    pub fn env(mut self, name: impl Into<String>) -> Self {
        self.connect.environment(name);
        self
    }

    /// A setting of librdkafka, such as `compression.type` or `linger.ms`. Idempotence, acknowledgements and the
    /// partitioner cannot be changed; [`build`](Self::build) says why.
    pub fn set(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.connect.set(key, value);
        self
    }

    /// How many bytes may be in flight, overhead included; 64 MiB if nothing is said. A send waits for room.
    pub fn max_in_flight_bytes(mut self, bytes: usize) -> Self {
        self.max_in_flight_bytes = bytes;
        self
    }

    /// How long an acknowledged dedup key is remembered, instead of what the manifest says; `None`: dedup keys are
    /// written to the header and nothing is dropped here.
    pub fn dedup_ttl(mut self, ttl: Option<Duration>) -> Self {
        self.dedup_ttl = Some(ttl);
        self
    }

    /// What is put before each value, instead of Confluent's framing. The schema must be registered all the same: that
    /// is where consumers find older ones by their fingerprints.
    pub fn framing(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Looks up the ID of the topic's schema, registering nothing, and starts a client. Brokers are connected to in the
    /// background: that none can be reached is told by the sends.
    ///
    /// # Errors
    /// [`ProducerError::Connect`] for settings that make no connection, [`ProducerError::Schema`] where the schema's ID
    /// cannot be had: not registered, or the registry does not answer.
    pub async fn build(self) -> Result<Producer<T>, ProducerError> {
        let spec = self.topic.spec();
        let name = spec.name.as_ref().to_owned();
        let connect_error = |source| ProducerError::Connect {
            topic: name.clone(),
            source,
        };
        let connection = self
            .connect
            .resolve(self.topic.environments(), &Surroundings::PROCESS)
            .map_err(connect_error)?;
        // Before anything is asked for: settings that cannot work fail at once.
        let config = connection.client_config(DEFAULTS, FIXED).map_err(connect_error)?;
        let source = connection.schema_source().map_err(connect_error)?;
        let schema_id = source
            .id_of(&spec.subject, self.topic.schema())
            .await
            .map_err(|source| ProducerError::Schema {
                topic: name.clone(),
                source,
            })?;

        let prefix = match Schema::parse(self.topic.schema()) {
            Ok(schema) => self.framing.prefix(schema_id, &schema),
            // The registry has taken it.
            Err(error) => {
                let reason = error.to_string();
                let registry = source.address();
                let what = format!("our schema for subject {}", spec.subject);
                let source = RegistryError::Unusable {
                    what,
                    registry,
                    reason,
                };
                return Err(ProducerError::Schema { topic: name, source });
            }
        };

        let ttl = self.dedup_ttl.unwrap_or(spec.dedup.map(|dedup| dedup.ttl));
        let clock = self.clock.unwrap_or_else(|| {
            let start = Instant::now();
            Arc::new(move || start.elapsed())
        });
        // A record larger than all the room there is takes all of it.
        let room = self
            .max_in_flight_bytes
            .clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        let shared = Arc::new(Shared::new(
            name.as_str().into(),
            Ledger::new(ttl, ProducerMeter::new(&name)),
            clock,
            room,
        ));
        let client =
            start(&config, &shared).map_err(|error| connect_error(connection.client_error(error)))?;
        tracing::debug!(
            topic = name,
            schema_id,
            brokers = connection.brokers(),
            "producer started"
        );
        Ok(Producer {
            inner: Arc::new(Inner {
                topic: self.topic,
                schema_id,
                prefix,
                client,
                shared,
                room_bytes: room,
            }),
        })
    }
}

impl<T: Topic> fmt::Debug for ProducerBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProducerBuilder")
            .field("topic", &self.topic.spec().name)
            .field("connect", &self.connect)
            .field("max_in_flight_bytes", &self.max_in_flight_bytes)
            .finish_non_exhaustive()
    }
}
