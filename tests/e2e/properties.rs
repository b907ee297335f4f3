//! `--command-config`: the file that Kafka's own tools take, on listeners with TLS and passwords.

use crate::project::Project;
use crate::stack::stack;

const MANIFEST: &str = r#"
[topics.file-TAG]
value      = "e2e.Event"
partitions = 1

[env.dev]
bootstrap = "localhost:1"
"#;
const EVENT: &str =
    r#"{"type":"record","name":"Event","namespace":"e2e","fields":[{"name":"id","type":"string"}]}"#;

/// librdkafka's names as Java's: what a team has in its `client.properties`.
fn java(settings: &[(String, String)], password: &str) -> String {
    let mut text = String::from("# as kafka-topics.sh takes it\n");
    for (key, value) in settings {
        match key.as_str() {
            "ssl.ca.location" => {
                text.push_str(&format!(
                    "ssl.truststore.type = PEM\nssl.truststore.location = {value}\n"
                ));
            }
            "sasl.username" => text.push_str(&format!(
                "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \\\n  \
                 username=\"{value}\" password=\"{password}\";\n"
            )),
            "sasl.password" => {}
            _ => text.push_str(&format!("{key}={value}\n")),
        }
    }
    text.push_str("key.deserializer=org.apache.kafka.common.serialization.StringDeserializer\n");
    text
}

#[test]
fn a_teams_properties_file_lets_us_in() {
    let Some(stack) = stack() else { return };
    for kind in ["tls", "scram", "plain"] {
        let project = Project::new(&format!("properties-{kind}"), MANIFEST, &[("Event", EVENT)]);
        let arguments = [
            "topics",
            "apply",
            "--yes",
            "-vv",
            "--command-config",
            "client.properties",
        ];
        project.write("client.properties", &java(&stack.client(kind), "fleet-secret"));
        project
            .run_plainly(&arguments)
            .exits(0)
            .says(&format!("created file-properties-{kind}"))
            .keeps("fleet-secret");
        if kind != "tls" {
            project.write("client.properties", &java(&stack.client(kind), "a-wrong-secret"));
            project
                .run_plainly(&arguments)
                .exits(3)
                .keeps("a-wrong-secret")
                .says("Check the user, the password and the mechanism");
        }
    }
}
