//! `dev`.

use std::path::Path;

use fleetops_avro::SchemaSet;
use fleetops_codegen::load::load_roots;
use fleetops_codegen::manifest::{self, Manifest};
use fleetops_registry::dev::broker::{EmbeddedBroker, LIMITS};
use fleetops_registry::dev::registry::EmbeddedRegistry;
use fleetops_registry::dev::setup;
use fleetops_registry::kafka;
use fleetops_registry::registry::{Client, desired};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{CliError, Format, Global, Outcome, report};

const HELP: &str = "\
Examples:
  fleetops-registry dev
  fleetops-registry dev --registry-port 8081
  fleetops-registry dev --format json

With --format json one line tells the addresses, for scripts that start it and read it.";

/// Keep an embedded broker and registry up
///
/// Starts both servers on 127.0.0.1, registers the manifest's subjects, creates its topics, prints the addresses, and
/// stays until Ctrl-C. Nothing is kept afterwards.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// Port of the registry; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    registry_port: u16,
}

/// A runtime for a command that waits for servers.
pub(super) fn runtime() -> Result<Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::incomplete(format!("cannot start worker threads: {error}")))
}

/// Cancels the token at Ctrl-C or SIGTERM; at the second one, if `twice`, the program ends at once.
pub(super) fn cancel_on_signal(stop: CancellationToken, twice: bool) -> JoinHandle<()> {
    tokio::spawn(async move {
        signal().await;
        stop.cancel();
        if twice {
            signal().await;
            // What a shell expects of a program that an interrupt ended.
            std::process::exit(130);
        }
    })
}

async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let project = project(global)?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let _signals = cancel_on_signal(stop.clone(), true);
        let broker = EmbeddedBroker::start().map_err(|error| {
            CliError::incomplete(format!("the embedded broker cannot be started: {error}"))
        })?;
        let registry = EmbeddedRegistry::start(args.registry_port)
            .await
            .map_err(|error| {
                CliError::incomplete(format!(
                    "the embedded registry cannot listen on port {}: {error}",
                    args.registry_port
                ))
                .with_help("another port: --registry-port 0")
            })?;
        let up = Up::new(&broker, &registry, project.as_ref()).await?;
        global.result(&match format {
            Format::Json => up.json(),
            _ => up.text(),
        })?;
        stop.cancelled().await;
        global.say("ending");
        registry.stop().await;
        drop(broker);
        Ok(Outcome::Clean)
    })
}

/// The manifest and its schemas; `None` where there is no manifest and none was asked for.
fn project(global: &Global) -> Result<Option<(Manifest, SchemaSet)>, CliError> {
    if global.manifest.is_none() && global.schemas.is_empty() && !manifest_is_near() {
        return Ok(None);
    }
    let Some(manifest) = global.load_manifest()? else {
        return Err(CliError::usage(
            "`dev` takes topics and subjects from a manifest, and --schemas alone has none",
        )
        .with_help("add --manifest FILE, or leave --schemas out"));
    };
    let schemas = load_roots(&global.roots(Some(&manifest))).map_err(CliError::Unreadable)?;
    let found = manifest.check(&schemas);
    if manifest::has_errors(&found) {
        return Err(CliError::Unreadable(found));
    }
    report::warnings(global, &found);
    Ok(Some((manifest, schemas)))
}

fn manifest_is_near() -> bool {
    let here = std::env::current_dir().unwrap_or_default();
    here.ancestors()
        .any(|folder: &Path| folder.join(manifest::FILE_NAME).is_file())
}

/// Two servers that are up, and what they were given.
struct Up {
    bootstrap: String,
    registry: String,
    subjects: Vec<setup::RegisteredSubject>,
    topics: Vec<kafka::WantedTopic>,
}

impl Up {
    async fn new(
        broker: &EmbeddedBroker,
        registry: &EmbeddedRegistry,
        project: Option<&(Manifest, SchemaSet)>,
    ) -> Result<Self, CliError> {
        let mut up = Self {
            bootstrap: broker.bootstrap().to_owned(),
            registry: registry.url(),
            subjects: Vec::new(),
            topics: Vec::new(),
        };
        if let Some((manifest, schemas)) = project {
            let failed = |error: setup::SetupError| CliError::incomplete(error.to_string());
            let client =
                Client::new(&up.registry).map_err(|error| CliError::incomplete(error.to_string()))?;
            let wanted = desired(manifest, schemas).map_err(|error| CliError::usage(error.to_string()))?;
            up.subjects = setup::register_wanted(&client, wanted).await.map_err(failed)?;
            let wanted = kafka::wanted(manifest, manifest.environment("dev"));
            up.topics = setup::create_topics(broker, &wanted)
                .await
                .map_err(failed)?
                .creations()
                .cloned()
                .collect();
        }
        Ok(up)
    }

    fn json(&self) -> String {
        let subjects: Vec<_> = self
            .subjects
            .iter()
            .map(|s| serde_json::json!({"subject": s.name, "id": s.id}))
            .collect();
        let topics: Vec<_> = self
            .topics
            .iter()
            .map(|t| serde_json::json!({"topic": t.name, "partitions": t.partitions}))
            .collect();
        let up = serde_json::json!({
            "bootstrap": self.bootstrap,
            "registry": self.registry,
            "subjects": subjects,
            "topics": topics,
        });
        format!("{up}\n")
    }

    fn text(&self) -> String {
        let mut lines = vec![
            format!("Kafka     {}", self.bootstrap),
            format!("Registry  {}", self.registry),
            String::new(),
        ];
        if self.topics.is_empty() {
            lines.push(format!(
                "No {} here, so there are no topics and subjects yet.",
                manifest::FILE_NAME
            ));
        } else {
            let names = self
                .topics
                .iter()
                .map(|t| t.name.len())
                .chain(self.subjects.iter().map(|s| s.name.len()));
            let width = names.max().unwrap_or(0);
            lines.push("Topics".to_owned());
            for topic in &self.topics {
                lines.push(format!(
                    "  {:<width$}  {} partitions",
                    topic.name, topic.partitions
                ));
            }
            lines.push("Subjects".to_owned());
            for subject in &self.subjects {
                lines.push(format!("  {:<width$}  ID {}", subject.name, subject.id));
            }
        }
        let topic = self.topics.first().map_or("TOPIC", |topic| topic.name.as_str());
        lines.extend([
            String::new(),
            "For this project's commands and services, in another terminal:".to_owned(),
            format!(
                "  export KAFKA_BOOTSTRAP_SERVERS={} SCHEMA_REGISTRY_URL={}",
                self.bootstrap, self.registry
            ),
            "With other clients:".to_owned(),
            format!("  curl {}/subjects", self.registry),
            format!(
                "  kcat -b {} -t {topic} -C -s value=avro -r {}",
                self.bootstrap, self.registry
            ),
            String::new(),
            "What the embedded broker cannot do:".to_owned(),
        ]);
        lines.extend(LIMITS.iter().map(|limit| format!("  {limit}")));
        lines.push(
            "The registry knows no contexts, metadata, rule sets or normalisation; both keep nothing."
                .to_owned(),
        );
        lines.push(String::new());
        lines.push("Ctrl-C ends both.".to_owned());
        let mut text = lines.join("\n");
        text.push('\n');
        text
    }
}
