//! `demo`.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use tokio_util::sync::CancellationToken;

use super::{CliError, Format, Global, Outcome, report};
use crate::demo::{self, DemoError, Faults, Options, Progress, Report, Style, Telling};

const HELP: &str = "\
Examples:
  fleetops-registry demo
  fleetops-registry demo --input recording.jsonl.gz --faults none
  fleetops-registry demo --format json

Ctrl-C ends the sending; what was sent still goes all the way and is accounted for.";

/// Run the whole path on embedded servers and check the books
///
/// Starts a broker and a registry inside the program, registers the fleet's schemas, creates its topics, and sends a
/// driving scene through the generated producer while the generated consumer reads it. At the end every event must
/// be accounted for; if one is not, the exit code is 1.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// Raw telemetry events as JSON lines, gzipped or not, instead of a generated scene; - is standard input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,

    /// What goes wrong on the way
    #[arg(long, value_name = "WHICH", default_value = "default")]
    faults: Faults,

    /// Another scene, or other places for the faults
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
}

pub(crate) fn run(args: Args, global: &Global) -> Result<Outcome, CliError> {
    let format = global.format(&[Format::Text, Format::Json])?;
    let options = Options {
        input: args.input,
        faults: args.faults,
        seed: args.seed,
    };
    let runtime = super::dev::runtime()?;
    let stop = CancellationToken::new();
    let terminal = Terminal::new(global);
    let report = runtime.block_on(async {
        let _signals = super::dev::cancel_on_signal(stop.clone(), true);
        demo::run(&options, &terminal, stop).await
    });
    terminal.clear();
    let report = report.map_err(explain)?;
    let text = match format {
        Format::Json => format!("{}\n", report.json()),
        _ => report.text(&Style::new(global.color_stdout())),
    };
    global.result(&text)?;
    Ok(outcome(&report))
}

fn outcome(report: &Report) -> Outcome {
    if report.findings.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Findings
    }
}

fn explain(error: DemoError) -> CliError {
    match error {
        DemoError::Input(error) => CliError::usage(error.to_string())
            .with_help("each line is one event as JSON, in the shape that docs/kafka_schemas.md shows"),
        error @ DemoError::Irregular { .. } => {
            CliError::usage(error.to_string()).with_help("send it as it stands: --faults none")
        }
        error => CliError::incomplete(error.to_string()),
    }
}

/// Steps as lines, and a bar where somebody can watch it.
struct Terminal<'a> {
    global: &'a Global,
    bar: Mutex<Option<(ProgressBar, CancellationToken)>>,
}

impl<'a> Terminal<'a> {
    fn new(global: &'a Global) -> Self {
        Self {
            global,
            bar: Mutex::new(None),
        }
    }

    fn clear(&self) {
        if let Some((bar, stop)) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            stop.cancel();
            bar.finish_and_clear();
        }
    }
}

impl Telling for Terminal<'_> {
    fn step(&self, name: &str, text: &str) {
        if !self.global.quiet {
            report::line(&format!("{name:<9} {text}"));
        }
    }

    fn start(&self, progress: Arc<Progress>, total: u64) {
        if self.global.quiet || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(total), super::terminal::stderr());
        let template = "handled   {bar:40} {human_pos} of {human_len}, {rate} events/s";
        if let Ok(style) = ProgressStyle::with_template(template) {
            let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                let _ = out.write_str(&demo::grouped(state.per_sec() as u64));
            };
            bar.set_style(style.with_key("rate", rate));
        }
        let stop = CancellationToken::new();
        let (drawn, ended) = (bar.clone(), stop.clone());
        tokio::spawn(async move {
            while ended
                .run_until_cancelled(tokio::time::sleep(Duration::from_millis(100)))
                .await
                .is_some()
            {
                drawn.set_position(progress.handled());
            }
        });
        *self.bar.lock().unwrap_or_else(PoisonError::into_inner) = Some((bar, stop));
    }

    fn end(&self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_that_do_not_balance_are_findings() {
        let mut report = Report::default();
        assert_eq!(outcome(&report), Outcome::Clean);
        report.findings.push("late: 1, but in the ledger: 0".to_owned());
        assert_eq!(outcome(&report), Outcome::Findings);
    }
}
