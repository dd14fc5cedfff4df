//! `cargo xtask platforms`: the library on other processors and on musl. It is cross-built, what comes out is looked
//! at, and the tests run there: 32-bit programs and those of musl on this kernel, the others on Debian's kernels for
//! their processors, under qemu.

mod build;
mod musl;
mod page;
mod rust;

use crate::code::Cpu;
use crate::ctest::{self, Mode};
use crate::kernels::{
    self, ARM64, ARM64_16K, Arch, CASE_SECONDS, MODES, PPC64EL_64K, Part, Plan, RISCV64, Row, Scope, Tests, Wanted,
};
use crate::suite::{self, Frame, Ledger, Place, Session, System};
use crate::tools;
use crate::util::{lib_dir, need, root};
use anyhow::{Result, ensure};
use build::{Built, Target};
use page::Entry;
use std::fs;
use std::path::Path;
use std::time::Instant;

#[derive(clap::Args)]
pub struct Args {
    /// Platforms: x86-64, arm64, arm64-16k, riscv64, ppc64el-64k, i686, musl [default: all]
    #[arg(long, value_delimiter = ',', value_name = "PLATFORM")]
    on: Vec<String>,
    /// Build, and look at what was built; nothing runs
    #[arg(long)]
    build: bool,
    #[command(flatten)]
    scope: Scope,
    /// Only write docs/platforms.md, from what the last run on each platform showed
    #[arg(long)]
    write: bool,
}

/// Where a platform's programs run.
enum Ground {
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
    ground: Ground,
}

const PLATFORMS: [Platform; 6] = [
    Platform {
        name: "x86-64",
        target: Target {
            rust: "x86_64-unknown-linux-gnu",
            debian: "amd64",
            tools: tools::NATIVE,
            cpu: Some(Cpu::X86),
            pointer: 8,
            libc: false,
        },
        // Everything else runs on it.
        ground: Ground::Nowhere,
    },
    Platform {
        name: "arm64",
        target: AARCH64,
        ground: Ground::Guest(&ARM64, &TRIXIE),
    },
    Platform {
        name: "arm64-16k",
        target: AARCH64,
        ground: Ground::Guest(&ARM64_16K, &TRIXIE),
    },
    Platform {
        name: "riscv64",
        target: Target {
            rust: "riscv64gc-unknown-linux-gnu",
            debian: "riscv64",
            tools: tools::RISCV64,
            cpu: Some(Cpu::Riscv),
            pointer: 8,
            libc: false,
        },
        ground: Ground::Guest(&RISCV64, &TRIXIE),
    },
    Platform {
        name: "ppc64el-64k",
        target: Target {
            rust: "powerpc64le-unknown-linux-gnu",
            debian: "ppc64el",
            tools: tools::PPC64EL,
            cpu: None,
            pointer: 8,
            libc: true,
        },
        ground: Ground::Guest(&PPC64EL_64K, &NEWEST),
    },
    Platform {
        name: "i686",
        target: Target {
            rust: "i686-unknown-linux-gnu",
            debian: "i386",
            tools: tools::I686,
            cpu: Some(Cpu::X86),
            pointer: 4,
            libc: true,
        },
        ground: Ground::Here,
    },
];

const AARCH64: Target = Target {
    rust: "aarch64-unknown-linux-gnu",
    debian: "arm64",
    tools: tools::ARM64,
    cpu: Some(Cpu::Arm),
    pointer: 8,
    libc: false,
};

const MUSL: &str = "musl";

pub fn run(args: &Args) -> Result<()> {
    suite::prepare()?;
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
        return page::write(&out, &names, |name| {
            let platform = PLATFORMS.iter().find(|platform| platform.name == name);
            platform.map_or_else(lib_dir, |platform| build::lib(&platform.target, &out))
        });
    }
    let asked = |name: &str| args.on.is_empty() || args.on.iter().any(|on| on == name);
    let mut entries = Vec::new();
    let mut enter = |name, built: Option<&Built>, row| -> Result<()> {
        let entry = Entry::new(args, name, built, row)?;
        entry.keep(args, &out)?;
        entries.push(entry);
        Ok(())
    };
    let chosen: Vec<&Platform> = PLATFORMS.iter().filter(|platform| asked(platform.name)).collect();
    let targets: Vec<Target> = chosen.iter().map(|platform| platform.target).collect();
    let built = build::all(&targets, &out)?;
    for platform in chosen {
        let built = built.iter().find(|built| built.target == platform.target);
        let mut row = None;
        if let Some(built) = built.filter(|_| !args.build) {
            println!("\n== on {}", platform.name);
            row = platform.run(args, built, &out)?;
        }
        enter(platform.name, built, row)?;
    }
    if asked(MUSL) && !args.build && args.scope.part != Some(Part::Suite) {
        println!("\n== on {MUSL}");
        enter(MUSL, None, Some(musl::run(args, &out)?))?;
    }
    println!("\n{}", page::grid(&entries));
    entries.iter().for_each(Entry::tell_failures);
    let failed: usize = entries.iter().map(Entry::failed).sum();
    println!("{} platforms, {failed} failed", entries.len());
    if failed > 0 {
        // Not an error value: its message would come after the last line.
        std::process::exit(1);
    }
    Ok(())
}

impl Platform {
    /// Runs the tests; `None` where nothing runs.
    fn run(&self, args: &Args, built: &Built, out: &Path) -> Result<Option<Row>> {
        match self.ground {
            Ground::Nowhere => Ok(None),
            Ground::Here => self.here(args, built, out).map(Some),
            Ground::Guest(arch, kernels) => self.guest(args, arch, kernels, built, out).map(Some),
        }
    }

    fn session(&self, args: &Args, out: &Path) -> Result<Option<Session>> {
        if args.scope.part == Some(Part::C) {
            return Ok(None);
        }
        let target = &self.target;
        let out = out.join(target.rust).join("suite");
        Session::foreign(target.debian, &MODES, target.tools, &out)
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
            mode: args.scope.mode,
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
                mode: Some(Mode::Inline),
                cc: vec![tools.cc()],
                way: Some("small"),
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
        let tests = Tests::build(Plan {
            session: self.session(args, out)?,
            programs: self.programs(args, built, out)?,
            lib: built.lib.clone(),
            scope: args.scope.clone(),
            complete: true,
        })?;
        let image = tests.disk(arch, &out_here)?;
        tests.on(arch, &wanted, &init, &image.0)
    }

    /// On this kernel.
    fn here(&self, args: &Args, built: &Built, out: &Path) -> Result<Row> {
        let start = Instant::now();
        let system = System::here()?;
        let mut row = Row {
            name: self.name.to_owned(),
            release: system.kernel.clone(),
            page_size: rustix::param::page_size() as u64,
            ..Row::default()
        };
        let programs = self.programs(args, built, out)?;
        if !programs.is_empty() {
            c_tests(&programs, &out.join(self.target.rust).join("tmp"), &mut row)?;
        }
        if let Some(mut session) = self.session(args, out)? {
            let tests = kernels::chosen(&session, &args.scope)?;
            session.build(&built.lib, &tests)?;
            let frame = Frame {
                repeat: 1,
                complete: args.scope.only.is_none() && !args.scope.short,
                lib: &built.lib,
                system,
                ledger: Ledger::read()?,
                build_seconds: start.elapsed().as_secs_f64(),
            };
            let place = Place {
                name: self.name.to_owned(),
                ..Place::here(session.out.join("run"))
            };
            let (report, verdict) = frame.run(&session, &place, &tests, args.scope.jobs)?;
            let known = frame.ledger.holds(&session.version, &place.name, &frame.system);
            row.suite(&report, &verdict, &known);
        }
        row.seconds = start.elapsed().as_secs_f64();
        Ok(row)
    }
}

/// Runs our C programs on this kernel.
fn c_tests(programs: &[ctest::Program], tmp: &Path, row: &mut Row) -> Result<()> {
    fs::create_dir_all(tmp)?;
    let outcomes = ctest::outcomes(programs, |program| program.run(tmp));
    // Empty, unless a program was killed.
    let _ = fs::remove_dir_all(tmp);
    let mut ways: Vec<_> = programs.iter().map(|program| program.way).collect();
    ways.sort_unstable();
    ways.dedup();
    row.c(ctest::show(&ways, &outcomes), &outcomes);
    Ok(())
}
