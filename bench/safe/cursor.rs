//! The two cursors of `runtime/src/codec/cursor.rs` over safe slices: what that module's `unsafe` is measured against.
//!
//! It takes the module's place by hand, and nothing else changes:
//!
//! ```text
//! cp bench/safe/cursor.rs runtime/src/codec/cursor.rs
//! cargo build --release --manifest-path bench/Cargo.toml
//! ```
//!
//! Both programs then run in turns; `docs/design/050-codec.md` has what they took. It is the same codec otherwise: room is
//! made once a record (with zeros, because only bytes can be written over), and there is one test for a run of doubles and
//! for as many bytes as a number may have. With `extend_from_slice` for each value writing took nearly twice as long again.

/// Appends to a vector that is lengthened with zeros beforehand.
#[derive(Debug)]
pub(super) struct Tail<'a> {
    vec: &'a mut Vec<u8>,
    at: usize,
}

impl<'a> Tail<'a> {
    #[inline(always)]
    pub(super) fn new(vec: &'a mut Vec<u8>, room: usize) -> Self {
        let at = vec.len();
        vec.resize(at + room, 0);
        Self { vec, at }
    }

    #[inline(always)]
    pub(super) fn finish(self) {
        self.vec.truncate(self.at);
    }

    #[inline(always)]
    fn need(&mut self, more: usize) {
        if self.vec.len() - self.at < more {
            grow(self.vec, self.at, more);
        }
    }

    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self, bytes: [u8; N]) {
        self.need(N);
        if let Some(to) = self.vec.get_mut(self.at..).and_then(|to| to.first_chunk_mut()) {
            *to = bytes;
            self.at += N;
        }
    }

    #[inline(always)]
    pub(super) fn arrays<const N: usize, const M: usize>(&mut self, arrays: [[u8; M]; N]) {
        self.slice(arrays.as_flattened());
    }

    #[inline(always)]
    pub(super) fn all<T: Copy, const M: usize>(&mut self, items: &[T], bytes: impl Fn(T) -> [u8; M]) {
        self.need(items.len().saturating_mul(M));
        for item in items {
            self.array(bytes(*item));
        }
    }

    #[inline(always)]
    pub(super) fn slice(&mut self, bytes: &[u8]) {
        self.need(bytes.len());
        if let Some(to) = self.vec.get_mut(self.at..self.at + bytes.len()) {
            to.copy_from_slice(bytes);
            self.at += bytes.len();
        }
    }

    #[inline(always)]
    pub(super) fn varint(&mut self, mut bits: u64) {
        self.need(MAX_VARINT);
        let Some(to) = self
            .vec
            .get_mut(self.at..)
            .and_then(|to| to.first_chunk_mut::<MAX_VARINT>())
        else {
            return;
        };
        let mut count = 0;
        while bits >= 0x80 && count < MAX_VARINT - 1 {
            to[count] = bits as u8 | 0x80;
            bits >>= 7;
            count += 1;
        }
        to[count] = bits as u8;
        self.at += count + 1;
    }

    #[inline(always)]
    pub(super) fn sized(&mut self, bytes: &[u8]) {
        self.varint((bytes.len() as u64) << 1);
        self.slice(bytes);
    }
}

#[cold]
#[inline(never)]
fn grow(vec: &mut Vec<u8>, at: usize, more: usize) {
    vec.resize(at + more, 0);
}

/// Reads from a slice: what is left, and how much there was.
#[derive(Clone, Debug)]
pub(super) struct Head<'a> {
    whole: usize,
    rest: &'a [u8],
}

impl<'a> Head<'a> {
    #[inline(always)]
    pub(super) fn new(input: &'a [u8]) -> Self {
        Self {
            whole: input.len(),
            rest: input,
        }
    }

    #[inline(always)]
    pub(super) fn offset(&self) -> usize {
        self.whole - self.rest.len()
    }

    #[inline(always)]
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    #[inline(always)]
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    #[inline(always)]
    pub(super) fn array<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(array)
    }

    #[inline(always)]
    pub(super) fn arrays<const N: usize, const M: usize>(&mut self) -> Option<[[u8; M]; N]> {
        let (run, rest) = self.rest.split_at_checked(const { N * M })?;
        let mut arrays = [[0; M]; N];
        arrays.as_flattened_mut().copy_from_slice(run);
        self.rest = rest;
        Some(arrays)
    }

    #[inline(always)]
    pub(super) fn slice(&mut self, count: u64) -> Option<&'a [u8]> {
        let (slice, rest) = self.rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.rest = rest;
        Some(slice)
    }

    #[inline(always)]
    pub(super) fn varint<const MAX: usize>(&mut self) -> Option<u64> {
        const { assert!(MAX <= MAX_VARINT) };
        let Some(chunk) = self.rest.first_chunk::<MAX>() else {
            return self.varint_near_end::<MAX>();
        };
        let mut bits = 0;
        let mut count = 0;
        while count < MAX {
            let byte = chunk[count];
            bits |= u64::from(byte & 0x7f) << (7 * count);
            count += 1;
            if byte < 0x80 {
                self.rest = &self.rest[count..];
                return Some(bits);
            }
        }
        None
    }

    #[inline(always)]
    fn varint_near_end<const MAX: usize>(&mut self) -> Option<u64> {
        if let [first @ ..0x80, rest @ ..] = self.rest {
            self.rest = rest;
            return Some(u64::from(*first));
        }
        let (bits, length) = varint_in(self.rest, MAX)?;
        self.rest = self.rest.get(length..)?;
        Some(bits)
    }
}

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

#[inline(always)]
pub(super) fn text(bytes: &[u8]) -> Result<&str, std::str::Utf8Error> {
    str::from_utf8(bytes)
}

#[inline(always)]
pub(super) fn owned(text: &str) -> String {
    String::from(text)
}

#[inline(always)]
pub(super) fn replace(place: &mut String, text: &str) {
    place.clear();
    place.push_str(text);
}
