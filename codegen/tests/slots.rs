//! Slots of templates: what is wrong in one is told where it is.
#![allow(clippy::unwrap_used)] // a test may

use fleetops_avro::{SchemaSet, Source};
use fleetops_codegen::{Options, generate};

#[test]
fn a_fault_in_a_slot_is_told_with_the_slots_file() {
    let schemas = SchemaSet::parse(&[Source::new(
        "r.avsc",
        r#"{"type":"record","name":"R","fields":[]}"#,
    )])
    .unwrap();
    let text = "{{!-- fleetops-codegen template: record_items, version 1 --}}\n\n    {{nothing}}\n";
    let slot = Source::new("record_items.hbs", text);
    let options = Options {
        templates: [("record_items.hbs".to_owned(), slot)].into(),
        ..Options::default()
    };
    let found = generate(&schemas, None, &options).unwrap_err();
    let place = &found[0].primary.place;
    assert_eq!(found[0].rule, "template-render");
    assert_eq!(place.source.name(), "record_items.hbs", "{}", found[0].message);
    assert_eq!(place.source.slice(place.span).trim(), "{{nothing}}");
}
