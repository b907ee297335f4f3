//! Which references must be boxed, because records contain themselves.
//!
//! A reference must be *boxed* when it closes a cycle that no array or map breaks, because only those put their items on
//! the heap already. One box a cycle is enough: a depth-first walk in the order of names boxes exactly the references
//! that lead back to a record the walk is still inside of.

use std::collections::{BTreeMap, BTreeSet};

use fleetops_avro::SchemaSet;
use fleetops_avro::schema::{Kind, TypeId};

/// The answer for a whole set.
#[derive(Debug, Default)]
pub(crate) struct Cycles {
    boxed: BTreeSet<(TypeId, TypeId)>,
    order: Vec<TypeId>,
}

impl Cycles {
    /// Looks at every record of the set.
    pub(crate) fn of(set: &SchemaSet) -> Self {
        let records: Vec<TypeId> = set
            .named()
            .map(|(_, id)| id)
            .filter(|id| matches!(set.node(*id).kind, Kind::Record(_)))
            .collect();
        let direct = records.iter().map(|&id| (id, targets(set, id))).collect();
        let mut cycles = Self::default();
        cycles.walk(&records, &direct);
        cycles
    }

    /// The records, those directly inside others first; a boxed reference does not count.
    pub(crate) fn inner_first(&self) -> &[TypeId] {
        &self.order
    }

    /// The reference from one record to the other must be boxed.
    pub(crate) fn is_boxed(&self, from: TypeId, to: TypeId) -> bool {
        self.boxed.contains(&(from, to))
    }

    /// A depth-first walk: an edge that leads back into its path closes a cycle. No recursion: the path is as long as
    /// the schema makes it.
    fn walk(&mut self, records: &[TypeId], edges: &BTreeMap<TypeId, Vec<TypeId>>) {
        let mut done = BTreeSet::new();
        for &root in records {
            if done.contains(&root) {
                continue;
            }
            let mut path: Vec<(TypeId, usize)> = vec![(root, 0)];
            let mut on_path = BTreeSet::from([root]);
            while let Some((id, next)) = path.last_mut() {
                let id = *id;
                match edges.get(&id).and_then(|e| e.get(*next)) {
                    Some(&to) => {
                        *next += 1;
                        if on_path.contains(&to) {
                            self.boxed.insert((id, to));
                        } else if !done.contains(&to) {
                            on_path.insert(to);
                            path.push((to, 0));
                        }
                    }
                    None => {
                        path.pop();
                        on_path.remove(&id);
                        done.insert(id);
                        self.order.push(id);
                    }
                }
            }
        }
    }
}

/// The records that the fields of a record hold directly, in order: not those inside arrays and maps.
fn targets(set: &SchemaSet, record: TypeId) -> Vec<TypeId> {
    let mut out = Vec::new();
    let mut pending = Vec::new();
    if let Kind::Record(r) = &set.node(record).kind {
        pending.extend(r.fields.iter().rev().map(|f| f.ty));
    }
    while let Some(id) = pending.pop() {
        match &set.node(id).kind {
            Kind::Record(_) => out.push(id),
            Kind::Union(branches) => pending.extend(branches.iter().rev()),
            _ => {}
        }
    }
    out
}
