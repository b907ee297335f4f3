//! What a change does to topics, besides what it does to readers: keys that move, stages that lose a field, partitions
//! that cannot be taken away.
//!
//! A schema can be compatible and still break a topic: to make the key optional is a change that every reader takes.
//! The finding stands in the schema where the schema was changed, and in the manifest where the manifest was.

use fleetops_avro::schema::{Kind, SchemaSet, TypeId};
use fleetops_avro::source::{Place, Span};
use fleetops_avro::{Diagnostic, Schema};
use fleetops_codegen::manifest::{FieldPath, Manifest, ResolvedPath, Topic};

/// What was before.
pub(super) struct Before<'a> {
    /// The record a topic carried.
    pub(super) record: &'a dyn Fn(&Topic) -> Option<Schema>,
    /// The manifest as it was.
    pub(super) manifest: Option<&'a Manifest>,
}

/// Findings, and the paths of the manifest that these explain.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) found: Vec<Diagnostic>,
    pub(super) explained: Vec<Span>,
}

/// Holds every topic against what it was.
pub(super) fn compare(manifest: &Manifest, schemas: &SchemaSet, before: &Before<'_>) -> Findings {
    let mut findings = Findings::default();
    for topic in &manifest.topics {
        let was = before
            .manifest
            .and_then(|m| Some((m, m.topic(&topic.name.value)?)));
        if let Some((old_manifest, old_topic)) = was {
            findings
                .found
                .extend(partitions(manifest, topic, old_manifest, old_topic));
            findings
                .found
                .extend(key_moved(manifest, topic, old_manifest, old_topic));
        }
        let (Some(new), Some(old)) = (schemas.get(&topic.value.value), (before.record)(topic)) else {
            continue;
        };
        if let Some(path) = &topic.key {
            findings.found.extend(key(topic, path, &new, &old));
        }
        for (path, what) in stages(topic) {
            if path.resolve(old.set(), old.root()).is_ok() && path.resolve(new.set(), new.root()).is_err() {
                findings.explained.push(path.span);
                findings.found.push(gone(manifest, topic, path, what, &new, &old));
            }
        }
    }
    findings
}

fn partitions(
    manifest: &Manifest,
    topic: &Topic,
    old_manifest: &Manifest,
    old: &Topic,
) -> Option<Diagnostic> {
    let (from, to) = (old.partitions.value, topic.partitions.value);
    (to < from).then(|| {
        Diagnostic::error(
            "partitions-lowered",
            manifest.place(topic.partitions.span),
            format!("topic {} has {to} partitions, and had {from}", topic.name),
            "fewer than before",
        )
        .related(old_manifest.place(old.partitions.span), "as it was")
        .help(format!("put {from} back: Kafka cannot take partitions away"))
    })
}

/// The key is the same field, by its path.
fn key_moved(manifest: &Manifest, topic: &Topic, old_manifest: &Manifest, old: &Topic) -> Option<Diagnostic> {
    let text = |key: &Option<FieldPath>| key.as_ref().map(ToString::to_string);
    let (from, to) = (text(&old.key), text(&topic.key));
    if from == to {
        return None;
    }
    let words = |key: Option<String>| key.map_or("no field".to_owned(), |path| format!("`{path}`"));
    let place = topic.key.as_ref().map_or(topic.name.span, |path| path.span);
    let was = old.key.as_ref().map_or(old.name.span, |path| path.span);
    Some(
        Diagnostic::error(
            "key-changed",
            manifest.place(place),
            format!(
                "the record key of topic {} is {}, and was {}",
                topic.name,
                words(to),
                words(from)
            ),
            "another key than before",
        )
        .related(old_manifest.place(was), "as it was")
        .note("records of the same thing go to another partition from then on, and their order is lost")
        .help("make a new topic; or let this one run empty before the producers are changed"),
    )
}

fn key(topic: &Topic, path: &FieldPath, new: &Schema, old: &Schema) -> Option<Diagnostic> {
    let now = path.resolve(new.set(), new.root()).ok()?;
    let then = path.resolve(old.set(), old.root()).ok()?;
    let found = if texts(new.set(), now.leaf) != texts(old.set(), then.leaf) {
        let step = now.steps.last()?;
        Diagnostic::error(
            "key-type-changed",
            declared(new.set(), step.record, step.field)?,
            format!(
                "`{path}` is the record key of topic {}, and has another type: {}, was {}",
                topic.name,
                word(new.set(), now.leaf),
                word(old.set(), then.leaf)
            ),
            "another type than before",
        )
        .note("a record's partition follows from its key's text, and another type has other texts")
        .help("put the type back; a value of another type is another field")
    } else if now.optional() && !then.optional() {
        let step = now.steps.iter().find(|step| step.optional)?;
        Diagnostic::error(
            "key-became-optional",
            declared(new.set(), step.record, step.field)?,
            format!(
                "`{path}` is the record key of topic {}, and may be null now",
                topic.name
            ),
            "optional",
        )
        .note("a record without a key goes to any partition, so its order among the others is lost")
        .help("keep it required: take null out of its union")
    } else {
        return None;
    };
    Some(match last(old.set(), &then) {
        Some(place) => found.related(place, "as it was"),
        None => found,
    })
}

/// The fields that stages need, and what for.
fn stages(topic: &Topic) -> Vec<(&FieldPath, &'static str)> {
    let mut all = Vec::new();
    if let Some(dedup) = &topic.dedup {
        all.extend(dedup.key.iter().map(|path| (path, "tells duplicates")));
    }
    if let Some(reorder) = &topic.reorder {
        all.push((&reorder.by, "says which frames are in one order"));
        all.extend(
            reorder
                .epoch
                .as_ref()
                .map(|path| (path, "says where the order starts anew")),
        );
        all.push((&reorder.sequence, "is the position in the order"));
    }
    all
}

fn gone(
    manifest: &Manifest,
    topic: &Topic,
    path: &FieldPath,
    what: &str,
    new: &Schema,
    old: &Schema,
) -> Diagnostic {
    let place = match &new.root_node().kind {
        Kind::Record(record) => Place::new(&new.root_node().place.source, record.name_span),
        _ => new.root_node().place.clone(),
    };
    let was = path.resolve(old.set(), old.root()).ok();
    let mut found = Diagnostic::error(
        "stage-field-removed",
        place,
        format!(
            "`{path}` is no longer here, and in topic {} it {what}",
            topic.name
        ),
        "no such field any more",
    )
    .related(manifest.place(path.span), "needed here");
    if let Some(place) = was.as_ref().and_then(|was| last(old.set(), was)) {
        found = found.related(place, "as it was");
    }
    found.help("put the field back, or give the stage another one")
}

/// Types whose values have the same texts: a widened int or an enum in place of its strings moves no key.
fn texts(schemas: &SchemaSet, ty: TypeId) -> String {
    let node = schemas.node(ty);
    match (&node.kind, &node.logical) {
        (Kind::Int | Kind::Long, None) => "whole number".to_owned(),
        (Kind::String | Kind::Enum(_), _) => "text".to_owned(),
        (kind, logical) => format!("{} {logical:?}", kind.word()),
    }
}

fn word(schemas: &SchemaSet, ty: TypeId) -> String {
    let node = schemas.node(ty);
    let logical = node.attribute("logicalType").and_then(|value| value.as_str());
    match logical.filter(|_| node.logical.is_some()) {
        Some(logical) => format!("{} ({logical})", node.kind.word()),
        None => node.kind.word().to_owned(),
    }
}

fn declared(schemas: &SchemaSet, record: TypeId, field: usize) -> Option<Place> {
    let node = schemas.node(record);
    let Kind::Record(r) = &node.kind else { return None };
    Some(Place::new(&node.place.source, r.fields.get(field)?.type_span))
}

fn last(schemas: &SchemaSet, path: &ResolvedPath) -> Option<Place> {
    let step = path.steps.last()?;
    declared(schemas, step.record, step.field)
}
