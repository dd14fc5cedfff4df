//! `cargo xtask suite`: runs the original's test suite on the original and on ours, in the same run.
//!
//! Everything goes into `target/suite/VERSION/`: a configured copy of the original's tree, the programs of each mode,
//! the log of each test, and the report as text and as JSON.

mod build;
mod duel;
mod examples;
mod exec;
mod ledger;
mod mode;
mod page;
mod report;
mod results;
mod run;
mod selftest;
mod session;
mod storage;
#[cfg(test)]
mod tests;
mod tree;

use crate::peer::NEWEST;
use anyhow::{Result, ensure};

pub use exec::{LATE, Machine, Outcome, Spawn, TOOK_DOWN, prepare};
use ledger::{Known, Steady};
pub use mode::Mode;
use report::evaluate;
pub use report::{Report, Verdict};
use results::Results;
pub use session::{Environment, Session, kernel};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use storage::Storage;

/// On any number of cores, because most tests sleep most of the time.
const AT_ONCE: usize = 3;

#[derive(clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command")]
pub struct Args {
    /// Releases of the suite: 2.15 (the default), 2.9, 2.3
    #[arg(long, value_delimiter = ',', value_name = "RELEASE")]
    version: Vec<String>,
    /// Modes beside peer, which always runs [default: swap; for 2.15 also source, ffi, and engine for the
    /// tests of what the library itself does]
    #[arg(long, value_delimiter = ',', value_name = "MODE")]
    mode: Vec<Mode>,
    /// Only the tests whose names contain this; may be repeated
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Where our libraries are; those with the engine are in ../engine/lib [default: target/lib]
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// How many times everything runs
    #[arg(long, default_value_t = 1, value_name = "N")]
    repeat: u32,
    /// How many tests run at once
    #[arg(long, default_value_t = AT_ONCE, value_name = "N")]
    jobs: usize,
    /// Run the tests that use files on a loop block device, ext4, XFS and btrfs (as root)
    #[arg(long)]
    storage: bool,
    /// Run the original's example programs instead, built with our headers
    #[arg(long)]
    examples: bool,
    /// Write how the suites do on the engine into docs/engine.md
    #[arg(long, conflicts_with_all = ["only", "storage", "examples"])]
    write: bool,
    /// Check that the report fails with a wrong library
    #[arg(long)]
    self_test: bool,
}

pub fn run(args: &Args) -> Result<()> {
    if args.storage && storage::missing().is_none() {
        storage::enter()?;
    }
    prepare()?;
    let lib = base::libraries(args.lib.as_deref())?;
    if args.self_test {
        return selftest::run(&lib);
    }
    let mut totals = Totals::default();
    if args.examples {
        examples::run(&lib, &mut totals)?;
        totals.finish();
        return Ok(());
    }
    let newest = [NEWEST.to_owned()];
    let versions = if args.version.is_empty() {
        &newest[..]
    } else {
        &args.version
    };
    let mut reports = Vec::new();
    for version in versions {
        reports.extend(one_version(args, version, &lib, &mut totals)?);
    }
    if args.write {
        let here = Environment::here(PathBuf::new())?;
        page::write(&reports, &ledger::read()?, &here)?;
    }
    totals.finish();
    Ok(())
}

/// The counts of the summary line.
#[derive(Default)]
struct Totals {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Totals {
    fn add(&mut self, verdict: &Verdict) {
        self.passed += verdict.passed;
        self.failed += verdict.failed();
        self.skipped += verdict.skipped;
    }

    /// Prints the summary line, and exits with 1 if something failed.
    fn finish(&self) {
        println!(
            "\n{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        );
        if self.failed > 0 {
            // Not an error value: its message would follow the summary line.
            std::process::exit(1);
        }
    }
}

/// Runs the suite of a release; returns the report on this machine's own storage.
fn one_version(args: &Args, version: &str, lib: &Path, totals: &mut Totals) -> Result<Option<Report>> {
    if let Some(why) = storage::missing().filter(|_| args.storage) {
        println!("SKIPPED: no other storage: {why}");
        totals.skipped += 1;
        return Ok(None);
    }
    let out = base::root().join("target/suite").join(version);
    let Some(mut session) = Session::open(version, &modes(args, version, lib)?, &out)? else {
        return Ok(None);
    };
    let tests = select(&session.tree.tests, &args.only)?;
    session.build(lib, &tests)?;
    session.repeat = args.repeat;
    session.short = args.mode.is_empty();
    let complete = args.only.is_empty();
    if !args.storage {
        let here = Environment::here(out.join("run"))?;
        let (report, verdict) = session.compare(&here, &tests, args.jobs, complete)?;
        totals.add(&verdict);
        return Ok(Some(report));
    }
    for made_by in storage::ALL {
        for Storage {
            env, tests, at_once, ..
        } in &storage::make(made_by, &session, &tests, args.jobs)?
        {
            totals.add(&session.compare(env, tests, *at_once, complete)?.1);
            println!();
        }
    }
    Ok(None)
}

impl Session {
    /// Runs these tests in an environment, `at_once` at a time, compares the results with the peer and the ledger, and
    /// prints and keeps the report. `complete`: they are all of the release's.
    pub fn compare(
        &self,
        env: &Environment,
        tests: &[String],
        at_once: usize,
        complete: bool,
    ) -> Result<(Report, Verdict)> {
        let ledger = ledger::read()?;
        let known = Known::new(&ledger, &self.version, env);
        let dir = match env.name.as_str() {
            "here" => self.out.clone(),
            name => self.out.join(name),
        };
        fs::create_dir_all(&dir)?;
        let start = Instant::now();
        let count = dir.join("steady.json");
        let mut steady: Steady = fs::read(&count)
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        let mut results = Results::new();
        for round in 1..=self.repeat {
            let new = self.run(env, tests, at_once, &known)?;
            known.count(&new, &mut steady);
            merge(&mut results, new, round);
        }
        let verdict = evaluate(&results, &known, &steady, complete && env.name == "here");
        let report = Report {
            version: self.version.clone(),
            peer: self.newest.version.clone(),
            environment: env.name.clone(),
            kernel: env.kernel.clone(),
            seconds: start.elapsed().as_secs_f64(),
            lib: self.lib.display().to_string(),
            results,
        };
        for it in &verdict.regressions {
            let log = self.log(env, it.mode, &it.test);
            println!(
                "{} ({}) failed; its whole log is {}",
                it.test,
                it.mode.name(),
                log.display()
            );
            println!("    {}\n", base::tail(&log, 12).join("\n    "));
        }
        let text = report.text(&verdict, &known);
        print!("{text}");
        // A partial run doesn't replace the report of a complete one.
        let name = dir.join(if complete { "report" } else { "part" });
        fs::write(name.with_extension("json"), serde_json::to_string_pretty(&report)?)?;
        fs::write(name.with_extension("txt"), text)?;
        fs::write(count, serde_json::to_string(&steady)?)?;
        Ok((report, verdict))
    }
}

fn modes(args: &Args, version: &str, lib: &Path) -> Result<Vec<Mode>> {
    let asked: &[Mode] = if !args.mode.is_empty() {
        &args.mode
    } else if version == NEWEST && !args.storage {
        &[Mode::Swap, Mode::Source, Mode::Ffi, Mode::Engine]
    } else {
        &[Mode::Swap]
    };
    let mut modes = vec![Mode::Peer];
    for &mode in Mode::ALL.iter().filter(|mode| asked.contains(mode)) {
        let Some(folder) = mode.folder(lib) else { continue };
        let file = mode.library();
        if folder.join(file).exists() {
            modes.push(mode);
        } else {
            // Libraries given by --lib need not have all modes.
            ensure!(
                args.lib.is_some() && args.mode.is_empty(),
                "there is no {file} in {}; to build it: make",
                folder.display()
            );
            eprintln!("mode {} is left out: no {file} in {}", mode.name(), folder.display());
        }
    }
    Ok(modes)
}

fn select(tests: &[String], only: &[String]) -> Result<Vec<String>> {
    let chosen: Vec<String> = tests
        .iter()
        .filter(|test| only.is_empty() || only.iter().any(|pattern| test.contains(pattern.as_str())))
        .cloned()
        .collect();
    ensure!(!chosen.is_empty(), "no test is called *{}*", only.join("* or *"));
    Ok(chosen)
}

/// Keeps the worst of the repetitions, of the peer's the best, and records results that varied.
fn merge(results: &mut Results, new: Results, round: u32) {
    for (test, modes) in new {
        let merged = results.entry(test).or_default();
        for (mode, mut run) in modes {
            let Some(old) = merged.get_mut(&mode) else {
                merged.insert(mode, run);
                continue;
            };
            let (was, is) = (old.outcome.rank(), run.outcome.rank());
            let mut unsteady = old.unsteady.take().or_else(|| run.unsteady.take());
            if was != is {
                let (old, new) = (old.outcome.word(), run.outcome.word());
                unsteady = Some(format!("{old} so far, {new} in round {round}"));
            }
            if was != is && (is > was) == (mode != Mode::Peer) {
                *old = run;
            }
            old.unsteady = unsteady;
        }
    }
}
