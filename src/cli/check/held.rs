//! `check` against what a registry holds, by the lock or by the registry itself: every version of every subject.

use std::collections::BTreeSet;

use fleetops_avro::Diagnostic;
use fleetops_avro::compat::Level;
use fleetops_avro::normal::Lookup;
use fleetops_avro::source::{Place, Span};
use fleetops_codegen::manifest::Manifest;
use fleetops_registry::registry::{Client, ClientError, Desired, Held, Snapshot, judge};

use super::super::CliError;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) found: Vec<Diagnostic>,
    /// Subjects that were compared.
    pub(super) compared: usize,
    /// Versions they were compared with.
    pub(super) versions: usize,
    /// Subjects that the registry does not have.
    pub(super) added: usize,
    pub(super) levels: BTreeSet<Level>,
    /// Schemas that would become a new version, with the level that the registry applies and our verdict.
    pub(super) new_versions: Vec<(Desired, Level, bool)>,
}

/// Holds the wanted subjects against those that are held.
pub(super) fn compare(
    manifest: &Manifest,
    wanted: &[Desired],
    held: &Snapshot,
    mode: Option<Level>,
) -> Comparison {
    let mut comparison = Comparison::default();
    for wish in wanted {
        let Some(state) = held.subjects.get(&wish.subject) else {
            comparison.added += 1;
            continue;
        };
        comparison.compared += 1;
        comparison.versions += state.live().count();
        let levels = match mode {
            Some(level) => vec![level],
            None if wish.level == state.level => vec![state.level],
            None => vec![state.level, wish.level],
        };
        comparison.levels.extend(&levels);
        // What a registry has already is not registered again, and so not held against the rest.
        let newest_first = || state.live().rev();
        if wish.references.is_empty()
            && newest_first().any(|version| version.references.is_empty() && version.text == wish.text)
        {
            continue;
        }
        let versions = held.held(&wish.subject);
        if is_held(wish, &versions) {
            continue;
        }
        let verdict = judge(&wish.schema, &versions, &levels);
        let clean = verdict.breach.is_none() && verdict.unreadable.is_empty();
        for (number, reason) in verdict.unreadable {
            let place = state
                .versions
                .iter()
                .find(|version| version.version == number)
                .and_then(|version| version.place.clone().or_else(|| state.place.clone()))
                .unwrap_or_else(|| home(manifest, wish));
            comparison.found.push(
                Diagnostic::error(
                    "unreadable-version",
                    place,
                    format!(
                        "version {number} of subject {} cannot be read, so nothing can be said to go with it",
                        wish.subject
                    ),
                    "this version",
                )
                .note(reason)
                .help(
                    "look at it with `subjects get`; a lock that was edited is written anew by `lock update`",
                ),
            );
        }
        if let Some(breach) = verdict.breach {
            let origin = match (mode.is_some(), breach.level == state.level) {
                (true, _) => "asked for by --mode",
                (false, true) => "the registry's level",
                (false, false) => "the manifest's level",
            };
            let note = format!(
                "subject {} has compatibility {} ({origin})",
                wish.subject, breach.level
            );
            for diagnostic in breach.diagnostics {
                add(&mut comparison.found, diagnostic, note.clone());
            }
        }
        comparison.new_versions.push((wish.clone(), state.level, clean));
    }
    let wanted: BTreeSet<&str> = wanted.iter().map(|wish| wish.subject.as_str()).collect();
    for (subject, state) in &held.subjects {
        if let Some(place) = state
            .place
            .as_ref()
            .filter(|_| !wanted.contains(subject.as_str()))
        {
            comparison.found.push(
                Diagnostic::warning(
                    "subject-removed",
                    place.clone(),
                    format!("subject {subject} is in the lock, and nothing in the manifest wants it"),
                    "no topic carries it",
                )
                .help("`fleetops-registry lock update` takes it out of the lock; the registry keeps it"),
            );
        }
    }
    comparison
}

/// What two subjects share is told once.
fn add(found: &mut Vec<Diagnostic>, diagnostic: Diagnostic, note: String) {
    let same = found.iter_mut().find(|other| {
        other.rule == diagnostic.rule
            && other.message == diagnostic.message
            && other.primary.place == diagnostic.primary.place
    });
    match same {
        Some(other) => other.share(diagnostic, note),
        None => found.push(diagnostic.note(note)),
    }
}

fn is_held(wish: &Desired, versions: &[Held]) -> bool {
    let readable: Vec<_> = versions
        .iter()
        .rev()
        .filter_map(|version| version.schema.as_ref().ok().cloned())
        .collect();
    Lookup::new(&wish.schema).find(&readable).is_some()
}

/// Where the manifest wants a subject.
pub(super) fn home(manifest: &Manifest, wish: &Desired) -> Place {
    let topic = wish.topics.first().and_then(|name| manifest.topic(name));
    match topic {
        Some(topic) => manifest.place(topic.name.span),
        None => wish.schema.root_node().place.clone(),
    }
}

/// The same for a subject of which there is only the name.
pub(crate) fn place_of(manifest: &Manifest, wanted: &[Desired], subject: &str) -> Place {
    match wanted.iter().find(|wish| wish.subject == subject) {
        Some(wish) => home(manifest, wish),
        None => manifest.place(Span::new(0, 0)),
    }
}

/// Asks the registry about every schema that would become a new version, and tells where it would decide otherwise.
pub(super) async fn second_opinion(
    client: &Client,
    comparison: &mut Comparison,
) -> Result<Vec<String>, CliError> {
    let mut untold = Vec::new();
    for (wish, level, clean) in &comparison.new_versions {
        let text = wish.schema.text();
        let answer = match client.compatibility(&wish.subject, *level, &text, &[]).await {
            Ok(answer) => answer,
            Err(ClientError::Refused { status: 422, .. }) => {
                untold.push(wish.subject.clone());
                continue;
            }
            Err(error) => return Err(CliError::incomplete(error.to_string())),
        };
        if answer.is_compatible == *clean {
            continue;
        }
        let place = wish.schema.root_node().place.clone();
        let words = match answer.messages.is_empty() {
            true => "it gives no reason".to_owned(),
            false => format!("it says: {}", answer.messages.join("; ")),
        };
        comparison.found.push(match answer.is_compatible {
            false => Diagnostic::error(
                "registry-disagrees",
                place,
                format!(
                    "the registry would refuse this for subject {}, and by Avro's rules it may follow",
                    wish.subject
                ),
                "refused by the registry",
            )
            .note(words),
            true => Diagnostic::warning(
                "registry-disagrees",
                place,
                format!(
                    "the registry would take this for subject {}, and it may not follow",
                    wish.subject
                ),
                "taken by the registry",
            )
            .note("its level for the subject is lower, or it looks at fewer versions"),
        });
    }
    Ok(untold)
}
