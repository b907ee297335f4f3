//! Where a registry is and how it is entered.

use std::fmt;
use std::time::Duration;

use crate::connect::Secret;

/// How long one request may take, connecting included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How a schema registry is signed in to. `Debug` shows no secret.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RegistryAuthentication(pub(super) Kind);

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Basic(String, Secret),
    Bearer(Secret),
}

impl RegistryAuthentication {
    /// HTTP basic authentication.
    pub fn basic(username: impl Into<String>, password: impl Into<String>) -> Self {
        Self(Kind::Basic(username.into(), Secret::new(password)))
    }

    /// HTTP bearer authentication.
    pub fn bearer(token: impl Into<String>) -> Self {
        Self(Kind::Bearer(Secret::new(token)))
    }

    /// What the parts that are there amount to.
    pub(crate) fn of(
        username: Option<String>,
        password: Option<String>,
        bearer: Option<String>,
    ) -> Result<Option<Self>, &'static str> {
        match (username, password, bearer) {
            (None, None, None) => Ok(None),
            (Some(username), Some(password), None) => Ok(Some(Self::basic(username, password))),
            (None, None, Some(token)) => Ok(Some(Self::bearer(token))),
            (_, _, Some(_)) => {
                Err("it has both a bearer token and a user name or password: give one of them")
            }
            (Some(_), None, None) => Err("it has a user name and no password"),
            (None, Some(_), None) => Err("it has a password and no user name"),
        }
    }
}

impl fmt::Debug for RegistryAuthentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Basic(username, _) => write!(f, "Basic({username:?}, ***)"),
            Kind::Bearer(_) => f.write_str("Bearer(***)"),
        }
    }
}

/// Addresses, credentials and time-outs of a registry. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct RegistrySettings {
    pub(super) urls: Vec<String>,
    pub(super) authentication: Option<RegistryAuthentication>,
    pub(super) ca_file: Option<String>,
    pub(super) cert_file: Option<String>,
    pub(super) key_file: Option<String>,
    pub(super) timeout: Duration,
}

impl RegistrySettings {
    /// The registry at that URL, or at several separated by commas, which are tried in order.
    ///
    /// `user:password@` of a URL is taken out of it and used as basic authentication; of several the first one counts,
    /// because one registry has one set of users.
    pub fn new(urls: &str) -> Self {
        let mut authentication = None;
        let urls = urls
            .split(',')
            .map(str::trim)
            .filter(|url| !url.is_empty())
            .map(|url| {
                let (url, user_info) = take_user_info(url);
                if authentication.is_none() {
                    authentication =
                        user_info.map(|(user, password)| RegistryAuthentication::basic(user, password));
                }
                url.trim_end_matches('/').to_owned()
            });
        Self {
            urls: urls.collect(),
            authentication,
            ca_file: None,
            cert_file: None,
            key_file: None,
            timeout: TIMEOUT,
        }
    }

    /// Signs in so, where there is a way; otherwise as before.
    pub fn set_authentication(&mut self, authentication: Option<RegistryAuthentication>) -> &mut Self {
        if authentication.is_some() {
            self.authentication = authentication;
        }
        self
    }

    /// PEM files: certificate authorities to trust besides the built-in ones, our certificate, its key.
    pub fn set_files(
        &mut self,
        ca_file: Option<String>,
        cert_file: Option<String>,
        key_file: Option<String>,
    ) -> &mut Self {
        (self.ca_file, self.cert_file, self.key_file) = (ca_file, cert_file, key_file);
        self
    }

    /// How long one request may take; 10 s if nothing is said.
    pub fn set_timeout(&mut self, timeout: Duration) -> &mut Self {
        self.timeout = timeout;
        self
    }

    /// The addresses, without credentials.
    pub(crate) fn urls_text(&self) -> String {
        self.urls.join(",")
    }
}

/// The URL without `user:password@`, and these two.
fn take_user_info(url: &str) -> (String, Option<(String, String)>) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), None);
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let Some((user_info, host)) = authority.rsplit_once('@') else {
        return (url.to_owned(), None);
    };
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    (
        format!("{scheme}://{host}{path}"),
        Some((percent_decode(user), percent_decode(password))),
    )
}

/// RFC 3986, section 2.1. What is no valid escape stays as it is.
fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = match (byte, after) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        out.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() {
            after.get(2..).unwrap_or_default()
        } else {
            after
        };
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_url() {
        let settings = RegistrySettings::new("https://a%40b:p%3Aw@host:8081/base/, http://other:1");
        assert_eq!(settings.urls, ["https://host:8081/base", "http://other:1"]);
        assert_eq!(
            settings.authentication,
            Some(RegistryAuthentication::basic("a@b", "p:w"))
        );
        assert!(!format!("{settings:?}").contains("p:w"));
        assert_eq!(RegistrySettings::new("http://h/x@y").urls, ["http://h/x@y"]);
        assert_eq!(percent_decode("100%"), "100%");
    }
}
