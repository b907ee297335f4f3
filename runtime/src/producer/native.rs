//! What rdkafka's producer lacks, straight from librdkafka: to be told when something comes into its empty queue.
//!
//! With it whoever polls takes one event after another without waiting in `poll`, and so knows where an event ends: all
//! delivery reports of one answer of a broker come as one event.
//!
//! Nothing else of the producer is `unsafe`.

#![allow(unsafe_code)]

use std::ffi::c_void;

use rdkafka::bindings as sys;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};

use super::turns::Turns;
use crate::queue::Queue;

/// A context that knows who polls its client.
pub(super) trait Polled: ProducerContext {
    fn turns(&self) -> &Turns;
}

/// Has it told whenever something comes into the client's empty queue.
pub(super) fn wake_when_filled<C: Polled + 'static>(client: &BaseProducer<C>) {
    unsafe extern "C" fn filled(_: *mut sys::rd_kafka_t, turns: *mut c_void) {
        // SAFETY: it is the pointer given below, to what lives longer than the client that calls this.
        unsafe { &*turns.cast_const().cast::<Turns>() }.filled();
    }
    let turns: *const Turns = client.context().turns();
    if let Some(queue) = Queue::of_producer(client) {
        // SAFETY: the queue is valid for the call. `turns` lies within the client's context, which is behind an `Arc`, so it
        // stays where it is, and which is dropped after the handle; destroying the handle ends all threads that call `filled`.
        unsafe { sys::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(filled), turns.cast_mut().cast()) };
    }
}
