//! The fleet on the real servers, by the commands that a user gives: subjects, topics, a recorded scene produced and
//! consumed. Done once; the tests that go on from there do so one after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use fleetops_registry::events::RawTelemetryEvent;
use fleetops_runtime::uuid::Uuid;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::{Value, json};

use crate::project::{Project, Run};
use crate::stack::{Stack, say, stack};
use crate::{register, topics};

pub(crate) const GROUP: &str = "anomaly-service-group";
/// The events of scene 1.
const SCENE: usize = 68_729;

/// The fleet, and what was sent.
pub(crate) struct Fleet {
    pub(crate) project: Project,
    pub(crate) stack: &'static Stack,
    pub(crate) sent: Vec<RawTelemetryEvent>,
}

static FLEET: OnceLock<Mutex<Fleet>> = OnceLock::new();

/// The fleet, for one test at a time; `None` where there can be no servers.
pub(crate) fn fleet() -> Option<MutexGuard<'static, Fleet>> {
    let stack = stack()?;
    let fleet = FLEET.get_or_init(|| Mutex::new(Fleet::new(stack)));
    Some(fleet.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Fleet {
    fn new(stack: &'static Stack) -> Self {
        let project = Project::fleet();
        register::fleet(&project, stack);
        topics::fleet(&project, stack);
        let (file, sent) = scene(&project);

        let produced = project
            .run(stack, &["produce", "raw_telemetry", &file, "--format", "json"])
            .exits(0);
        println!("produced {} events in {:.1?}", sent.len(), produced.took);
        let counts: Value = serde_json::from_str(&produced.stdout).unwrap();
        assert_eq!(
            [
                &counts["acknowledged"],
                &counts["duplicates"],
                &counts["failed"],
                &counts["skipped"]
            ],
            [&json!(sent.len()), &json!(0), &json!(0), &json!(0)]
        );
        assert_eq!(counts["complete"], true);

        let consume = ["consume", "raw_telemetry", "--group", GROUP, "--until-end"];
        let consumed = project.run(stack, &consume).exits(0);
        println!("consumed {} events in {:.1?}", sent.len(), consumed.took);
        same_in_order(&sent, &events(&consumed));
        let again = project.run(stack, &consume).exits(0);
        assert_eq!(again.stdout, "", "a second time");
        Self { project, stack, sent }
    }
}

/// A recorded scene, or where the large data is not, some vehicles that drive; as a file and as events.
fn scene(project: &Project) -> (String, Vec<RawTelemetryEvent>) {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    if let Some(data) = std::env::var_os("FLEETOPS_TEST_DATA") {
        let file = PathBuf::from(data).join("data/motion/raw_telemetry_scene1.jsonl.gz");
        let mut text = String::new();
        let packed = std::fs::File::open(&file).unwrap();
        flate2::read::GzDecoder::new(packed)
            .read_to_string(&mut text)
            .unwrap();
        let events: Vec<RawTelemetryEvent> = text.lines().map(parse).collect();
        assert_eq!(events.len(), SCENE);
        return (file.display().to_string(), events);
    }
    say(
        "FLEETOPS_TEST_DATA is not set: 3,000 events that are made for it are sent instead of the recorded scene",
    );
    let lines = driving("made", 30, 100);
    project.write("scene.jsonl", &lines.concat());
    let file = project.path("scene.jsonl").display().to_string();
    (file, lines.iter().map(|line| parse(line)).collect())
}

/// Lines of vehicles that drive evenly, frame by frame; all their IDs have to do with the name.
pub(crate) fn driving(name: &str, vehicles: usize, frames: usize) -> Vec<String> {
    let root = env!("CARGO_MANIFEST_DIR");
    let example = std::fs::read_to_string(format!("{root}/schemas/examples/RawTelemetryEvent.json")).unwrap();
    let mut event: Value = serde_json::from_str(&example).unwrap();
    let mut lines = Vec::new();
    for frame in 0..frames {
        for vehicle in 0..vehicles {
            let id = Uuid::new_v5(
                &Uuid::NAMESPACE_OID,
                format!("{name} {vehicle} {frame}").as_bytes(),
            );
            event["event_id"] = json!(id);
            event["vehicle_id"] = json!(format!("scene_{name}_track_{vehicle}"));
            event["metadata"]["replay_session_id"] = json!(name);
            event["frame_index"] = json!(frame);
            lines.push(format!("{event}\n"));
        }
    }
    lines
}

/// What a run of `consume` printed.
pub(crate) fn events(run: &Run) -> Vec<RawTelemetryEvent> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    run.stdout.lines().map(parse).collect()
}

/// Asserts that all of `sent` is there once, as it was sent but for the time of sending, each vehicle's in its order.
#[track_caller]
pub(crate) fn same_in_order(sent: &[RawTelemetryEvent], received: &[RawTelemetryEvent]) {
    assert_eq!(received.len(), sent.len());
    let mut by_id: BTreeMap<Uuid, &RawTelemetryEvent> =
        sent.iter().map(|event| (event.event_id, event)).collect();
    let mut last: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for event in received {
        let original = by_id
            .remove(&event.event_id)
            .expect("it was sent, and comes once");
        assert!(event.processing_time > original.processing_time, "it was stamped");
        let restored = RawTelemetryEvent {
            processing_time: original.processing_time,
            ..event.clone()
        };
        assert_eq!(&restored, original);
        let vehicle = (
            event.vehicle_id.as_str(),
            event.metadata.replay_session_id.as_str(),
        );
        let frame = i64::from(event.frame_index);
        let before = last.insert(vehicle, frame);
        assert!(
            before.is_none_or(|before| before < frame),
            "{vehicle:?}: {before:?}, {frame}"
        );
    }
}

/// A record as it stands in the log.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Logged {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: String,
    pub(crate) value: Vec<u8>,
    pub(crate) headers: BTreeSet<String>,
}

/// Where a record stands.
pub(crate) type Spot = (i32, i64);

impl Logged {
    pub(crate) fn spot(&self) -> Spot {
        (self.partition, self.offset)
    }

    /// The value without its framing.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.value[5..]
    }
}

/// The log of a topic, read by nothing of ours.
pub(crate) fn log(bootstrap: &str, topic: &str) -> Vec<Logged> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "log")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    let mut assignment = TopicPartitionList::new();
    let mut left = 0;
    for partition in metadata.topics()[0].partitions() {
        let (low, high) = consumer
            .fetch_watermarks(topic, partition.id(), PATIENCE)
            .unwrap();
        left += high - low;
        assignment
            .add_partition_offset(topic, partition.id(), Offset::Beginning)
            .unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let mut all = Vec::new();
    while (all.len() as i64) < left {
        let message = consumer.poll(PATIENCE).expect("the rest of the log").unwrap();
        let headers = message
            .headers()
            .map(|h| h.iter().map(|h| h.key.to_owned()).collect());
        all.push(Logged {
            partition: message.partition(),
            offset: message.offset(),
            key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
            value: message.payload().unwrap().to_vec(),
            headers: headers.unwrap_or_default(),
        });
    }
    all
}

#[test]
fn a_scene_is_produced_and_consumed_once_by_a_group_and_all_is_well() {
    let Some(fleet) = fleet() else { return };
    let log = log(&fleet.stack.bootstrap(), "raw_telemetry");
    let partitions: BTreeMap<&str, i32> = log.iter().map(|r| (r.key.as_str(), r.partition)).collect();
    assert!(
        log.iter().all(|r| partitions[r.key.as_str()] == r.partition),
        "a key, a partition"
    );
    assert!(
        fleet
            .sent
            .iter()
            .all(|event| partitions.contains_key(event.vehicle_id.as_str()))
    );

    let lag = ["lag", "raw_telemetry", "--group", GROUP, "--format", "json"];
    let lag = fleet.project.run(fleet.stack, &lag).exits(0);
    let lag = &lag.lines()[0]["groups"][0]["topics"][0];
    assert_eq!((&lag["topic"], &lag["lag"]), (&json!("raw_telemetry"), &json!(0)));
    let committed = |p: &Value| p["committed"].as_u64().unwrap();
    let sum: u64 = lag["partitions"].as_array().unwrap().iter().map(committed).sum();
    assert!(sum >= fleet.sent.len() as u64);
}
