//! The queue of a client of librdkafka's, in which records, answers and other events wait for whoever polls.
//!
//! rdkafka does not say whether something is in it: `poll` with no time to wait answers the same for "nothing there" and for
//! "served an event that is no record".

#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::ptr::NonNull;

use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};

/// A reference to a queue; it does not outlive the borrow of its client.
pub(crate) struct Queue<'a>(NonNull<sys::rd_kafka_queue_t>, PhantomData<&'a ()>);

impl<'a> Queue<'a> {
    /// The queue of a consumer. `None`: it has no group.
    pub(crate) fn of_consumer<C: ConsumerContext>(consumer: &'a BaseConsumer<C>) -> Option<Self> {
        // SAFETY: `native_ptr` is the handle that `consumer` owns and that its borrow keeps alive. The call returns a new
        // reference to the queue, or null.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr()) };
        Some(Self(NonNull::new(queue)?, PhantomData))
    }

    /// The queue of a producer.
    pub(crate) fn of_producer<C: ProducerContext>(producer: &'a BaseProducer<C>) -> Option<Self> {
        // SAFETY: as above.
        let queue = unsafe { sys::rd_kafka_queue_get_main(producer.client().native_ptr()) };
        Some(Self(NonNull::new(queue)?, PhantomData))
    }

    /// Whether nothing waits in it, neither a record nor an event.
    pub(crate) fn is_empty(&self) -> bool {
        // SAFETY: this is a reference to the queue until it is dropped.
        unsafe { sys::rd_kafka_queue_length(self.as_ptr()) == 0 }
    }

    /// For calls that take a queue; they take a reference of their own where they keep it.
    pub(crate) fn as_ptr(&self) -> *mut sys::rd_kafka_queue_t {
        self.0.as_ptr()
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        // SAFETY: the reference was got by `of_consumer` or `of_producer`, and is given back here alone, once.
        unsafe { sys::rd_kafka_queue_destroy(self.as_ptr()) };
    }
}
