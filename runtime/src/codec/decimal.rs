//! Decimals between Avro's unscaled two's complement and [`Decimal`].
//!
//! A [`Decimal`] holds 96 bits and at most 28 digits after the point, an `i128` holds both sides of every conversion
//! that can come out right; what is larger does not fit the declared precision and is pinned to the nearest that does.
//! So a schema of at most 28 digits is safe with [`Decimal`]; for one of more, the generator keeps the bytes.

use rust_decimal::Decimal;

/// The whole number that, with `scale` digits after the point, is `value`. Further digits are cut off; a number that
/// does not fit is the largest that does.
pub(super) fn unscaled(value: &Decimal, scale: u32) -> i128 {
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
pub(crate) fn fits(value: &Decimal, precision: u32, scale: u32) -> Result<(), Misfit> {
    let normal = value.normalize();
    if normal.scale() > scale {
        return Err(Misfit::Scale(normal.scale()));
    }
    // `unscaled` multiplies only, and where that overflows an `i128` the digits are more than 38.
    let digits = unscaled(&normal, scale)
        .unsigned_abs()
        .checked_ilog10()
        .map_or(1, |log| log + 1);
    if digits > precision {
        return Err(Misfit::Precision(digits));
    }
    Ok(())
}

/// How a decimal does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It has this many digits after the point.
    Scale(u32),
    /// Its unscaled number has this many digits.
    Precision(u32),
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
pub(super) fn scaled(unscaled: i128, scale: i32) -> Option<Decimal> {
    if let Ok(scale) = u32::try_from(scale) {
        return Decimal::try_from_i128_with_scale(unscaled, scale).ok();
    }
    let factor = 10_i128.checked_pow(scale.unsigned_abs())?;
    Decimal::try_from_i128_with_scale(unscaled.checked_mul(factor)?, 0).ok()
}

/// What is wrong with a value of that precision and scale, in words.
pub(crate) fn decimal_fits(value: &Decimal, precision: u32, scale: u32) -> Result<(), String> {
    fits(value, precision, scale).map_err(|misfit| match misfit {
        Misfit::Scale(found) => format!("must have at most {scale} digits after the point, not {found}"),
        Misfit::Precision(found) => {
            format!("must have at most {precision} digits, {scale} of them after the point, not {found}")
        }
    })
}
