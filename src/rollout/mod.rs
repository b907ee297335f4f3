//! One plan over everything that the manifest wants of an environment: schemas, topics, settings.
//!
//! Made of the two plans of [`crate::registry`] and [`crate::kafka`]; here is the order of their parts, what a plan is
//! bound to when it is saved ([`Saved`]), and the one run through all of it. Schemas come first, because a topic without
//! its schema is of no use to a producer; settings come last, so that a stricter level never stands before the version
//! that it was planned with. There is no transaction over two servers: what keeps a plan from being left half done is that
//! every part was asked for beforehand, and what is left half done is finished by a second run.

mod saved;

use std::collections::BTreeMap;

use crate::kafka::{self, ClusterAdmin, ExistingTopic, TopicSettings, TopicStep};
use crate::registry::{self, Client, Registered, SubjectStep};

pub use saved::{Part, Saved, SavedError};

/// A subject's part, and what was seen of the subject.
#[derive(Clone, Debug)]
pub struct SubjectPart {
    /// What is to be done.
    pub step: SubjectStep,
    /// A fingerprint of what was seen.
    pub state: String,
}

/// A topic's part, and what was seen of the topic.
#[derive(Clone, Debug)]
pub struct TopicPart {
    /// What is to be done.
    pub step: TopicStep,
    /// A fingerprint of what was seen.
    pub state: String,
}

impl TopicPart {
    /// The fingerprint of a topic as it is.
    pub fn fingerprint(existing: Option<ExistingTopic>, settings: Option<&TopicSettings>) -> String {
        registry::fingerprint(&format!("{existing:?}\n{settings:?}"))
    }
}

/// The plan.
#[derive(Clone, Debug, Default)]
pub struct Rollout {
    /// The environment.
    pub environment: String,
    /// The registry's address, where subjects take part.
    pub registry: Option<String>,
    /// The cluster's ID, where topics take part and it tells one.
    pub cluster: Option<String>,
    /// Topics may grow whose records have keys.
    pub allow_rekey: bool,
    /// In the order in which they can be registered.
    pub subjects: Vec<SubjectPart>,
    /// In the order of names.
    pub topics: Vec<TopicPart>,
}

/// When a part is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Schemas are registered.
    Schemas,
    /// Topics are created and grown.
    Topics,
    /// Topics are configured, subjects get their levels.
    Settings,
}

impl Phase {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Schemas, Self::Topics, Self::Settings];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schemas => "schemas",
            Self::Topics => "topics",
            Self::Settings => "settings",
        }
    }
}

/// One thing to be done.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// To a subject.
    Subject(&'a SubjectStep, &'a registry::Action),
    /// To a topic.
    Topic(&'a TopicStep, &'a kafka::Action),
}

impl Item<'_> {
    /// When it is done.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Subject(_, registry::Action::Register { .. }) => Phase::Schemas,
            Self::Topic(_, kafka::Action::Create | kafka::Action::Grow { .. }) => Phase::Topics,
            Self::Subject(..) | Self::Topic(..) => Phase::Settings,
        }
    }
}

/// Why a run ended.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct Failure {
    /// What was to be done: `subject orders-value`.
    pub what: String,
    /// Why it was not.
    pub reason: String,
}

impl Rollout {
    /// Everything to be done, in order.
    pub fn items(&self) -> Vec<Item<'_>> {
        let mut all: Vec<Item<'_>> = Vec::new();
        let topics = self.topics.iter().map(|part| &part.step);
        all.extend(topics.flat_map(|step| step.actions.iter().map(move |action| Item::Topic(step, action))));
        let subjects = self.subjects.iter().map(|part| &part.step);
        all.extend(
            subjects.flat_map(|step| step.actions.iter().map(move |action| Item::Subject(step, action))),
        );
        // Within a phase the order stays.
        all.sort_by_key(Item::phase);
        all
    }

    /// How many things stand against it.
    pub fn problems(&self) -> usize {
        let subjects: usize = self.subjects.iter().map(|part| part.step.problems.len()).sum();
        let topics: usize = self.topics.iter().map(|part| part.step.problems.len()).sum();
        subjects + topics
    }

    /// Does it all, in order, and says of each thing that it was done.
    ///
    /// # Errors
    /// The first thing that failed; nothing after it was tried.
    pub async fn carry_out(
        &self,
        client: Option<&Client>,
        cluster: Option<&ClusterAdmin>,
        mut done: impl FnMut(Item<'_>, Option<Registered>),
    ) -> Result<(), Failure> {
        let mut registered = BTreeMap::new();
        for phase in Phase::ALL {
            // The brokers take a topic's settings together, and a subject's schema comes before all that refer to it:
            // so a step's actions of one phase are done together.
            for SubjectPart { step, .. } in &self.subjects {
                let Some(client) = client else { break };
                let mut part = step.clone();
                part.actions
                    .retain(|action| Item::Subject(step, action).phase() == phase);
                if part.actions.is_empty() && phase != Phase::Schemas {
                    continue;
                }
                registry::carry_out(client, &part, &mut registered, |action, new| {
                    done(Item::Subject(step, action), new);
                })
                .await
                .map_err(|error| Failure {
                    what: format!("subject {}", step.wanted.subject),
                    reason: error.to_string(),
                })?;
            }
            for TopicPart { step, .. } in &self.topics {
                let Some(cluster) = cluster else { break };
                let mut part = step.clone();
                part.actions
                    .retain(|action| Item::Topic(step, action).phase() == phase);
                if part.actions.is_empty() {
                    continue;
                }
                kafka::carry_out(cluster, &part, |action| done(Item::Topic(step, action), None))
                    .await
                    .map_err(|error| Failure {
                        what: format!("topic {}", step.wanted.name),
                        reason: error.to_string(),
                    })?;
            }
        }
        Ok(())
    }
}
