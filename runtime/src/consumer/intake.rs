//! Records on their way in: from librdkafka's message through the engine of their partition, and where they go from there.

use rdkafka::Message;
use rdkafka::message::BorrowedMessage;

use super::context;
use super::core::{Core, Partition, Phase, Stashed};
use super::delivery::Record;
use super::error::ConsumerError;
use super::letters::{Letter, Ticket};
use super::making::{DEDUP_KEY, Making, poison, refusal};
use super::mistakes::{Mistake, planted};
use super::native;
use super::raw::Raw;
use super::values::Prepared;
use crate::dead_letter::{Reason, header};
use crate::engine::{Meta, Output};
use crate::topic::Topic;

impl<T: Topic> Core<T> {
    /// A message of librdkafka's.
    pub(crate) fn message(&mut self, message: &BorrowedMessage<'_>) {
        let (number, offset) = (message.partition(), message.offset());
        if !self.takes(number, offset) {
            return;
        }
        self.builder.start(message.key(), message.payload());
        let builder = &mut self.builder;
        native::headers(message, |name, value| builder.header(name, value));
        let raw = builder.finish();
        self.record(number, offset, context::millis(message.timestamp()), raw);
    }

    /// Whether a record is one of ours: it may have been fetched before its partition was taken away, or lie behind the end.
    fn takes(&mut self, number: i32, offset: i64) -> bool {
        let Some(partition) = self.partitions.get_mut(&number) else {
            return false;
        };
        if partition.end.is_some_and(|end| offset >= end) {
            partition.reached = true;
        }
        self.phase == Phase::Reading && !partition.reached
    }

    /// A record that is one of ours. It waits for the next [`Self::feed_all`].
    pub(crate) fn record(&mut self, number: i32, offset: i64, timestamp_ms: Option<i64>, raw: Raw) {
        if let Some(partition) = self.partitions.get_mut(&number) {
            partition.unfed = true;
            partition.stash.push_back(Stashed {
                raw,
                offset,
                timestamp_ms,
            });
        }
    }

    /// The end of a partition's log was reached: all that it had when the fetch was answered has been received.
    pub(crate) fn end_of_partition(&mut self, number: i32) {
        if let Some(partition) = self.partitions.get_mut(&number)
            && partition.end.is_some()
        {
            partition.reached = true;
        }
    }

    /// Gives the engines what has come since the last time: many records at once, because that is cheaper for each.
    pub(crate) fn feed_all(&mut self) {
        let unfed = |(number, partition): (&i32, &Partition<T::Event>)| partition.unfed.then_some(*number);
        while let Some(number) = self.partitions.iter().find_map(unfed) {
            self.feed(number);
        }
    }

    /// Gives the engine what waits in the stash, up to the first record whose schema is not here.
    pub(super) fn feed(&mut self, number: i32) {
        let now = self.now();
        let Some(partition) = self.partitions.get_mut(&number) else {
            return;
        };
        partition.unfed = false;
        if partition.assignment.is_closed() {
            return;
        }
        let mut values = Vec::with_capacity(partition.stash.len());
        let mut metas = Vec::with_capacity(partition.stash.len());
        for stashed in &partition.stash {
            let raw = &stashed.raw;
            match self.values.prepare(raw) {
                Prepared::Missing(id) => {
                    self.values.fetch(id);
                    break;
                }
                value => values.push(value),
            }
            metas.push(Meta {
                offset: stashed.offset,
                timestamp_ms: stashed.timestamp_ms,
                dedup_key: raw.header(DEDUP_KEY).flatten(),
                value: raw.value(),
                replayed: raw.header(header::REPLAY).is_some(),
            });
        }
        let stash = &partition.stash;
        let decode = |at: usize| {
            let stashed = &stash[at];
            let made = Making {
                topic: &self.topic,
                name: &self.settings.topic,
                assignment: &partition.assignment,
                reordered: self.settings.engine.reorder.is_some(),
                raw: &stashed.raw,
                offset: stashed.offset,
                timestamp_ms: stashed.timestamp_ms,
            };
            made.decode(&values[at])
        };
        partition
            .engine
            .receive_all(&metas, now, decode, &mut self.outputs);
        let fed = metas.len();
        if let Some(last) = metas.last() {
            let position = last.offset + 1;
            partition.position = Some(position);
            partition.reached |= partition.end.is_some_and(|end| position >= end);
        }
        partition.stash.drain(..fed);
        self.route(number);
    }

    /// Sends on what an engine gave out.
    pub(super) fn route(&mut self, number: i32) {
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Handle { payload, .. } => self.ready.push(payload),
                Output::Refused {
                    offset,
                    outcome,
                    payload,
                } => {
                    let (reason, detail) = refusal(outcome);
                    if self.letters.is_some() {
                        self.letter(&payload, reason, detail.to_owned());
                    } else if let Some(partition) = self.partitions.get_mut(&number) {
                        partition.engine.settle(offset);
                        self.book.settled(1);
                    }
                }
                Output::Poison {
                    offset,
                    cause,
                    payload,
                } => {
                    let (reason, detail) = poison(cause, &payload);
                    tracing::warn!(
                        topic = &*self.settings.topic, partition = number, offset, %reason, detail, "poison record"
                    );
                    if self.letters.is_some() {
                        self.letter(&payload, reason, detail);
                    } else if self.settings.observer {
                        if let Some(partition) = self.partitions.get_mut(&number) {
                            partition.engine.settle(offset);
                        }
                    } else {
                        self.fail(ConsumerError::Poison {
                            topic: self.settings.topic.to_string(),
                            partition: number,
                            offset,
                            reason,
                            detail,
                        });
                    }
                }
            }
        }
        self.outputs = outputs;
    }

    /// Writes a dead letter; its record is settled when the broker has acknowledged it.
    pub(super) fn letter(&mut self, record: &Record<T::Event>, reason: Reason, detail: String) {
        let partition = record.assignment.partition();
        if let (Some(letters), Some(state)) = (&mut self.letters, self.partitions.get_mut(&partition)) {
            state.letters += 1;
            if planted(Mistake::LetterSettledAtOnce) {
                state.engine.settle(record.offset);
            }
            letters.send(Letter {
                ticket: Ticket {
                    partition,
                    epoch: record.assignment.epoch(),
                    offset: record.offset,
                    reason,
                },
                raw: record.raw.clone(),
                timestamp_ms: record.timestamp_ms,
                detail,
            });
        }
    }
}
