//! `cargo xtask fuzz`: run random programs of API calls on the peer and on ours, in lockstep, on this kernel; with
//! `--backend engine` on the kernel's rings and on the engine's.
//!
//! `test-c/fuzz/` interprets programs and traces all that a program can observe. It does the same in each run, so that
//! traces that differ show a difference between the sides. A program that shows one is shrunk, and written as a C
//! program that shows it too.

mod coverage;
mod known;
mod report;
mod selftest;
mod server;
mod shrink;
mod table;

use crate::ctest::Backend;
use crate::peer::{self, NEWEST};
use anyhow::{Context, Result, anyhow, bail};
use base::parallel::{Progress, cores};
use base::{lib_dir, root};
use coverage::Coverage;
use known::Ledger;
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use server::{Build, Servers};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use table::{Step, Table};

#[derive(clap::Args)]
pub struct Args {
    /// How many library calls to make on each side
    #[arg(long, default_value_t = 30_000)]
    calls: u64,
    /// The seed of the first program; each next program has the next seed
    #[arg(long)]
    seed: Option<u64>,
    /// Compare the libraries on the kernel's rings, or the kernel's rings with the engine's
    #[arg(long, default_value = "kernel")]
    backend: Backend,
    /// Run this program instead, written as in test-c/fuzz/regressions.txt
    #[arg(long, value_name = "PROGRAM")]
    program: Option<String>,
    /// Also build faulty libraries; each must be detected
    #[arg(long)]
    self_test: bool,
}

/// The smallest program found whose traces differ.
struct Found {
    seed: Option<u64>,
    program: Vec<Step>,
    traces: Vec<String>,
    cause: Cause,
}

/// The fuzzer's progress.
#[derive(Default)]
struct Done {
    calls: u64,
    programs: u64,
    /// Programs whose traces differed because of the kernel, and those whose difference was not reproduced.
    unsteady: u64,
    once: u64,
    /// A worker has failed, or a seed shows a difference: the first one is kept.
    over: bool,
    first: Option<(u64, Vec<String>, Cause)>,
    coverage: Coverage,
}

/// What the interpreter writes if a program did not reach its end.
const ENDED: &str = "\nended by ";

/// How long a program is rerun that showed a difference, but not each time.
const AGAIN: Duration = Duration::from_secs(30);

/// One call in this many may show a difference that is not reproduced, and one more.
const ONCE: u64 = 200_000;

pub fn run(args: &Args) -> Result<()> {
    let table = Table::read()?;
    if args.backend == Backend::Engine {
        return on_the_engine(args, &table);
    }
    let Some(peer) = peer::get(NEWEST)? else {
        return Ok(());
    };
    let work = root().join("target/fuzz");
    let builds = Build::all(&work, &peer, &lib_dir())?;
    let coverage = compare(args, &table, &builds, &work)?;
    covered(args, coverage, &Ledger::read()?, &crate::suite::kernel()?)
}

/// Compares the kernel's rings, through the plain library, with the engine's.
fn on_the_engine(args: &Args, table: &Table) -> Result<()> {
    if let Err(error) = crate::system::rings() {
        println!("no comparison: this system refuses io_uring ({error})");
        return Ok(());
    }
    let work = root().join("target/fuzz/engine");
    let engine = base::libraries(Some(&root().join("target/engine/lib")))?;
    let builds = Build::engine(&work, &lib_dir(), &engine)?;
    let ledger = Ledger::read()?;
    let release = crate::suite::kernel()?;
    if args.program.is_none() {
        ledger.check(table, &builds, &release)?;
    }
    let avoided = ledger.avoided(&release, None);
    let builds: Vec<_> = builds.iter().map(|build| build.avoiding(&avoided)).collect();
    let coverage = compare(args, table, &builds, &work)?;
    if coverage.is_some() {
        let known = ledger.count(&release);
        println!("listed differences, each of which still occurs: {known}");
    }
    covered(args, coverage, &ledger, &release)
}

/// In so many calls every opcode and every command is used.
const COVERED: u64 = 30_000;

/// Prints what the random programs have used of the kernel's interface; fails if something is missing.
fn covered(args: &Args, coverage: Option<Coverage>, ledger: &Ledger, release: &str) -> Result<()> {
    if let Some(coverage) = coverage.filter(|_| args.calls >= COVERED) {
        println!("{}", coverage.check(&ledger.never(release))?);
    }
    Ok(())
}

/// Runs the given program, or the old ones and random ones, on all sides; what was used of the kernel's interface.
fn compare(args: &Args, table: &Table, builds: &[Build], work: &Path) -> Result<Option<Coverage>> {
    let mut servers = Servers::start(builds)?;
    if let Some(line) = &args.program {
        let program = table.parse(line)?;
        println!("{}", servers.run(&program)?[0]);
        fail_on(table, builds, found(&mut servers, program)?, work)?;
        return Ok(None);
    }

    let known = regressions(table)?;
    for program in &known {
        fail_on(table, builds, found(&mut servers, program.clone())?, work)?;
    }
    let seed = args.seed.unwrap_or_else(|| {
        let time = SystemTime::now().duration_since(UNIX_EPOCH);
        time.map_or(1, |time| time.as_secs() % 1_000_000 * 1000)
    });
    let start = Instant::now();
    let (done, difference) = search(table, builds, seed, args.calls)?;
    fail_on(table, builds, difference, work)?;
    let names: Vec<_> = builds.iter().map(|build| build.name).collect();
    println!(
        "fuzz: {} calls in {} programs from seed {seed}, and {} old ones, on {}: 0 differences \
         (the {} differed from itself: {}, not reproduced: {}; {} seconds)",
        done.calls,
        done.programs,
        known.len(),
        names.join(", "),
        names[0],
        done.unsteady,
        done.once,
        start.elapsed().as_secs()
    );
    if args.self_test {
        selftest::run(args.backend, table, builds, work, seed)?;
    }
    Ok(Some(done.coverage))
}

/// Programs that showed a difference in the past.
fn regressions(table: &Table) -> Result<Vec<Vec<Step>>> {
    let path = root().join("test-c/fuzz/regressions.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| table.parse(line)).collect()
}

/// The program of a seed.
fn draw(programs: &BoxedStrategy<Vec<Step>>, seed: u64) -> Result<Box<dyn ValueTree<Value = Vec<Step>>>> {
    // Neighbouring seeds give unrelated states, and none is all zero.
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    let bytes = [mixed, seed.wrapping_add(1).to_le_bytes()].concat();
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    programs
        .new_tree(&mut runner)
        .map_err(|reason| anyhow!("no program for seed {seed}: {reason}"))
}

fn differ(traces: &[String]) -> bool {
    traces.iter().any(|trace| *trace != traces[0])
}

/// Whether the sides differ, or all of them had to be ended.
fn fails(traces: &[String]) -> bool {
    differ(traces) || traces[0].contains(ENDED)
}

/// The lines of a trace that begin a step.
fn steps(trace: &str) -> impl Iterator<Item = &str> {
    trace
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_digit()))
}

/// The number of steps that called the library; a trace marks the others with ~.
fn calls(trace: &str) -> u64 {
    steps(trace).filter(|line| !line.contains('~')).count() as u64
}

/// Runs random programs, several at once, until enough calls are made or one shows a difference.
fn search(table: &Table, builds: &[Build], seed: u64, wanted: u64) -> Result<(Done, Option<Found>)> {
    let progress = Progress::new("fuzzing, calls", usize::try_from(wanted)?);
    let state = Mutex::new((seed, Done::default()));
    let lock = || state.lock().unwrap_or_else(PoisonError::into_inner);
    let next = || {
        let (next, done) = &mut *lock();
        *next += 1;
        (!done.over && done.calls < wanted).then_some(*next - 1)
    };
    let work = || -> Result<()> {
        let programs = table.programs()?;
        let mut servers = Servers::start(builds)?;
        while let Some(seed) = next() {
            let program = draw(&programs, seed)?.current();
            let traces = servers.run(&program)?;
            if !fails(&traces) {
                let done = &mut lock().1;
                done.calls += calls(&traces[0]);
                done.coverage.add(&traces[0]);
                done.programs += 1;
                progress.reach(done.calls);
                continue;
            }
            let cause = cause(&mut servers, &program, &traces)?;
            progress.say(&format!("seed {seed}: {}", cause.describe()));
            let done = &mut lock().1;
            match cause {
                Cause::Kernel => done.unsteady += 1,
                Cause::Unknown if done.once <= done.calls / ONCE => done.once += 1,
                _ => {
                    done.over = true;
                    done.first.get_or_insert((seed, traces, cause));
                }
            }
        }
        Ok(())
    };
    let ended = || work().inspect_err(|_| lock().1.over = true);
    thread::scope(|scope| {
        let all: Vec<_> = (0..cores().min(4)).map(|_| scope.spawn(ended)).collect();
        all.into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| anyhow!("a worker panicked"))?)
    })?;
    drop(progress);
    let (_, mut done) = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Some((seed, traces, cause)) = done.first.take() else {
        return Ok((done, None));
    };
    let tree = draw(&table.programs()?, seed)?;
    let mut found = Found {
        seed: Some(seed),
        program: tree.current(),
        traces,
        cause,
    };
    if found.cause == Cause::Library {
        shrink::shrink(builds, tree, &mut found)?;
    }
    Ok((done, Some(found)))
}

/// Whether a program that showed a difference does so each time.
fn steady(servers: &mut Servers, program: &[Step]) -> Result<bool> {
    for _ in 0..3 {
        if !differ(&servers.run(program)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The cause of a difference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The traces differ each time.
    Library,
    /// Only another side shows it again, not each time.
    Sometimes,
    /// The first side alone shows all traces that were seen.
    Kernel,
    /// It was not reproduced.
    Unknown,
    /// The traces are equal because each side was ended at the same operation.
    Stuck,
}

impl Cause {
    fn describe(self) -> &'static str {
        match self {
            Self::Library => "the sides differ",
            Self::Sometimes => "the sides differ, but not each time",
            Self::Kernel => "the first side differs from itself, too",
            Self::Unknown => "a difference that was not reproduced: an operation in test-c/fuzz/ may depend on time",
            Self::Stuck => "each side was ended: an operation in test-c/fuzz/ crashes, or waits for what never comes",
        }
    }
}

/// Reruns a program to find why its traces differed.
fn cause(servers: &mut Servers, program: &[Step], traces: &[String]) -> Result<Cause> {
    if !differ(traces) {
        // A busy disk may be the reason, too.
        let again = servers.run(program)?;
        return Ok(if fails(&again) { Cause::Stuck } else { Cause::Unknown });
    }
    if steady(servers, program)? {
        return Ok(Cause::Library);
    }
    let mut missing: BTreeSet<&String> = traces.iter().collect();
    let mut ours = BTreeSet::new();
    let start = Instant::now();
    while !missing.is_empty() && start.elapsed() < AGAIN {
        let mut seen = servers.run(program)?;
        missing.remove(&seen.swap_remove(0));
        ours.extend(seen);
    }
    Ok(if missing.is_empty() {
        Cause::Kernel
    } else if missing.into_iter().any(|trace| ours.contains(trace)) {
        Cause::Sometimes
    } else {
        Cause::Unknown
    })
}

/// Whether the traces of one given program differ.
fn found(servers: &mut Servers, program: Vec<Step>) -> Result<Option<Found>> {
    let traces = servers.run(&program)?;
    if !fails(&traces) {
        return Ok(None);
    }
    let cause = cause(servers, &program, &traces)?;
    Ok(Some(Found {
        seed: None,
        program,
        traces,
        cause,
    }))
}

/// Fails with a report if there is a difference.
fn fail_on(table: &Table, builds: &[Build], found: Option<Found>, work: &Path) -> Result<()> {
    let Some(found) = found else { return Ok(()) };
    report::show(table, builds, &found, work)?;
    bail!("{}; the traces are below {}", found.cause.describe(), work.display());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refused_steps_are_no_calls() {
        let trace =
            "0 ring_init(0,8,0,0): 0\n  ring0: 0\n1 nop(1,0,0,0): ~dead\n12 submit(0,0,0,0): 1\n\nend: data 0x0\n";
        assert_eq!(calls(trace), 2);
    }

    #[test]
    fn a_program_that_every_side_was_ended_in_fails() {
        let whole = || "0 nop(0,0,0,0): 0\n\nend: data 0x0\n".to_owned();
        let ended = || "0 nop(0,0,0,0): 0\n\nended by signal 9\n".to_owned();
        assert!(!fails(&[whole(), whole()]));
        assert!(fails(&[whole(), ended()]));
        assert!(fails(&[ended(), ended()]));
    }

    #[test]
    fn a_seed_is_a_program() {
        let programs = Table::read().unwrap().programs().unwrap();
        let of = |seed| draw(&programs, seed).unwrap().current();
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }
}
