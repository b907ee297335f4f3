//! Reading of arrays and maps: blocks of items, each headed by its count.
//!
//! A count is a claim of whoever sent the bytes. It is held against the bytes that are left before anything is done
//! with it, and no more than a little memory is set aside for it: the rest grows as items are really there.

use fleetops_avro::wire::{DecodeError, DecodeErrorKind, MAX_EMPTY_ITEMS};

use super::Reader;
use super::cursor::Head;
use super::reader::negative_size;

/// Memory set aside for a collection before its items are seen, in bytes.
const EAGER_BYTES: usize = 64 * 1024;

/// The items of an array, or the entries of a map, that are still to be read.
///
/// ```
/// use fleetops_runtime::codec::{DecodeError, Reader};
///
/// fn longs(r: &mut Reader<'_>) -> Result<Vec<i64>, DecodeError> {
///     let mut blocks = r.array(1)?;
///     let mut items = blocks.new_vec();
///     while blocks.next(r)? {
///         items.push(r.long()?);
///     }
///     Ok(items)
/// }
/// // One block of two items, one of one item with its size in bytes, the end.
/// assert_eq!(longs(&mut Reader::new(&[4, 2, 4, 1, 2, 6, 0])), Ok(vec![1, 2, 3]));
/// ```
#[derive(Clone, Debug)]
pub struct Blocks {
    left: u64,
    min_item_bytes: usize,
    ended: bool,
}

impl Blocks {
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn start(r: &mut Reader<'_>, min_item_bytes: usize) -> Result<Self, DecodeError> {
        let mut blocks = Self {
            left: 0,
            min_item_bytes,
            ended: false,
        };
        blocks.next_block(r)?;
        Ok(blocks)
    }

    /// Whether another item follows; if so, the caller reads it next.
    ///
    /// # Errors
    /// At the end of the input, and where a block claims more items than the bytes left can hold, or more than
    /// [`MAX_EMPTY_ITEMS`] that take no bytes in one datum.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[allow(clippy::should_implement_trait)] // it takes the reader, which the items need too
    pub fn next(&mut self, r: &mut Reader<'_>) -> Result<bool, DecodeError> {
        if self.left == 0 {
            if self.ended {
                return Ok(false);
            }
            self.next_block(r)?;
            if self.ended {
                return Ok(false);
            }
        }
        self.left -= 1;
        Ok(true)
    }

    /// A vector for the items, with room for those of the block at hand, and at most 64 KiB.
    #[inline]
    pub fn new_vec<T>(&self) -> Vec<T> {
        Vec::with_capacity(self.capacity::<T>())
    }

    /// Empties a vector for the items, and makes room as [`new_vec`](Self::new_vec) does.
    #[inline]
    pub fn clear<T>(&self, items: &mut Vec<T>) {
        items.clear();
        items.reserve(self.capacity::<T>());
    }

    /// A capacity to start a collection of `T` with: the items of the block at hand, and at most 64 KiB.
    #[inline]
    pub fn capacity<T>(&self) -> usize {
        let most = EAGER_BYTES / size_of::<T>().max(1);
        usize::try_from(self.left).unwrap_or(most).min(most.max(1))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next_block(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.left = r.block_head(self.min_item_bytes)?;
        self.ended = self.left == 0;
        Ok(())
    }
}

impl Reader<'_> {
    /// The head of a block: how many items it has, 0 for the end. An item takes at least so many bytes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn block_head(&mut self, min_item_bytes: usize) -> Result<u64, DecodeError> {
        let start = self.offset();
        let mut count = self.long_of("the count of a block's items")?;
        if count < 0 {
            (self.head, count) = sized_block(self.head.clone(), count)?;
        }
        let count = count as u64;
        let limit = match self.remaining().checked_div(min_item_bytes) {
            Some(limit) => limit as u64,
            None => MAX_EMPTY_ITEMS.saturating_sub(self.empty_items) as u64,
        };
        if count > limit {
            return Err(too_many(start, count, limit));
        }
        if min_item_bytes == 0 {
            self.empty_items += count as usize;
        }
        Ok(count)
    }

    /// A whole array of `int`.
    ///
    /// # Errors
    /// As [`Blocks::next`] and [`int`](Self::int).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_of_int(&mut self) -> Result<Vec<i32>, DecodeError> {
        let mut items = Vec::new();
        self.array_of_int_into(&mut items)?;
        Ok(items)
    }

    /// A whole array of `int` in place of another, whose memory is used again.
    ///
    /// # Errors
    /// As [`array_of_int`](Self::array_of_int).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_of_int_into(&mut self, items: &mut Vec<i32>) -> Result<(), DecodeError> {
        self.numbers(items, Self::int)
    }

    /// A whole array of `long`.
    ///
    /// # Errors
    /// As [`Blocks::next`] and [`long`](Self::long).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_of_long(&mut self) -> Result<Vec<i64>, DecodeError> {
        let mut items = Vec::new();
        self.array_of_long_into(&mut items)?;
        Ok(items)
    }

    /// A whole array of `long` in place of another, whose memory is used again.
    ///
    /// # Errors
    /// As [`array_of_long`](Self::array_of_long).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_of_long_into(&mut self, items: &mut Vec<i64>) -> Result<(), DecodeError> {
        self.numbers(items, Self::long)
    }

    /// A whole array of `float`.
    ///
    /// # Errors
    /// As [`Blocks::next`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_of_float(&mut self) -> Result<Vec<f32>, DecodeError> {
        let mut items = Vec::new();
        self.array_of_float_into(&mut items)?;
        Ok(items)
    }

    /// A whole array of `float` in place of another, whose memory is used again.
    ///
    /// # Errors
    /// As [`array_of_float`](Self::array_of_float).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_of_float_into(&mut self, items: &mut Vec<f32>) -> Result<(), DecodeError> {
        self.fixed_items(items, f32::from_le_bytes)
    }

    /// A whole array of `double`.
    ///
    /// # Errors
    /// As [`Blocks::next`].
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_of_double(&mut self) -> Result<Vec<f64>, DecodeError> {
        let mut items = Vec::new();
        self.array_of_double_into(&mut items)?;
        Ok(items)
    }

    /// A whole array of `double` in place of another, whose memory is used again.
    ///
    /// # Errors
    /// As [`array_of_double`](Self::array_of_double).
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array_of_double_into(&mut self, items: &mut Vec<f64>) -> Result<(), DecodeError> {
        self.fixed_items(items, f64::from_le_bytes)
    }

    /// Numbers of variable length. Each takes a byte at least, so the memory is no more than eight times the input.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn numbers<T: Copy + Default>(
        &mut self,
        items: &mut Vec<T>,
        read: impl Fn(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<(), DecodeError> {
        items.clear();
        loop {
            let count = self.block_head(1)? as usize;
            if count == 0 {
                return Ok(());
            }
            let start = items.len();
            items.reserve_exact(count);
            items.resize(start + count, T::default());
            for item in items.iter_mut().skip(start) {
                *item = read(self)?;
            }
        }
    }

    /// Items of `N` bytes each: one bounds test a block.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn fixed_items<T, const N: usize>(
        &mut self,
        items: &mut Vec<T>,
        read: impl Fn([u8; N]) -> T,
    ) -> Result<(), DecodeError> {
        items.clear();
        loop {
            let count = self.block_head(N)?;
            if count == 0 {
                return Ok(());
            }
            // The head of the block was held against what is left.
            let block = self.head.slice(count * N as u64).unwrap_or_default();
            let (chunks, _) = block.as_chunks::<N>();
            items.reserve_exact(chunks.len());
            items.extend(chunks.iter().map(|chunk| read(*chunk)));
        }
    }
}

/// The rest of a head with a negative count: the block's size, which nobody needs who reads the items.
#[cold]
fn sized_block(head: Head<'_>, count: i64) -> Result<(Head<'_>, i64), DecodeError> {
    let mut r = Reader::from_head(head);
    let at = r.offset();
    let size = r.long_of("the size of a block")?;
    if size < 0 {
        return Err(negative_size(at, size));
    }
    // The least number has no counterpart: as a count without a sign it is more than there can be.
    Ok((r.head, count.wrapping_neg()))
}

#[cold]
fn too_many(start: usize, count: u64, limit: u64) -> DecodeError {
    DecodeError::new(start, DecodeErrorKind::TooManyItems { count, limit })
}
