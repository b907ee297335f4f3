//! `schema`: canonical form, fingerprint, parse.

use std::path::PathBuf;

use serde_json::Value;

use crate::harness::Project;

#[test]
fn the_specifications_computations() {
    let project = Project::empty();
    project.write("a.avsc", "{ \"type\": \"int\", \"doc\": \"x\" } // end");
    let run = project.run(&["schema", "canonical", "a.avsc"]).exits(2);
    run.says("a.avsc:1:31")
        .says("there is text after the end of the schema");
    project.write("a.avsc", "{ \"type\": \"int\", /* hm */ \"doc\": \"x\" }");
    assert_eq!(
        project.run(&["schema", "canonical", "a.avsc"]).exits(0).stdout,
        "\"int\"\n"
    );
    // Avro 1.12 specification, test vectors of Java's SchemaNormalization: the fingerprint of "int".
    assert_eq!(
        project.run(&["schema", "fingerprint", "a.avsc"]).exits(0).stdout,
        "7275d51a3f395c8f\n"
    );
    assert_eq!(
        project
            .run_with(&["schema", "fingerprint", "-"], "\"null\"")
            .exits(0)
            .stdout,
        "63dd24e7cc258f8a\n"
    );
    let run = project
        .run(&["schema", "parse", "a.avsc", "--format", "json"])
        .exits(0);
    assert_eq!(
        run.stdout,
        "{\"ok\":true,\"canonical\":\"\\\"int\\\"\",\"crc64\":\"7275d51a3f395c8f\"}\n"
    );
    project
        .run_with(&["schema", "parse", "-"], "{")
        .exits(2)
        .says("<stdin>:1:");
}

#[test]
fn batches_give_javas_answers() {
    let project = Project::empty();
    let input = "{\"id\":1,\"schema\":\"int\"}\n{\"id\":2,\"schema\":\"itn\"}\n{\"id\":3}\n";
    let run = project.run_with(&["schema", "parse", "--jsonl"], input).exits(0);
    let answers: Vec<Value> = run
        .stdout
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(answers[0]["crc64"], "7275d51a3f395c8f");
    assert_eq!(
        (&answers[1]["ok"], &answers[2]["ok"]),
        (&Value::Bool(false), &Value::Bool(false))
    );
    let Some(data) = std::env::var_os("FLEETOPS_TEST_DATA").map(PathBuf::from) else {
        println!("skipped: FLEETOPS_TEST_DATA is not set");
        return;
    };
    let corpus = std::fs::read_to_string(data.join("oracle/corpus/parse_cases.jsonl")).unwrap();
    let run = project
        .run_with(&["schema", "parse", "--jsonl"], &corpus)
        .exits(0);
    for (java, ours) in corpus.lines().zip(run.stdout.lines()) {
        let (java, ours): (Value, Value) = (
            serde_json::from_str(java).unwrap(),
            serde_json::from_str(ours).unwrap(),
        );
        for key in ["id", "ok", "canonical", "crc64"] {
            assert_eq!(java[key], ours[key], "{key} of {java}");
        }
    }
}
