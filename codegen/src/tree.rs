//! The tree of modules: which file each one becomes, and how the one above declares it.
//!
//! A module with items is a file, one without is declared inline around those in it. A file has the place in which rustc looks
//! for it. Where that does not do, because the name is not ASCII (rustc wants a path then), or because a file or folder `lib`, `main`
//! or `mod` would be taken for the root of a crate or for the module above, the module is `self.rs` in the folder of its children,
//! which no child can be, and a `#[path]` says so.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::idents::bare;
use crate::model::ModulePath;
use crate::verify::Expected;

/// The modules and what is in them.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) nodes: BTreeMap<ModulePath, Node>,
    children: BTreeMap<ModulePath, BTreeSet<String>>,
}

/// A module.
#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) docs: Vec<String>,
    /// Lines of code.
    pub(crate) imports: String,
    pub(crate) items: Vec<String>,
}

impl Tree {
    /// The node of a module; the modules above it are there then too.
    pub(crate) fn node(&mut self, path: &[String]) -> &mut Node {
        for (length, name) in path.iter().enumerate() {
            let above = path.get(..length).unwrap_or_default().to_vec();
            self.children
                .entry(above.clone())
                .or_default()
                .insert(name.clone());
            self.nodes.entry(above).or_default();
        }
        self.nodes.entry(path.to_vec()).or_default()
    }

    /// What the file of a module declares.
    pub(crate) fn declarations(&self, file: &[String], expected: &mut Expected<'_>) -> Vec<String> {
        self.children(file)
            .into_iter()
            .map(|name| self.declare(file, file, name, expected))
            .collect()
    }

    /// The children of a module, in rustfmt's order.
    fn children(&self, path: &[String]) -> Vec<&str> {
        let mut names: Vec<&str> = (self.children.get(path).into_iter().flatten())
            .map(String::as_str)
            .collect();
        names.sort_by(|a, b| in_order(bare(a), bare(b)));
        names
    }

    /// The declaration of a module: a file of its own where it has items, else inline with its children. `file` is the module
    /// in whose file it stands.
    fn declare(&self, file: &[String], above: &[String], name: &str, expected: &mut Expected<'_>) -> String {
        let mut path = above.to_vec();
        path.push(name.to_owned());
        let has_items = self.nodes.get(&path).is_some_and(|n| !n.items.is_empty());
        let allow = match above.last() {
            Some(parent) if parent == name => "#[allow(clippy::module_inception)] ",
            _ => "",
        };
        let place = match place(file, &path, has_items) {
            Some(place) => {
                let attribute = format!("#[path = {place:?}]");
                expected.attributes.push(attribute.clone());
                attribute + " "
            }
            None => String::new(),
        };
        if has_items {
            expected.items.insert(format!("mod {name}"));
            // A file documents itself.
            return format!("{allow}{place}pub mod {name};");
        }
        expected.items.insert(format!("mod {name} {{}}"));
        let inner: Vec<String> = self
            .children(&path)
            .into_iter()
            .map(|child| self.declare(file, &path, child, expected))
            .collect();
        let shown = namespace(&path);
        format!(
            "{allow}{place}#[doc = \" The namespace `{shown}`.\"] pub mod {name} {{ {} }}",
            inner.join(" ")
        )
    }
}

/// The namespace that a module stands for.
pub(crate) fn namespace(path: &[String]) -> String {
    joined(path, ".")
}

fn joined(path: &[String], between: &str) -> String {
    path.iter().map(|s| bare(s)).collect::<Vec<_>>().join(between)
}

/// Whether rustc and rustfmt would take a file or folder of the module's name for something else.
fn is_special(path: &[String]) -> bool {
    let names: Vec<_> = path.iter().map(|s| bare(s)).collect();
    matches!(names[..], ["lib" | "main"] | [.., "mod"])
}

/// Whether the file of a module is not where rustc looks for it by its name.
fn is_elsewhere(path: &[String]) -> bool {
    is_special(path) || path.last().is_some_and(|name| !name.is_ascii())
}

/// The folder of a module's children in that of its own; no module has a name with a dash.
fn folder(path: &[String]) -> String {
    let name = path.last().map_or("", |name| bare(name));
    if is_special(path) {
        format!("namespace-{name}")
    } else {
        name.to_owned()
    }
}

/// The file of a module in the folder of its children. Each level has another name, because rustc, going over an item again, looks for
/// a path below itself and takes what it would find there for a circle.
fn own_file(path: &[String]) -> String {
    match path.len() {
        0 | 1 => "self.rs".to_owned(),
        level => format!("self-{level}.rs"),
    }
}

/// The file of a module that is not the root, below the folder of the root.
pub(crate) fn file_of(path: &[String]) -> String {
    let folders: Vec<String> = (1..=path.len())
        .filter_map(|length| path.get(..length).map(folder))
        .collect();
    let folder = folders.join("/");
    if is_elsewhere(path) {
        format!("{folder}/{}", own_file(path))
    } else {
        format!("{folder}.rs")
    }
}

/// What `#[path]` says of a module that is declared in the file of `file`, if rustc would look elsewhere: its file, or the folder
/// of its children where it is declared with them.
///
/// Such a path begins in the folder of the file that it stands in, and with modules around it in the folder of these. A file that was
/// itself found by a path counts as a `mod.rs`: its modules lie beside it.
fn place(file: &[String], path: &[String], is_file: bool) -> Option<String> {
    let place = if is_file && is_elsewhere(path) {
        format!("{}/{}", folder(path), own_file(path))
    } else if !is_file && is_special(path) {
        folder(path)
    } else {
        return None;
    };
    let (_, above) = path.split_last()?;
    Some(if above == file && !file.is_empty() && !is_elsewhere(file) {
        format!("{}/{place}", folder(file))
    } else {
        place
    })
}

/// The order in which rustfmt has modules: letter by letter, `_` before all others, numbers by what they count.
fn in_order(a: &str, b: &str) -> Ordering {
    pieces(a).cmp(&pieces(b)).then_with(|| a.cmp(b))
}

/// A letter, or a number of any length.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Piece<'a> {
    Underscore,
    /// Its digits without zeros in front, after how many there are.
    Number(usize, &'a str),
    Letter(char),
}

fn pieces(mut name: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    while let Some(first) = name.chars().next() {
        let length = name.bytes().take_while(u8::is_ascii_digit).count();
        let (piece, rest) = name.split_at(length.max(first.len_utf8()));
        out.push(match first {
            '_' => Piece::Underscore,
            '0'..='9' => {
                let digits = piece.trim_start_matches('0');
                Piece::Number(digits.len(), digits)
            }
            letter => Piece::Letter(letter),
        });
        name = rest;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ModulePath {
        text.split('.').map(crate::idents::escape).collect()
    }

    #[test]
    fn modules_are_in_the_order_of_rustfmt() {
        let mut names = [
            "v10", "v2", "plan", "let", "a1", "a_b", "a", "a_", "ab", "x01", "x1",
        ];
        names.sort_by(|a, b| in_order(a, b));
        assert_eq!(
            names,
            [
                "a", "a_", "a_b", "a1", "ab", "let", "plan", "v2", "v10", "x01", "x1"
            ]
        );
    }

    #[test]
    fn no_module_is_taken_for_the_root_of_a_crate_or_for_another() {
        for (module, file) in [
            ("com.acme", "com/acme.rs"),
            ("type", "type.rs"),
            ("mod", "namespace-mod/self.rs"),
            ("com.mod", "com/namespace-mod/self-2.rs"),
            ("lib", "namespace-lib/self.rs"),
            ("main", "namespace-main/self.rs"),
            ("com.lib", "com/lib.rs"),
            ("lib.com", "namespace-lib/com.rs"),
            ("été", "été/self.rs"),
            ("été.com", "été/com.rs"),
        ] {
            assert_eq!(file_of(&path(module)), file);
        }
    }

    #[test]
    fn a_place_is_told_from_where_it_is_declared() {
        for (file, module, as_file, as_folder) in [
            ("", "com", None, None),
            ("", "mod", Some("namespace-mod/self.rs"), Some("namespace-mod")),
            // Inside `pub mod com { }`.
            (
                "",
                "com.mod",
                Some("namespace-mod/self-2.rs"),
                Some("namespace-mod"),
            ),
            (
                "com",
                "com.mod",
                Some("com/namespace-mod/self-2.rs"),
                Some("com/namespace-mod"),
            ),
            (
                "com",
                "com.inner.mod",
                Some("namespace-mod/self-3.rs"),
                Some("namespace-mod"),
            ),
            (
                "mod",
                "mod.mod",
                Some("namespace-mod/self-2.rs"),
                Some("namespace-mod"),
            ),
            ("été", "été.com", None, None),
            ("com", "com.été", Some("com/été/self-2.rs"), None),
        ] {
            let file = if file.is_empty() { Vec::new() } else { path(file) };
            let module = path(module);
            assert_eq!(place(&file, &module, true).as_deref(), as_file, "{module:?}");
            assert_eq!(place(&file, &module, false).as_deref(), as_folder, "{module:?}");
        }
    }
}
