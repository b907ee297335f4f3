//! Real schemas: every one that Java accepts is generated, left as it is by rustfmt, compiled and documented without a
//! warning, and its values are read and written as Java does.
//!
//! A long run, started by hand; it takes the data and the oracle from the environment:
//!
//! ```text
//! FLEETOPS_TEST_DATA=DIR FLEETOPS_AVRO_ORACLE=avro-oracle.jar FLEETOPS_SEED=7 \
//!     cargo test --test real -- --ignored --nocapture
//! ```
//!
//! All is generated first; then package after package is formatted, compiled, documented, run and removed, with a line for
//! each, so that what is on disk at a time is small and a run that is cut short has said how far it came.
//!
//! | variable | default | |
//! |---|---|---|
//! | `FLEETOPS_REAL_ONLY` | all | only the schemas whose path contains it |
//! | `FLEETOPS_REAL_WITHOUT` | none | the names of schemas that are left out: `s0035` is the one of 386 kB, 70 MB of code |
//! | `FLEETOPS_REAL_EVERY` | 1 | every so manieth schema, for a sample |
//! | `FLEETOPS_REAL_BATCH` | 60 | schemas a package; 1: each in one of its own |
//! | `FLEETOPS_REAL_PACKAGES` | all | only these packages, `real_002,real_008`: those that a run did not come to |
//! | `FLEETOPS_REAL_COUNT` | 3 | values a type |
//! | `FLEETOPS_REAL_STEPS` | `fmt,check,doc,run` | what is done; `run` is what takes long |
//! | `FLEETOPS_REAL_MINUTES` | none | no package is begun after so many; the packages are taken in an order that the seed gives |
//! | `FLEETOPS_REAL_KEEP` | no | packages stay in the target folder, below `tmp/real`, to be looked at |
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::expect_used)]

#[path = "real/batch.rs"]
mod batch;
#[path = "real/cases.rs"]
mod cases;
#[path = "real/oracle.rs"]
mod oracle;
#[path = "real/random.rs"]
mod random;
#[path = "real/steps.rs"]
mod steps;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cases::Case;

/// Generation is done by so many threads.
const THREADS: usize = 2;

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// Some schemas that become a package.
struct Batch {
    name: String,
    cases: Vec<Case>,
}

/// The schemas that are asked for, in packages, in an order that the seed gives.
fn batches(data: &Path, seed: u64) -> Vec<Batch> {
    let mut cases = cases::cases(data);
    if let Ok(only) = std::env::var("FLEETOPS_REAL_ONLY") {
        cases.retain(|case| case.id.contains(&only));
    }
    if let Ok(without) = std::env::var("FLEETOPS_REAL_WITHOUT") {
        cases.retain(|case| !without.split(',').any(|name| case.name == name));
    }
    let mut cases = cases
        .into_iter()
        .step_by(number("FLEETOPS_REAL_EVERY", 1))
        .peekable();
    let size = number("FLEETOPS_REAL_BATCH", 60);
    let mut batches = Vec::new();
    while cases.peek().is_some() {
        batches.push(Batch {
            name: format!("real_{:03}", batches.len()),
            cases: cases.by_ref().take(size).collect(),
        });
    }
    if let Ok(only) = std::env::var("FLEETOPS_REAL_PACKAGES") {
        batches.retain(|batch| only.split(',').any(|name| batch.name == name));
    }
    let mut random = random::Random::new(seed);
    batches.sort_by_cached_key(|_| random.next());
    batches
}

/// Generates all packages; the bytes of code are the answer.
fn generate(folder: &Path, batches: &[Batch], wrong: &mut Vec<String>) -> usize {
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let mine = batches.iter().skip(thread).step_by(THREADS);
                scope.spawn(move || {
                    let (mut size, mut wrong) = (0, Vec::new());
                    for batch in mine {
                        let package = folder.join(&batch.name);
                        fs::create_dir_all(package.join("src")).unwrap();
                        size += batch::write_package(&package, &batch.name, &batch.cases, &mut wrong);
                    }
                    (size, wrong)
                })
            })
            .collect();
        let mut size = 0;
        for thread in threads {
            let (one, mut faults) = thread.join().unwrap();
            size += one;
            wrong.append(&mut faults);
        }
        size
    })
}

#[test]
#[ignore = "long; see the top of this file"]
fn every_real_schema_becomes_code_that_reads_and_writes_as_java_does() {
    let data = std::env::var_os("FLEETOPS_TEST_DATA").expect("FLEETOPS_TEST_DATA names the folder of data");
    let seed = number("FLEETOPS_SEED", 1) as u64;
    let count = number("FLEETOPS_REAL_COUNT", 3);
    let minutes = number("FLEETOPS_REAL_MINUTES", usize::MAX) as u64;
    let asked = std::env::var("FLEETOPS_REAL_STEPS").unwrap_or_else(|_| "fmt,check,doc,run".to_owned());
    let wanted = |step: &str| asked.split(',').any(|s| s == step);
    let keep = std::env::var_os("FLEETOPS_REAL_KEEP").is_some();
    let jar = std::env::var("FLEETOPS_AVRO_ORACLE").ok();

    let started = Instant::now();
    let batches = batches(Path::new(&data), seed);
    let schemas: usize = batches.iter().map(|b| b.cases.len()).sum();
    let types: usize = batches.iter().flat_map(|b| &b.cases).map(|c| c.types.len()).sum();
    eprintln!(
        "{schemas} schemas and sets, {types} types, parsed in {:.1} s",
        started.elapsed().as_secs_f64()
    );

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real");
    let mut wrong: Vec<String> = Vec::new();
    let started = Instant::now();
    let size = generate(&folder, &batches, &mut wrong);
    steps::write_workspace(&folder, batches.iter().map(|b| b.name.as_str()));
    eprintln!(
        "{:.1} MB of code, generated and written in {:.1} s by {THREADS} threads",
        size as f64 / 1e6,
        started.elapsed().as_secs_f64()
    );

    let (mut done, mut files, mut changed, mut values, mut by_java) = (0, 0, 0, 0, 0);
    for batch in &batches {
        if started.elapsed().as_secs() >= minutes.saturating_mul(60) {
            eprintln!("no more time: {done} of {schemas} schemas were looked at");
            break;
        }
        let from = wrong.len();
        let package = folder.join(&batch.name);
        if wanted("fmt") {
            files += sources(&package.join("src"));
            for path in steps::not_as_rustfmt(&folder, &batch.name) {
                changed += 1;
                wrong.push(format!("changed by rustfmt: {}", path.display()));
            }
        }
        let mut compiles = true;
        for step in ["check", "doc"] {
            if wanted(step) && compiles {
                compiles = steps::cargo(step, &folder, &batch.name, &mut wrong);
            }
        }
        if wanted("run") && compiles && steps::cargo("build", &folder, &batch.name, &mut wrong) {
            let mut samples = Vec::new();
            for case in &batch.cases {
                cases::samples(case, seed, count, &mut samples);
            }
            steps::read_and_write(&folder, &batch.name, &samples, &mut wrong);
            values += samples.len();
            if let Some(jar) = &jar {
                by_java += steps::ask_java(jar, &samples, &mut wrong);
            }
        }
        if !keep {
            steps::remove(&folder, &batch.name);
        }
        done += batch.cases.len();
        eprintln!(
            "{:5.0} s: {done} of {schemas} schemas; {}; {} faults",
            started.elapsed().as_secs_f64(),
            batch.name,
            wrong.len() - from
        );
        for fault in wrong.iter().skip(from).take(5) {
            eprintln!("  {}", fault.chars().take(2_000).collect::<String>());
        }
    }
    eprintln!(
        "{done} of {schemas} schemas ({asked}); {} of {files} files as rustfmt has them; {values} values read and written by \
         generated code, {by_java} by Java; {} faults",
        files - changed,
        wrong.len()
    );
    fs::write(folder.join("faults.txt"), wrong.join("\n")).unwrap();
    assert!(
        wrong.is_empty(),
        "{} faults, in {}",
        wrong.len(),
        folder.join("faults.txt").display()
    );
}

/// How many files were generated: all but the head and the program of the package.
fn sources(folder: &Path) -> usize {
    let mut count = 0;
    let entries = |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut pending: Vec<PathBuf> = entries(folder).filter(|path| path.is_dir()).collect();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(entries(&path));
        } else {
            count += 1;
        }
    }
    count
}
