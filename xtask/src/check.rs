//! `make check`: every test, one after the other, and a table at the end. A failed step doesn't stop the others.

use crate::util::{self, root, table};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Of a failed step's output.
const LAST_LINES: usize = 30;
const LAST_CHARS: usize = 300;

#[derive(clap::Args)]
pub struct Args {
    /// Only the steps whose names contain this
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// The long forms too: more draws, the suite's older releases
    #[arg(long)]
    all: bool,
    /// What a change breaks first: under a minute when everything is built
    #[arg(long, conflicts_with = "all")]
    quick: bool,
}

/// The steps of `--quick`, which adds the C tests on the inlines.
const QUICK: [&str; 4] = ["gen", "lint", "unit", "gates"];

/// A step: its name, what it shows, and its commands.
struct Step {
    name: &'static str,
    shows: &'static str,
    commands: Vec<Command>,
}

fn steps(args: &Args) -> Result<Vec<Step>> {
    let me = std::env::current_exe().context("where is xtask?")?;
    let xtask = |args: &[&str]| {
        let mut command = Command::new(&me);
        command.args(args);
        command
    };
    let program = |name: &str, args: &[&str]| {
        let mut command = Command::new(name);
        command.args(args);
        command
    };
    // In the library's workspace, and in the tools'.
    let both = |command: &str, args: &[&str]| {
        ["Cargo.toml", "xtask/Cargo.toml"].map(|manifest| {
            let mut cargo = program("cargo", &[command, "--manifest-path", manifest]);
            cargo.args(args);
            cargo
        })
    };
    let tests = if util::have("cargo-nextest") {
        both("nextest", &["run", "--workspace", "--locked"])
    } else {
        both("test", &["--quiet", "--workspace", "--locked"])
    };
    let mut clippy = vec!["--quiet", "--locked", "--workspace", "--all-targets"];
    if std::env::var_os("CI").is_some() {
        // A newer clippy than ours may have more to say: that is for us to hear, not for a user's check to fail of.
        clippy.extend(["--", "-D", "warnings"]);
    }
    util::need("rustfmt", "rustfmt")?;
    util::need("cargo-clippy", "rust-clippy")?;
    // crates/witness reads the headers with its library.
    crate::matrix::clang()?;
    let step = |name, shows, commands| Step { name, shows, commands };
    let mut steps = vec![
        step(
            "gen",
            "the committed headers, maps and manual are what the source gives",
            vec![xtask(&["gen", "--check"])],
        ),
        step(
            "lint",
            "rustfmt and clippy have nothing to say",
            [both("fmt", &["--all", "--check"]), both("clippy", &clippy)]
                .into_iter()
                .flatten()
                .collect(),
        ),
        step(
            "unit",
            "the Rust tests; each prototype, structure and constant of the headers is the library's",
            tests.into(),
        ),
        step(
            "cover",
            "the Rust tests run the library's lines",
            vec![xtask(&["cover"])],
        ),
        step(
            "model",
            "loom's models of the queues pass, and fail without any one ordering",
            vec![xtask(&["model"])],
        ),
        step(
            "gates",
            "symbols, versions, sizes, no dependencies",
            vec![
                xtask(&["gates", "--peer"]),
                program("make", &["-s", "IBT=1", "OUT=target/ibt"]),
                xtask(&["gates", "--lib", "target/ibt/lib"]),
            ],
        ),
        step(
            "install",
            "make install gives the files of Debian's packages",
            vec![xtask(&["install"])],
        ),
        step(
            "matrix",
            "no warning in any dialect of C and C++",
            vec![xtask(&["matrix", "--peer"])],
        ),
        step(
            "abi",
            "every fact of the peer's headers and libraries holds for ours",
            vec![xtask(&["abi", "--self-test"]), xtask(&["since", "--self-test"])],
        ),
        step(
            "bytes",
            "every inline helper leaves the peer's bytes",
            vec![xtask(&["bytes", "--self-test"])],
        ),
        step(
            "code",
            "every inline helper is the peer's machine code, or shorter, in the same memory order",
            vec![xtask(&["code", "--self-test"])],
        ),
        step(
            "cost",
            "no path costs more instructions than the peer's, or than when somebody last looked",
            vec![xtask(&["cost", "--self-test"])],
        ),
        step(
            "bench",
            "the benchmarks' engines do all their tasks; no time is judged",
            vec![xtask(&[
                "bench",
                "--rounds",
                "1",
                "--slice",
                "1",
                "--out",
                "target/check/bench",
            ])],
        ),
        step(
            "manual",
            "every function has its page, pages agree with the source, their examples run",
            vec![xtask(&["man"]), xtask(&["man", "--browser"]), xtask(&["man", "--doc"])],
        ),
        step(
            "package",
            "every package builds without network, twice the same, and stands in for liburing; the release is one",
            vec![
                xtask(&["versions"]),
                xtask(&["builds", "--self-test"]),
                xtask(&["packages"]),
                xtask(&["recipe"]),
            ],
        ),
        step(
            "lang",
            "C++ modules, Rust, our crate in it, and Python do a read",
            vec![xtask(&["lang"])],
        ),
        step("ctest", "real I/O on this kernel, from C", vec![xtask(&["ctest"])]),
        step(
            "libc",
            "the same through libc, as on other processors",
            vec![
                program("make", &["-s", "USE_LIBC=1", "OUT=target/libc"]),
                xtask(&["gates", "--libc", "--lib", "target/libc/lib"]),
                xtask(&["ctest", "--lib", "target/libc/lib", "--mode", "inline"]),
            ],
        ),
        step(
            "static",
            "the archive in every kind of program",
            vec![xtask(&["static"])],
        ),
        step(
            "sanitize",
            "valgrind, gcc's sanitizers and clang's TSan report nothing",
            vec![xtask(&["sanitize"])],
        ),
        step(
            "soak",
            "everything at once for twenty seconds: nothing lost, doubled or leaked",
            vec![xtask(&["soak", "--self-test"])],
        ),
        step(
            "faults",
            "the same faults in the system calls of the peer and of ours, the same consequences",
            vec![xtask(&["faults", "--self-test"])],
        ),
        step(
            "fuzz",
            "the same random calls on the peer and on ours leave the same behind",
            vec![xtask(&["fuzz", "--seed", "1", "--self-test"])],
        ),
        step(
            "suite",
            "the original's own tests, on the peer and on ours",
            vec![
                xtask(&["suite", "--self-test"]),
                xtask(&["suite", "--examples"]),
                xtask(&["suite"]),
            ],
        ),
        step(
            "programs",
            "the distribution's programs work on our packages as on the original's",
            vec![xtask(&["programs", "--self-test"]), xtask(&["programs", "--short"])],
        ),
        step(
            "cross",
            "other processors' libraries, built with the oldest Rust: gates, the peer's symbols, layouts, order",
            vec![xtask(&["platforms", "--build"])],
        ),
        step(
            "musl",
            "the C tests with musl, on the shared libraries and all in one piece",
            vec![xtask(&["platforms", "--on", "musl"])],
        ),
        step(
            "i686",
            "32-bit programs: the C tests, and the suite's of what the library itself does",
            vec![xtask(&["platforms", "--on", "i686", "--short"])],
        ),
        step(
            "arm64",
            "the C tests on an arm64 kernel",
            vec![xtask(&[
                "platforms",
                "--on",
                "arm64",
                "--part",
                "c",
                "--mode",
                "inline",
            ])],
        ),
        step(
            "kernel 5.10",
            "our C tests, and the suite's of what the library itself does, on an old kernel",
            vec![
                xtask(&["kernels", "--kernel", "5.10", "--self-test"]),
                xtask(&["kernels", "--kernel", "5.10", "--short"]),
            ],
        ),
    ];
    if args.quick {
        steps.retain(|step| QUICK.contains(&step.name));
        steps.push(step(
            "ctest, inlines",
            "real I/O on this kernel, from C",
            vec![xtask(&["ctest", "--mode", "inline"])],
        ));
    }
    if args.all {
        steps.push(step(
            "package, with tests",
            "the packages' own test steps, as a distribution's builder runs them",
            vec![
                xtask(&["deb", "--test"]),
                xtask(&["rpm", "--test"]),
                xtask(&["recipe", "--test"]),
            ],
        ));
        steps.push(step(
            "bytes, long",
            "a hundred million draws",
            vec![xtask(&["bytes", "--long"])],
        ));
        steps.push(step(
            "sanitize, long",
            "tests without threads under TSan, too, and the soak under the sanitizers",
            vec![
                xtask(&["sanitize", "--long", "--tool", "tsan"]),
                xtask(&["sanitize", "--soak"]),
            ],
        ));
        steps.push(step(
            "soak, long",
            "ten minutes of it",
            vec![xtask(&["soak", "--minutes", "10"])],
        ));
        steps.push(step(
            "fuzz, long",
            "a million random calls, others each time",
            vec![xtask(&["fuzz", "--calls", "1000000"])],
        ));
        steps.push(step(
            "suite, older",
            "programs built with the headers of 2.9 and 2.3 on our library",
            vec![xtask(&["suite", "--version", "2.9,2.3"])],
        ));
        steps.push(step(
            "programs, all",
            "more of them, on bookworm and on sid, and some built from source",
            vec![xtask(&["programs"])],
        ));
        steps.push(step(
            "suite, other ground",
            "its I/O tests on a loop device, ext4, XFS and btrfs",
            vec![xtask(&["suite", "--ground"])],
        ));
    }
    Ok(steps)
}

pub fn run(args: &Args) -> Result<()> {
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for step in steps(args)? {
        if args
            .only
            .as_ref()
            .is_some_and(|only| !step.name.contains(only.as_str()))
        {
            continue;
        }
        println!("\n== {}: {}", step.name, step.shows);
        let start = Instant::now();
        let log = log(step.name);
        let result = match perform(step.commands, log.as_deref())? {
            None => "passed".to_owned(),
            Some(command) => {
                failed.push((step.name, log));
                format!("FAILED, again with: {}", again(&command))
            }
        };
        rows.push(vec![step.name.to_string(), seconds(start.elapsed()), result]);
    }
    if rows.is_empty() {
        bail!("there is no such step; without --only all of them run");
    }
    // Of a long output the end is what is kept.
    for (step, log) in &failed {
        let Some(log) = log else { continue };
        println!("\n== {step} failed; all of it is in {}", log.display());
        for line in util::tail(log, LAST_LINES) {
            println!("  {}", line.chars().take(LAST_CHARS).collect::<String>());
        }
    }
    println!();
    table(&["step", "time", "result"], &rows);
    let failed = failed.len();
    println!("\ncheck: {} passed, {failed} failed", rows.len() - failed);
    if failed > 0 {
        bail!("{failed} of {} steps failed", rows.len());
    }
    Ok(())
}

/// Where a step's output is kept, unless a terminal has it to itself.
fn log(step: &str) -> Option<PathBuf> {
    let name = format!("{}.log", step.replace([' ', ','], "-"));
    (!std::io::stdout().is_terminal()).then(|| root().join("target/check").join(name))
}

/// Runs a step's commands until one fails, which it gives.
fn perform(commands: Vec<Command>, log: Option<&Path>) -> Result<Option<Command>> {
    let log = log
        .map(|path| {
            fs::create_dir_all(path.parent().context("a log lies in a folder")?)?;
            let file = File::create(path).with_context(|| format!("can't write {}", path.display()))?;
            anyhow::Ok((file, File::open(path)?))
        })
        .transpose()?;
    for mut command in commands {
        let shown = util::show(&command);
        command.current_dir(root());
        if let Some((file, _)) = &log {
            command.stdout(file.try_clone()?).stderr(file.try_clone()?);
        }
        let mut child = command.spawn().with_context(|| format!("can't run: {shown}"))?;
        let status = match &log {
            None => child.wait()?,
            Some((_, reader)) => loop {
                let status = child.try_wait()?;
                std::io::copy(&mut &*reader, &mut std::io::stdout())?;
                match status {
                    Some(status) => break status,
                    None => std::thread::sleep(Duration::from_millis(200)),
                }
            },
        };
        if !status.success() {
            return Ok(Some(command));
        }
    }
    Ok(None)
}

/// How to run a step's command by hand.
fn again(command: &Command) -> String {
    let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
    let program = command.get_program().to_string_lossy();
    let program = if program.ends_with("/xtask") {
        "cargo xtask"
    } else {
        &*program
    };
    format!("{program} {}", args.join(" "))
}

fn seconds(time: Duration) -> String {
    format!("{:.0} s", time.as_secs_f64())
}
