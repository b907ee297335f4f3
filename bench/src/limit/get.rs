//! Reading: a pointer and the end, and the tests that the caller asks for.

use std::marker::PhantomData;

use super::{Bad, Got, HIGH};
use crate::types::*;

/// What is still to be read.
pub struct Get<'a> {
    at: *const u8,
    end: *const u8,
    input: PhantomData<&'a [u8]>,
}

impl<'a> Get<'a> {
    #[inline(always)]
    pub(super) fn new(input: &'a [u8]) -> Self {
        let range = input.as_ptr_range();
        Self {
            at: range.start,
            end: range.end,
            input: PhantomData,
        }
    }

    #[inline(always)]
    pub(super) fn left(&self) -> usize {
        self.end as usize - self.at as usize
    }

    #[inline(always)]
    pub(super) fn need(&self, bytes: usize) -> Got<()> {
        if self.left() < bytes { Err(Bad) } else { Ok(()) }
    }

    /// There must be ten bytes.
    #[inline(always)]
    pub(super) unsafe fn varint_unchecked(&mut self) -> Got<u64> {
        unsafe {
            let mut bits = 0;
            let mut shift = 0;
            loop {
                let byte = *self.at;
                self.at = self.at.add(1);
                bits |= u64::from(byte & 0x7f) << shift;
                if byte < 0x80 {
                    return Ok(bits);
                }
                shift += 7;
                if shift > 63 {
                    return Err(Bad);
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn varint(&mut self) -> Got<u64> {
        if self.left() >= 10 {
            unsafe { self.varint_unchecked() }
        } else {
            self.varint_near_end()
        }
    }

    #[cold]
    pub(super) fn varint_near_end(&mut self) -> Got<u64> {
        let mut bits = 0;
        for shift in (0..64).step_by(7) {
            self.need(1)?;
            let byte = unsafe { *self.at };
            self.at = unsafe { self.at.add(1) };
            bits |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(bits);
            }
        }
        Err(Bad)
    }

    #[inline(always)]
    pub(super) unsafe fn int_unchecked(&mut self) -> Got<i32> {
        let bits = unsafe { self.varint_unchecked()? } as u32;
        Ok((bits >> 1) as i32 ^ -((bits & 1) as i32))
    }

    #[inline(always)]
    pub(super) unsafe fn long_unchecked(&mut self) -> Got<i64> {
        let bits = unsafe { self.varint_unchecked()? };
        Ok((bits >> 1) as i64 ^ -((bits & 1) as i64))
    }

    #[inline(always)]
    pub(super) fn int(&mut self) -> Got<i32> {
        let bits = self.varint()? as u32;
        Ok((bits >> 1) as i32 ^ -((bits & 1) as i32))
    }

    #[inline(always)]
    pub(super) fn long(&mut self) -> Got<i64> {
        let bits = self.varint()?;
        Ok((bits >> 1) as i64 ^ -((bits & 1) as i64))
    }

    #[inline(always)]
    pub(super) unsafe fn double(&mut self) -> f64 {
        unsafe {
            let value = f64::from_le_bytes(self.at.cast::<[u8; 8]>().read());
            self.at = self.at.add(8);
            value
        }
    }

    /// Text behind which there are at least `tail` bytes.
    #[inline(always)]
    pub(super) fn text(&mut self, tail: usize) -> Got<&'a str> {
        let length = self.varint()?;
        let room = self.left().wrapping_sub(tail);
        if length & 1 != 0 || self.left() < tail || length >> 1 > room as u64 {
            return Err(Bad);
        }
        let bytes = unsafe { std::slice::from_raw_parts(self.at, (length >> 1) as usize) };
        self.at = unsafe { self.at.add(bytes.len()) };
        if ascii(bytes) {
            Ok(unsafe { str::from_utf8_unchecked(bytes) })
        } else {
            str::from_utf8(bytes).map_err(|_| Bad)
        }
    }

    #[inline(always)]
    pub(super) unsafe fn position(&mut self) -> Position {
        unsafe {
            Position {
                x: self.double(),
                y: self.double(),
                z: self.double(),
            }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn vector(&mut self) -> Vector {
        unsafe {
            Vector {
                x: self.double(),
                y: self.double(),
                z: self.double(),
                magnitude: self.double(),
            }
        }
    }

    #[inline(always)]
    pub(super) fn track(&mut self) -> Got<Option<i32>> {
        match self.varint()? {
            0 => Ok(None),
            2 => Ok(Some(self.int()?)),
            _ => Err(Bad),
        }
    }

    /// How many items a block has of at least `least` bytes each.
    #[inline(always)]
    pub(super) fn count(&mut self, least: usize) -> Got<usize> {
        let count = self.long()?;
        if count < 0 {
            self.long()?;
        }
        let count = count.unsigned_abs();
        if count > (self.left() / least) as u64 {
            return Err(Bad);
        }
        Ok(count as usize)
    }

    #[inline(always)]
    pub(super) fn ints(&mut self, out: &mut Vec<i32>) -> Got<()> {
        loop {
            let count = self.count(1)?;
            if count == 0 {
                return Ok(());
            }
            out.reserve_exact(count);
            let start = out.len();
            unsafe {
                let to = out.as_mut_ptr().add(start);
                if self.left() / 10 >= count {
                    for i in 0..count {
                        to.add(i).write(self.int_unchecked()?);
                    }
                } else {
                    for i in 0..count {
                        to.add(i).write(self.int()?);
                    }
                }
                out.set_len(start + count);
            }
        }
    }

    #[inline(always)]
    pub(super) fn doubles(&mut self, out: &mut Vec<f64>) -> Got<()> {
        loop {
            let count = self.count(8)?;
            if count == 0 {
                return Ok(());
            }
            out.reserve_exact(count);
            let start = out.len();
            unsafe {
                let to = out.as_mut_ptr().add(start);
                for i in 0..count {
                    to.add(i).write(self.double());
                }
                out.set_len(start + count);
            }
        }
    }
}

/// Whether all bytes are ASCII, eight at a time.
#[inline(always)]
fn ascii(bytes: &[u8]) -> bool {
    let count = bytes.len();
    let word = |at: usize| unsafe { bytes.as_ptr().add(at).cast::<u64>().read_unaligned() };
    match count {
        8..=16 => (word(0) | word(count - 8)) & HIGH == 0,
        17..=32 => (word(0) | word(8) | word(count - 16) | word(count - 8)) & HIGH == 0,
        33..=64 => {
            let ends = word(0) | word(8) | word(count - 16) | word(count - 8);
            let middle = word(16) | word(24) | word(count - 32) | word(count - 24);
            (ends | middle) & HIGH == 0
        }
        _ => bytes.is_ascii(),
    }
}
