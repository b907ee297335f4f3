//! A manifest and schemas in a folder of their own, and the program run there.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::stack::Stack;

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
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

    /// Asserts that a text is said, on whichever side.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.all().contains(text), "{text}\n{}", self.all());
        self
    }

    /// Asserts that a text is said nowhere.
    #[track_caller]
    pub(crate) fn keeps(self, secret: &str) -> Self {
        assert!(!self.all().contains(secret), "{}", self.all());
        self
    }

    /// Asserts that it ended so soon, with one error.
    #[track_caller]
    pub(crate) fn gives_up_within(self, time: Duration) -> Self {
        assert!(self.took < time, "{:?}", self.took);
        let errors = self
            .stderr
            .lines()
            .filter(|line| line.starts_with("error"))
            .count();
        assert_eq!((errors, self.stderr.lines().count()), (1, 1), "{}", self.stderr);
        self
    }

    fn all(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Standard output as JSON lines.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The actions that are told, without those that change nothing.
    #[track_caller]
    pub(crate) fn actions(&self) -> Vec<String> {
        let lines = self.lines();
        let text = |line: &Value| line["action"].as_str().unwrap().to_owned();
        lines
            .iter()
            .map(text)
            .filter(|action| action != "no-change")
            .collect()
    }
}

/// The project. Names in it end with a tag of its own, because the servers are everybody's.
pub(crate) struct Project {
    folder: TempDir,
    tag: String,
}

impl Project {
    /// With a manifest and schemas, in which `TAG` stands for the tag.
    pub(crate) fn new(tag: &str, manifest: &str, schemas: &[(&str, &str)]) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
            tag: tag.to_owned(),
        };
        project.write("fleetops-registry.toml", manifest);
        for (name, text) in schemas {
            project.write(&format!("schemas/{name}.avsc"), text);
        }
        project
    }

    /// With nothing in it.
    pub(crate) fn empty(tag: &str) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            tag: tag.to_owned(),
        }
    }

    /// This repository's.
    pub(crate) fn fleet() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let project = Self::new(
            "",
            &fs::read_to_string(root.join("fleetops-registry.toml")).unwrap(),
            &[],
        );
        for entry in fs::read_dir(root.join("schemas")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.file_name().unwrap().to_str().unwrap();
                project.write(&format!("schemas/{name}"), &fs::read_to_string(&path).unwrap());
            }
        }
        project
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("TAG", &self.tag)).unwrap();
    }

    /// Replaces a text that must be there.
    #[track_caller]
    pub(crate) fn change(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(name)).unwrap();
        let from = from.replace("TAG", &self.tag);
        assert!(text.contains(&from), "{name} holds {from:?}");
        self.write(name, &text.replacen(&from, to, 1));
    }

    /// Runs the program with nothing to read, with the servers' addresses.
    pub(crate) fn run(&self, stack: &Stack, arguments: &[&str]) -> Run {
        self.run_at(&stack.bootstrap(), &stack.registry(), arguments)
    }

    /// Starts it, and lets it run.
    pub(crate) fn spawn(&self, stack: &Stack, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command
            .env("KAFKA_BOOTSTRAP_SERVERS", stack.bootstrap())
            .env("SCHEMA_REGISTRY_URL", stack.registry())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// The same with addresses.
    pub(crate) fn run_at(&self, bootstrap: &str, registry: &str, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        command
            .env("KAFKA_BOOTSTRAP_SERVERS", bootstrap)
            .env("SCHEMA_REGISTRY_URL", registry);
        finish(command)
    }

    /// The same with something to read.
    pub(crate) fn run_with(&self, stack: &Stack, arguments: &[&str], input: &str) -> Run {
        let mut command = self.command(arguments);
        command
            .env("KAFKA_BOOTSTRAP_SERVERS", stack.bootstrap())
            .env("SCHEMA_REGISTRY_URL", stack.registry());
        finish_with(command, input)
    }

    /// The same with what the manifest says.
    pub(crate) fn run_plainly(&self, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        command
            .env_remove("KAFKA_BOOTSTRAP_SERVERS")
            .env_remove("SCHEMA_REGISTRY_URL");
        finish(command)
    }

    /// The same with a password in `E2E_PASSWORD`.
    pub(crate) fn run_secretly(&self, password: &str, arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        command
            .env_remove("KAFKA_BOOTSTRAP_SERVERS")
            .env_remove("SCHEMA_REGISTRY_URL")
            .env("E2E_PASSWORD", password);
        finish(command)
    }

    /// The program, to be run here.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetops-registry"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("CLICOLOR_FORCE");
        command
    }
}

/// Runs it to its end, with nothing to read.
pub(crate) fn finish(command: Command) -> Run {
    finish_with(command, "")
}

/// The same with a text to read. What hangs is ended, and fails.
pub(crate) fn finish_with(mut command: Command, input: &str) -> Run {
    const LIMIT: Duration = Duration::from_secs(240);
    let begin = Instant::now();
    let pipes = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = pipes.spawn().unwrap();
    let (mut stdin, stdout, stderr) = (
        child.stdin.take().unwrap(),
        child.stdout.take().unwrap(),
        child.stderr.take().unwrap(),
    );
    std::thread::scope(|scope| {
        // A program that ends early does not read all.
        scope.spawn(move || stdin.write_all(input.as_bytes()));
        let (stdout, stderr) = (
            scope.spawn(move || text(stdout)),
            scope.spawn(move || text(stderr)),
        );
        let mut in_time = true;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if begin.elapsed() > LIMIT && in_time {
                in_time = false;
                child.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let took = begin.elapsed();
        let (stdout, stderr) = (stdout.join().unwrap(), stderr.join().unwrap());
        assert!(in_time, "{command:?} hung\n{stderr}");
        Run {
            code: status.code().expect("not killed by a signal"),
            stdout,
            stderr,
            took,
        }
    })
}

fn text(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}
