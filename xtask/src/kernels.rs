//! `cargo xtask kernels`: our C tests and the original's suite on Debian's kernels, old and new, each booted under qemu.
//!
//! Everything is built here and lies on a disk image at the paths that it has here; a guest runs it as it is told
//! (`test-c/kernels/init.c`), and what judges it is what judges it elsewhere.

mod debian;
mod disk;
mod guest;
mod page;
mod selftest;

use crate::ctest::{self, Program};
use crate::peer::NEWEST;
use crate::suite::{self, Frame, Ledger, Mode, Place, Session, Spawn, System};
use crate::util::{self, need, root};
use anyhow::{Context, Result, ensure};
pub use debian::{ARM64, ARM64_16K, Arch, PPC64EL_64K, RISCV64, Wanted};
use debian::{WANTED, X86_64};
use disk::{Disk, Image};
use guest::Guest;
pub use page::{Row, sums};
use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub const MODES: [Mode; 3] = [Mode::Peer, Mode::Swap, Mode::Source];

/// How long one of our C programs may take: each of its cases has a limit of its own.
const LIMIT: Duration = Duration::from_secs(900);
pub const CASE_SECONDS: &str = "-DT_SECONDS=40";

/// The suite's tests of what the library itself does, rather than the kernel: `--short` runs these.
pub const LIBRARY: [&str; 40] = [
    "across-fork",
    "buf-ring",
    "buf-ring-nommap",
    "cq-full",
    "cq-peek-batch",
    "cq-peek-batch-mixed",
    "cq-ready",
    "cq-size",
    "defer",
    "eventfd",
    "eventfd-disable",
    "exit-no-cleanup",
    "file-register",
    "init-mem",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "no-mmap-inval",
    "nop",
    "nop-all-sizes",
    "probe",
    "reg-fd-only",
    "reg-reg-ring",
    "register-restrictions",
    "resize-rings",
    "ring-leak",
    "ringbuf-loop",
    "ringbuf-status",
    "rsrc_tags",
    "self",
    "single-issuer",
    "sq-full",
    "sq-poll-dup",
    "sq-space_left",
    "submit-and-wait",
    "submit-reuse",
    "sync-cancel",
    "timeout",
    "version",
    "wait-timeout",
];

#[derive(clap::Args)]
pub struct Args {
    /// Kernels: 5.10, 6.1, 6.12, newest [default: all]
    #[arg(long, value_delimiter = ',', value_name = "KERNEL")]
    kernel: Vec<String>,
    #[command(flatten)]
    scope: Scope,
    /// Only write docs/kernels.md, from what the last complete run on each kernel showed
    #[arg(long)]
    write: bool,
    /// Where our libraries are [default: target/lib]
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// Headers for the C programs instead of ours, several times where needed
    #[arg(long, value_name = "DIR")]
    include: Vec<PathBuf>,
    /// Check that a guest that crashes, and tests that fail or hang in one, are noticed
    #[arg(long)]
    self_test: bool,
}

/// What of it all is to run.
#[derive(Clone, clap::Args)]
pub struct Scope {
    /// Of the suite only the tests of what the library itself does
    #[arg(long)]
    pub short: bool,
    /// Only the C programs and tests whose names contain this
    #[arg(long, value_name = "PATTERN")]
    pub only: Option<String>,
    /// Only our C programs, or only the suite
    #[arg(long, value_name = "PART")]
    pub part: Option<Part>,
    /// Our C programs in this way only: inline, ffi or static
    #[arg(long)]
    pub mode: Option<ctest::Mode>,
    /// How many of the suite's tests run at once
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub jobs: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    C,
    Suite,
}

pub fn run(args: &Args) -> Result<()> {
    suite::prepare()?;
    let arch = X86_64;
    need(arch.qemu.0, arch.qemu.1)?;
    need("cc", "gcc")?;
    let wanted = wanted(&args.kernel)?;
    let out = root().join("target/kernels");
    fs::create_dir_all(&out)?;
    let lib = args.lib.clone().unwrap_or_else(util::lib_dir);
    let lib = lib
        .canonicalize()
        .with_context(|| format!("there is no {}; to build it: make", lib.display()))?;
    if args.write {
        return page::write(&out, &lib);
    }
    let init = init(&arch, &out)?;
    if args.self_test {
        return selftest::run(&arch, wanted[0], &init, &out);
    }
    let mut session = None;
    if args.scope.part != Some(Part::C) {
        session = Session::open(NEWEST, &MODES, &root().join("target/suite").join(NEWEST))?;
        if session.is_none() {
            return Ok(());
        }
    }
    let ours = ctest::Args {
        lib: Some(lib.clone()),
        include: args.include.clone(),
        mode: args.scope.mode,
        ..ctest::Args::default()
    };
    let programs = match args.scope.part {
        Some(Part::Suite) => Vec::new(),
        _ => ctest::build(&ours, &out.join("ctest"), &[CASE_SECONDS.to_owned()])?,
    };
    let tests = Tests::build(Plan {
        session,
        programs,
        lib: lib.clone(),
        scope: args.scope.clone(),
        complete: args.include.is_empty(),
    })?;
    let image = tests.disk(&arch, &out)?;
    let mut rows = Vec::new();
    for wanted in wanted {
        let row = tests.on(&arch, wanted, &init, &image.0)?;
        if tests.complete {
            row.keep(&out.join(wanted.name), &lib)?;
        }
        rows.push(row);
    }
    println!("\n{}", page::grid(&rows));
    rows.iter().for_each(Row::tell_failures);
    let failed: usize = rows.iter().map(Row::failed).sum();
    println!("{} kernels, {failed} failed", rows.len());
    drop(image);
    if failed > 0 {
        // Not an error value: its message would come after the last line.
        std::process::exit(1);
    }
    Ok(())
}

fn wanted(names: &[String]) -> Result<Vec<&'static Wanted>> {
    for name in names {
        ensure!(
            WANTED.iter().any(|wanted| wanted.name == name),
            "no kernel is called {name}; there are {}",
            WANTED.map(|wanted| wanted.name).join(", ")
        );
    }
    let asked = |wanted: &&Wanted| names.is_empty() || names.iter().any(|name| name == wanted.name);
    Ok(WANTED.iter().filter(asked).collect())
}

/// Builds the guests' first process.
pub fn init(arch: &Arch, out: &Path) -> Result<PathBuf> {
    let init = out.join("init");
    util::output(
        Command::new(arch.tools.cc())
            .args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-o"])
            .args([&init, &root().join("test-c/kernels/init.c")]),
    )?;
    Ok(init)
}

/// The suite's tests that are asked for.
pub fn chosen(session: &Session, scope: &Scope) -> Result<Vec<String>> {
    let mut tests = session.tree.tests.clone();
    if scope.short {
        tests.retain(|test| LIBRARY.contains(&test.as_str()));
        ensure!(
            tests.len() == LIBRARY.len(),
            "the suite has lost some of LIBRARY's tests"
        );
    }
    if let Some(only) = &scope.only {
        tests.retain(|test| test.contains(only));
    }
    Ok(tests)
}

/// What is asked for.
pub struct Plan {
    /// `None`: only our C programs run.
    pub session: Option<Session>,
    /// Our C programs.
    pub programs: Vec<Program>,
    /// Our libraries.
    pub lib: PathBuf,
    pub scope: Scope,
    /// Whether there is nothing more, but for what `scope` leaves out.
    pub complete: bool,
}

/// What runs on each kernel.
pub struct Tests {
    programs: Vec<Program>,
    /// `None`: only our C programs run.
    session: Option<Session>,
    tests: Vec<String>,
    lib: PathBuf,
    jobs: usize,
    /// Whether it is everything that there is.
    complete: bool,
    build_seconds: f64,
}

impl Tests {
    pub fn build(plan: Plan) -> Result<Self> {
        let start = Instant::now();
        let Plan {
            mut session,
            mut programs,
            lib,
            scope,
            complete,
        } = plan;
        if let Some(only) = &scope.only {
            programs.retain(|program| program.name.contains(only));
        }
        let mut tests = Vec::new();
        if let Some(session) = &mut session {
            tests = chosen(session, &scope)?;
            session.build(&lib, &tests)?;
        }
        Ok(Self {
            programs,
            session,
            tests,
            complete: complete && !scope.short && scope.only.is_none() && scope.part.is_none() && scope.mode.is_none(),
            lib,
            jobs: scope.jobs,
            build_seconds: start.elapsed().as_secs_f64(),
        })
    }

    pub fn disk(&self, arch: &Arch, out: &Path) -> Result<Image> {
        let mut disk = Disk::new(arch, out)?;
        for name in ["liburing.so.2", "liburing-ffi.so.2"] {
            let path = self.lib.join(name);
            if path.exists() {
                disk.program(arch, &path)?;
            }
        }
        for program in self.programs.iter().filter(|program| program.exe.exists()) {
            disk.program(arch, &program.exe)?;
        }
        if let Some(session) = &self.session {
            for program in session.programs() {
                disk.program(arch, &program)?;
            }
            disk.file(&session.script())?;
        }
        disk.finish()
    }

    /// Boots a kernel, and runs everything on it.
    pub fn on(&self, arch: &Arch, wanted: &Wanted, init: &Path, image: &Path) -> Result<Row> {
        let start = Instant::now();
        let kernel = wanted.get(arch, init)?;
        let guest = Arc::new(Guest::new(arch, &kernel, image));
        let release = guest.release()?;
        println!(
            "\n== Linux {release}: up in {:.1} s",
            guest.boots().iter().map(Duration::as_secs_f64).sum::<f64>()
        );
        let mut row = Row {
            name: wanted.name.to_owned(),
            version: kernel.version.clone(),
            release: release.clone(),
            page_size: guest.page_size(),
            ..Row::default()
        };
        if !self.programs.is_empty() {
            self.c_tests(&guest, &kernel.dir, &mut row);
        }
        if let Some(session) = self.session.as_ref().filter(|_| !self.tests.is_empty()) {
            let place = Place {
                name: format!("linux-{}", wanted.name),
                machine: Arc::clone(&guest) as Arc<dyn suite::Machine>,
                dir: session.out.join("run"),
                args: Vec::new(),
            };
            let frame = Frame {
                repeat: 1,
                complete: self.complete,
                lib: &self.lib,
                system: System {
                    kernel: release,
                    capabilities: u64::MAX,
                },
                ledger: Ledger::read()?,
                build_seconds: self.build_seconds,
            };
            let (report, verdict) = frame.run(session, &place, &self.tests, self.jobs)?;
            row.suite(
                &report,
                &verdict,
                &frame.ledger.holds(NEWEST, &place.name, &frame.system),
            );
        }
        row.boots = guest.boots().iter().map(Duration::as_secs_f64).collect();
        row.seconds = start.elapsed().as_secs_f64();
        Ok(row)
    }

    /// Our C programs. One that fails runs again, alone: a busy guest is late at times.
    fn c_tests(&self, guest: &Guest, dir: &Path, row: &mut Row) {
        let logs = dir.join("ctest");
        for program in &self.programs {
            // The log of a program that can't be made shows up as a failure.
            let _ = fs::create_dir_all(logs.join(program.way));
        }
        let execute = |program: &Program, log: &Path| c_test(guest, program, &dir.join("run"), log);
        let mut outcomes = ctest::outcomes(&self.programs, |program| program.run_by(&logs, execute));
        for outcome in &mut outcomes {
            let program = self.programs.iter().find(|program| program.is(outcome));
            for _ in 0..2 {
                let Some(program) = program.filter(|_| outcome.counts.failed > 0) else {
                    break;
                };
                let before = outcome.tail.join("; ");
                *outcome = program.run_by(&logs, execute);
                if outcome.counts.failed == 0 {
                    let name = format!("{} ({})", outcome.name, outcome.way);
                    row.unsteady.push(format!("{name}, ours: {before}"));
                }
            }
        }
        let mut ways: Vec<_> = outcomes.iter().map(|outcome| outcome.way).collect();
        ways.sort_unstable();
        ways.dedup();
        row.c(ctest::show(&ways, &outcomes), &outcomes);
    }
}

/// Runs one of our C programs in a guest.
fn c_test(guest: &Guest, program: &Program, dir: &Path, log: &Path) -> io::Result<ExitStatus> {
    let done = guest.execute(&Spawn {
        exe: &program.exe,
        name: &program.name,
        args: &[],
        cwd: dir.join(format!("{}.{}", program.name, program.way)),
        beside: &[],
        log: log.to_path_buf(),
        limit: LIMIT,
    });
    let done = done
        .map_err(|error| io::Error::other(format!("{error:#}")))?
        .map_err(|words| io::Error::other(format!("it took the kernel down: {words}")))?;
    fs::write(log, &done.text)?;
    Ok(ExitStatus::from_raw(match done.end {
        suite::End::Code(code) => code << 8,
        suite::End::Signal(signal) => signal,
        // As timeout(1) has it.
        suite::End::TooLong => 124 << 8,
    }))
}
