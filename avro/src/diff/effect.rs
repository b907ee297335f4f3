//! Which change is the cause of what a check found.
//!
//! A check of two schemas gives incompatibilities with the pair of types they were found at. A change says by which of
//! them it could be told ([`Cause`]); it breaks if one of these was found. What is wrong inside a branch of a union the
//! check throws away, and tells the branch; so the branch is checked again by itself, and what that finds counts too.

use std::collections::{HashMap, HashSet};

use crate::compat::{Direction, Incompatibility, IncompatibilityType as Type, Violation, check};
use crate::diff::change::{Break, ChangeKind, Effect};
use crate::schema::{Field, Kind, Schema, TypeId};

/// How many branches of unions are looked into.
const MAX_LOOKS: usize = 200;
/// How often, where one is in several places.
const MAX_VISITS: usize = 2_000;
/// What is kept of each.
const MAX_INNER: usize = 50;

/// By what a check would tell a change, in terms of one reader and writer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cause {
    /// By nothing.
    None,
    /// The pair of types, by that incompatibility.
    Pair(TypeId, TypeId, Type),
    /// The pair of types does not go together.
    Types(TypeId, TypeId),
    /// Two unions, and a branch of the writer's.
    Branch(TypeId, TypeId, usize),
    /// A field of the reader's record that the writer's record lacks.
    Missing(TypeId, TypeId, usize),
    /// A field of a pair of records: the reader's, the writer's. It matters only where the aliases are ambiguous.
    Field(TypeId, TypeId, Option<usize>, Option<usize>),
}

/// An effect before it is known whether the change breaks.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) cause: Cause,
    /// How it is read if it is; `None`: unaffected.
    pub(super) resolved: Option<String>,
}

impl Draft {
    pub(super) fn unaffected() -> Self {
        Self {
            cause: Cause::None,
            resolved: None,
        }
    }

    pub(super) fn new(cause: Cause, resolved: impl Into<String>) -> Self {
        Self {
            cause,
            resolved: Some(resolved.into()),
        }
    }
}

struct Found {
    kind: Type,
    index: Option<usize>,
    /// Which incompatibility of the whole it is, or is in.
    top: usize,
}

/// One direction.
pub(super) struct Side<'a> {
    reader: &'a Schema,
    writer: &'a Schema,
    incompatibilities: Vec<Incompatibility>,
    explained: Vec<bool>,
    found: HashMap<(TypeId, TypeId), Vec<Found>>,
    /// What was found at a field's type, by the reader's record and the field.
    fields: HashMap<(TypeId, usize), Vec<(usize, Type)>>,
}

impl<'a> Side<'a> {
    pub(super) fn new(
        reader: &'a Schema,
        writer: &'a Schema,
        incompatibilities: Vec<Incompatibility>,
    ) -> Self {
        let mut found: HashMap<_, Vec<Found>> = HashMap::new();
        let mut fields: HashMap<_, Vec<(usize, Type)>> = HashMap::new();
        let mut looked = HashMap::new();
        let mut visited = HashSet::new();
        let mut stack: Vec<(usize, Incompatibility)> =
            incompatibilities.iter().cloned().enumerate().collect();
        stack.reverse();
        while let Some((top, incompatibility)) = stack.pop() {
            let (kind, detail) = (incompatibility.kind, incompatibility.detail);
            let list = found.entry((detail.reader, detail.writer)).or_default();
            list.push(Found {
                kind,
                index: detail.index,
                top,
            });
            if let Some(field) = detail.field.filter(|field| field.direct) {
                let list = fields.entry((field.reader_record, field.reader)).or_default();
                list.push((top, kind));
            }
            if kind != Type::MissingUnionBranch {
                continue;
            }
            let Kind::Union(branches) = &reader.node(detail.reader).kind else {
                continue;
            };
            let written = match (&writer.node(detail.writer).kind, detail.index) {
                (Kind::Union(branches), Some(index)) => branches.get(index).copied(),
                _ => Some(detail.writer),
            };
            let Some(written) = written else { continue };
            let kind = std::mem::discriminant(&writer.node(written).kind);
            for branch in branches {
                let pair = (*branch, written);
                if std::mem::discriminant(&reader.node(*branch).kind) != kind
                    || visited.len() >= MAX_VISITS
                    || (looked.len() >= MAX_LOOKS && !looked.contains_key(&pair))
                    || !visited.insert((top, pair))
                {
                    continue;
                }
                let inner = looked
                    .entry(pair)
                    .or_insert_with(|| check(&reader.set().schema(pair.0), &writer.set().schema(pair.1)));
                stack.extend(
                    inner
                        .iter()
                        .take(MAX_INNER)
                        .rev()
                        .map(|inner| (top, inner.clone())),
                );
            }
        }
        Self {
            reader,
            writer,
            explained: vec![false; incompatibilities.len()],
            incompatibilities,
            found,
            fields,
        }
    }

    /// Whether the reader reads all that the writer writes.
    pub(super) fn holds(&self) -> bool {
        self.incompatibilities.is_empty()
    }

    /// What no change was the cause of.
    pub(super) fn unexplained(&self, direction: Direction) -> impl Iterator<Item = Violation> {
        let all = self.incompatibilities.iter().zip(&self.explained);
        all.filter(|(_, explained)| !**explained)
            .map(move |(incompatibility, _)| Violation {
                direction,
                version_index: 0,
                incompatibility: incompatibility.clone(),
            })
    }

    /// The effect of a change, now that it is known what was found.
    pub(super) fn effect(&mut self, draft: Draft, kind: ChangeKind) -> Effect {
        let tops = self.tops(draft.cause, kind);
        for (top, _) in &tops {
            if let Some(explained) = self.explained.get_mut(*top) {
                *explained = true;
            }
        }
        let first = tops.first().and_then(|(top, cause)| {
            let incompatibility = self.incompatibilities.get(*top)?;
            Some((incompatibility, *cause))
        });
        if let Some((incompatibility, cause)) = first {
            return Effect::Breaks(Break {
                kind: incompatibility.kind,
                location: incompatibility.location.clone(),
                message: incompatibility.message.clone(),
                cause,
            });
        }
        let gave_up = |i: &Incompatibility| matches!(i.kind, Type::AmbiguousFieldAlias | Type::TooComplex);
        if !matches!(draft.cause, Cause::None) && self.incompatibilities.iter().any(gave_up) {
            return Effect::Unjudged;
        }
        draft.resolved.map_or(Effect::Unaffected, Effect::Resolved)
    }

    /// The incompatibilities that a change is a cause of, and what is found at the change itself.
    fn tops(&self, cause: Cause, kind: ChangeKind) -> Vec<(usize, Type)> {
        let mut tops = Vec::new();
        let mut collect = |reader: TypeId, writer: TypeId, fits: &dyn Fn(&Found) -> bool| {
            for found in self.found.get(&(reader, writer)).into_iter().flatten() {
                if fits(found) && !tops.contains(&(found.top, found.kind)) {
                    tops.push((found.top, found.kind));
                }
            }
        };
        match cause {
            Cause::None => {}
            Cause::Pair(reader, writer, kind) => collect(reader, writer, &|f| f.kind == kind),
            Cause::Types(reader, writer) => {
                let fits = |f: &Found| matches!(f.kind, Type::TypeMismatch | Type::MissingUnionBranch);
                collect(reader, writer, &fits);
                if let Kind::Union(branches) = &self.writer.node(writer).kind {
                    // Each branch must be read, also one that the type did not come from.
                    branches
                        .iter()
                        .for_each(|branch| collect(reader, *branch, &|_| true));
                }
            }
            Cause::Branch(reader, writer, index) => {
                collect(reader, writer, &|f| {
                    f.kind == Type::MissingUnionBranch && f.index == Some(index)
                });
            }
            Cause::Missing(reader, writer, index) => {
                collect(reader, writer, &|f| {
                    f.kind == Type::ReaderFieldMissingDefaultValue && f.index == Some(index)
                });
                // An enum with a default of its own is compared with the writer's record.
                if let Some(field) = self.field(self.reader, reader, index)
                    && matches!(self.reader.node(field.ty).kind, Kind::Enum(_))
                {
                    collect(field.ty, writer, &|f| f.kind == Type::TypeMismatch);
                }
            }
            Cause::Field(..) => {}
        }
        let (reader, writer, mine, theirs) = match cause {
            Cause::Missing(reader, writer, index) => (reader, writer, Some(index), None),
            Cause::Field(reader, writer, mine, theirs) => (reader, writer, mine, theirs),
            _ => return tops,
        };
        let matters = matches!(
            kind,
            ChangeKind::FieldAdded
                | ChangeKind::FieldRemoved
                | ChangeKind::FieldRenamed
                | ChangeKind::AliasAdded
                | ChangeKind::AliasRemoved
        );
        if matters {
            let name = theirs
                .and_then(|index| self.field(self.writer, writer, index))
                .map(|f| &f.name);
            collect(reader, writer, &|f| {
                let ambiguous = f.index.and_then(|index| self.field(self.reader, reader, index));
                f.kind == Type::AmbiguousFieldAlias
                    && (f.index == mine
                        || ambiguous
                            .zip(name)
                            .is_some_and(|(field, name)| field.name == *name || field.aliases.contains(name)))
            });
        }
        if let Cause::Missing(reader, _, index) = cause {
            // An alias may have found a field that is another one's.
            tops.extend(self.fields.get(&(reader, index)).into_iter().flatten());
        }
        tops
    }

    fn field<'s>(&self, schema: &'s Schema, record: TypeId, index: usize) -> Option<&'s Field> {
        match &schema.node(record).kind {
            Kind::Record(record) => record.fields.get(index),
            _ => None,
        }
    }
}
