//! One real Kafka and one real registry for all tests of this target, started by `dev/stack` on ports and in a folder of
//! their own. Tests that end their servers (`tests/outage`) start pairs for themselves.
//!
//! The test runner tells nobody that its last test has ended, and a test may end it by a signal. So a process besides
//! waits for the end of a pipe that only this one holds, whatever ends it, and then stops the servers.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

use tempfile::TempDir;

/// The user of the registry's second address.
pub(crate) const REGISTRY_AUTH: (&str, &str) = ("fleet", "registry-secret");

/// Running servers.
pub(crate) struct Stack {
    run: PathBuf,
    kafka_port: u16,
    registry_port: u16,
    /// Its standard input is the pipe.
    _watcher: Child,
}

static STACK: OnceLock<Result<Stack, String>> = OnceLock::new();

/// The servers; `None`, and a word about it, where there can be none.
pub(crate) fn stack() -> Option<&'static Stack> {
    STACK.get_or_init(|| start().inspect_err(skipped)).as_ref().ok()
}

/// Says why there are no servers.
pub(crate) fn skipped(why: &String) {
    say(&format!("skipped: the tests on real servers: {why}"));
}

/// Writes a line that the test runner does not keep to itself where tests pass.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Servers of the caller's own. `Err`: a reason to skip; that servers do not start where they should is none.
pub(crate) fn start() -> Result<Stack, String> {
    if std::env::var("FLEETOPS_E2E").is_ok_and(|v| v == "0") {
        return Err("FLEETOPS_E2E is 0".to_owned());
    }
    let looks = ". dev/stack/stack-lib.sh && find_java 21 >/dev/null && command -v \"${STACK_MVN%% *}\" curl >/dev/null";
    let found = Command::new("bash")
        .args(["-c", looks])
        .current_dir(root())
        .output();
    if !found.is_ok_and(|out| out.status.success()) {
        return Err("Java 21, Maven and curl are needed for real servers".to_owned());
    }
    let run = TempDir::with_prefix("fleetops-e2e-").unwrap().keep();
    let (kafka_port, registry_port) = ports();
    let stop = r#"trap '' INT TERM HUP; cat >/dev/null
        dev/stack/kafka stop; dev/stack/registry stop; rm -rf "$STACK_RUN_DIR""#;
    let mut stack = Command::new("bash");
    stack
        .args(["-c", stop])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    settings(&mut stack, &run, kafka_port, registry_port);
    let watcher = stack.spawn().unwrap();
    let mut starting: Vec<Child> = ["dev/stack/kafka", "dev/stack/registry"]
        .into_iter()
        .map(|server| {
            let mut command = Command::new(server);
            command.arg("start").stdin(Stdio::null());
            settings(&mut command, &run, kafka_port, registry_port);
            command.spawn().unwrap()
        })
        .collect();
    for server in &mut starting {
        assert!(
            server.wait().unwrap().success(),
            "a server of dev/stack did not start, see above"
        );
    }
    Ok(Stack {
        run,
        kafka_port,
        registry_port,
        _watcher: watcher,
    })
}

fn settings(command: &mut Command, run: &Path, kafka_port: u16, registry_port: u16) {
    command
        .current_dir(root())
        .env("STACK_RUN_DIR", run)
        .env("KAFKA_PORT", kafka_port.to_string())
        .env("REGISTRY_PORT", registry_port.to_string())
        .env("KAFKA_SECURE", "1")
        .env(
            "REGISTRY_AUTH",
            format!("{}:{}", REGISTRY_AUTH.0, REGISTRY_AUTH.1),
        )
        // What was registered outlives a stop.
        .env("REGISTRY_STORAGE", "file")
        // They are started more often than anything else is done with them.
        .env("STACK_JAVA_OPTS", "-XX:TieredStopAtLevel=1")
        .env_remove("KAFKA_NODES");
}

impl Stack {
    /// Runs one of the scripts of `dev/stack` for these servers; what it printed.
    pub(crate) fn script(&self, server: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(format!("dev/stack/{server}"));
        settings(&mut command, &self.run, self.kafka_port, self.registry_port);
        let out = command.args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(out.status.success(), "{server} {arguments:?}: {out:?}");
        String::from_utf8(out.stdout).unwrap()
    }

    /// Kafka's plain listener.
    pub(crate) fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.kafka_port)
    }

    /// The registry's address without a password.
    pub(crate) fn registry(&self) -> String {
        format!("http://127.0.0.1:{}/apis/ccompat/v7", self.registry_port)
    }

    /// The same behind a password.
    pub(crate) fn secured_registry(&self) -> String {
        format!("http://127.0.0.1:{}/apis/ccompat/v7", self.registry_port + 2)
    }

    /// A client's settings for one of Kafka's listeners: `tls`, `scram`, `plain`.
    pub(crate) fn client(&self, kind: &str) -> Vec<(String, String)> {
        let text = self.script("kafka", &["client", kind]);
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        pairs.map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
    }
}

fn root() -> &'static str {
    env!("CARGO_MANIFEST_DIR")
}

/// Two ports with room beside them for what each server needs, below those that outgoing connections get. Another call gives
/// others, also while the first one's servers are stopped.
fn ports() -> (u16, u16) {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let begin = u16::try_from(std::process::id() % 900).unwrap() * 10;
    let mut bases = (0..900).map(|_| 20_000 + (begin + TRIED.fetch_add(1, Relaxed) % 900 * 10) % 9_000);
    let kafka = bases.find(|base| (0..5).all(|i| free(base + i))).unwrap();
    let registry = bases
        .find(|base| [0, 2, 1_000].iter().all(|i| free(base + i)))
        .unwrap();
    (kafka, registry)
}
