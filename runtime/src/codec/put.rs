//! Writing: one function for each Avro type, appending to a buffer. Avro specification, "Binary Encoding".
//!
//! A record is its fields, one after the other; a union is [`index`] and the branch's value; an array is
//! [`array_start`], its items, [`array_end`]. None of these can fail. A generated encoder calls `Vec::reserve` once
//! for the whole record, then these.
//!
//! Where a Rust value does not fit its logical type, the nearest value that fits is written:
//!
//! | value | written | told by |
//! |---|---|---|
//! | time or timestamp with digits below the unit | rounded down, as Java does; order is kept | nothing: a clock has more digits than a schema needs |
//! | [`NaiveTime`](chrono::NaiveTime) in a leap second | the last unit of the second before | [`check::time_of_day`](super::check::time_of_day) |
//! | instant outside the years 1677 to 2262 as `timestamp-nanos` | the first or last nanosecond there is | [`check::timestamp_nanos`](super::check::timestamp_nanos) |
//! | decimal with more digits after the point than `scale` | cut off towards zero | [`check::decimal`](super::check::decimal) |
//! | decimal with more digits than `precision`, or more than fit the `fixed` | as it is, or the largest that fits | [`check::decimal`](super::check::decimal) |

pub use super::put_logical::{
    big_decimal, date, decimal_bytes, decimal_fixed, duration, local_timestamp_micros,
    local_timestamp_millis, local_timestamp_nanos, time_micros, time_millis, timestamp_micros,
    timestamp_millis, timestamp_nanos, uuid_fixed, uuid_string,
};

/// The most bytes an `int` takes.
pub const MAX_INT: usize = 5;
/// The most bytes a `long`, and so a length or a count, takes.
pub const MAX_LONG: usize = 10;

/// A `boolean`: one byte.
#[inline]
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.push(u8::from(value));
}

/// An `int`: zig-zag, 1 to 5 bytes.
#[inline]
pub fn int(out: &mut Vec<u8>, value: i32) {
    varint(out, u64::from(((value << 1) ^ (value >> 31)) as u32));
}

/// A `long`: zig-zag, 1 to 10 bytes.
#[inline]
pub fn long(out: &mut Vec<u8>, value: i64) {
    varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// A `float`: four bytes, little-endian.
#[inline]
pub fn float(out: &mut Vec<u8>, value: f32) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// A `double`: eight bytes, little-endian.
#[inline]
pub fn double(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// Several `double`s in a row, as fields that follow one another are: cheaper than one at a time.
#[inline]
pub fn doubles<const N: usize>(out: &mut Vec<u8>, values: [f64; N]) {
    // An array of arrays is one run of bytes, and its size is known: one bounds test for all.
    out.extend_from_slice(values.map(f64::to_le_bytes).as_flattened());
}

/// `bytes`: the length as a `long`, then the bytes.
#[inline]
pub fn bytes(out: &mut Vec<u8>, value: &[u8]) {
    length(out, value.len());
    out.extend_from_slice(value);
}

/// A `string`: the length in bytes as a `long`, then UTF-8.
#[inline]
pub fn string(out: &mut Vec<u8>, value: &str) {
    bytes(out, value.as_bytes());
}

/// A `fixed`: its bytes.
#[inline]
pub fn fixed<const N: usize>(out: &mut Vec<u8>, value: &[u8; N]) {
    out.extend_from_slice(value);
}

/// The index of a union branch or of an enum symbol, counted from 0.
#[inline]
pub fn index(out: &mut Vec<u8>, index: usize) {
    length(out, index);
}

/// The start of an array of so many items: the head of its only block, or nothing for an empty array.
#[inline]
pub fn array_start(out: &mut Vec<u8>, items: usize) {
    if items > 0 {
        length(out, items);
    }
}

/// The end of an array: a block of no items.
#[inline]
pub fn array_end(out: &mut Vec<u8>) {
    out.push(0);
}

/// The start of a map of so many entries; each is its key by [`string`], then its value.
#[inline]
pub fn map_start(out: &mut Vec<u8>, entries: usize) {
    array_start(out, entries);
}

/// The end of a map: a block of no entries.
#[inline]
pub fn map_end(out: &mut Vec<u8>) {
    array_end(out);
}

/// A length or an index: a `long` that is not negative. No buffer in memory is longer than `i64::MAX`.
#[inline]
pub(super) fn length(out: &mut Vec<u8>, value: usize) {
    varint(out, (value as u64) << 1);
}

/// Seven bits a byte, the lowest first; the high bit says that more follow. A loop with a branch a byte: on real
/// records the lengths repeat, and the branch predictor beats bit tricks.
#[inline]
pub(super) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
