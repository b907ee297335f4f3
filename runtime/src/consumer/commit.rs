//! What may be committed, when, and what became of it.
//!
//! Every partition offers its watermark; the book sends it on when the time or the number of settled records says so, never
//! a lower offset than before within an assignment, one commit in flight at a time. An answer counts only for the
//! assignment that it was sent for: after a revocation the partition may belong to somebody else, or to us anew.

use std::collections::BTreeMap;
use std::time::Duration;

use super::mistakes::{Mistake, planted};

/// An answer that has not come by then is not waited for any more.
const UNANSWERED: Duration = Duration::from_secs(60);

/// One partition's part of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The partition's number.
    pub(crate) partition: i32,
    /// Which assignment of it.
    pub(crate) epoch: u64,
    /// The next offset to be read after a restart.
    pub(crate) offset: i64,
}

#[derive(Debug)]
struct Entry {
    epoch: u64,
    /// The broker has this, or had it when the partition was assigned.
    committed: Option<i64>,
    /// On its way: nothing at or below it is sent again.
    sent: Option<i64>,
}

/// The commits of all assigned partitions.
#[derive(Debug)]
pub(crate) struct CommitBook {
    interval: Duration,
    count: u64,
    last: Duration,
    settled: u64,
    entries: BTreeMap<i32, Entry>,
    in_flight: Option<Vec<Offer>>,
}

impl CommitBook {
    /// Commits at least every `interval` while there is something new, or after `count` settled records.
    pub(crate) fn new(interval: Duration, count: u64) -> Self {
        Self {
            interval,
            count: count.max(1),
            last: Duration::ZERO,
            settled: 0,
            entries: BTreeMap::new(),
            in_flight: None,
        }
    }

    /// A partition is ours from now on; `committed` is what the broker has for it.
    pub(crate) fn assign(&mut self, partition: i32, epoch: u64, committed: Option<i64>) {
        self.entries.insert(
            partition,
            Entry {
                epoch,
                committed,
                sent: None,
            },
        );
    }

    /// A partition is no longer ours.
    pub(crate) fn revoke(&mut self, partition: i32) {
        self.entries.remove(&partition);
    }

    /// So many records were settled.
    pub(crate) fn settled(&mut self, records: u64) {
        self.settled = self.settled.saturating_add(records);
    }

    /// Whether an asynchronous commit is to be sent now. One that was not answered for a minute counts as refused.
    pub(crate) fn is_due(&mut self, now: Duration) -> bool {
        if self.in_flight.is_some() && now.saturating_sub(self.last) >= UNANSWERED {
            self.answered(|_| false);
        }
        self.in_flight.is_none()
            && (self.settled >= self.count || now.saturating_sub(self.last) >= self.interval)
    }

    /// How long until [`Self::is_due`] by time alone.
    pub(crate) fn next_in(&self, now: Duration) -> Duration {
        self.interval.saturating_sub(now.saturating_sub(self.last))
    }

    /// Whether `watermark` is new for the partition in that epoch.
    pub(crate) fn offer(&self, partition: i32, epoch: u64, watermark: i64) -> Option<Offer> {
        let entry = self.entries.get(&partition)?;
        let known = entry.committed.max(entry.sent);
        (entry.epoch == epoch && known.is_none_or(|known| watermark > known)).then_some(Offer {
            partition,
            epoch,
            offset: watermark,
        })
    }

    /// As [`Self::offer`], for a last, synchronous commit: what is on its way has no answer yet, so it is offered again.
    pub(crate) fn offer_last(&self, partition: i32, epoch: u64, watermark: i64) -> Option<Offer> {
        let entry = self.entries.get(&partition)?;
        let least = entry.committed.max(entry.sent.map(|sent| sent - 1));
        (entry.epoch == epoch && least.is_none_or(|least| watermark > least)).then_some(Offer {
            partition,
            epoch,
            offset: watermark,
        })
    }

    /// The offers were sent asynchronously; an empty list only restarts the clock.
    pub(crate) fn sent(&mut self, now: Duration, offers: Vec<Offer>) {
        self.last = now;
        self.settled = 0;
        for offer in &offers {
            if let Some(entry) = self.entries.get_mut(&offer.partition) {
                entry.sent = entry.sent.max(Some(offer.offset));
            }
        }
        if !offers.is_empty() {
            self.in_flight = Some(offers);
        }
    }

    /// The answer to what was sent: `ok` says which partitions the broker took. Answers for an old epoch change nothing.
    pub(crate) fn answered(&mut self, ok: impl Fn(i32) -> bool) {
        for offer in self.in_flight.take().unwrap_or_default() {
            let taken = ok(offer.partition);
            self.note(&offer, taken);
        }
    }

    /// The outcome of one partition's part, also of a synchronous commit.
    pub(crate) fn note(&mut self, offer: &Offer, taken: bool) {
        let Some(entry) = self.entries.get_mut(&offer.partition) else {
            return;
        };
        if entry.epoch != offer.epoch && !planted(Mistake::OldAnswerCounted) {
            return;
        }
        if taken {
            entry.committed = entry.committed.max(Some(offer.offset));
        } else if entry.sent == Some(offer.offset) && !planted(Mistake::RefusalForgotten) {
            entry.sent = None; // offered again next time
        }
    }

    /// What the broker is known to have for a partition.
    pub(crate) fn committed(&self, partition: i32) -> Option<i64> {
        self.entries.get(&partition)?.committed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn commits_by_time_or_by_count_and_one_at_a_time() {
        let mut book = CommitBook::new(seconds(5), 100);
        book.assign(0, 1, None);
        assert!(!book.is_due(seconds(4)));
        assert!(book.is_due(seconds(5)));
        book.settled(100);
        assert!(book.is_due(seconds(1)));
        let offer = book.offer(0, 1, 100).unwrap();
        book.sent(seconds(1), vec![offer]);
        book.settled(100);
        assert!(!book.is_due(seconds(9)), "one is in flight");
        book.answered(|_| true);
        assert!(book.is_due(seconds(9)));
        assert_eq!(book.committed(0), Some(100));
        assert_eq!(book.offer(0, 1, 100), None, "nothing new");
    }

    #[test]
    fn a_commit_that_is_never_answered_does_not_end_all_committing() {
        let mut book = CommitBook::new(seconds(5), 100);
        book.assign(0, 1, None);
        let offer = book.offer(0, 1, 10).unwrap();
        book.sent(seconds(5), vec![offer]);
        assert!(!book.is_due(seconds(64)));
        assert!(book.is_due(seconds(65)));
        assert!(book.offer(0, 1, 10).is_some());
    }

    #[test]
    fn the_last_commit_does_not_rely_on_one_without_an_answer() {
        let mut book = CommitBook::new(seconds(5), 100);
        book.assign(0, 1, Some(10));
        assert_eq!(book.offer_last(0, 1, 10), None, "nothing new");
        let offer = book.offer(0, 1, 20).unwrap();
        book.sent(seconds(5), vec![offer.clone()]);
        assert_eq!(book.offer(0, 1, 20), None);
        assert_eq!(book.offer_last(0, 1, 20), Some(offer.clone()));
        assert_eq!(book.offer_last(0, 1, 19), None, "never below what was sent");
        assert_eq!(book.offer_last(0, 2, 20), None, "nor for another epoch");
        book.note(&offer, true);
        assert_eq!((book.committed(0), book.offer_last(0, 1, 20)), (Some(20), None));
    }

    #[test]
    fn a_refused_commit_is_offered_again() {
        let mut book = CommitBook::new(seconds(5), 100);
        book.assign(0, 1, Some(10));
        let offer = book.offer(0, 1, 20).unwrap();
        book.sent(seconds(5), vec![offer.clone()]);
        assert_eq!(book.offer(0, 1, 20), None);
        book.answered(|_| false);
        assert_eq!(book.committed(0), Some(10));
        assert_eq!(book.offer(0, 1, 20), Some(offer));
    }

    #[test]
    fn an_answer_for_an_old_assignment_changes_nothing() {
        let mut book = CommitBook::new(seconds(5), 100);
        book.assign(0, 1, None);
        let offer = book.offer(0, 1, 50).unwrap();
        book.sent(seconds(5), vec![offer]);
        book.revoke(0);
        book.assign(0, 2, Some(30));
        book.answered(|_| true);
        assert_eq!(book.committed(0), Some(30));
        assert_eq!(book.offer(0, 1, 60), None, "the old epoch offers nothing");
        assert!(book.offer(0, 2, 31).is_some());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Assign(i32),
        Revoke(i32),
        Settle(i32, u8),
        Tick(u8),
        Answer(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..3i32).prop_map(Step::Assign),
            (0..3i32).prop_map(Step::Revoke),
            (0..3i32, 1..20u8).prop_map(|(p, n)| Step::Settle(p, n)),
            (0..10u8).prop_map(Step::Tick),
            any::<u8>().prop_map(Step::Answer),
        ]
    }

    proptest! {
        /// P5 and P11, commits: monotone within an epoch, never past the watermark, never from an epoch that is over; and
        /// whatever the broker refuses is offered again, so that the last watermark gets there.
        #[test]
        fn commits_are_monotone_and_of_the_current_epoch(steps in proptest::collection::vec(step(), 0..200)) {
            let mut book = CommitBook::new(seconds(5), 30);
            let mut epoch = 0;
            let mut now = Duration::ZERO;
            let mut owned: BTreeMap<i32, (u64, i64, Option<i64>)> = BTreeMap::new(); // epoch, watermark, last taken
            let mut broker: BTreeMap<i32, i64> = BTreeMap::new();
            let mut wire: Option<Vec<Offer>> = None;
            let mut sent_at = Duration::ZERO;
            let mut last_sent: BTreeMap<(i32, u64), i64> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Assign(p) => if let std::collections::btree_map::Entry::Vacant(place) = owned.entry(p) {
                        epoch += 1;
                        let committed = broker.get(&p).copied();
                        place.insert((epoch, committed.unwrap_or(0), committed));
                        book.assign(p, epoch, committed);
                    },
                    Step::Revoke(p) => { owned.remove(&p); book.revoke(p); }
                    Step::Settle(p, n) => if let Some((_, watermark, _)) = owned.get_mut(&p) {
                        *watermark += i64::from(n);
                        book.settled(u64::from(n));
                    },
                    Step::Tick(s) => {
                        now += seconds(u64::from(s));
                        if book.is_due(now) {
                            // A commit that was not answered for a minute counts as refused, and is not waited for.
                            prop_assert!(wire.take().is_none() || now - sent_at >= UNANSWERED);
                            let offers: Vec<_> = owned.iter().filter_map(|(p, (e, w, _))| book.offer(*p, *e, *w)).collect();
                            for offer in &offers {
                                let (current, watermark, _) = owned[&offer.partition];
                                prop_assert_eq!(offer.epoch, current);
                                prop_assert!(offer.offset <= watermark);
                                let last = last_sent.insert((offer.partition, offer.epoch), offer.offset);
                                prop_assert!(last.is_none_or(|last| last <= offer.offset));
                            }
                            if !offers.is_empty() { (wire, sent_at) = (Some(offers.clone()), now); }
                            book.sent(now, offers);
                        }
                    }
                    Step::Answer(mask) => if let Some(offers) = wire.take() {
                        let ok = |p: i32| mask & (1 << p) != 0;
                        for offer in &offers {
                            if let Some((current, _, taken)) = owned.get_mut(&offer.partition)
                                && *current == offer.epoch && ok(offer.partition)
                            {
                                *taken = (*taken).max(Some(offer.offset));
                                broker.insert(offer.partition, offer.offset);
                            }
                        }
                        book.answered(ok);
                    },
                }
                for (p, (_, _, taken)) in &owned {
                    prop_assert_eq!(book.committed(*p), *taken);
                }
            }
            book.answered(|_| false);
            for (p, (e, watermark, taken)) in &owned {
                let offered = book.offer(*p, *e, *watermark).map(|offer| offer.offset);
                prop_assert_eq!(offered, (taken.is_none_or(|t| t < *watermark)).then_some(*watermark));
            }
        }
    }
}
