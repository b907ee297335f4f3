//! Whether what the manifest says fits together, and fits the schemas.

use fleetops_avro::schema::{Kind, Logical, SchemaSet, TypeId};
use fleetops_avro::source::Span;
use fleetops_avro::{Diagnostic, Label};

use super::names::{collide, nearest};
use super::path::{PathError, ResolvedPath};
use super::{FieldPath, Manifest, Spanned, Topic};

/// What topics, groups and dead letters say of each other.
pub(super) fn references(manifest: &Manifest) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    groups(manifest, &mut found);
    dead_letters(manifest, &mut found);
    collisions(manifest, &mut found);
    found
}

fn groups(manifest: &Manifest, found: &mut Vec<Diagnostic>) {
    for group in &manifest.groups {
        for topic in &group.topics {
            if manifest.topic(&topic.value).is_some() {
                continue;
            }
            let known = manifest.topics.iter().map(|t| t.name.value.as_str());
            let message = format!(
                "group {} reads topic {}, which is not in the manifest",
                group.name, topic.value
            );
            let mut diagnostic = Diagnostic::error(
                "unknown-topic",
                manifest.place(topic.span),
                message,
                "no such topic",
            );
            diagnostic.help = Some(match nearest(&topic.value, known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add [topics.{}], or take it off the list", topic.value),
            });
            found.push(diagnostic);
        }
    }
}

/// A dead-letter topic is one of its own; or a declared one that can hold what is put there.
fn dead_letters(manifest: &Manifest, found: &mut Vec<Diagnostic>) {
    for (index, topic) in manifest.topics.iter().enumerate() {
        let Some(name) = &topic.dead_letter else { continue };
        let earlier = manifest.topics.iter().take(index);
        let sharer = earlier.filter(|t| t.dead_letter.as_ref().is_some_and(|d| d.value == name.value));
        let fault = if name.value == topic.name.value {
            Some((format!("topic {name} is its own dead-letter topic"), None))
        } else if let Some(declared) = manifest.topic(&name.value) {
            conflict(topic, declared).map(|why| {
                let message = format!(
                    "topic {name} cannot take the dead letters of {}: {why}",
                    topic.name
                );
                (message, Some((declared.name.span, "declared here")))
            })
        } else {
            sharer
                .into_iter()
                .find(|t| t.partitions.value != topic.partitions.value)
                .map(|other| {
                    let message = format!(
                        "{} and {} share the dead-letter topic {name}, but have {} and {} partitions",
                        other.name, topic.name, other.partitions, topic.partitions
                    );
                    (message, Some((other.name.span, "the other topic")))
                })
        };
        let Some((message, other)) = fault else { continue };
        let mut diagnostic = Diagnostic::error("dead-letter", manifest.place(name.span), message, "")
            .note("a dead letter keeps value and partition of its record")
            .help(format!("name a topic of its own, such as \"{}.dlq\"", topic.name));
        if let Some((span, text)) = other {
            diagnostic = diagnostic.related(manifest.place(span), text);
        }
        found.push(diagnostic);
    }
}

fn conflict(topic: &Topic, declared: &Topic) -> Option<String> {
    if topic.value.value != declared.value.value {
        return Some(format!("it carries {}, not {}", declared.value, topic.value));
    }
    (topic.partitions.value != declared.partitions.value).then(|| {
        format!(
            "it has {} partitions, not {}",
            declared.partitions, topic.partitions
        )
    })
}

/// Names that differ in `.` and `_` only: the broker refuses the second.
fn collisions(manifest: &Manifest, found: &mut Vec<Diagnostic>) {
    let mut names: Vec<(&str, Span)> = Vec::new();
    for topic in &manifest.topics {
        names.push((&topic.name.value, topic.name.span));
        if let Some(name) = &topic.dead_letter {
            names.push((&name.value, name.span));
        }
    }
    for (index, (name, span)) in names.iter().enumerate() {
        let Some((other, at)) = names.iter().take(index).find(|(other, _)| collide(name, other)) else {
            continue;
        };
        found.push(
            Diagnostic::error(
                "topic-name-collision",
                manifest.place(*span),
                format!(
                    "topics {other} and {name} cannot both be: Kafka's metrics tell `.` and `_` not apart"
                ),
                "the broker refuses this one",
            )
            .related(manifest.place(*at), "because of this one")
            .help("rename one of them"),
        );
    }
}

/// What a field is used for decides which types fit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Key,
    Dedup,
    By,
    Epoch,
    Sequence,
    Stamp,
}

impl Use {
    const fn rule(self) -> &'static str {
        match self {
            Self::Key => "key-type",
            Self::Dedup => "dedup-type",
            Self::By | Self::Epoch => "reorder-type",
            Self::Sequence => "sequence-type",
            Self::Stamp => "stamp-type",
        }
    }

    /// What the field is, as messages call it.
    const fn name(self) -> &'static str {
        match self {
            Self::Key => "the record key",
            Self::Dedup => "a dedup field",
            Self::By => "what frames are ordered by",
            Self::Epoch => "the epoch",
            Self::Sequence => "the sequence",
            Self::Stamp => "the stamp",
        }
    }

    const fn wanted(self) -> &'static str {
        match self {
            Self::Sequence => "an int or a long without a logical type",
            Self::Stamp => "a timestamp-millis, timestamp-micros or timestamp-nanos",
            _ => "a string, int, long, uuid or enum",
        }
    }

    fn fits(self, schemas: &SchemaSet, ty: TypeId) -> bool {
        let node = schemas.node(ty);
        let whole = matches!(node.kind, Kind::Int | Kind::Long) && node.logical.is_none();
        match self {
            Self::Sequence => whole,
            Self::Stamp => matches!(
                node.logical,
                Some(Logical::TimestampMillis | Logical::TimestampMicros | Logical::TimestampNanos)
            ),
            _ => {
                let text = match &node.kind {
                    Kind::String => node.logical.is_none_or(|l| l == Logical::Uuid),
                    Kind::Fixed(_) => node.logical == Some(Logical::Uuid),
                    Kind::Enum(_) => true,
                    _ => false,
                };
                whole || text
            }
        }
    }
}

/// Value types and field paths.
pub(super) fn schemas(manifest: &Manifest, schemas: &SchemaSet) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for topic in &manifest.topics {
        let Some(record) = value(manifest, schemas, topic, &mut found) else {
            continue;
        };
        let mut fields: Vec<(&FieldPath, Use)> = Vec::new();
        fields.extend(topic.key.as_ref().map(|p| (p, Use::Key)));
        fields.extend(topic.stamp.as_ref().map(|p| (p, Use::Stamp)));
        if let Some(dedup) = &topic.dedup {
            fields.extend(dedup.key.iter().map(|p| (p, Use::Dedup)));
        }
        if let Some(reorder) = &topic.reorder {
            fields.push((&reorder.by, Use::By));
            fields.extend(reorder.epoch.as_ref().map(|p| (p, Use::Epoch)));
            fields.push((&reorder.sequence, Use::Sequence));
        }
        for (path, role) in fields {
            found.extend(field(manifest, schemas, record, path, role));
        }
    }
    found
}

/// The record a topic carries.
fn value(
    manifest: &Manifest,
    schemas: &SchemaSet,
    topic: &Topic,
    found: &mut Vec<Diagnostic>,
) -> Option<TypeId> {
    let place = manifest.place(topic.value.span);
    let Some(schema) = schemas.get(&topic.value.value) else {
        let message = format!(
            "topic {} carries {}, which no schema defines",
            topic.name, topic.value
        );
        let mut diagnostic = Diagnostic::error("unknown-type", place, message, "no such type");
        let names: Vec<String> = schemas.named().map(|(name, _)| name.to_string()).collect();
        let simple = topic.value.rsplit('.').next().unwrap_or_default();
        let near = nearest(&topic.value.value, names.iter().map(String::as_str)).or_else(|| {
            names
                .iter()
                .map(String::as_str)
                .find(|n| n.rsplit('.').next() == Some(simple))
        });
        diagnostic.help = Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write the record's full name, with its namespace".to_owned(),
        });
        found.push(diagnostic);
        return None;
    };
    let node = schema.root_node();
    if !matches!(node.kind, Kind::Record(_)) {
        let message = format!("topic {} carries {}, which is no record", topic.name, topic.value);
        found.push(
            Diagnostic::error(
                "value-not-record",
                place,
                message,
                format!("this is {}", describe(schemas, schema.root())),
            )
            .related(node.place.clone(), "defined here")
            .help("wrap it in a record: only a record can get another field later"),
        );
        return None;
    }
    Some(schema.root())
}

fn field(
    manifest: &Manifest,
    schemas: &SchemaSet,
    record: TypeId,
    path: &FieldPath,
    role: Use,
) -> Option<Diagnostic> {
    match path.resolve(schemas, record) {
        Ok(resolved) => fitting(manifest, schemas, path, &resolved, role),
        Err(error) => Some(unresolved(manifest, schemas, path, &error)),
    }
}

fn segment_span(path: &FieldPath, segment: usize) -> Span {
    path.segments.get(segment).map_or(path.span, |s| s.span)
}

fn unresolved(manifest: &Manifest, schemas: &SchemaSet, path: &FieldPath, error: &PathError) -> Diagnostic {
    match error {
        PathError::UnknownField {
            segment,
            record,
            nearest,
        } => {
            let name = path.segments.get(*segment).map_or("", |s| s.name.as_str());
            let place = manifest.place(segment_span(path, *segment));
            let message = format!("{} has no field `{name}`", describe(schemas, *record));
            let mut diagnostic = Diagnostic::error("unknown-field", place, message, "no such field");
            if let Kind::Record(r) = &schemas.node(*record).kind {
                let at = fleetops_avro::source::Place::new(&schemas.node(*record).place.source, r.name_span);
                diagnostic.related.push(Label {
                    place: at,
                    text: "the record".to_owned(),
                });
                let names: Vec<&str> = r.fields.iter().map(|f| f.name.as_str()).collect();
                match nearest {
                    Some(near) => diagnostic.help = Some(format!("did you mean `{near}`?")),
                    None => diagnostic.notes.push(format!("its fields: {}", names.join(", "))),
                }
            }
            diagnostic
        }
        PathError::NotARecord { segment, found } => {
            let before = segment.checked_sub(1).and_then(|i| path.segments.get(i));
            let before = before.map_or("", |s| s.name.as_str());
            let place = manifest.place(segment_span(path, *segment));
            let message = format!("`{before}` is {} and has no fields", describe(schemas, *found));
            Diagnostic::error("unknown-field", place, message, "nothing to look in")
                .related(schemas.node(*found).place.clone(), "what it is")
                .help("a path leads through records, and through unions of null and a record")
        }
    }
}

/// A type that the manifest gives a field on the way to the end of a path: what chooses it, and the type.
fn own_type<'m>(
    manifest: &'m Manifest,
    schemas: &SchemaSet,
    resolved: &ResolvedPath,
) -> Option<(&'m Spanned<String>, &'m Spanned<String>)> {
    let generate = &manifest.generate;
    resolved.steps.iter().find_map(|step| {
        let Kind::Record(record) = &schemas.node(step.record).kind else {
            return None;
        };
        let field = record.fields.get(step.field)?;
        let of_field = generate.of_field(&record.name.to_string(), &field.name);
        if let Some(chosen) = of_field.and_then(|s| Some((&s.name, s.ty.as_ref()?))) {
            return Some(chosen);
        }
        let named = match &schemas.node(field.ty).kind {
            Kind::Union(branches) => branches.iter().find_map(|id| schemas.node(*id).name()),
            _ => schemas.node(field.ty).name(),
        };
        let of_type = generate.of_type(&named?.to_string())?;
        Some((&of_type.name, of_type.ty.as_ref()?))
    })
}

fn fitting(
    manifest: &Manifest,
    schemas: &SchemaSet,
    path: &FieldPath,
    resolved: &ResolvedPath,
    role: Use,
) -> Option<Diagnostic> {
    let last = manifest.place(segment_span(path, path.segments.len().saturating_sub(1)));
    let declared = resolved
        .steps
        .last()
        .and_then(|s| field_place(schemas, s.record, s.field));
    if !role.fits(schemas, resolved.leaf) {
        let found = describe(schemas, resolved.leaf);
        let message = format!("`{path}` cannot be {}: it is {found}", role.name());
        let mut diagnostic =
            Diagnostic::error(role.rule(), last, message, format!("must be {}", role.wanted()));
        diagnostic.related.extend(declared);
        return Some(diagnostic);
    }
    if role == Use::Stamp
        && let Some((chosen, ty)) = own_type(manifest, schemas, resolved)
    {
        let message = format!(
            "`{path}` cannot be the stamp: it is of a type of your own, {}",
            ty.value
        );
        let diagnostic = Diagnostic::error(role.rule(), last, message, "the producer sets this")
            .related(manifest.place(chosen.span), "the type is chosen here")
            .note("the producer has a time to set, and a type of your own may refuse it")
            .help("leave `type` out there");
        return Some(diagnostic);
    }
    let optional = match role {
        Use::Sequence | Use::By | Use::Epoch => resolved.optional(),
        Use::Stamp => resolved.behind_optional(),
        Use::Key | Use::Dedup => resolved.optional(),
    };
    if !optional {
        return None;
    }
    let step = resolved.steps.iter().position(|s| s.optional).unwrap_or(0);
    let place = manifest.place(segment_span(path, step));
    let at = resolved
        .steps
        .get(step)
        .and_then(|s| field_place(schemas, s.record, s.field));
    let message = format!("`{path}` is {}, but may be null", role.name());
    let mut diagnostic = match role {
        Use::Key => Diagnostic::warning("optional-key", place, message, "optional")
            .note("a record without a key goes to any partition, so its order among the others is lost"),
        Use::Dedup => Diagnostic::warning("optional-dedup", place, message, "optional")
            .note("two records without it count as the same event if their other dedup fields agree"),
        Use::Stamp => Diagnostic::error(role.rule(), place, message, "optional")
            .note("the producer cannot set a field of a record that is not there"),
        _ => Diagnostic::error(role.rule(), place, message, "optional")
            .note("a frame without it has no place in the order"),
    }
    .help("make the field required: take null out of its union");
    diagnostic.related.extend(at);
    Some(diagnostic)
}

/// Where a field's type is declared.
fn field_place(schemas: &SchemaSet, record: TypeId, index: usize) -> Option<Label> {
    let node = schemas.node(record);
    let Kind::Record(r) = &node.kind else { return None };
    let field = r.fields.get(index)?;
    Some(Label {
        place: fleetops_avro::source::Place::new(&node.place.source, field.type_span),
        text: "its type".to_owned(),
    })
}

/// A type in words, with an article.
pub(crate) fn describe(schemas: &SchemaSet, ty: TypeId) -> String {
    let node = schemas.node(ty);
    let base = match &node.kind {
        Kind::Null => "null".to_owned(),
        Kind::Boolean => "a boolean".to_owned(),
        Kind::Int => "an int".to_owned(),
        Kind::Long => "a long".to_owned(),
        Kind::Float => "a float".to_owned(),
        Kind::Double => "a double".to_owned(),
        Kind::Bytes => "bytes".to_owned(),
        Kind::String => "a string".to_owned(),
        Kind::Array(_) => "an array".to_owned(),
        Kind::Map(_) => "a map".to_owned(),
        Kind::Union(branches) => format!("a union of {} types", branches.len()),
        Kind::Record(r) => format!("record {}", r.name),
        Kind::Enum(e) => format!("enum {}", e.name),
        Kind::Fixed(f) => format!("fixed {}", f.name),
    };
    match node.attribute("logicalType").and_then(|v| v.as_str()) {
        Some(name) if node.logical.is_some() => format!("{base} ({name})"),
        _ => base,
    }
}
