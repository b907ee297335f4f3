//! What to do with each part of the writer's schema to read it as the reader's: Java's `Resolver`, as a graph.
//!
//! The order of steps is Java's, because it can be told from outside: which branch of a reader's union a record is
//! read as depends on what is known about records that are still being resolved.

use std::collections::HashMap;

use crate::schema::{Enum, Kind, Record, Schema, TypeId};
use crate::source::Place;

use super::aliases::Writer;
use super::defaults;
use super::error::{Mismatch, ResolveError, describe};
use super::{MAX_ACTIONS, MAX_NESTING};

/// Address of an [`Action`].
pub(super) type ActionId = usize;

/// What to do with a value of the writer's type to have one of the reader's.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) writer: TypeId,
    pub(super) reader: TypeId,
    pub(super) kind: ActionKind,
}

#[derive(Debug)]
pub(super) enum ActionKind {
    /// A primitive or fixed that is the same on both sides.
    Same,
    /// A primitive that becomes another.
    Promote(Promotion),
    /// There is no way: an error when the data has a value here.
    Fail(Mismatch),
    /// Items.
    Array(ActionId),
    /// Values.
    Map(ActionId),
    /// By the writer's index the reader's, or none.
    Enum(Vec<Option<usize>>),
    /// The same for an open enum of the reader, where at least one is none: such a symbol keeps its text.
    OpenEnum(Vec<Option<usize>>),
    /// Fields.
    Record(Fields),
    /// The writer has a union: an action for each branch.
    Branches(Vec<ActionId>),
    /// The reader has a union: the index of its branch, and how to read that.
    Branch(usize, ActionId),
}

#[derive(Debug, Default)]
pub(super) struct Fields {
    /// For the writer's fields in order: the reader's position and the action, or `None` for one that is skipped.
    /// Shorter than the writer's list while the record is being resolved.
    pub(super) kept: Vec<Option<(usize, ActionId)>>,
    /// For the reader's other fields, in order: position and encoded default.
    pub(super) defaults: Vec<(usize, Vec<u8>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promotion {
    IntToLong,
    IntToFloat,
    IntToDouble,
    LongToFloat,
    LongToDouble,
    FloatToDouble,
    StringToBytes,
    BytesToString,
}

pub(super) struct Graph {
    pub(super) actions: Vec<Action>,
    pub(super) root: ActionId,
}

impl Graph {
    /// Resolves the roots and all they refer to. `open` has the full names of the reader's open enums.
    ///
    /// # Errors
    ///
    /// What makes Java throw when the reader is made: aliases that make two things one, defaults that cannot be
    /// encoded; and schemas that are too large. That a part cannot be read is an action, not an error.
    pub(super) fn new(writer: &Writer<'_>, reader: &Schema, open: &[&str]) -> Result<Self, ResolveError> {
        let mut builder = Builder {
            writer,
            reader,
            open,
            actions: Vec::new(),
            seen: HashMap::new(),
            encoder: defaults::Encoder::new(reader),
            path: Vec::new(),
            equivalences: HashMap::new(),
            compared: 0,
        };
        let root = builder.types(writer.schema.root(), reader.root())?;
        Ok(Self {
            actions: builder.actions,
            root,
        })
    }
}

struct Builder<'a> {
    writer: &'a Writer<'a>,
    reader: &'a Schema,
    /// Full names of the reader's open enums.
    open: &'a [&'a str],
    actions: Vec<Action>,
    /// Pairs of records, resolved or being resolved.
    seen: HashMap<(TypeId, TypeId), ActionId>,
    encoder: defaults::Encoder<'a>,
    path: Vec<&'a str>,
    /// Pairs of records known to be equivalent or not.
    equivalences: HashMap<(TypeId, TypeId), bool>,
    compared: usize,
}

impl<'a> Builder<'a> {
    fn types(&mut self, w: TypeId, r: TypeId) -> Result<ActionId, ResolveError> {
        let (writer, reader) = (&self.writer.schema.node(w).kind, &self.reader.node(r).kind);
        let kind = match (writer, reader) {
            (Kind::Union(branches), _) => return self.writer_union(w, r, branches),
            (Kind::Null, Kind::Null)
            | (Kind::Boolean, Kind::Boolean)
            | (Kind::Int, Kind::Int)
            | (Kind::Long, Kind::Long)
            | (Kind::Float, Kind::Float)
            | (Kind::Double, Kind::Double)
            | (Kind::Bytes, Kind::Bytes)
            | (Kind::String, Kind::String) => ActionKind::Same,
            (Kind::Fixed(writer), Kind::Fixed(reader)) => {
                if !self.same_simple_name(w, r) {
                    self.names_differ(w, r)
                } else if writer.size != reader.size {
                    ActionKind::Fail(Mismatch::Sizes {
                        writer: describe(self.writer.schema, w),
                        writer_size: writer.size,
                        reader: describe(self.reader, r),
                        reader_size: reader.size,
                    })
                } else {
                    ActionKind::Same
                }
            }
            (Kind::Enum(writer), Kind::Enum(reader)) => {
                if self.same_simple_name(w, r) {
                    let open = !self.open.is_empty() && self.open.contains(&&*reader.name.to_string());
                    symbols(writer, reader, open)
                } else {
                    self.names_differ(w, r)
                }
            }
            (Kind::Array(writer), Kind::Array(reader)) => {
                ActionKind::Array(self.below("*", *writer, *reader)?)
            }
            (Kind::Map(writer), Kind::Map(reader)) => ActionKind::Map(self.below("*", *writer, *reader)?),
            (Kind::Record(writer), Kind::Record(reader)) => {
                return self.records(w, r, writer, reader);
            }
            (_, Kind::Union(branches)) => match self.first_match(w, branches)? {
                Some(at) => ActionKind::Branch(at, self.types(w, branches[at])?),
                None => ActionKind::Fail(Mismatch::NoBranch {
                    writer: describe(self.writer.schema, w),
                    reader: describe(self.reader, r),
                }),
            },
            (writer, reader) => match promotion(writer, reader) {
                Some(promotion) => ActionKind::Promote(promotion),
                None => ActionKind::Fail(Mismatch::Types {
                    writer: describe(self.writer.schema, w),
                    reader: describe(self.reader, r),
                }),
            },
        };
        self.add(w, r, kind)
    }

    fn add(&mut self, w: TypeId, r: TypeId, kind: ActionKind) -> Result<ActionId, ResolveError> {
        if self.actions.len() == MAX_ACTIONS {
            return Err(self.too_large(w, r, "pairs of types", MAX_ACTIONS));
        }
        self.actions.push(Action {
            writer: w,
            reader: r,
            kind,
        });
        Ok(self.actions.len() - 1)
    }

    /// The same one step of the path further down.
    fn below(&mut self, step: &'a str, w: TypeId, r: TypeId) -> Result<ActionId, ResolveError> {
        if self.path.len() == MAX_NESTING {
            return Err(self.too_large(w, r, "levels", MAX_NESTING));
        }
        self.path.push(step);
        let action = self.types(w, r);
        self.path.pop();
        action
    }

    /// Java compares simple names here, whatever the namespace.
    fn same_simple_name(&self, w: TypeId, r: TypeId) -> bool {
        let reader = self.reader.node(r).name();
        matches!((self.writer.name(w), reader), (Some(w), Some(r)) if w.name == r.name)
    }

    fn names_differ(&self, w: TypeId, r: TypeId) -> ActionKind {
        ActionKind::Fail(Mismatch::Names {
            writer: describe(self.writer.schema, w),
            reader: describe(self.reader, r),
        })
    }

    fn records(
        &mut self,
        w: TypeId,
        r: TypeId,
        writer: &'a Record,
        reader: &'a Record,
    ) -> Result<ActionId, ResolveError> {
        if let Some(action) = self.seen.get(&(w, r)) {
            return Ok(*action);
        }
        let id = self.add(w, r, ActionKind::Record(Fields::default()))?;
        // Known before it is complete: a record may contain itself.
        self.seen.insert((w, r), id);

        let names = self.writer.fields(w).into_owned();
        let positions: HashMap<&str, usize> = (reader.fields.iter().enumerate())
            .map(|(at, field)| (field.name.as_str(), at))
            .collect();
        let mut given = vec![false; reader.fields.len()];
        for (field, name) in writer.fields.iter().zip(&names) {
            let kept = match positions.get(name.as_str()) {
                Some(&at) => {
                    given[at] = true;
                    let field_of_reader = &reader.fields[at];
                    let action = self.below(&field_of_reader.name, field.ty, field_of_reader.ty)?;
                    Some((at, action))
                }
                None => None,
            };
            if let ActionKind::Record(fields) = &mut self.actions[id].kind {
                fields.kept.push(kept);
            }
        }

        for (at, field) in reader.fields.iter().enumerate() {
            if given[at] {
                continue;
            }
            let Some(encoded) = self.encoder.field(field) else {
                self.actions[id].kind = ActionKind::Fail(Mismatch::NoDefault {
                    record: describe(self.reader, r),
                    field: field.name.clone(),
                    writer: describe(self.writer.schema, w),
                });
                return Ok(id);
            };
            let encoded = encoded.map_err(|reason| ResolveError {
                path: self.path_text(),
                mismatch: Box::new(Mismatch::Default {
                    record: describe(self.reader, r),
                    field: field.name.clone(),
                    reason,
                }),
                writer: self.writer.schema.node(w).place.clone(),
                reader: Place::new(&self.reader.node(r).place.source, field.span),
            })?;
            if let ActionKind::Record(fields) = &mut self.actions[id].kind {
                fields.defaults.push((at, encoded));
            }
        }
        Ok(id)
    }

    fn writer_union(
        &mut self,
        w: TypeId,
        r: TypeId,
        branches: &'a [TypeId],
    ) -> Result<ActionId, ResolveError> {
        let mut assumed = Vec::new();
        let equivalent = self.equivalent(w, r, &mut assumed, 0)?;
        // All has to be equivalent for the whole to be so: what was assumed was then right, and is else in doubt.
        for pair in assumed {
            if self.equivalences.get(&pair) == Some(&true) && !equivalent {
                self.equivalences.remove(&pair);
            }
        }
        let mut actions = Vec::with_capacity(branches.len());
        for (at, branch) in branches.iter().enumerate() {
            let action = match &self.reader.node(r).kind {
                Kind::Union(readers) if equivalent => {
                    let inner = self.types(*branch, readers[at])?;
                    self.add(*branch, r, ActionKind::Branch(at, inner))?
                }
                _ => self.types(*branch, r)?,
            };
            actions.push(action);
        }
        self.add(w, r, ActionKind::Branches(actions))
    }

    /// The branch of the reader's union that a writer's type, itself no union, is read as: one of the same type (of a
    /// named type, of the same full name), else a record of the same structure, preferably of the same simple name,
    /// else the first that it can be promoted to.
    fn first_match(&mut self, w: TypeId, branches: &'a [TypeId]) -> Result<Option<usize>, ResolveError> {
        let writer = &self.writer.schema.node(w).kind;
        let mut structural = None;
        for (at, branch) in branches.iter().enumerate() {
            let reader = &self.reader.node(*branch).kind;
            let found = match (writer, reader) {
                (Kind::Record(writer), Kind::Record(reader)) => {
                    let named = self.same_full_name(w, *branch);
                    if !named {
                        let action = self.records(w, *branch, writer, reader)?;
                        if !self.fails_at_once(action)
                            && (structural.is_none() || self.same_simple_name(w, *branch))
                        {
                            structural = Some(at);
                        }
                    }
                    named
                }
                (Kind::Enum(_), Kind::Enum(_)) | (Kind::Fixed(_), Kind::Fixed(_)) => {
                    self.same_full_name(w, *branch)
                }
                (writer, reader) => std::mem::discriminant(writer) == std::mem::discriminant(reader),
            };
            if found {
                return Ok(Some(at));
            }
        }
        Ok(structural.or_else(|| {
            branches
                .iter()
                .position(|branch| promotion(writer, &self.reader.node(*branch).kind).is_some())
        }))
    }

    fn same_full_name(&self, w: TypeId, r: TypeId) -> bool {
        self.writer.name(w) == self.reader.node(r).name()
    }

    /// Whether the record or one of its fields has no way. Fields that are not resolved yet count as good.
    fn fails_at_once(&self, record: ActionId) -> bool {
        match &self.actions[record].kind {
            ActionKind::Record(fields) => fields
                .kept
                .iter()
                .flatten()
                .any(|(_, action)| matches!(self.actions[*action].kind, ActionKind::Fail(_))),
            _ => true,
        }
    }

    /// Whether the two have the same shape and simple names throughout: then a union's branches are matched by their
    /// index and not by their type.
    fn equivalent(
        &mut self,
        w: TypeId,
        r: TypeId,
        assumed: &mut Vec<(TypeId, TypeId)>,
        depth: usize,
    ) -> Result<bool, ResolveError> {
        self.compared += 1;
        if depth > MAX_NESTING || self.compared > MAX_ACTIONS {
            return Err(self.too_large(w, r, "pairs of types", MAX_ACTIONS));
        }
        let (writer, reader) = (&self.writer.schema.node(w).kind, &self.reader.node(r).kind);
        Ok(match (writer, reader) {
            (Kind::Array(x), Kind::Array(y)) | (Kind::Map(x), Kind::Map(y)) => {
                self.equivalent(*x, *y, assumed, depth + 1)?
            }
            (Kind::Fixed(x), Kind::Fixed(y)) => self.same_simple_name(w, r) && x.size == y.size,
            (Kind::Enum(x), Kind::Enum(y)) => self.same_simple_name(w, r) && x.symbols == y.symbols,
            (Kind::Union(x), Kind::Union(y)) => {
                if x.len() != y.len() {
                    return Ok(false);
                }
                for (x, y) in x.iter().zip(y) {
                    if !self.equivalent(*x, *y, assumed, depth + 1)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Kind::Record(x), Kind::Record(y)) => {
                if !self.same_simple_name(w, r) {
                    return Ok(false);
                }
                if let Some(known) = self.equivalences.get(&(w, r)) {
                    return Ok(*known);
                }
                self.equivalences.insert((w, r), true);
                assumed.push((w, r));
                let mut equal = x.fields.len() == y.fields.len();
                if equal {
                    let names = self.writer.fields(w).into_owned();
                    for ((x, name), y) in x.fields.iter().zip(&names).zip(&y.fields) {
                        if *name != y.name || !self.equivalent(x.ty, y.ty, assumed, depth + 1)? {
                            equal = false;
                            break;
                        }
                    }
                }
                if !equal {
                    self.equivalences.insert((w, r), false);
                }
                equal
            }
            (x, y) => std::mem::discriminant(x) == std::mem::discriminant(y),
        })
    }

    fn path_text(&self) -> String {
        self.path.iter().flat_map(|step| ["/", step]).collect()
    }

    fn too_large(&self, w: TypeId, r: TypeId, what: &'static str, limit: usize) -> ResolveError {
        ResolveError {
            path: String::new(),
            mismatch: Box::new(Mismatch::TooLarge { what, limit }),
            writer: self.writer.schema.node(w).place.clone(),
            reader: self.reader.node(r).place.clone(),
        }
    }
}

fn symbols(writer: &Enum, reader: &Enum, open: bool) -> ActionKind {
    let positions: HashMap<&str, usize> = (reader.symbols.iter().enumerate().rev())
        .map(|(at, symbol)| (symbol.as_str(), at))
        .collect();
    let known = (writer.symbols.iter()).map(|symbol| positions.get(symbol.as_str()).copied());
    if open {
        let known: Vec<_> = known.collect();
        return match known.contains(&None) {
            true => ActionKind::OpenEnum(known),
            false => ActionKind::Enum(known),
        };
    }
    let default = (reader.default.as_deref()).and_then(|symbol| positions.get(symbol).copied());
    ActionKind::Enum(known.map(|symbol| symbol.or(default)).collect())
}

fn promotion(writer: &Kind, reader: &Kind) -> Option<Promotion> {
    Some(match (writer, reader) {
        (Kind::Int, Kind::Long) => Promotion::IntToLong,
        (Kind::Int, Kind::Float) => Promotion::IntToFloat,
        (Kind::Int, Kind::Double) => Promotion::IntToDouble,
        (Kind::Long, Kind::Float) => Promotion::LongToFloat,
        (Kind::Long, Kind::Double) => Promotion::LongToDouble,
        (Kind::Float, Kind::Double) => Promotion::FloatToDouble,
        (Kind::String, Kind::Bytes) => Promotion::StringToBytes,
        (Kind::Bytes, Kind::String) => Promotion::BytesToString,
        _ => return None,
    })
}
