//! The command line: which commands and options there are, and which exit code each outcome has.
//!
//! One file a command. A command takes its own arguments and [`Global`], writes results to standard output through
//! [`Global::result`], everything else to standard error, and gives an [`Outcome`] or a [`CliError`]; the exit code
//! follows from that alone.

mod approvals;
mod check;
mod compat;
mod completions;
mod config;
mod confirm;
mod consume;
mod dead_letters;
mod decode;
mod demo;
mod dev;
mod diff;
mod docs;
mod doctor;
mod error;
mod explain;
mod fmt;
mod generate;
mod global;
mod groups;
mod help;
mod jsonl;
mod lag;
mod lines;
mod lint;
mod lock;
mod log;
mod place;
mod produce;
mod progress;
mod properties;
mod pull;
mod register;
mod report;
mod rollout;
mod rules;
mod schema;
mod stream;
mod subjects;
mod templates;
mod terminal;
mod topics;

use std::process::ExitCode;

use clap::{FromArgMatches, Parser, Subcommand};

pub(crate) use error::{CliError, Outcome};
pub(crate) use global::{Format, Global};

const AFTER_HELP: &str = "\
Exit codes: 0 clean, 1 findings, 2 usage or unreadable input, 3 could not complete, 4 partly applied.

Settings come from, in this order: the flag, the environment variable, [env.NAME] of the manifest, its defaults.";

/// Code, compatibility checks, subjects and topics from .avsc files.
#[derive(Debug, Parser)]
#[command(name = "fleetops-registry", version, about, after_help = AFTER_HELP, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
    Compat(compat::Args),
    Diff(diff::Args),
    Lint(lint::Args),
    Fmt(fmt::Args),
    Explain(explain::Args),
    Rules(rules::Args),
    Schema(schema::Args),
    Decode(decode::Args),
    Generate(generate::Args),
    Templates(templates::Args),
    Docs(docs::Args),
    Register(register::Args),
    Plan(rollout::PlanArgs),
    Apply(rollout::ApplyArgs),
    Drift(rollout::DriftArgs),
    Lock(lock::Args),
    Pull(pull::Args),
    Subjects(subjects::Args),
    Config(config::ConfigArgs),
    Mode(config::ModeArgs),
    Topics(topics::Args),
    Produce(produce::Args),
    Consume(consume::Args),
    Lag(lag::Args),
    Groups(groups::Args),
    DeadLetters(dead_letters::Args),
    Doctor(doctor::Args),
    Demo(demo::Args),
    Dev(dev::Args),
    Completions(completions::Args),
    Man(completions::ManArgs),
}

/// Runs the program: parses the arguments, dispatches, reports.
pub(crate) fn main() -> ExitCode {
    let matches = help::command().get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let global = cli.global;
    log::start(&global);
    let outcome: Result<Outcome, CliError> = match cli.command {
        Command::Check(args) => check::run(args, &global),
        Command::Compat(args) => compat::run(args, &global),
        Command::Diff(args) => diff::run(args, &global),
        Command::Lint(args) => lint::run(args, &global),
        Command::Fmt(args) => fmt::run(args, &global),
        Command::Explain(args) => explain::run(args, &global),
        Command::Rules(args) => rules::run(args, &global),
        Command::Schema(args) => schema::run(args, &global),
        Command::Decode(args) => decode::run(args, &global),
        Command::Generate(args) => generate::run(args, &global),
        Command::Templates(args) => templates::run(args, &global),
        Command::Docs(args) => docs::run(args, &global),
        Command::Plan(args) => rollout::plan(args, &global),
        Command::Apply(args) => rollout::apply(args, &global),
        Command::Drift(args) => rollout::drift(args, &global),
        Command::Pull(args) => pull::run(args, &global),
        Command::Subjects(args) => subjects::run(args, &global),
        Command::Config(args) => config::config(args, &global),
        Command::Mode(args) => config::mode(args, &global),
        Command::Lock(args) => lock::run(args, &global),
        Command::Register(args) => register::run(args, &global),
        Command::Topics(args) => topics::run(args, &global),
        Command::Produce(args) => produce::run(args, &global),
        Command::Consume(args) => consume::run(args, &global),
        Command::Lag(args) => lag::run(args, &global),
        Command::Groups(args) => groups::run(args, &global),
        Command::DeadLetters(args) => dead_letters::run(args, &global),
        Command::Doctor(args) => doctor::run(args, &global),
        Command::Demo(args) => demo::run(args, &global),
        Command::Dev(args) => dev::run(args, &global),
        Command::Completions(args) => completions::run(args, help::command(), &global),
        Command::Man(args) => completions::man(args, help::command(), &global),
    };
    match outcome {
        Ok(outcome) => outcome.into(),
        Err(error) => {
            report::error(&global, &error);
            error.exit_code()
        }
    }
}
