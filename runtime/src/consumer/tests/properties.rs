//! What must be true of the consumer. Each property answers what was wrong, if anything.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::Config;
use rdkafka::topic_partition_list::Offset;

use super::super::begun::Begun;
use super::super::calls;
use super::super::commit::CommitBook;
use super::super::delivery::{Delivery, Received};
use super::super::dispatch::Dispatcher;
use super::super::mail::{MANY, Mailbox, Note};
use super::super::run::RetryPolicy;
use super::super::slots::{Slot, Slots};
use super::application::{ByHand, ByRun};
use super::life::{Clients, Life};
use super::logs::Case;
use super::world::{Start, World};
use crate::avro::Schema;
use crate::framing;
use crate::observe::HandlingMeter;
use crate::planted::first_failure;
use crate::waker::Waker;

pub(super) type Property = fn(u32) -> Option<String>;

fn cases() -> impl Strategy<Value = Case> {
    let steps = proptest::collection::vec((0_u8..19, any::<u8>()), 0..160);
    (3_i64..12, any::<u64>(), steps).prop_map(|(frames, seed, steps)| Case { frames, seed, steps })
}

/// Shrinking goes on for so many tries.
pub(super) const SHRINKS: u32 = 2_000;

/// Whatever happens in whatever order: no call of an assignment that is over (P11), no commit beyond what is done (P5), frames of
/// an assignment in order (P2), all done and committed in the end (P6, P10).
pub(super) fn lives(tries: u32) -> Option<String> {
    lives_of(tries, ByHand::start)
}

/// The same where `run` calls a handler.
pub(super) fn lives_of_run(tries: u32) -> Option<String> {
    lives_of(tries, ByRun::start)
}

fn lives_of(tries: u32, application: Start) -> Option<String> {
    let clients = RefCell::new(Some(Clients::new()));
    first_failure(Some(tries), SHRINKS, &cases(), |case| {
        let (wrong, back) = World::run(&case, clients.take().unwrap(), application);
        clients.replace(Some(back));
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("\n"))
        }
    })
}

/// One record of partition 0, received, and begun by the application.
fn begun(life: &mut Life) -> Delivery<String> {
    life.open(0, None);
    receive(life, 0, "v:0");
    let mut taken = VecDeque::new();
    assert!(life.outbox.take_ready(1, &mut taken));
    Delivery::begin(taken.pop_front().unwrap(), Slot::take(&life.mailbox).unwrap()).unwrap()
}

/// A record of partition 0, wherever it can go.
fn receive(life: &mut Life, offset: i64, text: &str) {
    let mut value = Vec::new();
    framing::put(&mut value, 1);
    value.extend_from_slice(text.as_bytes());
    life.core
        .record(0, offset, None, |raw| raw.start(None, Some(&value)));
    life.core.feed_all();
    life.core.hand_out();
}

/// What reading brings again while it is being handled goes nowhere, and is not kept.
pub(super) fn read_again_is_not_kept(_: u32) -> Option<String> {
    let mut life = Life::new(Clients::new(), false);
    let _first = begun(&mut life);
    receive(&mut life, 0, "v:0");
    let again = life.outbox.take_ready(1, &mut VecDeque::new());
    let kept = life.core.partitions[&0].stash.kept();
    wrong(
        again || kept > 0,
        &format!("handed out again: {again}, kept: {kept}"),
    )
}

/// A frame that waited and is refused, in a topic without dead letters, is not kept for longer.
pub(super) fn refused_is_not_kept(_: u32) -> Option<String> {
    let mut life = Life::new(Clients::new(), false);
    life.core.letters = None;
    life.open(0, None);
    let mut kept = Vec::new();
    // The second one is too far ahead to be believed, and the third one does not confirm it.
    for (offset, text) in [(0, "v:0"), (1, "v:5000"), (2, "v:1"), (3, "v:2"), (4, "v:3")] {
        receive(&mut life, offset, text);
        kept.push(life.core.partitions[&0].stash.kept());
    }
    let jumps = life.core.partitions[&0].engine.counts().jumps;
    wrong(
        jumps != 1 || kept[1] == 0 || kept[4] != 0,
        &format!("{jumps} refused; kept after each record: {kept:?}"),
    )
}

fn wrong(if_so: bool, what: &str) -> Option<String> {
    if_so.then(|| what.to_owned())
}

/// Whoever has something for the thread wakes it, and nobody wakes it for nothing.
pub(super) fn wakes(_: u32) -> Option<String> {
    let mut life = Life::new(Clients::new(), false);
    let waker = Arc::clone(&life.waker);
    let calls = || waker.calls.swap(0, Ordering::Relaxed);
    calls();
    life.mailbox.push(Note::Abandon);
    life.mailbox.push(Note::Abandon);
    let for_urgent = calls();
    life.mailbox.take(&mut Vec::new());
    let settled = || Note::Settled {
        partition: 0,
        epoch: 1,
        offset: 0,
        record: None,
    };
    (1..MANY).for_each(|_| life.mailbox.push(settled()));
    let for_few = calls();
    life.mailbox.push(settled());
    let for_many = calls();
    life.mailbox.take(&mut Vec::new());

    let delivery = begun(&mut life);
    let mut taken = VecDeque::new();
    let record = delivery.record();
    life.outbox.push(&mut vec![record; 4]);
    life.outbox.load(Some(1));
    life.outbox.take_ready(2, &mut taken);
    let above_mark = calls();
    life.outbox.take_ready(1, &mut taken);
    let at_mark = calls();

    let assignment = Arc::clone(delivery.assignment());
    let second = assignment.begin();
    assignment.close();
    drop(second);
    let not_last = calls();
    drop(delivery);
    let last = calls();
    let found = [for_urgent, for_few, for_many, above_mark, at_mark, not_last, last];
    let expected = [1, 0, 1, 0, 1, 0, 1];
    (found != expected).then(|| format!("woken {found:?} times, expected {expected:?}"))
}

/// A request to stop that comes while a partition is given up is still in force afterwards.
pub(super) fn stop_stays(_: u32) -> Option<String> {
    let mut life = Life::new(Clients::new(), false);
    life.open(0, None);
    life.mailbox.push(Note::Close {
        deadline: Instant::now(),
    });
    life.core.let_go(&[0], false, |_| Ok(()));
    wrong(life.core.stop.is_none(), "the request to close was forgotten")
}

/// A revocation waits for the call that runs, and commits what it settled.
pub(super) fn drain_waits(tries: u32) -> Option<String> {
    let mut clients = Some(Clients::new());
    for _ in 0..tries.min(20) {
        let mut life = Life::new(clients.take()?, false);
        life.core.settings.drain = Duration::from_secs(60);
        let delivery = begun(&mut life);
        let call = std::thread::spawn(move || {
            while !delivery.is_stale() {
                std::thread::yield_now();
            }
            // A consumer that does not wait has time to show it.
            std::thread::sleep(Duration::from_millis(2));
            delivery.settle();
        });
        let mut committed = Vec::new();
        life.core.let_go(&[0], false, |list| {
            committed.extend(list.elements().iter().map(|element| element.offset()));
            Ok(())
        });
        call.join().unwrap();
        if committed != [Offset::Offset(1)] {
            return Some(format!(
                "what the call settled while it was waited for was not committed: {committed:?}"
            ));
        }
        clients = Some(life.end());
    }
    None
}

/// An observer commits nothing, neither while it runs nor at the end.
pub(super) fn observer_is_silent(_: u32) -> Option<String> {
    let mut life = Life::new(Clients::new(), true);
    begun(&mut life).settle();
    life.core.read_notes();
    let (offers, _) = life.core.commit_request(&[0], false);
    let mut sent = !offers.is_empty();
    life.core.let_go(&[0], false, |_| {
        sent = true;
        Ok(())
    });
    wrong(sent, "an observer commits")
}

/// A retry is a call too: none begins after the partition was taken away.
pub(super) fn no_retry_when_it_is_over(_: u32) -> Option<String> {
    let mut life = Life::new(Clients::new(), false);
    let record = begun(&mut life).record();
    let assignment = Arc::clone(&record.assignment);
    let begun = Begun::begin(record).unwrap();
    let tries = AtomicUsize::new(0);
    let handler = |_: Received<String>| {
        tries.fetch_add(1, Ordering::Relaxed);
        assignment.close();
        async { Err::<(), _>("on purpose") }
    };
    let retry = RetryPolicy {
        retries: 3,
        ..RetryPolicy::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(calls::call(begun, &life.mailbox, &handler, retry));
    wrong(
        tries.load(Ordering::Relaxed) != 1,
        "called again after the partition was taken away",
    )
}

/// No more slots than there are, and whoever waits for one is woken once one is free, also where it became free just before.
pub(super) fn slots_are_bounded_and_told(_: u32) -> Option<String> {
    let waker = Arc::new(Waker::default());
    let mailbox = Mailbox::<()>::new(waker, HandlingMeter::new("t", "g"), Slots::new(2));
    let mailbox = Arc::new(mailbox);
    let mut taken = vec![Slot::take(&mailbox)?, Slot::take(&mailbox)?];
    if Slot::take(&mailbox).is_some() {
        return Some("a slot too many".to_owned());
    }
    for round in 0..4 {
        let mut waits = pin!(Slot::wait(&mailbox));
        let woken = Arc::new(Woken::default());
        let waker = std::task::Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        if round % 2 == 0 {
            // Freed while somebody waits.
            if waits.as_mut().poll(&mut context).is_ready() {
                return Some("a slot too many for one who waits".to_owned());
            }
            taken.pop();
            if !woken.0.load(Ordering::Relaxed) {
                return Some(format!("round {round}: who waits is not woken"));
            }
        } else {
            // Two freed before anybody waits.
            taken.clear();
            taken.extend(Slot::take(&mailbox));
        }
        match waits.as_mut().poll(&mut context) {
            Poll::Ready(slot) => taken.push(slot),
            Poll::Pending => return Some(format!("round {round}: there is a slot, and who waits gets none")),
        }
    }
    None
}

#[derive(Default)]
struct Woken(AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Nobody gets anything behind the end of the stream.
pub(super) fn nothing_behind_the_end(_: u32) -> Option<String> {
    let mut life = Life::new(Clients::new(), false);
    let record = begun(&mut life).record();
    life.outbox.end(None);
    life.outbox.push(&mut vec![record]);
    wrong(
        life.outbox.take_ready(1, &mut VecDeque::new()),
        "a record came after the end",
    )
}

/// Calls of a lane one after the other, and no more than the cap.
pub(super) fn lanes_and_cap(_: u32) -> Option<String> {
    let mut dispatcher = Dispatcher::new(2);
    for (lane, item) in [(1, 'a'), (1, 'b'), (2, 'c'), (3, 'd')] {
        dispatcher.push(Some(lane), item);
    }
    let mut started = Vec::new();
    while let Some((_, item)) = dispatcher.start() {
        started.push(item);
    }
    (started != ['a', 'c']).then(|| format!("started {started:?}"))
}

/// The answer to a commit of an assignment that is over says nothing about the next one.
pub(super) fn answers_belong_to_an_assignment(_: u32) -> Option<String> {
    let mut book = CommitBook::new(Duration::from_secs(5), 100);
    book.assign(0, 1, None);
    let offer = book.offer(0, 1, 50)?;
    book.sent(Duration::ZERO, vec![offer]);
    book.revoke(0);
    // Somebody has moved the group back meanwhile.
    book.assign(0, 2, Some(30));
    book.answered(|_| true);
    wrong(book.committed(0) != Some(30), "an old answer counts")
}

#[test]
fn all_hold() {
    // Schemas are parsed as the consumer does; a mistake there would hide all else.
    Schema::parse("\"bytes\"").unwrap();
    let cases = Config::default().cases;
    let mut seen = BTreeSet::new();
    for (_, name, property) in super::planted::TABLE {
        if seen.insert(name)
            && let Some(reason) = property(cases)
        {
            panic!("{name}: {reason}");
        }
    }
}
