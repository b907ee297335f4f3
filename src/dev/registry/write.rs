//! What changes the registry's state: registering and deleting.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::RegistryError;
use super::schema::{Parsed, Reference};
use super::settings::Mode;
use super::store::{Deleted, MAX_TOTAL, Store, Stored, Submitted, Version, VersionQuery, check_name};

impl Store {
    /// Registers a schema and answers its ID.
    ///
    /// # Errors
    /// 40901, 42201, 42205, 42208, 42209, 50001.
    pub fn register(&mut self, subject: &str, submitted: &Submitted) -> Result<u32, RegistryError> {
        check_name(subject)?;
        let mode = self.writable(subject)?;
        let (parsed, references) = self.parse(submitted)?;
        if mode == Mode::Import {
            return self.import(subject, parsed, references, submitted.id, submitted.version);
        }
        if let Some(found) = self.same(subject, &parsed, &references, Deleted::Hide) {
            return Ok(found.id);
        }
        if submitted.id.is_some() || submitted.version.is_some() {
            return Err(RegistryError::NotImporting(subject.to_owned()));
        }
        let details = self.check(subject, &parsed);
        if !details.is_empty() {
            return Err(RegistryError::Incompatible {
                subject: subject.to_owned(),
                details,
            });
        }
        let id = self.keep(parsed, references, None)?;
        let version = self.next_version(subject);
        self.add(subject, version, id);
        Ok(id)
    }

    fn import(
        &mut self,
        subject: &str,
        parsed: Parsed,
        references: Vec<Reference>,
        id: Option<u32>,
        version: Option<u32>,
    ) -> Result<u32, RegistryError> {
        let there = version
            .and_then(|number| self.subjects.get(subject)?.get(&number))
            .map(|v| v.id);
        let id = self.keep(parsed, references, id)?;
        if there.is_some_and(|other| other != id) {
            return Err(RegistryError::VersionTaken(
                subject.to_owned(),
                version.unwrap_or(0),
            ));
        }
        let number = version.unwrap_or_else(|| self.next_version(subject));
        self.add(subject, number, id);
        Ok(id)
    }

    fn next_version(&self, subject: &str) -> u32 {
        let last = self
            .subjects
            .get(subject)
            .and_then(|versions| versions.keys().next_back());
        last.map_or(1, |last| last.saturating_add(1))
    }

    /// Stores the schema, unless it is there, and answers its ID.
    fn keep(
        &mut self,
        parsed: Parsed,
        references: Vec<Reference>,
        wanted: Option<u32>,
    ) -> Result<u32, RegistryError> {
        let identity = (Arc::clone(&parsed.text), references.clone());
        let known = self.identities.get(&identity).copied();
        if let (Some(known), true) = (known, wanted.is_none() || wanted == known) {
            return Ok(known);
        }
        if let Some(wanted) = wanted
            && self.schemas.contains_key(&wanted)
        {
            return Err(RegistryError::IdTaken(wanted));
        }
        let bytes = self.bytes.saturating_add(parsed.text.len());
        if bytes > MAX_TOTAL {
            return Err(RegistryError::Full(MAX_TOTAL));
        }
        let id = wanted.unwrap_or(self.last_id.saturating_add(1));
        self.bytes = bytes;
        self.last_id = self.last_id.max(id);
        self.identities.insert(identity, id);
        self.schemas.insert(id, Stored { parsed, references });
        Ok(id)
    }

    /// Adds a version; a soft-deleted one with the same schema goes, unless something refers to it.
    fn add(&mut self, subject: &str, number: u32, id: u32) {
        let stale: Vec<u32> = self
            .subjects
            .get(subject)
            .into_iter()
            .flatten()
            .filter(|(old, version)| version.deleted && version.id == id && **old != number)
            .map(|(old, _)| *old)
            .filter(|old| self.referenced_by(subject, *old, Deleted::Include).is_empty())
            .collect();
        let versions = self.subjects.entry(subject.to_owned()).or_default();
        for old in stale {
            versions.remove(&old);
        }
        versions.insert(number, Version { id, deleted: false });
    }

    /// Deletes one version: softly, or permanently what was softly deleted before. Answers its number.
    ///
    /// # Errors
    /// 40401, 40402, 40406, 40407, 42205, 42206.
    pub fn delete_version(
        &mut self,
        subject: &str,
        query: VersionQuery,
        permanent: bool,
    ) -> Result<u32, RegistryError> {
        self.writable(subject)?;
        let number = self.version(subject, query, true)?.version;
        let deleted = self
            .subjects
            .get(subject)
            .and_then(|v| v.get(&number))
            .is_some_and(|v| v.deleted);
        match (deleted, permanent) {
            (true, false) => return Err(RegistryError::VersionSoftDeleted(subject.to_owned(), number)),
            (false, true) => return Err(RegistryError::VersionNotSoftDeleted(subject.to_owned(), number)),
            _ => {}
        }
        self.unreferenced(subject, number, permanent)?;
        self.remove(subject, &[number], permanent);
        Ok(number)
    }

    /// Deletes all versions of a subject, and with them its settings; answers their numbers.
    ///
    /// # Errors
    /// 40401, 40404, 40405, 42205, 42206.
    pub fn delete_subject(&mut self, subject: &str, permanent: bool) -> Result<Vec<u32>, RegistryError> {
        self.writable(subject)?;
        let all = self.versions(subject, Deleted::Include)?;
        let live = self.versions(subject, Deleted::Hide).unwrap_or_default();
        let numbers = match (live.is_empty(), permanent) {
            (true, false) => return Err(RegistryError::SubjectSoftDeleted(subject.to_owned())),
            (false, true) => return Err(RegistryError::SubjectNotSoftDeleted(subject.to_owned())),
            (true, true) => all,
            (false, false) => live,
        };
        for number in &numbers {
            self.unreferenced(subject, *number, permanent)?;
        }
        self.remove(subject, &numbers, permanent);
        self.levels.clear(Some(subject));
        self.modes.clear(Some(subject));
        Ok(numbers)
    }

    fn unreferenced(&self, subject: &str, version: u32, permanent: bool) -> Result<(), RegistryError> {
        let shown = if permanent {
            Deleted::Include
        } else {
            Deleted::Hide
        };
        let by = self.referenced_by(subject, version, shown);
        if by.is_empty() {
            return Ok(());
        }
        Err(RegistryError::Referenced {
            subject: subject.to_owned(),
            version,
            by,
        })
    }

    fn remove(&mut self, subject: &str, numbers: &[u32], permanent: bool) {
        let Some(versions) = self.subjects.get_mut(subject) else {
            return;
        };
        for number in numbers {
            if permanent {
                versions.remove(number);
            } else if let Some(version) = versions.get_mut(number) {
                version.deleted = true;
            }
        }
        if versions.is_empty() {
            self.subjects.remove(subject);
        }
        if permanent {
            self.forget_unused();
        }
    }

    fn forget_unused(&mut self) {
        let used: BTreeSet<u32> = self
            .all(Deleted::Include)
            .map(|(_, _, version)| version.id)
            .collect();
        self.schemas.retain(|id, _| used.contains(id));
        self.identities.retain(|_, id| used.contains(id));
        self.bytes = self.schemas.values().map(|stored| stored.parsed.text.len()).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::MAX_REFERENCES;
    use super::*;

    fn submitted(text: &str) -> Submitted {
        Submitted {
            text: text.to_owned(),
            ..Submitted::default()
        }
    }

    #[test]
    fn versions_are_read_as_clients_write_them() {
        for text in ["latest", " Latest ", "LATEST", "-1"] {
            assert_eq!(VersionQuery::parse(text), Ok(VersionQuery::Latest), "{text}");
        }
        assert_eq!(
            VersionQuery::parse("2147483647"),
            Ok(VersionQuery::Number(2_147_483_647))
        );
        for text in ["", "0", "-2", "+", "2147483648", "1.5", "first"] {
            assert_eq!(
                VersionQuery::parse(text).map_err(|e| e.code()),
                Err(42202),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_gone_for_good_frees_its_memory_and_its_identity() {
        let mut store = Store::new();
        assert_eq!(store.register("s", &submitted("\"int\"")), Ok(1));
        assert_eq!(store.register("t", &submitted("\"int\"")), Ok(1));
        let bytes = store.bytes;
        for subject in ["s", "t"] {
            assert_eq!(store.delete_subject(subject, false), Ok(vec![1]));
            assert_eq!(store.bytes, bytes, "still readable by ID");
            assert_eq!(store.delete_subject(subject, true), Ok(vec![1]));
        }
        assert_eq!(
            (store.bytes, store.schemas.len(), store.identities.len()),
            (0, 0, 0)
        );
        assert_eq!(
            store.register("s", &submitted("\"int\"")),
            Ok(2),
            "IDs are never given twice"
        );
    }

    #[test]
    fn a_refused_schema_changes_nothing() {
        let mut store = Store::new();
        store.register("s", &submitted("\"int\"")).unwrap();
        let before = (store.bytes, store.last_id, store.versions("s", Deleted::Include));
        let code = |result: Result<u32, RegistryError>| result.map_err(|e| e.code());
        assert_eq!(code(store.register("s", &submitted("\"string\""))), Err(40901));
        assert_eq!(code(store.register("s", &submitted("\"sting\""))), Err(42201));
        assert_eq!(
            (store.bytes, store.last_id, store.versions("s", Deleted::Include)),
            before
        );
    }

    #[test]
    fn references_are_bounded() {
        let mut store = Store::new();
        store.register("s", &submitted("\"int\"")).unwrap();
        let references = (0..=MAX_REFERENCES)
            .map(|n| Reference {
                name: format!("N{n}"),
                subject: "s".to_owned(),
                version: 1,
            })
            .collect();
        let many = Submitted {
            references,
            ..submitted("\"string\"")
        };
        let error = store.register("t", &many).unwrap_err();
        assert_eq!(error.code(), 42201);
        assert!(error.to_string().contains("more than 1000"), "{error}");
    }
}
