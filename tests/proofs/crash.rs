//! Consumers are killed, and consumers join and leave, while a scene streams.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::cluster::{Cluster, alone, shared};
use crate::group::Group;
use crate::scene::{Random, Source};
use crate::topic::HOLD;
use crate::worker::{Task, Worker};

pub(crate) fn task(topic: &str, strategy: &'static str) -> Task {
    Task {
        topic: topic.to_owned(),
        group: format!("{topic}-group"),
        strategy,
        hold: HOLD,
        scene: None,
        speed: 1.0,
    }
}

pub(crate) fn producer(cluster: &Cluster, topic: &str, scene: &Source, speed: f64) -> Worker {
    let task = Task {
        scene: Some(scene.clone()),
        speed,
        ..task(topic, "")
    };
    Worker::start(cluster, "producer", &task)
}

fn sent(scene: &Source) -> HashSet<fleetops_runtime::uuid::Uuid> {
    scene.events().iter().map(|event| event.event_id).collect()
}

pub(crate) fn pause(random: &mut Random, from: u64, to: u64) {
    std::thread::sleep(Duration::from_millis(from + random.below(to - from)));
}

/// Lets the producer and then the consumers end, and checks everything.
pub(crate) fn conclude(
    mut producer: Worker,
    mut group: Group<'_>,
    mut consumers: Vec<Worker>,
    scene: &Source,
) -> String {
    // What is left of the scene comes as fast as it goes.
    producer.ask_to_end();
    while producer.running() {
        consumers.iter_mut().for_each(Worker::still_runs);
        std::thread::sleep(Duration::from_millis(100));
    }
    group.wait_for_all(&mut consumers);
    consumers.iter_mut().for_each(Worker::ask_to_end);
    consumers.into_iter().for_each(Worker::ended);
    group.check_all(&sent(scene), &producer)
}

/// Two consumers, one of which is killed again and again.
fn kills(cluster: &Cluster, topic: &str, scene: &Source, speed: f64, times: usize, between: (u64, u64)) {
    let begin = Instant::now();
    let mut random = Random::new(0x6b69_6c6c);
    let mut group = Group::new(cluster, task(topic, "cooperative-sticky"));
    let mut consumers = vec![group.join(), group.join()];
    let mut producer = producer(cluster, topic, scene, speed);
    let mut meanwhile = 0;
    for _ in 0..times {
        pause(&mut random, between.0, between.1);
        let victim = random.below(2) as usize;
        consumers.swap_remove(victim).kill();
        group.check_commits();
        meanwhile += usize::from(producer.running());
        consumers.push(group.join());
    }
    assert!(
        meanwhile * 10 >= times * 9,
        "only {meanwhile} kills while the scene streamed"
    );
    let told = conclude(producer, group, consumers, scene);
    println!(
        "{times} kills, {meanwhile} of them while it streamed, {:?}: {told}",
        begin.elapsed()
    );
}

/// One to three consumers that come and go in good order.
fn rebalances(
    cluster: &Cluster,
    topic: &str,
    strategy: &'static str,
    scene: &Source,
    speed: f64,
    times: usize,
    between: (u64, u64),
) {
    let begin = Instant::now();
    let mut random = Random::new(0x6a6f_696e);
    let mut group = Group::new(cluster, task(topic, strategy));
    let mut consumers = vec![group.join()];
    let mut producer = producer(cluster, topic, scene, speed);
    let mut leaving = Vec::new();
    let mut meanwhile = 0;
    for _ in 0..times {
        pause(&mut random, between.0, between.1);
        group.check_commits();
        meanwhile += usize::from(producer.running());
        if consumers.len() == 1 || (consumers.len() < 3 && random.chance(0.5)) {
            consumers.push(group.join());
        } else {
            let mut leaver = consumers.swap_remove(random.below(consumers.len() as u64) as usize);
            leaver.ask_to_end();
            leaving.push(leaver);
        }
    }
    assert!(
        meanwhile * 10 >= times * 9,
        "only {meanwhile} changes while the scene streamed"
    );
    leaving.into_iter().for_each(Worker::ended);
    let told = conclude(producer, group, consumers, scene);
    println!(
        "{times} joins and leaves ({strategy}), {:?}: {told}",
        begin.elapsed()
    );
}

/// A made scene of 12,000 events, four kills, six joins and leaves.
#[tokio::test(flavor = "multi_thread")]
async fn kills_and_rebalances_lose_nothing_in_short() {
    let Some(cluster) = shared() else { return };
    let scene = Source::Made(200);
    for topic in ["killed", "changed"] {
        cluster.create(topic, &[]).await;
    }
    std::thread::scope(|scope| {
        scope.spawn(|| kills(cluster, "killed", &scene, 0.3, 4, (1_500, 3_000)));
        scope.spawn(|| {
            rebalances(
                cluster,
                "changed",
                "cooperative-sticky",
                &scene,
                0.3,
                6,
                (700, 2_000),
            )
        });
    });
}

/// 20 kills while the real scene streams, in two minutes.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: two minutes"]
async fn twenty_kills_lose_nothing() {
    let _alone = alone().await;
    let Some(scene) = Source::real() else { return };
    let Some(cluster) = Cluster::start(1, "") else {
        return;
    };
    cluster.create("killed", &[]).await;
    kills(&cluster, "killed", &scene, 0.3, 20, (1_500, 5_500));
}

/// 20 joins and leaves while the real scene streams, cooperatively and then eagerly.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: four minutes"]
async fn twenty_joins_and_leaves_lose_nothing() {
    let _alone = alone().await;
    let Some(scene) = Source::real() else { return };
    let Some(cluster) = Cluster::start(1, "") else {
        return;
    };
    for strategy in ["cooperative-sticky", "range,roundrobin"] {
        let topic = format!("changed-{}", &strategy[..5]);
        cluster.create(&topic, &[]).await;
        rebalances(&cluster, &topic, strategy, &scene, 0.3, 20, (1_500, 5_000));
    }
}
