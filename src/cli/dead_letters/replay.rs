//! `dead-letters replay`: count what is meant, ask, send, and tell what was acknowledged.
//!
//! The topic is read twice, up to the end that it had at first: once to say what would be done, once to do it. So no letter
//! need be kept, and one that dies again meanwhile is not sent round and round.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use fleetops_registry::dead_letters::DeadLetter;
use fleetops_registry::dead_letters::letter::Place;
use fleetops_registry::dead_letters::replay::{Answer, Replay};
use rdkafka::error::KafkaError;
use tokio_util::sync::CancellationToken;

use super::super::confirm::confirm;
use super::super::dev::{cancel_on_signal, runtime};
use super::super::{CliError, Format, Global, Outcome};
use super::{There, show};

/// How long the end waits for acknowledgements: longer than any record may.
const CLOSING: Duration = Duration::from_secs(40);

/// What would be sent.
#[derive(Debug, Default)]
struct Plan {
    letters: u64,
    reasons: BTreeMap<String, u64>,
    /// Letters that do not say which topic their record came from.
    foreign: u64,
    /// Letters of records that had been sent again before.
    again: u64,
}

impl Plan {
    fn add(&mut self, letter: &DeadLetter) {
        if letter.origin.is_none() {
            self.foreign += 1;
            return;
        }
        self.letters += 1;
        self.again += u64::from(letter.replayed_from.is_some());
        let reason = letter
            .known_reason()
            .map_or("other reasons", |reason| reason.as_str());
        *self.reasons.entry(reason.to_owned()).or_default() += 1;
    }

    fn text(&self) -> String {
        let reasons: Vec<String> = self
            .reasons
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        match reasons.is_empty() {
            true => show::count(self.letters, "dead letter"),
            false => format!(
                "{} ({})",
                show::count(self.letters, "dead letter"),
                reasons.join(", ")
            ),
        }
    }
}

/// What became of them.
#[derive(Debug, Default)]
struct Tally {
    acknowledged: u64,
    failed: u64,
    first_failed: Option<(Place, String)>,
    interrupted: bool,
}

impl There {
    pub(super) fn replay(
        &self,
        global: &Global,
        format: Format,
        dry_run: bool,
        yes: bool,
    ) -> Result<Outcome, CliError> {
        let mut plan = Plan::default();
        let written = self.each(|letter| {
            plan.add(&letter);
            let result = match dry_run && format == Format::Json && letter.origin.is_some() {
                true => global.result(&show::json_planned(&letter)),
                false => Ok(()),
            };
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        })?;
        if let Some(error) = written {
            return Err(error);
        }
        if plan.foreign > 0 {
            global.say(&format!(
                "note: {} of {} left out: no header says which topic they came from",
                show::count(plan.foreign, "record"),
                self.dead_letter_topic
            ));
        }
        let to = format!(
            "{} on {} ({})",
            self.topic,
            self.place,
            show::count(self.source_partitions as u64, "partition")
        );
        if plan.letters == 0 {
            global.say(&format!("{}: nothing to send again", self.dead_letter_topic));
            return Ok(Outcome::Clean);
        }
        if dry_run {
            global.say(&format!("would send {} again to {to}", plan.text()));
            return Ok(Outcome::Clean);
        }
        global.say(&format!("{} to send again to {to}", plan.text()));
        if plan.again > 0 {
            global.say(&format!(
                "note: {} of them died after being sent again before",
                plan.again
            ));
        }
        let what = match plan.letters {
            1 => "1 new record".to_owned(),
            n => format!("{n} new records"),
        };
        if !confirm(global, yes, &what, &self.topic)? {
            return Ok(Outcome::Findings);
        }
        let tally = self.send(global, format)?;
        self.report(global, format, &plan, &tally)
    }

    fn send(&self, global: &Global, format: Format) -> Result<Tally, CliError> {
        let replay =
            Replay::new(&self.config, &self.topic, &self.dead_letter_topic).map_err(|error| match error {
                // Its own text repeats the value, which may be a secret.
                KafkaError::ClientConfig(_, _, key, _) => {
                    CliError::usage(format!("librdkafka does not take the setting {key}"))
                }
                other => CliError::incomplete(format!("cannot start a Kafka producer: {other}")),
            })?;
        let stop = CancellationToken::new();
        let runtime = runtime()?;
        let _guard = runtime.enter();
        let _signals = cancel_on_signal(stop.clone(), true);
        let mut tally = Tally::default();
        let mut order = InOrder::default();
        let mut written = Ok(());
        let mut told = |answers: Vec<Answer>, order: &mut InOrder, tally: &mut Tally| {
            for answer in order.take(answers) {
                tally.add(&answer);
                if format == Format::Json && written.is_ok() {
                    written = global.result(&show::json_answer(&self.topic, &answer));
                }
            }
        };
        let read = self.each(|letter| {
            if stop.is_cancelled() {
                tally.interrupted = true;
                return ControlFlow::Break(());
            }
            if letter.origin.is_some() {
                order.sent(letter.place);
                replay.send(&letter);
            }
            told(replay.answers().collect(), &mut order, &mut tally);
            // Whatever stands against one record most likely stands against the next; and who mends it starts from here.
            match tally.failed {
                0 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        });
        told(replay.finish(CLOSING), &mut order, &mut tally);
        runtime.shutdown_background();
        written?;
        if let Err(error) = read {
            return Err(match tally.acknowledged {
                0 => error,
                n => CliError::partial(format!(
                    "{error}; {} acknowledged before it",
                    show::count(n, "record")
                )),
            });
        }
        Ok(tally)
    }

    fn report(
        &self,
        global: &Global,
        format: Format,
        plan: &Plan,
        tally: &Tally,
    ) -> Result<Outcome, CliError> {
        let done = format!(
            "{}: {} of {} acknowledged",
            self.topic,
            tally.acknowledged,
            show::count(plan.letters, "record")
        );
        match format {
            Format::Json => global.say(&done),
            _ => global.result(&format!("{done}\n"))?,
        }
        let missing = plan.letters.saturating_sub(tally.acknowledged);
        let message = match &tally.first_failed {
            Some((place, error)) => format!(
                "{} not acknowledged; the first is letter {place} of {}: {error}",
                show::count(missing, "record"),
                self.dead_letter_topic
            ),
            None if tally.interrupted => format!("interrupted; {} not sent", show::count(missing, "record")),
            // The retention of the dead-letter topic may take some between the two readings.
            None if missing > 0 => format!(
                "{} not sent: {} no longer has the letters",
                show::count(missing, "record"),
                self.dead_letter_topic
            ),
            None => return Ok(Outcome::Clean),
        };
        let help = match &tally.first_failed {
            Some((place, _)) => format!(
                "once that is mended, send the letters from {place} on again, with --partition and --offset"
            ),
            None => "look at what is left with `dead-letters list`".to_owned(),
        };
        Err(match tally.acknowledged {
            0 => CliError::incomplete(message),
            _ => CliError::partial(message),
        }
        .with_help(help))
    }
}

impl Tally {
    fn add(&mut self, answer: &Answer) {
        match &answer.result {
            Ok(_) => self.acknowledged += 1,
            Err(error) => {
                self.failed += 1;
                self.first_failed
                    .get_or_insert_with(|| (answer.letter, error.clone()));
            }
        }
    }
}

/// Puts answers into the order in which letters were sent, so that output is the same each time.
#[derive(Debug, Default)]
struct InOrder {
    waiting: VecDeque<Place>,
    come: BTreeMap<Place, Answer>,
}

impl InOrder {
    fn sent(&mut self, letter: Place) {
        self.waiting.push_back(letter);
    }

    fn take(&mut self, answers: Vec<Answer>) -> Vec<Answer> {
        self.come
            .extend(answers.into_iter().map(|answer| (answer.letter, answer)));
        let mut out = Vec::new();
        while let Some(answer) = self.waiting.front().and_then(|next| self.come.remove(next)) {
            self.waiting.pop_front();
            out.push(answer);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(offset: i64) -> Answer {
        let place = Place { partition: 0, offset };
        Answer {
            letter: place,
            result: Ok(place),
        }
    }

    #[test]
    fn answers_come_out_as_letters_were_sent() {
        let mut order = InOrder::default();
        for offset in [5, 3, 9] {
            order.sent(answer(offset).letter);
        }
        assert_eq!(order.take(vec![answer(9), answer(3)]), []);
        assert_eq!(order.take(vec![answer(5)]), [answer(5), answer(3), answer(9)]);
    }
}
