//! `docs`: written once, then compared.

use crate::harness::Project;

#[test]
fn the_document_is_written_and_compared() {
    let project = Project::new();
    project.run(&["docs", "--check"]).exits(1).expect("docs-missing");
    project
        .run(&["docs"])
        .exits(0)
        .says("wrote docs/kafka_schemas.md");
    project
        .run(&["docs"])
        .exits(0)
        .says("docs/kafka_schemas.md is up to date");
    project.run(&["docs", "--check"]).exits(0);
    project.change("fleetops-registry.toml", "Orders as they come in", "Orders");
    project.run(&["docs", "--check"]).exits(1).expect("docs-stale");
    let shown = project.run(&["docs", "--out", "-"]).exits(0).stdout;
    project.run(&["docs"]).exits(0);
    assert_eq!(project.read("docs/kafka_schemas.md"), shown);
}

#[test]
fn an_example_that_does_not_fit_is_told() {
    let project = Project::new();
    project.write(
        "schemas/examples/Refund.json",
        "{ \"order_id\": \"1\", \"amount\": \"2\", \"channel\": \"WEB\" }",
    );
    project.run(&["docs"]).exits(2).expect("docs-example");
    project.write(
        "schemas/examples/Refund.json",
        "{ \"order_id\": \"1\", \"amount\": 2, \"channel\": \"WEB\" }",
    );
    project.run(&["docs"]).exits(0);
    assert!(
        project
            .read("docs/kafka_schemas.md")
            .contains("{ \"order_id\": \"1\", \"amount\": 2,")
    );
}

#[test]
fn the_committed_document_is_up_to_date() {
    let root = env!("CARGO_MANIFEST_DIR");
    let manifest = format!("{root}/fleetops-registry.toml");
    Project::empty()
        .run(&["--manifest", &manifest, "docs", "--check"])
        .exits(0);
}
