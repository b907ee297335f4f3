//! Rust identifiers from Avro names.
//!
//! Avro names are in any case and may be keywords or differ in case only. Here they become what a Rust author would
//! have written: `UpperCamelCase` types, `snake_case` fields, raw identifiers for keywords (a trailing underscore where
//! Rust knows no raw form). Two names of one scope never get the same identifier: [`Scope`] hands them out, first to
//! those that need no change, then in order, with a number behind the later ones.
//!
//! Characters that Rust does not take in identifiers become underscores, so no schema text can leave its identifier.

use std::collections::{BTreeMap, BTreeSet};

/// Keywords of all editions up to 2024, reserved ones included.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Keywords that have no raw form.
const NO_RAW_FORM: &[&str] = &["self", "Self", "super", "crate"];

/// Names of the value namespace that generated code writes bare; a type must not take them.
const PRELUDE_VALUES: &[&str] = &["Some", "None", "Ok", "Err"];

/// Whether `name` is a Rust keyword.
fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// The words of a name: split at what is no letter or digit, and where lower case meets upper case.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in name.split(|c: char| !c.is_alphanumeric()) {
        let chars: Vec<char> = part.chars().collect();
        let mut word = String::new();
        for (i, &c) in chars.iter().enumerate() {
            let before = i.checked_sub(1).and_then(|j| chars.get(j)).copied();
            let after = chars.get(i + 1).copied();
            let starts = c.is_uppercase()
                && match before {
                    Some(b) if b.is_uppercase() => after.is_some_and(char::is_lowercase),
                    Some(_) => true,
                    None => false,
                };
            if starts && !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
            word.push(c);
        }
        if !word.is_empty() {
            words.push(word);
        }
    }
    words
}

/// Makes sure that a name can stand as an identifier: it starts with a letter or an underscore.
fn startable(name: String) -> String {
    match name.chars().next() {
        Some(c) if c.is_alphabetic() || c == '_' => name,
        _ => format!("_{name}"),
    }
}

/// `fooBar`, `FooBar`, `foo-bar` -> `foo_bar`; leading underscores stay. Never empty, not yet safe from keywords.
pub(crate) fn snake(name: &str) -> String {
    let leading = name.chars().take_while(|&c| c == '_').count();
    let words = words(name);
    if words.is_empty() {
        return "underscore".to_owned();
    }
    let body = words
        .iter()
        .map(|w| w.to_lowercase())
        .collect::<Vec<_>>()
        .join("_");
    startable(format!("{}{body}", "_".repeat(leading)))
}

/// `foo_bar`, `FOO_BAR`, `fooBar` -> `FooBar`; `HTTPServer` and `V1_2` stay. Never empty, not yet safe from keywords.
pub(crate) fn camel(name: &str) -> String {
    let shouting = !name.chars().any(char::is_lowercase);
    let mut out = String::new();
    for part in name.split(|c: char| !c.is_alphanumeric()) {
        let mut chars = part.chars();
        let Some(first) = chars.next() else { continue };
        if first.is_numeric() && out.ends_with(|c: char| c.is_numeric()) {
            out.push('_');
        }
        out.extend(first.to_uppercase());
        if shouting {
            out.extend(chars.flat_map(char::to_lowercase));
        } else {
            out.push_str(chars.as_str());
        }
    }
    if out.is_empty() {
        return "Underscore".to_owned();
    }
    startable(out)
}

/// `foo_bar`, `fooBar` -> `FOO_BAR`.
pub(crate) fn shouting(name: &str) -> String {
    snake(name).to_uppercase()
}

/// The word, made safe from keywords and from the names that generated code itself uses.
pub(crate) fn escape(name: &str) -> String {
    if NO_RAW_FORM.contains(&name) || PRELUDE_VALUES.contains(&name) {
        format!("{name}_")
    } else if is_keyword(name) {
        format!("r#{name}")
    } else {
        name.to_owned()
    }
}

/// An identifier without its `r#`.
pub(crate) fn bare(ident: &str) -> &str {
    ident.strip_prefix("r#").unwrap_or(ident)
}

/// The identifiers of one scope: a module, a struct, an enum.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    taken: BTreeSet<String>,
    /// The number from which on to try, by what stands before it: those below are taken.
    next: BTreeMap<String, usize>,
}

impl Scope {
    /// The wanted identifier, or the first free one with a number behind it; `separator` stands before the number.
    pub(crate) fn take(&mut self, wanted: &str, separator: &str) -> String {
        let name = escape(wanted);
        if self.taken.insert(name.clone()) {
            return name;
        }
        let number = self.next.entry(format!("{wanted}{separator}")).or_insert(2);
        loop {
            let name = format!("{wanted}{separator}{number}");
            *number += 1;
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }

    /// What is taken, without any `r#`.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.taken.iter().map(|name| bare(name))
    }

    /// Identifiers for all of `names`, in their order. A name that is its own identifier keeps it, whoever comes first.
    pub(crate) fn take_all<'a>(
        &mut self,
        names: impl Iterator<Item = &'a str>,
        convert: fn(&str) -> String,
        separator: &str,
    ) -> Vec<String> {
        let wanted: Vec<(&str, String)> = names.map(|n| (n, convert(n))).collect();
        let mut out = vec![String::new(); wanted.len()];
        for unchanged in [true, false] {
            for ((name, ident), slot) in wanted.iter().zip(&mut out) {
                if (name == ident) == unchanged {
                    *slot = self.take(ident, separator);
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_snake_case() {
        for (name, ident) in [
            ("fooBar", "foo_bar"),
            ("HTTPServer", "http_server"),
            ("foo__bar", "foo_bar"),
            ("_id", "_id"),
            ("x1Y2", "x1_y2"),
            ("_", "underscore"),
            ("a-b;c", "a_b_c"),
            ("1a", "_1a"),
            ("Größe", "größe"),
        ] {
            assert_eq!(snake(name), ident, "{name}");
        }
    }

    #[test]
    fn types_are_camel_case() {
        for (name, ident) in [
            ("raw_telemetry", "RawTelemetry"),
            ("RawTelemetry", "RawTelemetry"),
            ("OPEN", "Open"),
            ("A_B", "AB"),
            ("MD5", "Md5"),
            ("HTTPServer", "HTTPServer"),
            ("V1_2", "V1_2"),
            ("_9", "_9"),
            ("__", "Underscore"),
        ] {
            assert_eq!(camel(name), ident, "{name}");
        }
    }

    #[test]
    fn keywords_and_prelude_values_are_escaped() {
        for (name, ident) in [
            ("type", "r#type"),
            ("gen", "r#gen"),
            ("self", "self_"),
            ("Self", "Self_"),
            ("crate", "crate_"),
            ("Some", "Some_"),
            ("Option", "Option"),
        ] {
            assert_eq!(escape(name), ident);
        }
    }

    #[test]
    fn a_name_that_needs_no_change_keeps_its_own() {
        let mut scope = Scope::default();
        let names = ["fooBar", "foo_bar", "FooBar", "foo_bar_2"];
        assert_eq!(
            scope.take_all(names.into_iter(), snake, "_"),
            ["foo_bar_3", "foo_bar", "foo_bar_4", "foo_bar_2"]
        );
    }
}
