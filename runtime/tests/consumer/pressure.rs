//! Handlers that are slower than the log, and few at a time.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use fleetops_runtime::consumer::Received;
use tokio::sync::Semaphore;

use crate::consumer_support::*;

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
