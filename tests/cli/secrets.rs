//! No output and no file of any command holds a secret, whatever the format and however much is told.
//!
//! Every command that the program has is run in every format that it knows: [`RUNS`] must name each of them, and one that
//! is missing fails. Each format has a project, a registry and a broker of its own, so that what a command changes is there
//! to be changed in each of them.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use fleetops_registry::dev::broker::EmbeddedBroker;
use fleetops_registry::kafka::{Admin, WantedTopic};

use crate::harness::Project;
use crate::servers::Registry;
use crate::tree;

const PASSWORD: &str = "m4rker-of-the-registry";
const KAFKA: &str = "m4rker-of-the-brokers";
const TOKEN: &str = "m4rker-of-a-token";

/// What is run, in this order. `URL` stands for the registry's address with a password in it.
const RUNS: &[&[&str]] = &[
    // What needs no server.
    &[
        "compat",
        "schemas/common/Channel.avsc",
        "schemas/common/Channel.avsc",
    ],
    &[
        "diff",
        "schemas/common/Channel.avsc",
        "schemas/common/Channel.avsc",
    ],
    &["lint"],
    &["lint", "--fix"],
    &["fmt", "--check"],
    &["fmt"],
    &["explain", "lock-stale"],
    &["rules"],
    &["schema", "canonical", "schemas/common/Channel.avsc"],
    &["schema", "fingerprint", "schemas/common/Channel.avsc"],
    &["schema", "parse", "schemas/common/Channel.avsc"],
    &["decode", "--writer", "schemas/common/Channel.avsc", "--hex", "02"],
    &["generate", "--out", "generated"],
    &["generate", "--out", "generated", "--check"],
    &["generate", "--crate", "package"],
    &["generate", "--dump-context"],
    &["templates", "list"],
    &["templates", "export", "--out", "templates"],
    &["templates", "check", "--templates", "templates"],
    &["templates", "schema"],
    &["docs"],
    &["docs", "--check"],
    &["completions", "bash"],
    &["man"],
    // The registry, and a broker without an admin interface.
    &["plan", "-o", "saved.plan"],
    &["plan", "--only", "subjects", "-o", "saved.plan"],
    &["apply", "saved.plan", "--yes"],
    &["register", "--dry-run"],
    &["register", "--yes"],
    &["apply", "--yes"],
    &["drift"],
    &["drift", "--only", "subjects"],
    &["lock", "update"],
    &["lock", "verify"],
    &["check", "--against", "released"],
    &["check", "--locked"],
    &["check", "--against", "registry"],
    &["topics", "plan"],
    &["topics", "apply", "--yes"],
    &["topics", "list"],
    &["subjects", "list"],
    &["subjects", "get", "orders-value"],
    &["config", "get"],
    &["config", "set", "FULL", "--yes"],
    &["config", "unset", "--subject", "orders-value", "--yes"],
    &["mode", "get"],
    &["mode", "set", "READWRITE", "--yes"],
    &["mode", "unset", "--subject", "orders-value", "--yes"],
    &["produce", "refunds", "refunds.jsonl"],
    &["consume", "refunds", "--group", "g", "--until-end"],
    &["lag", "--group", "g"],
    &["groups", "list"],
    &["groups", "reset", "g", "--to", "earliest", "--yes"],
    &["dead-letters", "list", "orders"],
    &["dead-letters", "replay", "orders", "--yes"],
    &["doctor"],
    &["subjects", "delete", "refunds-value", "--yes"],
    &["pull", "--out", "adopted", "--registry", "URL"],
    // Servers that are not there, addresses that are none, settings that nobody takes.
    &["plan", "--env", "gone"],
    &["check", "--against", "registry", "--env", "gone"],
    &["lag", "--env", "gone"],
    &["pull", "--out", "adopted", "--env", "gone"],
    &["subjects", "list", "--env", "broken"],
    &["topics", "list", "--env", "refused"],
    &["subjects", "list", "--env", "token"],
];

/// Commands with a way of their own, and why.
const OTHERWISE: &[(&str, &str)] = &[
    ("dev", "it stays until it is stopped"),
    (
        "demo",
        "it serves itself, and takes neither an environment nor a project",
    ),
];

/// Every file below a folder, with its name.
fn everything(folder: &Path, out: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => everything(&path, out),
            false => out.push_str(&String::from_utf8_lossy(&std::fs::read(&path).unwrap())),
        }
    }
}

fn project(registry: &Registry, broker: &EmbeddedBroker) -> Project {
    let project = Project::new();
    for name in ["orders", "refunds", "orders.dlq"] {
        let topic = WantedTopic {
            name: name.to_owned(),
            partitions: 3,
            replication_factor: 1,
            config: Default::default(),
            keyed: true,
        };
        registry.ask(broker.create_topic(&topic)).unwrap();
    }
    let (url, bootstrap) = (registry.url(), broker.bootstrap());
    let address = url.replace("http://", "");
    let kafka = |protocol: &str| {
        format!(
            "kafka = {{ \"security.protocol\" = \"{protocol}\", \"sasl.mechanism\" = \"PLAIN\", \
             \"sasl.username\" = \"me\", \"sasl.password\" = \"${{KAFKA_MARKER}}\" }}"
        )
    };
    let auth = "registry-auth = { username = \"me\", password = \"${REGISTRY_MARKER}\" }";
    let environments = format!(
        "bootstrap = \"{bootstrap}\"\nregistry = \"{url}\"\n{}\n{auth}\n\n\
         [env.gone]\nbootstrap = \"127.0.0.1:1\"\nregistry = \"http://127.0.0.1:1\"\n{}\n{auth}\n\n\
         [env.broken]\nbootstrap = \"{bootstrap}\"\nregistry = \"http://me:${{REGISTRY_MARKER}}@[{address}\"\n\n\
         [env.refused]\nbootstrap = \"{bootstrap}\"\nkafka = {{ \"security.protocol\" = \"ssl\", \
         \"ssl.key.pem\" = \"${{KAFKA_MARKER}}\" }}\n\n\
         [env.token]\nbootstrap = \"{bootstrap}\"\nregistry = \"http://127.0.0.1:1\"\n\
         registry-auth = {{ bearer = \"${{TOKEN_MARKER}}\" }}\n",
        kafka("plaintext"),
        kafka("sasl_plaintext"),
    );
    for (from, to) in [
        ("bootstrap = \"localhost:9092\"\n", environments.as_str()),
        (
            "[topics.orders]\n",
            "[groups.g]\ntopics = [\"refunds\"]\n\n[topics.orders]\ndead-letter = \"orders.dlq\"\n",
        ),
    ] {
        project.change("fleetops-registry.toml", from, to);
    }
    project.write(
        "refunds.jsonl",
        "{\"order_id\":\"o\",\"amount\":1,\"channel\":\"WEB\"}\n",
    );
    project
}

fn with_secrets(mut command: Command) -> Command {
    command
        .env("REGISTRY_MARKER", PASSWORD)
        .env("KAFKA_MARKER", KAFKA)
        .env("TOKEN_MARKER", TOKEN)
        .env("RUST_LOG", "trace");
    command
}

#[track_caller]
fn holds_none(what: &str, text: &str) {
    for marker in [PASSWORD, KAFKA, TOKEN] {
        assert!(!text.contains(marker), "{what}: {text}");
    }
}

/// Runs all of it in one format; the commands that ran to their end, and all that was said.
fn run_in(format: &str) -> (BTreeSet<String>, String) {
    let (registry, broker) = (Registry::start(), EmbeddedBroker::start().unwrap());
    let project = project(&registry, &broker);
    let all = tree::commands();
    let with_password = registry
        .url()
        .replace("http://", &format!("http://me:{PASSWORD}@"));
    let (mut ended, mut said) = (BTreeSet::new(), String::new());
    for words in RUNS {
        let mut arguments: Vec<&str> = words
            .iter()
            .map(|word| {
                if *word == "URL" {
                    with_password.as_str()
                } else {
                    word
                }
            })
            .collect();
        arguments.extend(["--format", format, "-vv"]);
        let out = with_secrets(project.command(&arguments))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let told = format!(
            "{}{}",
            String::from_utf8_lossy(&out.stdout),
            String::from_utf8_lossy(&out.stderr)
        );
        holds_none(&format!("{words:?} as {format}"), &told);
        // It ran to its end, with findings or without.
        if matches!(out.status.code(), Some(0 | 1)) {
            ended.extend(tree::called(words, &all).cloned());
        } else {
            // Shown where the test fails.
            println!("{words:?} as {format}: {told}");
        }
        said.push_str(&told);
    }
    let mut files = String::new();
    everything(&project.path(""), &mut files);
    holds_none(&format!("the files, after {format}"), &files);
    (ended, said)
}

#[test]
fn no_command_and_no_file_tells_a_secret() {
    let all = tree::commands();
    let named: BTreeSet<String> = RUNS
        .iter()
        .map(|words| {
            tree::called(words, &all)
                .unwrap_or_else(|| panic!("{words:?} calls no command"))
                .clone()
        })
        .chain(OTHERWISE.iter().map(|(name, _)| (*name).to_owned()))
        .collect();
    assert_eq!(named, all, "every command has a run here");
    let formats = tree::formats();
    assert!(formats.len() >= 6, "{formats:?}");
    let ran: Vec<(BTreeSet<String>, String)> = std::thread::scope(|scope| {
        let all: Vec<_> = formats
            .iter()
            .map(|format| scope.spawn(move || run_in(format)))
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // They did say something, and most of them had something to say.
    let said: String = ran.iter().map(|(_, said)| said.as_str()).collect();
    for part in [
        "\"outcome\":\"done\"",
        "registered orders-value: version 1",
        "was not reached",
        "\"$schema\"",
        "<testsuites",
        "| subject `orders-value`",
    ] {
        assert!(said.contains(part), "{part}");
    }
    let ended: BTreeSet<&String> = ran.iter().flat_map(|(ended, _)| ended).collect();
    let never: Vec<&str> = named
        .iter()
        .filter(|name| !ended.contains(name))
        .map(String::as_str)
        .collect();
    // The embedded broker does not list groups; the others are run elsewhere.
    assert_eq!(never, ["demo", "dev", "groups list", "groups reset"]);
}

/// `dev` prints what it has begun, and ends when it is told to.
#[test]
fn dev_tells_no_secret_either() {
    let (registry, broker) = (Registry::start(), EmbeddedBroker::start().unwrap());
    let project = project(&registry, &broker);
    let mut child = with_secrets(project.command(&["dev", "-vv", "--format", "json"]))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("\"bootstrap\""), "{line}");
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .unwrap()
            .success()
    );
    let rest = child.wait_with_output().unwrap();
    holds_none("dev", &format!("{line}{}", String::from_utf8_lossy(&rest.stderr)));
    assert_eq!(rest.status.code(), Some(0));
}
