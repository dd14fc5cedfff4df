//! Faults on purpose, in copies below `target/code`: each must be found.

use super::{Cpu, Judge, Kind, rust, shipped};
use crate::util::output;
use anyhow::{Result, bail, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Puts one fault after the other into a copy of the headers; each must be found, as what it is.
pub fn run(judge: &Judge, include: &Path, lib: &Path) -> Result<()> {
    let plants: [(&str, &str, &str, &str, Kind); 4] = [
        (
            "a relaxed store for a release",
            "liburing/barrier.h",
            "__atomic_store_n((p), (v), __ATOMIC_RELEASE)",
            "__atomic_store_n((p), (v), __ATOMIC_RELAXED)",
            Kind::Ordering,
        ),
        (
            "a relaxed load for an acquire",
            "liburing/barrier.h",
            "__atomic_load_n((p), __ATOMIC_ACQUIRE)",
            "__atomic_load_n((p), __ATOMIC_RELAXED)",
            Kind::Ordering,
        ),
        (
            "one wrong field",
            "liburing.h",
            "\tsqe->len = len;",
            "\tsqe->file_index = len;",
            Kind::Different,
        ),
        (
            "a needless store",
            "liburing.h",
            "\tsqe->len = len;",
            "\tsqe->len = len;\n\tsqe->personality = 0;",
            Kind::Longer,
        ),
    ];
    let copy = judge.work.join("planted");
    for (what, file, from, to, kind) in &plants {
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        output(Command::new("cp").arg("-r").arg(include).arg(&copy))?;
        let path = copy.join(file);
        let text = fs::read_to_string(&path)?;
        ensure!(
            text.contains(from),
            "self-test: {file} no longer has {from:?}: adapt the plant"
        );
        fs::write(&path, text.replacen(from, to, 1))?;
        let verdict = judge.compare("planted", &copy)?;
        let found = verdict.count(*kind, |_| true);
        if found == 0 {
            bail!("self-test: {what} was not found");
        }
        println!("self-test: {what}: found in {found} pairs");
    }
    let found = shipped::self_test(lib, Cpu::X86, 8)?;
    println!("self-test: a full barrier in a wrong place of the library: found {found} of {found} times");
    let found = rust::self_test(judge)?;
    println!("self-test: a weaker ordering in Rust: found {found} of {found} times");
    Ok(())
}
