//! `plan` decides as the registry's own register would, at each of the seven levels: on the embedded registry and on a real
//! one.
//!
//! Histories are such that the level matters, and with it how many versions are looked at: in most of them the latest
//! version alone would let the new schema pass and an earlier one would not, or the other way round.

use std::fmt::Write;

use fleetops_avro::compat::Level;
use fleetops_registry::dev::registry::EmbeddedRegistry;
use fleetops_registry::registry::{Client, ClientError};

use crate::project::Project;
use crate::stack::stack;

const LEVELS: [Level; 7] = [
    Level::None,
    Level::Backward,
    Level::BackwardTransitive,
    Level::Forward,
    Level::ForwardTransitive,
    Level::Full,
    Level::FullTransitive,
];

/// How a field `a` stands in a record.
#[derive(Clone, Copy)]
enum Shape {
    Without,
    WithDefault,
    Required,
    /// Nothing goes with it: `id` has another type.
    Other,
}

impl Shape {
    fn text(self, name: &str) -> String {
        let (id, a) = match self {
            Self::Without => ("string", ""),
            Self::WithDefault => ("string", r#",{"name":"a","type":"int","default":0}"#),
            Self::Required => ("string", r#",{"name":"a","type":"int"}"#),
            Self::Other => ("long", ""),
        };
        format!(
            r#"{{"type":"record","name":"{name}","namespace":"levels","fields":[{{"name":"id","type":"{id}"}}{a}]}}"#
        )
    }
}

use Shape::{Other, Required, WithDefault, Without};

/// Versions, how many of the newest are deleted, and the schema that is to follow.
const HISTORIES: [(&[Shape], usize, Shape); 8] = [
    (&[Without, WithDefault], 0, Required),
    (&[Required, WithDefault], 0, Without),
    (&[WithDefault, Without], 0, Required),
    (&[WithDefault, Required], 0, Without),
    (&[Without], 0, WithDefault),
    (&[Other, Without], 0, WithDefault),
    (&[Without], 0, Other),
    (&[WithDefault, Without], 1, Required),
];

/// What `plan` said of every case, and what registering it then came to.
fn verdicts(registry: &str) -> Vec<(String, bool, bool)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = Client::new(registry).unwrap();
    let mut manifest = String::new();
    let mut cases = Vec::new();
    for level in LEVELS {
        for (number, (versions, deleted, new)) in HISTORIES.iter().enumerate() {
            let name = format!("{}_{number}", level.to_string().to_lowercase());
            write!(
                manifest,
                "[topics.levels-{name}]\nvalue = \"levels.{name}\"\npartitions = 1\ncompatibility = \"{level}\"\n\n"
            )
            .unwrap();
            cases.push((name, level, *versions, *deleted, *new));
        }
    }
    manifest.push_str("[env.dev]\nbootstrap = \"localhost:9092\"\n");
    let project = Project::new("levels", &manifest, &[]);
    runtime.block_on(async {
        for (name, level, versions, deleted, new) in &cases {
            let subject = format!("levels-{name}-value");
            client.set_level(Some(&subject), Level::None).await.unwrap();
            for shape in *versions {
                client.register(&subject, &shape.text(name), &[]).await.unwrap();
            }
            for number in (versions.len() - deleted..versions.len()).map(|index| index as u32 + 1) {
                client.delete_version(&subject, number, false).await.unwrap();
            }
            client.set_level(Some(&subject), *level).await.unwrap();
            project.write(&format!("schemas/{name}.avsc"), &new.text(name));
        }
    });
    let plan = project.run_at(
        "localhost:1",
        registry,
        &["plan", "--only", "subjects", "--format", "json"],
    );
    let lines = plan.lines();
    runtime.block_on(async {
        let mut all = Vec::new();
        for (name, _, _, _, new) in &cases {
            let subject = format!("levels-{name}-value");
            let of_subject = |line: &&serde_json::Value| line["subject"] == subject.as_str();
            let mine: Vec<_> = lines.iter().filter(of_subject).collect();
            assert!(
                mine.iter().any(|line| line["action"] == "register"),
                "{name}: {lines:?}"
            );
            let planned = !mine.iter().any(|line| line["action"] == "problem");
            let registered = match client.register(&subject, &new.text(name), &[]).await {
                Ok(_) => true,
                Err(ClientError::Refused { status: 409, .. }) => false,
                Err(error) => panic!("{name}: {error}"),
            };
            all.push((name.clone(), planned, registered));
        }
        all
    })
}

fn hold(registry: &str) -> Vec<String> {
    let all = verdicts(registry);
    let wrong: Vec<_> = all
        .iter()
        .filter(|(_, planned, registered)| planned != registered)
        .collect();
    assert!(wrong.is_empty(), "case, planned, registered: {wrong:?}");
    let taken = all.iter().filter(|(_, _, registered)| *registered);
    taken.map(|(name, _, _)| name.clone()).collect()
}

/// What each level takes of the histories, as the specification has it.
fn wanted() -> Vec<String> {
    let taken: [(&str, &[usize]); 7] = [
        ("none", &[0, 1, 2, 3, 4, 5, 6, 7]),
        ("backward", &[0, 1, 3, 4, 5, 7]),
        ("backward_transitive", &[1, 3, 4, 7]),
        ("forward", &[0, 1, 2, 4, 5, 7]),
        ("forward_transitive", &[0, 2, 4, 7]),
        ("full", &[0, 1, 4, 5, 7]),
        ("full_transitive", &[4, 7]),
    ];
    let names = taken
        .iter()
        .flat_map(|(level, cases)| cases.iter().map(move |case| format!("{level}_{case}")));
    names.collect()
}

#[test]
fn the_embedded_registry_takes_what_a_plan_promises() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let registry = runtime.block_on(EmbeddedRegistry::start(0)).unwrap();
    assert_eq!(hold(&registry.url()), wanted());
}

#[test]
fn a_real_registry_takes_what_a_plan_promises() {
    let Some(stack) = stack() else { return };
    assert_eq!(hold(&stack.registry()), wanted());
}
