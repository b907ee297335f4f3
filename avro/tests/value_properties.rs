//! What holds for all schemas, values and bytes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::expect_used)]

mod support;

use std::collections::BTreeMap;

use fleetops_avro::Schema;
use fleetops_avro::json;
use fleetops_avro::resolve::Plan;
use fleetops_avro::schema::{Kind, TypeId};
use fleetops_avro::value::Value;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use support::canon;

/// A type without names: what it is, and what it contains.
#[derive(Clone, Debug)]
enum Shape {
    Primitive(&'static str),
    Fixed(u8),
    Enum(u8),
    Array(Box<Shape>),
    Map(Box<Shape>),
    Optional(Box<Shape>),
    /// Branches of different kinds.
    Union(Vec<Shape>),
    Record(Vec<Shape>),
    /// A list: the record contains itself.
    List(Box<Shape>),
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        prop::sample::select(
            &[
                "null", "boolean", "int", "long", "float", "double", "bytes", "string"
            ][..]
        )
        .prop_map(Shape::Primitive),
        (0..20u8).prop_map(Shape::Fixed),
        (1..70u8).prop_map(Shape::Enum),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            inner.clone().prop_map(|s| Shape::Array(Box::new(s))),
            inner.clone().prop_map(|s| Shape::Map(Box::new(s))),
            inner.clone().prop_map(|s| Shape::Optional(Box::new(s))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Shape::Union),
            prop::collection::vec(inner.clone(), 0..7).prop_map(Shape::Record),
            inner.prop_map(|s| Shape::List(Box::new(s))),
        ]
    })
}

/// The schema's text. Names are numbered in the order of the text, so that the same shape has the same names.
fn text(shape: &Shape, names: &mut usize) -> String {
    let mut name = |kind: &str| {
        *names += 1;
        format!("{kind}{names}")
    };
    match shape {
        Shape::Primitive(name) => format!("\"{name}\""),
        Shape::Fixed(size) => format!(r#"{{"type":"fixed","name":"{}","size":{size}}}"#, name("F")),
        Shape::Enum(count) => {
            let symbols: Vec<_> = (0..*count).map(|at| format!("\"S{at}\"")).collect();
            format!(
                r#"{{"type":"enum","name":"{}","symbols":[{}]}}"#,
                name("E"),
                symbols.join(",")
            )
        }
        Shape::Array(items) => format!(r#"{{"type":"array","items":{}}}"#, text(items, names)),
        Shape::Map(values) => format!(r#"{{"type":"map","values":{}}}"#, text(values, names)),
        Shape::Optional(inner) => match **inner {
            Shape::Primitive("null") | Shape::Optional(_) | Shape::Union(_) => text(inner, names),
            _ => format!(r#"["null",{}]"#, text(inner, names)),
        },
        Shape::Union(branches) => {
            let mut kinds = Vec::new();
            let mut texts = Vec::new();
            for branch in branches {
                let kind = match branch {
                    Shape::Primitive(name) => *name,
                    Shape::Array(_) => "array",
                    Shape::Map(_) => "map",
                    Shape::Optional(_) | Shape::Union(_) => continue,
                    // each has a name of its own
                    _ => "",
                };
                if kind.is_empty() || !kinds.contains(&kind) {
                    kinds.push(kind);
                    texts.push(text(branch, names));
                }
            }
            if texts.is_empty() {
                texts.push("\"null\"".to_owned());
            }
            format!("[{}]", texts.join(","))
        }
        Shape::Record(fields) => {
            let name = name("R");
            let fields: Vec<_> = (fields.iter().enumerate())
                .map(|(at, field)| format!(r#"{{"name":"f{at}","type":{}}}"#, text(field, names)))
                .collect();
            format!(
                r#"{{"type":"record","name":"{name}","fields":[{}]}}"#,
                fields.join(",")
            )
        }
        Shape::List(item) => {
            let name = name("L");
            format!(
                r#"{{"type":"record","name":"{name}","fields":[{{"name":"item","type":{}}},{{"name":"next","type":["null","{name}"]}}]}}"#,
                text(item, names)
            )
        }
    }
}

fn schema_of(shape: &Shape) -> Schema {
    let text = text(shape, &mut 0);
    Schema::parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// Draws from bytes; where they are used up, what ends soonest.
struct Draw<'a>(&'a [u8]);

impl Draw<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn long(&mut self) -> i64 {
        match self.byte() % 4 {
            0 => i64::from(self.byte()) - 128,
            1 => i64::MAX - i64::from(self.byte()),
            2 => i64::MIN + i64::from(self.byte()),
            _ => (0..8).fold(0, |bits, _| bits << 8 | i64::from(self.byte())),
        }
    }

    fn text(&mut self) -> String {
        let choices = ['a', 'é', '😀', '"', '\\', '\n', '\u{1f}', '\u{0}', '\u{ffff}'];
        (0..self.byte() % 12)
            .map(|_| choices[usize::from(self.byte()) % choices.len()])
            .collect()
    }

    fn value(&mut self, schema: &Schema, ty: TypeId, depth: usize) -> Value {
        match &schema.node(ty).kind {
            Kind::Null => Value::Null,
            Kind::Boolean => Value::Boolean(self.byte() % 2 == 1),
            Kind::Int => Value::Int(self.long() as i32),
            Kind::Long => Value::Long(self.long()),
            Kind::Float => Value::Float(f32::from_bits(self.long() as u32)),
            Kind::Double => Value::Double(f64::from_bits(self.long() as u64)),
            Kind::Bytes => Value::Bytes((0..self.byte() % 9).map(|_| self.byte()).collect()),
            Kind::String => Value::String(self.text()),
            Kind::Fixed(fixed) => Value::Fixed((0..fixed.size).map(|_| self.byte()).collect()),
            Kind::Enum(symbols) => Value::Enum(usize::from(self.byte()) % symbols.symbols.len()),
            Kind::Array(items) => {
                let count = if depth > 8 { 0 } else { self.byte() % 4 };
                Value::Array(
                    (0..count)
                        .map(|_| self.value(schema, *items, depth + 1))
                        .collect(),
                )
            }
            Kind::Map(values) => {
                let count = if depth > 8 { 0 } else { self.byte() % 4 };
                let map: BTreeMap<_, _> = (0..count)
                    .map(|_| (self.text(), self.value(schema, *values, depth + 1)))
                    .collect();
                Value::Map(map)
            }
            Kind::Union(branches) => {
                let at = if depth > 8 {
                    0
                } else {
                    usize::from(self.byte()) % branches.len()
                };
                Value::Union(at, Box::new(self.value(schema, branches[at], depth + 1)))
            }
            Kind::Record(record) => Value::Record(
                record
                    .fields
                    .iter()
                    .map(|field| self.value(schema, field.ty, depth + 1))
                    .collect(),
            ),
        }
    }
}

/// A schema, a value of it, and the value's bytes.
fn datum() -> impl Strategy<Value = (Schema, Value, Vec<u8>)> {
    (shape(), prop::collection::vec(any::<u8>(), 0..200)).prop_map(|(shape, bytes)| {
        let schema = schema_of(&shape);
        let value = Draw(&bytes).value(&schema, schema.root(), 0);
        let mut encoded = Vec::new();
        value.encode(&schema, &mut encoded).unwrap();
        (schema, value, encoded)
    })
}

/// The memory that a value has allocated, about.
fn room(value: &Value) -> usize {
    let own = size_of::<Value>();
    match value {
        Value::Bytes(bytes) | Value::Fixed(bytes) => bytes.capacity(),
        Value::String(text) => text.capacity(),
        Value::Array(values) | Value::Record(values) => {
            values.capacity() * own + values.iter().map(room).sum::<usize>()
        }
        Value::Map(values) => values
            .iter()
            .map(|(key, value)| 3 * own + key.capacity() + room(value))
            .sum(),
        Value::Union(_, value) => own + room(value),
        _ => 0,
    }
}

/// Equal, a NaN to the same NaN.
fn same(schema: &Schema, a: &Value, b: &Value) -> bool {
    let bytes = |value: &Value| {
        let mut out = Vec::new();
        value.encode(schema, &mut out).unwrap();
        out
    };
    bytes(a) == bytes(b)
}

proptest! {
    #![proptest_config(Config { cases: 400, failure_persistence: None, ..Config::default() })]

    #[test]
    fn values_survive_binary_and_json((schema, value, bytes) in datum()) {
        let back = Value::decode_all(&schema, &bytes).unwrap();
        prop_assert!(same(&schema, &value, &back));

        let text = value.to_avro_json(&schema).unwrap();
        let tree = json::parse(&text).unwrap();
        let back = Value::from_avro_json(&schema, &tree).unwrap();
        // JSON has one NaN.
        prop_assert_eq!(canon(&schema, &value), canon(&schema, &back));
    }

    #[test]
    fn an_identity_plan_copies((schema, _value, bytes) in datum()) {
        let plan = Plan::new(&schema, &schema).unwrap();
        prop_assert!(plan.is_identity());
        prop_assert!(plan.caveats().is_empty());
        let mut out = Vec::new();
        prop_assert_eq!(plan.transcode(&bytes, &mut out).unwrap(), bytes.len());
        prop_assert_eq!(out, bytes);
    }

    #[test]
    fn what_is_cut_off_is_an_error((schema, _value, bytes) in datum()) {
        let plan = Plan::new(&schema, &schema).unwrap();
        for end in 0..bytes.len() {
            let mut out = Vec::new();
            let error = plan.transcode(&bytes[..end], &mut out).unwrap_err();
            prop_assert!(error.offset() <= end);
            prop_assert!(out.is_empty());
            let error = Value::decode(&schema, &bytes[..end]).unwrap_err();
            prop_assert!(error.offset() <= end);
        }
    }

    #[test]
    fn other_bytes_do_no_harm(
        (schema, _value, bytes) in datum(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = bytes;
        for (at, byte) in &changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
        }
        let plan = Plan::new(&schema, &schema).unwrap();
        let mut out = Vec::new();
        let value = Value::decode(&schema, &bytes);
        match plan.transcode(&bytes, &mut out) {
            Ok(read) => {
                // The same verdict, and what was copied is what was read.
                let (value, taken) = value.unwrap();
                prop_assert!(out.capacity() <= 2 * bytes.len() + 64);
                // 65,536 items that take no bytes, and a few values a byte.
                prop_assert!(room(&value) <= (8 << 20) + 512 * bytes.len());
                prop_assert_eq!(read, taken);
                prop_assert_eq!(&out, &bytes[..read]);
                let mut again = Vec::new();
                value.encode(&schema, &mut again).unwrap();
                let back = Value::decode_all(&schema, &again).unwrap();
                prop_assert!(same(&schema, &value, &back));
            }
            Err(error) => {
                let other = value.unwrap_err();
                prop_assert_eq!(error.kind(), other.kind());
                prop_assert_eq!(error.offset(), other.offset());
                prop_assert!(out.is_empty());
            }
        }
    }
}

/// A record whose fields are the writer's in another order, some left out, some new, some promoted.
#[derive(Clone, Debug)]
struct Evolution {
    writer: Vec<Shape>,
    /// For each of the reader's fields: the writer's field, or a new one.
    reader: Vec<Option<usize>>,
    promoted: Vec<bool>,
}

fn evolution() -> impl Strategy<Value = Evolution> {
    prop::collection::vec(shape(), 1..8).prop_flat_map(|writer| {
        let fields: Vec<usize> = (0..writer.len()).collect();
        let count = writer.len();
        (
            Just(writer),
            prop::sample::subsequence(fields, 0..=count).prop_shuffle(),
            prop::collection::vec(any::<bool>(), count),
            prop::collection::vec(0..20usize, 0..3),
        )
            .prop_map(|(writer, kept, promoted, new)| {
                let mut reader: Vec<_> = kept.into_iter().map(Some).collect();
                for at in new {
                    reader.insert(at % (reader.len() + 1), None);
                }
                Evolution {
                    writer,
                    reader,
                    promoted,
                }
            })
    })
}

impl Evolution {
    /// The two schemas, and by the reader's field the writer's and whether it is an int that is read as a long.
    fn schemas(&self) -> (Schema, Schema, Vec<Option<(usize, bool)>>) {
        let mut names = 0;
        let texts: Vec<_> = self.writer.iter().map(|shape| text(shape, &mut names)).collect();
        let fields: Vec<_> = (texts.iter().enumerate())
            .map(|(at, ty)| format!(r#"{{"name":"f{at}","type":{ty}}}"#))
            .collect();
        let record = |fields: Vec<String>| {
            let text = format!(
                r#"{{"type":"record","name":"Root","fields":[{}]}}"#,
                fields.join(",")
            );
            Schema::parse(&text).unwrap_or_else(|e| panic!("{text}: {e}"))
        };
        let mut map = Vec::new();
        let mut read = Vec::new();
        for (at, from) in self.reader.iter().enumerate() {
            match from {
                Some(from) => {
                    let promoted = texts[*from] == "\"int\"" && self.promoted[*from];
                    let ty = if promoted { "\"long\"" } else { &texts[*from] };
                    read.push(format!(r#"{{"name":"f{from}","type":{ty}}}"#));
                    map.push(Some((*from, promoted)));
                }
                None => {
                    read.push(format!(
                        r#"{{"name":"new{at}","type":"string","default":"{at}"}}"#
                    ));
                    map.push(None);
                }
            }
        }
        (record(fields), record(read), map)
    }
}

/// Whether what the way for decoders takes, and a decoder takes after it, is what the other way takes.
fn agree(plan: &Plan, reader: &Schema, input: &[u8]) -> bool {
    let mut buffer = Vec::new();
    let quick = plan
        .transcode_in(input, &mut buffer)
        .filter(|(_, own)| Value::decode_all(reader, own).is_ok())
        .map(|(taken, own)| (taken, own.to_vec()));
    let mut out = Vec::new();
    let taken = plan.transcode(input, &mut out).ok();
    quick.is_none_or(|quick| taken.is_some_and(|taken| quick == (taken, out)))
}

#[test]
fn evolved_records_are_read_field_by_field() {
    let mut runner = TestRunner::new(Config {
        cases: 600,
        failure_persistence: None,
        ..Config::default()
    });
    let moved = std::cell::Cell::new(0);
    runner
        .run(
            &(evolution(), prop::collection::vec(any::<u8>(), 0..300)),
            |(evolution, bytes)| {
                let (writer, reader, map) = evolution.schemas();
                let value = Draw(&bytes).value(&writer, writer.root(), 0);
                let mut input = Vec::new();
                value.encode(&writer, &mut input).unwrap();
                let plan = Plan::new(&writer, &reader).unwrap();
                let mut out = vec![7; 3];
                prop_assert_eq!(plan.transcode(&input, &mut out).unwrap(), input.len());
                prop_assert_eq!(&out[..3], &[7; 3]);
                moved.set(moved.get() + usize::from(!plan.is_identity()));

                let Value::Record(written) = value else {
                    unreachable!()
                };
                let expected = Value::Record(
                    map.iter()
                        .enumerate()
                        .map(|(at, from)| match from {
                            None => Value::String(at.to_string()),
                            Some((from, promoted)) => match &written[*from] {
                                Value::Int(value) if *promoted => Value::Long(i64::from(*value)),
                                value => value.clone(),
                            },
                        })
                        .collect(),
                );
                let got = Value::decode_all(&reader, &out[3..]).unwrap();
                prop_assert!(same(&reader, &expected, &got));

                // The way for decoders yields the same, whatever is in its buffer.
                let mut buffer = vec![9; 5];
                let (taken, own) = plan.transcode_in(&input, &mut buffer).unwrap();
                prop_assert_eq!((taken, own), (input.len(), &out[3..]));

                // The same verdict on what is cut off, with nothing left behind in the output.
                for end in 0..input.len() {
                    let mut out = Vec::new();
                    let error = plan.transcode(&input[..end], &mut out).unwrap_err();
                    prop_assert!(error.offset() <= end && out.is_empty());
                    prop_assert!(agree(&plan, &reader, &input[..end]));
                }
                // And on what was changed.
                for (at, byte) in (0..input.len()).zip(bytes.iter().rev()) {
                    let mut changed = input.clone();
                    changed[at] ^= byte;
                    prop_assert!(agree(&plan, &reader, &changed), "{changed:x?}");
                }
                Ok(())
            },
        )
        .unwrap();
    let moved = moved.get();
    assert!(moved > 300, "{moved} of 600 plans had something to do");
}
