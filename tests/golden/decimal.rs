//! Decimals of the type that the manifest chooses: of any number of digits, beside those of 28.

use std::collections::BTreeMap;

use fleetops_runtime::avro::Schema;
use fleetops_runtime::avro::value::Value;
use fleetops_runtime::bigdecimal::BigDecimal;
use fleetops_runtime::codec::AvroJson;
use fleetops_runtime::rust_decimal::Decimal;
use fleetops_runtime::serde_json;

use crate::decimals::Amount;
use crate::decimals::decimals::{Price, PriceOrText, PriceRef, PriceRequired, Wide};

fn big(text: &str) -> BigDecimal {
    text.parse().unwrap()
}

fn price() -> Price {
    Price::builder(PriceRequired {
        amount: big("-1234567890123456789012345678901234567.00000000000000000001"),
        net: Decimal::new(-1250, 2),
        coarse: big("99.5"),
        wide: big("12345678901234567890123456789012345678.25"),
        wide_raw: Wide([0xff; 20]),
        any: big("1E-300"),
        any_small: Decimal::new(7, 1),
    })
    .before(big("0.5"))
    .steps(vec![big("0"), big("-1E+40"), big("0.00000001")])
    .by_country(BTreeMap::from([("de".to_owned(), big("3.99"))]))
    .or_text(PriceOrText::from(big("17")))
    .build()
}

#[test]
fn values_make_the_round_trip_and_java_reads_their_digits() {
    let bytes = price().to_avro();
    assert_eq!(Price::from_avro(&bytes).unwrap(), price());
    assert_eq!(PriceRef::from_avro(&bytes).unwrap().into_owned(), price());
    let mut again = Price {
        any: big("5"),
        steps: vec![big("1"); 9],
        ..price()
    };
    again.read_avro(&bytes).unwrap();
    assert_eq!(again, price());
    assert!(price().validate().is_ok());

    // The value model knows no logical types: these are the bytes of `BigInteger.toByteArray`.
    let schema = Schema::parse(Price::SCHEMA).unwrap();
    let Value::Record(fields) = Value::decode_all(&schema, &bytes).unwrap() else {
        panic!("a record")
    };
    assert_eq!(fields[1], Value::Bytes(vec![0xfb, 0x1e]));
    assert_eq!(fields[2], Value::Fixed(vec![0, 0, 0, 0, 0x26, 0xde]));
    // 1 of scale 300: a number of one byte, and the zig-zag of 300.
    assert_eq!(fields[5], Value::Bytes(vec![2, 1, 0xd8, 4]));
    assert_eq!(fields[14], Value::Bytes(vec![2, 1, 5]));
}

#[test]
fn defaults_are_numbers_and_one_that_asks_for_gigabytes_stays_bytes() {
    let price = price();
    assert_eq!(
        (&price.zero, &price.one_and_a_half, &price.thousand),
        (&big("0"), &big("1.50"), &big("1000"))
    );
    assert_eq!(price.huge, big("110632616530073065222795842814029553193490.08"));
    let _: &Vec<u8> = &price.too_far;
}

#[test]
fn a_file_that_is_a_decimal_has_a_type_of_its_own() {
    let amount = Amount(big("12345678901234567890123456789012345678901234567890.12"));
    assert_eq!(Amount::from_avro(&amount.to_avro()).unwrap(), amount);
    let json = serde_json::to_string(&amount).unwrap();
    assert_eq!(json, r#""12345678901234567890123456789012345678901234567890.12""#);
    assert_eq!(serde_json::from_str::<Amount>(&json).unwrap(), amount);
    assert!(Amount(big("0.001")).validate().is_err());
}

/// The runtime has the type behind a feature, which a package of such types turns on.
#[test]
fn a_package_with_large_decimals_turns_the_feature_on() {
    for (case, wanted) in [("decimals", true), ("shapes", false)] {
        let (schemas, manifest) = crate::input(case);
        let output = fleetops_codegen::package(
            &schemas,
            manifest.as_ref(),
            &fleetops_codegen::Options::default(),
            &fleetops_codegen::Package::default(),
        );
        let files = output.unwrap().files;
        let dependency = files["Cargo.toml"]
            .lines()
            .find(|line| line.starts_with("fleetops-runtime = "))
            .unwrap();
        assert_eq!(
            dependency.contains(r#"features = ["bigdecimal"]"#),
            wanted,
            "{dependency}"
        );
    }
}

#[test]
fn json_has_all_digits_as_text() {
    let json = serde_json::to_string(&price()).unwrap();
    let amount = r#""amount":"-1234567890123456789012345678901234567.00000000000000000001","net":"-12.50""#;
    assert!(json.contains(amount), "{json}");
    assert!(
        json.contains(r#""steps":["0","-10000000000000000000000000000000000000000","0.00000001"]"#),
        "{json}"
    );
    assert!(json.contains(r#""or_text":{"bytes":"17"}"#), "{json}");
    assert_eq!(serde_json::from_str::<Price>(&json).unwrap(), price());
    let hostile = json.replace(r#""any":"0.0"#, r#""any":"1E+999999999","x":"0.0"#);
    let refused = serde_json::from_str::<Price>(&hostile).unwrap_err();
    assert!(
        refused.to_string().contains("a scale of at most 10000"),
        "{refused}"
    );

    let avro = AvroJson::<Price>::new().unwrap();
    let text = avro.write(&price()).unwrap();
    assert_eq!(avro.read(&text).unwrap(), price());
}

#[test]
fn what_does_not_fit_is_told() {
    let wrong = Price {
        amount: big("0.000000000000000000001"),
        net: Decimal::new(12_345_678_901_234, 2),
        wide: big("1E+39"),
        any: big("1E+20000"),
        steps: vec![big("1"), big("1E-10001")],
        ..price()
    };
    let errors = wrong.validate().unwrap_err();
    let told: Vec<(&str, &str)> = (errors.violations().iter())
        .map(|v| (v.path.as_str(), v.rule))
        .collect();
    assert_eq!(
        told,
        [
            ("amount", "decimal"),
            ("net", "decimal"),
            ("wide", "decimal"),
            ("any", "decimal"),
            ("steps[1]", "decimal")
        ]
    );
    // What cannot be written is written as something that is read again.
    assert!(Price::from_avro(&wrong.to_avro()).is_ok());
}
