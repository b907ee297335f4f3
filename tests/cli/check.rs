//! `check` against a folder: what it finds, and at which level.

use crate::harness::{CHANNEL, MANIFEST, ORDER, Project};

const AGAINST: [&str; 3] = ["check", "--against", "released"];

#[test]
fn unchanged_schemas_are_clean() {
    let run = Project::new().run(&AGAINST).exits(0).expect("clean");
    assert_eq!(run.stdout, "");
    Project::new()
        .run(&["-q", "check", "--against", "released"])
        .exits(0)
        .expect("quiet");
}

#[test]
fn a_removed_field_without_default_is_found() {
    let project = Project::new();
    project.change(
        "schemas/Order.avsc",
        "    { \"name\": \"amount\", \"type\": \"long\" },\n",
        "",
    );
    project.run(&AGAINST).exits(1).expect("removed-field");
}

#[test]
fn a_changed_type_is_found() {
    let project = Project::new();
    project.change(
        "schemas/Order.avsc",
        "\"amount\", \"type\": \"long\"",
        "\"amount\", \"type\": \"string\"",
    );
    project.run(&AGAINST).exits(1).expect("changed-type");
}

#[test]
fn a_renamed_record_is_one_finding_at_its_name() {
    let project = Project::new();
    project.change("schemas/Order.avsc", "\"Order\"", "\"Purchase\"");
    project
        .run(&AGAINST)
        .exits(1)
        .expect("renamed-record")
        .does_not_say("unknown-type");
    // The old side is laid out otherwise: names of files have to do.
    project.remove("released/fleetops-registry.toml");
    project.run(&AGAINST).exits(1).says("[name-changed]");
    project.write("released/fleetops-registry.toml", MANIFEST);
    project.change("fleetops-registry.toml", "shop.Order", "shop.Purchase");
    project
        .run(&AGAINST)
        .exits(1)
        .says("schemas/Order.avsc:3:11")
        .says("[name-changed]");
    // The old side has no manifest, so the file has to tell.
    project
        .run(&["check", "--against", "released/schemas"])
        .exits(1)
        .says("[name-changed]");
    // The file was renamed with it: the topic tells.
    project.write("schemas/Purchase.avsc", &project.read("schemas/Order.avsc"));
    project.remove("schemas/Order.avsc");
    project
        .run(&AGAINST)
        .exits(1)
        .says("schemas/Purchase.avsc:3:11")
        .says("[name-changed]");
}

#[test]
fn a_removed_schema_is_an_error_where_a_topic_carries_it() {
    let project = Project::new();
    project.remove("schemas/Order.avsc");
    project.run(&AGAINST).exits(1).expect("removed-schema");
    // Topic and schema gone together: a topic was retired.
    let (before, rest) = MANIFEST_PARTS;
    project.write("fleetops-registry.toml", &format!("{before}{rest}"));
    project
        .run(&AGAINST)
        .exits(0)
        .says("warning[schema-removed]: shop.Order is gone");
}

/// The manifest without topic `orders`.
const MANIFEST_PARTS: (&str, &str) = (
    "[schemas]\nroots = [\"schemas\"]\n\n[defaults]\ncompatibility = \"FULL_TRANSITIVE\"\n\n",
    "[topics.refunds]\nvalue = \"shop.Refund\"\nkey = \"order_id\"\npartitions = 3\n",
);

#[test]
fn the_levels_of_manifest_and_flag_count() {
    let project = Project::new();
    // Topic `refunds` is BACKWARD: a removed field is fine, a new one without default is not.
    project.change(
        "schemas/Refund.avsc",
        "    { \"name\": \"amount\", \"type\": \"long\" },\n",
        "",
    );
    project.run(&AGAINST).exits(0);
    project
        .run(&["check", "--against", "released", "--mode", "forward"])
        .exits(1)
        .says("refunds-value has compatibility FORWARD");
    project
        .run(&["check", "--against", "released", "--mode", "none"])
        .exits(0);
    let run = project
        .run(&["check", "--against", "released", "--mode", "sideways"])
        .exits(2);
    run.says("`sideways` is not a compatibility level");

    let project = Project::new();
    project.change(
        "schemas/Refund.avsc",
        "[\n",
        "[\n    { \"name\": \"reason\", \"type\": \"string\" },\n",
    );
    project.run(&AGAINST).exits(1).says("schemas/Refund.avsc:6:");
    project
        .run(&["check", "--against", "released", "--mode", "FORWARD_TRANSITIVE"])
        .exits(0)
        .says("the only one looked at");
}

#[test]
fn what_subjects_share_is_told_once_with_both() {
    let project = Project::new();
    project.write(
        "schemas/common/Channel.avsc",
        &CHANNEL.replace("\"STORE\"", "\"SHOP\""),
    );
    let run = project.run(&AGAINST).exits(1).expect("shared-enum");
    assert_eq!(
        run.stderr.matches("error[").count(),
        2,
        "one finding a direction: {}",
        run.stderr
    );
}

#[test]
fn a_new_subject_is_no_error() {
    let project = Project::new();
    project.write("schemas/Visit.avsc", &ORDER.replace("\"Order\"", "\"Visit\""));
    project.run(&AGAINST).exits(0).says("; 1 new");
}

#[test]
fn a_schema_change_that_breaks_the_manifest_is_a_finding() {
    let project = Project::new();
    project.change(
        "schemas/Order.avsc",
        "\"customer\", \"type\": \"string\"",
        "\"customer\", \"type\": \"double\"",
    );
    project
        .run(&["check", "--against", "released", "--mode", "none"])
        .exits(1)
        .says("error[key-type]");
    project
        .run(&AGAINST)
        .exits(1)
        .says("error[key-type]")
        .says("error[type-changed]");
    // A manifest that never fitted is another matter.
    project.change(
        "fleetops-registry.toml",
        "key        = \"customer\"",
        "key        = \"custommer\"",
    );
    project.run(&AGAINST).exits(2).says("error[unknown-field]");
}

#[test]
fn without_a_manifest_every_file_is_a_subject() {
    let project = Project::new();
    project.change(
        "schemas/Order.avsc",
        "[\n",
        "[\n    { \"name\": \"vat\", \"type\": \"int\" },\n",
    );
    let run = project.run(&["--schemas", "schemas", "check", "--against", "released/schemas"]);
    run.exits(1)
        .says("3 schemas")
        .says("(BACKWARD)")
        .says("shop.Order has compatibility BACKWARD");
    project.remove("schemas/Refund.avsc");
    let run = project.run(&[
        "--schemas",
        "schemas",
        "check",
        "--against",
        "released/schemas",
        "--mode",
        "FORWARD",
    ]);
    run.exits(0).says("warning[schema-removed]: shop.Refund is gone");
    // One file with one file, whatever they are called.
    project.write(
        "new.avsc",
        r#"{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]}"#,
    );
    project.write("old.avsc", r#"{"type":"record","name":"A","fields":[]}"#);
    project
        .run(&["--schemas", "new.avsc", "check", "--against", "old.avsc"])
        .exits(1)
        .says("new.avsc:1:");
    project.change("new.avsc", "\"A\"", "\"B\"");
    project.change("new.avsc", "\"int\"", "\"int\",\"default\":0");
    project
        .run(&["--schemas", "new.avsc", "check", "--against", "old.avsc"])
        .exits(1)
        .says("[name-changed]");
}

#[test]
fn machine_formats_go_to_standard_output() {
    let project = Project::new();
    project.change(
        "schemas/Order.avsc",
        "    { \"name\": \"amount\", \"type\": \"long\" },\n",
        "",
    );
    let run = project
        .run(&["check", "--against", "released", "--format", "json"])
        .exits(1)
        .does_not_say("error[");
    let found: Vec<serde_json::Value> = run
        .stdout
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["rule"], "field-removed-without-default");
    assert_eq!(found[0]["severity"], "error");
    assert_eq!(found[0]["place"]["file"], "schemas/Order.avsc");
    assert_eq!(found[0]["place"]["line"], 3);
    assert_eq!(found[0]["related"][0]["file"], "released/schemas/Order.avsc");
    let run = project
        .run(&["check", "--against", "released", "--format", "github"])
        .exits(1);
    let first = "::error file=schemas/Order.avsc,line=3,col=11,endLine=3,endColumn=18,title=field-removed-without-default::";
    assert!(run.stdout.starts_with(first), "{}", run.stdout);
    assert_eq!(run.stdout.lines().count(), 1);
    project.write("schemas/Order.avsc", "{");
    let run = project
        .run(&["check", "--against", "released", "--format", "json"])
        .exits(2);
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap()["place"]["file"],
        "schemas/Order.avsc"
    );
    project
        .run(&["check", "--against", "released", "--format", "markdown"])
        .exits(2)
        .says("does not write markdown");
}

#[test]
fn the_fleets_own_schemas_are_held_to_their_level() {
    let project = Project::fleet();
    project
        .run(&AGAINST)
        .exits(0)
        .says("4 subjects compatible with released (FULL_TRANSITIVE)");
    let raw = "schemas/RawTelemetryEvent.avsc";
    let text = project.read(raw);
    let start = text.find("    {\n      \"name\": \"scene_id\"").unwrap();
    let end = text.find("    {\n      \"name\": \"track_id\"").unwrap();
    project.write(raw, &format!("{}{}", &text[..start], &text[end..]));
    let run = project
        .run(&AGAINST)
        .exits(1)
        .says("field-removed-without-default")
        .says("`scene_id` is no longer here");
    run.says("schemas/RawTelemetryEvent.avsc:3:11")
        .says("raw_telemetry-value has compatibility FULL_TRANSITIVE");
}

#[test]
fn a_registry_that_is_named_and_not_asked_is_told() {
    const NOTE: &str = "note: --registry says where the registry is, and it was not asked";
    let url = ["--registry", "http://127.0.0.1:9"];
    let project = Project::new();
    project
        .run(&[&AGAINST[..], &url].concat())
        .exits(0)
        .says(NOTE)
        .says("--against registry");
    project
        .run(&[&AGAINST[..], &url, &["--quiet"]].concat())
        .exits(0)
        .does_not_say(NOTE);
    project
        .run(&[&["check", "--against", "registry"][..], &url].concat())
        .exits(3)
        .does_not_say(NOTE);
    // Where it is said for every command, it says nothing about this one.
    let mut command = project.command(&AGAINST);
    let out = command.env("SCHEMA_REGISTRY_URL", url[1]).output().unwrap();
    assert!(out.status.success());
    assert!(!String::from_utf8_lossy(&out.stderr).contains(NOTE), "{out:?}");
}
