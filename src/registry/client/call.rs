//! One call: how it is made, sent, and sent again.
//!
//! What failed in passing is tried again, at the next address where there are several: a question after any failure that
//! is not an answer and after the server's own (5xx), a change only where it cannot have been made (no connection, 503).
//! A refusal (4xx) is final, except a 429 that says when to come back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;

use super::{Auth, CONNECT, Client, TIMEOUT, address};
use crate::registry::error::{ClientError, causes};
use crate::registry::obstacle::Obstacle;
use crate::registry::wire::Failure;

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// How often a call is made at most, where it fails at once; twice where no answer came in time.
const ATTEMPTS: usize = 3;
/// The first pause before another attempt; each next one is three times as long.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause that a server may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// A call under way: what its error messages need.
pub(super) struct Call {
    pub(super) method: &'static str,
    /// At the address that comes first.
    pub(super) url: String,
    /// The same at every address, that one first.
    addresses: Vec<(usize, Url)>,
    request: RequestBuilder,
    timeout: Duration,
    /// A question, which may be asked twice.
    asks: bool,
    preferred: Arc<AtomicUsize>,
}

impl Client {
    /// A call to `path` below the base address, each segment percent-encoded.
    pub(super) fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Call, ClientError> {
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
    pub(super) fn json<T: serde::Serialize>(mut self, body: &T) -> Self {
        // reqwest keeps a content type that is there already.
        self.request = self.request.header("Content-Type", MEDIA_TYPE).json(body);
        self
    }

    /// A call that changes something: it may take its time, and is not made twice.
    pub(super) fn changing(mut self) -> Self {
        (self.timeout, self.asks) = (TIMEOUT, false);
        self
    }

    /// Sends it, and again where that may help. Of several failures the one is told that was an answer.
    pub(super) async fn send<T: DeserializeOwned>(self) -> Result<T, ClientError> {
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
            let proxy = address::proxy(&address);
            if error.is_timeout() {
                ClientError::Timeout {
                    method,
                    url: url.clone(),
                    timeout: if error.is_connect() {
                        CONNECT.min(timeout)
                    } else {
                        timeout
                    },
                    proxy,
                }
            } else {
                let obstacle = match Obstacle::of(&error) {
                    // Whoever goes through a proxy connects to nobody else.
                    Obstacle::Network if proxy.is_some() && error.is_connect() => Obstacle::Proxy,
                    other => other,
                };
                ClientError::Network {
                    method,
                    url: url.clone(),
                    connect: error.is_connect(),
                    obstacle,
                    proxy,
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
        *request.url_mut() = address.clone();
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
pub(super) fn absent<T>(result: Result<T, ClientError>, codes: &[u32]) -> Result<Option<T>, ClientError> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
