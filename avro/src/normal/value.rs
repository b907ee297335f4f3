//! Defaults and attributes as the normal form has them: through Java's objects and back.
//!
//! Java makes an object of a default by the field's type, and JSON of that again, which shows: the default `1` of a
//! double becomes `1.0`, a character beyond U+00FF in the default of bytes becomes `?`, keys are sorted, and what fits
//! no type is gone. Java Avro, `JacksonUtils.toObject`.

use crate::json::{Kind as Json, Member, Value, is_integral};
use crate::parse::number::{java_double, java_float};
use crate::schema::{Kind, Schema, TypeId};

/// A field's default; `None`: Java makes no object of it, and the normal form lacks it.
pub(super) fn default(schema: &Schema, ty: TypeId, value: &Value) -> Option<Value> {
    object(schema, Some(ty), value)
}

/// An attribute's value, which has no type.
pub(super) fn attribute(schema: &Schema, value: &Value) -> Value {
    kept(schema, None, value)
}

/// A part of a value. Where Java has no object for it and fails, it stays.
fn kept(schema: &Schema, ty: Option<TypeId>, value: &Value) -> Value {
    object(schema, ty, value).unwrap_or_else(|| value.clone())
}

fn object(schema: &Schema, ty: Option<TypeId>, value: &Value) -> Option<Value> {
    let with = |kind| {
        Some(Value {
            kind,
            span: value.span,
        })
    };
    if matches!(value.kind, Json::Null) {
        return with(Json::Null);
    }
    let kind = ty.map(|ty| &schema.node(ty).kind);
    if let Some(Kind::Union(branches)) = kind {
        // By the first branch that has an object for it, which need not be the one that fits.
        return branches
            .iter()
            .filter(|branch| !matches!(schema.node(**branch).kind, Kind::Null))
            .find_map(|branch| object(schema, Some(*branch), value));
    }
    match &value.kind {
        Json::Null | Json::Bool(_) => Some(value.clone()),
        Json::Number(text) => number(kind, text).and_then(with),
        Json::String(text) => match kind {
            None | Some(Kind::String | Kind::Enum(_)) => Some(value.clone()),
            Some(Kind::Bytes | Kind::Fixed(_)) => {
                let latin = |c: char| if (c as u32) < 0x100 { c } else { '?' };
                with(Json::String(text.chars().map(latin).collect()))
            }
            // A number that JSON has no other word for.
            Some(Kind::Float | Kind::Double) if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") => {
                Some(value.clone())
            }
            Some(_) => None,
        },
        Json::Array(items) => {
            let ty = match kind {
                Some(Kind::Array(ty)) => Some(*ty),
                _ => None,
            };
            with(Json::Array(
                items.iter().map(|item| kept(schema, ty, item)).collect(),
            ))
        }
        Json::Object(_) => {
            let ty = |key: &str| match kind {
                Some(Kind::Map(ty)) => Some(*ty),
                Some(Kind::Record(r)) => r.fields.iter().find(|f| f.name == key).map(|f| f.ty),
                _ => None,
            };
            let mut members: Vec<Member> = value
                .members()
                .into_iter()
                .map(|m| Member {
                    key: m.key.clone(),
                    key_span: m.key_span,
                    value: kept(schema, ty(&m.key), &m.value),
                })
                .collect();
            members.sort_by(|a, b| java_order(&a.key, &b.key));
            with(Json::Object(members))
        }
    }
}

/// A number by the type it stands for.
fn number(kind: Option<&Kind>, text: &str) -> Option<Json> {
    let integral = is_integral(text);
    if integral && text.parse::<i64>().is_err() {
        return None;
    }
    match kind {
        None | Some(Kind::Int | Kind::Long) if integral => {
            Some(Json::Number(if text == "-0" { "0" } else { text }.to_owned()))
        }
        None | Some(Kind::Double) => {
            let number: f64 = text.parse().ok()?;
            Some(decimal(number, java_double(number)))
        }
        Some(Kind::Float) => {
            // Java goes by a double as well.
            let number = text.parse::<f64>().ok()? as f32;
            Some(decimal(f64::from(number), java_float(number)))
        }
        Some(_) => None,
    }
}

fn decimal(number: f64, text: String) -> Json {
    if number.is_finite() {
        Json::Number(text)
    } else {
        let word = if number > 0.0 { "Infinity" } else { "-Infinity" };
        Json::String(word.to_owned())
    }
}

/// The order of Java's strings, which are UTF-16.
pub(super) fn java_order(a: &str, b: &str) -> std::cmp::Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}
