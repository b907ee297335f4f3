//! Which logs and schedules each property is tried on.

use proptest::prelude::*;

use super::log::{Header, Mix, Pace, Rec, What, displaced, log};
use super::world::{Act, Stages, acts};

/// A log, what is done to it, and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) log: Vec<Rec>,
    pub(super) acts: Vec<Act>,
    pub(super) stages: Stages,
    /// Number of frames that are missing in a log that is otherwise in order, where that is known.
    pub(super) missing: u64,
    /// The record with a corrupt index, in a log where nothing else is wrong.
    pub(super) corrupt: Option<usize>,
}

impl Case {
    /// The same where no time passes on the clock.
    pub(super) fn without_ticks(mut self) -> Self {
        self.acts.retain(|act| !matches!(act, Act::Tick(_)));
        self
    }
}

fn stages() -> impl Strategy<Value = Stages> {
    let ttl = prop_oneof![
        Just(None),
        Just(Some(1)),
        Just(Some(100)),
        Just(Some(1000)),
        Just(Some(60_000))
    ];
    let reorder = prop_oneof![
        6 => Just(Some((10, 2, 300))),
        1 => Just(Some((3, 1, 0))),
        1 => Just(Some((10, 2, 70_000))),
        1 => Just(None),
    ];
    (ttl, reorder).prop_map(|(ttl, reorder)| Stages { ttl, reorder })
}

fn pace() -> impl Strategy<Value = Pace> {
    prop_oneof![
        Just(Pace::Still),
        Just(Pace::Fast),
        Just(Pace::Slow),
        Just(Pace::Unruly)
    ]
}

fn over(
    mix: impl Strategy<Value = Mix> + 'static,
    stages: impl Strategy<Value = Stages> + 'static,
) -> BoxedStrategy<Case> {
    let log = mix.prop_flat_map(|mix| log(mix, 70));
    (log, acts(40), stages)
        .prop_map(|(log, acts, stages)| Case {
            log,
            acts,
            stages,
            missing: 0,
            corrupt: None,
        })
        .boxed()
}

/// Anything at all.
pub(super) fn anything() -> BoxedStrategy<Case> {
    let keys = prop_oneof![Just(0_u8), Just(3), Just(12), Just(40)];
    let mix = (pace(), any::<bool>(), any::<bool>(), any::<bool>(), keys).prop_map(
        |(pace, wild, jumps, others, keys)| Mix {
            pace,
            wild,
            jumps,
            others,
            keys,
        },
    );
    over(mix, stages())
}

/// Many records with few keys, at the edge of the TTL as well, and clocks that fall back.
pub(super) fn repeating() -> BoxedStrategy<Case> {
    let mix = (pace(), 1_u8..8, any::<bool>()).prop_map(|(pace, keys, others)| Mix {
        pace,
        wild: false,
        jumps: false,
        others,
        keys,
    });
    let ttl = prop_oneof![
        Just(1_i64),
        Just(299),
        Just(300),
        Just(600),
        Just(5_000),
        Just(60_000)
    ];
    let reorder = prop::option::weighted(0.2, Just((10, 2, 300)));
    over(
        mix,
        (ttl, reorder).prop_map(|(ttl, reorder)| Stages {
            ttl: Some(ttl),
            reorder,
        }),
    )
}

/// Everything within reach of everything: no jumps.
pub(super) fn near() -> BoxedStrategy<Case> {
    let mix = pace().prop_map(|pace| Mix {
        pace,
        wild: true,
        jumps: false,
        others: false,
        keys: 0,
    });
    over(mix, Just(Stages::REORDER))
}

/// What the kill test is made of: far jumps only where all of the log is read again, see the design note.
pub(super) fn killed() -> BoxedStrategy<Case> {
    let pace = prop_oneof![
        Just((Pace::Still, true)),
        Just((Pace::Fast, true)),
        Just((Pace::Unruly, true)),
        Just((Pace::Slow, false)),
    ];
    let mix = (pace, any::<bool>(), any::<bool>()).prop_map(|((pace, jumps), wild, others)| Mix {
        pace,
        wild,
        jumps,
        others,
        keys: 0,
    });
    let case = over(mix, prop_oneof![Just(Stages::BOTH), Just(Stages::REORDER)]);
    // The clock is not in the log: with far jumps it can part what two runs take.
    let far = |rec: &Rec| matches!(rec.what, What::Event { frame: 1000.., .. });
    let still = move |case: Case| {
        if case.log.iter().any(far) {
            case.without_ticks()
        } else {
            case
        }
    };
    case.prop_map(still).boxed()
}

/// Displaced by up to 2 places, nothing missing.
pub(super) fn shuffled() -> BoxedStrategy<Case> {
    in_order(displaced(false))
}

/// Displaced by up to 2 places, with missing frames.
pub(super) fn lossy() -> BoxedStrategy<Case> {
    in_order(displaced(true))
}

fn in_order(logs: impl Strategy<Value = (Vec<Rec>, u64)> + 'static) -> BoxedStrategy<Case> {
    logs.prop_map(|(log, missing)| Case {
        log,
        acts: vec![],
        stages: Stages::REORDER,
        missing,
        corrupt: None,
    })
    .boxed()
}

/// In order but for one index that is far off.
pub(super) fn one_corrupt() -> BoxedStrategy<Case> {
    (displaced(false), any::<prop::sample::Index>())
        .prop_map(|((mut log, _), at)| {
            let at = at.index(log.len());
            let mut corrupt = log[at];
            if let What::Event { frame, .. } = &mut corrupt.what {
                *frame += 7000;
            }
            corrupt.key = 255;
            log.insert(at, corrupt);
            for (n, rec) in log.iter_mut().enumerate() {
                rec.offset = n as i64;
            }
            Case {
                log,
                acts: vec![],
                stages: Stages::BOTH,
                missing: 0,
                corrupt: Some(at),
            }
        })
        .boxed()
}

/// One vehicle, strictly in order, over minutes of log.
pub(super) fn steady() -> BoxedStrategy<Case> {
    let steps = prop::collection::vec(prop_oneof![4 => 1_i64..50, 1 => 20_000_i64..59_000], 1..40);
    (prop_oneof![Just(0_i64), 1_i64..50], steps, acts(40))
        .prop_map(|(first, steps, acts)| {
            let mut time = 1_700_000_000_000;
            let rec = |(n, step): (usize, &i64)| {
                time += step;
                let what = What::Event {
                    vehicle: 0,
                    epoch: 0,
                    frame: first + n as i64,
                    header: Header::Right,
                };
                Rec {
                    offset: n as i64,
                    timestamp: Some(time),
                    key: n as u8,
                    what,
                }
            };
            let log = steps.iter().enumerate().map(rec).collect();
            Case {
                log,
                acts,
                stages: Stages::BOTH,
                missing: 0,
                corrupt: None,
            }
        })
        .boxed()
}

/// Only tombstones raise the partition's time; all that has a key comes with a timestamp that lies behind.
pub(super) fn fallen_back() -> BoxedStrategy<Case> {
    let behind = prop::collection::vec(0_i64..1000, 70);
    (repeating(), behind)
        .prop_map(|(mut case, behind)| {
            for (n, (rec, behind)) in case.log.iter_mut().zip(behind).enumerate() {
                let time = 1_700_000_000_000 + n as i64 * 40;
                rec.timestamp = Some(time - behind);
                if n % 4 == 0 {
                    (rec.timestamp, rec.what) = (Some(time + 100), What::Tombstone { header: false });
                }
            }
            case
        })
        .boxed()
}
