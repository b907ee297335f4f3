//! Several files as one set: any order, references both ways, and errors in the right file.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use std::sync::Arc;

use fleetops_avro::{Diagnostic, SchemaSet, Source};

fn sources(files: &[(&str, &str)]) -> Vec<Arc<Source>> {
    files
        .iter()
        .map(|(name, text)| Source::new(*name, *text))
        .collect()
}

fn errors(files: &[(&str, &str)]) -> Vec<Diagnostic> {
    SchemaSet::parse(&sources(files)).unwrap_err().diagnostics
}

const UNIT: &str = r#"{"type":"enum","name":"a.Unit","symbols":["M","S"]}"#;
const READING: &str =
    r#"{"type":"record","name":"a.Reading","fields":[{"name":"unit","type":"Unit","default":"M"}]}"#;
const BATCH: &str = r#"{"type":"array","items":"a.Reading"}"#;

#[test]
fn any_order_gives_the_same_schemas() {
    let files = [("batch", BATCH), ("reading", READING), ("unit", UNIT)];
    let mut seen = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 2, 1], [1, 2, 0], [2, 0, 1]] {
        let set = SchemaSet::parse(&sources(&order.map(|i| files[i]))).unwrap();
        let names: Vec<&str> = set.files().map(|(s, _)| s.name()).collect();
        assert_eq!(names, order.map(|i| files[i].0), "files stay in the order given");
        let (_, root) = set.files().find(|(s, _)| s.name() == "batch").unwrap();
        seen.push(set.schema(root).text());
    }
    seen.dedup();
    assert_eq!(
        seen,
        [
            r#"{"type":"array","items":{"type":"record","name":"Reading","namespace":"a","fields":[{"name":"unit","type":{"type":"enum","name":"Unit","symbols":["M","S"]},"default":"M"}]}}"#
        ]
    );
}

#[test]
fn files_may_refer_to_each_other() {
    let files = [
        (
            "a",
            r#"{"type":"record","name":"x.A","fields":[{"name":"b","type":["null","B"],"default":null}]}"#,
        ),
        (
            "b",
            r#"{"type":"record","name":"x.B","fields":[{"name":"a","type":["null","A"],"default":null}]}"#,
        ),
    ];
    let set = SchemaSet::parse(&sources(&files)).unwrap();
    let names: Vec<String> = set.named().map(|(name, _)| name.to_string()).collect();
    assert_eq!(names, ["x.A", "x.B"]);
    let text = set.get("x.B").unwrap().text();
    assert_eq!(
        text,
        r#"{"type":"record","name":"B","namespace":"x","fields":[{"name":"a","type":["null",{"type":"record","name":"A","fields":[{"name":"b","type":["null","B"],"default":null}]}],"default":null}]}"#
    );
}

#[test]
fn errors_stand_in_the_right_file_and_all_are_told() {
    let found = errors(&[
        (
            "one.avsc",
            r#"{"type":"record","name":"One","fields":[{"name":"x","type":"Tow"}]}"#,
        ),
        ("broken.avsc", "{"),
        (
            "two.avsc",
            r#"{"type":"record","name":"Two","fields":[{"name":"x"}]}"#,
        ),
    ]);
    let told: Vec<String> = found
        .iter()
        .map(|d| format!("{} {}", d.rule, d.primary.place))
        .collect();
    assert_eq!(
        told,
        [
            "unknown-type one.avsc:1:60",
            "invalid-json broken.avsc:1:2",
            "missing-field-type two.avsc:1:42"
        ]
    );
    assert_eq!(found[0].help.as_deref(), Some("did you mean \"Two\"?"));
    assert_eq!(found[0].related[0].place.source.name(), "two.avsc");
}

#[test]
fn a_type_of_two_files_is_one_if_both_are_equal() {
    let same = [("reading", READING), ("unit", UNIT), ("copy", UNIT)];
    let set = SchemaSet::parse(&sources(&same)).unwrap();
    let roots: Vec<_> = set.files().map(|(_, id)| id).collect();
    assert_eq!(roots[1], roots[2], "both files have the one type at their top");

    let other = r#"{"type":"enum","name":"Unit","namespace":"a","symbols":["M"]}"#;
    let found = errors(&[("unit.avsc", UNIT), ("other.avsc", other)]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].rule, "duplicate-type");
    assert_eq!(found[0].primary.place.to_string(), "other.avsc:1:23");
    assert_eq!(found[0].related[0].place.to_string(), "unit.avsc:1:23");
}

#[test]
fn what_hangs_on_a_broken_type_is_not_told_again() {
    let found = errors(&[
        (
            "unit.avsc",
            r#"{"type":"enum","name":"a.Unit","symbols":["M","M"]}"#,
        ),
        ("reading.avsc", READING),
        ("batch.avsc", BATCH),
    ]);
    let rules: Vec<&str> = found.iter().map(|d| d.rule).collect();
    assert_eq!(rules, ["duplicate-symbol"]);

    let unfinished = UNIT.trim_end_matches('}');
    let found = errors(&[("unit.avsc", unfinished), ("reading.avsc", READING)]);
    let rules: Vec<&str> = found.iter().map(|d| d.rule).collect();
    assert_eq!(rules, ["invalid-json"]);
}

#[test]
fn nothing_is_a_set_too() {
    let set = SchemaSet::parse(&[]).unwrap();
    assert_eq!(
        (set.files().count(), set.named().count(), set.warnings().len()),
        (0, 0, 0)
    );
    assert!(set.get("a.Unit").is_none());
}
