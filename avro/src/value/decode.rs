//! Avro binary to values.

use std::collections::BTreeMap;

use crate::resolve::{Step, path_text};
use crate::schema::{Kind, Schema, TypeId};
use crate::wire::{Cursor, DecodeError, MinSizes};

use super::Value;

/// Room that is made for items before they are there, at most: a count may be as large as the input.
const MAX_PREALLOCATED: usize = 1_024;

impl Value {
    /// Reads one datum of the schema from the start of the input; returns it and how many bytes it took.
    ///
    /// # Errors
    ///
    /// The bytes are none of that schema. The error has the offset and the path.
    pub fn decode(schema: &Schema, input: &[u8]) -> Result<(Self, usize), DecodeError> {
        let mut reading = Reading {
            schema,
            input: Cursor::new(input),
            sizes: MinSizes::default(),
            path: Vec::new(),
        };
        match reading.value(schema.root()) {
            Ok(value) => Ok((value, reading.input.offset())),
            Err(error) if reading.path.is_empty() => Err(error),
            Err(error) => Err(error.at(path_text(&reading.path))),
        }
    }

    /// The same where the input has to end with the datum.
    ///
    /// # Errors
    ///
    /// Those of [`Value::decode`], and bytes that are left.
    pub fn decode_all(schema: &Schema, input: &[u8]) -> Result<Self, DecodeError> {
        let (value, read) = Self::decode(schema, input)?;
        match Cursor::new(input.get(read..).unwrap_or_default()).finish() {
            Ok(()) => Ok(value),
            Err(error) => Err(error.shifted(read)),
        }
    }
}

struct Reading<'a> {
    schema: &'a Schema,
    input: Cursor<'a>,
    sizes: MinSizes,
    /// Where the reading is; after an error, where that was.
    path: Vec<Step<'a>>,
}

impl Reading<'_> {
    fn value(&mut self, ty: TypeId) -> Result<Value, DecodeError> {
        let schema = self.schema;
        match &schema.node(ty).kind {
            Kind::Union(branches) => self.union(branches),
            Kind::Array(items) => self.array(*items),
            Kind::Map(values) => self.map(*values),
            Kind::Record(_) => self.record(ty),
            kind => self.primitive(kind),
        }
    }

    // Functions of their own, so that nesting takes little of the stack.

    fn primitive(&mut self, kind: &Kind) -> Result<Value, DecodeError> {
        Ok(match kind {
            Kind::Boolean => Value::Boolean(self.input.boolean()?),
            Kind::Int => Value::Int(self.input.int()?),
            Kind::Long => Value::Long(self.input.long()?),
            Kind::Float => Value::Float(self.input.float()?),
            Kind::Double => Value::Double(self.input.double()?),
            Kind::Bytes => Value::Bytes(self.input.bytes()?.to_vec()),
            Kind::String => Value::String(self.input.string()?.to_owned()),
            Kind::Fixed(fixed) => Value::Fixed(self.input.raw(fixed.size, "a fixed")?.to_vec()),
            Kind::Enum(symbols) => Value::Enum(self.input.symbol(symbols.symbols.len())?),
            _ => Value::Null,
        })
    }

    fn union(&mut self, branches: &[TypeId]) -> Result<Value, DecodeError> {
        let at = self.input.branch(branches.len())?;
        Ok(Value::Union(at, Box::new(self.value(branches[at])?)))
    }

    fn array(&mut self, items: TypeId) -> Result<Value, DecodeError> {
        self.input.enter()?;
        let min = self.sizes.of(self.schema, items);
        let mut values = Vec::new();
        loop {
            let count = self.input.block(min)?;
            if count == 0 {
                break;
            }
            values.reserve(count.min(MAX_PREALLOCATED));
            for _ in 0..count {
                self.path.push(Step::Index(values.len()));
                values.push(self.value(items)?);
                self.path.pop();
            }
        }
        self.input.leave();
        Ok(Value::Array(values))
    }

    fn map(&mut self, values: TypeId) -> Result<Value, DecodeError> {
        self.input.enter()?;
        let min = self.sizes.of(self.schema, values).saturating_add(1);
        let mut map = BTreeMap::new();
        loop {
            let count = self.input.block(min)?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                let key = self.input.string()?;
                self.path.push(Step::Key(key));
                let value = self.value(values)?;
                self.path.pop();
                map.insert(key.to_owned(), value);
            }
        }
        self.input.leave();
        Ok(Value::Map(map))
    }

    fn record(&mut self, ty: TypeId) -> Result<Value, DecodeError> {
        let schema = self.schema;
        let Kind::Record(record) = &schema.node(ty).kind else {
            return Ok(Value::Null);
        };
        self.input.enter()?;
        let mut fields = Vec::with_capacity(record.fields.len());
        for field in &record.fields {
            self.path.push(Step::Field(&field.name));
            fields.push(self.value(field.ty)?);
            self.path.pop();
        }
        self.input.leave();
        Ok(Value::Record(fields))
    }
}
