//! From one owner of a partition to the next: crashes, joins and leaves, shutdown.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fleetops_runtime::ConsumerError;
use fleetops_runtime::consumer::Received;
use fleetops_runtime::topic::ReorderSpec;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::consumer_support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_vanishes_loses_nothing() {
    let broker = Broker::new(2);
    let stream = stream(2, 6, 60, 0, 3);
    broker.send(&stream.records);
    let registry = Registry::default();
    let all = Ledger::default();
    let mut runs = 0;
    // Each life handles some records, keeps a few of the later ones unsettled, and is dropped.
    loop {
        let life = Ledger::default();
        let mut consumer = broker.consumer(&registry).until_end(true).build().await.unwrap();
        let before = broker.committed(2);
        let mut kept = Vec::new();
        let mut ended = false;
        for number in 0..120 {
            match consumer.recv().await {
                None => {
                    ended = true;
                    break;
                }
                Some(delivery) => {
                    let delivery = delivery.unwrap();
                    life.write(&delivery);
                    all.write(&delivery);
                    if number > 90 && number % 10 == 0 {
                        kept.push(delivery); // handled, and never settled
                    } else {
                        delivery.settle();
                    }
                }
            }
        }
        runs += 1;
        assert!(runs < 12, "no progress");
        if ended {
            for delivery in kept {
                delivery.settle();
            }
            consumer.close(Duration::from_secs(5)).await.unwrap();
            life.assert_in_order();
            break;
        }
        // some of what was settled is committed, as far as the unsettled ones allow; then the consumer is gone
        eventually("a commit", || broker.committed(2) != before).await;
        drop(consumer);
        drop(kept);
        life.assert_in_order();
        all.assert_commits_covered(&broker.committed(2), &stream.duplicates);
    }
    assert!(runs > 2, "{runs}");
    assert_eq!(all.readings(), stream.unique, "at least once, nothing dropped");
    all.assert_commits_covered(&broker.committed(2), &stream.duplicates);
}

async fn rebalance(strategy: &str) {
    let broker = Broker::new(4);
    let first = stream(4, 16, 60, 0, 21);
    let more = stream(4, 16, 60, 60, 22);
    broker.send(&first.records);
    let registry = Registry::default();
    let stop = CancellationToken::new();
    // Records are sent while they are read, on a machine that may be slow: no frame is to be given up for that.
    let patient = ReorderSpec {
        hold: Duration::from_secs(60),
        ring: 10,
        tolerance: 2,
    };
    let mut ledgers = Vec::new();
    let mut tasks = Vec::new();
    let join = |ledgers: &mut Vec<Ledger>| {
        let ledger = Ledger::default();
        ledgers.push(ledger.clone());
        let consumer = broker
            .consumer(&registry)
            .set("partition.assignment.strategy", strategy)
            .reorder(patient)
            .dead_letter(Some(&broker.dead_letters))
            .shutdown(stop.clone())
            .build();
        async move {
            let mut consumer = consumer.await.unwrap();
            let figures = consumer.figures();
            let task = tokio::spawn(async move {
                consumer
                    .run(move |received: Received<Reading>| {
                        let ledger = ledger.clone();
                        async move {
                            tokio::time::sleep(Duration::from_micros(200)).await;
                            ledger.write(&received);
                        }
                    })
                    .await
            });
            (figures, task)
        }
    };
    let (figures, task) = join(&mut ledgers).await;
    tasks.push(task);
    eventually("the first one is reading", || figures.get().handled > 50).await;
    let (others, task) = join(&mut ledgers).await;
    tasks.push(task);
    let assigned = |counts: &fleetops_runtime::consumer::ConsumerCounts| {
        counts.partitions.values().filter(|p| p.assigned).count()
    };
    eventually("both have partitions", || {
        assigned(&figures.get()) == 2 && assigned(&others.get()) == 2
    })
    .await;
    broker.send(&more.records);
    let all: BTreeSet<Reading> = first.unique.union(&more.unique).cloned().collect();
    let handled = || -> BTreeSet<Reading> { ledgers.iter().flat_map(Ledger::readings).collect() };
    // The last two frames of a vehicle wait for successors, or for the log's end to be confirmed.
    eventually("everything is handled", || handled() == all).await;
    assert!(ledgers.iter().all(|ledger| ledger.len() > 0), "both took part");
    stop.cancel();
    for task in tasks {
        // The mock refuses a member's commit while another one leaves: then it is for the next owner to read again.
        match task.await.unwrap() {
            Ok(counts) => assert_eq!(
                counts.poison + counts.conflicts + counts.too_old + counts.gaps,
                0,
                "{counts:#?}"
            ),
            Err(error) => assert!(matches!(error, ConsumerError::Commit { .. }), "{error}"),
        }
    }
    let union = Ledger::default();
    for ledger in &ledgers {
        for (partition, offset, reading) in ledger.lines() {
            union.push(partition, offset, reading);
        }
    }
    let dropped: BTreeSet<(i32, i64)> = {
        let firsts = first
            .records
            .iter()
            .fold(BTreeMap::<i32, i64>::new(), |mut ends, record| {
                *ends.entry(record.partition).or_default() += 1;
                ends
            });
        let later = more.duplicates.iter().map(|(p, o)| (*p, o + firsts[p]));
        first.duplicates.iter().copied().chain(later).collect()
    };
    union.assert_commits_covered(&broker.committed(4), &dropped);
    // A frame that was handled above the commit, after which a later one below it was handled: read again it is late. That
    // is the only way to be refused here, so whatever was refused must have been handled before.
    for letter in broker.read(&broker.dead_letters, 4) {
        assert_eq!(header(&letter, "dead-letter-reason").as_deref(), Some("Late"));
        let number = |name: &str| header(&letter, name).unwrap();
        let place = (
            number("dead-letter-partition").parse::<i32>().unwrap(),
            number("dead-letter-offset").parse::<i64>().unwrap(),
        );
        assert!(
            union.lines().iter().any(|(p, o, _)| (*p, *o) == place),
            "{place:?} was refused and never handled"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_joins_takes_over_cooperatively_and_nothing_is_lost() {
    rebalance("cooperative-sticky").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_joins_takes_over_eagerly_and_nothing_is_lost() {
    rebalance("range").await;
}

/// librdkafka pauses what a member keeps while others join, and goes on after what it has handed over. Errors of fetches carry the
/// offset that was asked for, and its batch call counts them as handed over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_whose_fetch_failed_is_not_passed_over_when_a_member_joins() {
    let broker = Broker::new(2);
    if !broker.refuse_fetches(0) {
        return eprintln!("skipped: a real broker refuses no fetch when it is told to");
    }
    let one_each = |frame| {
        [0, 1].map(|partition| Outgoing::of(&Reading::new(&format!("v{partition}"), frame), partition))
    };
    broker.send(&one_each(0));
    let registry = Registry::default();
    let stop = CancellationToken::new();
    let ledger = Ledger::default();
    let join = || {
        let ledger = ledger.clone();
        let consumer = broker
            .consumer(&registry)
            .set("fetch.error.backoff.ms", "10")
            .shutdown(stop.clone())
            .reorder(None)
            .build();
        async move {
            let mut consumer = consumer.await.unwrap();
            let figures = consumer.figures();
            let task = tokio::spawn(async move {
                let handler = move |received: Received<Reading>| {
                    ledger.write(&received);
                    async {}
                };
                consumer.run(handler).await
            });
            (figures, task)
        }
    };
    let (_, first) = join().await;
    eventually("all are read", || ledger.len() == 2).await;
    broker.refuse_fetches(100_000);
    let (others, second) = join().await;
    eventually("the other one has a partition", || {
        others.get().partitions.values().any(|p| p.assigned)
    })
    .await;
    broker.answer_fetches();
    broker.send(&one_each(1));
    broker.send(&one_each(2));
    eventually("both partitions are read on", || {
        let last = |n| ledger.readings().contains(&Reading::new(n, 2));
        last("v0") && last("v1")
    })
    .await;
    stop.cancel();
    for task in [first, second] {
        if let Err(error) = task.await.unwrap() {
            assert!(matches!(error, ConsumerError::Commit { .. }), "{error}");
        }
    }
    let expected = (0..3).flat_map(|frame| ["v0", "v1"].map(|vehicle| Reading::new(vehicle, frame)));
    assert_eq!(ledger.readings(), expected.collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_lets_running_handlers_end_and_commits_what_they_settled() {
    let broker = Broker::new(1);
    // more vehicles than may be in flight, so that some wait
    let records: Vec<Outgoing> = (0..50)
        .map(|n| Outgoing::of(&Reading::new(&format!("v{n}"), 0), 0))
        .collect();
    broker.send(&records);
    let registry = Registry::default();
    let stop = CancellationToken::new();
    let gate = Arc::new(Semaphore::new(0));
    let begun = Arc::new(AtomicUsize::new(0));
    let mut consumer = broker
        .consumer(&registry)
        .max_in_flight(8)
        .shutdown(stop.clone())
        .reorder(None)
        .build()
        .await
        .unwrap();
    let task = {
        let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
        tokio::spawn(async move {
            consumer
                .run(move |_: Received<Reading>| {
                    let (gate, begun) = (Arc::clone(&gate), Arc::clone(&begun));
                    async move {
                        begun.fetch_add(1, Ordering::SeqCst);
                        gate.acquire().await.unwrap().forget();
                    }
                })
                .await
        })
    };
    eventually("eight run", || begun.load(Ordering::SeqCst) == 8).await;
    stop.cancel();
    gate.add_permits(50);
    let counts = task.await.unwrap().unwrap();
    assert_eq!(
        begun.load(Ordering::SeqCst),
        8,
        "nothing began after the shutdown"
    );
    assert_eq!(counts.handled, 8);
    assert_eq!(broker.committed(1), BTreeMap::from([(0, 8)]));
}
