//! The topic of the tests, whose events are texts, and a registry that never answers.

use chrono::{DateTime, Utc};
use fleetops_avro::resolve::Plan;

use crate::codec::{DecodeError, ValidationErrors};
use crate::framing::SchemaId;
use crate::registry::{Answer, RegisteredSchema, RegistryClient};
use crate::topic::{Sequence, Topic, TopicSpec};

/// Events are texts, such as `v1:7`: a vehicle and its frame.
pub(super) struct Texts(pub(super) TopicSpec);

impl Topic for Texts {
    type Event = String;

    fn spec(&self) -> &TopicSpec {
        &self.0
    }
    fn schema(&self) -> &str {
        "\"bytes\""
    }
    fn decode(&self, _: &Plan, payload: &[u8]) -> Result<String, DecodeError> {
        Ok(String::from_utf8_lossy(payload).into_owned())
    }
    fn decode_into(&self, _: &Plan, payload: &[u8], event: &mut String) -> Result<(), DecodeError> {
        event.clear();
        event.push_str(&String::from_utf8_lossy(payload));
        Ok(())
    }
    fn encode(&self, event: &String, out: &mut Vec<u8>) {
        out.extend_from_slice(event.as_bytes());
    }
    fn key(&self, event: &String, out: &mut String) -> bool {
        out.push_str(event);
        true
    }
    fn dedup_key(&self, event: &String, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(event.as_bytes());
        true
    }
    fn sequence(&self, event: &String, out: &mut Sequence) -> bool {
        let Some((by, index)) = event.split_once(':') else {
            return false;
        };
        out.by.push_str(by);
        index.parse().map(|index| out.index = index).is_ok()
    }
    fn stamp(&self, _: &mut String, _: DateTime<Utc>) {}
    fn validate(&self, _: &String) -> Result<(), ValidationErrors> {
        Ok(())
    }
}

/// A registry that never answers.
pub(crate) struct Nobody;

impl RegistryClient for Nobody {
    fn address(&self) -> String {
        "nowhere".to_owned()
    }
    fn schema(&self, _: SchemaId) -> Answer<'_, Option<RegisteredSchema>> {
        Box::pin(std::future::pending())
    }
    fn version<'a>(&'a self, _: &'a str, _: Option<u32>) -> Answer<'a, Option<RegisteredSchema>> {
        Box::pin(std::future::pending())
    }
    fn look_up<'a>(&'a self, _: &'a str, _: &'a str) -> Answer<'a, Option<u32>> {
        Box::pin(std::future::pending())
    }
}
