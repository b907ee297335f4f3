//! What was broken in the consumer, and which property caught it.

use super::super::mistakes::{Mistake, plant};
use super::properties::{self as p, Property};
use super::{calls, orders};

/// Most cases until a property must have found the mistake.
const TRIES: u32 = 20_000;

crate::planted::table! {
    |property| property(TRIES);
    AgainIsKept: p::read_again_is_not_kept;
    CapIgnored: p::lanes_and_cap;
    CommitBeforeDrain: p::lives;
    DrainDoesNotWait: p::drain_waits;
    EndNotTold: orders::all_small, p::lives_of_run;
    EpochReused: p::lives;
    FailureSettled: p::lives;
    GateLeftOpen: p::lives, p::lives_of_run;
    HandledNotTold: p::lives_of_run;
    HandedOutAfterEnd: p::nothing_behind_the_end;
    IdleNotTold: orders::all_small;
    KeptForgotten: p::lives, p::lives_of_run;
    LaneIgnored: p::lanes_and_cap, p::lives_of_run;
    LastCallWakesNobody: p::wakes;
    LeavesWithoutLook: orders::all_wide, calls::waiting_calls_hold_up_no_lane;
    LeftToNobody: orders::all_wide;
    LetterSettledAtOnce: p::lives;
    LowMarkNotSeen: orders::some_large;
    LowMarkToldAgain: orders::told_once;
    LowMarkWakesNobody: p::wakes;
    NoteWakesNobody: p::wakes;
    ObserverCommits: p::observer_is_silent;
    OldAnswerCounted: p::answers_belong_to_an_assignment;
    OneLaneEnds: orders::all_wide, p::lives_of_run;
    OutboxKept: p::lives;
    QueuedForgottenAtEnd: orders::all_small;
    RefusalForgotten: p::lives;
    RefusedKept: p::refused_is_not_kept;
    RetryAfterRevocation: p::no_retry_when_it_is_over;
    SlotFreedInSilence: p::slots_are_bounded_and_told;
    StaleSettleCounted: p::lives;
    StartsOneTask: calls::start_leaves_nothing;
    StashCountsAsRead: p::lives;
    StopLostInDrain: p::stop_stays;
    TakerNeverGone: orders::all_wide;
    WaitsAndTakes: calls::waiting_calls_hold_up_no_lane;
}
