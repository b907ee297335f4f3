//! The claims about a consumer group, checked against the log, the ledgers and what the broker holds as committed.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fleetops_runtime::uuid::Uuid;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::cluster::{Cluster, PARTITIONS};
use crate::ledger;
use crate::log::{Log, patiently};
use crate::topic::dead_letters;
use crate::worker::{Task, Worker};

/// A group of consumers of one topic, and what is known about it.
pub(crate) struct Group<'a> {
    cluster: &'a Cluster,
    task: Task,
    log: Log,
    committed: BaseConsumer,
    /// The last committed offsets seen.
    last: Vec<i64>,
    /// One for each consumer there ever was.
    ledgers: Vec<PathBuf>,
}

impl<'a> Group<'a> {
    pub(crate) fn new(cluster: &'a Cluster, task: Task) -> Self {
        Self {
            log: Log::new(cluster, &task.topic),
            committed: cluster.client().set("group.id", &task.group).create().unwrap(),
            last: vec![0; PARTITIONS as usize],
            ledgers: Vec::new(),
            cluster,
            task,
        }
    }

    /// Starts one more consumer.
    pub(crate) fn join(&mut self) -> Worker {
        let name = format!("{}-{}", self.task.group, self.ledgers.len());
        let worker = Worker::start(self.cluster, &name, &self.task);
        self.ledgers.push(worker.ledger.clone());
        worker
    }

    /// What the broker holds as committed.
    fn committed(&self) -> Vec<i64> {
        let mut all = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            all.add_partition(&self.task.topic, partition);
        }
        let answer = patiently(|| {
            let answer = self
                .committed
                .committed_offsets(all.clone(), Duration::from_secs(5))?;
            answer.elements().iter().try_for_each(|element| element.error())?;
            rdkafka::error::KafkaResult::Ok(answer)
        });
        let offset = |offset| match offset {
            Offset::Offset(offset) => offset,
            _ => 0,
        };
        answer
            .elements()
            .iter()
            .map(|element| offset(element.offset()))
            .collect()
    }

    fn handled(&self) -> HashMap<Uuid, usize> {
        let mut count = HashMap::new();
        for record in self.ledgers.iter().flat_map(|path| ledger::handled(path)) {
            *count.entry(record.id).or_default() += 1;
        }
        count
    }

    /// The claim about commits: everything below a committed offset is in a ledger, and no commit goes back.
    #[track_caller]
    pub(crate) fn check_commits(&mut self) {
        let committed = self.committed();
        // In this order: what is handled meanwhile may be in the ledger, but was not when it was committed.
        let handled = self.handled();
        self.log.read_to(&committed);
        for (partition, offset) in committed.iter().enumerate() {
            assert!(
                *offset >= self.last[partition],
                "partition {partition}: committed {offset} after {}",
                self.last[partition]
            );
            let missing: Vec<_> = self
                .log
                .below(partition, *offset)
                .filter(|(_, id)| !handled.contains_key(id))
                .collect();
            assert!(
                missing.is_empty(),
                "partition {partition}: committed {offset}, and in no ledger: {missing:?}"
            );
        }
        self.last = committed;
    }

    /// Waits until all of the log is committed, which takes consumers that run.
    #[track_caller]
    pub(crate) fn wait_for_all(&mut self, consumers: &mut [Worker]) {
        let deadline = Instant::now() + Duration::from_secs(120);
        let ends = self.log.ends();
        while self.committed() != ends {
            assert!(
                consumers.iter_mut().all(Worker::running),
                "a consumer ended by itself"
            );
            assert!(
                Instant::now() < deadline,
                "committed {:?} of {ends:?} and no more",
                self.committed()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// All claims, once nothing runs any more. `sent`: all events of the scene. Answers a line about what happened.
    #[track_caller]
    pub(crate) fn check_all(mut self, sent: &HashSet<Uuid>, producer: &Worker) -> String {
        self.check_commits();
        self.log.read();

        // No false success: what was acknowledged is where the broker said, and nothing else is there.
        let acknowledged = ledger::acknowledged(&producer.ledger);
        let mut expected: HashMap<Uuid, usize> = HashMap::new();
        for told in &acknowledged {
            *expected.entry(told.id).or_default() += 1;
            let there = self.log.at(told.partition, told.offset);
            assert!(
                told.offset < 0 || there == Some(told.id),
                "{told:?}, but there is {there:?}"
            );
        }
        let firsts: HashSet<Uuid> = acknowledged
            .iter()
            .filter(|told| !told.again)
            .map(|told| told.id)
            .collect();
        assert_eq!(&firsts, sent, "all that was sent was acknowledged");
        assert_eq!(self.log.count(), expected, "each as often as it was acknowledged");

        // Nothing lost: each event was handled, and a dead letter is only of one that was.
        let handled = self.handled();
        let lost: Vec<_> = sent.iter().filter(|id| !handled.contains_key(id)).collect();
        assert!(lost.is_empty(), "never handled: {lost:?}");
        assert!(handled.keys().all(|id| sent.contains(id)));
        let mut letters = Log::new(self.cluster, &dead_letters(&self.task.topic));
        letters.read();

        // Order, by run.
        let runs: Vec<_> = self.ledgers.iter().map(|path| ledger::handled(path)).collect();
        let wrong: Vec<_> = runs.iter().flat_map(|run| ledger::disorder(run)).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");

        let calls: usize = handled.values().sum();
        format!(
            "{} events, {} records; {} consumers; handled {} times, so {} again; dead letters of handled events: {:?}",
            sent.len(),
            acknowledged.len(),
            runs.len(),
            calls,
            calls - sent.len(),
            letters.reasons,
        )
    }
}
