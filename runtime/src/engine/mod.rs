//! The stream engine: dedup, reorder and commit watermark of one assigned partition, without any I/O.
//!
//! Bytes, clocks and brokers stay outside: records, times and answers of the broker come in as arguments, and what is
//! to be done comes out as values. So every decision can be tested, and the same input gives the same output.
//! One [`Engine`] serves one partition for one assignment. After a rebalance a new one is made; nothing of the old one
//! is carried over but what the log and the committed offset tell.
//!
//! The order of the stages is dedup, decode, reorder: dedup comes before decoding where a record has our header, and
//! after it where it has none. The time of a record is the running maximum of the partition's timestamps; the clock only
//! ends waiting at the end of the log.
//!
//! The engine does not decode, does not retry, does not commit: it says what may be committed.
//!
//! ```
//! use std::time::Duration;
//! use fleetops_runtime::engine::{Decoded, Engine, EngineConfig, Fields, Meta, Output};
//! use fleetops_runtime::topic::{DedupSpec, ReorderSpec};
//!
//! let mut config = EngineConfig::default();
//! config.dedup = Some(DedupSpec { ttl: Duration::from_secs(60) });
//! config.reorder = Some(ReorderSpec { ring: 10, tolerance: 2, hold: Duration::from_millis(300) });
//! let mut engine = Engine::new(config);
//! let mut out = Vec::new();
//!
//! // Frames 0, 2, 1 of one vehicle, and frame 1 once more.
//! for (offset, frame) in [(0, 0), (1, 2), (2, 1), (3, 1)] {
//!     let key = format!("event-{frame}");
//!     let meta = Meta {
//!         offset,
//!         timestamp_ms: Some(1_700_000_000_000 + offset),
//!         dedup_key: Some(key.as_bytes()),
//!         value: Some(b"..."),
//!         replayed: false,
//!     };
//!     let decode = |fields: &mut Fields| {
//!         fields.set_dedup_key(key.as_bytes());
//!         fields.set_sequence("scene_0_ego", "session", frame);
//!         Decoded::Event(frame)
//!     };
//!     engine.receive(meta, Duration::from_millis(offset as u64), decode, &mut out);
//! }
//! let frames: Vec<_> = out.iter().map(|o| match o { Output::Handle { payload, .. } => *payload, _ => -1 }).collect();
//! assert_eq!(frames, [0, 1, 2]);
//! assert_eq!((engine.counts().duplicates, engine.counts().reordered), (1, 1));
//!
//! // Frame 2 at offset 1 is still being handled: nothing beyond it may be committed.
//! engine.settle(0);
//! engine.settle(2);
//! assert_eq!(engine.watermark(), Some(1));
//! engine.settle(1);
//! assert_eq!(engine.watermark(), Some(4));
//! ```

mod checkpoint;
mod config;
mod counts;
pub(crate) mod dedup;
mod frames;
mod index;
pub(crate) mod key;
mod mistakes;
mod offsets;
mod read;
mod record;
mod reorder;
mod sink;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use checkpoint::Checkpoint;
pub use config::EngineConfig;
pub use counts::EngineCounts;
pub use record::{Decoded, Fields, LogEnd, Meta, Output, PoisonCause, Refusal};

use checkpoint::Trail;
use dedup::{BLOCK, Dedup};
use frames::Item;
use key::{Key, Keyed};
use mistakes::{Mistake, planted};
use offsets::Offsets;
use read::{Identity, Read};
use reorder::{Place, Reorder};
use sink::Sink;

/// Dedup, reorder and watermark of one partition for one assignment. See the [module's text](self).
///
/// `P` is what the caller wants back for a record: the event, or the raw record for a dead letter.
#[derive(Debug)]
pub struct Engine<P> {
    committed: Option<i64>,
    /// No warm record is to come any more.
    live: bool,
    /// Running maximum of the timestamps.
    time: Option<i64>,
    keyed: Keyed,
    dedup: Option<Dedup>,
    reorder: Option<Reorder<P>>,
    offsets: Offsets,
    trail: Option<Trail>,
    counts: EngineCounts,
    /// The keys of the records that are being received, kept for its room.
    keys: Vec<Option<Key>>,
    /// What those of them are that were decoded ahead, likewise.
    ahead: Vec<Option<Read<P>>>,
    /// What the last decoded record's fields say, likewise.
    fields: Fields,
}

impl<P> Engine<P> {
    /// An engine for a partition that has just been assigned.
    ///
    /// A checkpoint that does not [serve](Checkpoint::serves) these settings is ignored.
    pub fn new(config: EngineConfig) -> Self {
        let start = config.checkpoint.filter(|checkpoint| checkpoint.serves(&config));
        Self {
            committed: config.committed,
            live: config.committed.is_none(),
            time: start.map(|checkpoint| checkpoint.running_max_ms()),
            keyed: Keyed::random(),
            dedup: config
                .dedup
                .map(|spec| Dedup::new(millis_up(spec.ttl), config.max_dedup_entries)),
            reorder: config.reorder.map(|spec| Reorder::new(&spec, config.max_tracks)),
            offsets: Offsets::new(config.committed),
            trail: config.window_ms().map(|window| Trail::new(window, start)),
            counts: EngineCounts::default(),
            keys: Vec::new(),
            ahead: Vec::new(),
            fields: Fields::default(),
        }
    }

    /// Takes the next record of the partition. `decode` is called at most once, and not where its result is not needed:
    /// for what dedup drops by its header, and for warm records of which no stage needs the fields. It writes what the stages go by into the
    /// [`Fields`], in which there is nothing before. What is to be done is appended to `out`: for this record, and for others that it set free.
    ///
    /// `now` is a monotonic clock, from any fixed start. Offsets must rise, and reading must start at the checkpoint's
    /// warm start where the engine was given one. A record at or below the last one received is ignored and counted in
    /// [`EngineCounts::repeated`].
    pub fn receive(
        &mut self,
        meta: Meta<'_>,
        now: Duration,
        decode: impl FnOnce(&mut Fields) -> Decoded<P>,
        out: &mut Vec<Output<P>>,
    ) {
        let key = meta.header().map(|text| self.keyed.of(text));
        let mut fields = std::mem::take(&mut self.fields);
        let read = |keyed: &Keyed| Read::new(&meta, keyed, &mut fields, decode);
        self.take(meta, key, now, read, out);
        self.fields = fields;
    }

    /// Takes the next records of the partition, as [`Engine::receive`] would take one after the other; `decode` is called with a
    /// record's number among these. What many records need to know of dedup is fetched from memory together, so this is faster.
    /// For that a record without our header is decoded before those ahead of it are taken, as it will be decoded anyway.
    pub fn receive_all(
        &mut self,
        records: &[Meta<'_>],
        now: Duration,
        mut decode: impl FnMut(usize, &mut Fields) -> Decoded<P>,
        out: &mut Vec<Output<P>>,
    ) {
        let mut keys = std::mem::take(&mut self.keys);
        let mut ahead = std::mem::take(&mut self.ahead);
        let mut fields = std::mem::take(&mut self.fields);
        for (block, records) in records.chunks(BLOCK).enumerate() {
            let mut read = |number: usize, meta: &Meta<'_>, keyed: &Keyed| {
                Read::new(meta, keyed, &mut fields, |fields| {
                    decode(block * BLOCK + number, fields)
                })
            };
            keys.clear();
            ahead.clear();
            let mut last = self.offsets.last();
            for (number, meta) in records.iter().enumerate() {
                let repeated = last.is_some_and(|last| meta.offset <= last);
                last = last.max(Some(meta.offset));
                let known = (!repeated && self.needs_fields(meta)).then(|| read(number, meta, &self.keyed));
                keys.push(match &known {
                    None => meta.header().map(|text| self.keyed.of(text)),
                    Some(read) => read.key(),
                });
                ahead.push(known);
            }
            if let Some(dedup) = &self.dedup {
                dedup.expect(&keys);
            }
            for (number, ((meta, key), ahead)) in records.iter().zip(&keys).zip(&mut ahead).enumerate() {
                let known = ahead.take();
                self.take(
                    *meta,
                    *key,
                    now,
                    |keyed| known.unwrap_or_else(|| read(number, meta, keyed)),
                    out,
                );
            }
        }
        self.keys = keys;
        self.ahead = ahead;
        self.fields = fields;
    }

    /// Whether dedup goes by the fields of this record, which has to be decoded then whatever else is so.
    fn needs_fields(&self, meta: &Meta<'_>) -> bool {
        let asked = meta.value.is_some() && !meta.replayed && meta.header().is_none();
        asked && self.dedup.is_some()
    }

    /// `key` is that of the record's header, or that of its fields where they are known.
    fn take(
        &mut self,
        meta: Meta<'_>,
        key: Option<Key>,
        now: Duration,
        read: impl FnOnce(&Keyed) -> Read<P>,
        out: &mut Vec<Output<P>>,
    ) {
        if self.offsets.last().is_some_and(|last| meta.offset <= last) {
            self.counts.repeated += 1;
            return;
        }
        let warm = self.committed.is_some_and(|committed| meta.offset < committed);
        self.time = self.time.max(meta.timestamp_ms);
        let time = self.time.unwrap_or(0);
        let mut sink = Sink {
            keyed: &self.keyed,
            offsets: &mut self.offsets,
            counts: &mut self.counts,
            out,
            warm: !self.live,
        };
        // Before anything else, so that even a decoder that panics leaves the record outstanding.
        if warm {
            sink.counts.warm += 1;
            sink.offsets.pass(meta.offset);
        } else {
            sink.counts.received += 1;
            sink.offsets.take(meta.offset);
        }
        if let Some(trail) = &mut self.trail {
            trail.observe(meta.offset, time, sink.offsets.watermark());
        }
        if let Some(reorder) = &mut self.reorder {
            // The time is looked at before the record that raised it.
            reorder.advance(time, &mut sink);
            if !warm && !self.live {
                reorder.settle_warm();
            }
        }
        self.live |= !warm;
        sink.warm = warm;
        let stages = Stages {
            dedup: self.dedup.as_mut(),
            reorder: self.reorder.as_mut(),
            sink,
            time,
            now,
            warm,
        };
        stages.run(meta, key, read);
        self.counts.dedup_forgotten = self.dedup.as_ref().map_or(0, Dedup::forgotten);
    }

    /// When [`Engine::tick`] should be called next, with a [`LogEnd`] asked for at or after that time.
    /// `None`: nothing waits. A time in the past means: ask now.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.reorder.as_ref()?.next_deadline()
    }

    /// Lets what has waited for the hold time go, if the log ends at our position (rule 5). Without `log_end`, or when
    /// more of the log is to come, nothing is set free, and [`Engine::next_deadline`] says when to ask again.
    pub fn tick(&mut self, now: Duration, log_end: Option<LogEnd>, out: &mut Vec<Output<P>>) {
        let (Some(reorder), Some(end)) = (&mut self.reorder, log_end) else {
            return;
        };
        let position = self
            .offsets
            .last()
            .map_or(end.position, |last| end.position.max(last.saturating_add(1)));
        if end.high_watermark > position && !planted(Mistake::HoldByClockAlone) {
            reorder.ask_later(now);
            return;
        }
        let mut sink = Sink {
            keyed: &self.keyed,
            offsets: &mut self.offsets,
            counts: &mut self.counts,
            out,
            warm: !self.live,
        };
        reorder.clock(end.asked_at, &mut sink);
    }

    /// A declared end of the stream: everything that waits comes out, in order, and unconfirmed jumps are refused. A
    /// plain shutdown must not call it: the next owner of the partition still expects what is missing.
    pub fn finish(&mut self, out: &mut Vec<Output<P>>) {
        let Some(reorder) = &mut self.reorder else { return };
        let mut sink = Sink {
            keyed: &self.keyed,
            offsets: &mut self.offsets,
            counts: &mut self.counts,
            out,
            warm: !self.live,
        };
        reorder.finish(&mut sink);
    }

    /// The record at `offset` needs no more work: it was handled, or its dead letter was acknowledged, or it is given up
    /// for good. Call it only for offsets that came out, in any order. Offsets that are unknown or settled already are ignored.
    ///
    /// A frame that was put in order, behind one with a higher offset, counts as settled only when that one is: after a
    /// restart all frames below a committed one are taken for done.
    pub fn settle(&mut self, offset: i64) {
        self.offsets.settle_in_turn(offset);
    }

    /// The offset that may be committed: the lowest outstanding one, or the last received + 1, never below the committed
    /// one. It never falls. `None`: nothing was committed and nothing received.
    pub fn watermark(&self) -> Option<i64> {
        self.offsets.watermark()
    }

    /// The metadata to commit with [`Engine::watermark`]: a [`Checkpoint`] as text, at most [`Checkpoint::MAX_LEN`] ASCII
    /// characters. Empty where no stage needs one, or no record below the watermark has been seen.
    pub fn checkpoint(&self) -> String {
        let found = self
            .watermark()
            .and_then(|watermark| self.trail.as_ref()?.checkpoint(watermark));
        found.map(|checkpoint| checkpoint.to_string()).unwrap_or_default()
    }

    /// The counters so far.
    pub fn counts(&self) -> EngineCounts {
        self.counts
    }

    /// Number of records that wait in the reorder stage, quarantined ones included. Warm ones do not count.
    pub fn waiting(&self) -> usize {
        self.reorder.as_ref().map_or(0, Reorder::waiting)
    }

    /// Number of records that are not settled: waiting, or given out.
    pub fn outstanding(&self) -> usize {
        self.offsets.outstanding()
    }

    /// Whether the record at this offset was received and is not settled: it waits here, or it was given out.
    #[cfg(feature = "kafka")]
    pub(crate) fn is_outstanding(&self, offset: i64) -> bool {
        self.offsets.is_outstanding(offset)
    }

    /// The last offset received, warm ones included.
    pub fn last_received(&self) -> Option<i64> {
        self.offsets.last()
    }

    /// Number of keys that dedup remembers.
    pub fn dedup_entries(&self) -> usize {
        self.dedup.as_ref().map_or(0, Dedup::entries)
    }

    /// Number of pairs of `by` and `epoch` that the reorder stage remembers.
    pub fn tracks(&self) -> usize {
        self.reorder.as_ref().map_or(0, Reorder::tracks)
    }
}

/// One record's way through the stages.
struct Stages<'a, P> {
    dedup: Option<&'a mut Dedup>,
    reorder: Option<&'a mut Reorder<P>>,
    sink: Sink<'a, P>,
    time: i64,
    now: Duration,
    warm: bool,
}

impl<P> Stages<'_, P> {
    fn run(mut self, meta: Meta<'_>, key: Option<Key>, read: impl FnOnce(&Keyed) -> Read<P>) {
        if meta.replayed && !planted(Mistake::ReplayDedupd) {
            return self.past(meta, read);
        }
        let header = meta.header();
        if header.is_some() && key.is_some_and(|key| self.is_duplicate(key)) {
            return;
        }
        let needs_fields = self.reorder.is_some() || (self.dedup.is_some() && header.is_none());
        if self.warm && !(needs_fields && meta.value.is_some()) {
            return;
        }
        match read(self.sink.keyed) {
            Read::Tombstone(payload) => self.tombstone(meta.offset, payload),
            Read::Poison(payload) => self.poison(meta.offset, PoisonCause::Decoding, payload),
            Read::Event {
                payload,
                identity,
                place,
            } => self.event(meta, key, payload, identity, place),
        }
    }

    /// A replayed dead letter was judged by dedup and reorder when it first came: now it is to be handled.
    fn past(&mut self, meta: Meta<'_>, read: impl FnOnce(&Keyed) -> Read<P>) {
        if self.warm {
            return;
        }
        self.sink.counts.replayed += 1;
        match read(self.sink.keyed) {
            Read::Tombstone(payload) => self.tombstone(meta.offset, payload),
            Read::Poison(payload) => self.poison(meta.offset, PoisonCause::Decoding, payload),
            Read::Event { payload, .. } => self.sink.handle(meta.offset, payload),
        }
    }

    fn event(
        &mut self,
        meta: Meta<'_>,
        key: Option<Key>,
        payload: P,
        identity: Identity,
        place: Option<Place>,
    ) {
        let key = match identity {
            Identity::Contradicted => {
                return self.poison(meta.offset, PoisonCause::HeaderContradicted, payload);
            }
            Identity::OfHeader => key,
            Identity::OfFields(key) => {
                if self.is_duplicate(key) {
                    return;
                }
                Some(key)
            }
            Identity::Unknown => None,
        };
        let warm = self.warm && !planted(Mistake::WarmRecordEmitted);
        let payload = (!warm).then_some(payload);
        match (self.reorder.as_deref_mut(), place) {
            (Some(reorder), Some(place)) => {
                let identity = key.unwrap_or_else(|| self.sink.keyed.of(meta.value.unwrap_or_default()));
                let item = Item {
                    index: place.index,
                    offset: meta.offset,
                    identity: identity.short(),
                    time: self.time,
                    read_at: self.now,
                    payload,
                };
                reorder.receive(place, item, &mut self.sink);
            }
            _ => {
                if let Some(payload) = payload {
                    self.sink.handle(meta.offset, payload);
                }
            }
        }
    }

    /// Asks dedup, which remembers the key. A duplicate needs no more work.
    fn is_duplicate(&mut self, key: Key) -> bool {
        let Some(dedup) = self.dedup.as_deref_mut() else {
            return false;
        };
        let duplicate = dedup.is_duplicate(key, self.time);
        if duplicate && !self.warm {
            self.sink.counts.duplicates += 1;
            if let Some(last) = self.sink.offsets.last() {
                self.sink.offsets.settle(last);
            }
        }
        duplicate
    }

    fn tombstone(&mut self, offset: i64, payload: P) {
        if !self.warm {
            self.sink.counts.tombstones += 1;
            self.sink.handle(offset, payload);
        }
    }

    fn poison(&mut self, offset: i64, cause: PoisonCause, payload: P) {
        if !self.warm {
            self.sink.poison(offset, cause, payload);
        }
    }
}

/// A span in whole milliseconds, rounded up: for integers, less than the span is less than this.
fn millis_up(span: Duration) -> i64 {
    i64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}
