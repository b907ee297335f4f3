//! Random values of every golden type: read and written by the generated code in each of its ways, and by the run-time codec.
//!
//! The seed is fixed, so a failure comes again. Values come from `tests/real/random.rs`, which the long run over real schemas
//! uses too.

// A list of types names views without their lifetimes. Helpers of tests may fail as a test does.
#![allow(elided_lifetimes_in_paths, clippy::panic)]

use std::fmt::Debug;

use fleetops_runtime::avro::schema::Kind;
use fleetops_runtime::avro::value::Value;
use fleetops_runtime::avro::{Schema, schema::TypeId};
use fleetops_runtime::codec::{AvroJson, AvroRecord, Resolver, read_with};
use fleetops_runtime::serde::{Serialize, de::DeserializeOwned};
use fleetops_runtime::serde_json;

#[path = "../real/random.rs"]
mod random;

/// So many values of each type.
const VALUES: usize = 60;

/// The field that the other writer has besides.
const MORE: &str = "of_the_writer_alone";

/// The schema of a writer that has the fields of every record the other way round, behind one that the reader has not.
fn writer(schema: &str) -> Schema {
    fn turn(json: &mut serde_json::Value) {
        if json["type"] == "record"
            && let Some(fields) = json.get_mut("fields").and_then(serde_json::Value::as_array_mut)
        {
            fields.iter_mut().for_each(|field| turn(&mut field["type"]));
            // What is defined in one field may be used in another: definitions must come first, so all are kept in their
            // order where one defines something.
            if fields
                .iter()
                .all(|field| !field["type"].to_string().contains("\"name\""))
            {
                fields.reverse();
            }
            fields.insert(
                0,
                serde_json::json!({"name": MORE, "type": "string", "default": ""}),
            );
            return;
        }
        match json {
            serde_json::Value::Array(branches) => branches.iter_mut().for_each(turn),
            serde_json::Value::Object(members) => {
                for part in ["items", "values", "type"] {
                    if let Some(part) = members.get_mut(part) {
                        turn(part);
                    }
                }
            }
            _ => {}
        }
    }
    let mut json = serde_json::from_str(schema).unwrap();
    turn(&mut json);
    Schema::parse(&json.to_string()).unwrap()
}

/// A value of the reader's schema as one of that writer's.
fn turned(reader: &Schema, r: TypeId, writer: &Schema, w: TypeId, value: &Value) -> Value {
    match (&reader.node(r).kind, &writer.node(w).kind, value) {
        (Kind::Record(ours), Kind::Record(theirs), Value::Record(values)) => {
            let field = |field: &fleetops_runtime::avro::schema::Field| {
                let Some(at) = ours.fields.iter().position(|f| f.name == field.name) else {
                    assert_eq!(field.name, MORE);
                    return Value::String("more".to_owned());
                };
                turned(reader, ours.fields[at].ty, writer, field.ty, &values[at])
            };
            Value::Record(theirs.fields.iter().map(field).collect())
        }
        (Kind::Array(r), Kind::Array(w), Value::Array(items)) => Value::Array(
            items
                .iter()
                .map(|item| turned(reader, *r, writer, *w, item))
                .collect(),
        ),
        (Kind::Map(r), Kind::Map(w), Value::Map(entries)) => {
            let entry =
                |(key, value): (&String, &Value)| (key.clone(), turned(reader, *r, writer, *w, value));
            Value::Map(entries.iter().map(entry).collect())
        }
        (Kind::Union(r), Kind::Union(w), Value::Union(at, value)) => {
            Value::Union(*at, Box::new(turned(reader, r[*at], writer, w[*at], value)))
        }
        _ => value.clone(),
    }
}

/// All ways of one type. Values that a type of the application refuses are left out.
fn check<T>(through_view: Option<fn(&[u8]) -> T>)
where
    T: AvroRecord + Serialize + DeserializeOwned + PartialEq + Debug + Clone,
{
    let schema = Schema::parse(T::SCHEMA).unwrap();
    let depths = random::Depths::of(&schema);
    if !depths.has_value(schema.root()) {
        return;
    }
    let (own, other) = (Resolver::<T>::new(&schema).unwrap(), writer(T::SCHEMA));
    let resolver = Resolver::<T>::new(&other).unwrap();
    let avro_json = AvroJson::<T>::new().unwrap();
    let mut random = random::Random::new(schema.fingerprint());
    let (mut place, mut used) = (None::<T>, 0);
    for _ in 0..VALUES {
        let sample = random::value(&schema, &depths, schema.root(), 0, &mut random);
        let mut bytes = Vec::new();
        sample.encode(&schema, &mut bytes).unwrap();
        let value = match T::from_avro(&bytes) {
            Ok(value) => value,
            Err(error) if error.to_string().contains("was refused") => continue,
            Err(error) => panic!("{}: {error}: {sample:?}", T::NAME),
        };
        used += 1;
        assert_eq!(value.to_avro(), bytes, "{}: {sample:?}", T::NAME);
        if let Some(view) = through_view {
            assert_eq!(view(&bytes), value, "{}", T::NAME);
        }
        let place = place.get_or_insert_with(|| value.clone());
        place.read_avro(&bytes).unwrap();
        assert_eq!(*place, value, "{}", T::NAME);

        let json = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
        let json = avro_json.write(&value).unwrap();
        assert_eq!(avro_json.read(&json).unwrap(), value, "{json}");

        assert_eq!(T::from_avro_with(&own, &bytes).unwrap(), value);
        read_with(own.plan(), &bytes, place).unwrap();
        assert_eq!(*place, value, "{}", T::NAME);
        let theirs = turned(&schema, schema.root(), &other, other.root(), &sample);
        bytes.clear();
        theirs.encode(&other, &mut bytes).unwrap();
        assert_eq!(
            T::from_avro_with(&resolver, &bytes).unwrap(),
            value,
            "{}: {theirs:?}",
            T::NAME
        );
        read_with(resolver.plan(), &bytes, place).unwrap();
        assert_eq!(*place, value, "{}: {theirs:?}", T::NAME);
    }
    assert!(used >= VALUES / 4, "{}: only {used} values", T::NAME);
}

/// Types, and the views of those that borrow.
macro_rules! check {
    ($($ty:path $(=> $view:path)?),* $(,)?) => {
        $(check::<$ty>({
            #[allow(unused_mut, unused_assignments)]
            let mut through_view: Option<fn(&[u8]) -> $ty> = None;
            $(through_view = Some(|bytes| <$view>::from_avro(bytes).unwrap().into_owned());)?
            through_view
        });)*
    };
}

#[test]
fn random_values_of_every_type_go_every_way() {
    use crate::choices::choices::{Parcel, ParcelRef};
    use crate::documents::documents::{Doc, DocRef};
    use crate::dressed::dressed::{Trip, TripRef};
    use crate::names::{Self_, SelfRef, names};
    use crate::recursive::recursive::*;
    use crate::shapes::shapes::*;
    use crate::topics::shop::v1::{Customer, Order, OrderRef};
    use crate::wide::wide::{Wide, WideRef};
    check![
        Parcel => ParcelRef,
        Doc => DocRef,
        Trip => TripRef,
        Self_ => SelfRef,
        crate::large::large::Book => crate::large::large::BookRef,
        crate::modules::Everything,
        names::a::Top => names::a::TopRef,
        names::prelude::Option => names::prelude::OptionRef,
        names::prelude::String => names::prelude::StringRef,
        names::prelude::Vec,
        names::prelude::Result,
        names::prelude::Box,
        names::clash::Cc => names::clash::CcRef,
        Node,
        Ping => PingRef,
        Pong => PongRef,
        Expression => ExpressionRef,
        Binary => BinaryRef,
        Leaf => LeafRef,
        Slab => SlabRef,
        crate::decimals::Amount,
        crate::decimals::decimals::Price => crate::decimals::decimals::PriceRef,
        crate::open::open::Job => crate::open::open::JobRef,
        Defaults => DefaultsRef,
        Everything => EverythingRef,
        Left,
        Right,
        Pair,
        Empty,
        Plain => PlainRef,
        Times => TimesRef,
        Order => OrderRef,
        Customer,
        Wide => WideRef,
    ];
}
