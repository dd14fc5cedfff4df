//! `cargo xtask bytes`: run every inline helper in four builds (the peer's C, our C, our symbol of liburing-ffi, our
//! Rust function called from Rust) on the same random memory with the same arguments. All must leave the same bytes and
//! return the same value. The C builds are compared at 32 bits too.
//!
//! `calls` builds the calls from the signatures; the draws and the comparison are `test-c/bytes/driver.c`.

mod calls;

use crate::peer::{self, Peer};
use anyhow::{Context, Result};
use base::compile::Compile as _;
use base::{command, fault, install, lib_dir, need, output, root, run, stdout, table};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(clap::Args)]
pub struct Args {
    /// Draws for each function and each comparison
    #[arg(long, default_value_t = 6000)]
    draws: u64,
    /// 200000 draws, for the full check
    #[arg(long)]
    long: bool,
    /// Repeat the draws of an earlier run
    #[arg(long)]
    seed: Option<u64>,
    /// Also introduce faults into a copy of the headers; each must be detected
    #[arg(long)]
    self_test: bool,
}

/// How the C code is compiled.
struct Mode {
    name: &'static str,
    flags: &'static [&'static str],
}

const NATIVE: Mode = Mode {
    name: "64 bits",
    flags: &[],
};
/// Undefined behaviour ends the run.
const UNDEFINED: Mode = Mode {
    name: "undefined",
    // Not alignment: the draws put messages at any address.
    flags: &[
        "-fsanitize=undefined",
        "-fno-sanitize=alignment",
        "-fsanitize-undefined-trap-on-error",
    ],
};
const M32: [Mode; 2] = [
    Mode {
        name: "32 bits",
        flags: &["-m32", "-idirafter", "/usr/include/x86_64-linux-gnu"],
    },
    Mode {
        name: "32 bits, large files",
        flags: &[
            "-m32",
            "-idirafter",
            "/usr/include/x86_64-linux-gnu",
            "-D_FILE_OFFSET_BITS=64",
        ],
    },
];

pub fn run(args: &Args) -> Result<()> {
    let Some(peer) = peer::get(peer::NEWEST)? else {
        return Ok(());
    };
    need("gcc", "gcc")?;
    let work = root().join("target/bytes");
    fs::create_dir_all(&work)?;
    let bench = Bench {
        draws: if args.long { 200_000 } else { args.draws },
        seed: args.seed.unwrap_or_else(|| {
            let time = SystemTime::now().duration_since(UNIX_EPOCH);
            time.map_or(1, |time| time.as_secs() % 1_000_000)
        }),
        count: calls::write(&work)?,
        include: root().join("include"),
        peer,
        work,
    };
    let lib = lib_dir();
    let (ours, theirs) = (&bench.include, &bench.peer.include);
    let native = bench.driver(&NATIVE)?;
    let mut rows = Vec::new();
    let mut total = 0;
    let mut compare = |what: &str, builds: &str, driver: &Path, objects: &[Build]| -> Result<()> {
        let draws = bench.compare(driver, objects)?;
        let row = [what, builds, &bench.count.to_string(), &draws.to_string(), "0"];
        rows.push(row.map(String::from).to_vec());
        total += draws;
        Ok(())
    };
    compare(
        "64 bits, with the libraries",
        "peer's C, our C, ffi, Rust",
        &native,
        &[
            bench.linked("peer", theirs, &bench.peer.lib.join("liburing.so.2"))?,
            bench.linked("ours", ours, &lib.join("liburing.so.2"))?,
            bench.linked("ffi", &ours.join("ffi"), &lib.join("liburing-ffi.so.2"))?,
            bench.rust()?,
        ],
    )?;
    compare(
        "64 bits, undefined behaviour trapped",
        "our C, our C with UBSan",
        &native,
        &[
            bench.alone("ours-alone", &NATIVE, ours)?,
            bench.alone("ours-trapping", &UNDEFINED, ours)?,
        ],
    )?;
    let mut modes = vec![&NATIVE];
    if need_m32(&bench.work)? {
        modes.extend(&M32);
    }
    for mode in modes {
        compare(
            &format!("{}, library calls recorded", mode.name),
            "peer's C, our C",
            &bench.driver(mode)?,
            &[
                bench.alone("peer-alone", mode, theirs)?,
                bench.alone("ours-alone", mode, ours)?,
            ],
        )?;
    }
    table(&["comparison", "builds", "functions", "draws", "differences"], &rows);
    println!(
        "bytes: 0 differences over {total} draws; repeat them with --seed {} --draws {}",
        bench.seed, bench.draws
    );
    if args.self_test {
        self_test(&bench, &native)?;
    }
    Ok(())
}

/// Whether this machine compiles and runs 32-bit programs; installs what gcc needs for it.
fn need_m32(work: &Path) -> Result<bool> {
    if !cfg!(target_arch = "x86_64") {
        return Ok(false);
    }
    let (file, program) = (work.join("trial32.c"), work.join("trial32"));
    fs::write(&file, "#include <stdlib.h>\nint main(void) { return 0; }\n")?;
    let compile = || Command::new("gcc").args(M32[0].flags).arg(&file).to(&program);
    if compile().is_err() {
        // gcc-multilib itself can't be installed next to the cross compilers.
        let version = stdout(&mut command!("gcc -dumpversion"))?;
        let major = version.trim().split('.').next().unwrap_or_default();
        install(&[&format!("gcc-{major}-multilib")])?;
        compile().context("gcc still can't make 32-bit programs")?;
    }
    let runs = run::attempt(&mut Command::new(&program)).is_ok_and(|out| out.status.success());
    if !runs {
        eprintln!("SKIPPED: this kernel doesn't run 32-bit programs");
    }
    Ok(runs)
}

struct Bench {
    include: PathBuf,
    draws: u64,
    seed: u64,
    /// The number of functions.
    count: usize,
    peer: Peer,
    work: PathBuf,
}

/// A build of the helpers: its name and its object.
type Build = (String, PathBuf);

impl Bench {
    fn gcc(&self, mode: &Mode) -> Command {
        let mut gcc = command!("gcc -O2 -std=gnu17 -Wall -Wextra");
        gcc.args(mode.flags).include(&self.work);
        gcc
    }

    /// A file's path, one for each mode.
    fn file(&self, name: &str, mode: &Mode) -> PathBuf {
        self.work.join(format!("{name}-{}", mode.name.replace([' ', ','], "-")))
    }

    fn driver(&self, mode: &Mode) -> Result<PathBuf> {
        let program = self.file("driver", mode);
        let source = root().join("test-c/bytes/driver.c");
        let mut gcc = self.gcc(mode);
        gcc.include(&self.include).arg(source).arg("-ldl").to(&program)?;
        Ok(program)
    }

    /// The calls compiled with the headers in `include`, and linked with a library or with stubs in its place.
    fn calls(&self, name: &str, mode: &Mode, include: &Path, link: impl FnOnce(&mut Command)) -> Result<Build> {
        let object = self.file(name, mode);
        let mut gcc = self.gcc(mode);
        // include/ffi holds only liburing.h, the other headers come from include.
        let shared = include.ends_with("ffi").then_some(&self.include);
        gcc.args(["-shared", "-fPIC"]).include(include);
        gcc.args(shared.iter().flat_map(|include| [Path::new("-I"), include]));
        gcc.arg(self.work.join("calls.c"));
        link(&mut gcc);
        gcc.to(&object)?;
        Ok((name.into(), object))
    }

    fn linked(&self, name: &str, include: &Path, library: &Path) -> Result<Build> {
        self.calls(name, &NATIVE, include, |gcc| {
            gcc.library(library);
        })
    }

    /// Linked with stubs that record their arguments.
    fn alone(&self, name: &str, mode: &Mode, include: &Path) -> Result<Build> {
        self.calls(name, mode, include, |gcc| {
            gcc.arg(root().join("test-c/bytes/stubs.c"));
        })
    }

    /// The Rust functions, called from a Rust crate that has ours as a dependency.
    fn rust(&self) -> Result<Build> {
        let target = self.work.join("rust-target");
        let mut cargo = command!("cargo build --quiet --release --target-dir", &target);
        output(cargo.current_dir(self.work.join("rust")))?;
        Ok(("rust".into(), target.join("release/libcalls.so")))
    }

    /// Runs the draws; returns their number, or an error with the first differences.
    fn compare(&self, driver: &Path, builds: &[Build]) -> Result<u64> {
        let mut command = Command::new(driver);
        command.args([self.draws, self.seed].map(|number| number.to_string()));
        for (name, object) in builds {
            command.arg(format!("{name}={}", object.display()));
        }
        let said = stdout(&mut command)?;
        let draws = said.split(' ').next().and_then(|word| word.parse().ok());
        draws.with_context(|| format!("the driver printed: {said}"))
    }
}

/// Introduces one fault at a time into a copy of the headers; each must be detected.
fn self_test(bench: &Bench, driver: &Path) -> Result<()> {
    let faults = [
        ("a wrong field", "\tsqe->len = len;", "\tsqe->file_index = len;"),
        ("a field forgotten", "\tsqe->personality = 0;\n", ""),
        (
            "an index that doesn't wrap",
            "cq.ktail) - *ring->cq.khead",
            "cq.ktail) - (*ring->cq.khead & 0x7fffffff)",
        ),
        (
            "a narrower conversion",
            "sqe->msg_flags = uring_cast(__u32, flags);",
            "sqe->msg_flags = uring_cast(__u16, flags);",
        ),
    ];
    let copy = bench.work.join("fault");
    for (what, from, to) in faults {
        fault::copy(&bench.include, &copy, &[("liburing.h", from, to)])?;
        let builds = [
            bench.alone("peer-alone", &NATIVE, &bench.peer.include)?,
            bench.alone("fault", &NATIVE, &copy)?,
        ];
        fault::expect(what, " and fault differ", || bench.compare(driver, &builds).map(drop))?;
    }
    Ok(())
}
