//! Unions: branches added, removed, moved, and what is inside those that both have.

use crate::compat::check::{aliases, promotes};
use crate::compat::words::describe;
use crate::diff::change::ChangeKind;
use crate::diff::effect::{Cause, Draft};
use crate::diff::walk::{Item, Pair, Path, Walk, like, moved};
use crate::schema::{Kind, Schema, TypeId};

impl Walk<'_> {
    pub(super) fn unions(&mut self, pair: &Pair, old: &[TypeId], new: &[TypeId], out: &mut Vec<Item>) {
        let partners = self.partners(old, new);
        let kept: Vec<usize> = partners.iter().flatten().copied().collect();
        let mut in_order = moved(&kept).into_iter();
        let mut removed = (0..old.len()).filter(|at| !kept.contains(at)).peekable();
        for (new_at, partner) in partners.iter().enumerate() {
            let Some(old_at) = *partner else {
                out.push(self.branch_added(pair, new, new_at));
                continue;
            };
            let moves = in_order.next().unwrap_or(false);
            if !moves {
                while let Some(gone) = removed.next_if(|gone| *gone < old_at) {
                    out.push(self.branch_removed(pair, old, gone));
                }
            }
            let (Some(&o), Some(&n)) = (old.get(old_at), new.get(new_at)) else {
                continue;
            };
            let mut inner = Pair {
                old: o,
                new: n,
                path: pair.path.clone(),
                old_at: self.old_texts.branch(pair.old, old_at),
                new_at: self.new_texts.branch(pair.new, new_at),
                owner: pair.owner,
                branch: Some((pair.old, pair.new, old_at, new_at)),
            };
            if moves {
                let words = format!(
                    "branch {} moved from position {} to {}",
                    describe(self.new, n),
                    old_at + 1,
                    new_at + 1
                );
                let how = "an index in data is one of the writer's union";
                let mut change = self.change(&inner, ChangeKind::BranchMoved, words);
                change.new_readers = Draft::new(Cause::None, how);
                change.old_readers = Draft::new(Cause::None, how);
                out.push(Item::Change(Box::new(change)));
            }
            // A path names the branch where it could be another one.
            let plain = |schema: &Schema, ids: &[TypeId]| {
                ids.iter()
                    .filter(|id| !matches!(schema.node(**id).kind, Kind::Null))
                    .count()
                    <= 1
            };
            if !plain(self.new, new) || !plain(self.old, old) {
                inner.path = Path::step(&pair.path, format!("<{}>", describe(self.new, n)));
            }
            out.push(Item::Types(inner));
        }
        for gone in removed {
            out.push(self.branch_removed(pair, old, gone));
        }
    }

    /// The old branch of each new one.
    fn partners(&self, old: &[TypeId], new: &[TypeId]) -> Vec<Option<usize>> {
        let mut taken = vec![false; old.len()];
        let mut partners: Vec<Option<usize>> = vec![None; new.len()];
        // Full names before simple ones, so that two types of one simple name find each other.
        for full in [true, false] {
            for (slot, id) in partners.iter_mut().zip(new).filter(|(slot, _)| slot.is_none()) {
                let node = self.new.node(*id);
                if let Some(at) = like(self.old, old, node)
                    && !taken[at]
                    && (!full
                        || old
                            .get(at)
                            .is_some_and(|o| self.old.node(*o).name() == node.name()))
                {
                    taken[at] = true;
                    *slot = Some(at);
                }
            }
        }
        // One of each left, joined by an alias or by a promotion: that one was changed.
        let lone_old: Vec<usize> = (0..old.len()).filter(|at| !taken[*at]).collect();
        let lone_new: Vec<usize> = (0..new.len()).filter(|at| partners[*at].is_none()).collect();
        if let ([o], [n]) = (lone_old.as_slice(), lone_new.as_slice())
            && let (Some(old), Some(new)) = (old.get(*o), new.get(*n))
        {
            let (old, new) = (self.old.node(*old), self.new.node(*new));
            let joined = match (old.name(), new.name()) {
                (Some(before), Some(after)) => aliases(new).contains(before) || aliases(old).contains(after),
                _ => true,
            };
            if joined && (promotes(&new.kind, &old.kind) || promotes(&old.kind, &new.kind)) {
                partners[*n] = Some(*o);
            }
        }
        partners
    }

    fn branch_added(&mut self, pair: &Pair, branches: &[TypeId], at: usize) -> Item {
        let what = branches
            .get(at)
            .map(|id| describe(self.new, *id))
            .unwrap_or_default();
        let to = describe(self.old, pair.old);
        let words = format!("branch {what} was added to {to}");
        let mut change = self.change(pair, ChangeKind::BranchAdded, words);
        change.new = self.new_texts.branch(pair.new, at);
        change.old_readers = Draft::new(
            Cause::Branch(pair.old, pair.new, at),
            format!("{what} is read as another branch of {to}"),
        );
        Item::Change(Box::new(change))
    }

    fn branch_removed(&mut self, pair: &Pair, branches: &[TypeId], at: usize) -> Item {
        let what = branches
            .get(at)
            .map(|id| describe(self.old, *id))
            .unwrap_or_default();
        let from = describe(self.old, pair.old);
        let words = format!("branch {what} was removed from {from}");
        let mut change = self.change(pair, ChangeKind::BranchRemoved, words);
        change.old = self.old_texts.branch(pair.old, at);
        change.new_readers = Draft::new(
            Cause::Branch(pair.new, pair.old, at),
            format!(
                "{what} is read as another branch of {}",
                describe(self.new, pair.new)
            ),
        );
        Item::Change(Box::new(change))
    }
}
