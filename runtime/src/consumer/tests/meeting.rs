//! What the tasks of `run` and their starter do, as steps each of which touches what they share ([`Due`], the starter's remembered
//! wake-up, the outbox) once.
//!
//! Written down a second time, without tasks: [`super::super::calls`] and [`super::super::run`] do the same. What they decide is
//! in [`Due`], which is the real one. A step that answers that the starter is to be told and the telling are two steps, because others
//! may come between.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::super::dispatch::Lane;
use super::super::due::Due;

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
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
pub(super) struct Case {
    /// Lane and kind of each record.
    pub(super) records: Vec<(u64, Kind)>,
    /// How many come at a time.
    pub(super) at_a_time: usize,
    pub(super) cap: usize,
    pub(super) threads: usize,
    pub(super) low: usize,
    /// The starter takes no more than this.
    pub(super) most: usize,
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
pub(super) enum Step {
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
pub(super) struct State<'a> {
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
    pub(super) fn new(case: &'a Case) -> Self {
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
    pub(super) fn steps(&self) -> Vec<Step> {
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

    pub(super) fn step(&mut self, step: Step) {
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
    pub(super) fn wrong(&self) -> Option<String> {
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
    pub(super) fn after(&self, step: Step) -> Self {
        let mut next = self.clone();
        next.step(step);
        next.tasks.retain(|task| *task != Task::Gone);
        next.tasks.sort_unstable();
        next
    }

    /// A number for the state. That two of a million states share one happens once in a hundred million times.
    pub(super) fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let numbers = (self.come, self.taken, self.ended, self.told, self.begun);
        (numbers, self.starter, &self.tasks, self.due.running()).hash(&mut hasher);
        self.due.dispatcher().parts().hash(&mut hasher);
        hasher.finish()
    }
}
