//! `examples/anomaly_service.rs` as a program of its own beside real servers: a scene is read, and what its rule finds in it
//! is in the topic of anomalies, no more and no less.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fleetops_registry::events::{AnomalyEvent, RawTelemetryEvent};
use fleetops_runtime::chrono::{DateTime, TimeDelta, Utc};
use fleetops_runtime::uuid::Uuid;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use serde_json::{Value, json};

use crate::fleet::{Fleet, GROUP, driving, fleet, log};
use crate::register::runtime;

/// Built by `cargo test` like the rest; where only this target was asked for and it is not there, or is older than its text,
/// it is built now.
fn program() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_BIN_EXE_fleetops-registry"));
    let program = folder.with_file_name("examples").join("anomaly_service");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let changed = |path: &Path| std::fs::metadata(path).and_then(|data| data.modified());
    let text = changed(&root.join("examples/anomaly_service.rs")).unwrap();
    if changed(&program).is_ok_and(|built| built > text) {
        return program;
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--example", "anomaly_service"]);
    if folder.components().any(|part| part.as_os_str() == "release") {
        cargo.arg("--release");
    }
    let built = cargo.current_dir(root).status().unwrap();
    assert!(built.success());
    program
}

/// The running service, ended with its value.
struct Service(Child);

impl Service {
    fn start(fleet: &Fleet) -> Self {
        let mut command = Command::new(program());
        command
            .env("KAFKA_BOOTSTRAP_SERVERS", fleet.stack.bootstrap())
            .env("SCHEMA_REGISTRY_URL", fleet.stack.registry())
            .stdout(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Ctrl-C; what it said.
    fn interrupt(mut self) -> String {
        let id = self.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
        let mut said = String::new();
        std::io::Read::read_to_string(&mut self.0.stdout.take().unwrap(), &mut said).unwrap();
        assert!(self.0.wait().unwrap().success(), "{said}");
        said
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
    }
}

/// How far the group is behind.
fn lag(fleet: &Fleet) -> Option<u64> {
    let lag = ["lag", "raw_telemetry", "--group", GROUP, "--format", "json"];
    let lag = fleet.project.run(fleet.stack, &lag);
    lag.lines().first()?["groups"][0]["topics"][0]["lag"].as_u64()
}

/// The group begins anew.
fn forget_the_group(fleet: &Fleet) {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", fleet.stack.bootstrap())
        .create()
        .unwrap();
    let done = runtime().block_on(admin.delete_groups(&[GROUP], &AdminOptions::new()));
    done.unwrap().into_iter().for_each(|group| drop(group.unwrap()));
}

/// A vehicle: its name, milliseconds between its frames, speed and acceleration along it in each, and whether the last of
/// them is an anomaly.
type Braking = (&'static str, u32, &'static [(f64, f64)], bool);

/// Vehicles at the edges of the rule, and the events that are anomalies.
fn edges() -> (Vec<String>, BTreeSet<String>) {
    let braking: [Braking; 7] = [
        ("hard", 100, &[(20.0, 0.0), (17.0, -30.0), (14.5, -20.0)], true),
        (
            "at the threshold",
            100,
            &[(20.0, 0.0), (18.0, -3.0), (15.0, -3.0)],
            false,
        ),
        ("five less", 100, &[(20.0, 0.0), (15.0, -50.0)], false),
        (
            "just above both",
            100,
            &[(20.0, 0.0), (17.5, -3.1), (14.9, -3.1)],
            true,
        ),
        (
            "slowly",
            100,
            &[(20.0, 0.0), (19.0, -10.0), (18.0, -10.0), (17.0, -10.0)],
            false,
        ),
        ("not braking any more", 100, &[(20.0, 0.0), (10.0, -1.0)], false),
        ("too long ago", 501, &[(20.0, -4.0), (14.0, -4.0)], false),
    ];
    let begin: DateTime<Utc> = "2024-05-01T08:00:00Z".parse().unwrap();
    let (mut lines, mut anomalous) = (Vec::new(), BTreeSet::new());
    for (name, apart, frames, found) in braking {
        for (at, (line, (speed, along))) in driving(name, 1, frames.len()).iter().zip(frames).enumerate() {
            let mut event: Value = serde_json::from_str(line).unwrap();
            event["vehicle_id"] = json!(format!("scene_9_track_{}", name.len()));
            // It drives backwards along y: acceleration against that is braking.
            let vector = |y: f64| json!({"x": 0.0, "y": y, "z": 0.0, "magnitude": y.abs()});
            event["telemetry"]["velocity"] = vector(-speed);
            event["telemetry"]["acceleration"] = vector(-along);
            event["event_time"] = json!(begin + TimeDelta::milliseconds(i64::from(apart) * at as i64));
            if found && at + 1 == frames.len() {
                anomalous.insert(event["event_id"].as_str().unwrap().to_owned());
            }
            lines.push(format!("{event}\n"));
        }
    }
    (lines, anomalous)
}

/// The rule, once more and by itself: the frames within 500 ms, in their order, a vehicle at a time.
fn anomalous(events: &[RawTelemetryEvent]) -> BTreeSet<Uuid> {
    let mut frames: BTreeMap<&str, VecDeque<(DateTime<Utc>, f64)>> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for event in events {
        let (Some(v), Some(a)) = (&event.telemetry.velocity, &event.telemetry.acceleration) else {
            continue;
        };
        let window = frames.entry(&event.vehicle_id).or_default();
        window.push_back((event.event_time, v.magnitude));
        window.retain(|(time, _)| event.event_time - *time <= TimeDelta::milliseconds(500));
        let braking = -(v.x * a.x + v.y * a.y + v.z * a.z) / v.magnitude;
        if braking > 3.0 && window[0].1 - v.magnitude > 5.0 {
            found.insert(event.event_id);
        }
    }
    found
}

#[test]
fn the_anomaly_service_finds_what_brakes_suddenly_and_sends_it_once() {
    let Some(fleet) = fleet() else { return };
    let (lines, expected) = edges();
    let produced = fleet
        .project
        .run_with(fleet.stack, &["produce", "raw_telemetry"], &lines.concat());
    produced.exits(0);
    forget_the_group(&fleet);
    let earlier = log(&fleet.stack.bootstrap(), "anomalies").len();

    let service = Service::start(&fleet);
    let begin = Instant::now();
    while lag(&fleet) != Some(0) {
        assert!(
            begin.elapsed() < Duration::from_secs(240),
            "it does not get to the end"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("the service took {:.1?}", begin.elapsed());
    let said = service.interrupt();

    // The log is in the order of sending, so each vehicle's events are in theirs; other tests sent some twice.
    let mut seen = BTreeSet::new();
    let mut events: Vec<RawTelemetryEvent> = Vec::new();
    for record in log(&fleet.stack.bootstrap(), "raw_telemetry") {
        let event = RawTelemetryEvent::from_avro(record.payload()).unwrap();
        if seen.insert((event.vehicle_id.clone(), event.event_id)) {
            events.push(event);
        }
    }
    let wanted = anomalous(&events);
    let of_edges: BTreeSet<String> = wanted
        .iter()
        .map(Uuid::to_string)
        .filter(|id| expected.contains(id))
        .collect();
    assert_eq!(of_edges, expected);
    if std::env::var_os("FLEETOPS_TEST_DATA").is_some() {
        // 164 events of the scene brake harder than 3 m/s2, and one of them has lost more than 5 m/s within 500 ms.
        assert_eq!(wanted.len(), expected.len() + 1);
    }
    println!("{} of {} events are anomalous", wanted.len(), events.len());
    assert_eq!(
        said.trim(),
        format!("{} events handled, {} anomalies sent", events.len(), wanted.len())
    );

    let sent: Vec<AnomalyEvent> = log(&fleet.stack.bootstrap(), "anomalies")
        .iter()
        .map(|record| AnomalyEvent::from_avro(record.payload()).unwrap())
        .filter(|anomaly| anomaly.anomaly_id == Uuid::new_v5(&anomaly.event_id, b"sudden_deceleration"))
        .collect();
    assert_eq!(
        log(&fleet.stack.bootstrap(), "anomalies").len(),
        earlier + wanted.len()
    );
    let triggers: BTreeSet<Uuid> = sent.iter().map(|anomaly| anomaly.event_id).collect();
    assert_eq!((sent.len(), triggers), (wanted.len(), wanted));
    let hard = sent
        .iter()
        .find(|anomaly| anomaly.vehicle_id == "scene_9_track_4")
        .unwrap();
    assert_eq!(hard.evidence.frame_indices, [0, 1, 2]);
    assert_eq!(hard.evidence.velocity_history, [20.0, 17.0, 14.5]);
    assert_eq!(hard.evidence.acceleration_history, [0.0, -30.0, -20.0]);
    let features = &hard.features;
    assert_eq!(
        (features.velocity_delta, features.acceleration_magnitude),
        (-5.5, 30.0)
    );
    assert_eq!(features.time_window_ms, 500);

    // What was handled is committed: a second run has nothing to do.
    let service = Service::start(&fleet);
    let members = || {
        let lag = ["lag", "raw_telemetry", "--group", GROUP, "--format", "json"];
        let lag = fleet.project.run(fleet.stack, &lag).lines();
        lag[0]["groups"][0]["members"].as_u64()
    };
    while members() != Some(1) {
        assert!(begin.elapsed() < Duration::from_secs(300), "it does not join");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(service.interrupt().trim(), "0 events handled, 0 anomalies sent");
}
