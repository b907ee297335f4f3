//! A record's headers as bytes: rdkafka's own accessors panic on a name that is not UTF-8, and names come from outside.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::{ptr, slice};

use rdkafka::bindings as sys;
use rdkafka::message::BorrowedMessage;

use super::letter::Headers;

/// The headers in their order. A name that is not UTF-8 is kept as far as it is.
pub(super) fn headers(message: &BorrowedMessage<'_>) -> Headers {
    let mut found = Headers::new();
    let mut headers = ptr::null_mut();
    // SAFETY: `message.ptr()` is the message that `message` keeps alive, and only this thread uses it. On success
    // `headers` belongs to the message and lives as long.
    let error = unsafe { sys::rd_kafka_message_headers(message.ptr(), &mut headers) };
    if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
        return found; // it has none
    }
    for index in 0.. {
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: `headers` is valid (above), the out pointers are to live locals. Past the last header the call
        // answers an error and sets nothing.
        let error = unsafe { sys::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut size) };
        if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
            break;
        }
        // SAFETY: on success `name` is a NUL-terminated text in the headers' memory; it is copied at once.
        let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
        let value = if value.is_null() {
            None
        } else {
            // SAFETY: on success `value` points to `size` bytes in the headers' memory; they are copied at once.
            Some(unsafe { slice::from_raw_parts(value.cast::<u8>(), size) }.to_vec())
        };
        found.push((name, value));
    }
    found
}
