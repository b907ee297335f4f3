//! `pull`, `subjects`, `config` and `mode`: a registry that is there, with no manifest at hand.

use fleetops_avro::compat::Level;
use fleetops_registry::registry::Reference;

use crate::harness::{CHANNEL, ORDER, Project};
use crate::servers::Registry;

/// A registry as another tool has filled it.
fn filled() -> Registry {
    let registry = Registry::start();
    let client = registry.client();
    registry.ask(async {
        client.register("shop.Channel", CHANNEL, &[]).await.unwrap();
        let reference = Reference {
            name: "shop.Channel".to_owned(),
            subject: "shop.Channel".to_owned(),
            version: 1,
        };
        let references = std::slice::from_ref(&reference);
        client.register("orders-value", ORDER, references).await.unwrap();
        let documented = ORDER.replace(
            "\"name\": \"customer\",",
            "\"name\": \"customer\", \"doc\": \"whose\",",
        );
        client
            .register("orders-value", &documented, references)
            .await
            .unwrap();
        client
            .set_level(Some("orders-value"), Level::FullTransitive)
            .await
            .unwrap();
    });
    registry
}

#[test]
fn a_registry_is_adopted_in_one_command_and_nothing_is_left_to_do() {
    let registry = filled();
    let project = Project::empty();
    let pulled = registry.run(&project, &["pull"]).exits(0);
    assert_eq!(
        pulled.stdout,
        "./schemas/shop/Channel.avsc\n./schemas/shop/Order.avsc\n./fleetops-registry.toml\n./registry.lock/dev\n"
    );
    pulled.says("no cluster was asked");
    let manifest = project.read("fleetops-registry.toml");
    assert!(
        manifest.contains("[topics.orders]\nvalue = \"shop.Order\"\n")
            && manifest.contains("compatibility = \"FULL_TRANSITIVE\"\n"),
        "{manifest}"
    );
    let order = project.read("schemas/shop/Order.avsc");
    assert!(
        order.contains("\"doc\":\"whose\"") && !order.contains("STORE"),
        "{order}"
    );
    project
        .run(&["check"])
        .exits(0)
        .says("2 subjects compatible with the lock of dev (BACKWARD, FULL_TRANSITIVE; 3 versions)");
    registry.run(&project, &["lock", "verify"]).exits(0);
    registry
        .run(&project, &["plan", "--only", "subjects"])
        .exits(0)
        .says("nothing to change; 2 of 2 as wanted");
    registry.run(&project, &["pull"]).exits(0);
    registry.register("refunds-key", "\"string\"");
    project.write("schemas/shop/Order.avsc", "{}");
    registry
        .run(&project, &["pull"])
        .exits(2)
        .says("nothing was written: ./schemas/shop/Order.avsc is there and differs");
    registry
        .run(&project, &["pull", "--force"])
        .exits(1)
        .says("note: subject refunds-key:");
    assert_eq!(project.read("schemas/shop/Order.avsc"), order);
    registry
        .run(&project, &["pull", "--subject", "nothing*"])
        .exits(2)
        .says("subjects list");
}

#[test]
fn definitions_that_contradict_each_other_are_told_and_left_out() {
    let registry = filled();
    registry.register(
        "visits-value",
        r#"{"type":"record","name":"Visit","namespace":"shop","fields":[{"name":"c","type":{"type":"enum","name":"Channel","symbols":["X"]}}]}"#,
    );
    let project = Project::empty();
    registry
        .run(&project, &["pull"])
        .exits(1)
        .says("note: subject visits-value:");
    assert!(!project.path("schemas/shop/Visit.avsc").exists());
    registry.run(&project, &["lock", "verify"]).exits(0);
}

#[test]
fn subjects_are_listed_shown_and_deleted() {
    let registry = filled();
    let project = Project::empty();
    let list = registry.run(&project, &["subjects", "list"]).exits(0);
    assert_eq!(
        list.stdout,
        "SUBJECT       VERSIONS  NEWEST ID  LEVEL\n\
         orders-value         2          3  FULL_TRANSITIVE\n\
         shop.Channel         1          1  BACKWARD\n"
    );
    let get = registry
        .run(&project, &["subjects", "get", "orders-value", "--version", "1"])
        .exits(0);
    assert!(
        get.stdout.starts_with("{\n  \"type\": \"record\",\n"),
        "{}",
        get.stdout
    );
    get.says("version 1 of 1, 2, ID 2, level FULL_TRANSITIVE")
        .says("refers to shop.Channel: version 1");
    registry
        .run(&project, &["subjects", "get", "order-value"])
        .exits(3)
        .says("did you mean orders-value?");
    registry
        .run(&project, &["subjects", "get", "orders-value", "--version", "9"])
        .exits(3)
        .says("there are: 1, 2");
    registry
        .run(&project, &["subjects", "delete", "orders-value"])
        .exits(2)
        .says("--yes");
    registry
        .run(&project, &["subjects", "delete", "shop.Channel", "--yes"])
        .exits(3)
        .says("delete those first");
    registry
        .run(
            &project,
            &["subjects", "delete", "orders-value", "--version", "2", "--yes"],
        )
        .exits(0);
    let client = registry.client();
    assert_eq!(registry.ask(client.versions("orders-value")).unwrap(), [1]);
    registry
        .run(&project, &["subjects", "delete", "orders-value", "--yes"])
        .exits(0);
    assert_eq!(registry.ask(client.subjects()).unwrap(), ["shop.Channel"]);
    let list = registry
        .run(
            &project,
            &["subjects", "list", "orders*", "--deleted", "--format", "json"],
        )
        .exits(0);
    assert!(list.stdout.contains("\"deleted\":true"), "{}", list.stdout);
    let gone = registry
        .run(
            &project,
            &["subjects", "delete", "orders-value", "--permanent", "--yes"],
        )
        .exits(0);
    assert_eq!(gone.stdout, "deleted subject orders-value for good\n");
    assert_eq!(
        registry.ask(client.subjects_even_deleted()).unwrap(),
        ["shop.Channel"]
    );
    project
        .run(&["subjects", "list"])
        .exits(2)
        .says("SCHEMA_REGISTRY_URL");
}

#[test]
fn settings_and_modes_are_shown_and_changed() {
    let registry = filled();
    let project = Project::empty();
    let get = registry
        .run(&project, &["config", "get", "--subject", "shop.Channel"])
        .exits(0);
    assert_eq!(get.stdout, "compatibility = BACKWARD\n");
    get.says("the registry's own");
    registry
        .run(&project, &["config", "set", "FULL", "--subject", "shop.Channel"])
        .exits(2)
        .says("--yes");
    registry
        .run(
            &project,
            &["config", "set", "FULL", "--subject", "shop.Channel", "--yes"],
        )
        .exits(0)
        .says("compatibility = FULL (was not set)");
    registry
        .run(&project, &["config", "set", "full", "--subject", "shop.Channel"])
        .exits(0)
        .says("nothing to change");
    registry
        .run(&project, &["config", "set", "FUL"])
        .exits(2)
        .says("did you mean FULL?");
    // The embedded registry has no such setting, and that is told.
    registry
        .run(&project, &["config", "set", "normalise=true", "--yes"])
        .exits(3)
        .says("it may not know that setting");
    registry
        .run(
            &project,
            &["config", "unset", "--subject", "shop.Channel", "--yes"],
        )
        .exits(0);
    let get = registry
        .run(&project, &["config", "get", "--format", "json"])
        .exits(0);
    assert_eq!(
        get.stdout,
        "{\"subject\":null,\"inherited\":false,\"settings\":{\"compatibility\":\"BACKWARD\"}}\n"
    );
    let mode = |arguments: &[&str]| {
        let mut all = vec!["mode"];
        all.extend(arguments);
        registry.run(&project, &all)
    };
    assert_eq!(mode(&["get"]).exits(0).stdout, "READWRITE\n");
    mode(&["set", "readonly", "--subject", "orders-value", "--yes"]).exits(0);
    assert_eq!(
        mode(&["get", "--subject", "orders-value"]).exits(0).stdout,
        "READONLY\n"
    );
    mode(&["set", "REDONLY"]).exits(2).says("did you mean READONLY?");
    mode(&["set", "IMPORT", "--yes"]).exits(3).says("42205");
    mode(&["unset", "--subject", "orders-value", "--yes"]).exits(0);
    assert_eq!(
        mode(&["get", "--subject", "orders-value"]).exits(0).stdout,
        "READWRITE\n"
    );
}

#[test]
fn a_properties_file_is_read_and_its_secrets_are_not_told() {
    let project = Project::new();
    let secret = "p4ssw0rd-marker";
    project.write(
        "client.properties",
        &format!(
            "bootstrap.servers=127.0.0.1:1\nsecurity.protocol=SASL_PLAINTEXT\nsasl.mechanism=PLAIN\n\
             sasl.jaas.config=x.PlainLoginModule required username=\"me\" password=\"{secret}\";\n"
        ),
    );
    let run = project
        .run(&["topics", "plan", "--command-config", "client.properties", "-vv"])
        .exits(3);
    assert!(
        run.stderr.contains("127.0.0.1:1") && !run.stderr.contains(secret),
        "{}",
        run.stderr
    );
    project.write("client.properties", "ssl.truststore.location=trust.jks\n");
    project
        .run(&["topics", "plan", "--command-config", "client.properties"])
        .exits(2)
        .says("keytool -list");
    project
        .run(&["topics", "plan", "--command-config", "no.properties"])
        .exits(2)
        .says("no.properties");
}
