//! The calls.

use std::fmt;
use std::time::Duration;

use fleetops_avro::compat::Level;
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use super::error::ClientError;
use super::wire::{
    Compatibility, Config, ConfigUpdate, Failure, Reference, Registered, SchemaRequest, SchemaText,
    SubjectVersion,
};

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(30);
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

/// A client of one registry. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    base: Url,
    http: reqwest::Client,
    auth: Option<Auth>,
    patience: Duration,
}

/// A call under way: what its error messages need.
struct Call {
    method: &'static str,
    url: String,
    request: RequestBuilder,
    timeout: Duration,
    /// A question, which may be asked twice.
    asks: bool,
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

    /// The same with time-outs and TLS of one's own.
    ///
    /// # Errors
    /// [`ClientError::Address`], [`ClientError::Client`].
    pub fn reaching(url: &str, reach: &Reach) -> Result<Self, ClientError> {
        let mut base = Url::parse(url).map_err(|error| ClientError::Address {
            url: without_credentials(url),
            reason: error.to_string(),
        })?;
        let auth = take_credentials(&mut base);
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
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT);
        if is_loopback(&base) {
            // A proxy cannot reach this machine's loopback.
            http = http.no_proxy();
        }
        let unusable = |error: reqwest::Error| ClientError::Client {
            url: base.to_string(),
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
            base,
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

    /// The base address, without user name and password.
    pub fn url(&self) -> &str {
        self.base.as_str()
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

    /// Sets the subject's level, or with `None` the global one.
    ///
    /// # Errors
    /// As every call.
    pub async fn set_level(&self, subject: Option<&str>, level: Level) -> Result<(), ClientError> {
        let mut path = vec!["config"];
        path.extend(subject);
        let body = ConfigUpdate {
            compatibility: level.to_string(),
        };
        let call = self.call(Method::PUT, &path, &[])?.changing().json(&body);
        let _: serde_json::Value = call.send().await?;
        Ok(())
    }

    /// A call to `path` below the base address, each segment percent-encoded.
    fn call(&self, method: Method, path: &[&str], query: &[(&str, &str)]) -> Result<Call, ClientError> {
        let mut url = self.base.clone();
        if let Some(subject) = path.iter().find(|segment| matches!(**segment, "." | ".." | "")) {
            return Err(ClientError::Subject {
                url: self.base.to_string(),
                subject: (*subject).to_owned(),
            });
        }
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
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
            request,
            timeout: self.patience,
            asks: true,
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

    /// Sends it. A question that was not answered in time is asked once more: registries hang now and then.
    async fn send<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let again = match (self.asks, self.request.try_clone()) {
            (true, Some(request)) => Some(Self {
                url: self.url.clone(),
                request,
                ..self
            }),
            _ => None,
        };
        match (self.once().await, again) {
            (Err(ClientError::Timeout { .. }), Some(again)) => again.once().await,
            (result, _) => result,
        }
    }

    async fn once<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let Self {
            method,
            url,
            request,
            timeout,
            ..
        } = self;
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
                    reason: causes(&error.without_url()),
                }
            }
        };
        let response = request.timeout(timeout).send().await.map_err(failed)?;
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
