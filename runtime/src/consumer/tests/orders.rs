//! Every order in which the tasks of `run` can meet, for small cases: no wake-up is lost in any of them.
//!
//! What the tasks and their starter do is written down here as steps, each of which touches what they share ([`Due`], the
//! starter's remembered wake-up, the outbox) once. From the beginning of a case every step of everybody is tried, and from each
//! state that this leads to again, until nobody can do anything. Then nothing may be left that somebody should do. Larger cases go
//! one way each, by chance.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use proptest::prelude::*;

use super::super::dispatch::Lane;
use super::super::due::Due;
use super::properties::fails;

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    /// It is over at once.
    Now,
    /// It waits, and ends at some time.
    Later,
    /// It waits for ever.
    Never,
    /// It never gives its thread back.
    Stuck,
}

/// What comes, and how much may run.
#[derive(Clone, Debug)]
struct Case {
    /// Lane and kind of each record.
    records: Vec<(u64, Kind)>,
    /// How many come at a time.
    at_a_time: usize,
    cap: usize,
    threads: usize,
    low: usize,
    /// The starter takes no more than this.
    most: usize,
}

/// What the starter does next: the loop of `run`, and then the one that sees out what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Starter {
    Start { last: bool },
    Room,
    Wait { room: usize },
    Over,
    WaitForLast,
    Done,
}

/// A call of a task.
type Call = (Lane, Kind);

/// What a task does next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Task {
    /// Polls its calls, each once.
    Poll(Vec<Call>),
    /// All were over.
    Next(Vec<Lane>),
    /// Some wait.
    Leave {
        over: Vec<Lane>,
        waiting: Vec<Call>,
    },
    /// Ends those that were over, and those that end.
    End {
        over: Vec<Lane>,
        waiting: Vec<Call>,
    },
    /// Tells the starter, and goes on.
    Tell(Box<Task>),
    Gone,
}

impl Task {
    fn after(tell: bool, then: Self) -> Self {
        if tell { Self::Tell(Box::new(then)) } else { then }
    }

    /// It takes calls by itself: nobody else may have to.
    fn takes(&self) -> bool {
        match self {
            Self::Poll(_) | Self::Next(_) | Self::Leave { .. } => true,
            Self::Tell(then) => then.takes(),
            Self::End { .. } | Self::Gone => false,
        }
    }
}

/// Who makes a step.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Records come into the outbox, or the stream ends.
    Come,
    /// The starter goes on.
    Go,
    /// The starter wakes up because it was told.
    Wake,
    /// The starter takes what came.
    Take,
    /// A task goes on.
    Task(usize),
    /// A waiting call of a task ends.
    Ends(usize, usize),
}

#[derive(Clone, Debug)]
struct State<'a> {
    case: &'a Case,
    due: Due<Kind>,
    come: usize,
    taken: usize,
    ended: bool,
    told: bool,
    begun: usize,
    starter: Starter,
    tasks: Vec<Task>,
}

impl<'a> State<'a> {
    fn new(case: &'a Case) -> Self {
        Self {
            case,
            due: Due::new(case.cap, case.low, case.threads),
            come: 0,
            taken: 0,
            ended: false,
            told: false,
            begun: 0,
            starter: Starter::Start { last: false },
            tasks: Vec::new(),
        }
    }

    /// All steps that somebody can make.
    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if !self.ended {
            steps.push(Step::Come);
        }
        match self.starter {
            Starter::Start { .. } | Starter::Room | Starter::Over => steps.push(Step::Go),
            Starter::Wait { room } => {
                if self.told {
                    steps.push(Step::Wake);
                }
                if room > 0 && (self.come > self.taken || self.ended) {
                    steps.push(Step::Take);
                }
            }
            Starter::WaitForLast if self.told => steps.push(Step::Wake),
            Starter::WaitForLast | Starter::Done => {}
        }
        for (number, task) in self.tasks.iter().enumerate() {
            match task {
                Task::Poll(calls) if calls.iter().any(|(_, kind)| *kind == Kind::Stuck) => {}
                Task::End { over, waiting } if over.is_empty() => {
                    let ends = waiting
                        .iter()
                        .enumerate()
                        .filter(|(_, (_, kind))| *kind == Kind::Later);
                    steps.extend(ends.map(|(at, _)| Step::Ends(number, at)));
                }
                Task::Gone => {}
                _ => steps.push(Step::Task(number)),
            }
        }
        steps
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Come if self.come < self.case.records.len() => {
                self.come = (self.come + self.case.at_a_time).min(self.case.records.len());
            }
            Step::Come => self.ended = true,
            Step::Go => self.go(),
            Step::Wake => {
                self.told = false;
                self.starter = Starter::Start {
                    last: self.starter == Starter::WaitForLast,
                };
            }
            Step::Take => self.take(),
            Step::Task(number) => {
                let task = std::mem::replace(&mut self.tasks[number], Task::Gone);
                self.tasks[number] = self.task(task);
            }
            Step::Ends(number, at) => {
                let Task::End { over, waiting } = &mut self.tasks[number] else {
                    return;
                };
                let (lane, _) = waiting.swap_remove(at);
                let then = if waiting.is_empty() {
                    Task::Gone
                } else {
                    Task::End {
                        over: std::mem::take(over),
                        waiting: std::mem::take(waiting),
                    }
                };
                let tell = self.due.end(&mut vec![lane]);
                self.tasks[number] = Task::after(tell, then);
            }
        }
    }

    fn go(&mut self) {
        self.starter = match self.starter {
            Starter::Start { last } => {
                let mut calls = Vec::new();
                self.due.come(Some, &mut calls);
                if calls.is_empty() {
                    if last { Starter::Over } else { Starter::Room }
                } else {
                    self.begun += calls.len();
                    self.tasks.push(Task::Poll(calls));
                    Starter::Start { last }
                }
            }
            Starter::Room => Starter::Wait {
                room: self.case.most.saturating_sub(self.due.queued()),
            },
            Starter::Over if self.due.is_over() => Starter::Done,
            Starter::Over => Starter::WaitForLast,
            other => other,
        };
    }

    /// The starter's outbox has something for it: records as far as it has room, or the end.
    fn take(&mut self) {
        let Starter::Wait { room } = self.starter else {
            return;
        };
        if self.come == self.taken {
            self.starter = Starter::Over;
            return;
        }
        let until = self.come.min(self.taken + room);
        for (lane, kind) in &self.case.records[self.taken..until] {
            self.due.push(Some(*lane), *kind);
        }
        self.taken = until;
        self.starter = Starter::Start { last: false };
    }

    fn task(&mut self, task: Task) -> Task {
        match task {
            Task::Poll(calls) => {
                let (over, waiting): (Vec<Call>, Vec<Call>) =
                    calls.into_iter().partition(|(_, kind)| *kind == Kind::Now);
                let over = over.into_iter().map(|(lane, _)| lane).collect();
                if waiting.is_empty() {
                    Task::Next(over)
                } else {
                    Task::Leave { over, waiting }
                }
            }
            Task::Next(mut over) => {
                let mut calls = Vec::new();
                let tell = self.due.next(&mut over, Some, &mut calls);
                self.begun += calls.len();
                let then = if calls.is_empty() {
                    Task::Leave { over, waiting: calls }
                } else {
                    Task::Poll(calls)
                };
                Task::after(tell, then)
            }
            Task::Leave { over, waiting } => {
                let tell = self.due.leave();
                let then = if over.is_empty() && waiting.is_empty() {
                    Task::Gone
                } else {
                    Task::End { over, waiting }
                };
                Task::after(tell, then)
            }
            Task::End { mut over, waiting } => {
                let mut ended: Vec<Lane> = over.pop().into_iter().collect();
                let tell = self.due.end(&mut ended);
                Task::after(tell, Task::End { over, waiting })
            }
            Task::Tell(then) => {
                self.told = true;
                *then
            }
            Task::Gone => Task::Gone,
        }
    }

    /// What is wrong where nobody can do anything any more.
    fn wrong(&self) -> Option<String> {
        let left = self.case.records.len() - self.begun;
        let takers = self.tasks.iter().filter(|task| task.takes()).count();
        let waits = matches!(self.starter, Starter::Wait { .. });
        let all_end = self
            .case
            .records
            .iter()
            .all(|(_, kind)| matches!(kind, Kind::Now | Kind::Later));
        let what = if self.starter == Starter::Done && left > 0 {
            "the end is declared, and calls have not begun"
        } else if self.starter != Starter::Done && all_end {
            "all calls have ended, and the stream does not"
        } else if self.due.may_start() && takers < self.due.enough() {
            "a call may begin, and nobody begins it"
        } else if waits && self.come > self.taken && self.due.queued() <= self.case.low {
            "few calls are queued, and what has come is not taken"
        } else {
            return None;
        };
        Some(format!("{what}: {left} left, {self:?}"))
    }

    /// Makes a step. Tasks that are gone are forgotten, and the others put in an order that does not tell who came first.
    fn after(&self, step: Step) -> Self {
        let mut next = self.clone();
        next.step(step);
        next.tasks.retain(|task| *task != Task::Gone);
        next.tasks.sort_unstable();
        next
    }

    /// A number for the state. That two of a million states share one happens once in a hundred million times.
    fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let numbers = (self.come, self.taken, self.ended, self.told, self.begun);
        (numbers, self.starter, &self.tasks, self.due.running()).hash(&mut hasher);
        self.due.dispatcher().parts().hash(&mut hasher);
        hasher.finish()
    }
}

/// Goes through all orders of a case. Answers what is wrong in one, and how many states there were.
fn all_orders(case: &Case) -> Result<usize, String> {
    let mut seen = HashSet::new();
    let mut open = vec![State::new(case)];
    while let Some(state) = open.pop() {
        let steps = state.steps();
        if steps.is_empty()
            && let Some(wrong) = state.wrong()
        {
            return Err(wrong);
        }
        for step in steps {
            let next = state.after(step);
            if seen.insert(next.key()) {
                open.push(next);
            }
        }
    }
    Ok(seen.len())
}

/// Lanes of so many records, each pattern once: a new lane has the lowest number that is free.
fn lanes(records: usize) -> Vec<Vec<u64>> {
    let mut patterns = vec![vec![]];
    for _ in 0..records {
        let longer = |pattern: &Vec<u64>| {
            let new = pattern.iter().max().map_or(0, |max| max + 1);
            let pattern = pattern.clone();
            (0..=new).map(move |lane| [&pattern[..], &[lane]].concat())
        };
        patterns = patterns.iter().flat_map(longer).collect();
    }
    patterns
}

const KINDS: [Kind; 4] = [Kind::Now, Kind::Later, Kind::Never, Kind::Stuck];

/// Up to three records of all kinds in all lanes.
fn small_cases() -> impl Iterator<Item = Case> {
    (1_u32..=3).flat_map(|records| {
        let kinds = (0..4_usize.pow(records)).map(move |number| {
            let kind = |at| KINDS[number / 4_usize.pow(at) % 4];
            (0..records).map(kind).collect::<Vec<_>>()
        });
        kinds.flat_map(move |kinds| {
            lanes(records as usize).into_iter().flat_map(move |lanes| {
                let records: Vec<(u64, Kind)> = lanes.into_iter().zip(kinds.clone()).collect();
                [(1, 2, 2), (3, 3, 3)].map(|(at_a_time, cap, most)| Case {
                    records: records.clone(),
                    at_a_time,
                    cap,
                    threads: 1,
                    low: most / 2,
                    most,
                })
            })
        })
    })
}

/// Four lanes at once, so many that a task makes two calls together; all are over at once, and behind them are calls of any two kinds.
fn wide_cases() -> impl Iterator<Item = Case> {
    let pairs = (0..16).map(|number| (KINDS[number % 4], KINDS[number / 4]));
    let kinds = pairs.filter(|(one, other)| one <= other);
    kinds.map(|(one, other)| {
        let behind = [one, one, other, other];
        let first = (0..4).map(|lane| (lane, Kind::Now));
        Case {
            records: first.chain((0..4).zip(behind)).collect(),
            at_a_time: 8,
            cap: 8,
            threads: 1,
            low: 4,
            most: 8,
        }
    })
}

fn none_is_lost(cases: impl Iterator<Item = Case>) -> Option<String> {
    let mut states = 0;
    for case in cases {
        match all_orders(&case) {
            Ok(some) => states += some,
            Err(wrong) => return Some(wrong),
        }
    }
    println!("{states} states");
    None
}

/// No order of a small case loses a wake-up.
pub(super) fn all_small(_: u32) -> Option<String> {
    none_is_lost(small_cases())
}

/// No order loses one where tasks make several calls.
pub(super) fn all_wide(_: u32) -> Option<String> {
    none_is_lost(wide_cases())
}

fn cases() -> impl Strategy<Value = Case> {
    let kind = prop_oneof![
        12 => Just(Kind::Now),
        4 => Just(Kind::Later),
        1 => Just(Kind::Never),
        1 => Just(Kind::Stuck),
    ];
    let records = proptest::collection::vec((0_u64..12, kind), 1..40);
    (records, 1_usize..20, 1_usize..20, 1_usize..3, 2_usize..40).prop_map(
        |(records, at_a_time, cap, threads, most)| Case {
            records,
            at_a_time,
            cap,
            threads,
            low: most / 2,
            most,
        },
    )
}

/// No wake-up is lost in larger cases either, in orders by chance.
pub(super) fn some_large(tries: u32) -> Option<String> {
    fails(tries, &(cases(), any::<u64>()), |(case, mut seed)| {
        let mut state = State::new(&case);
        loop {
            let steps = state.steps();
            if steps.is_empty() {
                return state.wrong();
            }
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state.step(steps[(seed >> 33) as usize % steps.len()]);
        }
    })
}

/// A task that makes many calls tells the starter that few are left once, and at the end that none runs; not after each call.
pub(super) fn told_once(_: u32) -> Option<String> {
    let mut due = Due::new(1, 10, 1);
    (0..20).for_each(|n| due.push(Some(1), n));
    let mut calls = Vec::new();
    due.come(Some, &mut calls);
    let mut told = Vec::new();
    while !calls.is_empty() {
        let mut over = calls.drain(..).map(|(lane, _)| lane).collect();
        if due.next(&mut over, Some, &mut calls) {
            told.push(due.queued());
        }
    }
    (told != [10, 0]).then(|| format!("told with so many queued: {told:?}"))
}
