//! `consume`: a topic's stages, and each event on standard output before it is settled.

mod output;

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use fleetops_avro::container::Codec;
use fleetops_avro::value::Value;
use fleetops_codegen::manifest::parse_duration;
use fleetops_registry::dynamic::DynamicTopic;
use fleetops_runtime::consumer::{ConsumerCounts, Delivery, StartAt};
use fleetops_runtime::observe::serve_prometheus;
use fleetops_runtime::registry::SchemaSource;
use fleetops_runtime::topic::{DedupSpec, Topic as _};
use fleetops_runtime::{Consumer, ConsumerError};
use tokio_util::sync::CancellationToken;

use crate::cli::place::Place;
use crate::cli::progress::{Progress, Rate, Shown};
use crate::cli::stream::{self, Asking, Servers};
use crate::cli::{CliError, Format, Global, Outcome, report};
use crate::demo::grouped;
use output::Output;

const HELP: &str = "\
Examples:
  fleetops-registry consume raw_telemetry --until-end | jq .vehicle_id
  fleetops-registry consume raw_telemetry --group anomaly-service-group
  fleetops-registry consume anomalies --from 2024-05-01T08:00:00Z --max 10
  fleetops-registry consume raw_telemetry --until-end --container=zstandard > archive.avro

With --group the events of its partitions are committed once they are written; --from counts where the group has committed
nothing yet. Without one everything is read, nothing is committed, and no dead letters are written. Values in Confluent's
framing and in Avro's single-object encoding are read alike. A container file is one run's: a second run's output behind
it makes a file that readers refuse. It has no place for tombstones, which are counted and left out.";

/// How long to wait for anything to arrive before asking whether the servers are there: with --until-end, and without.
const SILENCE: (Duration, Duration) = (Duration::from_secs(8), Duration::from_secs(30));
/// How long the end waits for the last commit.
const CLOSING: Duration = Duration::from_secs(10);

/// Print a topic's events as JSON lines, or as a container file
///
/// Runs the topic's stages (dedup, order) and prints one event a line on standard output, counts on standard error. An
/// event is settled once it is written and flushed. Works for any topic of the manifest.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// A topic of the manifest
    topic: String,

    /// The consumer group to read as a member of, and to commit for
    #[arg(long, value_name = "NAME")]
    group: Option<String>,

    /// Where to start: earliest, latest, a time (RFC 3339, or a date in UTC), or an offset of every partition
    #[arg(long, value_name = "WHERE", default_value = "earliest", value_parser = Place::parse)]
    from: Place,

    /// End where the log ended at the start
    #[arg(long)]
    until_end: bool,

    /// End after so many events
    #[arg(long, value_name = "N")]
    max: Option<u64>,

    /// Print duplicates too
    #[arg(long, conflicts_with = "ttl")]
    no_dedup: bool,

    /// Print events in the order of the log
    #[arg(long, conflicts_with = "hold")]
    no_reorder: bool,

    /// Another time within which an event is a duplicate, such as 5m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    ttl: Option<Duration>,

    /// Another time that an event waits for the ones before it, such as 2s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    hold: Option<Duration>,

    /// Stop at an event that cannot be handled, instead of writing a dead letter
    #[arg(long)]
    no_dead_letter: bool,

    /// Write an Avro object container file instead of JSON lines, its blocks compressed with that codec
    #[arg(long, value_name = "CODEC", num_args = 0..=1, require_equals = true, default_missing_value = "deflate", value_parser = codecs())]
    container: Option<Codec>,

    /// Answer Prometheus' scrapes at this address, such as 127.0.0.1:9464
    #[arg(long, value_name = "HOST:PORT")]
    metrics: Option<SocketAddr>,
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

/// The codecs that are built in, by name.
fn codecs() -> impl TypedValueParser<Value = Codec> {
    PossibleValuesParser::new(Codec::ALL.iter().map(|codec| codec.name()))
        .map(|name| Codec::of_name(&name).unwrap_or_default())
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    if args.container.is_some() && std::io::stdout().is_terminal() {
        return Err(
            CliError::usage("a container file is binary, and standard output is a terminal")
                .with_help("send it to a file: add > events.avro"),
        );
    }
    let format = global.format(&[Format::Text, Format::Json])?;
    let (manifest, schemas) = global.load_with_manifest("consume")?;
    let topic = stream::topic(&manifest, &schemas, &args.topic)?;
    let servers = Servers::new(global, &manifest)?;
    let runtime = crate::cli::dev::runtime()?;
    let stop = CancellationToken::new();
    let begin = Instant::now();
    let (counts, end) = runtime.block_on(async {
        let _signals = crate::cli::dev::cancel_on_signal(stop.clone(), true);
        if let Some(address) = args.metrics {
            serve_prometheus(address).map_err(|error| {
                CliError::usage(error.to_string()).with_help("choose another address with --metrics")
            })?;
            global.detail(&format!("metrics: http://{address}/metrics"));
        }
        consume(&args, global, topic, &servers, stop).await
    })?;
    runtime.shutdown_background();
    if !global.quiet {
        report::line(&match format {
            Format::Json => json(&args.topic, counts.0, &counts.1),
            _ => text(&args.topic, counts.0, &counts.1, begin.elapsed()),
        });
    }
    end.map(|()| Outcome::Clean)
}

/// How many lines were written, and what the consumer counted.
type Counts = (u64, ConsumerCounts);

async fn consume(
    args: &Args,
    global: &Global,
    topic: DynamicTopic,
    servers: &Servers,
    stop: CancellationToken,
) -> Result<(Counts, Result<(), CliError>), CliError> {
    let source = servers.schemas()?;
    let asking = servers.asking(None)?;
    stream::ask_both(&asking, &source, &topic, false).await?;
    let spec = topic.spec().clone();
    let group = match &args.group {
        Some(group) => group.clone(),
        None => format!("fleetops-registry-consume-{}", uuid::Uuid::new_v4()),
    };
    let mut builder = Consumer::builder_for(topic.clone())
        .brokers(servers.bootstrap())
        .schema_source(source.clone())
        .group(group)
        .observer(args.group.is_none())
        .until_end(args.until_end)
        .shutdown(stop);
    for (key, value) in servers.settings().filter(|(key, _)| *key != "group.id") {
        builder = builder.set(key, value);
    }
    builder = match args.from {
        Place::Earliest => builder.set("auto.offset.reset", "earliest"),
        Place::Latest => builder.set("auto.offset.reset", "latest"),
        Place::Time(time) => builder.start_at(StartAt::Time(time)),
        Place::Offset(offset) => builder.start_at(StartAt::Offset(offset)),
    };
    if args.no_dedup {
        builder = builder.dedup(None);
    }
    if let Some(ttl) = args.ttl {
        builder = builder.dedup(DedupSpec { ttl });
    }
    if args.no_reorder {
        builder = builder.reorder(None);
    } else if let (Some(hold), Some(reorder)) = (args.hold, spec.reorder) {
        builder = builder.reorder(fleetops_runtime::topic::ReorderSpec { hold, ..reorder });
    }
    if args.no_dead_letter {
        builder = builder.dead_letter(None::<String>);
    }
    let mut consumer = builder.build().await.map_err(failed)?;
    let output = match args.container {
        Some(codec) => Output::container(&topic, codec).map_err(CliError::incomplete)?,
        None => Output::lines(),
    };
    let mut printing = Printing {
        topic: &topic,
        output,
        max: args.max,
        written: 0,
    };
    let figures = consumer.figures();
    let name = args.topic.clone();
    let mut rate = Rate::default();
    let began = Instant::now();
    let progress = Progress::start(global, None, move || {
        let counts = figures.get();
        let rate = rate.at(began.elapsed(), counts.received);
        Shown {
            position: counts.handled,
            message: status(&name, &counts, rate),
        }
    });
    let mut watch = Watch {
        asking,
        source,
        global,
        progress: &progress,
        until_end: args.until_end,
        missed: false,
    };
    let ended = printing.run(&mut consumer, &mut watch).await;
    let closed = consumer.close(CLOSING).await;
    drop(progress);
    let counts = consumer.counts();
    let end = ended.and(closed.map(|_| ()).map_err(failed));
    Ok(((printing.written, counts), end))
}

struct Printing<'a> {
    topic: &'a DynamicTopic,
    output: Output,
    max: Option<u64>,
    written: u64,
}

impl Printing<'_> {
    /// Prints until the stream ends. Events are written and flushed together as long as there are more, then settled.
    async fn run(
        &mut self,
        consumer: &mut Consumer<DynamicTopic>,
        watch: &mut Watch<'_>,
    ) -> Result<(), CliError> {
        let topic = self.topic;
        let mut batch: Vec<Delivery<Value>> = Vec::new();
        // Beyond half of what may be in flight a batch is written, so that the stages go on meanwhile.
        const BATCH: usize = 50;
        // A container file's header, without which a file without events would be none.
        self.write(watch)?;
        loop {
            let left = self.max.map_or(u64::MAX, |max| max.saturating_sub(self.written));
            if left == 0 {
                return Ok(());
            }
            let mut next = loop {
                tokio::select! {
                    biased;
                    next = consumer.recv() => break next,
                    answer = watch.silence(topic) => watch.heard(answer)?,
                }
            };
            let mut error = None;
            let mut ended = false;
            loop {
                match next {
                    None => ended = true,
                    Some(Err(e)) => error = Some(failed(e)),
                    Some(Ok(delivery)) => match self.output.add(topic, delivery.event()) {
                        Ok(()) => batch.push(delivery),
                        Err(why) => {
                            error = Some(CliError::incomplete(format!(
                                "topic {}, partition {}, offset {}: {why}",
                                delivery.topic(),
                                delivery.partition(),
                                delivery.offset()
                            )));
                        }
                    },
                }
                let full = batch.len() >= BATCH || batch.len() as u64 >= left;
                if ended || error.is_some() || full {
                    break;
                }
                next = tokio::select! {
                    biased;
                    next = consumer.recv() => next,
                    () = std::future::ready(()) => break,
                };
            }
            if !batch.is_empty() {
                self.write(watch)?;
                self.written += batch
                    .iter()
                    .filter(|delivery| self.output.holds(delivery.event()))
                    .count() as u64;
                batch.drain(..).for_each(Delivery::settle);
            }
            match (error, ended) {
                (Some(error), _) => return Err(error),
                (None, true) => return Ok(()),
                _ => {}
            }
        }
    }

    /// Writes what was added, and flushes it.
    fn write(&mut self, watch: &Watch<'_>) -> Result<(), CliError> {
        let bytes = self.output.take().map_err(CliError::incomplete)?;
        let write = || {
            let mut out = std::io::stdout().lock();
            out.write_all(&bytes).and_then(|()| out.flush())
        };
        watch.progress.aside(write).map_err(CliError::stdout)
    }
}

/// Where nothing comes for a while: is it because a server is not there?
struct Watch<'a> {
    asking: Asking,
    source: SchemaSource,
    global: &'a Global,
    progress: &'a Progress,
    until_end: bool,
    /// That one is missed has been told.
    missed: bool,
}

impl Watch<'_> {
    /// Asks after a while of silence.
    async fn silence(&self, topic: &DynamicTopic) -> Result<(), CliError> {
        let (short, long) = SILENCE;
        tokio::time::sleep(if self.until_end { short } else { long }).await;
        stream::ask_both(&self.asking, &self.source, topic, false).await
    }

    /// An end that cannot be reached is an error. Without one it goes on once the server is back, and is only told.
    fn heard(&mut self, answer: Result<(), CliError>) -> Result<(), CliError> {
        match answer {
            Err(error) if self.until_end => return Err(error),
            Err(error) if !self.missed => {
                self.say(&format!("note: nothing comes: {error}"));
                self.missed = true;
            }
            Ok(()) if self.missed => {
                self.say("note: the servers answer again");
                self.missed = false;
            }
            _ => {}
        }
        Ok(())
    }

    fn say(&self, line: &str) {
        if !self.global.quiet {
            self.progress.line(line);
        }
    }
}

/// How far it is, how fast it goes, what is left, and what waits or was refused.
fn status(topic: &str, counts: &ConsumerCounts, rate: f64) -> String {
    let assigned = counts
        .partitions
        .values()
        .filter(|partition| partition.assigned)
        .count();
    if assigned == 0 {
        return format!("{topic}: waiting for partitions");
    }
    let mut parts = vec![
        format!("{} handled", grouped(counts.handled)),
        format!("{}/s", grouped(rate.round() as u64)),
        format!("lag {} in {assigned} partitions", grouped(counts.lag())),
    ];
    for (count, word) in [
        (counts.waiting, "waiting"),
        (counts.duplicates + counts.frame_duplicates, "duplicates"),
        (
            counts.late + counts.too_old + counts.conflicts + counts.jumps,
            "refused",
        ),
        (counts.poison, "poison"),
        (counts.dead_lettered, "dead letters"),
    ] {
        if count > 0 {
            parts.push(format!("{} {word}", grouped(count)));
        }
    }
    format!("{topic}: {}", parts.join(", "))
}

fn failed(error: ConsumerError) -> CliError {
    match error {
        ConsumerError::Configuration { .. } | ConsumerError::Connect { .. } => {
            CliError::usage(error.to_string())
        }
        other => CliError::incomplete(other.to_string()),
    }
}

/// The figures that are not nothing, in words.
fn figures(counts: &ConsumerCounts) -> Vec<(&'static str, u64)> {
    let mut figures = vec![("received", counts.received)];
    figures.extend(
        [
            ("duplicates", counts.duplicates),
            ("frame duplicates", counts.frame_duplicates),
            ("conflicts", counts.conflicts),
            ("late", counts.late),
            ("too old", counts.too_old),
            ("jumps", counts.jumps),
            ("gaps", counts.gaps),
            ("reordered", counts.reordered),
            ("poison", counts.poison),
            ("tombstones", counts.tombstones),
            ("dead letters", counts.dead_lettered),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0),
    );
    figures
}

fn text(topic: &str, written: u64, counts: &ConsumerCounts, took: Duration) -> String {
    let parts: Vec<String> = figures(counts)
        .iter()
        .map(|(word, count)| format!("{} {word}", grouped(*count)))
        .collect();
    format!(
        "{topic}: {} events in {:.1} s; {}",
        grouped(written),
        took.as_secs_f64(),
        parts.join(", ")
    )
}

fn json(topic: &str, written: u64, counts: &ConsumerCounts) -> String {
    serde_json::json!({
        "topic": topic,
        "written": written,
        "received": counts.received,
        "duplicates": counts.duplicates,
        "frame_duplicates": counts.frame_duplicates,
        "conflicts": counts.conflicts,
        "late": counts.late,
        "too_old": counts.too_old,
        "jumps": counts.jumps,
        "gaps": counts.gaps,
        "reordered": counts.reordered,
        "poison": counts.poison,
        "dead_lettered": counts.dead_lettered,
        "handled": counts.handled,
    })
    .to_string()
}
