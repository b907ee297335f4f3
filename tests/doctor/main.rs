//! `doctor` through the program itself, against servers that are wrong in one way each.
//!
//! Sockets of our own and the embedded servers need nothing; [`real`] starts Apache Kafka where Java and Maven are.

// Helpers of tests are tests, but clippy knows functions with #[test] only.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod embedded;
mod real;
mod sockets;

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A manifest of one topic; `[env.*]` follow.
const MANIFEST: &str = r#"[schemas]
roots = ["schemas"]

[topics.orders]
value      = "shop.Order"
key        = "customer"
partitions = 3
config     = { "message.timestamp.type" = "LogAppendTime" }
dedup      = { key = ["id"], ttl = "60s" }
"#;

const ORDER: &str = r#"{"type": "record", "name": "Order", "namespace": "shop", "fields": [
  {"name": "id", "type": "string"}, {"name": "customer", "type": "string"}, {"name": "amount", "type": "long"}]}"#;

/// A folder with manifest and schema.
struct Project {
    folder: TempDir,
}

impl Project {
    /// With these environments.
    fn new(environments: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("schemas")).unwrap();
        fs::write(folder.path().join("schemas/Order.avsc"), ORDER).unwrap();
        let text = format!("{MANIFEST}\n{environments}");
        fs::write(folder.path().join("fleetops-registry.toml"), text).unwrap();
        Self { folder }
    }

    /// Runs the doctor for environment `dev`.
    fn doctor(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Report {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetops-registry"));
        for name in ["KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL", "RUST_LOG"] {
            command.env_remove(name);
        }
        let output = command
            .args(["doctor", "--format", "json"])
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        for (_, secret) in variables {
            assert!(!out.contains(secret) && !err.contains(secret), "{out}{err}");
        }
        let code = output.status.code().unwrap();
        assert!(code != 2, "{err}");
        let checks = out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        Report { code, checks, err }
    }
}

/// What a run said.
#[derive(Debug)]
struct Report {
    code: i32,
    checks: Vec<Value>,
    err: String,
}

impl Report {
    /// The problems' names, each once, in their order.
    fn problems(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for name in self.checks.iter().filter_map(|c| c["problem"].as_str()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Asserts exit code and problems.
    #[track_caller]
    fn told(self, code: i32, problems: &[&str]) -> Self {
        assert_eq!(
            (self.code, self.problems()),
            (code, problems.to_vec()),
            "{self:#?}"
        );
        self
    }

    /// The check of that kind: its status.
    #[track_caller]
    fn status(&self, what: &str) -> &str {
        let check = self.checks.iter().find(|c| c["check"] == what);
        check.unwrap_or_else(|| panic!("no check {what}: {self:#?}"))["status"]
            .as_str()
            .unwrap()
    }

    /// The problem of that name.
    #[track_caller]
    fn problem(&self, name: &str) -> &Value {
        let check = self.checks.iter().find(|c| c["problem"] == name);
        check.unwrap_or_else(|| panic!("no problem {name}: {self:#?}"))
    }
}
