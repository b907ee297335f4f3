//! The stream engine: dedup, reorder and commit watermark of one assigned partition, without any I/O.
//!
//! Bytes, clocks and brokers stay outside: records, times and answers of the broker come in as arguments, and what is
//! to be done comes out as values. So every decision can be tested, and the same input gives the same output.
//! One [`Engine`] serves one partition for one assignment. After a rebalance a new one is made; nothing of the old one
//! is carried over but what the log and the committed offset tell.
//!
//! The engine does not decode, does not retry, does not commit: it says what may be committed.

use std::time::Duration;

use crate::topic::{DedupSpec, ReorderSpec, Sequence};

/// What the engine must know about a record before it is decoded.
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    /// The record's offset. Offsets must rise from call to call; holes are normal.
    pub offset: i64,
    /// The record's timestamp in milliseconds since 1970, where it has one.
    pub timestamp_ms: Option<i64>,
    /// The value of the header `dedup-key`, where the record has one.
    pub dedup_key: Option<&'a [u8]>,
    /// The record's value as it lies in the log; `None`: a tombstone. Where a topic has no dedup key, two records with
    /// one sequence number count as the same record if their values are equal.
    pub value: Option<&'a [u8]>,
    /// The record carries the header `dead-letter-replay`: it goes past dedup and reorder.
    pub replayed: bool,
}

/// What decoding made of a record.
///
/// The payload is what the caller wants back for this record: the event, or the raw record that is to be dead-lettered.
#[derive(Debug)]
pub enum Decoded<P> {
    /// A valid event.
    Event {
        /// What the caller gets back.
        payload: P,
        /// The dedup key made of the event's fields ([`crate::topic::Topic::dedup_key`]).
        dedup_key: Option<Vec<u8>>,
        /// The event's place in its sequence ([`crate::topic::Topic::sequence`]).
        sequence: Option<Sequence>,
    },
    /// A null value. It is handled as such, neither dedup'd nor reordered.
    Tombstone(P),
    /// Bad framing, unknown schema ID, undecodable, or invalid.
    Poison(P),
}

/// What is to be done with a record. Each carries an offset that stays outstanding until [`Engine::settle`] is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output<P> {
    /// Give it to the handler. Records of one `by` value must be handled in the order in which they come out.
    Handle {
        /// The record's offset.
        offset: i64,
        /// What [`Decoded`] carried.
        payload: P,
    },
    /// The reorder stage cannot take it: to the dead-letter topic where one is declared.
    Refused {
        /// The record's offset.
        offset: i64,
        /// Why.
        outcome: Refusal,
        /// What [`Decoded`] carried.
        payload: P,
    },
    /// It cannot be read or cannot be trusted: to the dead-letter topic, or the consumer stops.
    Poison {
        /// The record's offset.
        offset: i64,
        /// Why.
        cause: PoisonCause,
        /// What [`Decoded`] carried.
        payload: P,
    },
}

/// Why the reorder stage refuses a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// Its place has been passed.
    Late,
    /// Its place has been passed, by as much as the ring remembers or more.
    TooOld,
    /// Another record with the same sequence number came first.
    Conflict,
    /// Its sequence number is far ahead, and the next record did not confirm it.
    Jump,
}

/// Why a record is poison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PoisonCause {
    /// The caller said so: [`Decoded::Poison`].
    Decoding,
    /// The header `dedup-key` is not what the decoded fields give.
    HeaderContradicted,
}

/// The settings of one partition's engine.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Deduplication, if any.
    pub dedup: Option<DedupSpec>,
    /// Reordering, if any.
    pub reorder: Option<ReorderSpec>,
    /// The group's committed offset at the time of assignment. What lies below it is warm: it feeds the stages and has
    /// no output.
    pub committed: Option<i64>,
    /// What the committed offset's metadata says; the first record given to the engine must then be the one at
    /// [`Checkpoint::warm_start`]. `None`: reading starts where [`offsets_for_times`] or the log's start puts it.
    ///
    /// [`offsets_for_times`]: https://docs.rs/rdkafka/latest/rdkafka/consumer/trait.Consumer.html#method.offsets_for_times
    pub checkpoint: Option<Checkpoint>,
}

/// The broker's answer to the question where the log ends (rule 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEnd {
    /// The partition's high watermark: the offset that the next record gets.
    pub high_watermark: i64,
    /// The consumer's position: all records below it have been given to [`Engine::receive`].
    pub position: i64,
    /// When the question was sent, on the clock of `now`.
    pub asked_at: Duration,
}

/// What is kept in the metadata of a committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    warm_start: i64,
    running_max_ms: i64,
    window_ms: i64,
}

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
    /// Missing sequence numbers that were given up, each counted.
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
}

/// Dedup, reorder and watermark of one partition for one assignment. See the module's text.
#[derive(Debug)]
pub struct Engine<P> {
    config: EngineConfig,
    counts: EngineCounts,
    waiting: Vec<P>,
}

impl EngineConfig {
    /// How much log below the committed offset the stages need, in log time: the longer of the dedup TTL and, where the
    /// topic is reordered, 60 s. `None`: no stage keeps anything, so there is nothing to warm up.
    pub fn warm_window(&self) -> Option<Duration> {
        let reorder = self.reorder.map(|_| Duration::from_secs(60));
        self.dedup.map(|d| d.ttl).max(reorder)
    }
}

impl Checkpoint {
    /// Reads the metadata of a committed offset. `None`: it is empty, foreign, or of an unknown version.
    pub fn parse(metadata: &[u8]) -> Option<Self> {
        let _ = metadata;
        None
    }

    /// The offset at which reading must start, so that the stages know all that their verdicts rest on.
    pub fn warm_start(&self) -> i64 {
        self.warm_start
    }

    /// Whether this checkpoint reaches far enough back for these settings: its own window may have been shorter, and a
    /// warm start above the committed offset is nonsense. If not, treat the commit as one without metadata.
    pub fn serves(&self, config: &EngineConfig) -> bool {
        let _ = config;
        let _ = (self.running_max_ms, self.window_ms);
        false
    }
}

impl<P> Engine<P> {
    /// An engine for a partition that has just been assigned.
    pub fn new(config: EngineConfig) -> Self {
        Self {
            config,
            counts: EngineCounts::default(),
            waiting: Vec::new(),
        }
    }

    /// Takes the next record of the partition. `decode` is called at most once, and not for what dedup drops by its
    /// header. What is to be done is appended to `out`: for this record, and for others that it set free.
    ///
    /// `now` is a monotonic clock, from any fixed start. A record at or below the last one received is ignored.
    pub fn receive(
        &mut self,
        meta: Meta<'_>,
        now: Duration,
        decode: impl FnOnce() -> Decoded<P>,
        out: &mut Vec<Output<P>>,
    ) {
        let _ = (meta, now, decode(), out);
    }

    /// When [`Engine::tick`] should be called next, with a [`LogEnd`] asked for at or after that time.
    /// `None`: nothing waits. A time in the past means: ask now.
    pub fn next_deadline(&self) -> Option<Duration> {
        None
    }

    /// Lets what has waited for the hold time go, if the log ends at our position (rule 5). Without `log_end`, or when
    /// more of the log is to come, nothing is set free, and [`Engine::next_deadline`] says when to ask again.
    pub fn tick(&mut self, now: Duration, log_end: Option<LogEnd>, out: &mut Vec<Output<P>>) {
        let _ = (now, log_end, out);
    }

    /// A declared end of the stream: everything that waits comes out, in order. A plain shutdown must not call it.
    pub fn finish(&mut self, out: &mut Vec<Output<P>>) {
        let _ = out;
    }

    /// The record at `offset` needs no more work: it was handled, or its dead letter was acknowledged. Call it only for
    /// offsets that came out. Unknown or settled offsets are ignored.
    pub fn settle(&mut self, offset: i64) {
        let _ = offset;
    }

    /// The offset that may be committed: the lowest outstanding one, or the last received + 1, never below the committed
    /// one. `None`: nothing was committed and nothing received.
    pub fn watermark(&self) -> Option<i64> {
        self.config.committed
    }

    /// The metadata to commit with [`Engine::watermark`]. At most 100 ASCII characters; empty where no stage needs one.
    pub fn checkpoint(&self) -> String {
        String::new()
    }

    /// The counters so far.
    pub fn counts(&self) -> EngineCounts {
        self.counts
    }

    /// Number of records that wait in the reorder stage, quarantined ones included. Warm ones do not count.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Number of records that are not settled: waiting, or given out.
    pub fn outstanding(&self) -> usize {
        self.waiting.len()
    }
}
