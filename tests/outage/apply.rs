//! The registry is killed in the middle of an `apply`: what was done is told and is there, and a second one does the rest.

use std::fmt::Write;

use fleetops_registry::registry::Client;

use crate::project::Project;
use crate::running::Running;
use crate::servers;

/// So many schemas that a kill after the first of them comes before the last.
const SUBJECTS: usize = 80;

#[test]
fn an_apply_whose_registry_is_killed_is_finished_by_the_next_one() {
    let Some((_turn, stack)) = servers() else { return };
    // The level that the registry has already: nothing but schemas is to be done.
    let mut manifest = String::from("[defaults]\ncompatibility = \"BACKWARD\"\n\n");
    for n in 0..SUBJECTS {
        write!(
            manifest,
            "[topics.killed-{n}]\nvalue = \"killed.R{n}\"\npartitions = 1\n\n"
        )
        .unwrap();
    }
    manifest.push_str("[env.dev]\nbootstrap = \"localhost:9092\"\n");
    let project = Project::new("killed", &manifest, &[]);
    for n in 0..SUBJECTS {
        let text = format!(
            r#"{{"type":"record","name":"R{n}","namespace":"killed","fields":[{{"name":"id","type":"string"}}]}}"#
        );
        project.write(&format!("schemas/R{n}.avsc"), &text);
    }
    project
        .run(stack, &["plan", "--only", "subjects", "-o", "killed.plan"])
        .exits(0);
    let apply = ["apply", "killed.plan", "--yes"];
    let mut first = Running::start(&project, stack, &apply);
    let mut told = String::new();
    while told.matches("] registered ").count() < 2 {
        told.push_str(&first.read(1));
    }
    stack.script("registry", &["kill"]);
    let first = first.end().exits(4);
    told.push_str(&first.stdout);
    let done = told.matches("] registered ").count();
    assert!((2..SUBJECTS).contains(&done), "{told}");
    assert!(
        first
            .stderr
            .contains(&format!("{done} of {SUBJECTS} changes were made before it"))
            && first.stderr.contains("run `apply` again"),
        "{}",
        first.stderr
    );
    assert_eq!(
        first.stderr.matches("not done: subject ").count(),
        SUBJECTS - done,
        "{}",
        first.stderr
    );

    stack.script("registry", &["start"]);
    let second = project.run(stack, &apply).exits(0);
    // The one that was under way may have arrived, and a killed registry may have lost what it had acknowledged: the
    // second run does what is missing, whatever that is.
    let rest = second.stdout.matches("] registered ").count();
    assert!(
        (SUBJECTS - done - 1..=SUBJECTS).contains(&rest),
        "{done}, then {rest}"
    );
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = Client::new(&stack.registry()).unwrap();
    for n in 0..SUBJECTS {
        let versions = runtime.block_on(client.versions(&format!("killed-{n}-value")));
        assert_eq!(versions.unwrap(), [1], "{n}");
    }
    project.run(stack, &["drift", "--only", "subjects"]).exits(0);
}
