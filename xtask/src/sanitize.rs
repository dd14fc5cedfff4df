//! `cargo xtask sanitize`: the C tests under valgrind's memcheck, under gcc's address and undefined-behaviour
//! sanitizers and under its and clang's thread sanitizers; none may report anything.
//!
//! The sanitizers instrument the C code and so the header's inline functions, not the library, which is compiled Rust.
//! valgrind sees every instruction, the library's too. What a checker can't run stands in the test, as `NOT_UNDER`;
//! what it reports wrongly in `test-c/sanitize/valgrind.supp`. The tests leave memory to their exit on purpose, so
//! leaks aren't looked for here: the tests count mappings and files themselves, and `cargo xtask soak` watches memory.

use crate::ctest::{
    self,
    program::{Outcome, Program},
};
use crate::matrix;
use crate::util;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Args {
    /// Only the programs whose names contain this
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// Only this checker: valgrind, asan, tsan or clang-tsan
    #[arg(long)]
    tool: Option<String>,
    /// Programs without threads under tsan, too
    #[arg(long)]
    long: bool,
    /// Instead the soak, for half a minute under each checker that lets threads run
    #[arg(long, conflicts_with = "only")]
    soak: bool,
}

struct Tool {
    name: &'static str,
    /// Compiled by clang.
    clang: bool,
    flags: &'static [&'static str],
    wrapper: &'static [&'static str],
    /// The environment; `{}` is where reports go.
    env: &'static [(&'static str, &'static str)],
    /// The planted faults that it must report.
    sees: &'static [&'static str],
    /// Whether it lets one thread run while another waits in `io_uring_enter`.
    threads: bool,
}

const TOOLS: [Tool; 4] = [
    Tool {
        name: "valgrind",
        clang: false,
        flags: &["-O1", "-DT_VALGRIND"],
        // By default a thread that spins may keep the others from ever running.
        wrapper: &[
            "valgrind",
            "-q",
            "--fair-sched=yes",
            "--leak-check=no",
            "--log-file={}.%p",
        ],
        env: &[],
        sees: &[
            "buffer_used_after_free",
            "ring_used_after_free",
            "free_ring_in_the_library",
        ],
        threads: false,
    },
    Tool {
        name: "asan",
        clang: false,
        flags: &["-O1", "-fno-omit-frame-pointer", "-fsanitize=address,undefined"],
        wrapper: &[],
        env: &[
            ("ASAN_OPTIONS", "detect_leaks=0:log_path={}"),
            ("UBSAN_OPTIONS", "print_stacktrace=1"),
        ],
        sees: &["buffer_used_after_free", "ring_used_after_free", "shift"],
        threads: true,
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
    flags: &["-O1", "-fsanitize=thread"],
    // Older ones find no place for their shadow memory among addresses as random as today's.
    wrapper: &["setarch", "-R"],
    env: &[("TSAN_OPTIONS", "log_path={}")],
    sees: &["race"],
    threads: true,
};

const PLANTED: [&str; 6] = [
    "clean",
    "buffer_used_after_free",
    "ring_used_after_free",
    "free_ring_in_the_library",
    "shift",
    "race",
];

struct Shop {
    out: PathBuf,
    reports: PathBuf,
    tmp: PathBuf,
    library: PathBuf,
    suppressions: PathBuf,
    clang: String,
}

pub fn run(args: &Args) -> Result<()> {
    util::need("gcc", "gcc")?;
    util::need("valgrind", "valgrind")?;
    util::need("setarch", "util-linux")?;
    let tools: Vec<&Tool> = TOOLS
        .iter()
        .filter(|tool| args.tool.as_deref().is_none_or(|only| only == tool.name))
        .collect();
    ensure!(
        !tools.is_empty(),
        "the checkers are valgrind, asan, tsan and clang-tsan"
    );
    let clang = if tools.iter().any(|tool| tool.clang) {
        matrix::sanitizing_clang()?
    } else {
        String::new()
    };
    let out = util::root().join("target/sanitize");
    let run = std::process::id();
    let shop = Shop {
        reports: out.join(format!("reports.{run}")),
        tmp: out.join(format!("tmp.{run}")),
        library: util::lib_dir().join("liburing.a"),
        suppressions: util::root().join("test-c/sanitize/valgrind.supp"),
        clang,
        out,
    };
    ensure!(
        shop.library.is_file(),
        "there is no {}; to build it: make",
        shop.library.display()
    );
    for tool in &tools {
        fs::create_dir_all(shop.out.join(tool.name))?;
    }
    fs::create_dir_all(&shop.tmp)?;
    fs::create_dir_all(&shop.reports)?;
    let done = self_test(&shop, &tools).and_then(|()| all(args, &shop, &tools));
    let _ = fs::remove_dir_all(&shop.tmp);
    if done.is_ok() {
        fs::remove_dir_all(&shop.reports)?;
    }
    done
}

impl Shop {
    fn program(&self, tool: &Tool, name: &str, case: Option<&str>) -> Program {
        let label = case.unwrap_or(name).replace('/', ".");
        let reports = self.reports.join(format!("{}.{label}", tool.name));
        let place = |text: &str| text.replace("{}", &reports.to_string_lossy());
        let mut wrapper: Vec<String> = tool.wrapper.iter().map(|word| place(word)).collect();
        if tool.name == "valgrind" {
            wrapper.push(format!("--suppressions={}", self.suppressions.display()));
        }
        let mut env: Vec<_> = tool.env.iter().map(|(name, value)| (*name, place(value))).collect();
        // What holds for one compiler's checker holds for the other's.
        env.push(("T_TOOL", tool.name.trim_start_matches("clang-").to_owned()));
        env.push(("T_SECONDS", "90".to_owned()));
        env.push(("SOAK_SECONDS", "30".to_owned()));
        let mut flags = vec![format!("-I{}", util::root().join("include").display())];
        flags.extend(tool.flags.iter().map(ToString::to_string));
        let cc = tool.clang.then(|| self.clang.clone());
        Program::new(&self.out, tool.name, name, flags, self.library.clone())
            .compiler(cc.as_slice())
            .under(wrapper, env)
    }

    /// Runs a program. UBSan's reports come among its output, whatever it is told; they are put to the others.
    fn run(&self, program: &Program, label: &str) -> Result<Outcome> {
        let outcome = program.run(&self.tmp);
        let text = String::from_utf8_lossy(&fs::read(&outcome.log)?).into_owned();
        if let Some((_, report)) = text.split_once("runtime error: ") {
            fs::write(
                self.reports.join(format!("{}.{label}.ubsan", outcome.way)),
                format!("runtime error: {report}"),
            )?;
        }
        Ok(outcome)
    }

    /// The reports of a run: file name and text.
    fn reports(&self, prefix: &str) -> Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.reports)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            if name.starts_with(prefix) && !text.trim().is_empty() {
                found.push((name, text));
            }
        }
        found.sort();
        Ok(found)
    }
}

/// Each checker reports each planted fault that it can see, in the function where it is, and nothing else.
fn self_test(shop: &Shop, tools: &[&Tool]) -> Result<()> {
    for tool in tools {
        let program = shop.program(tool, "sanitize/planted", None).build();
        if let Some(message) = &program.refused {
            bail!("{message}");
        }
        for case in PLANTED {
            let planted = shop.program(tool, "sanitize/planted", Some(case)).case(case);
            let prefix = format!("{}.{case}.", tool.name);
            shop.run(&planted, case)?;
            let reports = shop.reports(&prefix)?;
            let seen = reports
                .iter()
                .any(|(_, text)| text.contains(case) || case == "race" && text.contains("prepare"));
            match case {
                _ if tool.sees.contains(&case) => {
                    ensure!(seen, "self-test: {} did not report the planted {case}", tool.name);
                }
                "clean" => ensure!(
                    reports.is_empty(),
                    "self-test: {} reports a clean program:\n{}",
                    tool.name,
                    reports[0].1
                ),
                _ => {}
            }
            for (name, _) in reports {
                fs::remove_file(shop.reports.join(name))?;
            }
        }
        println!(
            "self-test: {} reports {}, and nothing of a clean program",
            tool.name,
            tool.sees.join(", ")
        );
    }
    Ok(())
}

/// Races are between threads.
fn has_threads(name: &str) -> Result<bool> {
    let path = util::root().join(format!("test-c/{name}.c"));
    let text = fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    Ok(["<pthread.h>", "soak.h"].iter().any(|header| text.contains(header)))
}

fn all(args: &Args, shop: &Shop, tools: &[&Tool]) -> Result<()> {
    let names = if args.soak {
        vec!["soak/soak".to_owned()]
    } else {
        ctest::names(args.only.as_deref())?
    };
    let mut programs = Vec::new();
    for tool in tools.iter().filter(|tool| tool.threads || !args.soak) {
        for name in &names {
            if !tool.name.ends_with("tsan") || args.long || has_threads(name)? {
                programs.push(shop.program(tool, name, None));
            }
        }
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let built = ctest::in_parallel("compiling", cores, programs, Program::build);
    let outcomes = ctest::outcomes(&built, |program| shop.run(program, &program.name));
    let mut outcomes = outcomes.into_iter().collect::<Result<Vec<_>>>()?;
    outcomes.sort_by(|a, b| (&a.name, a.way).cmp(&(&b.name, b.way)));

    let ways: Vec<_> = tools.iter().map(|tool| tool.name).collect();
    let total = ctest::show(&ways, &outcomes);
    let reports = shop.reports("")?;
    for (name, text) in reports.iter().take(5) {
        println!("\n{name}:\n{}", text.lines().take(40).collect::<Vec<_>>().join("\n"));
    }
    println!(
        "\n{} passed, {} failed, {} skipped, {} reports",
        total.passed,
        total.failed,
        total.skipped,
        reports.len()
    );
    ensure!(
        reports.is_empty(),
        "{} reports, all of them in {}",
        reports.len(),
        shop.reports.display()
    );
    ensure!(total.failed == 0 && total.passed > 0, "cases failed under a checker");
    Ok(())
}
