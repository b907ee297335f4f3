//! The consumer's thread: one round after another of notes, commits, and messages.
//!
//! The thread alone touches librdkafka's consumer. In each round it reads its notes, does what they ask, and then serves events and
//! takes records without waiting, a burst at a time, until nothing is left; then it sleeps until it is woken. It is woken by librdkafka when
//! something comes into an empty queue, by the mailbox when the first note is left, by the outbox when it has shrunk enough,
//! and by the last handler call of an assignment that is being given up. Each of these wake-ups is remembered if it comes
//! while the thread is awake; the time limit on the sleep is for the timers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio::sync::oneshot;

use super::context::{CommitAnswer, Context};
use super::core::{Core, Phase, Stop};
use super::error::ConsumerError;
use super::fetched::{Fetched, View};
use super::mail::Outbox;
use super::native;
use super::pressure::Verdict;
use crate::queue::Queue;
use crate::topic::Topic;
use crate::waker::Waker;

/// Messages between two looks at the notes.
const BURST: usize = 256;

/// The longest sleep.
const NAP: Duration = Duration::from_millis(100);

/// The sleep while reading is held back: short, because librdkafka's events wait too.
const HOLD: Duration = Duration::from_millis(10);

/// How long the last commit is tried for, where closing has used up its time already.
const LAST_COMMIT: Duration = Duration::from_secs(3);

/// How often the figures are made visible while records come.
const PUBLISH: Duration = Duration::from_millis(50);

/// Ends the stream for the application, however the thread ends.
struct Ending<E> {
    outbox: Arc<Outbox<E>>,
    topic: Arc<str>,
}

impl<E> Drop for Ending<E> {
    fn drop(&mut self) {
        // Where the stream has ended in order this changes nothing.
        self.outbox.end(Some(ConsumerError::ThreadEnded {
            topic: self.topic.to_string(),
        }));
    }
}

/// Starts the thread; it answers whether the client could be made, and at the end how closing went.
///
/// # Errors
/// The client's, or the operating system's if there is no thread to be had.
pub(crate) async fn spawn<T: Topic>(
    core: Core<T>,
    config: ClientConfig,
    describe: impl Fn(KafkaError) -> ConsumerError + Send + 'static,
) -> Result<oneshot::Receiver<Result<(), ConsumerError>>, ConsumerError> {
    let (ready, is_ready) = oneshot::channel();
    let (done, is_done) = oneshot::channel();
    let topic = Arc::clone(&core.settings.topic);
    let ended = ConsumerError::ThreadEnded {
        topic: topic.to_string(),
    };
    let no_thread = topic.to_string();
    let thread = std::thread::Builder::new().name(format!("fleetops-{topic}"));
    let spawned = thread.spawn(move || {
        let waker = Arc::clone(&core.waker);
        waker.register();
        let _ending = Ending {
            outbox: Arc::clone(&core.outbox),
            topic: Arc::clone(&topic),
        };
        let client = match connect(core, &config, &topic, &waker) {
            Ok(client) => client,
            Err(error) => return drop(ready.send(Err(describe(error)))),
        };
        let result = match Fetched::new(&client, BURST, waker) {
            Ok(mut fetched) => {
                // Nobody waits any more if `build` was given up: then the consumer's `Abandon` is in the mailbox, or will be.
                let _ = ready.send(Ok(()));
                rounds(&client, &mut fetched)
            }
            Err(error) => return drop(ready.send(Err(describe(error)))),
        };
        // Leaves the group. The callbacks that this makes find no partitions any more.
        drop(client);
        let _ = done.send(result);
    });
    if let Err(error) = spawned {
        return Err(ConsumerError::Configuration {
            topic: no_thread,
            message: format!("the operating system gives no thread: {error}"),
        });
    }
    is_ready.await.map_err(|_| ended)??;
    Ok(is_done)
}

fn connect<T: Topic>(
    core: Core<T>,
    config: &ClientConfig,
    topic: &str,
    waker: &Arc<Waker>,
) -> KafkaResult<BaseConsumer<Context<T>>> {
    let waker = Arc::clone(waker);
    let mut client: BaseConsumer<Context<T>> = config.create_with_context(Context::new(core))?;
    client.set_nonempty_callback(move || waker.wake());
    client.subscribe(&[topic])?;
    Ok(client)
}

/// Runs until the thread is told to stop.
fn rounds<T: Topic>(
    client: &BaseConsumer<Context<T>>,
    fetched: &mut Fetched<'_, Context<T>>,
) -> Result<(), ConsumerError> {
    let context = Arc::clone(client.context());
    let mut published = Instant::now();
    let stop = loop {
        let (verdict, timers) = {
            let mut core = context.core();
            if let Some(stop) = core.read_notes() {
                core.stop = Some(stop);
            }
            if let Some(stop) = core.stop.take() {
                break stop;
            }
            core.commits_answered(context.commit_answers());
            core.gather(fetched);
            core.round(client)
        };
        let mut busy = false;
        if verdict != Verdict::Hold {
            busy = burst(client, fetched, &context);
        }
        let mut core = context.core();
        core.hand_out();
        if !busy || published.elapsed() >= PUBLISH {
            published = Instant::now();
            let topic = Arc::clone(&core.settings.topic);
            core.publish(Some(&|partition| {
                native::cached_high_watermark(client, &topic, partition)
            }));
        }
        let ended = core.at_end();
        drop(core);
        if verdict == Verdict::Hold {
            std::thread::park_timeout(HOLD);
        } else if !busy && !ended {
            std::thread::park_timeout(NAP.min(timers));
        }
    };
    close(client, &context, stop)
}

/// Serves events and takes records without waiting, and gives the engines what came. Returns whether there may be more.
fn burst<T: Topic>(
    client: &BaseConsumer<Context<T>>,
    fetched: &mut Fetched<'_, Context<T>>,
    context: &Context<T>,
) -> bool {
    for _ in 0..BURST {
        match client.poll(Duration::ZERO) {
            // From before its partition was redirected.
            Some(Ok(message)) => {
                if let Some(message) = View::of(&message) {
                    context.core().message(message);
                }
            }
            Some(Err(error)) => context.core().told(&error),
            // An event that is no message was served, or there is nothing.
            None if Queue::of_consumer(client).is_none_or(|queue| queue.is_empty()) => {
                let messages = fetched.take();
                let all = messages.len() == BURST;
                let mut core = context.core();
                messages.for_each(|message| core.handed(client, message.view()));
                core.feed_all();
                return all;
            }
            None => {}
        }
    }
    context.core().feed_all();
    true
}

fn close<T: Topic>(
    client: &BaseConsumer<Context<T>>,
    context: &Context<T>,
    stop: Stop,
) -> Result<(), ConsumerError> {
    let mut core = context.core();
    core.closing = true;
    core.phase = Phase::Ended;
    core.outbox.end(None);
    let numbers: Vec<i32> = core.partitions.keys().copied().collect();
    let mut result = Ok(());
    if let Stop::Close(deadline) = stop {
        core.drain(&numbers, deadline);
        drop(core);
        let committed = last_commit(client, context, deadline.max(Instant::now() + LAST_COMMIT));
        core = context.core();
        result = committed.map_err(|error| ConsumerError::Commit {
            topic: core.settings.topic.to_string(),
            group: core.settings.group.clone(),
            detail: error.to_string(),
        });
    }
    if let Some(error) = core.late_error.take()
        && matches!(stop, Stop::Close(_))
    {
        result = Err(error);
    }
    let numbers: Vec<i32> = core.partitions.keys().copied().collect();
    core.give_up(&numbers);
    core.publish(None);
    tracing::info!(
        topic = &*core.settings.topic,
        group = core.settings.group,
        ?stop,
        "leaving the group"
    );
    result
}

/// Commits what was settled. Where the group is just being rebalanced, or its coordinator has moved, no commit is taken until
/// that is over; so librdkafka is polled, which lets it go on, and the commit is tried again until the time is over.
fn last_commit<T: Topic>(
    client: &BaseConsumer<Context<T>>,
    context: &Context<T>,
    until: Instant,
) -> Result<(), KafkaError> {
    loop {
        let answer = {
            let mut core = context.core();
            // A rebalance meanwhile takes partitions away, and commits them.
            let numbers: Vec<i32> = core.partitions.keys().copied().collect();
            core.commit_now(client, &numbers)
        };
        let Err(error) = answer else { return Ok(()) };
        if Instant::now() >= until || !passes(&error) {
            return Err(error);
        }
        let again = Instant::now() + NAP;
        while let Some(left) = again.checked_duration_since(Instant::now()) {
            // Records that come now are for whoever is next.
            let _ = client.poll(left);
        }
    }
}

/// What is to be done about an error that lasts.
fn advice(code: RDKafkaErrorCode) -> &'static str {
    use RDKafkaErrorCode as Code;
    match code {
        Code::TopicAuthorizationFailed => {
            "; the brokers need an ACL that lets this principal read the topic (operations Read and Describe)"
        }
        Code::GroupAuthorizationFailed => {
            "; the brokers need an ACL that lets this principal be a member of the group (operation Read on the group)"
        }
        Code::Authentication | Code::SaslAuthenticationFailed => "; check the sasl.* settings",
        Code::UnknownTopic | Code::UnknownTopicOrPartition => {
            "; create the topic: `fleetops-registry topics apply`"
        }
        Code::FencedInstanceId => {
            "; another member of the group has the same group.instance.id: give each its own"
        }
        Code::AutoOffsetReset => {
            "; there is no committed offset to begin at, or it is gone from the log, and auto.offset.reset is set to error"
        }
        _ => "",
    }
}

/// Whether it says that records in the log cannot be read: a wrong checksum, a compression that fails or is unknown. librdkafka goes
/// on behind them.
fn is_unreadable(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::BadMessage | Code::BadCompression | Code::NotImplemented
    )
}

/// Whether a refused commit may be taken later.
fn passes(error: &KafkaError) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        error.rdkafka_error_code(),
        Some(
            Code::RebalanceInProgress
                | Code::IllegalGeneration
                | Code::UnknownMemberId
                | Code::NotCoordinator
                | Code::CoordinatorNotAvailable
                | Code::CoordinatorLoadInProgress
                | Code::WaitingForCoordinator
                | Code::RequestTimedOut
                | Code::OperationTimedOut
                | Code::BrokerTransportFailure
        )
    )
}

impl<T: Topic> Core<T> {
    /// Redirects what is fetched from partitions that were assigned.
    fn gather(&mut self, fetched: &Fetched<'_, Context<T>>) {
        for (number, partition) in &mut self.partitions {
            if !partition.gathered {
                partition.gathered = true;
                fetched.gather(&self.settings.topic, *number);
            }
        }
    }

    /// A record of the thread's queue, or an error in its place.
    fn handed(&mut self, client: &BaseConsumer<Context<T>>, message: View<'_>) {
        let Some(error) = message.error() else {
            return self.message(message);
        };
        let (number, offset) = (message.partition(), message.offset());
        if error.rdkafka_error_code().is_some_and(is_unreadable) {
            self.feed_all();
            return self.fail(ConsumerError::Kafka {
                topic: self.settings.topic.to_string(),
                group: self.settings.group.clone(),
                detail: format!(
                    "partition {number}, offset {offset}: {error}; the records there cannot be read: \
                     `fleetops-registry groups reset` moves the group past them"
                ),
            });
        }
        self.told(&error);
        // Of a partition that was read to its end nothing more is wanted.
        let reading = self
            .partitions
            .get(&number)
            .is_some_and(|partition| !partition.reached);
        if offset >= 0 && reading && self.phase == Phase::Reading {
            let back = Fetched::back_to(client, &self.settings.topic, number, offset);
            if let Err(error) = back {
                self.fail(ConsumerError::Kafka {
                    topic: self.settings.topic.to_string(),
                    group: self.settings.group.clone(),
                    detail: format!(
                        "partition {number}: after an error, reading could not go on at offset {offset}: {error}"
                    ),
                });
            }
        }
    }

    fn told(&mut self, error: &KafkaError) {
        // What came before it counts.
        self.feed_all();
        self.kafka_error(error);
    }

    /// What a round does before it polls. Returns how much to read, and when the next timer is due.
    fn round(&mut self, client: &BaseConsumer<Context<T>>) -> (Verdict, Duration) {
        if let Some(letters) = &mut self.letters {
            letters.pump();
        }
        if self.at_end() {
            self.finish();
        }
        self.hand_out();
        let now = self.now();
        let verdict = self.pressure.observe(self.load(true), now);
        if verdict == Verdict::Pause {
            self.totals.pauses += 1;
            tracing::info!(
                topic = &*self.settings.topic,
                group = self.settings.group,
                backlog = self.load(true),
                "the application is behind: reading is paused until the backlog is down to a quarter"
            );
        }
        self.set_pauses(client);
        let mut timers = self.ask_for_ends().unwrap_or(NAP);
        if self.book.is_due(now) {
            self.commit_soon(client);
        } else {
            timers = timers.min(self.book.next_in(now));
        }
        (verdict, timers.max(Duration::from_millis(1)))
    }

    /// Tells librdkafka from which partitions to fetch.
    fn set_pauses(&mut self, client: &BaseConsumer<Context<T>>) {
        let wanted: Vec<i32> = if self.pressure.paused() {
            self.partitions.keys().copied().collect()
        } else {
            self.idle_partitions()
        };
        let mut pause = TopicPartitionList::new();
        let mut resume = TopicPartitionList::new();
        for (number, partition) in &mut self.partitions {
            let wanted = wanted.binary_search(number).is_ok();
            if wanted != partition.paused {
                partition.paused = wanted;
                let list = if wanted { &mut pause } else { &mut resume };
                list.add_partition(&self.settings.topic, *number);
            }
        }
        for (list, what, result) in [
            (&pause, "pause", (pause.count() > 0).then(|| client.pause(&pause))),
            (
                &resume,
                "resume",
                (resume.count() > 0).then(|| client.resume(&resume)),
            ),
        ] {
            match result {
                Some(Ok(())) => tracing::debug!(partitions = ?list, what, "reading"),
                Some(Err(error)) => tracing::warn!(partitions = ?list, what, %error, "reading"),
                None => {}
            }
        }
    }

    /// Commits asynchronously what is new.
    fn commit_soon(&mut self, client: &BaseConsumer<Context<T>>) {
        let now = self.now();
        let numbers: Vec<i32> = self.partitions.keys().copied().collect();
        let (offers, list) = self.commit_request(&numbers, false);
        if offers.is_empty() {
            self.book.sent(now, offers);
            return;
        }
        tracing::debug!(?offers, "committing");
        match native::commit_async(client, &list) {
            Ok(()) => {
                self.commit_sent = now;
                self.book.sent(now, offers);
            }
            Err(error) => {
                self.totals.commits_failed += 1;
                tracing::warn!(%error, ?offers, "the commit could not be sent");
                self.book.sent(now, Vec::new());
            }
        }
    }

    fn commits_answered(&mut self, answers: Vec<CommitAnswer>) {
        for (result, parts) in answers {
            self.meter.committed(self.now().saturating_sub(self.commit_sent));
            let taken = |partition: i32| {
                result.is_ok()
                    && parts
                        .iter()
                        .any(|(number, part)| *number == partition && part.is_ok())
            };
            self.book.answered(taken);
            let refused = parts.iter().find_map(|(number, part)| {
                let error = part.as_ref().err().or(result.as_ref().err())?;
                Some((number, error))
            });
            match refused {
                None if result.is_ok() => self.totals.commits += 1,
                None => self.totals.commits_failed += 1,
                Some((partition, error)) => {
                    self.totals.commits_failed += 1;
                    tracing::warn!(
                        topic = &*self.settings.topic, group = self.settings.group, partition, %error,
                        "a commit was refused; it is tried again"
                    );
                }
            }
        }
    }

    /// An error that librdkafka reports in place of a message.
    fn kafka_error(&mut self, error: &KafkaError) {
        use RDKafkaErrorCode as Code;
        let code = match error {
            KafkaError::PartitionEOF(partition) => {
                self.end_of_partition(*partition);
                return;
            }
            KafkaError::MessageConsumption(code) | KafkaError::Global(code) => *code,
            _ => Code::Fatal,
        };
        let lasting = match code {
            Code::Fatal
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::FencedInstanceId
            | Code::AutoOffsetReset
            | Code::InvalidTopic => true,
            // A topic may be made later, but then this is no stream with an end to read to.
            Code::UnknownTopicOrPartition | Code::UnknownTopic => self.settings.until_end,
            // Also before the partition was redirected.
            code => is_unreadable(code),
        };
        if lasting {
            self.fail(ConsumerError::Kafka {
                topic: self.settings.topic.to_string(),
                group: self.settings.group.clone(),
                detail: format!("{error}{}", advice(code)),
            });
        } else {
            tracing::warn!(
                topic = &*self.settings.topic, group = self.settings.group, %error, "librdkafka reports an error and goes on"
            );
        }
    }
}
