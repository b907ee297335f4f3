//! The way back: from what a registry and a cluster hold to `.avsc` files and a manifest.
//!
//! Pure: what the servers hold goes in, texts of files come out. What cannot be said in a manifest is told and left out: a
//! key's schema, a second record on a topic, two definitions of one name. What comes out is read again and held against the
//! registry, so that the first `plan` after it has nothing to do, or the difference is told at once.

use std::collections::{BTreeMap, BTreeSet};

use fleetops_avro::compat::Level;
use fleetops_avro::schema::Name;
use fleetops_avro::{ParseMode, Schema, SchemaSet, Source};

use super::layout::laid_out;
use super::snapshot::{Snapshot, SubjectState};
use crate::kafka::{ExistingTopic, TopicSettings};

/// What a cluster has.
#[derive(Clone, Debug, Default)]
pub struct Topics {
    /// By name.
    pub topics: BTreeMap<String, ExistingTopic>,
    /// What is set on the topics themselves.
    pub settings: BTreeMap<String, TopicSettings>,
}

/// Where it came from, for the manifest's environment.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The environment's name.
    pub environment: String,
    /// The brokers.
    pub bootstrap: String,
    /// The registry, without user and password.
    pub registry: String,
    /// The cluster's ID.
    pub cluster: Option<String>,
    /// The registry was asked with a user and a password, or a token.
    pub secured: bool,
}

/// Files, and what did not become one.
#[derive(Clone, Debug, Default)]
pub struct Adopted {
    /// Texts of schemas, by path below the schema folder.
    pub schemas: BTreeMap<String, String>,
    /// The manifest's text.
    pub manifest: String,
    /// How many topics it has.
    pub topics: usize,
    /// What was left out, and why, by subject.
    pub left_out: BTreeMap<String, String>,
}

/// How a subject is called after a topic and a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    Topic,
    TopicRecord,
}

struct Row {
    topic: String,
    record: String,
    strategy: Strategy,
    level: Level,
}

/// Turns what is held into files. Of every subject the newest version counts.
pub fn adopt(snapshot: &Snapshot, global: Level, cluster: Option<&Topics>, origin: &Origin) -> Adopted {
    let mut adopted = Adopted::default();
    let mut kept: BTreeMap<String, (String, Schema)> = BTreeMap::new();
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let referred: BTreeSet<&str> = snapshot
        .subjects
        .values()
        .filter_map(SubjectState::newest)
        .flat_map(|version| &version.references)
        .map(|reference| reference.subject.as_str())
        .collect();
    for (subject, state) in &snapshot.subjects {
        if let Err(why) = take(snapshot, subject, state, &mut kept, &mut adopted) {
            adopted.left_out.insert(subject.clone(), why);
            continue;
        }
        let Some((_, schema)) = kept.get(subject) else {
            continue;
        };
        let record = schema
            .root_node()
            .name()
            .map_or_else(String::new, Name::to_string);
        let row = |topic: &str, strategy| Row {
            topic: topic.to_owned(),
            record: record.clone(),
            strategy,
            level: state.level,
        };
        let is_record = schema.root_node().kind.word() == "record";
        let found = match subject.strip_suffix("-value") {
            Some(topic) if is_record => Some(row(topic, Strategy::Topic)),
            Some(_) => None,
            None => subject
                .strip_suffix(&format!("-{record}"))
                .filter(|_| is_record)
                .map(|topic| row(topic, Strategy::TopicRecord)),
        };
        let why = match found {
            Some(row) => match rows.get(&row.topic) {
                None => {
                    rows.insert(row.topic.clone(), row);
                    continue;
                }
                Some(other) => format!(
                    "topic {} carries {} already, and a topic has one record here",
                    row.topic, other.record
                ),
            },
            None if referred.contains(subject.as_str()) => {
                if *subject != record {
                    format!("it is referred to, and would be registered again as {record}")
                } else if state.level != global {
                    format!(
                        "its level is {}, and types that others refer to get the default one, {global}",
                        state.level
                    )
                } else {
                    continue;
                }
            }
            None if subject.ends_with("-key") => "it is a key's, and keys are texts here".to_owned(),
            None if subject.ends_with("-value") => "it is no record".to_owned(),
            None => "no topic can be told from its name: add one with subject-strategy = \"record-name\""
                .to_owned(),
        };
        adopted.left_out.insert(subject.clone(), why);
    }
    adopted.topics = rows.len();
    adopted.manifest = manifest(&rows, global, cluster, origin);
    adopted
}

/// Adds a subject's newest schema to the files, if it goes with those that are there.
fn take(
    snapshot: &Snapshot,
    subject: &str,
    state: &SubjectState,
    kept: &mut BTreeMap<String, (String, Schema)>,
    adopted: &mut Adopted,
) -> Result<(), String> {
    let newest = state.newest().ok_or("all of its versions are deleted")?;
    let schema = snapshot.read(subject, newest)?;
    let Some(name) = schema.root_node().name() else {
        return Err("the type at its top has no name, so no file can define it".to_owned());
    };
    let path = path_of(name);
    let text = laid_out(&newest.text);
    if adopted.schemas.get(&path).is_some_and(|there| *there != text) {
        let other = kept
            .iter()
            .find(|(_, (p, _))| *p == path)
            .map(|(other, _)| other.as_str());
        return Err(format!(
            "{name} is another schema in subject {}",
            other.unwrap_or("?")
        ));
    }
    adopted.schemas.insert(path.clone(), text);
    kept.insert(subject.to_owned(), (path, schema));
    Ok(())
}

/// The file of a type: a folder for each part of its namespace. Names of lenient schemas may hold anything.
fn path_of(name: &Name) -> String {
    let safe = |part: &str| -> String {
        let keep = |c: char| {
            if c.is_alphanumeric() || c == '_' || c == '-' {
                c
            } else {
                '_'
            }
        };
        part.chars().map(keep).collect()
    };
    let parts: Vec<String> = name.to_string().split('.').map(safe).collect();
    format!("{}.avsc", parts.join("/"))
}

/// Leaves out files that the others contradict: two definitions of one name inside of them.
///
/// # Errors
/// The subjects' paths that had to go, with the reason.
pub fn settle(schemas: &BTreeMap<String, String>) -> Result<(), BTreeMap<String, String>> {
    let parse = |paths: &[&String]| {
        let sources: Vec<_> = paths
            .iter()
            .filter_map(|path| Some(Source::new(path.as_str(), schemas.get(*path)?.as_str())))
            .collect();
        SchemaSet::parse_with(&sources, ParseMode::Standard)
    };
    let all: Vec<&String> = schemas.keys().collect();
    let Err(error) = parse(&all) else { return Ok(()) };
    let mut gone = BTreeMap::new();
    for found in error.diagnostics {
        gone.entry(found.primary.place.source.name().to_owned())
            .or_insert_with(|| format!("{}: {}", found.primary.place, found.message));
    }
    Err(gone)
}

/// A TOML text. JSON's escapes are TOML's.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    fleetops_avro::json::write_string(text, &mut out);
    out
}

fn key(text: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    match !text.is_empty() && text.chars().all(bare) {
        true => text.to_owned(),
        false => quoted(text),
    }
}

fn manifest(
    rows: &BTreeMap<String, Row>,
    global: Level,
    cluster: Option<&Topics>,
    origin: &Origin,
) -> String {
    let there = |topic: &str| cluster.and_then(|c| c.topics.get(topic).copied());
    let factor = usual(
        rows.keys()
            .filter_map(|topic| Some(there(topic)?.replication_factor)),
    )
    .unwrap_or(1);
    let mut out = format!(
        "# Written by `fleetops-registry pull` from {}.\n\
         # What a registry does not know is for you to add: the field that is a record's key (`key`), what a topic is for\n\
         # (`purpose`), groups, duplicates, order. See the guide.\n\n\
         [schemas]\nroots = [\"schemas\"]\n\n\
         [defaults]\ncompatibility = \"{global}\"\nreplication-factor = {factor}\n",
        origin.registry
    );
    for row in rows.values() {
        out.push_str(&format!("\n[topics.{}]\n", key(&row.topic)));
        out.push_str(&format!("value = {}\n", quoted(&row.record)));
        match there(&row.topic) {
            Some(there) => {
                out.push_str(&format!("partitions = {}\n", there.partitions.max(1)));
                if there.replication_factor != factor {
                    out.push_str(&format!("replication-factor = {}\n", there.replication_factor));
                }
            }
            None if cluster.is_some() => {
                out.push_str("partitions = 1 # the cluster has no such topic\n");
            }
            None => out.push_str("partitions = 1 # not known: no cluster was asked\n"),
        }
        if row.level != global {
            out.push_str(&format!("compatibility = \"{}\"\n", row.level));
        }
        if row.strategy == Strategy::TopicRecord {
            out.push_str("subject-strategy = \"topic-record-name\"\n");
        }
        let settings = cluster
            .and_then(|c| c.settings.get(&row.topic))
            .filter(|s| !s.is_empty());
        if let Some(settings) = settings {
            let pairs: Vec<String> = settings
                .iter()
                .map(|(name, value)| format!("{} = {}", quoted(name), quoted(value)))
                .collect();
            out.push_str(&format!("config = {{ {} }}\n", pairs.join(", ")));
        }
    }
    out.push_str(&format!(
        "\n[env.{}]\nbootstrap = {}\nregistry = {}\n",
        key(&origin.environment),
        quoted(&origin.bootstrap),
        quoted(&origin.registry)
    ));
    if let Some(id) = &origin.cluster {
        out.push_str(&format!("cluster-id = {}\n", quoted(id)));
    }
    if origin.secured {
        out.push_str(
            "# The registry asked for a password, which is not written down:\n\
             # registry-auth = { username = \"${SCHEMA_REGISTRY_USER}\", password = \"${SCHEMA_REGISTRY_PASSWORD}\" }\n",
        );
    }
    out
}

/// The number that is there most often; of several the smallest.
fn usual(numbers: impl Iterator<Item = u32>) -> Option<u32> {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for number in numbers {
        *counts.entry(number).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(number, count)| (*count, std::cmp::Reverse(*number)))
        .map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use fleetops_codegen::manifest::Manifest;

    use super::super::snapshot::VersionState;
    use super::super::wire::Reference;
    use super::*;

    fn state(level: Level, text: &str, references: &[(&str, &str)]) -> SubjectState {
        SubjectState {
            level,
            versions: vec![VersionState {
                version: 1,
                id: 1,
                deleted: false,
                schema_type: None,
                references: references
                    .iter()
                    .map(|(name, subject)| Reference {
                        name: (*name).to_owned(),
                        subject: (*subject).to_owned(),
                        version: 1,
                    })
                    .collect(),
                text: text.to_owned(),
                fingerprint: None,
                place: None,
            }],
            place: None,
        }
    }

    fn record(name: &str, ty: &str) -> String {
        format!(
            r#"{{"type":"record","name":"{name}","namespace":"x.y","fields":[{{"name":"f","type":{ty}}}]}}"#
        )
    }

    #[test]
    fn what_is_held_becomes_files_and_what_does_not_is_told() {
        let e = r#"{"type":"enum","name":"E","namespace":"x.y","symbols":["S"]}"#;
        let subjects = [
            ("x.y.E", state(Level::Backward, e, &[])),
            (
                "a.b-value",
                state(Level::Full, &record("A", "\"E\""), &[("x.y.E", "x.y.E")]),
            ),
            ("c-x.y.C", state(Level::Backward, &record("C", "\"int\""), &[])),
            ("c-x.y.D", state(Level::Backward, &record("D", "\"int\""), &[])),
            ("d-value", state(Level::Backward, &record("C", "\"long\""), &[])),
            ("d-key", state(Level::Backward, "\"string\"", &[])),
            ("e-key", state(Level::Backward, &record("K", "\"int\""), &[])),
            ("x.y.R", state(Level::Backward, &record("R", "\"int\""), &[])),
        ];
        let snapshot = Snapshot {
            subjects: subjects
                .into_iter()
                .map(|(name, state)| (name.to_owned(), state))
                .collect(),
        };
        let origin = Origin {
            environment: "dev".to_owned(),
            bootstrap: "k:9092".to_owned(),
            registry: "http://r/".to_owned(),
            cluster: Some("id1".to_owned()),
            secured: true,
        };
        let topics = Topics {
            topics: BTreeMap::from([(
                "a.b".to_owned(),
                ExistingTopic {
                    partitions: 6,
                    replication_factor: 3,
                },
            )]),
            settings: BTreeMap::from([(
                "a.b".to_owned(),
                TopicSettings::from([("retention.ms".to_owned(), "5".to_owned())]),
            )]),
        };
        let adopted = adopt(&snapshot, Level::Backward, Some(&topics), &origin);
        let paths: Vec<&str> = adopted.schemas.keys().map(String::as_str).collect();
        assert_eq!(
            paths,
            [
                "x/y/A.avsc",
                "x/y/C.avsc",
                "x/y/D.avsc",
                "x/y/E.avsc",
                "x/y/K.avsc",
                "x/y/R.avsc"
            ]
        );
        let left: Vec<&str> = adopted.left_out.keys().map(String::as_str).collect();
        assert_eq!(left, ["c-x.y.D", "d-key", "d-value", "e-key", "x.y.R"]);
        assert!(adopted.left_out["d-value"].contains("another schema in subject c-x.y.C"));
        assert!(settle(&adopted.schemas).is_ok());
        let manifest = Manifest::parse(Source::new("m.toml", adopted.manifest.as_str())).unwrap();
        assert_eq!(manifest.topics.len(), 2);
        let first = &manifest.topics[0];
        assert_eq!(
            (
                first.name.as_str(),
                first.partitions.value,
                first.setting("retention.ms")
            ),
            ("a.b", 6, Some("5"))
        );
        assert_eq!(manifest.subject(&manifest.topics[1]), "c-x.y.C");
        assert!(
            adopted.manifest.contains("replication-factor = 3\n"),
            "{}",
            adopted.manifest
        );
    }
}
