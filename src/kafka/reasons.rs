//! Why a cluster does not answer.
//!
//! librdkafka keeps trying while a call waits, and the call's own error says no more than that the time is up. What went
//! wrong meanwhile (connection refused, a TLS handshake, a wrong password) comes as events on the side; this keeps the
//! last of each kind.

use std::sync::{Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A client's context that remembers.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    last: Mutex<Option<Reason>>,
}

#[derive(Clone, Debug)]
struct Reason {
    code: RDKafkaErrorCode,
    text: String,
}

impl Reasons {
    /// What stood in the way, last.
    pub(super) fn last(&self) -> Option<String> {
        self.lock().as_ref().map(|reason| reason.text.clone())
    }

    /// Whether waiting longer is of no use: the broker answered, and does not let us in.
    pub(super) fn is_final(&self) -> bool {
        self.lock().as_ref().is_some_and(|reason| is_final(reason.code))
    }

    /// Its code.
    pub(super) fn code(&self) -> Option<RDKafkaErrorCode> {
        self.lock().as_ref().map(|reason| reason.code)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Reason>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_final(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::SaslAuthenticationFailed
            | RDKafkaErrorCode::SSL
            | RDKafkaErrorCode::UnsupportedSASLMechanism
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::TopicAuthorizationFailed
    )
}

/// Without the prefix that names librdkafka's thread and broker entry, `127.0.0.1:1/bootstrap: `, and the state of its
/// machinery at the end, `(after 0ms in state CONNECT)`.
fn plain(text: &str) -> &str {
    let text = text.split_once(" (after ").map_or(text, |(text, _)| text);
    match text.split_once(": ") {
        Some((place, rest))
            if place.ends_with("/bootstrap") || place.rsplit('/').next().is_some_and(is_number) =>
        {
            rest
        }
        _ => text,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

impl ClientContext for Reasons {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Unknown);
        let mut last = self.lock();
        // That all brokers are down follows from what was told before; so does what follows a refusal.
        let keeps = last
            .as_ref()
            .is_some_and(|kept| code == RDKafkaErrorCode::AllBrokersDown || is_final(kept.code));
        if !keeps {
            *last = Some(Reason {
                code,
                text: plain(reason.trim()).to_owned(),
            });
        }
    }
}

impl ConsumerContext for Reasons {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_that_explains_is_kept() {
        let reasons = Reasons::default();
        assert_eq!((reasons.last(), reasons.is_final()), (None, false));
        let transport = || KafkaError::Global(RDKafkaErrorCode::BrokerTransportFailure);
        reasons.error(
            transport(),
            "127.0.0.1:1/bootstrap: Connect failed: Connection refused (after 0ms in state CONNECT)",
        );
        reasons.error(
            KafkaError::Global(RDKafkaErrorCode::AllBrokersDown),
            "1/1 brokers are down",
        );
        assert_eq!(
            reasons.last().as_deref(),
            Some("Connect failed: Connection refused")
        );
        reasons.error(
            KafkaError::Global(RDKafkaErrorCode::Authentication),
            "h:1/7: SASL: no",
        );
        reasons.error(transport(), "h:1/7: Disconnected");
        assert_eq!(
            (reasons.last().as_deref(), reasons.is_final()),
            (Some("SASL: no"), true)
        );
    }
}
