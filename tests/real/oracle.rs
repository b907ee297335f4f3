//! Java as the other side: what it reads from our bytes, and what it writes for what it read.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Sends lines to a sub-command of the oracle and gives its answers, a line each.
pub(crate) fn ask(jar: &str, command: &str, rows: Vec<String>) -> Vec<Value> {
    let mut java = Command::new("java")
        .args(["-jar", jar, command])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = java.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        for row in rows {
            writeln!(input, "{row}").unwrap();
        }
    });
    let answers = BufReader::new(java.stdout.take().unwrap())
        .lines()
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    writer.join().unwrap();
    assert!(java.wait().unwrap().success());
    answers
}
