//! Subjects, versions, IDs: the registry's state, without HTTP.
//!
//! Everything is in memory and gone with the process. Semantics follow Confluent's registry: one ID for one schema
//! text, whatever the subject; version numbers that a soft deletion does not free; no check where the subject has the
//! very text already. It does not know contexts (`:.name:` is part of a subject's name), metadata, rule sets, other
//! schema types, or normalisation.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use fleetops_avro::compat::Level;

use super::error::RegistryError;
use super::schema::{self, Parsed, Reference};
use super::settings::{Inherited, Mode};

/// Longest subject name, in bytes.
pub const MAX_SUBJECT: usize = 1024;
/// Longest schema text, in bytes.
pub const MAX_SCHEMA: usize = 1024 * 1024;
/// Most bytes of schema texts kept.
pub const MAX_TOTAL: usize = 256 * 1024 * 1024;
/// Most schemas that one schema may refer to, directly and through others.
pub const MAX_REFERENCES: usize = 1000;

/// A version as a client asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionQuery {
    /// That number.
    Number(u32),
    /// The highest that is not deleted.
    Latest,
}

impl VersionQuery {
    /// Reads `latest` in any case, -1, or a number from 1 to 2^31 - 1.
    ///
    /// # Errors
    /// [`RegistryError::InvalidVersion`] for anything else.
    pub fn parse(text: &str) -> Result<Self, RegistryError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("latest") || text == "-1" {
            return Ok(Self::Latest);
        }
        match text.parse::<i32>() {
            Ok(number) if number > 0 => Ok(Self::Number(number.unsigned_abs())),
            _ => Err(RegistryError::InvalidVersion(text.to_owned())),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Latest => "latest".to_owned(),
        }
    }
}

/// Which versions a list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deleted {
    /// Those that are not deleted.
    #[default]
    Hide,
    /// Soft-deleted ones too.
    Include,
    /// Soft-deleted ones only.
    Only,
}

impl Deleted {
    fn shows(self, deleted: bool) -> bool {
        match self {
            Self::Hide => !deleted,
            Self::Include => true,
            Self::Only => deleted,
        }
    }
}

/// A schema that a client sends.
#[derive(Clone, Debug, Default)]
pub struct Submitted {
    /// Its text.
    pub text: String,
    /// What it refers to.
    pub references: Vec<Reference>,
    /// The ID it must get; in IMPORT mode only.
    pub id: Option<u32>,
    /// The version it must get; in IMPORT mode only.
    pub version: Option<u32>,
}

/// A version of a subject, with its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The subject.
    pub subject: String,
    /// The version.
    pub version: u32,
    /// The schema's ID.
    pub id: u32,
    /// The schema's text.
    pub text: Arc<str>,
    /// What it refers to.
    pub references: Vec<Reference>,
}

/// A stored schema.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) parsed: Parsed,
    pub(super) references: Vec<Reference>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Version {
    pub(super) id: u32,
    pub(super) deleted: bool,
}

pub(super) type Versions = BTreeMap<u32, Version>;
pub(super) type Identity = (Arc<str>, Vec<Reference>);

/// The registry's state.
#[derive(Debug)]
pub struct Store {
    pub(super) schemas: BTreeMap<u32, Stored>,
    pub(super) identities: HashMap<Identity, u32>,
    pub(super) subjects: BTreeMap<String, Versions>,
    pub(super) levels: Inherited<Level>,
    pub(super) modes: Inherited<Mode>,
    pub(super) last_id: u32,
    pub(super) bytes: usize,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// An empty registry.
    pub fn new() -> Self {
        Self {
            schemas: BTreeMap::new(),
            identities: HashMap::new(),
            subjects: BTreeMap::new(),
            levels: Inherited::new(),
            modes: Inherited::new(),
            last_id: 0,
            bytes: 0,
        }
    }

    // ---- reading -------------------------------------------------------------------------------------------------

    /// The subjects that have a version to show, in the order of names.
    pub fn subjects(&self, deleted: Deleted) -> impl Iterator<Item = &str> {
        self.subjects
            .iter()
            .filter(move |(_, versions)| match deleted {
                // A subject is deleted when all of it is.
                Deleted::Only => versions.values().all(|v| v.deleted),
                _ => versions.values().any(|v| deleted.shows(v.deleted)),
            })
            .map(|(name, _)| name.as_str())
    }

    /// The subject's version numbers, lowest first.
    ///
    /// # Errors
    /// 40401 where there are none to show.
    pub fn versions(&self, subject: &str, deleted: Deleted) -> Result<Vec<u32>, RegistryError> {
        let numbers: Vec<u32> = self
            .subjects
            .get(subject)
            .into_iter()
            .flatten()
            .filter(|(_, version)| deleted.shows(version.deleted))
            .map(|(number, _)| *number)
            .collect();
        if numbers.is_empty() {
            return Err(RegistryError::SubjectNotFound(subject.to_owned()));
        }
        Ok(numbers)
    }

    /// One version of the subject; soft-deleted ones only if `deleted` says so.
    ///
    /// # Errors
    /// 40401, 40402.
    pub fn version(&self, subject: &str, query: VersionQuery, deleted: bool) -> Result<Found, RegistryError> {
        let shown = if deleted { Deleted::Include } else { Deleted::Hide };
        let versions = self
            .subjects
            .get(subject)
            .filter(|versions| versions.values().any(|v| shown.shows(v.deleted)))
            .ok_or_else(|| RegistryError::SubjectNotFound(subject.to_owned()))?;
        let number = match query {
            VersionQuery::Number(number) => Some(number),
            VersionQuery::Latest => versions
                .iter()
                .rev()
                .find(|(_, v)| shown.shows(v.deleted))
                .map(|(n, _)| *n),
        };
        number
            .and_then(|number| Some((number, versions.get(&number)?)))
            .filter(|(_, version)| shown.shows(version.deleted))
            .and_then(|(number, version)| self.found(subject, number, version.id))
            .ok_or_else(|| RegistryError::VersionNotFound(query.text()))
    }

    fn found(&self, subject: &str, version: u32, id: u32) -> Option<Found> {
        let stored = self.schemas.get(&id)?;
        Some(Found {
            subject: subject.to_owned(),
            version,
            id,
            text: Arc::clone(&stored.parsed.text),
            references: stored.references.clone(),
        })
    }

    /// The text and the references of the schema with that ID, of soft-deleted versions too.
    ///
    /// # Errors
    /// 40403.
    pub fn schema(&self, id: u32) -> Result<(Arc<str>, &[Reference]), RegistryError> {
        let stored = self
            .schemas
            .get(&id)
            .ok_or_else(|| RegistryError::IdNotFound(id.to_string()))?;
        Ok((Arc::clone(&stored.parsed.text), &stored.references))
    }

    /// The subjects and versions that have the schema with that ID.
    ///
    /// # Errors
    /// 40403.
    pub fn usages(&self, id: u32, deleted: Deleted) -> Result<Vec<(&str, u32)>, RegistryError> {
        if !self.schemas.contains_key(&id) {
            return Err(RegistryError::IdNotFound(id.to_string()));
        }
        Ok(self
            .all(deleted)
            .filter(|(_, _, version)| version.id == id)
            .map(|(s, n, _)| (s, n))
            .collect())
    }

    pub(super) fn all(&self, deleted: Deleted) -> impl Iterator<Item = (&str, u32, Version)> {
        self.subjects.iter().flat_map(move |(subject, versions)| {
            versions
                .iter()
                .filter(move |(_, version)| deleted.shows(version.deleted))
                .map(move |(number, version)| (subject.as_str(), *number, *version))
        })
    }

    /// The IDs of the schemas that refer to a version, lowest first.
    pub fn referenced_by(&self, subject: &str, version: u32, deleted: Deleted) -> Vec<u32> {
        let ids: BTreeSet<u32> = self.all(deleted).map(|(_, _, version)| version.id).collect();
        ids.into_iter()
            .filter(|id| {
                self.schemas.get(id).is_some_and(|stored| {
                    stored
                        .references
                        .iter()
                        .any(|r| r.subject == subject && r.version == i64::from(version))
                })
            })
            .collect()
    }

    /// The version of the subject that has this schema.
    ///
    /// # Errors
    /// 40401, 40403, 42201.
    pub fn look_up(
        &self,
        subject: &str,
        submitted: &Submitted,
        deleted: bool,
    ) -> Result<Found, RegistryError> {
        let shown = if deleted { Deleted::Include } else { Deleted::Hide };
        self.versions(subject, shown)?;
        let (parsed, references) = self.parse(submitted)?;
        self.same(subject, &parsed, &references, shown)
            .ok_or_else(|| RegistryError::SchemaNotFound(subject.to_owned()))
    }

    /// The subject's newest version with this schema: the same text and references, or, where it was sent without
    /// references, the same schema once they are resolved.
    pub(super) fn same(
        &self,
        subject: &str,
        parsed: &Parsed,
        references: &[Reference],
        shown: Deleted,
    ) -> Option<Found> {
        let resolved = references.is_empty().then(|| parsed.schema.text());
        let (number, version) = self.subjects.get(subject)?.iter().rev().find(|(_, version)| {
            shown.shows(version.deleted)
                && self.schemas.get(&version.id).is_some_and(|stored| {
                    (stored.parsed.text == parsed.text && stored.references == references)
                        || (!stored.references.is_empty()
                            && resolved
                                .as_ref()
                                .is_some_and(|text| stored.parsed.schema.text() == *text))
                })
        })?;
        self.found(subject, *number, version.id)
    }

    /// Parses a schema that a client sent; a reference to the latest version becomes one to its number.
    pub(super) fn parse(&self, submitted: &Submitted) -> Result<(Parsed, Vec<Reference>), RegistryError> {
        if submitted.text.len() > MAX_SCHEMA {
            return Err(RegistryError::TooLarge {
                what: "schema",
                limit: MAX_SCHEMA,
            });
        }
        let mut references = Vec::with_capacity(submitted.references.len().min(MAX_REFERENCES));
        for reference in &submitted.references {
            let found = VersionQuery::parse(&reference.version.to_string())
                .and_then(|query| self.version(&reference.subject, query, false))
                .map_err(|_| not_found(reference))?;
            references.push(Reference {
                version: i64::from(found.version),
                ..reference.clone()
            });
        }
        let mut texts = Vec::new();
        let mut seen = BTreeSet::new();
        self.resolve(&references, &mut seen, &mut texts)?;
        Ok((schema::parse(&submitted.text, &texts)?, references))
    }

    /// The texts behind `references`, each after those it refers to itself, and each name once.
    fn resolve(
        &self,
        references: &[Reference],
        seen: &mut BTreeSet<String>,
        out: &mut Vec<(String, Arc<str>)>,
    ) -> Result<(), RegistryError> {
        for reference in references {
            if seen.len() >= MAX_REFERENCES {
                return Err(RegistryError::InvalidSchema(format!(
                    "it refers to more than {MAX_REFERENCES} schemas, directly and through others"
                )));
            }
            if !seen.insert(reference.name.clone()) {
                continue;
            }
            let stored = u32::try_from(reference.version)
                .ok()
                .and_then(|version| self.subjects.get(&reference.subject)?.get(&version))
                .and_then(|version| self.schemas.get(&version.id))
                .ok_or_else(|| not_found(reference))?;
            // As deep as a chain of references is long, which MAX_REFERENCES bounds.
            self.resolve(&stored.references, seen, out)?;
            out.push((
                format!("{} version {}", reference.subject, reference.version),
                Arc::clone(&stored.parsed.text),
            ));
        }
        Ok(())
    }

    // ---- compatibility -------------------------------------------------------------------------------------------

    /// Whether the schema could be registered: with no `query` against what the level says, with one against that
    /// version alone. The answer is empty where it is compatible.
    ///
    /// # Errors
    /// 40402 for a number the subject does not have (also where it has none at all), 42201.
    pub fn incompatibilities(
        &self,
        subject: &str,
        query: Option<VersionQuery>,
        submitted: &Submitted,
    ) -> Result<Vec<String>, RegistryError> {
        let (parsed, _) = self.parse(submitted)?;
        let Some(query) = query else {
            return Ok(self.check(subject, &parsed));
        };
        match self.version(subject, query, false) {
            Ok(found) => Ok(self.schemas.get(&found.id).map_or_else(Vec::new, |old| {
                schema::check(
                    self.level(subject),
                    &parsed.schema,
                    &[(found.version, &old.parsed)],
                )
            })),
            Err(_) if query == VersionQuery::Latest => Ok(Vec::new()),
            Err(_) => Err(RegistryError::VersionNotFound(query.text())),
        }
    }

    pub(super) fn check(&self, subject: &str, parsed: &Parsed) -> Vec<String> {
        let old: Vec<(u32, &Parsed)> = self
            .subjects
            .get(subject)
            .into_iter()
            .flatten()
            .filter(|(_, version)| !version.deleted)
            .filter_map(|(number, version)| Some((*number, &self.schemas.get(&version.id)?.parsed)))
            .collect();
        schema::check(self.level(subject), &parsed.schema, &old)
    }
}

fn not_found(reference: &Reference) -> RegistryError {
    RegistryError::InvalidSchema(format!(
        "reference '{}' to subject '{}' version {}: no such version",
        reference.name, reference.subject, reference.version
    ))
}

pub(super) fn check_name(subject: &str) -> Result<(), RegistryError> {
    if subject.trim().is_empty() || subject.len() > MAX_SUBJECT || subject.chars().any(char::is_control) {
        let shown: String = subject.chars().take(64).filter(|c| !c.is_control()).collect();
        return Err(RegistryError::InvalidSubject(shown));
    }
    Ok(())
}
