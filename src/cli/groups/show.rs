//! Groups and plans for them, as text for people and as JSON lines for machines.

use std::collections::BTreeMap;

use fleetops_registry::kafka::groups::{Group, GroupProtocol, GroupState, TopicPartition};
use fleetops_registry::kafka::reset::{Note, ResetStep};
use rdkafka::types::RDKafkaErrorCode;
use serde_json::{Value, json};

use super::super::confirm::Paint;
use super::grouped;

/// `1 offset`, `2 offsets`.
pub(super) fn count(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{} {one}s", grouped(n as u64)),
    }
}

fn protocol(group: &Group) -> Option<&'static str> {
    match group.protocol? {
        GroupProtocol::Classic => Some("classic"),
        GroupProtocol::Consumer => Some("consumer"),
        _ => None,
    }
}

/// A table of groups.
pub(super) fn list_text(groups: &[Group], is_declared: impl Fn(&str) -> bool, paint: Paint) -> String {
    let width = groups.iter().map(|g| g.name.len()).max().unwrap_or(0);
    let width = width.max("GROUP".len());
    let mut text = format!(
        "{:<width$}  {:<11}  MEMBERS  PROTOCOL  MANIFEST\n",
        "GROUP", "STATE"
    );
    for group in groups {
        let state = format!("{:<11}", group.state.to_string());
        let state = match group.state {
            GroupState::Stable => paint.add(&state),
            GroupState::Rebalancing => paint.change(&state),
            _ => paint.keep(&state),
        };
        let declared = match is_declared(&group.name) {
            true => "yes".to_owned(),
            false => paint.keep("no"),
        };
        text.push_str(&format!(
            "{:<width$}  {state}  {:>7}  {:<8}  {declared}\n",
            group.name,
            group.members.len(),
            protocol(group).unwrap_or("-"),
        ));
    }
    text
}

/// `1,3,5 of raw_telemetry`, by topic.
fn partitions(of: &[TopicPartition]) -> String {
    let mut topics: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (topic, number) in of {
        topics.entry(topic).or_default().push(number.to_string());
    }
    let parts: Vec<String> = topics
        .iter()
        .map(|(topic, numbers)| format!("{topic} {}", numbers.join(",")))
        .collect();
    match parts.is_empty() {
        true => "no partitions".to_owned(),
        false => parts.join("; "),
    }
}

/// Groups with who is in them.
pub(super) fn members_text(groups: &[Group]) -> String {
    let mut text = String::new();
    for group in groups {
        let assignor = match group.assignor.is_empty() {
            true => String::new(),
            false => format!(", {}", group.assignor),
        };
        text.push_str(&format!(
            "{} ({}{assignor}): {}\n",
            group.name,
            group.state,
            count(group.members.len(), "member")
        ));
        for member in &group.members {
            let instance = member
                .instance
                .as_ref()
                .map_or(String::new(), |instance| format!(", static as {instance}"));
            text.push_str(&format!(
                "  {} at {}{instance}: {}\n",
                member.client_id,
                member.host,
                partitions(&member.partitions)
            ));
        }
    }
    text
}

/// `group g is stable, with 2 members`.
pub(super) fn has_members(group: &Group) -> String {
    format!(
        "group {} is {}, with {}",
        group.name,
        group.state,
        count(group.members.len(), "member")
    )
}

/// Its members in a line, the first of them by name.
pub(super) fn members(group: &Group) -> String {
    const SHOWN: usize = 3;
    let mut names: Vec<String> = group
        .members
        .iter()
        .take(SHOWN)
        .map(|member| format!("{} at {}", member.client_id, member.host))
        .collect();
    if group.members.len() > SHOWN {
        names.push(format!("{} more", group.members.len() - SHOWN));
    }
    names.join(", ")
}

/// One object a group.
pub(super) fn list_json(groups: &[Group], is_declared: impl Fn(&str) -> bool) -> String {
    let line = |group: &Group| {
        let members: Vec<Value> = group
            .members
            .iter()
            .map(|member| {
                let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
                for (topic, number) in &member.partitions {
                    topics.entry(topic).or_default().push(*number);
                }
                json!({
                    "id": member.id, "client_id": member.client_id, "host": member.host,
                    "instance": member.instance, "partitions": topics,
                })
            })
            .collect();
        let object = json!({
            "group": group.name,
            "state": group.state.to_string(),
            "protocol": protocol(group),
            "assignor": (!group.assignor.is_empty()).then_some(&group.assignor),
            "declared": is_declared(&group.name),
            "members": members,
        });
        format!("{object}\n")
    };
    groups.iter().map(line).collect()
}

fn note(step: &ResetStep) -> Option<String> {
    Some(match step.note? {
        Note::BelowStart => format!("the log begins at {}", step.known.low),
        Note::BeyondEnd => format!("the log ends at {}", step.known.high),
        Note::NothingSince => "no record since then".to_owned(),
        _ => return None,
    })
}

/// A table of partitions: what is committed, what will be, and the difference.
pub(super) fn plan_text(steps: &[ResetStep], paint: Paint) -> String {
    let width = steps.iter().map(|s| s.topic.len()).max().unwrap_or(0);
    let width = width.max("TOPIC".len());
    let mut text = format!(
        "  {:<width$}  PARTITION     COMMITTED            TO        CHANGE\n",
        "TOPIC"
    );
    for step in steps {
        let sign = match step.changes() {
            true => paint.change("~"),
            false => " ".to_owned(),
        };
        let committed = step
            .known
            .committed
            .map_or("-".to_owned(), |offset| offset.to_string());
        let change = match step.moves() {
            None => "new".to_owned(),
            Some(0) => "none".to_owned(),
            Some(by) => format!("{by:+}"),
        };
        let note = note(step).map_or(String::new(), |note| format!("  {note}"));
        text.push_str(&format!(
            "{sign} {:<width$}  {:>9}  {committed:>12}  {:>12}  {change:>12}{note}\n",
            step.topic, step.partition, step.to
        ));
    }
    text
}

/// `2 of 6 offsets to move: 1,200 offsets are read again, 30 are passed over`.
pub(super) fn summary(steps: &[ResetStep]) -> String {
    let changes = steps.iter().filter(|step| step.changes()).count();
    if changes == 0 {
        return format!("nothing to do, {} as wanted", count(steps.len(), "offset"));
    }
    let sum = |sign: i64| -> u64 {
        let part = |step: &ResetStep| {
            step.moves()
                .map(|by| by.saturating_mul(sign).max(0).unsigned_abs())
        };
        steps.iter().filter_map(part).sum()
    };
    let mut parts = Vec::new();
    for (records, what) in [(sum(-1), "read again"), (sum(1), "passed over")] {
        if records > 0 {
            parts.push(format!("{} {what}", count(records as usize, "record")));
        }
    }
    let new = steps.iter().filter(|step| step.known.committed.is_none()).count();
    if new > 0 {
        parts.push(format!("{} new", grouped(new as u64)));
    }
    format!(
        "{} of {} to move: {}",
        grouped(changes as u64),
        count(steps.len(), "offset"),
        parts.join(", ")
    )
}

fn json_step(group: &str, step: &ResetStep, outcome: &str, error: Option<String>) -> String {
    let mut object = json!({
        "group": group, "topic": step.topic, "partition": step.partition,
        "committed": step.known.committed, "to": step.to, "change": step.moves(),
        "low_watermark": step.known.low, "high_watermark": step.known.high,
        "outcome": match step.changes() { true => outcome, false => "no-change" },
    });
    if let Some(note) = note(step) {
        object["note"] = json!(note);
    }
    if let Some(error) = error {
        object["error"] = json!(error);
    }
    format!("{object}\n")
}

/// One object a partition.
pub(super) fn plan_json(group: &str, steps: &[ResetStep], outcome: &str) -> String {
    steps
        .iter()
        .map(|step| json_step(group, step, outcome, None))
        .collect()
}

/// The same after it was done.
pub(super) fn done_json(
    group: &str,
    steps: &[ResetStep],
    refused: &BTreeMap<TopicPartition, RDKafkaErrorCode>,
) -> String {
    let line = |step: &ResetStep| match refused.get(&(step.topic.clone(), step.partition)) {
        Some(code) => json_step(group, step, "refused", Some(code.to_string())),
        None => json_step(group, step, "done", None),
    };
    steps.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use fleetops_registry::kafka::reset::{Known, Target};

    use super::*;

    fn steps(target: Target) -> Vec<ResetStep> {
        let known = |committed| Known {
            low: 100,
            high: 2_000,
            committed,
            at_time: None,
        };
        [Some(1_300), Some(100), None]
            .into_iter()
            .zip(0..)
            .map(|(committed, n)| ResetStep::new("orders", n, known(committed), target))
            .collect()
    }

    #[test]
    fn a_plan_says_what_is_read_again_and_what_is_passed_over() {
        assert_eq!(
            plan_text(&steps(Target::Earliest), Paint(false)),
            "  TOPIC   PARTITION     COMMITTED            TO        CHANGE\n\
             ~ orders          0          1300           100         -1200\n\
             \x20 orders          1           100           100          none\n\
             ~ orders          2             -           100           new\n"
        );
        assert_eq!(
            summary(&steps(Target::Earliest)),
            "2 of 3 offsets to move: 1,200 records read again, 1 new"
        );
        assert_eq!(
            summary(&steps(Target::Offset(1_300))),
            "2 of 3 offsets to move: 1,200 records passed over, 1 new"
        );
        assert_eq!(
            summary(&steps(Target::Earliest)[1..2]),
            "nothing to do, 1 offset as wanted"
        );
    }

    #[test]
    fn machines_get_one_object_a_partition() {
        let refused = BTreeMap::from([(("orders".to_owned(), 2), RDKafkaErrorCode::UnknownMemberId)]);
        let text = done_json("g", &steps(Target::Offset(5)), &refused);
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let outcomes: Vec<&Value> = lines.iter().map(|line| &line["outcome"]).collect();
        assert_eq!(outcomes, ["done", "no-change", "refused"]);
        assert_eq!(lines[0]["note"], "the log begins at 100");
        assert_eq!(
            (&lines[0]["committed"], &lines[0]["change"]),
            (&json!(1300), &json!(-1200))
        );
        assert!(lines[2]["error"].as_str().unwrap().contains("member"));
    }
}
