//! What is sent: a driving scene, with frames displaced by up to two places and 5 % of the events sent again.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::time::Duration;

use fleetops_registry::events::RawTelemetryEvent;
use fleetops_runtime::chrono::TimeDelta;
use fleetops_runtime::uuid::Uuid;

use crate::cluster::root;

/// Where an event goes, and when.
pub(crate) struct Sending {
    pub(crate) event: RawTelemetryEvent,
    /// The scene's time.
    pub(crate) at: Duration,
    /// It is written once more, by a producer that knows nothing of the first one, this long after the acknowledgement.
    pub(crate) again: Option<Duration>,
}

/// Where scenes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Made here: so many frames of 60 vehicles that come and go.
    Made(i32),
    /// JSON lines, gzipped.
    File(PathBuf),
}

impl Source {
    /// The real scene with 68,729 events; says so where it is not there.
    pub(crate) fn real() -> Option<Self> {
        let Some(folder) = std::env::var_os("FLEETOPS_TEST_DATA") else {
            eprintln!("skipped: FLEETOPS_TEST_DATA is not set");
            return None;
        };
        Some(Self::File(
            PathBuf::from(folder).join("data/motion/raw_telemetry_scene1.jsonl.gz"),
        ))
    }

    pub(crate) fn parse(text: &str) -> Self {
        match text.parse() {
            Ok(frames) => Self::Made(frames),
            Err(_) => Self::File(text.into()),
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Made(frames) => frames.to_string(),
            Self::File(path) => path.to_str().unwrap().to_owned(),
        }
    }

    /// The events as they were observed.
    pub(crate) fn events(&self) -> Vec<RawTelemetryEvent> {
        match self {
            Self::Made(frames) => made(*frames),
            Self::File(path) => {
                let file = std::fs::File::open(path).unwrap();
                BufReader::new(flate2::read::GzDecoder::new(file))
                    .lines()
                    .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
                    .collect()
            }
        }
    }

    /// The events as they are sent. One seed, one plan.
    pub(crate) fn sendings(&self, seed: u64) -> Vec<Sending> {
        let mut random = Random::new(seed);
        let mut events: Vec<Option<RawTelemetryEvent>> = self.events().into_iter().map(Some).collect();
        let times: Vec<_> = events.iter().flatten().map(|event| event.event_time).collect();
        let order = displaced(&events, &mut random);
        let place = |(at, from): (usize, &usize)| {
            let event = events[*from].take().unwrap();
            let again = random
                .chance(0.05)
                .then(|| Duration::from_millis(random.below(600)));
            let at = (times[at] - times[0]).to_std().unwrap();
            Sending { event, at, again }
        };
        order.iter().enumerate().map(place).collect()
    }
}

/// For each place the event that is sent there: each vehicle's places are shuffled by threes, so that none is overtaken by
/// more than two of its own.
fn displaced(events: &[Option<RawTelemetryEvent>], random: &mut Random) -> Vec<usize> {
    let mut vehicles: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, event) in events.iter().flatten().enumerate() {
        vehicles.entry(&event.vehicle_id).or_default().push(place);
    }
    let mut order: Vec<usize> = (0..events.len()).collect();
    let mut names: Vec<_> = vehicles.keys().copied().collect();
    names.sort_unstable();
    for name in names {
        for places in vehicles[name].chunks(3) {
            let mut from = places.to_vec();
            if random.chance(0.3) {
                random.shuffle(&mut from);
            }
            for (place, from) in places.iter().zip(from) {
                order[*place] = from;
            }
        }
    }
    order
}

fn made(frames: i32) -> Vec<RawTelemetryEvent> {
    let example =
        std::fs::read_to_string(format!("{}/schemas/examples/RawTelemetryEvent.json", root())).unwrap();
    let example: RawTelemetryEvent = serde_json::from_str(&example).unwrap();
    let mut events = Vec::new();
    for frame in 0..frames {
        for vehicle in 0..60_i64 {
            // Each is seen for 40 frames, then another takes its place.
            let track = 1 + vehicle + 60 * ((i64::from(frame) + vehicle) / 40);
            let mut event = example.clone();
            event.event_id = Uuid::from_u128((track as u128) << 64 | frame as u128);
            event.vehicle_id = format!("made_track_{track}");
            event.track_id = Some(track);
            event.frame_index = frame;
            event.event_time = example.event_time + TimeDelta::milliseconds(100 * i64::from(frame));
            events.push(event);
        }
    }
    events
}

/// Splitmix64: the same numbers for a seed, everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn chance(&mut self, of: f64) -> bool {
        (self.next() >> 11) as f64 / ((1_u64 << 53) as f64) < of
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}
