//! Object container files: round trips, files of apache-avro and for it, and files that mean harm.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::expect_used)]

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use fleetops_avro::Schema;
use fleetops_avro::container::{Codec, ContainerError, Limits, Reader, Writer};
use fleetops_avro::value::Value;
use fleetops_avro::wire::put;
use proptest::prelude::*;

const SCHEMA: &str =
    r#"{"type":"record","name":"P","fields":[{"name":"x","type":"long"},{"name":"s","type":"string"}]}"#;

fn schema() -> Schema {
    Schema::parse(SCHEMA).unwrap()
}

fn value(x: i64) -> Value {
    Value::Record(vec![Value::Long(x), Value::String(format!("number {x}"))])
}

fn file(codec: Codec, values: impl Iterator<Item = i64>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &schema(), codec).unwrap();
    values.for_each(|x| writer.append(&value(x)).unwrap());
    writer.finish().unwrap()
}

fn read(file: &[u8]) -> Result<Vec<Value>, ContainerError> {
    Reader::new(file)?.collect()
}

/// Gives a byte at a time, and is interrupted on the way.
struct Slow<'a>(&'a [u8], bool);

impl Read for Slow<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let one = out.len().min(1);
        self.0.read(&mut out[..one])
    }
}

#[test]
fn every_codec_gives_back_what_was_written() {
    assert!(Codec::ALL.len() >= 3, "deflate and snappy are there by default");
    for &codec in Codec::ALL {
        // 20,000 values make several blocks.
        let file = file(codec, 0..20_000);
        assert_eq!(
            file,
            self::file(codec, 0..20_000),
            "the same values give the same file"
        );
        let reader = Reader::new(Slow(&file, false)).unwrap();
        assert_eq!(reader.codec(), codec);
        assert_eq!(reader.schema().text(), schema().text());
        assert_eq!(reader.metadata()["avro.codec"], codec.name().as_bytes());
        let values: Vec<Value> = reader.map(Result::unwrap).collect();
        assert!(values.into_iter().eq((0..20_000).map(value)), "{codec:?}");
        assert_eq!(read(&self::file(codec, 0..0)).unwrap(), []);
    }
}

#[test]
fn files_of_apache_avro_are_read_and_ours_by_it() {
    let peer = apache_avro::Schema::parse_str(SCHEMA).unwrap();
    for (codec, theirs) in [
        ("null", apache_avro::Codec::Null),
        ("deflate", apache_avro::Codec::Deflate(Default::default())),
    ] {
        let mut writer = apache_avro::Writer::with_codec(&peer, Vec::new(), theirs).unwrap();
        for x in 0..5_000_i64 {
            let mut record = apache_avro::types::Record::new(writer.schema()).unwrap();
            record.put("x", x);
            record.put("s", format!("number {x}"));
            writer.append_value(record).unwrap();
        }
        let file = writer.into_inner().unwrap();
        let values = read(&file).unwrap();
        assert!(values.into_iter().eq((0..5_000).map(value)), "{codec}");

        let ours = self::file(Codec::of_name(codec).unwrap(), 0..5_000);
        let read = apache_avro::Reader::new(ours.as_slice()).unwrap();
        let mut count = 0;
        for (x, value) in (0_i64..).zip(read) {
            let apache_avro::types::Value::Record(fields) = value.unwrap() else {
                panic!("a record")
            };
            assert_eq!(fields[0].1, apache_avro::types::Value::Long(x));
            count += 1;
        }
        assert_eq!(count, 5_000);
    }
}

#[test]
fn another_readers_schema() {
    let file = file(Codec::Null, 0..3);
    let reader_schema = Schema::parse(
        r#"{"type":"record","name":"P","fields":[{"name":"d","type":"int","default":7},{"name":"x","type":"double"}]}"#,
    )
    .unwrap();
    let mut reader = Reader::new(file.as_slice()).unwrap();
    reader.read_as(&reader_schema).unwrap();
    let values: Vec<Value> = reader.map(Result::unwrap).collect();
    assert_eq!(values[2], Value::Record(vec![Value::Int(7), Value::Double(2.0)]));
    let mut reader = Reader::new(file.as_slice()).unwrap();
    assert!(reader.read_as(&Schema::parse("\"int\"").unwrap()).is_err());
}

#[test]
fn metadata_and_marker_of_the_callers_own() {
    let metadata = BTreeMap::from([("origin".to_owned(), b"here".to_vec())]);
    let mut writer =
        Writer::with_metadata(Vec::new(), &schema(), Codec::Null, &metadata, Some([7; 16])).unwrap();
    writer.append(&value(1)).unwrap();
    assert!(matches!(
        writer.append(&Value::Null),
        Err(ContainerError::Value(_))
    ));
    writer.flush().unwrap();
    writer.append(&value(2)).unwrap();
    let file = writer.finish().unwrap();
    assert_eq!(file.windows(16).filter(|w| *w == [7; 16]).count(), 3);
    let reader = Reader::new(file.as_slice()).unwrap();
    assert_eq!(reader.metadata()["origin"], b"here");
    assert_eq!(
        reader.map(Result::unwrap).collect::<Vec<_>>(),
        [value(1), value(2)]
    );
    let metadata = BTreeMap::from([("avro.codec".to_owned(), b"x".to_vec())]);
    let refused = Writer::with_metadata(Vec::new(), &schema(), Codec::Null, &metadata, None);
    assert!(matches!(refused, Err(ContainerError::ReservedMetadata(_))));
}

/// A file of these members and block, each field of the block as given.
fn raw(metadata: &[(&str, &[u8])], count: i64, size: i64, data: &[u8], end: [u8; 16]) -> Vec<u8> {
    let mut file = b"Obj\x01".to_vec();
    put::length(&mut file, metadata.len());
    for (key, value) in metadata {
        put::string(&mut file, key);
        put::bytes(&mut file, value);
    }
    put::length(&mut file, 0);
    file.extend([9; 16]);
    put::long(&mut file, count);
    put::long(&mut file, size);
    file.extend(data);
    file.extend(end);
    file
}

#[track_caller]
fn says(file: &[u8], text: &str) {
    let error = read(file).expect_err("it is no good file").to_string();
    assert!(error.contains(text), "{error}");
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let int: &[(&str, &[u8])] = &[("avro.schema", b"\"int\"")];
    let good = raw(int, 2, 2, &[2, 4], [9; 16]);
    assert_eq!(read(&good).unwrap(), [Value::Int(1), Value::Int(2)]);
    let block = good.len() - 20;
    says(b"", "expected an object container file");
    says(b"PK\x03\x04 and so on", "found [50, 4B, 03, 04]");
    says(&good[..good.len() - 1], "the file ends inside a sync marker");
    says(&good[..block + 3], "the file ends inside a block");
    says(
        &raw(int, 2, 2, &[2, 4], [8; 16]),
        &format!("byte {}: expected the file's sync marker", block + 4),
    );
    says(
        &raw(int, 1, 2, &[2, 4], [9; 16]),
        "datum 1: byte 1: expected the end of the data, found 1 more",
    );
    says(&raw(int, 3, 2, &[2, 4], [9; 16]), "found 3 in 2 bytes");
    says(&raw(int, 2, 2, &[2, 0x80], [9; 16]), "datum 1: byte 1");
    says(
        &raw(int, -1, 2, &[2, 4], [9; 16]),
        &format!("byte {block}: expected a block's count, found -1"),
    );
    says(
        &raw(int, 1, -5, &[2, 4], [9; 16]),
        "expected a block's size, found -5",
    );
    says(
        &raw(int, 1, i64::MAX, &[2, 4], [9; 16]),
        "is larger than the limit of 268435456",
    );
    says(
        &raw(int, i64::MAX, 1, &[2], [9; 16]),
        "a block's count of 9223372036854775807",
    );
    says(&raw(&[], 0, 0, &[], [9; 16]), "has no schema");
    says(
        &raw(&[("avro.schema", b"\"nothing\"")], 0, 0, &[], [9; 16]),
        "the schema in the file's header",
    );
    says(
        &raw(&[("avro.schema", b"\xff")], 0, 0, &[], [9; 16]),
        "the schema in the file's header",
    );
    let lz: &[(&str, &[u8])] = &[("avro.schema", b"\"int\""), ("avro.codec", b"lz9")];
    says(
        &raw(lz, 0, 0, &[], [9; 16]),
        "codec is `lz9`; this build reads null, deflate, snappy",
    );
    // After an error there is nothing more.
    let mut reader = Reader::new(&good[..good.len() - 1]).unwrap();
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn a_bomb_is_stopped_by_the_limit() {
    let zeros = vec![0; 4 << 20];
    let limits = Limits {
        block: 1 << 20,
        ..Limits::default()
    };
    for &codec in Codec::ALL.iter().filter(|codec| **codec != Codec::Null) {
        let schema = Schema::parse("\"bytes\"").unwrap();
        let mut writer = Writer::new(Vec::new(), &schema, codec).unwrap();
        writer.append(&Value::Bytes(zeros.clone())).unwrap();
        let file = writer.finish().unwrap();
        assert!(file.len() < 1 << 20, "{codec:?}: {}", file.len());
        let mut reader = Reader::with_limits(file.as_slice(), limits).unwrap();
        let error = reader.next().unwrap().unwrap_err();
        assert!(
            matches!(error, ContainerError::TooLarge { limit, .. } if limit == 1 << 20),
            "{codec:?}: {error}"
        );
        assert!(Reader::new(file.as_slice()).unwrap().next().unwrap().is_ok());
    }
    // A header that never ends.
    let mut header = b"Obj\x01".to_vec();
    put::long(&mut header, 1);
    put::string(&mut header, "k");
    put::long(&mut header, i64::MAX);
    says(
        &header,
        "metadata of 9223372036854775807 is larger than the limit",
    );
}

#[test]
#[cfg(feature = "snappy")]
fn snappys_checksum_is_checked() {
    let mut bad = file(Codec::Snappy, 0..3);
    let at = bad.len() - 17;
    bad[at] ^= 1;
    says(&bad, "the checksum is");
}

#[test]
fn an_output_that_fails_is_told() {
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, data: &[u8]) -> io::Result<usize> {
            let taken = data.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    assert!(matches!(
        Writer::new(Full(10), &schema(), Codec::Null),
        Err(ContainerError::Io { offset: 0, .. })
    ));
    let mut writer = Writer::new(Full(1_000), &schema(), Codec::Null).unwrap();
    let failed = (0..100_000).find_map(|x| writer.append(&value(x)).err());
    assert!(
        matches!(failed, Some(ContainerError::Io { offset: 100.., .. })),
        "{failed:?}"
    );
}

proptest! {
    /// Any damage gives values or an error, never a panic, and never more values than there could be.
    #[test]
    fn damaged_files_do_no_harm(codec in 0..Codec::ALL.len(), damage in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 1..6), cut in 0.0..1.0_f64, cuts in any::<bool>()) {
        let mut file = file(Codec::ALL[codec], 0..200);
        for (at, byte) in damage {
            let at = (at * file.len() as f64) as usize;
            file[at] = byte;
        }
        if cuts {
            file.truncate((cut * file.len() as f64) as usize);
        }
        let limits = Limits { header: 1 << 16, block: 1 << 16, count: 10_000 };
        if let Ok(reader) = Reader::with_limits(file.as_slice(), limits) {
            prop_assert!(reader.take(20_001).count() <= 20_000);
        }
    }
}
