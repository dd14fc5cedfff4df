//! What a single compilation doesn't show: strict dialects, other C libraries, linking, modules, what macros do.

use super::{Ground, Pair, each, first_messages, preprocessor};
use crate::util::{need, show, stdout, table};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

type Check = fn(&Ground) -> Result<String>;

const CHECKS: [(&str, Check); 11] = [
    ("feature-test macros", preprocessor::feature_macros),
    ("the kernel's header first or last", preprocessor::kernel_header),
    ("under ThreadSanitizer", preprocessor::thread_sanitizer),
    ("macros, run", macros),
    ("two files linked", two_files),
    ("inside extern \"C\"", in_extern_c),
    ("C++20: inline, not static", external_linkage),
    ("C++20: a module", module),
    ("every header by itself", alone),
    ("musl", musl),
    ("32 bits", bits_32),
];

/// Runs them all on our headers, and on the peer's to compare; returns how many of ours failed.
pub fn run(ours: &Ground, theirs: Option<&Ground>) -> usize {
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
        enter(
            "at least the peer's system headers",
            system_headers(ours, theirs),
            Some(Ok("-".into())),
        );
        enter(
            "at most the peer's macros, and helpers",
            preprocessor::macro_names(ours, theirs),
            Some(Ok("-".into())),
        );
        enter(
            "Debian's newest kernel header",
            preprocessor::newest_kernel_header(ours),
            Some(preprocessor::newest_kernel_header(theirs)),
        );
    }
    let header = ["check", "ours", "peer's"];
    table(&header[..if theirs.is_some() { 3 } else { 2 }], &rows);
    failed
}

impl Ground {
    pub fn chosen(&self, stds: &[&str]) -> Vec<Pair> {
        self.pairs()
            .into_iter()
            .filter(|pair| stds.contains(&pair.std))
            .collect()
    }

    /// A file to write, different for each pair and header.
    fn file(&self, pair: &Pair, name: &str) -> PathBuf {
        self.work.join(format!("{}-{}-{name}", pair.compiler, pair.std))
    }
}

/// Runs the commands, which must succeed and say nothing; none after one that doesn't.
pub fn silent(commands: Vec<Command>) -> Result<String> {
    let commands: Vec<_> = commands.into_iter().map(Mutex::new).collect();
    let failed = AtomicBool::new(false);
    let results = each(&commands, |command| {
        if failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let result = quiet(&mut command.lock().expect("used once"));
        failed.fetch_or(result.is_err(), Ordering::Relaxed);
        result
    });
    results.into_iter().collect::<Result<Vec<()>>>()?;
    Ok(format!("{} of {0}", commands.len()))
}

pub fn quiet(command: &mut Command) -> Result<()> {
    let out = command
        .output()
        .with_context(|| format!("can't run: {}", show(command)))?;
    let mut text = String::from_utf8_lossy(&out.stderr).into_owned();
    text.push_str(&String::from_utf8_lossy(&out.stdout));
    if !out.status.success() || text.contains("warning: ") {
        bail!("{} from: {}", out.status, first_messages(command, &text));
    }
    Ok(())
}

const RUN: [&str; 8] = ["gnu89", "c99", "c11", "gnu2x", "c++11", "c++17", "c++20", "c++23"];

fn macros(ground: &Ground) -> Result<String> {
    let pairs = ground.chosen(&RUN);
    let results = each(&pairs, |pair| {
        let program = ground.file(pair, "runs");
        quiet(ground.command(pair).args(["-O2", "runs.c", "-o"]).arg(&program))?;
        quiet(&mut Command::new(program)).with_context(|| format!("{} {}", pair.compiler, pair.std))
    });
    results.into_iter().collect::<Result<Vec<()>>>()?;
    Ok(format!("{} of {0}", pairs.len()))
}

/// Two files that include the header make one program, also one of C and one of C++.
fn two_files(ground: &Ground) -> Result<String> {
    let pairs = ground.chosen(&RUN);
    let build = |pair: &Pair, name: &str, level: &str, other: bool| -> Result<PathBuf> {
        let object = ground.file(pair, name);
        let mut command = ground.command(pair);
        command
            .args(["-Wall", "-Wextra", level, "-c", "part.c", "-o"])
            .arg(&object);
        quiet(command.args(other.then_some("-DOTHER")))?;
        Ok(object)
    };
    let link = |linker: &str, a: &Path, b: &Path| {
        let program = a.with_extension("linked");
        quiet(Command::new(linker).arg(a).arg(b).arg("-o").arg(&program))?;
        quiet(&mut Command::new(program)).context("the linked program gives a wrong result")
    };
    let mut linked = 0;
    for pair in &pairs {
        for level in ["-O0", "-O2"] {
            let main = build(pair, "main.o", level, false)?;
            link(&pair.compiler, &main, &build(pair, "other.o", level, true)?)?;
            linked += 1;
        }
    }
    let of = |std| pairs.iter().find(|pair| pair.std == std).context("a dialect of RUN");
    let (c, cxx) = (of("c11")?, of("c++20")?);
    for (main, other) in [(c, cxx), (cxx, c)] {
        let main = build(main, "mixed.o", "-O0", false)?;
        link("g++", &main, &build(other, "mixed-other.o", "-O0", true)?)?;
        linked += 1;
    }
    Ok(format!("{linked} of {linked}"))
}

fn in_extern_c(ground: &Ground) -> Result<String> {
    let mut commands = Vec::new();
    for pair in ground.pairs().into_iter().filter(Pair::cxx) {
        let mut command = ground.command(&pair);
        command.args(["-DIN_EXTERN_C", "-Wall", "-Wextra", "-fsyntax-only", "uses.c"]);
        commands.push(command);
    }
    silent(commands)
}

/// From C++20 on the helpers must not have internal linkage: a module couldn't export them.
fn external_linkage(ground: &Ground) -> Result<String> {
    let mut inlines = 0;
    for pair in ground.chosen(&["c++20", "c++23"]) {
        let text = preprocess(ground, &pair, &[])?;
        let hidden: Vec<&String> = text.iter().filter(|line| line.contains("static inline")).collect();
        ensure!(
            hidden.is_empty(),
            "{} {}: {} functions are static inline, the first one: {}",
            pair.compiler,
            pair.std,
            hidden.len(),
            hidden[0]
        );
        inlines = text
            .iter()
            .filter(|line| line.split_whitespace().any(|word| word == "inline"))
            .count();
        ensure!(
            inlines > 100,
            "only {inlines} inline functions are left after the preprocessor"
        );
    }
    Ok(format!("{inlines} inlines"))
}

/// What the preprocessor leaves of the headers under test, line by line.
pub fn preprocess(ground: &Ground, pair: &Pair, flags: &[&str]) -> Result<Vec<String>> {
    let mut command = ground.command(pair);
    command.arg("-E").args(flags).arg("uses.c");
    let out = command.output().with_context(|| show(&command))?;
    ensure!(
        out.status.success(),
        "{}",
        first_messages(&command, &String::from_utf8_lossy(&out.stderr))
    );
    let mut inside = false;
    let mut lines = Vec::new();
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        // # 12 "/a/file.h" 1 3
        if let Some(mark) = line.strip_prefix("# ") {
            let file = mark.split('"').nth(1).unwrap_or_default();
            inside = Path::new(file).starts_with(&ground.include);
        } else if inside && !line.trim().is_empty() {
            lines.push(line.to_owned());
        }
    }
    Ok(lines)
}

fn module(ground: &Ground) -> Result<String> {
    let clang = |std| Pair {
        compiler: format!("clang++{}", ground.clang),
        std,
    };
    for pair in [clang("c++20"), clang("c++23")] {
        let compiler = || {
            let mut command = Command::new(&pair.compiler);
            command.env("LC_ALL", "C").current_dir(&ground.sources);
            command.arg(format!("-std={}", pair.std)).arg("-I").arg(&ground.include);
            command
        };
        let (pcm, object) = (ground.file(&pair, "uring.pcm"), ground.file(&pair, "uring.o"));
        let program = ground.file(&pair, "import");
        quiet(compiler().args(["--precompile", "module.cppm", "-o"]).arg(&pcm))?;
        quiet(Command::new(&pair.compiler).arg("-c").arg(&pcm).arg("-o").arg(&object))?;
        let named = format!("-fmodule-file=uring={}", pcm.display());
        quiet(
            compiler()
                .args([&named, "import.cpp"])
                .arg(&object)
                .arg("-o")
                .arg(&program),
        )?;
        quiet(&mut Command::new(program)).context("the importing program gives a wrong result")?;
    }
    Ok("2 of 2".into())
}

/// Programs that want only the kernel's part include `liburing/io_uring.h`.
fn alone(ground: &Ground) -> Result<String> {
    let headers = [
        "liburing.h",
        "liburing/io_uring.h",
        "liburing/io_uring/query.h",
        "liburing/io_uring/bpf_filter.h",
        "liburing/io_uring_version.h",
        "liburing/compat.h",
        "liburing/barrier.h",
    ];
    let mut commands = Vec::new();
    for pair in ground.chosen(&["c99", "c++11"]) {
        for header in headers {
            let mut command = ground.command(&pair);
            let path = ground.include.join(header);
            command
                .args(["-Wall", "-Wextra", "-fsyntax-only", "-include"])
                .arg(path)
                .arg("/dev/null");
            commands.push(command);
        }
    }
    silent(commands)
}

/// With musl's headers, C and C++; the kernel's come after them, from the system.
fn musl(ground: &Ground) -> Result<String> {
    need("musl-gcc", "musl-tools")?;
    need("g++", "g++")?;
    let said = |program: &str, arg: &str| stdout(Command::new(program).arg(arg)).map(|text| text.trim().to_owned());
    let triplet = said("gcc", "-print-multiarch")?;
    let mut commands = Vec::new();
    let mut enter = |compiler: &str, std, own: &[String]| {
        let mut command = ground.command(&Pair {
            compiler: compiler.into(),
            std,
        });
        command
            .args(own)
            .args(["-idirafter", "/usr/include", "-idirafter"])
            .arg(format!("/usr/include/{triplet}"));
        command.args(["-Wall", "-Wextra", "-fsyntax-only", "uses.c"]);
        commands.push(command);
    };
    for std in ["c99", "c11", "gnu11", "gnu2x"] {
        for level in preprocessor::LEVELS {
            let words: Vec<String> = level.split_whitespace().map(String::from).collect();
            enter("musl-gcc", std, &words);
        }
    }
    // A C++ library made for glibc gets over musl's headers without its own assumptions about glibc, up to C++17.
    let version = said("g++", "-dumpversion")?;
    let mut over = ["-nostdinc", "-nostdinc++", "-D_GLIBCXX_OS_DEFINES"]
        .map(str::to_owned)
        .to_vec();
    for dir in [
        format!("/usr/include/c++/{version}"),
        format!("/usr/include/{triplet}/c++/{version}"),
        format!("/usr/include/{}-linux-musl", std::env::consts::ARCH),
        said("g++", "-print-file-name=include")?,
    ] {
        over.extend(["-isystem".to_owned(), dir]);
    }
    for std in ["c++11", "c++14", "c++17"] {
        enter("g++", std, &over);
    }
    silent(commands)
}

fn bits_32(ground: &Ground) -> Result<String> {
    let mut commands = Vec::new();
    for pair in ground.chosen(&["gnu11", "c++17"]) {
        let mut trial = ground.command(&pair);
        let object = ground.file(&pair, "trial.o");
        let header = if pair.cxx() { "atomic" } else { "stdio.h" };
        trial
            .args(["-m32", "-include", header, "-c", "/dev/null", "-o"])
            .arg(object);
        // Where it can't, the 32-bit C library is missing (libc6-dev-i386, and lib32stdc++ for C++).
        if quiet(&mut trial).is_ok() {
            let mut command = ground.command(&pair);
            // gcc-N-multilib leaves out the link that leads to the kernel's own headers.
            command.args(["-m32", "-idirafter", "/usr/include/x86_64-linux-gnu"]);
            command.args(["-Wall", "-Wextra", "-fsyntax-only", "uses.c"]);
            commands.push(command);
        }
    }
    if commands.is_empty() {
        return Ok("skipped: no 32-bit libc".into());
    }
    silent(commands)
}

/// A program may rely on what the original's headers bring along.
fn system_headers(ours: &Ground, theirs: &Ground) -> Result<String> {
    let mut figure = Vec::new();
    for pair in ours
        .chosen(&["gnu11", "c++17"])
        .into_iter()
        .filter(|pair| !pair.clang())
    {
        let mine = system_list(ours, &pair)?;
        let missing: Vec<String> = system_list(theirs, &pair)?.difference(&mine).cloned().collect();
        ensure!(
            missing.is_empty(),
            "in {} the headers don't bring along {}",
            pair.std,
            missing.join(", ")
        );
        figure.push(format!("{} in {}", mine.len(), pair.std));
    }
    Ok(figure.join(", "))
}

fn system_list(ground: &Ground, pair: &Pair) -> Result<BTreeSet<String>> {
    let mut command = ground.command(pair);
    command.args(["-M", "uses.c"]);
    let out = command.output().with_context(|| show(&command))?;
    let text = String::from_utf8_lossy(&out.stdout);
    ensure!(
        out.status.success(),
        "{}",
        first_messages(&command, &String::from_utf8_lossy(&out.stderr))
    );
    // uses.o: uses.c /usr/include/a.h \
    let files = text.split_whitespace().filter(|word| word.starts_with('/'));
    Ok(files
        .filter(|file| !Path::new(file).starts_with(&ground.include))
        .map(String::from)
        .collect())
}
