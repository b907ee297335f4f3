//! Records whose fields are in another order, while a program runs: what is read is put into place in pieces.

use std::ops::Range;

use crate::wire::Cursor;

use super::program::{Part, Piece, Reorder};
use super::run::{Run, Stop};

/// Records of so many places are put into order without memory of their own.
const INLINE_PLACES: usize = 32;

/// Bytes that are copied at once: a piece of up to so many takes no call, and what is behind it is copied over by the next.
const SHORT: usize = 64;

impl Run<'_> {
    /// Reads such a record, and appends it.
    pub(super) fn put_in_order(
        &self,
        reorder: &Reorder,
        input: &mut Cursor<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        let base = out.len();
        let start = input.offset();
        let mut places = Places::new(reorder.places);
        let mut noted = places.get(reorder.places).iter_mut();
        // Where each part begins that was written, and where the last one ends.
        let mut writes = Vec::with_capacity(reorder.writes);
        for part in &reorder.parts {
            match part {
                Part::Walk(block) => self.note(*block, input, &mut noted)?,
                Part::Write(block) => {
                    writes.push(out.len());
                    self.write(*block, input, out)?;
                }
            }
        }
        let written = out.len();
        writes.push(written);
        let most = (written - base) + (input.offset() - start) + reorder.known;
        out.resize(written + most + SHORT, 0);
        let (before, after) = out.split_at_mut(written);
        let places = places.get(reorder.places);
        let count = self.put_pieces(reorder, input.whole(), places, (before, &writes), after);
        out.truncate(written + count);
        if written > base {
            out.drain(base..written);
        }
        Ok(())
    }

    /// Reads such a record of which nothing is written, and puts it at the start of the buffer; how many bytes it is.
    #[inline]
    pub(super) fn put_together(
        &self,
        reorder: &Reorder,
        input: &mut Cursor<'_>,
        buffer: &mut Vec<u8>,
    ) -> Result<usize, Stop> {
        let mut places = Places::new(reorder.places);
        let places = places.get(reorder.places);
        let mut noted = places.iter_mut();
        for part in &reorder.parts {
            match part {
                Part::Walk(block) => self.note(*block, input, &mut noted)?,
                Part::Write(_) => return Err(Stop),
            }
        }
        let most = input.offset() + reorder.known + SHORT;
        if buffer.len() < most {
            buffer.resize(most, 0);
        }
        Ok(self.put_pieces(reorder, input.whole(), places, (&[], &[]), buffer))
    }

    /// Reads a block, and notes where it begins and where its steps end.
    #[inline(always)]
    fn note(
        &self,
        block: super::program::Block,
        input: &mut Cursor<'_>,
        noted: &mut std::slice::IterMut<'_, usize>,
    ) -> Result<(), Stop> {
        let mut note = |at| {
            if let Some(place) = noted.next() {
                *place = at;
            }
        };
        note(input.offset());
        self.steps(block, input, note)
    }

    /// Copies the pieces to the start of `to`; how many bytes they are.
    #[inline(always)]
    fn put_pieces(
        &self,
        reorder: &Reorder,
        read: &[u8],
        places: &[usize],
        (written, writes): (&[u8], &[usize]),
        to: &mut [u8],
    ) -> usize {
        let mut at = 0;
        for piece in &reorder.pieces {
            let (from, range) = match *piece {
                Piece::Input(from, to) => (read, between(places, from, to)),
                Piece::Output(write) => (written, between(writes, write, write + 1)),
                Piece::Put(bytes) => (self.program.constants(), bytes.as_range()),
            };
            at += copy(from, range, to, at);
        }
        at
    }
}

/// Room for places.
struct Places {
    few: [usize; INLINE_PLACES],
    many: Vec<usize>,
}

impl Places {
    #[inline]
    fn new(count: usize) -> Self {
        Self {
            few: [0; INLINE_PLACES],
            many: match count > INLINE_PLACES {
                true => vec![0; count],
                false => Vec::new(),
            },
        }
    }

    #[inline]
    fn get(&mut self, count: usize) -> &mut [usize] {
        match self.few.get_mut(..count) {
            Some(few) => few,
            None => &mut self.many,
        }
    }
}

/// What is between two places.
#[inline(always)]
fn between(places: &[usize], from: u32, to: u32) -> Range<usize> {
    match (places.get(from as usize), places.get(to as usize)) {
        (Some(from), Some(to)) => *from..*to,
        _ => 0..0,
    }
}

/// Copies a range to an offset, and returns how long it is.
#[inline]
fn copy(from: &[u8], range: Range<usize>, to: &mut [u8], at: usize) -> usize {
    let count = range.len();
    if count <= SHORT / 2 {
        if copy_chunk::<{ SHORT / 2 }>(from, range.start, to, at) {
            return count;
        }
    } else if count <= SHORT && copy_chunk::<SHORT>(from, range.start, to, at) {
        return count;
    }
    match (from.get(range), to.get_mut(at..at + count)) {
        (Some(from), Some(to)) => to.copy_from_slice(from),
        // Not reached: there is room for all pieces.
        _ => return 0,
    }
    count
}

/// Copies `N` bytes, if there are so many on both sides.
#[inline(always)]
fn copy_chunk<const N: usize>(from: &[u8], start: usize, to: &mut [u8], at: usize) -> bool {
    let from = from.get(start..).and_then(<[u8]>::first_chunk::<N>);
    let to = to.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<N>);
    match (from, to) {
        (Some(from), Some(to)) => {
            *to = *from;
            true
        }
        _ => false,
    }
}
