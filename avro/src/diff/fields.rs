//! Fields of a record: which of the two belong together, and what changed in each.

use std::collections::HashMap;

use crate::compat::words::describe;
use crate::diff::change::ChangeKind;
use crate::diff::effect::{Cause, Draft};
use crate::diff::walk::{DraftChange, Item, Pair, Path, Walk, moved, shown};
use crate::schema::{Field, Kind, Node, Order, Record};
use crate::source::{Place, Span};

/// A field in both records.
struct Both<'a> {
    old: &'a Field,
    new: &'a Field,
    old_at: usize,
    new_at: usize,
}

impl Walk<'_> {
    pub(super) fn fields(&mut self, pair: &Pair, old: &Record, new: &Record, out: &mut Vec<Item>) {
        let partners = partners(old, new);
        let kept: Vec<usize> = partners.iter().flatten().copied().collect();
        let mut has_partner = vec![false; old.fields.len()];
        kept.iter().for_each(|at| has_partner[*at] = true);
        let mut in_order = moved(&kept).into_iter();
        let mut removed = old
            .fields
            .iter()
            .enumerate()
            .filter(|(at, _)| !has_partner[*at])
            .peekable();
        for (new_at, (field, partner)) in new.fields.iter().zip(&partners).enumerate() {
            let Some((old_at, before)) = partner.and_then(|at| Some((at, old.fields.get(at)?))) else {
                out.push(self.field_added(pair, field, new_at));
                continue;
            };
            let moves = in_order.next().unwrap_or(false);
            if !moves {
                while let Some(gone) = removed.next_if(|(gone, _)| *gone < old_at) {
                    out.push(self.field_removed(pair, gone.1, gone.0));
                }
            }
            let both = Both {
                old: before,
                new: field,
                old_at,
                new_at,
            };
            self.field(pair, &both, moves, out);
        }
        for (at, field) in removed {
            out.push(self.field_removed(pair, field, at));
        }
    }

    fn field_added(&mut self, pair: &Pair, field: &Field, at: usize) -> Item {
        let words = format!("field {} was added, {}", field.name, self.typed(field, false));
        let mut change = self.at_field(pair, &field.name, ChangeKind::FieldAdded, words);
        change.new = self.new_texts.field(pair.new, Some(at));
        change.new_readers = Draft::new(
            Cause::Missing(pair.new, pair.old, at),
            filled(field, self.old.node(pair.old)),
        );
        change.old_readers = Draft::new(
            Cause::Field(pair.old, pair.new, None, Some(at)),
            "the field is skipped",
        );
        Item::Change(Box::new(change))
    }

    fn field_removed(&mut self, pair: &Pair, field: &Field, at: usize) -> Item {
        let words = format!("field {} was removed, {}", field.name, self.typed(field, true));
        let mut change = self.at_field(pair, &field.name, ChangeKind::FieldRemoved, words);
        change.old = self.old_texts.field(pair.old, Some(at));
        change.old_readers = Draft::new(
            Cause::Missing(pair.old, pair.new, at),
            filled(field, self.new.node(pair.new)),
        );
        change.new_readers = Draft::new(
            Cause::Field(pair.new, pair.old, None, Some(at)),
            "the field is skipped",
        );
        Item::Change(Box::new(change))
    }

    /// `a long`, `a string with the default "-"`.
    fn typed(&self, field: &Field, old: bool) -> String {
        let ty = describe(if old { self.old } else { self.new }, field.ty);
        match &field.default {
            Some(default) => format!("of type {ty} with the default {}", shown(default)),
            None => format!("of type {ty} without a default"),
        }
    }

    fn at_field(&self, pair: &Pair, name: &str, kind: ChangeKind, words: String) -> DraftChange {
        let here = self.at_definitions(pair);
        let here = Pair {
            path: Path::field(&pair.path, name),
            ..here
        };
        self.change(&here, kind, words)
    }

    /// A field that both have: its name and position, its type, then the rest of it.
    fn field(&mut self, pair: &Pair, both: &Both<'_>, moves: bool, out: &mut Vec<Item>) {
        let (o, n) = (both.old, both.new);
        let place = |source: &Place, span: Span| Place::new(&source.source, span);
        let (old_text, new_text) = (&self.old.node(pair.old).place, &self.new.node(pair.new).place);
        let here = Pair {
            path: Path::field(&pair.path, &n.name),
            old_at: place(old_text, o.name_span),
            new_at: place(new_text, n.name_span),
            owner: Some(pair.new),
            ..pair.clone()
        };
        let cause = |reads_old: bool| match reads_old {
            true => Cause::Field(pair.new, pair.old, Some(both.new_at), Some(both.old_at)),
            false => Cause::Field(pair.old, pair.new, Some(both.old_at), Some(both.new_at)),
        };
        if o.name != n.name {
            out.push(self.renamed(pair, &here, both));
        }
        if moves {
            let words = format!(
                "field {} moved from position {} to {}",
                n.name,
                both.old_at + 1,
                both.new_at + 1
            );
            let mut change = self.change(&here, ChangeKind::FieldMoved, words);
            change.new_readers = Draft::new(cause(true), "fields are matched by their names");
            change.old_readers = Draft::new(cause(false), "fields are matched by their names");
            out.push(Item::Change(Box::new(change)));
        }
        out.push(Item::Types(Pair {
            old: o.ty,
            new: n.ty,
            old_at: place(old_text, o.type_span),
            new_at: place(new_text, n.type_span),
            branch: None,
            ..here.clone()
        }));
        self.default(&here, o, n, out);
        if o.order != n.order {
            let words = format!("sort order was {}, and is {}", order(o.order), order(n.order));
            out.push(Item::Change(Box::new(self.change(
                &here,
                ChangeKind::OrderChanged,
                words,
            ))));
        }
        let mut aliases = |kind: ChangeKind, here: &[String], there: &[String], done: &str, at: &Pair| {
            for alias in here.iter().filter(|alias| !there.contains(alias)) {
                let mut change = self.change(at, kind, format!("alias {alias} was {done} field {}", n.name));
                change.new_readers.cause = cause(true);
                change.old_readers.cause = cause(false);
                out.push(Item::Change(Box::new(change)));
            }
        };
        aliases(ChangeKind::AliasAdded, &n.aliases, &o.aliases, "added to", &here);
        aliases(
            ChangeKind::AliasRemoved,
            &o.aliases,
            &n.aliases,
            "removed from",
            &here,
        );
        self.doc(
            &here,
            &format!("field {}", n.name),
            o.doc.as_deref(),
            n.doc.as_deref(),
            out,
        );
        self.members(&here, &o.attributes, &n.attributes, &|_| false, out);
    }

    fn renamed(&self, pair: &Pair, here: &Pair, both: &Both<'_>) -> Item {
        let (o, n) = (both.old, both.new);
        let mut change = self.change(
            here,
            ChangeKind::FieldRenamed,
            format!("field {} became {}", o.name, n.name),
        );
        // Whoever has no alias for the other name does not find the data.
        let draft = |reader: &Field, writer: &Field, record: &Node, missing: Cause, found: Cause| {
            if reader.aliases.contains(&writer.name) {
                let how = format!("{} has the alias {}", reader.name, writer.name);
                Draft::new(found, how)
            } else {
                Draft::new(missing, filled(reader, record))
            }
        };
        change.new_readers = draft(
            n,
            o,
            self.old.node(pair.old),
            Cause::Missing(pair.new, pair.old, both.new_at),
            Cause::Field(pair.new, pair.old, Some(both.new_at), Some(both.old_at)),
        );
        change.old_readers = draft(
            o,
            n,
            self.new.node(pair.new),
            Cause::Missing(pair.old, pair.new, both.old_at),
            Cause::Field(pair.old, pair.new, Some(both.old_at), Some(both.new_at)),
        );
        let lost = |reader: &Field, writer: &Field| {
            !reader.aliases.contains(&writer.name) && reader.default.is_some()
        };
        if lost(o, n) || lost(n, o) {
            let who = if lost(o, n) { "old" } else { "new" };
            change.caution = Some(format!(
                "{who} readers do not see the data of the field: they take their default in its place"
            ));
        }
        Item::Change(Box::new(change))
    }

    fn default(&mut self, here: &Pair, o: &Field, n: &Field, out: &mut Vec<Item>) {
        let (kind, words) = match (&o.default, &n.default) {
            (None, Some(new)) => (
                ChangeKind::DefaultAdded,
                format!("default {} was added", shown(new)),
            ),
            (Some(old), None) => (
                ChangeKind::DefaultRemoved,
                format!("default {} was removed", shown(old)),
            ),
            (Some(old), Some(new)) if !old.same(new) => (
                ChangeKind::DefaultChanged,
                format!("the default was {}, and is {}", shown(old), shown(new)),
            ),
            _ => return,
        };
        let mut change = self.change(here, kind, words);
        change.caution = match kind {
            ChangeKind::DefaultRemoved => Some(
                "readers with the new schema can no longer read data of a version that lacks the field"
                    .to_owned(),
            ),
            ChangeKind::DefaultChanged => Some(
                "where data of a third version lacks the field, old and new readers see different values"
                    .to_owned(),
            ),
            _ => None,
        };
        let at = |field: &Field, place: &Place| match &field.default {
            // The place of a default that was made from another notation is still that of the text.
            Some(default) => Place::new(&place.source, default.span),
            None => place.clone(),
        };
        change.old = at(o, &here.old_at);
        change.new = at(n, &here.new_at);
        out.push(Item::Change(Box::new(change)));
    }
}

/// What a reader has for a field that the writer's record lacks: what an alias finds there, or the default.
fn filled(field: &Field, writer: &Node) -> String {
    if let Kind::Record(writer) = &writer.kind
        && let Some(other) = writer.fields.iter().find(|f| field.aliases.contains(&f.name))
    {
        return format!("by its alias it takes the data of field {}", other.name);
    }
    match &field.default {
        Some(default) => format!("the default {} is taken", shown(default)),
        None => "the field is not there".to_owned(),
    }
}

fn order(order: Order) -> &'static str {
    match order {
        Order::Ascending => "ascending",
        Order::Descending => "descending",
        Order::Ignore => "ignore",
    }
}

/// The old field of each new one: by name; then by an alias of the new field's; then by an alias of the old one's.
fn partners(old: &Record, new: &Record) -> Vec<Option<usize>> {
    fn index(record: &Record) -> HashMap<&str, usize> {
        let fields = record.fields.iter().enumerate();
        fields.map(|(at, field)| (field.name.as_str(), at)).collect()
    }
    let (old_names, new_names) = (index(old), index(new));
    let mut taken = vec![false; old.fields.len()];
    let mut partners: Vec<Option<usize>> = Vec::with_capacity(new.fields.len());
    for field in &new.fields {
        let at = old_names.get(field.name.as_str()).copied();
        if let Some(at) = at {
            taken[at] = true;
        }
        partners.push(at);
    }
    for (slot, field) in partners
        .iter_mut()
        .zip(&new.fields)
        .filter(|(slot, _)| slot.is_none())
    {
        let by_alias = field
            .aliases
            .iter()
            .filter_map(|alias| old_names.get(alias.as_str()));
        if let Some(&at) = by_alias.into_iter().find(|at| !taken[**at]) {
            taken[at] = true;
            *slot = Some(at);
        }
    }
    for (at, field) in old.fields.iter().enumerate() {
        if taken[at] {
            continue;
        }
        let by_alias = field
            .aliases
            .iter()
            .filter_map(|alias| new_names.get(alias.as_str()));
        if let Some(&new) = by_alias.into_iter().find(|new| partners[**new].is_none()) {
            taken[at] = true;
            partners[new] = Some(at);
        }
    }
    partners
}
