//! What was broken in the consumer, and which property caught it.

use super::super::mistakes::{Mistake, plant};
use super::properties::{self as p, Property};
use super::{calls, orders};

/// Most cases until a property must have found the mistake.
const TRIES: u32 = 20_000;

/// Each mistake and the property that is there to catch it.
pub(super) const TABLE: &[(Mistake, &str, Property)] = &[
    (Mistake::CapIgnored, "lanes_and_cap", p::lanes_and_cap),
    (Mistake::CommitBeforeDrain, "lives", p::lives),
    (Mistake::DrainDoesNotWait, "drain_waits", p::drain_waits),
    (Mistake::EpochReused, "lives", p::lives),
    (Mistake::FailureSettled, "lives", p::lives),
    (Mistake::GateLeftOpen, "lives", p::lives),
    (
        Mistake::HandedOutAfterEnd,
        "nothing_behind_the_end",
        p::nothing_behind_the_end,
    ),
    (Mistake::LaneIgnored, "lanes_and_cap", p::lanes_and_cap),
    (Mistake::LastCallWakesNobody, "wakes", p::wakes),
    (Mistake::LetterSettledAtOnce, "lives", p::lives),
    (Mistake::LowMarkWakesNobody, "wakes", p::wakes),
    (Mistake::NoteWakesNobody, "wakes", p::wakes),
    (
        Mistake::ObserverCommits,
        "observer_is_silent",
        p::observer_is_silent,
    ),
    (
        Mistake::OldAnswerCounted,
        "answers_belong_to_an_assignment",
        p::answers_belong_to_an_assignment,
    ),
    (Mistake::OutboxKept, "lives", p::lives),
    (Mistake::RefusalForgotten, "lives", p::lives),
    (
        Mistake::RetryAfterRevocation,
        "no_retry_when_it_is_over",
        p::no_retry_when_it_is_over,
    ),
    (Mistake::StaleSettleCounted, "lives", p::lives),
    (Mistake::StashCountsAsRead, "lives", p::lives),
    (Mistake::StopLostInDrain, "stop_stays", p::stop_stays),
    (Mistake::EndNotTold, "all_small", orders::all_small),
    (Mistake::IdleNotTold, "all_small", orders::all_small),
    (Mistake::LeavesWithoutLook, "all_wide", orders::all_wide),
    (
        Mistake::LeavesWithoutLook,
        "waiting_calls_hold_up_no_lane",
        calls::waiting_calls_hold_up_no_lane,
    ),
    (Mistake::LeftToNobody, "all_wide", orders::all_wide),
    (Mistake::LowMarkNotSeen, "some_large", orders::some_large),
    (Mistake::LowMarkToldAgain, "told_once", orders::told_once),
    (Mistake::OneLaneEnds, "all_wide", orders::all_wide),
    (Mistake::QueuedForgottenAtEnd, "all_small", orders::all_small),
    (
        Mistake::StartsOneTask,
        "start_leaves_nothing",
        calls::start_leaves_nothing,
    ),
    (Mistake::TakerNeverGone, "all_wide", orders::all_wide),
    (
        Mistake::WaitsAndTakes,
        "waiting_calls_hold_up_no_lane",
        calls::waiting_calls_hold_up_no_lane,
    ),
];

#[test]
fn every_planted_mistake_is_caught() {
    let mut missed = vec![];
    for (mistake, name, property) in TABLE {
        match plant(*mistake, || property(TRIES)) {
            Some(reason) => println!(
                "{mistake:?}: caught by {name}: {}",
                reason.lines().next().unwrap_or("")
            ),
            None => missed.push(format!("{mistake:?} is not caught by {name}")),
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn every_mistake_is_in_the_table() {
    for mistake in Mistake::ALL {
        assert!(
            TABLE.iter().any(|(planted, ..)| planted == mistake),
            "{mistake:?}"
        );
    }
}
