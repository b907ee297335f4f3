//! Where the stages put what they decide: outputs, counters, outstanding offsets.

use super::counts::EngineCounts;
use super::frames::Step;
use super::key::Keyed;
use super::mistakes::{Mistake, planted};
use super::offsets::Offsets;
use super::{Output, PoisonCause, Refusal};

/// The parts of the engine that every stage writes to.
pub(crate) struct Sink<'a, P> {
    pub(crate) keyed: &'a Keyed,
    pub(crate) offsets: &'a mut Offsets,
    pub(crate) counts: &'a mut EngineCounts,
    pub(crate) out: &'a mut Vec<Output<P>>,
    /// Warm records are being read: gaps do not count.
    pub(crate) warm: bool,
}

impl<P> Sink<'_, P> {
    /// Gives a record to the handler.
    pub(crate) fn handle(&mut self, offset: i64, payload: P) {
        self.counts.handled += 1;
        self.out.push(Output::Handle { offset, payload });
    }

    /// Reports a record that cannot be read or trusted.
    pub(crate) fn poison(&mut self, offset: i64, cause: PoisonCause, payload: P) {
        self.counts.poison += 1;
        self.out.push(Output::Poison {
            offset,
            cause,
            payload,
        });
    }

    /// Writes down a step of the reorder stage. Steps of warm records leave no trace.
    pub(crate) fn step(&mut self, step: Step<P>, reordered: bool) {
        match step {
            Step::Emitted(item, before) => {
                if let Some(payload) = item.payload {
                    if !before.is_empty() && !planted(Mistake::SettledOutOfTurn) {
                        self.offsets.settle_after(item.offset, before);
                    }
                    self.counts.reordered += u64::from(reordered);
                    self.handle(item.offset, payload);
                }
            }
            Step::FrameDuplicate(item) => {
                if item.payload.is_some() {
                    self.counts.frame_duplicates += 1;
                    self.offsets.settle(item.offset);
                }
            }
            Step::Refused(outcome, item) => {
                if let Some(payload) = item.payload {
                    *match outcome {
                        Refusal::Late => &mut self.counts.late,
                        Refusal::TooOld => &mut self.counts.too_old,
                        Refusal::Conflict => &mut self.counts.conflicts,
                        Refusal::Jump => &mut self.counts.jumps,
                    } += 1;
                    if planted(Mistake::RefusedDropped) {
                        self.offsets.settle(item.offset);
                        return;
                    }
                    self.out.push(Output::Refused {
                        offset: item.offset,
                        outcome,
                        payload,
                    });
                }
            }
            Step::Gaps(missing) if !self.warm => {
                self.counts.gaps = self.counts.gaps.saturating_add(missing);
            }
            Step::Gaps(_) => {}
        }
    }
}
