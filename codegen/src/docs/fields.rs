//! The table of a record's fields, those of inner records included, each by its path.

use fleetops_avro::SchemaSet;
use fleetops_avro::json::{self, Member};
use fleetops_avro::schema::{Field, Kind, Record, TypeId};

use super::text::{cell, code};
use super::words::type_words;
use crate::manifest::non_null;

/// The columns that [`rows`] fills.
pub(super) const HEAD: [&str; 6] = ["Field", "Type", "Unit", "Null", "Rule", "Meaning"];

/// How many rows a table has at most. Records in records can make the paths of a short schema endless.
const ROWS: usize = 5_000;

/// A row for every field that can be reached. A record inside itself is named and not entered again.
pub(super) fn rows(schemas: &SchemaSet, record: TypeId) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    record_rows(schemas, record, "", &mut vec![record], &mut rows);
    if rows.len() >= ROWS {
        rows.push(vec![format!("and more: {ROWS} are shown")]);
    }
    rows
}

fn record_rows(
    schemas: &SchemaSet,
    id: TypeId,
    prefix: &str,
    open: &mut Vec<TypeId>,
    rows: &mut Vec<Vec<String>>,
) {
    let Kind::Record(Record { fields, .. }) = &schemas.node(id).kind else {
        return;
    };
    for field in fields {
        if rows.len() >= ROWS {
            return;
        }
        let path = format!("{prefix}{}", field.name);
        rows.push(row(schemas, field, &path));
        inner_rows(schemas, field.ty, &path, open, rows);
    }
}

/// The records below a type: `path.x` for a record, `path[].x` in an array, `path{}.x` in a map.
fn inner_rows(
    schemas: &SchemaSet,
    ty: TypeId,
    path: &str,
    open: &mut Vec<TypeId>,
    rows: &mut Vec<Vec<String>>,
) {
    match &schemas.node(ty).kind {
        Kind::Record(_) if !open.contains(&ty) => {
            open.push(ty);
            record_rows(schemas, ty, &format!("{path}."), open, rows);
            open.pop();
        }
        Kind::Array(item) => inner_rows(schemas, *item, &format!("{path}[]"), open, rows),
        Kind::Map(value) => inner_rows(schemas, *value, &format!("{path}{{}}"), open, rows),
        Kind::Union(branches) => {
            for branch in branches {
                inner_rows(schemas, *branch, path, open, rows);
            }
        }
        _ => {}
    }
}

fn row(schemas: &SchemaSet, field: &Field, path: &str) -> Vec<String> {
    let inner = non_null(schemas, field.ty);
    let has_null = match &schemas.node(field.ty).kind {
        Kind::Null => true,
        Kind::Union(branches) => branches
            .iter()
            .any(|b| matches!(schemas.node(*b).kind, Kind::Null)),
        _ => false,
    };
    let attributes = [
        &field.attributes,
        &schemas.node(field.ty).attributes,
        &schemas.node(inner).attributes,
    ];
    let unit = attributes
        .iter()
        .find_map(|list| list.iter().rev().find(|m| m.key == "unit"))
        .and_then(|m| m.value.as_str());
    let mut rules: Vec<String> = Vec::new();
    for list in attributes {
        for rule in list.iter().filter_map(rule) {
            if !rules.contains(&rule) {
                rules.push(rule);
            }
        }
    }
    if let Kind::Enum(e) = &schemas.node(innermost(schemas, inner)).kind {
        let symbols: Vec<String> = e.symbols.iter().map(|s| code(s)).collect();
        rules.push(format!("one of {}", symbols.join(", ")));
        rules.extend(
            e.default
                .as_ref()
                .map(|d| format!("unknown ones read as {}", code(d))),
        );
    }
    if let Some(default) = &field.default
        && default.kind != json::Kind::Null
    {
        let mut text = String::new();
        json::write(default, &mut text);
        rules.push(format!("default {}", code(&text)));
    }
    vec![
        code(path),
        type_words(schemas, inner),
        unit.map(cell).unwrap_or_default(),
        if has_null { "yes".to_owned() } else { String::new() },
        rules.join("; "),
        field.doc.as_deref().map(cell).unwrap_or_default(),
    ]
}

/// The item of arrays and the value of maps, as deep as they go.
fn innermost(schemas: &SchemaSet, mut ty: TypeId) -> TypeId {
    // Bounded by the parser's limit on nesting: arrays and maps have no names, so they cannot form a cycle by themselves.
    while let Kind::Array(inner) | Kind::Map(inner) = &schemas.node(ty).kind {
        ty = non_null(schemas, *inner);
    }
    ty
}

/// A validation attribute in words. Those of the JSON Schema specification that the generated `validate` knows.
fn rule(member: &Member) -> Option<String> {
    let number = match &member.value.kind {
        json::Kind::Number(text) => text.as_str(),
        _ => "",
    };
    let words = match member.key.as_str() {
        "minimum" => format!("≥ {number}"),
        "maximum" => format!("≤ {number}"),
        "exclusiveMinimum" => format!("> {number}"),
        "exclusiveMaximum" => format!("< {number}"),
        "multipleOf" => format!("multiple of {number}"),
        "minLength" => format!("at least {}", counted(number, "character")),
        "maxLength" => format!("at most {}", counted(number, "character")),
        "minItems" => format!("at least {}", counted(number, "item")),
        "maxItems" => format!("at most {}", counted(number, "item")),
        "minProperties" => format!("at least {}", counted(number, "entry")),
        "maxProperties" => format!("at most {}", counted(number, "entry")),
        "pattern" => format!("matches {}", code(member.value.as_str()?)),
        _ => return None,
    };
    Some(words)
}

fn counted(number: &str, what: &str) -> String {
    match (number, what) {
        ("1", _) => format!("1 {what}"),
        (_, "entry") => format!("{number} entries"),
        _ => format!("{number} {what}s"),
    }
}
