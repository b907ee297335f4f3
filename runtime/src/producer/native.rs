//! What rdkafka's producer lacks, straight from librdkafka: to be told when something comes into its empty queue.
//!
//! With it the polling thread takes one event after another without waiting in `poll`, and so knows where an event ends: all
//! delivery reports of one answer of a broker come as one event.
//!
//! As in the consumer's module of this name, nothing else of the producer is `unsafe`.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::sync::OnceLock;
use std::thread::Thread;

use rdkafka::bindings as sys;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};

/// Wakes the polling thread. A wake-up that comes before the thread waits ends its next wait at once.
#[derive(Debug, Default)]
pub(super) struct Waker(OnceLock<Thread>);

impl Waker {
    /// The calling thread is the one to be woken.
    pub(super) fn register(&self) {
        self.0.get_or_init(std::thread::current);
    }

    fn wake(&self) {
        if let Some(thread) = self.0.get() {
            thread.unpark();
        }
    }
}

/// A context that has the waker of the thread that polls its client.
pub(super) trait Polled: ProducerContext {
    fn waker(&self) -> &Waker;
}

/// Has the waker called whenever something comes into the client's empty queue.
pub(super) fn wake_when_filled<C: Polled + 'static>(client: &BaseProducer<C>) {
    unsafe extern "C" fn filled(_: *mut sys::rd_kafka_t, waker: *mut c_void) {
        // SAFETY: it is the pointer given below, to a waker that lives longer than the client that calls this.
        unsafe { &*waker.cast_const().cast::<Waker>() }.wake();
    }
    let waker: *const Waker = client.context().waker();
    // SAFETY: `native_ptr` is the handle that `client` owns and that its borrow keeps alive; the call returns a new reference
    // to its queue, which is given back here, once. `waker` lies within the client's context, which is behind an `Arc`, so it
    // stays where it is, and which is dropped after the handle; destroying the handle ends all threads that call `filled`.
    unsafe {
        let queue = sys::rd_kafka_queue_get_main(client.client().native_ptr());
        if !queue.is_null() {
            sys::rd_kafka_queue_cb_event_enable(queue, Some(filled), waker.cast_mut().cast());
            sys::rd_kafka_queue_destroy(queue);
        }
    }
}

/// Whether nothing waits in the client's queue.
pub(super) fn queue_is_empty<C: ProducerContext>(client: &BaseProducer<C>) -> bool {
    // SAFETY: as above; the queue is used once and given back once.
    unsafe {
        let queue = sys::rd_kafka_queue_get_main(client.client().native_ptr());
        if queue.is_null() {
            return true;
        }
        let length = sys::rd_kafka_queue_length(queue);
        sys::rd_kafka_queue_destroy(queue);
        length == 0
    }
}
