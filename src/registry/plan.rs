//! What must be done so that a registry has the manifest's subjects, and whether it may be.
//!
//! A schema that a subject has already, in any version, is not registered again. What is the same is decided as a registry
//! does, on all versions with the types of their references in them; where that finds nothing the registry is asked too,
//! because registries differ in what they call the same text.
//!
//! What is new is held against all registered versions here, at the level that the registry applies and, where the
//! manifest names another, at that one too. Only then is the registry asked. Nothing is sent that changes it before
//! all of that is done for every subject.

use std::collections::BTreeMap;

use fleetops_avro::compat::{Level, Violation};
use fleetops_avro::normal::Lookup;
use fleetops_avro::{Diagnostic, Schema};

use super::many::concurrently;
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
    /// Nothing may be registered.
    #[error("the subject is {mode} in the registry. `mode set READWRITE` allows it to be changed")]
    ReadOnly {
        /// The mode that holds.
        mode: String,
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
            Self::ReadOnly { .. } => "read-only",
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

/// What a registry was seen to hold when a plan was made.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The wanted subjects that are there, and what they refer to.
    pub snapshot: Snapshot,
    /// Of every wanted subject the level set for itself, and the one that holds.
    levels: BTreeMap<String, (Option<Level>, Level)>,
}

impl Look {
    /// Asks for these subjects, many at a time.
    ///
    /// # Errors
    /// The first call that failed.
    pub async fn at(client: &Client, subjects: Vec<String>) -> Result<Self, ClientError> {
        let snapshot = Snapshot::fetch(client, subjects.clone()).await?;
        let asking = client.clone();
        let known: BTreeMap<String, Level> = snapshot
            .subjects
            .iter()
            .map(|(subject, state)| (subject.clone(), state.level))
            .collect();
        let levels = concurrently(subjects, move |subject| {
            let client = asking.clone();
            let held = known.get(&subject).copied();
            async move {
                let own = client.level(&subject).await?;
                let effective = match held {
                    Some(level) => level,
                    None => client.effective_level(&subject).await?,
                };
                Ok::<_, ClientError>((subject, (own, effective)))
            }
        })
        .await?;
        Ok(Self {
            snapshot,
            levels: levels.into_iter().collect(),
        })
    }

    /// All that was seen of a subject, in one short text: another state has another one.
    pub fn fingerprint(&self, subject: &str) -> String {
        let levels = self.levels.get(subject);
        let held = self
            .snapshot
            .subjects
            .get(subject)
            .map(|state| super::lock::text(&self.snapshot, subject, state));
        super::fingerprint(&format!("{levels:?}\n{}", held.unwrap_or_default()))
    }
}

/// Compares what is wanted with what the registry holds; in the order of `wanted`.
///
/// # Errors
/// The first call that failed.
pub async fn plan(client: &Client, wanted: Vec<Desired>) -> Result<Vec<SubjectStep>, ClientError> {
    let subjects = wanted.iter().map(|wish| wish.subject.clone()).collect();
    let look = Look::at(client, subjects).await?;
    plan_on(client, &look, wanted).await
}

/// The same on what was seen; the registry is asked only about schemas that are new to it.
///
/// # Errors
/// The first call that failed.
pub async fn plan_on(
    client: &Client,
    look: &Look,
    wanted: Vec<Desired>,
) -> Result<Vec<SubjectStep>, ClientError> {
    let mut steps = Vec::with_capacity(wanted.len());
    let mut registered = BTreeMap::new();
    for desired in wanted {
        let step = step(client, look, &registered, desired).await?;
        if let Some(there) = step.registered {
            registered.insert(step.wanted.subject.clone(), there);
        }
        steps.push(step);
    }
    Ok(steps)
}

async fn step(
    client: &Client,
    look: &Look,
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
    let (own, effective) = match look.levels.get(&subject) {
        Some(levels) => *levels,
        None => (
            client.level(&subject).await?,
            client.effective_level(&subject).await?,
        ),
    };
    let held = look.snapshot.held(&subject);
    step.newest = held.last().map(|newest| newest.version);
    step.registered = find(&step.wanted, &held);
    if step.registered.is_none() && !held.is_empty() {
        // Registries differ in what they call the same.
        let mut found = client.look_up(&subject, &text, &[]).await?;
        if found.is_none()
            && let Some(references) = references(&step.wanted, registered)
        {
            found = client.look_up(&subject, &step.wanted.text, &references).await?;
        }
        if let Some(found) = found {
            step.notes.push(format!(
                "this registry calls it the same as version {}, whose text is another",
                found.version
            ));
            step.registered = Some(Registered::of(found));
        }
    }
    if step.registered.is_none() {
        step.actions.push(Action::Register { after: step.newest });
        judge(&mut step, &held, effective);
        if step.problems.is_empty() && !held.is_empty() {
            ask(client, &mut step, &text, effective).await?;
        }
        writable(client, &mut step).await?;
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
    // A level that holds is left alone, also where the subject inherits it: one that is changed above is seen here.
    if effective != to {
        // A registry that has no way to say "not set" answers NONE for it.
        let own = own.is_some_and(|own| own == effective);
        let from = effective;
        step.actions.push(Action::SetLevel(LevelChange { from, own, to }));
    }
    Ok(step)
}

/// The version that is the wanted schema, by a registry's own rules.
fn find(wanted: &Desired, held: &[Held]) -> Option<Registered> {
    let readable: Vec<(&Held, Schema)> = held
        .iter()
        .rev()
        .filter_map(|version| Some((version, version.schema.as_ref().ok()?.clone())))
        .collect();
    let schemas: Vec<Schema> = readable.iter().map(|(_, schema)| schema.clone()).collect();
    let (found, _) = readable.get(Lookup::new(&wanted.schema).find(&schemas)?)?;
    Some(Registered {
        version: found.version,
        id: found.id,
    })
}

/// Whether the subject's mode lets anything be registered.
async fn writable(client: &Client, step: &mut SubjectStep) -> Result<(), ClientError> {
    match client.mode(Some(&step.wanted.subject)).await {
        Ok(mode) if mode.to_ascii_uppercase().starts_with("READONLY") => {
            step.problems.push(Problem::ReadOnly { mode });
        }
        Ok(_) => {}
        Err(ClientError::Refused { status, .. }) => step
            .notes
            .push(format!("the registry does not tell its mode (HTTP {status})")),
        Err(error) => return Err(error),
    }
    Ok(())
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
    match client.compatibility(&step.wanted.subject, level, text, &[]).await {
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
                let looked = client.look_up(&wanted.subject, &wanted.text, &references).await;
                let version = match looked {
                    Ok(Some(found)) => found.version,
                    // It is there, for it has an ID: a registry that does not find it by its text has it as its newest.
                    Ok(None) => match client.versions(&wanted.subject).await {
                        Ok(numbers) => numbers.last().copied().unwrap_or(after.unwrap_or(0) + 1),
                        Err(error) => {
                            done(action, None);
                            return Err(error);
                        }
                    },
                    // It was done, whatever has become of the registry since.
                    Err(error) => {
                        done(action, None);
                        return Err(error);
                    }
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
