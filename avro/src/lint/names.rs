//! Findings about names: their style, and words that languages keep to themselves.

use super::Linter;
use super::walk::At;
use super::words::{is_pascal, is_snake, is_upper, keyword_of, pascal, snake, upper};
use crate::json::Value;
use crate::source::Place;

impl Linter<'_> {
    pub(super) fn type_name(&mut self, at: &At<'_>, full: &str, name: &Value) {
        let text = name.as_str().unwrap_or_default();
        let simple = text.rsplit('.').next().unwrap_or(text);
        if !is_pascal(simple) {
            let better = pascal(simple);
            if let Some(finding) = self.report(
                "type-name",
                full,
                at.place(name),
                format!("`{simple}` is not in PascalCase"),
                format!("expected `{better}`"),
            ) {
                finding.help(format!(
                    "call it `{better}`, with \"aliases\": [\"{simple}\"] if it is in use"
                ));
            }
        }
        self.reserved(full, at.place(name), simple);
        let namespace = at.value.get("namespace");
        let parts = namespace.and_then(Value::as_str).unwrap_or_default();
        if let Some(namespace) = namespace {
            for part in parts.split('.') {
                self.reserved(full, at.place(namespace), part);
            }
        }
    }

    pub(super) fn field_name(&mut self, full: &str, place: Place, name: &str) {
        if !is_snake(name) {
            let better = snake(name);
            if let Some(finding) = self.report(
                "field-name",
                full,
                place.clone(),
                format!("`{name}` is not in snake_case"),
                format!("expected `{better}`"),
            ) {
                finding.help(format!(
                    "call it `{better}`, with \"aliases\": [\"{name}\"] if it is in use"
                ));
            }
        }
        self.reserved(full, place, name);
    }

    pub(super) fn symbols(&mut self, at: &At<'_>, full: &str) {
        for symbol in at
            .value
            .get("symbols")
            .and_then(Value::as_array)
            .unwrap_or_default()
        {
            let Some(text) = symbol.as_str() else { continue };
            let name = format!("{full}.{text}");
            if !is_upper(text)
                && let Some(finding) = self.report(
                    "symbol-name",
                    &name,
                    at.place(symbol),
                    format!("the symbol `{text}` is not in UPPER_CASE"),
                    format!("expected `{}`", upper(text)),
                )
            {
                finding.help("a symbol in use cannot be renamed: add the new one, and leave this one");
            }
            self.reserved(&name, at.place(symbol), text);
        }
    }

    fn reserved(&mut self, full: &str, place: Place, name: &str) {
        let languages = keyword_of(name);
        if languages.is_empty() {
            return;
        }
        if let Some(finding) = self.report(
            "reserved-word",
            full,
            place,
            format!("`{name}` is a keyword of {}", languages.join(", ")),
            "has another name there",
        ) {
            finding.help("choose another name, and keep this one as an alias if it is in use");
        }
    }
}
