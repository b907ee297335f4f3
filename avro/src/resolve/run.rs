//! Runs a program over a datum.

use crate::wire::{Cursor, DecodeError, DecodeErrorKind, put};

use super::actions::Promotion;
use super::program::{Block, Op, Program, Range};

/// Whether text is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Text {
    Checked,
    /// Whoever decodes what was written looks at it.
    LeftToDecoder,
}

/// There is no reading on; [`explain`](super::explain) says why.
#[derive(Debug)]
pub(super) struct Stop;

impl From<DecodeError> for Stop {
    fn from(_: DecodeError) -> Self {
        Self
    }
}

/// Reads a datum of the writer and appends it as one of the reader; the bytes that it took, or `None` where it is none,
/// and something may have been appended.
pub(super) fn run(program: &Program, text: Text, input: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let mut cursor = Cursor::new(input);
    Run { program, text }.write(program.root, &mut cursor, out).ok()?;
    Some(cursor.offset())
}

/// The same into a buffer whose content is of no meaning, before and behind; the bytes that it took and those that it wrote.
/// The buffer is never shortened, because to lengthen it takes time.
pub(super) fn run_in(
    program: &Program,
    text: Text,
    input: &[u8],
    buffer: &mut Vec<u8>,
) -> Option<(usize, usize)> {
    if let [Op::Reorder(at)] = *program.block(program.root)
        && let Some(reorder) = program.reorder(at)
        && reorder.writes == 0
    {
        let mut cursor = Cursor::new(input);
        let written = Run { program, text }
            .put_together(reorder, &mut cursor, buffer)
            .ok()?;
        return Some((cursor.offset(), written));
    }
    buffer.clear();
    let taken = run(program, text, input, buffer)?;
    Some((taken, buffer.len()))
}

pub(super) struct Run<'p> {
    pub(super) program: &'p Program,
    text: Text,
}

impl Run<'_> {
    // A level of nesting is two or three frames of the functions below, so each keeps few things on the stack.

    /// Reads what a block describes.
    fn walk(&self, block: Block, input: &mut Cursor<'_>) -> Result<(), Stop> {
        self.steps(block, input, |_| {})
    }

    /// Reads what a block describes, and tells where each step ends.
    #[inline(always)]
    pub(super) fn steps(
        &self,
        block: Block,
        input: &mut Cursor<'_>,
        mut ended: impl FnMut(usize),
    ) -> Result<(), Stop> {
        let bytes = input.whole();
        // The offset is in a register here, and in the cursor only while others look at it.
        let mut at = input.offset();
        for op in self.program.block(block) {
            at = self.one(op, bytes, at, input)?;
            ended(at);
        }
        input.seek(at);
        Ok(())
    }

    /// The end of what a step reads.
    #[inline(always)]
    fn one(&self, op: &Op, bytes: &[u8], at: usize, input: &mut Cursor<'_>) -> Result<usize, Stop> {
        if let Some(next) = self.simple(op, bytes, at) {
            return Ok(next);
        }
        input.seek(at);
        self.step(op, input)?;
        Ok(input.offset())
    }

    /// Where the value ends that starts at an offset, a number, text, bytes, or a union of which the branch is one such value
    /// or none; `None` where that is not seen at a glance.
    #[inline(always)]
    fn simple(&self, op: &Op, bytes: &[u8], at: usize) -> Option<usize> {
        let (mut op, mut at) = (op, at);
        loop {
            match *op {
                Op::Raw(count) => return raw(bytes, at, count),
                Op::Text if self.text == Text::Checked => return text(bytes, at),
                Op::Text | Op::Sized => return sized(bytes, at).map(|content| content.end),
                Op::Int => return varint(bytes, at, 5),
                Op::IntAsLong => return varint(bytes, at, 4),
                Op::Long => return varint(bytes, at, 10),
                Op::Union(branches) => {
                    let index = match bytes.get(at)? {
                        index if index & 0x81 == 0 => usize::from(index >> 1),
                        _ => return None,
                    };
                    at += 1;
                    let branch = self.program.branches(branches).get(index)?;
                    match self.program.block(*branch) {
                        [] => return Some(at),
                        [inner] => op = inner,
                        _ => return None,
                    }
                }
                _ => return None,
            }
        }
    }

    /// Reads what a step describes that is not simple, or not good.
    #[inline(never)]
    fn step(&self, op: &Op, input: &mut Cursor<'_>) -> Result<(), Stop> {
        match *op {
            Op::Items(item, min) => self.walk_items(item, min, input),
            Op::Pairs(value, min) => self.walk_pairs(value, min, input),
            Op::SkipItems(item, min) => self.skip_items(item, min, input),
            Op::SkipPairs(value, min) => self.skip_pairs(value, min, input),
            Op::Union(branches) => {
                let branch = self.branch(branches, input)?;
                self.walk(branch, input)
            }
            Op::Call(block) => {
                input.enter()?;
                self.walk(block, input)?;
                input.leave();
                Ok(())
            }
            op => read(op, input),
        }
    }

    #[inline]
    fn branch(&self, branches: Range, input: &mut Cursor<'_>) -> Result<Block, Stop> {
        let branches = self.program.branches(branches);
        Ok(branches[input.branch(branches.len())?])
    }

    fn walk_items(&self, item: Block, min: u32, input: &mut Cursor<'_>) -> Result<(), Stop> {
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

    fn walk_pairs(&self, value: Block, min: u32, input: &mut Cursor<'_>) -> Result<(), Stop> {
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

    fn skip_items(&self, item: Block, min: u32, input: &mut Cursor<'_>) -> Result<(), Stop> {
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

    fn skip_pairs(&self, value: Block, min: u32, input: &mut Cursor<'_>) -> Result<(), Stop> {
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
    pub(super) fn write(&self, block: Block, input: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
        for op in self.program.block(block) {
            match *op {
                Op::Copy(block) => self.copy(block, input, out)?,
                Op::Skip(block) => self.walk(block, input)?,
                Op::Put(bytes) => out.extend_from_slice(self.program.constant(bytes)),
                Op::Promote(promotion) => promote(promotion, input, out)?,
                Op::Symbols(table) => self.symbol(table, input, out)?,
                Op::OpenSymbols(table) => {
                    let table = self.program.open_symbols(table);
                    out.extend_from_slice(self.program.constant(table[input.symbol(table.len())?]));
                }
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
                    if let Some(reorder) = self.program.reorder(at) {
                        self.put_in_order(reorder, input, out)?;
                    }
                }
                // The others only read, and are in blocks of their own; `Fail` is what is left.
                _ => return Err(Stop),
            }
        }
        Ok(())
    }

    #[inline]
    fn copy(&self, block: Block, input: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
        let start = input.offset();
        self.walk(block, input)?;
        out.extend_from_slice(input.since(start));
        Ok(())
    }

    fn symbol(&self, table: Range, input: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
        let table = self.program.symbols(table);
        match table[input.symbol(table.len())?] {
            Some(at) => put::length(out, at as usize),
            None => return Err(Stop),
        }
        Ok(())
    }

    fn write_items(
        &self,
        item: Block,
        min: u32,
        input: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Stop> {
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
    ) -> Result<(), Stop> {
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
}

/// Bytes of which the high bit says that more follow.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

// Where values end that start at an offset; `None` where they are not good, which the cursor then says.

#[inline]
fn raw(bytes: &[u8], at: usize, count: usize) -> Option<usize> {
    (count <= bytes.len() - at).then(|| at + count)
}

#[inline]
fn varint(bytes: &[u8], at: usize, limit: usize) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let word = match (rest.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(word), _) => u64::from_le_bytes(*word),
        // The last bytes, of which some are before the number.
        (None, Some(word)) if !rest.is_empty() => u64::from_le_bytes(*word) >> (64 - 8 * rest.len()),
        _ => return long_varint(rest, at, limit),
    };
    // The first byte without the high bit, found without a loop: a length that varies is not guessed wrong.
    let last = (!word & HIGH_BITS).trailing_zeros() as usize / 8;
    if last < 8 {
        (last < limit.min(rest.len())).then_some(at + last + 1)
    } else {
        long_varint(rest, at, limit)
    }
}

/// The same of more than 8 bytes, and of what has fewer altogether.
#[inline(never)]
fn long_varint(rest: &[u8], at: usize, limit: usize) -> Option<usize> {
    let length = rest.iter().take(limit).position(|&byte| byte < 0x80)?;
    Some(at + length + 1)
}

#[inline]
fn sized(bytes: &[u8], at: usize) -> Option<std::ops::Range<usize>> {
    // Two bytes are enough for up to 8,191; other lengths are the cursor's.
    let (length, start) = match *bytes.get(at..)? {
        [length, ..] if length & 0x81 == 0 => (usize::from(length >> 1), at + 1),
        [low, high, ..] if low & 0x81 == 0x80 && high < 0x80 => {
            (usize::from(high) << 6 | usize::from(low & 0x7f) >> 1, at + 2)
        }
        _ => return None,
    };
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
fn read(op: Op, input: &mut Cursor<'_>) -> Result<(), Stop> {
    match op {
        Op::Raw(bytes) => input.raw(bytes, "values of fixed size").map(drop)?,
        Op::Int => input.int().map(drop)?,
        Op::IntAsLong => {
            let start = input.offset();
            input.int()?;
            if let [_, _, _, _, 0x10..=0xff] = input.since(start) {
                return Err(Stop);
            }
        }
        Op::Long => input.long().map(drop)?,
        Op::Text => input.string().map(drop)?,
        Op::Sized => input.bytes().map(drop)?,
        Op::Symbol(symbols) => input.symbol(symbols as usize).map(drop)?,
        // The others write, and are not in blocks that only read; `Fail` is what is left.
        _ => return Err(Stop),
    }
    Ok(())
}

#[inline]
fn promote(promotion: Promotion, input: &mut Cursor<'_>, out: &mut Vec<u8>) -> Result<(), Stop> {
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

/// Where nothing else can be said.
#[cold]
pub(super) fn no_way() -> DecodeError {
    DecodeError::new(
        0,
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

    #[test]
    fn numbers_end_where_a_loop_finds_it() {
        let by_loop = |bytes: &[u8], at: usize, limit: usize| {
            let length = bytes[at..].iter().take(limit).position(|&byte| byte < 0x80)?;
            Some(at + length + 1)
        };
        for total in 0..=24 {
            for at in 0..=total {
                for more in 0..=11 {
                    // Zeros in front and behind, and a number of that many bytes that say that more follow.
                    let mut bytes = vec![0; total];
                    let end = total.min(at + more);
                    bytes[at..end].fill(0xff);
                    for limit in [4, 5, 10] {
                        assert_eq!(
                            varint(&bytes, at, limit),
                            by_loop(&bytes, at, limit),
                            "{bytes:x?} from {at}, at most {limit}"
                        );
                    }
                }
            }
        }
    }
}
