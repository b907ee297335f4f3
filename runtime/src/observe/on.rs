//! With the feature: instruments of the facade, made once for each producer and consumer.
//!
//! Two consumers of one topic and group in a process share their instruments, so counters grow by differences and gauges
//! move by differences; only the lag of a partition, which one consumer has at a time, is set.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use metrics::{Counter, Gauge, Histogram, Unit, counter, gauge, histogram};

use super::name;
use crate::consumer::ConsumerCounts;

/// Tells the recorder what each metric means and what its unit is. Building a producer or consumer does so by itself.
pub fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    for (name, text) in [
        (name::CONSUMER_RECORDS, "Records that have ended, by outcome"),
        (
            name::CONSUMER_RECEIVED,
            "Records received, at or above the committed offset",
        ),
        (
            name::CONSUMER_WARM,
            "Records read again below the committed offset, to warm up the stages",
        ),
        (
            name::CONSUMER_DEAD_LETTERS,
            "Dead letters that the broker has acknowledged",
        ),
        (name::CONSUMER_GAPS, "Missing sequence numbers that were given up"),
        (
            name::CONSUMER_REORDERED,
            "Records handed out after one of the same `by` value with a higher offset",
        ),
        (
            name::CONSUMER_STALE,
            "Records settled after their partition had been taken away",
        ),
        (
            name::CONSUMER_PAUSES,
            "Times that reading was paused because the application was behind",
        ),
        (name::CONSUMER_ASSIGNMENTS, "Assignments of a partition"),
        (
            name::CONSUMER_DEDUP_FORGOTTEN,
            "Dedup keys forgotten before their time because of the limit of memory",
        ),
        (name::CONSUMER_COMMITS, "Commits, by result"),
        (
            name::PRODUCER_EVENTS,
            "Events given to a producer that have ended, by outcome",
        ),
    ] {
        describe_counter!(name, Unit::Count, text);
    }
    for (name, text) in [
        (
            name::CONSUMER_LAG,
            "Offsets between what is settled and the end of the log, by partition",
        ),
        (name::CONSUMER_PARTITIONS, "Partitions assigned"),
        (name::CONSUMER_WAITING, "Records that wait in the reorder stage"),
        (name::CONSUMER_OUTSTANDING, "Records received and not settled"),
        (name::CONSUMER_DEDUP_ENTRIES, "Keys that dedup remembers"),
        (
            name::CONSUMER_TRACKS,
            "Pairs of `by` and `epoch` that the reorder stage remembers",
        ),
        (
            name::PRODUCER_IN_FLIGHT,
            "Events handed over, and neither acknowledged nor failed",
        ),
    ] {
        describe_gauge!(name, Unit::Count, text);
    }
    for (name, text) in [
        (
            name::CONSUMER_HANDLING,
            "From when the application got a record to when it settled it, or gave it up",
        ),
        (name::CONSUMER_COMMIT, "From sending a commit to the answer"),
        (
            name::PRODUCER_DELIVERY,
            "From handing a record over to its acknowledgement, or failure",
        ),
    ] {
        describe_histogram!(name, Unit::Seconds, text);
    }
}

/// When something began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

/// How long the application takes for a record.
#[derive(Clone)]
pub(crate) struct HandlingMeter {
    handled: Histogram,
    failed: Histogram,
}

impl HandlingMeter {
    pub(crate) fn new(topic: &str, group: &str) -> Self {
        let of = |outcome: &'static str| {
            histogram!(name::CONSUMER_HANDLING,
                "topic" => topic.to_owned(), "group" => group.to_owned(), "outcome" => outcome)
        };
        Self {
            handled: of("handled"),
            failed: of("failed"),
        }
    }

    pub(crate) fn handled(&self, since: Stopwatch) {
        self.handled.record(since.0.elapsed());
    }

    pub(crate) fn failed(&self, since: Stopwatch) {
        self.failed.record(since.0.elapsed());
    }
}

impl fmt::Debug for HandlingMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandlingMeter")
    }
}

/// How a figure of [`ConsumerCounts`] is read.
type Read = fn(&ConsumerCounts) -> u64;

/// A consumer's counters and gauges.
pub(crate) struct ConsumerMeter {
    topic: String,
    group: String,
    counters: Vec<(Counter, Read)>,
    gauges: Vec<(Gauge, Read)>,
    lag: BTreeMap<i32, Gauge>,
    commit: Histogram,
    /// What was told last.
    told: ConsumerCounts,
}

impl ConsumerMeter {
    pub(crate) fn new(topic: &str, group: &str) -> Self {
        describe();
        let labels = || [("topic", topic.to_owned()), ("group", group.to_owned())];
        let plain = |name: &'static str| counter!(name, &labels());
        let outcome = |outcome: &'static str| {
            counter!(name::CONSUMER_RECORDS,
                "topic" => topic.to_owned(), "group" => group.to_owned(), "outcome" => outcome)
        };
        let commits = |result: &'static str| {
            counter!(name::CONSUMER_COMMITS,
                "topic" => topic.to_owned(), "group" => group.to_owned(), "result" => result)
        };
        let counters: Vec<(Counter, Read)> = vec![
            (outcome("handled"), |c| c.handled),
            (outcome("failed"), |c| c.failed),
            (outcome("duplicate"), |c| c.duplicates),
            (outcome("frame_duplicate"), |c| c.frame_duplicates),
            (outcome("conflict"), |c| c.conflicts),
            (outcome("late"), |c| c.late),
            (outcome("too_old"), |c| c.too_old),
            (outcome("jump"), |c| c.jumps),
            (outcome("poison"), |c| c.poison),
            (plain(name::CONSUMER_RECEIVED), |c| c.received),
            (plain(name::CONSUMER_WARM), |c| c.warm),
            (plain(name::CONSUMER_DEAD_LETTERS), |c| c.dead_lettered),
            (plain(name::CONSUMER_GAPS), |c| c.gaps),
            (plain(name::CONSUMER_REORDERED), |c| c.reordered),
            (plain(name::CONSUMER_STALE), |c| c.stale),
            (plain(name::CONSUMER_PAUSES), |c| c.pauses),
            (plain(name::CONSUMER_ASSIGNMENTS), |c| c.assignments),
            (plain(name::CONSUMER_DEDUP_FORGOTTEN), |c| c.dedup_forgotten),
            (commits("ok"), |c| c.commits),
            (commits("refused"), |c| c.commits_failed),
        ];
        let gauges: Vec<(Gauge, Read)> = vec![
            (gauge!(name::CONSUMER_PARTITIONS, &labels()), |c| {
                c.partitions
                    .values()
                    .filter(|partition| partition.assigned)
                    .count() as u64
            }),
            (gauge!(name::CONSUMER_WAITING, &labels()), |c| c.waiting),
            (gauge!(name::CONSUMER_OUTSTANDING, &labels()), |c| c.outstanding),
            (gauge!(name::CONSUMER_DEDUP_ENTRIES, &labels()), |c| {
                c.dedup_entries
            }),
            (gauge!(name::CONSUMER_TRACKS, &labels()), |c| c.tracks),
        ];
        // An instrument that was never touched is not shown: a counter at zero is a figure too.
        counters.iter().for_each(|(counter, _)| counter.increment(0));
        gauges.iter().for_each(|(gauge, _)| gauge.increment(0.0));
        Self {
            topic: topic.to_owned(),
            group: group.to_owned(),
            counters,
            gauges,
            lag: BTreeMap::new(),
            commit: histogram!(name::CONSUMER_COMMIT, &labels()),
            told: ConsumerCounts::default(),
        }
    }

    /// Tells what has changed.
    pub(crate) fn publish(&mut self, counts: &ConsumerCounts) {
        for (counter, read) in &self.counters {
            let more = read(counts).saturating_sub(read(&self.told));
            if more > 0 {
                counter.increment(more);
            }
        }
        for (gauge, read) in &self.gauges {
            move_by(gauge, read(&self.told), read(counts));
        }
        for (number, partition) in &counts.partitions {
            let known = self.told.partitions.get(number);
            let lag = |of: &crate::consumer::PartitionCounts| if of.assigned { of.lag() } else { Some(0) };
            if let Some(now) = lag(partition)
                && known.and_then(lag) != Some(now)
            {
                let gauge = self.lag.entry(*number).or_insert_with(|| {
                    gauge!(name::CONSUMER_LAG, "topic" => self.topic.clone(), "group" => self.group.clone(),
                        "partition" => number.to_string())
                });
                gauge.set(now as f64);
            }
        }
        self.told.clone_from(counts);
    }

    /// The broker has answered a commit.
    pub(crate) fn committed(&self, took: Duration) {
        self.commit.record(took);
    }
}

impl Drop for ConsumerMeter {
    /// Nothing of this consumer is now any more.
    fn drop(&mut self) {
        for (gauge, read) in &self.gauges {
            move_by(gauge, read(&self.told), 0);
        }
        for gauge in self.lag.values() {
            gauge.set(0.0);
        }
    }
}

fn move_by(gauge: &Gauge, from: u64, to: u64) {
    match to.cmp(&from) {
        std::cmp::Ordering::Greater => gauge.increment((to - from) as f64),
        std::cmp::Ordering::Less => gauge.decrement((from - to) as f64),
        std::cmp::Ordering::Equal => {}
    }
}

impl fmt::Debug for ConsumerMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsumerMeter")
            .field("topic", &self.topic)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

/// A producer's instruments.
pub(crate) struct ProducerMeter {
    acknowledged: Counter,
    duplicates: Counter,
    failed: Counter,
    in_flight: Gauge,
    delivery: Histogram,
}

impl ProducerMeter {
    pub(crate) fn new(topic: &str) -> Self {
        describe();
        let outcome = |outcome: &'static str| {
            let counter = counter!(name::PRODUCER_EVENTS, "topic" => topic.to_owned(), "outcome" => outcome);
            counter.increment(0);
            counter
        };
        Self {
            acknowledged: outcome("acknowledged"),
            duplicates: outcome("duplicate"),
            failed: outcome("failed"),
            in_flight: gauge!(name::PRODUCER_IN_FLIGHT, "topic" => topic.to_owned()),
            delivery: histogram!(name::PRODUCER_DELIVERY, "topic" => topic.to_owned()),
        }
    }

    pub(crate) fn handed_over(&self) {
        self.in_flight.increment(1.0);
    }

    pub(crate) fn duplicates(&self, events: u64) {
        self.duplicates.increment(events);
    }

    pub(crate) fn acknowledged(&self, took: Duration) {
        self.in_flight.decrement(1.0);
        self.acknowledged.increment(1);
        self.delivery.record(took);
    }

    pub(crate) fn failed(&self, took: Duration) {
        self.in_flight.decrement(1.0);
        self.failed.increment(1);
        self.delivery.record(took);
    }

    /// Events that failed without being in flight themselves.
    pub(crate) fn refused(&self, events: u64) {
        self.failed.increment(events);
    }
}

impl fmt::Debug for ProducerMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProducerMeter")
    }
}

#[cfg(all(test, feature = "prometheus"))]
#[allow(clippy::unwrap_used)] // clippy knows tests by a plain cfg(test) only
mod tests {
    use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

    use super::*;
    use crate::consumer::PartitionCounts;

    /// Runs `with` with a recorder of its own.
    fn recorded(with: impl FnOnce(&PrometheusHandle)) {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &super::super::BUCKETS)
            .unwrap()
            .build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || with(&handle));
    }

    fn value(handle: &PrometheusHandle, metric: &str) -> Option<f64> {
        let text = handle.render();
        let found = text
            .lines()
            .find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        found.map(|value| value.parse().unwrap())
    }

    fn counts(handled: u64, waiting: u64, lag: i64, assigned: bool) -> ConsumerCounts {
        let mut counts = ConsumerCounts {
            handled,
            waiting,
            ..ConsumerCounts::default()
        };
        let partition = PartitionCounts {
            assigned,
            watermark: Some(0),
            high_watermark: Some(lag),
            ..PartitionCounts::default()
        };
        counts.partitions.insert(3, partition);
        counts
    }

    #[test]
    fn two_consumers_of_a_group_add_up_and_what_ends_is_gone() {
        recorded(|handle| {
            const HANDLED: &str = r#"fleetops_consumer_records_total{topic="t",group="g",outcome="handled"}"#;
            const WAITING: &str = r#"fleetops_consumer_waiting{topic="t",group="g"}"#;
            const LAG: &str = r#"fleetops_consumer_lag{topic="t",group="g",partition="3"}"#;
            let mut one = ConsumerMeter::new("t", "g");
            let mut two = ConsumerMeter::new("t", "g");
            assert_eq!(
                value(handle, HANDLED),
                Some(0.0),
                "a counter that is at zero is shown"
            );
            one.publish(&counts(5, 2, 70, true));
            one.publish(&counts(7, 1, 60, true));
            two.publish(&ConsumerCounts {
                handled: 10,
                waiting: 4,
                ..ConsumerCounts::default()
            });
            assert_eq!(value(handle, HANDLED), Some(17.0), "{}", handle.render());
            assert_eq!(
                (value(handle, WAITING), value(handle, LAG)),
                (Some(5.0), Some(60.0))
            );
            one.publish(&counts(7, 1, 60, false));
            assert_eq!(
                value(handle, LAG),
                Some(0.0),
                "whoever has the partition now tells its lag"
            );
            drop(one);
            drop(two);
            assert_eq!(
                (value(handle, WAITING), value(handle, HANDLED)),
                (Some(0.0), Some(17.0))
            );
        });
    }

    #[test]
    fn every_metric_is_described_and_times_are_seconds() {
        recorded(|handle| {
            let consumer = ConsumerMeter::new("t", "g");
            consumer.committed(Duration::from_millis(30));
            let handling = HandlingMeter::new("t", "g");
            handling.handled(Stopwatch::start());
            let producer = ProducerMeter::new("t");
            producer.handed_over();
            producer.acknowledged(Duration::from_millis(3));
            let text = handle.render();
            for line in text.lines().filter(|line| line.starts_with("# TYPE")) {
                let metric = line.split(' ').nth(2).unwrap();
                assert!(text.contains(&format!("# HELP {metric} ")), "{metric}\n{text}");
            }
            let commit = r#"fleetops_consumer_commit_seconds_bucket{topic="t",group="g",le="0.05"} 1"#;
            assert!(text.contains(commit), "{text}");
            assert!(
                text.contains(r#"fleetops_producer_in_flight{topic="t"} 0"#),
                "{text}"
            );
        });
    }
}
