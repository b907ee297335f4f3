//! Figures for a metrics system, under names that stay.
//!
//! With the feature `metrics`, producers and consumers tell the [`metrics`](https://docs.rs/metrics) facade what they do. The
//! application installs a recorder of its choice (Prometheus, OpenTelemetry, StatsD) **before** it builds them: what is built
//! earlier tells nobody. With the feature `prometheus`, `serve_prometheus` installs one and answers scrapes.
//! Without these features nothing here costs anything; [`Consumer::counts`](crate::Consumer::counts) and
//! [`Producer::counts`](crate::Producer::counts) have the same figures in any case.
//!
//! Every metric has the label `topic`, those of consumers `group` too. Counters of consumers are told from the published
//! figures, so they are at most a moment behind; they may be read after a crash as at-least-once, as everything is.
//!
//! Not here: figures of librdkafka's own connections (`statistics.interval.ms`).

/// Names of the metrics. Those that end in `_total` are counters, in `_seconds` histograms, all others gauges.
pub mod name {
    /// Counter of records that have ended, by `outcome`: `handled`, `failed` (given up by the application), `duplicate`,
    /// `frame_duplicate`, `conflict`, `late`, `too_old`, `jump`, `poison`.
    pub const CONSUMER_RECORDS: &str = "fleetops_consumer_records_total";
    /// Counter of records received, at or above the committed offset.
    pub const CONSUMER_RECEIVED: &str = "fleetops_consumer_received_total";
    /// Counter of records read again below the committed offset, to warm up the stages.
    pub const CONSUMER_WARM: &str = "fleetops_consumer_warm_total";
    /// Counter of dead letters that the broker has acknowledged.
    pub const CONSUMER_DEAD_LETTERS: &str = "fleetops_consumer_dead_letters_total";
    /// Counter of missing sequence numbers that were given up.
    pub const CONSUMER_GAPS: &str = "fleetops_consumer_gaps_total";
    /// Counter of records handed out after one of the same `by` value with a higher offset.
    pub const CONSUMER_REORDERED: &str = "fleetops_consumer_reordered_total";
    /// Counter of records that were settled after their partition had been taken away, without effect.
    pub const CONSUMER_STALE: &str = "fleetops_consumer_stale_total";
    /// Counter of times that reading was paused because the application was behind.
    pub const CONSUMER_PAUSES: &str = "fleetops_consumer_pauses_total";
    /// Counter of assignments of a partition.
    pub const CONSUMER_ASSIGNMENTS: &str = "fleetops_consumer_assignments_total";
    /// Counter of dedup keys that were forgotten before their time because of the limit of memory.
    pub const CONSUMER_DEDUP_FORGOTTEN: &str = "fleetops_consumer_dedup_forgotten_total";
    /// Counter of commits, by `result`: `ok`, `refused`.
    pub const CONSUMER_COMMITS: &str = "fleetops_consumer_commits_total";
    /// Gauge, by `partition`: offsets between what is settled and the end of the log.
    pub const CONSUMER_LAG: &str = "fleetops_consumer_lag";
    /// Gauge: partitions assigned.
    pub const CONSUMER_PARTITIONS: &str = "fleetops_consumer_partitions";
    /// Gauge: records that wait in the reorder stage.
    pub const CONSUMER_WAITING: &str = "fleetops_consumer_waiting";
    /// Gauge: records received and not settled.
    pub const CONSUMER_OUTSTANDING: &str = "fleetops_consumer_outstanding";
    /// Gauge: keys that dedup remembers; about 40 bytes each.
    pub const CONSUMER_DEDUP_ENTRIES: &str = "fleetops_consumer_dedup_entries";
    /// Gauge: pairs of `by` and `epoch` that the reorder stage remembers; under a kilobyte each.
    pub const CONSUMER_TRACKS: &str = "fleetops_consumer_tracks";
    /// Histogram, in seconds, by `outcome` (`handled`, `failed`): from when the application got a record to when it settled
    /// it, or gave it up; retries and the pauses between them are part of it.
    pub const CONSUMER_HANDLING: &str = "fleetops_consumer_handling_seconds";
    /// Histogram, in seconds: from sending a commit to the broker's answer.
    pub const CONSUMER_COMMIT: &str = "fleetops_consumer_commit_seconds";
    /// Counter of events given to a producer that have ended, by `outcome`: `acknowledged`, `duplicate`, `failed`.
    pub const PRODUCER_EVENTS: &str = "fleetops_producer_events_total";
    /// Gauge: events handed over, and neither acknowledged nor failed.
    pub const PRODUCER_IN_FLIGHT: &str = "fleetops_producer_in_flight";
    /// Histogram, in seconds: from handing a record over to the broker's acknowledgement, or the failure.
    pub const PRODUCER_DELIVERY: &str = "fleetops_producer_delivery_seconds";
}

/// Upper bounds of the buckets of all histograms, in seconds, for recorders that ask for them.
pub const BUCKETS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
];

#[cfg(not(feature = "metrics"))]
mod off;
#[cfg(feature = "metrics")]
mod on;
#[cfg(feature = "prometheus")]
mod prometheus;

#[cfg(not(feature = "metrics"))]
pub(crate) use off::{ConsumerMeter, HandlingMeter, ProducerMeter, Stopwatch};
#[cfg(feature = "metrics")]
pub use on::describe;
#[cfg(feature = "metrics")]
pub(crate) use on::{ConsumerMeter, HandlingMeter, ProducerMeter, Stopwatch};
#[cfg(feature = "prometheus")]
pub use prometheus::{PrometheusError, serve_prometheus};
