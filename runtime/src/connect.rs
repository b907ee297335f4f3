//! How producers and consumers find and enter a cluster and its registry: what their builders have in common.
//!
//! A builder collects addresses and settings given in the program, and the name of an environment of the manifest.
//! `Connect::resolve` makes a `Connection` of them. What the program gives goes before what the environment has, setting
//! by setting; `${VAR}` is expanded here and for that environment only.
//!
//! Passwords, tokens and keys are kept apart from everything that could be printed: no `Debug`, `Display` or error of
//! this module shows one.

mod error;
mod expand;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;

pub use error::ConnectError;
pub(crate) use expand::Surroundings;

use crate::registry::{RegistryAuthentication, RegistrySettings, SchemaSource};
use crate::topic::Environment;

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
