//! Why settings make no connection, and what to do about it.

use thiserror::Error;

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

fn listed(names: &[&str]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}
