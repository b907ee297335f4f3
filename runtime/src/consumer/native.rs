//! The few things that rdkafka's safe interface lacks, straight from librdkafka.
//!
//! - Commit metadata as bytes: rdkafka's accessor panics on what is not UTF-8, and it comes from outside.
//! - The high watermark of the last fetch answer, without asking a broker.
//! - Commits whose answer comes back: rdkafka's asynchronous commit names no queue for the answer, and librdkafka then makes no
//!   event of it, so `commit_callback` is never called for it.
//!
//! Nothing else of the consumer is `unsafe`, but for its queues (`queue.rs`, `fetched.rs`). Every pointer that is read belongs to a value that the caller has
//! borrowed for the length of the call, and nothing that points into librdkafka's memory leaves a function: bytes are
//! copied or lent to a closure.

#![allow(unsafe_code)]

use std::ffi::CString;
use std::ptr;
use std::slice;

use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;

use crate::queue::Queue;

/// The metadata of each element of the list, in the order of [`TopicPartitionList::elements`]; empty where there is none.
pub(crate) fn metadata(list: &TopicPartitionList) -> Vec<Vec<u8>> {
    let raw = list.ptr();
    if raw.is_null() {
        return Vec::new();
    }
    // SAFETY: `raw` is the list that `list` owns, so it is valid for reads while `list` is borrowed. Nobody changes it
    // meanwhile: librdkafka fills such a list only inside calls that are given it, and this is the thread that makes them.
    let (elements, count) = unsafe { ((*raw).elems, (*raw).cnt) };
    let count = usize::try_from(count).unwrap_or(0);
    if elements.is_null() || count == 0 {
        return Vec::new();
    }
    // SAFETY: librdkafka keeps `cnt` initialised elements at `elems` (rd_kafka_topic_partition_list_t, rdkafka.h).
    let elements = unsafe { slice::from_raw_parts(elements, count) };
    elements
        .iter()
        .map(|element| {
            if element.metadata.is_null() || element.metadata_size == 0 {
                return Vec::new();
            }
            // SAFETY: `metadata` points to `metadata_size` bytes that the element owns. They are copied at once.
            unsafe { slice::from_raw_parts(element.metadata.cast::<u8>(), element.metadata_size) }.to_vec()
        })
        .collect()
}

/// The partition's high watermark as of the last fetch answer. `None`: there was none yet. Asks no broker.
pub(crate) fn cached_high_watermark<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    partition: i32,
) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: `native_ptr` is the handle that `consumer` owns and that its borrow keeps alive, `topic` is NUL-terminated and outlives the call, which copies the name, and
    // the two out pointers are to live locals. The call takes librdkafka's own locks.
    let error = unsafe {
        sys::rd_kafka_get_watermark_offsets(
            consumer.client().native_ptr(),
            topic.as_ptr(),
            partition,
            &mut low,
            &mut high,
        )
    };
    (error == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}

/// Sends a commit and does not wait; the answer comes as a call of the context's `commit_callback` from a later `poll`.
pub(crate) fn commit_async<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    offsets: &TopicPartitionList,
) -> KafkaResult<()> {
    let Some(queue) = Queue::of_consumer(consumer) else {
        return Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::UnknownGroup));
    };
    let client = consumer.client().native_ptr();
    // SAFETY: handle, list and queue are valid; librdkafka copies the list and takes a reference of its own to the queue.
    // Without a callback the opaque pointer is not used. rdkafka reads the answer from that queue as the event that it is.
    let error =
        unsafe { sys::rd_kafka_commit_queue(client, offsets.ptr(), queue.as_ptr(), None, ptr::null_mut()) };
    if error == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        Ok(())
    } else {
        Err(KafkaError::ConsumerCommit(error.into()))
    }
}
