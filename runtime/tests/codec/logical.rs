//! Logical types: the peer's bytes, round trips, and what happens at the edges.

use apache_avro::types::Value;
use fleetops_runtime::chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};
use fleetops_runtime::codec::{AvroDuration, DecodeError, Path, Reader, ValidationErrors, Writer, check};
use fleetops_runtime::rust_decimal::Decimal;
use fleetops_runtime::uuid::Uuid;
use proptest::prelude::*;

use crate::peer::theirs;
use crate::sample::{long, written};

fn bytes(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    written(&mut out, write);
    out
}

fn read<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

fn violations(check: impl FnOnce(&mut ValidationErrors, &Path<'_>)) -> String {
    let mut errors = ValidationErrors::new();
    check(&mut errors, &Path::ROOT.field("f"));
    errors.to_string()
}

fn logical(base: &str, name: &str) -> String {
    format!(r#"{{"type": "{base}", "logicalType": "{name}"}}"#)
}

proptest! {
    #[test]
    fn dates_and_times_have_the_peers_bytes(days in -95_000_000_i32..95_000_000, micros in 0_i64..86_400_000_000) {
        let date = NaiveDate::from_num_days_from_ce_opt(days).expect("in range");
        let since_epoch = date.signed_duration_since(NaiveDate::default()).num_days() as i32;
        let ours = bytes(|out| out.date(&date));
        prop_assert_eq!(&ours, &theirs(&logical("int", "date"), Value::Date(since_epoch)));
        prop_assert_eq!(read(&ours, |r| r.date()), Ok(date));

        let nanos = (micros % 1_000_000 * 1_000) as u32;
        let time = NaiveTime::from_num_seconds_from_midnight_opt((micros / 1_000_000) as u32, nanos).expect("a time");
        let ours = bytes(|out| out.time_micros(&time));
        prop_assert_eq!(&ours, &theirs(&logical("long", "time-micros"), Value::TimeMicros(micros)));
        prop_assert_eq!(read(&ours, |r| r.time_micros()), Ok(time));
        let ours = bytes(|out| out.time_millis(&time));
        prop_assert_eq!(&ours, &theirs(&logical("int", "time-millis"), Value::TimeMillis((micros / 1_000) as i32)));
        let millis = time.with_nanosecond(nanos / 1_000_000 * 1_000_000).expect("a time");
        prop_assert_eq!(read(&ours, |r| r.time_millis()), Ok(millis));
    }

    #[test]
    fn timestamps_have_the_peers_bytes(number in long()) {
        let ours = bytes(|out| out.timestamp_nanos(&DateTime::from_timestamp_nanos(number)));
        prop_assert_eq!(&ours, &theirs(&logical("long", "timestamp-nanos"), Value::TimestampNanos(number)));
        prop_assert_eq!(read(&ours, |r| r.timestamp_nanos()), Ok(DateTime::from_timestamp_nanos(number)));
        if let Some(time) = DateTime::from_timestamp_micros(number) {
            let ours = bytes(|out| out.timestamp_micros(&time));
            prop_assert_eq!(&ours, &theirs(&logical("long", "timestamp-micros"), Value::TimestampMicros(number)));
            prop_assert_eq!(read(&ours, |r| r.timestamp_micros()), Ok(time));
            let local = bytes(|out| out.local_timestamp_micros(&time.naive_utc()));
            prop_assert_eq!(&local, &ours);
            prop_assert_eq!(read(&local, |r| r.local_timestamp_micros()), Ok(time.naive_utc()));
        }
        if let Some(time) = DateTime::from_timestamp_millis(number) {
            let ours = bytes(|out| out.timestamp_millis(&time));
            prop_assert_eq!(&ours, &theirs(&logical("long", "timestamp-millis"), Value::TimestampMillis(number)));
            prop_assert_eq!(read(&ours, |r| r.timestamp_millis()), Ok(time));
            prop_assert_eq!(read(&ours, |r| r.local_timestamp_millis()), Ok(time.naive_utc()));
        } else {
            let ours = bytes(|out| out.long(number));
            prop_assert!(read(&ours, |r| r.timestamp_millis()).is_err());
        }
    }

    #[test]
    fn digits_below_the_unit_are_rounded_down(nanos in any::<i64>(), more in 0_i64..1_000) {
        let floor = DateTime::from_timestamp_nanos(nanos.div_euclid(1_000).saturating_mul(1_000));
        let time = floor + fleetops_runtime::chrono::TimeDelta::nanoseconds(more);
        prop_assert_eq!(
            bytes(|out| out.timestamp_micros(&time)),
            bytes(|out| out.timestamp_micros(&floor))
        );
    }

    #[test]
    fn uuids_have_the_peers_bytes(number in any::<u128>()) {
        let uuid = Uuid::from_u128(number);
        let peer = Value::Uuid(apache_avro::Uuid::from_u128(number));
        let text = bytes(|out| out.uuid_string(&uuid));
        prop_assert_eq!(&text, &theirs(&logical("string", "uuid"), peer.clone()));
        prop_assert_eq!(read(&text, |r| r.uuid_string()), Ok(uuid));
        let upper = bytes(|out| out.string(&uuid.hyphenated().to_string().to_uppercase()));
        prop_assert_eq!(read(&upper, |r| r.uuid_string()), Ok(uuid));
        let fixed = bytes(|out| out.uuid_fixed(&uuid));
        let schema = r#"{"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}"#;
        prop_assert_eq!(&fixed, &theirs(schema, peer));
        prop_assert_eq!(read(&fixed, |r| r.uuid_fixed()), Ok(uuid));
    }

    #[test]
    fn durations_are_three_little_endian_numbers(months in any::<u32>(), days in any::<u32>(), millis in any::<u32>()) {
        let ours = bytes(|out| out.duration(&AvroDuration { months, days, millis }));
        let schema = r#"{"type": "fixed", "name": "D", "size": 12, "logicalType": "duration"}"#;
        let peer = apache_avro::Duration::new(
            apache_avro::Months::new(months),
            apache_avro::Days::new(days),
            apache_avro::Millis::new(millis),
        );
        prop_assert_eq!(&ours, &theirs(schema, Value::Duration(peer)));
        prop_assert_eq!(read(&ours, |r| r.duration()), Ok(AvroDuration { months, days, millis }));
    }

    #[test]
    fn decimals_have_the_peers_bytes_and_come_back(
        unscaled in -9_999_999_999_999_999_999_999_999_999_i128..=9_999_999_999_999_999_999_999_999_999,
        shift in 0_u32..90,
        scale in 0_u32..=28,
    ) {
        let unscaled = unscaled >> shift;
        let value = Decimal::try_from_i128_with_scale(unscaled, scale).expect("28 digits");
        let ours = bytes(|out| out.decimal_bytes(&value, scale));
        let big = num_bigint(unscaled);
        let schema = format!(r#"{{"type": "bytes", "logicalType": "decimal", "precision": 28, "scale": {scale}}}"#);
        prop_assert_eq!(&ours, &theirs(&schema, Value::Decimal(big.clone().into())));
        prop_assert_eq!(read(&ours, |r| r.decimal_bytes(scale)), Ok(value));
        let fixed = bytes(|out| out.decimal_fixed(&value, scale, 14));
        prop_assert_eq!(read(&fixed, |r| r.decimal_fixed::<14, _>(scale)), Ok(value));
        prop_assert_eq!(&fixed[..], &unscaled.to_be_bytes()[2..]);
        let both = bytes(|out| out.big_decimal(&value));
        prop_assert_eq!(read(&both, |r| r.big_decimal()), Ok(value));
        prop_assert_eq!(violations(|e, p| check::decimal(e, p, &value, 28, scale)), "");
    }
}

/// The bytes of a number as Java's `BigInteger.toByteArray` has them, by another way than the codec's.
fn num_bigint(value: i128) -> Vec<u8> {
    let bits = if value < 0 {
        128 - (!value).leading_zeros()
    } else {
        128 - value.leading_zeros()
    } as usize
        + 1;
    value.to_be_bytes()[16 - bits.div_ceil(8)..].to_vec()
}

#[test]
fn a_decimal_of_another_scale_is_brought_to_the_schemas() {
    let write = |text: &str, scale| {
        bytes(|out| out.decimal_bytes(&text.parse::<Decimal>().expect("a decimal"), scale))
    };
    assert_eq!(write("1.5", 2), [4, 0, 150]);
    assert_eq!(write("1.50", 1), [2, 15]);
    assert_eq!(write("-1.5", 2), [4, 0xff, 0x6a]);
    assert_eq!(write("0.00", 5), [2, 0]);
    // Cut off towards zero, and told by the check.
    assert_eq!(write("1.59", 1), [2, 15]);
    assert_eq!(write("-1.59", 1), [2, (-15_i8) as u8]);
    let told = |text: &str, precision, scale| {
        violations(|e, p| {
            check::decimal(
                e,
                p,
                &text.parse::<Decimal>().expect("a decimal"),
                precision,
                scale,
            )
        })
    };
    assert_eq!(
        told("1.59", 9, 1),
        "f: must have at most 1 digits after the point, not 2, found 1.59 (decimal)"
    );
    assert_eq!(
        told("123.4", 3, 1),
        "f: must have at most 3 digits, 1 of them after the point, not 4, found 123.4 (decimal)"
    );
    assert_eq!(told("99.9", 3, 1), "");
    assert_eq!(told("99.900", 3, 1), "");
    // 29 digits before the point and 20 after it: beyond an i128.
    let largest = Decimal::MAX.to_string();
    assert!(
        told(&largest, 28, 20).starts_with("f: must have at most 28 digits"),
        "{}",
        told(&largest, 28, 20)
    );
    assert_eq!(write(&largest, 20)[0], 32);
    let fixed =
        |text: &str| bytes(|out| out.decimal_fixed(&text.parse::<Decimal>().expect("a decimal"), 0, 2));
    assert_eq!(fixed("32767"), [0x7f, 0xff]);
    assert_eq!(fixed("32768"), [0x7f, 0xff]);
    assert_eq!(fixed("-32768"), [0x80, 0]);
    assert_eq!(fixed("-32769"), [0x80, 0]);
    assert_eq!(fixed("-1"), [0xff, 0xff]);
}

#[test]
fn times_that_do_not_fit_are_pinned_and_told() {
    let leap = NaiveTime::from_hms_milli_opt(23, 59, 59, 1_500).expect("a leap second");
    assert_eq!(
        read(&bytes(|out| out.time_millis(&leap)), |r| r.int()),
        Ok(86_399_999)
    );
    assert_eq!(
        read(&bytes(|out| out.time_micros(&leap)), |r| r.long()),
        Ok(86_399_999_999)
    );
    assert_eq!(
        violations(|e, p| check::time_of_day(e, p, &leap)),
        "f: must not be in a leap second, found 23:59:60.500 (time-of-day)"
    );
    assert_eq!(violations(|e, p| check::time_of_day(e, p, &NaiveTime::MIN)), "");

    let far = NaiveDate::from_ymd_opt(3000, 1, 1)
        .expect("a date")
        .and_time(NaiveTime::MIN);
    let early = NaiveDate::from_ymd_opt(1600, 1, 1)
        .expect("a date")
        .and_time(NaiveTime::MIN);
    for (time, nanos) in [
        (far, i64::MAX),
        (early, i64::MIN),
        (NaiveDateTime::MAX, i64::MAX),
        (NaiveDateTime::MIN, i64::MIN),
    ] {
        assert_eq!(
            read(&bytes(|out| out.timestamp_nanos(&time.and_utc())), |r| r.long()),
            Ok(nanos)
        );
        assert_eq!(
            read(&bytes(|out| out.local_timestamp_nanos(&time)), |r| r.long()),
            Ok(nanos)
        );
        assert!(violations(|e, p| check::local_timestamp_nanos(e, p, &time)).contains("(timestamp-nanos)"));
    }
    assert_eq!(
        violations(|e, p| check::timestamp_nanos(e, p, &DateTime::from_timestamp_nanos(i64::MIN))),
        ""
    );
    // Every other type reaches as far as chrono does.
    for time in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        let there = read(&bytes(|out| out.timestamp_micros(&time)), |r| {
            r.timestamp_micros()
        })
        .expect("in range");
        assert_eq!(there.timestamp_micros(), time.timestamp_micros());
        let date = time.date_naive();
        assert_eq!(read(&bytes(|out| out.date(&date)), |r| r.date()), Ok(date));
    }
}

#[test]
fn what_no_logical_value_stands_for_is_an_error_with_its_offset() {
    let long = |n: i64| bytes(|out| out.long(n));
    let text = |s: &str| bytes(|out| out.string(s));
    let told = |result: Result<String, DecodeError>| result.expect_err("no such value").to_string();
    let uuid = |s: &str| told(read(&text(s), |r| r.uuid_string().map(|u| u.to_string())));
    assert_eq!(
        uuid("uuid-v4"),
        r#"byte 0: expected a uuid of 36 characters, found "uuid-v4""#
    );
    // Forms that the uuid crate would take.
    for form in [
        "67e5504410b1426f9247bb680e5fe0c8",
        "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
        "1-1-1-1-1",
    ] {
        assert!(uuid(form).contains("expected a uuid of 36 characters"), "{form}");
    }
    assert!(uuid("67e55044-10b1-426f-9247-bb680e5fe0cg").starts_with("byte 0"));
    let long_text = uuid(&"é".repeat(10_000));
    assert!(
        long_text.len() < 300 && long_text.ends_with("... (20000 bytes)"),
        "{long_text}"
    );
    assert_eq!(
        told(read(&long(86_400_000), |r| r
            .time_millis()
            .map(|t| t.to_string()))),
        "byte 0: expected a time of day in milliseconds, found 86400000"
    );
    assert!(read(&long(-1), |r| r.time_millis()).is_err());
    assert!(read(&long(86_400_000_000), |r| r.time_micros()).is_err());
    assert!(read(&long(i64::MIN), |r| r.time_micros()).is_err());
    assert!(read(&long(i64::MAX), |r| r.timestamp_micros()).is_err());
    assert!(read(&long(i64::MIN), |r| r.local_timestamp_millis()).is_err());
    for days in [i32::MAX, i32::MIN, 100_000_000] {
        assert_eq!(
            told(read(&bytes(|out| out.int(days)), |r| r
                .date()
                .map(|d| d.to_string()))),
            format!("byte 0: expected a date within 262,000 years of 1970, found {days} days")
        );
    }
    assert_eq!(
        told(read(&[0], |r| r
            .decimal_bytes::<Decimal>(2)
            .map(|d| d.to_string()))),
        "byte 0: expected a decimal of at most 96 bits and scale 28, found 0 byte(s) of scale 2"
    );
    let wide = bytes(|out| out.bytes(&[0x7f; 13]));
    assert!(read(&wide, |r| r.decimal_bytes::<Decimal>(2)).is_err());
    assert!(read(&[2, 1], |r| r.decimal_bytes::<Decimal>(29)).is_err());
    // A sign repeated to the left says nothing.
    let padded = bytes(|out| out.bytes(&[[0xff; 30], [0xfe; 30]].concat()[..31]));
    assert_eq!(read(&padded, |r| r.decimal_bytes(0)), Ok(Decimal::from(-2)));
    // Inside a big-decimal: scale missing, trailing bytes, negative scale.
    assert_eq!(
        told(read(&bytes(|out| out.bytes(&[2, 5])), |r| r
            .big_decimal::<Decimal>()
            .map(|d| d.to_string()))),
        "byte 3: expected 1 byte(s) for an int, found 0"
    );
    assert!(
        read(&bytes(|out| out.bytes(&[2, 5, 2, 0])), |r| r
            .big_decimal::<Decimal>())
        .is_err()
    );
    assert_eq!(
        read(&bytes(|out| out.bytes(&[2, 5, 3])), |r| r.big_decimal()),
        Ok(Decimal::from(500))
    );
}
