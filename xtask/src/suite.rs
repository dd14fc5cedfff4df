//! `cargo xtask suite`: the original's test suite, on the original and on ours, in the same run.
//!
//! Everything goes into `target/suite/VERSION/`: a configured copy of the original's tree, the programs of each mode,
//! the log of each test, and the report as text and as JSON.

mod build;
mod exec;
mod ledger;
mod pool;
mod report;
mod session;
mod tree;

use crate::peer::NEWEST;
use crate::util;
use anyhow::{Context, Result, ensure};
use build::Mode;
use ledger::{Ledger, Steady};
use report::{Report, Results, Verdict, judge};
use session::{Place, Session};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

#[derive(clap::Args)]
pub struct Args {
    /// Releases of the suite: 2.15 (the default), 2.9, 2.3
    #[arg(long, value_delimiter = ',', value_name = "RELEASE")]
    version: Vec<String>,
    /// Modes beside peer, which always runs [default: all for 2.15, swap for the others]
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
}

/// Most tests sleep most of the time.
const AT_ONCE: usize = 3;

pub fn run(args: &Args) -> Result<()> {
    exec::prepare()?;
    let newest = [NEWEST.to_owned()];
    let versions = if args.version.is_empty() {
        &newest[..]
    } else {
        &args.version
    };
    let mut total = Totals::default();
    for version in versions {
        one_version(args, version, &mut total)?;
    }
    total.finish()
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

    fn finish(&self) -> Result<()> {
        println!(
            "\n{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        );
        if self.failed > 0 {
            // Not an error value: its message would come after the last line.
            std::process::exit(1);
        }
        Ok(())
    }
}

fn one_version(args: &Args, version: &str, total: &mut Totals) -> Result<()> {
    let lib = libraries(args)?;
    let modes = modes(args, version, &lib)?;
    let out = util::root().join("target/suite").join(version);
    let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs();
    let start = Instant::now();
    let Some(mut session) = Session::open(version, &modes, &out)? else {
        return Ok(());
    };
    let tests = select(&session.tree.tests, &args.only)?;
    session.build(&lib, &tests)?;
    let build_seconds = start.elapsed().as_secs_f64();

    let kernel = kernel()?;
    let ledger = Ledger::read()?;
    let known = ledger.holds(version, "here", &kernel);
    let place = Place {
        name: "here".to_owned(),
        dir: out.join("run"),
        args: Vec::new(),
    };
    let start = Instant::now();
    let mut results = Results::new();
    let mut changed = Vec::new();
    let mut steady: Steady = read(&out.join("steady.json")).unwrap_or_default();
    for round in 0..args.repeat.max(1) {
        let new = session.run(&place, &tests, args.jobs, &known)?;
        known.count(&new, &mut steady);
        merge(&mut results, new, round, &mut changed);
    }
    let report = Report {
        version: version.to_owned(),
        peer: session.peer.version.clone(),
        ground: place.name.clone(),
        kernel,
        began,
        build_seconds,
        run_seconds: start.elapsed().as_secs_f64(),
        lib: lib.display().to_string(),
        complete: tests.len() == session.tree.tests.len(),
        results,
        changed,
    };
    let verdict = judge(&report.results, &known, &steady, report.complete);
    show_failures(&session, &place, &verdict);
    let last: Option<Report> = read(&out.join("report.json"));
    let text = report.text(&verdict, &known, last.as_ref());
    print!("{text}");
    keep(&out, &report, &text)?;
    fs::write(out.join("steady.json"), serde_json::to_string(&steady)?)?;
    total.add(&verdict);
    Ok(())
}

fn libraries(args: &Args) -> Result<PathBuf> {
    let dir = args.lib.clone().unwrap_or_else(util::lib_dir);
    dir.canonicalize()
        .with_context(|| format!("there is no {}; to build it: make", dir.display()))
}

fn modes(args: &Args, version: &str, lib: &Path) -> Result<Vec<Mode>> {
    let asked = if !args.mode.is_empty() {
        args.mode.as_slice()
    } else if version == NEWEST {
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

fn kernel() -> Result<String> {
    let text = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(text.trim().to_owned())
}

/// The worst of the repetitions counts; what wasn't the same in all is noted.
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
            if old.outcome.word() != run.outcome.word() {
                let (old, new) = (old.outcome.word(), run.outcome.word());
                changed.push(format!(
                    "{test}, {}: {old} so far, {new} in round {}",
                    mode.name(),
                    round + 1
                ));
            }
            // The peer counts as passing when it ever did.
            let worse = run.outcome.rank() > old.outcome.rank();
            if worse == (mode != Mode::Peer) && run.outcome.rank() != old.outcome.rank() {
                *old = run;
            }
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
        for line in exec::tail(&log) {
            println!("    {line}");
        }
        println!();
    }
}

/// What an earlier run left, if it can be read.
fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// A partial run doesn't take the place of a complete one.
fn keep(out: &Path, report: &Report, text: &str) -> Result<()> {
    let name = if report.complete { "report" } else { "part" };
    fs::write(out.join(format!("{name}.json")), serde_json::to_string_pretty(report)?)?;
    fs::write(out.join(format!("{name}.txt")), text)?;
    Ok(())
}
