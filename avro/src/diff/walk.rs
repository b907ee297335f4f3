//! The walk through two schemas: types in pairs, changes in the order of the new text.
//!
//! The stack is our own, since types of untrusted schemas may be nested as deep as there is text. A pair of named types
//! is walked once, where it comes first, so recursion ends.

use std::collections::HashSet;
use std::rc::Rc;

use crate::compat::check::{MAX_PAIRS, promotes};
use crate::compat::place::Texts;
use crate::compat::words::describe;
use crate::diff::change::{ChangeKind, MAX_CHANGES};
use crate::diff::effect::{Cause, Draft};
use crate::json;
use crate::schema::{Kind, Logical, Node, Schema, TypeId};
use crate::source::Place;

/// Steps of a path that are printed.
const MAX_STEPS: usize = 40;

/// A change whose effects are not known yet.
pub(super) struct DraftChange {
    pub(super) path: String,
    pub(super) owner: Option<String>,
    pub(super) kind: ChangeKind,
    pub(super) words: String,
    pub(super) caution: Option<String>,
    pub(super) old: Place,
    pub(super) new: Place,
    pub(super) old_readers: Draft,
    pub(super) new_readers: Draft,
}

/// A path, from its end.
#[derive(Debug)]
pub(super) struct Path {
    parent: Option<Rc<Path>>,
    step: String,
}

impl Path {
    pub(super) fn field(parent: &Option<Rc<Self>>, name: &str) -> Option<Rc<Self>> {
        let step = match parent {
            Some(_) => format!(".{name}"),
            None => name.to_owned(),
        };
        Self::step(parent, step)
    }

    pub(super) fn step(parent: &Option<Rc<Self>>, step: String) -> Option<Rc<Self>> {
        Some(Rc::new(Self {
            parent: parent.clone(),
            step,
        }))
    }

    fn text(path: &Option<Rc<Self>>) -> String {
        let mut steps = Vec::new();
        let mut next = path.as_ref();
        while let Some(step) = next {
            if steps.len() == MAX_STEPS {
                steps.push("...");
                break;
            }
            steps.push(&step.step);
            next = step.parent.as_ref();
        }
        steps.reverse();
        steps.concat()
    }
}

// A long chain must not be dropped by recursion.
impl Drop for Path {
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(path) = next {
            next = Rc::into_inner(path).and_then(|mut path| path.parent.take());
        }
    }
}

/// Two types to be compared.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) old: TypeId,
    pub(super) new: TypeId,
    pub(super) path: Option<Rc<Path>>,
    /// Where the types are referred to.
    pub(super) old_at: Place,
    pub(super) new_at: Place,
    /// The record that they are in.
    pub(super) owner: Option<TypeId>,
    /// The two unions that they are branches of, and which.
    pub(super) branch: Option<(TypeId, TypeId, usize, usize)>,
}

pub(super) enum Item {
    Change(Box<DraftChange>),
    Types(Pair),
}

pub(super) struct Walk<'a> {
    pub(super) old: &'a Schema,
    pub(super) new: &'a Schema,
    pub(super) old_texts: Texts<'a>,
    pub(super) new_texts: Texts<'a>,
    seen: HashSet<(TypeId, TypeId)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(old: &'a Schema, new: &'a Schema) -> Self {
        Self {
            old,
            new,
            old_texts: Texts::new(old),
            new_texts: Texts::new(new),
            seen: HashSet::new(),
        }
    }

    /// All changes, and whether there are more.
    pub(super) fn run(mut self) -> (Vec<DraftChange>, bool) {
        let mut out = Vec::new();
        let mut stack = vec![Item::Types(Pair {
            old: self.old.root(),
            new: self.new.root(),
            path: None,
            old_at: self.old_texts.definition(self.old.root()),
            new_at: self.new_texts.definition(self.new.root()),
            owner: None,
            branch: None,
        })];
        let mut pairs = 0;
        while let Some(item) = stack.pop() {
            match item {
                Item::Change(_) if out.len() == MAX_CHANGES => return (out, true),
                Item::Types(_) if pairs == MAX_PAIRS => return (out, true),
                Item::Change(change) => out.push(*change),
                Item::Types(pair) => {
                    pairs += 1;
                    let from = stack.len();
                    self.types(&pair, &mut stack);
                    if let Some(new) = stack.get_mut(from..) {
                        new.reverse();
                    }
                }
            }
        }
        (out, false)
    }

    fn types(&mut self, pair: &Pair, out: &mut Vec<Item>) {
        let (o, n) = (self.old.node(pair.old), self.new.node(pair.new));
        match (&o.kind, &n.kind) {
            (Kind::Array(old), Kind::Array(new)) => {
                self.attributes(pair, o, n, out);
                out.push(self.inner(pair, (*old, *new), "[]", "items"));
            }
            (Kind::Map(old), Kind::Map(new)) => {
                self.attributes(pair, o, n, out);
                out.push(self.inner(pair, (*old, *new), "{}", "values"));
            }
            (Kind::Union(old), Kind::Union(new)) => self.unions(pair, old, new, out),
            (Kind::Record(old), Kind::Record(new)) => {
                if self.seen.insert((pair.old, pair.new)) {
                    self.named(pair, o, n, out);
                    self.fields(pair, old, new, out);
                }
            }
            (Kind::Enum(old), Kind::Enum(new)) => {
                if self.seen.insert((pair.old, pair.new)) {
                    self.named(pair, o, n, out);
                    self.symbols(pair, old, new, out);
                }
            }
            (Kind::Fixed(old), Kind::Fixed(new)) => {
                if self.seen.insert((pair.old, pair.new)) {
                    self.named(pair, o, n, out);
                    self.size(pair, old.size, new.size, out);
                }
            }
            (Kind::Union(branches), _) => {
                out.push(self.changed(pair, ChangeKind::TypeChanged));
                if let Some(index) = like(self.old, branches, n) {
                    self.beside(pair, Some(index), None, out);
                }
            }
            (_, Kind::Union(branches)) => {
                out.push(self.changed(pair, ChangeKind::TypeChanged));
                if let Some(index) = like(self.new, branches, o) {
                    self.beside(pair, None, Some(index), out);
                }
            }
            (old, new) if std::mem::discriminant(old) == std::mem::discriminant(new) => {
                self.attributes(pair, o, n, out);
            }
            (old, new) => {
                let widens = promotes(new, old);
                out.push(self.changed(
                    pair,
                    if widens {
                        ChangeKind::TypeWidened
                    } else {
                        ChangeKind::TypeChanged
                    },
                ));
                if o.logical != n.logical {
                    out.push(self.logical(pair, o, n));
                }
            }
        }
    }

    fn inner(&mut self, pair: &Pair, (old, new): (TypeId, TypeId), step: &str, key: &str) -> Item {
        Item::Types(Pair {
            old,
            new,
            path: Path::step(&pair.path, step.to_owned()),
            old_at: self.old_texts.part(pair.old, key),
            new_at: self.new_texts.part(pair.new, key),
            owner: pair.owner,
            branch: None,
        })
    }

    /// A type and the branch of the other side's union that it became, or was.
    fn beside(&mut self, pair: &Pair, old: Option<usize>, new: Option<usize>, out: &mut Vec<Item>) {
        let mut inner = pair.clone();
        if let (Some(index), Kind::Union(branches)) = (old, &self.old.node(pair.old).kind) {
            inner.old = branches.get(index).copied().unwrap_or(pair.old);
            inner.old_at = self.old_texts.branch(pair.old, index);
        }
        if let (Some(index), Kind::Union(branches)) = (new, &self.new.node(pair.new).kind) {
            inner.new = branches.get(index).copied().unwrap_or(pair.new);
            inner.new_at = self.new_texts.branch(pair.new, index);
        }
        inner.branch = None;
        out.push(Item::Types(inner));
    }

    /// A type in the place of another.
    fn changed(&mut self, pair: &Pair, kind: ChangeKind) -> Item {
        let (old, new) = (
            self.type_words(self.old, pair.old),
            self.type_words(self.new, pair.new),
        );
        let (reads_new, reads_old) = (self.reads(pair, false), self.reads(pair, true));
        let (new_cause, old_cause) = match pair.branch {
            Some((old_union, new_union, old_at, new_at)) => (
                Cause::Branch(new_union, old_union, old_at),
                Cause::Branch(old_union, new_union, new_at),
            ),
            None => (Cause::Types(pair.new, pair.old), Cause::Types(pair.old, pair.new)),
        };
        let mut change = self.change(pair, kind, format!("{old} became {new}"));
        change.new_readers = Draft::new(new_cause, reads_old);
        change.old_readers = Draft::new(old_cause, reads_new);
        Item::Change(Box::new(change))
    }

    /// How one side's type is read as the other's, if it is.
    fn reads(&self, pair: &Pair, old_data: bool) -> String {
        let (reader, r, writer, w) = match old_data {
            true => (self.new, pair.new, self.old, pair.old),
            false => (self.old, pair.old, self.new, pair.new),
        };
        let (from, to) = (describe(writer, w), describe(reader, r));
        match (&reader.node(r).kind, &writer.node(w).kind) {
            (Kind::Union(_), _) => format!("{from} is read as the branch of {to} that takes it"),
            (_, Kind::Union(_)) => format!("every branch of {from} is read as {to}"),
            _ => format!("{from} is promoted to {to}"),
        }
    }

    /// Types in words; where both are called the same, in full.
    fn type_words(&self, schema: &Schema, id: TypeId) -> String {
        let node = schema.node(id);
        match (node.name(), &node.kind) {
            (Some(name), kind) => format!("{} {name}", kind.word()),
            (None, _) => describe(schema, id),
        }
    }

    /// Logical type and attributes of a pair of nodes of the same kind.
    pub(super) fn attributes(&mut self, pair: &Pair, o: &Node, n: &Node, out: &mut Vec<Item>) {
        let logical = o.logical != n.logical;
        if logical {
            out.push(self.logical(pair, o, n));
        }
        let known = ["logicalType", "precision", "scale"];
        let skip = |key: &str| logical && known.contains(&key);
        self.members(pair, &o.attributes, &n.attributes, &skip, out);
    }

    fn logical(&mut self, pair: &Pair, o: &Node, n: &Node) -> Item {
        let words = match (o.logical, n.logical) {
            (Some(old), Some(new)) => format!("logical type {} became {}", logical(old), logical(new)),
            (None, Some(new)) => format!("logical type {} was added to {}", logical(new), n.kind.word()),
            (Some(old), None) => format!("logical type {} was removed from {}", logical(old), n.kind.word()),
            (None, None) => String::new(),
        };
        let mut change = self.change(pair, ChangeKind::LogicalTypeChanged, words);
        change.caution = Some(
            "no compatibility check looks at logical types: data is read as before, and taken for the other meaning"
                .to_owned(),
        );
        Item::Change(Box::new(change))
    }

    /// Attributes that Avro gives no meaning to.
    pub(super) fn members(
        &mut self,
        pair: &Pair,
        old: &[json::Member],
        new: &[json::Member],
        skip: &dyn Fn(&str) -> bool,
        out: &mut Vec<Item>,
    ) {
        if old.is_empty() && new.is_empty() {
            return;
        }
        let (old, new) = (counted(old), counted(new));
        for (key, value) in &old {
            if !skip(key) && !new.iter().any(|(other, _)| other == key) {
                let words = format!("attribute {key} was removed, it was {}", shown(value));
                out.push(Item::Change(Box::new(self.change(
                    pair,
                    ChangeKind::AttributeRemoved,
                    words,
                ))));
            }
        }
        for (key, value) in new.iter().filter(|(key, _)| !skip(key)) {
            let (kind, words) = match old.iter().find(|(other, _)| other == key) {
                None => (
                    ChangeKind::AttributeAdded,
                    format!("attribute {key} was added, {}", shown(value)),
                ),
                Some((_, before)) if !before.same(value) => (
                    ChangeKind::AttributeChanged,
                    format!("attribute {key} was {}, and is {}", shown(before), shown(value)),
                ),
                Some(_) => continue,
            };
            out.push(Item::Change(Box::new(self.change(pair, kind, words))));
        }
    }

    /// A document, wherever one may stand.
    pub(super) fn doc(
        &mut self,
        pair: &Pair,
        what: &str,
        old: Option<&str>,
        new: Option<&str>,
        out: &mut Vec<Item>,
    ) {
        let text = |doc: &str| {
            let mut text = String::new();
            json::write_string(doc, &mut text);
            cut(text)
        };
        let words = match (old, new) {
            (None, Some(new)) => format!("the document of {what} was added: {}", text(new)),
            (Some(old), None) => format!("the document of {what} was removed: {}", text(old)),
            (Some(old), Some(new)) if old != new => {
                format!("the document of {what} was {}, and is {}", text(old), text(new))
            }
            _ => return,
        };
        out.push(Item::Change(Box::new(self.change(
            pair,
            ChangeKind::DocChanged,
            words,
        ))));
    }

    /// A change at a pair's place that nobody notices who reads; the caller says so where it is otherwise.
    pub(super) fn change(&self, pair: &Pair, kind: ChangeKind, words: String) -> DraftChange {
        let node = self.new.node(pair.new);
        let owner = node.name().or_else(|| self.new.node(pair.owner?).name());
        DraftChange {
            path: Path::text(&pair.path),
            owner: owner.map(ToString::to_string),
            kind,
            words,
            caution: None,
            old: pair.old_at.clone(),
            new: pair.new_at.clone(),
            old_readers: Draft::unaffected(),
            new_readers: Draft::unaffected(),
        }
    }
}

/// The branch of a union that is that type: by its full name, by its simple name, by its kind.
pub(super) fn like(schema: &Schema, branches: &[TypeId], node: &Node) -> Option<usize> {
    let same =
        |id: &TypeId| std::mem::discriminant(&schema.node(*id).kind) == std::mem::discriminant(&node.kind);
    let Some(name) = node.name() else {
        return branches.iter().position(same);
    };
    let by_name = branches
        .iter()
        .position(|id| same(id) && schema.node(*id).name() == Some(name));
    by_name.or_else(|| {
        branches
            .iter()
            .position(|id| same(id) && schema.node(*id).name().is_some_and(|n| n.name == name.name))
    })
}

/// Members as they count: of a key that is there twice the last one.
fn counted(members: &[json::Member]) -> Vec<(&str, &json::Value)> {
    let last = |at: usize, key: &str| !members.iter().skip(at + 1).any(|m| m.key == key);
    members
        .iter()
        .enumerate()
        .filter(|(at, member)| last(*at, &member.key))
        .map(|(_, member)| (member.key.as_str(), &member.value))
        .collect()
}

/// A value as JSON, cut where it is long.
pub(super) fn shown(value: &json::Value) -> String {
    let mut text = String::new();
    json::write(value, &mut text);
    cut(text)
}

fn cut(text: String) -> String {
    const MOST: usize = 120;
    if text.chars().count() <= MOST {
        return text;
    }
    let mut short: String = text.chars().take(MOST).collect();
    short.push_str("...");
    short
}

/// A logical type as the specification writes it.
fn logical(logical: Logical) -> String {
    match logical {
        Logical::Decimal { precision, scale } => return format!("decimal({precision}, {scale})"),
        Logical::BigDecimal => "big-decimal",
        Logical::Uuid => "uuid",
        Logical::Date => "date",
        Logical::TimeMillis => "time-millis",
        Logical::TimeMicros => "time-micros",
        Logical::TimestampMillis => "timestamp-millis",
        Logical::TimestampMicros => "timestamp-micros",
        Logical::TimestampNanos => "timestamp-nanos",
        Logical::LocalTimestampMillis => "local-timestamp-millis",
        Logical::LocalTimestampMicros => "local-timestamp-micros",
        Logical::LocalTimestampNanos => "local-timestamp-nanos",
        Logical::Duration => "duration",
    }
    .to_owned()
}

/// Which of these numbers, each there once, must move for the rest to ascend: all but a longest ascending run of them.
pub(super) fn moved(numbers: &[usize]) -> Vec<bool> {
    // Patience sorting: the smallest last number of an ascending run of each length, and where it came from.
    let mut tails: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(numbers.len());
    for (at, number) in numbers.iter().enumerate() {
        let length = tails.partition_point(|&tail| numbers[tail] < *number);
        before.push(length.checked_sub(1).and_then(|i| tails.get(i)).copied());
        match tails.get_mut(length) {
            Some(tail) => *tail = at,
            None => tails.push(at),
        }
    }
    let mut moved = vec![true; numbers.len()];
    let mut next = tails.last().copied();
    while let Some(at) = next {
        moved[at] = false;
        next = before.get(at).copied().flatten();
    }
    moved
}
