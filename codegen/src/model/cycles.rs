//! Which records contain themselves, and which references must be boxed for that.
//!
//! A record is *recursive* when it can be reached from itself by any path; decoding such a record counts its depth. A
//! reference must be *boxed* when it closes a cycle that no array or map breaks, because only those put their items on
//! the heap already. One box a cycle is enough: a depth-first walk in the order of names boxes exactly the references
//! that lead back to a record the walk is still inside of.

use std::collections::{BTreeMap, BTreeSet};

use fleetops_avro::SchemaSet;
use fleetops_avro::schema::{Kind, TypeId};

/// The answer for a whole set.
#[derive(Debug, Default)]
pub(crate) struct Cycles {
    recursive: BTreeSet<TypeId>,
    boxed: BTreeSet<(TypeId, TypeId)>,
}

impl Cycles {
    /// Looks at every record of the set.
    pub(crate) fn of(set: &SchemaSet) -> Self {
        let records: Vec<TypeId> = set
            .named()
            .map(|(_, id)| id)
            .filter(|id| matches!(set.node(*id).kind, Kind::Record(_)))
            .collect();
        let mut any = BTreeMap::new();
        let mut direct = BTreeMap::new();
        for &id in &records {
            any.insert(id, targets(set, id, true));
            direct.insert(id, targets(set, id, false));
        }
        Self {
            recursive: records.iter().copied().filter(|&id| reaches(&any, id)).collect(),
            boxed: back_edges(&records, &direct),
        }
    }

    /// The record can be reached from itself.
    pub(crate) fn is_recursive(&self, record: TypeId) -> bool {
        self.recursive.contains(&record)
    }

    /// The reference from one record to the other must be boxed.
    pub(crate) fn is_boxed(&self, from: TypeId, to: TypeId) -> bool {
        self.boxed.contains(&(from, to))
    }
}

/// The records that the fields of a record name, in order; those inside arrays and maps only if asked for.
fn targets(set: &SchemaSet, record: TypeId, through_containers: bool) -> Vec<TypeId> {
    let mut out = Vec::new();
    let mut pending = Vec::new();
    if let Kind::Record(r) = &set.node(record).kind {
        pending.extend(r.fields.iter().rev().map(|f| f.ty));
    }
    while let Some(id) = pending.pop() {
        match &set.node(id).kind {
            Kind::Record(_) => out.push(id),
            Kind::Union(branches) => pending.extend(branches.iter().rev()),
            Kind::Array(item) | Kind::Map(item) if through_containers => pending.push(*item),
            _ => {}
        }
    }
    out
}

/// Whether a walk from `start` comes back to it.
fn reaches(edges: &BTreeMap<TypeId, Vec<TypeId>>, start: TypeId) -> bool {
    let mut seen = BTreeSet::new();
    let mut pending: Vec<TypeId> = edges.get(&start).cloned().unwrap_or_default();
    while let Some(id) = pending.pop() {
        if id == start {
            return true;
        }
        if seen.insert(id) {
            pending.extend(edges.get(&id).into_iter().flatten().copied());
        }
    }
    false
}

/// The edges that lead back into the path of a depth-first walk. No recursion: schemas may nest as deep as they like.
fn back_edges(records: &[TypeId], edges: &BTreeMap<TypeId, Vec<TypeId>>) -> BTreeSet<(TypeId, TypeId)> {
    let mut out = BTreeSet::new();
    let mut done = BTreeSet::new();
    for &root in records {
        let mut path: Vec<(TypeId, usize)> = vec![(root, 0)];
        let mut on_path = BTreeSet::from([root]);
        if done.contains(&root) {
            continue;
        }
        while let Some((id, next)) = path.last_mut() {
            let id = *id;
            match edges.get(&id).and_then(|e| e.get(*next)) {
                Some(&to) => {
                    *next += 1;
                    if on_path.contains(&to) {
                        out.insert((id, to));
                    } else if !done.contains(&to) {
                        on_path.insert(to);
                        path.push((to, 0));
                    }
                }
                None => {
                    path.pop();
                    on_path.remove(&id);
                    done.insert(id);
                }
            }
        }
    }
    out
}
