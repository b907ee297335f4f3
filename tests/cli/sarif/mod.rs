//! What `--format sarif` writes, by every command that writes it, is valid by the schema that OASIS publishes.
//!
//! Formats of texts are checked too: an address that is no URI reference is refused by the services that read these logs.

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::harness::{Project, Run};
use crate::servers::Registry;
use crate::tree;

fn validator() -> Validator {
    // One of its patterns has a bracket too many, and a strict reader takes it for none.
    let (wrong, right) = ("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}?$");
    let text = include_str!("sarif-schema-2.1.0.json").replace(wrong, right);
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

/// The log, with so many results in it.
#[track_caller]
fn valid(validator: &Validator, run: &Run, results: std::ops::RangeInclusive<usize>) -> Value {
    let log: Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{error}\n{}\n{}", run.stdout, run.stderr));
    let wrong: Vec<String> = validator
        .iter_errors(&log)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(wrong, Vec::<String>::new(), "{}", run.stdout);
    let found = log["runs"][0]["results"].as_array().unwrap().len();
    assert!(results.contains(&found), "{found} results\n{}", run.stdout);
    log
}

#[test]
fn every_log_is_valid() {
    let validator = validator();
    let project = Project::new();
    let run = |arguments: &[&str]| project.run(&[arguments, &["--format", "sarif"]].concat());

    // Nothing found, little found, and a file with a name that no URI may have.
    valid(
        &validator,
        &run(&["check", "--against", "released"]).exits(0),
        0..=0,
    );
    project.write(
        "schemas/as it is [ü].avsc",
        r#"{"type":"record","name":"kind","fields":[{"name":"A-b","type":"int"}]}"#,
    );
    valid(&validator, &run(&["lint"]).exits(2), 1..=9);
    project.write(
        "schemas/as it is [ü].avsc",
        r#"{"type":"record","name":"kind","fields":[{"name":"type","type":"float","logicalType":"decimal"}]}"#,
    );
    let lint = valid(&validator, &run(&["lint"]), 1..=50);
    assert!(
        lint.to_string()
            .contains("schemas/as%20it%20is%20%5B%C3%BC%5D.avsc"),
        "{lint}"
    );
    valid(&validator, &run(&["fmt", "--check"]).exits(1), 1..=9);
    project.run(&["fmt"]).exits(0);
    valid(&validator, &run(&["fmt", "--check"]).exits(0), 0..=0);
    project.remove("schemas/as it is [ü].avsc");

    // Two places: the schema and the one that it breaks with.
    project.change(
        "schemas/Order.avsc",
        r#""amount", "type": "long""#,
        r#""amount", "type": "string""#,
    );
    let check = valid(
        &validator,
        &run(&["check", "--against", "released"]).exits(1),
        1..=9,
    );
    assert!(
        check["runs"][0]["results"][0]["relatedLocations"][0].is_object(),
        "{check}"
    );
    project.change(
        "schemas/Order.avsc",
        r#""amount", "type": "string""#,
        r#""amount", "type": "long""#,
    );

    // Output that is missing, the same that is stale, and that is as it should be.
    for (write, stale) in [
        (&["generate", "--out", "code"][..], "code/mod.rs"),
        (&["docs"][..], "docs/kafka_schemas.md"),
    ] {
        let compare = [write, &["--check"]].concat();
        valid(&validator, &run(&compare).exits(1), 1..=9);
        project.run(write).exits(0);
        valid(&validator, &run(&compare).exits(0), 0..=0);
        project.write(stale, "// another text\n");
        valid(&validator, &run(&compare).exits(1), 1..=1);
    }
    let pair = |reader: &str, writer: &str| run(&["compat", reader, writer]);
    let (order, channel) = (
        "released/schemas/Refund.avsc",
        "released/schemas/common/Channel.avsc",
    );
    valid(&validator, &pair(channel, channel).exits(0), 0..=0);
    project.write("other.avsc", "\"int\"");
    valid(&validator, &pair(channel, "other.avsc").exits(1), 1..=1);
    valid(&validator, &pair(order, channel).exits(2), 1..=9);
    project
        .run(&["templates", "export", "--out", "templates"])
        .exits(0);
    let templates = ["templates", "check", "--templates", "templates"];
    valid(&validator, &run(&templates).exits(0), 0..=0);
    project.change("templates/record.hbs", "{{", "{{#");
    let wrong = run(&templates);
    assert!(matches!(wrong.code, 1 | 2), "{wrong:?}");
    valid(&validator, &wrong, 1..=9);

    let registry = Registry::start();
    let verify = || registry.run(&project, &["lock", "verify", "--format", "sarif"]);
    valid(&validator, &verify().exits(1), 1..=1);
    registry.run(&project, &["lock", "update"]).exits(0);
    valid(&validator, &verify().exits(0), 0..=0);
    registry.register("orders-value", "\"int\"");
    valid(&validator, &verify().exits(1), 1..=9);

    // What cannot be read is a result too.
    project.change("fleetops-registry.toml", "partitions = 3", "partitons = 3");
    for command in [
        &["check", "--against", "released"][..],
        &["lint"],
        &["generate", "--out", "code", "--check"],
        &["docs", "--check"],
    ] {
        valid(&validator, &run(command).exits(2), 1..=9);
    }
}

/// The test above runs every command that writes this format: the others say that they do not.
#[test]
fn no_other_command_writes_it() {
    let project = Project::new();
    let writing = [
        "check",
        "compat",
        "docs",
        "fmt",
        "generate",
        "lint",
        "lock verify",
        "templates check",
    ];
    let mut others = Vec::new();
    // What each needs to be understood at all.
    let arguments = |command: &str| -> &[&str] {
        match command {
            "diff" => &["a", "b"],
            "explain" => &["lock-stale"],
            "schema canonical" | "schema fingerprint" | "schema parse" => &["a"],
            "decode" => &["--writer", "a", "--hex", "02"],
            "templates export" => &["--out", "t"],
            "config set" => &["FULL"],
            "config unset" | "mode unset" => &["--subject", "s"],
            "mode set" => &["READWRITE"],
            "subjects get"
            | "subjects delete"
            | "produce"
            | "consume"
            | "dead-letters list"
            | "dead-letters replay" => &["orders"],
            "groups reset" => &["g", "--to", "earliest"],
            "completions" => &["bash"],
            _ => &[],
        }
    };
    for command in tree::commands() {
        if writing.contains(&command.as_str()) {
            continue;
        }
        let mut words: Vec<&str> = command.split(' ').collect();
        words.extend(arguments(&command));
        words.extend(["--format", "sarif"]);
        let run = project.run(&words);
        if run.code != 2 || !run.stderr.contains("this command does not write sarif") {
            others.push(format!("{words:?}: {}", run.stderr));
        }
    }
    assert_eq!(others, Vec::<String>::new());
}

/// The validator and the schema refuse what is wrong: else the test above would say nothing.
#[test]
fn planted_mistakes_are_found() {
    let validator = validator();
    let project = Project::new();
    project.change(
        "schemas/Order.avsc",
        r#""amount", "type": "long""#,
        r#""amount", "type": "string""#,
    );
    let run = project.run(&["check", "--against", "released", "--format", "sarif"]);
    let log = valid(&validator, &run, 1..=9);
    let region = "/runs/0/results/0/locations/0/physicalLocation/region/startLine";
    let address = "/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri";
    for (at, value) in [
        ("/version", json!("2.0.0")),
        ("/runs/0/results/0/level", json!("fatal")),
        ("/runs/0/results/0/message", json!("a text alone")),
        ("/runs/0/tool/driver/name", json!(null)),
        (region, json!(0)),
        (address, json!("schemas/a b.avsc")),
    ] {
        let mut wrong = log.clone();
        *wrong.pointer_mut(at).unwrap() = value;
        assert!(!validator.is_valid(&wrong), "{at}");
    }
    let mut more = log.clone();
    more["runs"][0]["results"][0]["column"] = json!(1);
    assert!(!validator.is_valid(&more));
}
