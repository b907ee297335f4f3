//! What holds for every command.

use std::io::Read;
use std::process::Stdio;

use crate::harness::Project;

/// The commands that `--help` lists.
fn commands(help: &str) -> Vec<String> {
    let list = help
        .split("Commands:\n")
        .nth(1)
        .and_then(|rest| rest.split("\n\n").next())
        .unwrap_or_default();
    let names = list
        .lines()
        .filter(|l| l.starts_with("  ") && !l.starts_with("   "));
    names
        .filter_map(|l| l.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_help_with_an_example() {
    let project = Project::empty();
    let help = project.run(&["--help"]).exits(0).stdout;
    assert!(
        help.contains("Exit codes: 0 clean, 1 findings, 2 usage"),
        "{help}"
    );
    let all = commands(&help);
    for name in ["check", "compat", "docs", "generate", "schema"] {
        assert!(all.iter().any(|c| c == name), "{name} is a command: {all:?}");
    }
    for name in all
        .iter()
        .filter(|c| !["help", "demo", "dev"].contains(&c.as_str()))
    {
        let help = project.run(&[name, "--help"]).exits(0).stdout;
        assert!(
            help.contains(&format!("fleetops-registry {name}")),
            "{name} --help shows how it is called:\n{help}"
        );
        assert!(help.contains("Example"), "{name} --help has an example:\n{help}");
    }
}

#[test]
fn usage_errors_are_exit_code_2() {
    let project = Project::empty();
    project.run(&[]).exits(2).says("Usage:");
    project.run(&["chekc"]).exits(2).says("'check'");
    project.run(&["check", "--nonsense"]).exits(2);
    project.run(&["check", "-q", "-v"]).exits(2);
}

#[test]
fn a_closed_pipe_is_no_error() {
    let project = Project::new();
    let pairs = "{\"id\":1,\"reader\":\"int\",\"writer\":\"int\"}\n".repeat(20_000);
    project.write("pairs.jsonl", &pairs);
    let input = std::fs::File::open(project.path("pairs.jsonl")).unwrap();
    let mut command = project.command(&["compat", "--jsonl"]);
    let mut child = command
        .stdin(input)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 10];
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut first).unwrap();
    drop(out);
    let rest = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&rest.stderr), "");
    assert_eq!(rest.status.code(), Some(0));
}

#[test]
fn colours_are_asked_for_or_left_out() {
    let project = Project::new();
    project.remove("schemas");
    project.run(&["docs"]).exits(2).does_not_say("\u{1b}");
    project
        .run(&["--color", "always", "docs"])
        .exits(2)
        .says("\u{1b}[");
    project
        .run(&["--color", "never", "docs"])
        .exits(2)
        .does_not_say("\u{1b}");
}
