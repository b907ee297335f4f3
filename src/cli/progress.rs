//! A line on the terminal that tells how far a command is. Where standard error is no terminal, or with `--quiet`, there is
//! none.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::{Global, report};

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
        shown: impl Fn() -> Shown + Send + 'static,
    ) -> Self {
        if global.quiet || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let (bar, template) = match whole {
            Some(whole) => (ProgressBar::new(whole), "{bar:40} {percent:>3}%  {msg}"),
            None => (ProgressBar::new_spinner(), "{spinner} {msg}"),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
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
