//! Records that no value ends: each holds another, and no array, map, optional or other branch breaks the chain.
//!
//! Avro takes them, and so does Java; there is just nothing to write or read. Their code is what every record's is, and
//! rustc is told that its functions call themselves without an end.

use std::collections::BTreeSet;

use fleetops_avro::schema::TypeId;

use super::holders::Holder;
use super::{Model, Type};

/// The lint of rustc that such code would meet.
const LINT: &str = "unconditional_recursion";

/// Marks the records of which there is no value. `order` has the records inside others first.
pub(super) fn mark(model: &mut Model, order: &[TypeId]) {
    let mut ends: BTreeSet<Holder> = BTreeSet::new();
    loop {
        let before = ends.len();
        for id in order {
            let record = model.records.get(id);
            if record.is_some_and(|r| r.fields.iter().all(|f| has_end(&f.ty, &ends))) {
                ends.insert(Holder::Record(*id));
            }
            for (index, union) in model.unions_of(*id) {
                if union.branches.iter().any(|b| has_end(&b.ty, &ends)) {
                    ends.insert(Holder::Union(index));
                }
            }
        }
        if ends.len() == before {
            break;
        }
    }
    for (id, record) in &mut model.records {
        if !ends.contains(&Holder::Record(*id)) {
            record.dress.allow.insert(LINT);
        }
    }
}

fn has_end(ty: &Type, ends: &BTreeSet<Holder>) -> bool {
    match ty {
        Type::Record { id, .. } => ends.contains(&Holder::Record(*id)),
        Type::Union(index) => ends.contains(&Holder::Union(*index)),
        Type::Newtype { base, .. } => has_end(base, ends),
        Type::Never => false,
        _ => true,
    }
}
