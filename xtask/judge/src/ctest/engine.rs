//! `cargo xtask ctest --backend engine`: the programs of the kernel's run, the same files, on the libraries with the
//! engine, where the kernel's io_uring is refused; and beside each result the kernel's.

use super::ledger::{self, Known};
use super::program::{Outcome, Program};
use super::{Args, Mode, compare, output, stamp};
use crate::system;
use anyhow::{Context, Result, ensure};
use refused::{Filter, How};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::SystemTime;

/// The limit of a program in seconds, unless --limit sets another.
const PROGRAM_SECONDS: u64 = 120;

/// The sources of the libraries with the engine.
const SOURCES: [&str; 6] = [
    "src",
    "crates/abi/src",
    "crates/engine/src",
    "crates/engine-shipped/src",
    "crates/half/src",
    "crates/linux/src",
];

pub fn run(args: &Args) -> Result<()> {
    let modes = super::modes(args);
    ensure!(
        !modes.contains(&Mode::Static),
        "the engine has no archive: mode static is for the kernel"
    );
    let lib = libraries(args, &modes)?;
    let ledger = ledger::read()?;
    let out = base::root().join("target/ctest");
    let plain = Args {
        only: args.only.clone(),
        mode: modes.clone(),
        ..Args::default()
    };
    let mut programs = super::build(&plain, &out, &[])?;
    if let Some(case) = &args.case {
        programs = programs.into_iter().map(|program| program.case(case)).collect();
    }
    let tmp = out.join(format!("tmp.{}", std::process::id()));
    fs::create_dir_all(&tmp)?;
    let kernel = kernel(args, &programs, &out.join("kernel"), &tmp)?;
    let engine = engine(args, programs, &lib, &out.join(args.refuse.name()), &tmp);
    // Empty, unless a program was killed.
    let _ = fs::remove_dir_all(&tmp);
    let (rows, wrong) = compare::join(kernel, engine?, &Known::new(&ledger, args.refuse), args);
    compare::report(args, &lib, &rows, &wrong)
}

/// The folder of the libraries with the engine.
fn libraries(args: &Args, modes: &[Mode]) -> Result<PathBuf> {
    let dir = args
        .lib
        .clone()
        .unwrap_or_else(|| base::root().join("target/engine/lib"));
    let mend = if args.lib.is_some() {
        "check --lib"
    } else {
        "to build it: make"
    };
    for mode in modes {
        let file = dir.join(mode.soname());
        ensure!(file.is_file(), "there is no {}; {mend}", file.display());
        let made = fs::metadata(&file)?.modified()?;
        let newer = SOURCES
            .iter()
            .find_map(|folder| newer(&base::root().join(folder), made));
        if let Some(source) = newer.filter(|_| args.lib.is_none()) {
            eprintln!("{} is older than {}; {mend}", file.display(), source.display());
        }
    }
    Ok(dir.canonicalize()?)
}

/// A file below the folder that was changed after this time.
fn newer(folder: &Path, than: SystemTime) -> Option<PathBuf> {
    let files = base::files_below(folder).ok()?;
    let changed = |path: &PathBuf| fs::metadata(path).and_then(|file| file.modified());
    files
        .into_iter()
        .find(|path| changed(path).is_ok_and(|time| time > than))
}

/// Runs the programs on this kernel's io_uring, except those that passed before on the same kernel and have not changed.
/// Nothing where there is no io_uring.
fn kernel(args: &Args, programs: &[Program], logs: &Path, tmp: &Path) -> Result<Vec<Outcome>> {
    if let Err(error) = system::rings() {
        println!("no comparison: this system refuses io_uring ({error})\n");
        return Ok(Vec::new());
    }
    make_folders(programs, logs)?;
    let release = crate::suite::kernel()?;
    let mut libraries = BTreeMap::new();
    for program in programs {
        if !libraries.contains_key(&program.library) {
            let mut hasher = DefaultHasher::new();
            fs::read(&program.library)?.hash(&mut hasher);
            libraries.insert(program.library.clone(), hasher.finish());
        }
    }
    Ok(super::outcomes(programs, |program| {
        let file = |ext: &str| logs.join(program.variant).join(format!("{}.{ext}", program.name));
        let library = libraries[&program.library];
        let key = stamp::of(&program.exe).map(|stamp| format!("{stamp} {library:016x} {release}"));
        let key = key.filter(|_| args.case.is_none());
        if key.is_some() && fs::read_to_string(file("key")).ok() == key {
            let outcome = program.outcome(file("log"), &output::read(&file("log")), Some(ExitStatus::from_raw(0)));
            if outcome.counts.failed == 0 {
                return outcome;
            }
        }
        let _ = fs::remove_file(file("key"));
        let outcome = program.run_in(logs, tmp);
        if let Some(key) = key.filter(|_| outcome.counts.failed == 0) {
            // Without it the program runs again the next time.
            let _ = fs::write(file("key"), key);
        }
        outcome
    }))
}

/// Runs the programs on the engine.
fn engine(args: &Args, programs: Vec<Program>, lib: &Path, logs: &Path, tmp: &Path) -> Result<Vec<Outcome>> {
    make_folders(&programs, logs)?;
    let filter = Arc::new(Filter::new(args.refuse)?);
    let env = environment(args.refuse)?;
    let limit = args.limit.unwrap_or(PROGRAM_SECONDS);
    let ready = |program: Program| {
        let program = program.on(lib).refused(&filter).limit(limit).watched();
        program.under(Vec::new(), env.clone())
    };
    let programs: Vec<_> = programs.into_iter().map(ready).collect();
    let mut seen = BTreeSet::new();
    for program in programs.iter().filter(|program| program.refused.is_none()) {
        if seen.insert(program.variant) {
            loads(program, lib)?;
        }
    }
    Ok(super::outcomes(&programs, |program| program.run_in(logs, tmp)))
}

fn make_folders(programs: &[Program], logs: &Path) -> Result<()> {
    for program in programs {
        let folder = logs.join(program.variant);
        fs::create_dir_all(&folder).with_context(|| format!("can't make {}", folder.display()))?;
    }
    Ok(())
}

/// What tells the programs, and the library, that they are on the engine.
fn environment(how: How) -> Result<Vec<(&'static str, String)>> {
    let me = std::env::current_exe().context("can't find xtask's own path")?;
    let mut env = vec![
        ("T_BACKEND", "engine".to_owned()),
        ("T_STACKS", format!("'{}' stacks", me.display())),
    ];
    if let Some(policy) = how.policy() {
        env.push(("IRONRING", policy.to_owned()));
    }
    Ok(env)
}

/// Checks that a program loads its library, if it needs it, from this folder.
fn loads(program: &Program, lib: &Path) -> Result<()> {
    let mut list = Command::new(&program.exe);
    list.env("LD_LIBRARY_PATH", lib).env("LD_TRACE_LOADED_OBJECTS", "1");
    let loaded = base::stdout(&mut list)?;
    let wanted = format!("=> {}/liburing", lib.display());
    ensure!(
        loaded.contains(&wanted) || !loaded.contains("liburing"),
        "{} does not load the library in {}:\n{loaded}",
        program.exe.display(),
        lib.display()
    );
    Ok(())
}
