//! A decoded record, with what the stages need of its fields and no more: keys, not texts.
//!
//! The texts are in buffers of the engine that serve the next record. So a record without our header can be decoded before
//! those ahead of it are taken, and waits for its turn without any text of its own.

use super::key::{Key, Keyed};
use super::mistakes::{Mistake, planted};
use super::record::{Decoded, Fields, Meta};
use super::reorder::Place;

/// What decoding made of a record.
#[derive(Debug)]
pub(super) enum Read<P> {
    Tombstone(P),
    Poison(P),
    Event {
        payload: P,
        identity: Identity,
        place: Option<Place>,
    },
}

/// What tells whether an event came before.
#[derive(Clone, Copy, Debug)]
pub(super) enum Identity {
    /// The header is not what the fields give.
    Contradicted,
    /// The header's key, which the fields confirm.
    OfHeader,
    /// There is no header.
    OfFields(Key),
    /// No field says. A header that no field speaks for tells nothing about the event.
    Unknown,
}

impl<P> Read<P> {
    /// Has a record decoded.
    pub(super) fn new(
        meta: &Meta<'_>,
        keyed: &Keyed,
        fields: &mut Fields,
        decode: impl FnOnce(&mut Fields) -> Decoded<P>,
    ) -> Self {
        fields.clear();
        match decode(fields) {
            Decoded::Tombstone(payload) => Self::Tombstone(payload),
            Decoded::Poison(payload) => Self::Poison(payload),
            Decoded::Event(payload) => Self::Event {
                payload,
                identity: identity(meta.header(), fields.dedup_key(), keyed),
                place: fields.place(keyed),
            },
        }
    }

    /// The key that its fields alone give.
    pub(super) fn key(&self) -> Option<Key> {
        match self {
            Self::Event {
                identity: Identity::OfFields(key),
                ..
            } => Some(*key),
            Self::Event { .. } | Self::Tombstone(_) | Self::Poison(_) => None,
        }
    }
}

fn identity(header: Option<&[u8]>, fields: Option<&[u8]>, keyed: &Keyed) -> Identity {
    match (header, fields) {
        (Some(header), Some(fields)) if header != fields && !planted(Mistake::HeaderBelieved) => {
            Identity::Contradicted
        }
        (Some(_), Some(_)) => Identity::OfHeader,
        (None, Some(fields)) => Identity::OfFields(keyed.of(fields)),
        (_, None) => Identity::Unknown,
    }
}
