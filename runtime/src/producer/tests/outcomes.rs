//! What a receipt tells: acknowledged, dropped as a duplicate, or why not; and never a false success.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_acknowledged_is_in_the_log_once() {
    let bench = Bench::new();
    let producer = bench
        .builder()
        .max_in_flight_bytes(100_000)
        .build()
        .await
        .unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let producer = producer.clone();
            tokio::spawn(async move {
                let mut receipts = Vec::new();
                for i in 0..1_500_u32 {
                    // Every third event is one that another task sends too.
                    let id = if i % 3 == 0 {
                        format!("shared {i}")
                    } else {
                        format!("{task} {i}")
                    };
                    receipts.push(
                        producer
                            .enqueue(event(&format!("v{}", i % 50), &id))
                            .await
                            .unwrap(),
                    );
                }
                let mut acknowledged = 0;
                for receipt in receipts {
                    acknowledged += u64::from(matches!(receipt.await.unwrap(), Outcome::Acknowledged { .. }));
                }
                acknowledged
            })
        })
        .collect();
    let mut acknowledged = 0;
    for task in tasks {
        acknowledged += task.await.unwrap();
    }
    assert_eq!(acknowledged, 500 + 4 * 1_000);
    assert_eq!(counts(&producer), (6_000, acknowledged, 1_500, 0));
    producer.close(SOON).await.unwrap();
    let log = bench.log();
    assert_eq!(log.len() as u64, acknowledged);
    let keys: std::collections::HashSet<_> = log.iter().map(|record| record.header.clone()).collect();
    assert_eq!(keys.len(), log.len());
}

#[tokio::test]
async fn a_duplicate_is_dropped_for_the_ttl_and_not_longer() {
    let bench = Bench::new();
    let producer = bench.producer().await;
    let acknowledged = |outcome| matches!(outcome, Ok(Outcome::Acknowledged { .. }));
    assert!(acknowledged(producer.send(event("v", "e")).await));
    bench.now.store(59_999, Ordering::SeqCst);
    assert_eq!(producer.send(event("v", "e")).await, Ok(Outcome::Duplicate));
    // Same ID, another vehicle: another key.
    assert!(acknowledged(producer.send(event("w", "e")).await));
    bench.now.store(60_000, Ordering::SeqCst);
    assert!(acknowledged(producer.send(event("v", "e")).await));
    // Without a dedup key nothing is remembered.
    for _ in 0..2 {
        assert!(acknowledged(producer.send(event("v", "")).await));
    }
    assert_eq!(counts(&producer), (6, 5, 1, 0));
    assert_eq!(bench.log().len(), 5);
}

#[tokio::test]
async fn the_second_of_two_in_flight_gets_the_firsts_outcome() {
    let bench = Bench::new();
    bench
        .cluster
        .broker_round_trip_time(-1, Duration::from_millis(50))
        .unwrap();
    let producer = bench.producer().await;
    let first = producer.enqueue(event("v", "e")).await.unwrap();
    let second = producer.enqueue(event("v", "e")).await.unwrap();
    assert_eq!(producer.in_flight(), 1);
    assert_eq!(second.await, Ok(Outcome::Duplicate));
    assert!(matches!(first.await, Ok(Outcome::Acknowledged { .. })));

    // The first fails: so does the second, and the third goes through.
    bench.fail_produce(&[Code::RD_KAFKA_RESP_ERR_INVALID_RECORD]);
    let first = producer.enqueue(event("v", "f")).await.unwrap();
    let second = producer.enqueue(event("v", "f")).await.unwrap();
    let error = first.await.unwrap_err();
    assert_eq!(second.await, Err(error.clone()));
    assert!(
        matches!(
            &error,
            SendError::Undelivered {
                code: RDKafkaErrorCode::InvalidRecord,
                ..
            }
        ),
        "{error:?}"
    );
    let text = error.to_string();
    assert!(
        text.starts_with("topic events, key \"v\": not acknowledged: ")
            && text.contains("see the broker's log"),
        "{text}"
    );
    assert!(!error.may_be_written());
    let third = producer.send(event("v", "f")).await;
    assert!(matches!(third, Ok(Outcome::Acknowledged { .. })), "{third:?}");
    assert_eq!(counts(&producer), (5, 2, 1, 2));
    assert_eq!(bench.log().len(), 2);
}

#[tokio::test]
async fn injected_errors_never_make_a_false_success() {
    let bench = Bench::new();
    let producer = bench
        .builder()
        .set("retry.backoff.ms", "1")
        .set("retry.backoff.max.ms", "2")
        .build()
        .await
        .unwrap();
    let errors = [
        Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        Code::RD_KAFKA_RESP_ERR__TRANSPORT,
        Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        Code::RD_KAFKA_RESP_ERR_NO_ERROR,
        Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        Code::RD_KAFKA_RESP_ERR_NO_ERROR,
        Code::RD_KAFKA_RESP_ERR_INVALID_RECORD,
    ];
    bench.fail_produce(&errors.repeat(4));
    let mut receipts = Vec::new();
    for i in 0..400 {
        let id = format!("e{i}");
        receipts.push((
            id.clone(),
            producer
                .enqueue(event(&format!("v{}", i % 7), &id))
                .await
                .unwrap(),
        ));
        if i % 10 == 0 {
            // Many small requests, so that the errors spread over them.
            producer.flush(SOON).await.ok();
        }
    }
    let mut acknowledged = BTreeMap::new();
    let mut failed = 0;
    for (id, receipt) in receipts {
        match receipt.await {
            Ok(Outcome::Acknowledged { partition, offset }) => {
                acknowledged.insert(id, (partition, offset));
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => failed += 1,
        }
    }
    assert!(
        failed > 0 && !acknowledged.is_empty(),
        "{failed} failed, {} acknowledged",
        acknowledged.len()
    );
    assert_eq!(counts(&producer), (400, acknowledged.len() as u64, 0, failed));
    let log = bench.log();
    let mut found: HashMap<String, Vec<(i32, i64)>> = HashMap::new();
    for record in log {
        let (_, header) = record.header.unwrap();
        let id = String::from_utf8(header)
            .unwrap()
            .split('\u{1f}')
            .nth(1)
            .unwrap()
            .to_owned();
        found
            .entry(id)
            .or_default()
            .push((record.partition, record.offset));
    }
    for (id, place) in acknowledged {
        let places = &found[&id];
        assert_eq!(places.len(), 1, "{id} is in the log {} times", places.len());
        assert!(
            places.contains(&place) || place.1 == -1,
            "{id} was told to be at {place:?}, and is at {places:?}"
        );
    }
}

#[tokio::test]
async fn a_broker_that_is_down_gives_an_error_by_the_deadline() {
    let bench = Bench::new();
    bench.cluster.broker_down(-1).unwrap();
    let producer = bench
        .builder()
        .set("delivery.timeout.ms", "300")
        .build()
        .await
        .unwrap();
    let error = producer.send(event("v", "e")).await.unwrap_err();
    assert!(
        matches!(
            &error,
            SendError::Undelivered {
                code: RDKafkaErrorCode::MessageTimedOut,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error.may_be_written() && error.to_string().contains("message.timeout.ms"),
        "{error}"
    );
    // Forgotten: it can be sent again once the broker is back.
    bench.cluster.broker_up(-1).unwrap();
    let producer = bench.producer().await;
    assert!(matches!(
        producer.send(event("v", "e")).await,
        Ok(Outcome::Acknowledged { .. })
    ));
}

#[tokio::test]
async fn a_record_too_large_says_so_and_frees_its_key() {
    let bench = Bench::new();
    let producer = bench
        .builder()
        .set("message.max.bytes", "1000")
        .build()
        .await
        .unwrap();
    let error = producer.send(event(&"v".repeat(2_000), "e")).await.unwrap_err();
    assert!(
        matches!(
            &error,
            SendError::Undelivered {
                code: RDKafkaErrorCode::MessageSizeTooLarge,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error.to_string().len() < 500 && error.to_string().contains("message.max.bytes"),
        "{error}"
    );
    assert_eq!(producer.in_flight(), 0);
    assert_eq!(counts(&producer), (1, 0, 0, 1));
}

#[tokio::test]
async fn an_authorisation_that_is_missing_says_which() {
    let bench = Bench::new();
    let producer = bench.producer().await;
    bench.fail_produce(&[Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED]);
    let error = producer.send(event("v", "e")).await.unwrap_err();
    assert!(
        matches!(
            &error,
            SendError::Undelivered {
                code: RDKafkaErrorCode::TopicAuthorizationFailed,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("ACL") && !error.may_be_written(),
        "{error}"
    );
}

#[tokio::test]
async fn a_fatal_error_surfaces_and_stops_the_producer() {
    let bench = Bench::new();
    // An idempotent producer needs an ID from the broker, which the principal may not have.
    let refused = [Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED];
    bench
        .cluster
        .request_errors(RDKafkaApiKey::InitProducerId, &refused);
    let producer = bench.producer().await;
    let error = producer.send(event("v", "1")).await.unwrap_err();
    assert!(matches!(&error, SendError::Fatal { .. }), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("Cluster authorization failed") && text.contains("build a new producer"),
        "{text}"
    );
    let error = producer.send(event("v", "2")).await.unwrap_err();
    assert!(matches!(&error, SendError::Fatal { .. }), "{error:?}");
    assert!(
        producer
            .fatal_error()
            .is_some_and(|reason| reason.contains("Cluster authorization failed"))
    );
    assert_eq!(counts(&producer), (2, 0, 0, 2));
    // A new one has what it needs.
    bench.producer().await.send(event("v", "1")).await.unwrap();
}
