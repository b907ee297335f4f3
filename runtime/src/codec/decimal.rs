//! Decimals between Avro's unscaled two's complement and Rust's types: what such a type must do, and [`Decimal`].
//!
//! A [`Decimal`] holds 96 bits and at most 28 digits after the point, an `i128` holds both sides of every conversion
//! that can come out right; what is larger does not fit the declared precision and is pinned to the nearest that does.
//! So a schema of at most 28 digits is safe with [`Decimal`]; for one of more, the generator keeps the bytes, or takes
//! `bigdecimal`'s type where the manifest asks for it.

use rust_decimal::Decimal;

use super::reader::MAX_LONG;

/// A type of Rust that Avro's `decimal` and `big-decimal` are read and written as: [`rust_decimal::Decimal`], and with the
/// feature `bigdecimal` the `BigDecimal` of that crate. No other type implements it: types of an application stand for one of
/// these by [`Newtype`](super::Newtype).
pub trait AvroDecimal: Sized + Sealed {
    /// The most bytes that `decimal` on `bytes` of that scale takes for the value, its length included.
    fn max_len(&self, scale: u32) -> usize;

    /// The most bytes that `big-decimal` takes for the value, its lengths and its scale included.
    fn max_big_len(&self) -> usize;
}

/// What the codec asks of a decimal type.
pub trait Sealed: Sized {
    /// What values it holds, for errors.
    const HOLDS: &'static str;

    /// The number of the shortest two's complement, which has a byte, with that scale; none where the type cannot hold it.
    fn from_unscaled(bytes: &[u8], scale: i64) -> Option<Self>;

    /// Gives out the unscaled number of that scale, the nearest where it does not fit, as the shortest two's complement.
    fn with_unscaled(&self, scale: u32, put: impl FnOnce(&[u8]));

    /// Gives out the unscaled number in the same way, and the scale that the value has.
    fn with_parts(&self, put: impl FnOnce(&[u8], i32));

    /// Whether it is written as it is with that precision and scale.
    fn fits(&self, precision: u32, scale: u32) -> Result<(), Misfit>;

    /// Whether it is written as it is as a `big-decimal`; otherwise what must hold, in words.
    fn fits_big(&self) -> Result<(), String>;

    /// As people write it.
    fn shown(&self) -> String;
}

impl AvroDecimal for Decimal {
    #[inline]
    fn max_len(&self, _: u32) -> usize {
        MAX_LONG + size_of::<i128>()
    }

    #[inline]
    fn max_big_len(&self) -> usize {
        3 * MAX_LONG + size_of::<i128>()
    }
}

impl Sealed for Decimal {
    const HOLDS: &'static str = "a decimal of at most 96 bits and scale 28";

    fn from_unscaled(bytes: &[u8], scale: i64) -> Option<Self> {
        scaled(from_bytes(bytes)?, i32::try_from(scale).ok()?)
    }

    fn with_unscaled(&self, scale: u32, put: impl FnOnce(&[u8])) {
        put(minimal(&unscaled(self, scale).to_be_bytes()));
    }

    fn with_parts(&self, put: impl FnOnce(&[u8], i32)) {
        put(minimal(&self.mantissa().to_be_bytes()), self.scale() as i32);
    }

    fn fits(&self, precision: u32, scale: u32) -> Result<(), Misfit> {
        fits(self, precision, scale)
    }

    fn fits_big(&self) -> Result<(), String> {
        Ok(())
    }

    fn shown(&self) -> String {
        self.to_string()
    }
}

/// The whole number that, with `scale` digits after the point, is `value`. Further digits are cut off; a number that
/// does not fit is the largest that does.
fn unscaled(value: &Decimal, scale: u32) -> i128 {
    let mantissa = value.mantissa();
    if scale >= value.scale() {
        let factor = 10_i128.checked_pow(scale - value.scale());
        match factor.and_then(|factor| mantissa.checked_mul(factor)) {
            Some(unscaled) => unscaled,
            None if mantissa == 0 => 0,
            None if mantissa < 0 => i128::MIN,
            None => i128::MAX,
        }
    } else {
        10_i128
            .checked_pow(value.scale() - scale)
            .map_or(0, |divisor| mantissa / divisor)
    }
}

/// Whether `value` is written as it is with that precision and scale.
fn fits(value: &Decimal, precision: u32, scale: u32) -> Result<(), Misfit> {
    let normal = value.normalize();
    if normal.scale() > scale {
        return Err(Misfit::Scale(normal.scale().into()));
    }
    let zeros = scale - normal.scale();
    let digits = (normal.mantissa().unsigned_abs().checked_ilog10()).map_or(1, |log| log + 1 + zeros);
    if digits > precision {
        return Err(Misfit::Precision(digits.into()));
    }
    Ok(())
}

/// How a decimal does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It has this many digits after the point.
    Scale(i128),
    /// Its unscaled number has this many digits.
    Precision(i128),
}

/// The fewest bytes of a big-endian two's complement number: leading ones that only repeat the sign are dropped.
pub(super) fn minimal(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let [first, tail @ ..] = rest {
        let Some(next) = tail.first() else { break };
        let repeats = (*first == 0 && *next < 0x80) || (*first == 0xff && *next >= 0x80);
        if !repeats {
            break;
        }
        rest = tail;
    }
    rest
}

/// The number in big-endian two's complement; `None` for no bytes at all or more than an `i128` holds.
pub(super) fn from_bytes(bytes: &[u8]) -> Option<i128> {
    let minimal = minimal(bytes);
    let negative = *minimal.first()? >= 0x80;
    let mut all = if negative { [0xff; 16] } else { [0; 16] };
    let padding = all.len().checked_sub(minimal.len())?;
    all[padding..].copy_from_slice(minimal);
    Some(i128::from_be_bytes(all))
}

/// The decimal with that unscaled number and scale; `None` where [`Decimal`] cannot hold it.
fn scaled(unscaled: i128, scale: i32) -> Option<Decimal> {
    if let Ok(scale) = u32::try_from(scale) {
        return Decimal::try_from_i128_with_scale(unscaled, scale).ok();
    }
    let factor = 10_i128.checked_pow(scale.unsigned_abs())?;
    Decimal::try_from_i128_with_scale(unscaled.checked_mul(factor)?, 0).ok()
}

/// What is wrong with a value of that precision and scale, in words.
pub(crate) fn decimal_fits(value: &impl AvroDecimal, precision: u32, scale: u32) -> Result<(), String> {
    value.fits(precision, scale).map_err(|misfit| match misfit {
        Misfit::Scale(found) => format!("must have at most {scale} digits after the point, not {found}"),
        Misfit::Precision(found) => {
            format!("must have at most {precision} digits, {scale} of them after the point, not {found}")
        }
    })
}
