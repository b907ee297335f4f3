//! Environments, precedence, fixed settings, and that no secret is ever printed.

use super::*;
use crate::topic::RegistryAuth;

static ENVIRONMENTS: &[Environment] = &[
    Environment {
        name: "dev",
        bootstrap: "localhost:9092",
        registry: None,
        kafka: &[],
        registry_auth: None,
    },
    Environment {
        name: "prod",
        bootstrap: "${BROKERS}",
        registry: Some("https://${HOST}:8081,https://b"),
        kafka: &[
            ("sasl.username", "${USER}"),
            ("sasl.password", "${file:/run/${USER}}"),
            ("linger.ms", "7"),
        ],
        registry_auth: Some(RegistryAuth {
            username: Some("me"),
            password: Some("${PASSWORD}"),
            bearer: None,
            ca_file: Some("/ca.pem"),
            cert_file: None,
            key_file: None,
        }),
    },
];

fn variable(name: &str) -> Option<String> {
    let value = match name {
        "BROKERS" => "a:1,b:2",
        "HOST" => "registry",
        "USER" => "ada",
        "PASSWORD" => "hunter2",
        _ => return None,
    };
    Some(value.to_owned())
}

fn file(path: &std::path::Path) -> std::io::Result<String> {
    match path.to_str() {
        Some("/run/ada") => Ok("hunter3\r\n".to_owned()),
        _ => Err(std::io::ErrorKind::NotFound.into()),
    }
}

fn resolve(connect: &Connect) -> Result<Connection, ConnectError> {
    connect.resolve(
        ENVIRONMENTS,
        &Surroundings {
            variable: &variable,
            file: &file,
        },
    )
}

fn environment(name: &str) -> Connect {
    let mut connect = Connect::default();
    connect.environment(name);
    connect
}

#[test]
fn an_environment_gives_what_the_program_does_not() {
    let mut connect = environment("prod");
    connect.set("queue.buffering.max.ms", "9");
    let connection = resolve(&connect).unwrap();
    assert_eq!(connection.brokers(), "a:1,b:2");
    let config = connection.client_config(&[("linger.ms", "1")], &[]).unwrap();
    assert_eq!(config.get("bootstrap.servers"), Some("a:1,b:2"));
    assert_eq!(config.get("sasl.username"), Some("ada"));
    assert_eq!(config.get("sasl.password"), Some("hunter3"));
    assert_eq!(config.get("linger.ms"), Some("9"));
    assert_eq!(
        connection.registry.as_ref().unwrap().urls_text(),
        "https://registry:8081,https://b"
    );
    connect.brokers("c:3");
    connect.registry("http://d");
    let connection = resolve(&connect).unwrap();
    assert_eq!(connection.brokers(), "c:3");
    assert_eq!(connection.registry.as_ref().unwrap().urls_text(), "http://d");
}

#[test]
fn only_the_chosen_environment_is_expanded() {
    let nothing = Surroundings {
        variable: &|_| None,
        file: &file,
    };
    assert_eq!(
        environment("dev")
            .resolve(ENVIRONMENTS, &nothing)
            .unwrap()
            .brokers(),
        "localhost:9092"
    );
    let error = environment("prod")
        .resolve(ENVIRONMENTS, &nothing)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("environment variable BROKERS is not set, and bootstrap of env.prod needs it"),
        "{error}"
    );
    // A value that the program overrides asks for no variable.
    let no_user = Surroundings {
        variable: &|name| variable(name).filter(|_| name != "USER"),
        file: &file,
    };
    let mut connect = environment("prod");
    connect.set("sasl.username", "bob");
    connect.set("sasl.password", "pw");
    let connection = connect.resolve(ENVIRONMENTS, &no_user).unwrap();
    assert_eq!(connection.setting("sasl.username"), Some("bob"));
}

#[test]
fn errors_name_what_is_missing_and_what_there_is() {
    let error = |connect: &Connect| resolve(connect).unwrap_err().to_string();
    assert_eq!(
        error(&Connect::default()),
        "no brokers are given: call brokers(\"host:port\"), or env(..) with one of: dev, prod"
    );
    assert_eq!(
        error(&environment("staging")),
        "there is no environment \"staging\"; the manifest declares: dev, prod"
    );
    let no_file = Surroundings {
        variable: &variable,
        file: &|_| Err(std::io::ErrorKind::NotFound.into()),
    };
    let error = environment("prod")
        .resolve(ENVIRONMENTS, &no_file)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("kafka.sasl.password of env.prod is in the file /run/ada, which cannot be read"),
        "{error}"
    );
    let open = Surroundings::PROCESS
        .expand("prod", "k", "secret${")
        .unwrap_err()
        .to_string();
    assert_eq!(open, "k of env.prod has a `${` that no `}` closes");
    let connection = resolve(&environment("dev")).unwrap();
    assert!(
        connection
            .schema_source()
            .unwrap_err()
            .to_string()
            .contains("(declared: dev, prod)")
    );
}

#[test]
fn fixed_settings_stay_and_say_why() {
    let fixed = [Fixed {
        key: "acks",
        values: &["all", "-1"],
        why: "because",
    }];
    let mut connect = environment("dev");
    connect.set("acks", "-1");
    let config = resolve(&connect).unwrap().client_config(&[], &fixed).unwrap();
    assert_eq!(config.get("acks"), Some("all"));
    connect.set("acks", "1");
    let error = resolve(&connect)
        .unwrap()
        .client_config(&[], &fixed)
        .unwrap_err()
        .to_string();
    assert_eq!(error, "the setting acks is all here and cannot be 1: because");
    let mut connect = environment("dev");
    connect.set("bootstrap.servers", "elsewhere:9092");
    assert!(resolve(&connect).unwrap().client_config(&[], &[]).is_err());
}

#[test]
fn secrets_are_never_printed() {
    let mut connect = environment("prod");
    connect.registry("https://ada:hunter4@registry");
    connect.set("ssl.key.password", "hunter5");
    let connection = resolve(&connect).unwrap();
    let text = format!("{connect:?} {connection:?} {:?}", connection.schema_source());
    assert!(!text.contains("hunter"), "{text}");
    assert!(
        text.contains("https://registry") && text.contains("linger.ms"),
        "{text}"
    );

    connect.set("security.protocol", "hunter2");
    let connection = resolve(&connect).unwrap();
    let create = |connection: &Connection| {
        let config = connection.client_config(&[], &[]).unwrap();
        let client: Result<rdkafka::producer::BaseProducer, _> = config.create();
        connection.client_error(client.err().unwrap()).to_string()
    };
    let error = create(&connection);
    assert!(error.contains("security.protocol"), "{error}");
    assert_eq!(connection.redact("x hunter5 y"), "x *** y");
    let secret = KafkaError::ClientConfig(
        rdkafka::types::RDKafkaConfRes::RD_KAFKA_CONF_INVALID,
        "Invalid value \"hunter7\"".to_owned(),
        "ssl.key.password".to_owned(),
        "hunter7".to_owned(),
    );
    assert!(!connection.client_error(secret).to_string().contains("hunter"));
}
