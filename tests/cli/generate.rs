//! `generate`: files and packages, written once, then compared. That the code builds is tested elsewhere.

use crate::harness::Project;

#[test]
fn modules_are_written_once_and_compared() {
    let project = Project::new();
    project
        .run(&["generate", "--out", "gen", "--check"])
        .exits(1)
        .says("gen/mod.rs is missing");
    let run = project.run(&["generate", "--out", "gen"]).exits(0);
    assert!(run.stdout.contains("wrote gen/mod.rs\n"), "{}", run.stdout);
    let text = project.read("gen/mod.rs");
    let all: String = run
        .stdout
        .lines()
        .map(|l| project.read(l.strip_prefix("wrote ").unwrap()))
        .collect();
    for name in [
        "pub struct Order",
        "pub struct OrdersTopic",
        "OrdersProducer",
        "RefundsConsumer",
    ] {
        assert!(all.contains(name), "{name} in:\n{all}");
    }
    let run = project
        .run(&["generate", "--out", "gen"])
        .exits(0)
        .says("0 written, 0 removed");
    assert_eq!(run.stdout, "");
    project
        .run(&["generate", "--out", "gen", "--check"])
        .exits(0)
        .says("up to date");
    project.write("gen/mod.rs", &format!("{text}// changed\n"));
    let run = project
        .run(&["generate", "--out", "gen", "--check", "--format", "json"])
        .exits(1);
    assert!(
        run.stdout.contains("\"rule\":\"stale-output\"") && run.stdout.contains("gen/mod.rs"),
        "{}",
        run.stdout
    );
    project
        .run(&["generate", "--out", "gen"])
        .exits(0)
        .says("1 written");
    assert_eq!(project.read("gen/mod.rs"), text);
}

#[test]
fn producers_can_be_left_out_and_a_manifest_is_not_needed() {
    let project = Project::new();
    project
        .run(&["--schemas", "schemas", "generate", "--out", "a"])
        .exits(0);
    project.run(&["generate", "--out", "b", "--no-kafka"]).exits(0);
    for folder in ["a", "b"] {
        let mut all = String::new();
        collect(&project.path(folder), &mut all);
        assert!(
            all.contains("pub struct Order") && !all.contains("OrdersProducer"),
            "{all}"
        );
    }
}

fn collect(folder: &std::path::Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, all);
        } else {
            all.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn a_package_names_its_runtime() {
    let project = Project::new();
    project.write("copy/runtime/Cargo.toml", "");
    project
        .run(&["generate", "--crate", "shop-events", "--runtime", "copy/runtime"])
        .exits(0);
    let cargo = project.read("shop-events/Cargo.toml");
    assert!(cargo.contains("name = \"shop-events\""), "{cargo}");
    assert!(cargo.contains("path = \"../copy/runtime\""), "{cargo}");
    assert!(project.read("shop-events/src/lib.rs").contains("mod"));
    let check = [
        "generate",
        "--crate",
        "shop-events",
        "--runtime",
        "copy/runtime",
        "--check",
    ];
    project.run(&check).exits(0);
    project
        .run(&["generate", "--crate", "x", "--name", "other"])
        .exits(0);
    let cargo = project.read("x/Cargo.toml");
    assert!(
        cargo.contains("name = \"other\"") && cargo.contains("version = "),
        "{cargo}"
    );
}

#[test]
fn wrong_uses_are_told() {
    let project = Project::new();
    project
        .run(&["generate"])
        .exits(2)
        .says("--out <DIR>")
        .says("--crate <DIR>");
    project.run(&["generate", "--out", "a", "--crate", "b"]).exits(2);
    project
        .run(&["generate", "--crate", "b", "--runtime", "nowhere"])
        .exits(2)
        .says("nowhere is no copy of the runtime");
    project
        .run(&["generate", "--crate", "b", "--name", "2"])
        .exits(2)
        .says("cannot be a package's name");
    project
        .run(&["generate", "--out", "a", "--runtime", "x"])
        .exits(2);
    project.write("file", "");
    project
        .run(&["generate", "--out", "file"])
        .exits(3)
        .says("cannot write file");
    project.change("schemas/Order.avsc", "\"long\"", "\"lung\"");
    project
        .run(&["generate", "--out", "a"])
        .exits(2)
        .says("schemas/Order.avsc:8:");
    assert!(!project.path("a").exists(), "nothing is written");
}
