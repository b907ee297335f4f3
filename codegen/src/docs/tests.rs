//! The document as a whole.

use fleetops_avro::source::Source;

use super::*;
use crate::load;

fn schemas(text: &str) -> SchemaSet {
    SchemaSet::parse(&[Source::new("t.avsc", text)]).unwrap()
}

fn manifest(text: &str) -> Manifest {
    Manifest::parse(Source::new("m.toml", text)).unwrap()
}

const MINIMAL: &str = "[topics.t]\nvalue = \"T\"\npartitions = 1\n";

fn document(avsc: &str, examples: &Examples) -> Result<String, Vec<Diagnostic>> {
    markdown(&schemas(avsc), &manifest(MINIMAL), examples)
}

/// The text between the first fences.
fn example(markdown: &str) -> serde_json::Value {
    let start = markdown.find("```json\n").unwrap() + 8;
    let end = markdown[start..].find("\n```").unwrap() + start;
    serde_json::from_str(&markdown[start..end]).unwrap()
}

#[test]
fn the_fleets_document_has_every_topic_field_and_rule() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../");
    let manifest = Manifest::load(format!("{root}fleetops-registry.toml").as_ref()).unwrap();
    let schemas = load::load_roots(&manifest.schema_roots()).unwrap();
    let examples = load::examples(&schemas).unwrap();
    assert_eq!(examples.len(), 4);
    let text = markdown(&schemas, &manifest, &examples).unwrap();
    assert_eq!(text, markdown(&schemas, &manifest, &examples).unwrap());
    for wanted in [
        "| [`raw_telemetry`](#raw_telemetry) | 6 | `vehicle_id` | `RawTelemetryEvent` | `raw_telemetry-value` | Raw telemetry from dataset replay |",
        "| `telemetry.velocity.magnitude` | double | m/s |  | ≥ 0 |",
        "| `telemetry.label_probability` | double |  | yes | ≥ 0; ≤ 1 |",
        "| `evidence.frame_indices` | array of int |  | at least 1 item |",
        "one of `INFO`, `WARNING`, `CRITICAL`; unknown ones read as `CRITICAL`",
        "records with the same `vehicle_id` and `event_id` within 60 s are the same event",
        "records of the same `vehicle_id` and `metadata.replay_session_id` are handled in the order of `frame_index`",
        "more than 2 ahead of what is missing, or 300 ms have passed",
        "- Dead letters: `raw_telemetry.dlq`",
        "- Consumer groups: `anomaly-service-group`.",
        "`retention.ms=604800000` (7 days)",
        "compatibility `FULL_TRANSITIVE`",
        "| `session.timeout.ms` | `30000` |",
        "(track_[0-9]+\\|ego)$`",
    ] {
        assert!(text.contains(wanted), "{wanted}\n\n{text}");
    }
    for line in text.lines() {
        assert_eq!(line, line.trim_end(), "no blanks at line ends");
    }
    assert!(!text.contains(root), "no path of this machine");
}

#[test]
fn made_up_examples_fit_their_schema_and_keep_its_rules() {
    let avsc = r#"{"type":"record","name":"T","fields":[
        {"name":"flag","type":"boolean"},
        {"name":"n","type":"int","minimum":50,"maximum":60},
        {"name":"m","type":"long","exclusiveMaximum":0,"multipleOf":7},
        {"name":"x","type":"double","exclusiveMinimum":0,"maximum":0.5},
        {"name":"f","type":"float","minimum":10},
        {"name":"s","type":"string","minLength":12},
        {"name":"p","type":"string","pattern":"^[A-Z]{2}-\\d+$"},
        {"name":"id","type":{"type":"string","logicalType":"uuid"}},
        {"name":"t","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"lt","type":{"type":"long","logicalType":"local-timestamp-millis"}},
        {"name":"d","type":{"type":"int","logicalType":"date"}},
        {"name":"tm","type":{"type":"int","logicalType":"time-millis"}},
        {"name":"c","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
        {"name":"b","type":"bytes"},
        {"name":"h","type":{"type":"fixed","name":"H","size":16}},
        {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},
        {"name":"o","type":["null","string"]},
        {"name":"u","type":["null","int",{"type":"record","name":"R","fields":[{"name":"q","type":"E"}]}]},
        {"name":"a","type":{"type":"array","items":"R"},"minItems":2},
        {"name":"mp","type":{"type":"map","values":{"type":"array","items":"double"}}},
        {"name":"next","type":["null","T"]},
        {"name":"all","type":{"type":"array","items":"T"}}
    ]}"#;
    let text = document(avsc, &Examples::new()).unwrap();
    let made = example(&text);
    let set = schemas(avsc);
    let source = Source::new("made", made.to_string());
    let value = fleetops_avro::json::parse(source.text()).unwrap();
    assert_eq!(
        conform::check(&set, set.get("T").unwrap().root(), &value, &source),
        []
    );
    assert_eq!(made["n"], 50);
    assert_eq!(made["m"], -7);
    assert_eq!(made["x"], 0.25);
    assert_eq!(made["f"], 11.0);
    assert_eq!(made["s"].as_str().unwrap().len(), 12);
    assert_eq!(made["p"], "AA-1");
    assert_eq!(made["u"], serde_json::json!({ "int": 42 }));
    assert_eq!(made["a"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&made["next"], &made["all"]),
        (&serde_json::Value::Null, &serde_json::json!([]))
    );
    assert!(
        text.contains("| `a[].q` | enum `E` |  | one of `A`, `B` |"),
        "{text}"
    );
    assert!(
        text.contains("| `mp` | map of string to array of double |"),
        "{text}"
    );
}

#[test]
fn an_example_that_does_not_fit_is_told_at_its_place() {
    let avsc = r#"{"type":"record","name":"T","fields":[
        {"name":"n","type":"int"},{"name":"when","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"e","type":{"type":"enum","name":"E","symbols":["OPEN"]}},{"name":"o","type":["null","int"]},
        {"name":"u","type":["int","string"]},{"name":"id","type":{"type":"string","logicalType":"uuid"}}]}"#;
    let told = |json: &str| -> Vec<String> {
        let examples = Examples::from([("T".to_owned(), Source::new("T.json", json))]);
        let found = document(avsc, &examples).expect_err("must be refused");
        found
            .iter()
            .map(|d| format!("{} {}: {}", d.rule, d.primary.place, d.primary.text))
            .collect()
    };
    let good = r#"{"n": 1, "when": "2024-01-15T10:23:45.123Z", "e": "OPEN", "u": {"string": ""}, "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7"}"#;
    let examples = Examples::from([("T".to_owned(), Source::new("T.json", good))]);
    assert!(document(avsc, &examples).unwrap().contains(good));
    let bad = r#"{"m": 1, "when": "2024-01-15", "e": "OPN", "o": "1", "u": 1, "id": "7"}"#;
    assert_eq!(
        told(bad),
        [
            "example-misfit T.json:1:2: T has no such field",
            "example-misfit T.json:1:18: must be a time in RFC 3339, YYYY-MM-DDTHH:MM:SSZ",
            "example-misfit T.json:1:37: no symbol of E",
            "example-misfit T.json:1:49: must be a whole number of 32 bits",
            "example-misfit T.json:1:59: must be an object with the branch's name",
            "example-misfit T.json:1:68: must be a UUID",
            "example-misfit T.json:1:1: `n` is missing",
        ]
    );
    assert_eq!(told("{").len(), 1);
}

#[test]
fn the_examples_attribute_comes_first() {
    let avsc = r#"{"type":"record","name":"T","examples":[{"n": 7}],"fields":[{"name":"n","type":"int"}]}"#;
    let examples = Examples::from([("T".to_owned(), Source::new("T.json", "{\"n\": 8}"))]);
    assert_eq!(example(&document(avsc, &examples).unwrap())["n"], 7);
    let avsc = avsc.replace("7", "\"x\"");
    assert_eq!(document(&avsc, &examples).unwrap_err()[0].rule, "example-misfit");
}

#[test]
fn what_a_schema_says_cannot_become_structure() {
    let avsc = r#"{"type":"record","name":"T","doc":"x\n\n# Heading\n<img>|","fields":[
        {"name":"n","type":"string","doc":"a|b\n| c","unit":"|","pattern":"a|`b","default":"```\n"}]}"#;
    let text = document(avsc, &Examples::new()).unwrap();
    assert!(!text.contains("\n# Heading") && !text.contains("<img>"), "{text}");
    let row = text.lines().find(|l| l.starts_with("| `n`")).unwrap();
    let cells = row.replace("\\|", "").matches('|').count();
    assert_eq!(
        cells,
        text.lines()
            .find(|l| l.starts_with("| Field"))
            .unwrap()
            .matches('|')
            .count(),
        "{row}"
    );
}

#[test]
fn a_record_inside_itself_is_named_once() {
    let avsc = r#"{"type":"record","name":"T","fields":[{"name":"v","type":"int"},{"name":"l","type":["null","T"]},
        {"name":"m","type":{"type":"map","values":"T"}}]}"#;
    let text = document(avsc, &Examples::new()).unwrap();
    let fields: Vec<&str> = text.lines().filter(|l| l.starts_with("| `")).take(3).collect();
    assert_eq!(fields.len(), 3);
    assert!(fields[1].starts_with("| `l` | record `T` | yes |"), "{fields:?}");
    let endless = r#"{"type":"record","name":"T","fields":[{"name":"t","type":"T"}]}"#;
    let text = document(endless, &Examples::new()).unwrap();
    assert!(!text.contains("```json"), "no finite value, no example");
}

/// Forty records, each with two fields of the next: a short text, 2^40 paths.
#[test]
fn a_short_schema_cannot_make_an_endless_document() {
    let mut inner = "\"int\"".to_owned();
    for n in 0..40 {
        inner = format!(
            r#"{{"type":"record","name":"R{n}","fields":[{{"name":"a","type":{inner}}},{{"name":"b","type":{}}}]}}"#,
            if n == 0 {
                "\"int\"".to_owned()
            } else {
                format!("\"R{}\"", n - 1)
            }
        );
    }
    let avsc = inner.replace("\"R39\"", "\"T\"");
    let text = document(&avsc, &Examples::new()).unwrap();
    assert!(text.contains("and more: 5000 are shown"));
    assert!(!text.contains("```json"));
    assert!(text.len() < 2_000_000, "{}", text.len());
}

/// Real schemas: an example is made up for each, fits, and the table has a row for every field.
#[test]
fn real_schemas_get_examples_that_fit() {
    let Some(data) = std::env::var_os("FLEETOPS_TEST_DATA") else {
        println!("skipped: FLEETOPS_TEST_DATA is not set");
        return;
    };
    let file =
        std::fs::File::open(std::path::Path::new(&data).join("data/avsc/dev_schemas.jsonl.gz")).unwrap();
    let mut rows = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut rows).unwrap();
    let (mut made, mut records) = (0, 0);
    for row in rows.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let path = row["path"].as_str().unwrap();
        let source = Source::new(path, row["text"].as_str().unwrap());
        let Ok(set) = SchemaSet::parse(&[source]) else {
            continue;
        };
        let Some((_, root)) = set.files().next() else {
            continue;
        };
        let fleetops_avro::schema::Kind::Record(record) = &set.node(root).kind else {
            continue;
        };
        records += 1;
        assert!(fields::rows(&set, root).len() >= record.fields.len(), "{path}");
        let Some(example) = example::of(&set, root) else {
            continue;
        };
        made += 1;
        let text = Source::new(path, example.to_string());
        let value = fleetops_avro::json::parse(text.text()).unwrap();
        let misfit = conform::check(&set, root, &value, &text);
        assert!(misfit.is_empty(), "{path}\n{example}\n{misfit:?}");
    }
    assert!(records > 0 && made * 100 > records * 95, "{made} of {records}");
}
