//! Fields of which there are two kinds: text owned or borrowed, identifiers and instants plain or typed.

use std::ptr;

use chrono::DateTime;
use uuid::Uuid;

use super::get::Get;
use super::put::{Put, copy};
use super::{Bad, Got};
use crate::types::*;

/// Text: owned or borrowed.
pub trait Text<'a>: Sized {
    fn of(text: &'a str) -> Self;
    fn as_text(&self) -> &str;
}

impl<'a> Text<'a> for String {
    #[inline(always)]
    fn of(text: &'a str) -> Self {
        let mut bytes = Vec::with_capacity(text.len());
        unsafe {
            copy(text.as_ptr(), bytes.as_mut_ptr(), text.len());
            bytes.set_len(text.len());
            String::from_utf8_unchecked(bytes)
        }
    }

    #[inline(always)]
    fn as_text(&self) -> &str {
        self
    }
}

impl<'a> Text<'a> for &'a str {
    #[inline(always)]
    fn of(text: &'a str) -> Self {
        text
    }

    #[inline(always)]
    fn as_text(&self) -> &str {
        self
    }
}

/// The identifier: text, or a UUID.
pub trait Id<'a>: Sized {
    fn size(&self) -> usize;
    unsafe fn put(&self, out: &mut Put);
    fn get(input: &mut Get<'a>, tail: usize) -> Got<Self>;
}

macro_rules! text_id {
    ($ty:ty) => {
        impl<'a> Id<'a> for $ty {
            #[inline(always)]
            fn size(&self) -> usize {
                self.len()
            }

            #[inline(always)]
            unsafe fn put(&self, out: &mut Put) {
                unsafe { out.text(self) }
            }

            #[inline(always)]
            fn get(input: &mut Get<'a>, tail: usize) -> Got<Self> {
                input.text(tail).map(Text::of)
            }
        }
    };
}
text_id!(String);
text_id!(&'a str);

impl<'a> Id<'a> for Uuid {
    #[inline(always)]
    fn size(&self) -> usize {
        36
    }

    #[inline(always)]
    unsafe fn put(&self, out: &mut Put) {
        unsafe {
            out.byte(72);
            self.hyphenated()
                .encode_lower(&mut *ptr::slice_from_raw_parts_mut(out.0, 36));
            out.0 = out.0.add(36);
        }
    }

    #[inline(always)]
    fn get(input: &mut Get<'a>, tail: usize) -> Got<Self> {
        Uuid::try_parse_ascii(input.text(tail)?.as_bytes()).map_err(|_| Bad)
    }
}

/// An instant: a number, or chrono's.
pub trait Time: Sized {
    fn micros(&self) -> i64;
    fn of(micros: i64) -> Got<Self>;
}

impl Time for i64 {
    #[inline(always)]
    fn micros(&self) -> i64 {
        *self
    }

    #[inline(always)]
    fn of(micros: i64) -> Got<Self> {
        Ok(micros)
    }
}

impl Time for Instant {
    #[inline(always)]
    fn micros(&self) -> i64 {
        self.0.timestamp_micros()
    }

    #[inline(always)]
    fn of(micros: i64) -> Got<Self> {
        DateTime::from_timestamp_micros(micros).map(Instant).ok_or(Bad)
    }
}

/// Text in place of another.
#[inline(always)]
pub(super) fn set(place: &mut String, text: &str) {
    place.clear();
    place.push_str(text);
}
