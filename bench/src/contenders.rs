//! Who takes part, and the check that each does the same work.

use std::cell::RefCell;
use std::hint::black_box;
use std::path::Path;
use std::{fs, io};

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use fleetops_runtime::codec::{AvroRecord, Resolver};
use prost::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_avro_fast::ser::SerializerConfig;

use crate::generated::{plain, typed};
use crate::race::Contender;
use crate::types::*;
use crate::{data, limit, protobuf};

const TELEMETRY: &str = include_str!("../schemas/telemetry.avsc");
const TELEMETRY_READER: &str = include_str!("../schemas/telemetry_reader.avsc");
const TELEMETRY_WRITER: &str = include_str!("../schemas/telemetry_writer.avsc");
const ANOMALY: &str = include_str!("../schemas/anomaly.avsc");

type PlainRaw = plain::telemetry::fleetops::events::RawTelemetryEvent;
type PlainRawRef<'a> = plain::telemetry::fleetops::events::RawTelemetryEventRef<'a>;
type TypedRaw = typed::telemetry::fleetops::events::RawTelemetryEvent;
type TypedRawRef<'a> = typed::telemetry::fleetops::events::RawTelemetryEventRef<'a>;
type ReaderRaw = plain::telemetry_reader::fleetops::events::RawTelemetryEvent;
type PlainAnomaly = plain::anomaly::fleetops::events::AnomalyEvent;
type PlainAnomalyRef<'a> = plain::anomaly::fleetops::events::AnomalyEventRef<'a>;
type TypedAnomaly = typed::anomaly::fleetops::events::AnomalyEvent;
type TypedAnomalyRef<'a> = typed::anomaly::fleetops::events::AnomalyEventRef<'a>;

/// Records one after the other in one buffer, each read by its own slice, as from a queue.
pub struct Encoded {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Encoded {
    fn of<T>(values: &[T], encode: impl Fn(&T, &mut Vec<u8>)) -> &'static Self {
        let mut encoded = Self {
            bytes: Vec::new(),
            ends: vec![0],
        };
        for value in values {
            encode(value, &mut encoded.bytes);
            encoded.ends.push(encoded.bytes.len());
        }
        leak(encoded)
    }

    fn records(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.ends.array_windows().map(|[from, to]| &self.bytes[*from..*to])
    }

    fn first(&self) -> &[u8] {
        &self.bytes[..self.ends[1]]
    }
}

fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// The contenders of one race, and what they must yield.
struct Race {
    name: &'static str,
    contenders: Vec<Contender>,
}

impl Race {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            contenders: Vec::new(),
        }
    }

    fn add(&mut self, name: &'static str, run: impl FnMut() + 'static) {
        self.contenders.push(Contender {
            race: self.name,
            name,
            run: Box::new(run),
        });
    }

    /// One that writes each record into a buffer that is used again; it must yield the bytes of `want`.
    fn encoder<T>(
        &mut self,
        name: &'static str,
        values: &'static [T],
        want: &Encoded,
        encode: impl Fn(&T, &mut Vec<u8>) + 'static,
    ) {
        let mut out = Vec::with_capacity(4096);
        for (value, want) in values.iter().zip(want.records()) {
            out.clear();
            encode(value, &mut out);
            assert_eq!(out, want, "{} by {name}", self.name);
        }
        self.add(name, move || {
            for value in values {
                out.clear();
                encode(black_box(value), &mut out);
                black_box(out.as_slice());
            }
        });
    }

    /// One that reads each record to a value that is dropped at once. `same` compares it with what was written.
    fn decoder<T, V, E>(
        &mut self,
        name: &'static str,
        encoded: &'static Encoded,
        want: &[T],
        decode: impl Fn(&'static [u8]) -> Result<V, E> + 'static,
        same: impl Fn(&V, &T) -> bool,
    ) {
        for (bytes, want) in encoded.records().zip(want) {
            let value = decode(bytes).unwrap_or_else(|_| panic!("{} by {name}", self.name));
            assert!(same(&value, want), "{} by {name}", self.name);
        }
        let first = encoded.first();
        // Cut off within the last field, every decoder must notice; prost has a field less then.
        if !name.starts_with("prost") {
            assert!(decode(&first[..first.len() - 1]).is_err(), "{} by {name}", self.name);
        }
        self.add(name, move || {
            for bytes in encoded.records() {
                // By reference: to hand over the value would move it, or not, as the compiler sees fit.
                let value = decode(black_box(bytes));
                black_box(&value);
            }
        });
    }

    /// One that reads each record in place of the one before, which must give what reading anew does.
    fn reuser<T: Clone + PartialEq>(
        &mut self,
        name: &'static str,
        encoded: &'static Encoded,
        want: &'static [T],
        read: impl Fn(&mut T, &[u8]) + 'static,
    ) {
        let mut value = want[0].clone();
        for (bytes, want) in encoded.records().zip(want) {
            read(&mut value, bytes);
            assert!(value == *want, "{} by {name}", self.name);
        }
        self.add(name, move || {
            for bytes in encoded.records() {
                read(&mut value, black_box(bytes));
                black_box(&value);
            }
        });
    }
}

fn fast_schema(text: &str) -> &'static serde_avro_fast::Schema {
    leak(text.parse().expect("a schema"))
}

fn fast_encoder<T: Serialize>(schema: &'static serde_avro_fast::Schema) -> impl Fn(&T, &mut Vec<u8>) {
    let config = RefCell::new(SerializerConfig::new(schema));
    move |value, out| {
        let buffer = std::mem::take(out);
        *out = serde_avro_fast::to_datum(value, buffer, &mut config.borrow_mut()).expect("a record");
    }
}

fn apache_schema(text: &str) -> &'static apache_avro::Schema {
    leak(apache_avro::Schema::parse_str(text).expect("a schema"))
}

/// The peers that go by a schema and serde, with a type that owns what it has.
fn by_serde<T: Serialize + DeserializeOwned + PartialEq>(
    encode: &mut Race,
    decode: &mut Race,
    text: &str,
    values: &'static [T],
    encoded: &'static Encoded,
) {
    let schema = fast_schema(text);
    encode.encoder("serde_avro_fast", values, encoded, fast_encoder(schema));
    decode.decoder(
        "serde_avro_fast",
        encoded,
        values,
        move |bytes| serde_avro_fast::from_datum_slice::<T>(bytes, schema),
        |a, b| a == b,
    );
    let schema = apache_schema(text);
    let writer = leak(GenericDatumWriter::builder(schema).build().expect("a writer"));
    let reader = leak(GenericDatumReader::builder(schema).build().expect("a reader"));
    encode.encoder("apache-avro", values, encoded, move |value, out| {
        writer.write_ser(out, value).expect("a record");
    });
    decode.decoder(
        "apache-avro",
        encoded,
        values,
        move |mut bytes| reader.read_deser::<T>(&mut bytes),
        |a, b| a == b,
    );
}

/// The generated type, whose values are read from the bytes.
fn ours<T: AvroRecord + PartialEq>(
    encode: &mut Race,
    decode: &mut Race,
    encoded: &'static Encoded,
) -> &'static [T] {
    let values: Vec<T> = encoded
        .records()
        .map(|bytes| T::from_avro(bytes).expect("a record"))
        .collect();
    let values = leak(values);
    encode.encoder("fleetops", values, encoded, |value, out| value.encode_avro(out));
    decode.decoder("fleetops", encoded, values, |bytes| T::from_avro(bytes), |a, b| a == b);
    values
}

/// All contenders, checked.
pub fn all(records: usize) -> Vec<Contender> {
    let mut contenders = Vec::new();
    for race in [
        telemetry_plain(records),
        telemetry_typed(records),
        anomaly_plain(records),
        anomaly_typed(records),
        vec![resolution(records)],
    ] {
        contenders.extend(race.into_iter().flat_map(|race| race.contenders));
    }
    contenders
}

fn telemetry_plain(records: usize) -> Vec<Race> {
    let values: &'static [RawPlain] = leak(data::telemetry(records));
    let schema = fast_schema(TELEMETRY);
    let encoded = Encoded::of(values, fast_encoder(schema));
    let mut encode = Race::new("RawTelemetryEvent, plain: encode");
    let mut decode = Race::new("RawTelemetryEvent, plain: decode");

    let ours: &'static [PlainRaw] = ours(&mut encode, &mut decode, encoded);
    decode.decoder(
        "fleetops borrowed",
        encoded,
        ours,
        |bytes| PlainRawRef::from_avro(bytes),
        |a, b| a.clone().into_owned() == *b,
    );

    decode.reuser("fleetops reused", encoded, ours, |value, bytes| {
        value.read_avro(bytes).expect("a record");
    });

    encode.encoder("by hand", values, encoded, limit::encode_raw);
    decode.decoder("by hand", encoded, values, |bytes| limit::decode_raw(bytes), RawPlain::eq);
    decode.decoder(
        "by hand, borrowed",
        encoded,
        values,
        |bytes| limit::decode_raw::<&str, i64, &str>(bytes),
        |a, b| a.scene_id == b.scene_id && a.metadata.replay_session_id == b.metadata.replay_session_id,
    );
    decode.reuser("by hand, reused", encoded, values, |value, bytes| {
        limit::decode_raw_into(value, bytes).expect("a record");
    });

    by_serde(&mut encode, &mut decode, TELEMETRY, values, encoded);
    decode.decoder(
        "serde_avro_fast, borrowed",
        encoded,
        values,
        move |bytes| serde_avro_fast::from_datum_slice::<RawRef<'_>>(bytes, schema),
        |a, b| a.scene_id == b.scene_id,
    );

    let messages: &'static [protobuf::Raw] =
        leak(values.iter().map(protobuf::Raw::from).collect::<Vec<_>>());
    let protobuf = Encoded::of(messages, |value, out| value.encode(out).expect("a message"));
    encode.encoder("prost", messages, protobuf, |value, out| value.encode(out).expect("a message"));
    decode.decoder("prost", protobuf, messages, |bytes| protobuf::Raw::decode(bytes), |a, b| a == b);
    copies(&mut encode, encoded);
    vec![encode, decode]
}

fn telemetry_typed(records: usize) -> Vec<Race> {
    let values: &'static [RawTyped] =
        leak(data::telemetry(records).iter().map(RawPlain::typed).collect::<Vec<_>>());
    let schema = fast_schema(TELEMETRY);
    let encoded = Encoded::of(values, fast_encoder(schema));
    let mut encode = Race::new("RawTelemetryEvent, typed: encode");
    let mut decode = Race::new("RawTelemetryEvent, typed: decode");

    let ours: &'static [TypedRaw] = ours(&mut encode, &mut decode, encoded);
    decode.decoder(
        "fleetops borrowed",
        encoded,
        ours,
        |bytes| TypedRawRef::from_avro(bytes),
        |a, b| a.clone().into_owned() == *b,
    );
    encode.encoder("by hand", values, encoded, limit::encode_raw);
    decode.decoder("by hand", encoded, values, |bytes| limit::decode_raw(bytes), RawTyped::eq);
    encode.encoder("serde_avro_fast", values, encoded, fast_encoder(schema));
    decode.decoder(
        "serde_avro_fast",
        encoded,
        values,
        move |bytes| serde_avro_fast::from_datum_slice::<RawTyped>(bytes, schema),
        |a, b| a == b,
    );
    vec![encode, decode]
}

fn anomaly_plain(records: usize) -> Vec<Race> {
    let values: &'static [AnomalyPlain] = leak(data::anomalies(records));
    let schema = fast_schema(ANOMALY);
    let encoded = Encoded::of(values, fast_encoder(schema));
    let mut encode = Race::new("AnomalyEvent, plain: encode");
    let mut decode = Race::new("AnomalyEvent, plain: decode");

    let ours: &'static [PlainAnomaly] = ours(&mut encode, &mut decode, encoded);
    decode.decoder(
        "fleetops borrowed",
        encoded,
        ours,
        |bytes| PlainAnomalyRef::from_avro(bytes),
        |a, b| a.clone().into_owned() == *b,
    );

    decode.reuser("fleetops reused", encoded, ours, |value, bytes| {
        value.read_avro(bytes).expect("a record");
    });

    encode.encoder("by hand", values, encoded, limit::encode_anomaly);
    decode.decoder("by hand", encoded, values, |bytes| limit::decode_anomaly(bytes), AnomalyPlain::eq);
    decode.decoder(
        "by hand, borrowed",
        encoded,
        values,
        |bytes| limit::decode_anomaly::<&str, i64, &str>(bytes),
        |a, b| a.details == b.details.as_deref() && a.frame_indices == b.frame_indices,
    );
    decode.reuser("by hand, reused", encoded, values, |value, bytes| {
        limit::decode_anomaly_into(value, bytes).expect("a record");
    });

    by_serde(&mut encode, &mut decode, ANOMALY, values, encoded);
    decode.decoder(
        "serde_avro_fast, borrowed",
        encoded,
        values,
        move |bytes| serde_avro_fast::from_datum_slice::<AnomalyRef<'_>>(bytes, schema),
        |a, b| a.scene_id == b.scene_id,
    );

    let messages: &'static [protobuf::Anomaly] =
        leak(values.iter().map(protobuf::Anomaly::from).collect::<Vec<_>>());
    let protobuf = Encoded::of(messages, |value, out| value.encode(out).expect("a message"));
    encode.encoder("prost", messages, protobuf, |value, out| value.encode(out).expect("a message"));
    decode.decoder("prost", protobuf, messages, |bytes| protobuf::Anomaly::decode(bytes), |a, b| a == b);
    copies(&mut encode, encoded);
    vec![encode, decode]
}

fn anomaly_typed(records: usize) -> Vec<Race> {
    let values: &'static [AnomalyTyped] =
        leak(data::anomalies(records).iter().map(AnomalyPlain::typed).collect::<Vec<_>>());
    let schema = fast_schema(ANOMALY);
    let encoded = Encoded::of(values, fast_encoder(schema));
    let mut encode = Race::new("AnomalyEvent, typed: encode");
    let mut decode = Race::new("AnomalyEvent, typed: decode");

    let ours: &'static [TypedAnomaly] = ours(&mut encode, &mut decode, encoded);
    decode.decoder(
        "fleetops borrowed",
        encoded,
        ours,
        |bytes| TypedAnomalyRef::from_avro(bytes),
        |a, b| a.clone().into_owned() == *b,
    );
    encode.encoder("by hand", values, encoded, limit::encode_anomaly);
    decode.decoder("by hand", encoded, values, |bytes| limit::decode_anomaly(bytes), AnomalyTyped::eq);
    encode.encoder("serde_avro_fast", values, encoded, fast_encoder(schema));
    decode.decoder(
        "serde_avro_fast",
        encoded,
        values,
        move |bytes| serde_avro_fast::from_datum_slice::<AnomalyTyped>(bytes, schema),
        |a, b| a == b,
    );
    vec![encode, decode]
}

/// Another writer's schema: fields in another order, one that nobody reads, ints for longs, one that has its default.
fn resolution(records: usize) -> Race {
    let values = data::telemetry(records);
    let schema = fast_schema(TELEMETRY_WRITER);
    let encoded = writers(&values, schema);
    let want: Vec<RawReader> = values.iter().map(RawPlain::reader).collect();
    let mut race = Race::new("RawTelemetryEvent of another writer schema: decode");

    let resolver: &'static Resolver<ReaderRaw> = leak(Resolver::new(TELEMETRY_WRITER).expect("a plan"));
    race.decoder(
        "fleetops, by plan",
        encoded,
        &want,
        |bytes| ReaderRaw::from_avro_with(resolver, bytes),
        |a, b| {
            a.event_id == b.event_id
                && a.frame_index == b.frame_index
                && a.telemetry.velocity.magnitude == b.telemetry.velocity.magnitude
                && a.telemetry.track_length == b.telemetry.track_length
                && a.metadata.replay_session_id == b.metadata.replay_session_id
                && a.source == b.source
        },
    );
    race.decoder(
        "serde_avro_fast, serde's defaults",
        encoded,
        &want,
        move |bytes| serde_avro_fast::from_datum_slice::<RawReader>(bytes, schema),
        |a, b| a == b,
    );
    let reader = leak(
        GenericDatumReader::builder(apache_schema(TELEMETRY_WRITER))
            .reader_schema(apache_schema(TELEMETRY_READER))
            .build()
            .expect("a reader"),
    );
    race.decoder(
        "apache-avro, by value",
        encoded,
        &want,
        move |mut bytes| apache_avro::from_value::<RawReader>(&reader.read_value(&mut bytes)?),
        |a, b| a == b,
    );
    race
}

/// The records as an earlier producer sent them.
fn writers(values: &[RawPlain], schema: &'static serde_avro_fast::Schema) -> &'static Encoded {
    let config = RefCell::new(SerializerConfig::new(schema));
    Encoded::of(values, |value, out| {
        let buffer = std::mem::take(out);
        *out = serde_avro_fast::to_datum(&value.writer(), buffer, &mut config.borrow_mut()).expect("a record");
    })
}

/// What it takes to move the bytes at all.
fn copies(race: &mut Race, encoded: &'static Encoded) {
    let mut out = vec![0; 4096];
    race.add("copy of the bytes", move || {
        for bytes in encoded.records() {
            let bytes = black_box(bytes);
            out[..bytes.len()].copy_from_slice(bytes);
            black_box(out.as_slice());
        }
    });
}

/// Writes the records for other languages.
pub fn dump(folder: &Path) -> io::Result<()> {
    const RECORDS: usize = 10_000;
    let write = |name: &str, encoded: &Encoded| {
        let mut out = (encoded.records().len() as u32).to_le_bytes().to_vec();
        for record in encoded.records() {
            out.extend((record.len() as u32).to_le_bytes());
            out.extend(record);
        }
        fs::write(folder.join(name), out)
    };
    fs::create_dir_all(folder)?;
    let telemetry = data::telemetry(RECORDS);
    write("telemetry.bin", Encoded::of(&telemetry, limit::encode_raw))?;
    write("anomaly.bin", Encoded::of(&data::anomalies(RECORDS), limit::encode_anomaly))?;
    write("telemetry_writer.bin", writers(&telemetry, fast_schema(TELEMETRY_WRITER)))
}
