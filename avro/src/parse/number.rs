//! `Double.parseDouble`, because Java Avro takes a string as the default of a float or double field.
//! And how Java writes floats and doubles, because a registry keeps what Java wrote.

/// The value of a text that Java would read as a double.
pub(crate) fn parse_double(text: &str) -> Option<f64> {
    // String.trim: everything up to the space.
    let text = text.trim_matches(|c: char| c <= ' ');
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let value = match rest {
        "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        _ => {
            let body = rest.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(rest);
            match body.strip_prefix("0x").or_else(|| body.strip_prefix("0X")) {
                // A hexadecimal number has an exponent, so the suffix was not a digit of it.
                Some(hex) => parse_hex(hex)?,
                None => {
                    let plain = body
                        .bytes()
                        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
                    if !plain || body.starts_with(['+', '-']) {
                        return None;
                    }
                    body.parse().ok()?
                }
            }
        }
    };
    Some(if negative { -value } else { value })
}

/// `1.8p3`, after the prefix.
fn parse_hex(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let exponent_digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if exponent_digits.is_empty() || !exponent_digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let exponent: i64 = exponent.parse().unwrap_or(if exponent.starts_with('-') {
        -100_000
    } else {
        100_000
    });
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    // More than 64 bits are kept as "something is there", which rounding needs to know.
    let mut mantissa: u128 = 0;
    let mut shift: i64 = 0;
    for (i, c) in whole.chars().chain(fraction.chars()).enumerate() {
        let digit = u128::from(c.to_digit(16)?);
        if mantissa >> 120 == 0 {
            mantissa = mantissa * 16 + digit;
            if i >= whole.len() {
                shift -= 4;
            }
        } else {
            mantissa |= u128::from(digit != 0);
            if i < whole.len() {
                shift += 4;
            }
        }
    }
    let mut scale = exponent.saturating_add(shift).clamp(-5000, 5000);
    let mut value = mantissa as f64;
    while scale > 0 {
        let step = scale.min(1000);
        value *= 2f64.powi(step as i32);
        scale -= step;
    }
    while scale < 0 {
        let step = (-scale).min(1000);
        value /= 2f64.powi(step as i32);
        scale += step;
    }
    Some(value)
}

/// How Jackson writes a double: Java's `Double.toString`.
pub(crate) fn java_double(value: f64) -> String {
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        plain(value.to_string())
    } else {
        scientific(format!("{value:E}"))
    }
}

/// How Jackson writes a float: Java's `Float.toString`.
pub(crate) fn java_float(value: f32) -> String {
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        plain(value.to_string())
    } else {
        scientific(format!("{value:E}"))
    }
}

fn plain(text: String) -> String {
    if text.contains('.') { text } else { text + ".0" }
}

fn scientific(text: String) -> String {
    match text.split_once('E') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0E{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_java_takes() {
        assert_eq!(parse_double(" 1.5\n"), Some(1.5));
        assert_eq!(parse_double("-.5e1f"), Some(-5.0));
        assert_eq!(parse_double("1."), Some(1.0));
        assert_eq!(parse_double("0x1p3"), Some(8.0));
        assert_eq!(parse_double("0x1.8p-1d"), Some(0.75));
        assert_eq!(parse_double("-Infinity"), Some(f64::NEG_INFINITY));
        assert!(parse_double("+NaN").is_some_and(f64::is_nan));
        for bad in [
            "", "nan", "inf", "infinity", "1e", "x", "0x1", "0x", "--1", "+-1", "1 2", ".",
        ] {
            assert_eq!(parse_double(bad), None, "{bad}");
        }
    }

    #[test]
    fn writes_as_java_writes() {
        for (value, text) in [
            (8.0, "8.0"),
            (1.1, "1.1"),
            (1e7, "1.0E7"),
            (1.25e-4, "1.25E-4"),
            (123_456.5, "123456.5"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(java_double(value), text);
        }
    }
}
