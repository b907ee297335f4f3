//! The whole path over TLS with SCRAM, and with a registry that wants a password. No output shows a secret.

use std::process::Command;

use crate::fleet::{driving, events, same_in_order};
use crate::project::{Project, Run, finish_with};
use crate::stack::{REGISTRY_AUTH, Stack, stack};

/// What is typed into `dev/stack` for tests on loopback, and what is not.
const KAFKA_PASSWORD: &str = "fleet-secret";
const WRONG: &str = "an-0ther-password";

const MANIFEST: &str = r#"
[topics.secret_telemetry]
value       = "fleetops.events.RawTelemetryEvent"
key         = "vehicle_id"
partitions  = 3
stamp       = "processing_time"
dead-letter = "secret_telemetry.dlq"
config      = { "message.timestamp.type" = "LogAppendTime" }
dedup       = { key = ["vehicle_id", "event_id"], ttl = "60s" }
reorder     = { by = "vehicle_id", epoch = "metadata.replay_session_id", sequence = "frame_index", ring = 10, tolerance = 2, hold = "300ms" }

[groups.secret-service]
topics = ["secret_telemetry"]
"#;

/// The environment `secure`, with the passwords in variables, and `open`, which has none.
fn project(stack: &Stack) -> Project {
    let mut bootstrap = String::new();
    let mut settings = vec!["\"debug\" = \"security,protocol\"".to_owned()];
    for (key, value) in stack.client("scram") {
        match key.as_str() {
            "bootstrap.servers" => bootstrap = value,
            "sasl.password" => settings.push(format!("{key:?} = \"${{E2E_KAFKA}}\"")),
            _ => settings.push(format!("{key:?} = {value:?}")),
        }
    }
    let registry = stack.secured_registry();
    let with_user = registry.replace("http://", "http://${E2E_USER}:${E2E_REGISTRY}@");
    let (user, settings) = (REGISTRY_AUTH.0, settings.join(", "));
    let manifest = format!(
        "{MANIFEST}\n[env.secure]\nbootstrap = {bootstrap:?}\nregistry = {registry:?}\nkafka = {{ {settings} }}\n\
         registry-auth = {{ username = {user:?}, password = \"${{E2E_REGISTRY}}\" }}\n\
         \n[env.in-address]\nbootstrap = {bootstrap:?}\nregistry = {with_user:?}\nkafka = {{ {settings} }}\n\
         \n[env.open]\nbootstrap = {bootstrap:?}\nregistry = {registry:?}\n"
    );
    let root = env!("CARGO_MANIFEST_DIR");
    let schema = std::fs::read_to_string(format!("{root}/schemas/RawTelemetryEvent.avsc")).unwrap();
    Project::new("", &manifest, &[("RawTelemetryEvent", &schema)])
}

/// Runs with passwords; whatever comes of it, they are shown nowhere.
fn run(project: &Project, kafka: &str, registry: &str, arguments: &[&str], input: &str) -> Run {
    let mut command: Command = project.command(arguments);
    command
        .env_remove("KAFKA_BOOTSTRAP_SERVERS")
        .env_remove("SCHEMA_REGISTRY_URL")
        .env("RUST_LOG", "trace")
        .envs([
            ("E2E_KAFKA", kafka),
            ("E2E_REGISTRY", registry),
            ("E2E_USER", REGISTRY_AUTH.0),
        ]);
    let secrets = [KAFKA_PASSWORD, REGISTRY_AUTH.1, WRONG];
    secrets
        .iter()
        .fold(finish_with(command, input), |run, secret| run.keeps(secret))
}

#[test]
fn the_whole_path_is_walked_over_tls_with_passwords_that_nobody_sees() {
    let Some(stack) = stack() else { return };
    let project = project(stack);
    let lines = driving("secret", 20, 50);
    let sent: Vec<_> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let consume = [
        "consume",
        "secret_telemetry",
        "--group",
        "secret-service",
        "--until-end",
        "-vv",
    ];
    for environment in ["secure", "in-address"] {
        let right = |arguments: &[&str], input: &str| {
            let arguments = [arguments, &["--env", environment]].concat();
            run(&project, KAFKA_PASSWORD, REGISTRY_AUTH.1, &arguments, input)
        };
        right(&["register", "--yes", "-vv"], "").exits(0);
        right(&["check", "--against", "registry", "-vv"], "").exits(0);
        right(&["topics", "apply", "--yes", "-vv"], "").exits(0);
        right(&["topics", "list", "-vv", "--format", "json"], "").exits(0);
        right(&["produce", "secret_telemetry", "-vv"], &lines.concat()).exits(0);
        let consumed = right(&consume, "").exits(0);
        match environment {
            "secure" => same_in_order(&sent, &events(&consumed)),
            // All of them were sent again: duplicates.
            _ => assert_eq!(events(&consumed), []),
        }
        assert_eq!(right(&consume, "").exits(0).stdout, "");
        right(&["lag", "-vv", "--format", "json"], "")
            .exits(0)
            .says("\"lag\":0");
        let doctor = right(&["doctor", "-vv"], "");
        assert!(matches!(doctor.code, 0 | 1), "{doctor:?}");
    }

    // One of them wrong, or none.
    let asking: [&[&str]; 5] = [
        &["topics", "list", "-vv"],
        &["produce", "secret_telemetry", "-vv"],
        &["consume", "secret_telemetry", "-vv"],
        &["lag", "-vv"],
        &["doctor", "-vv"],
    ];
    for arguments in asking {
        let arguments = [arguments, &["--env", "secure"]].concat();
        let wrong = run(&project, WRONG, REGISTRY_AUTH.1, &arguments, "");
        let doctor = arguments.contains(&"doctor");
        wrong.exits(if doctor { 1 } else { 3 });
    }
    let asking: [&[&str]; 4] = [
        &["register", "--dry-run", "-vv"],
        &["check", "--against", "registry", "-vv"],
        &["produce", "secret_telemetry", "-vv"],
        &["consume", "secret_telemetry", "-vv"],
    ];
    for environment in ["secure", "in-address"] {
        for arguments in asking {
            let arguments = [arguments, &["--env", environment]].concat();
            run(&project, KAFKA_PASSWORD, WRONG, &arguments, "")
                .exits(3)
                .says("401");
        }
    }
    let doctor = ["doctor", "--env", "secure", "-vv"];
    run(&project, KAFKA_PASSWORD, WRONG, &doctor, "")
        .exits(1)
        .says("user fleet");
    run(
        &project,
        "",
        "",
        &["produce", "secret_telemetry", "--env", "open"],
        "",
    )
    .exits(3);
    // A misspelt setting is told by its name, not with its value.
    project.change("fleetops-registry.toml", "\"sasl.password\"", "\"sasl.pasword\"");
    run(
        &project,
        KAFKA_PASSWORD,
        REGISTRY_AUTH.1,
        &["lag", "--env", "secure", "-vv"],
        "",
    )
    .exits(2)
    .says("sasl.pasword");
}
