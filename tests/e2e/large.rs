//! How long a plan takes on a large manifest. It prints figures and asserts none:
//! `cargo test --release --test e2e -- --ignored --nocapture --test-threads 1 large`. One after the other, because the start
//! of the servers for the one would be measured in the other.

use std::fmt::Write;

use crate::project::Project;
use crate::stack::stack;

#[test]
#[ignore = "a measurement"]
fn a_plan_of_100_subjects_and_200_topics() {
    let Some(stack) = stack() else { return };
    let mut manifest = String::from("[defaults]\nsubject-strategy = \"record-name\"\n");
    for n in 0..200 {
        // Two topics a record.
        write!(
            manifest,
            "\n[topics.large-{n}]\nvalue = \"large.R{}\"\nkey = \"id\"\npartitions = 1\nconfig = {{ \"retention.ms\" = \"600000\" }}\n",
            n / 2
        )
        .unwrap();
    }
    manifest.push_str("\n[env.dev]\nbootstrap = \"localhost:9092\"\n");
    let project = Project::new("large", &manifest, &[]);
    for n in 0..100 {
        let fields: Vec<String> = (0..20)
            .map(|f| format!(r#"{{"name":"f{f}","type":["null","string"],"default":null}}"#))
            .collect();
        let text = format!(
            r#"{{"type":"record","name":"R{n}","namespace":"large","fields":[{{"name":"id","type":"string"}},{}]}}"#,
            fields.join(",")
        );
        project.write(&format!("schemas/R{n}.avsc"), &text);
    }
    let applied = project.run(stack, &["apply", "--yes"]).exits(0);
    println!("apply of 100 schemas and 200 topics: {:?}", applied.took);
    for _ in 0..3 {
        let plan = project.run(stack, &["plan"]).exits(0).says("nothing to change");
        println!("plan without a change: {:?}", plan.took);
    }
    project.run(stack, &["lock", "update"]).exits(0);
    for _ in 0..3 {
        let check = project.run(stack, &["check", "--locked", "--offline"]).exits(0);
        println!("check --locked --offline of 100 subjects: {:?}", check.took);
    }
}

/// Needs no server: the embedded registry fills the lock.
#[test]
#[ignore = "a measurement"]
fn a_check_of_1000_schemas_that_all_changed() {
    use fleetops_registry::dev::registry::EmbeddedRegistry;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let registry = runtime.block_on(EmbeddedRegistry::start(0)).unwrap();
    let mut manifest = String::from("[defaults]\ncompatibility = \"FULL_TRANSITIVE\"\n");
    for n in 0..1000 {
        write!(
            manifest,
            "\n[topics.large-{n}]\nvalue = \"large.R{n}\"\nkey = \"id\"\npartitions = 1\n"
        )
        .unwrap();
    }
    write!(
        manifest,
        "\n[env.dev]\nbootstrap = \"localhost:9092\"\nregistry = \"{}\"\n",
        registry.url()
    )
    .unwrap();
    let project = Project::new("large", &manifest, &[]);
    let schemas = |version: usize| {
        for n in 0..1000 {
            let fields: Vec<String> = (0..20 + version)
                .map(|f| format!(r#"{{"name":"f{f}","type":["null","string"],"default":null}}"#))
                .collect();
            let text = format!(
                r#"{{"type":"record","name":"R{n}","namespace":"large","fields":[{{"name":"id","type":"string"}},{}]}}"#,
                fields.join(",")
            );
            project.write(&format!("schemas/R{n}.avsc"), &text);
        }
    };
    for version in 0..3 {
        schemas(version);
        let applied = project
            .run_plainly(&["apply", "--only", "subjects", "--yes"])
            .exits(0);
        println!(
            "apply of 1000 schemas, version {}: {:?}",
            version + 1,
            applied.took
        );
    }
    project.run_plainly(&["lock", "update"]).exits(0);
    let check = || project.run_plainly(&["check", "--locked", "--offline"]).exits(0);
    for _ in 0..3 {
        println!(
            "check of 1000 schemas of 3 versions, none changed: {:?}",
            check().took
        );
    }
    schemas(3);
    for _ in 0..3 {
        println!(
            "check of 1000 schemas of 3 versions, all changed, FULL_TRANSITIVE: {:?}",
            check().took
        );
    }
}
