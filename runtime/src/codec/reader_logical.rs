//! Reading of logical types. Avro 1.12 specification, "Logical Types".
//!
//! A number that is well encoded but outside what its logical type can mean (a time of day past midnight, a date
//! beyond chrono's 262,000 years) is an error that names the value, with the offset at which it stands.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use fleetops_avro::wire::{DecodeError, DecodeErrorKind};
use uuid::Uuid;

use super::writer_logical::EPOCH_FROM_CE;
use super::{AvroDecimal, AvroDuration, Reader, decimal};

/// Characters of a wrong text that an error shows.
const SHOWN: usize = 60;

impl Reader<'_> {
    /// `uuid` on a `string`: 36 characters, with hyphens, digits in either case. No other form of a UUID is taken.
    ///
    /// # Errors
    /// As [`string`](Self::string), and for text that is not this form.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn uuid_string(&mut self) -> Result<Uuid, DecodeError> {
        let start = self.offset();
        let text = self.str()?;
        if text.len() == 36
            && let Ok(uuid) = Uuid::try_parse_ascii(text.as_bytes())
        {
            return Ok(uuid);
        }
        Err(no_uuid(start, text))
    }

    /// `uuid` on a `fixed` of 16 bytes.
    ///
    /// # Errors
    /// At the end of the input.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn uuid_fixed(&mut self) -> Result<Uuid, DecodeError> {
        self.fixed().map(|bytes| Uuid::from_bytes(*bytes))
    }

    /// `date` on an `int`.
    ///
    /// # Errors
    /// As [`int`](Self::int), and beyond chrono's range.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn date(&mut self) -> Result<NaiveDate, DecodeError> {
        let start = self.offset();
        let days = self.int()?;
        days.checked_add(EPOCH_FROM_CE)
            .and_then(NaiveDate::from_num_days_from_ce_opt)
            .ok_or_else(|| out_of_days(start, days))
    }

    /// `time-millis` on an `int`.
    ///
    /// # Errors
    /// As [`int`](Self::int), and where the number is not of one day.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn time_millis(&mut self) -> Result<NaiveTime, DecodeError> {
        let start = self.offset();
        let millis = self.int()?;
        time(i64::from(millis), 1_000)
            .ok_or_else(|| no_time(start, "a time of day in milliseconds", millis.into()))
    }

    /// `time-micros` on a `long`.
    ///
    /// # Errors
    /// As [`long`](Self::long), and where the number is not of one day.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn time_micros(&mut self) -> Result<NaiveTime, DecodeError> {
        let start = self.offset();
        let micros = self.long()?;
        time(micros, 1_000_000).ok_or_else(|| no_time(start, "a time of day in microseconds", micros))
    }

    /// `timestamp-millis` on a `long`.
    ///
    /// # Errors
    /// As [`long`](Self::long), and beyond chrono's range.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn timestamp_millis(&mut self) -> Result<DateTime<Utc>, DecodeError> {
        let start = self.offset();
        let millis = self.long()?;
        DateTime::from_timestamp_millis(millis).ok_or_else(|| out_of_range(start, millis, "milliseconds"))
    }

    /// `timestamp-micros` on a `long`.
    ///
    /// # Errors
    /// As [`long`](Self::long), and beyond chrono's range.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn timestamp_micros(&mut self) -> Result<DateTime<Utc>, DecodeError> {
        let start = self.offset();
        let micros = self.long()?;
        DateTime::from_timestamp_micros(micros).ok_or_else(|| out_of_range(start, micros, "microseconds"))
    }

    /// `timestamp-nanos` on a `long`; every number is an instant.
    ///
    /// # Errors
    /// As [`long`](Self::long).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn timestamp_nanos(&mut self) -> Result<DateTime<Utc>, DecodeError> {
        self.long().map(DateTime::from_timestamp_nanos)
    }

    /// `local-timestamp-millis` on a `long`.
    ///
    /// # Errors
    /// As [`timestamp_millis`](Self::timestamp_millis).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn local_timestamp_millis(&mut self) -> Result<NaiveDateTime, DecodeError> {
        self.timestamp_millis().map(|time| time.naive_utc())
    }

    /// `local-timestamp-micros` on a `long`.
    ///
    /// # Errors
    /// As [`timestamp_micros`](Self::timestamp_micros).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn local_timestamp_micros(&mut self) -> Result<NaiveDateTime, DecodeError> {
        self.timestamp_micros().map(|time| time.naive_utc())
    }

    /// `local-timestamp-nanos` on a `long`.
    ///
    /// # Errors
    /// As [`long`](Self::long).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn local_timestamp_nanos(&mut self) -> Result<NaiveDateTime, DecodeError> {
        self.timestamp_nanos().map(|time| time.naive_utc())
    }

    /// `duration` on a `fixed` of 12 bytes.
    ///
    /// # Errors
    /// At the end of the input.
    pub fn duration(&mut self) -> Result<AvroDuration, DecodeError> {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *self.fixed::<12>()?;
        Ok(AvroDuration {
            months: u32::from_le_bytes([a, b, c, d]),
            days: u32::from_le_bytes([e, f, g, h]),
            millis: u32::from_le_bytes([i, j, k, l]),
        })
    }

    /// `decimal` of that scale on `bytes`.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), and where the number is empty or more than the type holds.
    pub fn decimal_bytes<D: AvroDecimal>(&mut self, scale: u32) -> Result<D, DecodeError> {
        let start = self.offset();
        let bytes = self.bytes()?;
        decimal_of(start, bytes, i64::from(scale))
    }

    /// `decimal` of that scale on a `fixed` of `N` bytes.
    ///
    /// # Errors
    /// As [`fixed`](Self::fixed), and as [`decimal_bytes`](Self::decimal_bytes).
    pub fn decimal_fixed<const N: usize, D: AvroDecimal>(&mut self, scale: u32) -> Result<D, DecodeError> {
        let start = self.offset();
        let bytes = self.fixed::<N>()?;
        decimal_of(start, bytes, i64::from(scale))
    }

    /// `big-decimal` on `bytes`.
    ///
    /// # Errors
    /// As [`decimal_bytes`](Self::decimal_bytes), and where the bytes hold anything but a number and its scale.
    pub fn big_decimal<D: AvroDecimal>(&mut self) -> Result<D, DecodeError> {
        let bytes = self.bytes()?;
        let inner_start = self.offset() - bytes.len();
        let mut inner = Reader::new(bytes);
        let mut read = || {
            let unscaled = inner.bytes()?;
            let scale = inner.int()?;
            inner.clone().finish()?;
            decimal_of(0, unscaled, i64::from(scale))
        };
        read().map_err(|error| error.shifted(inner_start))
    }
}

fn time(count: i64, per_second: i64) -> Option<NaiveTime> {
    let seconds = u32::try_from(count.div_euclid(per_second)).ok()?;
    let nanos = u32::try_from(count.rem_euclid(per_second) * (1_000_000_000 / per_second)).ok()?;
    NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos)
}

fn decimal_of<D: AvroDecimal>(start: usize, bytes: &[u8], scale: i64) -> Result<D, DecodeError> {
    let minimal = decimal::minimal(bytes);
    let value = if minimal.is_empty() {
        None
    } else {
        D::from_unscaled(minimal, scale)
    };
    value.ok_or_else(|| no_decimal(start, D::HOLDS, bytes, scale))
}

#[cold]
fn no_decimal(start: usize, holds: &'static str, bytes: &[u8], scale: i64) -> DecodeError {
    let found = match decimal::from_bytes(bytes) {
        Some(unscaled) => format!("{unscaled} of scale {scale}"),
        None => format!("{} byte(s) of scale {scale}", bytes.len()),
    };
    invalid(start, holds, found)
}

#[cold]
fn no_uuid(start: usize, text: &str) -> DecodeError {
    invalid(start, "a uuid of 36 characters", shown(text))
}

#[cold]
fn no_time(start: usize, expected: &'static str, count: i64) -> DecodeError {
    invalid(start, expected, count.to_string())
}

#[cold]
fn out_of_days(start: usize, days: i32) -> DecodeError {
    invalid(
        start,
        "a date within 262,000 years of 1970",
        format!("{days} days"),
    )
}

#[cold]
fn out_of_range(start: usize, count: i64, unit: &str) -> DecodeError {
    invalid(
        start,
        "an instant within 262,000 years of 1970",
        format!("{count} {unit}"),
    )
}

#[cold]
fn invalid(offset: usize, logical: &'static str, found: String) -> DecodeError {
    DecodeError::new(offset, DecodeErrorKind::InvalidLogical { logical, found })
}

/// The start of a text, quoted.
fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}... ({} bytes)", &text[..end], text.len()),
        None => format!("{text:?}"),
    }
}
