//! The schemas and sets to be generated, and what is read of them: all that Java accepts of a folder of data.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use fleetops_avro::schema::{Kind, TypeId};
use fleetops_avro::value::Value;
use fleetops_avro::{Schema, SchemaSet, Source};
use fleetops_codegen::manifest::Manifest;
use fleetops_registry::dynamic::DynamicTopic;
use serde_json::Value as Json;

use crate::random;

/// Some files that are one set.
pub(crate) struct Case {
    /// Its module.
    pub(crate) name: String,
    /// Where it comes from.
    pub(crate) id: String,
    pub(crate) set: SchemaSet,
    /// The full names of its records, and those of what is no record at the top of a file, or the name of that file.
    pub(crate) types: Vec<(String, TypeId)>,
}

impl Case {
    fn new(name: String, id: &str, files: &[(&str, &str)]) -> Self {
        let sources: Vec<_> = files.iter().map(|(id, text)| Source::new(*id, *text)).collect();
        let set = match SchemaSet::parse(&sources) {
            Ok(set) => set,
            Err(error) => panic!("{id}: Java takes it, and we do not: {error}"),
        };
        let is_record = |id| matches!(set.node(id).kind, Kind::Record(_));
        let mut types: Vec<_> = set
            .named()
            .filter(|(_, id)| is_record(*id))
            .map(|(name, id)| (name.to_string(), id))
            .collect();
        for (source, id) in set.files() {
            let node = set.node(id);
            let is_empty = matches!(&node.kind, Kind::Enum(e) if e.symbols.is_empty());
            if is_record(id) || is_empty || node.place.source.name() != source.name() {
                continue;
            }
            let file = source.name().rsplit('/').next().unwrap().to_owned();
            types.push((node.name().map_or(file, ToString::to_string), id));
        }
        Self {
            name,
            id: id.to_owned(),
            set,
            types,
        }
    }
}

fn rows(data: &Path, file: &str) -> Vec<Json> {
    let packed = fs::File::open(data.join("data/avsc").join(file)).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_string(&mut text)
        .unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn text<'a>(row: &'a Json, key: &str) -> &'a str {
    row[key].as_str().unwrap()
}

/// All schemas and sets that Java accepts.
pub(crate) fn cases(data: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for (index, row) in rows(data, "dev_schemas.jsonl.gz").iter().enumerate() {
        if row["verdict"] == "ok" {
            let id = text(row, "id");
            cases.push(Case::new(format!("s{index:04}"), id, &[(id, text(row, "text"))]));
        }
    }
    for (index, row) in rows(data, "dev_sets.jsonl.gz").iter().enumerate() {
        if row["java_ok"] == true {
            let files = row["files"].as_array().unwrap();
            let files: Vec<_> = files.iter().map(|f| (text(f, "id"), text(f, "text"))).collect();
            cases.push(Case::new(format!("set{index:02}"), files[0].0, &files));
        }
    }
    let tricky = data.join("bench/tricky");
    let mut paths: Vec<PathBuf> = fs::read_dir(tricky).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "avsc"));
    paths.sort();
    for (index, path) in paths.iter().enumerate() {
        let id = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(path).unwrap();
        cases.push(Case::new(format!("tricky{index:02}"), id, &[(id, &text)]));
    }
    cases
}

/// A value to be read: the record, its bytes, and its human JSON as the run-time codec writes it.
pub(crate) struct Sample {
    pub(crate) key: String,
    pub(crate) schema: String,
    pub(crate) hex: String,
    pub(crate) json: String,
}

/// The topic that writes values of a type as the generated one does. Topics carry records, so it is in the only field of one.
fn topic(case: &Case, schema: &Schema) -> DynamicTopic {
    let around = format!(
        r#"{{"type":"record","name":"around_the_value","fields":[{{"name":"v","type":{}}}]}}"#,
        schema.text()
    );
    let set = SchemaSet::parse(&[Source::new("around", around)]).unwrap();
    let manifest = "[topics.t]\nvalue = \"around_the_value\"\npartitions = 1\n";
    let manifest = Manifest::parse(Source::new("manifest", manifest)).unwrap();
    match DynamicTopic::new(&manifest, &manifest.topics[0], &set) {
        Ok(topic) => topic,
        Err(found) => panic!("{}: {found:?}", case.id),
    }
}

/// Random values of every type that has one.
pub(crate) fn samples(case: &Case, seed: u64, count: usize, out: &mut Vec<Sample>) {
    for (name, id) in &case.types {
        let schema = case.set.schema(*id);
        let depths = random::Depths::of(&schema);
        if !depths.has_value(schema.root()) {
            continue;
        }
        // Of a record of no namespace that one with a namespace inside it refers to, Avro has no text by itself.
        if Schema::parse(schema.text().as_str()).is_err() {
            continue;
        }
        let topic = topic(case, &schema);
        let mut random = random::Random::new(seed ^ schema.fingerprint());
        for _ in 0..count {
            let value = random::value(&schema, &depths, schema.root(), 0, &mut random);
            let (mut bytes, mut json) = (Vec::new(), Vec::new());
            value.encode(&schema, &mut bytes).unwrap();
            let around = Value::Record(vec![value]);
            assert!(topic.write_json(&around, &mut json), "{name}: {around:?}");
            let json = String::from_utf8(json).unwrap();
            let json = json
                .strip_prefix("{\"v\":")
                .and_then(|json| json.strip_suffix('}'));
            out.push(Sample {
                key: format!("{} {name}", case.name),
                schema: schema.text(),
                hex: bytes.iter().map(|b| format!("{b:02x}")).collect(),
                json: json.unwrap().to_owned(),
            });
        }
    }
}
