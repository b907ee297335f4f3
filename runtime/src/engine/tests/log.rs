//! Partitions of all kinds, and what the definitions of dedup and time say of them.

use std::collections::BTreeMap;

use proptest::prelude::*;

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Event {
        vehicle: u8,
        epoch: u8,
        frame: i64,
        header: Header,
    },
    /// Decoding fails.
    Garbage {
        header: bool,
    },
    Tombstone {
        header: bool,
    },
    /// A dead letter sent again.
    Replayed {
        vehicle: u8,
        frame: i64,
    },
}

/// The header `dedup-key` of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    Missing,
    Right,
    /// It names another key than the fields do.
    Wrong,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Rec {
    pub(super) offset: i64,
    pub(super) timestamp: Option<i64>,
    pub(super) key: u8,
    pub(super) what: What,
}

impl Rec {
    /// The dedup key of the event's fields.
    pub(super) fn fields_key(&self) -> Vec<u8> {
        vec![b'k', self.key]
    }

    pub(super) fn header(&self) -> Option<Vec<u8>> {
        match self.what {
            What::Event {
                header: Header::Right,
                ..
            }
            | What::Garbage { header: true }
            | What::Tombstone { header: true }
            | What::Replayed { .. } => Some(self.fields_key()),
            // A key that other records have.
            What::Event {
                header: Header::Wrong,
                ..
            } => Some(vec![b'k', self.key.wrapping_add(1)]),
            _ => None,
        }
    }

    /// Vehicle, epoch and frame, where the record takes part in reorder once dedup and decoding let it through.
    pub(super) fn place(&self) -> Option<((u8, u8), i64)> {
        match self.what {
            What::Event {
                vehicle,
                epoch,
                frame,
                header,
            } if header != Header::Wrong => Some(((vehicle, epoch), frame)),
            _ => None,
        }
    }

    /// The key that dedup takes it by, if any.
    pub(super) fn dedup_key(&self) -> Option<Vec<u8>> {
        match self.what {
            What::Tombstone { .. } | What::Replayed { .. } => None,
            What::Event {
                header: Header::Missing,
                ..
            } => Some(self.fields_key()),
            _ => self.header(),
        }
    }
}

/// The time of each record: the running maximum of the timestamps.
pub(super) fn times(log: &[Rec]) -> Vec<i64> {
    let mut highest = None;
    log.iter()
        .map(|rec| {
            highest = highest.max(rec.timestamp);
            highest.unwrap_or(0)
        })
        .collect()
}

/// The definition of a duplicate, word by word, and whether it is a first occurrence of its key.
pub(super) fn duplicates(log: &[Rec], ttl: i64) -> Vec<(bool, bool)> {
    let times = times(log);
    let verdict = |n: usize| {
        let Some(key) = log[n].dedup_key() else {
            return (false, true);
        };
        let earlier: Vec<_> = (0..n)
            .filter(|m| log[*m].dedup_key().as_ref() == Some(&key))
            .collect();
        (
            earlier.iter().any(|m| times[n] - times[*m] < ttl),
            earlier.is_empty(),
        )
    };
    (0..log.len()).map(verdict).collect()
}

/// How much log time passes from record to record.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pace {
    /// All at once: no hold ends, nothing is forgotten.
    Still,
    /// Up to 0.4 s: holds end, nothing is forgotten.
    Fast,
    /// Up to 30 s: vehicles and keys are forgotten.
    Slow,
    /// As fast, and timestamps fall back or are missing, as producers' clocks have it.
    Unruly,
}

/// What a log is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mix {
    pub(super) pace: Pace,
    /// Frames may be anything within reach of each other: late, repeated, missing.
    pub(super) wild: bool,
    /// Frames may be far out of any order.
    pub(super) jumps: bool,
    /// Records other than events, and events without or with a wrong header.
    pub(super) others: bool,
    /// Number of different keys; 0: every record has its own.
    pub(super) keys: u8,
}

type Noise = (u8, u8, u8, u8, u8, u16, u8);

pub(super) fn log(mix: Mix, most: usize) -> impl Strategy<Value = Vec<Rec>> {
    prop::collection::vec(any::<Noise>(), 1..most).prop_map(move |noise| build(mix, &noise))
}

fn build(mix: Mix, noise: &[Noise]) -> Vec<Rec> {
    let mut counters = BTreeMap::new();
    let (mut offset, mut time) = (i64::from(noise[0].0 % 3) * 50, 1_700_000_000_000_i64);
    let mut log = vec![];
    for (n, &(hole, who, shift, kind, key, pass, odd)) in noise.iter().enumerate() {
        offset += if hole % 4 == 0 { 1 + i64::from(hole / 4) } else { 1 };
        let pass = i64::from(pass);
        time += match mix.pace {
            Pace::Still => 0,
            Pace::Fast | Pace::Unruly if pass % 8 == 0 => 300,
            Pace::Fast | Pace::Unruly if pass % 8 == 1 => 299,
            Pace::Fast | Pace::Unruly => pass % 80,
            Pace::Slow if pass % 8 < 2 => pass % 30_000,
            Pace::Slow => pass % 200,
        };
        let timestamp = match mix.pace {
            Pace::Unruly if odd % 16 == 0 => None,
            Pace::Unruly if odd % 4 == 0 => Some(time - i64::from(odd) * 10),
            _ => Some(time),
        };
        let (vehicle, epoch) = (who % 2, u8::from(who / 2 % 8 == 0));
        let counter = counters
            .entry((vehicle, epoch))
            .or_insert(i64::from(shift % 3) * 20);
        *counter += 1;
        let mut frame = *counter;
        if mix.wild {
            frame += [0, 0, 0, 0, 0, 0, 2, -2, 1, -1, 3, -4, 12, -12, -20][shift as usize % 15];
            frame = frame.max(0);
        }
        if mix.jumps && shift >= 225 {
            frame = [5000, 5001, 0, 9000, 1020][shift as usize % 5] + i64::from(key % 3);
        }
        let header = match kind % 8 {
            0 if mix.others => Header::Missing,
            1 if mix.others => Header::Wrong,
            _ => Header::Right,
        };
        let what = match kind / 8 {
            0 if mix.others => What::Tombstone {
                header: kind % 2 == 0,
            },
            1 if mix.others => What::Garbage {
                header: kind % 2 == 0,
            },
            2 if mix.others => What::Replayed { vehicle, frame },
            _ => What::Event {
                vehicle,
                epoch,
                frame,
                header,
            },
        };
        let key = if mix.keys == 0 { n as u8 } else { key % mix.keys };
        log.push(Rec {
            offset,
            timestamp,
            key,
            what,
        });
    }
    log
}

/// Vehicles in order but for a displacement of up to 2 places, each with its missing frames; and how many are missing
/// between the first and the last frame of a vehicle and epoch. Nothing else is wrong with it.
pub(super) fn displaced(lose: bool) -> impl Strategy<Value = (Vec<Rec>, u64)> {
    let track = (
        0_i64..3,
        1_usize..25,
        prop::collection::vec((0_i64..3, any::<u8>()), 25),
    );
    let tracks = prop::collection::vec(track, 1..4);
    (tracks, any::<prop::sample::Index>()).prop_map(move |(tracks, start)| {
        let (mut keyed, mut missing) = (vec![], 0);
        for (who, (first, count, noise)) in tracks.iter().enumerate() {
            let first = if *first == 0 {
                0
            } else {
                first * 17 + start.index(50) as i64
            };
            let kept: Vec<_> = (0..*count)
                .filter(|n| !lose || *n == 0 || noise[*n].1 > 25)
                .collect();
            missing += (kept[kept.len() - 1] + 1 - kept.len()) as u64;
            // Epochs of one vehicle follow one another or overlap; other vehicles come between.
            let place = |n: usize| (n as i64 + noise[n].0, noise[n].1, who, first + n as i64);
            keyed.extend(kept.into_iter().map(place));
        }
        // Sorted by place within a vehicle; between vehicles the second number only breaks ties.
        keyed.sort_by_key(|(place, tie, who, _)| (*place, *tie, *who));
        let rec = |(n, (_, _, who, frame)): (usize, (i64, u8, usize, i64))| Rec {
            offset: n as i64 * 2,
            timestamp: Some(1_700_000_000_000),
            key: n as u8,
            what: What::Event {
                vehicle: who as u8 / 2,
                epoch: who as u8 % 2,
                frame,
                header: Header::Right,
            },
        };
        (keyed.into_iter().enumerate().map(rec).collect(), missing)
    })
}
