//! Where to read from when a partition is assigned.
//!
//! What lies below the committed offset C is read again as far as the stages need it to give the same verdicts as before,
//! so the answer is usually an offset below C. It comes from the commit's own metadata; without it from a look-up by time,
//! and where that is not to be had from the start of the log. This module decides; asking the broker is done elsewhere.

use chrono::{DateTime, Utc};

/// Where a partition starts that the group has committed nothing of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartAt {
    /// At that offset of every partition, or the nearest that its log has.
    Offset(i64),
    /// At the first record that is no older; at the end of the log where all are older.
    Time(DateTime<Utc>),
}

/// What is known about a partition's commit and its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    /// The committed offset.
    pub(crate) committed: i64,
    /// The warm offset of our metadata.
    pub(crate) warm: Option<i64>,
    /// The log's first offset.
    pub(crate) low: i64,
    /// One past the log's last offset.
    pub(crate) high: i64,
    /// Whether a stage looks back at all: without dedup and reorder nothing below C is of use.
    pub(crate) looks_back: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Read from here; what lies below the committed offset is warm.
    At(i64),
    /// Ask for the first offset that is young enough, then call [`looked_up`].
    LookUp,
    /// The commit is not of this log (the topic was made anew, or cut): as if there were none.
    Foreign,
}

/// Decides with what is known without a look-up.
pub(crate) fn decide(known: Known) -> Start {
    if known.committed > known.high {
        return Start::Foreign;
    }
    if !known.looks_back || known.committed <= known.low {
        // nothing to warm; below the log's start librdkafka applies auto.offset.reset
        return Start::At(known.committed);
    }
    match known.warm {
        Some(warm) if (0..=known.committed).contains(&warm) => Start::At(warm.max(known.low)),
        _ => Start::LookUp,
    }
}

/// Decides with the answer of a look-up by time, if there was one.
///
/// The record before C is itself young enough, so the true answer is below C. An answer that is not (librdkafka's mock
/// cluster gives the end of the log) is none.
pub(crate) fn looked_up(known: Known, answer: Option<i64>) -> i64 {
    match answer {
        Some(offset) if (known.low..known.committed).contains(&offset) => offset,
        _ => known.low.min(known.committed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: Known = Known {
        committed: 100,
        warm: None,
        low: 10,
        high: 200,
        looks_back: true,
    };

    #[test]
    fn our_metadata_says_where() {
        assert_eq!(
            decide(Known {
                warm: Some(40),
                ..KNOWN
            }),
            Start::At(40)
        );
        assert_eq!(
            decide(Known {
                warm: Some(100),
                ..KNOWN
            }),
            Start::At(100)
        );
    }

    #[test]
    fn a_warm_offset_below_the_log_starts_with_the_log() {
        assert_eq!(
            decide(Known {
                warm: Some(5),
                ..KNOWN
            }),
            Start::At(10)
        );
    }

    #[test]
    fn a_warm_offset_that_cannot_be_ours_counts_as_none() {
        assert_eq!(
            decide(Known {
                warm: Some(101),
                ..KNOWN
            }),
            Start::LookUp
        );
        assert_eq!(
            decide(Known {
                warm: Some(-1),
                ..KNOWN
            }),
            Start::LookUp
        );
    }

    #[test]
    fn without_stages_that_look_back_reading_starts_at_the_commit() {
        assert_eq!(
            decide(Known {
                looks_back: false,
                ..KNOWN
            }),
            Start::At(100)
        );
    }

    #[test]
    fn nothing_is_looked_up_when_the_log_starts_at_or_after_the_commit() {
        assert_eq!(decide(Known { low: 100, ..KNOWN }), Start::At(100));
        assert_eq!(decide(Known { low: 150, ..KNOWN }), Start::At(100));
    }

    #[test]
    fn a_commit_beyond_the_end_is_of_another_log() {
        assert_eq!(
            decide(Known {
                committed: 201,
                ..KNOWN
            }),
            Start::Foreign
        );
        assert_eq!(
            decide(Known {
                committed: 200,
                warm: Some(150),
                ..KNOWN
            }),
            Start::At(150)
        );
    }

    #[test]
    fn a_look_up_that_answers_the_end_is_none() {
        assert_eq!(looked_up(KNOWN, Some(60)), 60);
        assert_eq!(looked_up(KNOWN, Some(200)), 10);
        assert_eq!(looked_up(KNOWN, Some(100)), 10);
        assert_eq!(looked_up(KNOWN, Some(9)), 10);
        assert_eq!(looked_up(KNOWN, None), 10);
    }
}
