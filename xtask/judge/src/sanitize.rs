//! `cargo xtask sanitize`: the C tests under valgrind's memcheck, under gcc's address and undefined-behaviour
//! sanitizers and under its and clang's thread sanitizers; none may report anything. With `--backend engine` they run on
//! the engine, which is compiled with the sanitizers, too (`engine.rs`).
//!
//! On the kernel the sanitizers instrument the C code and so the header's inline functions, not the library, which is
//! compiled Rust.
//! valgrind sees every instruction, the library's too. A test that a checker can't run says so with `NOT_UNDER`; its
//! false reports are in `test-c/sanitize/valgrind.supp`. The tests leave memory allocated at exit on purpose, so leak
//! checking is off: the tests count mappings and files themselves, and `cargo xtask soak` watches memory.

mod engine;

use crate::ctest::{
    self, Backend,
    program::{Outcome, Program},
};
use anyhow::{Context, Result, bail, ensure};
use base::compile::sanitizing_clang;
use base::parallel::cores;
use base::{files_in, lib_dir, root};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Only the programs whose names contain this
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Only this checker: valgrind, asan, tsan or (on the kernel) clang-tsan
    #[arg(long)]
    tool: Option<String>,
    /// What does the programs' I/O
    #[arg(long, default_value = "kernel")]
    backend: Backend,
    /// Programs without threads under tsan, too
    #[arg(long)]
    long: bool,
    /// Run the soak instead, half a minute under each checker that runs threads concurrently
    #[arg(long, conflicts_with = "only")]
    soak: bool,
}

struct Tool {
    name: &'static str,
    clang: bool,
    flags: &'static str,
    /// The command that runs the program. Here and in the environment, `{}` is the path for reports.
    wrapper: &'static str,
    env: &'static [(&'static str, &'static str)],
    /// The faults of `test-c/sanitize/faults.c` that it must report.
    detects: &'static [&'static str],
    /// Whether it lets one thread run while another waits in `io_uring_enter`.
    threads: bool,
    /// With the engine: the flags of rustc.
    rust: &'static str,
}

const TOOLS: [Tool; 4] = [
    Tool {
        name: "valgrind",
        clang: false,
        flags: "-O1 -DT_VALGRIND",
        // By default a spinning thread may starve the others.
        wrapper: "valgrind -q --fair-sched=yes --leak-check=no --suppressions=test-c/sanitize/valgrind.supp --log-file={}.%p",
        env: &[],
        detects: &[
            "buffer_used_after_free",
            "ring_used_after_free",
            "free_ring_in_the_library",
        ],
        threads: false,
        rust: "",
    },
    Tool {
        name: "asan",
        clang: false,
        flags: "-O1 -fno-omit-frame-pointer -fsanitize=address,undefined",
        wrapper: "",
        env: &[
            ("ASAN_OPTIONS", "detect_leaks=0:log_path={}"),
            ("UBSAN_OPTIONS", "print_stacktrace=1"),
        ],
        detects: &["buffer_used_after_free", "ring_used_after_free", "shift"],
        threads: true,
        rust: "",
    },
    Tool {
        name: "tsan",
        clang: false,
        ..CLANG_TSAN
    },
    CLANG_TSAN,
];

const CLANG_TSAN: Tool = Tool {
    name: "clang-tsan",
    clang: true,
    flags: "-O1 -fsanitize=thread",
    // Older runtimes can't place their shadow memory among addresses as random as today's.
    wrapper: "setarch -R",
    env: &[("TSAN_OPTIONS", "log_path={}")],
    detects: &["race"],
    threads: true,
    rust: "",
};

/// For the soak: not a checker, but a build in which the engine's heap is libc's, so that what is left in it can be counted.
const HEAP: &str = "heap";

const ON_ENGINE: [Tool; 4] = [
    Tool {
        threads: true,
        ..TOOLS[0]
    },
    Tool {
        name: "asan",
        flags: "-O1 -fno-omit-frame-pointer -fsanitize=address",
        // Leaks don't change how a program ends. Only the soak looks for them: the C tests leave memory allocated at exit, and
        // their children have lost what their parents still use.
        env: &[
            (
                "ASAN_OPTIONS",
                "handle_abort=1:detect_stack_use_after_return=0:detect_leaks={leaks}:log_path={}",
            ),
            ("LSAN_OPTIONS", "exitcode=0"),
        ],
        detects: &[
            "buffer_used_after_free",
            "ring_used_after_free",
            "free_ring_in_the_library",
        ],
        rust: "-Z sanitizer=address",
        ..CLANG_TSAN
    },
    Tool {
        name: "tsan",
        env: &[(
            "TSAN_OPTIONS",
            "handle_abort=1:suppressions=test-c/sanitize/tsan.supp:log_path={}",
        )],
        detects: &["race", "race_in_the_library"],
        rust: "-Z sanitizer=thread",
        ..CLANG_TSAN
    },
    Tool {
        name: HEAP,
        clang: false,
        flags: "-O1 -DT_HEAP",
        wrapper: "",
        // What threads keep for themselves would count as in use.
        env: &[("GLIBC_TUNABLES", "glibc.malloc.tcache_count=0")],
        detects: &[],
        threads: true,
        rust: "",
    },
];

/// The folders of a run.
struct Run {
    out: PathBuf,
    reports: PathBuf,
    tmp: PathBuf,
    backend: Backend,
    /// The program is the soak.
    soak: bool,
    /// The library that each checker's programs are linked with.
    libraries: BTreeMap<&'static str, PathBuf>,
}

pub fn run(args: &Args) -> Result<()> {
    base::need_all(&[("gcc", "gcc"), ("valgrind", "valgrind"), ("setarch", "util-linux")])?;
    let chosen = |tool: &&Tool| match args.tool.as_deref() {
        Some(only) => only == tool.name,
        None => args.soak || tool.name != HEAP,
    };
    let all_tools = match args.backend {
        Backend::Kernel => &TOOLS[..],
        Backend::Engine => &ON_ENGINE[..],
    };
    let tools: Vec<&Tool> = all_tools.iter().filter(chosen).collect();
    ensure!(
        !tools.is_empty(),
        "there is no such checker; there are valgrind, asan, tsan and (on the kernel) clang-tsan"
    );
    let library = |tool: &&Tool| match args.backend {
        Backend::Kernel => {
            let library = lib_dir().join("liburing.a");
            ensure!(
                library.is_file(),
                "there is no {}; to build it: make",
                library.display()
            );
            Ok((tool.name, library))
        }
        Backend::Engine => Ok((tool.name, engine::build(tool.name, tool.rust)?)),
    };
    let libraries = tools.iter().map(library).collect::<Result<_>>()?;
    let out = root().join(match args.backend {
        Backend::Kernel => "target/sanitize",
        Backend::Engine => "target/sanitize/on-engine",
    });
    let id = std::process::id();
    let run = Run {
        reports: out.join(format!("reports.{id}")),
        tmp: out.join(format!("tmp.{id}")),
        out,
        backend: args.backend,
        soak: args.soak,
        libraries,
    };
    for folder in tools.iter().map(|tool| run.out.join(tool.name)) {
        fs::create_dir_all(folder)?;
    }
    fs::create_dir_all(&run.tmp)?;
    fs::create_dir_all(&run.reports)?;
    let done = self_test(&run, &tools).and_then(|()| all(args, &run, &tools));
    let _ = fs::remove_dir_all(&run.tmp);
    if done.is_ok() {
        fs::remove_dir_all(&run.reports)?;
    }
    done
}

impl Run {
    fn program(&self, tool: &Tool, name: &str, case: Option<&str>) -> Result<Program> {
        let label = case.unwrap_or(name).replace('/', ".");
        let reports = self.reports.join(format!("{}.{label}", tool.name));
        let top = root().join("test-c");
        let filled = |text: &str| {
            text.replace("{}", &reports.to_string_lossy())
                .replace("{leaks}", if self.soak { "1" } else { "0" })
                .replace("=test-c", &format!("={}", top.display()))
        };
        let wrapper = tool.wrapper.split_whitespace().map(filled);
        let mut env: Vec<_> = tool.env.iter().map(|(name, value)| (*name, filled(value))).collect();
        // A `NOT_UNDER` applies to the checkers of both compilers.
        env.push(("T_TOOL", tool.name.trim_start_matches("clang-").to_owned()));
        env.push(("T_SECONDS", "90".to_owned()));
        env.push(("SOAK_SECONDS", "30".to_owned()));
        let mut flags = vec![format!("-I{}", root().join("include").display())];
        flags.extend(tool.flags.split(' ').map(String::from));
        if self.backend == Backend::Engine {
            env.extend(engine::environment());
            flags.push(engine::LINK.to_owned());
        }
        let cc = if tool.clang {
            vec![sanitizing_clang()?]
        } else {
            Vec::new()
        };
        let library = self.libraries[tool.name].clone();
        Ok(Program::new(&self.out, tool.name, name, flags, library)
            .compiler(&cc)
            .under(wrapper.collect(), env))
    }

    /// Runs a program. UBSan always reports into the program's output; its reports are copied to the others.
    fn run(&self, program: &Program, label: &str) -> Result<Outcome> {
        let outcome = program.run(&self.tmp);
        let text = String::from_utf8_lossy(&fs::read(&outcome.log)?).into_owned();
        if let Some(at) = text.find("runtime error: ") {
            let report = format!("{}.{label}.ubsan", outcome.variant);
            fs::write(self.reports.join(report), &text[at..])?;
        }
        Ok(outcome)
    }

    /// The reports of programs with this prefix: their files and texts.
    fn reports(&self, prefix: &str) -> Result<Vec<(PathBuf, String)>> {
        let mut found = Vec::new();
        for path in files_in(&self.reports)? {
            let mut text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            if self.backend == Backend::Engine {
                text = engine::concerning(&text);
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with(prefix) && !text.trim().is_empty() {
                found.push((path, text));
            }
        }
        Ok(found)
    }
}

/// Checks that each checker reports each fault that it can detect, in the right function, and none in a clean program.
fn self_test(run: &Run, tools: &[&Tool]) -> Result<()> {
    for tool in tools {
        let program = run.program(tool, "sanitize/faults", None)?.build();
        if let Some(message) = &program.refused {
            bail!("{message}");
        }
        for &case in ["clean"].iter().chain(tool.detects) {
            run.run(&run.program(tool, "sanitize/faults", Some(case))?.case(case), case)?;
            let reports = run.reports(&format!("{}.{case}.", tool.name))?;
            let text: String = reports.iter().map(|(_, text)| &**text).collect();
            let seen = text.contains(case) || case == "race" && text.contains("prepare");
            ensure!(
                if case == "clean" { reports.is_empty() } else { seen },
                "self-test: wrong reports from {} on {case}: {text:?}",
                tool.name
            );
            reports.iter().try_for_each(|(path, _)| fs::remove_file(path))?;
        }
        if !tool.detects.is_empty() {
            println!(
                "self-test: {} reports {}, and nothing in a clean program",
                tool.name,
                tool.detects.join(", ")
            );
        }
    }
    Ok(())
}

/// Whether a program has threads, without which it has no races.
fn has_threads(name: &str) -> Result<bool> {
    let path = root().join(format!("test-c/{name}.c"));
    let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    Ok(["<pthread.h>", "ledger.h"].iter().any(|header| text.contains(header)))
}

fn all(args: &Args, run: &Run, tools: &[&Tool]) -> Result<()> {
    let names = if args.soak {
        vec!["soak/soak".to_owned()]
    } else {
        ctest::names(args.only.as_deref())?
    };
    let mut programs = Vec::new();
    for tool in tools.iter().filter(|tool| tool.threads || !args.soak) {
        for name in &names {
            if !tool.name.ends_with("tsan") || args.long || args.soak || has_threads(name)? {
                programs.push(run.program(tool, name, None)?);
            }
        }
    }
    let built = ctest::in_parallel("compiling", cores(), programs, Program::build);
    let outcomes = ctest::outcomes(&built, |program| run.run(program, &program.name));
    let mut outcomes = outcomes.into_iter().collect::<Result<Vec<_>>>()?;
    if run.backend == Backend::Engine {
        ctest::excuse(&mut outcomes)?;
    }
    outcomes.sort_by(|a, b| (&a.name, a.variant).cmp(&(&b.name, b.variant)));

    let ways: Vec<_> = tools.iter().map(|tool| tool.name).collect();
    let total = ctest::show(&ways, &outcomes);
    let reports = run.reports("")?;
    for (path, text) in reports.iter().take(5) {
        let text: Vec<&str> = text.lines().take(40).collect();
        println!("\n{}:\n{}", path.display(), text.join("\n"));
    }
    println!(
        "\n{} passed, {} failed, {} skipped, {} reports",
        total.passed,
        total.failed,
        total.skipped,
        reports.len()
    );
    ensure!(reports.is_empty(), "all reports are in {}", run.reports.display());
    ensure!(total.failed == 0 && total.passed > 0, "cases failed under a checker");
    Ok(())
}
