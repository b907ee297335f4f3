//! The commands that the program has, as its own help lists them: so that a test which must name all of them fails with the
//! first one that it does not know.

use std::collections::BTreeSet;
use std::process::Command;

fn help(path: &[&str]) -> String {
    let out = Command::new(env!("CARGO_BIN_EXE_fleetops-registry"))
        .args(path)
        .arg("--help")
        .output()
        .unwrap();
    assert!(out.status.success(), "{path:?}");
    String::from_utf8(out.stdout).unwrap()
}

/// Those that a command's help lists.
fn below(path: &[&str]) -> Vec<String> {
    let help = help(path);
    let Some((_, rest)) = help.split_once("Commands:\n") else {
        return Vec::new();
    };
    let list = rest.split("\n\n").next().unwrap_or_default();
    let lines = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    lines
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Every command that does something, such as `subjects list`.
pub(crate) fn commands() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = below(&[]);
    assert!(open.len() > 20, "{open:?}");
    while let Some(path) = open.pop() {
        let words: Vec<&str> = path.split(' ').collect();
        let inner = below(&words);
        if inner.is_empty() {
            found.insert(path);
        } else {
            open.extend(inner.into_iter().map(|name| format!("{path} {name}")));
        }
    }
    found
}

/// The formats that `--format` takes.
#[allow(dead_code)] // not every target that has this file asks for them
pub(crate) fn formats() -> Vec<String> {
    let help = help(&["check"]);
    let (_, rest) = help.split_once("--format <FORMAT>").unwrap();
    let (_, values) = rest.split_once("Possible values:\n").unwrap();
    let lines = values.lines().map(str::trim).take_while(|line| !line.is_empty());
    lines
        .filter_map(|line| line.strip_prefix("- ")?.split(':').next())
        .map(str::to_owned)
        .collect()
}

/// The command that these words call, of those there are.
pub(crate) fn called<'a>(words: &[&str], all: &'a BTreeSet<String>) -> Option<&'a String> {
    let call = words.join(" ");
    all.iter()
        .find(|name| call == **name || call.starts_with(&format!("{name} ")))
}
