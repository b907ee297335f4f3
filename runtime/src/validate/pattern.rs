//! Patterns as generated code has them: a constant text that is compiled when it is first needed.

use std::sync::OnceLock;

use crate::regex::Regex;

use super::{Path, ValidationErrors, check};

/// The expression of a `pattern` rule, for a `static`.
///
/// ```
/// use fleetops_runtime::codec::{Path, Pattern, ValidationErrors};
///
/// static WORD: Pattern = Pattern::new("^[a-z]+$");
/// let mut errors = ValidationErrors::new();
/// WORD.check(&mut errors, &Path::ROOT.field("word"), "two words");
/// assert_eq!(errors.violations().len(), 1);
/// ```
#[derive(Debug)]
pub struct Pattern {
    text: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// The expression of that text. Nothing is compiled yet.
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            compiled: OnceLock::new(),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &'static str {
        self.text
    }

    /// Holds a text against the expression, as [`check::pattern`] does.
    ///
    /// The code generator refuses what does not compile. Where such an expression comes here by another way, every
    /// text breaks the rule: a value is never taken for checked that was not.
    pub fn check(&self, errors: &mut ValidationErrors, path: &Path<'_>, value: &str) {
        match self.compiled.get_or_init(|| Regex::new(self.text).ok()) {
            Some(expression) => check::pattern(errors, path, value, expression),
            None => errors.add(
                path,
                "pattern",
                &self.text,
                "the pattern of the schema is no regular expression",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_that_does_not_compile_lets_nothing_pass() {
        let mut errors = ValidationErrors::new();
        Pattern::new("^a$").check(&mut errors, &Path::ROOT, "a");
        assert_eq!(errors.violations().len(), 0);
        Pattern::new("(").check(&mut errors, &Path::ROOT, "a");
        assert_eq!(errors.violations().len(), 1);
    }
}
