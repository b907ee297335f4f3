//! What a registry holds of some subjects, as a value: the levels that hold for them, their versions, and all that these
//! refer to. It is fetched from a registry or read from a lock, and answers the same questions either way.
//!
//! Versions that were deleted take no part in a check and are left out, except where others still refer to them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fleetops_avro::compat::Level;
use fleetops_avro::source::{Place, Span};
use fleetops_avro::{ParseMode, Schema, SchemaSet, Source, json};

use super::layout::{compact, lay_out};
use super::many::concurrently;
use super::wire::Reference;
use super::{Client, ClientError, SubjectVersion};

/// How many schemas one may refer to, directly or not.
const MAX_REFERENCES: usize = 1_000;

/// A version of a subject, read as a schema.
#[derive(Clone, Debug)]
pub struct Held {
    /// The version, from 1.
    pub version: u32,
    /// The schema's ID.
    pub id: u32,
    /// The schema, all types in it; or why it cannot be read.
    pub schema: Result<Schema, String>,
}

/// A version of a subject, as it was registered.
#[derive(Clone, Debug)]
pub struct VersionState {
    /// The version, from 1.
    pub version: u32,
    /// The schema's ID.
    pub id: u32,
    /// It was deleted, and is here because others refer to it.
    pub deleted: bool,
    /// `PROTOBUF` or `JSON`; none means Avro.
    pub schema_type: Option<String>,
    /// What it refers to.
    pub references: Vec<Reference>,
    /// The schema's text, without whitespace.
    pub text: String,
    /// CRC-64-AVRO of the schema with all types in it, as it was when somebody wrote it down.
    pub fingerprint: Option<u64>,
    /// Where the schema stands in a file.
    pub place: Option<Place>,
}

impl VersionState {
    fn of(found: SubjectVersion, deleted: bool) -> Self {
        Self {
            version: found.version,
            id: found.id,
            deleted,
            schema_type: found.schema_type.filter(|kind| kind != "AVRO"),
            references: found.references,
            text: compact(&found.schema),
            fingerprint: None,
            place: None,
        }
    }

    /// Whether both are the same, wherever they stand.
    pub fn same(&self, other: &Self) -> bool {
        self.version == other.version
            && self.id == other.id
            && self.deleted == other.deleted
            && self.schema_type == other.schema_type
            && self.references == other.references
            && self.text == other.text
    }
}

/// A subject.
#[derive(Clone, Debug)]
pub struct SubjectState {
    /// The level that holds for it.
    pub level: Level,
    /// Its versions, lowest first.
    pub versions: Vec<VersionState>,
    /// Where its name stands in a file.
    pub place: Option<Place>,
}

impl SubjectState {
    /// The versions that are not deleted, lowest first.
    pub fn live(&self) -> impl DoubleEndedIterator<Item = &VersionState> {
        self.versions.iter().filter(|version| !version.deleted)
    }

    /// The newest version that is not deleted.
    pub fn newest(&self) -> Option<&VersionState> {
        self.live().next_back()
    }
}

/// Subjects by name.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The subjects.
    pub subjects: BTreeMap<String, SubjectState>,
}

impl Snapshot {
    /// Asks a registry for these subjects and for all that they refer to. Subjects that are not there are left out.
    ///
    /// # Errors
    /// The first call that failed.
    pub async fn fetch(
        client: &Client,
        subjects: impl IntoIterator<Item = String>,
    ) -> Result<Self, ClientError> {
        let mut snapshot = Self::default();
        let mut open: BTreeSet<String> = subjects.into_iter().collect();
        let mut asked: BTreeSet<String> = BTreeSet::new();
        loop {
            let next: Vec<String> = open.iter().filter(|s| !asked.contains(*s)).cloned().collect();
            if next.is_empty() {
                break;
            }
            asked.extend(next.iter().cloned());
            let client = client.clone();
            let found = concurrently(next, move |subject| {
                let client = client.clone();
                async move {
                    let state = fetch_subject(&client, &subject).await?;
                    Ok::<_, ClientError>((subject, state))
                }
            })
            .await?;
            for (subject, state) in found {
                let Some(state) = state else { continue };
                for reference in state.versions.iter().flat_map(|v| &v.references) {
                    open.insert(reference.subject.clone());
                }
                snapshot.subjects.insert(subject, state);
            }
        }
        snapshot.add_deleted(client).await?;
        Ok(snapshot)
    }

    /// Fetches deleted versions that others refer to.
    async fn add_deleted(&mut self, client: &Client) -> Result<(), ClientError> {
        let mut asked: BTreeSet<(String, u32)> = BTreeSet::new();
        loop {
            let all = self.subjects.values().flat_map(|s| &s.versions);
            let missing: BTreeSet<(String, u32)> = all
                .flat_map(|version| &version.references)
                .filter_map(|r| Some((r.subject.clone(), u32::try_from(r.version).ok()?)))
                .filter(|(subject, number)| self.version(subject, *number).is_none())
                .filter(|key| !asked.contains(key))
                .collect();
            if missing.is_empty() {
                return Ok(());
            }
            for (subject, number) in missing {
                asked.insert((subject.clone(), number));
                let Some(found) = client.version_even_deleted(&subject, number).await? else {
                    continue;
                };
                let level = match self.subjects.get(&subject) {
                    Some(there) => there.level,
                    None => client.effective_level(&subject).await?,
                };
                let state = self.subjects.entry(subject).or_insert(SubjectState {
                    level,
                    versions: Vec::new(),
                    place: None,
                });
                state.versions.push(VersionState::of(found, true));
                state.versions.sort_by_key(|version| version.version);
            }
        }
    }

    fn version(&self, subject: &str, number: u32) -> Option<&VersionState> {
        let state = self.subjects.get(subject)?;
        state.versions.iter().find(|version| version.version == number)
    }

    /// A subject's versions that are not deleted, oldest first, read as schemas; empty where there is no such subject.
    pub fn held(&self, subject: &str) -> Vec<Held> {
        let versions = self
            .subjects
            .get(subject)
            .into_iter()
            .flat_map(SubjectState::live);
        versions
            .map(|version| Held {
                version: version.version,
                id: version.id,
                schema: self.read(subject, version),
            })
            .collect()
    }

    /// The schema with the types of its references in it, each name taken once, as the registry does.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(&self, subject: &str, root: &VersionState) -> Result<Schema, String> {
        if let Some(other) = &root.schema_type {
            return Err(format!("it is of type {other}, not Avro"));
        }
        let mut sources = vec![source(subject, root)];
        let mut names = BTreeSet::new();
        let mut open: Vec<&Reference> = root.references.iter().rev().collect();
        while let Some(reference) = open.pop() {
            if !names.insert(&reference.name) {
                continue;
            }
            if names.len() > MAX_REFERENCES {
                return Err(format!("it refers to more than {MAX_REFERENCES} other schemas"));
            }
            let found = match u32::try_from(reference.version) {
                Ok(number) => self.version(&reference.subject, number),
                // -1 is the latest.
                Err(_) => self
                    .subjects
                    .get(&reference.subject)
                    .and_then(SubjectState::newest),
            };
            let Some(found) = found else {
                return Err(format!(
                    "it refers to {}, version {} of subject {}, which is not there",
                    reference.name, reference.version, reference.subject
                ));
            };
            sources.push(source(&reference.subject, found));
            open.extend(found.references.iter().rev());
        }
        let set = SchemaSet::parse_with(&sources, ParseMode::Lenient).map_err(|error| {
            error.diagnostics.first().map_or_else(
                || "it is no schema".to_owned(),
                |d| format!("{}: {}", d.primary.place, d.message),
            )
        })?;
        let first = set.files().next().map(|(_, root)| set.schema(root));
        let schema = first.ok_or_else(|| "it is empty".to_owned())?;
        match root.fingerprint {
            Some(written) if written != schema.fingerprint() => Err(format!(
                "its fingerprint is {:016x} and {written:016x} was written down: it was changed since",
                schema.fingerprint()
            )),
            _ => Ok(schema),
        }
    }
}

async fn fetch_subject(client: &Client, subject: &str) -> Result<Option<SubjectState>, ClientError> {
    let numbers = client.versions(subject).await?;
    if numbers.is_empty() {
        return Ok(None);
    }
    let mut versions = Vec::with_capacity(numbers.len());
    for number in numbers {
        // One that has gone meanwhile takes no part.
        if let Some(found) = client.version(subject, Some(number)).await? {
            versions.push(VersionState::of(found, false));
        }
    }
    let level = client.effective_level(subject).await?;
    Ok(Some(SubjectState {
        level,
        versions,
        place: None,
    }))
}

/// A subject in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Its name.
    pub subject: String,
    /// Its versions that are not deleted, lowest first; none where all of it is.
    pub versions: Vec<u32>,
    /// The ID of the newest.
    pub id: Option<u32>,
    /// The level that holds.
    pub level: Level,
}

/// What a list shows of subjects, many asked for at a time; their schemas are not read.
///
/// # Errors
/// The first call that failed.
pub async fn overview(client: &Client, subjects: Vec<String>) -> Result<Vec<Overview>, ClientError> {
    let asking = client.clone();
    concurrently(subjects, move |subject| {
        let client = asking.clone();
        async move {
            let versions = client.versions(&subject).await?;
            let newest = match versions.last() {
                Some(newest) => client.version(&subject, Some(*newest)).await?,
                None => None,
            };
            let level = client.effective_level(&subject).await?;
            Ok(Overview {
                subject,
                versions,
                id: newest.map(|version| version.id),
                level,
            })
        }
    })
    .await
}

/// The text to be read. One that stands in a file keeps its place there: what is around it becomes blanks.
fn source(subject: &str, version: &VersionState) -> Arc<Source> {
    if let Some(place) = &version.place {
        return Source::new(place.source.name(), alone(place.source.text(), place.span));
    }
    let name = format!("{subject} version {}", version.version);
    match json::parse(&version.text) {
        Ok(value) => {
            let mut laid_out = String::new();
            lay_out(&value, 0, &mut laid_out);
            laid_out.push('\n');
            Source::new(name, laid_out)
        }
        // The parser says what is wrong, where it stands.
        Err(_) => Source::new(name, version.text.as_str()),
    }
}

fn alone(text: &str, span: Span) -> String {
    let (start, end) = (span.start as usize, span.end as usize);
    let before = text.get(..start).unwrap_or_default();
    let mut out = String::with_capacity(end);
    // Byte for byte, so that offsets stay.
    out.extend(before.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
    out.push_str(text.get(start..end).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> VersionState {
        VersionState {
            version: 2,
            id: 1,
            deleted: false,
            schema_type: None,
            references: Vec::new(),
            text: text.to_owned(),
            fingerprint: None,
            place: None,
        }
    }

    #[test]
    fn a_long_schema_gets_lines_and_stays_the_same() {
        let field =
            r#"{"name":"a_rather_long_name","type":"double","default":1.50E10,"doc":"what \"it\" is for"}"#;
        let text = format!(r#"{{"type":"record","name":"R","fields":[{field}]}}"#);
        let source = source("s", &version(&text));
        assert_eq!(source.name(), "s version 2");
        assert_eq!(source.text().lines().count(), 5, "{}", source.text());
        assert_eq!(compact(source.text()), text);
    }

    #[test]
    fn a_schema_in_a_file_keeps_its_place() {
        let file = Source::new("lock.json", "{\n  \"ä\": {\"type\": \"nope\"}}\n");
        let start = file.text().find("{\"type").unwrap();
        let mut held = version("");
        held.place = Some(Place::new(&file, Span::new(start as u32, start as u32 + 16)));
        let mut snapshot = Snapshot::default();
        let state = SubjectState {
            level: Level::Full,
            versions: vec![held],
            place: None,
        };
        snapshot.subjects.insert("s".to_owned(), state);
        let error = snapshot.held("s").remove(0).schema.unwrap_err();
        assert!(error.starts_with("lock.json:2:"), "{error}");
    }

    #[test]
    fn a_fingerprint_that_does_not_fit_is_told() {
        let mut snapshot = Snapshot::default();
        let mut held = version("\"string\"");
        held.fingerprint = Some(1);
        let error = snapshot.read("s", &held).unwrap_err();
        assert!(error.contains("0000000000000001 was written down"), "{error}");
        held.references = vec![Reference {
            name: "a.B".to_owned(),
            subject: "b".to_owned(),
            version: 7,
        }];
        let error = snapshot.read("s", &held).unwrap_err();
        assert!(error.contains("version 7 of subject b"), "{error}");
        snapshot.subjects.clear();
    }
}
