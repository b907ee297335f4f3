//! Floating-point numbers as Java prints them.
//!
//! Java 19 and later print the shortest decimal that reads back as the same number, of two digits at least, in plain
//! notation from 1e-3 to 1e7 and with an exponent (`1.0E10`) beyond. Older ones now and then print a digit more than
//! needed; both read back as the same number.

use std::fmt::LowerExp;

/// A double; NaN and the infinities are strings in JSON.
pub(super) fn double(out: &mut String, value: f64) {
    match special(value) {
        Some(text) => out.push_str(text),
        None => finite(out, &value, value == 0.0),
    }
}

/// A float.
pub(super) fn float(out: &mut String, value: f32) {
    match special(f64::from(value)) {
        Some(text) => out.push_str(text),
        None => finite(out, &value, value == 0.0),
    }
}

fn special(value: f64) -> Option<&'static str> {
    if value.is_nan() {
        Some("\"NaN\"")
    } else if value == f64::INFINITY {
        Some("\"Infinity\"")
    } else if value == f64::NEG_INFINITY {
        Some("\"-Infinity\"")
    } else {
        None
    }
}

fn finite(out: &mut String, value: &impl LowerExp, zero: bool) {
    let mut text = format!("{value:e}");
    // Of one digit there may be a closer second: the smallest double is 4.9E-324, not 5E-324.
    if !text.contains('.') && !zero {
        text = format!("{value:.1e}");
    }
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        digits => digits,
    };
    out.push_str(sign);
    match exponent {
        // 0.00ddd: so many zeros that the first digit is where the exponent says
        -3..=-1 => {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', exponent.unsigned_abs() as usize - 1));
            out.push_str(digits);
        }
        0..=6 => {
            let whole = exponent.unsigned_abs() as usize + 1;
            let (before, after) = digits.split_at(whole.min(digits.len()));
            out.push_str(before);
            out.extend(std::iter::repeat_n('0', whole - before.len()));
            out.push('.');
            out.push_str(if after.is_empty() { "0" } else { after });
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            out.push_str(first);
            out.push('.');
            out.push_str(if rest.is_empty() { "0" } else { rest });
            out.push('E');
            out.push_str(&exponent.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_java_writes_them() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-104.35727, "-104.35727"),
            (0.001, "0.001"),
            (0.00099, "9.9E-4"),
            (9_999_999.0, "9999999.0"),
            (10_000_000.0, "1.0E7"),
            (12_345_678.9, "1.23456789E7"),
            (1e21, "1.0E21"),
            (123_456.0, "123456.0"),
            (f64::MAX, "1.7976931348623157E308"),
            (5e-324, "4.9E-324"),
            (2e-323, "2.0E-323"),
            (f64::NAN, "\"NaN\""),
            (f64::NEG_INFINITY, "\"-Infinity\""),
        ] {
            let mut out = String::new();
            double(&mut out, value);
            assert_eq!(out, text);
        }
        let mut out = String::new();
        float(&mut out, 16_777_216.0);
        out.push(' ');
        float(&mut out, 0.1);
        out.push(' ');
        float(&mut out, f32::from_bits(1));
        assert_eq!(out, "1.6777216E7 0.1 1.4E-45");
    }
}
