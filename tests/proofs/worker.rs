//! Producers and consumers as processes of their own, that can be killed.
//!
//! A worker is this program again with one test and its task in environment variables. It ends in order when its standard
//! input ends; what it did up to then is in its ledger, written event by event without a buffer of its own, so that a kill
//! takes nothing of it away.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use fleetops_registry::events::RawTelemetryEvent;
use fleetops_runtime::consumer::Received;
use fleetops_runtime::{Consumer, Outcome, Producer};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::scene::{Random, Source};
use crate::topic::Telemetry;

/// A running worker.
pub(crate) struct Worker {
    child: Child,
    input: Option<ChildStdin>,
    pub(crate) ledger: PathBuf,
}

/// What a worker is to do.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) topic: String,
    /// Consumers only.
    pub(crate) group: String,
    /// Consumers only.
    pub(crate) strategy: &'static str,
    /// Consumers only: how long a frame waits for one before it.
    pub(crate) hold: Duration,
    /// Producers only.
    pub(crate) scene: Option<Source>,
    /// How much faster than the scene's time it is sent, until the producer is asked to end: then as fast as it goes.
    pub(crate) speed: f64,
}

impl Worker {
    /// Starts a worker. `name` is that of its ledger.
    pub(crate) fn start(cluster: &Cluster, name: &str, task: &Task) -> Self {
        let ledger = cluster.folder().join(format!("{}-{name}", task.topic));
        let log = File::create(ledger.with_extension("log")).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["worker::worker", "--exact", "--ignored", "--nocapture"])
            .env("PROOFS_BROKERS", cluster.bootstrap())
            .env("PROOFS_REGISTRY", cluster.registry())
            .env("PROOFS_LEDGER", &ledger)
            .env("PROOFS_TOPIC", &task.topic)
            .env("PROOFS_GROUP", &task.group)
            .env("PROOFS_STRATEGY", task.strategy)
            .env("PROOFS_HOLD", task.hold.as_secs().to_string())
            .env(
                "PROOFS_SCENE",
                task.scene.as_ref().map_or_else(String::new, Source::text),
            )
            .env("PROOFS_SPEED", task.speed.to_string())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        Self { child, input, ledger }
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.still_runs();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// It was not asked to end, and has not.
    #[track_caller]
    pub(crate) fn still_runs(&mut self) {
        assert!(self.running(), "a worker ended by itself: {}", self.log());
    }

    /// Asks it to end.
    pub(crate) fn ask_to_end(&mut self) {
        drop(self.input.take());
    }

    /// Waits for its end, which must be a good one.
    #[track_caller]
    pub(crate) fn ended(mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "a worker failed: {}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.ledger.with_extension("log")).unwrap_or_default()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(format!("PROOFS_{name}"))
        .ok()
        .filter(|v| !v.is_empty())
}

/// Where workers begin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "started by the proofs as a process of its own"]
async fn worker() {
    let Some(ledger) = variable("LEDGER") else { return };
    let (brokers, registry) = (variable("BROKERS").unwrap(), variable("REGISTRY").unwrap());
    let topic = variable("TOPIC").unwrap();
    let stop = CancellationToken::new();
    let stopper = stop.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stopper.cancel();
    });
    let ledger = Arc::new(Ledger::open(Path::new(&ledger)));
    match variable("SCENE") {
        Some(scene) => {
            let speed = variable("SPEED").unwrap().parse().unwrap();
            produce(
                &brokers,
                &registry,
                &topic,
                &Source::parse(&scene),
                speed,
                stop,
                &ledger,
            )
            .await;
        }
        None => {
            let hold = Duration::from_secs(variable("HOLD").unwrap().parse().unwrap());
            let consumer = Consumer::builder_for(Telemetry::held(&topic, hold))
                .brokers(brokers)
                .registry(registry)
                .group(variable("GROUP").unwrap())
                .set("partition.assignment.strategy", variable("STRATEGY").unwrap())
                .set("session.timeout.ms", "1500")
                .set("heartbeat.interval.ms", "300")
                .commit_every(Duration::from_millis(100), 1_000)
                .shutdown(stop);
            consume(consumer.build().await.unwrap(), &ledger).await;
        }
    }
}

/// A file that each line is in as soon as it is written.
struct Ledger(Mutex<File>);

impl Ledger {
    fn open(path: &Path) -> Self {
        Self(Mutex::new(
            OpenOptions::new().create(true).append(true).open(path).unwrap(),
        ))
    }

    fn line(&self, line: &str) {
        self.0.lock().unwrap().write_all(line.as_bytes()).unwrap();
    }
}

async fn consume(mut consumer: Consumer<Telemetry>, ledger: &Arc<Ledger>) {
    let (seed, ledger) = (u64::from(std::process::id()), Arc::clone(ledger));
    let random = Mutex::new(Random::new(seed));
    let handler = move |record: Received<RawTelemetryEvent>| {
        // Some take a while, so that a kill finds calls that run.
        let pause = {
            let mut random = random.lock().unwrap();
            random
                .chance(0.05)
                .then(|| Duration::from_micros(random.below(20_000)))
        };
        let ledger = Arc::clone(&ledger);
        async move {
            if let Some(pause) = pause {
                tokio::time::sleep(pause).await;
            }
            let event = record.event().unwrap();
            ledger.line(&format!(
                "{}\t{}\t{}\t{}\t{}\t{}\n",
                record.epoch(),
                record.partition(),
                record.offset(),
                event.event_id,
                event.vehicle_id,
                event.frame_index,
            ));
        }
    };
    let counts = consumer.run(handler).await.unwrap();
    println!("{counts:#?}");
}

/// Sends the scene; each acknowledgement is a line: the event's ID, partition and offset.
async fn produce(
    brokers: &str,
    registry: &str,
    topic: &str,
    scene: &Source,
    speed: f64,
    hurry: CancellationToken,
    ledger: &Arc<Ledger>,
) {
    let producer = || {
        Producer::builder_for(Telemetry::new(topic))
            .brokers(brokers)
            .registry(registry)
            .build()
    };
    // The second one knows nothing of what the first one has sent.
    let (producer, other) = (producer().await.unwrap(), producer().await.unwrap());
    let mut sent = JoinSet::new();
    let start = Instant::now();
    for sending in scene.sendings(1) {
        let due = start + sending.at.div_f64(speed);
        hurry
            .run_until_cancelled(tokio::time::sleep_until(due.into()))
            .await;
        let (other, ledger) = (other.clone(), Arc::clone(ledger));
        let receipt = producer.enqueue(sending.event.clone()).await.unwrap();
        sent.spawn(async move {
            let id = sending.event.event_id;
            let line = |what: &str, outcome: Outcome| match outcome {
                Outcome::Acknowledged { partition, offset } => {
                    ledger.line(&format!("{what}\t{id}\t{partition}\t{offset}\n"));
                }
                outcome => panic!("{id}: {outcome:?}"),
            };
            line("first", receipt.await.unwrap());
            if let Some(pause) = sending.again {
                tokio::time::sleep(pause).await;
                line("again", other.send(sending.event).await.unwrap());
            }
        });
        while let Some(result) = sent.try_join_next() {
            result.unwrap();
        }
    }
    while let Some(result) = sent.join_next().await {
        result.unwrap();
    }
    for producer in [producer, other] {
        producer.close(Duration::from_secs(10)).await.unwrap();
    }
}
