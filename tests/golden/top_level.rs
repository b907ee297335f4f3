//! Values of what files have at their top besides records: with and without a name of its own.

use std::collections::BTreeMap;

use fleetops_runtime::chrono::DateTime;
use fleetops_runtime::codec::{AvroJson, AvroRecord, Resolver};
use fleetops_runtime::rust_decimal::Decimal;
use fleetops_runtime::serde_json::{self, json};
use fleetops_runtime::uuid::Uuid;

use crate::unnamed::shop::orders::{Cancelled, Placed};
use crate::unnamed::shop::{Colour, CustomerId, Digest, Shade};
use crate::unnamed::*;
use crate::values::round_trip;

fn placed(note: &str) -> Placed {
    Placed {
        order: Uuid::from_u128(7),
        note: note.to_owned(),
    }
}

fn paths(errors: &fleetops_runtime::codec::ValidationErrors) -> Vec<(std::string::String, &'static str)> {
    let violations = errors.violations();
    violations.iter().map(|v| (v.path.clone(), v.rule)).collect()
}

#[test]
fn a_union_is_an_enum_called_after_its_file() {
    for event in [
        Events::Null,
        placed("now").into(),
        Cancelled {
            order: Uuid::from_u128(8),
            colour: Colour::Red,
        }
        .into(),
    ] {
        let bytes = round_trip(&event);
        assert_eq!(EventsRef::from_avro(&bytes).unwrap().into_owned(), event);
        // The index of a branch, then its value.
        assert_eq!(
            bytes[1..],
            match &event {
                Events::Null => Vec::new(),
                Events::Placed(placed) => placed.to_avro(),
                Events::Cancelled(cancelled) => cancelled.to_avro(),
            }
        );
    }
    assert_eq!(Events::NAME, "events");
    assert_eq!(Events::OPEN_ENUMS, ["shop.Colour"]);
    let event = Events::from(placed("too long"));
    assert_eq!(
        paths(&event.validate().unwrap_err()),
        [("note".to_owned(), "maxLength")]
    );
    assert_eq!(
        serde_json::to_value(Events::from(placed(""))).unwrap(),
        json!({ "shop.orders.Placed": { "order": Uuid::from_u128(7), "note": "" } })
    );
    assert_eq!(serde_json::to_value(Events::Null).unwrap(), json!(null));
    round_trip(&Only::String("one".to_owned()));
}

#[test]
fn a_null_and_one_other_is_an_option() {
    for value in [Some("x".to_owned()), None] {
        let bytes = round_trip(&MaybeName(value.clone()));
        assert_eq!(MaybeNameRef::from_avro(&bytes).unwrap().0, value.as_deref());
    }
    assert_eq!(Some_(Some(3)).to_avro(), [0, 6]);
    assert_eq!(Some_(None).to_avro(), [2]);
    assert_eq!(MaybeName::default(), MaybeName(None));
}

#[test]
fn arrays_and_maps_are_what_they_hold() {
    round_trip(&Readings(vec![1.5, f64::INFINITY]));
    round_trip(&MaybeEvents(vec![
        MaybeEventsItem::Int(1),
        placed("a").into(),
        MaybeEventsItem::Null,
    ]));
    round_trip(&Totals(BTreeMap::from([("a".to_owned(), -1)])));
    round_trip(&Colours(BTreeMap::from([("k".to_owned(), vec![Colour::Green])])));
    let names = Names(vec!["é".to_owned(), "".to_owned()]);
    let bytes = round_trip(&names);
    assert_eq!(NamesRef2::from_avro(&bytes).unwrap().0, ["é", ""]);
    // The view of `names.avsc` gives way to the type of `names-ref.avsc`.
    assert_eq!(NamesRef(1.0).to_avro(), 1.0f32.to_le_bytes());
    round_trip(&orders());

    let mut orders = orders();
    let first = orders.0[0].note.as_ptr();
    orders.read_avro(&Orders(vec![placed("b")]).to_avro()).unwrap();
    assert_eq!((orders.0.len(), &*orders.0[0].note), (1, "b"));
    assert_eq!(orders.0[0].note.as_ptr(), first, "the memory is used again");
}

fn orders() -> Orders {
    Orders(vec![placed("first"), placed("other")])
}

#[test]
fn primitives_and_logical_types_are_structs_around_their_rust_types() {
    round_trip(&PlacedAt(
        DateTime::from_timestamp_millis(1_700_000_000_123).unwrap(),
    ));
    round_trip(&Price(Decimal::new(12345, 2)));
    round_trip(&Count(7));
    round_trip(&unnamed_string("text"));
    round_trip(&Blob(vec![0, 255]));
    round_trip(&Flag(true));
    round_trip(&Ratio(3.0));
    round_trip(&_2024Events(-1));
    assert!(Nothing(()).to_avro().is_empty());
    Nothing::from_avro(&[]).unwrap();
    assert_eq!(serde_json::to_value(Blob(vec![0, 255])).unwrap(), json!("AP8="));
    assert_eq!(serde_json::to_value(Ratio(f64::NAN)).unwrap(), json!("NaN"));
    // No value, so no bytes.
    assert!(Never::from_avro(&[]).is_err() && Never::from_avro(&[0]).is_err());
}

fn unnamed_string(text: &str) -> String {
    String(text.into())
}

#[test]
fn what_has_a_name_has_a_codec_of_its_own_too() {
    for shade in Shade::ALL {
        round_trip(&shade);
    }
    let digest = Digest(*b"abcd");
    assert_eq!(round_trip(&digest), b"abcd");
    let id = CustomerId(Uuid::from_u128(9));
    assert_eq!(round_trip(&id), id.0.as_bytes());
    assert_eq!(
        (Shade::NAME, Digest::NAME, CustomerId::NAME),
        ("shop.Shade", "shop.Digest", "shop.CustomerId")
    );
    let unknown = Colour::Unknown("PINK".to_owned());
    assert_eq!(
        paths(&unknown.validate().unwrap_err()),
        [(std::string::String::new(), "symbol")]
    );
    round_trip(&Colour::Green);
}

#[test]
fn rules_hold_for_the_whole_value() {
    let told = |errors: Result<(), fleetops_runtime::codec::ValidationErrors>| {
        let found = paths(&errors.unwrap_err());
        found
            .into_iter()
            .map(|(path, rule)| format!("{path}:{rule}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(Readings(vec![]).validate()), [":minItems"]);
    assert_eq!(told(Count(-1).validate()), [":minimum"]);
    assert_eq!(told(Ratio(3.2).validate()), [":maximum"]);
    assert_eq!(told(Price(Decimal::new(1234567, 2)).validate()), [":decimal"]);
    #[allow(deprecated)]
    let text = Option("ABC".into());
    assert_eq!(told(text.validate()), [":pattern"]);
    assert_eq!(
        told(Orders(vec![placed(""), placed("too long")]).validate()),
        ["[1].note:maxLength"]
    );
}

#[test]
fn another_writers_value_is_resolved() {
    let resolver = Resolver::<Count>::new("\"int\"").unwrap();
    assert_eq!(Count::from_avro_with(&resolver, &[14]).unwrap(), Count(7));
    // A record alone is one of the branches.
    let resolver = Resolver::<Events>::new(Placed::SCHEMA).unwrap();
    assert_eq!(
        Events::from_avro_with(&resolver, &placed("x").to_avro()).unwrap(),
        placed("x").into()
    );
    let json = AvroJson::<MaybeName>::new().unwrap();
    assert_eq!(
        json.write(&MaybeName(Some("a".to_owned()))).unwrap(),
        r#"{"string":"a"}"#
    );
}
