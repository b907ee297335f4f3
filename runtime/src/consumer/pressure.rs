//! When to stop reading, and when to go on.
//!
//! Two thresholds, so that reading does not start and stop at every record: above `high` it stops, at `low` it goes on.
//! And two ways of stopping. librdkafka throws away what it has fetched for a partition that is paused and fetches it
//! again later, so a short excess is met by not asking it for messages for a moment; only one that lasts for `patience`
//! pauses the partitions. Polling continues in both cases often enough for rebalances to be served.

use std::time::Duration;

/// What the thread is to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Read on.
    Read,
    /// Ask for no messages for a moment.
    Hold,
    /// Pause all partitions, and poll on.
    Pause,
    /// All partitions are paused: poll on.
    StayPaused,
    /// Resume all partitions, and read on.
    Resume,
}

/// The state of the valve.
#[derive(Debug)]
pub(crate) struct Pressure {
    high: usize,
    low: usize,
    patience: Duration,
    held_since: Option<Duration>,
    paused: bool,
}

impl Pressure {
    /// `low` is taken as at most `high`, and `high` as at least 1.
    pub(crate) fn new(high: usize, low: usize, patience: Duration) -> Self {
        let high = high.max(1);
        Self {
            high,
            low: low.min(high - 1),
            patience,
            held_since: None,
            paused: false,
        }
    }

    /// `load` records wait for the application at `now`.
    pub(crate) fn observe(&mut self, load: usize, now: Duration) -> Verdict {
        if self.paused {
            if load > self.low {
                return Verdict::StayPaused;
            }
            self.paused = false;
            return Verdict::Resume;
        }
        match self.held_since {
            None if load < self.high => Verdict::Read,
            None => {
                self.held_since = Some(now);
                Verdict::Hold
            }
            Some(_) if load <= self.low => {
                self.held_since = None;
                Verdict::Read
            }
            Some(since) if now.saturating_sub(since) >= self.patience => {
                self.held_since = None;
                self.paused = true;
                Verdict::Pause
            }
            Some(_) => Verdict::Hold,
        }
    }

    /// Whether the partitions are paused.
    pub(crate) fn paused(&self) -> bool {
        self.paused
    }

    /// At or below this many the valve opens again.
    pub(crate) fn low(&self) -> usize {
        self.low
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(100);

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_short_excess_does_not_pause() {
        let mut pressure = Pressure::new(10, 4, PATIENCE);
        assert_eq!(pressure.observe(9, at(0)), Verdict::Read);
        assert_eq!(pressure.observe(10, at(1)), Verdict::Hold);
        assert_eq!(pressure.observe(5, at(50)), Verdict::Hold);
        assert_eq!(pressure.observe(4, at(60)), Verdict::Read);
        assert!(!pressure.paused());
    }

    #[test]
    fn a_lasting_excess_pauses_until_it_is_worked_off() {
        let mut pressure = Pressure::new(10, 4, PATIENCE);
        assert_eq!(pressure.observe(12, at(0)), Verdict::Hold);
        assert_eq!(pressure.observe(12, at(99)), Verdict::Hold);
        assert_eq!(pressure.observe(12, at(100)), Verdict::Pause);
        assert_eq!(pressure.observe(5, at(200)), Verdict::StayPaused);
        assert_eq!(pressure.observe(4, at(300)), Verdict::Resume);
        assert_eq!(pressure.observe(4, at(300)), Verdict::Read);
    }

    proptest! {
        /// The valve opens for every pair of thresholds once nothing waits: there is no state in which it stays shut.
        #[test]
        fn an_empty_queue_is_always_read(
            high in 0usize..20, low in 0usize..30, loads in proptest::collection::vec((0usize..40, 0u64..200), 0..50)
        ) {
            let mut pressure = Pressure::new(high, low, PATIENCE);
            let mut now = Duration::ZERO;
            let mut paused = false;
            for (load, step) in loads {
                now += at(step);
                match pressure.observe(load, now) {
                    Verdict::Pause => { prop_assert!(!paused); paused = true; }
                    Verdict::Resume => { prop_assert!(paused); paused = false; }
                    Verdict::StayPaused => prop_assert!(paused),
                    Verdict::Read | Verdict::Hold => prop_assert!(!paused),
                }
                prop_assert_eq!(pressure.paused(), paused);
            }
            prop_assert!(matches!(pressure.observe(0, now), Verdict::Read | Verdict::Resume));
        }
    }
}
