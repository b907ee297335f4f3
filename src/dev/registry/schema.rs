//! A schema as the registry keeps it: parsed, with its references resolved, and the text that decides whether two
//! schemas are the same.
//!
//! Identity is by text, as in Confluent's registry: documents, aliases, defaults and the order of attributes count,
//! whitespace and comments do not. A schema without references is kept as the parser writes it; one with references
//! is kept as it was sent, without whitespace and comments, because its text must go on naming what it refers to.

use std::sync::Arc;

use fleetops_avro::compat::{self, Level};
use fleetops_avro::{Schema, SchemaSet, Source};
use serde::{Deserialize, Serialize};

use super::error::RegistryError;

/// A reference to a schema registered elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reference {
    /// The full name that the schema uses.
    pub name: String,
    /// The subject that has the definition.
    pub subject: String,
    /// The version in that subject; -1 is the latest, and is stored as the number found.
    pub version: i64,
}

/// A schema that parsed.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    /// With all it refers to.
    pub(super) schema: Schema,
    /// What the registry stores, hands out and compares.
    pub(super) text: Arc<str>,
}

/// Parses `text` after the texts it refers to.
pub(super) fn parse(text: &str, referenced: &[(String, Arc<str>)]) -> Result<Parsed, RegistryError> {
    if text.trim().is_empty() {
        return Err(RegistryError::InvalidSchema("the schema is empty".to_owned()));
    }
    let mut sources: Vec<Arc<Source>> = referenced
        .iter()
        .map(|(name, text)| Source::new(name.as_str(), text.as_ref()))
        .collect();
    sources.push(Source::new("<schema>", text));
    let invalid = |error: fleetops_avro::ParseError| RegistryError::InvalidSchema(error.to_string());
    let set = SchemaSet::parse(&sources).map_err(invalid)?;
    let Some((_, root)) = set.files().last() else {
        return Err(RegistryError::InvalidSchema("the schema is empty".to_owned()));
    };
    let schema = set.schema(root);
    let text = if referenced.is_empty() {
        schema.text()
    } else {
        compact(text)
    };
    Ok(Parsed {
        schema,
        text: text.into(),
    })
}

/// JSON without the whitespace and the comments between its tokens.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut chars = json.chars().peekable();
    let mut in_string = false;
    while let Some(c) = chars.next() {
        if in_string {
            out.push(c);
            match c {
                '\\' => out.extend(chars.next()),
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match (c, chars.peek()) {
            ('/', Some('*')) => {
                chars.next();
                let mut before = ' ';
                for inside in chars.by_ref() {
                    if before == '*' && inside == '/' {
                        break;
                    }
                    before = inside;
                }
            }
            ('/', Some('/')) => {
                for inside in chars.by_ref() {
                    if inside == '\n' {
                        break;
                    }
                }
            }
            (c, _) if c.is_whitespace() => {}
            (c, _) => {
                in_string = c == '"';
                out.push(c);
            }
        }
    }
    out
}

/// Checks `new` against `old` versions, oldest first, and answers what a registry says: nothing, or one text for each
/// incompatibility, then the old version, its schema and the level.
pub(super) fn check(level: Level, new: &Schema, old: &[(u32, &Parsed)]) -> Vec<String> {
    /// Confluent cuts the old schema's text here.
    const LONGEST: usize = 10 * 1024;

    let schemas: Vec<Schema> = old.iter().map(|(_, parsed)| parsed.schema.clone()).collect();
    let violations = compat::check_level(level, new, &schemas);
    let Some(first) = violations.first() else {
        return Vec::new();
    };
    let mut details: Vec<String> = violations
        .iter()
        .map(|violation| {
            let found = &violation.incompatibility;
            let version = old
                .get(violation.version_index)
                .map_or(0, |(version, _)| *version);
            let description = match violation.direction {
                compat::Direction::Backward => {
                    format!("the new schema cannot read data written with version {version}")
                }
                _ => format!("version {version} cannot read data written with the new schema"),
            };
            format!(
                "{{errorType:'{}', description:'{description} (at {})', additionalInfo:'{}'}}",
                found.kind,
                if found.location.is_empty() {
                    "/"
                } else {
                    &found.location
                },
                found.message
            )
        })
        .collect();
    if let Some((version, parsed)) = old.get(first.version_index) {
        let end = (0..=LONGEST.min(parsed.text.len()))
            .rev()
            .find(|&i| parsed.text.is_char_boundary(i))
            .unwrap_or(0);
        details.push(format!("{{oldSchemaVersion: {version}}}"));
        details.push(format!("{{oldSchema: '{}'}}", &parsed.text[..end]));
    }
    details.push(format!("{{validateFields: 'false', compatibility: '{level}'}}"));
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compacting_leaves_strings_alone() {
        let text = "{ \"a\" : \"x // y /* z */ \\\" \" , // note\n \"b\":/* in * between */[ 1 ] }\n";
        assert_eq!(compact(text), r#"{"a":"x // y /* z */ \" ","b":[1]}"#);
        assert_eq!(compact("/* never closed"), "");
        assert_eq!(compact("\"never closed \\"), "\"never closed \\");
    }
}
