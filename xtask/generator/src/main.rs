//! `cargo gen`.

use clap::Parser as _;
use std::process::ExitCode;

#[derive(clap::Parser)]
#[command(name = "cargo gen", about = "Writes the headers, the symbol maps and the manual")]
struct Cli {
    #[command(flatten)]
    args: generator::Args,
}

fn main() -> ExitCode {
    base::exit("gen", generator::run(&Cli::parse().args))
}
