//! Who reads delivery reports, and that each is read.

use std::sync::atomic::AtomicBool;
use std::thread;

use super::*;
use crate::producer::turns::{EVERY, MANY, Turns};

/// What nobody else reads the thread does: here those who send have stopped, and nobody waits for a receipt.
#[tokio::test]
async fn reports_are_read_after_those_who_send_have_stopped() {
    let bench = Bench::new();
    let producer = bench.builder().build().await.unwrap();
    bench.cluster.broker_down(-1).unwrap();
    let count = 2 * MANY;
    for i in 0..count {
        drop(producer.enqueue(event("v", &i.to_string())).await.unwrap());
    }
    assert!(
        producer.inner.shared.turns.readings() > 0,
        "those who send have read"
    );
    bench.cluster.broker_up(-1).unwrap();
    // No receipt is left, and no flush reads.
    let deadline = std::time::Instant::now() + SOON;
    while producer.in_flight() > 0 {
        assert!(
            std::time::Instant::now() < deadline,
            "{} are in flight",
            producer.in_flight()
        );
        tokio::task::yield_now().await;
    }
    assert_eq!(counts(&producer), (count as u64, count as u64, 0, 0));
    producer.close(SOON).await.unwrap();
}

/// With a lot in flight those who send read, and whoever waits for a receipt gets it all the same.
#[tokio::test]
async fn those_who_send_read_while_much_is_in_flight() {
    let bench = Bench::new();
    let producer = bench.builder().build().await.unwrap();
    let shared = &producer.inner.shared;
    let mut receipts = Vec::new();
    for i in 0..MANY - 1 {
        receipts.push(producer.enqueue(event("v", &i.to_string())).await.unwrap());
    }
    // What was acknowledged meanwhile makes it fewer than that, never more.
    assert_eq!(
        shared.turns.readings(),
        0,
        "with little in flight the thread reads alone"
    );
    bench.cluster.broker_down(-1).unwrap();
    for i in 0..MANY {
        receipts.push(producer.enqueue(event("w", &i.to_string())).await.unwrap());
    }
    let readings = shared.turns.readings();
    assert!(
        (1..=MANY as u64 / EVERY + 1).contains(&readings),
        "read {readings} times"
    );
    bench.cluster.broker_up(-1).unwrap();
    for receipt in receipts {
        let outcome = tokio::time::timeout(SOON, receipt).await.expect("an outcome");
        assert!(matches!(outcome, Ok(Outcome::Acknowledged { .. })), "{outcome:?}");
    }
    producer.close(SOON).await.unwrap();
}

/// Where there is no room, whoever sends first reads what would make some.
#[tokio::test]
async fn a_full_producer_goes_on_as_reports_are_read() {
    let bench = Bench::new();
    let room = 2 * MANY * (OVERHEAD + 20);
    let producer = bench.builder().max_in_flight_bytes(room).build().await.unwrap();
    let count = 10 * MANY;
    let all = async {
        for i in 0..count {
            drop(producer.enqueue(event("v", &i.to_string())).await.unwrap());
        }
    };
    tokio::time::timeout(SOON, all).await.expect("room for all");
    producer.close(SOON).await.unwrap();
    assert_eq!(counts(&producer), (count as u64, count as u64, 0, 0));
}

/// Receipts do not keep their producer, nor what it remembers.
#[tokio::test]
async fn a_receipt_outlives_its_producer() {
    let bench = Bench::new();
    let producer = bench.builder().build().await.unwrap();
    let shared = Arc::downgrade(&producer.inner.shared);
    let receipt = producer.enqueue(event("v", "1")).await.unwrap();
    producer.close(SOON).await.unwrap();
    drop(producer);
    let deadline = std::time::Instant::now() + SOON;
    while shared.upgrade().is_some() {
        assert!(std::time::Instant::now() < deadline, "something holds it");
        tokio::task::yield_now().await;
    }
    assert!(receipt.await.is_ok());
}

#[test]
fn the_thread_leaves_reports_to_those_who_have_read_and_takes_them_back_for_those_who_wait() {
    let turns = Turns::new("events".into());
    assert!(!turns.others_read(), "nobody has read yet");
    turns.has_read();
    assert!(turns.others_read());
    assert!(!turns.others_read(), "nobody has read since");
    turns.has_read();
    turns.wait();
    assert!(!turns.others_read(), "who waits does not read again soon");
    // Nobody waits: after a while the thread looks again.
    turns.register();
    assert!(!turns.leave());
    // Nobody is woken by what comes while reports are left to others, but by whoever waits.
    let over = AtomicBool::new(false);
    let taken_back = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                turns.wait();
                thread::yield_now();
            }
        });
        let taken_back = (0..10_000).any(|_| turns.leave());
        over.store(true, Ordering::SeqCst);
        taken_back
    });
    assert!(taken_back);
}

#[test]
fn what_comes_wakes_the_thread_unless_it_has_left_the_reports() {
    let turns = Turns::new("events".into());
    turns.filled();
    turns.wait();
    assert_eq!(turns.calls(), 1, "who waits has nothing to take back");
    turns.set_left();
    turns.filled();
    assert_eq!(turns.calls(), 1);
    turns.wait();
    turns.wait();
    assert_eq!(turns.calls(), 2);
    turns.filled();
    assert_eq!(turns.calls(), 3);
}
