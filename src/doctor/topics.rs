//! Verdicts on topics: are they there, are they as the manifest says, are their partitions filled evenly. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::check::{Check, Finding, count, number};
use super::facts::{TopicState, Wanted};

/// The fullest partition holds more than so many times what the others hold on average.
const SKEWED: u64 = 3;
/// Fewer records a partition than this say nothing about how they are spread.
const MEANINGFUL: u64 = 50;

/// The verdict on a topic's presence and shape.
pub(crate) fn topic(wanted: &Wanted, state: Option<&TopicState>) -> Check {
    let name = wanted.name.as_str();
    let finding = match state {
        None => {
            let whose = match wanted.letters_of.as_slice() {
                [] => String::new(),
                of => format!("; records of {} that cannot be handled have nowhere to go", of.join(", ")),
            };
            Finding::wrong("topic-missing", "the cluster has no such topic", name)
                .saw(format!(
                    "the manifest wants {name} with {}, replication factor {}{whose}",
                    count(u64::from(wanted.partitions), "partition"),
                    wanted.replication_factor
                ))
                .next("create it: `fleetops-registry topics apply` (`topics plan` shows what it would do)")
                .next("if it should be there: check that --env is the right one, and that this user may see the topic")
        }
        Some(state) if !state.errors.is_empty() => {
            let mut finding = Finding::wrong("topic-unavailable", "partitions cannot be used at the moment", name)
                .next("see whether the brokers that lead these partitions are up; after a start or a failover, ask again in some seconds");
            finding.saw = state.errors.iter().map(|e| format!("{name}: {e}")).collect();
            finding
        }
        Some(state) if short_of(wanted, state) => {
            let saw = format!(
                "{name} has {}, the manifest wants {}",
                count(u64::from(state.partitions), "partition"),
                wanted.partitions
            );
            let summary = format!("{} instead of {}", count(u64::from(state.partitions), "partition"), wanted.partitions);
            let finding = Finding::wrong("partition-count", summary, name).saw(saw);
            if state.partitions < wanted.partitions {
                finding
                    .next("grow it: `fleetops-registry topics apply`; a keyed topic's keys then move to other partitions, so let consumers finish first")
                    .next("or write the number it has into the manifest")
            } else {
                finding
                    .next("no topic can shrink: write the number it has into the manifest")
                    .next("or make a new topic with the right number and move the records over")
            }
        }
        Some(state) if state.replication_factor < wanted.replication_factor => {
            Finding::wrong(
                "replication-factor",
                format!("{} instead of {}", count(u64::from(state.replication_factor), "copy").replace("copys", "copies"), wanted.replication_factor),
                name,
            )
            .saw(format!(
                "a partition of {name} has {} replica(s), the manifest wants {} in this environment",
                state.replication_factor, wanted.replication_factor
            ))
            .next("add replicas with Kafka's `kafka-reassign-partitions`, or set `replication-factor` of the environment to what it has")
        }
        Some(state) => {
            return Check::ok(
                "topic",
                name,
                format!(
                    "{}, replication factor {}",
                    count(u64::from(state.partitions), "partition"),
                    state.replication_factor
                ),
            );
        }
    };
    Check::problem("topic", name, finding)
}

/// Dead letters keep the partition number of their source: more partitions than that do no harm.
fn short_of(wanted: &Wanted, state: &TopicState) -> bool {
    match wanted.letters_of.as_slice() {
        [] => state.partitions != wanted.partitions,
        _ => state.partitions < wanted.partitions,
    }
}

/// The verdict on a topic's settings: those that dedup relies on, and those that the manifest gives. `None`: there is
/// nothing to hold them against.
pub(crate) fn settings(wanted: &Wanted, config: Result<&BTreeMap<String, String>, &str>) -> Option<Check> {
    if wanted.config.is_empty() && wanted.ttl.is_none() {
        return None;
    }
    let name = wanted.name.as_str();
    let config = match config {
        Ok(config) => config,
        Err(why) => return Some(Check::not_checked("settings", name, why)),
    };
    let of = |key: &str| config.get(key).map(String::as_str);
    let mut saw = Vec::new();
    let mut relied = false;
    if let Some(ttl) = wanted.ttl {
        if of("message.timestamp.type").is_some_and(|t| t != "LogAppendTime") {
            relied = true;
            saw.push(format!(
                "message.timestamp.type is {}, not LogAppendTime: which records are duplicates then depends on the producers' clocks, \
                 and one clock that is ahead makes repeats pass",
                of("message.timestamp.type").unwrap_or_default()
            ));
        }
        let retention = of("retention.ms").and_then(|ms| ms.parse::<i64>().ok());
        if let Some(kept) = retention
            .filter(|ms| *ms >= 0)
            .map(|ms| Duration::from_millis(ms.unsigned_abs()))
            && kept < ttl
        {
            relied = true;
            saw.push(format!(
                "retention.ms is {} s, and dedup remembers for {} s: a consumer that starts cannot read back far enough",
                kept.as_secs_f32(),
                ttl.as_secs_f32()
            ));
        }
    }
    for (key, value) in &wanted.config {
        let there = of(key);
        if there != Some(value.as_str()) && !(relied && key == "message.timestamp.type") {
            saw.push(format!(
                "{key} is {}, the manifest wants {value}",
                there.unwrap_or("not set")
            ));
        }
    }
    if saw.is_empty() {
        let said = match wanted.ttl {
            Some(_) => "as the manifest says, LogAppendTime",
            None => "as the manifest says",
        };
        // A topic with dedup whose manifest leaves the type open has passed the first test above.
        let known = of("message.timestamp.type").is_some();
        let said = if known { said } else { "as the manifest says" };
        return Some(Check::ok("settings", name, said));
    }
    let summary = match (relied, saw.len()) {
        (true, _) => "dedup relies on a setting that it does not have".to_owned(),
        (false, n) => format!(
            "{} from the manifest",
            if n == 1 {
                "1 differs".to_owned()
            } else {
                format!("{n} differ")
            }
        ),
    };
    let mut finding = Finding::wrong("topic-settings", summary, name).next(
        "set what the manifest says: `fleetops-registry topics apply` (`topics plan` shows the differences)",
    );
    if relied
        && wanted
            .config
            .get("message.timestamp.type")
            .is_none_or(|t| t != "LogAppendTime")
    {
        finding = finding.next(format!(
            "first add \"message.timestamp.type\" = \"LogAppendTime\" to `config` of topics.{name} in the manifest"
        ));
        finding.next.rotate_right(1);
    }
    finding.saw = saw;
    Some(Check::problem("settings", name, finding))
}

/// The verdict on how records are spread, by what each partition holds now; `keys` are the distinct ones among the newest
/// records, where they were read.
pub(crate) fn spread(wanted: &Wanted, held: Result<&[(i64, i64)], &str>, keys: Option<u64>) -> Check {
    let name = wanted.name.as_str();
    let held: Vec<u64> = match held {
        Ok(held) => held
            .iter()
            .map(|(low, high)| u64::try_from(high.saturating_sub(*low)).unwrap_or(0))
            .collect(),
        Err(why) => return Check::not_checked("spread", name, why),
    };
    let total: u64 = held.iter().sum();
    let partitions = held.len() as u64;
    let Some((fullest, most)) = held
        .iter()
        .copied()
        .enumerate()
        .max_by_key(|(at, n)| (*n, usize::MAX - at))
    else {
        return Check::not_checked("spread", name, "it has no partitions");
    };
    if partitions < 2 {
        return Check::ok(
            "spread",
            name,
            format!("{} in 1 partition", count(total, "record")),
        );
    }
    let percent = |n: u64| (n * 100).checked_div(total).unwrap_or(0);
    if total == 0 {
        return Check::not_checked("spread", name, "the topic holds no records");
    }
    if total < MEANINGFUL * partitions {
        return Check::not_checked(
            "spread",
            name,
            format!(
                "{} in {partitions} partitions are too few to tell",
                count(total, "record")
            ),
        );
    }
    let others = total - most;
    if most * (partitions - 1) <= SKEWED * others {
        let said = format!(
            "{} in {partitions} partitions, at most {}% in one",
            count(total, "record"),
            percent(most)
        );
        return Check::ok("spread", name, said);
    }
    let figures: Vec<String> = held
        .iter()
        .enumerate()
        .map(|(at, n)| format!("{at}: {}", number(*n)))
        .collect();
    let empty = held.iter().filter(|n| **n == 0).count();
    let mut finding = Finding::wrong(
        "skewed-partitions",
        format!(
            "partition {fullest} holds {}% of {}",
            percent(most),
            count(total, "record")
        ),
        format!("{name}/{fullest}"),
    )
    .saw(format!("records held by partition: {}", figures.join(", ")))
    .saw(format!(
        "even would be {}% each; {empty} of {partitions} partitions are empty",
        100 / partitions
    ));
    if let Some(keys) = keys {
        finding = finding.saw(format!("{} among the newest records", count(keys, "key")));
    }
    finding = finding.saw(
        "it matters when a group has more than one consumer: one partition goes to one of them, which then sets the pace of all, \
         and its lag grows while the others idle. With one consumer, or little traffic, it does not",
    );
    finding = match (keys, &wanted.key) {
        (Some(keys), Some(_)) if keys < 10 * partitions => finding.next(
            "there are few keys, so an even spread cannot be expected, and more partitions would not help: only more keys, or a finer one, do",
        ),
        (_, Some(key)) => finding
            .next(format!("check that producers set the record key to `{key}`, and that no single value of it dominates"))
            .next("check that all producers use the same partitioner"),
        (_, None) => finding.next("the manifest gives no key: check that producers set none and do not choose partitions themselves"),
    };
    Check::problem("spread", name, finding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted {
        Wanted {
            name: "raw".to_owned(),
            partitions: 6,
            replication_factor: 1,
            config: BTreeMap::from([("retention.ms".to_owned(), "604800000".to_owned())]),
            ttl: Some(Duration::from_secs(60)),
            dedup: "vehicle_id, event_id".to_owned(),
            key: Some("vehicle_id".to_owned()),
            letters_of: Vec::new(),
        }
    }

    fn state(partitions: u32) -> TopicState {
        TopicState {
            partitions,
            replication_factor: 1,
            errors: Vec::new(),
        }
    }

    fn code(check: &Check) -> Option<&'static str> {
        check.finding().map(|finding| {
            assert!(!finding.saw.is_empty() && !finding.next.is_empty(), "{finding:?}");
            finding.code
        })
    }

    #[test]
    fn topics_are_missing_short_long_unavailable_or_fine() {
        let wanted = wanted();
        assert_eq!(code(&topic(&wanted, None)), Some("topic-missing"));
        let short = topic(&wanted, Some(&state(4)));
        assert_eq!(code(&short), Some("partition-count"));
        assert!(short.finding().unwrap().next[0].contains("grow"));
        let long = topic(&wanted, Some(&state(9)));
        assert_eq!(code(&long), Some("partition-count"));
        assert!(long.finding().unwrap().next[0].contains("shrink"));
        let leaderless = TopicState {
            errors: vec!["partition 2: leader not available".to_owned()],
            ..state(6)
        };
        assert_eq!(
            code(&topic(&wanted, Some(&leaderless))),
            Some("topic-unavailable")
        );
        let thrice = Wanted {
            replication_factor: 3,
            ..wanted.clone()
        };
        assert_eq!(code(&topic(&thrice, Some(&state(6)))), Some("replication-factor"));
        assert_eq!(code(&topic(&wanted, Some(&state(6)))), None);
    }

    #[test]
    fn dead_letter_topics_may_have_more_partitions_than_their_source() {
        let letters = Wanted {
            letters_of: vec!["raw".to_owned()],
            ..wanted()
        };
        assert_eq!(code(&topic(&letters, Some(&state(9)))), None);
        assert_eq!(code(&topic(&letters, Some(&state(3)))), Some("partition-count"));
        assert_eq!(code(&topic(&letters, None)), Some("topic-missing"));
    }

    fn config(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn dedup_relies_on_log_append_time_and_on_a_retention_longer_than_its_memory() {
        let wanted = wanted();
        let of = |pairs: &[(&str, &str)]| settings(&wanted, Ok(&config(pairs))).unwrap();
        let fine = [
            ("retention.ms", "604800000"),
            ("message.timestamp.type", "LogAppendTime"),
        ];
        assert_eq!(code(&of(&fine)), None);
        let created = of(&[
            ("retention.ms", "604800000"),
            ("message.timestamp.type", "CreateTime"),
        ]);
        assert_eq!(code(&created), Some("topic-settings"));
        let finding = created.finding().unwrap();
        assert!(
            finding.saw[0].contains("CreateTime") && finding.next[0].contains("LogAppendTime"),
            "{finding:?}"
        );
        let forgetful = of(&[
            ("retention.ms", "30000"),
            ("message.timestamp.type", "LogAppendTime"),
        ]);
        assert_eq!(code(&forgetful), Some("topic-settings"));
        assert!(
            forgetful.finding().unwrap().saw[0].contains("30 s"),
            "{forgetful:?}"
        );
        let forever = [
            ("retention.ms", "-1"),
            ("message.timestamp.type", "LogAppendTime"),
        ];
        assert_eq!(
            of(&forever).finding().unwrap().saw,
            ["retention.ms is -1, the manifest wants 604800000"]
        );
        let unknown = settings(&wanted, Err("no answer")).unwrap();
        assert_eq!(
            unknown.verdict,
            crate::doctor::check::Verdict::NotChecked("no answer".to_owned())
        );
        let bare = Wanted {
            ttl: None,
            config: BTreeMap::new(),
            ..wanted.clone()
        };
        assert_eq!(settings(&bare, Err("no answer")), None);
    }

    #[test]
    fn skew_is_told_with_figures_and_only_where_there_are_enough_records() {
        let wanted = wanted();
        let of = |held: &[i64], keys| {
            let held: Vec<(i64, i64)> = held.iter().map(|n| (5, n + 5)).collect();
            spread(&wanted, Ok(&held), keys)
        };
        assert_eq!(code(&of(&[100, 110, 90, 100, 120, 80], None)), None);
        assert_eq!(
            code(&of(&[300, 100, 100, 100, 100, 100], None)),
            None,
            "three times the others is the limit"
        );
        let skewed = of(&[1000, 10, 10, 10, 0, 10], Some(500));
        assert_eq!(code(&skewed), Some("skewed-partitions"));
        let finding = skewed.finding().unwrap();
        assert_eq!(finding.summary, "partition 0 holds 96% of 1,040 records");
        assert_eq!(finding.place, "raw/0");
        assert!(finding.saw[0].contains("0: 1,000, 1: 10"), "{finding:?}");
        assert!(finding.next[0].contains("vehicle_id"), "{finding:?}");
        let few_keys = of(&[1000, 10, 10, 10, 0, 10], Some(5));
        assert!(
            few_keys.finding().unwrap().next[0].contains("few keys"),
            "{few_keys:?}"
        );
        assert_eq!(code(&of(&[299, 0, 0, 0, 0, 0], None)), None, "too few to tell");
        assert_eq!(code(&of(&[300, 0, 0, 0, 0, 0], None)), Some("skewed-partitions"));
        assert_eq!(
            code(&of(&[100_000], None)),
            None,
            "one partition cannot be skewed"
        );
    }
}
