//! The generated scene with faults.

use std::io::{BufRead, BufReader};

use super::{KEYS, balanced, counts, demo, program, signal, texts};

#[test]
fn the_default_demo_balances_and_is_the_same_every_time() {
    let first = balanced(&[]);
    let keys: Vec<&str> = first
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .take(KEYS.len())
        .collect();
    assert_eq!(keys, KEYS);
    let count = |key: &str| first[key].as_u64().unwrap();
    for key in [
        "producer_duplicates",
        "consumer_duplicates",
        "late",
        "too_old",
        "gaps",
        "reordered",
    ] {
        assert!(count(key) > 0, "{key}: {first}");
    }
    assert_eq!(count("dead_lettered"), count("late") + count("too_old"));
    assert_eq!(
        count("sent"),
        count("handled") + count("producer_duplicates") + count("late") + count("too_old")
    );
    assert!(
        count("handled") > 15_000 && count("vehicles") > 300 && count("witnessed") > 500,
        "{first}"
    );
    let partitions = first["partitions"].as_array().unwrap();
    assert_eq!(partitions.len(), 6);
    for partition in partitions {
        assert_eq!(partition["lag"], 0, "{partition}");
        assert!(partition["handled"].as_u64().unwrap() > 0, "{partition}");
    }
    assert_eq!(counts(&balanced(&[])), counts(&first));
    assert_ne!(counts(&balanced(&["--seed", "2"])), counts(&first));
}

#[test]
fn people_get_a_plain_table_where_there_is_no_terminal() {
    let output = demo(&["--faults", "none"]);
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    assert!(
        !out.contains('\u{1b}') && !err.contains('\u{1b}') && !err.contains('\r'),
        "{err}"
    );
    for part in [
        "Consumer, group anomaly-service-group",
        "  duplicates dropped                   0\n",
        "Topic raw_telemetry",
        "The books balance.",
        "gave the same values",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    for part in [
        "broker    127.0.0.1:",
        "registry  http://127.0.0.1:",
        "raw_telemetry-value",
        "raw_telemetry (6 partitions), and 4 dead-letter topics",
    ] {
        assert!(err.contains(part), "{part}: {err}");
    }
    let (_, err) = texts(&demo(&["--faults", "none", "--quiet"]));
    assert_eq!(err, "");
}

#[test]
fn an_interrupt_ends_the_sending_and_what_was_sent_goes_all_the_way() {
    let mut child = program().args(["demo", "--format", "json"]).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("topics") {
        line.clear();
        assert!(err.read_line(&mut line).unwrap() > 0, "it ended before it began");
    }
    signal(&child, "-INT");
    let output = child.wait_with_output().unwrap();
    let (out, _) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{out}");
    let object: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(object["balanced"], true, "{out}");
    assert!(object["sent"].as_u64().unwrap() <= 40_000, "{out}");
}
