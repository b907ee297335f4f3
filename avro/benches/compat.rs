//! How fast pairs of schemas are checked, and schemas parsed.
//!
//! `FLEETOPS_TEST_DATA=DIR cargo bench -p fleetops-avro`; with `FLEETOPS_ORACLE_JAR=avro-oracle.jar` Java Avro takes part,
//! warmed up, through its standard input and output, but not in turns. The other contenders take turns in one process, round by round, so that what
//! disturbs the machine disturbs all; medians of the rounds are printed, and their ratios. Real evolutions in both
//! directions and random pairs, repeated to 10,000; each contender sees the same ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use apache_avro::schema_compatibility::SchemaCompatibility;
use fleetops_avro::Schema;
use fleetops_avro::compat::check;
use serde_json::Value;

const PAIRS: usize = 10_000;
const ROUNDS: usize = 11;

fn main() {
    let Some(data) = std::env::var_os("FLEETOPS_TEST_DATA").map(PathBuf::from) else {
        println!("skipped: FLEETOPS_TEST_DATA is not set");
        return;
    };
    let texts = texts(&data);
    pairs("real evolutions and random pairs", &texts);
    versions(&texts);
    match std::env::var_os("FLEETOPS_ORACLE_JAR") {
        Some(jar) => oracle(Path::new(&jar), &texts),
        None => println!("Java: skipped: FLEETOPS_ORACLE_JAR is not set"),
    }
}

/// Texts of reader and writer that both we and apache-avro can parse.
fn texts(data: &Path) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut text = String::new();
    let file = std::fs::File::open(data.join("data/avsc/dev_evolutions.jsonl.gz")).unwrap();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let (old, new) = (row["old"].as_str().unwrap(), row["new"].as_str().unwrap());
        pairs.push((new.to_owned(), old.to_owned()));
        pairs.push((old.to_owned(), new.to_owned()));
    }
    let text = std::fs::read_to_string(data.join("oracle/corpus/random_pairs_public.jsonl")).unwrap();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        pairs.push((row["reader"].to_string(), row["writer"].to_string()));
    }
    let all = pairs.len();
    pairs.retain(|(reader, writer)| {
        [reader, writer]
            .into_iter()
            .all(|text| Schema::parse(text).is_ok() && apache_avro::Schema::parse_str(text).is_ok())
    });
    println!(
        "{} of {all} pairs are parsed by all; repeated to {PAIRS}",
        pairs.len()
    );
    pairs
}

type Contender<'a> = (&'a str, Box<dyn FnMut() + 'a>);

/// Runs contenders in turns, prints the median time per item of each and its ratio to the first's.
fn race(title: &str, items: usize, mut contenders: Vec<Contender<'_>>) {
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); contenders.len()];
    for round in 0..ROUNDS {
        let first = round % contenders.len();
        for turn in 0..contenders.len() {
            let at = (first + turn) % contenders.len();
            let start = Instant::now();
            contenders[at].1();
            times[at].push(start.elapsed());
        }
    }
    println!("\n{title}");
    let mut base = None;
    for ((name, _), times) in contenders.iter().zip(&mut times) {
        times.sort();
        let nanos = times[times.len() / 2].as_nanos() as f64 / items as f64;
        let base = *base.get_or_insert(nanos);
        println!(
            "  {name:<28} {:>10.2} us   {:>7.2}",
            nanos / 1_000.0,
            nanos / base
        );
    }
}

fn pairs(title: &str, texts: &[(String, String)]) {
    let ours: Vec<(Schema, Schema)> = texts
        .iter()
        .map(|(reader, writer)| (Schema::parse(reader).unwrap(), Schema::parse(writer).unwrap()))
        .collect();
    let theirs: Vec<_> = texts
        .iter()
        .map(|(reader, writer)| {
            let parse = |text| apache_avro::Schema::parse_str(text).unwrap();
            (parse(reader), parse(writer))
        })
        .collect();
    let compatible: Vec<usize> = (0..texts.len())
        .filter(|at| check(&ours[*at].0, &ours[*at].1).is_empty())
        .collect();
    let all: Vec<usize> = (0..texts.len()).collect();
    for (what, indices) in [("all", &all), ("compatible ones", &compatible)] {
        race(
            &format!(
                "check of a pair: {title}, {what} ({}), time per pair",
                indices.len()
            ),
            PAIRS,
            vec![
                (
                    "fleetops-avro",
                    Box::new(|| {
                        for at in indices.iter().cycle().take(PAIRS) {
                            let (reader, writer) = &ours[*at];
                            black_box(check(black_box(reader), black_box(writer)));
                        }
                    }),
                ),
                (
                    "apache-avro can_read",
                    Box::new(|| {
                        for at in indices.iter().cycle().take(PAIRS) {
                            let (reader, writer) = &theirs[*at];
                            let _ = black_box(SchemaCompatibility::can_read(
                                black_box(writer),
                                black_box(reader),
                            ));
                        }
                    }),
                ),
            ],
        );
    }
}

/// 1,000 schemas, each against 10 older versions, from their texts.
fn versions(texts: &[(String, String)]) {
    let bytes: usize = texts
        .iter()
        .cycle()
        .take(1_000)
        .map(|(new, old)| new.len() + 10 * old.len())
        .sum();
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        let mut incompatible = 0;
        for (new, old) in texts.iter().cycle().take(1_000) {
            let new = Schema::parse(black_box(new)).unwrap();
            for _ in 0..10 {
                let old = Schema::parse(black_box(old)).unwrap();
                incompatible += usize::from(!check(&new, &old).is_empty());
            }
        }
        black_box(incompatible);
        times.push(start.elapsed());
    }
    times.sort();
    println!(
        "\n1,000 schemas against 10 older versions each, parsed and checked, one thread: {:.0} ms ({:.1} MB of text)",
        times[times.len() / 2].as_secs_f64() * 1_000.0,
        bytes as f64 / 1e6
    );
}

/// Java answers JSON lines: it parses what it reads, so we do here too.
fn oracle(jar: &Path, texts: &[(String, String)]) {
    let lines: Vec<String> = texts
        .iter()
        .cycle()
        .take(PAIRS)
        .map(|(reader, writer)| {
            serde_json::json!({ "id": 0, "reader_text": reader, "writer_text": writer }).to_string()
        })
        .collect();
    let mut java = Command::new("java")
        .arg("-jar")
        .arg(jar)
        .arg("compat")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("java runs");
    // Java keeps its answers until a buffer of 64 KiB is full, so it cannot take turns: it gets all passes at once, and
    // the clock is read as the last answer of each pass arrives. The first ones warm it up.
    const WARM: usize = 3;
    let mut input = java.stdin.take().unwrap();
    let copy = lines.clone();
    let feeder = std::thread::spawn(move || {
        for line in copy.iter().cycle().take(copy.len() * (WARM + ROUNDS)) {
            writeln!(input, "{line}").unwrap();
        }
    });
    let mut answers = BufReader::new(java.stdout.take().unwrap()).lines();
    let mut times = Vec::new();
    let mut start = Instant::now();
    for _ in 0..WARM + ROUNDS {
        for _ in 0..PAIRS {
            black_box(answers.next().unwrap().unwrap());
        }
        times.push(start.elapsed());
        start = Instant::now();
    }
    feeder.join().unwrap();
    java.wait().unwrap();
    let mut times = times.split_off(WARM);
    times.sort();
    race(
        "lines in, verdicts out: JSON, both schemas parsed, checked; time per pair",
        PAIRS,
        vec![(
            "fleetops-avro",
            Box::new(|| {
                for line in &lines {
                    let row: Value = serde_json::from_str(line).unwrap();
                    let parse = |key: &str| Schema::parse(row[key].as_str().unwrap()).unwrap();
                    black_box(check(&parse("reader_text"), &parse("writer_text")));
                }
            }),
        )],
    );
    let micros = times[times.len() / 2].as_secs_f64() * 1e6 / PAIRS as f64;
    println!(
        "  {:<28} {micros:>10.2} us   (warmed up; before, not in turns)",
        "Java Avro"
    );
}
