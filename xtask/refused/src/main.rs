//! What `cargo xtask refused` does, as a program that is built in seconds: `make demo` needs nothing else of the tools.

use clap::Parser;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Runs a program where io_uring's system calls are refused")]
struct Cli {
    #[command(flatten)]
    args: refused::Args,
}

fn main() -> ExitCode {
    let Err(error) = refused::run(&Cli::parse().args) else {
        return ExitCode::SUCCESS;
    };
    eprintln!("refused: {error:#}");
    ExitCode::FAILURE
}
