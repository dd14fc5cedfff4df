//! `cargo xtask COMMAND`: compares, checks and measures ironring. `checks` lists the commands.

mod abi;
mod bench;
mod builds;
mod bytes;
mod check;
mod checks;
mod code;
mod cost;
mod cover;
mod ctest;
mod faults;
mod fresh;
mod fuzz;
mod gates;
mod install;
mod kernels;
mod lang;
mod ledger;
mod lint;
mod manual;
mod matrix;
mod model;
mod packages;
mod peer;
mod platforms;
mod programs;
mod recipe;
mod sanitize;
mod since;
mod soak;
mod stacks;
mod statics;
mod suite;
mod system;
mod tool;
#[cfg(test)]
mod trust;
mod unit;
mod versions;

use clap::{CommandFactory, Parser};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "ironring's checks and measurements")]
struct Cli {
    /// Print the table of checks
    #[arg(long)]
    list: bool,
    /// With --list: write docs/checks.md instead
    #[arg(long, requires = "list")]
    write: bool,
    #[command(subcommand)]
    command: Option<checks::Command>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        _ if cli.list => checks::list(cli.write),
        Some(command) => command.run(),
        None => Cli::command().print_help().map_err(Into::into),
    };
    base::exit("xtask", done)
}
