//! `cargo pack dist`, `deb` and `rpm`.

use clap::Parser as _;
use packager::{deb, dist, rpm};
use std::process::ExitCode;

#[derive(clap::Parser)]
#[command(name = "cargo pack", about = "Makes the source archive and the packages")]
enum Cli {
    /// Make the source archive of the last commit
    Dist(dist::Args),
    /// Make the Debian packages of the last commit
    Deb(deb::Args),
    /// Make the RPM packages of the last commit
    Rpm(rpm::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse() {
        Cli::Dist(args) => dist::run(&args),
        Cli::Deb(args) => deb::run(&args),
        Cli::Rpm(args) => rpm::run(&args),
    };
    base::exit("pack", done)
}
