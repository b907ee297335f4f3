//! What `[generate]` chooses, held against a schema.

use fleetops_avro::SchemaSet;

use super::*;

/// The rules of errors about a manifest for one small schema.
fn errors_of(generate: &str) -> Vec<String> {
    let schema = r#"{"type":"record","name":"E","namespace":"s","fields":[
        {"name":"id","type":"string"},
        {"name":"price","type":["null",{"type":"bytes","logicalType":"decimal","precision":40,"scale":2}]},
        {"name":"meta","type":{"type":"record","name":"Meta","fields":[
            {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}}]}}]}"#;
    let schemas = SchemaSet::parse(&[Source::new("s.avsc", schema)]).unwrap();
    let topic = "[topics.e]\nvalue = \"s.E\"\nkey = \"id\"\npartitions = 1\nstamp = \"meta.at\"\n";
    let found = parse(&format!("{topic}{generate}")).unwrap().check(&schemas);
    let errors = found.iter().filter(|d| d.severity == Severity::Error);
    errors.map(|d| d.rule.to_owned()).collect()
}

/// The producer sets it, and what a type of an application stands for is not given out to be changed.
#[test]
fn no_type_of_the_application_is_on_the_way_to_a_stamp() {
    assert_eq!(errors_of(""), [""; 0]);
    assert_eq!(
        errors_of("[generate.types.\"s.Meta\"]\ntype = \"crate::Meta\""),
        ["stamp-type"]
    );
    assert_eq!(
        errors_of("[generate.fields.\"s.E.meta\"]\ntype = \"crate::Meta\""),
        ["stamp-type"]
    );
    assert_eq!(
        errors_of("[generate.fields.\"s.E.id\"]\ntype = \"crate::Id\""),
        [""; 0]
    );
}

#[test]
fn a_decimal_type_is_for_a_field_that_has_decimals_and_does_not_keep_them_raw() {
    let price = |settings: &str| errors_of(&format!("[generate.fields.\"s.E.price\"]\n{settings}"));
    assert_eq!(price("decimal = \"bigdecimal\""), [""; 0]);
    assert_eq!(price("decimal = \"bigdecimal\"\nraw = true"), ["type-choice"]);
    assert_eq!(
        errors_of("[generate.fields.\"s.E.meta\"]\ndecimal = \"bigdecimal\""),
        ["type-choice"]
    );
}
