//! `produce` while a server stops.

use serde_json::Value;

use crate::project::Run;
use crate::running::Running;
use crate::{client, count, line, lines, log, numbers, project, servers, until};

/// Events, more than are sent before the server stops.
const ALL: usize = 6_000;

fn counts(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

/// Starts `produce`, hands it some lines, and waits until some of them are in the log.
fn begun(project: &crate::Project, stack: &crate::Stack, topic: &str) -> Running {
    let mut running = Running::start(project, stack, &["produce", topic, "--format", "json"]);
    assert!(running.write(&lines(0..2_000)));
    let client = client(stack);
    until("events arrive", || count(&client, topic) > 500);
    running
}

#[test]
fn a_broker_that_dies_loses_nothing_that_was_acknowledged_and_the_rest_can_be_sent_again() {
    let Some((_turn, stack)) = servers() else { return };
    let settings = "kafka = { \"message.timeout.ms\" = \"4000\" }";
    let project = project(stack, "dies", settings);
    let mut running = begun(&project, stack, "dies");
    stack.script("kafka", &["kill", "1"]);
    // It reads on until it knows.
    for number in 2_000..ALL {
        if !running.write(&line(number)) {
            break;
        }
    }
    let run = running.end().exits(4);
    let told = counts(&run);
    let figure = |name: &str| told[name].as_u64().unwrap() as usize;
    let (acknowledged, failed, unsure) = (
        figure("acknowledged"),
        figure("failed"),
        figure("failed_but_may_be_written"),
    );
    let first = told["first_failed"]["line"].as_u64().unwrap() as usize;
    println!(
        "{acknowledged} acknowledged, {failed} not, {unsure} of these unsure; line {first} is the first"
    );
    assert!(acknowledged >= 500 && failed > 0 && unsure <= failed, "{told}");
    assert_eq!(
        run.stderr
            .lines()
            .filter(|line| line.starts_with("error"))
            .count(),
        1,
        "{}",
        run.stderr
    );
    assert!(
        run.stderr.contains(&format!("<stdin>:{first}: ")),
        "{}",
        run.stderr
    );
    let after = format!("--after {}", first - 1);
    let run = run.says(&format!("send the rest again with {after}"));
    drop(run);

    stack.script("kafka", &["start"]);
    let (there, _) = log(stack, "dies");
    assert!(there.values().all(|times| *times == 1), "nothing is there twice");
    assert!(
        (acknowledged..=acknowledged + unsure).contains(&there.len()),
        "{} in the log",
        there.len()
    );
    // The line that is named is the first that was not acknowledged, so all before it are there.
    let missing = (0..first - 1)
        .filter(|number| !there.contains_key(number))
        .count();
    assert_eq!(missing, 0);

    // As it said: all of the input again, from there on.
    let mut again = vec!["produce", "dies"];
    again.extend(after.split(' '));
    project.run_with(stack, &again, &lines(0..ALL)).exits(0);
    let read = project.run(stack, &["consume", "dies", "--until-end"]).exits(0);
    let read = numbers(&read.stdout);
    assert!(
        read.len() == ALL && read.values().all(|times| *times == 1),
        "{} events",
        read.len()
    );
}

#[test]
fn a_broker_that_comes_back_in_time_is_no_error_and_nothing_is_there_twice() {
    let Some((_turn, stack)) = servers() else { return };
    let settings = "kafka = { \"message.timeout.ms\" = \"120000\" }";
    let project = project(stack, "returns", settings);
    let mut running = begun(&project, stack, "returns");
    stack.script("kafka", &["kill", "1"]);
    assert!(running.write(&lines(2_000..4_000)));
    stack.script("kafka", &["start"]);
    assert!(running.write(&lines(4_000..ALL)));
    let told = counts(&running.end().exits(0));
    assert_eq!(
        (&told["acknowledged"], &told["failed"], &told["complete"]),
        (&ALL.into(), &0.into(), &true.into())
    );
    let (there, values) = log(stack, "returns");
    assert_eq!((there.len(), values.len()), (ALL, ALL));
}

#[test]
fn a_registry_that_stops_is_not_missed_once_the_schema_is_known() {
    let Some((_turn, stack)) = servers() else { return };
    let project = project(stack, "unneeded", "");
    let mut running = begun(&project, stack, "unneeded");
    stack.script("registry", &["kill"]);
    assert!(running.write(&lines(2_000..ALL)));
    let told = counts(&running.end().exits(0));
    assert_eq!((&told["acknowledged"], &told["failed"]), (&ALL.into(), &0.into()));
    assert_eq!(log(stack, "unneeded").0.len(), ALL);
}
