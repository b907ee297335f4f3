//! Generates the types twice: as the schemas have them (`typed`: UUIDs and instants), and without logical types (`plain`:
//! text and numbers, which is what the peers' types have). The bytes of both are the same.

use std::path::{Path, PathBuf};
use std::{env, fs};

use fleetops_avro::diagnostic::render;
use fleetops_avro::{SchemaSet, Source};
use fleetops_codegen::{Gate, Options, generate, write};
use serde_json::Value;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo::rerun-if-changed=schemas");
    for name in ["telemetry", "telemetry_reader", "anomaly"] {
        let path = Path::new("schemas").join(name).with_extension("avsc");
        let text = fs::read_to_string(&path).expect("a schema");
        let mut value: Value = serde_json::from_str(&text).expect("JSON");
        make(name, &text, &out.join("typed").join(name));
        strip(&mut value);
        make(name, &value.to_string(), &out.join("plain").join(name));
    }
}

fn make(name: &str, text: &str, folder: &Path) {
    let schemas = SchemaSet::parse(&[Source::new(name, text)]).expect("a schema");
    let options = Options {
        kafka: Gate::Never,
        ..Options::default()
    };
    let output = generate(&schemas, None, &options).unwrap_or_else(|found| {
        let text: Vec<String> = found.iter().map(|d| render(d, false)).collect();
        panic!("{}", text.join("\n"))
    });
    write(&output, folder).expect("files");
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.remove("logicalType");
            object.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}
