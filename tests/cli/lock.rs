//! `lock`, and `check` against what a registry holds.

use fleetops_avro::compat::Level;

use crate::harness::{ORDER, Project};
use crate::servers::Registry;

/// The shop with all of it registered and locked.
fn locked() -> (Project, Registry) {
    let (project, registry) = (Project::new(), Registry::start());
    project.remove("released");
    registry.run(&project, &["register", "--yes"]).exits(0);
    registry
        .run(&project, &["lock", "update"])
        .exits(0)
        .says("3 subjects, 3 versions; 3 files changed");
    (project, registry)
}

fn offline(project: &Project) -> crate::harness::Run {
    project.run(&["check", "--locked", "--offline"])
}

#[test]
fn a_lock_is_written_once_and_found_out_when_the_registry_moves_on() {
    let (project, registry) = locked();
    let text = project.read("registry.lock/dev/orders-value.json");
    assert!(
        text.starts_with(
            "{\n  \"subject\": \"orders-value\",\n  \"compatibility\": \"FULL_TRANSITIVE\",\n  \"versions\": [\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("{\"name\": \"shop.Channel\", \"subject\": \"shop.Channel\", \"version\": 1}"),
        "{text}"
    );
    registry
        .run(&project, &["lock", "verify"])
        .exits(0)
        .says("as the lock says");
    let again = registry.run(&project, &["lock", "update"]).exits(0);
    again.says("0 files changed");
    assert_eq!(project.read("registry.lock/dev/orders-value.json"), text);

    registry.register(
        "refunds-value",
        r#"{"type":"record","name":"Refund","namespace":"shop","fields":[{"name":"order_id","type":"string"}]}"#,
    );
    registry
        .run(&project, &["lock", "verify"])
        .exits(1)
        .says("registry.lock/dev/refunds-value.json:2:14")
        .says("error[lock-stale]: subject refunds-value: version 2 is new (ID 4)")
        .finding("lock-stale")
        .says("lock update --env dev");
    registry
        .run(&project, &["check", "--locked"])
        .exits(1)
        .says("error[lock-stale]");
    project.run(&["check", "--locked", "--offline"]).exits(0);
    let update = registry
        .run(&project, &["lock", "update", "--format", "json"])
        .exits(0);
    assert_eq!(
        update.stdout,
        "{\"subject\":\"refunds-value\",\"change\":\"version-added\",\"message\":\"version 2 is new (ID 4)\"}\n"
    );
    registry
        .run(&project, &["check", "--locked"])
        .exits(0)
        .says("held against the registry");
}

#[test]
fn the_lock_is_the_default_base_and_every_version_takes_part() {
    let (project, registry) = locked();
    let more = r#"    { "name": "weight", "type": ["null", "long"], "default": null },
    { "name": "channel", "type": "Channel" }"#;
    project.change(
        "schemas/Order.avsc",
        r#"    { "name": "channel", "type": "Channel" }"#,
        more,
    );
    project
        .run(&["check"])
        .exits(0)
        .says("3 subjects compatible with the lock of dev");
    registry
        .run(&project, &["register", "--yes"])
        .exits(0)
        .says("was brought up to date: commit it");
    // Taking the type of a newer version back goes with version 1 and not with version 2.
    project.change(
        "schemas/Order.avsc",
        r#"["null", "long"]"#,
        r#"["null", "string"]"#,
    );
    offline(&project)
        .exits(1)
        .says("version 2")
        .does_not_say("version 1")
        .expect("lock-transitive");
    project.run(&["check", "--mode", "none"]).exits(0).says("(NONE; ");
    // What is registered already is no new version, whichever one it is.
    project.write("schemas/Order.avsc", ORDER);
    offline(&project).exits(0);
    let json = project
        .run(&["check", "--format", "json", "--offline", "--locked"])
        .exits(0);
    assert_eq!(json.stdout, "");
}

#[test]
fn new_subjects_pass_and_removed_ones_are_told() {
    let (project, _registry) = locked();
    project.write(
        "schemas/Visit.avsc",
        r#"{"type":"record","name":"Visit","namespace":"shop","fields":[{"name":"id","type":"string"}]}"#,
    );
    let manifest = project.read("fleetops-registry.toml");
    let visits = "[topics.visits]\nvalue = \"shop.Visit\"\npartitions = 1\n\n[env.dev]";
    project.write("fleetops-registry.toml", &manifest.replace("[env.dev]", visits));
    offline(&project).exits(0).says("; 1 new");
    let refunds = manifest.find("[topics.refunds]").unwrap();
    let environment = manifest.find("[env.dev]").unwrap();
    project.write(
        "fleetops-registry.toml",
        &format!("{}{}", &manifest[..refunds], &manifest[environment..]),
    );
    offline(&project)
        .exits(0)
        .says("warning[subject-removed]: subject refunds-value is in the lock")
        .finding("subject-removed")
        .says("registry.lock/dev/refunds-value.json:2:14");
    project.write("fleetops-registry.toml", &manifest);
    project.remove("schemas/Refund.avsc");
    offline(&project)
        .exits(1)
        .says("error[schema-removed]: shop.Refund is gone, and topic refunds carries it");
}

#[test]
fn a_lock_that_is_missing_or_was_edited_is_never_a_silent_pass() {
    let (project, _registry) = locked();
    project
        .run(&["check", "--locked", "--offline", "--env", "prod"])
        .exits(3)
        .says("lock update --env prod");
    project
        .run(&["check", "--locked", "--registry", "http://127.0.0.1:1"])
        .exits(3)
        .says("--offline");
    project
        .run(&["check", "--locked", "--against", "git:HEAD"])
        .exits(2);
    project
        .run(&["check", "--offline", "--against", "registry"])
        .exits(2);
    // A break that somebody hides by mending the lock.
    project.change("schemas/Refund.avsc", "\"order_id\"", "\"order\"");
    offline(&project).exits(1).says("field-added-without-default");
    project.change(
        "registry.lock/dev/refunds-value.json",
        "\"order_id\"",
        "\"order\"",
    );
    offline(&project)
        .exits(1)
        .says("error[unreadable-version]")
        .finding("unreadable-version")
        .says("it was changed since");
    project.write(
        "registry.lock/dev/refunds-value.json",
        "<<<<<<< HEAD\n{}\n=======\n",
    );
    offline(&project)
        .exits(2)
        .says("error[lock-syntax]")
        .finding("lock-syntax")
        .says("registry.lock/dev/refunds-value.json:1:1");
}

#[test]
fn the_registry_is_a_base_and_its_own_verdict_is_told_where_it_is_another() {
    let (project, registry) = locked();
    project.remove("registry.lock");
    registry
        .run(&project, &["check", "--against", "registry"])
        .exits(0)
        .says("3 subjects compatible with http://127.0.0.1:");
    project.change("schemas/Refund.avsc", "\"order_id\"", "\"order\"");
    registry
        .run(&project, &["check", "--against", "registry"])
        .exits(1)
        .says("refunds-value version 1:")
        .does_not_say("registry-disagrees");
    let client = registry.client();
    registry
        .ask(client.set_level(Some("refunds-value"), Level::None))
        .unwrap();
    registry
        .run(&project, &["check", "--against", "registry"])
        .exits(1)
        .says("has compatibility BACKWARD (the manifest's level)")
        .says("warning[registry-disagrees]: the registry would take this for subject refunds-value")
        .finding("registry-disagrees");
    project
        .run(&[
            "check",
            "--against",
            "registry",
            "--registry",
            "http://127.0.0.1:1",
        ])
        .exits(3);
}

#[test]
fn keys_and_stages_are_held_against_what_was() {
    let (project, _registry) = locked();
    project.change(
        "schemas/Order.avsc",
        r#"{ "name": "customer", "type": "string" }"#,
        r#"{ "name": "customer", "type": ["null", "string"], "default": null }"#,
    );
    project
        .run(&["check", "--locked", "--offline", "--mode", "backward"])
        .exits(1)
        .expect("key-became-optional");
    project.write("schemas/Order.avsc", ORDER);
    project.change(
        "schemas/Order.avsc",
        r#"{ "name": "customer", "type": "string" }"#,
        r#"{ "name": "customer", "type": "bytes" }"#,
    );
    project
        .run(&["check", "--locked", "--offline", "--mode", "backward"])
        .exits(1)
        .says("error[key-type-changed]: `customer` is the record key of topic orders, and has another type: bytes, was string")
        .finding("key-type-changed");
    project.write("schemas/Order.avsc", ORDER);
    project.change(
        "fleetops-registry.toml",
        "partitions = 3\n",
        "partitions = 3\ndedup = { key = [\"id\"], ttl = \"60s\" }\nreorder = { by = \"customer\", sequence = \"amount\" }\n",
    );
    project.change(
        "schemas/Order.avsc",
        "    { \"name\": \"id\", \"type\": \"string\" },\n",
        "",
    );
    project.change(
        "schemas/Order.avsc",
        "    { \"name\": \"amount\", \"type\": \"long\" },\n",
        "",
    );
    project
        .run(&["check", "--locked", "--offline", "--mode", "backward"])
        .exits(1)
        .expect("stage-field-removed");
}

#[test]
fn partitions_and_keys_of_the_manifest_are_held_against_git() {
    let (project, _registry) = locked();
    project.commit_all();
    project.change("fleetops-registry.toml", "partitions = 3", "partitions = 2");
    project.change(
        "fleetops-registry.toml",
        "key        = \"customer\"",
        "key        = \"id\"",
    );
    let run = project.run(&["check"]).exits(1);
    let id = project.git(&["rev-parse", "HEAD"]);
    crate::harness::Run {
        stderr: run.stderr.replace(&id[..10], "[commit]"),
        ..run
    }
    .expect("partitions-lowered");
    project
        .run(&["check", "--against", "git:HEAD"])
        .exits(1)
        .says("error[key-changed]");
}
