//! Each rule of schema resolution on a case that can be read.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::expect_used)]

mod support;

use fleetops_avro::Schema;
use fleetops_avro::resolve::{Mismatch, Plan, ResolveError};
use fleetops_avro::value::Value;

use support::{canon, hex, unhex};

fn plan(writer: &str, reader: &str) -> Result<Plan, ResolveError> {
    Plan::new(&Schema::parse(writer).unwrap(), &Schema::parse(reader).unwrap())
}

/// A record `R` with these fields.
fn record(fields: &str) -> String {
    format!(r#"{{"type": "record", "name": "R", "fields": [{fields}]}}"#)
}

/// The value that the reader gets, or the error's text.
fn read(writer: &str, reader: &str, input: &str) -> Result<String, String> {
    let plan = plan(writer, reader).map_err(|e| e.to_string())?;
    let input = unhex(input);
    let mut bytes = vec![0xaa];
    match plan.transcode(&input, &mut bytes) {
        Ok(read) => {
            assert_eq!(read, input.len());
            let value = Value::decode_all(plan.reader(), &bytes[1..]).unwrap();
            Ok(canon(plan.reader(), &value))
        }
        Err(error) => {
            assert_eq!(bytes, [0xaa], "the output is as it was");
            Err(error.to_string())
        }
    }
}

fn reads(writer: &str, reader: &str, input: &str, value: &str) {
    assert_eq!(
        read(writer, reader, input).as_deref(),
        Ok(value),
        "{writer} as {reader}"
    );
}

fn refuses(writer: &str, reader: &str, input: &str, error: &str) {
    let found = read(writer, reader, input).expect_err("this data has to be refused");
    assert!(found.contains(error), "{writer} as {reader}: {found}");
}

#[test]
fn numbers_are_promoted() {
    reads(r#""int""#, r#""long""#, "ffffffff0f", "-2147483648");
    // Overlong: as an int, the highest bits of the fifth byte are not there.
    reads(r#""int""#, r#""long""#, "feffffff7f", "2147483647");
    reads(r#""int""#, r#""float""#, "82808010", r#""f32:4b800000""#);
    reads(r#""int""#, r#""double""#, "03", r#""f64:c000000000000000""#);
    reads(r#""long""#, r#""float""#, "04", r#""f32:40000000""#);
    reads(
        r#""long""#,
        r#""double""#,
        "8280808080808020",
        r#""f64:4340000000000000""#,
    );
    reads(
        r#""float""#,
        r#""double""#,
        "cdcccc3d",
        r#""f64:3fb99999a0000000""#,
    );
}

#[test]
fn text_and_bytes_are_exchanged() {
    reads(r#""string""#, r#""bytes""#, "04c3a9", r#""0xc3a9""#);
    reads(r#""bytes""#, r#""string""#, "04c3a9", r#""é""#);
    reads(r#""bytes""#, r#""string""#, "0661ff62", "\"a\u{fffd}b\"");
    let plan = plan(r#""bytes""#, r#""string""#).unwrap();
    assert!(matches!(plan.caveats()[0].mismatch, Mismatch::LossyText));
}

#[test]
fn fields_are_reordered_skipped_and_filled() {
    let writer = record(
        r#"{"name": "a", "type": "int"}, {"name": "b", "type": {"type": "array", "items": "string"}},
           {"name": "c", "type": "int"}, {"name": "d", "type": "boolean"}"#,
    );
    let reader = record(
        r#"{"name": "d", "type": "boolean"}, {"name": "n", "type": "string", "default": "new"},
           {"name": "c", "type": "double"}, {"name": "a", "type": "int"}"#,
    );
    // `b` is skipped once by its size and once item by item.
    for b in ["03080278027800", "040278027800"] {
        reads(
            &writer,
            &reader,
            &format!("02{b}0401"),
            r#"{"d":true,"n":"new","c":"f64:4000000000000000","a":1}"#,
        );
    }
    assert!(!plan(&writer, &reader).unwrap().is_identity());
}

#[test]
fn defaults_of_every_type() {
    let reader = record(
        r#"{"name": "u", "type": "null", "default": null},
           {"name": "t", "type": "boolean", "default": true},
           {"name": "i", "type": "int", "default": -7},
           {"name": "l", "type": "long", "default": 9007199254740993},
           {"name": "f", "type": "float", "default": 0.1},
           {"name": "d", "type": "double", "default": "NaN"},
           {"name": "b", "type": "bytes", "default": "\u0001\u00ff"},
           {"name": "s", "type": "string", "default": "h\u00e9"},
           {"name": "x", "type": {"type": "fixed", "name": "F", "size": 3}, "default": "\u0000\u00fe\u0001"},
           {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}, "default": "B"},
           {"name": "a", "type": {"type": "array", "items": "int"}, "default": [1, 2]},
           {"name": "m", "type": {"type": "map", "values": "int"}, "default": {"k": 3}},
           {"name": "n", "type": ["null", "string"], "default": null},
           {"name": "o", "type": ["null", "string"], "default": "second"},
           {"name": "r", "type": {"type": "record", "name": "Inner", "fields": [
               {"name": "p", "type": "int"}, {"name": "q", "type": "int", "default": 5},
               {"name": "next", "type": ["null", "Inner"], "default": null}]}, "default": {"p": 4}}"#,
    );
    reads(
        &record(""),
        &reader,
        "",
        r##"{"u":null,"t":true,"i":-7,"l":9007199254740993,"f":"f32:3dcccccd","d":"f64:7ff8000000000000","b":"0x01ff","s":"hé","x":"0x00fe01","e":"B","a":[1,2],"m":{"k":3},"n":{"#0":null},"o":{"#1":"second"},"r":{"p":4,"q":5,"next":{"#0":null}}}"##,
    );
}

#[test]
fn a_default_that_cannot_be_encoded_is_told_when_the_plan_is_made() {
    let reader =
        record(r#"{"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A"]}, "default": "Z"}"#);
    let error = plan(&record(""), &reader).unwrap_err();
    assert!(matches!(*error.mismatch, Mismatch::Default { .. }));
    assert!(error.to_string().contains("enum E has no symbol `Z`"), "{error}");
}

#[test]
fn aliases_name_types_and_fields() {
    let writer = r#"{"type": "record", "name": "Old", "namespace": "a", "fields": [
        {"name": "x", "type": {"type": "enum", "name": "Colour", "symbols": ["RED"]}}]}"#;
    let reader = r#"{"type": "record", "name": "New", "namespace": "b", "aliases": ["a.Old"], "fields": [
        {"name": "y", "aliases": ["x"], "type": {"type": "enum", "name": "Color", "aliases": ["a.Colour"],
         "symbols": ["BLUE", "RED"]}}]}"#;
    reads(writer, reader, "00", r#"{"y":"RED"}"#);
    // An alias may name a field that is itself one by alias: Java applies them twice.
    let writer = record(r#"{"name": "a", "type": "int"}"#);
    let reader = record(
        r#"{"name": "b", "type": "int", "aliases": ["a"], "default": 0}, {"name": "c", "type": "int", "aliases": ["b"], "default": 0}"#,
    );
    reads(&writer, &reader, "0e", r#"{"b":0,"c":7}"#);
    // Two fields cannot become one.
    let writer = record(r#"{"name": "a", "type": "int"}, {"name": "b", "type": "int"}"#);
    let reader = record(r#"{"name": "b", "type": "int", "aliases": ["a"]}"#);
    let error = plan(&writer, &reader).unwrap_err();
    assert!(matches!(*error.mismatch, Mismatch::SameField { .. }), "{error}");
}

#[test]
fn symbols_are_mapped_by_name() {
    let writer = r#"{"type": "enum", "name": "E", "symbols": ["A", "B", "C"]}"#;
    let reader = r#"{"type": "enum", "name": "E", "symbols": ["C", "A"], "default": "A"}"#;
    reads(writer, reader, "04", r#""C""#);
    reads(writer, reader, "02", r#""A""#);
    let strict = r#"{"type": "enum", "name": "E", "symbols": ["C", "A"]}"#;
    reads(writer, strict, "00", r#""A""#);
    refuses(
        writer,
        strict,
        "02",
        "byte 0: the reader's enum E has no symbol B and no default",
    );
    refuses(
        writer,
        reader,
        "06",
        "byte 0: expected the index of one of 3 enum symbols, found 3",
    );
    let plan = plan(writer, strict).unwrap();
    assert_eq!(plan.caveats().len(), 1);
    assert!(plan.caveats()[0].to_string().contains("not the symbol(s) B"));
    // Java compares the simple names of enums and fixed.
    reads(
        r#"{"type": "enum", "name": "a.E", "symbols": ["A"]}"#,
        r#"{"type": "enum", "name": "b.E", "symbols": ["A"]}"#,
        "00",
        r#""A""#,
    );
}

#[test]
fn unions_on_either_side() {
    // The writer's branch decides.
    reads(
        r#"["null", "string"]"#,
        r#"["string", "null"]"#,
        "020278",
        r##"{"#0":"x"}"##,
    );
    reads(
        r#"["null", "string"]"#,
        r#"["string", "null"]"#,
        "00",
        r##"{"#1":null}"##,
    );
    // Only one of them has a union.
    reads(r#""int""#, r#"["null", "int"]"#, "0e", r##"{"#1":7}"##);
    reads(r#"["null", "int"]"#, r#""int""#, "020e", "7");
    refuses(
        r#"["null", "int"]"#,
        r#""int""#,
        "00",
        "byte 0: the writer's null has no place in the reader's int",
    );
    // The same type is taken before one that is promoted to, and the first of those.
    reads(r#""int""#, r#"["double", "int"]"#, "0e", r##"{"#1":7}"##);
    reads(
        r#""int""#,
        r#"["string", "float", "long"]"#,
        "0e",
        r##"{"#1":"f32:40e00000"}"##,
    );
    // A record of another name is one of the same structure.
    let b = r#"{"type": "record", "name": "B", "fields": [{"name": "x", "type": "long"}]}"#;
    let c = r#"{"type": "record", "name": "C", "fields": [{"name": "y", "type": "int"}]}"#;
    let a = r#"{"type": "record", "name": "A", "fields": [{"name": "x", "type": "int"}]}"#;
    reads(a, &format!("[{c}, {b}]"), "0e", r##"{"#1":{"x":7}}"##);
    let error = plan(a, &format!("[{c}]")).unwrap_err();
    assert!(matches!(*error.mismatch, Mismatch::NoBranch { .. }), "{error}");
}

#[test]
fn what_cannot_be_read_at_all_is_told_with_both_places() {
    let writer = record(
        r#"{"name": "t", "type": {"type": "record", "name": "T", "fields": [{"name": "v", "type": "string"}]}}"#,
    );
    let reader = record(
        r#"{"name": "t", "type": {"type": "record", "name": "T", "fields": [{"name": "v", "type": "int"}]}}"#,
    );
    let error = plan(&writer, &reader).unwrap_err();
    assert_eq!(error.path, "/t/v");
    let column = writer.find(r#""string""#).unwrap() + 1;
    assert_eq!(
        error.to_string(),
        format!(
            "/t/v: the writer's string cannot be read as the reader's int \
             (writer's schema: <schema>:1:{column}, reader's schema: <schema>:1:{column})"
        )
    );
    let error = plan(&record(""), &record(r#"{"name": "v", "type": "int"}"#)).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has the field `v`, which the writer's record R has not"),
        "{error}"
    );
    let error = plan(
        r#"{"type": "fixed", "name": "F", "size": 2}"#,
        r#"{"type": "fixed", "name": "F", "size": 3}"#,
    )
    .unwrap_err();
    assert!(error.to_string().contains("has 2 byte(s)"), "{error}");
}

#[test]
fn failures_have_the_path_in_the_data() {
    let writer = record(
        r#"{"name": "telemetry", "type": {"type": "map", "values": {"type": "array", "items":
            {"type": "record", "name": "V", "fields": [{"name": "x", "type": "int"}, {"name": "velocity", "type": ["null", "double"]}]}}}}"#,
    );
    let reader = writer.replace(r#"["null", "double"]"#, r#""double""#);
    // {"a/b": [{1, 2.0}, {2, null}]}
    let data = "0206612f6204020200000000000000400400".to_owned() + "0000";
    assert_eq!(
        read(&writer, &reader, &data).unwrap_err(),
        "byte 17, /telemetry/a~1b/1/velocity: the writer's null has no place in the reader's double"
    );
    refuses(
        &writer,
        &reader,
        &data[..24],
        "byte 8, /telemetry/a~1b/0/velocity: expected 8 byte(s) for a double",
    );
    let caveat = plan(&writer, &reader).unwrap().caveats()[0].to_string();
    assert!(
        caveat
            .starts_with("/telemetry/*/*/velocity: the writer's null cannot be read as the reader's double"),
        "{caveat}"
    );
}

#[test]
fn recursive_types() {
    let node = |value: &str, extra: &str| {
        format!(
            r#"{{"type": "record", "name": "Node", "fields": [{{"name": "v", "type": "{value}"}},
                {{"name": "next", "type": ["null", "Node"]}}{extra}]}}"#
        )
    };
    let same = plan(&node("int", ""), &node("int", "")).unwrap();
    assert!(same.is_identity());
    reads(
        &node("int", ""),
        &node("long", r#", {"name": "d", "type": "int", "default": 9}"#),
        "02020400",
        r##"{"v":1,"next":{"#1":{"v":2,"next":{"#0":null},"d":9}},"d":9}"##,
    );
    // Deeper than the limit.
    let deep = "0202".repeat(2_000) + "0200";
    refuses(&node("int", ""), &node("long", ""), &deep, "nested at most");
    refuses(&node("int", ""), &node("int", ""), &deep, "nested at most");
    assert!(Value::decode(&Schema::parse(&node("int", "")).unwrap(), &unhex(&deep)).is_err());
}

#[test]
fn the_same_bytes_are_told_from_others() {
    let identity = |writer: &str, reader: &str| plan(writer, reader).unwrap().is_identity();
    assert!(identity(r#""string""#, r#""bytes""#));
    assert!(identity(r#"["null", "int"]"#, r#"["null", "int"]"#));
    assert!(!identity(r#"["null", "int"]"#, r#"["null", "int", "string"]"#));
    assert!(!identity(r#""bytes""#, r#""string""#));
    assert!(!identity(r#""int""#, r#""long""#));
    let symbols = |symbols: &str| format!(r#"{{"type": "enum", "name": "E", "symbols": [{symbols}]}}"#);
    assert!(identity(&symbols(r#""A""#), &symbols(r#""A""#)));
    // With more symbols, a reader would take an index that the writer cannot have written.
    assert!(!identity(&symbols(r#""A""#), &symbols(r#""A", "B""#)));
    let plan = plan(&symbols(r#""A""#), &symbols(r#""A", "B""#)).unwrap();
    let mut out = Vec::new();
    assert_eq!(plan.transcode(&[0], &mut out).unwrap(), 1);
    assert_eq!(hex(&out), "00");
    assert!(plan.transcode(&[2], &mut out).is_err());
}

#[test]
fn hostile_counts_and_lengths() {
    let nulls = r#"{"type": "array", "items": "null"}"#;
    let longs = r#"{"type": "array", "items": "int"}"#;
    let promoted = r#"{"type": "array", "items": "long"}"#;
    refuses(nulls, nulls, "8094ebdc0300", "expected at most 65536 items");
    refuses(longs, promoted, "8094ebdc0300", "expected at most 1 items");
    refuses(longs, promoted, "ffffffffffffffffff010200", "expected at most");
    refuses(
        r#""string""#,
        r#""bytes""#,
        "8094ebdc0300",
        "expected 500000000 byte(s)",
    );
    refuses(r#""string""#, r#""string""#, "04c328", "byte 1: expected UTF-8");
    // A field that is skipped is not looked into, but it has to be there.
    let writer = record(r#"{"name": "s", "type": "string"}"#);
    reads(&writer, &record(""), "04c328", "{}");
    refuses(
        &writer,
        &record(""),
        "06c328",
        "/s: expected 3 byte(s) for a string, found 2",
    );
}

/// A union of so many records, each of which has the next one as a field.
fn chain(length: usize, ty: &str) -> String {
    let records: Vec<_> = (0..length)
        .map(|at| {
            let inner = if at + 1 < length {
                format!("\"R{}\"", at + 1)
            } else {
                ty.to_owned()
            };
            format!(r#"{{"type":"record","name":"R{at}","fields":[{{"name":"a","type":{inner}}}]}}"#)
        })
        .collect();
    format!("[{}]", records.join(","))
}

#[test]
fn deep_schemas_do_not_exhaust_the_stack() {
    let deep_plan = plan;
    let plan = plan(&chain(490, "\"int\""), &chain(490, "\"double\"")).unwrap();
    let mut out = Vec::new();
    assert_eq!(plan.transcode(&[0, 2], &mut out).unwrap(), 2);
    assert_eq!(hex(&out), "00000000000000f03f");
    assert!(plan.transcode(&[0], &mut out).is_err());
    let error = deep_plan(&chain(900, "\"int\""), &chain(900, "\"double\"")).unwrap_err();
    assert!(matches!(*error.mismatch, Mismatch::TooLarge { .. }), "{error}");
}

#[test]
fn records_in_records_in_another_order_do_not_multiply() {
    // Each level has two of the one below: were each put together from all parts of those inside, there would be 2^40.
    let schema = |swapped: bool| {
        let (a, b) = if swapped { ("b", "a") } else { ("a", "b") };
        let mut inner = format!(
            r#"{{"type":"record","name":"R0","fields":[{{"name":"{a}","type":"int"}},{{"name":"{b}","type":"int"}}]}}"#
        );
        for level in 1..40 {
            let below = level - 1;
            inner = match swapped {
                false => format!(
                    r#"{{"type":"record","name":"R{level}","fields":[{{"name":"a","type":{inner}}},{{"name":"b","type":"R{below}"}}]}}"#
                ),
                true => format!(
                    r#"{{"type":"record","name":"R{level}","fields":[{{"name":"b","type":{inner}}},{{"name":"a","type":"R{below}"}}]}}"#
                ),
            };
        }
        inner
    };
    let plan = plan(&schema(false), &schema(true)).unwrap();
    assert!(plan.transcode(&[0; 64], &mut Vec::new()).is_err());
}

/// An open enum keeps a symbol that it has not: a number beyond its own, and the text.
#[test]
fn open_enums_keep_symbols_that_they_do_not_know() {
    let of = |symbols: &str| {
        record(&format!(
            r#"{{"name": "e", "type": {{"type": "enum", "name": "n.E", "symbols": [{symbols}], "default": "A"}}}}, {{"name": "i", "type": "int"}}"#
        ))
    };
    let (writer, reader) = (of(r#""NEW", "B", "A""#), of(r#""A", "B""#));
    let (writer, reader) = (Schema::parse(&writer).unwrap(), Schema::parse(&reader).unwrap());
    let transcoded = |plan: &Plan, input: &str| {
        let mut bytes = Vec::new();
        plan.transcode(&unhex(input), &mut bytes)
            .map(|_| hex(&bytes))
            .map_err(|e| e.to_string())
    };
    let open = Plan::with_open_enums(&writer, &reader, &["n.E"]).unwrap();
    assert!(!open.is_identity() && open.caveats().is_empty());
    assert_eq!(
        transcoded(&open, "0002").unwrap(),
        format!("0406{}02", hex(b"NEW"))
    );
    assert_eq!(transcoded(&open, "0202").unwrap(), "0202");
    assert_eq!(transcoded(&open, "0402").unwrap(), "0002");
    assert!(transcoded(&open, "0602").unwrap_err().contains("symbol"));
    assert!(transcoded(&open, "00").is_err());
    // Of other names it is the enum's default.
    let closed = Plan::with_open_enums(&writer, &reader, &["E", "n.F"]).unwrap();
    assert_eq!(transcoded(&closed, "0002").unwrap(), "0002");
    // Nothing is unknown here, so nothing changes.
    let same = Plan::with_open_enums(&reader, &reader, &["n.E"]).unwrap();
    assert!(same.is_identity());
    // One that shares no symbol is read all the same.
    let strange = Schema::parse(
        &of(r#""X", "A""#)
            .replace(r#""X", "A""#, r#""X""#)
            .replace(r#", "default": "A""#, ""),
    )
    .unwrap();
    let bare = Schema::parse(&of(r#""A", "B""#).replace(r#", "default": "A""#, "")).unwrap();
    assert!(Plan::new(&strange, &bare).is_err());
    let plan = Plan::with_open_enums(&strange, &bare, &["n.E"]).unwrap();
    assert_eq!(transcoded(&plan, "0002").unwrap(), format!("0402{}02", hex(b"X")));
}
