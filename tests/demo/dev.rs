//! `dev`: servers for other programs.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::Value;

use super::{program, signal, texts};

/// A running `dev`, and what it said of itself.
struct Dev {
    child: Child,
    told: Value,
}

impl Dev {
    fn start(folder: &Path) -> Self {
        let mut child = program()
            .args(["dev", "--format", "json"])
            .current_dir(folder)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let told = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        Self { child, told }
    }

    /// Sends the signal; it must end in order, and soon.
    fn end(self, name: &str) {
        signal(&self.child, name);
        let begin = Instant::now();
        let output = self.child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", texts(&output).1);
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_have_the_manifests_topics_and_subjects() {
    let dev = Dev::start(Path::new(env!("CARGO_MANIFEST_DIR")));
    let registry = dev.told["registry"].as_str().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let subjects: Vec<String> = http
        .get(format!("{registry}/subjects"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        subjects,
        [
            "anomalies-value",
            "fleetops.events.Severity",
            "operator_actions-value",
            "operator_alerts-value",
            "raw_telemetry-value"
        ]
    );
    let level: Value = http
        .get(format!("{registry}/config/raw_telemetry-value"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(level["compatibilityLevel"], "FULL_TRANSITIVE");

    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", dev.told["bootstrap"].as_str().unwrap())
        .create()
        .unwrap();
    let metadata = consumer.fetch_metadata(None, Duration::from_secs(10)).unwrap();
    let mut topics: Vec<(&str, usize)> = metadata
        .topics()
        .iter()
        .map(|topic| (topic.name(), topic.partitions().len()))
        .collect();
    topics.sort_unstable();
    assert_eq!(
        topics,
        [
            ("anomalies", 6),
            ("anomalies.dlq", 6),
            ("operator_actions", 3),
            ("operator_actions.dlq", 3),
            ("operator_alerts", 3),
            ("operator_alerts.dlq", 3),
            ("raw_telemetry", 6),
            ("raw_telemetry.dlq", 6),
        ]
    );
    drop(consumer);
    // A client that keeps its connection open does not keep the registry up.
    dev.end("-TERM");
    drop(http);
}

/// What a new user tries first. The broker has no admin interface, and nobody waits for one.
#[test]
fn a_plan_for_what_dev_has_is_soon_made_and_has_nothing_to_do() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("schemas")).unwrap();
    for entry in std::fs::read_dir(root.join("schemas")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let to = folder.path().join("schemas").join(path.file_name().unwrap());
            std::fs::copy(path, to).unwrap();
        }
    }
    let manifest = std::fs::read_to_string(root.join("fleetops-registry.toml")).unwrap();
    std::fs::write(folder.path().join("fleetops-registry.toml"), &manifest).unwrap();
    let dev = Dev::start(folder.path());
    let run = |arguments: &[&str]| {
        let begin = Instant::now();
        let out = program()
            .args(arguments)
            .current_dir(folder.path())
            .args(["--bootstrap", dev.told["bootstrap"].as_str().unwrap()])
            .args(["--registry", dev.told["registry"].as_str().unwrap()])
            .output()
            .unwrap();
        // The client would wait for 15 s.
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
        let (stdout, stderr) = texts(&out);
        (out.status.code().unwrap(), format!("{stdout}{stderr}"))
    };
    for arguments in [
        &["plan"][..],
        &["apply", "--yes"],
        &["drift"],
        &["topics", "plan"],
    ] {
        let (code, told) = run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {told}");
        assert!(told.contains("embedded broker"), "{arguments:?}: {told}");
        // One line a topic, or a summary.
        let unchanged = ["nothing to change", "as the manifest wants it", "8 as wanted"];
        assert!(
            unchanged.iter().any(|text| told.contains(text)),
            "{arguments:?}: {told}"
        );
    }
    let (code, told) = run(&["topics", "list"]);
    assert!(code == 0 && told.matches("as wanted").count() == 8, "{told}");

    // A topic that came into the manifest later.
    let more = format!(
        "{manifest}\n[topics.later]\nvalue = \"fleetops.events.RawTelemetryEvent\"\npartitions = 1\n"
    );
    std::fs::write(folder.path().join("fleetops-registry.toml"), more).unwrap();
    for arguments in [&["plan"][..], &["apply", "--yes"], &["topics", "apply", "--yes"]] {
        let (code, told) = run(arguments);
        assert_eq!(code, 1, "{arguments:?}: {told}");
        assert!(told.contains("start `dev` again"), "{arguments:?}: {told}");
    }
    dev.end("-INT");
}

#[test]
fn without_a_manifest_there_are_servers_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path());
    assert_eq!(
        (
            dev.told["topics"].as_array().unwrap().len(),
            dev.told["subjects"].as_array().unwrap().len()
        ),
        (0, 0)
    );
    dev.end("-INT");
}

#[test]
fn people_get_addresses_commands_and_limits() {
    let mut child = program()
        .arg("dev")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("Ctrl-C") {
        assert!(out.read_line(&mut text).unwrap() > 0, "{text}");
    }
    for part in [
        "Kafka     127.0.0.1:",
        "Registry  http://127.0.0.1:",
        "curl http://",
        "kcat -b",
        "5 MB",
        "raw_telemetry",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    signal(&child, "-INT");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
