//! A topic's log, read by a bare client: what is true about it, whatever our consumers say.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fleetops_runtime::uuid::Uuid;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::claims::{Records, Times};
use crate::cluster::{Cluster, PARTITIONS};

/// How long the cluster may take for an answer; a leader may be just failing.
const PATIENCE: Duration = Duration::from_secs(60);

/// The log as far as it has been read.
pub(crate) struct Log {
    topic: String,
    client: BaseConsumer,
    pub(crate) records: Records,
    pub(crate) times: Times,
    /// Of dead letters: the reason, and which event it is.
    pub(crate) letters: Vec<(String, Uuid)>,
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
            records: Records(vec![BTreeMap::new(); PARTITIONS as usize]),
            times: Times::default(),
            letters: Vec::new(),
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
        while (0..ends.len()).any(|partition| self.records.end(partition) < ends[partition]) {
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
                self.letters.push((String::from_utf8(reason).unwrap(), id));
            }
            let before = self.records.0[message.partition() as usize].insert(message.offset(), id);
            assert_eq!(before, None);
            let timestamp = message.timestamp().to_millis().unwrap();
            self.times
                .note(message.partition() as usize, message.offset(), timestamp);
        }
    }

    /// All there is.
    pub(crate) fn read(&mut self) {
        let ends = self.ends();
        self.read_to(&ends);
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
