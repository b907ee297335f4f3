//! Byte for byte the same as apache-avro, and back.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use fleetops_runtime::codec::{AvroRecord, Reader};
use proptest::prelude::*;

use crate::sample::{SCHEMA, Sample, long, sample, written};

/// What apache-avro writes for a value of a schema.
pub(crate) fn theirs(schema: &str, value: Value) -> Vec<u8> {
    let schema = Schema::parse_str(schema).expect("a schema");
    let writer = GenericDatumWriter::builder(&schema).build().expect("a writer");
    writer.write_value_to_vec(value).expect("a value of the schema")
}

fn value(s: &Sample) -> Value {
    let fields: Vec<(&str, Value)> = vec![
        ("flag", Value::Boolean(s.flag)),
        ("small", Value::Int(s.small)),
        ("large", Value::Long(s.large)),
        ("single", Value::Float(s.single)),
        (
            "point",
            Value::Record(vec![
                ("x".to_owned(), Value::Double(s.point[0])),
                ("y".to_owned(), Value::Double(s.point[1])),
            ]),
        ),
        ("data", Value::Bytes(s.data.clone())),
        ("text", Value::String(s.text.clone())),
        ("digest", Value::Fixed(4, s.digest.to_vec())),
        (
            "colour",
            Value::Enum(s.colour as u32, ["RED", "GREEN", "BLUE"][s.colour].to_owned()),
        ),
        (
            "maybe",
            match s.maybe {
                None => Value::Union(0, Box::new(Value::Null)),
                Some(v) => Value::Union(1, Box::new(Value::Int(v))),
            },
        ),
        (
            "numbers",
            Value::Array(s.numbers.iter().map(|n| Value::Long(*n)).collect()),
        ),
        (
            "nothings",
            Value::Array(s.nothings.iter().map(|()| Value::Null).collect()),
        ),
        // apache-avro writes a map in the order of its hash map: one entry at most is comparable.
        (
            "names",
            Value::Map(
                s.names
                    .iter()
                    .map(|(k, v)| (k.clone(), Value::String(v.clone())))
                    .collect::<HashMap<_, _>>(),
            ),
        ),
        ("id", Value::Uuid(apache_avro::Uuid::from_u128(s.id.as_u128()))),
        ("at", Value::TimestampMicros(s.at.timestamp_micros())),
        ("children", Value::Array(s.children.iter().map(value).collect())),
    ];
    Value::Record(
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn keep_one_name(sample: &mut Sample) {
    while sample.names.len() > 1 {
        sample.names.pop_first();
    }
    sample.children.iter_mut().for_each(keep_one_name);
}

proptest! {
    #[test]
    fn a_record_of_every_type_has_the_peers_bytes(mut sample in sample()) {
        keep_one_name(&mut sample);
        prop_assert_eq!(sample.to_avro(), theirs(SCHEMA, value(&sample)));
    }

    #[test]
    fn the_peer_reads_ours_and_we_read_the_peers(sample in sample()) {
        let schema = Schema::parse_str(SCHEMA).expect("a schema");
        let reader = GenericDatumReader::builder(&schema).build().expect("a reader");
        let read = reader.read_value(&mut &sample.to_avro()[..]).expect("our bytes");
        prop_assert_eq!(&read, &value(&sample));
        prop_assert_eq!(Sample::from_avro(&theirs(SCHEMA, read)), Ok(sample));
    }

    #[test]
    fn numbers_of_every_length_have_the_peers_bytes(number in long()) {
        let mut ours = Vec::new();
        written(&mut ours, |w| w.long(number));
        prop_assert_eq!(&ours, &theirs("\"long\"", Value::Long(number)));
        prop_assert_eq!(Reader::new(&ours).long(), Ok(number));
        ours.clear();
        written(&mut ours, |w| w.int(number as i32));
        prop_assert_eq!(&ours, &theirs("\"int\"", Value::Int(number as i32)));
        prop_assert_eq!(Reader::new(&ours).int(), Ok(number as i32));
    }
}

#[test]
fn the_ends_of_every_length_of_varint() {
    for shift in 0..64 {
        for base in [
            1_i64 << shift,
            (1_i64 << shift).wrapping_sub(1),
            (1_i64 << shift).wrapping_neg(),
        ] {
            let mut ours = Vec::new();
            written(&mut ours, |w| w.long(base));
            assert_eq!(ours, theirs("\"long\"", Value::Long(base)));
            // Near the end of the input and with more behind it: the two ways through the reader.
            assert_eq!(Reader::new(&ours).long(), Ok(base));
            ours.extend_from_slice(&[0xff; 12]);
            assert_eq!(Reader::new(&ours).long(), Ok(base));
        }
    }
    for int in [0, -1, 1, i32::MAX, i32::MIN] {
        let mut ours = Vec::new();
        written(&mut ours, |w| w.int(int));
        assert_eq!(ours, theirs("\"int\"", Value::Int(int)));
        assert_eq!(Reader::new(&ours).int(), Ok(int));
    }
}

#[test]
fn floats_keep_their_bits() {
    for bits in [
        0_u64,
        1 << 63,
        f64::NAN.to_bits(),
        0x7ff0_0000_0000_0001,
        u64::MAX,
        f64::MIN_POSITIVE.to_bits(),
    ] {
        let mut out = Vec::new();
        written(&mut out, |w| w.double(f64::from_bits(bits)));
        assert_eq!(out, bits.to_le_bytes());
        assert_eq!(Reader::new(&out).double().map(f64::to_bits), Ok(bits));
        assert_eq!(Reader::new(&out).doubles::<1>().map(|[v]| v.to_bits()), Ok(bits));
    }
    for bits in [0_u32, 1 << 31, 0x7f80_0001, u32::MAX] {
        let mut out = Vec::new();
        written(&mut out, |w| w.float(f32::from_bits(bits)));
        assert_eq!(out, bits.to_le_bytes());
        assert_eq!(Reader::new(&out).float().map(f32::to_bits), Ok(bits));
    }
}
