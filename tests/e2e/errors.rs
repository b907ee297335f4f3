//! The errors of brokers in `docs/errors.md`, on a real Kafka. Those of the registry are in `tests/cli/errors.rs`.

use std::path::Path;

use crate::project::Project;
use crate::stack::stack;

const SCHEMA: &str =
    r#"{"type":"record","name":"Event","namespace":"errors","fields":[{"name":"id","type":"string"}]}"#;

/// What the page says is told of an error, and the exit code.
fn told(error: &str) -> (String, i32) {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md")).unwrap();
    let row = page
        .lines()
        .find(|line| line.starts_with(&format!("| {error} |")))
        .unwrap_or_else(|| panic!("docs/errors.md has no row {error}"));
    let cells: Vec<&str> = row.split(" | ").collect();
    (cells[1].trim_matches('`').to_owned(), cells[2].parse().unwrap())
}

fn refused(tag: &str, topic: &str, (told, exit): (String, i32)) {
    let Some(stack) = stack() else { return };
    let manifest = format!(
        "[schemas]\nroots = [\"schemas\"]\n\n[topics.errors-{tag}]\nvalue = \"errors.Event\"\npartitions = 1\n{topic}\n\n\
         [env.dev]\nbootstrap = \"localhost:9092\"\n"
    );
    let project = Project::new(tag, &manifest, &[("Event.avsc", SCHEMA)]);
    project
        .run(stack, &["topics", "apply", "--yes"])
        .exits(exit)
        .says(&told)
        .says("nothing was changed");
}

#[test]
fn a_refused_setting_is_told() {
    refused(
        "value",
        "config = { \"retention.ms\" = \"soon\" }",
        told("refused-topic"),
    );
}

#[test]
fn an_unknown_setting_is_told() {
    refused(
        "name",
        "config = { \"retention.sm\" = \"1000\" }",
        told("unknown-setting"),
    );
}

#[test]
fn more_copies_than_brokers_are_told() {
    refused("copies", "replication-factor = 3", told("replication-too-high"));
}
