//! The calls.
//!
//! What failed in passing is tried again, at the next address where there are several: a question after any failure that
//! is not an answer and after the server's own (5xx), a change only where it cannot have been made (no connection, 503).
//! A refusal (4xx) is final, except a 429 that says when to come back.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fleetops_avro::compat::Level;
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use super::error::ClientError;
use super::wire::{
    Compatibility, Config, Failure, Mode, Reference, Registered, SchemaRequest, SchemaText, SubjectVersion,
};

/// Settings by name, as the registry has them.
pub type Settings = serde_json::Map<String, serde_json::Value>;

/// The setting that holds the level, as it is set.
pub const LEVEL: &str = "compatibility";
/// The same as it is answered.
const LEVEL_ANSWERED: &str = "compatibilityLevel";

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How often a call is made at most, where it fails at once; twice where no answer came in time.
const ATTEMPTS: usize = 3;
/// The first pause before another attempt; each next one is three times as long.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause that a server may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// How to show the registry who we are.
#[derive(Clone)]
pub enum Auth {
    /// HTTP basic authentication.
    Basic {
        /// The user name, or API key.
        username: String,
        /// The password, or API secret.
        password: String,
    },
    /// A bearer token.
    Bearer(String),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Basic { .. } => "Basic(redacted)",
            Self::Bearer(_) => "Bearer(redacted)",
        })
    }
}

/// How a registry is reached.
#[derive(Clone)]
pub struct Reach {
    /// How long a question may take, connecting included; it is asked once more where that was not enough. What changes
    /// something may always take 30 s and is sent once.
    pub patience: Duration,
    /// PEM: authorities to trust besides the built-in ones.
    pub authorities: Option<Vec<u8>>,
    /// PEM: our certificate and its key.
    pub identity: Option<Vec<u8>>,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            patience: TIMEOUT,
            authorities: None,
            identity: None,
        }
    }
}

impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reach")
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// A client of one registry, at one address or several. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    bases: Arc<Vec<Url>>,
    /// The address that answered last.
    preferred: Arc<AtomicUsize>,
    http: reqwest::Client,
    auth: Option<Auth>,
    patience: Duration,
}

/// A call under way: what its error messages need.
struct Call {
    method: &'static str,
    /// At the address that comes first.
    url: String,
    /// The same at every address, that one first.
    addresses: Vec<(usize, Url)>,
    request: RequestBuilder,
    timeout: Duration,
    /// A question, which may be asked twice.
    asks: bool,
    preferred: Arc<AtomicUsize>,
}

impl Client {
    /// A client of the registry at `url`. A user name and password in the address are taken out of it and used as
    /// basic authentication.
    ///
    /// # Errors
    /// [`ClientError::Address`], [`ClientError::Client`].
    pub fn new(url: &str) -> Result<Self, ClientError> {
        Self::reaching(url, &Reach::default())
    }

    /// The same with time-outs and TLS of one's own. `urls` may be several addresses of one registry, separated by
    /// commas; of these the first one's user name and password count.
    ///
    /// # Errors
    /// [`ClientError::Address`], [`ClientError::Client`].
    pub fn reaching(urls: &str, reach: &Reach) -> Result<Self, ClientError> {
        let mut auth = None;
        let mut bases = Vec::new();
        for url in urls.split(',').map(str::trim) {
            if url.is_empty() && urls.contains(',') {
                continue;
            }
            let mut base = Url::parse(url).map_err(|error| ClientError::Address {
                url: without_credentials(url),
                reason: error.to_string(),
            })?;
            let own = take_credentials(&mut base);
            auth = auth.or(own);
            let refused = |reason: &str| ClientError::Address {
                url: base.to_string(),
                reason: reason.to_owned(),
            };
            if !matches!(base.scheme(), "http" | "https") {
                return Err(refused("it starts with neither http:// nor https://"));
            }
            if base.query().is_some() || base.fragment().is_some() {
                return Err(refused("it has a query or a fragment"));
            }
            bases.push(base);
        }
        let Some(first) = bases.first().map(ToString::to_string) else {
            return Err(ClientError::Address {
                url: urls.to_owned(),
                reason: "it is empty".to_owned(),
            });
        };
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT);
        if bases.iter().all(is_loopback) {
            // A proxy cannot reach this machine's loopback.
            http = http.no_proxy();
        }
        let unusable = |error: reqwest::Error| ClientError::Client {
            url: first.clone(),
            reason: causes(&error),
        };
        if let Some(pem) = &reach.authorities {
            http = http.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem).map_err(unusable)?);
        }
        if let Some(pem) = &reach.identity {
            http = http.identity(reqwest::Identity::from_pem(pem).map_err(unusable)?);
        }
        let http = http.build().map_err(unusable)?;
        Ok(Self {
            bases: Arc::new(bases),
            preferred: Arc::default(),
            http,
            auth,
            patience: reach.patience,
        })
    }

    /// The same with authentication.
    #[must_use]
    pub fn with_auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// The base address, without user name and password; of several the one that answered last.
    pub fn url(&self) -> &str {
        self.base().as_str()
    }

    /// Whether it shows who we are.
    pub fn is_secured(&self) -> bool {
        self.auth.is_some()
    }

    fn base(&self) -> &Url {
        // There is at least one, and the index is one of theirs.
        let index = self.preferred.load(Ordering::Relaxed) % self.bases.len();
        &self.bases[index]
    }

    /// Registers a schema under a subject, and answers its ID. The same schema again gets the same ID.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 40901 where it is incompatible, 42201 where it is invalid.
    pub async fn register(
        &self,
        subject: &str,
        schema: &str,
        references: &[Reference],
    ) -> Result<u32, ClientError> {
        let call = self.call(Method::POST, &["subjects", subject, "versions"], &[])?;
        let call = call.changing().json(&SchemaRequest { schema, references });
        let answer: Registered = call.send().await?;
        Ok(answer.id)
    }

    /// The version of the subject that has this schema; `None` where neither is registered.
    ///
    /// # Errors
    /// As every call.
    pub async fn look_up(
        &self,
        subject: &str,
        schema: &str,
        references: &[Reference],
    ) -> Result<Option<SubjectVersion>, ClientError> {
        let call = self.call(Method::POST, &["subjects", subject], &[])?;
        absent(
            call.json(&SchemaRequest { schema, references }).send().await,
            &[40401, 40403],
        )
    }

    /// The subjects, in the order of names.
    ///
    /// # Errors
    /// As every call.
    pub async fn subjects(&self) -> Result<Vec<String>, ClientError> {
        let names: Option<Vec<String>> = self.call(Method::GET, &["subjects"], &[])?.send().await?;
        let mut names = names.unwrap_or_default();
        names.sort();
        Ok(names)
    }

    /// The subject's versions, lowest first; empty where there is no such subject.
    ///
    /// # Errors
    /// As every call.
    pub async fn versions(&self, subject: &str) -> Result<Vec<u32>, ClientError> {
        let call = self.call(Method::GET, &["subjects", subject, "versions"], &[])?;
        let numbers: Option<Option<Vec<u32>>> = absent(call.send().await, &[40401])?;
        let mut numbers = numbers.flatten().unwrap_or_default();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// A version of a subject by number, or with `None` the latest; `None` where there is none.
    ///
    /// # Errors
    /// As every call.
    pub async fn version(
        &self,
        subject: &str,
        version: Option<u32>,
    ) -> Result<Option<SubjectVersion>, ClientError> {
        let version = version.map_or_else(|| "latest".to_owned(), |number| number.to_string());
        let call = self.call(Method::GET, &["subjects", subject, "versions", &version], &[])?;
        absent(call.send().await, &[40401, 40402])
    }

    /// A version of a subject, also where it is soft-deleted; `None` where there is none.
    ///
    /// # Errors
    /// As every call.
    pub async fn version_even_deleted(
        &self,
        subject: &str,
        version: u32,
    ) -> Result<Option<SubjectVersion>, ClientError> {
        let path = ["subjects", subject, "versions", &version.to_string()];
        let call = self.call(Method::GET, &path, &[("deleted", "true")])?;
        absent(call.send().await, &[40401, 40402])
    }

    /// The schema with that ID; `None` where there is none.
    ///
    /// # Errors
    /// As every call.
    pub async fn schema(&self, id: u32) -> Result<Option<SchemaText>, ClientError> {
        let call = self.call(Method::GET, &["schemas", "ids", &id.to_string()], &[])?;
        absent(call.send().await, &[40403])
    }

    /// Asks whether a schema could be registered: against the versions that the subject's level names. A subject
    /// without versions takes anything.
    ///
    /// # Errors
    /// As every call; 42201 where the schema is invalid (some registries call it incompatible instead).
    pub async fn compatibility(
        &self,
        subject: &str,
        schema: &str,
        references: &[Reference],
    ) -> Result<Compatibility, ClientError> {
        let path = ["compatibility", "subjects", subject, "versions"];
        let call = self.call(Method::POST, &path, &[("verbose", "true")])?;
        let answer = absent(
            call.json(&SchemaRequest { schema, references }).send().await,
            &[40401, 40402],
        )?;
        Ok(answer.unwrap_or(Compatibility {
            is_compatible: true,
            messages: Vec::new(),
        }))
    }

    /// The subject's own compatibility level; `None` where it inherits the global one. Some registries answer
    /// [`Level::None`] for that, which cannot be told from a level somebody set: ask [`Self::effective_level`] for
    /// the one that holds.
    ///
    /// # Errors
    /// As every call.
    pub async fn level(&self, subject: &str) -> Result<Option<Level>, ClientError> {
        let call = self.call(Method::GET, &["config", subject], &[])?;
        let (method, url) = (call.method, call.url.clone());
        match absent::<Config>(call.send().await, &[40401, 40408])? {
            Some(config) => level(method, &url, &config.level).map(Some),
            None => Ok(None),
        }
    }

    /// The level that holds for the subject.
    ///
    /// # Errors
    /// As every call.
    pub async fn effective_level(&self, subject: &str) -> Result<Level, ClientError> {
        let call = self.call(Method::GET, &["config", subject], &[("defaultToGlobal", "true")])?;
        let (method, url) = (call.method, call.url.clone());
        match absent::<Config>(call.send().await, &[40401, 40408])? {
            Some(config) => level(method, &url, &config.level),
            None => self.global_level().await,
        }
    }

    /// The level of subjects that have none of their own.
    ///
    /// # Errors
    /// As every call.
    pub async fn global_level(&self) -> Result<Level, ClientError> {
        let call = self.call(Method::GET, &["config"], &[])?;
        let (method, url) = (call.method, call.url.clone());
        let config: Config = call.send().await?;
        level(method, &url, &config.level)
    }

    /// Sets the subject's level, or with `None` the global one. Its other settings stay.
    ///
    /// # Errors
    /// As every call.
    pub async fn set_level(&self, subject: Option<&str>, level: Level) -> Result<(), ClientError> {
        let mut settings = self.settings(subject, false).await?.unwrap_or_default();
        settings.insert(LEVEL.to_owned(), level.to_string().into());
        self.set_settings(subject, settings).await
    }

    /// All settings of a subject, or with `None` the global ones, as the registry gives them: also those that this
    /// program knows nothing about. `None` where the subject has none of its own; with `inherited` those that hold.
    ///
    /// # Errors
    /// As every call.
    pub async fn settings(
        &self,
        subject: Option<&str>,
        inherited: bool,
    ) -> Result<Option<Settings>, ClientError> {
        let mut path = vec!["config"];
        path.extend(subject);
        let query: &[(&str, &str)] = match inherited {
            true => &[("defaultToGlobal", "true")],
            false => &[],
        };
        let call = self.call(Method::GET, &path, query)?;
        let found: Option<Settings> = absent(call.send().await, &[40401, 40408])?;
        Ok(found.map(|mut settings| {
            // What is asked for and what is set have two names for it.
            if let Some(level) = settings.shift_remove(LEVEL_ANSWERED) {
                settings.insert(LEVEL.to_owned(), level);
            }
            settings
        }))
    }

    /// Replaces the settings of a subject, or with `None` the global ones. Give what [`Self::settings`] gave, with the
    /// changes in it: some registries drop what they are not told.
    ///
    /// # Errors
    /// As every call; 42203 for a level that is none.
    pub async fn set_settings(&self, subject: Option<&str>, settings: Settings) -> Result<(), ClientError> {
        let mut path = vec!["config"];
        path.extend(subject);
        let call = self.call(Method::PUT, &path, &[])?.changing().json(&settings);
        let _: serde_json::Value = call.send().await?;
        Ok(())
    }

    /// Takes a subject's own settings away, or with `None` the global ones. `false`: there were none.
    ///
    /// # Errors
    /// As every call.
    pub async fn clear_settings(&self, subject: Option<&str>) -> Result<bool, ClientError> {
        let mut path = vec!["config"];
        path.extend(subject);
        let call = self.call(Method::DELETE, &path, &[])?.changing();
        let gone: Option<serde_json::Value> = absent(call.send().await, &[40401, 40408])?;
        Ok(gone.is_some())
    }

    /// The mode that holds for a subject, or with `None` the global one: `READWRITE`, `READONLY`, `IMPORT` or another.
    ///
    /// # Errors
    /// As every call.
    pub async fn mode(&self, subject: Option<&str>) -> Result<String, ClientError> {
        let mut path = vec!["mode"];
        path.extend(subject);
        let call = self.call(Method::GET, &path, &[("defaultToGlobal", "true")])?;
        let answer: Option<Mode> = absent(call.send().await, &[40401, 40409])?;
        match (answer, subject) {
            (Some(answer), _) => Ok(answer.mode),
            // A registry that does not know `defaultToGlobal`.
            (None, Some(_)) => {
                let answer: Mode = self.call(Method::GET, &["mode"], &[])?.send().await?;
                Ok(answer.mode)
            }
            (None, None) => Ok("READWRITE".to_owned()),
        }
    }

    /// Sets the mode of a subject, or with `None` the global one. `force` allows IMPORT where there are schemas.
    ///
    /// # Errors
    /// As every call; 42204 for a mode that is none, 42205 where it may not be set.
    pub async fn set_mode(&self, subject: Option<&str>, mode: &str, force: bool) -> Result<(), ClientError> {
        let mut path = vec!["mode"];
        path.extend(subject);
        let query: &[(&str, &str)] = if force { &[("force", "true")] } else { &[] };
        let body = Mode {
            mode: mode.to_owned(),
        };
        let call = self.call(Method::PUT, &path, query)?.changing().json(&body);
        let _: serde_json::Value = call.send().await?;
        Ok(())
    }

    /// Takes a subject's own mode away. `false`: there was none.
    ///
    /// # Errors
    /// As every call.
    pub async fn clear_mode(&self, subject: &str) -> Result<bool, ClientError> {
        let call = self.call(Method::DELETE, &["mode", subject], &[])?.changing();
        let gone: Option<serde_json::Value> = absent(call.send().await, &[40401, 40409])?;
        Ok(gone.is_some())
    }

    /// The subjects, soft-deleted ones too, in the order of names.
    ///
    /// # Errors
    /// As every call.
    pub async fn subjects_even_deleted(&self) -> Result<Vec<String>, ClientError> {
        let call = self.call(Method::GET, &["subjects"], &[("deleted", "true")])?;
        let names: Option<Vec<String>> = call.send().await?;
        let mut names = names.unwrap_or_default();
        names.sort();
        Ok(names)
    }

    /// Deletes a subject, softly or for good; only what is soft-deleted can be deleted for good. The versions that were
    /// deleted.
    ///
    /// # Errors
    /// As every call; 40401 where there is none, 40404 where it is soft-deleted already, 42206 where others refer to it.
    pub async fn delete_subject(&self, subject: &str, permanent: bool) -> Result<Vec<u32>, ClientError> {
        let query: &[(&str, &str)] = if permanent { &[("permanent", "true")] } else { &[] };
        let call = self.call(Method::DELETE, &["subjects", subject], query)?;
        let versions: Option<Vec<u32>> = call.changing().send().await?;
        Ok(versions.unwrap_or_default())
    }

    /// Deletes a version of a subject, softly or for good; only what is soft-deleted can be deleted for good.
    ///
    /// # Errors
    /// As every call; 40402 where there is none, 40406 where it is soft-deleted already, 42206 where others refer to it.
    pub async fn delete_version(
        &self,
        subject: &str,
        version: u32,
        permanent: bool,
    ) -> Result<(), ClientError> {
        let query: &[(&str, &str)] = if permanent { &[("permanent", "true")] } else { &[] };
        let path = ["subjects", subject, "versions", &version.to_string()];
        let call = self.call(Method::DELETE, &path, query)?.changing();
        let _: serde_json::Value = call.send().await?;
        Ok(())
    }

    /// A call to `path` below the base address, each segment percent-encoded.
    fn call(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> Result<Call, ClientError> {
        if let Some(subject) = path.iter().find(|segment| matches!(**segment, "." | ".." | "")) {
            return Err(ClientError::Subject {
                url: self.url().to_owned(),
                subject: (*subject).to_owned(),
            });
        }
        let at = |base: &Url| {
            let mut url = base.clone();
            if let Ok(mut segments) = url.path_segments_mut() {
                segments.pop_if_empty().extend(path);
            }
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            url
        };
        let url = at(self.base());
        let first = self.preferred.load(Ordering::Relaxed) % self.bases.len();
        let mut addresses: Vec<(usize, Url)> = self.bases.iter().map(at).enumerate().collect();
        addresses.rotate_left(first);
        let name = match method {
            Method::GET => "GET",
            Method::POST => "POST",
            Method::PUT => "PUT",
            _ => "DELETE",
        };
        let text = url.to_string();
        let mut request = self
            .http
            .request(method, url)
            .header("Accept", format!("{MEDIA_TYPE}, application/json"));
        request = match &self.auth {
            Some(Auth::Basic { username, password }) => request.basic_auth(username, Some(password)),
            Some(Auth::Bearer(token)) => request.bearer_auth(token),
            None => request,
        };
        Ok(Call {
            method: name,
            url: text,
            addresses,
            request,
            timeout: self.patience,
            asks: true,
            preferred: Arc::clone(&self.preferred),
        })
    }
}

impl Call {
    fn json<T: serde::Serialize>(mut self, body: &T) -> Self {
        // reqwest keeps a content type that is there already.
        self.request = self.request.header("Content-Type", MEDIA_TYPE).json(body);
        self
    }

    /// A call that changes something: it may take its time, and is not made twice.
    fn changing(mut self) -> Self {
        (self.timeout, self.asks) = (TIMEOUT, false);
        self
    }

    /// Sends it, and again where that may help. Of several failures the one is told that was an answer.
    async fn send<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let mut refused: Option<ClientError> = None;
        for attempt in 1.. {
            let (index, url) = &self.addresses[(attempt - 1) % self.addresses.len()];
            let error = match self.once(url.clone()).await {
                Ok(answer) => {
                    self.preferred.store(*index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let pause = self.pause(&error, attempt);
            if matches!(error, ClientError::Refused { .. }) || refused.is_none() {
                refused = Some(error);
            }
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => break,
            }
        }
        // The loop ends with a failure.
        Err(refused.unwrap_or_else(|| ClientError::Answer {
            method: self.method,
            url: self.url,
            reason: "there is none".to_owned(),
        }))
    }

    /// How long to wait before the next attempt; `None`: it is of no use.
    fn pause(&self, error: &ClientError, attempt: usize) -> Option<Duration> {
        let others = self.addresses.len();
        let (most, asked) = match error {
            ClientError::Timeout { .. } if self.asks => (others.max(2), None),
            ClientError::Network { connect, .. } if self.asks || *connect => (others.max(ATTEMPTS), None),
            ClientError::Refused {
                status: 429,
                retry_after: Some(pause),
                ..
            } => (ATTEMPTS, Some(*pause)),
            ClientError::Refused { status: 503, .. } => (others.max(ATTEMPTS), None),
            ClientError::Refused {
                status: 500 | 502 | 504,
                ..
            } if self.asks => (others.max(ATTEMPTS), None),
            _ => return None,
        };
        if attempt >= most || asked.is_some_and(|pause| pause > MAX_PAUSE) {
            return None;
        }
        let round = u32::try_from((attempt - 1) / others).unwrap_or(0);
        Some(match asked {
            Some(pause) => pause,
            // Another address need not be waited for.
            None if !attempt.is_multiple_of(others) => Duration::ZERO,
            None => PAUSE * 3_u32.pow(round.min(3)),
        })
    }

    async fn once<T: DeserializeOwned>(&self, address: Url) -> Result<T, ClientError> {
        let (method, timeout) = (self.method, self.timeout);
        let url = address.to_string();
        let failed = |error: reqwest::Error| {
            if error.is_timeout() {
                ClientError::Timeout {
                    method,
                    url: url.clone(),
                    timeout: if error.is_connect() {
                        CONNECT.min(timeout)
                    } else {
                        timeout
                    },
                }
            } else {
                ClientError::Network {
                    method,
                    url: url.clone(),
                    connect: error.is_connect(),
                    reason: causes(&error.without_url()),
                }
            }
        };
        // Bodies are in memory, so there is always a copy.
        let request = self.request.try_clone().ok_or_else(|| ClientError::Answer {
            method,
            url: url.clone(),
            reason: "the request cannot be repeated".to_owned(),
        })?;
        let (http, request) = request.timeout(timeout).build_split();
        let mut request = request.map_err(failed)?;
        *request.url_mut() = address;
        let response = http.execute(request).await.map_err(failed)?;
        let retry_after = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.trim().parse().ok())
            .map(Duration::from_secs);
        let status = response.status();
        let body = body(response).await.map_err(failed)?;
        let body = body.ok_or_else(|| ClientError::Answer {
            method,
            url: url.clone(),
            reason: format!("it is longer than {MAX_ANSWER} bytes"),
        })?;
        if !status.is_success() {
            let failure = serde_json::from_slice::<Failure>(&body).ok();
            return Err(ClientError::Refused {
                method,
                url: url.clone(),
                status: status.as_u16(),
                retry_after,
                // Some servers repeat the status as the code: that says nothing more.
                code: failure
                    .as_ref()
                    .map(|f| f.error_code)
                    .filter(|code| *code != u32::from(status.as_u16())),
                message: failure.map_or_else(|| excerpt(&body), |f| f.message),
            });
        }
        serde_json::from_slice(&body).map_err(|error| ClientError::Answer {
            method,
            url: url.clone(),
            reason: format!("{error} in {:?}", excerpt(&body)),
        })
    }
}

/// `None` where the registry answered one of `codes`.
fn absent<T>(result: Result<T, ClientError>, codes: &[u32]) -> Result<Option<T>, ClientError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The body; `None` where it is too long.
async fn body(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// The start of a body that was not expected, on one line.
fn excerpt(body: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(body.get(..LONGEST.min(body.len())).unwrap_or(body));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn level(method: &'static str, url: &str, name: &str) -> Result<Level, ClientError> {
    name.parse().map_err(|_| ClientError::Answer {
        method,
        url: url.to_owned(),
        reason: format!("the compatibility level {name:?} is not known"),
    })
}

/// An error with its causes: reqwest's own text ends before the interesting part, and says nothing where there is one.
fn causes(error: &reqwest::Error) -> String {
    let mut text = match std::error::Error::source(error) {
        Some(cause) if error.is_connect() || error.is_request() => cause.to_string(),
        _ => error.to_string(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let more = inner.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = inner.source();
    }
    text
}

fn take_credentials(url: &mut Url) -> Option<Auth> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decode = |text: &str| percent_decode(text);
    let auth = Auth::Basic {
        username: decode(url.username()),
        password: decode(url.password().unwrap_or("")),
    };
    // These fail only for addresses that cannot have a user name, and this one has.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(auth)
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = (byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// An address that does not parse, without what stands before its `@`.
fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => url.to_owned(),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or("").trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_address_and_never_show() {
        let client = Client::new("http://me:s%40cret@localhost:8081/base/").unwrap();
        assert_eq!(client.url(), "http://localhost:8081/base/");
        assert!(
            matches!(&client.auth, Some(Auth::Basic { username, password }) if username == "me" && password == "s@cret")
        );
        assert!(!format!("{client:?}").contains("s@cret"), "{client:?}");
        assert!(!format!("{client:?}").contains("s%40cret"), "{client:?}");
        let error = Client::new("http://me:secret@[oops").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn subjects_are_one_segment_of_the_address() {
        let client = Client::new("http://localhost:8081/base").unwrap();
        let call = client
            .call(
                Method::GET,
                &["subjects", "a/b c%", "versions"],
                &[("deleted", "true")],
            )
            .unwrap();
        assert_eq!(
            call.url,
            "http://localhost:8081/base/subjects/a%2Fb%20c%25/versions?deleted=true"
        );
        let error = client
            .call(Method::GET, &["subjects", "..", "versions"], &[])
            .map(|c| c.url)
            .unwrap_err();
        assert!(matches!(error, ClientError::Subject { .. }), "{error}");
    }

    #[test]
    fn addresses_that_are_no_registry_are_refused() {
        for (url, part) in [
            ("localhost:8081", "neither http"),
            ("ftp://x", "neither http"),
            ("http://x/?a=1", "query"),
        ] {
            let error = Client::new(url).unwrap_err().to_string();
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}
