//! Packages of generated code: many schemas in one, each in a module of its own, and a program that reads values.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use fleetops_codegen::{Options, Package, package, write};

use crate::cases::Case;

/// The Rust path of every type by its full name, or its file, from the table in the README of a generated package.
fn paths(readme: &str) -> BTreeMap<String, String> {
    readme
        .lines()
        .filter_map(|line| {
            let (name, path) = line.strip_prefix("| `")?.split_once("` | `")?;
            Some((name.to_owned(), path.strip_suffix("` |")?.to_owned()))
        })
        .collect()
}

/// Writes a package for some schemas. What cannot be generated is told and left out.
pub(crate) fn write_package(
    folder: &Path,
    package_name: &str,
    cases: &[Case],
    failed: &mut Vec<String>,
) -> usize {
    let mut size = 0;
    let mut lib = "//! Generated types of many schemas.\n#![deny(warnings, missing_docs)]\n#![allow(clippy::module_inception)]\n\n".to_owned();
    let mut arms = String::new();
    for case in cases {
        let made = package(&case.set, None, &Options::default(), &Package::default());
        let mut output = match made {
            Ok(output) => output,
            Err(found) => {
                let told: Vec<_> = found
                    .iter()
                    .map(|d| format!("{} [{}]", d.message, d.rule))
                    .collect();
                failed.push(format!("{} ({}): {}", case.name, case.id, told.join("; ")));
                continue;
            }
        };
        let paths = paths(&output.files["README.md"]);
        let code = output
            .files
            .into_iter()
            .filter_map(|(name, text)| match name.strip_prefix("src/") {
                Some("lib.rs") => Some(("mod.rs".to_owned(), text)),
                name => Some((name?.to_owned(), text)),
            });
        output.files = code.collect();
        size += output.files.values().map(String::len).sum::<usize>();
        write(&output, &folder.join("src").join(&case.name)).unwrap();
        writeln!(lib, "pub mod {};", case.name).unwrap();
        for (name, _) in &case.types {
            let path = &paths[name];
            let (module, key) = (&case.name, name);
            writeln!(
                arms,
                "        \"{module} {key}\" => check::<{package_name}::{module}::{path}>(bytes),"
            )
            .unwrap();
        }
    }
    fs::write(folder.join("src/lib.rs"), lib).unwrap();
    fs::write(folder.join("src/main.rs"), MAIN.replace("/* ARMS */", &arms)).unwrap();
    let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("runtime");
    fs::write(
        folder.join("Cargo.toml"),
        format!(
            "[package]\nname = \"{package_name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[features]\ndefault = [\"serde\"]\nserde = []\n\n[dependencies]\nfleetops-runtime = {{ path = {runtime:?}, default-features = false }}\n"
        ),
    )
    .unwrap();
    size
}

/// The program: a line is a type's name, a tab and the bytes in hex; the answer is the human JSON, or what is wrong.
const MAIN: &str = r#"//! Reads values of generated types, and writes them again.
use std::fmt::Debug;
use std::io::BufRead as _;

use fleetops_runtime::codec::AvroRecord;
use fleetops_runtime::serde::{Serialize, de::DeserializeOwned};
use fleetops_runtime::serde_json;

#[allow(dead_code)] // of packages that have no record
fn check<T: AvroRecord + Serialize + DeserializeOwned + PartialEq + Debug + Clone>(bytes: &[u8]) -> Result<String, String> {
    let value = T::from_avro(bytes).map_err(|e| format!("not read: {e}"))?;
    let again = value.to_avro();
    if again != bytes {
        return Err(format!("written as {again:02x?}"));
    }
    // Random values keep to no rules; that they are held against them is enough.
    let _ = value.validate();
    let json = serde_json::to_string(&value).map_err(|e| format!("no JSON: {e}"))?;
    let read: T = serde_json::from_str(&json).map_err(|e| format!("JSON not read: {e}: {json}"))?;
    if read != value {
        return Err(format!("read from JSON as {read:?}"));
    }
    for end in 0..bytes.len().min(300) {
        if T::from_avro(&bytes[..end]).is_ok() {
            return Err(format!("read from {end} of {} bytes", bytes.len()));
        }
    }
    Ok(json)
}

#[allow(unused_variables)]
fn of(name: &str, bytes: &[u8]) -> Result<String, String> {
    match name {
/* ARMS */
        _ => Err("no such record".to_owned()),
    }
}

fn main() {
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let (name, hex) = line.split_once('\t').unwrap();
        let bytes: Vec<u8> = (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
        match of(name, &bytes) {
            Ok(json) => println!("ok\t{json}"),
            Err(why) => println!("bad\t{}", why.replace('\n', " ")),
        }
    }
}
"#;
