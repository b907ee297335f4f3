//! What became of the events of an input: the counting of receipts, and how the command ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fleetops_runtime::{Outcome as Sent, Receipt, SendError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::input::At;
use crate::cli::{CliError, Outcome};
use crate::demo::grouped;

/// What became of the lines.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) acknowledged: u64,
    pub(super) duplicates: u64,
    pub(super) undelivered: u64,
    /// Of these, how many may be in the log all the same.
    pub(super) unsure: u64,
    /// The first of them.
    pub(super) first_undelivered: Option<(At, String)>,
    pub(super) skipped: u64,
    /// What ended the reading before the end of the input.
    pub(super) bad: Option<(At, String)>,
    /// There is nothing to be read behind it.
    pub(super) broken: bool,
    pub(super) interrupted: bool,
    /// The last event that was handed to the producer, or skipped.
    pub(super) last: At,
    /// The whole input was handed to the producer.
    pub(super) complete: bool,
}

/// Counts what becomes of the events, in the order of lines.
pub(super) async fn settle(
    mut receipts: mpsc::Receiver<(At, Result<Receipt, SendError>)>,
    failed: CancellationToken,
    acknowledged: Arc<AtomicU64>,
) -> Tally {
    let mut tally = Tally::default();
    while let Some((at, handed)) = receipts.recv().await {
        let outcome = match handed {
            Ok(receipt) => receipt.await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(Sent::Duplicate) => tally.duplicates += 1,
            Ok(_) => {
                tally.acknowledged += 1;
                acknowledged.store(tally.acknowledged, Ordering::Relaxed);
            }
            Err(error) => {
                tally.undelivered += 1;
                tally.unsure += u64::from(error.may_be_written());
                if tally.first_undelivered.is_none() {
                    tally.first_undelivered = Some((at, error.to_string()));
                    failed.cancel();
                }
            }
        }
    }
    tally
}

impl Tally {
    pub(super) fn json(&self, topic: &str) -> String {
        let place = |found: &Option<(At, String)>| {
            found.as_ref().map(|(at, message)| {
                let mut object = serde_json::json!({at.unit(): at.number(), "message": message});
                if let At::Line(_, Some(column)) = at {
                    object["column"] = (*column).into();
                }
                object
            })
        };
        let object = serde_json::json!({
            "topic": topic,
            "acknowledged": self.acknowledged,
            "duplicates": self.duplicates,
            "failed": self.undelivered,
            "failed_but_may_be_written": self.unsure,
            "first_failed": place(&self.first_undelivered),
            "skipped": self.skipped,
            "stopped_at": place(&self.bad),
            "interrupted": self.interrupted,
            "complete": self.complete,
            format!("last_{}", self.last.unit()): self.last.number(),
        });
        format!("{object}\n")
    }

    pub(super) fn text(&self, topic: &str, name: &str, took: Duration) -> String {
        let seconds = took.as_secs_f64();
        let mut parts = vec![format!("{} acknowledged", grouped(self.acknowledged))];
        for (count, word) in [
            (self.duplicates, "duplicates not sent again"),
            (self.skipped, "skipped"),
            (self.undelivered, "not delivered"),
        ] {
            if count > 0 {
                parts.push(format!("{} {word}", grouped(count)));
            }
        }
        let rate = match (self.acknowledged as f64 / seconds.max(0.001)) as u64 {
            0 => String::new(),
            rate => format!(" ({} a second)", grouped(rate)),
        };
        let mut text = format!("{topic}: {} in {seconds:.1} s{rate}\n", parts.join(", "));
        if !self.complete {
            text.push_str(&match self.last.number() {
                0 => format!("Nothing of {name} was sent.\n"),
                last => format!("Nothing of {name} was sent after {} {last}.\n", self.last.unit()),
            });
        }
        text
    }

    /// How the command ends. What was done has been told.
    pub(super) fn outcome(&self, name: &str, is_file: bool) -> Result<Outcome, CliError> {
        if let Some((at, reason)) = &self.first_undelivered {
            let unsure = match self.unsure {
                0 => String::new(),
                some => format!(
                    "; {} of them may have been written all the same, without an acknowledgement",
                    grouped(some)
                ),
            };
            let message = format!(
                "{} events were not delivered, the first is {name}{at}: {reason}{unsure}",
                grouped(self.undelivered)
            );
            let help = format!(
                "once that is mended, send the rest again with --after {}",
                at.number().saturating_sub(1)
            );
            return Err(match self.acknowledged {
                0 => CliError::incomplete(message),
                _ => CliError::partial(message),
            }
            .with_help(help));
        }
        if let Some((at, message)) = &self.bad {
            let error = CliError::usage(format!("{name}{at}: {message}"));
            let (unit, number) = (at.unit(), at.number());
            return Err(match number.checked_sub(1) {
                // Nothing was read.
                None => error,
                Some(before) if self.broken => {
                    error.with_help(format!("mend the input, and go on with --after {before}"))
                }
                Some(before) => error.with_help(format!(
                    "correct the {unit}, and go on with --after {before}; or leave such {unit}s out with --skip-invalid"
                )),
            });
        }
        // A pipe that is followed has no other end than Ctrl-C; a file has.
        if self.interrupted && is_file {
            let message = format!(
                "interrupted after {} {} of {name}; go on with --after {1}",
                self.last.unit(),
                self.last.number()
            );
            return Err(match self.acknowledged {
                0 => CliError::incomplete(message),
                _ => CliError::partial(message),
            });
        }
        Ok(match self.skipped {
            0 => Outcome::Clean,
            _ => Outcome::Findings,
        })
    }
}
