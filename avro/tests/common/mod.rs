//! Reading the case files that are kept outside the project.
#![allow(dead_code, clippy::print_stderr)] // each test file uses its share

use std::io::Read as _;
use std::path::PathBuf;

use fleetops_avro::compat::Incompatibility;
use serde_json::Value;

pub(crate) fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("FLEETOPS_TEST_DATA");
    if folder.is_none() {
        eprintln!("skipped: FLEETOPS_TEST_DATA is not set");
    }
    folder.map(PathBuf::from)
}

pub(crate) fn rows(path: &str) -> Option<Vec<Value>> {
    let path = data()?.join(path);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut text = String::new();
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    Some(text.lines().map(|l| serde_json::from_str(l).unwrap()).collect())
}

pub(crate) fn schema_text(row: &Value, key: &str) -> String {
    match row.get(format!("{key}_text")) {
        Some(text) => text.as_str().unwrap().to_owned(),
        None => row[key].to_string(),
    }
}

/// Every difference on a line of its own, so that one run shows them all.
pub(crate) fn none(differences: &[String]) {
    assert!(
        differences.is_empty(),
        "{} differences:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

/// What Java says of a pair, as text to compare.
pub(crate) fn java(incompatibilities: &Value) -> Vec<String> {
    incompatibilities
        .as_array()
        .unwrap()
        .iter()
        .map(|i| {
            format!(
                "{} {} {}",
                i["type"].as_str().unwrap(),
                i["location"].as_str().unwrap(),
                i["message"].as_str().unwrap()
            )
        })
        .collect()
}

pub(crate) fn ours(incompatibilities: &[Incompatibility]) -> Vec<String> {
    incompatibilities
        .iter()
        .map(|i| format!("{} {} {}", i.kind, i.location, i.message))
        .collect()
}
