//! What librdkafka has fetched: a queue of its own, from which records are taken many at a time.
//!
//! A client's own queue mixes records with events, so it is polled one by one, and each poll reads the clock twice, takes
//! two locks and makes an event of the record: for small records that is a tenth of all that a consumer does. So what is fetched from the
//! partitions is redirected here ([`Fetched::gather`]), and librdkafka hands over what there is in one call. The client's
//! queue keeps the events (rebalances, answers to commits, errors of the whole client), which `poll` serves.
//!
//! A partition is redirected after it was assigned, so its first records may come by the client's queue, which goes on to be polled and
//! must be empty before this one is read: what is in it is older. Where an assignment ends librdkafka takes the redirection back.
//! What it fetched for an assignment that is over, or before a pause, it throws away itself when it hands over.
//!
//! librdkafka (2.12) remembers what it has handed over, and goes on from there after a pause, its own pause during a rebalance included. The call that hands over
//! many takes an error for a record: after one that says "at offset 7" it goes on with 8, and record 7 is lost. So after each error
//! the partition is told where to go on ([`Fetched::back_to`]), and the ends of logs, which come as errors too, are asked for only where
//! the stream ends at them.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::bindings::rd_kafka_resp_err_t as Code;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::Offset;

use crate::waker::Waker;

/// How long librdkafka's own thread may take to note a position.
const SEEK: Duration = Duration::from_secs(5);

/// The queue of what was fetched; it goes before its client does.
pub(super) struct Fetched<'c, C: ConsumerContext> {
    client: &'c BaseConsumer<C>,
    queue: NonNull<sys::rd_kafka_queue_t>,
    /// For what a call brings. None of it gets out of here for longer than this is borrowed.
    room: Box<[Option<Message<'static>>]>,
    /// Whom the queue wakes: librdkafka has its address.
    _waker: Arc<Waker>,
}

impl<'c, C: ConsumerContext> Fetched<'c, C> {
    /// An empty queue, of which up to `most` records are taken at a time. `waker` is told when something comes into it while it is empty.
    ///
    /// # Errors
    /// librdkafka gives no queue.
    pub(super) fn new(client: &'c BaseConsumer<C>, most: usize, waker: Arc<Waker>) -> KafkaResult<Self> {
        // SAFETY: `native_ptr` is the handle that `client` owns and that its borrow keeps alive. The call returns a new queue,
        // or null.
        let queue = unsafe { sys::rd_kafka_queue_new(client.client().native_ptr()) };
        let queue = NonNull::new(queue).ok_or_else(|| {
            KafkaError::ClientCreation("librdkafka gives no queue for what it fetches".to_owned())
        })?;
        // SAFETY: the queue is valid until it is dropped, where the callback is taken back first; until then `waker` is kept.
        unsafe {
            let address = Arc::as_ptr(&waker).cast_mut().cast::<c_void>();
            sys::rd_kafka_queue_cb_event_enable(queue.as_ptr(), Some(wake), address);
        }
        let room = std::iter::repeat_with(|| None).take(most).collect();
        Ok(Self {
            client,
            queue,
            room,
            _waker: waker,
        })
    }

    /// Redirects what is fetched from a partition to here, for as long as it is assigned. What was fetched and did not go to the client's
    /// queue yet comes with it.
    pub(super) fn gather(&self, topic: &str, partition: i32) {
        let Ok(topic) = CString::new(topic) else {
            return; // no topic has such a name
        };
        let client = self.client.client().native_ptr();
        // SAFETY: handle and name are valid for the call, which copies the name and returns a new reference to the partition's queue,
        // or null. That is given back at once: librdkafka redirects the queue itself, and keeps the target for as long.
        unsafe {
            let of_partition = sys::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition);
            if !of_partition.is_null() {
                sys::rd_kafka_queue_forward(of_partition, self.queue.as_ptr());
                sys::rd_kafka_queue_destroy(of_partition);
            }
        }
    }

    /// Takes what there is, without waiting, up to the most that was asked for. Fewer: nothing is left.
    ///
    /// An error among them that carries an offset must be followed by [`Self::back_to`] that offset.
    pub(super) fn take(&mut self) -> impl ExactSizeIterator<Item = Message<'_>> {
        // What nobody looked at the last time.
        self.room.fill_with(|| None);
        // SAFETY: the queue is valid, and `room` has place for that many pointers: `Message` is one that is not null, and `None` is null.
        // librdkafka writes at least as many valid ones as it returns, and these are ours from then on.
        let count = unsafe {
            let room = self.room.as_mut_ptr().cast::<*mut sys::rd_kafka_message_t>();
            sys::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, room, self.room.len())
        };
        // Negative: an error, which this call does not make.
        let count = usize::try_from(count).unwrap_or(0).min(self.room.len());
        for other in &mut self.room[count..] {
            // It may have written more and destroyed them, because their assignment ended in between.
            std::mem::forget(other.take());
        }
        Taken(self.room[..count].iter_mut())
    }

    /// Has a partition fetched from this offset on, with all that librdkafka takes for handed over already.
    ///
    /// # Errors
    /// librdkafka's; the position is not to be trusted then.
    pub(super) fn back_to(
        client: &BaseConsumer<C>,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> KafkaResult<()> {
        client.seek(topic, partition, Offset::Offset(offset), SEEK)
    }
}

impl<C: ConsumerContext> Drop for Fetched<'_, C> {
    fn drop(&mut self) {
        // SAFETY: the queue is ours and given back here alone, once. Its lock is held while the callback runs and while it is
        // taken back, so `waker` is not used afterwards. Records in it go with it.
        unsafe {
            sys::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            sys::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

/// Something came into the empty queue.
unsafe extern "C" fn wake(_: *mut sys::rd_kafka_t, waker: *mut c_void) {
    // SAFETY: `Fetched` gives the address of a `Waker` that it keeps until it has taken the callback back.
    if let Some(waker) = unsafe { waker.cast::<Waker>().as_ref() } {
        waker.wake();
    }
}

struct Taken<'a>(slice::IterMut<'a, Option<Message<'static>>>);

impl<'a> Iterator for Taken<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        self.0.next()?.take()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Taken<'_> {}

/// A record, or an error in its place.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Message<'a>(NonNull<sys::rd_kafka_message_t>, PhantomData<&'a ()>);

const _: () = assert!(size_of::<Option<Message<'_>>>() == size_of::<*mut sys::rd_kafka_message_t>());

impl Message<'_> {
    /// A look at it.
    pub(super) fn view(&self) -> View<'_> {
        View(self.0, PhantomData)
    }
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        // SAFETY: the message is ours, and given back here alone, once; its client lives, because `Fetched` borrows it, and a
        // message lives in `Fetched` or borrows that.
        unsafe { sys::rd_kafka_message_destroy(self.0.as_ptr()) };
    }
}

/// A look at a message of librdkafka's, however it was got.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a>(NonNull<sys::rd_kafka_message_t>, PhantomData<&'a ()>);

impl<'a> View<'a> {
    /// A look at one that `poll` has given.
    pub(super) fn of(message: &'a BorrowedMessage<'_>) -> Option<Self> {
        Some(Self(NonNull::new(message.ptr())?, PhantomData))
    }

    fn fields(&self) -> &'a sys::rd_kafka_message_t {
        // SAFETY: the message that this looks at is borrowed for `'a`, and its fields do not change.
        unsafe { self.0.as_ref() }
    }

    /// The error that stands in a record's place.
    pub(super) fn error(&self) -> Option<KafkaError> {
        match self.fields().err {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => None,
            Code::RD_KAFKA_RESP_ERR__PARTITION_EOF => Some(KafkaError::PartitionEOF(self.partition())),
            code => Some(KafkaError::MessageConsumption(RDKafkaErrorCode::from(code))),
        }
    }

    pub(super) fn partition(&self) -> i32 {
        self.fields().partition
    }

    pub(super) fn offset(&self) -> i64 {
        self.fields().offset
    }

    /// The record's timestamp in milliseconds, where it has one.
    pub(super) fn timestamp_ms(&self) -> Option<i64> {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid (as in `fields`), and the out pointer is to a live local.
        let timestamp = unsafe { sys::rd_kafka_message_timestamp(self.0.as_ptr(), &mut kind) };
        let known = kind != sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // -1: the broker has none.
        (known && timestamp != -1).then_some(timestamp)
    }

    /// The record key; `None`: null.
    pub(super) fn key(&self) -> Option<&'a [u8]> {
        let fields = self.fields();
        // SAFETY: librdkafka's `key` points to `key_len` bytes that live as long as the message.
        unsafe { bytes(fields.key, fields.key_len) }
    }

    /// The record value; `None`: null.
    pub(super) fn value(&self) -> Option<&'a [u8]> {
        let fields = self.fields();
        // SAFETY: librdkafka's `payload` points to `len` bytes that live as long as the message.
        unsafe { bytes(fields.payload, fields.len) }
    }

    /// Calls `each` with the name and the value (`None`: null) of each header, in order. Names are bytes: they come from outside,
    /// and need not be UTF-8.
    pub(super) fn headers(&self, mut each: impl FnMut(&[u8], Option<&[u8]>)) {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is valid (as in `fields`). The call parses its headers on first use, which changes what is behind
        // its fields; it is used by one thread alone. On success `headers` belongs to the message and lives as long.
        let error = unsafe { sys::rd_kafka_message_headers(self.0.as_ptr(), &mut headers) };
        if error != Code::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
            return; // RD_KAFKA_RESP_ERR__NOENT: it has none
        }
        for index in 0.. {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: `headers` is valid (above); the three out pointers are to live locals. Past the last header the call
            // answers RD_KAFKA_RESP_ERR__NOENT and sets nothing.
            let error =
                unsafe { sys::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut size) };
            if error != Code::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
                return;
            }
            // SAFETY: on success `name` is a NUL-terminated text in the headers' memory; it is lent for this round only.
            let name = unsafe { CStr::from_ptr(name) }.to_bytes();
            // SAFETY: on success `value` is null, or points to `size` bytes in the headers' memory; lent for this round only.
            each(name, unsafe { bytes(value, size) });
        }
    }
}

/// # Safety
/// `start` is null, or points to so many bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: as the caller says.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast::<u8>(), length) })
}
