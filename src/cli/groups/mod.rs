//! `groups`: the consumer groups of a cluster, and moving their offsets.
//!
//! What is decided without a cluster is [`fleetops_registry::kafka::reset`]'s; here are the questions to the cluster, the
//! question to the user, and the order of words.

mod show;

use std::collections::{BTreeMap, BTreeSet};

use clap::Subcommand;
use fleetops_codegen::manifest::{self, Manifest};
use fleetops_registry::kafka::RequestError;
use fleetops_registry::kafka::groups::{self, Group, TopicPartition};
use fleetops_registry::kafka::reset::{Known, ResetStep, Target};
use rdkafka::consumer::Consumer as _;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::confirm::{Paint, confirm};
use super::place::Place;
use super::stream::{Asking, PATIENCE, Servers};
use super::{CliError, Format, Global, Outcome};
use crate::demo::grouped;

const HELP: &str = "\
Examples:
  fleetops-registry groups list
  fleetops-registry groups list anomaly-service-group        who is in it, with which partitions
  fleetops-registry groups reset anomaly-service-group --to earliest --dry-run
  fleetops-registry groups reset anomaly-service-group --to 2024-05-01T08:00:00Z --yes

How far groups are behind: `fleetops-registry lag`.";

const RESET_HELP: &str = "\
Examples:
  fleetops-registry groups reset anomaly-service-group --to earliest --dry-run
  fleetops-registry groups reset anomaly-service-group --to 2024-05-01T08:00:00Z
  fleetops-registry groups reset anomaly-service-group --topic raw_telemetry --partition 3 --to 1042 --yes

Without --topic: the group's topics in the manifest, else those that it has committed offsets of. A place outside of the
log is brought to its nearer end. While the group has members nothing is changed (exit code 1): stop them first. Records
that are read again are not duplicates: dedup looks at the log before a record, not at what was handled.";

/// List consumer groups, or move their offsets
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the cluster's groups and those of the manifest; with names, who is in them
    List {
        /// Only these groups
        #[arg(value_name = "GROUP")]
        groups: Vec<String>,
    },
    /// Move a group's offsets to another place of the log
    #[command(after_help = RESET_HELP)]
    Reset(Reset),
}

#[derive(Debug, clap::Args)]
struct Reset {
    /// The group
    group: String,

    /// Where to: earliest, latest, a time (RFC 3339, or a date in UTC), or an offset
    #[arg(long, value_name = "WHERE", value_parser = Place::parse)]
    to: Place,

    /// Only this topic; may be repeated
    #[arg(long = "topic", value_name = "NAME")]
    topics: Vec<String>,

    /// Only this partition of the topic; may be repeated
    #[arg(long = "partition", value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    partitions: Vec<i32>,

    /// Only say what would be done
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let Some(manifest) = global.read()?.manifest else {
        return Err(
            CliError::usage("`groups` needs a manifest, and --schemas alone reads none")
                .with_help("add --manifest FILE"),
        );
    };
    let servers = Servers::new(global, &manifest)?;
    let there = There {
        asking: servers.asking(None)?,
        place: format!("{} ({})", servers.bootstrap(), global.env),
        manifest,
    };
    match args.command {
        Command::List { groups } => there.list(global, format, &groups),
        Command::Reset(reset) => there.reset(global, format, &reset),
    }
}

/// A cluster and the manifest.
struct There {
    asking: Asking,
    place: String,
    manifest: Manifest,
}

impl There {
    fn declared(&self) -> impl Iterator<Item = &str> {
        self.manifest.groups.iter().map(|group| group.name.value.as_str())
    }

    /// The names of all groups. The first question, so it finds out whether the cluster is there.
    fn names(&self) -> Result<Vec<String>, CliError> {
        // An admin request only says that the time is up; this says why.
        self.asking
            .client
            .fetch_metadata(None, PATIENCE)
            .map_err(|error| self.asking.failed(&error))?;
        groups::list_groups(self.asking.client.client(), PATIENCE)
            .map_err(|error| self.failed("list the groups", &error))
    }

    fn describe(&self, names: &[String]) -> Result<Vec<Group>, CliError> {
        groups::describe_groups(self.asking.client.client(), names, PATIENCE)
            .map_err(|error| self.failed("look at the groups", &error))
    }

    fn failed(&self, what: &str, error: &RequestError) -> CliError {
        let told = CliError::incomplete(format!("cannot {what} of {}: {error}", self.place));
        match error {
            RequestError::Cluster {
                code:
                    RDKafkaErrorCode::GroupAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed,
                ..
            } => told
                .with_help("the principal needs an ACL for the group (DESCRIBE, and READ to move offsets)"),
            RequestError::Cluster {
                code: RDKafkaErrorCode::UnsupportedFeature,
                ..
            } => told.with_help(
                "the embedded broker of `dev` knows no such request: `lag --group NAME` tells where a group stands",
            ),
            _ => told,
        }
    }

    fn list(&self, global: &Global, format: Format, only: &[String]) -> Result<Outcome, CliError> {
        let there = self.names()?;
        let mut names: BTreeSet<String> = there.iter().cloned().collect();
        names.extend(self.declared().map(str::to_owned));
        for name in only {
            if !names.contains(name) {
                return Err(self.unknown(name, &names));
            }
        }
        let names: Vec<String> = match only.is_empty() {
            true => names.into_iter().collect(),
            false => only.to_vec(),
        };
        let found = self.describe(&names)?;
        let declared: BTreeSet<&str> = self.declared().collect();
        let is_declared = |name: &str| declared.contains(name);
        global.result(&match format {
            Format::Json => show::list_json(&found, is_declared),
            _ if only.is_empty() => show::list_text(&found, is_declared, Paint(global.color_stdout())),
            _ => show::members_text(&found),
        })?;
        Ok(Outcome::Clean)
    }

    /// There is no group of that name anywhere.
    fn unknown(&self, name: &str, names: &BTreeSet<String>) -> CliError {
        let error = CliError::usage(format!(
            "there is no group {name}: neither {} nor {} knows it",
            self.manifest.source.name(),
            self.place
        ));
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        match (manifest::nearest(name, known.iter().copied()), known.is_empty()) {
            (Some(near), _) => error.with_help(format!("did you mean {near}?")),
            (None, true) => error,
            (None, false) if known.len() <= 20 => error.with_help(format!("there are: {}", known.join(", "))),
            (None, false) => error.with_help("`fleetops-registry groups list` shows those there are"),
        }
    }

    fn reset(&self, global: &Global, format: Format, reset: &Reset) -> Result<Outcome, CliError> {
        let mut names: BTreeSet<String> = self.names()?.into_iter().collect();
        names.extend(self.declared().map(str::to_owned));
        if !names.contains(&reset.group) {
            return Err(self.unknown(&reset.group, &names));
        }
        let group = self
            .describe(std::slice::from_ref(&reset.group))?
            .into_iter()
            .next()
            .ok_or_else(|| CliError::incomplete(format!("{} says nothing of {}", self.place, reset.group)))?;
        let committed = groups::committed(self.asking.client.client(), &reset.group, PATIENCE)
            .map_err(|error| self.failed("read the offsets", &error))?;
        let steps = self.steps(reset, &committed)?;
        let others = self.left_alone(&steps, &committed);
        let changes = steps.iter().filter(|step| step.changes()).count();
        let place = format!("group {} on {}", reset.group, self.place);

        if format == Format::Text {
            global.result(&show::plan_text(&steps, Paint(global.color_stdout())))?;
        }
        global.say(&format!("{place}: {}", show::summary(&steps)));
        if !others.is_empty() {
            global.say(&format!(
                "note: its offsets of {} are left alone; --topic names them",
                others.join(", ")
            ));
        }
        if changes > 0 && !group.members.is_empty() {
            if format == Format::Json {
                global.result(&show::plan_json(&reset.group, &steps, "refused"))?;
            }
            global.say(&format!(
                "{} {}: {}\nnothing was changed; stop the members, wait until the group is empty, and try again",
                Paint(global.color_stderr()).refuse("!"),
                show::has_members(&group),
                show::members(&group)
            ));
            return Ok(Outcome::Findings);
        }
        if reset.dry_run || changes == 0 {
            if format == Format::Json {
                global.result(&show::plan_json(&reset.group, &steps, "planned"))?;
            }
            return Ok(Outcome::Clean);
        }
        let what = show::count(changes, "offset change");
        if !confirm(global, reset.yes, &what, &place)? {
            return Ok(Outcome::Findings);
        }
        self.carry_out(global, format, reset, &steps)
    }

    fn carry_out(
        &self,
        global: &Global,
        format: Format,
        reset: &Reset,
        steps: &[ResetStep],
    ) -> Result<Outcome, CliError> {
        let wanted: BTreeMap<TopicPartition, i64> = steps
            .iter()
            .filter(|step| step.changes())
            .map(|step| ((step.topic.clone(), step.partition), step.to))
            .collect();
        let refused = groups::set_committed(self.asking.client.client(), &reset.group, &wanted, PATIENCE)
            .map_err(|error| {
                self.failed("move the offsets", &error)
                    .with_help("`groups reset --dry-run` shows where they are now")
            })?;
        if format == Format::Json {
            global.result(&show::done_json(&reset.group, steps, &refused))?;
        }
        let done = wanted.len() - refused.len();
        let Some((first, code)) = refused.iter().next() else {
            global.say(&format!("done: {} set", show::count(done, "offset")));
            return Ok(Outcome::Clean);
        };
        // A member that came after we had looked: the broker keeps the group's offsets to itself then.
        if done == 0 && is_membership(*code) {
            global.say(&format!(
                "{} a member joined the group meanwhile\nnothing was changed; stop the members, and try again",
                Paint(global.color_stderr()).refuse("!")
            ));
            return Ok(Outcome::Findings);
        }
        let message = format!(
            "{} of {} offsets of group {} were not set; the first is that of topic {}, partition {}: {code}",
            refused.len(),
            wanted.len(),
            reset.group,
            first.0,
            first.1
        );
        Err(match done {
            0 => CliError::incomplete(message),
            _ => CliError::partial(message).with_help("run it again: what is set already stays"),
        })
    }

    /// What is to be done, in the order of topics and partitions.
    fn steps(
        &self,
        reset: &Reset,
        committed: &BTreeMap<TopicPartition, i64>,
    ) -> Result<Vec<ResetStep>, CliError> {
        let target = match reset.to {
            Place::Earliest => Target::Earliest,
            Place::Latest => Target::Latest,
            Place::Time(time) => Target::Time(time),
            Place::Offset(offset) => Target::Offset(offset),
        };
        let topics = self.topics(reset, committed);
        if topics.is_empty() {
            return Err(CliError::usage(format!(
                "group {} has committed nothing, and {} has no topics for it",
                reset.group,
                self.manifest.source.name()
            ))
            .with_help("name a topic with --topic"));
        }
        if !reset.partitions.is_empty() && topics.len() > 1 {
            return Err(CliError::usage("--partition needs one topic").with_help(format!(
                "add --topic with one of {}",
                topics.into_iter().collect::<Vec<_>>().join(", ")
            )));
        }
        let mut steps = Vec::new();
        for topic in topics {
            let there = self.asking.partitions(&topic)?;
            if let Some(missing) = reset.partitions.iter().find(|number| !there.contains(number)) {
                return Err(
                    CliError::usage(format!("topic {topic} has no partition {missing}"))
                        .with_help(format!("it has {}", show::count(there.len(), "partition"))),
                );
            }
            let numbers: Vec<i32> = there
                .into_iter()
                .filter(|number| reset.partitions.is_empty() || reset.partitions.contains(number))
                .collect();
            let times = match reset.to {
                Place::Time(time) => self.at_time(&topic, &numbers, time.timestamp_millis())?,
                _ => BTreeMap::new(),
            };
            for number in numbers {
                let bounds = self.asking.client.fetch_watermarks(&topic, number, PATIENCE);
                let (low, high) = bounds.map_err(|error| self.asking.failed(&error))?;
                let known = Known {
                    low,
                    high,
                    committed: committed.get(&(topic.clone(), number)).copied(),
                    at_time: times.get(&number).copied(),
                };
                steps.push(ResetStep::new(&topic, number, known, target));
            }
        }
        Ok(steps)
    }

    /// The topics that are asked for.
    fn topics(&self, reset: &Reset, committed: &BTreeMap<TopicPartition, i64>) -> BTreeSet<String> {
        if !reset.topics.is_empty() {
            return reset.topics.iter().cloned().collect();
        }
        let declared = self
            .manifest
            .groups
            .iter()
            .find(|group| group.name.value == reset.group);
        match declared {
            Some(group) => group.topics.iter().map(|topic| topic.value.clone()).collect(),
            None => committed.keys().map(|(topic, _)| topic.clone()).collect(),
        }
    }

    /// Topics that the group has offsets of and that are not asked for.
    fn left_alone(&self, steps: &[ResetStep], committed: &BTreeMap<TopicPartition, i64>) -> Vec<String> {
        let asked: BTreeSet<&str> = steps.iter().map(|step| step.topic.as_str()).collect();
        let others: BTreeSet<&String> = committed.keys().map(|(topic, _)| topic).collect();
        others
            .into_iter()
            .filter(|topic| !asked.contains(topic.as_str()))
            .cloned()
            .collect()
    }

    /// The first offset of each partition that is not older than the time; partitions without one are left out.
    fn at_time(&self, topic: &str, partitions: &[i32], millis: i64) -> Result<BTreeMap<i32, i64>, CliError> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for number in partitions {
            list.add_partition_offset(topic, *number, Offset::Offset(millis))
                .map_err(|error| self.asking.failed(&error))?;
        }
        let found = self
            .asking
            .client
            .offsets_for_times(list, PATIENCE)
            .map_err(|error| self.asking.failed(&error))?;
        let mut offsets = BTreeMap::new();
        for element in found.elements() {
            element.error().map_err(|error| self.asking.failed(&error))?;
            if let Offset::Offset(offset) = element.offset() {
                offsets.insert(element.partition(), offset);
            }
        }
        Ok(offsets)
    }
}

/// Whether the broker refused because the group has members.
fn is_membership(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::UnknownMemberId
            | RDKafkaErrorCode::RebalanceInProgress
            | RDKafkaErrorCode::IllegalGeneration
            | RDKafkaErrorCode::NonEmptyGroup
    )
}
