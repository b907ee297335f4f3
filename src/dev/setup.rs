//! What a fresh pair of servers is given: subjects behind the compatibility check, topics behind the plan.

use std::collections::BTreeMap;

use fleetops_avro::SchemaSet;
use fleetops_avro::compat::Level;
use fleetops_codegen::manifest::{self, Manifest};

use crate::kafka::{Admin, AdminError, TopicPlan, WantedTopic, plan};
use crate::registry::{self, Client, ClientError, Desired};

/// A subject to be registered.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name.
    pub name: String,
    /// The schema's text.
    pub schema: String,
    /// The compatibility level that it gets.
    pub level: Level,
}

/// A subject that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredSubject {
    /// Its name.
    pub name: String,
    /// The ID of its schema.
    pub id: u32,
}

/// Why the servers could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A call to the registry failed.
    #[error(transparent)]
    Registry(#[from] ClientError),
    /// A request to the cluster failed.
    #[error(transparent)]
    Cluster(#[from] AdminError),
    /// The registry has a version that the schema does not go with.
    #[error("subject {subject}: the schema is incompatible with what is registered: {}", messages.join("; "))]
    Incompatible {
        /// The subject.
        subject: String,
        /// The registry's words.
        messages: Vec<String>,
    },
    /// Topics exist and are something else.
    #[error("topics differ from the manifest, and nothing was created:\n{}", .0.join("\n"))]
    TopicsDiffer(Vec<String>),
}

/// The level of the manifest as the compatibility check calls it.
pub fn level(level: manifest::Level) -> Level {
    match level {
        manifest::Level::None => Level::None,
        manifest::Level::Backward => Level::Backward,
        manifest::Level::BackwardTransitive => Level::BackwardTransitive,
        manifest::Level::Forward => Level::Forward,
        manifest::Level::ForwardTransitive => Level::ForwardTransitive,
        manifest::Level::Full => Level::Full,
        manifest::Level::FullTransitive => Level::FullTransitive,
    }
}

/// The subjects of a manifest's topics, in the order of names. A topic whose record the schemas do not have is left
/// out: [`Manifest::check`] tells of it.
pub fn subjects(manifest: &Manifest, schemas: &SchemaSet) -> Vec<Subject> {
    let all: BTreeMap<String, Subject> = manifest
        .topics
        .iter()
        .filter_map(|topic| {
            let name = manifest.subject(topic);
            let subject = Subject {
                name: name.clone(),
                schema: schemas.get(&topic.value.value)?.text(),
                level: level(manifest.compatibility(topic)),
            };
            Some((name, subject))
        })
        .collect();
    all.into_values().collect()
}

/// Gives each subject its level, asks whether its schema is compatible, and registers it.
///
/// # Errors
/// [`SetupError::Incompatible`], [`SetupError::Registry`]. Subjects before the one that failed are registered.
pub async fn register(registry: &Client, subjects: &[Subject]) -> Result<Vec<RegisteredSubject>, SetupError> {
    let mut registered = Vec::with_capacity(subjects.len());
    for subject in subjects {
        registry.set_level(Some(&subject.name), subject.level).await?;
        let answer = registry
            .compatibility(&subject.name, subject.level, &subject.schema, &[])
            .await?;
        if !answer.is_compatible {
            return Err(SetupError::Incompatible {
                subject: subject.name.clone(),
                messages: answer.messages,
            });
        }
        let id = registry.register(&subject.name, &subject.schema, &[]).await?;
        registered.push(RegisteredSubject {
            name: subject.name.clone(),
            id,
        });
    }
    Ok(registered)
}

/// Registers what `apply` would: every subject with those it refers to, and their levels. So the first plan has nothing
/// to do.
///
/// # Errors
/// [`SetupError::Incompatible`] before anything is registered; [`SetupError::Registry`].
pub async fn register_wanted(
    registry: &Client,
    wanted: Vec<Desired>,
) -> Result<Vec<RegisteredSubject>, SetupError> {
    let steps = registry::plan(registry, wanted).await?;
    if let Some(step) = steps.iter().find(|step| !step.problems.is_empty()) {
        return Err(SetupError::Incompatible {
            subject: step.wanted.subject.clone(),
            messages: step.problems.iter().map(ToString::to_string).collect(),
        });
    }
    let mut registered = BTreeMap::new();
    for step in &steps {
        registry::carry_out(registry, step, &mut registered, |_, _| {}).await?;
    }
    Ok(registered
        .into_iter()
        .map(|(name, new)| RegisteredSubject { name, id: new.id })
        .collect())
}

/// Creates the topics that are missing, and answers the plan it followed.
///
/// # Errors
/// [`SetupError::TopicsDiffer`] before anything is created; [`SetupError::Cluster`].
pub async fn create_topics<A: Admin>(cluster: &A, wanted: &[WantedTopic]) -> Result<TopicPlan, SetupError> {
    let plan = plan(wanted, &cluster.topics().await?);
    let differences: Vec<String> = plan.differences().map(ToString::to_string).collect();
    if !differences.is_empty() {
        return Err(SetupError::TopicsDiffer(differences));
    }
    for topic in plan.creations() {
        cluster.create_topic(topic).await?;
    }
    Ok(plan)
}
