//! A consumer in a world of its own: logs, a broker that takes commits or refuses them, an application.
//!
//! What happens is a list of steps, each with a number that chooses among what is possible. What must hold is looked at in
//! every step, by what the application did and the broker has, and not by the consumer's own figures.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use fleetops_avro::Schema;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::super::delivery::Received;
use super::super::mail::{Mailbox, Note};
use super::super::raw::Raw;
use super::application::{Application, Seen};
use super::life::{Clients, Life};
use super::logs::{Case, Entry, LATER, PARTITIONS, logs};
use crate::dead_letter::Reason;
use crate::framing::SchemaId;

/// A partition as the broker and the fetcher have it.
struct Place {
    log: Vec<Entry>,
    committed: Option<i64>,
    /// Assigned: the next record to be fetched.
    fetched: Option<usize>,
}

/// Makes an application, with the way back to the consumer.
pub(super) type Start = fn(Arc<Mailbox<String>>) -> Box<dyn Application>;

/// Everything.
pub(super) struct World {
    life: Option<Life>,
    places: Vec<Place>,
    start: Start,
    application: Box<dyn Application>,
    handled: BTreeSet<String>,
    /// Letters that the broker has acknowledged, by place.
    lettered: BTreeSet<(i32, i64)>,
    /// By vehicle: the assignment, and the last frame begun.
    last: BTreeMap<String, (u64, i64)>,
    /// By partition: how many calls of its current assignment were settled.
    settled: BTreeMap<i32, u64>,
    wrong: Vec<String>,
}

impl World {
    /// Runs a case; answers what was wrong, and the clients for the next one.
    pub(super) fn run(case: &Case, clients: Clients, start: Start) -> (Vec<String>, Clients) {
        let place = |log| Place {
            log,
            committed: None,
            fetched: None,
        };
        let life = Life::new(clients, false);
        let mut world = Self {
            start,
            application: start(Arc::clone(&life.mailbox)),
            life: Some(life),
            places: logs(case).into_iter().map(place).collect(),
            handled: BTreeSet::new(),
            lettered: BTreeSet::new(),
            last: BTreeMap::new(),
            settled: BTreeMap::new(),
            wrong: Vec::new(),
        };
        for (step, number) in &case.steps {
            world.step(*step, usize::from(*number));
            if !world.wrong.is_empty() {
                break;
            }
        }
        if world.wrong.is_empty() {
            world.come_to_an_end();
        }
        let World {
            wrong,
            life,
            application,
            ..
        } = world;
        drop(application);
        (wrong, life.unwrap().end())
    }

    fn life(&mut self) -> &mut Life {
        self.life.as_mut().unwrap()
    }

    pub(super) fn step(&mut self, step: u8, number: usize) {
        let partition = (number % PARTITIONS as usize) as i32;
        match step {
            0 => self.assign(partition),
            1 => self.revoke(partition, number & 0b110 == 0, number & 0b1_1000 != 0),
            2..=4 => self.fetch(partition, 1 + number / 2 % 6),
            5 => self.feed(),
            6 | 7 => self.take(1 + number % 4),
            8 | 9 => self.begin(),
            10 | 11 => self.finish(number, false),
            12 => self.finish(number, true),
            13 => self.read_notes(),
            14 => self.commit(number & 0b11 != 0),
            15 => self.answer_letter(number),
            16 => self.tell_schema(),
            17 => self.tell_end(partition),
            18 if number < 40 => self.crash(),
            _ => {}
        }
    }

    fn assign(&mut self, partition: i32) {
        let place = &mut self.places[partition as usize];
        if place.fetched.is_none() {
            place.fetched = Some(0);
            let committed = place.committed;
            self.settled.remove(&partition);
            self.life().open(partition, committed);
        }
    }

    fn fetch(&mut self, partition: i32, count: usize) {
        let place = &mut self.places[partition as usize];
        let Some(from) = place.fetched else { return };
        let until = (from + count).min(place.log.len());
        place.fetched = Some(until);
        let raws: Vec<Raw> = place.log[from..until].iter().map(Entry::raw).collect();
        for (offset, raw) in (from as i64..).zip(raws) {
            self.life()
                .core
                .record(partition, offset, Some(1_000), |into| *into = raw);
        }
    }

    fn feed(&mut self) {
        let core = &mut self.life().core;
        core.feed_all();
        core.hand_out();
    }

    fn take(&mut self, most: usize) {
        let mut taken = VecDeque::new();
        self.life().outbox.take_ready(most, &mut taken);
        if let Some(record) = taken.iter().find(|record| record.assignment.is_closed()) {
            let place = (record.assignment.partition(), record.offset);
            self.wrong.push(format!(
                "{place:?} was still in the outbox after its partition was taken away"
            ));
        }
        let seen = self.application.give(taken);
        self.judge(seen);
    }

    fn begin(&mut self) {
        let seen = self.application.begin();
        self.judge(seen);
    }

    fn finish(&mut self, number: usize, fails: bool) {
        let seen = self.application.finish(number, fails);
        self.judge(seen);
    }

    /// What the application has done just now.
    fn judge(&mut self, seen: Vec<Seen>) {
        for seen in seen {
            match seen {
                Seen::Began(received) => self.began(&received),
                Seen::Handled(received) => {
                    self.handled.extend(received.event().cloned());
                    let counts = u64::from(!received.assignment().is_closed());
                    *self.settled.entry(received.partition()).or_default() += counts;
                }
            }
        }
    }

    fn began(&mut self, received: &Received<String>) {
        let (partition, epoch) = (received.partition(), received.epoch());
        let life = self.life.as_ref().unwrap();
        let current = life.core.partitions.get(&partition);
        if !current.is_some_and(|current| Arc::ptr_eq(&current.assignment, received.assignment())) {
            self.wrong.push(format!(
                "a call of partition {partition}, epoch {epoch}, began when it was over"
            ));
        }
        let event = received.event().unwrap();
        if let Some((vehicle, frame)) = event.split_once(':') {
            let frame: i64 = frame.parse().unwrap();
            let last = self.last.insert(vehicle.to_owned(), (epoch, frame));
            if last.is_some_and(|(before, last)| before == epoch && last >= frame) {
                self.wrong.push(format!("{event} after {last:?}"));
            }
        }
    }

    fn read_notes(&mut self) {
        let life = self.life.as_mut().unwrap();
        life.core.read_notes();
        for (number, partition) in &life.core.partitions {
            let settled = self.settled.get(number).copied().unwrap_or(0);
            if partition.handled > settled {
                self.wrong.push(format!(
                    "partition {number}: {} count as handled of {settled} that were settled in this assignment",
                    partition.handled
                ));
            }
        }
    }

    /// The broker's answer to a commit. What it takes must be right.
    fn commits(places: &mut [Place], wrong: &mut Vec<String>, done: &Done<'_>, list: &TopicPartitionList) {
        for element in list.elements() {
            let Offset::Offset(offset) = element.offset() else {
                continue;
            };
            let partition = element.partition();
            let place = &mut places[partition as usize];
            if place.committed.is_some_and(|before| before > offset) {
                wrong.push(format!(
                    "partition {partition}: committed {offset} after {:?}",
                    place.committed
                ));
            }
            place.committed = Some(offset);
            let undone = (0..offset).find(|at| !done.is(partition, *at, &place.log[*at as usize]));
            if let Some(at) = undone {
                wrong.push(format!(
                    "partition {partition}: committed {offset}, and {at} is not done"
                ));
            }
        }
    }

    fn commit(&mut self, taken: bool) {
        let Self {
            life,
            places,
            wrong,
            handled,
            lettered,
            ..
        } = self;
        let core = &mut life.as_mut().unwrap().core;
        let numbers: Vec<i32> = core.partitions.keys().copied().collect();
        let (offers, list) = core.commit_request(&numbers, false);
        if taken {
            Self::commits(places, wrong, &Done { handled, lettered }, &list);
        }
        let now = core.now();
        core.book.sent(now, offers);
        core.book.answered(|_| taken);
        for (number, place) in (0..).zip(places.iter()) {
            if core.book.committed(number) > place.committed {
                wrong.push(format!(
                    "partition {number}: believed to be committed beyond {:?}",
                    place.committed
                ));
            }
        }
    }

    /// `lost`: the broker has given the partition to somebody else already, and takes no commit.
    fn revoke(&mut self, partition: i32, lost: bool, taken: bool) {
        if self.places[partition as usize].fetched.take().is_none() {
            return;
        }
        let Self {
            life,
            places,
            wrong,
            handled,
            lettered,
            ..
        } = self;
        let life = life.as_mut().unwrap();
        life.core.feed_all();
        let state = &life.core.partitions[&partition];
        let position = state.engine.last_received().map(|last| last + 1);
        if state.stash.kept() != state.engine.waiting() {
            wrong.push(format!(
                "partition {partition}: {} records are kept for {} that wait in the engine",
                state.stash.kept(),
                state.engine.waiting()
            ));
        }
        let unread = life.mailbox.unread(partition, state.assignment.epoch());
        let left = state.engine.outstanding() - unread;
        let send = |list: &TopicPartitionList| -> KafkaResult<()> {
            if taken {
                Self::commits(places, wrong, &Done { handled, lettered }, list);
                Ok(())
            } else {
                Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::RebalanceInProgress))
            }
        };
        life.core.let_go(&[partition], lost, send);
        let committed = self.places[partition as usize].committed;
        if !lost && taken && left == 0 && committed < position {
            self.wrong.push(format!(
                "partition {partition}: all of {position:?} was settled ({unread} in notes), and {committed:?} is committed"
            ));
        }
    }

    fn undone(&self, partition: i32, position: Option<i64>) -> Option<i64> {
        let done = Done {
            handled: &self.handled,
            lettered: &self.lettered,
        };
        let log = &self.places[partition as usize].log;
        (0..position.unwrap_or(0)).find(|at| !done.is(partition, *at, &log[*at as usize]))
    }

    fn answer_letter(&mut self, number: usize) {
        let life = self.life.as_mut().unwrap();
        let sent = &mut life.core.letters.as_mut().unwrap().sent;
        if sent.is_empty() {
            return;
        }
        let ticket = sent.swap_remove(number % sent.len());
        if matches!(ticket.reason, Reason::Late | Reason::TooOld) {
            let done = Done {
                handled: &self.handled,
                lettered: &self.lettered,
            };
            let entry = &self.places[ticket.partition as usize].log[ticket.offset as usize];
            if !done.is(ticket.partition, ticket.offset, entry) {
                self.wrong
                    .push(format!("{ticket:?}, and nothing was displaced by more than two"));
            }
        }
        self.lettered.insert((ticket.partition, ticket.offset));
        if ticket.reason == Reason::HandlerFailed {
            // Its repetitions may be dropped.
            let entry = &self.places[ticket.partition as usize].log[ticket.offset as usize];
            self.handled.extend(entry.event.clone());
        }
        self.life().mailbox.push(Note::DeadLettered {
            ticket,
            answer: Ok(()),
        });
    }

    fn tell_schema(&mut self) {
        let answer = Ok(Schema::parse("\"bytes\"").unwrap());
        self.life().mailbox.push(Note::Schema {
            id: SchemaId::Id(LATER),
            answer,
        });
    }

    /// The broker says where the log ends, long after all holds are over.
    fn tell_end(&mut self, partition: i32) {
        let place = &self.places[partition as usize];
        let high_watermark = Some(place.log.len() as i64);
        if place.fetched.is_some() {
            let life = self.life();
            let epoch = life.core.partitions[&partition].assignment.epoch();
            let asked_at = Duration::from_secs(1_000_000);
            life.mailbox.push(Note::LogEnd {
                partition,
                epoch,
                high_watermark,
                asked_at,
            });
        }
    }

    /// The process is gone, and with it what was not committed; another one begins.
    fn crash(&mut self) {
        self.last.clear();
        self.settled.clear();
        let clients = self.life.take().unwrap().end();
        let life = Life::new(clients, false);
        self.application = (self.start)(Arc::clone(&life.mailbox));
        self.life = Some(life);
        self.places.iter_mut().for_each(|place| place.fetched = None);
    }

    /// From here on everything goes well: all is handled and committed in the end.
    fn come_to_an_end(&mut self) {
        self.application.make_haste();
        // What was given up by the application comes again with the next assignment only.
        for partition in 0..PARTITIONS {
            self.revoke(partition, false, true);
            self.assign(partition);
        }
        for _ in 0..4 {
            for partition in 0..PARTITIONS {
                self.fetch(partition, usize::MAX / 2);
            }
            self.tell_schema();
            self.feed();
            for _ in 0..3 {
                self.read_notes();
                self.tell_end(0);
                self.tell_end(1);
                self.feed();
                self.take(usize::MAX);
                while self.application.is_busy() {
                    self.begin();
                    self.finish(0, false);
                }
                self.read_notes();
                while !self.life().core.letters.as_ref().unwrap().sent.is_empty() {
                    self.answer_letter(0);
                }
            }
            self.commit(false);
            self.commit(true);
        }
        for partition in 0..PARTITIONS {
            let place = &self.places[partition as usize];
            let (end, committed) = (place.log.len() as i64, place.committed);
            if let Some(at) = self.undone(partition, Some(end)) {
                self.wrong
                    .push(format!("partition {partition}: {at} is never done"));
            } else if committed != Some(end) {
                self.wrong.push(format!(
                    "partition {partition}: {committed:?} of {end} is committed in the end"
                ));
            }
        }
    }
}

/// What is done.
struct Done<'a> {
    handled: &'a BTreeSet<String>,
    lettered: &'a BTreeSet<(i32, i64)>,
}

impl Done<'_> {
    fn is(&self, partition: i32, offset: i64, entry: &Entry) -> bool {
        let handled = entry
            .event
            .as_ref()
            .is_some_and(|event| self.handled.contains(event));
        handled || self.lettered.contains(&(partition, offset))
    }
}
