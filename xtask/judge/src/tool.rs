//! `cargo xtask tool`: the command `ironring` as it is installed. Its own tests are in `crates/tool`, and run with all others.

use crate::install::{make, tree};
use anyhow::{Context, Result, ensure};
use base::compile::{self, Compile as _};
use base::run::{ending, printed};
use base::{fresh, lib_dir, root, stdout};
use refused::{Filter, How};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub struct Args {}

/// What `make install-tool` installs.
const FILES: [&str; 2] = ["/usr/bin/ironring", "/usr/share/man/man1/ironring.1"];

pub fn run(_args: &Args) -> Result<()> {
    let work = root().join("target/tool");
    fresh(&work)?;
    let top = work.join("root");
    let settings = ["libdir=/usr/lib", "ENABLE_ENGINE=1"];
    make("install", &top, &settings)?;
    let libraries = tree(&top)?;
    for file in FILES {
        ensure!(
            !libraries.contains(file),
            "make install installs {file}, which belongs to install-tool"
        );
    }
    make("install-tool", &top, &settings)?;
    let all = tree(&top)?;
    let added: Vec<&String> = all.difference(&libraries).collect();
    ensure!(added == FILES, "make install-tool installs {added:?} and not {FILES:?}");

    let ironring = top.join(&FILES[0][1..]);
    let said = stdout(Command::new(&ironring).arg("--version"))?;
    let release = format!("ironring {}", packager::version()?);
    ensure!(said.trim() == release, "--version prints {said:?} and not {release:?}");
    for name in ["liburing", "liburing-ffi"] {
        let found = library(&ironring, name, &work.join(format!("with-{name}")))?;
        let wanted = top.join("usr/lib/ironring");
        ensure!(
            found.parent() == Some(&wanted),
            "a program with {name} got {}, and not a library in {}",
            found.display(),
            wanted.display()
        );
        println!("tool: a program with {name} gets {}", found.display());
    }
    for (policy, how, wanted) in RINGS {
        let said = ring(&ironring, &work, policy, how)?;
        ensure!(
            said.contains(wanted),
            "--policy {policy}, io_uring refused by {how:?}: {said:?} is not {wanted:?}"
        );
        println!("tool: --policy {policy}, io_uring refused by {how:?}: {wanted}");
    }
    let said = rings_of_both(&ironring, &work)?;
    println!("tool: one process with rings of the kernel's and of the engine's: {said}");
    make("uninstall-tool", &top, &settings)?;
    ensure!(
        tree(&top)? == libraries,
        "make uninstall-tool doesn't remove exactly {FILES:?}"
    );
    println!("tool: installed, run and uninstalled");
    Ok(())
}

/// What a program says, or the log, by the policy and how io_uring's system calls are refused.
const RINGS: [(&str, How, &str); 6] = [
    ("auto", How::None, "the kernel's"),
    ("auto", How::Eperm, "the engine's"),
    ("auto", How::Enosys, "the engine's"),
    ("engine", How::Kill, "the engine's"),
    ("kernel", How::None, "the kernel's"),
    ("kernel", How::Eperm, "io_uring_queue_init: Operation not permitted"),
];

/// The log of a program that makes a ring; where it has none, the program's error.
fn ring(ironring: &Path, work: &Path, policy: &str, how: How) -> Result<String> {
    let log = work.join("log");
    let _ = fs::remove_file(&log);
    let mut command = Command::new(ironring);
    command.args(["run", "--policy", policy, "--log"]).arg(&log);
    command.arg("--").arg(work.join("with-liburing"));
    Filter::new(how)?.put_on(&mut command);
    let out = command.output()?;
    if out.status.success() {
        return Ok(fs::read_to_string(&log)?);
    }
    Ok(format!("{}, {}", ending(out.status), printed(&out)))
}

/// A program whose second ring the kernel has no memory for.
fn rings_of_both(ironring: &Path, work: &Path) -> Result<String> {
    let program = work.join("mixed");
    build("mixed", "liburing", &program)?;
    let log = work.join("mixed.log");
    stdout(
        Command::new(ironring)
            .args(["run", "--log"])
            .arg(&log)
            .arg("--")
            .arg(&program),
    )?;
    let said = fs::read_to_string(&log)?;
    for owner in ["the kernel's", "the engine's"] {
        ensure!(said.contains(owner), "no ring is {owner}; the log has:\n{said}");
    }
    Ok("both work by their registered indices".to_owned())
}

fn build(source: &str, library: &str, program: &Path) -> Result<()> {
    let mut cc = compile::program(&format!("test-c/tool/{source}.c"))?;
    cc.include(root().join("include"))
        .library(lib_dir().join(format!("{library}.so")))
        .to(program)
}

/// The file of liburing that a program, linked with the plain library, gets from the command.
fn library(ironring: &Path, name: &str, program: &Path) -> Result<PathBuf> {
    build("which", name, program)?;
    let said = stdout(Command::new(ironring).args(["run", "--"]).arg(program))?;
    let mut lines = said.lines();
    let file = lines.next().context("the program has no liburing")?;
    ensure!(
        lines.next().is_none(),
        "the program has more than one liburing:\n{said}"
    );
    Ok(file.into())
}
