//! `dead-letters`: what could not be handled, by reason, and sending it again.
//!
//! Reading, choosing and sending are [`fleetops_registry::dead_letters`]'s; here are the arguments, the question, and the
//! words.

mod replay;
mod show;

use std::collections::BTreeMap;
use std::ops::{ControlFlow, RangeInclusive};

use clap::Subcommand;
use fleetops_codegen::manifest::Manifest;
use fleetops_registry::dead_letters::choose::parse_range;
use fleetops_registry::dead_letters::read::{Bounds, ReadError, Reader};
use fleetops_registry::dead_letters::{Choice, DeadLetter};
use fleetops_runtime::chrono::{DateTime, Utc};
use fleetops_runtime::dead_letter::Reason;
use rdkafka::ClientConfig;
use rdkafka::consumer::Consumer as _;

use super::confirm::Paint;
use super::place;
use super::stream::{self, PATIENCE, Servers};
use super::{CliError, Format, Global, Outcome};

const HELP: &str = "\
Examples:
  fleetops-registry dead-letters list raw_telemetry
  fleetops-registry dead-letters list raw_telemetry --reason Late --format json
  fleetops-registry dead-letters replay raw_telemetry --reason HandlerFailed --dry-run
  fleetops-registry dead-letters replay raw_telemetry --partition 3 --offset 41..99 --yes

Letters stay in their topic until its retention ends, also those that were sent again.";

const REPLAY_HELP: &str = "\
Examples:
  fleetops-registry dead-letters replay raw_telemetry --reason HandlerFailed --dry-run
  fleetops-registry dead-letters replay raw_telemetry --key vehicle-7 --since 2024-05-01T08:00:00Z
  fleetops-registry dead-letters replay raw_telemetry --partition 3 --offset 41..99 --yes

A record that is sent again is what it was, with the header dead-letter-replay. Consumers give it to their handler past
dedup and reorder: it comes out of order, and each time it is sent. If it cannot be handled again, it is a new letter.

Exit codes: 0 all are acknowledged, 3 none was, 4 some were and others not.";

/// List records that could not be handled, by reason, or send them again
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show a topic's dead letters by reason; with --format json all of them, one object each
    List {
        #[command(flatten)]
        chosen: Chosen,

        /// Show so many letters of each reason
        #[arg(long, value_name = "N", default_value_t = 10)]
        limit: usize,
    },
    /// Send dead letters to the topic again that their records were read from
    #[command(after_help = REPLAY_HELP)]
    Replay {
        #[command(flatten)]
        chosen: Chosen,

        /// Only say what would be sent
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,

        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Which letters.
#[derive(Debug, clap::Args)]
struct Chosen {
    /// A topic of the manifest that has a dead-letter topic, or that dead-letter topic
    topic: String,

    /// Only letters of this reason; may be repeated
    #[arg(long = "reason", value_name = "REASON", value_parser = reason)]
    reasons: Vec<String>,

    /// Only letters in this partition of the dead-letter topic; may be repeated
    #[arg(long = "partition", value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partitions: Vec<i32>,

    /// Only letters at these offsets of the dead-letter topic: 41, 41..99, 41.. or ..99
    #[arg(long = "offset", value_name = "RANGE", value_parser = parse_range)]
    offsets: Option<RangeInclusive<i64>>,

    /// Only records read from this partition of the topic; may be repeated
    #[arg(long = "source-partition", value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    source_partitions: Vec<i32>,

    /// Only records read from these offsets of the topic
    #[arg(long = "source-offset", value_name = "RANGE", value_parser = parse_range)]
    source_offsets: Option<RangeInclusive<i64>>,

    /// Only records with this key; may be repeated
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,

    /// Only letters written at this time (RFC 3339, or a date in UTC) or later
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<DateTime<Utc>>,

    /// Only letters written before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<DateTime<Utc>>,
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    place::time(text).ok_or_else(|| "it is a time such as 2024-05-01T08:00:00Z, or a date".to_owned())
}

fn reason(text: &str) -> Result<String, String> {
    let known = Reason::ALL.into_iter().map(Reason::as_str);
    match known.clone().find(|known| known.eq_ignore_ascii_case(text)) {
        Some(known) => Ok(known.to_owned()),
        None => Err(format!("it is one of {}", known.collect::<Vec<_>>().join(", "))),
    }
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let Some(manifest) = global.read()?.manifest else {
        return Err(
            CliError::usage("`dead-letters` needs a manifest, and --schemas alone reads none")
                .with_help("add --manifest FILE"),
        );
    };
    let (Command::List { chosen, .. } | Command::Replay { chosen, .. }) = &args.command;
    let there = There::new(global, &manifest, chosen)?;
    match args.command {
        Command::List { limit, .. } => there.list(global, format, limit),
        Command::Replay { dry_run, yes, .. } => there.replay(global, format, dry_run, yes),
    }
}

/// A dead-letter topic as it stands, and which of its letters are meant.
struct There {
    topic: String,
    dead_letter_topic: String,
    /// Partitions of the topic.
    source_partitions: usize,
    place: String,
    config: ClientConfig,
    bounds: Vec<Bounds>,
    choice: Choice,
}

impl There {
    fn new(global: &Global, manifest: &Manifest, chosen: &Chosen) -> Result<Self, CliError> {
        let (topic, dead_letter_topic) = names(manifest, &chosen.topic)?;
        let choice = Choice {
            reasons: chosen.reasons.clone(),
            partitions: chosen.partitions.clone(),
            offsets: chosen.offsets.clone(),
            source_partitions: chosen.source_partitions.clone(),
            source_offsets: chosen.source_offsets.clone(),
            keys: chosen.keys.clone(),
            since_ms: chosen.since.map(|time| time.timestamp_millis()),
            until_ms: chosen.until.map(|time| time.timestamp_millis()),
        };
        let servers = Servers::new(global, manifest)?;
        let asking = servers.asking(None)?;
        let there = asking.partitions(&dead_letter_topic)?;
        if let Some(missing) = choice.partitions.iter().find(|number| !there.contains(number)) {
            return Err(
                CliError::usage(format!("topic {dead_letter_topic} has no partition {missing}")).with_help(
                    format!(
                        "it has {}; --source-partition is about partitions of {topic}",
                        show::count(there.len() as u64, "partition")
                    ),
                ),
            );
        }
        let mut bounds = Vec::with_capacity(there.len());
        for partition in there {
            if choice.leaves_out(partition) {
                continue;
            }
            let found = asking
                .client
                .fetch_watermarks(&dead_letter_topic, partition, PATIENCE);
            let (low, high) = found.map_err(|error| asking.failed(&error))?;
            bounds.push(Bounds {
                partition,
                // What is left out by its offset need not be read.
                low: choice
                    .offsets
                    .as_ref()
                    .map_or(low, |range| low.max(*range.start())),
                high: choice
                    .offsets
                    .as_ref()
                    .map_or(high, |range| high.min(range.end().saturating_add(1))),
            });
        }
        let source_partitions = asking.partitions(&topic)?.len();
        let mut config = ClientConfig::new();
        for (key, value) in servers.settings() {
            config.set(key, value);
        }
        config.set("bootstrap.servers", servers.bootstrap());
        Ok(Self {
            place: format!("{} ({})", servers.bootstrap(), global.env),
            topic,
            dead_letter_topic,
            source_partitions,
            config,
            bounds,
            choice,
        })
    }

    /// Calls `each` with every letter that is meant. Letters of other topics' records are passed over: dead-letter topics
    /// can be shared.
    fn each<B>(&self, mut each: impl FnMut(DeadLetter) -> ControlFlow<B>) -> Result<Option<B>, CliError> {
        let reader =
            Reader::new(&self.config, &self.dead_letter_topic).map_err(|error| read_failed(&error))?;
        let meant = |letter: &DeadLetter| {
            letter
                .origin
                .as_ref()
                .is_none_or(|origin| origin.topic == self.topic)
                && self.choice.takes(letter)
        };
        reader
            .each(&self.bounds, |letter| match meant(&letter) {
                true => each(letter),
                false => ControlFlow::Continue(()),
            })
            .map_err(|error| read_failed(&error))
    }

    fn list(&self, global: &Global, format: Format, limit: usize) -> Result<Outcome, CliError> {
        let mut found = Found::default();
        let written = self.each(|letter| {
            let result = match format {
                Format::Json => global.result(&show::json(&letter)),
                _ => Ok(()),
            };
            found.add(letter, limit);
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        })?;
        if let Some(error) = written {
            return Err(error);
        }
        if format == Format::Text {
            global.result(&show::text(&found, Paint(global.color_stdout())))?;
        }
        global.say(&format!(
            "{} on {}: {} of {}",
            self.dead_letter_topic,
            self.place,
            show::count(found.letters(), "dead letter"),
            self.topic
        ));
        Ok(Outcome::Clean)
    }
}

fn read_failed(error: &ReadError) -> CliError {
    let told = CliError::incomplete(error.to_string());
    match error {
        ReadError::Partition { .. } => {
            told.with_help("the principal needs an ACL to READ the dead-letter topic")
        }
        _ => told,
    }
}

/// The topic and its dead-letter topic, by the name of either.
fn names(manifest: &Manifest, name: &str) -> Result<(String, String), CliError> {
    if let Some(topic) = manifest.topic(name) {
        return match &topic.dead_letter {
            Some(dead_letter) => Ok((name.to_owned(), dead_letter.value.clone())),
            None => Err(CliError::usage(format!(
                "topic {name} declares no dead-letter topic: its consumers stop at what they cannot handle"
            ))
            .with_help(format!("add `dead-letter` to [topics.{name}]"))),
        };
    }
    let sources: Vec<&str> = manifest
        .topics
        .iter()
        .filter(|topic| topic.dead_letter.as_ref().is_some_and(|of| of.value == name))
        .map(|topic| topic.name.value.as_str())
        .collect();
    match sources.as_slice() {
        [] => Err(stream::unknown_topic(manifest, name)),
        [one] => Ok(((*one).to_owned(), name.to_owned())),
        more => Err(
            CliError::usage(format!("{name} is the dead-letter topic of {}", more.join(", ")))
                .with_help("name the one whose records are meant"),
        ),
    }
}

/// Letters of one reason.
#[derive(Debug, Default)]
struct Group {
    count: u64,
    first_ms: Option<i64>,
    last_ms: Option<i64>,
    /// The first of them.
    shown: Vec<DeadLetter>,
}

/// What was found, by reason. Memory is bounded by the reasons and how many letters of each are shown.
#[derive(Debug, Default)]
struct Found {
    groups: BTreeMap<Option<String>, Group>,
}

/// Reasons that are no ones of ours and have a line of their own: a topic full of foreign records must not fill the memory.
const FOREIGN: usize = 100;

impl Found {
    fn add(&mut self, mut letter: DeadLetter, limit: usize) {
        let mut reason = letter.reason.clone();
        if letter.known_reason().is_none() && self.groups.len() >= FOREIGN {
            reason = None;
        }
        let group = self.groups.entry(reason).or_default();
        group.count += 1;
        group.first_ms = match (group.first_ms, letter.timestamp_ms) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        group.last_ms = group.last_ms.max(letter.timestamp_ms);
        if group.shown.len() < limit {
            letter.value = None; // it may be large, and is not shown
            group.shown.push(letter);
        }
    }

    fn letters(&self) -> u64 {
        self.groups.values().map(|group| group.count).sum()
    }
}
