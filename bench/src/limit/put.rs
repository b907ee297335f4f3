//! Writing, with a pointer and no test.

use std::ptr;

use crate::types::*;

/// Where the next byte goes.
#[derive(Clone, Copy)]
pub struct Put(pub(super) *mut u8);

impl Put {
    #[inline(always)]
    pub(super) unsafe fn byte(&mut self, byte: u8) {
        unsafe {
            *self.0 = byte;
            self.0 = self.0.add(1);
        }
    }

    #[inline(always)]
    pub(super) unsafe fn varint(&mut self, mut bits: u64) {
        unsafe {
            while bits >= 0x80 {
                self.byte(bits as u8 | 0x80);
                bits >>= 7;
            }
            self.byte(bits as u8);
        }
    }

    #[inline(always)]
    pub(super) unsafe fn int(&mut self, value: i32) {
        unsafe { self.varint(u64::from(((value << 1) ^ (value >> 31)) as u32)) }
    }

    #[inline(always)]
    pub(super) unsafe fn long(&mut self, value: i64) {
        unsafe { self.varint(((value << 1) ^ (value >> 63)) as u64) }
    }

    #[inline(always)]
    pub(super) unsafe fn double(&mut self, value: f64) {
        unsafe {
            self.0.cast::<[u8; 8]>().write(value.to_le_bytes());
            self.0 = self.0.add(8);
        }
    }

    #[inline(always)]
    pub(super) unsafe fn raw(&mut self, bytes: &[u8]) {
        unsafe {
            copy(bytes.as_ptr(), self.0, bytes.len());
            self.0 = self.0.add(bytes.len());
        }
    }

    #[inline(always)]
    pub(super) unsafe fn text(&mut self, text: &str) {
        unsafe {
            self.varint((text.len() as u64) << 1);
            self.raw(text.as_bytes());
        }
    }

    #[inline(always)]
    pub(super) unsafe fn position(&mut self, p: &Position) {
        unsafe {
            self.double(p.x);
            self.double(p.y);
            self.double(p.z);
        }
    }

    #[inline(always)]
    pub(super) unsafe fn vector(&mut self, v: &Vector) {
        unsafe {
            self.double(v.x);
            self.double(v.y);
            self.double(v.z);
            self.double(v.magnitude);
        }
    }

    #[inline(always)]
    pub(super) unsafe fn track(&mut self, track: Option<i32>) {
        unsafe {
            match track {
                None => self.byte(0),
                Some(track) => {
                    self.byte(2);
                    self.int(track);
                }
            }
        }
    }

    #[inline(always)]
    pub(super) unsafe fn doubles(&mut self, values: &[f64]) {
        unsafe {
            if !values.is_empty() {
                self.varint((values.len() as u64) << 1);
                for value in values {
                    self.double(*value);
                }
            }
            self.byte(0);
        }
    }
}

/// Copies a few bytes without a call: two overlapping moves for each power of two.
#[inline(always)]
pub(super) unsafe fn copy(from: *const u8, to: *mut u8, count: usize) {
    #[inline(always)]
    unsafe fn ends<T: Copy>(from: *const u8, to: *mut u8, count: usize) {
        unsafe {
            let size = size_of::<T>();
            let first = from.cast::<T>().read_unaligned();
            let last = from.add(count - size).cast::<T>().read_unaligned();
            to.cast::<T>().write_unaligned(first);
            to.add(count - size).cast::<T>().write_unaligned(last);
        }
    }
    unsafe {
        match count {
            33..=64 => {
                let second = from.add(16).cast::<[u8; 16]>().read();
                let third = from.add(count - 32).cast::<[u8; 16]>().read();
                ends::<[u8; 16]>(from, to, count);
                to.add(16).cast::<[u8; 16]>().write(second);
                to.add(count - 32).cast::<[u8; 16]>().write(third);
            }
            16..=32 => ends::<[u8; 16]>(from, to, count),
            8..=15 => ends::<u64>(from, to, count),
            4..=7 => ends::<u32>(from, to, count),
            0 => {}
            1..=3 => {
                for i in 0..count {
                    *to.add(i) = *from.add(i);
                }
            }
            _ => ptr::copy_nonoverlapping(from, to, count),
        }
    }
}
