//! Findings about a type's definition: its document, default, namespace, and needless words.

use super::walk::{At, Position, full_name};
use super::{Linter, edit};
use crate::json::{Kind as Json, Value, write_string};

const PRIMITIVE: [&str; 8] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
];

impl Linter<'_> {
    /// A record, enum or fixed.
    pub(super) fn named(&mut self, at: &At<'_>, full: &str) {
        let Some(name) = at.value.get("name") else {
            return;
        };
        let word = at.value.get("type").and_then(Value::as_str).unwrap_or("type");
        self.type_name(at, full, name);
        self.namespace(at, full, name);
        self.doc(at, full, name, &format!("the {word} `{full}`"));
        self.aliases(at.source, at.value, full, |alias| {
            let namespace = full.rsplit_once('.').map(|(namespace, _)| namespace);
            let own = match (alias.contains('.'), namespace) {
                (false, Some(namespace)) => format!("{namespace}.{alias}"),
                _ => alias.to_owned(),
            };
            own == full
        });
        if word == "enum" {
            self.symbols(at, full);
            self.enum_default(at, full, name);
        }
    }

    fn enum_default(&mut self, at: &At<'_>, full: &str, name: &Value) {
        if at.value.get("default").is_some() {
            return;
        }
        let symbols = at
            .value
            .get("symbols")
            .and_then(Value::as_array)
            .unwrap_or_default();
        let neutral = symbols.iter().filter_map(Value::as_str).find(|s| {
            ["UNKNOWN", "UNSPECIFIED", "OTHER", "UNDEFINED"]
                .iter()
                .any(|n| s.contains(n))
        });
        let help = match neutral {
            Some(symbol) => format!("add \"default\": \"{symbol}\""),
            None => "add a symbol such as UNKNOWN at the end, and \"default\": \"UNKNOWN\"".to_owned(),
        };
        if let Some(finding) = self.report(
            "enum-without-default",
            full,
            at.place(name),
            format!("the enum `{full}` has no default"),
            "no \"default\"",
        ) {
            finding
                .note("a reader fails at a symbol that is added later")
                .help(help);
        }
    }

    fn namespace(&mut self, at: &At<'_>, full: &str, name: &Value) {
        let (text, own) = (name.as_str().unwrap_or_default(), at.value.member("namespace"));
        if !full.contains('.')
            && at.position == Position::File
            && let Some(finding) = self.report(
                "missing-namespace",
                full,
                at.place(name),
                format!("`{full}` is in no namespace"),
                "no \"namespace\"",
            )
        {
            finding.help("add \"namespace\" while nobody uses it; later, keep the old name as an alias");
        }
        let around = at.namespace.unwrap_or_default();
        if let Some(own) =
            own.filter(|m| !around.is_empty() && m.value.as_str() == Some(around) && !text.contains('.'))
        {
            let fix = edit::remove(at.source, at.value, "namespace");
            if let Some(finding) = self.report(
                "redundant-namespace",
                full,
                at.place(&own.value),
                format!("`{full}` is in the namespace `{around}` anyway"),
                "as around it",
            ) {
                finding.help("remove \"namespace\"");
                finding.fix = fix;
            }
        }
    }

    /// A document that is not there, or only blank, or has blanks around it.
    pub(super) fn doc(&mut self, at: &At<'_>, full: &str, name: &Value, what: &str) {
        let doc = at.value.get("doc");
        match doc.and_then(Value::as_str) {
            Some(text) if text.trim().is_empty() => {
                if let Some(doc) = doc {
                    self.report(
                        "missing-doc",
                        full,
                        at.place(doc),
                        format!("{what} has an empty \"doc\""),
                        "empty",
                    );
                }
            }
            Some(text) if text.trim() != text => {
                let Some(doc) = doc else { return };
                let mut trimmed = String::new();
                write_string(text.trim(), &mut trimmed);
                let fix = edit::replace(at.source, doc, trimmed);
                if let Some(finding) = self.report(
                    "doc-whitespace",
                    full,
                    at.place(doc),
                    format!("the \"doc\" of {what} has white space around it"),
                    "white space at an end",
                ) {
                    finding.help("remove it");
                    finding.fix = fix;
                }
            }
            Some(_) => {}
            None => {
                if let Some(finding) = self.report(
                    "missing-doc",
                    full,
                    at.place(name),
                    format!("{what} has no \"doc\""),
                    "not documented",
                ) {
                    finding.help("add \"doc\": what it is, in a sentence");
                }
            }
        }
    }

    /// `{"type": "string"}` with nothing beside it.
    pub(super) fn wrapper(&mut self, at: &At<'_>) {
        let Json::Object(members) = &at.value.kind else {
            return;
        };
        let [only] = members.as_slice() else { return };
        let Some(word) = only
            .value
            .as_str()
            .filter(|w| only.key == "type" && PRIMITIVE.contains(w))
        else {
            return;
        };
        if at.position == Position::File {
            return;
        }
        let fix = edit::replace(at.source, at.value, format!("\"{word}\""));
        let owner = full_name(at).map_or_else(|| at.owner.to_owned(), |(full, _)| full);
        if let Some(finding) = self.report(
            "redundant-type-object",
            &owner,
            at.place(at.value),
            format!("an object around {word} says nothing"),
            "nothing but its type",
        ) {
            finding.help(format!("write \"{word}\""));
            finding.fix = fix;
        }
    }

    /// Aliases that are the name itself, or there twice.
    pub(super) fn aliases(
        &mut self,
        source: &std::sync::Arc<crate::source::Source>,
        object: &Value,
        full: &str,
        is_own: impl Fn(&str) -> bool,
    ) {
        let Some(items) = object.get("aliases").and_then(Value::as_array) else {
            return;
        };
        for (index, item) in items.iter().enumerate() {
            let Some(alias) = item.as_str() else { continue };
            let again = items
                .iter()
                .take(index)
                .any(|other| other.as_str() == Some(alias));
            let own = is_own(alias);
            if !own && !again {
                continue;
            }
            let fix = match items.len() {
                1 => edit::remove(source, object, "aliases"),
                _ => edit::remove_item(source, items, index),
            };
            let (message, label) = match own {
                true => (format!("`{alias}` is an alias of itself"), "its own name"),
                false => (format!("the alias `{alias}` is there twice"), "again"),
            };
            let place = crate::source::Place::new(source, item.span);
            if let Some(finding) = self.report("redundant-alias", full, place, message, label) {
                finding.help("remove it");
                finding.fix = fix;
            }
        }
    }
}
