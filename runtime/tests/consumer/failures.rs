//! What cannot be handled: dead letters with their reasons, or a stop that names the place.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fleetops_runtime::ConsumerError;
use fleetops_runtime::consumer::Received;
use fleetops_runtime::dead_letter::Reason;
use rdkafka::message::Message;

use crate::FAST;
use crate::consumer_support::*;

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
