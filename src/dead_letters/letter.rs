//! A dead letter, read back from its topic.

use fleetops_runtime::dead_letter::{Reason, header};

/// Headers in their order: names, and values where they are not null.
pub type Headers = Vec<(String, Option<Vec<u8>>)>;

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The partition.
    pub partition: i32,
    /// The offset there.
    pub offset: i64,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)
    }
}

/// Where the record of a letter was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The topic.
    pub topic: String,
    /// Partition and offset there.
    pub place: Place,
}

/// A dead letter. What its headers do not say, or say wrongly, is `None`: whoever may write to the topic may write anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Where the letter stands in the dead-letter topic.
    pub place: Place,
    /// When it was written, in milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    /// Why, as its header has it; one of [`Reason`]'s texts if our consumers wrote it.
    pub reason: Option<String>,
    /// What exactly.
    pub detail: Option<String>,
    /// Where the record was read from.
    pub origin: Option<Origin>,
    /// The record's own time, in milliseconds since 1970.
    pub record_timestamp_ms: Option<i64>,
    /// The header of a record that had been sent again from a dead-letter topic before it died this time.
    pub replayed_from: Option<String>,
    /// The record's key.
    pub key: Option<Vec<u8>>,
    /// The record's value; `None`: null.
    pub value: Option<Vec<u8>>,
    /// The record's own headers.
    pub headers: Headers,
}

impl DeadLetter {
    /// Reads a record of a dead-letter topic.
    pub fn new(
        place: Place,
        timestamp_ms: Option<i64>,
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        headers: Headers,
    ) -> Self {
        // As for every header, the last one of a name counts.
        let text = |name: &str| {
            let found = headers.iter().rev().find(|(found, _)| found == name)?;
            Some(String::from_utf8_lossy(found.1.as_deref()?).into_owned())
        };
        let number = |name: &str| text(name)?.parse::<i64>().ok();
        let origin = || {
            Some(Origin {
                topic: text(header::TOPIC)?,
                place: Place {
                    partition: number(header::PARTITION)?.try_into().ok()?,
                    offset: number(header::OFFSET)?,
                },
            })
        };
        Self {
            place,
            timestamp_ms,
            reason: text(header::REASON),
            detail: text(header::DETAIL).filter(|detail| !detail.is_empty()),
            origin: origin(),
            record_timestamp_ms: number(header::TIMESTAMP),
            replayed_from: text(header::REPLAY),
            key,
            value,
            headers: {
                let own = |name: &str| !header::WRITTEN.contains(&name) && name != header::REPLAY;
                headers.iter().filter(|(name, _)| own(name)).cloned().collect()
            },
        }
    }

    /// Its reason, where it is one that our consumers give.
    pub fn known_reason(&self) -> Option<Reason> {
        Reason::parse(self.reason.as_deref()?)
    }

    /// What the header of the record that is sent again says: where the letter stands.
    pub fn replay_header(&self, dead_letter_topic: &str) -> String {
        format!(
            "{dead_letter_topic}/{}/{}",
            self.place.partition, self.place.offset
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(headers: &[(&str, Option<&str>)]) -> DeadLetter {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.map(|v| v.as_bytes().to_vec())))
            .collect();
        let place = Place {
            partition: 3,
            offset: 9,
        };
        DeadLetter::new(place, Some(1), Some(b"k".to_vec()), None, headers)
    }

    #[test]
    fn what_the_consumer_wrote_is_read_back_and_taken_off() {
        let read = letter(&[
            ("dedup-key", Some("a\x1fb")),
            ("dead-letter-replay", Some("t.dlq/1/2")),
            ("trace", None),
            ("dead-letter-reason", Some("Late")),
            ("dead-letter-detail", Some("its place has been passed")),
            ("dead-letter-topic", Some("t")),
            ("dead-letter-partition", Some("5")),
            ("dead-letter-offset", Some("41")),
            ("dead-letter-timestamp", Some("1700000000000")),
        ]);
        assert_eq!(read.known_reason(), Some(Reason::Late));
        let origin = read.origin.clone().unwrap();
        assert_eq!(
            (origin.topic.as_str(), origin.place.to_string().as_str()),
            ("t", "5:41")
        );
        assert_eq!(read.record_timestamp_ms, Some(1_700_000_000_000));
        assert_eq!(read.replayed_from.as_deref(), Some("t.dlq/1/2"));
        let own: Vec<&str> = read.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(own, ["dedup-key", "trace"]);
        assert_eq!(read.replay_header("t.dlq"), "t.dlq/3/9");
    }

    #[test]
    fn a_record_that_is_no_letter_of_ours_has_no_origin() {
        let read = letter(&[
            ("dead-letter-topic", Some("t")),
            ("dead-letter-partition", Some("99999999999")),
            ("dead-letter-offset", Some("x")),
            ("dead-letter-reason", Some("late")),
        ]);
        assert_eq!((read.origin.clone(), read.known_reason()), (None, None));
        assert_eq!(read.reason.as_deref(), Some("late"));
        assert_eq!(letter(&[]).reason, None);
    }
}
