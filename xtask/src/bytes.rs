//! `cargo xtask bytes`: every inline helper in four makes, the peer's C, our C, our symbol of liburing-ffi and our Rust
//! function called from Rust, on the same dirty memory with the same arguments. All must leave the same bytes and
//! return the same value. The C texts are compared at 32 bits too.
//!
//! `calls` makes the calls from the signatures; the draws and the comparison are `test-c/bytes/driver.c`.

mod calls;

use crate::peer::{self, Peer};
use crate::util::{install, lib_dir, need, output, root, show, stdout, table};
use anyhow::{Context, Result, bail, ensure};
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
    /// The folder that holds liburing.h
    #[arg(long, value_name = "DIR")]
    include: Option<PathBuf>,
    /// The folder that holds the libraries
    #[arg(long, value_name = "DIR")]
    lib: Option<PathBuf>,
    /// Also build faults into a copy of the headers, and expect them to be found
    #[arg(long)]
    self_test: bool,
}

/// A way to compile the C texts.
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
    // Of alignment the draws say nothing: they put messages anywhere.
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
        include: fs::canonicalize(args.include.clone().unwrap_or_else(|| root().join("include")))?,
        lib: fs::canonicalize(args.lib.clone().unwrap_or_else(lib_dir)).context("no libraries; to mend: make")?,
        draws: if args.long { 200_000 } else { args.draws },
        seed: args.seed.unwrap_or_else(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(1, |time| time.as_secs() % 1_000_000)
        }),
        count: calls::write(&work)?,
        peer,
        work,
    };
    let mut rows = Vec::new();
    let mut total = 0;
    let mut enter = |what: &str, makes: &str, draws: u64| {
        rows.push(vec![
            what.into(),
            makes.into(),
            bench.count.to_string(),
            draws.to_string(),
            "0".into(),
        ]);
        total += draws;
    };

    let driver = bench.driver(&NATIVE)?;
    let makes = [
        bench.c(
            "peer",
            &NATIVE,
            &bench.peer.include,
            Some((&bench.peer.lib, "liburing")),
        )?,
        bench.c("ours", &NATIVE, &bench.include, Some((&bench.lib, "liburing")))?,
        bench.c(
            "ffi",
            &NATIVE,
            &bench.include.join("ffi"),
            Some((&bench.lib, "liburing-ffi")),
        )?,
        bench.rust()?,
    ];
    enter(
        "64 bits, with the libraries",
        "peer's C, our C, ffi, Rust",
        bench.compare(&driver, &makes)?,
    );
    let makes = [
        bench.c("ours-alone", &NATIVE, &bench.include, None)?,
        bench.c("ours-trapping", &UNDEFINED, &bench.include, None)?,
    ];
    enter(
        "64 bits, undefined behaviour trapped",
        "our C, our C with UBSan",
        bench.compare(&driver, &makes)?,
    );
    let mut modes = vec![&NATIVE];
    if need_m32(&bench.work)? {
        modes.extend(&M32);
    }
    for mode in modes {
        let driver = bench.driver(mode)?;
        let makes = [
            bench.c("peer-alone", mode, &bench.peer.include, None)?,
            bench.c("ours-alone", mode, &bench.include, None)?,
        ];
        enter(
            &format!("{}, library calls recorded", mode.name),
            "peer's C, our C",
            bench.compare(&driver, &makes)?,
        );
    }
    table(&["comparison", "makes", "functions", "draws", "differences"], &rows);
    println!(
        "bytes: 0 differences over {total} draws; repeat them with --seed {} --draws {}",
        bench.seed, bench.draws
    );
    if args.self_test {
        self_test(&bench, &driver)?;
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
    let compiles = || {
        let mut gcc = Command::new("gcc");
        gcc.args(M32[0].flags).arg(&file).arg("-o").arg(&program);
        gcc.output().is_ok_and(|out| out.status.success())
    };
    if !compiles() {
        // gcc-multilib itself can't be installed next to the cross compilers.
        let version = stdout(Command::new("gcc").arg("-dumpversion"))?;
        let major = version.trim().split('.').next().unwrap_or_default().to_owned();
        install(&[&format!("gcc-{major}-multilib")])?;
        ensure!(compiles(), "gcc still can't make 32-bit programs");
    }
    let runs = Command::new(&program).status().is_ok_and(|status| status.success());
    if !runs {
        eprintln!("SKIPPED: this kernel doesn't run 32-bit programs");
    }
    Ok(runs)
}

struct Bench {
    include: PathBuf,
    lib: PathBuf,
    draws: u64,
    seed: u64,
    /// How many functions there are.
    count: usize,
    peer: Peer,
    work: PathBuf,
}

/// A make of the helpers: its name, and the object that has it.
type Make = (String, PathBuf);

impl Bench {
    fn gcc(&self, mode: &Mode) -> Command {
        let mut gcc = Command::new("gcc");
        gcc.args(["-O2", "-std=gnu17", "-Wall", "-Wextra"])
            .args(mode.flags)
            .arg("-I")
            .arg(&self.work);
        gcc
    }

    fn driver(&self, mode: &Mode) -> Result<PathBuf> {
        let program = self.work.join(format!("driver-{}", mode.name.replace([' ', ','], "-")));
        let mut gcc = self.gcc(mode);
        gcc.arg("-I")
            .arg(&self.include)
            .arg(root().join("test-c/bytes/driver.c"));
        output(gcc.arg("-o").arg(&program).args(["-ldl"]))?;
        Ok(program)
    }

    /// The calls compiled with the headers in `include`, and linked with a library or, without one, with the stubs.
    fn c(&self, name: &str, mode: &Mode, include: &Path, lib: Option<(&Path, &str)>) -> Result<Make> {
        let object = self
            .work
            .join(format!("{name}-{}.so", mode.name.replace([' ', ','], "-")));
        let mut gcc = self.gcc(mode);
        gcc.args(["-shared", "-fPIC", "-I"])
            .arg(include)
            // What the headers for bindings lack, they share with the others.
            .args(
                include
                    .ends_with("ffi")
                    .then(|| format!("-I{}", self.include.display())),
            )
            .arg(self.work.join("calls.c"));
        if lib.is_none() {
            gcc.arg(root().join("test-c/bytes/stubs.c"));
        }
        gcc.arg("-o").arg(&object);
        if let Some((dir, lib)) = lib {
            gcc.arg("-L")
                .arg(dir)
                .arg(format!("-l:{lib}.so.2"))
                .arg(format!("-Wl,-rpath,{}", dir.display()));
        }
        output(&mut gcc)?;
        Ok((name.into(), object))
    }

    /// The Rust functions, called from a Rust crate that has ours as a dependency.
    fn rust(&self) -> Result<Make> {
        let dir = self.work.join("rust");
        let target = self.work.join("rust-target");
        let mut cargo = Command::new("cargo");
        cargo
            .args(["build", "--quiet", "--release", "--target-dir"])
            .arg(&target)
            .current_dir(&dir);
        output(&mut cargo)?;
        Ok(("rust".into(), target.join("release/libcalls.so")))
    }

    /// Runs the draws; gives their number, or an error with the first differences.
    fn compare(&self, driver: &Path, makes: &[Make]) -> Result<u64> {
        let mut command = Command::new(driver);
        command.arg(self.draws.to_string()).arg(self.seed.to_string());
        command.args(
            makes
                .iter()
                .map(|(name, object)| format!("{name}={}", object.display())),
        );
        let out = command.output().with_context(|| show(&command))?;
        let said = String::from_utf8_lossy(&out.stdout);
        if !out.status.success() {
            bail!(
                "{} from: {}\n{said}{}",
                out.status,
                show(&command),
                String::from_utf8_lossy(&out.stderr)
            );
        }
        let draws = said.split(' ').next().and_then(|word| word.parse().ok());
        draws.with_context(|| format!("the driver says: {said}"))
    }
}

/// Puts one fault after the other into a copy of the headers; each must be found.
fn self_test(bench: &Bench, driver: &Path) -> Result<()> {
    let plants = [
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
    let copy = bench.work.join("planted");
    for (what, from, to) in plants {
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        output(Command::new("cp").arg("-r").arg(&bench.include).arg(&copy))?;
        let header = copy.join("liburing.h");
        let text = fs::read_to_string(&header)?;
        ensure!(
            text.contains(from),
            "self-test: liburing.h no longer has {from:?}: adapt the plant"
        );
        fs::write(&header, text.replacen(from, to, 1))?;
        let makes = [
            bench.c("peer-alone", &NATIVE, &bench.peer.include, None)?,
            bench.c("planted", &NATIVE, &copy, None)?,
        ];
        match bench.compare(driver, &makes) {
            Err(error) if format!("{error}").contains(" differ\n") => {
                let text = format!("{error}");
                let mut found: Vec<&str> = text
                    .lines()
                    .filter(|line| line.ends_with(" differ"))
                    .filter_map(|line| line.split(':').next())
                    .collect();
                found.dedup();
                println!(
                    "self-test: {what}: found in {} functions, as {}",
                    found.len(),
                    found.first().unwrap_or(&"")
                );
            }
            Err(error) => return Err(error.context(format!("self-test: {what}"))),
            Ok(_) => bail!("self-test: {what} was not found"),
        }
    }
    Ok(())
}
