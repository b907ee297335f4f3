//! `dead-letters list|replay`.

use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Header, Headers, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Value, json};

use crate::project::{Project, Run};
use crate::stack::{Stack, stack};

const MANIFEST: &str = r#"
[topics.trips-TAG]
value       = "e2e.Trip"
key         = "id"
partitions  = 2
dead-letter = "trips-TAG.dlq"
dedup       = { key = ["id"], ttl = "60s" }

[topics.plain-TAG]
value      = "e2e.Trip"
partitions = 1

[groups.drivers-TAG]
topics = ["trips-TAG"]

[env.dev]
bootstrap = "localhost:9092"
kafka     = { "session.timeout.ms" = "6000" }
"#;

const TRIP: &str =
    r#"{"type":"record","name":"Trip","namespace":"e2e","fields":[{"name":"id","type":"string"}]}"#;

fn project(tag: &str, stack: &Stack) -> Project {
    let project = Project::new(tag, MANIFEST, &[("Trip", TRIP)]);
    project.run(stack, &["topics", "apply", "--yes"]).exits(0);
    project.run(stack, &["register", "--yes"]).exits(0);
    project
}

/// What another client writes.
fn send(stack: &Stack, topic: &str, key: &str, value: &[u8], headers: &[(&str, &[u8])]) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", stack.bootstrap())
        .set("partitioner", "murmur2_random")
        .create()
        .unwrap();
    let mut all = OwnedHeaders::new();
    for (key, value) in headers {
        all = all.insert(Header {
            key,
            value: Some(*value),
        });
    }
    producer
        .send(BaseRecord::to(topic).key(key).payload(value).headers(all))
        .unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
}

/// The record at a place, read without the program.
fn record(stack: &Stack, topic: &str, partition: i64, offset: i64) -> OwnedMessage {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", stack.bootstrap())
        .set("group.id", "nobody")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition as i32, Offset::Offset(offset))
        .unwrap();
    client.assign(&list).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        if let Some(Ok(message)) = client.poll(Duration::from_millis(100)) {
            assert_eq!(message.offset(), offset);
            return message.detach();
        }
    }
    panic!("{topic} {partition}:{offset} did not come");
}

fn consume(project: &Project, tag: &str, stack: &Stack) -> Run {
    let (topic, group) = (format!("trips-{tag}"), format!("drivers-{tag}"));
    project
        .run(stack, &["consume", &topic, "--group", &group, "--until-end"])
        .exits(0)
}

fn letters(project: &Project, tag: &str, stack: &Stack, choice: &[&str]) -> Vec<Value> {
    let topic = format!("trips-{tag}");
    let all = [&["dead-letters", "list", &topic, "--format", "json"], choice].concat();
    project.run(stack, &all).exits(0).lines()
}

#[test]
fn letters_are_listed_by_reason_and_chosen_ones_are_sent_again() {
    let Some(stack) = stack() else { return };
    let tag = "letters_a";
    let project = project(tag, stack);
    let (topic, dlq) = ("trips-letters_a", "trips-letters_a.dlq");
    project
        .run(stack, &["dead-letters", "replay", topic])
        .exits(0)
        .says("nothing to send again");

    project.write("events.jsonl", "{\"id\":\"good\"}\n");
    project.run(stack, &["produce", topic, "events.jsonl"]).exits(0);
    send(stack, topic, "a", b"no framing", &[("trace", b"\x01\xff")]);
    send(stack, topic, "b", b"\0\x7f\xff\xff\xffx", &[]);
    let read = consume(&project, tag, stack).says("2 dead letters");
    assert_eq!(read.stdout, "{\"id\":\"good\"}\n");

    let found = letters(&project, tag, stack, &[]);
    let reason = |letter: &Value| letter["reason"].as_str().unwrap().to_owned();
    let mut reasons: Vec<String> = found.iter().map(reason).collect();
    reasons.sort();
    assert_eq!(reasons, ["Framing", "UnknownSchema"]);
    let framing = found.iter().find(|letter| letter["reason"] == "Framing").unwrap();
    assert_eq!(
        (&framing["key"], &framing["source"]["topic"]),
        (&json!("a"), &json!(topic))
    );
    assert_eq!(
        framing["headers"],
        json!([{"name": "trace", "value": {"base64": "Af8="}}])
    );
    let text = project.run(stack, &["dead-letters", "list", topic]).exits(0);
    for line in ["Framing ", "UnknownSchema ", "2 dead letters of trips-letters_a"] {
        assert!(
            format!("{}{}", text.stdout, text.stderr).contains(line),
            "{}",
            text.stdout
        );
    }
    // By its own name too, by key, and by where the record was read.
    assert_eq!(letters(&project, tag, stack, &["--key", "b"]).len(), 1);
    let (partition, offset) = (
        framing["source"]["partition"].to_string(),
        framing["source"]["offset"].to_string(),
    );
    let by_source = ["--source-partition", &partition, "--source-offset", &offset];
    assert_eq!(
        letters(&project, tag, stack, &by_source),
        std::slice::from_ref(framing)
    );

    // Nobody is there to be asked.
    let choice = ["--reason", "framing"];
    let replay = |more: &[&str]| {
        let all = [&["dead-letters", "replay", dlq][..], &choice, more].concat();
        project.run(stack, &all)
    };
    replay(&[])
        .exits(2)
        .says("--yes")
        .says("1 dead letter (1 Framing)");
    replay(&["--dry-run"]).exits(0).says("would send 1 dead letter");
    let sent = replay(&["--yes", "--format", "json"])
        .exits(0)
        .says("1 of 1 record acknowledged");
    let line = &sent.lines()[0];
    assert_eq!(
        (&line["outcome"], &line["sent"]["topic"]),
        (&json!("acknowledged"), &json!(topic))
    );
    let place = |of: &Value, name: &str| of[name].as_i64().unwrap();
    let again = record(
        stack,
        topic,
        place(&line["sent"], "partition"),
        place(&line["sent"], "offset"),
    );
    assert_eq!(
        (again.key(), again.payload()),
        (Some(&b"a"[..]), Some(&b"no framing"[..]))
    );
    let headers: Vec<(String, Vec<u8>)> = again
        .headers()
        .unwrap()
        .iter()
        .map(|header| (header.key.to_owned(), header.value.unwrap().to_vec()))
        .collect();
    let from = format!("{dlq}/{}/{}", framing["partition"], framing["offset"]);
    assert_eq!(
        headers,
        [
            ("trace".to_owned(), b"\x01\xff".to_vec()),
            ("dead-letter-replay".to_owned(), from.clone().into_bytes())
        ]
    );
    // It dies again, and says that it had been sent again.
    consume(&project, tag, stack).says("1 dead letters");
    let found = letters(&project, tag, stack, &choice);
    assert_eq!(found.len(), 2);
    assert!(found.iter().any(|letter| letter["replayed_from"] == json!(from)));
}

#[test]
fn a_record_that_can_be_handled_now_is_handled_past_dedup() {
    let Some(stack) = stack() else { return };
    let tag = "letters_b";
    let project = project(tag, stack);
    let (topic, dlq) = ("trips-letters_b", "trips-letters_b.dlq");
    project.write("events.jsonl", "{\"id\":\"trip-1\"}\n");
    project.run(stack, &["produce", topic, "events.jsonl"]).exits(0);
    assert_eq!(consume(&project, tag, stack).stdout.lines().count(), 1);
    let partition = (0..2)
        .find(|n| {
            let line = project
                .run(stack, &["lag", topic, "--format", "json"])
                .exits(0)
                .lines()
                .remove(0);
            line["groups"][0]["topics"][0]["partitions"][*n as usize]["high_watermark"] == 1
        })
        .unwrap();
    let event = record(stack, topic, partition, 0);
    // As a service writes it whose handler has failed.
    let number = partition.to_string();
    let headers: [(&str, &[u8]); 5] = [
        ("dedup-key", b"trip-1"),
        ("dead-letter-reason", b"HandlerFailed"),
        ("dead-letter-topic", topic.as_bytes()),
        ("dead-letter-partition", number.as_bytes()),
        ("dead-letter-offset", b"0"),
    ];
    send(stack, dlq, "trip-1", event.payload().unwrap(), &headers);
    // Somebody else's record in the same topic is left alone, and so is a letter of another topic.
    send(stack, dlq, "x", b"x", &[]);
    send(
        stack,
        dlq,
        "y",
        b"y",
        &[
            ("dead-letter-reason", b"Late"),
            ("dead-letter-topic", b"another"),
            ("dead-letter-partition", b"0"),
            ("dead-letter-offset", b"0"),
        ],
    );
    project
        .run(stack, &["dead-letters", "replay", topic, "--yes"])
        .exits(0)
        .says("1 of 1 record acknowledged")
        .says("1 record of trips-letters_b.dlq left out");
    assert_eq!(consume(&project, tag, stack).stdout, "{\"id\":\"trip-1\"}\n");
}

#[test]
fn what_cannot_be_meant_is_told() {
    let Some(stack) = stack() else { return };
    let tag = "letters_c";
    let project = project(tag, stack);
    let run = |arguments: &[&str]| project.run(stack, arguments);
    run(&["dead-letters", "list", "plain-letters_c"])
        .exits(2)
        .says("declares no dead-letter topic");
    run(&["dead-letters", "list", "trip-letters_c"])
        .exits(2)
        .says("did you mean trips-letters_c?");
    run(&["dead-letters", "list", "trips-letters_c", "--reason", "Lost"])
        .exits(2)
        .says("HandlerFailed");
    run(&["dead-letters", "list", "trips-letters_c", "--offset", "9..1"]).exits(2);
    run(&["dead-letters", "list", "trips-letters_c", "--partition", "5"])
        .exits(2)
        .says("it has 2 partitions");
}
