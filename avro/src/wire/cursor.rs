//! A place in Avro binary, and the values that can be read from there.

use super::{DecodeError, DecodeErrorKind as Kind, MAX_DEPTH, MAX_EMPTY_ITEMS};

/// Reads Avro binary from a slice, value by value, without copying.
///
/// Every method reads one value at the cursor and moves behind it; after an error the cursor stands where it
/// stood or somewhere behind, and the error has the offset. Nothing is allocated.
///
/// # Example
///
/// ```
/// use fleetops_avro::wire::Cursor;
///
/// let mut cursor = Cursor::new(&[0x06, b'f', b'o', b'o', 0x03]);
/// assert_eq!(cursor.string()?, "foo");
/// assert_eq!(cursor.int()?, -2);
/// assert_eq!(cursor.int().unwrap_err().to_string(), "byte 5: expected 1 byte(s) for an int, found 0");
/// # Ok::<(), fleetops_avro::wire::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cursor<'a> {
    input: &'a [u8],
    offset: usize,
    depth: usize,
    empty_items: usize,
}

impl<'a> Cursor<'a> {
    /// A cursor at the first byte.
    pub fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            offset: 0,
            depth: 0,
            empty_items: 0,
        }
    }

    /// Bytes read so far.
    #[inline]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes not yet read.
    #[inline]
    pub fn left(&self) -> usize {
        self.input.len() - self.offset
    }

    /// The bytes from an earlier offset up to the cursor; none where that is not an earlier one.
    #[inline]
    pub fn since(&self, start: usize) -> &'a [u8] {
        self.input.get(start..self.offset).unwrap_or_default()
    }

    /// One byte; true where it is 1.
    ///
    /// # Errors
    ///
    /// The input has ended.
    #[inline]
    pub fn boolean(&mut self) -> Result<bool, DecodeError> {
        Ok(self.raw(1, "a boolean")? == [1])
    }

    /// At most 5 bytes; bits beyond the 32nd are dropped, as Java drops them.
    ///
    /// # Errors
    ///
    /// The input ends within it, or its fifth byte says that it goes on.
    #[inline]
    pub fn int(&mut self) -> Result<i32, DecodeError> {
        self.int_of("an int")
    }

    /// At most 10 bytes; bits beyond the 64th are dropped, as Java drops them.
    ///
    /// # Errors
    ///
    /// The input ends within it, or its tenth byte says that it goes on.
    #[inline]
    pub fn long(&mut self) -> Result<i64, DecodeError> {
        self.long_of("a long")
    }

    /// 4 bytes.
    ///
    /// # Errors
    ///
    /// The input ends within it.
    #[inline]
    pub fn float(&mut self) -> Result<f32, DecodeError> {
        Ok(f32::from_le_bytes(*self.array("a float")?))
    }

    /// 8 bytes.
    ///
    /// # Errors
    ///
    /// The input ends within it.
    #[inline]
    pub fn double(&mut self) -> Result<f64, DecodeError> {
        Ok(f64::from_le_bytes(*self.array("a double")?))
    }

    /// A length and so many bytes.
    ///
    /// # Errors
    ///
    /// The length is below zero or more than there is.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        self.sized("bytes")
    }

    /// A length and so many bytes of UTF-8.
    ///
    /// # Errors
    ///
    /// The length is below zero or more than there is, or the bytes are not UTF-8.
    #[inline]
    pub fn string(&mut self) -> Result<&'a str, DecodeError> {
        let bytes = self.sized("a string")?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text),
            Err(error) => Err(self.not_utf8(bytes, error)),
        }
    }

    /// The bytes of a string, whatever they are: for one that is skipped or wanted as bytes.
    ///
    /// # Errors
    ///
    /// The length is below zero or more than there is.
    #[inline]
    pub fn string_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        self.sized("a string")
    }

    /// So many bytes, which are `what`: `a fixed`.
    ///
    /// # Errors
    ///
    /// There are fewer.
    #[inline]
    pub fn raw(&mut self, count: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        // `offset` is never beyond the end, so the sum wraps only where `get` refuses it anyway.
        match self.input.get(self.offset..self.offset.wrapping_add(count)) {
            Some(bytes) => {
                self.offset += count;
                Ok(bytes)
            }
            None => Err(self.short(self.offset, what, count as u64, self.left())),
        }
    }

    /// The index of a branch of a union that has so many.
    ///
    /// # Errors
    ///
    /// It is no int, or no branch has that index.
    #[inline]
    pub fn branch(&mut self, branches: usize) -> Result<usize, DecodeError> {
        let start = self.offset;
        let index = self.int_of("the index of a union branch")?;
        match usize::try_from(index) {
            Ok(at) if at < branches => Ok(at),
            _ => Err(DecodeError::new(start, Kind::UnknownBranch { index, branches })),
        }
    }

    /// The index of a symbol of an enum that has so many.
    ///
    /// # Errors
    ///
    /// It is no int, or no symbol has that index.
    #[inline]
    pub fn symbol(&mut self, symbols: usize) -> Result<usize, DecodeError> {
        let start = self.offset;
        let index = self.int_of("the index of an enum symbol")?;
        match usize::try_from(index) {
            Ok(at) if at < symbols => Ok(at),
            _ => Err(DecodeError::new(start, Kind::UnknownSymbol { index, symbols })),
        }
    }

    /// How many items the next block of an array or map has; 0 is its end. An item takes at least `min_item_bytes`
    /// (for a map: those of the key counted), so that what is returned is never more than the input can justify.
    ///
    /// # Errors
    ///
    /// The count is no long or the least of them, the block's size is below zero, the items would not fit into what
    /// is left, or the datum has more than [`MAX_EMPTY_ITEMS`] items that take no bytes.
    #[inline]
    pub fn block(&mut self, min_item_bytes: usize) -> Result<usize, DecodeError> {
        let start = self.offset;
        let count = self.long_of("the count of a block's items")?;
        if count == 0 {
            return Ok(0);
        }
        if count < 0 {
            let at = self.offset;
            let length = self.long_of("the size of a block")?;
            if length < 0 {
                return Err(negative(at, "a block", length));
            }
        }
        self.justified(start, count, min_item_bytes)
    }

    /// The same for items that are not wanted: blocks that know their size are skipped here, and what is returned
    /// must be skipped item by item; 0 is the end of the array or map.
    ///
    /// # Errors
    ///
    /// Those of [`Cursor::block`], or a block's size is more than there is.
    #[inline]
    pub fn skip_block(&mut self, min_item_bytes: usize) -> Result<usize, DecodeError> {
        loop {
            let start = self.offset;
            let count = self.long_of("the count of a block's items")?;
            if count == 0 {
                return Ok(0);
            }
            if count > 0 {
                return self.justified(start, count, min_item_bytes);
            }
            if count == i64::MIN {
                return Err(negative(start, "an array or map", count));
            }
            self.sized("a block")?;
        }
    }

    /// Goes one level deeper into nested values.
    ///
    /// # Errors
    ///
    /// There are [`MAX_DEPTH`] levels already.
    #[inline]
    pub fn enter(&mut self) -> Result<(), DecodeError> {
        if self.depth == MAX_DEPTH {
            return Err(DecodeError::new(self.offset, Kind::TooDeep { limit: MAX_DEPTH }));
        }
        self.depth += 1;
        Ok(())
    }

    /// Comes back from one level.
    #[inline]
    pub fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Says that the datum ends here.
    ///
    /// # Errors
    ///
    /// There are bytes left.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.left() {
            0 => Ok(()),
            left => Err(DecodeError::new(self.offset, Kind::TrailingBytes { left })),
        }
    }

    /// The whole input.
    #[inline]
    pub(crate) fn whole(&self) -> &'a [u8] {
        self.input
    }

    /// Moves to an offset; beyond the end is the end.
    #[inline]
    pub(crate) fn seek(&mut self, offset: usize) {
        self.offset = offset.min(self.input.len());
    }

    #[inline]
    fn array<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N], DecodeError> {
        match self.input[self.offset..].first_chunk() {
            Some(bytes) => {
                self.offset += N;
                Ok(bytes)
            }
            None => Err(self.short(self.offset, what, N as u64, self.left())),
        }
    }

    #[inline]
    fn sized(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let start = self.offset;
        let length = self.long_of(what)?;
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| self.offset.checked_add(length));
        match end.and_then(|end| self.input.get(self.offset..end)) {
            Some(bytes) => {
                self.offset += bytes.len();
                Ok(bytes)
            }
            None if length < 0 => Err(negative(start, what, length)),
            None => Err(self.short(start, what, length as u64, self.left())),
        }
    }

    #[inline]
    fn int_of(&mut self, what: &'static str) -> Result<i32, DecodeError> {
        if let Some(&first) = self.input.get(self.offset)
            && first < 0x80
        {
            self.offset += 1;
            return Ok(i32::from(first >> 1) ^ -i32::from(first & 1));
        }
        // Shifting the fifth byte by 28 in 64 bits and keeping 32 drops what Java drops.
        let bits = self.varint(5, what)? as u32;
        Ok((bits >> 1) as i32 ^ -((bits & 1) as i32))
    }

    #[inline]
    fn long_of(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        if let Some(&first) = self.input.get(self.offset)
            && first < 0x80
        {
            self.offset += 1;
            return Ok(i64::from(first >> 1) ^ -i64::from(first & 1));
        }
        let bits = self.varint(10, what)?;
        Ok((bits >> 1) as i64 ^ -((bits & 1) as i64))
    }

    /// The bits of a number of at most `limit` bytes.
    #[inline]
    fn varint(&mut self, limit: usize, what: &'static str) -> Result<u64, DecodeError> {
        let rest = &self.input[self.offset..];
        let rest = rest.get(..limit).unwrap_or(rest);
        let mut bits = 0u64;
        // The tenth byte is shifted by 63: all but its lowest bit is dropped.
        let mut shift = 0;
        for (at, &byte) in rest.iter().enumerate() {
            bits |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                self.offset += at + 1;
                return Ok(bits);
            }
            shift += 7;
        }
        Err(self.no_number(limit, what))
    }

    #[cold]
    fn no_number(&self, limit: usize, what: &'static str) -> DecodeError {
        let left = self.left();
        if left < limit {
            self.short(self.offset, what, left as u64 + 1, left)
        } else {
            DecodeError::new(self.offset, Kind::InvalidVarint { what, limit })
        }
    }

    /// That many items, if the rest of the input can hold them.
    #[inline]
    fn justified(&mut self, start: usize, count: i64, min_item_bytes: usize) -> Result<usize, DecodeError> {
        let limit = match self.left().checked_div(min_item_bytes) {
            Some(limit) => limit,
            None => MAX_EMPTY_ITEMS - self.empty_items,
        };
        match usize::try_from(count.unsigned_abs()) {
            Ok(items) if items <= limit && count != i64::MIN => {
                if min_item_bytes == 0 {
                    self.empty_items += items;
                }
                Ok(items)
            }
            _ => Err(DecodeError::new(
                start,
                Kind::TooManyItems {
                    count: count.unsigned_abs(),
                    limit: limit as u64,
                },
            )),
        }
    }

    #[cold]
    fn short(&self, offset: usize, what: &'static str, needed: u64, left: usize) -> DecodeError {
        DecodeError::new(offset, Kind::UnexpectedEnd { what, needed, left })
    }

    #[cold]
    fn not_utf8(&self, bytes: &[u8], error: std::str::Utf8Error) -> DecodeError {
        let good = error.valid_up_to();
        DecodeError::new(
            self.offset - bytes.len() + good,
            Kind::InvalidUtf8 {
                found: bytes.get(good).copied().unwrap_or_default(),
            },
        )
    }
}

#[cold]
fn negative(offset: usize, what: &'static str, length: i64) -> DecodeError {
    DecodeError::new(offset, Kind::NegativeLength { what, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind<T: std::fmt::Debug>(result: Result<T, DecodeError>) -> (usize, Kind) {
        let error = result.unwrap_err();
        (error.offset(), error.kind().clone())
    }

    #[test]
    fn overlong_numbers_are_taken_and_excess_bits_dropped() {
        for (bytes, value) in [
            (&[0x80, 0x00][..], 0),
            (&[0x81, 0x80, 0x80, 0x80, 0x00], -1),
            // bits 33 to 35 of the fifth byte are not there
            (&[0xfe, 0xff, 0xff, 0xff, 0x7f], i32::MAX),
        ] {
            assert_eq!(Cursor::new(bytes).int().unwrap(), value, "{bytes:x?}");
        }
        let mut overlong = [0x80; 10];
        overlong[0] = 0x82;
        overlong[9] = 0x7e;
        assert_eq!(Cursor::new(&overlong).long().unwrap(), 1);
        assert_eq!(
            Cursor::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1])
                .long()
                .unwrap(),
            i64::MIN
        );
    }

    #[test]
    fn numbers_end_in_time() {
        let what = "an int";
        assert_eq!(
            kind(Cursor::new(&[0x80; 5]).int()),
            (0, Kind::InvalidVarint { what, limit: 5 })
        );
        assert_eq!(
            kind(Cursor::new(&[0x80; 3]).int()),
            (
                0,
                Kind::UnexpectedEnd {
                    what,
                    needed: 4,
                    left: 3
                }
            )
        );
        assert_eq!(
            kind(Cursor::new(&[0x80; 11]).long()),
            (
                0,
                Kind::InvalidVarint {
                    what: "a long",
                    limit: 10
                }
            )
        );
    }

    #[test]
    fn a_boolean_is_true_only_where_its_byte_is_one() {
        let mut cursor = Cursor::new(&[0, 1, 2, 255]);
        let read: Vec<_> = (0..4).map(|_| cursor.boolean().unwrap()).collect();
        assert_eq!(read, [false, true, false, false]);
        assert!(cursor.boolean().is_err());
    }

    #[test]
    fn lengths_are_checked_before_anything_is_done() {
        assert_eq!(
            kind(Cursor::new(&[1]).bytes()),
            (
                0,
                Kind::NegativeLength {
                    what: "bytes",
                    length: -1
                }
            )
        );
        let mut huge = Vec::new();
        crate::wire::put::long(&mut huge, i64::MAX);
        assert_eq!(
            kind(Cursor::new(&huge).string()),
            (
                0,
                Kind::UnexpectedEnd {
                    what: "a string",
                    needed: i64::MAX as u64,
                    left: 0
                }
            )
        );
        assert_eq!(
            kind(Cursor::new(&[0, 0]).raw(usize::MAX, "a fixed")),
            (
                0,
                Kind::UnexpectedEnd {
                    what: "a fixed",
                    needed: usize::MAX as u64,
                    left: 2
                }
            )
        );
    }

    #[test]
    fn bad_utf8_is_told_by_its_first_byte() {
        assert_eq!(
            kind(Cursor::new(&[0x06, b'a', 0xff, b'b']).string()),
            (2, Kind::InvalidUtf8 { found: 0xff })
        );
        assert_eq!(
            Cursor::new(&[0x06, b'a', 0xff, b'b']).string_bytes().unwrap(),
            [b'a', 0xff, b'b']
        );
    }

    #[test]
    fn counts_are_justified_by_what_is_left() {
        // three ints, then the end
        assert_eq!(Cursor::new(&[6, 0, 0, 0, 0]).block(1).unwrap(), 3);
        // the same with the block's size, which may be anything
        assert_eq!(Cursor::new(&[5, 6, 0, 0, 0, 0]).block(1).unwrap(), 3);
        assert_eq!(
            kind(Cursor::new(&[6, 0, 0, 0, 0]).block(2)),
            (0, Kind::TooManyItems { count: 3, limit: 2 })
        );
        assert_eq!(
            kind(Cursor::new(&[5, 1, 0, 0, 0]).block(1)),
            (
                1,
                Kind::NegativeLength {
                    what: "a block",
                    length: -1
                }
            )
        );
        let mut least = Vec::new();
        crate::wire::put::long(&mut least, i64::MIN);
        least.push(0);
        assert!(Cursor::new(&least).block(0).is_err());
        assert!(Cursor::new(&least).skip_block(0).is_err());
    }

    #[test]
    fn items_without_bytes_are_counted_over_the_whole_datum() {
        let mut input = Vec::new();
        for _ in 0..2 {
            crate::wire::put::length(&mut input, MAX_EMPTY_ITEMS / 2);
        }
        crate::wire::put::length(&mut input, 1);
        let mut cursor = Cursor::new(&input);
        assert_eq!(cursor.block(0).unwrap(), MAX_EMPTY_ITEMS / 2);
        assert_eq!(cursor.block(0).unwrap(), MAX_EMPTY_ITEMS / 2);
        assert_eq!(kind(cursor.block(0)).1, Kind::TooManyItems { count: 1, limit: 0 });
    }

    #[test]
    fn skipping_trusts_the_size_of_a_block() {
        // a block of 100 items that says it has 2 bytes, one of 2 items, the end
        let input = [0xc7, 0x01, 0x04, 0xaa, 0xaa, 0x04, 0, 0, 0];
        let mut cursor = Cursor::new(&input);
        assert_eq!(cursor.skip_block(1).unwrap(), 2);
        assert_eq!(cursor.offset(), 6);
        assert!(Cursor::new(&[1, 0x7e, 0]).skip_block(1).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let mut cursor = Cursor::new(&[]);
        for _ in 0..MAX_DEPTH {
            cursor.enter().unwrap();
        }
        assert_eq!(kind(cursor.enter()).1, Kind::TooDeep { limit: MAX_DEPTH });
        cursor.leave();
        cursor.enter().unwrap();
    }
}
