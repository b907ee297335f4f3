//! A graph of actions as a flat program.
//!
//! The program is made of blocks of steps. Parts of the writer's data that are the reader's as they stand are *walked*:
//! checked, and copied in one piece together with their neighbours. Only what differs is written value by value.
//! Small records are put into the block they are used in, so that a run of their fixed-size fields is one step.

use std::collections::HashMap;

use crate::schema::{Kind, Schema, TypeId};
use crate::wire::{MinSizes, put};

use super::actions::{ActionId, ActionKind, Graph, Promotion};

/// Records of up to so many steps are repeated where they are used; larger ones are called.
const INLINE_STEPS: usize = 16;

/// Address of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block(u32);

/// A range of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    start: u32,
    end: u32,
}

impl Range {
    fn of<T>(table: &mut Vec<T>, items: impl IntoIterator<Item = T>) -> Self {
        let start = table.len() as u32;
        table.extend(items);
        Self {
            start,
            end: table.len() as u32,
        }
    }

    #[inline]
    fn get<T>(self, table: &[T]) -> &[T] {
        table
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
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
    pub(super) segments: Vec<Segment>,
    /// In the reader's order.
    pub(super) pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Segment {
    /// Read and dropped.
    Skip(Block),
    /// To be copied from the input.
    Copy(Block),
    /// Written, and put into place afterwards.
    Write(Block),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Piece {
    /// That segment, as it is in the input.
    Input(usize),
    /// That segment, as it was written.
    Output(usize),
    /// Bytes that are known.
    Put(Range),
}

impl Piece {
    /// The same where the segments come after so many others.
    fn moved(self, by: usize) -> Self {
        match self {
            Self::Input(at) => Self::Input(at + by),
            Self::Output(at) => Self::Output(at + by),
            Self::Put(range) => Self::Put(range),
        }
    }
}

#[derive(Debug)]
pub(super) struct Program {
    ops: Vec<Op>,
    blocks: Vec<Range>,
    constants: Vec<u8>,
    symbols: Vec<Option<u32>>,
    branches: Vec<Block>,
    reorders: Vec<Reorder>,
    pub(super) root: Block,
}

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
    pub(super) fn symbols(&self, range: Range) -> &[Option<u32>] {
        range.get(&self.symbols)
    }

    #[inline]
    pub(super) fn branches(&self, range: Range) -> &[Block] {
        range.get(&self.branches)
    }

    #[inline]
    pub(super) fn reorder(&self, at: u32) -> Option<&Reorder> {
        self.reorders.get(at as usize)
    }

    pub(super) fn new(graph: &Graph, writer: &Schema, reader: &Schema, mode: Mode) -> Self {
        let mut compiler = Compiler {
            copyable: copyable(graph, mode, writer, reader),
            graph,
            writer,
            sizes: MinSizes::default(),
            records: HashMap::new(),
            skipped: HashMap::new(),
            program: Self {
                ops: Vec::new(),
                blocks: Vec::new(),
                constants: Vec::new(),
                symbols: Vec::new(),
                branches: Vec::new(),
                reorders: Vec::new(),
                root: Block(0),
            },
        };
        let code = compiler.action(graph.root);
        compiler.program.root = compiler.block(code);
        compiler.program
    }
}

/// Which actions leave the bytes as they are. Recursive ones do unless one of their parts does not. A part without a
/// way leaves no bytes at all.
fn copyable(graph: &Graph, mode: Mode, writer: &Schema, reader: &Schema) -> Vec<bool> {
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
                ActionKind::Promote(_) => false,
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

/// Steps that are not yet in a block: neighbours of a kind are still to be joined.
#[derive(Clone, Debug)]
enum Part {
    Walk(Vec<Op>),
    Skip(Vec<Op>),
    Put(Vec<u8>),
    Write(Op),
}

#[derive(Clone, Debug, Default)]
struct Code(Vec<Part>);

impl Code {
    fn walk(ops: Vec<Op>) -> Self {
        Self(vec![Part::Walk(ops)])
    }

    fn write(op: Op) -> Self {
        Self(vec![Part::Write(op)])
    }

    fn then(&mut self, next: Self) {
        for part in next.0 {
            match (self.0.last_mut(), part) {
                (Some(Part::Walk(ops)), Part::Walk(next)) | (Some(Part::Skip(ops)), Part::Skip(next)) => {
                    join(ops, next)
                }
                (Some(Part::Put(bytes)), Part::Put(next)) => bytes.extend(next),
                (_, part) => self.0.push(part),
            }
        }
    }

    fn steps(&self) -> usize {
        self.0
            .iter()
            .map(|part| match part {
                Part::Walk(ops) | Part::Skip(ops) => ops.len(),
                Part::Put(_) | Part::Write(_) => 1,
            })
            .sum()
    }
}

/// Appends steps, fixed-size neighbours as one.
fn join(ops: &mut Vec<Op>, next: Vec<Op>) {
    for op in next {
        match (ops.last_mut(), op) {
            (Some(Op::Raw(bytes)), Op::Raw(more)) if bytes.checked_add(more).is_some() => {
                *bytes += more;
            }
            _ => ops.push(op),
        }
    }
}

/// A record that is being compiled, or is.
enum Known {
    /// Its block, where something inside refers to it.
    Open(Option<Block>),
    Done(Code),
}

struct Compiler<'a> {
    graph: &'a Graph,
    writer: &'a Schema,
    copyable: Vec<bool>,
    sizes: MinSizes,
    records: HashMap<ActionId, Known>,
    /// Records of the writer that are skipped.
    skipped: HashMap<TypeId, Known>,
    program: Program,
}

impl Compiler<'_> {
    fn action(&mut self, id: ActionId) -> Code {
        let graph = self.graph;
        let action = &graph.actions[id];
        let same = self.copyable[id];
        match &action.kind {
            ActionKind::Fail(_) => Code::walk(vec![Op::Fail]),
            ActionKind::Same => Code::walk(self.primitive(action.writer, true)),
            ActionKind::Promote(Promotion::StringToBytes) => Code::walk(vec![Op::Sized]),
            ActionKind::Promote(Promotion::IntToLong) if same => Code::walk(vec![Op::IntAsLong]),
            ActionKind::Promote(promotion) => Code::write(Op::Promote(*promotion)),
            ActionKind::Enum(symbols) if same => Code::walk(vec![Op::Symbol(symbols.len() as u32)]),
            ActionKind::Enum(symbols) => {
                let table = symbols.iter().map(|symbol| symbol.map(|at| at as u32));
                Code::write(Op::Symbols(Range::of(&mut self.program.symbols, table)))
            }
            ActionKind::Array(items) => {
                let min = self.min_bytes(action.writer);
                let items = self.action(*items);
                if same {
                    Code::walk(vec![Op::Items(self.walk_block(items), min)])
                } else {
                    Code::write(Op::WriteItems(self.block(items), min))
                }
            }
            ActionKind::Map(values) => {
                let min = self.min_bytes(action.writer);
                let values = self.action(*values);
                if same {
                    Code::walk(vec![Op::Pairs(self.walk_block(values), min)])
                } else {
                    Code::write(Op::WritePairs(self.block(values), min))
                }
            }
            ActionKind::Branches(branches) => {
                let blocks: Vec<_> = branches
                    .iter()
                    .map(|branch| match &graph.actions[*branch].kind {
                        ActionKind::Branch(_, inner) if same => {
                            let code = self.action(*inner);
                            self.walk_block(code)
                        }
                        _ => {
                            let code = self.action(*branch);
                            if same {
                                self.walk_block(code)
                            } else {
                                self.block(code)
                            }
                        }
                    })
                    .collect();
                let table = Range::of(&mut self.program.branches, blocks);
                if same {
                    Code::walk(vec![Op::Union(table)])
                } else {
                    Code::write(Op::Choose(table))
                }
            }
            ActionKind::Branch(at, inner) => {
                let mut index = Vec::new();
                put::length(&mut index, *at);
                let mut code = Code(vec![Part::Put(index)]);
                code.then(self.action(*inner));
                code
            }
            ActionKind::Record(_) => self.record(id),
        }
    }

    /// A record: its steps where they are few, else a call.
    fn record(&mut self, id: ActionId) -> Code {
        let same = self.copyable[id];
        match self.records.get_mut(&id) {
            Some(Known::Done(code)) => return code.clone(),
            Some(Known::Open(block)) => {
                let block = *block.get_or_insert_with(|| reserve(&mut self.program.blocks));
                return call(block, same);
            }
            None => {}
        }
        self.records.insert(id, Known::Open(None));
        let code = self.fields(id);
        let code = match self.records.remove(&id) {
            Some(Known::Open(Some(block))) => {
                self.fill(block, code, same);
                call(block, same)
            }
            _ if code.steps() > INLINE_STEPS => {
                let block = reserve(&mut self.program.blocks);
                self.fill(block, code, same);
                call(block, same)
            }
            _ => code,
        };
        self.records.insert(id, Known::Done(code.clone()));
        code
    }

    fn fields(&mut self, id: ActionId) -> Code {
        let graph = self.graph;
        let action = &graph.actions[id];
        let (ActionKind::Record(fields), Kind::Record(record)) =
            (&action.kind, &self.writer.node(action.writer).kind)
        else {
            return Code::default();
        };
        let order = fields.kept.iter().flatten().map(|(at, _)| *at);
        if !order.is_sorted() {
            return self.reordered(id);
        }
        // In order: each default goes where the reader has it, between what is read.
        let mut code = Code::default();
        let mut defaults = fields.defaults.iter().peekable();
        for (field, kept) in record.fields.iter().zip(&fields.kept) {
            match kept {
                Some((at, field)) => {
                    while let Some((_, default)) = defaults.next_if(|(to, _)| to < at) {
                        code.then(Code(vec![Part::Put(default.clone())]));
                    }
                    code.then(self.action(*field));
                }
                None => {
                    let ops = self.skip(field.ty);
                    code.then(Code(vec![Part::Skip(ops)]));
                }
            }
        }
        for (_, default) in defaults {
            code.then(Code(vec![Part::Put(default.clone())]));
        }
        code
    }

    fn reordered(&mut self, id: ActionId) -> Code {
        let graph = self.graph;
        let action = &graph.actions[id];
        let (ActionKind::Record(fields), Kind::Record(record)) =
            (&action.kind, &self.writer.node(action.writer).kind)
        else {
            return Code::default();
        };
        // Fields that follow each other on both sides stay together.
        let mut runs: Vec<(Option<usize>, usize, Code)> = Vec::new();
        for (field, kept) in record.fields.iter().zip(&fields.kept) {
            let (at, code) = match kept {
                Some((at, field)) => (Some(*at), self.action(*field)),
                None => (None, Code(vec![Part::Skip(self.skip(field.ty))])),
            };
            match (runs.last_mut(), at) {
                (Some((None, _, run)), None) => run.then(code),
                (Some((Some(first), count, run)), Some(at)) if *first + *count == at => {
                    *count += 1;
                    run.then(code);
                }
                _ => runs.push((at, 1, code)),
            }
        }
        let mut segments = Vec::new();
        let mut placed: Vec<(usize, Piece)> = Vec::new();
        for (first, _, code) in runs {
            // What is skipped goes nowhere.
            let to = first.unwrap_or_default();
            for part in code.0 {
                let at = segments.len();
                match part {
                    Part::Walk(ops) | Part::Skip(ops) if ops.is_empty() => {}
                    Part::Skip(ops) => segments.push(Segment::Skip(self.ops(ops))),
                    Part::Walk(ops) => {
                        segments.push(Segment::Copy(self.ops(ops)));
                        placed.push((to, Piece::Input(at)));
                    }
                    Part::Put(bytes) => {
                        let range = Range::of(&mut self.program.constants, bytes);
                        placed.push((to, Piece::Put(range)));
                    }
                    // A record inside, itself in another order: its parts are put where they belong at once.
                    Part::Write(Op::Reorder(inner)) => {
                        let inner = &self.program.reorders[inner as usize];
                        segments.extend_from_slice(&inner.segments);
                        placed.extend(inner.pieces.iter().map(|piece| (to, piece.moved(at))));
                    }
                    Part::Write(op) => {
                        segments.push(Segment::Write(self.ops(vec![op])));
                        placed.push((to, Piece::Output(at)));
                    }
                }
            }
        }
        for (at, default) in &fields.defaults {
            let range = Range::of(&mut self.program.constants, default.iter().copied());
            placed.push((*at, Piece::Put(range)));
        }
        placed.sort_by_key(|(at, _)| *at);
        let pieces = placed.into_iter().map(|(_, piece)| piece).collect();
        self.program.reorders.push(Reorder { segments, pieces });
        Code::write(Op::Reorder(self.program.reorders.len() as u32 - 1))
    }

    /// The steps past a value of the writer that the reader has no field for.
    fn skip(&mut self, ty: TypeId) -> Vec<Op> {
        let writer = self.writer;
        match &writer.node(ty).kind {
            Kind::Array(items) => {
                let min = self.min_bytes(ty);
                let ops = self.skip(*items);
                vec![Op::SkipItems(self.ops(ops), min)]
            }
            Kind::Map(values) => {
                let min = self.min_bytes(ty);
                let ops = self.skip(*values);
                vec![Op::SkipPairs(self.ops(ops), min)]
            }
            Kind::Union(branches) => {
                let blocks: Vec<_> = branches
                    .iter()
                    .map(|branch| {
                        let ops = self.skip(*branch);
                        self.ops(ops)
                    })
                    .collect();
                vec![Op::Union(Range::of(&mut self.program.branches, blocks))]
            }
            Kind::Record(record) => {
                match self.skipped.get_mut(&ty) {
                    Some(Known::Done(code)) => {
                        return match code.0.first() {
                            Some(Part::Skip(ops)) => ops.clone(),
                            _ => Vec::new(),
                        };
                    }
                    Some(Known::Open(block)) => {
                        let block = *block.get_or_insert_with(|| reserve(&mut self.program.blocks));
                        return vec![Op::Call(block)];
                    }
                    None => {}
                }
                self.skipped.insert(ty, Known::Open(None));
                let mut ops = Vec::new();
                for field in &record.fields {
                    let next = self.skip(field.ty);
                    join(&mut ops, next);
                }
                let block = match self.skipped.remove(&ty) {
                    Some(Known::Open(Some(block))) => Some(block),
                    _ if ops.len() > INLINE_STEPS => Some(reserve(&mut self.program.blocks)),
                    _ => None,
                };
                if let Some(block) = block {
                    self.put(block, ops);
                    ops = vec![Op::Call(block)];
                }
                let code = Code(vec![Part::Skip(ops.clone())]);
                self.skipped.insert(ty, Known::Done(code));
                ops
            }
            _ => self.primitive(ty, false),
        }
    }

    fn primitive(&self, ty: TypeId, wanted: bool) -> Vec<Op> {
        vec![match &self.writer.node(ty).kind {
            Kind::Boolean => Op::Raw(1),
            Kind::Int => Op::Int,
            Kind::Long => Op::Long,
            Kind::Float => Op::Raw(4),
            Kind::Double => Op::Raw(8),
            Kind::Fixed(fixed) => Op::Raw(fixed.size),
            Kind::String if wanted => Op::Text,
            Kind::String | Kind::Bytes => Op::Sized,
            // Java reads the index of a symbol that it skips, and does not look at it.
            Kind::Enum(_) => Op::Int,
            _ => return Vec::new(),
        }]
    }

    /// The bytes that an item of an array or a pair of a map takes at least.
    fn min_bytes(&mut self, ty: TypeId) -> u32 {
        let bytes = match &self.writer.node(ty).kind {
            Kind::Array(items) => self.sizes.of(self.writer, *items),
            Kind::Map(values) => self.sizes.of(self.writer, *values).saturating_add(1),
            _ => 0,
        };
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// A block of steps that only read.
    fn ops(&mut self, ops: Vec<Op>) -> Block {
        let block = reserve(&mut self.program.blocks);
        self.put(block, ops);
        block
    }

    /// A block of code that only walks.
    fn walk_block(&mut self, code: Code) -> Block {
        let block = reserve(&mut self.program.blocks);
        self.fill(block, code, true);
        block
    }

    /// A block of code that writes.
    fn block(&mut self, code: Code) -> Block {
        let block = reserve(&mut self.program.blocks);
        self.fill(block, code, false);
        block
    }

    fn fill(&mut self, block: Block, code: Code, walking: bool) {
        let mut ops = Vec::new();
        for part in code.0 {
            let op = match part {
                Part::Walk(steps) if walking => {
                    join(&mut ops, steps);
                    continue;
                }
                Part::Walk(steps) | Part::Skip(steps) if steps.is_empty() => continue,
                Part::Walk(steps) if steps.as_slice() == [Op::Fail] => Op::Fail,
                Part::Walk(steps) => Op::Copy(self.ops(steps)),
                Part::Skip(steps) => Op::Skip(self.ops(steps)),
                Part::Put(bytes) => Op::Put(Range::of(&mut self.program.constants, bytes)),
                Part::Write(op) => op,
            };
            ops.push(op);
        }
        self.put(block, ops);
    }

    fn put(&mut self, block: Block, ops: Vec<Op>) {
        let range = Range::of(&mut self.program.ops, ops);
        self.program.blocks[block.0 as usize] = range;
    }
}

fn call(block: Block, same: bool) -> Code {
    if same {
        Code::walk(vec![Op::Call(block)])
    } else {
        Code::write(Op::WriteCall(block))
    }
}

fn reserve(blocks: &mut Vec<Range>) -> Block {
    blocks.push(Range { start: 0, end: 0 });
    Block(blocks.len() as u32 - 1)
}
