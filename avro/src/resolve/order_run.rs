//! Records whose fields are in another order, while a program runs: what is read is put into place in pieces.

use std::ops::Range;

use crate::wire::Cursor;

use super::program::{Part, Piece, Reorder};
use super::run::{Run, Stop};

/// Records of so many places are put into order without memory of their own.
const INLINE_PLACES: usize = 32;

/// A piece of up to so many bytes is copied without a call.
const SHORT: usize = 2 * HALF;

/// As many bytes are copied at once: what is behind a piece is copied over by the next.
pub(super) const HALF: usize = 32;

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
        out.resize(written + most + HALF, 0);
        let (before, after) = out.split_at_mut(written);
        let places = places.get(reorder.places);
        let output = |at: u32| (&*before, between(&writes, at, at + 1));
        let count = self.put_pieces(reorder, input.whole(), places, output, after);
        out.truncate(written + count);
        if written > base {
            out.drain(base..written);
        }
        Ok(())
    }

    /// Reads such a record of which nothing is written, and puts it at the start of the buffer; how many bytes it is.
    #[inline(never)]
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
        let most = input.offset() + reorder.known + HALF;
        if buffer.len() < most {
            buffer.resize(most, 0);
        }
        Ok(self.put_pieces(reorder, input.whole(), places, |_| (&[], 0..0), buffer))
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

    /// Copies the pieces to the start of `to`; how many bytes they are. `output` has those that were written.
    #[inline(always)]
    fn put_pieces<'w>(
        &self,
        reorder: &Reorder,
        read: &[u8],
        places: &[usize],
        output: impl Fn(u32) -> (&'w [u8], Range<usize>),
        to: &mut [u8],
    ) -> usize {
        let mut at = 0;
        for piece in &reorder.pieces {
            at += match *piece {
                Piece::Input(from, end) => copy(read, between(places, from, end), to, at),
                Piece::Output(write) => {
                    let (written, range) = output(write);
                    copy(written, range, to, at)
                }
                Piece::Put(bytes) => copy(self.program.constants(), bytes.as_range(), to, at),
            };
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
#[inline(always)]
fn copy(from: &[u8], range: Range<usize>, to: &mut [u8], at: usize) -> usize {
    let count = range.len();
    let done = if count <= HALF {
        copy_half(from, range.start, to, at)
    } else {
        count <= SHORT && copy_ends(from, range.clone(), to, at)
    };
    if done {
        return count;
    }
    copy_all(from, range, to, at)
}

/// Copies as many bytes as half a short piece has, if there are so many on both sides: what is behind the piece too.
#[inline(always)]
fn copy_half(from: &[u8], start: usize, to: &mut [u8], at: usize) -> bool {
    let from = from.get(start..).and_then(<[u8]>::first_chunk::<HALF>);
    let to = to.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<HALF>);
    match (from, to) {
        (Some(from), Some(to)) => {
            *to = *from;
            true
        }
        _ => false,
    }
}

/// Copies a piece by its first and its last bytes, which may overlap.
#[inline(always)]
fn copy_ends(from: &[u8], range: Range<usize>, to: &mut [u8], at: usize) -> bool {
    let to = to.get_mut(at..at.saturating_add(range.len()));
    let (Some(from), Some(to)) = (from.get(range), to) else {
        return false;
    };
    let (Some(first), Some(last)) = (from.first_chunk::<HALF>(), from.last_chunk::<HALF>()) else {
        return false;
    };
    if let Some(to) = to.first_chunk_mut() {
        *to = *first;
    }
    if let Some(to) = to.last_chunk_mut() {
        *to = *last;
    }
    true
}

/// Copies a long piece, or one at the end of what it is copied from.
#[inline(never)]
fn copy_all(from: &[u8], range: Range<usize>, to: &mut [u8], at: usize) -> usize {
    let count = range.len();
    match (from.get(range), to.get_mut(at..at + count)) {
        (Some(from), Some(to)) => to.copy_from_slice(from),
        // Not reached: there is room for all pieces.
        _ => return 0,
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_is_copied_wherever_it_is_and_nothing_before_it() {
        let from: Vec<u8> = (0..=255).collect();
        for count in 0..=2 * SHORT {
            for start in [0, 1, 255 - count] {
                for room in [count, count + 1, count + HALF] {
                    let mut to = vec![7; 3 + room];
                    assert_eq!(copy(&from[..255], start..start + count, &mut to, 3), count);
                    assert_eq!(to[..3], [7; 3]);
                    assert_eq!(to[3..][..count], from[start..][..count], "{count} from {start}");
                }
            }
        }
    }
}
