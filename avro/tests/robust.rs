//! No text, whatever its bytes, makes the parser or what works on its results panic or hang.
//!
//! The normal run mutates the committed cases a few thousand times. `FLEETOPS_MUTATIONS` and `FLEETOPS_SEED` make it
//! longer and another; with `FLEETOPS_TEST_DATA` the real files are mutated as well. Millions, in minutes:
//!
//! ```text
//! FLEETOPS_MUTATIONS=5000000 FLEETOPS_SEED=1 cargo test --release -p fleetops-avro --test robust -- mutated
//! ```
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::expect_used)]

mod common;

use std::time::{Duration, Instant};

use fleetops_avro::compat::{Direction, IncompatibilityType, Old, Violation, check, diagnose};
use fleetops_avro::diagnostic::render;
use fleetops_avro::{Diagnostic, ParseMode, Schema, Source, json, rules};
use proptest::prelude::*;

/// Everything the crate does with one text.
fn exercise(bytes: &[u8], other: Option<&Schema>) {
    let source = match Source::decode("t.avsc", bytes.to_vec()) {
        Ok(source) => source,
        Err(diagnostic) => return well_told(&diagnostic),
    };
    for mode in [ParseMode::Standard, ParseMode::Strict, ParseMode::Lenient] {
        match Schema::parse_with(source.clone(), mode) {
            Ok(schema) => {
                schema.set().warnings().iter().for_each(well_told);
                if mode == ParseMode::Standard {
                    round_trip(&schema);
                    compare(&schema, other);
                }
            }
            Err(error) => {
                assert!(!error.diagnostics.is_empty());
                error.diagnostics.iter().take(20).for_each(well_told);
            }
        }
    }
}

/// A finding has a rule, a place in its text, and renders.
fn well_told(diagnostic: &Diagnostic) {
    let rule = rules::find(diagnostic.rule).unwrap_or_else(|| panic!("no rule {}", diagnostic.rule));
    assert_eq!(rule.severity, diagnostic.severity);
    let place = &diagnostic.primary.place;
    assert!(place.span.start <= place.span.end && place.span.end as usize <= place.source.text().len());
    let shown = render(diagnostic, false);
    assert!(
        shown.contains(diagnostic.rule) && shown.contains("t.avsc:"),
        "{shown}"
    );
}

/// A schema's text is the same schema.
fn round_trip(schema: &Schema) {
    let text = schema.text();
    let canonical = schema.canonical_form();
    match Schema::parse(&text) {
        Ok(again) => {
            assert_eq!(again.text(), text);
            assert_eq!(again.canonical_form(), canonical);
        }
        Err(error) => assert!(may_not_return(schema), "{text}\n{error}"),
    }
}

/// Java's text has no way to refer to a type in no namespace from within one, if it is not defined before; the same
/// goes for defaults of types that were defined before and are now written out after.
fn may_not_return(schema: &Schema) -> bool {
    schema.set().named().count() > 1
}

fn compare(schema: &Schema, other: Option<&Schema>) {
    let own = check(schema, schema);
    assert!(
        own.iter()
            .all(|i| i.kind == IncompatibilityType::AmbiguousFieldAlias),
        "{own:?}"
    );
    let Some(other) = other else { return };
    for (direction, reader, writer) in [
        (Direction::Backward, schema, other),
        (Direction::Forward, other, schema),
    ] {
        let violations: Vec<Violation> = check(reader, writer)
            .into_iter()
            .take(50)
            .map(|incompatibility| Violation {
                direction,
                version_index: 0,
                incompatibility,
            })
            .collect();
        let old = Old {
            schema: other,
            name: String::new(),
        };
        let told = diagnose(schema, &[old], &violations);
        assert_eq!(told.is_empty(), violations.is_empty());
        told.iter().for_each(well_told);
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

const SNIPPETS: [&str; 28] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u",
    "\\ud800",
    "/*",
    "*/",
    "//",
    "null",
    "\"null\"",
    "\"type\":",
    "\"name\":",
    "\"default\":",
    "\"aliases\":[\"a\"],",
    "\"record\"",
    "\"enum\"",
    "-",
    "1e999",
    "0.1",
    "\u{0}",
    "\u{feff}",
    "\"R\"",
    "{\"type\":\"array\",\"items\":",
];

fn mutate(seed: &[u8], random: &mut Random, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(seed);
    for _ in 0..=random.below(4) {
        let at = random.below(out.len() + 1);
        let length = random.below(24).min(out.len() - at);
        match random.below(8) {
            0 if at < out.len() => out[at] = random.next() as u8,
            1 if at < out.len() => out[at] ^= 1 << random.below(8),
            2 => drop(out.drain(at..at + length)),
            3 => {
                let part = out[at..at + length].to_vec();
                let to = random.below(out.len() + 1);
                out.splice(to..to, part);
            }
            4 => out.truncate(at),
            5 | 6 => {
                let snippet = SNIPPETS[random.below(SNIPPETS.len())].bytes();
                out.splice(at..at, snippet);
            }
            _ => {
                let other = random.below(out.len() + 1);
                let length = length.min(out.len() - other);
                let part = out[other..other + length].to_vec();
                out.splice(at..at + length.min(out.len() - at), part);
            }
        }
    }
}

#[test]
fn mutated_schemas() {
    let count: usize = std::env::var("FLEETOPS_MUTATIONS").map_or(4000, |n| n.parse().unwrap());
    let seed: u64 = std::env::var("FLEETOPS_SEED").map_or(1, |n| n.parse().unwrap());
    let mut texts: Vec<Vec<u8>> = include_str!("cases/parse.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|row| row["schema"].as_str().unwrap().as_bytes().to_vec())
        .collect();
    for row in common::rows("data/avsc/dev_schemas.jsonl.gz").unwrap_or_default() {
        let text = row["text"].as_str().unwrap();
        if text.len() < 20_000 {
            texts.push(text.as_bytes().to_vec());
        }
    }
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut bytes = Vec::new();
    for _ in 0..count {
        let seed = &texts[random.below(texts.len())];
        mutate(seed, &mut random, &mut bytes);
        let other = std::str::from_utf8(seed)
            .ok()
            .and_then(|text| Schema::parse(text).ok());
        let begin = Instant::now();
        exercise(&bytes, other.as_ref());
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "{}",
            String::from_utf8_lossy(&bytes)
        );
    }
}

/// Texts that are built to be slow or deep.
#[test]
fn hostile_schemas() {
    let record = |i: usize, fields: &str| format!(r#"{{"type":"record","name":"R{i}","fields":[{fields}]}}"#);
    let chain = |n: usize, field: &dyn Fn(usize) -> String| {
        let all: Vec<String> = (0..n).map(|i| record(i, &field(i))).collect();
        format!("[{}]", all.join(","))
    };
    let cases = [
        "[".repeat(100_000),
        "{\"type\":\"array\",\"items\":".repeat(998) + "\"int\"" + &"}".repeat(998),
        format!("\"{}\"", "x".repeat(1_000_000)),
        format!("[{}1]", "1,".repeat(300_000)),
        format!("{{{}\"a\":1}}", "\"a\":1,".repeat(100_000)),
        format!("[{}\"int\"]", "\"Unknown\",".repeat(20_000)),
        "/*".repeat(200_000),
        // Each default is twice the one before.
        chain(300, &|i| {
            if i == 0 {
                String::new()
            } else {
                let (p, d) = (i - 1, "{}");
                format!(
                    r#"{{"name":"a","type":"R{p}","default":{d}}},{{"name":"b","type":"R{p}","default":{d}}}"#
                )
            }
        }),
        // Each type is twice the one before, for readers that do not remember.
        chain(300, &|i| {
            if i == 0 {
                r#"{"name":"x","type":"int"}"#.to_owned()
            } else {
                let p = i - 1;
                format!(r#"{{"name":"a","type":"R{p}"}},{{"name":"b","type":"R{p}"}}"#)
            }
        }),
        // Every type refers forward.
        chain(900, &|i| {
            let next = (i + 1) % 900;
            format!(r#"{{"name":"a","type":["null","R{next}"],"default":null}}"#)
        }),
        chain(3000, &|i| {
            format!(r#"{{"name":"a","type":["null","R{}"]}}"#, (i + 1) % 3000)
        }),
        chain(400, &|i| {
            format!(
                r#"{{"name":"a","type":{{"type":"array","items":"R{}"}},"default":[]}},{{"name":"b","type":["R{}","null"],"default":{{}}}}"#,
                (i + 1) % 400,
                (i + 7) % 400
            )
        }),
    ];
    for case in &cases {
        let begin = Instant::now();
        exercise(case.as_bytes(), Schema::parse("\"int\"").ok().as_ref());
        assert!(begin.elapsed() < Duration::from_secs(60), "{:.200}", case);
    }
}

/// Two circles of types whose lengths have no common factor make as many pairs as their product.
#[test]
fn long_paths_of_pairs_need_no_stack() {
    let circle = |n: usize, last: &str| {
        let all: Vec<String> = (0..n)
            .map(|i| {
                let next = (i + 1) % n;
                let extra = if i == 0 { last } else { "" };
                format!(
                    r#"{{"type":"record","name":"n{i}.R","fields":[{{"name":"next","type":["null","n{next}.R"]}}{extra}]}}"#
                )
            })
            .collect();
        let bundle = Schema::parse(&format!("[{}]", all.join(","))).unwrap();
        bundle.set().get("n0.R").unwrap()
    };
    let (a, b) = (circle(211, ""), circle(223, ""));
    assert!(check(&a, &b).is_empty());
    let c = circle(223, r#",{"name":"x","type":"int"}"#);
    assert!(check(&a, &c).is_empty());
    assert!(!check(&c, &a).is_empty());
}

/// A change in a type that is used in ever more places is reported as often as it is met, up to the limit.
#[test]
fn doubling_is_bounded() {
    let chain = |ty: &str| {
        let mut text = format!(r#"[{{"type":"record","name":"R0","fields":[{{"name":"x","type":"{ty}"}}]}}"#);
        for i in 1..60 {
            let p = i - 1;
            text += &format!(
                r#",{{"type":"record","name":"R{i}","fields":[{{"name":"a","type":"R{p}"}},{{"name":"b","type":"R{p}"}}]}}"#
            );
        }
        let set = Schema::parse(&(text + "]")).unwrap();
        set.set().get("R59").unwrap()
    };
    let found = check(&chain("int"), &chain("string"));
    assert_eq!(found.len(), fleetops_avro::compat::MAX_REPORTED);
    assert!(
        found
            .iter()
            .all(|i| i.location.ends_with("/fields/0/type/fields/0/type"))
    );
}

fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(|f| format!("{f:?}")),
        any::<String>().prop_map(|s| serde_json::Value::String(s).to_string()),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec((any::<String>(), inner), 0..6).prop_map(|members| {
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(key, value)| format!("{} :\n{value}", serde_json::Value::String(key)))
                    .collect();
                format!("/* c */{{ {} }}", members.join(","))
            }),
        ]
    })
}

/// A schema: named types by number, each once, referred to only after their definition.
fn any_schema() -> impl Strategy<Value = serde_json::Value> {
    let primitive = prop::sample::select(vec![
        "null", "boolean", "int", "long", "float", "double", "bytes", "string",
    ]);
    let leaf = prop_oneof![
        primitive.prop_map(|p| serde_json::json!(p)),
        (0..200u8, 0..20u32)
            .prop_map(|(n, size)| serde_json::json!({"type":"fixed","name":format!("N{n}"),"size":size})),
        (0..200u8, 1..5usize).prop_map(|(n, count)| {
            let symbols: Vec<String> = (0..count).map(|i| format!("S{i}")).collect();
            serde_json::json!({"type":"enum","name":format!("N{n}"),"symbols":symbols})
        }),
        (0..200u8).prop_map(|n| serde_json::json!(format!("N{n}"))),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|i| serde_json::json!({"type":"array","items":i})),
            inner
                .clone()
                .prop_map(|i| serde_json::json!({"type":"map","values":i})),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|b| serde_json::json!(b)),
            (0..200u8, prop::collection::vec((0..9u8, inner), 0..5)).prop_map(|(n, fields)| {
                let fields: Vec<_> = fields
                    .into_iter()
                    .map(|(f, ty)| serde_json::json!({"name":format!("f{f}"),"type":ty,"doc":"\u{e9}\n"}))
                    .collect();
                serde_json::json!({"type":"record","name":format!("N{n}"),"namespace":"a.b","fields":fields})
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// What serde_json reads we read, with the same values, and a span is the value's own text.
    #[test]
    fn json_is_read_as_others_read_it(text in any_json()) {
        let bare = text.replace("/* c */", "");
        let theirs: serde_json::Value = serde_json::from_str(&bare).unwrap();
        let ours = json::parse(&text).unwrap();
        let mut written = String::new();
        json::write(&ours, &mut written);
        let again: serde_json::Value = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(theirs, again);
        let mut stack = vec![&ours];
        while let Some(value) = stack.pop() {
            let alone = json::parse(&text[value.span.range()]).unwrap();
            prop_assert!(alone.same(value));
            match &value.kind {
                json::Kind::Array(items) => stack.extend(items),
                json::Kind::Object(members) => stack.extend(members.iter().map(|m| &m.value)),
                _ => {}
            }
        }
    }

    #[test]
    fn any_text_is_taken_or_refused(text in any::<String>()) {
        exercise(text.as_bytes(), None);
    }

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        exercise(&bytes, None);
    }

    #[test]
    fn schemas_round_trip(a in any_schema(), b in any_schema()) {
        let other = Schema::parse(&b.to_string()).ok();
        exercise(a.to_string().as_bytes(), other.as_ref());
    }
}
