//! Records whose fields are in another order, while they are compiled.

use super::program::{Block, Op, Part, Piece, Range, Reorder};

/// What is read, in the writer's order, and where it goes.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) segments: Vec<Segment>,
    /// Each with the reader's field that it belongs to.
    pieces: Vec<(usize, Source)>,
}

#[derive(Clone, Debug)]
pub(super) enum Segment {
    /// Read and dropped.
    Skip(Vec<Op>),
    /// To be copied from the input.
    Copy(Vec<Op>),
    /// Written, and put into place afterwards.
    Write(Block),
}

/// Where a piece comes from.
#[derive(Clone, Copy, Debug)]
enum Source {
    /// That segment.
    Segment(usize),
    /// Bytes that are known.
    Put(Range),
}

impl Draft {
    /// Steps whose bytes are those of that field of the reader.
    pub(super) fn copy(&mut self, to: usize, ops: Vec<Op>) {
        self.pieces.push((to, Source::Segment(self.segments.len())));
        self.segments.push(Segment::Copy(ops));
    }

    /// A block that writes that field of the reader.
    pub(super) fn write(&mut self, to: usize, block: Block) {
        self.pieces.push((to, Source::Segment(self.segments.len())));
        self.segments.push(Segment::Write(block));
    }

    /// All of another record, as that field of the reader.
    pub(super) fn take(&mut self, to: usize, inner: &Self) {
        let by = self.segments.len();
        self.segments.extend_from_slice(&inner.segments);
        let moved = inner.pieces.iter().map(|(_, source)| match *source {
            Source::Segment(at) => Source::Segment(at + by),
            Source::Put(range) => Source::Put(range),
        });
        self.pieces.extend(moved.map(|source| (to, source)));
    }

    /// Bytes that are known, as that field of the reader.
    pub(super) fn put(&mut self, to: usize, bytes: Range) {
        self.pieces.push((to, Source::Put(bytes)));
    }

    /// The pieces in the reader's order.
    pub(super) fn in_order(mut self) -> Self {
        self.pieces.sort_by_key(|(to, _)| *to);
        self
    }

    /// The same with places in place of segments. `block` makes a block of steps.
    pub(super) fn finish(self, mut block: impl FnMut(Vec<Op>) -> Block) -> Reorder {
        let (mut places, mut writes) = (0, 0);
        let mut parts = Vec::new();
        let mut ops = Vec::new();
        let mut sources = Vec::with_capacity(self.segments.len());
        for segment in self.segments {
            match segment {
                Segment::Skip(steps) | Segment::Copy(steps) => {
                    if ops.is_empty() {
                        places += 1;
                    }
                    let from = places - 1;
                    places += steps.len() as u32;
                    sources.push(Piece::Input(from, places - 1));
                    ops.extend(steps);
                }
                Segment::Write(writer) => {
                    sources.push(Piece::Output(writes));
                    writes += 1;
                    if !ops.is_empty() {
                        parts.push(Part::Walk(block(std::mem::take(&mut ops))));
                    }
                    parts.push(Part::Write(writer));
                }
            }
        }
        if !ops.is_empty() {
            parts.push(Part::Walk(block(ops)));
        }
        let mut known = 0;
        let mut pieces = Vec::with_capacity(self.pieces.len());
        for (_, source) in self.pieces {
            match source {
                Source::Segment(at) => pieces.extend(sources.get(at)),
                Source::Put(range) => {
                    known += range.as_range().len();
                    pieces.push(Piece::Put(range));
                }
            }
        }
        Reorder {
            parts,
            places: places as usize,
            writes: writes as usize,
            pieces,
            known,
        }
    }
}

/// Appends steps, fixed-size neighbours as one.
pub(super) fn join(ops: &mut Vec<Op>, next: Vec<Op>) {
    for op in next {
        match (ops.last_mut(), op) {
            (Some(Op::Raw(bytes)), Op::Raw(more)) if bytes.checked_add(more).is_some() => {
                *bytes += more;
            }
            _ => ops.push(op),
        }
    }
}
