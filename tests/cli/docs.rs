//! `docs`: written once, then compared.

use crate::harness::Project;

#[test]
fn the_document_is_written_and_compared() {
    let project = Project::new();
    project.run(&["docs", "--check"]).exits(1).expect("docs-missing");
    project
        .run(&["docs"])
        .exits(0)
        .says("wrote docs/kafka_schemas.md");
    project
        .run(&["docs"])
        .exits(0)
        .says("docs/kafka_schemas.md is up to date");
    project.run(&["docs", "--check"]).exits(0);
    project.change("fleetops-registry.toml", "Orders as they come in", "Orders");
    project.run(&["docs", "--check"]).exits(1).expect("docs-stale");
    let shown = project.run(&["docs", "--out", "-"]).exits(0).stdout;
    project.run(&["docs"]).exits(0);
    assert_eq!(project.read("docs/kafka_schemas.md"), shown);
}

#[test]
fn an_example_that_does_not_fit_is_told() {
    let project = Project::new();
    project.write(
        "schemas/examples/Refund.json",
        "{ \"order_id\": \"1\", \"amount\": \"2\", \"channel\": \"WEB\" }",
    );
    project.run(&["docs"]).exits(2).expect("docs-example");
    project.write(
        "schemas/examples/Refund.json",
        "{ \"order_id\": \"1\", \"amount\": 2, \"channel\": \"WEB\" }",
    );
    project.run(&["docs"]).exits(0);
    assert!(
        project
            .read("docs/kafka_schemas.md")
            .contains("{ \"order_id\": \"1\", \"amount\": 2,")
    );
}

#[test]
fn the_committed_document_is_up_to_date() {
    let root = env!("CARGO_MANIFEST_DIR");
    let manifest = format!("{root}/fleetops-registry.toml");
    Project::empty()
        .run(&["--manifest", &manifest, "docs", "--check"])
        .exits(0);
}

/// The document tells people what the runtime does, and is written by a crate that cannot see the runtime.
#[test]
fn the_settings_told_are_those_of_the_runtime() {
    use fleetops_codegen::docs::{CONSUMER_SETTINGS, PRODUCER_SETTINGS};
    let runtime = |file: &str| {
        let path = format!("{}/runtime/src/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let sides = [
        (runtime("consumer/builder.rs"), &CONSUMER_SETTINGS[..]),
        (runtime("producer/builder.rs"), &PRODUCER_SETTINGS[..]),
    ];
    for (text, settings) in sides {
        for (name, value, _) in settings {
            let forms = [
                format!("(\"{name}\", \"{value}\")"),
                format!("key: \"{name}\", values: &[\"{value}\""),
                format!("{name}: {value},"),
            ];
            assert!(forms.iter().any(|form| text.contains(form)), "{name}={value}");
        }
    }
}

/// The JSON of an event's section.
fn example(document: &str, topic: &str) -> String {
    let section = document.split(&format!("\n## `{topic}`\n")).nth(1).unwrap();
    let json = section.split("```json\n").nth(1).unwrap();
    json.split("\n```").next().unwrap().to_owned()
}

/// Parses into the generated type, keeps its rules, and prints back the same.
#[track_caller]
fn holds<E>(json: &str, validate: impl Fn(&E) -> bool)
where
    E: serde::de::DeserializeOwned + serde::Serialize,
{
    let event: E = serde_json::from_str(json).unwrap();
    assert!(validate(&event), "{json}");
    let written: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_value(&event).unwrap(), written);
}

#[test]
fn the_examples_are_events() {
    use fleetops_registry::events::{
        AnomalyEvent, OperatorActionEvent, OperatorAlertEvent, RawTelemetryEvent,
    };
    let project = Project::fleet();
    project.run(&["docs"]).exits(0);
    let written = project.read("docs/kafka_schemas.md");
    // Without the example files they are made up.
    project.remove("schemas/examples");
    project.run(&["docs"]).exits(0);
    let made_up = project.read("docs/kafka_schemas.md");
    assert_ne!(written, made_up);
    for document in [&written, &made_up] {
        holds::<RawTelemetryEvent>(&example(document, "raw_telemetry"), |e| e.validate().is_ok());
        holds::<AnomalyEvent>(&example(document, "anomalies"), |e| e.validate().is_ok());
        holds::<OperatorAlertEvent>(&example(document, "operator_alerts"), |e| e.validate().is_ok());
        holds::<OperatorActionEvent>(&example(document, "operator_actions"), |e| e.validate().is_ok());
    }
}
