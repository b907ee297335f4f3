//! A generated package, and a service outside the workspace that is built against it and run.
#![allow(clippy::unwrap_used)] // a test may

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fleetops_codegen::manifest::Manifest;
use fleetops_codegen::{Options, Package, RuntimeSource, load, package, write};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}

/// Where this test was built: there the libraries are that the service needs too.
fn target_folder() -> PathBuf {
    let mut folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    folder.pop();
    folder
}

#[test]
fn a_service_builds_against_the_generated_package_and_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = Manifest::load(&root.join("fleetops-registry.toml")).unwrap();
    let schemas = load::load_roots(&manifest.schema_roots()).unwrap();
    let settings = Package {
        runtime: RuntimeSource::Path(root.join("runtime")),
        ..Package::default()
    };
    let output = package(&schemas, Some(&manifest), &Options::default(), &settings).unwrap();

    let folder = tempfile::tempdir().unwrap();
    let (service, bare) = (folder.path().join("service"), folder.path().join("bare"));
    write(&output, &folder.path().join("events")).unwrap();
    let program = root.join("tests/downstream");
    for (from, to) in [(&program, &service), (&program.join("bare"), &bare)] {
        for file in ["Cargo.toml", "src/main.rs"] {
            copy(&from.join(file), &to.join(file));
        }
        // The versions of the workspace, and so nothing to download.
        copy(&root.join("Cargo.lock"), &to.join("Cargo.lock"));
        if root.join("rust-toolchain.toml").exists() {
            copy(&root.join("rust-toolchain.toml"), &to.join("rust-toolchain.toml"));
        }
    }

    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let run = |arguments: &[&str], folder: &Path| {
        let result = Command::new(&cargo)
            .args(arguments)
            .args(["--offline", "--target-dir"])
            .arg(target_folder())
            .current_dir(folder)
            .env("RUSTFLAGS", std::env::var_os("RUSTFLAGS").unwrap_or_default())
            .output()
            .unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&result.stdout),
            String::from_utf8_lossy(&result.stderr),
        );
        assert!(result.status.success(), "cargo {arguments:?}:\n{out}\n{err}");
        assert!(!err.contains("\nwarning:"), "cargo {arguments:?}:\n{err}");
        out.into_owned()
    };
    let out = run(&["run"], &service);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 3, "{out}");
    assert!(lines[0].starts_with("bytes "), "{out}");
    assert_eq!(
        lines[1],
        "refused frame_index: must be at least 0, found -1 (minimum)"
    );
    let fingerprint = fleetops_registry::events::RawTelemetryEvent::FINGERPRINT;
    assert_eq!(lines[2], format!("fingerprint {fingerprint:016x}"));
    // Types and codec alone: no Kafka, no C code, no serde; then serde without Kafka.
    let out = run(&["run"], &bare);
    assert!(out.starts_with("bytes "), "{out}");
    let serde = ["check", "--no-default-features", "--features", "serde"];
    run(&serde, &folder.path().join("events"));
}
