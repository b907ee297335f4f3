//! Values from JSON: Avro's JSON encoding, as Java's `JsonDecoder` takes it.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::json::{self, Kind as Json};
use crate::resolve::{Step, branch_name, describe, latin1, path_text};
use crate::schema::{Field, Kind, Record, Schema, TypeId};
use crate::source::Span;

use super::Value;

/// JSON that is no value of the schema.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}expected {expected}, found {found}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct JsonError {
    /// Where in the value, as a JSON Pointer; empty at the root.
    pub path: String,
    /// Where in the text.
    pub span: Span,
    /// What the schema has there.
    pub expected: String,
    /// What the JSON has.
    pub found: String,
}

/// How deep JSON may be nested: its parser has a limit of its own, but a tree may come from elsewhere.
const MAX_DEPTH: usize = 1_000;

impl Value {
    /// Reads Avro's JSON encoding of a value of the schema: members in any order and under the field's name or one of
    /// its aliases, none missing and none too many; a whole number may be written with a fraction of zero.
    ///
    /// # Errors
    ///
    /// The JSON is no value of the schema.
    pub fn from_avro_json(schema: &Schema, json: &json::Value) -> Result<Self, JsonError> {
        Reading {
            schema,
            path: Vec::new(),
        }
        .value(schema.root(), json)
    }
}

struct Reading<'a> {
    schema: &'a Schema,
    path: Vec<Step<'a>>,
}

impl<'a> Reading<'a> {
    fn value(&mut self, ty: TypeId, json: &'a json::Value) -> Result<Value, JsonError> {
        let schema = self.schema;
        if self.path.len() > MAX_DEPTH {
            return Err(self.error(
                json,
                format!("values nested at most {MAX_DEPTH} deep"),
                "deeper ones",
            ));
        }
        let value = match (&schema.node(ty).kind, &json.kind) {
            (Kind::Null, Json::Null) => Some(Value::Null),
            (Kind::Boolean, Json::Bool(value)) => Some(Value::Boolean(*value)),
            (Kind::Int, Json::Number(text)) => whole(text)
                .and_then(|value| i32::try_from(value).ok())
                .map(Value::Int),
            (Kind::Long, Json::Number(text)) => whole(text).map(Value::Long),
            (Kind::Float, Json::Number(text)) => text.parse().ok().map(Value::Float),
            (Kind::Double, Json::Number(text)) => text.parse().ok().map(Value::Double),
            (Kind::Float, Json::String(text)) => not_a_number(text).map(|value| Value::Float(value as f32)),
            (Kind::Double, Json::String(text)) => not_a_number(text).map(Value::Double),
            (Kind::String, Json::String(text)) => Some(Value::String(text.clone())),
            (Kind::Bytes, Json::String(text)) => Some(Value::Bytes(latin1(text).collect())),
            (Kind::Fixed(fixed), Json::String(text)) => {
                let bytes: Vec<_> = latin1(text).collect();
                (bytes.len() == fixed.size).then_some(Value::Fixed(bytes))
            }
            (Kind::Enum(symbols), Json::String(text)) => symbols
                .symbols
                .iter()
                .position(|symbol| symbol == text)
                .map(Value::Enum),
            (Kind::Union(branches), _) => return self.union(ty, branches, json),
            (Kind::Array(items), Json::Array(values)) => {
                let mut array = Vec::with_capacity(values.len());
                for (at, value) in values.iter().enumerate() {
                    self.path.push(Step::Index(at));
                    array.push(self.value(*items, value)?);
                    self.path.pop();
                }
                Some(Value::Array(array))
            }
            (Kind::Map(items), Json::Object(members)) => {
                let mut map = BTreeMap::new();
                for member in members {
                    self.path.push(Step::Key(&member.key));
                    map.insert(member.key.clone(), self.value(*items, &member.value)?);
                    self.path.pop();
                }
                Some(Value::Map(map))
            }
            (Kind::Record(record), Json::Object(members)) => {
                return self.record(record, json, members);
            }
            _ => None,
        };
        value.ok_or_else(|| self.mismatch(ty, json))
    }

    fn union(
        &mut self,
        ty: TypeId,
        branches: &'a [TypeId],
        json: &'a json::Value,
    ) -> Result<Value, JsonError> {
        let schema = self.schema;
        let (label, inner) = match &json.kind {
            Json::Null => ("null", json),
            Json::Object(members) => match members.as_slice() {
                [member] => (member.key.as_str(), &member.value),
                _ => return Err(self.mismatch(ty, json)),
            },
            _ => return Err(self.mismatch(ty, json)),
        };
        match branches
            .iter()
            .position(|branch| branch_name(schema, *branch) == label)
        {
            Some(at) => Ok(Value::Union(at, Box::new(self.value(branches[at], inner)?))),
            None => Err(self.error(json, describe(schema, ty), format!("the branch `{label}`"))),
        }
    }

    fn record(
        &mut self,
        record: &'a Record,
        json: &'a json::Value,
        members: &'a [json::Member],
    ) -> Result<Value, JsonError> {
        let mut fields = Vec::with_capacity(record.fields.len());
        for field in &record.fields {
            let member = members.iter().rev().find(|m| m.key == field.name);
            let member = member.or_else(|| members.iter().rev().find(|m| aliased(field, &m.key)));
            let Some(member) = member else {
                let expected = format!("record {} with the field `{}`", record.name, field.name);
                return Err(self.error(json, expected, "an object without it"));
            };
            self.path.push(Step::Field(&field.name));
            fields.push(self.value(field.ty, &member.value)?);
            self.path.pop();
        }
        let known = |key: &str| {
            record
                .fields
                .iter()
                .any(|field| field.name == key || aliased(field, key))
        };
        match members.iter().find(|m| !known(&m.key)) {
            None => Ok(Value::Record(fields)),
            Some(member) => Err(JsonError {
                path: path_text(&self.path),
                span: member.key_span,
                expected: format!("a field of record {}", record.name),
                found: format!("`{}`", member.key),
            }),
        }
    }

    fn mismatch(&self, ty: TypeId, json: &json::Value) -> JsonError {
        let mut expected = describe(self.schema, ty);
        if let Kind::Union(branches) = &self.schema.node(ty).kind
            && !branches.is_empty()
        {
            expected.push_str(" as null or {branch: value}");
        }
        let found = match &json.kind {
            Json::Null => "null".to_owned(),
            Json::Bool(value) => value.to_string(),
            Json::Number(text) => text.clone(),
            Json::String(text) => format!("{text:?}"),
            Json::Array(_) => "an array".to_owned(),
            Json::Object(_) => "an object".to_owned(),
        };
        self.error(json, expected, found)
    }

    fn error(&self, json: &json::Value, expected: impl Into<String>, found: impl Into<String>) -> JsonError {
        JsonError {
            path: path_text(&self.path),
            span: json.span,
            expected: expected.into(),
            found: found.into(),
        }
    }
}

fn aliased(field: &Field, key: &str) -> bool {
    field.aliases.iter().any(|alias| alias == key)
}

/// A whole number, written as one or with a fraction of zero.
fn whole(text: &str) -> Option<i64> {
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let value: f64 = text.parse().ok()?;
    // 2^63 and above do not fit; below, every double without a fraction does.
    let fits = value.fract() == 0.0 && value >= i64::MIN as f64 && value < -(i64::MIN as f64);
    (fits && text.contains(['.', 'e', 'E'])).then_some(value as i64)
}

fn not_a_number(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" | "INF" => Some(f64::INFINITY),
        "-Infinity" | "-INF" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}
