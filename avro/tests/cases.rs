//! Odd schemas and Java Avro 1.12.2's verdicts on them: `cases/parse.jsonl`, a case a line. `verdicts` has a letter
//! for each mode (standard, strict, lenient): taken or not; `crc64` is that of what the standard mode takes.
//!
//! The cases were made by hand and by crossing lists of odd names, defaults, references and redefinitions; the oracle
//! judged them once. They are what the corpora of real and random schemas do not reach.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod common;

use common::none;
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
