//! `[env.*]`: where the servers are and how to be let in.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use fleetops_avro::Diagnostic;
use fleetops_avro::source::Span;

use super::{Manifest, Spanned, Template};

/// `[env.NAME]`, unexpanded.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The key of its table.
    pub name: Spanned<String>,
    /// Kafka's bootstrap servers, `host:port`, separated by commas.
    pub bootstrap: Spanned<Setting>,
    /// The ID of the Kafka cluster that this must be: a guard against a wrong address.
    pub cluster_id: Option<Spanned<Setting>>,
    /// The schema registry's URL, or several separated by commas.
    pub registry: Option<Spanned<Setting>>,
    /// Overrides the default of the manifest.
    pub replication_factor: Option<Spanned<u16>>,
    /// librdkafka's client settings, by name.
    pub kafka: BTreeMap<String, KafkaSetting>,
    /// How the registry knows us.
    pub registry_auth: Option<RegistryAuth>,
}

/// One of librdkafka's client settings.
#[derive(Clone, Debug)]
pub struct KafkaSetting {
    /// Where the name stands.
    pub name_span: Span,
    /// Its value.
    pub value: Spanned<Setting>,
}

/// `registry-auth = { .. }`: a user name with a password, or a bearer token, and files for TLS.
#[derive(Clone, Debug, Default)]
pub struct RegistryAuth {
    /// With `password`.
    pub username: Option<Spanned<Setting>>,
    /// With `username`.
    pub password: Option<Spanned<Setting>>,
    /// A token; instead of user name and password.
    pub bearer: Option<Spanned<Setting>>,
    /// PEM file of the authorities to trust.
    pub ca_file: Option<Spanned<Setting>>,
    /// PEM file of our certificate; with `key_file`.
    pub cert_file: Option<Spanned<Setting>>,
    /// PEM file of its key; with `cert_file`.
    pub key_file: Option<Spanned<Setting>>,
}

/// A value of an environment. Prints as written: `${VAR}`, or `${file:PATH}` for a file reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// The text itself.
    Text(Template),
    /// `{ file = "PATH" }`: the content of a file, without the line end at its end.
    File(Template),
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::File(path) => write!(f, "${{file:{path}}}"),
        }
    }
}

/// A text that is never printed: `Debug` and `Display` give `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text. For the call that needs it, not for a variable.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A setting with its variables expanded: in the open, or a [`Secret`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResolvedValue {
    /// May be printed.
    Plain(String),
    /// May not.
    Secret(Secret),
}

impl ResolvedValue {
    /// The text, secret or not. For the call that needs it.
    pub fn expose(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Secret(secret) => secret.expose(),
        }
    }
}

impl fmt::Display for ResolvedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => text.fmt(f),
            Self::Secret(secret) => secret.fmt(f),
        }
    }
}

/// An environment with its variables expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedEnvironment {
    /// Its name.
    pub name: String,
    /// Kafka's bootstrap servers.
    pub bootstrap: String,
    /// The ID of the Kafka cluster that this must be.
    pub cluster_id: Option<String>,
    /// The schema registry's URL. Never holds a user or a password: these are in `registry_auth`.
    pub registry: Option<String>,
    /// Overrides the default of the manifest.
    pub replication_factor: Option<u16>,
    /// librdkafka's client settings, by name.
    pub kafka: BTreeMap<String, ResolvedValue>,
    /// How the registry knows us.
    pub registry_auth: ResolvedRegistryAuth,
}

/// How the registry knows us, expanded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvedRegistryAuth {
    /// User name and password.
    pub basic: Option<(String, Secret)>,
    /// A bearer token.
    pub bearer: Option<Secret>,
    /// PEM file of the authorities to trust.
    pub ca_file: Option<String>,
    /// PEM file of our certificate.
    pub cert_file: Option<String>,
    /// PEM file of its key.
    pub key_file: Option<String>,
}

/// Whether a client setting's value is a secret. librdkafka has no list of them; its names tell.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "password",
        "secret",
        "token",
        "bearer",
        "jaas",
        "key.pem",
        "passphrase",
    ]
    .iter()
    .any(|part| name.contains(part))
        && !name.ends_with(".url")
}

impl Environment {
    /// Expands the variables, and reads the files that values refer to. `lookup` gives a variable's value
    /// (`std::env::var(name).ok()`), `read` a file's text (`std::fs::read_to_string`); `manifest` is the one that the
    /// environment is of, and relative files start at its folder.
    ///
    /// # Errors
    /// Every variable that is not set (rule `unset-variable`) and every file that cannot be read (rule `unreadable-file`).
    pub fn resolve(
        &self,
        manifest: &Manifest,
        lookup: impl Fn(&str) -> Option<String>,
        read: impl Fn(&Path) -> io::Result<String>,
    ) -> Result<ResolvedEnvironment, Vec<Diagnostic>> {
        let mut expander = Expander {
            environment: &self.name.value,
            manifest,
            lookup: &lookup,
            read: &read,
            found: Vec::new(),
        };
        let bootstrap = expander.text(&self.bootstrap);
        let cluster_id = self.cluster_id.as_ref().map(|id| expander.text(id));
        let registry = self.registry.as_ref().map(|r| expander.text(r));
        let kafka = self.kafka.iter().map(|(name, setting)| {
            let text = expander.text(&setting.value);
            let secret = is_secret(name) || matches!(setting.value.value, Setting::File(_));
            let value = match secret {
                true => ResolvedValue::Secret(Secret::new(text)),
                false => ResolvedValue::Plain(text),
            };
            (name.clone(), value)
        });
        let kafka = kafka.collect();
        let auth = self.registry_auth.clone().unwrap_or_default();
        let mut part = |setting: &Option<Spanned<Setting>>| setting.as_ref().map(|s| expander.text(s));
        let mut registry_auth = ResolvedRegistryAuth {
            basic: part(&auth.username).zip(part(&auth.password).map(Secret::new)),
            bearer: part(&auth.bearer).map(Secret::new),
            ca_file: part(&auth.ca_file),
            cert_file: part(&auth.cert_file),
            key_file: part(&auth.key_file),
        };
        if !expander.found.is_empty() {
            return Err(expander.found);
        }
        let registry = registry.map(|url| take_user_info(&url, &mut registry_auth));
        Ok(ResolvedEnvironment {
            name: self.name.value.clone(),
            bootstrap,
            cluster_id,
            registry,
            replication_factor: self.replication_factor.as_ref().map(|n| n.value),
            kafka,
            registry_auth,
        })
    }
}

/// Moves `user:password@` of a URL to where secrets are kept; what the manifest says under `registry-auth` wins.
/// Of several URLs the first one's counts, for one registry has one set of users.
fn take_user_info(urls: &str, auth: &mut ResolvedRegistryAuth) -> String {
    let clean = urls.split(',').map(|url| {
        let url = url.trim();
        let Some((scheme, rest)) = url.split_once("://") else {
            return url.to_owned();
        };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let Some((user_info, host)) = authority.rsplit_once('@') else {
            return url.to_owned();
        };
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        if auth.basic.is_none() && auth.bearer.is_none() {
            auth.basic = Some((percent_decode(user), Secret::new(percent_decode(password))));
        }
        format!("{scheme}://{host}{path}")
    });
    clean.collect::<Vec<_>>().join(",")
}

/// RFC 3986, section 2.1. What is no valid escape stays as it is.
fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes().iter();
    while let Some(&byte) = bytes.next() {
        let escape = bytes.as_slice().get(..2).filter(|_| byte == b'%');
        let decoded = escape
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match decoded {
            Some(value) => {
                out.push(value);
                bytes.nth(1);
            }
            None => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

struct Expander<'a> {
    environment: &'a str,
    manifest: &'a Manifest,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    read: &'a dyn Fn(&Path) -> io::Result<String>,
    found: Vec<Diagnostic>,
}

impl Expander<'_> {
    /// The text of a setting; empty where it could not be had, and then there is a finding.
    fn text(&mut self, setting: &Spanned<Setting>) -> String {
        match &setting.value {
            Setting::Text(template) => self.expand(template),
            Setting::File(template) => {
                let before = self.found.len();
                let path = self.expand(template);
                if self.found.len() > before {
                    String::new()
                } else {
                    self.file(&path, setting.span)
                }
            }
        }
    }

    fn expand(&mut self, template: &Template) -> String {
        template.expand(self.lookup).unwrap_or_else(|unset| {
            for (name, span) in unset {
                let message = format!(
                    "environment variable {name} is not set, and env.{} needs it",
                    self.environment
                );
                let diagnostic =
                    Diagnostic::error("unset-variable", self.manifest.place(span), message, "not set");
                self.found.push(diagnostic.help(format!(
                    "set it (`export {name}=...`), or choose another environment with --env"
                )));
            }
            String::new()
        })
    }

    fn file(&mut self, path: &str, span: Span) -> String {
        let path = self.manifest.resolve_path(path);
        match (self.read)(&path) {
            Ok(mut text) => {
                let end = text.trim_end_matches(['\n', '\r']).len();
                text.truncate(end);
                text
            }
            Err(error) => {
                let message = format!(
                    "env.{} takes a value from {}, which cannot be read",
                    self.environment,
                    path.display()
                );
                let place = self.manifest.place(span);
                self.found.push(
                    Diagnostic::error("unreadable-file", place, message, error.to_string())
                        .help("make the file readable, or choose another environment with --env"),
                );
                String::new()
            }
        }
    }
}
