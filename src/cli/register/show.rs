//! Plans of subjects as text for people and as JSON lines for machines.

use fleetops_avro::diagnostic;
use fleetops_registry::registry::{Action, Problem, Registered, SubjectStep};
use serde_json::json;

use super::super::confirm::{Paint, Sign};
use super::super::{Global, report};

/// `1 subject`, `2 subjects`.
pub(in crate::cli) fn count(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    }
}

/// The plan in lines: a sign, the subject, what is done.
pub(super) fn text(steps: &[SubjectStep], paint: Paint) -> String {
    let width = steps.iter().map(|s| s.wanted.subject.len()).max().unwrap_or(0);
    let mut lines = Vec::new();
    for step in steps {
        let mut name = step.wanted.subject.as_str();
        let mut line = |sign: &str, what: String| {
            lines.push(format!("{sign} {name:<width$}  {what}").trim_end().to_owned());
            name = "";
        };
        for action in &step.actions {
            let (sign, what) = describe(step, action);
            line(&paint.sign(sign), what);
        }
        for problem in &step.problems {
            line(&paint.refuse("!"), problem.to_string());
        }
        if step.actions.is_empty() && step.problems.is_empty() {
            let there = step
                .registered
                .map(|r| format!(" (version {}, ID {})", r.version, r.id))
                .unwrap_or_default();
            line(" ", paint.keep(&format!("no change{there}")));
        }
        for note in &step.notes {
            line(" ", format!("note: {note}"));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// What is done, in words.
pub(in crate::cli) fn describe(step: &SubjectStep, action: &Action) -> (Sign, String) {
    match action {
        Action::Register { after } => {
            let sign = match after {
                None => Sign::Add,
                Some(_) => Sign::Change,
            };
            (sign, format!("register  {}{}", next(*after), references(step)))
        }
        Action::SetLevel(change) => {
            let from = match change.own {
                true => change.from.to_string(),
                false => format!("{}, the registry's own", change.from),
            };
            (Sign::Change, format!("level     {} (was {from})", change.to))
        }
    }
}

fn next(after: Option<u32>) -> String {
    match after {
        None => "a new subject".to_owned(),
        Some(version) => format!("a new version, after {version}"),
    }
}

fn references(step: &SubjectStep) -> String {
    let names: Vec<&str> = step
        .wanted
        .references
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("; refers to {}", names.join(", ")),
    }
}

/// Writes why schemas do not go with what is registered, with the places, to standard error.
pub(in crate::cli) fn diagnostics(global: &Global, steps: &[SubjectStep]) {
    for step in steps {
        for problem in &step.problems {
            if let Problem::Incompatible { diagnostics, .. } = problem {
                for found in diagnostics {
                    let found = found.clone().note(format!("subject {}", step.wanted.subject));
                    report::line(diagnostic::render(&found, global.color_stderr()).trim_end());
                    report::line("");
                }
            }
        }
    }
}

/// `3 schemas to register, 1 level to set, 2 subjects as wanted`.
pub(in crate::cli) fn summary(steps: &[SubjectStep]) -> String {
    let of = |is: fn(&Action) -> bool| steps.iter().flat_map(|s| &s.actions).filter(|a| is(a)).count();
    let register = of(|action| matches!(action, Action::Register { .. }));
    let levels = of(|action| matches!(action, Action::SetLevel(_)));
    let keep = steps
        .iter()
        .filter(|s| s.actions.is_empty() && s.problems.is_empty())
        .count();
    let problems: usize = steps.iter().map(|s| s.problems.len()).sum();
    let mut text = format!(
        "{} to register, {} to set, {} as wanted",
        count(register, "schema"),
        count(levels, "level"),
        count(keep, "subject")
    );
    if problems > 0 {
        text.push_str(&format!(
            "; {} in the way of all of it",
            count(problems, "problem")
        ));
    }
    text
}

/// That an action was done.
pub(in crate::cli) fn done(step: &SubjectStep, action: &Action, new: Option<Registered>) -> String {
    let subject = &step.wanted.subject;
    match (action, new) {
        (Action::Register { .. }, Some(new)) => {
            format!("registered {subject}: version {}, ID {}\n", new.version, new.id)
        }
        (Action::Register { .. }, None) => format!("registered {subject}\n"),
        (Action::SetLevel(change), _) => format!("set {subject}: {}\n", change.to),
    }
}

/// One object a line: an action, a problem, or that a subject is as wanted.
pub(super) fn json(steps: &[SubjectStep], outcome: &str) -> String {
    steps.iter().map(|step| json_step(step, outcome)).collect()
}

pub(in crate::cli) fn json_step(step: &SubjectStep, outcome: &str) -> String {
    let subject = &step.wanted.subject;
    let mut lines: String = step
        .actions
        .iter()
        .map(|action| json_action(step, action, None, outcome))
        .collect();
    for problem in &step.problems {
        let mut object = json!({
            "subject": subject, "action": "problem", "problem": problem.code(), "message": problem.to_string(),
        });
        if let Problem::Incompatible {
            violations, against, ..
        } = problem
        {
            let found: Vec<_> = violations
                .iter()
                .map(|v| {
                    json!({
                        "type": v.incompatibility.kind.to_string(),
                        "location": v.incompatibility.location,
                        "message": v.incompatibility.message,
                    })
                })
                .collect();
            object["against"] = json!(against);
            object["incompatibilities"] = json!(found);
        }
        lines.push_str(&format!("{object}\n"));
    }
    if lines.is_empty() {
        let object = json!({
            "subject": subject, "action": "no-change",
            "version": step.registered.map(|r| r.version), "id": step.registered.map(|r| r.id),
            "notes": step.notes,
        });
        lines.push_str(&format!("{object}\n"));
    }
    lines
}

pub(in crate::cli) fn json_action(
    step: &SubjectStep,
    action: &Action,
    new: Option<Registered>,
    outcome: &str,
) -> String {
    let subject = &step.wanted.subject;
    let mut object = match action {
        Action::Register { after } => {
            let references: Vec<&str> = step.wanted.references.iter().map(|(n, _)| n.as_str()).collect();
            json!({
                "subject": subject, "action": "register", "after": after, "references": references,
                "version": new.map(|r| r.version), "id": new.map(|r| r.id),
            })
        }
        Action::SetLevel(change) => json!({
            "subject": subject, "action": "level", "from": change.from.to_string(), "to": change.to.to_string(),
        }),
    };
    object["outcome"] = json!(outcome);
    format!("{object}\n")
}
