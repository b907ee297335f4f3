//! Avro binary to values.

use std::collections::BTreeMap;

use crate::resolve::{Plan, Step, path_text};
use crate::schema::{Kind, Schema, TypeId};
use crate::wire::{Cursor, DecodeError, MinSizes};

use super::Value;

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

    /// Reads one datum of the plan's writer from the start of the input, as a value of the plan's reader.
    ///
    /// # Errors
    ///
    /// Those of [`Plan::transcode`], and nesting that is too deep for a value though not for a plan.
    ///
    /// # Example
    ///
    /// ```
    /// use fleetops_avro::Schema;
    /// use fleetops_avro::resolve::Plan;
    /// use fleetops_avro::value::Value;
    ///
    /// let plan = Plan::new(&Schema::parse(r#""int""#)?, &Schema::parse(r#"["null", "long"]"#)?)?;
    /// let (value, read) = Value::decode_with(&plan, &[0x54])?;
    /// assert_eq!((value.to_avro_json(plan.reader())?.as_str(), read), (r#"{"long":42}"#, 1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn decode_with(plan: &Plan, input: &[u8]) -> Result<(Self, usize), DecodeError> {
        if plan.is_identity() {
            return Self::decode(plan.reader(), input);
        }
        let mut bytes = Vec::new();
        let read = plan.transcode(input, &mut bytes)?;
        Ok((Self::decode_all(plan.reader(), &bytes)?, read))
    }

    /// The same as [`Value::decode`] where the input has to end with the datum.
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
        // Grows with the items: counts may be nested in counts, each as large as what is left of the input.
        let mut values = Vec::new();
        loop {
            let count = self.input.block(min)?;
            if count == 0 {
                break;
            }
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
