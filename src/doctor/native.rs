//! A record's headers as bytes: rdkafka's own accessors panic on a name that is not UTF-8, and names come from outside.

#![allow(unsafe_code)]

use std::ffi::CStr;
use std::{ptr, slice};

use rdkafka::bindings as sys;
use rdkafka::message::BorrowedMessage;

/// The value of the last header with that name; `None` where there is none or it is null.
pub(crate) fn header(message: &BorrowedMessage<'_>, wanted: &str) -> Option<Vec<u8>> {
    let mut headers = ptr::null_mut();
    // SAFETY: `message.ptr()` is the message that `message` keeps alive, and only this thread uses it. On success
    // `headers` belongs to the message and lives as long.
    let error = unsafe { sys::rd_kafka_message_headers(message.ptr(), &mut headers) };
    if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
        return None;
    }
    let mut found = None;
    for index in 0.. {
        let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
        // SAFETY: `headers` is valid (above), the out pointers are to live locals. Past the last header the call
        // answers an error and sets nothing.
        let error = unsafe { sys::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut size) };
        if error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
            break;
        }
        // SAFETY: on success `name` is a NUL-terminated text in the headers' memory.
        if unsafe { CStr::from_ptr(name) }.to_bytes() != wanted.as_bytes() {
            continue;
        }
        found = if value.is_null() {
            None
        } else {
            // SAFETY: on success `value` points to `size` bytes in the headers' memory; they are copied at once.
            Some(unsafe { slice::from_raw_parts(value.cast::<u8>(), size) }.to_vec())
        };
    }
    found
}
