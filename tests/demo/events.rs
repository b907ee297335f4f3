//! Recordings from files, sent as they stand or with faults.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{demo, file, texts, told};

/// Frame `frame` of track `track`; `salt` makes another event of the same frame.
fn event(track: u32, frame: u32, salt: u32) -> Value {
    json!({
        "event_id": format!("00000000-0000-4000-8000-{:04x}{frame:04x}{salt:04x}", track),
        "vehicle_id": format!("scene_t_track_{track}"),
        "scene_id": "scene_t",
        "track_id": track,
        "event_time": "2024-01-15T10:23:45.123Z",
        "processing_time": "2024-01-15T10:23:45.125Z",
        "frame_index": frame,
        "telemetry": {
            "position": {"x": 1.5, "y": -2.0, "z": 0.0},
            "velocity": {"x": 3.0, "y": 4.0, "z": 0.0, "magnitude": 5.0},
            "acceleration": null,
            "yaw": 1.23,
            "yaw_rate": null,
            "label_probability": 0.95,
            "track_length": 1 + frame
        },
        "metadata": {"replay_session_id": "session_t", "replay_rate": 10.0}
    })
}

fn write(events: &[Value]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    fs::write(&path, lines).unwrap();
    (folder, path)
}

/// The frames of one track in that order.
fn frames(track: u32, order: &[u32]) -> Vec<Value> {
    order.iter().map(|frame| event(track, *frame, 0)).collect()
}

#[test]
fn a_clean_recording_is_handled_once_each() {
    let events: Vec<Value> = (0..40)
        .flat_map(|frame| (1..=5).map(move |track| event(track, frame, 0)))
        .collect();
    let (_folder, path) = write(&events);
    assert_eq!(told(&file(&path, "none")), [("sent", 200), ("handled", 200)]);

    assert!(Command::new("gzip").arg(&path).status().unwrap().success());
    let packed = path.with_extension("jsonl.gz");
    assert_eq!(told(&file(&packed, "none")), [("sent", 200), ("handled", 200)]);
    let faulty = file(&packed, "default");
    assert!(faulty["producer_duplicates"].as_u64().unwrap() > 0, "{faulty}");
}

#[test]
fn tracks_of_one_frame_far_into_a_scene_come_out() {
    let events: Vec<Value> = (1..=30).map(|track| event(track, 1000 + track, 0)).collect();
    let (_folder, path) = write(&events);
    assert_eq!(told(&file(&path, "none")), [("sent", 30), ("handled", 30)]);
}

#[test]
fn what_is_wrong_in_a_recording_is_counted_as_the_rules_say() {
    let mut events = frames(1, &[0, 1, 3, 2, 4, 6, 7, 5, 8, 9]); // two moved, three handled after a later offset
    events.extend(frames(2, &[0, 1, 2, 4, 5, 6, 7])); // one missing
    events.extend(frames(3, &[0, 1, 2, 4, 5, 6, 7, 3, 8])); // one late
    events.extend(frames(
        4,
        &(0..20).filter(|f| *f != 5).chain([5]).collect::<Vec<_>>(),
    )); // one too old
    events.extend(frames(5, &[0, 1, 2, 2, 3, 4])); // one sent twice
    events.extend([event(6, 0, 0), event(6, 1, 0), event(6, 1, 1), event(6, 2, 0)]); // two for one frame
    events.extend(frames(7, &[0, 1, 2, 5000, 3, 4])); // a corrupt index
    let (_folder, path) = write(&events);
    assert_eq!(
        told(&file(&path, "none")),
        [
            ("sent", events.len() as u64),
            ("producer_duplicates", 1),
            ("conflicts", 1),
            ("late", 1),
            ("too_old", 1),
            ("jumps", 1),
            ("gaps", 3),
            ("reordered", 3),
            ("dead_lettered", 4),
            ("handled", events.len() as u64 - 5),
        ]
    );
    let refused = demo(&["--input", path.to_str().unwrap(), "--faults", "default"]);
    let (out, err) = texts(&refused);
    assert_eq!((refused.status.code(), out.as_str()), (Some(2), ""));
    assert!(
        err.contains("frame 3 of scene_t_track_1") && err.contains("--faults none"),
        "{err}"
    );
}

#[test]
fn a_wrong_line_is_told_with_file_line_and_field() {
    let (_folder, path) = write(&frames(1, &[0, 1, 2]));
    let name = path.to_str().unwrap();
    for (from, to, told) in [
        (
            "\"yaw\":1.23",
            "\"yaw\":\"north\"",
            "field telemetry.yaw: invalid",
        ),
        ("\"scene_id\"", "\"scene\"", "scene"),
        ("scene_t_track_1", "car 1", "vehicle_id"),
        (
            "\"label_probability\":0.95",
            "\"label_probability\":1.5",
            "label_probability",
        ),
        ("}\n", "\n", "column"),
    ] {
        let good = fs::read_to_string(&path).unwrap();
        let second = good.find('\n').unwrap() + 1;
        let broken = format!("{}{}", &good[..second], good[second..].replacen(from, to, 1));
        assert_ne!(broken, good, "{from}");
        fs::write(&path, broken).unwrap();
        let output = demo(&["--input", name]);
        let (out, err) = texts(&output);
        assert_eq!((output.status.code(), out.as_str()), (Some(2), ""), "{err}");
        assert!(
            err.contains(&format!("{name}:2: ")) && err.contains(told),
            "{told}: {err}"
        );
        fs::write(&path, good).unwrap();
    }
    let missing = demo(&["--input", "no/such/file.jsonl"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(texts(&missing).1.contains("no/such/file.jsonl"));
}
