//! `plan`, `apply` and `drift` with a registry; with a cluster they are in `tests/e2e`.

use fleetops_avro::compat::Level;

use crate::harness::{Project, Run};
use crate::servers::Registry;

const SUBJECTS: [&str; 2] = ["--only", "subjects"];

fn run(registry: &Registry, project: &Project, arguments: &[&str]) -> Run {
    let mut all = arguments.to_vec();
    // A saved plan says itself which part it is of.
    if !(arguments[0] == "apply" && arguments.iter().any(|argument| argument.ends_with("plan"))) {
        all.extend(SUBJECTS);
    }
    registry.run(project, &all)
}

fn shop() -> (Project, Registry) {
    let project = Project::new();
    project.remove("released");
    (project, Registry::start())
}

#[test]
fn schemas_come_first_then_settings_and_a_second_run_changes_nothing() {
    let (project, registry) = shop();
    let plan = run(&registry, &project, &["plan"]).exits(0);
    assert_eq!(
        plan.stdout,
        "schemas:\n\
         \x20 + shop.Channel   register  a new subject\n\
         \x20 + orders-value   register  a new subject; refers to shop.Channel\n\
         \x20 + refunds-value  register  a new subject; refers to shop.Channel\n\
         settings:\n\
         \x20 ~ shop.Channel   level     FULL_TRANSITIVE (was BACKWARD, the registry's own)\n\
         \x20 ~ orders-value   level     FULL_TRANSITIVE (was BACKWARD, the registry's own)\n"
    );
    plan.says("3 schemas to register, 2 settings to change; 0 of 3 as wanted");
    run(&registry, &project, &["apply"]).exits(2).says("--yes");
    let applied = run(&registry, &project, &["apply", "--yes"]).exits(0);
    assert!(
        applied
            .stdout
            .contains("[1/5] registered shop.Channel: version 1, ID 1\n")
            && applied
                .stdout
                .contains("[5/5] set orders-value: FULL_TRANSITIVE\n"),
        "{}",
        applied.stdout
    );
    let again = run(&registry, &project, &["plan"]).exits(0);
    assert_eq!(again.stdout, "no change\n");
    again.says("nothing to change; 3 of 3 as wanted");
    run(&registry, &project, &["apply"]).exits(0);
    run(&registry, &project, &["drift"])
        .exits(0)
        .says("as the manifest wants it");
}

#[test]
fn a_part_that_would_fail_refuses_all_of_it() {
    let (project, registry) = shop();
    run(&registry, &project, &["apply", "--yes"]).exits(0);
    project.change(
        "schemas/Order.avsc",
        "\"amount\", \"type\": \"long\"",
        "\"amount\", \"type\": \"string\"",
    );
    project.change(
        "schemas/Refund.avsc",
        "\"order_id\"",
        "\"order_id\", \"doc\": \"whose\"",
    );
    let refused = run(&registry, &project, &["apply", "--yes"]).exits(1);
    refused
        .says("schemas/Order.avsc:8:33")
        .says("nothing was changed");
    let client = registry.client();
    assert_eq!(registry.ask(client.versions("refunds-value")).unwrap(), [1]);
    let markdown = run(&registry, &project, &["plan", "--format", "markdown"]).exits(1);
    assert!(
        markdown.stdout.starts_with("### `dev`: the plan is refused\n")
            && markdown.stdout.contains(
                "| ~ | subject `refunds-value` | register a new version, after 1; refers to shop.Channel |\n"
            )
            && markdown.stdout.contains("````text\nerror[type-changed]"),
        "{}",
        markdown.stdout
    );
    run(&registry, &project, &["plan", "-o", "x.plan"])
        .exits(1)
        .says("no file was written");
    assert!(!project.path("x.plan").exists());
}

#[test]
fn a_saved_plan_is_what_was_reviewed_or_nothing() {
    let (project, registry) = shop();
    run(&registry, &project, &["plan", "-o", "a.plan"])
        .exits(0)
        .says("apply a.plan --env dev");
    run(
        &registry,
        &project,
        &["apply", "a.plan", "--yes", "--env", "prod"],
    )
    .exits(2)
    .says("add --env dev");
    // Something else is wanted than was reviewed.
    project.change(
        "schemas/Refund.avsc",
        "\"order_id\"",
        "\"order_id\", \"doc\": \"whose\"",
    );
    run(&registry, &project, &["apply", "a.plan", "--yes"])
        .exits(1)
        .says("! subject refunds-value: the files at hand want something else than was reviewed")
        .says("nothing was changed");
    project.change("schemas/Refund.avsc", ", \"doc\": \"whose\"", "");
    // A part of it is done already: by a run that was cut short, or by somebody who did just that.
    let client = registry.client();
    registry.register(
        "shop.Channel",
        r#"{"type":"enum","name":"Channel","namespace":"shop","symbols":["WEB","STORE"]}"#,
    );
    run(&registry, &project, &["apply", "a.plan", "--yes"])
        .exits(0)
        .says("done: 4 changes");
    // Another registry, and one that has moved on.
    let other = Registry::start();
    run(&other, &project, &["apply", "a.plan", "--yes"])
        .exits(1)
        .says("! it was made for registry http://127.0.0.1:");
    project.change(
        "schemas/Refund.avsc",
        "\"order_id\"",
        "\"order_id\", \"doc\": \"whose\"",
    );
    run(&registry, &project, &["plan", "-o", "b.plan"]).exits(0);
    registry
        .ask(client.set_level(Some("orders-value"), Level::None))
        .unwrap();
    run(&registry, &project, &["apply", "b.plan", "--yes"])
        .exits(1)
        .says("! subject orders-value has changed on the server: now it takes another change (level)");
    registry
        .ask(client.set_level(Some("orders-value"), Level::FullTransitive))
        .unwrap();
    run(&registry, &project, &["apply", "b.plan", "--yes"]).exits(0);
    project.write("c.plan", "{\"plan\":9}");
    run(&registry, &project, &["apply", "c.plan", "--yes"])
        .exits(2)
        .says("format 9");
}

#[test]
fn what_somebody_did_by_hand_is_drift() {
    let (project, registry) = shop();
    run(&registry, &project, &["apply", "--yes"]).exits(0);
    registry.run(&project, &["lock", "update"]).exits(0);
    run(&registry, &project, &["drift"]).exits(0);
    let client = registry.client();
    registry
        .ask(client.set_level(Some("orders-value"), Level::None))
        .unwrap();
    registry.register(
        "refunds-value",
        r#"{"type":"record","name":"Refund","namespace":"shop","fields":[{"name":"order_id","type":"string"}]}"#,
    );
    let drift = run(&registry, &project, &["drift", "--format", "json"]).exits(1);
    let found: Vec<(String, String, String)> = drift
        .stdout
        .lines()
        .map(|line| {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = |key: &str| object[key].as_str().unwrap().to_owned();
            (text("kind"), text("name"), text("drift"))
        })
        .collect();
    let wanted = [
        ("subject", "orders-value", "level"),
        ("subject", "refunds-value", "newer-version"),
        ("lock", "orders-value", "level-changed"),
        ("lock", "refunds-value", "version-added"),
    ];
    let wanted: Vec<_> = wanted
        .iter()
        .map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned()))
        .collect();
    assert_eq!(found, wanted);
    // Applying sets the level again; the version of somebody else stays, and stays drift.
    run(&registry, &project, &["apply", "--yes"])
        .exits(0)
        .says("was brought up to date");
    run(&registry, &project, &["drift"]).exits(1).says("1 difference");
}

#[test]
fn a_registry_that_takes_nothing_refuses_the_plan() {
    let (project, registry) = shop();
    let client = registry.client();
    registry.ask(client.set_mode(None, "READONLY", false)).unwrap();
    let plan = run(&registry, &project, &["plan"]).exits(1);
    assert!(
        plan.stdout
            .contains("! subject orders-value: the subject is READONLY"),
        "{}",
        plan.stdout
    );
    project
        .run(&["plan", "--only", "subjects", "--registry", "http://127.0.0.1:1"])
        .exits(3);
    project
        .run(&["plan", "--only", "subjects"])
        .exits(2)
        .says("--only topics");
}

#[test]
fn an_approved_break_gets_through_and_the_level_is_set_again() {
    let (project, registry) = shop();
    run(&registry, &project, &["apply", "--yes"]).exits(0);
    registry.run(&project, &["lock", "update"]).exits(0);
    project.change(
        "schemas/Refund.avsc",
        "{ \"name\": \"amount\", \"type\": \"long\" }",
        "{ \"name\": \"amount\", \"type\": \"int\" }",
    );
    let refused = project.run(&["check", "--locked", "--offline"]).exits(1);
    let table = &refused.stderr[refused.stderr.find("[[approvals]]").unwrap()..];
    let table: Vec<&str> = table
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let table = table
        .join("\n")
        .replace("\"...\"", "\"amounts are small\"")
        .replace("YYYY-MM-DD", "2999-12-31");
    let manifest = project.read("fleetops-registry.toml");
    project.write("fleetops-registry.toml", &format!("{manifest}\n{table}\n"));
    project
        .run(&["check", "--locked", "--offline"])
        .exits(0)
        .says("1 break approved");
    // The registry would refuse it, whatever the manifest says.
    let plan = run(&registry, &project, &["plan"]).exits(1);
    assert!(
        plan.stdout
            .contains("`config set NONE --subject refunds-value` lets it through"),
        "{}",
        plan.stdout
    );
    registry
        .run(
            &project,
            &["config", "set", "NONE", "--subject", "refunds-value", "--yes"],
        )
        .exits(0);
    let applied = run(&registry, &project, &["apply", "--yes"]).exits(0);
    assert!(
        applied.stdout.contains("registered refunds-value: version 2")
            && applied.stdout.contains("set refunds-value: BACKWARD"),
        "{}",
        applied.stdout
    );
    run(&registry, &project, &["drift"]).exits(0);
    // Without the approval it was not.
    project.write("fleetops-registry.toml", &manifest);
    run(&registry, &project, &["drift"]).exits(0);
}
