//! Every rule has a file that breaks it and the finding as it is told: `invalid/RULE.avsc` and `RULE.stderr`; rules of
//! compatibility have the old schema beside them, `RULE.old.avsc`, and are checked at level FULL. A word after the
//! rule (`RULE.word.avsc`) makes a further case of it. `UPDATE_EXPECT=1` writes the `.stderr` files anew.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use fleetops_avro::compat::{Level, Old, check_level, diagnose};
use fleetops_avro::diagnostic::render;
use fleetops_avro::{Diagnostic, ParseMode, Schema, SchemaSet, Source, rules};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid")
}

/// Findings of one file.
fn findings(name: &str, bytes: Vec<u8>, old: Option<Vec<u8>>) -> Vec<Diagnostic> {
    let source = match Source::decode(name, bytes) {
        Ok(source) => source,
        Err(diagnostic) => return vec![*diagnostic],
    };
    let set = match SchemaSet::parse_with(&[source], ParseMode::Standard) {
        Ok(set) => set,
        Err(error) => return error.diagnostics,
    };
    let Some(old) = old else {
        return set.warnings().to_vec();
    };
    let old_name = name.replace(".avsc", ".old.avsc");
    let old = Schema::parse_source(Source::decode(old_name, old).unwrap()).unwrap();
    let new = set.schema(set.files().next().unwrap().1);
    let violations = check_level(Level::Full, &new, std::slice::from_ref(&old));
    let version = Old {
        schema: &old,
        name: "version 1".to_owned(),
    };
    diagnose(&new, &[version], &violations)
}

/// A union of records that are all looked at in all, and never fit.
fn too_complex(letter: char) -> Vec<u8> {
    let mut text = "[".to_owned();
    for i in 0..1500 {
        let comma = if i > 0 { "," } else { "" };
        write!(
            text,
            "{comma}{{\"type\":\"record\",\"name\":\"{letter}{i}\",\"fields\":[]}}"
        )
        .unwrap();
    }
    (text + "]").into_bytes()
}

#[test]
fn every_rule_has_a_file_and_tells_it_well() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut shown = BTreeSet::new();
    let mut bad = Vec::new();
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".avsc") && !name.ends_with(".old.avsc"))
        .collect();
    names.push("too-complex.avsc".to_owned());
    names.sort();
    for name in names {
        let rule = name.split('.').next().unwrap();
        assert!(rules::find(rule).is_some(), "{name} is named after no rule");
        let (new, old) = if rule == "too-complex" {
            (too_complex('a'), Some(too_complex('b')))
        } else {
            let old = folder().join(name.replace(".avsc", ".old.avsc"));
            (
                std::fs::read(folder().join(&name)).unwrap(),
                std::fs::read(old).ok(),
            )
        };
        let found = findings(&name, new, old);
        let mut text = String::new();
        for diagnostic in &found {
            let known =
                rules::find(diagnostic.rule).unwrap_or_else(|| panic!("{}: no such rule", diagnostic.rule));
            assert_eq!(known.severity, diagnostic.severity, "{}", diagnostic.rule);
            writeln!(text, "{}\n", render(diagnostic, false)).unwrap();
        }
        let text = format!("{}\n", text.trim_end());
        if found.iter().any(|d| d.rule == rule) {
            shown.insert(rule.to_owned());
        } else {
            bad.push(format!("{name} does not break its rule:\n{text}"));
        }
        let expected = folder().join(name.replace(".avsc", ".stderr"));
        if update {
            std::fs::write(&expected, &text).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != text {
            bad.push(format!("{} is not what is told:\n{text}", expected.display()));
        }
    }
    for rule in &rules::ALL {
        if !shown.contains(rule.id) {
            bad.push(format!("{} has no file", rule.id));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn rules_are_unique_and_explained() {
    let ids: BTreeSet<&str> = rules::ALL.iter().map(|r| r.id).collect();
    assert_eq!(ids.len(), rules::ALL.len());
    for rule in &rules::ALL {
        assert!(
            rule.id
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        );
        assert!(
            rule.explanation.len() > 60 && rule.explanation.ends_with('.'),
            "{}",
            rule.id
        );
        assert!(!rule.summary.ends_with('.'), "{}", rule.id);
    }
}
