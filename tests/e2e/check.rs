//! `check --against registry`.

use serde_json::{Value, json};

use crate::project::Project;
use crate::register::shop;
use crate::stack::{REGISTRY_AUTH, stack};

const CHECK: [&str; 3] = ["check", "--against", "registry"];

/// The rules of the errors, each with a place in a file.
fn rules(lines: &[Value]) -> Vec<String> {
    let rule = |line: &Value| {
        assert!(
            line["place"]["file"].as_str().unwrap().starts_with("schemas/"),
            "{line}"
        );
        line["rule"].as_str().unwrap().to_owned()
    };
    lines
        .iter()
        .filter(|line| line["severity"] == "error")
        .map(rule)
        .collect()
}

#[test]
fn schemas_are_held_against_all_registered_versions_and_nothing_is_changed() {
    let Some(stack) = stack() else { return };
    let shop = shop("check_a");
    shop.run(stack, &CHECK).exits(0).says("3 new");
    shop.run(stack, &["register", "--yes"]).exits(0);
    shop.run(stack, &CHECK)
        .exits(0)
        .says("3 subjects compatible with");

    // Version 2 drops `amount`; then it comes back as a string: that goes with version 2, and not with 1.
    let amount = r#",
  {"name":"amount","type":"long"}"#;
    shop.change("schemas/Refund.avsc", amount, "");
    shop.run(stack, &CHECK).exits(0);
    shop.run(stack, &["register", "--yes"]).exits(0);
    let id = r#""type":"string"}"#;
    let again = r#""type":"string"},
  {"name":"amount","type":"string","default":""}"#;
    shop.change("schemas/Refund.avsc", id, again);
    shop.run(stack, &CHECK)
        .exits(1)
        .says("schemas/Refund.avsc:3:")
        .says("version 1")
        .says("subject refunds-check_a-value has compatibility BACKWARD_TRANSITIVE")
        .says("1 error; compared 3 subjects");
    let machine = shop
        .run(stack, &[&CHECK[..], &["--format", "json"]].concat())
        .exits(1);
    assert_eq!(rules(&machine.lines()), ["type-changed"]);
    shop.change("schemas/Refund.avsc", again, id);
    let note = r#""type":"string"},
  {"name":"note","type":"string","default":""}"#;
    shop.change("schemas/Refund.avsc", id, note);
    shop.run(stack, &CHECK).exits(0);
    let full = [&CHECK[..], &["--mode", "FULL_TRANSITIVE"]].concat();
    shop.run(stack, &full)
        .exits(1)
        .says("has compatibility FULL_TRANSITIVE");
    // Only questions were asked.
    let plan = shop
        .run(stack, &["register", "--dry-run", "--format", "json"])
        .exits(0);
    let registered = plan
        .lines()
        .into_iter()
        .find(|line| line["subject"] == "refunds-check_a-value");
    assert_eq!(registered.unwrap()["after"], json!(2));
}

#[test]
fn it_needs_a_manifest_and_the_registrys_password() {
    let Some(stack) = stack() else { return };
    let shop = shop("check_b");
    shop.run(stack, &["check", "--against", "registry", "--schemas", "schemas"])
        .exits(2)
        .says("--manifest");
    let url = stack.secured_registry();
    shop.run_at("127.0.0.1:1", &url, &CHECK)
        .exits(3)
        .says("HTTP 401")
        .says("registry-auth");
    let (user, password) = REGISTRY_AUTH;
    let auth = format!(
        "\n[env.secure]\nbootstrap = \"127.0.0.1:1\"\nregistry = {url:?}\n\
         registry-auth = {{ username = {user:?}, password = \"${{E2E_PASSWORD}}\" }}\n\n[env.dev]"
    );
    shop.change("fleetops-registry.toml", "\n[env.dev]", &auth);
    shop.run_secretly(
        password,
        &["check", "--against", "registry", "--env", "secure", "-vv"],
    )
    .exits(0)
    .says("3 new")
    .keeps(password);
}

#[test]
fn the_fleets_schemas_may_be_registered() {
    let Some(stack) = stack() else { return };
    Project::fleet().run(stack, &CHECK).exits(0);
}
