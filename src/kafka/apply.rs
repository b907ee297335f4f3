//! Carrying a plan out: everything is asked for beforehand, then done one thing at a time.
//!
//! A cluster has no transactions over topics, so what keeps a plan from being left half done is that each part of it was
//! put to the brokers with `validate_only` first. What fails all the same is told with what was done before it.

use rdkafka::types::RDKafkaErrorCode;

use super::admin::{Admin, AdminError, ClusterAdmin, set};
use super::incremental::{Change, TopicChanges};
use super::plan::{Action, Problem, TopicPlan, TopicStep, WantedTopic};

/// Asks the cluster about everything in the plan, and puts what it would refuse beside the step.
///
/// # Errors
/// Where the cluster does not answer.
pub async fn validate(cluster: &ClusterAdmin, plan: &mut TopicPlan) -> Result<(), AdminError> {
    let creations: Vec<&WantedTopic> = plan.creations().collect();
    let mut refused: Vec<(String, Problem)> = Vec::new();
    for (topic, code) in cluster.create(&creations, true).await? {
        if code == RDKafkaErrorCode::TopicAlreadyExists {
            refused.push((topic, Problem::Appeared));
            continue;
        }
        let wanted = creations.iter().find(|t| t.name == topic);
        let culprits = match wanted {
            Some(wanted) => culprits(cluster, wanted).await?,
            None => Vec::new(),
        };
        let action = match culprits.as_slice() {
            [] => "create it".to_owned(),
            some => format!("create it with {}", some.join(", ")),
        };
        let reason = code.to_string();
        refused.push((topic, Problem::Refused { action, reason }));
    }
    let grows: Vec<(&str, u32)> = plan
        .steps
        .iter()
        .filter_map(|step| Some((step.wanted.name.as_str(), step.grows_to()?)))
        .collect();
    for (topic, reason) in cluster.grow(&grows, true).await? {
        let action = "add partitions".to_owned();
        refused.push((topic, Problem::Refused { action, reason }));
    }
    let changes: Vec<TopicChanges> = plan.steps.iter().filter_map(changes).collect();
    for (topic, reason) in cluster.alter(changes, true).await? {
        let action = "change its settings".to_owned();
        refused.push((topic, Problem::Refused { action, reason }));
    }
    for (topic, problem) in refused {
        if let Some(step) = plan.steps.iter_mut().find(|step| step.wanted.name == topic) {
            step.problems.push(problem);
        }
    }
    Ok(())
}

/// The settings that the cluster does not take: its answer about a topic to be created does not say which.
async fn culprits(cluster: &ClusterAdmin, wanted: &WantedTopic) -> Result<Vec<String>, AdminError> {
    let mut found = Vec::new();
    let bare = WantedTopic {
        config: Default::default(),
        ..wanted.clone()
    };
    if !cluster.create(&[&bare], true).await?.is_empty() {
        return Ok(found);
    }
    for (name, value) in &wanted.config {
        let alone = WantedTopic {
            config: [(name.clone(), value.clone())].into(),
            ..wanted.clone()
        };
        if !cluster.create(&[&alone], true).await?.is_empty() {
            found.push(format!("{name} = {value:?}"));
        }
    }
    Ok(found)
}

/// Does one step's actions, in order, and says of each that it was done.
///
/// # Errors
/// The first that failed; nothing after it was tried.
pub async fn carry_out(
    cluster: &ClusterAdmin,
    step: &TopicStep,
    mut done: impl FnMut(&Action),
) -> Result<(), AdminError> {
    let topic = step.wanted.name.as_str();
    for action in &step.actions {
        let refused = match action {
            Action::Create => {
                cluster.create_topic(&step.wanted).await?;
                Vec::new()
            }
            Action::Grow { to, .. } => cluster.grow(&[(topic, *to)], false).await?,
            // Below, all together.
            Action::Set { .. } | Action::Unset { .. } => continue,
        };
        if let Some((_, reason)) = refused.into_iter().next() {
            return Err(AdminError::Grow {
                bootstrap: cluster.bootstrap().to_owned(),
                topic: topic.to_owned(),
                reason,
            });
        }
        done(action);
    }
    if let Some(changes) = changes(step) {
        if let Some((_, reason)) = cluster.alter(vec![changes], false).await?.into_iter().next() {
            return Err(AdminError::Alter {
                bootstrap: cluster.bootstrap().to_owned(),
                what: format!("topic {topic}"),
                reason,
            });
        }
        step.actions
            .iter()
            .filter(|action| matches!(action, Action::Set { .. } | Action::Unset { .. }))
            .for_each(done);
    }
    Ok(())
}

/// The step's changes of settings, which the brokers take together or not at all.
fn changes(step: &TopicStep) -> Option<TopicChanges> {
    let changes: Vec<Change> = step
        .actions
        .iter()
        .filter_map(|action| match action {
            Action::Set { name, to, .. } => Some(set(name, to)),
            Action::Unset { name, .. } => Some(Change::Unset { name: name.clone() }),
            Action::Create | Action::Grow { .. } => None,
        })
        .collect();
    (!changes.is_empty()).then(|| TopicChanges {
        topic: step.wanted.name.clone(),
        changes,
    })
}
