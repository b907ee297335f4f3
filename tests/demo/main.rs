//! `demo` and `dev` through the program itself.

// Helpers of tests are tests, but clippy knows functions with #[test] only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dev;
mod events;
mod real;
mod scene;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The keys that other programs rely on, in their order.
const KEYS: [&str; 12] = [
    "sent",
    "producer_duplicates",
    "consumer_duplicates",
    "frame_duplicates",
    "conflicts",
    "late",
    "too_old",
    "jumps",
    "gaps",
    "reordered",
    "dead_lettered",
    "handled",
];

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fleetops-registry"));
    for name in ["KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL", "RUST_LOG"] {
        command.env_remove(name);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn demo(arguments: &[&str]) -> Output {
    program().arg("demo").args(arguments).output().unwrap()
}

/// A run that must balance: its object.
fn balanced(arguments: &[&str]) -> Value {
    let output = demo(&[arguments, &["--format", "json"]].concat());
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    assert_eq!(out.lines().count(), 1, "{out}");
    let object: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["balanced"], true, "{out}");
    object
}

fn file(path: &Path, faults: &str) -> Value {
    balanced(&["--input", path.to_str().unwrap(), "--faults", faults])
}

/// The promised counts.
fn counts(object: &Value) -> Vec<(&'static str, u64)> {
    KEYS.iter()
        .map(|key| {
            (
                *key,
                object[*key].as_u64().unwrap_or_else(|| panic!("{key}: {object}")),
            )
        })
        .collect()
}

/// Those that are not zero.
fn told(object: &Value) -> Vec<(&'static str, u64)> {
    counts(object)
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// Sends a signal to a process that a test started.
fn signal(child: &std::process::Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}
