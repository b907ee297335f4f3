//! `completions` and `man`: what a shell and `man` need to know of the command line.

use std::path::PathBuf;

use clap::Command;
use clap_complete::Shell;

use super::{CliError, Format, Global, Outcome};

const HELP: &str = "\
Examples:
  fleetops-registry completions bash > ~/.local/share/bash-completion/completions/fleetops-registry
  fleetops-registry completions zsh > \"${fpath[1]}/_fleetops-registry\"
  fleetops-registry completions fish > ~/.config/fish/completions/fleetops-registry.fish";

/// Write a shell's completions to standard output
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(crate) fn run(args: Args, mut command: Command, global: &Global) -> Result<Outcome, CliError> {
    global.format(&[Format::Text])?;
    let mut out = Vec::new();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut out);
    global.result(&String::from_utf8_lossy(&out))?;
    Ok(Outcome::Clean)
}

const MAN_HELP: &str = "\
Examples:
  fleetops-registry man | man -l -                                 read it
  fleetops-registry man --out ~/.local/share/man/man1              a page for each command

Without --out the page of the whole program is written to standard output.";

/// Write manual pages
#[derive(Debug, clap::Args)]
#[command(after_help = MAN_HELP)]
pub(crate) struct ManArgs {
    /// A folder to write a page for every command to
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn man(args: ManArgs, command: Command, global: &Global) -> Result<Outcome, CliError> {
    global.format(&[Format::Text])?;
    let Some(folder) = args.out else {
        global.result(&page(command)?)?;
        return Ok(Outcome::Clean);
    };
    std::fs::create_dir_all(&folder)
        .map_err(|error| CliError::output(folder.display().to_string(), error))?;
    clap_mangen::generate_to(command, &folder)
        .map_err(|error| CliError::output(folder.display().to_string(), error))?;
    global.say(&format!("manual pages are in {}", folder.display()));
    Ok(Outcome::Clean)
}

fn page(command: Command) -> Result<String, CliError> {
    let mut out = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut out)
        .map_err(CliError::stdout)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}
