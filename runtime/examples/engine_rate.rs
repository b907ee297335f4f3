//! How fast the stream engine is, and how much memory it takes.
//!
//! `cargo run --release -p fleetops-runtime --no-default-features --example engine_rate [-- EVENTS]`
//!
//! It gives the engine events of many vehicles, in order but for a displacement of up to 2 places and 5 % duplicates, each
//! with its dedup key as header (or, as other clients' records, without) and decoded for nothing: the caller's work is to build `Decoded`, as a consumer's is. Then
//! it settles them, as a handler that does nothing would. Rates are for time on the processor. Memory is what the process holds more than before, as Linux says.

// A program for a terminal, which may fail loudly.
#![allow(clippy::expect_used, clippy::print_stdout)]

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use fleetops_runtime::engine::{Decoded, Engine, EngineConfig, Fields, Meta, Output};
use fleetops_runtime::topic::{DedupSpec, ReorderSpec};

const VEHICLES: usize = 2_000;

/// Records that are given to the engine together, as a consumer gives what it has polled.
const POLLED: usize = 256;

struct Record {
    key: Vec<u8>,
    vehicle: usize,
    frame: i64,
}

fn main() {
    let events = std::env::args()
        .nth(1)
        .map_or(6_000_000, |count| count.parse().expect("a number of events"));
    // First, and what is measured stays: freed memory would be used again unseen.
    let vehicles = vehicle_memory();
    let keys = dedup_memory(events);
    drop((vehicles, keys));
    let count = events.min(2_000_000);
    // Three times, in turns: other work on the machine moves all figures.
    for _ in 0..3 {
        let both = Stages {
            ttl: Some(60),
            reorder: true,
        };
        let dedup = Stages {
            reorder: false,
            ..both
        };
        let reorder = Stages { ttl: None, ..both };
        let neither = Stages { ttl: None, ..dedup };
        rate("dedup and reorder", both, true, POLLED, count);
        rate("one by one", both, true, 1, count);
        rate("no headers", both, false, POLLED, count);
        rate("that one by one", both, false, 1, count);
        rate("dedup", dedup, true, POLLED, count);
        rate("reorder", reorder, true, POLLED, count);
        rate("neither", neither, true, POLLED, count);
    }
}

/// Events of a burst, made beforehand so that only the engine is timed.
fn burst(first: usize, count: usize) -> Vec<Record> {
    let mut records: Vec<_> = (first..first + count)
        .map(|n| {
            // One record in 20 repeats the one before it.
            let n = if n % 20 == 19 { n - 1 } else { n };
            let (vehicle, frame) = (n % VEHICLES, (n / VEHICLES) as i64);
            let key = format!("scene_0_track_{vehicle}\u{1f}9f1c2e6a-5b7d-4c3e-8a10-{n:012x}").into_bytes();
            Record { key, vehicle, frame }
        })
        .collect();
    // Frames of one vehicle lie VEHICLES apart: some change places with the next one.
    for n in 0..records.len().saturating_sub(VEHICLES) {
        if n % 7 == 0 && (n / VEHICLES).is_multiple_of(3) {
            records.swap(n, n + VEHICLES);
        }
    }
    records
}

#[derive(Clone, Copy)]
struct Stages {
    /// Seconds.
    ttl: Option<u64>,
    reorder: bool,
}

fn rate(name: &str, stages: Stages, headers: bool, together: usize, events: usize) {
    let Stages { ttl, reorder } = stages;
    let names: Vec<_> = (0..VEHICLES)
        .map(|vehicle| format!("scene_0_track_{vehicle}"))
        .collect();
    let mut config = EngineConfig::default();
    config.dedup = ttl.map(|ttl| DedupSpec {
        ttl: Duration::from_secs(ttl),
    });
    config.reorder = reorder.then_some(ReorderSpec {
        ring: 10,
        tolerance: 2,
        hold: Duration::from_millis(300),
    });
    let mut engine = Engine::new(config);
    let (mut out, mut busy, mut offset, mut done) = (Vec::new(), Duration::ZERO, 0_i64, 0);
    while done < events {
        let records = burst(done, VEHICLES * 50);
        let start = Stopwatch::start();
        let mut metas = Vec::new();
        for records in records.chunks(together) {
            metas.clear();
            metas.extend((offset..).zip(records).map(|(offset, record)| Meta {
                offset,
                // 100,000 events a second.
                timestamp_ms: Some(1_700_000_000_000 + offset / 100),
                dedup_key: headers.then_some(&record.key),
                value: Some(&record.key),
                replayed: false,
            }));
            let decode = |number: usize, fields: &mut Fields| {
                let record = &records[number];
                fields.set_dedup_key(&record.key);
                if reorder {
                    fields.set_sequence(&names[record.vehicle], "session_0", record.frame);
                }
                Decoded::Event(record.frame)
            };
            let now = Duration::from_millis((offset / 100) as u64);
            engine.receive_all(&metas, now, decode, &mut out);
            offset += records.len() as i64;
            for output in out.drain(..) {
                let (Output::Handle { offset, payload }
                | Output::Refused { offset, payload, .. }
                | Output::Poison { offset, payload, .. }) = output;
                black_box(payload);
                engine.settle(offset);
            }
            black_box(engine.watermark());
        }
        busy += start.elapsed();
        done += records.len();
    }
    let counts = engine.counts();
    let rate = done as f64 / busy.as_secs_f64();
    println!(
        "{name:<18} {:>5.2} million events/s   {} handled, {} duplicates, {} reordered, {} refused, {} gaps",
        rate / 1e6,
        counts.handled,
        counts.duplicates + counts.frame_duplicates,
        counts.reordered,
        counts.late + counts.too_old + counts.conflicts + counts.jumps,
        counts.gaps,
    );
}

fn dedup_memory(entries: usize) -> Engine<()> {
    let before = resident();
    let mut config = EngineConfig::default();
    config.dedup = Some(DedupSpec {
        ttl: Duration::from_secs(60),
    });
    let mut engine: Engine<()> = Engine::new(config);
    let mut out = Vec::new();
    let (mut peak, start) = (0, Stopwatch::start());
    // Three times the TTL, so that generations come and go.
    for n in 0..entries * 3 {
        let key = n.to_le_bytes();
        let meta = Meta {
            offset: n as i64,
            timestamp_ms: Some((n as u128 * 60_000 / entries as u128) as i64),
            dedup_key: Some(&key),
            value: Some(&key),
            replayed: false,
        };
        engine.receive(meta, Duration::ZERO, |_| Decoded::Event(()), &mut out);
        out.clear();
        engine.settle(n as i64);
        if n % (entries / 50).max(1) == 0 {
            peak = peak.max(resident());
        }
    }
    let used = peak.saturating_sub(before);
    println!(
        "dedup: {entries} keys in one TTL ({} kept) take {} MB at the peak, {:.1} bytes each; {:.2} million records/s",
        engine.dedup_entries(),
        used / 1_000_000,
        used as f64 / entries as f64,
        (entries * 3) as f64 / start.elapsed().as_secs_f64() / 1e6,
    );
    engine
}

fn vehicle_memory() -> Engine<()> {
    const COUNT: i64 = 100_000;
    let before = resident();
    let mut config = EngineConfig::default();
    config.reorder = Some(ReorderSpec {
        ring: 10,
        tolerance: 2,
        hold: Duration::from_millis(300),
    });
    let mut engine: Engine<()> = Engine::new(config);
    let mut out = Vec::new();
    for n in 0..COUNT * 15 {
        let meta = Meta {
            offset: n,
            timestamp_ms: Some(0),
            dedup_key: None,
            value: Some(b""),
            replayed: false,
        };
        let vehicle = format!("v{}", n % COUNT);
        let decode = |fields: &mut Fields| {
            fields.set_sequence(&vehicle, "e", n / COUNT);
            Decoded::Event(())
        };
        engine.receive(meta, Duration::ZERO, decode, &mut out);
        out.clear();
        engine.settle(n);
    }
    let used = resident().saturating_sub(before);
    println!(
        "reorder: {} vehicles take {} bytes each",
        engine.tracks(),
        used / COUNT as usize
    );
    engine
}

/// Time on the processor, where the system tells, so that other processes do not count; else time on the wall.
struct Stopwatch {
    wall: Instant,
    processor: Option<Duration>,
}

impl Stopwatch {
    fn start() -> Self {
        Self {
            wall: Instant::now(),
            processor: on_processor(),
        }
    }

    fn elapsed(&self) -> Duration {
        match (self.processor, on_processor()) {
            (Some(start), Some(end)) => end - start,
            _ => self.wall.elapsed(),
        }
    }
}

fn on_processor() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Resident memory in bytes; 0 where the system does not say.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}
