//! What the manifest says of how types look: newtypes, raw logical types, attributes; and what the schema says of deprecation.

use std::str::FromStr as _;

use fleetops_codegen::manifest::Manifest;
use fleetops_codegen::{Gate, Options, generate, load};
use fleetops_runtime::chrono::DateTime;
use fleetops_runtime::codec::{AvroJson, Newtype};
use fleetops_runtime::rust_decimal::Decimal;
use fleetops_runtime::serde::{Deserialize, Serialize};
use fleetops_runtime::serde_json;
use fleetops_runtime::topic::Topic;

use crate::dressed::dressed::{Mode, Token, Trip, TripNote, TripRef, TripRequired};
use crate::dressed::topics::TripsTopic;

/// A driver's ID: not empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "fleetops_runtime::serde", transparent)]
pub struct DriverId(pub String);

impl Newtype for DriverId {
    type Base = String;
    type Error = &'static str;

    fn from_base(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() {
            Err("a driver has an ID")
        } else {
            Ok(Self(text))
        }
    }

    fn base(&self) -> &String {
        &self.0
    }
}

fn trip() -> Trip {
    Trip::builder(TripRequired {
        driver: DriverId("d-1".to_owned()),
        started_at: 1_700_000_000_000_001,
        token: Token(*b"0123456789abcdef"),
        mode: Mode::Assisted,
    })
    .relief(DriverId("d-2".to_owned()))
    .note(TripNote::from("on time".to_owned()))
    .build()
}

#[test]
fn a_newtype_stands_for_what_would_be_generated() {
    let bytes = trip().to_avro();
    assert_eq!(Trip::from_avro(&bytes).unwrap(), trip());
    let view = TripRef::from_avro(&bytes).unwrap();
    assert_eq!(
        (&view.driver, view.note.clone().into_owned()),
        (&trip().driver, trip().note)
    );
    assert_eq!(view.into_owned(), trip());
    let json = serde_json::to_string(&trip()).unwrap();
    assert!(
        json.contains(r#""driver":"d-1","relief":"d-2","started_at":1700000000000001,"#),
        "{json}"
    );
    assert_eq!(serde_json::from_str::<Trip>(&json).unwrap(), trip());

    let nobody = Trip {
        driver: DriverId(String::new()),
        ..trip()
    };
    let refused = Trip::from_avro(&nobody.to_avro()).unwrap_err();
    assert!(refused.to_string().contains("a driver has an ID"), "{refused}");
    let stranger = Trip {
        driver: DriverId("x".to_owned()),
        ..trip()
    };
    assert_eq!(stranger.validate().unwrap_err().violations()[0].path, "driver");
}

#[test]
fn topics_reach_through_newtypes_and_raw_times() {
    let mut event = trip();
    let (mut key, mut dedup) = (String::new(), Vec::new());
    assert!(TripsTopic.key(&event, &mut key) && TripsTopic.dedup_key(&event, &mut dedup));
    assert_eq!((key.as_str(), dedup.as_slice()), ("d-1", &b"d-1\x1f0"[..]));
    TripsTopic.stamp(&mut event, DateTime::from_timestamp_micros(77).unwrap());
    assert_eq!(event.started_at, 77);
}

#[test]
fn defaults_symbols_and_branches() {
    let trip = trip();
    assert_eq!(
        (trip.fare, trip.toll),
        (Decimal::new(256, 2), Decimal::new(1234, 2))
    );
    assert_eq!(Mode::from_str("ASSISTED"), Ok(Mode::Assisted));
    let unknown = Mode::from_str("Assisted").unwrap_err();
    let symbols = unknown.symbols().join(", ");
    assert_eq!(
        unknown.to_string(),
        format!(r#""Assisted" is no symbol of dressed.Mode, which has {symbols}"#)
    );
    assert_eq!(symbols.split(", ").count(), Mode::ALL.len());
    assert_eq!(Mode::try_from("ASSISTED"), Ok(Mode::Assisted));
    assert_eq!(Mode::try_from("Assisted"), Err(unknown));
    assert_eq!(TripNote::from(Mode::Manual), TripNote::Mode(Mode::Manual));
    assert_eq!(TripNote::from(3), TripNote::Int(3));
}

#[test]
fn avros_own_json_is_to_be_had() {
    let json = AvroJson::<Trip>::new().unwrap();
    let text = json.write(&trip()).unwrap();
    assert!(
        text.contains(r#""relief":{"string":"d-2"}"#) && text.contains(r#""note":{"string":"on time"}"#),
        "{text}"
    );
    assert_eq!(json.read(&text).unwrap(), trip());
    let wrong = json
        .read(&text.replace("ASSISTED", "ASSISTD"))
        .unwrap_err()
        .to_string();
    assert!(wrong.starts_with("no value of dressed.Trip: /mode: "), "{wrong}");
    assert!(
        json.read("{")
            .unwrap_err()
            .to_string()
            .starts_with("not JSON, at byte ")
    );
}

/// Attributes that the manifest names pass the audit; the same from a template do not.
#[test]
fn only_attributes_of_the_manifest_pass() {
    let folder = crate::folder("dressed");
    let schemas = load::load_schemas(&[folder.join("schemas")]).unwrap();
    let manifest = Manifest::load(&folder.join("fleetops-registry.toml")).unwrap();
    let slot = |name: &str, text: &str| {
        let text = format!("{{{{!-- fleetops-codegen template: {name}, version 1 --}}}}\n{text}\n");
        let source = fleetops_avro::Source::new(format!("{name}.hbs"), text);
        Options {
            templates: [(format!("{name}.hbs"), source)].into(),
            ..Options::default()
        }
    };
    let added = slot("record_items", "/// A constant. \npub const ANSWER: u32 = 42;");
    let output = generate(&schemas, Some(&manifest), &added).unwrap();
    assert_eq!(
        output.files["dressed.rs"]
            .matches("pub const ANSWER: u32 = 42;")
            .count(),
        2
    );
    for attribute in [
        "#[no_mangle]",
        "#[cfg_attr(all(), no_mangle)]",
        "#[must_use = \"other words\"] #[path = \"x\"]",
    ] {
        let found = generate(&schemas, Some(&manifest), &slot("enum_attributes", attribute)).unwrap_err();
        assert_eq!(found[0].rule, "template-item", "{attribute}");
    }
    let found = generate(
        &schemas,
        None,
        &slot("record_items", "fn f() { ::std::println!() }"),
    )
    .unwrap_err();
    assert_eq!(found[0].rule, "template-item");
}

/// Without serde there is no word of it; with a feature, every one is behind it.
#[test]
fn serde_is_left_out_or_gated() {
    let folder = crate::folder("shapes");
    let schemas = load::load_schemas(&[folder.join("schemas")]).unwrap();
    let code = |serde: Gate| {
        let options = Options {
            serde,
            ..Options::default()
        };
        generate(&schemas, None, &options).unwrap().files["shapes.rs"].clone()
    };
    assert!(!code(Gate::Never).contains("serde"));
    // Without white space: long attributes take several lines.
    let gated: String = code(Gate::Feature("serde".to_owned()))
        .split_whitespace()
        .collect();
    let behind = gated.matches("feature=\"serde\",serde(").count();
    assert!(
        behind > 20 && gated.matches("serde(").count() == behind,
        "{behind}"
    );
    assert!(gated.contains("#[cfg_attr(feature=\"serde\",serde(untagged))]"));
}
