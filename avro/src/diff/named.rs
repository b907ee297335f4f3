//! Records, enums and fixed: names, aliases, documents, symbols, sizes.

use std::collections::HashMap;

use crate::compat::IncompatibilityType as Type;
use crate::compat::check::aliases;
use crate::diff::change::ChangeKind;
use crate::diff::effect::{Cause, Draft};
use crate::diff::walk::{Item, Pair, Walk, moved};
use crate::schema::{Enum, Kind, Node};
use crate::source::{Place, Span};

impl Walk<'_> {
    /// What all three have.
    pub(super) fn named(&mut self, pair: &Pair, o: &Node, n: &Node, out: &mut Vec<Item>) {
        let here = self.at_definitions(pair);
        let (Some(old), Some(new)) = (o.name(), n.name()) else {
            return;
        };
        let word = n.kind.word();
        if old.name != new.name {
            let mut change = self.change(
                &here,
                ChangeKind::NameChanged,
                format!("{word} {old} became {new}"),
            );
            let how = |by: &str| format!("{by} has the other name as an alias");
            change.new_readers = Draft::new(
                Cause::Pair(pair.new, pair.old, Type::NameMismatch),
                how(&new.name),
            );
            change.old_readers = Draft::new(
                Cause::Pair(pair.old, pair.new, Type::NameMismatch),
                how(&old.name),
            );
            out.push(Item::Change(Box::new(change)));
        } else if old.namespace != new.namespace {
            let text = |namespace: &Option<String>| match namespace {
                Some(namespace) => format!("namespace {namespace}"),
                None => "no namespace".to_owned(),
            };
            let words = format!(
                "{word} {} moved from {} to {}",
                new.name,
                text(&old.namespace),
                text(&new.namespace)
            );
            let mut change = self.change(&here, ChangeKind::NamespaceChanged, words);
            let how = "named types are matched without their namespaces";
            change.new_readers = Draft::new(Cause::None, how);
            change.old_readers = Draft::new(Cause::None, how);
            out.push(Item::Change(Box::new(change)));
        }
        if let (Kind::Record(old), Kind::Record(new)) = (&o.kind, &n.kind)
            && old.is_error != new.is_error
        {
            let word = |error: bool| if error { "an error" } else { "a record" };
            let words = format!("{} became {}", word(old.is_error), word(new.is_error));
            out.push(Item::Change(Box::new(self.change(
                &here,
                ChangeKind::TypeChanged,
                words,
            ))));
        }
        self.doc(&here, &format!("{word} {}", new.name), doc(o), doc(n), out);
        let (before, after) = (aliases(o), aliases(n));
        for alias in after.iter().filter(|alias| !before.contains(alias)) {
            let words = format!("alias {alias} was added to {word} {}", new.name);
            out.push(Item::Change(Box::new(self.change(
                &here,
                ChangeKind::AliasAdded,
                words,
            ))));
        }
        for alias in before.iter().filter(|alias| !after.contains(alias)) {
            let words = format!("alias {alias} was removed from {word} {}", new.name);
            out.push(Item::Change(Box::new(self.change(
                &here,
                ChangeKind::AliasRemoved,
                words,
            ))));
        }
        self.attributes(&here, o, n, out);
    }

    /// The pair at its definitions.
    pub(super) fn at_definitions(&self, pair: &Pair) -> Pair {
        Pair {
            old_at: self.old_texts.definition(pair.old),
            new_at: self.new_texts.definition(pair.new),
            ..pair.clone()
        }
    }

    pub(super) fn symbols(&mut self, pair: &Pair, old: &Enum, new: &Enum, out: &mut Vec<Item>) {
        let here = self.at_definitions(pair);
        let index = |e: &Enum| -> HashMap<String, usize> {
            e.symbols
                .iter()
                .enumerate()
                .map(|(at, symbol)| (symbol.clone(), at))
                .collect()
        };
        let (old_index, new_index) = (index(old), index(new));
        let kept: Vec<usize> = new
            .symbols
            .iter()
            .filter_map(|symbol| old_index.get(symbol).copied())
            .collect();
        let mut in_order = moved(&kept).into_iter();
        let mut removed = old
            .symbols
            .iter()
            .enumerate()
            .filter(|(_, symbol)| !new_index.contains_key(*symbol))
            .peekable();
        let missing = |reader, writer| Cause::Pair(reader, writer, Type::MissingEnumSymbols);
        let falls_back = |symbol: &str, default: &Option<String>| match default {
            Some(default) => format!("{symbol} is read as the default {default}"),
            None => format!("{symbol} is not read"),
        };
        let gone = |walk: &Self, (at, symbol): (usize, &String)| {
            let words = format!("symbol {symbol} was removed");
            let mut change = walk.change(&here, ChangeKind::SymbolRemoved, words);
            change.old =
                symbol_place(walk.old.node(pair.old), old.symbol_spans.get(at)).unwrap_or(change.old);
            change.new_readers = Draft::new(missing(pair.new, pair.old), falls_back(symbol, &new.default));
            Item::Change(Box::new(change))
        };
        for (at, symbol) in new.symbols.iter().enumerate() {
            let place = symbol_place(self.new.node(pair.new), new.symbol_spans.get(at));
            let Some(&before) = old_index.get(symbol) else {
                let words = format!("symbol {symbol} was added");
                let mut change = self.change(&here, ChangeKind::SymbolAdded, words);
                change.new = place.unwrap_or(change.new);
                change.old_readers =
                    Draft::new(missing(pair.old, pair.new), falls_back(symbol, &old.default));
                out.push(Item::Change(Box::new(change)));
                continue;
            };
            if in_order.next().unwrap_or(false) {
                let words = format!("symbol {symbol} moved from position {} to {}", before + 1, at + 1);
                let mut change = self.change(&here, ChangeKind::SymbolMoved, words);
                change.new = place.unwrap_or(change.new);
                change.old =
                    symbol_place(self.old.node(pair.old), old.symbol_spans.get(before)).unwrap_or(change.old);
                let how = "symbols are matched by their names";
                change.new_readers = Draft::new(Cause::None, how);
                change.old_readers = Draft::new(Cause::None, how);
                out.push(Item::Change(Box::new(change)));
            } else {
                while let Some(removed) = removed.next_if(|(gone, _)| *gone < before) {
                    out.push(gone(self, removed));
                }
            }
        }
        for removed in removed {
            out.push(gone(self, removed));
        }
        let words = match (&old.default, &new.default) {
            (None, Some(new)) => format!("default {new} was added to the enum"),
            (Some(old), None) => format!("default {old} was removed from the enum"),
            (Some(old), Some(new)) if old != new => format!("the enum's default was {old}, and is {new}"),
            _ => return,
        };
        let mut change = self.change(&here, ChangeKind::EnumDefaultChanged, words);
        change.old = self.old_texts.part(pair.old, "default");
        change.new = self.new_texts.part(pair.new, "default");
        if new.default.is_none() {
            change.new_readers.cause = missing(pair.new, pair.old);
        }
        if old.default.is_none() {
            change.old_readers.cause = Cause::None;
        }
        out.push(Item::Change(Box::new(change)));
    }

    pub(super) fn size(&mut self, pair: &Pair, old: usize, new: usize, out: &mut Vec<Item>) {
        if old == new {
            return;
        }
        let words = format!("the size was {old} bytes, and is {new}");
        let mut change = self.change(pair, ChangeKind::FixedSizeChanged, words);
        change.old = self.old_texts.part(pair.old, "size");
        change.new = self.new_texts.part(pair.new, "size");
        change.new_readers.cause = Cause::Pair(pair.new, pair.old, Type::FixedSizeMismatch);
        change.old_readers.cause = Cause::Pair(pair.old, pair.new, Type::FixedSizeMismatch);
        out.push(Item::Change(Box::new(change)));
    }
}

fn doc(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Record(r) => r.doc.as_deref(),
        Kind::Enum(e) => e.doc.as_deref(),
        Kind::Fixed(f) => f.doc.as_deref(),
        _ => None,
    }
}

fn symbol_place(node: &Node, span: Option<&Span>) -> Option<Place> {
    Some(Place::new(&node.place.source, *span?))
}
