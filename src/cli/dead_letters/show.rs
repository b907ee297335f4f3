//! Dead letters as text for people and as JSON lines for machines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fleetops_registry::dead_letters::DeadLetter;
use fleetops_registry::dead_letters::replay::Answer;
use fleetops_runtime::chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use super::super::confirm::Paint;
use super::{Found, Group};
use crate::demo::grouped;

/// `1 dead letter`, `2,000 dead letters`.
pub(super) fn count(n: u64, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{} {one}s", grouped(n)),
    }
}

fn time(ms: i64) -> String {
    DateTime::from_timestamp_millis(ms).map_or_else(
        || ms.to_string(),
        |time| time.to_rfc3339_opts(SecondsFormat::Millis, true),
    )
}

/// What bytes say, for a terminal: control characters are escaped, and what is too long is cut.
fn shown(bytes: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        if index >= most {
            out.push('…');
            break;
        }
        match c.is_control() {
            true => out.extend(c.escape_default()),
            false => out.push(c),
        }
    }
    out
}

fn span(group: &Group) -> String {
    match (group.first_ms, group.last_ms) {
        (Some(first), Some(last)) if first == last => time(first),
        (Some(first), Some(last)) => format!("{} to {}", time(first), time(last)),
        _ => String::new(),
    }
}

/// Reasons with their counts, and the first letters of each.
pub(super) fn text(found: &Found, paint: Paint) -> String {
    const NONE: &str = "(no reason given)";
    let mut text = String::new();
    let name = |reason: &Option<String>| match reason {
        Some(reason) => shown(reason.as_bytes(), 40),
        None => NONE.to_owned(),
    };
    let width = found
        .groups
        .keys()
        .map(|r| name(r).chars().count())
        .max()
        .unwrap_or(0);
    for (reason, group) in &found.groups {
        let padded = format!("{:<width$}", name(reason));
        text.push_str(&format!(
            "{}  {:>9}  {}\n",
            paint.change(&padded),
            grouped(group.count),
            paint.keep(&span(group))
        ));
        if !group.shown.is_empty() {
            let rows: Vec<[String; 4]> = group.shown.iter().map(row).collect();
            table(&mut text, &rows, paint);
        }
        let more = group.count - group.shown.len() as u64;
        if more > 0 && !group.shown.is_empty() {
            text.push_str(&format!(
                "  {}\n",
                paint.keep(&format!("and {} more (--limit)", grouped(more)))
            ));
        }
    }
    text
}

fn row(letter: &DeadLetter) -> [String; 4] {
    let mut detail = letter
        .detail
        .as_ref()
        .map_or(String::new(), |detail| shown(detail.as_bytes(), 160));
    if let Some(from) = &letter.replayed_from {
        detail.push_str(&format!(" (sent again from {})", shown(from.as_bytes(), 80)));
    }
    [
        letter.place.to_string(),
        letter
            .origin
            .as_ref()
            .map_or("?".to_owned(), |origin| origin.place.to_string()),
        letter
            .key
            .as_ref()
            .map_or("null".to_owned(), |key| shown(key, 40)),
        detail.trim().to_owned(),
    ]
}

fn table(text: &mut String, rows: &[[String; 4]], paint: Paint) {
    let head = ["LETTER", "RECORD", "KEY", "DETAIL"];
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let longest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        longest.max(head.get(column).map_or(0, |h| h.len()))
    };
    let (a, b, c) = (width(0), width(1), width(2));
    let line = |[w, x, y, z]: [&str; 4]| format!("  {w:<a$}  {x:<b$}  {y:<c$}  {z}").trim_end().to_owned();
    text.push_str(&format!("{}\n", paint.keep(&line(head))));
    for [w, x, y, z] in rows {
        text.push_str(&format!("{}\n", line([w, x, y, z])));
    }
}

/// Text where the bytes are text, else `{"base64": ..}`.
fn bytes(of: Option<&[u8]>) -> Value {
    match of {
        None => Value::Null,
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => json!(text),
            Err(_) => json!({"base64": STANDARD.encode(bytes)}),
        },
    }
}

fn object(letter: &DeadLetter) -> Map<String, Value> {
    let headers: Vec<Value> = letter
        .headers
        .iter()
        .map(|(name, value)| json!({"name": name, "value": bytes(value.as_deref())}))
        .collect();
    let object = json!({
        "partition": letter.place.partition,
        "offset": letter.place.offset,
        "timestamp": letter.timestamp_ms.map(time),
        "reason": letter.reason,
        "detail": letter.detail,
        "source": letter.origin.as_ref().map(|origin| json!({
            "topic": origin.topic,
            "partition": origin.place.partition,
            "offset": origin.place.offset,
            "timestamp": letter.record_timestamp_ms.map(time),
        })),
        "replayed_from": letter.replayed_from,
        "key": bytes(letter.key.as_deref()),
        "headers": headers,
    });
    match object {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// One letter as an object; its value in base64, since it is framed Avro or something that nobody can read.
pub(super) fn json(letter: &DeadLetter) -> String {
    let mut object = object(letter);
    object.insert(
        "value_base64".to_owned(),
        json!(letter.value.as_deref().map(|value| STANDARD.encode(value))),
    );
    format!("{}\n", Value::Object(object))
}

/// A letter that would be sent.
pub(super) fn json_planned(letter: &DeadLetter) -> String {
    let mut object = object(letter);
    object.insert("outcome".to_owned(), json!("planned"));
    format!("{}\n", Value::Object(object))
}

/// What became of a letter that was sent.
pub(super) fn json_answer(topic: &str, answer: &Answer) -> String {
    let object = match &answer.result {
        Ok(place) => json!({
            "partition": answer.letter.partition, "offset": answer.letter.offset, "outcome": "acknowledged",
            // A broker that has a record already, from a try before, does not say where.
            "sent": {"topic": topic, "partition": place.partition, "offset": (place.offset >= 0).then_some(place.offset)},
        }),
        Err(error) => json!({
            "partition": answer.letter.partition, "offset": answer.letter.offset, "outcome": "failed",
            "error": error,
        }),
    };
    format!("{object}\n")
}

#[cfg(test)]
mod tests {
    use fleetops_registry::dead_letters::letter::Place;

    use super::*;

    fn letter(offset: i64, reason: &str, key: &[u8]) -> DeadLetter {
        let header =
            |name: &str, value: &str| (format!("dead-letter-{name}"), Some(value.as_bytes().to_vec()));
        DeadLetter::new(
            Place { partition: 0, offset },
            Some(offset * 1000),
            Some(key.to_vec()),
            Some(vec![0, 255]),
            vec![
                header("reason", reason),
                header("detail", "no\nplace"),
                header("topic", "t"),
                header("partition", "4"),
                header("offset", "70"),
                ("trace".to_owned(), None),
            ],
        )
    }

    #[test]
    fn letters_are_shown_by_reason_and_cannot_write_to_the_terminal() {
        let mut found = Found::default();
        for at in 0..3 {
            found.add(letter(at, "Late", b"k\x1b[2J"), 2);
        }
        found.add(letter(9, "Jump", b"k"), 2);
        assert_eq!(
            text(&found, Paint(false)),
            "Jump          1  1970-01-01T00:00:09.000Z\n\
             \x20 LETTER  RECORD  KEY  DETAIL\n\
             \x20 0:9     4:70    k    no\\nplace\n\
             Late          3  1970-01-01T00:00:00.000Z to 1970-01-01T00:00:02.000Z\n\
             \x20 LETTER  RECORD  KEY         DETAIL\n\
             \x20 0:0     4:70    k\\u{1b}[2J  no\\nplace\n\
             \x20 0:1     4:70    k\\u{1b}[2J  no\\nplace\n\
             \x20 and 1 more (--limit)\n"
        );
        assert_eq!(found.letters(), 4);
    }

    #[test]
    fn machines_get_everything() {
        let line: Value = serde_json::from_str(&json(&letter(5, "Late", b"\xff"))).unwrap();
        assert_eq!(
            line["source"],
            json!({"topic": "t", "partition": 4, "offset": 70, "timestamp": null})
        );
        assert_eq!(line["key"], json!({"base64": "/w=="}));
        assert_eq!(line["value_base64"], "AP8=");
        assert_eq!(line["headers"], json!([{"name": "trace", "value": null}]));
    }

    #[test]
    fn foreign_reasons_do_not_fill_the_memory() {
        let mut found = Found::default();
        for at in 0..1_000 {
            found.add(letter(at, &format!("reason {at}"), b"k"), 2);
        }
        assert_eq!(
            (found.letters(), found.groups.len()),
            (1_000, super::super::FOREIGN + 1)
        );
    }
}
