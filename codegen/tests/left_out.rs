//! Attributes and defaults that are Avro and nothing for Rust: each is left out or kept raw, and told with its rule, its
//! place and what is under the caret.
#![allow(clippy::unwrap_used)] // a test may

use fleetops_avro::{SchemaSet, Source};
use fleetops_codegen::{Options, generate};

#[test]
fn what_is_left_out_is_told_with_its_place() {
    for (field, rule, under) in [
        (
            r#""type":"int","pattern":"a""#,
            "validation-misfit",
            "\"pattern\"",
        ),
        (
            r#""type":"string","minimum":1"#,
            "validation-misfit",
            "\"minimum\"",
        ),
        (
            r#""type":{"type":"string","logicalType":"uuid"},"minLength":1"#,
            "validation-misfit",
            "\"minLength\"",
        ),
        (
            r#""type":["null","boolean"],"maxItems":1"#,
            "validation-misfit",
            "\"maxItems\"",
        ),
        (
            r#""type":{"type":"array","items":"int","minProperties":1}"#,
            "validation-misfit",
            "\"minProperties\"",
        ),
        (r#""type":"int","minimum":"1""#, "validation-value", "\"1\""),
        (
            r#""type":"int","minimum":3000000000"#,
            "validation-value",
            "3000000000",
        ),
        (r#""type":"long","maximum":1.5"#, "validation-value", "1.5"),
        (r#""type":"string","maxLength":-1"#, "validation-value", "-1"),
        (r#""type":"string","pattern":7"#, "validation-value", "7"),
        (
            r#""type":"string","pattern":"(a""#,
            "validation-pattern",
            "\"(a\"",
        ),
        (
            r#""type":"double","minimum":2,"maximum":1"#,
            "validation-contradiction",
            "2",
        ),
        (
            r#""type":{"type":"string","logicalType":"uuid"},"default":"none""#,
            "default-kept-raw",
            "\"none\"",
        ),
        (
            r#""type":{"type":"int","logicalType":"time-millis"},"default":-1"#,
            "default-kept-raw",
            "-1",
        ),
    ] {
        let text = format!(r#"{{"type":"record","name":"R","fields":[{{"name":"f",{field}}}]}}"#);
        let schemas = SchemaSet::parse(&[Source::new("r.avsc", text)]).unwrap();
        let output = generate(&schemas, None, &Options::default()).unwrap();
        let found = &output.warnings;
        assert_eq!(found.len(), 1, "{field}");
        assert_eq!(found[0].rule, rule, "{field}");
        let place = &found[0].primary.place;
        assert_eq!(
            place.source.slice(place.span),
            under,
            "{field}: {}",
            found[0].message
        );
        assert!(found[0].primary.text.len() > 3, "{field}");
    }
}

#[test]
fn rules_that_fit_are_taken() {
    let text = r#"{"type":"record","name":"R","fields":[
        {"name":"f","type":["null",{"type":"string","minLength":1}],"maxLength":2,"default":null}]}"#;
    let schemas = SchemaSet::parse(&[Source::new("r.avsc", text)]).unwrap();
    let output = generate(&schemas, None, &Options::default()).unwrap();
    let code = &output.files["mod.rs"];
    assert!(
        code.contains("check::min_length") && code.contains("check::max_length"),
        "{code}"
    );
}
