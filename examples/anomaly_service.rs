//! A service: reads raw telemetry, finds sudden decelerations, and sends them as anomalies.
//!
//! A vehicle's frames come in order and one at a time. An anomaly's ID is derived from the event that triggered it, so
//! when a crash makes that event come again, the same anomaly is sent again, and its readers drop it as a duplicate.
//!
//! Run it beside `fleetops-registry dev`, with the two variables that it prints: `cargo run --example anomaly_service`

#![allow(clippy::print_stdout)]

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{TimeDelta, Utc};
use fleetops_registry::events::*;
use fleetops_registry::topics::{AnomaliesProducer, RawTelemetryConsumer};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const RULE: AnomalyThresholds = AnomalyThresholds {
    decel_threshold_ms2: 3.0,
    velocity_delta_threshold_ms: 5.0,
};
const WINDOW: TimeDelta = TimeDelta::milliseconds(500);

/// The frames of each vehicle within the window: speed, and acceleration in the direction of travel.
type History = HashMap<String, VecDeque<(RawTelemetryEvent, f64, f64)>>;

fn look(history: &mut History, event: &RawTelemetryEvent) -> Option<AnomalyEvent> {
    let v = event.telemetry.velocity.as_ref()?;
    let a = event.telemetry.acceleration.as_ref()?;
    let speed = v.magnitude;
    let along = (v.x * a.x + v.y * a.y + v.z * a.z) / speed.max(f64::MIN_POSITIVE);
    let recent = |earlier: &RawTelemetryEvent| event.event_time - earlier.event_time <= WINDOW;
    if history.len() > 10_000 {
        history.retain(|_, frames| frames.back().is_some_and(|f| recent(&f.0)));
    }
    let frames = history.entry(event.vehicle_id.clone()).or_default();
    frames.push_back((event.clone(), speed, along));
    frames.retain(|f| recent(&f.0));
    let velocity_delta = speed - frames.front()?.1;
    if along >= -RULE.decel_threshold_ms2 || velocity_delta >= -RULE.velocity_delta_threshold_ms {
        return None;
    }
    Some(AnomalyEvent {
        anomaly_id: Uuid::new_v5(&event.event_id, b"sudden_deceleration"),
        event_id: event.event_id,
        vehicle_id: event.vehicle_id.clone(),
        event_time: event.event_time,
        processing_time: Utc::now(),
        anomaly_type: "sudden_deceleration".to_owned(),
        severity: Severity::Warning,
        triggered_rule: "decel_threshold_exceeded".to_owned(),
        features: AnomalyFeatures {
            velocity_delta,
            acceleration_magnitude: frames.iter().map(|f| f.2.abs()).fold(0.0, f64::max),
            time_window_ms: 500,
        },
        thresholds: RULE,
        evidence: AnomalyEvidence {
            frame_indices: frames.iter().map(|f| f.0.frame_index).collect(),
            velocity_history: frames.iter().map(|f| f.1).collect(),
            acceleration_history: frames.iter().map(|f| f.2).collect(),
        },
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let brokers = std::env::var("KAFKA_BOOTSTRAP_SERVERS")?;
    let registry = std::env::var("SCHEMA_REGISTRY_URL")?;
    let anomalies = AnomaliesProducer::builder().brokers(&brokers).registry(&registry);
    let producer = Arc::new(anomalies.build().await?);
    let stop = CancellationToken::new();
    let telemetry = RawTelemetryConsumer::builder().brokers(brokers);
    let telemetry = telemetry.registry(registry).group("anomaly-service-group");
    let mut consumer = telemetry.shutdown(stop.clone()).build().await?;
    tokio::spawn(async move { tokio::signal::ctrl_c().await.map(|()| stop.cancel()) });

    let history = Arc::new(Mutex::new(History::new()));
    let sender = Arc::clone(&producer);
    let handler = move |record: fleetops_runtime::consumer::Received<RawTelemetryEvent>| {
        let (history, sender) = (Arc::clone(&history), Arc::clone(&sender));
        async move {
            let locked = || history.lock().unwrap_or_else(PoisonError::into_inner);
            let found = record.event().and_then(|event| look(&mut locked(), event));
            let Some(anomaly) = found else { return Ok(()) };
            sender.send(anomaly).await.map(drop) // an error is tried again, and then is a dead letter
        }
    };
    let counts = consumer.run(handler).await?;
    let sent = producer.counts().acknowledged;
    println!("{} events handled, {sent} anomalies sent", counts.handled);
    Ok(())
}
