//! The application of a world: one that receives and settles by hand, or `run` with a handler.
//!
//! What it does is answered as [`Seen`], in order, and judged by the world.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::super::calls::Calls;
use super::super::delivery::{Delivery, Received, Record};
use super::super::mail::Mailbox;
use super::super::run::RetryPolicy;
use super::super::slots::Slot;

type Records = VecDeque<Arc<Record<String>>>;
type Mail = Arc<Mailbox<String>>;

/// What the application did.
pub(super) enum Seen {
    /// A call began.
    Began(Received<String>),
    /// A record was handled.
    Handled(Received<String>),
}

pub(super) trait Application {
    /// Gives it records.
    fn give(&mut self, records: Records) -> Vec<Seen>;

    /// It begins a call, where it does not do that by itself.
    fn begin(&mut self) -> Vec<Seen>;

    /// One of the calls that wait ends.
    fn finish(&mut self, number: usize, fails: bool) -> Vec<Seen>;

    /// From here on no call waits that begins.
    fn make_haste(&mut self);

    /// Something is left to be begun or ended from outside.
    fn is_busy(&self) -> bool;
}

/// Receives deliveries, and settles them in any order.
pub(super) struct ByHand {
    mailbox: Mail,
    taken: Records,
    calls: Vec<Delivery<String>>,
}

impl ByHand {
    pub(super) fn start(mailbox: Mail) -> Box<dyn Application> {
        Box::new(Self {
            mailbox,
            taken: VecDeque::new(),
            calls: Vec::new(),
        })
    }
}

impl Application for ByHand {
    fn give(&mut self, mut records: Records) -> Vec<Seen> {
        self.taken.append(&mut records);
        Vec::new()
    }

    fn begin(&mut self) -> Vec<Seen> {
        let record = self.taken.pop_front();
        let begun = record.and_then(|record| Delivery::begin(record, Slot::take(&self.mailbox).unwrap()));
        let seen = begun.iter().map(|delivery| Seen::Began(delivery.received()));
        let seen = seen.collect();
        self.calls.extend(begun);
        seen
    }

    fn finish(&mut self, number: usize, fails: bool) -> Vec<Seen> {
        if self.calls.is_empty() {
            return Vec::new();
        }
        let delivery = self.calls.swap_remove(number % self.calls.len());
        if fails {
            delivery.fail("on purpose");
            return Vec::new();
        }
        let received = delivery.received();
        delivery.settle();
        vec![Seen::Handled(received)]
    }

    fn make_haste(&mut self) {}

    fn is_busy(&self) -> bool {
        !self.taken.is_empty() || !self.calls.is_empty()
    }
}

type Handler = Box<dyn Fn(Received<String>) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// The tasks of `run`, on a runtime whose time passes only when none of them can do anything. Of three calls one waits.
pub(super) struct ByRun {
    runtime: Runtime,
    calls: Calls<String>,
    handler: Arc<Handler>,
    notes: Arc<Mutex<Notes>>,
}

/// What the handler writes down.
#[derive(Default)]
struct Notes {
    seen: Vec<Seen>,
    /// Calls that wait until they are told to end; `true`: with an error.
    waiting: Vec<oneshot::Sender<bool>>,
    begun: usize,
    in_haste: bool,
}

impl ByRun {
    pub(super) fn start(mailbox: Mail) -> Box<dyn Application> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let no_retry = RetryPolicy {
            retries: 0,
            ..RetryPolicy::default()
        };
        let calls = runtime.block_on(async { Calls::new(6, 8, mailbox, no_retry) });
        let notes = Arc::new(Mutex::new(Notes::default()));
        let handler = {
            let notes = Arc::clone(&notes);
            move |received: Received<String>| handle(Arc::clone(&notes), received).boxed()
        };
        Box::new(Self {
            runtime,
            calls,
            handler: Arc::new(Box::new(handler)),
            notes,
        })
    }

    /// As the loop of `run`: starts what may start when it has records, and else only when it is told to, until nothing
    /// happens any more.
    fn go_on(&mut self, mut start: bool) -> Vec<Seen> {
        let Self {
            runtime,
            calls,
            handler,
            notes,
        } = self;
        runtime.block_on(async {
            for _ in 0..10_000 {
                if start {
                    calls.start(handler);
                }
                // Time passes when nothing else can.
                start = tokio::time::timeout(Duration::from_millis(1), calls.changed())
                    .await
                    .is_ok();
                if !start {
                    return;
                }
            }
            panic!("it is told to go on for ever");
        });
        std::mem::take(&mut notes.lock().unwrap().seen)
    }
}

async fn handle(notes: Arc<Mutex<Notes>>, received: Received<String>) -> Result<(), String> {
    let waits = {
        let mut notes = notes.lock().unwrap();
        notes.seen.push(Seen::Began(received.clone()));
        notes.begun += 1;
        let waits = notes.begun.is_multiple_of(3) && !notes.in_haste;
        waits.then(|| {
            let (tell, told) = oneshot::channel();
            notes.waiting.push(tell);
            told
        })
    };
    if let Some(told) = waits
        && told.await == Ok(true)
    {
        return Err("on purpose".to_owned());
    }
    notes.lock().unwrap().seen.push(Seen::Handled(received));
    Ok(())
}

impl Application for ByRun {
    fn give(&mut self, mut records: Records) -> Vec<Seen> {
        let some = !records.is_empty();
        self.calls.push(&mut records);
        self.go_on(some)
    }

    fn begin(&mut self) -> Vec<Seen> {
        self.go_on(false)
    }

    fn finish(&mut self, number: usize, fails: bool) -> Vec<Seen> {
        let tell = {
            let waiting = &mut self.notes.lock().unwrap().waiting;
            if waiting.is_empty() {
                return Vec::new();
            }
            let at = number % waiting.len();
            waiting.swap_remove(at)
        };
        tell.send(fails).ok();
        self.go_on(false)
    }

    fn make_haste(&mut self) {
        self.notes.lock().unwrap().in_haste = true;
    }

    fn is_busy(&self) -> bool {
        !self.notes.lock().unwrap().waiting.is_empty()
    }
}
