//! What an engine counts.

/// What an engine has seen and done so far. Warm records count in `warm` only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EngineCounts {
    /// Records at or above the committed offset.
    pub received: u64,
    /// Records below the committed offset, read to warm up the stages.
    pub warm: u64,
    /// Dropped by dedup.
    pub duplicates: u64,
    /// Dropped by reorder: the same record under a sequence number that waits or was emitted.
    pub frame_duplicates: u64,
    /// Refused: another record under a sequence number that waits or was emitted.
    pub conflicts: u64,
    /// Refused: its place has been passed.
    pub late: u64,
    /// Refused: its place has been passed by at least the ring.
    pub too_old: u64,
    /// Refused: an unconfirmed jump.
    pub jumps: u64,
    /// Missing sequence numbers that were given up, each counted; it stays at `u64::MAX` once there, which
    /// takes three jumps from end to end of an `i64`.
    pub gaps: u64,
    /// Given to the handler after a record of the same `by` value that has a higher offset.
    pub reordered: u64,
    /// Unreadable, invalid, or contradicting their header.
    pub poison: u64,
    /// Given to the handler, tombstones and replayed dead letters included.
    pub handled: u64,
    /// Null values among the handled.
    pub tombstones: u64,
    /// Replayed dead letters among the received.
    pub replayed: u64,
    /// Records at or below the last offset received, ignored. More than none says that the log was rewritten.
    pub repeated: u64,
    /// Dedup entries forgotten before their time because [`EngineConfig::max_dedup_entries`] was reached: a duplicate of
    /// one of them is handled again.
    ///
    /// [`EngineConfig::max_dedup_entries`]: super::EngineConfig::max_dedup_entries
    pub dedup_forgotten: u64,
    /// Holds that ended early because all of [`EngineConfig::max_tracks`] waited.
    ///
    /// [`EngineConfig::max_tracks`]: super::EngineConfig::max_tracks
    pub forced: u64,
}
