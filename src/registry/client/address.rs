//! Addresses of registries: what they may hold, and what of it may be shown.

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;

use super::Auth;
use crate::registry::error::ClientError;

/// The addresses of one registry, of which there is at least one, without user name and password; of these the first
/// one's, where it has any.
pub(super) fn parse(urls: &str) -> Result<(Vec<Url>, Option<Auth>), ClientError> {
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
    match bases.is_empty() {
        false => Ok((bases, auth)),
        true => Err(ClientError::Address {
            url: urls.to_owned(),
            reason: "it is empty".to_owned(),
        }),
    }
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

/// The proxy that a call to this address goes through, as the environment has it, without user name and password.
pub(super) fn proxy(url: &Url) -> Option<String> {
    if is_loopback(url) {
        return None;
    }
    let address = url.as_str().parse().ok()?;
    let between = Matcher::from_env().intercept(&address)?;
    // The parts, because the whole may hold a password.
    let uri = between.uri();
    let port = uri.port().map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{}://{}{port}", uri.scheme_str()?, uri.host()?))
}

/// Whether it is this machine by its number, or by the one name that always is.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or("").trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::super::{Auth, Client};

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
