//! One run from beginning to end.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use fleetops_avro::compat::Level;
use fleetops_codegen::manifest::Manifest;
use fleetops_registry::dev::broker::EmbeddedBroker;
use fleetops_registry::dev::registry::EmbeddedRegistry;
use fleetops_registry::dev::setup::{self, SetupError, Subject};
use fleetops_registry::events::RawTelemetryEvent;
use fleetops_registry::kafka::{self, AdminError, TopicPlan, WantedTopic};
use fleetops_registry::registry::{Client, ClientError};
use fleetops_registry::topics::{
    AnomaliesTopic, OperatorActionsTopic, OperatorAlertsTopic, RawTelemetryConsumer, RawTelemetryProducer,
    RawTelemetryTopic,
};
use fleetops_runtime::consumer::ConsumerCounts;
use fleetops_runtime::topic::Topic;
use fleetops_runtime::{ConsumerError, ProducerError, SendError, Undelivered};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio_util::sync::CancellationToken;

use super::books::{Observed, Partition, Promise, Received, audit};
use super::drive::{self, Other, Progress};
use super::faults::{self, Observation};
use super::input::{self, InputError};
use super::report::{Report, grouped};
use super::{scene, witness};

/// The manifest that the fleet's code was generated from.
const MANIFEST: &str = include_str!("../../fleetops-registry.toml");
const GROUP: &str = "anomaly-service-group";
/// How long the broker may take for a question.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Which faults are put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Faults {
    /// Everything is sent once, as it stands
    None,
    /// Duplicates, moved, late and missing frames
    Default,
}

/// What to do.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// A recording; else a scene is generated.
    pub(crate) input: Option<PathBuf>,
    pub(crate) faults: Faults,
    pub(crate) seed: u64,
}

/// Why a run has no books.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(
        "event {} of the recording is frame {frame} of {vehicle}, whose last one was {after}: faults can be put into \
         recordings without faults only",
        index + 1
    )]
    Irregular {
        index: usize,
        vehicle: String,
        frame: i64,
        after: i64,
    },
    #[error("the embedded broker cannot be started: {0}")]
    Broker(rdkafka::error::KafkaError),
    #[error("the embedded registry cannot be started: {0}")]
    Registry(std::io::Error),
    #[error("the built-in manifest cannot be read: {0}")]
    Manifest(String),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the producer cannot be started: {0}")]
    Producer(ProducerError),
    #[error("an event could not be sent: {0}")]
    Send(SendError),
    #[error("{0}")]
    Undelivered(Undelivered),
    #[error("the producer that writes duplicates failed: {0}")]
    Other(rdkafka::error::KafkaError),
    #[error("{0}")]
    Consume(ConsumerError),
    #[error("nothing has moved for a minute after {} records received", grouped(*received))]
    Stalled { received: u64 },
    #[error("the group was given {assigned} partitions within a minute, and not all there are")]
    Unassigned { assigned: usize },
    #[error("the broker cannot be asked how it ended: {0}")]
    Ask(rdkafka::error::KafkaError),
    #[error(transparent)]
    Witness(#[from] witness::WitnessError),
    #[error("a part of the demo ended unexpectedly: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Whom a run tells what it does.
pub(crate) trait Telling: Send + Sync {
    /// A step was done.
    fn step(&self, name: &str, text: &str);
    /// So many events will be handled, if that is known.
    fn start(&self, progress: Arc<Progress>, total: u64);
    /// All is handled.
    fn end(&self);
}

/// Runs it. Cancelling `stop` ends the sending; what was sent still goes all the way.
pub(crate) async fn run(
    options: &Options,
    telling: &dyn Telling,
    stop: CancellationToken,
) -> Result<Report, DemoError> {
    let events = match &options.input {
        Some(path) => input::read(path)?,
        None => scene::generate(options.seed, scene::DEFAULT_SIZE),
    };
    let (names, observations) = observe(&events);
    let irregular = irregularity(&events, &observations);
    let (actions, ledger) = match (options.faults, irregular) {
        (Faults::None, _) => faults::none(&observations),
        (Faults::Default, None) => faults::default(&observations, options.seed),
        (Faults::Default, Some(irregular)) => {
            return Err(DemoError::Irregular {
                index: irregular.index,
                vehicle: names[observations[irregular.index].vehicle].clone(),
                frame: observations[irregular.index].frame,
                after: irregular.after,
            });
        }
    };
    let title = title(options, &events, names.len());
    telling.step("scene", &title);

    let servers = Servers::start(telling).await?;
    let spec = RawTelemetryTopic.spec().clone();
    let (bootstrap, registry) = (servers.broker.bootstrap().to_owned(), servers.registry.url());

    let reorder = spec.reorder.map(|mut reorder| {
        // The scene is replayed many times faster than it was driven: a pause of this machine must not count as
        // one of the road.
        reorder.hold = HOLD;
        reorder
    });
    let all_read = CancellationToken::new();
    let consumer = RawTelemetryConsumer::builder()
        .brokers(&bootstrap)
        .registry(&registry)
        .group(GROUP)
        .reorder(reorder)
        .end_of_stream(all_read.clone())
        .build()
        .await
        .map_err(DemoError::Consume)?;
    let producer = RawTelemetryProducer::builder()
        .brokers(&bootstrap)
        .registry(&registry)
        .set("compression.codec", "zstd")
        .build()
        .await
        .map_err(DemoError::Producer)?;
    drive::assigned(&consumer, spec.partitions).await?;
    telling.step(
        "group",
        &format!("{GROUP} has all {} partitions of {}", spec.partitions, spec.name),
    );
    let other = Other::new(another_producer(&bootstrap)?, servers.schema_id);

    let progress = Arc::new(Progress::default());
    let total = Arc::new(OnceLock::new());
    let give_up = CancellationToken::new();
    telling.start(Arc::clone(&progress), ledger.handled_count());
    let begin = Instant::now();
    let reader = {
        let (progress, total, give_up) = (Arc::clone(&progress), Arc::clone(&total), give_up.clone());
        let stop = stop.clone();
        tokio::spawn(async move {
            let read = drive::read(consumer, &progress, &total, &all_read, &give_up).await;
            if read.is_err() {
                // Nobody reads any more: there is no use in sending on.
                stop.cancel();
            }
            read
        })
    };
    let events = Arc::new(events);
    let writer = {
        let (events, progress) = (Arc::clone(&events), Arc::clone(&progress));
        tokio::spawn(async move { drive::send(&events, &actions, producer, other, &progress, &stop).await })
    };
    let written = match writer.await? {
        Ok(written) => written,
        Err(error) => {
            // The reader may know better why nothing went on.
            give_up.cancel();
            let read = reader.await?;
            telling.end();
            return Err(read.err().unwrap_or(error));
        }
    };
    let _ = total.set(written.sent.acknowledged + written.sent.by_another);
    let read = reader.await?;
    telling.end();
    let read = read?;

    let handled_by_partition: BTreeMap<i32, u64> = read
        .counts
        .partitions
        .iter()
        .map(|(partition, counts)| (*partition, counts.handled))
        .collect();
    let partitions = partitions(&bootstrap, &spec.name, handled_by_partition).await?;
    let dead_letters = match &spec.dead_letter {
        Some(topic) => self::partitions(&bootstrap, topic, BTreeMap::new())
            .await?
            .iter()
            .map(|p| p.records)
            .sum(),
        None => 0,
    };
    let witness = witness::examine(&bootstrap, &Client::new(&registry)?, &spec.name).await?;
    servers.stop().await;

    let observed = Observed {
        producer: written.sent,
        consumer: received(&read.counts),
        partitions,
        dead_letters,
        handled: read.handled,
        witness,
    };
    let exact = written.complete && irregular.is_none();
    let promise = Promise {
        handled: promised(&names, &events, &ledger),
        ledger: &ledger,
    };
    let findings = audit(&observed, exact.then_some(&promise));
    Ok(Report {
        title,
        group: GROUP.to_owned(),
        topic: spec.name.into_owned(),
        observed,
        findings,
        exact,
        interrupted: !written.complete,
        producing: written.until.duration_since(begin),
        handling: read.until.duration_since(begin),
    })
}

/// How long a frame waits for the ones before it, instead of the manifest's setting: longer than any run.
const HOLD: Duration = Duration::from_secs(24 * 60 * 60);

/// The two servers, with subjects and topics.
struct Servers {
    broker: EmbeddedBroker,
    registry: EmbeddedRegistry,
    /// Of the topic that the demo sends to.
    schema_id: u32,
}

impl Servers {
    async fn start(telling: &dyn Telling) -> Result<Self, DemoError> {
        let broker = EmbeddedBroker::start().map_err(DemoError::Broker)?;
        telling.step("broker", &format!("{} (embedded)", broker.bootstrap()));
        let registry = EmbeddedRegistry::start(0).await.map_err(DemoError::Registry)?;
        telling.step("registry", &format!("{} (embedded)", registry.url()));

        let source = fleetops_avro::Source::new("fleetops-registry.toml", MANIFEST);
        let manifest = Manifest::parse(source).map_err(|found| {
            DemoError::Manifest(
                found
                    .iter()
                    .map(|d| d.message.as_str())
                    .collect::<Vec<_>>()
                    .join("; "),
            )
        })?;
        let subjects = [
            subject(&RawTelemetryTopic, &manifest),
            subject(&AnomaliesTopic, &manifest),
            subject(&OperatorAlertsTopic, &manifest),
            subject(&OperatorActionsTopic, &manifest),
        ];
        let registered = setup::register(&Client::new(&registry.url())?, &subjects).await?;
        let shown: Vec<String> = registered
            .iter()
            .map(|s| format!("{} (ID {})", s.name, s.id))
            .collect();
        telling.step("subjects", &shown.join(", "));
        let schema_id = registered
            .iter()
            .find(|s| s.name == RawTelemetryTopic.spec().subject)
            .map_or(0, |subject| subject.id);

        let environment = manifest.environment("dev");
        let plan = setup::create_topics(&broker, &kafka::wanted(&manifest, environment)).await?;
        telling.step("topics", &created(&plan, &manifest));
        Ok(Self {
            broker,
            registry,
            schema_id,
        })
    }

    async fn stop(self) {
        self.registry.stop().await;
        // Ending the broker waits for a thread.
        let _ = tokio::task::spawn_blocking(move || drop(self.broker)).await;
    }
}

/// The topics of a plan in a line. Dead-letter topics, which go with their sources, are only counted.
fn created(plan: &TopicPlan, manifest: &Manifest) -> String {
    let is_declared = |topic: &&WantedTopic| manifest.topic(&topic.name).is_some();
    let shown: Vec<String> = plan
        .creations()
        .filter(is_declared)
        .map(|topic| format!("{} ({} partitions)", topic.name, topic.partitions))
        .collect();
    let dead_letters = plan.creations().filter(|topic| !is_declared(topic)).count();
    format!("{}, and {dead_letters} dead-letter topics", shown.join(", "))
}

fn subject<T: Topic>(topic: &T, manifest: &Manifest) -> Subject {
    let spec = topic.spec();
    Subject {
        name: spec.subject.to_string(),
        schema: topic.schema().to_owned(),
        level: manifest.topic(&spec.name).map_or(Level::Backward, |topic| {
            setup::level(manifest.compatibility(topic))
        }),
    }
}

fn another_producer(bootstrap: &str) -> Result<rdkafka::producer::FutureProducer, DemoError> {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("compression.codec", "zstd")
        .set("linger.ms", "0")
        .create()
        .map_err(DemoError::Other)
}

/// The events as faults and books know them, and the name of each sequence.
fn observe(events: &[RawTelemetryEvent]) -> (Vec<String>, Vec<Observation>) {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut names = Vec::new();
    let observations = events
        .iter()
        .map(|event| {
            let name = drive::sequence_name(event);
            let vehicle = *numbers.entry(name).or_insert_with_key(|name| {
                names.push(name.clone());
                names.len() - 1
            });
            Observation {
                vehicle,
                frame: i64::from(event.frame_index),
            }
        })
        .collect();
    (names, observations)
}

/// The first event that is not the next frame of its vehicle, or that another one has the identifier of.
fn irregularity(events: &[RawTelemetryEvent], observations: &[Observation]) -> Option<faults::Irregular> {
    let mut seen = std::collections::HashSet::with_capacity(events.len());
    let repeated = events
        .iter()
        .position(|event| !seen.insert((event.vehicle_id.as_str(), event.event_id)))
        .map(|index| faults::Irregular {
            index,
            after: observations[index].frame,
        });
    faults::irregularity(observations).or(repeated)
}

fn promised(
    names: &[String],
    events: &[RawTelemetryEvent],
    ledger: &faults::Ledger,
) -> BTreeMap<String, Vec<(i64, uuid::Uuid)>> {
    names
        .iter()
        .zip(&ledger.handled)
        .filter(|(_, indices)| !indices.is_empty())
        .map(|(name, indices)| {
            let sequence = indices
                .iter()
                .filter_map(|index| events.get(*index))
                .map(|event| (i64::from(event.frame_index), event.event_id));
            (name.clone(), sequence.collect())
        })
        .collect()
}

fn title(options: &Options, events: &[RawTelemetryEvent], vehicles: usize) -> String {
    let what = match &options.input {
        Some(path) => path.display().to_string(),
        None => format!("generated, seed {}", options.seed),
    };
    let how = match options.faults {
        Faults::None => "sent as they stand",
        Faults::Default => "with faults put in",
    };
    format!(
        "{what}: {} events of {} vehicles, {how}",
        grouped(events.len() as u64),
        grouped(vehicles as u64)
    )
}

fn received(counts: &ConsumerCounts) -> Received {
    Received {
        received: counts.received,
        duplicates: counts.duplicates,
        frame_duplicates: counts.frame_duplicates,
        conflicts: counts.conflicts,
        late: counts.late,
        too_old: counts.too_old,
        jumps: counts.jumps,
        gaps: counts.gaps,
        reordered: counts.reordered,
        poison: counts.poison,
        dead_lettered: counts.dead_lettered,
        handled: counts.handled,
    }
}

/// What a plain client sees of the topic's partitions and of what the group has committed there.
async fn partitions(
    bootstrap: &str,
    topic: &str,
    handled: BTreeMap<i32, u64>,
) -> Result<Vec<Partition>, DemoError> {
    let (bootstrap, topic) = (bootstrap.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", bootstrap)
            .set("group.id", GROUP)
            .set("enable.auto.commit", "false")
            .create()?;
        let metadata = consumer.fetch_metadata(Some(&topic), TIMEOUT)?;
        let mut asked = rdkafka::TopicPartitionList::new();
        for partition in metadata.topics().iter().flat_map(|t| t.partitions()) {
            asked.add_partition(&topic, partition.id());
        }
        let committed = consumer.committed_offsets(asked, TIMEOUT)?;
        let mut all = Vec::new();
        for element in committed.elements() {
            let (_, high) = consumer.fetch_watermarks(&topic, element.partition(), TIMEOUT)?;
            let number = |n: i64| u64::try_from(n).unwrap_or(0);
            all.push(Partition {
                records: number(high),
                committed: number(element.offset().to_raw().unwrap_or(0)),
                handled: handled.get(&element.partition()).copied().unwrap_or(0),
            });
        }
        Ok(all)
    })
    .await?
    .map_err(DemoError::Ask)
}
