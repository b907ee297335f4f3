//! Reading: a cursor over one datum, with one method for each Avro type.

use fleetops_avro::wire::{DecodeError, DecodeErrorKind};

use super::Blocks;

/// How deep a recursive type may be nested when read by generated code: records of a cycle in one another.
///
/// Less than [`fleetops_avro::wire::MAX_DEPTH`], because a level here is a frame of a whole record's decoder: in a build
/// without optimisation that can be several KiB, and a thread has 2 MiB.
pub const MAX_RECURSION: usize = 250;

/// A cursor over the bytes of one datum.
///
/// Every method reads one value and moves on, or fails and leaves the cursor where it does not matter. Nothing is
/// allocated by it, `bytes` and `string` borrow from the input. The rules are those of [`fleetops_avro::wire`].
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    pub(super) rest: &'a [u8],
    length: usize,
    depth: usize,
    pub(super) empty_items: usize,
}

impl<'a> Reader<'a> {
    /// At the first byte of `input`.
    #[inline]
    pub fn new(input: &'a [u8]) -> Self {
        Self {
            rest: input,
            length: input.len(),
            depth: 0,
            empty_items: 0,
        }
    }

    /// How many bytes have been read.
    #[inline]
    pub fn offset(&self) -> usize {
        self.length - self.rest.len()
    }

    /// How many bytes are left.
    #[inline]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`DecodeErrorKind::TrailingBytes`] where bytes are left: the datum was written with another schema, or is not
    /// Avro.
    #[inline]
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.trailing())
        }
    }

    /// A `boolean`: true where the byte is 1.
    ///
    /// # Errors
    /// At the end of the input.
    #[inline]
    pub fn boolean(&mut self) -> Result<bool, DecodeError> {
        match self.rest.split_first() {
            Some((&byte, rest)) => {
                self.rest = rest;
                Ok(byte == 1)
            }
            None => Err(self.end("a boolean", 1)),
        }
    }

    /// An `int`.
    ///
    /// # Errors
    /// At the end of the input, and where the fifth byte says that more follow.
    #[inline]
    pub fn int(&mut self) -> Result<i32, DecodeError> {
        self.int_of("an int")
    }

    /// A `long`.
    ///
    /// # Errors
    /// At the end of the input, and where the tenth byte says that more follow.
    #[inline]
    pub fn long(&mut self) -> Result<i64, DecodeError> {
        self.long_of("a long")
    }

    /// A `float`.
    ///
    /// # Errors
    /// At the end of the input.
    #[inline]
    pub fn float(&mut self) -> Result<f32, DecodeError> {
        self.chunk("a float").map(|bytes| f32::from_le_bytes(*bytes))
    }

    /// A `double`.
    ///
    /// # Errors
    /// At the end of the input.
    #[inline]
    pub fn double(&mut self) -> Result<f64, DecodeError> {
        self.chunk("a double").map(|bytes| f64::from_le_bytes(*bytes))
    }

    /// Several `double`s in a row, as fields that follow one another are: one bounds test for all.
    ///
    /// # Errors
    /// At the end of the input.
    #[inline]
    pub fn doubles<const N: usize>(&mut self) -> Result<[f64; N], DecodeError> {
        let Some((run, rest)) = self.rest.split_at_checked(N * 8) else {
            return Err(self.end("doubles", N * 8));
        };
        self.rest = rest;
        let mut values = [0.0; N];
        for (value, bytes) in values.iter_mut().zip(run.as_chunks::<8>().0) {
            *value = f64::from_le_bytes(*bytes);
        }
        Ok(values)
    }

    /// `bytes`, borrowed.
    ///
    /// # Errors
    /// At the end of the input, and for a length below zero.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        self.block("bytes")
    }

    /// A `string`, borrowed.
    ///
    /// # Errors
    /// At the end of the input, for a length below zero, and for what is not UTF-8.
    #[inline]
    pub fn string(&mut self) -> Result<&'a str, DecodeError> {
        let bytes = self.block("a string")?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(error) => Err(self.not_utf8(bytes, error.valid_up_to())),
        }
    }

    /// A `fixed` of `N` bytes, borrowed.
    ///
    /// # Errors
    /// At the end of the input.
    #[inline]
    pub fn fixed<const N: usize>(&mut self) -> Result<&'a [u8; N], DecodeError> {
        self.chunk("a fixed")
    }

    /// The index of a branch of a union that has so many.
    ///
    /// # Errors
    /// As [`int`](Self::int), and for an index that is not one of these.
    #[inline]
    pub fn branch(&mut self, branches: usize) -> Result<usize, DecodeError> {
        let start = self.offset();
        let index = self.int_of("the index of a union branch")?;
        match usize::try_from(index) {
            Ok(known) if known < branches => Ok(known),
            _ => Err(DecodeError::new(
                start,
                DecodeErrorKind::UnknownBranch { index, branches },
            )),
        }
    }

    /// The index of a symbol of an enum that has so many.
    ///
    /// # Errors
    /// As [`int`](Self::int), and for an index that is not one of these. An enum's default is for symbols of another
    /// writer schema, which [`Resolver`](super::Resolver) sees to; it is not for indices that the writer does not have.
    #[inline]
    pub fn symbol(&mut self, symbols: usize) -> Result<usize, DecodeError> {
        let start = self.offset();
        let index = self.int_of("the index of an enum symbol")?;
        match usize::try_from(index) {
            Ok(known) if known < symbols => Ok(known),
            _ => Err(DecodeError::new(
                start,
                DecodeErrorKind::UnknownSymbol { index, symbols },
            )),
        }
    }

    /// The start of an array whose items take at least `min_item_bytes` each (0 only where an item can be empty:
    /// `null`, a record without fields, a `fixed` of no bytes). The items follow as [`Blocks::next`] says.
    ///
    /// # Errors
    /// As [`Blocks::next`].
    #[inline]
    pub fn array(&mut self, min_item_bytes: usize) -> Result<Blocks, DecodeError> {
        Blocks::start(self, min_item_bytes)
    }

    /// The start of a map whose values take at least `min_value_bytes` each. For each entry that [`Blocks::next`]
    /// announces follow the key, a [`string`](Self::string), and the value. Of equal keys the last one counts.
    ///
    /// # Errors
    /// As [`Blocks::next`].
    #[inline]
    pub fn map(&mut self, min_value_bytes: usize) -> Result<Blocks, DecodeError> {
        // A key takes at least the byte of its length.
        Blocks::start(self, min_value_bytes.saturating_add(1))
    }

    /// Goes one level down a recursive type; [`leave`](Self::leave) comes back up.
    ///
    /// # Errors
    /// [`DecodeErrorKind::TooDeep`] below [`MAX_RECURSION`].
    #[inline]
    pub fn enter(&mut self) -> Result<(), DecodeError> {
        self.depth += 1;
        if self.depth > MAX_RECURSION {
            return Err(DecodeError::new(
                self.offset(),
                DecodeErrorKind::TooDeep { limit: MAX_RECURSION },
            ));
        }
        Ok(())
    }

    /// Comes one level up.
    #[inline]
    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    #[inline]
    fn int_of(&mut self, what: &'static str) -> Result<i32, DecodeError> {
        let value = self.varint::<5>(what)? as u32;
        Ok((value >> 1) as i32 ^ -((value & 1) as i32))
    }

    #[inline]
    pub(super) fn long_of(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        let value = self.varint::<10>(what)?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// Seven bits a byte, at most `MAX` bytes. Bits beyond the 64th are dropped, as Java does.
    #[inline]
    fn varint<const MAX: usize>(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        if let Some((&first, rest)) = self.rest.split_first()
            && first < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(first));
        }
        // As many bytes as it can have: no test for the end in the loop.
        let Some(window) = self.rest.first_chunk::<MAX>() else {
            return self.varint_near_end(what, MAX);
        };
        let mut value = 0;
        for (i, &byte) in window.iter().enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.rest = &self.rest[i + 1..];
                return Ok(value);
            }
        }
        Err(self.goes_on(what, MAX))
    }

    #[cold]
    fn varint_near_end(&mut self, what: &'static str, limit: usize) -> Result<u64, DecodeError> {
        let mut value = 0;
        for (i, &byte) in self.rest.iter().enumerate().take(limit) {
            value |= u64::from(byte & 0x7f) << (7 * i);
            if byte < 0x80 {
                self.rest = &self.rest[i + 1..];
                return Ok(value);
            }
        }
        Err(self.end(what, self.rest.len() + 1))
    }

    /// A length and so many bytes.
    #[inline]
    fn block(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let before = self.rest;
        let length = self.long_of(what)?;
        if let Ok(count) = usize::try_from(length)
            && let Some((block, rest)) = self.rest.split_at_checked(count)
        {
            self.rest = rest;
            return Ok(block);
        }
        Err(self.bad_length(before, what, length))
    }

    #[inline]
    fn chunk<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N], DecodeError> {
        match self.rest.split_first_chunk() {
            Some((chunk, rest)) => {
                self.rest = rest;
                Ok(chunk)
            }
            None => Err(self.end(what, N)),
        }
    }

    #[cold]
    fn end(&self, what: &'static str, needed: usize) -> DecodeError {
        let left = self.rest.len();
        DecodeError::new(
            self.offset(),
            DecodeErrorKind::UnexpectedEnd {
                what,
                needed: needed as u64,
                left,
            },
        )
    }

    #[cold]
    fn goes_on(&self, what: &'static str, limit: usize) -> DecodeError {
        DecodeError::new(self.offset(), DecodeErrorKind::InvalidVarint { what, limit })
    }

    #[cold]
    pub(super) fn negative_size(&self, start: usize, length: i64) -> DecodeError {
        DecodeError::new(
            start,
            DecodeErrorKind::NegativeLength {
                what: "a block",
                length,
            },
        )
    }

    #[cold]
    fn bad_length(&self, before: &[u8], what: &'static str, length: i64) -> DecodeError {
        let kind = match u64::try_from(length) {
            Ok(needed) => DecodeErrorKind::UnexpectedEnd {
                what,
                needed,
                left: self.rest.len(),
            },
            Err(_) => DecodeErrorKind::NegativeLength { what, length },
        };
        DecodeError::new(self.length - before.len(), kind)
    }

    #[cold]
    fn not_utf8(&self, bytes: &[u8], valid: usize) -> DecodeError {
        let start = self.offset() - bytes.len();
        let found = bytes.get(valid).copied().unwrap_or_default();
        DecodeError::new(start + valid, DecodeErrorKind::InvalidUtf8 { found })
    }

    #[cold]
    fn trailing(&self) -> DecodeError {
        DecodeError::new(
            self.offset(),
            DecodeErrorKind::TrailingBytes {
                left: self.rest.len(),
            },
        )
    }
}
