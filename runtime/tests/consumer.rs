//! The consumer against librdkafka's mock cluster (the real protocol over loopback, groups and commits included), or, where
//! `FLEETOPS_TEST_KAFKA` has a broker's address, against that: the same tests hold.
//!
//! The mock refuses commits in a revoke callback, and answers look-ups by time with the end of the log. So where partitions
//! change hands here, records are handled at least once, and warm starts go by the metadata or to the start of the log.

#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests too

#[path = "consumer/batches.rs"]
mod batches;
mod consumer_support;
#[path = "consumer/registry.rs"]
mod registry;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use consumer_support::*;
use fleetops_runtime::ConsumerError;
use fleetops_runtime::consumer::{Received, RetryPolicy};
use fleetops_runtime::dead_letter::Reason;
use fleetops_runtime::topic::ReorderSpec;
use rdkafka::message::Message;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

const FAST: RetryPolicy = RetryPolicy {
    retries: 2,
    min_delay: Duration::from_millis(1),
    max_delay: Duration::from_millis(2),
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_is_handled_once_and_in_order() {
    let broker = Broker::new(3);
    let stream = stream(3, 12, 80, 0, 7);
    broker.send(&stream.records);
    let registry = Registry::default();
    let ledger = Ledger::default();
    let mut consumer = broker.consumer(&registry).until_end(true).build().await.unwrap();
    let writer = ledger.clone();
    let counts = consumer
        .run(move |received: Received<Reading>| {
            let ledger = writer.clone();
            async move {
                tokio::task::yield_now().await;
                ledger.write(&received);
            }
        })
        .await
        .unwrap();

    assert_eq!(ledger.len(), stream.unique.len());
    assert_eq!(ledger.readings(), stream.unique);
    ledger.assert_in_order();
    assert_eq!(counts.received, stream.records.len() as u64);
    assert_eq!(counts.duplicates, stream.duplicates.len() as u64);
    assert_eq!(counts.handled, stream.unique.len() as u64);
    assert!(counts.reordered > 0 && counts.gaps == 0, "{counts:#?}");
    assert_balanced(&counts);
    let ends: BTreeMap<i32, i64> = (0..3)
        .map(|p| {
            (
                p,
                stream.records.iter().filter(|r| r.partition == p).count() as i64,
            )
        })
        .collect();
    assert_eq!(broker.committed(3), ends);
    for (partition, figures) in &counts.partitions {
        assert_eq!(figures.position, Some(ends[partition]));
        assert_eq!(figures.committed, Some(ends[partition]));
        assert_eq!(figures.lag(), Some(0));
        assert!(!figures.assigned);
    }
    assert_eq!(
        registry.calls.load(Ordering::SeqCst),
        1,
        "one schema, one request"
    );

    // The same group again: what lies below the commits is read to warm up, and nothing is handled.
    let mut second = broker.consumer(&registry).until_end(true).build().await.unwrap();
    let counts = second
        .run(
            |received: Received<Reading>| async move { Err(format!("handled again: {}", received.offset())) },
        )
        .await
        .unwrap();
    assert_eq!((counts.received, counts.handled), (0, 0));
    assert!(counts.warm > 0);
    assert_eq!(broker.committed(3), ends);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declared_end_lets_out_what_waits_in_order() {
    let broker = Broker::new(1);
    // Far into their sequence, vehicles wait for frames that may still come before their first ones.
    let records: Vec<Outgoing> = [(0, "a"), (1, "a"), (0, "b")]
        .map(|(frame, vehicle)| Outgoing::of(&Reading::new(vehicle, 500 - frame), 0))
        .into();
    broker.send(&records);
    let registry = Registry::default();
    let end = CancellationToken::new();
    let patient = ReorderSpec {
        hold: Duration::from_secs(600),
        ring: 10,
        tolerance: 2,
    };
    let builder = broker.consumer(&registry).reorder(patient);
    let mut consumer = builder.end_of_stream(end.clone()).build().await.unwrap();
    eventually("all records wait", || consumer.counts().waiting == 3).await;
    end.cancel();
    let ledger = Ledger::default();
    while let Some(delivery) = consumer.recv().await {
        let delivery = delivery.unwrap();
        ledger.write(&delivery);
        delivery.settle();
    }
    let frames = |vehicle: &str| -> Vec<i64> {
        let lines = ledger.lines();
        let of = lines.iter().filter(|(_, _, reading)| reading.vehicle == vehicle);
        of.map(|(_, _, reading)| reading.frame).collect()
    };
    assert_eq!((frames("a"), frames("b")), (vec![499, 500], vec![500]));
    let counts = consumer.close(Duration::from_secs(5)).await.unwrap();
    assert_eq!((counts.handled, counts.waiting), (3, 0));
    assert_eq!(broker.committed(1), BTreeMap::from([(0, 3)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_follow_what_is_settled_for_as_long_as_the_consumer_runs() {
    let broker = Broker::new(1);
    let registry = Registry::default();
    let mut consumer = broker.consumer(&registry).build().await.unwrap();
    for frame in 0..6 {
        broker.send(&[Outgoing::of(&Reading::new("v", frame), 0)]);
        consumer.recv().await.unwrap().unwrap().settle();
        eventually("the commit", || {
            broker.committed(1) == BTreeMap::from([(0, frame + 1)])
        })
        .await;
        eventually("its answer", || {
            consumer.counts().partitions[&0].committed == Some(frame + 1)
        })
        .await;
    }
    let counts = consumer.counts();
    assert_eq!((counts.commits, counts.commits_failed), (6, 0));
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_handled_becomes_a_dead_letter_with_its_reason() {
    let broker = Broker::new(1);
    let good = |frame| Outgoing::of(&Reading::new("v", frame), 0);
    let mut contradicted = Outgoing::of(&Reading::new("v", 3), 0);
    contradicted.headers = vec![
        ("dedup-key", b"v\x1fanother".to_vec()),
        ("trace", b"t-1".to_vec()),
    ];
    let mut unknown = Reading::new("v", 3).value();
    unknown[4] = 99;
    let mut unreadable = Reading::new("v", 3).value();
    unreadable[4] = UNREADABLE_ID as u8;
    let mut trailing = Reading::new("v", 3).value();
    trailing.push(0);
    let conflict = Reading {
        id: "other".to_owned(),
        ..Reading::new("v", 2)
    };
    let late = Reading::new("v", 4);
    let old = Reading::new("v", 0);
    let mut records = vec![good(0), good(1), good(2)];
    records.push(Outgoing::value("{\"json\": true}", 0)); // 3
    records.push(Outgoing::value(unknown, 0)); // 4
    records.push(Outgoing::value(trailing, 0)); // 5
    records.push(Outgoing::of(&Reading::new("v", -1), 0)); // 6
    records.push(contradicted); // 7
    records.push(Outgoing::value(unreadable, 0)); // 8
    records.push(Outgoing::of(&conflict, 0)); // 9
    records.push(good(3)); // 10
    records.extend((5..9).map(good)); // 11..14: frame 4 is given up
    records.push(Outgoing::of(&late, 0)); // 15
    records.extend((9..15).map(good)); // 16..21
    records.push(Outgoing::of(
        &Reading {
            id: "old".to_owned(),
            ..old
        },
        0,
    )); // 22
    records.push(Outgoing::of(&Reading::new("v", 5_000), 0)); // 23: nothing confirms it
    records.push(good(15)); // 24
    records.push(good(16)); // 25: its handler fails
    broker.send(&records);

    let registry = Registry::default();
    let mut consumer = broker
        .consumer(&registry)
        .dead_letter(Some(&broker.dead_letters))
        .retry(FAST)
        .until_end(true)
        .build()
        .await
        .unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let counts = consumer
        .run(move |received: Received<Reading>| {
            let frame = received.event().unwrap().frame;
            let calls = Arc::clone(&counted);
            async move {
                if frame == 16 {
                    calls.fetch_add(1, Ordering::SeqCst);
                    return Err("the engine is on fire");
                }
                Ok(())
            }
        })
        .await
        .unwrap();

    assert_eq!(calls.load(Ordering::SeqCst), 3, "one try and two retries");
    let expected: BTreeMap<i64, Reason> = [
        (3, Reason::Framing),
        (4, Reason::UnknownSchema),
        (5, Reason::Undecodable),
        (6, Reason::Invalid),
        (7, Reason::HeaderContradicted),
        (8, Reason::Undecodable),
        (9, Reason::Conflict),
        (15, Reason::Late),
        (22, Reason::TooOld),
        (23, Reason::Jump),
        (25, Reason::HandlerFailed),
    ]
    .into();
    let letters = broker.read(&broker.dead_letters, 1);
    let found: BTreeMap<i64, Reason> = letters
        .iter()
        .map(|letter| {
            let offset = header(letter, "dead-letter-offset").unwrap().parse().unwrap();
            (
                offset,
                Reason::parse(&header(letter, "dead-letter-reason").unwrap()).unwrap(),
            )
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(letters.len(), expected.len(), "each once");
    for letter in &letters {
        let offset: usize = header(letter, "dead-letter-offset").unwrap().parse().unwrap();
        assert_eq!(letter.key(), records[offset].key.as_deref());
        assert_eq!(letter.payload(), records[offset].value.as_deref());
        assert_eq!(
            header(letter, "dead-letter-topic").as_deref(),
            Some(&broker.topic[..])
        );
        assert_eq!(header(letter, "dead-letter-partition").as_deref(), Some("0"));
        assert!(header(letter, "dead-letter-timestamp").is_some());
        assert!(!header(letter, "dead-letter-detail").unwrap().is_empty());
    }
    let contradicted = letters
        .iter()
        .find(|l| header(l, "dead-letter-offset").as_deref() == Some("7"));
    assert_eq!(
        header(contradicted.unwrap(), "trace").as_deref(),
        Some("t-1"),
        "original headers are kept"
    );
    let failed = letters
        .iter()
        .find(|l| header(l, "dead-letter-offset").as_deref() == Some("25"));
    assert_eq!(
        header(failed.unwrap(), "dead-letter-detail").as_deref(),
        Some("the engine is on fire")
    );
    assert_eq!(counts.dead_lettered, expected.len() as u64);
    assert_eq!((counts.failed, counts.poison), (1, 6));
    assert_balanced(&counts);
    assert_eq!(
        broker.committed(1),
        BTreeMap::from([(0, records.len() as i64)]),
        "all are settled"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_without_a_dead_letter_topic_stops_the_consumer_at_its_place() {
    let broker = Broker::new(1);
    let registry = Registry::default();
    let mut records: Vec<Outgoing> = (0..5)
        .map(|frame| Outgoing::of(&Reading::new("v", frame), 0))
        .collect();
    records.push(Outgoing::value("not framed", 0));
    records.push(Outgoing::of(&Reading::new("v", 5), 0));
    broker.send(&records);
    for life in 0..2 {
        let ledger = Ledger::default();
        let writer = ledger.clone();
        let mut consumer = broker.consumer(&registry).build().await.unwrap();
        let error = consumer
            .run(move |received: Received<Reading>| {
                writer.write(&received);
                async {}
            })
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(
                error,
                ConsumerError::Poison {
                    partition: 0,
                    offset: 5,
                    reason: Reason::Framing,
                    ..
                }
            ),
            "{text}"
        );
        assert!(
            text.contains(&format!("topic {}, partition 0, offset 5: Framing", broker.topic)),
            "{text}"
        );
        assert!(
            ledger.lines().iter().all(|(_, offset, _)| *offset < 5),
            "nothing behind it is handled"
        );
        let committed = broker.committed(1).get(&0).copied();
        assert!(committed.is_none_or(|committed| committed <= 5), "{committed:?}");
        if life == 0 {
            assert!(ledger.len() <= 5);
            ledger.assert_commits_covered(&broker.committed(1), &BTreeSet::new());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_fails_or_panics_without_a_dead_letter_topic_stops_the_consumer() {
    for panics in [false, true] {
        let broker = Broker::new(1);
        let records: Vec<Outgoing> = (0..5)
            .map(|frame| Outgoing::of(&Reading::new("v", frame), 0))
            .collect();
        broker.send(&records);
        let registry = Registry::default();
        let mut consumer = broker.consumer(&registry).retry(FAST).build().await.unwrap();
        let error = consumer
            .run(move |received: Received<Reading>| async move {
                match received.offset() {
                    3 if panics => panic!("no brakes"),
                    3 => Err("no brakes".to_owned()),
                    _ => Ok(()),
                }
            })
            .await
            .unwrap_err();
        assert!(
            matches!(&error, ConsumerError::HandlerFailed { partition: 0, offset: 3, detail, .. } if detail.contains("no brakes")),
            "{error}"
        );
        assert_eq!(
            broker.committed(1),
            BTreeMap::from([(0, 3)]),
            "what was handled is committed, and no more"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_fails_after_the_end_of_the_stream_is_told_too() {
    let broker = Broker::new(1);
    let records: Vec<Outgoing> = (0..5)
        .map(|frame| Outgoing::of(&Reading::new(&format!("v{frame}"), 0), 0))
        .collect();
    broker.send(&records);
    let registry = Registry::default();
    let builder = broker.consumer(&registry).retry(FAST).until_end(true);
    let mut consumer = builder.build().await.unwrap();
    let figures = consumer.figures();
    let error = consumer
        .run(move |received: Received<Reading>| {
            let figures = figures.clone();
            async move {
                if received.offset() != 2 {
                    return Ok(());
                }
                // All others are done, so nothing is left to come: the stream has ended, and this call runs on.
                eventually("the others are handled", || figures.get().handled == 4).await;
                tokio::time::sleep(Duration::from_millis(300)).await;
                Err("no brakes")
            }
        })
        .await
        .expect_err("one failed");
    assert!(
        matches!(
            &error,
            ConsumerError::HandlerFailed {
                partition: 0,
                offset: 2,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(broker.committed(1), BTreeMap::from([(0, 2)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_handler_pauses_reading_and_nothing_is_lost() {
    let broker = Broker::new(3);
    let stream = stream(3, 30, 100, 0, 11);
    broker.send(&stream.records);
    let registry = Registry::default();
    let ledger = Ledger::default();
    let shut = Arc::new(Semaphore::new(0));
    let running = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let mut consumer = broker
        .consumer(&registry)
        .max_in_flight(10)
        .backlog(100)
        .until_end(true)
        .build()
        .await
        .unwrap();
    let figures = consumer.figures();
    let opener = {
        let (shut, ledger, running) = (Arc::clone(&shut), ledger.clone(), Arc::clone(&running));
        let total = stream.records.len() as u64;
        tokio::spawn(async move {
            eventually("reading is paused", || figures.get().pauses > 0).await;
            let counts = figures.get();
            assert_eq!(ledger.len(), 0);
            assert_eq!(
                running.load(Ordering::SeqCst),
                10,
                "at most as many as allowed are in flight"
            );
            // in flight, behind their lanes, the backlog, and a burst of reading
            assert!(counts.received < 10 + 80 + 100 + 400, "{counts:#?}");
            assert!(counts.received < total);
            shut.add_permits(1_000_000);
        })
    };
    let handler = {
        let (ledger, most) = (ledger.clone(), Arc::clone(&most));
        move |received: Received<Reading>| {
            let (ledger, shut, running, most) = (
                ledger.clone(),
                Arc::clone(&shut),
                Arc::clone(&running),
                Arc::clone(&most),
            );
            async move {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                shut.acquire().await.unwrap().forget();
                ledger.write(&received);
                running.fetch_sub(1, Ordering::SeqCst);
            }
        }
    };
    let counts = consumer.run(handler).await.unwrap();
    opener.await.unwrap();
    assert!(counts.pauses > 0);
    assert_eq!(most.load(Ordering::SeqCst), 10);
    assert_eq!(ledger.len(), stream.unique.len());
    assert_eq!(ledger.readings(), stream.unique);
    ledger.assert_in_order();
    assert_balanced(&counts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cap_of_one_makes_progress() {
    let broker = Broker::new(2);
    let stream = stream(2, 5, 20, 0, 5);
    broker.send(&stream.records);
    let registry = Registry::default();
    let ledger = Ledger::default();
    let writer = ledger.clone();
    let mut consumer = broker
        .consumer(&registry)
        .max_in_flight(1)
        .backlog(1)
        .until_end(true)
        .build()
        .await
        .unwrap();
    consumer
        .run(move |received: Received<Reading>| {
            let ledger = writer.clone();
            async move { ledger.write(&received) }
        })
        .await
        .unwrap();
    assert_eq!(ledger.readings(), stream.unique);
    assert_eq!(ledger.len(), stream.unique.len());
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_is_down_delays_and_drops_nothing() {
    let broker = Broker::new(3);
    let stream = stream(3, 6, 20, 0, 2);
    broker.send(&stream.records);
    let registry = Registry::default();
    registry.down.store(4, Ordering::SeqCst);
    let ledger = Ledger::default();
    let writer = ledger.clone();
    let mut consumer = broker
        .consumer(&registry)
        .dead_letter(Some(&broker.dead_letters))
        .until_end(true)
        .build()
        .await
        .unwrap();
    let counts = consumer
        .run(move |received: Received<Reading>| {
            let ledger = writer.clone();
            async move { ledger.write(&received) }
        })
        .await
        .unwrap();
    assert_eq!(ledger.readings(), stream.unique);
    ledger.assert_in_order();
    assert_eq!((counts.poison, counts.dead_lettered), (0, 0));
    assert_eq!(
        registry.calls.load(Ordering::SeqCst),
        5,
        "four failures and one answer for all partitions"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_refuses_us_stops_the_consumer() {
    let broker = Broker::new(1);
    broker.send(&[Outgoing::of(&Reading::new("v", 0), 0)]);
    let registry = Registry {
        refuses: true,
        ..Registry::default()
    };
    let mut consumer = broker.consumer(&registry).build().await.unwrap();
    let error = consumer.run(|_: Received<Reading>| async {}).await.unwrap_err();
    assert!(matches!(error, ConsumerError::Registry { .. }), "{error}");
    assert!(error.to_string().contains("schema ID 1"), "{error}");
    assert_eq!(broker.committed(1), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_writers_schemas_tombstones_and_replays_are_handled() {
    let broker = Broker::new(1);
    let old = Reading::new("v", 0);
    let mut replayed = Outgoing::of(&Reading::new("v", 0), 0);
    replayed.headers.push(("dead-letter-replay", b"1".to_vec()));
    let mut by_header = Outgoing::value(&Reading::new("v", 1).value()[5..], 0);
    by_header.headers = vec![("__value_schema_id", vec![0, 0, 0, 0, ID as u8])];
    broker.send(&[
        Outgoing::value(old.old_value(), 0),
        by_header,
        Outgoing {
            key: Some(b"v".to_vec()),
            ..Outgoing::default()
        },
        replayed,
    ]);
    let registry = Registry::default();
    let mut consumer = broker.consumer(&registry).until_end(true).build().await.unwrap();
    let mut found = Vec::new();
    while let Some(delivery) = consumer.recv().await {
        let delivery = delivery.unwrap();
        assert_eq!(delivery.topic(), broker.topic);
        assert!(delivery.timestamp().is_some());
        assert_eq!(delivery.key(), Some(&b"v"[..]));
        found.push((delivery.offset(), delivery.event().cloned()));
        delivery.settle();
    }
    found.sort();
    assert_eq!(
        found,
        [
            (
                0,
                Some(Reading {
                    unit: "m".to_owned(),
                    ..old
                })
            ),
            (1, Some(Reading::new("v", 1))),
            (2, None),
            (3, Some(Reading::new("v", 0))),
        ]
    );
    let counts = consumer.close(Duration::from_secs(5)).await.unwrap();
    assert_eq!((counts.tombstones, counts.replayed, counts.handled), (1, 1, 4));
    assert_eq!(broker.committed(1), BTreeMap::from([(0, 4)]));
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_waits_for_a_lost_one_comes_out_when_the_log_has_ended() {
    let broker = Broker::new(1);
    let frames = [0, 1, 2, 4]; // 3 never comes
    broker.send(&frames.map(|frame| Outgoing::of(&Reading::new("v", frame), 0)));
    let registry = Registry::default();
    let mut consumer = broker.consumer(&registry).build().await.unwrap();
    let mut found = Vec::new();
    while found.len() < 4 {
        let delivery = tokio::time::timeout(Duration::from_secs(20), consumer.recv())
            .await
            .unwrap();
        let delivery = delivery.unwrap().unwrap();
        found.push(delivery.event().unwrap().frame);
        delivery.settle();
    }
    assert_eq!(found, frames);
    let counts = consumer.close(Duration::from_secs(5)).await.unwrap();
    assert_eq!(counts.gaps, 1);
    assert_eq!(broker.committed(1), BTreeMap::from([(0, 4)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_topic_or_assignment_ends_at_once() {
    let broker = Broker::new(1);
    let registry = Registry::default();
    let mut empty = broker.consumer(&registry).until_end(true).build().await.unwrap();
    let counts = empty.run(|_: Received<Reading>| async {}).await.unwrap();
    assert_eq!((counts.received, counts.assignments), (0, 1));

    // One partition, two members: one of them gets nothing.
    broker.send(&[Outgoing::of(&Reading::new("v", 0), 0)]);
    let stop = CancellationToken::new();
    let mut holder = broker
        .consumer(&registry)
        .shutdown(stop.clone())
        .build()
        .await
        .unwrap();
    let held = holder.figures();
    let holder = tokio::spawn(async move { holder.run(|_: Received<Reading>| async {}).await });
    eventually("the partition is held", || held.get().handled == 1).await;
    let mut idle = broker.consumer(&registry).until_end(true).build().await.unwrap();
    let counts = tokio::time::timeout(Duration::from_secs(30), idle.run(|_: Received<Reading>| async {}))
        .await
        .expect("an empty assignment ends too")
        .unwrap();
    assert_eq!(counts.handled, 0);
    stop.cancel();
    holder.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_builder_says_what_is_missing() {
    use fleetops_runtime::Consumer;
    let build = |builder: fleetops_runtime::ConsumerBuilder<Readings>| async {
        builder.build().await.map(drop).unwrap_err().to_string()
    };
    let error = build(Consumer::<Readings>::builder().group("g")).await;
    assert!(
        error.contains("topic readings") && error.contains("brokers"),
        "{error}"
    );
    let error = build(Consumer::<Readings>::builder().brokers("localhost:1").group("g")).await;
    assert!(error.contains("registry"), "{error}");
    let complete = || {
        Consumer::<Readings>::builder()
            .brokers("localhost:1")
            .registry("http://localhost:1")
    };
    let error = build(complete()).await;
    assert!(error.contains("group"), "{error}");
    let error = build(complete().group("g").set("enable.auto.commit", "true")).await;
    assert!(error.contains("enable.auto.commit"), "{error}");
    let error = build(complete().group("g").set("no.such.setting", "1")).await;
    assert!(error.contains("no.such.setting"), "{error}");
}
