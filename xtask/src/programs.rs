//! `cargo xtask programs`: the distribution's programs on our packages.
//!
//! In a Debian system of bookworm and in one of sid, apt puts our packages in the place of liburing2 and liburing-dev.
//! Unmodified programs of the distribution then do their real work through io_uring, each on the original first, and
//! both have to come to the same results. One script of `test-c/programs` a program: it runs in the systems, the same
//! for both, and prints facts; what compares and judges them is here.

pub mod chroot;
mod facts;
mod ours;
mod page;
mod plan;
mod selftest;
mod upgrade;

use crate::util::table;
use anyhow::{Result, bail, ensure};
use chroot::{Base, System};
use facts::Facts;
use ours::Debs;
use page::Row;
use plan::{PROGRAMS, Program};
use std::collections::BTreeSet;
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    /// Only the programs whose names contain this
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Only this suite: bookworm or sid
    #[arg(long, value_name = "SUITE")]
    suite: Option<String>,
    /// A few programs of bookworm, and the upgrade there
    #[arg(long)]
    short: bool,
    /// Write docs/programs.md from what the last run of each program showed
    #[arg(long)]
    write: bool,
    /// Check that a wrong library, and one that isn't loaded, are noticed
    #[arg(long)]
    self_test: bool,
}

const SUITES: [&str; 2] = ["bookworm", "sid"];

impl Args {
    fn wants(&self, name: &str, suite: &str, short: bool) -> bool {
        (short || !self.short)
            && self.suite.as_deref().is_none_or(|only| only == suite)
            && self.only.as_deref().is_none_or(|only| name.contains(only))
    }

    fn wants_upgrade(&self, suite: &str) -> bool {
        self.wants(upgrade::NAME, suite, suite == SUITES[0])
    }
}

pub fn run(args: &Args) -> Result<()> {
    if let Some(suite) = args.suite.as_deref().filter(|suite| !SUITES.contains(suite)) {
        bail!("no suite is called {suite}; there are {}", SUITES.join(" and "));
    }
    chroot::tools()?;
    let debs = Debs::get()?;
    if args.write {
        return page::write(&debs);
    }
    if args.self_test {
        return selftest::run(&debs);
    }
    let mut rows = Vec::new();
    for suite in SUITES {
        let programs: Vec<&Program> = PROGRAMS
            .iter()
            .filter(|program| program.suite == suite && args.wants(program.name, suite, program.short))
            .collect();
        if programs.is_empty() && !args.wants_upgrade(suite) {
            continue;
        }
        let base = open(suite, &programs)?;
        let ours = ours::install(&base, &debs)?;
        let peer = System::of(&base);
        for program in programs {
            let row = both(program, &peer, &ours)?;
            row.tell();
            row.keep(&debs)?;
            rows.push(row);
        }
        if args.wants_upgrade(suite) {
            let row = upgrade::run(&base, &debs)?;
            row.tell();
            row.keep(&debs)?;
            rows.push(row);
        }
    }
    ensure!(
        !rows.is_empty(),
        "there is no such program; without --only all of them run"
    );
    println!();
    table(&page::HEADER, &rows.iter().map(Row::cells).collect::<Vec<_>>());
    let failed = rows.iter().filter(|row| !row.failures.is_empty()).count();
    println!("\nprograms: {} programs, {failed} failed", rows.len());
    ensure!(failed == 0, "{failed} of {} programs failed", rows.len());
    Ok(())
}

/// A suite's base with what these programs need.
fn open(suite: &str, programs: &[&Program]) -> Result<Base> {
    let packages: BTreeSet<&str> = programs.iter().flat_map(|program| program.packages).copied().collect();
    let sources: BTreeSet<&str> = programs.iter().flat_map(|program| program.sources).copied().collect();
    Base::open(suite, &packages, &sources)
}

/// Runs a program on the peer and on ours, and compares.
fn both(program: &Program, peer: &System, ours: &System) -> Result<Row> {
    let start = Instant::now();
    println!("{} on {}: {}", program.name, program.suite, program.does);
    let theirs = on(program, peer, "peer", &ours::sum(&peer.library()?)?);
    let own = on(program, ours, "ours", &ours::sum(&ours.library()?)?);
    let mut row = Row::new(program);
    match &theirs {
        Ok(facts) => row.peer = Some(facts.clone()),
        Err(why) => row.failures.push(format!("peer: {why:#}")),
    }
    match &own {
        Ok(facts) => row.ours = Some(facts.clone()),
        Err(why) => row.failures.push(format!("ours: {why:#}")),
    }
    if let (Ok(theirs), Ok(own)) = (theirs, own) {
        row.failures.extend(theirs.differences(&own));
    }
    row.seconds = start.elapsed().as_secs_f64();
    Ok(row)
}

/// Runs a program in a system, where it has to use this library.
fn on(program: &Program, system: &System, side: &str, library: &str) -> Result<Facts> {
    let name = format!("{}-{side}", program.name);
    let place = system.place(&name)?;
    let log = system.log(&name);
    let script = format!("/tests/{}.sh", program.name);
    let said = place.run(program.seconds, &["sh", &script], &log)?;
    let facts = Facts::parse(&said)?;
    facts.prove(library)?;
    place.clear()?;
    Ok(facts)
}
