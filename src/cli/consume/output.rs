//! What `consume` writes events as: JSON lines, or the blocks of an object container file. Makes bytes; writes none.

use fleetops_avro::container::{Codec, Writer};
use fleetops_avro::value::Value;
use fleetops_registry::dynamic::DynamicTopic;

/// Bytes of events until they are taken.
pub(super) enum Output {
    Lines(Vec<u8>),
    Container(Box<Writer<Vec<u8>>>),
}

impl Output {
    /// JSON lines.
    pub(super) fn lines() -> Self {
        Self::Lines(Vec::new())
    }

    /// A container file of the topic's schema. Its header is there to be taken.
    ///
    /// # Errors
    /// The header cannot be made.
    pub(super) fn container(topic: &DynamicTopic, codec: Codec) -> Result<Self, String> {
        let writer =
            Writer::new(Vec::new(), topic.avro_schema(), codec).map_err(|error| error.to_string())?;
        Ok(Self::Container(Box::new(writer)))
    }

    /// Adds an event. A tombstone is a line `null`; a container file has no place for it.
    ///
    /// # Errors
    /// It cannot be written in that form, and nothing was added.
    pub(super) fn add(&mut self, topic: &DynamicTopic, event: Option<&Value>) -> Result<(), String> {
        match (self, event) {
            (Self::Lines(lines), None) => lines.extend_from_slice(b"null\n"),
            (Self::Lines(lines), Some(event)) => {
                if !topic.write_json(event, lines) {
                    return Err("the event cannot be written as JSON".to_owned());
                }
                lines.push(b'\n');
            }
            (Self::Container(_), None) => {}
            (Self::Container(writer), Some(event)) => {
                return writer.append(event).map_err(|error| error.to_string());
            }
        }
        Ok(())
    }

    /// Whether it has a place for an event, or for a tombstone.
    pub(super) fn holds(&self, event: Option<&Value>) -> bool {
        event.is_some() || matches!(self, Self::Lines(_))
    }

    /// The bytes of all that was added since the last time: whole lines, whole blocks.
    ///
    /// # Errors
    /// A block cannot be compressed.
    pub(super) fn take(&mut self) -> Result<Vec<u8>, String> {
        match self {
            Self::Lines(lines) => Ok(std::mem::take(lines)),
            Self::Container(writer) => {
                writer.flush().map_err(|error| error.to_string())?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }
}
