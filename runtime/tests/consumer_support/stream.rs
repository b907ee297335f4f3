//! What is sent where a test needs more than a few records.

use std::collections::BTreeSet;

use super::broker::Outgoing;
use super::reading::Reading;

/// A stream of several vehicles, with duplicates and displacement of at most 2, the same for the same seed.
pub struct Stream {
    pub records: Vec<Outgoing>,
    pub unique: BTreeSet<Reading>,
    /// Places of the duplicates in their partitions.
    pub duplicates: BTreeSet<(i32, i64)>,
}

/// A small generator of numbers that look random: the same everywhere, for the same seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

pub fn stream(partitions: i32, vehicles: usize, frames: i64, first: i64, seed: u64) -> Stream {
    let mut dice = Dice(seed);
    let mut unique = BTreeSet::new();
    // per vehicle: its frames, some changed places with the next or the one after it
    let mut queues: Vec<Vec<Reading>> = (0..vehicles)
        .map(|vehicle| {
            let name = format!("vehicle-{vehicle}");
            let mut frames: Vec<i64> = (first..first + frames).collect();
            let mut at = 0;
            while at + 2 < frames.len() {
                match dice.roll(6) {
                    0 => frames.swap(at, at + 1),
                    1 => frames.swap(at, at + 2),
                    _ => {}
                }
                at += 3;
            }
            frames.reverse();
            frames
                .into_iter()
                .map(|frame| Reading::new(&name, frame))
                .collect()
        })
        .collect();
    let mut records = Vec::new();
    let mut duplicates = BTreeSet::new();
    let mut next = vec![0i64; partitions as usize];
    let mut push = |record: Outgoing, duplicate: bool, records: &mut Vec<Outgoing>| {
        let offset = &mut next[record.partition as usize];
        if duplicate {
            duplicates.insert((record.partition, *offset));
        }
        *offset += 1;
        records.push(record);
    };
    while queues.iter().any(|queue| !queue.is_empty()) {
        let vehicle = dice.roll(vehicles as u64) as usize;
        if let Some(reading) = queues[vehicle].pop() {
            let record = Outgoing::of(&reading, vehicle as i32 % partitions);
            unique.insert(reading);
            push(record.clone(), false, &mut records);
            if dice.roll(20) == 0 {
                push(record, true, &mut records);
            }
        }
    }
    Stream {
        records,
        unique,
        duplicates,
    }
}
