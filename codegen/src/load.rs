//! Reads schema files. The only place in this crate, besides [`crate::manifest::Manifest::load`], that opens a file.
//!
//! A root is a file, or a folder that is searched for `*.avsc` at any depth. Files are read in the order of their paths,
//! so that the outcome does not depend on the file system. A file that two roots lead to is read once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetops_avro::Diagnostic;
use fleetops_avro::source::{Place, Source, Span};

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
        let name = file.display().to_string();
        match read_text(&file) {
            Ok(text) => sources.push(Source::new(name, text)),
            Err(why) => {
                let place = Place::new(&Source::new(name.as_str(), ""), Span::default());
                let message = format!("schema file {name} cannot be read");
                found.push(Diagnostic::error("unreadable-file", place, message, why));
            }
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

/// The text of a file; what is wrong, in words, where there is none.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
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
    let bytes = fs::read(path).map_err(|e| reason(&e))?;
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        format!("not UTF-8: byte {at} starts no character")
    })
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
