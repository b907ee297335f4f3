//! Reads schema files. The only place in this crate, besides [`crate::manifest::Manifest::load`], that opens a file.
//!
//! A root is a file, or a folder that is searched for `*.avsc` at any depth. Files are read in the order of their paths,
//! so that the outcome does not depend on the file system. A file that two roots lead to is read once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetops_avro::source::{Place, Source, Span};
use fleetops_avro::{Diagnostic, SchemaSet};

/// How deep folders are searched. Deeper nesting is taken for a loop of links.
const DEPTH: usize = 64;

/// A schema is read as a whole; a file larger than this is none.
const FILE_SIZE: u64 = 64 << 20;

/// A file or folder, and who named it.
#[derive(Clone, Debug)]
pub struct Root {
    /// The file or folder.
    pub path: PathBuf,
    /// Where it was named: the manifest, or the command line. Errors point there.
    pub place: Option<Place>,
}

impl From<PathBuf> for Root {
    fn from(path: PathBuf) -> Self {
        Self { path, place: None }
    }
}

/// Reads and parses all schemas under `roots`.
///
/// # Errors
/// Files that cannot be read, and what is wrong with those that can.
pub fn load_schemas(roots: &[PathBuf]) -> Result<SchemaSet, Vec<Diagnostic>> {
    let roots: Vec<Root> = roots.iter().cloned().map(Root::from).collect();
    load_roots(&roots)
}

/// The same for roots that know who named them.
///
/// # Errors
/// As [`load_schemas`].
pub fn load_roots(roots: &[Root]) -> Result<SchemaSet, Vec<Diagnostic>> {
    let sources = read_roots(roots)?;
    SchemaSet::parse(&sources).map_err(|e| e.diagnostics)
}

/// Reads the texts of all schema files under `roots`, in the order of their paths.
///
/// # Errors
/// Every root that is not there or holds no schema, every file that cannot be read or is not UTF-8.
pub fn read_roots(roots: &[Root]) -> Result<Vec<Arc<Source>>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let mut files: BTreeSet<PathBuf> = BTreeSet::new();
    for root in roots {
        match list(&root.path) {
            Ok(list) if list.is_empty() => found.push(fault(
                root,
                "no-schemas",
                format!("{} holds no schema", root.path.display()),
                "no *.avsc file in this folder or below",
                "put the schemas there, or name the folder that holds them",
            )),
            Ok(list) => files.extend(list),
            Err((path, why)) => found.push(fault(
                root,
                "unreadable-file",
                format!("{} cannot be read", path.display()),
                &why,
                "name a folder that holds *.avsc files, or such a file",
            )),
        }
    }
    let mut sources = Vec::new();
    for file in files {
        match read(&file) {
            Ok(source) => sources.push(source),
            Err(why) => found.push(*why),
        }
    }
    if found.is_empty() { Ok(sources) } else { Err(found) }
}

/// The schema files of a root: itself, or those below it.
///
/// # Errors
/// The path that cannot be read, and why.
pub fn list(root: &Path) -> Result<Vec<PathBuf>, (PathBuf, String)> {
    let mut files = Vec::new();
    let about = fs::metadata(root).map_err(|e| (root.to_path_buf(), reason(&e)))?;
    if about.is_dir() {
        walk(root, 0, &mut files)?;
    } else {
        files.push(root.to_path_buf());
    }
    files.sort();
    Ok(files)
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<(), (PathBuf, String)> {
    if depth > DEPTH {
        let why = format!("more than {DEPTH} folders deep: does a link lead back?");
        return Err((folder.to_path_buf(), why));
    }
    let entries = fs::read_dir(folder).map_err(|e| (folder.to_path_buf(), reason(&e)))?;
    for entry in entries {
        let entry = entry.map_err(|e| (folder.to_path_buf(), reason(&e)))?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue; // an editor's or version control's own
        }
        let about = fs::metadata(&path).map_err(|e| (path.clone(), reason(&e)))?;
        if about.is_dir() {
            walk(&path, depth + 1, files)?;
        } else if path.extension().is_some_and(|e| e == "avsc") {
            files.push(path);
        }
    }
    Ok(())
}

/// The example of every record that has one: `examples/RECORD.json` beside the file that defines it, `RECORD` being the
/// name without its namespace. By full name.
///
/// # Errors
/// Those that are there and cannot be read.
pub fn examples(schemas: &SchemaSet) -> Result<BTreeMap<String, Arc<Source>>, Vec<Diagnostic>> {
    let mut examples = BTreeMap::new();
    let mut found = Vec::new();
    for (name, id) in schemas.named() {
        let file = PathBuf::from(schemas.node(id).place.source.name());
        let path = file
            .with_file_name("examples")
            .join(format!("{}.json", name.name));
        if !path.is_file() {
            continue;
        }
        match read(&path) {
            Ok(source) => {
                examples.insert(name.to_string(), source);
            }
            Err(why) => found.push(*why),
        }
    }
    if found.is_empty() {
        Ok(examples)
    } else {
        Err(found)
    }
}

/// A text file, called by its path.
///
/// # Errors
/// The file is not there, is a folder, is too large or not UTF-8.
pub fn read(path: &Path) -> Result<Arc<Source>, Box<Diagnostic>> {
    let name = path.display().to_string();
    let bytes = read_bytes(path).map_err(|why| {
        let place = Place::new(&Source::new(name.as_str(), ""), Span::default());
        Box::new(Diagnostic::error(
            "unreadable-file",
            place,
            format!("{name} cannot be read"),
            why,
        ))
    })?;
    Source::decode(name, bytes)
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let about = fs::metadata(path).map_err(|e| reason(&e))?;
    if about.is_dir() {
        return Err("this is a folder".to_owned());
    }
    if about.len() > FILE_SIZE {
        return Err(format!(
            "{} bytes: too large for a text of this kind",
            about.len()
        ));
    }
    fs::read(path).map_err(|e| reason(&e))
}

fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

fn fault(root: &Root, rule: &'static str, message: String, label: &str, help: &str) -> Diagnostic {
    let place = root.place.clone().unwrap_or_else(|| {
        let name = root.path.display().to_string();
        Place::new(&Source::new(name, ""), Span::default())
    });
    Diagnostic::error(rule, place, message, label).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(roots: &[Root]) -> Vec<String> {
        let found = load_roots(roots).expect_err("must be refused");
        found
            .iter()
            .map(|d| format!("{}: {} ({})", d.rule, d.message, d.primary.text))
            .collect()
    }

    #[test]
    fn folders_are_searched_in_the_order_of_paths_and_files_read_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("b/deep")).unwrap();
        fs::create_dir_all(at(".git")).unwrap();
        for name in [
            "z.avsc",
            "b/deep/y.avsc",
            "a.avsc",
            ".git/x.avsc",
            ".hidden.avsc",
            "b/readme.md",
        ] {
            fs::write(at(name), "\"int\"").unwrap();
        }
        let roots = [
            Root::from(folder.path().to_path_buf()),
            Root::from(at("a.avsc")),
            Root::from(at("b")),
        ];
        let names: Vec<_> = read_roots(&roots)
            .unwrap()
            .iter()
            .map(|s| s.name().to_owned())
            .collect();
        let wanted = ["a.avsc", "b/deep/y.avsc", "z.avsc"].map(|n| at(n).display().to_string());
        assert_eq!(names, wanted);
    }

    #[test]
    fn what_cannot_be_read_is_told_all_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("empty")).unwrap();
        let path = folder.path().display();
        let roots = [Root::from(at("empty")), Root::from(at("missing"))];
        assert_eq!(
            faults(&roots),
            [
                format!("no-schemas: {path}/empty holds no schema (no *.avsc file in this folder or below)"),
                format!("unreadable-file: {path}/missing cannot be read (no such file or folder)"),
            ]
        );
        fs::write(at("bad.avsc"), b"\"\xff\"").unwrap();
        fs::write(at("worse.avsc"), "{").unwrap();
        assert_eq!(
            faults(&[Root::from(at("bad.avsc"))])[0].split(':').next(),
            Some("not-utf-8")
        );
        assert_eq!(load_roots(&[Root::from(at("worse.avsc"))]).unwrap_err().len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_that_leads_back_is_an_error_not_a_loop() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
        let told = faults(&[Root::from(folder.path().to_path_buf())]);
        assert!(told[0].starts_with("unreadable-file: "), "{told:?}");
    }

    #[test]
    fn the_fleets_schemas_are_loaded() {
        let set = load_schemas(&[PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas"))]).unwrap();
        assert!(set.get("fleetops.events.RawTelemetryEvent").is_some());
        assert_eq!(set.files().count(), 5);
    }
}
