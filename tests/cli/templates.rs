//! `templates list|export|check|schema`, and `generate --dump-context`.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::harness::Project;

fn rows(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn templates_are_listed_copied_and_not_overwritten() {
    let project = Project::new();
    let list = project.run(&["templates", "list", "--format", "json"]).exits(0);
    let all = rows(&list.stdout);
    assert!(
        all.iter()
            .any(|row| row["name"] == "record" && row["kind"] == "template")
    );
    assert!(
        all.iter()
            .any(|row| row["name"] == "record_items" && row["kind"] == "slot")
    );
    project.run(&["templates", "export", "--out", "mine"]).exits(0);
    let copies = fs::read_dir(project.path("mine")).unwrap().count();
    assert_eq!(copies, all.iter().filter(|row| row["kind"] == "template").count());
    let again = project.run(&["templates", "export", "--out", "mine", "enum"]);
    again.exits(2).says("is there already").says("--force");
    project
        .run(&["templates", "export", "--out", "mine", "--force", "enum"])
        .exits(0);
    project
        .run(&["templates", "export", "--out", "mine", "record_itmes"])
        .exits(2)
        .says("did you mean record_items?");
    let list = project
        .run(&["templates", "list", "--templates", "mine", "--format", "json"])
        .exits(0);
    let replaced = rows(&list.stdout)
        .iter()
        .filter(|row| row["override"].is_string())
        .count();
    assert_eq!(replaced, copies);
    project
        .run(&["templates", "check", "--templates", "mine"])
        .exits(0)
        .says("enum.hbs is the built-in one");
}

#[test]
fn a_template_that_yields_what_it_must_not_is_a_finding() {
    let project = Project::new();
    let slot = "{{!-- fleetops-codegen template: record_items, version 1 --}}\nfn f() { ::std::process::abort!() }\n";
    project.write("mine/record_items.hbs", slot);
    project
        .run(&["templates", "check", "--templates", "mine"])
        .exits(1)
        .says("error[template-item]: ")
        .says("a macro call");
    project.write("mine/record_items.hbs", &slot.replace("abort!()", "abort()"));
    project
        .run(&["templates", "check", "--templates", "mine"])
        .exits(0);
    project
        .run(&["templates", "check"])
        .exits(2)
        .says("say which templates");
}

#[test]
fn contexts_hold_what_the_schema_of_the_view_model_says() {
    let project = Project::new();
    let schema: Value = serde_json::from_str(&project.run(&["templates", "schema"]).exits(0).stdout).unwrap();
    let dump = project
        .run(&["generate", "--dump-context", "--crate", "events"])
        .exits(0);
    assert!(!project.path("events").exists(), "nothing is written");
    let rows = rows(&dump.stdout);
    let mut seen = BTreeSet::new();
    for row in &rows {
        let template = row["template"].as_str().unwrap();
        seen.insert(template.to_owned());
        let path = schema["properties"][template]["$ref"].as_str().unwrap();
        let described = schema.pointer(path.trim_start_matches('#')).unwrap();
        let given: BTreeSet<&String> = row["context"].as_object().unwrap().keys().collect();
        let documented: BTreeSet<&String> = described["properties"].as_object().unwrap().keys().collect();
        assert_eq!(given, documented, "{template}");
    }
    for template in [
        "builder",
        "cargo",
        "enum",
        "environments",
        "module",
        "readme",
        "record",
        "topic",
        "view",
    ] {
        assert!(seen.contains(template), "{template}");
    }
}
