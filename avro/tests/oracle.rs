//! Java Avro's verdicts on thousands of schemas, real and random.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::expect_used)]

mod common;

use common::{none, rows, schema_text};
use fleetops_avro::{ParseMode, Schema, SchemaSet, Source};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn parse(text: &str, mode: ParseMode) -> Result<Schema, fleetops_avro::ParseError> {
    Schema::parse_with(Source::new("<schema>", text), mode)
}

#[test]
fn verdicts_of_the_parser() {
    let Some(rows) = rows("oracle/corpus/parse_cases.jsonl") else {
        return;
    };
    let mut bad = Vec::new();
    for row in &rows {
        let text = schema_text(row, "schema");
        for (key, mode) in [
            ("ok", ParseMode::Standard),
            ("ok_strict", ParseMode::Strict),
            ("ok_lenient", ParseMode::Lenient),
        ] {
            let ours = parse(&text, mode);
            if ours.is_ok() != row[key].as_bool().unwrap() {
                bad.push(format!(
                    "{} {key}: Java {} {}; we: {}\n{text}",
                    row["id"],
                    row[key],
                    row["error"],
                    ours.map_or_else(|e| e.to_string(), |_| "taken".to_owned())
                ));
            }
        }
    }
    assert!(rows.len() > 400);
    none(&bad);
}

#[test]
fn canonical_forms_and_fingerprints() {
    let mut bad = Vec::new();
    for path in ["oracle/corpus/canonical.jsonl", "oracle/corpus/parse_cases.jsonl"] {
        let Some(rows) = rows(path) else { return };
        assert!(rows.len() > 300);
        for row in rows.iter().filter(|r| r["canonical"].is_string()) {
            let schema = parse(&schema_text(row, "schema"), ParseMode::Standard).unwrap();
            for (key, ours) in [
                ("canonical", schema.canonical_form()),
                ("crc64", format!("{:016x}", schema.fingerprint())),
                ("crc64_bytes", hex(&schema.fingerprint().to_le_bytes())),
                ("md5", hex(&schema.md5())),
                ("sha256", hex(&schema.sha256())),
                ("tostring", schema.text()),
            ] {
                if row.get(key).is_some_and(|java| *java != *ours) {
                    bad.push(format!(
                        "{} {key}:\n  Java {}\n  we   {ours}",
                        row["id"], row[key]
                    ));
                }
            }
        }
    }
    none(&bad);
}

#[test]
fn real_files() {
    let Some(rows) = rows("data/avsc/dev_schemas.jsonl.gz") else {
        return;
    };
    assert!(rows.len() > 1200);
    let mut bad = Vec::new();
    for row in &rows {
        let text = row["text"].as_str().unwrap();
        let ours = Schema::parse(text);
        let java = row["verdict"] == "ok";
        match ours {
            Ok(schema) if java => {
                let crc = format!("{:016x}", schema.fingerprint());
                if row["crc64"] != *crc || row["canonical_sha256"] != *hex(&schema.sha256()) {
                    bad.push(format!("{}: fingerprint {crc}, Java {}", row["id"], row["crc64"]));
                }
                let again = Schema::parse(&schema.text()).unwrap_or_else(|e| panic!("{}: {e}", row["id"]));
                assert_eq!(again.text(), schema.text(), "{}", row["id"]);
            }
            Err(_) if !java => {}
            Ok(_) => bad.push(format!("{}: taken; Java: {}", row["id"], row["java_error"])),
            Err(error) => bad.push(format!("{}: {error}", row["id"])),
        }
    }
    none(&bad);
}

#[test]
fn real_sets_in_any_order() {
    let Some(rows) = rows("data/avsc/dev_sets.jsonl.gz") else {
        return;
    };
    assert!(rows.len() > 50);
    let mut bad = Vec::new();
    for row in &rows {
        let mut sources: Vec<_> = row["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| Source::new(f["id"].as_str().unwrap(), f["text"].as_str().unwrap()))
            .collect();
        let last = sources.last().unwrap().name().to_owned();
        for _ in 0..2 {
            match SchemaSet::parse(&sources) {
                Ok(set) => {
                    let (_, root) = set.files().find(|(s, _)| s.name() == last).unwrap();
                    let crc = format!("{:016x}", set.schema(root).fingerprint());
                    if row["java_ok"] != true || row["crc64"] != *crc {
                        bad.push(format!(
                            "{}: taken, {crc}; Java {} {}",
                            row["id"], row["error"], row["crc64"]
                        ));
                    }
                }
                Err(error) if row["java_ok"] == true => bad.push(format!("{}: {error}", row["id"])),
                Err(_) => {}
            }
            sources.reverse();
        }
    }
    none(&bad);
}
