//! A Kafka of a proof's own, and what is asked of it.
//!
//! A proof may end by a panic or a signal. So a process besides waits for the end of a pipe that only this one holds,
//! whatever ends it, and then stops the servers.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use fleetops_registry::dev::registry::EmbeddedRegistry;
use fleetops_registry::kafka::{Admin, ClusterAdmin, WantedTopic};
use fleetops_registry::registry::Client;
use fleetops_registry::topics::RawTelemetryTopic;
use fleetops_runtime::topic::Topic as _;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::Metadata;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::topic::{SUBJECT, dead_letters};

/// Partitions of each topic.
pub(crate) const PARTITIONS: i32 = 6;

/// A line of server.properties that lets nobody do anything who has no ACL, and comes with listeners that ask who it is.
pub(crate) const SECURE: &str =
    "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer";

/// One long proof at a time: each of them fills the machine.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::const_new(());
    ONE.lock().await
}

/// Running brokers, and an embedded registry that has the schema.
pub(crate) struct Cluster {
    run: PathBuf,
    port: u16,
    nodes: usize,
    properties: String,
    registry: String,
    /// Its standard input is the pipe.
    watcher: Child,
}

/// Whether there can be servers here; says so if not.
pub(crate) fn possible() -> bool {
    if std::env::var("FLEETOPS_E2E").is_ok_and(|v| v == "0") {
        eprintln!("skipped: FLEETOPS_E2E is 0");
        return false;
    }
    let looks = ". dev/stack/stack-lib.sh && find_java 21 >/dev/null && command -v \"${STACK_MVN%% *}\" curl >/dev/null";
    let found = Command::new("bash")
        .args(["-c", looks])
        .current_dir(root())
        .output();
    let found = found.is_ok_and(|out| out.status.success());
    if !found {
        eprintln!("skipped: Java 21, Maven and curl are needed for real servers");
    }
    found
}

pub(crate) fn root() -> &'static str {
    env!("CARGO_MANIFEST_DIR")
}

impl Cluster {
    /// Starts brokers with further lines of server.properties, or says why there are none.
    pub(crate) fn start(nodes: usize, properties: &str) -> Option<Self> {
        if !possible() {
            return None;
        }
        let run = TempDir::with_prefix("fleetops-proofs-").unwrap().keep();
        let port = ports();
        let stop = r#"trap '' INT TERM HUP; cat >/dev/null; dev/stack/kafka stop; rm -rf "$STACK_RUN_DIR""#;
        let mut watcher = Command::new("bash");
        watcher
            .args(["-c", stop])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let properties = format!("group.min.session.timeout.ms=1000\n{properties}");
        settings(&mut watcher, &run, port, nodes, &properties);
        let cluster = Self {
            watcher: watcher.spawn().unwrap(),
            run,
            port,
            nodes,
            properties,
            registry: registry(),
        };
        std::fs::create_dir_all(cluster.folder()).unwrap();
        cluster.kafka(&["start"]);
        Some(cluster)
    }

    /// The plain listeners.
    pub(crate) fn bootstrap(&self) -> String {
        let node = |i: usize| format!("127.0.0.1:{}", usize::from(self.port) + 10 * i);
        (0..self.nodes).map(node).collect::<Vec<_>>().join(",")
    }

    /// The registry's address.
    pub(crate) fn registry(&self) -> String {
        self.registry.clone()
    }

    /// Runs `dev/stack/kafka`, and answers what it wrote.
    #[track_caller]
    pub(crate) fn kafka(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("dev/stack/kafka");
        command.args(arguments).stdin(Stdio::null());
        settings(&mut command, &self.run, self.port, self.nodes, &self.properties);
        // What it starts keeps the output open, so it goes to a file and not to a pipe.
        let path = self.run.join("out");
        let file = std::fs::File::create(&path).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let status = command.status().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(status.success(), "kafka {arguments:?}: {text}");
        text
    }

    /// Creates a topic with its dead-letter topic, and further settings.
    pub(crate) async fn create(&self, name: &str, config: &[(&str, &str)]) {
        let bootstrap = self.bootstrap();
        let admin = ClusterAdmin::new(&bootstrap, []).unwrap();
        for name in [name.to_owned(), dead_letters(name)] {
            let mut wanted = WantedTopic {
                name,
                partitions: PARTITIONS as u32,
                replication_factor: self.nodes as u32,
                config: [("message.timestamp.type".to_owned(), "LogAppendTime".to_owned())].into(),
                keyed: true,
            };
            let own = config.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            wanted.config.extend(own);
            admin.create_topic(&wanted).await.unwrap();
        }
    }

    /// The same on three nodes, none of its partitions led by the third: its death changes no leader. A new leader with
    /// too few replicas in sync cannot tell where a log ends that it had not been told of before (KIP-966), and answers
    /// no question about it.
    pub(crate) async fn create_led_by_others(&self, name: &str, config: &[(&str, &str)]) {
        let replicas: Vec<&[i32]> = (0..PARTITIONS)
            .map(|partition| [&[1, 2, 3], &[2, 1, 3]][partition as usize % 2].as_slice())
            .collect();
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        let names = [name.to_owned(), dead_letters(name)];
        let wanted: Vec<NewTopic<'_>> = names
            .iter()
            .map(|name| {
                let topic = NewTopic::new(name, PARTITIONS, TopicReplication::Variable(&replicas))
                    .set("message.timestamp.type", "LogAppendTime");
                config
                    .iter()
                    .fold(topic, |topic, (key, value)| topic.set(key, value))
            })
            .collect();
        for created in admin.create_topics(&wanted, &AdminOptions::new()).await.unwrap() {
            created.unwrap();
        }
    }

    /// What the cluster says about a topic.
    pub(crate) fn metadata(&self, topic: &str) -> Metadata {
        let client: BaseConsumer = self.client().create().unwrap();
        client
            .fetch_metadata(Some(topic), Duration::from_secs(20))
            .unwrap()
    }

    /// Settings for a client of the plain listeners.
    pub(crate) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.bootstrap())
            .set("enable.auto.commit", "false");
        config
    }

    /// A folder for a proof's files.
    pub(crate) fn folder(&self) -> PathBuf {
        self.run.join("ledgers")
    }
}

/// A registry that has the schema, for as long as this program runs.
fn registry() -> String {
    let (ready, is_ready) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let registry = EmbeddedRegistry::start(0).await.unwrap();
            let client = Client::new(&registry.url()).unwrap();
            client
                .register(SUBJECT, RawTelemetryTopic.schema(), &[])
                .await
                .unwrap();
            ready.send(registry.url()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    is_ready.recv().unwrap()
}

/// The broker of all proofs that are short; the watcher ends it.
pub(crate) fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED
        .get_or_init(|| Cluster::start(1, &format!("{SECURE}\nsuper.users=User:ANONYMOUS")))
        .as_ref()
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        // The next proof needs the machine for itself.
        let _ = self.watcher.wait();
    }
}

fn settings(command: &mut Command, run: &PathBuf, port: u16, nodes: usize, properties: &str) {
    command
        .current_dir(root())
        .env("STACK_RUN_DIR", run)
        .env("KAFKA_PORT", port.to_string())
        .env("KAFKA_NODES", nodes.to_string())
        .env("KAFKA_PROPS", properties)
        .env("KAFKA_SECURE", if properties.contains(SECURE) { "1" } else { "" });
}

/// A port with room behind it for three nodes, below those that outgoing connections get.
fn ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let begin = u16::try_from(std::process::id() % 90).unwrap() * 30;
    let mut bases = (0..90).map(|_| 29_500 + (begin + NEXT.fetch_add(30, Ordering::Relaxed)) % 2_700);
    bases.find(|base| (0..30).all(|i| free(base + i))).unwrap()
}
