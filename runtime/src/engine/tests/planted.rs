//! What was broken, and which property caught it.

use super::super::mistakes::{Mistake, plant};
use super::properties::{self as p, Property};

/// Most cases until a property must have found the mistake. Cases are different in each run; two mistakes show in about one
/// case of two thousand only.
const TRIES: u32 = 40_000;

crate::planted::table! {
    |property| property.fails(Some(TRIES));
    CommitPastOutstanding: p::p5_watermark, p::p6_nothing_lost;
    WaitingNotOutstanding: p::p5_watermark, p::p6_nothing_lost;
    QuarantineNotOutstanding: p::p5_watermark;
    TtlOffByOne: p::p7_dedup_by_definition;
    DuplicateDoesNotRenew: p::p7_dedup_by_definition;
    GenerationDroppedEarly: p::p7_dedup_by_definition;
    RunningMaximumForgotten: p::p7_dedup_behind_time;
    WarmWindowTooShort: p::p7_dedup_by_definition;
    TombstoneDedupd: p::others_go_past;
    ReplayDedupd: p::others_go_past;
    HeaderBelieved: p::others_go_past;
    WarmRecordEmitted: p::p6_warm_is_silent;
    WarmFramesStillWait: p::p6_restart_delays_nothing;
    WarmFramesNotSettled: p::p6_restart_delays_nothing;
    FlushAtKill: p::p6_as_without_kills;
    SettledOutOfTurn: p::p6_settled_in_any_order;
    GapRunsCounted: p::p3_gaps;
    ToleranceTooSmall: p::p3_sorted;
    ToleranceTooLarge: p::p4_few_wait;
    FirstFrameClosesDoor: p::p3_sorted;
    EpochIgnored: p::p3_sorted;
    LateEmitted: p::p2_increasing;
    JumpTakenAtOnce: p::p3_corrupt_alone;
    RefusedDropped: p::p1_one_outcome;
    WaitingEvicted: p::p1_one_outcome;
    HoldForgotten: p::p9_hold, p::p10_progress;
    HoldByClockAlone: p::p9_hold;
}
