//! Why a datum could not be read, with the path in the data.
//!
//! The program of a plan joins what it can and keeps no names. When it fails, the datum is read once more, action by
//! action, only to find the place again. A failure costs twice as much as a success, and a success nothing more.

use crate::schema::{Kind, Record, TypeId};
use crate::wire::{Cursor, DecodeError, DecodeErrorKind, MinSizes};

use super::Plan;
use super::actions::{Action, ActionId, ActionKind, Fields, Promotion};
use super::error::{Mismatch, describe};
use super::verdict::field_name;

/// The error of that input, if it has one.
pub(super) fn explain(plan: &Plan, input: &[u8]) -> Option<DecodeError> {
    let mut reading = Reading {
        plan,
        input: Cursor::new(input),
        sizes: MinSizes::default(),
        path: Vec::new(),
    };
    let error = reading.value(plan.graph.root).err()?;
    let path = path_text(&reading.path);
    Some(if path.is_empty() { error } else { error.at(path) })
}

/// A step of a path in data.
pub(crate) enum Step<'a> {
    /// A field.
    Field(&'a str),
    /// A key of a map.
    Key(&'a str),
    /// An index of an array.
    Index(usize),
}

/// The path as a JSON Pointer (RFC 6901).
pub(crate) fn path_text(path: &[Step<'_>]) -> String {
    let mut text = String::new();
    for step in path {
        text.push('/');
        match step {
            Step::Field(name) | Step::Key(name) => {
                text.push_str(&name.replace('~', "~0").replace('/', "~1"));
            }
            Step::Index(at) => text.push_str(&at.to_string()),
        }
    }
    text
}

struct Reading<'a> {
    plan: &'a Plan,
    input: Cursor<'a>,
    sizes: MinSizes,
    /// Where the reading is; after an error, where that was.
    path: Vec<Step<'a>>,
}

impl<'a> Reading<'a> {
    fn value(&mut self, id: ActionId) -> Result<(), DecodeError> {
        let plan = self.plan;
        let action = &plan.graph.actions[id];
        match &action.kind {
            ActionKind::Same => self.primitive(action.writer, true),
            ActionKind::Promote(promotion) => {
                self.primitive(action.writer, *promotion != Promotion::StringToBytes)
            }
            ActionKind::Fail(mismatch) => Err(self.no_way(mismatch)),
            ActionKind::Enum(symbols) => self.symbol(action, symbols),
            ActionKind::OpenEnum(symbols) => self.input.symbol(symbols.len()).map(drop),
            ActionKind::Array(items) => self.items(action.writer, *items),
            ActionKind::Map(values) => self.pairs(action.writer, *values),
            ActionKind::Record(fields) => self.fields(action, fields),
            ActionKind::Branches(branches) => {
                let branch = self.branch(action, branches)?;
                self.value(branch)
            }
            ActionKind::Branch(_, inner) => self.value(*inner),
        }
    }

    fn symbol(&mut self, action: &Action, symbols: &[Option<usize>]) -> Result<(), DecodeError> {
        let start = self.input.offset();
        let at = self.input.symbol(symbols.len())?;
        match symbols[at] {
            Some(_) => Ok(()),
            None => Err(self.unknown_symbol(start, action, at)),
        }
    }

    fn branch(&mut self, action: &Action, branches: &[ActionId]) -> Result<ActionId, DecodeError> {
        let plan = self.plan;
        let start = self.input.offset();
        let id = branches[self.input.branch(branches.len())?];
        let branch = &plan.graph.actions[id];
        match &branch.kind {
            ActionKind::Fail(_) => Err(DecodeError::new(
                start,
                DecodeErrorKind::UnresolvedBranch {
                    writer: describe(&plan.writer, branch.writer),
                    reader: describe(&plan.reader, action.reader),
                },
            )),
            _ => Ok(id),
        }
    }

    fn items(&mut self, writer: TypeId, items: ActionId) -> Result<(), DecodeError> {
        self.input.enter()?;
        let min = self.min_bytes(writer);
        let mut index = 0;
        loop {
            let count = self.input.block(min)?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                self.path.push(Step::Index(index));
                self.value(items)?;
                self.path.pop();
                index += 1;
            }
        }
        self.input.leave();
        Ok(())
    }

    fn pairs(&mut self, writer: TypeId, values: ActionId) -> Result<(), DecodeError> {
        self.input.enter()?;
        let min = self.min_bytes(writer);
        loop {
            let count = self.input.block(min)?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                let key = self.input.string()?;
                self.path.push(Step::Key(key));
                self.value(values)?;
                self.path.pop();
            }
        }
        self.input.leave();
        Ok(())
    }

    fn fields(&mut self, action: &Action, fields: &Fields) -> Result<(), DecodeError> {
        let plan = self.plan;
        self.input.enter()?;
        let Kind::Record(record) = &plan.writer.node(action.writer).kind else {
            return Ok(());
        };
        for (field, kept) in record.fields.iter().zip(&fields.kept) {
            match kept {
                Some((at, inner)) => {
                    let name = field_name(&plan.reader, action, *at);
                    self.path.push(Step::Field(name));
                    self.value(*inner)?;
                }
                None => {
                    self.path.push(Step::Field(&field.name));
                    self.skip(field.ty)?;
                }
            }
            self.path.pop();
        }
        self.input.leave();
        Ok(())
    }

    fn skip(&mut self, ty: TypeId) -> Result<(), DecodeError> {
        let plan = self.plan;
        match &plan.writer.node(ty).kind {
            Kind::Array(items) => self.skip_items(ty, *items),
            Kind::Map(values) => self.skip_pairs(ty, *values),
            Kind::Union(branches) => {
                let at = self.input.branch(branches.len())?;
                self.skip(branches[at])
            }
            Kind::Record(record) => self.skip_fields(record),
            _ => self.primitive(ty, false),
        }
    }

    fn skip_items(&mut self, ty: TypeId, items: TypeId) -> Result<(), DecodeError> {
        self.input.enter()?;
        let min = self.min_bytes(ty);
        loop {
            let count = self.input.skip_block(min)?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                self.skip(items)?;
            }
        }
        self.input.leave();
        Ok(())
    }

    fn skip_pairs(&mut self, ty: TypeId, values: TypeId) -> Result<(), DecodeError> {
        self.input.enter()?;
        let min = self.min_bytes(ty);
        loop {
            let count = self.input.skip_block(min)?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                self.input.string_bytes()?;
                self.skip(values)?;
            }
        }
        self.input.leave();
        Ok(())
    }

    fn skip_fields(&mut self, record: &'a Record) -> Result<(), DecodeError> {
        self.input.enter()?;
        for field in &record.fields {
            self.path.push(Step::Field(&field.name));
            self.skip(field.ty)?;
            self.path.pop();
        }
        self.input.leave();
        Ok(())
    }

    fn primitive(&mut self, ty: TypeId, wanted: bool) -> Result<(), DecodeError> {
        match &self.plan.writer.node(ty).kind {
            Kind::Boolean => self.input.boolean().map(drop),
            Kind::Int | Kind::Enum(_) => self.input.int().map(drop),
            Kind::Long => self.input.long().map(drop),
            Kind::Float => self.input.float().map(drop),
            Kind::Double => self.input.double().map(drop),
            Kind::Fixed(fixed) => self.input.raw(fixed.size, "a fixed").map(drop),
            Kind::String if wanted => self.input.string().map(drop),
            Kind::String => self.input.string_bytes().map(drop),
            Kind::Bytes => self.input.bytes().map(drop),
            _ => Ok(()),
        }
    }

    fn no_way(&self, mismatch: &Mismatch) -> DecodeError {
        let reason = mismatch.to_string();
        DecodeError::new(self.input.offset(), DecodeErrorKind::Unresolved { reason })
    }

    fn unknown_symbol(&self, start: usize, action: &Action, at: usize) -> DecodeError {
        let symbol = match &self.plan.writer.node(action.writer).kind {
            Kind::Enum(writer) => writer.symbols.get(at).cloned().unwrap_or_default(),
            _ => String::new(),
        };
        let reader = match self.plan.reader.node(action.reader).name() {
            Some(name) => name.to_string(),
            None => String::new(),
        };
        DecodeError::new(start, DecodeErrorKind::UnresolvedSymbol { symbol, reader })
    }

    fn min_bytes(&mut self, ty: TypeId) -> usize {
        let writer = &self.plan.writer;
        match &writer.node(ty).kind {
            Kind::Array(items) => self.sizes.of(writer, *items),
            Kind::Map(values) => self.sizes.of(writer, *values).saturating_add(1),
            _ => 0,
        }
    }
}
