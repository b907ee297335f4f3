//! Without the feature: the same calls, and nothing happens.

use std::time::Duration;

use crate::consumer::ConsumerCounts;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch;

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self
    }
}

#[derive(Clone, Debug)]
pub(crate) struct HandlingMeter;

impl HandlingMeter {
    pub(crate) fn new(_: &str, _: &str) -> Self {
        Self
    }

    pub(crate) fn handled(&self, _: Stopwatch) {}

    pub(crate) fn failed(&self, _: Stopwatch) {}
}

#[derive(Debug)]
pub(crate) struct ConsumerMeter;

impl ConsumerMeter {
    pub(crate) fn new(_: &str, _: &str) -> Self {
        Self
    }

    pub(crate) fn publish(&mut self, _: &ConsumerCounts) {}

    pub(crate) fn committed(&self, _: Duration) {}
}

#[derive(Debug)]
pub(crate) struct ProducerMeter;

impl ProducerMeter {
    pub(crate) fn new(_: &str) -> Self {
        Self
    }

    pub(crate) fn handed_over(&self) {}

    pub(crate) fn duplicates(&self, _: u64) {}

    pub(crate) fn acknowledged(&self, _: Duration) {}

    pub(crate) fn failed(&self, _: Duration) {}

    pub(crate) fn refused(&self, _: u64) {}
}
