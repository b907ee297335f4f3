//! Types, durations and levels in words.

use std::time::Duration;

use fleetops_avro::SchemaSet;
use fleetops_avro::schema::{Kind, Logical, Node, TypeId};

use super::text::code;
use crate::manifest::Level;

/// The type as a reader of the table needs it: Avro's own words, references by simple name.
pub(super) fn type_words(schemas: &SchemaSet, ty: TypeId) -> String {
    let node = schemas.node(ty);
    if let Some(logical) = node.logical {
        return format!("{} ({})", logical_words(logical), base(node));
    }
    match &node.kind {
        Kind::Array(item) => format!("array of {}", type_words(schemas, *item)),
        Kind::Map(value) => format!("map of string to {}", type_words(schemas, *value)),
        Kind::Union(branches) => {
            // Null has a column of its own.
            let others = branches
                .iter()
                .filter(|b| !matches!(schemas.node(**b).kind, Kind::Null));
            others
                .map(|b| type_words(schemas, *b))
                .collect::<Vec<_>>()
                .join(" or ")
        }
        Kind::Record(r) => format!("record {}", code(&r.name.name)),
        Kind::Enum(e) => format!("enum {}", code(&e.name.name)),
        Kind::Fixed(f) => format!("fixed {} of {} bytes", code(&f.name.name), f.size),
        _ => base(node),
    }
}

fn base(node: &Node) -> String {
    match &node.kind {
        Kind::Fixed(f) => format!("fixed of {} bytes", f.size),
        kind => kind.word().to_owned(),
    }
}

fn logical_words(logical: Logical) -> String {
    match logical {
        Logical::Decimal { precision, scale } => {
            format!("decimal of {precision} digits, {scale} after the point")
        }
        Logical::BigDecimal => "decimal".to_owned(),
        Logical::Uuid => "UUID".to_owned(),
        Logical::Date => "date".to_owned(),
        Logical::TimeMillis => "time of day in milliseconds".to_owned(),
        Logical::TimeMicros => "time of day in microseconds".to_owned(),
        Logical::TimestampMillis => "time in milliseconds".to_owned(),
        Logical::TimestampMicros => "time in microseconds".to_owned(),
        Logical::TimestampNanos => "time in nanoseconds".to_owned(),
        Logical::LocalTimestampMillis => "local time in milliseconds".to_owned(),
        Logical::LocalTimestampMicros => "local time in microseconds".to_owned(),
        Logical::LocalTimestampNanos => "local time in nanoseconds".to_owned(),
        Logical::Duration => "duration in months, days and milliseconds".to_owned(),
        other => format!("{other:?}"),
    }
}

/// A duration as people say it: `60 s`, `300 ms`, `7 days`.
pub(super) fn spoken(duration: Duration) -> String {
    let ms = duration.as_millis();
    for (unit, size) in [("days", 86_400_000), ("hours", 3_600_000), ("minutes", 60_000)] {
        if ms >= 2 * size && ms.is_multiple_of(size) {
            return format!("{} {unit}", ms / size);
        }
    }
    match ms >= 1_000 && ms.is_multiple_of(1_000) {
        true => format!("{} s", ms / 1_000),
        false => format!("{ms} ms"),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// What a compatibility level lets people do.
pub(super) fn level_words(level: Level) -> &'static str {
    match level {
        Level::None => "nothing is checked",
        Level::Backward => "the new schema reads the data of the one before: upgrade consumers first",
        Level::BackwardTransitive => "the new schema reads the data of all before: upgrade consumers first",
        Level::Forward => "the schema before reads new data: upgrade producers first",
        Level::ForwardTransitive => "all schemas before read new data: upgrade producers first",
        Level::Full => "new and last schema read each other's data: upgrade in any order",
        Level::FullTransitive => "new and all earlier schemas read each other's data: upgrade in any order",
    }
}
