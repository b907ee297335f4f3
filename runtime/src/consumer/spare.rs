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

/// Records to be used again.
#[derive(Debug)]
pub(super) struct Spare<E> {
    records: Vec<Arc<Record<E>>>,
    events: Vec<Box<Made<E>>>,
}

impl<E> Default for Spare<E> {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            events: Vec::new(),
        }
    }
}

impl<E> Spare<E> {
    /// A record with what `fill` puts into its buffer, in which another record's bytes may be before.
    pub(super) fn record(
        &mut self,
        assignment: &Arc<Assignment>,
        offset: i64,
        timestamp_ms: Option<i64>,
        fill: impl FnOnce(&mut Raw),
    ) -> Arc<Record<E>> {
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
            fill(&mut unused.raw);
            return record;
        }
        let mut raw = Raw::default();
        fill(&mut raw);
        Arc::new(Record::new(Arc::clone(assignment), offset, timestamp_ms, raw))
    }

    /// An event to be read over, with what was known of its record.
    pub(super) fn made(&mut self) -> Option<Box<Made<E>>> {
        self.events.pop()
    }

    /// Takes in a record that is done with, if nobody else looks at it any more.
    pub(super) fn give(&mut self, mut record: Arc<Record<E>>) {
        // A look at the count is cheaper than being sure, and most records that come from the engine are still shared.
        if Arc::strong_count(&record) > 1 {
            return;
        }
        if let Some(unused) = Arc::get_mut(&mut record) {
            // Also where it is not kept: the event is freed here.
            if let Some(made) = unused.made.take()
                && matches!(made.body, Body::Event(_))
                && unused.raw.size() <= SMALL
                && self.events.len() < EVENTS
            {
                self.events.push(made);
            }
            if unused.raw.room() <= LARGE && self.records.len() < MOST {
                self.records.push(record);
            }
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

    #[test]
    fn nothing_of_the_record_before_is_left_and_what_is_shared_is_not_touched() {
        let mut spare = Spare::<String>::default();
        let mut before = spare.record(&assignment(1), 7, Some(9), |raw| {
            raw.start(Some(b"key"), Some(b"value"));
            raw.header(b"name", None);
        });
        let made = Made {
            body: Body::Event("event".to_owned()),
            lane: Some(3),
        };
        assert!(before.made.set(Box::new(made)).is_ok());
        let place = Arc::as_ptr(&before);
        spare.give(Arc::clone(&before));
        assert!(spare.records.is_empty(), "somebody still looks at it");
        assert!(matches!(before.body(), Some(Body::Event(event)) if event == "event"));
        Arc::get_mut(&mut before).expect("nobody else has it");
        spare.give(before);
        let second = assignment(2);
        let after = spare.record(&second, 8, None, |raw| raw.start(None, Some(b"")));
        assert_eq!(Arc::as_ptr(&after), place, "it is the same one");
        assert!(Arc::ptr_eq(&after.assignment, &second));
        assert_eq!((after.offset, after.timestamp_ms, after.lane()), (8, None, None));
        assert!(after.body().is_none());
        assert_eq!((after.raw.key(), after.raw.value()), (None, Some(&b""[..])));
        assert_eq!(after.raw.headers().count(), 0);
    }

    #[test]
    fn events_of_small_records_are_read_over_and_nothing_else_is() {
        let mut spare = Spare::<String>::default();
        let mut back = |size: usize, body: Body<String>| {
            let value = vec![0; size];
            let record = spare.record(&assignment(1), 0, None, |raw| raw.start(None, Some(&value)));
            let made = Box::new(Made { body, lane: None });
            let place = std::ptr::from_ref(&*made);
            assert!(record.made.set(made).is_ok());
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
        let mut spare = Spare::<()>::default();
        let large = vec![0; LARGE + 1];
        let record = spare.record(&assignment(1), 0, None, |raw| raw.start(None, Some(&large)));
        spare.give(record);
        assert!(spare.records.is_empty());
        let records: Vec<_> = (0..=MOST)
            .map(|n| spare.record(&assignment(1), n as i64, None, |raw| raw.start(None, None)))
            .collect();
        for record in &records {
            let body = Body::Event(());
            assert!(record.made.set(Box::new(Made { body, lane: None })).is_ok());
        }
        records.into_iter().for_each(|record| spare.give(record));
        assert_eq!((spare.records.len(), spare.events.len()), (MOST, EVENTS));
    }
}
