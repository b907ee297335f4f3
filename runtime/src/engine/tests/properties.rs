//! The invariants, each as a judgement on the trace of a case.

use std::collections::{BTreeMap, BTreeSet};

use proptest::strategy::BoxedStrategy;

use super::super::{PoisonCause, Refusal};
use super::cases::{self, Case};
use super::log::{Header, What, duplicates, times};
use super::world::{Act, Run, Seen, TOLERANCE, Trace, World, simulate, waiting};
use crate::planted::first_failure;

type Judgement = Result<(), String>;

/// A property: the cases that it is tried on, and the judgement.
#[derive(Clone, Copy)]
pub(super) struct Property {
    pub(super) cases: fn() -> BoxedStrategy<Case>,
    pub(super) holds: fn(&Case) -> Judgement,
}

impl Property {
    /// Tries so many cases; the first one that fails, with the reason.
    pub(super) fn fails(&self, tries: Option<u32>) -> Option<String> {
        // Whoever says how many looks for any failure, not for the smallest.
        let shrinks = if tries.is_some() { 0 } else { u32::MAX };
        first_failure(tries, shrinks, &(self.cases)(), |case| (self.holds)(&case))
    }
}

macro_rules! properties {
    ($($(#[$doc:meta])* $name:ident = ($cases:path, $holds:path);)*) => {
        $($(#[$doc])* #[allow(non_upper_case_globals)]
        pub(super) const $name: Property = Property { cases: $cases, holds: $holds };)*

        mod hold {
            $(#[test]
            fn $name() {
                if let Some(reason) = super::$name.fails(None) {
                    panic!("{reason}");
                }
            })*
        }
    };
}

properties! {
    /// Every record has exactly one outcome in an assignment, or waits when it ends.
    p1_one_outcome = (cases::anything, one_outcome);
    /// The counters say what came out.
    p1_books_balance = (cases::anything, books_balance);
    /// Indices strictly increase per vehicle and epoch, within one assignment and between evictions. A start that a restart left in doubt may
    /// turn out to have been corrupt: then it begins anew, once, more than 1000 lower, and without a restart what came before is refused.
    p2_increasing = (cases::anything, increasing);
    /// Displacement of up to 2 places and no timer: sorted, nothing lost.
    p3_sorted = (cases::shuffled, sorted);
    /// Missing frames are counted one by one.
    p3_gaps = (cases::lossy, sorted);
    /// One corrupt index harms no other record.
    p3_corrupt_alone = (cases::one_corrupt, sorted);
    /// At most T frames of a vehicle and epoch wait.
    p4_few_wait = (cases::near, few_wait);
    /// The watermark is the lowest outstanding offset or the last received + 1, never below the committed one.
    p5_watermark = (cases::anything, watermark);
    /// Killed at any step, all runs together settle every record, and handle all that one of them took.
    p6_nothing_lost = (cases::killed, nothing_lost);
    /// Without timers they handle all that a run without a kill handles.
    p6_as_without_kills = (cases::killed, as_without_kills);
    /// Warm records leave no trace but their count.
    p6_warm_is_silent = (cases::anything, warm_is_silent);
    /// Killed at any step, with records settled in any order: what was not settled is handled afterwards.
    p6_settled_in_any_order = (cases::anything, settled_in_any_order);
    /// A restart delays nothing that is in order.
    p6_restart_delays_nothing = (cases::steady, delays_nothing);
    /// The dedup verdict is the definition's, under any schedule of restarts.
    p7_dedup_by_definition = (cases::repeating, dedup_by_definition);
    /// The same where clocks are behind, and the record that the checkpoint names is gone.
    p7_dedup_behind_time = (cases::fallen_back, dedup_by_definition);
    /// The same where all else happens as well.
    p7_dedup_among_others = (cases::anything, dedup_by_definition);
    /// A first occurrence is never dropped by dedup.
    p8_first_occurrence = (cases::anything, first_occurrence);
    /// Nothing waits longer than the hold, and our own slowness ends no hold.
    p9_hold = (cases::anything, hold_in_time);
    /// Whatever waits has a deadline, and the clock alone brings everything out.
    p10_progress = (cases::anything, progress);
    /// Tombstones and replayed dead letters are handled at once; a header that lies is poison.
    others_go_past = (cases::anything, others);
}

fn check(holds: bool, reason: impl FnOnce() -> String) -> Judgement {
    if holds { Ok(()) } else { Err(reason()) }
}

fn run(case: &Case) -> Trace {
    simulate(&case.log, case.stages, &case.acts)
}

/// The case only lends its chance: what matters here is the order of settling.
fn settled_in_any_order(case: &Case) -> Judgement {
    let mut seed = (case.log.len() as u64) << 32 | case.acts.len() as u64;
    for record in &case.log {
        seed = seed.rotate_left(7) ^ format!("{record:?}").bytes().map(u64::from).sum::<u64>();
    }
    super::limits::settled_in_any_order(seed)
}

fn one_outcome(case: &Case) -> Judgement {
    for run in run(case).runs {
        let mut outcomes: BTreeMap<usize, u32> = BTreeMap::new();
        for seen in &run.seen {
            match seen {
                Seen::Handle(n)
                | Seen::Refused(n, _)
                | Seen::Poison(n, _)
                | Seen::Duplicate(n)
                | Seen::FrameDuplicate(n) => *outcomes.entry(*n).or_default() += 1,
                _ => {}
            }
        }
        check(outcomes.values().all(|count| *count == 1), || {
            format!("two outcomes: {outcomes:?}")
        })?;
        let left = waiting(&run.seen);
        check(left.len() == run.waiting, || {
            format!("{left:?} have no outcome, {} wait", run.waiting)
        })?;
        check(!run.finished || left.is_empty(), || {
            format!("{left:?} wait after the end")
        })?;
        let live = run
            .seen
            .iter()
            .filter(|seen| matches!(seen, Seen::Received { warm: false, .. }))
            .count();
        check(outcomes.len() + left.len() == live, || {
            "an outcome without a record".to_owned()
        })?;
    }
    Ok(())
}

fn books_balance(case: &Case) -> Judgement {
    for run in run(case).runs {
        let count = |what: fn(&Seen) -> bool| run.seen.iter().filter(|seen| what(seen)).count() as u64;
        let counts = run.counts;
        let mut highest: BTreeMap<u8, i64> = BTreeMap::new();
        let mut reordered = 0;
        for seen in &run.seen {
            let Seen::Handle(n) = seen else { continue };
            if let Some(((vehicle, _), _)) = case.log[*n].place().filter(|_| case.stages.reorder.is_some()) {
                let before = highest.entry(vehicle).or_insert(i64::MIN);
                reordered += u64::from(*before > case.log[*n].offset);
                *before = (*before).max(case.log[*n].offset);
            }
        }
        let found = [
            (
                "received",
                counts.received,
                count(|s| matches!(s, Seen::Received { warm: false, .. })),
            ),
            (
                "warm",
                counts.warm,
                count(|s| matches!(s, Seen::Received { warm: true, .. })),
            ),
            ("handled", counts.handled, count(|s| matches!(s, Seen::Handle(_)))),
            (
                "late",
                counts.late,
                count(|s| matches!(s, Seen::Refused(_, Refusal::Late))),
            ),
            (
                "too old",
                counts.too_old,
                count(|s| matches!(s, Seen::Refused(_, Refusal::TooOld))),
            ),
            (
                "conflicts",
                counts.conflicts,
                count(|s| matches!(s, Seen::Refused(_, Refusal::Conflict))),
            ),
            (
                "jumps",
                counts.jumps,
                count(|s| matches!(s, Seen::Refused(_, Refusal::Jump))),
            ),
            ("poison", counts.poison, count(|s| matches!(s, Seen::Poison(..)))),
            ("reordered", counts.reordered, reordered),
        ];
        for (name, counted, seen) in found {
            check(counted == seen, || {
                format!("{name}: counted {counted}, seen {seen}")
            })?;
        }
        let sum = counts.duplicates + counts.frame_duplicates + counts.handled + counts.late + counts.too_old;
        let sum = sum + counts.conflicts + counts.jumps + counts.poison + run.waiting as u64;
        check(sum == counts.received, || {
            format!("{counts:?} and {} waiting", run.waiting)
        })?;
    }
    Ok(())
}

fn increasing(case: &Case) -> Judgement {
    let times = times(&case.log);
    if case.stages.reorder.is_none() {
        return Ok(());
    }
    for run in run(case).runs {
        let mut last: BTreeMap<(u8, u8), (i64, i64, usize)> = BTreeMap::new();
        let mut in_doubt = BTreeSet::new();
        let mut time = 0;
        for seen in run.seen {
            if let Seen::Received { n, warm } = seen {
                time = times[n];
                if warm {
                    in_doubt.extend(case.log[n].place().map(|(track, _)| track));
                }
            }
            let Seen::Handle(n) = seen else { continue };
            let Some((track, frame)) = case.log[n].place() else {
                continue;
            };
            if let Some((before, at, earlier)) = last.insert(track, (frame, times[n], n)) {
                let forgotten = time - at >= 60_000;
                let rises = frame > before || forgotten;
                let anew = || {
                    let refused = Seen::Refused(earlier, Refusal::Jump);
                    let whole = simulate(&case.log, case.stages, &[]);
                    frame < before - 1000 && whole.runs.iter().any(|run| run.seen.contains(&refused))
                };
                check(rises || (in_doubt.remove(&track) && anew()), || {
                    format!("{track:?}: {frame} after {before}")
                })?;
            }
        }
    }
    Ok(())
}

fn sorted(case: &Case) -> Judgement {
    let trace = run(case);
    let run = &trace.runs[0];
    let (mut given, mut handled) = (BTreeMap::<_, Vec<i64>>::new(), BTreeMap::<_, Vec<i64>>::new());
    for (n, rec) in case.log.iter().enumerate() {
        if let Some((track, frame)) = rec.place().filter(|_| case.corrupt != Some(n)) {
            given.entry(track).or_default().push(frame);
        }
    }
    for seen in &run.seen {
        if let Seen::Handle(n) = seen {
            let (track, frame) = case.log[*n].place().ok_or("an event without a place")?;
            handled.entry(track).or_default().push(frame);
        }
    }
    for frames in given.values_mut() {
        frames.sort_unstable();
    }
    check(given == handled, || {
        format!("given, sorted: {given:?}\nhandled: {handled:?}")
    })?;
    let gaps = run.counts.gaps;
    check(gaps == case.missing, || {
        format!("{} are missing, {gaps} counted", case.missing)
    })?;
    check(run.counts.jumps == u64::from(case.corrupt.is_some()), || {
        format!("{:?}", run.counts)
    })
}

fn few_wait(case: &Case) -> Judgement {
    for run in run(case).runs {
        let mut held: BTreeSet<usize> = BTreeSet::new();
        for (at, seen) in run.seen.iter().enumerate() {
            match seen {
                Seen::Received { n, warm: false } => drop(held.insert(*n)),
                Seen::Handle(n) | Seen::Refused(n, _) | Seen::FrameDuplicate(n) => drop(held.remove(n)),
                _ => {}
            }
            // Between a record and its outcomes it is not known yet whether it waits.
            if matches!(
                run.seen.get(at + 1),
                Some(Seen::Received { .. } | Seen::State { .. })
            ) {
                let mut tracks: BTreeMap<_, u32> = BTreeMap::new();
                for (track, _) in held.iter().filter_map(|n| case.log[*n].place()) {
                    let count = tracks.entry(track).or_default();
                    *count += 1;
                    check(*count <= TOLERANCE, || format!("{held:?} wait"))?;
                }
            }
        }
    }
    Ok(())
}

fn watermark(case: &Case) -> Judgement {
    let trace = run(case);
    for run in &trace.runs {
        let (mut outstanding, mut last, mut before) = (BTreeSet::new(), None, None);
        for seen in &run.seen {
            match *seen {
                Seen::Received { n, warm } => {
                    last = Some(case.log[n].offset);
                    if !warm {
                        outstanding.insert(case.log[n].offset);
                    }
                }
                Seen::Settled(n) | Seen::Duplicate(n) | Seen::FrameDuplicate(n) => {
                    outstanding.remove(&case.log[n].offset);
                }
                Seen::State { watermark, .. } => {
                    let reached = outstanding.first().copied().or(last.map(|last: i64| last + 1));
                    let expected = run.committed.max(reached);
                    check(watermark == expected, || {
                        format!("{watermark:?}, by definition {expected:?}")
                    })?;
                    check(watermark >= before, || format!("{watermark:?} after {before:?}"))?;
                    before = watermark;
                }
                _ => {}
            }
        }
    }
    let end = trace.runs.last().and_then(|run| run.seen.last());
    let all = case.log.last().map(|rec| rec.offset + 1);
    let reached = matches!(end, Some(Seen::State { watermark, .. }) if *watermark >= all);
    check(reached, || format!("all is settled below {all:?}, but {end:?}"))
}

/// What was settled as handled in any run, and what was settled or dropped in any way.
fn settled(runs: &[Run]) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let (mut handled, mut done) = (BTreeSet::new(), BTreeSet::new());
    for run in runs {
        let mut given = BTreeSet::new();
        for seen in &run.seen {
            match *seen {
                Seen::Handle(n) => drop(given.insert(n)),
                Seen::Settled(n) => {
                    done.insert(n);
                    if given.contains(&n) {
                        handled.insert(n);
                    }
                }
                Seen::Duplicate(n) | Seen::FrameDuplicate(n) => drop(done.insert(n)),
                _ => {}
            }
        }
    }
    (handled, done)
}

fn nothing_lost(case: &Case) -> Judgement {
    let trace = run(case);
    let (handled, done) = settled(&trace.runs);
    for run in &trace.runs {
        for seen in &run.seen {
            if let Seen::Handle(n) = seen {
                check(handled.contains(n), || {
                    format!("{n} was taken by a run, and handled by none")
                })?;
            }
        }
    }
    let lost: Vec<_> = (0..case.log.len()).filter(|n| !done.contains(n)).collect();
    check(lost.is_empty(), || format!("no run has settled {lost:?}"))
}

fn as_without_kills(case: &Case) -> Judgement {
    let killed = run(&case.clone().without_ticks());
    let whole = simulate(&case.log, case.stages, &[]);
    let ((killed, _), (whole, _)) = (settled(&killed.runs), settled(&whole.runs));
    check(killed.is_superset(&whole), || {
        format!("lost by kills: {:?}", whole.difference(&killed))
    })
}

fn warm_is_silent(case: &Case) -> Judgement {
    for run in run(case).runs {
        let warm: BTreeSet<_> = run
            .seen
            .iter()
            .filter_map(|s| {
                if let Seen::Received { n, warm: true } = s {
                    Some(*n)
                } else {
                    None
                }
            })
            .collect();
        for seen in &run.seen {
            if let Seen::Handle(n) | Seen::Refused(n, _) | Seen::Poison(n, _) = seen {
                check(!warm.contains(n), || format!("warm record {n} came out"))?;
            }
        }
    }
    Ok(())
}

fn delays_nothing(case: &Case) -> Judgement {
    for run in run(case).runs {
        // Without warm records it begins as a vehicle that nobody knows, and waits for those that it may have overtaken.
        let warm = run
            .seen
            .iter()
            .any(|seen| matches!(seen, Seen::Received { warm: true, .. }));
        let forgotten = times(&case.log)
            .windows(2)
            .any(|pair| pair[1] - pair[0] >= 60_000);
        if !warm || forgotten {
            continue;
        }
        for seen in &run.seen {
            if let Seen::State { waiting, .. } = seen {
                check(*waiting == 0, || format!("{waiting} wait though all is in order"))?;
            }
        }
        check(run.counts.gaps == 0, || {
            format!("{} gaps though nothing is missing", run.counts.gaps)
        })?;
    }
    Ok(())
}

fn dedup_by_definition(case: &Case) -> Judgement {
    let Some(ttl) = case.stages.ttl else { return Ok(()) };
    let expected = duplicates(&case.log, ttl);
    for run in run(case).runs {
        let dropped: BTreeSet<_> = run
            .seen
            .iter()
            .filter_map(|s| {
                if let Seen::Duplicate(n) = s {
                    Some(*n)
                } else {
                    None
                }
            })
            .collect();
        for seen in &run.seen {
            if let Seen::Received { n, warm: false } = seen {
                let (expected, found) = (expected[*n].0, dropped.contains(n));
                check(expected == found, || {
                    format!("record {n}: duplicate {found}, by definition {expected}")
                })?;
            }
        }
    }
    Ok(())
}

fn first_occurrence(case: &Case) -> Judgement {
    let Some(ttl) = case.stages.ttl else { return Ok(()) };
    let known = duplicates(&case.log, ttl);
    for run in run(case).runs {
        for seen in &run.seen {
            if let Seen::Duplicate(n) = seen {
                check(!known[*n].1, || {
                    format!("record {n} has a key that no other had before")
                })?;
            }
        }
    }
    Ok(())
}

fn hold_in_time(case: &Case) -> Judgement {
    let times = times(&case.log);
    let mut world = World::new(&case.log, case.stages);
    for act in &case.acts {
        let before = world.ticks();
        world.act(*act);
        let asked_at_end = world.ticks() > before && world.at_log_end();
        let overdue = world.overdue(&times, asked_at_end);
        check(overdue.is_empty(), || {
            format!("after {act:?}: {overdue:?} wait for too long")
        })?;
    }
    for run in world.conclude().runs {
        let mut slow = false;
        for seen in &run.seen {
            match seen {
                Seen::Ticked { over, .. } => slow = !over,
                Seen::State { .. } | Seen::Received { .. } => slow = false,
                _ => check(!slow, || {
                    format!("{seen:?} by the clock, though more of the log was to come")
                })?,
            }
        }
    }
    Ok(())
}

fn progress(case: &Case) -> Judgement {
    let mut world = World::new(&case.log, case.stages);
    for act in &case.acts {
        world.act(*act);
    }
    world.act(Act::Append(u8::MAX));
    let trace = world
        .wait_out()
        .ok_or("records wait, and no deadline brings them out")?;
    let end = trace.runs.last().and_then(|run| run.seen.last());
    let all = case.log.last().map(|rec| rec.offset + 1);
    let reached = matches!(end, Some(Seen::State { watermark, waiting: 0 }) if *watermark >= all);
    check(reached, || format!("all is settled below {all:?}, but {end:?}"))
}

fn others(case: &Case) -> Judgement {
    let expected = case.stages.ttl.map(|ttl| duplicates(&case.log, ttl));
    for run in run(case).runs {
        for (at, seen) in run.seen.iter().enumerate() {
            let Seen::Received { n, warm: false } = *seen else {
                continue;
            };
            let outcome = run.seen[at + 1..].iter().find(|seen| {
                matches!(seen, Seen::Handle(m) | Seen::Poison(m, _) | Seen::Duplicate(m) | Seen::Refused(m, _)
                    | Seen::FrameDuplicate(m) if *m == n)
            });
            let duplicate = expected.as_ref().is_some_and(|verdicts| verdicts[n].0);
            let fits = match case.log[n].what {
                What::Tombstone { .. } | What::Replayed { .. } => outcome == Some(&Seen::Handle(n)),
                What::Garbage { .. } => duplicate || outcome == Some(&Seen::Poison(n, PoisonCause::Decoding)),
                What::Event {
                    header: Header::Wrong,
                    ..
                } => duplicate || outcome == Some(&Seen::Poison(n, PoisonCause::HeaderContradicted)),
                What::Event { .. } => !matches!(outcome, Some(Seen::Poison(..))),
            };
            check(fits, || format!("{:?}: {outcome:?}", case.log[n]))?;
        }
    }
    Ok(())
}
