//! How deep types are nested, and which contain themselves.
//!
//! Rust's compiler follows a type to its innermost parts, 128 steps deep and no further, to see whether it may go to
//! another thread; and the code for a field is as deep as its type. So there is a limit, and a schema beyond it is refused
//! here, with its place, and not by the compiler, or by an exhausted stack. Types that contain themselves are one level,
//! however many they are: the way round can be gone for ever, and is not depth. What is written between two of them is.
//!
//! Everything here is a loop: what measures depth must not run out of stack by it.

use std::collections::{BTreeMap, BTreeSet};

use fleetops_avro::SchemaSet;
use fleetops_avro::diagnostic::Diagnostic;
use fleetops_avro::schema::{Kind, TypeId};

use super::place;

/// How many levels types may be nested. Records and unions count one, arrays and maps two.
pub(crate) const LIMIT: usize = 64;

/// How many parts a namespace may have.
const MAX_PARTS: usize = 32;

/// The depths of all types of a set.
#[derive(Debug, Default)]
pub(crate) struct Depths {
    /// How many levels a type is high: 0 for what has no types inside.
    height: BTreeMap<TypeId, usize>,
    recursive: BTreeSet<TypeId>,
}

/// A node on the path of the walk.
struct Step {
    id: TypeId,
    children: Vec<TypeId>,
    next: usize,
    /// When it was met, and the earliest node still open that it leads to.
    number: usize,
    low: usize,
}

impl Depths {
    /// Measures every named type of the set and every type at the top of a file, and what is in it.
    ///
    /// The walk is Tarjan's: it yields each group of types that contain one another after all groups that it leads to.
    pub(crate) fn of(set: &SchemaSet) -> Self {
        let mut depths = Self::default();
        let mut numbers: BTreeMap<TypeId, usize> = BTreeMap::new();
        let mut open: Vec<TypeId> = Vec::new();
        let mut is_open: BTreeSet<TypeId> = BTreeSet::new();
        let roots = set.named().map(|(_, id)| id).chain(set.files().map(|(_, id)| id));
        for root in roots {
            if numbers.contains_key(&root) {
                continue;
            }
            let mut path: Vec<Step> = Vec::new();
            let mut entering = Some(root);
            loop {
                if let Some(id) = entering.take() {
                    let number = numbers.len();
                    numbers.insert(id, number);
                    open.push(id);
                    is_open.insert(id);
                    path.push(Step {
                        id,
                        children: children(set, id),
                        next: 0,
                        number,
                        low: number,
                    });
                }
                let Some(step) = path.last_mut() else { break };
                if let Some(&child) = step.children.get(step.next) {
                    step.next += 1;
                    match numbers.get(&child) {
                        None => entering = Some(child),
                        Some(&number) if is_open.contains(&child) => step.low = step.low.min(number),
                        Some(_) => {}
                    }
                    continue;
                }
                let Some(step) = path.pop() else { break };
                if let Some(above) = path.last_mut() {
                    above.low = above.low.min(step.low);
                }
                if step.low == step.number {
                    let mut group = Vec::new();
                    while let Some(id) = open.pop() {
                        is_open.remove(&id);
                        group.push(id);
                        if id == step.id {
                            break;
                        }
                    }
                    depths.close(set, &group);
                }
            }
        }
        depths
    }

    /// Measures a group of types that contain one another, or a single type.
    fn close(&mut self, set: &SchemaSet, group: &[TypeId]) {
        let mut inside = 0;
        let mut weight = 0;
        let mut recursive = group.len() > 1;
        for &id in group {
            weight = weight.max(self::weight(set, id));
            for child in children(set, id) {
                recursive |= child == id;
                inside = inside.max(self.height.get(&child).copied().unwrap_or(0));
            }
        }
        for &id in group {
            self.height.insert(id, inside + weight);
            if recursive {
                self.recursive.insert(id);
            }
        }
    }

    /// The type can be reached from itself.
    pub(crate) fn is_recursive(&self, id: TypeId) -> bool {
        self.recursive.contains(&id)
    }

    fn height(&self, id: TypeId) -> usize {
        self.height.get(&id).copied().unwrap_or(0)
    }

    /// What is too deep: the innermost types that are, each once.
    pub(crate) fn check(&self, set: &SchemaSet) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        for (&id, &height) in &self.height {
            let deepest = |id| children(set, id).into_iter().max_by_key(|c| self.height(*c));
            let first = || deepest(id).is_none_or(|c| self.height(c) <= LIMIT);
            if height > LIMIT && !self.is_recursive(id) && first() {
                let mut inner = id;
                while let Some(next) = deepest(inner)
                    && self.height(next) < self.height(inner)
                {
                    inner = next;
                }
                errors.push(too_deep(set, id, inner));
            }
        }
        if errors.is_empty() {
            errors.extend(set.named().filter_map(|(_, id)| written(set, id)));
        }
        for (name, id) in set.named() {
            let parts = name.namespace.iter().flat_map(|n| n.split('.')).count();
            if parts > MAX_PARTS {
                errors.push(
                    Diagnostic::error(
                        "type-too-deep",
                        type_place(set, id),
                        format!("the namespace of `{}` has {parts} parts", name.name),
                        format!("at most {MAX_PARTS} modules may be nested"),
                    )
                    .help("give the type a shorter namespace"),
                );
            }
        }
        errors
    }
}

/// What is written too deep in a field of a record, with no named type in between. Only of records that contain
/// themselves does the height not tell.
fn written(set: &SchemaSet, record: TypeId) -> Option<Diagnostic> {
    let mut pending: Vec<(TypeId, usize)> = (children(set, record).into_iter()).map(|c| (c, 0)).collect();
    while let Some((id, above)) = pending.pop() {
        let node = set.node(id);
        if node.name().is_some() {
            continue;
        }
        let depth = above + weight(set, id);
        if depth > LIMIT {
            return Some(too_deep(set, id, id));
        }
        pending.extend(children(set, id).into_iter().map(|c| (c, depth)));
    }
    None
}

/// The types that a value of the type is made of.
fn children(set: &SchemaSet, id: TypeId) -> Vec<TypeId> {
    match &set.node(id).kind {
        Kind::Array(item) | Kind::Map(item) => vec![*item],
        Kind::Union(branches) => branches.clone(),
        Kind::Record(record) => record.fields.iter().map(|f| f.ty).collect(),
        _ => Vec::new(),
    }
}

/// How many levels the type itself adds. The collections of the standard library are themselves nested types.
fn weight(set: &SchemaSet, id: TypeId) -> usize {
    match &set.node(id).kind {
        Kind::Array(_) | Kind::Map(_) => 2,
        Kind::Union(_) | Kind::Record(_) => 1,
        _ => 0,
    }
}

/// Where the name of a record stands; of another type, where all of it does.
pub(crate) fn type_place(set: &SchemaSet, id: TypeId) -> fleetops_avro::source::Place {
    let node = set.node(id);
    match &node.kind {
        Kind::Record(record) => place(&node.place, record.name_span),
        _ => node.place.clone(),
    }
}

fn too_deep(set: &SchemaSet, id: TypeId, inner: TypeId) -> Diagnostic {
    let what = super::kind_word(&set.node(id).kind);
    let diagnostic = Diagnostic::error(
        "type-too-deep",
        type_place(set, id),
        format!("types are nested more than {LIMIT} levels deep"),
        format!("this {what} is a level too many"),
    )
    .note(
        "records and unions count one level each, arrays and maps two; types that contain themselves count once",
    )
    .help("nest less: refer from inner records to outer ones by a key, or hold the inner part as bytes");
    if inner == id {
        diagnostic
    } else {
        diagnostic.related(type_place(set, inner), "the innermost type is here")
    }
}
