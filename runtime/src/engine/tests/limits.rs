//! Single rules at their edges, and what bounds memory.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::super::{Checkpoint, Decoded, Engine, EngineConfig, Fields, LogEnd, Meta, Output};
use crate::topic::{DedupSpec, ReorderSpec};

const HOLD: Duration = Duration::from_millis(300);

fn reorder() -> EngineConfig {
    EngineConfig {
        reorder: Some(ReorderSpec {
            ring: 10,
            tolerance: 2,
            hold: HOLD,
        }),
        ..EngineConfig::default()
    }
}

fn meta(offset: i64, time: i64) -> Meta<'static> {
    Meta {
        offset,
        timestamp_ms: Some(time),
        dedup_key: None,
        value: Some(b"v"),
        replayed: false,
    }
}

/// Gives the engine a frame; the offsets that came out, in order.
fn give(
    engine: &mut Engine<()>,
    offset: i64,
    time: i64,
    now: Duration,
    (by, epoch, index): (&str, &str, i64),
) -> Vec<i64> {
    let mut out = vec![];
    let decode = |fields: &mut Fields| {
        fields.set_dedup_key(&offset.to_be_bytes());
        fields.set_sequence(by, epoch, index);
        Decoded::Event(())
    };
    engine.receive(meta(offset, time), now, decode, &mut out);
    offsets(&out)
}

fn offsets(out: &[Output<()>]) -> Vec<i64> {
    let offset = |output: &Output<()>| match output {
        Output::Handle { offset, .. } | Output::Refused { offset, .. } | Output::Poison { offset, .. } => {
            *offset
        }
    };
    out.iter().map(offset).collect()
}

#[test]
fn the_clock_ends_a_hold_only_at_the_end_of_the_log() {
    let mut engine = Engine::new(reorder());
    let second = Duration::from_secs(1);
    assert_eq!(engine.next_deadline(), None);
    assert!(give(&mut engine, 4, 0, second, ("v", "e", 7)).is_empty());
    let deadline = second + HOLD;
    assert_eq!(engine.next_deadline(), Some(deadline));
    let tick = |engine: &mut Engine<()>, asked_at, high_watermark, position| {
        let mut out = vec![];
        engine.tick(
            asked_at,
            Some(LogEnd {
                high_watermark,
                position,
                asked_at,
            }),
            &mut out,
        );
        offsets(&out)
    };
    assert!(
        tick(&mut engine, deadline - Duration::from_millis(1), 5, 5).is_empty(),
        "asked too early"
    );
    assert!(tick(&mut engine, deadline, 6, 5).is_empty(), "more is to come");
    assert_eq!(
        engine.next_deadline(),
        Some(deadline + HOLD),
        "no need to ask again at once"
    );
    let mut out = vec![];
    engine.tick(deadline + HOLD, None, &mut out);
    assert!(out.is_empty(), "nobody has asked");
    // The offset at the end of the log is the marker of a transaction: the position is beyond it.
    assert_eq!(tick(&mut engine, deadline + HOLD, 6, 6), [4]);
    assert_eq!((engine.next_deadline(), engine.waiting()), (None, 0));
}

#[test]
fn epochs_are_independent_and_one_vehicle() {
    let mut engine = Engine::new(reorder());
    let now = Duration::ZERO;
    assert!(give(&mut engine, 0, 0, now, ("v", "old", 5)).is_empty());
    assert_eq!(give(&mut engine, 1, 0, now, ("v", "new", 0)), [1]);
    assert_eq!(give(&mut engine, 2, 0, now, ("w", "new", 0)), [2]);
    assert_eq!(engine.counts().reordered, 0);
    // The old epoch's frame comes out after a record of its vehicle with a higher offset.
    assert_eq!(give(&mut engine, 3, 300, now, ("w", "new", 1)), [0, 3]);
    assert_eq!((engine.counts().reordered, engine.counts().gaps), (1, 0));
}

#[test]
fn the_idle_are_forgotten_after_a_minute_of_log() {
    let mut engine = Engine::new(reorder());
    for n in 0..100 {
        give(&mut engine, n, n, Duration::ZERO, (&format!("v{n}"), "e", 0));
    }
    assert_eq!(engine.tracks(), 100);
    give(&mut engine, 100, 59_999 + 50, Duration::ZERO, ("v99", "e", 1));
    assert_eq!(
        engine.tracks(),
        50,
        "those of the times 0 to 49 are gone but for v99"
    );
    // One that is forgotten begins anew: frame 0 is not late.
    assert_eq!(
        give(&mut engine, 101, 59_999 + 50, Duration::ZERO, ("v3", "e", 0)),
        [101]
    );
}

#[test]
fn a_flood_of_names_takes_bounded_memory_and_loses_nothing() {
    let mut engine = Engine::new(EngineConfig {
        max_tracks: 10,
        ..reorder()
    });
    let mut out = vec![];
    for n in 0..1000 {
        // First frames above 0 all wait, and log time stands still.
        out.extend(give(
            &mut engine,
            n,
            0,
            Duration::ZERO,
            (&format!("v{n}"), "e", 7),
        ));
        assert!(engine.tracks() <= 10 && engine.waiting() <= 10);
    }
    assert_eq!(engine.counts().forced, 990);
    let mut rest = vec![];
    engine.finish(&mut rest);
    out.extend(offsets(&rest));
    assert_eq!(out, (0..1000).collect::<Vec<_>>());
}

#[test]
fn vehicles_that_do_not_wait_go_first() {
    let mut engine = Engine::new(EngineConfig {
        max_tracks: 3,
        ..reorder()
    });
    let now = Duration::ZERO;
    assert!(give(&mut engine, 0, 0, now, ("waits", "e", 7)).is_empty());
    for (n, name) in (1_i64..).zip(["a", "b", "c", "d", "e"]) {
        assert_eq!(give(&mut engine, n, 0, now, (name, "e", 0)), [n]);
    }
    assert_eq!(
        (engine.tracks(), engine.counts().forced, engine.waiting()),
        (3, 0, 1)
    );
    assert_eq!(
        give(&mut engine, 6, 0, now, ("e", "e", 1)),
        [6],
        "the latest ones are known"
    );
    assert_eq!(
        give(&mut engine, 7, 0, now, ("waits", "e", 5)),
        [7],
        "and the one that waits is known"
    );
    assert_eq!(give(&mut engine, 8, 0, now, ("waits", "e", 6)), [8, 0]);
}

#[test]
fn an_offset_that_comes_again_is_ignored() {
    let mut engine = Engine::new(EngineConfig::default());
    assert_eq!(give(&mut engine, 5, 0, Duration::ZERO, ("v", "e", 0)), [5]);
    assert!(give(&mut engine, 5, 0, Duration::ZERO, ("v", "e", 0)).is_empty());
    assert!(give(&mut engine, 4, 0, Duration::ZERO, ("v", "e", 0)).is_empty());
    assert_eq!(
        (
            engine.counts().repeated,
            engine.counts().received,
            engine.watermark()
        ),
        (2, 1, Some(5))
    );
}

#[test]
fn a_decoder_that_panics_leaves_its_record_outstanding() {
    let mut engine: Engine<()> = Engine::new(reorder());
    let mut out = vec![];
    let bad = |_: &mut Fields| panic!("a decoder's mistake");
    let caught = catch_unwind(AssertUnwindSafe(|| {
        engine.receive(meta(8, 0), Duration::ZERO, bad, &mut out)
    }));
    assert!(caught.is_err());
    assert_eq!(give(&mut engine, 9, 0, Duration::ZERO, ("v", "e", 0)), [9]);
    engine.settle(9);
    assert_eq!(engine.watermark(), Some(8));
}

#[test]
fn what_is_warm_is_not_decoded_without_need() {
    let config = EngineConfig {
        dedup: Some(DedupSpec {
            ttl: Duration::from_secs(60),
        }),
        committed: Some(10),
        ..EngineConfig::default()
    };
    let mut engine: Engine<()> = Engine::new(config);
    let mut out = vec![];
    let warm = Meta {
        dedup_key: Some(b"k"),
        ..meta(9, 0)
    };
    engine.receive(
        warm,
        Duration::ZERO,
        |_| unreachable!("the header is all that dedup needs"),
        &mut out,
    );
    let again = Meta {
        dedup_key: Some(b"k"),
        ..meta(10, 59_999)
    };
    engine.receive(
        again,
        Duration::ZERO,
        |_| unreachable!("it is a duplicate"),
        &mut out,
    );
    assert!(out.is_empty());
    assert_eq!(
        (
            engine.counts().warm,
            engine.counts().duplicates,
            engine.watermark()
        ),
        (1, 1, Some(11))
    );
}

#[test]
fn a_commit_says_where_to_start_again() {
    let dedup = Some(DedupSpec {
        ttl: Duration::from_secs(10),
    });
    let mut engine: Engine<()> = Engine::new(EngineConfig {
        dedup,
        ..EngineConfig::default()
    });
    for n in 0..100 {
        give(&mut engine, n * 2, n * 1000, Duration::ZERO, ("v", "e", n));
    }
    (0..50).for_each(|n| engine.settle(n * 2));
    assert_eq!(engine.watermark(), Some(100));
    // Offset 98 has the time 49 s; younger than 39 s is first offset 80, and the step before it is at 78.
    let checkpoint = Checkpoint::parse(engine.checkpoint().as_bytes()).expect("a checkpoint");
    assert_eq!(
        (checkpoint.warm_start(), checkpoint.running_max_ms()),
        (78, 39_000)
    );

    let next = EngineConfig {
        dedup,
        committed: Some(100),
        checkpoint: Some(checkpoint),
        ..EngineConfig::default()
    };
    assert!(checkpoint.serves(&next));
    assert_eq!(
        Engine::<()>::new(next).checkpoint(),
        engine.checkpoint(),
        "before anything is read"
    );
    assert_eq!(
        Engine::<()>::new(EngineConfig::default()).checkpoint(),
        "",
        "no stage, no checkpoint"
    );
}

/// Frames displaced by at most two, all given out, and settled in any order: whenever it is killed, the next owner of the
/// partition hands out all that was not settled.
pub(super) fn settled_in_any_order(mut seed: u64) -> Result<(), String> {
    let mut dice = move |sides: u64| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % sides
    };
    let mut frames: Vec<i64> = (0..15).collect();
    for at in (0..15).step_by(3) {
        match dice(3) {
            0 => frames.swap(at, at + 2),
            1 => frames.swap(at, at + 1),
            _ => {}
        }
    }
    let log: Vec<(i64, i64)> = (0..).zip(frames).collect();
    let read = |engine: &mut Engine<()>| -> Vec<i64> {
        let give =
            |(offset, frame): &(i64, i64)| give(engine, *offset, 0, Duration::ZERO, ("v", "e", *frame));
        log.iter().flat_map(give).collect()
    };
    let mut engine = Engine::new(reorder());
    let mut left = read(&mut engine);
    if left.len() != log.len() {
        return Err(format!("not all came out of {log:?}"));
    }
    while !left.is_empty() {
        engine.settle(left.swap_remove(dice(left.len() as u64) as usize));
        let mut config = reorder();
        config.committed = engine.watermark();
        let mut next = Engine::new(config);
        read(&mut next);
        // All came out, so what was handed out is what was not refused.
        let counts = next.counts();
        let refused = counts.late + counts.too_old + counts.conflicts + counts.jumps;
        let received = log.len() as u64 - counts.warm;
        if counts.handled + refused != received {
            return Err(format!("{counts:?} of {received}"));
        }
        // Everything from the commit on that was not settled must be handed out, what was settled may be refused.
        if counts.handled < left.len() as u64 {
            return Err(format!("{log:?}: {left:?} were not settled, and {counts:?}"));
        }
    }
    if engine.watermark() == Some(log.len() as i64) && engine.outstanding() == 0 {
        Ok(())
    } else {
        Err(format!(
            "all is settled, and {:?} may be committed",
            engine.watermark()
        ))
    }
}

#[test]
fn many_at_once_are_as_one_by_one() {
    for seed in 0..200_u64 {
        let mut state = seed;
        let mut dice = move |sides: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % sides
        };
        let records: Vec<(i64, Vec<u8>, i64)> = (0..400)
            .map(|at| {
                let frame = at / 3 + dice(4) as i64;
                (at * (1 + dice(2) as i64), vec![frame as u8, dice(2) as u8], frame)
            })
            .scan(-1, |last, (offset, key, frame)| {
                // Some come again, as from a log that was rewritten.
                if *last < 0 || offset % 29 != 0 {
                    *last = offset.max(*last + 1);
                }
                Some((*last, key, frame))
            })
            .collect();
        let run = |mut sizes: Box<dyn FnMut() -> usize>| {
            let mut config = reorder();
            config.dedup = Some(DedupSpec {
                ttl: Duration::from_millis(50),
            });
            config.committed = Some(100);
            let (mut engine, mut out, mut rest) = (Engine::new(config), vec![], &records[..]);
            let mut decoded = vec![];
            while !rest.is_empty() {
                let (now, later) = rest.split_at(sizes().clamp(1, rest.len()));
                rest = later;
                let metas: Vec<Meta<'_>> = now
                    .iter()
                    .map(|(offset, key, _)| Meta {
                        // Every third one is another client's.
                        dedup_key: (offset % 3 != 0).then_some(key),
                        value: (offset % 17 != 0).then_some(key),
                        replayed: offset % 19 == 0,
                        ..meta(*offset, *offset)
                    })
                    .collect();
                let calls = &mut decoded;
                let mut decode = |at: usize, fields: &mut Fields| {
                    let (offset, key, index) = &now[at];
                    calls.push(*offset);
                    match offset % 23 {
                        _ if offset % 17 == 0 => Decoded::Tombstone(()),
                        0 => Decoded::Poison(()),
                        _ => {
                            fields.set_dedup_key(key);
                            fields.set_sequence("v", "e", *index);
                            Decoded::Event(())
                        }
                    }
                };
                if let [meta] = metas[..] {
                    engine.receive(meta, Duration::ZERO, |fields| decode(0, fields), &mut out);
                } else {
                    engine.receive_all(&metas, Duration::ZERO, decode, &mut out);
                }
            }
            decoded.sort_unstable();
            (
                out,
                engine.counts(),
                engine.watermark(),
                engine.checkpoint(),
                decoded,
            )
        };
        let together = run(Box::new(move || dice(150) as usize));
        assert_eq!(together, run(Box::new(|| 1)), "seed {seed}");
        assert!(
            together.1.duplicates > 0 && together.1.handled > 0 && together.1.repeated > 0,
            "{:?}",
            together.1
        );
    }
}

/// The first two indices of a vehicle were corrupt, and a commit stands between them. The second one is handled then, and still nothing that
/// comes after them is refused: it would be for as long as the vehicle is known.
#[test]
fn a_corrupt_start_with_a_commit_in_it_harms_no_other_record() {
    let given: [(i64, i64); 5] = [(1, 5_001), (2, 5_002), (3, 3), (4, 4), (5, 5)];
    for (committed, handled) in [(1, &[3, 4, 5][..]), (2, &[2, 3, 4, 5]), (3, &[3, 4, 5])] {
        let mut config = reorder();
        config.committed = Some(committed);
        let mut engine = Engine::new(config);
        let (mut found, mut refused) = (vec![], 0);
        for (offset, frame) in given {
            let mut out = vec![];
            let decode = |fields: &mut Fields| {
                fields.set_dedup_key(&offset.to_be_bytes());
                fields.set_sequence("v", "e", frame);
                Decoded::Event(())
            };
            engine.receive(meta(offset, 0), Duration::ZERO, decode, &mut out);
            refused += out
                .iter()
                .filter(|output| matches!(output, Output::Refused { offset: 3.., .. }))
                .count();
            out.retain(|output| matches!(output, Output::Handle { .. }));
            found.extend(offsets(&out));
        }
        assert_eq!((&*found, refused), (handled, 0), "committed {committed}");
    }
}
