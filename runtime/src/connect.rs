//! How producers and consumers find and enter a cluster and its registry: what their builders have in common.
//!
//! A builder collects addresses and settings given in the program, and the name of an environment of the manifest.
//! `Connect::resolve` makes a `Connection` of them. What the program gives goes before what the environment has, setting
//! by setting; `${VAR}` is expanded here and for that environment only.
//!
//! Passwords, tokens and keys are kept apart from everything that could be printed: no `Debug`, `Display` or error of
//! this module shows one.

mod expand;

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use thiserror::Error;

pub(crate) use expand::Surroundings;

use crate::registry::{RegistryAuthentication, RegistrySettings, SchemaSource};
use crate::topic::Environment;

/// Settings that could not be made into a connection. Nothing has been sent yet.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Neither brokers nor an environment were given.
    #[error("no brokers are given: call brokers(\"host:port\"), or env(..) with one of: {}", listed(.known))]
    NoBrokers {
        /// The environments that the manifest declares.
        known: Vec<&'static str>,
    },
    /// No registry was given, and the environment has none.
    #[error(
        "no schema registry is given: call registry(\"http://host:8081\"), or env(..) with an environment that has one \
         (declared: {})", listed(.known)
    )]
    NoRegistry {
        /// The environments that the manifest declares.
        known: Vec<&'static str>,
    },
    /// The manifest declares no environment of that name.
    #[error("there is no environment {name:?}; the manifest declares: {}", listed(.known))]
    UnknownEnvironment {
        /// The name that was asked for.
        name: String,
        /// The environments that the manifest declares.
        known: Vec<&'static str>,
    },
    /// A value of the environment refers to a variable that is not set.
    #[error(
        "environment variable {variable} is not set, and {key} of env.{environment} needs it: set it \
         (`export {variable}=...`), or use another environment"
    )]
    UnsetVariable {
        /// The variable.
        variable: String,
        /// The environment of the manifest.
        environment: String,
        /// The setting that refers to it.
        key: String,
    },
    /// A `${` without its `}`.
    #[error("{key} of env.{environment} has a `${{` that no `}}` closes")]
    Unclosed {
        /// The environment of the manifest.
        environment: String,
        /// The setting.
        key: String,
    },
    /// A value of the environment is in a file that cannot be read.
    #[error("{key} of env.{environment} is in the file {path}, which cannot be read: {source}")]
    UnreadableFile {
        /// The environment of the manifest.
        environment: String,
        /// The setting.
        key: String,
        /// The file, variables expanded.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A setting that the stages rely on was given another value.
    #[error("the setting {key} is {wanted} here and cannot be {given}: {why}")]
    FixedSetting {
        /// librdkafka's name of it.
        key: &'static str,
        /// The value it has.
        wanted: &'static str,
        /// The value that was given.
        given: String,
        /// What would break.
        why: &'static str,
    },
    /// librdkafka refuses a setting.
    #[error("librdkafka does not take the setting {key}: {reason}")]
    Setting {
        /// Its name.
        key: String,
        /// Why; without the value where that is a secret.
        reason: String,
    },
    /// librdkafka could not make a client of settings that are fine one by one.
    #[error("librdkafka could not start a client for {brokers}: {reason}")]
    Client {
        /// The brokers.
        brokers: String,
        /// Why.
        reason: String,
    },
    /// The registry's settings do not go together, or one of its files is unusable.
    #[error("the settings of the schema registry {urls}: {reason}")]
    Registry {
        /// Its addresses.
        urls: String,
        /// What is wrong.
        reason: String,
    },
}

/// A setting that must keep its value, and why.
pub(crate) struct Fixed {
    /// librdkafka's name.
    pub(crate) key: &'static str,
    /// Its value; others that mean the same follow.
    pub(crate) values: &'static [&'static str],
    /// What would break.
    pub(crate) why: &'static str,
}

/// A text that `Debug` does not print.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the call that needs it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a builder was told.
#[derive(Clone, Default)]
pub(crate) struct Connect {
    brokers: Option<String>,
    registry: Option<String>,
    authentication: Option<RegistryAuthentication>,
    environment: Option<String>,
    settings: BTreeMap<String, String>,
    source: Option<SchemaSource>,
}

impl Connect {
    /// Bootstrap servers, `host:port`, separated by commas.
    pub(crate) fn brokers(&mut self, brokers: impl Into<String>) {
        self.brokers = Some(brokers.into());
    }

    /// The registry's URL, or several separated by commas.
    pub(crate) fn registry(&mut self, urls: impl Into<String>) {
        self.registry = Some(urls.into());
    }

    /// How the registry is signed in to.
    pub(crate) fn registry_authentication(&mut self, authentication: RegistryAuthentication) {
        self.authentication = Some(authentication);
    }

    /// A source that exists already, instead of one made from the registry's address.
    pub(crate) fn schema_source(&mut self, source: SchemaSource) {
        self.source = Some(source);
    }

    /// The name of an environment of the manifest.
    pub(crate) fn environment(&mut self, name: impl Into<String>) {
        self.environment = Some(name.into());
    }

    /// A setting of librdkafka.
    pub(crate) fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let key = key.into();
        self.settings.insert(canonical(&key).to_owned(), value.into());
    }

    /// The connection, with the environment's values where the program gave none.
    pub(crate) fn resolve(
        &self,
        environments: &'static [Environment],
        surroundings: &Surroundings<'_>,
    ) -> Result<Connection, ConnectError> {
        let known = || {
            environments
                .iter()
                .map(|environment| environment.name)
                .collect::<Vec<_>>()
        };
        let environment = match &self.environment {
            None => None,
            Some(name) => {
                let found = environments.iter().find(|environment| environment.name == name);
                Some(found.ok_or_else(|| ConnectError::UnknownEnvironment {
                    name: name.clone(),
                    known: known(),
                })?)
            }
        };
        let expand = |key: &str, text: &str| match environment {
            Some(environment) => surroundings.expand(environment.name, key, text),
            None => Ok(text.to_owned()),
        };

        let brokers = match (&self.brokers, environment) {
            (Some(brokers), _) => brokers.clone(),
            (None, Some(environment)) => expand("bootstrap", environment.bootstrap)?,
            (None, None) => return Err(ConnectError::NoBrokers { known: known() }),
        };
        let mut settings = BTreeMap::new();
        for (key, value) in environment.map_or(&[][..], |environment| environment.kafka) {
            let name = canonical(key);
            if !self.settings.contains_key(name) {
                settings.insert(name.to_owned(), expand(&format!("kafka.{key}"), value)?);
            }
        }
        settings.extend(self.settings.clone());

        let urls = match (
            &self.registry,
            environment.and_then(|environment| environment.registry),
        ) {
            (Some(urls), _) => Some(urls.clone()),
            (None, Some(urls)) if self.source.is_none() => Some(expand("registry", urls)?),
            (None, _) => None,
        };
        let registry = match urls {
            None => None,
            Some(urls) => {
                let mut registry = RegistrySettings::new(&urls);
                if let Some(auth) = environment.and_then(|environment| environment.registry_auth) {
                    let part = |name: &str, value: Option<&str>| {
                        value
                            .map(|value| expand(&format!("registry-auth.{name}"), value))
                            .transpose()
                    };
                    // The program's own credentials go before the environment's, whose variables it then need not set.
                    if self.authentication.is_none() {
                        let username = part("username", auth.username)?;
                        let password = part("password", auth.password)?;
                        let bearer = part("bearer", auth.bearer)?;
                        registry.set_authentication(
                            RegistryAuthentication::of(username, password, bearer).map_err(|reason| {
                                ConnectError::Registry {
                                    urls: registry.urls_text(),
                                    reason: reason.to_owned(),
                                }
                            })?,
                        );
                    }
                    registry.set_files(
                        part("ca-file", auth.ca_file)?,
                        part("cert-file", auth.cert_file)?,
                        part("key-file", auth.key_file)?,
                    );
                }
                if let Some(authentication) = &self.authentication {
                    registry.set_authentication(Some(authentication.clone()));
                }
                Some(registry)
            }
        };
        Ok(Connection {
            brokers,
            settings,
            registry,
            source: self.source.clone(),
            known: known(),
        })
    }
}

/// Where to connect to, and how. Every variable is expanded.
#[derive(Clone)]
pub(crate) struct Connection {
    brokers: String,
    settings: BTreeMap<String, String>,
    registry: Option<RegistrySettings>,
    source: Option<SchemaSource>,
    known: Vec<&'static str>,
}

impl Connection {
    /// The bootstrap servers.
    pub(crate) fn brokers(&self) -> &str {
        &self.brokers
    }

    /// A setting, where it was given.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(canonical(key)).map(String::as_str)
    }

    /// librdkafka's configuration: `defaults`, then what was given, then `fixed`, which cannot be given otherwise.
    pub(crate) fn client_config(
        &self,
        defaults: &[(&str, &str)],
        fixed: &[Fixed],
    ) -> Result<ClientConfig, ConnectError> {
        let mut config = ClientConfig::new();
        for (key, value) in defaults {
            config.set(*key, *value);
        }
        for (key, value) in &self.settings {
            if key == "bootstrap.servers" && *value != self.brokers {
                return Err(ConnectError::Setting {
                    key: key.clone(),
                    reason: format!(
                        "the brokers are {} already: give them by brokers(..) alone",
                        self.brokers
                    ),
                });
            }
            config.set(key, value);
        }
        for Fixed { key, values, why } in fixed {
            let wanted = values.first().copied().unwrap_or_default();
            if let Some(given) = self.settings.get(*key)
                && !values.iter().any(|value| given.eq_ignore_ascii_case(value))
            {
                return Err(ConnectError::FixedSetting {
                    key,
                    wanted,
                    given: given.clone(),
                    why,
                });
            }
            config.set(*key, wanted);
        }
        config.set("bootstrap.servers", &self.brokers);
        Ok(config)
    }

    /// What librdkafka said when a client was made, without secrets.
    pub(crate) fn client_error(&self, error: KafkaError) -> ConnectError {
        match error {
            // Its own text repeats the value.
            KafkaError::ClientConfig(_, _, key, _) if is_secret(&key) => ConnectError::Setting {
                key,
                reason: "its value is not one that this setting takes".to_owned(),
            },
            KafkaError::ClientConfig(_, reason, key, _) => ConnectError::Setting { key, reason },
            other => ConnectError::Client {
                brokers: self.brokers.clone(),
                reason: self.redact(&other.to_string()),
            },
        }
    }

    /// The text without the value of any secret setting that may have found its way into it.
    fn redact(&self, text: &str) -> String {
        let secrets = self
            .settings
            .iter()
            .filter(|(key, value)| is_secret(key) && !value.is_empty());
        secrets.fold(text.to_owned(), |text, (_, value)| text.replace(value, "***"))
    }

    /// The registry's schemas.
    pub(crate) fn schema_source(&self) -> Result<SchemaSource, ConnectError> {
        match (&self.source, &self.registry) {
            (Some(source), _) => Ok(source.clone()),
            (None, Some(registry)) => {
                SchemaSource::connect(registry).map_err(|error| ConnectError::Registry {
                    urls: registry.urls_text(),
                    reason: error.to_string(),
                })
            }
            (None, None) => Err(ConnectError::NoRegistry {
                known: self.known.clone(),
            }),
        }
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("brokers", &self.brokers)
            .field(
                "registry",
                &self
                    .registry
                    .as_deref()
                    .map(|urls| RegistrySettings::new(urls).urls_text()),
            )
            .field("environment", &self.environment)
            .field("settings", &Redacted(&self.settings))
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("brokers", &self.brokers)
            .field("registry", &self.registry)
            .field("settings", &Redacted(&self.settings))
            .finish_non_exhaustive()
    }
}

struct Redacted<'a>(&'a BTreeMap<String, String>);

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.0
                    .iter()
                    .map(|(key, value)| (key, if is_secret(key) { "***" } else { value })),
            )
            .finish()
    }
}

/// The name of a setting that librdkafka knows under two: otherwise a default under the one would fight with what was
/// given under the other.
fn canonical(key: &str) -> &str {
    match key {
        "metadata.broker.list" => "bootstrap.servers",
        "max.in.flight" => "max.in.flight.requests.per.connection",
        "sasl.mechanism" => "sasl.mechanisms",
        "queue.buffering.max.ms" => "linger.ms",
        "message.send.max.retries" => "retries",
        "compression.codec" => "compression.type",
        "request.required.acks" => "acks",
        "delivery.timeout.ms" => "message.timeout.ms",
        "fetch.message.max.bytes" => "max.partition.fetch.bytes",
        other => other,
    }
}

/// Whether the value of a librdkafka setting must not be printed. librdkafka has no list of them; their names tell.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    [
        "password",
        "secret",
        "token",
        "bearer.config",
        "jaas",
        "key.pem",
        "passphrase",
        "oauthbearer.config",
    ]
    .iter()
    .any(|part| key.contains(part))
        && !key.ends_with(".url")
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
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
            error
                .starts_with("kafka.sasl.password of env.prod is in the file /run/ada, which cannot be read"),
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
}
