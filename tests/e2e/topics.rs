//! `topics plan|apply|list`.

use std::collections::BTreeMap;

use rdkafka::admin::{AdminClient, AdminOptions, ConfigSource, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use serde_json::{Value, json};

use crate::project::Project;
use crate::stack::{Stack, stack};

const MANIFEST: &str = r#"
[topics.keyed-TAG]
value      = "e2e.Event"
key        = "id"
partitions = 2
config     = { "retention.ms" = "1000000", "segment.bytes" = "10485760" }

[topics.free-TAG]
value      = "e2e.Event"
partitions = 2

[env.dev]
bootstrap = "localhost:9092"
"#;

const EVENT: &str =
    r#"{"type":"record","name":"Event","namespace":"e2e","fields":[{"name":"id","type":"string"}]}"#;

fn project(tag: &str) -> Project {
    Project::new(tag, MANIFEST, &[("Event", EVENT)])
}

/// What `topics list` says of a topic.
fn listed(project: &Project, stack: &Stack, topic: &str) -> Value {
    let list = project
        .run(stack, &["topics", "list", "--format", "json"])
        .exits(0);
    let line = list.lines().into_iter().find(|line| line["topic"] == topic);
    line.unwrap_or(Value::Null)
}

/// What the broker says is set on a topic itself, asked without the program.
fn settings(stack: &Stack, topic: &str) -> BTreeMap<String, String> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", stack.bootstrap())
        .create()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let asked = [ResourceSpecifier::Topic(topic)];
    let answer = runtime
        .block_on(admin.describe_configs(&asked, &AdminOptions::new()))
        .unwrap();
    let resource = answer.into_iter().next().unwrap().unwrap();
    resource
        .entries
        .into_iter()
        .filter(|entry| entry.source == ConfigSource::DynamicTopic)
        .map(|entry| (entry.name, entry.value.unwrap()))
        .collect()
}

fn pairs(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    of.iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
        .collect()
}

/// The fleet's topics are made, once. A part of [`crate::fleet`].
pub(crate) fn fleet(fleet: &Project, stack: &Stack) {
    let plan = fleet
        .run(stack, &["topics", "plan"])
        .exits(0)
        .says("8 topics to create");
    // Nothing was done, and nobody can be asked.
    fleet
        .run(stack, &["topics", "apply"])
        .exits(2)
        .says("--yes")
        .says(plan.stdout.trim_end());
    assert_eq!(listed(fleet, stack, "raw_telemetry")["state"], "missing");

    let made = fleet
        .run(stack, &["topics", "apply", "--yes", "--format", "json"])
        .exits(0);
    assert_eq!(made.actions(), ["create"; 8]);
    let list = fleet
        .run(stack, &["topics", "list", "--format", "json"])
        .exits(0)
        .lines();
    let partitions = |name: &str| {
        let line = list.iter().find(|line| line["topic"] == name).unwrap();
        assert_eq!(line["state"], "as wanted", "{line}");
        line["partitions"].as_u64().unwrap()
    };
    let names = [
        "raw_telemetry",
        "anomalies",
        "operator_alerts",
        "operator_actions",
    ];
    assert_eq!(names.map(partitions), [6, 6, 3, 3]);
    assert_eq!(names.map(|name| partitions(&format!("{name}.dlq"))), [6, 6, 3, 3]);
    assert_eq!(
        settings(stack, "raw_telemetry"),
        pairs(&[
            ("cleanup.policy", "delete"),
            ("message.timestamp.type", "LogAppendTime"),
            ("retention.ms", "604800000")
        ])
    );
    assert_eq!(
        settings(stack, "raw_telemetry.dlq"),
        pairs(&[("cleanup.policy", "delete"), ("retention.ms", "2592000000")])
    );
    // There is nothing to do, so nobody needs to say yes.
    let again = fleet
        .run(stack, &["topics", "apply", "--format", "json"])
        .exits(0);
    assert_eq!((again.actions().len(), again.lines().len()), (0, 8));
}

#[test]
fn settings_are_set_and_taken_away() {
    let Some(stack) = stack() else { return };
    let project = project("settings");
    let topic = "keyed-settings";
    project.run(stack, &["topics", "apply", "--yes"]).exits(0);
    assert_eq!(
        settings(stack, topic),
        pairs(&[("retention.ms", "1000000"), ("segment.bytes", "10485760")])
    );
    project.change(
        "fleetops-registry.toml",
        r#""retention.ms" = "1000000", "segment.bytes" = "10485760""#,
        r#""retention.ms" = "2000000", "cleanup.policy" = "compact,delete""#,
    );
    let plan = project.run(stack, &["topics", "plan"]).exits(0);
    for line in [
        "~ keyed-settings  set     cleanup.policy = compact,delete (was the cluster's default)",
        "~                 set     retention.ms = 2000000 (was 1000000)",
        "~                 unset   segment.bytes (was 10485760)",
    ] {
        assert!(plan.stdout.lines().any(|l| l == line), "{line}\n{}", plan.stdout);
    }
    let done = project
        .run(stack, &["topics", "apply", "--yes", "--format", "json"])
        .exits(0);
    assert_eq!(done.actions(), ["set", "set", "unset"]);
    assert!(
        done.lines()
            .iter()
            .all(|l| l["action"] == "no-change" || l["outcome"] == "done")
    );
    let now = pairs(&[("cleanup.policy", "compact,delete"), ("retention.ms", "2000000")]);
    assert_eq!(settings(stack, topic), now);
    assert_eq!(listed(&project, stack, topic)["config"], json!(now));
    let again = project
        .run(stack, &["topics", "apply", "--format", "json"])
        .exits(0);
    assert!(again.actions().is_empty(), "{}", again.stdout);
}

#[test]
fn a_topic_with_keys_grows_when_allowed_and_none_shrinks() {
    let Some(stack) = stack() else { return };
    let project = project("grow");
    project.run(stack, &["topics", "apply", "--yes"]).exits(0);
    let manifest = "fleetops-registry.toml";
    project.change(manifest, "partitions = 2", "partitions = 4");
    project.change(manifest, "partitions = 2", "partitions = 3");
    let refused = project.run(stack, &["topics", "apply", "--yes"]).exits(1);
    refused
        .says("growing from 2 to 4 partitions moves keys to other partitions")
        .says("--allow-rekey")
        .says("nothing was changed");
    // All or nothing: the one without keys may grow, and did not.
    assert_eq!(listed(&project, stack, "free-grow")["partitions"], 2);
    let done = project
        .run(
            stack,
            &["topics", "apply", "--yes", "--allow-rekey", "--format", "json"],
        )
        .exits(0);
    assert_eq!(done.actions(), ["grow", "grow"]);
    let partitions = |topic: &str| listed(&project, stack, topic)["partitions"].clone();
    assert_eq!(
        (partitions("keyed-grow"), partitions("free-grow")),
        (json!(4), json!(3))
    );
    assert!(
        project
            .run(stack, &["topics", "apply", "--format", "json"])
            .exits(0)
            .actions()
            .is_empty()
    );

    project.change(manifest, "partitions = 3", "partitions = 1");
    let shrinks = project
        .run(stack, &["topics", "plan", "--format", "json"])
        .exits(1);
    assert_eq!(shrinks.actions(), ["problem"]);
    shrinks.says("has 3 partitions and the manifest wants 1: a topic cannot shrink");
}

#[test]
fn what_the_brokers_would_refuse_is_told_before_anything_is_done() {
    let Some(stack) = stack() else { return };
    let project = project("refused");
    project.change("fleetops-registry.toml", r#""1000000""#, r#""soon""#);
    let refused = project.run(stack, &["topics", "apply", "--yes"]).exits(1);
    refused
        .says(r#"the cluster would refuse to create it with retention.ms = "soon""#)
        .says("nothing was changed");
    assert_eq!(listed(&project, stack, "free-refused")["state"], "missing");
    // The same of a topic that is there.
    project.change("fleetops-registry.toml", r#""soon""#, r#""1000000""#);
    project.run(stack, &["topics", "apply", "--yes"]).exits(0);
    project.change("fleetops-registry.toml", r#""1000000""#, r#""soon""#);
    project.change(
        "fleetops-registry.toml",
        "partitions = 2\n\n",
        "partitions = 3\n\n",
    );
    project
        .run(stack, &["topics", "apply", "--yes"])
        .exits(1)
        .says("Invalid value soon for configuration retention.ms");
    assert_eq!(listed(&project, stack, "free-refused")["partitions"], 2);
}

#[test]
fn copies_that_differ_are_told_and_left_alone() {
    let Some(stack) = stack() else { return };
    let project = project("copies");
    project.run(stack, &["topics", "apply", "--yes"]).exits(0);
    project.change(
        "fleetops-registry.toml",
        "[topics.free-TAG]",
        "[topics.free-TAG]\nreplication-factor = 3",
    );
    project
        .run(stack, &["topics", "apply"])
        .exits(0)
        .says("replication factor is 1, the manifest wants 3: left alone");
    assert_eq!(listed(&project, stack, "free-copies")["state"], "differs");
}

#[test]
fn tls_and_passwords_let_in_and_are_never_shown() {
    let Some(stack) = stack() else { return };
    for kind in ["tls", "scram", "plain"] {
        let mut bootstrap = String::new();
        let mut settings = Vec::new();
        for (key, value) in stack.client(kind) {
            match key.as_str() {
                "bootstrap.servers" => bootstrap = value,
                "sasl.password" => settings.push((key, "${E2E_PASSWORD}".to_owned())),
                _ => settings.push((key, value)),
            }
        }
        let settings: Vec<String> = settings.iter().map(|(k, v)| format!("{k:?} = {v:?}")).collect();
        let environment = format!(
            "{MANIFEST}\n[env.secure]\nbootstrap = {bootstrap:?}\nkafka = {{ {} }}\n",
            settings.join(", ")
        );
        let project = Project::new(&format!("secure-{kind}"), &environment, &[("Event", EVENT)]);
        let run = |password: &str, arguments: &[&str]| project.run_secretly(password, arguments);
        let arguments = ["--env", "secure", "-v", "topics", "apply", "--yes"];
        run("fleet-secret", &arguments)
            .exits(0)
            .says(&format!("created keyed-secure-{kind}"))
            .keeps("fleet-secret");
        if kind != "tls" {
            run("a-wrong-secret", &arguments)
                .exits(3)
                .keeps("a-wrong-secret")
                .says("Check the user, the password and the mechanism");
        }
    }
}
