//! What a graph of actions says about data: that none can be read, or which could not.

use std::collections::HashSet;

use crate::schema::{Kind, Schema};
use crate::source::Place;

use super::actions::{Action, ActionId, ActionKind, Graph, Promotion};
use super::error::{Caveat, Mismatch, ResolveError, describe};

/// Which actions fail whatever the data: those without a way, records with such a field, unions of nothing else.
/// By action the rank at which it was found; what made it fail has a lower one.
pub(super) struct Dead(Vec<Option<usize>>);

impl Dead {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut dead = Self(vec![None; graph.actions.len()]);
        let mut rank = 0;
        // A record's parts are resolved after it, so from the end most is found in one pass.
        loop {
            let before = rank;
            for (id, action) in graph.actions.iter().enumerate().rev() {
                if dead.0[id].is_none() && dead.fails(&action.kind) {
                    dead.0[id] = Some(rank);
                    rank += 1;
                }
            }
            if rank == before {
                return dead;
            }
        }
    }

    fn fails(&self, kind: &ActionKind) -> bool {
        match kind {
            ActionKind::Fail(_) => true,
            ActionKind::Same | ActionKind::Promote(_) => false,
            // An empty one can be read.
            ActionKind::Array(_) | ActionKind::Map(_) => false,
            // It takes every symbol.
            ActionKind::OpenEnum(_) => false,
            // Without symbols or branches there are no values, which is nothing between the two schemas.
            ActionKind::Enum(symbols) => !symbols.is_empty() && symbols.iter().all(Option::is_none),
            ActionKind::Record(fields) => (fields.kept.iter().flatten()).any(|(_, action)| self.has(*action)),
            ActionKind::Branches(branches) => {
                !branches.is_empty() && branches.iter().all(|branch| self.has(*branch))
            }
            ActionKind::Branch(_, inner) => self.has(*inner),
        }
    }

    pub(super) fn has(&self, id: ActionId) -> bool {
        self.0[id].is_some()
    }

    fn first(&self, ids: impl Iterator<Item = (usize, ActionId)>) -> Option<(usize, ActionId)> {
        ids.filter(|(_, id)| self.has(*id))
            .min_by_key(|(_, id)| self.0[*id])
    }
}

pub(super) struct Verdict<'a> {
    pub(super) graph: &'a Graph,
    pub(super) dead: &'a Dead,
    pub(super) writer: &'a Schema,
    pub(super) reader: &'a Schema,
}

impl Verdict<'_> {
    /// Why nothing can be read, if that is so.
    pub(super) fn error(&self) -> Option<ResolveError> {
        self.dead.has(self.graph.root).then(|| {
            let caveat = self.cause(self.graph.root, Vec::new());
            ResolveError {
                path: caveat.path,
                mismatch: Box::new(caveat.mismatch),
                writer: caveat.writer,
                reader: caveat.reader,
            }
        })
    }

    /// What could fail, each part of the data once, in the order of the writer's schema.
    pub(super) fn caveats(&self) -> Vec<Caveat> {
        let mut caveats = Vec::new();
        let mut seen = HashSet::new();
        let mut open: Vec<(ActionId, Vec<String>)> = vec![(self.graph.root, Vec::new())];
        while let Some((id, path)) = open.pop() {
            if !seen.insert(id) {
                continue;
            }
            if self.dead.has(id) {
                caveats.push(self.cause(id, path));
                continue;
            }
            let action = &self.graph.actions[id];
            match &action.kind {
                ActionKind::Fail(_) | ActionKind::Same | ActionKind::OpenEnum(_) => {}
                ActionKind::Promote(Promotion::BytesToString) => {
                    caveats.push(self.caveat(action, &path, Mismatch::LossyText));
                }
                ActionKind::Promote(_) => {}
                ActionKind::Enum(symbols) => {
                    if symbols.iter().any(Option::is_none) {
                        caveats.push(self.caveat(action, &path, self.unknown(action, symbols)));
                    }
                }
                ActionKind::Array(items) | ActionKind::Map(items) => {
                    open.push((*items, below(&path, "*")));
                }
                ActionKind::Record(fields) => {
                    let kept = fields.kept.iter().flatten().rev();
                    open.extend(kept.map(|(at, field)| (*field, below(&path, self.field_name(action, *at)))));
                }
                ActionKind::Branches(branches) => {
                    open.extend(branches.iter().rev().map(|branch| (*branch, path.clone())));
                }
                ActionKind::Branch(_, inner) => open.push((*inner, path)),
            }
        }
        caveats
    }

    /// The innermost thing that makes a dead action fail.
    fn cause(&self, mut id: ActionId, mut path: Vec<String>) -> Caveat {
        loop {
            let action = &self.graph.actions[id];
            match &action.kind {
                ActionKind::Fail(mismatch) => {
                    return self.caveat(action, &path, mismatch.clone());
                }
                ActionKind::Enum(symbols) => {
                    return self.caveat(action, &path, self.unknown(action, symbols));
                }
                ActionKind::Record(fields) => {
                    let Some((at, field)) = self.dead.first(fields.kept.iter().flatten().copied()) else {
                        return self.caveat(action, &path, self.types(action));
                    };
                    path.push(self.field_name(action, at).to_owned());
                    id = field;
                }
                ActionKind::Branches(branches) => {
                    match self.dead.first(branches.iter().copied().enumerate()) {
                        Some((_, branch)) => id = branch,
                        None => return self.caveat(action, &path, self.types(action)),
                    }
                }
                ActionKind::Branch(_, inner) => id = *inner,
                ActionKind::Array(_)
                | ActionKind::Map(_)
                | ActionKind::Same
                | ActionKind::Promote(_)
                | ActionKind::OpenEnum(_) => {
                    // Not dead: never asked for.
                    return self.caveat(action, &path, self.types(action));
                }
            }
        }
    }

    fn unknown(&self, action: &Action, symbols: &[Option<usize>]) -> Mismatch {
        let names = match &self.writer.node(action.writer).kind {
            Kind::Enum(writer) => writer.symbols.as_slice(),
            _ => &[],
        };
        Mismatch::Symbols {
            symbols: names
                .iter()
                .zip(symbols)
                .filter(|(_, known)| known.is_none())
                .map(|(name, _)| name.clone())
                .collect(),
            writer: describe(self.writer, action.writer),
            reader: describe(self.reader, action.reader),
        }
    }

    fn types(&self, action: &Action) -> Mismatch {
        Mismatch::Types {
            writer: describe(self.writer, action.writer),
            reader: describe(self.reader, action.reader),
        }
    }

    fn field_name(&self, action: &Action, at: usize) -> &str {
        field_name(self.reader, action, at)
    }

    fn caveat(&self, action: &Action, path: &[String], mismatch: Mismatch) -> Caveat {
        let mut writer = self.writer.node(action.writer).place.clone();
        let mut reader = self.reader.node(action.reader).place.clone();
        // Of records with a hundred fields the place of the one that is missing says more.
        if let Mismatch::NoDefault { field, .. } = &mismatch
            && let Kind::Record(record) = &self.reader.node(action.reader).kind
            && let Some(field) = record.fields.iter().find(|f| f.name == *field)
        {
            reader = Place::new(&reader.source, field.name_span);
            if let Kind::Record(record) = &self.writer.node(action.writer).kind {
                writer = Place::new(&writer.source, record.name_span);
            }
        }
        Caveat {
            path: path.iter().flat_map(|step| ["/", step]).collect(),
            mismatch,
            writer,
            reader,
        }
    }
}

fn below(path: &[String], step: &str) -> Vec<String> {
    let mut path = path.to_vec();
    path.push(step.to_owned());
    path
}

/// The name of the reader's field at that position.
pub(super) fn field_name<'a>(reader: &'a Schema, action: &Action, at: usize) -> &'a str {
    match &reader.node(action.reader).kind {
        Kind::Record(record) => record.fields.get(at).map_or("", |field| &field.name),
        _ => "",
    }
}
