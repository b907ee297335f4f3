//! The state of the consumer's thread: one [`Partition`] for each assigned one, and what they share.
//!
//! Everything here happens on the polling thread. Records go through the engine of their partition as they are received
//! ([`super::intake`]); what comes out goes to the application, to the dead-letter topic, or stops the consumer. What the
//! application, the registry and the brokers answer comes back as notes ([`super::notes`]).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::commit::CommitBook;
use super::counts::ConsumerCounts;
use super::delivery::{Made, Record};
use super::error::ConsumerError;
use super::gate::Assignment;
use super::letters::DeadLetters;
use super::mail::{Mailbox, Note, Outbox};
use super::pressure::Pressure;
use super::probe::Probe;
use super::spare::Spare;
use super::start::StartAt;
use super::stash::Stash;
use super::values::{Prepared, Values};
use crate::engine::key::Keyed;
use crate::engine::{Engine, EngineConfig, Meta, Output};
use crate::observe::ConsumerMeter;
use crate::topic::Topic;
use crate::waker::Waker;

/// What the thread is told once, when it starts.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) topic: Arc<str>,
    pub(crate) group: String,
    pub(crate) engine: EngineConfig,
    pub(crate) until_end: bool,
    /// Where a partition starts that the group has committed nothing of; `None`: as `auto.offset.reset` says.
    pub(crate) start: Option<StartAt>,
    /// Commits nothing, writes nothing, and does not stop at poison.
    pub(crate) observer: bool,
    /// The application declares the end.
    pub(crate) end_of_stream: CancellationToken,
    /// How long a revocation waits for handlers that run.
    pub(crate) drain: Duration,
    pub(crate) commit_interval: Duration,
    pub(crate) commit_count: u64,
    pub(crate) high: usize,
    pub(crate) low: usize,
}

/// One assigned partition.
pub(crate) struct Partition<E> {
    pub(crate) assignment: Arc<Assignment>,
    pub(crate) engine: Engine<Box<Made<E>>>,
    /// Received and not handed out.
    pub(super) stash: Stash,
    /// Something has come into the stash and was not offered to the engine yet.
    pub(super) unfed: bool,
    /// The next offset to be given to the engine.
    pub(crate) position: Option<i64>,
    /// Where the log ended when the consumer started; reading stops there with `until_end`.
    pub(crate) end: Option<i64>,
    /// Nothing below `end` is left to be received.
    pub(crate) reached: bool,
    /// The question where the log ends is under way.
    pub(super) asked: bool,
    /// It had no answer: it is not asked again before.
    pub(super) ask_after: Duration,
    /// Letters that the broker has not answered.
    pub(crate) letters: usize,
    pub(crate) handled: u64,
    pub(super) high_watermark: Option<i64>,
    /// librdkafka was told not to fetch from it.
    pub(crate) paused: bool,
    /// What is fetched from it goes to the thread's queue.
    pub(super) gathered: bool,
}

impl<E> Partition<E> {
    pub(crate) fn new(
        assignment: Arc<Assignment>,
        config: EngineConfig,
        position: Option<i64>,
        end: Option<i64>,
    ) -> Self {
        Self {
            assignment,
            engine: Engine::new(config),
            stash: Stash::default(),
            unfed: false,
            position,
            end,
            reached: matches!((position, end), (Some(position), Some(end)) if position >= end),
            asked: false,
            ask_after: Duration::ZERO,
            letters: 0,
            handled: 0,
            high_watermark: end,
            paused: false,
            gathered: false,
        }
    }
}

/// What is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Records are received.
    Reading,
    /// Nothing more is received, because the end was reached or an error stopped the consumer; what was handed out is still
    /// settled and committed.
    Ended,
}

/// All of it.
pub(crate) struct Core<T: Topic> {
    pub(crate) settings: Settings,
    pub(crate) start: Instant,
    pub(crate) partitions: BTreeMap<i32, Partition<T::Event>>,
    pub(crate) book: CommitBook,
    pub(crate) pressure: Pressure,
    pub(crate) phase: Phase,
    /// A first assignment, perhaps an empty one, has come.
    pub(crate) joined: bool,
    /// The consumer is told to close: no engine is made any more.
    pub(crate) closing: bool,
    /// Something went wrong that whoever reads the stream, or closes it, is told.
    failed: bool,
    /// It did when the stream had ended already.
    pub(crate) late_error: Option<ConsumerError>,
    /// What the loop was told and has not done yet.
    pub(crate) stop: Option<Stop>,
    pub(crate) epoch: u64,
    /// Where each partition's log ended when it was first assigned.
    pub(crate) ends: BTreeMap<i32, i64>,
    pub(crate) probe: Probe,
    pub(crate) letters: Option<DeadLetters>,
    pub(crate) outbox: Arc<Outbox<T::Event>>,
    pub(crate) waker: Arc<Waker>,
    /// Counters of what is not in an engine now.
    pub(crate) totals: ConsumerCounts,
    pub(super) topic: T,
    pub(super) values: Values<T::Event>,
    pub(super) mailbox: Arc<Mailbox<T::Event>>,
    pub(super) published: Arc<Mutex<ConsumerCounts>>,
    pub(crate) meter: ConsumerMeter,
    /// When the commit that is under way was sent.
    pub(crate) commit_sent: Duration,
    pub(super) spare: Spare<T::Event>,
    /// What the keys of vehicles, and so the lanes of records, are computed with: a vehicle has one lane in all partitions.
    pub(super) lanes: Keyed,
    pub(super) outputs: Vec<Output<Box<Made<T::Event>>>>,
    pub(super) ready: Vec<Arc<Record<T::Event>>>,
    pub(super) notes: Vec<Note<T::Event>>,
    /// Room for what is known of a batch of records while the engine takes it.
    pub(super) metas: Vec<Meta<'static>>,
    pub(super) values_room: Vec<Prepared<'static>>,
}

/// What the core is made of.
pub(crate) struct Parts<T: Topic> {
    pub(crate) settings: Settings,
    pub(crate) start: Instant,
    pub(crate) topic: T,
    pub(crate) values: Values<T::Event>,
    pub(crate) probe: Probe,
    pub(crate) letters: Option<DeadLetters>,
    pub(crate) mailbox: Arc<Mailbox<T::Event>>,
    pub(crate) outbox: Arc<Outbox<T::Event>>,
    pub(crate) published: Arc<Mutex<ConsumerCounts>>,
    pub(crate) meter: ConsumerMeter,
    pub(crate) waker: Arc<Waker>,
}

/// What a note asks of the loop itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    Close(Instant),
    Abandon,
}

impl<T: Topic> Core<T> {
    pub(crate) fn new(parts: Parts<T>) -> Self {
        let settings = parts.settings;
        Self {
            start: parts.start,
            partitions: BTreeMap::new(),
            book: CommitBook::new(settings.commit_interval, settings.commit_count),
            pressure: Pressure::new(settings.high, settings.low, Duration::from_millis(100)),
            settings,
            phase: Phase::Reading,
            joined: false,
            closing: false,
            failed: false,
            late_error: None,
            stop: None,
            epoch: 0,
            ends: BTreeMap::new(),
            probe: parts.probe,
            letters: parts.letters,
            outbox: parts.outbox,
            waker: parts.waker,
            totals: ConsumerCounts::default(),
            topic: parts.topic,
            values: parts.values,
            mailbox: parts.mailbox,
            published: parts.published,
            meter: parts.meter,
            commit_sent: Duration::ZERO,
            spare: Spare::default(),
            lanes: Keyed::random(),
            outputs: Vec::new(),
            ready: Vec::new(),
            notes: Vec::new(),
            metas: Vec::new(),
            values_room: Vec::new(),
        }
    }

    /// The clock of the engines and of the commits.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// Hands what is ready to the application.
    pub(crate) fn hand_out(&mut self) {
        self.outbox.push(&mut self.ready);
    }

    /// Nothing more is received; the application gets what is ready, and then the error. Where the stream has ended without
    /// one, closing tells it: the record that it is about is not settled.
    pub(crate) fn fail(&mut self, error: ConsumerError) {
        if self.phase == Phase::Reading {
            tracing::error!(%error, "the consumer stops");
            self.phase = Phase::Ended;
            self.failed = true;
            self.hand_out();
            self.publish(None);
            self.outbox.end(Some(error));
        } else if !self.failed {
            tracing::error!(%error, "after the end of the stream");
            self.failed = true;
            self.late_error = Some(error);
        }
    }

    /// Whether the stream has ended: declared by the application, or, with `until_end`, received up to the ends.
    pub(crate) fn at_end(&self) -> bool {
        let declared = self.settings.end_of_stream.is_cancelled();
        let read_up = |partition: &Partition<T::Event>| declared || partition.reached;
        self.phase == Phase::Reading
            && (declared || (self.settings.until_end && self.joined))
            && self
                .partitions
                .values()
                .all(|partition| read_up(partition) && partition.stash.is_empty())
            && (declared || self.letters_under_way() == 0)
    }

    /// Letters that the broker has not answered.
    pub(super) fn letters_under_way(&self) -> usize {
        self.partitions.values().map(|partition| partition.letters).sum()
    }

    /// The declared end: what waits comes out, in order.
    pub(crate) fn finish(&mut self) {
        let numbers: Vec<i32> = self.partitions.keys().copied().collect();
        for number in numbers {
            if let Some(partition) = self.partitions.get_mut(&number) {
                partition.engine.finish(&mut self.outputs);
            }
            self.route(number);
        }
        // What came out may have been refused: the end comes when these letters are answered, and says if one was not taken.
        if !self.settings.end_of_stream.is_cancelled() && self.letters_under_way() > 0 {
            self.hand_out();
        } else if self.phase == Phase::Reading {
            self.phase = Phase::Ended;
            self.hand_out();
            self.publish(None);
            self.outbox.end(None);
        }
    }
}
