//! From text to model: takes and refuses what Java Avro 1.12's parser takes and refuses.
//!
//! The work goes `json` -> `order` -> `build` -> `link`. Building follows Java's own order of events, because that
//! order shows: a reference finds the types defined *before* it by full name and then by plain name, the ones after
//! it by full name alone; a default is checked against what is known when it is read, and again when all is known; a
//! type may be defined twice if both definitions are equal in Java's eyes.
//!
//! Several errors are reported in one run: after one, the rest of the text is still read, and what hangs on a broken
//! type is not reported again. All limits are constants of [`crate::json`] and of this module.

mod build;
mod defaults;
mod equal;
mod link;
mod logical;
mod named;
pub(crate) mod names;
pub(crate) mod number;
mod order;
mod record;
mod seen;
pub(crate) mod suggest;

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, render};
use crate::json;
use crate::schema::{Schema, SchemaSet};
use crate::source::{Place, Source, Span};

/// How deep types may lie in each other, references followed to types not yet seen. Walkers of a schema may recurse
/// to this depth. Java's own walkers overflow their stack at a few thousand.
pub const MAX_NESTING: usize = 1000;

/// Bytes of a name or a namespace. Java has no such limit; types inherit namespaces, so a long one is paid for often.
pub const MAX_NAME: usize = 1000;

/// Errors and warnings that one run reports.
pub const MAX_FINDINGS: usize = 1000;

/// How strict to be about names and defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ParseMode {
    /// As `new Schema.Parser()`: letters of any script in names, defaults checked.
    #[default]
    Standard,
    /// As Confluent's registry reads a schema that is being registered: names in ASCII, defaults checked.
    Strict,
    /// As it reads a schema that it already holds: neither names nor defaults checked.
    Lenient,
}

/// Why texts are not schemas: every error found, in the order of files and lines.
#[derive(Clone, Debug)]
pub struct ParseError {
    /// At least one; warnings are not among them.
    pub diagnostics: Vec<Diagnostic>,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (i, diagnostic) in self.diagnostics.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&render(diagnostic, false))?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseError {}

impl SchemaSet {
    /// Parses files that may refer to each other's types by full name, in any order, as [`ParseMode::Standard`].
    ///
    /// # Errors
    /// All errors found in all files.
    pub fn parse(sources: &[Arc<Source>]) -> Result<Self, ParseError> {
        Self::parse_with(sources, ParseMode::Standard)
    }

    /// The same in a given mode.
    ///
    /// # Errors
    /// All errors found in all files.
    pub fn parse_with(sources: &[Arc<Source>], mode: ParseMode) -> Result<Self, ParseError> {
        let mut builder = build::Builder::new(mode);
        let mut values = Vec::with_capacity(sources.len());
        for source in sources {
            match json::parse(source.text()) {
                Ok(value) => values.push(Some(value)),
                Err(error) => {
                    builder.errors.add(error.diagnostic(source));
                    builder.unread.push(Arc::clone(source));
                    values.push(None);
                }
            }
        }
        let references: Vec<Option<&json::Value>> = values.iter().map(Option::as_ref).collect();
        let mut roots = vec![None; sources.len()];
        for file in order::order(&references) {
            if let (Some(source), Some(value)) = (sources.get(file), references[file]) {
                roots[file] = Some(builder.file(source, value));
            }
        }
        builder.finish(sources, &roots)
    }
}

impl Schema {
    /// Parses one text, called `<schema>` in messages.
    ///
    /// # Errors
    /// All errors found.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::parse_source(Source::new("<schema>", text))
    }

    /// Parses one file.
    ///
    /// # Errors
    /// All errors found.
    pub fn parse_source(source: Arc<Source>) -> Result<Self, ParseError> {
        Self::parse_with(source, ParseMode::Standard)
    }

    /// Parses one file in a given mode.
    ///
    /// # Errors
    /// All errors found.
    pub fn parse_with(source: Arc<Source>, mode: ParseMode) -> Result<Self, ParseError> {
        let sources = [source];
        let set = SchemaSet::parse_with(&sources, mode)?;
        let root = set.files().next().map(|(_, root)| root);
        match root {
            Some(root) => Ok(set.schema(root)),
            // One file in, one root out.
            None => Err(ParseError {
                diagnostics: Vec::new(),
            }),
        }
    }
}

impl json::Error {
    /// The error as a finding in a source.
    pub fn diagnostic(self, source: &Arc<Source>) -> Diagnostic {
        let mut diagnostic =
            Diagnostic::error(self.rule, Place::new(source, self.span), self.message, self.label);
        if let Some((span, text)) = self.related {
            diagnostic = diagnostic.related(Place::new(source, span), text);
        }
        diagnostic.help = self.help;
        diagnostic
    }
}

impl Source {
    /// The text in a file's bytes: UTF-8, where a byte order mark at the start is dropped.
    ///
    /// # Errors
    /// A finding `not-utf-8` at the first byte that is not.
    pub fn decode(name: impl Into<String>, bytes: Vec<u8>) -> Result<Arc<Self>, Box<Diagnostic>> {
        let name = name.into();
        match String::from_utf8(bytes) {
            Ok(mut text) => {
                if text.starts_with('\u{feff}') {
                    text.drain(..'\u{feff}'.len_utf8());
                }
                Ok(Self::new(name, text))
            }
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let byte = error.as_bytes().get(valid).copied().unwrap_or_default();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let start = u32::try_from(valid).unwrap_or(u32::MAX);
                let end = start.saturating_add(char::REPLACEMENT_CHARACTER.len_utf8() as u32);
                let place = Place::new(&Self::new(name, text), Span::new(start, end));
                let diagnostic = Diagnostic::error(
                    "not-utf-8",
                    place,
                    format!("the byte 0x{byte:02X} at offset {valid} is not UTF-8"),
                    "here",
                );
                Err(Box::new(diagnostic.help("save the file as UTF-8")))
            }
        }
    }
}
