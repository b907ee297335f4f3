//! A topic of telemetry: about 300 bytes a record, 26 fields, as the code generator writes such code.

use std::borrow::Cow;
use std::time::Duration;

use fleetops_runtime::avro::resolve::Plan;
use fleetops_runtime::chrono::{DateTime, Utc};
use fleetops_runtime::codec::{
    AvroRecord, DecodeError, Path, Reader, ValidationErrors, Writer, check, decode_with, read_with,
};
use fleetops_runtime::framing::SchemaId;
use fleetops_runtime::registry::{Answer, RegisteredSchema, RegistryClient};
use fleetops_runtime::topic::{DedupSpec, ReorderSpec, Sequence, Topic, TopicSpec};
use fleetops_runtime::uuid::Uuid;

/// The schema's ID.
pub(crate) const ID: u32 = 1;

#[derive(Clone)]
pub(crate) struct Telemetry {
    pub(crate) id: Uuid,
    pub(crate) vehicle: String,
    pub(crate) scene: String,
    pub(crate) track: Option<i64>,
    pub(crate) event_time: i64,
    pub(crate) processing_time: i64,
    pub(crate) frame: i32,
    pub(crate) motion: [f64; 15],
    pub(crate) session: String,
}

impl AvroRecord for Telemetry {
    const SCHEMA: &'static str = r#"{"type":"record","name":"Telemetry","namespace":"rate","fields":[
        {"name":"id","type":"string"},{"name":"vehicle","type":"string"},{"name":"scene","type":"string"},
        {"name":"track","type":["null","long"]},{"name":"event_time","type":"long"},{"name":"processing_time","type":"long"},
        {"name":"frame","type":"int"},
        {"name":"m0","type":"double"},{"name":"m1","type":"double"},{"name":"m2","type":"double"},
        {"name":"m3","type":"double"},{"name":"m4","type":"double"},{"name":"m5","type":"double"},
        {"name":"m6","type":"double"},{"name":"m7","type":"double"},{"name":"m8","type":"double"},
        {"name":"m9","type":"double"},{"name":"m10","type":"double"},{"name":"m11","type":"double"},
        {"name":"m12","type":"double"},{"name":"m13","type":"double"},{"name":"m14","type":"double"},
        {"name":"session","type":"string"}]}"#;
    const FINGERPRINT: u64 = 0;
    const NAME: &'static str = "rate.Telemetry";

    fn encode_avro(&self, out: &mut Vec<u8>) {
        let text = self.vehicle.len() + self.scene.len() + self.session.len();
        let mut writer = Writer::new(out, 210 + text);
        writer.string(self.id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        writer.string(&self.vehicle);
        writer.string(&self.scene);
        writer.index(usize::from(self.track.is_some()));
        if let Some(track) = self.track {
            writer.long(track);
        }
        writer.long(self.event_time);
        writer.long(self.processing_time);
        writer.int(self.frame);
        writer.doubles(self.motion);
        writer.string(&self.session);
        writer.finish();
    }

    fn decode_avro(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = r.str()?;
        Ok(Self {
            id: Uuid::try_parse(id).unwrap_or_default(),
            vehicle: r.string()?,
            scene: r.string()?,
            track: if r.long()? == 0 { None } else { Some(r.long()?) },
            event_time: r.long()?,
            processing_time: r.long()?,
            frame: r.int()?,
            motion: r.doubles()?,
            session: r.string()?,
        })
    }

    fn decode_into(&mut self, r: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.id = Uuid::try_parse(r.str()?).unwrap_or_default();
        r.string_into(&mut self.vehicle)?;
        r.string_into(&mut self.scene)?;
        self.track = if r.long()? == 0 { None } else { Some(r.long()?) };
        self.event_time = r.long()?;
        self.processing_time = r.long()?;
        self.frame = r.int()?;
        self.motion = r.doubles()?;
        r.string_into(&mut self.session)
    }

    fn validate_at(&self, path: &Path<'_>, errors: &mut ValidationErrors) {
        check::minimum(errors, &path.field("frame"), &self.frame, &0);
        check::minimum(errors, &path.field("m14"), &self.motion[14], &0.0);
    }
}

pub(crate) struct Rated(TopicSpec);

impl Rated {
    pub(crate) fn new(name: &str) -> Self {
        Self(TopicSpec {
            name: Cow::Owned(name.to_owned()),
            subject: Cow::Owned(format!("{name}-value")),
            partitions: 6,
            dead_letter: None,
            dedup: Some(DedupSpec {
                ttl: Duration::from_secs(60),
            }),
            reorder: Some(ReorderSpec {
                ring: 10,
                tolerance: 2,
                // Long: nothing must become late because the writer was held up.
                hold: Duration::from_secs(10),
            }),
        })
    }
}

impl Topic for Rated {
    type Event = Telemetry;

    fn spec(&self) -> &TopicSpec {
        &self.0
    }
    fn schema(&self) -> &str {
        Telemetry::SCHEMA
    }
    fn decode(&self, plan: &Plan, payload: &[u8]) -> Result<Telemetry, DecodeError> {
        decode_with(plan, payload)
    }
    fn decode_into(&self, plan: &Plan, payload: &[u8], event: &mut Telemetry) -> Result<(), DecodeError> {
        read_with(plan, payload, event)
    }
    fn encode(&self, event: &Telemetry, out: &mut Vec<u8>) {
        event.encode_avro(out);
    }
    fn key(&self, event: &Telemetry, out: &mut String) -> bool {
        out.push_str(&event.vehicle);
        true
    }
    fn dedup_key(&self, event: &Telemetry, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(event.vehicle.as_bytes());
        out.push(0x1f);
        let mut buffer = Uuid::encode_buffer();
        out.extend_from_slice(event.id.hyphenated().encode_lower(&mut buffer).as_bytes());
        true
    }
    fn sequence(&self, event: &Telemetry, out: &mut Sequence) -> bool {
        out.by.push_str(&event.vehicle);
        out.epoch.push_str(&event.session);
        out.index = i64::from(event.frame);
        true
    }
    fn stamp(&self, event: &mut Telemetry, now: DateTime<Utc>) {
        event.processing_time = now.timestamp_micros();
    }
    fn validate(&self, event: &Telemetry) -> Result<(), ValidationErrors> {
        event.validate()
    }
}

/// A registry that knows the one schema.
pub(crate) struct Registry;

impl RegistryClient for Registry {
    fn address(&self) -> String {
        "memory".to_owned()
    }
    fn schema(&self, id: SchemaId) -> Answer<'_, Option<RegisteredSchema>> {
        let known = matches!(id, SchemaId::Id(ID));
        Box::pin(async move { Ok(known.then(|| RegisteredSchema::avro(Telemetry::SCHEMA))) })
    }
    fn version<'a>(&'a self, _: &'a str, _: Option<u32>) -> Answer<'a, Option<RegisteredSchema>> {
        Box::pin(async { Ok(None) })
    }
    fn look_up<'a>(&'a self, _: &'a str, _: &'a str) -> Answer<'a, Option<u32>> {
        Box::pin(async { Ok(Some(ID)) })
    }
}
