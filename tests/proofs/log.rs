//! A topic's log, read by a bare client: what is true about it, whatever our consumers say.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use fleetops_runtime::uuid::Uuid;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::cluster::{Cluster, PARTITIONS};

/// How long the cluster may take for an answer; a leader may be just failing.
const PATIENCE: Duration = Duration::from_secs(60);

/// The log as far as it has been read.
pub(crate) struct Log {
    topic: String,
    client: BaseConsumer,
    /// By partition and offset: which event it is.
    records: Vec<BTreeMap<i64, Uuid>>,
    /// Of dead letters: their reasons.
    pub(crate) reasons: BTreeMap<String, usize>,
}

impl Log {
    pub(crate) fn new(cluster: &Cluster, topic: &str) -> Self {
        let client: BaseConsumer = cluster.client().set("group.id", "proofs-log").create().unwrap();
        let mut all = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            all.add_partition_offset(topic, partition, Offset::Beginning)
                .unwrap();
        }
        client.assign(&all).unwrap();
        Self {
            topic: topic.to_owned(),
            client,
            records: vec![BTreeMap::new(); PARTITIONS as usize],
            reasons: BTreeMap::new(),
        }
    }

    /// Where each partition ends.
    pub(crate) fn ends(&self) -> Vec<i64> {
        let end = |partition| {
            patiently(|| {
                self.client
                    .fetch_watermarks(&self.topic, partition, Duration::from_secs(5))
            })
        };
        (0..PARTITIONS).map(|partition| end(partition).1).collect()
    }

    /// Reads on until everything below these offsets has been read.
    pub(crate) fn read_to(&mut self, ends: &[i64]) {
        let deadline = Instant::now() + PATIENCE;
        let read =
            |log: &Self, partition: usize| log.records[partition].last_key_value().map_or(0, |(o, _)| o + 1);
        while (0..ends.len()).any(|partition| read(self, partition) < ends[partition]) {
            assert!(
                Instant::now() < deadline,
                "the log of {} cannot be read",
                self.topic
            );
            let Some(Ok(message)) = self.client.poll(Duration::from_millis(100)) else {
                continue;
            };
            let header = |name: &str| {
                let mut headers = message.headers()?.iter();
                Some(headers.find(|header| header.key == name)?.value.unwrap().to_vec())
            };
            let key = String::from_utf8(header("dedup-key").unwrap()).unwrap();
            let id = key.split('\u{1f}').next_back().unwrap().parse().unwrap();
            if let Some(reason) = header(fleetops_runtime::dead_letter::header::REASON) {
                *self
                    .reasons
                    .entry(String::from_utf8(reason).unwrap())
                    .or_default() += 1;
            }
            let before = self.records[message.partition() as usize].insert(message.offset(), id);
            assert_eq!(before, None);
        }
    }

    /// All there is.
    pub(crate) fn read(&mut self) {
        let ends = self.ends();
        self.read_to(&ends);
    }

    /// The events below an offset of a partition.
    pub(crate) fn below(&self, partition: usize, offset: i64) -> impl Iterator<Item = (i64, Uuid)> {
        self.records[partition]
            .range(..offset)
            .map(|(offset, id)| (*offset, *id))
    }

    pub(crate) fn at(&self, partition: usize, offset: i64) -> Option<Uuid> {
        self.records[partition].get(&offset).copied()
    }

    /// How often each event is there.
    pub(crate) fn count(&self) -> HashMap<Uuid, usize> {
        let mut count = HashMap::new();
        for id in self.records.iter().flat_map(BTreeMap::values) {
            *count.entry(*id).or_default() += 1;
        }
        count
    }
}

/// Asks until there is an answer.
pub(crate) fn patiently<T, E: std::fmt::Debug>(mut ask: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(error) if Instant::now() > deadline => panic!("no answer: {error:?}"),
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}
