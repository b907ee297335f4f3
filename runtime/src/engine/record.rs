//! What goes into the engine for a record, and what comes out.

use std::fmt;
use std::time::Duration;

use super::mistakes::{Mistake, planted};
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
    /// A valid event.
    Event {
        /// What the caller gets back.
        payload: P,
        /// The dedup key made of the event's fields ([`crate::topic::Topic::dedup_key`]).
        dedup_key: Option<Vec<u8>>,
        /// The event's place in its sequence ([`crate::topic::Topic::sequence`]).
        sequence: Option<Sequence>,
    },
    /// A null value. It is handled as such, neither dedup'd nor reordered.
    Tombstone(P),
    /// Bad framing, unknown schema ID, undecodable, or invalid.
    Poison(P),
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
