//! `register`.

use std::collections::BTreeMap;

use fleetops_registry::events::{AnomalyEvent, OperatorActionEvent, OperatorAlertEvent, RawTelemetryEvent};
use fleetops_registry::registry::Client;
use fleetops_runtime::registry::{RegistrySettings, SchemaSource};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::project::Project;
use crate::stack::{REGISTRY_AUTH, Stack, stack};

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn versions(stack: &Stack, subject: &str) -> Vec<u32> {
    let client = Client::new(&stack.registry()).unwrap();
    runtime().block_on(client.versions(subject)).unwrap()
}

/// The fleet's subjects are registered, once, and the generated producers find them. A part of [`crate::fleet`].
pub(crate) fn fleet(fleet: &Project, stack: &Stack) {
    fleet
        .run(stack, &["register", "--dry-run"])
        .exits(0)
        .says("5 schemas to register, 5 levels to set");
    fleet.run(stack, &["register"]).exits(2).says("--yes");
    assert!(versions(stack, "raw_telemetry-value").is_empty());

    let done = fleet
        .run(stack, &["register", "--yes", "--format", "json"])
        .exits(0);
    let registered: Vec<Value> = done
        .lines()
        .into_iter()
        .filter(|l| l["action"] == "register")
        .collect();
    let subjects: Vec<&str> = registered
        .iter()
        .map(|l| l["subject"].as_str().unwrap())
        .collect();
    assert_eq!(
        subjects,
        [
            "fleetops.events.Severity",
            "anomalies-value",
            "operator_actions-value",
            "operator_alerts-value",
            "raw_telemetry-value"
        ]
    );
    let client = Client::new(&stack.registry()).unwrap();
    let runtime = runtime();
    let held = runtime
        .block_on(client.version("anomalies-value", None))
        .unwrap()
        .unwrap();
    assert_eq!(held.references.len(), 1);
    assert_eq!(
        (held.references[0].subject.as_str(), held.references[0].version),
        ("fleetops.events.Severity", 1)
    );
    let level = runtime
        .block_on(client.level("raw_telemetry-value"))
        .unwrap()
        .unwrap();
    assert_eq!(level.to_string(), "FULL_TRANSITIVE");

    // What a generated producer asks, with the text it was built with.
    let ids: BTreeMap<&str, &Value> = subjects
        .iter()
        .copied()
        .zip(registered.iter().map(|l| &l["id"]))
        .collect();
    let source = SchemaSource::connect(&RegistrySettings::new(&stack.registry())).unwrap();
    for (subject, schema) in [
        ("raw_telemetry-value", RawTelemetryEvent::SCHEMA),
        ("anomalies-value", AnomalyEvent::SCHEMA),
        ("operator_alerts-value", OperatorAlertEvent::SCHEMA),
        ("operator_actions-value", OperatorActionEvent::SCHEMA),
    ] {
        let found = runtime.block_on(source.id_of(subject, schema)).unwrap();
        assert_eq!(json!(found), *ids[subject], "{subject}");
    }

    let again = fleet.run(stack, &["register", "--format", "json"]).exits(0);
    assert_eq!((again.actions().len(), again.lines().len()), (0, 5));
    assert!(subjects.iter().all(|subject| versions(stack, subject) == [1]));
}

const MANIFEST: &str = r#"
[defaults]
compatibility = "BACKWARD_TRANSITIVE"

[topics.orders-TAG]
value      = "TAG.Order"
partitions = 1

[topics.refunds-TAG]
value      = "TAG.Refund"
partitions = 1

[env.dev]
bootstrap = "localhost:9092"
"#;
const CHANNEL: &str =
    r#"{"type":"enum","name":"Channel","namespace":"TAG","symbols":["WEB","STORE"],"default":"WEB"}"#;
const ORDER: &str = r#"{"type":"record","name":"Order","namespace":"TAG","fields":[
  {"name":"id","type":"string"},
  {"name":"channel","type":"Channel"}
]}"#;
const REFUND: &str = r#"{"type":"record","name":"Refund","namespace":"TAG","fields":[
  {"name":"id","type":"string"},
  {"name":"amount","type":"long"}
]}"#;

pub(crate) fn shop(tag: &str) -> Project {
    let schemas = [("Channel", CHANNEL), ("Order", ORDER), ("Refund", REFUND)];
    Project::new(tag, MANIFEST, &schemas)
}

#[test]
fn a_changed_type_gives_those_that_refer_to_it_a_new_version() {
    let Some(stack) = stack() else { return };
    let shop = shop("shop_a");
    shop.run(stack, &["register", "--yes"]).exits(0);
    shop.change("schemas/Channel.avsc", r#""STORE""#, r#""STORE","PHONE""#);
    let done = shop
        .run(stack, &["register", "--yes", "--format", "json"])
        .exits(0);
    let changed: Vec<(Value, Value)> = done
        .lines()
        .into_iter()
        .filter(|l| l["action"] == "register")
        .map(|l| (l["subject"].clone(), l["version"].clone()))
        .collect();
    assert_eq!(
        changed,
        [
            (json!("shop_a.Channel"), json!(2)),
            (json!("orders-shop_a-value"), json!(2))
        ]
    );
    let client = Client::new(&stack.registry()).unwrap();
    let held = runtime()
        .block_on(client.version("orders-shop_a-value", None))
        .unwrap()
        .unwrap();
    assert_eq!(held.references[0].version, 2);
    assert!(
        shop.run(stack, &["register", "--format", "json"])
            .exits(0)
            .actions()
            .is_empty()
    );

    // Back to the old text: it is registered already, and nothing is sent.
    shop.change("schemas/Channel.avsc", r#","PHONE""#, "");
    shop.run(stack, &["register"])
        .exits(0)
        .says("the schema is version 1, and version 2 is newer");
    assert_eq!(versions(stack, "shop_a.Channel"), [1, 2]);
}

#[test]
fn nothing_is_registered_if_one_schema_is_incompatible_with_any_version() {
    let Some(stack) = stack() else { return };
    let shop = shop("shop_b");
    shop.run(stack, &["register", "--yes"]).exits(0);
    // Version 2 drops `amount`; the third has it again as a string: it goes with 2, and not with 1.
    shop.change(
        "schemas/Refund.avsc",
        r#",
  {"name":"amount","type":"long"}"#,
        "",
    );
    shop.run(stack, &["register", "--yes"]).exits(0);
    shop.change(
        "schemas/Refund.avsc",
        r#""type":"string"}"#,
        r#""type":"string"},
  {"name":"amount","type":"string","default":""}"#,
    );
    shop.change(
        "schemas/Order.avsc",
        r#""type":"Channel""#,
        r#""type":"Channel","default":"WEB""#,
    );
    let refused = shop.run(stack, &["register", "--yes"]).exits(1);
    refused
        .says("incompatible with version 1 at BACKWARD_TRANSITIVE")
        .says("schemas/Refund.avsc:3:")
        .says("nothing was registered");
    assert_eq!(versions(stack, "orders-shop_b-value"), [1]);
    assert_eq!(versions(stack, "refunds-shop_b-value"), [1, 2]);
    // The part without it goes through, with what it refers to.
    let some = ["register", "--yes", "--subject", "orders*", "--format", "json"];
    let done = shop.run(stack, &some).exits(0);
    assert_eq!(
        (done.actions(), done.lines().len()),
        (vec!["register".to_owned()], 2)
    );
    assert_eq!(versions(stack, "orders-shop_b-value"), [1, 2]);
    shop.run(stack, &["register", "--subject", "order-shop_b-value"])
        .exits(2)
        .says("did you mean orders-shop_b-value?");
}

/// Some registries leave documents out when they compare: the old version stays, and producers with the new text find it.
#[test]
fn a_changed_document_is_a_new_version_or_the_old_one_and_producers_find_it() {
    let Some(stack) = stack() else { return };
    let shop = shop("shop_e");
    shop.run(stack, &["register", "--yes"]).exits(0);
    shop.change(
        "schemas/Order.avsc",
        r#""type":"Channel""#,
        r#""type":"Channel","doc":"where from""#,
    );
    shop.change(
        "schemas/Refund.avsc",
        r#""type":"long""#,
        r#""type":"long","doc":"in cents""#,
    );
    shop.run(stack, &["register", "--yes"]).exits(0);
    assert!(
        shop.run(stack, &["register", "--format", "json"])
            .exits(0)
            .actions()
            .is_empty()
    );
    let source = SchemaSource::connect(&RegistrySettings::new(&stack.registry())).unwrap();
    let client = Client::new(&stack.registry()).unwrap();
    let runtime = runtime();
    let channel = CHANNEL.replace("TAG", "shop_e");
    let order = ORDER
        .replace("TAG", "shop_e")
        .replace(r#""Channel""#, &format!(r#"{channel},"doc":"where from""#));
    let refund = REFUND
        .replace("TAG", "shop_e")
        .replace(r#""long""#, r#""long","doc":"in cents""#);
    for (topic, schema) in [("orders", order), ("refunds", refund)] {
        let subject = format!("{topic}-shop_e-value");
        let newest = runtime.block_on(client.version(&subject, None)).unwrap().unwrap();
        assert_eq!(
            runtime.block_on(source.id_of(&subject, &schema)).unwrap(),
            newest.id,
            "{subject}"
        );
        // Another default is another schema.
        let other = schema.replace(
            r#""name":"id","type":"string""#,
            r#""name":"id","type":"string","default":"x""#,
        );
        assert_ne!(other, schema);
        runtime.block_on(source.id_of(&subject, &other)).unwrap_err();
    }
}

#[test]
fn the_registrys_own_level_holds_until_it_is_changed_there() {
    let Some(stack) = stack() else { return };
    let shop = shop("shop_c");
    shop.run(stack, &["register", "--yes"]).exits(0);
    let client = Client::new(&stack.registry()).unwrap();
    let full = "FULL".parse().unwrap();
    runtime()
        .block_on(client.set_level(Some("refunds-shop_c-value"), full))
        .unwrap();
    // Backward it may go, forward it may not.
    shop.change(
        "schemas/Refund.avsc",
        r#",
  {"name":"amount","type":"long"}"#,
        "",
    );
    shop.run(stack, &["register", "--yes"])
        .exits(1)
        .says("incompatible with version 1 at FULL")
        .says("level     BACKWARD_TRANSITIVE (was FULL)");
    assert_eq!(versions(stack, "refunds-shop_c-value"), [1]);
}

#[test]
fn a_registry_that_wants_a_password_gets_it_and_nobody_else() {
    let Some(stack) = stack() else { return };
    let (user, password) = REGISTRY_AUTH;
    let environment = format!(
        "{MANIFEST}registry = {:?}\n\n[env.in]\nbootstrap = \"localhost:9092\"\nregistry = {:?}\n\
         registry-auth = {{ username = {user:?}, password = \"${{E2E_PASSWORD}}\" }}\n",
        stack.secured_registry(),
        stack.secured_registry(),
    );
    let schemas = [("Channel", CHANNEL), ("Order", ORDER), ("Refund", REFUND)];
    let shop = Project::new("shop_d", &environment, &schemas);
    shop.run_plainly(&["register", "--dry-run"])
        .exits(3)
        .says("HTTP 401")
        .says("registry-auth");
    let arguments = ["--env", "in", "-v", "register", "--yes"];
    shop.run_secretly("a-wrong-secret", &arguments)
        .exits(3)
        .says("HTTP 401")
        .keeps("a-wrong-secret");
    shop.run_secretly(password, &arguments).exits(0).keeps(password);
    assert_eq!(versions(stack, "orders-shop_d-value"), [1]);
}
