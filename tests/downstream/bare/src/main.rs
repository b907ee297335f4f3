//! Uses what a generated package offers without its features, and prints what came of it.

use std::error::Error;

use fleetops_events::fleetops::events::{
    Position, RawTelemetryEvent, RawTelemetryEventRef, RawTelemetryEventRequired, ReplayMetadata, Telemetry,
    TelemetryRequired,
};
use fleetops_events::topics::RawTelemetryTopic;

fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = TelemetryRequired {
        position: Position { x: 123.45, y: 67.89, z: 0.0 },
        yaw: 1.23,
        track_length: 120,
    };
    let mut event = RawTelemetryEvent::builder(RawTelemetryEventRequired {
        event_id: "4fb0fc2f-9f0c-4a34-8f45-7b6d6e2b1a10".parse()?,
        vehicle_id: "scene_123_track_456".to_owned(),
        scene_id: "scene_123".to_owned(),
        event_time: "2024-01-15T10:23:45.123Z".parse()?,
        processing_time: "2024-01-15T10:23:45.125Z".parse()?,
        frame_index: 42,
        telemetry: Telemetry::builder(telemetry).build(),
        metadata: ReplayMetadata {
            replay_session_id: "session_abc123".to_owned(),
            replay_rate: 10.0,
        },
    })
    .build();
    event.validate()?;
    let bytes = event.to_avro();
    let mut again = RawTelemetryEvent::from_avro(&bytes)?;
    assert_eq!(again, event);
    assert_eq!(RawTelemetryEventRef::from_avro(&bytes)?.into_owned(), event);
    again.frame_index = -1;
    assert!(again.validate().is_err());
    again.read_avro(&bytes)?;
    assert_eq!(again, event);
    event.scene_id.clear();
    assert_ne!(again, event);
    let _ = RawTelemetryTopic;
    println!("bytes {}", bytes.len());
    Ok(())
}
