//! Validation: what a schema's rules say about a value, all of it at once.
//!
//! Avro has no rules beyond types, so schemas carry them as attributes (`minimum`, `pattern`, `maxLength`, the names
//! of JSON Schema), and generated `validate()` calls the functions of [`check`], one for each rule. A valid value costs
//! the comparisons and nothing else: paths are links on the stack, and texts are made only for a violation.

pub mod check;
mod pattern;

use std::fmt::{self, Write as _};

use thiserror::Error;

pub use pattern::Pattern;

/// How many violations are kept; of more, only the number. A hostile record could have millions.
pub const MAX_VIOLATIONS: usize = 100;

/// The rule of an open enum: its schema has the symbol.
const SYMBOL: &str = "symbol";

/// Characters of a value that a violation shows.
const SHOWN: usize = 120;

/// Where a value stands in the one that is validated, as a chain from the inside out.
///
/// ```
/// use fleetops_runtime::codec::Path;
///
/// let telemetry = Path::ROOT.field("telemetry");
/// let speeds = telemetry.field("speeds");
/// assert_eq!(speeds.index(3).to_string(), "telemetry.speeds[3]");
/// assert_eq!(speeds.key("a b").to_string(), "telemetry.speeds[\"a b\"]");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    segment: Segment<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Segment<'a> {
    Root,
    Field(&'a str),
    Index(usize),
    Key(&'a str),
}

impl Path<'static> {
    /// The value itself.
    pub const ROOT: Path<'static> = Path {
        parent: None,
        segment: Segment::Root,
    };
}

impl<'a> Path<'a> {
    /// A field of the record here, by its Avro name.
    #[inline]
    pub fn field(&'a self, name: &'a str) -> Path<'a> {
        Path {
            parent: Some(self),
            segment: Segment::Field(name),
        }
    }

    /// An item of the array here.
    #[inline]
    pub fn index(&'a self, index: usize) -> Path<'a> {
        Path {
            parent: Some(self),
            segment: Segment::Index(index),
        }
    }

    /// An entry of the map here.
    #[inline]
    pub fn key(&'a self, key: &'a str) -> Path<'a> {
        Path {
            parent: Some(self),
            segment: Segment::Key(key),
        }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Recursion as deep as the value; values that deep have been refused on the way in.
        let parent_is_root = match self.parent {
            Some(parent) => {
                parent.fmt(f)?;
                parent.parent.is_none()
            }
            None => true,
        };
        match self.segment {
            Segment::Root => Ok(()),
            Segment::Field(name) if parent_is_root => f.write_str(name),
            Segment::Field(name) => write!(f, ".{name}"),
            Segment::Index(index) => write!(f, "[{index}]"),
            Segment::Key(key) => write!(f, "[{key:?}]"),
        }
    }
}

/// One rule that a value breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Where, such as `telemetry.label_probability` or `evidence.frame_indices[2]`; empty for the value itself.
    pub path: String,
    /// The rule, by the name of the schema attribute: `minimum`, `pattern`; or of the logical type: `timestamp-nanos`.
    pub rule: &'static str,
    /// The value, cut off where it is long.
    pub value: String,
    /// What the rule asks for, such as `must be at least 0`.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{}, found {} ({})", self.message, self.value, self.rule)
    }
}

/// Every rule that a value breaks, in the order of the schema's fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Error)]
pub struct ValidationErrors {
    violations: Vec<Violation>,
    omitted: usize,
    /// How many of the violations are of the rule [`SYMBOL`], and how many of those that were omitted.
    symbols: usize,
    omitted_symbols: usize,
    /// Only what Avro has no value for is kept.
    only_unwritable: bool,
}

impl ValidationErrors {
    /// No violations. Allocates nothing.
    #[inline]
    pub const fn new() -> Self {
        Self {
            violations: Vec::new(),
            omitted: 0,
            symbols: 0,
            omitted_symbols: 0,
            only_unwritable: false,
        }
    }

    /// No violations, and no place for those of rules that a value may break and still be written as it is.
    pub(crate) fn of_unwritable() -> Self {
        Self {
            only_unwritable: true,
            ..Self::new()
        }
    }

    /// `Ok` where there are none.
    ///
    /// # Errors
    /// Itself, where there are some.
    #[inline]
    pub fn into_result(self) -> Result<(), Self> {
        if self.violations.is_empty() {
            Ok(())
        } else {
            Err(self)
        }
    }

    /// The violations, at most [`MAX_VIOLATIONS`].
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How many more there were.
    pub fn omitted(&self) -> usize {
        self.omitted
    }

    /// Adds a violation: for rules that are not in [`check`].
    #[cold]
    pub fn add(
        &mut self,
        path: &Path<'_>,
        rule: &'static str,
        value: &dyn fmt::Display,
        message: impl Into<String>,
    ) {
        if !self.only_unwritable {
            self.add_unwritable(path, rule, value, message);
        }
    }

    /// Adds a value that its Avro type does not have, so that another is written for it.
    #[cold]
    pub(crate) fn add_unwritable(
        &mut self,
        path: &Path<'_>,
        rule: &'static str,
        value: &dyn fmt::Display,
        message: impl Into<String>,
    ) {
        let (is_symbol, is_full) = (rule == SYMBOL, self.violations.len() >= MAX_VIOLATIONS);
        if is_full {
            self.omitted += 1;
        }
        if is_full && (is_symbol || self.symbols == 0) {
            self.omitted_symbols += usize::from(is_symbol);
            return;
        }
        let violation = Violation {
            path: path.to_string(),
            rule,
            value: shortened(value),
            message: message.into(),
        };
        if !is_full {
            self.symbols += usize::from(is_symbol);
            self.violations.push(violation);
        } else if let Some(symbol) = self.violations.iter_mut().rfind(|v| v.rule == SYMBOL) {
            // One that a reader may let pass does not hide one that it may not.
            *symbol = violation;
            self.symbols -= 1;
            self.omitted_symbols += 1;
        }
    }

    /// What is left without the symbols that open enums do not have: they are no fault of what was read.
    ///
    /// # Errors
    /// All other violations, where there are some.
    #[cfg_attr(not(feature = "kafka"), allow(dead_code))]
    pub(crate) fn but_for_symbols(mut self) -> Result<(), Self> {
        self.violations.retain(|violation| violation.rule != SYMBOL);
        self.omitted -= self.omitted_symbols;
        (self.symbols, self.omitted_symbols) = (0, 0);
        self.into_result()
    }
}

impl fmt::Display for ValidationErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, violation) in self.violations.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            violation.fmt(f)?;
        }
        if self.omitted > 0 {
            write!(f, "; and {} more", self.omitted)?;
        }
        Ok(())
    }
}

/// A value's text, cut off after [`SHOWN`] characters; what comes after them is never made.
fn shortened(value: &dyn fmt::Display) -> String {
    struct Limited(String, usize);
    impl fmt::Write for Limited {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for c in text.chars() {
                if self.1 == 0 {
                    return Err(fmt::Error);
                }
                self.0.push(c);
                self.1 -= 1;
            }
            Ok(())
        }
    }
    let mut limited = Limited(String::new(), SHOWN);
    if write!(limited, "{value}").is_err() {
        limited.0.push_str("...");
    }
    limited.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_violations_are_told_with_path_rule_and_value() {
        let mut errors = ValidationErrors::new();
        check::minimum(&mut errors, &Path::ROOT.field("frame_index"), &-1, &0);
        check::max_length(&mut errors, &Path::ROOT.field("scene_id"), "abcdef", 5);
        assert_eq!(
            errors.to_string(),
            "frame_index: must be at least 0, found -1 (minimum); \
             scene_id: must have at most 5 characters, found \"abcdef\", 6 characters (maxLength)"
        );
        assert_eq!(errors.violations()[0].path, "frame_index");
        assert_eq!(errors.violations()[0].rule, "minimum");
        assert_eq!(errors.violations()[0].value, "-1");
        assert!(ValidationErrors::new().into_result().is_ok());
    }

    #[test]
    fn symbols_that_are_let_pass_hide_nothing() {
        let symbol =
            |errors: &mut ValidationErrors| check::unknown_symbol(errors, &Path::ROOT, "lost", "shop.State");
        let mut errors = ValidationErrors::new();
        (0..3 * MAX_VIOLATIONS).for_each(|_| symbol(&mut errors));
        assert_eq!((errors.violations().len(), errors.omitted()), (100, 200));
        assert_eq!(errors.clone().but_for_symbols(), Ok(()));
        check::minimum(&mut errors, &Path::ROOT.field("n"), &-1, &0);
        assert_eq!((errors.violations().len(), errors.omitted()), (100, 201));
        let rest = errors.clone().but_for_symbols().unwrap_err();
        assert_eq!(rest.to_string(), "n: must be at least 0, found -1 (minimum)");
        for _ in 0..2 * MAX_VIOLATIONS {
            check::minimum(&mut errors, &Path::ROOT, &-1, &0);
            symbol(&mut errors);
        }
        let rest = errors.but_for_symbols().unwrap_err();
        assert_eq!((rest.violations().len(), rest.omitted()), (100, 101));
        assert!(rest.violations().iter().all(|v| v.rule == "minimum"));
    }

    #[test]
    fn each_rule_takes_what_keeps_it_and_tells_what_breaks_it() {
        let path = &Path::ROOT.field("f");
        let told = |check: &dyn Fn(&mut ValidationErrors)| {
            let mut errors = ValidationErrors::new();
            check(&mut errors);
            errors
                .violations()
                .iter()
                .map(|v| (v.rule, v.value.clone()))
                .collect::<Vec<_>>()
        };
        let broken = |rule: &'static str, value: &str| vec![(rule, value.to_owned())];
        let kept: Vec<(&str, String)> = Vec::new();

        assert_eq!(told(&|e| check::minimum(e, path, &0.5, &0.5)), kept);
        assert_eq!(
            told(&|e| check::minimum(e, path, &f64::NAN, &0.5)),
            broken("minimum", "NaN")
        );
        assert_eq!(told(&|e| check::maximum(e, path, &7_i64, &7)), kept);
        assert_eq!(
            told(&|e| check::maximum(e, path, &8_i64, &7)),
            broken("maximum", "8")
        );
        assert_eq!(
            told(&|e| check::maximum(e, path, &f32::NAN, &7.0)),
            broken("maximum", "NaN")
        );
        assert_eq!(told(&|e| check::exclusive_minimum(e, path, &1, &0)), kept);
        assert_eq!(
            told(&|e| check::exclusive_minimum(e, path, &0, &0)),
            broken("exclusiveMinimum", "0")
        );
        assert_eq!(told(&|e| check::exclusive_maximum(e, path, &-1, &0)), kept);
        assert_eq!(
            told(&|e| check::exclusive_maximum(e, path, &0, &0)),
            broken("exclusiveMaximum", "0")
        );
        assert_eq!(told(&|e| check::multiple_of(e, path, -10, 5)), kept);
        assert_eq!(
            told(&|e| check::multiple_of(e, path, 11, 5)),
            broken("multipleOf", "11")
        );
        assert_eq!(told(&|e| check::multiple_of(e, path, i64::MIN, -1)), kept);
        assert_eq!(told(&|e| check::finite(e, path, f64::MAX)), kept);
        assert_eq!(
            told(&|e| check::finite(e, path, f64::NEG_INFINITY)),
            broken("finite", "-inf")
        );

        // Characters, not bytes.
        assert_eq!(told(&|e| check::min_length(e, path, "éé", 2)), kept);
        assert_eq!(
            told(&|e| check::min_length(e, path, "éé", 3)),
            broken("minLength", "\"éé\", 2 characters")
        );
        assert_eq!(told(&|e| check::max_length(e, path, "ééé", 3)), kept);
        assert_eq!(
            told(&|e| check::max_length(e, path, "ééé", 2)),
            broken("maxLength", "\"ééé\", 3 characters")
        );
        assert_eq!(told(&|e| check::min_bytes(e, path, &[1, 2], 2)), kept);
        assert_eq!(
            told(&|e| check::min_bytes(e, path, &[1], 2)),
            broken("minLength", "1 bytes")
        );
        assert_eq!(told(&|e| check::max_bytes(e, path, &[1], 1)), kept);
        assert_eq!(
            told(&|e| check::max_bytes(e, path, &[1, 2], 1)),
            broken("maxLength", "2 bytes")
        );

        let expression = crate::regex::Regex::new("^[a-z]+$").unwrap();
        assert_eq!(told(&|e| check::pattern(e, path, "abc", &expression)), kept);
        assert_eq!(
            told(&|e| check::pattern(e, path, "aBc", &expression)),
            broken("pattern", "\"aBc\"")
        );
        assert_eq!(told(&|e| check::one_of(e, path, "a", &["a", "b"])), kept);
        assert_eq!(
            told(&|e| check::one_of(e, path, "c", &["a", "b"])),
            broken("enum", "\"c\"")
        );
        assert_eq!(told(&|e| check::min_items(e, path, 2, 2)), kept);
        assert_eq!(
            told(&|e| check::min_items(e, path, 1, 2)),
            broken("minItems", "1 items")
        );
        assert_eq!(told(&|e| check::max_items(e, path, 2, 2)), kept);
        assert_eq!(
            told(&|e| check::max_items(e, path, 3, 2)),
            broken("maxItems", "3 items")
        );
        assert_eq!(told(&|e| check::unique_items(e, path, &[1, 2, 3])), kept);
        assert_eq!(
            told(&|e| check::unique_items(e, path, &[1, 2, 1])),
            broken("uniqueItems", "item 2 again")
        );
        assert_eq!(told(&|e| check::min_properties(e, path, 1, 1)), kept);
        assert_eq!(
            told(&|e| check::min_properties(e, path, 0, 1)),
            broken("minProperties", "0 entries")
        );
        assert_eq!(told(&|e| check::max_properties(e, path, 1, 1)), kept);
        assert_eq!(
            told(&|e| check::max_properties(e, path, 2, 1)),
            broken("maxProperties", "2 entries")
        );
    }

    #[test]
    fn a_million_violations_and_a_long_text_stay_small() {
        let mut errors = ValidationErrors::new();
        let text = "x".repeat(1_000_000);
        for i in 0..1_000 {
            check::max_length(&mut errors, &Path::ROOT.index(i), &text, 1);
        }
        assert_eq!(errors.violations().len(), MAX_VIOLATIONS);
        assert_eq!(errors.omitted(), 900);
        let told = errors.to_string();
        assert!(told.len() < 100 * (SHOWN + 100), "{} bytes", told.len());
        assert!(told.ends_with("; and 900 more"));
    }
}
