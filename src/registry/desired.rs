//! Which subjects a registry should have, and with which schemas: the manifest's, in the order in which they can be
//! registered.
//!
//! A topic's record is registered under the subject that the manifest's strategy names. Where it uses a type of another
//! file, that file's type has a subject of its own, called by its full name, and is referred to: it is registered once,
//! before those that refer to it. Files that use each other in a circle cannot be registered one before the other, and a
//! file with no single named type at its top cannot be referred to; a schema that needs such a file is registered with
//! everything in it.

use std::collections::{BTreeMap, BTreeSet};

use fleetops_avro::compat::Level;
use fleetops_avro::normal::identity_text_referring;
use fleetops_avro::schema::{Kind, Name, Schema, SchemaSet, TypeId};
use fleetops_codegen::manifest::Manifest;

use crate::dev::setup::level;

/// A subject as the manifest wants it.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Its name.
    pub subject: String,
    /// The schema, all types in it.
    pub schema: Schema,
    /// What is registered: types of other files are names.
    pub text: String,
    /// The other subjects it needs, by the full name that its text uses. In the order of names.
    pub references: Vec<(String, String)>,
    /// The compatibility level that it gets.
    pub level: Level,
    /// The topics whose values it is for; none where others refer to it only.
    pub topics: Vec<String>,
}

/// Two wishes that contradict each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DesiredError {
    /// Two schemas for one subject.
    #[error("subject {subject} would get two schemas: {first} for {of_first}, and {second} for {of_second}")]
    TwoSchemas {
        /// The subject.
        subject: String,
        /// The one's name.
        first: String,
        /// What it is for.
        of_first: String,
        /// The other's name.
        second: String,
        /// What it is for.
        of_second: String,
    },
    /// Two levels for one subject.
    #[error(
        "subject {subject} would get two compatibility levels: {first} for {of_first}, and {second} for {of_second}"
    )]
    TwoLevels {
        /// The subject.
        subject: String,
        /// The one.
        first: Level,
        /// What it is for.
        of_first: String,
        /// The other.
        second: Level,
        /// What it is for.
        of_second: String,
    },
}

/// The subjects of a manifest, those that others refer to before those others, else in the order of names. A topic whose
/// record the schemas do not have is left out: [`Manifest::check`] tells of it.
///
/// # Errors
/// [`DesiredError`].
pub fn desired(manifest: &Manifest, schemas: &SchemaSet) -> Result<Vec<Desired>, DesiredError> {
    let files = Files::new(schemas);
    let mut topics: Vec<_> = manifest.topics.iter().collect();
    topics.sort_by_key(|topic| manifest.subject(topic));
    let mut wishes = Wishes {
        files: &files,
        default: level(manifest.defaults.compatibility.value),
        all: Vec::new(),
    };
    // Subjects of topics first: their levels are theirs, even where others refer to them.
    let mut own: BTreeMap<String, Desired> = BTreeMap::new();
    for topic in topics {
        let Some(schema) = schemas.get(&topic.value.value) else {
            continue;
        };
        let wish = files.wish(
            manifest.subject(topic),
            schema,
            level(manifest.compatibility(topic)),
            vec![topic.name.value.clone()],
        );
        match own.get_mut(&wish.subject) {
            None => {
                own.insert(wish.subject.clone(), wish);
            }
            Some(there) => there.join(wish)?,
        }
    }
    let subjects: Vec<String> = own.keys().cloned().collect();
    for subject in subjects {
        wishes.add(&subject, &mut own)?;
    }
    Ok(wishes.all)
}

impl Desired {
    fn purpose(&self) -> String {
        match self.topics.as_slice() {
            [] => "the schemas that refer to it".to_owned(),
            [one] => format!("topic {one}"),
            many => format!("topics {}", many.join(", ")),
        }
    }

    fn named(&self) -> String {
        self.schema
            .root_node()
            .name()
            .map_or_else(|| "a type without a name".to_owned(), Name::to_string)
    }

    /// Takes the other's topics, if it is otherwise the same.
    fn join(&mut self, other: Self) -> Result<(), DesiredError> {
        if self.text != other.text {
            return Err(DesiredError::TwoSchemas {
                subject: self.subject.clone(),
                first: self.named(),
                of_first: self.purpose(),
                second: other.named(),
                of_second: other.purpose(),
            });
        }
        if self.level != other.level {
            return Err(DesiredError::TwoLevels {
                subject: self.subject.clone(),
                first: self.level,
                of_first: self.purpose(),
                second: other.level,
                of_second: other.purpose(),
            });
        }
        self.topics.extend(other.topics);
        Ok(())
    }
}

struct Wishes<'a> {
    files: &'a Files<'a>,
    default: Level,
    all: Vec<Desired>,
}

impl Wishes<'_> {
    /// Adds a subject behind what it refers to. References make no circle, or there would be none.
    fn add(&mut self, subject: &str, own: &mut BTreeMap<String, Desired>) -> Result<(), DesiredError> {
        if self.all.iter().any(|wish| wish.subject == subject) {
            return Ok(());
        }
        let Some(wish) = own.remove(subject) else {
            return Ok(());
        };
        for (name, subject) in &wish.references {
            let Some(schema) = self.files.schemas.get(name) else {
                continue;
            };
            let referred = self.files.wish(subject.clone(), schema, self.default, Vec::new());
            let there = own
                .get(subject)
                .or_else(|| self.all.iter().find(|wish| wish.subject == *subject));
            match there {
                None => {
                    own.insert(subject.clone(), referred);
                }
                Some(there) if there.text != referred.text => {
                    there.clone().join(referred)?;
                }
                Some(_) => {}
            }
            self.add(subject, own)?;
        }
        self.all.push(wish);
        Ok(())
    }
}

/// Which file each type is of.
struct Files<'a> {
    schemas: &'a SchemaSet,
    /// The type at the top of each file, by the file's name.
    tops: BTreeMap<&'a str, TypeId>,
}

impl<'a> Files<'a> {
    fn new(schemas: &'a SchemaSet) -> Self {
        Self {
            schemas,
            tops: schemas
                .files()
                .map(|(source, top)| (source.name(), top))
                .collect(),
        }
    }

    fn file(&self, id: TypeId) -> &'a str {
        self.schemas.node(id).place.source.name()
    }

    fn wish(&self, subject: String, schema: Schema, level: Level, topics: Vec<String>) -> Desired {
        let home = self.file(schema.root());
        let (text, references) = match self.can_refer(schema.root()) {
            false => (schema.text(), Vec::new()),
            true => {
                let elsewhere: BTreeSet<Name> = self
                    .schemas
                    .named()
                    .filter(|(_, id)| self.file(*id) != home)
                    .map(|(name, _)| name.clone())
                    .collect();
                let references: BTreeSet<String> = self
                    .uses(schema.root())
                    .into_iter()
                    .filter_map(|file| self.top_name(file))
                    .map(Name::to_string)
                    .collect();
                let references = references.into_iter().map(|name| (name.clone(), name)).collect();
                (identity_text_referring(&schema, &elsewhere), references)
            }
        };
        Desired {
            subject,
            schema,
            text,
            references,
            level,
            topics,
        }
    }

    fn top_name(&self, file: &str) -> Option<&'a Name> {
        let top = *self.tops.get(file)?;
        self.schemas.node(top).name()
    }

    /// Whether everything that a schema needs of other files can be registered before it.
    fn can_refer(&self, root: TypeId) -> bool {
        let home = self.file(root);
        // Files that are done, and the files on the way to the one at hand with what is left of each.
        let mut done: BTreeSet<&str> = BTreeSet::new();
        let mut way: Vec<(&str, Vec<&str>)> = vec![(home, self.uses(root).into_iter().collect())];
        while let Some((file, left)) = way.last_mut() {
            let Some(next) = left.pop() else {
                done.insert(file);
                way.pop();
                continue;
            };
            if way.iter().any(|(file, _)| *file == next) || self.top_name(next).is_none() {
                return false;
            }
            if !done.contains(next)
                && let Some(top) = self.tops.get(next)
            {
                way.push((next, self.uses(*top).into_iter().collect()));
            }
        }
        true
    }

    /// The other files whose types a type uses itself, not through those.
    fn uses(&self, root: TypeId) -> BTreeSet<&'a str> {
        let home = self.file(root);
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![root];
        while let Some(id) = open.pop() {
            let node = self.schemas.node(id);
            if node.name().is_some() {
                let file = self.file(id);
                if file != home {
                    found.insert(file);
                    continue;
                }
                if !seen.insert(id.index()) {
                    continue;
                }
            }
            match &node.kind {
                Kind::Array(inner) | Kind::Map(inner) => open.push(*inner),
                Kind::Union(branches) => open.extend(branches),
                Kind::Record(record) => open.extend(record.fields.iter().map(|field| field.ty)),
                _ => {}
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use fleetops_avro::Source;

    use super::*;

    fn wishes(manifest: &str, files: &[(&str, &str)]) -> Result<Vec<Desired>, DesiredError> {
        let manifest = Manifest::parse(Source::new("fleetops-registry.toml", manifest)).unwrap();
        let sources: Vec<_> = files
            .iter()
            .map(|(name, text)| Source::new(*name, *text))
            .collect();
        desired(&manifest, &SchemaSet::parse(&sources).unwrap())
    }

    fn record(name: &str, fields: &[(&str, &str)]) -> String {
        let fields: Vec<String> = fields
            .iter()
            .map(|(name, ty)| format!(r#"{{"name":"{name}","type":{ty}}}"#))
            .collect();
        format!(
            r#"{{"type":"record","name":"{name}","namespace":"x","fields":[{}]}}"#,
            fields.join(",")
        )
    }

    const TWO: &str =
        "[topics.a]\nvalue = \"x.A\"\npartitions = 1\n[topics.b]\nvalue = \"x.B\"\npartitions = 1\n";

    #[test]
    fn types_of_other_files_come_first_and_once() {
        let e = r#"{"type":"enum","name":"E","namespace":"x","symbols":["S"]}"#;
        let files = [
            ("A.avsc", record("A", &[("e", "\"E\""), ("c", "\"x.C\"")])),
            (
                "B.avsc",
                record("B", &[("c", "{\"type\":\"array\",\"items\":\"C\"}")]),
            ),
            ("C.avsc", record("C", &[("e", "[\"null\",\"E\"]")])),
            ("E.avsc", e.to_owned()),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
        let all = wishes(TWO, &files).unwrap();
        let shown: Vec<(&str, Vec<&str>)> = all
            .iter()
            .map(|w| {
                (
                    w.subject.as_str(),
                    w.references.iter().map(|(n, _)| n.as_str()).collect(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("x.E", vec![]),
                ("x.C", vec!["x.E"]),
                ("a-value", vec!["x.C", "x.E"]),
                ("b-value", vec!["x.C"])
            ]
        );
        assert!(!all[2].text.contains("enum"), "{}", all[2].text);
        assert!(all[2].schema.text().contains("enum"));
        assert_eq!(
            (all[0].topics.len(), &all[2].topics[..]),
            (0, &["a".to_owned()][..])
        );
    }

    #[test]
    fn a_circle_of_files_is_written_out() {
        let files = [
            (
                "A.avsc",
                record("A", &[("b", "[\"null\",\"x.B\"]"), ("e", "\"x.E\"")]),
            ),
            ("B.avsc", record("B", &[("a", "[\"null\",\"x.A\"]")])),
            (
                "E.avsc",
                r#"{"type":"enum","name":"E","namespace":"x","symbols":["S"]}"#.to_owned(),
            ),
        ];
        let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
        let all = wishes(TWO, &files).unwrap();
        assert_eq!(all.len(), 2);
        for wish in all {
            assert_eq!((wish.references.len(), &wish.text), (0, &wish.schema.text()));
        }
    }

    #[test]
    fn one_subject_has_one_schema_and_one_level() {
        let a = record("A", &[]);
        let b = record("B", &[]);
        let files = [("A.avsc", a.as_str()), ("B.avsc", b.as_str())];
        let strategy = "[defaults]\nsubject-strategy = \"record-name\"\n";
        let same = TWO.replace("x.B", "x.A");
        let all = wishes(&format!("{strategy}{same}"), &files).unwrap();
        assert_eq!(
            (all.len(), all[0].subject.as_str(), all[0].topics.len()),
            (1, "x.A", 2)
        );
        let levels = format!("{strategy}{same}compatibility = \"NONE\"\n");
        let error = wishes(&levels, &files).unwrap_err().to_string();
        assert!(
            error.contains("BACKWARD for topic a, and NONE for topic b"),
            "{error}"
        );
    }
}
