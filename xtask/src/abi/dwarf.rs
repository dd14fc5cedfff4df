//! abidiff's opinion: both libraries built with debug information, the peer's from its source, ours from Rust.
//! It compares what the compiled functions take and give, down to the last member. That C says `unsigned int` where
//! Rust says `u32` it knows to be harmless.

use super::Judge;
use crate::util::{need, output, root, show};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub const NAMES: [&str; 2] = ["liburing", "liburing-ffi"];

/// What an abidiff says that compares integers by what they are called: 2.6 does, and finds all functions changed.
pub const BY_NAME: &str = "type name changed from 'int' to 'i32'";

#[derive(Default)]
pub struct Changes {
    pub same: usize,
    pub all: usize,
    pub said: String,
}

pub fn compare(judge: &Judge) -> Result<Changes> {
    need("abidiff", "abigail-tools")?;
    let theirs = peer(judge, "peer", |_| Ok(()))?;
    let ours = ours(judge)?;
    let mut changes = Changes::default();
    for name in NAMES {
        changes.all += 1;
        match difference(
            &theirs.join(format!("{name}.so.{}", peer_release(judge))),
            &ours.join(format!("{name}.so")),
        )? {
            None => changes.same += 1,
            Some(said) => changes.said.push_str(&said),
        }
    }
    Ok(changes)
}

pub fn peer_release(judge: &Judge) -> &str {
    &judge.peer.version
}

/// What isn't ours to keep: the libc crate's types are those of a newer C library than this machine's. Of `struct
/// statx` the name is enough for abidiff to compare the members, so that the one function that has it stands here.
const SYSTEM: &str = "[suppress_type]\n  name_regexp = ^libc::.*$\n[suppress_function]\n  name = io_uring_prep_statx\n";

/// What changes from one library to the other; symbols may come, not go.
pub fn difference(from: &Path, to: &Path) -> Result<Option<String>> {
    let system = to.with_extension("abignore");
    fs::write(&system, SYSTEM)?;
    let mut command = Command::new("abidiff");
    command
        .arg("--no-added-syms")
        .arg("--suppressions")
        .arg(&system)
        .arg(from)
        .arg(to);
    let out = command.output().with_context(|| show(&command))?;
    match out.status.code() {
        Some(0) => Ok(None),
        // 4: something changed; 8: incompatibly. 1 and 2 are errors of the program and of its use.
        Some(4 | 8 | 12) => Ok(Some(format!(
            "{}\n{}",
            show(&command),
            String::from_utf8_lossy(&out.stdout)
        ))),
        code => bail!(
            "{} gives {code:?}: {}",
            show(&command),
            String::from_utf8_lossy(&out.stderr)
        ),
    }
}

/// Builds a copy of the peer's source, once, after `change` had its way with it; gives the folder of the libraries.
pub fn peer(judge: &Judge, name: &str, change: impl Fn(&Path) -> Result<()>) -> Result<PathBuf> {
    let dir = judge.work.join(format!("build-{name}"));
    let done = dir.join("done");
    if !done.exists() {
        if dir.exists() {
            fs::remove_dir_all(&dir)?;
        }
        output(Command::new("cp").arg("-r").arg(&judge.peer.src).arg(&dir))?;
        change(&dir)?;
        output(Command::new("sh").arg("configure").current_dir(&dir))?;
        let flags = "CFLAGS=-g -O2 -fno-eliminate-unused-debug-types";
        output(
            Command::new("make")
                .args(["-s", "-C", "src", "-j4", flags])
                .current_dir(&dir),
        )?;
        fs::write(done, "")?;
    }
    Ok(dir.join("src"))
}

/// Our libraries, linked as the Makefile does, with their debug information kept.
fn ours(judge: &Judge) -> Result<PathBuf> {
    let dir = judge.work.join("build-ours");
    let mut cargo = Command::new("cargo");
    cargo.args([
        "rustc",
        "--quiet",
        "--locked",
        "--release",
        "--package",
        "ironring-shipped",
        "--target-dir",
    ]);
    cargo.arg(&dir);
    cargo.args(["--", "-C", "no-vectorize-loops", "-C", "no-vectorize-slp"]);
    output(cargo.env("CARGO_PROFILE_RELEASE_DEBUG", "2").current_dir(root()))?;
    for name in NAMES {
        let keep = root().join(format!("src/{name}.keep"));
        let object = dir.join(format!("{name}.o"));
        let mut ld = Command::new("ld");
        ld.args(["-r", "--gc-sections", "-T"])
            .arg(root().join("src/archive.ld"));
        for symbol in fs::read_to_string(&keep)?.lines() {
            ld.args(["-u", symbol]);
        }
        output(ld.arg("-o").arg(&object).arg(dir.join("release/liburing.a")))?;
        let mut keep_flag = std::ffi::OsString::from("--keep-global-symbols=");
        keep_flag.push(&keep);
        let no_bitcode = ["--remove-section=.llvmbc", "--remove-section=.llvmcmd"];
        output(Command::new("objcopy").arg(keep_flag).args(no_bitcode).arg(&object))?;
        link(
            &object,
            &root().join(format!("src/{name}.map")),
            name,
            &dir.join(format!("{name}.so")),
        )?;
    }
    Ok(dir)
}

/// Links an object into a shared library, with a version script.
pub fn link(object: &Path, map: &Path, name: &str, to: &Path) -> Result<()> {
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-nostdlib", "-Wl,-Bsymbolic"]);
    cc.arg(format!("-Wl,--version-script={}", map.display()))
        .arg(format!("-Wl,-soname,{name}.so.2"));
    output(cc.arg("-o").arg(to).arg(object))?;
    Ok(())
}
