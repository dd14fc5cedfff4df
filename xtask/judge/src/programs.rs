//! `cargo xtask programs`: the distribution's programs on our packages.
//!
//! In Debian systems of bookworm and sid, apt replaces liburing2 and liburing-dev with our packages. The unmodified
//! programs of the distribution do their real work through io_uring, on the original first, then on ours, and the
//! results must be equal. Each program has one script in `test-c/programs`: it runs in both systems and prints facts,
//! which are compared here.

pub mod chroot;
mod facts;
mod ours;
mod page;
mod selftest;
mod upgrade;

use anyhow::{Context, Result, ensure};
use base::table;
use chroot::{Base, System};
use facts::Facts;
use ours::Debs;
use page::Row;
use serde::Deserialize;
use std::fs;
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    /// Only the programs whose names contain this
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Only this suite
    #[arg(long, value_name = "SUITE", value_parser = SUITES)]
    suite: Option<String>,
    /// Only a few programs of bookworm, and the upgrade there
    #[arg(long)]
    short: bool,
    /// Write docs/programs.md from the last run of each program
    #[arg(long)]
    write: bool,
    /// Check that a wrong library, and one that isn't loaded, are detected
    #[arg(long)]
    self_test: bool,
}

const SUITES: [&str; 2] = ["bookworm", "sid"];

/// An entry of `test-c/programs/programs.toml`.
#[derive(Clone, Deserialize)]
pub struct Program {
    name: String,
    suites: Vec<String>,
    #[serde(default)]
    packages: Vec<String>,
    /// Source packages that it builds.
    #[serde(default)]
    sources: Vec<String>,
    does: String,
    #[serde(default)]
    short: bool,
}

impl Program {
    /// All of them.
    fn list() -> Result<Vec<Program>> {
        #[derive(Deserialize)]
        struct List {
            program: Vec<Program>,
        }
        let file = chroot::scripts().join("programs.toml");
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let list: List = toml::from_str(&text).with_context(|| file.display().to_string())?;
        Ok(list.program)
    }

    fn wanted(&self, args: &Args, suite: &str) -> bool {
        self.suites.iter().any(|has| has == suite)
            && (!args.short || self.short && suite == self.suites[0])
            && args.suite.as_deref().is_none_or(|only| only == suite)
            && args.only.as_deref().is_none_or(|only| self.name.contains(only))
    }
}

pub fn run(args: &Args) -> Result<()> {
    chroot::tools()?;
    let all = Program::list()?;
    let debs = Debs::get()?;
    if args.write {
        return page::write(&all, &debs);
    }
    if args.self_test {
        return selftest::run(&all, &debs);
    }
    let mut rows = Vec::new();
    for suite in SUITES {
        let programs: Vec<&Program> = all.iter().filter(|program| program.wanted(args, suite)).collect();
        if programs.is_empty() {
            continue;
        }
        let base = Base::open(suite, &programs)?;
        let ours = ours::install(&base, &debs)?;
        let peer = System::of(&base);
        for program in programs {
            println!("{} on {suite}: {}", program.name, program.does);
            let start = Instant::now();
            let mut row = if program.name == upgrade::NAME {
                upgrade::run(program, &base, &debs)?
            } else {
                both(program, &peer, &ours)?
            };
            row.seconds = start.elapsed().as_secs_f64();
            row.tell();
            row.keep(&debs)?;
            rows.push(row);
        }
    }
    ensure!(
        !rows.is_empty(),
        "no program matches; without --only and --suite all of them run"
    );
    println!();
    table(&page::HEADER, &rows.iter().map(Row::cells).collect::<Vec<_>>());
    let failed = rows.iter().filter(|row| !row.failures.is_empty()).count();
    println!("\nprograms: {} programs, {failed} failed", rows.len());
    ensure!(failed == 0, "{failed} of {} programs failed", rows.len());
    Ok(())
}

/// Runs a program on the peer and on ours, and compares.
fn both(program: &Program, peer: &System, ours: &System) -> Result<Row> {
    // An idle machine needs a tenth of that.
    let seconds = if program.sources.is_empty() { 300 } else { 1800 };
    let mut row = Row::new(program, &peer.suite);
    row.peer = row.facts(
        "peer",
        on(program, peer, "peer", &ours::sum(&peer.library()?)?, seconds),
    );
    row.ours = row.facts(
        "ours",
        on(program, ours, "ours", &ours::sum(&ours.library()?)?, seconds),
    );
    if let (Some(theirs), Some(own)) = (&row.peer, &row.ours) {
        row.failures.extend(theirs.differences(own));
    }
    Ok(row)
}

/// Runs a program in a system for at most so many seconds; it must use this library.
fn on(program: &Program, system: &System, side: &str, library: &str, seconds: u32) -> Result<Facts> {
    let name = format!("{}-{side}", program.name);
    let sandbox = system.sandbox(&name)?;
    let script = format!("/tests/{}.sh", program.name);
    let said = sandbox.run(seconds, &["sh", &script], &system.log(&name))?;
    let facts = Facts::parse(&said)?;
    facts.prove(library)?;
    sandbox.clear()?;
    Ok(facts)
}
