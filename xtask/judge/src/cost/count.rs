//! Builds the driver of `test-c/cost` for one library, and counts its instructions under callgrind.

use anyhow::{Context, Result, bail, ensure};
use base::compile::{self, Compile as _};
use base::output;
use base::run::limited;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Instructions of one round of each path.
pub type Counts = BTreeMap<String, u64>;

/// The driver, linked with the shared library and with the archive.
pub struct Driver {
    pub shared: PathBuf,
    archive: PathBuf,
    out: PathBuf,
}

impl Driver {
    pub fn build(include: &Path, lib: &Path, out: &Path) -> Result<Self> {
        fs::create_dir_all(out)?;
        let driver = Self {
            shared: out.join("shared"),
            archive: out.join("archive"),
            out: out.to_path_buf(),
        };
        for (exe, library) in [(&driver.shared, "liburing.so.2"), (&driver.archive, "liburing.a")] {
            // Debug information distinguishes the driver's functions from the archive's. Symbols are bound at start-up
            // and called without stubs, so that all calls cost the same.
            compile::program("test-c/cost/driver.c")?
                .args(["-fno-plt", "-Wl,-z,now"])
                .include(include)
                .library(lib.join(library))
                .to(exe)?;
        }
        Ok(driver)
    }

    /// Runs all paths.
    pub fn counts(&self) -> Result<Counts> {
        let mut counts = self.run(&self.shared, "liburing.so")?;
        counts.extend(self.run(&self.archive, "")?);
        Ok(counts)
    }

    fn run(&self, exe: &Path, library: &str) -> Result<Counts> {
        let report = self.out.join("callgrind");
        base::need("valgrind", "valgrind")?;
        let mut valgrind = limited("valgrind", Duration::from_secs(300));
        valgrind
            .args(["--quiet", "--tool=callgrind", "--combine-dumps=yes"])
            .args(["--compress-strings=no", "--compress-pos=no"])
            .arg(format!("--callgrind-out-file={}", report.display()))
            .arg(exe);
        output(valgrind.env_remove("LD_LIBRARY_PATH"))?;
        let text = fs::read_to_string(&report)?;
        per_round(&parts(&text, library)?).with_context(|| report.display().to_string())
    }
}

/// One dump: the rounds, the path, the instructions.
type Part = (u64, String, u64);

/// The dumps in callgrind's report. The library is an object (`library` is in its name), or, when `library` is empty,
/// the functions without debug information.
fn parts(text: &str, library: &str) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let (mut object, mut file) = (String::new(), String::new());
    let mut callee: Option<String> = None;
    let mut called = false;
    for line in text.lines() {
        let is_library = |object: &str, file: &str| {
            if library.is_empty() {
                file == "???" && !object.contains(".so")
            } else {
                object.contains(library)
            }
        };
        if let Some(what) = line.strip_prefix("desc: Trigger: Client Request: ") {
            let (rounds, path) = what.split_once(' ').context("a dump without a name")?;
            parts.push((rounds.parse()?, path.to_owned(), 0));
        } else if line == "desc: Trigger: Program termination" {
            break;
        } else if let Some(name) = line.strip_prefix("ob=") {
            name.clone_into(&mut object);
        } else if let Some(name) = line.strip_prefix("fl=") {
            name.clone_into(&mut file);
        } else if let Some(name) = line.strip_prefix("cob=") {
            callee = Some(name.to_owned());
        } else if line.starts_with("calls=") {
            called = true;
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            // Own instructions, or after `calls=` those of the called function and all below it, which count where the
            // library calls another object.
            let elsewhere = callee.as_ref().is_some_and(|callee| !is_library(callee, "???"));
            if is_library(&object, &file) && (!called || elsewhere) {
                let cost = line.split(' ').nth(1).context("a line without a cost")?;
                let part = parts.last_mut().context("a cost before the first dump")?;
                part.2 += cost.parse::<u64>()?;
            }
            if called {
                (called, callee) = (false, None);
            }
        }
    }
    Ok(parts)
}

/// What a round of each path costs: the difference of the last two runs, which cancels what happens only once.
fn per_round(parts: &[Part]) -> Result<Counts> {
    let mut counts = Counts::new();
    let paths: BTreeSet<&String> = parts.iter().map(|part| &part.1).collect();
    for path in paths {
        let runs: Vec<&Part> = parts.iter().filter(|part| part.1 == *path).collect();
        let [.., few, many] = runs[..] else {
            bail!("{path}: only one run");
        };
        let (rounds, cost) = (many.0 - few.0, many.2 - few.2);
        ensure!(
            cost > 0 && cost % rounds == 0,
            "{path}: {cost} instructions in {rounds} rounds: not the same in each"
        );
        counts.insert(path.clone(), cost / rounds);
    }
    ensure!(!counts.is_empty(), "callgrind counted nothing");
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPORT: &str = "\
desc: Trigger: Client Request: 3 submit
ob=/lib/liburing.so.2
fl=???
fn=io_uring_submit
0 30
cob=/lib/libc.so.6
cfn=memset
calls=3 0
0 12
cfn=helper
calls=3 0
0 6

fn=helper
0 6

ob=/driver
fl=driver.c
fn=round
7 100
cob=/lib/liburing.so.2
cfn=io_uring_submit
calls=3 0
7 48
cob=/lib/libc.so.6
cfn=write
calls=3 0
8 9
desc: Trigger: Client Request: 5 submit
ob=/lib/liburing.so.2
fn=io_uring_submit
0 70
desc: Trigger: Program termination
0 13
";

    #[test]
    fn the_library_counts_and_what_it_calls() {
        let parts = parts(REPORT, "liburing.so").unwrap();
        assert_eq!(parts, [(3, "submit".into(), 48), (5, "submit".into(), 70)]);
        assert_eq!(per_round(&parts).unwrap()["submit"], 11);
    }

    #[test]
    fn in_an_archive_the_library_is_what_has_no_source() {
        let report = REPORT.replace("/lib/liburing.so.2", "/driver");
        assert_eq!(parts(&report, "").unwrap()[0], (3, "submit".into(), 48));
    }

    #[test]
    fn uneven_rounds_are_refused() {
        let parts = [(3, "submit".into(), 48), (5, "submit".into(), 71)];
        assert!(per_round(&parts).is_err());
    }
}
