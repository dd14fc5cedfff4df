//! `cargo xtask COMMAND`: everything about ironring that is easier in Rust than in make or shell.

mod abi;
mod bench;
mod bytes;
mod check;
mod code;
mod ctest;
mod demo;
mod gates;
mod generate;
mod install;
mod lang;
mod manual;
mod matrix;
mod peer;
mod suite;
mod util;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "ironring's generator and checks", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write the headers and symbol maps from the Rust definitions
    Gen(generate::Args),
    /// Run every test, and end in a table
    Check(check::Args),
    /// Check the built libraries: symbols, versions, dependencies, what the archives export
    Gates(gates::Args),
    /// Check what `make install` and `make uninstall` do
    Install(install::Args),
    /// Use the headers from C++ modules, Rust and Python
    Lang(lang::Args),
    /// Check the manual's pages against the source, and run their examples
    Man(manual::Args),
    /// Compile the headers in every dialect with every warning on
    Matrix(matrix::Args),
    /// Compare the facts of headers and libraries with the peer's
    Abi(abi::Args),
    /// Compare the bytes that the inline helpers leave with the peer's
    Bytes(bytes::Args),
    /// Compare the machine code of the inline helpers with the peer's
    Code(code::Args),
    /// Build and run the C tests, on the inlines and on liburing-ffi
    Ctest(ctest::Args),
    /// Run the original's test suite on the original and on ours
    Suite(suite::Args),
    /// Measure times against the original, other libraries and the bare system call
    Bench(bench::Args),
    /// Run real programs on the library
    Demo(demo::Args),
    /// Fetch the original from the machine's Debian mirror and print where it is
    Peer(peer::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Gen(args) => generate::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Gates(args) => gates::run(&args),
        Command::Install(args) => install::run(&args),
        Command::Lang(args) => lang::run(&args),
        Command::Man(args) => manual::run(&args),
        Command::Matrix(args) => matrix::run(&args),
        Command::Abi(args) => abi::run(&args),
        Command::Bytes(args) => bytes::run(&args),
        Command::Code(args) => code::run(&args),
        Command::Ctest(args) => ctest::run(&args),
        Command::Suite(args) => suite::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Peer(args) => peer::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("xtask: {err:#}");
            ExitCode::FAILURE
        }
    }
}
