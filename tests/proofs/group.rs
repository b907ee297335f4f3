//! The claims about a consumer group, checked against the log, the ledgers and what the broker holds as committed.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use fleetops_runtime::uuid::Uuid;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};

use crate::claims;
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

    fn runs(&self) -> Vec<Vec<ledger::Handled>> {
        self.ledgers.iter().map(|path| ledger::handled(path)).collect()
    }

    /// The claim about commits: everything below a committed offset is in a ledger, and no commit goes back.
    #[track_caller]
    pub(crate) fn check_commits(&mut self) {
        let committed = self.committed();
        // In this order: what is handled meanwhile may be in the ledger, but was not when it was committed.
        let handled = claims::count(&self.runs());
        self.log.read_to(&committed);
        let wrong =
            |letters: &_| claims::commits(&self.last, &committed, &self.log.records, &handled, letters);
        if !wrong(&claims::Letters::new()).is_empty() {
            // What was refused is told apart from what is nowhere.
            self.hold(wrong(&self.letters()));
        }
        self.last = committed;
    }

    /// The dead letters that there are now.
    fn letters(&self) -> claims::Letters {
        let mut log = Log::new(self.cluster, &dead_letters(&self.task.topic));
        log.read();
        let mut letters = claims::Letters::new();
        for (reason, id) in log.letters {
            letters.entry(id).or_default().push(reason);
        }
        letters
    }

    /// Fails where a claim does not hold, and says what the dead letters say.
    #[track_caller]
    fn hold(&self, wrong: Vec<String>) {
        assert!(
            wrong.is_empty(),
            "{wrong:#?}\ndead letters: {:#?}",
            self.letters()
        );
    }

    /// Waits until all of the log is committed, which takes consumers that run.
    #[track_caller]
    pub(crate) fn wait_for_all(&mut self, consumers: &mut [Worker]) {
        // What waits for a frame that never comes is held for so long.
        let deadline = Instant::now() + self.task.hold + Duration::from_secs(120);
        let ends = self.log.ends();
        while self.committed() != ends {
            consumers.iter_mut().for_each(Worker::still_runs);
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
        let acknowledged = ledger::acknowledged(&producer.ledger);
        self.hold(claims::acknowledgements(sent, &acknowledged, &self.log.records));
        let runs = self.runs();
        let handled = claims::count(&runs);
        let letters = self.letters();
        self.hold(claims::nothing_lost(sent, &handled, &letters));
        let times = &self.log.times;
        self.hold(runs.iter().flat_map(|run| claims::order(run, times)).collect());

        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for reason in letters.values().flatten() {
            *reasons.entry(reason).or_default() += 1;
        }
        let calls: usize = handled.values().sum();
        format!(
            "{} events, {} records; {} consumers; handled {} times, so {} again; {:?}; dead letters: {:?}",
            sent.len(),
            acknowledged.len(),
            runs.len(),
            calls,
            calls - sent.len(),
            claims::fates(sent, &handled, &letters),
            reasons,
        )
    }
}
