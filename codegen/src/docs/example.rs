//! A plausible event, made up from types and validation attributes alone.
//!
//! It is in the human JSON of the generated types: plain optionals, RFC 3339 times, base64 bytes, a union as an object with
//! the branch's name. The same schema always gives the same event. Rules are kept where they are simple: limits of
//! numbers, lengths, and patterns without look-around.

use fleetops_avro::SchemaSet;
use fleetops_avro::json::{self, Member};
use fleetops_avro::schema::{Field, Kind, Logical, TypeId};
use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Map, Value, json};

use crate::manifest::non_null;

/// How deep values lie in each other before optional parts are left out.
const DEEP: usize = 24;

/// How many values an example has at most. Records in records can make an event of a short schema endless.
const VALUES: usize = 5_000;

/// An event of type `record`; `None` for a schema that no value of a reasonable size has.
pub(super) fn of(schemas: &SchemaSet, record: TypeId) -> Option<Value> {
    Maker {
        schemas,
        open: Vec::new(),
        left: VALUES,
    }
    .value(record, "value", &[])
}

struct Maker<'a> {
    schemas: &'a SchemaSet,
    /// Records that are being made: one inside itself is left out.
    open: Vec<TypeId>,
    /// How many more values may be made.
    left: usize,
}

/// The attribute of that name in the first list that has it.
fn attribute<'a>(lists: &[&'a [Member]], name: &str) -> Option<&'a json::Value> {
    let mut members = lists
        .iter()
        .filter_map(|l| l.iter().rev().find(|m| m.key == name));
    members.next().map(|m| &m.value)
}

fn number(lists: &[&[Member]], name: &str) -> Option<f64> {
    match &attribute(lists, name)?.kind {
        json::Kind::Number(text) => text.parse().ok(),
        _ => None,
    }
}

fn count(lists: &[&[Member]], name: &str) -> Option<usize> {
    number(lists, name)
        .filter(|n| (0.0..=1e6).contains(n))
        .map(|n| n as usize)
}

impl<'a> Maker<'a> {
    fn value(&mut self, ty: TypeId, name: &str, lists: &[&'a [Member]]) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        let schemas = self.schemas;
        let node = schemas.node(ty);
        let lists: Vec<&[Member]> = lists
            .iter()
            .copied()
            .chain([node.attributes.as_slice()])
            .collect();
        if let Some(logical) = node.logical {
            return Some(logical_value(logical, name));
        }
        Some(match &node.kind {
            Kind::Null => Value::Null,
            Kind::Boolean => json!(true),
            Kind::Int => json!(whole(&lists, i32::MAX.into())),
            Kind::Long => json!(whole(&lists, i64::MAX)),
            Kind::Float | Kind::Double => json!(real(&lists)),
            Kind::Bytes => json!(zeros(count(&lists, "minLength").unwrap_or(3))),
            Kind::Fixed(f) => json!(zeros(f.size)),
            Kind::String => json!(string(&lists, name)),
            Kind::Enum(e) => json!(e.symbols.first()?),
            Kind::Array(item) => {
                let least = count(&lists, "minItems").unwrap_or(0);
                let most = count(&lists, "maxItems").unwrap_or(usize::MAX);
                match self.value(*item, name, &[]) {
                    Some(value) => Value::Array(vec![value; least.max(1).min(most)]),
                    None if least == 0 => json!([]),
                    None => return None,
                }
            }
            Kind::Map(value) => {
                let least = count(&lists, "minProperties").unwrap_or(0);
                let most = count(&lists, "maxProperties").unwrap_or(usize::MAX);
                let made = self.value(*value, name, &[]);
                if made.is_none() && least > 0 {
                    return None;
                }
                let entries = (1..=least.max(1).min(most)).map(|n| format!("key_{n}"));
                Value::Object(entries.filter_map(|key| Some((key, made.clone()?))).collect())
            }
            Kind::Union(branches) => return self.union(ty, branches, name, &lists),
            Kind::Record(record) => {
                if self.open.contains(&ty) || self.open.len() > DEEP {
                    return None;
                }
                self.open.push(ty);
                let fields = record
                    .fields
                    .iter()
                    .map(|f| Some((f.name.clone(), self.field(f)?)));
                let made: Option<Map<String, Value>> = fields.collect();
                self.open.pop();
                Value::Object(made?)
            }
        })
    }

    fn field(&mut self, field: &'a Field) -> Option<Value> {
        self.value(field.ty, &field.name, &[&field.attributes])
    }

    fn union(
        &mut self,
        ty: TypeId,
        branches: &[TypeId],
        name: &str,
        lists: &[&'a [Member]],
    ) -> Option<Value> {
        let schemas = self.schemas;
        let inner = non_null(schemas, ty);
        let has_null = branches
            .iter()
            .any(|b| matches!(schemas.node(*b).kind, Kind::Null));
        if inner != ty {
            return Some(self.value(inner, name, lists).unwrap_or(Value::Null));
        }
        for branch in branches {
            let node = schemas.node(*branch);
            if matches!(node.kind, Kind::Null) {
                continue;
            }
            if let Some(value) = self.value(*branch, name, &[]) {
                return Some(json!({ tag(schemas, *branch): value }));
            }
        }
        has_null.then_some(Value::Null)
    }
}

/// What the JSON of a union calls a branch: the full name, or the word of a type without a name.
pub(super) fn tag(schemas: &SchemaSet, branch: TypeId) -> String {
    let node = schemas.node(branch);
    node.name()
        .map_or_else(|| node.kind.word().to_owned(), ToString::to_string)
}

fn logical_value(logical: Logical, name: &str) -> Value {
    match logical {
        Logical::Uuid => json!(uuid(name)),
        Logical::Date => json!("2024-01-15"),
        Logical::TimeMillis | Logical::TimeMicros => json!("10:23:45.123"),
        Logical::LocalTimestampMillis | Logical::LocalTimestampMicros | Logical::LocalTimestampNanos => {
            json!("2024-01-15T10:23:45.123")
        }
        Logical::Decimal { precision, scale } => {
            let whole = if precision > scale { "1" } else { "0" };
            match scale {
                0 => json!(whole),
                1 => json!(format!("{whole}.2")),
                _ => json!(format!("{whole}.25")),
            }
        }
        Logical::BigDecimal => json!("12.34"),
        Logical::Duration => json!({ "months": 1, "days": 2, "millis": 3 }),
        _ => json!("2024-01-15T10:23:45.123Z"),
    }
}

/// A version 4 UUID that depends on the field's name alone (FNV-1a, twice).
fn uuid(name: &str) -> String {
    let hash = |seed: u64| {
        name.bytes().fold(seed, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    };
    let (a, b) = (hash(0xcbf2_9ce4_8422_2325), hash(0x8422_2325_cbf2_9ce4));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | ((b >> 48) & 0x3fff),
        b & 0xffff_ffff_ffff
    )
}

/// So many zero bytes in base64.
fn zeros(size: usize) -> String {
    let size = size.min(4096);
    let rest = ["", "AA==", "AAA="];
    format!("{}{}", "AAAA".repeat(size / 3), rest.get(size % 3).unwrap_or(&""))
}

/// A number within the limits; 42 where there are none.
fn whole(lists: &[&[Member]], largest: i64) -> i64 {
    let least = number(lists, "minimum").map(f64::ceil);
    let least = least
        .into_iter()
        .chain(number(lists, "exclusiveMinimum").map(|n| n.floor() + 1.0))
        .fold(f64::MIN, f64::max);
    let most = number(lists, "maximum").map(f64::floor);
    let most = most
        .into_iter()
        .chain(number(lists, "exclusiveMaximum").map(|n| n.ceil() - 1.0))
        .fold(f64::MAX, f64::min);
    let value = 42.0_f64.max(least).min(most) as i64;
    let value = match number(lists, "multipleOf").map(|n| n as i64) {
        Some(step) if step > 0 => {
            let below = value.div_euclid(step) * step;
            if (below as f64) < least {
                below.saturating_add(step)
            } else {
                below
            }
        }
        _ => value,
    };
    value.clamp(-largest, largest)
}

/// A number within the limits; 1.5 where there are none.
fn real(lists: &[&[Member]]) -> f64 {
    let (least, above) = (number(lists, "minimum"), number(lists, "exclusiveMinimum"));
    let (most, below) = (number(lists, "maximum"), number(lists, "exclusiveMaximum"));
    let low = least.into_iter().chain(above).fold(f64::NEG_INFINITY, f64::max);
    let high = most.into_iter().chain(below).fold(f64::INFINITY, f64::min);
    if low < 1.5 && 1.5 < high {
        return 1.5;
    }
    match (low.is_finite(), high.is_finite()) {
        (true, true) => low + (high - low) / 2.0,
        (true, false) => low.floor() + 1.0,
        (false, true) => high.ceil() - 1.0,
        (false, false) => 1.5,
    }
}

/// A text: what the pattern asks for, else the field's name, as long as the rules have it.
fn string(lists: &[&[Member]], name: &str) -> String {
    if let Some(pattern) = attribute(lists, "pattern").and_then(|v| v.as_str())
        && let Some(text) = matching(pattern)
    {
        return text;
    }
    let least = count(lists, "minLength").unwrap_or(0);
    let most = count(lists, "maxLength").unwrap_or(usize::MAX);
    let padded = name.chars().chain(std::iter::repeat('x'));
    let length = name.chars().count().max(least).min(most);
    padded.take(length).collect()
}

/// A text that a pattern takes, or `None` where none is found.
fn matching(pattern: &str) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let mut text = String::new();
    write(&hir, &mut text)?;
    let expression = regex::Regex::new(pattern).ok()?;
    expression.is_match(&text).then_some(text)
}

fn write(hir: &Hir, out: &mut String) -> Option<()> {
    if out.len() > 1_000 {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => out.push(member(class)?),
        HirKind::Repetition(repetition) => {
            for _ in 0..repetition.min.max(1).min(repetition.max.unwrap_or(u32::MAX)) {
                write(&repetition.sub, out)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, out)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|p| write(p, out))?,
        HirKind::Alternation(parts) => write(parts.first()?, out)?,
    }
    Some(())
}

/// A character of a class that reads well: a letter or a digit where there is one.
fn member(class: &Class) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|r| (r.start(), r.end())).collect(),
        Class::Bytes(class) => class
            .ranges()
            .iter()
            .map(|r| (char::from(r.start()), char::from(r.end())))
            .collect(),
    };
    let good = ['a', '1', 'A', ' ']
        .into_iter()
        .find(|c| ranges.iter().any(|(from, to)| (from..=to).contains(&c)));
    good.or_else(|| ranges.first().map(|(from, _)| *from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_give_texts_that_match() {
        for (pattern, text) in [
            ("^[A-Za-z0-9][A-Za-z0-9_.-]*_(track_[0-9]+|ego)$", "aa_track_1"),
            ("^[a-z]{3,5}$", "aaa"),
            ("x?", "x"),
            ("^(a|b)c$", "ac"),
            ("^\\d{4}-\\d{2}$", "1111-11"),
            ("^[^a-z]+$", "1"),
        ] {
            assert_eq!(matching(pattern).as_deref(), Some(text), "{pattern}");
        }
        assert_eq!(matching("("), None);
        assert_eq!(matching("a{2000}"), None);
        assert_eq!(matching("a\\b\\B"), None);
    }

    #[test]
    fn made_up_ids_are_version_4() {
        let id = uuid("event_id");
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "4");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
        assert_ne!(id, uuid("alert_id"));
    }

    #[test]
    fn base64_of_nothing_but_zeros() {
        assert_eq!(
            ["", "AA==", "AAA=", "AAAA"],
            [zeros(0), zeros(1), zeros(2), zeros(3)]
                .each_ref()
                .map(String::as_str)
        );
    }
}
