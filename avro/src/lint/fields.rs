//! Findings about fields: documents, defaults, units, money and time.

use super::walk::{At, FieldAt, Position};
use super::words::{has_unit, is_counted, is_money, is_pure, is_time};
use super::{Linter, edit};
use crate::json::Value;
use crate::schema::{Kind, Node, TypeId};
use crate::source::Place;

impl Linter<'_> {
    pub(super) fn field(&mut self, field: &FieldAt<'_>) {
        let place = Place::new(field.source, field.name.span);
        let name = field.name.as_str().unwrap_or_default();
        self.field_name(&field.full, place.clone(), name);
        let at = At {
            source: field.source,
            value: field.value,
            namespace: None,
            position: Position::Field,
            owner: &field.full,
        };
        self.doc(
            &at,
            &field.full,
            field.name,
            &format!("the field `{}`", field.full),
        );
        self.aliases(field.source, field.value, &field.full, |alias| alias == name);
        self.default(field, &place, name);
        self.numbers(field, &place, name);
    }

    fn default(&mut self, field: &FieldAt<'_>, place: &Place, name: &str) {
        if field.value.get("default").is_some() {
            return;
        }
        let null_at = match &self.set.node(field.id).kind {
            Kind::Union(branches) => branches
                .iter()
                .position(|branch| matches!(self.set.node(*branch).kind, Kind::Null)),
            _ => None,
        };
        match null_at {
            Some(0) => {
                let fix = edit::append(field.source, field.value, "default", "null");
                if let Some(finding) = self.report(
                    "nullable-without-default",
                    &field.full,
                    place.clone(),
                    format!("`{name}` may be null, and has no default"),
                    "no \"default\"",
                ) {
                    finding.help("add \"default\": null");
                    finding.fix = fix;
                }
            }
            Some(_) => {
                if let Some(finding) = self.report(
                    "null-not-first",
                    &field.full,
                    Place::new(field.source, field.ty.span),
                    format!("`{name}` may be null, and null is not the first branch"),
                    "null comes later",
                ) {
                    finding.help("put \"null\" first, and add \"default\": null, while nobody uses it");
                }
            }
            None => {
                if let Some(finding) = self.report(
                    "field-without-default",
                    &field.full,
                    place.clone(),
                    format!("`{name}` has no default"),
                    "no \"default\"",
                ) {
                    finding.note("it cannot be removed without breaking old readers");
                }
            }
        }
    }

    fn numbers(&mut self, field: &FieldAt<'_>, place: &Place, name: &str) {
        let Some(node) = self.number(field.id) else {
            return;
        };
        if node.logical.is_some() || node.attribute("logicalType").is_some() {
            return;
        }
        let word = node.kind.word();
        let article = if word == "int" { "an" } else { "a" };
        let whole = matches!(node.kind, Kind::Int | Kind::Long);
        let unit = field.value.get("unit").or_else(|| node.attribute("unit"));
        let unit = unit.and_then(Value::as_str).map(str::to_owned);
        // A currency by its code (ISO 4217) is money, whatever the name.
        let currency = unit
            .as_deref()
            .is_some_and(|unit| unit.len() == 3 && unit.bytes().all(|b| b.is_ascii_uppercase()));
        if !whole && (currency || (unit.is_none() && is_money(name))) {
            if let Some(finding) = self.report(
                "float-for-money",
                &field.full,
                Place::new(field.source, field.ty.span),
                format!("`{name}` is money in a {word}"),
                "rounds",
            ) {
                finding.help(
                    "use {\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": 18, \"scale\": 2} in a new field; \
                     if it is no money, add its \"unit\"",
                );
            }
            return;
        }
        if unit.is_some() {
            return;
        }
        if whole && is_time(name) {
            if let Some(finding) = self.report(
                "time-without-logical-type",
                &field.full,
                Place::new(field.source, field.ty.span),
                format!("`{name}` is a time, and a bare {word}"),
                "no \"logicalType\"",
            ) {
                finding.help(match node_is_long(word) {
                    true => "write {\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}; if it is a duration, add its \"unit\"",
                    false => "write {\"type\": \"int\", \"logicalType\": \"date\"}; if it is a duration, add its \"unit\"",
                });
            }
            return;
        }
        if has_unit(name) || is_pure(name) || (whole && is_counted(name)) {
            return;
        }
        if let Some(finding) = self.report(
            "missing-unit",
            &field.full,
            place.clone(),
            format!("`{name}` is {article} {word} without a unit"),
            "of what?",
        ) {
            finding.help("add \"unit\", such as \"unit\": \"m/s\"; \"1\" for a number without a dimension");
        }
    }

    /// The number that a field holds: itself, where null is the other branch, in a list or as values of a map.
    fn number(&self, id: TypeId) -> Option<Node> {
        let mut id = id;
        for _ in 0..8 {
            let node = self.set.node(id);
            match &node.kind {
                Kind::Int | Kind::Long | Kind::Float | Kind::Double => return Some(node.clone()),
                Kind::Array(inner) | Kind::Map(inner) => id = *inner,
                Kind::Union(branches) => {
                    let mut others = branches
                        .iter()
                        .filter(|branch| !matches!(self.set.node(**branch).kind, Kind::Null));
                    match (others.next(), others.next()) {
                        (Some(only), None) => id = *only,
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
        None
    }
}

fn node_is_long(word: &str) -> bool {
    word == "long"
}
