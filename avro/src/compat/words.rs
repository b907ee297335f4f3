//! Types, fields and lists in the words of messages.

use crate::schema::{Field, Kind, Record, Schema, TypeId};

/// A record and its field of that position.
pub(super) fn field_of(schema: &Schema, record: TypeId, index: Option<usize>) -> Option<(&Record, &Field)> {
    match &schema.node(record).kind {
        Kind::Record(record) => Some((record, record.fields.get(index?)?)),
        _ => None,
    }
}

/// A type in a few words: `int`, `a.b.C`, `[null, string]`, `array of int`.
pub(crate) fn describe(schema: &Schema, id: TypeId) -> String {
    fn go(schema: &Schema, id: TypeId, depth: usize) -> String {
        let node = schema.node(id);
        if let Some(name) = node.name() {
            return name.name.clone();
        }
        match &node.kind {
            _ if depth == 0 => "...".to_owned(),
            Kind::Array(items) => format!("array of {}", go(schema, *items, depth - 1)),
            Kind::Map(values) => format!("map of {}", go(schema, *values, depth - 1)),
            Kind::Union(branches) => {
                let mut names: Vec<String> = branches
                    .iter()
                    .take(6)
                    .map(|b| go(schema, *b, depth - 1))
                    .collect();
                if branches.len() > 6 {
                    names.push("...".to_owned());
                }
                format!("[{}]", names.join(", "))
            }
            primitive => primitive.word().to_owned(),
        }
    }
    go(schema, id, 3)
}

/// A field of the old record that the new one lacks, of the same type: the new field may be that one renamed.
pub(super) fn renamed_from<'a>(
    new: &Schema,
    owner: &Record,
    field: &Field,
    old: &'a Schema,
    old_record: TypeId,
) -> Option<&'a str> {
    let Kind::Record(record) = &old.node(old_record).kind else {
        return None;
    };
    let word = new.node(field.ty).kind.word();
    let gone: Vec<&Field> = record
        .fields
        .iter()
        .filter(|f| {
            !owner
                .fields
                .iter()
                .any(|g| g.name == f.name || g.aliases.contains(&f.name))
                && describe(old, f.ty) == describe(new, field.ty)
                && old.node(f.ty).kind.word() == word
        })
        .collect();
    match gone.as_slice() {
        [one] => Some(&one.name),
        _ => None,
    }
}

pub(super) fn default_help(schema: &Schema, field: &Field) -> String {
    let example = match &schema.node(field.ty).kind {
        Kind::Null => "null",
        Kind::Boolean => "false",
        Kind::Int | Kind::Long => "0",
        Kind::Float | Kind::Double => "0.0",
        Kind::Bytes | Kind::String => "\"\"",
        Kind::Array(_) => "[]",
        Kind::Map(_) => "{}",
        Kind::Union(branches)
            if branches
                .iter()
                .any(|b| matches!(schema.node(*b).kind, Kind::Null)) =>
        {
            "null"
        }
        Kind::Enum(e) => {
            return match e.symbols.first() {
                Some(symbol) => format!("add a default, for example \"default\": \"{symbol}\""),
                None => "add a default".to_owned(),
            };
        }
        _ => {
            return "add a default, or make the type a union with null: \"type\": [\"null\", ...], \"default\": null"
                .to_owned();
        }
    };
    format!("add a default, for example \"default\": {example}")
}

pub(super) fn plural<'w>(list: &[String], one: &'w str, was: &'w str, were: &'w str) -> (String, &'w str) {
    if list.len() == 1 {
        (one.to_owned(), was)
    } else {
        (format!("{one}s"), were)
    }
}

pub(super) fn join(list: &[String]) -> String {
    if list.len() > 8 {
        return format!("{}, ... ({} in all)", list[..8].join(", "), list.len());
    }
    list.join(", ")
}

pub(super) fn is_primitive(kind: &Kind) -> bool {
    !matches!(
        kind,
        Kind::Array(_) | Kind::Map(_) | Kind::Union(_) | Kind::Record(_) | Kind::Enum(_) | Kind::Fixed(_)
    )
}
