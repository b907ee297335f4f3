//! A consumer without a broker: it reads a log, handles, commits, is killed and starts again, as a schedule says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use proptest::prelude::*;

use super::super::mistakes::{Mistake, planted};
use super::super::{
    Checkpoint, Decoded, Engine, EngineConfig, EngineCounts, Fields, LogEnd, Meta, Output, PoisonCause,
    Refusal,
};
use super::log::{Header, Rec, What};
use crate::topic::{DedupSpec, ReorderSpec};

/// What the schedule can ask for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// So many records are appended and read, as far as there are any.
    Read(u8),
    /// So many records are appended, and not read yet.
    Append(u8),
    /// A record that came out is settled: the first of some vehicle, or some dead letter.
    Settle(prop::sample::Index),
    /// The watermark is committed, with its metadata or, once in a while, without.
    Commit { metadata: bool },
    /// So many milliseconds of clock pass; then the engine is told where the log ends, if it wants to know.
    Tick(u16),
    /// The consumer dies and another one starts at the committed offset.
    Kill,
}

pub(super) fn acts(most: usize) -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        8 => (1_u8..6).prop_map(Act::Read),
        1 => (1_u8..4).prop_map(Act::Append),
        8 => any::<prop::sample::Index>().prop_map(Act::Settle),
        4 => prop::bool::weighted(0.9).prop_map(|metadata| Act::Commit { metadata }),
        1 => prop_oneof![Just(299_u16), Just(300), 0_u16..400].prop_map(Act::Tick),
        2 => Just(Act::Kill),
    ];
    prop::collection::vec(act, 0..most)
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Stages {
    pub(super) ttl: Option<i64>,
    pub(super) reorder: Option<(u32, u32, i64)>,
}

pub(super) const TOLERANCE: u32 = 2;

impl Stages {
    pub(super) const BOTH: Self = Self {
        ttl: Some(1000),
        reorder: Some((10, TOLERANCE, 300)),
    };
    pub(super) const REORDER: Self = Self {
        ttl: None,
        reorder: Some((10, TOLERANCE, 300)),
    };
}

/// What was seen to happen in an assignment. Numbers are places in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    Received {
        n: usize,
        warm: bool,
    },
    Handle(usize),
    Refused(usize, Refusal),
    Poison(usize, PoisonCause),
    Duplicate(usize),
    FrameDuplicate(usize),
    Settled(usize),
    /// The engine was told where the log ends; `over`: nothing lay beyond our position.
    Ticked {
        now: Duration,
        over: bool,
    },
    /// The state after each act.
    State {
        waiting: usize,
        watermark: Option<i64>,
    },
}

/// One assignment.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) committed: Option<i64>,
    pub(super) seen: Vec<Seen>,
    pub(super) counts: EngineCounts,
    pub(super) waiting: usize,
    /// It was told that the stream ends.
    pub(super) finished: bool,
}

/// All assignments, one after another. The last one read the whole log, and all that came out was settled.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) runs: Vec<Run>,
}

pub(super) struct World<'a> {
    log: &'a [Rec],
    stages: Stages,
    /// Records appended so far.
    appended: usize,
    broker: Option<(i64, String)>,
    engine: Engine<usize>,
    next: usize,
    now: Duration,
    read_at: BTreeMap<usize, Duration>,
    /// What came out and is not settled: in order for each vehicle, dead letters for themselves.
    lanes: BTreeMap<Option<u8>, VecDeque<usize>>,
    run: Run,
    runs: Vec<Run>,
}

/// Runs a schedule over a log; at its end the log is read to its end and everything is settled.
pub(super) fn simulate(log: &[Rec], stages: Stages, acts: &[Act]) -> Trace {
    let mut world = World::new(log, stages);
    for act in acts {
        world.act(*act);
    }
    world.conclude()
}

impl<'a> World<'a> {
    pub(super) fn new(log: &'a [Rec], stages: Stages) -> Self {
        let run = Run {
            committed: None,
            seen: vec![],
            counts: EngineCounts::default(),
            waiting: 0,
            finished: false,
        };
        let mut world = Self {
            log,
            stages,
            appended: 0,
            broker: None,
            engine: Engine::new(EngineConfig::default()),
            next: 0,
            now: Duration::ZERO,
            read_at: BTreeMap::new(),
            lanes: BTreeMap::new(),
            run,
            runs: vec![],
        };
        world.start();
        world
    }

    fn start(&mut self) {
        let millis = |ms: i64| Duration::from_millis(ms as u64);
        let mut config = EngineConfig {
            dedup: self.stages.ttl.map(|ttl| DedupSpec { ttl: millis(ttl) }),
            reorder: self.stages.reorder.map(|(ring, tolerance, hold)| ReorderSpec {
                ring,
                tolerance,
                hold: millis(hold),
            }),
            committed: self.broker.as_ref().map(|(offset, _)| *offset),
            ..EngineConfig::default()
        };
        config.checkpoint = self
            .broker
            .as_ref()
            .and_then(|(_, metadata)| Checkpoint::parse(metadata.as_bytes()))
            .filter(|c| c.serves(&config));
        // Without metadata the whole log is read again, as where there is no look-up by time.
        let start = match (&config.checkpoint, config.warm_window()) {
            (_, None) => config.committed.unwrap_or(0),
            (Some(checkpoint), _) => checkpoint.warm_start(),
            (None, _) => 0,
        };
        self.next = self.log.partition_point(|rec| rec.offset < start);
        // Compaction may have removed the very record that the checkpoint names; where that one has no key, this must
        // change nothing.
        if self
            .log
            .get(self.next)
            .is_some_and(|rec| rec.offset == start && rec.dedup_key().is_none() && rec.place().is_none())
        {
            self.next += 1;
        }
        self.run.committed = config.committed;
        self.engine = Engine::new(config);
        self.lanes.clear();
        self.read_at.clear();
    }

    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Append(count) => self.appended = (self.appended + usize::from(count)).min(self.log.len()),
            Act::Read(count) => {
                for _ in 0..count {
                    self.read();
                }
            }
            Act::Settle(which) => {
                let lanes: Vec<_> = self.lanes.keys().copied().collect();
                if !lanes.is_empty() {
                    self.settle_first_of(lanes[which.index(lanes.len())]);
                }
            }
            Act::Commit { metadata } => {
                if let Some(watermark) = self.engine.watermark() {
                    let text = if metadata {
                        self.engine.checkpoint()
                    } else {
                        "of another client".to_owned()
                    };
                    self.broker = Some((watermark, text));
                }
            }
            Act::Tick(ms) => {
                self.now += Duration::from_millis(ms.into());
                self.tick();
            }
            Act::Kill => {
                if planted(Mistake::FlushAtKill) {
                    let mut out = vec![];
                    self.engine.finish(&mut out);
                    self.take(out);
                    self.settle_all();
                    self.act(Act::Commit { metadata: true });
                }
                self.end_run();
                self.start();
            }
        }
        let state = Seen::State {
            waiting: self.engine.waiting(),
            watermark: self.engine.watermark(),
        };
        self.run.seen.push(state);
    }

    fn end_run(&mut self) {
        self.run.counts = self.engine.counts();
        self.run.waiting = self.engine.waiting();
        let empty = Run {
            seen: vec![],
            finished: false,
            ..self.run.clone()
        };
        self.runs.push(std::mem::replace(&mut self.run, empty));
    }

    fn tick(&mut self) {
        if self
            .engine
            .next_deadline()
            .is_none_or(|deadline| deadline > self.now)
        {
            return;
        }
        let after = |next: usize| next.checked_sub(1).map_or(0, |last| self.log[last].offset + 1);
        let (high_watermark, position) = (after(self.appended), after(self.next));
        let end = LogEnd {
            high_watermark,
            position,
            asked_at: self.now,
        };
        let mut out = vec![];
        self.engine.tick(self.now, Some(end), &mut out);
        self.run.seen.push(Seen::Ticked {
            now: self.now,
            over: self.next >= self.appended,
        });
        self.take(out);
    }

    fn read(&mut self) {
        let n = self.next;
        let Some(rec) = self.log.get(n) else { return };
        self.next += 1;
        self.appended = self.appended.max(self.next);
        self.read_at.insert(n, self.now);
        let warm = self.run.committed.is_some_and(|committed| rec.offset < committed);
        self.run.seen.push(Seen::Received { n, warm });
        let header = rec.header();
        let meta = Meta {
            offset: rec.offset,
            timestamp_ms: rec.timestamp,
            dedup_key: header.as_deref(),
            value: if matches!(rec.what, What::Tombstone { .. }) {
                None
            } else {
                Some(b"value")
            },
            replayed: matches!(rec.what, What::Replayed { .. }),
        };
        let decode = |fields: &mut Fields| match rec.what {
            What::Garbage { .. } => Decoded::Poison(n),
            What::Tombstone { .. } => Decoded::Tombstone(n),
            What::Replayed { vehicle, frame } => event(fields, rec, n, vehicle, 0, frame),
            What::Event {
                vehicle,
                epoch,
                frame,
                ..
            } => event(fields, rec, n, vehicle, epoch, frame),
        };
        let before = self.engine.counts();
        let mut out = vec![];
        self.engine.receive(meta, self.now, decode, &mut out);
        self.take(out);
        let after = self.engine.counts();
        if after.duplicates > before.duplicates {
            self.run.seen.push(Seen::Duplicate(n));
        }
        if after.frame_duplicates > before.frame_duplicates {
            self.run.seen.push(Seen::FrameDuplicate(n));
        }
    }

    fn take(&mut self, out: Vec<Output<usize>>) {
        for output in out {
            let (offset, n, lane, seen) = match output {
                Output::Handle { offset, payload: n } => (
                    offset,
                    n,
                    self.log[n].place().map(|((vehicle, _), _)| vehicle),
                    Seen::Handle(n),
                ),
                Output::Refused {
                    offset,
                    outcome,
                    payload: n,
                } => (offset, n, None, Seen::Refused(n, outcome)),
                Output::Poison {
                    offset,
                    cause,
                    payload: n,
                } => (offset, n, None, Seen::Poison(n, cause)),
            };
            assert_eq!(offset, self.log[n].offset, "an output carries its own record");
            self.run.seen.push(seen);
            self.lanes.entry(lane).or_default().push_back(n);
        }
    }

    fn settle_first_of(&mut self, lane: Option<u8>) {
        let Some(queue) = self.lanes.get_mut(&lane) else {
            return;
        };
        if let Some(n) = queue.pop_front() {
            self.engine.settle(self.log[n].offset);
            self.run.seen.push(Seen::Settled(n));
        }
        if queue.is_empty() {
            self.lanes.remove(&lane);
        }
    }

    fn settle_all(&mut self) {
        while let Some(lane) = self.lanes.keys().next().copied() {
            self.settle_first_of(lane);
        }
    }

    /// Reads the rest, declares the end and settles everything.
    pub(super) fn conclude(mut self) -> Trace {
        while self.next < self.log.len() {
            self.act(Act::Read(1));
        }
        self.run.finished = true;
        let mut out = vec![];
        self.engine.finish(&mut out);
        self.take(out);
        self.settle_all();
        self.act(Act::Read(0));
        self.end_run();
        Trace { runs: self.runs }
    }

    /// Reads the rest and lets the clock run until nothing waits any more. `None`: it never came to that.
    pub(super) fn wait_out(mut self) -> Option<Trace> {
        self.act(Act::Read(u8::MAX));
        for _ in 0..=self.log.len() {
            self.settle_all();
            if self.engine.waiting() == 0 {
                self.act(Act::Read(0));
                self.end_run();
                return Some(Trace { runs: self.runs });
            }
            self.now = self.now.max(self.engine.next_deadline()?);
            self.tick();
        }
        None
    }

    /// Records that wait longer than the hold, as rule 5 counts it, at this moment. `time`: log time; `over`: the log ends
    /// at our position, as we have just asked.
    pub(super) fn overdue(&self, times: &[i64], over: bool) -> Vec<usize> {
        let Some((_, _, hold)) = self.stages.reorder else {
            return vec![];
        };
        let time = self.next.checked_sub(1).map_or(0, |last| times[last]);
        let by_clock = |n: &usize| over && self.now - self.read_at[n] >= Duration::from_millis(hold as u64);
        // The time is looked at before the record that raised it: that one is new.
        self.waiting()
            .into_iter()
            .filter(|n| *n + 1 != self.next)
            .filter(|n| time - times[*n] >= hold || by_clock(n))
            .collect()
    }

    /// The records that were received and have no outcome.
    fn waiting(&self) -> BTreeSet<usize> {
        waiting(&self.run.seen)
    }

    /// How often the engine has been told where the log ends.
    pub(super) fn ticks(&self) -> usize {
        self.run
            .seen
            .iter()
            .filter(|seen| matches!(seen, Seen::Ticked { .. }))
            .count()
    }

    pub(super) fn at_log_end(&self) -> bool {
        self.next >= self.appended
    }
}

fn event(fields: &mut Fields, rec: &Rec, n: usize, vehicle: u8, epoch: u8, frame: i64) -> Decoded<usize> {
    let dedup_key = rec.fields_key();
    debug_assert!(
        !matches!(
            rec.what,
            What::Event {
                header: Header::Wrong,
                ..
            }
        ) || rec.header().as_ref() != Some(&dedup_key)
    );
    fields.set_dedup_key(&dedup_key);
    fields.set_sequence(&format!("v{vehicle}"), &format!("e{epoch}"), frame);
    Decoded::Event(n)
}

/// The records received in an assignment, warm ones not, that have no outcome yet.
pub(super) fn waiting(seen: &[Seen]) -> BTreeSet<usize> {
    let mut waiting = BTreeSet::new();
    for seen in seen {
        match *seen {
            Seen::Received { n, warm: false } => {
                waiting.insert(n);
            }
            Seen::Handle(n)
            | Seen::Refused(n, _)
            | Seen::Poison(n, _)
            | Seen::Duplicate(n)
            | Seen::FrameDuplicate(n) => {
                waiting.remove(&n);
            }
            _ => {}
        }
    }
    waiting
}
