//! How fast the core is just now.
//!
//! A core of a virtual machine can be one half of a core of the host, and what somebody else does on the other half changes from one second
//! to the next. The same program then takes up to twice as long, though it is never without its processor. A loop of loads and
//! stores that do not need each other shows it; a loop in which each step needs the one before does not.

use std::hint::black_box;
use std::time::{Duration, Instant};

const LAPS: u32 = 200;

/// The time of one lap, on average of some: about 0.2 ms on a core of its own.
pub(crate) fn look() -> Duration {
    let begun = Instant::now();
    for _ in 0..LAPS {
        let mut words = [1_u64, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        for round in 0..100_000 {
            for word in &mut words {
                *word = black_box(*word ^ round);
            }
        }
        black_box(words);
    }
    begun.elapsed() / LAPS
}

/// How much of the core's best a lap shows: 1 is all of it.
pub(crate) fn share(best: Duration, lap: Duration) -> f64 {
    best.as_secs_f64() / lap.as_secs_f64()
}
