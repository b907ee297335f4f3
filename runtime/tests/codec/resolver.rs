//! Data of other writer schemas.

use fleetops_runtime::avro::Schema;
use fleetops_runtime::codec::{
    AvroRecord, DecodeError, DecodeErrorKind, Path, Reader, Resolver, ValidationErrors, Writer, read_with,
};
use fleetops_runtime::uuid::Uuid;
use proptest::prelude::*;

use crate::sample::{SCHEMA, Sample, sample};

/// The newer of two versions.
#[derive(Debug, PartialEq)]
struct Point {
    id: Uuid,
    x: f64,
    label: String,
}

impl AvroRecord for Point {
    const SCHEMA: &'static str = r#"{"type": "record", "name": "Point", "fields": [
        {"name": "id", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "x", "type": "double"},
        {"name": "label", "type": "string", "default": "none"}]}"#;
    const FINGERPRINT: u64 = 0;
    const NAME: &'static str = "Point";

    fn encode_avro(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out, 64);
        writer.uuid_string(&self.id);
        writer.double(self.x);
        writer.string(&self.label);
        writer.finish();
    }

    fn decode_avro(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: r.uuid_string()?,
            x: r.double()?,
            label: r.string()?,
        })
    }

    fn decode_into(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.id = r.uuid_string()?;
        self.x = r.double()?;
        r.string_into(&mut self.label)
    }

    fn validate_at(&self, _: &Path<'_>, _: &mut ValidationErrors) {}
}

const OLDER: &str = r#"{"type": "record", "name": "Point", "fields": [
    {"name": "gone", "type": "bytes"}, {"name": "x", "type": "int"}, {"name": "id", "type": "string"}]}"#;

/// The same fields in another order, and one more: nothing is written, all is put into place.
const MOVED: &str = r#"{"type": "record", "name": "Point", "fields": [
    {"name": "gone", "type": "bytes"}, {"name": "x", "type": "double"}, {"name": "label", "type": "string"},
    {"name": "id", "type": "string"}, {"name": "count", "type": ["null", "long"]}]}"#;

fn moved(x: f64, label: &str, id: &str, count: Option<i64>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, 0);
    writer.bytes(&[1, 2, 3]);
    writer.double(x);
    writer.string(label);
    writer.string(id);
    match count {
        None => writer.int(0),
        Some(count) => {
            writer.int(1);
            writer.long(count);
        }
    }
    writer.finish();
    out
}

/// What resolution is: the reader's bytes, then the type's own decoder.
fn in_two_steps(resolver: &Resolver<Point>, bytes: &[u8]) -> Result<Point, DecodeError> {
    let mut own = Vec::new();
    let taken = resolver.plan().transcode(bytes, &mut own)?;
    if taken < bytes.len() {
        let left = bytes.len() - taken;
        return Err(DecodeError::new(taken, DecodeErrorKind::TrailingBytes { left }));
    }
    Point::from_avro(&own).map_err(|error| error.at("after resolution"))
}

fn older(x: i32, id: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out, 0);
    writer.bytes(&[1, 2, 3]);
    writer.int(x);
    writer.string(id);
    writer.finish();
    out
}

proptest! {
    #[test]
    fn an_older_version_is_read_with_defaults_and_promotion(x: i32, number: u128) {
        let id = Uuid::from_u128(number);
        let resolver = Resolver::<Point>::new(OLDER).expect("compatible");
        prop_assert!(!resolver.plan().is_identity());
        let read = Point::from_avro_with(&resolver, &older(x, &id.to_string()));
        prop_assert_eq!(read, Ok(Point { id, x: f64::from(x), label: "none".to_owned() }));
    }

    #[test]
    fn the_same_schema_is_read_as_it_is(sample in sample()) {
        let schema = Schema::parse(SCHEMA).expect("a schema");
        let resolver = Resolver::<Sample>::new(&schema).expect("the same");
        prop_assert!(resolver.plan().is_identity());
        prop_assert_eq!(Sample::from_avro_with(&resolver, &sample.to_avro()), Ok(sample));
    }

    #[test]
    fn cut_and_changed_bytes_are_what_two_steps_make_of_them(
        x in -100.0..100.0,
        label in "[a-zé]{0,70}",
        id: u128,
        count: Option<i64>,
        cut: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        extra in prop::collection::vec(any::<u8>(), 0..2),
    ) {
        let id = Uuid::from_u128(id);
        let mut place = Point { id: Uuid::nil(), x: 9.9, label: "another".to_owned() };
        for (writer, good) in [
            (Point::SCHEMA, Point { id, x, label: label.clone() }.to_avro()),
            (OLDER, older(x as i32, &id.to_string())),
            (MOVED, moved(x, &label, &id.to_string(), count)),
        ] {
            let resolver = Resolver::<Point>::new(writer).expect("compatible");
            prop_assert!(Point::from_avro_with(&resolver, &good).is_ok());
            let cut = &good[..cut.index(good.len())];
            prop_assert!(Point::from_avro_with(&resolver, cut).is_err());
            let mut changed = good.clone();
            for (at, byte) in &changes {
                changed[at.index(good.len())] = *byte;
            }
            changed.extend(&extra);
            for bytes in [&good[..], cut, &changed] {
                let got = Point::from_avro_with(&resolver, bytes);
                if writer != Point::SCHEMA {
                    // Not by `==`, for which one not-a-number is not another.
                    let want = in_two_steps(&resolver, bytes);
                    prop_assert_eq!(format!("{got:?}"), format!("{want:?}"), "{:x?}", bytes);
                }
                let read = read_with(resolver.plan(), bytes, &mut place).map(|()| &place);
                prop_assert_eq!(format!("{read:?}"), format!("{:?}", got.as_ref()), "{:x?}", bytes);
            }
        }
    }
}

#[test]
fn writer_schemas_come_parsed_or_as_text() {
    let parsed = Schema::parse(OLDER).expect("a schema");
    let text = OLDER.to_owned();
    for resolver in [
        Resolver::<Point>::new(&parsed),
        Resolver::new(&text),
        Resolver::new(OLDER),
        Resolver::new(&&text),
    ] {
        let read = Point::from_avro_with(
            &resolver.expect("compatible"),
            &older(1, &Uuid::nil().to_string()),
        );
        assert_eq!(read.expect("a point").x, 1.0);
    }
}

#[test]
fn schemas_that_do_not_go_together_say_why() {
    let error = |writer: &str| Resolver::<Point>::new(writer).expect_err("no plan").to_string();
    assert!(
        error("{").starts_with("the writer's schema cannot be parsed:\n"),
        "{}",
        error("{")
    );
    let missing = error(r#"{"type": "record", "name": "Point", "fields": [{"name": "x", "type": "int"}]}"#);
    assert!(
        missing.starts_with("Point cannot be read from data of that writer schema: "),
        "{missing}"
    );
    assert!(missing.contains("id"), "{missing}");
}

#[test]
fn what_goes_on_after_the_datum_and_what_only_the_type_refuses_are_errors() {
    let resolver = Resolver::<Point>::new(OLDER).expect("compatible");
    let mut bytes = older(7, &Uuid::nil().to_string());
    let end = bytes.len();
    bytes.push(0);
    let error = Point::from_avro_with(&resolver, &bytes).expect_err("a byte too many");
    assert_eq!(
        (error.offset(), error.kind()),
        (end, &DecodeErrorKind::TrailingBytes { left: 1 })
    );
    let error = Point::from_avro_with(&resolver, &older(7, "uuid-v4")).expect_err("no uuid");
    assert_eq!(
        error.to_string(),
        "byte 0, after resolution: expected a uuid of 36 characters, found \"uuid-v4\""
    );
    // The next datum is read into the same buffer, from its start.
    Point::from_avro_with(&resolver, &older(7, &Uuid::nil().to_string())).expect("a point");
}
