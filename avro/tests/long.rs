//! The long run against Java itself, with fresh seeds. It needs Java and the oracle's jar, and is started by hand:
//!
//! ```text
//! FLEETOPS_AVRO_ORACLE=avro-oracle.jar FLEETOPS_SEED=7 FLEETOPS_COUNT=100000 \
//!     cargo test --release -p fleetops-avro --test long -- --ignored --nocapture
//! ```
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::expect_used)]

mod common;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

use common::{java, ours, schema_text};
use fleetops_avro::compat::{IncompatibilityType, check};
use fleetops_avro::{ParseMode, Schema, Source};
use serde_json::Value;

fn oracle(args: &[&str]) -> Command {
    let jar = std::env::var("FLEETOPS_AVRO_ORACLE").expect("FLEETOPS_AVRO_ORACLE names the oracle's jar");
    let mut java = Command::new("java");
    java.arg("-jar").arg(jar).args(args).stdout(Stdio::piped());
    java
}

fn generator(kind: &str, verdicts: &[&str]) -> Child {
    let seed = std::env::var("FLEETOPS_SEED").unwrap_or_else(|_| "2".to_owned());
    let count = std::env::var("FLEETOPS_COUNT").unwrap_or_else(|_| "20000".to_owned());
    let mut java = oracle(&["gen", "--seed", &seed, "--count", &count, "--kind", kind]);
    java.args(verdicts).spawn().expect("java starts")
}

/// The lines that a process writes; it is waited for.
fn lines(mut java: Child) -> impl Iterator<Item = String> {
    let out = BufReader::new(java.stdout.take().unwrap());
    let (sender, receiver) = std::sync::mpsc::sync_channel(1000);
    std::thread::spawn(move || {
        for line in out.lines() {
            if sender.send(line.unwrap()).is_err() {
                break;
            }
        }
        assert!(java.wait().unwrap().success());
    });
    receiver.into_iter()
}

/// Random pairs with Java's verdicts.
fn pair_rows() -> impl Iterator<Item = Value> {
    lines(generator("pairs", &["--verdicts"])).map(|line| serde_json::from_str(&line).unwrap())
}

/// Random schemas, each with Java's verdict.
fn schema_rows() -> impl Iterator<Item = (Value, Value)> {
    let mut judge = oracle(&["parse"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("java starts");
    let mut to_judge = judge.stdin.take().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in lines(generator("schemas", &[])) {
            sender.send(line.clone()).unwrap();
            writeln!(to_judge, "{line}").unwrap();
        }
    });
    lines(judge).map(move |verdict| {
        let row: Value = serde_json::from_str(&receiver.recv().unwrap()).unwrap();
        let verdict: Value = serde_json::from_str(&verdict).unwrap();
        assert_eq!(row["id"], verdict["id"]);
        (row, verdict)
    })
}

fn parse(text: &str, mode: ParseMode) -> Result<Schema, fleetops_avro::ParseError> {
    Schema::parse_with(Source::new("<schema>", text), mode)
}

#[test]
#[ignore = "needs Java; see the top of this file"]
fn pairs() {
    let (mut all, mut bad, mut incompatible) = (0, 0, 0);
    for row in pair_rows() {
        all += 1;
        let reader = Schema::parse(&schema_text(&row, "reader")).unwrap();
        let writer = Schema::parse(&schema_text(&row, "writer")).unwrap();
        let found = check(&reader, &writer);
        incompatible += usize::from(!found.is_empty());
        let same = if row["result"] == "error" {
            found.len() == 1 && found[0].kind == IncompatibilityType::AmbiguousFieldAlias
        } else {
            ours(&found) == java(&row["incompatibilities"])
        };
        if !same {
            bad += 1;
            eprintln!("{row}\n  we {:?}", ours(&found));
        }
    }
    eprintln!("{all} pairs, {incompatible} of them incompatible, {bad} differences");
    assert!(all > 0 && bad == 0);
}

#[test]
#[ignore = "needs Java; see the top of this file"]
fn schemas() {
    let (mut all, mut bad, mut refused) = (0, 0, 0);
    for (schema, row) in schema_rows() {
        all += 1;
        let text = schema_text(&schema, "schema");
        let mut differs = Vec::new();
        for (key, mode) in [
            ("ok", ParseMode::Standard),
            ("ok_strict", ParseMode::Strict),
            ("ok_lenient", ParseMode::Lenient),
        ] {
            let ours = parse(&text, mode);
            if ours.is_ok() != row[key].as_bool().unwrap() {
                differs.push(key.to_owned());
            }
            if let (Ok(schema), ParseMode::Standard) = (ours, mode) {
                let java = (row["canonical"].as_str(), row["tostring"].as_str());
                let (canonical, text) = (schema.canonical_form(), schema.text());
                if java != (Some(&canonical), Some(&text)) {
                    differs.push(format!("{canonical}\n  {text}"));
                }
                let again = Schema::parse(&text).map(|again| again.text());
                if again.ok().as_deref() != Some(&text) {
                    differs.push("its text is not read as itself".to_owned());
                }
            }
        }
        refused += usize::from(row["ok"] == false);
        if !differs.is_empty() {
            bad += 1;
            eprintln!("{schema}\n{row}\n  {}", differs.join("\n  "));
        }
    }
    eprintln!("{all} schemas, {refused} of them refused, {bad} differences");
    assert!(all > 0 && bad == 0);
}
