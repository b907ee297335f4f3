//! Fields of an event by the manifest's paths, through optionals.

use fleetops_avro::schema::{Kind, TypeId};
use fleetops_avro::value::Value;
use fleetops_codegen::manifest::FieldPath;

use super::leaf::{Leaf, Native};
use super::shape::Shape;

/// A path, resolved.
#[derive(Debug)]
pub(super) struct Access {
    /// Position of the field, and where it is optional the position of null.
    steps: Vec<(usize, Option<usize>)>,
    /// The type at the end, the null of an optional taken off.
    leaf: TypeId,
}

impl Access {
    /// `None`: it leads nowhere, of which the manifest's check has told.
    pub(super) fn new(shape: &Shape, path: &FieldPath) -> Option<Self> {
        let resolved = path.resolve(shape.schema.set(), shape.schema.root()).ok()?;
        let steps = resolved.steps.iter().map(|step| {
            let null = shape.optional(step.declared).map(|optional| optional.null);
            (step.field, null)
        });
        Some(Self {
            steps: steps.collect(),
            leaf: resolved.leaf,
        })
    }

    /// The value; `None` where an optional on the way is null.
    pub(super) fn get<'v>(&self, event: &'v Value) -> Option<&'v Value> {
        let mut at = event;
        for (field, null) in &self.steps {
            let Value::Record(fields) = at else { return None };
            at = fields.get(*field)?;
            if let Some(null) = null {
                match at {
                    Value::Union(branch, value) if branch != null => at = value,
                    _ => return None,
                }
            }
        }
        Some(at)
    }

    /// Sets the field to a time, an optional one too; without effect where an optional on the way there is null.
    pub(super) fn stamp(&self, shape: &Shape, event: &mut Value, now: &Native) {
        let leaf = Leaf::of(shape.schema.node(self.leaf));
        let Some(stamp) = leaf.and_then(|leaf| leaf.store(now)) else {
            return;
        };
        let mut at = event;
        for (index, (field, null)) in self.steps.iter().enumerate() {
            let Value::Record(fields) = at else { return };
            let Some(next) = fields.get_mut(*field) else {
                return;
            };
            let is_last = index + 1 == self.steps.len();
            if is_last {
                *next = match null {
                    Some(null) => Value::Union(1 - null, Box::new(stamp)),
                    None => stamp,
                };
                return;
            }
            at = match null {
                None => next,
                Some(null) => match next {
                    Value::Union(branch, value) if branch != null => value,
                    _ => return,
                },
            };
        }
    }

    /// Hands on the text of the value. `false`: there is none.
    pub(super) fn text(&self, shape: &Shape, event: &Value, take: impl FnOnce(&str)) -> bool {
        let Some(value) = self.get(event) else {
            return false;
        };
        let node = shape.schema.node(self.leaf);
        if let Some(Ok(Native::Uuid(uuid))) = Leaf::of(node).map(|leaf| leaf.load(value)) {
            take(
                uuid.hyphenated()
                    .encode_lower(&mut fleetops_runtime::uuid::Uuid::encode_buffer()),
            );
            return true;
        }
        match (&node.kind, value) {
            (_, Value::String(text)) => take(text),
            (_, Value::Int(value)) => take(&value.to_string()),
            (_, Value::Long(value)) => take(&value.to_string()),
            (Kind::Enum(declared), Value::Enum(at)) => match declared.symbols.get(*at) {
                Some(symbol) => take(symbol),
                None => return false,
            },
            _ => return false,
        }
        true
    }
}
