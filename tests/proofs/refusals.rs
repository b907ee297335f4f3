//! Brokers that refuse: a record that is too large, no permission. Each is told clearly, nothing is
//! told to be a success that is none, and nothing is lost: what was refused goes through once the reason is gone.

use std::time::{Duration, Instant};

use fleetops_registry::events::RawTelemetryEvent;
use fleetops_registry::kafka::{Change, ClusterAdmin, TopicChanges};
use fleetops_runtime::consumer::ConsumerBuilder;
use fleetops_runtime::dead_letter::Reason;
use fleetops_runtime::uuid::Uuid;
use fleetops_runtime::{Consumer, ConsumerError, Outcome, Producer};
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::cluster::{Cluster, shared};
use crate::log::Log;
use crate::scene::Source;
use crate::topic::{Telemetry, dead_letters};

impl Cluster {
    pub(crate) async fn producer(&self, topic: &str, settings: &[(&str, &str)]) -> Producer<Telemetry> {
        let mut builder = Producer::builder_for(Telemetry::new(topic))
            .brokers(self.bootstrap())
            .registry(self.registry());
        for (key, value) in settings {
            builder = builder.set(*key, *value);
        }
        builder.build().await.unwrap()
    }

    pub(crate) fn consumer(&self, topic: &str) -> ConsumerBuilder<Telemetry> {
        Consumer::builder_for(Telemetry::new(topic))
            .brokers(self.bootstrap())
            .registry(self.registry())
            .group(format!("{topic}-group"))
            .set("session.timeout.ms", "6000")
            .until_end(true)
    }

    async fn set(&self, topic: &str, name: &str, value: &str) {
        let bootstrap = self.bootstrap();
        let admin = ClusterAdmin::new(&bootstrap, []).unwrap();
        let change = TopicChanges {
            topic: topic.to_owned(),
            changes: vec![Change::Set {
                name: name.to_owned(),
                value: value.to_owned(),
            }],
        };
        assert_eq!(admin.alter(vec![change], false).await.unwrap(), []);
    }
}

/// What a consumer handles until it stops or all is read.
pub(crate) async fn handled(consumer: ConsumerBuilder<Telemetry>) -> (Vec<Uuid>, Result<(), ConsumerError>) {
    let mut consumer = consumer.build().await.unwrap();
    let mut ids = Vec::new();
    let end = loop {
        match tokio::time::timeout(Duration::from_secs(60), consumer.recv())
            .await
            .expect("an answer")
        {
            None => break Ok(()),
            Some(Err(error)) => break Err(error),
            Some(Ok(delivery)) => {
                ids.push(delivery.event().unwrap().event_id);
                delivery.settle();
            }
        }
    };
    consumer.close(Duration::from_secs(10)).await.unwrap();
    ids.sort_unstable();
    (ids, end)
}

pub(crate) fn ids(events: &[RawTelemetryEvent]) -> Vec<Uuid> {
    let mut ids: Vec<Uuid> = events.iter().map(|event| event.event_id).collect();
    ids.sort_unstable();
    ids
}

#[track_caller]
pub(crate) fn says(error: &impl ToString, texts: &[&str]) {
    let error = error.to_string();
    for text in texts {
        assert!(error.contains(text), "{text:?} is not in: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_told_and_lose_nothing() {
    let Some(cluster) = shared() else { return };
    // Side by side: most of the time is spent waiting for somebody to give up.
    tokio::join!(too_large(cluster), letters_that_are_refused(cluster));
}

/// One event is larger than the topic takes, among others that are not. A batch is refused as a whole, so `batch.size` must
/// go with the topic's setting, as the error says.
async fn too_large(cluster: &Cluster) {
    let topic = "narrow";
    cluster.create(topic, &[("max.message.bytes", "20000")]).await;
    let mut events = Source::Made(5).events();
    let large = 150;
    events[large].scene_id = "x".repeat(30_000);
    let careless = cluster.producer(topic, &[("linger.ms", "1000")]).await;
    let mut receipts = Vec::new();
    for event in &events {
        receipts.push(careless.enqueue(event.clone()).await.unwrap());
    }
    for receipt in receipts {
        if let Err(error) = receipt.await {
            says(&error, &["topic narrow", "batch.size", "max.message.bytes"]);
        }
    }
    assert!(
        careless.counts().failed > 1,
        "neighbours are refused too: {:?}",
        careless.counts()
    );

    // What was refused is sent again, time enough being given to come into one batch with its neighbours.
    let settings = [("linger.ms", "1000"), ("batch.size", "20000")];
    let producer = cluster.producer(topic, &settings).await;
    let mut receipts = Vec::new();
    for event in &events {
        receipts.push(producer.enqueue(event.clone()).await.unwrap());
    }
    for (number, receipt) in receipts.into_iter().enumerate() {
        let told = receipt.await;
        if number == large {
            let error = told.expect_err("it is too large");
            let key = &events[large].vehicle_id;
            says(&error, &["topic narrow", key, "max.message.bytes"]);
            assert!(!error.to_string().contains("xxxx"), "{error}");
        } else {
            assert!(
                matches!(told, Ok(Outcome::Acknowledged { .. })),
                "event {number}: {told:?}"
            );
        }
    }
    let (handled, end) = handled(cluster.consumer(topic)).await;
    end.unwrap();
    events.remove(large);
    assert_eq!(handled, ids(&events));
}

/// A record that nobody can read, and a dead-letter topic that does not take it.
async fn letters_that_are_refused(cluster: &Cluster) {
    let topic = "poisoned";
    cluster.create(topic, &[]).await;
    let letters = dead_letters(topic);
    cluster.set(&letters, "max.message.bytes", "100").await;
    let events = Source::Made(2).events();
    let producer = cluster.producer(topic, &[]).await;
    let (before, after) = events.split_at(60);
    for event in before {
        producer.send(event.clone()).await.unwrap();
    }
    let bare: FutureProducer = cluster.client().create().unwrap();
    let poison = FutureRecord::to(topic)
        .partition(2)
        .key("k")
        .payload(&[9_u8, 9, 9]);
    let at = bare.send(poison, Duration::from_secs(10)).await.unwrap();
    for event in after {
        producer.send(event.clone()).await.unwrap();
    }

    let (first, end) = handled(cluster.consumer(topic)).await;
    let error = end.expect_err("the letter was refused");
    let place = format!("topic poisoned, partition 2, offset {}", at.offset);
    says(&error, &[&place, &letters, "Framing", "read again"]);
    let ConsumerError::DeadLetter { reason, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*reason, Reason::Framing);
    let mut all = first;

    cluster.set(&letters, "max.message.bytes", "1000000").await;
    let (second, end) = handled(cluster.consumer(topic)).await;
    end.unwrap();
    all.extend(second);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, ids(&events), "handled before the refusal or after it");
    assert_eq!(
        Log::new(cluster, &letters).ends().iter().sum::<i64>(),
        1,
        "the letter was not given up"
    );
}

/// A user without permissions, who then gets them.
#[tokio::test(flavor = "multi_thread")]
async fn without_permission_it_is_told_and_lost_is_nothing() {
    let Some(cluster) = shared() else { return };
    let topic = "guarded";
    cluster.create(topic, &[]).await;
    let settings = cluster.kafka(&["client", "plain"]);
    let mut settings: Vec<(&str, &str)> = settings.lines().filter_map(|line| line.split_once('=')).collect();
    settings.push(("topic.metadata.refresh.interval.ms", "1000"));
    let (bootstrap, settings): (Vec<_>, Vec<_>) = settings
        .iter()
        .copied()
        .partition(|(key, _): &(&str, &str)| *key == "bootstrap.servers");
    let events = Source::Made(1).events();
    let build = async || {
        let mut builder = Producer::builder_for(Telemetry::new(topic))
            .brokers(bootstrap[0].1)
            .registry(cluster.registry());
        for (key, value) in &settings {
            builder = builder.set(*key, *value);
        }
        builder.build().await.unwrap()
    };
    let consumer = || {
        let mut builder = cluster.consumer(topic).brokers(bootstrap[0].1);
        for (key, value) in &settings {
            builder = builder.set(*key, *value);
        }
        builder
    };
    let producer = build().await;
    let error = producer
        .send(events[0].clone())
        .await
        .expect_err("nobody may write");
    says(&error, &["topic guarded", &events[0].vehicle_id, "ACL"]);
    let (none, end) = handled(consumer()).await;
    assert!(none.is_empty(), "{none:?}");
    says(
        &end.expect_err("nobody may read"),
        &["topic guarded", "guarded-group", "ACL"],
    );

    let allow = |what: &[&str]| {
        let add = ["run", "org.apache.kafka.tools.AclCommand", "--bootstrap-server"];
        let bootstrap = cluster.bootstrap();
        let who = [
            bootstrap.as_str(),
            "--add",
            "--allow-principal",
            "User:fleet",
            "--operation",
            "All",
        ];
        cluster.kafka(&[&add[..], &who, what].concat());
    };
    // A producer that may write nowhere has failed for good; one that may write elsewhere notices by itself.
    if let Some(reason) = producer.fatal_error() {
        says(&reason, &["ACL"]);
    }
    cluster.create("elsewhere", &[]).await;
    allow(&["--topic", "elsewhere"]);
    let producer = build().await;
    let error = producer
        .send(events[0].clone())
        .await
        .expect_err("not to this topic");
    says(&error, &["topic guarded", &events[0].vehicle_id, "ACL"]);
    assert_eq!(producer.fatal_error(), None);
    allow(&["--topic", topic, "--topic", &dead_letters(topic)]);
    let begin = Instant::now();
    for event in &events {
        while let Err(error) = producer.send(event.clone()).await {
            assert!(begin.elapsed() < Duration::from_secs(30), "{error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
    let (none, end) = handled(consumer()).await;
    assert!(none.is_empty(), "{none:?}");
    says(&end.expect_err("not in this group"), &["guarded-group", "ACL"]);
    allow(&["--group", "*"]);
    let (all, end) = handled(consumer()).await;
    end.unwrap();
    assert_eq!(all, ids(&events));
}
