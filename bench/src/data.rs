//! Records like the fleet's: random identifiers, a few hundred vehicles, timestamps of microseconds, arrays of a dozen.

use crate::types::*;
use chrono::DateTime;
use uuid::Uuid;

/// Xorshift, with a fixed seed: every run has the same records.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// Around zero, within half of `width`.
    fn double(&mut self, width: f64) -> f64 {
        ((self.next() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5) * width
    }

    fn uuid(&mut self) -> String {
        let bits = u128::from(self.next()) << 64 | u128::from(self.next());
        uuid::Builder::from_random_bytes(bits.to_be_bytes())
            .into_uuid()
            .to_string()
    }

    fn scene(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    fn track(&mut self) -> Option<i32> {
        (self.below(10) > 0).then(|| self.below(5_000) as i32)
    }

    fn position(&mut self) -> Position {
        Position {
            x: self.double(2_000.0),
            y: self.double(2_000.0),
            z: self.double(5.0),
        }
    }

    fn vector(&mut self, width: f64) -> Vector {
        let (x, y, z) = (self.double(width), self.double(width), self.double(1.0));
        Vector {
            x,
            y,
            z,
            magnitude: (x * x + y * y + z * z).sqrt(),
        }
    }
}

const START: i64 = 1_764_000_000_000_000;
const FRAME: i64 = 83_333;

pub fn telemetry(count: usize) -> Vec<RawPlain> {
    let mut r = Random(0x5eed_0f_7e1e_3e74);
    let sessions: Vec<String> = (0..8).map(|_| r.uuid()).collect();
    let scenes: Vec<String> = (0..40).map(|_| r.scene()).collect();
    (0..count)
        .map(|i| {
            let event_time = START + i as i64 * FRAME + r.below(1_000) as i64;
            RawPlain {
                event_id: r.uuid(),
                vehicle_id: format!("vehicle-{:04}", r.below(500)),
                scene_id: scenes[r.below(40) as usize].clone(),
                track_id: r.track(),
                event_time,
                processing_time: event_time + 20_000 + r.below(50_000) as i64,
                frame_index: r.below(2_000) as i32,
                telemetry: Telemetry {
                    position: r.position(),
                    velocity: r.vector(30.0),
                    acceleration: r.vector(8.0),
                    yaw: r.double(6.28),
                    yaw_rate: r.double(1.0),
                    label_probability: r.double(1.0) + 0.5,
                    track_length: 1 + r.below(200) as i32,
                },
                metadata: Metadata {
                    replay_session_id: sessions[r.below(8) as usize].clone(),
                    replay_rate: 1.0 + r.below(4) as f64,
                },
            }
        })
        .collect()
}

pub fn anomalies(count: usize) -> Vec<AnomalyPlain> {
    let mut r = Random(0xa40_3a11_e5_0f_5eed);
    let scenes: Vec<String> = (0..40).map(|_| r.scene()).collect();
    (0..count)
        .map(|i| {
            let end_time = START + i as i64 * FRAME;
            let frames = 8 + r.below(5) as i32;
            let first = r.below(2_000) as i32;
            AnomalyPlain {
                anomaly_id: r.uuid(),
                vehicle_id: format!("vehicle-{:04}", r.below(500)),
                scene_id: scenes[r.below(40) as usize].clone(),
                track_id: r.track(),
                anomaly_type: ANOMALY_TYPES[r.below(5) as usize],
                detected_at: end_time,
                location: r.position(),
                window: Window {
                    start_time: end_time - 1_000_000,
                    end_time,
                    frame_count: frames,
                },
                frame_indices: (first..first + frames).collect(),
                velocity_history: (0..frames).map(|_| r.double(30.0)).collect(),
                acceleration_history: (0..frames).map(|_| r.double(8.0)).collect(),
                confidence: r.double(1.0) + 0.5,
                details: (r.below(3) == 0).then(|| format!("deceleration {:.2} m/s2", r.double(8.0))),
            }
        })
        .collect()
}

fn id(text: &str) -> Uuid {
    text.parse().expect("a uuid")
}

fn at(micros: i64) -> Instant {
    Instant(DateTime::from_timestamp_micros(micros).expect("an instant"))
}

impl RawPlain {
    pub fn typed(&self) -> RawTyped {
        Raw {
            event_id: id(&self.event_id),
            vehicle_id: self.vehicle_id.clone(),
            scene_id: self.scene_id.clone(),
            track_id: self.track_id,
            event_time: at(self.event_time),
            processing_time: at(self.processing_time),
            frame_index: self.frame_index,
            telemetry: self.telemetry,
            metadata: self.metadata.clone(),
        }
    }

    pub fn writer(&self) -> RawWriter<'_> {
        let t = &self.telemetry;
        RawWriter {
            vehicle_id: &self.vehicle_id,
            event_id: &self.event_id,
            scene_id: &self.scene_id,
            debug_note: "lidar recalibrated",
            track_id: self.track_id,
            processing_time: self.processing_time,
            event_time: self.event_time,
            frame_index: self.frame_index,
            metadata: &self.metadata,
            telemetry: TelemetryWriter {
                velocity: t.velocity,
                position: t.position,
                acceleration: t.acceleration,
                yaw: t.yaw,
                yaw_rate: t.yaw_rate,
                label_probability: t.label_probability,
                track_length: t.track_length,
            },
        }
    }

    pub fn reader(&self) -> RawReader {
        let t = &self.telemetry;
        RawReader {
            event_id: self.event_id.clone(),
            vehicle_id: self.vehicle_id.clone(),
            scene_id: self.scene_id.clone(),
            track_id: self.track_id,
            event_time: self.event_time,
            processing_time: self.processing_time,
            frame_index: self.frame_index.into(),
            telemetry: Telemetry {
                position: t.position,
                velocity: t.velocity,
                acceleration: t.acceleration,
                yaw: t.yaw,
                yaw_rate: t.yaw_rate,
                label_probability: t.label_probability,
                track_length: t.track_length.into(),
            },
            metadata: self.metadata.clone(),
            source: "fleet".to_owned(),
        }
    }
}

impl AnomalyPlain {
    pub fn typed(&self) -> AnomalyTyped {
        Anomaly {
            anomaly_id: id(&self.anomaly_id),
            vehicle_id: self.vehicle_id.clone(),
            scene_id: self.scene_id.clone(),
            track_id: self.track_id,
            anomaly_type: self.anomaly_type,
            detected_at: at(self.detected_at),
            location: self.location,
            window: Window {
                start_time: at(self.window.start_time),
                end_time: at(self.window.end_time),
                frame_count: self.window.frame_count,
            },
            frame_indices: self.frame_indices.clone(),
            velocity_history: self.velocity_history.clone(),
            acceleration_history: self.acceleration_history.clone(),
            confidence: self.confidence,
            details: self.details.clone(),
        }
    }
}
