//! `cargo xtask platforms`: the library on other processors and on musl. It is cross-built and checked, and the tests
//! run there: 32-bit programs and those of musl on this kernel, the others on Debian's kernels for their processors,
//! under qemu.

mod build;
mod page;
mod rust;

use crate::code::Cpu;
use crate::ctest::{self, Mode};
use crate::kernels::{
    self, ARM64, ARM64_16K, Arch, CASE_SECONDS, PPC64EL_64K, Part, RISCV64, Row, Scope, Tests, Wanted,
};
use crate::suite::{self, Environment, Session, kernel};
use anyhow::{Result, ensure};
use base::compile::{self, Tools};
use base::{command, lib_dir, need, output, root};
use build::{Built, Target};
use page::Entry;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    /// Platforms: x86-64, arm64, arm64-16k, riscv64, ppc64el-64k, i686, musl [default: all]
    #[arg(long, value_delimiter = ',', value_name = "PLATFORM")]
    on: Vec<String>,
    /// Only build and check the libraries; no test runs
    #[arg(long)]
    build: bool,
    #[command(flatten)]
    scope: Scope,
    /// Only write docs/platforms.md, from the last run on each platform
    #[arg(long)]
    write: bool,
}

/// Where a platform's programs run.
enum Runs {
    /// Only built.
    Nowhere,
    Here,
    /// On one of Debian's kernels.
    Guest(&'static Arch, &'static Kernels),
}

/// A release and the suites of Debian that have it.
type Kernels = (&'static str, &'static [&'static str]);

const TRIXIE: Kernels = ("6.12.", &["trixie"]);
const NEWEST: Kernels = ("", &["sid"]);

struct Platform {
    name: &'static str,
    target: Target,
    runs: Runs,
}

const fn target(
    rust: &'static str,
    debian: &'static str,
    tools: Tools,
    cpu: Option<Cpu>,
    pointer: usize,
    libc: bool,
) -> Target {
    Target {
        rust,
        debian,
        tools,
        cpu,
        pointer,
        libc,
    }
}

const X86_64: Target = target(
    "x86_64-unknown-linux-gnu",
    "amd64",
    compile::NATIVE,
    Some(Cpu::X86),
    8,
    false,
);
const AARCH64: Target = target(
    "aarch64-unknown-linux-gnu",
    "arm64",
    compile::ARM64,
    Some(Cpu::Arm),
    8,
    false,
);
const RISCV: Target = target(
    "riscv64gc-unknown-linux-gnu",
    "riscv64",
    compile::RISCV64,
    Some(Cpu::Riscv),
    8,
    false,
);
const PPC64LE: Target = target(
    "powerpc64le-unknown-linux-gnu",
    "ppc64el",
    compile::PPC64EL,
    None,
    8,
    true,
);
const I686: Target = target("i686-unknown-linux-gnu", "i386", compile::I686, Some(Cpu::X86), 4, true);

const fn platform(name: &'static str, target: Target, runs: Runs) -> Platform {
    Platform { name, target, runs }
}

const PLATFORMS: [Platform; 6] = [
    // All other commands run on it.
    platform("x86-64", X86_64, Runs::Nowhere),
    platform("arm64", AARCH64, Runs::Guest(&ARM64, &TRIXIE)),
    platform("arm64-16k", AARCH64, Runs::Guest(&ARM64_16K, &TRIXIE)),
    platform("riscv64", RISCV, Runs::Guest(&RISCV64, &TRIXIE)),
    platform("ppc64el-64k", PPC64LE, Runs::Guest(&PPC64EL_64K, &NEWEST)),
    platform("i686", I686, Runs::Here),
];

const MUSL: &str = "musl";

pub fn run(args: &Args) -> Result<()> {
    if !args.build {
        suite::prepare()?;
    }
    let out = root().join("target/platforms");
    fs::create_dir_all(&out)?;
    for name in &args.on {
        ensure!(
            name == MUSL || PLATFORMS.iter().any(|platform| platform.name == name),
            "no platform is called {name}; there are {}, {MUSL}",
            PLATFORMS.map(|platform| platform.name).join(", ")
        );
    }
    if args.write {
        let mut names: Vec<&str> = PLATFORMS.iter().map(|platform| platform.name).collect();
        names.push(MUSL);
        return page::write(&out, &names, |name| lib(name).unwrap_or_else(lib_dir));
    }
    let asked = |name: &str| args.on.is_empty() || args.on.iter().any(|on| on == name);
    let mut entries = Vec::new();
    let chosen: Vec<&Platform> = PLATFORMS.iter().filter(|platform| asked(platform.name)).collect();
    let targets: Vec<Target> = chosen.iter().map(|platform| platform.target).collect();
    let built = build::all(&targets, &out)?;
    for platform in chosen {
        let built = built.iter().find(|built| built.target == platform.target);
        let mut entry = Entry::new(platform.name, built);
        if let Some(built) = built.filter(|_| !args.build) {
            println!("\n== on {}", platform.name);
            entry.take(args, platform.run(args, built, &out)?, &built.lib, &out)?;
        }
        entries.push(entry);
    }
    if asked(MUSL) && !args.build && args.scope.part != Some(Part::Suite) {
        println!("\n== on {MUSL}");
        let mut entry = Entry::new(MUSL, None);
        let row = musl(args, &out)?;
        entry.take(args, Some(row), &out.join(MUSL).join("lib"), &out)?;
        entries.push(entry);
    }
    println!();
    page::print(&entries);
    println!();
    entries.iter().for_each(Entry::print_failures);
    let failed: usize = entries.iter().map(Entry::failed).sum();
    println!("{} platforms, {failed} failed", entries.len());
    if failed > 0 {
        // Not an error value: its message would follow the summary line.
        std::process::exit(1);
    }
    Ok(())
}

/// Where a platform's libraries are.
pub fn lib(name: &str) -> Option<PathBuf> {
    let out = root().join("target/platforms");
    if name == MUSL {
        return Some(out.join(MUSL).join("lib"));
    }
    let platform = PLATFORMS.iter().find(|platform| platform.name == name)?;
    Some(build::lib(&platform.target, &out))
}

impl Platform {
    /// Runs the tests; `None` where nothing runs.
    fn run(&self, args: &Args, built: &Built, out: &Path) -> Result<Option<Row>> {
        match self.runs {
            Runs::Nowhere => Ok(None),
            Runs::Here => self.here(args, built, out).map(Some),
            Runs::Guest(arch, kernels) => self.guest(args, arch, kernels, built, out).map(Some),
        }
    }

    fn session(&self, args: &Args, out: &Path) -> Result<Option<Session>> {
        if !args.scope.suite() {
            return Ok(None);
        }
        let target = &self.target;
        let out = out.join(target.rust).join("suite");
        Session::foreign(target.debian, args.scope.modes(), target.tools, &out)
    }

    fn programs(&self, args: &Args, built: &Built, out: &Path) -> Result<Vec<ctest::Program>> {
        if args.scope.part == Some(Part::Suite) {
            return Ok(Vec::new());
        }
        let tools = self.target.tools;
        let mut cc = vec![tools.cc()];
        cc.extend(tools.flags.iter().map(ToString::to_string));
        let ours = ctest::Args {
            lib: Some(built.lib.clone()),
            mode: args.scope.mode.into_iter().collect(),
            only: args.scope.only.clone(),
            cc,
            ..ctest::Args::default()
        };
        let out = out.join(self.target.rust).join("ctest");
        let seconds = [CASE_SECONDS.to_owned()];
        let mut programs = ctest::build(&ours, &out, &seconds)?;
        // A 32-bit program that doesn't ask for large files has an off_t of 32 bits; the library's has 64.
        if !tools.flags.is_empty() && args.scope.mode.is_none_or(|mode| mode == Mode::Inline) {
            let small = ctest::Args {
                mode: vec![Mode::Inline],
                cc: vec![tools.cc()],
                variant: Some("small"),
                ..ours
            };
            programs.extend(ctest::build(&small, &out, &seconds)?);
        }
        Ok(programs)
    }

    fn guest(&self, args: &Args, arch: &Arch, kernels: &Kernels, built: &Built, out: &Path) -> Result<Row> {
        need(arch.qemu.0, arch.qemu.1)?;
        let wanted = Wanted {
            name: self.name,
            release: kernels.0,
            suites: kernels.1,
        };
        let out_here = out.join(self.name);
        fs::create_dir_all(&out_here)?;
        let init = kernels::init(arch, &out_here)?;
        let (session, programs) = (self.session(args, out)?, self.programs(args, built, out)?);
        let tests = Tests::build(session, programs, &built.lib, &args.scope)?;
        let image = tests.disk(arch, &out_here)?;
        tests.on(arch, &wanted, &init, &image)
    }

    /// On this kernel.
    fn here(&self, args: &Args, built: &Built, out: &Path) -> Result<Row> {
        let start = Instant::now();
        let mut row = row_here(self.name)?;
        let programs = self.programs(args, built, out)?;
        c_tests(&programs, args, &built.lib, &out.join(self.target.rust), &mut row)?;
        if let Some(mut session) = self.session(args, out)? {
            session.short = true;
            let tests = args.scope.tests(&session)?;
            session.build(&built.lib, &tests)?;
            let env = Environment {
                name: self.name.to_owned(),
                ..Environment::here(session.out.join("run"))?
            };
            let complete = args.scope.only.is_none() && !args.scope.short;
            let (report, verdict) = session.compare(&env, &tests, args.scope.jobs, complete)?;
            row.suite(&report, &verdict);
        }
        row.keep_engine(&built.lib, &args.scope)?;
        row.seconds = start.elapsed().as_secs_f64();
        Ok(row)
    }
}

fn row_here(name: &str) -> Result<Row> {
    Ok(Row {
        name: name.to_owned(),
        release: kernel()?,
        page_size: rustix::param::page_size() as u64,
        ..Row::default()
    })
}

/// Our C tests with musl's compiler wrapper, on the shared library, on liburing-ffi, and statically linked.
fn musl(args: &Args, out: &Path) -> Result<Row> {
    need("musl-gcc", "musl-tools")?;
    let start = Instant::now();
    let out = out.join(MUSL);
    // The libraries with the engine need a libc.
    output(
        command!("make -s CC=musl-gcc", format!("OUT={}", out.display()))
            .current_dir(root())
            .env_remove("MAKEFLAGS"),
    )?;
    let mut cc = vec!["musl-gcc".to_owned()];
    cc.extend(crate::statics::kernel_headers()?);
    let ours = ctest::Args {
        lib: Some(out.join("lib")),
        mode: args.scope.mode.into_iter().collect(),
        only: args.scope.only.clone(),
        cc,
        fixed: true,
        ..ctest::Args::default()
    };
    let programs = ctest::build(&ours, &out.join("ctest"), &[])?;
    let mut row = row_here(MUSL)?;
    c_tests(&programs, args, &out.join("lib"), &out, &mut row)?;
    row.keep_engine(&out.join("lib"), &args.scope)?;
    row.seconds = start.elapsed().as_secs_f64();
    Ok(row)
}

/// Runs our C programs on this kernel: on its rings, and on the engine.
fn c_tests(programs: &[ctest::Program], args: &Args, lib: &Path, out: &Path, row: &mut Row) -> Result<()> {
    if programs.is_empty() {
        return Ok(());
    }
    let tmp = out.join("tmp");
    fs::create_dir_all(&tmp)?;
    let mut outcomes = Vec::new();
    if args.scope.on_kernel() {
        outcomes = ctest::outcomes(programs, |program| program.run(&tmp));
        let mut ways: Vec<_> = programs.iter().map(|program| program.variant).collect();
        ways.sort_unstable();
        ways.dedup();
        row.c(ctest::show(&ways, &outcomes), &outcomes);
    }
    let engine = kernels::here_on_engine(programs, lib, &out.join("engine"), &tmp)?;
    row.engine(outcomes, engine)?;
    // Empty, unless a program was killed.
    let _ = fs::remove_dir_all(tmp);
    Ok(())
}
