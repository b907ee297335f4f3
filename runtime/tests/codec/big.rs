//! Decimals of any size: what `rust_decimal`'s have, Java's rules beyond it, and numbers that were sent to do harm.

use std::time::{Duration, Instant};

use fleetops_runtime::bigdecimal::BigDecimal;
use fleetops_runtime::bigdecimal::num_bigint::BigInt;
use fleetops_runtime::codec::{
    AvroDecimal, DecodeError, Path, Reader, ValidationErrors, Writer, check, human,
};
use fleetops_runtime::rust_decimal::Decimal;
use fleetops_runtime::serde::{Deserialize, Serialize};
use fleetops_runtime::serde_json;
use proptest::prelude::*;

use crate::sample::written;

fn bytes(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    written(&mut out, write);
    out
}

fn read<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, String> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader).map_err(|why| why.to_string())?;
    reader.finish().map_err(|why| why.to_string())?;
    Ok(value)
}

fn told(check: impl FnOnce(&mut ValidationErrors, &Path<'_>)) -> String {
    let mut errors = ValidationErrors::new();
    check(&mut errors, &Path::ROOT.field("f"));
    errors.to_string()
}

fn big(text: &str) -> BigDecimal {
    text.parse().expect("a decimal")
}

/// A value as a field has it in JSON.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "fleetops_runtime::serde", transparent)]
struct Human(#[serde(with = "human::decimal")] Option<Vec<BigDecimal>>);

fn json(value: BigDecimal) -> String {
    serde_json::to_string(&Human(Some(vec![value]))).expect("JSON")
}

fn from_json(text: &str) -> Result<BigDecimal, String> {
    let human: Human = serde_json::from_str(&format!("[{text}]")).map_err(|why| why.to_string())?;
    Ok(human.0.expect("an array").remove(0))
}

/// The value that the unscaled number and the scale are.
fn of(bytes: &[u8], scale: i64) -> BigDecimal {
    BigDecimal::new(BigInt::from_signed_bytes_be(bytes), scale)
}

/// Its text ends in one zero more than the scale may take.
#[test]
fn a_number_that_ends_in_zeros_comes_back_at_the_lowest_scale() {
    for unscaled in [10, -1_000] {
        let value = BigDecimal::new(BigInt::from(unscaled), -10_000);
        assert_eq!(from_json(json(value.clone()).trim_matches(['[', ']'])), Ok(value));
    }
}

proptest! {
    /// Where both types hold a value, both write, read, refuse and check it alike.
    #[test]
    fn both_types_agree(
        unscaled in -9_999_999_999_999_999_999_999_999_999_i128..=9_999_999_999_999_999_999_999_999_999,
        shift in 0_u32..93,
        own in 0_u32..=28,
        scale in 0_u32..=28,
        precision in 1_u32..=28,
    ) {
        let small = Decimal::try_from_i128_with_scale(unscaled >> shift, own).expect("28 digits");
        let large = BigDecimal::new(BigInt::from(unscaled >> shift), own.into());
        let fits = told(|e, p| check::decimal(e, p, &small, precision, scale));
        prop_assert_eq!(&fits, &told(|e, p| check::decimal(e, p, &large, precision, scale)));
        let ours = bytes(|out| out.decimal_bytes(&large, scale));
        // Beyond 38 digits the other takes the nearest that it has.
        if !fits.contains("digits, ") {
            prop_assert_eq!(&ours, &bytes(|out| out.decimal_bytes(&small, scale)));
            prop_assert_eq!(
                bytes(|out| out.decimal_fixed(&large, scale, 13)),
                bytes(|out| out.decimal_fixed(&small, scale, 13))
            );
        }
        prop_assert!(ours.len() <= large.max_len(scale));
        let both = bytes(|out| out.big_decimal(&large));
        prop_assert_eq!(&both, &bytes(|out| out.big_decimal(&small)));
        prop_assert!(both.len() <= large.max_big_len() && both.len() <= small.max_big_len());
        prop_assert_eq!(read(&both, |r| r.big_decimal::<BigDecimal>()), Ok(large.clone()));
        prop_assert_eq!(json(large), format!("[{}]", serde_json::to_string(&small).expect("JSON")));
    }

    #[test]
    fn numbers_of_any_length_come_back(
        digits in proptest::collection::vec(any::<u8>(), 1..400),
        scale in -10_000_i64..=10_000,
        declared in 0_u32..2_000,
    ) {
        let value = of(&digits, scale);
        let both = bytes(|out| out.big_decimal(&value));
        prop_assert!(both.len() <= value.max_big_len());
        let again: BigDecimal = read(&both, |r| r.big_decimal()).expect("read");
        prop_assert_eq!(again.as_bigint_and_scale(), value.as_bigint_and_scale());
        prop_assert_eq!(told(|e, p| check::big_decimal(e, p, &value)), "");
        prop_assert_eq!(from_json(json(value.clone()).trim_matches(['[', ']'])), Ok(value));

        let value = of(&digits, declared.into());
        let ours = bytes(|out| out.decimal_bytes(&value, declared));
        prop_assert!(ours.len() <= value.max_len(declared));
        prop_assert_eq!(read(&ours, |r| r.decimal_bytes(declared)), Ok(value.clone()));
        let fixed = bytes(|out| out.decimal_fixed(&value, declared, 500));
        prop_assert_eq!(fixed.len(), 500);
        prop_assert_eq!(read(&fixed, |r| r.decimal_fixed::<500, _>(declared)), Ok(value));
    }

    /// Whatever an application makes is written at once, and what was written is read.
    #[test]
    fn what_does_not_fit_is_written_as_the_nearest(
        digits in proptest::collection::vec(any::<u8>(), 1..40),
        scale in prop_oneof![any::<i64>(), any::<i32>().prop_map(i64::from), -20_000_i64..20_000],
        declared in 0_u32..20_000,
    ) {
        let value = of(&digits, scale);
        let started = Instant::now();
        let both = bytes(|out| out.big_decimal(&value));
        prop_assert!(both.len() <= value.max_big_len());
        let again: BigDecimal = read(&both, |r| r.big_decimal()).expect("read");
        prop_assert_eq!(again == value, told(|e, p| check::big_decimal(e, p, &value)).is_empty() || again == value);
        let ours = bytes(|out| out.decimal_bytes(&value, declared));
        prop_assert!(ours.len() <= value.max_len(declared));
        if declared <= 10_000 {
            let again: BigDecimal = read(&ours, |r| r.decimal_bytes(declared)).expect("read");
            let fits = told(|e, p| check::decimal(e, p, &value, 9_863, declared));
            prop_assert_eq!(fits.is_empty(), again == value, "{}", fits);
        }
        prop_assert!(json(value).len() < 21_000);
        prop_assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    }
}

#[test]
fn a_scale_made_to_do_harm_is_refused_where_it_is_read() {
    for scale in [10_001, -10_001, i32::MAX, i32::MIN] {
        let hostile = bytes(|out| {
            let inner = bytes(|out| {
                out.bytes(&[1]);
                out.int(scale);
            });
            out.bytes(&inner);
        });
        let refused = read(&hostile, |r| r.big_decimal::<BigDecimal>()).expect_err("refused");
        assert!(
            refused.ends_with(&format!(
                "expected a decimal of at most 4096 bytes and a scale of at most 10000 either way, found 1 of scale {scale}"
            )),
            "{refused}"
        );
    }
    let long = [0x7f; 4097];
    let refused = read(&bytes(|out| out.bytes(&long)), |r| {
        r.decimal_bytes::<BigDecimal>(2)
    })
    .expect_err("refused");
    assert!(refused.ends_with("found 4097 byte(s) of scale 2"), "{refused}");
    assert!(
        read(&bytes(|out| out.bytes(&long[1..])), |r| r
            .decimal_bytes::<BigDecimal>(2))
        .is_ok()
    );
    let refused = read(&[0], |r| r.decimal_bytes::<BigDecimal>(2)).expect_err("refused");
    assert!(refused.ends_with("found 0 byte(s) of scale 2"), "{refused}");

    for text in [
        "\"1E+10001\"",
        "\"1e-10001\"",
        "\"1E+9223372036854775807\"",
        "\"1E99999999999999999999\"",
        "\"one\"",
        "\"\"",
        "1.5",
        "null",
    ] {
        assert!(from_json(text).is_err(), "{text}");
    }
    let long = format!("\"{}\"", "9".repeat(30_000));
    let refused = from_json(&long).expect_err("refused");
    assert!(refused.len() < 300, "{refused}");
    assert_eq!(from_json("\"1E+3\""), Ok(big("1000")));
    assert_eq!(from_json("-7"), Ok(big("-7")));
}

#[test]
fn what_an_application_made_too_large_is_told_and_pinned() {
    let far = BigDecimal::new(BigInt::from(-3), i64::MIN);
    assert_eq!(
        told(|e, p| check::big_decimal(e, p, &far)),
        format!(
            "f: must have at most 4096 bytes and a scale from -10000 to 10000, not 1 and {}, found {} (decimal)",
            i64::MIN,
            far.to_scientific_notation()
        )
    );
    let largest: BigDecimal =
        read(&bytes(|out| out.decimal_bytes(&far, 0)), |r| r.decimal_bytes(0)).expect("read");
    assert_eq!(largest, -big(&"9".repeat(9863)));
    assert_eq!(bytes(|out| out.decimal_fixed(&far, 0, 2)), [0x80, 0]);
    let near = BigDecimal::new(BigInt::from(-3), i64::MAX);
    assert_eq!(bytes(|out| out.decimal_bytes(&near, 3)), [2, 0]);
    assert!(told(|e, p| check::decimal(e, p, &near, 5, 3)).contains("at most 3 digits after the point"));
    let digits = big(&format!("{}.5", "7".repeat(15_000)));
    assert!(told(|e, p| check::big_decimal(e, p, &digits)).contains("not 6230 and 1"));
    let cut: BigDecimal = read(&bytes(|out| out.big_decimal(&digits)), |r| r.big_decimal()).expect("read");
    assert!(cut < digits && cut > &digits * big("0.999999"));
}

/// What Java's `BigDecimalConversion` writes, and its `DecimalConversion` with 80 digits, 20 of them after the point (Avro 1.12).
const JAVA: &[(&str, &str, Option<&str>)] = &[
    ("0", "020000", Some("00")),
    ("0.00", "020004", Some("00")),
    ("1", "020100", Some("056bc75e2d63100000")),
    ("-1", "02ff00", Some("fa9438a1d29cf00000")),
    ("127", "027f00", Some("02b077e7b88424f00000")),
    ("128", "04008000", Some("02b5e3af16b188000000")),
    ("-128", "028000", Some("fd4a1c50e94e78000000")),
    ("-129", "04ff7f00", Some("fd44b0898b2114f00000")),
    ("255.5", "0409fb02", Some("0569117a7e4c5e780000")),
    ("-255.5", "04f60502", Some("fa96ee8581b3a1880000")),
    ("1E+3", "020105", Some("152d02c7e14af6800000")),
    ("-1E+3", "02ff05", Some("ead2fd381eb509800000")),
    ("1E-300", "0201d804", None),
    ("-1E-300", "02ffd804", None),
    (
        "12345678901234567890123456789012345678901234567890.123456789",
        "3201f77ee6e3ac697035865a5d38c138c542dae19828ae39811512",
        Some("2dcaec4c2df4268937664439ba2f162fc2d76998cbaccff19684a90800"),
    ),
    (
        "-12345678901234567890123456789012345678901234567890.123456789",
        "32fe0881191c53968fca79a5a2c73ec73abd251e67d751c67eeb12",
        Some("d23513b3d20bd976c899bbc645d0e9d03d2896673453300e697b56f800"),
    ),
    (
        "79228162514264337593543950336",
        "1a0100000000000000000000000000",
        Some("056bc75e2d63100000000000000000000000000000"),
    ),
    ("1E+10000", "02019f9c01", None),
    ("1E-10000", "0201a09c01", None),
    ("-0.1", "02ff02", Some("ff7538dcfb76180000")),
    (
        "9999999999999999999999999999.9999999999",
        "204b3b4ca85a86c47a098a223fffffffff14",
        Some("00af298d050e4395d69670b12b7f40fffdabf41c00"),
    ),
];

#[test]
fn the_bytes_are_those_of_java() {
    let hex = |text: &str| -> Vec<u8> {
        let pairs = text
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).expect("ASCII"));
        pairs
            .map(|pair| u8::from_str_radix(pair, 16).expect("a byte"))
            .collect()
    };
    for (text, any, declared) in JAVA {
        let value = big(text);
        let framed = bytes(|out| out.bytes(&hex(any)));
        assert_eq!(bytes(|out| out.big_decimal(&value)), framed, "{text}");
        let again: BigDecimal = read(&framed, |r| r.big_decimal()).expect(text);
        assert_eq!(again.as_bigint_and_scale(), value.as_bigint_and_scale(), "{text}");
        let fits = told(|e, p| check::decimal(e, p, &value, 80, 20));
        assert_eq!(declared.is_some(), fits.is_empty(), "{text}: {fits}");
        if let Some(declared) = declared {
            let framed = bytes(|out| out.bytes(&hex(declared)));
            assert_eq!(bytes(|out| out.decimal_bytes(&value, 20)), framed, "{text}");
            assert_eq!(read(&framed, |r| r.decimal_bytes(20)), Ok(value), "{text}");
        }
    }
}
