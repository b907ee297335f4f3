//! `compat`: one pair, and batches held against Java's verdicts.

use std::path::PathBuf;

use serde_json::Value;

use crate::harness::Project;

/// Pairs with Java's verdicts, in Java's order.
const PAIRS: &str = include_str!("pairs.jsonl");

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// Result, types, locations and messages. A pair that Java throws on counts as incompatible, as a registry has it.
fn verdict(line: &Value) -> (Value, bool, Vec<Value>) {
    let compatible = line["result"] == "compatible";
    let reasons = line["incompatibilities"].as_array().cloned().unwrap_or_default();
    (line["id"].clone(), compatible, reasons)
}

fn same_verdicts(name: &str, corpus: &str) {
    let project = Project::empty();
    let run = project.run_with(&["compat", "--jsonl"], corpus).exits(0);
    assert_eq!(run.stderr, "");
    let (asked, answers) = (lines(corpus), lines(&run.stdout));
    assert_eq!(asked.len(), answers.len());
    let mut compared = 0;
    for (java, ours) in asked.iter().zip(&answers) {
        if java["result"] == "error" {
            assert_ne!(ours["result"], "compatible", "{java}\n{ours}");
            continue;
        }
        assert_eq!(verdict(java), verdict(ours), "{java}");
        compared += 1;
    }
    println!("{name}: {compared} of {} compared", asked.len());
}

#[test]
fn a_batch_gives_javas_verdicts() {
    same_verdicts("committed pairs", PAIRS);
}

#[test]
fn large_batches_give_javas_verdicts() {
    let Some(data) = std::env::var_os("FLEETOPS_TEST_DATA").map(PathBuf::from) else {
        println!("skipped: FLEETOPS_TEST_DATA is not set");
        return;
    };
    for name in ["compat_pairs.jsonl", "random_pairs_public.jsonl"] {
        let corpus = std::fs::read_to_string(data.join("oracle/corpus").join(name)).unwrap();
        same_verdicts(name, &corpus);
    }
}

#[test]
fn errors_of_a_batch_are_values() {
    let project = Project::empty();
    let input = concat!(
        r#"{"id":1,"reader":"int"}"#,
        "\n",
        "nonsense\n",
        "\n",
        "[1]\n",
        r#"{"id":{"a":[1.50]},"reader":"long","writer":"int"}"#,
        "\n",
        r#"{"id":"t","reader_text":"// a comment\n\"long\"","writer_text":"\"int\""}"#,
        "\n",
        r#"{"id":"b","reader":{"type":"record"},"writer":"int"}"#,
        "\n",
        r#"{"id":"c","reader":"int","reader_text":"\"int\"","writer":"int"}"#,
        "\n",
        r#"{"id":"d","reader_text":7,"writer":"int"}"#,
        "\n",
        r#"{"id":"e","reader":"int","writer":"string"}"#,
    );
    let run = project.run_with(&["compat", "--jsonl"], input).exits(0);
    let answers = lines(&run.stdout);
    let results: Vec<_> = answers
        .iter()
        .map(|a| (a["id"].to_string(), a["result"].as_str().unwrap()))
        .collect();
    let wanted = [
        ("1", "error"),
        ("null", "error"),
        ("null", "error"),
        (r#"{"a":[1.5]}"#, "compatible"),
        (r#""t""#, "compatible"),
        (r#""b""#, "error"),
        (r#""c""#, "error"),
        (r#""d""#, "error"),
        (r#""e""#, "incompatible"),
    ];
    assert_eq!(results, wanted.map(|(id, result)| (id.to_owned(), result)));
    assert!(
        run.stdout.contains(r#"{"id":{"a":[1.50]},"result""#),
        "an id comes back as it was"
    );
    let error = |i: usize| answers[i]["error"].as_str().unwrap().to_owned();
    assert_eq!(error(0), "neither `writer` nor `writer_text` is there");
    assert!(error(1).starts_with("the line is not JSON"), "{}", error(1));
    assert!(
        error(5).starts_with("reader: 1:2: a record without a name"),
        "{}",
        error(5)
    );
    assert_eq!(answers[8]["incompatibilities"][0]["type"], "TYPE_MISMATCH");
    assert_eq!(answers[8]["incompatibilities"][0]["location"], "/");
}

#[test]
fn one_pair_of_files() {
    let project = Project::empty();
    project.write(
        "new.avsc",
        r#"{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]}"#,
    );
    project.write("old.avsc", r#"{"type":"record","name":"A","fields":[]}"#);
    let run = project.run(&["compat", "old.avsc", "new.avsc"]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("compatible\n", ""));
    let run = project
        .run(&["compat", "new.avsc", "old.avsc"])
        .exits(1)
        .expect("compat-pair");
    assert_eq!(run.stdout, "incompatible\n");
    let run = project
        .run(&["compat", "new.avsc", "old.avsc", "--format", "json"])
        .exits(1);
    let wanted = r#"{"result":"incompatible","incompatibilities":[{"type":"READER_FIELD_MISSING_DEFAULT_VALUE","location":"/fields/0","message":"x"}]}"#;
    assert_eq!(run.stdout.trim_end(), wanted);
    project.write("old.avsc", "{");
    project
        .run(&["compat", "new.avsc", "old.avsc"])
        .exits(2)
        .says("old.avsc:1:");
    project
        .run(&["compat", "new.avsc", "nowhere.avsc"])
        .exits(2)
        .says("nowhere.avsc cannot be read");
    project.run(&["compat", "new.avsc"]).exits(2).says("Usage:");
    project
        .run(&["compat", "--jsonl", "new.avsc", "old.avsc"])
        .exits(2);
}
