//! What stands between us and a registry: told apart by what TLS and the proxies themselves say, so that the advice is
//! about the thing to be changed.
//!
//! reqwest's own error says that a request failed, and its causes why; some of them are inside an I/O error, which does
//! not count them among its causes.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error as TlsError};

/// Why there was no connection, as far as it can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Obstacle {
    /// Nobody listens, there is no such host, or the connection broke.
    Network,
    /// Its certificate is signed by an authority that is not trusted here.
    Authority,
    /// Its certificate was made for another host.
    Host,
    /// Its certificate is not valid at this time.
    Time,
    /// It wants a certificate of ours, or does not take the one it got.
    Identity,
    /// What listens there does not speak TLS.
    NoTls,
    /// What listens there does not speak HTTP; often it speaks TLS.
    NoHttp,
    /// The proxy wants to know who we are.
    ProxyPassword,
    /// The proxy refuses, or is not there.
    Proxy,
}

impl Obstacle {
    /// What to do about it.
    fn advice(self) -> &'static str {
        match self {
            Self::Network => "Check the address, that it is up, the network and the TLS settings",
            Self::Authority => {
                "Its certificate is signed by an authority that is not known here: name the authority's PEM file as `ca-file` \
                 of the environment's registry-auth"
            }
            Self::Host => {
                "Its certificate was made for another name: use an address that the certificate is for"
            }
            Self::Time => {
                "Its certificate is not valid at this time: look at its dates, and at this machine's clock"
            }
            Self::Identity => {
                "It wants a client certificate that it knows: give `cert-file` and `key-file` of the environment's \
                 registry-auth"
            }
            Self::NoTls => "This port does not speak TLS: is it http:// in place of https://?",
            Self::NoHttp => {
                "This port does not speak HTTP: is it https:// in place of http://, or another port?"
            }
            Self::ProxyPassword => {
                "The proxy wants a user name and a password: put them in its address, as in \
                 HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
            }
            Self::Proxy => {
                "The proxy is not reached, or does not let this through: check its address in HTTP_PROXY or HTTPS_PROXY and \
                 its rules, or name the registry's host in NO_PROXY"
            }
        }
    }

    /// What an error and its causes say.
    pub(super) fn of(error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(found) = Self::of_one(error) {
                return found;
            }
            cause = error.source();
        }
        Self::Network
    }

    fn of_one(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(tls) = error.downcast_ref::<TlsError>() {
            return Self::of_tls(tls);
        }
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            return Self::of_one(inner).or_else(|| inner.source().and_then(Self::of_one));
        }
        // Types of their own, which are not public.
        match error.to_string().as_str() {
            "tunnel error: proxy authorization required" => Some(Self::ProxyPassword),
            text if text.starts_with("tunnel error: ") => Some(Self::Proxy),
            text if text.starts_with("invalid HTTP version") => Some(Self::NoHttp),
            _ => None,
        }
    }

    fn of_tls(error: &TlsError) -> Option<Self> {
        match error {
            TlsError::InvalidCertificate(why) => match why {
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    Some(Self::Host)
                }
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Some(Self::Time),
                _ => Some(Self::Authority),
            },
            TlsError::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnknownCA
                | AlertDescription::CertificateUnknown
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateRevoked
                // The signature is not the one of the authority that goes by this name.
                | AlertDescription::DecryptError
                | AlertDescription::AccessDenied,
            ) => Some(Self::Identity),
            TlsError::InvalidMessage(_) => Some(Self::NoTls),
            _ => None,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.advice())
    }
}
