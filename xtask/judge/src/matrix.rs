//! `cargo xtask matrix`: the headers in every dialect, seven of C and five of C++, with gcc and clang, every warning on.
//! Then what single compilations don't show (see `checks`). The sources are in `test-c/header/`.

mod checks;
mod preprocessor;

use crate::peer;
use anyhow::{Result, bail, ensure};
use base::compile::{self, Compile as _};
use base::run::{attempt, printed};
use base::{parallel, root, show, table};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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

#[derive(clap::Args)]
pub struct Args {
    /// The folder that holds liburing.h
    #[arg(long, value_name = "DIR")]
    include: Option<PathBuf>,
    /// Check the peer's headers too, and compare
    #[arg(long)]
    peer: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let include = args.include.clone().unwrap_or_else(|| root().join("include"));
    ensure!(
        include.join("liburing.h").exists(),
        "no liburing.h in {}; to mend: cargo gen",
        include.display()
    );
    let peer = if args.peer { peer::get(peer::NEWEST)? } else { None };
    base::need_all(&[("gcc", "gcc"), ("g++", "g++")])?;
    let ours = Headers::new(&include)?;
    let theirs = peer.map(|peer| Headers::new(&peer.include)).transpose()?;

    let dialects = ours.dialects();
    let (mut all, mut peers) = (Count::default(), Count::default());
    let mut rows = Vec::new();
    let counts = parallel::each(
        "headers",
        parallel::cores(),
        dialects.clone(),
        Dialect::name,
        |dialect| {
            let peers = theirs.as_ref().map(|theirs| theirs.count(&dialect, false));
            Ok((ours.count(&dialect, true)?, peers.transpose()?))
        },
    )?;
    for (dialect, (count, peer)) in dialects.iter().zip(counts) {
        let mut row = vec![dialect.name()];
        row.extend(all.add(&count));
        row.extend(peer.iter().flat_map(|count| peers.add(count)));
        rows.push(row);
    }
    let header = ["dialect", "warnings", "errors", "peer's", "peer's"];
    table(&header[..if theirs.is_some() { 5 } else { 3 }], &rows);
    println!();
    let failed = checks::run(&ours, theirs.as_ref());
    println!();
    if theirs.is_some() {
        println!("the peer's: {} warnings, {} errors", peers.warnings, peers.errors);
    }
    println!(
        "headers: {} warnings, {} errors over {} dialect-compiler pairs",
        all.warnings,
        all.errors,
        dialects.len()
    );
    ensure!(
        all.warnings + all.errors == 0,
        "the headers must compile without warnings; to mend: correct the Rust source or the template"
    );
    ensure!(failed == 0, "{failed} of the header checks failed");
    Ok(())
}

/// The compilers' messages.
#[derive(Default)]
struct Count {
    warnings: usize,
    errors: usize,
}

impl Count {
    fn of(out: &Output) -> Self {
        let said = String::from_utf8_lossy(&out.stderr);
        let lines = |what: &str| said.lines().filter(|line| line.contains(what)).count();
        let errors = lines(": error: ") + lines(": fatal error: ");
        Self {
            warnings: lines(": warning: "),
            errors: errors.max(usize::from(!out.status.success())),
        }
    }

    /// Adds the other's counts, and returns them as cells of a row.
    fn add(&mut self, other: &Self) -> [String; 2] {
        self.warnings += other.warnings;
        self.errors += other.errors;
        [other.warnings, other.errors].map(|count| count.to_string())
    }
}

/// The headers under test and what they are tested with.
struct Headers {
    include: PathBuf,
    sources: PathBuf,
    work: PathBuf,
    /// The suffix of the clang programs' names.
    clang: String,
}

#[derive(Clone)]
struct Dialect {
    compiler: String,
    std: &'static str,
}

impl Dialect {
    fn new(compiler: impl Into<String>, std: &'static str) -> Self {
        let compiler = compiler.into();
        Self { compiler, std }
    }

    fn name(&self) -> String {
        format!("{} {}", self.compiler, self.std)
    }

    fn cxx(&self) -> bool {
        self.std.starts_with("c++")
    }

    fn clang(&self) -> bool {
        self.compiler.starts_with("clang")
    }
}

impl Headers {
    fn new(include: &Path) -> Result<Self> {
        let work = root().join("target/matrix");
        fs::create_dir_all(&work)?;
        Ok(Self {
            include: fs::canonicalize(include)?,
            sources: root().join("test-c/header"),
            work,
            clang: compile::clang()?,
        })
    }

    fn dialects(&self) -> Vec<Dialect> {
        let (cc, cxx) = (format!("clang{}", self.clang), format!("clang++{}", self.clang));
        let c = C
            .iter()
            .flat_map(|std| [Dialect::new("gcc", std), Dialect::new(&cc, std)]);
        let cxx = CXX
            .iter()
            .flat_map(|std| [Dialect::new("g++", std), Dialect::new(&cxx, std)]);
        c.chain(cxx).collect()
    }

    fn chosen(&self, stds: &[&str]) -> Vec<Dialect> {
        let mut chosen = self.dialects();
        chosen.retain(|dialect| stds.contains(&dialect.std));
        chosen
    }

    /// A compiler with its dialect and the folder of the headers.
    fn command(&self, dialect: &Dialect) -> Command {
        let mut command = Command::new(&dialect.compiler);
        // The messages are counted: they must be English, and all of them.
        command.env("LC_ALL", "C").current_dir(&self.sources);
        command
            .args(["-x", if dialect.cxx() { "c++" } else { "c" }])
            .arg(format!("-std={}", dialect.std))
            .arg(if dialect.clang() {
                "-ferror-limit=0"
            } else {
                "-fmax-errors=0"
            })
            .include(&self.include);
        command
    }

    /// That compiler, to look for warnings in a source.
    fn syntax(&self, dialect: &Dialect, source: &str) -> Command {
        let mut command = self.command(dialect);
        command.args(["-Wall", "-Wextra", "-fsyntax-only", source]);
        command
    }

    /// That compiler with every warning on.
    fn strict(&self, dialect: &Dialect) -> Command {
        let mut command = self.command(dialect);
        // Some warnings need the optimiser, which sees uncalled functions only with -fkeep-inline-functions.
        command.args(["-O2", "-c", "-o", "/dev/null"]);
        command.args(WARNINGS);
        command.args((dialect.std != "gnu89").then_some("-Wpedantic"));
        command.args((!dialect.clang()).then_some("-fkeep-inline-functions"));
        if dialect.cxx() {
            command.args(["-Wold-style-cast", "-Wzero-as-null-pointer-constant"]);
            command.args((!dialect.clang()).then_some("-Wuseless-cast"));
        } else {
            command.arg("-Wstrict-prototypes");
        }
        command
    }

    fn count(&self, dialect: &Dialect, tell: bool) -> Result<Count> {
        let mut command = self.strict(dialect);
        let out = attempt(command.arg("uses.c"))?;
        let count = Count::of(&out);
        if tell && count.warnings + count.errors > 0 {
            eprintln!("{}: {}", dialect.name(), first_messages(&command, &out));
        }
        Ok(count)
    }

    /// The path of an output file for this dialect.
    fn file(&self, dialect: &Dialect, name: &str) -> PathBuf {
        self.work.join(format!("{}-{}-{name}", dialect.compiler, dialect.std))
    }
}

/// Runs a command, which must succeed without a warning.
fn quiet(command: &mut Command) -> Result<()> {
    let out = attempt(command)?;
    if !out.status.success() || printed(&out).contains("warning: ") {
        bail!("{} from: {}", out.status, first_messages(command, &out));
    }
    Ok(())
}

/// Runs the commands, which must succeed without a warning, and stops at the first that doesn't.
fn all_quiet(commands: Vec<Command>) -> Result<String> {
    let all = commands.len();
    let name = |command: &Command| command.get_program().to_string_lossy().into_owned();
    parallel::each("headers", parallel::cores(), commands, name, |mut command| {
        quiet(&mut command)
    })?;
    Ok(format!("{all} of {all}"))
}

/// The command line, for people to repeat it, and the compiler's first messages.
fn first_messages(command: &Command, out: &Output) -> String {
    let dir = command.get_current_dir().unwrap_or(Path::new("."));
    let text = printed(out);
    let telling = |line: &&str| line.contains("error") || line.contains("warning: ");
    let mut lines: Vec<&str> = text.lines().filter(telling).collect();
    if lines.is_empty() {
        lines = text.lines().collect();
    }
    lines.truncate(6);
    format!(
        "cd {} && {}\n    {}",
        dir.display(),
        show(command),
        lines.join("\n    ")
    )
}

/// What the preprocessor leaves of the headers under test, line by line.
fn preprocess(headers: &Headers, dialect: &Dialect, flags: &[&str]) -> Result<Vec<String>> {
    let text = said(headers.command(dialect).arg("-E").args(flags).arg("uses.c"))?;
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        // # 12 "/a/file.h" 1 3
        if let Some(mark) = line.strip_prefix("# ") {
            let file = mark.split('"').nth(1).unwrap_or_default();
            inside = Path::new(file).starts_with(&headers.include);
        } else if inside && !line.trim().is_empty() {
            lines.push(line.to_owned());
        }
    }
    Ok(lines)
}

/// The output of a compiler, which must succeed.
fn said(command: &mut Command) -> Result<String> {
    let out = attempt(command)?;
    ensure!(out.status.success(), "{}", first_messages(command, &out));
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}
