//! The order of one vehicle and epoch: rules 1 to 6 of the reorder stage, without time.
//!
//! A frame is a record's index in its sequence. `next` is the lowest frame that may still be emitted, `hi` the highest one
//! taken. A frame is emitted when all before it have been, or when it can be told that they are not coming: because a
//! frame more than `tolerance` beyond them has been taken, or because the caller says that the hold time is over.
//!
//! Indices are computed with 128 bits, so that no index of 64 bits overflows.

use std::collections::VecDeque;
use std::time::Duration;

use super::Refusal;
use super::mistakes::{Mistake, planted};

/// A frame this far beyond the highest one is not believed until the next one confirms it.
const JUMP: i128 = 1000;

/// A record in the reorder stage.
#[derive(Debug)]
pub(crate) struct Item<P> {
    pub(crate) index: i64,
    pub(crate) offset: i64,
    /// Tells the same record sent again from another one with the same index.
    pub(crate) identity: u64,
    /// The partition's time when it was received.
    pub(crate) time: i64,
    /// The clock when it was received.
    pub(crate) read_at: Duration,
    /// `None`: a warm record, which has no output.
    pub(crate) payload: Option<P>,
}

impl<P> Item<P> {
    fn frame(&self) -> i128 {
        i128::from(self.index)
    }
}

/// What becomes of a record, or of frames that are given up.
#[derive(Debug)]
pub(crate) enum Step<P> {
    Emitted(Item<P>),
    FrameDuplicate(Item<P>),
    Refused(Refusal, Item<P>),
    /// So many missing frames were given up.
    Gaps(u64),
}

/// What became of the received record itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It came out as a step.
    Settled,
    /// It waits for frames before it.
    Waiting,
    /// It waits for a record that confirms it.
    Quarantined,
}

/// The sizes of the stage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) ring: i128,
    pub(crate) tolerance: i128,
}

/// The state of one vehicle and epoch.
#[derive(Debug)]
pub(crate) struct Frames<P> {
    /// `None`: nothing has been received since the start or since a start anew.
    next: Option<i128>,
    /// -1: nothing has been taken.
    hi: i128,
    /// Something was emitted, or counts as emitted because it lies below the committed offset.
    emitted_any: bool,
    /// What counts as emitted was waiting when the warm records ended: it may have been one corrupt index.
    doubtful: bool,
    /// The highest of the doubtful frames after a start anew. Frames that continue from there need no confirmation.
    doubted: Option<i128>,
    /// Ordered by index, none below `next`.
    waiting: VecDeque<Item<P>>,
    /// Index and identity of the last `ring` frames emitted, in order.
    recent: VecDeque<(i64, u64)>,
    quarantine: Option<Box<Item<P>>>,
}

impl<P> Default for Frames<P> {
    fn default() -> Self {
        Self {
            next: None,
            hi: -1,
            emitted_any: false,
            doubtful: false,
            doubted: None,
            waiting: VecDeque::new(),
            recent: VecDeque::new(),
            quarantine: None,
        }
    }
}

impl<P> Frames<P> {
    /// Takes a record. Steps come in the order in which they happen.
    pub(crate) fn receive(
        &mut self,
        item: Item<P>,
        rules: &Rules,
        step: &mut (impl FnMut(Step<P>) + ?Sized),
    ) -> Fate {
        let frame = item.frame();
        if self.next == Some(frame) && self.waiting.is_empty() && self.quarantine.is_none() {
            self.hi = self.hi.max(frame);
            self.emit(item, rules, step);
            return Fate::Settled;
        }
        if let Some(held) = self.quarantine.take() {
            let distance = (frame - held.frame()).abs();
            if 0 < distance && distance <= rules.ring {
                // Two agree: a real jump. All before it is given up, and both are taken.
                self.close_to((frame.min(held.frame()) - rules.tolerance).max(0), rules, step);
                self.accept(*held, rules, step);
            } else {
                step(Step::Refused(Refusal::Jump, *held));
            }
        }
        if ((!self.emitted_any && !self.waiting.is_empty()) || self.doubtful) && frame < self.hi - JUMP {
            self.start_anew(step);
        }
        let first = if planted(Mistake::FirstFrameClosesDoor) {
            frame
        } else {
            frame - rules.tolerance
        };
        let next = *self.next.get_or_insert(first.max(0));
        if frame < next && !planted(Mistake::LateEmitted) {
            self.refuse(item, next, rules, step);
            return Fate::Settled;
        }
        if let Some(held) = self.waiting.iter().find(|held| held.index == item.index) {
            step(repeated(held.identity == item.identity, item));
            return Fate::Settled;
        }
        if self.hi >= 0
            && frame > self.hi + JUMP
            && !self.continues(frame)
            && !planted(Mistake::JumpTakenAtOnce)
        {
            self.quarantine = Some(Box::new(item));
            return Fate::Quarantined;
        }
        let offset = item.offset;
        self.accept(item, rules, step);
        if self.holds(offset) {
            Fate::Waiting
        } else {
            Fate::Settled
        }
    }

    /// Whether a frame goes on from the doubtful ones that a start anew put aside.
    fn continues(&self, frame: i128) -> bool {
        self.doubted
            .is_some_and(|doubted| frame > doubted && frame <= doubted + JUMP)
    }

    /// Everything so far was the corrupt one: what waits is refused, and the order begins with the next record.
    fn start_anew(&mut self, step: &mut (impl FnMut(Step<P>) + ?Sized)) {
        for item in self.waiting.drain(..) {
            step(Step::Refused(Refusal::Jump, item));
        }
        let doubted = self.doubtful.then_some(self.hi);
        *self = Self {
            doubted,
            ..Self::default()
        };
    }

    fn refuse(
        &mut self,
        item: Item<P>,
        next: i128,
        rules: &Rules,
        step: &mut (impl FnMut(Step<P>) + ?Sized),
    ) {
        let frame = item.frame();
        let known = self.recent.iter().find(|(index, _)| *index == item.index);
        step(match known {
            Some((_, identity)) if frame >= next - rules.ring => repeated(*identity == item.identity, item),
            _ if frame <= self.hi - rules.ring => Step::Refused(Refusal::TooOld, item),
            _ => Step::Refused(Refusal::Late, item),
        });
    }

    fn accept(&mut self, item: Item<P>, rules: &Rules, step: &mut (impl FnMut(Step<P>) + ?Sized)) {
        self.hi = self.hi.max(item.frame());
        let at = self.waiting.partition_point(|held| held.index < item.index);
        self.waiting.insert(at, item);
        let tolerance = match () {
            () if planted(Mistake::ToleranceTooSmall) => rules.tolerance - 1,
            () if planted(Mistake::ToleranceTooLarge) => rules.tolerance + 1,
            () => rules.tolerance,
        };
        while let (Some(lowest), Some(next)) = (self.waiting.front().map(Item::frame), self.next) {
            if lowest == next {
                self.emit_lowest(rules, step);
            } else if next < self.hi - tolerance {
                self.skip_to(lowest.min((self.hi - tolerance).max(next + 1)), step);
            } else {
                break;
            }
        }
    }

    fn emit_lowest(&mut self, rules: &Rules, step: &mut (impl FnMut(Step<P>) + ?Sized)) {
        if let Some(item) = self.waiting.pop_front() {
            self.emit(item, rules, step);
        }
    }

    fn emit(&mut self, item: Item<P>, rules: &Rules, step: &mut (impl FnMut(Step<P>) + ?Sized)) {
        self.remember(&item, rules);
        self.next = Some(item.frame() + 1);
        self.emitted_any = true;
        self.doubtful = false;
        step(Step::Emitted(item));
    }

    fn remember(&mut self, item: &Item<P>, rules: &Rules) {
        while self
            .recent
            .front()
            .is_some_and(|(index, _)| i128::from(*index) <= item.frame() - rules.ring)
        {
            self.recent.pop_front();
        }
        if rules.ring > 0 {
            self.recent.push_back((item.index, item.identity));
        }
    }

    /// Gives up the missing frames below `frame`. A frame below the first one ever emitted was never promised: no gap.
    fn skip_to(&mut self, frame: i128, step: &mut (impl FnMut(Step<P>) + ?Sized)) {
        let Some(next) = self.next else { return };
        if frame > next {
            if self.emitted_any {
                let missing = if planted(Mistake::GapRunsCounted) {
                    1
                } else {
                    frame - next
                };
                step(Step::Gaps(u64::try_from(missing).unwrap_or(u64::MAX)));
            }
            self.next = Some(frame);
        }
    }

    /// Emits all that waits and gives up what is missing below `frame`.
    fn close_to(&mut self, frame: i128, rules: &Rules, step: &mut (impl FnMut(Step<P>) + ?Sized)) {
        while let Some(lowest) = self.waiting.front().map(Item::frame) {
            self.skip_to(lowest, step);
            self.emit_lowest(rules, step);
        }
        self.skip_to(frame, step);
    }

    /// The hold time of the record at `offset` is over. If it waits, all up to it comes out; if it is quarantined, it is
    /// refused; if it does neither any more, nothing happens.
    pub(crate) fn expire(&mut self, offset: i64, rules: &Rules, step: &mut (impl FnMut(Step<P>) + ?Sized)) {
        if let Some(held) = self.quarantine.take_if(|held| held.offset == offset) {
            step(Step::Refused(Refusal::Jump, *held));
        }
        while self.waiting.iter().any(|held| held.offset == offset) {
            if let Some(lowest) = self.waiting.front().map(Item::frame) {
                self.skip_to(lowest, step);
            }
            while self
                .waiting
                .front()
                .is_some_and(|held| Some(held.frame()) == self.next)
            {
                self.emit_lowest(rules, step);
            }
        }
    }

    /// A declared end: what is quarantined is refused, and all that waits comes out in order.
    pub(crate) fn finish(&mut self, rules: &Rules, step: &mut (impl FnMut(Step<P>) + ?Sized)) {
        if let Some(held) = self.quarantine.take() {
            step(Step::Refused(Refusal::Jump, *held));
        }
        self.close_to(0, rules, step);
    }

    /// The warm records have ended: all that was taken counts as settled. What is quarantined stays and can only confirm.
    pub(crate) fn settle_warm(&mut self, rules: &Rules) {
        if planted(Mistake::WarmFramesStillWait) || self.waiting.is_empty() {
            return;
        }
        if planted(Mistake::WarmFramesNotSettled) {
            *self = Self::default();
            return;
        }
        self.doubtful = !self.emitted_any;
        self.emitted_any = true;
        self.next = Some(self.hi + 1);
        while let Some(item) = self.waiting.pop_front() {
            self.remember(&item, rules);
        }
    }

    /// Whether the record at `offset` waits or is quarantined here.
    pub(crate) fn holds(&self, offset: i64) -> bool {
        self.waiting.iter().any(|held| held.offset == offset)
            || self.quarantine.as_ref().is_some_and(|held| held.offset == offset)
    }

    /// Whether anything waits or is quarantined here.
    pub(crate) fn holds_any(&self) -> bool {
        !self.waiting.is_empty() || self.quarantine.is_some()
    }
}

fn repeated<P>(same: bool, item: Item<P>) -> Step<P> {
    if same {
        Step::FrameDuplicate(item)
    } else {
        Step::Refused(Refusal::Conflict, item)
    }
}
