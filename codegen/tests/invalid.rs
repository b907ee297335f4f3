//! Every rule of the manifest has a manifest that breaks it, and the message that it gives: `invalid/RULE.toml` and
//! `invalid/RULE.stderr`. `UPDATE_EXPECT=1` writes the messages anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fleetops_avro::diagnostic::render;
use fleetops_avro::{Diagnostic, SchemaSet, Source};
use fleetops_codegen::manifest::{Manifest, RULES};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/invalid")
}

/// All that reading, checking and resolving say of a manifest.
fn findings(text: &str, name: &str) -> Vec<Diagnostic> {
    let avsc = fs::read_to_string(folder().join("schemas/Event.avsc")).unwrap();
    let schemas = SchemaSet::parse(&[Source::new("schemas/Event.avsc", avsc)]).unwrap();
    let manifest = match Manifest::parse(Source::new(name, text)) {
        Ok(manifest) => manifest,
        Err(found) => return found,
    };
    let mut found = manifest.check(&schemas);
    if let Some(environment) = manifest.environment("resolved") {
        let missing = |_: &Path| Err(std::io::Error::other("permission denied"));
        found.extend(
            environment
                .resolve(&manifest, |_| None, missing)
                .expect_err("must not resolve"),
        );
    }
    found
}

#[test]
fn every_rule_has_a_manifest_that_breaks_it() {
    let rules: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(rules.len(), RULES.len(), "no rule twice");
    let files: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .map(|p| p.file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let files: BTreeSet<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(rules, files);
}

#[test]
fn messages_are_as_they_were() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = Vec::new();
    for rule in RULES.iter().map(|rule| rule.id) {
        let name = format!("{rule}.toml");
        let text = fs::read_to_string(folder().join(&name)).unwrap();
        let found = findings(&text, &name);
        assert!(
            found.iter().any(|d| d.rule == rule),
            "{name} breaks {rule}: {found:?}"
        );
        for diagnostic in &found {
            let known = RULES.iter().find(|r| r.id == diagnostic.rule);
            let known = known.unwrap_or_else(|| panic!("{} is no listed rule", diagnostic.rule));
            assert_eq!(known.severity, diagnostic.severity, "{}", known.id);
        }
        let shown: Vec<String> = found
            .iter()
            .map(|d| render(d, false).trim_end().to_owned())
            .collect();
        let shown = format!("{}\n", shown.join("\n\n"));
        let expected = folder().join(format!("{rule}.stderr"));
        if update {
            fs::write(&expected, &shown).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != shown {
            wrong.push(format!("--- {rule}\n{shown}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "run with UPDATE_EXPECT=1 and look at the changes:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_rule_is_explained() {
    for rule in RULES {
        let text = rule.explanation;
        assert!(text.len() > 90 && text.ends_with('.'), "{}", rule.id);
        assert!(!rule.summary.ends_with('.'), "{}", rule.id);
    }
}

#[test]
fn no_rule_is_missing_from_the_list() {
    // A rule's ID is the first text after `error(`, `warning(` or, for roles of fields, after `=>`.
    let pattern = regex::Regex::new(r#"(?:\b(?:error|warning)\(\s*|=>\s*)"([a-z]+(?:-[a-z]+)+)""#).unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manifest");
    let mut seen = BTreeSet::new();
    let files = fs::read_dir(source).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|path| path.is_file()) {
        let text = fs::read_to_string(file).unwrap();
        seen.extend(pattern.captures_iter(&text).map(|c| c[1].to_owned()));
    }
    let listed: BTreeSet<String> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(
        seen.difference(&listed).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
    assert!(seen.len() >= 30, "the pattern finds rules: {seen:?}");
}
