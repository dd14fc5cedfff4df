//! The orderings of the Rust functions on aarch64 and riscv64, without a Rust library for those processors: rustc says
//! what it makes of them in LLVM's language, where an acquire is an acquire, and clang compiles that for each. The
//! libc route is taken for it, which has no assembly.

use super::{Cpu, Judge, listing};
use crate::util::{output, root};
use anyhow::{Context, Result, bail, ensure};
use listing::Function;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

type Functions = BTreeMap<String, Function>;

const CPUS: [(Cpu, &str, &[&str]); 2] = [
    (Cpu::Arm, "aarch64-linux-gnu", &[]),
    (Cpu::Riscv, "riscv64-linux-gnu", &["-march=rv64gc", "-mno-relax"]),
];

/// Gives how many assertions hold.
pub fn run(judge: &Judge) -> Result<usize> {
    assert_all(judge, &language(judge)?)
}

/// What rustc makes of the library, without what ties it to this processor.
pub fn language(judge: &Judge) -> Result<String> {
    let target = judge.work.join("rust");
    let mut cargo = Command::new("cargo");
    cargo.args([
        "rustc",
        "--quiet",
        "--locked",
        "--release",
        "--package",
        "ironring-shipped",
        "--features",
        "use-libc",
        "--target-dir",
    ]);
    cargo.arg(&target).args(["--", "--emit=llvm-ir"]);
    output(cargo.env("CARGO_PROFILE_RELEASE_LTO", "off").current_dir(root()))?;
    let mut newest = None;
    for entry in fs::read_dir(target.join("release/deps"))? {
        let path = entry?.path();
        let ours = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("uring-"));
        if ours && path.extension().is_some_and(|e| e == "ll") {
            newest = newest.max(Some((fs::metadata(&path)?.modified()?, path)));
        }
    }
    let (_, path) = newest.context("rustc left no .ll file")?;
    let mut text = String::new();
    for line in fs::read_to_string(path)?.lines() {
        if line.starts_with("target ") {
            continue;
        }
        let mut line = line.to_owned();
        for tie in ["\"target-cpu\"=\"", "\"target-features\"=\""] {
            if let Some(start) = line.find(tie) {
                let end = line[start + tie.len()..]
                    .find('"')
                    .map_or(line.len(), |end| start + tie.len() + end + 1);
                line.replace_range(start..end, "");
            }
        }
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

/// Every inline orders memory as the peer's does, and the submits order the tail before the flags.
pub fn assert_all(judge: &Judge, language: &str) -> Result<usize> {
    let mut held = 0;
    for (cpu, triple, flags) in CPUS {
        let rust = judge.work.join(format!("rust-{triple}.ll"));
        fs::write(&rust, language)?;
        let c = judge.work.join(format!("rust-{triple}.c"));
        fs::write(&c, super::INLINES)?;
        let rust = compile(judge, cpu, triple, flags, &rust)?;
        let peer = compile(judge, cpu, triple, flags, &c)?;
        for name in &judge.names {
            // What is local to the header may have been inlined away.
            let Some(function) = rust.get(name) else { continue };
            let ours = kinds(judge, &rust, name);
            let theirs = kinds(judge, &peer, name);
            ensure!(
                ours == theirs,
                "{triple}: {name}: Rust orders by {ours:?}, the peer by {theirs:?}:\n{function}"
            );
            held += 1;
        }
        for name in super::shipped::SUBMITS {
            let function = rust.get(name).with_context(|| format!("{triple}: no {name}"))?;
            // What is out of the ordinary, SQPOLL too, may be in a local function that it goes to.
            let local = targets(function).find_map(|symbol| rust.get(&symbol).filter(|_| symbol.contains("submit")));
            let function = local.unwrap_or(function);
            submit(cpu, &function.code).with_context(|| format!("{triple}: {name}:\n{function}"))?;
            held += 1;
        }
    }
    Ok(held)
}

fn compile(judge: &Judge, cpu: Cpu, triple: &str, flags: &[&str], source: &Path) -> Result<Functions> {
    let clang = judge
        .tools
        .iter()
        .find(|tool| tool.cc.starts_with("clang"))
        .context("no clang")?;
    let object = source.with_extension("o");
    let mut command = Command::new(&clang.cc);
    command
        .arg(format!("--target={triple}"))
        .args(flags)
        .args(["-O2", "-w", "-ffunction-sections", "-c"]);
    if source.extension().is_some_and(|e| e == "c") {
        command
            .arg(format!("-isystem/usr/{triple}/include"))
            .arg("-I")
            .arg(&judge.peer);
    }
    output(command.arg(source).arg("-o").arg(&object))?;
    listing::read(&object, cpu)
}

/// The kinds of ordering instructions in a function and in the inlines that it calls.
fn kinds(judge: &Judge, functions: &Functions, name: &str) -> BTreeSet<String> {
    let (mut seen, mut found) = (BTreeSet::new(), BTreeSet::new());
    let mut todo = vec![name.to_owned()];
    while let Some(name) = todo.pop() {
        let Some(function) = functions.get(&name).filter(|_| seen.insert(name.clone())) else {
            continue;
        };
        found.extend(function.ordering().into_iter().map(String::from));
        todo.extend(targets(function).filter(|symbol| judge.names.contains(symbol)));
    }
    found
}

/// The functions that a function's relocations name.
fn targets(function: &listing::Function) -> impl Iterator<Item = String> {
    function.code.iter().filter_map(|text| {
        let (_, symbol) = text.split_once("{R_")?.1.split_once(' ')?;
        let section = symbol.trim_end_matches('}');
        let symbol = section.trim_start_matches(".text.").trim_start_matches("unlikely.");
        Some(symbol.split(['+', '-', '@']).next().unwrap_or_default().to_owned())
    })
}

/// The release of the tail, then the full barrier, then the load of the flags and nothing before that.
fn submit(cpu: Cpu, code: &[String]) -> Result<()> {
    let (release, full, load) = match cpu {
        Cpu::Arm => ("stlr ", "dmb ish", "ldr "),
        _ => ("fence rw,w", "fence rw,rw", "l"),
    };
    let Some(at) = code.iter().position(|text| text == full) else {
        bail!("no full barrier")
    };
    let before = code[..at].iter().any(|text| text.starts_with(release) && text != full);
    ensure!(before, "no release before the full barrier");
    let memory = code[at + 1..].iter().filter(|text| text.contains(['[', '(']));
    let next: Vec<&str> = memory.take(2).map(String::as_str).collect();
    ensure!(
        next.len() == 2 && next.iter().all(|text| text.starts_with(load)),
        "after the full barrier: {next:?}"
    );
    Ok(())
}

/// Weakens each kind of ordering; the assertions must fail.
pub fn self_test(judge: &Judge) -> Result<usize> {
    let language = language(judge)?;
    let plants = [
        ("release, align", "monotonic, align"),
        ("acquire, align", "monotonic, align"),
        ("fence seq_cst", ""),
    ];
    for (from, to) in plants {
        ensure!(
            language.contains(from),
            "self-test: rustc no longer says {from:?}: adapt the plant"
        );
        let planted = language.replace(from, to);
        ensure!(
            assert_all(judge, &planted).is_err(),
            "self-test: {from:?} weakened in Rust was not found"
        );
    }
    Ok(plants.len())
}
