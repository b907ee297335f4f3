//! The books: what was put in, what came out, and whether the one explains the other.
//!
//! Some entries must agree whatever was sent: no record may be lost or invented between producer, log, consumer and
//! handler. Where it is known beforehand what must come out, the ledger's figures and every vehicle's very sequence of
//! events are compared too.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::faults::Ledger;

/// An event as the handler saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handled {
    pub(crate) frame: i64,
    pub(crate) event: Uuid,
    pub(crate) offset: i64,
}

/// Counts of the producer under test, and of the one that writes past its cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) sent: u64,
    pub(crate) acknowledged: u64,
    pub(crate) duplicates: u64,
    pub(crate) failed: u64,
    pub(crate) by_another: u64,
}

/// Counts of the consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) received: u64,
    pub(crate) duplicates: u64,
    pub(crate) frame_duplicates: u64,
    pub(crate) conflicts: u64,
    pub(crate) late: u64,
    pub(crate) too_old: u64,
    pub(crate) jumps: u64,
    pub(crate) gaps: u64,
    pub(crate) reordered: u64,
    pub(crate) poison: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) handled: u64,
}

impl Received {
    fn refused(&self) -> u64 {
        self.conflicts + self.late + self.too_old + self.jumps + self.poison
    }
}

/// One partition of the topic when all was over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Partition {
    /// Records ever written to it.
    pub(crate) records: u64,
    /// The offset that the group has committed.
    pub(crate) committed: u64,
    /// Events of it that were handled.
    pub(crate) handled: u64,
}

impl Partition {
    pub(crate) fn lag(&self) -> u64 {
        self.records.saturating_sub(self.committed)
    }
}

/// What another decoder made of a sample of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Witness {
    pub(crate) records: u64,
    /// Where it saw something else, in words; the first few.
    pub(crate) differences: Vec<String>,
}

/// All that was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) producer: Sent,
    pub(crate) consumer: Received,
    pub(crate) partitions: Vec<Partition>,
    /// Records in the dead-letter topic.
    pub(crate) dead_letters: u64,
    /// By vehicle and session, in the order of handling.
    pub(crate) handled: BTreeMap<String, Vec<Handled>>,
    pub(crate) witness: Witness,
}

/// What the ledger promises: the figures, and each vehicle's events.
#[derive(Clone, Debug)]
pub(crate) struct Promise<'a> {
    pub(crate) ledger: &'a Ledger,
    /// By vehicle and session: frame and event, in the order in which they must be handled.
    pub(crate) handled: BTreeMap<String, Vec<(i64, Uuid)>>,
}

/// Every entry that does not balance, a sentence each; none if the books balance.
pub(crate) fn audit(observed: &Observed, promise: Option<&Promise<'_>>) -> Vec<String> {
    let mut audit = Audit::default();
    audit.flow(observed);
    audit.order(observed);
    if let Some(promise) = promise {
        audit.ledger(observed, promise.ledger);
        audit.sequences(observed, promise);
    }
    audit.found
}

#[derive(Default)]
struct Audit {
    found: Vec<String>,
}

impl Audit {
    fn equal(&mut self, left: &str, left_value: u64, right: &str, right_value: u64) {
        if left_value != right_value {
            self.found
                .push(format!("{left}: {left_value}, but {right}: {right_value}"));
        }
    }

    /// No record is lost or invented on the way.
    fn flow(&mut self, observed: &Observed) {
        let (producer, consumer) = (&observed.producer, &observed.consumer);
        let records: u64 = observed.partitions.iter().map(|p| p.records).sum();
        let accounted = producer.acknowledged + producer.duplicates + producer.failed;
        self.equal(
            "sent",
            producer.sent,
            "acknowledged, duplicate or failed",
            accounted,
        );
        self.equal("failed sends", producer.failed, "expected", 0);
        let written = producer.acknowledged + producer.by_another;
        self.equal(
            "records in the log",
            records,
            "acknowledged and written past the cache",
            written,
        );
        self.equal("received", consumer.received, "records in the log", records);
        let settled = consumer.duplicates + consumer.frame_duplicates + consumer.refused() + consumer.handled;
        self.equal(
            "received",
            consumer.received,
            "handled, dropped or refused",
            settled,
        );
        self.equal(
            "handled",
            consumer.handled,
            "events that the handler saw",
            self::count(observed),
        );
        self.equal(
            "dead-lettered",
            consumer.dead_lettered,
            "refused",
            consumer.refused(),
        );
        self.equal(
            "records in the dead-letter topic",
            observed.dead_letters,
            "dead-lettered",
            consumer.dead_lettered,
        );
        for (number, partition) in observed.partitions.iter().enumerate() {
            if partition.lag() > 0 {
                self.found.push(format!(
                    "partition {number}: committed up to {} of {}, which leaves a lag of {}",
                    partition.committed,
                    partition.records,
                    partition.lag()
                ));
            }
        }
        for difference in &observed.witness.differences {
            self.found
                .push(format!("apache-avro decodes otherwise: {difference}"));
        }
    }

    /// Each vehicle in frame order, each event once.
    fn order(&mut self, observed: &Observed) {
        for (vehicle, events) in &observed.handled {
            for pair in events.windows(2) {
                if let [before, after] = pair
                    && after.frame <= before.frame
                {
                    self.found.push(format!(
                        "{vehicle}: frame {} was handled after frame {}",
                        after.frame, before.frame
                    ));
                }
            }
            let mut seen = BTreeSet::new();
            for event in events {
                if !seen.insert(event.event) {
                    self.found
                        .push(format!("{vehicle}: event {} was handled twice", event.event));
                }
            }
        }
    }

    /// The figures are those of the ledger.
    fn ledger(&mut self, observed: &Observed, ledger: &Ledger) {
        let (producer, consumer) = (&observed.producer, &observed.consumer);
        for (name, found, expected) in [
            ("sent", producer.sent, ledger.sent),
            (
                "duplicates dropped by the producer",
                producer.duplicates,
                ledger.producer_duplicates,
            ),
            (
                "records written past the cache",
                producer.by_another,
                ledger.consumer_duplicates,
            ),
            (
                "duplicates dropped by the consumer",
                consumer.duplicates,
                ledger.consumer_duplicates,
            ),
            ("frame duplicates", consumer.frame_duplicates, 0),
            ("conflicts", consumer.conflicts, 0),
            ("late", consumer.late, ledger.late),
            ("too old", consumer.too_old, ledger.too_old),
            ("jumps", consumer.jumps, 0),
            ("poison", consumer.poison, 0),
            ("gaps", consumer.gaps, ledger.gaps),
            ("reordered", consumer.reordered, ledger.reordered),
            ("handled", consumer.handled, ledger.handled_count()),
        ] {
            self.equal(name, found, "in the ledger", expected);
        }
    }

    /// Every vehicle's events are those of the ledger, in its order.
    fn sequences(&mut self, observed: &Observed, promise: &Promise<'_>) {
        for (vehicle, expected) in &promise.handled {
            let found = observed.handled.get(vehicle).map_or(&[][..], Vec::as_slice);
            let differs = (0..expected.len().max(found.len()))
                .find(|&i| found.get(i).map(|h| (h.frame, h.event)) != expected.get(i).copied());
            if let Some(at) = differs {
                let show = |event: Option<(i64, Uuid)>| {
                    event.map_or_else(
                        || "nothing".to_owned(),
                        |(frame, id)| format!("frame {frame} ({id})"),
                    )
                };
                self.found.push(format!(
                    "{vehicle}: as number {} came {}, where the ledger has {}",
                    at + 1,
                    show(found.get(at).map(|h| (h.frame, h.event))),
                    show(expected.get(at).copied())
                ));
            }
        }
        for vehicle in observed
            .handled
            .keys()
            .filter(|vehicle| !promise.handled.contains_key(*vehicle))
        {
            self.found
                .push(format!("{vehicle}: handled, though nobody sent it"));
        }
    }
}

fn count(observed: &Observed) -> u64 {
    observed.handled.values().map(|events| events.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Sequences = BTreeMap<String, Vec<(i64, Uuid)>>;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    /// Two vehicles with three frames each, one duplicate on either side.
    fn balanced() -> (Observed, Ledger, Sequences) {
        let ledger = Ledger {
            sent: 7,
            producer_duplicates: 1,
            consumer_duplicates: 1,
            handled: vec![vec![0, 1, 2], vec![3, 4, 5]],
            ..Ledger::default()
        };
        let sequence = |from: u128| (0..3).map(|n| (n, id(from + n as u128))).collect::<Vec<_>>();
        let expected = BTreeMap::from([("a".to_owned(), sequence(0)), ("b".to_owned(), sequence(10))]);
        let handled = expected
            .iter()
            .map(|(vehicle, events)| {
                let events = events.iter().map(|(frame, event)| Handled {
                    frame: *frame,
                    event: *event,
                    offset: *frame,
                });
                (vehicle.clone(), events.collect())
            })
            .collect();
        let observed = Observed {
            producer: Sent {
                sent: 7,
                acknowledged: 6,
                duplicates: 1,
                failed: 0,
                by_another: 1,
            },
            consumer: Received {
                received: 7,
                duplicates: 1,
                handled: 6,
                ..Received::default()
            },
            partitions: vec![Partition {
                records: 7,
                committed: 7,
                handled: 6,
            }],
            handled,
            ..Observed::default()
        };
        (observed, ledger, expected)
    }

    fn findings(change: impl FnOnce(&mut Observed)) -> Vec<String> {
        let (mut observed, ledger, handled) = balanced();
        change(&mut observed);
        audit(
            &observed,
            Some(&Promise {
                ledger: &ledger,
                handled,
            }),
        )
    }

    #[test]
    fn balanced_books_have_no_findings() {
        assert_eq!(findings(|_| {}), Vec::<String>::new());
        let (observed, ..) = balanced();
        assert_eq!(audit(&observed, None), Vec::<String>::new());
    }

    type Change = fn(&mut Observed);

    #[test]
    fn every_planted_imbalance_is_found() {
        let planted: [(&str, Change); 14] = [
            ("failed sends", |o| o.producer.failed = 1),
            ("sent: 8", |o| o.producer.sent = 8),
            ("records in the log: 8", |o| o.partitions[0].records = 8),
            ("received: 8", |o| o.consumer.received = 8),
            ("lag of 2", |o| o.partitions[0].committed = 5),
            ("dead-letter topic: 1", |o| o.dead_letters = 1),
            ("late: 1", |o| o.consumer.late = 1),
            ("gaps: 2", |o| o.consumer.gaps = 2),
            ("reordered: 1", |o| o.consumer.reordered = 1),
            ("apache-avro decodes otherwise: x", |o| {
                o.witness.differences.push("x".to_owned())
            }),
            ("frame 0 was handled after frame 1", |o| {
                o.handled.get_mut("a").unwrap().swap(0, 1);
            }),
            ("was handled twice", |o| {
                let events = o.handled.get_mut("a").unwrap();
                events[2].event = events[1].event;
            }),
            ("as number 3 came nothing, where the ledger has frame 2", |o| {
                o.handled.get_mut("b").unwrap().pop();
            }),
            ("nobody sent it", |o| {
                o.handled.insert("c".to_owned(), Vec::new());
            }),
        ];
        for (text, change) in planted {
            let found = findings(change);
            assert!(found.iter().any(|line| line.contains(text)), "{text}: {found:?}");
        }
    }
}
