//! Java Avro's verdicts on thousands of pairs of schemas, real and random.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::expect_used)]

mod common;

use common::{java, none, ours, rows, schema_text};
use fleetops_avro::compat::{
    Direction, Incompatibility, IncompatibilityType, Old, Violation, check, diagnose,
};
use fleetops_avro::diagnostic::render;
use fleetops_avro::{Schema, SchemaSet, Source, rules};

/// A few real files refer to types of files that the collection lacks; an empty record stands for each.
fn with_stubs(text: &str) -> Schema {
    let mut sources = vec![Source::new("main.avsc", text)];
    for _ in 0..4 {
        let error = match SchemaSet::parse(&sources) {
            Ok(set) => {
                let (_, root) = set.files().next().unwrap();
                return set.schema(root);
            }
            Err(error) => error,
        };
        for diagnostic in &error.diagnostics {
            assert_eq!(diagnostic.rule, "unknown-type", "{error}");
            let name = diagnostic.message.split('`').nth(1).unwrap();
            let stub = format!("{{\"type\":\"record\",\"name\":\"{name}\",\"fields\":[]}}");
            sources.push(Source::new("stub.avsc", stub));
        }
    }
    panic!("too many unknown types in {text}");
}

/// Every place is one of the right text.
fn places(reader: &Schema, writer: &Schema, found: &[Incompatibility]) {
    for i in found {
        for (place, schema) in [(&i.reader, reader), (&i.writer, writer)] {
            let text = schema.root_node().place.source.text();
            assert_eq!(place.source.text(), text);
            assert!(!place.source.slice(place.span).is_empty(), "{i:?}");
        }
    }
}

/// What is found is told, at a place in the new text, with the old text beside it.
fn told(new: &Schema, old: &Schema, direction: &str, found: &[Incompatibility]) {
    let direction = match direction {
        "backward" => Direction::Backward,
        _ => Direction::Forward,
    };
    let violations: Vec<Violation> = found
        .iter()
        .map(|incompatibility| Violation {
            direction,
            version_index: 0,
            incompatibility: incompatibility.clone(),
        })
        .collect();
    let version = Old {
        schema: old,
        name: "version 1".to_owned(),
    };
    let told = diagnose(new, &[version], &violations);
    assert_eq!(told.is_empty(), found.is_empty());
    for diagnostic in &told {
        assert!(rules::find(diagnostic.rule).is_some(), "{}", diagnostic.rule);
        let texts = |schema: &Schema| {
            schema
                .set()
                .files()
                .map(|(s, _)| s.text().to_owned())
                .collect::<Vec<_>>()
        };
        let in_new = diagnostic.primary.place.source.text().to_owned();
        assert!(texts(new).contains(&in_new));
        assert!(!diagnostic.related.is_empty() && diagnostic.help.is_some());
        assert!(texts(old).contains(&diagnostic.related[0].place.source.text().to_owned()));
        let shown = render(diagnostic, false);
        assert!(shown.contains('^') && shown.contains("version 1"), "{shown}");
    }
}

#[test]
fn pairs_of_the_corpora() {
    let mut bad = Vec::new();
    for (path, least) in [
        ("oracle/corpus/compat_pairs.jsonl", 330),
        ("oracle/corpus/random_pairs_public.jsonl", 2000),
    ] {
        let Some(rows) = rows(path) else { return };
        assert!(rows.len() >= least);
        for row in &rows {
            let reader = Schema::parse(&schema_text(row, "reader")).unwrap();
            let writer = Schema::parse(&schema_text(row, "writer")).unwrap();
            let found = check(&reader, &writer);
            places(&reader, &writer, &found);
            let verdict = row.get("verdict").unwrap_or(row);
            let same = if verdict["result"] == "error" {
                found.len() == 1 && found[0].kind == IncompatibilityType::AmbiguousFieldAlias
            } else {
                ours(&found) == java(&verdict["incompatibilities"])
            };
            if !same {
                bad.push(format!(
                    "{}\n  Java {verdict}\n  we   {:?}",
                    row["id"],
                    ours(&found)
                ));
            }
        }
    }
    none(&bad);
}

#[test]
fn real_evolutions_in_both_directions() {
    let Some(rows) = rows("data/avsc/dev_evolutions.jsonl.gz") else {
        return;
    };
    assert!(rows.len() > 450);
    let mut bad = Vec::new();
    for row in &rows {
        let old = with_stubs(row["old"].as_str().unwrap());
        let new = with_stubs(row["new"].as_str().unwrap());
        for (reader, writer, key) in [(&new, &old, "backward"), (&old, &new, "forward")] {
            let found = check(reader, writer);
            places(reader, writer, &found);
            told(&new, &old, key, &found);
            let expected = java(&row[format!("{key}_incompatibilities")]);
            let mut shown = ours(&found);
            shown.truncate(8);
            if found.is_empty() != row[key].as_bool().unwrap() || shown != expected {
                bad.push(format!(
                    "{} {key}\n  Java {expected:?}\n  we   {shown:?}",
                    row["id"]
                ));
            }
        }
    }
    none(&bad);
}
