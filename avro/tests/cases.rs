//! Odd schemas and pairs, and Java Avro 1.12.2's verdicts on them.
//!
//! `cases/parse.jsonl` has a schema a line. `verdicts` has a letter
//! for each mode (standard, strict, lenient): taken or not; `crc64` is that of what the standard mode takes.
//!
//! The cases were made by hand and by crossing lists of odd names, defaults, references and redefinitions; the oracle
//! judged them once. They are what the corpora of real and random schemas do not reach. `cases/compat.jsonl` has a pair a
//! line, made by crossing 34 types at five depths, with all that Java finds, in its order.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod common;

use std::slice::from_ref;

use common::{none, ours};
use fleetops_avro::compat::{Direction, Level, Old, check, check_level, diagnose};
use fleetops_avro::{ParseMode, Schema, Source};
use serde_json::Value;

#[test]
fn verdicts_on_odd_schemas() {
    let mut bad = Vec::new();
    let text = include_str!("cases/parse.jsonl");
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let schema = row["schema"].as_str().unwrap();
        let verdicts = row["verdicts"].as_str().unwrap().chars();
        let modes = [ParseMode::Standard, ParseMode::Strict, ParseMode::Lenient];
        for (java, mode) in verdicts.zip(modes) {
            let ours = Schema::parse_with(Source::new("<schema>", schema), mode);
            match ours {
                Ok(_) if java == 'n' => bad.push(format!("{mode:?}: Java refuses {schema}")),
                Err(error) if java == 'y' => bad.push(format!("{mode:?}: Java takes {schema}\n{error}")),
                Ok(ours) if mode == ParseMode::Standard => {
                    let crc = format!("{:016x}", ours.fingerprint());
                    if row["crc64"] != *crc {
                        bad.push(format!("fingerprint {crc}, Java {}: {schema}", row["crc64"]));
                    }
                }
                _ => {}
            }
        }
    }
    assert!(text.lines().count() > 2000);
    none(&bad);
}

#[test]
fn findings_on_odd_pairs() {
    let mut bad = Vec::new();
    let text = include_str!("cases/compat.jsonl");
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let [reader, writer] = ["reader", "writer"].map(|key| Schema::parse(&row[key].to_string()).unwrap());
        let found = ours(&check(&reader, &writer));
        let java: Vec<&str> = row["java"]
            .as_array()
            .unwrap()
            .iter()
            .map(|j| j.as_str().unwrap())
            .collect();
        if found != java {
            bad.push(format!("{line}\n  we {found:?}"));
        }
    }
    assert!(text.lines().count() == 600);
    none(&bad);
}

fn record(fields: &str) -> Schema {
    Schema::parse(&format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)).unwrap()
}

/// Who broke, in which direction, and why.
fn broken(level: Level, new: &Schema, old: &[Schema]) -> Vec<(usize, Direction, String)> {
    check_level(level, new, old)
        .into_iter()
        .map(|v| (v.version_index, v.direction, v.incompatibility.message))
        .collect()
}

#[test]
fn levels_ask_what_a_registry_asks() {
    use Direction::{Backward, Forward};
    let a = r#"{"name":"a","type":"int"}"#;
    let b = r#"{"name":"b","type":"int"}"#;
    let b_default = r#"{"name":"b","type":"int","default":0}"#;
    let (plain, both, optional) = (
        record(a),
        record(&format!("{a},{b}")),
        record(&format!("{a},{b_default}")),
    );
    let missing = |version: usize, direction: Direction| (version, direction, "b".to_owned());

    // A field without a default is added, or taken away.
    assert_eq!(
        broken(Level::Backward, &both, from_ref(&plain)),
        [missing(0, Backward)]
    );
    assert_eq!(broken(Level::Forward, &both, from_ref(&plain)), []);
    assert_eq!(
        broken(Level::Forward, &plain, from_ref(&both)),
        [missing(0, Forward)]
    );
    assert_eq!(broken(Level::Backward, &plain, from_ref(&both)), []);
    for level in Level::ALL {
        assert_eq!(broken(level, &both, &[]), [], "{level}");
        assert_eq!(broken(level, &optional, from_ref(&plain)), [], "{level}");
    }
    // Only transitive levels look behind the latest version.
    let history = [plain.clone(), optional.clone()];
    assert_eq!(broken(Level::Backward, &both, &history), []);
    assert_eq!(
        broken(Level::BackwardTransitive, &both, &history),
        [missing(0, Backward)]
    );
    assert_eq!(
        broken(Level::FullTransitive, &both, &history),
        [missing(0, Backward)]
    );
    assert_eq!(broken(Level::None, &both, from_ref(&plain)), []);
    // From the newest; the first that fails is told alone; forward before backward.
    let other = record(r#"{"name":"c","type":"string"}"#);
    let history = [both.clone(), plain, both];
    assert_eq!(
        broken(Level::FullTransitive, &other, &history),
        [
            (2, Forward, "a".to_owned()),
            (2, Forward, "b".to_owned()),
            (2, Backward, "c".to_owned())
        ]
    );
    assert_eq!(
        broken(Level::ForwardTransitive, &other, &history[..2]),
        [(1, Forward, "a".to_owned())]
    );
}

#[test]
fn levels_are_read_in_any_case() {
    for level in Level::ALL {
        assert_eq!(level.to_string().to_lowercase().parse(), Ok(level));
    }
    let error = "BACKWARDS".parse::<Level>().unwrap_err();
    assert!(error.to_string().contains("`BACKWARDS`") && error.to_string().contains("FULL_TRANSITIVE"));
}

/// What breaks in both directions is one finding with both reasons.
#[test]
fn one_change_is_one_finding() {
    let old = record(r#"{"name":"a","type":"int"}"#);
    let new = record(r#"{"name":"a","type":"string"}"#);
    let violations = check_level(Level::Full, &new, from_ref(&old));
    assert_eq!(violations.len(), 2);
    let version = Old {
        schema: &old,
        name: "version 7".to_owned(),
    };
    let told = diagnose(&new, &[version], &violations);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].rule, "type-changed");
    assert_eq!(
        told[0].primary.place.source.slice(told[0].primary.place.span),
        "\"string\""
    );
    assert_eq!(
        told[0].related[0]
            .place
            .source
            .slice(told[0].related[0].place.span),
        "\"int\""
    );
    let notes = told[0].notes.join("\n");
    assert!(notes.contains("a reader with version 7 cannot read data of the new schema"));
    assert!(notes.contains("a reader with the new schema cannot read data of version 7"));
}
