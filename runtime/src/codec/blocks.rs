//! Reading of arrays and maps: blocks of items, each headed by its count.
//!
//! A count is a claim of whoever sent the bytes. It is held against the bytes that are left before anything is done
//! with it, and no more than a little memory is set aside for it: the rest grows as items are really there.

use fleetops_avro::wire::{DecodeError, DecodeErrorKind, MAX_EMPTY_ITEMS};

use super::Reader;

/// Memory set aside for a collection before its items are seen, in bytes.
const EAGER_BYTES: usize = 64 * 1024;

/// The items of an array, or the entries of a map, that are still to be read.
///
/// ```
/// use fleetops_runtime::codec::{DecodeError, Reader};
///
/// fn longs(r: &mut Reader<'_>) -> Result<Vec<i64>, DecodeError> {
///     let mut blocks = r.array(1)?;
///     let mut items = Vec::with_capacity(blocks.capacity::<i64>());
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
    #[inline]
    pub(super) fn start(r: &mut Reader<'_>, min_item_bytes: usize) -> Result<Self, DecodeError> {
        let mut blocks = Self {
            left: 0,
            min_item_bytes,
            ended: false,
        };
        blocks.head(r)?;
        Ok(blocks)
    }

    /// Whether another item follows; if so, the caller reads it next.
    ///
    /// # Errors
    /// At the end of the input, and where a block claims more items than the bytes left can hold, or more than
    /// [`MAX_EMPTY_ITEMS`] that take no bytes in one datum.
    #[inline]
    #[allow(clippy::should_implement_trait)] // it takes the reader, which the items need too
    pub fn next(&mut self, r: &mut Reader<'_>) -> Result<bool, DecodeError> {
        if self.left == 0 {
            if self.ended {
                return Ok(false);
            }
            self.head(r)?;
            if self.ended {
                return Ok(false);
            }
        }
        self.left -= 1;
        Ok(true)
    }

    /// A capacity to start a collection of `T` with: the items of the block at hand, and at most 64 KiB.
    #[inline]
    pub fn capacity<T>(&self) -> usize {
        let most = EAGER_BYTES / size_of::<T>().max(1);
        usize::try_from(self.left).unwrap_or(most).min(most.max(1))
    }

    /// The head of a block: a count, and where that is negative the size of the block, which nobody needs who reads
    /// the items.
    fn head(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        let start = r.offset();
        let count = r.long_of("the count of a block's items")?;
        if count < 0 {
            let at = r.offset();
            let size = r.long_of("the size of a block")?;
            if size < 0 {
                return Err(r.negative_size(at, size));
            }
        }
        let count = count.unsigned_abs();
        let limit = match r.remaining().checked_div(self.min_item_bytes) {
            Some(limit) => limit as u64,
            None => MAX_EMPTY_ITEMS.saturating_sub(r.empty_items) as u64,
        };
        if count > limit {
            return Err(DecodeError::new(
                start,
                DecodeErrorKind::TooManyItems { count, limit },
            ));
        }
        if self.min_item_bytes == 0 {
            r.empty_items += count as usize;
        }
        self.left = count;
        self.ended = count == 0;
        Ok(())
    }
}
