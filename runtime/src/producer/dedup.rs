//! What the producer remembers of dedup keys. No I/O; the time is an argument.
//!
//! A key is *in flight* from the moment its record is handed to librdkafka until its delivery report, *acknowledged*
//! for a span (TTL) after the broker's acknowledgement, and otherwise unknown. A second send of a key that is in flight
//! waits for the first one's outcome; of one that is acknowledged, it is a duplicate; a failed send makes the key unknown
//! at once, so that the retry goes through. Nothing is marked before its success is certain, so there is never a false
//! success.
//!
//! Texts are kept as keyed 128-bit hashes. Those that were acknowledged lie in the same structure as a consumer's
//! ([`Dedup`]), about 32 bytes each; what is old leaves it in the order of time, and leaves no holes behind.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::time::Duration;

use crate::engine::dedup::Dedup;
use crate::engine::key::{AlreadyHashed, Key, KeyMap, Keyed};

/// The keys of one producer; `W` is whoever waits for an outcome.
pub(crate) struct DedupCache<W> {
    keyed: Keyed,
    /// Nanoseconds.
    ttl: i64,
    in_flight: HashSet<Key, BuildHasherDefault<AlreadyHashed>>,
    /// Those who wait for a key in flight: few have any.
    waiting: KeyMap<Vec<W>>,
    /// By nanoseconds since the producer's start.
    acknowledged: Dedup,
    now: i64,
    #[cfg(test)]
    mistake: Option<tests::Mistake>,
}

/// What becomes of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is to be sent, and [`DedupCache::settle`] to be called with its outcome.
    Send(Key),
    /// It waits for the outcome of the one in flight.
    Wait,
    /// It was acknowledged less than a TTL ago.
    Duplicate,
}

impl<W> DedupCache<W> {
    /// With nothing in it.
    pub(crate) fn new(ttl: Duration) -> Self {
        Self {
            keyed: Keyed::random(),
            ttl: nanos(ttl),
            in_flight: HashSet::default(),
            waiting: KeyMap::default(),
            acknowledged: Dedup::new(nanos(ttl), usize::MAX),
            now: 0,
            #[cfg(test)]
            mistake: None,
        }
    }

    /// Decides on a record with that dedup key; `waiter` is made, and kept, where it has to wait.
    pub(crate) fn admit(&mut self, text: &[u8], now: Duration, waiter: impl FnOnce() -> W) -> Admission {
        self.advance(now);
        let key = self.keyed.of(text);
        let age = self.acknowledged.age(key, self.now);
        if age.is_some_and(|age| self.counts(age)) {
            return Admission::Duplicate;
        }
        if self.in_flight.insert(key) || self.planted(mistake::SECOND_GOES_THROUGH) {
            if self.planted(mistake::MARKED_BEFORE_ACKNOWLEDGED) {
                self.in_flight.remove(&key);
                self.acknowledged.is_duplicate(key, self.now);
            }
            return Admission::Send(key);
        }
        self.waiting.entry(key).or_default().push(waiter());
        Admission::Wait
    }

    /// Whether what was acknowledged so long ago is remembered.
    fn counts(&self, age: i64) -> bool {
        let ttl = if self.planted(mistake::FORGOTTEN_EARLY) {
            self.ttl / 2
        } else {
            self.ttl
        };
        age < ttl
            || (self.planted(mistake::FORGOTTEN_LATE) && age == ttl)
            || self.planted(mistake::NEVER_FORGOTTEN)
    }

    /// The outcome of a record that was to be sent; returns those who waited for it.
    pub(crate) fn settle(&mut self, key: Key, acknowledged: bool, now: Duration) -> Vec<W> {
        self.advance(now);
        self.in_flight.remove(&key);
        if acknowledged || self.planted(mistake::FAILURE_REMEMBERED) {
            // It renews what may be left of an earlier one; the verdict was given when the record was admitted.
            self.acknowledged.is_duplicate(key, self.now);
        }
        if self.waiting.is_empty() || self.planted(mistake::WAITERS_FORGOTTEN) {
            return Vec::new();
        }
        self.waiting.remove(&key).unwrap_or_default()
    }

    /// How many keys are kept, in flight or acknowledged.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.in_flight.len() + self.acknowledged.entries()
    }

    /// Time never goes back.
    fn advance(&mut self, now: Duration) {
        self.now = self.now.max(nanos(now));
    }

    #[cfg(test)]
    fn planted(&self, mistake: tests::Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    #[cfg(not(test))]
    #[inline(always)]
    fn planted(&self, (): ()) -> bool {
        false
    }
}

/// 292 years fit.
fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// Mistakes that tests plant, to show that a property catches each. Nothing of them is left in other builds.
#[cfg(not(test))]
mod mistake {
    pub(super) const SECOND_GOES_THROUGH: () = ();
    pub(super) const MARKED_BEFORE_ACKNOWLEDGED: () = ();
    pub(super) const FAILURE_REMEMBERED: () = ();
    pub(super) const WAITERS_FORGOTTEN: () = ();
    pub(super) const FORGOTTEN_EARLY: () = ();
    pub(super) const FORGOTTEN_LATE: () = ();
    pub(super) const NEVER_FORGOTTEN: () = ();
}

#[cfg(test)]
mod mistake {
    use super::tests::Mistake;

    pub(super) const SECOND_GOES_THROUGH: Mistake = Mistake::SecondGoesThrough;
    pub(super) const MARKED_BEFORE_ACKNOWLEDGED: Mistake = Mistake::MarkedBeforeAcknowledged;
    pub(super) const FAILURE_REMEMBERED: Mistake = Mistake::FailureRemembered;
    pub(super) const WAITERS_FORGOTTEN: Mistake = Mistake::WaitersForgotten;
    pub(super) const FORGOTTEN_EARLY: Mistake = Mistake::ForgottenEarly;
    pub(super) const FORGOTTEN_LATE: Mistake = Mistake::ForgottenLate;
    pub(super) const NEVER_FORGOTTEN: Mistake = Mistake::NeverForgotten;
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::panic::catch_unwind;

    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(super) enum Mistake {
        SecondGoesThrough,
        MarkedBeforeAcknowledged,
        FailureRemembered,
        WaitersForgotten,
        ForgottenEarly,
        ForgottenLate,
        NeverForgotten,
    }

    #[derive(Clone, Debug)]
    enum Step {
        Send(u8),
        /// The delivery report of one that is in flight.
        Report(proptest::sample::Index, bool),
        Wait(u64),
    }

    const TTL: u64 = 10;

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0..4_u8).prop_map(Step::Send),
            3 => (any::<proptest::sample::Index>(), any::<bool>()).prop_map(|(at, ok)| Step::Report(at, ok)),
            2 => prop_oneof![0..4_u64, Just(TTL / 2), Just(TTL - 1), Just(TTL), Just(TTL + 1)].prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 1..60)
    }

    /// Runs the steps against what the states mean, told in sends and acknowledgements only.
    fn check(steps: &[Step], mistake: Option<Mistake>) {
        let mut cache = DedupCache::<usize>::new(Duration::from_nanos(TTL));
        cache.mistake = mistake;
        let mut now = 0;
        let mut in_flight: Vec<(u8, Key)> = Vec::new();
        let mut last_acknowledged: HashMap<u8, u64> = HashMap::new();
        let mut acknowledgements = Vec::new();
        let mut waiting: HashMap<u8, Vec<usize>> = HashMap::new();
        for (serial, step) in steps.iter().enumerate() {
            match step {
                Step::Wait(time) => now += time,
                Step::Send(text) => {
                    let admission = cache.admit(&[*text], Duration::from_nanos(now), || serial);
                    let age = last_acknowledged.get(text).map(|at| now - at);
                    let acknowledged = age.is_some_and(|age| age < TTL);
                    let flying = in_flight.iter().any(|(other, _)| other == text);
                    match admission {
                        Admission::Duplicate => {
                            assert!(
                                acknowledged,
                                "P1 false success: {text} was not acknowledged within the TTL"
                            );
                        }
                        Admission::Send(key) => {
                            assert!(!acknowledged, "P2 sent again {age:?} after its acknowledgement");
                            assert!(!flying, "P2 two sends of {text} at once");
                            in_flight.push((*text, key));
                        }
                        Admission::Wait => {
                            assert!(flying, "P3 {text} waits for nothing");
                            waiting.entry(*text).or_default().push(serial);
                        }
                    }
                }
                Step::Report(at, ok) => {
                    if in_flight.is_empty() {
                        continue;
                    }
                    let (text, key) = in_flight.remove(at.index(in_flight.len()));
                    let told = cache.settle(key, *ok, Duration::from_nanos(now));
                    assert_eq!(
                        told,
                        waiting.remove(&text).unwrap_or_default(),
                        "P4 each who waited is told, once"
                    );
                    if *ok {
                        last_acknowledged.insert(text, now);
                        acknowledgements.push(now);
                    } else {
                        // The retry goes through; it is in flight from here on.
                        let Admission::Send(key) = cache.admit(&[text], Duration::from_nanos(now), || serial)
                        else {
                            panic!("P5 a failure keeps the key of {text}");
                        };
                        in_flight.push((text, key));
                    }
                }
            }
            // What is old leaves together with what is up to a quarter of the TTL younger.
            cache.acknowledged.age(cache.keyed.of(b"any"), now as i64);
            let recent = acknowledgements.iter().filter(|&&at| now - at < TTL + TTL / 4);
            let remembered = recent.count() + in_flight.len();
            assert!(
                cache.len() <= remembered,
                "P6 {} entries for {remembered} keys",
                cache.len()
            );
        }
    }

    proptest! {
        #[test]
        fn a_key_is_sent_once_and_never_taken_for_sent(steps in steps()) {
            check(&steps, None);
        }
    }

    #[test]
    fn every_planted_mistake_is_caught() {
        let caught = |mistake: Option<Mistake>| {
            let mut found = None;
            let mut runner = TestRunner::deterministic();
            for _ in 0..2_000 {
                let steps = steps().new_tree(&mut runner).unwrap().current();
                if let Err(panic) = catch_unwind(|| check(&steps, mistake)) {
                    let text = panic.downcast_ref::<String>().map(String::as_str);
                    found = Some(
                        text.or(panic.downcast_ref::<&str>().copied())
                            .unwrap_or("?")
                            .to_owned(),
                    );
                    break;
                }
            }
            found
        };
        assert_eq!(caught(None), None);
        for (mistake, property) in [
            (Mistake::SecondGoesThrough, "P2"),
            (Mistake::MarkedBeforeAcknowledged, "P1"),
            (Mistake::FailureRemembered, "P5"),
            (Mistake::WaitersForgotten, "P4"),
            (Mistake::ForgottenEarly, "P2"),
            (Mistake::ForgottenLate, "P1"),
            (Mistake::NeverForgotten, "P1"),
        ] {
            let told = caught(Some(mistake)).unwrap_or_default();
            assert!(
                told.contains(property),
                "{mistake:?} was to be caught by {property}, got {told:?}"
            );
        }
    }

    #[test]
    fn a_ttl_of_nothing_remembers_nothing() {
        let mut cache = DedupCache::<()>::new(Duration::ZERO);
        for _ in 0..3 {
            let Admission::Send(key) = cache.admit(b"k", Duration::ZERO, || ()) else {
                panic!("not sent")
            };
            assert_eq!(cache.admit(b"k", Duration::ZERO, || ()), Admission::Wait);
            assert_eq!(cache.settle(key, true, Duration::ZERO).len(), 1);
        }
        assert_eq!(cache.len(), 0);
    }
}
