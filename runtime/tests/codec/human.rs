//! The human form of JSON.

use std::collections::{BTreeMap, HashMap};

use fleetops_runtime::chrono::{DateTime, Utc};
use fleetops_runtime::codec::human;
use fleetops_runtime::rust_decimal::Decimal;
use fleetops_runtime::serde::{Deserialize, Serialize};
use fleetops_runtime::serde_json;
use proptest::prelude::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "fleetops_runtime::serde")]
struct Bytes {
    #[serde(with = "human::bytes")]
    plain: Vec<u8>,
    #[serde(with = "human::bytes")]
    wide: [u8; 40],
    #[serde(with = "human::bytes", default)]
    boxed: Option<Box<[u8; 3]>>,
    #[serde(with = "human::bytes")]
    nested: BTreeMap<String, Vec<Option<[u8; 2]>>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(crate = "fleetops_runtime::serde")]
struct Numbers {
    #[serde(with = "human::number")]
    double: f64,
    #[serde(with = "human::number")]
    floats: Vec<f32>,
    #[serde(with = "human::number")]
    by_name: HashMap<String, Option<f64>>,
}

proptest! {
    #[test]
    fn bytes_come_back(
        plain: Vec<u8>,
        wide in proptest::collection::vec(any::<u8>(), 40),
        boxed: Option<[u8; 3]>,
        pair: Option<[u8; 2]>,
    ) {
        let bytes = Bytes {
            plain,
            wide: wide.try_into().expect("40"),
            boxed: boxed.map(Box::new),
            nested: BTreeMap::from([("k".to_owned(), vec![pair, None])]),
        };
        let json = serde_json::to_string(&bytes).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Bytes>(&json).expect("our JSON"), bytes.clone());
        let value = serde_json::to_value(&bytes).expect("JSON");
        prop_assert!(value["plain"].is_string() && value["wide"].is_string());
        prop_assert_eq!(serde_json::from_value::<Bytes>(value).expect("our JSON"), bytes);
    }

    #[test]
    fn numbers_keep_their_bits_through_json(double: f64, float: f32) {
        let numbers = Numbers {
            double,
            floats: vec![float, f32::INFINITY],
            by_name: HashMap::from([("a".to_owned(), Some(double)), ("b".to_owned(), None)]),
        };
        let json = serde_json::to_string(&numbers).expect("JSON");
        let back: Numbers = serde_json::from_str(&json).expect("our JSON");
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        prop_assert!(same(back.double, double), "{json}");
        prop_assert!(same(f64::from(back.floats[0]), f64::from(float)), "{json}");
        prop_assert!(same(back.by_name["a"].expect("a number"), double) && back.by_name["b"].is_none());
    }
}

#[test]
fn numbers_that_json_has_not_are_names() {
    let numbers = Numbers {
        double: f64::NEG_INFINITY,
        floats: vec![f32::NAN, 1.5],
        by_name: HashMap::from([("a".to_owned(), Some(f64::INFINITY))]),
    };
    assert_eq!(
        serde_json::to_string(&numbers).expect("JSON"),
        r#"{"double":"-Infinity","floats":["NaN",1.5],"by_name":{"a":"Infinity"}}"#
    );
    let whole: Numbers =
        serde_json::from_str(r#"{"double":3,"floats":[-2],"by_name":{}}"#).expect("whole numbers");
    assert_eq!((whole.double, whole.floats[0]), (3.0, -2.0));
    let error = serde_json::from_str::<Numbers>(r#"{"double":"many","floats":[],"by_name":{}}"#);
    let error = error.expect_err("no number").to_string();
    assert!(
        error.contains(r#"invalid value: string "many", expected a number, "NaN""#),
        "{error}"
    );
}

#[test]
fn wrong_base64_and_wrong_lengths_are_errors() {
    #[derive(Debug, Deserialize)]
    #[serde(crate = "fleetops_runtime::serde")]
    #[allow(dead_code)]
    struct Fixed {
        #[serde(with = "human::bytes")]
        f: [u8; 4],
    }
    let error = |json: &str| {
        serde_json::from_str::<Fixed>(json)
            .expect_err("wrong")
            .to_string()
    };
    assert!(error(r#"{"f":"YWI="}"#).contains("expected 4 bytes as base64, found 2"));
    assert!(error(r#"{"f":"Y!"}"#).contains("not base64"));
    assert!(error(r#"{"f":[1,2,3,4]}"#).contains("expected bytes as base64 text"));
    assert!(error("{}").contains("missing field"));
}

#[test]
fn times_and_decimals_are_human_by_themselves() {
    let json = |time: &str| {
        let time: DateTime<Utc> = time.parse().expect("a time");
        serde_json::to_string(&time).expect("JSON")
    };
    // As many digits as there are, in steps of three.
    assert_eq!(json("2024-01-15T10:23:45.123Z"), r#""2024-01-15T10:23:45.123Z""#);
    assert_eq!(json("2024-01-15T10:23:45Z"), r#""2024-01-15T10:23:45Z""#);
    assert_eq!(
        json("2024-01-15T10:23:45.1+02:00"),
        r#""2024-01-15T08:23:45.100Z""#
    );
    assert_eq!(
        json("2024-01-15T10:23:45.000001Z"),
        r#""2024-01-15T10:23:45.000001Z""#
    );
    assert_eq!(
        serde_json::to_string(&Decimal::new(150, 2)).expect("JSON"),
        r#""1.50""#
    );
}
