//! The newest records of topics, read without a group and without a commit.
//!
//! Values are looked into only as far as the dedup key needs, and are then dropped. The key is the one in the record's
//! header where it has one, else it is made of the value's fields as generated producers make it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fleetops_avro::value::Value;
use fleetops_avro::{Schema, schema::Kind};
use fleetops_runtime::framing;
use fleetops_runtime::producer::DEDUP_KEY;
use fleetops_runtime::registry::SchemaSource;
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::runtime::Handle;

use super::cluster::Told;
use super::facts::{Event, Sample, Seen};
use super::native;

/// How long reading may take, all topics together.
const PATIENCE: Duration = Duration::from_secs(6);
/// The header of records that were sent again from a dead-letter topic: they repeat on purpose.
const REPLAY: &str = fleetops_runtime::dead_letter::header::REPLAY;

/// What to read of a topic.
pub(crate) struct Wish {
    /// Its name.
    pub(crate) topic: String,
    /// The first offset and the end of each partition.
    pub(crate) ends: Vec<(i64, i64)>,
    /// The subject of its values.
    pub(crate) subject: String,
    /// The fields of the dedup key, each a path of names; empty without dedup.
    pub(crate) dedup: Vec<Vec<String>>,
}

/// Takes from each partition its share of `newest`: as much as there is where that is less, and more of the others.
/// The result is the offset to start at, by partition.
pub(crate) fn starts(ends: &[(i64, i64)], newest: u64) -> Vec<i64> {
    let held: Vec<u64> = ends
        .iter()
        .map(|(low, high)| u64::try_from(high.saturating_sub(*low)).unwrap_or(0))
        .collect();
    let mut order: Vec<usize> = (0..held.len()).collect();
    order.sort_by_key(|at| held.get(*at).copied().unwrap_or(0));
    let mut left = newest;
    let mut starts = vec![0; held.len()];
    for (served, at) in order.iter().enumerate() {
        let open = (held.len() - served) as u64;
        let take = held.get(*at).copied().unwrap_or(0).min(left.div_ceil(open));
        left -= take;
        if let (Some(start), Some((_, high))) = (starts.get_mut(*at), ends.get(*at)) {
            *start = high.saturating_sub_unsigned(take);
        }
    }
    starts
}

/// Reads the newest records of all topics at once. Blocks; must not be called on a thread of the runtime itself.
pub(crate) fn read(
    consumer: &BaseConsumer<Told>,
    wishes: &[Wish],
    newest: u64,
    schemas: Option<&SchemaSource>,
    runtime: &Handle,
) -> Result<BTreeMap<String, Sample>, String> {
    let mut samples: BTreeMap<String, Sample> = wishes
        .iter()
        .map(|wish| (wish.topic.clone(), Sample::default()))
        .collect();
    // Partitions whose records are still to come: topic and partition, and the offset at which they end.
    let mut open: BTreeMap<(&str, i32), i64> = BTreeMap::new();
    let mut list = TopicPartitionList::new();
    for wish in wishes {
        for (partition, (start, (_, high))) in
            starts(&wish.ends, newest).into_iter().zip(&wish.ends).enumerate()
        {
            if start < *high {
                let partition = partition as i32;
                list.add_partition_offset(&wish.topic, partition, Offset::Offset(start))
                    .map_err(|error| error.to_string())?;
                open.insert((&wish.topic, partition), *high);
            }
        }
    }
    if open.is_empty() {
        return Ok(samples);
    }
    consumer.assign(&list).map_err(|error| error.to_string())?;
    let mut asker = Asker {
        schemas,
        runtime,
        known: BTreeMap::new(),
    };
    let until = Instant::now() + PATIENCE;
    let mut failed: Option<String> = None;
    while !open.is_empty() {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        match consumer.poll(left.min(Duration::from_millis(200))) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                // It does not say of which topic: those whose position is at their end are done.
                if let Ok(positions) = consumer.position() {
                    open.retain(|(topic, p), high| {
                        *p != partition
                            || positions
                                .find_partition(topic, *p)
                                .is_none_or(|e| !matches!(e.offset(), Offset::Offset(at) if at >= *high))
                    });
                }
            }
            Some(Err(error)) => failed = Some(error.to_string()),
            Some(Ok(message)) => {
                let Some(wish) = wishes.iter().find(|wish| wish.topic == message.topic()) else {
                    continue;
                };
                let at = (wish.topic.as_str(), message.partition());
                let Some(high) = open.get(&at).copied() else {
                    continue;
                };
                if message.offset() < high
                    && let Some(sample) = samples.get_mut(&wish.topic)
                {
                    sample.records.push(seen(&message, wish, &mut asker));
                }
                if message.offset() + 1 >= high {
                    open.remove(&at);
                }
            }
        }
    }
    for (topic, _) in open.keys() {
        if let Some(sample) = samples.get_mut(*topic) {
            sample.cut = true;
        }
    }
    for sample in samples.values_mut() {
        sample.records.sort_by_key(|r| (r.partition, r.offset));
    }
    let _ = consumer.unassign();
    match failed {
        Some(why) if samples.values().all(|s| s.records.is_empty()) => Err(why),
        _ => Ok(samples),
    }
}

fn seen(message: &BorrowedMessage<'_>, wish: &Wish, asker: &mut Asker<'_>) -> Seen {
    Seen {
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis(),
        key: message.key().map(<[u8]>::to_vec),
        event: event(message, wish, asker),
    }
}

fn event(message: &BorrowedMessage<'_>, wish: &Wish, asker: &mut Asker<'_>) -> Event {
    let Some(value) = message.payload() else {
        return Event::None;
    };
    let schema_header = native::header(message, framing::VALUE_SCHEMA_ID);
    let (id, bare) = match framing::split_record(schema_header.as_deref(), value) {
        Ok(split) => split,
        Err(error) => return Event::Unreadable(error.to_string()),
    };
    if wish.dedup.is_empty() || native::header(message, REPLAY).is_some() {
        return Event::None;
    }
    if let Some(key) = native::header(message, DEDUP_KEY) {
        return Event::Key(key);
    }
    match asker.schema(&wish.subject, id) {
        None => Event::Unknown,
        Some(Err(why)) => Event::Unreadable(why.clone()),
        Some(Ok(schema)) => match Value::decode(schema, bare) {
            Ok((value, _)) => Event::Key(dedup_key(schema, &value, &wish.dedup)),
            Err(error) => Event::Unreadable(format!("{id}: {error}")),
        },
    }
}

/// Asks the registry for each schema of a subject once.
struct Asker<'a> {
    schemas: Option<&'a SchemaSource>,
    runtime: &'a Handle,
    /// `None`: the registry did not answer.
    known: BTreeMap<(String, framing::SchemaId), Option<Result<Schema, String>>>,
}

impl Asker<'_> {
    fn schema(&mut self, subject: &str, id: framing::SchemaId) -> Option<&Result<Schema, String>> {
        let (schemas, runtime) = (self.schemas?, self.runtime);
        let ask = || match runtime.block_on(schemas.schema_of_value(subject, id)) {
            Ok(schema) => Some(Ok(schema)),
            Err(error) if error.is_final() => Some(Err(error.to_string())),
            Err(_) => None,
        };
        self.known
            .entry((subject.to_owned(), id))
            .or_insert_with(ask)
            .as_ref()
    }
}

/// The texts of the fields, joined by the byte 0x1F; an absent one is empty.
fn dedup_key(schema: &Schema, value: &Value, paths: &[Vec<String>]) -> Vec<u8> {
    let mut key = Vec::new();
    for (at, path) in paths.iter().enumerate() {
        if at > 0 {
            key.push(0x1f);
        }
        key.extend(text(schema, value, path).unwrap_or_default());
    }
    key
}

fn text(schema: &Schema, value: &Value, path: &[String]) -> Option<Vec<u8>> {
    let (mut id, mut at) = (schema.root(), value);
    let mut names = path.iter();
    loop {
        match (&schema.node(id).kind, at) {
            (Kind::Union(branches), Value::Union(branch, inner)) => {
                (id, at) = (*branches.get(*branch)?, inner);
            }
            (Kind::Record(record), Value::Record(fields)) => {
                let name = names.next()?;
                let index = record.fields.iter().position(|f| f.name == *name)?;
                (id, at) = (record.fields.get(index)?.ty, fields.get(index)?);
            }
            (Kind::Enum(symbols), Value::Enum(symbol)) => {
                return Some(symbols.symbols.get(*symbol)?.clone().into_bytes());
            }
            (_, Value::Boolean(v)) => return Some(v.to_string().into_bytes()),
            (_, Value::Int(v)) => return Some(v.to_string().into_bytes()),
            (_, Value::Long(v)) => return Some(v.to_string().into_bytes()),
            (_, Value::Float(v)) => return Some(v.to_string().into_bytes()),
            (_, Value::Double(v)) => return Some(v.to_string().into_bytes()),
            (_, Value::String(v)) => return Some(v.clone().into_bytes()),
            (_, Value::Bytes(v) | Value::Fixed(v)) => return Some(v.clone()),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_gives_its_share_and_the_full_ones_what_others_lack() {
        assert_eq!(starts(&[(0, 100), (0, 100)], 10), [95, 95]);
        assert_eq!(starts(&[(0, 2), (0, 100)], 10), [0, 92]);
        assert_eq!(starts(&[(50, 52), (0, 0), (90, 95)], 100), [50, 0, 90]);
        assert_eq!(starts(&[(0, 100), (0, 100), (0, 100)], 1), [99, 100, 100]);
        assert_eq!(starts(&[(0, 100)], 0), [100]);
        assert!(starts(&[], 10).is_empty());
    }

    #[test]
    fn dedup_keys_are_made_as_generated_producers_make_them() {
        let schema = Schema::parse(
            r#"{"type":"record","name":"E","fields":[
                {"name":"id","type":"string"},
                {"name":"meta","type":["null",{"type":"record","name":"M","fields":[{"name":"n","type":"long"}]}]},
                {"name":"kind","type":{"type":"enum","name":"K","symbols":["A","B"]}}]}"#,
        )
        .unwrap();
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let paths = [path("id"), path("meta.n"), path("kind")];
        let meta = Value::Union(1, Box::new(Value::Record(vec![Value::Long(-7)])));
        let whole = Value::Record(vec![Value::String("x".to_owned()), meta, Value::Enum(1)]);
        assert_eq!(dedup_key(&schema, &whole, &paths), b"x\x1f-7\x1fB");
        let absent = Value::Union(0, Box::new(Value::Null));
        let part = Value::Record(vec![Value::String("x".to_owned()), absent, Value::Enum(0)]);
        assert_eq!(dedup_key(&schema, &part, &paths), b"x\x1f\x1fA");
    }
}
