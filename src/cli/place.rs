//! A place in a log, as an argument: where `consume` starts, and where `groups reset` moves to.

use fleetops_runtime::chrono::{DateTime, NaiveDate, Utc};

/// A place in every partition of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where the log begins.
    Earliest,
    /// Where it ends.
    Latest,
    /// The first record that is not older.
    Time(DateTime<Utc>),
    /// An offset.
    Offset(i64),
}

impl Place {
    /// Reads the argument.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "earliest" => Self::Earliest,
            "latest" => Self::Latest,
            _ => match text.parse::<i64>() {
                Ok(offset) if offset >= 0 => Self::Offset(offset),
                _ => Self::Time(time(text).ok_or(
                    "it is earliest, latest, a time such as 2024-05-01T08:00:00Z, a date, or an offset of 0 or more",
                )?),
            },
        })
    }
}

/// A time (RFC 3339), or a date, which is its first moment in UTC.
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    let day = || {
        let date: NaiveDate = text.parse().ok()?;
        Some(date.and_hms_opt(0, 0, 0)?.and_utc())
    };
    text.parse::<DateTime<Utc>>().ok().or_else(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_words_times_dates_and_offsets() {
        let time = |text: &str| Place::Time(text.parse().unwrap());
        assert_eq!(Place::parse("earliest"), Ok(Place::Earliest));
        assert_eq!(Place::parse("latest"), Ok(Place::Latest));
        assert_eq!(Place::parse("42"), Ok(Place::Offset(42)));
        assert_eq!(
            Place::parse("2024-05-01T10:00:00+02:00"),
            Ok(time("2024-05-01T08:00:00Z"))
        );
        assert_eq!(Place::parse("2024-05-01"), Ok(time("2024-05-01T00:00:00Z")));
        for wrong in ["-1", "newest", "", "2024-13-01"] {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
    }
}
