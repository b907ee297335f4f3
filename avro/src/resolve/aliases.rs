//! The writer's schema under the names that the reader's aliases give it.
//!
//! Java rewrites the writer's schema before it compares anything (`Schema.applyAliases`). Here the schema stays as it
//! is and this view answers for names: a record, enum or fixed whose full name is an alias of one of the reader's
//! types has that type's name, and a field whose name is an alias of a field of the reader's record has that
//! field's. Where two schemas are equal, aliases do nothing. Java does it twice, once when the reader is made and once
//! when it is resolved, so an alias may name a field whose name is itself an alias.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::json::{self, Kind as Json};
use crate::schema::{Field, Kind, Name, Record, Schema, TypeId};
use crate::source::Place;

use super::error::{Mismatch, ResolveError, branch_name, describe};
use super::same::same;
use super::{MAX_ACTIONS, MAX_NESTING, too_large};

/// How many values of one default are looked at.
const MAX_VALUES: usize = 100_000;

/// See the module.
pub(super) struct Writer<'a> {
    pub(super) schema: &'a Schema,
    names: HashMap<TypeId, Name>,
    fields: HashMap<TypeId, Vec<String>>,
}

#[derive(Default)]
struct Aliases {
    types: BTreeMap<Name, Name>,
    /// By the record's name, its aliases included.
    fields: BTreeMap<Name, BTreeMap<String, String>>,
}

impl<'a> Writer<'a> {
    /// The view of `schema` for that reader.
    ///
    /// # Errors
    ///
    /// Two fields of a record or two branches of a union would have the same name: Java cannot read either.
    pub(super) fn new(schema: &'a Schema, reader: &Schema) -> Result<Self, ResolveError> {
        let mut writer = Self {
            schema,
            names: HashMap::new(),
            fields: HashMap::new(),
        };
        let mut aliases = Aliases::default();
        aliases
            .collect(reader, reader.root(), &mut HashSet::new(), 0)
            .ok_or_else(|| too_large(schema, reader))?;
        if aliases.types.is_empty() && aliases.fields.is_empty() {
            return Ok(writer);
        }
        let mut old = HashSet::new();
        for _ in 0..2 {
            if same(&writer, reader).ok_or_else(|| too_large(schema, reader))? {
                break;
            }
            let mut round = Round {
                reader,
                aliases: &aliases,
                old,
                kept: HashSet::new(),
                unchanged: HashSet::new(),
                steps: 0,
                seen: HashSet::new(),
                open: HashSet::new(),
            };
            writer.rename((schema.root(), false), &mut round, 0)?;
            old = round.kept;
        }
        Ok(writer)
    }

    /// The full name of a record, enum or fixed, as the reader knows it.
    pub(super) fn name(&self, id: TypeId) -> Option<&Name> {
        self.names.get(&id).or_else(|| self.schema.node(id).name())
    }

    /// The names of a record's fields, as the reader knows them, in the writer's order.
    pub(super) fn fields(&self, id: TypeId) -> Cow<'_, [String]> {
        match (self.fields.get(&id), &self.schema.node(id).kind) {
            (Some(renamed), _) => Cow::Borrowed(renamed),
            (None, Kind::Record(record)) => {
                Cow::Owned(record.fields.iter().map(|f| f.name.clone()).collect())
            }
            _ => Cow::Borrowed(&[]),
        }
    }

    fn rename(&mut self, at: Copied, round: &mut Round<'_>, depth: usize) -> Result<(), ResolveError> {
        if depth > MAX_NESTING {
            return Err(too_large(self.schema, round.reader));
        }
        let schema = self.schema;
        let (id, original) = at;
        let node = schema.node(id);
        match &node.kind {
            Kind::Array(items) | Kind::Map(items) => {
                self.rename((*items, original || round.old.contains(&id)), round, depth + 1)?;
                let mut seen = HashSet::new();
                if self.unchanged(*items, round, &mut seen, 0) {
                    round.kept.insert(id);
                    // What was just looked at need not be looked at again.
                    round.unchanged.extend(seen);
                }
                if round.steps > MAX_ACTIONS {
                    return Err(too_large(schema, round.reader));
                }
            }
            Kind::Union(branches) => {
                let mut labels = BTreeSet::new();
                for branch in branches {
                    self.rename((*branch, original), round, depth + 1)?;
                    let label = match self.name(*branch) {
                        Some(name) => name.to_string(),
                        None => branch_name(schema, *branch),
                    };
                    if !labels.insert(label.clone()) {
                        let mismatch = Mismatch::SameBranch { branch: label };
                        return Err(round.error(mismatch, node.place.clone()));
                    }
                }
            }
            Kind::Enum(_) | Kind::Fixed(_) if round.seen.insert(at) => self.rename_type(id, round),
            Kind::Record(record) if round.seen.insert(at) => self.rename_record(at, record, round, depth)?,
            _ => {}
        }
        Ok(())
    }

    fn rename_record(
        &mut self,
        at: Copied,
        record: &Record,
        round: &mut Round<'_>,
        depth: usize,
    ) -> Result<(), ResolveError> {
        let schema = self.schema;
        let (id, original) = at;
        let source = &schema.node(id).place.source;
        self.rename_type(id, round);
        let renames = self.name(id).and_then(|name| round.aliases.fields.get(name));
        let old = self.fields(id);
        let new: Vec<_> = old
            .iter()
            .map(|name| renames.and_then(|r| r.get(name)).unwrap_or(name).clone())
            .collect();
        let renamed = *old != *new;
        round.open.insert(at);
        for field in &record.fields {
            self.rename((field.ty, original), round, depth + 1)?;
            let fits = Check {
                writer: self,
                round,
                fuel: MAX_VALUES,
            }
            .field(field, original);
            if !fits {
                let mismatch = Mismatch::WriterDefault {
                    record: describe(schema, id),
                    field: field.name.clone(),
                };
                return Err(round.error(mismatch, Place::new(source, field.span)));
            }
        }
        let mut names = BTreeSet::new();
        for (field, name) in record.fields.iter().zip(&new) {
            if !names.insert(name) {
                let mismatch = Mismatch::SameField {
                    record: describe(schema, id),
                    field: name.clone(),
                };
                return Err(round.error(mismatch, Place::new(source, field.name_span)));
            }
        }
        round.open.remove(&at);
        if renamed {
            self.fields.insert(id, new);
        }
        Ok(())
    }

    /// Whether a type is equal to what it was before names were given: an array or map of it is then not made anew.
    fn unchanged(&self, id: TypeId, round: &mut Round<'_>, seen: &mut HashSet<TypeId>, depth: usize) -> bool {
        round.steps += 1;
        if depth > MAX_NESTING || round.steps > MAX_ACTIONS || self.names.contains_key(&id) {
            return false;
        }
        match &self.schema.node(id).kind {
            Kind::Array(items) | Kind::Map(items) => self.unchanged(*items, round, seen, depth + 1),
            Kind::Union(branches) => branches
                .iter()
                .all(|branch| self.unchanged(*branch, round, seen, depth + 1)),
            Kind::Record(_) if round.unchanged.contains(&id) => true,
            Kind::Record(_) if round.open.contains(&(id, false)) || self.fields.contains_key(&id) => false,
            Kind::Record(record) => {
                !seen.insert(id)
                    || record
                        .fields
                        .iter()
                        .all(|field| self.unchanged(field.ty, round, seen, depth + 1))
            }
            _ => true,
        }
    }

    fn rename_type(&mut self, id: TypeId, round: &Round<'_>) {
        let new = self.name(id).and_then(|name| round.aliases.types.get(name));
        if let Some(new) = new {
            self.names.insert(id, new.clone());
        }
    }
}

/// A type, and whether it is the writer's own. Java makes new records whenever it gives names, but leaves an array or map
/// alone whose items come out equal: from there on it has the old records, next to new ones of the same names.
type Copied = (TypeId, bool);

/// One time that names are given.
struct Round<'a> {
    reader: &'a Schema,
    aliases: &'a Aliases,
    /// Arrays and maps that were left alone the time before.
    old: HashSet<TypeId>,
    /// Those that are this time.
    kept: HashSet<TypeId>,
    /// Records known to be as they were.
    unchanged: HashSet<TypeId>,
    /// How often it was asked whether something is.
    steps: usize,
    seen: HashSet<Copied>,
    /// Records whose fields are being named.
    open: HashSet<Copied>,
}

impl Round<'_> {
    fn error(&self, mismatch: Mismatch, writer: Place) -> ResolveError {
        ResolveError {
            path: String::new(),
            mismatch: Box::new(mismatch),
            writer,
            reader: self.reader.root_node().place.clone(),
        }
    }
}

/// Whether a default of the writer's still fits its type under the new names, as Java asks
/// (`Schema.isValidDefault`): a record's default names fields.
struct Check<'a> {
    writer: &'a Writer<'a>,
    round: &'a Round<'a>,
    fuel: usize,
}

impl Check<'_> {
    fn field(&mut self, field: &Field, original: bool) -> bool {
        match &field.default {
            None => true,
            Some(default) => self.default(field, default, original, 0) == Some(true),
        }
    }

    /// A number may be written as a string here and only here.
    fn default(
        &mut self,
        field: &Field,
        default: &json::Value,
        original: bool,
        depth: usize,
    ) -> Option<bool> {
        match (&self.writer.schema.node(field.ty).kind, &default.kind) {
            (Kind::Float | Kind::Double, Json::String(_)) => Some(true),
            _ => self.value((field.ty, original), default, depth),
        }
    }

    /// `None` where Java has an exception: at a record whose fields are being named.
    fn value(&mut self, at: Copied, value: &json::Value, depth: usize) -> Option<bool> {
        if depth > MAX_NESTING || self.fuel == 0 {
            return None;
        }
        self.fuel -= 1;
        let writer = self.writer;
        let (ty, original) = at;
        let below = original || self.round.old.contains(&ty);
        Some(match (&writer.schema.node(ty).kind, &value.kind) {
            (Kind::Record(record), Json::Object(_)) => {
                if self.round.open.contains(&at) {
                    return None;
                }
                for (field, name) in record.fields.iter().zip(writer.fields(ty).iter()) {
                    let fits = match (value.get(name), &field.default) {
                        (Some(value), _) => self.value((field.ty, original), value, depth + 1)?,
                        (None, Some(default)) => self.default(field, default, original, depth + 1)?,
                        (None, None) => false,
                    };
                    if !fits {
                        return Some(false);
                    }
                }
                true
            }
            (Kind::Array(items), Json::Array(values)) => {
                for value in values {
                    if !self.value((*items, below), value, depth + 1)? {
                        return Some(false);
                    }
                }
                true
            }
            (Kind::Map(items), Json::Object(_)) => {
                for member in value.members() {
                    if !self.value((*items, below), &member.value, depth + 1)? {
                        return Some(false);
                    }
                }
                true
            }
            (Kind::Union(branches), _) => {
                for branch in branches {
                    if self.value((*branch, original), value, depth + 1)? {
                        return Some(true);
                    }
                }
                false
            }
            (Kind::String | Kind::Bytes | Kind::Enum(_) | Kind::Fixed(_), Json::String(_)) => true,
            (Kind::Int, Json::Number(text)) => json::is_integral(text) && text.parse::<i32>().is_ok(),
            (Kind::Long, Json::Number(text)) => json::is_integral(text) && text.parse::<i64>().is_ok(),
            (Kind::Float | Kind::Double, Json::Number(_))
            | (Kind::Boolean, Json::Bool(_))
            | (Kind::Null, Json::Null) => true,
            _ => false,
        })
    }
}

impl Aliases {
    /// In Java's order, because of two that claim the same alias the later one has it.
    fn collect(
        &mut self,
        reader: &Schema,
        id: TypeId,
        seen: &mut HashSet<TypeId>,
        depth: usize,
    ) -> Option<()> {
        if depth > MAX_NESTING {
            return None;
        }
        match &reader.node(id).kind {
            Kind::Enum(symbols) => self.add(&symbols.name, &symbols.aliases),
            Kind::Fixed(fixed) => self.add(&fixed.name, &fixed.aliases),
            Kind::Array(items) | Kind::Map(items) => {
                self.collect(reader, *items, seen, depth + 1)?;
            }
            Kind::Union(branches) => {
                for branch in branches {
                    self.collect(reader, *branch, seen, depth + 1)?;
                }
            }
            Kind::Record(record) => {
                self.add(&record.name, &record.aliases);
                if !seen.insert(id) {
                    return Some(());
                }
                for field in &record.fields {
                    for alias in &field.aliases {
                        self.fields
                            .entry(record.name.clone())
                            .or_default()
                            .insert(alias.clone(), field.name.clone());
                    }
                    self.collect(reader, field.ty, seen, depth + 1)?;
                }
                if let Some(fields) = self.fields.get(&record.name).cloned() {
                    for alias in &record.aliases {
                        self.fields.insert(alias.clone(), fields.clone());
                    }
                }
            }
            _ => {}
        }
        Some(())
    }

    fn add(&mut self, name: &Name, aliases: &[Name]) {
        for alias in aliases {
            self.types.insert(alias.clone(), name.clone());
        }
    }
}
