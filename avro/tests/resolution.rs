//! What Java's `GenericDatumReader` makes of data of one schema read as that of another.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::expect_used)]

mod support;

use fleetops_avro::Schema;
use fleetops_avro::resolve::Plan;
use fleetops_avro::value::Value;
use serde_json::Value as Json;

use support::{canon, rows, same_json, schema_text, unhex};

/// What we make of a row: the value as `canon` and as JSON, and the bytes left.
fn decode(row: &Json) -> Result<(String, Json, usize), String> {
    let parse = |key: &str| Schema::parse(&schema_text(row, key)).map_err(|e| e.to_string());
    let (writer, reader) = (parse("writer")?, parse("reader")?);
    let input = unhex(row["hex"].as_str().unwrap());
    let plan = Plan::new(&writer, &reader).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    let read = plan.transcode(&input, &mut bytes).map_err(|e| e.to_string())?;
    if plan.is_identity() {
        assert_eq!(bytes, &input[..read], "{}", row["id"]);
    }
    let value = Value::decode_all(&reader, &bytes).expect("transcoded bytes are the reader's");
    let (again, taken) = Value::decode_with(&plan, &input).unwrap();
    assert_eq!((canon(&reader, &again), taken), (canon(&reader, &value), read));
    let json = value.to_avro_json(&reader).unwrap();
    Ok((
        canon(&reader, &value),
        serde_json::from_str(&json).unwrap(),
        input.len() - read,
    ))
}

/// Holds rows against our answers; returns how many were judged.
fn judge(rows: &[Json]) -> usize {
    let mut bad = Vec::new();
    let mut judged = 0;
    for row in rows {
        // Java's versions or readers disagree, or 1.12.2 holds a count against what the reader's items would take.
        let regression = row["error"].as_str().is_some_and(|e| e.contains(" claims "));
        if !row["disputed"].is_null() || !row["classic_reader_differs"].is_null() || regression {
            continue;
        }
        judged += 1;
        let java_left = row["left"].as_u64().unwrap_or(0) as usize;
        match decode(row) {
            Ok((canon, json, left)) => {
                if row["ok"] != true {
                    bad.push(format!("{}: {canon}; Java: {}", row["id"], row["error"]));
                } else if row["canon"] != *canon || left != java_left {
                    bad.push(format!(
                        "{}: {left} left of {canon}\nJava: {}",
                        row["id"], row["canon"]
                    ));
                } else if !row["json"].is_null() && !same_json(&json, &row["json"]) {
                    // (A value that ends in a record without fields Java does not write to the end.)
                    bad.push(format!("{}: {json}\nJava: {}", row["id"], row["json"]));
                }
            }
            Err(error) => {
                if row["ok"] == true {
                    bad.push(format!("{}: {error}\nJava: {}", row["id"], row["canon"]));
                }
            }
        }
    }
    assert!(bad.is_empty(), "{} differences:\n{}", bad.len(), bad.join("\n\n"));
    judged
}

#[test]
fn the_corpus() {
    let Some(rows) = rows("oracle/corpus/resolution_cases.jsonl") else {
        return;
    };
    assert_eq!(rows.len(), 1_000);
    assert!(judge(&rows) > 970);
}

/// The long run: random pairs of fresh seeds, generated and judged by the oracle itself.
///
/// `ORACLE_JAR=avro-oracle.jar ORACLE_SEEDS=7,8 ORACLE_COUNT=50000 cargo test -p fleetops-avro --test resolution --
/// --ignored`
#[test]
#[ignore = "needs the oracle"]
fn fresh_seeds() {
    let jar = std::env::var_os("ORACLE_JAR").expect("ORACLE_JAR names the oracle's jar");
    let seeds = std::env::var("ORACLE_SEEDS").unwrap_or_else(|_| "7".to_owned());
    let count = std::env::var("ORACLE_COUNT").unwrap_or_else(|_| "20000".to_owned());
    for seed in seeds.split(',') {
        let output = std::process::Command::new("java")
            .arg("-jar")
            .arg(&jar)
            .args([
                "gen",
                "--kind",
                "values",
                "--verdicts",
                "--seed",
                seed,
                "--count",
                &count,
            ])
            .output()
            .unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let rows: Vec<Json> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(rows.len().to_string(), count);
        println!(
            "seed {seed}: {} of {} judged, all as Java",
            judge(&rows),
            rows.len()
        );
    }
}

/// Java 1.12.2 refuses the arrays and maps of these, because it holds the count against what the reader's items would
/// take; its older versions read them.
#[test]
fn arrays_whose_items_grow() {
    let Some(rows) = rows("oracle/corpus/java_1_12_2_regression_probe.jsonl") else {
        return;
    };
    assert_eq!(rows.len(), 10);
    for row in &rows {
        let ours = decode(row);
        if row["id"] == "alias ambiguous" {
            assert!(ours.unwrap_err().contains("two fields"));
            continue;
        }
        let (canon, _, left) = ours.unwrap_or_else(|e| panic!("{}: {e}", row["id"]));
        assert_eq!(left, 0, "{}: {canon}", row["id"]);
    }
}

/// Every real schema reads its own data as it stands; a real evolution that Java calls compatible can be read, for all
/// its data that is not a caveat.
#[test]
fn real_schemas_and_evolutions() {
    let (Some(schemas), Some(evolutions)) = (
        rows("data/avsc/dev_schemas.jsonl.gz"),
        rows("data/avsc/dev_evolutions.jsonl.gz"),
    ) else {
        return;
    };
    let mut own = 0;
    for row in &schemas {
        if let Ok(schema) = Schema::parse(row["text"].as_str().unwrap()) {
            let plan = Plan::new(&schema, &schema).unwrap_or_else(|e| panic!("{}: {e}", row["id"]));
            assert!(plan.is_identity() && plan.caveats().is_empty(), "{}", row["id"]);
            own += 1;
        }
    }
    assert!(own > 1_000);
    let mut compatible = 0;
    for row in &evolutions {
        let parse = |key: &str| Schema::parse(row[key].as_str().unwrap());
        let (Ok(old), Ok(new)) = (parse("old"), parse("new")) else {
            continue; // of a set whose other files are not here
        };
        for (reader, writer, verdict) in [(&new, &old, "backward"), (&old, &new, "forward")] {
            let plan = Plan::new(writer, reader);
            if row[verdict] == true {
                compatible += 1;
                plan.unwrap_or_else(|e| panic!("{} {verdict}: {e}", row["id"]));
            }
        }
    }
    assert!(compatible > 300, "{compatible} of {}", 2 * evolutions.len());
}
