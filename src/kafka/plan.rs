//! What must be done so that a cluster has the manifest's topics.
//!
//! Creation is all it plans. Where a topic exists with another partition count it says so and touches nothing: growing
//! a keyed topic moves keys to other partitions, and no topic can shrink.

use std::collections::BTreeMap;
use std::fmt;

use fleetops_codegen::manifest::{Environment, Manifest};

/// A topic as the manifest wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedTopic {
    /// Its name.
    pub name: String,
    /// How many partitions.
    pub partitions: u32,
    /// Copies of each.
    pub replication_factor: u32,
    /// Topic settings, such as `retention.ms`.
    pub config: BTreeMap<String, String>,
}

/// A topic as a cluster has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExistingTopic {
    /// How many partitions.
    pub partitions: u32,
    /// Copies of the partition that has fewest.
    pub replication_factor: u32,
}

/// What is to be done about one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is missing.
    Create(WantedTopic),
    /// It is as wanted.
    Keep(WantedTopic),
    /// It exists and is something else: nothing is done, somebody must decide.
    Differs {
        /// As wanted.
        wanted: WantedTopic,
        /// As it is.
        existing: ExistingTopic,
    },
}

impl Step {
    /// The topic.
    pub fn topic(&self) -> &WantedTopic {
        match self {
            Self::Create(topic) | Self::Keep(topic) | Self::Differs { wanted: topic, .. } => topic,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topic = self.topic();
        match self {
            Self::Create(_) => write!(
                f,
                "+ {}: create with {} partitions, replication factor {}",
                topic.name, topic.partitions, topic.replication_factor
            ),
            Self::Keep(_) => write!(f, "  {}: no change", topic.name),
            Self::Differs { existing, .. } => write!(
                f,
                "! {}: has {} partitions and replication factor {}, the manifest wants {} and {}",
                topic.name,
                existing.partitions,
                existing.replication_factor,
                topic.partitions,
                topic.replication_factor
            ),
        }
    }
}

/// A step for each wanted topic, in the order of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicPlan {
    /// The steps.
    pub steps: Vec<Step>,
}

impl TopicPlan {
    /// Those to be created.
    pub fn creations(&self) -> impl Iterator<Item = &WantedTopic> {
        self.steps.iter().filter_map(|step| match step {
            Step::Create(topic) => Some(topic),
            _ => None,
        })
    }

    /// Those that somebody must decide about.
    pub fn differences(&self) -> impl Iterator<Item = &Step> {
        self.steps
            .iter()
            .filter(|step| matches!(step, Step::Differs { .. }))
    }
}

/// Compares what is wanted with what is there.
pub fn plan(wanted: &[WantedTopic], existing: &BTreeMap<String, ExistingTopic>) -> TopicPlan {
    let mut steps: Vec<Step> = wanted
        .iter()
        .map(|topic| match existing.get(&topic.name) {
            None => Step::Create(topic.clone()),
            Some(there)
                if there.partitions == topic.partitions
                    && there.replication_factor == topic.replication_factor =>
            {
                Step::Keep(topic.clone())
            }
            Some(there) => Step::Differs {
                wanted: topic.clone(),
                existing: *there,
            },
        })
        .collect();
    steps.sort_by(|a, b| a.topic().name.cmp(&b.topic().name));
    TopicPlan { steps }
}

/// The manifest's topics as an environment wants them, dead-letter topics included, in the order of names.
///
/// A dead-letter topic has as many partitions as its source, so that a dead letter keeps its partition number. It has
/// none of its source's settings: what must be looked at may not expire as soon as what was handled. One that the
/// manifest also lists as a topic is as listed.
pub fn wanted(manifest: &Manifest, environment: Option<&Environment>) -> Vec<WantedTopic> {
    let mut all: BTreeMap<&str, WantedTopic> = BTreeMap::new();
    for topic in &manifest.topics {
        let name = topic.name.value.as_str();
        let replication_factor = u32::from(manifest.replication_factor(topic, environment));
        let of = |name: &str, config| WantedTopic {
            name: name.to_owned(),
            partitions: topic.partitions.value,
            replication_factor,
            config,
        };
        let config = topic
            .config
            .iter()
            .map(|(key, setting)| (key.clone(), setting.value.value.clone()))
            .collect();
        all.insert(name, of(name, config));
        if let Some(dead_letter) = &topic.dead_letter
            && manifest.topic(&dead_letter.value).is_none()
        {
            let name = dead_letter.value.as_str();
            let letters = all.entry(name).or_insert_with(|| of(name, BTreeMap::new()));
            // Shared by several topics, it must have room for the partition numbers of all.
            letters.partitions = letters.partitions.max(topic.partitions.value);
        }
    }
    all.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, partitions: u32) -> WantedTopic {
        WantedTopic {
            name: name.to_owned(),
            partitions,
            replication_factor: 1,
            config: BTreeMap::new(),
        }
    }

    #[test]
    fn creates_what_is_missing_keeps_what_fits_and_reports_the_rest() {
        let there = |partitions| ExistingTopic {
            partitions,
            replication_factor: 1,
        };
        let existing = BTreeMap::from([
            ("kept".to_owned(), there(6)),
            ("grown".to_owned(), there(4)),
            ("of others".to_owned(), there(1)),
        ]);
        let plan = plan(&[topic("new", 3), topic("kept", 6), topic("grown", 6)], &existing);
        let shown: Vec<String> = plan.steps.iter().map(Step::to_string).collect();
        assert_eq!(
            shown,
            [
                "! grown: has 4 partitions and replication factor 1, the manifest wants 6 and 1",
                "  kept: no change",
                "+ new: create with 3 partitions, replication factor 1",
            ]
        );
        assert_eq!(
            plan.creations().map(|t| t.name.as_str()).collect::<Vec<_>>(),
            ["new"]
        );
        assert_eq!(plan.differences().count(), 1);
    }

    #[test]
    fn dead_letter_topics_are_wanted_with_the_partitions_of_their_sources() {
        let text = r#"
            [schemas]
            roots = ["schemas"]
            [topics.a]
            value = "x.A"
            partitions = 3
            dead-letter = "shared.dlq"
            config = { "retention.ms" = "1000" }
            [topics.b]
            value = "x.B"
            partitions = 6
            replication-factor = 2
            dead-letter = "shared.dlq"
            [topics.c]
            value = "x.C"
            partitions = 2
        "#;
        let manifest = Manifest::parse(fleetops_avro::Source::new("fleetops-registry.toml", text)).unwrap();
        let wanted = wanted(&manifest, None);
        let shown: Vec<_> = wanted
            .iter()
            .map(|t| {
                (
                    t.name.as_str(),
                    t.partitions,
                    t.replication_factor,
                    t.config.len(),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("a", 3, 1, 1),
                ("b", 6, 2, 0),
                ("c", 2, 1, 0),
                ("shared.dlq", 6, 1, 0)
            ]
        );
    }
}
