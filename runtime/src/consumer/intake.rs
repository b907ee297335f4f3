//! Records on their way in: from librdkafka's message through the engine of their partition, and where they go from there.

use std::sync::Arc;

use super::core::{Core, Partition, Phase};
use super::delivery::{Made, Record};
use super::error::ConsumerError;
use super::fetched::View;
use super::letters::{Letter, Ticket};
use super::making::{Making, poison, refusal};
use super::mistakes::{Mistake, planted};
use super::raw::Raw;
use super::stash::Waiting;
use super::values::Prepared;
use crate::dead_letter::Reason;
use crate::engine::{Meta, Output};
use crate::framing::SchemaId;
use crate::topic::Topic;

impl<T: Topic> Core<T> {
    /// A message of librdkafka's.
    pub(super) fn message(&mut self, message: View<'_>) {
        let (number, offset) = (message.partition(), message.offset());
        if !self.takes(number, offset) {
            return;
        }
        self.record(number, offset, message.timestamp_ms(), |raw| {
            raw.start(message.key(), message.value());
            message.headers(|name, value| raw.header(name, value));
        });
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
    pub(crate) fn record(
        &mut self,
        number: i32,
        offset: i64,
        timestamp_ms: Option<i64>,
        fill: impl FnOnce(&mut Raw),
    ) {
        if let Some(partition) = self.partitions.get_mut(&number) {
            partition.unfed = true;
            let mut raw = self.spare.raw();
            fill(&mut raw);
            partition.stash.push(Waiting {
                offset,
                timestamp_ms,
                raw,
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
        let mut values = emptied(std::mem::take(&mut self.values_room));
        let mut metas = emptied(std::mem::take(&mut self.metas));
        let mut latest = None;
        let mut missing = None;
        for record in partition.stash.waiting() {
            let raw = &record.raw;
            let known = raw.known();
            match self.values.prepare(raw, known.schema_id.flatten(), &mut latest) {
                Prepared::Missing(id) => {
                    missing = Some(id);
                    break;
                }
                value => values.push(value),
            }
            metas.push(Meta {
                offset: record.offset,
                timestamp_ms: record.timestamp_ms,
                dedup_key: known.dedup_key.flatten(),
                value: raw.value(),
                replayed: known.replay.is_some(),
            });
        }
        let stash = &partition.stash;
        let mut making = Making {
            topic: &self.topic,
            reordered: self.settings.engine.reorder.is_some(),
            lanes: &self.lanes,
            spare: &mut self.spare,
        };
        // For every number that is asked for there is a record.
        let none = Raw::default();
        partition.engine.receive_all(
            &metas,
            now,
            |at, fields| {
                let raw = stash.get(at).map_or(&none, |record| &record.raw);
                making.decode(raw, &values[at], fields)
            },
            &mut self.outputs,
        );
        let fed = metas.len();
        if let Some(last) = metas.last() {
            let position = last.offset + 1;
            partition.position = Some(position);
            partition.reached |= partition.end.is_some_and(|end| position >= end);
        }
        self.metas = emptied(metas);
        self.values_room = emptied(values);
        self.route(number);
        let Some(partition) = self.partitions.get_mut(&number) else {
            return;
        };
        let Partition { stash, engine, .. } = partition;
        stash.clear_fed(
            fed,
            |offset| engine.is_outstanding(offset),
            |raw| self.spare.give_raw(raw),
        );
        if let Some(id) = missing {
            self.values.fetch(id);
            // Fingerprints behind it too: those that are looked for together share the registry's answers.
            let missing = |record: &Waiting| {
                let schema_id = record.raw.known().schema_id.flatten();
                match self.values.prepare(&record.raw, schema_id, &mut None) {
                    Prepared::Missing(id @ SchemaId::Fingerprint(_)) => Some(id),
                    _ => None,
                }
            };
            let more: Vec<SchemaId> = stash.waiting().filter_map(missing).collect();
            more.into_iter().for_each(|id| self.values.fetch(id));
        }
    }

    /// Sends on what an engine gave out.
    pub(super) fn route(&mut self, number: i32) {
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Handle { offset, payload } => {
                    let record = self.put_together(number, offset, payload);
                    self.ready.extend(record);
                }
                Output::Refused {
                    offset,
                    outcome,
                    payload,
                } => {
                    let (reason, detail) = refusal(outcome);
                    // Also where nothing is done with it: nothing is kept of it any more.
                    let record = if planted(Mistake::RefusedKept) {
                        None
                    } else {
                        self.put_together(number, offset, payload)
                    };
                    if self.letters.is_some() {
                        if let Some(record) = record {
                            self.letter(&record, reason, detail.to_owned());
                        }
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
                        if let Some(record) = self.put_together(number, offset, payload) {
                            self.letter(&record, reason, detail);
                        }
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

    /// A record, of what was received and what was made of it. There is one for whatever an engine gives out.
    fn put_together(
        &mut self,
        number: i32,
        offset: i64,
        made: Box<Made<T::Event>>,
    ) -> Option<Arc<Record<T::Event>>> {
        let partition = self.partitions.get_mut(&number)?;
        let Some(waiting) = partition.stash.take(offset) else {
            // It stays outstanding: no commit passes it.
            tracing::error!(
                topic = &*self.settings.topic,
                partition = number,
                offset,
                "a record came out of the engine twice; this is a defect of the library"
            );
            return None;
        };
        Some(self.spare.record(&partition.assignment, waiting, made))
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

/// The room of a vector whose elements are not needed any more, for elements that borrow something else. A new one of this
/// size for each batch would have the allocator tidy up all that it holds.
fn emptied<A, B>(mut used: Vec<A>) -> Vec<B> {
    used.clear();
    // The standard library collects in place where the layouts are the same.
    used.into_iter().filter_map(|_| None).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emptied_vector_keeps_its_room() {
        let text = String::from("text");
        let mut used: Vec<Meta<'_>> = Vec::with_capacity(300);
        used.push(Meta {
            offset: 0,
            timestamp_ms: None,
            dedup_key: None,
            value: Some(text.as_bytes()),
            replayed: false,
        });
        let emptied: Vec<Meta<'static>> = emptied(used);
        assert!(emptied.is_empty());
        assert_eq!(emptied.capacity(), 300);
    }
}
