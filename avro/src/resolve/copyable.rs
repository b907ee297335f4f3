//! Which parts of the writer's data are the reader's as they stand.

use crate::schema::{Kind, Schema};

use super::actions::{ActionKind, Graph, Promotion};

/// What counts as leaving the bytes as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// What does with all data but some that no encoder writes, which [`Mode::Exact`] is for.
    Fast,
    /// What does with all data.
    Exact,
    /// What no reader could tell from the reader's own data: no part without a way, as many branches and symbols.
    Identity,
}

/// Whether the writer's bytes are the reader's.
pub(super) fn identity(graph: &Graph, writer: &Schema, reader: &Schema) -> bool {
    copyable(graph, Mode::Identity, writer, reader)[graph.root]
}

/// Which actions leave the bytes as they are. Recursive ones do unless one of their parts does not. A part without a
/// way leaves no bytes at all.
pub(super) fn copyable(graph: &Graph, mode: Mode, writer: &Schema, reader: &Schema) -> Vec<bool> {
    let strictly = mode == Mode::Identity;
    let mut copyable = vec![true; graph.actions.len()];
    loop {
        let mut changed = false;
        for (id, action) in graph.actions.iter().enumerate().rev() {
            if !copyable[id] {
                continue;
            }
            let (w, r) = (&writer.node(action.writer).kind, &reader.node(action.reader).kind);
            let still = match &action.kind {
                ActionKind::Same => true,
                ActionKind::Fail(_) => !strictly,
                ActionKind::Promote(Promotion::StringToBytes) => true,
                ActionKind::Promote(Promotion::IntToLong) => mode == Mode::Fast,
                ActionKind::Promote(_) | ActionKind::OpenEnum(_) => false,
                ActionKind::Array(items) | ActionKind::Map(items) => copyable[*items],
                ActionKind::Enum(symbols) => {
                    let count = match r {
                        Kind::Enum(reader) => reader.symbols.len(),
                        _ => 0,
                    };
                    (symbols.iter().enumerate()).all(|(at, symbol)| *symbol == Some(at))
                        && (!strictly || symbols.len() == count)
                }
                ActionKind::Record(fields) => fields.defaults.is_empty()
                    && (fields.kept.iter().enumerate()).all(
                        |(at, field)| matches!(field, Some((to, action)) if *to == at && copyable[*action]),
                    ),
                ActionKind::Branches(branches) => {
                    let same =
                        branches
                            .iter()
                            .enumerate()
                            .all(|(at, branch)| match &graph.actions[*branch].kind {
                                ActionKind::Branch(to, inner) => *to == at && copyable[*inner],
                                ActionKind::Fail(_) => !strictly,
                                _ => false,
                            });
                    let counts = match (w, r) {
                        (Kind::Union(w), Kind::Union(r)) => w.len() == r.len(),
                        _ => false,
                    };
                    same && matches!(r, Kind::Union(_)) && (!strictly || counts)
                }
                // It has an index of its own, unless the union above looks through it.
                ActionKind::Branch(..) => false,
            };
            if !still {
                copyable[id] = false;
                changed = true;
            }
        }
        if !changed {
            return copyable;
        }
    }
}
