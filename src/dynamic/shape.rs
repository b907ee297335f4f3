//! A schema with what is asked of it again and again: rules and defaults of fields, which union is an optional.

use std::collections::BTreeMap;

use fleetops_avro::Schema;
use fleetops_avro::diagnostic::Diagnostic;
use fleetops_avro::json::{Kind as Json, Value as JsonValue};
use fleetops_avro::schema::{Kind, TypeId};
use fleetops_avro::value::Value;
use fleetops_codegen::validation::{self, Rule};
use fleetops_runtime::regex::Regex;

/// How deep a default may be nested.
const MAX_DEPTH: usize = 200;

/// A schema, ready for values.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) schema: Schema,
    /// By record, in the order of fields.
    fields: BTreeMap<TypeId, Vec<Facts>>,
}

/// What a field has besides its type.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) rules: Vec<Check>,
    /// What a field is that the JSON leaves out; `None`: it must be there.
    pub(super) absent: Option<Value>,
}

/// A rule with its parameter read.
#[derive(Debug)]
pub(super) enum Check {
    Number { bound: Bound, limit: Number },
    Pattern(Regex),
    MinSize(usize),
    MaxSize(usize),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Bound {
    Minimum,
    Maximum,
    ExclusiveMinimum,
    ExclusiveMaximum,
}

/// A limit, read as each of the types that a field with one can have; only that of the field's own type counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number {
    pub(super) int: i32,
    pub(super) long: i64,
    pub(super) float: f32,
    pub(super) double: f64,
}

impl Number {
    fn of(literal: &str) -> Self {
        Self {
            int: literal.parse().unwrap_or_default(),
            long: literal.parse().unwrap_or_default(),
            float: literal.parse().unwrap_or_default(),
            double: literal.parse().unwrap_or_default(),
        }
    }
}

impl Shape {
    /// # Errors
    /// Rules that can never hold, and types without values: what generation refuses.
    pub(super) fn new(schema: Schema) -> Result<Self, Vec<Diagnostic>> {
        let mut fields = BTreeMap::new();
        for (record, rules) in validation::rules(schema.set())? {
            let Kind::Record(declared) = &schema.node(record).kind else {
                continue;
            };
            let facts = declared.fields.iter().zip(rules).map(|(field, rules)| Facts {
                rules: rules.iter().filter_map(Check::of).collect(),
                absent: match &field.default {
                    Some(default) => default_value(&schema, field.ty, default, 0),
                    None => optional(&schema, field.ty).map(|o| Value::Union(o.null, Box::new(Value::Null))),
                },
            });
            fields.insert(record, facts.collect());
        }
        Ok(Self { schema, fields })
    }

    /// The facts of a record's fields.
    pub(super) fn fields(&self, record: TypeId) -> &[Facts] {
        self.fields.get(&record).map_or(&[], Vec::as_slice)
    }

    /// The parts of a union of null and one other.
    pub(super) fn optional(&self, ty: TypeId) -> Option<Optional> {
        optional(&self.schema, ty)
    }
}

/// A union of null and one other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Optional {
    /// Position of null.
    pub(super) null: usize,
    /// The other type.
    pub(super) inner: TypeId,
}

fn optional(schema: &Schema, ty: TypeId) -> Option<Optional> {
    let Kind::Union(branches) = &schema.node(ty).kind else {
        return None;
    };
    let is_null = |id: &TypeId| matches!(schema.node(*id).kind, Kind::Null);
    match branches.as_slice() {
        [first, second] if is_null(first) != is_null(second) => Some(match is_null(first) {
            true => Optional {
                null: 0,
                inner: *second,
            },
            false => Optional {
                null: 1,
                inner: *first,
            },
        }),
        _ => None,
    }
}

impl Check {
    fn of(rule: &Rule) -> Option<Self> {
        let number = |bound, limit: &str| {
            Some(Self::Number {
                bound,
                limit: Number::of(limit),
            })
        };
        let size = |size: &u64| usize::try_from(*size).unwrap_or(usize::MAX);
        match rule {
            Rule::Minimum(limit) => number(Bound::Minimum, limit),
            Rule::Maximum(limit) => number(Bound::Maximum, limit),
            Rule::ExclusiveMinimum(limit) => number(Bound::ExclusiveMinimum, limit),
            Rule::ExclusiveMaximum(limit) => number(Bound::ExclusiveMaximum, limit),
            // Read only where it compiles.
            Rule::Pattern(text) => Regex::new(text).ok().map(Self::Pattern),
            Rule::MinLength(n) | Rule::MinItems(n) | Rule::MinProperties(n) => Some(Self::MinSize(size(n))),
            Rule::MaxLength(n) | Rule::MaxItems(n) | Rule::MaxProperties(n) => Some(Self::MaxSize(size(n))),
        }
    }
}

/// A default as a value. `None`: it is none of the type, which the parser has refused already.
fn default_value(schema: &Schema, ty: TypeId, default: &JsonValue, depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    let inner = |ty, value| default_value(schema, ty, value, depth + 1);
    let latin1 =
        |text: &str| -> Option<Vec<u8>> { text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect() };
    Some(match (&schema.node(ty).kind, &default.kind) {
        (Kind::Null, Json::Null) => Value::Null,
        (Kind::Boolean, Json::Bool(value)) => Value::Boolean(*value),
        (Kind::Int, Json::Number(text)) => Value::Int(i32::try_from(whole(text)?).ok()?),
        (Kind::Long, Json::Number(text)) => Value::Long(whole(text)?),
        (Kind::Float, Json::Number(text)) => Value::Float(text.parse::<f64>().ok()? as f32),
        (Kind::Double, Json::Number(text)) => Value::Double(text.parse().ok()?),
        (Kind::Float, Json::String(text)) => Value::Float(special(text)? as f32),
        (Kind::Double, Json::String(text)) => Value::Double(special(text)?),
        (Kind::String, Json::String(text)) => Value::String(text.clone()),
        (Kind::Bytes, Json::String(text)) => Value::Bytes(latin1(text)?),
        (Kind::Fixed(fixed), Json::String(text)) => {
            let bytes = latin1(text)?;
            if bytes.len() != fixed.size {
                return None;
            }
            Value::Fixed(bytes)
        }
        (Kind::Enum(e), Json::String(text)) => Value::Enum(e.symbols.iter().position(|s| s == text)?),
        (Kind::Array(items), Json::Array(values)) => {
            Value::Array(values.iter().map(|v| inner(*items, v)).collect::<Option<_>>()?)
        }
        (Kind::Map(values), Json::Object(_)) => {
            let members = default.members();
            let entries = members
                .iter()
                .map(|m| Some((m.key.clone(), inner(*values, &m.value)?)));
            Value::Map(entries.collect::<Option<_>>()?)
        }
        (Kind::Record(record), Json::Object(_)) => {
            let fields = record.fields.iter().map(|field| {
                let given = default.get(&field.name).or(field.default.as_ref())?;
                inner(field.ty, given)
            });
            Value::Record(fields.collect::<Option<_>>()?)
        }
        (Kind::Union(branches), _) => {
            let mut found = branches.iter().enumerate();
            return found.find_map(|(at, ty)| Some(Value::Union(at, Box::new(inner(*ty, default)?))));
        }
        _ => return None,
    })
}

/// A whole number, written as one or with a fraction of zero.
fn whole(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| {
        let value: f64 = text.parse().ok()?;
        let fits = value.fract() == 0.0 && value >= i64::MIN as f64 && value < -(i64::MIN as f64);
        fits.then_some(value as i64)
    })
}

fn special(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" | "INF" => Some(f64::INFINITY),
        "-Infinity" | "-INF" => Some(f64::NEG_INFINITY),
        other => other.parse().ok(),
    }
}
