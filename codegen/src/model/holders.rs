//! What passes a property on to whatever holds it: borrowing, and having something to validate.

use std::collections::{BTreeMap, BTreeSet};

use fleetops_avro::schema::TypeId;

use super::{Model, Type};

/// What has a type of its own, made of other types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    Record(TypeId),
    Union(usize),
}

/// The record or union at the bottom of a type.
pub(super) fn held(ty: &Type) -> Option<Holder> {
    match ty {
        Type::Record { id, .. } => Some(Holder::Record(*id)),
        Type::Union(index) => Some(Holder::Union(*index)),
        Type::Array(inner)
        | Type::Map(inner)
        | Type::Optional { inner, .. }
        | Type::Newtype { base: inner, .. } => held(inner),
        _ => None,
    }
}

impl Model {
    /// What borrows strings or bytes, and what has something to validate: whatever holds what does.
    pub(super) fn find_holders(&mut self) {
        let model = &*self;
        let mut users: BTreeMap<Holder, Vec<Holder>> = BTreeMap::new();
        let (mut borrows, mut checks) = (Vec::new(), Vec::new());
        let mut note = |holder: Holder, ty: &Type| {
            // Nothing is marked yet, so what answers now does so for itself.
            if model.borrows(ty) {
                borrows.push(holder);
            }
            if model.checks(ty) {
                checks.push(holder);
            }
            if let Some(held) = held(ty) {
                users.entry(held).or_default().push(holder);
            }
        };
        let mut ruled = Vec::new();
        for (id, record) in &model.records {
            for field in &record.fields {
                note(Holder::Record(*id), &field.ty);
                if !field.rules.is_empty() {
                    ruled.push(Holder::Record(*id));
                }
            }
        }
        for (index, union) in model.unions.iter().enumerate() {
            for branch in &union.branches {
                note(Holder::Union(index), &branch.ty);
            }
        }
        checks.append(&mut ruled);
        for holder in all_users(&users, borrows) {
            match holder {
                Holder::Record(id) => {
                    if let Some(record) = self.records.get_mut(&id) {
                        record.borrows = true;
                    }
                }
                Holder::Union(index) => {
                    if let Some(union) = self.unions.get_mut(index) {
                        union.borrows = true;
                    }
                }
            }
        }
        for holder in all_users(&users, checks) {
            match holder {
                Holder::Record(id) => {
                    if let Some(record) = self.records.get_mut(&id) {
                        record.checks = true;
                    }
                }
                Holder::Union(index) => {
                    if let Some(union) = self.unions.get_mut(index) {
                        union.checks = true;
                    }
                }
            }
        }
    }
}

/// `start`, what uses any of it, what uses that, and so on.
fn all_users(users: &BTreeMap<Holder, Vec<Holder>>, start: Vec<Holder>) -> BTreeSet<Holder> {
    let mut found = BTreeSet::new();
    let mut pending = start;
    while let Some(holder) = pending.pop() {
        if found.insert(holder) {
            pending.extend(users.get(&holder).into_iter().flatten());
        }
    }
    found
}
