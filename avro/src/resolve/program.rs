//! The flat program: what its steps are, and where they are kept.
//!
//! It is made of blocks of steps. Parts of the writer's data that are the reader's as they stand are *walked*: checked,
//! and copied in one piece together with their neighbours. Only what differs is written value by value. Where fields are in
//! another order, the walk notes where each step ends, and the pieces are put into place behind it.

use super::actions::Promotion;

/// Address of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block(pub(super) u32);

/// A range of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Range {
    pub(super) fn of<T>(table: &mut Vec<T>, items: impl IntoIterator<Item = T>) -> Self {
        let start = table.len() as u32;
        table.extend(items);
        Self {
            start,
            end: table.len() as u32,
        }
    }

    #[inline]
    pub(super) fn as_range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    #[inline]
    fn get<T>(self, table: &[T]) -> &[T] {
        table.get(self.as_range()).unwrap_or_default()
    }
}

/// One step. The first group only reads; the second writes as well.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Op {
    /// So many bytes, whatever they are: floats, doubles, booleans, fixed, and runs of them.
    Raw(usize),
    Int,
    /// An int whose bytes are those of a long as well. All are, but for overlong ones with bits beyond the 32nd.
    IntAsLong,
    Long,
    /// A string, which has to be UTF-8.
    Text,
    /// Bytes, or a string that need not be UTF-8.
    Sized,
    /// The index of a symbol, of so many.
    Symbol(u32),
    /// An array of items that the block reads and that take so many bytes at least.
    Items(Block, u32),
    /// A map; the bytes count the key.
    Pairs(Block, u32),
    /// The same where it is skipped: blocks that say how large they are are not looked into.
    SkipItems(Block, u32),
    SkipPairs(Block, u32),
    /// The index of a branch, and the block of that branch.
    Union(Range),
    /// A record that is too large to be repeated, or contains itself.
    Call(Block),
    /// There is no way to read what stands here.
    Fail,

    /// Walks the block and copies what it was.
    Copy(Block),
    /// Walks the block.
    Skip(Block),
    /// Writes bytes that are known: defaults, the index of a branch.
    Put(Range),
    Promote(Promotion),
    /// The index of a symbol by a table.
    Symbols(Range),
    /// The bytes of a symbol of an open enum by a table: its index, or a number beyond all and its text.
    OpenSymbols(Range),
    /// The index of a branch, and the block that writes it.
    Choose(Range),
    WriteItems(Block, u32),
    WritePairs(Block, u32),
    WriteCall(Block),
    /// A record whose fields are in another order.
    Reorder(u32),
}

/// A record whose fields are in another order: what is read, in the writer's order, and where it goes.
#[derive(Debug)]
pub(super) struct Reorder {
    pub(super) parts: Vec<Part>,
    /// How many places are noted: where each part that reads begins, and where its steps end.
    pub(super) places: usize,
    /// How many parts write.
    pub(super) writes: usize,
    /// In the reader's order.
    pub(super) pieces: Vec<Piece>,
    /// How many bytes of the pieces are known.
    pub(super) known: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// Read, and noted where it begins and where each step ends.
    Walk(Block),
    /// Written, and put into place afterwards.
    Write(Block),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Piece {
    /// What is between those two places, as it is in the input.
    Input(u32, u32),
    /// What the so-manieth part that writes has written.
    Output(u32),
    /// Bytes that are known.
    Put(Range),
}

#[derive(Debug)]
pub(super) struct Program {
    pub(super) ops: Vec<Op>,
    pub(super) blocks: Vec<Range>,
    pub(super) constants: Vec<u8>,
    pub(super) symbols: Vec<Option<u32>>,
    /// The constants that symbols of open enums are.
    pub(super) open_symbols: Vec<Range>,
    pub(super) branches: Vec<Block>,
    pub(super) reorders: Vec<Reorder>,
    pub(super) root: Block,
}

impl Program {
    #[inline]
    pub(super) fn block(&self, block: Block) -> &[Op] {
        match self.blocks.get(block.0 as usize) {
            Some(range) => range.get(&self.ops),
            None => &[],
        }
    }

    #[inline]
    pub(super) fn constant(&self, range: Range) -> &[u8] {
        range.get(&self.constants)
    }

    #[inline]
    pub(super) fn constants(&self) -> &[u8] {
        &self.constants
    }

    #[inline]
    pub(super) fn symbols(&self, range: Range) -> &[Option<u32>] {
        range.get(&self.symbols)
    }

    #[inline]
    pub(super) fn open_symbols(&self, range: Range) -> &[Range] {
        range.get(&self.open_symbols)
    }

    #[inline]
    pub(super) fn branches(&self, range: Range) -> &[Block] {
        range.get(&self.branches)
    }

    #[inline]
    pub(super) fn reorder(&self, at: u32) -> Option<&Reorder> {
        self.reorders.get(at as usize)
    }
}
