//! A plan in a file: what was reviewed, and what it was made from.
//!
//! A plan is not carried out from its file. It is made again, from the schemas and the manifest at hand and from what
//! the servers show now, and held against the file: the same wishes, the same servers, the same state, the same changes.
//! So a file cannot smuggle anything in, and whatever has moved on since the review is found out. A run that was cut short
//! may go on: changes that are done already are missing from the new plan, and that is no difference.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Rollout;
use crate::kafka::{self, TopicStep};
use crate::registry::{self, SubjectStep, fingerprint};

/// The layout of the file.
const FORMAT: u32 = 1;

/// Why a file is no saved plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavedError {
    /// It is something else, or was edited.
    #[error("it is no saved plan: {0}")]
    Syntax(String),
    /// Another version of this program wrote it.
    #[error("it has format {0}, and this program reads {FORMAT}: make it anew")]
    Format(u32),
}

/// A subject or topic in a saved plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// A fingerprint of what is wanted.
    pub wanted: String,
    /// A fingerprint of what was there.
    pub state: String,
    /// What is to be done.
    pub actions: Vec<Value>,
}

/// A plan as it is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Saved {
    plan: u32,
    /// The environment.
    pub environment: String,
    /// The registry's address.
    pub registry: Option<String>,
    /// The cluster's ID.
    pub cluster: Option<String>,
    /// Topics may grow whose records have keys.
    pub allow_rekey: bool,
    /// Subjects take part.
    pub with_subjects: bool,
    /// Topics take part.
    pub with_topics: bool,
    /// In order.
    pub subjects: Vec<Part>,
    /// In order.
    pub topics: Vec<Part>,
}

impl Saved {
    /// What is saved of a plan.
    pub fn of(rollout: &Rollout, with_subjects: bool, with_topics: bool) -> Self {
        Self {
            plan: FORMAT,
            environment: rollout.environment.clone(),
            registry: rollout.registry.clone(),
            cluster: rollout.cluster.clone(),
            allow_rekey: rollout.allow_rekey,
            with_subjects,
            with_topics,
            subjects: rollout
                .subjects
                .iter()
                .map(|part| Part {
                    name: part.step.wanted.subject.clone(),
                    wanted: wanted_subject(&part.step),
                    state: part.state.clone(),
                    actions: part
                        .step
                        .actions
                        .iter()
                        .map(|action| subject_action(&part.step, action))
                        .collect(),
                })
                .collect(),
            topics: rollout
                .topics
                .iter()
                .map(|part| Part {
                    name: part.step.wanted.name.clone(),
                    wanted: fingerprint(&format!("{:?}", part.step.wanted)),
                    state: part.state.clone(),
                    actions: part
                        .step
                        .actions
                        .iter()
                        .map(|action| topic_action(&part.step, action))
                        .collect(),
                })
                .collect(),
        }
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        // Nothing in it can fail to be written.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`SavedError`].
    pub fn parse(text: &str) -> Result<Self, SavedError> {
        let value: Value = serde_json::from_str(text).map_err(|e| SavedError::Syntax(e.to_string()))?;
        match value.get("plan").and_then(Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => return Err(SavedError::Format(u32::try_from(format).unwrap_or(u32::MAX))),
            None => return Err(SavedError::Syntax("it has no `plan`".to_owned())),
        }
        serde_path_to_error::deserialize(value).map_err(|e| SavedError::Syntax(e.to_string()))
    }

    /// Why the plan made now is not this one; empty: it is, or it is what an interrupted run has left of it.
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let mut told = |same: bool, text: String| {
            if !same {
                found.push(text);
            }
        };
        let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        told(
            self.environment == now.environment,
            format!(
                "it was made for environment {}, not {}",
                self.environment, now.environment
            ),
        );
        told(
            self.registry == now.registry,
            format!(
                "it was made for registry {}, not {}",
                shown(&self.registry),
                shown(&now.registry)
            ),
        );
        told(
            self.cluster == now.cluster,
            format!(
                "it was made for cluster {}, not {}",
                shown(&self.cluster),
                shown(&now.cluster)
            ),
        );
        found.extend(parts("subject", &self.subjects, &now.subjects));
        found.extend(parts("topic", &self.topics, &now.topics));
        found
    }
}

fn parts(kind: &str, saved: &[Part], now: &[Part]) -> Vec<String> {
    let mut found = Vec::new();
    let by_name: BTreeMap<&str, &Part> = saved.iter().map(|part| (part.name.as_str(), part)).collect();
    for part in saved {
        if !now.iter().any(|other| other.name == part.name) {
            found.push(format!("{kind} {} is no longer in the manifest", part.name));
        }
    }
    for part in now {
        let name = &part.name;
        let Some(before) = by_name.get(name.as_str()) else {
            found.push(format!("{kind} {name} is new in the manifest"));
            continue;
        };
        if before.wanted != part.wanted {
            found.push(format!(
                "{kind} {name}: the files at hand want something else than was reviewed"
            ));
        } else if let Some(action) = part
            .actions
            .iter()
            .find(|action| !before.actions.contains(action))
        {
            found.push(format!(
                "{kind} {name} has changed on the server: now it takes another change ({})",
                action["action"].as_str().unwrap_or_default()
            ));
        } else if part.actions.len() == before.actions.len() && part.state != before.state {
            found.push(format!("{kind} {name} has changed on the server since"));
        }
    }
    found
}

fn wanted_subject(step: &SubjectStep) -> String {
    let wanted = &step.wanted;
    fingerprint(&format!(
        "{}\n{:?}\n{}",
        wanted.text, wanted.references, wanted.level
    ))
}

/// What is to be done to a subject, as a reviewer reads it.
fn subject_action(step: &SubjectStep, action: &registry::Action) -> Value {
    match action {
        registry::Action::Register { after } => json!({
            "action": "register", "after": after, "references": step.wanted.references, "schema": step.wanted.text,
        }),
        registry::Action::SetLevel(change) => json!({
            "action": "level", "from": change.from.to_string(), "to": change.to.to_string(),
        }),
    }
}

fn topic_action(step: &TopicStep, action: &kafka::Action) -> Value {
    match action {
        kafka::Action::Create => json!({
            "action": "create", "partitions": step.wanted.partitions,
            "replication_factor": step.wanted.replication_factor, "config": step.wanted.config,
        }),
        kafka::Action::Grow { from, to } => json!({ "action": "grow", "from": from, "to": to }),
        kafka::Action::Set { name, from, to } => {
            json!({ "action": "set", "setting": name, "from": from, "to": to })
        }
        kafka::Action::Unset { name, from } => json!({ "action": "unset", "setting": name, "from": from }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, state: &str, actions: &[&str]) -> Part {
        Part {
            name: name.to_owned(),
            wanted: "w".to_owned(),
            state: state.to_owned(),
            actions: actions.iter().map(|action| json!({ "action": action })).collect(),
        }
    }

    fn saved(subjects: Vec<Part>, topics: Vec<Part>) -> Saved {
        Saved {
            plan: FORMAT,
            environment: "prod".to_owned(),
            registry: Some("http://r/".to_owned()),
            cluster: Some("c1".to_owned()),
            allow_rekey: false,
            with_subjects: true,
            with_topics: true,
            subjects,
            topics,
        }
    }

    #[test]
    fn it_is_read_as_it_was_written_and_nothing_else_is() {
        let plan = saved(vec![part("s", "1", &["register", "level"])], vec![]);
        assert_eq!(Saved::parse(&plan.text()).unwrap(), plan);
        for (text, why) in [
            ("{}", "no `plan`"),
            ("{\"plan\":2}", "format 2"),
            ("not json", "no saved plan"),
            (&plan.text().replace("\"state\"", "\"stat\""), "subjects[0]"),
        ] {
            let error = Saved::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_is_left_of_it_fits_and_everything_else_is_another_plan() {
        let plan = saved(
            vec![part("s", "1", &["register", "level"]), part("t", "1", &[])],
            vec![part("x", "1", &["create"])],
        );
        let with = |subjects, topics| plan.differences(&saved(subjects, topics));
        let same = || (plan.subjects.clone(), plan.topics.clone());
        assert!(with(same().0, same().1).is_empty());
        // The first run got as far as the subject's schema, the second one further.
        let rest = vec![part("s", "2", &["level"]), part("t", "1", &[])];
        assert!(with(rest.clone(), same().1).is_empty());
        assert!(with(rest, vec![part("x", "2", &[])]).is_empty());

        let moved_on = vec![part("s", "2", &["register", "level"]), part("t", "1", &[])];
        assert_eq!(
            with(moved_on, same().1),
            ["subject s has changed on the server since"]
        );
        let untouched = vec![plan.subjects[0].clone(), part("t", "2", &[])];
        assert_eq!(
            with(untouched, same().1),
            ["subject t has changed on the server since"]
        );
        let more = with(same().0, vec![part("x", "2", &["grow"])]);
        assert!(more[0].contains("takes another change (grow)"), "{more:?}");
        let mut edited = plan.subjects.clone();
        edited[1].wanted = "v".to_owned();
        assert!(with(edited, same().1)[0].contains("want something else"));
        let fewer = with(
            vec![plan.subjects[0].clone()],
            vec![part("x", "1", &["create"]), part("y", "1", &[])],
        );
        assert_eq!(
            fewer,
            [
                "subject t is no longer in the manifest",
                "topic y is new in the manifest"
            ]
        );
        let mut elsewhere = plan.clone();
        elsewhere.cluster = Some("c2".to_owned());
        assert_eq!(
            plan.differences(&elsewhere),
            ["it was made for cluster c1, not c2"]
        );
    }
}
