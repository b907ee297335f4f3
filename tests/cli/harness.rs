//! A project in a folder of its own, and the program run in it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code, code,
            "exit code\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Asserts that standard error holds a text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text}\n--- stderr\n{}", self.stderr);
        self
    }

    /// Asserts that standard error does not hold a text.
    #[track_caller]
    pub(crate) fn does_not_say(self, text: &str) -> Self {
        assert!(!self.stderr.contains(text), "{text}\n--- stderr\n{}", self.stderr);
        self
    }

    /// Asserts that the first finding of a rule is what `expect/rules/RULE.stderr` holds: what `explain` shows of it.
    #[track_caller]
    pub(crate) fn finding(self, rule: &str) -> Self {
        let told = self.stderr.split("\n\n").find(|block| {
            let head = ["error", "warning"].map(|word| format!("{word}[{rule}]:"));
            head.iter().any(|head| block.starts_with(head.as_str()))
        });
        let Some(told) = told else {
            panic!("no finding of {rule}\n--- stderr\n{}", self.stderr);
        };
        let block = Self {
            code: self.code,
            stdout: String::new(),
            stderr: format!("{}\n", told.trim_end()),
        };
        block.expect(&format!("rules/{rule}"));
        self
    }

    /// Asserts that standard error is what `expect/NAME.stderr` holds.
    #[track_caller]
    pub(crate) fn expect(self, name: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cli/expect/{name}.stderr"));
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(file, &self.stderr).unwrap();
        } else {
            let expected = fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(
                self.stderr, expected,
                "{name}: if this is right, run with UPDATE_EXPECT=1"
            );
        }
        self
    }
}

/// A folder with a manifest and schemas.
#[derive(Debug)]
pub(crate) struct Project {
    folder: TempDir,
}

/// A manifest of two topics.
pub(crate) const MANIFEST: &str = r#"[schemas]
roots = ["schemas"]

[defaults]
compatibility = "FULL_TRANSITIVE"

[topics.orders]
purpose    = "Orders as they come in"
value      = "shop.Order"
key        = "customer"
partitions = 3

[topics.refunds]
value         = "shop.Refund"
key           = "order_id"
partitions    = 3
compatibility = "BACKWARD"

[env.dev]
bootstrap = "localhost:9092"
"#;

/// The record of topic `orders`. It refers to the enum of another file.
pub(crate) const ORDER: &str = r#"{
  "type": "record",
  "name": "Order",
  "namespace": "shop",
  "fields": [
    { "name": "id", "type": "string" },
    { "name": "customer", "type": "string" },
    { "name": "amount", "type": "long" },
    { "name": "note", "type": ["null", "string"], "default": null },
    { "name": "channel", "type": "Channel" }
  ]
}
"#;

pub(crate) const CHANNEL: &str = r#"{ "type": "enum", "name": "Channel", "namespace": "shop", "symbols": ["WEB", "STORE"] }
"#;

/// The record of topic `refunds`.
pub(crate) const REFUND: &str = r#"{
  "type": "record",
  "name": "Refund",
  "namespace": "shop",
  "fields": [
    { "name": "order_id", "type": "string" },
    { "name": "amount", "type": "long" },
    { "name": "channel", "type": "Channel" }
  ]
}
"#;

impl Project {
    /// The shop, with a copy of itself in `released`.
    pub(crate) fn new() -> Self {
        let project = Self::empty();
        for base in ["", "released/"] {
            project.write(&format!("{base}fleetops-registry.toml"), MANIFEST);
            project.write(&format!("{base}schemas/Order.avsc"), ORDER);
            project.write(&format!("{base}schemas/common/Channel.avsc"), CHANNEL);
            project.write(&format!("{base}schemas/Refund.avsc"), REFUND);
        }
        project
    }

    /// The manifest and schemas of this repository, with a copy in `released`.
    pub(crate) fn fleet() -> Self {
        let project = Self::empty();
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for base in ["", "released/"] {
            copy(&root.join("schemas"), &project.path(&format!("{base}schemas")));
            let manifest = fs::read_to_string(root.join("fleetops-registry.toml")).unwrap();
            project.write(&format!("{base}fleetops-registry.toml"), &manifest);
        }
        project
    }

    pub(crate) fn empty() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Replaces a text that must be there.
    #[track_caller]
    pub(crate) fn change(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} holds {from:?}");
        self.write(name, &text.replacen(from, to, 1));
    }

    pub(crate) fn remove(&self, name: &str) {
        let path = self.path(name);
        if path.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        }
        .unwrap();
    }

    /// The program, to be run in the project's folder; nothing of our own environment reaches it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetops-registry"));
        command.args(arguments).current_dir(self.folder.path());
        for name in [
            "KAFKA_BOOTSTRAP_SERVERS",
            "SCHEMA_REGISTRY_URL",
            "NO_COLOR",
            "CLICOLOR_FORCE",
            "GIT_DIR",
            "GIT_WORK_TREE",
        ] {
            command.env_remove(name);
        }
        // A project in a temporary folder must not be taken for part of a repository around it.
        command.env("GIT_CEILING_DIRECTORIES", self.folder.path().parent().unwrap());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, "")
    }

    /// The same with a text on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Run {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let input = input.to_owned();
        let feeder = std::thread::spawn(move || {
            let _ = pipe.write_all(input.as_bytes());
        });
        let out = child.wait_with_output().unwrap();
        feeder.join().unwrap();
        Run {
            code: out.status.code().expect("not killed by a signal"),
            stdout: String::from_utf8(out.stdout).unwrap(),
            stderr: String::from_utf8(out.stderr).unwrap(),
        }
    }

    /// Runs git in the project.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@t",
            "-c",
            "init.defaultBranch=main",
        ]);
        let out = command
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "git {arguments:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// Makes it a repository with everything committed on `main`.
    pub(crate) fn commit_all(&self) {
        self.git(&["init", "-q", "-b", "main"]);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "first"]);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
