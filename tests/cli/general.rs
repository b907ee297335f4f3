//! What holds for every command.

use std::io::Read;
use std::process::Stdio;

use crate::harness::Project;
use crate::servers::Registry;

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

/// What a hand slips on, and what is meant.
#[test]
fn slips_are_told_with_what_was_meant() {
    let (project, registry) = (Project::new(), Registry::start());
    registry.register("orders-value", "\"int\"");
    let slip = |arguments: &[&str], exit: i32, meant: &str| {
        registry.run(&project, arguments).exits(exit).says(meant);
    };
    slip(&["subjetcs", "list"], 2, "'subjects'");
    slip(&["subjects", "lst"], 2, "'list'");
    slip(&["plan", "--env", "dve"], 2, "did you mean --env dev?");
    slip(
        &["check", "--against", "registy"],
        2,
        "did you mean --against registry?",
    );
    slip(&["check", "--against", "./registy"], 2, "no such file or folder");
    slip(&["explain", "lock-stal"], 2, "did you mean `lock-stale`?");
    slip(
        &["subjects", "get", "order-value"],
        3,
        "did you mean orders-value?",
    );
    slip(
        &["config", "get", "--subject", "order-value"],
        0,
        "did you mean orders-value?",
    );
    slip(
        &["config", "set", "FULL", "--subject", "order-value", "--yes"],
        0,
        "did you mean orders-value?",
    );
    slip(
        &["mode", "get", "--subject", "order-value"],
        0,
        "did you mean orders-value?",
    );
    slip(
        &["mode", "get", "--subject", "another"],
        0,
        "nothing is registered under it yet",
    );
    slip(&["config", "set", "FULLL", "--yes"], 2, "did you mean FULL?");
    slip(
        &["mode", "set", "READWRIT", "--yes"],
        2,
        "did you mean READWRITE?",
    );
    slip(&["lag", "order"], 2, "did you mean orders?");
    slip(&["apply", "none.plan"], 2, "make it with `plan -o FILE`");
    slip(
        &["register", "--subject", "nothing*", "--dry-run"],
        2,
        "there are: ",
    );
    // What is right is not remarked upon.
    registry
        .run(&project, &["config", "get", "--subject", "orders-value"])
        .exits(0)
        .does_not_say("did you mean");
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
