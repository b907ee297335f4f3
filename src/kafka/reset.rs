//! Where a group's offsets would move, decided without asking anybody.
//!
//! Whoever calls this has asked for the bounds of the log and what the group has committed. A target outside of the log is
//! brought to its nearer end, because a group that starts there would else go by `auto.offset.reset`, which may be the other
//! end.

use chrono::{DateTime, Utc};

/// Where offsets are moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// The first record that the log still has.
    Earliest,
    /// Behind the last record.
    Latest,
    /// The first record that is not older; behind the last one where all are.
    Time(DateTime<Utc>),
    /// This offset.
    Offset(i64),
}

/// What is known of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The first offset of the log.
    pub low: i64,
    /// One past its last offset.
    pub high: i64,
    /// What the group has committed; `None`: nothing.
    pub committed: Option<i64>,
    /// With [`Target::Time`]: the first offset that is not older; `None`: there is none.
    pub at_time: Option<i64>,
}

/// Why the offset is another one than was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The log begins later.
    BelowStart,
    /// The log ends before it.
    BeyondEnd,
    /// No record is that young.
    NothingSince,
}

/// One partition of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetStep {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// What is known of it.
    pub known: Known,
    /// The next offset that the group reads afterwards.
    pub to: i64,
    /// Why it is not quite what was asked for.
    pub note: Option<Note>,
}

impl ResetStep {
    /// The step for one partition.
    pub fn new(topic: &str, partition: i32, known: Known, target: Target) -> Self {
        let (to, note) = match target {
            Target::Earliest => (known.low, None),
            Target::Latest => (known.high, None),
            Target::Time(_) => match known.at_time {
                Some(offset) => (offset.clamp(known.low, known.high), None),
                None => (known.high, Some(Note::NothingSince)),
            },
            Target::Offset(offset) if offset < known.low => (known.low, Some(Note::BelowStart)),
            Target::Offset(offset) if offset > known.high => (known.high, Some(Note::BeyondEnd)),
            Target::Offset(offset) => (offset, None),
        };
        Self {
            topic: topic.to_owned(),
            partition,
            known,
            to,
            note,
        }
    }

    /// Whether anything is to be done.
    pub fn changes(&self) -> bool {
        self.known.committed != Some(self.to)
    }

    /// By how much the offset moves: what is below zero is read again, what is above is passed over. `None`: the group has
    /// committed nothing here.
    pub fn moves(&self) -> Option<i64> {
        self.known
            .committed
            .map(|committed| self.to.saturating_sub(committed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(
        committed: Option<i64>,
        at_time: Option<i64>,
        target: Target,
    ) -> (i64, Option<Note>, Option<i64>) {
        let known = Known {
            low: 10,
            high: 20,
            committed,
            at_time,
        };
        let step = ResetStep::new("t", 0, known, target);
        assert_eq!(step.changes(), committed != Some(step.to));
        (step.to, step.note, step.moves())
    }

    #[test]
    fn targets_are_brought_into_the_log() {
        let time = Target::Time(DateTime::UNIX_EPOCH);
        assert_eq!(step(Some(15), None, Target::Earliest), (10, None, Some(-5)));
        assert_eq!(step(None, None, Target::Latest), (20, None, None));
        assert_eq!(step(Some(12), None, Target::Offset(12)), (12, None, Some(0)));
        assert_eq!(
            step(Some(12), None, Target::Offset(3)),
            (10, Some(Note::BelowStart), Some(-2))
        );
        assert_eq!(
            step(Some(12), None, Target::Offset(21)),
            (20, Some(Note::BeyondEnd), Some(8))
        );
        assert_eq!(step(Some(12), Some(14), time), (14, None, Some(2)));
        assert_eq!(
            step(Some(12), None, time),
            (20, Some(Note::NothingSince), Some(8))
        );
    }

    #[test]
    fn the_group_never_starts_outside_of_the_log() {
        for (low, high) in [(0, 0), (0, 7), (5, 5), (5, 9)] {
            for offset in [i64::MIN, -1, 0, 4, 5, 6, 8, 9, 10, i64::MAX] {
                for target in [
                    Target::Earliest,
                    Target::Latest,
                    Target::Time(DateTime::UNIX_EPOCH),
                    Target::Offset(offset),
                ] {
                    let known = Known {
                        low,
                        high,
                        committed: None,
                        at_time: Some(offset),
                    };
                    let to = ResetStep::new("t", 0, known, target).to;
                    assert!((low..=high).contains(&to), "{known:?} {target:?}: {to}");
                }
            }
        }
    }
}
