//! The events as the serde crates take them. One definition for all forms: `I` is the identifier, `T` an instant, `S` text.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// An instant as a `timestamp-micros`.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(transparent)]
pub struct Instant(#[serde(with = "chrono::serde::ts_microseconds")] pub DateTime<Utc>);

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Default)]
pub struct Position {
    pub x: f64,
    pub y: f64,
    pub z: f64,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Default)]
pub struct Vector {
    pub x: f64,
    pub y: f64,
    pub z: f64,
    pub magnitude: f64,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Default)]
#[serde(rename = "Telemetry")]
pub struct Telemetry<L = i32> {
    pub position: Position,
    pub velocity: Vector,
    pub acceleration: Vector,
    pub yaw: f64,
    pub yaw_rate: f64,
    pub label_probability: f64,
    pub track_length: L,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
pub struct Metadata<S> {
    pub replay_session_id: S,
    pub replay_rate: f64,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename = "RawTelemetryEvent")]
pub struct Raw<I, T, S> {
    pub event_id: I,
    pub vehicle_id: S,
    pub scene_id: S,
    pub track_id: Option<i32>,
    pub event_time: T,
    pub processing_time: T,
    pub frame_index: i32,
    pub telemetry: Telemetry,
    pub metadata: Metadata<S>,
}

pub type RawPlain = Raw<String, i64, String>;
pub type RawTyped = Raw<Uuid, Instant, String>;
pub type RawRef<'a> = Raw<&'a str, i64, &'a str>;

/// What a consumer of a later version has: wider numbers, and a field with a default.
#[derive(Deserialize, Clone, Debug, PartialEq)]
#[serde(rename = "RawTelemetryEvent")]
pub struct RawReader {
    pub event_id: String,
    pub vehicle_id: String,
    pub scene_id: String,
    pub track_id: Option<i32>,
    pub event_time: i64,
    pub processing_time: i64,
    pub frame_index: i64,
    pub telemetry: Telemetry<i64>,
    pub metadata: Metadata<String>,
    #[serde(default = "fleet")]
    pub source: String,
}

fn fleet() -> String {
    "fleet".to_owned()
}

/// What a producer of an earlier version sends: other orders, and a field that nobody reads any more.
#[derive(Serialize, Clone, Debug)]
#[serde(rename = "RawTelemetryEvent")]
pub struct RawWriter<'a> {
    pub vehicle_id: &'a str,
    pub event_id: &'a str,
    pub scene_id: &'a str,
    pub debug_note: &'a str,
    pub track_id: Option<i32>,
    pub processing_time: i64,
    pub event_time: i64,
    pub frame_index: i32,
    pub metadata: &'a Metadata<String>,
    pub telemetry: TelemetryWriter,
}

#[derive(Serialize, Clone, Copy, Debug)]
#[serde(rename = "Telemetry")]
pub struct TelemetryWriter {
    pub velocity: Vector,
    pub position: Position,
    pub acceleration: Vector,
    pub yaw: f64,
    pub yaw_rate: f64,
    pub label_probability: f64,
    pub track_length: i32,
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Default)]
#[allow(non_camel_case_types)]
#[repr(u8)]
pub enum AnomalyType {
    #[default]
    HARD_BRAKE,
    HARD_ACCELERATION,
    SHARP_TURN,
    TELEPORT,
    STALE_TRACK,
}

pub const ANOMALY_TYPES: [AnomalyType; 5] = [
    AnomalyType::HARD_BRAKE,
    AnomalyType::HARD_ACCELERATION,
    AnomalyType::SHARP_TURN,
    AnomalyType::TELEPORT,
    AnomalyType::STALE_TRACK,
];

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Default)]
#[serde(rename = "AnomalyWindow")]
pub struct Window<T> {
    pub start_time: T,
    pub end_time: T,
    pub frame_count: i32,
}

#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Default)]
#[serde(rename = "AnomalyEvent")]
pub struct Anomaly<I, T, S> {
    pub anomaly_id: I,
    pub vehicle_id: S,
    pub scene_id: S,
    pub track_id: Option<i32>,
    pub anomaly_type: AnomalyType,
    pub detected_at: T,
    pub location: Position,
    pub window: Window<T>,
    pub frame_indices: Vec<i32>,
    pub velocity_history: Vec<f64>,
    pub acceleration_history: Vec<f64>,
    pub confidence: f64,
    pub details: Option<S>,
}

pub type AnomalyPlain = Anomaly<String, i64, String>;
pub type AnomalyTyped = Anomaly<Uuid, Instant, String>;
pub type AnomalyRef<'a> = Anomaly<&'a str, i64, &'a str>;
