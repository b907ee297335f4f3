//! Writing of logical types. Avro 1.12 specification, "Logical Types". What does not fit is described in [`super`].

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{AvroDecimal, Writer};

/// Days from 0001-01-01 (day 1 of chrono's count) to 1970-01-01.
pub(super) const EPOCH_FROM_CE: i32 = 719_163;

/// Avro's `duration`: an amount of months, days and milliseconds, of which none can be turned into another.
///
/// Avro 1.12 specification, "Duration": three unsigned 32-bit numbers, little-endian, in a `fixed` of 12 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AvroDuration {
    /// Months.
    pub months: u32,
    /// Days.
    pub days: u32,
    /// Milliseconds.
    pub millis: u32,
}

impl Writer<'_> {
    /// `uuid` on a `string`: 36 characters, lower case, with hyphens.
    #[inline]
    pub fn uuid_string(&mut self, value: &Uuid) {
        let mut text = [0; 37];
        // The length, 36, in zig-zag.
        text[0] = 72;
        let (_, digits) = text.split_at_mut(1);
        value.hyphenated().encode_lower(digits);
        self.tail.array(text);
    }

    /// `uuid` on a `fixed` of 16 bytes: the bytes in network order.
    #[inline]
    pub fn uuid_fixed(&mut self, value: &Uuid) {
        self.fixed(value.as_bytes());
    }

    /// `date` on an `int`: days since 1970-01-01. Every [`NaiveDate`] fits.
    #[inline]
    pub fn date(&mut self, value: &NaiveDate) {
        self.int(chrono::Datelike::num_days_from_ce(value).saturating_sub(EPOCH_FROM_CE));
    }

    /// `time-millis` on an `int`: milliseconds since midnight, rounded down.
    #[inline]
    pub fn time_millis(&mut self, value: &NaiveTime) {
        let (seconds, nanos) = time_parts(value);
        self.int((seconds * 1_000 + nanos / 1_000_000) as i32);
    }

    /// `time-micros` on a `long`: microseconds since midnight, rounded down.
    #[inline]
    pub fn time_micros(&mut self, value: &NaiveTime) {
        let (seconds, nanos) = time_parts(value);
        self.long(i64::from(seconds) * 1_000_000 + i64::from(nanos / 1_000));
    }

    /// `timestamp-millis` on a `long`: milliseconds since 1970-01-01 00:00 UTC, rounded down.
    #[inline]
    pub fn timestamp_millis(&mut self, value: &DateTime<Utc>) {
        self.long(value.timestamp_millis());
    }

    /// `timestamp-micros` on a `long`: microseconds since 1970-01-01 00:00 UTC, rounded down. Every [`DateTime`] fits.
    #[inline]
    pub fn timestamp_micros(&mut self, value: &DateTime<Utc>) {
        self.long(value.timestamp_micros());
    }

    /// `timestamp-nanos` on a `long`: nanoseconds since 1970-01-01 00:00 UTC; what is before 1677-09-21 or after
    /// 2262-04-11 is written as the first or the last there is.
    #[inline]
    pub fn timestamp_nanos(&mut self, value: &DateTime<Utc>) {
        let nanos =
            value
                .timestamp_nanos_opt()
                .unwrap_or(if value.timestamp() < 0 { i64::MIN } else { i64::MAX });
        self.long(nanos);
    }

    /// `local-timestamp-millis` on a `long`: milliseconds from 1970-01-01 00:00 of the local time, rounded down.
    #[inline]
    pub fn local_timestamp_millis(&mut self, value: &NaiveDateTime) {
        self.timestamp_millis(&value.and_utc());
    }

    /// `local-timestamp-micros` on a `long`: microseconds from 1970-01-01 00:00 of the local time, rounded down.
    #[inline]
    pub fn local_timestamp_micros(&mut self, value: &NaiveDateTime) {
        self.timestamp_micros(&value.and_utc());
    }

    /// `local-timestamp-nanos` on a `long`: nanoseconds from 1970-01-01 00:00 of the local time; outside its range as
    /// [`timestamp_nanos`](Self::timestamp_nanos).
    #[inline]
    pub fn local_timestamp_nanos(&mut self, value: &NaiveDateTime) {
        self.timestamp_nanos(&value.and_utc());
    }

    /// `duration` on a `fixed` of 12 bytes.
    #[inline]
    pub fn duration(&mut self, value: &AvroDuration) {
        for part in [value.months, value.days, value.millis] {
            self.tail.array(part.to_le_bytes());
        }
    }

    /// `decimal` on `bytes`: the unscaled number of that scale, big-endian two's complement, as few bytes as it needs.
    pub fn decimal_bytes<D: AvroDecimal>(&mut self, value: &D, scale: u32) {
        value.with_unscaled(scale, |unscaled| self.bytes(unscaled));
    }

    /// `decimal` on a `fixed` of `size` bytes: the same, with its sign repeated to the left.
    pub fn decimal_fixed<D: AvroDecimal>(&mut self, value: &D, scale: u32, size: usize) {
        value.with_unscaled(scale, |unscaled| self.sign_extended(unscaled, size));
    }

    fn sign_extended(&mut self, minimal: &[u8], size: usize) {
        let negative = minimal.first().is_some_and(|first| *first >= 0x80);
        let sign = if negative { 0xff } else { 0 };
        let Some(padding) = size.checked_sub(minimal.len()) else {
            // Too large: 0x7fff... or 0x8000..., the outermost numbers of that size.
            let filler = !sign;
            for i in 0..size {
                self.tail.array([if i == 0 { filler ^ 0x80 } else { filler }]);
            }
            return;
        };
        for _ in 0..padding {
            self.tail.array([sign]);
        }
        self.tail.slice(minimal);
    }

    /// `big-decimal` on `bytes`: the unscaled number as `bytes`, then the scale as an `int`, both inside the outer length.
    pub fn big_decimal<D: AvroDecimal>(&mut self, value: &D) {
        value.with_parts(|unscaled, scale| {
            self.index(length_of(unscaled.len() as i64) + unscaled.len() + length_of(scale.into()));
            self.bytes(unscaled);
            self.int(scale);
        });
    }
}

/// How many bytes a number takes.
fn length_of(number: i64) -> usize {
    let zig_zag = ((number << 1) ^ (number >> 63)) as u64;
    (64 - (zig_zag | 1).leading_zeros()).div_ceil(7) as usize
}

/// Seconds since midnight and the nanoseconds within the second; a leap second counts as the end of the one before.
#[inline]
fn time_parts(value: &NaiveTime) -> (u32, u32) {
    (
        value.num_seconds_from_midnight(),
        value.nanosecond().min(999_999_999),
    )
}
