//! What a registry holds of a subject: its versions, read as schemas with the types of their references in them.

use std::collections::{BTreeMap, BTreeSet};

use fleetops_avro::json::{self, Kind, Value};
use fleetops_avro::{ParseMode, Schema, SchemaSet, Source};

use super::wire::Reference;
use super::{Client, ClientError, SubjectVersion};

/// How many schemas one may refer to, directly or not.
const MAX_REFERENCES: usize = 1_000;

/// A version of a subject.
#[derive(Clone, Debug)]
pub struct Held {
    /// The version, from 1.
    pub version: u32,
    /// The schema's ID.
    pub id: u32,
    /// The schema, all types in it; or why it cannot be read.
    pub schema: Result<Schema, String>,
}

/// Asks for versions, each once.
#[derive(Debug)]
pub struct Versions<'a> {
    client: &'a Client,
    known: BTreeMap<(String, u32), Option<SubjectVersion>>,
}

impl<'a> Versions<'a> {
    /// Of that registry.
    pub fn new(client: &'a Client) -> Self {
        Self {
            client,
            known: BTreeMap::new(),
        }
    }

    /// All versions of a subject that are not deleted, oldest first; empty where there is no such subject.
    ///
    /// # Errors
    /// As every call.
    pub async fn of(&mut self, subject: &str) -> Result<Vec<Held>, ClientError> {
        let mut all = Vec::new();
        for number in self.client.versions(subject).await? {
            // One that has gone meanwhile takes no part.
            let Some(found) = self.get(subject, number).await? else {
                continue;
            };
            let (version, id) = (found.version, found.id);
            let schema = self.read(subject, found).await?;
            all.push(Held { version, id, schema });
        }
        Ok(all)
    }

    async fn get(&mut self, subject: &str, version: u32) -> Result<Option<SubjectVersion>, ClientError> {
        let key = (subject.to_owned(), version);
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let found = self.client.version(subject, Some(version)).await?;
        self.known.insert(key, found.clone());
        Ok(found)
    }

    /// The schema with the types of its references in it, each name taken once, as the registry does.
    async fn read(
        &mut self,
        subject: &str,
        root: SubjectVersion,
    ) -> Result<Result<Schema, String>, ClientError> {
        if let Some(other) = root.schema_type.as_deref().filter(|kind| *kind != "AVRO") {
            return Ok(Err(format!("it is of type {other}, not Avro")));
        }
        let mut sources = vec![source(subject, root.version, &root.schema)];
        let mut names = BTreeSet::new();
        let mut open: Vec<Reference> = root.references;
        open.reverse();
        while let Some(reference) = open.pop() {
            if !names.insert(reference.name.clone()) {
                continue;
            }
            if names.len() > MAX_REFERENCES {
                return Ok(Err(format!(
                    "it refers to more than {MAX_REFERENCES} other schemas"
                )));
            }
            let number = u32::try_from(reference.version).ok();
            let found = match number {
                Some(number) => self.get(&reference.subject, number).await?,
                // -1 is the latest.
                None => self.client.version(&reference.subject, None).await?,
            };
            let Some(found) = found else {
                return Ok(Err(format!(
                    "it refers to {}, version {} of subject {}, which is not there",
                    reference.name, reference.version, reference.subject
                )));
            };
            sources.push(source(&reference.subject, found.version, &found.schema));
            open.extend(found.references.into_iter().rev());
        }
        Ok(match SchemaSet::parse_with(&sources, ParseMode::Lenient) {
            Ok(set) => set
                .files()
                .next()
                .map(|(_, root)| set.schema(root))
                .ok_or_else(|| "it is empty".to_owned()),
            Err(error) => Err(error.diagnostics.first().map_or_else(
                || "it is no schema".to_owned(),
                |d| format!("{}: {}", d.primary.place, d.message),
            )),
        })
    }
}

/// A registry keeps a schema on one line; messages that point into it need more.
fn source(subject: &str, version: u32, text: &str) -> std::sync::Arc<Source> {
    let name = format!("{subject} version {version}");
    match json::parse(text) {
        Ok(value) => {
            let mut laid_out = String::new();
            lay_out(&value, 0, &mut laid_out);
            laid_out.push('\n');
            Source::new(name, laid_out)
        }
        // The parser says what is wrong, where it stands.
        Err(_) => Source::new(name, text),
    }
}

/// JSON over several lines; what is short enough stays on one. The depth is bounded by the parser's.
fn lay_out(value: &Value, depth: usize, out: &mut String) {
    const WIDTH: usize = 100;
    let mut short = String::new();
    json::write(value, &mut short);
    if short.len() + 2 * depth <= WIDTH {
        out.push_str(&short);
        return;
    }
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    match &value.kind {
        Kind::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                line(out, depth + 1);
                lay_out(item, depth + 1, out);
            }
            line(out, depth);
            out.push(']');
        }
        Kind::Object(_) => {
            out.push('{');
            for (i, member) in value.members().into_iter().enumerate() {
                out.push_str(if i > 0 { "," } else { "" });
                line(out, depth + 1);
                json::write_string(&member.key, out);
                out.push_str(": ");
                lay_out(&member.value, depth + 1, out);
            }
            line(out, depth);
            out.push('}');
        }
        _ => out.push_str(&short),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_schema_gets_lines_and_stays_the_same() {
        let field =
            r#"{"name":"a_rather_long_name","type":"double","default":1.50E10,"doc":"what \"it\" is for"}"#;
        let text = format!(r#"{{"type":"record","name":"R","fields":[{field}]}}"#);
        let source = source("s", 2, &text);
        assert_eq!(source.name(), "s version 2");
        assert_eq!(source.text().lines().count(), 5, "{}", source.text());
        let mut back = String::new();
        json::write(&json::parse(source.text()).unwrap(), &mut back);
        assert_eq!(back, text);
    }
}
