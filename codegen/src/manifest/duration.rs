//! Durations as the manifest writes them: a whole number and a unit.

use std::time::Duration;

/// Units, in milliseconds, from the longest to the shortest.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads `300ms`, `60s`, `5m`, `1h` or `7d`.
///
/// # Errors
/// What is wrong with the text, as a few words to put under a caret.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err("a duration starts with a whole number".to_owned());
    }
    if unit.is_empty() {
        return Err(format!("no unit: `{text}ms` or `{text}s`?"));
    }
    let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("`{unit}` is not a unit"));
    };
    let number: u64 = number.parse().map_err(|_| "too long".to_owned())?;
    // The limit keeps every sum of a time stamp and a duration within i64 milliseconds.
    match number.checked_mul(*size).filter(|ms| *ms <= 365 * 86_400_000) {
        Some(ms) => Ok(Duration::from_millis(ms)),
        None => Err("longer than 365 days".to_owned()),
    }
}

/// Writes a duration as the manifest would: the longest unit that gives a whole number.
pub fn format_duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    let unit = UNITS
        .iter()
        .find(|(_, size)| ms >= u128::from(*size) && ms.is_multiple_of(u128::from(*size)));
    let (name, size) = unit.copied().unwrap_or(("ms", 1));
    format!("{}{name}", ms / u128::from(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_written_back() {
        for text in ["300ms", "60s", "5m", "1h", "7d", "1001ms", "90s", "0ms"] {
            let read = parse_duration(text).unwrap();
            assert_eq!(parse_duration(&format_duration(read)).unwrap(), read, "{text}");
        }
        assert_eq!(format_duration(Duration::from_secs(60)), "1m");
        assert_eq!(format_duration(Duration::from_millis(1_500)), "1500ms");
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for (text, why) in [
            ("", "a duration starts with a whole number"),
            ("s", "a duration starts with a whole number"),
            ("-1s", "a duration starts with a whole number"),
            ("60", "no unit: `60ms` or `60s`?"),
            ("60 s", "` s` is not a unit"),
            ("60S", "`S` is not a unit"),
            ("1.5s", "`.5s` is not a unit"),
            ("366d", "longer than 365 days"),
            ("99999999999999999999s", "too long"),
            ("18446744073709551615h", "longer than 365 days"),
            ("1µs", "`µs` is not a unit"),
        ] {
            assert_eq!(parse_duration(text).unwrap_err(), why, "{text}");
        }
    }
}
