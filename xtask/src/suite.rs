//! `cargo xtask suite`: the original's test suite, on the original and on ours, in the same run.
//!
//! Everything goes into `target/suite/VERSION/`: a configured copy of the original's tree, the programs of each mode,
//! the log of each test, and the report as text and as JSON.

mod build;
mod duel;
mod examples;
mod exec;
mod ground;
mod ledger;
pub mod pool;
mod report;
mod selftest;
mod session;
#[cfg(test)]
mod tests;
mod tree;

use crate::peer::NEWEST;
use crate::util;
use anyhow::{Context, Result, ensure};
pub use build::Mode;
pub use exec::{End, Machine, Outcome, Spawn, TOOK_DOWN, prepare, stopped};
use ledger::Steady;
pub use ledger::{Known, Ledger, System};
pub use report::{Report, Verdict, grid};
use report::{Results, judge};
pub use session::{Place, Session};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

/// Most tests sleep most of the time.
const AT_ONCE: usize = 3;

#[derive(clap::Args)]
pub struct Args {
    /// Releases of the suite: 2.15 (the default), 2.9, 2.3
    #[arg(long, value_delimiter = ',', value_name = "RELEASE")]
    version: Vec<String>,
    /// Modes beside peer, which always runs [default: all for 2.15, swap for the others and on other ground]
    #[arg(long, value_delimiter = ',', value_name = "MODE")]
    mode: Vec<Mode>,
    /// Only the tests whose names contain this; several times where needed
    #[arg(long, value_name = "PATTERN")]
    only: Vec<String>,
    /// Where our libraries are [default: target/lib]
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// How many times everything runs
    #[arg(long, default_value_t = 1, value_name = "N")]
    repeat: u32,
    /// How many tests run at once
    #[arg(long, default_value_t = AT_ONCE, value_name = "N")]
    jobs: usize,
    /// The tests that work on files, on a loop block device, ext4, XFS and btrfs (as root)
    #[arg(long)]
    ground: bool,
    /// The original's example programs instead, built with our headers
    #[arg(long)]
    examples: bool,
    /// Check that a wrong library turns the report red
    #[arg(long)]
    self_test: bool,
}

pub fn run(args: &Args) -> Result<()> {
    exec::prepare()?;
    let lib = args.lib.clone().unwrap_or_else(util::lib_dir);
    let lib = lib
        .canonicalize()
        .with_context(|| format!("there is no {}; to build it: make", lib.display()))?;
    if args.self_test {
        return selftest::run(&lib);
    }
    let mut totals = Totals::default();
    if args.examples {
        let counts = examples::run(&lib)?;
        totals.passed += counts.passed;
        totals.failed += counts.failed;
        totals.skipped += counts.skipped;
        totals.finish();
        return Ok(());
    }
    let newest = [NEWEST.to_owned()];
    let versions = if args.version.is_empty() {
        &newest[..]
    } else {
        &args.version
    };
    for version in versions {
        one_version(args, version, &lib, &mut totals)?;
    }
    totals.finish();
    Ok(())
}

/// The counts of the last line.
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

    /// Prints the last line, and ends with it when something failed.
    fn finish(&self) {
        println!(
            "\n{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        );
        if self.failed > 0 {
            // Not an error value: its message would come after the last line.
            std::process::exit(1);
        }
    }
}

fn one_version(args: &Args, version: &str, lib: &Path, totals: &mut Totals) -> Result<()> {
    if let Some(why) = ground::missing().filter(|_| args.ground) {
        println!("SKIPPED: no other ground: {why}");
        totals.skipped += 1;
        return Ok(());
    }
    let modes = modes(args, version, lib)?;
    let out = util::root().join("target/suite").join(version);
    let start = Instant::now();
    let Some(mut session) = Session::open(version, &modes, &out)? else {
        return Ok(());
    };
    let tests = select(&session.tree.tests, &args.only)?;
    session.build(lib, &tests)?;
    let frame = Frame {
        repeat: args.repeat.max(1),
        complete: args.only.is_empty(),
        lib,
        system: System::here()?,
        ledger: Ledger::read()?,
        build_seconds: start.elapsed().as_secs_f64(),
    };
    if !args.ground {
        let place = Place::here(out.join("run"));
        totals.add(&frame.run(&session, &place, &tests, args.jobs)?.1);
        return Ok(());
    }
    for name in ground::names() {
        for ground in ground::make(name, &session, &tests)? {
            let jobs = if ground.together { args.jobs } else { 1 };
            totals.add(&frame.run(&session, &ground.place, &ground.tests, jobs)?.1);
            println!();
        }
    }
    Ok(())
}

/// What the runs of one release have in common.
pub struct Frame<'a> {
    pub repeat: u32,
    /// Whether all tests of the release run.
    pub complete: bool,
    pub lib: &'a Path,
    pub system: System,
    pub ledger: Ledger,
    pub build_seconds: f64,
}

impl Frame<'_> {
    /// Runs the tests in a place, compares, shows and keeps what came out.
    pub fn run(&self, session: &Session, place: &Place, tests: &[String], jobs: usize) -> Result<(Report, Verdict)> {
        let known = self.ledger.holds(&session.version, &place.name, &self.system);
        let kept = Kept::new(session, place, self.complete);
        let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
        let start = Instant::now();
        let mut steady: Steady = kept.read("steady").unwrap_or_default();
        let mut results = Results::new();
        let mut changed = Vec::new();
        for round in 0..self.repeat {
            let new = session.run(place, tests, jobs, &known)?;
            known.count(&new, &mut steady);
            merge(&mut results, new, round, &mut changed);
        }
        let report = Report {
            version: session.version.clone(),
            peer: session.newest.version.clone(),
            ground: place.name.clone(),
            kernel: self.system.kernel.clone(),
            began,
            build_seconds: self.build_seconds,
            run_seconds: start.elapsed().as_secs_f64(),
            lib: self.lib.display().to_string(),
            complete: kept.complete,
            results,
            changed,
        };
        let verdict = judge(
            &report.results,
            &known,
            &steady,
            report.complete && place.name == "here",
        );
        show_failures(session, place, &verdict);
        let text = report.text(&verdict, &known, kept.read("report").as_ref());
        print!("{text}");
        kept.write(&report, &text, &steady)?;
        Ok((report, verdict))
    }
}

/// The files that stay of a run.
struct Kept {
    dir: PathBuf,
    /// A run of some tests only doesn't take the place of one of all.
    complete: bool,
}

impl Kept {
    fn new(session: &Session, place: &Place, complete: bool) -> Self {
        let dir = match place.name.as_str() {
            "here" => session.out.clone(),
            ground => session.out.join(ground),
        };
        Self { dir, complete }
    }

    /// What the last complete run left, if it can be read.
    fn read<T: serde::de::DeserializeOwned>(&self, name: &str) -> Option<T> {
        serde_json::from_slice(&fs::read(self.dir.join(name).with_extension("json")).ok()?).ok()
    }

    fn write(&self, report: &Report, text: &str, steady: &Steady) -> Result<()> {
        fs::create_dir_all(&self.dir)?;
        let name = if self.complete { "report" } else { "part" };
        let file = |name: &str, ending: &str| self.dir.join(format!("{name}.{ending}"));
        fs::write(file(name, "json"), serde_json::to_string_pretty(report)?)?;
        fs::write(file(name, "txt"), text)?;
        fs::write(file("steady", "json"), serde_json::to_string(steady)?)?;
        Ok(())
    }
}

fn modes(args: &Args, version: &str, lib: &Path) -> Result<Vec<Mode>> {
    let asked = if !args.mode.is_empty() {
        args.mode.as_slice()
    } else if version == NEWEST && !args.ground {
        Mode::ALL.as_slice()
    } else {
        &[Mode::Swap]
    };
    let mut modes = vec![Mode::Peer];
    for mode in Mode::ALL {
        let Some(file) = mode.library().filter(|_| asked.contains(&mode)) else {
            continue;
        };
        if lib.join(file).exists() {
            modes.push(mode);
        } else {
            // Other people's libraries needn't have all three.
            ensure!(
                args.lib.is_some() && args.mode.is_empty(),
                "there is no {file} in {}; to build it: make",
                lib.display()
            );
            eprintln!("mode {} is left out: no {file} in {}", mode.name(), lib.display());
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

/// The worst of the repetitions counts, of the peer's the best; what wasn't the same in all is noted.
fn merge(results: &mut Results, new: Results, round: u32, changed: &mut Vec<String>) {
    if round == 0 {
        *results = new;
        return;
    }
    for (test, modes) in new {
        for (mode, run) in modes {
            let Some(old) = results.get_mut(&test).and_then(|modes| modes.get_mut(&mode)) else {
                continue;
            };
            let (was, is) = (old.outcome.rank(), run.outcome.rank());
            if was != is {
                let (old, new) = (old.outcome.word(), run.outcome.word());
                changed.push(format!(
                    "{test}, {}: {old} so far, {new} in round {}",
                    mode.name(),
                    round + 1
                ));
            }
            let unsteady = old.unsteady.clone().or_else(|| run.unsteady.clone());
            if was != is && (is > was) == (mode != Mode::Peer) {
                *old = run;
            }
            old.unsteady = unsteady;
        }
    }
}

fn show_failures(session: &Session, place: &Place, verdict: &Verdict) {
    for it in &verdict.regressions {
        let log = session.log(place, it.mode, &it.test);
        println!(
            "{} ({}) failed; all of it is in {}",
            it.test,
            it.mode.name(),
            log.display()
        );
        for line in util::tail(&log, 12) {
            println!("    {line}");
        }
        println!();
    }
}
