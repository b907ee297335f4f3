//! Cases, and the logs that they are about.

use super::super::raw::Raw;
use crate::framing;

pub(super) const PARTITIONS: i32 = 2;

/// The schema that is here from the beginning, and one that comes later.
pub(super) const KNOWN: u32 = 1;
pub(super) const LATER: u32 = 2;

/// A record of a log.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// `None`: its value cannot be read.
    pub(super) event: Option<String>,
    schema: u32,
    header: bool,
}

impl Entry {
    pub(super) fn raw(&self) -> Raw {
        let mut raw = Raw::default();
        let mut value = Vec::new();
        match &self.event {
            Some(event) => {
                framing::put(&mut value, self.schema);
                value.extend_from_slice(event.as_bytes());
            }
            None => value.push(9),
        }
        raw.start(None, Some(&value));
        if let Some(event) = self.event.as_ref().filter(|_| self.header) {
            raw.header(b"dedup-key", Some(event.as_bytes()));
        }
        raw
    }
}

/// What a case is made of.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// Frames of each vehicle.
    pub(super) frames: i64,
    /// Where disorder, repetitions and poison are.
    pub(super) seed: u64,
    /// What is done, and a number to choose by.
    pub(super) steps: Vec<(u8, u8)>,
}

/// The logs of its partitions: frames of two vehicles each, some displaced by two, repeated, or between poison.
pub(super) fn logs(case: &Case) -> Vec<Vec<Entry>> {
    let mut seed = case.seed;
    let mut dice = move |sides: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % sides
    };
    let of = |partition: i32| {
        let mut log: Vec<Entry> = Vec::new();
        let mut order: Vec<(usize, i64)> = (0..case.frames)
            .flat_map(|frame| [(0, frame), (1, frame)])
            .collect();
        for at in (0..order.len().saturating_sub(4)).step_by(5) {
            // Two of one vehicle change places.
            if dice(2) == 0 {
                order.swap(at, at + 2);
            }
        }
        for (vehicle, frame) in order {
            let entry = Entry {
                event: Some(format!("v{partition}{vehicle}:{frame}")),
                schema: if dice(4) == 0 { LATER } else { KNOWN },
                header: dice(2) == 0,
            };
            log.push(entry.clone());
            if dice(6) == 0 {
                log.push(entry);
            }
            if dice(12) == 0 {
                log.push(Entry {
                    event: None,
                    schema: KNOWN,
                    header: false,
                });
            }
        }
        log
    };
    (0..PARTITIONS).map(of).collect()
}
