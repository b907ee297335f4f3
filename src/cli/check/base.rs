//! The old side of `check`: schemas and manifest of a git revision or of a path.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use fleetops_avro::schema::TypeId;
use fleetops_avro::{Diagnostic, ParseMode, SchemaSet, Source};
use fleetops_codegen::load::{self, Root};
use fleetops_codegen::manifest::{FILE_NAME, Manifest, nearest};

use super::super::{CliError, Global, global};
use crate::git::{GitError, Repository, Revision};

/// What to compare with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Against {
    /// What the lock says that the registry holds.
    Lock,
    /// What the registry holds.
    Registry,
    /// `git:REF`
    Git(String),
    /// A folder or a file.
    Path(PathBuf),
}

impl FromStr for Against {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match (text, text.strip_prefix("git:")) {
            ("lock", _) => Self::Lock,
            ("registry", _) => Self::Registry,
            (_, Some(reference)) => Self::Git(reference.to_owned()),
            // A folder of one of those names: ./lock
            (_, None) => Self::Path(text.into()),
        })
    }
}

/// A path that is not there may be a word that was mistyped.
fn meant(path: &Path, mut found: Vec<Diagnostic>) -> CliError {
    let near = path
        .to_str()
        .and_then(|text| nearest(text, ["lock", "registry"]))
        .filter(|_| !path.exists());
    if let (Some(near), Some(first)) = (near, found.first_mut()) {
        first.help = Some(format!("did you mean --against {near}?"));
    }
    CliError::Unreadable(found)
}

/// Schemas, and the file of each under its root.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) schemas: SchemaSet,
    /// The type at the top of each file, by the file's path from its root. A file that is a root itself, and the only
    /// file, has the empty path, so that two single files are compared whatever they are called. A path that two roots
    /// have leads nowhere.
    pub(super) tops: BTreeMap<String, Option<TypeId>>,
}

impl Files {
    pub(super) fn new(schemas: SchemaSet, roots: &[Root]) -> Self {
        let roots: Vec<String> = roots.iter().map(|r| r.path.display().to_string()).collect();
        Self::with_roots(schemas, &roots)
    }

    fn with_roots(schemas: SchemaSet, roots: &[String]) -> Self {
        let mut tops: BTreeMap<String, Option<TypeId>> = BTreeMap::new();
        let single = schemas.files().count() == 1;
        for (source, id) in schemas.files() {
            let from_root = roots.iter().find_map(|root| below(source.name(), root));
            let file_name = || {
                Path::new(source.name())
                    .file_name()
                    .map(|n| n.display().to_string())
            };
            let key = match from_root {
                Some(path) if !path.is_empty() || single => path.to_owned(),
                _ => file_name().unwrap_or_default(),
            };
            tops.entry(key)
                .and_modify(|seen| *seen = None)
                .or_insert(Some(id));
        }
        Self { schemas, tops }
    }

    /// The type at the top of the file on the `other` side that is the one with `id` here: the same path from its root.
    /// Where the two sides have no path in common, one was laid out anew, and names of files have to do.
    pub(super) fn same_file(&self, other: &Self, id: TypeId) -> Option<TypeId> {
        let path = self
            .tops
            .iter()
            .find(|(_, top)| **top == Some(id))
            .map(|(path, _)| path)?;
        if other.tops.keys().any(|theirs| self.tops.contains_key(theirs)) {
            return other.tops.get(path).copied().flatten();
        }
        let name = Path::new(path).file_name();
        let alike = |files: &Self| -> Vec<Option<TypeId>> {
            files
                .tops
                .iter()
                .filter(|(p, _)| Path::new(p).file_name() == name)
                .map(|(_, top)| *top)
                .collect()
        };
        match (alike(self).as_slice(), alike(other).as_slice()) {
            ([_], [theirs]) => *theirs,
            _ => None,
        }
    }
}

/// The path of a file from a root: empty for the root itself, `None` for a file that is not below it. A root that is
/// the top of a commit ends with `:`.
fn below<'a>(file: &'a str, root: &str) -> Option<&'a str> {
    let rest = file.strip_prefix(root)?;
    let whole = rest.is_empty() || rest.starts_with('/') || root.ends_with(['/', ':']);
    whole.then(|| rest.trim_start_matches('/'))
}

/// What the new schemas are compared with.
#[derive(Debug)]
pub(super) struct Base {
    /// What messages call it.
    pub(super) label: String,
    pub(super) files: Files,
    pub(super) manifest: Option<Manifest>,
    /// It is the commit that is checked out, so nothing committed can differ from it.
    pub(super) is_checked_out: bool,
}

impl Base {
    pub(super) fn load(
        against: Option<&Against>,
        global: &Global,
        manifest: Option<&Manifest>,
        roots: &[Root],
    ) -> Result<Self, CliError> {
        match against {
            Some(Against::Path(path)) => Self::of_path(path),
            Some(Against::Git(reference)) => Self::of_git(Some(reference), global, manifest, roots),
            _ => Self::of_git(None, global, manifest, roots),
        }
    }

    /// A folder, with its own manifest if it has one, or a file.
    fn of_path(path: &Path) -> Result<Self, CliError> {
        let file = path.join(FILE_NAME);
        let manifest = match file.is_file() {
            true => Some(Manifest::load(&file).map_err(CliError::Unreadable)?),
            false => None,
        };
        let roots = match &manifest {
            Some(manifest) => manifest.schema_roots(),
            None => vec![global::argument_root("--against", path)],
        };
        let sources = load::read_roots(&roots).map_err(|found| meant(path, found))?;
        Ok(Self {
            label: path.display().to_string(),
            files: Files::new(parse(&sources)?, &roots),
            manifest,
            is_checked_out: false,
        })
    }

    fn of_git(
        reference: Option<&String>,
        global: &Global,
        manifest: Option<&Manifest>,
        roots: &[Root],
    ) -> Result<Self, CliError> {
        let start = match (manifest, roots.first()) {
            (Some(manifest), _) => manifest.folder.clone(),
            (None, Some(root)) if root.path.is_dir() => root.path.clone(),
            (None, Some(root)) => root.path.parent().map(Path::to_path_buf).unwrap_or_default(),
            (None, None) => PathBuf::new(),
        };
        let repository = Repository::find(&start).map_err(incomplete)?;
        let revision = match reference {
            Some(reference) => repository.revision(reference),
            None => repository.merge_base(),
        };
        let revision = revision.map_err(incomplete)?;
        let is_checked_out = repository.head().is_ok_and(|head| head.commit == revision.commit);
        let old_manifest = match manifest {
            Some(manifest) => old_manifest(&repository, &revision, manifest, global).map_err(incomplete)?,
            None => None,
        };
        let old_roots = match &old_manifest {
            Some(old) => old.schema_roots(),
            None => roots.to_vec(),
        };
        let mut paths = Vec::new();
        for root in &old_roots {
            paths.push(repository.relative(&root.path).map_err(incomplete)?);
        }
        let mut sources: Vec<Arc<Source>> = Vec::new();
        for path in &paths {
            let wanted = |file: &str| file == path || is_schema(file, path);
            for source in repository.read(&revision, path, wanted).map_err(incomplete)? {
                if !sources.iter().any(|s| s.name() == source.name()) {
                    sources.push(source);
                }
            }
        }
        global.detail(&format!(
            "{} schema files at {} ({})",
            sources.len(),
            revision.label,
            revision.short()
        ));
        let named: Vec<String> = paths
            .iter()
            .map(|p| format!("{}:{p}", revision.short()))
            .collect();
        let label = match revision.commit.starts_with(&revision.label) {
            true => revision.short().to_owned(),
            false => format!("{} ({})", revision.label, revision.short()),
        };
        Ok(Self {
            label,
            files: Files::with_roots(parse(&sources)?, &named),
            manifest: old_manifest,
            is_checked_out,
        })
    }
}

/// Whether a folder root would take that file (see `fleetops_codegen::load`): `*.avsc`, and nothing hidden below it.
fn is_schema(file: &str, root: &str) -> bool {
    let below = match root {
        "" => Some(file),
        root => file.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')),
    };
    below.is_some_and(|path| path.ends_with(".avsc") && !path.split('/').any(|part| part.starts_with('.')))
}

/// The manifest as it was. One that cannot be read today is no reason to refuse: its topics are taken to be today's.
fn old_manifest(
    repository: &Repository,
    revision: &Revision,
    manifest: &Manifest,
    global: &Global,
) -> Result<Option<Manifest>, GitError> {
    let path = repository.relative(Path::new(manifest.source.name()))?;
    let Some(source) = repository.read_file(revision, &path)? else {
        return Ok(None);
    };
    match Manifest::parse(source) {
        Ok(mut old) => {
            old.folder.clone_from(&manifest.folder);
            Ok(Some(old))
        }
        Err(found) => {
            let why = found
                .first()
                .map(|d| format!("{}: {}", d.primary.place, d.message))
                .unwrap_or_default();
            global.say(&format!("note: the old manifest is left aside ({why})"));
            Ok(None)
        }
    }
}

/// Old schemas are read as a registry reads those it holds: what was accepted once is not refused today.
fn parse(sources: &[Arc<Source>]) -> Result<SchemaSet, CliError> {
    SchemaSet::parse_with(sources, ParseMode::Lenient).map_err(|e| CliError::Unreadable(e.diagnostics))
}

fn incomplete(error: GitError) -> CliError {
    CliError::incomplete(error.to_string()).with_help(error.help())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_from_roots_are_the_same_on_both_sides() {
        for (file, root, path) in [
            ("schemas/a/x.avsc", "schemas", Some("a/x.avsc")),
            ("schemas/a/x.avsc", "schemas/", Some("a/x.avsc")),
            ("./a/x.avsc", ".", Some("a/x.avsc")),
            ("0123456789:a/x.avsc", "0123456789:", Some("a/x.avsc")),
            (
                "0123456789:schemas/a/x.avsc",
                "0123456789:schemas",
                Some("a/x.avsc"),
            ),
            ("x.avsc", "x.avsc", Some("")),
            ("schemas2/x.avsc", "schemas", None),
        ] {
            assert_eq!(below(file, root), path, "{file} {root}");
        }
    }
}
