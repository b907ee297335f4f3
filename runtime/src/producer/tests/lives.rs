//! From the builder to the end: settings, room in flight, flush, close, drop.

use super::*;

#[tokio::test]
async fn what_cannot_work_is_told_when_the_producer_is_built() {
    let build = |builder: ProducerBuilder<Events>| async { builder.build().await.unwrap_err().to_string() };
    let builder = || Producer::<Events>::builder().schema_source(SchemaSource::new(Registry(None)));
    assert_eq!(
        build(builder()).await,
        "producer of topic events: no brokers are given: call brokers(\"host:port\"), or env(..) with one of: dev"
    );
    let error = build(Producer::<Events>::builder().env("dev")).await;
    assert!(
        error.starts_with("producer of topic events: no schema registry is given"),
        "{error}"
    );
    let error = build(builder().env("dev")).await;
    assert!(
        error.contains("the schema of subject events-value is not registered at http://registry: run `fleetops-registry register`"),
        "{error}"
    );
    for (key, value) in [
        ("acks", "1"),
        ("enable.idempotence", "false"),
        ("partitioner", "consistent_random"),
        ("request.required.acks", "0"),
    ] {
        let error = build(builder().env("dev").set(key, value)).await;
        assert!(error.contains(&format!("cannot be {value}: ")), "{error}");
    }
    let builder = || {
        Producer::<Events>::builder()
            .env("dev")
            .schema_source(SchemaSource::new(Registry(Some(1))))
    };
    let error = build(builder().set("no.such.setting", "1")).await;
    assert!(
        error.contains("does not take the setting no.such.setting"),
        "{error}"
    );
    let error = build(
        builder()
            .set("sasl.password", "hunter2")
            .set("security.protocol", "SASL_NONSENSE"),
    )
    .await;
    assert!(
        error.contains("security.protocol") && !error.contains("hunter2"),
        "{error}"
    );
    let text = format!("{:?}", builder().set("sasl.password", "hunter2"));
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_full_producer_makes_the_caller_wait() {
    let bench = Bench::new();
    let room = 10 * (OVERHEAD + 20);
    bench.cluster.broker_down(-1).unwrap();
    let producer = bench.builder().max_in_flight_bytes(room).build().await.unwrap();
    let mut receipts = Vec::new();
    let mut waiting = None;
    for i in 0..20 {
        let mut enqueue = Box::pin(producer.enqueue(event("v", &i.to_string())));
        let polled = std::future::poll_fn(|context| Poll::Ready(enqueue.as_mut().poll(context))).await;
        match polled {
            Poll::Ready(receipt) => receipts.push(receipt.unwrap()),
            Poll::Pending => {
                waiting = Some(enqueue);
                break;
            }
        }
    }
    let waiting = waiting.expect("no room for 20");
    assert!((9..=10).contains(&receipts.len()), "{} in flight", receipts.len());
    // One that waits and is dropped leaves no trace.
    let mut dropped = Box::pin(producer.enqueue(event("v", "dropped")));
    assert!(std::future::poll_fn(|context| Poll::Ready(dropped.as_mut().poll(context).is_pending())).await);
    drop(dropped);
    bench.cluster.broker_up(-1).unwrap();
    receipts.push(waiting.await.unwrap());
    let sent = receipts.len();
    for receipt in receipts {
        receipt.await.unwrap();
    }
    assert!(matches!(
        producer.send(event("v", "dropped")).await,
        Ok(Outcome::Acknowledged { .. })
    ));
    assert_eq!(bench.log().len(), sent + 1);
    // A record larger than all the room takes all of it.
    let large = event(&"v".repeat(2 * room), "large");
    assert!(matches!(
        producer.send(large).await,
        Ok(Outcome::Acknowledged { .. })
    ));
}

#[tokio::test]
async fn flush_and_close_list_what_was_not_delivered() {
    let bench = Bench::new();
    bench.cluster.broker_down(-1).unwrap();
    let producer = bench.producer().await;
    let first = producer.enqueue(event("a", "1")).await.unwrap();
    let second = producer.enqueue(event("b", "2")).await.unwrap();
    let undelivered = producer.flush(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(undelivered.pending, [Some("a".to_owned()), Some("b".to_owned())]);
    assert_eq!((undelivered.pending_count, undelivered.failed_count), (2, 0));
    let text = undelivered.to_string();
    assert!(
        text.starts_with("topic events: 2 event(s) not acknowledged in time (keys \"a\", \"b\")"),
        "{text}"
    );
    assert_eq!(producer.in_flight(), 2);

    drop(second);
    let undelivered = producer.close(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(undelivered.pending_count, 2);
    let error = first.await.unwrap_err();
    assert!(
        matches!(
            &error,
            SendError::Undelivered {
                code: RDKafkaErrorCode::PurgeQueue,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(producer.in_flight(), 0);
    let error = producer.send(event("c", "3")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "topic events, key \"c\": not sent, the producer is closed"
    );
    assert_eq!(counts(&producer), (3, 0, 0, 3));
    // A second close has nothing left but the failure that nobody heard of.
    let undelivered = producer.close(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!((undelivered.pending_count, undelivered.failed_count), (0, 1));
    assert_eq!(undelivered.failed[0].key(), Some("b"));
    producer.close(Duration::from_millis(50)).await.unwrap();
}

#[tokio::test]
async fn a_failure_that_nobody_heard_of_is_told_by_the_next_flush() {
    let bench = Bench::new();
    let producer = bench.producer().await;
    bench.fail_produce(&[Code::RD_KAFKA_RESP_ERR_INVALID_RECORD]);
    drop(producer.enqueue(event("v", "e")).await.unwrap());
    let undelivered = producer.flush(SOON).await.unwrap_err();
    assert_eq!((undelivered.pending_count, undelivered.failed_count), (0, 1));
    assert!(
        undelivered
            .to_string()
            .contains("1 event(s) failed unnoticed, the first: topic events, key \"v\"")
    );
    producer.flush(SOON).await.unwrap();
}

#[tokio::test]
async fn a_flush_sends_what_lingers() {
    let bench = Bench::new();
    let producer = bench.builder().set("linger.ms", "15000").build().await.unwrap();
    let receipt = producer.enqueue(event("v", "e")).await.unwrap();
    let start = std::time::Instant::now();
    producer.flush(Duration::from_secs(10)).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(matches!(receipt.await, Ok(Outcome::Acknowledged { .. })));
}

#[tokio::test]
async fn a_producer_that_is_dropped_still_settles_its_receipts() {
    let bench = Bench::new();
    bench.cluster.broker_down(-1).unwrap();
    let producer = bench.producer().await;
    let receipt = producer.enqueue(event("v", "e")).await.unwrap();
    drop(producer);
    let error = receipt.await.unwrap_err();
    assert!(
        matches!(
            &error,
            SendError::Undelivered {
                code: RDKafkaErrorCode::PurgeQueue,
                ..
            }
        ),
        "{error:?}"
    );
}
