//! Plans of topics as text for people and as JSON lines for machines.

use std::collections::BTreeMap;

use fleetops_registry::kafka::{Action, ExistingTopic, TopicPlan, TopicSettings, TopicStep};
use serde_json::{Value, json};

use super::super::confirm::{Paint, Sign};

/// `1 topic`, `2 topics`.
pub(in crate::cli) fn count(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}

/// The plan in lines: a sign, the topic, what is done.
pub(super) fn text(plan: &TopicPlan, paint: Paint) -> String {
    let width = plan.steps.iter().map(|s| s.wanted.name.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for step in &plan.steps {
        let mut name = step.wanted.name.as_str();
        let mut line = |sign: &str, what: String| {
            lines.push(format!("{sign} {name:<width$}  {what}").trim_end().to_owned());
            name = "";
        };
        for action in &step.actions {
            let (sign, what) = describe(step, action);
            for (i, what) in what.into_iter().enumerate() {
                match i {
                    0 => line(&paint.sign(sign), what),
                    _ => line(" ", what),
                }
            }
        }
        for problem in &step.problems {
            line(&paint.refuse("!"), problem.to_string());
        }
        if let Some(note) = replication(step) {
            line(" ", format!("note    {note}"));
        }
        if step.actions.is_empty() && step.problems.is_empty() {
            line(" ", paint.keep("no change"));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What is done, in words: a line, and for a new topic one for each of its settings.
pub(in crate::cli) fn describe(step: &TopicStep, action: &Action) -> (Sign, Vec<String>) {
    match action {
        Action::Create => {
            let mut lines = vec![format!(
                "create  {}, replication factor {}",
                count(step.wanted.partitions as usize, "partition"),
                step.wanted.replication_factor
            )];
            let names = step.wanted.config.keys().map(String::len).max().unwrap_or(0);
            for (name, value) in &step.wanted.config {
                lines.push(format!("        {name:<names$} = {value}"));
            }
            (Sign::Add, lines)
        }
        Action::Grow { from, to } => {
            let keys = match step.moves_keys {
                true => "; keys move to other partitions",
                false => "",
            };
            (
                Sign::Change,
                vec![format!("grow    {from} -> {to} partitions{keys}")],
            )
        }
        Action::Set { name, from, to } => {
            let was = from
                .as_ref()
                .map_or("the cluster's default".to_owned(), Clone::clone);
            (Sign::Change, vec![format!("set     {name} = {to} (was {was})")])
        }
        Action::Unset { name, from } => (Sign::Change, vec![format!("unset   {name} (was {from})")]),
    }
}

pub(in crate::cli) fn replication(step: &TopicStep) -> Option<String> {
    let (has, wanted) = step.replication_difference()?;
    Some(format!(
        "replication factor is {has}, the manifest wants {wanted}: left alone, it is changed with \
         kafka-reassign-partitions"
    ))
}

/// `3 topics to create, 1 to change, 4 as wanted`.
pub(in crate::cli) fn summary(plan: &TopicPlan) -> String {
    let create = plan.creations().count();
    let refused = plan.steps.iter().filter(|s| !s.problems.is_empty()).count();
    let change = plan
        .steps
        .iter()
        .filter(|s| s.existing.is_some() && !s.actions.is_empty())
        .count();
    let keep = plan
        .steps
        .iter()
        .filter(|s| s.actions.is_empty() && s.problems.is_empty())
        .count();
    let mut text = format!(
        "{} to create, {change} to change, {keep} as wanted",
        count(create, "topic")
    );
    if refused > 0 {
        text.push_str(&format!(
            "; {} in the way of the whole plan",
            count(plan.problems(), "problem")
        ));
    }
    text
}

/// That an action was done.
pub(in crate::cli) fn done(step: &TopicStep, action: &Action) -> String {
    let topic = &step.wanted.name;
    match action {
        Action::Create => format!("created {topic}\n"),
        Action::Grow { to, .. } => format!("grew {topic} to {to} partitions\n"),
        Action::Set { name, to, .. } => format!("set {topic}: {name} = {to}\n"),
        Action::Unset { name, .. } => format!("unset {topic}: {name}\n"),
    }
}

/// One object a line: an action, a problem, or that a topic is as wanted.
pub(super) fn json(plan: &TopicPlan, outcome: &str) -> String {
    plan.steps.iter().map(|step| json_step(step, outcome)).collect()
}

pub(in crate::cli) fn json_step(step: &TopicStep, outcome: &str) -> String {
    let topic = &step.wanted.name;
    let mut lines: String = step
        .actions
        .iter()
        .map(|action| json_action(step, action, outcome))
        .collect();
    for problem in &step.problems {
        let object = json!({
            "topic": topic, "action": "problem", "problem": problem.code(), "message": problem.to_string(),
        });
        lines.push_str(&format!("{object}\n"));
    }
    if lines.is_empty() {
        lines.push_str(&format!(
            "{}\n",
            with_note(step, json!({"topic": topic, "action": "no-change"}))
        ));
    }
    lines
}

pub(in crate::cli) fn json_action(step: &TopicStep, action: &Action, outcome: &str) -> String {
    let topic = &step.wanted.name;
    let mut object = match action {
        Action::Create => json!({
            "topic": topic, "action": "create", "partitions": step.wanted.partitions,
            "replication_factor": step.wanted.replication_factor, "config": step.wanted.config,
        }),
        Action::Grow { from, to } => json!({
            "topic": topic, "action": "grow", "from": from, "to": to, "moves_keys": step.moves_keys,
        }),
        Action::Set { name, from, to } => json!({
            "topic": topic, "action": "set", "setting": name, "from": from, "to": to,
        }),
        Action::Unset { name, from } => json!({
            "topic": topic, "action": "unset", "setting": name, "from": from,
        }),
    };
    object["outcome"] = json!(outcome);
    format!("{}\n", with_note(step, object))
}

fn with_note(step: &TopicStep, mut object: Value) -> Value {
    if let Some(note) = replication(step) {
        object["note"] = json!(note);
    }
    object
}

/// How a topic goes with the manifest, in a word.
fn state(step: Option<&TopicStep>) -> &'static str {
    match step {
        None => "not in the manifest",
        Some(step) if step.existing.is_none() => "missing",
        Some(step)
            if step.actions.is_empty()
                && step.problems.is_empty()
                && step.replication_difference().is_none() =>
        {
            "as wanted"
        }
        Some(_) => "differs",
    }
}

/// Every topic there is and every one that should be, in the order of names.
fn rows<'a>(
    plan: &'a TopicPlan,
    topics: &'a BTreeMap<String, ExistingTopic>,
) -> BTreeMap<&'a str, (Option<&'a TopicStep>, Option<&'a ExistingTopic>)> {
    let mut rows: BTreeMap<&str, (Option<&TopicStep>, Option<&ExistingTopic>)> = topics
        .iter()
        .map(|(name, topic)| (name.as_str(), (None, Some(topic))))
        .collect();
    for step in &plan.steps {
        rows.entry(&step.wanted.name).or_default().0 = Some(step);
    }
    rows
}

pub(super) fn list_text(plan: &TopicPlan, topics: &BTreeMap<String, ExistingTopic>, paint: Paint) -> String {
    let rows = rows(plan, topics);
    let width = rows
        .keys()
        .map(|name| name.len())
        .max()
        .unwrap_or(0)
        .max("TOPIC".len());
    let mut text = format!("{:<width$}  PARTITIONS  REPLICAS  STATE\n", "TOPIC");
    for (name, (step, there)) in rows {
        let number = |n: Option<u32>| n.map_or("-".to_owned(), |n| n.to_string());
        let state = match state(step) {
            "as wanted" => "as wanted".to_owned(),
            "not in the manifest" => paint.keep("not in the manifest"),
            other => paint.change(other),
        };
        text.push_str(&format!(
            "{name:<width$}  {:>10}  {:>8}  {state}\n",
            number(there.map(|t| t.partitions)),
            number(there.map(|t| t.replication_factor)),
        ));
    }
    text
}

pub(super) fn list_json(
    plan: &TopicPlan,
    topics: &BTreeMap<String, ExistingTopic>,
    settings: &BTreeMap<String, TopicSettings>,
) -> String {
    rows(plan, topics)
        .into_iter()
        .map(|(name, (step, there))| {
            let object = json!({
                "topic": name,
                "partitions": there.map(|t| t.partitions),
                "replication_factor": there.map(|t| t.replication_factor),
                "state": state(step),
                "config": settings.get(name),
            });
            format!("{object}\n")
        })
        .collect()
}
