//! What can go wrong with a call, and what to do about it.

use std::time::Duration;

use super::obstacle::Obstacle;

/// A call to a registry that did not succeed. Addresses in it are without user names and passwords.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address is not one of a registry.
    #[error(
        "the schema registry address {url:?} cannot be used: {reason}. Give one such as http://localhost:8081"
    )]
    Address {
        /// As given, without user name and password.
        url: String,
        /// Why.
        reason: String,
    },
    /// The HTTP client could not be made.
    #[error("cannot make an HTTP client for the schema registry {url}: {reason}")]
    Client {
        /// The base address.
        url: String,
        /// Why.
        reason: String,
    },
    /// The certificates of authorities to trust are none.
    #[error(
        "the certificates of authorities to trust (`ca-file`) cannot be used: {reason}. Give a PEM file with one certificate or \
         more"
    )]
    Authorities {
        /// Why.
        reason: String,
    },
    /// Our own certificate or its key cannot be used.
    #[error(
        "the client certificate (`cert-file` and `key-file`) cannot be used: {reason}. Give PEM files, the key without a \
         password, and made for this certificate"
    )]
    Identity {
        /// Why.
        reason: String,
    },
    /// The subject's name cannot be part of an address.
    #[error(
        "the subject {subject:?} cannot be asked for at {url}: its name has a meaning of its own in addresses"
    )]
    Subject {
        /// The base address.
        url: String,
        /// The name.
        subject: String,
    },
    /// No answer in time.
    #[error(
        "{method} {url}{}: no answer within {} s. Check that the schema registry is up and not overloaded", through(.proxy),
        timeout.as_secs()
    )]
    Timeout {
        /// The HTTP method.
        method: &'static str,
        /// The address.
        url: String,
        /// How long was waited.
        timeout: Duration,
        /// The proxy between us, without user name and password.
        proxy: Option<String>,
    },
    /// No connection, or one that broke.
    #[error("the schema registry was not reached ({method} {url}{}): {reason}. {obstacle}", through(.proxy))]
    Network {
        /// The HTTP method.
        method: &'static str,
        /// The address.
        url: String,
        /// There was no connection, so nothing was sent.
        connect: bool,
        /// Why, innermost cause last.
        reason: String,
        /// The same as what stands in the way.
        obstacle: Obstacle,
        /// The proxy between us, without user name and password.
        proxy: Option<String>,
    },
    /// The registry answered with an error.
    #[error("{method} {url}: HTTP {status}{}: {message}{}", code_text(*code), advice(*status, *code))]
    Refused {
        /// The HTTP method.
        method: &'static str,
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
        /// When it asks to come back.
        retry_after: Option<Duration>,
        /// The registry's own `error_code`, such as 40401; none where the answer was not a registry's.
        code: Option<u32>,
        /// The registry's message, or the start of the body.
        message: String,
    },
    /// The answer is not what the API promises.
    #[error(
        "{method} {url}: the answer is not a schema registry's: {reason}. Check that the address is its base address"
    )]
    Answer {
        /// The HTTP method.
        method: &'static str,
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ClientError {
    /// The registry's `error_code`, where it gave one.
    pub fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => *code,
            _ => None,
        }
    }

    /// Whether the same call may succeed later: no answer, no connection, or a failure on the server's side.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Network { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 429,
            _ => false,
        }
    }
}

fn through(proxy: &Option<String>) -> String {
    proxy
        .as_ref()
        .map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
}

fn code_text(code: Option<u32>) -> String {
    code.map_or_else(String::new, |code| format!(" / {code}"))
}

fn advice(status: u16, code: Option<u32>) -> &'static str {
    match (status, code) {
        (_, Some(40901)) => {
            ". Make the change compatible, or lower the subject's level if that is what you want"
        }
        (_, Some(40401..=40403)) => ". Is it registered in this registry, and not deleted?",
        (_, Some(42205)) => ". See the subject's mode",
        (401, _) => ". Give the user name and password, or the token, of the environment's registry-auth",
        (403, _) => ". The user lacks the right to do this",
        (407, _) => {
            ". The proxy wants a user name and a password: put them in its address, as in \
             HTTP_PROXY=http://USER:PASSWORD@HOST:PORT"
        }
        (404, None) => ". Check that the address is the registry's base address",
        (429, _) | (500..=599, _) => ". Try again later, or see the registry's log",
        _ => "",
    }
}

/// An error with its causes: reqwest's own text ends before the interesting part, and says nothing where there is one.
pub(super) fn causes(error: &reqwest::Error) -> String {
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
    // Which part of the HTTP client it came from says nothing to anybody.
    for part in ["client error (Connect): ", "client error (SendRequest): "] {
        if let Some(rest) = text.strip_prefix(part) {
            return rest.to_owned();
        }
    }
    text
}
