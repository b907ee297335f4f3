//! The generated topic of raw telemetry under another name, so that proofs can share a cluster.

use std::borrow::Cow;
use std::time::Duration;

use fleetops_registry::events::RawTelemetryEvent;
use fleetops_registry::topics::RawTelemetryTopic;
use fleetops_runtime::avro::resolve::Plan;
use fleetops_runtime::chrono::{DateTime, Utc};
use fleetops_runtime::codec::{DecodeError, ValidationErrors};
use fleetops_runtime::topic::{ReorderSpec, Sequence, Topic, TopicSpec};

/// The subject that the schema is registered under, for all names.
pub(crate) const SUBJECT: &str = "raw_telemetry-value";

/// Long: that nothing displaced by at most two is refused must not depend on how busy the machine is.
pub(crate) const HOLD: Duration = Duration::from_secs(3);

/// The topic. All but its name and hold are the generated one's.
pub(crate) struct Telemetry {
    spec: TopicSpec,
}

impl Telemetry {
    /// With the hold of most proofs.
    pub(crate) fn new(name: &str) -> Self {
        Self::held(name, HOLD)
    }

    pub(crate) fn held(name: &str, hold: Duration) -> Self {
        let mut spec = RawTelemetryTopic.spec().clone();
        spec.name = Cow::Owned(name.to_owned());
        spec.dead_letter = Some(Cow::Owned(dead_letters(name)));
        spec.reorder = spec.reorder.map(|reorder| ReorderSpec { hold, ..reorder });
        Self { spec }
    }
}

/// The dead-letter topic of a topic.
pub(crate) fn dead_letters(name: &str) -> String {
    format!("{name}.dlq")
}

impl Topic for Telemetry {
    type Event = RawTelemetryEvent;

    fn spec(&self) -> &TopicSpec {
        &self.spec
    }
    fn schema(&self) -> &str {
        RawTelemetryTopic.schema()
    }
    fn decode(&self, plan: &Plan, payload: &[u8]) -> Result<RawTelemetryEvent, DecodeError> {
        RawTelemetryTopic.decode(plan, payload)
    }
    fn decode_into(
        &self,
        plan: &Plan,
        payload: &[u8],
        event: &mut RawTelemetryEvent,
    ) -> Result<(), DecodeError> {
        RawTelemetryTopic.decode_into(plan, payload, event)
    }
    fn encode(&self, event: &RawTelemetryEvent, out: &mut Vec<u8>) {
        RawTelemetryTopic.encode(event, out);
    }
    fn key(&self, event: &RawTelemetryEvent, out: &mut String) -> bool {
        RawTelemetryTopic.key(event, out)
    }
    fn dedup_key(&self, event: &RawTelemetryEvent, out: &mut Vec<u8>) -> bool {
        RawTelemetryTopic.dedup_key(event, out)
    }
    fn sequence(&self, event: &RawTelemetryEvent, out: &mut Sequence) -> bool {
        RawTelemetryTopic.sequence(event, out)
    }
    fn stamp(&self, event: &mut RawTelemetryEvent, now: DateTime<Utc>) {
        RawTelemetryTopic.stamp(event, now);
    }
    fn validate(&self, event: &RawTelemetryEvent) -> Result<(), ValidationErrors> {
        RawTelemetryTopic.validate(event)
    }
}
