//! A second opinion on what is in the log: apache-avro reads the same bytes.
//!
//! The generated decoder and the generated encoder could agree on the same mistake. So a sample of the records is read
//! from the log by a plain client, decoded by apache-avro into a generic value with the schema that the registry has
//! under the record's ID, and compared with what the generated decoder makes of it. The comparison is in the JSON for
//! people, where both have one spelling for each value.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Avro;
use chrono::{DateTime, SecondsFormat};
use fleetops_registry::events::RawTelemetryEvent;
use fleetops_registry::registry::Client;
use rdkafka::config::{ClientConfig, FromClientConfig};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::{Map, Number, Value};

use super::books::Witness;

/// How many records it looks at, about.
const SAMPLE: u64 = 1000;
/// How many differences it describes.
const DESCRIBED: usize = 5;
/// How long it waits for the broker.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no second opinion.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WitnessError {
    #[error("cannot read the log of {topic} again: {source}")]
    Log {
        topic: String,
        source: rdkafka::error::KafkaError,
    },
    #[error("cannot read the log of {topic} again: {records} records expected, and nothing came for {} s", TIMEOUT.as_secs())]
    Stalled { topic: String, records: u64 },
    #[error(transparent)]
    Registry(#[from] fleetops_registry::registry::ClientError),
    #[error("the registry's schema with ID {id} cannot be read by apache-avro: {reason}")]
    Schema { id: u32, reason: String },
}

/// A record of the sample.
struct Record {
    place: String,
    value: Vec<u8>,
}

/// Reads about [`SAMPLE`] records of the topic, evenly spread, and has both decoders read them.
pub(crate) async fn examine(
    bootstrap: &str,
    registry: &Client,
    topic: &str,
) -> Result<Witness, WitnessError> {
    let (bootstrap, name) = (bootstrap.to_owned(), topic.to_owned());
    let records = tokio::task::spawn_blocking(move || sample(&bootstrap, &name))
        .await
        .unwrap_or_else(|_| Ok(Vec::new()))?;
    let mut schemas: HashMap<u32, apache_avro::Schema> = HashMap::new();
    let mut witness = Witness::default();
    for record in &records {
        witness.records += 1;
        let difference = match unframe(&record.value) {
            None => Some("it is not framed".to_owned()),
            Some((id, payload)) => {
                let schema = match schemas.entry(id) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => unknown.insert(schema(registry, id).await?),
                };
                compare(schema, payload)
            }
        };
        if let Some(difference) = difference
            && witness.differences.len() < DESCRIBED
        {
            witness
                .differences
                .push(format!("{}: {difference}", record.place));
        }
    }
    Ok(witness)
}

async fn schema(registry: &Client, id: u32) -> Result<apache_avro::Schema, WitnessError> {
    let unreadable = |reason: String| WitnessError::Schema { id, reason };
    let found = registry
        .schema(id)
        .await?
        .ok_or_else(|| unreadable("the registry has none".to_owned()))?;
    apache_avro::Schema::parse_str(&found.schema).map_err(|error| unreadable(error.to_string()))
}

/// Confluent's framing: a zero byte, the schema's ID in four bytes, the Avro binary.
fn unframe(value: &[u8]) -> Option<(u32, &[u8])> {
    let (head, payload) = value.split_first_chunk::<5>()?;
    let [0, a, b, c, d] = *head else { return None };
    Some((u32::from_be_bytes([a, b, c, d]), payload))
}

/// What the two decoders disagree about; `None` if nothing.
fn compare(schema: &apache_avro::Schema, payload: &[u8]) -> Option<String> {
    let generated = match RawTelemetryEvent::from_avro(payload) {
        Ok(event) => serde_json::to_value(&event).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let mut rest = payload;
    let read = GenericDatumReader::builder(schema)
        .build()
        .and_then(|reader| reader.read_value(&mut rest));
    let generic = match read {
        Ok(value) if rest.is_empty() => json(&value),
        Ok(_) => Err(format!("{} bytes left", rest.len())),
        Err(error) => Err(error.to_string()),
    };
    (generated != generic).then(|| format!("generated {}, apache-avro {}", show(&generated), show(&generic)))
}

fn show(result: &Result<Value, String>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(error) => format!("error: {error}"),
    }
}

/// A generic value in the JSON that generated types are written in.
fn json(value: &Avro) -> Result<Value, String> {
    let time = |time: Option<DateTime<chrono::Utc>>| {
        time.map(|t| Value::String(t.to_rfc3339_opts(SecondsFormat::AutoSi, true)))
            .ok_or("a time out of range")
    };
    Ok(match value {
        Avro::Null => Value::Null,
        Avro::Boolean(b) => Value::Bool(*b),
        Avro::Int(i) => Value::from(*i),
        Avro::Long(i) => Value::from(*i),
        Avro::Float(f) => number(f64::from(*f)),
        Avro::Double(f) => number(*f),
        Avro::String(s) | Avro::Enum(_, s) => Value::String(s.clone()),
        Avro::Uuid(id) => Value::String(id.to_string()),
        Avro::TimestampMillis(ms) => time(DateTime::from_timestamp_millis(*ms))?,
        Avro::TimestampMicros(us) => time(DateTime::from_timestamp_micros(*us))?,
        Avro::Union(_, inner) => json(inner)?,
        Avro::Array(items) => Value::Array(items.iter().map(json).collect::<Result<_, _>>()?),
        Avro::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by_key(|(key, _)| key.as_str());
            let members: Result<Map<String, Value>, String> = sorted
                .into_iter()
                .map(|(key, value)| Ok((key.clone(), json(value)?)))
                .collect();
            Value::Object(members?)
        }
        Avro::Record(fields) => {
            let members: Result<Map<String, Value>, String> = fields
                .iter()
                .map(|(name, value)| Ok((name.clone(), json(value)?)))
                .collect();
            Value::Object(members?)
        }
        other => {
            return Err(format!(
                "a value of a kind that the events do not have: {other:?}"
            ));
        }
    })
}

/// A number, and by name those that JSON has no numbers for.
fn number(f: f64) -> Value {
    Number::from_f64(f).map_or_else(
        || {
            let name = if f.is_nan() {
                "NaN"
            } else if f > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            };
            Value::String(name.to_owned())
        },
        Value::Number,
    )
}

/// Reads what the log still has of the topic and keeps every so many records. Blocks.
fn sample(bootstrap: &str, topic: &str) -> Result<Vec<Record>, WitnessError> {
    let failed = |source| WitnessError::Log {
        topic: topic.to_owned(),
        source,
    };
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "demo-witness")
        .set("enable.auto.commit", "false")
        .set("check.crcs", "true");
    let consumer = BaseConsumer::from_config(&config).map_err(failed)?;
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT).map_err(failed)?;
    let partitions: Vec<i32> = metadata
        .topics()
        .iter()
        .flat_map(|t| t.partitions())
        .map(rdkafka::metadata::MetadataPartition::id)
        .collect();
    let mut assignment = TopicPartitionList::new();
    let mut left: HashMap<i32, i64> = HashMap::new();
    let mut records = 0;
    for partition in partitions {
        let (low, high) = consumer
            .fetch_watermarks(topic, partition, TIMEOUT)
            .map_err(failed)?;
        if low < high {
            assignment
                .add_partition_offset(topic, partition, Offset::Offset(low))
                .map_err(failed)?;
            left.insert(partition, high);
            records += u64::try_from(high - low).unwrap_or(0);
        }
    }
    let step = (records / SAMPLE).max(1);
    consumer.assign(&assignment).map_err(failed)?;
    let mut kept = Vec::new();
    let mut seen: u64 = 0;
    while !left.is_empty() {
        let message = match consumer.poll(TIMEOUT) {
            Some(message) => message.map_err(failed)?,
            None => {
                return Err(WitnessError::Stalled {
                    topic: topic.to_owned(),
                    records: records.saturating_sub(seen),
                });
            }
        };
        if seen.is_multiple_of(step) {
            kept.push(Record {
                place: format!("{topic}/{}/{}", message.partition(), message.offset()),
                value: message.payload().unwrap_or_default().to_vec(),
            });
        }
        seen += 1;
        if left
            .get(&message.partition())
            .is_some_and(|high| message.offset() + 1 >= *high)
        {
            left.remove(&message.partition());
        }
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::super::scene::{Size, generate};
    use super::*;

    fn schema(text: &str) -> apache_avro::Schema {
        apache_avro::Schema::parse_str(text).unwrap()
    }

    fn events() -> Vec<RawTelemetryEvent> {
        generate(
            1,
            Size {
                vehicles: 20,
                frames: 30,
            },
        )
    }

    #[test]
    fn two_decoders_that_agree_differ_in_nothing() {
        let schema = schema(RawTelemetryEvent::SCHEMA);
        for event in events() {
            assert_eq!(compare(&schema, &event.to_avro()), None);
        }
    }

    #[test]
    fn every_kind_of_difference_is_seen() {
        let mut event = events().remove(0);
        event.telemetry.position.x = 1.0;
        event.telemetry.position.y = 2.0;
        let bytes = event.to_avro();
        // As if the generated code had two fields of one type in the wrong order.
        let mut exchanged: Value = serde_json::from_str(RawTelemetryEvent::SCHEMA).unwrap();
        let position = exchanged
            .pointer_mut("/fields/7/type/fields/0/type/fields")
            .unwrap();
        position.as_array_mut().unwrap().swap(0, 1);
        let found = compare(&schema(&exchanged.to_string()), &bytes).unwrap();
        assert!(found.contains("\"y\":1.0"), "{found}");

        let exact = schema(RawTelemetryEvent::SCHEMA);
        let longer = [bytes.as_slice(), &[0]].concat();
        let found = compare(&exact, &longer);
        assert!(found.is_some_and(|text| text.contains("1 bytes left")));
        let shorter = bytes.get(..20).unwrap();
        let found = compare(&exact, shorter).unwrap();
        assert!(found.matches("error: ").count() == 2, "{found}");
    }

    #[test]
    fn numbers_that_json_does_not_have_are_names_on_both_sides() {
        let exact = schema(RawTelemetryEvent::SCHEMA);
        for x in [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -0.0,
            f64::MIN_POSITIVE,
        ] {
            let mut event = events().remove(0);
            event.telemetry.position.x = x;
            assert_eq!(compare(&exact, &event.to_avro()), None, "{x}");
        }
    }

    #[test]
    fn framing_is_a_zero_and_four_bytes() {
        assert_eq!(unframe(&[0, 0, 0, 1, 2, 9]), Some((258, &[9][..])));
        assert_eq!(unframe(&[1, 0, 0, 1, 2, 9]), None);
        assert_eq!(unframe(&[0, 0, 0, 1]), None);
    }
}
