//! Whether the dedup and reorder stages have what they need to do what they promise.

use fleetops_avro::Diagnostic;
use fleetops_avro::schema::SchemaSet;
use fleetops_avro::source::Span;

use super::path::same;
use super::{FieldPath, Manifest, Topic};

pub(super) fn check(manifest: &Manifest, schemas: &SchemaSet) -> Vec<Diagnostic> {
    manifest
        .topics
        .iter()
        .flat_map(|topic| stages(manifest, schemas, topic))
        .collect()
}

fn stages(manifest: &Manifest, schemas: &SchemaSet, topic: &Topic) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if let Some(dedup) = &topic.dedup {
        found.extend(unkeyed(manifest, topic, dedup.span, "duplicates are told"));
        found.extend(create_time(manifest, topic, dedup.span));
    }
    let Some(reorder) = &topic.reorder else {
        return found;
    };
    found.extend(unkeyed(manifest, topic, reorder.span, "frames are put in order"));
    if topic.dedup.is_none() {
        // A frame that comes twice is a duplicate if its dedup key is the same, else a conflict. Without keys one
        // of two wrong things would happen: conflicting data dropped as if repeated, or repetitions, which
        // at-least-once delivery makes as a matter of course, put on the dead-letter topic.
        found.push(
            Diagnostic::error(
                "reorder-without-dedup",
                manifest.place(reorder.span),
                format!("topic {} is reordered but has no dedup key", topic.name),
                "cannot tell a frame sent twice from two frames of one number",
            )
            .help("add `dedup = { key = [\"FIELD\"], ttl = \"60s\" }` with the fields that name an event"),
        );
    }
    if let Some(key) = topic.key.as_ref().filter(|key| !same(key, &reorder.by))
        && leads_somewhere(schemas, topic, &reorder.by)
        && leads_somewhere(schemas, topic, key)
    {
        found.push(
            Diagnostic::warning(
                "reorder-by-not-key",
                manifest.place(reorder.by.span),
                format!(
                    "topic {} is ordered by `{}`, but its key is `{key}`",
                    topic.name, reorder.by
                ),
                "not the key",
            )
            .related(manifest.place(key.span), "the key decides the partition")
            .note("frames that go to different partitions are not put in order")
            .help(format!(
                "order by the key, unless every `{}` always has the same `{key}`",
                reorder.by
            )),
        );
    }
    found
}

/// A path that leads nowhere has been told; what else could be said of it would be noise.
fn leads_somewhere(schemas: &SchemaSet, topic: &Topic, path: &FieldPath) -> bool {
    schemas
        .get(&topic.value.value)
        .is_some_and(|s| path.resolve(schemas, s.root()).is_ok())
}

/// A stage looks at one partition; without a key the records that belong together are in several.
fn unkeyed(manifest: &Manifest, topic: &Topic, span: Span, what: &str) -> Option<Diagnostic> {
    if topic.key.is_some() || topic.partitions.value == 1 {
        return None;
    }
    let message = format!(
        "topic {} has {} partitions and no key",
        topic.name, topic.partitions
    );
    Some(
        Diagnostic::error(
            "unkeyed-stage",
            manifest.place(span),
            message,
            format!("{what} within a partition"),
        )
        .help("add `key = \"FIELD\"`, so that records that belong together share a partition"),
    )
}

/// Whether verdicts depend on the producers' clocks.
fn create_time(manifest: &Manifest, topic: &Topic, span: Span) -> Option<Diagnostic> {
    const SETTING: &str = "message.timestamp.type";
    if topic.setting(SETTING) == Some("LogAppendTime") {
        return None;
    }
    let at = topic.config.get(SETTING).map_or(span, |s| s.value.span);
    let message = format!(
        "topic {} has dedup, but its records carry their producers' time",
        topic.name
    );
    Some(
        Diagnostic::warning("dedup-create-time", manifest.place(at), message, "")
            .note("whether a record at the edge of the ttl is a duplicate then depends on the producers' clocks")
            .help(format!("add \"{SETTING}\" = \"LogAppendTime\" to the topic's config")),
    )
}
