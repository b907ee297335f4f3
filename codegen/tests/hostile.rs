//! Schemas that are valid and still too much: each is refused with its place, in time and on a small stack.
#![allow(clippy::unwrap_used)] // a test may

use std::fmt::Write as _;
use std::thread;

use fleetops_avro::{Diagnostic, SchemaSet, Source};
use fleetops_codegen::{Options, Output, generate};

/// What the main thread of a process has on the system that gives least: a megabyte.
const STACK: usize = 1 << 20;

/// Parses with room to spare, and generates on a small stack.
fn generated(text: String) -> Result<Output, Vec<Diagnostic>> {
    let parse = move || SchemaSet::parse(&[Source::new("deep.avsc", text)]).unwrap();
    let schemas = thread::Builder::new()
        .stack_size(32 << 20)
        .spawn(parse)
        .unwrap()
        .join()
        .unwrap();
    thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || generate(&schemas, None, &Options::default()))
        .unwrap()
        .join()
        .unwrap()
}

fn record(field_type: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{{"name":"f","type":{field_type}}}]}}"#)
}

fn nested(open: &str, close: &str, levels: usize, inner: &str) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

/// The only finding: its rule and what is under its caret.
fn refusal(text: &str) -> (&'static str, String) {
    let found = generated(text.to_owned()).unwrap_err();
    assert_eq!(found.len(), 1, "{found:?}");
    let place = &found[0].primary.place;
    assert!(found[0].help.is_some());
    (found[0].rule, place.source.slice(place.span).to_owned())
}

const ARRAY: (&str, &str) = (r#"{"type":"array","items":"#, "}");
const MAP: (&str, &str) = (r#"{"type":"map","values":"#, "}");

#[test]
fn arrays_and_maps_in_one_another_end_at_the_limit() {
    // The record is a level too, and each of these is two.
    let levels = 31;
    for (open, close) in [ARRAY, MAP] {
        generated(record(&nested(open, close, levels, "\"string\""))).unwrap();
        for beyond in [levels + 1, 480] {
            let text = record(&nested(open, close, beyond, "\"string\""));
            let (rule, under) = refusal(&text);
            assert_eq!(rule, "type-too-deep");
            assert!(text.contains(&under), "{under}");
        }
    }
}

#[test]
fn at_the_top_of_a_file_they_end_there_too() {
    generated(nested(ARRAY.0, ARRAY.1, 32, "\"string\"")).unwrap();
    for (open, close) in [ARRAY, MAP] {
        for beyond in [33, 480] {
            let (rule, under) = refusal(&nested(open, close, beyond, "\"string\""));
            assert_eq!(rule, "type-too-deep");
            assert!(under.starts_with(open), "{under}");
        }
    }
}

#[test]
fn the_name_of_a_file_is_a_name_and_nothing_else() {
    let texts = [
        "a\"]pub fn evil(){}//.avsc",
        "b`\n*/ mod x;.avsc",
        "Self.avsc",
        ".avsc",
        "\u{202e}evil.avsc",
        "größe.avsc",
    ];
    let sources = texts.map(|name| Source::new(name, "{\"type\":\"array\",\"items\":\"string\"}"));
    let set = SchemaSet::parse(&sources).unwrap();
    let output = generate(&set, None, &Options::default()).unwrap();
    let code = &output.files["mod.rs"];
    let structs: Vec<&str> = (code.lines().filter(|line| line.starts_with("pub struct ")))
        .map(|line| line.split(['(', '<']).next().unwrap())
        .filter(|line| !line.ends_with("Ref"))
        .collect();
    assert_eq!(
        structs,
        [
            // Names are paths, and what is in front of the last slash is not theirs.
            "pub struct Underscore2",
            "pub struct Self_",
            "pub struct Underscore",
            "pub struct ModX",
            "pub struct Größe",
            "pub struct Evil",
        ]
    );
    // In documentation alone.
    let lines = code
        .lines()
        .filter(|line| line.contains("evil()") || line.contains("mod x"));
    assert!(
        lines
            .map(str::trim_start)
            .all(|line| line.starts_with("///") || line.starts_with("const NAME"))
    );
    assert!(!code.contains('\u{202e}'));
}

#[test]
fn unions_in_arrays_end_at_the_limit() {
    let (open, close) = (r#"["null","int",{"type":"array","items":"#, "}]");
    generated(record(&nested(open, close, 21, "\"string\""))).unwrap();
    for beyond in [22, 300] {
        let (rule, _) = refusal(&record(&nested(open, close, beyond, "\"string\"")));
        assert_eq!(rule, "type-too-deep");
    }
}

/// Records one within the other, each in an optional.
fn chain(records: usize) -> String {
    let mut text = String::new();
    for i in 0..records {
        write!(
            text,
            r#"{{"type":"record","name":"R{i}","fields":[{{"name":"f","type":["null","#
        )
        .unwrap();
    }
    text.push_str("\"string\"");
    text.push_str(&"]}]}".repeat(records));
    text
}

#[test]
fn records_in_records_end_at_the_limit() {
    generated(chain(32)).unwrap();
    for (records, first) in [(33, 0), (200, 167)] {
        let (rule, under) = refusal(&chain(records));
        assert_eq!(rule, "type-too-deep");
        // The innermost union from which it is too deep; what is inside it, is not.
        let start = format!(r#"["null",{{"type":"record","name":"R{}""#, first + 1);
        assert!(under.starts_with(&start), "{under}");
    }
}

#[test]
fn types_that_contain_themselves_are_not_deep() {
    // A ring of records: each holds the next, the last the first.
    let ring = 300;
    let mut text = String::from("[");
    for i in 0..ring {
        let comma = if i == 0 { "" } else { "," };
        let next = (i + 1) % ring;
        write!(
            text,
            r#"{comma}{{"type":"record","name":"R{i}","fields":[{{"name":"f","type":["null","R{next}"]}}]}}"#
        )
        .unwrap();
    }
    text.push(']');
    generated(text).unwrap();
    // What is written between two of them is.
    let (open, close) = ARRAY;
    generated(record(&nested(open, close, 32, "\"R\""))).unwrap();
    assert_eq!(
        refusal(&record(&nested(open, close, 33, "\"R\""))).0,
        "type-too-deep"
    );
    assert_eq!(
        refusal(&record(&nested(open, close, 480, "\"R\""))).0,
        "type-too-deep"
    );
}

#[test]
fn defaults_end_at_the_limit() {
    // Each level is a record and a list.
    let with_default = |levels: usize| {
        let value = nested(r#"{"f":["#, "]}", levels, r#"{"f":[]}"#);
        format!(
            r#"[{{"type":"record","name":"R","fields":[{{"name":"f","type":{{"type":"array","items":"R"}}}}]}},
                {{"type":"record","name":"D","fields":[{{"name":"d","type":"R","default":{value}}}]}}]"#
        )
    };
    generated(with_default(31)).unwrap();
    for levels in [32, 200] {
        let (rule, under) = refusal(&with_default(levels));
        assert_eq!(rule, "type-too-deep");
        assert!(under.starts_with(r#"{"f":[{"f""#), "{under}");
    }
}

#[test]
fn namespaces_end_at_the_limit() {
    let text = |parts: usize| {
        let namespace = vec!["n"; parts].join(".");
        format!(r#"{{"type":"record","name":"R","namespace":"{namespace}","fields":[]}}"#)
    };
    assert!(generated(text(32)).unwrap().files.len() > 1);
    assert_eq!(refusal(&text(33)), ("type-too-deep", "\"R\"".to_owned()));
    assert_eq!(refusal(&text(400)).0, "type-too-deep");
}

/// Each record holds two of the next: the paths double with each level, the types do not.
#[test]
fn what_is_used_twice_on_each_level_takes_no_longer() {
    let mut text = String::from("[");
    for i in 0..60 {
        write!(
            text,
            r#"{{"type":"record","name":"R{i}","fields":[{{"name":"a","type":"R{0}"}},{{"name":"b","type":"R{0}"}}]}},"#,
            i + 1
        )
        .unwrap();
    }
    text.push_str(r#"{"type":"record","name":"R60","fields":[{"name":"a","type":"long"}]}]"#);
    let code = &generated(text).unwrap().files["mod.rs"];
    assert!(code.contains("struct R60") && code.contains("struct R0 "));
}

/// A default that names no field takes theirs, and each of those does so twice.
#[test]
fn a_default_that_doubles_with_each_level_is_refused() {
    let mut text = String::from("[");
    for i in 0..40 {
        write!(
            text,
            r#"{{"type":"record","name":"R{i}","fields":[{{"name":"a","type":"R{0}","default":{{}}}},{{"name":"b","type":"R{0}","default":{{}}}}]}},"#,
            i + 1
        )
        .unwrap();
    }
    text.push_str(r#"{"type":"record","name":"R40","fields":[{"name":"a","type":"string","default":"x"}]}]"#);
    let found = generated(text).unwrap_err();
    assert!(found.iter().any(|d| d.rule == "too-much-code"), "{found:?}");
}

/// Many types, many names that are one in Rust, many namespaces: the time grows as they do.
#[test]
fn many_types_take_no_longer_each() {
    let mut text = String::from("[");
    for i in 0..1_500 {
        // `a_`, `a__`, ... are all `A` in Rust.
        let comma = if i == 0 { "" } else { "," };
        let underscores = "_".repeat(i % 500);
        write!(
            text,
            r#"{comma}{{"type":"enum","name":"a{underscores}","namespace":"n{}","symbols":["X"]}}"#,
            i / 500
        )
        .unwrap();
    }
    text.push(']');
    let started = std::time::Instant::now();
    let files = generated(text).unwrap().files;
    assert!(files["n2.rs"].contains("enum A500 "), "{:?}", started.elapsed());
}
