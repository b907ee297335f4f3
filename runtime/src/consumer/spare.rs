//! Records that are done with, kept for their room: the next ones are read into them.
//!
//! A record is made on the consumer's thread and used on others. If it were freed there too, each of its parts would go back to
//! an allocator's pool that the consumer's thread works on at the same moment, and both would wait for each other; that costs
//! more than everything else that is done with a record. So a record that was settled comes back with its note, unless
//! somebody still looks at it: its buffer is filled again, and the next event is read in the place of its event, whose texts then need no
//! new memory either.
//!
//! What is kept is bounded in number and in bytes. Nothing depends on it: a record that does not come back is freed where its last
//! user drops it.

use std::sync::Arc;

use super::delivery::{Body, Made, Record};
use super::gate::Assignment;
use super::raw::Raw;
use super::stash::Waiting;

/// Most records that are kept: about as many as are under way at a time.
const MOST: usize = 4096;

/// The largest buffer that is kept, and the largest record that comes back. Of larger ones the copying costs more than the
/// allocation, and what is settled and not read yet must stay small.
pub(super) const LARGE: usize = 4096;

/// The largest record whose event is kept. An event may take many times the bytes that it was read from (an array of absent
/// values), and keeps that once it has it.
const SMALL: usize = 1024;

/// Most events that are kept.
const EVENTS: usize = 2048;

/// Records to be used again, in their parts.
#[derive(Debug)]
pub(super) struct Spare<E> {
    raws: Vec<Raw>,
    /// With nothing in them.
    records: Vec<Arc<Record<E>>>,
    events: Vec<Box<Made<E>>>,
}

impl<E> Default for Spare<E> {
    fn default() -> Self {
        Self {
            raws: Vec::new(),
            records: Vec::new(),
            events: Vec::new(),
        }
    }
}

impl<E> Spare<E> {
    /// A buffer, in which another record's bytes may be.
    pub(super) fn raw(&mut self) -> Raw {
        self.raws.pop().unwrap_or_default()
    }

    /// A record to be handed out.
    pub(super) fn record(
        &mut self,
        assignment: &Arc<Assignment>,
        waiting: Waiting,
        made: Box<Made<E>>,
    ) -> Arc<Record<E>> {
        let Waiting {
            offset,
            timestamp_ms,
            raw,
        } = waiting;
        while let Some(mut record) = self.records.pop() {
            // Nobody else has it: that was looked at when it was taken in.
            let Some(unused) = Arc::get_mut(&mut record) else {
                continue;
            };
            if !Arc::ptr_eq(&unused.assignment, assignment) {
                unused.assignment = Arc::clone(assignment);
            }
            unused.offset = offset;
            unused.timestamp_ms = timestamp_ms;
            unused.raw = raw;
            unused.made = Some(made);
            return record;
        }
        Arc::new(Record {
            assignment: Arc::clone(assignment),
            offset,
            timestamp_ms,
            raw,
            made: Some(made),
        })
    }

    /// An event to be read over, with what was known of its record.
    pub(super) fn made(&mut self) -> Option<Box<Made<E>>> {
        self.events.pop()
    }

    /// Takes in a record that is done with, if nobody else looks at it any more.
    pub(super) fn give(&mut self, mut record: Arc<Record<E>>) {
        if let Some(unused) = Arc::get_mut(&mut record) {
            // Also where it is not kept: the event is freed here.
            if let Some(made) = unused.made.take()
                && matches!(made.body, Body::Event(_))
                && unused.raw.size() <= SMALL
                && self.events.len() < EVENTS
            {
                self.events.push(made);
            }
            let raw = std::mem::take(&mut unused.raw);
            self.give_raw(raw);
            if self.records.len() < MOST {
                self.records.push(record);
            }
        }
    }

    /// Takes in a buffer.
    pub(super) fn give_raw(&mut self, raw: Raw) {
        if raw.room() <= LARGE && self.raws.len() < MOST {
            self.raws.push(raw);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::delivery::{Body, Made};
    use super::*;
    use crate::waker::Waker;

    fn assignment(epoch: u64) -> Arc<Assignment> {
        Assignment::new(0, epoch, &Arc::from("t"), Arc::new(Waker::default()))
    }

    fn waiting(spare: &mut Spare<String>, offset: i64, key: Option<&[u8]>, value: &[u8]) -> Waiting {
        let mut raw = spare.raw();
        raw.start(key, Some(value));
        Waiting {
            offset,
            timestamp_ms: None,
            raw,
        }
    }

    fn made(body: Body<String>) -> Box<Made<String>> {
        Box::new(Made { body, lane: Some(3) })
    }

    #[test]
    fn nothing_of_the_record_before_is_left_and_what_is_shared_is_not_touched() {
        let mut spare = Spare::<String>::default();
        let mut bytes = waiting(&mut spare, 7, Some(b"key"), b"value");
        bytes.timestamp_ms = Some(9);
        bytes.raw.header(b"name", None);
        let before = spare.record(&assignment(1), bytes, made(Body::Event("event".to_owned())));
        let place = Arc::as_ptr(&before);
        spare.give(Arc::clone(&before));
        assert!(
            spare.records.is_empty() && spare.raws.is_empty(),
            "somebody still looks at it"
        );
        assert!(matches!(before.body(), Some(Body::Event(event)) if event == "event"));
        spare.give(before);
        let second = assignment(2);
        let bytes = waiting(&mut spare, 8, None, b"");
        assert!(bytes.raw.room() >= 5, "it has the room of the one before");
        let after = spare.record(&second, bytes, made(Body::Tombstone));
        assert_eq!(Arc::as_ptr(&after), place, "it is the same one");
        assert!(Arc::ptr_eq(&after.assignment, &second));
        assert_eq!((after.offset, after.timestamp_ms), (8, None));
        assert!(matches!(after.body(), Some(Body::Tombstone)));
        assert_eq!((after.raw.key(), after.raw.value()), (None, Some(&b""[..])));
        assert_eq!(after.raw.headers().count(), 0);
    }

    #[test]
    fn events_of_small_records_are_read_over_and_nothing_else_is() {
        let mut spare = Spare::<String>::default();
        let mut back = |size: usize, body: Body<String>| {
            let made = made(body);
            let place = std::ptr::from_ref(&*made);
            let bytes = waiting(&mut spare, 0, None, &vec![0; size]);
            let record = spare.record(&assignment(1), bytes, made);
            spare.give(record);
            spare.made().map(|made| std::ptr::from_ref(&*made) == place)
        };
        assert_eq!(back(SMALL, Body::Event("event".to_owned())), Some(true));
        assert_eq!(back(SMALL + 1, Body::Event("event".to_owned())), None);
        assert_eq!(back(1, Body::Tombstone), None);
        let poison = Body::Poison {
            reason: crate::dead_letter::Reason::Undecodable,
            detail: String::new(),
        };
        assert_eq!(back(1, poison), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut spare = Spare::<String>::default();
        let large = waiting(&mut spare, 0, None, &vec![0; LARGE + 1]);
        spare.give_raw(large.raw);
        assert!(spare.raws.is_empty());
        let records: Vec<_> = (0..=MOST)
            .map(|n| {
                let bytes = waiting(&mut spare, n as i64, None, b"");
                spare.record(&assignment(1), bytes, made(Body::Event(String::new())))
            })
            .collect();
        records.into_iter().for_each(|record| spare.give(record));
        assert_eq!(
            (spare.records.len(), spare.raws.len(), spare.events.len()),
            (MOST, MOST, EVENTS)
        );
    }
}
