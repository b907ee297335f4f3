//! What becomes of a record's value: a record for the handler, or the reason why not.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use super::delivery::{Body, Record};
use super::gate::Assignment;
use super::raw::Raw;
use super::values::Prepared;
use crate::dead_letter::Reason;
use crate::engine::{Decoded, PoisonCause, Refusal};
use crate::topic::Topic;

/// The header that our producers write.
pub(crate) const DEDUP_KEY: &str = "dedup-key";

/// What a record is made of, on its way through `decode`.
pub(crate) struct Making<'a, T: Topic> {
    pub(crate) topic: &'a T,
    pub(crate) name: &'a Arc<str>,
    pub(crate) assignment: &'a Arc<Assignment>,
    pub(crate) reordered: bool,
    pub(crate) raw: &'a Raw,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: Option<i64>,
}

impl<T: Topic> Making<'_, T> {
    fn record(&self, body: Body<T::Event>, lane: Option<u64>) -> Arc<Record<T::Event>> {
        Arc::new(Record {
            assignment: Arc::clone(self.assignment),
            topic: Arc::clone(self.name),
            offset: self.offset,
            timestamp_ms: self.timestamp_ms,
            raw: self.raw.clone(),
            body,
            lane,
        })
    }

    fn poison(&self, reason: Reason, detail: String) -> Decoded<Arc<Record<T::Event>>> {
        Decoded::Poison(self.record(Body::Poison { reason, detail }, None))
    }

    /// Reads the value, checks it, and finds the keys that the stages need.
    pub(crate) fn decode(&self, prepared: &Prepared<'_>) -> Decoded<Arc<Record<T::Event>>> {
        let (plan, payload) = match prepared {
            Prepared::Tombstone => {
                return Decoded::Tombstone(self.record(Body::Tombstone, self.raw.key().map(lane)));
            }
            Prepared::Ready { plan, payload } => (plan, payload),
            Prepared::Poison { reason, detail } => return self.poison(*reason, detail.clone()),
            // Not reached: the caller fetches the schema first. As poison it would be dropped for want of a schema.
            Prepared::Missing(id) => {
                return self.poison(Reason::UnknownSchema, format!("{id} was not fetched"));
            }
        };
        let event = match self.topic.decode(plan, payload) {
            Ok(event) => event,
            Err(error) => return self.poison(Reason::Undecodable, error.to_string()),
        };
        if let Err(violations) = self.topic.validate(&event) {
            return self.poison(Reason::Invalid, violations.to_string());
        }
        // Most have room in it.
        let mut dedup_key = Vec::with_capacity(64);
        let dedup_key = self.topic.dedup_key(&event, &mut dedup_key).then_some(dedup_key);
        let sequence = if self.reordered {
            self.topic.sequence(&event)
        } else {
            None
        };
        let lane = match &sequence {
            Some(sequence) => Some(lane(sequence.by.as_bytes())),
            None => self.raw.key().map(lane),
        };
        Decoded::Event {
            payload: self.record(Body::Event(event), lane),
            dedup_key,
            sequence,
        }
    }
}

/// What must be handled one after the other has the same lane.
fn lane(text: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text);
    hasher.finish()
}

/// Why the reorder stage refused it, for the dead letter.
pub(crate) fn refusal(outcome: Refusal) -> (Reason, &'static str) {
    match outcome {
        Refusal::Late => (Reason::Late, "its place in the order had been passed"),
        Refusal::TooOld => (
            Reason::TooOld,
            "its place in the order had been passed long before",
        ),
        Refusal::Conflict => (
            Reason::Conflict,
            "another record with the same sequence number came before it",
        ),
        Refusal::Jump => (
            Reason::Jump,
            "its sequence number is far ahead of the others, and nothing confirmed it",
        ),
    }
}

/// Why it is poison, for the dead letter.
pub(crate) fn poison<E>(cause: PoisonCause, record: &Record<E>) -> (Reason, String) {
    match (cause, &record.body) {
        (PoisonCause::Decoding, Body::Poison { reason, detail }) => (*reason, detail.clone()),
        (PoisonCause::Decoding, _) => (Reason::Undecodable, "the value cannot be read".to_owned()),
        (PoisonCause::HeaderContradicted, _) => (
            Reason::HeaderContradicted,
            format!("the header `{DEDUP_KEY}` is not what the event's fields give"),
        ),
    }
}
