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

use crate::entries::{Encoded, Race, leak};
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
    decode.decoder(
        "fleetops",
        encoded,
        values,
        |bytes| T::from_avro(bytes),
        |a, b| a == b,
    );
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

/// The races of a record: our type, the limit by hand, and what else is said. `values` are of the peers' type, as the limit reads them too.
macro_rules! races {
    (
        $name:literal, $values:ident: $own:ty, $encoded:ident,
        ours $ours:ty, $view:ty, by hand $encode:path, $decode:path
    ) => {{
        let mut encode = Race::new(concat!($name, ": encode"));
        let mut decode = Race::new(concat!($name, ": decode"));
        let ours: &'static [$ours] = ours(&mut encode, &mut decode, $encoded);
        decode.decoder(
            "fleetops borrowed",
            $encoded,
            ours,
            |bytes| <$view>::from_avro(bytes),
            |a, b| a.clone().into_owned() == *b,
        );
        encode.encoder("by hand", $values, $encoded, $encode);
        decode.decoder("by hand", $encoded, $values, |bytes| $decode(bytes), <$own>::eq);
        (encode, decode, ours)
    }};
}

/// With plain fields, which all peers have: reading in place, what borrows, and prost besides.
macro_rules! plain {
    (
        $function:ident, $name:literal, $schema:ident, $data:path => $own:ty,
        ours $ours:ty, $view:ty, by hand $encode:path, $decode:path, $into:path,
        borrowed $by_hand:ident, $same_by_hand:expr, $serde:ty, $same_serde:expr, message $message:ty
    ) => {
        fn $function(records: usize) -> Vec<Race> {
            let values: &'static [$own] = leak($data(records));
            let schema = fast_schema($schema);
            let encoded = Encoded::of(values, fast_encoder(schema));
            let (mut encode, mut decode, ours) = races!(
                $name, values: $own, encoded, ours $ours, $view, by hand $encode, $decode
            );
            decode.reuser("fleetops reused", encoded, ours, |value, bytes| {
                value.read_avro(bytes).expect("a record");
            });
            decode.decoder(
                "by hand, borrowed",
                encoded,
                values,
                |bytes| limit::$by_hand::<&str, i64, &str>(bytes),
                $same_by_hand,
            );
            decode.reuser("by hand, reused", encoded, values, |value, bytes| {
                $into(value, bytes).expect("a record");
            });
            by_serde(&mut encode, &mut decode, $schema, values, encoded);
            decode.decoder(
                "serde_avro_fast, borrowed",
                encoded,
                values,
                move |bytes| serde_avro_fast::from_datum_slice::<$serde>(bytes, schema),
                $same_serde,
            );
            let messages: &'static [$message] = leak(values.iter().map(<$message>::from).collect::<Vec<_>>());
            let protobuf = Encoded::of(messages, |value, out| value.encode(out).expect("a message"));
            encode.encoder("prost", messages, protobuf, |value, out| value.encode(out).expect("a message"));
            decode.decoder("prost", protobuf, messages, |bytes| <$message>::decode(bytes), |a, b| a == b);
            copies(&mut encode, encoded);
            vec![encode, decode]
        }
    };
}

/// With logical types, which serde_avro_fast alone has besides.
macro_rules! typed {
    (
        $function:ident, $name:literal, $schema:ident, $data:path, $typed:path => $own:ty,
        ours $ours:ty, $view:ty, by hand $encode:path, $decode:path
    ) => {
        fn $function(records: usize) -> Vec<Race> {
            let values: &'static [$own] = leak($data(records).iter().map($typed).collect::<Vec<_>>());
            let schema = fast_schema($schema);
            let encoded = Encoded::of(values, fast_encoder(schema));
            let (mut encode, mut decode, _) = races!(
                $name, values: $own, encoded, ours $ours, $view, by hand $encode, $decode
            );
            encode.encoder("serde_avro_fast", values, encoded, fast_encoder(schema));
            decode.decoder(
                "serde_avro_fast",
                encoded,
                values,
                move |bytes| serde_avro_fast::from_datum_slice::<$own>(bytes, schema),
                |a, b| a == b,
            );
            vec![encode, decode]
        }
    };
}

plain!(
    telemetry_plain, "RawTelemetryEvent, plain", TELEMETRY, data::telemetry => RawPlain,
    ours PlainRaw, PlainRawRef<'_>, by hand limit::encode_raw, limit::decode_raw, limit::decode_raw_into,
    borrowed decode_raw,
    |a, b| a.scene_id == b.scene_id && a.metadata.replay_session_id == b.metadata.replay_session_id,
    RawRef<'_>, |a, b| a.scene_id == b.scene_id, message protobuf::Raw
);
typed!(
    telemetry_typed, "RawTelemetryEvent, typed", TELEMETRY, data::telemetry, RawPlain::typed => RawTyped,
    ours TypedRaw, TypedRawRef<'_>, by hand limit::encode_raw, limit::decode_raw
);
plain!(
    anomaly_plain, "AnomalyEvent, plain", ANOMALY, data::anomalies => AnomalyPlain,
    ours PlainAnomaly, PlainAnomalyRef<'_>,
    by hand limit::encode_anomaly, limit::decode_anomaly, limit::decode_anomaly_into,
    borrowed decode_anomaly,
    |a, b| a.details == b.details.as_deref() && a.frame_indices == b.frame_indices,
    AnomalyRef<'_>, |a, b| a.scene_id == b.scene_id, message protobuf::Anomaly
);
typed!(
    anomaly_typed, "AnomalyEvent, typed", ANOMALY, data::anomalies, AnomalyPlain::typed => AnomalyTyped,
    ours TypedAnomaly, TypedAnomalyRef<'_>, by hand limit::encode_anomaly, limit::decode_anomaly
);

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
        *out =
            serde_avro_fast::to_datum(&value.writer(), buffer, &mut config.borrow_mut()).expect("a record");
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
    write(
        "anomaly.bin",
        Encoded::of(&data::anomalies(RECORDS), limit::encode_anomaly),
    )?;
    write(
        "telemetry_writer.bin",
        writers(&telemetry, fast_schema(TELEMETRY_WRITER)),
    )
}
