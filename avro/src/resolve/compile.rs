//! A graph of actions as a flat program.
//!
//! Small records are put into the block they are used in, so that a run of their fixed-size fields is one step.

use std::collections::HashMap;

use crate::schema::{Kind, Schema, TypeId};
use crate::wire::{MinSizes, put};

use super::actions::{Action, ActionId, ActionKind, Graph, Promotion};
use super::copyable::{Mode, copyable};
use super::order::{Draft, Segment, join};
use super::order_run::HALF;
use super::program::{Block, Op, Program, Range};

/// Records of up to so many steps are repeated where they are used; larger ones are called.
const INLINE_STEPS: usize = 16;

impl Program {
    pub(super) fn new(graph: &Graph, writer: &Schema, reader: &Schema, mode: Mode) -> Self {
        let mut compiler = Compiler {
            copyable: copyable(graph, mode, writer, reader),
            graph,
            writer,
            reader,
            sizes: MinSizes::default(),
            records: HashMap::new(),
            skipped: HashMap::new(),
            drafts: Vec::new(),
            program: Self {
                ops: Vec::new(),
                blocks: Vec::new(),
                constants: Vec::new(),
                symbols: Vec::new(),
                open_symbols: Vec::new(),
                branches: Vec::new(),
                reorders: Vec::new(),
                root: Block(0),
            },
        };
        let code = compiler.action(graph.root);
        let code = compiler.whole(code);
        compiler.program.root = compiler.block(code);
        compiler.put_in_order();
        // So that a piece at the end of the constants is copied as those before it are.
        compiler.program.constants.extend([0; HALF]);
        compiler.program
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

/// A record that is being compiled, or is.
enum Known {
    /// Its block, where something inside refers to it.
    Open(Option<Block>),
    Done(Code),
}

struct Compiler<'a> {
    graph: &'a Graph,
    writer: &'a Schema,
    reader: &'a Schema,
    copyable: Vec<bool>,
    sizes: MinSizes,
    records: HashMap<ActionId, Known>,
    /// Records of the writer that are skipped.
    skipped: HashMap<TypeId, Known>,
    /// Records whose fields are in another order.
    drafts: Vec<Draft>,
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
            ActionKind::OpenEnum(symbols) => self.open_enum(action, symbols),
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

    /// A symbol that the reader has is its index; another is the number of the reader's symbols, and its text.
    fn open_enum(&mut self, action: &Action, symbols: &[Option<usize>]) -> Code {
        let names = |schema: &Schema, id: TypeId| match &schema.node(id).kind {
            Kind::Enum(e) => e.symbols.clone(),
            _ => Vec::new(),
        };
        let beyond = names(self.reader, action.reader).len();
        let constants = &mut self.program.constants;
        let table: Vec<Range> = (symbols.iter().zip(names(self.writer, action.writer)))
            .map(|(known, name)| {
                let mut bytes = Vec::new();
                put::length(&mut bytes, known.unwrap_or(beyond));
                if known.is_none() {
                    put::bytes(&mut bytes, name.as_bytes());
                }
                Range::of(constants, bytes)
            })
            .collect();
        Code::write(Op::OpenSymbols(Range::of(&mut self.program.open_symbols, table)))
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
            _ if code.steps() > INLINE_STEPS && id != self.graph.root => {
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
        let mut draft = Draft::default();
        for (first, _, code) in runs {
            // What is skipped goes nowhere.
            self.add(&mut draft, first.unwrap_or_default(), code);
        }
        for (at, default) in &fields.defaults {
            let range = Range::of(&mut self.program.constants, default.iter().copied());
            draft.put(*at, range);
        }
        self.drafts.push(draft.in_order());
        Code::write(Op::Reorder(self.drafts.len() as u32 - 1))
    }

    /// Code that yields that field of the reader.
    fn add(&mut self, draft: &mut Draft, to: usize, code: Code) {
        for part in code.0 {
            match part {
                Part::Walk(ops) | Part::Skip(ops) if ops.is_empty() => {}
                Part::Skip(ops) => draft.segments.push(Segment::Skip(ops)),
                Part::Walk(ops) => draft.copy(to, ops),
                Part::Put(bytes) => draft.put(to, Range::of(&mut self.program.constants, bytes)),
                // A record inside, itself in another order: its parts are put where they belong at once.
                Part::Write(Op::Reorder(inner)) if self.is_short(inner) => {
                    draft.take(to, &self.drafts[inner as usize]);
                }
                Part::Write(op) => draft.write(to, self.ops(vec![op])),
            }
        }
    }

    /// A datum of which nothing is written value by value: put together like a record in another order.
    fn whole(&mut self, code: Code) -> Code {
        let known = |part: &Part| !matches!(part, Part::Write(op) if !matches!(op, Op::Reorder(_)));
        if code.0.len() < 2 || !code.0.iter().all(known) {
            return code;
        }
        let mut draft = Draft::default();
        self.add(&mut draft, 0, code);
        self.drafts.push(draft);
        Code::write(Op::Reorder(self.drafts.len() as u32 - 1))
    }

    /// Whether the record in another order is one that is repeated where it is used.
    fn is_short(&self, at: u32) -> bool {
        self.drafts[at as usize].segments.len() <= INLINE_STEPS
    }

    /// Makes the parts of all records whose fields are in another order.
    fn put_in_order(&mut self) {
        for draft in std::mem::take(&mut self.drafts) {
            let reorder = draft.finish(|ops| self.ops(ops));
            self.program.reorders.push(reorder);
        }
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
