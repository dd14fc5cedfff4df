//! `cargo xtask ctest`: every program in `test-c`, compiled in each way that users compile theirs, and run.

pub mod program;

use crate::util;
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
pub use program::{Counts, Outcome, Program};
use std::borrow::Borrow;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

/// Programs that run with nothing beside them: they measure time, or use a limit that counts per user.
const ALONE: &[&str] = &["buffers", "sqpoll", "timeout", "wait", "wait_signal"];

/// How many of the others run at once.
const AT_ONCE: usize = 2;

#[derive(Default, clap::Args)]
pub struct Args {
    /// Only the programs whose names contain this
    #[arg(long, value_name = "PATTERN")]
    pub only: Option<String>,
    /// Only this way of using the library: inline, ffi or static
    #[arg(long)]
    pub mode: Option<Mode>,
    /// Where the libraries are [default: target/lib]
    #[arg(long, value_name = "DIR")]
    pub lib: Option<PathBuf>,
    /// Headers to use instead of ours, several times where needed; without a folder `ffi` in it the mode ffi is left out
    #[arg(long, value_name = "DIR")]
    pub include: Vec<PathBuf>,
    /// The compiler and what it must be told [cc]
    #[arg(skip)]
    pub cc: Vec<String>,
    /// With the archive, the C library is linked in too
    #[arg(skip)]
    pub fixed: bool,
    /// What the way is called, where it isn't by its mode
    #[arg(skip)]
    pub way: Option<&'static str>,
}

/// A way to use the library.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Mode {
    /// The headers' inline functions and the shared library
    Inline,
    /// Prototypes only, everything from liburing-ffi
    Ffi,
    /// The headers' inline functions and the archive
    Static,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Ffi => "ffi",
            Self::Static => "static",
        }
    }

    fn library(self) -> &'static str {
        match self {
            Self::Inline => "liburing.so",
            Self::Ffi => "liburing-ffi.so",
            Self::Static => "liburing.a",
        }
    }
}

pub fn run(args: &Args) -> Result<()> {
    let out = util::root().join("target/ctest");
    let programs = build(args, &out, &[])?;
    // Of this run only: others may be going on.
    let tmp = out.join(format!("tmp.{}", std::process::id()));
    fs::create_dir_all(&tmp)?;
    let outcomes = outcomes(&programs, |program| program.run(&tmp));
    // Empty, unless a program was killed.
    let _ = fs::remove_dir_all(&tmp);
    let ways: Vec<_> = modes(args).iter().map(|mode| mode.name()).collect();
    let total = show(&ways, &outcomes);
    if total.passed + total.failed == 0 {
        println!("\nno case ran to its end");
    }
    println!(
        "\n{} passed, {} failed, {} skipped",
        total.passed, total.failed, total.skipped
    );
    if total.failed > 0 || total.passed == 0 {
        // Not an error value: its message would come after the last line.
        std::process::exit(1);
    }
    Ok(())
}

/// Builds the programs in all modes, with some more flags, in `out`.
pub fn build(args: &Args, out: &Path, more: &[String]) -> Result<Vec<Program>> {
    if args.cc.is_empty() {
        util::need("cc", "gcc")?;
    }
    let modes = modes(args);
    let lib = libraries(args, &modes)?;
    let names = names(args.only.as_deref())?;
    let way = |mode: Mode| args.way.unwrap_or(mode.name());
    for mode in &modes {
        let dir = out.join(way(*mode));
        fs::create_dir_all(&dir).with_context(|| format!("can't make {}", dir.display()))?;
    }
    let programs = modes
        .iter()
        .flat_map(|&mode| names.iter().map(move |name| (mode, name)))
        .map(|(mode, name)| {
            let mut flags = [&flags(args, mode), more].concat();
            if args.fixed && mode == Mode::Static {
                flags.push("-static".to_owned());
            }
            Program::new(out, way(mode), name, flags, lib.join(mode.library())).compiler(&args.cc)
        })
        .collect();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Ok(in_parallel("compiling", cores, programs, Program::build))
}

/// Runs the programs, those that want to be alone after the others.
pub fn outcomes<R: Send>(programs: &[Program], run: impl Fn(&Program) -> R + Sync) -> Vec<R> {
    let (alone, together): (Vec<_>, Vec<_>) = programs
        .iter()
        .partition(|program| ALONE.contains(&program.name.as_str()));
    let mut outcomes = in_parallel("running", AT_ONCE, together, &run);
    outcomes.extend(in_parallel("running alone", 1, alone, &run));
    outcomes
}

/// Shows what failed, the table and what was skipped; gives the sum.
pub fn show(ways: &[&'static str], outcomes: &[Outcome]) -> Counts {
    show_failures(outcomes);
    show_table(ways, outcomes);
    show_skips(ways, outcomes);
    outcomes.iter().map(|outcome| outcome.counts).sum()
}

pub fn modes(args: &Args) -> Vec<Mode> {
    let ffi = args.include.is_empty() || args.include.iter().any(|dir| dir.join("ffi").is_dir());
    if !ffi {
        eprintln!("mode ffi is left out: none of the --include folders has a folder ffi");
    }
    [Mode::Inline, Mode::Ffi, Mode::Static]
        .into_iter()
        .filter(|mode| ffi || *mode != Mode::Ffi)
        .filter(|mode| args.mode.is_none_or(|only| only == *mode))
        .collect()
}

/// The folder of the libraries, after a look whether all that are needed are there.
fn libraries(args: &Args, modes: &[Mode]) -> Result<PathBuf> {
    let dir = args.lib.clone().unwrap_or_else(util::lib_dir);
    for mode in modes {
        let file = dir.join(mode.library());
        let mend = if args.lib.is_some() {
            "is it the right folder?"
        } else {
            "to build it: make"
        };
        ensure!(file.is_file(), "there is no {}; {mend}", file.display());
    }
    Ok(dir.canonicalize()?)
}

/// The names of the test programs, without `.c`.
pub fn names(only: Option<&str>) -> Result<Vec<String>> {
    let dir = util::root().join("test-c");
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("can't read {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "c") && path.is_file() {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    if let Some(pattern) = only {
        names.retain(|name| name.contains(pattern));
        ensure!(
            !names.is_empty(),
            "no program in {} is called *{pattern}*",
            dir.display()
        );
    }
    names.sort();
    Ok(names)
}

/// The compiler's flags for a mode: ours get every warning, foreign headers count as the system's.
fn flags(args: &Args, mode: Mode) -> Vec<String> {
    let own = [util::root().join("include")];
    let (option, dirs) = if args.include.is_empty() {
        ("-I", &own[..])
    } else {
        ("-isystem", &args.include[..])
    };
    let mut flags = Vec::new();
    let mut add = |dir: &Path| flags.push(format!("{option}{}", dir.display()));
    if mode == Mode::Ffi {
        for dir in dirs {
            add(&dir.join("ffi"));
        }
    }
    for dir in dirs {
        add(dir);
    }
    if mode == Mode::Ffi {
        flags.push("-DIRONRING_FFI".to_owned());
    }
    flags
}

/// Does the work on each program, `workers` at a time, with a line that says how far it is.
pub fn in_parallel<P: Borrow<Program> + Send, R: Send>(
    what: &str,
    workers: usize,
    programs: Vec<P>,
    work: impl Fn(P) -> R + Sync,
) -> Vec<R> {
    let style = ProgressStyle::with_template("{prefix} {pos}/{len} {wide_msg}").expect("a template that parses");
    let bar = ProgressBar::new(programs.len() as u64).with_style(style);
    bar.set_prefix(what.to_owned());
    let queue = Mutex::new(VecDeque::from(programs));
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("no worker panicked").pop_front();
                    let Some(program) = next else { break };
                    let Program { name, way, .. } = program.borrow();
                    bar.set_message(format!("{name} ({way})"));
                    let result = work(program);
                    bar.inc(1);
                    done.lock().expect("no worker panicked").push(result);
                }
            });
        }
    });
    bar.finish_and_clear();
    done.into_inner().expect("no worker panicked")
}

fn show_failures(outcomes: &[Outcome]) {
    for outcome in outcomes.iter().filter(|outcome| outcome.counts.failed > 0) {
        println!(
            "{} ({}) failed; all of it is in {}",
            outcome.name,
            outcome.way,
            outcome.log.display()
        );
        for line in &outcome.tail {
            println!("    {line}");
        }
        println!();
    }
}

fn show_table(ways: &[&'static str], outcomes: &[Outcome]) {
    let mut rows: BTreeMap<&str, BTreeMap<&str, Counts>> = BTreeMap::new();
    for outcome in outcomes {
        rows.entry(&outcome.name)
            .or_default()
            .insert(outcome.way, outcome.counts);
    }
    let cell = |counts: Option<&Counts>| {
        counts.map_or_else(String::new, |c| format!("{}/{}/{}", c.passed, c.failed, c.skipped))
    };
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, counts)| {
            let cells = ways.iter().map(|way| cell(counts.get(way)));
            std::iter::once((*name).to_owned()).chain(cells).collect()
        })
        .collect();
    util::table(&[&["passed/failed/skipped"], ways].concat(), &rows);
}

/// Each skip once, with the modes when they aren't all.
fn show_skips(ways: &[&'static str], outcomes: &[Outcome]) {
    let mut skips: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for outcome in outcomes {
        for (case, reason) in &outcome.skips {
            let key = (outcome.name.as_str(), case.as_str(), reason.as_str());
            skips.entry(key).or_default().push(outcome.way);
        }
    }
    if skips.is_empty() {
        return;
    }
    println!("\nskipped:");
    for ((name, case, reason), seen) in skips {
        let only = if seen.len() < ways.len() {
            format!(" (only {})", seen.join(", "))
        } else {
            String::new()
        };
        println!("  {name} {case}: {reason}{only}");
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_function_of_the_map_runs_on_a_small_stack() {
        let root = crate::util::root();
        let read = |path| std::fs::read_to_string(root.join(path)).expect("a file of the repository");
        let test = read("test-c/stack.c");
        let missing: Vec<_> = read("src/liburing.map")
            .lines()
            .filter_map(|line| line.trim().strip_suffix(';'))
            .filter(|name| name.contains("io_uring_") && !test.contains(&format!("{name}(")))
            .map(str::to_owned)
            .collect();
        assert_eq!(missing, Vec::<String>::new(), "test-c/stack.c calls them not");
    }
}
