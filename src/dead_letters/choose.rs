//! Which dead letters are meant.

use std::ops::RangeInclusive;

use super::letter::{DeadLetter, Place};

/// Parts of a choice; a letter is meant if all of them hold. Without any part all letters are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// One of these reasons; none: any.
    pub reasons: Vec<String>,
    /// One of these partitions of the dead-letter topic; none: any.
    pub partitions: Vec<i32>,
    /// Offsets in the dead-letter topic.
    pub offsets: Option<RangeInclusive<i64>>,
    /// One of these partitions of the topic that the record was read from; none: any.
    pub source_partitions: Vec<i32>,
    /// Offsets in the topic that the record was read from.
    pub source_offsets: Option<RangeInclusive<i64>>,
    /// One of these record keys; none: any.
    pub keys: Vec<String>,
    /// Written at or after this time, in milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Written before this time, in milliseconds since 1970.
    pub until_ms: Option<i64>,
}

impl Choice {
    /// Whether a letter is meant.
    pub fn takes(&self, letter: &DeadLetter) -> bool {
        let any = |all: &[i32], one: Option<i32>| all.is_empty() || one.is_some_and(|one| all.contains(&one));
        let within = |range: &Option<RangeInclusive<i64>>, one: Option<i64>| {
            range
                .as_ref()
                .is_none_or(|range| one.is_some_and(|one| range.contains(&one)))
        };
        let source: Option<Place> = letter.origin.as_ref().map(|origin| origin.place);
        let has_reason = |reason: &String| letter.reason.as_ref() == Some(reason);
        let has_key = |key: &String| letter.key.as_deref() == Some(key.as_bytes());
        (self.reasons.is_empty() || self.reasons.iter().any(has_reason))
            && (self.keys.is_empty() || self.keys.iter().any(has_key))
            && any(&self.partitions, Some(letter.place.partition))
            && any(&self.source_partitions, source.map(|place| place.partition))
            && within(&self.offsets, Some(letter.place.offset))
            && within(&self.source_offsets, source.map(|place| place.offset))
            && self
                .since_ms
                .is_none_or(|since| letter.timestamp_ms.is_some_and(|time| time >= since))
            && self
                .until_ms
                .is_none_or(|until| letter.timestamp_ms.is_some_and(|time| time < until))
    }

    /// Whether a partition of the dead-letter topic need not be read at all.
    pub fn leaves_out(&self, partition: i32) -> bool {
        !self.partitions.is_empty() && !self.partitions.contains(&partition)
    }
}

/// A range of offsets as an argument: `41`, `41..`, `..99` or `41..99`, with both ends.
///
/// # Errors
/// What is wrong with the text.
pub fn parse_range(text: &str) -> Result<RangeInclusive<i64>, String> {
    let wrong =
        || "it is an offset, or a range of them such as 41..99, 41.. or ..99, with both ends".to_owned();
    let number = |text: &str| text.parse::<i64>().ok().filter(|n| *n >= 0).ok_or_else(wrong);
    let (first, last) = match text.split_once("..") {
        None => {
            let one = number(text)?;
            (one, one)
        }
        Some(("", "")) => return Err(wrong()),
        Some(("", last)) => (0, number(last)?),
        Some((first, "")) => (number(first)?, i64::MAX),
        Some((first, last)) => (number(first)?, number(last)?),
    };
    match first <= last {
        true => Ok(first..=last),
        false => Err(format!("the range {text} is empty: {first} is above {last}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> DeadLetter {
        let header =
            |name: &str, value: &str| (format!("dead-letter-{name}"), Some(value.as_bytes().to_vec()));
        DeadLetter::new(
            Place {
                partition: 1,
                offset: 10,
            },
            Some(500),
            Some(b"k".to_vec()),
            None,
            vec![
                header("reason", "Late"),
                header("topic", "t"),
                header("partition", "4"),
                header("offset", "70"),
            ],
        )
    }

    #[test]
    fn all_parts_of_a_choice_must_hold() {
        let all = Choice::default();
        assert!(all.takes(&letter()));
        let text = |text: &str| vec![text.to_owned()];
        let yes = Choice {
            reasons: vec!["Jump".to_owned(), "Late".to_owned()],
            partitions: vec![1],
            offsets: Some(10..=10),
            source_partitions: vec![3, 4],
            source_offsets: Some(0..=70),
            keys: text("k"),
            since_ms: Some(500),
            until_ms: Some(501),
        };
        assert!(yes.takes(&letter()));
        let wrong = [
            Choice {
                reasons: text("late"),
                ..yes.clone()
            },
            Choice {
                partitions: vec![4],
                ..yes.clone()
            },
            Choice {
                offsets: Some(11..=99),
                ..yes.clone()
            },
            Choice {
                source_partitions: vec![1],
                ..yes.clone()
            },
            Choice {
                source_offsets: Some(10..=10),
                ..yes.clone()
            },
            Choice {
                keys: text("K"),
                ..yes.clone()
            },
            Choice {
                since_ms: Some(501),
                ..yes.clone()
            },
            Choice {
                until_ms: Some(500),
                ..yes
            },
        ];
        for choice in wrong {
            assert!(!choice.takes(&letter()), "{choice:?}");
        }
    }

    #[test]
    fn a_letter_without_an_origin_is_not_meant_where_one_is_asked_for() {
        let mut letter = letter();
        letter.origin = None;
        assert!(Choice::default().takes(&letter));
        let choice = Choice {
            source_offsets: Some(0..=i64::MAX),
            ..Choice::default()
        };
        assert!(!choice.takes(&letter));
    }

    #[test]
    fn ranges_have_both_ends() {
        assert_eq!(parse_range("41"), Ok(41..=41));
        assert_eq!(parse_range("41..99"), Ok(41..=99));
        assert_eq!(parse_range("41.."), Ok(41..=i64::MAX));
        assert_eq!(parse_range("..99"), Ok(0..=99));
        for wrong in ["", "..", "x", "-1", "9..1", "1..x", "1-2"] {
            assert!(parse_range(wrong).is_err(), "{wrong}");
        }
    }
}
