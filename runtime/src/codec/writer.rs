//! Writing: one method for each Avro type, appending to a buffer. Avro specification, "Binary Encoding".
//!
//! A record is its fields, one after the other; a union is [`index`](Writer::index) and the branch's value; an array is
//! [`array_start`](Writer::array_start), its items, [`array_end`](Writer::array_end). None of these can fail. What becomes
//! of values that do not fit their logical type is told in [`super`].

use super::cursor::Tail;

/// Appends values to a buffer.
///
/// It is made with the most bytes that will be written, so that space is reserved once. More may be written, and costs a
/// reservation more.
///
/// ```
/// use fleetops_runtime::codec::Writer;
///
/// let mut out = Vec::new();
/// let mut writer = Writer::new(&mut out, 13);
/// writer.string("foo");
/// writer.long(-1);
/// writer.finish();
/// assert_eq!(out, [6, b'f', b'o', b'o', 1]);
/// ```
#[derive(Debug)]
pub struct Writer<'a> {
    pub(super) tail: Tail<'a>,
}

impl<'a> Writer<'a> {
    /// Behind the bytes of `out`, with room for `max_len` more.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn new(out: &'a mut Vec<u8>, max_len: usize) -> Self {
        Self {
            tail: Tail::new(out, max_len),
        }
    }

    /// Ends the writing: the buffer has the bytes now. Without it they are lost.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn finish(self) {
        self.tail.finish();
    }

    /// A `boolean`: one byte.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn boolean(&mut self, value: bool) {
        self.tail.array([u8::from(value)]);
    }

    /// An `int`: zig-zag, 1 to 5 bytes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn int(&mut self, value: i32) {
        self.tail.varint(u64::from(((value << 1) ^ (value >> 31)) as u32));
    }

    /// A `long`: zig-zag, 1 to 10 bytes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn long(&mut self, value: i64) {
        self.tail.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// A `float`: four bytes, little-endian.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn float(&mut self, value: f32) {
        self.tail.array(value.to_le_bytes());
    }

    /// A `double`: eight bytes, little-endian.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn double(&mut self, value: f64) {
        self.tail.array(value.to_le_bytes());
    }

    /// Several `double`s in a row, as fields that follow one another are: one bounds test for all.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn doubles<const N: usize>(&mut self, values: [f64; N]) {
        self.tail.arrays(values.map(f64::to_le_bytes));
    }

    /// `bytes`: the length as a `long`, then the bytes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn bytes(&mut self, value: &[u8]) {
        self.tail.sized(value);
    }

    /// A `string`: the length in bytes as a `long`, then UTF-8.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn string(&mut self, value: &str) {
        self.tail.sized(value.as_bytes());
    }

    /// A `fixed`: its bytes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn fixed<const N: usize>(&mut self, value: &[u8; N]) {
        self.tail.array(*value);
    }

    /// Bytes as they are: a `fixed` whose size is not known when the program is built, or values that are encoded already.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.tail.slice(bytes);
    }

    /// The index of a union branch or of an enum symbol, counted from 0.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn index(&mut self, index: usize) {
        self.tail.varint((index as u64) << 1);
    }

    /// The start of an array of so many items: the head of its only block, or nothing for an empty array.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_start(&mut self, items: usize) {
        if items > 0 {
            self.index(items);
        }
    }

    /// The end of an array: a block of no items.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_end(&mut self) {
        self.tail.array([0]);
    }

    /// The start of a map of so many entries; each is its key by [`string`](Self::string), then its value.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn map_start(&mut self, entries: usize) {
        self.array_start(entries);
    }

    /// The end of a map: a block of no entries.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn map_end(&mut self) {
        self.array_end();
    }

    /// A whole array of `int`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_of_int(&mut self, items: &[i32]) {
        self.array_start(items.len());
        for item in items {
            self.int(*item);
        }
        self.array_end();
    }

    /// A whole array of `long`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_of_long(&mut self, items: &[i64]) {
        self.array_start(items.len());
        for item in items {
            self.long(*item);
        }
        self.array_end();
    }

    /// A whole array of `float`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_of_float(&mut self, items: &[f32]) {
        self.array_start(items.len());
        self.tail.all(items, |item| item.to_le_bytes());
        self.array_end();
    }

    /// A whole array of `double`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_of_double(&mut self, items: &[f64]) {
        self.array_start(items.len());
        self.tail.all(items, |item| item.to_le_bytes());
        self.array_end();
    }
}
