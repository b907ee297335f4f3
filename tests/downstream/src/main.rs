//! Uses what a generated package offers, and prints what came of it.

use std::error::Error;

use fleetops_events::fleetops::events::{
    Position, RawTelemetryEvent, RawTelemetryEventRef, RawTelemetryEventRequired, ReplayMetadata, Telemetry,
    TelemetryRequired,
};
use fleetops_events::topics::{RawTelemetryConsumer, RawTelemetryProducer, RawTelemetryTopic};

fn event() -> Result<RawTelemetryEvent, Box<dyn Error>> {
    let telemetry = Telemetry::builder(TelemetryRequired {
        position: Position { x: 123.45, y: 67.89, z: 0.0 },
        yaw: 1.23,
        track_length: 120,
    })
    .label_probability(0.95)
    .build();
    Ok(RawTelemetryEvent::builder(RawTelemetryEventRequired {
        event_id: "4fb0fc2f-9f0c-4a34-8f45-7b6d6e2b1a10".parse()?,
        vehicle_id: "scene_123_track_456".to_owned(),
        scene_id: "scene_123".to_owned(),
        event_time: "2024-01-15T10:23:45.123Z".parse()?,
        processing_time: "2024-01-15T10:23:45.125Z".parse()?,
        frame_index: 42,
        telemetry,
        metadata: ReplayMetadata {
            replay_session_id: "session_abc123".to_owned(),
            replay_rate: 10.0,
        },
    })
    .track_id(456)
    .build())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut event = event()?;
    event.validate()?;
    let bytes = event.to_avro();
    assert_eq!(RawTelemetryEvent::from_avro(&bytes)?, event);
    assert_eq!(RawTelemetryEventRef::from_avro(&bytes)?.vehicle_id, event.vehicle_id);
    println!("bytes {}", bytes.len());

    event.frame_index = -1;
    match event.validate() {
        Ok(()) => return Err("a negative frame was taken".into()),
        Err(errors) => println!("refused {errors}"),
    }

    // The types of the topic: what a service would build and await.
    let _ = RawTelemetryTopic;
    let _ = RawTelemetryProducer::builder().brokers("127.0.0.1:1").registry("http://127.0.0.1:1");
    let _ = RawTelemetryConsumer::builder().brokers("127.0.0.1:1").registry("http://127.0.0.1:1").group("downstream");
    println!("fingerprint {:016x}", RawTelemetryEvent::FINGERPRINT);
    Ok(())
}
