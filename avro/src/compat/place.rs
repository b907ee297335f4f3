//! Where an incompatibility stands in the two texts.
//!
//! A node knows the place of its definition; a reader of messages wants the place of the reference. Fields keep it;
//! for items, values, branches, sizes and symbols the defining JSON is read again, which only failures pay for.

use std::collections::HashMap;

use crate::compat::IncompatibilityType as Type;
use crate::compat::check::{Leaf, Step, Token};
use crate::json::{self, Value};
use crate::schema::{Kind, Node, Schema, TypeId};
use crate::source::{Place, Span};

/// Looks places up in a reader and a writer.
pub(crate) struct Places<'a> {
    pub(crate) reader: Texts<'a>,
    pub(crate) writer: Texts<'a>,
}

/// One schema and what was read again of its texts.
pub(crate) struct Texts<'a> {
    pub(crate) schema: &'a Schema,
    read: HashMap<TypeId, Option<Value>>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(reader: &'a Schema, writer: &'a Schema) -> Self {
        Self {
            reader: Texts::new(reader),
            writer: Texts::new(writer),
        }
    }

    /// The places of a leaf: in the reader and in the writer.
    pub(super) fn of(&mut self, leaf: &Leaf, steps: &[Step]) -> (Place, Place) {
        let (r, w) = (&mut self.reader, &mut self.writer);
        match leaf.kind {
            Type::NameMismatch => (r.definition(leaf.reader), w.definition(leaf.writer)),
            Type::FixedSizeMismatch => (r.part(leaf.reader, "size"), w.part(leaf.writer, "size")),
            Type::MissingEnumSymbols => {
                let missing = w.missing_symbol(leaf.writer, r.schema, leaf.reader);
                (r.part(leaf.reader, "symbols"), missing)
            }
            Type::ReaderFieldMissingDefaultValue | Type::AmbiguousFieldAlias => {
                (r.field(leaf.reader, leaf.index), w.definition(leaf.writer))
            }
            Type::MissingUnionBranch if leaf.index.is_some() => (
                r.definition(leaf.reader),
                w.branch(leaf.writer, leaf.index.unwrap_or(0)),
            ),
            Type::MissingUnionBranch | Type::TypeMismatch | Type::TooComplex => {
                let step = steps.get(leaf.at as usize);
                let places = step.map(|step| self.reference(step, steps));
                let (reader, writer) = (&self.reader, &self.writer);
                let (mut at_reader, mut at_writer) = places
                    .unwrap_or_else(|| (reader.definition(leaf.reader), writer.definition(leaf.writer)));
                // A node without a name stands where it is used.
                if reader.node(leaf.reader).name().is_none() {
                    at_reader = reader.definition(leaf.reader);
                }
                if writer.node(leaf.writer).name().is_none() {
                    at_writer = writer.definition(leaf.writer);
                }
                (at_reader, at_writer)
            }
        }
    }

    /// Where the two types are referred to.
    fn reference(&mut self, step: &Step, steps: &[Step]) -> (Place, Place) {
        let (r, w) = (&mut self.reader, &mut self.writer);
        match step.token {
            Token::Items => (r.part(step.reader, "items"), w.part(step.writer, "items")),
            Token::Values => (r.part(step.reader, "values"), w.part(step.writer, "values")),
            Token::Type(reader, Some(writer)) => (
                r.field_type(step.reader, reader),
                w.field_type(step.writer, writer),
            ),
            Token::Type(reader, None) => (r.field_type(step.reader, reader), w.definition(step.writer)),
            Token::Branch(index) => {
                let branch = w.branch(step.writer, index);
                let parent = step.parent.and_then(|p| steps.get(p as usize)).copied();
                let reader = match parent {
                    Some(parent) => self.reference(&parent, steps).0,
                    None => r.definition(step.reader),
                };
                (reader, branch)
            }
            Token::Root | Token::Name | Token::Symbols | Token::Size | Token::Field(_) => {
                (r.definition(step.reader), w.definition(step.writer))
            }
        }
    }
}

impl<'a> Texts<'a> {
    pub(crate) fn new(schema: &'a Schema) -> Self {
        Self {
            schema,
            read: HashMap::new(),
        }
    }

    fn node(&self, id: TypeId) -> &'a Node {
        self.schema.node(id)
    }

    /// The name of a named type, else all of its text.
    pub(crate) fn definition(&self, id: TypeId) -> Place {
        let node = self.node(id);
        let span = match &node.kind {
            Kind::Record(r) => r.name_span,
            Kind::Enum(e) => e.name_span,
            Kind::Fixed(f) => f.name_span,
            _ => node.place.span,
        };
        Place::new(&node.place.source, span)
    }

    /// The value of a key in a type's defining object.
    pub(crate) fn part(&mut self, id: TypeId, key: &str) -> Place {
        let place = &self.node(id).place;
        match self.json(id).and_then(|value| value.get(key)) {
            Some(part) => Place::new(&place.source, shift(part.span, place.span)),
            None => self.definition(id),
        }
    }

    /// The same with its key.
    pub(crate) fn part_with_key(&mut self, id: TypeId, key: &str) -> Place {
        let place = &self.node(id).place;
        match self.json(id).and_then(|value| value.member(key)) {
            Some(part) => Place::new(&place.source, shift(part.key_span, place.span)),
            None => self.definition(id),
        }
    }

    /// A branch of a union.
    pub(crate) fn branch(&mut self, id: TypeId, index: usize) -> Place {
        let place = &self.node(id).place;
        match self.json(id).and_then(Value::as_array).and_then(|b| b.get(index)) {
            Some(branch) => Place::new(&place.source, shift(head(branch), place.span)),
            None => self.definition(id),
        }
    }

    fn json(&mut self, id: TypeId) -> Option<&Value> {
        let place = &self.schema.node(id).place;
        self.read
            .entry(id)
            .or_insert_with(|| json::parse(place.source.slice(place.span)).ok())
            .as_ref()
    }

    pub(crate) fn field(&self, id: TypeId, index: Option<usize>) -> Place {
        let node = self.node(id);
        match &node.kind {
            Kind::Record(r) => match index.and_then(|index| r.fields.get(index)) {
                Some(field) => Place::new(&node.place.source, field.name_span),
                None => self.definition(id),
            },
            _ => self.definition(id),
        }
    }

    pub(crate) fn field_type(&self, id: TypeId, index: usize) -> Place {
        let node = self.node(id);
        match &node.kind {
            Kind::Record(r) => match r.fields.get(index) {
                Some(field) => Place::new(&node.place.source, field.type_span),
                None => self.definition(id),
            },
            _ => self.definition(id),
        }
    }

    /// The first symbol of an enum that another lacks.
    fn missing_symbol(&self, id: TypeId, other: &Schema, other_id: TypeId) -> Place {
        let node = self.node(id);
        if let (Kind::Enum(mine), Kind::Enum(theirs)) = (&node.kind, &other.node(other_id).kind)
            && let Some(index) = mine.symbols.iter().position(|s| !theirs.symbols.contains(s))
            && let Some(span) = mine.symbol_spans.get(index)
        {
            return Place::new(&node.place.source, *span);
        }
        self.definition(id)
    }
}

/// A span within a slice as one of the source.
fn shift(span: Span, slice: Span) -> Span {
    Span::new(slice.start + span.start, slice.start + span.end)
}

/// An inline definition by its name, or its type; anything else whole.
fn head(value: &Value) -> Span {
    match value.get("name").or_else(|| value.get("type")) {
        Some(part) => part.span,
        None => value.span,
    }
}
