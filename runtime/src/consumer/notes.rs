//! What the thread is told: records that were settled or failed, schemas, answers to dead letters, ends of logs.
//!
//! A note that belongs to an assignment carries its epoch, and counts for no other one.

use std::time::Duration;

use super::core::{Core, Partition, Phase, Stop};
use super::delivery::Record;
use super::error::ConsumerError;
use super::letters::{DeadLetters, Ticket};
use super::mail::Note;
use super::mistakes::{Mistake, planted};
use crate::dead_letter::Reason;
use crate::engine::LogEnd;
use crate::topic::Topic;

impl<T: Topic> Core<T> {
    /// Reads the mailbox. What it says to the loop itself is returned.
    pub(crate) fn read_notes(&mut self) -> Option<Stop> {
        let mut notes = std::mem::take(&mut self.notes);
        self.mailbox.take(&mut notes);
        let mut stop = None;
        for note in notes.drain(..) {
            match note {
                Note::Settled {
                    partition,
                    epoch,
                    offset,
                    record,
                } => {
                    self.settled(partition, epoch, offset);
                    if let Some(record) = record {
                        self.spare.give(record);
                    }
                }
                Note::Failed { record, detail } => self.failed(&record, detail),
                Note::Schema { id, answer } => {
                    if let Err(error) = self.values.answer(id, answer) {
                        self.fail(ConsumerError::Registry {
                            topic: self.settings.topic.to_string(),
                            id,
                            detail: error.to_string(),
                        });
                        continue;
                    }
                    let numbers: Vec<i32> = self.partitions.keys().copied().collect();
                    for number in numbers {
                        self.feed(number);
                    }
                }
                Note::DeadLettered { ticket, answer } => self.dead_lettered(ticket, answer),
                Note::LogEnd {
                    partition,
                    epoch,
                    high_watermark,
                    asked_at,
                } => self.log_end(partition, epoch, high_watermark, asked_at),
                Note::Close { deadline } => stop = stop.or(Some(Stop::Close(deadline))),
                Note::Abandon => stop = Some(Stop::Abandon),
            }
        }
        self.notes = notes;
        stop
    }

    /// The partition, if that epoch is the current one.
    fn current(&mut self, number: i32, epoch: u64) -> Option<&mut Partition<T::Event>> {
        let partition = self.partitions.get_mut(&number);
        let partition = partition.filter(|partition| {
            partition.assignment.epoch() == epoch || planted(Mistake::StaleSettleCounted)
        });
        if partition.is_none() {
            self.totals.stale += 1;
        }
        partition
    }

    fn settled(&mut self, number: i32, epoch: u64, offset: i64) {
        if let Some(partition) = self.current(number, epoch) {
            partition.engine.settle(offset);
            partition.handled += 1;
            self.totals.handled += 1;
            self.book.settled(1);
        }
    }

    fn failed(&mut self, record: &Record<T::Event>, detail: String) {
        let number = record.assignment.partition();
        let Some(partition) = self.current(number, record.assignment.epoch()) else {
            return;
        };
        if planted(Mistake::FailureSettled) {
            partition.engine.settle(record.offset);
            return;
        }
        self.totals.failed += 1;
        let (topic, offset) = (&*self.settings.topic, record.offset);
        tracing::warn!(topic, partition = number, offset, detail, "the handler failed");
        if self.letters.is_some() {
            self.letter(record, Reason::HandlerFailed, detail);
        } else {
            self.fail(ConsumerError::HandlerFailed {
                topic: self.settings.topic.to_string(),
                partition: number,
                offset,
                detail,
            });
        }
    }

    fn dead_lettered(&mut self, ticket: Ticket, answer: Result<(), String>) {
        let Ticket {
            partition: number,
            epoch,
            offset,
            reason,
        } = ticket;
        let Some(partition) = self.current(number, epoch) else {
            return;
        };
        partition.letters = partition.letters.saturating_sub(1);
        match answer {
            Ok(()) => {
                partition.engine.settle(offset);
                self.totals.dead_lettered += 1;
                self.book.settled(1);
                tracing::debug!(
                    topic = &*self.settings.topic, partition = number, offset, %reason, "dead letter acknowledged"
                );
            }
            Err(detail) => {
                let dead_letter_topic = self.letters.as_ref().map_or("", DeadLetters::topic).to_owned();
                self.fail(ConsumerError::DeadLetter {
                    topic: self.settings.topic.to_string(),
                    partition: number,
                    offset,
                    reason,
                    dead_letter_topic,
                    detail,
                });
            }
        }
    }

    fn log_end(&mut self, number: i32, epoch: u64, high_watermark: Option<i64>, asked_at: Duration) {
        let now = self.now();
        let Some(partition) = self
            .partitions
            .get_mut(&number)
            .filter(|partition| partition.assignment.epoch() == epoch)
        else {
            return;
        };
        partition.asked = false;
        if high_watermark.is_none() {
            partition.ask_after = now + Duration::from_secs(1);
        }
        if partition.assignment.is_closed() {
            return;
        }
        if let Some(high) = high_watermark {
            partition.high_watermark = partition.high_watermark.max(Some(high));
        }
        // A record in the stash has been received and not given to the engine: the position is below it, as it must be.
        let mut position = partition.position;
        if planted(Mistake::StashCountsAsRead) {
            position = position.max(partition.stash.last().map(|last| last + 1));
        }
        let end = match (high_watermark, position) {
            (Some(high_watermark), Some(position)) => Some(LogEnd {
                high_watermark,
                position,
                asked_at,
            }),
            _ => None,
        };
        partition.engine.tick(now, end, &mut self.outputs);
        self.route(number);
    }

    /// Asks where the log ends for each partition whose waiting records may be due. Returns the time until the next
    /// such question.
    pub(crate) fn ask_for_ends(&mut self) -> Option<Duration> {
        let now = self.now();
        let mut next: Option<Duration> = None;
        for (number, partition) in &mut self.partitions {
            if partition.asked || self.phase != Phase::Reading {
                continue;
            }
            let Some(deadline) = partition.engine.next_deadline() else {
                continue;
            };
            let deadline = deadline.max(partition.ask_after);
            if deadline <= now {
                partition.asked = true;
                self.probe.ask(*number, partition.assignment.epoch());
            } else {
                let wait = deadline - now;
                next = Some(next.map_or(wait, |next| next.min(wait)));
            }
        }
        next
    }
}
