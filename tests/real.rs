//! Real schemas: every one that Java accepts is generated, compiled without a warning, and its values are read and written
//! as Java does.
//!
//! A long run, started by hand; it takes the data and the oracle from the environment and some minutes:
//!
//! ```text
//! FLEETOPS_TEST_DATA=DIR FLEETOPS_AVRO_ORACLE=avro-oracle.jar FLEETOPS_SEED=7 \
//!     cargo test --test real -- --ignored --nocapture
//! ```
//!
//! `FLEETOPS_REAL_ONLY=TEXT` takes only the schemas whose path contains it, `FLEETOPS_REAL_COUNT` is the number of values a
//! record, `FLEETOPS_REAL_BATCH` that of schemas a package (1: each in one of its own).
//! Generated packages stay in the target folder, below `tmp/real`, to be looked at.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::expect_used)]

#[path = "real/batch.rs"]
mod batch;
#[path = "real/oracle.rs"]
mod oracle;
#[path = "real/random.rs"]
mod random;

use std::ffi::OsString;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use fleetops_avro::schema::Kind;
use fleetops_avro::{SchemaSet, Source};
use fleetops_codegen::manifest::Manifest;
use fleetops_registry::dynamic::DynamicTopic;
use serde_json::{Value, json};

/// Generation and compilation are done for so many packages at a time.
const THREADS: usize = 4;

/// Some files that are one set.
pub(crate) struct Case {
    /// Its module.
    name: String,
    /// Where it comes from.
    id: String,
    set: SchemaSet,
    /// The full names of its records.
    records: Vec<String>,
}

impl Case {
    fn new(name: String, id: &str, files: &[(&str, &str)]) -> Self {
        let sources: Vec<_> = files.iter().map(|(id, text)| Source::new(*id, *text)).collect();
        let set = match SchemaSet::parse(&sources) {
            Ok(set) => set,
            Err(error) => panic!("{id}: Java takes it, and we do not: {error}"),
        };
        let records = set
            .named()
            .filter(|(_, id)| matches!(set.node(*id).kind, Kind::Record(_)))
            .map(|(name, _)| name.to_string())
            .collect();
        Self {
            name,
            id: id.to_owned(),
            set,
            records,
        }
    }
}

fn rows(data: &Path, file: &str) -> Vec<Value> {
    let packed = fs::File::open(data.join("data/avsc").join(file)).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_string(&mut text)
        .unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap()
}

/// All schemas and sets that Java accepts.
fn cases(data: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, row) in rows(data, "dev_schemas.jsonl.gz").iter().enumerate() {
        if row["verdict"] == "ok" {
            let id = text(row, "id");
            cases.push(Case::new(format!("s{index:04}"), id, &[(id, text(row, "text"))]));
        }
    }
    for (index, row) in rows(data, "dev_sets.jsonl.gz").iter().enumerate() {
        if row["java_ok"] == true {
            let files = row["files"].as_array().unwrap();
            let files: Vec<_> = files.iter().map(|f| (text(f, "id"), text(f, "text"))).collect();
            cases.push(Case::new(format!("set{index:02}"), files[0].0, &files));
        }
    }
    let tricky = data.join("bench/tricky");
    let mut paths: Vec<PathBuf> = fs::read_dir(tricky).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    for (index, path) in paths
        .iter()
        .filter(|p| p.extension().is_some_and(|e| e == "avsc"))
        .enumerate()
    {
        let id = path.file_name().unwrap().to_str().unwrap();
        cases.push(Case::new(
            format!("tricky{index:02}"),
            id,
            &[(id, &fs::read_to_string(path).unwrap())],
        ));
    }
    if let Ok(only) = std::env::var("FLEETOPS_REAL_ONLY") {
        cases.retain(|case| case.id.contains(&only));
    }
    cases
}

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

/// A value to be read: the record, its bytes, and its human JSON as the run-time codec writes it.
struct Sample {
    key: String,
    schema: String,
    hex: String,
    json: String,
}

/// Random values of every record that has one.
fn samples(case: &Case, seed: u64, count: usize, out: &mut Vec<Sample>) {
    for record in &case.records {
        let schema = case.set.get(record).unwrap();
        let depths = random::Depths::of(&schema);
        if !depths.has_value(schema.root()) {
            continue;
        }
        let manifest = format!("[topics.t]\nvalue = {record:?}\npartitions = 1\n");
        let manifest = Manifest::parse(Source::new("manifest", manifest)).unwrap();
        let topic = match DynamicTopic::new(&manifest, &manifest.topics[0], &case.set) {
            Ok(topic) => topic,
            Err(found) => panic!("{}: {found:?}", case.id),
        };
        let mut random = random::Random::new(seed ^ schema.fingerprint());
        for _ in 0..count {
            let value = random::value(&schema, &depths, schema.root(), 0, &mut random);
            let (mut bytes, mut json) = (Vec::new(), Vec::new());
            value.encode(&schema, &mut bytes).unwrap();
            assert!(topic.write_json(&value, &mut json), "{record}: {value:?}");
            out.push(Sample {
                key: format!("{} {record}", case.name),
                schema: schema.text(),
                hex: bytes.iter().map(|b| format!("{b:02x}")).collect(),
                json: String::from_utf8(json).unwrap(),
            });
        }
    }
}

fn cargo(arguments: &[&str], folder: &Path, target: &Path) -> std::process::Output {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    Command::new(cargo)
        .args(arguments)
        .arg("--offline")
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_BUILD_JOBS", THREADS.to_string())
        .output()
        .unwrap()
}

#[test]
#[ignore = "minutes; see the top of this file"]
fn every_real_schema_becomes_code_that_reads_and_writes_as_java_does() {
    let data = std::env::var_os("FLEETOPS_TEST_DATA").expect("FLEETOPS_TEST_DATA names the folder of data");
    let cases = cases(Path::new(&data));
    let seed = number("FLEETOPS_SEED", 1) as u64;
    let count = number("FLEETOPS_REAL_COUNT", 3);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real");
    let target = folder.join("target");
    let mut wrong: Vec<String> = Vec::new();

    let started = Instant::now();
    let batches: Vec<(String, &[Case])> = cases
        .chunks(number("FLEETOPS_REAL_BATCH", 50))
        .enumerate()
        .map(|(index, batch)| (format!("real_{index:03}"), batch))
        .collect();
    let size = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (mine, folder) = (batches.iter().skip(thread).step_by(THREADS), &folder);
                scope.spawn(move || {
                    let (mut size, mut wrong) = (0, Vec::new());
                    for (name, batch) in mine {
                        fs::create_dir_all(folder.join(name).join("src")).unwrap();
                        size += batch::write_package(&folder.join(name), name, batch, &mut wrong);
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
    });
    let members: Vec<String> = batches.iter().map(|(name, _)| format!("{name:?}")).collect();
    let workspace = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[profile.dev]\ndebug = false\nincremental = false\n",
        members.join(", ")
    );
    fs::write(folder.join("Cargo.toml"), workspace).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    eprintln!(
        "{} schemas and sets, {} records, {:.1} MB of code, generated and written in {:.1} s",
        cases.len(),
        cases.iter().map(|c| c.records.len()).sum::<usize>(),
        size as f64 / 1e6,
        started.elapsed().as_secs_f64()
    );

    let started = Instant::now();
    let built = cargo(&["build", "--keep-going"], &folder, &target);
    let told = String::from_utf8_lossy(&built.stderr).into_owned();
    fs::write(folder.join("build.log"), &told).unwrap();
    if !built.status.success() {
        let errors: Vec<&str> = told.lines().filter(|l| l.starts_with("error")).take(40).collect();
        wrong.push(format!(
            "not compiled, see {}: {errors:#?}",
            folder.join("build.log").display()
        ));
    }
    eprintln!(
        "{} packages built in {:.0} s",
        batches.len(),
        started.elapsed().as_secs_f64()
    );

    let mut all = Vec::new();
    for (name, batch) in &batches {
        let mut samples = Vec::new();
        for case in *batch {
            self::samples(case, seed, count, &mut samples);
        }
        let program = target.join("debug").join(name);
        if !program.is_file() {
            continue;
        }
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let lines: Vec<String> = samples
            .iter()
            .map(|s| format!("{}\t{}\n", s.key, s.hex))
            .collect();
        let writer = std::thread::spawn(move || input.write_all(lines.concat().as_bytes()));
        let out = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        let answers = String::from_utf8(out.stdout).unwrap();
        assert_eq!(answers.lines().count(), samples.len(), "{name}");
        for (sample, answer) in samples.iter().zip(answers.lines()) {
            match answer.split_once('\t') {
                Some(("ok", json)) if json == sample.json => {}
                _ => wrong.push(format!(
                    "{} {}\n  {answer}\n  wanted {}",
                    sample.key, sample.hex, sample.json
                )),
            }
        }
        all.extend(samples);
    }
    eprintln!("{} values read and written by generated code", all.len());

    if let Ok(jar) = std::env::var("FLEETOPS_AVRO_ORACLE") {
        let schema = |s: &Sample| serde_json::from_str::<Value>(&s.schema).unwrap();
        let rows = all.iter().enumerate().map(|(id, s)| {
            json!({"id": id, "writer": schema(s), "reader": schema(s), "hex": s.hex}).to_string()
        });
        let read = oracle::ask(&jar, "decode", rows.collect());
        assert_eq!(read.len(), all.len());
        let mut back = Vec::new();
        for (sample, answer) in all.iter().zip(&read) {
            if answer["ok"] == true && answer["left"].as_u64().unwrap_or(0) == 0 {
                back.push(
                    json!({"id": answer["id"], "schema": schema(sample), "json": answer["json"]}).to_string(),
                );
            } else {
                wrong.push(format!(
                    "Java does not read {} {}: {}",
                    sample.key, sample.hex, answer["error"]
                ));
            }
        }
        for answer in oracle::ask(&jar, "encode", back) {
            let sample = &all[answer["id"].as_u64().unwrap() as usize];
            if answer["hex"] != sample.hex.as_str() {
                wrong.push(format!("Java writes {} {} as {answer}", sample.key, sample.hex));
            }
        }
        eprintln!("{} values read and written by Java", read.len());
    }
    for fault in wrong.iter().take(60) {
        eprintln!("{fault}");
    }
    assert!(wrong.is_empty(), "{} faults", wrong.len());
}
