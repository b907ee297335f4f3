//! Every rule of generation has a schema or a template that breaks it, and the message that it gives:
//! `invalid/generate/RULE.avsc` or `RULE.hbs`, and `RULE.stderr`. A word after the rule (`RULE.word.avsc`) makes a further
//! case. A template stands in for `enum.hbs`. `UPDATE_EXPECT=1` writes the messages anew.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fleetops_avro::diagnostic::render;
use fleetops_avro::{Diagnostic, SchemaSet, Source};
use fleetops_codegen::manifest::Manifest;
use fleetops_codegen::{Options, generate, manifest, rules};

/// Rules that generation itself does not apply: documentation's, and the file system's. Their tests are elsewhere.
const ELSEWHERE: &[&str] = &["cannot-write", "example-misfit"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid/generate")
}

fn findings(name: &str, text: String) -> Vec<Diagnostic> {
    let mut options = Options::default();
    let schema = if name.ends_with(".hbs") {
        let file = match name {
            "unknown-template.hbs" => "enums.hbs",
            _ => "enum.hbs",
        };
        options.templates = BTreeMap::from([(file.to_owned(), Source::new(name, text))]);
        Source::new(
            "state.avsc",
            r#"{"type":"enum","name":"State","symbols":["OPEN","SHUT"]}"#,
        )
    } else {
        Source::new(name, text)
    };
    let set = SchemaSet::parse(&[Arc::clone(&schema)]).unwrap();
    // A type of the manifest's for a field with a default.
    let typed = "[generate.fields.\"R.f\"]\ntype = \"crate::Id\"\n";
    let typed = Manifest::parse(Source::new("fleetops-registry.toml", typed)).unwrap();
    let manifest = (name == "default-misfit.avsc").then_some(&typed);
    generate(&set, manifest, &options).map_or_else(|found| found, |output| output.warnings)
}

#[test]
fn every_rule_has_a_file_that_breaks_it_and_tells_it_well() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut names: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".stderr"))
        .collect();
    names.sort();
    let mut shown = BTreeSet::new();
    let mut bad = Vec::new();
    for name in &names {
        let rule = name.split('.').next().unwrap();
        let found = findings(name, fs::read_to_string(folder().join(name)).unwrap());
        for diagnostic in &found {
            let known =
                rules::find(diagnostic.rule).unwrap_or_else(|| panic!("{}: no such rule", diagnostic.rule));
            assert_eq!(known.severity, diagnostic.severity, "{name}");
        }
        assert!(found.iter().any(|d| d.rule == rule), "{name}: {found:?}");
        shown.insert(rule.to_owned());
        let text: Vec<String> = found
            .iter()
            .map(|d| render(d, false).trim_end().to_owned())
            .collect();
        let text = format!("{}\n", text.join("\n\n"));
        let (stem, _) = name.rsplit_once('.').unwrap();
        let expected = folder().join(format!("{stem}.stderr"));
        if update {
            fs::write(&expected, &text).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != text {
            bad.push(format!("--- {name}\n{text}"));
        }
    }
    for rule in rules::ALL.iter().filter(|r| !ELSEWHERE.contains(&r.id)) {
        if !shown.contains(rule.id) {
            bad.push(format!("{} has no file", rule.id));
        }
    }
    assert!(
        bad.is_empty(),
        "run with UPDATE_EXPECT=1 and look at the changes:\n{}",
        bad.join("\n")
    );
}

#[test]
fn rules_are_unique_and_explained() {
    let mut ids = BTreeSet::new();
    for rule in rules::ALL {
        assert!(ids.insert(rule.id), "{} twice", rule.id);
        assert!(fleetops_avro::rules::find(rule.id).is_none(), "{}", rule.id);
        assert!(
            manifest::RULES.iter().all(|other| other.id != rule.id),
            "{}",
            rule.id
        );
        assert!(rule.explanation.len() > 100 && rule.explanation.ends_with('.'));
        assert!(!rule.summary.ends_with('.'));
    }
}

/// A rule's ID is the first text after `error(`, or the third argument of a helper that makes one.
#[test]
fn no_rule_is_missing_from_the_list() {
    let pattern =
        regex::Regex::new(r#""([a-z]+(?:-[a-z]+)+)",?\s*(?:\n|name_|type_|at,|place|message|template)"#)
            .unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = BTreeSet::new();
    for file in [
        "model/depth.rs",
        "model/lower.rs",
        "model/rules.rs",
        "view/mod.rs",
        "view/record.rs",
        "render.rs",
        "verify.rs",
        "build_script.rs",
    ] {
        let text = fs::read_to_string(source.join(file)).unwrap();
        seen.extend(pattern.captures_iter(&text).map(|c| c[1].to_owned()));
    }
    let listed = |id: &str| rules::find(id).is_some() || manifest::RULES.iter().any(|rule| rule.id == id);
    let missing: Vec<&String> = seen.iter().filter(|id| !listed(id)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(seen.len() >= 12, "the pattern finds rules: {seen:?}");
}
