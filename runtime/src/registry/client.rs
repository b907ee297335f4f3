//! [`RegistryClient`] over HTTP, by schema_registry_converter.
//!
//! Of that crate only the single calls are used: its caches keep errors, its encoders register. Its errors know the
//! HTTP status only in their text, so [`classify`] reads it from there; which ones are worth another try is decided
//! here. It reads an answer whole, so its size is bounded by the time-out alone.

use std::error::Error as _;
use std::fmt::Write as _;

use schema_registry_converter::async_impl::schema_registry::{SrSettings, perform_sr_call};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{RawError, RawRegisteredSchema, SrCall};

use super::settings::Kind;
use super::{Answer, RegisteredSchema, RegistryClient, RegistryError, RegistrySettings, SchemaReference};
use crate::framing::SchemaId;

/// Characters of a server's message that an error repeats.
const SHOWN: usize = 300;

pub(super) struct HttpClient {
    settings: SrSettings,
    address: String,
}

impl HttpClient {
    pub(super) fn new(registry: &RegistrySettings) -> Result<Self, RegistryError> {
        let settings_error = |reason: String| RegistryError::Settings { reason };
        let Some((first, others)) = registry.urls.split_first() else {
            return Err(settings_error("the registry has no address".to_owned()));
        };
        for url in &registry.urls {
            let parsed = reqwest::Url::parse(url)
                .map_err(|error| settings_error(format!("{url} is no URL: {error}")))?;
            if !matches!(parsed.scheme(), "http" | "https") {
                return Err(settings_error(format!("{url} is neither http:// nor https://")));
            }
        }
        let mut builder = SrSettings::new_builder(first.clone());
        for url in others {
            builder.add_url(url.clone());
        }
        match registry
            .authentication
            .as_ref()
            .map(|authentication| &authentication.0)
        {
            Some(Kind::Basic(username, password)) => {
                builder.set_basic_authorization(username, Some(password.expose()));
            }
            Some(Kind::Bearer(token)) => {
                builder.set_token_authorization(token.expose());
            }
            None => {}
        }
        if registry.urls.iter().all(|url| is_loopback(url)) {
            builder.no_proxy();
        }
        builder.set_timeout(registry.timeout);
        let settings = builder
            .build_with(tls(registry)?.connect_timeout(registry.timeout))
            .map_err(|error| settings_error(chain(&error)))?;
        Ok(Self {
            settings,
            address: registry.urls_text(),
        })
    }

    async fn call(&self, call: SrCall<'_>) -> Result<Option<RawRegisteredSchema>, RegistryError> {
        match perform_sr_call(&self.settings, call).await {
            Ok(found) => Ok(Some(found)),
            Err(error) => match classify(&error, &self.address) {
                Some(error) => Err(error),
                None => Ok(None),
            },
        }
    }

    async fn schema_of(&self, call: SrCall<'_>) -> Result<Option<RegisteredSchema>, RegistryError> {
        let Some(raw) = self.call(call).await? else {
            return Ok(None);
        };
        let Some(schema) = raw.schema else {
            return Err(self.no_answer("the answer has no schema in it"));
        };
        let references = raw
            .references
            .unwrap_or_default()
            .into_iter()
            .map(|reference| SchemaReference {
                name: reference.name,
                subject: reference.subject,
                version: reference.version,
            });
        Ok(Some(RegisteredSchema {
            id: raw.id,
            version: raw.version,
            schema_type: raw.schema_type,
            schema,
            references: references.collect(),
        }))
    }

    fn no_answer(&self, reason: &str) -> RegistryError {
        RegistryError::NoAnswer {
            registry: self.address.clone(),
            reason: reason.to_owned(),
        }
    }
}

impl RegistryClient for HttpClient {
    fn address(&self) -> String {
        self.address.clone()
    }

    fn schema(&self, id: SchemaId) -> Answer<'_, Option<RegisteredSchema>> {
        Box::pin(async move {
            match id {
                SchemaId::Id(id) => self.schema_of(SrCall::GetById(id)).await,
                SchemaId::Guid(guid) => {
                    self.schema_of(SrCall::GetByGuid(&guid.hyphenated().to_string()))
                        .await
                }
                // No registry finds one by it.
                SchemaId::Fingerprint(_) => Ok(None),
            }
        })
    }

    fn version<'a>(&'a self, subject: &'a str, version: Option<u32>) -> Answer<'a, Option<RegisteredSchema>> {
        Box::pin(async move {
            let subject = escaped(subject);
            match version {
                Some(version) => {
                    self.schema_of(SrCall::GetBySubjectAndVersion(&subject, version))
                        .await
                }
                None => self.schema_of(SrCall::GetLatest(&subject)).await,
            }
        })
    }

    fn look_up<'a>(&'a self, subject: &'a str, schema: &'a str) -> Answer<'a, Option<u32>> {
        Box::pin(async move {
            let body = serde_json::json!({ "schema": schema }).to_string();
            match self
                .call(SrCall::PostForVersion(&escaped(subject), &body))
                .await?
            {
                None => Ok(None),
                Some(found) => found
                    .id
                    .map(Some)
                    .ok_or_else(|| self.no_answer("the answer has no id in it")),
            }
        })
    }
}

/// A subject as a segment of a path: schema_registry_converter escapes `/` alone.
fn escaped(subject: &str) -> String {
    let mut out = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

/// TLS as the settings say. Plain HTTP loads no certificates, which a bare machine may not have.
fn tls(registry: &RegistrySettings) -> Result<reqwest::ClientBuilder, RegistryError> {
    let read = |path: &String| {
        std::fs::read(path).map_err(|error| RegistryError::Settings {
            reason: format!("cannot read {path}: {error}"),
        })
    };
    let unusable = |path: &str| {
        let path = path.to_owned();
        move |error: reqwest::Error| RegistryError::Settings {
            reason: format!("{path} is no PEM file: {error}"),
        }
    };
    let mut builder = reqwest::Client::builder();
    if registry.urls.iter().all(|url| url.starts_with("http://")) {
        builder = builder.tls_certs_only([]);
    }
    if let Some(path) = &registry.ca_file {
        let certificates = reqwest::Certificate::from_pem_bundle(&read(path)?).map_err(unusable(path))?;
        builder = builder.tls_certs_merge(certificates);
    }
    match (&registry.cert_file, &registry.key_file) {
        (None, None) => {}
        (Some(certificate), Some(key)) => {
            let mut pem = read(certificate)?;
            pem.push(b'\n');
            pem.extend_from_slice(&read(key)?);
            let identity =
                reqwest::Identity::from_pem(&pem).map_err(unusable(&format!("{certificate} with {key}")))?;
            builder = builder.identity(identity);
        }
        (Some(_), None) => {
            return Err(RegistryError::Settings {
                reason: "a certificate (cert-file) needs its key (key-file)".to_owned(),
            });
        }
        (None, Some(_)) => {
            return Err(RegistryError::Settings {
                reason: "a key (key-file) needs its certificate (cert-file)".to_owned(),
            });
        }
    }
    Ok(builder)
}

/// Whether the URL is of this machine, where no proxy is needed.
fn is_loopback(url: &str) -> bool {
    let host = reqwest::Url::parse(url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned));
    host.is_some_and(|host| {
        host == "localhost"
            || host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}

/// What an error of the crate is; `None`: the registry says that there is no such thing.
fn classify(error: &SRCError, address: &str) -> Option<RegistryError> {
    let registry = address.to_owned();
    let status = error
        .error
        .rsplit_once("status ")
        .and_then(|(_, status)| status.get(..3)?.parse::<u16>().ok());
    let Some(status) = status else {
        return Some(if error.error.starts_with("http call") {
            RegistryError::Unreachable {
                registry,
                reason: chain(error),
            }
        } else {
            RegistryError::NoAnswer {
                registry,
                reason: chain(error),
            }
        });
    };
    let told = error
        .source()
        .and_then(|source| source.downcast_ref::<RawError>());
    let code = told.map_or(0, |told| told.error_code);
    let reason = match told {
        Some(told) if told.error_code != 0 => format!("HTTP {status}, {code}: {}", printable(&told.message)),
        _ => format!("HTTP {status}"),
    };
    match (status, code) {
        // Subject, version or schema not found; a 404 of anything but a registry has none of these codes.
        (404, 40401..=40403) => None,
        (401 | 403, _) => Some(RegistryError::Refused { registry, reason }),
        (408 | 429 | 500..=599, _) => Some(RegistryError::NoAnswer { registry, reason }),
        _ => Some(RegistryError::Rejected { registry, reason }),
    }
}

/// An error with what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    // The crate's own text repeats its cause; start with the cause where there is one.
    let mut next = error.source().or(Some(error));
    while let Some(error) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        next = error.source();
    }
    printable(&text)
}

/// The start of a text that somebody else wrote, on one line.
fn printable(text: &str) -> String {
    let mut out: String = text
        .chars()
        .take(SHOWN)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        out.push_str("...");
    }
    out
}
