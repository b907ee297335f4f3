//! The human form of JSON, read and written by schema: what serde does for generated types.
//!
//! Plain optionals, RFC 3339 times, UUIDs and decimals as text, bytes as base64, `{"branch": value}` for other unions.
//! Reading fills defaults in and refuses unknown members, members that come twice and missing ones; it takes and refuses
//! what the generated types do, save that a record is an object only (serde takes an array of its fields too).

use std::collections::BTreeMap;
use std::fmt;

use fleetops_avro::schema::{Kind, Record, TypeId};
use fleetops_avro::value::Value;
use fleetops_codegen::manifest::nearest;
use fleetops_runtime::codec::human::{AsBytes, AsNumber, Human};
use fleetops_runtime::codec::{Path, ValidationErrors};
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error as _, SerializeMap, SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use super::leaf::Leaf;
use super::shape::{Optional, Shape};

/// Reads a value of a type.
#[derive(Clone, Copy)]
pub(super) struct Reading<'s> {
    pub(super) shape: &'s Shape,
    pub(super) ty: TypeId,
}

impl<'s> Reading<'s> {
    fn of(self, ty: TypeId) -> Self {
        Self { ty, ..self }
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        let node = self.shape.schema.node(self.ty);
        if let Some(leaf) = Leaf::of(node) {
            let native = leaf.parse(from)?;
            let mut errors = ValidationErrors::new();
            leaf.check(&native, &Path::ROOT, &mut errors);
            errors.into_result().map_err(D::Error::custom)?;
            return leaf
                .store(&native)
                .ok_or_else(|| D::Error::custom("a value of another type"));
        }
        match &node.kind {
            Kind::Null => <()>::deserialize(from).map(|()| Value::Null),
            Kind::Boolean => bool::deserialize(from).map(Value::Boolean),
            Kind::Int => i32::deserialize(from).map(Value::Int),
            Kind::Long => i64::deserialize(from).map(Value::Long),
            Kind::Float => <f32 as Human<AsNumber>>::read(from).map(Value::Float),
            Kind::Double => <f64 as Human<AsNumber>>::read(from).map(Value::Double),
            Kind::String => String::deserialize(from).map(Value::String),
            Kind::Bytes => <Vec<u8> as Human<AsBytes>>::read(from).map(Value::Bytes),
            Kind::Fixed(fixed) => {
                let bytes = <Vec<u8> as Human<AsBytes>>::read(from)?;
                if bytes.len() == fixed.size {
                    return Ok(Value::Fixed(bytes));
                }
                Err(D::Error::custom(format_args!(
                    "expected {} bytes as base64, found {}",
                    fixed.size,
                    bytes.len()
                )))
            }
            Kind::Enum(declared) => {
                let text = String::deserialize(from)?;
                let at = declared.symbols.iter().position(|symbol| *symbol == text);
                at.map(Value::Enum).ok_or_else(|| {
                    D::Error::custom(format_args!(
                        "{text:?} is no symbol of {}, which has {}",
                        declared.name,
                        declared.symbols.join(", ")
                    ))
                })
            }
            Kind::Array(items) => from.deserialize_seq(Items(self.of(*items))),
            Kind::Map(values) => from.deserialize_map(Entries(self.of(*values))),
            Kind::Record(record) => from.deserialize_map(Fields(self, record)),
            Kind::Union(branches) => match self.shape.optional(self.ty) {
                Some(optional) => from.deserialize_option(Maybe(self, optional)),
                None => from.deserialize_any(Branches(self, branches)),
            },
        }
    }
}

struct Items<'s>(Reading<'s>);

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(self.0)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }
}

struct Entries<'s>(Reading<'s>);

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            values.insert(key, map.next_value_seed(self.0)?);
        }
        Ok(Value::Map(values))
    }
}

struct Fields<'s>(Reading<'s>, &'s Record);

impl<'de> Visitor<'de> for Fields<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the fields of {}", self.1.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let Self(reading, record) = self;
        let mut found: Vec<Option<Value>> = record.fields.iter().map(|_| None).collect();
        while let Some(key) = map.next_key::<String>()? {
            let at = record.fields.iter().position(|field| field.name == key);
            let (Some(field), Some(slot)) = (
                at.and_then(|at| record.fields.get(at)),
                at.and_then(|at| found.get_mut(at)),
            ) else {
                return Err(unknown(&key, record));
            };
            if slot.is_some() {
                return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
            }
            *slot = Some(map.next_value_seed(reading.of(field.ty))?);
        }
        let mut values = Vec::with_capacity(found.len());
        let facts = reading.shape.fields(reading.ty);
        for (at, (field, value)) in record.fields.iter().zip(found).enumerate() {
            let value = value.or_else(|| facts.get(at)?.absent.clone());
            values
                .push(value.ok_or_else(|| A::Error::custom(format_args!("missing field `{}`", field.name)))?);
        }
        Ok(Value::Record(values))
    }
}

fn unknown<E: serde::de::Error>(key: &str, record: &Record) -> E {
    let names = || record.fields.iter().map(|field| field.name.as_str());
    match nearest(key, names()) {
        Some(near) => E::custom(format_args!(
            "unknown field `{key}` of {}, did you mean `{near}`?",
            record.name
        )),
        None => E::custom(format_args!(
            "unknown field `{key}` of {}, which has {}",
            record.name,
            names().collect::<Vec<_>>().join(", ")
        )),
    }
}

struct Maybe<'s>(Reading<'s>, Optional);

impl<'de> Visitor<'de> for Maybe<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Value, E> {
        Ok(Value::Union(self.1.null, Box::new(Value::Null)))
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        self.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        let Self(reading, optional) = self;
        let value = reading.of(optional.inner).deserialize(from)?;
        Ok(Value::Union(1 - optional.null, Box::new(value)))
    }
}

struct Branches<'s>(Reading<'s>, &'s [TypeId]);

impl Branches<'_> {
    fn tags(&self) -> Vec<String> {
        let tags = self.1.iter().map(|branch| tag(self.0.shape, *branch));
        tags.collect()
    }
}

impl<'de> Visitor<'de> for Branches<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an object whose one member is named by a branch of the union: {}",
            self.tags().join(", ")
        )
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        let null = self.tags().iter().position(|tag| tag == "null");
        let at = null.ok_or_else(|| E::invalid_type(serde::de::Unexpected::Unit, &self))?;
        Ok(Value::Union(at, Box::new(Value::Null)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let none = || {
            A::Error::custom(format_args!(
                "expected one member, named by a branch of the union"
            ))
        };
        let key = map.next_key::<String>()?.ok_or_else(none)?;
        let at = self.tags().iter().position(|tag| *tag == key && tag != "null");
        let Some((at, branch)) = at.and_then(|at| Some((at, *self.1.get(at)?))) else {
            return Err(A::Error::custom(format_args!(
                "{key:?} is no branch of the union, which has {}",
                self.tags().join(", ")
            )));
        };
        let value = map.next_value_seed(self.0.of(branch))?;
        if map.next_key::<IgnoredAny>()?.is_some() {
            return Err(none());
        }
        Ok(Value::Union(at, Box::new(value)))
    }
}

/// The name of a branch in JSON: the type's name, in full for named types.
fn tag(shape: &Shape, branch: TypeId) -> String {
    let node = shape.schema.node(branch);
    let word = match &node.kind {
        Kind::Null => "null",
        Kind::Boolean => "boolean",
        Kind::Int => "int",
        Kind::Long => "long",
        Kind::Float => "float",
        Kind::Double => "double",
        Kind::Bytes => "bytes",
        Kind::String => "string",
        Kind::Array(_) => "array",
        Kind::Map(_) => "map",
        Kind::Union(_) => "union",
        Kind::Record(_) | Kind::Enum(_) | Kind::Fixed(_) => "",
    };
    node.name().map_or_else(|| word.to_owned(), ToString::to_string)
}

/// Writes a value of a type.
pub(super) struct Writing<'a> {
    pub(super) shape: &'a Shape,
    pub(super) ty: TypeId,
    pub(super) value: &'a Value,
}

impl<'a> Writing<'a> {
    fn of(&self, ty: TypeId, value: &'a Value) -> Self {
        Self {
            shape: self.shape,
            ty,
            value,
        }
    }
}

impl Serialize for Writing<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let node = self.shape.schema.node(self.ty);
        if let Some(leaf) = Leaf::of(node) {
            let native = leaf.load(self.value).map_err(S::Error::custom)?;
            return native.serialize(to);
        }
        match (&node.kind, self.value) {
            (Kind::Null, _) => to.serialize_unit(),
            (_, Value::Boolean(value)) => to.serialize_bool(*value),
            (_, Value::Int(value)) => to.serialize_i32(*value),
            (_, Value::Long(value)) => to.serialize_i64(*value),
            (_, Value::Float(value)) => Human::<AsNumber>::write(value, to),
            (_, Value::Double(value)) => Human::<AsNumber>::write(value, to),
            (_, Value::String(value)) => to.serialize_str(value),
            (_, Value::Bytes(value) | Value::Fixed(value)) => Human::<AsBytes>::write(value, to),
            (Kind::Enum(declared), Value::Enum(at)) => {
                to.serialize_str(declared.symbols.get(*at).map_or("", String::as_str))
            }
            (Kind::Array(items), Value::Array(values)) => {
                let mut seq = to.serialize_seq(Some(values.len()))?;
                for value in values {
                    seq.serialize_element(&self.of(*items, value))?;
                }
                seq.end()
            }
            (Kind::Map(inner), Value::Map(values)) => {
                let mut map = to.serialize_map(Some(values.len()))?;
                for (key, value) in values {
                    map.serialize_entry(key, &self.of(*inner, value))?;
                }
                map.end()
            }
            (Kind::Record(record), Value::Record(values)) => {
                let mut map = to.serialize_map(Some(values.len()))?;
                for (field, value) in record.fields.iter().zip(values) {
                    map.serialize_entry(&field.name, &self.of(field.ty, value))?;
                }
                map.end()
            }
            (Kind::Union(branches), Value::Union(at, value)) => {
                let Some(branch) = branches.get(*at).copied() else {
                    return Err(S::Error::custom("a union without that branch"));
                };
                if **value == Value::Null {
                    return to.serialize_unit();
                }
                let inner = self.of(branch, value);
                if self.shape.optional(self.ty).is_some() {
                    return inner.serialize(to);
                }
                let mut map = to.serialize_map(Some(1))?;
                map.serialize_entry(&tag(self.shape, branch), &inner)?;
                map.end()
            }
            _ => Err(S::Error::custom("a value of another type than the schema's")),
        }
    }
}
