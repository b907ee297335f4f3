//! `consume` while a server stops.

use std::collections::BTreeMap;

use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use serde_json::json;

use crate::running::Running;
use crate::{Project, Stack, lines, log, number, numbers, project, servers, until};

/// Events: many more than are read ahead of what is printed.
const ALL: usize = 12_000;
/// Little is sent and fetched at once, so that most is still to come when a server stops.
const SLOWLY: &str = "kafka = { \"batch.num.messages\" = \"20\", \"queued.min.messages\" = \"10\", \"fetch.message.max.bytes\" = \"2000\", \"fetch.queue.backoff.ms\" = \"10\", \
     \"session.timeout.ms\" = \"6000\", \"heartbeat.interval.ms\" = \"1000\" }";

fn filled(stack: &Stack, topic: &str) -> Project {
    let project = project(stack, topic, SLOWLY);
    project
        .run_with(stack, &["produce", topic], &lines(0..ALL))
        .exits(0);
    project
}

/// Asserts that each event was printed, by one run or another; how many were printed more than once.
fn all_there(printed: &[&str]) -> usize {
    let mut times: BTreeMap<usize, usize> = BTreeMap::new();
    for text in printed {
        for (number, n) in numbers(text) {
            *times.entry(number).or_default() += n;
        }
    }
    let missing: Vec<usize> = (0..ALL).filter(|number| !times.contains_key(number)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    times.values().filter(|times| **times > 1).count()
}

#[test]
fn a_broker_that_stops_ends_a_reading_with_an_end_and_the_next_goes_on() {
    let Some((_turn, stack)) = servers() else { return };
    let project = filled(stack, "cut");
    let consume = ["consume", "cut", "--group", "cut", "--until-end"];
    let mut running = Running::start(&project, stack, &consume);
    // It writes no more than a pipe holds until somebody reads on.
    let begin = running.read(500);
    stack.script("kafka", &["kill", "1"]);
    let cut = running.end().exits(3);
    println!("it ended after {:.1?}", cut.took);
    let errors = cut
        .stderr
        .lines()
        .filter(|line| line.starts_with("error"))
        .count();
    assert_eq!(errors, 1, "{}", cut.stderr);
    let cut = cut.says(&stack.bootstrap());
    let first = format!("{begin}{}", cut.stdout);
    println!("{} of {ALL} events were printed before", numbers(&first).len());
    assert!(numbers(&first).len() < ALL, "nothing was left to come");

    stack.script("kafka", &["start"]);
    let rest = project.run(stack, &consume).exits(0);
    println!("{} events came twice", all_there(&[&first, &rest.stdout]));
    assert_eq!(project.run(stack, &consume).exits(0).stdout, "");
}

#[test]
fn a_broker_that_comes_back_is_read_on_by_the_same_process() {
    let Some((_turn, stack)) = servers() else { return };
    let project = filled(stack, "resumed");
    let consume = ["consume", "resumed", "--group", "resumed"];
    let mut running = Running::start(&project, stack, &consume);
    let begin = running.read(500);
    stack.script("kafka", &["kill", "1"]);
    let mut output = running.follow();
    stack.script("kafka", &["start"]);
    until("the rest comes", || {
        let so_far = output.so_far();
        // Some may come twice, so all are there after as many lines at the earliest.
        so_far.lines().count() + 500 >= ALL && {
            let mut all = numbers(&begin);
            all.extend(numbers(so_far));
            all.len() == ALL
        }
    });
    running.interrupt();
    let end = running.end().exits(0).says("resumed: ");
    drop(end);
    println!("{} events came twice", all_there(&[&begin, &output.all()]));
    // Ctrl-C has committed all of it.
    let consume = [&consume[..], &["--until-end"]].concat();
    assert_eq!(project.run(stack, &consume).exits(0).stdout, "");
}

/// The number of the event that [`of_a_new_version`] makes: no other's.
const NEW: usize = ALL + 60;

/// The same event with another number, written with a later version of the schema, whose ID nobody has seen yet.
fn of_a_new_version(stack: &Stack, project: &Project, value: &[u8]) -> Vec<u8> {
    const EXTRA: &str = ",\n  {\"name\":\"extra\",\"type\":\"string\",\"default\":\"\"}\n]}";
    project.change("schemas/Event.avsc", "\n]}", EXTRA);
    let done = project
        .run(stack, &["register", "--yes", "--format", "json"])
        .exits(0);
    project.change("schemas/Event.avsc", EXTRA, "\n]}");
    let registered = done
        .lines()
        .into_iter()
        .find(|line| line["action"] == "register")
        .unwrap();
    let id = u32::try_from(registered["id"].as_u64().unwrap()).unwrap();
    let after_number = 5 + value[5..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    // Zig-zag, seven bits a byte.
    let zigzag = 2 * NEW;
    let number = [
        zigzag as u8 | 0x80,
        (zigzag >> 7) as u8 | 0x80,
        (zigzag >> 14) as u8,
    ];
    [&[0], &id.to_be_bytes()[..], &number, &value[after_number..], &[0]].concat()
}

/// Sends framed values as they are.
fn send(stack: &Stack, topic: &str, values: &[Vec<u8>]) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", stack.bootstrap());
    let producer = BaseProducer::from_config(&config).unwrap();
    for value in values {
        producer
            .send(BaseRecord::<str, [u8]>::to(topic).key("k").payload(value))
            .map_err(|(e, _)| e)
            .unwrap();
    }
    producer.flush(std::time::Duration::from_secs(60)).unwrap();
}

#[test]
fn a_registry_that_stops_ends_a_reading_that_cannot_get_to_its_end_without_it() {
    let Some((_turn, stack)) = servers() else { return };
    let project = filled(stack, "unread");
    let (_, values) = log(stack, "unread");
    send(stack, "unread", &[of_a_new_version(stack, &project, &values[0])]);
    let consume = ["consume", "unread", "--group", "unread", "--until-end"];
    let mut running = Running::start(&project, stack, &consume);
    let begin = running.read(500);
    stack.script("registry", &["stop"]);
    let cut = running.end().exits(3);
    let errors = cut
        .stderr
        .lines()
        .filter(|line| line.starts_with("error"))
        .count();
    assert_eq!(errors, 1, "{}", cut.stderr);
    let cut = cut.says(&stack.registry());
    let first = format!("{begin}{}", cut.stdout);
    assert_eq!(all_there(&[&first]), 0, "what needs no registry");

    stack.script("registry", &["start"]);
    let rest = project.run(stack, &consume).exits(0);
    assert_eq!(numbers(&rest.stdout).into_keys().collect::<Vec<_>>(), [NEW]);
}

#[test]
fn a_registry_that_stops_holds_back_what_needs_it_and_loses_nothing() {
    let Some((_turn, stack)) = servers() else { return };
    let project = project(stack, "unasked", "");
    project
        .run_with(stack, &["produce", "unasked"], &lines(0..10))
        .exits(0);
    let (_, values) = log(stack, "unasked");
    let new = of_a_new_version(stack, &project, &values[0]);
    let group = ["consume", "unasked", "--group", "unasked"];
    let mut running = Running::start(&project, stack, &group);
    assert_eq!(numbers(&running.read(10)).len(), 10);
    let mut output = running.follow();
    stack.script("registry", &["stop"]);
    // Another ten of the known version, with other numbers, and one of the new one.
    let renumbered = |value: &Vec<u8>| {
        let mut value = value.clone();
        value[5] += 20; // zig-zag: ten more
        value
    };
    let known: Vec<Vec<u8>> = values.iter().filter(|v| number(v) < 10).map(renumbered).collect();
    send(stack, "unasked", &known);
    until("what needs no registry comes", || {
        output.so_far().lines().count() == 10
    });
    send(stack, "unasked", &[new]);
    running.interrupt();
    running.end().exits(0);
    assert_eq!(output.all().lines().count(), 10, "the new one is held back");

    let until_end = [&group[..], &["--until-end"]].concat();
    stack.script("registry", &["start"]);
    let rest = project.run(stack, &until_end).exits(0);
    assert_eq!(rest.lines().len(), 1);
    assert_eq!(rest.lines()[0]["number"], json!(NEW));
}
