//! Three nodes: the leader of a partition is killed and brought back while a scene streams; too few replicas are in sync.

use std::time::{Duration, Instant};

use fleetops_runtime::Outcome;
use fleetops_runtime::producer::SendError;
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::cluster::{Cluster, alone};
use crate::crash::{conclude, pause, producer, task};
use crate::group::Group;
use crate::log::{Log, patiently};
use crate::refusals::{handled, ids, says};
use crate::scene::{Random, Source};
use crate::worker::{Task, Worker};

/// How long, in milliseconds, a record is tried before it is told to have failed.
const SHORT: &str = "4000";

/// Three times: the leader of the first partition dies, stays away for some seconds, and comes back.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: three minutes, and three brokers"]
async fn a_leader_that_dies_and_comes_back_loses_nothing() {
    let _alone = alone().await;
    let Some(scene) = Source::real() else { return };
    let Some(cluster) = Cluster::start(3, "") else {
        return;
    };
    cluster.create("led", &[]).await;
    let begin = Instant::now();
    let mut random = Random::new(0x6c65_6164);
    // Longer than a partition can be without a leader: while it is, nothing is appended, and of frames that changed places
    // one may be in the log before and the other one after.
    let task = Task {
        hold: Duration::from_secs(60),
        ..task("led", "cooperative-sticky")
    };
    let mut group = Group::new(&cluster, task);
    let mut consumers = vec![group.join(), group.join()];
    let mut producer = producer(&cluster, "led", &scene, 0.3);
    let mut killed = Vec::new();
    for _ in 0..3 {
        pause(&mut random, 4_000, 8_000);
        let leader = cluster.leader("led", 0);
        cluster.kafka(&["kill", &leader.to_string()]);
        let begin = Instant::now();
        while cluster.leader("led", 0) == leader {
            assert!(begin.elapsed() < Duration::from_secs(50), "nobody else leads");
            pause(&mut random, 100, 200);
        }
        pause(&mut random, 1_000, 4_000);
        group.check_commits();
        producer.still_runs();
        consumers.iter_mut().for_each(Worker::still_runs);
        cluster.kafka(&["start"]);
        cluster.wait_for_replicas("led", 3);
        group.check_commits();
        killed.push(leader);
    }
    let told = conclude(producer, group, consumers, &scene);
    println!(
        "leaders {killed:?} killed and brought back, {:?}: {told}",
        begin.elapsed()
    );
}

/// The topics want three replicas in sync, and one node is dead: nothing can be written, neither events nor dead letters.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: a minute, and three brokers"]
async fn without_enough_replicas_nothing_is_a_success() {
    let _alone = alone().await;
    let Some(cluster) = Cluster::start(3, "") else {
        return;
    };
    let topic = "lonely";
    cluster
        .create_led_by_others(topic, &[("min.insync.replicas", "3")])
        .await;
    let events = Source::Made(1).events();
    let (before, after) = events.split_at(20);
    let producer = cluster.producer(topic, &[("message.timeout.ms", SHORT)]).await;
    for event in before {
        producer.send(event.clone()).await.unwrap();
    }
    let bare: FutureProducer = cluster.client().create().unwrap();
    let poison = FutureRecord::to(topic)
        .partition(2)
        .key("k")
        .payload(&[9_u8, 9, 9]);
    let at = bare.send(poison, Duration::from_secs(10)).await.unwrap();

    cluster.kafka(&["kill", "3"]);
    cluster.wait_for_replicas(topic, 2);
    let ends = Log::new(&cluster, topic).ends();
    let mut receipts = Vec::new();
    for event in after {
        receipts.push(producer.enqueue(event.clone()).await.unwrap());
    }
    for (receipt, event) in receipts.into_iter().zip(after) {
        let error = receipt.await.expect_err("no success without replicas");
        says(&error, &["topic lonely", &event.vehicle_id, "in sync"]);
        let SendError::Undelivered { code, .. } = &error else {
            panic!("{error:?}")
        };
        let codes = [
            Code::NotEnoughReplicas,
            Code::NotEnoughReplicasAfterAppend,
            Code::MessageTimedOut,
        ];
        assert!(codes.contains(code), "{error:?}");
    }
    assert_eq!(Log::new(&cluster, topic).ends(), ends, "nothing was written");
    let consumer = || cluster.consumer(topic).set("message.timeout.ms", SHORT);
    let (mut all, end) = handled(consumer()).await;
    let place = format!("topic lonely, partition 2, offset {}", at.offset);
    says(
        &end.expect_err("no letter either"),
        &[&place, "lonely.dlq", "Framing", "read again"],
    );

    cluster.kafka(&["start"]);
    cluster.wait_for_replicas(topic, 3);
    // What has failed is not remembered: none of these is a duplicate.
    for event in after {
        let outcome = producer.send(event.clone()).await.unwrap();
        assert!(matches!(outcome, Outcome::Acknowledged { .. }), "{outcome:?}");
    }
    let (rest, end) = handled(consumer()).await;
    end.unwrap();
    all.extend(rest);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, ids(&events));
    assert_eq!(Log::new(&cluster, "lonely.dlq").ends().iter().sum::<i64>(), 1);
}

impl Cluster {
    fn leader(&self, topic: &str, partition: usize) -> i32 {
        patiently(|| {
            let metadata = self.metadata(topic);
            let leader = metadata.topics()[0].partitions()[partition].leader();
            if leader > 0 { Ok(leader) } else { Err("no leader") }
        })
    }

    /// Waits until so many replicas of each partition are in sync.
    fn wait_for_replicas(&self, topic: &str, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let in_sync = || {
            let metadata = self.metadata(topic);
            metadata.topics()[0]
                .partitions()
                .iter()
                .all(|partition| partition.isr().len() == count)
        };
        while !in_sync() {
            assert!(Instant::now() < deadline, "replicas do not come into sync");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}
