//! `produce`: reading ([`input`]), sending, and counting what became of it ([`tally`]).

mod input;
mod tally;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fleetops_registry::dynamic::DynamicTopic;
use fleetops_runtime::framing::Framing;
use fleetops_runtime::registry::SchemaSource;
use fleetops_runtime::{Producer, ProducerError, SendError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cli::lines::Lines;
use crate::cli::progress::{Progress, Shown};
use crate::cli::stream::{self, Servers};
use crate::cli::{CliError, Format, Global, Outcome};
use crate::demo::grouped;
use input::{At, Item};
use tally::{Tally, settle};

const HELP: &str = "\
Examples:
  fleetops-registry produce raw_telemetry recording.jsonl.gz
  zcat *.jsonl.gz | fleetops-registry produce raw_telemetry --skip-invalid
  fleetops-registry produce raw_telemetry archive.avro --after 20000

Each line is one event, in the JSON form that `consume` prints. An Avro object container file is known by its first bytes;
its values are resolved to the topic's schema. The schema must be registered; nothing is ever registered here. At a line
or value that is no event, or breaks a rule of its schema, reading stops: what was sent before is still acknowledged and
counted. Ctrl-C does the same.

Exit codes: 0 all events are acknowledged (or were duplicates), 1 some were skipped, 2 stopped at what is no event,
3 nothing was acknowledged, 4 some events were acknowledged and others were not.";

/// Events that are read ahead of the sending.
const READ_AHEAD: usize = 64;
/// Bytes that may be on their way to the brokers.
const IN_FLIGHT: usize = 16 * 1024 * 1024;
/// How long a record may wait for its acknowledgement, unless the environment says otherwise.
const MESSAGE_TIMEOUT: (&str, &str) = ("message.timeout.ms", "30000");
/// How long the end waits for acknowledgements: longer than any record may.
const CLOSING: Duration = Duration::from_secs(150);
/// Skipped events that are told one by one.
const TOLD: u64 = 20;

/// Send events from JSON lines or a container file, and tell what was acknowledged
///
/// Every event is validated before it is sent, stamped, keyed, framed with the ID of the registered schema, and counted
/// once the brokers have it. Works for any topic of the manifest.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// A topic of the manifest
    topic: String,

    /// JSON lines or an Avro object container file, gzipped or not; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,

    /// Leave out lines and values that are no valid event, tell them, and go on
    #[arg(long)]
    skip_invalid: bool,

    /// Begin after that line, or value of a container file: to go on where an earlier run ended
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,

    /// What stands before each value: the registry's ID of its schema, or Avro's fingerprint of it
    #[arg(long, value_enum, default_value_t)]
    framing: FramingName,
}

/// [`Framing`], as an argument.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum FramingName {
    /// Confluent's: a byte 0 and the ID, for clients of the registry
    #[default]
    Confluent,
    /// Avro's single-object encoding: C3 01 and the fingerprint
    SingleObject,
}

impl From<FramingName> for Framing {
    fn from(name: FramingName) -> Self {
        match name {
            FramingName::Confluent => Self::Confluent,
            FramingName::SingleObject => Self::SingleObject,
        }
    }
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let (manifest, schemas) = global.load_with_manifest("produce")?;
    let topic = stream::topic(&manifest, &schemas, &args.topic)?;
    let servers = Servers::new(global, &manifest)?;
    let source = servers.schemas()?;
    let runtime = crate::cli::dev::runtime()?;
    let lines =
        Lines::open(&args.file).map_err(|(name, error)| CliError::usage(format!("{name}: {error}")))?;
    let name = lines.name.clone();
    let is_file = lines.size.is_some();
    let stop = CancellationToken::new();
    let sending = Sending {
        topic,
        servers: &servers,
        global,
        args: &args,
    };
    let begin = Instant::now();
    let tally = runtime.block_on(async {
        let _signals = crate::cli::dev::cancel_on_signal(stop.clone(), true);
        sending.run(source, lines, stop).await
    });
    // The thread that reads may wait for a terminal.
    runtime.shutdown_background();
    let tally = tally?;
    global.result(&match format {
        Format::Json => tally.json(&args.topic),
        _ => tally.text(&args.topic, &name, begin.elapsed()),
    })?;
    tally.outcome(&name, is_file)
}

struct Sending<'a> {
    topic: DynamicTopic,
    servers: &'a Servers,
    global: &'a Global,
    args: &'a Args,
}

impl Sending<'_> {
    async fn run(
        &self,
        source: SchemaSource,
        lines: Lines,
        stop: CancellationToken,
    ) -> Result<Tally, CliError> {
        let asking = self.servers.asking(None)?;
        stream::ask_both(&asking, &source, &self.topic, true).await?;
        drop(asking);
        let mut builder = Producer::builder_for(self.topic.clone())
            .brokers(self.servers.bootstrap())
            .schema_source(source)
            .max_in_flight_bytes(IN_FLIGHT)
            .framing(self.args.framing.into())
            .set(MESSAGE_TIMEOUT.0, MESSAGE_TIMEOUT.1);
        for (key, value) in self.servers.settings() {
            builder = builder.set(key, value);
        }
        let producer = builder.build().await.map_err(|error| match error {
            ProducerError::Schema { source, .. } => stream::registry_error(&source),
            ProducerError::Connect { .. } => CliError::usage(error.to_string()),
            other => CliError::incomplete(other.to_string()),
        })?;

        let name = lines.name.clone();
        let acknowledged = Arc::new(AtomicU64::new(0));
        let (read_so_far, counted) = (Arc::clone(&lines.read), Arc::clone(&acknowledged));
        let progress = Progress::start(self.global, lines.size, move || Shown {
            position: read_so_far.load(Ordering::Relaxed),
            message: format!("{} acknowledged", grouped(counted.load(Ordering::Relaxed))),
        });
        let (items, mut received) = mpsc::channel(READ_AHEAD);
        let (topic, after) = (self.topic.clone(), self.args.after);
        std::thread::Builder::new()
            .name("reading".to_owned())
            .spawn(move || input::read(lines, &topic, after, &items))
            .map_err(|error| {
                CliError::incomplete(format!("the operating system gives no thread: {error}"))
            })?;

        let failed = CancellationToken::new();
        let (receipts, settling) = mpsc::channel(IN_FLIGHT / 512);
        let settled = tokio::spawn(settle(settling, failed.clone(), acknowledged));
        let mut tally = Tally::default();
        loop {
            let item = tokio::select! {
                biased;
                () = stop.cancelled() => { tally.interrupted = true; break }
                () = failed.cancelled() => break,
                item = received.recv() => item,
            };
            let (at, event) = match item {
                None => {
                    tally.complete = true;
                    break;
                }
                Some(Item::Event(at, event)) => (at, event),
                Some(Item::Bad(at, message)) if self.args.skip_invalid => {
                    Self::skip(&mut tally, &progress, &name, at, &message);
                    continue;
                }
                Some(Item::Bad(at, message)) => {
                    tally.bad = Some((at, message));
                    break;
                }
                Some(Item::Broken(at, message)) => {
                    tally.bad = Some((at, message));
                    tally.broken = true;
                    break;
                }
            };
            let handed = tokio::select! {
                biased;
                () = stop.cancelled() => { tally.interrupted = true; break }
                () = failed.cancelled() => break,
                handed = producer.enqueue(event) => handed,
            };
            match handed {
                Err(SendError::Invalid { errors, .. }) if self.args.skip_invalid => {
                    Self::skip(&mut tally, &progress, &name, at, &errors.to_string());
                }
                Err(SendError::Invalid { errors, .. }) => {
                    tally.bad = Some((at, errors.to_string()));
                    break;
                }
                handed => {
                    tally.last = at;
                    let _ = receipts.send((at, handed)).await;
                }
            }
        }
        drop(received);
        drop(receipts);
        // Failures are told by the receipts.
        let _ = producer.close(CLOSING).await;
        let sums = settled
            .await
            .map_err(|error| CliError::incomplete(format!("the counting ended unexpectedly: {error}")))?;
        drop(progress);
        Ok(Tally {
            acknowledged: sums.acknowledged,
            duplicates: sums.duplicates,
            undelivered: sums.undelivered,
            unsure: sums.unsure,
            first_undelivered: sums.first_undelivered,
            ..tally
        })
    }

    fn skip(tally: &mut Tally, progress: &Progress, name: &str, at: At, message: &str) {
        tally.skipped += 1;
        tally.last = at;
        if tally.skipped <= TOLD {
            progress.line(&format!("{name}{at}: {message}; skipped"));
        } else if tally.skipped == TOLD + 1 {
            progress.line("what is skipped from here on is only counted");
        }
    }
}
