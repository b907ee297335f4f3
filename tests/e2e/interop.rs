//! Clients in Python and Java, as their users have them: what we write they read, and the reverse, with the same keys on
//! the same partitions.
//!
//! Python's is Confluent's, with its own Avro serializers, from the package index; Java's is Apache's `kafka-clients` and
//! Avro, from Maven. Both programs are in `tests/interop/`. What is fetched is kept below `target/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fleetops_registry::events::{AnomalyEvent, RawTelemetryEvent};
use fleetops_registry::topics::{AnomaliesProducer, AnomaliesTopic, RawTelemetryTopic};
use fleetops_runtime::consumer::ConsumerCounts;
use fleetops_runtime::topic::Topic;
use fleetops_runtime::uuid::Uuid;
use fleetops_runtime::{Consumer, Outcome};
use serde::Serialize;
use serde_json::{Value, json};

use crate::fleet::{Fleet, GROUP, Logged, Spot, driving, fleet, log};
use crate::project::{finish, finish_with};
use crate::register::runtime;
use crate::stack::say;

/// A program of another language, with what it needs.
struct Client {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
}

impl Client {
    /// Confluent's client in an environment of its own. `None`, and a line that says why, where there is no Python.
    fn python() -> Option<Self> {
        let here = root().join("tests/interop/python");
        let home = kept("python", &here.join("requirements.txt"));
        let python = home.join("bin/python");
        if !home.join("ready").is_file() {
            let made = Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&home)
                .output();
            if !made.is_ok_and(|out| out.status.success()) {
                say("skipped: the client in Python: python3 with venv is needed");
                return None;
            }
            let mut pip = Command::new(&python);
            pip.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "-r",
            ])
            .arg(here.join("requirements.txt"));
            if !fetched(pip, "the client in Python") {
                return None;
            }
            fs::write(home.join("ready"), "").unwrap();
        }
        Some(Self {
            name: "python",
            program: python,
            arguments: vec![here.join("client.py").display().to_string()],
        })
    }

    /// Apache's client, its class path resolved by Maven. Java and Maven are there, or there would be no servers.
    fn java() -> Option<Self> {
        let here = root().join("tests/interop/java");
        let home = kept("java", &here.join("pom.xml"));
        let class_path = home.join("classpath");
        if !class_path.is_file() {
            fs::create_dir_all(&home).unwrap();
            let maven = std::env::var("STACK_MVN").unwrap_or_else(|_| "mvn".to_owned());
            let mut words = maven.split_whitespace();
            let mut command = Command::new(words.next().unwrap());
            let unfinished = home.join("unfinished");
            command
                .args(words)
                .args(["-B", "-ntp", "-q", "-f"])
                .arg(here.join("pom.xml"));
            command
                .arg("dependency:build-classpath")
                .arg(format!("-Dmdep.outputFile={}", unfinished.display()));
            if !fetched(command, "the client in Java") {
                return None;
            }
            fs::rename(unfinished, &class_path).unwrap();
        }
        let find = "STACK_NAME=e2e; . dev/stack/stack-lib.sh && find_java 17";
        let java = Command::new("bash")
            .args(["-c", find])
            .current_dir(root())
            .output()
            .unwrap();
        let java = String::from_utf8(java.stdout).unwrap();
        let class_path = fs::read_to_string(class_path).unwrap();
        let program = here.join("Client.java").display().to_string();
        Some(Self {
            name: "java",
            program: java.into(),
            arguments: vec!["-cp".to_owned(), class_path.trim().to_owned(), program],
        })
    }

    fn command(&self, fleet: &Fleet, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .args(arguments)
            .env_remove("JAVA_TOOL_OPTIONS")
            .env("KAFKA_BOOTSTRAP_SERVERS", fleet.stack.bootstrap())
            .env("SCHEMA_REGISTRY_URL", fleet.stack.registry());
        command
    }

    /// The records of a topic as the client sees them.
    fn read(&self, fleet: &Fleet, topic: &str) -> Vec<Value> {
        let run = finish(self.command(fleet, &["read", topic])).exits(0);
        println!("{} read {topic} in {:.1?}", self.name, run.took);
        run.lines()
    }

    /// Sends events with their keys; the partitions they went to, by key.
    fn write<E: Serialize>(
        &self,
        fleet: &Fleet,
        topic: &str,
        events: &[(String, &E)],
    ) -> BTreeMap<String, i64> {
        let lines = events
            .iter()
            .map(|(key, event)| format!("{}\n", json!({"key": key, "value": event})));
        let command = self.command(fleet, &["write", topic, &format!("{topic}-value")]);
        let run = finish_with(command, &lines.collect::<String>()).exits(0);
        let written = run.lines();
        assert_eq!(written.len(), events.len());
        let place = |line: &Value| {
            (
                line["key"].as_str().unwrap().to_owned(),
                line["partition"].as_i64().unwrap(),
            )
        };
        let all: Vec<(String, i64)> = written.iter().map(place).collect();
        let by_key: BTreeMap<String, i64> = all.iter().cloned().collect();
        assert!(
            all.iter().all(|(key, partition)| by_key[key] == *partition),
            "{all:?}"
        );
        by_key
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder below `target/` for what is fetched for a list of what is needed: another list, another folder.
fn kept(name: &str, list: &Path) -> PathBuf {
    let digest = Uuid::new_v5(&Uuid::NAMESPACE_OID, &fs::read(list).unwrap()).simple();
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("interop-{name}-{digest}"))
}

/// Runs what fetches; where that cannot be, a line says so.
fn fetched(mut command: Command, what: &str) -> bool {
    let out = command.output();
    let why = match &out {
        Ok(out) if out.status.success() => return true,
        Ok(out) => String::from_utf8_lossy(&out.stderr)
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned(),
        Err(error) => error.to_string(),
    };
    say(&format!("skipped: {what} cannot be fetched: {why}"));
    false
}

/// Reads with a generated consumer up to the end.
async fn consume<T>(fleet: &Fleet, group: &str) -> (Vec<T::Event>, ConsumerCounts)
where
    T: Topic + Default,
    T::Event: Clone,
{
    let builder = Consumer::<T>::builder().brokers(fleet.stack.bootstrap());
    let builder = builder
        .registry(fleet.stack.registry())
        .group(group)
        .until_end(true);
    let mut consumer = builder.build().await.unwrap();
    let mut events = Vec::new();
    while let Some(delivery) = consumer.recv().await {
        let delivery = delivery.unwrap();
        events.push(delivery.event().unwrap().clone());
        delivery.settle();
    }
    let counts = consumer.close(std::time::Duration::from_secs(10)).await.unwrap();
    (events, counts)
}

/// Asserts that a client sees what is in the log, where it is; `payload` says that a value is the same.
fn sees_the_log(read: &[Value], log: &[Logged], same: impl Fn(&Value, &Logged)) {
    let by_place: BTreeMap<(i64, i64), &Value> = read
        .iter()
        .map(|r| {
            (
                (r["partition"].as_i64().unwrap(), r["offset"].as_i64().unwrap()),
                r,
            )
        })
        .collect();
    assert_eq!((read.len(), by_place.len()), (log.len(), log.len()));
    for record in log {
        let theirs = by_place[&(i64::from(record.partition), record.offset)];
        assert_eq!(theirs["key"], record.key.as_str());
        same(theirs, record);
    }
}

/// Our event of a record, and theirs, or their encoding of what they decoded.
fn same_telemetry(theirs: &Value, record: &Logged) {
    match theirs.get("hex") {
        Some(hex) => assert_eq!(hex.as_str().unwrap(), hex_of(record.payload())),
        None => {
            let event: RawTelemetryEvent = serde_json::from_value(theirs["value"].clone()).unwrap();
            assert_eq!(event, RawTelemetryEvent::from_avro(record.payload()).unwrap());
        }
    }
}

fn same_anomaly(theirs: &Value, record: &Logged) {
    match theirs.get("hex") {
        Some(hex) => assert_eq!(hex.as_str().unwrap(), hex_of(record.payload())),
        None => {
            let event: AnomalyEvent = serde_json::from_value(theirs["value"].clone()).unwrap();
            assert_eq!(event, AnomalyEvent::from_avro(record.payload()).unwrap());
        }
    }
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Both ways, with telemetry, and with anomalies, whose schema refers to another.
async fn both_ways(client: &Client, fleet: &Fleet) {
    let bootstrap = fleet.stack.bootstrap();

    // Ours, read by them.
    let before = log(&bootstrap, "raw_telemetry");
    sees_the_log(&client.read(fleet, "raw_telemetry"), &before, same_telemetry);

    // Theirs, read by us: vehicles that are in the log already, the first event twice. Nothing of it has a header.
    // Three different ones: of one that is there twice, each frame would come twice, and the second one be refused.
    let mut seen = BTreeSet::new();
    let all = before.iter().map(|r| r.key.as_str());
    let vehicles: Vec<&str> = all.filter(|key| seen.insert(*key)).take(3).collect();
    let lines = driving(client.name, vehicles.len(), 20);
    let mut events: Vec<RawTelemetryEvent> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (at, event) in events.iter_mut().enumerate() {
        event.vehicle_id = vehicles[at % vehicles.len()].to_owned();
        event.telemetry.velocity = None;
    }
    let sent: Vec<(String, &RawTelemetryEvent)> = events
        .iter()
        .chain(&events[..1])
        .map(|event| (event.vehicle_id.clone(), event))
        .collect();
    let partitions = client.write(fleet, "raw_telemetry", &sent);
    for record in &before {
        let theirs = partitions.get(&record.key);
        assert!(
            theirs.is_none_or(|theirs| *theirs == i64::from(record.partition)),
            "{record:?}"
        );
    }
    let (handled, counts) = consume::<RawTelemetryTopic>(fleet, GROUP).await;
    assert_eq!((counts.received, counts.duplicates, counts.handled), (61, 1, 60));
    assert_eq!((counts.poison, counts.dead_lettered), (0, 0));
    let of = |events: &[RawTelemetryEvent], vehicle: &str| -> Vec<RawTelemetryEvent> {
        events
            .iter()
            .filter(|event| event.vehicle_id == vehicle)
            .cloned()
            .collect()
    };
    for vehicle in vehicles {
        assert_eq!(of(&handled, vehicle), of(&events, vehicle), "{vehicle}, in order");
    }
    let after = log(&bootstrap, "raw_telemetry");
    let known: BTreeSet<Spot> = before.iter().map(Logged::spot).collect();
    let theirs: Vec<&Logged> = after.iter().filter(|r| !known.contains(&r.spot())).collect();
    assert!(theirs.len() == 61 && theirs.iter().all(|record| record.headers.is_empty()));

    // The same with a schema that refers to another.
    let example = fs::read_to_string(root().join("schemas/examples/AnomalyEvent.json")).unwrap();
    let mut anomaly: AnomalyEvent = serde_json::from_str(&example).unwrap();
    anomaly.anomaly_id = Uuid::new_v4();
    let producer = AnomaliesProducer::builder()
        .brokers(&bootstrap)
        .registry(fleet.stack.registry());
    let producer = producer.build().await.unwrap();
    assert!(matches!(
        producer.send(anomaly.clone()).await.unwrap(),
        Outcome::Acknowledged { .. }
    ));
    let read = client.read(fleet, "anomalies");
    sees_the_log(&read, &log(&bootstrap, "anomalies"), same_anomaly);
    let (ours, _) = consume::<AnomaliesTopic>(fleet, client.name).await;
    assert!(ours.iter().any(|event| event.anomaly_id == anomaly.anomaly_id));
    anomaly.anomaly_id = Uuid::new_v4();
    client.write(fleet, "anomalies", &[(anomaly.vehicle_id.clone(), &anomaly)]);
    let (theirs, _) = consume::<AnomaliesTopic>(fleet, client.name).await;
    assert_eq!(theirs, [anomaly]);
}

#[test]
fn python_reads_ours_and_we_read_pythons() {
    let Some(fleet) = fleet() else { return };
    let Some(client) = Client::python() else { return };
    runtime().block_on(both_ways(&client, &fleet));
}

#[test]
fn java_reads_ours_and_we_read_javas() {
    let Some(fleet) = fleet() else { return };
    let Some(client) = Client::java() else { return };
    runtime().block_on(both_ways(&client, &fleet));
}
