//! Generated code, compared with what was reviewed, compiled and run.
//!
//! `tests/golden/CASE/` holds schemas, perhaps a manifest, and in `expected/` the code that they give. The code is part of this
//! test, so it compiles, and its values make the round trip through Avro's binary form and through JSON.
//! `UPDATE_EXPECT=1 cargo test --test golden` writes the expected code anew.
#![allow(clippy::unwrap_used)] // a test may

use std::fs;
use std::path::{Path, PathBuf};

use fleetops_avro::SchemaSet;
use fleetops_codegen::manifest::Manifest;
use fleetops_codegen::{Difference, Gate, Options, compare, generate, load, write};

/// Case `choices`.
#[path = "golden/choices/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod choices;
/// Case `decimals`.
#[path = "golden/decimals/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod decimals;
/// Case `documents`.
#[path = "golden/documents/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod documents;
/// Case `dressed`.
#[path = "golden/dressed/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod dressed;
/// Case `large`.
#[path = "golden/large/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod large;
/// Case `modules`.
#[path = "golden/modules/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod modules;
/// Case `names`.
#[path = "golden/names/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod names;
/// Case `open`: `tests/e2e/open_enums.rs` sends and receives it.
#[path = "golden/open/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod open;
/// Case `recursive`.
#[path = "golden/recursive/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod recursive;
/// Case `shapes`.
#[path = "golden/shapes/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod shapes;
/// Case `topics`.
#[path = "golden/topics/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod topics;
/// Case `unnamed`.
#[path = "golden/unnamed/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod unnamed;
/// Case `wide`.
#[path = "golden/wide/expected/mod.rs"]
#[rustfmt::skip]
#[allow(dead_code, clippy::module_inception)]
pub mod wide;

pub use chosen::{Address, Digest, Leg, PlainAddress, Unit};
pub use dressing::DriverId;

#[path = "golden/choices.rs"]
mod chosen;
#[path = "golden/decimal.rs"]
mod decimal;
#[path = "golden/deep.rs"]
mod deep;
#[path = "golden/dressing.rs"]
mod dressing;
#[path = "golden/sample.rs"]
mod sample;
#[path = "golden/top_level.rs"]
mod top_level;
#[path = "golden/values.rs"]
mod values;

const CASES: &[&str] = &[
    "choices",
    "decimals",
    "documents",
    "dressed",
    "large",
    "modules",
    "names",
    "open",
    "recursive",
    "shapes",
    "topics",
    "unnamed",
    "wide",
];

fn folder(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(case)
}

fn input(case: &str) -> (SchemaSet, Option<Manifest>) {
    let folder = folder(case);
    let path = folder.join("fleetops-registry.toml");
    let manifest = path.exists().then(|| Manifest::load(&path).unwrap());
    (load::load_schemas(&[folder.join("schemas")]).unwrap(), manifest)
}

fn generated(case: &str) -> fleetops_codegen::Output {
    let (schemas, manifest) = input(case);
    let options = Options {
        kafka: Gate::Always,
        ..Options::default()
    };
    generate(&schemas, manifest.as_ref(), &options).unwrap()
}

#[test]
fn generated_code_is_what_was_reviewed() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut differences: Vec<Difference> = Vec::new();
    for case in CASES {
        let output = generated(case);
        let expected = folder(case).join("expected");
        if update {
            write(&output, &expected).unwrap();
        }
        differences.extend(compare(&output, &expected).unwrap());
    }
    assert!(
        differences.is_empty(),
        "{differences:#?}\nlook at the change, then UPDATE_EXPECT=1 cargo test --test golden"
    );
}

#[test]
fn two_runs_give_the_same_and_the_second_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for case in CASES {
        let (first, second) = (generated(case), generated(case));
        assert_eq!(first.files, second.files, "{case}");
        let out = folder.path().join(case);
        assert_eq!(write(&first, &out).unwrap().written.len(), first.files.len());
        let again = write(&second, &out).unwrap();
        assert_eq!((again.written.len(), again.unchanged), (0, first.files.len()));
        assert_eq!(compare(&second, &out).unwrap(), []);
    }
}

#[test]
fn files_of_an_earlier_run_are_removed_and_others_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut output = generated("names");
    write(&output, folder.path()).unwrap();
    fs::write(folder.path().join("mine.rs"), "// by hand\n").unwrap();
    let gone = output
        .files
        .keys()
        .find(|name| name.ends_with("clash.rs"))
        .unwrap()
        .clone();
    output.files.remove(&gone);
    let path = folder.path().join(&gone);
    assert_eq!(
        compare(&output, folder.path()).unwrap(),
        [Difference::Stale(path.clone())]
    );
    assert_eq!(
        write(&output, folder.path()).unwrap().removed,
        std::slice::from_ref(&path)
    );
    assert!(!path.exists() && folder.path().join("mine.rs").exists());
}

/// Every template copied to a folder of overrides gives the same code; one that is changed gives the change.
#[test]
fn a_copy_of_the_built_in_templates_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for template in fleetops_codegen::templates() {
        fs::write(folder.path().join(template.file), template.text).unwrap();
    }
    let mut options = Options::default();
    options.read_templates(folder.path()).unwrap();
    for case in ["dressed", "topics", "recursive", "unnamed"] {
        let (schemas, manifest) = input(case);
        let plain = generate(&schemas, manifest.as_ref(), &Options::default()).unwrap();
        assert_eq!(
            generate(&schemas, manifest.as_ref(), &options).unwrap().files,
            plain.files,
            "{case}"
        );
    }
}

/// What a template must not do, and the words that tell of it.
#[test]
fn a_template_cannot_smuggle_anything_in() {
    let enumeration = fleetops_codegen::templates()
        .iter()
        .find(|t| t.file == "enum.hbs")
        .unwrap();
    let schemas =
        load::load_schemas(&[folder("wide").join("schemas"), folder("shapes").join("schemas")]).unwrap();
    for (change, rule, words) in [
        (
            "pub fn evil() {}",
            "template-item",
            "that does not belong there: pub fn evil",
        ),
        ("use ::std::fs;", "template-item", "does not belong there"),
        (
            "impl {{ident}} { fn f() { ::std::process::abort!() } }",
            "template-item",
            "a macro call",
        ),
        (
            "impl {{ident}} { fn f() { unsafe { g() } } }",
            "template-item",
            "an unsafe block",
        ),
        (
            "impl {{ident}} { fn f() { fn g() {} } }",
            "template-item",
            "an item inside a function",
        ),
        (
            "impl {{ident}} { #[no_mangle] fn f() {} }",
            "template-item",
            "an attribute",
        ),
        ("impl {{ident}} {", "template-output", "yields no Rust"),
        ("{{missing}}", "template-render", "missing"),
        ("{{#if}}", "template-syntax", ""),
        ("{{#each symbols}}", "template-syntax", ""),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("enum.hbs"),
            format!("{}\n{change}\n", enumeration.text),
        )
        .unwrap();
        let mut options = Options::default();
        options.read_templates(folder.path()).unwrap();
        let found = generate(&schemas, None, &options).unwrap_err();
        assert_eq!(found[0].rule, rule, "{change}: {}", found[0].message);
        assert!(found[0].message.contains(words), "{change}: {}", found[0].message);
        assert!(
            found[0].primary.place.source.name().ends_with("enum.hbs"),
            "{change}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("enum.hbs"),
        enumeration.text.replacen(", version ", ", version 1", 1),
    )
    .unwrap();
    fs::write(folder.path().join("enums.hbs"), enumeration.text).unwrap();
    let mut options = Options::default();
    options.read_templates(folder.path()).unwrap();
    let found = generate(&schemas, None, &options).unwrap_err();
    let rules: Vec<&str> = found.iter().map(|d| d.rule).collect();
    assert_eq!(rules, ["unknown-template", "template-version"]);
    assert_eq!(found[0].help.as_deref(), Some("did you mean `enum.hbs`?"));
}

/// rustfmt as it is without settings, on goldens and on the types of the fleet.
#[test]
fn rustfmt_leaves_generated_code_as_it_is() {
    let rustfmt =
        |arguments: &[&std::ffi::OsStr]| std::process::Command::new("rustfmt").args(arguments).output();
    if rustfmt(&["--version".as_ref()]).is_err() {
        eprintln!("skipped: rustfmt is not installed");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("rustfmt.toml");
    fs::write(&settings, "").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = Manifest::load(&root.join("fleetops-registry.toml")).unwrap();
    let schemas = load::load_roots(&manifest.schema_roots()).unwrap();
    let output = generate(&schemas, Some(&manifest), &Options::default()).unwrap();
    write(&output, &folder.path().join("fleet")).unwrap();
    let expected = CASES
        .iter()
        .map(|case| root.join("tests/golden").join(case).join("expected"));
    for code in expected.chain([folder.path().join("fleet")]) {
        let code = code.join("mod.rs");
        let out = rustfmt(&[
            "--check".as_ref(),
            "--edition=2024".as_ref(),
            "--config-path".as_ref(),
            settings.as_ref(),
            code.as_ref(),
        ]);
        let out = out.unwrap();
        assert!(
            out.status.success(),
            "{}:\n{}",
            code.display(),
            String::from_utf8_lossy(&out.stdout)
        );
    }
}
