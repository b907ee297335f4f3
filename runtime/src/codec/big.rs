//! Avro's decimals as [`BigDecimal`], and as text in the human JSON.
//!
//! A [`BigDecimal`] has any number of digits and a scale of 64 bits, and a record of a few bytes may ask for both: its text, or its
//! sum with another, would then take gigabytes. So a number of more than [`MAX_BYTES`] or a scale further than [`MAX_SCALE`] from 0
//! is refused where it is read, from Avro and from JSON. What an application made itself is brought within these limits where it
//! is written, and `validate` tells it. Nothing here takes longer than a number within the limits can, but for the digits
//! that the application holds already.

use std::borrow::Cow;
use std::fmt;

use ::bigdecimal::BigDecimal;
use ::bigdecimal::num_bigint::{BigInt, Sign};
use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;

use super::decimal::{AvroDecimal, Misfit, Sealed};
use super::human::{AsDecimal, Human};
use super::reader::MAX_LONG;

/// The most bytes of an unscaled number.
const MAX_BYTES: usize = 4096;

/// The most bits of its absolute value.
const MAX_BITS: u64 = 8 * MAX_BYTES as u64 - 1;

/// So many digits always fit. The generator keeps bytes for a schema that declares more.
const MAX_DIGITS: u32 = 9863;

/// How far the scale may be from 0.
const MAX_SCALE: i128 = 10_000;

/// The longest text that is read: all digits, a point, a sign, and the zeros of the greatest scale.
const MAX_TEXT: usize = MAX_DIGITS as usize + MAX_SCALE as usize + 8;

/// The number with so many more digits at its end, all 0; the largest that fits, if that is too large.
fn grown(number: &BigInt, digits: i128) -> BigInt {
    if number.sign() == Sign::NoSign {
        return BigInt::ZERO;
    }
    // A digit takes 3.32193 bits.
    let bits = i128::from(number.bits()) + digits.saturating_mul(3322) / 1000;
    match u32::try_from(digits) {
        Ok(digits) if bits <= i128::from(MAX_BITS) => number * BigInt::from(10).pow(digits),
        _ if number.sign() == Sign::Minus => -largest(),
        _ => largest(),
    }
}

/// The number without its last so many digits.
fn cut(number: &BigInt, digits: i128) -> BigInt {
    match u32::try_from(digits) {
        // A digit takes more than three bits.
        Ok(digits) if u64::from(digits) <= number.bits() / 3 + 1 => number / BigInt::from(10).pow(digits),
        _ => BigInt::ZERO,
    }
}

#[cold]
fn largest() -> BigInt {
    BigInt::from(10).pow(MAX_DIGITS) - 1
}

/// The number of that scale, the nearest where it does not fit.
fn unscaled(value: &BigDecimal, scale: u32) -> Cow<'_, BigInt> {
    let (number, own) = value.as_bigint_and_scale();
    let more = i128::from(scale) - i128::from(own);
    if more > 0 {
        Cow::Owned(grown(&number, more))
    } else if more < 0 {
        Cow::Owned(cut(&number, -more))
    } else {
        number
    }
}

/// The number and the scale of the value, or of the nearest within the limits.
fn within(value: &BigDecimal) -> (Cow<'_, BigInt>, i32) {
    let (mut number, scale) = value.as_bigint_and_scale();
    let mut scale = i128::from(scale);
    if number.bits() > MAX_BITS {
        let digits = i128::from(number.bits() - MAX_BITS) * 30_103 / 100_000 + 1;
        number = Cow::Owned(cut(&number, digits));
        scale -= digits;
    }
    if scale > MAX_SCALE {
        number = Cow::Owned(cut(&number, scale - MAX_SCALE));
    } else if scale < -MAX_SCALE {
        number = Cow::Owned(grown(&number, -MAX_SCALE - scale));
    }
    (number, scale.clamp(-MAX_SCALE, MAX_SCALE) as i32)
}

/// Whether it is read again as it is.
fn is_within(value: &BigDecimal) -> bool {
    let (number, scale) = value.as_bigint_and_scale();
    number.bits() <= MAX_BITS && i128::from(scale).abs() <= MAX_SCALE
}

/// The most bytes of the number with so many more digits.
fn most_bytes(value: &BigDecimal, scale: i128) -> usize {
    let (number, own) = value.as_bigint_and_scale();
    let more = scale.saturating_sub(i128::from(own)).max(0);
    let bits = i128::from(number.bits()) + more.saturating_mul(3322) / 1000;
    usize::try_from(bits / 8 + 2).map_or(MAX_BYTES, |bytes| bytes.min(MAX_BYTES))
}

impl AvroDecimal for BigDecimal {
    fn max_len(&self, scale: u32) -> usize {
        // A number that has the scale already is written as it is, however large.
        let own = usize::try_from(self.as_bigint_and_scale().0.bits() / 8 + 1).unwrap_or(usize::MAX);
        most_bytes(self, scale.into()).max(own).saturating_add(MAX_LONG)
    }

    fn max_big_len(&self) -> usize {
        3 * MAX_LONG + most_bytes(self, -MAX_SCALE)
    }
}

impl Sealed for BigDecimal {
    const HOLDS: &'static str = "a decimal of at most 4096 bytes and a scale of at most 10000 either way";

    fn from_unscaled(bytes: &[u8], scale: i64) -> Option<Self> {
        let good = bytes.len() <= MAX_BYTES && i128::from(scale).abs() <= MAX_SCALE;
        good.then(|| BigDecimal::new(BigInt::from_signed_bytes_be(bytes), scale))
    }

    fn with_unscaled(&self, scale: u32, put: impl FnOnce(&[u8])) {
        put(&unscaled(self, scale).to_signed_bytes_be());
    }

    fn with_parts(&self, put: impl FnOnce(&[u8], i32)) {
        let (number, scale) = within(self);
        put(&number.to_signed_bytes_be(), scale);
    }

    fn fits(&self, precision: u32, scale: u32) -> Result<(), Misfit> {
        let (number, own) = self.as_bigint_and_scale();
        if number.sign() == Sign::NoSign {
            return Ok(());
        }
        let digits = number.magnitude().to_string();
        let kept = digits.trim_end_matches('0').len();
        let zeros = (digits.len() - kept) as i128;
        let behind = i128::from(own) - zeros;
        if behind > i128::from(scale) {
            return Err(Misfit::Scale(behind));
        }
        let digits = kept as i128 + i128::from(scale) - behind;
        if digits > i128::from(precision) {
            return Err(Misfit::Precision(digits));
        }
        Ok(())
    }

    fn fits_big(&self) -> Result<(), String> {
        if is_within(self) {
            return Ok(());
        }
        let (number, scale) = self.as_bigint_and_scale();
        Err(format!(
            "must have at most {MAX_BYTES} bytes and a scale from -{MAX_SCALE} to {MAX_SCALE}, not {} and {scale}",
            number.bits() / 8 + 1
        ))
    }

    fn shown(&self) -> String {
        Plain(self).to_string()
    }
}

/// A value as people write it: all its digits and no exponent, or with one where that would be too long.
struct Plain<'a>(&'a BigDecimal);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !is_within(self.0) {
            return self.0.write_scientific_notation(f);
        }
        // The crate writes an exponent in place of many zeros.
        let (number, scale) = self.0.as_bigint_and_scale();
        if number.sign() == Sign::Minus {
            f.write_str("-")?;
        }
        let digits = number.magnitude().to_string();
        let zeros = |count: usize| "0".repeat(count);
        let Some(behind) = usize::try_from(scale).ok().filter(|behind| *behind > 0) else {
            f.write_str(&digits)?;
            let none = number.sign() == Sign::NoSign;
            let more = usize::try_from(scale.unsigned_abs()).unwrap_or_default();
            return f.write_str(&zeros(if none { 0 } else { more }));
        };
        match digits.len().checked_sub(behind) {
            None | Some(0) => write!(f, "0.{}{digits}", zeros(behind - digits.len())),
            Some(before) => {
                let (whole, fraction) = digits.split_at(before);
                write!(f, "{whole}.{fraction}")
            }
        }
    }
}

/// A value that is too large with the zeros at its end taken into the scale, as the text of one that is not may need.
fn shortest(value: BigDecimal) -> BigDecimal {
    let (number, scale) = value.as_bigint_and_scale();
    if number.bits() <= MAX_BITS {
        return value;
    }
    let digits = number.to_string();
    // No more of them than the scale may take: the number's own digits may end in some too.
    let room = usize::try_from(i128::from(scale) + MAX_SCALE).unwrap_or_default();
    let zeros = (digits.len() - digits.trim_end_matches('0').len()).min(room);
    match digits[..digits.len() - zeros].parse::<BigInt>() {
        Ok(number) => BigDecimal::new(number, scale.saturating_sub(zeros as i64)),
        Err(_) => value,
    }
}

impl Human<AsDecimal> for BigDecimal {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Plain(self))
    }

    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = BigDecimal;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal as text, or a whole number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<BigDecimal, E> {
                let value = if text.len() > MAX_TEXT {
                    None
                } else {
                    text.parse().ok()
                };
                value.map(shortest).filter(is_within).ok_or_else(|| {
                    let shown: String = text.chars().take(60).collect();
                    E::custom(format_args!("expected {}, found {shown:?}", BigDecimal::HOLDS))
                })
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<BigDecimal, E> {
                Ok(number.into())
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<BigDecimal, E> {
                Ok(number.into())
            }
        }
        deserializer.deserialize_any(Text)
    }
}
