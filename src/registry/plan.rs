//! What must be done so that a registry has the manifest's subjects, and whether it may be.
//!
//! A schema that a subject has already, in any version, is not registered again: the registry is asked for its text, and
//! where that finds nothing (registries differ in what they call the same text), every version is read with the types of
//! its references in it and compared. That is what the generated producers do, so what counts as registered here is
//! what they find.
//!
//! What is new is held against all registered versions here, at the level that the registry applies and, where the
//! manifest names another, at that one too. Only then is the registry asked. Nothing is sent that changes it before
//! all of that is done for every subject.

use std::collections::BTreeMap;

use fleetops_avro::Diagnostic;
use fleetops_avro::compat::{Level, Violation};

use super::wire::Reference;
use super::{Client, ClientError, Desired, Held, Snapshot, SubjectVersion, verdict};

/// A version that a subject has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The version, from 1.
    pub version: u32,
    /// The schema's ID.
    pub id: u32,
}

impl Registered {
    fn of(found: SubjectVersion) -> Self {
        Self {
            version: found.version,
            id: found.id,
        }
    }
}

/// A level to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelChange {
    /// The level that holds now; the registry's own where the subject has none.
    pub from: Level,
    /// Whether that is set for the subject itself.
    pub own: bool,
    /// The level it gets.
    pub to: Level,
}

/// Something to be done to a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Register the schema, as the version after this one; none where the subject is new.
    Register {
        /// The newest version there is.
        after: Option<u32>,
    },
    /// Set the compatibility level.
    SetLevel(LevelChange),
}

/// Why the plan cannot be carried out as a whole.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Our own verdict.
    #[error("incompatible with {} at {level}{}", versions(.against), origin(*level, *registry_level))]
    Incompatible {
        /// The level that does not hold.
        level: Level,
        /// The level that the registry applies.
        registry_level: Level,
        /// The versions it does not hold against.
        against: Vec<u32>,
        /// The reasons, as [`fleetops_avro::compat::check_level`] has them; their `version_index` counts the registered versions, oldest first.
        violations: Vec<Violation>,
        /// The same for people.
        diagnostics: Vec<Diagnostic>,
    },
    /// A version that takes part cannot be read.
    #[error("version {version} cannot be read, so nothing can be said to go with it: {reason}")]
    Unreadable {
        /// The version.
        version: u32,
        /// Why.
        reason: String,
    },
    /// The registry's verdict, where ours is another.
    #[error(
        "the registry calls it incompatible at {level}, and by Avro's rules it is not: {}", words(.messages)
    )]
    Refused {
        /// The level it applies.
        level: Level,
        /// Its words.
        messages: Vec<String>,
    },
}

impl Problem {
    /// A word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Incompatible { .. } => "incompatible",
            Self::Unreadable { .. } => "unreadable",
            Self::Refused { .. } => "refused",
        }
    }
}

fn versions(numbers: &[u32]) -> String {
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    match texts.as_slice() {
        [one] => format!("version {one}"),
        many => format!("versions {}", many.join(", ")),
    }
}

fn origin(level: Level, registry_level: Level) -> String {
    match level == registry_level {
        true => String::new(),
        false => format!(", the manifest's level (the registry applies {registry_level})"),
    }
}

fn words(messages: &[String]) -> String {
    match messages {
        [] => "it gives no reason".to_owned(),
        some => some.join("; "),
    }
}

/// One subject: what there is, and what is to be done.
#[derive(Clone, Debug)]
pub struct SubjectStep {
    /// As wanted.
    pub wanted: Desired,
    /// The version that has the schema already.
    pub registered: Option<Registered>,
    /// The newest version, where it was looked at and is another.
    pub newest: Option<u32>,
    /// What to do, in order. Empty: it is as wanted.
    pub actions: Vec<Action>,
    /// What stands against it.
    pub problems: Vec<Problem>,
    /// What somebody may want to know.
    pub notes: Vec<String>,
}

/// Compares what is wanted with what the registry holds; in the order of `wanted`.
///
/// # Errors
/// The first call that failed.
pub async fn plan(client: &Client, wanted: Vec<Desired>) -> Result<Vec<SubjectStep>, ClientError> {
    let mut steps = Vec::with_capacity(wanted.len());
    let mut registered = BTreeMap::new();
    for desired in wanted {
        let step = step(client, &registered, desired).await?;
        if let Some(there) = step.registered {
            registered.insert(step.wanted.subject.clone(), there);
        }
        steps.push(step);
    }
    Ok(steps)
}

async fn step(
    client: &Client,
    registered: &BTreeMap<String, Registered>,
    wanted: Desired,
) -> Result<SubjectStep, ClientError> {
    let subject = wanted.subject.clone();
    let text = wanted.schema.text();
    let mut step = SubjectStep {
        wanted,
        registered: None,
        newest: None,
        actions: Vec::new(),
        problems: Vec::new(),
        notes: Vec::new(),
    };
    let own = client.level(&subject).await?;
    let effective = client.effective_level(&subject).await?;
    step.registered = client.look_up(&subject, &text, &[]).await?.map(Registered::of);
    if step.registered.is_some() {
        step.newest = client.versions(&subject).await?.last().copied();
    } else {
        let snapshot = Snapshot::fetch(client, [subject.clone()]).await?;
        let held = snapshot.held(&subject);
        step.newest = held.last().map(|newest| newest.version);
        let same = held
            .iter()
            .rev()
            .find(|held| held.schema.as_ref().is_ok_and(|theirs| theirs.text() == text));
        step.registered = same.map(|found| Registered {
            version: found.version,
            id: found.id,
        });
        if step.registered.is_none()
            && !held.is_empty()
            && let Some(references) = references(&step.wanted, registered)
            && let Some(found) = client.look_up(&subject, &step.wanted.text, &references).await?
        {
            step.notes.push(format!(
                "this registry calls it the same as version {}, whose text is another",
                found.version
            ));
            step.registered = Some(Registered::of(found));
        }
        if step.registered.is_none() {
            step.actions.push(Action::Register { after: step.newest });
            judge(&mut step, &held, effective);
            if step.problems.is_empty() && !held.is_empty() {
                ask(client, &mut step, &text, effective).await?;
            }
        }
    }
    if let (Some(registered), Some(newest)) = (step.registered, step.newest)
        && registered.version != newest
    {
        step.notes.push(format!(
            "the schema is version {}, and version {newest} is newer",
            registered.version
        ));
    }
    let to = step.wanted.level;
    if own != Some(to) || effective != to {
        // A registry that has no way to say "not set" answers NONE for it.
        let own = own.is_some_and(|own| own == effective);
        let from = effective;
        step.actions.push(Action::SetLevel(LevelChange { from, own, to }));
    }
    Ok(step)
}

/// The references of a schema with their versions; `None` while one has none, because it is to be registered.
fn references(wanted: &Desired, registered: &BTreeMap<String, Registered>) -> Option<Vec<Reference>> {
    let reference = |(name, subject): &(String, String)| {
        Some(Reference {
            name: name.clone(),
            subject: subject.clone(),
            version: i64::from(registered.get(subject)?.version),
        })
    };
    wanted.references.iter().map(reference).collect()
}

/// Our verdict, at the registry's level and at the manifest's.
fn judge(step: &mut SubjectStep, held: &[Held], effective: Level) {
    let mut levels = vec![effective];
    if step.wanted.level != effective {
        levels.push(step.wanted.level);
    }
    let verdict = verdict::judge(&step.wanted.schema, held, &levels);
    for (version, reason) in verdict.unreadable {
        step.problems.push(Problem::Unreadable { version, reason });
    }
    if let Some(breach) = verdict.breach {
        step.problems.push(Problem::Incompatible {
            level: breach.level,
            registry_level: effective,
            against: breach.against,
            violations: breach.violations,
            diagnostics: breach.diagnostics,
        });
    }
}

/// The registry's verdict. It is given the schema with all types in it: some registries cannot test one with references.
async fn ask(client: &Client, step: &mut SubjectStep, text: &str, level: Level) -> Result<(), ClientError> {
    match client.compatibility(&step.wanted.subject, text, &[]).await {
        Ok(answer) if answer.is_compatible => {}
        Ok(answer) => step.problems.push(Problem::Refused {
            level,
            messages: answer.messages,
        }),
        Err(ClientError::Refused { status: 422, .. }) => step
            .notes
            .push("this registry cannot test it beforehand; the verdict is ours alone".to_owned()),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Does one subject's actions. `registered` says which version each subject has that was seen to before; the step's own is
/// added. Of each action it is said that it was done.
///
/// # Errors
/// The first that failed; nothing after it was tried.
pub async fn carry_out(
    client: &Client,
    step: &SubjectStep,
    registered: &mut BTreeMap<String, Registered>,
    mut done: impl FnMut(&Action, Option<Registered>),
) -> Result<(), ClientError> {
    let wanted = &step.wanted;
    if let Some(there) = step.registered {
        registered.insert(wanted.subject.clone(), there);
    }
    for action in &step.actions {
        match action {
            Action::Register { after } => {
                // All are there: they come first, and the first failure ends it.
                let references = references(wanted, registered).unwrap_or_default();
                let id = client
                    .register(&wanted.subject, &wanted.text, &references)
                    .await?;
                let version = match client.look_up(&wanted.subject, &wanted.text, &references).await? {
                    Some(found) => found.version,
                    // It is there, for it has an ID: a registry that does not find it by its text has it as its newest.
                    None => match client.versions(&wanted.subject).await?.last() {
                        Some(newest) => *newest,
                        None => after.unwrap_or(0) + 1,
                    },
                };
                let new = Registered { version, id };
                registered.insert(wanted.subject.clone(), new);
                done(action, Some(new));
            }
            Action::SetLevel(change) => {
                client.set_level(Some(&wanted.subject), change.to).await?;
                done(action, None);
            }
        }
    }
    Ok(())
}
