//! The `fleetops-registry` program: its command line is in `cli`.

mod cli;
#[allow(dead_code)] // until `check` is here
mod git;

fn main() -> std::process::ExitCode {
    cli::main()
}
