//! Paths to fields, such as `metadata.replay_session_id`, and what they lead to in a schema.

use std::fmt;

use fleetops_avro::schema::{Kind, SchemaSet, TypeId};
use fleetops_avro::source::Span;

use super::nearest;

/// Names of fields, from the value's record down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    /// At least one.
    pub segments: Vec<Segment>,
    /// Where the whole stands in the manifest, quotes included.
    pub span: Span,
}

/// One name of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The field's name.
    pub name: String,
    /// Where it stands in the manifest.
    pub span: Span,
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, segment) in self.segments.iter().enumerate() {
            if i > 0 {
                f.write_str(".")?;
            }
            f.write_str(&segment.name)?;
        }
        Ok(())
    }
}

/// Two paths are the same if they name the same fields, wherever they stand.
pub(super) fn same(a: &FieldPath, b: &FieldPath) -> bool {
    a.segments.len() == b.segments.len() && a.segments.iter().zip(&b.segments).all(|(a, b)| a.name == b.name)
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedPath {
    /// One per segment.
    pub steps: Vec<Step>,
    /// The type at the end, the null of an optional field taken off.
    pub leaf: TypeId,
}

/// One step from a record to a field of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The record.
    pub record: TypeId,
    /// Position of the field in it.
    pub field: usize,
    /// The field's type as declared, with the union if it is one.
    pub declared: TypeId,
    /// The field's type is a union of null and one other.
    pub optional: bool,
}

impl ResolvedPath {
    /// Whether the value may be absent: a field on the way is optional.
    pub fn optional(&self) -> bool {
        self.steps.iter().any(|s| s.optional)
    }

    /// Whether a record on the way to the last field may be absent.
    pub fn behind_optional(&self) -> bool {
        self.steps
            .split_last()
            .is_some_and(|(_, way)| way.iter().any(|s| s.optional))
    }
}

/// Why a path leads nowhere. `segment` is the one that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PathError {
    /// The record has no such field.
    UnknownField {
        /// Position of the segment.
        segment: usize,
        /// The record looked in.
        record: TypeId,
        /// The field that was probably meant.
        nearest: Option<String>,
    },
    /// The path goes on, but the field before is no record.
    NotARecord {
        /// Position of the segment that has nothing to stand on.
        segment: usize,
        /// What the field before is.
        found: TypeId,
    },
}

impl FieldPath {
    /// Follows the path from a record, through records and unions of null and one other type.
    ///
    /// # Errors
    /// The first segment that leads nowhere.
    pub fn resolve(&self, schemas: &SchemaSet, root: TypeId) -> Result<ResolvedPath, PathError> {
        let mut steps = Vec::with_capacity(self.segments.len());
        let mut at = root;
        for (segment, name) in self.segments.iter().enumerate() {
            let Kind::Record(record) = &schemas.node(at).kind else {
                return Err(PathError::NotARecord { segment, found: at });
            };
            let position = record.fields.iter().position(|f| f.name == name.name);
            let Some((index, field)) = position.and_then(|i| record.fields.get(i).map(|f| (i, f))) else {
                let names = record.fields.iter().map(|f| f.name.as_str());
                return Err(PathError::UnknownField {
                    segment,
                    record: at,
                    nearest: nearest(&name.name, names).map(str::to_owned),
                });
            };
            let inner = non_null(schemas, field.ty);
            steps.push(Step {
                record: at,
                field: index,
                declared: field.ty,
                optional: inner != field.ty,
            });
            at = inner;
        }
        Ok(ResolvedPath { steps, leaf: at })
    }
}

/// The other branch of a union of null and one other type; else the type itself.
pub(crate) fn non_null(schemas: &SchemaSet, ty: TypeId) -> TypeId {
    let Kind::Union(branches) = &schemas.node(ty).kind else {
        return ty;
    };
    let is_null = |id: TypeId| matches!(schemas.node(id).kind, Kind::Null);
    match branches.as_slice() {
        [a, b] if is_null(*a) && !is_null(*b) => *b,
        [a, b] if is_null(*b) && !is_null(*a) => *a,
        _ => ty,
    }
}
