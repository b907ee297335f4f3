//! The tasks of `run` on a runtime, with time that does not pass: what they leave to others is begun.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::calls::Calls;
use super::super::delivery::{Body, Made, Received, Record};
use super::super::gate::Assignment;
use super::super::mail::Mailbox;
use super::super::raw::Raw;
use super::super::run::RetryPolicy;
use super::super::slots::Slots;
use crate::observe::HandlingMeter;
use crate::waker::Waker;

const NO_RETRY: RetryPolicy = RetryPolicy {
    retries: 0,
    min_delay: Duration::ZERO,
    max_delay: Duration::ZERO,
};

/// Calls of so many records, of which each `lanes`th is of one lane.
fn calls(records: i64, lanes: i64) -> Calls<()> {
    let waker = Arc::new(Waker::default());
    let assignment = Assignment::new(0, 1, &Arc::from("t"), Arc::clone(&waker));
    let mailbox = Arc::new(Mailbox::new(
        waker,
        HandlingMeter::new("t", "group"),
        Slots::new(usize::MAX),
    ));
    let mut calls = Calls::new(100, 100, mailbox, NO_RETRY);
    let record = |offset| {
        let made = Made {
            body: Body::Event(()),
            lane: Some((offset % lanes) as u64),
        };
        Arc::new(Record {
            assignment: Arc::clone(&assignment),
            offset,
            timestamp_ms: None,
            raw: Raw::default(),
            made: Some(Box::new(made)),
        })
    };
    calls.push(&mut (0..records).map(record).collect::<VecDeque<_>>());
    calls
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// Lanes of two records each. All first calls are over at once, and every second one but the last lane's waits for ever: each
/// task takes second ones by itself, and then has to wait. What is left must not wait with it.
pub(super) fn waiting_calls_hold_up_no_lane(_: u32) -> Option<String> {
    (2..40).find_map(|lanes| block_on(begun_of(lanes)))
}

async fn begun_of(lanes: i64) -> Option<String> {
    let mut calls = calls(2 * lanes, lanes);
    let begun = Arc::new(Mutex::new(BTreeSet::new()));
    let handler = {
        let begun = Arc::clone(&begun);
        Arc::new(move |received: Received<()>| {
            let begun = Arc::clone(&begun);
            async move {
                let offset = received.offset();
                begun.lock().unwrap().insert(offset);
                if offset >= lanes && offset != 2 * lanes - 1 {
                    std::future::pending::<()>().await;
                }
            }
        })
    };
    let all = async {
        loop {
            calls.start(&handler);
            calls.changed().await;
        }
    };
    let ended: Result<(), _> = tokio::time::timeout(Duration::from_secs(60), all).await;
    assert!(ended.is_err());
    let begun = begun.lock().unwrap().len();
    (begun != 2 * lanes as usize).then(|| format!("{begun} of {} calls have begun", 2 * lanes))
}

/// Whoever starts tasks starts as many as there is work for, and not one each time it is told.
pub(super) fn start_leaves_nothing(_: u32) -> Option<String> {
    block_on(async {
        let mut calls = calls(9, 9);
        calls.start(&Arc::new(|_: Received<()>| async {}));
        calls
            .may_start()
            .then(|| format!("{calls:?} after the start, and more may"))
    })
}
