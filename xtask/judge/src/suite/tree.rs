//! A copy of the original's source tree, configured by its own script, and the list of its tests.

use crate::peer::Peer;
use anyhow::{Context, Result, ensure};
use base::command;
use base::compile::Tools;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Tree {
    /// The top of the copy: `test/`, `src/`, `examples/`, `config-host.h`.
    pub dir: PathBuf,
    /// The programs that the original's own makefile builds on this machine, without `.t`.
    pub tests: Vec<String>,
}

/// Makes the copy in `dir` if it is missing or the source has changed.
pub fn prepare(peer: &Peer, tools: Tools, dir: &Path) -> Result<Tree> {
    base::need("make", "make")?;
    let key = format!("{:016x}", digest(&[&peer.src])?);
    let stamp = dir.with_extension("key");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(&key) {
        let _ = fs::remove_file(&stamp);
        base::fresh(dir)?;
        base::output(&mut command!("cp -aT", &peer.src, dir))?;
        // configure detects which features the tests may use.
        base::output(
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

/// The tests, without BPF programs (`.tt`), which need another toolchain.
fn tests(dir: &Path) -> Result<Vec<String>> {
    let targets = targets(&dir.join("test"), "test_targets")?;
    let names = targets.iter().filter_map(|target| target.strip_suffix(".t"));
    Ok(names.map(String::from).collect())
}

/// The words of a variable in a makefile of the original.
pub fn targets(dir: &Path, variable: &str) -> Result<Vec<String>> {
    let print = format!("--eval=print-it: ; @echo $({variable})");
    let mut make = command!("make -s --no-print-directory", print, "print-it");
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    let text = base::stdout(make.current_dir(dir))?;
    let mut words: Vec<String> = text.split_whitespace().map(String::from).collect();
    words.sort();
    words.dedup();
    ensure!(
        !words.is_empty(),
        "{}/Makefile has nothing in {variable}",
        dir.display()
    );
    Ok(words)
}

/// A hash of these files and of all files below these folders, with their relative paths.
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
