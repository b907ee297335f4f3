//! The versions of templates: a text that changes is looked at, and a copy of an earlier one is told that it is.
//!
//! Whether a copy of the text before still does, no test can know for all copies. So the texts are kept here as a number: one that
//! changes fails, whoever changed it decides, and `UPDATE_EXPECT=1` writes the list anew.
#![allow(clippy::unwrap_used)] // a test may

use std::fs;
use std::path::Path;

use fleetops_avro::{SchemaSet, Source};
use fleetops_codegen::{Options, generate, templates};

/// FNV-1a of a text.
fn number(text: &str) -> u64 {
    (text.bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The version in a template's first line, and its text without that line.
fn parts(text: &str) -> (u32, &str) {
    let (first, rest) = text.split_once('\n').unwrap();
    let (_, version) = first.rsplit_once(", version ").unwrap();
    (version.trim_end_matches(" --}}").parse().unwrap(), rest)
}

#[test]
fn a_template_that_changes_is_looked_at() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/versions.txt");
    let mut list = String::new();
    for template in templates() {
        let (version, rest) = parts(template.text);
        list.push_str(&format!("{} {version} {:016x}\n", template.name, number(rest)));
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &list).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap_or_default(),
        list,
        "a template has changed. Would a copy of the text before still compile, and have all that is said of generated code? \
         If not, raise the version in its first line. Then run with UPDATE_EXPECT=1"
    );
}

/// The enum template of version 1 called the runtime with two arguments, where it takes three now.
#[test]
fn a_copy_of_an_earlier_version_is_told_so() {
    let schema = r#"{"type":"enum","name":"E","symbols":["a"]}"#;
    let schemas = SchemaSet::parse(&[Source::new("e.avsc", schema)]).unwrap();
    let current = templates().iter().find(|t| t.file == "enum.hbs").unwrap().text;
    let run = |text: &str| {
        let options = Options {
            templates: [("enum.hbs".to_owned(), Source::new("enum.hbs", text))].into(),
            ..Options::default()
        };
        generate(&schemas, None, &options)
    };
    assert!(run(current).is_ok());
    let (version, rest) = parts(current);
    assert!(version > 1);
    for (head, words) in [
        (
            "{{!-- fleetops-codegen template: enum, version 1 --}}".to_owned(),
            format!("enum.hbs is of version 1 of the template, and the built-in one of version {version}"),
        ),
        (
            format!("{{{{!-- fleetops-codegen template: fixed, version {version} --}}}}"),
            "enum.hbs does not say which template it is".to_owned(),
        ),
        (
            "// mine".to_owned(),
            "enum.hbs does not say which template it is".to_owned(),
        ),
    ] {
        let found = run(&format!("{head}\n{rest}")).unwrap_err();
        assert_eq!(
            (found[0].rule, found[0].message.as_str()),
            ("template-version", words.as_str())
        );
    }
}
