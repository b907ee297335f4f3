//! From a record's value to an event: framing, the writer's schema, decoding, validation.
//!
//! A plan (how to read one writer's values with our schema) is made once for each schema ID and kept; for our own schema's
//! fingerprint it is there from the start. A schema that is not here yet is fetched off the polling thread, once, however many
//! records wait for it. A registry that is down or answers nonsense delays them: it is asked again, with growing pauses, until
//! it answers or the consumer ends. Only an answer about the schema itself (there is none, or it is of no use) makes a record
//! poison; a registry that does not let us in stops the consumer.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use fleetops_avro::Schema;
use fleetops_avro::resolve::Plan;
use tokio::runtime::Handle;

use super::mail::{Mailbox, Note};
use super::raw::Raw;
use crate::dead_letter::Reason;
use crate::framing::{self, SchemaId};
use crate::registry::{RegistryError, SchemaSource};

/// The registry's "unknown" is believed for this long: producers register before they send, but registries replicate.
const UNKNOWN_FOR: Duration = Duration::from_secs(30);

/// Most schemas that are kept. IDs come from records, so what they can make us keep is bounded.
const MOST_PLANS: usize = 10_000;

enum Entry {
    Plan(Box<Plan>),
    /// The writer's schema cannot be read with ours.
    Unreadable(String),
    /// The registry has no such schema, or one that is of no use.
    Unknown(RegistryError, Instant),
}

/// What is to be done with a value.
pub(crate) enum Prepared<'a> {
    /// The value is null.
    Tombstone,
    /// Read it.
    Ready { plan: &'a Plan, payload: &'a [u8] },
    /// The schema must be fetched first.
    Missing(SchemaId),
    /// It cannot be read.
    Poison { reason: Reason, detail: String },
}

/// The plans by schema ID.
pub(crate) struct Values<E> {
    topic: Arc<str>,
    subject: Arc<str>,
    reader: Schema,
    open_enums: &'static [&'static str],
    entries: HashMap<SchemaId, Entry>,
    fetching: HashSet<SchemaId>,
    source: SchemaSource,
    runtime: Handle,
    mailbox: Arc<Mailbox<E>>,
}

impl<E: Send + Sync + 'static> Values<E> {
    pub(crate) fn new(
        topic: Arc<str>,
        subject: Arc<str>,
        reader: Schema,
        open_enums: &'static [&'static str],
        source: SchemaSource,
        runtime: Handle,
        mailbox: Arc<Mailbox<E>>,
    ) -> Self {
        let own = SchemaId::Fingerprint(reader.fingerprint());
        let entry = entry(own, &reader, &reader, open_enums);
        Self {
            topic,
            subject,
            reader,
            open_enums,
            entries: HashMap::from([(own, entry)]),
            fetching: HashSet::new(),
            source,
            runtime,
            mailbox,
        }
    }

    /// Takes the framing off and finds the plan. `schema_id` is the header that names the schema; `latest` keeps the plan for the
    /// next record, which mostly is of the same schema.
    pub(crate) fn prepare<'a>(
        &'a self,
        raw: &'a Raw,
        schema_id: Option<&[u8]>,
        latest: &mut Option<(SchemaId, &'a Plan)>,
    ) -> Prepared<'a> {
        let Some(value) = raw.value() else {
            return Prepared::Tombstone;
        };
        let (id, payload) = match framing::split_record(schema_id, value) {
            Ok(split) => split,
            Err(error) => {
                return Prepared::Poison {
                    reason: Reason::Framing,
                    detail: error.to_string(),
                };
            }
        };
        if let Some((_, plan)) = latest.filter(|(of, _)| *of == id) {
            return Prepared::Ready { plan, payload };
        }
        match self.entries.get(&id) {
            Some(Entry::Plan(plan)) => {
                *latest = Some((id, plan));
                Prepared::Ready { plan, payload }
            }
            Some(Entry::Unreadable(detail)) => Prepared::Poison {
                reason: Reason::Undecodable,
                detail: detail.clone(),
            },
            Some(Entry::Unknown(error, until)) if Instant::now() < *until => Prepared::Poison {
                reason: match error {
                    RegistryError::UnknownSchema { .. } => Reason::UnknownSchema,
                    _ => Reason::Undecodable,
                },
                detail: error.to_string(),
            },
            Some(Entry::Unknown(..)) | None => Prepared::Missing(id),
        }
    }

    /// Fetches a schema, unless that is under way. The answer is a note.
    pub(crate) fn fetch(&mut self, id: SchemaId) {
        if !self.fetching.insert(id) {
            return;
        }
        tracing::debug!(topic = &*self.topic, %id, "fetching a writer schema");
        let source = self.source.clone();
        let mailbox = Arc::downgrade(&self.mailbox);
        let wanted = Wanted {
            id,
            topic: Arc::clone(&self.topic),
            subject: Arc::clone(&self.subject),
        };
        self.runtime.spawn(fetch(source, wanted, mailbox));
    }

    /// Takes the answer of a fetch.
    ///
    /// # Errors
    /// One that is not about the schema: nothing can be read until somebody mends it.
    pub(crate) fn answer(
        &mut self,
        id: SchemaId,
        answer: Result<Schema, RegistryError>,
    ) -> Result<(), RegistryError> {
        self.fetching.remove(&id);
        if self.entries.len() >= MOST_PLANS {
            self.entries.clear();
        }
        let entry = match answer {
            Err(error) if error.is_final() => Entry::Unknown(error, Instant::now() + UNKNOWN_FOR),
            Err(error) => return Err(error),
            Ok(writer) => entry(id, &writer, &self.reader, self.open_enums),
        };
        self.entries.insert(id, entry);
        Ok(())
    }
}

fn entry(id: SchemaId, writer: &Schema, reader: &Schema, open_enums: &[&str]) -> Entry {
    match Plan::with_open_enums(writer, reader, open_enums) {
        Ok(plan) => Entry::Plan(Box::new(plan)),
        Err(error) => Entry::Unreadable(format!(
            "{id} of the writer cannot be read with the reader's schema: {error}"
        )),
    }
}

/// A schema to be fetched.
struct Wanted {
    id: SchemaId,
    topic: Arc<str>,
    subject: Arc<str>,
}

/// Asks until there is an answer, or nobody waits for it any more.
async fn fetch<E>(source: SchemaSource, wanted: Wanted, mailbox: Weak<Mailbox<E>>) {
    let Wanted { id, topic, subject } = wanted;
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(10))
        .with_jitter()
        .without_max_times()
        .build();
    let answer = loop {
        match source.schema_of_value(&subject, id).await {
            Ok(schema) => break Ok(schema),
            Err(error) if !error.is_retryable() => break Err(error),
            Err(error) => {
                let pause = pauses.next().unwrap_or(Duration::from_secs(10));
                tracing::warn!(
                    topic = &*topic,
                    %id,
                    %error,
                    "the writer schema is not to be had; records wait and it is asked for again in {pause:?}"
                );
                if mailbox.strong_count() == 0 {
                    return;
                }
                tokio::time::sleep(pause).await;
            }
        }
        if mailbox.strong_count() == 0 {
            return;
        }
    };
    if let Some(mailbox) = mailbox.upgrade() {
        mailbox.push(Note::Schema { id, answer });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumer::slots::Slots;
    use crate::consumer::tests::Nobody;
    use crate::observe::HandlingMeter;

    fn texts(symbols: &str) -> Schema {
        Schema::parse(&format!(
            r#"{{"type": "record", "name": "R", "fields": [{{"name": "e", "type":
                {{"type": "enum", "name": "E", "symbols": [{symbols}], "default": "A"}}}}]}}"#
        ))
        .expect("a schema")
    }

    /// What a value of the writer's symbol 2 becomes.
    fn read_as(open_enums: &'static [&'static str]) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let mut values = Values::<()>::new(
            Arc::from("t"),
            Arc::from("t-value"),
            texts(r#""A", "B""#),
            open_enums,
            SchemaSource::new(Nobody),
            runtime.handle().clone(),
            Arc::new(Mailbox::new(
                Arc::default(),
                HandlingMeter::new("t", "g"),
                Slots::new(usize::MAX),
            )),
        );
        let id = SchemaId::Id(7);
        values
            .answer(id, Ok(texts(r#""A", "B", "NEW""#)))
            .expect("about the schema");
        let Some(Entry::Plan(plan)) = values.entries.get(&id) else {
            panic!("no plan");
        };
        let mut out = Vec::new();
        plan.transcode(&[4], &mut out).expect("a value");
        out
    }

    #[test]
    fn open_enums_keep_what_the_writer_wrote() {
        assert_eq!(read_as(&[]), [0], "the default");
        assert_eq!(read_as(&["E"]), [4, 6, b'N', b'E', b'W']);
    }
}
