//! `lag`.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use fleetops_codegen::manifest::{Manifest, parse_duration};
use indicatif::{ProgressBar, ProgressStyle};
use rdkafka::consumer::Consumer as _;
use rdkafka::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use super::dev::{cancel_on_signal, runtime};
use super::stream::{self, Asking, PATIENCE, Servers};
use super::{CliError, Format, Global, Outcome, report, terminal};
use crate::demo::grouped;

const HELP: &str = "\
Examples:
  fleetops-registry lag
  fleetops-registry lag raw_telemetry --group anomaly-service-group --format json
  fleetops-registry lag --watch                              how fast the groups read, and when they are level

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

    /// Ask again and again, every 2 s or after the time given, until Ctrl-C
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "2s", value_parser = interval)]
    watch: Option<Duration>,
}

fn interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(time) if time >= Duration::from_millis(100) => Ok(time),
        Ok(_) => Err("it is 100ms at least".to_owned()),
        Err(error) => Err(error.to_string()),
    }
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
    let wanted = wanted
        .into_iter()
        .map(|(name, topics)| Ok((servers.asking(Some(&name))?, name, topics)))
        .collect::<Result<Vec<_>, CliError>>()?;
    match args.watch {
        Some(every) => watch(global, format, &wanted, every),
        None => {
            let groups = ask(&wanted)?;
            global.result(&match format {
                Format::Json => json(&groups),
                _ => text(&groups),
            })?;
            Ok(Outcome::Clean)
        }
    }
}

/// A client for each group, its name, and its topics.
type Wanted = [(Asking, String, Vec<String>)];

fn ask(wanted: &Wanted) -> Result<Vec<Group>, CliError> {
    let mut partitions = BTreeMap::new();
    wanted
        .iter()
        .map(|(asking, name, topics)| group(asking, name, topics, &mut partitions))
        .collect()
}

/// Shows the groups again and again: drawn over on a terminal, else one after the other. That the cluster gives no answer
/// for a while is told, and no end: one watches just then.
fn watch(global: &Global, format: Format, wanted: &Wanted, every: Duration) -> Result<Outcome, CliError> {
    let runtime = runtime()?;
    let stop = CancellationToken::new();
    let guard = runtime.enter();
    let _signals = cancel_on_signal(stop.clone(), true);
    drop(guard);
    let bar = (format == Format::Text && std::io::stdout().is_terminal()).then(|| {
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(terminal::stdout());
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        bar
    });
    let mut before: Option<(Instant, Vec<Group>)> = None;
    let mut last = String::new();
    while !stop.is_cancelled() {
        let begun = Instant::now();
        match (ask(wanted), &bar) {
            (Ok(groups), bar) => {
                let shown = match format {
                    Format::Json => json(&groups),
                    _ => rates(
                        &groups,
                        before
                            .as_ref()
                            .map(|(at, groups)| (begun - *at, groups.as_slice())),
                    ),
                };
                match bar {
                    Some(bar) => bar.set_message(shown.trim_end().to_owned()),
                    None => global.result(&shown)?,
                }
                last = shown;
                before = Some((begun, groups));
            }
            (Err(error), Some(bar)) => bar.set_message(format!("{}\n{error}", last.trim_end())),
            (Err(error), None) => report::line(&format!("warning: {error}")),
        }
        if let Some(bar) = &bar {
            bar.tick();
        }
        // The timer is made inside, where there is a runtime.
        runtime.block_on(async {
            stop.run_until_cancelled(tokio::time::sleep(every)).await;
        });
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
        global.result(&last)?;
    }
    Ok(Outcome::Clean)
}

/// One line a topic: how far behind, how fast it is read and written, and when the group will be level at that.
fn rates(groups: &[Group], before: Option<(Duration, &[Group])>) -> String {
    let width = groups
        .iter()
        .flat_map(|group| group.topics.keys())
        .map(String::len)
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for group in groups {
        out.push_str(&title(group));
        for (topic, partitions) in &group.topics {
            let lag: u64 = partitions.iter().map(Partition::lag).sum();
            let mut line = format!("  {topic:<width$}  lag {:>12}", grouped(lag));
            let earlier = before.and_then(|(passed, groups)| {
                let group = groups.iter().find(|earlier| earlier.name == group.name)?;
                Some((passed.as_secs_f64(), group.topics.get(topic)?))
            });
            if let Some((seconds, earlier)) = earlier {
                let per_second = |of: fn(&Partition) -> i64| {
                    let sum = |all: &[Partition]| all.iter().map(of).sum::<i64>();
                    (sum(partitions) - sum(earlier)) as f64 / seconds
                };
                let read = per_second(|p| p.committed.unwrap_or(p.low));
                let written = per_second(|p| p.high);
                let number = |rate: f64| grouped(rate.max(0.0).round() as u64);
                line.push_str(&format!(
                    "   read {:>9}/s   written {:>9}/s",
                    number(read),
                    number(written)
                ));
                if lag > 0 && read > written {
                    let left = (lag as f64 / (read - written)).ceil().min(1e9);
                    line.push_str(&format!("   level in {} s", grouped(left as u64)));
                }
            }
            out.push_str(&line);
            out.push('\n');
        }
    }
    out
}

/// The group's name, and what it is doing.
fn title(group: &Group) -> String {
    let members = match (&group.state, group.members) {
        (Some(state), Some(1)) => format!(" ({state}, 1 member)"),
        (Some(state), Some(members)) => format!(" ({state}, {members} members)"),
        _ => String::new(),
    };
    format!("{}{members}\n", group.name)
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
    asking: &Asking,
    name: &str,
    topics: &[String],
    known: &mut BTreeMap<String, Vec<(i32, i64, i64)>>,
) -> Result<Group, CliError> {
    let mut found = BTreeMap::new();
    for topic in topics {
        let bounds = match known.get(topic) {
            Some(bounds) => bounds.clone(),
            None => {
                let mut bounds = Vec::new();
                for number in asking.partitions(topic)? {
                    let answer = asking.client.fetch_watermarks(topic, number, PATIENCE);
                    let (low, high) = answer.map_err(|error| asking.failed(&error))?;
                    bounds.push((number, low, high));
                }
                known.insert(topic.clone(), bounds.clone());
                bounds
            }
        };
        let mut list = TopicPartitionList::with_capacity(bounds.len());
        for (number, _, _) in &bounds {
            list.add_partition(topic, *number);
        }
        let committed = asking
            .client
            .committed_offsets(list, PATIENCE)
            .map_err(|error| asking.failed(&error))?;
        let mut partitions = Vec::with_capacity(bounds.len());
        for (number, low, high) in bounds {
            let element = committed.find_partition(topic, number);
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
        found.insert(topic.clone(), partitions);
    }
    // Only for the reader: a cluster that does not let us list groups may still let us read offsets.
    let listed = asking.client.fetch_group_list(Some(name), PATIENCE).ok();
    let listed = listed.as_ref().and_then(|list| list.groups().first());
    Ok(Group {
        state: listed
            .map(|group| group.state().to_owned())
            .filter(|s| !s.is_empty()),
        members: listed.map(|group| group.members().len()),
        name: name.to_owned(),
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
        out.push_str(&title(group));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn group(committed: i64, high: i64) -> Group {
        let partition = Partition {
            number: 0,
            committed: Some(committed),
            low: 0,
            high,
        };
        Group {
            name: "g".to_owned(),
            state: Some("Stable".to_owned()),
            members: Some(2),
            topics: BTreeMap::from([("orders".to_owned(), vec![partition])]),
        }
    }

    #[test]
    fn a_watch_says_how_fast_it_goes_and_when_the_group_is_level() {
        let (before, now) = ([group(1_000, 9_000)], [group(5_000, 11_000)]);
        assert_eq!(
            rates(&now, None),
            "g (Stable, 2 members)\n  orders  lag        6,000\n"
        );
        let told = rates(&now, Some((Duration::from_secs(2), &before)));
        assert!(
            told.ends_with("read     2,000/s   written     1,000/s   level in 6 s\n"),
            "{told}"
        );
        // A group that falls behind is never level.
        let told = rates(&now, Some((Duration::from_secs(2), &[group(5_000, 9_000)])));
        assert!(
            told.ends_with("read         0/s   written     1,000/s\n"),
            "{told}"
        );
    }
}
