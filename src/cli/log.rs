//! What the libraries say about what they do, as `--verbose` asks for it.
//!
//! The libraries write `tracing` events and install nothing. Here they get somebody who listens: standard error, a line an
//! event. With `-v`, what an operator wants to know: partitions that come and go, commits that are refused, poison, retries
//! of the registry. With `-vv`, everything of theirs and librdkafka's.

use tracing::Level;
use tracing_subscriber::filter::LevelFilter;

use super::Global;

/// Starts listening, if it was asked for.
pub(super) fn start(global: &Global) {
    let level = match global.verbose {
        0 => return,
        1 => Level::INFO,
        _ => Level::DEBUG,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::from_level(level))
        .with_writer(std::io::stderr)
        .with_ansi(global.color_stderr())
        .finish();
    // It fails where somebody listens already, which nobody does in this program.
    let _ = tracing::subscriber::set_global_default(subscriber);
}
