//! Every order in which the tasks of `run` can meet, for small cases: no wake-up is lost in any of them.
//!
//! From the beginning of a case every step of everybody ([`super::meeting`]) is tried, and from each state that this leads to again,
//! until nobody can do anything. Then nothing may be left that somebody should do. Larger cases go one way each, by chance.

use std::collections::HashSet;

use proptest::prelude::*;

use super::super::due::Due;
use super::meeting::{Case, Kind, State};
use super::properties::SHRINKS;
use crate::planted::first_failure;

/// Goes through all orders of a case. Answers what is wrong in one, and how many states there were.
fn all_orders(case: &Case) -> Result<usize, String> {
    let mut seen = HashSet::new();
    let mut open = vec![State::new(case)];
    while let Some(state) = open.pop() {
        let steps = state.steps();
        if steps.is_empty()
            && let Some(wrong) = state.wrong()
        {
            return Err(wrong);
        }
        for step in steps {
            let next = state.after(step);
            if seen.insert(next.key()) {
                open.push(next);
            }
        }
    }
    Ok(seen.len())
}

/// Lanes of so many records, each pattern once: a new lane has the lowest number that is free.
fn lanes(records: usize) -> Vec<Vec<u64>> {
    let mut patterns = vec![vec![]];
    for _ in 0..records {
        let longer = |pattern: &Vec<u64>| {
            let new = pattern.iter().max().map_or(0, |max| max + 1);
            let pattern = pattern.clone();
            (0..=new).map(move |lane| [&pattern[..], &[lane]].concat())
        };
        patterns = patterns.iter().flat_map(longer).collect();
    }
    patterns
}

const KINDS: [Kind; 4] = [Kind::Now, Kind::Later, Kind::Never, Kind::Stuck];

/// Up to three records of all kinds in all lanes.
fn small_cases() -> impl Iterator<Item = Case> {
    (1_u32..=3).flat_map(|records| {
        let kinds = (0..4_usize.pow(records)).map(move |number| {
            let kind = |at| KINDS[number / 4_usize.pow(at) % 4];
            (0..records).map(kind).collect::<Vec<_>>()
        });
        kinds.flat_map(move |kinds| {
            lanes(records as usize).into_iter().flat_map(move |lanes| {
                let records: Vec<(u64, Kind)> = lanes.into_iter().zip(kinds.clone()).collect();
                [(1, 2, 2), (3, 3, 3)].map(|(at_a_time, cap, most)| Case {
                    records: records.clone(),
                    at_a_time,
                    cap,
                    threads: 1,
                    low: most / 2,
                    most,
                })
            })
        })
    })
}

/// Four lanes at once, so many that a task makes two calls together; all are over at once, and behind them are calls of any two kinds.
fn wide_cases() -> impl Iterator<Item = Case> {
    let pairs = (0..16).map(|number| (KINDS[number % 4], KINDS[number / 4]));
    let kinds = pairs.filter(|(one, other)| one <= other);
    kinds.map(|(one, other)| {
        let behind = [one, one, other, other];
        let first = (0..4).map(|lane| (lane, Kind::Now));
        Case {
            records: first.chain((0..4).zip(behind)).collect(),
            at_a_time: 8,
            cap: 8,
            threads: 1,
            low: 4,
            most: 8,
        }
    })
}

fn none_is_lost(cases: impl Iterator<Item = Case>) -> Option<String> {
    let mut states = 0;
    for case in cases {
        match all_orders(&case) {
            Ok(some) => states += some,
            Err(wrong) => return Some(wrong),
        }
    }
    println!("{states} states");
    None
}

/// No order of a small case loses a wake-up.
pub(super) fn all_small(_: u32) -> Option<String> {
    none_is_lost(small_cases())
}

/// No order loses one where tasks make several calls.
pub(super) fn all_wide(_: u32) -> Option<String> {
    none_is_lost(wide_cases())
}

fn cases() -> impl Strategy<Value = Case> {
    let kind = prop_oneof![
        12 => Just(Kind::Now),
        4 => Just(Kind::Later),
        1 => Just(Kind::Never),
        1 => Just(Kind::Stuck),
    ];
    let records = proptest::collection::vec((0_u64..12, kind), 1..40);
    (records, 1_usize..20, 1_usize..20, 1_usize..3, 2_usize..40).prop_map(
        |(records, at_a_time, cap, threads, most)| Case {
            records,
            at_a_time,
            cap,
            threads,
            low: most / 2,
            most,
        },
    )
}

/// No wake-up is lost in larger cases either, in orders by chance.
pub(super) fn some_large(tries: u32) -> Option<String> {
    first_failure(
        Some(tries),
        SHRINKS,
        &(cases(), any::<u64>()),
        |(case, mut seed)| {
            let mut state = State::new(&case);
            loop {
                let steps = state.steps();
                if steps.is_empty() {
                    return state.wrong().map_or(Ok(()), Err);
                }
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                state.step(steps[(seed >> 33) as usize % steps.len()]);
            }
        },
    )
}

/// A task that makes many calls tells the starter that few are left once, and at the end that none runs; not after each call.
pub(super) fn told_once(_: u32) -> Option<String> {
    let mut due = Due::new(1, 10, 1);
    (0..20).for_each(|n| due.push(Some(1), n));
    let mut calls = Vec::new();
    due.come(Some, &mut calls);
    let mut told = Vec::new();
    while !calls.is_empty() {
        let mut over = calls.drain(..).map(|(lane, _)| lane).collect();
        if due.next(&mut over, Some, &mut calls) {
            told.push(due.queued());
        }
    }
    (told != [10, 0]).then(|| format!("told with so many queued: {told:?}"))
}
