//! Apache Kafka with a wrong advertised address, with TLS and with SASL. One start for all: it takes seconds.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::Project;

/// A broker of `dev/stack/kafka`, ended with its value.
struct Kafka {
    folder: TempDir,
    port: u16,
    variables: Vec<(&'static str, String)>,
}

impl Kafka {
    /// `None`, and a line that says so, where Java or Maven is missing, or real servers are not wanted.
    fn start(port: u16, variables: &[(&'static str, String)]) -> Option<Self> {
        if std::env::var("FLEETOPS_E2E").is_ok_and(|v| v == "0") {
            say("skipped: FLEETOPS_E2E is 0");
            return None;
        }
        for program in ["java", "mvn"] {
            let there = Command::new(program)
                .arg("-version")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
            if !there.is_ok_and(|status| status.success()) {
                say(&format!(
                    "skipped: {program} is not there, so Apache Kafka cannot be started"
                ));
                return None;
            }
        }
        let kafka = Self {
            folder: TempDir::new().unwrap(),
            port,
            variables: variables.to_vec(),
        };
        let output = kafka.script("start");
        assert!(output.status.success(), "{output:?}");
        Some(kafka)
    }

    fn script(&self, action: &str) -> std::process::Output {
        Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/stack/kafka"))
            .arg(action)
            .env("STACK_RUN_DIR", self.folder.path())
            .env("STACK_JAVA_OPTS", "-XX:TieredStopAtLevel=1")
            .env("KAFKA_PORT", self.port.to_string())
            .envs(self.variables.iter().map(|(k, v)| (*k, v.as_str())))
            .output()
            .unwrap()
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("kafka/certs/ca.pem")
    }
}

/// Writes a line that the test runner does not keep to itself where tests pass.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

impl Drop for Kafka {
    fn drop(&mut self) {
        self.script("stop");
    }
}

/// A port that is free, with the few after it that the script takes besides, below those that outgoing connections get: one of
/// these may be taken by the time a server wants it.
fn free_ports() -> u16 {
    let free = |port: u16| std::net::TcpListener::bind(("127.0.0.1", port)).is_ok();
    let begin = u16::try_from(std::process::id() % 900).unwrap() * 10;
    let mut bases = (0..900).map(|i| 11_000 + (begin + i * 10) % 9_000);
    bases.find(|base| (0..5).all(|i| free(base + i))).unwrap()
}

const PASSWORD: &str = "fleet-secret";
const WRONG: &str = "not-the-pa55word";

#[test]
fn advertised_addresses_tls_and_sasl_that_do_not_fit_are_told_apart() {
    let base = free_ports();
    // The listener without TLS sends its clients to a port that nobody listens at; the others are as they should be.
    let advertised = format!(
        "advertised.listeners=PLAINTEXT://127.0.0.1:1,TLS://127.0.0.1:{},SASLTLS://127.0.0.1:{},SASL://127.0.0.1:{}",
        base + 2,
        base + 3,
        base + 4
    );
    let variables = [("KAFKA_SECURE", "1".to_owned()), ("KAFKA_PROPS", advertised)];
    let Some(kafka) = Kafka::start(base, &variables) else {
        return;
    };
    let ca = kafka.authority().display().to_string();
    let other = kafka.folder.path().join("other.pem");
    fs::write(&other, OTHER_AUTHORITY).unwrap();
    let other = other.display().to_string();
    let (plaintext, tls, scram, plain) = (base, base + 2, base + 3, base + 4);
    let none = "";
    let ssl = format!("\"security.protocol\" = \"SSL\", \"ssl.ca.location\" = \"{ca}\"");
    let foreign = format!("\"security.protocol\" = \"SSL\", \"ssl.ca.location\" = \"{other}\"");
    let user = "\"sasl.username\" = \"fleet\", \"sasl.password\" = \"${BROKER_PASSWORD}\"";
    let sasl_ssl = |mechanism: &str| {
        format!(
            "\"security.protocol\" = \"SASL_SSL\", \"ssl.ca.location\" = \"{ca}\", \"sasl.mechanism\" = \"{mechanism}\", {user}"
        )
    };
    let sasl = |mechanism: &str| {
        format!("\"security.protocol\" = \"SASL_PLAINTEXT\", \"sasl.mechanism\" = \"{mechanism}\", {user}")
    };
    let (sha512, sha256) = (sasl_ssl("SCRAM-SHA-512"), sasl_ssl("SCRAM-SHA-256"));
    let cases: [(u16, &str, &str, &str); 15] = [
        (tls, &ssl, PASSWORD, "topic-missing"),
        (scram, &sha512, PASSWORD, "topic-missing"),
        (plain, &sasl("PLAIN"), PASSWORD, "topic-missing"),
        (tls, none, PASSWORD, "tls-expected"),
        (scram, &sasl("SCRAM-SHA-512"), PASSWORD, "tls-expected"),
        (plaintext, &ssl, PASSWORD, "plaintext-port"),
        (tls, &foreign, PASSWORD, "tls-untrusted"),
        (plain, none, PASSWORD, "sasl-expected"),
        (scram, &ssl, PASSWORD, "sasl-expected"),
        (plaintext, &sasl("PLAIN"), PASSWORD, "sasl-not-offered"),
        (tls, &sha512, PASSWORD, "sasl-not-offered"),
        (plain, &sasl("SCRAM-SHA-256"), PASSWORD, "sasl-mechanism"),
        (scram, &sha256, PASSWORD, "sasl-mechanism"),
        (plain, &sasl("PLAIN"), WRONG, "sasl-refused"),
        (scram, &sha512, WRONG, "sasl-refused"),
    ];
    let project = Project::new(&format!("[env.dev]\nbootstrap = \"127.0.0.1:{plaintext}\"\n"));
    let report = project.doctor(&[], &[]);
    // librdkafka leaves the bootstrap connection at its own first metadata. Whether ours comes through before is its race:
    // with an answer the topics are known too, without one the advertised address is known from its messages.
    let known = match report.status("cluster") {
        "ok" => &["advertised-address", "topic-missing"][..],
        _ => &["advertised-address"],
    };
    let report = report.told(1, known);
    let place = report.problem("advertised-address")["where"].as_str().unwrap();
    assert!(
        place.contains(&format!("127.0.0.1:{plaintext}")) && place.contains("127.0.0.1:1"),
        "{place}"
    );
    std::thread::scope(|scope| {
        for (port, settings, password, expected) in cases {
            scope.spawn(move || {
                let project = Project::new(&format!(
                    "[env.dev]\nbootstrap = \"127.0.0.1:{port}\"\nkafka = {{ {settings} }}\n"
                ));
                project
                    .doctor(&[], &[("BROKER_PASSWORD", password)])
                    .told(1, &[expected]);
            });
        }
    });
}

/// A certificate that no server here has: the authority of nobody.
const OTHER_AUTHORITY: &str = include_str!("other.pem");
