//! What becomes of a record's value: a record for the handler, or the reason why not.

use std::sync::Arc;

use super::delivery::{Body, Made, Record};
use super::values::Prepared;
use crate::codec::ValidationErrors;
use crate::dead_letter::Reason;
use crate::engine::key::Keyed;
use crate::engine::{Decoded, PoisonCause, Refusal};
use crate::topic::Topic;

/// The header that our producers write.
pub(crate) const DEDUP_KEY: &str = "dedup-key";

/// What makes an event of a record's value.
pub(crate) struct Making<'a, T: Topic> {
    pub(crate) topic: &'a T,
    pub(crate) reordered: bool,
    pub(crate) lanes: &'a Keyed,
}

impl<T: Topic> Making<'_, T> {
    /// Reads the value, checks it, and finds the keys that the stages need.
    pub(crate) fn decode(
        &self,
        record: &Arc<Record<T::Event>>,
        prepared: &Prepared<'_>,
    ) -> Decoded<Arc<Record<T::Event>>> {
        let (plan, payload) = match prepared {
            Prepared::Tombstone => {
                return Decoded::Tombstone(made(record, Body::Tombstone, self.lane_of_key(record)));
            }
            Prepared::Ready { plan, payload } => (plan, payload),
            Prepared::Poison { reason, detail } => return poisoned(record, *reason, detail.clone()),
            // Not reached: the caller fetches the schema first. As poison it would be dropped for want of a schema.
            Prepared::Missing(id) => {
                return poisoned(record, Reason::UnknownSchema, format!("{id} was not fetched"));
            }
        };
        let event = match self.topic.decode(plan, payload) {
            Ok(event) => event,
            Err(error) => return poisoned(record, Reason::Undecodable, error.to_string()),
        };
        // A symbol that the schema does not have is what an open enum is there for: it can be handled, and not be sent.
        let valid = self
            .topic
            .validate(&event)
            .or_else(ValidationErrors::but_for_symbols);
        if let Err(violations) = valid {
            return poisoned(record, Reason::Invalid, violations.to_string());
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
            Some(sequence) => Some(self.lane(sequence.by.as_bytes())),
            None => self.lane_of_key(record),
        };
        Decoded::Event {
            payload: made(record, Body::Event(event), lane),
            dedup_key,
            sequence,
        }
    }

    /// What must be handled one after the other has the same lane. Who writes the texts does not know the hash's key, so the
    /// lanes are spread well in the dispatcher's table.
    fn lane(&self, text: &[u8]) -> u64 {
        self.lanes.of(text).short()
    }

    fn lane_of_key(&self, record: &Record<T::Event>) -> Option<u64> {
        record.raw.key().map(|key| self.lane(key))
    }
}

fn made<E>(record: &Arc<Record<E>>, body: Body<E>, lane: Option<u64>) -> Arc<Record<E>> {
    // An engine asks once for each record.
    let _ = record.made.set(Made { body, lane });
    Arc::clone(record)
}

fn poisoned<E>(record: &Arc<Record<E>>, reason: Reason, detail: String) -> Decoded<Arc<Record<E>>> {
    Decoded::Poison(made(record, Body::Poison { reason, detail }, None))
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
    match (cause, record.body()) {
        (PoisonCause::Decoding, Some(Body::Poison { reason, detail })) => (*reason, detail.clone()),
        (PoisonCause::Decoding, _) => (Reason::Undecodable, "the value cannot be read".to_owned()),
        (PoisonCause::HeaderContradicted, _) => (
            Reason::HeaderContradicted,
            format!("the header `{DEDUP_KEY}` is not what the event's fields give"),
        ),
    }
}
