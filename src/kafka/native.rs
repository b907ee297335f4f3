//! Requests of librdkafka's admin interface that the safe crate lacks: options, the queue that the answer comes to, and
//! the answer.
//!
//! Here is what all such requests have in common; [`super::incremental`] and [`super::groups`] make and read one kind each.
//! The calls block, and leave threads to their caller.
//!
//! # Safety
//! Every pointer made here is owned by one guard that frees it once, and nothing borrowed from librdkafka outlives the
//! guard of what it is borrowed from: texts are copied out before an event is destroyed. The client outlives the call
//! because it is borrowed for all of it.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString};
use std::os::raw::{c_char, c_int};
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaErrorCode;

/// Why a request could not be made at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// A name or value that C strings cannot carry.
    #[error("{what} contains a NUL byte")]
    Nul {
        /// Which text.
        what: String,
    },
    /// librdkafka refused the request itself.
    #[error("librdkafka refused {what}: {reason}")]
    Request {
        /// The request.
        what: String,
        /// Why.
        reason: String,
    },
    /// The cluster refused or did not answer.
    #[error("the cluster did not take the request: {reason} ({code:?})")]
    Cluster {
        /// Kafka's error code.
        code: RDKafkaErrorCode,
        /// librdkafka's words.
        reason: String,
    },
    /// No answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

impl RequestError {
    /// librdkafka gave no object where it had to.
    pub(super) fn no_object(what: &str) -> Self {
        Self::Request {
            what: what.to_owned(),
            reason: "it returned no object".to_owned(),
        }
    }
}

/// A text for C; `what` names it where it has a NUL byte.
pub(super) fn c_string(text: &str, what: impl FnOnce() -> String) -> Result<CString, RequestError> {
    CString::new(text).map_err(|_| RequestError::Nul { what: what() })
}

/// Copies a C text; null is empty.
///
/// # Safety
/// `text` is null or a NUL-terminated text that lives for the call.
pub(super) unsafe fn copied(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// An error object's code and words; `None`: it is null, or says that there is no error.
///
/// # Safety
/// `error` is null or an error object that lives for the call.
pub(super) unsafe fn error_of(error: *const c::rd_kafka_error_t) -> Option<(RDKafkaErrorCode, String)> {
    if error.is_null() {
        return None;
    }
    // SAFETY: the caller's promise; the text is the error's and copied at once.
    let (code, reason) = unsafe {
        (
            c::rd_kafka_error_code(error),
            copied(c::rd_kafka_error_string(error)),
        )
    };
    (code != c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| (code.into(), reason))
}

/// Owns a `rd_kafka_AdminOptions_t`.
pub(super) struct Options(NonNull<c::rd_kafka_AdminOptions_t>);

impl Options {
    /// Options of that kind of request, with the time that the brokers have.
    pub(super) fn new<C: ClientContext>(
        client: &Client<C>,
        of: c::rd_kafka_admin_op_t,
        timeout: Duration,
    ) -> Result<Self, RequestError> {
        // SAFETY: the client is live for the borrow.
        let raw = unsafe { c::rd_kafka_AdminOptions_new(client.native_ptr(), of) };
        let options = Self(NonNull::new(raw).ok_or_else(|| RequestError::no_object("the options"))?);
        let millis = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        options.set(|o, text, size| {
            // SAFETY: the options and the buffer are live and of the size said.
            unsafe { c::rd_kafka_AdminOptions_set_request_timeout(o, millis, text, size) }
        })?;
        Ok(options)
    }

    /// Whether the brokers only say what they would do.
    pub(super) fn validate_only(self, validate_only: bool) -> Result<Self, RequestError> {
        self.set(|o, text, size| {
            // SAFETY: the options and the buffer are live and of the size said.
            unsafe { c::rd_kafka_AdminOptions_set_validate_only(o, c_int::from(validate_only), text, size) }
        })?;
        Ok(self)
    }

    /// For the call.
    pub(super) fn as_ptr(&self) -> *mut c::rd_kafka_AdminOptions_t {
        self.0.as_ptr()
    }

    fn set(
        &self,
        with: impl FnOnce(*mut c::rd_kafka_AdminOptions_t, *mut c_char, usize) -> c::rd_kafka_resp_err_t,
    ) -> Result<(), RequestError> {
        let mut text: [c_char; 256] = [0; 256];
        let code = with(self.0.as_ptr(), text.as_mut_ptr(), text.len());
        if code == c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Ok(());
        }
        // SAFETY: librdkafka terminates what it writes, and the buffer was all NUL before.
        let reason = unsafe { copied(text.as_ptr()) };
        Err(RequestError::Cluster {
            code: code.into(),
            reason,
        })
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once.
        unsafe { c::rd_kafka_AdminOptions_destroy(self.0.as_ptr()) }
    }
}

/// Owns a `rd_kafka_queue_t`, on which the answer arrives.
pub(super) struct Queue(NonNull<c::rd_kafka_queue_t>);

impl Queue {
    pub(super) fn new<C: ClientContext>(client: &Client<C>) -> Result<Self, RequestError> {
        // SAFETY: the client is live for the borrow.
        let raw = unsafe { c::rd_kafka_queue_new(client.native_ptr()) };
        Ok(Self(
            NonNull::new(raw).ok_or_else(|| RequestError::no_object("a queue"))?,
        ))
    }

    /// For the call.
    pub(super) fn as_ptr(&self) -> *mut c::rd_kafka_queue_t {
        self.0.as_ptr()
    }

    /// The answer, which is an event of type `wanted`, to a request that was given `timeout`.
    ///
    /// # Errors
    /// The whole request failed, or nothing came.
    pub(super) fn answer(&self, wanted: i32, timeout: Duration) -> Result<Event, RequestError> {
        // librdkafka answers on its own time-out; a little longer, so that its reason is the one that is told.
        let deadline = Instant::now() + timeout + Duration::from_secs(2);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(RequestError::TimedOut(timeout));
            }
            let millis = c_int::try_from(left.as_millis()).unwrap_or(c_int::MAX).max(1);
            // SAFETY: the queue is live; the event is ours to destroy.
            let Some(event) = NonNull::new(unsafe { c::rd_kafka_queue_poll(self.0.as_ptr(), millis) }) else {
                continue;
            };
            let event = Event(event);
            // SAFETY: the event is live.
            if unsafe { c::rd_kafka_event_type(event.as_ptr()) } == wanted {
                event.check()?;
                return Ok(event);
            }
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once; an answer that comes later is dropped by librdkafka with the queue.
        unsafe { c::rd_kafka_queue_destroy(self.0.as_ptr()) }
    }
}

/// Owns a `rd_kafka_event_t`.
pub(super) struct Event(NonNull<c::rd_kafka_event_t>);

impl Event {
    /// For reading; what it points to lives as long as the event.
    pub(super) fn as_ptr(&self) -> *mut c::rd_kafka_event_t {
        self.0.as_ptr()
    }

    fn check(&self) -> Result<(), RequestError> {
        // SAFETY: the event is live, and its text is copied at once.
        let (code, reason) = unsafe {
            (
                RDKafkaErrorCode::from(c::rd_kafka_event_error(self.0.as_ptr())),
                copied(c::rd_kafka_event_error_string(self.0.as_ptr())),
            )
        };
        match code {
            RDKafkaErrorCode::NoError => Ok(()),
            code => Err(RequestError::Cluster { code, reason }),
        }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once.
        unsafe { c::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}
