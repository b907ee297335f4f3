//! Batches, and the stream of them.

use std::collections::BTreeMap;
use std::time::Duration;

use fleetops_runtime::ConsumerError;
use fleetops_runtime::consumer::StreamExt;

use crate::consumer_support::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_batches_gives_everything_once_and_in_order() {
    let broker = Broker::new(3);
    let stream = stream(3, 12, 80, 0, 11);
    broker.send(&stream.records);
    let ledger = Ledger::default();
    let mut consumer = broker
        .consumer(&Registry::default())
        .until_end(true)
        .max_in_flight(50)
        .build()
        .await
        .unwrap();
    let mut batches = consumer.batches(32);
    let mut sizes = BTreeMap::<usize, usize>::new();
    while let Some(batch) = batches.next().await {
        let batch = batch.unwrap();
        *sizes.entry(batch.len()).or_default() += 1;
        for delivery in &batch {
            assert!(delivery.header("dedup-key").is_some() && delivery.timestamp().is_some());
            ledger.write(delivery);
        }
        batch.settle();
    }
    // After the end there is nothing more.
    assert!(batches.next().await.is_none());
    drop(batches);
    let counts = consumer.close(Duration::from_secs(10)).await.unwrap();
    assert_eq!(ledger.len(), stream.unique.len());
    assert_eq!(ledger.readings(), stream.unique);
    ledger.assert_in_order();
    assert_eq!(counts.handled, stream.unique.len() as u64);
    let largest = *sizes.keys().next_back().unwrap();
    assert!((2..=32).contains(&largest), "{sizes:?}");
    let received = |partition| stream.records.iter().filter(|r| r.partition == partition).count() as i64;
    assert_eq!(broker.committed(3), (0..3).map(|p| (p, received(p))).collect());
}

/// What is with the application bounds the next batch; what is dropped holds up the commit and is not given out again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_has_no_more_than_may_be_in_flight_and_can_be_taken_apart() {
    let broker = Broker::new(1);
    let records: Vec<Outgoing> = (0..10)
        .map(|frame| Outgoing::of(&Reading::new("v", frame), 0))
        .collect();
    broker.send(&records);
    let mut consumer = broker
        .consumer(&Registry::default())
        .dead_letter(Some(&broker.dead_letters))
        .max_in_flight(4)
        .build()
        .await
        .unwrap();
    eventually("all is received", || consumer.counts().handed_out == 10).await;
    let first = consumer.recv_batch(100).await.unwrap().unwrap();
    let offsets = |batch: &[fleetops_runtime::consumer::Delivery<Reading>]| -> Vec<i64> {
        batch.iter().map(|delivery| delivery.offset()).collect()
    };
    assert_eq!(offsets(&first), [0, 1, 2, 3]);
    let blocked = tokio::time::timeout(Duration::from_millis(100), consumer.recv_batch(100)).await;
    assert!(blocked.is_err(), "four of four are out");
    for delivery in first {
        match delivery.offset() {
            1 => delivery.fail("no"),
            2 => drop(delivery),
            _ => delivery.settle(),
        }
    }
    let second = consumer.recv_batch(3).await.unwrap().unwrap();
    assert_eq!(
        offsets(&second),
        [4, 5, 6],
        "nothing was lost by the call that was given up"
    );
    second.settle();
    eventually("the letter is acknowledged", || {
        consumer.counts().dead_lettered == 1
    })
    .await;
    let counts = consumer.close(Duration::from_secs(10)).await.unwrap();
    assert_eq!((counts.handled, counts.failed), (5, 1));
    assert_eq!(
        broker.committed(1),
        BTreeMap::from([(0, 2)]),
        "what was dropped is outstanding"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stops_the_consumer_comes_after_the_last_batch() {
    let broker = Broker::new(1);
    broker.send(&[
        Outgoing::of(&Reading::new("v", 0), 0),
        Outgoing::value(b"no framing".to_vec(), 0),
    ]);
    let mut consumer = broker
        .consumer(&Registry::default())
        .dead_letter(None::<String>)
        .build()
        .await
        .unwrap();
    let mut batches = consumer.batches(10);
    let first = batches.next().await.unwrap().unwrap();
    assert_eq!(first.len(), 1);
    first.settle();
    let error = batches.next().await.unwrap().unwrap_err();
    assert!(
        matches!(error, ConsumerError::Poison { offset: 1, .. }),
        "{error}"
    );
    assert!(batches.next().await.is_none());
}
