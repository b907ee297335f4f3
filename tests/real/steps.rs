//! What is done with a package: formatting, cargo's commands, its program, and Java's answers.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use fleetops_avro::{Schema, value as avro};
use serde_json::{Value, json};

use crate::cases::Sample;
use crate::oracle;

/// How many faults of one kind a package tells.
const TOLD: usize = 40;

/// The workspace of all packages. Its rustfmt settings are rustfmt's own: no file above them counts.
pub(crate) fn write_workspace<'a>(folder: &Path, names: impl Iterator<Item = &'a str>) {
    let members: Vec<String> = names.map(|name| format!("{name:?}")).collect();
    let workspace = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[profile.dev]\ndebug = false\nincremental = false\n",
        members.join(", ")
    );
    fs::write(folder.join("Cargo.toml"), workspace).unwrap();
    fs::write(folder.join("rustfmt.toml"), "").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
}

/// The files of a package that rustfmt would change.
pub(crate) fn not_as_rustfmt(folder: &Path, package: &str) -> Vec<PathBuf> {
    let source = folder.join(package).join("src");
    let out = Command::new("rustfmt")
        .args([
            "--check",
            "--files-with-diff",
            "--edition",
            "2024",
            "--config-path",
        ])
        .arg(folder.join("rustfmt.toml"))
        .arg(source.join("lib.rs"))
        .output()
        .expect("rustfmt");
    let told = String::from_utf8_lossy(&out.stdout);
    let mut changed: Vec<PathBuf> = told.lines().map(PathBuf::from).collect();
    assert!(
        out.status.success() || !changed.is_empty(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    // That one is the test's.
    changed.retain(|path| *path != source.join("lib.rs"));
    changed.sort();
    changed.dedup();
    changed
}

/// Runs `cargo COMMAND` on a package with warnings denied; what it says goes to the faults.
pub(crate) fn cargo(command: &str, folder: &Path, package: &str, wrong: &mut Vec<String>) -> bool {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut run = Command::new(cargo);
    run.args([command, "--offline", "--package", package])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"));
    if command == "doc" {
        run.args(["--no-deps", "--lib"])
            .env("RUSTDOCFLAGS", "-D warnings");
    }
    let out = run.output().unwrap();
    if out.status.success() {
        return true;
    }
    let told = String::from_utf8_lossy(&out.stderr);
    fs::write(folder.join(format!("{package}.{command}.log")), &*told).unwrap();
    let mut lines = told.lines().peekable();
    let mut faults = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with("error") {
            let place = lines.peek().copied().unwrap_or_default();
            faults.push(format!("cargo {command} {package}: {line} {}", place.trim()));
        }
    }
    faults.truncate(TOLD);
    wrong.append(&mut faults);
    false
}

/// Removes a package's products, and its sources.
pub(crate) fn remove(folder: &Path, package: &str) {
    let debug = folder.join("target/debug");
    for part in ["deps", ".fingerprint", "build", "."] {
        let Ok(entries) = fs::read_dir(debug.join(part)) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if !name.trim_start_matches("lib").starts_with(package) {
                continue;
            }
            if path.is_dir() {
                fs::remove_dir_all(&path).unwrap();
            } else {
                fs::remove_file(&path).unwrap();
            }
        }
    }
    let _ = fs::remove_dir_all(folder.join("target/doc").join(package));
    // The package stays a member of the workspace.
    fs::write(folder.join(package).join("src/lib.rs"), "").unwrap();
    fs::write(folder.join(package).join("src/main.rs"), "fn main() {}\n").unwrap();
    for entry in fs::read_dir(folder.join(package).join("src")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        }
    }
}

/// The generated code reads the samples, and writes them again.
pub(crate) fn read_and_write(folder: &Path, package: &str, samples: &[Sample], wrong: &mut Vec<String>) {
    let mut child = Command::new(folder.join("target/debug").join(package))
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
    // A program that ends early closes the pipe; that it did is the fault.
    let _ = writer.join().unwrap();
    let answers = String::from_utf8(out.stdout).unwrap();
    if !out.status.success() {
        let at = samples.get(answers.lines().count()).map_or("the end", |s| &s.key);
        wrong.push(format!("{package} ended with {} at {at}", out.status));
        return;
    }
    assert_eq!(answers.lines().count(), samples.len(), "{package}");
    for (sample, answer) in samples.iter().zip(answers.lines()) {
        match answer.split_once('\t') {
            Some(("ok", json)) if json == sample.json => {}
            _ => wrong.push(format!(
                "{} {}\n  {answer}\n  wanted {}",
                sample.key, sample.hex, sample.json
            )),
        }
    }
}

/// Java reads the samples and writes them again; their count is the answer.
pub(crate) fn ask_java(jar: &str, samples: &[Sample], wrong: &mut Vec<String>) -> usize {
    let schema = |s: &Sample| serde_json::from_str::<Value>(&s.schema).unwrap();
    let rows = samples
        .iter()
        .enumerate()
        .map(|(id, s)| json!({"id": id, "writer": schema(s), "reader": schema(s), "hex": s.hex}).to_string());
    let read = oracle::ask(jar, "decode", rows.collect());
    assert_eq!(read.len(), samples.len());
    let mut back = Vec::new();
    for (sample, answer) in samples.iter().zip(&read) {
        if answer["ok"] == true && answer["left"].as_u64().unwrap_or(0) == 0 {
            let row = json!({"id": answer["id"], "schema": schema(sample), "json": answer["json"]});
            back.push(row.to_string());
        } else {
            wrong.push(format!(
                "Java does not read {} {}: {}",
                sample.key, sample.hex, answer["error"]
            ));
        }
    }
    for answer in oracle::ask(jar, "encode", back) {
        let sample = &samples[answer["id"].as_u64().unwrap() as usize];
        let hex = answer["hex"].as_str().unwrap_or_default();
        // Java writes the entries of a map in another order.
        if hex != sample.hex && !(answer["ok"] == true && same_value(sample, hex)) {
            wrong.push(format!("Java writes {} {} as {answer}", sample.key, sample.hex));
        }
    }
    read.len()
}

/// Whether bytes are those of a sample but for the order of the entries of maps.
fn same_value(sample: &Sample, hex: &str) -> bool {
    let schema = Schema::parse(&sample.schema).unwrap();
    let value = |hex: &str| {
        let digits = (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap());
        let bytes: Vec<u8> = digits.collect();
        avro::Value::decode_all(&schema, &bytes).ok()
    };
    let ours = value(&sample.hex);
    ours.is_some() && ours == value(hex)
}
