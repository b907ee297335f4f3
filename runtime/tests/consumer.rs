//! The consumer against librdkafka's mock cluster (the real protocol over loopback, groups and commits included), or, where
//! `FLEETOPS_TEST_KAFKA` has a broker's address, against that: the same tests hold.
//!
//! The mock refuses commits in a revoke callback, and answers look-ups by time with the end of the log. So where partitions
//! change hands here, records are handled at least once, and warm starts go by the metadata or to the start of the log.

#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests too

#[path = "consumer/batches.rs"]
mod batches;
mod consumer_support;
#[path = "consumer/failures.rs"]
mod failures;
#[path = "consumer/owners.rs"]
mod owners;
#[path = "consumer/pressure.rs"]
mod pressure;
#[path = "consumer/registry.rs"]
mod registry;
#[path = "consumer/whole.rs"]
mod whole;
#[path = "consumer/writers.rs"]
mod writers;

use std::time::Duration;

use fleetops_runtime::consumer::RetryPolicy;

/// For handlers that fail on purpose.
const FAST: RetryPolicy = RetryPolicy {
    retries: 2,
    min_delay: Duration::from_millis(1),
    max_delay: Duration::from_millis(2),
};
