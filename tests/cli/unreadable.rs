//! What cannot be read: one clear message with file, line and column, and exit code 2.

use crate::harness::Project;

const AGAINST: [&str; 3] = ["check", "--against", "released"];

#[test]
fn a_misspelt_manifest_key_is_told_with_the_nearest() {
    let project = Project::new();
    project.change("fleetops-registry.toml", "partitions = 3", "partitons  = 3");
    let run = project.run(&AGAINST).exits(2).expect("misspelt-key");
    assert_eq!(
        run.stderr.matches("error").count(),
        1,
        "one error: {}",
        run.stderr
    );
    project.run(&["docs"]).exits(2).expect("misspelt-key");
}

#[test]
fn a_missing_schema_folder_is_told_where_it_is_named() {
    let project = Project::new();
    project.remove("schemas");
    project.run(&AGAINST).exits(2).expect("missing-folder");
    project
        .run(&["--schemas", "nowhere", "check", "--against", "released"])
        .exits(2)
        .expect("missing-folder-argument");
    std::fs::create_dir(project.path("schemas")).unwrap();
    project.run(&AGAINST).exits(2).expect("empty-folder");
}

#[test]
fn broken_json_is_told_at_its_place() {
    let project = Project::new();
    project.change(
        "schemas/Order.avsc",
        "\"type\": \"long\" },",
        "\"type\": \"long\" ",
    );
    project.run(&AGAINST).exits(2).expect("broken-json");
}

#[test]
fn an_unknown_type_is_told_at_its_place() {
    let project = Project::new();
    project.change("schemas/Order.avsc", "\"Channel\"", "\"Chanel\"");
    project.run(&AGAINST).exits(2).expect("unknown-type");
    let project = Project::new();
    project.change("fleetops-registry.toml", "shop.Order", "shop.Ordre");
    project.run(&AGAINST).exits(2).expect("unknown-value-type");
}

#[test]
fn several_faults_are_told_in_one_run() {
    let project = Project::new();
    project.change(
        "schemas/Order.avsc",
        "\"amount\", \"type\": \"long\"",
        "\"amount\", \"type\": \"lung\"",
    );
    project.write("schemas/Refund.avsc", "{ \"type\": \"record\" ");
    let run = project.run(&AGAINST).exits(2);
    run.says("schemas/Order.avsc:8:").says("schemas/Refund.avsc:1:");
}

#[test]
fn there_is_no_manifest() {
    let project = Project::new();
    project.remove("fleetops-registry.toml");
    project.run(&AGAINST).exits(2).expect("no-manifest");
    project
        .run(&["--manifest", "other.toml", "docs"])
        .exits(2)
        .says("other.toml cannot be read");
    project
        .run(&["--schemas", "schemas", "docs"])
        .exits(2)
        .says("add --manifest FILE");
}

#[test]
fn a_manifest_with_a_password_does_not_give_it_away() {
    let project = Project::new();
    project.change(
        "fleetops-registry.toml",
        "localhost:9092\"",
        "b:9092\"\nkafka = { \"sasl.password\" = \"MARKER\" }",
    );
    for format in ["text", "json", "github"] {
        let run = project
            .run(&["check", "--against", "released", "--format", format, "-vv"])
            .exits(2);
        assert!(
            !run.stdout.contains("MARKER") && !run.stderr.contains("MARKER"),
            "{run:?}"
        );
        assert!(
            format!("{}{}", run.stdout, run.stderr).contains("secret-in-manifest"),
            "{run:?}"
        );
    }
}

#[test]
fn the_base_is_held_to_the_same() {
    let project = Project::new();
    project.write("released/schemas/Order.avsc", "{");
    project
        .run(&AGAINST)
        .exits(2)
        .says("released/schemas/Order.avsc:1:");
    project
        .run(&["check", "--against", "nowhere"])
        .exits(2)
        .says("nowhere")
        .says("<arguments>:1:11");
}
