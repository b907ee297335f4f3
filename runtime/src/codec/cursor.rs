//! The two cursors below [`Writer`](super::Writer) and [`Reader`](super::Reader): the only `unsafe` code of this crate.
//!
//! They keep raw pointers in place of a slice and its length, and so do what safe code does not: a write to a `Vec` moves
//! one pointer, where `Vec::push` reads and stores pointer, capacity and length in memory; and a read of a number tests
//! the bounds once for as many bytes as it may have. `docs/design/050-codec.md` has what the codec takes with them.
//!
//! What makes it sound can be said in two invariants, and every function here keeps them by itself, whatever the callers
//! do; that is why none of them is `unsafe` to call:
//!
//! - [`Tail`]: `vec.as_mut_ptr() + vec.len() <= at <= end`, `end` is the end of the vector's capacity, and the bytes before
//!   `at` are initialized. Nobody else touches the vector while the cursor has it.
//! - [`Head`]: `start <= at <= end`, all within the slice that the cursor was made from, for whose lifetime it is bound.
//!
//! Each access is argued where it stands, and asserted in debug builds. `runtime/tests/codec/hostile.rs` feeds them with
//! changed and truncated records, as many as it is told to, and `.ci/codec-valgrind` runs it under valgrind.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ptr;

/// The most bytes of a number of variable length.
pub(super) const MAX_VARINT: usize = 10;

/// Bytes of which the high bit says that it is not ASCII.
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Appends to a vector: the place behind what was written, and the end of the capacity.
///
/// The vector has its new length when the cursor is [finished](Self::finish); one that is dropped appends nothing, or
/// what it had when it last grew.
#[derive(Debug)]
pub(super) struct Tail<'a> {
    vec: &'a mut Vec<u8>,
    at: *mut u8,
    end: *mut u8,
}

impl<'a> Tail<'a> {
    /// Behind the bytes of `vec`, with room for `room` more.
    #[inline(always)]
    pub(super) fn new(vec: &'a mut Vec<u8>, room: usize) -> Self {
        vec.reserve(room);
        let spare = vec.spare_capacity_mut().as_mut_ptr_range();
        Self {
            at: spare.start.cast(),
            end: spare.end.cast(),
            vec,
        }
    }

    /// The vector with what was written.
    #[inline(always)]
    pub(super) fn finish(self) {
        let length = self.at.addr() - self.vec.as_ptr().addr();
        debug_assert!(self.vec.len() <= length && length <= self.vec.capacity());
        // SAFETY: by the invariant `at` is within the vector's capacity, and the bytes before it are initialized.
        unsafe { self.vec.set_len(length) }
    }

    /// Makes room for `more` bytes.
    #[inline(always)]
    fn need(&mut self, more: usize) {
        if self.end.addr() - self.at.addr() < more {
            // The parts and not `self`: an address of the cursor that got out would keep it out of registers.
            (self.at, self.end) = grow(self.vec, self.at, more);
        }
        debug_assert!(self.end.addr() - self.at.addr() >= more);
    }

    /// Writes so many bytes.
    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        self.need(N);
        // SAFETY: there is room for N bytes.
        unsafe { self.array_in_room(bytes) }
    }

    /// Writes arrays of so many bytes each, with one test for all.
    #[inline(always)]
    pub(super) fn arrays<const N: usize, const M: usize>(&mut self, arrays: [[u8; M]; N]) {
        self.need(N * M);
        for array in arrays {
            // SAFETY: there is room for N of them.
            unsafe { self.array_in_room(array) }
        }
    }

    /// Writes what `bytes` makes of each item, with one test for all.
    #[inline(always)]
    pub(super) fn all<T: Copy, const M: usize>(&mut self, items: &[T], bytes: impl Fn(T) -> [u8; M]) {
        // A slice has at most `isize::MAX` bytes. Where M were more than an item has, saturating asks for too much.
        self.need(items.len().saturating_mul(M));
        for item in items {
            // SAFETY: there is room for M bytes for each item.
            unsafe { self.array_in_room(bytes(*item)) }
        }
    }

    /// Writes the bytes.
    #[inline(always)]
    pub(super) fn slice(&mut self, bytes: &[u8]) {
        self.need(bytes.len());
        // SAFETY: there is room for them.
        unsafe { self.slice_in_room(bytes) }
    }

    /// Writes a number of variable length.
    #[inline(always)]
    pub(super) fn varint(&mut self, bits: u64) {
        self.need(MAX_VARINT);
        // SAFETY: there is room for it.
        unsafe { self.varint_in_room(bits) }
    }

    /// Writes a length, as a `long` that is not negative, and the bytes.
    #[inline(always)]
    pub(super) fn sized(&mut self, bytes: &[u8]) {
        // A slice is never longer than `isize::MAX`, so neither the sum nor the shift overflows.
        self.need(MAX_VARINT + bytes.len());
        // SAFETY: there is room for both.
        unsafe {
            self.varint_in_room((bytes.len() as u64) << 1);
            self.slice_in_room(bytes);
        }
    }

    /// Seven bits a byte, the lowest first; the high bit says that more follow. A loop with a branch a byte: on real
    /// records the lengths repeat, and the branch predictor beats bit tricks.
    ///
    /// # Safety
    /// There is room for [`MAX_VARINT`] bytes.
    #[inline(always)]
    unsafe fn varint_in_room(&mut self, mut bits: u64) {
        // SAFETY: 64 bits are at most MAX_VARINT groups of seven, so at most as many bytes are written.
        unsafe {
            while bits >= 0x80 {
                *self.at = bits as u8 | 0x80;
                self.at = self.at.add(1);
                bits >>= 7;
            }
            *self.at = bits as u8;
            self.at = self.at.add(1);
        }
        debug_assert!(self.at <= self.end);
    }

    /// # Safety
    /// There is room for N bytes.
    #[inline(always)]
    unsafe fn array_in_room<const N: usize>(&mut self, bytes: [u8; N]) {
        debug_assert!(N <= self.end.addr() - self.at.addr());
        // SAFETY: the caller's; behind them `at` is not beyond `end`.
        unsafe {
            self.at.cast::<[u8; N]>().write_unaligned(bytes);
            self.at = self.at.add(N);
        }
    }

    /// # Safety
    /// There is room for the bytes.
    #[inline(always)]
    unsafe fn slice_in_room(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= self.end.addr() - self.at.addr());
        // SAFETY: the caller's; and the bytes are not the vector's, which the cursor has alone.
        unsafe {
            copy_short(bytes.as_ptr(), self.at, bytes.len());
            self.at = self.at.add(bytes.len());
        }
    }
}

/// More room. What was written so far becomes part of the vector, so that it is kept when the vector moves.
#[cold]
#[inline(never)]
fn grow(vec: &mut Vec<u8>, at: *mut u8, more: usize) -> (*mut u8, *mut u8) {
    let length = at.addr() - vec.as_ptr().addr();
    debug_assert!(vec.len() <= length && length <= vec.capacity());
    // SAFETY: `at` is the cursor's: within the capacity, and the bytes before it are initialized.
    unsafe { vec.set_len(length) };
    vec.reserve(more);
    let spare = vec.spare_capacity_mut().as_mut_ptr_range();
    (spare.start.cast(), spare.end.cast())
}

/// Copies bytes; up to 64 of them without a call, by two or four moves that overlap where the count is no power of two.
///
/// # Safety
/// `count` bytes can be read at `from` and written at `to`, and they do not overlap.
#[inline(always)]
unsafe fn copy_short(from: *const u8, to: *mut u8, count: usize) {
    /// Copies the first and the last `T`, which may overlap.
    ///
    /// # Safety
    /// As for `copy_short`, and `count` is at least the size of a `T` and at most twice that.
    #[inline(always)]
    unsafe fn ends<T: Copy>(from: *const u8, to: *mut u8, count: usize) {
        debug_assert!(size_of::<T>() <= count && count <= 2 * size_of::<T>());
        // SAFETY: both ends are within `count` bytes, because that is no less than a `T`.
        unsafe {
            let last = count - size_of::<T>();
            let (a, b) = (
                from.cast::<T>().read_unaligned(),
                from.add(last).cast::<T>().read_unaligned(),
            );
            to.cast::<T>().write_unaligned(a);
            to.add(last).cast::<T>().write_unaligned(b);
        }
    }
    // SAFETY: the caller's. Each arm writes the bytes 0 to `count` and no others; `ends` has its counts.
    unsafe {
        match count {
            33..=64 => {
                ends::<[u8; 16]>(from, to, 32);
                ends::<[u8; 16]>(from.add(count - 32), to.add(count - 32), 32);
            }
            16..=32 => ends::<[u8; 16]>(from, to, count),
            8..=15 => ends::<u64>(from, to, count),
            4..=7 => ends::<u32>(from, to, count),
            2..=3 => ends::<u16>(from, to, count),
            1 => *to = *from,
            0 => {}
            _ => ptr::copy_nonoverlapping(from, to, count),
        }
    }
}

/// Reads from a slice: the place of the next byte, and the end.
#[derive(Clone, Debug)]
pub(super) struct Head<'a> {
    start: *const u8,
    at: *const u8,
    end: *const u8,
    input: PhantomData<&'a [u8]>,
}

// SAFETY: it is a slice by other means, and a slice may be sent and shared.
unsafe impl Send for Head<'_> {}
// SAFETY: as above; nothing is changed through a shared one.
unsafe impl Sync for Head<'_> {}

impl<'a> Head<'a> {
    /// At the first byte.
    #[inline(always)]
    pub(super) fn new(input: &'a [u8]) -> Self {
        let range = input.as_ptr_range();
        Self {
            start: range.start,
            at: range.start,
            end: range.end,
            input: PhantomData,
        }
    }

    /// Bytes read so far.
    #[inline(always)]
    pub(super) fn offset(&self) -> usize {
        self.at.addr() - self.start.addr()
    }

    /// Bytes not yet read.
    #[inline(always)]
    pub(super) fn left(&self) -> usize {
        self.end.addr() - self.at.addr()
    }

    /// Moves behind `count` bytes, of which the caller has seen that they are there.
    ///
    /// # Safety
    /// At least `count` bytes are left.
    #[inline(always)]
    unsafe fn skip(&mut self, count: usize) {
        debug_assert!(count <= self.left());
        // SAFETY: the caller's: not beyond `end`.
        self.at = unsafe { self.at.add(count) };
    }

    /// The next byte.
    #[inline(always)]
    pub(super) fn byte(&mut self) -> Option<u8> {
        if self.left() == 0 {
            return None;
        }
        // SAFETY: a byte is left.
        unsafe {
            let byte = *self.at;
            self.skip(1);
            Some(byte)
        }
    }

    /// The next `N` bytes.
    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        if self.left() < N {
            return None;
        }
        // SAFETY: N bytes are left, and they live as long as 'a.
        unsafe {
            let array = &*self.at.cast::<[u8; N]>();
            self.skip(N);
            Some(array)
        }
    }

    /// The next `N` arrays of `M` bytes each, with one test for all.
    #[inline(always)]
    pub(super) fn arrays<const N: usize, const M: usize>(&mut self) -> Option<[[u8; M]; N]> {
        let size = const { N * M };
        if self.left() < size {
            return None;
        }
        // SAFETY: so many bytes are left, an array of arrays of bytes has no padding, and any bytes are one.
        unsafe {
            let arrays = self.at.cast::<[[u8; M]; N]>().read();
            self.skip(size);
            Some(arrays)
        }
    }

    /// The next `count` bytes.
    #[inline(always)]
    pub(super) fn slice(&mut self, count: u64) -> Option<&'a [u8]> {
        if count > self.left() as u64 {
            return None;
        }
        // SAFETY: `count` bytes are left, so it fits a `usize`, and they live as long as 'a.
        unsafe {
            let slice = std::slice::from_raw_parts(self.at, count as usize);
            self.skip(slice.len());
            Some(slice)
        }
    }

    /// The bits of a number of at most `MAX` bytes, which is at most [`MAX_VARINT`]; bits beyond the 64th are dropped. `None`
    /// where the input ends before the number does, or the number goes on behind its last possible byte: then the cursor
    /// stays where it is.
    #[inline(always)]
    pub(super) fn varint<const MAX: usize>(&mut self) -> Option<u64> {
        const { assert!(MAX <= MAX_VARINT) };
        if self.left() < MAX {
            return self.varint_near_end::<MAX>();
        }
        let mut bits = 0;
        let mut count = 0;
        // Not a `for`, which would be unrolled to ten times the code wherever a number is read.
        while count < MAX {
            debug_assert!(count < self.left());
            // SAFETY: MAX bytes are left, and the count of those read is below MAX.
            let byte = unsafe { *self.at.add(count) };
            bits |= u64::from(byte & 0x7f) << (7 * count);
            count += 1;
            if byte < 0x80 {
                // SAFETY: so many bytes were read.
                unsafe { self.skip(count) };
                return Some(bits);
            }
        }
        None
    }

    /// The same where the input might end: with a test a byte.
    #[inline(always)]
    fn varint_near_end<const MAX: usize>(&mut self) -> Option<u64> {
        // Many a record ends with numbers of one byte.
        if let [first @ ..0x80, ..] = *self.rest() {
            // SAFETY: a byte is left.
            unsafe { self.skip(1) };
            return Some(u64::from(first));
        }
        let (bits, length) = varint_in(self.rest(), MAX)?;
        // SAFETY: the number is within the rest.
        unsafe { self.skip(length) };
        Some(bits)
    }

    /// All that is left.
    #[inline(always)]
    pub(super) fn rest(&self) -> &'a [u8] {
        // SAFETY: by the invariant these bytes are the slice's, which lives as long as 'a.
        unsafe { std::slice::from_raw_parts(self.at, self.left()) }
    }
}

/// A number and its length. By value, so that the cursor's address does not get out.
#[inline(never)]
fn varint_in(rest: &[u8], limit: usize) -> Option<(u64, usize)> {
    let mut bits = 0;
    for (i, &byte) in rest.iter().take(limit).enumerate() {
        bits |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            return Some((bits, i + 1));
        }
    }
    None
}

/// The text that the bytes are. Most text is ASCII, and to see that takes a third of the time of the whole check.
#[inline(always)]
pub(super) fn text(bytes: &[u8]) -> Result<&str, std::str::Utf8Error> {
    if is_ascii(bytes) {
        // SAFETY: ASCII is UTF-8.
        return Ok(unsafe { str::from_utf8_unchecked(bytes) });
    }
    str::from_utf8(bytes)
}

/// Whether all bytes are ASCII: up to 64 of them by words that overlap, without a loop.
#[inline(always)]
fn is_ascii(bytes: &[u8]) -> bool {
    let count = bytes.len();
    let word = |at: usize| {
        debug_assert!(at + 8 <= count);
        // SAFETY: each arm below asks for words that end within `count` bytes.
        unsafe { bytes.as_ptr().add(at).cast::<u64>().read_unaligned() }
    };
    let bits = match count {
        8..=16 => word(0) | word(count - 8),
        17..=32 => word(0) | word(8) | word(count - 16) | word(count - 8),
        33..=64 => {
            let first = word(0) | word(8) | word(16) | word(24);
            let last = word(count - 32) | word(count - 24) | word(count - 16) | word(count - 8);
            first | last
        }
        _ => return bytes.is_ascii(),
    };
    bits & HIGH_BITS == 0
}

/// Text of its own, of just the size that it needs.
#[inline(always)]
pub(super) fn owned(text: &str) -> String {
    let mut bytes: Vec<u8> = Vec::with_capacity(text.len());
    // SAFETY: the vector is new, so the bytes do not overlap, has room for all of them, and they are UTF-8.
    unsafe {
        copy_short(text.as_ptr(), bytes.as_mut_ptr(), text.len());
        bytes.set_len(text.len());
        String::from_utf8_unchecked(bytes)
    }
}

/// Puts the text in place of another, in the same memory where there is enough.
#[inline(always)]
pub(super) fn replace(place: &mut String, text: &str) {
    place.clear();
    place.reserve(text.len());
    // SAFETY: `place` is empty, so there is room for all bytes in it, they cannot overlap because `place` is borrowed as
    // `&mut`, and they are UTF-8.
    unsafe {
        let bytes = place.as_mut_vec();
        debug_assert!(bytes.is_empty() && text.len() <= bytes.capacity());
        copy_short(text.as_ptr(), bytes.as_mut_ptr(), text.len());
        bytes.set_len(text.len());
    }
}
