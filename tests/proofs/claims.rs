//! The claims themselves, over plain data: what was sent and acknowledged, what is in the log, what the ledgers say.
//!
//! Each answers what is not so, in words; nothing means that the claim holds. No broker is asked here, so each claim is
//! shown to refuse what it is there to refuse: a sound story is told in the tests below, and then falsified.

use std::collections::{BTreeMap, HashMap, HashSet};

use fleetops_runtime::uuid::Uuid;

use crate::ledger::{Acknowledged, Handled};

/// Which event is where, by partition and offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Records(pub(crate) Vec<BTreeMap<i64, Uuid>>);

impl Records {
    /// The events below an offset of a partition.
    fn below(&self, partition: usize, offset: i64) -> impl Iterator<Item = (i64, Uuid)> {
        self.0[partition]
            .range(..offset)
            .map(|(offset, id)| (*offset, *id))
    }

    /// Where a partition ends, as far as it was read.
    pub(crate) fn end(&self, partition: usize) -> i64 {
        self.0[partition].last_key_value().map_or(0, |(last, _)| last + 1)
    }

    /// How often each event is there.
    fn count(&self) -> HashMap<Uuid, usize> {
        let mut count = HashMap::new();
        for id in self.0.iter().flat_map(BTreeMap::values) {
            *count.entry(*id).or_default() += 1;
        }
        count
    }
}

/// How often each event was handled, by whomever.
pub(crate) fn count(runs: &[Vec<Handled>]) -> HashMap<Uuid, usize> {
    let mut count = HashMap::new();
    for record in runs.iter().flatten() {
        *count.entry(record.id).or_default() += 1;
    }
    count
}

/// The reasons of the dead letters of each event.
pub(crate) type Letters = HashMap<Uuid, Vec<String>>;

/// Where an event is that nobody handled: refused and kept, or nowhere at all.
fn whereabouts(id: &Uuid, letters: &Letters) -> String {
    match letters.get(id) {
        Some(reasons) => format!("in a dead letter only ({})", reasons.join(", ")),
        None => "nowhere: in no ledger and in no dead letter".to_owned(),
    }
}

/// What became of the events that were sent, for a line about a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fates {
    /// Handled, with no dead letter.
    pub(crate) handled: usize,
    /// Handled, and refused when they came again.
    pub(crate) handled_and_refused: usize,
    /// Never handled, and in a dead letter.
    pub(crate) in_a_dead_letter_only: usize,
    /// Never handled, and in no dead letter.
    pub(crate) nowhere: usize,
}

/// Counts what became of the events that were sent.
pub(crate) fn fates(sent: &HashSet<Uuid>, handled: &HashMap<Uuid, usize>, letters: &Letters) -> Fates {
    let mut fates = Fates::default();
    for id in sent {
        *match (handled.contains_key(id), letters.contains_key(id)) {
            (true, false) => &mut fates.handled,
            (true, true) => &mut fates.handled_and_refused,
            (false, true) => &mut fates.in_a_dead_letter_only,
            (false, false) => &mut fates.nowhere,
        } += 1;
    }
    fates
}

/// Everything below a committed offset is in the log and was handled, and no commit goes back. `before`: the commits seen last.
pub(crate) fn commits(
    before: &[i64],
    committed: &[i64],
    log: &Records,
    handled: &HashMap<Uuid, usize>,
    letters: &Letters,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (partition, (before, offset)) in before.iter().zip(committed).enumerate() {
        if offset < before {
            wrong.push(format!(
                "partition {partition}: committed {offset} after {before}"
            ));
        }
        let end = log.end(partition);
        if *offset > end {
            wrong.push(format!(
                "partition {partition}: committed {offset}, and the log ends at {end}"
            ));
        }
        let unhandled = log
            .below(partition, *offset)
            .filter(|(_, id)| !handled.contains_key(id));
        wrong.extend(unhandled.map(|(at, id)| {
            let place = whereabouts(&id, letters);
            format!("partition {partition}: committed {offset}, and {id} at {at} is {place}")
        }));
    }
    wrong
}

/// No false success: what was acknowledged is where the broker said, as often as it was acknowledged, and nothing else is there;
/// and each event that was sent was acknowledged.
pub(crate) fn acknowledgements(
    sent: &HashSet<Uuid>,
    acknowledged: &[Acknowledged],
    log: &Records,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expected: HashMap<Uuid, usize> = HashMap::new();
    for told in acknowledged {
        *expected.entry(told.id).or_default() += 1;
        let there = log.0[told.partition].get(&told.offset);
        if told.offset >= 0 && there != Some(&told.id) {
            wrong.push(format!("{told:?}, but there is {there:?}"));
        }
    }
    let firsts: HashSet<Uuid> = acknowledged
        .iter()
        .filter(|told| !told.again)
        .map(|told| told.id)
        .collect();
    let differ = sent.symmetric_difference(&firsts);
    wrong.extend(differ.map(|id| format!("{id} is sent or acknowledged, and not both")));
    let found = log.count();
    let ids: HashSet<_> = expected.keys().chain(found.keys()).collect();
    for id in ids {
        let (told, there) = (
            expected.get(id).copied().unwrap_or(0),
            found.get(id).copied().unwrap_or(0),
        );
        if told != there {
            wrong.push(format!(
                "{id} was acknowledged {told} times and is {there} times in the log"
            ));
        }
    }
    wrong
}

/// Each event that was sent was handled, and no other one. An event that is in a dead letter and was not handled is not lost, but
/// nothing that is done here may bring it there; it is told apart from one that is nowhere.
pub(crate) fn nothing_lost(
    sent: &HashSet<Uuid>,
    handled: &HashMap<Uuid, usize>,
    letters: &Letters,
) -> Vec<String> {
    let lost = sent
        .iter()
        .filter(|id| !handled.contains_key(id))
        .map(|id| format!("{id} was never handled: it is {}", whereabouts(id, letters)));
    let strange = handled
        .keys()
        .filter(|id| !sent.contains(id))
        .map(|id| format!("{id} was handled and never sent"));
    lost.chain(strange).collect()
}

/// So much log time, in milliseconds, is remembered of a vehicle and of a dedup key. What is older is new again, for example the second copy of an event
/// that its producer could not get rid of while all brokers stood still for that long.
const REMEMBERED: i64 = 60_000;

/// The running maximum of the timestamps, in milliseconds, by partition and offset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times(Vec<BTreeMap<i64, i64>>);

impl Times {
    /// Notes the next record of a partition.
    pub(crate) fn note(&mut self, partition: usize, offset: i64, timestamp: i64) {
        if self.0.len() <= partition {
            self.0.resize_with(partition + 1, BTreeMap::new);
        }
        if let Some(times) = self.0.get_mut(partition) {
            let before = times.last_key_value().map_or(timestamp, |(_, time)| *time);
            times.insert(offset, before.max(timestamp));
        }
    }

    fn of(&self, record: &Handled) -> i64 {
        let times = self.0.get(record.partition);
        times
            .and_then(|times| times.get(&record.offset))
            .copied()
            .unwrap_or(0)
    }
}

/// Within each assignment of a run: each vehicle's frames rise for as long as it is remembered, no record comes twice, and none for an
/// assignment that is over.
pub(crate) fn order(run: &[Handled], times: &Times) -> Vec<String> {
    let mut last: HashMap<(u64, &str), &Handled> = HashMap::new();
    let mut seen = HashSet::new();
    let mut epochs: BTreeMap<usize, u64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for record in run {
        if let Some(before) = last.insert((record.epoch, &record.vehicle), record)
            && before.frame >= record.frame
            && times.of(record) - times.of(before) < REMEMBERED
        {
            let later = times.of(record) - times.of(before);
            wrong.push(format!("out of order: {record:?}, {later} ms after {before:?}"));
        }
        if !seen.insert((record.epoch, record.partition, record.offset)) {
            wrong.push(format!("twice in one assignment: {record:?}"));
        }
        let epoch = epochs.entry(record.partition).or_default();
        if record.epoch < *epoch {
            wrong.push(format!("handled for an assignment that is over: {record:?}"));
        }
        *epoch = record.epoch;
    }
    wrong
}

/// A story that is sound, and what becomes of the verdict when it is not.
#[cfg(test)]
mod refused {
    use super::*;

    /// Two vehicles in two partitions; a crash in between, after which the second consumer repeats a little; one event is
    /// in the log twice.
    #[derive(Clone)]
    struct Story {
        sent: HashSet<Uuid>,
        acknowledged: Vec<Acknowledged>,
        log: Records,
        runs: Vec<Vec<Handled>>,
        before: Vec<i64>,
        committed: Vec<i64>,
        letters: Letters,
        times: Times,
    }

    fn id(vehicle: usize, frame: i64) -> Uuid {
        Uuid::from_u64_pair(vehicle as u64 + 1, frame as u64)
    }

    fn handled(epoch: u64, vehicle: usize, offset: i64, frame: i64) -> Handled {
        Handled {
            epoch,
            partition: vehicle,
            offset,
            id: id(vehicle, frame),
            vehicle: format!("v{vehicle}"),
            frame,
        }
    }

    fn sound() -> Story {
        let mut story = Story {
            sent: HashSet::new(),
            acknowledged: Vec::new(),
            log: Records(vec![BTreeMap::new(); 2]),
            runs: vec![Vec::new(), Vec::new()],
            before: vec![2, 2],
            committed: vec![5, 6],
            // Handled by the first consumer, and late when the second one got it.
            letters: HashMap::from([(id(0, 2), vec!["Late".to_owned()])]),
            times: Times::default(),
        };
        for vehicle in 0..2 {
            // Frames 0 to 4, the second and third displaced; in partition 1 the first one again.
            let mut frames = vec![0, 2, 1, 3, 4];
            frames.extend((vehicle == 1).then_some(0));
            for (offset, frame) in (0..).zip(frames) {
                story.sent.insert(id(vehicle, frame));
                story.log.0[vehicle].insert(offset, id(vehicle, frame));
                story.times.note(vehicle, offset, 100 * offset);
                story.acknowledged.push(Acknowledged {
                    again: offset == 5,
                    id: id(vehicle, frame),
                    partition: vehicle,
                    // One was acknowledged by a broker that had it already.
                    offset: if offset == 4 { -1 } else { offset },
                });
            }
            let offset = [0, 2, 1, 3, 4];
            story.runs[0].extend((0..4).map(|frame| handled(1, vehicle, offset[frame as usize], frame)));
            story.runs[1].extend((2..5).map(|frame| handled(1, vehicle, offset[frame as usize], frame)));
        }
        story
    }

    impl Story {
        fn verdicts(&self) -> [Vec<String>; 4] {
            let handled = count(&self.runs);
            [
                commits(&self.before, &self.committed, &self.log, &handled, &self.letters),
                acknowledgements(&self.sent, &self.acknowledged, &self.log),
                nothing_lost(&self.sent, &handled, &self.letters),
                self.runs.iter().flat_map(|run| order(run, &self.times)).collect(),
            ]
        }
    }

    /// The claims, by their place in the verdicts.
    const COMMITS: usize = 0;
    const ACKNOWLEDGED: usize = 1;
    const LOST: usize = 2;
    const ORDER: usize = 3;

    type Falsification = (&'static str, &'static [usize], fn(&mut Story));

    /// What was made up, which claims must refuse it (and no others), and how it is made up.
    const FABRICATED: &[Falsification] = &[
        ("an event that nobody handled", &[COMMITS, LOST], |story| {
            story
                .runs
                .iter_mut()
                .for_each(|run| run.retain(|record| record.id != id(0, 2)));
        }),
        ("the last event lost, and not committed", &[LOST], |story| {
            story.runs[1].retain(|record| record.id != id(0, 4));
            story.committed[0] = 4;
        }),
        ("a commit beyond the ledger", &[COMMITS, LOST], |story| {
            story.runs[1].clear()
        }),
        ("a commit beyond the end of the log", &[COMMITS], |story| {
            story.committed[1] = 7
        }),
        ("a commit that went back", &[COMMITS], |story| story.before[1] = 7),
        ("frames in the wrong order", &[ORDER], |story| {
            story.runs[0].swap(1, 2)
        }),
        ("a copy handled again while it is remembered", &[ORDER], |story| {
            story.times.note(1, 6, 60_399);
            story.runs[1].push(handled(1, 1, 6, 0));
        }),
        ("a record twice in one assignment", &[ORDER], |story| {
            let mut again = story.runs[0][3].clone();
            again.vehicle = "another".to_owned();
            story.runs[0].insert(4, again);
        }),
        ("a call for an assignment that is over", &[ORDER], |story| {
            story.runs[0][0].epoch = 2;
        }),
        ("a success that is nowhere in the log", &[ACKNOWLEDGED], |story| {
            story.log.0[1].remove(&5);
            story.committed[1] = 5;
        }),
        (
            "a success that another record stands in the place of",
            &[ACKNOWLEDGED],
            |story| {
                story.acknowledged[0].offset = 1;
            },
        ),
        ("a record that nobody was told of", &[ACKNOWLEDGED], |story| {
            story.log.0[0].insert(9, id(0, 0));
        }),
        ("an event that was never acknowledged", &[ACKNOWLEDGED], |story| {
            story.acknowledged.retain(|told| told.id != id(1, 3));
        }),
        ("an event that was never sent", &[LOST], |story| {
            story.runs[1].push(handled(1, 1, 9, 9));
        }),
    ];

    #[test]
    fn a_sound_story_is_believed() {
        assert_eq!(sound().verdicts(), [const { Vec::<String>::new() }; 4]);
    }

    /// Whose vehicle was forgotten is new again.
    #[test]
    fn a_copy_that_comes_when_nothing_is_remembered_is_believed() {
        let mut story = sound();
        story.times.note(1, 6, 60_400);
        story.runs[1].push(handled(1, 1, 6, 0));
        assert_eq!(story.verdicts(), [const { Vec::<String>::new() }; 4]);
    }

    /// An event that was refused and kept is not one that is nowhere, in what the claims say and in what is counted.
    #[test]
    fn a_dead_letter_is_told_apart_from_nothing() {
        let mut story = sound();
        let unhandled = [id(0, 2), id(1, 3)];
        for run in &mut story.runs {
            run.retain(|record| !unhandled.contains(&record.id));
        }
        let verdicts = story.verdicts();
        for (claim, places) in [
            (COMMITS, ["partition 0", "partition 1"]),
            (LOST, ["was never handled"; 2]),
        ] {
            let told = |id: Uuid, place: &str, what: &str| {
                let lines = verdicts[claim].iter();
                lines
                    .filter(|line| {
                        line.contains(&id.to_string()) && line.contains(place) && line.ends_with(what)
                    })
                    .count()
            };
            assert_eq!(
                told(unhandled[0], places[0], "is in a dead letter only (Late)"),
                1,
                "{verdicts:#?}"
            );
            assert_eq!(
                told(
                    unhandled[1],
                    places[1],
                    "is nowhere: in no ledger and in no dead letter"
                ),
                1,
                "{verdicts:#?}"
            );
        }
        let found = fates(&story.sent, &count(&story.runs), &story.letters);
        let expected = Fates {
            handled: 8,
            handled_and_refused: 0,
            in_a_dead_letter_only: 1,
            nowhere: 1,
        };
        assert_eq!(found, expected);
        let sound = sound();
        let found = fates(&sound.sent, &count(&sound.runs), &sound.letters);
        assert_eq!((found.handled, found.handled_and_refused), (9, 1));
    }

    #[test]
    fn every_fabrication_is_refused_by_the_claim_that_is_there_for_it() {
        for (what, claims, falsify) in FABRICATED {
            let mut story = sound();
            falsify(&mut story);
            let verdicts = story.verdicts();
            let refused: Vec<usize> = (0..4).filter(|claim| !verdicts[*claim].is_empty()).collect();
            assert_eq!(&refused, claims, "{what}: {verdicts:#?}");
        }
    }
}
