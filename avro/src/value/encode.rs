//! Values to Avro binary.

use crate::resolve::{Step, describe, path_text};
use crate::schema::{Kind, Schema, TypeId};
use crate::wire::put;

use super::{Value, ValueError};

impl Value {
    /// Appends the value as Avro binary: each array and map in one block, maps in the order of keys.
    ///
    /// # Errors
    ///
    /// The value is none of the schema; `out` is then as it was.
    pub fn encode(&self, schema: &Schema, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let start = out.len();
        let mut writing = Writing {
            schema,
            path: Vec::new(),
        };
        writing
            .value(schema.root(), self, out)
            .inspect_err(|_| out.truncate(start))
    }
}

struct Writing<'a> {
    schema: &'a Schema,
    path: Vec<Step<'a>>,
}

impl<'a> Writing<'a> {
    fn value(&mut self, ty: TypeId, value: &'a Value, out: &mut Vec<u8>) -> Result<(), ValueError> {
        let schema = self.schema;
        match (&schema.node(ty).kind, value) {
            (Kind::Null, Value::Null) => {}
            (Kind::Boolean, Value::Boolean(value)) => put::boolean(out, *value),
            (Kind::Int, Value::Int(value)) => put::int(out, *value),
            (Kind::Long, Value::Long(value)) => put::long(out, *value),
            (Kind::Float, Value::Float(value)) => put::float(out, *value),
            (Kind::Double, Value::Double(value)) => put::double(out, *value),
            (Kind::Bytes, Value::Bytes(value)) => put::bytes(out, value),
            (Kind::String, Value::String(value)) => put::string(out, value),
            (Kind::Fixed(fixed), Value::Fixed(value)) if fixed.size == value.len() => {
                out.extend_from_slice(value);
            }
            (Kind::Enum(symbols), Value::Enum(at)) if *at < symbols.symbols.len() => {
                put::length(out, *at);
            }
            (Kind::Union(branches), Value::Union(at, value)) if *at < branches.len() => {
                put::length(out, *at);
                self.value(branches[*at], value, out)?;
            }
            (Kind::Array(items), Value::Array(values)) => {
                if !values.is_empty() {
                    put::length(out, values.len());
                    for (at, value) in values.iter().enumerate() {
                        self.path.push(Step::Index(at));
                        self.value(*items, value, out)?;
                        self.path.pop();
                    }
                }
                out.push(0);
            }
            (Kind::Map(items), Value::Map(values)) => {
                if !values.is_empty() {
                    put::length(out, values.len());
                    for (key, value) in values {
                        put::string(out, key);
                        self.path.push(Step::Key(key));
                        self.value(*items, value, out)?;
                        self.path.pop();
                    }
                }
                out.push(0);
            }
            (Kind::Record(record), Value::Record(values)) if record.fields.len() == values.len() => {
                for (field, value) in record.fields.iter().zip(values) {
                    self.path.push(Step::Field(&field.name));
                    self.value(field.ty, value, out)?;
                    self.path.pop();
                }
            }
            (_, value) => {
                return Err(ValueError {
                    path: path_text(&self.path),
                    expected: describe(schema, ty),
                    found: value.describe(),
                });
            }
        }
        Ok(())
    }
}
