//! A broker or a registry that stops, before a command and in the middle of one: what was reported as acknowledged is in the
//! log, what was committed was written, and what cannot be done is said.
//!
//! The servers are real ones, ended and started again by the tests. Mostly a test waits for that, so there are two pairs of them, each for
//! one test at a time.

// Helpers of tests are tests, but clippy knows functions with #[test] only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod apply;
mod consume;
mod produce;
#[allow(dead_code)] // shared with e2e, which uses the rest
#[path = "../e2e/project.rs"]
mod project;
mod running;
#[allow(dead_code)]
#[path = "../e2e/stack.rs"]
mod stack;
mod stopped;
#[path = "../cli/tree.rs"]
mod tree;

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Message as _;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;

use project::Project;
use stack::Stack;

/// One topic, whose events are numbered.
const MANIFEST: &str = r#"
[topics.TAG]
value      = "outage.Event"
key        = "key"
partitions = 3
config     = { "message.timestamp.type" = "LogAppendTime" }
dedup      = { key = ["number"], ttl = "10m" }

[env.dev]
bootstrap = "localhost:9092"
registry  = "http://localhost:8081"
SETTINGS
"#;

const EVENT: &str = r#"{"type":"record","name":"Event","namespace":"outage","fields":[
  {"name":"number","type":"long"},
  {"name":"key","type":"string"},
  {"name":"text","type":"string"}
]}"#;

/// How many pairs of servers there are at most.
const PAIRS: usize = 2;

static SERVERS: Mutex<Servers> = Mutex::new(Servers {
    turns: 0,
    free: Vec::new(),
});
static RETURNED: Condvar = Condvar::new();

struct Servers {
    /// How many tests have a turn.
    turns: usize,
    /// Started ones that no test has.
    free: Vec<&'static Stack>,
}

/// The right to a pair of servers.
struct Turn(Option<&'static Stack>);

impl Turn {
    fn take() -> Self {
        let lock = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = |servers: &mut Servers| servers.turns == PAIRS;
        let mut servers = RETURNED
            .wait_while(lock, busy)
            .unwrap_or_else(PoisonError::into_inner);
        servers.turns += 1;
        Self(servers.free.pop())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        servers.turns -= 1;
        servers.free.extend(self.0);
        RETURNED.notify_one();
    }
}

/// A Kafka and a registry, both running, for one test alone.
fn servers() -> Option<(Turn, &'static Stack)> {
    let mut turn = Turn::take();
    let stack = match turn.0 {
        Some(stack) => stack,
        None => Box::leak(Box::new(stack::start().inspect_err(stack::skipped).ok()?)),
    };
    turn.0 = Some(stack);
    for server in ["kafka", "registry"] {
        stack.script(server, &["start"]);
    }
    Some((turn, stack))
}

/// A project whose topic is made and whose schema is registered.
fn project(stack: &Stack, topic: &str, settings: &str) -> Project {
    let manifest = MANIFEST.replace("SETTINGS", settings);
    let project = Project::new(topic, &manifest, &[("Event", EVENT)]);
    project.run(stack, &["register", "--yes"]).exits(0);
    project.run(stack, &["topics", "apply", "--yes"]).exits(0);
    project
}

/// The event of that number, as a line: its number can be read off its text too.
fn line(number: usize) -> String {
    let text = "x".repeat(100);
    format!(
        "{{\"number\":{number},\"key\":\"key {}\",\"text\":\"{number} {text}\"}}\n",
        number % 50
    )
}

fn lines(numbers: impl IntoIterator<Item = usize>) -> String {
    numbers.into_iter().map(line).collect()
}

/// The numbers of events that `consume` printed, each with how often.
fn numbers(printed: &str) -> BTreeMap<usize, usize> {
    let mut numbers = BTreeMap::new();
    for line in printed.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        *numbers
            .entry(event["number"].as_u64().unwrap() as usize)
            .or_default() += 1;
    }
    numbers
}

/// A client of nothing of ours.
fn client(stack: &Stack) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", stack.bootstrap())
        .set("group.id", "outage")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap()
}

const PATIENCE: Duration = Duration::from_secs(60);

/// How many records a topic has.
fn count(client: &BaseConsumer, topic: &str) -> i64 {
    let end = |partition| client.fetch_watermarks(topic, partition, PATIENCE).unwrap().1;
    (0..3).map(end).sum()
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !so() {
        assert!(begin.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What is in the log of a topic: how often each number, and the framed values in the order they were read.
fn log(stack: &Stack, topic: &str) -> (BTreeMap<usize, usize>, Vec<Vec<u8>>) {
    let client = client(stack);
    let mut assignment = TopicPartitionList::new();
    for partition in 0..3 {
        assignment
            .add_partition_offset(topic, partition, Offset::Beginning)
            .unwrap();
    }
    let all = count(&client, topic);
    client.assign(&assignment).unwrap();
    let (mut numbers, mut values) = (BTreeMap::new(), Vec::new());
    for _ in 0..all {
        let message = client.poll(PATIENCE).expect("the rest of the log").unwrap();
        let value = message.payload().unwrap().to_vec();
        *numbers.entry(number(&value)).or_default() += 1;
        values.push(value);
    }
    (numbers, values)
}

/// The number in a framed value, read off its last field.
fn number(value: &[u8]) -> usize {
    let text = String::from_utf8_lossy(value);
    let text = text.trim_end_matches('x').trim_end();
    let digits = text
        .chars()
        .rev()
        .take_while(char::is_ascii_digit)
        .collect::<Vec<_>>();
    digits.iter().rev().collect::<String>().parse().unwrap()
}
