//! The lock: what an environment's registry held when somebody last looked, as files that are committed with the code.
//!
//! `registry.lock/ENV/SUBJECT.json` has every version of a subject. With it a schema is checked against all of them with no
//! registry at hand, a reviewer sees what was registered, and whoever registers something behind the repository's back
//! is found out. The text is a function of what is held: the same state gives the same bytes, one version's schema is laid
//! out over several lines, and a new version adds lines at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetops_avro::compat::Level;
use fleetops_avro::json::{self, Value};
use fleetops_avro::source::{Place, Span};
use fleetops_avro::{Diagnostic, Source};
use sha2::{Digest, Sha256};

use super::layout::lay_out;
use super::snapshot::{Snapshot, SubjectState, VersionState};
use super::wire::Reference;

/// The folder beside the manifest.
pub const FOLDER: &str = "registry.lock";

/// Longest file name without its ending that every file system takes.
const MAX_NAME: usize = 200;

/// The rule of every finding about a lock's text.
pub const SYNTAX: &str = "lock-syntax";

/// The folder of an environment's lock; `base` is the manifest's folder.
pub fn folder(base: &Path, environment: &str) -> PathBuf {
    base.join(FOLDER).join(environment)
}

/// The environments that have a lock, in the order of names; `base` is the manifest's folder.
pub fn environments(base: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(base.join(FOLDER))
        .into_iter()
        .flatten()
        .flatten();
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The file of a subject. What file systems do not take, or take for the same, is escaped as in addresses.
pub fn file_name(subject: &str) -> String {
    let mut name = String::with_capacity(subject.len() + 5);
    for (i, byte) in subject.bytes().enumerate() {
        match byte {
            b'.' if i == 0 => name.push_str("%2E"),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => name.push(char::from(byte)),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    if name.len() > MAX_NAME {
        let digest = Sha256::digest(subject.as_bytes());
        let tail: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        name.truncate(MAX_NAME - 18);
        name.push_str("--");
        name.push_str(&tail);
    }
    name.push_str(".json");
    name
}

/// The text of a subject's file.
pub fn text(snapshot: &Snapshot, subject: &str, state: &SubjectState) -> String {
    let string = |text: &str| {
        let mut out = String::new();
        json::write_string(text, &mut out);
        out
    };
    let mut out = format!(
        "{{\n  \"subject\": {},\n  \"compatibility\": \"{}\",\n  \"versions\": [",
        string(subject),
        state.level
    );
    for (i, version) in state.versions.iter().enumerate() {
        out.push_str(if i > 0 { ",\n" } else { "\n" });
        let mut members = vec![
            format!("\"version\": {}", version.version),
            format!("\"id\": {}", version.id),
        ];
        if version.deleted {
            members.push("\"deleted\": true".to_owned());
        }
        if let Some(kind) = &version.schema_type {
            members.push(format!("\"schemaType\": {}", string(kind)));
        }
        if let Ok(schema) = snapshot.read(subject, version) {
            members.push(format!("\"fingerprint\": \"{:016x}\"", schema.fingerprint()));
        }
        if !version.references.is_empty() {
            let one = |r: &Reference| {
                format!(
                    "        {{\"name\": {}, \"subject\": {}, \"version\": {}}}",
                    string(&r.name),
                    string(&r.subject),
                    r.version
                )
            };
            let all: Vec<String> = version.references.iter().map(one).collect();
            members.push(format!("\"references\": [\n{}\n      ]", all.join(",\n")));
        }
        members.push(match json::parse(&version.text) {
            Ok(value) if version.schema_type.is_none() => {
                let mut schema = String::new();
                lay_out(&value, 3, &mut schema);
                format!("\"schema\": {schema}")
            }
            _ => format!("\"text\": {}", string(&version.text)),
        });
        out.push_str("    {\n      ");
        out.push_str(&members.join(",\n      "));
        out.push_str("\n    }");
    }
    out.push_str("\n  ]\n}\n");
    out
}

/// Reads a lock; `None` where there is none.
///
/// # Errors
/// Every file that cannot be read or is no lock's, with the place.
pub fn read(folder: &Path) -> Result<Option<Snapshot>, Vec<Diagnostic>> {
    let unreadable = |path: &Path, error: io::Error| {
        let source = Source::new(path.display().to_string(), "");
        let place = Place::new(&source, Span::new(0, 0));
        let message = format!("{} cannot be read", path.display());
        vec![Diagnostic::error(
            "unreadable-file",
            place,
            message,
            error.to_string(),
        )]
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(folder, error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut snapshot = Snapshot::default();
    let mut found = Vec::new();
    for path in paths {
        let text = std::fs::read(&path).map_err(|error| unreadable(&path, error))?;
        let source = match Source::decode(path.display().to_string(), text) {
            Ok(source) => source,
            Err(error) => {
                found.push(*error);
                continue;
            }
        };
        match parse(&source) {
            Ok((subject, state)) => {
                if let (Some(other), Some(place)) = (
                    snapshot.subjects.get(&subject).and_then(|s| s.place.clone()),
                    &state.place,
                ) {
                    found.push(
                        fault(place.clone(), "two files have the same subject", &subject)
                            .related(other, "the other one"),
                    );
                }
                snapshot.subjects.insert(subject, state);
            }
            Err(error) => found.push(*error),
        }
    }
    if found.is_empty() {
        Ok(Some(snapshot))
    } else {
        Err(found)
    }
}

fn fault(place: Place, message: &str, label: &str) -> Diagnostic {
    Diagnostic::error(SYNTAX, place, message, label).help(
        "write it anew from the registry: `fleetops-registry lock update`; after a merge conflict that is the way to \
         resolve it",
    )
}

/// Reads one file.
fn parse(source: &Arc<Source>) -> Result<(String, SubjectState), Box<Diagnostic>> {
    let reader = Reader { source };
    let root = json::parse(source.text()).map_err(|error| {
        let found = error.diagnostic(source);
        Box::new(fault(
            found.primary.place,
            "this is no lock: it is not JSON",
            &found.message,
        ))
    })?;
    let (subject, span) = reader.string(&root, "subject")?;
    let (level, level_span) = reader.string(&root, "compatibility")?;
    let level: Level = level
        .parse()
        .map_err(|_| reader.fault(level_span, "no compatibility level"))?;
    let list = reader.member(&root, "versions")?;
    let items = list
        .as_array()
        .ok_or_else(|| reader.fault(list.span, "a list of versions belongs here"))?;
    let mut versions: Vec<VersionState> = Vec::with_capacity(items.len());
    for item in items {
        let version = reader.version(item)?;
        if versions
            .last()
            .is_some_and(|before| before.version >= version.version)
        {
            return Err(reader.fault(item.span, "versions must rise"));
        }
        versions.push(version);
    }
    let state = SubjectState {
        level,
        versions,
        place: Some(Place::new(source, span)),
    };
    Ok((subject, state))
}

struct Reader<'a> {
    source: &'a Arc<Source>,
}

impl Reader<'_> {
    fn fault(&self, span: Span, label: &str) -> Box<Diagnostic> {
        Box::new(fault(
            Place::new(self.source, span),
            "this is not what a lock holds",
            label,
        ))
    }

    fn member<'v>(&self, value: &'v Value, key: &str) -> Result<&'v Value, Box<Diagnostic>> {
        value.get(key).ok_or_else(|| {
            self.fault(
                Span::new(value.span.start, value.span.start + 1),
                &format!("`{key}` is missing"),
            )
        })
    }

    fn string(&self, value: &Value, key: &str) -> Result<(String, Span), Box<Diagnostic>> {
        let member = self.member(value, key)?;
        match member.as_str() {
            Some(text) => Ok((text.to_owned(), member.span)),
            None => Err(self.fault(member.span, "a text belongs here")),
        }
    }

    fn number<T: std::str::FromStr>(&self, value: &Value, key: &str) -> Result<T, Box<Diagnostic>> {
        let member = self.member(value, key)?;
        match &member.kind {
            json::Kind::Number(text) => text.parse().ok(),
            _ => None,
        }
        .ok_or_else(|| self.fault(member.span, "a number belongs here"))
    }

    fn version(&self, item: &Value) -> Result<VersionState, Box<Diagnostic>> {
        let mut references = Vec::new();
        if let Some(list) = item.get("references") {
            let items = list
                .as_array()
                .ok_or_else(|| self.fault(list.span, "a list of references belongs here"))?;
            for reference in items {
                references.push(Reference {
                    name: self.string(reference, "name")?.0,
                    subject: self.string(reference, "subject")?.0,
                    version: self.number(reference, "version")?,
                });
            }
        }
        let fingerprint = match item.get("fingerprint") {
            None => None,
            Some(value) => {
                let number = value.as_str().and_then(|text| u64::from_str_radix(text, 16).ok());
                Some(number.ok_or_else(|| self.fault(value.span, "16 hexadecimal digits belong here"))?)
            }
        };
        let (text, place) = match (item.get("schema"), item.get("text")) {
            (Some(schema), _) => {
                let mut text = String::new();
                json::write(schema, &mut text);
                (text, Some(Place::new(self.source, schema.span)))
            }
            (None, Some(_)) => (self.string(item, "text")?.0, None),
            (None, None) => return Err(self.fault(item.span, "`schema` is missing")),
        };
        Ok(VersionState {
            version: self.number(item, "version")?,
            id: self.number(item, "id")?,
            deleted: item
                .get("deleted")
                .is_some_and(|d| d.kind == json::Kind::Bool(true)),
            schema_type: match item.get("schemaType") {
                Some(_) => Some(self.string(item, "schemaType")?.0),
                None => None,
            },
            references,
            text,
            fingerprint,
            place,
        })
    }
}

/// Writes a lock: what differs is written, and files of subjects that it does not have are removed. Says which files were
/// touched.
///
/// # Errors
/// What the file system says; a file is written whole or not at all.
pub fn write(folder: &Path, snapshot: &Snapshot) -> io::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)?;
    let mut touched = Vec::new();
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for (subject, state) in &snapshot.subjects {
        let name = file_name(subject);
        let path = folder.join(&name);
        let text = text(snapshot, subject, state);
        wanted.insert(name);
        if std::fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        let beside = path.with_extension("json.new");
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, &path)?;
        touched.push(path);
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        if name.ends_with(".json") && !wanted.contains(&name) {
            std::fs::remove_file(&path)?;
            touched.push(path);
        }
    }
    Ok(touched)
}

/// How a subject differs from what was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// It was not there.
    SubjectAdded,
    /// It is not there any more.
    SubjectGone,
    /// Another level holds.
    Level {
        /// The level written down.
        from: Level,
        /// The level that holds.
        to: Level,
    },
    /// A version was not there.
    VersionAdded {
        /// Its number.
        version: u32,
        /// Its ID.
        id: u32,
    },
    /// A version is not there any more, or was deleted.
    VersionGone(u32),
    /// A version has another schema or ID.
    VersionChanged(u32),
}

impl Difference {
    /// A word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::SubjectAdded => "subject-added",
            Self::SubjectGone => "subject-gone",
            Self::Level { .. } => "level-changed",
            Self::VersionAdded { .. } => "version-added",
            Self::VersionGone(_) => "version-gone",
            Self::VersionChanged(_) => "version-changed",
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SubjectAdded => f.write_str("the subject is new"),
            Self::SubjectGone => f.write_str("the subject is gone"),
            Self::Level { from, to } => write!(f, "the level is {to}, was {from}"),
            Self::VersionAdded { version, id } => write!(f, "version {version} is new (ID {id})"),
            Self::VersionGone(version) => write!(f, "version {version} is gone"),
            Self::VersionChanged(version) => write!(f, "version {version} is another"),
        }
    }
}

/// What has changed from one state to another, by subject.
pub fn differences(from: &Snapshot, to: &Snapshot) -> BTreeMap<String, Vec<Difference>> {
    let names: BTreeSet<&String> = from.subjects.keys().chain(to.subjects.keys()).collect();
    let mut all = BTreeMap::new();
    for name in names {
        let found = match (from.subjects.get(name), to.subjects.get(name)) {
            (None, _) => vec![Difference::SubjectAdded],
            (_, None) => vec![Difference::SubjectGone],
            (Some(before), Some(now)) => of_subject(before, now),
        };
        if !found.is_empty() {
            all.insert(name.clone(), found);
        }
    }
    all
}

fn of_subject(before: &SubjectState, now: &SubjectState) -> Vec<Difference> {
    let mut found = Vec::new();
    if before.level != now.level {
        found.push(Difference::Level {
            from: before.level,
            to: now.level,
        });
    }
    let by_number = |state: &SubjectState| -> BTreeMap<u32, VersionState> {
        state.versions.iter().map(|v| (v.version, v.clone())).collect()
    };
    let (old, new) = (by_number(before), by_number(now));
    let numbers: BTreeSet<u32> = old.keys().chain(new.keys()).copied().collect();
    for number in numbers {
        match (old.get(&number), new.get(&number)) {
            (None, Some(version)) => found.push(Difference::VersionAdded {
                version: number,
                id: version.id,
            }),
            (Some(was), Some(is)) if is.deleted && !was.deleted => {
                found.push(Difference::VersionGone(number))
            }
            (Some(was), Some(is)) if !was.same(is) => found.push(Difference::VersionChanged(number)),
            (Some(_), None) => found.push(Difference::VersionGone(number)),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests;
