//! How fast our producer and consumer are, against bare loops over the same client library, on a real broker.
//!
//! `cargo run --release -p fleetops-runtime --example stream_rate -- BOOTSTRAP [producer | consumer] [EVENTS [ROUNDS]]`
//! `cargo run --release -p fleetops-runtime --example stream_rate -- BOOTSTRAP soak SECONDS [RATE]`
//!
//! Both write and read the same topic with the same client settings, in turns; each round prints both rates, by the clock
//! and by the processor time of this process (the client library's threads included, the broker's not), and their ratio.
//!
//! - Producer: the bare one is a `FutureProducer` that waits for each acknowledgement, once with records made beforehand and
//!   once encoding its events itself; ours stamps, validates, encodes, deduplicates, and gives receipts. All have had a
//!   second to connect.
//! - Consumer: the bare one is a `BaseConsumer` that is polled and looks at the length of each value; ours does dedup,
//!   decoding, validation and reordering, and calls a handler that does nothing, or gives deliveries that are settled at once.
//!   5 % of the records are duplicates and 5 % displaced. Before and after each reading of the topic it is looked how fast the
//!   core is ([`speed`]), and at the end the medians are told of all rounds, and of those in which it was at its best both times.
//! - Soak: ours at both ends, as fast as it goes or so many events a second, for so long; it fails if memory grows after
//!   the first minute by more than what is remembered takes.

// A program for a terminal, which may fail loudly.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod soak;
mod speed;
mod topic;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use fleetops_runtime::codec::AvroRecord as _;
use fleetops_runtime::producer::DEDUP_KEY;
use fleetops_runtime::registry::SchemaSource;
use fleetops_runtime::topic::Topic as _;
use fleetops_runtime::uuid::Uuid;
use fleetops_runtime::{Consumer, Producer, framing};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use topic::{ID, Rated, Registry, Telemetry};

const VEHICLES: usize = 2_000;
const PARTITIONS: i32 = 6;
/// A new producer connects and is given its number by the broker: up to half a second in librdkafka, which is no rate.
const START: Duration = Duration::from_secs(1);

// As many workers as there are processors for it, as every service has: one where it is measured on one core.
#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).peekable();
    let bootstrap = arguments.next().expect("the bootstrap servers");
    if std::env::args().nth(2).is_some_and(|what| what == "soak") {
        let number = |at, otherwise| {
            std::env::args()
                .nth(at)
                .map_or(otherwise, |n| n.parse().expect("a number"))
        };
        return soak::soak(&bootstrap, Duration::from_secs(number(3, 600)), number(4, 0)).await;
    }
    let only = arguments.next_if(|what| what == "producer" || what == "consumer");
    let mut number = |otherwise| {
        arguments
            .next()
            .map_or(otherwise, |n| n.parse().expect("a number"))
    };
    let (events, rounds) = (number(200_000), number(5));
    if only.as_deref() != Some("consumer") {
        compare_producers(&bootstrap, events, rounds).await;
    }
    if only.as_deref() != Some("producer") {
        compare_consumers(&bootstrap, events, rounds).await;
    }
}

async fn compare_producers(bootstrap: &str, events: usize, rounds: usize) {
    println!("producer, {events} events a round: million/s by the clock, and a second of processor");
    let topic = create(bootstrap, "sent", &[]).await;
    let (mut finished, mut encoded) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let telemetry = events_of(round, events);
        let sends = produce_bare(bootstrap, &topic, telemetry.clone(), true, true).await;
        let encodes = produce_bare(bootstrap, &topic, telemetry.clone(), false, true).await;
        let ours = produce(bootstrap, &topic, telemetry).await;
        finished.push(told(
            &[("bare, records made beforehand", sends), ("ours", ours)],
            events,
        ));
        println!();
        encoded.push(told(&[("bare, encoding", encodes), ("ours", ours)], events));
        println!();
    }
    for (what, ratios) in [("made beforehand", finished), ("encoding", encoded)] {
        println!(
            "to the bare loop, {what}: median ratio by the clock {:.2}, by the processor {:.2}",
            median(&ratios, 0),
            median(&ratios, 1)
        );
    }
}

async fn compare_consumers(bootstrap: &str, events: usize, rounds: usize) {
    let total = events * 5;
    println!("consumer, {total} records a round: million/s by the clock, and a second of processor");
    // Ours have the header `dedup-key`; those of other clients have none, and the key is made of the fields.
    let topics = [("ours", true), ("others", false)];
    let mut logs = Vec::new();
    for (whose, headers) in topics {
        let topic = create(bootstrap, whose, &[]).await;
        for round in 0..5 {
            let events = disturbed(events_of(round, events));
            produce_bare(bootstrap, &topic, events, true, headers).await;
        }
        logs.push((whose, topic));
    }
    let mut all: BTreeMap<String, Vec<Reading>> = BTreeMap::new();
    let mut before = speed::look();
    let mut best = before;
    let mut note = |name: String, took: Took, ratio: (f64, f64)| {
        let after = speed::look();
        best = best.min(after);
        let lap = after.max(std::mem::replace(&mut before, after));
        all.entry(name).or_default().push(Reading { took, ratio, lap });
        println!("  core {:.2}", speed::share(best, lap));
    };
    for _ in 0..rounds {
        for (whose, topic) in &logs {
            let bare = consume_bare(bootstrap, topic, total);
            let (clock, processor) = bare.rates(total);
            print!("  {whose:6}  bare {clock:.3} {processor:.3}");
            note(format!("{whose}, bare"), bare, (1.0, 1.0));
            for (name, run) in [("run", true), ("recv", false)] {
                let took = consume(bootstrap, topic, total, run).await;
                print!("  {whose:6}");
                let ratio = told(&[("bare", bare), (name, took)], total);
                note(format!("{whose}, {name}"), took, ratio);
            }
        }
    }
    println!(
        "medians of million/s by the clock and a second of processor, in all rounds and in those with the core at its best:"
    );
    for (what, readings) in all {
        let rates = |least: f64| {
            let at_best = |reading: &&Reading| speed::share(best, reading.lap) >= least;
            let rate = |reading: &Reading| reading.took.rates(total);
            readings.iter().filter(at_best).map(rate).collect::<Vec<_>>()
        };
        print!("{what:12}");
        for rates in [rates(0.0), rates(AT_BEST)] {
            match rates.len() {
                0 => print!("  none"),
                count => print!("  {:.3} {:.3} in {count}", median(&rates, 0), median(&rates, 1)),
            }
        }
        let ratios: Vec<_> = readings.iter().map(|reading| reading.ratio).collect();
        println!(
            "  ratio to the bare loop {:.2} {:.2}",
            median(&ratios, 0),
            median(&ratios, 1)
        );
    }
}

/// One reading of a topic.
struct Reading {
    took: Took,
    /// To the bare loop's of the same round.
    ratio: (f64, f64),
    /// The slower one of the looks at the core before and after.
    lap: Duration,
}

/// A core that shows so much of its best is at its best: two looks at a free one differ by less.
const AT_BEST: f64 = 0.85;

/// The clock and the processor.
#[derive(Clone, Copy)]
struct Took(Duration, Duration);

impl Took {
    /// Million events a second, by either.
    fn rates(self, events: usize) -> (f64, f64) {
        let rate = |took: Duration| events as f64 / took.as_secs_f64() / 1e6;
        (rate(self.0), rate(self.1))
    }
}

struct Stopwatch(Instant, Duration);

impl Stopwatch {
    fn start() -> Self {
        Self(Instant::now(), processor())
    }
    fn stop(self) -> Took {
        Took(self.0.elapsed(), processor() - self.1)
    }
}

/// The processor time of all threads of this process so far.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let after = stat.rsplit(')').next().expect("fields");
    let ticks: u64 = after
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|t| t.parse::<u64>().expect("ticks"))
        .sum();
    Duration::from_millis(ticks * 10)
}

fn told(contenders: &[(&str, Took); 2], events: usize) -> (f64, f64) {
    for (name, took) in contenders {
        let (clock, processor) = took.rates(events);
        print!("  {name} {clock:.3} {processor:.3}");
    }
    let [(_, bare), (_, ours)] = contenders;
    let ratio = (
        bare.0.as_secs_f64() / ours.0.as_secs_f64(),
        bare.1.as_secs_f64() / ours.1.as_secs_f64(),
    );
    print!("  ratio {:.2} {:.2}", ratio.0, ratio.1);
    ratio
}

fn median(ratios: &[(f64, f64)], which: usize) -> f64 {
    let mut all: Vec<f64> = ratios
        .iter()
        .map(|ratio| if which == 0 { ratio.0 } else { ratio.1 })
        .collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

async fn create(bootstrap: &str, name: &str, config: &[(&str, &str)]) -> String {
    let name = format!("stream-rate-{name}-{}", Uuid::new_v4().simple());
    let admin: AdminClient<DefaultClientContext> = client(bootstrap).create().expect("a client");
    let mut topic = NewTopic::new(&name, PARTITIONS, TopicReplication::Fixed(1))
        .set("message.timestamp.type", "LogAppendTime");
    for (key, value) in config {
        topic = topic.set(key, value);
    }
    let made = admin
        .create_topics(&[topic], &AdminOptions::new())
        .await
        .expect("the broker");
    made.into_iter().for_each(|one| drop(one.expect("a new topic")));
    name
}

fn client(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}

/// Frames of all vehicles, in order.
fn events_of(round: usize, count: usize) -> Vec<Telemetry> {
    let event = |n: usize| {
        let (vehicle, frame) = (n % VEHICLES, n / VEHICLES);
        Telemetry {
            id: Uuid::from_u128(((round as u128 + 1) << 64) | (n as u128) << 20 | 0x4000_8000),
            vehicle: format!("scene_0_track_{vehicle}"),
            scene: "scene_0".to_owned(),
            track: Some(vehicle as i64),
            event_time: 1_700_000_000_000_000 + 100_000 * frame as i64,
            processing_time: 0,
            frame: frame as i32,
            motion: std::array::from_fn(|i| (n + i) as f64 * 0.37),
            session: format!("session-{round}"),
        }
    };
    (0..count).map(event).collect()
}

/// One in 20 repeats the one before it, one in 20 changes places with its vehicle's next.
fn disturbed(mut events: Vec<Telemetry>) -> Vec<Telemetry> {
    for n in
        (0..events.len().saturating_sub(VEHICLES)).filter(|n| n % 40 == 7 && (n / VEHICLES).is_multiple_of(2))
    {
        events.swap(n, n + VEHICLES);
    }
    for n in (19..events.len()).step_by(20) {
        events[n] = events[n - 1].clone();
    }
    events
}

/// A record as the client library takes it: header and value.
type Finished = (Vec<u8>, Vec<u8>);

/// Encoding is ours and not the client library's.
fn finish(spec: &Rated, event: &Telemetry, into: &mut Finished) {
    let (key, value) = into;
    key.clear();
    value.clear();
    spec.dedup_key(event, key);
    framing::put(value, ID);
    event.encode_avro(value);
}

/// What a careful program would send; with `beforehand` the encoding is not measured.
async fn produce_bare(
    bootstrap: &str,
    topic: &str,
    events: Vec<Telemetry>,
    beforehand: bool,
    headers: bool,
) -> Took {
    let producer: FutureProducer = client(bootstrap)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.messages", "0")
        .create()
        .expect("a client");
    let spec = Rated::new(topic);
    let mut ready: VecDeque<Finished> = VecDeque::new();
    if beforehand {
        ready.extend(events.iter().map(|event| {
            let mut finished = Finished::default();
            finish(&spec, event, &mut finished);
            finished
        }));
    }
    tokio::time::sleep(START).await;
    let watch = Stopwatch::start();
    let mut waiting = VecDeque::new();
    let mut buffer = Finished::default();
    for event in events {
        match ready.pop_front() {
            Some(finished) => buffer = finished,
            None => finish(&spec, &event, &mut buffer),
        }
        let header = Header {
            key: DEDUP_KEY,
            value: Some(&buffer.0),
        };
        let mut record = FutureRecord::to(topic).key(&event.vehicle).payload(&buffer.1);
        if headers {
            record = record.headers(OwnedHeaders::new_with_capacity(1).insert(header));
        }
        waiting.push_back(
            producer
                .send_result(record)
                .map_err(|(error, _)| error)
                .expect("room"),
        );
        if waiting.len() > 50_000 {
            waiting
                .pop_front()
                .expect("one")
                .await
                .expect("an answer")
                .map_err(|(error, _)| error)
                .expect("success");
        }
    }
    for answer in waiting {
        answer
            .await
            .expect("an answer")
            .map_err(|(error, _)| error)
            .expect("success");
    }
    let took = watch.stop();
    producer.flush(Duration::from_secs(10)).expect("flushed");
    took
}

async fn produce(bootstrap: &str, topic: &str, events: Vec<Telemetry>) -> Took {
    let producer = Producer::builder_for(Rated::new(topic))
        .brokers(bootstrap)
        .schema_source(SchemaSource::new(Registry))
        .build()
        .await
        .expect("a producer");
    tokio::time::sleep(START).await;
    let watch = Stopwatch::start();
    let mut waiting = VecDeque::new();
    for event in events {
        waiting.push_back(producer.enqueue(event).await.expect("taken"));
        if waiting.len() > 50_000 {
            waiting.pop_front().expect("one").await.expect("success");
        }
    }
    for receipt in waiting {
        receipt.await.expect("success");
    }
    let took = watch.stop();
    producer
        .close(Duration::from_secs(10))
        .await
        .expect("nothing left");
    took
}

fn consume_bare(bootstrap: &str, topic: &str, total: usize) -> Took {
    let watch = Stopwatch::start();
    let consumer: BaseConsumer = client(bootstrap)
        .set("group.id", Uuid::new_v4().to_string())
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a client");
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset(topic, partition, Offset::Beginning)
            .expect("an offset");
    }
    consumer.assign(&all).expect("assigned");
    let (mut count, mut bytes, mut begun) = (0, 0, None);
    while count < total {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                begun.get_or_insert_with(Stopwatch::start);
                count += 1;
                bytes += message.payload().map_or(0, <[u8]>::len);
            }
            Some(Err(KafkaError::PartitionEOF(_))) | None => {}
            Some(Err(error)) => panic!("{error}"),
        }
    }
    assert!(bytes > total * 100);
    begun.unwrap_or(watch).stop()
}

async fn consume(bootstrap: &str, topic: &str, total: usize, run: bool) -> Took {
    let builder = Consumer::builder_for(Rated::new(topic))
        .brokers(bootstrap)
        .schema_source(SchemaSource::new(Registry))
        .group(Uuid::new_v4().to_string())
        .until_end(true);
    let mut consumer = builder.build().await.expect("a consumer");
    // The time until the group has given out its partitions is not the consumer's.
    let figures = consumer.figures();
    let watch = tokio::spawn(async move {
        while figures.get().received == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Stopwatch::start()
    });
    let handled = if run {
        consumer.run(|_| async {}).await.expect("the end").handled
    } else {
        while let Some(delivery) = consumer.recv().await {
            delivery.expect("a record").settle();
        }
        consumer
            .close(Duration::from_secs(10))
            .await
            .expect("closed")
            .handled
    };
    let took = watch.await.expect("begun").stop();
    assert_eq!(handled as usize, total - total / 20);
    took
}
