//! A server that is stopped when a command begins: one clear error, exit code 3, soon; and what does not need that server
//! works.
//!
//! Every command that the program has is here, by what it needs: [`NEEDS`] must name each of them, and one that is missing
//! fails. Those of one kind run at the same time, because most of them wait.

use std::collections::BTreeSet;
use std::time::Duration;

use fleetops_registry::registry::Client;

use crate::project::{Project, Run};
use crate::stack::Stack;
use crate::{line, project, servers, tree};

/// As soon as the issue has it.
const LIMIT: Duration = Duration::from_secs(10);

/// The servers that a command asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Both,
    Registry,
    Kafka,
    /// The other servers are its own, or it needs none.
    Neither,
    /// It tells what is reached and what is not.
    TellsBoth,
}

use Needs::{Both, Kafka, Neither, Registry, TellsBoth};

/// Topic and group are `stopped`; of the subjects `spare-1` is there to be deleted and `spare-2` to be changed.
const NEEDS: &[(Needs, &[&str])] = &[
    (Both, &["produce", "stopped"]),
    (Both, &["consume", "stopped", "--until-end"]),
    (Both, &["consume", "stopped", "--group", "g"]),
    (Both, &["plan"]),
    (Both, &["plan", "--format", "json"]),
    (Both, &["apply", "--yes"]),
    (Both, &["drift"]),
    // Where a broker is named it is asked for the topics.
    (
        Both,
        &["pull", "--out", "adopted", "--subject", "spare-2", "--force"],
    ),
    (Registry, &["register", "--yes"]),
    (Registry, &["register", "--dry-run"]),
    (Registry, &["check", "--against", "registry"]),
    (Registry, &["plan", "--only", "subjects"]),
    (Registry, &["lock", "update"]),
    (Registry, &["lock", "verify"]),
    (Registry, &["subjects", "list"]),
    (Registry, &["subjects", "get", "stopped-value"]),
    (Registry, &["subjects", "delete", "spare-1", "--yes"]),
    (Registry, &["config", "get", "--subject", "spare-2"]),
    (
        Registry,
        &["config", "set", "FULL", "--subject", "spare-2", "--yes"],
    ),
    (Registry, &["config", "unset", "--subject", "spare-2", "--yes"]),
    (Registry, &["mode", "get", "--subject", "spare-2"]),
    (
        Registry,
        &["mode", "set", "READWRITE", "--subject", "spare-2", "--yes"],
    ),
    (Registry, &["mode", "unset", "--subject", "spare-2", "--yes"]),
    (Kafka, &["plan", "--only", "topics"]),
    (Kafka, &["topics", "plan"]),
    (Kafka, &["topics", "apply", "--yes"]),
    (Kafka, &["topics", "list"]),
    (Kafka, &["lag", "--group", "g"]),
    (Kafka, &["groups", "list"]),
    (Kafka, &["groups", "reset", "g", "--to", "earliest", "--yes"]),
    (Kafka, &["dead-letters", "list", "stopped"]),
    (Kafka, &["dead-letters", "replay", "stopped", "--yes"]),
    (TellsBoth, &["doctor"]),
    (Neither, &["check", "--against", "schemas"]),
    (Neither, &["compat", "schemas/Event.avsc", "schemas/Event.avsc"]),
    (Neither, &["diff", "schemas/Event.avsc", "schemas/Event.avsc"]),
    (Neither, &["lint"]),
    (Neither, &["fmt", "--check"]),
    (Neither, &["explain", "lock-stale"]),
    (Neither, &["rules"]),
    (Neither, &["schema", "canonical", "schemas/Event.avsc"]),
    (Neither, &["schema", "fingerprint", "schemas/Event.avsc"]),
    (Neither, &["schema", "parse", "schemas/Event.avsc"]),
    (
        Neither,
        &["decode", "--writer", "schemas/Event.avsc", "--hex", "020000"],
    ),
    (Neither, &["generate", "--out", "generated"]),
    (Neither, &["templates", "list"]),
    (Neither, &["templates", "export", "--out", "templates", "--force"]),
    (Neither, &["templates", "check", "--templates", "own-templates"]),
    (Neither, &["templates", "schema"]),
    (Neither, &["docs"]),
    (Neither, &["completions", "bash"]),
    (Neither, &["man"]),
];

/// They start servers of their own and ask no others; the tests of `demo` and `dev` run them.
const OWN_SERVERS: [&str; 2] = ["demo", "dev"];

fn of(needs: &[Needs]) -> impl Iterator<Item = &'static [&'static str]> {
    NEEDS
        .iter()
        .filter(move |(needed, _)| needs.contains(needed))
        .map(|(_, words)| *words)
}

/// Runs them all at the same time.
fn each(
    stack: &Stack,
    project: &Project,
    commands: impl Iterator<Item = &'static [&'static str]>,
    judge: impl Fn(&[&str], Run) + Sync,
) {
    std::thread::scope(|scope| {
        for words in commands {
            let judge = &judge;
            scope.spawn(move || judge(words, project.run_with(stack, words, &line(0))));
        }
    });
}

/// One error that names one of these servers, with exit code 3.
#[track_caller]
fn is_one_error(words: &[&str], run: Run, addresses: &[&str]) {
    let run = run.exits(3);
    assert!(run.took < LIMIT, "{words:?}: {:?}", run.took);
    let errors: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("error"))
        .collect();
    assert!(
        errors.len() == 1 && addresses.iter().any(|address| errors[0].contains(address)),
        "{words:?}: {}",
        run.stderr
    );
    assert!(
        !run.stderr.contains("panicked") && run.stdout.is_empty(),
        "{words:?}: {run:?}"
    );
}

/// It ran to its end; the schema is as ours are not laid out.
#[track_caller]
fn works(words: &[&str], run: Run) {
    let wanted = i32::from(words == ["fmt", "--check"]);
    assert_eq!(run.code, wanted, "{words:?}: {run:?}");
}

#[test]
fn every_command_says_which_server_it_does_not_reach_and_the_rest_works() {
    let Some((_turn, stack)) = servers() else { return };
    let all = tree::commands();
    let named: BTreeSet<String> = NEEDS
        .iter()
        .map(|(_, words)| {
            tree::called(words, &all)
                .unwrap_or_else(|| panic!("{words:?} calls no command"))
                .clone()
        })
        .chain(OWN_SERVERS.map(str::to_owned))
        .collect();
    assert_eq!(named, all, "every command is here");

    let project = project(stack, "stopped", "");
    let (kafka, registry) = (stack.bootstrap(), stack.registry());
    let client = Client::new(&registry).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for subject in ["spare-1", "spare-2"] {
        runtime
            .block_on(client.register(subject, "\"string\"", &[]))
            .unwrap();
    }
    project.change(
        "fleetops-registry.toml",
        "partitions = 3",
        "partitions = 3\ndead-letter = \"TAG.dlq\"",
    );
    project.run(stack, &["topics", "apply", "--yes"]).exits(0);
    project
        .run(stack, &["templates", "export", "--out", "own-templates"])
        .exits(0);
    // There is a lock to be verified, and a group to be reset.
    project.run(stack, &["lock", "update"]).exits(0);
    project
        .run_with(stack, &["produce", "stopped"], &line(0))
        .exits(0);
    project
        .run(stack, &["consume", "stopped", "--group", "g", "--until-end"])
        .exits(0);

    stack.script("registry", &["stop"]);
    each(stack, &project, of(&[Both, Registry]), |words, run| {
        is_one_error(words, run, &[&registry]);
    });
    each(stack, &project, of(&[Kafka, Neither]), |words, run| {
        works(words, run);
    });
    each(stack, &project, of(&[TellsBoth]), |_, run| {
        run.exits(3).says("registry-unreachable");
    });

    stack.script("kafka", &["stop"]);
    each(stack, &project, of(&[Both]), |words, run| {
        is_one_error(words, run, &[&registry, &kafka]);
    });
    each(stack, &project, of(&[Neither]), |words, run| {
        works(words, run);
    });

    stack.script("registry", &["start"]);
    each(stack, &project, of(&[Both, Kafka]), |words, run| {
        is_one_error(words, run, &[&kafka]);
    });
    each(stack, &project, of(&[Registry, Neither]), |words, run| {
        works(words, run);
    });
    each(stack, &project, of(&[TellsBoth]), |_, run| {
        run.exits(3).says("broker-unreachable");
    });
}
