//! How much was done already: code can be far larger than the schema that it is generated for.
//!
//! A record's default takes the defaults of the fields that it does not name, and those may be records: what is written
//! in a line doubles with each level. Each record carries its schema with all that it refers to. Both are counted here,
//! over a whole run, and there is an end to it.

use std::cell::Cell;

/// The most bytes of code of a run. A compiler would take hours for so much.
pub(crate) const MAX_CODE: usize = 64 << 20;

/// How many levels a default may be nested: as deep as types.
pub(crate) const MAX_DEPTH: usize = crate::model::depth::LIMIT;

/// What a step costs besides the bytes that it yields.
const STEP: usize = 16;

/// The counts of a run.
#[derive(Debug, Default)]
pub(crate) struct Work {
    spent: Cell<usize>,
    depth: Cell<usize>,
}

impl Work {
    /// Counts bytes of code.
    pub(crate) fn spend(&self, bytes: usize) {
        self.spent
            .set(self.spent.get().saturating_add(bytes).saturating_add(STEP));
    }

    /// More was generated than may be.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.spent.get() > MAX_CODE
    }

    /// Goes a level down, if there is one.
    pub(super) fn enter(&self) -> bool {
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            return false;
        }
        self.depth.set(depth + 1);
        true
    }

    /// Comes back.
    pub(super) fn leave(&self) {
        self.depth.set(self.depth.get().saturating_sub(1));
    }
}
