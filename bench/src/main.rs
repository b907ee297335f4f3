//! The codec of generated code against its peers.
//!
//! ```text
//! cargo run --release --manifest-path bench/Cargo.toml -- [--processes N] [--rounds N] [--records N] [RACE]
//! cargo run --release --manifest-path bench/Cargo.toml -- dump FOLDER
//! ```
//!
//! All contenders take turns in one process; `--processes 7` does it in so many processes one after the other and prints
//! medians, because where buffers come to lie moves a single process by up to a fifth. `RACE` is a part of a race's name.
//! `--only NAME` runs the contenders of that name alone, for a profiler. `dump` writes the records for programs in other
//! languages: their count, then each with its length in front, both as four bytes, little-endian.
//!
//! Each contender is checked before it runs: same bytes, same values, and each truncated record is refused.
//! `plain` is the schema without its logical types, as the serde crates' types have it; `typed` is the schema as it
//! stands, with `Uuid` and `DateTime<Utc>` on all sides.

mod contenders;
mod data;
mod entries;
mod limit;
mod protobuf;
mod race;
mod types;

/// What `build.rs` generated.
#[allow(dead_code, clippy::module_inception)]
mod generated {
    pub mod plain {
        pub mod telemetry {
            include!(concat!(env!("OUT_DIR"), "/plain/telemetry/mod.rs"));
        }
        pub mod telemetry_reader {
            include!(concat!(env!("OUT_DIR"), "/plain/telemetry_reader/mod.rs"));
        }
        pub mod anomaly {
            include!(concat!(env!("OUT_DIR"), "/plain/anomaly/mod.rs"));
        }
    }
    pub mod typed {
        pub mod telemetry {
            include!(concat!(env!("OUT_DIR"), "/typed/telemetry/mod.rs"));
        }
        pub mod anomaly {
            include!(concat!(env!("OUT_DIR"), "/typed/anomaly/mod.rs"));
        }
    }
}

use std::process::{Command, ExitCode};

struct Arguments {
    processes: usize,
    rounds: usize,
    records: usize,
    only: Option<String>,
    lines: bool,
    race: String,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [command, folder] = &words[..]
        && command == "dump"
    {
        contenders::dump(folder.as_ref()).expect("files");
        return ExitCode::SUCCESS;
    }
    let Some(arguments) = read(&words) else {
        eprintln!(
            "usage: [--processes N] [--rounds N] [--records N] [--only CONTENDER] [RACE]\n       dump FOLDER"
        );
        return ExitCode::FAILURE;
    };
    let measured = match arguments.processes {
        0 => vec![run(&arguments)],
        count => (0..count).map(|_| run_apart(&words)).collect(),
    };
    if arguments.lines {
        print!("{}", race::lines(&measured[0]));
    } else {
        println!(
            "{} process(es), {} rounds of {} records",
            measured.len(),
            arguments.rounds,
            arguments.records
        );
        print!("{}", race::tables(&measured));
    }
    ExitCode::SUCCESS
}

fn read(words: &[String]) -> Option<Arguments> {
    let mut arguments = Arguments {
        processes: 0,
        rounds: 100,
        records: 512,
        only: None,
        lines: false,
        race: String::new(),
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--processes" => arguments.processes = words.next()?.parse().ok()?,
            "--rounds" => arguments.rounds = words.next()?.parse().ok()?,
            "--records" => arguments.records = words.next()?.parse().ok()?,
            "--only" => arguments.only = Some(words.next()?.clone()),
            "--lines" => arguments.lines = true,
            option if option.starts_with('-') => return None,
            _ => arguments.race.clone_from(word),
        }
    }
    Some(arguments)
}

fn run(arguments: &Arguments) -> Vec<race::Measured> {
    let mut all = contenders::all(arguments.records);
    all.retain(|c| {
        c.race.contains(&arguments.race) && arguments.only.as_ref().is_none_or(|only| only == c.name)
    });
    let mut measured = Vec::new();
    while let Some(first) = all.first() {
        let race = first.race;
        let (mut these, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|c| c.race == race);
        measured.extend(race::race(&mut these, arguments.rounds, arguments.records));
        all = rest;
    }
    measured
}

/// The same in a process of its own.
fn run_apart(words: &[String]) -> Vec<race::Measured> {
    let program = std::env::current_exe().expect("the program's path");
    let output = Command::new(program)
        .args(words)
        .args(["--processes", "0", "--lines"])
        .output()
        .expect("a process");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    race::parse(&String::from_utf8_lossy(&output.stdout))
}
