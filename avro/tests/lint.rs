//! Every rule of lint has a file that breaks it and the findings as they are told: `invalid/lint/RULE.avsc` and
//! `RULE.stderr`. Where a fix is offered, `RULE.fixed` is the text after it. `UPDATE_EXPECT=1` writes both anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fleetops_avro::diagnostic::render;
use fleetops_avro::format::{FormatError, format};
use fleetops_avro::lint::{Finding, Level, Levels, fix, lint};
use fleetops_avro::{Schema, SchemaSet, Severity, Source, rules};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid/lint")
}

/// Levels under which only one rule is looked for.
fn only(rule: &str) -> Levels {
    let mut levels = Levels::default();
    for other in rules::lint().iter().chain(rules::parse()) {
        levels.set(other.id, Level::Off);
    }
    levels.set(rule, Level::Warn);
    levels
}

fn all() -> Levels {
    let mut levels = Levels::default();
    for rule in rules::lint() {
        levels.set(rule.id, Level::Warn);
    }
    levels
}

fn parse(name: &str, text: &str) -> SchemaSet {
    SchemaSet::parse(&[Source::new(name, text)]).unwrap_or_else(|e| panic!("{name}: {e:?}"))
}

fn expect(path: &Path, text: &str, bad: &mut Vec<String>) {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, text).unwrap();
    } else if std::fs::read_to_string(path).unwrap_or_default() != text {
        bad.push(format!("{}:\n{text}", path.display()));
    }
}

#[test]
fn every_rule_has_a_file_and_tells_it_well() {
    let mut bad = Vec::new();
    for rule in rules::lint() {
        let name = format!("{}.avsc", rule.id);
        let text =
            std::fs::read_to_string(folder().join(&name)).unwrap_or_else(|_| panic!("{name} is missing"));
        let set = parse(&name, &text);
        let levels = only(rule.id);
        let found = lint(&set, &levels);
        assert!(!found.is_empty(), "{name} breaks its rule");
        assert!(
            found
                .iter()
                .all(|f| f.diagnostic.rule == rule.id && f.diagnostic.severity == Severity::Warning)
        );
        assert!(
            found
                .iter()
                .all(|f| f.diagnostic.help.is_some() || !f.diagnostic.primary.text.is_empty())
        );
        let shown: Vec<String> = found
            .iter()
            .map(|f| render(&f.diagnostic, false).trim_end().to_owned())
            .collect();
        expect(
            &folder().join(format!("{}.stderr", rule.id)),
            &format!("{}\n", shown.join("\n\n")),
            &mut bad,
        );
        let fixed = fix::apply(&set, &levels, |_| true).unwrap();
        let promised = rule.explanation.contains("Fixed by `lint --fix`");
        assert_eq!(promised, !fixed.texts.is_empty(), "{}", rule.id);
        if let [(_, text)] = fixed.texts.as_slice() {
            expect(&folder().join(format!("{}.fixed", rule.id)), text, &mut bad);
        }
    }
    assert!(
        bad.is_empty(),
        "run with UPDATE_EXPECT=1 and look at the changes:\n{}",
        bad.join("\n")
    );
}

#[test]
fn files_and_rules_belong_together() {
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "avsc"))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let rules: BTreeSet<String> = rules::lint().iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(files, rules);
    for rule in rules::lint() {
        assert!(
            rules::parse()
                .iter()
                .chain(rules::compat())
                .all(|other| other.id != rule.id),
            "{}",
            rule.id
        );
        assert!(
            rule.explanation.len() > 60 && rule.explanation.ends_with('.'),
            "{}",
            rule.id
        );
    }
}

#[test]
fn levels_count() {
    let text = r#"{"type":"record","name":"a.R","fields":[{"name":"x","type":"double"}]}"#;
    let set = parse("r.avsc", text);
    let told = |levels: &Levels| -> Vec<String> {
        let line = |f: &Finding| format!("{:?} {} {}", f.diagnostic.severity, f.diagnostic.rule, f.name);
        lint(&set, levels).iter().map(line).collect()
    };
    let mut levels = Levels::default();
    assert_eq!(
        told(&levels),
        [
            "Warning missing-doc a.R",
            "Warning missing-doc a.R.x",
            "Warning missing-unit a.R.x"
        ]
    );
    levels.set("missing-doc", Level::Off);
    levels.set("missing-unit", Level::Error);
    levels.set("field-without-default", Level::Error);
    assert_eq!(
        told(&levels),
        ["Error field-without-default a.R.x", "Error missing-unit a.R.x"]
    );
}

#[test]
fn the_parsers_warnings_have_levels_too() {
    let text = r#"{"type":"record","name":"a.R","doc":"d","fields":[{"name":"at","doc":"d","type":{"type":"int","logicalType":"timestamp-millis"}}]}"#;
    let set = parse("r.avsc", text);
    let mut levels = Levels::default();
    let rules: Vec<&str> = lint(&set, &levels).iter().map(|f| f.diagnostic.rule).collect();
    assert_eq!(rules, ["logical-type-ignored"]);
    levels.set("logical-type-ignored", Level::Off);
    assert_eq!(lint(&set, &levels), []);
}

/// The texts of real schemas.
fn real() -> Option<Vec<(String, String)>> {
    let mut texts = Vec::new();
    for row in common::rows("data/avsc/dev_schemas.jsonl.gz")? {
        texts.push((
            row["id"].as_str().unwrap().to_owned(),
            row["text"].as_str().unwrap().to_owned(),
        ));
    }
    Some(texts)
}

/// Fixes keep what schemas mean, end, and leave nothing to fix: over every real schema at hand.
#[test]
fn fixes_of_real_schemas_are_safe_and_idempotent() {
    let Some(texts) = real() else { return };
    let (mut files, mut edits) = (0, 0);
    let levels = all();
    for (name, text) in texts {
        let Ok(set) = SchemaSet::parse(&[Source::new(name.as_str(), text)]) else {
            continue;
        };
        files += 1;
        for finding in lint(&set, &levels) {
            let place = &finding.diagnostic.primary.place;
            assert!(place.span.end > place.span.start, "{finding:?}");
        }
        let fixed = fix::apply(&set, &levels, |_| true).unwrap_or_else(|e| panic!("{name}: {e}"));
        edits += fixed.edits;
        for (name, text) in fixed.texts {
            let again = fix::apply(&parse(&name, &text), &levels, |_| true).unwrap();
            assert_eq!(again.edits, 0, "{name}");
        }
    }
    assert!(files > 800 && edits > 500, "{files} files, {edits} edits");
}

/// Layout keeps what schemas mean, and is reached in one step.
#[test]
fn the_layout_of_real_schemas_is_idempotent_and_keeps_their_meaning() {
    let Some(texts) = real() else { return };
    let mut laid_out = 0;
    for (name, text) in texts {
        let out = match format(&text) {
            Ok(out) => out,
            Err(FormatError::Json(_)) => continue,
            Err(error) => panic!("{name}: {error}"),
        };
        assert_eq!(format(&out).as_deref(), Ok(out.as_str()), "{name}: again");
        laid_out += 1;
        if let (Ok(before), Ok(after)) = (Schema::parse(&text), Schema::parse(&out)) {
            assert_eq!(before.canonical_form(), after.canonical_form(), "{name}");
            assert_eq!(before.text(), after.text(), "{name}");
        }
    }
    assert!(laid_out > 1000, "{laid_out}");
}
