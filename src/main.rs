//! The `fleetops-registry` program: its command line is in `cli`.

mod cli;
mod demo;
mod doctor;
mod git;

fn main() -> std::process::ExitCode {
    cli::main()
}
