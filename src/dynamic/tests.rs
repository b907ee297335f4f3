//! The dynamic topic against generated code: the same JSON, bytes, keys and violations.

use std::sync::Arc;

use fleetops_avro::{Schema, Source};
use fleetops_runtime::codec::AvroRecord;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::events::{AnomalyEvent, OperatorActionEvent, OperatorAlertEvent, RawTelemetryEvent};
use crate::topics::{AnomaliesTopic, OperatorActionsTopic, OperatorAlertsTopic, RawTelemetryTopic};

const MANIFEST: &str = include_str!("../../fleetops-registry.toml");
const SCHEMAS: &[(&str, &str)] = &[
    (
        "AnomalyEvent.avsc",
        include_str!("../../schemas/AnomalyEvent.avsc"),
    ),
    (
        "OperatorActionEvent.avsc",
        include_str!("../../schemas/OperatorActionEvent.avsc"),
    ),
    (
        "OperatorAlertEvent.avsc",
        include_str!("../../schemas/OperatorAlertEvent.avsc"),
    ),
    (
        "RawTelemetryEvent.avsc",
        include_str!("../../schemas/RawTelemetryEvent.avsc"),
    ),
    ("Severity.avsc", include_str!("../../schemas/Severity.avsc")),
];

fn fleet(name: &str) -> DynamicTopic {
    let sources: Vec<Arc<Source>> = SCHEMAS.iter().map(|(n, t)| Source::new(*n, *t)).collect();
    let schemas = SchemaSet::parse(&sources).unwrap();
    let manifest = Manifest::parse(Source::new("m.toml", MANIFEST)).unwrap();
    DynamicTopic::new(&manifest, manifest.topic(name).unwrap(), &schemas).unwrap()
}

fn json(topic: &DynamicTopic, value: &Value) -> String {
    let mut out = Vec::new();
    assert!(topic.write_json(value, &mut out));
    String::from_utf8(out).unwrap()
}

/// Reads one text both ways and compares all that a topic does.
fn agree<T>(dynamic: &DynamicTopic, generated: &T, text: &str)
where
    T: Topic,
    T::Event: AvroRecord + Serialize + DeserializeOwned,
{
    let mut event: T::Event = serde_json::from_str(text).unwrap();
    let mut value = dynamic.from_json(text.as_bytes()).unwrap();
    assert_eq!(generated.spec(), dynamic.spec());
    assert_eq!(generated.schema(), dynamic.schema());
    let now = Utc::now();
    generated.stamp(&mut event, now);
    dynamic.stamp(&mut value, now);

    let (mut a, mut b) = (Vec::new(), Vec::new());
    generated.encode(&event, &mut a);
    dynamic.encode(&value, &mut b);
    assert_eq!(a, b, "{text}");

    let schema = Schema::parse(dynamic.schema()).unwrap();
    let plan = Plan::new(&schema, &schema).unwrap();
    // NaN is not equal to itself; by its text it is.
    assert_eq!(
        format!("{:?}", dynamic.decode(&plan, &b).unwrap()),
        format!("{value:?}")
    );
    let event = generated.decode(&plan, &a).unwrap();
    assert_eq!(serde_json::to_string(&event).unwrap(), json(dynamic, &value));

    let (mut a, mut b) = (String::new(), String::new());
    assert_eq!(generated.key(&event, &mut a), dynamic.key(&value, &mut b));
    assert_eq!(a, b);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    assert_eq!(
        generated.dedup_key(&event, &mut a),
        dynamic.dedup_key(&value, &mut b)
    );
    assert_eq!(a, b);
    let (mut a, mut b) = (Sequence::default(), Sequence::default());
    let placed = generated.sequence(&event, &mut a);
    assert_eq!(placed, dynamic.sequence(&value, &mut b));
    assert!(!placed || a == b, "{a:?}, {b:?}");
    assert_eq!(generated.validate(&event), dynamic.validate(&value));
}

/// Both refuse a text.
fn both_refuse<E: DeserializeOwned>(dynamic: &DynamicTopic, text: &str) -> JsonError {
    assert!(serde_json::from_str::<E>(text).is_err(), "generated takes {text}");
    dynamic.from_json(text.as_bytes()).expect_err(text)
}

const RAW: &str = include_str!("../../schemas/examples/RawTelemetryEvent.json");
const ANOMALY: &str = include_str!("../../schemas/examples/AnomalyEvent.json");
const ALERT: &str = include_str!("../../schemas/examples/OperatorAlertEvent.json");
const ACTION: &str = include_str!("../../schemas/examples/OperatorActionEvent.json");

#[test]
fn the_four_events_are_the_same_as_generated() {
    agree(&fleet("raw_telemetry"), &RawTelemetryTopic, RAW);
    agree(&fleet("anomalies"), &AnomaliesTopic, ANOMALY);
    agree(&fleet("operator_alerts"), &OperatorAlertsTopic, ALERT);
    agree(&fleet("operator_actions"), &OperatorActionsTopic, ACTION);
}

/// Every text of every example with one value replaced, left out, or repeated: both read it, to the same event and the same
/// violations, or both refuse it.
#[test]
fn changed_events_are_taken_or_refused_by_both() {
    fn changed<T>(dynamic: &DynamicTopic, generated: &T, text: &str) -> (usize, usize)
    where
        T: Topic,
        T::Event: AvroRecord + Serialize + DeserializeOwned,
    {
        let (mut taken, mut refused) = (0, 0);
        let root: serde_json::Value = serde_json::from_str(text).unwrap();
        let mut pointers = Vec::new();
        collect(&root, String::new(), &mut pointers);
        let values = [
            "null",
            "true",
            "-1",
            "0",
            "1.5",
            "1e400",
            "\"\"",
            "\"x\"",
            "[]",
            "{}",
            "3000000000",
            "\"1969-12-31T23:59:59.9999999Z\"",
            "\"2024-05-01T10:00:00+02:00\"",
            "\"6BA7B810-9DAD-11D1-80B4-00C04FD430C8\"",
            "\"NaN\"",
        ];
        let mut texts = vec![
            text.replacen('{', "{\"nobody\": 1,", 1),
            format!("{text} x"),
            "[]".to_owned(),
        ];
        for pointer in &pointers {
            for value in values {
                // Numbers beyond a double are no JSON values: put in as text.
                let mut tree = root.clone();
                *tree.pointer_mut(pointer).unwrap() = serde_json::json!("@@@");
                texts.push(tree.to_string().replace("\"@@@\"", value));
            }
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            let mut tree = root.clone();
            if let Some(object) = tree.pointer_mut(parent).unwrap().as_object_mut() {
                object.shift_remove(name);
                texts.push(tree.to_string());
            }
        }
        for text in texts {
            match (
                serde_json::from_str::<T::Event>(&text),
                dynamic.from_json(text.as_bytes()),
            ) {
                (Ok(_), Ok(_)) => {
                    taken += 1;
                    agree(dynamic, generated, &text);
                }
                (Err(_), Err(_)) => refused += 1,
                // The one difference that is documented: serde takes a record as an array too.
                (Ok(_), Err(error)) if text.contains("[]") => {
                    assert!(error.message.contains("object"), "{error}")
                }
                (generated, dynamic) => panic!("{text}\n{:?}\n{dynamic:?}", generated.err()),
            }
        }
        (taken, refused)
    }
    fn collect(value: &serde_json::Value, at: String, out: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(members) => {
                for (key, value) in members {
                    let at = format!("{at}/{key}");
                    out.push(at.clone());
                    collect(value, at, out);
                }
            }
            serde_json::Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    let at = format!("{at}/{index}");
                    out.push(at.clone());
                    collect(value, at, out);
                }
            }
            _ => {}
        }
    }
    for (taken, refused) in [
        changed(&fleet("raw_telemetry"), &RawTelemetryTopic, RAW),
        changed(&fleet("anomalies"), &AnomaliesTopic, ANOMALY),
        changed(&fleet("operator_alerts"), &OperatorAlertsTopic, ALERT),
        changed(&fleet("operator_actions"), &OperatorActionsTopic, ACTION),
    ] {
        assert!(taken > 20 && refused > 50, "{taken} {refused}");
    }
}

#[test]
fn refusals_name_field_and_column() {
    let topic = fleet("raw_telemetry");
    let wrong = RAW.replacen("\"frame_index\":", "\"frame_index\": \"x\", \"was\":", 1);
    let error = both_refuse::<RawTelemetryEvent>(&topic, &wrong);
    assert_eq!(error.field, "frame_index");
    assert!(error.column.is_some_and(|column| column > 1), "{error:?}");
    assert!(error.message.starts_with("invalid type: string \"x\""), "{error}");
    let misspelt = RAW.replacen("\"scene_id\"", "\"scene_ids\"", 1);
    let error = both_refuse::<RawTelemetryEvent>(&topic, &misspelt);
    assert!(
        error.message.contains("`scene_ids`") && error.message.contains("did you mean `scene_id`?"),
        "{error}"
    );
    both_refuse::<AnomalyEvent>(
        &fleet("anomalies"),
        &ANOMALY.replacen("\"severity\": \"", "\"severity\": \"UN", 1),
    );
    both_refuse::<OperatorAlertEvent>(&fleet("operator_alerts"), "{}");
    both_refuse::<OperatorActionEvent>(&fleet("operator_actions"), "{\"action_id\"");
}

#[test]
fn recorded_scenes_are_the_same_as_generated() {
    let Some(folder) = std::env::var_os("FLEETOPS_TEST_DATA") else {
        eprintln!("skipped: FLEETOPS_TEST_DATA is not set");
        return;
    };
    let folder = std::path::PathBuf::from(folder).join("data/motion");
    let dynamic = fleet("raw_telemetry");
    let mut events = 0;
    for scene in ["raw_telemetry_scene0.jsonl.gz", "raw_telemetry_scene1.jsonl.gz"] {
        let file = std::fs::File::open(folder.join(scene)).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(file), &mut text).unwrap();
        // Every 7th: all of them take minutes without optimisation.
        for line in text.lines().step_by(7) {
            agree(&dynamic, &RawTelemetryTopic, line);
            events += 1;
        }
    }
    assert!(events > 9_000, "{events}");
}

fn one(schema: &str) -> DynamicTopic {
    let schemas = SchemaSet::parse(&[Source::new("s.avsc", schema)]).unwrap();
    let text = "[topics.t]\nvalue = \"R\"\npartitions = 1\n";
    let manifest = Manifest::parse(Source::new("m.toml", text)).unwrap();
    DynamicTopic::new(&manifest, manifest.topic("t").unwrap(), &schemas).unwrap()
}

/// What the fleet has none of: every logical type, maps, unions, fixed, defaults, recursion.
#[test]
fn every_kind_of_type_goes_both_ways() {
    let topic = one(r#"{"type":"record","name":"R","fields":[
            {"name":"d","type":{"type":"int","logicalType":"date"}},
            {"name":"t","type":{"type":"int","logicalType":"time-millis"}},
            {"name":"tn","type":{"type":"long","logicalType":"timestamp-nanos"}},
            {"name":"l","type":{"type":"long","logicalType":"local-timestamp-millis"}},
            {"name":"m","type":{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}},
            {"name":"mf","type":{"type":"fixed","name":"F","size":4,"logicalType":"decimal","precision":6,"scale":2}},
            {"name":"b","type":"bytes"},
            {"name":"f","type":{"type":"fixed","name":"G","size":2}},
            {"name":"x","type":"float"},
            {"name":"map","type":{"type":"map","values":["null","long"]}},
            {"name":"u","type":["null","string",{"type":"record","name":"ns.P","fields":[{"name":"v","type":"int"}]}]},
            {"name":"next","type":["null","R"],"default":null},
            {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]},"default":"B"},
            {"name":"last","type":["int","null"],"default":7}
        ]}"#);
    let text = r#"{"d":"2024-02-29","t":"23:59:59.999","tn":"2024-01-01T00:00:00.000000001Z","l":"2024-01-01T00:00:00.500","m":"-12.34","mf":"0.10","b":"AQI=","f":"AAE=","x":"NaN","map":{"a":null,"b":-5},"u":{"ns.P":{"v":3}},"next":null,"e":"B","last":7}"#;
    let value = topic.from_json(text.as_bytes()).unwrap();
    assert_eq!(json(&topic, &value), text);
    let mut bytes = Vec::new();
    topic.encode(&value, &mut bytes);
    let schema = Schema::parse(topic.schema()).unwrap();
    let plan = Plan::new(&schema, &schema).unwrap();
    // NaN is not equal to itself: by its text.
    assert_eq!(json(&topic, &topic.decode(&plan, &bytes).unwrap()), text);
    // Defaults.
    let short = text.replace(r#","next":null,"e":"B","last":7"#, "");
    assert_eq!(json(&topic, &topic.from_json(short.as_bytes()).unwrap()), text);
    let refused = |from: &str, to: &str| {
        let text = text.replacen(from, to, 1);
        topic.from_json(text.as_bytes()).expect_err(&text).to_string()
    };
    assert!(refused("-12.34", "12345.67").contains("at most 6 digits"));
    assert!(refused("23:59:59.999", "23:59:60.5").contains("leap second"));
    assert!(refused("AAE=", "AAEC").contains("expected 2 bytes as base64, found 3"));
    assert!(refused(r#"{"ns.P":{"v":3}}"#, r#"{"P":{"v":3}}"#).contains("no branch of the union"));
    assert!(refused(r#"{"ns.P":{"v":3}}"#, r#"{"string":"a","string":"b"}"#).contains("one member"));
    assert!(refused("2024-01-01T00:00:00.000000001Z", "2300-01-01T00:00:00Z").contains("2262"));
}

#[test]
fn data_that_no_logical_value_has_is_refused_with_its_path() {
    let topic = one(
        r#"{"type":"record","name":"R","fields":[{"name":"in","type":{"type":"record","name":"I","fields":[
            {"name":"id","type":{"type":"string","logicalType":"uuid"}}]}}]}"#,
    );
    let schema = Schema::parse(topic.schema()).unwrap();
    let plan = Plan::new(&schema, &schema).unwrap();
    let error = topic.decode(&plan, &[2, b'x']).unwrap_err();
    assert_eq!(error.path(), Some("/in/id"));
    let trailing = topic.decode(&plan, &[2, b'x', 0]).unwrap_err().to_string();
    assert!(trailing.contains("expected the end of the data"), "{trailing}");
}
