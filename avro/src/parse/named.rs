//! What named types have in common (names, aliases, definitions), and enums and fixed.

use std::collections::HashSet;

use crate::json::{self, Value};
use crate::parse::build::{BROKEN, Builder, describe, head};
use crate::parse::names::{self, PRIMITIVES};
use crate::parse::seen::Seen;
use crate::parse::suggest::nearest;
use crate::parse::{MAX_NAME, ParseMode, equal};
use crate::schema::{Enum, Fixed, Kind, Name, TypeId};
use crate::source::Span;

/// Java cannot make a longer array.
const MAX_FIXED: i32 = i32::MAX - 8;

/// A name and where it stands; where there is none, the type is read for its errors only.
pub(super) struct Named {
    pub(super) name: Name,
    pub(super) span: Span,
    /// The name as text.
    full: String,
    missing: bool,
}

impl Builder {
    pub(super) fn name(&mut self, value: &Value, namespace: Option<&str>, what: &str) -> Named {
        let own = value.get("namespace");
        let own_text = own.and_then(Value::as_str);
        if let (Some(own), None) = (own, own_text) {
            self.ignored_attribute("namespace", own);
        }
        let space = own_text.or(namespace);
        let Some(Value {
            kind: json::Kind::String(written),
            span,
        }) = value.get("name")
        else {
            let (at, label) = match value.get("name") {
                Some(name) => (name.span, format!("this is {}", describe(&name.kind))),
                None => (head(value), format!("this {what} has no \"name\"")),
            };
            let article = if what == "enum" { "an" } else { "a" };
            self.error(
                "missing-name",
                at,
                format!("{article} {what} without a name"),
                label,
            )
            .help = Some("add \"name\": \"...\", unique in its namespace".to_owned());
            return Named {
                name: Name {
                    namespace: space.filter(|s| !s.is_empty()).map(str::to_owned),
                    name: String::new(),
                },
                span: head(value),
                full: String::new(),
                missing: true,
            };
        };
        let span = *span;
        let longest = written.len().max(own_text.map_or(0, str::len));
        if longest > MAX_NAME {
            let at = if written.len() == longest {
                span
            } else {
                own.map_or(span, |v| v.span)
            };
            self.error(
                "too-large",
                at,
                "a name is too long",
                format!("at most {MAX_NAME} bytes are read"),
            );
            return Named {
                name: Name {
                    namespace: None,
                    name: String::new(),
                },
                span,
                full: String::new(),
                missing: true,
            };
        }
        let (space, simple, space_span) = match written.rsplit_once('.') {
            Some((space, simple)) => (Some(space), simple, Some(span)),
            None => (
                space,
                written.as_str(),
                own.filter(|_| own_text.is_some()).map(|v| v.span),
            ),
        };
        let name = Name {
            namespace: space.filter(|s| !s.is_empty()).map(str::to_owned),
            name: simple.to_owned(),
        };
        self.check_name(simple, span, "invalid-name", || {
            format!("the name of this {what}")
        });
        if let (Some(space), Some(at)) = (&name.namespace, space_span) {
            self.check_namespace(space, at);
        }
        let full = name.to_string();
        if self.mode == ParseMode::Lenient && full.bytes().all(|b| b == b'.') && !full.is_empty() {
            self.error("invalid-name", span, "a name of dots alone", "expected a name");
        }
        if PRIMITIVES.contains(&full.as_str()) {
            self.error(
                "reserved-name",
                span,
                format!("`{full}` is a primitive type"),
                "a type of one's own cannot have this name",
            )
            .help = Some("rename it, or put it into a namespace".to_owned());
        }
        Named {
            name,
            span,
            full,
            missing: false,
        }
    }

    pub(super) fn check_name(
        &mut self,
        name: &str,
        span: Span,
        rule: &'static str,
        what: impl FnOnce() -> String,
    ) {
        if let Err(why) = names::check(name, self.mode) {
            let what = what();
            let mended = names::mend(name, self.mode).filter(|m| m != name);
            let mode = self.mode;
            self.error(rule, span, format!("{what} {why}"), names::rule(mode))
                .help = mended.map(|mended| match rule {
                "invalid-symbol" => format!("for example \"{mended}\""),
                _ => format!("for example \"{mended}\", with the real name in \"doc\""),
            });
        }
    }

    fn check_namespace(&mut self, namespace: &str, span: Span) {
        for part in namespace.split('.') {
            if let Err(why) = names::check(part, self.mode) {
                let mode = self.mode;
                let what = if part.is_empty() {
                    "a part of the namespace".to_owned()
                } else {
                    format!("the part `{}` of the namespace", part.escape_debug())
                };
                let mended: Vec<String> = namespace
                    .split('.')
                    .filter_map(|part| names::mend(part, mode))
                    .collect();
                self.error(
                    "invalid-namespace",
                    span,
                    format!("{what} {why}"),
                    names::rule(mode),
                )
                .help = (!mended.is_empty()).then(|| format!("for example \"{}\"", mended.join(".")));
                return;
            }
        }
    }

    fn ignored_attribute(&mut self, key: &str, value: &Value) {
        let what = describe(&value.kind);
        self.warning(
            "attribute-ignored",
            value.span,
            format!("\"{key}\" is {what}, and ignored"),
            "expected a string",
        );
    }

    pub(super) fn doc(&mut self, value: &Value) -> Option<String> {
        let doc = value.get("doc")?;
        if doc.as_str().is_none() {
            self.ignored_attribute("doc", doc);
        }
        doc.as_str().map(str::to_owned)
    }

    /// The strings of `"aliases"`, each once.
    pub(super) fn aliases(&mut self, value: &Value) -> Vec<(String, Span)> {
        let Some(aliases) = value.get("aliases") else {
            return Vec::new();
        };
        let Some(items) = aliases.as_array() else {
            let what = describe(&aliases.kind);
            self.error(
                "invalid-aliases",
                aliases.span,
                format!("\"aliases\" is {what}"),
                "expected an array of names",
            )
            .help = aliases.as_str().map(|name| format!("write [\"{name}\"]"));
            return Vec::new();
        };
        let mut out: Vec<(String, Span)> = Vec::new();
        let mut seen = HashSet::new();
        for item in items {
            match item.as_str() {
                Some(alias) => {
                    if seen.insert(alias) {
                        out.push((alias.to_owned(), item.span));
                    }
                }
                None => {
                    let what = describe(&item.kind);
                    self.error(
                        "invalid-aliases",
                        item.span,
                        format!("an alias is {what}"),
                        "expected a name",
                    );
                }
            }
        }
        out
    }

    pub(super) fn type_aliases(&mut self, value: &Value, name: &Name) -> Vec<Name> {
        let mut out: Vec<Name> = Vec::new();
        let mut seen: HashSet<Name> = HashSet::new();
        for (alias, span) in self.aliases(value) {
            if alias.len() > MAX_NAME {
                self.error(
                    "too-large",
                    span,
                    "a name is too long",
                    format!("at most {MAX_NAME} bytes are read"),
                );
                continue;
            }
            let full = if alias.contains('.') {
                Name::parse(&alias)
            } else {
                Name {
                    namespace: name.namespace.clone(),
                    name: alias,
                }
            };
            self.check_name(&full.name, span, "invalid-alias", || "the alias".to_owned());
            if seen.insert(full.clone()) {
                out.push(full);
            }
        }
        out
    }

    /// Enters a definition: Java's `ParseContext.put`.
    pub(super) fn define(&mut self, named: Named, id: TypeId) -> TypeId {
        if named.missing {
            return BROKEN;
        }
        let full = named.full;
        let Some(&first) = self.names.get(&full) else {
            self.names.insert(full, id);
            self.defined.push(id);
            return id;
        };
        if !equal::equal(&self.nodes, first, id) {
            let node = &self.nodes[first.index()];
            let first_span = match &node.kind {
                Kind::Record(r) => r.name_span,
                Kind::Enum(e) => e.name_span,
                Kind::Fixed(f) => f.name_span,
                _ => node.place.span,
            };
            let mut first_place = node.place.clone();
            first_place.span = first_span;
            let diagnostic = self.error(
                "duplicate-type",
                named.span,
                format!("`{full}` is defined twice, and differently"),
                "defined again",
            );
            *diagnostic = diagnostic
                .clone()
                .related(first_place, "first definition")
                .help(format!(
                    "refer to the first as \"{full}\", or give this one another name or namespace"
                ));
        }
        id
    }

    pub(crate) fn enumeration(&mut self, value: &Value, namespace: Option<&str>) -> TypeId {
        let named = self.name(value, namespace, "enum");
        let doc = self.doc(value);
        let mut symbols = Vec::new();
        let mut symbol_spans = Vec::new();
        match value.get("symbols").map(|s| (s, s.as_array())) {
            Some((_, Some(items))) => {
                let mut seen = Seen::of(items.len());
                for item in items {
                    let symbol = match item.as_str() {
                        Some(symbol) => symbol,
                        // Java has a null there, which it writes as null.
                        None if self.mode == ParseMode::Lenient => "null",
                        None => {
                            let what = describe(&item.kind);
                            self.error(
                                "invalid-symbol",
                                item.span,
                                format!("a symbol is {what}"),
                                "expected a name",
                            );
                            continue;
                        }
                    };
                    self.check_name(symbol, item.span, "invalid-symbol", || "the symbol".to_owned());
                    if let Some(first) = seen.enter(symbol, item.span) {
                        let first = self.place(first);
                        let diagnostic = self.error(
                            "duplicate-symbol",
                            item.span,
                            format!("the symbol `{}` is there twice", symbol.escape_debug()),
                            "second time",
                        );
                        *diagnostic = diagnostic
                            .clone()
                            .related(first, "first time")
                            .help("remove one of the two");
                    }
                    symbols.push(symbol.to_owned());
                    symbol_spans.push(item.span);
                }
            }
            other => {
                let (span, label) = match other {
                    Some((symbols, _)) => (symbols.span, format!("this is {}", describe(&symbols.kind))),
                    None => (head(value), "this enum has no \"symbols\"".to_owned()),
                };
                self.error("missing-symbols", span, "an enum without symbols", label)
                    .help = Some("add \"symbols\": [\"...\"]".to_owned());
            }
        }
        let default = self.enum_default(value, &symbols);
        let aliases = self.type_aliases(value, &named.name);
        let id = self.finish_node(
            value,
            Kind::Enum(Enum {
                name: named.name.clone(),
                name_span: named.span,
                aliases,
                doc,
                symbols,
                symbol_spans,
                default,
            }),
        );
        self.define(named, id)
    }

    fn enum_default(&mut self, value: &Value, symbols: &[String]) -> Option<String> {
        let default = value.get("default")?;
        let Some(symbol) = default.as_str() else {
            self.ignored_attribute("default", default);
            return None;
        };
        if !symbols.iter().any(|s| s == symbol) {
            let near = nearest(symbol, symbols.iter().map(String::as_str)).map(str::to_owned);
            self.error(
                "invalid-enum-default",
                default.span,
                format!(
                    "the default `{}` is not a symbol of the enum",
                    symbol.escape_debug()
                ),
                "expected one of \"symbols\"",
            )
            .help = Some(match near {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("add \"{symbol}\" to the symbols, or choose one of them"),
            });
        }
        Some(symbol.to_owned())
    }

    pub(crate) fn fixed(&mut self, value: &Value, namespace: Option<&str>) -> TypeId {
        let named = self.name(value, namespace, "fixed");
        let doc = self.doc(value);
        let size = match value.get("size") {
            Some(Value {
                kind: json::Kind::Number(text),
                ..
            }) if json::is_integral(text) => text
                .parse::<i32>()
                .ok()
                .filter(|size| (0..=MAX_FIXED).contains(size)),
            _ => None,
        };
        if size.is_none() {
            let (span, label) = match value.get("size") {
                Some(size) => (size.span, format!("expected an integer from 0 to {MAX_FIXED}")),
                None => (head(value), "this fixed has no \"size\"".to_owned()),
            };
            self.error("invalid-size", span, "a fixed without a valid size", label)
                .help = Some("add \"size\", the number of bytes".to_owned());
        }
        let aliases = self.type_aliases(value, &named.name);
        let id = self.finish_node(
            value,
            Kind::Fixed(Fixed {
                name: named.name.clone(),
                name_span: named.span,
                aliases,
                doc,
                size: size.map_or(0, |size| size.unsigned_abs() as usize),
            }),
        );
        self.define(named, id)
    }
}
