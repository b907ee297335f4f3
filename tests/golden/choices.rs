//! What the manifest chooses for a type: enums that keep symbols they do not have, and types of an application.

use std::collections::BTreeMap;

use fleetops_runtime::avro::resolve::Plan;
use fleetops_runtime::avro::{Schema, value::Value};
use fleetops_runtime::codec::{AvroJson, Newtype, Resolver};
use fleetops_runtime::serde::{Deserialize, Serialize};
use fleetops_runtime::serde_json;
use fleetops_runtime::topic::Topic;

use crate::choices::choices as generated;
use crate::choices::topics::ParcelsTopic;
use generated::{Only, Parcel, ParcelNote, ParcelRef, ParcelRequired, Status};

/// A digest: four bytes as a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "fleetops_runtime::serde", transparent)]
pub struct Digest(generated::Digest);

impl Newtype for Digest {
    type Base = generated::Digest;
    type Error = &'static str;

    fn from_base(base: generated::Digest) -> Result<Self, Self::Error> {
        if base.0 == [0; 4] {
            Err("no digest is zero")
        } else {
            Ok(Self(base))
        }
    }

    fn base(&self) -> &generated::Digest {
        &self.0
    }
}

/// A unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "fleetops_runtime::serde", transparent)]
pub struct Unit(generated::Unit);

impl Newtype for Unit {
    type Base = generated::Unit;
    type Error = std::convert::Infallible;

    fn from_base(base: generated::Unit) -> Result<Self, Self::Error> {
        Ok(Self(base))
    }

    fn base(&self) -> &generated::Unit {
        &self.0
    }
}

/// An address of a city: the type of an application for a record, with more to it than the record has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    crate = "fleetops_runtime::serde",
    try_from = "generated::Address",
    into = "generated::Address"
)]
pub struct Address {
    address: generated::Address,
    is_local: bool,
}

impl Newtype for Address {
    type Base = generated::Address;
    type Error = String;

    fn from_base(address: generated::Address) -> Result<Self, String> {
        if address.city == "nowhere" {
            return Err(format!("{} is no city", address.city));
        }
        let is_local = address.zip.is_none();
        Ok(Self { address, is_local })
    }

    fn base(&self) -> &generated::Address {
        &self.address
    }
}

impl TryFrom<generated::Address> for Address {
    type Error = String;

    fn try_from(address: generated::Address) -> Result<Self, String> {
        Self::from_base(address)
    }
}

impl From<Address> for generated::Address {
    fn from(address: Address) -> Self {
        address.address
    }
}

/// The same record, of a type that one field asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "fleetops_runtime::serde", transparent)]
pub struct PlainAddress(generated::Address);

impl Newtype for PlainAddress {
    type Base = generated::Address;
    type Error = std::convert::Infallible;

    fn from_base(base: generated::Address) -> Result<Self, Self::Error> {
        Ok(Self(base))
    }

    fn base(&self) -> &generated::Address {
        &self.0
    }
}

/// A leg, and by it all that follow: the generated record holds this type again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(crate = "fleetops_runtime::serde", transparent)]
pub struct Leg(generated::Leg);

impl Newtype for Leg {
    type Base = generated::Leg;
    type Error = &'static str;

    fn from_base(leg: generated::Leg) -> Result<Self, Self::Error> {
        if leg.to == "nowhere" {
            Err("a leg leads somewhere")
        } else {
            Ok(Self(leg))
        }
    }

    fn base(&self) -> &generated::Leg {
        &self.0
    }
}

fn address(city: &str, zip: Option<i32>) -> Address {
    let address = generated::Address {
        city: city.to_owned(),
        zip,
    };
    Address::from_base(address).unwrap()
}

fn leg(to: &str, next: Option<Leg>) -> Leg {
    Leg(generated::Leg {
        to: to.to_owned(),
        next: next.map(Box::new),
        other: generated::LegOther::Leg(Box::new(Leg(generated::Leg {
            to: "back".to_owned(),
            next: None,
            other: generated::LegOther::String(String::new()),
        }))),
    })
}

fn digest(bytes: [u8; 4]) -> Digest {
    Digest(generated::Digest(bytes))
}

fn parcel() -> Parcel {
    Parcel::builder(ParcelRequired {
        id: "p-1".to_owned(),
        status: Status::Sent,
        digest: digest(*b"abcd"),
        unit: Unit(generated::Unit::Kg),
        only: Only::One,
        sender: address("KIEL", Some(24103)),
        plain: PlainAddress(generated::Address {
            city: "small".to_owned(),
            zip: None,
        }),
        route: leg("a", Some(leg("b", None))),
    })
    .receiver(address("BONN", Some(53111)))
    .stops(vec![address("KOELN", None)])
    .by_day(BTreeMap::from([("mo".to_owned(), address("HAMM", None))]))
    .left_with(generated::ParcelLeftWith::from(address("ULM", None)))
    .before(Status::Packed)
    .history(vec![Status::Packed, Status::Unknown])
    .by_place(BTreeMap::from([("x".to_owned(), Status::Sent)]))
    .note(ParcelNote::from(Status::Packed))
    .digests(vec![digest([1; 4]), digest([2; 4])])
    .other(digest([3; 4]))
    .build()
}

/// The schema of a writer that has more symbols, in another order.
fn newer() -> Schema {
    let symbols = r#""symbols":["packed","Unknown","sent"]"#;
    let text = Schema::parse(Parcel::SCHEMA).unwrap().text();
    let text: String = text.split_whitespace().collect();
    assert!(text.contains(symbols), "{text}");
    let text = text.replace(symbols, r#""symbols":["lost","sent","Unknown","packed"]"#);
    Schema::parse(
        &text
            .replace(r#""symbols":["one"]"#, r#""symbols":["two"]"#)
            .replace(r#""default":"one""#, r#""default":"two""#),
    )
    .unwrap()
}

/// A parcel of that writer, all of whose symbols are its first.
fn of_newer(writer: &Schema) -> Vec<u8> {
    let fixed = |byte| Value::Fixed(vec![byte; 4]);
    let place = |city: &str| {
        let none = Value::Union(0, Box::new(Value::Null));
        Value::Record(vec![Value::String(city.to_owned()), none])
    };
    let mut bytes = Vec::new();
    Value::Record(vec![
        Value::String("p-2".to_owned()),
        Value::Enum(0),
        Value::Union(1, Box::new(Value::Enum(0))),
        Value::Array(vec![Value::Enum(0), Value::Enum(1)]),
        Value::Map(BTreeMap::from([("x".to_owned(), Value::Enum(0))])),
        Value::Union(2, Box::new(Value::Enum(0))),
        Value::Enum(3),
        fixed(7),
        Value::Array(vec![fixed(8)]),
        Value::Union(0, Box::new(Value::Null)),
        Value::Enum(0),
        Value::Enum(0),
        place("OSLO"),
        Value::Union(0, Box::new(Value::Null)),
        Value::Array(Vec::new()),
        Value::Map(BTreeMap::new()),
        Value::Union(2, Box::new(place("ROM"))),
        place("bari"),
        Value::Record(vec![
            Value::String("x".to_owned()),
            Value::Union(0, Box::new(Value::Null)),
            Value::Union(0, Box::new(Value::String(String::new()))),
        ]),
    ])
    .encode(writer, &mut bytes)
    .unwrap();
    bytes
}

fn lost() -> Status {
    Status::from("lost")
}

#[test]
fn a_symbol_of_a_newer_writer_is_kept() {
    assert_eq!(lost(), Status::Unknown2("lost".to_owned()));
    assert_eq!((Status::from("sent"), lost().as_str()), (Status::Sent, "lost"));
    assert_eq!(lost().to_string(), "lost");
    assert_eq!(Parcel::OPEN_ENUMS, ["choices.Only", "choices.Status"]);
    let writer = newer();
    let bytes = of_newer(&writer);
    let resolver = Resolver::<Parcel>::new(&writer).unwrap();
    assert!(resolver.plan().caveats().is_empty());
    let read = Parcel::from_avro_with(&resolver, &bytes).unwrap();
    assert_eq!((&read.status, &read.before), (&lost(), &Some(lost())));
    assert_eq!(read.history, [lost(), Status::Sent]);
    assert_eq!(read.by_place["x"], lost());
    assert_eq!(read.note, ParcelNote::Status(lost()));
    assert_eq!(
        (&read.last, &read.only),
        (&Status::Packed, &Only::Unknown("two".to_owned()))
    );
    assert_eq!(read.digest, digest([7; 4]));

    // What a consumer does is the same.
    let reader = Schema::parse(ParcelsTopic.schema()).unwrap();
    let plan = Plan::with_open_enums(&writer, &reader, ParcelsTopic.open_enums()).unwrap();
    assert_eq!(ParcelsTopic.decode(&plan, &bytes).unwrap(), read);
    let mut key = String::new();
    assert!(ParcelsTopic.key(&read, &mut key));
    assert_eq!(key, "lost");

    // As people write it, it is any text.
    let json = serde_json::to_string(&read).unwrap();
    assert!(
        json.contains(r#""status":"lost","before":"lost","history":["lost","sent"]"#),
        "{json}"
    );
    assert_eq!(serde_json::from_str::<Parcel>(&json).unwrap(), read);
}

/// It cannot be written: a producer refuses it, and who does not ask writes what readers without the symbol have.
#[test]
fn such_a_symbol_is_refused_before_it_is_sent() {
    let resolver = Resolver::<Parcel>::new(&newer()).unwrap();
    let read = Parcel::from_avro_with(&resolver, &of_newer(&newer())).unwrap();
    let refused = ParcelsTopic.validate(&read).unwrap_err();
    let paths: Vec<_> = refused
        .violations()
        .iter()
        .map(|v| (v.path.as_str(), v.rule))
        .collect();
    let at = [
        "status",
        "before",
        "history[0]",
        "by_place[\"x\"]",
        "note",
        "only",
    ];
    assert_eq!(paths, at.map(|path| (path, "symbol")));
    let text = refused.to_string();
    assert!(
        text.contains("must be a symbol of choices.Status, found \"lost\""),
        "{text}"
    );
    let again = Parcel::from_avro(&read.to_avro()).unwrap();
    assert_eq!(again.validate(), Ok(()));
    assert_eq!((again.status, again.only), (Status::Unknown, Only::One));
    assert_eq!(again.history, [Status::Unknown, Status::Sent]);
}

/// Only a plan makes such data: in bytes of this very schema the index is none.
#[test]
fn bytes_of_the_schema_itself_have_no_other_symbols() {
    let bytes = parcel().to_avro();
    assert_eq!(Parcel::from_avro(&bytes).unwrap(), parcel());
    assert_eq!(ParcelRef::from_avro(&bytes).unwrap().into_owned(), parcel());
    let json = AvroJson::<Parcel>::new().unwrap();
    assert_eq!(json.read(&json.write(&parcel()).unwrap()).unwrap(), parcel());
    // The status stands behind the text.
    let mut beyond = bytes;
    assert_eq!(beyond[4], 4);
    beyond.splice(4..5, [6, 8, b'l', b'o', b's', b't']);
    let error = Parcel::from_avro(&beyond).unwrap_err().to_string();
    assert!(error.contains("symbol"), "{error}");
    let resolver = Resolver::<Parcel>::new(Parcel::SCHEMA).unwrap();
    assert!(Parcel::from_avro_with(&resolver, &beyond).is_err());
}

#[test]
fn a_type_of_the_application_stands_for_a_generated_one_everywhere() {
    let zero = Parcel {
        digests: vec![digest([0; 4])],
        ..parcel()
    };
    let refused = Parcel::from_avro(&zero.to_avro()).unwrap_err();
    assert!(refused.to_string().contains("no digest is zero"), "{refused}");
    let (mut key, mut dedup) = (String::new(), Vec::new());
    assert!(ParcelsTopic.key(&parcel(), &mut key) && ParcelsTopic.dedup_key(&parcel(), &mut dedup));
    assert_eq!(
        (key.as_str(), dedup.as_slice()),
        ("sent", &b"p-1\x1fpacked\x1fkg\x1fKIEL\x1f53111\x1fb"[..])
    );
}

#[test]
fn a_type_of_the_application_stands_for_a_record() {
    let bytes = parcel().to_avro();
    let read = Parcel::from_avro(&bytes).unwrap();
    assert_eq!(read, parcel());
    assert_eq!((read.sender.is_local, read.stops[0].is_local), (false, true));
    let view = ParcelRef::from_avro(&bytes).unwrap();
    assert_eq!((&view.receiver, &view.route), (&read.receiver, &read.route));
    assert_eq!(view.into_owned(), parcel());
    let json = serde_json::to_string(&parcel()).unwrap();
    assert!(json.contains(r#""sender":{"city":"KIEL","zip":24103}"#), "{json}");
    assert_eq!(serde_json::from_str::<Parcel>(&json).unwrap(), parcel());

    // What the type refuses ends decoding, wherever it stands, and what the record's rules say is told.
    let plain = |parcel: Parcel| parcel.to_avro();
    for (wrong, why) in [
        (
            Parcel {
                stops: vec![Address {
                    address: generated::Address {
                        city: "nowhere".to_owned(),
                        zip: None,
                    },
                    is_local: true,
                }],
                ..parcel()
            },
            "nowhere is no city",
        ),
        (
            Parcel {
                route: leg("a", Some(leg("nowhere", None))),
                ..parcel()
            },
            "a leg leads somewhere",
        ),
    ] {
        let refused = Parcel::from_avro(&plain(wrong)).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    let nowhere = Parcel {
        sender: address("", None),
        ..parcel()
    };
    assert_eq!(
        nowhere.validate().unwrap_err().violations()[0].path,
        "sender.city"
    );
}

/// In binary the default is written for a symbol that the schema does not have; the text would say something else than the value.
#[test]
fn avro_json_does_not_write_another_symbol() {
    let json = AvroJson::<Parcel>::new().unwrap();
    let unknown = Parcel {
        history: vec![Status::Packed, lost()],
        ..parcel()
    };
    let refused = json.write(&unknown).unwrap_err().to_string();
    assert_eq!(
        refused,
        "no value of choices.Parcel can be written as it is: history[1]: must be a symbol of choices.Status, found \"lost\" (symbol)"
    );
    // A rule of the schema is none of the encoding, and does not hide the symbol either.
    let breaks = Parcel {
        stops: vec![address("", None); 200],
        ..parcel()
    };
    assert!(json.read(&json.write(&breaks).unwrap()).is_ok());
    let both = Parcel {
        left_with: generated::ParcelLeftWith::from(address("", None)),
        note: ParcelNote::Status(lost()),
        ..breaks
    };
    let refused = json.write(&both).unwrap_err().to_string();
    assert!(
        refused.ends_with("as it is: note: must be a symbol of choices.Status, found \"lost\" (symbol)"),
        "{refused}"
    );
}
