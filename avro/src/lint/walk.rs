//! Every type and field in a file's text, with the name it has in the model.
//!
//! The parser has read the text, so what does not look like a schema here is passed over. The walk keeps its own stack:
//! types may be nested as deep as the parser allows.

use std::sync::Arc;

use super::Linter;
use crate::json::{self, Kind as Json, Value};
use crate::schema::{Kind, Name, TypeId};
use crate::source::{Place, Source};

/// A schema in a text.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) source: &'a Arc<Source>,
    pub(super) value: &'a Value,
    /// The namespace around it.
    pub(super) namespace: Option<&'a str>,
    /// What it is in: a file, a field, a branch, items or values.
    pub(super) position: Position,
    /// What findings about it are about.
    pub(super) owner: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Position {
    File,
    Field,
    Inner,
}

/// A field in a text.
pub(super) struct FieldAt<'a> {
    pub(super) source: &'a Arc<Source>,
    /// Its object.
    pub(super) value: &'a Value,
    /// `shop.Order.amount`
    pub(super) full: String,
    pub(super) name: &'a Value,
    pub(super) ty: &'a Value,
    /// Its type in the model.
    pub(super) id: TypeId,
}

impl At<'_> {
    pub(super) fn place(&self, value: &Value) -> Place {
        Place::new(self.source, value.span)
    }
}

/// A schema that is still to be looked at.
struct Open<'a> {
    value: &'a Value,
    namespace: Option<String>,
    position: Position,
    owner: String,
}

impl Linter<'_> {
    pub(super) fn file(&mut self, source: &Arc<Source>) {
        let Ok(root) = json::parse(source.text()) else {
            return;
        };
        let mut open = vec![Open {
            value: &root,
            namespace: None,
            position: Position::File,
            owner: source.name().to_owned(),
        }];
        while let Some(next) = open.pop() {
            let at = At {
                source,
                value: next.value,
                namespace: next.namespace.as_deref(),
                position: next.position,
                owner: &next.owner,
            };
            let inner = |value| Open {
                value,
                namespace: next.namespace.clone(),
                position: Position::Inner,
                owner: next.owner.clone(),
            };
            match &next.value.kind {
                Json::Array(branches) => {
                    if next.position != Position::File {
                        self.union(&at, branches);
                    }
                    open.extend(branches.iter().rev().map(|value| Open {
                        position: next.position.of_branch(),
                        ..inner(value)
                    }));
                }
                Json::Object(_) => {
                    self.wrapper(&at);
                    match next.value.get("type").and_then(Value::as_str) {
                        Some("record" | "error") => open.extend(self.record(&at, next.value)),
                        Some("enum" | "fixed") => {
                            if let Some((full, _)) = full_name(&at) {
                                self.named(&at, &full);
                            }
                        }
                        Some("array") => open.extend(next.value.get("items").map(inner)),
                        Some("map") => open.extend(next.value.get("values").map(inner)),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }

    fn record<'a>(&mut self, at: &At<'_>, record: &'a Value) -> Vec<Open<'a>> {
        let Some((full, namespace)) = full_name(at) else {
            return Vec::new();
        };
        self.named(at, &full);
        let set = self.set;
        let ids: Vec<TypeId> = match set.get(&full).map(|schema| schema.root()) {
            Some(id) => match &set.node(id).kind {
                Kind::Record(record) => record.fields.iter().map(|field| field.ty).collect(),
                _ => Vec::new(),
            },
            None => Vec::new(),
        };
        let fields = record.get("fields").and_then(Value::as_array).unwrap_or_default();
        let mut open = Vec::new();
        for (value, id) in fields.iter().zip(ids) {
            let (Some(name), Some(ty)) = (value.get("name"), value.get("type")) else {
                continue;
            };
            let owner = format!("{full}.{}", name.as_str().unwrap_or_default());
            self.field(&FieldAt {
                source: at.source,
                value,
                full: owner.clone(),
                name,
                ty,
                id,
            });
            open.push(Open {
                value: ty,
                namespace: namespace.clone(),
                position: Position::Field,
                owner,
            });
        }
        open.reverse();
        open
    }
}

impl Position {
    /// A file's union lists types; each is a root of its own.
    fn of_branch(self) -> Self {
        match self {
            Self::File => Self::File,
            _ => Self::Inner,
        }
    }
}

/// The full name of a definition, and the namespace in it.
pub(super) fn full_name(at: &At<'_>) -> Option<(String, Option<String>)> {
    let name = at.value.get("name")?.as_str()?;
    let namespace = match name.rsplit_once('.') {
        Some((namespace, _)) => Some(namespace),
        None => match at.value.get("namespace").and_then(Value::as_str) {
            Some(own) => Some(own),
            None => at.namespace,
        },
    };
    let namespace = namespace.filter(|n| !n.is_empty()).map(str::to_owned);
    let simple = name.rsplit('.').next().unwrap_or(name).to_owned();
    let full = Name {
        namespace: namespace.clone(),
        name: simple,
    };
    Some((full.to_string(), namespace))
}
