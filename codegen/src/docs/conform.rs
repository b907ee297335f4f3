//! Whether a JSON text in the human form fits a type. Holds written examples against the schema.
//!
//! Shapes, names and symbols are checked, and that texts of logical types look like what they should be; the generated
//! types' own reader is stricter. Not a validator of events: that is the generated `validate`.

use std::sync::Arc;

use fleetops_avro::json::{Kind as Json, Value};
use fleetops_avro::schema::{Kind, Logical, TypeId};
use fleetops_avro::source::Place;
use fleetops_avro::{Diagnostic, SchemaSet, Source};

use super::example::tag;
use crate::manifest::{nearest, non_null};

/// Every place where `value` does not fit `ty`.
pub(super) fn check(schemas: &SchemaSet, ty: TypeId, value: &Value, source: &Arc<Source>) -> Vec<Diagnostic> {
    let mut checker = Checker {
        schemas,
        source,
        found: Vec::new(),
    };
    checker.value(ty, value, "");
    checker.found
}

struct Checker<'a> {
    schemas: &'a SchemaSet,
    source: &'a Arc<Source>,
    found: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn fault(&mut self, value: &Value, path: &str, label: String) -> &mut Diagnostic {
        let message = match path {
            "" => "the example does not fit its record".to_owned(),
            path => format!("the example does not fit its record at `{path}`"),
        };
        let at = self.found.len();
        let place = Place::new(self.source, value.span);
        self.found
            .push(Diagnostic::error("example-misfit", place, message, label));
        &mut self.found[at]
    }

    fn value(&mut self, ty: TypeId, value: &Value, path: &str) {
        let schemas = self.schemas;
        let node = schemas.node(ty);
        if let Some(logical) = node.logical {
            if !logical_fits(logical, value) {
                self.fault(value, path, format!("must be {}", logical_form(logical)));
            }
            return;
        }
        let integer = |low: i64, high: i64| match &value.kind {
            Json::Number(text) => text.parse::<i64>().is_ok_and(|n| (low..=high).contains(&n)),
            _ => false,
        };
        let (fits, wanted) = match &node.kind {
            Kind::Null => (value.kind == Json::Null, "null"),
            Kind::Boolean => (matches!(value.kind, Json::Bool(_)), "true or false"),
            Kind::Int => (
                integer(i32::MIN.into(), i32::MAX.into()),
                "a whole number of 32 bits",
            ),
            Kind::Long => (integer(i64::MIN, i64::MAX), "a whole number of 64 bits"),
            Kind::Float | Kind::Double => {
                let named = matches!(value.as_str(), Some("NaN" | "Infinity" | "-Infinity"));
                (named || matches!(value.kind, Json::Number(_)), "a number")
            }
            Kind::Bytes => (value.as_str().is_some_and(|t| base64_size(t).is_some()), "base64"),
            Kind::Fixed(f) => (
                value.as_str().is_some_and(|t| base64_size(t) == Some(f.size)),
                "base64 of the right size",
            ),
            Kind::String => (value.as_str().is_some(), "a string"),
            Kind::Enum(e) => match value.as_str() {
                Some(symbol) if e.symbols.iter().any(|s| s == symbol) => return,
                Some(symbol) => {
                    let near = nearest(symbol, e.symbols.iter().map(String::as_str)).map(str::to_owned);
                    let diagnostic = self.fault(value, path, format!("no symbol of {}", e.name));
                    diagnostic
                        .notes
                        .push(format!("its symbols: {}", e.symbols.join(", ")));
                    diagnostic.help = near.map(|n| format!("did you mean \"{n}\"?"));
                    return;
                }
                None => (false, "a symbol"),
            },
            Kind::Array(item) => {
                if let Some(items) = value.as_array() {
                    for (i, inner) in items.iter().enumerate() {
                        self.value(*item, inner, &format!("{path}[{i}]"));
                    }
                    return;
                }
                (false, "an array")
            }
            Kind::Map(inner) => {
                if let Some(members) = value.as_object() {
                    for member in members {
                        self.value(*inner, &member.value, &format!("{path}{{{}}}", member.key));
                    }
                    return;
                }
                (false, "an object")
            }
            Kind::Union(branches) => return self.union(ty, branches, value, path),
            Kind::Record(record) => {
                if value.as_object().is_some() {
                    return self.record(record, value, path);
                }
                (false, "an object")
            }
        };
        if !fits {
            self.fault(value, path, format!("must be {wanted}"));
        }
    }

    fn record(&mut self, record: &fleetops_avro::schema::Record, value: &Value, path: &str) {
        let join = |name: &str| match path {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        for member in value.as_object().unwrap_or_default() {
            match record.fields.iter().find(|f| f.name == member.key) {
                Some(field) => self.value(field.ty, &member.value, &join(&field.name)),
                None => {
                    let near = nearest(&member.key, record.fields.iter().map(|f| f.name.as_str()))
                        .map(str::to_owned);
                    let mut key = member.value.clone();
                    key.span = member.key_span;
                    let diagnostic = self.fault(
                        &key,
                        &join(&member.key),
                        format!("{} has no such field", record.name),
                    );
                    diagnostic.help = near.map(|n| format!("did you mean `{n}`?"));
                }
            }
        }
        for field in &record.fields {
            let optional = non_null(self.schemas, field.ty) != field.ty;
            if value.get(&field.name).is_none() && !optional && field.default.is_none() {
                self.fault(value, &join(&field.name), format!("`{}` is missing", field.name));
            }
        }
    }

    fn union(&mut self, ty: TypeId, branches: &[TypeId], value: &Value, path: &str) {
        let schemas = self.schemas;
        let has_null = branches
            .iter()
            .any(|b| matches!(schemas.node(*b).kind, Kind::Null));
        if value.kind == Json::Null && has_null {
            return;
        }
        let inner = non_null(schemas, ty);
        if inner != ty {
            return self.value(inner, value, path);
        }
        if let Some([member]) = value.as_object()
            && let Some(branch) = branches.iter().find(|b| tag(schemas, **b) == member.key)
        {
            return self.value(*branch, &member.value, path);
        }
        let tags: Vec<String> = branches.iter().map(|b| tag(schemas, *b)).collect();
        self.fault(value, path, "must be an object with the branch's name".to_owned())
            .notes
            .push(format!("branches: {}", tags.join(", ")));
    }
}

fn logical_form(logical: Logical) -> &'static str {
    match logical {
        Logical::Uuid => "a UUID",
        Logical::Date => "a date, YYYY-MM-DD",
        Logical::TimeMillis | Logical::TimeMicros => "a time of day, HH:MM:SS",
        Logical::LocalTimestampMillis | Logical::LocalTimestampMicros | Logical::LocalTimestampNanos => {
            "a local time, YYYY-MM-DDTHH:MM:SS"
        }
        Logical::Decimal { .. } | Logical::BigDecimal => "a decimal number as text",
        Logical::Duration => "an object with months, days and millis",
        _ => "a time in RFC 3339, YYYY-MM-DDTHH:MM:SSZ",
    }
}

fn logical_fits(logical: Logical, value: &Value) -> bool {
    if logical == Logical::Duration {
        return value.as_object().is_some();
    }
    let Some(text) = value.as_str() else { return false };
    // `9` stands for a digit; the text may go on with a fraction and, where `zone`, must end with a zone.
    let shape = |form: &str, zone: bool| {
        let rest = text.get(form.len()..).unwrap_or_default();
        let fits = text.len() >= form.len()
            && text
                .bytes()
                .zip(form.bytes())
                .all(|(t, f)| if f == b'9' { t.is_ascii_digit() } else { t == f });
        let rest = match rest.strip_prefix('.') {
            Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
            None => rest,
        };
        let zoned = rest == "Z"
            || (rest.len() == 6 && rest.starts_with(['+', '-']) && rest.as_bytes().get(3) == Some(&b':'));
        fits && if zone { zoned } else { rest.is_empty() }
    };
    match logical {
        Logical::Uuid => {
            text.len() == 36
                && text.bytes().enumerate().all(|(i, b)| match i {
                    8 | 13 | 18 | 23 => b == b'-',
                    _ => b.is_ascii_hexdigit(),
                })
        }
        Logical::Date => shape("9999-99-99", false),
        Logical::TimeMillis | Logical::TimeMicros => shape("99:99:99", false),
        Logical::LocalTimestampMillis | Logical::LocalTimestampMicros | Logical::LocalTimestampNanos => {
            shape("9999-99-99T99:99:99", false)
        }
        Logical::Decimal { .. } | Logical::BigDecimal => {
            let digits = text.strip_prefix('-').unwrap_or(text);
            !digits.is_empty()
                && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
                && digits.matches('.').count() <= 1
        }
        _ => shape("9999-99-99T99:99:99", true),
    }
}

/// The number of bytes in a base64 text with padding; `None` if it is none.
fn base64_size(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let good = digits
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'));
    (good && text.len().is_multiple_of(4) && padding <= 2).then(|| text.len() / 4 * 3 - padding)
}
