//! Generates from a folder of schemas: `generate SCHEMAS OUT [MANIFEST]`.
use std::path::{Path, PathBuf};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let manifest = args.get(3).map(
        |p| match fleetops_codegen::manifest::Manifest::load(Path::new(p)) {
            Ok(m) => m,
            Err(e) => fail(e),
        },
    );
    let set = match fleetops_codegen::load::load_schemas(&[PathBuf::from(&args[1])]) {
        Ok(s) => s,
        Err(e) => fail(e),
    };
    let mut o = fleetops_codegen::Options::default();
    o.kafka = fleetops_codegen::KafkaGate::Always;
    let out = match fleetops_codegen::generate(&set, manifest.as_ref(), &o) {
        Ok(s) => s,
        Err(e) => fail(e),
    };
    for w in &out.warnings {
        eprintln!("{}", fleetops_avro::diagnostic::render(w, false));
    }
    fleetops_codegen::write(&out, Path::new(&args[2])).unwrap();
}
fn fail(d: Vec<fleetops_avro::Diagnostic>) -> ! {
    for d in d {
        eprintln!("{}", fleetops_avro::diagnostic::render(&d, false));
    }
    std::process::exit(1)
}
