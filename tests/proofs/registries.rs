//! A registry that is down, slow, broken or talks garbage: a consumer waits and drops nothing, a producer is not built and
//! says why.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fleetops_runtime::Producer;
use fleetops_runtime::registry::{RegistrySettings, SchemaSource};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::cluster::{Cluster, shared};
use crate::scene::Source;
use crate::topic::Telemetry;

/// How the registry behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    /// Hangs up.
    Down,
    /// Answers nothing.
    Slow,
    /// Answers with status 500.
    Broken,
    /// Answers 200 with what is no JSON.
    Garbage,
    /// Answers 200 with JSON that is no answer.
    Nonsense,
}

/// A door before the cluster's registry.
struct Door {
    url: String,
    mood: watch::Sender<Mood>,
    calls: Arc<AtomicUsize>,
}

impl Door {
    async fn open(registry: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let behind = registry.strip_prefix("http://").unwrap().to_owned();
        let (mood, moods) = watch::channel(Mood::Well);
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(answer(caller, *moods.borrow(), behind.clone()));
            }
        });
        Self { url, mood, calls }
    }

    /// With little patience, so that the slow one is noticed.
    fn source(&self) -> SchemaSource {
        let mut settings = RegistrySettings::new(&self.url);
        settings.set_timeout(Duration::from_millis(500));
        SchemaSource::connect(&settings).unwrap()
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

async fn answer(mut caller: TcpStream, mood: Mood, behind: String) {
    let body = match mood {
        Mood::Down => return,
        Mood::Slow => return tokio::time::sleep(Duration::from_secs(60)).await,
        Mood::Well => {
            let mut behind = TcpStream::connect(behind).await.unwrap();
            let _ = copy_bidirectional(&mut caller, &mut behind).await;
            return;
        }
        Mood::Broken => "{\"error_code\":50001,\"message\":\"Error in the backend data store\"}",
        Mood::Garbage => "<html>It works!</html>",
        Mood::Nonsense => "{\"answer\":42}",
    };
    let status = if mood == Mood::Broken {
        "500 Internal Server Error"
    } else {
        "200 OK"
    };
    let _ = caller.read(&mut [0; 4096]).await;
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let _ = caller.write_all(text.as_bytes()).await;
    let _ = caller.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_in_any_mood_delays_and_loses_nothing() {
    let Some(cluster) = shared() else { return };
    let events = Source::Made(3).events();
    let topic = "moody";
    cluster.create(topic, &[]).await;
    let writer = cluster.producer(topic, &[]).await;
    for event in &events {
        drop(writer.enqueue(event.clone()).await.unwrap());
    }
    writer.close(Duration::from_secs(20)).await.unwrap();

    let one = |mood| one_mood(cluster, topic, mood, events.len());
    tokio::join!(
        one(Mood::Down),
        one(Mood::Slow),
        one(Mood::Broken),
        one(Mood::Garbage),
        one(Mood::Nonsense)
    );
}

async fn one_mood(cluster: &Cluster, topic: &str, mood: Mood, count: usize) {
    let door = Door::open(&cluster.registry()).await;
    door.mood.send(mood).unwrap();

    let begin = Instant::now();
    let built = Producer::builder_for(Telemetry::new(topic))
        .brokers(cluster.bootstrap())
        .schema_source(door.source())
        .build()
        .await;
    let error = built.expect_err("no schema ID, no producer").to_string();
    assert!(
        begin.elapsed() < Duration::from_secs(8),
        "{mood:?}: {:?}",
        begin.elapsed()
    );
    assert!(
        error.contains(&format!("topic {topic}")) && error.contains(&door.url),
        "{mood:?}: {error}"
    );
    let words = match mood {
        Mood::Down => "could not be reached",
        Mood::Slow => "timed out",
        Mood::Broken => "Error in the backend data store",
        _ => "no answer",
    };
    assert!(error.contains(words), "{mood:?}: {error}");

    let mut consumer = cluster
        .consumer(topic)
        .group(format!("{topic}-{mood:?}"))
        .schema_source(door.source())
        .build()
        .await
        .unwrap();
    // It asks again and again, and meanwhile nothing comes, and nothing becomes of what is there.
    let before = door.calls();
    let deadline = Instant::now() + Duration::from_secs(60);
    while door.calls() < before + 3 {
        assert!(
            Instant::now() < deadline,
            "{mood:?}: it asked {} times",
            door.calls() - before
        );
        let nothing = tokio::time::timeout(Duration::from_millis(100), consumer.recv()).await;
        assert!(nothing.is_err(), "{mood:?}: {nothing:?}");
    }
    let counts = consumer.counts();
    assert_eq!(
        (
            counts.handled,
            counts.poison,
            counts.dead_lettered,
            counts.commits
        ),
        (0, 0, 0, 0),
        "{mood:?}"
    );

    door.mood.send(Mood::Well).unwrap();
    let mut handled = 0;
    while let Some(delivery) = tokio::time::timeout(Duration::from_secs(60), consumer.recv())
        .await
        .unwrap()
    {
        delivery.unwrap().settle();
        handled += 1;
    }
    let counts = consumer.close(Duration::from_secs(10)).await.unwrap();
    assert_eq!(
        (handled, counts.handled, counts.poison, counts.dead_lettered),
        (count, count as u64, 0, 0),
        "{mood:?}"
    );
}
