//! `rules` and `explain`.

use serde_json::Value;

use crate::harness::Project;

#[test]
fn every_rule_of_the_list_has_a_page() {
    let project = Project::empty();
    let list = project.run(&["rules"]).exits(0).stdout;
    let json = project.run(&["rules", "--format", "json"]).exits(0).stdout;
    let mut count = 0;
    for line in json.lines() {
        let rule: Value = serde_json::from_str(line).unwrap();
        let id = rule["rule"].as_str().unwrap();
        assert!(list.contains(&format!("\n  {id} ")), "{id} is in the table");
        let summary = rule["summary"].as_str().unwrap();
        assert!(list.contains(summary), "{summary}");
        count += 1;
    }
    assert!(count > 90, "{count}");
    // A page for each would be a process for each: some of each group, and one of two groups.
    for id in [
        "invalid-json",
        "type-changed",
        "template-syntax",
        "approval-unused",
    ] {
        let page = project.run(&["explain", id]).exits(0).stdout;
        assert!(page.starts_with(&format!("{id}: ")), "{page}");
        assert!(
            page.contains(&format!("[{id}]: ")) && page.contains("-->"),
            "{page}"
        );
    }
    let page = project.run(&["explain", "unknown-type"]).exits(0).stdout;
    assert!(
        page.contains("of group parse") && page.contains("of group manifest"),
        "{page}"
    );
    let page = project
        .run(&["explain", "error[unknown-type]", "--format", "json"])
        .exits(0)
        .stdout;
    assert_eq!(page.lines().count(), 2, "{page}");
    for line in page.lines() {
        let rule: Value = serde_json::from_str(line).unwrap();
        assert!(
            rule["example"].as_str().unwrap().contains("unknown-type"),
            "{line}"
        );
    }
}

#[test]
fn one_group_is_listed_alone() {
    let run = Project::empty()
        .run(&["rules", "--group", "compatibility"])
        .exits(0);
    assert!(
        run.stdout.contains("name-changed") && !run.stdout.contains("topic-name"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_typo_is_told_with_the_nearest_rule() {
    let project = Project::empty();
    project
        .run(&["explain", "type-chanegd"])
        .exits(2)
        .says("there is no rule `type-chanegd`")
        .says("did you mean `type-changed`?");
    project
        .run(&["explain", "zzz"])
        .exits(2)
        .says("`fleetops-registry rules` lists them");
}
