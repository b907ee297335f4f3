//! The program while it runs: lines go in, or come out, and the servers change meanwhile.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::project::{Project, Run};
use crate::stack::Stack;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(180);

/// A program that was started, and is killed with its value.
pub(crate) struct Running {
    child: Child,
    begun: Instant,
    pub(crate) stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: JoinHandle<String>,
}

impl Running {
    pub(crate) fn start(project: &Project, stack: &Stack, arguments: &[&str]) -> Self {
        let mut command: Command = project.command(arguments);
        command
            .env("KAFKA_BOOTSTRAP_SERVERS", stack.bootstrap())
            .env("SCHEMA_REGISTRY_URL", stack.registry())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr: ChildStderr = child.stderr.take().unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map(BufReader::new),
            stderr: std::thread::spawn(move || text(stderr)),
            child,
            begun: Instant::now(),
        }
    }

    /// Writes lines; `false` where the program does not read any more.
    pub(crate) fn write(&mut self, lines: &str) -> bool {
        let stdin = self.stdin.as_mut().unwrap();
        stdin
            .write_all(lines.as_bytes())
            .and_then(|()| stdin.flush())
            .is_ok()
    }

    /// The next lines of its output.
    pub(crate) fn read(&mut self, lines: usize) -> String {
        let stdout = self.stdout.as_mut().unwrap();
        let mut text = String::new();
        for _ in 0..lines {
            assert!(
                stdout.read_line(&mut text).unwrap() > 0,
                "its output ended after {text}"
            );
        }
        text
    }

    /// Takes all that comes from now on, so that the program does not wait for its reader; whatever has come can be asked for.
    pub(crate) fn follow(&mut self) -> Output {
        let mut stdout = self.stdout.take().unwrap();
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|read| read > 0) && send.send(line.clone()).is_ok() {
                line.clear();
            }
        });
        Output {
            lines: receive,
            so_far: String::new(),
        }
    }

    pub(crate) fn interrupt(&self) {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-INT", &id])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Waits for its end. What was not read of its output is in the result, unless it is followed.
    pub(crate) fn end(mut self) -> Run {
        drop(self.stdin.take());
        let stdout = self
            .stdout
            .take()
            .map(|stdout| std::thread::spawn(move || text(stdout)));
        while self.child.try_wait().unwrap().is_none() {
            assert!(self.begun.elapsed() < LIMIT, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        let status = self.child.wait().unwrap();
        let stderr = std::mem::replace(&mut self.stderr, std::thread::spawn(String::new));
        Run {
            code: status.code().expect("not killed by a signal"),
            stdout: stdout.map(|stdout| stdout.join().unwrap()).unwrap_or_default(),
            stderr: stderr.join().unwrap(),
            took: self.begun.elapsed(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines that come.
pub(crate) struct Output {
    lines: mpsc::Receiver<String>,
    so_far: String,
}

impl Output {
    /// All that has come.
    pub(crate) fn so_far(&mut self) -> &str {
        self.so_far.extend(self.lines.try_iter());
        &self.so_far
    }

    /// All, once there will be no more.
    pub(crate) fn all(mut self) -> String {
        self.so_far.extend(self.lines.iter());
        self.so_far
    }
}

fn text(mut from: impl Read) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}
