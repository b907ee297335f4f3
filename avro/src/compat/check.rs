//! One pair, as Java's `ReaderWriterCompatibilityChecker` goes about it.
//!
//! Java recurses; here the stack is our own, since two schemas of a thousand types each may make a path of a million
//! pairs. A pair's result is kept and merged again wherever the pair is met again, locations and all; results refer
//! to each other instead of being copied, so that a schema cannot make them grow without bound.

use std::collections::{BTreeSet, HashMap, HashSet};

use foldhash::quality::RandomState;

use crate::compat::place::Places;
use crate::compat::{Incompatibility, IncompatibilityType};
use crate::schema::{Enum, Kind, Name, Node, Record, Schema, TypeId};

/// Comparisons that one check makes: a pair met again counts again.
pub const MAX_PAIRS: usize = 1_000_000;
/// Fields, aliases and symbols that one check looks at.
pub const MAX_WORK: usize = 100_000_000;
/// Incompatibilities that one check reports.
pub const MAX_REPORTED: usize = 10_000;

/// Every reason why `reader` cannot read what `writer` writes, in Java's order; empty: compatible.
pub fn check(reader: &Schema, writer: &Schema) -> Vec<Incompatibility> {
    let mut checker = Checker {
        reader,
        writer,
        memo: HashMap::with_hasher(RandomState::default()),
        results: Vec::new(),
        leaves: Vec::new(),
        steps: Vec::new(),
        frames: Vec::new(),
        pairs: 0,
        work: 0,
        fields: HashMap::new(),
    };
    let verdict = checker.run();
    let mut places = Places::new(reader, writer);
    match verdict {
        Ok(result) => checker.report(result, &mut places),
        Err(leaf) => vec![checker.incompatibility(&leaf, &mut places)],
    }
}

/// A writer's record of more fields gets an index of their names, once one is not where it is likely.
const INDEXED: usize = 12;

/// A result; `COMPATIBLE` is the empty one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outcome(pub(super) u32);

const COMPATIBLE: Outcome = Outcome(u32::MAX);

/// A step of a location, and the pair of types it was taken from.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) parent: Option<u32>,
    pub(super) token: Token,
    pub(super) reader: TypeId,
    pub(super) writer: TypeId,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Root,
    Name,
    Items,
    Values,
    Symbols,
    Size,
    /// A branch of the writer's union.
    Branch(usize),
    /// A field of the reader's record.
    Field(usize),
    /// The type of a field: its position in the reader's record and in the writer's. `None`: the writer has none, and
    /// Java compares with the record.
    Type(usize, Option<usize>),
}

/// An incompatibility before it is written out.
pub(super) struct Leaf {
    pub(super) kind: IncompatibilityType,
    pub(super) reader: TypeId,
    pub(super) writer: TypeId,
    pub(super) at: u32,
    pub(super) index: Option<usize>,
}

pub(super) enum Item {
    Leaf(u32),
    Result(Outcome),
}

/// A pair whose parts are being compared.
struct Frame {
    reader: TypeId,
    writer: TypeId,
    at: u32,
    /// The next part.
    next: usize,
    /// Of records: the writer's field behind the last one found.
    likely: usize,
    parts: Parts,
    found: Vec<Item>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
    Items,
    Values,
    Fields,
    /// Both are unions.
    Unions,
    /// Only the writer's is.
    WriterUnion,
    /// Only the reader's is.
    ReaderUnion,
}

pub(super) struct Checker<'a> {
    pub(super) reader: &'a Schema,
    pub(super) writer: &'a Schema,
    /// `None`: being compared, and taken to be compatible meanwhile.
    memo: HashMap<(TypeId, TypeId), Option<Outcome>, RandomState>,
    pub(super) results: Vec<Vec<Item>>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) steps: Vec<Step>,
    frames: Vec<Frame>,
    /// Comparisons so far, those known already included.
    pairs: usize,
    /// Fields, aliases and symbols looked at.
    work: usize,
    /// Fields by name of the writer's larger records.
    fields: HashMap<TypeId, HashMap<&'a str, usize>>,
}

/// What a frame does next.
enum Next {
    Compare(TypeId, TypeId, u32),
    Done(Outcome),
}

impl<'a> Checker<'a> {
    fn run(&mut self) -> Result<Outcome, Leaf> {
        let root = self.root(self.reader.root(), self.writer.root());
        let mut answer = self.enter(self.reader.root(), self.writer.root(), root)?;
        while let Some(mut frame) = self.frames.pop() {
            match self.resume(&mut frame, answer.take())? {
                Next::Compare(reader, writer, at) => {
                    self.frames.push(frame);
                    answer = self.enter(reader, writer, at)?;
                }
                Next::Done(outcome) => {
                    self.memo.insert((frame.reader, frame.writer), Some(outcome));
                    answer = Some(outcome);
                }
            }
        }
        Ok(answer.unwrap_or(COMPATIBLE))
    }

    fn root(&mut self, reader: TypeId, writer: TypeId) -> u32 {
        self.step(None, Token::Root, reader, writer)
    }

    fn step(&mut self, parent: Option<u32>, token: Token, reader: TypeId, writer: TypeId) -> u32 {
        let id = self.steps.len() as u32;
        self.steps.push(Step {
            parent,
            token,
            reader,
            writer,
        });
        id
    }

    /// Compares a pair: its outcome at once, or `None` and a frame.
    fn enter(&mut self, reader: TypeId, writer: TypeId, at: u32) -> Result<Option<Outcome>, Leaf> {
        self.pairs += 1;
        // Most pairs, and cheaper to compare than to remember.
        if self.goes_plainly(reader, writer) {
            return Ok(Some(COMPATIBLE));
        }
        let (r, w) = (self.reader.node(reader), self.writer.node(writer));
        if let Some(known) = self.memo.get(&(reader, writer)) {
            return Ok(Some(known.unwrap_or(COMPATIBLE)));
        }
        if self.pairs > MAX_PAIRS || self.work > MAX_WORK {
            return Err(Leaf {
                kind: IncompatibilityType::TooComplex,
                reader,
                writer,
                at,
                index: None,
            });
        }
        let mut found = Vec::new();
        let parts = match (&r.kind, &w.kind) {
            (Kind::Array(_), Kind::Array(_)) => Parts::Items,
            (Kind::Map(_), Kind::Map(_)) => Parts::Values,
            (Kind::Union(_), Kind::Union(_)) => Parts::Unions,
            (_, Kind::Union(_)) => Parts::WriterUnion,
            (Kind::Union(_), _) => Parts::ReaderUnion,
            (Kind::Record(_), Kind::Record(_)) => {
                self.names(r, w, (reader, writer), at, &mut found);
                Parts::Fields
            }
            (Kind::Enum(_), Kind::Enum(_)) => {
                self.names(r, w, (reader, writer), at, &mut found);
                self.symbols(r, w, (reader, writer), at, &mut found);
                return Ok(Some(self.settle(reader, writer, found)));
            }
            (Kind::Fixed(_), Kind::Fixed(_)) => {
                self.names(r, w, (reader, writer), at, &mut found);
                self.size(r, w, (reader, writer), at, &mut found);
                return Ok(Some(self.settle(reader, writer, found)));
            }
            (r, w) => {
                if !promotes(r, w) {
                    found.push(self.leaf(IncompatibilityType::TypeMismatch, (reader, writer), at, None));
                }
                return Ok(Some(self.settle(reader, writer, found)));
            }
        };
        self.memo.insert((reader, writer), None);
        self.frames.push(Frame {
            reader,
            writer,
            at,
            next: 0,
            likely: 0,
            parts,
            found,
        });
        Ok(None)
    }

    fn settle(&mut self, reader: TypeId, writer: TypeId, found: Vec<Item>) -> Outcome {
        let outcome = self.outcome(found);
        self.memo.insert((reader, writer), Some(outcome));
        outcome
    }

    fn outcome(&mut self, found: Vec<Item>) -> Outcome {
        match found.as_slice() {
            [] => COMPATIBLE,
            [Item::Result(outcome)] => *outcome,
            _ => {
                let id = self.results.len() as u32;
                self.results.push(found);
                Outcome(id)
            }
        }
    }

    fn leaf(
        &mut self,
        kind: IncompatibilityType,
        (reader, writer): (TypeId, TypeId),
        at: u32,
        index: Option<usize>,
    ) -> Item {
        let id = self.leaves.len() as u32;
        self.leaves.push(Leaf {
            kind,
            reader,
            writer,
            at,
            index,
        });
        Item::Leaf(id)
    }

    /// Goes on with a pair; `answer` is the outcome of the part it asked for.
    fn resume(&mut self, frame: &mut Frame, answer: Option<Outcome>) -> Result<Next, Leaf> {
        let (reader, writer) = (self.reader.node(frame.reader), self.writer.node(frame.writer));
        match (frame.parts, &reader.kind, &writer.kind) {
            (Parts::Items, Kind::Array(r), Kind::Array(w)) | (Parts::Values, Kind::Map(r), Kind::Map(w)) => {
                if let Some(answer) = answer {
                    merge(&mut frame.found, answer);
                    return Ok(self.done(frame));
                }
                let token = if frame.parts == Parts::Items {
                    Token::Items
                } else {
                    Token::Values
                };
                let at = self.step(Some(frame.at), token, frame.reader, frame.writer);
                Ok(Next::Compare(*r, *w, at))
            }
            (Parts::Fields, Kind::Record(r), Kind::Record(w)) => {
                if let Some(answer) = answer {
                    merge(&mut frame.found, answer);
                }
                self.next_field(frame, r, w)
            }
            (Parts::Unions, Kind::Union(_), Kind::Union(branches)) => {
                if let Some(answer) = answer {
                    let index = frame.next - 1;
                    if answer != COMPATIBLE && index < branches.len() {
                        let at = self.step(Some(frame.at), Token::Branch(index), frame.reader, frame.writer);
                        let item = self.leaf(
                            IncompatibilityType::MissingUnionBranch,
                            (frame.reader, frame.writer),
                            at,
                            Some(index),
                        );
                        frame.found.push(item);
                    }
                }
                let Some(branch) = branches.get(frame.next) else {
                    return Ok(self.done(frame));
                };
                frame.next += 1;
                // Java starts a new location here, and keeps what it finds with it.
                let at = self.root(frame.reader, *branch);
                Ok(Next::Compare(frame.reader, *branch, at))
            }
            (Parts::WriterUnion, _, Kind::Union(branches)) => {
                if let Some(answer) = answer {
                    merge(&mut frame.found, answer);
                }
                let Some(branch) = branches.get(frame.next) else {
                    return Ok(self.done(frame));
                };
                let at = self.step(
                    Some(frame.at),
                    Token::Branch(frame.next),
                    frame.reader,
                    frame.writer,
                );
                frame.next += 1;
                Ok(Next::Compare(frame.reader, *branch, at))
            }
            (Parts::ReaderUnion, Kind::Union(branches), _) => {
                if answer == Some(COMPATIBLE) {
                    return Ok(Next::Done(COMPATIBLE));
                }
                let Some(branch) = branches.get(frame.next) else {
                    let item = self.leaf(
                        IncompatibilityType::MissingUnionBranch,
                        (frame.reader, frame.writer),
                        frame.at,
                        None,
                    );
                    return Ok(Next::Done(self.outcome(vec![item])));
                };
                frame.next += 1;
                let at = self.root(*branch, frame.writer);
                Ok(Next::Compare(*branch, frame.writer, at))
            }
            _ => Ok(self.done(frame)),
        }
    }

    fn done(&mut self, frame: &mut Frame) -> Next {
        let found = std::mem::take(&mut frame.found);
        Next::Done(self.outcome(found))
    }

    fn next_field(&mut self, frame: &mut Frame, r: &'a Record, w: &'a Record) -> Result<Next, Leaf> {
        while let Some(field) = r.fields.get(frame.next) {
            let index = frame.next;
            self.work += 1 + field.aliases.len();
            frame.next += 1;
            let mut first = self.writer_field(frame.writer, w, &field.name, frame.likely);
            let mut second = false;
            for alias in &field.aliases {
                let found = self.writer_field(frame.writer, w, alias, frame.likely);
                second |= first.is_some() && found.is_some();
                first = first.or(found);
            }
            if second {
                let at = self.step(Some(frame.at), Token::Field(index), frame.reader, frame.writer);
                return Err(Leaf {
                    kind: IncompatibilityType::AmbiguousFieldAlias,
                    reader: frame.reader,
                    writer: frame.writer,
                    at,
                    index: Some(index),
                });
            }
            if first.is_none() && field.default.is_some() {
                continue;
            }
            let Some(first) = first else {
                // An enum's own default counts, in Java's way: it compares the enum with the writer's record.
                if matches!(&self.reader.node(field.ty).kind, Kind::Enum(e) if e.default.is_some()) {
                    let at = self.step(
                        Some(frame.at),
                        Token::Type(index, None),
                        frame.reader,
                        frame.writer,
                    );
                    return Ok(Next::Compare(field.ty, frame.writer, at));
                }
                let at = self.step(Some(frame.at), Token::Field(index), frame.reader, frame.writer);
                let item = self.leaf(
                    IncompatibilityType::ReaderFieldMissingDefaultValue,
                    (frame.reader, frame.writer),
                    at,
                    Some(index),
                );
                frame.found.push(item);
                continue;
            };
            frame.likely = first + 1;
            if let Some(writer_field) = w.fields.get(first) {
                // Most fields, so without a frame's round.
                if self.goes_plainly(field.ty, writer_field.ty) {
                    self.pairs += 1;
                    continue;
                }
                let at = self.step(
                    Some(frame.at),
                    Token::Type(index, Some(first)),
                    frame.reader,
                    frame.writer,
                );
                return Ok(Next::Compare(field.ty, writer_field.ty, at));
            }
        }
        Ok(self.done(frame))
    }

    /// Two plain types of which the reader takes the writer's.
    fn goes_plainly(&self, reader: TypeId, writer: TypeId) -> bool {
        let (r, w) = (&self.reader.node(reader).kind, &self.writer.node(writer).kind);
        plain(r) && plain(w) && promotes(r, w)
    }

    /// The writer's field of a name, which is looked for at its `likely` place first: versions of a record mostly have the
    /// same fields in the same order.
    fn writer_field(&mut self, id: TypeId, record: &'a Record, name: &str, likely: usize) -> Option<usize> {
        if record.fields.get(likely).is_some_and(|field| field.name == name) {
            return Some(likely);
        }
        if record.fields.len() <= INDEXED {
            return record.fields.iter().position(|field| field.name == name);
        }
        let index = self.fields.entry(id).or_insert_with(|| {
            let fields = record.fields.iter().enumerate();
            fields
                .map(|(index, field)| (field.name.as_str(), index))
                .collect()
        });
        index.get(name).copied()
    }

    fn names(&mut self, r: &Node, w: &Node, pair: (TypeId, TypeId), at: u32, found: &mut Vec<Item>) {
        let (Some(reader), Some(writer)) = (r.name(), w.name()) else {
            return;
        };
        if reader.name == writer.name {
            return;
        }
        self.work += aliases(r).len();
        if aliases(r).iter().any(|alias| alias_finds(alias, reader, writer)) {
            return;
        }
        let at = self.step(Some(at), Token::Name, pair.0, pair.1);
        found.push(self.leaf(IncompatibilityType::NameMismatch, pair, at, None));
    }

    fn symbols(&mut self, r: &Node, w: &Node, pair: (TypeId, TypeId), at: u32, found: &mut Vec<Item>) {
        let (Kind::Enum(reader), Kind::Enum(writer)) = (&r.kind, &w.kind) else {
            return;
        };
        if reader
            .default
            .as_ref()
            .is_some_and(|default| reader.symbols.contains(default))
        {
            return;
        }
        self.work += reader.symbols.len() + writer.symbols.len();
        if writer.symbols == reader.symbols || missing_symbols(reader, writer).is_empty() {
            return;
        }
        let at = self.step(Some(at), Token::Symbols, pair.0, pair.1);
        found.push(self.leaf(IncompatibilityType::MissingEnumSymbols, pair, at, None));
    }

    fn size(&mut self, r: &Node, w: &Node, pair: (TypeId, TypeId), at: u32, found: &mut Vec<Item>) {
        let (Kind::Fixed(reader), Kind::Fixed(writer)) = (&r.kind, &w.kind) else {
            return;
        };
        if reader.size != writer.size {
            let at = self.step(Some(at), Token::Size, pair.0, pair.1);
            found.push(self.leaf(IncompatibilityType::FixedSizeMismatch, pair, at, None));
        }
    }
}

fn merge(found: &mut Vec<Item>, outcome: Outcome) {
    if outcome != COMPATIBLE {
        found.push(Item::Result(outcome));
    }
}

pub(crate) fn aliases(node: &Node) -> &[Name] {
    match &node.kind {
        Kind::Record(r) => &r.aliases,
        Kind::Enum(e) => &e.aliases,
        Kind::Fixed(f) => &f.aliases,
        _ => &[],
    }
}

/// Java looks for the writer's full name among the aliases as text, and writes an alias in no namespace of a type in
/// one with a leading dot: that one is never found.
fn alias_finds(alias: &Name, reader: &Name, writer: &Name) -> bool {
    alias == writer && (alias.namespace.is_some() || reader.namespace.is_none())
}

/// Neither named nor made of other types.
fn plain(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::Null
            | Kind::Boolean
            | Kind::Int
            | Kind::Long
            | Kind::Float
            | Kind::Double
            | Kind::Bytes
            | Kind::String
    )
}

/// Types other than unions and named ones, and pairs of different types.
pub(crate) fn promotes(reader: &Kind, writer: &Kind) -> bool {
    match (reader, writer) {
        (Kind::Long, Kind::Int)
        | (Kind::Float, Kind::Int | Kind::Long)
        | (Kind::Double, Kind::Int | Kind::Long | Kind::Float)
        | (Kind::Bytes, Kind::String)
        | (Kind::String, Kind::Bytes) => true,
        (reader, writer) => std::mem::discriminant(reader) == std::mem::discriminant(writer),
    }
}

/// The writer's symbols that the reader lacks, in the order of text.
pub(super) fn missing_symbols<'a>(reader: &Enum, writer: &'a Enum) -> BTreeSet<&'a str> {
    let known: HashSet<&str> = reader.symbols.iter().map(String::as_str).collect();
    let all = writer.symbols.iter().map(String::as_str);
    all.filter(|symbol| !known.contains(symbol)).collect()
}
