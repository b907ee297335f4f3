//! The events as prost has them.

use crate::types::{AnomalyPlain, RawPlain};

#[derive(Clone, PartialEq, prost::Message)]
pub struct Position {
    #[prost(double, tag = "1")]
    pub x: f64,
    #[prost(double, tag = "2")]
    pub y: f64,
    #[prost(double, tag = "3")]
    pub z: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Vector {
    #[prost(double, tag = "1")]
    pub x: f64,
    #[prost(double, tag = "2")]
    pub y: f64,
    #[prost(double, tag = "3")]
    pub z: f64,
    #[prost(double, tag = "4")]
    pub magnitude: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Telemetry {
    #[prost(message, optional, tag = "1")]
    pub position: Option<Position>,
    #[prost(message, optional, tag = "2")]
    pub velocity: Option<Vector>,
    #[prost(message, optional, tag = "3")]
    pub acceleration: Option<Vector>,
    #[prost(double, tag = "4")]
    pub yaw: f64,
    #[prost(double, tag = "5")]
    pub yaw_rate: f64,
    #[prost(double, tag = "6")]
    pub label_probability: f64,
    #[prost(sint32, tag = "7")]
    pub track_length: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Metadata {
    #[prost(string, tag = "1")]
    pub replay_session_id: String,
    #[prost(double, tag = "2")]
    pub replay_rate: f64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Raw {
    #[prost(string, tag = "1")]
    pub event_id: String,
    #[prost(string, tag = "2")]
    pub vehicle_id: String,
    #[prost(string, tag = "3")]
    pub scene_id: String,
    #[prost(sint32, optional, tag = "4")]
    pub track_id: Option<i32>,
    #[prost(sint64, tag = "5")]
    pub event_time: i64,
    #[prost(sint64, tag = "6")]
    pub processing_time: i64,
    #[prost(sint32, tag = "7")]
    pub frame_index: i32,
    #[prost(message, optional, tag = "8")]
    pub telemetry: Option<Telemetry>,
    #[prost(message, optional, tag = "9")]
    pub metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Window {
    #[prost(sint64, tag = "1")]
    pub start_time: i64,
    #[prost(sint64, tag = "2")]
    pub end_time: i64,
    #[prost(sint32, tag = "3")]
    pub frame_count: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Anomaly {
    #[prost(string, tag = "1")]
    pub anomaly_id: String,
    #[prost(string, tag = "2")]
    pub vehicle_id: String,
    #[prost(string, tag = "3")]
    pub scene_id: String,
    #[prost(sint32, optional, tag = "4")]
    pub track_id: Option<i32>,
    #[prost(int32, tag = "5")]
    pub anomaly_type: i32,
    #[prost(sint64, tag = "6")]
    pub detected_at: i64,
    #[prost(message, optional, tag = "7")]
    pub location: Option<Position>,
    #[prost(message, optional, tag = "8")]
    pub window: Option<Window>,
    #[prost(sint32, repeated, tag = "9")]
    pub frame_indices: Vec<i32>,
    #[prost(double, repeated, tag = "10")]
    pub velocity_history: Vec<f64>,
    #[prost(double, repeated, tag = "11")]
    pub acceleration_history: Vec<f64>,
    #[prost(double, tag = "12")]
    pub confidence: f64,
    #[prost(string, optional, tag = "13")]
    pub details: Option<String>,
}

fn position(p: &crate::types::Position) -> Option<Position> {
    Some(Position {
        x: p.x,
        y: p.y,
        z: p.z,
    })
}

fn vector(v: &crate::types::Vector) -> Option<Vector> {
    Some(Vector {
        x: v.x,
        y: v.y,
        z: v.z,
        magnitude: v.magnitude,
    })
}

impl From<&RawPlain> for Raw {
    fn from(e: &RawPlain) -> Self {
        let t = &e.telemetry;
        Self {
            event_id: e.event_id.clone(),
            vehicle_id: e.vehicle_id.clone(),
            scene_id: e.scene_id.clone(),
            track_id: e.track_id,
            event_time: e.event_time,
            processing_time: e.processing_time,
            frame_index: e.frame_index,
            telemetry: Some(Telemetry {
                position: position(&t.position),
                velocity: vector(&t.velocity),
                acceleration: vector(&t.acceleration),
                yaw: t.yaw,
                yaw_rate: t.yaw_rate,
                label_probability: t.label_probability,
                track_length: t.track_length,
            }),
            metadata: Some(Metadata {
                replay_session_id: e.metadata.replay_session_id.clone(),
                replay_rate: e.metadata.replay_rate,
            }),
        }
    }
}

impl From<&AnomalyPlain> for Anomaly {
    fn from(e: &AnomalyPlain) -> Self {
        Self {
            anomaly_id: e.anomaly_id.clone(),
            vehicle_id: e.vehicle_id.clone(),
            scene_id: e.scene_id.clone(),
            track_id: e.track_id,
            anomaly_type: e.anomaly_type as i32,
            detected_at: e.detected_at,
            location: position(&e.location),
            window: Some(Window {
                start_time: e.window.start_time,
                end_time: e.window.end_time,
                frame_count: e.window.frame_count,
            }),
            frame_indices: e.frame_indices.clone(),
            velocity_history: e.velocity_history.clone(),
            acceleration_history: e.acceleration_history.clone(),
            confidence: e.confidence,
            details: e.details.clone(),
        }
    }
}
