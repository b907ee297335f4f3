//! `[[approvals]]`: one break, for one transition, until a day.

use crate::harness::Project;

const AGAINST: [&str; 3] = ["check", "--against", "released"];

/// The shop without a field that had no default.
fn broken() -> Project {
    let project = Project::new();
    project.change(
        "schemas/Order.avsc",
        "    { \"name\": \"amount\", \"type\": \"long\" },\n",
        "",
    );
    project
}

/// The table that the check offers, filled in.
fn offered(project: &Project, expires: &str) -> String {
    let told = project.run(&AGAINST).exits(1).stderr;
    let (_, table) = told.split_once("for this transition alone:\n\n").expect(&told);
    assert_eq!(table.matches("[[approvals]]").count(), 1, "{told}");
    table
        .replace("\"...\"", "\"nobody reads it\"")
        .replace("YYYY-MM-DD", expires)
}

fn approve(project: &Project, table: &str) {
    let manifest = project.read("fleetops-registry.toml");
    project.write("fleetops-registry.toml", &format!("{manifest}\n{table}"));
}

#[test]
fn what_is_offered_lets_the_break_pass_and_nothing_else() {
    let project = broken();
    let table = offered(&project, "9999-12-31");
    approve(&project, &table);
    project
        .run(&AGAINST)
        .exits(0)
        .says("1 break approved")
        .does_not_say("[approval-unused]");
    // Another break of the same schemas is not approved with it.
    project.change(
        "schemas/Order.avsc",
        "\"id\", \"type\": \"string\"",
        "\"id\", \"type\": \"int\"",
    );
    project
        .run(&AGAINST)
        .exits(1)
        .says("[type-changed]")
        .says("[field-removed-without-default]")
        .says("[approval-unused]");
}

#[test]
fn the_path_and_the_rule_count() {
    for (from, to) in [("/fields/2", "/fields/1"), ("removed-without", "added-without")] {
        let project = broken();
        let table = offered(&project, "9999-12-31");
        assert!(table.contains(from), "{table}");
        approve(&project, &table.replace(from, to));
        project
            .run(&AGAINST)
            .exits(1)
            .says("[field-removed-without-default]")
            .says("[approval-unused]");
    }
}

#[test]
fn an_approval_ends_with_its_day() {
    let project = broken();
    let table = offered(&project, "2020-02-29");
    approve(&project, &table);
    project.run(&AGAINST).exits(1).expect("approval-expired-finding");
    // The break is gone, the approval is not.
    let fine = Project::new();
    approve(&fine, &table);
    fine.run(&AGAINST).exits(0).expect("approval-expired");
    // A day is a day in either form, and nothing else is one.
    let project = broken();
    approve(&project, &table.replace("\"2020-02-29\"", "9999-12-31"));
    project.run(&AGAINST).exits(0);
    project.change("fleetops-registry.toml", "9999-12-31", "\"2027-02-30\"");
    project.run(&AGAINST).exits(2).says("must be a day, YYYY-MM-DD");
}

#[test]
fn an_approval_that_nothing_asks_for_is_told() {
    let project = broken();
    let table = offered(&project, "9999-12-31");
    let fine = Project::new();
    approve(&fine, &table);
    fine.run(&AGAINST).exits(0).expect("approval-unused");
}

#[test]
fn without_a_manifest_nothing_is_offered() {
    let project = broken();
    project
        .run(&[
            "--schemas",
            "schemas",
            "check",
            "--mode",
            "full",
            "--against",
            "released/schemas",
        ])
        .exits(1)
        .does_not_say("[[approvals]]");
}
