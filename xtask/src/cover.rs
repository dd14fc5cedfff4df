//! `cargo xtask cover`: how much of the library's own lines the Rust tests run.

use crate::util::{self, root, table};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// The share of lines, in percent, below which it fails
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0)]
    least: f64,
}

/// What compiles on other processors, or with other features, than those of this run.
const ELSEWHERE: &[&str] = &["src/arch/aarch64.rs", "src/arch/riscv64.rs", "src/arch/libc.rs"];

/// Where the tests and what they stand on are: not the library.
fn is_test(file: &str) -> bool {
    file.contains("/tests") || file.starts_with("src/kernel/script") || file.starts_with("src/model")
}

/// LLVM's tool for the profiles of this rustc: from rustup, from the system, or installed.
fn tool(name: &str) -> Result<PathBuf> {
    let about = util::stdout(Command::new("rustc").arg("-vV"))?;
    let field = |key: &str| about.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let host = field("host:").context("rustc tells no host")?;
    let llvm = field("LLVM version:").context("rustc tells no LLVM version")?;
    let major = llvm.split('.').next().unwrap_or(llvm);
    let sysroot = util::stdout(Command::new("rustc").args(["--print", "sysroot"]))?;
    let places = [
        Path::new(sysroot.trim())
            .join("lib/rustlib")
            .join(host)
            .join("bin")
            .join(name),
        Path::new("/usr/lib").join(format!("llvm-{major}/bin")).join(name),
    ];
    let found = || places.iter().find(|path| path.is_file()).cloned();
    if let Some(path) = found() {
        return Ok(path);
    }
    // Profiles change from one LLVM to the next, so that it must be rustc's own or the same number.
    let package = format!("llvm-{major}");
    let missing = util::install(&[&package]).err();
    if let Some(path) = found() {
        return Ok(path);
    }
    let _ = Command::new("rustup").args(["component", "add", "llvm-tools"]).status();
    let mend =
        format!("there is no {name} of LLVM {major}: rustup component add llvm-tools, or apt-get install {package}");
    match (found(), missing) {
        (Some(path), _) => Ok(path),
        (None, Some(err)) => Err(err.context(mend)),
        (None, None) => bail!(mend),
    }
}

/// Runs the library's tests with counters; gives each line's count by file.
fn measure(folder: &Path) -> Result<BTreeMap<String, BTreeMap<usize, u64>>> {
    let (profdata, cov) = (tool("llvm-profdata")?, tool("llvm-cov")?);
    let _ = fs::remove_dir_all(folder.join("profiles"));
    fs::create_dir_all(folder.join("profiles"))?;
    // Build scripts have counters too, and would leave their profiles anywhere.
    let elsewhere = folder.join("build-%p.profraw");
    let elsewhere = elsewhere.to_str().context("a path that is no text")?;
    let program = util::unit_tests(
        Path::new("Cargo.toml"),
        "cover",
        "-C instrument-coverage",
        &[("LLVM_PROFILE_FILE", elsewhere)],
    )?;
    util::output(
        Command::new(&program)
            .arg("--quiet")
            .env("LLVM_PROFILE_FILE", folder.join("profiles/%p.profraw"))
            .current_dir(root()),
    )?;
    let merged = folder.join("profiles/all.profdata");
    let mut merge = Command::new(profdata);
    merge.args(["merge", "-sparse", "-o"]).arg(&merged);
    for entry in fs::read_dir(folder.join("profiles"))? {
        merge.arg(entry?.path());
    }
    util::output(&mut merge)?;
    let report = util::stdout(
        Command::new(cov)
            .args(["export", "-format=lcov", "-instr-profile"])
            .arg(&merged)
            .arg(&program),
    )?;

    let mut files: BTreeMap<String, BTreeMap<usize, u64>> = BTreeMap::new();
    let mut file = None;
    for line in report.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            let path = Path::new(path);
            let path = path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned();
            file = (path.starts_with("src/") && !is_test(&path)).then_some(path);
        } else if let (Some(file), Some(data)) = (&file, line.strip_prefix("DA:")) {
            let (number, count) = data.split_once(',').context("an odd line of lcov")?;
            let lines = files.entry(file.clone()).or_default();
            *lines.entry(number.parse()?).or_default() += count.parse::<u64>()?;
        }
    }
    Ok(files)
}

fn percent(covered: u32, all: u32) -> f64 {
    100.0 * f64::from(covered) / f64::from(all.max(1))
}

pub fn run(args: &Args) -> Result<()> {
    let files = measure(&root().join("target/cover"))?;
    let (mut rows, mut missed) = (Vec::new(), Vec::new());
    let (mut all, mut covered) = (0, 0);
    for (file, lines) in &files {
        let (mut there, mut hit) = (0, 0);
        for count in lines.values() {
            there += 1;
            hit += u32::from(*count > 0);
        }
        (all, covered) = (all + there, covered + hit);
        let share = format!("{:.1} %", percent(hit, there));
        rows.push(vec![file.clone(), there.to_string(), hit.to_string(), share]);
        let text = fs::read_to_string(root().join(file)).with_context(|| format!("can't read {file}"))?;
        for (number, _) in lines.iter().filter(|(_, count)| **count == 0) {
            let line = text.lines().nth(number - 1).unwrap_or_default().trim();
            missed.push(format!("{file}:{number}: {line}"));
        }
    }
    rows.push(vec![
        "all".into(),
        all.to_string(),
        covered.to_string(),
        format!("{:.2} %", percent(covered, all)),
    ]);
    table(&["file", "lines", "covered", "share"], &rows);
    println!("\nnot covered:");
    for line in missed {
        println!("  {line}");
    }
    println!("not compiled here: {}", ELSEWHERE.join(", "));
    let share = percent(covered, all);
    println!("\ncover: {covered} of {all} lines, {share:.2} %");
    if share < args.least {
        bail!(
            "that is below {} %: write tests for the lines above; again with: cargo xtask cover",
            args.least
        );
    }
    Ok(())
}
