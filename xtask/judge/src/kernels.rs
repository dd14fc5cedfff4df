//! `cargo xtask kernels`: run our C tests and the original's suite on Debian's kernels, old and new, under qemu.
//!
//! Everything is built here and put on a disk image at the paths that it has here. A guest's init runs the programs
//! (`test-c/kernels/init.c`), and their results are evaluated as on this machine.

mod debian;
mod disk;
mod engine;
mod guest;
mod page;
mod selftest;

use crate::ctest::{self, Outcome, Program};
use crate::peer::NEWEST;
use crate::suite::{self, Environment, Mode, Session, Spawn};
use anyhow::{Result, ensure};
use base::compile::{self, Compile as _};
use base::{kept, need, root};
pub use debian::{ARM64, ARM64_16K, Arch, PPC64EL_64K, RISCV64, Wanted};
use debian::{WANTED, X86_64};
use disk::Disk;
pub use engine::here_on_engine;
use guest::Guests;
pub use page::{Row, sums};
use refused::How;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The suite's modes; on the engine the tests in [`LIBRARY`] run.
pub const MODES: [Mode; 4] = [Mode::Peer, Mode::Swap, Mode::Source, Mode::Engine];

/// How long one of our C programs may take: each of its cases has its own limit.
const LIMIT: Duration = Duration::from_secs(900);
pub const CASE_SECONDS: &str = "-DT_SECONDS=40";

/// The suite's tests of what the library itself does, rather than the kernel: `--short` runs these, and so does the engine.
const LIBRARY: &str = "\
    across-fork buf-ring buf-ring-nommap cq-full cq-peek-batch cq-peek-batch-mixed cq-ready cq-size defer \
    eventfd eventfd-disable exit-no-cleanup file-register init-mem io_uring_enter io_uring_register \
    io_uring_setup no-mmap-inval nop nop-all-sizes probe reg-fd-only reg-reg-ring register-restrictions \
    resize-rings ring-leak ringbuf-loop ringbuf-status rsrc_tags self single-issuer sq-full sq-poll-dup \
    sq-space_left submit-and-wait submit-reuse sync-cancel timeout version wait-timeout";

/// The names in `LIBRARY`.
pub fn library() -> Vec<&'static str> {
    LIBRARY.split_whitespace().collect()
}

#[derive(clap::Args)]
pub struct Args {
    /// Kernels: 5.10, 6.1, 6.12, newest [default: all]
    #[arg(long, value_delimiter = ',', value_name = "KERNEL")]
    kernel: Vec<String>,
    #[command(flatten)]
    scope: Scope,
    /// Only write docs/kernels.md, from the last complete run on each kernel; with `--part engine` the table of docs/engine.md
    #[arg(long)]
    write: bool,
    /// Directory of our libraries [default: target/lib]
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// Check that guests that crash, and tests that fail or hang in one, are noticed
    #[arg(long)]
    self_test: bool,
}

/// Which tests to run.
#[derive(Clone, clap::Args)]
pub struct Scope {
    /// Of the suite, only the tests of what the library itself does
    #[arg(long)]
    pub short: bool,
    /// Only the C programs and tests whose names contain this
    #[arg(long, value_name = "PATTERN")]
    pub only: Option<String>,
    /// Only a part
    #[arg(long, value_name = "PART")]
    pub part: Option<Part>,
    /// Our C programs in this mode only: inline, ffi or static
    #[arg(long)]
    pub mode: Option<ctest::Mode>,
    /// How many of the suite's tests run at once
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub jobs: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Our C programs, on the kernel's rings and on the engine
    C,
    /// Our C programs on the engine alone, and of the suite the tests of what the library itself does
    Engine,
    /// The original's suite
    Suite,
}

pub fn run(args: &Args) -> Result<()> {
    suite::prepare()?;
    let arch = X86_64;
    need(arch.qemu.0, arch.qemu.1)?;
    let wanted = wanted(&args.kernel)?;
    let out = root().join("target/kernels");
    fs::create_dir_all(&out)?;
    let lib = base::libraries(args.lib.as_deref())?;
    if args.write && args.scope.part == Some(Part::Engine) {
        return engine::write(|name| crate::platforms::lib(name).unwrap_or_else(|| lib.clone()));
    }
    if args.write {
        return page::write(&out, &lib);
    }
    let init = init(&arch, &out)?;
    if args.self_test {
        return selftest::run(&arch, wanted[0], &init, &out);
    }
    let mut session = None;
    if args.scope.suite() {
        session = Session::open(NEWEST, args.scope.modes(), &root().join("target/suite").join(NEWEST))?;
        if session.is_none() {
            return Ok(());
        }
    }
    let ours = ctest::Args {
        lib: Some(lib.clone()),
        mode: args.scope.mode.into_iter().collect(),
        ..ctest::Args::default()
    };
    let programs = match args.scope.part {
        Some(Part::Suite) => Vec::new(),
        _ => ctest::build(&ours, &out.join("ctest"), &[CASE_SECONDS.to_owned()])?,
    };
    let tests = Tests::build(session, programs, &lib, &args.scope)?;
    let image = tests.disk(&arch, &out)?;
    let mut rows = Vec::new();
    for wanted in wanted {
        let row = tests.on(&arch, wanted, &init, &image)?;
        if args.scope.complete() {
            kept::keep(&page::file(&out, wanted.name), &sums(&lib)?, &row)?;
        }
        rows.push(row);
    }
    println!();
    page::print(&rows);
    println!();
    rows.iter().for_each(Row::print_failures);
    let failed: usize = rows.iter().map(Row::failed).sum();
    println!("{} kernels, {failed} failed", rows.len());
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
            "there is no kernel {name}; choose from {}",
            WANTED.map(|wanted| wanted.name).join(", ")
        );
    }
    let asked = |wanted: &&Wanted| names.is_empty() || names.iter().any(|name| name == wanted.name);
    Ok(WANTED.iter().filter(asked).collect())
}

/// Builds the guests' first process.
pub fn init(arch: &Arch, out: &Path) -> Result<PathBuf> {
    let init = out.join("init");
    let mut cc = arch.tools.compiler(false)?;
    cc.args(compile::CLEAN).arg("-static");
    cc.arg(root().join("test-c/kernels/init.c")).to(&init)?;
    Ok(init)
}

impl Scope {
    pub fn suite(&self) -> bool {
        self.part.is_none_or(|part| part != Part::C)
    }

    /// The suite's modes.
    pub fn modes(&self) -> &'static [Mode] {
        match self.part {
            Some(Part::Engine) => &[Mode::Peer, Mode::Engine],
            _ => &MODES,
        }
    }

    /// Whether our C programs run on the kernel's rings.
    pub fn on_kernel(&self) -> bool {
        self.part.is_none_or(|part| part == Part::C)
    }

    /// Whether nothing is left out.
    pub fn complete(&self) -> bool {
        !self.short && self.part.is_none() && self.all_programs() && self.mode.is_none()
    }

    /// Whether all our C programs run.
    pub fn all_programs(&self) -> bool {
        self.only.is_none()
    }

    /// The selected tests of the suite.
    pub fn tests(&self, session: &Session) -> Result<Vec<String>> {
        let mut tests = session.tree.tests.clone();
        if self.short || self.part == Some(Part::Engine) {
            let library = library();
            tests.retain(|test| library.contains(&test.as_str()));
            ensure!(
                tests.len() == library.len(),
                "the suite lacks some tests of LIBRARY in xtask/judge/src/kernels.rs"
            );
        }
        tests.retain(|test| self.only.as_ref().is_none_or(|only| test.contains(only)));
        Ok(tests)
    }
}

/// What runs on each kernel.
pub struct Tests {
    programs: Vec<Program>,
    /// `None`: only our C programs run.
    session: Option<Session>,
    tests: Vec<String>,
    /// Our libraries, and those with the engine.
    lib: PathBuf,
    engine: PathBuf,
    scope: Scope,
}

impl Tests {
    pub fn build(mut session: Option<Session>, mut programs: Vec<Program>, lib: &Path, scope: &Scope) -> Result<Self> {
        programs.retain(|program| scope.only.as_ref().is_none_or(|only| program.name.contains(only)));
        let mut tests = Vec::new();
        if let Some(session) = &mut session {
            session.short = true;
            tests = scope.tests(session)?;
            session.build(lib, &tests)?;
        }
        Ok(Self {
            programs,
            session,
            tests,
            lib: lib.to_path_buf(),
            engine: engine::folder(lib)?,
            scope: scope.clone(),
        })
    }

    pub fn disk(&self, arch: &Arch, out: &Path) -> Result<File> {
        let mut disk = Disk::new(arch, out)?;
        let folders = [&self.lib, &self.engine].into_iter();
        let libraries = folders.flat_map(|dir| ["liburing.so.2", "liburing-ffi.so.2"].map(|name| dir.join(name)));
        let programs = self.programs.iter().map(|program| program.exe.clone());
        for path in libraries.chain(programs).filter(|path| path.exists()) {
            disk.program(arch, &path)?;
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
    pub fn on(&self, arch: &Arch, wanted: &Wanted, init: &Path, image: &File) -> Result<Row> {
        let start = Instant::now();
        let kernel = wanted.get(arch, init)?;
        let guests = Arc::new(Guests::new(arch, kernel, image)?);
        println!("\n== Linux {}: up in {:.1} s", guests.release, guests.up);
        let mut row = Row {
            name: wanted.name.to_owned(),
            version: guests.kernel.version.clone(),
            release: guests.release.clone(),
            page_size: guests.page_size,
            up: guests.up,
            ..Row::default()
        };
        if !self.programs.is_empty() {
            let outcomes = self.on_kernel(&guests, &mut row);
            self.on_engine(&guests, &mut row, outcomes)?;
        }
        if let Some(session) = self.session.as_ref().filter(|_| !self.tests.is_empty()) {
            let env = Environment {
                name: format!("linux-{}", wanted.name),
                machine: Arc::clone(&guests) as Arc<dyn suite::Machine>,
                dir: session.out.join("run"),
                args: Vec::new(),
                kernel: guests.release.clone(),
                capabilities: u64::MAX,
            };
            let (report, verdict) = session.compare(&env, &self.tests, self.scope.jobs, self.scope.complete())?;
            row.suite(&report, &verdict);
        }
        row.keep_engine(&self.lib, &self.scope)?;
        row.restarts = guests.restarts();
        row.seconds = start.elapsed().as_secs_f64();
        Ok(row)
    }

    /// Runs our C programs on the kernel's rings.
    fn on_kernel(&self, guests: &Guests, row: &mut Row) -> Vec<Outcome> {
        if !self.scope.on_kernel() {
            return Vec::new();
        }
        let outcomes = c_tests(guests, &self.programs, None, row);
        let mut variants: Vec<_> = outcomes.iter().map(|outcome| outcome.variant).collect();
        variants.sort_unstable();
        variants.dedup();
        row.c(ctest::show(&variants, &outcomes), &outcomes);
        outcomes
    }

    /// Runs them on the engine.
    fn on_engine(&self, guests: &Guests, row: &mut Row, kernel: Vec<Outcome>) -> Result<()> {
        let programs = engine::programs_on_engine(&self.programs);
        if programs.is_empty() {
            return Ok(());
        }
        let outcomes = c_tests(guests, &programs, Some(&self.engine), row);
        row.engine(kernel, outcomes)
    }
}

/// Runs our C programs, with the libraries in `engine` if there are some, where the kernel's io_uring is refused. One that
/// fails runs again, because a busy guest can miss a test's time limit.
fn c_tests(guests: &Guests, programs: &[Program], engine: Option<&Path>, row: &mut Row) -> Vec<Outcome> {
    let dir = &guests.kernel.dir;
    let logs = dir.join(if engine.is_some() { "engine" } else { "ctest" });
    for program in programs {
        // A log that can't be written shows up as a failure.
        let _ = fs::create_dir_all(logs.join(program.variant));
    }
    let execute = |program: &Program, log: &Path| c_test(guests, program, engine, &dir.join("run"), log);
    let mut outcomes = ctest::outcomes(programs, |program| program.run_by(&logs, execute));
    for outcome in &mut outcomes {
        let program = programs.iter().find(|program| program.is(outcome));
        for _ in 0..2 {
            let Some(program) = program.filter(|_| outcome.counts.failed > 0) else {
                break;
            };
            let before = outcome.tail.join("; ");
            *outcome = program.run_by(&logs, execute);
            if outcome.counts.failed == 0 {
                let name = format!("{} ({})", outcome.name, outcome.variant);
                row.unsteady.push(format!("{name}, ours: {before}"));
            }
        }
    }
    outcomes
}

/// Runs one of our C programs in a guest.
fn c_test(guests: &Guests, program: &Program, engine: Option<&Path>, dir: &Path, log: &Path) -> io::Result<ExitStatus> {
    let spawn = Spawn {
        exe: &program.exe,
        name: &program.name,
        args: &[],
        cwd: dir.join(format!("{}.{}", program.name, program.variant)),
        beside: &[],
        log: log.to_path_buf(),
        limit: LIMIT,
        refuse: if engine.is_some() { engine::REFUSE } else { How::None },
    };
    let done = guests.execute(&spawn, &engine.map(engine::environment).unwrap_or_default());
    let done = done
        .map_err(|error| io::Error::other(format!("{error:#}")))?
        .map_err(|words| io::Error::other(format!("it took the kernel down: {words}")))?;
    fs::write(log, &done.text)?;
    Ok(done.status)
}
