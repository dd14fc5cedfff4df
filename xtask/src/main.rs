//! `cargo xtask COMMAND`: everything about ironring that is easier in Rust than in make or shell.

mod abi;
mod bench;
mod builds;
mod bytes;
mod check;
mod code;
mod cost;
mod cover;
mod ctest;
mod demo;
mod faults;
mod fresh;
mod fuzz;
mod gates;
mod generate;
mod install;
mod kernels;
mod lang;
mod manual;
mod matrix;
mod model;
mod package;
mod peer;
mod platforms;
mod programs;
mod sanitize;
mod soak;
mod statics;
mod suite;
mod tools;
#[cfg(test)]
mod trust;
mod util;
mod wrong;

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
    /// Build projects of make, CMake and Meson on what `make install` installs
    Builds(builds::Args),
    /// Use the headers from C++ modules, Rust and Python
    Lang(lang::Args),
    /// Check the manual's pages against the source, and run their examples
    Man(manual::Args),
    /// Compile the headers in every dialect with every warning on
    Matrix(matrix::Args),
    /// Tell which of the library's lines the Rust tests run
    Cover(cover::Args),
    /// Run loom's models of the queues, and show that each ordering is needed
    Model(model::Args),
    /// Compare the facts of headers and libraries with the peer's
    Abi(abi::Args),
    /// Tell what a source tree of the original, LIBURING_SRC=DIR, has beyond its release, and whether ours has it
    Since(abi::since::Args),
    /// Compare the bytes that the inline helpers leave with the peer's
    Bytes(bytes::Args),
    /// Compare the machine code of the inline helpers with the peer's
    Code(code::Args),
    /// Count the library's instructions and size against the peer's
    Cost(cost::Args),
    /// Build and run the C tests, on the inlines and on liburing-ffi
    Ctest(ctest::Args),
    /// Run the C tests under valgrind and the sanitizers
    Sanitize(sanitize::Args),
    /// Run everything at once, for long
    Soak(soak::Args),
    /// Link the archive into every kind of program
    Static(statics::Args),
    /// Run the original's test suite on the original and on ours
    Suite(suite::Args),
    /// Measure times against the original, other libraries and the bare system call
    Bench(bench::Args),
    /// Inject faults into the system calls of the peer and of ours, and compare what comes of it
    Faults(faults::Args),
    /// Make random calls on the peer and on ours in lockstep, and compare all that can be seen
    Fuzz(fuzz::Args),
    /// Run our C tests and the original's suite on old and new kernels
    Kernels(kernels::Args),
    /// Run the distribution's programs on our packages, in Debian systems of their own
    Programs(programs::Args),
    /// Build for other processors and C libraries, check what is built, and run the tests there
    Platforms(platforms::Args),
    /// Run real programs on the library
    Demo(demo::Args),
    /// Run `make demo` and `make check` in a new Debian system with Rust in it and nothing else
    Fresh(fresh::Args),
    /// Make the source archive of the last commit
    Dist(package::dist::Args),
    /// Make the Debian packages of the last commit
    Deb(package::deb::Args),
    /// Make the RPM packages of the last commit
    Rpm(package::rpm::Args),
    /// Build every package without network, and look at what comes out
    Packages(package::check::Args),
    /// Compare every place that names the release
    Versions(package::versions::Args),
    /// Build our source by Debian's own recipe for the original
    Recipe(package::recipe::Args),
    /// Fetch the original from the machine's Debian mirror and print where it is
    Peer(peer::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Gen(args) => generate::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Gates(args) => gates::run(&args),
        Command::Install(args) => install::run(&args),
        Command::Builds(args) => builds::run(&args),
        Command::Lang(args) => lang::run(&args),
        Command::Man(args) => manual::run(&args),
        Command::Matrix(args) => matrix::run(&args),
        Command::Cover(args) => cover::run(&args),
        Command::Model(args) => model::run_all(&args),
        Command::Abi(args) => abi::run(&args),
        Command::Since(args) => abi::since::run(&args),
        Command::Bytes(args) => bytes::run(&args),
        Command::Code(args) => code::run(&args),
        Command::Cost(args) => cost::run(&args),
        Command::Ctest(args) => ctest::run(&args),
        Command::Sanitize(args) => sanitize::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Static(args) => statics::run(&args),
        Command::Suite(args) => suite::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Faults(args) => faults::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Kernels(args) => kernels::run(&args),
        Command::Programs(args) => programs::run(&args),
        Command::Platforms(args) => platforms::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Fresh(args) => fresh::run(&args),
        Command::Dist(args) => package::dist::run(&args),
        Command::Deb(args) => package::deb::run(&args),
        Command::Rpm(args) => package::rpm::run(&args),
        Command::Packages(args) => package::check::run(&args),
        Command::Versions(args) => package::versions::run(&args),
        Command::Recipe(args) => package::recipe::run(&args),
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
