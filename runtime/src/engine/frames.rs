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

    /// The same record without its payload.
    fn shadow(&self) -> Item<()> {
        let Self {
            index,
            offset,
            identity,
            time,
            read_at,
            ..
        } = *self;
        Item {
            index,
            offset,
            identity,
            time,
            read_at,
            payload: None,
        }
    }
}

/// What becomes of a record, or of frames that are given up.
#[derive(Debug)]
pub(crate) enum Step<P> {
    /// With the offsets of frames before it that have higher ones: a commit must not pass it before they are settled.
    Emitted(Item<P>, Vec<i64>),
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

/// A frame that was emitted.
#[derive(Debug)]
struct Past {
    index: i64,
    identity: u64,
    offset: i64,
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
    /// Set where all that counts as emitted was still waiting when the warm records ended: it may have been one corrupt
    /// index. The state as it would be without the restart, until something of it is emitted or it starts anew.
    doubt: Option<Box<Frames<()>>>,
    /// Ordered by index, none below `next`.
    waiting: VecDeque<Item<P>>,
    /// The last `ring` frames emitted, in order.
    recent: VecDeque<Past>,
    /// The highest offset of them.
    highest: i64,
    quarantine: Option<Box<Item<P>>>,
}

impl<P> Default for Frames<P> {
    fn default() -> Self {
        Self {
            next: None,
            hi: -1,
            emitted_any: false,
            doubt: None,
            waiting: VecDeque::new(),
            recent: VecDeque::new(),
            highest: -1,
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
        let nothing_open = self.waiting.is_empty() && self.quarantine.is_none() && self.doubt.is_none();
        if self.next == Some(frame) && nothing_open {
            self.hi = self.hi.max(frame);
            self.emit(item, rules, step);
            return Fate::Settled;
        }
        let doubted = self.follow(&item, rules);
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
        if doubted || (!self.emitted_any && !self.waiting.is_empty() && frame < self.hi - JUMP) {
            self.start_anew(step);
        }
        let first = if planted(Mistake::FirstFrameClosesDoor) {
            frame
        } else {
            frame - rules.tolerance
        };
        let next = *self.next.get_or_insert(first.max(0));
        if frame < next {
            if planted(Mistake::LateEmitted) {
                step(Step::Emitted(item, Vec::new()));
            } else {
                self.refuse(item, next, rules, step);
            }
            return Fate::Settled;
        }
        if let Some(held) = self.waiting.iter().find(|held| held.index == item.index) {
            step(repeated(held.identity == item.identity, item));
            return Fate::Settled;
        }
        if self.hi >= 0 && frame > self.hi + JUMP && !planted(Mistake::JumpTakenAtOnce) {
            self.quarantine = Some(Box::new(item));
            return Fate::Quarantined;
        }
        let offset = item.offset;
        self.accept(item, rules, step);
        if self.waiting.iter().any(|held| held.offset == offset) {
            Fate::Waiting
        } else {
            Fate::Settled
        }
    }

    /// Lets the state without the restart follow. `true`: it starts anew with this record.
    fn follow(&mut self, item: &Item<P>, rules: &Rules) -> bool {
        let Some(doubt) = &mut self.doubt else {
            return false;
        };
        let hi = doubt.hi;
        doubt.receive(item.shadow(), rules, &mut unseen);
        let anew = doubt.hi < hi;
        if anew || doubt.emitted_any {
            self.doubt = None;
        }
        anew
    }

    /// Everything so far was the corrupt one: what waits is refused, and the order begins with the next record.
    fn start_anew(&mut self, step: &mut (impl FnMut(Step<P>) + ?Sized)) {
        for item in self.waiting.drain(..) {
            step(Step::Refused(Refusal::Jump, item));
        }
        *self = Self::default();
    }

    fn refuse(
        &mut self,
        item: Item<P>,
        next: i128,
        rules: &Rules,
        step: &mut (impl FnMut(Step<P>) + ?Sized),
    ) {
        let frame = item.frame();
        let known = self.recent.iter().find(|past| past.index == item.index);
        step(match known {
            Some(past) if frame >= next - rules.ring => repeated(past.identity == item.identity, item),
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
        let mut before = Vec::new();
        if item.offset < self.highest {
            let higher = self.recent.iter().map(|past| past.offset);
            before.extend(higher.filter(|offset| *offset > item.offset));
        }
        self.remember(&item, rules);
        self.next = Some(item.frame() + 1);
        self.emitted_any = true;
        step(Step::Emitted(item, before));
    }

    fn remember(&mut self, item: &Item<P>, rules: &Rules) {
        while self
            .recent
            .front()
            .is_some_and(|past| i128::from(past.index) <= item.frame() - rules.ring)
        {
            self.recent.pop_front();
        }
        if rules.ring > 0 {
            if self.recent.capacity() == 0 {
                // All that it will ever hold, and not a power of two.
                self.recent.reserve_exact(rules.ring.min(64) as usize);
            }
            self.recent.push_back(Past {
                index: item.index,
                identity: item.identity,
                offset: item.offset,
            });
            self.highest = self.highest.max(item.offset);
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
        if let Some(doubt) = &mut self.doubt {
            doubt.expire(offset, rules, &mut unseen);
            if doubt.emitted_any {
                self.doubt = None;
            }
        }
        let mut over = self.waiting.iter().any(|held| held.offset == offset);
        while let Some(lowest) = self.waiting.front() {
            if !over && Some(lowest.frame()) != self.next {
                break;
            }
            over &= lowest.offset != offset;
            self.skip_to(lowest.frame(), step);
            self.emit_lowest(rules, step);
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
        if !self.emitted_any {
            self.doubt = Some(Box::new(Frames {
                next: self.next,
                hi: self.hi,
                waiting: self.waiting.iter().map(Item::shadow).collect(),
                quarantine: self.quarantine.as_ref().map(|held| Box::new(held.shadow())),
                ..Frames::default()
            }));
        }
        self.emitted_any = true;
        self.next = Some(self.hi + 1);
        while let Some(item) = self.waiting.pop_front() {
            self.remember(&item, rules);
        }
    }

    /// Whether the record at `offset` waits or is quarantined here, or would be without the restart.
    pub(crate) fn holds(&self, offset: i64) -> bool {
        self.waiting.iter().any(|held| held.offset == offset)
            || self.quarantine.as_ref().is_some_and(|held| held.offset == offset)
            || self.doubt.as_ref().is_some_and(|doubt| doubt.holds(offset))
    }

    /// Whether anything waits or is quarantined here.
    pub(crate) fn holds_any(&self) -> bool {
        !self.waiting.is_empty() || self.quarantine.is_some()
    }
}

/// Where the steps of a state that is only followed go.
fn unseen(_: Step<()>) {}

fn repeated<P>(same: bool, item: Item<P>) -> Step<P> {
    if same {
        Step::FrameDuplicate(item)
    } else {
        Step::Refused(Refusal::Conflict, item)
    }
}
