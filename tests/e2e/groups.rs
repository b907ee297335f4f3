//! `groups list|reset`.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::{Value, json};

use crate::project::{Project, Run};
use crate::stack::{Stack, stack};

const MANIFEST: &str = r#"
[topics.readings-TAG]
value      = "e2e.Reading"
key        = "id"
partitions = 2
dedup      = { key = ["id"], ttl = "60s" }

[groups.readers-TAG]
topics = ["readings-TAG"]

[env.dev]
bootstrap = "localhost:9092"
kafka     = { "session.timeout.ms" = "6000" }
"#;

const READING: &str =
    r#"{"type":"record","name":"Reading","namespace":"e2e","fields":[{"name":"id","type":"string"}]}"#;

/// A topic with ten events, read and committed by the group.
fn read_once(tag: &str, stack: &Stack) -> Project {
    let project = Project::new(tag, MANIFEST, &[("Reading", READING)]);
    project.run(stack, &["topics", "apply", "--yes"]).exits(0);
    project.run(stack, &["register", "--yes"]).exits(0);
    let lines: String = (0..10).map(|n| format!("{{\"id\":\"r{n}\"}}\n")).collect();
    project.write("events.jsonl", &lines);
    project
        .run(stack, &["produce", &format!("readings-{tag}"), "events.jsonl"])
        .exits(0)
        .says("10 acknowledged");
    assert_eq!(consume(&project, tag, stack).stdout.lines().count(), 10);
    project
}

fn consume(project: &Project, tag: &str, stack: &Stack) -> Run {
    let (topic, group) = (format!("readings-{tag}"), format!("readers-{tag}"));
    project
        .run(stack, &["consume", &topic, "--group", &group, "--until-end"])
        .exits(0)
}

fn reset(project: &Project, tag: &str, stack: &Stack, arguments: &[&str]) -> Run {
    let group = format!("readers-{tag}");
    let all = [&["groups", "reset", &group, "--format", "json"], arguments].concat();
    project.run(stack, &all)
}

/// A member of one's group: `consume` as a process of its own, told to end as an operator would.
struct Member(Child);

impl Drop for Member {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

fn group(project: &Project, stack: &Stack, name: &str) -> Value {
    let list = project
        .run(stack, &["groups", "list", name, "--format", "json"])
        .exits(0);
    list.lines().into_iter().next().unwrap()
}

#[track_caller]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn offsets_are_moved_where_they_were_told_to_and_the_group_reads_from_there() {
    let Some(stack) = stack() else { return };
    let tag = "reset_a";
    let project = read_once(tag, stack);
    let listed = group(&project, stack, "readers-reset_a");
    assert_eq!(
        (&listed["state"], &listed["declared"], &listed["members"]),
        (&json!("empty"), &json!(true), &json!([]))
    );
    let committed =
        |lines: &[Value]| -> Vec<i64> { lines.iter().map(|l| l["committed"].as_i64().unwrap()).collect() };

    // Nobody can be asked, so nothing is done; a dry run needs nobody.
    let plan = reset(&project, tag, stack, &["--to", "earliest", "--dry-run"])
        .exits(0)
        .lines();
    assert_eq!(plan.len(), 2);
    assert_eq!(committed(&plan).iter().sum::<i64>(), 10);
    for line in &plan {
        assert_eq!(
            (&line["to"], &line["outcome"]),
            (&json!(0), &json!("planned")),
            "{line}"
        );
        assert_eq!(
            line["change"].as_i64().unwrap(),
            -line["committed"].as_i64().unwrap()
        );
    }
    reset(&project, tag, stack, &["--to", "earliest"])
        .exits(2)
        .says("--yes");
    assert_eq!(consume(&project, tag, stack).stdout, "");

    let done = reset(&project, tag, stack, &["--to", "earliest", "--yes"])
        .exits(0)
        .says("10 records read again");
    assert!(done.lines().iter().all(|line| line["outcome"] == "done"));
    // What is read again is no duplicate.
    assert_eq!(consume(&project, tag, stack).stdout.lines().count(), 10);

    // One partition, to an offset; beyond the end is the end.
    let one = ["--topic", "readings-reset_a", "--partition", "0"];
    let end = committed(&plan)[0];
    reset(
        &project,
        tag,
        stack,
        &[&["--to", "1", "--yes"], &one[..]].concat(),
    )
    .exits(0);
    assert_eq!(
        consume(&project, tag, stack).stdout.lines().count() as i64,
        end - 1
    );
    let beyond = reset(
        &project,
        tag,
        stack,
        &[&["--to", "1000", "--yes"], &one[..]].concat(),
    )
    .exits(0)
    .says("nothing to do");
    assert_eq!(beyond.lines()[0]["note"], format!("the log ends at {end}"));
    // By time: all is younger than 2020, and nothing than 2100.
    let past = reset(&project, tag, stack, &["--to", "2020-01-01", "--dry-run"]).exits(0);
    assert!(past.lines().iter().all(|line| line["to"] == 0));
    let future = reset(
        &project,
        tag,
        stack,
        &["--to", "2100-01-01T00:00:00Z", "--dry-run"],
    )
    .exits(0);
    assert!(
        future
            .lines()
            .iter()
            .all(|line| line["outcome"] == "no-change" && line["to"] == line["committed"])
    );

    // What cannot be meant.
    let run = |arguments: &[&str]| project.run(stack, arguments);
    run(&["groups", "reset", "reader-reset_a", "--to", "latest"])
        .exits(2)
        .says("did you mean readers-reset_a?");
    run(&["groups", "reset", "readers-reset_a", "--to", "newest"]).exits(2);
    run(&[
        "groups",
        "reset",
        "readers-reset_a",
        "--to",
        "latest",
        "--partition",
        "7",
    ])
    .exits(2)
    .says("has no partition 7");
}

#[test]
fn a_group_with_members_is_left_alone() {
    let Some(stack) = stack() else { return };
    let tag = "reset_b";
    let project = read_once(tag, stack);
    let name = "readers-reset_b";
    let before = group(&project, stack, name);
    assert_eq!(before["state"], "empty");
    let member = Member(project.spawn(stack, &["consume", "readings-reset_b", "--group", name]));
    until("the member joins", || {
        group(&project, stack, name)["state"] == "stable"
    });
    let there = group(&project, stack, name);
    assert_eq!(
        there["members"][0]["partitions"],
        json!({"readings-reset_b": [0, 1]})
    );
    let refused = reset(&project, tag, stack, &["--to", "earliest", "--yes"]).exits(1);
    assert!(refused.lines().iter().all(|line| line["outcome"] == "refused"));
    refused.says("with 1 member").says("nothing was changed");
    drop(member);
    until("the member leaves", || {
        group(&project, stack, name)["state"] == "empty"
    });
    let plan = reset(&project, tag, stack, &["--to", "latest"]).exits(0);
    plan.says("nothing to do");
}

/// The old question about a group says that one of the new protocol (KIP-848) is dead; resetting it would then be tried.
#[test]
fn a_group_of_the_new_protocol_is_seen_as_it_is() {
    let Some(stack) = stack() else { return };
    let tag = "reset_c";
    let project = read_once(tag, stack);
    let newer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", stack.bootstrap())
        .set("group.id", "newer-reset_c")
        .set("group.protocol", "consumer")
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", "earliest")
        .set("client.id", "the-newer-one")
        .create()
        .unwrap();
    newer.subscribe(&["readings-reset_c"]).unwrap();
    until("it gets its partitions", || {
        let _ = newer.poll(Duration::from_millis(100));
        newer.assignment().is_ok_and(|list| list.count() == 2)
    });
    let there = group(&project, stack, "newer-reset_c");
    assert_eq!(
        (&there["protocol"], &there["declared"]),
        (&json!("consumer"), &json!(false))
    );
    assert_eq!(there["members"][0]["client_id"], "the-newer-one");
    let arguments = [
        "groups",
        "reset",
        "newer-reset_c",
        "--topic",
        "readings-reset_c",
        "--to",
        "latest",
        "--yes",
    ];
    project
        .run(stack, &arguments)
        .exits(1)
        .says("the-newer-one at ")
        .says("nothing was changed");
    drop(newer);
    until("it leaves", || {
        group(&project, stack, "newer-reset_c")["members"] == json!([])
    });
    project.run(stack, &arguments).exits(0).says("2 offsets set");
}
