//! What goes wrong on the way from a vehicle to a topic, put in on purpose, with a ledger of it.
//!
//! Frames are moved and left out within one vehicle's own sequence, and the places are far enough apart that no fault
//! touches another: so the ledger says exactly what a consumer must report, and any difference is an error of the
//! product, not of the test. It follows the rules of reordering: a frame overtaken by at most two others is put back
//! in order, one overtaken by more is refused, and its place counts as a gap; a missing frame is a gap.

use std::collections::BTreeMap;

use super::random::Random;

/// The rules that the ledger reckons with.
const TOLERANCE: usize = 2;
const RING: usize = 10;
/// Frames of one vehicle between two faults: more than any fault moves a frame, and the ring on top.
const APART: usize = RING + 8;
/// The first and last frames of a vehicle stay as they are: a consumer cannot miss what it never saw begin or end.
const MARGIN: usize = TOLERANCE + 2;

/// How often each fault happens, out of 1: for a frame where one may be put in, and for duplicates for every event.
const MOVED: f64 = 0.16;
const LATE: f64 = 0.015;
const TOO_OLD: f64 = 0.006;
const MISSING: f64 = 0.02;
const SENT_AGAIN: f64 = 0.025;
const WRITTEN_BY_ANOTHER: f64 = 0.025;

/// An event, as far as faults care. Sequences of events are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Observation {
    /// The vehicle and its session.
    pub(crate) vehicle: usize,
    /// Its number in that session.
    pub(crate) frame: i64,
}

/// What is done with the event of that index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// It is sent.
    Send(usize),
    /// It is sent once more, by the same producer.
    Again(usize),
    /// It is written once more by another producer, which knows nothing of the first one's cache.
    Bypass(usize),
}

/// What was put in, and so what must come out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Events given to the producer, those sent again included.
    pub(crate) sent: u64,
    /// Those sent again.
    pub(crate) producer_duplicates: u64,
    /// Records written by the other producer.
    pub(crate) consumer_duplicates: u64,
    /// Events that must be handled after one of the same vehicle with a higher offset.
    pub(crate) reordered: u64,
    /// Missing frames.
    pub(crate) gaps: u64,
    /// Events refused as late.
    pub(crate) late: u64,
    /// Events refused as too old.
    pub(crate) too_old: u64,
    /// Of each vehicle, the indices of the events that must be handled, in order.
    pub(crate) handled: Vec<Vec<usize>>,
}

impl Ledger {
    /// How many events must be handled.
    pub(crate) fn handled_count(&self) -> u64 {
        self.handled.iter().map(|vehicle| vehicle.len() as u64).sum()
    }
}

/// Why a sequence of events is not one that faults can be put in, or whose outcome can be told beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Irregular {
    /// The event.
    pub(crate) index: usize,
    /// The frame that its vehicle had before.
    pub(crate) after: i64,
}

/// The first event whose frame is not the one after its vehicle's last.
pub(crate) fn irregularity(events: &[Observation]) -> Option<Irregular> {
    let mut last: BTreeMap<usize, i64> = BTreeMap::new();
    events.iter().enumerate().find_map(|(index, event)| {
        let before = last.insert(event.vehicle, event.frame)?;
        (before.checked_add(1) != Some(event.frame)).then_some(Irregular { index, after: before })
    })
}

/// Sends everything as it stands. The ledger holds for regular events only.
pub(crate) fn none(events: &[Observation]) -> (Vec<Action>, Ledger) {
    let ledger = Ledger {
        sent: events.len() as u64,
        handled: by_vehicle(events),
        ..Ledger::default()
    };
    ((0..events.len()).map(Action::Send).collect(), ledger)
}

/// Puts faults into regular events.
pub(crate) fn default(events: &[Observation], seed: u64) -> (Vec<Action>, Ledger) {
    let mut random = Random::new(seed).fork(4);
    let mut ledger = Ledger::default();
    // What is sent at each place of the original sequence.
    let mut places: Vec<Option<usize>> = (0..events.len()).map(Some).collect();
    let mut refused = vec![false; events.len()];
    for vehicle in by_vehicle(events) {
        let mut order: Vec<Option<usize>> = vehicle.iter().copied().map(Some).collect();
        disturb(&mut order, &mut refused, &mut ledger, &mut random);
        for (place, index) in vehicle.iter().zip(&order) {
            places[*place] = *index;
        }
        let arrived: Vec<usize> = order
            .into_iter()
            .flatten()
            .filter(|index| !refused[*index])
            .collect();
        let mut handled: Vec<usize> = arrived.clone();
        handled.sort_by_key(|index| events[*index].frame);
        ledger.reordered += overtaken(&arrived, &handled);
        ledger.handled.push(handled);
    }
    let actions = duplicate(&places, &refused, &mut ledger, &mut random);
    ledger.sent = actions
        .iter()
        .filter(|action| !matches!(action, Action::Bypass(_)))
        .count() as u64;
    (actions, ledger)
}

/// The indices of each vehicle's events.
fn by_vehicle(events: &[Observation]) -> Vec<Vec<usize>> {
    let mut vehicles: Vec<Vec<usize>> = Vec::new();
    for (index, event) in events.iter().enumerate() {
        if vehicles.len() <= event.vehicle {
            vehicles.resize(event.vehicle + 1, Vec::new());
        }
        vehicles[event.vehicle].push(index);
    }
    vehicles
}

/// Moves and removes events of one vehicle.
fn disturb(order: &mut [Option<usize>], refused: &mut [bool], ledger: &mut Ledger, random: &mut Random) {
    let mut at = MARGIN;
    while at + APART + MARGIN <= order.len() {
        let here = &mut order[at..at + APART];
        let draw = random.unit();
        let mut limit = MOVED;
        if draw < limit {
            match random.integer(0, 3) {
                0 => here[..2].reverse(),
                1 => here[..3].rotate_left(1),
                2 => here[..3].rotate_right(1),
                _ => here[..3].reverse(),
            }
            at += APART;
            continue;
        }
        limit += LATE;
        if draw < limit {
            set_back(here, random.integer(TOLERANCE + 1, RING - 1), refused);
            ledger.late += 1;
            ledger.gaps += 1;
            at += APART;
            continue;
        }
        limit += TOO_OLD;
        if draw < limit {
            set_back(here, random.integer(RING, RING + 2), refused);
            ledger.too_old += 1;
            ledger.gaps += 1;
            at += APART;
            continue;
        }
        if draw < limit + MISSING {
            here[0] = None;
            ledger.gaps += 1;
            at += APART;
            continue;
        }
        at += 1;
    }
}

/// Lets `by` others overtake the first: too many, so it is refused.
fn set_back(order: &mut [Option<usize>], by: usize, refused: &mut [bool]) {
    if let Some(index) = order[0] {
        refused[index] = true;
    }
    order[..=by].rotate_left(1);
}

/// How many are handled after one that arrived after them.
fn overtaken(arrived: &[usize], handled: &[usize]) -> u64 {
    let places: BTreeMap<usize, usize> = arrived
        .iter()
        .enumerate()
        .map(|(place, index)| (*index, place))
        .collect();
    let mut last = None;
    let mut count = 0;
    for index in handled {
        let place = places.get(index).copied();
        count += u64::from(place < last);
        last = last.max(place);
    }
    count
}

/// Adds duplicates, each some way after its original.
fn duplicate(
    places: &[Option<usize>],
    refused: &[bool],
    ledger: &mut Ledger,
    random: &mut Random,
) -> Vec<Action> {
    let mut actions: Vec<(usize, Action)> = Vec::new();
    for (place, index) in places.iter().enumerate() {
        let Some(index) = *index else { continue };
        actions.push((place, Action::Send(index)));
        if refused[index] {
            continue;
        }
        if random.chance(SENT_AGAIN) {
            // Most retries come at once and meet the first one in flight; some come later.
            let later = if random.chance(0.6) {
                0
            } else {
                random.integer(1, 400)
            };
            actions.push((place + later, Action::Again(index)));
            ledger.producer_duplicates += 1;
        }
        if random.chance(WRITTEN_BY_ANOTHER) {
            actions.push((place + random.integer(300, 900), Action::Bypass(index)));
            ledger.consumer_duplicates += 1;
        }
    }
    // Stable: what belongs to one place keeps its order, the original before its duplicates.
    actions.sort_by_key(|(place, _)| *place);
    actions.into_iter().map(|(_, action)| action).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(vehicles: usize, frames: i64) -> Vec<Observation> {
        (0..frames)
            .flat_map(|frame| (0..vehicles).map(move |vehicle| Observation { vehicle, frame }))
            .collect()
    }

    #[test]
    fn without_faults_all_is_sent_as_it_stands() {
        let events = scene(3, 5);
        let (actions, ledger) = none(&events);
        assert_eq!(actions, (0..15).map(Action::Send).collect::<Vec<_>>());
        assert_eq!(
            (ledger.sent, ledger.handled_count(), ledger.handled.len()),
            (15, 15, 3)
        );
        assert_eq!(ledger.handled[1], [1, 4, 7, 10, 13]);
    }

    #[test]
    fn irregular_events_are_found() {
        let mut events = scene(2, 4);
        assert_eq!(irregularity(&events), None);
        events[5].frame = 9;
        assert_eq!(irregularity(&events), Some(Irregular { index: 5, after: 1 }));
        events[5].frame = 1;
        assert_eq!(irregularity(&events), Some(Irregular { index: 5, after: 1 }));
    }

    #[test]
    fn the_ledger_is_what_the_actions_say() {
        let events = scene(60, 300);
        let (actions, ledger) = default(&events, 1);
        assert_eq!(
            (actions.clone(), ledger.clone()),
            default(&events, 1),
            "one seed, one plan"
        );
        assert_ne!(actions, default(&events, 2).0);

        let count = |f: fn(&Action) -> bool| actions.iter().filter(|a| f(a)).count() as u64;
        let sends = count(|a| matches!(a, Action::Send(_)));
        let again = count(|a| matches!(a, Action::Again(_)));
        let bypass = count(|a| matches!(a, Action::Bypass(_)));
        assert_eq!(ledger.sent, sends + again);
        assert_eq!(
            (ledger.producer_duplicates, ledger.consumer_duplicates),
            (again, bypass)
        );
        assert_eq!(sends, ledger.handled_count() + ledger.late + ledger.too_old);
        assert_eq!(
            sends + ledger.gaps,
            events.len() as u64 + ledger.late + ledger.too_old
        );
        let duplicates = (again + bypass) as f64 / sends as f64;
        assert!((0.04..0.06).contains(&duplicates), "{duplicates}");
        for faults in [ledger.reordered, ledger.gaps, ledger.late, ledger.too_old] {
            assert!(faults > 5, "{ledger:?}");
        }
    }

    #[test]
    fn duplicates_come_after_their_originals() {
        let events = scene(40, 200);
        let mut sent = vec![false; events.len()];
        for action in default(&events, 3).0 {
            match action {
                Action::Send(index) => {
                    assert!(!sent[index], "{index} twice");
                    sent[index] = true;
                }
                Action::Again(index) | Action::Bypass(index) => assert!(sent[index], "{index}"),
            }
        }
    }

    /// The reorder rules for regular vehicles, as short as they can be: no ring, no timers, no jumps.
    fn replay(frames: &[i64]) -> (Vec<i64>, u64, Vec<i64>) {
        let (mut next, mut high, mut waiting) = (frames[0], frames[0], std::collections::BTreeSet::new());
        let (mut out, mut gaps, mut refused) = (Vec::new(), 0, Vec::new());
        for frame in frames {
            if *frame < next {
                refused.push(*frame);
                continue;
            }
            high = high.max(*frame);
            waiting.insert(*frame);
            while !waiting.is_empty() && (waiting.contains(&next) || next < high - TOLERANCE as i64) {
                if waiting.remove(&next) {
                    out.push(next);
                } else {
                    gaps += 1;
                }
                next += 1;
            }
        }
        assert!(waiting.is_empty(), "the margin at the end lets everything out");
        (out, gaps, refused)
    }

    #[test]
    fn the_rules_give_what_the_ledger_says() {
        let events = scene(60, 300);
        for seed in 0..10 {
            let (actions, ledger) = default(&events, seed);
            let mut arrived: Vec<Vec<i64>> = vec![Vec::new(); 60];
            for action in actions {
                if let Action::Send(index) = action {
                    arrived[events[index].vehicle].push(events[index].frame);
                }
            }
            let (mut gaps, mut refused) = (0, 0);
            for (vehicle, frames) in arrived.iter().enumerate() {
                let (out, missing, late) = replay(frames);
                let expected: Vec<i64> = ledger.handled[vehicle].iter().map(|i| events[*i].frame).collect();
                assert_eq!(out, expected, "seed {seed}, vehicle {vehicle}");
                gaps += missing;
                refused += late.len() as u64;
            }
            assert_eq!(
                (gaps, refused),
                (ledger.gaps, ledger.late + ledger.too_old),
                "seed {seed}"
            );
        }
    }
}
