//! Values to JSON: Avro's JSON encoding, as Java's `JsonEncoder` prints it.

use crate::resolve::{Step, branch_name, describe, path_text};
use crate::schema::{Kind, Schema, TypeId};

use super::{Value, ValueError, number};

impl Value {
    /// Avro's JSON encoding (Avro 1.12 specification, "JSON Encoding"), without spaces: a union's value is in an object
    /// under its branch's name unless it is null, bytes and fixed are strings of one character a byte, NaN and the
    /// infinities are strings. Maps are in the order of keys; Java's are in the order of its hash table.
    ///
    /// # Errors
    ///
    /// The value is none of the schema.
    pub fn to_avro_json(&self, schema: &Schema) -> Result<String, ValueError> {
        let mut printing = Printing {
            schema,
            path: Vec::new(),
            out: String::new(),
        };
        printing.value(schema.root(), self)?;
        Ok(printing.out)
    }
}

struct Printing<'a> {
    schema: &'a Schema,
    path: Vec<Step<'a>>,
    out: String,
}

impl<'a> Printing<'a> {
    fn value(&mut self, ty: TypeId, value: &'a Value) -> Result<(), ValueError> {
        let schema = self.schema;
        match (&schema.node(ty).kind, value) {
            (Kind::Null, Value::Null) => self.out.push_str("null"),
            (Kind::Boolean, Value::Boolean(value)) => {
                self.out.push_str(if *value { "true" } else { "false" });
            }
            (Kind::Int, Value::Int(value)) => self.out.push_str(&value.to_string()),
            (Kind::Long, Value::Long(value)) => self.out.push_str(&value.to_string()),
            (Kind::Float, Value::Float(value)) => number::float(&mut self.out, *value),
            (Kind::Double, Value::Double(value)) => number::double(&mut self.out, *value),
            (Kind::String, Value::String(value)) => text(&mut self.out, value.chars()),
            (Kind::Bytes, Value::Bytes(value)) => {
                text(&mut self.out, value.iter().map(|&byte| char::from(byte)));
            }
            (Kind::Fixed(fixed), Value::Fixed(value)) if fixed.size == value.len() => {
                text(&mut self.out, value.iter().map(|&byte| char::from(byte)));
            }
            (Kind::Enum(symbols), Value::Enum(at)) if *at < symbols.symbols.len() => {
                text(&mut self.out, symbols.symbols[*at].chars());
            }
            (Kind::Union(branches), Value::Union(at, value)) if *at < branches.len() => {
                let branch = branches[*at];
                if matches!(schema.node(branch).kind, Kind::Null) {
                    self.value(branch, value)?;
                } else {
                    self.out.push('{');
                    text(&mut self.out, branch_name(schema, branch).chars());
                    self.out.push(':');
                    self.value(branch, value)?;
                    self.out.push('}');
                }
            }
            (Kind::Array(items), Value::Array(values)) => {
                self.out.push('[');
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        self.out.push(',');
                    }
                    self.path.push(Step::Index(at));
                    self.value(*items, value)?;
                    self.path.pop();
                }
                self.out.push(']');
            }
            (Kind::Map(items), Value::Map(values)) => {
                self.out.push('{');
                for (at, (key, value)) in values.iter().enumerate() {
                    self.key(at, key);
                    self.path.push(Step::Key(key));
                    self.value(*items, value)?;
                    self.path.pop();
                }
                self.out.push('}');
            }
            (Kind::Record(record), Value::Record(values)) if record.fields.len() == values.len() => {
                self.out.push('{');
                for (at, (field, value)) in record.fields.iter().zip(values).enumerate() {
                    self.key(at, &field.name);
                    self.path.push(Step::Field(&field.name));
                    self.value(field.ty, value)?;
                    self.path.pop();
                }
                self.out.push('}');
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

    fn key(&mut self, at: usize, key: &str) {
        if at > 0 {
            self.out.push(',');
        }
        text(&mut self.out, key.chars());
        self.out.push(':');
    }
}

/// A JSON string with what must be escaped, as Jackson escapes it.
fn text(out: &mut String, chars: impl Iterator<Item = char>) {
    out.push('"');
    for c in chars {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
