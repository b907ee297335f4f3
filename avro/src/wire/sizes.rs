//! The fewest bytes that a value of a type can take: what bounds a count of items by the bytes that are left.

use std::collections::HashMap;

use crate::schema::{Kind, Schema, TypeId};

/// How deep types are followed; what is deeper counts as taking nothing, which is never too much.
const MAX_NESTING: usize = 500;

/// The sizes of a schema's types, computed when asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct MinSizes {
    known: HashMap<TypeId, usize>,
}

impl MinSizes {
    /// The fewest bytes that a value of the type takes. Inside a recursive type, that type counts as taking none.
    pub(crate) fn of(&mut self, schema: &Schema, id: TypeId) -> usize {
        self.compute(schema, id, 0)
    }

    fn compute(&mut self, schema: &Schema, id: TypeId, depth: usize) -> usize {
        match &schema.node(id).kind {
            Kind::Null => 0,
            Kind::Boolean | Kind::Int | Kind::Long | Kind::Bytes | Kind::String => 1,
            Kind::Array(_) | Kind::Map(_) | Kind::Enum(_) => 1,
            Kind::Float => 4,
            Kind::Double => 8,
            Kind::Fixed(fixed) => fixed.size,
            _ if depth == MAX_NESTING => 0,
            Kind::Union(branches) => {
                let least = branches
                    .iter()
                    .map(|branch| self.compute(schema, *branch, depth + 1))
                    .min();
                least.unwrap_or(0).saturating_add(1)
            }
            Kind::Record(record) => {
                if let Some(size) = self.known.get(&id) {
                    return *size;
                }
                self.known.insert(id, 0);
                let size = record
                    .fields
                    .iter()
                    .map(|field| self.compute(schema, field.ty, depth + 1))
                    .fold(0, usize::saturating_add);
                self.known.insert(id, size);
                size
            }
        }
    }
}
