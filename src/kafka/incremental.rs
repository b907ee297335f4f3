//! IncrementalAlterConfigs (KIP-339), which librdkafka has and the safe crate lacks.
//!
//! The only call of the safe admin client, AlterConfigs, resets every setting of a topic that the request does not
//! name: unusable for a tool that manages some settings of a topic beside other people's. This module is the small
//! bridge to the C call. It knows topics only, blocks, and leaves threads to its caller.
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

/// One change to one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The setting gets this value.
    Set {
        /// Name, such as `retention.ms`.
        name: String,
        /// Value, as the broker reads it.
        value: String,
    },
    /// The topic's own value goes; the cluster's default holds again.
    Unset {
        /// Name, such as `retention.ms`.
        name: String,
    },
}

/// All changes to one topic; the broker takes them together or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicChanges {
    /// The topic.
    pub topic: String,
    /// What to change; other settings stay as they are.
    pub changes: Vec<Change>,
}

/// The broker's answer for one topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The topic.
    pub topic: String,
    /// Kafka's error code.
    pub code: RDKafkaErrorCode,
    /// The broker's words; may be empty.
    pub message: String,
}

/// Why a request could not be made at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum AlterError {
    /// A name or value that C strings cannot carry.
    #[error("{what} of topic {topic} contains a NUL byte")]
    Nul {
        /// The topic.
        topic: String,
        /// Which text.
        what: String,
    },
    /// librdkafka refused the request itself.
    #[error("librdkafka refused the change to topic {topic}: {reason}")]
    Request {
        /// The topic.
        topic: String,
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

/// Asks the cluster to change settings of topics, or with `validate_only` whether it would. Blocks up to `timeout`.
///
/// Returns the topics that were refused; the others were changed. Settings that are not named stay as they are.
///
/// # Errors
/// [`AlterError`]: nothing is known to have been changed.
pub(super) fn alter_topic_configs<C: ClientContext>(
    client: &Client<C>,
    topics: &[TopicChanges],
    validate_only: bool,
    timeout: Duration,
) -> Result<Vec<Refusal>, AlterError> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let options = Options::new(client, validate_only, timeout)?;
    let queue = Queue::new(client)?;
    let resources = topics.iter().map(Resource::new).collect::<Result<Vec<_>, _>>()?;
    let mut raw: Vec<*mut c::rd_kafka_ConfigResource_t> = resources.iter().map(|r| r.0.as_ptr()).collect();
    // SAFETY: all pointers are live; librdkafka copies the resources and options before it returns.
    unsafe {
        c::rd_kafka_IncrementalAlterConfigs(
            client.native_ptr(),
            raw.as_mut_ptr(),
            raw.len(),
            options.0.as_ptr(),
            queue.0.as_ptr(),
        );
    }
    // librdkafka answers on its own time-out; a little longer, so that its reason is the one that is told.
    queue.wait(timeout + Duration::from_secs(2), timeout)?.refusals()
}

fn c_string(topic: &str, what: &str, text: &str) -> Result<CString, AlterError> {
    CString::new(text).map_err(|_| AlterError::Nul {
        topic: topic.to_owned(),
        what: what.to_owned(),
    })
}

/// Copies a C text; null is empty.
///
/// # Safety
/// `text` is null or a NUL-terminated text that lives for the call.
unsafe fn copied(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

fn out_of_memory(topic: &str) -> AlterError {
    AlterError::Request {
        topic: topic.to_owned(),
        reason: "librdkafka returned no object".to_owned(),
    }
}

/// Owns a `rd_kafka_ConfigResource_t`.
struct Resource(NonNull<c::rd_kafka_ConfigResource_t>);

impl Resource {
    fn new(of: &TopicChanges) -> Result<Self, AlterError> {
        let name = c_string(&of.topic, "the name", &of.topic)?;
        // SAFETY: the name lives for the call; librdkafka copies it.
        let raw = unsafe {
            c::rd_kafka_ConfigResource_new(c::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC, name.as_ptr())
        };
        let resource = Self(NonNull::new(raw).ok_or_else(|| out_of_memory(&of.topic))?);
        for change in &of.changes {
            resource.add(&of.topic, change)?;
        }
        Ok(resource)
    }

    fn add(&self, topic: &str, change: &Change) -> Result<(), AlterError> {
        use c::rd_kafka_AlterConfigOpType_t::{
            RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE as DELETE, RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET as SET,
        };
        let (name, op, value) = match change {
            Change::Set { name, value } => (name, SET, Some(c_string(topic, name, value)?)),
            Change::Unset { name } => (name, DELETE, None),
        };
        let name = c_string(topic, "the name of a setting", name)?;
        // SAFETY: the resource is live, the texts live for the call and are copied; a null value goes with DELETE.
        let error = unsafe {
            c::rd_kafka_ConfigResource_add_incremental_config(
                self.0.as_ptr(),
                name.as_ptr(),
                op,
                value.as_ref().map_or(std::ptr::null(), |v| v.as_ptr()),
            )
        };
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: the error is live until it is destroyed, once, here.
        let reason = unsafe {
            let reason = copied(c::rd_kafka_error_string(error));
            c::rd_kafka_error_destroy(error);
            reason
        };
        Err(AlterError::Request {
            topic: topic.to_owned(),
            reason,
        })
    }
}

impl Drop for Resource {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once.
        unsafe { c::rd_kafka_ConfigResource_destroy(self.0.as_ptr()) }
    }
}

/// Owns a `rd_kafka_AdminOptions_t`.
struct Options(NonNull<c::rd_kafka_AdminOptions_t>);

impl Options {
    fn new<C: ClientContext>(
        client: &Client<C>,
        validate_only: bool,
        timeout: Duration,
    ) -> Result<Self, AlterError> {
        // SAFETY: the client is live for the borrow.
        let raw = unsafe {
            c::rd_kafka_AdminOptions_new(
                client.native_ptr(),
                c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS,
            )
        };
        let options = Self(NonNull::new(raw).ok_or_else(|| out_of_memory("-"))?);
        let millis = c_int::try_from(timeout.as_millis()).unwrap_or(c_int::MAX);
        options.set(|o, text, size| {
            // SAFETY: the options and the buffer are live and of the size said.
            unsafe { c::rd_kafka_AdminOptions_set_request_timeout(o, millis, text, size) }
        })?;
        options.set(|o, text, size| {
            // SAFETY: as above.
            unsafe { c::rd_kafka_AdminOptions_set_validate_only(o, c_int::from(validate_only), text, size) }
        })?;
        Ok(options)
    }

    fn set(
        &self,
        with: impl FnOnce(*mut c::rd_kafka_AdminOptions_t, *mut c_char, usize) -> c::rd_kafka_resp_err_t,
    ) -> Result<(), AlterError> {
        let mut text: [c_char; 256] = [0; 256];
        let code = with(self.0.as_ptr(), text.as_mut_ptr(), text.len());
        if code == c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Ok(());
        }
        // SAFETY: librdkafka terminates what it writes, and the buffer was all NUL before.
        let reason = unsafe { copied(text.as_ptr()) };
        Err(AlterError::Cluster {
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
struct Queue(NonNull<c::rd_kafka_queue_t>);

impl Queue {
    fn new<C: ClientContext>(client: &Client<C>) -> Result<Self, AlterError> {
        // SAFETY: the client is live for the borrow.
        let raw = unsafe { c::rd_kafka_queue_new(client.native_ptr()) };
        Ok(Self(NonNull::new(raw).ok_or_else(|| out_of_memory("-"))?))
    }

    fn wait(&self, patience: Duration, told: Duration) -> Result<Event, AlterError> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(AlterError::TimedOut(told));
            }
            let millis = c_int::try_from(left.as_millis()).unwrap_or(c_int::MAX).max(1);
            // SAFETY: the queue is live; the event is ours to destroy.
            let Some(event) = NonNull::new(unsafe { c::rd_kafka_queue_poll(self.0.as_ptr(), millis) }) else {
                continue;
            };
            let event = Event(event);
            if event.is_answer() {
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
struct Event(NonNull<c::rd_kafka_event_t>);

impl Event {
    fn is_answer(&self) -> bool {
        // SAFETY: the event is live.
        unsafe { c::rd_kafka_event_type(self.0.as_ptr()) == c::RD_KAFKA_EVENT_INCREMENTALALTERCONFIGS_RESULT }
    }

    fn refusals(&self) -> Result<Vec<Refusal>, AlterError> {
        // SAFETY: the event is live and of the type asked for; the array has `count` live entries that are the
        // event's, and every text is copied before the event is destroyed.
        unsafe {
            let code: RDKafkaErrorCode = c::rd_kafka_event_error(self.0.as_ptr()).into();
            if code != RDKafkaErrorCode::NoError {
                return Err(AlterError::Cluster {
                    code,
                    reason: copied(c::rd_kafka_event_error_string(self.0.as_ptr())),
                });
            }
            let result = c::rd_kafka_event_IncrementalAlterConfigs_result(self.0.as_ptr());
            let mut count = 0_usize;
            let array = c::rd_kafka_IncrementalAlterConfigs_result_resources(result, &raw mut count);
            if array.is_null() {
                return Ok(Vec::new());
            }
            let mut refused = Vec::new();
            for &resource in std::slice::from_raw_parts(array, count) {
                let code: RDKafkaErrorCode = c::rd_kafka_ConfigResource_error(resource).into();
                if code != RDKafkaErrorCode::NoError {
                    refused.push(Refusal {
                        topic: copied(c::rd_kafka_ConfigResource_name(resource)),
                        code,
                        message: copied(c::rd_kafka_ConfigResource_error_string(resource)),
                    });
                }
            }
            Ok(refused)
        }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once.
        unsafe { c::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::admin::AdminClient;
    use rdkafka::client::DefaultClientContext;
    use rdkafka::config::ClientConfig;

    use super::*;

    fn nobody() -> AdminClient<DefaultClientContext> {
        // Port 9 on loopback: discard, where nobody listens.
        ClientConfig::new()
            .set("bootstrap.servers", "127.0.0.1:9")
            .create()
            .unwrap()
    }

    fn set(topic: &str, name: &str, value: &str) -> TopicChanges {
        let change = Change::Set {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        TopicChanges {
            topic: topic.to_owned(),
            changes: vec![change],
        }
    }

    #[test]
    fn nothing_to_change_asks_nobody() {
        assert_eq!(
            alter_topic_configs(nobody().inner(), &[], false, Duration::from_secs(60)),
            Ok(Vec::new())
        );
    }

    #[test]
    fn an_unreachable_cluster_is_an_error_in_time() {
        let begun = Instant::now();
        let changes = [set("t", "retention.ms", "1000")];
        let error =
            alter_topic_configs(nobody().inner(), &changes, true, Duration::from_millis(300)).unwrap_err();
        assert!(
            matches!(
                error,
                AlterError::Cluster {
                    code: RDKafkaErrorCode::OperationTimedOut,
                    ..
                }
            ),
            "{error}"
        );
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_nul_byte_is_told_with_topic_and_setting() {
        let changes = [set("t", "retention.ms", "1\0")];
        let error =
            alter_topic_configs(nobody().inner(), &changes, true, Duration::from_secs(1)).unwrap_err();
        assert_eq!(error.to_string(), "retention.ms of topic t contains a NUL byte");
    }
}
