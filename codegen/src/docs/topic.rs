//! The section of one topic.

use fleetops_avro::json;
use fleetops_avro::schema::Kind;
use fleetops_avro::{Diagnostic, Schema, SchemaSet};

use super::text::{Document, cell, code};
use super::words::{level_words, list, spoken};
use super::{Examples, conform, example, fields};
use crate::manifest::{Dedup, Manifest, Reorder, Topic};

pub(super) fn section(
    schemas: &SchemaSet,
    manifest: &Manifest,
    topic: &Topic,
    examples: &Examples,
    document: &mut Document,
    found: &mut Vec<Diagnostic>,
) {
    document.heading(2, &code(&topic.name.value));
    if let Some(purpose) = &topic.purpose {
        document.paragraph(&format!("{}.", cell(purpose).trim_end_matches('.')));
    }
    let Some(schema) = schemas.get(&topic.value.value) else {
        return;
    };
    let Kind::Record(record) = &schema.root_node().kind else {
        return;
    };
    let doc = record
        .doc
        .as_deref()
        .map(|d| format!(": {}", cell(d)))
        .unwrap_or_default();
    document.paragraph(&format!("Event {}{doc}", code(&topic.value.value)));
    match example_text(schemas, &schema, examples) {
        Ok(Some(text)) => {
            document.heading(3, "Example");
            document.block("json", &text);
        }
        Ok(None) => {}
        Err(why) => found.extend(why),
    }
    document.heading(3, "Fields");
    document.table(&fields::HEAD, fields::rows(schemas, schema.root()));
    delivery(manifest, topic, document);
}

/// The example: the record's attribute, else its file, else a made-up one.
fn example_text(
    schemas: &SchemaSet,
    schema: &Schema,
    examples: &Examples,
) -> Result<Option<String>, Vec<Diagnostic>> {
    let node = schema.root_node();
    let name = node.name().map(ToString::to_string).unwrap_or_default();
    if let Some(list) = node.attribute("examples")
        && let Some(first) = list.as_array().and_then(<[json::Value]>::first)
    {
        let misfit = conform::check(schemas, schema.root(), first, &node.place.source);
        if !misfit.is_empty() {
            return Err(misfit);
        }
        let mut compact = String::new();
        json::write(first, &mut compact);
        return Ok(serde_json::from_str(&compact).ok().as_ref().map(pretty));
    }
    if let Some(file) = examples.get(&name) {
        let value = json::parse(file.text()).map_err(|e| vec![e.diagnostic(file)])?;
        let misfit = conform::check(schemas, schema.root(), &value, file);
        return if misfit.is_empty() {
            Ok(Some(file.text().to_owned()))
        } else {
            Err(misfit)
        };
    }
    Ok(example::of(schemas, schema.root()).as_ref().map(pretty))
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}")
}

/// What happens to a record of the topic, in words.
fn delivery(manifest: &Manifest, topic: &Topic, document: &mut Document) {
    document.heading(3, "Delivery");
    document.line("");
    let mut item = |title: &str, text: String| document.line(&format!("- {title}: {text}"));
    item("Partitions", partitions(topic));
    if let Some(stamp) = &topic.stamp {
        item(
            "Stamp",
            format!(
                "the producer sets {} to the time of sending.",
                code(&stamp.to_string())
            ),
        );
    }
    let groups: Vec<String> = manifest.groups_of(topic).map(|g| code(&g.name.value)).collect();
    if !groups.is_empty() {
        item("Consumer groups", format!("{}.", list(&groups)));
    }
    item(
        "Duplicates",
        topic.dedup.as_ref().map_or_else(
            || "not looked for: every record is an event of its own.".to_owned(),
            dedup,
        ),
    );
    item(
        "Order",
        topic
            .reorder
            .as_ref()
            .map_or_else(|| "that of the partition.".to_owned(), |r| reorder(topic, r)),
    );
    item("Dead letters", dead_letters(topic));
    let level = manifest.compatibility(topic);
    item(
        "Subject",
        format!(
            "{}, compatibility {} ({}).",
            code(&manifest.subject(topic)),
            code(&level.to_string()),
            level_words(level)
        ),
    );
    if !topic.config.is_empty() {
        let settings = topic.config.iter().map(|(name, setting)| {
            let text = code(&format!("{name}={}", setting.value.value));
            let ms = setting
                .value
                .parse::<u64>()
                .ok()
                .filter(|ms| *ms > 0 && name.ends_with(".ms"));
            match ms.map(|ms| spoken(std::time::Duration::from_millis(ms))) {
                Some(words) => format!("{text} ({words})"),
                None => text,
            }
        });
        item(
            "Topic settings",
            format!("{}.", settings.collect::<Vec<_>>().join(", ")),
        );
    }
}

fn partitions(topic: &Topic) -> String {
    let count = match topic.partitions.value {
        1 => "1 partition".to_owned(),
        n => format!("{n} partitions"),
    };
    match &topic.key {
        Some(key) => {
            let key = code(&key.to_string());
            format!(
                "{count}. The record key is the text of {key}, so records with the same {key} share a partition and keep their order."
            )
        }
        None => format!("{count}. Records have no key and are spread over them."),
    }
}

fn dedup(dedup: &Dedup) -> String {
    let key: Vec<String> = dedup.key.iter().map(|p| code(&p.to_string())).collect();
    format!(
        "records with the same {} within {} are the same event. The producer does not send it again, and consumers drop it.",
        list(&key),
        spoken(dedup.ttl.value)
    )
}

fn reorder(topic: &Topic, reorder: &Reorder) -> String {
    let mut of = vec![code(&reorder.by.to_string())];
    of.extend(reorder.epoch.as_ref().map(|e| code(&e.to_string())));
    let late = match topic.dead_letter {
        Some(_) => "is a dead letter",
        None => "is counted and left out",
    };
    let sequence = code(&reorder.sequence.to_string());
    format!(
        "records of the same {} are handled in the order of {sequence}. One that comes too early waits until those before it \
         have come, or the sequence is more than {} ahead of what is missing, or {} have passed. One of the last {} positions that \
         comes again is dropped; any other that comes too late {late}.",
        list(&of),
        reorder.tolerance,
        spoken(reorder.hold.value),
        reorder.ring
    )
}

fn dead_letters(topic: &Topic) -> String {
    match &topic.dead_letter {
        Some(name) => format!(
            "{}, with the reason and the place of the record in headers; key and value are kept as they were.",
            code(&name.value)
        ),
        None => "none: a consumer stops at a record that it cannot handle.".to_owned(),
    }
}
