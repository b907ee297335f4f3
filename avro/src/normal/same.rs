//! Equal as objects: `Schema.equals` of Java Avro, and what Confluent's `AvroSchema` compares on top of it.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::json::Member;
use crate::schema::{Field, Kind, Name, Schema, TypeId};

/// Whether a registry that finds no version of the same text takes one of these for the other: equal as Avro's schema
/// objects, in their documents, aliases and enum defaults as well.
///
/// What does not count: the order of attributes, aliases and keys, how numbers are written (`1e1` is `10.0`, but not
/// `10`), places, comments, and whether a record is an `error`.
pub fn same(a: &Schema, b: &Schema) -> bool {
    let mut seen: HashSet<(TypeId, TypeId)> = HashSet::new();
    // Every pair must be equal, so their order does not matter.
    let mut pairs = vec![(a.root(), b.root())];
    while let Some((x, y)) = pairs.pop() {
        let (m, n) = (a.node(x), b.node(y));
        if m.name().is_some() && !seen.insert((x, y)) {
            continue;
        }
        if m.name() != n.name() || !attributes(&m.attributes, &n.attributes) {
            return false;
        }
        let equal = match (&m.kind, &n.kind) {
            (Kind::Array(i), Kind::Array(j)) | (Kind::Map(i), Kind::Map(j)) => {
                pairs.push((*i, *j));
                true
            }
            (Kind::Union(i), Kind::Union(j)) => {
                pairs.extend(i.iter().copied().zip(j.iter().copied()));
                i.len() == j.len()
            }
            (Kind::Enum(e), Kind::Enum(f)) => {
                e.symbols == f.symbols
                    && e.default == f.default
                    && e.doc == f.doc
                    && names(&e.aliases, &f.aliases)
            }
            (Kind::Fixed(e), Kind::Fixed(f)) => {
                e.size == f.size && e.doc == f.doc && names(&e.aliases, &f.aliases)
            }
            (Kind::Record(r), Kind::Record(s)) => {
                pairs.extend(r.fields.iter().zip(&s.fields).map(|(f, g)| (f.ty, g.ty)));
                r.doc == s.doc
                    && names(&r.aliases, &s.aliases)
                    && r.fields.len() == s.fields.len()
                    && r.fields.iter().zip(&s.fields).all(|(f, g)| fields(f, g))
            }
            (m, n) => std::mem::discriminant(m) == std::mem::discriminant(n),
        };
        if !equal {
            return false;
        }
    }
    true
}

/// All of two fields but their types.
fn fields(f: &Field, g: &Field) -> bool {
    f.name == g.name
        && f.order == g.order
        && f.doc == g.doc
        && f.aliases.iter().collect::<BTreeSet<_>>() == g.aliases.iter().collect::<BTreeSet<_>>()
        && match (&f.default, &g.default) {
            (None, None) => true,
            (Some(f), Some(g)) => f.same(g),
            _ => false,
        }
        && attributes(&f.attributes, &g.attributes)
}

fn names(a: &[Name], b: &[Name]) -> bool {
    a == b || a.iter().collect::<BTreeSet<_>>() == b.iter().collect::<BTreeSet<_>>()
}

/// The parser keeps each key once.
fn attributes(a: &[Member], b: &[Member]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.is_empty() {
        return true;
    }
    let index: HashMap<&str, &Member> = b.iter().map(|m| (m.key.as_str(), m)).collect();
    a.iter()
        .all(|m| index.get(m.key.as_str()).is_some_and(|n| m.value.same(&n.value)))
}
