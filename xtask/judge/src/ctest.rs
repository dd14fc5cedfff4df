//! `cargo xtask ctest`: compile every program in `test-c` in several modes, and run it on the kernel or on the engine.

mod compare;
mod engine;
mod ledger;
mod output;
pub mod program;
mod stamp;
mod watch;

use crate::peer;
use anyhow::{Context, Result, ensure};
use base::parallel;
pub use output::STACK;
pub use program::{Counts, Outcome, Program};
use refused::How;
use serde::Deserialize;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Programs that run alone, because they measure time or use a limit that counts per user.
const ALONE: &[&str] = &["buffers", "sqpoll", "timeout", "wait", "wait_signal"];

/// Programs that test our headers, and would fail with the peer's or not compile.
const OUR_HEADERS: &[&str] = &["better", "next"];

/// How many of the others run at once.
const AT_ONCE: usize = 8;

#[derive(Default, clap::Args)]
pub struct Args {
    /// Only the program of this name, or all whose names contain it
    #[arg(long, value_name = "PATTERN")]
    pub only: Option<String>,
    /// Only the case of this name
    #[arg(long, value_name = "NAME", requires = "only")]
    pub case: Option<String>,
    /// Only these modes [default: inline, ffi, static; on the engine inline, ffi, swapped]
    #[arg(long, value_delimiter = ',', hide_default_value = true)]
    pub mode: Vec<Mode>,
    /// What does the programs' I/O
    #[arg(long, default_value = "kernel")]
    pub backend: Backend,
    /// With the engine: how the kernel's io_uring is refused
    #[arg(long, default_value = "eperm", value_name = "HOW")]
    pub refuse: How,
    /// With the engine: how long a program may take [default: 30]
    #[arg(long, value_name = "SECONDS")]
    pub limit: Option<u64>,
    /// Directory of the libraries [default: target/lib, or target/engine/lib]
    #[arg(long, value_name = "DIR")]
    pub lib: Option<PathBuf>,
    /// Directory of headers to use instead of ours, repeatable; mode ffi is left out if none has a directory `ffi`
    #[arg(long, value_name = "DIR")]
    pub include: Vec<PathBuf>,
    /// The compiler and its flags [cc]
    #[arg(skip)]
    pub cc: Vec<String>,
    /// With the archive, link the C library statically too
    #[arg(skip)]
    pub fixed: bool,
    /// The variant's name, if it isn't the mode's
    #[arg(skip)]
    pub variant: Option<&'static str>,
}

/// What does the programs' I/O.
#[derive(Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
    /// The kernel's io_uring
    #[default]
    Kernel,
    /// io_uring in user space; the kernel's is refused. Results are shown beside the kernel's
    Engine,
}

/// How programs use the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The headers' inline functions and the shared library
    Inline,
    /// Prototypes only, everything from liburing-ffi
    Ffi,
    /// The headers' inline functions and the archive
    Static,
    /// Built with the original's headers and library, and run on our shared library
    Swapped,
}

impl Mode {
    const ALL: [Self; 4] = [Self::Inline, Self::Ffi, Self::Static, Self::Swapped];

    pub fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Ffi => "ffi",
            Self::Static => "static",
            Self::Swapped => "swapped",
        }
    }

    fn library(self) -> &'static str {
        match self {
            Self::Inline | Self::Swapped => "liburing.so",
            Self::Ffi => "liburing-ffi.so",
            Self::Static => "liburing.a",
        }
    }

    /// What the program loads.
    fn soname(self) -> &'static str {
        match self {
            Self::Ffi => "liburing-ffi.so.2",
            _ => "liburing.so.2",
        }
    }
}

pub fn run(args: &Args) -> Result<()> {
    if args.backend == Backend::Engine {
        return engine::run(args);
    }
    let other = args.refuse != How::default() || args.limit.is_some();
    ensure!(!other, "--refuse and --limit are for --backend engine");
    // Programs for another library may be built at the same time.
    let other = args.lib.as_ref().and_then(|lib| lib.parent()?.file_name());
    let name = other.map_or("ctest".into(), |name| format!("ctest-{}", name.to_string_lossy()));
    let out = base::root().join("target").join(name);
    let mut programs = build(args, &out, &[])?;
    if let Some(case) = &args.case {
        programs = programs.into_iter().map(|program| program.case(case)).collect();
    }
    // For this run only: others may run at the same time.
    let tmp = out.join(format!("tmp.{}", std::process::id()));
    fs::create_dir_all(&tmp)?;
    let outcomes = outcomes(&programs, |program| program.run(&tmp));
    // Empty, unless a program was killed.
    let _ = fs::remove_dir_all(&tmp);
    let variants: Vec<_> = modes(args).iter().map(|mode| mode.name()).collect();
    let total = show(&variants, &outcomes);
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

/// Builds the programs in all modes, with additional flags, in `out`.
pub fn build(args: &Args, out: &Path, more: &[String]) -> Result<Vec<Program>> {
    if args.cc.is_empty() {
        base::need("cc", "gcc")?;
    }
    let modes = modes(args);
    let lib = libraries(args, &modes)?;
    let names = names(args.only.as_deref())?;
    let variant = |mode: Mode| args.variant.unwrap_or(mode.name());
    for mode in &modes {
        let dir = out.join(variant(*mode));
        fs::create_dir_all(&dir).with_context(|| format!("can't make {}", dir.display()))?;
    }
    let peer = modes.contains(&Mode::Swapped).then(|| peer::get(peer::NEWEST));
    let peer = peer.transpose()?.flatten();
    let possible = |mode: Mode, name: &str| mode != Mode::Swapped || (peer.is_some() && !OUR_HEADERS.contains(&name));
    let programs = modes
        .iter()
        .flat_map(|&mode| names.iter().map(move |name| (mode, name)))
        .filter(|(mode, name)| possible(*mode, name))
        .map(|(mode, name)| {
            let swapped = peer.as_ref().filter(|_| mode == Mode::Swapped);
            let flags = match swapped {
                Some(peer) => vec![format!("-isystem{}", peer.include.display())],
                None => flags(args, mode),
            };
            let mut flags = [&flags, more].concat();
            if args.fixed && mode == Mode::Static {
                flags.push("-static".to_owned());
            }
            Program::new(out, variant(mode), name, flags, lib.join(mode.library()))
                .compiler(&args.cc)
                .linked_with(swapped.map(|peer| peer.lib.join(mode.soname())))
        })
        .collect();
    Ok(in_parallel("compiling", parallel::cores(), programs, Program::build))
}

/// Runs the programs, those that must run alone after the others.
pub fn outcomes<R: Send>(programs: &[Program], run: impl Fn(&Program) -> R + Sync) -> Vec<R> {
    let (alone, together): (Vec<_>, Vec<_>) = programs
        .iter()
        .partition(|program| ALONE.contains(&program.name.as_str()));
    let mut outcomes = in_parallel("running", AT_ONCE, together, &run);
    outcomes.extend(in_parallel("running alone", 1, alone, &run));
    outcomes
}

/// Compares the engine's outcomes with the kernel's, where there are some, and applies the ledger to them. The second value
/// lists its entries that are wrong.
pub fn judged(kernel: Vec<Outcome>, engine: Vec<Outcome>, how: How) -> Result<(Vec<Outcome>, Vec<String>)> {
    let ledger = ledger::read()?;
    // A part of the programs may have run.
    let some = Args {
        only: Some(String::new()),
        ..Args::default()
    };
    let (rows, wrong) = compare::join(kernel, engine, &ledger::Known::new(&ledger, how), &some);
    Ok((rows.into_iter().map(|row| row.engine).collect(), wrong))
}

/// Prints the failures, the table and the skips; returns the sum.
pub fn show(variants: &[&'static str], outcomes: &[Outcome]) -> Counts {
    show_failures(outcomes);
    show_table(variants, outcomes);
    show_skips(variants, &Vec::from_iter(outcomes));
    outcomes.iter().map(|outcome| outcome.counts).sum()
}

pub fn modes(args: &Args) -> Vec<Mode> {
    let ffi = args.include.is_empty() || args.include.iter().any(|dir| dir.join("ffi").is_dir());
    if !ffi {
        eprintln!("mode ffi is left out: no --include directory has a directory ffi");
    }
    let usual = match args.backend {
        Backend::Kernel => [Mode::Inline, Mode::Ffi, Mode::Static],
        Backend::Engine => [Mode::Inline, Mode::Ffi, Mode::Swapped],
    };
    let wanted = if args.mode.is_empty() { &usual[..] } else { &args.mode };
    Mode::ALL
        .into_iter()
        .filter(|mode| ffi || *mode != Mode::Ffi)
        .filter(|mode| wanted.contains(mode))
        .collect()
}

/// The folder of the libraries, which must have all that are needed.
fn libraries(args: &Args, modes: &[Mode]) -> Result<PathBuf> {
    let dir = args.lib.clone().unwrap_or_else(base::lib_dir);
    for mode in modes {
        let file = dir.join(mode.library());
        let mend = if args.lib.is_some() {
            "check --lib"
        } else {
            "to mend: make"
        };
        ensure!(file.is_file(), "there is no {}; {mend}", file.display());
    }
    Ok(dir.canonicalize()?)
}

/// Counts as skipped what the ledger says can't work on the engine, however that is chosen.
pub fn excuse(outcomes: &mut [Outcome]) -> Result<()> {
    let ledger = ledger::read()?;
    let known = ledger::Known::new(&ledger, How::None);
    for outcome in outcomes {
        known.excuse(outcome);
    }
    Ok(())
}

/// The names of the test programs, without `.c`.
pub fn names(only: Option<&str>) -> Result<Vec<String>> {
    let dir = base::root().join("test-c");
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("can't read {}", dir.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "c") && path.is_file() {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    if let Some(pattern) = only {
        let exact = names.iter().any(|name| name == pattern);
        names.retain(|name| name == pattern || !exact && name.contains(pattern));
        ensure!(!names.is_empty(), "no program in {} matches *{pattern}*", dir.display());
    }
    names.sort();
    Ok(names)
}

/// The compiler's flags for a mode: our headers get every warning, others count as the system's.
fn flags(args: &Args, mode: Mode) -> Vec<String> {
    let own = [base::root().join("include")];
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

/// Does the work on each program, `at_once` at a time.
pub fn in_parallel<P: Borrow<Program> + Send, R: Send>(
    what: &str,
    at_once: usize,
    programs: Vec<P>,
    work: impl Fn(P) -> R + Sync,
) -> Vec<R> {
    let name = |program: &P| format!("{} ({})", program.borrow().name, program.borrow().variant);
    parallel::each(what, at_once, programs, name, |program| Ok(work(program))).expect("the work returns no error")
}

fn show_failures(outcomes: &[Outcome]) {
    for outcome in outcomes.iter().filter(|outcome| outcome.counts.failed > 0) {
        println!(
            "{} ({}) failed; full log: {}",
            outcome.name,
            outcome.variant,
            outcome.log.display()
        );
        for line in &outcome.tail {
            println!("    {line}");
        }
        println!();
    }
}

fn show_table(variants: &[&'static str], outcomes: &[Outcome]) {
    let mut rows: BTreeMap<&str, BTreeMap<&str, Counts>> = BTreeMap::new();
    for outcome in outcomes {
        rows.entry(&outcome.name)
            .or_default()
            .insert(outcome.variant, outcome.counts);
    }
    let cell = |counts: Option<&Counts>| {
        counts.map_or_else(String::new, |c| format!("{}/{}/{}", c.passed, c.failed, c.skipped))
    };
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, counts)| {
            let cells = variants.iter().map(|variant| cell(counts.get(variant)));
            std::iter::once((*name).to_owned()).chain(cells).collect()
        })
        .collect();
    base::table(&[&["passed/failed/skipped"], variants].concat(), &rows);
}

fn show_skips(variants: &[&'static str], outcomes: &[&Outcome]) {
    let mut skips: Cases = BTreeMap::new();
    for outcome in outcomes {
        for (case, reason) in &outcome.skips {
            let key = (outcome.name.as_str(), case.as_str(), reason.as_str());
            skips.entry(key).or_default().push(outcome.variant);
        }
    }
    show_cases("skipped", variants, &skips);
}

/// Program, case and reason, and the variants.
type Cases<'a> = BTreeMap<(&'a str, &'a str, &'a str), Vec<&'a str>>;

/// Prints each case once, with its variants unless these are all.
fn show_cases(title: &str, variants: &[&'static str], cases: &Cases) {
    if cases.is_empty() {
        return;
    }
    println!("\n{title}:");
    for ((name, case, reason), seen) in cases {
        let only = if seen.len() < variants.len() {
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
        let root = base::root();
        let read = |path| std::fs::read_to_string(root.join(path)).expect("a file of the repository");
        let test = read("test-c/stack.c");
        let missing: Vec<_> = read("src/liburing.map")
            .lines()
            .filter_map(|line| line.trim().strip_suffix(';'))
            .filter(|name| name.contains("io_uring_") && !test.contains(&format!("{name}(")))
            .map(str::to_owned)
            .collect();
        assert_eq!(missing, Vec::<String>::new(), "test-c/stack.c doesn't call them");
    }
}
