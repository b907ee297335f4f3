//! Findings as SARIF 2.1.0, which code-scanning services take. OASIS, "Static Analysis Results Interchange Format".

use std::collections::BTreeMap;

use fleetops_avro::source::Place;
use fleetops_avro::{Diagnostic, Label};
use serde_json::{Value, json};

use crate::cli::rules::{self, word};

/// One log of one run; also where nothing was found.
pub(super) fn document(found: &[Diagnostic]) -> String {
    let mut ids: Vec<&str> = found.iter().map(|d| d.rule).collect();
    ids.sort_unstable();
    ids.dedup();
    let index: BTreeMap<&str, usize> = ids.iter().enumerate().map(|(i, id)| (*id, i)).collect();
    let results: Vec<Value> = found.iter().map(|d| result(d, index[d.rule])).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": ids.iter().map(|id| rule(id)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn rule(id: &str) -> Value {
    let Some((_, rule)) = rules::all().find(|(_, rule)| rule.id == id) else {
        return json!({ "id": id });
    };
    json!({
        "id": id,
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": rule.explanation },
        "help": { "text": format!("{}\n\nfleetops-registry explain {id}", rule.explanation) },
        "defaultConfiguration": { "level": word(rule.severity) },
    })
}

fn result(found: &Diagnostic, rule_index: usize) -> Value {
    let mut result = json!({
        "ruleId": found.rule,
        "ruleIndex": rule_index,
        "level": word(found.severity),
        "message": { "text": super::message(found) },
        "locations": [{ "physicalLocation": physical(&found.primary.place) }],
    });
    if !found.related.is_empty() {
        let related = |(id, label): (usize, &Label)| {
            let mut location = json!({
                "id": id,
                "physicalLocation": physical(&label.place),
            });
            if !label.text.is_empty() {
                location["message"] = json!({ "text": label.text });
            }
            location
        };
        let all: Vec<Value> = found.related.iter().enumerate().map(related).collect();
        result["relatedLocations"] = json!(all);
    }
    result
}

fn physical(place: &Place) -> Value {
    let start = place.source.line_column(place.span.start);
    let end = place.source.line_column(place.span.end.max(place.span.start));
    json!({
        "artifactLocation": { "uri": uri(place.source.name()) },
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        },
    })
}

/// A path as a URI reference (RFC 3986): relative as it is, absolute with a scheme.
fn uri(path: &str) -> String {
    let mut out = if path.starts_with('/') {
        "file://".to_owned()
    } else {
        String::new()
    };
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte))
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        for (path, wanted) in [
            ("./schemas/a b.avsc", "schemas/a%20b.avsc"),
            ("/x/ü.avsc", "file:///x/%C3%BC.avsc"),
            ("main:schemas/a.avsc", "main%3Aschemas/a.avsc"),
            ("<stdin>", "%3Cstdin%3E"),
        ] {
            assert_eq!(uri(path), wanted);
        }
    }
}
