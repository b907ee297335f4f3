//! How many bytes the values of a type take: at least, and at most where that is the same for all of them.
//!
//! A record's sizes are sums over its fields, and records hold records. They are computed once for each record, those
//! inside before those around them, because a walk for every use takes time that doubles with each level, and a stack as
//! deep as the schema. A reference that closes a cycle leads to one that is not known yet, so it has no greatest size. The least
//! of a boxed one is that of nothing.

use fleetops_avro::schema::TypeId;

use super::{Model, Time, Type};

/// The most bytes of a long, a length or a count.
pub(crate) const LONG: usize = 10;

/// The sizes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sizes {
    /// The most bytes of any value, where it has no part that grows.
    most: Option<usize>,
    least: usize,
    /// Values that are no records, those of the records inside counted: how much code reads it.
    leaves: usize,
}

impl Model {
    /// Computes the sizes of all records. `order` has the records inside others first.
    pub(super) fn find_sizes(&mut self, order: &[TypeId]) {
        for id in order {
            let Some(record) = self.records.get(id) else {
                continue;
            };
            let mut sizes = Sizes {
                most: Some(0),
                least: 0,
                leaves: 0,
            };
            for field in &record.fields {
                let most = self.fixed_size(&field.ty);
                sizes.most = sizes.most.zip(most).and_then(|(sum, more)| sum.checked_add(more));
                sizes.least = sizes.least.saturating_add(self.least_size(&field.ty));
                sizes.leaves = sizes.leaves.saturating_add(self.leaves(&field.ty));
            }
            self.sizes.insert(*id, sizes);
        }
    }

    /// The most bytes of a value, where it is the same for all values.
    pub(crate) fn fixed_size(&self, ty: &Type) -> Option<usize> {
        Some(match ty {
            Type::Null | Type::Never => 0,
            Type::Boolean => 1,
            Type::Int | Type::Time(Time::Date | Time::TimeMillis) => 5,
            Type::Long | Type::Time(_) => LONG,
            Type::Float => 4,
            Type::Double => 8,
            Type::UuidString => 37,
            Type::UuidFixed => 16,
            Type::DecimalBytes { big: true, .. } | Type::BigDecimal { big: true } => return None,
            Type::DecimalBytes { .. } => 18,
            Type::DecimalFixed { size, .. } => *size,
            Type::BigDecimal { .. } => 40,
            Type::Duration => 12,
            Type::Enum { .. } => 5,
            Type::Fixed(id) => self.fixeds.get(id)?.size,
            Type::Optional { inner, .. } => self.fixed_size(inner)?.checked_add(1)?,
            Type::Bytes | Type::String | Type::Array(_) | Type::Map(_) => return None,
            Type::Union(index) => {
                let union = self.unions.get(*index)?;
                let mut most = 0;
                for branch in &union.branches {
                    most = most.max(self.fixed_size(&branch.ty)?);
                }
                most.checked_add(5)?
            }
            // One that closes a cycle is not known yet.
            Type::Record { id, .. } => self.sizes.get(id)?.most?,
            Type::Newtype { base, .. } => self.fixed_size(base)?,
        })
    }

    /// The fewest bytes of a value.
    pub(crate) fn least_size(&self, ty: &Type) -> usize {
        match ty {
            Type::Null | Type::Never => 0,
            Type::Float => 4,
            Type::Double => 8,
            Type::UuidFixed => 16,
            Type::DecimalFixed { size, .. } => *size,
            Type::Duration => 12,
            Type::Fixed(id) => self.fixeds.get(id).map_or(0, |f| f.size),
            Type::Record { boxed: true, .. } | Type::Newtype { boxed: true, .. } => 0,
            Type::Record { id, .. } => self.sizes.get(id).map_or(0, |s| s.least),
            Type::Newtype { base, .. } => self.least_size(base),
            _ => 1,
        }
    }

    /// How many values that are no records a value holds, items counted once.
    pub(crate) fn leaves(&self, ty: &Type) -> usize {
        match ty {
            Type::Array(inner) | Type::Map(inner) | Type::Optional { inner, .. } => self.leaves(inner),
            Type::Record { boxed: false, id } => self.sizes.get(id).map_or(1, |s| s.leaves),
            _ => 1,
        }
    }
}
