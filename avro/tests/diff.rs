//! What changed between two schemas: goldens of every kind of change, and properties over random and real evolutions.
//!
//! `UPDATE_EXPECT=1` writes the goldens anew; look at what changed.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::expect_used)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::{rows, schema_text};
use fleetops_avro::compat::{Direction, Level, check};
use fleetops_avro::diff::{Change, ChangeKind, Effect, Report, Upgrade, diff};
use fleetops_avro::{Schema, SchemaSet, Source};

fn read(name: &str) -> Schema {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/diff_cases")
        .join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    Schema::parse_source(Source::new(name, text)).unwrap()
}

#[track_caller]
fn golden(name: &str) -> Report {
    let report = diff(
        &read(&format!("{name}.old.avsc")),
        &read(&format!("{name}.new.avsc")),
    );
    let json = serde_json::to_string_pretty(&report.to_json()).unwrap();
    let text = format!("{report}\n{json}\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/diff_cases/{name}.txt"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &text).unwrap();
    } else {
        let wanted = std::fs::read_to_string(path).unwrap();
        assert_eq!(text, wanted, "{name}: if this is right, run with UPDATE_EXPECT=1");
    }
    report
}

fn find<'a>(report: &'a Report, path: &str, kind: ChangeKind) -> &'a Change {
    let mut all = report.changes.iter().filter(|c| c.path == path && c.kind == kind);
    let one = all
        .next()
        .unwrap_or_else(|| panic!("no {kind} at {path}:\n{report}"));
    assert!(all.next().is_none(), "{kind} at {path} is told twice:\n{report}");
    one
}

fn breaks(effect: &Effect) -> Option<String> {
    match effect {
        Effect::Breaks(found) => Some(found.cause.to_string()),
        _ => None,
    }
}

#[test]
fn fields() {
    let report = golden("fields");
    assert_eq!(
        (report.level, report.upgrade_first()),
        (Level::None, Upgrade::Neither)
    );
    let missing = Some("READER_FIELD_MISSING_DEFAULT_VALUE".to_owned());
    let must = find(&report, "must", ChangeKind::FieldAdded);
    assert_eq!(breaks(&must.new_readers), missing);
    assert_eq!(
        must.old_readers,
        Effect::Resolved("the field is skipped".to_owned())
    );
    let gone = find(&report, "gone", ChangeKind::FieldRemoved);
    assert_eq!(breaks(&gone.old_readers), missing);
    let price = find(&report, "price", ChangeKind::TypeWidened);
    assert_eq!(
        price.new_readers,
        Effect::Resolved("int is promoted to double".to_owned())
    );
    assert_eq!(breaks(&price.old_readers), Some("TYPE_MISMATCH".to_owned()));
    assert_eq!(
        (price.old.to_string(), price.new.to_string()),
        ("fields.old.avsc:5:29".into(), "fields.new.avsc:6:29".into())
    );
    let renamed = find(&report, "new_name", ChangeKind::FieldRenamed);
    assert_eq!(
        renamed.old_readers,
        Effect::Resolved("the default \"-\" is taken".to_owned())
    );
    assert!(renamed.caution.is_some());
    find(&report, "last", ChangeKind::FieldMoved);
    assert_eq!(
        report
            .changes
            .iter()
            .filter(|c| c.kind == ChangeKind::FieldMoved)
            .count(),
        1
    );
}

#[test]
fn types() {
    let report = golden("types");
    find(&report, "velocity.x", ChangeKind::TypeWidened);
    find(&report, "velocity.y", ChangeKind::TypeChanged);
    find(&report, "tags{}[]", ChangeKind::TypeChanged);
    let nullable = find(&report, "name", ChangeKind::TypeChanged);
    assert!(matches!(nullable.new_readers, Effect::Resolved(_)));
    assert!(breaks(&nullable.old_readers).is_some());
    // What is wrong inside a branch is told as the branch; the cause is the field.
    let inner = find(&report, "value<Inner>.b", ChangeKind::FieldAdded);
    let Effect::Breaks(found) = &inner.new_readers else {
        panic!("{report}")
    };
    assert_eq!(found.cause.to_string(), "READER_FIELD_MISSING_DEFAULT_VALUE");
    assert_eq!(found.kind.to_string(), "MISSING_UNION_BRANCH");
    assert_eq!(report.unexplained.len(), 0);
}

#[test]
fn recursion_ends_and_is_told_once() {
    let report = golden("recursive");
    let kinds: Vec<&str> = report.changes.iter().map(|c| c.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "namespace-changed",
            "alias-added",
            "type-widened",
            "default-added"
        ]
    );
    assert_eq!(report.level, Level::Backward);
}

#[test]
fn names() {
    let report = golden("renamed");
    let kind = find(&report, "kind", ChangeKind::NameChanged);
    assert!(matches!(kind.new_readers, Effect::Resolved(_)), "{report}");
    assert_eq!(breaks(&kind.old_readers), Some("NAME_MISMATCH".to_owned()));
}

#[test]
fn where_java_gives_up_the_rest_is_unjudged() {
    let report = golden("ambiguous");
    let alias = find(&report, "a", ChangeKind::AliasAdded);
    assert_eq!(
        breaks(&alias.new_readers),
        Some("AMBIGUOUS_FIELD_ALIAS".to_owned())
    );
    assert_eq!(
        find(&report, "c", ChangeKind::TypeChanged).new_readers,
        Effect::Unjudged
    );
}

#[test]
fn a_schema_that_cannot_read_itself() {
    let report = golden("itself");
    assert!(report.is_empty());
    assert_eq!((report.level, report.unexplained.len()), (Level::None, 2));
}

#[test]
fn layout_is_no_change() {
    let report = golden("layout");
    assert!(report.is_empty());
    assert_eq!(report.level, Level::Full);
}

/// The report's level and causes against the check's verdict; what the texts say against the changes.
fn holds(name: &str, old: &Schema, new: &Schema) -> Report {
    let report = diff(old, new);
    let (new_reads, old_reads) = (check(new, old).is_empty(), check(old, new).is_empty());
    let level = match (new_reads, old_reads) {
        (true, true) => Level::Full,
        (true, false) => Level::Backward,
        (false, true) => Level::Forward,
        (false, false) => Level::None,
    };
    assert_eq!(report.level, level, "{name}\n{report}");
    let tells = |direction: Direction| {
        let effects = report.changes.iter().map(|change| match direction {
            Direction::Backward => &change.new_readers,
            Direction::Forward => &change.old_readers,
        });
        effects.into_iter().any(|e| matches!(e, Effect::Breaks(_)))
            || report.unexplained.iter().any(|v| v.direction == direction)
    };
    assert_eq!(tells(Direction::Backward), !new_reads, "{name}\n{report}");
    assert_eq!(tells(Direction::Forward), !old_reads, "{name}\n{report}");
    assert!(!report.truncated);
    let same = sorted(old) == sorted(new);
    assert_eq!(
        report.is_empty(),
        same,
        "{name}\n{}\n{}\n{report}",
        old.text(),
        new.text()
    );
    for schema in [old, new] {
        assert!(
            diff(schema, schema).is_empty(),
            "{name}: {}",
            diff(schema, schema)
        );
    }
    report
}

/// What a schema says, with the keys of its objects and its aliases in order.
fn sorted(schema: &Schema) -> serde_json::Value {
    fn sort(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Object(members) => {
                let mut members: Vec<_> = members.into_iter().map(|(k, v)| (k, sort(v))).collect();
                members.sort_by(|a, b| a.0.cmp(&b.0));
                for (key, value) in &mut members {
                    if let (true, Some(aliases)) = (key == "aliases", value.as_array_mut()) {
                        aliases.sort_by_key(ToString::to_string);
                    }
                }
                serde_json::Value::Object(members.into_iter().collect())
            }
            serde_json::Value::Array(items) => items.into_iter().map(sort).collect(),
            other => other,
        }
    }
    sort(serde_json::from_str(&schema.text()).unwrap())
}

/// A few real files refer to types of files that the collection lacks; an empty record stands for each.
fn with_stubs(text: &str) -> Option<Schema> {
    let mut sources = vec![Source::new("main.avsc", text)];
    for _ in 0..4 {
        match SchemaSet::parse(&sources) {
            Ok(set) => {
                let (_, root) = set.files().next()?;
                return Some(set.schema(root));
            }
            Err(error) => {
                for diagnostic in error.diagnostics.iter().filter(|d| d.rule == "unknown-type") {
                    let name = diagnostic.message.split('`').nth(1)?;
                    let stub = format!("{{\"type\":\"record\",\"name\":\"{name}\",\"fields\":[]}}");
                    sources.push(Source::new("stub.avsc", stub));
                }
            }
        }
    }
    None
}

/// Every pair that both parse, in both directions; returns how many, and how many findings no change explains.
fn all_hold(pairs: impl Iterator<Item = (String, String, String)>) -> (usize, usize) {
    let (mut count, mut unexplained) = (0, 0);
    let mut kinds = BTreeSet::new();
    for (name, old, new) in pairs {
        let (Some(old), Some(new)) = (with_stubs(&old), with_stubs(&new)) else {
            continue;
        };
        for (old, new) in [(&old, &new), (&new, &old)] {
            let report = holds(&name, old, new);
            kinds.extend(report.changes.iter().map(|change| change.kind));
            for violation in &report.unexplained {
                unexplained += 1;
                eprintln!(
                    "{name}: unexplained {:?} {}",
                    violation.direction, violation.incompatibility.kind
                );
            }
        }
        count += 1;
    }
    eprintln!("{count} pairs, {unexplained} unexplained, kinds: {kinds:?}");
    (count, unexplained)
}

#[test]
fn the_level_is_the_checks_verdict_on_committed_pairs() {
    let pairs = include_str!("cases/compat.jsonl").lines().map(|line| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        (
            row["id"].to_string(),
            schema_text(&row, "writer"),
            schema_text(&row, "reader"),
        )
    });
    let (count, _) = all_hold(pairs);
    assert!(count > 20, "{count}");
}

#[test]
fn the_level_is_the_checks_verdict_on_random_pairs() {
    for file in ["random_pairs_public.jsonl", "compat_pairs.jsonl"] {
        let Some(rows) = rows(&format!("oracle/corpus/{file}")) else {
            return;
        };
        let pairs = rows.iter().map(|row| {
            (
                row["id"].to_string(),
                schema_text(row, "writer"),
                schema_text(row, "reader"),
            )
        });
        let (count, unexplained) = all_hold(pairs);
        assert!(count > 300, "{count}");
        // Almost all that is found has a change to blame.
        assert!(unexplained * 50 < count, "{unexplained} of {count}");
    }
}

#[test]
fn the_level_is_the_checks_verdict_on_real_evolutions() {
    let Some(rows) = rows("data/avsc/dev_evolutions.jsonl.gz") else {
        return;
    };
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let pairs = rows
        .iter()
        .map(|row| (row["id"].to_string(), text(row, "old"), text(row, "new")));
    let (count, unexplained) = all_hold(pairs);
    assert!(count > 400, "{count}");
    assert_eq!(unexplained, 0);
}

/// As deep as the parser lets types be nested, less the field's own.
const DEEP: usize = fleetops_avro::parse::MAX_NESTING - 1;

#[test]
fn a_long_chain_of_types_takes_neither_the_stack_nor_long() {
    let chain = |last: &str| {
        let sources: Vec<_> = (0..DEEP)
            .map(|at| {
                let next = if at == DEEP - 1 {
                    last.to_owned()
                } else {
                    format!("R{}", at + 1)
                };
                let text = format!(
                    r#"{{"type":"record","name":"R{at}","fields":[{{"name":"f","type":"{next}"}}]}}"#
                );
                Source::new(format!("{at}.avsc"), text)
            })
            .collect();
        SchemaSet::parse(&sources).unwrap().get("R0").unwrap()
    };
    let report = diff(&chain("int"), &chain("long"));
    assert_eq!(report.changes.len(), 1);
    assert_eq!(report.changes[0].kind, ChangeKind::TypeWidened);
    assert!(report.changes[0].path.len() < 1_000, "{}", report.changes[0].path);
    assert!(matches!(report.changes[0].old_readers, Effect::Breaks(_)));
}

#[test]
fn a_report_is_cut_and_says_so() {
    let wide = |doc: &str| {
        let fields: Vec<String> = (0..10_001)
            .map(|at| format!(r#"{{"name":"f{at}","type":"int","doc":"{doc}"}}"#))
            .collect();
        Schema::parse(&format!(
            r#"{{"type":"record","name":"R","fields":[{}]}}"#,
            fields.join(",")
        ))
        .unwrap()
    };
    let report = diff(&wide("a"), &wide("b"));
    assert_eq!(report.changes.len(), fleetops_avro::diff::MAX_CHANGES);
    assert!(report.truncated);
    assert_eq!(report.level, Level::Full);
}
