//! What is wrong between this tree and its servers, and what to do about it.
//!
//! Three layers. *Probes* ask servers, each question with a time-out of its own ([`wire`], [`cluster`], [`sample`],
//! [`subjects`]); they hold no opinion. *Facts* are what they saw ([`facts`]). *Verdicts* turn facts into checks, without
//! I/O, so that every failure mode is tested without a server ([`brokers`], [`topics`], [`records`], [`registries`]).
//!
//! Brokers and registry are asked side by side, so neither waits for the other; where nothing answers, the whole takes
//! about ten seconds. Nothing is changed anywhere: no topic is made, nothing is registered, no group is joined, no offset
//! committed.

mod brokers;
mod check;
mod cluster;
mod facts;
mod native;
mod print;
mod records;
mod registries;
mod sample;
mod subjects;
mod topics;
mod wire;

use std::collections::BTreeMap;
use std::time::Duration;

use fleetops_avro::SchemaSet;
use fleetops_codegen::manifest::{Manifest, ResolvedEnvironment};
use fleetops_registry::kafka;
use fleetops_registry::registry::Desired;
use fleetops_runtime::registry::SchemaSource;
use rdkafka::consumer::BaseConsumer;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

pub(crate) use check::{Check, Overall, overall};
use facts::{ClientSide, Cluster, Endpoint, Metadata, Registry, Sample, Wanted};
pub(crate) use print::{json, text};

/// How long all subjects may take together.
const ALL_SUBJECTS: Duration = Duration::from_secs(8);
/// Addresses that are looked at side by side; further ones are left out.
const ADDRESSES: usize = 32;

/// What to look at.
pub(crate) struct Patient {
    environment: ResolvedEnvironment,
    wanted: Vec<Wanted>,
    /// The dedup fields of each topic, as paths.
    dedup: BTreeMap<String, Vec<Vec<String>>>,
    desired: Vec<Desired>,
    /// How many of a topic's newest records are read; 0: none.
    newest: u64,
}

impl Patient {
    /// The topics and subjects of a manifest in an environment.
    pub(crate) fn new(
        manifest: &Manifest,
        schemas: &SchemaSet,
        environment: ResolvedEnvironment,
        newest: u64,
    ) -> Result<Self, String> {
        let mut desired =
            fleetops_registry::registry::desired(manifest, schemas).map_err(|e| e.to_string())?;
        // Subjects that others refer to are needed only where these were registered with references, and are then there.
        desired.retain(|wish| !wish.topics.is_empty());
        let topics = kafka::wanted(manifest, manifest.environment(&environment.name));
        let wanted = topics.into_iter().map(|topic| wanted(manifest, topic)).collect();
        let mut dedup = BTreeMap::new();
        for topic in &manifest.topics {
            let paths = topic.dedup.iter().flat_map(|d| &d.key);
            let paths = paths.map(|path| path.segments.iter().map(|s| s.name.clone()).collect());
            dedup.insert(topic.name.value.clone(), paths.collect());
        }
        Ok(Self {
            environment,
            wanted,
            dedup,
            desired,
            newest,
        })
    }
}

fn wanted(manifest: &Manifest, topic: kafka::WantedTopic) -> Wanted {
    let declared = manifest.topic(&topic.name);
    let dedup = declared.and_then(|t| t.dedup.as_ref());
    let fields: Vec<String> = dedup
        .iter()
        .flat_map(|d| &d.key)
        .map(ToString::to_string)
        .collect();
    let letters_of = match declared {
        Some(_) => Vec::new(),
        None => manifest
            .topics
            .iter()
            .filter(|t| t.dead_letter.as_ref().is_some_and(|d| d.value == topic.name))
            .map(|t| t.name.value.clone())
            .collect(),
    };
    Wanted {
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        config: topic.config,
        ttl: dedup.map(|d| d.ttl.value),
        dedup: fields.join(", "),
        key: declared.and_then(|t| t.key.as_ref()).map(ToString::to_string),
        letters_of,
        name: topic.name,
    }
}

/// Looks at everything, and says what was found: brokers first, then the registry, then topics and their records.
pub(crate) async fn examine(patient: &Patient) -> Vec<Check> {
    let access = cluster::Access::new(&patient.environment);
    let ((mut checks, way), (registry_checks, schemas)) =
        tokio::join!(brokers_side(patient, &access), registry_side(patient));
    checks.extend(registry_checks);
    checks.extend(topics_side(patient, &access, way, schemas).await);
    checks
}

/// The way into the cluster: its metadata and a client, or why there is none.
type Way = Result<(Metadata, BaseConsumer<cluster::Told>, Option<String>), String>;

async fn brokers_side(patient: &Patient, access: &cluster::Access) -> (Vec<Check>, Way) {
    let client = access.client_side();
    let bootstrap = patient.environment.bootstrap.as_str();
    let addresses: Vec<String> = bootstrap
        .split(',')
        .map(|a| a.trim().to_owned())
        .filter(|a| !a.is_empty())
        .collect();
    let endpoints = look_at(&addresses, &client).await;
    let mut checks: Vec<Check> = endpoints.iter().map(|e| brokers::endpoint(e, &client)).collect();
    if checks.iter().all(|check| check.finding().is_some()) {
        let why = "no bootstrap server can be used";
        checks.push(Check::not_checked("cluster", bootstrap, why));
        return (checks, Err("the cluster cannot be asked".to_owned()));
    }
    let (asker, side) = (access.clone(), client.clone());
    let asked = tokio::task::spawn_blocking(move || asker.metadata(|line| brokers::is_decisive(line, &side)));
    let Ok((answer, consumer)) = asked.await else {
        let why = "the thread that asks the cluster has ended";
        return (checks, Err(why.to_owned()));
    };
    checks.push(brokers::cluster(bootstrap, &answer, &client));
    let usable = checks.last().is_some_and(|check| check.finding().is_none());
    let (Cluster::Metadata(metadata), Some(consumer)) = (answer, consumer) else {
        return (checks, Err("the cluster cannot be asked".to_owned()));
    };
    if !usable {
        return (checks, Err("the cluster is not ready".to_owned()));
    }
    let others: Vec<String> = metadata
        .brokers
        .iter()
        .filter(|(_, a)| !addresses.contains(a))
        .map(|(_, a)| a.clone())
        .collect();
    let found = look_at(&others, &client).await;
    let mut lost = None;
    for (id, address) in &metadata.brokers {
        let endpoint = found.iter().chain(&endpoints).find(|e| e.address == *address);
        let Some(endpoint) = endpoint else { continue };
        let check = brokers::advertised(bootstrap, *id, endpoint, &client);
        if check.finding().is_some() {
            lost = Some(format!("broker {id} cannot be reached at its advertised address"));
        }
        checks.push(check);
    }
    (checks, Ok((metadata, consumer, lost)))
}

/// Looks at addresses side by side; the result is in their order.
async fn look_at(addresses: &[String], client: &ClientSide) -> Vec<Endpoint> {
    let mut looking = JoinSet::new();
    for (at, address) in addresses.iter().take(ADDRESSES).cloned().enumerate() {
        let mechanism = client.mechanism.clone();
        looking.spawn(async move { (at, wire::probe(&address, mechanism.as_deref()).await) });
    }
    let mut found = looking.join_all().await;
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, endpoint)| endpoint).collect()
}

async fn registry_side(patient: &Patient) -> (Vec<Check>, Option<SchemaSource>) {
    let mut checks = Vec::new();
    let mut usable = None;
    let accesses = subjects::Access::all(&patient.environment);
    if accesses.is_empty() {
        let why = format!("environment {} has no registry", patient.environment.name);
        checks.push(Check::not_checked(
            "registry",
            patient.environment.name.as_str(),
            why,
        ));
    }
    for access in accesses {
        let answer = access.probe().await;
        checks.push(registries::registry(&access.url, &answer));
        if matches!(answer, Registry::Subjects(_)) && usable.is_none() {
            usable = Some(access);
        }
    }
    let record = |wish: &Desired| {
        let name = wish.schema.root_node().name().map(ToString::to_string);
        name.unwrap_or_else(|| wish.subject.clone())
    };
    let Some(access) = usable else {
        let unasked = patient
            .desired
            .iter()
            .map(|wish| Check::not_checked("subject", wish.subject.as_str(), "the registry cannot be asked"));
        checks.extend(unasked);
        return (checks, None);
    };
    let deadline = tokio::time::Instant::now() + ALL_SUBJECTS;
    for wish in &patient.desired {
        let looking = access.subject(&wish.subject, &wish.schema, wish.level);
        let state = match tokio::time::timeout_at(deadline, looking).await {
            Ok(state) => state,
            Err(_) => facts::Subject::Failed("the time for all subjects was over".to_owned()),
        };
        checks.push(registries::subject(&wish.subject, &record(wish), &state));
    }
    (checks, access.schemas())
}

async fn topics_side(
    patient: &Patient,
    access: &cluster::Access,
    way: Way,
    schemas: Option<SchemaSource>,
) -> Vec<Check> {
    let (metadata, consumer, lost) = match way {
        Ok(way) => way,
        Err(why) => {
            let unasked = patient.wanted.iter();
            return unasked
                .map(|wanted| Check::not_checked("topic", wanted.name.as_str(), why.as_str()))
                .collect();
        }
    };
    let state = |wanted: &Wanted| metadata.topics.get(&wanted.name);
    let there: Vec<&Wanted> = patient.wanted.iter().filter(|w| state(w).is_some()).collect();
    let names: Vec<&str> = there.iter().map(|w| w.name.as_str()).collect();
    let plain: Vec<(String, u32)> = there
        .iter()
        .filter(|w| w.letters_of.is_empty())
        .filter_map(|w| Some((w.name.clone(), state(w)?.partitions)))
        .collect();
    let (settings, (ends, samples)) = match &lost {
        Some(why) => (Err(why.clone()), (BTreeMap::new(), Err(why.clone()))),
        None => {
            let reader = Reader {
                access: access.clone(),
                consumer,
                topics: plain,
                dedup: patient.dedup.clone(),
                subjects: patient
                    .desired
                    .iter()
                    .flat_map(|wish| {
                        wish.topics
                            .iter()
                            .map(|topic| (topic.clone(), wish.subject.clone()))
                    })
                    .collect(),
                newest: patient.newest,
                schemas,
            };
            let handle = Handle::current();
            let reading = tokio::task::spawn_blocking(move || reader.read(&handle));
            let (settings, read) = tokio::join!(access.settings(&names), reading);
            let ended = || (BTreeMap::new(), Err("the thread that reads has ended".to_owned()));
            (settings, read.unwrap_or_else(|_| ended()))
        }
    };
    let mut checks = Vec::new();
    for wanted in &patient.wanted {
        let name = &wanted.name;
        checks.push(topics::topic(wanted, state(wanted)));
        if state(wanted).is_none() {
            continue;
        }
        let config = match &settings {
            Ok(all) => all.get(name).ok_or("the cluster gave no settings of it"),
            Err(why) => Err(why.as_str()),
        };
        checks.extend(topics::settings(wanted, config));
        if !wanted.letters_of.is_empty() {
            continue;
        }
        let sample = match &samples {
            Ok(samples) => samples.get(name).ok_or("its records cannot be read"),
            Err(why) => Err(why.as_str()),
        };
        let held = match (&lost, ends.get(name)) {
            (Some(why), _) => Err(why.as_str()),
            (None, Some(Ok(ends))) => Ok(ends.as_slice()),
            (None, Some(Err(why))) => Err(why.as_str()),
            (None, None) => Err("the ends of its logs are not known"),
        };
        let keys = sample
            .ok()
            .filter(|s| !s.records.is_empty())
            .map(records::distinct_keys);
        checks.push(topics::spread(wanted, held, keys));
        checks.extend(records::records(wanted, sample));
    }
    checks
}

/// Ends of logs by topic.
type Ends = BTreeMap<String, Result<Vec<(i64, i64)>, String>>;

/// What the reading thread needs.
struct Reader {
    access: cluster::Access,
    consumer: BaseConsumer<cluster::Told>,
    topics: Vec<(String, u32)>,
    dedup: BTreeMap<String, Vec<Vec<String>>>,
    subjects: BTreeMap<String, String>,
    newest: u64,
    schemas: Option<SchemaSource>,
}

impl Reader {
    fn read(self, runtime: &Handle) -> (Ends, Result<BTreeMap<String, Sample>, String>) {
        let topics: Vec<(&str, u32)> = self.topics.iter().map(|(name, n)| (name.as_str(), *n)).collect();
        let ends = self.access.ends(&self.consumer, &topics);
        if self.newest == 0 {
            return (ends, Err("no records are read with --records 0".to_owned()));
        }
        let wishes: Vec<sample::Wish> = ends
            .iter()
            .filter_map(|(topic, ends)| {
                Some(sample::Wish {
                    topic: topic.clone(),
                    ends: ends.as_ref().ok()?.clone(),
                    subject: self.subjects.get(topic).cloned().unwrap_or_default(),
                    dedup: self.dedup.get(topic).cloned().unwrap_or_default(),
                })
            })
            .collect();
        let schemas = self.schemas.as_ref();
        let reader = self.access.reader();
        let samples = reader.and_then(|reader| sample::read(&reader, &wishes, self.newest, schemas, runtime));
        let samples = samples.map_err(|error| self.access.clean(&error));
        (ends, samples)
    }
}
