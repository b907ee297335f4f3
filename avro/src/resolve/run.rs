//! Runs a program over a datum.

use crate::wire::{Cursor, DecodeError, DecodeErrorKind, put};

use super::actions::Promotion;
use super::compile::{Block, Op, Piece, Program, Range, Reorder, Segment};

/// Records of so many segments are put into order without memory of their own.
const INLINE_SEGMENTS: usize = 12;

impl Program {
    /// Reads a datum of the writer and writes it as one of the reader.
    pub(super) fn run(&self, input: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        self.write(self.root, input, out)
    }

    // A level of nesting is two or three frames of the functions below, so each keeps few things on the stack.

    /// Reads what a block describes.
    fn walk(&self, block: Block, input: &mut Cursor<'_>) -> Result<(), DecodeError> {
        let bytes = input.whole();
        // The offset is in a register here, and in the cursor only while others look at it.
        let mut at = input.offset();
        for op in self.block(block) {
            let next = match *op {
                Op::Raw(count) => raw(bytes, at, count),
                Op::Text => text(bytes, at),
                Op::Sized => sized(bytes, at).map(|content| content.end),
                Op::Int => varint(bytes, at, 5),
                Op::Long => varint(bytes, at, 10),
                _ => None,
            };
            if let Some(next) = next {
                at = next;
                continue;
            }
            input.seek(at);
            match *op {
                Op::Items(item, min) => self.walk_items(item, min, input)?,
                Op::Pairs(value, min) => self.walk_pairs(value, min, input)?,
                Op::SkipItems(item, min) => self.skip_items(item, min, input)?,
                Op::SkipPairs(value, min) => self.skip_pairs(value, min, input)?,
                Op::Union(branches) => {
                    let branch = self.branch(branches, input)?;
                    self.walk(branch, input)?;
                }
                Op::Call(block) => {
                    input.enter()?;
                    self.walk(block, input)?;
                    input.leave();
                }
                op => read(op, input)?,
            }
            at = input.offset();
        }
        input.seek(at);
        Ok(())
    }

    #[inline]
    fn branch(&self, branches: Range, input: &mut Cursor<'_>) -> Result<Block, DecodeError> {
        let branches = self.branches(branches);
        Ok(branches[input.branch(branches.len())?])
    }

    fn walk_items(&self, item: Block, min: u32, input: &mut Cursor<'_>) -> Result<(), DecodeError> {
        input.enter()?;
        loop {
            let count = input.block(min as usize)?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                self.walk(item, input)?;
            }
        }
        input.leave();
        Ok(())
    }

    fn walk_pairs(&self, value: Block, min: u32, input: &mut Cursor<'_>) -> Result<(), DecodeError> {
        input.enter()?;
        loop {
            let count = input.block(min as usize)?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                input.string()?;
                self.walk(value, input)?;
            }
        }
        input.leave();
        Ok(())
    }

    fn skip_items(&self, item: Block, min: u32, input: &mut Cursor<'_>) -> Result<(), DecodeError> {
        input.enter()?;
        loop {
            let count = input.skip_block(min as usize)?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                self.walk(item, input)?;
            }
        }
        input.leave();
        Ok(())
    }

    fn skip_pairs(&self, value: Block, min: u32, input: &mut Cursor<'_>) -> Result<(), DecodeError> {
        input.enter()?;
        loop {
            let count = input.skip_block(min as usize)?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                input.string_bytes()?;
                self.walk(value, input)?;
            }
        }
        input.leave();
        Ok(())
    }

    /// Reads what a block describes, and writes it.
    fn write(&self, block: Block, input: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        for op in self.block(block) {
            match *op {
                Op::Copy(block) => self.copy(block, input, out)?,
                Op::Skip(block) => self.walk(block, input)?,
                Op::Put(bytes) => out.extend_from_slice(self.constant(bytes)),
                Op::Promote(promotion) => promote(promotion, input, out)?,
                Op::Symbols(table) => self.symbol(table, input, out)?,
                Op::Choose(branches) => {
                    let branch = self.branch(branches, input)?;
                    self.write(branch, input, out)?;
                }
                Op::WriteItems(item, min) => self.write_items(item, min, input, out)?,
                Op::WritePairs(value, min) => self.write_pairs(value, min, input, out)?,
                Op::WriteCall(block) => {
                    input.enter()?;
                    self.write(block, input, out)?;
                    input.leave();
                }
                Op::Reorder(at) => {
                    if let Some(reorder) = self.reorder(at) {
                        self.put_in_order(reorder, input, out)?;
                    }
                }
                // The others only read, and are in blocks of their own; `Fail` is what is left.
                _ => return Err(no_way(input)),
            }
        }
        Ok(())
    }

    #[inline]
    fn copy(&self, block: Block, input: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let start = input.offset();
        self.walk(block, input)?;
        out.extend_from_slice(input.since(start));
        Ok(())
    }

    fn symbol(&self, table: Range, input: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), DecodeError> {
        let table = self.symbols(table);
        match table[input.symbol(table.len())?] {
            Some(at) => put::length(out, at as usize),
            None => return Err(no_way(input)),
        }
        Ok(())
    }

    fn write_items(
        &self,
        item: Block,
        min: u32,
        input: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        input.enter()?;
        loop {
            let count = input.block(min as usize)?;
            put::length(out, count);
            if count == 0 {
                break;
            }
            for _ in 0..count {
                self.write(item, input, out)?;
            }
        }
        input.leave();
        Ok(())
    }

    fn write_pairs(
        &self,
        value: Block,
        min: u32,
        input: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        input.enter()?;
        loop {
            let count = input.block(min as usize)?;
            put::length(out, count);
            if count == 0 {
                break;
            }
            for _ in 0..count {
                let start = input.offset();
                input.string()?;
                out.extend_from_slice(input.since(start));
                self.write(value, input, out)?;
            }
        }
        input.leave();
        Ok(())
    }

    fn put_in_order(
        &self,
        reorder: &Reorder,
        input: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let mut few = [(0, 0); INLINE_SEGMENTS];
        let mut many = Vec::new();
        let spans = match few.get_mut(..reorder.segments.len()) {
            Some(spans) => spans,
            None => {
                many.resize(reorder.segments.len(), (0, 0));
                &mut many[..]
            }
        };
        let base = out.len();
        let start = input.offset();
        for (segment, span) in reorder.segments.iter().zip(spans.iter_mut()) {
            match segment {
                Segment::Skip(block) => self.walk(*block, input)?,
                Segment::Copy(block) => {
                    let from = input.offset();
                    self.walk(*block, input)?;
                    *span = (from - start, input.offset() - start);
                }
                Segment::Write(block) => {
                    let from = out.len();
                    self.write(*block, input, out)?;
                    *span = (from, out.len());
                }
            }
        }
        let written = out.len();
        let read = input.since(start);
        out.reserve(read.len());
        for piece in &reorder.pieces {
            match piece {
                Piece::Input(at) => {
                    let (from, to) = spans[*at];
                    out.extend_from_slice(read.get(from..to).unwrap_or_default());
                }
                Piece::Output(at) => {
                    let (from, to) = spans[*at];
                    out.extend_from_within(from..to);
                }
                Piece::Put(bytes) => out.extend_from_slice(self.constant(*bytes)),
            }
        }
        if written > base {
            out.drain(base..written);
        }
        Ok(())
    }
}

// Where values end that start at an offset; `None` where they are not good, which the cursor then says.

#[inline]
fn raw(bytes: &[u8], at: usize, count: usize) -> Option<usize> {
    (count <= bytes.len() - at).then(|| at + count)
}

#[inline]
fn varint(bytes: &[u8], at: usize, limit: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let length = rest.iter().take(limit).position(|&byte| byte < 0x80)?;
    Some(at + length + 1)
}

#[inline]
fn sized(bytes: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    // One byte is enough for up to 63; other lengths are the cursor's.
    let length = match *bytes.get(at..)? {
        [length, ..] if length < 0x80 && length & 1 == 0 => usize::from(length >> 1),
        _ => return None,
    };
    let start = at + 1;
    (length <= bytes.len() - start).then(|| start..start + length)
}

#[inline]
fn text(bytes: &[u8], at: usize) -> Option<usize> {
    let range = sized(bytes, at)?;
    let end = range.end;
    let content = bytes.get(range)?;
    // Most text is ASCII, and to see that takes a third of the time.
    (content.is_ascii() || std::str::from_utf8(content).is_ok()).then_some(end)
}

/// Reads one value that contains no others.
#[inline]
fn read(op: Op, input: &mut Cursor<'_>) -> Result<(), DecodeError> {
    match op {
        Op::Raw(bytes) => input.raw(bytes, "values of fixed size").map(drop),
        Op::Int => input.int().map(drop),
        Op::IntAsLong => {
            let start = input.offset();
            input.int()?;
            match input.since(start) {
                [_, _, _, _, 0x10..=0xff] => Err(no_way(input)),
                _ => Ok(()),
            }
        }
        Op::Long => input.long().map(drop),
        Op::Text => input.string().map(drop),
        Op::Sized => input.bytes().map(drop),
        Op::Symbol(symbols) => input.symbol(symbols as usize).map(drop),
        // The others write, and are not in blocks that only read; `Fail` is what is left.
        _ => Err(no_way(input)),
    }
}

#[inline]
fn promote(promotion: Promotion, input: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match promotion {
        Promotion::IntToLong => put::long(out, i64::from(input.int()?)),
        // Java's casts: to the nearest, ties to even.
        Promotion::IntToFloat => put::float(out, input.int()? as f32),
        Promotion::IntToDouble => put::double(out, f64::from(input.int()?)),
        Promotion::LongToFloat => put::float(out, input.long()? as f32),
        Promotion::LongToDouble => put::double(out, input.long()? as f64),
        Promotion::FloatToDouble => put::double(out, f64::from(input.float()?)),
        Promotion::StringToBytes => put::bytes(out, input.string_bytes()?),
        Promotion::BytesToString => {
            let bytes = input.bytes()?;
            match std::str::from_utf8(bytes) {
                Ok(text) => put::string(out, text),
                Err(_) => put::string(out, &lossy(bytes)),
            }
        }
    }
    Ok(())
}

/// Text with U+FFFD for what is not UTF-8, as Java's `String` has it: one for each part that could have been the
/// start of a character, one for each other byte, and one for three bytes that are half of a surrogate pair.
fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(good) => {
                text.push_str(good);
                return text;
            }
            Err(error) => {
                let (good, bad) = rest.split_at(error.valid_up_to());
                text.push_str(std::str::from_utf8(good).unwrap_or_default());
                text.push(char::REPLACEMENT_CHARACTER);
                let length = match bad {
                    [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..] => 3,
                    _ => error.error_len().unwrap_or(bad.len()),
                };
                rest = bad.get(length..).unwrap_or_default();
            }
        }
    }
}

#[cold]
fn no_way(input: &Cursor<'_>) -> DecodeError {
    DecodeError::new(
        input.offset(),
        DecodeErrorKind::Unresolved {
            reason: "the reader's schema has no place for this".to_owned(),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_replaced_as_java_does() {
        // What `new String(bytes, UTF_8)` of Java 17 gives.
        for (bytes, text) in [
            (&[b'a', 0xff, b'b'][..], "a\u{fffd}b"),
            (&[0xed, 0xa0, 0x80, b'x'], "\u{fffd}x"),
            (&[0xe2, 0x82], "\u{fffd}"),
            (&[0xf0, 0x9f, 0x98], "\u{fffd}"),
            (&[0xf0, 0x9f, b'x'], "\u{fffd}x"),
            (&[0xc0, 0x80], "\u{fffd}\u{fffd}"),
            (&[0xf8, 0x80], "\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(lossy(bytes), text, "{bytes:x?}");
        }
    }
}
