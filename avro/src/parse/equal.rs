//! When two definitions of one name are the same to Java: `Schema.equals`.
//!
//! Documents, aliases and an enum's default do not count; attributes, field defaults and sort order do. A reference
//! to a name that was not defined before it equals only itself, so a type that contains itself is never equal to its
//! second definition.

use std::collections::{HashMap, HashSet};

use crate::json::Member;
use crate::schema::{Kind, Node, TypeId};

/// Whether two definitions are equal. Recursion is bounded by the nesting of the second definition's text, since
/// what it refers to by name is the very node that the first refers to.
pub(crate) fn equal(nodes: &[Node], a: TypeId, b: TypeId) -> bool {
    Equality {
        nodes,
        seen: HashSet::new(),
    }
    .types(a, b)
}

struct Equality<'a> {
    nodes: &'a [Node],
    seen: HashSet<(TypeId, TypeId)>,
}

impl Equality<'_> {
    fn types(&mut self, a: TypeId, b: TypeId) -> bool {
        if a == b {
            return true;
        }
        let (Some(x), Some(y)) = (self.nodes.get(a.index()), self.nodes.get(b.index())) else {
            return false;
        };
        if !attributes(&x.attributes, &y.attributes) || x.name() != y.name() {
            return false;
        }
        match (&x.kind, &y.kind) {
            (Kind::Array(a), Kind::Array(b)) | (Kind::Map(a), Kind::Map(b)) => self.types(*a, *b),
            (Kind::Union(a), Kind::Union(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| self.types(*a, *b))
            }
            (Kind::Enum(a), Kind::Enum(b)) => a.symbols == b.symbols,
            (Kind::Fixed(a), Kind::Fixed(b)) => a.size == b.size,
            (Kind::Record(r), Kind::Record(s)) => {
                if !self.seen.insert((a, b)) {
                    return true;
                }
                r.fields.len() == s.fields.len()
                    && r.fields.iter().zip(&s.fields).all(|(f, g)| {
                        f.name == g.name
                            && f.order == g.order
                            && match (&f.default, &g.default) {
                                (None, None) => true,
                                (Some(f), Some(g)) => f.same(g),
                                _ => false,
                            }
                            && attributes(&f.attributes, &g.attributes)
                            && self.types(f.ty, g.ty)
                    })
            }
            (x, y) => std::mem::discriminant(x) == std::mem::discriminant(y),
        }
    }
}

fn attributes(a: &[Member], b: &[Member]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.len() <= 16 {
        return a
            .iter()
            .all(|m| b.iter().any(|n| m.key == n.key && m.value.same(&n.value)));
    }
    let index: HashMap<&str, &Member> = b.iter().map(|m| (m.key.as_str(), m)).collect();
    a.iter()
        .all(|m| index.get(m.key.as_str()).is_some_and(|n| m.value.same(&n.value)))
}
