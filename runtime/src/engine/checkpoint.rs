//! What a commit says about the log below it, so that the next owner knows where to start reading.
//!
//! With a committed offset C the stages need the log from the first record that is younger than the last one below C by
//! less than their window. [`Trail`] keeps that place as records come; [`Checkpoint`] is its form in the commit's metadata.

use std::collections::VecDeque;
use std::fmt;

use super::EngineConfig;
use super::mistakes::{Mistake, planted};

/// What is kept in the metadata of a committed offset.
///
/// `Display` gives the text to commit, [`Checkpoint::parse`] reads it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    warm_start: i64,
    running_max_ms: i64,
    window_ms: i64,
}

/// Names the format and its version. A later version gets another word, and is foreign to this one.
const FORMAT: &str = "fleetops1";

impl Checkpoint {
    /// Longest text in bytes.
    pub const MAX_LEN: usize = 100;

    /// Reads the metadata of a committed offset. `None`: it is empty, foreign, of another version, or not UTF-8.
    pub fn parse(metadata: &[u8]) -> Option<Self> {
        if metadata.len() > Self::MAX_LEN {
            return None;
        }
        let text = std::str::from_utf8(metadata).ok()?;
        let mut parts = text.split(' ');
        if parts.next() != Some(FORMAT) {
            return None;
        }
        let mut number = |name: &str| parts.next()?.strip_prefix(name)?.strip_prefix('=')?.parse().ok();
        let read = Self {
            warm_start: number("w")?,
            running_max_ms: number("t")?,
            window_ms: number("s")?,
        };
        (read.warm_start >= 0 && read.window_ms >= 0 && read.to_string() == text).then_some(read)
    }

    /// The offset at which reading must start, so that the stages know all that their verdicts rest on.
    pub fn warm_start(&self) -> i64 {
        self.warm_start
    }

    /// The running maximum of the partition's timestamps at the warm start, that record included.
    pub fn running_max_ms(&self) -> i64 {
        self.running_max_ms
    }

    /// Whether this checkpoint can be used with these settings: the warm start is not above the committed offset, and
    /// the window that it was made for is as long as the one needed now. If not, the commit counts as one without
    /// metadata.
    pub fn serves(&self, config: &EngineConfig) -> bool {
        let enough = config.window_ms().is_none_or(|window| self.window_ms >= window);
        enough
            && config
                .committed
                .is_some_and(|committed| self.warm_start <= committed)
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{FORMAT} w={} t={} s={}",
            self.warm_start, self.running_max_ms, self.window_ms
        )
    }
}

#[derive(Debug, Clone, Copy)]
struct Step {
    offset: i64,
    /// The running maximum at this offset.
    time: i64,
}

/// The offsets at which log time moved on, as far back as a commit may need them.
///
/// Steps are at least a 4096th of the window apart, so there are few however long the window is. The warm start may
/// therefore lie a little before the first offset that is needed; more log changes no verdict.
#[derive(Debug)]
pub(crate) struct Trail {
    window: i64,
    stride: i64,
    steps: VecDeque<Step>,
}

impl Trail {
    /// `window` in milliseconds. `start`: what the commit that this assignment starts from said.
    pub(crate) fn new(window: i64, start: Option<Checkpoint>) -> Self {
        let steps = start
            .map(|c| Step {
                offset: c.warm_start,
                time: c.running_max_ms,
            })
            .into_iter()
            .collect();
        Self {
            window,
            stride: (window / 4096).max(1),
            steps,
        }
    }

    /// Takes note of a record's time. `watermark` is what may be committed now; older steps than it needs go.
    pub(crate) fn observe(&mut self, offset: i64, time: i64, watermark: Option<i64>) {
        if self
            .steps
            .back()
            .is_some_and(|last| time.saturating_sub(last.time) < self.stride)
        {
            return;
        }
        self.steps.push_back(Step { offset, time });
        let needed = watermark.map_or(0, |watermark| self.start_of(watermark));
        self.steps.drain(..needed);
    }

    /// What to commit with `watermark`. `None`: no record below it is known.
    pub(crate) fn checkpoint(&self, watermark: i64) -> Option<Checkpoint> {
        let first = self.steps.front()?;
        if first.offset >= watermark {
            return None;
        }
        let start = self.steps.get(self.start_of(watermark)).unwrap_or(first);
        let time = if planted(Mistake::RunningMaximumForgotten) {
            i64::MIN / 2
        } else {
            start.time
        };
        Some(Checkpoint {
            warm_start: start.offset,
            running_max_ms: time,
            window_ms: self.window,
        })
    }

    /// The last step that is a window or more older than the last record below `watermark`; the first one if none is.
    fn start_of(&self, watermark: i64) -> usize {
        let below = self.steps.partition_point(|step| step.offset < watermark);
        let Some(last) = below.checked_sub(1).and_then(|at| self.steps.get(at)) else {
            return 0;
        };
        let window = if planted(Mistake::WarmWindowTooShort) {
            self.window / 2
        } else {
            self.window
        };
        let old = last.time.saturating_sub(window);
        self.steps
            .partition_point(|step| step.time <= old)
            .saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::topic::DedupSpec;

    #[test]
    fn text_of_the_longest_checkpoint() {
        let c = Checkpoint {
            warm_start: i64::MAX,
            running_max_ms: i64::MIN,
            window_ms: i64::MAX,
        };
        assert!(c.to_string().len() <= Checkpoint::MAX_LEN);
        assert_eq!(Checkpoint::parse(c.to_string().as_bytes()), Some(c));
    }

    #[test]
    fn foreign_texts_are_no_checkpoint() {
        let long = format!("fleetops1 w=1 t=2 s={}", "0".repeat(200));
        for text in [
            "",
            " ",
            "fleetops1",
            "fleetops2 w=1 t=2 s=3",
            "fleetops1 w=1 t=2",
            "fleetops1 w=1 t=2 s=3 ",
            "fleetops1 w=+1 t=2 s=3",
            "fleetops1 w=01 t=2 s=3",
            "fleetops1 w=-1 t=2 s=3",
            "fleetops1 t=2 w=1 s=3",
            "fleetops1 w=1 t=2 s=3 x=4",
            "fleetops1 w=99999999999999999999 t=2 s=3",
            "{\"offset\":1}",
            &long,
        ] {
            assert_eq!(Checkpoint::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Checkpoint::parse(b"\xff\xfe"), None);
    }

    #[test]
    fn a_checkpoint_serves_only_what_it_was_made_for() {
        let config = |committed, ttl| EngineConfig {
            dedup: Some(DedupSpec {
                ttl: Duration::from_secs(ttl),
            }),
            committed,
            ..EngineConfig::default()
        };
        let c = Checkpoint {
            warm_start: 10,
            running_max_ms: 5,
            window_ms: 60_000,
        };
        assert!(c.serves(&config(Some(10), 60)) && c.serves(&config(Some(11), 1)));
        assert!(!c.serves(&config(Some(9), 60)), "above the commit");
        assert!(!c.serves(&config(Some(10), 61)), "window too short");
        assert!(!c.serves(&config(None, 60)), "nothing committed");
    }

    proptest! {
        /// Against the definition, over any log and any watermarks that rise.
        #[test]
        fn the_warm_start_is_never_too_late_and_hardly_too_early(
            window in prop_oneof![1_i64..50, 10_000_i64..50_000],
            log in prop::collection::vec((1_i64..4, 0_i64..40, any::<prop::sample::Index>()), 1..200),
            scale in prop_oneof![Just(1_i64), Just(100)],
        ) {
            let (mut trail, mut seen, mut time, mut offset, mut watermark) = (Trail::new(window, None), vec![], 0, 0, 0);
            for (hole, step, commit) in log {
                offset += hole;
                time += step * scale;
                trail.observe(offset, time, Some(watermark));
                seen.push((offset, time));
                watermark += commit.index((offset + 2 - watermark) as usize) as i64;
                let below = seen.iter().rev().find(|(o, _)| *o < watermark);
                let Some((_, last)) = below else {
                    prop_assert_eq!(trail.checkpoint(watermark), None);
                    continue;
                };
                let needed = seen.iter().find(|(_, t)| *t > last - window).unwrap();
                let found = trail.checkpoint(watermark).unwrap();
                prop_assert!(found.warm_start <= needed.0, "{:?} {:?}", found, needed);
                let at = seen.iter().find(|(o, _)| *o == found.warm_start).unwrap();
                prop_assert_eq!(at.1, found.running_max_ms);
                // Nothing between the two is older than the window by more than two strides.
                let next = seen.iter().find(|(o, t)| *o > at.0 && t - at.1 >= trail.stride);
                prop_assert!(next.is_none_or(|(_, t)| *t > last - window - trail.stride));
            }
        }
    }
}
