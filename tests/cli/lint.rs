//! `lint` and `fmt`: levels, ignores, fixes, formats and exit codes.

use serde_json::Value;

use crate::harness::Project;

/// A project of one schema that has something of each severity to say.
fn project(manifest: &str) -> Project {
    let project = Project::empty();
    project.write("fleetops-registry.toml", manifest);
    project.write(
        "schemas/shop/Order.avsc",
        "{\n  \"type\": \"record\",\n  \"name\": \"Order\",\n  \"namespace\": \"shop\",\n  \"doc\": \"An order.\",\n  \"fields\": [\n    \
         { \"name\": \"note\", \"doc\": \"Free text.\", \"type\": [\"null\", \"string\"] }, // later more\n    \
         { \"name\": \"speed\", \"doc\": \"How fast.\", \"type\": \"double\" }\n  ]\n}\n",
    );
    project
}

#[test]
fn warnings_pass_unless_they_are_denied() {
    let project = project("");
    project
        .run(&["lint"])
        .exits(0)
        .says("warning[missing-unit]")
        .says("warning[nullable-without-default]")
        .says("schemas/shop/Order.avsc:8:15")
        .says("2 warnings in 1 file; 1 can be fixed with --fix");
    project.run(&["lint", "--deny-warnings"]).exits(1);
    project.run(&["lint", "-q"]).exits(0).does_not_say("missing-unit");
    project
        .run(&["--schemas", "schemas", "lint"])
        .exits(0)
        .says("warning[missing-unit]");
}

#[test]
fn levels_stand_in_the_manifest() {
    let levels = "[lint.rules]\nmissing-unit = \"error\"\nnullable-without-default = \"off\"\n";
    project(levels)
        .run(&["lint"])
        .exits(1)
        .says("error[missing-unit]")
        .does_not_say("nullable-without-default");
    project("[lint.rules]\nmising-unit = \"error\"\n")
        .run(&["lint"])
        .exits(2)
        .says("`mising-unit` is no rule of lint")
        .says("did you mean `missing-unit`?");
    project("[lint.rules]\nmissing-unit = \"fatal\"\n")
        .run(&["lint"])
        .exits(2)
        .says("one of: off, warn, error");
}

#[test]
fn ignores_need_a_reason_and_have_an_effect() {
    let by = |what: &str| {
        format!("[[lint.ignore]]\nrules = [\"missing-unit\"]\n{what}\nreason = \"of one kind only\"\n")
    };
    for what in [
        "name = \"shop.Order.speed\"",
        "name = \"shop.*\"",
        "path = \"schemas/shop/*\"",
        "path = \"schemas/*.avsc\"\nname = \"*speed\"",
    ] {
        project(&by(what))
            .run(&["lint"])
            .exits(0)
            .does_not_say("missing-unit")
            .says("nullable-without-default");
    }
    project(&by("name = \"shop.Order.note\""))
        .run(&["lint"])
        .exits(0)
        .says("warning[missing-unit]")
        .finding("lint-ignore-unused");
    project("[[lint.ignore]]\nrules = [\"missing-unit\"]\nname = \"x\"\n")
        .run(&["lint"])
        .exits(2)
        .says("`lint.ignore.reason` is missing");
    project("[[lint.ignore]]\nrules = [\"missing-unit\"]\nreason = \"x\"\n")
        .run(&["lint"])
        .exits(2)
        .says("`lint.ignore.name` is missing");
}

#[test]
fn fixes_keep_comments_and_are_done_once() {
    let project = project("[lint.rules]\nmissing-unit = \"off\"\n");
    project
        .run(&["lint", "--fix"])
        .exits(0)
        .says("nothing to say about 1 file; 1 fixed");
    let fixed = project.read("schemas/shop/Order.avsc");
    assert!(
        fixed.contains("\"type\": [\"null\", \"string\"], \"default\": null }, // later more\n"),
        "{fixed}"
    );
    project.run(&["lint", "--fix"]).exits(0).does_not_say("fixed");
    assert_eq!(project.read("schemas/shop/Order.avsc"), fixed);
    // What is ignored is not fixed.
    let ignored = "[[lint.ignore]]\nrules = [\"nullable-without-default\"]\nname = \"*\"\nreason = \"x\"\n";
    let project = self::project(ignored);
    let before = project.read("schemas/shop/Order.avsc");
    project.run(&["lint", "--fix"]).exits(0);
    assert_eq!(project.read("schemas/shop/Order.avsc"), before);
}

#[test]
fn warnings_of_the_manifest_are_told_with_the_others() {
    let topic = "[topics.orders]\nvalue = \"shop.Order\"\npartitions = 1\ndedup = { key = [\"note\"] }\n";
    project(topic)
        .run(&["lint"])
        .exits(0)
        .says("warning[dedup-create-time]");
    project(&format!(
        "{topic}[lint.rules]\ndedup-create-time = \"off\"\noptional-dedup = \"error\"\n"
    ))
    .run(&["lint"])
    .exits(1)
    .says("error[optional-dedup]")
    .does_not_say("dedup-create-time");
}

#[test]
fn the_fleets_schemas_are_clean() {
    let project = Project::fleet();
    project
        .run(&["lint", "--deny-warnings"])
        .exits(0)
        .says("nothing to say about 5 files");
    project.run(&["fmt", "--check"]).exits(0).says("5 files laid out");
}

#[test]
fn files_are_laid_out_or_told() {
    let project = project("");
    project.run(&["fmt", "--check"]).exits(0);
    project.change(
        "schemas/shop/Order.avsc",
        "{ \"name\": \"speed\", ",
        "{\"name\":\"speed\",",
    );
    let before = project.read("schemas/shop/Order.avsc");
    project
        .run(&["fmt", "--check"])
        .exits(1)
        .finding("unformatted")
        .says("1 of 1 file would change");
    assert_eq!(project.read("schemas/shop/Order.avsc"), before);
    let run = project.run(&["fmt"]).exits(0);
    assert_eq!(run.stdout, "schemas/shop/Order.avsc\n");
    let after = project.read("schemas/shop/Order.avsc");
    assert!(
        after.contains("{ \"name\": \"speed\", ") && after.contains("// later more"),
        "{after}"
    );
    project.run(&["fmt", "--check"]).exits(0);
    let run = project.run_with(&["fmt", "-"], "[\"null\" ,\"int\"]").exits(0);
    assert_eq!(run.stdout, "[\"null\", \"int\"]\n");
    project
        .run_with(&["fmt", "-"], "[\"null\" \"int\"]")
        .exits(2)
        .says("<stdin>:1:9");
    project
        .run(&["fmt", "--check", "schemas/nowhere.avsc"])
        .exits(2)
        .says("no such file");
}

#[test]
fn machine_formats_are_whole_documents_with_the_same_exit_code() {
    let project = project("[lint.rules]\nmissing-unit = \"error\"\n");
    let clean = ["--schemas", "clean", "lint"];
    project.write("clean/E.avsc", "\"int\"\n");
    for format in ["json", "github", "junit", "sarif"] {
        let run = project.run(&["lint", "--format", format]).exits(1);
        assert!(
            run.stdout.contains("missing-unit") && !run.stderr.contains("missing-unit"),
            "{}",
            run.stdout
        );
        let mut arguments = clean.to_vec();
        arguments.extend(["--format", format]);
        let none = project.run(&arguments).exits(0).stdout;
        match format {
            "sarif" => {
                let log: Value = serde_json::from_str(&none).unwrap();
                assert_eq!(log["runs"][0]["results"], serde_json::json!([]));
            }
            "junit" => assert!(
                none.contains("<testcase classname=\"fleetops-registry\" name=\"no findings\"/>"),
                "{none}"
            ),
            _ => assert_eq!(none, ""),
        }
    }
}

#[test]
fn sarif_has_rules_places_and_levels() {
    let project = project("[lint.rules]\nmissing-unit = \"error\"\n");
    let out = project.run(&["lint", "--format", "sarif"]).exits(1).stdout;
    let log: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let index = result["ruleIndex"].as_u64().unwrap();
        assert_eq!(rules[index as usize]["id"], result["ruleId"]);
        assert!(
            rules[index as usize]["fullDescription"]["text"]
                .as_str()
                .unwrap()
                .len()
                > 60
        );
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "schemas/shop/Order.avsc");
        assert!(place["region"]["startLine"].as_u64().unwrap() > 1);
    }
    let unit = run["results"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["ruleId"] == "missing-unit")
        .unwrap();
    assert_eq!(unit["level"], "error");
    assert_eq!(
        unit["locations"][0]["physicalLocation"]["region"]["startColumn"],
        15
    );
}

#[test]
fn junit_counts_failures_and_escapes() {
    let project = project("[lint.rules]\nmissing-unit = \"error\"\n");
    project.change(
        "schemas/shop/Order.avsc",
        "\"How fast.\"",
        "\"a < b & \\\"c\\\"\"",
    );
    let out = project.run(&["lint", "--format", "junit"]).exits(1).stdout;
    assert!(
        out.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"),
        "{out}"
    );
    assert!(out.contains("tests=\"2\" failures=\"1\" errors=\"0\""), "{out}");
    assert_eq!(out.matches("<failure type=\"missing-unit\"").count(), 1, "{out}");
    assert_eq!(out.matches("<system-out>").count(), 1, "{out}");
    assert!(out.contains("a &lt; b &amp; "), "{out}");
}

#[test]
fn what_cannot_be_read_is_told_in_the_format_too() {
    let project = project("");
    project.write("schemas/shop/Bad.avsc", "{");
    for format in ["json", "github", "junit", "sarif"] {
        let run = project.run(&["lint", "--format", format]).exits(2);
        assert!(run.stdout.contains("invalid-json"), "{format}: {}", run.stdout);
        let run = project.run(&["fmt", "--check", "--format", format]).exits(2);
        assert!(run.stdout.contains("invalid-json"), "{format}: {}", run.stdout);
    }
}

#[test]
fn completions_and_manual_pages_are_written() {
    let project = Project::empty();
    for (shell, sign) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef fleetops-registry"),
        ("fish", "complete -c fleetops-registry"),
    ] {
        let out = project.run(&["completions", shell]).exits(0).stdout;
        assert!(
            out.contains(sign) && out.contains("deny-warnings"),
            "{shell}: {}",
            &out[..200]
        );
    }
    project
        .run(&["completions", "dash"])
        .exits(2)
        .says("possible values");
    let page = project.run(&["man"]).exits(0).stdout;
    assert!(
        page.contains(".TH fleetops-registry 1") && page.contains("Exit codes"),
        "{page}"
    );
    project.run(&["man", "--out", "man1"]).exits(0);
    for page in [
        "fleetops-registry",
        "fleetops-registry-lint",
        "fleetops-registry-topics-plan",
    ] {
        let text = project.read(&format!("man1/{page}.1"));
        assert!(text.contains(&format!(".TH {page} 1")), "{text}");
    }
}
