//! The headers in every dialect: seven of C and five of C++, with gcc and clang, every warning on. Then what single
//! compilations don't show (see `checks`). The sources are in `test-c/header/`.

mod checks;
mod preprocessor;

use crate::peer;
use crate::util::{have, install, need, output, root, show, stdout, table};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::{fs, thread};

const C: [&str; 7] = ["gnu89", "c99", "gnu99", "c11", "gnu11", "gnu17", "gnu2x"];
const CXX: [&str; 5] = ["c++11", "c++14", "c++17", "c++20", "c++23"];

const WARNINGS: [&str; 8] = [
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wsign-conversion",
    "-Wshadow",
    "-Wcast-qual",
    "-Wcast-align",
    "-Wundef",
];

/// The oldest clang whose modules are the standard's.
const OLDEST_CLANG: u32 = 16;

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds liburing.h
    #[arg(long, value_name = "DIR")]
    include: Option<PathBuf>,
    /// Put the peer's headers through the same, and compare
    #[arg(long)]
    peer: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let include = args.include.clone().unwrap_or_else(|| root().join("include"));
    ensure!(
        include.join("liburing.h").exists(),
        "no liburing.h in {}; to mend: cargo xtask gen",
        include.display()
    );
    let peer = if args.peer { peer::get(peer::NEWEST)? } else { None };
    need("gcc", "gcc")?;
    need("g++", "g++")?;
    let clang = clang()?;
    let work = root().join("target/matrix");
    fs::create_dir_all(&work)?;
    let ground = |include: PathBuf| Ground {
        include,
        sources: root().join("test-c/header"),
        work: work.clone(),
        clang: clang.clone(),
    };
    let ours = ground(fs::canonicalize(include)?);
    let theirs = peer.map(|peer| ground(peer.include));

    let (mut warnings, mut errors) = (0, 0);
    let mut rows = Vec::new();
    let pairs = ours.pairs();
    let counts = each(&pairs, |pair| ours.count(pair, true));
    let peer_counts = theirs
        .as_ref()
        .map(|theirs| each(&pairs, |pair| theirs.count(pair, false)));
    let mut total = (0, 0);
    for (index, (pair, count)) in pairs.iter().zip(counts).enumerate() {
        let (w, e) = count?;
        (warnings, errors) = (warnings + w, errors + e);
        let mut row = vec![pair.compiler.clone(), pair.std.into(), w.to_string(), e.to_string()];
        if let Some(counts) = &peer_counts {
            let Ok((w, e)) = counts[index] else { continue };
            total = (total.0 + w, total.1 + e);
            row.extend([w.to_string(), e.to_string()]);
        }
        rows.push(row);
    }
    let header = ["compiler", "dialect", "warnings", "errors", "peer's", "peer's"];
    table(&header[..if theirs.is_some() { 6 } else { 4 }], &rows);
    println!();
    let failed = checks::run(&ours, theirs.as_ref());
    println!();
    if theirs.is_some() {
        println!("the peer's: {} warnings, {} errors", total.0, total.1);
    }
    println!(
        "headers: {warnings} warnings, {errors} errors over {} dialect-compiler pairs",
        pairs.len()
    );
    ensure!(
        warnings + errors == 0,
        "the headers must compile without a word; mend the Rust or the template"
    );
    ensure!(failed == 0, "{failed} of the header checks failed");
    Ok(())
}

/// The newest clang with the headers and libraries of its sanitizers.
pub fn sanitizing_clang() -> Result<String> {
    let version = clang()?;
    let clang = format!("clang{version}");
    let said = stdout(Command::new(&clang).arg("-print-resource-dir"))?;
    if !Path::new(said.trim()).join("lib/linux").is_dir() {
        install(&[&format!("libclang-rt{version}-dev")])?;
    }
    Ok(clang)
}

/// The newest clang: one that is on the PATH, else the newest that apt offers.
pub fn clang() -> Result<String> {
    let here = |version: &u32| have(&format!("clang-{version}")) && have(&format!("clang++-{version}"));
    if let Some(version) = (OLDEST_CLANG..100).rev().find(here) {
        return Ok(format!("-{version}"));
    }
    if have("clang") && have("clang++") {
        let version = stdout(Command::new("clang").arg("-dumpversion"))?;
        let major = version.split('.').next().and_then(|major| major.trim().parse().ok());
        if major >= Some(OLDEST_CLANG) {
            return Ok(String::new());
        }
    }
    let offered = || -> Result<Option<u32>> {
        let names = stdout(Command::new("apt-cache").args(["pkgnames", "clang-"]))?;
        let versions = names
            .lines()
            .filter_map(|name| name.strip_prefix("clang-")?.parse().ok());
        Ok(versions.filter(|version| *version >= OLDEST_CLANG).max())
    };
    let mut version = offered()?;
    if version.is_none() {
        output(Command::new("apt-get").args(["update", "-qq"]))?;
        version = offered()?;
    }
    let version = version.with_context(|| format!("apt offers no clang from {OLDEST_CLANG} on; install one"))?;
    install(&[&format!("clang-{version}")])?;
    Ok(format!("-{version}"))
}

/// Calls `f` for each item, on every processor, and returns the results in order.
pub fn each<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = Mutex::new(items.iter().enumerate());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let item = next.lock().expect("no thread panics").next();
                    let Some((index, item)) = item else { break };
                    let result = f(item);
                    done.lock().expect("no thread panics").push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().expect("no thread panics");
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The headers under test and what they are tested with.
struct Ground {
    include: PathBuf,
    sources: PathBuf,
    work: PathBuf,
    /// The suffix of the clang programs' names.
    clang: String,
}

#[derive(Clone)]
struct Pair {
    compiler: String,
    std: &'static str,
}

impl Pair {
    fn cxx(&self) -> bool {
        self.std.starts_with("c++")
    }

    fn clang(&self) -> bool {
        self.compiler.starts_with("clang")
    }
}

impl Ground {
    fn pairs(&self) -> Vec<Pair> {
        let pair = |compiler: &str, std| Pair {
            compiler: compiler.into(),
            std,
        };
        let (cc, cxx) = (format!("clang{}", self.clang), format!("clang++{}", self.clang));
        let c = C.iter().flat_map(|std| [pair("gcc", std), pair(&cc, std)]);
        let cxx = CXX.iter().flat_map(|std| [pair("g++", std), pair(&cxx, std)]);
        c.chain(cxx).collect()
    }

    /// A compiler with its dialect and the folder of the headers.
    fn command(&self, pair: &Pair) -> Command {
        let mut command = Command::new(&pair.compiler);
        // The messages are counted: they must be English, and all of them.
        command.env("LC_ALL", "C").current_dir(&self.sources);
        command
            .args(["-x", if pair.cxx() { "c++" } else { "c" }])
            .arg(format!("-std={}", pair.std));
        command.arg(if pair.clang() {
            "-ferror-limit=0"
        } else {
            "-fmax-errors=0"
        });
        command.arg("-I").arg(&self.include);
        command
    }

    /// The same with every warning on.
    fn strict(&self, pair: &Pair) -> Command {
        let mut command = self.command(pair);
        command.args(WARNINGS);
        if pair.std != "gnu89" {
            command.arg("-Wpedantic");
        }
        if pair.cxx() {
            command.args(["-Wold-style-cast", "-Wzero-as-null-pointer-constant"]);
            if !pair.clang() {
                command.arg("-Wuseless-cast");
            }
        } else {
            command.arg("-Wstrict-prototypes");
        }
        // Some warnings need the optimiser, and gcc can be told to let it see functions that nobody calls.
        command.args(["-O2", "-c", "-o", "/dev/null"]);
        if !pair.clang() {
            command.arg("-fkeep-inline-functions");
        }
        command
    }

    /// The number of warnings and of errors.
    fn count(&self, pair: &Pair, tell: bool) -> Result<(usize, usize)> {
        let mut command = self.strict(pair);
        command.arg("uses.c");
        let out = command.output().with_context(|| show(&command))?;
        let text = String::from_utf8_lossy(&out.stderr);
        let warnings = text.lines().filter(|line| line.contains(": warning: ")).count();
        let mut errors = text
            .lines()
            .filter(|line| line.contains(": error: ") || line.contains(": fatal error: "))
            .count();
        if !out.status.success() && errors == 0 {
            errors = 1;
        }
        if tell && warnings + errors > 0 {
            eprintln!("{} {}: {}", pair.compiler, pair.std, first_messages(&command, &text));
        }
        Ok((warnings, errors))
    }
}

/// The command line and the first things that a compiler said, for a person to repeat it.
fn first_messages(command: &Command, text: &str) -> String {
    let dir = command
        .get_current_dir()
        .map(|dir| dir.display().to_string())
        .unwrap_or_default();
    let mut said = format!("cd {dir} && {}", show(command));
    let telling = |line: &&str| line.contains("error") || line.contains("warning: ");
    let mut lines: Vec<&str> = text.lines().filter(telling).take(6).collect();
    if lines.is_empty() {
        lines = text.lines().take(6).collect();
    }
    for line in lines {
        said.push_str("\n    ");
        said.push_str(line);
    }
    said
}
