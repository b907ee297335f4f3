//! A registry in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fleetops_runtime::framing::SchemaId;
use fleetops_runtime::registry::{Answer, RegisteredSchema, RegistryClient, RegistryError};

use super::reading::{ID, OLD_ID, OLD_SCHEMA, SCHEMA, UNREADABLE_ID};

/// A registry in memory, which can be made to fail.
#[derive(Clone, Default)]
pub struct Registry {
    pub calls: Arc<AtomicUsize>,
    /// Questions for a version of a subject.
    pub versions: Arc<AtomicUsize>,
    /// So many calls are answered with an error first.
    pub down: Arc<AtomicUsize>,
    pub refuses: bool,
}

impl RegistryClient for Registry {
    fn address(&self) -> String {
        "memory".to_owned()
    }

    fn schema(&self, id: SchemaId) -> Answer<'_, Option<RegisteredSchema>> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let fails = self
            .down
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        Box::pin(async move {
            if self.refuses {
                return Err(RegistryError::Refused {
                    registry: "memory".into(),
                    reason: "401".into(),
                });
            }
            if fails {
                return Err(RegistryError::Unreachable {
                    registry: "memory".into(),
                    reason: "down".into(),
                });
            }
            Ok(match id {
                SchemaId::Id(ID) => Some(RegisteredSchema::avro(SCHEMA)),
                SchemaId::Id(OLD_ID) => Some(RegisteredSchema::avro(OLD_SCHEMA)),
                SchemaId::Id(UNREADABLE_ID) => Some(RegisteredSchema::avro(r#""string""#)),
                _ => None,
            })
        })
    }

    /// The older writer's schema is version 1, the reader's version 2.
    fn version<'a>(&'a self, _: &'a str, version: Option<u32>) -> Answer<'a, Option<RegisteredSchema>> {
        self.versions.fetch_add(1, Ordering::SeqCst);
        let numbered = |version, schema| {
            let mut registered = RegisteredSchema::avro(schema);
            registered.version = Some(version);
            registered
        };
        Box::pin(async move {
            Ok(match version {
                None | Some(2) => Some(numbered(2, SCHEMA)),
                Some(1) => Some(numbered(1, OLD_SCHEMA)),
                Some(_) => None,
            })
        })
    }

    fn look_up<'a>(&'a self, _: &'a str, _: &'a str) -> Answer<'a, Option<u32>> {
        Box::pin(async { Ok(Some(ID)) })
    }
}
