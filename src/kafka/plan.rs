//! What must be done so that a cluster has the manifest's topics.
//!
//! Pure: [`wanted`] reads the manifest, the caller asks the cluster, [`compare`] holds one against the other. Two things
//! are never planned: a topic cannot shrink, and the number of copies is changed by moving partitions about, which is an
//! operator's work. Growing a topic with keys moves keys to other partitions, so that records of one key are then in two
//! of them; it needs to be allowed by name. Settings are compared by text, and only with those that are set on the
//! topic itself: the cluster's defaults are nobody's difference.

use std::collections::BTreeMap;
use std::fmt;

use fleetops_codegen::manifest::{Environment, Manifest, Topic};

/// How long a dead letter is kept at least, in milliseconds: 30 days.
const LETTER_RETENTION_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// Room for the headers that a dead letter has besides the original record, in bytes.
const LETTER_HEADERS: i64 = 16 * 1024;

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
    /// Whether a record's partition follows from its key. That of a dead letter follows from its source.
    pub keyed: bool,
}

/// A topic as a cluster has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExistingTopic {
    /// How many partitions.
    pub partitions: u32,
    /// Copies of the partition that has fewest.
    pub replication_factor: u32,
}

/// The settings that are set on a topic itself, by name.
pub type TopicSettings = BTreeMap<String, String>;

/// Something to be done to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is missing: create it with its settings.
    Create,
    /// Add partitions.
    Grow {
        /// How many there are.
        from: u32,
        /// How many there will be.
        to: u32,
    },
    /// Give a setting a value.
    Set {
        /// Name, such as `retention.ms`.
        name: String,
        /// The value set on the topic now; none where the cluster's default holds.
        from: Option<String>,
        /// The value it gets.
        to: String,
    },
    /// Take a setting's own value away, so that the cluster's default holds.
    Unset {
        /// Name, such as `retention.ms`.
        name: String,
        /// The value set on the topic now.
        from: String,
    },
}

/// Why the plan cannot be carried out as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Kafka has no way to take partitions away.
    #[error(
        "has {from} partitions and the manifest wants {to}: a topic cannot shrink. Put {from} into the manifest, or make \
         a new topic and move the records"
    )]
    Shrink {
        /// How many there are.
        from: u32,
        /// How many are wanted.
        to: u32,
    },
    /// Nobody has allowed that keys move.
    #[error(
        "growing from {from} to {to} partitions moves keys to other partitions ({why}): records of one key will be in \
         two of them, and their order across the two is lost. If that is what you want: --allow-rekey"
    )]
    Rekey {
        /// How many there are.
        from: u32,
        /// How many are wanted.
        to: u32,
        /// What makes keys matter.
        why: &'static str,
    },
    /// It was missing, and the cluster says that it exists: somebody has just made it.
    #[error("the topic exists, and the brokers do not show it yet: try again in a moment")]
    Appeared,
    /// It is the embedded broker, which nobody can ask to make or change a topic.
    #[error(
        "the embedded broker makes topics when `dev` starts, from the manifest, and changes none: start `dev` again"
    )]
    Embedded,
    /// The cluster was asked beforehand and would not do it.
    #[error("the cluster would refuse to {action}: {reason}")]
    Refused {
        /// `create it`, `set retention.ms`.
        action: String,
        /// Its words.
        reason: String,
    },
}

impl Problem {
    /// A word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Shrink { .. } => "shrink",
            Self::Rekey { .. } => "rekey",
            Self::Appeared => "appeared",
            Self::Embedded => "embedded",
            Self::Refused { .. } => "refused",
        }
    }
}

/// One topic: what there is, and what is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicStep {
    /// As wanted.
    pub wanted: WantedTopic,
    /// As it is; `None` where it is missing.
    pub existing: Option<ExistingTopic>,
    /// What to do, in order. Empty: it is as wanted.
    pub actions: Vec<Action>,
    /// What stands against it.
    pub problems: Vec<Problem>,
    /// That keys move was allowed, and they will.
    pub moves_keys: bool,
}

impl TopicStep {
    /// Copies there are and copies wanted, where these differ. Reported, never changed.
    pub fn replication_difference(&self) -> Option<(u32, u32)> {
        let existing = self.existing?;
        (existing.replication_factor != self.wanted.replication_factor)
            .then_some((existing.replication_factor, self.wanted.replication_factor))
    }

    /// The partitions it will have.
    pub fn grows_to(&self) -> Option<u32> {
        self.actions.iter().find_map(|action| match action {
            Action::Grow { to, .. } => Some(*to),
            _ => None,
        })
    }
}

impl fmt::Display for TopicStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topic = &self.wanted;
        match &self.existing {
            None => write!(
                f,
                "+ {}: create with {} partitions, replication factor {}",
                topic.name, topic.partitions, topic.replication_factor
            ),
            Some(there)
                if there.partitions != topic.partitions
                    || there.replication_factor != topic.replication_factor =>
            {
                write!(
                    f,
                    "! {}: has {} partitions and replication factor {}, the manifest wants {} and {}",
                    topic.name,
                    there.partitions,
                    there.replication_factor,
                    topic.partitions,
                    topic.replication_factor
                )
            }
            Some(_) if self.actions.is_empty() => write!(f, "  {}: no change", topic.name),
            Some(_) => write!(f, "~ {}: {} settings", topic.name, self.actions.len()),
        }
    }
}

/// A step for each wanted topic, in the order of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicPlan {
    /// The steps.
    pub steps: Vec<TopicStep>,
}

impl TopicPlan {
    /// Those to be created.
    pub fn creations(&self) -> impl Iterator<Item = &WantedTopic> {
        self.steps
            .iter()
            .filter(|step| step.existing.is_none())
            .map(|step| &step.wanted)
    }

    /// Those that exist with other partitions or copies.
    pub fn differences(&self) -> impl Iterator<Item = &TopicStep> {
        self.steps.iter().filter(|step| {
            step.existing
                .is_some_and(|there| there.partitions != step.wanted.partitions)
                || step.replication_difference().is_some()
        })
    }

    /// Says of all that is to be done that the embedded broker cannot.
    pub fn refuse_for_embedded(&mut self) {
        for step in self.steps.iter_mut().filter(|step| !step.actions.is_empty()) {
            step.problems.push(Problem::Embedded);
        }
    }

    /// How many things are to be done.
    pub fn changes(&self) -> usize {
        self.steps.iter().map(|step| step.actions.len()).sum()
    }

    /// How many things stand against it.
    pub fn problems(&self) -> usize {
        self.steps.iter().map(|step| step.problems.len()).sum()
    }
}

/// Compares what is wanted with the topics that are there, not with their settings: the embedded broker has none.
pub fn plan(wanted: &[WantedTopic], existing: &BTreeMap<String, ExistingTopic>) -> TopicPlan {
    compare(wanted, existing, &BTreeMap::new(), false)
}

/// Compares what is wanted with what is there. The settings of a topic that `settings` does not have are not known, and
/// nothing is planned about them.
pub fn compare(
    wanted: &[WantedTopic],
    existing: &BTreeMap<String, ExistingTopic>,
    settings: &BTreeMap<String, TopicSettings>,
    allow_rekey: bool,
) -> TopicPlan {
    let mut steps: Vec<TopicStep> = wanted
        .iter()
        .map(|topic| {
            let there = existing.get(&topic.name).copied();
            step(topic, there, settings.get(&topic.name), allow_rekey)
        })
        .collect();
    steps.sort_by(|a, b| a.wanted.name.cmp(&b.wanted.name));
    TopicPlan { steps }
}

fn step(
    wanted: &WantedTopic,
    existing: Option<ExistingTopic>,
    settings: Option<&TopicSettings>,
    allow_rekey: bool,
) -> TopicStep {
    let mut step = TopicStep {
        wanted: wanted.clone(),
        existing,
        actions: Vec::new(),
        problems: Vec::new(),
        moves_keys: false,
    };
    let Some(there) = existing else {
        step.actions.push(Action::Create);
        return step;
    };
    let (from, to) = (there.partitions, wanted.partitions);
    if to < from {
        step.problems.push(Problem::Shrink { from, to });
    } else if to > from {
        match keys_matter(wanted, settings) {
            Some(why) if !allow_rekey => step.problems.push(Problem::Rekey { from, to, why }),
            why => {
                step.moves_keys = why.is_some();
                step.actions.push(Action::Grow { from, to });
            }
        }
    }
    if let Some(settings) = settings {
        let names: std::collections::BTreeSet<&String> =
            settings.keys().chain(wanted.config.keys()).collect();
        for name in names {
            match (settings.get(name), wanted.config.get(name)) {
                (Some(from), None) => step.actions.push(Action::Unset {
                    name: name.clone(),
                    from: from.clone(),
                }),
                (from, Some(to)) if from != Some(to) => step.actions.push(Action::Set {
                    name: name.clone(),
                    from: from.cloned(),
                    to: to.clone(),
                }),
                _ => {}
            }
        }
    }
    step
}

/// Why it matters on which partition a key is.
fn keys_matter(wanted: &WantedTopic, settings: Option<&TopicSettings>) -> Option<&'static str> {
    let compacted = |config: &TopicSettings| {
        config
            .get("cleanup.policy")
            .is_some_and(|policy| policy.split(',').any(|p| p.trim() == "compact"))
    };
    if compacted(&wanted.config) || settings.is_some_and(compacted) {
        return Some("the topic is compacted, by key");
    }
    wanted.keyed.then_some("its records have keys")
}

/// The manifest's topics as an environment wants them, dead-letter topics included, in the order of names.
///
/// A dead-letter topic has as many partitions as its source, so that a dead letter keeps its partition number. Of its
/// source's settings it has what it needs: it keeps records for 30 days, or for as long as the source if that is longer,
/// because what must be looked at may not expire as soon as what was handled; and where the source limits the size of a
/// record, it takes one with our headers besides. One that the manifest also lists as a topic is as listed.
pub fn wanted(manifest: &Manifest, environment: Option<&Environment>) -> Vec<WantedTopic> {
    let mut all: BTreeMap<&str, WantedTopic> = BTreeMap::new();
    for topic in &manifest.topics {
        let name = topic.name.value.as_str();
        let replication_factor = u32::from(manifest.replication_factor(topic, environment));
        let of = |name: &str, config, keyed| WantedTopic {
            name: name.to_owned(),
            partitions: topic.partitions.value,
            replication_factor,
            config,
            keyed,
        };
        let config = topic
            .config
            .iter()
            .map(|(key, setting)| (key.clone(), setting.value.value.clone()))
            .collect();
        all.insert(name, of(name, config, topic.key.is_some()));
        if let Some(dead_letter) = &topic.dead_letter
            && manifest.topic(&dead_letter.value).is_none()
        {
            let name = dead_letter.value.as_str();
            let letters = all
                .entry(name)
                .or_insert_with(|| of(name, BTreeMap::new(), false));
            make_room(&mut letters.config, topic);
            // Shared by several topics, it must have room for the partition numbers of all.
            letters.partitions = letters.partitions.max(topic.partitions.value);
        }
    }
    all.into_values().collect()
}

/// Gives a dead-letter topic what letters of this source need, on top of what those of others do.
fn make_room(config: &mut TopicSettings, source: &Topic) {
    let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<i64>().ok());
    config.insert("cleanup.policy".to_owned(), "delete".to_owned());
    let so_far = number(config.get("retention.ms").map(String::as_str)).unwrap_or(LETTER_RETENTION_MS);
    let wanted = match (so_far, number(source.setting("retention.ms"))) {
        (-1, _) | (_, Some(-1)) => -1,
        (so_far, source) => so_far.max(source.unwrap_or(0)),
    };
    config.insert("retention.ms".to_owned(), wanted.to_string());
    if let Some(largest) = number(source.setting("max.message.bytes")) {
        let so_far = number(config.get("max.message.bytes").map(String::as_str)).unwrap_or(0);
        // Kafka's setting is a 32-bit number.
        let room = largest.saturating_add(LETTER_HEADERS).min(i64::from(i32::MAX));
        config.insert("max.message.bytes".to_owned(), so_far.max(room).to_string());
    }
}

#[cfg(test)]
mod tests;
