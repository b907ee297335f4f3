//! Mistakes that tests plant on purpose, to show that a property would catch each of them: the table is in
//! `tests/planted.rs`.
//!
//! In every build but the crate's own unit tests [`planted`] is the constant `false`, and nothing of it is left.

macro_rules! mistakes {
    ($($name:ident,)*) => {
        /// A mistake that somebody could make in this code.
        #[cfg_attr(not(test), allow(dead_code))]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Mistake {
            $($name,)*
        }

        #[cfg(test)]
        impl Mistake {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

mistakes! {
    CommitPastOutstanding,
    WaitingNotOutstanding,
    QuarantineNotOutstanding,
    TtlOffByOne,
    DuplicateDoesNotRenew,
    GenerationDroppedEarly,
    TombstoneDedupd,
    ReplayDedupd,
    WarmRecordEmitted,
    WarmWindowTooShort,
    RunningMaximumForgotten,
    WarmFramesStillWait,
    WarmFramesNotSettled,
    GapRunsCounted,
    ToleranceTooSmall,
    ToleranceTooLarge,
    LateEmitted,
    JumpTakenAtOnce,
    FirstFrameClosesDoor,
    EpochIgnored,
    WaitingEvicted,
    HoldForgotten,
    HoldByClockAlone,
    HeaderBelieved,
    RefusedDropped,
    FlushAtKill,
}

#[cfg(not(test))]
#[inline(always)]
pub(crate) const fn planted(_: Mistake) -> bool {
    false
}

#[cfg(test)]
pub(crate) use in_tests::{plant, planted};

#[cfg(test)]
mod in_tests {
    use std::cell::Cell;

    use super::Mistake;

    thread_local! {
        static PLANTED: Cell<Option<Mistake>> = const { Cell::new(None) };
    }

    /// Runs `body` with a mistake planted in this thread.
    pub(crate) fn plant<R>(mistake: Mistake, body: impl FnOnce() -> R) -> R {
        struct Restore;
        impl Drop for Restore {
            fn drop(&mut self) {
                PLANTED.set(None);
            }
        }
        PLANTED.set(Some(mistake));
        let _restore = Restore;
        body()
    }

    pub(crate) fn planted(mistake: Mistake) -> bool {
        PLANTED.get() == Some(mistake)
    }
}
