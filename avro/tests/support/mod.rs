//! What several tests need: outside data, hexadecimal, values in the form that can be compared exactly.

#![allow(dead_code)] // each test uses a part of it

use std::path::PathBuf;

use fleetops_avro::schema::{Kind, Schema, TypeId};
use fleetops_avro::value::Value;
use serde_json::Value as Json;

/// The lines of a file of the outside data; `None`, with a note, where there is none.
pub(crate) fn rows(path: &str) -> Option<Vec<Json>> {
    let Some(folder) = std::env::var_os("FLEETOPS_TEST_DATA") else {
        eprintln!("skipped: FLEETOPS_TEST_DATA is not set");
        return None;
    };
    let path = PathBuf::from(folder).join(path);
    let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(bytes.as_slice()), &mut text)
            .unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

/// The schema of that key, or its text under `KEY_text`.
pub(crate) fn schema_text(row: &Json, key: &str) -> String {
    match row.get(format!("{key}_text")) {
        Some(text) => text.as_str().unwrap().to_owned(),
        None => row[key].to_string(),
    }
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Equal JSON, numbers by their value: Java before 19 now and then prints a digit too many.
pub(crate) fn same_json(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => {
            if let (Some(a), Some(b)) = (a.as_i64(), b.as_i64()) {
                return a == b;
            }
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b || a as f32 == b as f32
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same_json(a, b)))
        }
        (a, b) => a == b,
    }
}

/// A value as JSON that hides nothing: floats as bits (any NaN as the one), bytes as `0x..`, a union's value under
/// the index of its branch, maps in Java's order of keys.
pub(crate) fn canon(schema: &Schema, value: &Value) -> String {
    let mut out = String::new();
    append(schema, schema.root(), value, &mut out);
    out
}

fn append(schema: &Schema, ty: TypeId, value: &Value, out: &mut String) {
    let quoted = |text: &str| {
        let mut out = String::new();
        fleetops_avro::json::write_string(text, &mut out);
        out
    };
    match (&schema.node(ty).kind, value) {
        (Kind::Null, Value::Null) => out.push_str("null"),
        (Kind::Boolean, Value::Boolean(value)) => out.push_str(&value.to_string()),
        (Kind::Int, Value::Int(value)) => out.push_str(&value.to_string()),
        (Kind::Long, Value::Long(value)) => out.push_str(&value.to_string()),
        (Kind::Float, Value::Float(value)) => {
            let value = if value.is_nan() { f32::NAN } else { *value };
            out.push_str(&format!("\"f32:{:08x}\"", value.to_bits()));
        }
        (Kind::Double, Value::Double(value)) => {
            let value = if value.is_nan() { f64::NAN } else { *value };
            out.push_str(&format!("\"f64:{:016x}\"", value.to_bits()));
        }
        (Kind::String, Value::String(value)) => out.push_str(&quoted(value)),
        (Kind::Bytes, Value::Bytes(value)) | (Kind::Fixed(_), Value::Fixed(value)) => {
            out.push_str(&format!("\"0x{}\"", hex(value)));
        }
        (Kind::Enum(symbols), Value::Enum(at)) => out.push_str(&quoted(&symbols.symbols[*at])),
        (Kind::Union(branches), Value::Union(at, value)) => {
            out.push_str(&format!("{{\"#{at}\":"));
            append(schema, branches[*at], value, out);
            out.push('}');
        }
        (Kind::Array(items), Value::Array(values)) => {
            out.push('[');
            for (at, value) in values.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                append(schema, *items, value, out);
            }
            out.push(']');
        }
        (Kind::Map(items), Value::Map(values)) => {
            let mut values: Vec<_> = values.iter().collect();
            values.sort_by_key(|(key, _)| key.encode_utf16().collect::<Vec<_>>());
            out.push('{');
            for (at, (key, value)) in values.into_iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(&quoted(key));
                out.push(':');
                append(schema, *items, value, out);
            }
            out.push('}');
        }
        (Kind::Record(record), Value::Record(values)) => {
            assert_eq!(record.fields.len(), values.len());
            out.push('{');
            for (at, (field, value)) in record.fields.iter().zip(values).enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                out.push_str(&quoted(&field.name));
                out.push(':');
                append(schema, field.ty, value, out);
            }
            out.push('}');
        }
        (_, value) => panic!("{value:?} is no value of {:?}", schema.node(ty).kind),
    }
}
