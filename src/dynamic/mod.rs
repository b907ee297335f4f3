//! Topics whose schema is known only at run time: what `produce` and `consume` run the producer and the consumer over.
//!
//! A [`DynamicTopic`] is made of a manifest's topic and its schema, and does with a [`Value`] what generated code does
//! with its types: the same bytes, keys, stages and rules, the same JSON. Both go through the runtime's codec and checks,
//! and the rules come from the code generator's own reading of the schema; the tests hold one against the other.
//!
//! It is slower than generated code, by a factor of a few: a value tree is made of every event.

mod access;
mod human;
mod leaf;
mod shape;
#[cfg(test)]
mod tests;
mod validate;

use std::borrow::Cow;
use std::sync::Arc;

use fleetops_avro::resolve::Plan;
use fleetops_avro::schema::{Kind, TypeId};
use fleetops_avro::value::Value;
use fleetops_avro::{Diagnostic, Schema, SchemaSet};
use fleetops_codegen::manifest::{FieldPath, Manifest, Topic as Declared};
use fleetops_runtime::chrono::{DateTime, Utc};
use fleetops_runtime::codec::{DecodeError, DecodeErrorKind, Path, ValidationErrors};
use fleetops_runtime::topic::{DedupSpec, ReorderSpec, Sequence, Topic, TopicSpec};
use serde::de::DeserializeSeed;

use access::Access;
use human::{Reading, Writing};
use leaf::{Leaf, Native};
use shape::Shape;

/// A topic of a manifest. Cheap to clone.
#[derive(Clone, Debug)]
pub struct DynamicTopic {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    spec: TopicSpec,
    shape: Shape,
    text: String,
    key: Option<Access>,
    dedup: Option<Vec<Access>>,
    order: Option<Order>,
    stamp: Option<Access>,
}

#[derive(Debug)]
struct Order {
    by: Access,
    epoch: Option<Access>,
    sequence: Access,
}

/// Why a JSON text is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if field.is_empty() { String::new() } else { format!("field {field}: ") })]
pub struct JsonError {
    /// The field, such as `telemetry.speed`; empty where it is the whole.
    pub field: String,
    /// Where the text is wrong: its column, in bytes from 1, where that is known.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
}

impl DynamicTopic {
    /// The topic as the manifest declares it, with the schema of that set.
    ///
    /// # Errors
    /// What code generation refuses too, with places: rules that can never hold, types of which there is no value, a
    /// record that the schemas do not have.
    pub fn new(
        manifest: &Manifest,
        declared: &Declared,
        schemas: &SchemaSet,
    ) -> Result<Self, Vec<Diagnostic>> {
        let schema = schemas.get(&declared.value.value).ok_or_else(|| {
            vec![
                Diagnostic::error(
                    "unknown-value",
                    manifest.place(declared.value.span),
                    format!(
                        "topic {} carries {}, which no schema defines",
                        declared.name, declared.value
                    ),
                    "not defined",
                )
                .help("add the schema, or correct the name"),
            ]
        })?;
        let text = schema.text();
        let shape = Shape::new(schema)?;
        let access = |path: &FieldPath| Access::new(&shape, path);
        let spec = TopicSpec {
            name: Cow::Owned(declared.name.value.clone()),
            subject: Cow::Owned(manifest.subject(declared)),
            partitions: declared.partitions.value,
            dead_letter: declared.dead_letter.as_ref().map(|d| Cow::Owned(d.value.clone())),
            dedup: declared.dedup.as_ref().map(|d| DedupSpec { ttl: d.ttl.value }),
            reorder: declared.reorder.as_ref().map(|r| ReorderSpec {
                ring: r.ring.value,
                tolerance: r.tolerance.value,
                hold: r.hold.value,
            }),
        };
        let key = declared.key.as_ref().and_then(access);
        let dedup = declared
            .dedup
            .as_ref()
            .map(|dedup| dedup.key.iter().filter_map(access).collect());
        let order = declared.reorder.as_ref().and_then(|reorder| {
            Some(Order {
                by: access(&reorder.by)?,
                epoch: reorder.epoch.as_ref().and_then(access),
                sequence: access(&reorder.sequence)?,
            })
        });
        let stamp = declared.stamp.as_ref().and_then(access);
        Ok(Self {
            inner: Arc::new(Inner {
                spec,
                text,
                key,
                dedup,
                order,
                stamp,
                shape,
            }),
        })
    }

    /// Reads an event in the human form of JSON, as the generated type does. Rules are not looked at: that is
    /// [`Topic::validate`].
    ///
    /// # Errors
    /// The text is no JSON, or no event.
    pub fn from_json(&self, text: &[u8]) -> Result<Value, JsonError> {
        // Without its line end, a text that ends too early does so in its own line.
        let mut json = serde_json::Deserializer::from_slice(text.trim_ascii_end());
        let mut track = serde_path_to_error::Track::new();
        let from = serde_path_to_error::Deserializer::new(&mut json, &mut track);
        let value = self.reading().deserialize(from).map_err(|error| {
            let field = track.path().to_string();
            JsonError {
                // A text that ends within a name has no field yet.
                field: if matches!(&*field, "." | "?") {
                    String::new()
                } else {
                    field
                },
                column: column(&error),
                message: without_place(&error),
            }
        })?;
        json.end().map_err(|error| JsonError {
            field: String::new(),
            column: column(&error),
            message: without_place(&error),
        })?;
        Ok(value)
    }

    /// Appends an event in the human form of JSON, as the generated type writes it. A value that is none of the schema
    /// appends nothing and gives `false`.
    pub fn write_json(&self, event: &Value, out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let shape = &self.inner.shape;
        let writing = Writing {
            shape,
            ty: shape.schema.root(),
            value: event,
        };
        let written = serde_json::to_writer(&mut *out, &writing).is_ok();
        if !written {
            out.truncate(start);
        }
        written
    }

    /// The schema that events are read and written with.
    pub fn avro_schema(&self) -> &Schema {
        &self.inner.shape.schema
    }

    /// Takes a value of [`Self::avro_schema`] that was decoded elsewhere, such as from an object container file. Rules are
    /// not looked at: that is [`Topic::validate`].
    ///
    /// # Errors
    /// A logical type has no such value. Path and kind say where and why; there is no offset.
    pub fn accept(&self, mut value: Value) -> Result<Value, DecodeError> {
        let shape = &self.inner.shape;
        normalise(shape, shape.schema.root(), &mut value)?;
        Ok(value)
    }

    fn reading(&self) -> Reading<'_> {
        let shape = &self.inner.shape;
        Reading {
            shape,
            ty: shape.schema.root(),
        }
    }
}

/// serde_json's column; it has none of what went wrong after the reading.
fn column(error: &serde_json::Error) -> Option<usize> {
    (error.column() > 0).then(|| error.column())
}

/// serde_json's message without its own place, whose line is always 1 here.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((message, _)) if error.column() > 0 => message.to_owned(),
        _ => text,
    }
}

impl Topic for DynamicTopic {
    type Event = Value;

    fn spec(&self) -> &TopicSpec {
        &self.inner.spec
    }

    fn schema(&self) -> &str {
        &self.inner.text
    }

    fn decode(&self, plan: &Plan, payload: &[u8]) -> Result<Value, DecodeError> {
        let shape = &self.inner.shape;
        let value = if plan.is_identity() {
            Value::decode_all(&shape.schema, payload)?
        } else {
            let (value, read) = Value::decode_with(plan, payload)?;
            let left = payload.len().saturating_sub(read);
            if left > 0 {
                return Err(DecodeError::new(read, DecodeErrorKind::TrailingBytes { left }));
            }
            value
        };
        self.accept(value)
    }

    fn encode(&self, event: &Value, out: &mut Vec<u8>) {
        // Values come from `from_json` and `decode`, so they are of the schema; one that is not appends nothing.
        let _ = event.encode(&self.inner.shape.schema, out);
    }

    fn key(&self, event: &Value, out: &mut String) -> bool {
        match &self.inner.key {
            Some(key) => key.text(&self.inner.shape, event, |text| out.push_str(text)),
            None => false,
        }
    }

    fn dedup_key(&self, event: &Value, out: &mut Vec<u8>) -> bool {
        let Some(fields) = &self.inner.dedup else {
            return false;
        };
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                out.push(0x1f);
            }
            // An absent field counts as the empty text.
            field.text(&self.inner.shape, event, |text| {
                out.extend_from_slice(text.as_bytes());
            });
        }
        true
    }

    fn sequence(&self, event: &Value, out: &mut Sequence) -> bool {
        let Some(order) = &self.inner.order else {
            return false;
        };
        let text = |access: &Access, out: &mut String| {
            access.text(&self.inner.shape, event, |text| out.push_str(text))
        };
        out.index = match order.sequence.get(event) {
            Some(Value::Int(index)) => i64::from(*index),
            Some(Value::Long(index)) => *index,
            _ => return false,
        };
        let epoch = &order.epoch;
        text(&order.by, &mut out.by) && epoch.as_ref().is_none_or(|epoch| text(epoch, &mut out.epoch))
    }

    fn stamp(&self, event: &mut Value, now: DateTime<Utc>) {
        if let Some(stamp) = &self.inner.stamp {
            stamp.stamp(&self.inner.shape, event, &Native::Instant(now));
        }
    }

    fn validate(&self, event: &Value) -> Result<(), ValidationErrors> {
        let mut errors = ValidationErrors::new();
        let shape = &self.inner.shape;
        validate::validate(shape, shape.schema.root(), &[], event, &Path::ROOT, &mut errors);
        errors.into_result()
    }
}

/// Refuses what a logical type has no value for, as generated code does when it decodes, and brings the others into the
/// form in which they are written: a UUID in lower case.
fn normalise(shape: &Shape, ty: TypeId, value: &mut Value) -> Result<(), DecodeError> {
    let node = shape.schema.node(ty);
    if let Some(leaf) = Leaf::of(node) {
        let native = leaf.load(value)?;
        if leaf == Leaf::UuidText
            && let Some(stored) = leaf.store(&native)
        {
            *value = stored;
        }
        return Ok(());
    }
    let named = |error: DecodeError, step: String| {
        let path = match error.path() {
            Some(path) => format!("/{step}{path}"),
            None => format!("/{step}"),
        };
        error.at(path)
    };
    match (&node.kind, value) {
        (Kind::Record(record), Value::Record(values)) => {
            for (field, value) in record.fields.iter().zip(values) {
                normalise(shape, field.ty, value).map_err(|error| named(error, field.name.clone()))?;
            }
        }
        (Kind::Union(branches), Value::Union(at, value)) => {
            if let Some(branch) = branches.get(*at) {
                normalise(shape, *branch, value)?;
            }
        }
        (Kind::Array(items), Value::Array(values)) => {
            for (index, value) in values.iter_mut().enumerate() {
                normalise(shape, *items, value).map_err(|error| named(error, index.to_string()))?;
            }
        }
        (Kind::Map(inner), Value::Map(values)) => {
            for (key, value) in values.iter_mut() {
                normalise(shape, *inner, value).map_err(|error| named(error, key.clone()))?;
            }
        }
        _ => {}
    }
    Ok(())
}
