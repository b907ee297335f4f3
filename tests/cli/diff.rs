//! `diff`: text, JSON, exit codes.

use serde_json::Value;

use crate::harness::Project;

const OLD: &str = r#"{"type": "record", "name": "P", "fields": [
  {"name": "x", "type": "int"}]}"#;
const NEW: &str = r#"{"type": "record", "name": "P", "fields": [
  {"name": "x", "type": "long"}, {"name": "y", "type": "int"}]}"#;

#[test]
fn what_changed_is_told_and_not_judged() {
    let project = Project::empty();
    project.write("old.avsc", OLD);
    project.write("new.avsc", NEW);
    let run = project.run(&["diff", "old.avsc", "new.avsc"]).exits(0);
    let wanted = "\
x: int became long  [type-widened]
  old old.avsc:2:25, new new.avsc:2:25
  new readers of old data: resolved: int is promoted to long
  old readers of new data: breaks: TYPE_MISMATCH at /fields/0/type

y: field y was added, of type int without a default  [field-added]
  old old.avsc:1:28, new new.avsc:2:43
  new readers of old data: breaks: READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1
  old readers of new data: resolved: the field is skipped

2 changes; strongest level that holds: NONE
no order of upgrades works: write to a new topic, or change the schema in steps that are compatible
";
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (wanted, ""));
    let run = project.run_with(&["diff", "-", "old.avsc"], OLD).exits(0);
    assert_eq!(run.stdout, "no changes\n");
}

#[test]
fn json_has_its_documented_shape() {
    let project = Project::empty();
    project.write("old.avsc", OLD);
    project.write("new.avsc", &OLD.replace("\"int\"", "\"long\""));
    let run = project
        .run(&["diff", "old.avsc", "new.avsc", "--format", "json"])
        .exits(0);
    assert_eq!(run.stdout.lines().count(), 1);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["level"], "BACKWARD");
    assert_eq!(report["upgrade_first"], "consumers");
    let change = &report["changes"][0];
    assert_eq!(change["kind"], "type-widened");
    assert_eq!(
        change["new"],
        serde_json::json!({"file": "new.avsc", "line": 2, "column": 25})
    );
    assert_eq!(change["old_readers"]["type"], "TYPE_MISMATCH");
}

#[test]
fn what_cannot_be_read_is_told() {
    let project = Project::empty();
    project.write("old.avsc", OLD);
    project.write("bad.avsc", "{");
    project
        .run(&["diff", "old.avsc", "bad.avsc"])
        .exits(2)
        .says("bad.avsc:1:");
    project
        .run(&["diff", "old.avsc", "none.avsc"])
        .exits(2)
        .says("none.avsc cannot be read");
    project
        .run(&["diff", "-", "-"])
        .exits(2)
        .says("only one of the two schemas");
    project.run(&["diff", "old.avsc"]).exits(2).says("Usage:");
    project
        .run(&["diff", "old.avsc", "old.avsc", "--format", "github"])
        .exits(2)
        .says("--format text or json");
}
