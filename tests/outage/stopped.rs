//! A server that is stopped when a command begins: one clear error, exit code 3, soon.

use std::time::Duration;

use crate::project::Run;
use crate::{line, project, servers};

/// As soon as the issue has it.
const LIMIT: Duration = Duration::from_secs(10);

/// One error that names the server, with exit code 3.
#[track_caller]
fn is_one_error(run: Run, address: &str) {
    let run = run.exits(3);
    assert!(run.took < LIMIT, "{:?}", run.took);
    let errors: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("error"))
        .collect();
    assert!(errors.len() == 1 && errors[0].contains(address), "{}", run.stderr);
    assert!(
        !run.stderr.contains("panicked") && run.stdout.is_empty(),
        "{run:?}"
    );
}

#[test]
fn every_command_says_which_server_it_does_not_reach_and_the_rest_works() {
    let Some((_turn, stack)) = servers() else { return };
    let project = project(stack, "stopped", "");
    let (kafka, registry) = (stack.bootstrap(), stack.registry());
    let need_both: [&[&str]; 3] = [
        &["produce", "stopped"],
        &["consume", "stopped", "--until-end"],
        &["consume", "stopped", "--group", "g"],
    ];
    let need_registry: [&[&str]; 3] = [
        &["register", "--yes"],
        &["register", "--dry-run"],
        &["check", "--against", "registry"],
    ];
    let need_kafka: [&[&str]; 4] = [
        &["topics", "plan"],
        &["topics", "apply", "--yes"],
        &["topics", "list"],
        &["lag", "--group", "g"],
    ];
    let run = |arguments: &[&str]| project.run_with(stack, arguments, &line(0));

    stack.script("registry", &["stop"]);
    for arguments in need_both.iter().chain(&need_registry) {
        is_one_error(run(arguments), &registry);
    }
    for arguments in need_kafka {
        run(arguments).exits(0);
    }
    run(&["doctor"]).exits(3).says("registry-unreachable");

    stack.script("kafka", &["stop"]);
    for arguments in need_both {
        let run = run(arguments);
        assert!(run.stderr.contains(&kafka), "{}", run.stderr);
        is_one_error(run, &registry);
    }

    stack.script("registry", &["start"]);
    for arguments in need_both.iter().chain(&need_kafka) {
        is_one_error(run(arguments), &kafka);
    }
    for arguments in need_registry {
        run(arguments).exits(0);
    }
    run(&["doctor"]).exits(3).says("broker-unreachable");
}
