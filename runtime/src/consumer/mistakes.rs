//! Mistakes that tests plant on purpose in the consumer; the table of what catches each is in `tests/planted.rs`.

crate::planted::mistakes! {
    CapIgnored,
    CommitBeforeDrain,
    DrainDoesNotWait,
    EpochReused,
    FailureSettled,
    GateLeftOpen,
    HandedOutAfterEnd,
    LaneIgnored,
    LastCallWakesNobody,
    LetterSettledAtOnce,
    LowMarkWakesNobody,
    NoteWakesNobody,
    ObserverCommits,
    OldAnswerCounted,
    OutboxKept,
    RefusalForgotten,
    RetryAfterRevocation,
    StaleSettleCounted,
    StashCountsAsRead,
    StopLostInDrain,
}
