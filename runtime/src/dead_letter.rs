//! Dead letters: records that could not be handled, with the reason and where they came from.
//!
//! A dead letter has the key, the value and the headers of the record, unchanged, and besides them the headers of
//! [`header`]. It goes to the partition that its key says (`murmur2_random`, as everywhere), so a dead-letter topic with as many
//! partitions as its source keeps a vehicle's letters together.
//!
//! The writer has a producer of its own, with idempotence and `acks=all`. It reports an answer for every letter, and
//! decides nothing: whoever gave it the letter settles the record, or stops.

use std::fmt;

/// Names of the headers that a dead letter carries besides those of the record.
pub mod header {
    /// Why: the text of a [`Reason`](super::Reason).
    pub const REASON: &str = "dead-letter-reason";
    /// What exactly, for a human. At most 1,024 bytes.
    pub const DETAIL: &str = "dead-letter-detail";
    /// The topic that the record was read from.
    pub const TOPIC: &str = "dead-letter-topic";
    /// The partition that it was read from, as a decimal number.
    pub const PARTITION: &str = "dead-letter-partition";
    /// Its offset there, as a decimal number.
    pub const OFFSET: &str = "dead-letter-offset";
    /// Its timestamp in milliseconds since 1970, as a decimal number, where it had one.
    pub const TIMESTAMP: &str = "dead-letter-timestamp";
    /// On a record that was sent again from the dead-letter topic: it goes past dedup and reorder.
    pub const REPLAY: &str = "dead-letter-replay";

    /// The headers that the writer of a letter adds: they are not the record's own, and are not taken over from an earlier
    /// death of the same record.
    pub const WRITTEN: [&str; 6] = [REASON, DETAIL, TOPIC, PARTITION, OFFSET, TIMESTAMP];
}

/// Why a record became a dead letter, or stopped the consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// Poison: the value or its schema header does not have Confluent's framing.
    Framing,
    /// Poison: the registry does not know the schema ID.
    UnknownSchema,
    /// Poison: the value cannot be read with its schema, or its schema not with ours.
    Undecodable,
    /// Poison: the event breaks a rule of its schema.
    Invalid,
    /// Poison: the header `dedup-key` is not what the event's fields give.
    HeaderContradicted,
    /// Refused: its place in the order had been passed.
    Late,
    /// Refused: its place in the order had been passed by at least the ring.
    TooOld,
    /// Refused: another record has the same sequence number.
    Conflict,
    /// Refused: a sequence number far ahead that nothing confirmed.
    Jump,
    /// The handler failed, after its retries.
    HandlerFailed,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 10] = [
        Self::Framing,
        Self::UnknownSchema,
        Self::Undecodable,
        Self::Invalid,
        Self::HeaderContradicted,
        Self::Late,
        Self::TooOld,
        Self::Conflict,
        Self::Jump,
        Self::HandlerFailed,
    ];

    /// The text in the header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Framing => "Framing",
            Self::UnknownSchema => "UnknownSchema",
            Self::Undecodable => "Undecodable",
            Self::Invalid => "Invalid",
            Self::HeaderContradicted => "HeaderContradicted",
            Self::Late => "Late",
            Self::TooOld => "TooOld",
            Self::Conflict => "Conflict",
            Self::Jump => "Jump",
            Self::HandlerFailed => "HandlerFailed",
        }
    }

    /// Reads the text in the header.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_reads_back() {
        for reason in Reason::ALL {
            assert_eq!(Reason::parse(reason.as_str()), Some(reason));
        }
        assert_eq!(Reason::parse("late"), None);
    }
}
