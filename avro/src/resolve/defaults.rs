//! Defaults of the reader's fields, encoded once when the plan is made.
//!
//! As Java's `ResolvingGrammarGenerator.encode` does it, and with its answers where the specification has none: of a
//! union it takes the first branch that looks compatible (a record, enum, array or map always does), a whole number is
//! cut to the type's width, a default of a fixed is cut or filled with zeros to its size.

use std::collections::HashMap;

use crate::json::{Kind as Json, Value as JsonValue};
use crate::parse::number::parse_double;
use crate::schema::{Field, Kind, Schema, TypeId};
use crate::wire::put;

/// How deep a default may be nested; one that contains itself never ends.
const MAX_DEPTH: usize = 200;
/// How large an encoded default may be: records with defaults that contain each other double at every level.
const MAX_BYTES: usize = 1 << 24;

pub(super) struct Encoder<'a> {
    schema: &'a Schema,
    /// By the field's address in the schema, which does not move.
    known: HashMap<*const Field, Result<Vec<u8>, String>>,
}

impl<'a> Encoder<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        Self {
            schema,
            known: HashMap::new(),
        }
    }

    /// The field's default in Avro binary, or why it has no such form; `None` where it has no default.
    pub(super) fn field(&mut self, field: &'a Field) -> Option<Result<Vec<u8>, String>> {
        field.default.as_ref()?;
        let schema = self.schema;
        let encoded = self.known.entry(field).or_insert_with(|| {
            let mut out = Vec::new();
            field_default(schema, field, &mut out, 0).map(|()| out)
        });
        Some(encoded.clone())
    }
}

fn field_default(schema: &Schema, field: &Field, out: &mut Vec<u8>, depth: usize) -> Result<(), String> {
    let Some(default) = &field.default else {
        return Err(format!("no value and no default for `{}`", field.name));
    };
    // Only here does Java take a number written as a string, so that NaN can be a default.
    if let Json::String(text) = &default.kind {
        match &schema.node(field.ty).kind {
            Kind::Float => {
                put::float(out, decimal(text)? as f32);
                return Ok(());
            }
            Kind::Double => {
                put::double(out, decimal(text)?);
                return Ok(());
            }
            _ => {}
        }
    }
    encode(schema, field.ty, default, out, depth)
}

fn encode(
    schema: &Schema,
    ty: TypeId,
    value: &JsonValue,
    out: &mut Vec<u8>,
    depth: usize,
) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("it is nested more than {MAX_DEPTH} deep"));
    }
    if out.len() > MAX_BYTES {
        return Err(format!("it takes more than {MAX_BYTES} bytes"));
    }
    match (&schema.node(ty).kind, &value.kind) {
        (Kind::Null, Json::Null) => {}
        (Kind::Boolean, Json::Bool(value)) => put::boolean(out, *value),
        (Kind::Int, Json::Number(text)) => put::int(out, Number::new(text)?.to_int()),
        (Kind::Long, Json::Number(text)) => put::long(out, Number::new(text)?.to_long()),
        (Kind::Float, Json::Number(text)) => put::float(out, Number::new(text)?.to_double() as f32),
        (Kind::Double, Json::Number(text)) => put::double(out, Number::new(text)?.to_double()),
        (Kind::String, Json::String(text)) => put::string(out, text),
        (Kind::Bytes, Json::String(text)) => {
            put::bytes(out, &latin1(text).collect::<Vec<_>>());
        }
        (Kind::Fixed(fixed), Json::String(text)) => {
            let zeros = std::iter::repeat(0);
            if fixed.size > MAX_BYTES {
                return Err(format!("it takes more than {MAX_BYTES} bytes"));
            }
            out.extend(latin1(text).chain(zeros).take(fixed.size));
        }
        (Kind::Enum(symbols), Json::String(text)) => {
            match symbols.symbols.iter().position(|symbol| symbol == text) {
                Some(at) => put::length(out, at),
                None => return Err(format!("enum {} has no symbol `{text}`", symbols.name)),
            }
        }
        (Kind::Array(items), kind) => {
            let values: Vec<_> = match kind {
                Json::Array(values) => values.iter().collect(),
                Json::Object(_) => value.members().into_iter().map(|m| &m.value).collect(),
                _ => Vec::new(),
            };
            if !values.is_empty() {
                put::length(out, values.len());
                for value in values {
                    encode(schema, *items, value, out, depth + 1)?;
                }
            }
            out.push(0);
        }
        (Kind::Map(items), Json::Object(_)) => {
            let members = value.members();
            if !members.is_empty() {
                put::length(out, members.len());
                for member in members {
                    put::string(out, &member.key);
                    encode(schema, *items, &member.value, out, depth + 1)?;
                }
            }
            out.push(0);
        }
        (Kind::Map(_), kind) if !matches!(kind, Json::Array(items) if !items.is_empty()) => {
            out.push(0);
        }
        (Kind::Record(record), _) => {
            for field in &record.fields {
                match value.get(&field.name) {
                    Some(value) => encode(schema, field.ty, value, out, depth + 1)?,
                    None => field_default(schema, field, out, depth + 1)?,
                }
            }
        }
        (Kind::Union(branches), kind) => {
            let at = branches
                .iter()
                .position(|branch| looks_compatible(&schema.node(*branch).kind, kind));
            let Some((at, branch)) = at.and_then(|at| Some((at, branches.get(at)?))) else {
                return Err(format!("{} is a value of no branch of the union", name_of(kind)));
            };
            put::length(out, at);
            encode(schema, *branch, value, out, depth + 1)?;
        }
        (_, kind) => {
            return Err(format!(
                "{} is no value of {}",
                name_of(kind),
                super::error::describe(schema, ty)
            ));
        }
    }
    Ok(())
}

fn looks_compatible(ty: &Kind, value: &Json) -> bool {
    match ty {
        Kind::Record(_) | Kind::Enum(_) | Kind::Array(_) | Kind::Map(_) | Kind::Union(_) => true,
        Kind::Fixed(_) | Kind::String | Kind::Bytes => matches!(value, Json::String(_)),
        Kind::Int | Kind::Long | Kind::Float | Kind::Double => matches!(value, Json::Number(_)),
        Kind::Boolean => matches!(value, Json::Bool(_)),
        Kind::Null => matches!(value, Json::Null),
    }
}

fn name_of(kind: &Json) -> &'static str {
    match kind {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

/// One byte a character, as ISO 8859-1 has them; what it has not is a question mark.
pub(crate) fn latin1(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
}

/// A number of JSON as Jackson keeps it: whole ones exactly, others as doubles.
enum Number {
    /// The lowest 64 bits and the nearest double.
    Whole(i64, f64),
    Fraction(f64),
}

impl Number {
    fn new(text: &str) -> Result<Self, String> {
        let double: f64 = text.parse().map_err(|_| format!("{text} is no number"))?;
        if text.contains(['.', 'e', 'E']) {
            return Ok(Self::Fraction(double));
        }
        if let Ok(long) = text.parse::<i64>() {
            return Ok(Self::Whole(long, long as f64));
        }
        let digits = text.bytes().filter(u8::is_ascii_digit);
        let low = digits.fold(0i64, |low, digit| {
            low.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'))
        });
        let low = if text.starts_with('-') {
            low.wrapping_neg()
        } else {
            low
        };
        Ok(Self::Whole(low, double))
    }

    fn to_int(&self) -> i32 {
        match self {
            Self::Whole(low, _) => *low as i32,
            Self::Fraction(double) => *double as i32,
        }
    }

    fn to_long(&self) -> i64 {
        match self {
            Self::Whole(low, _) => *low,
            Self::Fraction(double) => *double as i64,
        }
    }

    fn to_double(&self) -> f64 {
        match self {
            Self::Whole(_, double) | Self::Fraction(double) => *double,
        }
    }
}

fn decimal(text: &str) -> Result<f64, String> {
    parse_double(text).ok_or_else(|| format!("`{text}` is no number"))
}
