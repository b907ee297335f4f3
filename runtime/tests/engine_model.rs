//! The reorder stage against its reference model, record by record.
//!
//! Committed cases carry the model's answers. Where the model itself and Python are at hand (`FLEETOPS_TEST_DATA`), fresh
//! random and adversarial cases are judged by it. `FLEETOPS_MODEL_CASES` sets how many, and with `FLEETOPS_BLESS` set the
//! committed file is written anew from the model.

// Helpers of tests may fail loudly too.
#![allow(clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use fleetops_runtime::engine::{Decoded, Engine, EngineConfig, Fields, LogEnd, Meta, Output};
use fleetops_runtime::topic::ReorderSpec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

#[derive(Debug, Clone)]
enum Op {
    Receive { frame: i64, event: u8, time: i64 },
    Tick,
    End,
}

#[derive(Debug, Clone)]
struct Case {
    ring: u32,
    tolerance: u32,
    hold: i64,
    ops: Vec<Op>,
}

impl Case {
    fn to_json(&self) -> Value {
        let ops: Vec<_> = self
            .ops
            .iter()
            .map(|op| match op {
                Op::Receive { frame, event, time } => json!([frame, event, time]),
                Op::Tick => json!("tick"),
                Op::End => json!("end"),
            })
            .collect();
        json!({ "ring": self.ring, "tolerance": self.tolerance, "hold": self.hold, "ops": ops })
    }

    fn from_json(value: &Value) -> Self {
        let number = |value: &Value| value.as_i64().unwrap();
        let op = |op: &Value| match op.as_str() {
            Some("tick") => Op::Tick,
            Some(_) => Op::End,
            None => Op::Receive {
                frame: number(&op[0]),
                event: number(&op[1]) as u8,
                time: number(&op[2]),
            },
        };
        Self {
            ring: number(&value["ring"]) as u32,
            tolerance: number(&value["tolerance"]) as u32,
            hold: number(&value["hold"]),
            ops: value["ops"].as_array().unwrap().iter().map(op).collect(),
        }
    }

    /// What the engine makes of it, in the model's words.
    fn run(&self) -> Value {
        let hold = Duration::from_millis(self.hold as u64);
        let mut config = EngineConfig::default();
        config.reorder = Some(ReorderSpec {
            ring: self.ring,
            tolerance: self.tolerance,
            hold,
        });
        let mut engine = Engine::new(config);
        let (mut now, mut steps, mut out) = (Duration::ZERO, vec![], vec![]);
        for (number, op) in self.ops.iter().enumerate() {
            let repeated = engine.counts().frame_duplicates;
            let mut received = 0;
            match *op {
                Op::Receive { frame, event, time } => {
                    received = frame;
                    let value = [event];
                    let meta = Meta {
                        offset: number as i64,
                        timestamp_ms: Some(time),
                        dedup_key: None,
                        value: Some(&value),
                        replayed: false,
                    };
                    let decode = |fields: &mut Fields| {
                        fields.set_sequence("v", "e", frame);
                        Decoded::Event(frame)
                    };
                    engine.receive(meta, now, decode, &mut out);
                }
                Op::Tick => {
                    now += hold;
                    let position = engine.last_received().map_or(0, |last| last + 1);
                    let end = LogEnd {
                        high_watermark: position,
                        position,
                        asked_at: now,
                    };
                    engine.tick(now, Some(end), &mut out);
                }
                Op::End => engine.finish(&mut out),
            }
            let mut step: Vec<_> = out
                .drain(..)
                .map(|output| match output {
                    Output::Handle { offset, payload } => json!(["Emitted", payload, offset]),
                    Output::Refused {
                        offset,
                        outcome,
                        payload,
                    } => {
                        json!([format!("{outcome:?}"), payload, offset])
                    }
                    Output::Poison { .. } => unreachable!("nothing is poison here"),
                })
                .collect();
            if engine.counts().frame_duplicates > repeated {
                step.push(json!(["FrameDuplicate", received, number]));
            }
            steps.push(json!(step));
        }
        json!({ "steps": steps, "gaps": engine.counts().gaps })
    }
}

/// Frames as they come from vehicles, from broken clocks and from nobody in particular.
fn frames() -> impl Strategy<Value = Vec<i64>> {
    let wild = prop::collection::vec(0_i64..30, 1..40);
    let far = prop::collection::vec(
        prop_oneof![
            4 => 0_i64..20,
            2 => 5000_i64..5020,
            1 => 990_i64..1030,
            1 => 6000_i64..6030,
            1 => Just(i64::MAX),
            1 => i64::MAX - 12..i64::MAX,
            1 => -3_i64..1,
        ],
        1..30,
    );
    let displaced = (
        0_i64..60,
        1_usize..40,
        prop::collection::vec((0_i64..5, 0..20_u8), 40),
    )
        .prop_map(|(start, count, noise)| {
            let mut keyed: Vec<_> = (0..count)
                .filter(|n| noise[*n].1 > 1)
                .map(|n| (start + n as i64 + noise[n].0, n, start + n as i64))
                .collect();
            keyed.sort_unstable();
            let mut frames: Vec<_> = keyed.into_iter().map(|(_, _, frame)| frame).collect();
            // A corrupt index, a repeated frame and a real jump, at times.
            let at = noise[0].1 as usize % frames.len().max(1);
            match noise[1].1 {
                0..4 => frames.insert(at.min(frames.len()), start + 7000),
                4..8 if !frames.is_empty() => frames.insert(at, frames[at]),
                8..12 => frames.iter_mut().skip(at).for_each(|frame| *frame += 4000),
                _ => {}
            }
            frames
        });
    prop_oneof![3 => displaced, 2 => wild, 2 => far]
}

fn cases() -> impl Strategy<Value = Case> {
    let sizes = prop_oneof![
        6 => Just((10, 2)),
        1 => Just((0, 0)),
        1 => (0_u32..4, 0_u32..6),
        1 => Just((1, 20)),
    ];
    let times = prop_oneof![10 => 0_i64..60, 4 => 0_i64..400, 1 => Just(299_i64), 1 => Just(300), 1 => 59_000_i64..61_000];
    let noise = prop::collection::vec((times, 0_u8..12, 0_u8..40), 80);
    (
        sizes,
        frames(),
        noise,
        prop::bool::weighted(0.7),
        prop_oneof![8 => Just(300), 1 => Just(0), 1 => Just(70_000)],
    )
        .prop_map(|((ring, tolerance), frames, noise, ended, hold)| {
            let (mut ops, mut time) = (vec![], 1_700_000_000_000);
            for (n, frame) in frames.into_iter().enumerate() {
                let (passed, event, tick) = noise[n];
                time += passed;
                if tick == 0 {
                    ops.push(Op::Tick);
                }
                ops.push(Op::Receive {
                    frame,
                    event: u8::from(event < 4),
                    time,
                });
            }
            if ended {
                ops.push(Op::End);
            }
            Case {
                ring,
                tolerance,
                hold,
                ops,
            }
        })
}

fn check(case: &Case, expected: &Value) {
    let found = case.run();
    assert_eq!(&found, expected, "engine, then model, for {}", case.to_json());
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine")
}

/// The model's answers to these cases; `None` where it is not at hand.
fn ask_model(cases: &[Case]) -> Option<Vec<Value>> {
    let Some(data) = std::env::var_os("FLEETOPS_TEST_DATA") else {
        println!("skipped: FLEETOPS_TEST_DATA is not set");
        return None;
    };
    let model = Path::new(&data).join("model");
    assert!(
        model.join("reorder.py").is_file(),
        "no reorder.py in {}",
        model.display()
    );
    let child = Command::new("python3")
        .arg(folder().join("drive_model.py"))
        .arg(&model)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("skipped: there is no python3");
            return None;
        }
        Err(error) => panic!("python3: {error}"),
    };
    let mut input = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{}\n", case.to_json())).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()).unwrap());
    let output = BufReader::new(child.stdout.take().unwrap());
    let answers: Vec<_> = output
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    writer.join().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(answers.len(), cases.len());
    Some(answers)
}

fn make(count: usize, mut runner: TestRunner) -> Vec<Case> {
    let strategy = cases();
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

/// What a fresh run found once and the 300 do not show: more gaps than 64 bits count.
fn found() -> Vec<Case> {
    let hour = 3_600_000;
    let jump = |start| [(0, start), (i64::MAX - 1, start + 1), (i64::MAX, start + 2)];
    let ops = (0..3).flat_map(|n| jump(1_700_000_000_000 + n * hour));
    vec![Case {
        ring: 10,
        tolerance: 2,
        hold: 300,
        ops: ops
            .map(|(frame, time)| Op::Receive {
                frame,
                event: 0,
                time,
            })
            .collect(),
    }]
}

#[test]
fn as_the_model_answered() {
    let path = folder().join("reorder_cases.jsonl");
    if std::env::var_os("FLEETOPS_BLESS").is_some() {
        let mut cases = make(300, TestRunner::deterministic());
        cases.extend(found());
        let answers = ask_model(&cases).expect("the model is needed to write its answers down");
        let lines = cases.iter().zip(answers);
        let text: String = lines
            .map(|(c, a)| format!("{}\n", json!({ "case": c.to_json(), "model": a })))
            .collect();
        fs::write(&path, text).unwrap();
    }
    let text = fs::read_to_string(&path).unwrap();
    let mut outcomes = std::collections::BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        check(&Case::from_json(&line["case"]), &line["model"]);
        for step in line["model"]["steps"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|op| op.as_array().unwrap())
        {
            *outcomes.entry(step[0].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    // The cases are worth something only if every outcome is among them, and often.
    for outcome in ["Emitted", "FrameDuplicate", "Conflict", "Late", "TooOld", "Jump"] {
        assert!(
            outcomes.get(outcome).is_some_and(|count| *count >= 50),
            "{outcomes:?}"
        );
    }
}

#[test]
fn as_the_model_answers() {
    let count = std::env::var("FLEETOPS_MODEL_CASES").map_or(2000, |count| count.parse().unwrap());
    // Other cases at every run; a failure prints its case.
    let cases = make(count, TestRunner::default());
    let Some(answers) = ask_model(&cases) else { return };
    for (case, answer) in cases.iter().zip(&answers) {
        check(case, answer);
    }
}
