//! What a registry calls the same: normal forms, equality and look-up.
//!
//! `cases/normal.jsonl` has a schema a line, with what Java makes of it by the steps of Confluent's
//! `AvroSchemaUtils.toNormalizedString`: `normal`, that text; `registered`, `Schema.toString` of that text parsed again;
//! `text`, `Schema.toString` of the schema itself. Java writes the keys of a logical type twice in `normal`; the
//! second one does not change what it is parsed to, and is not written here.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod common;

use std::collections::BTreeSet;

use common::{none, ours, rows};
use fleetops_avro::compat::check;
use fleetops_avro::normal::{
    Lookup, identity_text, identity_text_referring, normalize, normalize_referring, same,
};
use fleetops_avro::schema::{Kind, Name};
use fleetops_avro::{ParseMode, Schema, SchemaSet, Source};
use serde_json::Value;

fn parse(text: &str) -> Schema {
    Schema::parse(text).unwrap_or_else(|e| panic!("{text}\n{e}"))
}

#[test]
fn normal_forms_as_java_makes_them() {
    let mut bad = Vec::new();
    let text = include_str!("cases/normal.jsonl");
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let schema = parse(row["schema"].as_str().unwrap());
        let found = [
            normalize(&schema),
            Lookup::normalized(&schema).unwrap().text().to_owned(),
            identity_text(&schema),
        ];
        let java = ["normal", "registered", "text"].map(|key| row[key].as_str().unwrap().to_owned());
        if found != java {
            bad.push(format!("{}\n  Java {java:?}\n  we   {found:?}", row["schema"]));
        }
    }
    assert!(text.lines().count() > 30);
    none(&bad);
}

/// The schemas that this crate's other cases are about, and where there is outside data, the real ones.
fn many() -> Vec<Schema> {
    let odd = include_str!("cases/parse.jsonl").lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        row["schema"].as_str().unwrap().to_owned()
    });
    let own = include_str!("cases/normal.jsonl").lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        row["schema"].as_str().unwrap().to_owned()
    });
    let real = rows("data/avsc/dev_schemas.jsonl.gz").unwrap_or_default();
    let real = real.iter().map(|row| row["text"].as_str().unwrap().to_owned());
    odd.chain(own)
        .chain(real)
        .filter_map(|text| Schema::parse(&text).ok())
        .collect()
}

/// A type without a namespace inside one that has one: its normal form is read as one of that namespace.
fn moves(schema: &Schema) -> bool {
    let mut names = schema.set().named().map(|(name, _)| name.namespace.is_some());
    let first = names.next();
    names.any(|other| Some(other) != first)
}

#[test]
fn the_normal_form_is_its_own_normal_form_and_changes_no_meaning() {
    let (mut compared, mut bad) = (0, Vec::new());
    for schema in many() {
        let text = normalize(&schema);
        let source = Source::new("<normal form>", text.clone());
        let Ok(normal) = Schema::parse_with(source, ParseMode::Lenient) else {
            // Two types may have become one.
            assert!(moves(&schema), "{text}");
            continue;
        };
        if !moves(&schema) {
            compared += 1;
            if normalize(&normal) != text {
                bad.push(format!(
                    "not its own normal form:\n{text}\n{}",
                    normalize(&normal)
                ));
            }
            if normal.canonical_form() != schema.canonical_form() {
                bad.push(format!("another canonical form: {text}"));
            }
            // A field's alias may be another field's name: such a schema cannot even read its own data.
            let own = ours(&check(&schema, &schema));
            if ours(&check(&normal, &schema)) != own || ours(&check(&schema, &normal)) != own {
                bad.push(format!("another verdict: {text}"));
            }
        }
    }
    assert!(compared > 500, "{compared}");
    none(&bad);
}

#[test]
fn normalising_changes_no_verdict() {
    let mut bad = Vec::new();
    let pairs = include_str!("cases/compat.jsonl").lines().map(|line| {
        let row: Value = serde_json::from_str(line).unwrap();
        (row["reader"].to_string(), row["writer"].to_string())
    });
    let real = rows("data/avsc/dev_evolutions.jsonl.gz").unwrap_or_default();
    let real = real.iter().map(|row| {
        (
            row["old"].as_str().unwrap().to_owned(),
            row["new"].as_str().unwrap().to_owned(),
        )
    });
    let mut compared = 0;
    for (reader, writer) in pairs.chain(real) {
        let (Ok(r), Ok(w)) = (Schema::parse(&reader), Schema::parse(&writer)) else {
            continue;
        };
        if moves(&r) || moves(&w) {
            continue;
        }
        compared += 1;
        let (s, x) = (parse(&normalize(&r)), parse(&normalize(&w)));
        for (before, after) in [(check(&r, &w), check(&s, &x)), (check(&w, &r), check(&x, &s))] {
            if ours(&before) != ours(&after) {
                bad.push(format!(
                    "{reader}\n{writer}\n  {:?}\n  {:?}",
                    ours(&before),
                    ours(&after)
                ));
            }
        }
    }
    assert!(compared >= 500, "{compared}");
    none(&bad);
}

#[test]
fn sameness_is_an_equivalence() {
    let mut all = many();
    all.extend(
        all.clone()
            .iter()
            .filter_map(|s| Schema::parse(&s.text()).ok())
            .take(200),
    );
    // In classes of one canonical form each: others are never the same.
    all.sort_by_cached_key(Schema::canonical_form);
    let mut classes = 0;
    for class in all.chunk_by(|a, b| a.canonical_form() == b.canonical_form()) {
        let class = &class[..class.len().min(15)];
        classes += 1;
        for a in class {
            assert!(same(a, a));
            for b in class {
                let equal = same(a, b);
                assert_eq!(equal, same(b, a));
                // Two texts are equal without this where a type is defined twice, with two docs.
                if equal || a.text() == b.text() {
                    assert_eq!(Lookup::new(a).find(std::slice::from_ref(b)), Some(0));
                }
                if equal && normalize(a) != normalize(b) {
                    // What one can be taken for is normalised to the same: but numbers keep how they were written.
                    assert_eq!(sorted(&normalize(a)), sorted(&normalize(b)));
                }
                for c in class.iter().take(10).filter(|_| equal) {
                    assert_eq!(same(b, c), same(a, c));
                }
            }
        }
    }
    // The committed cases alone have 207.
    assert!(classes > 200, "{classes}");
}

fn sorted(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

const BASE: &str = r#"{"type":"record","name":"a.R","doc":"d","aliases":["B","C"],"p":{"x":1,"y":[2]},"q":1,"fields":[
    {"name":"f","type":["null","int"],"default":null,"doc":"e","aliases":["g","h"]},
    {"name":"s","type":{"type":"enum","name":"E","symbols":["X","Y"],"default":"X"}},
    {"name":"r","type":["null","R"]},{"name":"n","type":"double","default":1.0}]}"#;

#[test]
fn what_counts_and_what_does_not() {
    let base = parse(BASE);
    for (from, to, expected) in [
        ("", "", true),
        (r#""x":1,"y":[2]"#, r#""y":[2],"x":1"#, true),
        (r#""q":1,"#, "", false),
        (r#""q":1,"fields""#, r#""fields""#, false),
        (r#""doc":"d""#, r#""doc":"D""#, false),
        (r#""doc":"d","#, "", false),
        (r#""doc":"e""#, r#""doc":"""#, false),
        (r#"["B","C"]"#, r#"["C","a.B"]"#, true),
        (r#"["B","C"]"#, r#"["B"]"#, false),
        (r#"["g","h"]"#, r#"["h","g"]"#, true),
        (r#"["g","h"]"#, r#"["g"]"#, false),
        (r#","default":"X""#, "", false),
        (r#""default":"X""#, r#""default":"Y""#, false),
        (r#"["X","Y"]"#, r#"["Y","X"]"#, false),
        (r#""default":null,"#, "", false),
        (
            r#""default":null,"#,
            r#""order":"ascending","default":null,"#,
            true,
        ),
        (r#""default":null,"#, r#""order":"ignore","default":null,"#, false),
        (r#""default":1.0"#, r#""default":1"#, false),
        (r#""default":1.0"#, r#""default":10e-1"#, true),
        (r#""name":"a.R""#, r#""name":"R","namespace":"a""#, true),
        (r#""name":"a.R""#, r#""name":"b.R""#, false),
        (r#""type":"record""#, r#""type":"error""#, true),
        (r#"["null","R"]"#, r#"["null","a.R"]"#, true),
        (r#"["null","R"]"#, r#"["R","null"]"#, false),
        (r#""type":"double""#, r#""type":{"type":"double"}"#, true),
        (r#""type":"double""#, r#""type":{"type":"double","u":1}"#, false),
    ] {
        assert!(BASE.contains(from), "{from}");
        let other = parse(&BASE.replacen(from, to, 1));
        assert_eq!(same(&base, &other), expected, "{from} -> {to}");
        assert_eq!(same(&other, &base), expected, "{from} -> {to}");
    }
}

#[test]
fn a_look_up_finds_the_version_that_a_registry_finds() {
    let base = parse(BASE);
    let doc = parse(&BASE.replace(r#""doc":"d""#, r#""doc":"D""#));
    let reordered = parse(&BASE.replace(r#"["B","C"]"#, r#"["C","B"]"#));
    let lookup = Lookup::new(&base);
    assert_eq!(lookup.find(&[]), None);
    assert_eq!(lookup.find(std::slice::from_ref(&doc)), None);
    assert_eq!(lookup.find(&[doc.clone(), reordered.clone()]), Some(1));
    // The very text first; of others the newest.
    assert_eq!(
        lookup.find(&[reordered.clone(), doc.clone(), base.clone()]),
        Some(2)
    );
    assert_eq!(
        lookup.find(&[doc.clone(), reordered.clone(), reordered.clone()]),
        Some(1)
    );
    // Normalised, the new schema is found in its normal form, and no longer as it was written.
    let normal = Lookup::normalized(&reordered).unwrap();
    let held = parse(&normalize(&base));
    assert_eq!(normal.find(&[doc, held]), Some(1));
    assert_eq!(normal.text(), Lookup::normalized(&base).unwrap().text());
}

#[test]
fn types_that_come_by_reference_stay_names() {
    let files = [
        Source::new(
            "a.avsc",
            r#"{"type":"record","name":"x.A","fields":[{"name":"b","type":"B"},{"name":"c","type":"y.C"}]}"#,
        ),
        Source::new("b.avsc", r#"{"type":"fixed","name":"x.B","size":2}"#),
        Source::new("c.avsc", r#"{"type":"enum","name":"y.C","symbols":["S"]}"#),
    ];
    let set = SchemaSet::parse(&files).unwrap();
    let schema = set.get("x.A").unwrap();
    let referenced: BTreeSet<Name> = ["x.B", "y.C", "x.A"].into_iter().map(Name::parse).collect();
    assert_eq!(
        identity_text_referring(&schema, &referenced),
        r#"{"type":"record","name":"A","namespace":"x","fields":[{"name":"b","type":"B"},{"name":"c","type":"y.C"}]}"#
    );
    assert_eq!(
        normalize_referring(&schema, &referenced),
        r#"{"name":"x.A","type":"record","fields":[{"name":"b","type":"x.B","order":"ASCENDING"},{"name":"c","type":"y.C","order":"ASCENDING"}]}"#
    );
    assert_eq!(identity_text(&schema), schema.text());
    let Kind::Record(record) = &parse(&normalize(&schema)).root_node().kind.clone() else {
        panic!("not a record")
    };
    assert_eq!(record.fields.len(), 2);
    assert!(same(&schema, &parse(&schema.text())));
}
