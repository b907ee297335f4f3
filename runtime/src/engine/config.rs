//! The settings of one partition's engine.

use std::time::Duration;

use super::checkpoint::Checkpoint;
use super::millis_up;
use super::reorder::IDLE_MS;
use crate::topic::{DedupSpec, ReorderSpec};

/// The settings of one partition's engine. Start from `Default` and set the fields that are needed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Deduplication, if any.
    pub dedup: Option<DedupSpec>,
    /// Reordering, if any.
    pub reorder: Option<ReorderSpec>,
    /// The group's committed offset at the time of assignment. What lies below it is warm: it feeds the stages and has
    /// no output.
    pub committed: Option<i64>,
    /// What the committed offset's metadata says. Where it [serves](Checkpoint::serves), reading must start at its
    /// [warm start](Checkpoint::warm_start). `None`: reading starts at the first offset that is younger than the last
    /// record below the committed offset by less than [`EngineConfig::warm_window`] (`offsets_for_times`), or at the log's
    /// start.
    pub checkpoint: Option<Checkpoint>,
    /// Most keys that dedup remembers, about 36 bytes each. Beyond it the oldest are forgotten early, which lets
    /// duplicates through and loses nothing. Without a limit a single timestamp far in the future would let memory grow
    /// without end, because log time then stands still. Default: 32 million.
    pub max_dedup_entries: usize,
    /// Most pairs of `by` and `epoch` that reorder remembers, about 750 bytes each. Beyond it the one that was idle for
    /// longest is forgotten. Default: 200,000.
    pub max_tracks: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            dedup: None,
            reorder: None,
            committed: None,
            checkpoint: None,
            max_dedup_entries: 32_000_000,
            max_tracks: 200_000,
        }
    }
}

impl EngineConfig {
    /// How much log below the committed offset the stages need, in log time: the longer of the dedup TTL and, where the
    /// topic is reordered, 60 s. `None`: no stage keeps anything, so there is nothing to warm up.
    pub fn warm_window(&self) -> Option<Duration> {
        self.window_ms()
            .map(|ms| Duration::from_millis(ms.unsigned_abs()))
    }

    pub(crate) fn window_ms(&self) -> Option<i64> {
        self.dedup
            .map(|spec| millis_up(spec.ttl))
            .max(self.reorder.map(|_| IDLE_MS))
    }
}
