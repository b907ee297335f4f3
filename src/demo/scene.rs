//! A driving scene out of nothing: a recording vehicle and the traffic around it, ten frames a second.
//!
//! It has the shape of a real recording: the recording vehicle comes first in every frame and is in all of them;
//! tracks appear when a vehicle comes into view and vanish when it leaves; what is not known in a track's first frame
//! is null. Positions integrate velocities, accelerations and yaw rates are differences of what two frames say, so a
//! consumer that computes them anew gets the same numbers.

use chrono::{DateTime, TimeDelta};
use fleetops_registry::events::{
    Acceleration, Position, RawTelemetryEvent, ReplayMetadata, Telemetry, Velocity,
};

use super::random::Random;

/// Frames a second.
const RATE: f64 = 10.0;
const STEP: f64 = 1.0 / RATE;
const SCENE: &str = "scene_demo";
/// 2024-01-15T10:23:45Z, in milliseconds since 1970.
const START: i64 = 1_705_314_225_000;

/// How large a scene.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Vehicles besides the recording one.
    pub(crate) vehicles: usize,
    /// Frames.
    pub(crate) frames: usize,
}

/// Half a minute of dense traffic: some 25,000 events.
pub(crate) const DEFAULT_SIZE: Size = Size {
    vehicles: 320,
    frames: 300,
};

/// The scene of a seed, frame by frame.
pub(crate) fn generate(seed: u64, size: Size) -> Vec<RawTelemetryEvent> {
    let random = Random::new(seed);
    let mut ego = Vehicle::ego();
    let mut ego_random = random.fork(1);
    // Where the recording vehicle is going to be decides where others come into view.
    let path: Vec<State> = (0..size.frames).map(|_| ego.advance(&mut ego_random).1).collect();
    let mut tracks: Vec<Track> = (0..size.vehicles)
        .filter_map(|index| Track::plan(&mut random.fork(1000 + index as u64), &path))
        .collect();
    // Numbers are given in the order of appearance, as a tracker gives them.
    tracks.sort_by_key(|track| track.first);

    let mut ego = Vehicle::ego();
    let mut ego_random = random.fork(1);
    let mut ids = random.fork(2);
    let mut events = Vec::new();
    for frame in 0..size.frames {
        let (before, now) = ego.advance(&mut ego_random);
        events.push(event(&mut ids, None, frame, frame, before.as_ref(), &now, None));
        for (index, track) in tracks.iter_mut().enumerate() {
            if !track.is_seen(frame) {
                continue;
            }
            let (before, now) = track.vehicle.advance(&mut track.random);
            let certainty = (track.certainty + 0.02 * track.random.normal()).clamp(0.0, 1.0);
            let age = frame - track.first;
            events.push(event(
                &mut ids,
                Some(index + 1),
                frame,
                age,
                before.as_ref(),
                &now,
                Some(certainty),
            ));
        }
    }
    events
}

/// What one frame knows of a vehicle.
#[derive(Clone, Copy, Debug)]
struct State {
    position: [f64; 3],
    velocity: [f64; 3],
    yaw: f64,
}

/// A vehicle that is driven along: its speed and its turning are pulled towards what its driver wants.
#[derive(Clone, Debug)]
struct Vehicle {
    state: State,
    started: bool,
    speed: f64,
    wanted_speed: f64,
    turning: f64,
    climbing: f64,
}

impl Vehicle {
    fn ego() -> Self {
        Self::new([-664.0, 1069.0, 271.5], 2.29, 8.0, 0.02)
    }

    fn new(position: [f64; 3], yaw: f64, speed: f64, climbing: f64) -> Self {
        let mut vehicle = Self {
            state: State {
                position,
                velocity: [0.0; 3],
                yaw: wrap(yaw),
            },
            started: false,
            speed,
            wanted_speed: speed,
            turning: 0.0,
            climbing,
        };
        vehicle.state.velocity = vehicle.velocity();
        vehicle
    }

    fn velocity(&self) -> [f64; 3] {
        [
            self.speed * self.state.yaw.cos(),
            self.speed * self.state.yaw.sin(),
            self.climbing * self.speed,
        ]
    }

    /// One frame further: the state before, if there was one, and the state now.
    fn advance(&mut self, random: &mut Random) -> (Option<State>, State) {
        if !self.started {
            self.started = true;
            return (None, self.state);
        }
        let before = self.state;
        if self.wanted_speed > 0.0 {
            // A light, a corner, a clear road: now and then the driver wants another speed or direction.
            if random.chance(0.01) {
                self.wanted_speed = random.between(0.5, 14.0);
            }
            if random.chance(0.004) {
                self.turning = random.between(-0.5, 0.5);
            }
            let pull = (0.6 * (self.wanted_speed - self.speed)).clamp(-4.0, 2.5);
            self.speed = (self.speed + (pull + 0.2 * random.normal()) * STEP).max(0.0);
            self.turning = 0.97 * self.turning + 0.002 * random.normal();
            // Who stands does not turn.
            let rate = self.turning * (self.speed / 3.0).min(1.0);
            self.state.yaw = wrap(self.state.yaw + rate * STEP);
        }
        self.state.velocity = self.velocity();
        for (place, speed) in self.state.position.iter_mut().zip(self.state.velocity) {
            *place += speed * STEP;
        }
        (Some(before), self.state)
    }
}

/// A vehicle in view for some frames.
#[derive(Debug)]
struct Track {
    vehicle: Vehicle,
    random: Random,
    certainty: f64,
    first: usize,
    frames: usize,
}

impl Track {
    /// A vehicle within 80 m of where the recording one is when it comes into view; `None` in an empty scene.
    fn plan(random: &mut Random, path: &[State]) -> Option<Self> {
        let last = path.len().checked_sub(1)?;
        // A third is there from the start.
        let first = if random.chance(0.33) {
            0
        } else {
            random.integer(0, last)
        };
        // Most are in view for seconds, some for a frame or two, as trackers have them.
        let frames = if random.chance(0.08) {
            random.integer(1, 3)
        } else {
            random.integer(10, 220)
        };
        let ego = path.get(first)?;
        let (distance, bearing) = (random.between(6.0, 80.0), random.between(-3.2, 3.2));
        let position = [
            ego.position[0] + distance * bearing.cos(),
            ego.position[1] + distance * bearing.sin(),
            // Tracks are two-dimensional.
            0.0,
        ];
        // Streets meet at right angles here, and a third of the vehicles are parked.
        let street = ego.yaw + std::f64::consts::FRAC_PI_2 * random.integer(0, 3) as f64;
        let speed = if random.chance(0.33) {
            0.0
        } else {
            random.between(2.0, 14.0)
        };
        Some(Self {
            vehicle: Vehicle::new(position, street + 0.05 * random.normal(), speed, 0.0),
            certainty: random.between(0.6, 1.0),
            random: random.fork(3),
            first,
            frames,
        })
    }

    fn is_seen(&self, frame: usize) -> bool {
        (self.first..self.first + self.frames).contains(&frame)
    }
}

/// The event of one vehicle in one frame. `age` counts the frames it has been in view before.
fn event(
    ids: &mut Random,
    track: Option<usize>,
    frame: usize,
    age: usize,
    before: Option<&State>,
    now: &State,
    certainty: Option<f64>,
) -> RawTelemetryEvent {
    let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let event_time =
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(START) + TimeDelta::milliseconds(100) * number(frame);
    let rate = |f: fn(&State) -> [f64; 3]| before.map(|b| difference(f(now), f(b)).map(|d| d * RATE));
    // The recording vehicle learns its velocity from two positions; a tracker says it from the first frame on.
    let velocity = if track.is_none() {
        before.map(|_| now.velocity)
    } else {
        Some(now.velocity)
    };
    RawTelemetryEvent {
        event_id: uuid::Builder::from_random_bytes(ids.bytes()).into_uuid(),
        vehicle_id: track.map_or_else(
            || format!("{SCENE}_ego"),
            |track| format!("{SCENE}_track_{track}"),
        ),
        scene_id: SCENE.to_owned(),
        track_id: track.map(|track| track as i64),
        event_time,
        processing_time: event_time + TimeDelta::milliseconds(2),
        frame_index: number(frame),
        telemetry: Telemetry {
            position: Position {
                x: now.position[0],
                y: now.position[1],
                z: now.position[2],
            },
            velocity: velocity.map(|[x, y, z]| Velocity {
                x,
                y,
                z,
                magnitude: length([x, y, z]),
            }),
            acceleration: rate(|state| state.velocity).map(|[x, y, z]| Acceleration {
                x,
                y,
                z,
                magnitude: length([x, y, z]),
            }),
            yaw: now.yaw,
            yaw_rate: before.map(|b| wrap(now.yaw - b.yaw) * RATE),
            label_probability: certainty,
            track_length: number(age + 1),
        },
        metadata: ReplayMetadata {
            replay_session_id: "demo".to_owned(),
            replay_rate: RATE,
        },
    }
}

fn difference(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn length(v: [f64; 3]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// The same angle within -pi to pi.
fn wrap(angle: f64) -> f64 {
    use std::f64::consts::{PI, TAU};
    let turned = (angle + PI).rem_euclid(TAU) - PI;
    turned.clamp(-PI, PI)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SMALL: Size = Size {
        vehicles: 40,
        frames: 120,
    };

    fn tracks(events: &[RawTelemetryEvent]) -> BTreeMap<&str, Vec<&RawTelemetryEvent>> {
        let mut tracks: BTreeMap<&str, Vec<&RawTelemetryEvent>> = BTreeMap::new();
        for event in events {
            tracks.entry(&event.vehicle_id).or_default().push(event);
        }
        tracks
    }

    #[test]
    fn one_seed_one_scene() {
        assert_eq!(generate(1, SMALL), generate(1, SMALL));
        assert_ne!(generate(1, SMALL), generate(2, SMALL));
        assert!(
            generate(
                1,
                Size {
                    vehicles: 3,
                    frames: 0
                }
            )
            .is_empty()
        );
    }

    #[test]
    fn every_event_is_valid_and_every_identifier_its_own() {
        let events = generate(3, DEFAULT_SIZE);
        let mut ids: Vec<_> = events.iter().map(|e| e.event_id).collect();
        for event in &events {
            event.validate().unwrap();
            assert_eq!(event.event_id.get_version_num(), 4);
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), events.len());
        assert!((15_000..40_000).contains(&events.len()), "{}", events.len());
        assert!(tracks(&events).len() > 300);
    }

    #[test]
    fn frames_are_in_order_and_the_recording_vehicle_is_in_all() {
        let events = generate(3, SMALL);
        assert!(events.is_sorted_by_key(|e| e.frame_index));
        for (id, track) in tracks(&events) {
            assert!(
                track.windows(2).all(|w| w[1].frame_index == w[0].frame_index + 1),
                "{id}"
            );
            assert!(
                track.iter().zip(1..).all(|(e, n)| e.telemetry.track_length == n),
                "{id}"
            );
            if id.ends_with("_ego") {
                assert_eq!(track.len(), SMALL.frames);
            }
        }
    }

    #[test]
    fn what_a_first_frame_cannot_know_is_null() {
        for (id, track) in tracks(&generate(3, SMALL)) {
            let ego = id.ends_with("_ego");
            for (index, event) in track.iter().enumerate() {
                let t = &event.telemetry;
                assert_eq!(t.velocity.is_none(), ego && index == 0, "{id}");
                assert_eq!(t.acceleration.is_none(), index == 0, "{id}");
                assert_eq!(t.yaw_rate.is_none(), index == 0, "{id}");
                assert_eq!(
                    (event.track_id.is_none(), t.label_probability.is_none()),
                    (ego, ego),
                    "{id}"
                );
                assert!(ego || t.position.z == 0.0, "{id}");
            }
        }
    }

    #[test]
    fn motion_is_consistent_and_plausible() {
        for (id, track) in tracks(&generate(5, SMALL)) {
            for pair in track.windows(2) {
                let (a, b) = (&pair[0].telemetry, &pair[1].telemetry);
                let v = b.velocity.as_ref().unwrap();
                for (from, to, speed) in [
                    (a.position.x, b.position.x, v.x),
                    (a.position.y, b.position.y, v.y),
                    (a.position.z, b.position.z, v.z),
                ] {
                    assert!((to - from - speed * STEP).abs() < 1e-9, "{id}");
                }
                assert!(v.magnitude < 40.0, "{id}: {v:?}");
                let acceleration = b.acceleration.as_ref().unwrap();
                assert!(acceleration.magnitude < 20.0, "{id}: {acceleration:?}");
                assert!(
                    (wrap(b.yaw - a.yaw) - b.yaw_rate.unwrap() * STEP).abs() < 1e-9,
                    "{id}"
                );
            }
        }
    }
}
