//! Whether two schemas are equal as Java's `Schema.equals` says.
//!
//! Java applies the reader's aliases to the writer's schema only where the two are not equal, so a resolver that is to
//! give Java's answers has to ask the same question, of the writer's schema under the names it has by then. Equal are names, structure, defaults, sort order and attributes;
//! documentation, aliases and the default symbol of an enum do not count.

use std::collections::HashSet;

use crate::json;
use crate::schema::{Kind, Schema, TypeId};

use super::MAX_NESTING;
use super::aliases::Writer;

/// Whether they are; `None` where they are nested too deeply to tell.
pub(super) fn same(a: &Writer<'_>, b: &Schema) -> Option<bool> {
    Comparison {
        a,
        b,
        seen: HashSet::new(),
    }
    .types(a.schema.root(), b.root(), 0)
}

struct Comparison<'a> {
    a: &'a Writer<'a>,
    b: &'a Schema,
    seen: HashSet<(TypeId, TypeId)>,
}

impl Comparison<'_> {
    fn types(&mut self, a: TypeId, b: TypeId, depth: usize) -> Option<bool> {
        if depth > MAX_NESTING {
            return None;
        }
        let (x, y) = (self.a.schema.node(a), self.b.node(b));
        if !same_attributes(&x.attributes, &y.attributes) || self.a.name(a) != y.name() {
            return Some(false);
        }
        Some(match (&x.kind, &y.kind) {
            (Kind::Array(x), Kind::Array(y)) | (Kind::Map(x), Kind::Map(y)) => {
                return self.types(*x, *y, depth + 1);
            }
            (Kind::Union(x), Kind::Union(y)) => {
                if x.len() != y.len() {
                    return Some(false);
                }
                for (x, y) in x.iter().zip(y) {
                    if !self.types(*x, *y, depth + 1)? {
                        return Some(false);
                    }
                }
                true
            }
            (Kind::Enum(x), Kind::Enum(y)) => x.symbols == y.symbols,
            (Kind::Fixed(x), Kind::Fixed(y)) => x.size == y.size,
            (Kind::Record(x), Kind::Record(y)) => {
                if x.fields.len() != y.fields.len() {
                    return Some(false);
                }
                if !self.seen.insert((a, b)) {
                    return Some(true);
                }
                let names = self.a.fields(a);
                for ((x, name), y) in x.fields.iter().zip(names.iter()).zip(&y.fields) {
                    if *name != y.name
                        || x.order != y.order
                        || !same_attributes(&x.attributes, &y.attributes)
                        || !same_default(x.default.as_ref(), y.default.as_ref())
                        || !self.types(x.ty, y.ty, depth + 1)?
                    {
                        return Some(false);
                    }
                }
                true
            }
            (x, y) => std::mem::discriminant(x) == std::mem::discriminant(y),
        })
    }
}

fn same_attributes(a: &[json::Member], b: &[json::Member]) -> bool {
    fn last<'a>(members: &'a [json::Member], key: &str) -> Option<&'a json::Value> {
        members.iter().rev().find(|m| m.key == key).map(|m| &m.value)
    }
    a.iter().all(|m| same_default(last(a, &m.key), last(b, &m.key)))
        && b.iter().all(|m| last(a, &m.key).is_some())
}

fn same_default(a: Option<&json::Value>, b: Option<&json::Value>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.same(b),
        _ => false,
    }
}
