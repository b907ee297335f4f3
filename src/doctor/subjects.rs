//! What a registry answers: is it one, does it let us in, which versions do its subjects have.

use std::time::Duration;

use fleetops_avro::Schema;
use fleetops_avro::compat::{self, Level};
use fleetops_codegen::manifest::{ResolvedEnvironment, ResolvedRegistryAuth};
use fleetops_registry::registry::{Auth, Client, ClientError, Held, Reach, Snapshot};
use fleetops_runtime::registry::{RegistryAuthentication, RegistryError, RegistrySettings, SchemaSource};
use reqwest::Url;
use tokio::time::timeout;

use super::facts::{Found, Registry, Subject};
use super::wire;

/// How long the first answer may take.
const FIRST: Duration = Duration::from_secs(4);
/// How long all there is to know about one subject may take.
const ONE_SUBJECT: Duration = Duration::from_secs(5);

/// The environment's way to a registry.
pub(crate) struct Access {
    /// Its address, without credentials.
    pub(crate) url: String,
    client: Result<Client, String>,
    sent: Option<String>,
    settings: RegistrySettings,
}

impl Access {
    /// One for each of the environment's addresses.
    pub(crate) fn all(environment: &ResolvedEnvironment) -> Vec<Self> {
        let urls = environment.registry.as_deref().unwrap_or_default();
        let urls = urls.split(',').map(str::trim).filter(|url| !url.is_empty());
        urls.map(|url| Self::new(url, &environment.registry_auth))
            .collect()
    }

    fn new(url: &str, auth: &ResolvedRegistryAuth) -> Self {
        let mut settings = RegistrySettings::new(url);
        settings.set_timeout(FIRST);
        settings.set_files(
            auth.ca_file.clone(),
            auth.cert_file.clone(),
            auth.key_file.clone(),
        );
        let mut client = client(url, auth);
        let mut sent = None;
        if let Some((user, password)) = &auth.basic {
            sent = Some(format!("user {user}"));
            settings.set_authentication(Some(RegistryAuthentication::basic(user, password.expose())));
            client = client.map(|client| {
                client.with_auth(Auth::Basic {
                    username: user.clone(),
                    password: password.expose().to_owned(),
                })
            });
        } else if let Some(token) = &auth.bearer {
            sent = Some("our token".to_owned());
            settings.set_authentication(Some(RegistryAuthentication::bearer(token.expose())));
            client = client.map(|client| client.with_auth(Auth::Bearer(token.expose().to_owned())));
        }
        Self {
            url: url.to_owned(),
            client,
            sent,
            settings,
        }
    }

    /// The schemas of the registry by ID, as consumers look them up.
    pub(crate) fn schemas(&self) -> Option<SchemaSource> {
        SchemaSource::connect(&self.settings).ok()
    }

    /// Asks for the list of subjects, which every registry has.
    pub(crate) async fn probe(&self) -> Registry {
        let client = match &self.client {
            Ok(client) => client,
            Err(why) => return Registry::Settings(why.clone()),
        };
        let Some((host, port)) = host_port(&self.url) else {
            return Registry::Settings("the address has no host".to_owned());
        };
        let endpoint = wire::reach(&host, port).await;
        if !matches!(endpoint.found, Found::Other(_)) {
            return Registry::Unreachable(endpoint);
        }
        match timeout(FIRST, client.subjects()).await {
            Ok(answer) => registry(answer.map(|names| names.len()), self.sent.as_deref()),
            Err(_) => Registry::Silent(FIRST),
        }
    }

    /// Looks at a subject, and holds all its versions against the tree's schema.
    pub(crate) async fn subject(&self, name: &str, schema: &Schema, level: Level) -> Subject {
        let client = match &self.client {
            Ok(client) => client,
            Err(why) => return Subject::Failed(why.clone()),
        };
        match timeout(ONE_SUBJECT, look(client, self.schemas(), name, schema, level)).await {
            Ok(Ok(subject)) => subject,
            Ok(Err(error)) => Subject::Failed(error.to_string()),
            Err(_) => Subject::Failed(format!(
                "its versions were not to be had within {} s",
                ONE_SUBJECT.as_secs()
            )),
        }
    }
}

fn host_port(url: &str) -> Option<(String, u16)> {
    let url = Url::parse(url).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
    Some((host, url.port_or_known_default()?))
}

fn registry(answer: Result<usize, ClientError>, sent: Option<&str>) -> Registry {
    match answer {
        Ok(subjects) => Registry::Subjects(subjects),
        Err(ClientError::Refused {
            status: status @ (401 | 403),
            ..
        }) => Registry::Refused {
            status,
            sent: sent.map(str::to_owned),
        },
        Err(ClientError::Refused {
            status,
            code,
            message,
            ..
        }) if status >= 500 || status == 429 => {
            let code = code.map_or_else(String::new, |code| format!(" / {code}"));
            Registry::Failing(format!("HTTP {status}{code}: {message}"))
        }
        Err(ClientError::Refused { status, message, .. }) => {
            Registry::Foreign(format!("HTTP {status}: {message:?}"))
        }
        Err(ClientError::Answer { reason, .. }) => Registry::Foreign(reason),
        Err(ClientError::Timeout { timeout, .. }) => Registry::Silent(timeout),
        Err(ClientError::Network { reason, .. }) => Registry::Broken(reason),
        Err(other) => Registry::Settings(other.to_string()),
    }
}

async fn look(
    client: &Client,
    schemas: Option<SchemaSource>,
    name: &str,
    ours: &Schema,
    level: Level,
) -> Result<Subject, ClientError> {
    let held = Snapshot::fetch(client, [name.to_owned()]).await?.held(name);
    if held.is_empty() {
        return Ok(Subject::Missing);
    }
    let (mut versions, mut unreadable) = (Vec::new(), Vec::new());
    for Held { version, schema, .. } in held {
        match schema {
            Ok(registered) => versions.push((version, conflicts(ours, &registered, level))),
            Err(why) => unreadable.push((version, why)),
        }
    }
    let id = match schemas {
        Some(schemas) => match schemas.id_of(name, &ours.text()).await {
            Ok(id) => Some(id),
            Err(RegistryError::NotRegistered { .. }) => None,
            Err(error) => return Ok(Subject::Failed(error.to_string())),
        },
        None => None,
    };
    Ok(Subject::Versions {
        versions,
        unreadable,
        id,
    })
}

/// What the level forbids between the tree's schema and a registered one.
fn conflicts(ours: &Schema, registered: &Schema, level: Level) -> Vec<String> {
    let mut all = Vec::new();
    for direction in level.directions() {
        let (reader, writer, says) = match direction {
            compat::Direction::Backward => (ours, registered, "this tree cannot read its records"),
            compat::Direction::Forward => (registered, ours, "its readers cannot read this tree's records"),
        };
        for found in compat::check(reader, writer) {
            all.push(format!(
                "{says}: {} at {}: {}",
                found.kind, found.location, found.message
            ));
        }
    }
    all
}

fn client(url: &str, auth: &ResolvedRegistryAuth) -> Result<Client, String> {
    let read = |path: &String| std::fs::read(path).map_err(|error| format!("cannot read {path}: {error}"));
    let mut identity = None;
    if let (Some(certificate), Some(key)) = (&auth.cert_file, &auth.key_file) {
        let mut pem = read(certificate)?;
        pem.push(b'\n');
        pem.extend(read(key)?);
        identity = Some(pem);
    }
    let reach = Reach {
        patience: FIRST,
        authorities: auth.ca_file.as_ref().map(read).transpose()?,
        identity,
    };
    Client::reaching(url, &reach).map_err(|error| error.to_string())
}
