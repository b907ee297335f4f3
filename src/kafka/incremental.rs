//! IncrementalAlterConfigs (KIP-339), which librdkafka has and the safe crate lacks.
//!
//! The only call of the safe admin client, AlterConfigs, resets every setting of a topic that the request does not
//! name: unusable for a tool that manages some settings of a topic beside other people's. This module is the small
//! bridge to the C call. It knows topics only, blocks, and leaves threads to its caller.
//!
//! # Safety
//! As in [`super::native`].
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings as c;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaErrorCode;

use super::native::{Event, Options, Queue, RequestError, c_string, copied};

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

/// Asks the cluster to change settings of topics, or with `validate_only` whether it would. Blocks up to `timeout`.
///
/// Returns the topics that were refused; the others were changed. Settings that are not named stay as they are.
///
/// # Errors
/// [`RequestError`]: nothing is known to have been changed.
pub(super) fn alter_topic_configs<C: ClientContext>(
    client: &Client<C>,
    topics: &[TopicChanges],
    validate_only: bool,
    timeout: Duration,
) -> Result<Vec<Refusal>, RequestError> {
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let of = c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS;
    let options = Options::new(client, of, timeout)?.validate_only(validate_only)?;
    let queue = Queue::new(client)?;
    let resources = topics.iter().map(Resource::new).collect::<Result<Vec<_>, _>>()?;
    let mut raw: Vec<*mut c::rd_kafka_ConfigResource_t> = resources.iter().map(|r| r.0.as_ptr()).collect();
    // SAFETY: all pointers are live; librdkafka copies the resources and options before it returns.
    unsafe {
        c::rd_kafka_IncrementalAlterConfigs(
            client.native_ptr(),
            raw.as_mut_ptr(),
            raw.len(),
            options.as_ptr(),
            queue.as_ptr(),
        );
    }
    refusals(&queue.answer(c::RD_KAFKA_EVENT_INCREMENTALALTERCONFIGS_RESULT, timeout)?)
}

/// Owns a `rd_kafka_ConfigResource_t`.
struct Resource(NonNull<c::rd_kafka_ConfigResource_t>);

impl Resource {
    fn new(of: &TopicChanges) -> Result<Self, RequestError> {
        let name = c_string(&of.topic, || format!("the name of topic {}", of.topic))?;
        // SAFETY: the name lives for the call; librdkafka copies it.
        let raw = unsafe {
            c::rd_kafka_ConfigResource_new(c::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC, name.as_ptr())
        };
        let resource = Self(NonNull::new(raw).ok_or_else(|| RequestError::no_object("a resource"))?);
        for change in &of.changes {
            resource.add(&of.topic, change)?;
        }
        Ok(resource)
    }

    fn add(&self, topic: &str, change: &Change) -> Result<(), RequestError> {
        use c::rd_kafka_AlterConfigOpType_t::{
            RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE as DELETE, RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET as SET,
        };
        let (name, op, value) = match change {
            Change::Set { name, value } => (
                name,
                SET,
                Some(c_string(value, || format!("{name} of topic {topic}"))?),
            ),
            Change::Unset { name } => (name, DELETE, None),
        };
        let name = c_string(name, || format!("the name of a setting of topic {topic}"))?;
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
        Err(RequestError::Request {
            what: format!("the change to topic {topic}"),
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

/// The topics that were refused.
fn refusals(event: &Event) -> Result<Vec<Refusal>, RequestError> {
    // SAFETY: the event is live and of the type asked for; the array has `count` live entries that are the event's, and
    // every text is copied before the event is destroyed.
    unsafe {
        let result = c::rd_kafka_event_IncrementalAlterConfigs_result(event.as_ptr());
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

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
                RequestError::Cluster {
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
