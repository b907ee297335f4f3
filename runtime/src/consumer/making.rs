//! What becomes of a record's value: a record for the handler, or the reason why not.

use std::sync::Arc;

use fleetops_avro::resolve::Plan;

use super::delivery::{Body, Made, Record};
use super::spare::Spare;
use super::values::Prepared;
use crate::codec::{DecodeError, ValidationErrors};
use crate::dead_letter::Reason;
use crate::engine::key::Keyed;
use crate::engine::{Decoded, Fields, PoisonCause, Refusal};
use crate::topic::Topic;

/// The header that our producers write.
pub(crate) const DEDUP_KEY: &str = "dedup-key";

/// What makes an event of a record's value.
pub(crate) struct Making<'a, T: Topic> {
    pub(crate) topic: &'a T,
    pub(crate) reordered: bool,
    pub(crate) lanes: &'a Keyed,
    pub(crate) spare: &'a mut Spare<T::Event>,
}

impl<T: Topic> Making<'_, T> {
    /// Reads the value, checks it, and finds the keys that the stages need.
    pub(crate) fn decode(
        &mut self,
        record: &Arc<Record<T::Event>>,
        prepared: &Prepared<'_>,
        fields: &mut Fields,
    ) -> Decoded<Arc<Record<T::Event>>> {
        let (plan, payload) = match prepared {
            Prepared::Tombstone => {
                let lane = self.lane_of_key(record);
                return Decoded::Tombstone(new(record, Body::Tombstone, lane));
            }
            Prepared::Ready { plan, payload } => (plan, payload),
            Prepared::Poison { reason, detail } => return poisoned(record, *reason, detail.clone()),
            // Not reached: the caller fetches the schema first. As poison it would be dropped for want of a schema.
            Prepared::Missing(id) => {
                return poisoned(record, Reason::UnknownSchema, format!("{id} was not fetched"));
            }
        };
        let mut made = match self.event(plan, payload) {
            Ok(made) => made,
            Err(error) => return poisoned(record, Reason::Undecodable, error.to_string()),
        };
        let Body::Event(event) = &made.body else {
            // Not reached: that is what was made.
            return poisoned(record, Reason::Undecodable, "no event was made".to_owned());
        };
        // A symbol that the schema does not have is what an open enum is there for: it can be handled, and not be sent.
        let valid = self
            .topic
            .validate(event)
            .or_else(ValidationErrors::but_for_symbols);
        if let Err(violations) = valid {
            return poisoned(record, Reason::Invalid, violations.to_string());
        }
        fields.write_dedup_key(|out| self.topic.dedup_key(event, out));
        if self.reordered {
            fields.write_sequence(|out| self.topic.sequence(event, out));
        }
        made.lane = match fields.vehicle(self.lanes) {
            Some(vehicle) => Some(vehicle.short()),
            None => self.lane_of_key(record),
        };
        Decoded::Event(set(record, made))
    }

    /// The event in the place of one that is done with, if there is one.
    fn event(&mut self, plan: &Plan, payload: &[u8]) -> Result<Box<Made<T::Event>>, DecodeError> {
        if let Some(mut made) = self.spare.made()
            && let Body::Event(event) = &mut made.body
        {
            self.topic.decode_into(plan, payload, event)?;
            return Ok(made);
        }
        let body = Body::Event(self.topic.decode(plan, payload)?);
        Ok(Box::new(Made { body, lane: None }))
    }

    /// What must be handled one after the other has the same lane: the hash of its `by`, or of its record key. Who writes the texts does
    /// not know the hash's key, so the lanes are spread well in the dispatcher's table.
    fn lane_of_key(&self, record: &Record<T::Event>) -> Option<u64> {
        let key = record.raw.key()?;
        Some(self.lanes.of(key).short())
    }
}

fn new<E>(record: &Arc<Record<E>>, body: Body<E>, lane: Option<u64>) -> Arc<Record<E>> {
    set(record, Box::new(Made { body, lane }))
}

fn set<E>(record: &Arc<Record<E>>, made: Box<Made<E>>) -> Arc<Record<E>> {
    // An engine asks once for each record.
    let _ = record.made.set(made);
    Arc::clone(record)
}

fn poisoned<E>(record: &Arc<Record<E>>, reason: Reason, detail: String) -> Decoded<Arc<Record<E>>> {
    Decoded::Poison(new(record, Body::Poison { reason, detail }, None))
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
