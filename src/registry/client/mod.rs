//! A client of a registry: how it is reached, and who asks.
//!
//! One HTTP client serves all addresses of a registry. Its calls are in [`subjects`] and [`settings`], what becomes of one
//! that failed is in [`call`]. Nothing is kept between calls but the address that answered last.

mod address;
mod call;
mod settings;
mod subjects;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Url;

use super::error::{ClientError, causes};

/// Settings by name, as the registry has them.
pub type Settings = serde_json::Map<String, serde_json::Value>;

/// The setting that holds the level, as it is set.
pub const LEVEL: &str = "compatibility";
/// The same as it is answered.
const LEVEL_ANSWERED: &str = "compatibilityLevel";

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(30);

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
    /// [`ClientError::Address`], [`ClientError::Authorities`], [`ClientError::Identity`], [`ClientError::Client`].
    pub fn reaching(urls: &str, reach: &Reach) -> Result<Self, ClientError> {
        let (bases, auth) = address::parse(urls)?;
        let mut http = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT);
        if bases.iter().all(address::is_loopback) {
            // A proxy cannot reach this machine's loopback.
            http = http.no_proxy();
        }
        let foreign = |error: reqwest::Error| ClientError::Authorities {
            reason: causes(&error),
        };
        let no_identity = |error: reqwest::Error| ClientError::Identity {
            reason: causes(&error),
        };
        if let Some(pem) = &reach.authorities {
            let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(foreign)?;
            if certificates.is_empty() {
                return Err(ClientError::Authorities {
                    reason: "there is no certificate in it".to_owned(),
                });
            }
            http = http.tls_certs_merge(certificates);
        }
        if let Some(pem) = &reach.identity {
            http = http.identity(reqwest::Identity::from_pem(pem).map_err(no_identity)?);
        }
        // That a key is another certificate's is found out only now.
        let http = http.build().map_err(|error| match reach {
            Reach {
                identity: Some(_), ..
            } => no_identity(error),
            Reach {
                authorities: Some(_), ..
            } => foreign(error),
            _ => ClientError::Client {
                url: bases.first().map(ToString::to_string).unwrap_or_default(),
                reason: causes(&error),
            },
        })?;
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
}
