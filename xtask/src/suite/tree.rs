//! A copy of the original's source tree, configured by its own script, and the list of its tests.

use crate::peer::Peer;
use crate::tools::Tools;
use crate::util;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub struct Tree {
    /// The top of the copy: `test/`, `src/`, `examples/`, `config-host.h`.
    pub dir: PathBuf,
    /// The programs that the original's own makefile builds on this machine, without `.t`.
    pub tests: Vec<String>,
}

/// Makes the copy in `dir` when it isn't there or the source has changed.
pub fn prepare(peer: &Peer, tools: Tools, dir: &Path) -> Result<Tree> {
    util::need("make", "make")?;
    let key = format!("{:016x}", digest(&[&peer.src])?);
    let stamp = dir.with_extension("key");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(&key) {
        let _ = fs::remove_file(&stamp);
        if dir.exists() {
            fs::remove_dir_all(dir)?;
        }
        util::output(Command::new("cp").arg("-a").arg(&peer.src).arg(dir))?;
        // Its script finds out which features the tests may use.
        util::output(
            Command::new("./configure")
                .current_dir(dir)
                .envs([("CC", tools.cc()), ("CXX", tools.cxx())]),
        )?;
        ensure!(
            dir.join("config-host.h").is_file(),
            "the original's configure left no config-host.h in {}",
            dir.display()
        );
        fs::write(&stamp, key)?;
    }
    Ok(Tree {
        tests: tests(dir)?,
        dir: dir.to_path_buf(),
    })
}

/// The tests; BPF programs (`.tt`) aside, which want a toolchain of their own.
fn tests(dir: &Path) -> Result<Vec<String>> {
    let targets = targets(&dir.join("test"), "test_targets")?;
    let names = targets.iter().filter_map(|target| target.strip_suffix(".t"));
    Ok(names.map(String::from).collect())
}

/// Asks a makefile of the original for the words of a variable.
pub fn targets(dir: &Path, variable: &str) -> Result<Vec<String>> {
    let mut make = Command::new("make")
        .args(["-s", "--no-print-directory", "-f", "-", "print-it"])
        .current_dir(dir)
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    make.stdin
        .take()
        .context("make has no standard input")?
        .write_all(format!("include Makefile\nprint-it: ; @echo $({variable})\n").as_bytes())?;
    let out = make.wait_with_output()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut words: Vec<String> = text.split_whitespace().map(String::from).collect();
    words.sort();
    words.dedup();
    ensure!(
        out.status.success() && !words.is_empty(),
        "{}/Makefile has nothing in {variable}: {}",
        dir.display(),
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(words)
}

/// One number for all files below the folders, or the files, and their paths in them.
pub fn digest(tops: &[&Path]) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    for top in tops {
        add(top, top, &mut hasher)?;
    }
    Ok(hasher.finish())
}

fn add(top: &Path, path: &Path, hasher: &mut DefaultHasher) -> Result<()> {
    if path.is_dir() {
        let mut entries: Vec<PathBuf> = fs::read_dir(path)?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        entries.sort();
        for entry in entries {
            add(top, &entry, hasher)?;
        }
    } else if path.is_file() {
        path.strip_prefix(top)?.hash(hasher);
        fs::read(path)
            .with_context(|| format!("can't read {}", path.display()))?
            .hash(hasher);
    }
    Ok(())
}
