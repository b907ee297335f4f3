//! The state of the consumer's thread: one [`Partition`] for each assigned one, and what they share.
//!
//! Everything here happens on the polling thread. Records go through the engine of their partition as they are received;
//! what comes out goes to the application, to the dead-letter topic, or stops the consumer. What the application, the
//! registry and the brokers answer comes back as notes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::Message;
use rdkafka::message::BorrowedMessage;

use tokio_util::sync::CancellationToken;

use super::commit::CommitBook;
use super::context;
use super::counts::{ConsumerCounts, PartitionCounts};
use super::delivery::Record;
use super::error::ConsumerError;
use super::gate::{Assignment, Waker};
use super::letters::{DeadLetters, Letter, Ticket};
use super::mail::{Mailbox, Note, Outbox};
use super::making::{DEDUP_KEY, Making, poison, refusal};
use super::native;
use super::pressure::Pressure;
use super::probe::Probe;
use super::raw::{Raw, RawBuilder};
use super::start::StartAt;
use super::values::{Prepared, Values};
use crate::dead_letter::{Reason, header};
use crate::engine::{Engine, EngineConfig, LogEnd, Meta, Output};
use crate::observe::ConsumerMeter;
use crate::topic::Topic;

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

/// A record that waits for its writer's schema.
struct Stashed {
    raw: Raw,
    offset: i64,
    timestamp_ms: Option<i64>,
}

/// One assigned partition.
pub(crate) struct Partition<E> {
    pub(crate) assignment: Arc<Assignment>,
    pub(crate) engine: Engine<Arc<Record<E>>>,
    /// Received and not given to the engine: the first one waits for a schema, the others for the first.
    stash: VecDeque<Stashed>,
    /// The next offset to be given to the engine.
    pub(crate) position: Option<i64>,
    /// Where the log ended when the consumer started; reading stops there with `until_end`.
    pub(crate) end: Option<i64>,
    /// Nothing below `end` is left to be received.
    pub(crate) reached: bool,
    /// The question where the log ends is under way.
    asked: bool,
    /// It had no answer: it is not asked again before.
    ask_after: Duration,
    /// Letters that the broker has not answered.
    pub(crate) letters: usize,
    pub(crate) handled: u64,
    high_watermark: Option<i64>,
    /// librdkafka was told not to fetch from it.
    pub(crate) paused: bool,
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
            stash: VecDeque::new(),
            position,
            end,
            reached: matches!((position, end), (Some(position), Some(end)) if position >= end),
            asked: false,
            ask_after: Duration::ZERO,
            letters: 0,
            handled: 0,
            high_watermark: end,
            paused: false,
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
    topic: T,
    values: Values<T::Event>,
    mailbox: Arc<Mailbox<T::Event>>,
    published: Arc<Mutex<ConsumerCounts>>,
    pub(crate) meter: ConsumerMeter,
    /// When the commit that is under way was sent.
    pub(crate) commit_sent: Duration,
    builder: RawBuilder,
    outputs: Vec<Output<Arc<Record<T::Event>>>>,
    ready: Vec<Arc<Record<T::Event>>>,
    notes: Vec<Note<T::Event>>,
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
            builder: RawBuilder::default(),
            outputs: Vec::new(),
            ready: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The clock of the engines and of the commits.
    pub(crate) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// A message of librdkafka's.
    pub(crate) fn message(&mut self, message: &BorrowedMessage<'_>) {
        if self.phase != Phase::Reading {
            return;
        }
        let number = message.partition();
        let Some(partition) = self.partitions.get_mut(&number) else {
            return; // fetched before the partition was taken away
        };
        let offset = message.offset();
        if partition.reached || partition.end.is_some_and(|end| offset >= end) {
            partition.reached = true;
            return;
        }
        self.builder.start(message.key(), message.payload());
        let builder = &mut self.builder;
        native::headers(message, |name, value| builder.header(name, value));
        partition.stash.push_back(Stashed {
            raw: builder.finish(),
            offset,
            timestamp_ms: context::millis(message.timestamp()),
        });
        self.feed(number);
    }

    /// The end of a partition's log was reached: all that it had when the fetch was answered has been received.
    pub(crate) fn end_of_partition(&mut self, number: i32) {
        if let Some(partition) = self.partitions.get_mut(&number)
            && partition.end.is_some()
        {
            partition.reached = true;
        }
    }

    /// Gives the engine what waits in the stash, up to the first record whose schema is not here.
    fn feed(&mut self, number: i32) {
        let now = self.now();
        let Some(partition) = self.partitions.get_mut(&number) else {
            return;
        };
        if partition.assignment.is_closed() {
            return;
        }
        while let Some(Stashed {
            raw,
            offset,
            timestamp_ms,
        }) = partition.stash.front()
        {
            let (offset, timestamp_ms) = (*offset, *timestamp_ms);
            let prepared = self.values.prepare(raw);
            if let Prepared::Missing(id) = prepared {
                self.values.fetch(id);
                return;
            }
            let meta = Meta {
                offset,
                timestamp_ms,
                dedup_key: raw.header(DEDUP_KEY).flatten(),
                value: raw.value(),
                replayed: raw.header(header::REPLAY).is_some(),
            };
            let made = Making {
                topic: &self.topic,
                name: &self.settings.topic,
                assignment: &partition.assignment,
                reordered: self.settings.engine.reorder.is_some(),
                raw,
                offset,
                timestamp_ms,
            };
            partition
                .engine
                .receive(meta, now, || made.decode(prepared), &mut self.outputs);
            partition.position = Some(offset + 1);
            if partition.end.is_some_and(|end| offset + 1 >= end) {
                partition.reached = true;
            }
            partition.stash.pop_front();
        }
        self.route(number);
    }

    /// Sends on what an engine gave out.
    fn route(&mut self, number: i32) {
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Handle { payload, .. } => self.ready.push(payload),
                Output::Refused {
                    offset,
                    outcome,
                    payload,
                } => {
                    let (reason, detail) = refusal(outcome);
                    if self.letters.is_some() {
                        self.letter(&payload, reason, detail.to_owned());
                    } else if let Some(partition) = self.partitions.get_mut(&number) {
                        partition.engine.settle(offset);
                        self.book.settled(1);
                    }
                }
                Output::Poison {
                    offset,
                    cause,
                    payload,
                } => {
                    let (reason, detail) = poison(cause, &payload);
                    tracing::warn!(
                        topic = &*self.settings.topic, partition = number, offset, %reason, detail, "poison record"
                    );
                    if self.letters.is_some() {
                        self.letter(&payload, reason, detail);
                    } else if self.settings.observer {
                        if let Some(partition) = self.partitions.get_mut(&number) {
                            partition.engine.settle(offset);
                        }
                    } else {
                        self.fail(ConsumerError::Poison {
                            topic: self.settings.topic.to_string(),
                            partition: number,
                            offset,
                            reason,
                            detail,
                        });
                    }
                }
            }
        }
        self.outputs = outputs;
    }

    /// Writes a dead letter; its record is settled when the broker has acknowledged it.
    fn letter(&mut self, record: &Record<T::Event>, reason: Reason, detail: String) {
        let partition = record.assignment.partition();
        if let (Some(letters), Some(state)) = (&mut self.letters, self.partitions.get_mut(&partition)) {
            state.letters += 1;
            letters.send(Letter {
                ticket: Ticket {
                    partition,
                    epoch: record.assignment.epoch(),
                    offset: record.offset,
                    reason,
                },
                raw: record.raw.clone(),
                timestamp_ms: record.timestamp_ms,
                detail,
            });
        }
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
    fn letters_under_way(&self) -> usize {
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

    /// Asks where the log ends for each partition whose waiting records may be due. Returns the time until the next
    /// such question.
    pub(crate) fn ask_for_ends(&mut self) -> Option<Duration> {
        let now = self.now();
        let mut next: Option<Duration> = None;
        for (number, partition) in &mut self.partitions {
            if partition.asked || self.phase != Phase::Reading {
                continue;
            }
            let Some(deadline) = partition.engine.next_deadline() else {
                continue;
            };
            let deadline = deadline.max(partition.ask_after);
            if deadline <= now {
                partition.asked = true;
                self.probe.ask(*number, partition.assignment.epoch());
            } else {
                let wait = deadline - now;
                next = Some(next.map_or(wait, |next| next.min(wait)));
            }
        }
        next
    }

    /// Reads the mailbox. What it says to the loop itself is returned.
    pub(crate) fn read_notes(&mut self) -> Option<Stop> {
        let mut notes = std::mem::take(&mut self.notes);
        self.mailbox.take(&mut notes);
        let mut stop = None;
        for note in notes.drain(..) {
            match note {
                Note::Settled {
                    partition,
                    epoch,
                    offset,
                } => self.settled(partition, epoch, offset),
                Note::Failed { record, detail } => self.failed(&record, detail),
                Note::Schema { id, answer } => {
                    if let Err(error) = self.values.answer(id, answer) {
                        self.fail(ConsumerError::Registry {
                            topic: self.settings.topic.to_string(),
                            id,
                            detail: error.to_string(),
                        });
                        continue;
                    }
                    let numbers: Vec<i32> = self.partitions.keys().copied().collect();
                    for number in numbers {
                        self.feed(number);
                    }
                }
                Note::DeadLettered { ticket, answer } => self.dead_lettered(ticket, answer),
                Note::LogEnd {
                    partition,
                    epoch,
                    high_watermark,
                    asked_at,
                } => self.log_end(partition, epoch, high_watermark, asked_at),
                Note::Close { deadline } => stop = stop.or(Some(Stop::Close(deadline))),
                Note::Abandon => stop = Some(Stop::Abandon),
            }
        }
        self.notes = notes;
        stop
    }

    /// The partition, if that epoch is the current one.
    fn current(&mut self, number: i32, epoch: u64) -> Option<&mut Partition<T::Event>> {
        let partition = self.partitions.get_mut(&number);
        let partition = partition.filter(|partition| partition.assignment.epoch() == epoch);
        if partition.is_none() {
            self.totals.stale += 1;
        }
        partition
    }

    fn settled(&mut self, number: i32, epoch: u64, offset: i64) {
        if let Some(partition) = self.current(number, epoch) {
            partition.engine.settle(offset);
            partition.handled += 1;
            self.totals.handled += 1;
            self.book.settled(1);
        }
    }

    fn failed(&mut self, record: &Record<T::Event>, detail: String) {
        let number = record.assignment.partition();
        if self.current(number, record.assignment.epoch()).is_none() {
            return;
        }
        self.totals.failed += 1;
        let (topic, offset) = (&*self.settings.topic, record.offset);
        tracing::warn!(topic, partition = number, offset, detail, "the handler failed");
        if self.letters.is_some() {
            self.letter(record, Reason::HandlerFailed, detail);
        } else {
            self.fail(ConsumerError::HandlerFailed {
                topic: self.settings.topic.to_string(),
                partition: number,
                offset,
                detail,
            });
        }
    }

    fn dead_lettered(&mut self, ticket: Ticket, answer: Result<(), String>) {
        let Ticket {
            partition: number,
            epoch,
            offset,
            reason,
        } = ticket;
        let Some(partition) = self.current(number, epoch) else {
            return;
        };
        partition.letters = partition.letters.saturating_sub(1);
        match answer {
            Ok(()) => {
                partition.engine.settle(offset);
                self.totals.dead_lettered += 1;
                self.book.settled(1);
                tracing::debug!(
                    topic = &*self.settings.topic, partition = number, offset, %reason, "dead letter acknowledged"
                );
            }
            Err(detail) => {
                let dead_letter_topic = self.letters.as_ref().map_or("", DeadLetters::topic).to_owned();
                self.fail(ConsumerError::DeadLetter {
                    topic: self.settings.topic.to_string(),
                    partition: number,
                    offset,
                    reason,
                    dead_letter_topic,
                    detail,
                });
            }
        }
    }

    fn log_end(&mut self, number: i32, epoch: u64, high_watermark: Option<i64>, asked_at: Duration) {
        let now = self.now();
        let Some(partition) = self
            .partitions
            .get_mut(&number)
            .filter(|partition| partition.assignment.epoch() == epoch)
        else {
            return;
        };
        partition.asked = false;
        if high_watermark.is_none() {
            partition.ask_after = now + Duration::from_secs(1);
        }
        if partition.assignment.is_closed() {
            return;
        }
        if let Some(high) = high_watermark {
            partition.high_watermark = partition.high_watermark.max(Some(high));
        }
        // A record in the stash has been received and not given to the engine: the position is below it, as it must be.
        let end = match (high_watermark, partition.position) {
            (Some(high_watermark), Some(position)) => Some(LogEnd {
                high_watermark,
                position,
                asked_at,
            }),
            _ => None,
        };
        partition.engine.tick(now, end, &mut self.outputs);
        self.route(number);
    }

    /// What waits for the application, for schemas and for the dead-letter topic. With `wake` the thread is woken when the
    /// application's part is down to the low mark.
    pub(crate) fn load(&self, wake: bool) -> usize {
        let stashed: usize = self
            .partitions
            .values()
            .map(|partition| partition.stash.len())
            .sum();
        self.outbox.load(wake.then_some(self.pressure.low())) + stashed + self.letters_under_way()
    }

    /// Partitions from which nothing should be fetched now: they wait for a schema, or are at their end.
    pub(crate) fn idle_partitions(&self) -> Vec<i32> {
        let idle = |partition: &Partition<T::Event>| partition.reached || !partition.stash.is_empty();
        self.partitions
            .iter()
            .filter(|(_, partition)| self.phase != Phase::Reading || idle(partition))
            .map(|(number, _)| *number)
            .collect()
    }

    /// Takes a partition away; its counters go to the totals.
    pub(crate) fn retire(&mut self, number: i32) {
        let Some(partition) = self.partitions.remove(&number) else {
            return;
        };
        let counts = self.figures(number, &partition);
        self.book.revoke(number);
        self.totals.add(&partition.engine.counts());
        self.totals.partitions.insert(
            number,
            PartitionCounts {
                assigned: false,
                ..counts
            },
        );
        if let Some(letters) = &mut self.letters {
            letters.discard(number);
        }
    }

    fn figures(&self, number: i32, partition: &Partition<T::Event>) -> PartitionCounts {
        let before = self.totals.partitions.get(&number).copied().unwrap_or_default();
        PartitionCounts {
            assigned: true,
            received: before.received + partition.engine.counts().received,
            handled: before.handled + partition.handled,
            position: partition.position,
            watermark: partition.engine.watermark(),
            committed: self.book.committed(number),
            high_watermark: partition.high_watermark,
        }
    }

    /// Makes the figures visible. `high` says where a partition's log ends, where that is known without asking.
    pub(crate) fn publish(&mut self, high: Option<&dyn Fn(i32) -> Option<i64>>) {
        if let Some(high) = high {
            for (number, partition) in &mut self.partitions {
                partition.high_watermark = partition.high_watermark.max(high(*number));
            }
        }
        let mut counts = self.totals.clone();
        for (number, partition) in &self.partitions {
            counts.add(&partition.engine.counts());
            counts.waiting += partition.engine.waiting() as u64;
            counts.outstanding += partition.engine.outstanding() as u64;
            counts.dedup_entries += partition.engine.dedup_entries() as u64;
            counts.tracks += partition.engine.tracks() as u64;
            counts
                .partitions
                .insert(*number, self.figures(*number, partition));
        }
        self.meter.publish(&counts);
        *self.published.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }
}
