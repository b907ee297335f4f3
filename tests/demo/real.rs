//! Two real driving scenes, where they are to be had.

use std::path::Path;

use super::{file, told};

#[allow(clippy::print_stderr)]
fn skipped() {
    eprintln!("skipped: FLEETOPS_TEST_DATA is not set");
}

fn scene(name: &str, events: u64, vehicles: u64) {
    let Ok(folder) = std::env::var("FLEETOPS_TEST_DATA") else {
        skipped();
        return;
    };
    let path = Path::new(&folder).join("data/motion").join(name);
    let object = file(&path, "none");
    assert_eq!(told(&object), [("sent", events), ("handled", events)]);
    assert_eq!(object["vehicles"].as_u64(), Some(vehicles));
}

#[test]
fn scene_0_is_handled_once_each_in_frame_order() {
    scene("raw_telemetry_scene0.jsonl.gz", 21_050, 1_654);
}

#[test]
fn scene_1_is_handled_once_each_in_frame_order() {
    scene("raw_telemetry_scene1.jsonl.gz", 68_729, 5_922);
}
