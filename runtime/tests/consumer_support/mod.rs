//! What the consumer's tests share: a topic written by hand, a registry in memory, a broker on loopback, and a ledger.

// Each test binary uses its part, and clippy's allowance for tests does not reach a module beside them.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod broker;
mod ledger;
mod reading;
mod registry;
mod stream;

use std::time::{Duration, Instant};

pub use broker::{Broker, Outgoing, header};
pub use ledger::{Ledger, assert_balanced};
pub use reading::{ID, OLD_ID, OLD_SCHEMA, Reading, Readings, SCHEMA, UNREADABLE_ID};
pub use registry::Registry;
pub use stream::{Dice, Stream, stream};

pub const TOPIC: &str = "readings";
pub const DEAD_LETTERS: &str = "readings.dlq";

/// Waits until the condition holds; panics after half a minute.
pub async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < until, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
