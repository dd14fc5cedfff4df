//! `cargo xtask cover`: measure how many of the library's lines the Rust tests run, and check that they call each
//! exported function. (Compiling cargo-llvm-cov on a new machine would take longer than the tests.)

use anyhow::{Context, Result, ensure};
use base::{output, root, stdout};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {
    /// The least share of lines that must be covered, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 95.0)]
    least: f64,
}

/// Not the library: tests and their fixtures, and code that compiles only on other processors or with other features.
const ELSEWHERE: &str = "/tests|/src/script|/src/rig.rs|/src/backlog.rs|/src/model|/\\.cargo/|/rustc/|/crates/";

/// One of LLVM's tools, of rustc's LLVM version: the format of profiles differs between versions.
fn tool(name: &str) -> Result<Command> {
    let about = stdout(Command::new("rustc").args(["-vV", "--print", "sysroot"]))?;
    let field = |key: &str| about.lines().find_map(|line| line.strip_prefix(key)).map(str::trim);
    let host = field("host:").context("rustc -vV prints no host")?;
    let major = field("LLVM version:").and_then(|version| version.split('.').next());
    let package = format!("llvm-{}", major.context("rustc -vV prints no LLVM version")?);
    let sysroot = about.lines().last().unwrap_or_default();
    let places = [
        format!("{sysroot}/lib/rustlib/{host}/bin/{name}"),
        format!("/usr/lib/{package}/bin/{name}"),
    ];
    let found = || places.iter().find(|path| Path::new(path).is_file());
    if found().is_none() && base::install(&[&package]).is_err() {
        let _ = Command::new("rustup").args(["component", "add", "llvm-tools"]).status();
    }
    let path = found().with_context(|| {
        format!("there is no {name}; to mend: apt-get install {package}, or rustup component add llvm-tools")
    })?;
    Ok(Command::new(path))
}

pub fn run(args: &Args) -> Result<()> {
    let folder = root().join("target/cover/profiles");
    base::fresh(&folder)?;
    // Build scripts are instrumented too, and would write profiles into their working directory.
    let elsewhere = root().join("target/cover/build-%p.profraw");
    let elsewhere = elsewhere.to_str().context("the path of target is not UTF-8")?;
    let flags = "-C instrument-coverage";
    let variables = [("LLVM_PROFILE_FILE", elsewhere)];
    let program = base::unit_tests(Path::new("Cargo.toml"), "cover", flags, &variables)?;
    let mut tests = Command::new(&program);
    tests.arg("--quiet").env("LLVM_PROFILE_FILE", folder.join("%p.profraw"));
    output(tests.current_dir(root()))?;
    let profile = folder.join("all.profdata");
    let mut merge = tool("llvm-profdata")?;
    output(
        merge
            .args(["merge", "-sparse"])
            .args(base::files_in(&folder)?)
            .arg("-o")
            .arg(&profile),
    )?;
    let llvm_cov = |what: &[&str]| {
        let mut cov = tool("llvm-cov")?;
        cov.args(what).arg(format!("-ignore-filename-regex={ELSEWHERE}"));
        stdout(cov.arg("-instr-profile").arg(&profile).arg(&program))
    };

    print!(
        "{}",
        llvm_cov(&["report", "-show-region-summary=false", "-show-branch-summary=false"])?
    );
    println!("\nnot covered:");
    let mut file = String::new();
    for line in llvm_cov(&["show"])?.lines() {
        if let Some(path) = line.strip_suffix(':').filter(|path| path.starts_with('/')) {
            file = path.replace(&format!("{}/", root().display()), "");
        }
        let mut columns = line.splitn(3, '|').map(str::trim);
        if let (Some(number), Some("0"), Some(text)) = (columns.next(), columns.next(), columns.next()) {
            println!("  {file}:{number}: {text}");
        }
    }
    let export: Value = serde_json::from_str(&llvm_cov(&["export"])?)?;
    let called = |name: &str| {
        let functions = export["data"][0]["functions"].as_array().into_iter().flatten();
        // In a mangled name each part follows its length, and one more _ if it begins with _.
        let parts = ["", "_"].map(|mark| format!("{}{mark}{name}", name.len()));
        let is = |mangled: &str| parts.iter().any(|part| mangled.contains(part));
        let mut of = functions.filter(|function| function["name"].as_str().is_some_and(is));
        of.any(|function| function["count"].as_u64() > Some(0))
    };
    let map = fs::read_to_string(root().join("src/liburing.map"))?;
    let exported = map.lines().filter_map(|line| line.trim().strip_suffix(';'));
    let exported: Vec<&str> = exported.filter(|name| name.contains("io_uring_")).collect();
    let missed: Vec<_> = exported.iter().filter(|name| !called(name)).collect();
    ensure!(missed.is_empty(), "no test under src/ calls {missed:?}");

    let lines = &export["data"][0]["totals"]["lines"];
    let share = lines["percent"].as_f64().context("llvm-cov exports no percentage")?;
    let (covered, all) = (&lines["covered"], &lines["count"]);
    println!(
        "\ncover: {covered} of {all} lines, {share:.2} %; all {} exported functions",
        exported.len()
    );
    ensure!(
        share >= args.least,
        "{share:.2} % is below {} %: write tests for the lines listed above, then run: cargo xtask cover",
        args.least
    );
    Ok(())
}
