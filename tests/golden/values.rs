//! Values of generated types: through binary, JSON, views and builders, and against apache-avro's bytes.

use std::collections::BTreeMap;
use std::fmt::Debug;

use fleetops_runtime::chrono::{DateTime, NaiveDate, NaiveTime};
use fleetops_runtime::codec::{AvroDuration, AvroRecord, Resolver};
use fleetops_runtime::rust_decimal::Decimal;
use fleetops_runtime::serde::{Serialize, de::DeserializeOwned};
use fleetops_runtime::topic::{Sequence, Topic};
use fleetops_runtime::uuid::Uuid;
use fleetops_runtime::{avro, serde_json};

use crate::documents::documents::{Doc, DocE, E, F};
use crate::names::names::{clash, prelude};
use crate::recursive::recursive::{Binary, Expression, ExpressionValue, Leaf, Node, Ping, Pong};
use crate::shapes::shapes::*;
use crate::topics::shop::v1::{Customer, Order, Region};
use crate::topics::topics::{ENVIRONMENTS, OrdersAuditLogTopic, OrdersTopic};
use crate::wide::wide::Wide;

/// Binary and JSON give the value back; every shorter input is an error and never a panic.
pub(crate) fn round_trip<T: AvroRecord + Serialize + DeserializeOwned + PartialEq + Debug>(
    value: &T,
) -> Vec<u8> {
    let bytes = value.to_avro();
    assert_eq!(&T::from_avro(&bytes).unwrap(), value);
    for end in 0..bytes.len() {
        assert!(
            T::from_avro(&bytes[..end]).is_err(),
            "{end} of {} bytes",
            bytes.len()
        );
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(T::from_avro(&longer).is_err());
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
    let schema = avro::Schema::parse(T::SCHEMA).unwrap();
    assert_eq!(schema.fingerprint(), T::FINGERPRINT);
    // One without a name is called after its file.
    if let Some(name) = schema.root_node().name() {
        assert_eq!(name.to_string(), T::NAME);
    }
    let resolver = Resolver::<T>::new(&schema).unwrap();
    assert!(resolver.plan().is_identity());
    bytes
}

/// The bytes of apache-avro for the same value, read from its JSON form of the writer.
fn peer(schema: &str, value: apache_avro::types::Value) -> Vec<u8> {
    let schema = apache_avro::Schema::parse_str(schema).unwrap();
    let value = value.resolve(&schema).unwrap();
    apache_avro::writer::datum::GenericDatumWriter::builder(&schema)
        .build()
        .unwrap()
        .write_value_to_vec(value)
        .unwrap()
}

fn everything() -> Everything {
    Everything {
        nothing: (),
        flag: true,
        small: -3,
        large: i64::MIN,
        single: 4.5,
        x: -0.0,
        y: f64::MAX,
        z: f64::INFINITY,
        raw: vec![0, 255],
        text: "abc".to_owned(),
        hash: Md5(*b"0123456789abcdef"),
        odd: Some(Odd([7; 33])),
        colour: Colour::DeepGreen,
        numbers: vec![1, -1, i32::MAX],
        matrix: vec![vec![], vec![1.0, 2.0]],
        names: vec![String::new(), "é".to_owned()],
        nulls: vec![(), ()],
        totals: BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), -1)]),
        blobs: BTreeMap::from([("k".to_owned(), vec![vec![1], vec![]])]),
        maybe: Some("xyz".to_owned()),
        maybe_last: None,
        maybe_many: Some(vec![None, Some(2.5)]),
        choice: EverythingChoice::Right(Right { n: -9 }),
        choice_no_null: EverythingChoiceNoNull::Map(BTreeMap::from([("k".to_owned(), 0.5)])),
        only_one: EverythingOnlyOne::String("one".to_owned()),
        choices: vec![
            EverythingChoicesItem::Null,
            EverythingChoicesItem::Int(1),
            EverythingChoicesItem::String("s".to_owned()),
        ],
        choice_map: BTreeMap::from([("l".to_owned(), EverythingChoiceMapValue::Left(Left { n: 2 }))]),
        pair: Pair { a: 1, b: 2 },
        pairs: vec![Pair { a: 3, b: 4 }],
        lefts: BTreeMap::from([("l".to_owned(), Left { n: 1 })]),
        empty: Empty {},
    }
}

#[test]
fn every_type_makes_the_round_trip() {
    let bytes = round_trip(&everything());
    let view = EverythingRef::from_avro(&bytes).unwrap();
    assert_eq!(view.text, "abc");
    assert_eq!(view.blobs["k"], [&[1][..], &[]]);
    assert_eq!(view.into_owned(), everything());
    let mut out = vec![1, 2, 3];
    everything().encode_avro(&mut out);
    assert_eq!(out[3..], bytes);
}

#[test]
fn enums_and_fixeds_know_their_schemas_and_are_made_of_what_they_hold() {
    for (text, fingerprint, name) in [
        (Colour::SCHEMA, Colour::FINGERPRINT, "shapes.Colour"),
        (Md5::SCHEMA, Md5::FINGERPRINT, "shapes.MD5"),
        (Odd::SCHEMA, Odd::FINGERPRINT, "shapes.Odd"),
    ] {
        let schema = avro::Schema::parse(text).unwrap();
        assert_eq!(schema.fingerprint(), fingerprint, "{name}");
        assert_eq!(schema.root_node().name().unwrap().to_string(), name);
    }
    for colour in Colour::ALL {
        assert_eq!(Colour::try_from(colour.as_str()), Ok(colour));
        assert_eq!(colour.as_str().parse(), Ok(colour));
    }
    let unknown = Colour::try_from("GREEN").unwrap_err();
    assert_eq!((unknown.name(), unknown.symbol()), ("shapes.Colour", "GREEN"));
    assert_eq!(unknown.symbols(), Colour::ALL.map(Colour::as_str));
    let bytes = *b"0123456789abcdef";
    assert_eq!(Md5::try_from(&bytes[..]), Ok(Md5(bytes)));
    for wrong in [&bytes[..15], &[0; 17], &[]] {
        let error = Md5::try_from(wrong).unwrap_err();
        assert_eq!(
            (error.name(), error.size(), error.found()),
            ("shapes.MD5", 16, wrong.len())
        );
    }
}

#[test]
fn every_branch_makes_the_round_trip() {
    let id = Uuid::from_u128(5);
    for choice in [
        EverythingChoice::Null,
        EverythingChoice::Int(1),
        EverythingChoice::String("s".to_owned()),
        EverythingChoice::Bytes(vec![1]),
        EverythingChoice::Left(Left { n: 1 }),
        EverythingChoice::Right(Right { n: 1 }),
    ] {
        round_trip(&Everything {
            choice,
            ..everything()
        });
    }
    for choice_no_null in [
        EverythingChoiceNoNull::Int(1),
        EverythingChoiceNoNull::Uuid(id),
        EverythingChoiceNoNull::Colour(Colour::Blue),
        EverythingChoiceNoNull::Array(vec!["a".to_owned()]),
        EverythingChoiceNoNull::Map(BTreeMap::new()),
    ] {
        round_trip(&Everything {
            choice_no_null,
            ..everything()
        });
    }
}

#[test]
fn json_is_the_human_form() {
    let json = serde_json::to_value(everything()).unwrap();
    assert_eq!(json["raw"], "AP8=");
    assert_eq!(json["z"], "Infinity");
    assert_eq!(json["colour"], "DEEP_GREEN");
    assert_eq!(json["maybe_last"], serde_json::Value::Null);
    assert_eq!(json["choice"], serde_json::json!({ "shapes.Right": { "n": -9 } }));
    assert_eq!(
        json["choices"],
        serde_json::json!([null, { "int": 1 }, { "string": "s" }])
    );
    let mut object = json.as_object().unwrap().clone();
    for optional in ["odd", "maybe", "maybe_last", "maybe_many", "nothing"] {
        object.remove(optional);
    }
    let read: Everything = serde_json::from_value(serde_json::Value::Object(object.clone())).unwrap();
    assert_eq!((read.odd, read.maybe, read.maybe_many), (None, None, None));
    object.insert("mayby".to_owned(), serde_json::Value::Null);
    let error = serde_json::from_value::<Everything>(serde_json::Value::Object(object)).unwrap_err();
    assert!(error.to_string().contains("unknown field `mayby`"), "{error}");
}

#[test]
fn rules_are_told_with_their_paths() {
    assert_eq!(everything().validate(), Ok(()));
    let value = Everything {
        small: 100,
        large: i64::MAX,
        single: f32::NAN,
        raw: vec![],
        text: "ABC".to_owned(),
        numbers: vec![],
        maybe: Some("no x".to_owned()),
        maybe_last: Some(-1),
        choice: EverythingChoice::Left(Left { n: -1 }),
        choice_map: BTreeMap::from([("k".to_owned(), EverythingChoiceMapValue::Left(Left { n: -2 }))]),
        lefts: BTreeMap::from([("a b".to_owned(), Left { n: -3 })]),
        ..everything()
    };
    let errors = value.validate().unwrap_err();
    let found: Vec<(&str, &str)> = errors
        .violations()
        .iter()
        .map(|v| (v.path.as_str(), v.rule))
        .collect();
    assert_eq!(
        found,
        [
            ("small", "exclusiveMaximum"),
            ("large", "maximum"),
            ("single", "minimum"),
            ("raw", "minLength"),
            ("text", "pattern"),
            ("numbers", "minItems"),
            ("maybe", "pattern"),
            ("maybe_last", "minimum"),
            ("choice.n", "minimum"),
            ("choice_map[\"k\"].n", "minimum"),
            ("lefts[\"a b\"].n", "minimum"),
        ]
    );
}

fn times() -> Times {
    let time = NaiveTime::from_hms_milli_opt(10, 23, 45, 123).unwrap();
    let instant = DateTime::from_timestamp_micros(1_705_314_225_123_000).unwrap();
    Times {
        date: NaiveDate::from_ymd_opt(1969, 12, 31).unwrap(),
        time_millis: time,
        time_micros: time,
        timestamp_millis: instant,
        timestamp_micros: instant,
        timestamp_nanos: instant,
        local_millis: instant.naive_utc(),
        local_micros: instant.naive_utc(),
        local_nanos: instant.naive_utc(),
        id: Uuid::from_u128(1),
        id_fixed: Uuid::from_u128(2),
        price: Decimal::new(-12345, 2),
        rate: Decimal::new(5, 4),
        huge: vec![1; 20],
        big: Decimal::new(77, 3),
        span: AvroDuration {
            months: 1,
            days: 2,
            millis: 3,
        },
        maybe_date: None,
        dates: vec![time, time],
        either: TimesEither::Null,
    }
}

#[test]
fn logical_types_make_the_round_trip() {
    let bytes = round_trip(&times());
    assert_eq!(TimesRef::from_avro(&bytes).unwrap().into_owned(), times());
    let json = serde_json::to_value(times()).unwrap();
    assert_eq!(json["timestamp_micros"], "2024-01-15T10:23:45.123Z");
    assert_eq!(json["price"], "-123.45");
    assert_eq!(json["either"], serde_json::Value::Null);
    for either in [
        TimesEither::TimestampNanos(DateTime::UNIX_EPOCH),
        TimesEither::String("s".to_owned()),
        TimesEither::TimeMillis(NaiveTime::MIN),
    ] {
        round_trip(&Times { either, ..times() });
    }
    let errors = Times {
        price: Decimal::new(1, 5),
        ..times()
    }
    .validate()
    .unwrap_err();
    assert_eq!(errors.violations()[0].path, "price");
}

#[test]
fn defaults_are_those_of_the_schema() {
    let value = Defaults::default();
    round_trip(&value);
    assert_eq!(value.s, "a\"q\\ \u{e9} \u{202e}");
    assert_eq!(
        (value.arr.as_slice(), value.b.as_slice()),
        (&[1, 2][..], &[255, 0, b'"'][..])
    );
    assert_eq!(value.r, In { x: 3, y: 1.0 });
    assert_eq!((value.e, value.o, value.n.clone()), (Letter::C, Some(5), None));
    assert_eq!(value.u, DefaultsU::String("x".to_owned()));
    assert_eq!((value.l, value.f), (i64::MIN, Two([255, b'\\'])));
    assert_eq!(value.date.to_string(), "2022-01-08");
    assert_eq!(value.time.to_string(), "01:02:03.004");
    assert_eq!(value.ts.timestamp_micros(), 1_700_000_000_123_456);
    assert_eq!(value.lts.and_utc().timestamp_millis(), -1);
    assert_eq!(value.id.to_string(), "00000000-0000-4000-8000-0000000000ff");
    assert_eq!(value.money.to_string(), "2.55");
    assert_eq!(
        value.span,
        AvroDuration {
            months: 1,
            days: 2,
            millis: 3
        }
    );
    assert_eq!(serde_json::from_str::<Defaults>("{}").unwrap(), value);
    assert_eq!(Defaults::builder().build(), value);
    assert_eq!(Defaults::builder().s("t").o(None).build().o, None);
    // A resolver gives the same: every field of an empty writer record has its default.
    let writer = r#"{"type":"record","name":"Defaults","namespace":"shapes","fields":[]}"#;
    let resolver = Resolver::<Defaults>::new(writer).unwrap();
    assert_eq!(Defaults::from_avro_with(&resolver, &[]).unwrap(), value);
    assert_eq!(Plain::default(), Plain::builder().build());
    round_trip(&Plain::default());
}

#[test]
fn bytes_are_those_of_a_peer() {
    use apache_avro::types::Value;
    let order = order();
    let theirs = peer(
        Order::SCHEMA,
        Value::Record(vec![
            ("id".into(), Value::String(order.id.to_string())),
            (
                "customer".into(),
                Value::Union(
                    1,
                    Box::new(Value::Record(vec![
                        ("number".into(), Value::Union(1, Box::new(Value::Long(42)))),
                        ("region".into(), Value::Enum(1, "south".into())),
                        ("seen".into(), Value::Union(0, Box::new(Value::Null))),
                    ])),
                ),
            ),
            ("session".into(), Value::String("s1".into())),
            ("step".into(), Value::Long(-300)),
            ("sent".into(), Value::TimestampMicros(1_700_000_000_000_001)),
        ]),
    );
    assert_eq!(order.to_avro(), theirs);
    let theirs = peer(
        Node::SCHEMA,
        Value::Record(vec![
            ("v".into(), Value::Int(1)),
            ("next".into(), Value::Union(0, Box::new(Value::Null))),
            (
                "kids".into(),
                Value::Array(vec![Value::Record(vec![
                    ("v".into(), Value::Int(2)),
                    ("next".into(), Value::Union(0, Box::new(Value::Null))),
                    ("kids".into(), Value::Array(vec![])),
                ])]),
            ),
        ]),
    );
    let leaf = Node {
        v: 2,
        next: None,
        kids: vec![],
    };
    assert_eq!(
        Node {
            v: 1,
            next: None,
            kids: vec![leaf]
        }
        .to_avro(),
        theirs
    );
}

#[test]
fn recursive_types_make_the_round_trip() {
    let leaf = Node {
        v: 1,
        next: None,
        kids: vec![],
    };
    round_trip(&Node {
        v: 2,
        next: Some(Box::new(leaf.clone())),
        kids: vec![leaf.clone(), leaf],
    });
    let ping = Ping {
        name: "inner".to_owned(),
        pong: None,
    };
    let ping = Ping {
        name: "outer".to_owned(),
        pong: Some(Pong {
            ping: Some(Box::new(ping)),
        }),
    };
    let bytes = round_trip(&ping);
    assert!(
        crate::recursive::recursive::PingRef::from_avro(&bytes)
            .unwrap()
            .into_owned()
            == ping
    );
    let number = || Expression {
        value: ExpressionValue::Double(1.0),
    };
    let sum = Binary {
        left: number(),
        right: number(),
    };
    round_trip(&Expression {
        value: ExpressionValue::Binary(Box::new(sum)),
    });
    round_trip(&Leaf {
        tree: BTreeMap::from([(
            "a".to_owned(),
            Some(Leaf {
                tree: BTreeMap::new(),
            }),
        )]),
    });
    // A list that never ends is an error, and the stack holds.
    let endless: Vec<u8> = [2u8, 2].repeat(1_000_000);
    assert!(Node::from_avro(&endless).is_err());
    let mut errors = ping;
    errors.pong = Some(Pong {
        ping: Some(Box::new(Ping {
            name: "far too long".to_owned(),
            pong: None,
        })),
    });
    assert_eq!(
        errors.validate().unwrap_err().violations()[0].path,
        "pong.ping.name"
    );
}

#[test]
fn hostile_names_make_the_round_trip() {
    let value = crate::names::Self_ {
        r#type: "t".to_owned(),
        self_: 1,
        crate_: 2,
        r#async: 3,
        r#gen: 4,
        underscore: 5,
        reader: 6.0,
        whole: 6.5,
        out: 7.0,
        value: Some(8),
        event: vec![9],
        r#fn: crate::names::Type::Self_,
    };
    round_trip(&value);
    let json = serde_json::to_value(&value).unwrap();
    assert_eq!(
        (&json["type"], &json["self"], &json["_"]),
        (&"t".into(), &1.into(), &5.into())
    );
    assert_eq!(json["fn"], "Self");
    let value = prelude::Option {
        v: prelude::String {
            x: Some("x".to_owned()),
        },
        w: prelude::Vec { a: vec![1] },
        r: prelude::OptionR::Box(prelude::Box {}),
        s: prelude::Some_ {
            none: prelude::None_([1, 2]),
        },
        d: Some(prelude::Default { ok: prelude::Ok_ {} }),
    };
    round_trip(&value);
    let clash = clash::Cc {
        foo_bar_2: 1,
        foo_bar: clash::CcFooBar::Int(2),
        foo_bar_3: 3,
        foo_bar_4: clash::CcFooBar2::Boolean(true),
        kind: clash::Cs::A,
    };
    let json = serde_json::to_value(&clash).unwrap();
    assert_eq!((&json["fooBar"], &json["foo__bar"]), (&1.into(), &3.into()));
    round_trip(&clash);
}

#[test]
fn documents_stay_documents() {
    let value = Doc {
        a: 1,
        b: "b".to_owned(),
        c: E::X,
        d: F([1]),
        e: DocE::Int(1),
    };
    round_trip(&value);
    let schema: serde_json::Value = serde_json::from_str(Doc::SCHEMA).unwrap();
    assert!(
        schema["doc"].as_str().unwrap().contains("```rust\npanic!"),
        "the schema keeps the text as it was"
    );
}

#[test]
fn wide_records_are_built() {
    let required: serde_json::Value = (0..40)
        .map(|i| {
            let value = match i % 5 {
                0 | 4 => serde_json::json!(i),
                1 => serde_json::json!(format!("{i}")),
                2 => serde_json::json!(f64::from(i)),
                _ => serde_json::json!(true),
            };
            (format!("field_{i}"), value)
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    let value: Wide = serde_json::from_value(required).unwrap();
    assert_eq!((value.field_39, value.extra_2), (39, None));
    round_trip(&value);
}

fn order() -> Order {
    Order {
        id: Uuid::from_u128(0xabc),
        customer: Some(Customer {
            number: Some(42),
            region: Region::South,
            seen: None,
        }),
        session: "s1".to_owned(),
        step: -300,
        sent: DateTime::from_timestamp_micros(1_700_000_000_000_001).unwrap(),
    }
}

#[test]
fn topics_know_their_fields_through_optionals() {
    let (topic, mut event) = (OrdersTopic, order());
    let spec = topic.spec();
    assert_eq!(
        (spec.name.as_ref(), spec.subject.as_ref(), spec.partitions),
        ("orders", "orders-value", 3)
    );
    assert_eq!(spec.dedup.unwrap().ttl.as_secs(), 90);
    let mut key = String::new();
    assert!(topic.key(&event, &mut key));
    assert_eq!(key, event.id.to_string());
    let mut dedup = Vec::new();
    assert!(topic.dedup_key(&event, &mut dedup));
    assert_eq!(
        String::from_utf8(dedup).unwrap(),
        format!("{}\u{1f}south\u{1f}-300", event.id)
    );
    event.customer = None;
    let mut dedup = Vec::new();
    assert!(topic.dedup_key(&event, &mut dedup));
    assert_eq!(
        String::from_utf8(dedup).unwrap(),
        format!("{}\u{1f}\u{1f}-300", event.id)
    );
    let sequence = Sequence {
        by: event.id.to_string(),
        epoch: "s1".to_owned(),
        index: -300,
    };
    let mut found = Sequence::default();
    assert!(topic.sequence(&event, &mut found));
    assert_eq!(found, sequence);
    topic.stamp(&mut event, DateTime::UNIX_EPOCH);
    assert_eq!(event.sent, DateTime::UNIX_EPOCH);
    let mut bytes = Vec::new();
    topic.encode(&event, &mut bytes);
    let schema = avro::Schema::parse(topic.schema()).unwrap();
    let plan = avro::resolve::Plan::new(&schema, &schema).unwrap();
    assert_eq!(topic.decode(&plan, &bytes).unwrap(), event);
    let mut other = order();
    topic.decode_into(&plan, &bytes, &mut other).unwrap();
    assert_eq!(other, event);
    assert_eq!(topic.environments().len(), 2);
    assert_eq!(
        (ENVIRONMENTS[1].name, ENVIRONMENTS[1].bootstrap),
        ("prod", "${BROKERS}")
    );
    assert_eq!(OrdersAuditLogTopic.spec().name, "orders.audit-log");
    assert!(!OrdersAuditLogTopic.key(&event, &mut key));
    assert!(!OrdersAuditLogTopic.sequence(&event, &mut found));
}
