//! Logical types between Avro's base types and the Rust types that generated code has for them.
//!
//! Conversions go through the runtime's own codec: a base value is written as generated code writes it and read as
//! generated code reads it, so that both take and refuse the same values and print the same text.

use fleetops_avro::schema::{Kind, Logical, Node};
use fleetops_avro::value::Value;
use fleetops_runtime::chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use fleetops_runtime::codec::{AvroDuration, DecodeError, Path, Reader, ValidationErrors, Writer, check};
use fleetops_runtime::rust_decimal::Decimal;
use fleetops_runtime::uuid::Uuid;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most digits that a `Decimal` holds; a decimal with more stays bytes, as in generated code.
const MAX_PRECISION: u32 = 28;

/// A logical type that is a type of its own in Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    UuidText,
    UuidBytes,
    Date,
    TimeMillis,
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    LocalTimestampMillis,
    LocalTimestampMicros,
    LocalTimestampNanos,
    Decimal { precision: u32, scale: u32 },
    FixedDecimal { precision: u32, scale: u32, size: usize },
    BigDecimal,
    Duration,
}

/// A value of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Native {
    Uuid(Uuid),
    Date(NaiveDate),
    Time(NaiveTime),
    Instant(DateTime<Utc>),
    Local(NaiveDateTime),
    Decimal(Decimal),
    Duration(AvroDuration),
}

impl Leaf {
    /// The leaf that a node is; `None`: it is its base type.
    pub(super) fn of(node: &Node) -> Option<Self> {
        Some(match (node.logical?, &node.kind) {
            (Logical::Uuid, Kind::String) => Self::UuidText,
            (Logical::Uuid, Kind::Fixed(_)) => Self::UuidBytes,
            (Logical::Date, _) => Self::Date,
            (Logical::TimeMillis, _) => Self::TimeMillis,
            (Logical::TimeMicros, _) => Self::TimeMicros,
            (Logical::TimestampMillis, _) => Self::TimestampMillis,
            (Logical::TimestampMicros, _) => Self::TimestampMicros,
            (Logical::TimestampNanos, _) => Self::TimestampNanos,
            (Logical::LocalTimestampMillis, _) => Self::LocalTimestampMillis,
            (Logical::LocalTimestampMicros, _) => Self::LocalTimestampMicros,
            (Logical::LocalTimestampNanos, _) => Self::LocalTimestampNanos,
            (Logical::Decimal { precision, .. }, _) if precision > MAX_PRECISION => return None,
            (Logical::Decimal { precision, scale }, Kind::Bytes) => Self::Decimal { precision, scale },
            (Logical::Decimal { precision, scale }, Kind::Fixed(fixed)) => Self::FixedDecimal {
                precision,
                scale,
                size: fixed.size,
            },
            (Logical::BigDecimal, Kind::Bytes) => Self::BigDecimal,
            (Logical::Duration, Kind::Fixed(_)) => Self::Duration,
            _ => return None,
        })
    }

    /// The Rust value of a base value.
    ///
    /// # Errors
    /// It has none: a text that is no UUID, an instant beyond the calendar.
    pub(super) fn load(self, value: &Value) -> Result<Native, DecodeError> {
        let mut bytes = Vec::new();
        let mut writer = Writer::new(&mut bytes, 40);
        match value {
            Value::Int(value) => writer.int(*value),
            Value::Long(value) => writer.long(*value),
            Value::String(value) => writer.string(value),
            Value::Bytes(value) => writer.bytes(value),
            // The runtime reads a decimal's fixed by a size known at compile time; its bytes mean the same as `bytes`.
            Value::Fixed(value) if matches!(self, Self::FixedDecimal { .. }) => writer.bytes(value),
            Value::Fixed(value) => writer.raw(value),
            _ => {}
        }
        writer.finish();
        let mut reader = Reader::new(&bytes);
        Ok(match self {
            Self::UuidText => Native::Uuid(reader.uuid_string()?),
            Self::UuidBytes => Native::Uuid(reader.uuid_fixed()?),
            Self::Date => Native::Date(reader.date()?),
            Self::TimeMillis => Native::Time(reader.time_millis()?),
            Self::TimeMicros => Native::Time(reader.time_micros()?),
            Self::TimestampMillis => Native::Instant(reader.timestamp_millis()?),
            Self::TimestampMicros => Native::Instant(reader.timestamp_micros()?),
            Self::TimestampNanos => Native::Instant(reader.timestamp_nanos()?),
            Self::LocalTimestampMillis => Native::Local(reader.local_timestamp_millis()?),
            Self::LocalTimestampMicros => Native::Local(reader.local_timestamp_micros()?),
            Self::LocalTimestampNanos => Native::Local(reader.local_timestamp_nanos()?),
            Self::Decimal { scale, .. } | Self::FixedDecimal { scale, .. } => {
                Native::Decimal(reader.decimal_bytes(scale)?)
            }
            Self::BigDecimal => Native::Decimal(reader.big_decimal()?),
            Self::Duration => Native::Duration(reader.duration()?),
        })
    }

    /// The base value of a Rust value; `None` for one of another leaf.
    pub(super) fn store(self, native: &Native) -> Option<Value> {
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out, 16);
        match (self, native) {
            (Self::UuidText, Native::Uuid(uuid)) => {
                return Some(Value::String(uuid.hyphenated().to_string()));
            }
            (Self::UuidBytes, Native::Uuid(uuid)) => writer.uuid_fixed(uuid),
            (Self::Date, Native::Date(date)) => writer.date(date),
            (Self::TimeMillis, Native::Time(time)) => writer.time_millis(time),
            (Self::TimeMicros, Native::Time(time)) => writer.time_micros(time),
            (Self::TimestampMillis, Native::Instant(at)) => writer.timestamp_millis(at),
            (Self::TimestampMicros, Native::Instant(at)) => writer.timestamp_micros(at),
            (Self::TimestampNanos, Native::Instant(at)) => writer.timestamp_nanos(at),
            (Self::LocalTimestampMillis, Native::Local(at)) => writer.local_timestamp_millis(at),
            (Self::LocalTimestampMicros, Native::Local(at)) => writer.local_timestamp_micros(at),
            (Self::LocalTimestampNanos, Native::Local(at)) => writer.local_timestamp_nanos(at),
            (Self::Decimal { scale, .. }, Native::Decimal(decimal)) => writer.decimal_bytes(decimal, scale),
            (Self::FixedDecimal { scale, size, .. }, Native::Decimal(decimal)) => {
                writer.decimal_fixed(decimal, scale, size);
            }
            (Self::BigDecimal, Native::Decimal(decimal)) => writer.big_decimal(decimal),
            (Self::Duration, Native::Duration(duration)) => writer.duration(duration),
            _ => return None,
        }
        writer.finish();
        let mut reader = Reader::new(&out);
        match self {
            Self::Date | Self::TimeMillis => reader.int().ok().map(Value::Int),
            Self::Decimal { .. } | Self::BigDecimal => {
                reader.bytes().ok().map(|bytes| Value::Bytes(bytes.to_vec()))
            }
            Self::UuidBytes | Self::FixedDecimal { .. } | Self::Duration => Some(Value::Fixed(out)),
            _ => reader.long().ok().map(Value::Long),
        }
    }

    /// Reads the human form.
    pub(super) fn parse<'de, D: Deserializer<'de>>(self, from: D) -> Result<Native, D::Error> {
        Ok(match self {
            Self::UuidText | Self::UuidBytes => Native::Uuid(Uuid::deserialize(from)?),
            Self::Date => Native::Date(NaiveDate::deserialize(from)?),
            Self::TimeMillis | Self::TimeMicros => Native::Time(NaiveTime::deserialize(from)?),
            Self::TimestampMillis | Self::TimestampMicros | Self::TimestampNanos => {
                Native::Instant(DateTime::deserialize(from)?)
            }
            Self::LocalTimestampMillis | Self::LocalTimestampMicros | Self::LocalTimestampNanos => {
                Native::Local(NaiveDateTime::deserialize(from)?)
            }
            Self::Decimal { .. } | Self::FixedDecimal { .. } | Self::BigDecimal => {
                Native::Decimal(<Decimal as Deserialize>::deserialize(from)?)
            }
            Self::Duration => Native::Duration(AvroDuration::deserialize(from)?),
        })
    }

    /// What the Rust type holds and the Avro type does not, as generated `validate` tells it.
    pub(super) fn check(self, native: &Native, path: &Path<'_>, errors: &mut ValidationErrors) {
        match (self, native) {
            (Self::TimeMillis | Self::TimeMicros, Native::Time(time)) => {
                check::time_of_day(errors, path, time)
            }
            (Self::TimestampNanos, Native::Instant(at)) => check::timestamp_nanos(errors, path, at),
            (Self::LocalTimestampNanos, Native::Local(at)) => check::local_timestamp_nanos(errors, path, at),
            (
                Self::Decimal { precision, scale } | Self::FixedDecimal { precision, scale, .. },
                Native::Decimal(decimal),
            ) => check::decimal(errors, path, decimal, precision, scale),
            _ => {}
        }
    }

    /// Whether data can break what [`Self::check`] looks at: of what was written, only decimals can.
    pub(super) fn is_decimal(self) -> bool {
        matches!(self, Self::Decimal { .. } | Self::FixedDecimal { .. })
    }
}

impl Serialize for Native {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Uuid(value) => value.serialize(to),
            Self::Date(value) => value.serialize(to),
            Self::Time(value) => value.serialize(to),
            Self::Instant(value) => value.serialize(to),
            Self::Local(value) => value.serialize(to),
            Self::Decimal(value) => Serialize::serialize(value, to),
            Self::Duration(value) => value.serialize(to),
        }
    }
}
