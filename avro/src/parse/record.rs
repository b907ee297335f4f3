//! Records and their fields.

use crate::json::{self, Value};
use crate::parse::build::{Builder, Recheck, Target, describe, head, target};
use crate::parse::seen::Seen;
use crate::parse::suggest::nearest;
use crate::parse::{MAX_FINDINGS, ParseMode, defaults, number};
use crate::schema::{Field, Kind, Order, Record, TypeId};
use crate::source::Span;

impl Builder {
    pub(crate) fn record(&mut self, value: &Value, namespace: Option<&str>, is_error: bool) -> TypeId {
        let named = self.name(value, namespace, "record");
        let doc = self.doc(value);
        let mut fields = Vec::new();
        let mut defaults = Vec::new();
        match value.get("fields").map(|f| (f, f.as_array())) {
            Some((_, Some(items))) => {
                let mut seen = Seen::of(items.len());
                for item in items {
                    if let Some((field, walks)) = self.field(item, named.name.namespace.as_deref()) {
                        let written = item.get("name").and_then(Value::as_str).unwrap_or("");
                        if let Some(first) = seen.enter(written, field.name_span) {
                            let first = self.place(first);
                            let record = named.name.clone();
                            let diagnostic = self.error(
                                "duplicate-field",
                                field.name_span,
                                format!("the record `{record}` has two fields `{}`", field.name),
                                "second time",
                            );
                            *diagnostic = diagnostic
                                .clone()
                                .related(first, "first time")
                                .help("rename or remove one of the two");
                        }
                        if walks {
                            defaults.push(fields.len());
                        }
                        fields.push(field);
                    }
                }
            }
            other => {
                let (span, label) = match other {
                    Some((fields, _)) => (fields.span, format!("this is {}", describe(&fields.kind))),
                    None => (head(value), "this record has no \"fields\"".to_owned()),
                };
                self.error("missing-fields", span, "a record without fields", label)
                    .help =
                    Some("add \"fields\": [...]; a record of no fields has an empty array".to_owned());
            }
        }
        let aliases = self.type_aliases(value, &named.name);
        let id = self.finish_node(
            value,
            Kind::Record(Record {
                name: named.name.clone(),
                name_span: named.span,
                aliases,
                doc,
                fields,
                is_error,
            }),
        );
        self.rechecks
            .extend(defaults.into_iter().map(|field| Recheck { record: id, field }));
        self.define(named, id)
    }

    /// A field, and whether its default is one that must be checked again when everything is known.
    fn field(&mut self, value: &Value, namespace: Option<&str>) -> Option<(Field, bool)> {
        let Some(members) = value.as_object() else {
            let what = describe(&value.kind);
            self.error(
                "field-not-an-object",
                value.span,
                format!("a field is {what}"),
                "expected an object with \"name\" and \"type\"",
            );
            return None;
        };
        self.duplicate_keys(members);
        let name = value.get("name");
        let (name_text, name_span) = match name.map(|n| (n.as_str(), n.span)) {
            Some((Some(text), span)) => (Some(text), span),
            other => {
                let (span, label) = match (other, name) {
                    (Some((_, span)), Some(name)) => (span, format!("this is {}", describe(&name.kind))),
                    _ => (head(value), "this field has no \"name\"".to_owned()),
                };
                self.error("missing-field-name", span, "a field without a name", label)
                    .help = Some("add \"name\": \"...\"".to_owned());
                (None, span)
            }
        };
        let doc = self.doc(value);
        let Some(ty_value) = value.get("type") else {
            let label = "this field has no \"type\"";
            self.error("missing-field-type", head(value), "a field without a type", label)
                .help = Some("add \"type\", for example \"string\"".to_owned());
            return None;
        };
        let ty = self.schema(ty_value, namespace);
        let order = self.order(value);
        let mut default = value.get("default").cloned();
        self.text_default(ty, &mut default);
        let mut walks = false;
        if let Some(default) = &default {
            walks = self.check_default(name_text.unwrap_or(""), ty, default, ty_value.span);
        }
        if let Some(name) = name_text {
            self.check_name(name, name_span, "invalid-field-name", || {
                "the name of this field".to_owned()
            });
        }
        let own = |m: &json::Member| {
            !matches!(
                m.key.as_str(),
                "default" | "doc" | "name" | "order" | "type" | "aliases"
            )
        };
        let attributes: Vec<json::Member> = if members.iter().any(own) {
            let all = value.members().into_iter();
            all.filter(|m| own(m)).cloned().collect()
        } else {
            Vec::new()
        };
        self.misplaced_logical_type(ty, &attributes);
        let aliases = self.aliases(value).into_iter().map(|(alias, _)| alias).collect();
        let field = Field {
            name: name_text?.to_owned(),
            name_span,
            aliases,
            doc,
            ty,
            type_span: ty_value.span,
            default,
            order,
            attributes,
            span: value.span,
        };
        Some((field, walks))
    }

    /// Java takes a string as the default of a float or double, and makes a number of it.
    fn text_default(&mut self, ty: TypeId, default: &mut Option<Value>) {
        let Some(value) = default else { return };
        let json::Kind::String(text) = &value.kind else {
            return;
        };
        let Target::Known(id) = target(ty) else { return };
        if !matches!(self.nodes[id.index()].kind, Kind::Float | Kind::Double) {
            return;
        }
        match number::parse_double(text) {
            Some(number) if number.is_finite() => {
                value.kind = json::Kind::Number(number::java_double(number))
            }
            Some(number) if number.is_nan() => value.kind = json::Kind::String("NaN".to_owned()),
            Some(number) => {
                let text = if number > 0.0 { "Infinity" } else { "-Infinity" };
                value.kind = json::Kind::String(text.to_owned());
            }
            None => {
                let text = text.clone();
                let span = value.span;
                *default = None;
                self.error(
                    "invalid-default",
                    span,
                    format!("the default \"{}\" is not a number", text.escape_debug()),
                    "expected a number, \"NaN\", \"Infinity\" or \"-Infinity\"",
                );
            }
        }
    }

    fn check_default(&mut self, field: &str, ty: TypeId, default: &Value, type_span: Span) -> bool {
        if self.mode == ParseMode::Lenient {
            return false;
        }
        let mut check = defaults::Check::new(&self.nodes, &self.forwards, None, &mut self.fuel);
        let result = check.field(ty, default);
        let walks = check.met_record;
        if let Err(mismatch) = result {
            let source = self.source.clone();
            if let defaults::Why::DefinedLater(forward) = mismatch.why {
                // Whether it is defined at all is not known yet.
                if self.too_early.len() < MAX_FINDINGS {
                    let diagnostic = mismatch.diagnostic(field, default, &source, type_span);
                    self.too_early.push((forward, diagnostic));
                }
                return false;
            }
            self.errors
                .add(mismatch.diagnostic(field, default, &source, type_span));
            return false;
        }
        walks
    }

    fn order(&mut self, value: &Value) -> Order {
        let Some(order) = value.get("order") else {
            return Order::Ascending;
        };
        match order.as_str().map(str::to_uppercase).as_deref() {
            Some("ASCENDING") => return Order::Ascending,
            Some("DESCENDING") => return Order::Descending,
            Some("IGNORE") => return Order::Ignore,
            _ => {}
        }
        let near = order
            .as_str()
            .and_then(|word| nearest(word, ["ascending", "descending", "ignore"]));
        self.error(
            "invalid-order",
            order.span,
            "a field's \"order\" is none of the three",
            "expected \"ascending\", \"descending\" or \"ignore\"",
        )
        .help = near.map(|near| format!("did you mean \"{near}\"?"));
        Order::Ascending
    }

    fn misplaced_logical_type(&mut self, ty: TypeId, attributes: &[json::Member]) {
        let Some(member) = attributes
            .iter()
            .find(|m| m.key == "logicalType" && m.value.as_str().is_some())
        else {
            return;
        };
        if let Target::Known(id) = target(ty)
            && self.nodes[id.index()].logical.is_some()
        {
            return;
        }
        let name = member.value.as_str().unwrap_or("").to_owned();
        self.warning(
            "logical-type-misplaced",
            Span::new(member.key_span.start, member.value.span.end),
            "a logical type beside the field's type, and ignored",
            "it belongs into the type",
        )
        .help = Some(format!(
            "write \"type\": {{\"type\": ..., \"logicalType\": \"{name}\"}}"
        ));
    }
}
