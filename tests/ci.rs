//! The files of `dev/ci`: each is YAML of the shape its reader wants, and every call of the program in it is one that the
//! program takes.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::Command;

use saphyr::{LoadableYamlNode, Yaml};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dev/ci")
}

fn text(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).unwrap()
}

/// Every string in a document.
fn strings(node: &Yaml<'_>, out: &mut Vec<String>) {
    match node {
        Yaml::Sequence(items) => items.iter().for_each(|item| strings(item, out)),
        Yaml::Mapping(map) => map.iter().for_each(|(_, value)| strings(value, out)),
        other => out.extend(other.as_str().map(str::to_owned)),
    }
}

/// The calls of the program in a script: a line that starts with it, or a part of one.
fn calls(script: &str) -> Vec<Vec<String>> {
    let mut calls = Vec::new();
    for line in script.lines() {
        let Some(rest) = line.trim().strip_prefix("fleetops-registry ") else {
            continue;
        };
        let words = rest.split_whitespace().take_while(|word| {
            let ends = ["|", "||", ">", ">>", "&&"];
            !ends.contains(word)
        });
        calls.push(words.map(str::to_owned).collect());
    }
    calls
}

/// Whether the command and its options exist.
fn exists(call: &[String]) {
    let command = &call[0];
    let out = Command::new(env!("CARGO_BIN_EXE_fleetops-registry"))
        .args([command, "--help"])
        .output()
        .unwrap();
    assert!(out.status.success(), "{command} is a command");
    let help = String::from_utf8(out.stdout).unwrap();
    for option in call.iter().filter(|word| word.starts_with("--")) {
        let known = help
            .split(|c: char| c.is_whitespace() || c == ',')
            .any(|word| word == option);
        assert!(known, "{command} has {option}:\n{help}");
    }
    if let Some(at) = call.iter().position(|word| word == "--format") {
        assert!(
            ["github", "junit", "sarif", "markdown"].contains(&call[at + 1].as_str()),
            "{call:?}"
        );
    }
}

#[test]
fn every_file_parses_and_calls_what_there_is() {
    for (file, least) in [
        ("github/action.yml", 4),
        ("github/workflow.yml", 2),
        ("gitlab.yml", 3),
        ("pre-commit-config.yaml", 3),
    ] {
        let text = text(file);
        let documents = Yaml::load_from_str(&text).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(documents.len(), 1, "{file}");
        let mut all = Vec::new();
        strings(&documents[0], &mut all);
        let calls: Vec<Vec<String>> = all.iter().flat_map(|script| calls(script)).collect();
        assert!(calls.len() >= least, "{file}: {calls:?}");
        calls.iter().for_each(|call| exists(call));
    }
}

#[test]
fn each_file_has_the_shape_that_its_reader_wants() {
    let load = |text: &str| -> String {
        let documents = Yaml::load_from_str(text).unwrap();
        let document = &documents[0];
        let mut seen = Vec::new();
        if let Yaml::Mapping(map) = document {
            seen.extend(map.iter().filter_map(|(key, _)| key.as_str().map(str::to_owned)));
        }
        seen.join(" ")
    };
    assert_eq!(load(&text("github/action.yml")), "name description inputs runs");
    assert_eq!(load(&text("github/workflow.yml")), "name on permissions jobs");
    assert_eq!(load(&text("gitlab.yml")), "schemas");
    assert_eq!(load(&text("pre-commit-config.yaml")), "repos");
    let action = text("github/action.yml");
    let documents = Yaml::load_from_str(&action).unwrap();
    let runs = &documents[0]["runs"];
    assert_eq!(runs["using"].as_str(), Some("composite"));
    for step in runs["steps"].as_sequence().unwrap() {
        assert_eq!(
            step["shell"].as_str(),
            Some("bash"),
            "a composite step names its shell"
        );
    }
    let hooks = text("pre-commit-config.yaml");
    let documents = Yaml::load_from_str(&hooks).unwrap();
    for hook in documents[0]["repos"][0]["hooks"].as_sequence().unwrap() {
        for key in ["id", "name", "entry", "language", "files"] {
            assert!(hook[key].as_str().is_some(), "{key}");
        }
        regex::Regex::new(hook["files"].as_str().unwrap()).unwrap();
    }
}

/// The scripts that the runners give to a shell are ones that it takes.
#[test]
fn scripts_are_scripts() {
    for file in ["github/action.yml", "github/workflow.yml", "gitlab.yml"] {
        let text = text(file);
        let documents = Yaml::load_from_str(&text).unwrap();
        let mut all = Vec::new();
        strings(&documents[0], &mut all);
        for script in all.iter().filter(|script| script.contains("fleetops-registry ")) {
            let out = Command::new("bash").args(["-n", "-c", script]).output().unwrap();
            assert!(
                out.status.success(),
                "{file}: {script}\n{}",
                String::from_utf8_lossy(&out.stderr)
            );
        }
    }
}
