//! Producing and consuming at once, as fast as it goes, and what this process holds in memory meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fleetops_runtime::consumer::Received;
use fleetops_runtime::registry::SchemaSource;
use fleetops_runtime::topic::DedupSpec;
use fleetops_runtime::{Consumer, Producer};
use tokio_util::sync::CancellationToken;

use super::topic::{Rated, Registry, Telemetry};
use super::{create, events_of};

/// Short, so that the first minute holds more than one of them.
const TTL: Duration = Duration::from_secs(20);
/// So far the producer may be ahead: the log keeps no more than a few segments.
const AHEAD: u64 = 100_000;
/// What a remembered key takes at both ends, and a vehicle's session, in bytes: at most. Their number follows the rate, which
/// nobody holds constant on a machine that does other work too.
const KEY: u64 = 2 * 31;
const TRACK: u64 = 1024;
/// Until here memory may grow.
const WARM: Duration = Duration::from_secs(60);

/// The most that was seen in a part of the run.
#[derive(Clone, Copy, Debug, Default)]
struct Most {
    /// MiB.
    memory: u64,
    keys: u64,
    tracks: u64,
}

impl Most {
    fn see(&mut self, memory: u64, keys: u64, tracks: u64) {
        self.memory = self.memory.max(memory);
        self.keys = self.keys.max(keys);
        self.tracks = self.tracks.max(tracks);
    }

    /// MiB that a later part may take: 5 % more, and what it remembers more.
    fn allows(&self, later: &Self) -> u64 {
        let more =
            later.keys.saturating_sub(self.keys) * KEY + later.tracks.saturating_sub(self.tracks) * TRACK;
        self.memory + self.memory / 20 + (more >> 20)
    }
}

/// Runs so long, and fails if memory grows after the first minute by more than what is remembered takes. `rate`: events a
/// second; as many as can be where it is 0.
pub(crate) async fn soak(bootstrap: &str, time: Duration, rate: u64) {
    let small = [("retention.bytes", "67108864"), ("segment.bytes", "16777216")];
    let topic = create(bootstrap, "soak", &small).await;
    let handled = Arc::new(AtomicU64::new(0));
    let stop = CancellationToken::new();
    let counted = Arc::clone(&handled);
    let mut consumer = Consumer::builder_for(Rated::new(&topic))
        .brokers(bootstrap)
        .schema_source(SchemaSource::new(Registry))
        .group("soak")
        .dedup(DedupSpec { ttl: TTL })
        .shutdown(stop.clone())
        .build()
        .await
        .expect("a consumer");
    let figures = consumer.figures();
    let consuming = tokio::spawn(async move {
        let handler = move |_: Received<Telemetry>| {
            counted.fetch_add(1, Ordering::Relaxed);
            async {}
        };
        consumer.run(handler).await.expect("the end")
    });
    let producing = tokio::spawn(produce(
        bootstrap.to_owned(),
        topic,
        Arc::clone(&handled),
        rate,
        stop.clone(),
    ));

    let begin = Instant::now();
    let (mut early, mut late, mut before) = (Most::default(), Most::default(), 0);
    while begin.elapsed() < time {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (elapsed, resident) = (begin.elapsed(), resident());
        let counts = figures.get();
        let half = WARM + time.saturating_sub(WARM) / 2;
        // After the first minute, the first half against the second.
        if elapsed > WARM {
            let most = if elapsed < half { &mut early } else { &mut late };
            most.see(resident, counts.dedup_entries as u64, counts.tracks as u64);
        }
        if elapsed.as_secs().is_multiple_of(10) {
            let now = handled.load(Ordering::Relaxed);
            println!(
                "  {:4} s: {:6} handled/s, {resident} MiB; {} dedup entries, {} tracks, {} outstanding",
                elapsed.as_secs(),
                (now - before) / 10,
                counts.dedup_entries,
                counts.tracks,
                counts.outstanding,
            );
            before = now;
        }
    }
    stop.cancel();
    producing.await.expect("produced");
    let counts = consuming.await.expect("consumed");
    println!(
        "{} handled; after the first minute at most {early:?}, then {late:?}; memory may be {} MiB",
        counts.handled,
        early.allows(&late)
    );
    assert_eq!(
        (counts.late, counts.conflicts, counts.poison, counts.failed),
        (0, 0, 0, 0)
    );
    assert!(late.memory <= early.allows(&late), "memory grows");
}

async fn produce(
    bootstrap: String,
    topic: String,
    handled: Arc<AtomicU64>,
    rate: u64,
    stop: CancellationToken,
) {
    let begin = tokio::time::Instant::now();
    let producer = Producer::builder_for(Rated::new(&topic))
        .brokers(bootstrap)
        .schema_source(SchemaSource::new(Registry))
        .dedup_ttl(Some(TTL))
        .build()
        .await
        .expect("a producer");
    let (mut waiting, mut sent) = (VecDeque::new(), 0);
    // A session is 50 frames of each vehicle: what is known of older ones must be forgotten.
    for session in 0.. {
        for event in events_of(session, 100_000) {
            while sent > handled.load(Ordering::Relaxed) + AHEAD {
                if stop.is_cancelled() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if let Some(seconds) = sent.checked_div(rate).filter(|_| sent % 1_000 == 0) {
                tokio::time::sleep_until(begin + Duration::from_secs(seconds)).await;
            }
            waiting.push_back(producer.enqueue(event).await.expect("taken"));
            sent += 1;
            if waiting.len() > 50_000 {
                waiting.pop_front().expect("one").await.expect("success");
            }
        }
        if stop.is_cancelled() {
            break;
        }
    }
    for receipt in waiting {
        receipt.await.expect("success");
    }
    producer
        .close(Duration::from_secs(10))
        .await
        .expect("nothing left");
}

/// MiB of this process in memory.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages: u64 = text.split(' ').nth(1).expect("fields").parse().expect("pages");
    pages * 4096 / (1 << 20)
}
