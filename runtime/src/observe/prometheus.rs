//! An endpoint for Prometheus.

use std::net::SocketAddr;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder};

use super::BUCKETS;

/// Why there is no endpoint.
#[derive(Debug, thiserror::Error)]
#[error("cannot serve metrics at {address}: {source}")]
pub struct PrometheusError {
    address: SocketAddr,
    source: BuildError,
}

/// Installs a recorder for this process and answers `GET /metrics` at the address, for as long as the runtime lives.
///
/// Call it once, within a tokio runtime, before producers and consumers are built. Histograms have [`BUCKETS`]. The endpoint
/// has neither TLS nor a password: bind it to an address that only the scraper reaches.
///
/// # Errors
/// [`PrometheusError`]: the address is taken or not ours, or another recorder is installed already.
pub fn serve_prometheus(address: SocketAddr) -> Result<(), PrometheusError> {
    let failed = |source| PrometheusError { address, source };
    PrometheusBuilder::new()
        .with_http_listener(address)
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
        .map_err(failed)?
        .install()
        .map_err(failed)
}
