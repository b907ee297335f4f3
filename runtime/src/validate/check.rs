//! One function for each rule. Generated `validate()` calls these; the names are those of JSON Schema.
//!
//! Each takes the errors so far, where the value stands, the value and the rule's parameter, and does nothing where
//! the value keeps the rule.

use std::collections::HashSet;
use std::fmt::{self, Display};
use std::hash::Hash;

use chrono::{DateTime, NaiveDateTime, NaiveTime, Timelike, Utc};

use super::{Path, ValidationErrors};
use crate::codec::{AvroDecimal, decimal_fits};
use crate::regex::Regex;

/// `minimum`: the value is at least `limit`. Not-a-number is not.
#[inline]
pub fn minimum<T: PartialOrd + Display>(
    errors: &mut ValidationErrors,
    path: &Path<'_>,
    value: &T,
    limit: &T,
) {
    if !matches!(value.partial_cmp(limit), Some(order) if order.is_ge()) {
        errors.add(path, "minimum", value, format!("must be at least {limit}"));
    }
}

/// `maximum`: the value is at most `limit`. Not-a-number is not.
#[inline]
pub fn maximum<T: PartialOrd + Display>(
    errors: &mut ValidationErrors,
    path: &Path<'_>,
    value: &T,
    limit: &T,
) {
    if !matches!(value.partial_cmp(limit), Some(order) if order.is_le()) {
        errors.add(path, "maximum", value, format!("must be at most {limit}"));
    }
}

/// `exclusiveMinimum`: the value is above `limit`. Not-a-number is not.
#[inline]
pub fn exclusive_minimum<T: PartialOrd + Display>(
    errors: &mut ValidationErrors,
    path: &Path<'_>,
    value: &T,
    limit: &T,
) {
    if !matches!(value.partial_cmp(limit), Some(order) if order.is_gt()) {
        errors.add(path, "exclusiveMinimum", value, format!("must be above {limit}"));
    }
}

/// `exclusiveMaximum`: the value is below `limit`. Not-a-number is not.
#[inline]
pub fn exclusive_maximum<T: PartialOrd + Display>(
    errors: &mut ValidationErrors,
    path: &Path<'_>,
    value: &T,
    limit: &T,
) {
    if !matches!(value.partial_cmp(limit), Some(order) if order.is_lt()) {
        errors.add(path, "exclusiveMaximum", value, format!("must be below {limit}"));
    }
}

/// `multipleOf` on `int` and `long`: the value is a multiple of `step`, which is not 0.
#[inline]
pub fn multiple_of(errors: &mut ValidationErrors, path: &Path<'_>, value: i64, step: i64) {
    if value.checked_rem(step).is_some_and(|rest| rest != 0) {
        errors.add(
            path,
            "multipleOf",
            &value,
            format!("must be a multiple of {step}"),
        );
    }
}

/// `finite`: the value is a number, and not an infinite one.
#[inline]
pub fn finite(errors: &mut ValidationErrors, path: &Path<'_>, value: f64) {
    if !value.is_finite() {
        errors.add(path, "finite", &value, "must be a finite number");
    }
}

/// `minLength`: the text has at least so many characters (Unicode scalar values).
#[inline]
pub fn min_length(errors: &mut ValidationErrors, path: &Path<'_>, value: &str, limit: usize) {
    // A character takes 1 to 4 bytes: long texts need no count.
    if value.len() < limit.saturating_mul(4) && value.chars().count() < limit {
        errors.add(
            path,
            "minLength",
            &Counted(value),
            format!("must have at least {limit} characters"),
        );
    }
}

/// `maxLength`: the text has at most so many characters (Unicode scalar values).
#[inline]
pub fn max_length(errors: &mut ValidationErrors, path: &Path<'_>, value: &str, limit: usize) {
    if value.len() > limit && value.chars().count() > limit {
        errors.add(
            path,
            "maxLength",
            &Counted(value),
            format!("must have at most {limit} characters"),
        );
    }
}

/// `minLength` on `bytes`: so many bytes at least.
#[inline]
pub fn min_bytes(errors: &mut ValidationErrors, path: &Path<'_>, value: &[u8], limit: usize) {
    if value.len() < limit {
        errors.add(
            path,
            "minLength",
            &Size(value.len(), "bytes"),
            format!("must have at least {limit} bytes"),
        );
    }
}

/// `maxLength` on `bytes`: so many bytes at most.
#[inline]
pub fn max_bytes(errors: &mut ValidationErrors, path: &Path<'_>, value: &[u8], limit: usize) {
    if value.len() > limit {
        errors.add(
            path,
            "maxLength",
            &Size(value.len(), "bytes"),
            format!("must have at most {limit} bytes"),
        );
    }
}

/// `pattern`: the expression matches the text, anywhere in it unless it is anchored, as in JSON Schema. `\d`, `\w` and
/// `\s` are Unicode's; write `[0-9]` for ASCII digits alone.
#[inline]
pub fn pattern(errors: &mut ValidationErrors, path: &Path<'_>, value: &str, expression: &Regex) {
    if !expression.is_match(value) {
        errors.add(
            path,
            "pattern",
            &Quoted(value),
            format!("must match {}", expression.as_str()),
        );
    }
}

/// `enum` on a `string`: the text is one of these.
#[inline]
pub fn one_of(errors: &mut ValidationErrors, path: &Path<'_>, value: &str, allowed: &[&str]) {
    if !allowed.contains(&value) {
        errors.add(
            path,
            "enum",
            &Quoted(value),
            format!("must be one of {}", allowed.join(", ")),
        );
    }
}

/// `minItems`: the array has at least so many items.
#[inline]
pub fn min_items(errors: &mut ValidationErrors, path: &Path<'_>, items: usize, limit: usize) {
    if items < limit {
        errors.add(
            path,
            "minItems",
            &Size(items, "items"),
            format!("must have at least {limit} items"),
        );
    }
}

/// `maxItems`: the array has at most so many items.
#[inline]
pub fn max_items(errors: &mut ValidationErrors, path: &Path<'_>, items: usize, limit: usize) {
    if items > limit {
        errors.add(
            path,
            "maxItems",
            &Size(items, "items"),
            format!("must have at most {limit} items"),
        );
    }
}

/// `uniqueItems`: no item is there twice.
pub fn unique_items<T: Hash + Eq>(errors: &mut ValidationErrors, path: &Path<'_>, items: &[T]) {
    let mut seen = HashSet::with_capacity(items.len());
    if let Some(second) = items.iter().position(|item| !seen.insert(item)) {
        let found = format!("item {second} again");
        errors.add(path, "uniqueItems", &found, "must have no item twice");
    }
}

/// `minProperties`: the map has at least so many entries.
#[inline]
pub fn min_properties(errors: &mut ValidationErrors, path: &Path<'_>, entries: usize, limit: usize) {
    if entries < limit {
        errors.add(
            path,
            "minProperties",
            &Size(entries, "entries"),
            format!("must have at least {limit} entries"),
        );
    }
}

/// `maxProperties`: the map has at most so many entries.
#[inline]
pub fn max_properties(errors: &mut ValidationErrors, path: &Path<'_>, entries: usize, limit: usize) {
    if entries > limit {
        errors.add(
            path,
            "maxProperties",
            &Size(entries, "entries"),
            format!("must have at most {limit} entries"),
        );
    }
}

/// `time-millis`, `time-micros`: not in a leap second, which Avro's count since midnight has no number for.
#[inline]
pub fn time_of_day(errors: &mut ValidationErrors, path: &Path<'_>, value: &NaiveTime) {
    if value.nanosecond() >= 1_000_000_000 {
        errors.add_unwritable(path, "time-of-day", value, "must not be in a leap second");
    }
}

/// `timestamp-nanos`: within the years 1677 to 2262, which 64 bits of nanoseconds reach.
#[inline]
pub fn timestamp_nanos(errors: &mut ValidationErrors, path: &Path<'_>, value: &DateTime<Utc>) {
    if value.timestamp_nanos_opt().is_none() {
        let range = "must be between 1677-09-21T00:12:43.145224192Z and 2262-04-11T23:47:16.854775807Z";
        errors.add_unwritable(path, "timestamp-nanos", value, range);
    }
}

/// `local-timestamp-nanos`: as [`timestamp_nanos`].
#[inline]
pub fn local_timestamp_nanos(errors: &mut ValidationErrors, path: &Path<'_>, value: &NaiveDateTime) {
    timestamp_nanos(errors, path, &value.and_utc());
}

/// `decimal`: at most `precision` digits, and no more than `scale` of them after the point (zeros at the end aside).
#[inline]
pub fn decimal<D: AvroDecimal>(
    errors: &mut ValidationErrors,
    path: &Path<'_>,
    value: &D,
    precision: u32,
    scale: u32,
) {
    if let Err(misfit) = decimal_fits(value, precision, scale) {
        errors.add_unwritable(path, "decimal", &value.shown(), misfit);
    }
}

/// `decimal`, of a `big-decimal`: no more digits, and no scale further from 0, than are read.
#[inline]
pub fn big_decimal<D: AvroDecimal>(errors: &mut ValidationErrors, path: &Path<'_>, value: &D) {
    if let Err(misfit) = value.fits_big() {
        errors.add_unwritable(path, "decimal", &value.shown(), misfit);
    }
}

/// `symbol`, of an open enum: the schema has the symbol. One that it has not can be read and not written.
#[cold]
pub fn unknown_symbol(errors: &mut ValidationErrors, path: &Path<'_>, symbol: &str, enumeration: &str) {
    errors.add_unwritable(
        path,
        "symbol",
        &Quoted(symbol),
        format!("must be a symbol of {enumeration}"),
    );
}

/// A text in quotes.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// A text in quotes and its length; the length first where the text will be cut off.
struct Counted<'a>(&'a str);

impl Display for Counted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.chars().count();
        if count > 80 {
            write!(f, "{count} characters, {:?}", self.0)
        } else {
            write!(f, "{:?}, {count} characters", self.0)
        }
    }
}

/// So many of something.
struct Size(usize, &'static str);

impl Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.1)
    }
}
