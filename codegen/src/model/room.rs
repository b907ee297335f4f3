//! How much memory a value takes where it stands, and which records in large ones are boxed for it.
//!
//! Records hold records by value, as one would write them. A real schema has records of hundreds of records, though, and a value of
//! 188 kB: a debug build, which moves values, overflows its stack with it. So a record that would take more than [`LARGE`] holds those
//! of more than [`SMALL`] in boxes. Both are far above what people write by hand, so that a field more in a schema hardly
//! ever changes the type of another. The estimate does not depend on the machine, since generated code must not.

use std::collections::BTreeMap;

use fleetops_avro::schema::TypeId;

use super::{Model, Time, Type};

/// A record of more bytes boxes records in it.
pub(super) const LARGE: usize = 4096;

/// Those of so many bytes or less stay where they are.
pub(super) const SMALL: usize = 256;

/// The room of records that were looked at.
type Rooms = BTreeMap<TypeId, usize>;

impl Model {
    /// Boxes records in large ones. `order` has the records inside others first.
    pub(super) fn box_large(&mut self, order: &[TypeId]) {
        let mut rooms = Rooms::new();
        for id in order {
            let mut room = self.record_room(*id, &rooms);
            if room > LARGE {
                self.box_inside(*id, &rooms);
                room = self.record_room(*id, &rooms);
            }
            rooms.insert(*id, room);
        }
        let large: Vec<TypeId> = (self.top_level.iter())
            .filter(|(_, top)| self.room(&top.ty, &rooms) > LARGE)
            .map(|(id, _)| *id)
            .collect();
        for id in large {
            self.box_inside(id, &rooms);
        }
    }

    fn record_room(&self, id: TypeId, rooms: &Rooms) -> usize {
        let fields = self.records.get(&id).into_iter().flat_map(|r| &r.fields);
        fields.fold(0, |sum, field| sum.saturating_add(self.room(&field.ty, rooms)))
    }

    /// The bytes of a value where it stands, without what it has on the heap.
    fn room(&self, ty: &Type, rooms: &Rooms) -> usize {
        match ty {
            Type::Null | Type::Never => 0,
            Type::Boolean | Type::Enum { open: false, .. } => 1,
            Type::Int | Type::Float | Type::Time(Time::Date) => 4,
            Type::Long | Type::Double => 8,
            Type::Record { boxed: true, .. } | Type::Newtype { boxed: true, .. } => 8,
            Type::Time(_) | Type::Duration => 12,
            _ if ty.is_bigdecimal() => 40,
            Type::UuidString | Type::UuidFixed | Type::DecimalBytes { .. } | Type::DecimalFixed { .. } => 16,
            Type::Bytes | Type::String | Type::Array(_) | Type::Map(_) | Type::Enum { open: true, .. } => 24,
            Type::BigDecimal { .. } => 40,
            Type::Fixed(id) => self.fixeds.get(id).map_or(0, |f| f.size),
            Type::Optional { inner, .. } => self.room(inner, rooms).saturating_add(8),
            Type::Newtype { base, .. } => self.room(base, rooms),
            Type::Record { id, .. } => rooms.get(id).copied().unwrap_or(0),
            Type::Union(index) => {
                let branches = self.unions.get(*index).into_iter().flat_map(|u| &u.branches);
                let largest = branches.map(|b| self.room(&b.ty, rooms)).max();
                largest.unwrap_or(0).saturating_add(8)
            }
        }
    }

    /// Boxes what the fields of a record, or the top of a file, hold: not what is in arrays and maps, which is on the heap already.
    fn box_inside(&mut self, id: TypeId, rooms: &Rooms) {
        let is_large = |id: &TypeId| rooms.get(id).is_some_and(|room| *room > SMALL);
        let mut unions = Vec::new();
        for field in (self.records.get_mut(&id))
            .into_iter()
            .flat_map(|r| &mut r.fields)
        {
            box_record(&mut field.ty, is_large, &mut unions);
        }
        if let Some(top) = self.top_level.get_mut(&id) {
            box_record(&mut top.ty, is_large, &mut unions);
        }
        // A union in a union is not Avro.
        for index in std::mem::take(&mut unions) {
            for branch in (self.unions.get_mut(index))
                .into_iter()
                .flat_map(|u| &mut u.branches)
            {
                box_record(&mut branch.ty, is_large, &mut unions);
            }
        }
    }
}

fn box_record(ty: &mut Type, is_large: impl Fn(&TypeId) -> bool, unions: &mut Vec<usize>) {
    match ty {
        Type::Optional { inner, .. } => box_record(inner, is_large, unions),
        Type::Record { id, boxed } => *boxed |= is_large(id),
        Type::Newtype { base, boxed, .. } => {
            if let Type::Record { id, .. } = &**base {
                *boxed |= is_large(id);
            }
        }
        Type::Union(index) => unions.push(*index),
        _ => {}
    }
}
