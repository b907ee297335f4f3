//! What `demo` says at the end: a table for people, an object for machines.
//!
//! The object starts with the keys that other programs rely on, in this order; what else is there comes after them.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::books::Observed;

/// A run, as far as it is told of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// What was sent, in a few words.
    pub(crate) title: String,
    /// The consumer group.
    pub(crate) group: String,
    /// The topic.
    pub(crate) topic: String,
    pub(crate) observed: Observed,
    /// Entries that do not balance.
    pub(crate) findings: Vec<String>,
    /// Whether the ledger's figures were compared: else only what must hold for any input.
    pub(crate) exact: bool,
    /// Whether somebody ended it early.
    pub(crate) interrupted: bool,
    /// From the first send to the last acknowledgement.
    pub(crate) producing: Duration,
    /// From the first send to the last event handled.
    pub(crate) handling: Duration,
}

impl Report {
    fn rate(count: u64, time: Duration) -> u64 {
        let seconds = time.as_secs_f64();
        if seconds > 0.0 {
            (count as f64 / seconds).round() as u64
        } else {
            0
        }
    }

    fn written(&self) -> u64 {
        self.observed.producer.acknowledged + self.observed.producer.by_another
    }

    /// The object.
    pub(crate) fn json(&self) -> Value {
        let (producer, consumer) = (&self.observed.producer, &self.observed.consumer);
        let partitions: Vec<Value> = self
            .observed
            .partitions
            .iter()
            .enumerate()
            .map(|(partition, p)| {
                json!({
                    "partition": partition,
                    "records": p.records,
                    "handled": p.handled,
                    "committed": p.committed,
                    "lag": p.lag(),
                })
            })
            .collect();
        json!({
            "sent": producer.sent,
            "producer_duplicates": producer.duplicates,
            "consumer_duplicates": consumer.duplicates,
            "frame_duplicates": consumer.frame_duplicates,
            "conflicts": consumer.conflicts,
            "late": consumer.late,
            "too_old": consumer.too_old,
            "jumps": consumer.jumps,
            "gaps": consumer.gaps,
            "reordered": consumer.reordered,
            "dead_lettered": consumer.dead_lettered,
            "handled": consumer.handled,
            "acknowledged": producer.acknowledged,
            "written_by_another": producer.by_another,
            "received": consumer.received,
            "poison": consumer.poison,
            "vehicles": self.observed.handled.len(),
            "partitions": partitions,
            "witnessed": self.observed.witness.records,
            "produced_per_second": Self::rate(self.written(), self.producing),
            "handled_per_second": Self::rate(consumer.handled, self.handling),
            "seconds": (self.handling.as_secs_f64() * 1000.0).round() / 1000.0,
            "interrupted": self.interrupted,
            "balanced": self.findings.is_empty(),
            "findings": self.findings,
        })
    }

    /// The table.
    pub(crate) fn text(&self, style: &Style) -> String {
        let (producer, consumer) = (&self.observed.producer, &self.observed.consumer);
        let mut table = Table::new(style);
        table.heading(&self.title);
        table.group("Producer");
        table.row("sent", producer.sent, "events");
        table.row("duplicates dropped", producer.duplicates, "");
        table.row("acknowledged", producer.acknowledged, "");
        if producer.by_another > 0 {
            table.row("written by another producer", producer.by_another, "duplicates");
        }
        table.group(&format!("Consumer, group {}", self.group));
        table.row("received", consumer.received, "records");
        table.row("duplicates dropped", consumer.duplicates, "");
        table.row("reordered", consumer.reordered, "put back in frame order");
        for (name, count, note) in [
            ("frame duplicates dropped", consumer.frame_duplicates, ""),
            ("conflicts", consumer.conflicts, "to the dead-letter topic"),
            ("jumps", consumer.jumps, "to the dead-letter topic"),
            ("poison", consumer.poison, "to the dead-letter topic"),
        ] {
            if count > 0 {
                table.row(name, count, note);
            }
        }
        let refused = if consumer.late + consumer.too_old > 0 {
            "to the dead-letter topic"
        } else {
            ""
        };
        table.row("late", consumer.late, refused);
        table.row("too old", consumer.too_old, refused);
        table.row("gaps", consumer.gaps, "missing frames");
        table.row(
            "handled",
            consumer.handled,
            &format!("of {} vehicles", grouped(self.observed.handled.len() as u64)),
        );
        table.group(&format!("Topic {}", self.topic));
        table.partitions(self);
        table.group("Rates");
        table.row(
            "produced",
            Self::rate(self.written(), self.producing),
            "records/s",
        );
        table.row("handled", Self::rate(consumer.handled, self.handling), "events/s");
        table.line("time", &format!("{:.2}", self.handling.as_secs_f64()), "s");
        table.verdict(self);
        table.text
    }
}

/// Escapes for a terminal, or none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    bold: &'static str,
    dim: &'static str,
    good: &'static str,
    bad: &'static str,
    off: &'static str,
}

impl Style {
    pub(crate) fn new(color: bool) -> Self {
        if !color {
            return Self::default();
        }
        Self {
            bold: "\u{1b}[1m",
            dim: "\u{1b}[2m",
            good: "\u{1b}[1;32m",
            bad: "\u{1b}[1;31m",
            off: "\u{1b}[0m",
        }
    }
}

const NAMES: usize = 28;
const NUMBERS: usize = 10;

struct Table<'a> {
    text: String,
    style: &'a Style,
}

impl<'a> Table<'a> {
    fn new(style: &'a Style) -> Self {
        Self {
            text: String::new(),
            style,
        }
    }

    // Writing to a String cannot fail.
    fn put(&mut self, line: std::fmt::Arguments<'_>) {
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    fn heading(&mut self, title: &str) {
        let Style { bold, off, .. } = *self.style;
        self.put(format_args!("{bold}{title}{off}"));
    }

    fn group(&mut self, name: &str) {
        let Style { bold, off, .. } = *self.style;
        self.put(format_args!("\n{bold}{name}{off}"));
    }

    fn row(&mut self, name: &str, count: u64, note: &str) {
        self.line(name, &grouped(count), note);
    }

    fn line(&mut self, name: &str, value: &str, note: &str) {
        let Style { dim, off, .. } = *self.style;
        if note.is_empty() {
            self.put(format_args!("  {name:<NAMES$}{value:>NUMBERS$}"));
        } else {
            self.put(format_args!(
                "  {name:<NAMES$}{value:>NUMBERS$}  {dim}{note}{off}"
            ));
        }
    }

    fn partitions(&mut self, report: &Report) {
        let Style { dim, off, .. } = *self.style;
        let all = &report.observed.partitions;
        let names = ["partition", "records", "handled", "committed", "lag"];
        let header: String = names.iter().map(|name| format!("{name:>12}")).collect();
        self.put(format_args!("{dim}{header}{off}"));
        let mut row = |label: &str, values: [u64; 4]| {
            let cells: String = values
                .iter()
                .map(|value| format!("{:>12}", grouped(*value)))
                .collect();
            self.put(format_args!("{label:>12}{cells}"));
        };
        for (number, p) in all.iter().enumerate() {
            row(&number.to_string(), [p.records, p.handled, p.committed, p.lag()]);
        }
        let sum = |f: fn(&super::books::Partition) -> u64| all.iter().map(f).sum();
        row(
            "all",
            [
                sum(|p| p.records),
                sum(|p| p.handled),
                sum(|p| p.committed),
                sum(|p| p.lag()),
            ],
        );
    }

    fn verdict(&mut self, report: &Report) {
        let Style { good, bad, off, .. } = *self.style;
        if !report.findings.is_empty() {
            self.put(format_args!("\n{bad}The books do not balance.{off}"));
            const SHOWN: usize = 20;
            for finding in report.findings.iter().take(SHOWN) {
                self.put(format_args!("  {finding}"));
            }
            if let Some(more) = report.findings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
                self.put(format_args!("  and {more} more"));
            }
            return;
        }
        let ended = if report.interrupted {
            " Ended early; what was sent went all the way."
        } else {
            ""
        };
        self.put(format_args!("\n{good}The books balance.{off}{ended}"));
        self.put(format_args!(
            "  Every accepted event was handled exactly once, each vehicle in frame order."
        ));
        if report.exact {
            self.put(format_args!(
                "  Every count, and every vehicle's sequence, is what was put in."
            ));
        }
        self.put(format_args!(
            "  {} records of the log, decoded again by apache-avro, gave the same values.",
            grouped(report.observed.witness.records)
        ));
    }
}

/// 1234567 as 1,234,567.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::books::{Partition, Received, Sent, Witness};
    use super::*;

    fn report() -> Report {
        Report {
            title: "Generated scene: 6 events of 2 vehicles".to_owned(),
            group: "anomaly-service-group".to_owned(),
            topic: "raw_telemetry".to_owned(),
            observed: Observed {
                producer: Sent {
                    sent: 1_234_567,
                    acknowledged: 6,
                    duplicates: 1,
                    ..Sent::default()
                },
                consumer: Received {
                    received: 6,
                    handled: 5,
                    late: 1,
                    dead_lettered: 1,
                    ..Received::default()
                },
                partitions: vec![Partition {
                    records: 6,
                    committed: 6,
                    handled: 5,
                }],
                witness: Witness {
                    records: 6,
                    differences: Vec::new(),
                },
                ..Observed::default()
            },
            exact: true,
            producing: Duration::from_millis(500),
            handling: Duration::from_secs(1),
            ..Report::default()
        }
    }

    #[test]
    fn the_object_starts_with_the_promised_keys() {
        let text = report().json().to_string();
        let start = r#"{"sent":1234567,"producer_duplicates":1,"consumer_duplicates":0,"frame_duplicates":0,"conflicts":0,"late":1,"too_old":0,"jumps":0,"gaps":0,"reordered":0,"dead_lettered":1,"handled":5,"#;
        assert!(text.starts_with(start), "{text}");
        assert!(
            text.contains(r#""balanced":true"#) && text.contains(r#""produced_per_second":12"#),
            "{text}"
        );
    }

    #[test]
    fn the_table_is_plain_and_aligned_without_a_terminal() {
        let text = report().text(&Style::new(false));
        assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
        assert!(
            text.contains("  sent                         1,234,567  events\n"),
            "{text}"
        );
        assert!(
            text.contains("  late                                 1  to the dead-letter topic\n"),
            "{text}"
        );
        assert!(
            text.contains("           0           6           5           6           0\n"),
            "{text}"
        );
        assert!(text.contains("The books balance."), "{text}");
        assert!(
            text.lines()
                .all(|line| line.len() <= 100 && line.trim_end() == line),
            "{text}"
        );
        assert!(
            report()
                .text(&Style::new(true))
                .contains("\u{1b}[1;32mThe books balance.")
        );
    }

    #[test]
    fn findings_are_told() {
        let mut report = report();
        report.findings = (0..25).map(|n| format!("finding {n}")).collect();
        let text = report.text(&Style::new(false));
        assert!(
            text.contains("The books do not balance.\n  finding 0\n"),
            "{text}"
        );
        assert!(
            text.contains("finding 19") && !text.contains("finding 20") && text.contains("and 5 more"),
            "{text}"
        );
        assert_eq!(report.json()["balanced"], false);
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
