//! The topic, written by hand as generated code would have it, and its schemas.

use std::borrow::Cow;
use std::time::Duration;

use fleetops_runtime::avro::resolve::Plan;
use fleetops_runtime::chrono::{DateTime, Utc};
use fleetops_runtime::codec::{DecodeError, Path, Reader, ValidationErrors, Writer, check};
use fleetops_runtime::framing;
use fleetops_runtime::topic::{DedupSpec, ReorderSpec, Sequence, Topic, TopicSpec};

use super::TOPIC;

/// The reader's schema.
pub const SCHEMA: &str = r#"{"type": "record", "name": "Reading", "namespace": "test", "fields": [
    {"name": "vehicle", "type": "string"}, {"name": "frame", "type": "long"},
    {"name": "id", "type": "string"}, {"name": "unit", "type": "string", "default": "m"}]}"#;

/// An older writer's: other order, a narrower type, a field that the reader has not, none for the default.
pub const OLD_SCHEMA: &str = r#"{"type": "record", "name": "Reading", "namespace": "test", "fields": [
    {"name": "id", "type": "string"}, {"name": "gone", "type": "double"},
    {"name": "frame", "type": "int"}, {"name": "vehicle", "type": "string"}]}"#;

pub const ID: u32 = 1;
pub const OLD_ID: u32 = 2;
pub const UNREADABLE_ID: u32 = 3;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reading {
    pub vehicle: String,
    pub frame: i64,
    pub id: String,
    pub unit: String,
}

impl Reading {
    pub fn new(vehicle: &str, frame: i64) -> Self {
        Self {
            vehicle: vehicle.to_owned(),
            frame,
            id: format!("{vehicle}-{frame}"),
            unit: "km".to_owned(),
        }
    }

    pub fn dedup_key(&self) -> Vec<u8> {
        format!("{}\u{1f}{}", self.vehicle, self.id).into_bytes()
    }

    /// Framed, as our producers write it.
    pub fn value(&self) -> Vec<u8> {
        let mut out = Vec::new();
        framing::put(&mut out, ID);
        let mut writer = Writer::new(&mut out, 128);
        writer.string(&self.vehicle);
        writer.long(self.frame);
        writer.string(&self.id);
        writer.string(&self.unit);
        writer.finish();
        out
    }

    pub fn old_value(&self) -> Vec<u8> {
        let mut out = Vec::new();
        framing::put(&mut out, OLD_ID);
        let mut writer = Writer::new(&mut out, 128);
        writer.string(&self.id);
        writer.double(1.5);
        writer.long(self.frame); // an int has the same bytes
        writer.string(&self.vehicle);
        writer.finish();
        out
    }
}

/// The topic, as generated code would have it.
pub struct Readings {
    spec: TopicSpec,
}

impl Default for Readings {
    fn default() -> Self {
        Self {
            spec: TopicSpec {
                name: Cow::Borrowed(TOPIC),
                subject: Cow::Borrowed("readings-value"),
                partitions: 3,
                dead_letter: None,
                dedup: Some(DedupSpec {
                    ttl: Duration::from_secs(60),
                }),
                reorder: Some(ReorderSpec {
                    ring: 10,
                    tolerance: 2,
                    hold: Duration::from_millis(300),
                }),
            },
        }
    }
}

impl Readings {
    pub fn named(topic: &str) -> Self {
        let mut readings = Self::default();
        readings.spec.name = Cow::Owned(topic.to_owned());
        readings
    }
}

impl Topic for Readings {
    type Event = Reading;

    fn spec(&self) -> &TopicSpec {
        &self.spec
    }

    fn schema(&self) -> &str {
        SCHEMA
    }

    fn decode(&self, plan: &Plan, payload: &[u8]) -> Result<Reading, DecodeError> {
        let mut reading = Reading::new("", 0);
        self.decode_into(plan, payload, &mut reading)?;
        Ok(reading)
    }

    fn decode_into(&self, plan: &Plan, payload: &[u8], event: &mut Reading) -> Result<(), DecodeError> {
        let mut bytes = Vec::new();
        let payload = if plan.is_identity() {
            payload
        } else {
            plan.transcode(payload, &mut bytes)?;
            &bytes
        };
        let mut reader = Reader::new(payload);
        reader.string_into(&mut event.vehicle)?;
        event.frame = reader.long()?;
        reader.string_into(&mut event.id)?;
        reader.string_into(&mut event.unit)?;
        reader.finish()
    }

    fn encode(&self, event: &Reading, out: &mut Vec<u8>) {
        out.extend_from_slice(&event.value()[framing::PREFIX_LENGTH..]);
    }

    fn key(&self, event: &Reading, out: &mut String) -> bool {
        out.push_str(&event.vehicle);
        true
    }

    fn dedup_key(&self, event: &Reading, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&event.dedup_key());
        true
    }

    fn sequence(&self, event: &Reading, out: &mut Sequence) -> bool {
        out.by.push_str(&event.vehicle);
        out.index = event.frame;
        true
    }

    fn stamp(&self, _: &mut Reading, _: DateTime<Utc>) {}

    fn validate(&self, event: &Reading) -> Result<(), ValidationErrors> {
        let mut errors = ValidationErrors::default();
        check::minimum(&mut errors, &Path::ROOT.field("frame"), &event.frame, &0);
        errors.into_result()
    }
}
