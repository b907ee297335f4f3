//! What goes into the engine for a record, and what comes out.

use std::fmt;
use std::time::Duration;

use super::key::{Key, Keyed};
use super::mistakes::{Mistake, planted};
use super::reorder::Place;
use crate::topic::Sequence;

/// What the engine must know about a record before it is decoded.
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    /// The record's offset. Offsets must rise from call to call; holes are normal.
    pub offset: i64,
    /// The record's timestamp in milliseconds since 1970, where it has one.
    pub timestamp_ms: Option<i64>,
    /// The value of the header `dedup-key`, where the record has one.
    pub dedup_key: Option<&'a [u8]>,
    /// The record's value as it lies in the log; `None`: a tombstone. Where a topic has no dedup key, two records with
    /// one sequence number count as the same record if their values are equal.
    pub value: Option<&'a [u8]>,
    /// The record carries the header `dead-letter-replay`: it goes past dedup and reorder.
    pub replayed: bool,
}

impl<'a> Meta<'a> {
    /// The header that dedup goes by.
    pub(super) fn header(&self) -> Option<&'a [u8]> {
        let replayed = self.replayed && !planted(Mistake::ReplayDedupd);
        let asked = self.value.is_some() || planted(Mistake::TombstoneDedupd);
        self.dedup_key.filter(|_| asked && !replayed)
    }
}

/// What decoding made of a record.
///
/// The payload is what the caller wants back for this record: the event, or the raw record that is to be dead-lettered.
#[derive(Debug)]
pub enum Decoded<P> {
    /// A valid event. What the stages go by was written into the [`Fields`].
    Event(P),
    /// A null value. It is handled as such, neither dedup'd nor reordered.
    Tombstone(P),
    /// Bad framing, unknown schema ID, undecodable, or invalid.
    Poison(P),
}

/// What the stages go by, of the fields of an event: who decodes a record writes it here. An engine has one, whose buffers serve
/// each record.
#[derive(Debug, Default)]
pub struct Fields {
    dedup_key: Vec<u8>,
    has_dedup_key: bool,
    sequence: Sequence,
    has_sequence: bool,
    /// The key of the sequence's `by`, if whoever wrote it knew it.
    vehicle: Option<Key>,
    /// The epoch of the last record, and its key: most records have the one of the record before.
    epoch: String,
    epoch_key: Option<Key>,
}

/// Larger buffers are not kept.
const LARGE: usize = 4096;

impl Fields {
    /// Has the dedup key written, as [`Topic::dedup_key`](crate::topic::Topic::dedup_key) does. Where `write` answers `false` there is none.
    pub fn write_dedup_key(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) {
        self.dedup_key.clear();
        self.has_dedup_key = write(&mut self.dedup_key);
    }

    /// Has the place in the sequence written, as [`Topic::sequence`](crate::topic::Topic::sequence) does. Where `write` answers `false` there is
    /// none.
    pub fn write_sequence(&mut self, write: impl FnOnce(&mut Sequence) -> bool) {
        self.sequence.by.clear();
        self.sequence.epoch.clear();
        self.vehicle = None;
        self.has_sequence = write(&mut self.sequence);
    }

    /// The key of the sequence's `by`, which is kept for [`Self::place`]. `keyed` must be the same for all records of an engine; it
    /// need not be the engine's.
    pub(crate) fn vehicle(&mut self, keyed: &Keyed) -> Option<Key> {
        let by = self.sequence().map(|sequence| sequence.by.as_bytes())?;
        let vehicle = self.vehicle.unwrap_or_else(|| keyed.of(by));
        self.vehicle = Some(vehicle);
        Some(vehicle)
    }

    /// The place that the sequence names.
    pub(super) fn place(&mut self, keyed: &Keyed) -> Option<Place> {
        let vehicle = self.vehicle(keyed)?;
        let epoch = if planted(Mistake::EpochIgnored) {
            ""
        } else {
            &self.sequence.epoch
        };
        let epoch = match self.epoch_key.filter(|_| self.epoch == epoch) {
            Some(key) => key,
            None => {
                let key = keyed.of(epoch.as_bytes());
                if epoch.len() <= LARGE {
                    epoch.clone_into(&mut self.epoch);
                    self.epoch_key = Some(key);
                }
                key
            }
        };
        Some(Place {
            track: vehicle.followed_by(epoch),
            vehicle,
            index: self.sequence.index,
        })
    }

    /// Writes the dedup key.
    pub fn set_dedup_key(&mut self, key: &[u8]) {
        self.write_dedup_key(|out| {
            out.extend_from_slice(key);
            true
        });
    }

    /// Writes the place in the sequence, by the parts of a [`Sequence`].
    pub fn set_sequence(&mut self, by: &str, epoch: &str, index: i64) {
        self.write_sequence(|out| {
            out.by.push_str(by);
            out.epoch.push_str(epoch);
            out.index = index;
            true
        });
    }

    /// The dedup key that was written.
    pub fn dedup_key(&self) -> Option<&[u8]> {
        self.has_dedup_key.then_some(&*self.dedup_key)
    }

    /// The place in the sequence that was written.
    pub fn sequence(&self) -> Option<&Sequence> {
        self.has_sequence.then_some(&self.sequence)
    }

    /// Nothing is written any more.
    pub(super) fn clear(&mut self) {
        (self.has_dedup_key, self.has_sequence) = (false, false);
        if self.dedup_key.capacity() > LARGE {
            self.dedup_key = Vec::new();
        }
        if self.sequence.by.capacity() > LARGE || self.sequence.epoch.capacity() > LARGE {
            self.sequence = Sequence::default();
        }
    }
}

/// What is to be done with a record. Each carries an offset that stays outstanding until [`settle`](super::Engine::settle) is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<P> {
    /// Give it to the handler. Records of one `by` value must be handled in the order in which they come out.
    Handle {
        /// The record's offset.
        offset: i64,
        /// What [`Decoded`] carried.
        payload: P,
    },
    /// The reorder stage cannot take it: to the dead-letter topic where one is declared.
    Refused {
        /// The record's offset.
        offset: i64,
        /// Why.
        outcome: Refusal,
        /// What [`Decoded`] carried.
        payload: P,
    },
    /// It cannot be read or cannot be trusted: to the dead-letter topic, or the consumer stops.
    Poison {
        /// The record's offset.
        offset: i64,
        /// Why.
        cause: PoisonCause,
        /// What [`Decoded`] carried.
        payload: P,
    },
}

/// Why the reorder stage refuses a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Its place has been passed.
    Late,
    /// Its place has been passed, by as much as the ring remembers or more.
    TooOld,
    /// Another record with the same sequence number came first.
    Conflict,
    /// Its sequence number is far ahead, and the next record did not confirm it.
    Jump,
}

/// Why a record is poison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoisonCause {
    /// The caller said so: [`Decoded::Poison`].
    Decoding,
    /// The header `dedup-key` is not what the decoded fields give.
    HeaderContradicted,
}

impl Refusal {
    /// The reason's name in dead letters and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::TooOld => "too-old",
            Self::Conflict => "conflict",
            Self::Jump => "jump",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The broker's answer to the question where the log ends (rule 5 of the reorder stage).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEnd {
    /// The partition's high watermark: the offset that the next record gets.
    pub high_watermark: i64,
    /// The consumer's position: all records below it have been given to [`receive`](super::Engine::receive). Where the log
    /// ends with offsets that hold no record (the marker of a transaction), it is beyond the last record's offset + 1.
    pub position: i64,
    /// When the question was sent, on the clock of `now`.
    pub asked_at: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_of_the_sequence_that_was_written_last() {
        let (keyed, other) = (Keyed::random(), Keyed::random());
        let mut fields = Fields::default();
        let place = |fields: &mut Fields, by: &str, epoch: &str| {
            fields.set_sequence(by, epoch, 7);
            fields.place(&keyed).map(|place| (place.track, place.vehicle))
        };
        let first = place(&mut fields, "v1", "e1");
        for (by, epoch) in [("v1", "e2"), ("v2", "e1"), ("e1", "v1"), ("v1", ""), ("v1", "e1")] {
            let again = place(&mut fields, by, epoch);
            assert_eq!(again == first, (by, epoch) == ("v1", "e1"), "{by} {epoch}");
            let fresh = place(&mut Fields::default(), by, epoch);
            assert_eq!(again, fresh, "what came before makes no difference");
        }
        // Whoever has asked for the vehicle's key by another one gets that vehicle.
        fields.set_sequence("v1", "e1", 7);
        let vehicle = fields.vehicle(&other);
        assert_eq!(vehicle, Some(other.of(b"v1")));
        assert_eq!(fields.place(&keyed).map(|place| place.vehicle), vehicle);
        // Where nothing was written nothing of the record before is left.
        fields.clear();
        assert!(fields.vehicle(&other).is_none() && fields.place(&keyed).is_none());
        fields.write_sequence(|_| false);
        assert!(fields.vehicle(&other).is_none() && fields.place(&keyed).is_none());
        let large = "e".repeat(LARGE + 1);
        assert_eq!(place(&mut fields, "v1", &large), place(&mut fields, "v1", &large));
        assert_eq!(place(&mut fields, "v1", "e1"), first);
        assert!(fields.epoch.capacity() <= LARGE);
    }

    #[test]
    fn fields_say_what_was_written_last_and_large_buffers_go() {
        let mut fields = Fields::default();
        assert_eq!((fields.dedup_key(), fields.sequence()), (None, None));
        fields.set_dedup_key(b"first");
        fields.set_dedup_key(b"key");
        fields.set_sequence("first", "first", 7);
        fields.set_sequence("by", "", 8);
        let sequence = Sequence {
            by: "by".to_owned(),
            epoch: String::new(),
            index: 8,
        };
        assert_eq!(
            (fields.dedup_key(), fields.sequence()),
            (Some(&b"key"[..]), Some(&sequence))
        );
        fields.write_dedup_key(|_| false);
        fields.write_sequence(|_| false);
        assert_eq!((fields.dedup_key(), fields.sequence()), (None, None));
        fields.set_dedup_key(&[0; LARGE + 1]);
        fields.set_sequence(&"v".repeat(LARGE + 1), "", 0);
        fields.clear();
        assert_eq!((fields.dedup_key(), fields.sequence()), (None, None));
        assert!(fields.dedup_key.capacity() <= LARGE && fields.sequence.by.capacity() <= LARGE);
    }
}
