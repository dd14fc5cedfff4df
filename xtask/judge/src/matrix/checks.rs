//! What a single compilation doesn't show: strict dialects, other C libraries, linking, what macros do.
//! `cargo xtask lang` checks that a C++ module can export every name.

use super::{Dialect, Headers, all_quiet, preprocessor, quiet, said};
use anyhow::{Context, Result, ensure};
use base::{command, parallel, stdout, table};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

type Check = fn(&Headers) -> Result<String>;

const CHECKS: [(&str, Check); 9] = [
    ("feature-test macros", preprocessor::feature_macros),
    ("the kernel's header first or last", preprocessor::kernel_header),
    ("under ThreadSanitizer", preprocessor::thread_sanitizer),
    ("macros, run", macros),
    ("two files linked", two_files),
    ("inside extern \"C\"", in_extern_c),
    ("every header by itself", alone),
    ("musl", musl),
    ("32 bits", bits_32),
];

/// Runs them all on our headers, and on the peer's to compare; returns how many of ours failed.
pub fn run(ours: &Headers, theirs: Option<&Headers>) -> usize {
    let mut rows = Vec::new();
    let mut failed = 0;
    let mut enter = |name: &str, result: Result<String>, peer: Option<Result<String>>| {
        let figure = result.unwrap_or_else(|error| {
            eprintln!("FAILED {name}: {error:#}");
            failed += 1;
            "FAILED".into()
        });
        let mut row = vec![name.to_owned(), figure];
        row.extend(peer.map(|peer| peer.unwrap_or_else(|_| "fails".into())));
        rows.push(row);
    };
    for (name, check) in CHECKS {
        enter(name, check(ours), theirs.map(check));
    }
    if let Some(theirs) = theirs {
        let kernel = preprocessor::newest_kernel_header;
        let none = || Some(Ok("-".into()));
        enter(
            "at least the peer's system headers",
            system_headers(ours, theirs),
            none(),
        );
        let macros = preprocessor::macro_names(ours, theirs);
        enter("at most the peer's macros, and helpers", macros, none());
        enter("Debian's newest kernel header", kernel(ours), Some(kernel(theirs)));
    }
    table(
        &["check", "ours", "peer's"][..if theirs.is_some() { 3 } else { 2 }],
        &rows,
    );
    failed
}

const RUN: [&str; 8] = ["gnu89", "c99", "c11", "gnu2x", "c++11", "c++17", "c++20", "c++23"];

fn macros(headers: &Headers) -> Result<String> {
    let dialects = headers.chosen(&RUN);
    let all = dialects.len();
    parallel::each("macros", parallel::cores(), dialects, Dialect::name, |dialect| {
        let program = headers.file(&dialect, "runs");
        quiet(headers.command(&dialect).args(["-O2", "runs.c", "-o"]).arg(&program))?;
        quiet(&mut Command::new(program)).with_context(|| dialect.name())
    })?;
    Ok(format!("{all} of {all}"))
}

/// Two files that include the header link into one program, also if one is C and the other C++.
fn two_files(headers: &Headers) -> Result<String> {
    let dialects = headers.chosen(&RUN);
    let of = |std| dialects.iter().find(|dialect| dialect.std == std);
    let (c, cxx) = of("c11").zip(of("c++20")).context("dialects of RUN")?;
    let same = dialects
        .iter()
        .flat_map(|dialect| ["-O0", "-O2"].map(|level| (dialect, dialect, level)));
    let mut linked = 0;
    for (main, other, level) in same.chain([(c, cxx, "-O0"), (cxx, c, "-O0")]) {
        let mut objects = Vec::new();
        for (dialect, name, flag) in [(main, "main.o", None), (other, "other.o", Some("-DOTHER"))] {
            let object = headers.file(dialect, name);
            let mut command = headers.command(dialect);
            command
                .args(["-Wall", "-Wextra", level, "-c", "part.c", "-o"])
                .arg(&object);
            quiet(command.args(flag))?;
            objects.push(object);
        }
        let linker = if other.cxx() { &other.compiler } else { &main.compiler };
        let program = headers.file(main, "linked");
        quiet(Command::new(linker).args(&objects).arg("-o").arg(&program))?;
        quiet(&mut Command::new(program)).context("the linked program gives a wrong result")?;
        linked += 1;
    }
    Ok(format!("{linked} of {linked}"))
}

fn in_extern_c(headers: &Headers) -> Result<String> {
    let dialects = headers.dialects().into_iter().filter(Dialect::cxx);
    let commands = dialects.map(|dialect| {
        let mut command = headers.syntax(&dialect, "uses.c");
        command.arg("-DIN_EXTERN_C");
        command
    });
    all_quiet(commands.collect())
}

/// Programs that want only the kernel's part include `liburing/io_uring.h`.
fn alone(headers: &Headers) -> Result<String> {
    const HEADERS: [&str; 7] = [
        "liburing.h",
        "liburing/io_uring.h",
        "liburing/io_uring/query.h",
        "liburing/io_uring/bpf_filter.h",
        "liburing/io_uring_version.h",
        "liburing/compat.h",
        "liburing/barrier.h",
    ];
    let dialects = headers.chosen(&["c99", "c++11"]);
    let commands = dialects.iter().flat_map(|dialect| {
        HEADERS.map(|header| {
            let mut command = headers.syntax(dialect, "/dev/null");
            command.arg("-include").arg(headers.include.join(header));
            command
        })
    });
    all_quiet(commands.collect())
}

/// With musl's headers, C and C++; the kernel's come after them, from the system.
fn musl(headers: &Headers) -> Result<String> {
    base::need_all(&[("musl-gcc", "musl-tools"), ("g++", "g++")])?;
    let said = |mut command: Command| stdout(&mut command).map(|text| text.trim().to_owned());
    let triplet = said(command!("gcc -print-multiarch"))?;
    let mut commands = Vec::new();
    let mut enter = |compiler: &str, std, own: &[&str]| {
        let mut command = headers.syntax(&Dialect::new(compiler, std), "uses.c");
        command.args(own).args(["-idirafter", "/usr/include", "-idirafter"]);
        command.arg(format!("/usr/include/{triplet}"));
        commands.push(command);
    };
    for std in ["c99", "c11", "gnu11", "gnu2x"] {
        for level in preprocessor::LEVELS {
            let words: Vec<&str> = level.split_whitespace().collect();
            enter("musl-gcc", std, &words);
        }
    }
    // A C++ library made for glibc compiles with musl's headers up to C++17, without its assumptions about glibc.
    let version = said(command!("g++ -dumpversion"))?;
    let folders = [
        format!("/usr/include/c++/{version}"),
        format!("/usr/include/{triplet}/c++/{version}"),
        format!("/usr/include/{}-linux-musl", std::env::consts::ARCH),
        said(command!("g++ -print-file-name=include"))?,
    ];
    let mut over = vec!["-nostdinc", "-nostdinc++", "-D_GLIBCXX_OS_DEFINES"];
    over.extend(folders.iter().flat_map(|folder| ["-isystem", folder]));
    for std in ["c++11", "c++14", "c++17"] {
        enter("g++", std, &over);
    }
    all_quiet(commands)
}

fn bits_32(headers: &Headers) -> Result<String> {
    // gcc-N-multilib leaves out the link that leads to the kernel's own headers.
    const FLAGS: [&str; 3] = ["-m32", "-idirafter", "/usr/include/x86_64-linux-gnu"];
    let mut commands = Vec::new();
    for dialect in headers.chosen(&["gnu11", "c++17"]) {
        // If this fails, the 32-bit C library is missing (libc6-dev-i386, and lib32stdc++ for C++).
        let mut trial = headers.syntax(&dialect, "/dev/null");
        let header = if dialect.cxx() { "atomic" } else { "stdio.h" };
        if quiet(trial.args(["-m32", "-include", header])).is_ok() {
            let mut command = headers.syntax(&dialect, "uses.c");
            command.args(FLAGS);
            commands.push(command);
        }
    }
    if commands.is_empty() {
        return Ok("skipped: no 32-bit libc".into());
    }
    all_quiet(commands)
}

/// A program may rely on the system headers that the original's include.
fn system_headers(ours: &Headers, theirs: &Headers) -> Result<String> {
    let list = |headers: &Headers, dialect: &Dialect| -> Result<BTreeSet<String>> {
        // uses.o: uses.c /usr/include/a.h \
        let text = said(headers.command(dialect).args(["-M", "uses.c"]))?;
        let files = text.split_whitespace().filter(|word| word.starts_with('/'));
        let system = files.filter(|file| !Path::new(file).starts_with(&headers.include));
        Ok(system.map(String::from).collect())
    };
    let mut figure = Vec::new();
    for dialect in [Dialect::new("gcc", "gnu11"), Dialect::new("g++", "c++17")] {
        let mine = list(ours, &dialect)?;
        let missing: Vec<String> = list(theirs, &dialect)?.difference(&mine).cloned().collect();
        ensure!(
            missing.is_empty(),
            "in {} our headers lack system headers that the peer's include: {}",
            dialect.std,
            missing.join(", ")
        );
        figure.push(format!("{} in {}", mine.len(), dialect.std));
    }
    Ok(figure.join(", "))
}
