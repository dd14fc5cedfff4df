//! `cargo xtask fuzz`: random programs of API calls on the peer and on ours, in lockstep, on this kernel.
//!
//! `test-c/fuzz/` interprets programs and writes down all that a program can see. What it does is the same in each run,
//! so that any two traces that differ show a difference between the libraries. A program that shows one is shrunk, and
//! becomes a C program that shows it too.

mod cover;
mod report;
mod server;
mod table;

use crate::peer::{self, NEWEST};
use crate::util::{self, root};
use crate::wrong;
use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use server::{Build, Servers};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use table::{Step, Table};

/// Shrinking ends after so many programs.
const SHRINKS: u32 = 3000;

#[derive(clap::Args)]
pub struct Args {
    /// How many calls of the library to make on each side
    #[arg(long, default_value_t = 30_000)]
    calls: u64,
    /// Where to begin; the next program has the next seed
    #[arg(long)]
    seed: Option<u64>,
    /// A program to run instead, as test-c/fuzz/regressions.txt has them
    #[arg(long, value_name = "PROGRAM")]
    program: Option<String>,
    /// The folder of our libraries [default: target/lib]
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// Say which functions were reached
    #[arg(long)]
    cover: bool,
    /// Also look for planted differences
    #[arg(long)]
    self_test: bool,
}

/// A program on which the traces differ, the smallest that was found.
struct Found {
    seed: Option<u64>,
    program: Vec<Step>,
    traces: Vec<String>,
    cause: Cause,
}

/// How far the fuzzer came.
#[derive(Default)]
struct Done {
    calls: u64,
    programs: u64,
    /// Programs whose traces differed by the kernel's doing, and for no cause that was found.
    unsteady: u64,
    once: u64,
}

/// For so long a program is run again that showed a difference, but not each time.
const AGAIN: Duration = Duration::from_secs(30);

/// One in so many calls may show what nobody shows again, and one more.
const ONCE: u64 = 200_000;

pub fn run(args: &Args) -> Result<()> {
    let Some(peer) = peer::get(NEWEST)? else {
        return Ok(());
    };
    util::need("cc", "gcc")?;
    let work = root().join("target/fuzz");
    let lib =
        fs::canonicalize(args.lib.clone().unwrap_or_else(util::lib_dir)).context("no libraries; to mend: make")?;
    let builds = Build::all(&work, &peer, &lib)?;
    let table = Table::read()?;
    let mut servers = Servers::start(&builds)?;

    if let Some(line) = &args.program {
        let program = table.parse(line)?;
        let traces = servers.run(&program)?;
        println!("{}", traces[0]);
        return judge(&table, &builds, found(&mut servers, program, traces)?, &work);
    }

    let known = regressions(&table)?;
    for program in &known {
        let traces = servers.run(program)?;
        judge(&table, &builds, found(&mut servers, program.clone(), traces)?, &work)?;
    }
    let seed = args.seed.unwrap_or_else(|| {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |time| time.as_secs() % 1_000_000 * 1000)
    });
    let start = Instant::now();
    let (done, difference) = search(&table, &builds, seed, args.calls)?;
    judge(&table, &builds, difference, &work)?;
    let seconds = start.elapsed().as_secs_f64();
    #[allow(clippy::cast_precision_loss)]
    let rate = done.calls as f64 / seconds;
    println!(
        "fuzz: {} calls in {} programs from seed {seed}, and {} old ones, on {}: 0 differences \
         (the peer from itself: {}, once and never again: {}; {rate:.0} calls per second)",
        done.calls,
        done.programs,
        known.len(),
        builds.each_ref().map(|build| build.name).join(", "),
        done.unsteady,
        done.once,
    );
    if args.cover {
        cover::run(&builds[2], &work, &table.programs()?, seed)?;
    }
    if args.self_test {
        self_test(&table, &builds, &lib, &work, seed)?;
    }
    Ok(())
}

/// The programs that once showed a difference.
fn regressions(table: &Table) -> Result<Vec<Vec<Step>>> {
    let path = root().join("test-c/fuzz/regressions.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| table.parse(line)).collect()
}

/// The program of a seed.
fn draw(programs: &BoxedStrategy<Vec<Step>>, seed: u64) -> Result<Box<dyn ValueTree<Value = Vec<Step>>>> {
    // Neighbours in other corners, and never all zero.
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    let bytes = [mixed, seed.wrapping_add(1).to_le_bytes()].concat();
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    programs
        .new_tree(&mut runner)
        .map_err(|reason| anyhow::anyhow!("seed {seed} gives no program: {reason}"))
}

fn differ(traces: &[String]) -> bool {
    traces.iter().any(|trace| *trace != traces[0])
}

/// The steps in which the library was called; a trace says ~ where it wasn't.
fn calls(trace: &str) -> u64 {
    let steps = trace
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_digit()));
    steps.filter(|line| !line.contains('~')).count() as u64
}

/// Draws programs, several at once, until the calls are made or one shows a difference.
fn search(table: &Table, builds: &[Build], seed: u64, wanted: u64) -> Result<(Done, Option<Found>)> {
    let style = ProgressStyle::with_template("fuzzing {pos}/{len} calls {eta}").expect("a template that parses");
    let bar = ProgressBar::new(wanted).with_style(style);
    let next = AtomicU64::new(seed);
    let over = AtomicBool::new(false);
    let done = Mutex::new(Done::default());
    let first = Mutex::new(None);
    let work = || -> Result<()> {
        let programs = table.programs()?;
        let mut servers = Servers::start(builds)?;
        while !over.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let tree = draw(&programs, seed)?;
            let program = tree.current();
            let traces = servers.run(&program)?;
            if differ(&traces) {
                let cause = cause(&mut servers, &program, &traces)?;
                bar.suspend(|| eprintln!("seed {seed}: {}", cause.said()));
                let mut done = done.lock().expect("no worker panicked");
                match cause {
                    Cause::Kernel => done.unsteady += 1,
                    Cause::Unknown if done.once <= done.calls / ONCE => done.once += 1,
                    _ => {
                        over.store(true, Ordering::Relaxed);
                        let mut first = first.lock().expect("no worker panicked");
                        if first.is_none() {
                            *first = Some((seed, traces, cause));
                        }
                        break;
                    }
                }
                continue;
            }
            let mut done = done.lock().expect("no worker panicked");
            done.calls += calls(&traces[0]);
            done.programs += 1;
            bar.set_position(done.calls);
            if done.calls >= wanted {
                over.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    let ended = || {
        let result = work();
        over.store(true, Ordering::Relaxed);
        result
    };
    let workers = thread::available_parallelism().map_or(1, |cores| cores.get().min(4));
    thread::scope(|scope| {
        let all: Vec<_> = (0..workers).map(|_| scope.spawn(ended)).collect();
        all.into_iter()
            .try_for_each(|worker| worker.join().expect("no worker panicked"))
    })?;
    bar.finish_and_clear();
    let done = done.into_inner().expect("no worker panicked");
    let Some((seed, traces, cause)) = first.into_inner().expect("no worker panicked") else {
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
        shrink(builds, tree, &mut found)?;
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

/// What a difference comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// It is there each time.
    Library,
    /// Only ours shows it again, but not each time.
    Sometimes,
    /// The peer alone shows all that was seen.
    Kernel,
    /// Nobody shows it again.
    Unknown,
}

impl Cause {
    fn said(self) -> &'static str {
        match self {
            Self::Library => "the libraries differ",
            Self::Sometimes => "the libraries differ, but not each time",
            Self::Kernel => "the peer differs from itself, too",
            Self::Unknown => "a difference once, and never again: an operation in test-c/fuzz/ may depend on time",
        }
    }
}

/// Runs a program again and again to find what made the traces differ.
fn cause(servers: &mut Servers, program: &[Step], traces: &[String]) -> Result<Cause> {
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

/// The smallest program that still shows a difference which is there each time.
fn shrink(builds: &[Build], mut tree: Box<dyn ValueTree<Value = Vec<Step>>>, best: &mut Found) -> Result<()> {
    let mut servers = Servers::start(builds)?;
    eprintln!("shrinking its {} calls", best.program.len());
    let start = Instant::now();
    let mut smaller = tree.simplify();
    for _ in 0..SHRINKS {
        if !smaller || start.elapsed() > Duration::from_secs(120) {
            break;
        }
        let program = tree.current();
        let traces = servers.run(&program)?;
        if differ(&traces) {
            (best.program, best.traces) = (program, traces);
            smaller = tree.simplify();
        } else {
            smaller = tree.complicate();
        }
    }
    Ok(())
}

/// Whether the traces of one given program differ.
fn found(servers: &mut Servers, program: Vec<Step>, traces: Vec<String>) -> Result<Option<Found>> {
    if !differ(&traces) {
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

/// Shows a difference, and fails.
fn judge(table: &Table, builds: &[Build], found: Option<Found>, work: &Path) -> Result<()> {
    let Some(found) = found else { return Ok(()) };
    report::show(table, builds, &found, work)?;
    bail!("{}; the traces are below {}", found.cause.said(), work.display());
}

/// What is planted (`test-c/fuzz/wrong.c`): in words, its macro, the function, whether it shows each time.
const PLANTS: [(&str, &str, &str, bool); 4] = [
    (
        "a batch lacks its third completion",
        "BATCH_TOO_SHORT",
        "io_uring_peek_batch_cqe",
        true,
    ),
    (
        "a batch lacks its third completion one time in eight",
        "BATCH_SOMETIMES_TOO_SHORT",
        "io_uring_peek_batch_cqe",
        false,
    ),
    (
        "a wait that takes too long says 0",
        "TIME_OVER_IS_WELL",
        "io_uring_submit_and_wait_timeout",
        true,
    ),
    (
        "a resize forgets what has completed",
        "RESIZE_FORGETS",
        "io_uring_resize_rings",
        true,
    ),
];

/// A planted difference must show within so many calls, and in so few.
const PLANT_CALLS: u64 = 300_000;
const PLANT_STEPS: usize = 8;

fn self_test(table: &Table, builds: &[Build], lib: &Path, work: &Path, seed: u64) -> Result<()> {
    let source = root().join("test-c/fuzz/wrong.c");
    for (what, name, function, steady) in PLANTS {
        let dir = work.join("wrong");
        let text = format!("#define {name}\n#include \"{}\"\n", source.display());
        wrong::library(lib, &dir, &[function], &text)?;
        let pair = [builds[0].clone(), builds[1].on(&dir)];
        let (done, difference) = search(table, &pair, seed, PLANT_CALLS)?;
        let Some(found) = difference else {
            bail!("self-test: {what}: not found in {} calls", done.calls);
        };
        ensure!(
            found.cause == Cause::Library || !steady && found.cause == Cause::Sometimes,
            "self-test: {what}: taken for something else: {}",
            found.cause.said()
        );
        if !steady {
            println!("self-test: {what}: found after {} calls", done.calls);
            continue;
        }
        let shown: Vec<_> = found.program.iter().map(|&step| table.show(step)).collect();
        ensure!(
            found.program.len() <= PLANT_STEPS,
            "self-test: {what}: not shrunk to {PLANT_STEPS} calls: {}",
            shown.join(" ")
        );
        let reproducer = report::show_reproduces(table, &pair, &found, work)?;
        ensure!(reproducer, "self-test: {what}: the C reproducer doesn't show it");
        println!(
            "self-test: {what}: found after {} calls: {}",
            done.calls,
            shown.join(" ")
        );
    }
    Ok(())
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
    fn a_seed_is_a_program() {
        let programs = Table::read().unwrap().programs().unwrap();
        let of = |seed| draw(&programs, seed).unwrap().current();
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }
}
