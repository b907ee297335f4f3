//! Registries that do not answer as they should, over HTTP: records are delayed, and none is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fleetops_runtime::ConsumerError;
use fleetops_runtime::consumer::Received;
use fleetops_runtime::registry::{RegistrySettings, SchemaSource};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::consumer_support::*;

/// What the registry does with a request.
#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Takes it and says nothing.
    Hang,
    /// Takes it and closes the connection.
    Close,
    /// Says this.
    Http(u16, &'static str),
}

/// Answers as told, one request after the other, and then as a registry does.
async fn registry(answers: &'static [Answer]) -> (SchemaSource, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut request = Vec::new();
                while !request.windows(4).any(|end| end == b"\r\n\r\n") {
                    if socket.read_buf(&mut request).await.unwrap() == 0 {
                        return;
                    }
                }
                let number = counted.fetch_add(1, Ordering::SeqCst);
                let (status, body) = match answers.get(number) {
                    Some(Answer::Hang) => return tokio::time::sleep(Duration::from_secs(60)).await,
                    Some(Answer::Close) => return,
                    Some(Answer::Http(status, body)) => (*status, (*body).to_owned()),
                    None => (200, serde_json::json!({ "schema": SCHEMA }).to_string()),
                };
                let answer = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                socket.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
    let mut settings = RegistrySettings::new(&url);
    settings.set_timeout(Duration::from_millis(300));
    (SchemaSource::connect(&settings).unwrap(), asked)
}

async fn delayed_and_not_dropped(answers: &'static [Answer]) {
    let broker = Broker::new(3);
    let stream = stream(3, 6, 20, 0, 5);
    broker.send(&stream.records);
    let (source, asked) = registry(answers).await;
    let ledger = Ledger::default();
    let writer = ledger.clone();
    let mut consumer = broker
        .consumer(&Registry::default())
        .schema_source(source)
        .dead_letter(Some(&broker.dead_letters))
        .until_end(true)
        .build()
        .await
        .unwrap();
    let begin = Instant::now();
    let counts = consumer
        .run(move |received: Received<Reading>| {
            let ledger = writer.clone();
            async move { ledger.write(&received) }
        })
        .await
        .unwrap();
    assert_eq!(ledger.readings(), stream.unique, "{answers:?}");
    assert_eq!(ledger.len(), stream.unique.len());
    ledger.assert_in_order();
    assert_eq!((counts.poison, counts.dead_lettered), (0, 0), "{answers:?}");
    // Three partitions miss the same schema, and one request at a time is made for all of them.
    assert_eq!(asked.load(Ordering::SeqCst), answers.len() + 1, "{answers:?}");
    assert!(begin.elapsed() < Duration::from_secs(30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_hangs_or_hangs_up_delays_and_drops_nothing() {
    delayed_and_not_dropped(&[Answer::Hang, Answer::Close]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_fails_or_is_busy_delays_and_drops_nothing() {
    delayed_and_not_dropped(&[
        Answer::Http(500, r#"{"error_code":50001,"message":"the store is away"}"#),
        Answer::Http(503, "<html>no</html>"),
        Answer::Http(429, ""),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_talks_rubbish_delays_and_drops_nothing() {
    delayed_and_not_dropped(&[
        Answer::Http(200, "<html>a proxy's page</html>"),
        Answer::Http(200, "{}"),
        Answer::Http(200, r#"{"schema": 7}"#),
    ])
    .await;
}

/// What is at the address is no registry, or not ours: no record is called unreadable for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_is_no_registry_stops_the_consumer_and_drops_nothing() {
    for answer in [Answer::Http(404, "not found"), Answer::Http(403, "{}")] {
        let answers: &'static [Answer] = Box::leak(Box::new([answer; 1]));
        let broker = Broker::new(1);
        broker.send(&[Outgoing::of(&Reading::new("v", 0), 0)]);
        let (source, asked) = registry(answers).await;
        let mut consumer = broker
            .consumer(&Registry::default())
            .schema_source(source)
            .dead_letter(Some(&broker.dead_letters))
            .build()
            .await
            .unwrap();
        let error = consumer.run(|_: Received<Reading>| async {}).await.unwrap_err();
        assert!(matches!(error, ConsumerError::Registry { .. }), "{error}");
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(consumer.counts().dead_lettered, 0);
        assert!(broker.committed(1).values().all(|offset| *offset == 0));
    }
}
