//! `lag`.

use std::collections::BTreeMap;

use fleetops_codegen::manifest::Manifest;
use rdkafka::consumer::Consumer as _;
use rdkafka::{Offset, TopicPartitionList};

use super::stream::{self, PATIENCE, Servers};
use super::{CliError, Format, Global, Outcome};
use crate::demo::grouped;

const HELP: &str = "\
Examples:
  fleetops-registry lag
  fleetops-registry lag raw_telemetry --group anomaly-service-group --format json

Where a group has committed nothing, its lag is counted from the start of the log.";

/// Tell how far consumer groups are behind
///
/// For each partition: what the group has committed, where the log ends, and the difference. Without --group, the groups of
/// the manifest and their topics.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// Only this topic
    topic: Option<String>,

    /// This group, of the manifest or not
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
}

/// A group with what it reads.
struct Group {
    name: String,
    /// As the broker has it: `Stable`, `Empty`, ...; `None`: it does not know the group, or does not say.
    state: Option<String>,
    members: Option<usize>,
    topics: BTreeMap<String, Vec<Partition>>,
}

struct Partition {
    number: i32,
    committed: Option<i64>,
    low: i64,
    high: i64,
}

impl Partition {
    fn lag(&self) -> u64 {
        let from = self.committed.unwrap_or(self.low).max(self.low);
        u64::try_from(self.high.saturating_sub(from)).unwrap_or(0)
    }
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let project = global.read()?;
    let Some(manifest) = project.manifest else {
        return Err(
            CliError::usage("`lag` needs a manifest, and --schemas alone reads none")
                .with_help("add --manifest FILE"),
        );
    };
    let wanted = wanted(&manifest, &args)?;
    let servers = Servers::new(global, &manifest)?;
    let mut partitions = BTreeMap::new();
    let mut groups = Vec::new();
    for (name, topics) in wanted {
        groups.push(group(&servers, name, topics, &mut partitions)?);
    }
    global.result(&match format {
        Format::Json => json(&groups),
        _ => text(&groups),
    })?;
    Ok(Outcome::Clean)
}

/// The groups and topics to look at.
fn wanted(manifest: &Manifest, args: &Args) -> Result<Vec<(String, Vec<String>)>, CliError> {
    if let Some(topic) = &args.topic
        && manifest.topic(topic).is_none()
    {
        return Err(stream::unknown_topic(manifest, topic));
    }
    let is_wanted = |topic: &String| args.topic.as_ref().is_none_or(|wanted| wanted == topic);
    if let Some(group) = &args.group {
        let declared = manifest.groups.iter().find(|g| g.name.value == *group);
        let topics: Vec<String> = match declared {
            Some(declared) if args.topic.is_none() => {
                declared.topics.iter().map(|t| t.value.clone()).collect()
            }
            _ => manifest.topics.iter().map(|t| t.name.value.clone()).collect(),
        };
        return Ok(vec![(
            group.clone(),
            topics.into_iter().filter(is_wanted).collect(),
        )]);
    }
    let groups: Vec<_> = manifest
        .groups
        .iter()
        .map(|group| {
            let topics = group.topics.iter().map(|t| t.value.clone()).filter(is_wanted);
            (group.name.value.clone(), topics.collect::<Vec<_>>())
        })
        .filter(|(_, topics)| !topics.is_empty())
        .collect();
    if groups.is_empty() {
        let what = match &args.topic {
            Some(topic) => format!("no group of {} reads {topic}", manifest.source.name()),
            None => format!("{} has no groups", manifest.source.name()),
        };
        return Err(CliError::usage(what).with_help("name one with --group"));
    }
    Ok(groups)
}

/// Asks the cluster. `known` are the bounds of partitions that were asked for already.
fn group(
    servers: &Servers,
    name: String,
    topics: Vec<String>,
    known: &mut BTreeMap<String, Vec<(i32, i64, i64)>>,
) -> Result<Group, CliError> {
    let asking = servers.asking(Some(&name))?;
    let mut found = BTreeMap::new();
    for topic in topics {
        let bounds = match known.get(&topic) {
            Some(bounds) => bounds.clone(),
            None => {
                let mut bounds = Vec::new();
                for number in asking.partitions(&topic)? {
                    let answer = asking.client.fetch_watermarks(&topic, number, PATIENCE);
                    let (low, high) = answer.map_err(|error| asking.failed(&error))?;
                    bounds.push((number, low, high));
                }
                known.insert(topic.clone(), bounds.clone());
                bounds
            }
        };
        let mut list = TopicPartitionList::with_capacity(bounds.len());
        for (number, _, _) in &bounds {
            list.add_partition(&topic, *number);
        }
        let committed = asking
            .client
            .committed_offsets(list, PATIENCE)
            .map_err(|error| asking.failed(&error))?;
        let mut partitions = Vec::with_capacity(bounds.len());
        for (number, low, high) in bounds {
            let element = committed.find_partition(&topic, number);
            if let Some(Err(error)) = element.as_ref().map(|element| element.error()) {
                return Err(asking.failed(&error));
            }
            partitions.push(Partition {
                number,
                committed: match element.map(|element| element.offset()) {
                    Some(Offset::Offset(offset)) => Some(offset),
                    _ => None,
                },
                low,
                high,
            });
        }
        found.insert(topic, partitions);
    }
    // Only for the reader: a cluster that does not let us list groups may still let us read offsets.
    let listed = asking.client.fetch_group_list(Some(&name), PATIENCE).ok();
    let listed = listed.as_ref().and_then(|list| list.groups().first());
    Ok(Group {
        state: listed
            .map(|group| group.state().to_owned())
            .filter(|s| !s.is_empty()),
        members: listed.map(|group| group.members().len()),
        name,
        topics: found,
    })
}

fn json(groups: &[Group]) -> String {
    let groups: Vec<_> = groups
        .iter()
        .map(|group| {
            let topics: Vec<_> = group
                .topics
                .iter()
                .map(|(topic, partitions)| {
                    let all: Vec<_> = partitions
                        .iter()
                        .map(|p| {
                            serde_json::json!({
                                "partition": p.number,
                                "committed": p.committed,
                                "low_watermark": p.low,
                                "high_watermark": p.high,
                                "lag": p.lag(),
                            })
                        })
                        .collect();
                    let lag: u64 = partitions.iter().map(Partition::lag).sum();
                    serde_json::json!({"topic": topic, "lag": lag, "partitions": all})
                })
                .collect();
            serde_json::json!({
                "group": group.name,
                "state": group.state,
                "members": group.members,
                "topics": topics,
            })
        })
        .collect();
    format!("{}\n", serde_json::json!({ "groups": groups }))
}

fn text(groups: &[Group]) -> String {
    let mut out = String::new();
    for group in groups {
        let members = match (&group.state, group.members) {
            (Some(state), Some(1)) => format!(" ({state}, 1 member)"),
            (Some(state), Some(members)) => format!(" ({state}, {members} members)"),
            _ => String::new(),
        };
        out.push_str(&format!("{}{members}\n", group.name));
        for (topic, partitions) in &group.topics {
            let lag: u64 = partitions.iter().map(Partition::lag).sum();
            out.push_str(&format!("  {topic}: lag {}\n", grouped(lag)));
            out.push_str("    partition    committed          end          lag\n");
            for p in partitions {
                let committed = p
                    .committed
                    .map_or_else(|| "-".to_owned(), |offset| grouped(offset.unsigned_abs()));
                out.push_str(&format!(
                    "    {:>9} {committed:>12} {:>12} {:>12}\n",
                    p.number,
                    grouped(p.high.unsigned_abs()),
                    grouped(p.lag())
                ));
            }
        }
    }
    out
}
