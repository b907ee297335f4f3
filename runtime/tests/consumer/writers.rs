//! Schemas of other writers, and a registry that fails to give them.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fleetops_runtime::ConsumerError;
use fleetops_runtime::consumer::Received;

use crate::consumer_support::*;

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
