//! The `fleetops-registry` program: its command line is in `cli`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
