//! A line on the terminal that tells how far a command is. Where standard error is no terminal, or with `--quiet` or
//! `--verbose`, there is none: a log and a drawing do not go together.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::{Global, report, terminal};

/// How often it is drawn.
const TICK: Duration = Duration::from_millis(100);

/// The line; nothing where none is drawn.
pub(super) struct Progress(Option<(ProgressBar, CancellationToken)>);

/// What the line says.
pub(super) struct Shown {
    /// How much of the whole is done, where the whole is known.
    pub(super) position: u64,
    /// In words.
    pub(super) message: String,
}

impl Progress {
    /// Draws from now on. With a whole it is a bar, else a sign that something goes on.
    pub(super) fn start(
        global: &Global,
        whole: Option<u64>,
        mut shown: impl FnMut() -> Shown + Send + 'static,
    ) -> Self {
        if global.quiet || global.verbose > 0 || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let (bar, template) = match whole {
            Some(whole) => (ProgressBar::new(whole), "{bar:40} {percent:>3}%  {msg}"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
        };
        bar.set_draw_target(terminal::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let stop = CancellationToken::new();
        let (drawn, ended) = (bar.clone(), stop.clone());
        tokio::spawn(async move {
            while ended
                .run_until_cancelled(tokio::time::sleep(TICK))
                .await
                .is_some()
            {
                let now = shown();
                drawn.set_position(now.position);
                drawn.set_message(now.message);
                drawn.tick();
            }
        });
        Self(Some((bar, stop)))
    }

    /// Writes to standard output, which may be the same terminal, without tearing the line.
    pub(super) fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        match &self.0 {
            Some((bar, _)) if std::io::stdout().is_terminal() => bar.suspend(write),
            _ => write(),
        }
    }

    /// Writes a line to standard error, above the line that is drawn.
    pub(super) fn line(&self, text: &str) {
        match &self.0 {
            Some((bar, _)) => bar.suspend(|| report::line(text)),
            None => report::line(text),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((bar, stop)) = self.0.take() {
            stop.cancel();
            bar.finish_and_clear();
        }
    }
}

/// Events per second, smoothed over a few seconds.
#[derive(Debug, Default)]
pub(super) struct Rate {
    last: Option<(Duration, u64)>,
    rate: f64,
}

impl Rate {
    /// The rate, now that `count` have been seen; `now` is a clock that does not go back.
    pub(super) fn at(&mut self, now: Duration, count: u64) -> f64 {
        if let Some((before, seen)) = self.last {
            let passed = now.saturating_sub(before).as_secs_f64();
            if passed > 0.0 {
                let current = count.saturating_sub(seen) as f64 / passed;
                // A time constant of two seconds.
                let weight = 1.0 - (-passed / 2.0).exp();
                self.rate += (current - self.rate) * weight;
            }
        }
        self.last = Some((now, count));
        self.rate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_settles_at_what_it_is() {
        let mut rate = Rate::default();
        let mut told = 0.0;
        for step in 0..100_u64 {
            told = rate.at(Duration::from_millis(step * 200), step * 20);
        }
        assert!((told - 100.0).abs() < 0.1, "{told}");
        for step in 100..200_u64 {
            told = rate.at(Duration::from_millis(step * 200), 99 * 20);
        }
        assert!(told < 0.1, "{told}");
        assert_eq!(Rate::default().at(Duration::ZERO, 5), 0.0);
    }
}
