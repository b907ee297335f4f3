//! What was received of a partition and not handed out: records as they came, by their offsets.
//!
//! First they wait to be given to the engine, which may not go on before a schema is here. The engine decodes them, and what it keeps
//! and gives out is what decoding made; the record's bytes stay here until then. So a record that is handed out is put together
//! once, when nobody else can see it yet, and needs nothing that threads share before.
//!
//! A record that the engine was given has one of three ends: it comes out, at once or later; or it is a duplicate, of which
//! nothing comes. What may still come out is outstanding, so that tells ([`Stash::clear_fed`]).

use std::collections::{BTreeMap, VecDeque};

use super::mistakes::{Mistake, planted};
use super::raw::Raw;

/// A record of which only the bytes are known.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(super) offset: i64,
    pub(super) timestamp_ms: Option<i64>,
    pub(super) raw: Raw,
}

/// The records of one partition.
#[derive(Debug, Default)]
pub(crate) struct Stash {
    /// In the order in which they came. The first ones were given to the engine already while that is asked; `None`: it has come out.
    queue: VecDeque<(i64, Option<Waiting>)>,
    /// In the queue, from its beginning: those that came out, most likely.
    out: usize,
    /// The highest offset that the engine was given.
    fed: Option<i64>,
    /// What the engine keeps.
    kept: BTreeMap<i64, Waiting>,
}

impl Stash {
    /// A record was received.
    pub(super) fn push(&mut self, record: Waiting) {
        self.queue.push_back((record.offset, Some(record)));
    }

    /// Records that were received and not given to the engine.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether all that was received was given to the engine.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The last offset among them.
    pub(super) fn last(&self) -> Option<i64> {
        self.queue.back().map(|(offset, _)| *offset)
    }

    /// How many the engine keeps.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.kept.len()
    }

    /// Those that wait for the engine, in order.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &Waiting> {
        self.queue.iter().filter_map(|(_, record)| record.as_ref())
    }

    /// One of them.
    pub(super) fn get(&self, at: usize) -> Option<&Waiting> {
        self.queue.get(at)?.1.as_ref()
    }

    /// The record that has come out of the engine.
    pub(super) fn take(&mut self, offset: i64) -> Option<Waiting> {
        if self.fed >= Some(offset) {
            return self.kept.remove(&offset);
        }
        // Most come out as they came.
        while let Some((at, record)) = self.queue.get_mut(self.out).filter(|(at, _)| *at <= offset) {
            self.out += 1;
            if *at == offset && record.is_some() {
                return record.take();
            }
        }
        let passed = self.queue.iter_mut().take(self.out);
        passed
            .filter(|(at, _)| *at == offset)
            .find_map(|(_, record)| record.take())
    }

    /// The first `fed` were given to the engine, and what has come out of it at once was taken. Those that `is_kept` may come out later;
    /// the others go to `done`.
    pub(super) fn clear_fed(&mut self, fed: usize, is_kept: impl Fn(i64) -> bool, mut done: impl FnMut(Raw)) {
        self.out = 0;
        for (offset, record) in self.queue.drain(..fed.min(self.queue.len())) {
            // Reading went back: the engine ignores what comes again.
            let again = self.fed >= Some(offset) && !planted(Mistake::AgainIsKept);
            self.fed = self.fed.max(Some(offset));
            let Some(record) = record else { continue };
            if !again && is_kept(offset) && !planted(Mistake::KeptForgotten) {
                self.kept.insert(offset, record);
            } else {
                done(record.raw);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(offset: i64, value: u8) -> Waiting {
        let mut raw = Raw::default();
        raw.start(None, Some(&[value]));
        Waiting {
            offset,
            timestamp_ms: None,
            raw,
        }
    }

    fn value(raw: &Raw) -> u8 {
        raw.value().unwrap()[0]
    }

    #[test]
    fn each_record_comes_out_once_or_is_done() {
        let mut stash = Stash::default();
        let mut done = Vec::new();
        let fill = |stash: &mut Stash, records: &[(i64, u8)]| {
            records
                .iter()
                .for_each(|(offset, value)| stash.push(waiting(*offset, *value)));
        };
        let take = |stash: &mut Stash, offset| stash.take(offset).map(|record| value(&record.raw));
        fill(&mut stash, &[(3, 1), (5, 2), (6, 3), (9, 4), (12, 5)]);
        assert_eq!((stash.len(), stash.last()), (5, Some(12)));
        assert_eq!(
            stash.waiting().map(|record| record.offset).collect::<Vec<_>>(),
            [3, 5, 6, 9, 12]
        );
        // The last one is not fed; of the others 6 comes out before 5, 3 is a duplicate, and 9 is kept.
        assert_eq!(take(&mut stash, 6), Some(3));
        assert_eq!(take(&mut stash, 5), Some(2));
        assert_eq!(take(&mut stash, 5), None, "once");
        stash.clear_fed(4, |offset| offset == 9, |raw| done.push(value(&raw)));
        assert_eq!((stash.len(), &*done), (1, &[1][..]));
        // Reading goes back, while 5, 6 are handled and so are outstanding as well as 9 is, and within what is fed at once.
        fill(&mut stash, &[(5, 12), (9, 14), (12, 15), (13, 6), (13, 16)]);
        assert_eq!(take(&mut stash, 12), Some(5));
        assert_eq!(take(&mut stash, 13), Some(6));
        assert_eq!(take(&mut stash, 9), Some(4), "the one that was kept");
        stash.clear_fed(6, |offset| offset < 13, |raw| done.push(value(&raw)));
        assert_eq!(done, [1, 12, 14, 15, 16]);
        assert!(stash.is_empty() && stash.kept.is_empty());
    }
}
