//! Reading: a cursor over one datum, with one method for each Avro type.

// Methods are inlined always, because a single one that is not keeps the whole reader in memory. Not in debug builds: there
// each has stack space of its own in its caller, and a recursive type's decoder would take more than a thread has.

use fleetops_avro::wire::{DecodeError, DecodeErrorKind};

use super::Blocks;
use super::cursor::{self, Head};

/// How deep a recursive type may be nested when read by generated code: records of a cycle in one another.
///
/// Less than [`fleetops_avro::wire::MAX_DEPTH`], because a level here is a frame of a whole record's decoder: in a build
/// without optimisation that can be several KiB, and a thread has 2 MiB. Of a record with very many fields or large ones it can be
/// far more, so [`MAX_STACK`] bounds the stack itself.
pub const MAX_RECURSION: usize = 250;

/// How many bytes of stack the levels of a recursive type may take when read by generated code, from the outermost to the
/// innermost.
///
/// Half of what a thread has. The innermost level, whose frame is there before it is looked at, and what is done with the value
/// afterwards, such as a clone, have the other half.
pub const MAX_STACK: usize = 1 << 20;

/// The most bytes an `int` takes.
const MAX_INT: usize = 5;
/// The most bytes a `long`, and so a length or a count, takes.
pub(super) const MAX_LONG: usize = 10;

/// A cursor over the bytes of one datum.
///
/// Every method reads one value and moves on, or fails and leaves the cursor where it does not matter. Nothing is
/// allocated by it, `bytes` and `string` borrow from the input. The rules are those of [`fleetops_avro::wire`].
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    pub(super) head: Head<'a>,
    depth: usize,
    /// Where the stack was at the outermost level of a recursive type.
    stack: usize,
    pub(super) empty_items: usize,
    /// The bytes were made by a plan, which keeps symbols that open enums do not have.
    resolved: bool,
}

impl<'a> Reader<'a> {
    /// At the first byte of `input`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn new(input: &'a [u8]) -> Self {
        Self::from_head(Head::new(input))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn from_head(head: Head<'a>) -> Self {
        Self {
            head,
            depth: 0,
            stack: 0,
            empty_items: 0,
            resolved: false,
        }
    }

    /// At the first byte of what a plan with open enums made
    /// ([`Plan::with_open_enums`](fleetops_avro::resolve::Plan::with_open_enums)).
    pub(super) fn of_resolved(input: &'a [u8]) -> Self {
        Self {
            resolved: true,
            ..Self::new(input)
        }
    }

    /// How many bytes have been read.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn offset(&self) -> usize {
        self.head.offset()
    }

    /// How many bytes are left.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn remaining(&self) -> usize {
        self.head.left()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`DecodeErrorKind::TrailingBytes`] where bytes are left: the datum was written with another schema, or is not
    /// Avro.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn finish(self) -> Result<(), DecodeError> {
        self.end()
    }

    /// The same, and the reader is kept. Generated code asks before it makes the value of what it read: between a large
    /// value and the `Ok` around it, the value would be moved.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn end(&self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(trailing(self.offset(), left)),
        }
    }

    /// A `boolean`: true where the byte is 1.
    ///
    /// # Errors
    /// At the end of the input.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn boolean(&mut self) -> Result<bool, DecodeError> {
        match self.head.byte() {
            Some(byte) => Ok(byte == 1),
            None => Err(self.short_of("a boolean", 1)),
        }
    }

    /// An `int`.
    ///
    /// # Errors
    /// At the end of the input, and where the fifth byte says that more follow.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn int(&mut self) -> Result<i32, DecodeError> {
        self.int_of("an int")
    }

    /// A `long`.
    ///
    /// # Errors
    /// At the end of the input, and where the tenth byte says that more follow.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn long(&mut self) -> Result<i64, DecodeError> {
        self.long_of("a long")
    }

    /// A `float`.
    ///
    /// # Errors
    /// At the end of the input.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn float(&mut self) -> Result<f32, DecodeError> {
        self.chunk("a float").map(|bytes| f32::from_le_bytes(*bytes))
    }

    /// A `double`.
    ///
    /// # Errors
    /// At the end of the input.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn double(&mut self) -> Result<f64, DecodeError> {
        self.chunk("a double").map(|bytes| f64::from_le_bytes(*bytes))
    }

    /// Several `double`s in a row, as fields that follow one another are: one bounds test for all.
    ///
    /// # Errors
    /// At the end of the input.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn doubles<const N: usize>(&mut self) -> Result<[f64; N], DecodeError> {
        match self.head.arrays::<N, 8>() {
            Some(run) => Ok(run.map(f64::from_le_bytes)),
            None => Err(self.short_of("doubles", N * 8)),
        }
    }

    /// `bytes`, borrowed.
    ///
    /// # Errors
    /// At the end of the input, and for a length below zero.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        self.block("bytes")
    }

    /// A `string`, borrowed.
    ///
    /// # Errors
    /// At the end of the input, for a length below zero, and for what is not UTF-8.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn str(&mut self) -> Result<&'a str, DecodeError> {
        let bytes = self.block("a string")?;
        match cursor::text(bytes) {
            Ok(text) => Ok(text),
            Err(error) => Err(not_utf8(self.offset() - bytes.len(), bytes, error.valid_up_to())),
        }
    }

    /// A `string`.
    ///
    /// # Errors
    /// As [`str`](Self::str).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn string(&mut self) -> Result<String, DecodeError> {
        self.str().map(cursor::owned)
    }

    /// A `string` in place of another, whose memory is used again.
    ///
    /// # Errors
    /// As [`str`](Self::str); the string is then as it was.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn string_into(&mut self, place: &mut String) -> Result<(), DecodeError> {
        self.str().map(|text| cursor::replace(place, text))
    }

    /// `bytes` in place of others, whose memory is used again.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes); the others are then as they were.
    #[inline]
    pub fn bytes_into(&mut self, place: &mut Vec<u8>) -> Result<(), DecodeError> {
        let bytes = self.bytes()?;
        place.clear();
        place.extend_from_slice(bytes);
        Ok(())
    }

    /// A `fixed` of `N` bytes, borrowed.
    ///
    /// # Errors
    /// At the end of the input.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn fixed<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        self.chunk("a fixed")
    }

    /// The index of a branch of a union that has so many.
    ///
    /// # Errors
    /// As [`int`](Self::int), and for an index that is not one of these.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn branch(&mut self, branches: usize) -> Result<usize, DecodeError> {
        let start = self.offset();
        let index = self.int_of("the index of a union branch")?;
        match usize::try_from(index) {
            Ok(known) if known < branches => Ok(known),
            _ => Err(unknown_branch(start, index, branches)),
        }
    }

    /// The index of a symbol of an enum that has so many.
    ///
    /// # Errors
    /// As [`int`](Self::int), and for an index that is not one of these. An enum's default is for symbols of another
    /// writer schema, which [`Resolver`](super::Resolver) sees to; it is not for indices that the writer does not have.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn symbol(&mut self, symbols: usize) -> Result<usize, DecodeError> {
        let start = self.offset();
        let index = self.int_of("the index of an enum symbol")?;
        match usize::try_from(index) {
            Ok(known) if known < symbols => Ok(known),
            _ => Err(unknown_symbol(start, index, symbols)),
        }
    }

    /// The index of a symbol of an open enum that has so many, or the text of one that it has not.
    ///
    /// There is such a text only in what was written with another schema and resolved: elsewhere an index that is none of
    /// these is an error, as for [`symbol`](Self::symbol).
    ///
    /// # Errors
    /// As [`symbol`](Self::symbol) and [`str`](Self::str).
    #[inline]
    pub fn open_symbol(&mut self, symbols: usize) -> Result<Result<usize, &'a str>, DecodeError> {
        let start = self.offset();
        let index = self.int_of("the index of an enum symbol")?;
        match usize::try_from(index) {
            Ok(known) if known < symbols => Ok(Ok(known)),
            Ok(beyond) if beyond == symbols && self.resolved => self.str().map(Err),
            _ => Err(unknown_symbol(start, index, symbols)),
        }
    }

    /// The start of an array whose items take at least `min_item_bytes` each (0 only where an item can be empty:
    /// `null`, a record without fields, a `fixed` of no bytes). The items follow as [`Blocks::next`] says.
    ///
    /// # Errors
    /// As [`Blocks::next`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array(&mut self, min_item_bytes: usize) -> Result<Blocks, DecodeError> {
        Blocks::start(self, min_item_bytes)
    }

    /// The start of a map whose values take at least `min_value_bytes` each. For each entry that [`Blocks::next`]
    /// announces follow the key, a [`string`](Self::string), and the value. Of equal keys the last one counts.
    ///
    /// # Errors
    /// As [`Blocks::next`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn map(&mut self, min_value_bytes: usize) -> Result<Blocks, DecodeError> {
        // A key takes at least the byte of its length.
        Blocks::start(self, min_value_bytes.saturating_add(1))
    }

    /// Goes one level down a recursive type; [`leave`](Self::leave) comes back up.
    ///
    /// # Errors
    /// [`DecodeErrorKind::TooDeep`] below [`MAX_RECURSION`], and [`DecodeErrorKind::TooMuchStack`] beyond [`MAX_STACK`].
    #[inline]
    pub fn enter(&mut self) -> Result<(), DecodeError> {
        let here = stack_here();
        if self.depth == 0 {
            self.stack = here;
        }
        self.depth += 1;
        if self.depth > MAX_RECURSION {
            return Err(too_deep(self.offset()));
        }
        if here.abs_diff(self.stack) > MAX_STACK {
            return Err(too_much_stack(self.offset()));
        }
        Ok(())
    }

    /// Comes one level up.
    #[inline]
    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn int_of(&mut self, what: &'static str) -> Result<i32, DecodeError> {
        let bits = self.varint::<MAX_INT>(what)? as u32;
        Ok((bits >> 1) as i32 ^ -((bits & 1) as i32))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn long_of(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        let bits = self.varint::<MAX_LONG>(what)?;
        Ok((bits >> 1) as i64 ^ -((bits & 1) as i64))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn varint<const MAX: usize>(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        match self.head.varint::<MAX>() {
            Some(bits) => Ok(bits),
            None => Err(no_number(self.offset(), self.remaining(), what, MAX)),
        }
    }

    /// A length and so many bytes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn block(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let start = self.offset();
        let length = self.long_of(what)?;
        // A length below zero is more than there can be.
        match self.head.slice(length as u64) {
            Some(block) => Ok(block),
            None => Err(bad_length(start, self.remaining(), what, length)),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn chunk<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N], DecodeError> {
        match self.head.array() {
            Some(chunk) => Ok(chunk),
            None => Err(self.short_of(what, N)),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn short_of(&self, what: &'static str, needed: usize) -> DecodeError {
        ended(self.offset(), self.remaining(), what, needed)
    }
}

/// About where the stack ends now.
#[inline(always)]
fn stack_here() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(&here).addr()
}

// What went wrong. By value: where the address of a reader gets out, it is kept in memory and not in registers.

#[cold]
fn ended(offset: usize, left: usize, what: &'static str, needed: usize) -> DecodeError {
    let needed = needed as u64;
    DecodeError::new(offset, DecodeErrorKind::UnexpectedEnd { what, needed, left })
}

#[cold]
fn no_number(offset: usize, left: usize, what: &'static str, limit: usize) -> DecodeError {
    if left < limit {
        return ended(offset, left, what, left + 1);
    }
    DecodeError::new(offset, DecodeErrorKind::InvalidVarint { what, limit })
}

#[cold]
pub(super) fn negative_size(start: usize, length: i64) -> DecodeError {
    let what = "a block";
    DecodeError::new(start, DecodeErrorKind::NegativeLength { what, length })
}

#[cold]
fn bad_length(start: usize, left: usize, what: &'static str, length: i64) -> DecodeError {
    let kind = match u64::try_from(length) {
        Ok(needed) => DecodeErrorKind::UnexpectedEnd { what, needed, left },
        Err(_) => DecodeErrorKind::NegativeLength { what, length },
    };
    DecodeError::new(start, kind)
}

#[cold]
fn not_utf8(start: usize, bytes: &[u8], valid: usize) -> DecodeError {
    let found = bytes.get(valid).copied().unwrap_or_default();
    DecodeError::new(start + valid, DecodeErrorKind::InvalidUtf8 { found })
}

#[cold]
fn trailing(offset: usize, left: usize) -> DecodeError {
    DecodeError::new(offset, DecodeErrorKind::TrailingBytes { left })
}

#[cold]
fn unknown_branch(start: usize, index: i32, branches: usize) -> DecodeError {
    DecodeError::new(start, DecodeErrorKind::UnknownBranch { index, branches })
}

#[cold]
fn unknown_symbol(start: usize, index: i32, symbols: usize) -> DecodeError {
    DecodeError::new(start, DecodeErrorKind::UnknownSymbol { index, symbols })
}

#[cold]
fn too_deep(offset: usize) -> DecodeError {
    DecodeError::new(offset, DecodeErrorKind::TooDeep { limit: MAX_RECURSION })
}

#[cold]
fn too_much_stack(offset: usize) -> DecodeError {
    DecodeError::new(offset, DecodeErrorKind::TooMuchStack { limit: MAX_STACK })
}
