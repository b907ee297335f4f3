//! `check` against git: the default base, named revisions, and what is missing.

use crate::harness::{Project, Run};

/// Commit IDs are of the day.
fn commitless(run: Run, project: &Project, revision: &str) -> Run {
    let id = project.git(&["rev-parse", revision]);
    Run {
        stderr: run.stderr.replace(&id[..10], "[commit]"),
        ..run
    }
}

fn break_order(project: &Project) {
    project.change(
        "schemas/Order.avsc",
        "    { \"name\": \"amount\", \"type\": \"long\" },\n",
        "",
    );
}

#[test]
fn the_merge_base_with_the_default_branch_is_the_base() {
    let project = Project::new();
    project.commit_all();
    project.git(&["checkout", "-q", "-b", "feature"]);
    break_order(&project);
    project.git(&["commit", "-q", "-a", "-m", "break it"]);
    let run = project.run(&["check"]).exits(1);
    commitless(run, &project, "main").expect("git-merge-base");
    // main goes on, and so does not matter.
    project.git(&["checkout", "-q", "main"]);
    project.remove("schemas/Refund.avsc");
    project.git(&["commit", "-q", "-a", "-m", "main goes on"]);
    project.git(&["checkout", "-q", "feature"]);
    let run = project.run(&["check"]).exits(1);
    commitless(run, &project, "main~1").expect("git-merge-base");
}

#[test]
fn uncommitted_changes_count_and_a_base_that_is_checked_out_is_told() {
    let project = Project::new();
    project.commit_all();
    let run = project.run(&["check"]).exits(0);
    commitless(run, &project, "HEAD").expect("git-checked-out");
    break_order(&project);
    project
        .run(&["check"])
        .exits(1)
        .says("`amount` is no longer here");
    // From a folder below, the manifest is found above.
    let run = project
        .command(&["check"])
        .current_dir(project.path("schemas/common"))
        .output()
        .unwrap();
    assert_eq!(
        run.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );
}

#[test]
fn a_named_revision_is_the_base_itself() {
    let project = Project::new();
    project.commit_all();
    project.git(&["tag", "v1"]);
    break_order(&project);
    project.git(&["commit", "-q", "-a", "-m", "break it"]);
    project.run(&["check"]).exits(0);
    project
        .run(&["check", "--against", "git:v1"])
        .exits(1)
        .says("v1 (");
    project.run(&["check", "--against", "git:HEAD~1"]).exits(1);
    project.run(&["check", "--against", "git:HEAD"]).exits(0);
    let error = project.run(&["check", "--against", "git:nope"]).exits(3);
    error
        .says("there is no revision nope")
        .says("git fetch origin nope");
    project
        .run(&["check", "--against", "git:--output=x"])
        .exits(3)
        .says("there is no revision --output=x");
    assert!(!project.path("x").exists());
}

#[test]
fn the_old_manifest_says_where_the_old_schemas_were() {
    let project = Project::new();
    project.remove("released");
    project.commit_all();
    project.git(&["checkout", "-q", "-b", "feature"]);
    project.git(&["mv", "schemas", "avro"]);
    project.change(
        "fleetops-registry.toml",
        "roots = [\"schemas\"]",
        "roots = [\"avro\"]",
    );
    project.git(&["commit", "-q", "-a", "-m", "moved"]);
    project.run(&["check"]).exits(0).says("2 subjects compatible");
    project.change("avro/Order.avsc", "\"Order\"", "\"Purchase\"");
    project
        .run(&["check"])
        .exits(1)
        .says("avro/Order.avsc:3:11")
        .says("[name-changed]");
}

#[test]
fn without_git_it_is_told_what_to_do() {
    let project = Project::new();
    project
        .run(&["check"])
        .exits(3)
        .says("is in no git repository")
        .says("--against PATH");
    project.git(&["init", "-q", "-b", "main"]);
    project.run(&["check"]).exits(3).says("there is no revision HEAD");
    let mut command = project.command(&["check"]);
    let out = command.env("PATH", project.path("empty")).output().unwrap();
    let stderr = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(3), "{stderr}");
    assert!(
        stderr.contains("cannot run git") && stderr.contains("install git"),
        "{stderr}"
    );
    project.git(&["add", "-A"]);
    project.git(&["commit", "-q", "-m", "one"]);
    project.git(&["branch", "-q", "-m", "trunk"]);
    project
        .run(&["check"])
        .exits(3)
        .says("no default branch")
        .says("--against git:REF");
    project.run(&["check", "--against", "git:trunk"]).exits(0);
}

#[test]
fn a_shallow_clone_never_passes_silently() {
    let origin = Project::new();
    origin.commit_all();
    origin.git(&["checkout", "-q", "-b", "feature"]);
    break_order(&origin);
    origin.git(&["commit", "-q", "-a", "-m", "break it"]);
    origin.git(&["commit", "-q", "--allow-empty", "-m", "more"]);
    origin.git(&["checkout", "-q", "main"]);
    let clone = Project::empty();
    let url = format!("file://{}", origin.path("").display());
    clone.git(&["clone", "-q", "--depth", "1", "--branch", "feature", &url, "."]);
    let run = clone.run(&["check"]).exits(3).expect("git-shallow");
    let start = run.stderr.find("git fetch --unshallow").unwrap();
    let command = &run.stderr[start..run.stderr.find(" (for actions/checkout").unwrap()];
    let mended = std::process::Command::new("sh")
        .args(["-c", command])
        .current_dir(clone.path(""))
        .output()
        .unwrap();
    assert!(
        mended.status.success(),
        "{}",
        String::from_utf8_lossy(&mended.stderr)
    );
    clone.run(&["check"]).exits(1).says("`amount` is no longer here");
}

#[test]
fn the_repository_itself_can_be_the_root() {
    let project = Project::new();
    project.remove("released");
    project.change(
        "fleetops-registry.toml",
        "roots = [\"schemas\"]",
        "roots = [\".\"]",
    );
    project.commit_all();
    project.change("schemas/Order.avsc", "\"Order\"", "\"Purchase\"");
    project.change("fleetops-registry.toml", "shop.Order", "shop.Purchase");
    // The old manifest is gone, so that the file has to tell.
    project.git(&["rm", "-q", "--cached", "fleetops-registry.toml"]);
    project.git(&["commit", "-q", "-m", "no manifest"]);
    project
        .run(&["check"])
        .exits(1)
        .says("[name-changed]")
        .says("./schemas/Order.avsc:3:11");
}
