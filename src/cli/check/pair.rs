//! Which old schema each new one follows.
//!
//! A registry compares by subject. So with a manifest it is the topic that joins old and new: what it carried, and what
//! it carries. A record that was renamed is then one finding at its name, not one schema gone and another come. Where
//! a topic does not tell, the full name does, and then the file.

use std::collections::BTreeSet;

use fleetops_avro::compat::Level;
use fleetops_avro::schema::{Kind, TypeId};
use fleetops_avro::source::Span;
use fleetops_avro::{Diagnostic, Schema, SchemaSet};
use fleetops_codegen::manifest::{Manifest, SubjectStrategy};

use super::base::Files;

/// Two versions of one subject.
#[derive(Debug)]
pub(super) struct Unit {
    /// What messages call it: `subject x-value`, `a.B`.
    pub(super) subject: String,
    pub(super) level: Level,
    pub(super) new: Schema,
    pub(super) old: Schema,
}

/// All pairs, and what has no partner.
#[derive(Debug)]
pub(super) struct Pairing {
    pub(super) units: Vec<Unit>,
    /// Schemas that are gone.
    pub(super) findings: Vec<Diagnostic>,
    /// Subjects that have no old version.
    pub(super) added: usize,
    /// Where the manifest names types that no schema defines because they were renamed or removed.
    explained: BTreeSet<Span>,
    /// What topics carry, and all that belongs to it.
    done_new: BTreeSet<TypeId>,
    done_old: BTreeSet<TypeId>,
}

impl Pairing {
    pub(super) fn new(
        new: &Files,
        old: &Files,
        manifest: Option<&Manifest>,
        old_manifest: Option<&Manifest>,
        mode: Option<Level>,
    ) -> Self {
        let mut pairing = Self {
            units: Vec::new(),
            findings: Vec::new(),
            added: 0,
            explained: BTreeSet::new(),
            done_new: BTreeSet::new(),
            done_old: BTreeSet::new(),
        };
        if let Some(manifest) = manifest {
            pairing.topics(new, old, manifest, old_manifest, mode);
        }
        let level = mode
            .or_else(|| manifest.map(|m| m.defaults.compatibility.value))
            .unwrap_or_default();
        pairing.files(new, old, level);
        pairing
    }

    /// Whether the type that the manifest names at `span` is known to be renamed or removed.
    pub(super) fn explains(&self, span: Span) -> bool {
        self.explained.contains(&span)
    }

    fn topics(
        &mut self,
        new: &Files,
        old: &Files,
        manifest: &Manifest,
        old_manifest: Option<&Manifest>,
        mode: Option<Level>,
    ) {
        for topic in &manifest.topics {
            let level = mode.unwrap_or_else(|| manifest.compatibility(topic));
            // Where subjects are called by records, another record on a topic is another subject.
            let by_topic = manifest.subject_strategy(topic) == SubjectStrategy::TopicName;
            let before = old_manifest
                .filter(|_| by_topic)
                .and_then(|m| m.topic(&topic.name.value));
            let old_name = before.map_or(topic.value.as_str(), |t| t.value.as_str());
            let now = new.schemas.get(&topic.value.value).map(|s| s.root());
            let then = old.schemas.get(old_name).map(|s| s.root());
            let subject = format!("subject {}", manifest.subject(topic));
            let (now, then) = match (now, then) {
                (Some(now), Some(then)) => (now, then),
                // Renamed in schema and manifest, and there is no old manifest to tell.
                (Some(now), None) => match partner(new, old, now) {
                    Some(then) => (now, then),
                    None => {
                        self.added += 1;
                        self.reach(&new.schemas, now, true);
                        continue;
                    }
                },
                // Renamed in the schema, but not in the manifest.
                (None, Some(_)) if new.schemas.get(old_name).is_some() => continue, // a slip in the manifest
                (None, Some(then)) => {
                    self.explained.insert(topic.value.span);
                    match partner(old, new, then) {
                        Some(now) => (now, then),
                        None => {
                            self.reach(&old.schemas, then, false);
                            self.removed(manifest, topic, &old.schemas, then);
                            continue;
                        }
                    }
                }
                (None, None) => continue, // the manifest's own check tells
            };
            self.reach(&new.schemas, now, true);
            self.reach(&old.schemas, then, false);
            self.unit(new, old, now, then, subject, level);
        }
    }

    /// What no topic carries: each file is a subject of its own.
    fn files(&mut self, new: &Files, old: &Files, level: Level) {
        let tops = |files: &Files| -> Vec<TypeId> { files.schemas.files().map(|(_, id)| id).collect() };
        for now in tops(new) {
            if self.done_new.contains(&now) {
                continue;
            }
            let named = new
                .schemas
                .node(now)
                .name()
                .and_then(|n| old.schemas.get(&n.to_string()));
            match named.map(|s| s.root()).or_else(|| partner(new, old, now)) {
                Some(then) => {
                    let subject = title(&new.schemas, now);
                    self.unit(new, old, now, then, subject, level);
                }
                None => self.added += 1,
            }
        }
        for then in tops(old) {
            let name = old.schemas.node(then).name().map(ToString::to_string);
            let still_there = name.as_ref().is_some_and(|n| new.schemas.get(n).is_some());
            if still_there || self.done_old.contains(&then) {
                continue;
            }
            let place = match &old.schemas.node(then).kind {
                Kind::Record(r) => {
                    fleetops_avro::source::Place::new(&old.schemas.node(then).place.source, r.name_span)
                }
                _ => old.schemas.node(then).place.clone(),
            };
            let title = title(&old.schemas, then);
            self.findings.push(
                Diagnostic::warning(
                    "schema-removed",
                    place,
                    format!("{title} is gone"),
                    "was defined here",
                )
                .note("no topic of the manifest carries it, so nothing here depends on it"),
            );
        }
    }

    fn unit(&mut self, new: &Files, old: &Files, now: TypeId, then: TypeId, subject: String, level: Level) {
        self.units.push(Unit {
            subject,
            level,
            new: new.schemas.schema(now),
            old: old.schemas.schema(then),
        });
    }

    /// Marks a type and all it refers to as carried by a topic.
    fn reach(&mut self, schemas: &SchemaSet, from: TypeId, is_new: bool) {
        let done = if is_new {
            &mut self.done_new
        } else {
            &mut self.done_old
        };
        let mut open = vec![from];
        while let Some(id) = open.pop() {
            if !done.insert(id) {
                continue;
            }
            match &schemas.node(id).kind {
                Kind::Array(inner) | Kind::Map(inner) => open.push(*inner),
                Kind::Union(branches) => open.extend(branches),
                Kind::Record(record) => open.extend(record.fields.iter().map(|f| f.ty)),
                _ => {}
            }
        }
    }

    fn removed(
        &mut self,
        manifest: &Manifest,
        topic: &fleetops_codegen::manifest::Topic,
        old: &SchemaSet,
        then: TypeId,
    ) {
        let title = title(old, then);
        self.findings.push(
            Diagnostic::error(
                "schema-removed",
                manifest.place(topic.value.span),
                format!("{title} is gone, and topic {} carries it", topic.name),
                "no schema defines it any more",
            )
            .related(old.node(then).place.clone(), "was defined here")
            .help("put the file back; or take the topic out of the manifest, if nobody uses it any more"),
        );
    }
}

/// The type at the top of the same file on the other side, unless that one lives on under its own name on this side.
fn partner(this: &Files, other: &Files, id: TypeId) -> Option<TypeId> {
    let partner = this.same_file(other, id)?;
    let name = other.schemas.node(partner).name();
    let lives_on = name.is_some_and(|n| this.schemas.get(&n.to_string()).is_some());
    (!lives_on).then_some(partner)
}

fn title(schemas: &SchemaSet, id: TypeId) -> String {
    let node = schemas.node(id);
    node.name()
        .map_or_else(|| node.place.source.name().to_owned(), ToString::to_string)
}
