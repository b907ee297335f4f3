//! `produce`.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fleetops_avro::value::Value;
use fleetops_registry::dynamic::DynamicTopic;
use fleetops_runtime::registry::SchemaSource;
use fleetops_runtime::{Outcome as Sent, Producer, ProducerError, Receipt, SendError};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::lines::Lines;
use super::progress::{Progress, Shown};
use super::stream::{self, Servers};
use super::{CliError, Format, Global, Outcome};
use crate::demo::grouped;

const HELP: &str = "\
Examples:
  fleetops-registry produce raw_telemetry recording.jsonl.gz
  zcat *.jsonl.gz | fleetops-registry produce raw_telemetry --skip-invalid

Each line is one event, in the JSON form that `consume` prints. The schema must be registered; nothing is ever
registered here. At a line that is no event, or breaks a rule of its schema, reading stops: what was sent before is
still acknowledged and counted. Ctrl-C does the same.

Exit codes: 0 all lines are acknowledged (or were duplicates), 1 lines were skipped, 2 stopped at a line that is no event,
3 nothing was acknowledged, 4 some lines were acknowledged and others were not.";

/// Lines that are read ahead of the sending.
const READ_AHEAD: usize = 64;
/// Bytes that may be on their way to the brokers.
const IN_FLIGHT: usize = 16 * 1024 * 1024;
/// How long a record may wait for its acknowledgement, unless the environment says otherwise.
const MESSAGE_TIMEOUT: (&str, &str) = ("message.timeout.ms", "30000");
/// How long the end waits for acknowledgements: longer than any record may.
const CLOSING: Duration = Duration::from_secs(150);
/// Skipped lines that are told one by one.
const TOLD: u64 = 20;

/// Send events from JSON lines, and tell what was acknowledged
///
/// Every event is validated before it is sent, stamped, keyed, framed with the ID of the registered schema, and counted
/// once the brokers have it. Works for any topic of the manifest.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// A topic of the manifest
    topic: String,

    /// Events as JSON lines, gzipped or not; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,

    /// Leave out lines that are no valid event, tell them, and go on
    #[arg(long)]
    skip_invalid: bool,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let (manifest, schemas) = global.load_with_manifest("produce")?;
    let topic = stream::topic(&manifest, &schemas, &args.topic)?;
    let servers = Servers::new(global, &manifest)?;
    let source = servers.schemas()?;
    let runtime = super::dev::runtime()?;
    let lines =
        Lines::open(&args.file).map_err(|(name, error)| CliError::usage(format!("{name}: {error}")))?;
    let name = lines.name.clone();
    let is_file = lines.size.is_some();
    let stop = CancellationToken::new();
    let sending = Sending {
        topic,
        servers: &servers,
        global,
        skip_invalid: args.skip_invalid,
    };
    let begin = Instant::now();
    let tally = runtime.block_on(async {
        let _signals = super::dev::cancel_on_signal(stop.clone(), true);
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

/// What the thread that reads hands on.
enum Item {
    Event(u64, Value),
    /// A line that is no event.
    Bad(At, String),
    /// The input cannot be read on.
    Broken(At, String),
}

/// A place in the input.
#[derive(Clone, Copy, Debug)]
struct At {
    line: u64,
    /// In bytes from 1, where it is known.
    column: Option<usize>,
}

impl At {
    fn line(line: u64) -> Self {
        Self { line, column: None }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "{}:{column}", self.line),
            None => write!(f, "{}", self.line),
        }
    }
}

/// What became of the lines.
#[derive(Debug, Default)]
struct Tally {
    acknowledged: u64,
    duplicates: u64,
    undelivered: u64,
    /// Of these, how many may be in the log all the same.
    unsure: u64,
    /// The first of them.
    first_undelivered: Option<(At, String)>,
    skipped: u64,
    /// What ended the reading before the end of the input.
    bad: Option<(At, String)>,
    interrupted: bool,
    /// The last line that was handed to the producer.
    last_line: u64,
    /// The whole input was handed to the producer.
    complete: bool,
}

struct Sending<'a> {
    topic: DynamicTopic,
    servers: &'a Servers,
    global: &'a Global,
    skip_invalid: bool,
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
        let topic = self.topic.clone();
        std::thread::Builder::new()
            .name("reading".to_owned())
            .spawn(move || read(lines, &topic, &items))
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
            let (line, event) = match item {
                None => {
                    tally.complete = true;
                    break;
                }
                Some(Item::Event(line, event)) => (line, event),
                Some(Item::Bad(at, message)) if self.skip_invalid => {
                    Self::skip(&mut tally, &progress, &name, at, &message);
                    continue;
                }
                Some(Item::Bad(at, message) | Item::Broken(at, message)) => {
                    tally.bad = Some((at, message));
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
                Err(SendError::Invalid { errors, .. }) if self.skip_invalid => {
                    Self::skip(&mut tally, &progress, &name, At::line(line), &errors.to_string());
                }
                Err(SendError::Invalid { errors, .. }) => {
                    tally.bad = Some((At::line(line), errors.to_string()));
                    break;
                }
                handed => {
                    tally.last_line = line;
                    let _ = receipts.send((line, handed)).await;
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
        tally.last_line = at.line;
        if tally.skipped <= TOLD {
            progress.line(&format!("{name}:{at}: {message}; skipped"));
        } else if tally.skipped == TOLD + 1 {
            progress.line("further lines that are skipped are only counted");
        }
    }
}

/// Reads and parses until there is nothing more, or nobody takes it.
fn read(mut lines: Lines, topic: &DynamicTopic, items: &mpsc::Sender<Item>) {
    let mut text = Vec::new();
    loop {
        let item = match lines.next(&mut text) {
            Ok(None) => return,
            Ok(Some(number)) => match topic.from_json(&text) {
                Ok(event) => Item::Event(number, event),
                Err(error) => Item::Bad(
                    At {
                        line: number,
                        column: error.column,
                    },
                    error.to_string(),
                ),
            },
            Err((number, error)) => Item::Broken(At::line(number), error.to_string()),
        };
        let last = matches!(item, Item::Broken(..));
        if items.blocking_send(item).is_err() || last {
            return;
        }
    }
}

/// Counts what becomes of the events, in the order of lines.
async fn settle(
    mut receipts: mpsc::Receiver<(u64, Result<Receipt, SendError>)>,
    failed: CancellationToken,
    acknowledged: Arc<AtomicU64>,
) -> Tally {
    let mut tally = Tally::default();
    while let Some((line, handed)) = receipts.recv().await {
        let outcome = match handed {
            Ok(receipt) => receipt.await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(Sent::Duplicate) => tally.duplicates += 1,
            Ok(_) => {
                tally.acknowledged += 1;
                acknowledged.store(tally.acknowledged, Ordering::Relaxed);
            }
            Err(error) => {
                tally.undelivered += 1;
                tally.unsure += u64::from(error.may_be_written());
                if tally.first_undelivered.is_none() {
                    tally.first_undelivered = Some((At::line(line), error.to_string()));
                    failed.cancel();
                }
            }
        }
    }
    tally
}

impl Tally {
    fn json(&self, topic: &str) -> String {
        let place = |found: &Option<(At, String)>| {
            found.as_ref().map(|(at, message)| {
                let mut object = serde_json::json!({"line": at.line, "message": message});
                if let Some(column) = at.column {
                    object["column"] = column.into();
                }
                object
            })
        };
        let object = serde_json::json!({
            "topic": topic,
            "acknowledged": self.acknowledged,
            "duplicates": self.duplicates,
            "failed": self.undelivered,
            "failed_but_may_be_written": self.unsure,
            "first_failed": place(&self.first_undelivered),
            "skipped": self.skipped,
            "stopped_at": place(&self.bad),
            "interrupted": self.interrupted,
            "complete": self.complete,
            "last_line": self.last_line,
        });
        format!("{object}\n")
    }

    fn text(&self, topic: &str, name: &str, took: Duration) -> String {
        let seconds = took.as_secs_f64();
        let mut parts = vec![format!("{} acknowledged", grouped(self.acknowledged))];
        for (count, word) in [
            (self.duplicates, "duplicates not sent again"),
            (self.skipped, "skipped"),
            (self.undelivered, "not delivered"),
        ] {
            if count > 0 {
                parts.push(format!("{} {word}", grouped(count)));
            }
        }
        let rate = match (self.acknowledged as f64 / seconds.max(0.001)) as u64 {
            0 => String::new(),
            rate => format!(" ({} a second)", grouped(rate)),
        };
        let mut text = format!("{topic}: {} in {seconds:.1} s{rate}\n", parts.join(", "));
        if !self.complete {
            text.push_str(&format!(
                "Nothing of {name} was sent after line {}.\n",
                self.last_line
            ));
        }
        text
    }

    /// How the command ends. What was done has been told.
    fn outcome(&self, name: &str, is_file: bool) -> Result<Outcome, CliError> {
        if let Some((At { line, .. }, reason)) = &self.first_undelivered {
            let unsure = match self.unsure {
                0 => String::new(),
                some => format!(
                    "; {} of them may have been written all the same, without an acknowledgement",
                    grouped(some)
                ),
            };
            let message = format!(
                "{} events were not delivered, the first is {name}:{line}: {reason}{unsure}",
                grouped(self.undelivered)
            );
            let help = format!("once that is mended, send the lines from {line} on again");
            return Err(match self.acknowledged {
                0 => CliError::incomplete(message),
                _ => CliError::partial(message),
            }
            .with_help(help));
        }
        if let Some((at, message)) = &self.bad {
            return Err(CliError::usage(format!("{name}:{at}: {message}")).with_help(format!(
                "correct the line, and send the lines from {} on; or leave such lines out with --skip-invalid",
                at.line
            )));
        }
        // A pipe that is followed has no other end than Ctrl-C; a file has.
        if self.interrupted && is_file {
            let message = format!("interrupted after line {} of {name}", self.last_line);
            return Err(match self.acknowledged {
                0 => CliError::incomplete(message),
                _ => CliError::partial(message),
            });
        }
        Ok(match self.skipped {
            0 => Outcome::Clean,
            _ => Outcome::Findings,
        })
    }
}
