//! Batches: one JSON object a line in, one a line out, in the same order; an error is a value.
//!
//! Lines are read with the parser of schemas, not with a general one: a schema is then exactly the text that stood in
//! the line, with its numbers as written and its keys in order, as `KEY_text` would give it.

use std::io::{BufRead, BufReader, Read, Write};

use fleetops_avro::json;
use serde_json::{Map, Value, json};

use super::CliError;

/// A line of input.
pub(super) struct Line<'a> {
    text: &'a str,
    value: json::Value,
}

impl Line<'_> {
    /// The schema under `key`, or the text under `KEY_text`.
    pub(super) fn schema(&self, key: &str) -> Result<String, String> {
        let text_key = format!("{key}_text");
        match (self.value.get(key), self.value.get(&text_key)) {
            (Some(value), None) => Ok(self.text.get(value.span.range()).unwrap_or_default().to_owned()),
            (None, Some(text)) => text
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| format!("`{text_key}` must be a string")),
            (None, None) => Err(format!("neither `{key}` nor `{text_key}` is there")),
            (Some(_), Some(_)) => Err(format!("`{key}` and `{text_key}` are both there")),
        }
    }

    /// Whether there is a schema under `key` or `KEY_text`.
    pub(super) fn has_schema(&self, key: &str) -> bool {
        self.value.get(key).is_some() || self.value.get(&format!("{key}_text")).is_some()
    }

    /// The string under `key`.
    pub(super) fn string(&self, key: &str) -> Result<&str, String> {
        match self.value.get(key) {
            Some(value) => value.as_str().ok_or_else(|| format!("`{key}` must be a string")),
            None => Err(format!("`{key}` is not there")),
        }
    }

    /// The line's `id`, its numbers as they were written.
    fn id(&self) -> String {
        let mut text = String::new();
        match self.value.get("id") {
            Some(id) => json::write(id, &mut text),
            None => text.push_str("null"),
        }
        text
    }
}

/// Answers every line of standard input. `answer` gives the members after `id`, at least one; `failed` those for a line that is
/// no JSON object.
pub(super) fn run(
    answer: impl Fn(&Line<'_>) -> Map<String, Value>,
    failed: impl Fn(String) -> Map<String, Value>,
) -> Result<(), CliError> {
    let text = |members: Map<String, Value>| Value::Object(members).to_string();
    run_texts(|line| text(answer(line)), |why| text(failed(why)))
}

/// The same where the objects are texts already.
pub(super) fn run_texts(
    answer: impl Fn(&Line<'_>) -> String,
    failed: impl Fn(String) -> String,
) -> Result<(), CliError> {
    let mut input = BufReader::new(std::io::stdin().lock());
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let limit = json::MAX_TEXT as u64 + 1;
        let read = input.by_ref().take(limit).read_until(b'\n', &mut bytes);
        let read = read.map_err(|e| CliError::incomplete(format!("cannot read standard input: {e}")))?;
        if read == 0 {
            break;
        }
        let too_long = bytes.last() != Some(&b'\n') && read as u64 == limit;
        if too_long {
            skip_line(&mut input)?;
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let (id, members) = match parse(&bytes, too_long) {
            Ok(line) => (line.id(), answer(&line)),
            Err(why) => ("null".to_owned(), failed(why)),
        };
        let members = members.strip_prefix('{').unwrap_or_default();
        writeln!(out, "{{\"id\":{id},{members}").map_err(CliError::stdout)?;
        // Whoever waits for an answer before asking again must get it.
        if !input.buffer().contains(&b'\n') {
            out.flush().map_err(CliError::stdout)?;
        }
    }
    out.flush().map_err(CliError::stdout)
}

fn parse(bytes: &[u8], too_long: bool) -> Result<Line<'_>, String> {
    if too_long {
        return Err(format!("the line is longer than {} bytes", json::MAX_TEXT));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|e| format!("the line is not UTF-8 at byte {}", e.valid_up_to()))?;
    let value = json::parse(text)
        .map_err(|e| format!("the line is not JSON: {}, at byte {}", e.message, e.span.start))?;
    match value.as_object() {
        Some(_) => Ok(Line { text, value }),
        None => Err("the line is not a JSON object".to_owned()),
    }
}

fn skip_line(input: &mut impl BufRead) -> Result<(), CliError> {
    loop {
        let buffer = input
            .fill_buf()
            .map_err(|e| CliError::incomplete(format!("cannot read standard input: {e}")))?;
        let (used, done) = match buffer.iter().position(|b| *b == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(used);
        if done {
            return Ok(());
        }
    }
}

/// A map of one object literal.
pub(super) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

/// `{"ok": false, "error": ..}`
pub(super) fn not_ok(why: String) -> Map<String, Value> {
    members(json!({ "ok": false, "error": why }))
}
