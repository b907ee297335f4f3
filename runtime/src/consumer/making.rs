//! What becomes of a record's value: an event for the handler, or the reason why not.

use fleetops_avro::resolve::Plan;

use super::delivery::{Body, Made};
use super::raw::Raw;
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
        raw: &Raw,
        prepared: &Prepared<'_>,
        fields: &mut Fields,
    ) -> Decoded<Box<Made<T::Event>>> {
        let (plan, payload) = match prepared {
            Prepared::Tombstone => {
                let lane = self.lane_of_key(raw);
                return Decoded::Tombstone(new(Body::Tombstone, lane));
            }
            Prepared::Ready { plan, payload } => (plan, payload),
            Prepared::Poison { reason, detail } => return poisoned(*reason, detail.clone()),
            // Not reached: the caller fetches the schema first. As poison it would be dropped for want of a schema.
            Prepared::Missing(id) => {
                return poisoned(Reason::UnknownSchema, format!("{id} was not fetched"));
            }
        };
        let mut made = match self.event(plan, payload) {
            Ok(made) => made,
            Err(error) => return poisoned(Reason::Undecodable, error.to_string()),
        };
        let Body::Event(event) = &made.body else {
            // Not reached: that is what was made.
            return poisoned(Reason::Undecodable, "no event was made".to_owned());
        };
        // A symbol that the schema does not have is what an open enum is there for: it can be handled, and not be sent.
        let valid = self
            .topic
            .validate(event)
            .or_else(ValidationErrors::but_for_symbols);
        if let Err(violations) = valid {
            return poisoned(Reason::Invalid, violations.to_string());
        }
        fields.write_dedup_key(|out| self.topic.dedup_key(event, out));
        if self.reordered {
            fields.write_sequence(|out| self.topic.sequence(event, out));
        }
        made.lane = match fields.vehicle(self.lanes) {
            Some(vehicle) => Some(vehicle.short()),
            None => self.lane_of_key(raw),
        };
        Decoded::Event(made)
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
    fn lane_of_key(&self, raw: &Raw) -> Option<u64> {
        Some(self.lanes.of(raw.key()?).short())
    }
}

fn new<E>(body: Body<E>, lane: Option<u64>) -> Box<Made<E>> {
    Box::new(Made { body, lane })
}

fn poisoned<E>(reason: Reason, detail: String) -> Decoded<Box<Made<E>>> {
    Decoded::Poison(new(Body::Poison { reason, detail }, None))
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
pub(crate) fn poison<E>(cause: PoisonCause, made: &Made<E>) -> (Reason, String) {
    match (cause, &made.body) {
        (PoisonCause::Decoding, Body::Poison { reason, detail }) => (*reason, detail.clone()),
        (PoisonCause::Decoding, _) => (Reason::Undecodable, "the value cannot be read".to_owned()),
        (PoisonCause::HeaderContradicted, _) => (
            Reason::HeaderContradicted,
            format!("the header `{DEDUP_KEY}` is not what the event's fields give"),
        ),
    }
}
