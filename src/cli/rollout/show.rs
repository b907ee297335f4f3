//! The plan as text for people, as JSON lines for machines, and as Markdown for a pull request; drift in lines.

use fleetops_avro::diagnostic;
use fleetops_registry::kafka;
use fleetops_registry::registry::{self, Registered};
use fleetops_registry::rollout::{Item, Phase, Rollout};
use serde_json::json;

use super::super::confirm::{Paint, Sign};
use super::super::register::show as subjects;
use super::super::topics::show as topics;

fn name<'a>(item: &Item<'a>) -> &'a str {
    match item {
        Item::Subject(step, _) => &step.wanted.subject,
        Item::Topic(step, _) => &step.wanted.name,
    }
}

fn describe(item: &Item<'_>) -> (Sign, Vec<String>) {
    match item {
        Item::Subject(step, action) => {
            let (sign, line) = subjects::describe(step, action);
            (sign, vec![line])
        }
        Item::Topic(step, action) => topics::describe(step, action),
    }
}

/// An item in one line, without its sign.
pub(super) fn line(item: &Item<'_>) -> String {
    let (_, lines) = describe(item);
    let first = lines.into_iter().next().unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    format!("{} {}: {}", kind(item), name(item), words.join(" "))
}

fn kind(item: &Item<'_>) -> &'static str {
    match item {
        Item::Subject(..) => "subject",
        Item::Topic(..) => "topic",
    }
}

/// That an item was done.
pub(super) fn done(item: &Item<'_>, new: Option<Registered>) -> String {
    match item {
        Item::Subject(step, action) => subjects::done(step, action, new),
        Item::Topic(step, action) => topics::done(step, action),
    }
}

/// The plan in lines, phase by phase: a sign, the subject or topic, what is done. What stays is counted only.
pub(super) fn text(rollout: &Rollout, paint: Paint) -> String {
    let items = rollout.items();
    let width = items.iter().map(|item| name(item).len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for phase in Phase::ALL {
        let mut last = "";
        for item in items.iter().filter(|item| item.phase() == phase) {
            if last.is_empty() {
                lines.push(format!("{}:", phase.as_str()));
            }
            let (sign, texts) = describe(item);
            for (i, text) in texts.into_iter().enumerate() {
                let (sign, name) = match i {
                    0 => (paint.sign(sign), if name(item) == last { "" } else { name(item) }),
                    _ => (" ".to_owned(), ""),
                };
                lines.push(format!("  {sign} {name:<width$}  {text}").trim_end().to_owned());
            }
            last = name(item);
        }
    }
    let problems = problems(rollout);
    if !problems.is_empty() {
        lines.push("in the way of all of it:".to_owned());
        lines.extend(
            problems
                .iter()
                .map(|(kind, name, text)| format!("  {} {kind} {name}: {text}", paint.refuse("!"))),
        );
    }
    for (kind, name, note) in notes(rollout) {
        lines.push(format!("  note: {kind} {name}: {note}"));
    }
    if items.is_empty() && problems.is_empty() {
        lines.push(paint.keep("no change"));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn problems(rollout: &Rollout) -> Vec<(&'static str, &str, String)> {
    let subjects = rollout.subjects.iter().flat_map(|part| {
        let name = part.step.wanted.subject.as_str();
        part.step
            .problems
            .iter()
            .map(move |problem| ("subject", name, problem.to_string()))
    });
    let topics = rollout.topics.iter().flat_map(|part| {
        let name = part.step.wanted.name.as_str();
        part.step
            .problems
            .iter()
            .map(move |problem| ("topic", name, problem.to_string()))
    });
    subjects.chain(topics).collect()
}

fn notes(rollout: &Rollout) -> Vec<(&'static str, &str, String)> {
    let subjects = rollout.subjects.iter().flat_map(|part| {
        let name = part.step.wanted.subject.as_str();
        part.step
            .notes
            .iter()
            .map(move |note| ("subject", name, note.clone()))
    });
    let topics = rollout.topics.iter().filter_map(|part| {
        Some((
            "topic",
            part.step.wanted.name.as_str(),
            topics::replication(&part.step)?,
        ))
    });
    subjects.chain(topics).collect()
}

/// `2 schemas to register, 1 topic to create, 3 settings to change; 7 of 9 as wanted`.
pub(super) fn summary(rollout: &Rollout) -> String {
    let items = rollout.items();
    let of = |is: fn(&Item<'_>) -> bool| items.iter().filter(|item| is(item)).count();
    let mut parts = Vec::new();
    let mut part = |n: usize, what: &str, done: &str| {
        if n > 0 {
            parts.push(format!("{} to {done}", subjects::count(n, what)));
        }
    };
    part(of(|item| item.phase() == Phase::Schemas), "schema", "register");
    part(
        of(|item| matches!(item, Item::Topic(_, kafka::Action::Create))),
        "topic",
        "create",
    );
    part(
        of(|item| matches!(item, Item::Topic(_, kafka::Action::Grow { .. }))),
        "topic",
        "grow",
    );
    part(of(|item| item.phase() == Phase::Settings), "setting", "change");
    if parts.is_empty() {
        parts.push("nothing to change".to_owned());
    }
    let kept = rollout
        .subjects
        .iter()
        .filter(|part| part.step.actions.is_empty() && part.step.problems.is_empty())
        .count()
        + rollout
            .topics
            .iter()
            .filter(|part| part.step.actions.is_empty() && part.step.problems.is_empty())
            .count();
    let all = rollout.subjects.len() + rollout.topics.len();
    let mut text = format!("{}; {kept} of {all} as wanted", parts.join(", "));
    if rollout.problems() > 0 {
        text.push_str(&format!(
            "; {} in the way of all of it",
            subjects::count(rollout.problems(), "problem")
        ));
    }
    text
}

/// One object a line: first what is to be done, in order, then what stands against it and what stays.
pub(super) fn json(rollout: &Rollout, outcome: &str) -> String {
    let mut out: String = rollout
        .items()
        .iter()
        .map(|item| json_item(item, None, outcome))
        .collect();
    for part in &rollout.subjects {
        let mut rest = part.step.clone();
        if !rest.actions.is_empty() && rest.problems.is_empty() {
            continue;
        }
        rest.actions.clear();
        out.push_str(&subjects::json_step(&rest, outcome));
    }
    for part in &rollout.topics {
        let mut rest = part.step.clone();
        if !rest.actions.is_empty() && rest.problems.is_empty() {
            continue;
        }
        rest.actions.clear();
        out.push_str(&topics::json_step(&rest, outcome));
    }
    out
}

pub(super) fn json_item(item: &Item<'_>, new: Option<Registered>, outcome: &str) -> String {
    match item {
        Item::Subject(step, action) => subjects::json_action(step, action, new, outcome),
        Item::Topic(step, action) => topics::json_action(step, action, outcome),
    }
}

/// A text in a cell of a table.
fn cell(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}

/// For a pull request.
pub(super) fn markdown(rollout: &Rollout, place: &str) -> String {
    let items = rollout.items();
    let refused = rollout.problems() > 0;
    let title = match (refused, items.len()) {
        (true, _) => "the plan is refused".to_owned(),
        (false, 0) => "no change".to_owned(),
        (false, n) => subjects::count(n, "change"),
    };
    let mut out = format!(
        "### `{}`: {title}\n\n{}\n",
        rollout.environment,
        cell(&summary(rollout))
    );
    if !items.is_empty() {
        out.push_str("\n| | what | change |\n|---|---|---|\n");
        for item in &items {
            let (sign, lines) = describe(item);
            let lines: Vec<String> = lines.iter().map(|line| cell(line)).collect();
            out.push_str(&format!(
                "| {} | {} `{}` | {} |\n",
                sign.letter(),
                kind(item),
                cell(name(item)),
                lines.join("<br>")
            ));
        }
    }
    if refused {
        out.push_str("\n**In the way of all of it**\n\n");
        for (kind, name, text) in problems(rollout) {
            out.push_str(&format!("- {kind} `{name}`: {}\n", cell(&text)));
        }
    }
    let found: Vec<String> = rollout
        .subjects
        .iter()
        .flat_map(|part| &part.step.problems)
        .filter_map(|problem| match problem {
            registry::Problem::Incompatible { diagnostics, .. } => Some(diagnostics),
            _ => None,
        })
        .flatten()
        .map(|found| diagnostic::render(found, false).trim_end().to_owned())
        .collect();
    if !found.is_empty() {
        // A fence longer than any in the text.
        out.push_str(&format!(
            "\n````text\n{}\n````\n",
            found.join("\n\n").replace("````", "'''' ")
        ));
    }
    let notes = notes(rollout);
    if !notes.is_empty() {
        out.push('\n');
        for (kind, name, note) in notes {
            out.push_str(&format!("- note: {kind} `{name}`: {}\n", cell(&note)));
        }
    }
    out.push_str(&format!("\n<sub>{}</sub>\n", cell(place)));
    out
}

/// A way in which a server differs.
#[derive(Clone, Debug)]
pub(super) struct Drift {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) code: String,
    pub(super) message: String,
}

impl Drift {
    pub(super) fn json(&self) -> String {
        let object = json!({
            "kind": self.kind, "name": self.name, "drift": self.code, "message": self.message,
        });
        format!("{object}\n")
    }
}

/// What is to be done, seen from the other side: how the server differs.
fn differs(item: &Item<'_>) -> (&'static str, String) {
    match item {
        Item::Subject(_, registry::Action::Register { after: None }) => {
            ("missing", "the subject is missing".to_owned())
        }
        Item::Subject(_, registry::Action::Register { after: Some(version) }) => (
            "not-registered",
            format!("our schema is not registered; the newest is version {version}"),
        ),
        Item::Subject(_, registry::Action::SetLevel(change)) => (
            "level",
            format!("the level is {}, the manifest wants {}", change.from, change.to),
        ),
        Item::Topic(_, kafka::Action::Create) => ("missing", "the topic is missing".to_owned()),
        Item::Topic(_, kafka::Action::Grow { from, to }) => (
            "partitions",
            format!("it has {from} partitions, the manifest wants {to}"),
        ),
        Item::Topic(_, kafka::Action::Set { name, from, to }) => {
            let from = from.as_deref().unwrap_or("the cluster's default");
            ("setting", format!("{name} is {from}, the manifest wants {to}"))
        }
        Item::Topic(_, kafka::Action::Unset { name, from }) => (
            "setting",
            format!("{name} is set to {from}, the manifest does not set it"),
        ),
    }
}

/// What differs from the manifest.
pub(super) fn drifts(rollout: &Rollout) -> Vec<Drift> {
    let mut all: Vec<Drift> = Vec::new();
    let mut add = |kind, name: &str, code: &str, message: String| {
        all.push(Drift {
            kind,
            name: name.to_owned(),
            code: code.to_owned(),
            message,
        });
    };
    for item in rollout.items() {
        // A subject that is missing has no level that could differ.
        if matches!(item, Item::Subject(step, registry::Action::SetLevel(_)) if step.newest.is_none()) {
            continue;
        }
        let (code, message) = differs(&item);
        add(kind(&item), name(&item), code, message);
    }
    for part in &rollout.subjects {
        let step = &part.step;
        for problem in &step.problems {
            add(
                "subject",
                &step.wanted.subject,
                problem.code(),
                problem.to_string(),
            );
        }
        if let (Some(ours), Some(newest)) = (step.registered, step.newest)
            && ours.version != newest
        {
            let message = format!(
                "version {newest} is newer than ours, which is version {}",
                ours.version
            );
            add("subject", &step.wanted.subject, "newer-version", message);
        }
    }
    for part in &rollout.topics {
        for problem in &part.step.problems {
            add(
                "topic",
                &part.step.wanted.name,
                problem.code(),
                problem.to_string(),
            );
        }
        if let Some(note) = topics::replication(&part.step) {
            add("topic", &part.step.wanted.name, "replication-factor", note);
        }
    }
    all
}

pub(super) fn drift_text(drifts: &[Drift], paint: Paint) -> String {
    let width = |of: fn(&Drift) -> usize| drifts.iter().map(of).max().unwrap_or(0);
    let (kinds, names) = (width(|d| d.kind.len()), width(|d| d.name.len()));
    drifts
        .iter()
        .map(|drift| {
            format!(
                "{} {:<kinds$}  {:<names$}  {}\n",
                paint.change("~"),
                drift.kind,
                drift.name,
                drift.message
            )
        })
        .collect()
}
