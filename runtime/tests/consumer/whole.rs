//! Whole streams: everything once and in order, ends, commits, what a builder wants.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fleetops_runtime::consumer::Received;
use fleetops_runtime::topic::ReorderSpec;
use tokio_util::sync::CancellationToken;

use crate::consumer_support::*;

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

/// Events are read in the place of others that are done with. Who still looks at one is not done with it, and nothing of the one
/// before is left, whatever that was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_kept_stays_as_it_was_while_others_are_read() {
    let broker = Broker::new(1);
    let (records, readings): (Vec<_>, Vec<_>) = (0..3_000_i64)
        .map(|n| {
            let mut reading = Reading::new(&"v".repeat(1 + n as usize % 41), n / 41);
            reading.id = format!("{n}-{}", "i".repeat(n as usize % 97));
            match n % 50 {
                // Its bytes are read in part before they turn out to be none of a reading.
                7 => {
                    let value = reading.value();
                    (Outgoing::value(&value[..value.len() - 2], 0), None)
                }
                8 => {
                    let old = Outgoing::value(reading.old_value(), 0);
                    reading.unit = "m".to_owned();
                    (old, Some(reading))
                }
                _ => (Outgoing::of(&reading, 0), Some(reading)),
            }
        })
        .unzip();
    broker.send(&records);
    let builder = broker.consumer(&Registry::default());
    let mut consumer = builder
        .dead_letter(Some(&broker.dead_letters))
        .reorder(None)
        .until_end(true)
        .build()
        .await
        .unwrap();
    let (mut kept, mut handled) = (Vec::new(), 0);
    while let Some(delivery) = consumer.recv().await {
        let delivery = delivery.unwrap();
        let expected = readings[delivery.offset() as usize].as_ref();
        assert_eq!(delivery.event(), expected, "offset {}", delivery.offset());
        if handled % 7 == 0 {
            kept.push(delivery.received());
        }
        handled += 1;
        delivery.settle();
    }
    let counts = consumer.close(Duration::from_secs(5)).await.unwrap();
    assert_eq!((handled, counts.poison), (2_940, 60));
    for received in kept {
        let expected = readings[received.offset() as usize].as_ref();
        assert_eq!(received.event(), expected, "offset {}", received.offset());
    }
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
