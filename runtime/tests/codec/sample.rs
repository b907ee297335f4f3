//! A type written by hand as generated code is written: every Avro type, a recursive one among them.

use std::collections::BTreeMap;

use fleetops_runtime::chrono::{DateTime, Utc};
use fleetops_runtime::codec::{AvroRecord, DecodeError, Path, Reader, ValidationErrors, Writer, check};
use fleetops_runtime::uuid::Uuid;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

pub(crate) const SCHEMA: &str = r#"{
  "type": "record", "name": "Sample", "namespace": "test", "fields": [
    {"name": "flag", "type": "boolean"},
    {"name": "small", "type": "int", "minimum": 0},
    {"name": "large", "type": "long"},
    {"name": "single", "type": "float"},
    {"name": "point", "type": {"type": "record", "name": "Point", "fields": [
      {"name": "x", "type": "double"}, {"name": "y", "type": "double"}]}},
    {"name": "data", "type": "bytes"},
    {"name": "text", "type": "string"},
    {"name": "digest", "type": {"type": "fixed", "name": "Digest", "size": 4}},
    {"name": "colour", "type": {"type": "enum", "name": "Colour", "symbols": ["RED", "GREEN", "BLUE"]}},
    {"name": "maybe", "type": ["null", "int"]},
    {"name": "numbers", "type": {"type": "array", "items": "long"}},
    {"name": "nothings", "type": {"type": "array", "items": "null"}},
    {"name": "names", "type": {"type": "map", "values": "string"}},
    {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
    {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "children", "type": {"type": "array", "items": "Sample"}}
  ]
}"#;

/// Appends what `write` writes.
pub(crate) fn written(out: &mut Vec<u8>, write: impl FnOnce(&mut Writer<'_>)) {
    let mut writer = Writer::new(out, 0);
    write(&mut writer);
    writer.finish();
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) flag: bool,
    pub(crate) small: i32,
    pub(crate) large: i64,
    pub(crate) single: f32,
    pub(crate) point: [f64; 2],
    pub(crate) data: Vec<u8>,
    pub(crate) text: String,
    pub(crate) digest: [u8; 4],
    pub(crate) colour: usize,
    pub(crate) maybe: Option<i32>,
    pub(crate) numbers: Vec<i64>,
    pub(crate) nothings: Vec<()>,
    pub(crate) names: BTreeMap<String, String>,
    pub(crate) id: Uuid,
    pub(crate) at: DateTime<Utc>,
    pub(crate) children: Vec<Sample>,
}

impl AvroRecord for Sample {
    const SCHEMA: &'static str = SCHEMA;
    const FINGERPRINT: u64 = 0;
    const NAME: &'static str = "test.Sample";

    fn encode_avro(&self, out: &mut Vec<u8>) {
        // No room is set aside, so that the ways through a growing buffer are taken too.
        let mut writer = Writer::new(out, 0);
        writer.boolean(self.flag);
        writer.int(self.small);
        writer.long(self.large);
        writer.float(self.single);
        writer.doubles(self.point);
        writer.bytes(&self.data);
        writer.string(&self.text);
        writer.fixed(&self.digest);
        writer.index(self.colour);
        match &self.maybe {
            None => writer.index(0),
            Some(value) => {
                writer.index(1);
                writer.int(*value);
            }
        }
        writer.array_start(self.numbers.len());
        for number in &self.numbers {
            writer.long(*number);
        }
        writer.array_end();
        writer.array_start(self.nothings.len());
        writer.array_end();
        writer.map_start(self.names.len());
        for (key, value) in &self.names {
            writer.string(key);
            writer.string(value);
        }
        writer.map_end();
        writer.uuid_string(&self.id);
        writer.timestamp_micros(&self.at);
        writer.array_start(self.children.len());
        for child in &self.children {
            writer.raw(&child.to_avro());
        }
        writer.array_end();
        writer.finish();
    }

    fn decode_avro(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        r.enter()?;
        let sample = Self {
            flag: r.boolean()?,
            small: r.int()?,
            large: r.long()?,
            single: r.float()?,
            point: r.doubles()?,
            data: r.bytes()?.to_vec(),
            text: r.string()?,
            digest: *r.fixed()?,
            colour: r.symbol(3)?,
            maybe: match r.branch(2)? {
                0 => None,
                _ => Some(r.int()?),
            },
            numbers: {
                let mut blocks = r.array(1)?;
                let mut items = Vec::with_capacity(blocks.capacity::<i64>());
                while blocks.next(r)? {
                    items.push(r.long()?);
                }
                items
            },
            nothings: {
                let mut blocks = r.array(0)?;
                let mut items = Vec::with_capacity(blocks.capacity::<()>());
                while blocks.next(r)? {
                    items.push(());
                }
                items
            },
            names: {
                let mut blocks = r.map(1)?;
                let mut entries = BTreeMap::new();
                while blocks.next(r)? {
                    let key = r.string()?;
                    entries.insert(key, r.string()?);
                }
                entries
            },
            id: r.uuid_string()?,
            at: r.timestamp_micros()?,
            children: {
                let mut blocks = r.array(70)?;
                let mut items = Vec::with_capacity(blocks.capacity::<Self>());
                while blocks.next(r)? {
                    items.push(Self::decode_avro(r)?);
                }
                items
            },
        };
        r.leave();
        Ok(sample)
    }

    fn decode_into(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        r.enter()?;
        self.flag = r.boolean()?;
        self.small = r.int()?;
        self.large = r.long()?;
        self.single = r.float()?;
        self.point = r.doubles()?;
        r.bytes_into(&mut self.data)?;
        r.string_into(&mut self.text)?;
        self.digest = *r.fixed()?;
        self.colour = r.symbol(3)?;
        self.maybe = match r.branch(2)? {
            0 => None,
            _ => Some(r.int()?),
        };
        r.array_of_long_into(&mut self.numbers)?;
        self.nothings.clear();
        let mut blocks = r.array(0)?;
        while blocks.next(r)? {
            self.nothings.push(());
        }
        self.names.clear();
        let mut blocks = r.map(1)?;
        while blocks.next(r)? {
            let key = r.string()?;
            self.names.insert(key, r.string()?);
        }
        self.id = r.uuid_string()?;
        self.at = r.timestamp_micros()?;
        let mut blocks = r.array(70)?;
        let mut count = 0;
        while blocks.next(r)? {
            match self.children.get_mut(count) {
                Some(child) => child.decode_into(r)?,
                None => self.children.push(Self::decode_avro(r)?),
            }
            count += 1;
        }
        self.children.truncate(count);
        r.leave();
        Ok(())
    }

    fn validate_at(&self, path: &Path<'_>, errors: &mut ValidationErrors) {
        check::minimum(errors, &path.field("small"), &self.small, &0);
        for (i, child) in self.children.iter().enumerate() {
            child.validate_at(&path.field("children").index(i), errors);
        }
    }
}

/// Integers of every encoded length are equally likely.
pub(crate) fn long() -> impl Strategy<Value = i64> {
    (0_u32..64, any::<i64>()).prop_map(|(shift, value)| value >> shift)
}

pub(crate) fn sample() -> impl Strategy<Value = Sample> {
    let leaf = (
        (any::<bool>(), long(), long(), any::<f32>(), any::<[f64; 2]>()),
        (
            vec(any::<u8>(), 0..70),
            "\\PC{0,20}",
            any::<[u8; 4]>(),
            0..3_usize,
            any::<Option<i32>>(),
        ),
        (
            vec(long(), 0..5),
            vec(Just(()), 0..5),
            btree_map("\\PC{0,5}", "\\PC{0,5}", 0..4),
        ),
        (
            any::<u128>(),
            -8_000_000_000_000_000_000_i64..8_000_000_000_000_000_000,
        ),
    )
        .prop_map(|(a, b, c, d)| Sample {
            flag: a.0,
            small: a.1 as i32,
            large: a.2,
            single: a.3,
            point: a.4,
            data: b.0,
            text: b.1,
            digest: b.2,
            colour: b.3,
            maybe: b.4,
            numbers: c.0,
            nothings: c.1,
            names: c.2,
            id: Uuid::from_u128(d.0),
            at: DateTime::from_timestamp_micros(d.1).expect("in range"),
            children: Vec::new(),
        });
    leaf.prop_recursive(3, 8, 3, |inner| {
        (inner.clone(), vec(inner, 0..3)).prop_map(|(mut parent, children)| {
            parent.children = children;
            parent
        })
    })
}
