//! Assignment and revocation, inside librdkafka's rebalance callback.
//!
//! The callback runs on the polling thread and holds the rebalance up until it returns, which is what makes it the place for
//! this: a partition is given up only after the handlers that run for it have ended and its commit was answered, and is read
//! from only after its start was found. All waiting is bounded.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, RebalanceProtocol};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::commit::Offer;
use super::context::Context;
use super::core::{Core, Partition, Phase};
use super::error::ConsumerError;
use super::gate::Assignment;
use super::mistakes::{Mistake, planted};
use super::native;
use super::start::{self, Known, Start, StartAt};
use crate::engine::{Checkpoint, EngineConfig};
use crate::topic::Topic;

/// How long an assignment may take to find out where to start. The group waits for us meanwhile (max.poll.interval.ms, by
/// default 5 minutes).
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two tries of a question that failed.
const PAUSE: Duration = Duration::from_millis(200);

type Client<T> = BaseConsumer<Context<T>>;

/// Where one partition starts.
pub(super) struct Opening {
    pub(super) partition: i32,
    pub(super) from: Offset,
    pub(super) config: EngineConfig,
    pub(super) end: Option<i64>,
}

fn partitions_of(list: &TopicPartitionList) -> Vec<i32> {
    list.elements()
        .iter()
        .map(|element| element.partition())
        .collect()
}

impl<T: Topic> Core<T> {
    /// Partitions are ours from now on.
    pub(crate) fn assign(&mut self, client: &Client<T>, list: &TopicPartitionList) {
        let numbers = partitions_of(list);
        let reading = self.phase == Phase::Reading && !self.closing;
        let openings = if reading {
            self.openings(client, &numbers).unwrap_or_else(|error| {
                self.fail(error);
                Vec::new()
            })
        } else {
            Vec::new()
        };
        let mut positions = TopicPartitionList::with_capacity(numbers.len());
        for number in &numbers {
            let from = openings
                .iter()
                .find(|opening| opening.partition == *number)
                .map_or(Offset::Invalid, |opening| opening.from);
            let added = positions.add_partition_offset(&self.settings.topic, *number, from);
            if let Err(error) = added {
                tracing::error!(partition = number, %error, "offset not taken");
            }
        }
        let cooperative = matches!(client.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let assigned = if cooperative {
            client.incremental_assign(&positions)
        } else {
            client.assign(&positions)
        };
        if let Err(error) = assigned {
            self.fail(ConsumerError::Kafka {
                topic: self.settings.topic.to_string(),
                group: self.settings.group.clone(),
                detail: format!("the assignment was refused: {error}"),
            });
            return;
        }
        for opening in openings {
            self.open(opening);
        }
        self.joined = true;
        // librdkafka keeps a partition's pause from one assignment to the next. What else is to be paused is, at the next
        // round.
        let set = if self.phase == Phase::Reading {
            client.resume(&positions)
        } else {
            client.pause(&positions)
        };
        if let Err(error) = set {
            tracing::warn!(%error, "resuming or pausing after an assignment");
        }
        tracing::info!(
            topic = &*self.settings.topic, group = self.settings.group, cooperative, partitions = ?numbers, "assigned"
        );
        self.publish(None);
    }

    pub(super) fn open(&mut self, opening: Opening) {
        self.epoch += u64::from(!planted(Mistake::EpochReused));
        self.totals.assignments += 1;
        let Opening {
            partition,
            from,
            config,
            end,
        } = opening;
        let committed = config.committed;
        let assignment = Assignment::new(partition, self.epoch, &self.settings.topic, self.waker.clone());
        let position = match from {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        tracing::debug!(partition, epoch = self.epoch, ?from, committed, end, "reading");
        self.book.assign(partition, self.epoch, committed);
        self.partitions
            .insert(partition, Partition::new(assignment, config, position, end));
    }

    /// Finds out where each partition starts.
    fn openings(&mut self, client: &Client<T>, numbers: &[i32]) -> Result<Vec<Opening>, ConsumerError> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let until = Instant::now() + PATIENCE;
        let topic = self.settings.topic.clone();
        let mut wanted = TopicPartitionList::with_capacity(numbers.len());
        for number in numbers {
            wanted.add_partition(&topic, *number);
        }
        let first = numbers.first().copied().unwrap_or_default();
        let committed = self.until(until, first, "the group's committed offsets", || {
            let answer = client.committed_offsets(wanted.clone(), Duration::from_secs(5))?;
            answer.elements().iter().try_for_each(|element| element.error())?;
            Ok(answer)
        })?;
        let metadata = native::metadata(&committed);
        let mut openings = Vec::with_capacity(numbers.len());
        for (element, metadata) in committed.elements().iter().zip(&metadata) {
            let number = element.partition();
            let committed = match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            let ask = committed.is_some()
                || self.settings.start.is_some()
                || (self.settings.until_end && !self.ends.contains_key(&number));
            let watermarks = if ask {
                let probe = &self.probe;
                Some(self.until(until, number, "the bounds of the log", || {
                    probe.watermarks(number)
                })?)
            } else {
                None
            };
            let end = if self.settings.until_end {
                let known = watermarks.map(|(_, high)| high);
                self.ends.get(&number).copied().or(known)
            } else {
                None
            };
            if let Some(end) = end {
                self.ends.insert(number, end);
            }
            let mut opening = self.opening(number, committed, metadata, watermarks, end);
            if opening.config.committed.is_none()
                && let (Some(start), Some((low, high))) = (self.settings.start, watermarks)
            {
                let offset = match start {
                    StartAt::Offset(offset) => offset,
                    StartAt::Time(time) => {
                        let probe = &self.probe;
                        let found = self.until(until, number, "the first offset of a time", || {
                            probe.offset_at(number, time.timestamp_millis())
                        })?;
                        found.unwrap_or(high)
                    }
                };
                opening.from = Offset::Offset(offset.clamp(low, high));
            }
            openings.push(opening);
        }
        Ok(openings)
    }

    fn opening(
        &self,
        partition: i32,
        committed: Option<i64>,
        metadata: &[u8],
        watermarks: Option<(i64, i64)>,
        end: Option<i64>,
    ) -> Opening {
        let mut config = self.settings.engine.clone();
        let (Some(committed), Some((low, high))) = (committed, watermarks) else {
            // No commit: auto.offset.reset decides. An empty log has no end to be waited for.
            let empty = matches!(watermarks, Some((low, high)) if low == high);
            let from = if empty {
                watermarks.map(|(_, high)| high)
            } else {
                None
            };
            return Opening {
                partition,
                from: from.map_or(Offset::Invalid, Offset::Offset),
                config,
                end,
            };
        };
        config.committed = Some(committed);
        let checkpoint = Checkpoint::parse(metadata).filter(|checkpoint| checkpoint.serves(&config));
        let window = config.warm_window();
        let known = Known {
            committed,
            warm: checkpoint.as_ref().map(Checkpoint::warm_start),
            low,
            high,
            looks_back: window.is_some(),
        };
        let from = match start::decide(known) {
            Start::At(offset) => {
                // Above the warm offset the running maximum would be taken for one of an earlier record.
                config.checkpoint = checkpoint.filter(|checkpoint| checkpoint.warm_start() == offset);
                Offset::Offset(offset)
            }
            Start::LookUp => {
                let answer =
                    window.and_then(|window| self.probe.offset_before(partition, committed - 1, window));
                Offset::Offset(start::looked_up(known, answer))
            }
            Start::Foreign => {
                tracing::warn!(
                    topic = &*self.settings.topic,
                    group = self.settings.group,
                    partition,
                    committed,
                    high,
                    "the committed offset is beyond the end of the log, so it is of another log of that name: ignored"
                );
                config.committed = None;
                Offset::Invalid
            }
        };
        Opening {
            partition,
            from,
            config,
            end,
        }
    }

    /// Asks again and again, until there is an answer or the time is over.
    fn until<A>(
        &self,
        until: Instant,
        partition: i32,
        what: &'static str,
        ask: impl Fn() -> KafkaResult<A>,
    ) -> Result<A, ConsumerError> {
        loop {
            match ask() {
                Ok(answer) => return Ok(answer),
                Err(error) if Instant::now() >= until => {
                    return Err(ConsumerError::Assignment {
                        topic: self.settings.topic.to_string(),
                        partition,
                        what,
                        waited: PATIENCE,
                        detail: error.to_string(),
                    });
                }
                Err(error) => {
                    tracing::warn!(partition, what, %error, "no answer at the assignment; asking again");
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    /// Partitions are no longer ours.
    pub(crate) fn revoke(&mut self, client: &Client<T>, list: &TopicPartitionList) {
        let numbers = partitions_of(list);
        let lost = client.assignment_lost();
        // With nothing assigned the end seems to be reached; but an assignment, perhaps an empty one, always follows.
        self.joined = false;
        tracing::info!(
            topic = &*self.settings.topic, group = self.settings.group, lost, partitions = ?numbers, "revoked"
        );
        self.let_go(&numbers, lost, |list| client.commit(list, CommitMode::Sync));
        let given_back = if matches!(client.rebalance_protocol(), RebalanceProtocol::Cooperative) {
            client.incremental_unassign(list)
        } else {
            client.unassign()
        };
        if let Err(error) = given_back {
            tracing::warn!(%error, "giving partitions back");
        }
        self.publish(None);
    }

    /// Ends what goes on for these partitions, commits it with `send`, and forgets them; where they are lost already, only
    /// the last.
    pub(super) fn let_go(
        &mut self,
        numbers: &[i32],
        lost: bool,
        mut send: impl FnMut(&TopicPartitionList) -> KafkaResult<()>,
    ) {
        if !lost {
            if planted(Mistake::CommitBeforeDrain) {
                let _ = self.commit_by(numbers, &mut send);
            }
            let until = Instant::now() + self.settings.drain;
            self.drain(numbers, until);
            if !planted(Mistake::CommitBeforeDrain) {
                // A refusal is not an end here: the next owner reads again what was not committed.
                let _ = self.commit_by(numbers, &mut send);
            }
        }
        self.give_up(numbers);
    }

    /// Nothing begins any more for these partitions; waits until what runs has ended and dead letters are answered, or the
    /// time is over. What waits unbegun is dropped.
    pub(crate) fn drain(&mut self, numbers: &[i32], until: Instant) {
        self.close_gates(numbers);
        loop {
            // A request to stop that comes now is still in force afterwards.
            if let Some(stop) = self.read_notes()
                && !planted(Mistake::StopLostInDrain)
            {
                self.stop = Some(stop);
            }
            if let Some(letters) = &mut self.letters {
                letters.pump();
            }
            let busy =
                |partition: &Partition<T::Event>| partition.letters > 0 || partition.assignment.running() > 0;
            let left: Vec<i32> = numbers
                .iter()
                .copied()
                .filter(|number| self.partitions.get(number).is_some_and(busy))
                .collect();
            if left.is_empty() || planted(Mistake::DrainDoesNotWait) {
                // A call's note is there before the call counts as ended.
                if let Some(stop) = self.read_notes() {
                    self.stop = Some(stop);
                }
                let still = numbers.iter().any(|n| self.partitions.get(n).is_some_and(busy));
                if !still || planted(Mistake::DrainDoesNotWait) {
                    return;
                }
                continue;
            }
            let now = Instant::now();
            if now >= until {
                tracing::warn!(
                    partitions = ?left,
                    "handlers or dead letters are still under way at the deadline; their records are read again by the \
                     next owner"
                );
                return;
            }
            std::thread::park_timeout((until - now).min(Duration::from_millis(50)));
        }
    }

    /// No handler call begins any more for these partitions, and what waits for one is dropped.
    fn close_gates(&mut self, numbers: &[i32]) {
        self.hand_out();
        for number in numbers {
            if let Some(partition) = self.partitions.get(number) {
                if !planted(Mistake::GateLeftOpen) {
                    partition.assignment.close();
                }
                if !planted(Mistake::OutboxKept) {
                    self.outbox.discard(*number);
                }
            }
        }
    }

    /// Forgets the partitions.
    pub(crate) fn give_up(&mut self, numbers: &[i32]) {
        self.close_gates(numbers);
        for number in numbers {
            self.retire(*number);
        }
    }

    /// What may be committed of these partitions, and the request for it. `last`: also what was sent and is not answered.
    pub(crate) fn commit_request(&self, numbers: &[i32], last: bool) -> (Vec<Offer>, TopicPartitionList) {
        let mut offers = Vec::new();
        let mut list = TopicPartitionList::with_capacity(numbers.len());
        if self.settings.observer && !planted(Mistake::ObserverCommits) {
            return (offers, list);
        }
        for number in numbers {
            let Some(partition) = self.partitions.get(number) else {
                continue;
            };
            let epoch = partition.assignment.epoch();
            let offer = partition.engine.watermark().and_then(|watermark| {
                if last {
                    self.book.offer_last(*number, epoch, watermark)
                } else {
                    self.book.offer(*number, epoch, watermark)
                }
            });
            let Some(offer) = offer else { continue };
            let mut element = list.add_partition(&self.settings.topic, *number);
            if let Err(error) = element.set_offset(Offset::Offset(offer.offset)) {
                tracing::error!(partition = number, offset = offer.offset, %error, "offset not taken");
                continue;
            }
            let metadata = partition.engine.checkpoint();
            if !metadata.is_empty() {
                element.set_metadata(metadata);
            }
            offers.push(offer);
        }
        (offers, list)
    }

    /// Commits synchronously what is new of these partitions.
    ///
    /// # Errors
    /// librdkafka's.
    pub(crate) fn commit_now(&mut self, client: &Client<T>, numbers: &[i32]) -> KafkaResult<()> {
        self.commit_by(numbers, |list| client.commit(list, CommitMode::Sync))
    }

    fn commit_by(
        &mut self,
        numbers: &[i32],
        mut send: impl FnMut(&TopicPartitionList) -> KafkaResult<()>,
    ) -> KafkaResult<()> {
        let (offers, list) = self.commit_request(numbers, true);
        if offers.is_empty() {
            return Ok(());
        }
        let sent = self.now();
        let answer = send(&list);
        self.meter.committed(self.now().saturating_sub(sent));
        for offer in &offers {
            self.book.note(offer, answer.is_ok());
        }
        match answer {
            Ok(()) => {
                self.totals.commits += 1;
                tracing::debug!(?offers, "committed");
                Ok(())
            }
            Err(error) => {
                self.totals.commits_failed += 1;
                tracing::warn!(
                    topic = &*self.settings.topic, group = self.settings.group, %error, ?offers, "commit refused"
                );
                Err(error)
            }
        }
    }
}
